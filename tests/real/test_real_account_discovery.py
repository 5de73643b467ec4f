"""An account that is an address and a password: a real name server leads to its servers, and it signs in."""

from pathlib import Path

from tests.cli.command import run
from tests.servers.dane_postfix import DaneHosts
from tests.servers.mail_host import MailHost
from tests.servers.name_service import NameService
from tests.servers.policy_web import PolicyWeb
from tests.servers.sites import Sites

FOUND = {
    "complete.plain.test": "mail.complete.plain.test",
    "auto.plain.test": "mail.complete.plain.test",
    "guess.plain.test": "smtp.guess.plain.test",
}


def test_an_address_and_a_password_are_enough(
    name_service: NameService,
    policy_web: PolicyWeb,
    dane_hosts: DaneHosts,
    complete_host: MailHost,
    sites: Sites,
    tmp_path: Path,
) -> None:
    secret = tmp_path / "secret"
    secret.touch(mode=0o600)
    secret.write_text(complete_host.password)
    config = tmp_path / "mailport.yml"
    config.write_text(
        "discovery: {ispdb_url: 'https://ispdb.plain.test/v1.1/'}\naccounts:\n"
        + "".join(
            f"  - {{name: {domain}, username: probe@{domain}, password_file: secret}}\n"
            for domain in (*FOUND, "nowhere.plain.test")
        )
    )
    address, port = name_service.resolver
    outcome = run(
        *("accounts", "--config", config, "--format", "ndjson", "--resolver", f"{address}:{port}"),
        *("--ca-file", sites.ca_file, "--allow-private"),
    )
    assert outcome.status == 1
    found = {(one["account"], one["activity"]): one for one in outcome.records}
    for domain, host in FOUND.items():
        smtp, imap = found[domain, "smtp"], found[domain, "imap"]
        assert (smtp["success"], smtp["host"], smtp["port"]) == (True, host, 587), smtp
        assert (imap["success"], imap["port"]) == (True, 993), imap
    assert {found["nowhere.plain.test", one]["reason"] for one in ("smtp", "imap")} == {"no_server"}
    assert complete_host.password not in outcome.stdout + outcome.stderr
