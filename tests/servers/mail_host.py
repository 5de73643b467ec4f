"""One host with all seven mail ports (a real Postfix and a real Dovecot), and one behind postscreen."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.servers.certificates import Authority, Leaf
from tests.servers.dovecot import run_dovecot
from tests.servers.postfix import DOMAIN, GREET_WAIT_SECONDS, Postfix, run_postfix, run_postscreen
from tests.servers.process import reserved_address

NAME = "real.mail.test"
SCREENED_NAME = "screened.mail.test"
MAIL_PORTS = (25, 465, 587, 143, 993, 110, 995)


@dataclass(frozen=True, slots=True)
class MailHost:
    """A mail server as a scanner meets it: 25, 465, 587, 143, 993, 110 and 995 on one address."""

    name: str
    address: str
    ca_file: Path
    leaf: Leaf
    user: str
    """The only user; signs in with this name or with `mailbox`."""
    password: str
    mailbox: str
    """The user's mail address; what Postfix takes for it, Dovecot shows over IMAP and POP3."""
    postfix: Postfix
    dovecot_log_file: Path


@dataclass(frozen=True, slots=True)
class ScreenedHost:
    """A host with port 25 behind postscreen."""

    name: str
    address: str
    ca_file: Path
    greet_wait: float
    """Seconds between the first line of the greeting and the last."""
    postfix: Postfix


@pytest.fixture(scope="session")
def mail_host(server_folder: Path, authority: Authority) -> Iterator[MailHost]:
    """A real Postfix and Dovecot on all seven ports of one loopback address."""
    folder = server_folder / "mail-host"
    with reserved_address("127.0.25", MAIL_PORTS) as address:
        leaf = authority.issue(NAME)
        (folder / "dovecot").mkdir(parents=True)
        with (
            run_dovecot(folder / "dovecot", address, leaf) as dovecot,
            run_postfix(folder / "postfix", NAME, address, leaf, dovecot) as postfix,
        ):
            yield MailHost(
                NAME,
                address,
                authority.ca_file,
                leaf,
                dovecot.user,
                dovecot.password,
                f"{dovecot.user}@{DOMAIN}",
                postfix,
                dovecot.log_file,
            )


@pytest.fixture(scope="session")
def screened_host(server_folder: Path, authority: Authority) -> Iterator[ScreenedHost]:
    """A real Postfix with postscreen on port 25: a greeting in two parts with a wait between."""
    with reserved_address("127.0.25", [25]) as address:
        leaf = authority.issue(SCREENED_NAME)
        with run_postscreen(server_folder / "screened", SCREENED_NAME, address, leaf) as postfix:
            yield ScreenedHost(SCREENED_NAME, address, authority.ca_file, float(GREET_WAIT_SECONDS), postfix)
