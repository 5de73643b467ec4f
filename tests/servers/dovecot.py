"""A real Dovecot: IMAP and POP3 with and without implicit TLS, LMTP, and the sign-in service for Postfix."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.servers.certificates import Leaf
from tests.servers.process import find_program, greets, running

USER = "probe"
PASSWORD = "open-sesame"
MAIL_OWNER = "mail"

_CONFIGURATION = """\
base_dir = {state}/run
state_dir = {state}/state
instance_name = mailport-tests
log_path = {state}/dovecot.log
auth_verbose = yes
protocols = imap pop3 lmtp
listen = {address}
ssl = yes
ssl_cert = <{certificate}
ssl_key = <{key}
ssl_min_protocol = TLSv1.2
disable_plaintext_auth = yes
auth_mechanisms = plain login
auth_failure_delay = 0
login_trusted_networks =
mail_location = maildir:{mail}/%n
mail_uid = {owner}
mail_gid = {owner}
first_valid_uid = 1
first_valid_gid = 1
passdb {{
  driver = passwd-file
  args = scheme=PLAIN username_format=%n {state}/users
}}
userdb {{
  driver = static
  args = uid={owner} gid={owner} home={mail}/%n
}}
namespace inbox {{
  inbox = yes
  mailbox Junk {{
    special_use = \\Junk
  }}
}}
service anvil {{
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service auth {{
  unix_listener {state}/sasl {{
    mode = 0666
  }}
}}
service lmtp {{
  unix_listener {state}/lmtp {{
    mode = 0666
  }}
}}
"""


@dataclass(frozen=True, slots=True)
class Dovecot:
    """A running Dovecot on the ports 143, 993, 110 and 995 of an address."""

    address: str
    user: str
    password: str
    sasl_socket: Path
    lmtp_socket: Path
    mail_folder: Path
    log_file: Path


@contextmanager
def run_dovecot(state: Path, address: str, leaf: Leaf, more: str = "") -> Iterator[Dovecot]:
    """Run Dovecot with all its state in a folder, and its mail in maildirs named by the user below `mail`.

    `more` is configuration that comes last.
    """
    mail = state / "mail"
    mail.mkdir(parents=True)
    mail.chmod(0o777)
    (state / "users").write_text(f"{USER}:{{PLAIN}}{PASSWORD}::::::\n")
    configuration = state / "dovecot.conf"
    configuration.write_text(
        _CONFIGURATION.format(
            state=state,
            address=address,
            certificate=leaf.certificate_file,
            key=leaf.key_file,
            mail=mail,
            owner=MAIL_OWNER,
        )
        + more
    )
    log = state / "dovecot.log"
    program = find_program("dovecot", "dovecot-imapd, dovecot-pop3d and dovecot-lmtpd")
    with running(
        [program, "-F", "-c", str(configuration)],
        is_ready=lambda: greets(address, 143, b"* OK") and greets(address, 110, b"+OK"),
        logs=[state / "dovecot.out", log],
    ):
        yield Dovecot(address, USER, PASSWORD, state / "sasl", state / "lmtp", mail, log)
