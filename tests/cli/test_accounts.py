"""`mailport accounts`: what it shows of good and bad accounts, its formats and status; no secret anywhere."""

import json
from pathlib import Path

from tests.cli.command import run
from tests.servers.mail_host import MailHost

WRONG = "hunter2-but-longer"


def write(folder: Path, host: MailHost, *, with_wrong: bool) -> Path:
    """Write settings with an account that works, and one whose password is wrong."""
    for name, secret in (("good", host.password), ("wrong", WRONG)):
        path = folder / f"{name}.secret"
        path.touch(mode=0o600)
        path.write_text(f"{secret}\n")
    text = f"probe: {{allow_private: true, ca_file: {host.ca_file}}}\naccounts:\n"
    for name in ("good", "wrong") if with_wrong else ("good",):
        text += (
            f"  - {{name: {name}, username: probe@mail.test, password_file: {name}.secret,\n"
            f"     smtp: '{host.address}:587', imap: '{host.address}:993', pop3: '{host.address}:995',\n"
            f"     allow_unverified: true}}\n"
        )
    config = folder / "mailport.yml"
    config.write_text(text)
    return config


def test_a_good_account_is_told_in_a_few_lines(mail_host: MailHost, tmp_path: Path) -> None:
    outcome = run("accounts", "--config", write(tmp_path, mail_host, with_wrong=False))
    assert outcome.status == 0, outcome
    assert outcome.stdout.splitlines()[0] == "good"
    assert outcome.stdout.splitlines()[-1] == "3 checks, all good"
    assert f"{mail_host.address}:587 STARTTLS" in outcome.stdout
    assert "1 mailbox" in outcome.stdout
    assert "allow_unverified hands its password to any server" in outcome.stderr
    assert mail_host.password not in outcome.stdout + outcome.stderr


def test_a_wrong_password_is_a_finding_with_advice(mail_host: MailHost, tmp_path: Path) -> None:
    config = write(tmp_path, mail_host, with_wrong=True)
    outcome = run("accounts", "--config", config)
    assert outcome.status == 1
    assert outcome.stdout.splitlines()[-1] == "6 checks, 1 failed, 2 not tried"
    assert "auth_failed" in outcome.stdout
    assert "Set it anew and paste it without spaces" in outcome.stdout
    assert WRONG not in outcome.stdout + outcome.stderr
    lines = run("accounts", "--config", config, "--format", "ndjson")
    assert {(one["account"], one["activity"]): one["reason"] for one in lines.records} == {
        **{("good", activity): None for activity in ("smtp", "imap", "pop3")},
        ("wrong", "smtp"): "auth_failed",
        **{("wrong", activity): "backed_off" for activity in ("imap", "pop3")},
    }
    (left_out,) = {one["detail"] for one in lines.records if one["reason"] == "backed_off"}
    assert left_out == "not tried: smtp has just refused the same sign-in (auth_failed)"
    assert "mailport accounts --force tries it now" in outcome.stdout
    array = json.loads(run("accounts", "--config", config, "--format", "json").stdout)
    assert [one["account"] for one in array] == ["good"] * 3 + ["wrong"] * 3
    assert WRONG not in lines.stdout + json.dumps(array)


def test_what_is_left_out_is_not_sent_and_force_sends_it(mail_host: MailHost, tmp_path: Path) -> None:
    config = write(tmp_path, mail_host, with_wrong=True)

    def refusals() -> int:
        asked = mail_host.dovecot_log_file.read_text("utf-8", "replace")
        return asked.count("Password mismatch") + asked.count("password mismatch")

    before = refusals()
    run("accounts", "--config", config)
    once = refusals()
    forced = run("accounts", "--config", config, "--force", "--format", "ndjson")
    assert once == before + 1
    assert refusals() == once + 3
    assert [one["reason"] for one in forced.records if one["account"] == "wrong"] == ["auth_failed"] * 3
    assert forced.status == 1


def test_a_store_that_cannot_be_read_is_told_and_the_accounts_are_tried(
    mail_host: MailHost, tmp_path: Path
) -> None:
    config = write(tmp_path, mail_host, with_wrong=False)
    (tmp_path / "mailport.db").write_text("no database at all, and long enough to be taken for one" * 40)
    config.write_text(f"{config.read_text()}store: sqlite:///{tmp_path / 'mailport.db'}\n")
    outcome = run("accounts", "--config", config)
    assert outcome.status == 0, outcome
    assert "so all accounts are tried, also those that mailport serve holds back" in outcome.stderr


def test_loopback_is_refused_unless_it_is_allowed(mail_host: MailHost, tmp_path: Path) -> None:
    config = write(tmp_path, mail_host, with_wrong=False)
    config.write_text(config.read_text().replace("allow_private: true, ", ""))
    outcome = run("accounts", "--config", config, "--format", "ndjson")
    assert {one["reason"] for one in outcome.records} == {"address_not_allowed"}
    assert run("accounts", "--config", config, "--allow-private").status == 0


def test_a_server_that_is_excluded_is_told_and_not_connected_to(mail_host: MailHost, tmp_path: Path) -> None:
    config = write(tmp_path, mail_host, with_wrong=False)
    path = tmp_path / "optout.txt"
    path.write_text(f"{mail_host.address}\n")
    outcome = run("accounts", "--config", config, "--exclude", path, "--format", "ndjson")
    assert {one["reason"] for one in outcome.records} == {"excluded"}
    assert outcome.status == 1
    path.unlink()
    missing = run("accounts", "--config", config, "--exclude", path)
    assert (missing.status, missing.stdout) == (2, "")
    assert "there is no such file" in missing.stderr


def test_without_accounts_it_says_how_to_add_one(tmp_path: Path) -> None:
    config = tmp_path / "mailport.yml"
    config.write_text("targets: [example.org]\n")
    outcome = run("accounts", "--config", config)
    assert outcome.status == 2
    assert outcome.stdout == ""
    assert "password_file:" in outcome.stderr
    example = outcome.stderr.partition("\n")[2]
    config.write_text(f"targets: [example.org]\n{example}")
    checked = run("check", config)
    assert checked.status == 0
    assert checked.stdout.endswith("good, 1 target, 1 account\n")
    assert "account support: cannot read password_file" in checked.stderr


def test_one_missing_secret_does_not_keep_the_other_account(mail_host: MailHost, tmp_path: Path) -> None:
    config = write(tmp_path, mail_host, with_wrong=True)
    (tmp_path / "wrong.secret").unlink()
    outcome = run("accounts", "--config", config, "--format", "ndjson")
    reasons = {(one["account"], one["reason"]) for one in outcome.records}
    assert reasons == {("good", None), ("wrong", "secret_missing")}
    assert "account wrong: cannot read password_file" in outcome.stderr


def test_bad_settings_of_an_account_are_told_with_their_line(tmp_path: Path) -> None:
    config = tmp_path / "mailport.yml"
    config.write_text("accounts:\n  - name: a\n    username: a@example.org\n    password: hunter2\n")
    outcome = run("accounts", "--config", config)
    assert outcome.status == 2
    assert "accounts[0].password: unknown key" in outcome.stderr
    assert "hunter2" not in outcome.stderr
