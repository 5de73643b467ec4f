"""The section `accounts`: what it takes, what it refuses and why, and that no secret shows anywhere."""

from pathlib import Path

import pytest

from scanner.config import ConfigError, Settings, parse_settings
from scanner.config.account_secrets import SecretError, find_secret_warnings, read_password
from scanner.config.account_settings import Account
from scanner.config.account_values import AccountServer
from scanner.model.account import AccountTls, Activity
from scanner.model.published import UserName

PASSWORD = "tr0ub4dor & 3"


def read(text: str, base: Path = Path()) -> Settings:
    return parse_settings(text, source="mailport.yml", base=base, environ={}, require_targets=False)


def read_one(*lines: str, base: Path = Path()) -> Account:
    head = ["name: support", "username: jane@example.org", "password_file: secret", *lines]
    return read("accounts:\n  - " + "\n    ".join(head), base).accounts[0]


def refuse(*lines: str) -> str:
    with pytest.raises(ConfigError) as caught:
        read("accounts:\n  - " + "\n    ".join(lines))
    return str(caught.value)


def test_the_shortest_account_signs_in_where_its_address_lives_and_politely() -> None:
    account = read_one()
    assert (account.wanted_domain, account.activities) == ("example.org", (Activity.SMTP, Activity.IMAP))
    assert (account.interval, account.mechanism, account.user_form) == (900.0, "auto", UserName.FULL_ADDRESS)
    assert not account.allow_unencrypted
    assert not account.allow_unverified
    assert not account.makes_round_trips


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("mail.example.org:587", AccountServer("mail.example.org", 587, AccountTls.STARTTLS)),
        ("MAIL.example.org:465", AccountServer("mail.example.org", 465, AccountTls.IMPLICIT)),
        ("mail.example.org:2525:starttls", AccountServer("mail.example.org", 2525, AccountTls.STARTTLS)),
        ("'[2001:db8::1]:2465:ssl'", AccountServer("2001:db8::1", 2465, AccountTls.IMPLICIT)),
    ],
)
def test_a_server_is_a_host_a_port_and_a_mode(written: str, meant: AccountServer) -> None:
    account = read_one(f"smtp: {written}")
    assert account.server(Activity.SMTP) == meant
    assert account.activities == (Activity.SMTP,)
    assert account.wanted_domain is None


def test_with_a_domain_what_is_not_given_is_found() -> None:
    account = read_one("domain: example.net", "imap: imap.example.net:993", "pop3: true")
    assert account.activities == (Activity.SMTP, Activity.IMAP, Activity.POP3)
    assert account.server(Activity.SMTP) is None
    assert account.wanted_domain == "example.net"
    assert read_one("smtp: false").activities == (Activity.IMAP,)


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        (["imap: mail.example.org:587"], "port 587 is for smtp"),
        (["imap: mail.example.org:1143"], "say how port 1143 is encrypted"),
        (["imap: mail.example.org:143:none"], "would send the password in clear"),
        (["imap: mail.example.org:143:tls13"], "HOST:PORT:MODE"),
        (["smtp: false", "imap: false"], "checks nothing"),
        (["password_env: X"], "keep one"),
        (["mechanism: xoauth2"], "replace the password by token_command"),
        (["mechanism: cram-md5"], "one of auto, plain, login, xoauth2"),
        (["interval: 5s"], "60 s or more"),
        (["roundtrip: {interval: 1m}"], "300 s or more"),
        (["roundtrip: {receive: pop3}"], "roundtrip needs pop3"),
        (["pasword_file: x"], "did you mean password_file?"),
        (["roundtrip: {from: a@b.example}"], "unknown key"),
    ],
)
def test_what_cannot_work_is_refused_with_its_reason_and_line(lines: list[str], why: str) -> None:
    text = refuse("name: a", "username: jane@example.org", "password_file: secret", *lines)
    assert why in text
    assert "mailport.yml:" in text
    assert "accounts[0]" in text


def test_an_account_needs_one_secret_and_a_name_of_its_own() -> None:
    assert "password_file, password_env or token_command" in refuse("name: a", "username: jane@example.org")
    one = "{name: a, username: jane@example.org, password_file: s}"
    with pytest.raises(ConfigError, match="is the name of two accounts"):
        read(f"accounts: [{one}, {one}]")


def test_a_token_command_is_a_list_and_its_arguments_are_never_shown() -> None:
    text = refuse("name: a", "username: jane@example.org", f"token_command: /bin/token {PASSWORD}")
    assert "must be a list" in text
    assert PASSWORD not in text
    settings = read(
        f"accounts: [{{name: a, username: jane@example.org, token_command: [/bin/token, '{PASSWORD}']}}]"
    )
    assert PASSWORD not in settings.masked()
    assert PASSWORD not in repr(settings)
    assert PASSWORD not in str(settings.accounts[0])


def test_settings_with_accounts_are_written_and_read_back() -> None:
    account = read_one("imap: mail.example.org:993", "roundtrip: {enabled: false}")
    settings = Settings(accounts=(account,))
    assert Settings.model_validate(settings.as_document() | {"targets": ()}).accounts == (account,)


def test_a_secret_is_read_anew_and_shows_nothing(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(PASSWORD + "\n")
    account = read_one(base=tmp_path)
    secret = read_password(account, {})
    assert secret is not None
    assert secret.reveal() == PASSWORD
    assert PASSWORD not in f"{secret} {secret!r}"
    (tmp_path / "secret").write_text("another\n")
    again = read_password(account, {})
    assert again is not None
    assert again.reveal() == "another"


@pytest.mark.parametrize("content", ["", "\n", f"{PASSWORD}\nmore", "nul\0"])
def test_a_file_that_holds_no_single_line_is_refused_without_its_content(
    tmp_path: Path, content: str
) -> None:
    (tmp_path / "secret").write_text(content)
    with pytest.raises(SecretError, match="nothing else, in one line") as caught:
        read_password(read_one(base=tmp_path), {})
    assert PASSWORD not in str(caught.value)


def test_a_missing_secret_names_the_account_and_the_others_start(tmp_path: Path) -> None:
    settings = read(
        "accounts:\n"
        "  - {name: first, username: a@example.org, password_file: absent}\n"
        "  - {name: second, username: b@example.org, password_env: SECOND}\n",
        tmp_path,
    )
    warnings = list(find_secret_warnings(settings.accounts, {"SECOND": PASSWORD}))
    assert len(warnings) == 1
    assert warnings[0].startswith("account first: cannot read password_file")
    assert "there is no such file" in warnings[0]
    assert read_password(settings.accounts[1], {"SECOND": PASSWORD}) is not None


def test_a_secret_that_all_users_can_read_and_what_is_allowed_are_warnings(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_text(PASSWORD)
    path.chmod(0o644)
    account = read_one("allow_unencrypted: true", "allow_unverified: true", base=tmp_path)
    warnings = " ".join(find_secret_warnings([account], {}))
    assert f"chmod 600 {path}" in warnings
    assert "in clear" in warnings
    assert "any server that claims the name" in warnings
    assert PASSWORD not in warnings
    path.chmod(0o600)
    assert list(find_secret_warnings([read_one(base=tmp_path)], {})) == []


@pytest.mark.parametrize(
    ("second", "are_one"),
    [
        ("username: jane@example.org, imap: 'imap.example.org:993'", True),
        ("username: Jane@example.org, pop3: 'pop.example.org:995'", True),
        ("username: jane@example.org, domain: mail.example.org", True),
        ("username: jane@example.org, imap: 'mail.elsewhere.example:993'", False),
        ("username: john@example.org", False),
    ],
)
def test_two_accounts_of_one_user_are_a_warning_since_each_is_held_back_by_itself(
    tmp_path: Path, second: str, are_one: bool
) -> None:
    settings = read(
        "accounts:\n"
        "  - {name: first, username: jane@example.org, password_env: SECRET}\n"
        f"  - {{name: second, {second}, password_env: SECRET}}\n",
        tmp_path,
    )
    warnings = list(find_secret_warnings(settings.accounts, {"SECRET": PASSWORD}))
    assert [each.startswith("accounts first and second sign in") for each in warnings] == [True] * are_one


def test_a_folder_in_the_place_of_the_secret_is_told_once_and_not_to_be_chmodded(tmp_path: Path) -> None:
    (tmp_path / "secret").mkdir(mode=0o755)
    (warning,) = find_secret_warnings([read_one(base=tmp_path)], {})
    assert "this is a directory, not a file" in warning


def test_what_does_not_fit_together_is_told_all_at_once() -> None:
    why = refuse("name: support", "username: jane", "imap: mail.example.org:143:none", "roundtrip: {}")
    for part in (
        "has no password",
        "imap would send the password in clear to mail.example.org",
        "roundtrip needs sender",
        "roundtrip needs smtp",
    ):
        assert f"mailport.yml:2: accounts[0]: {part}" in why
