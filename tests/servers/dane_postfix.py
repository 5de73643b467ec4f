"""Real mail servers at the addresses of the zones: a Postfix of many certificates, a complete host."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.servers.dovecot import run_dovecot
from tests.servers.mail_host import MailHost
from tests.servers.postfix import (
    DAEMON_FOLDER,
    DOMAIN,
    INSIDE,
    Postfix,
    make_queue,
    run_postfix,
    write_settings,
)
from tests.servers.process import find_program, greets, running
from tests.servers.sites import ODD_SUBMISSION_PORT, MailSite, Sites

# Postfix waits for up to two seconds until it takes a file that has just changed for whole.

_MAIN = """\
compatibility_level = 3.6
config_directory = {state}/etc
queue_directory = {state}/queue
data_directory = {state}/data
maillog_file = {state}/postfix.log
maillog_file_prefixes = {state}
mydestination =
inet_interfaces = loopback-only
inet_protocols = ipv4
smtpd_banner = $myhostname ESMTP $mail_name
smtpd_peername_lookup = no
smtpd_tls_protocols = >=TLSv1.2
smtpd_tls_mandatory_protocols = >=TLSv1.2
smtpd_tls_loglevel = 1
smtpd_relay_restrictions = reject_unauth_destination
smtpd_client_connection_count_limit = 0
mynetworks =
alias_maps =
alias_database =
local_recipient_maps =
default_transport = error:this server takes no mail
"""

_LISTENER = """\
{site.address}:{port} inet n - n - - smtpd
  -o syslog_name=postfix/{name}
  -o myhostname={site.host}
  -o smtpd_tls_chain_files={site.leaf.bundle_file}
  -o smtpd_tls_security_level={level}
"""


@dataclass(frozen=True, slots=True)
class DaneHosts:
    """A running Postfix with one listener a site; its log names the site (`postfix/ee/smtpd`)."""

    sites: Mapping[str, MailSite]
    postfix: Postfix


def _listeners(sites: Mapping[str, MailSite]) -> str:
    usual = "".join(
        _LISTENER.format(name=name, site=site, port=25, level="may" if site.offers_starttls else "none")
        for name, site in sites.items()
    )
    odd = _LISTENER.format(name="odd-port", site=sites["ca"], port=ODD_SUBMISSION_PORT, level="encrypt")
    return usual + odd


@contextmanager
def run_dane_hosts(state: Path, sites: Mapping[str, MailSite]) -> Iterator[DaneHosts]:
    """Run one Postfix that is a server of its own, by name and certificate, at each address."""
    program = find_program("master", "postfix", DAEMON_FOLDER)
    make_queue(state)
    write_settings(state, _MAIN.format(state=state))
    (state / "etc" / "master.cf").write_text(_listeners(sites) + INSIDE)
    log = state / "postfix.log"
    first = sites["ca"]
    with running(
        [program, "-d", "-c", str(state / "etc")],
        # The master opens all its ports before it starts a server for any.
        is_ready=lambda: greets(first.address, 25, f"220 {first.host} ".encode("ascii")),
        logs=[state / "postfix.out", log],
        env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C"},
    ):
        yield DaneHosts(sites, Postfix(first.host, first.address, log))


@pytest.fixture(scope="session")
def dane_hosts(server_folder: Path, sites: Sites) -> Iterator[DaneHosts]:
    """Port 25 of the sites `ca`, `ee`, `odd`, `ta` and `bare`, and the odd submission port at `ca`."""
    with run_dane_hosts(server_folder / "dane-hosts", sites.mail) as hosts:
        yield hosts


@pytest.fixture(scope="session")
def complete_host(server_folder: Path, sites: Sites) -> Iterator[MailHost]:
    """The host of `complete.plain.test` and `complete.secure.test`: Postfix and Dovecot on seven ports."""
    folder = server_folder / "complete-host"
    (folder / "dovecot").mkdir(parents=True)
    leaf = sites.complete_leaf
    name = leaf.names[0]
    with (
        run_dovecot(folder / "dovecot", sites.complete, leaf) as dovecot,
        run_postfix(folder / "postfix", name, sites.complete, leaf, dovecot) as postfix,
    ):
        yield MailHost(
            name,
            sites.complete,
            sites.ca_file,
            leaf,
            dovecot.user,
            dovecot.password,
            f"{dovecot.user}@{DOMAIN}",
            postfix,
            dovecot.log_file,
        )
