"""A real Postfix: port 25 for other servers, 587 and 465 for clients, or port 25 behind postscreen."""

import grp
import os
import pwd
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.servers.certificates import Leaf
from tests.servers.dovecot import MAIL_OWNER, Dovecot
from tests.servers.process import find_program, greets, running

DAEMON_FOLDER = "/usr/lib/postfix/sbin"
DOMAIN = "mail.test"
GREET_WAIT_SECONDS = 2
TEASER = "wait for it"
LONG_AGO = 1_000_000_000

_MAIN = """\
compatibility_level = 3.6
config_directory = {state}/etc
queue_directory = {state}/queue
data_directory = {state}/data
maillog_file = {log}
maillog_file_prefixes = {state}
myhostname = {name}
mydomain = {domain}
mydestination =
inet_interfaces = loopback-only
inet_protocols = ipv4
smtpd_banner = $myhostname ESMTP $mail_name
smtpd_peername_lookup = no
smtpd_tls_chain_files = {bundle}
smtpd_tls_security_level = may
smtpd_tls_protocols = >=TLSv1.2
smtpd_tls_mandatory_protocols = >=TLSv1.2
smtpd_tls_loglevel = 1
smtpd_relay_restrictions = permit_sasl_authenticated, reject_unauth_destination
smtpd_sasl_type = dovecot
smtpd_sasl_path = {sasl}
smtpd_client_connection_count_limit = 0
mynetworks =
alias_maps =
alias_database =
local_recipient_maps =
virtual_mailbox_domains = {domain}
virtual_mailbox_base = {mail}
virtual_mailbox_maps = inline:{{
  {{ {user}@{domain} = {user}/ }}, {{ {user}-junk@{domain} = {user}/.Junk/ }},
  {{ {user}-lost@{domain} = lost/ }} }}
virtual_transport = {transport}
transport_maps = inline:{{ {{ {user}-junk@{domain} = virtual: }}, {{ {user}-lost@{domain} = virtual: }} }}
virtual_alias_maps = inline:{{ {{ {user}-back@{domain} = somebody@elsewhere.test }} }}
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{gid}
virtual_minimum_uid = 1
default_transport = error:this server keeps its mail to itself
postscreen_access_list =
postscreen_cache_map =
postscreen_greet_action = enforce
postscreen_greet_ttl = 1s
postscreen_greet_banner = $myhostname ESMTP {teaser}
postscreen_greet_wait = {greet_wait}s
"""

INSIDE = """\
cleanup    unix n - n - 0 cleanup
qmgr       unix n - n 300 1 qmgr
tlsmgr     unix - - n 1000? 1 tlsmgr
rewrite    unix - - n - - trivial-rewrite
bounce     unix - - n - 0 bounce
defer      unix - - n - 0 bounce
trace      unix - - n - 0 bounce
verify     unix - - n - 1 verify
proxymap   unix - - n - - proxymap
error      unix - - n - - error
retry      unix - - n - - error
virtual    unix - n n - - virtual
lmtp       unix - - n - - lmtp
anvil      unix - - n - 1 anvil
scache     unix - - n - 1 scache
postlog    unix-dgram n - n - 1 postlogd
"""

_SEVEN_PORTS = """\
{address}:25 inet n - n - - smtpd
{address}:587 inet n - n - - smtpd
  -o syslog_name=postfix/submission
  -o smtpd_tls_security_level=encrypt
  -o smtpd_sasl_auth_enable=yes
  -o smtpd_tls_auth_only=yes
{address}:465 inet n - n - - smtpd
  -o syslog_name=postfix/smtps
  -o smtpd_tls_wrappermode=yes
  -o smtpd_sasl_auth_enable=yes
"""

_POSTSCREEN = """\
{address}:25 inet n - n - 1 postscreen
smtpd      pass - - n - - smtpd
dnsblog    unix - - n - 0 dnsblog
tlsproxy   unix - - n - 0 tlsproxy
"""


@dataclass(frozen=True, slots=True)
class Postfix:
    """A running Postfix; its log tells what clients did, line by line, as the disk has it."""

    name: str
    address: str
    log_file: Path

    def log_text(self) -> str:
        """Return the whole log so far."""
        return self.log_file.read_text("utf-8", "replace") if self.log_file.exists() else ""


def make_queue(state: Path) -> None:
    """Lay out the folders with the owners that Postfix insists on, so that its own scripts need not run."""
    for name in ("etc", "queue", "data"):
        (state / name).mkdir(parents=True)
    shutil.chown(state / "data", "postfix", "postfix")
    queue = state / "queue"
    (queue / "pid").mkdir()
    for name in (
        "active",
        "bounce",
        "corrupt",
        "defer",
        "deferred",
        "flush",
        "hold",
        "incoming",
        "saved",
        "trace",
    ):
        (queue / name).mkdir(mode=0o700)
        shutil.chown(queue / name, "postfix")
    for name, mode, group in (
        ("private", 0o700, "root"),
        ("public", 0o710, "postdrop"),
        ("maildrop", 0o730, "postdrop"),
    ):
        (queue / name).mkdir()
        shutil.chown(queue / name, "postfix", group)
        (queue / name).chmod(mode)


def write_settings(state: Path, text: str) -> None:
    """Write main.cf with a date of long ago: Postfix waits up to two seconds while it is fresh."""
    path = state / "etc" / "main.cf"
    path.write_text(text)
    os.utime(path, (LONG_AGO, LONG_AGO))


def _write_configuration(
    state: Path, name: str, address: str, leaf: Leaf, dovecot: Dovecot | None, more: str
) -> None:
    services = _SEVEN_PORTS if dovecot else _POSTSCREEN
    (state / "etc" / "master.cf").write_text(services.format(address=address) + INSIDE)
    write_settings(
        state,
        _MAIN.format(
            state=state,
            log=state / "postfix.log",
            name=name,
            domain=DOMAIN,
            address=address,
            bundle=leaf.bundle_file,
            sasl=dovecot.sasl_socket if dovecot else "private/none",
            transport=f"lmtp:unix:{dovecot.lmtp_socket}" if dovecot else "virtual",
            mail=dovecot.mail_folder if dovecot else state / "data",
            user=dovecot.user if dovecot else "nobody",
            uid=pwd.getpwnam(MAIL_OWNER).pw_uid,
            gid=grp.getgrnam(MAIL_OWNER).gr_gid,
            teaser=TEASER,
            greet_wait=GREET_WAIT_SECONDS,
        )
        + more,
    )


@contextmanager
def _run(
    state: Path, name: str, address: str, leaf: Leaf, dovecot: Dovecot | None, more: str = ""
) -> Iterator[Postfix]:
    program = find_program("master", "postfix", DAEMON_FOLDER)
    make_queue(state)
    _write_configuration(state, name, address, leaf, dovecot, more)
    log = state / "postfix.log"
    with running(
        [program, "-d", "-c", str(state / "etc")],
        is_ready=lambda: greets(address, 25, b"220"),
        logs=[state / "postfix.out", log],
        env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C"},
    ):
        yield Postfix(name, address, log)


@contextmanager
def run_postfix(
    state: Path, name: str, address: str, leaf: Leaf, dovecot: Dovecot, more: str = ""
) -> Iterator[Postfix]:
    """Run Postfix on the ports 25, 587 and 465, with Dovecot to check passwords and to take the mail by LMTP.

    What is for the folder of junk, or lost on purpose, goes into its maildir past Dovecot.

    `more` comes last in main.cf.
    """
    with _run(state, name, address, leaf, dovecot, more) as postfix:
        yield postfix


@contextmanager
def run_postscreen(state: Path, name: str, address: str, leaf: Leaf) -> Iterator[Postfix]:
    """Run Postfix on port 25 behind postscreen.

    Every client gets half a banner (`220-`) and then waits GREET_WAIT_SECONDS for the rest; one that talks
    before that is refused. Nothing is kept on disk, so every client is tested anew; only one that comes again
    within the moment in which its last connection is being handed over is let through untested.
    """
    with _run(state, name, address, leaf, None) as postfix:
        yield postfix
