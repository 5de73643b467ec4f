"""A mail host that does as Gmail does: what is expunged is archived, but for what lies in the trash."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers.certificates import Authority
from tests.servers.dovecot import run_dovecot
from tests.servers.mail_host import MAIL_PORTS
from tests.servers.mailbox import Mailbox
from tests.servers.postfix import run_postfix
from tests.servers.process import reserved_address

NAME = "archive.mail.test"
_DOVECOT = """\
imap_capability = +X-GM-EXT-1
mail_plugins = lazy_expunge
plugin {
  lazy_expunge = Archive
  lazy_expunge_exclude = \\Trash
  lazy_expunge_only_last_instance = yes
}
namespace inbox {
  mailbox Archive {
    auto = create
  }
  mailbox Bin {
    auto = create
    special_use = \\Trash
  }
}
"""


@pytest.fixture(scope="session")
def archiving_host(server_folder: Path, authority: Authority) -> Iterator[Mailbox]:
    """A real Postfix and Dovecot, with the name of Gmail's extension among what IMAP can do."""
    folder = server_folder / "archiving-host"
    (folder / "dovecot").mkdir(parents=True)
    with reserved_address("127.0.29", MAIL_PORTS) as address:
        leaf = authority.issue(NAME)
        with (
            run_dovecot(folder / "dovecot", address, leaf, _DOVECOT) as dovecot,
            run_postfix(folder / "postfix", NAME, address, leaf, dovecot) as postfix,
        ):
            yield Mailbox(NAME, address, authority.ca_file, dovecot, postfix)


@pytest.fixture
def archive(archiving_host: Mailbox) -> Iterator[Mailbox]:
    """Its mailbox, empty."""
    yield archiving_host
    for folder in archiving_host.dovecot.mail_folder.iterdir():
        shutil.rmtree(folder, ignore_errors=True)
