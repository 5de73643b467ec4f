"""Postfix, Dovecot and stunnel, each made to serve one choice of TLS versions at each of many addresses."""

import os
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from scanner.model import PORTS, Protocol, TlsMode
from tests.servers.listener import run_listener, talk_in_clear
from tests.servers.postfix import DAEMON_FOLDER, INSIDE, LONG_AGO, make_queue
from tests.servers.process import accepts, find_program, greets, reserved_address, running
from tests.servers.tls_certificates import CertificateZoo
from tests.servers.tls_place import (
    VERSIONS,
    ServerFiles,
    TlsPlace,
    every_subset,
    forbidden_by,
    label_of,
    openssl_name,
)

NETWORK = "127.0.34"
SMTP_PORTS = (25, 587, 465)
ACCESS_PORTS = (143, 110, 993, 995)
IMPLICIT_PORTS = (465, 993, 995)
Choice = frozenset[str]
Farm = Mapping[tuple[Choice, int], TlsPlace]
"""The places by their versions and port."""

_POSTFIX_MAIN = """\
compatibility_level = 3.6
config_directory = {state}/etc
queue_directory = {state}/queue
data_directory = {state}/data
maillog_file = {state}/postfix.log
maillog_file_prefixes = {state}
myhostname = {files.host}
mydestination =
inet_interfaces = loopback-only
inet_protocols = ipv4
smtpd_banner = $myhostname ESMTP $mail_name
smtpd_peername_lookup = no
smtpd_tls_chain_files = {files.bundle_file}
smtpd_tls_security_level = may
smtpd_tls_loglevel = 1
smtpd_tls_ciphers = medium
smtpd_tls_mandatory_ciphers = medium
tls_medium_cipherlist = DEFAULT:@SECLEVEL=0
smtpd_relay_restrictions = reject_unauth_destination
smtpd_client_connection_count_limit = 0
smtpd_client_connection_rate_limit = 0
mynetworks =
alias_maps =
alias_database =
local_recipient_maps =
default_transport = error:this server takes no mail
"""

_POSTFIX_LISTENER = """\
{address}:{port} inet n - n - - smtpd
  -o syslog_name=postfix/{label}
  -o smtpd_tls_protocols={protocols}
  -o smtpd_tls_mandatory_protocols={protocols}
  -o smtpd_tls_wrappermode={wrapped}
"""

_DOVECOT = """\
base_dir = {state}/run
state_dir = {state}/state
instance_name = mailport-tls
log_path = {state}/dovecot.log
protocols = imap pop3
listen = {listen}
ssl = yes
ssl_cert = <{files.chain_file}
ssl_key = <{files.key_file}
ssl_cipher_list = DEFAULT:@SECLEVEL=0
mail_location = maildir:{state}/mail/%n
passdb {{
  driver = static
  args = nopassword=y
}}
service anvil {{
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
"""

_DOVECOT_ADDRESS = """\
local {address} {{
  ssl_min_protocol = {lowest}
}}
"""

_STUNNEL = """\
foreground = yes
pid =
syslog = no
debug = notice
cert = {files.chain_file}
key = {files.key_file}
ciphers = DEFAULT:@SECLEVEL=0
securityLevel = 0
"""

_STUNNEL_SERVICE = """\
[{label}-{port}]
accept = {address}:{port}
connect = {clear}
sslVersionMin = {lowest}
sslVersionMax = {highest}
"""


def _place(server: str, files: ServerFiles, address: str, port: int, versions: Choice) -> TlsPlace:
    row = PORTS[port]
    name = f"{server} {label_of(versions)} {port}"
    return TlsPlace(name, files.host, address, port, row.protocol, row.tls_mode, versions)


def _places(server: str, files: ServerFiles, addresses: Mapping[Choice, str], ports: tuple[int, ...]) -> Farm:
    return {
        (versions, port): _place(server, files, address, port, versions)
        for versions, address in addresses.items()
        for port in ports
    }


def _postfix_listeners(addresses: Mapping[Choice, str]) -> str:
    return "".join(
        _POSTFIX_LISTENER.format(
            address=address,
            port=port,
            label=label_of(versions),
            protocols=",".join(["!SSLv2", "!SSLv3", *(f"!{name}" for name in forbidden_by(versions))]),
            wrapped="yes" if PORTS[port].tls_mode is TlsMode.IMPLICIT else "no",
        )
        for versions, address in addresses.items()
        for port in SMTP_PORTS
    )


@contextmanager
def run_postfix_farm(state: Path, files: ServerFiles, addresses: Mapping[Choice, str]) -> Iterator[Farm]:
    """Run one Postfix that serves other versions at each address, on 25, 587 and 465."""
    make_queue(state)
    settings = state / "etc" / "main.cf"
    settings.write_text(_POSTFIX_MAIN.format(state=state, files=files))
    os.utime(settings, (LONG_AGO, LONG_AGO))
    (state / "etc" / "master.cf").write_text(_postfix_listeners(addresses) + INSIDE)
    first = next(iter(addresses.values()))
    with running(
        [find_program("master", "postfix", DAEMON_FOLDER), "-d", "-c", str(state / "etc")],
        # The master opens all its ports before it starts a server for any.
        is_ready=lambda: greets(first, 25, b"220"),
        logs=[state / "postfix.out", state / "postfix.log"],
        env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C"},
    ):
        yield _places("postfix", files, addresses, SMTP_PORTS)


@contextmanager
def run_dovecot_farm(state: Path, files: ServerFiles, addresses: Mapping[Choice, str]) -> Iterator[Farm]:
    """Run one Dovecot that serves other versions at each address, on 143, 110, 993 and 995.

    Each choice is a version and all above it: Dovecot knows no holes and no upper end.
    """
    (state / "mail").mkdir(parents=True)
    configuration = state / "dovecot.conf"
    parts = [_DOVECOT.format(state=state, files=files, listen=" ".join(addresses.values()))]
    parts += [
        _DOVECOT_ADDRESS.format(address=address, lowest=openssl_name(min(versions)))
        for versions, address in addresses.items()
    ]
    configuration.write_text("".join(parts))
    last = list(addresses.values())[-1]
    with running(
        [find_program("dovecot", "dovecot-imapd and dovecot-pop3d"), "-F", "-c", str(configuration)],
        is_ready=lambda: greets(last, 143, b"* OK") and greets(last, 110, b"+OK"),
        logs=[state / "dovecot.out", state / "dovecot.log"],
    ):
        yield _places("dovecot", files, addresses, ACCESS_PORTS)


def _stunnel_services(addresses: Mapping[Choice, str], clear: Mapping[int, str]) -> str:
    parts = []
    for versions, address in addresses.items():
        in_order = [openssl_name(version) for version in VERSIONS if version in versions]
        for port in IMPLICIT_PORTS:
            parts.append(
                _STUNNEL_SERVICE.format(
                    label=label_of(versions),
                    address=address,
                    port=port,
                    clear=clear[port],
                    lowest=in_order[0],
                    highest=in_order[-1],
                )
            )
            parts += [f"options = NO_{name.replace('.', '_')}\n" for name in forbidden_by(versions)]
    return "".join(parts)


@contextmanager
def run_stunnel_farm(state: Path, files: ServerFiles, addresses: Mapping[Choice, str]) -> Iterator[Farm]:
    """Run one stunnel before plain SMTP, IMAP and POP3; other versions at each address."""
    state.mkdir(parents=True)
    configuration = state / "stunnel.conf"
    log = state / "stunnel.log"
    last = list(addresses.values())[-1]
    with ExitStack() as stack:
        clear = {}
        for port in IMPLICIT_PORTS:
            plain = stack.enter_context(run_listener("127.0.0.1", 0, _serve_plain(PORTS[port].protocol)))
            clear[port] = f"{plain.address}:{plain.port}"
        configuration.write_text(_STUNNEL.format(files=files) + _stunnel_services(addresses, clear))
        argv = [find_program("stunnel", "stunnel4"), str(configuration)]
        # It opens its ports in the order of its services.
        with running(argv, is_ready=lambda: accepts(last, IMPLICIT_PORTS[-1]), logs=[log]):
            yield _places("stunnel", files, addresses, IMPLICIT_PORTS)


def _serve_plain(protocol: Protocol) -> Callable[[socket.socket], None]:
    def serve(connection: socket.socket) -> None:
        talk_in_clear(connection, protocol, offers_tls=False)

    return serve


@contextmanager
def _addresses(ports: tuple[int, ...], choices: list[Choice]) -> Iterator[dict[Choice, str]]:
    with ExitStack() as stack:
        yield {choice: stack.enter_context(reserved_address(NETWORK, ports)) for choice in choices}


@pytest.fixture(scope="session")
def postfix_farm(server_folder: Path, certificate_zoo: CertificateZoo) -> Iterator[Farm]:
    """Postfix with each choice of versions (holes too), each on 25, 587 (STARTTLS) and 465."""
    files = certificate_zoo.files("rsa-2048")
    with (
        _addresses(SMTP_PORTS, every_subset()) as addresses,
        run_postfix_farm(server_folder / "tls-postfix", files, addresses) as farm,
    ):
        yield farm


@pytest.fixture(scope="session")
def dovecot_farm(server_folder: Path, certificate_zoo: CertificateZoo) -> Iterator[Farm]:
    """Dovecot from each version upwards, each on 143, 110 (STARTTLS), 993 and 995."""
    files = certificate_zoo.files("rsa-2048")
    choices = [frozenset(VERSIONS[start:]) for start in range(len(VERSIONS))]
    with (
        _addresses(ACCESS_PORTS, choices) as addresses,
        run_dovecot_farm(server_folder / "tls-dovecot", files, addresses) as farm,
    ):
        yield farm


@pytest.fixture(scope="session")
def stunnel_farm(server_folder: Path, certificate_zoo: CertificateZoo) -> Iterator[Farm]:
    """Stunnel with each choice of versions (holes too), each on 465, 993 and 995, before plain servers."""
    files = certificate_zoo.files("rsa-2048")
    with (
        _addresses(IMPLICIT_PORTS, every_subset()) as addresses,
        run_stunnel_farm(server_folder / "tls-stunnel", files, addresses) as farm,
    ):
        yield farm
