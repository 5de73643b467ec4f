"""`openssl s_server`: implicit TLS of exactly the versions, certificate and staple that a test names."""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Protocol as Interface

import pytest

from scanner.model import Protocol, TlsMode
from tests.servers.process import find_program, running
from tests.servers.tls_certificates import CertificateZoo
from tests.servers.tls_place import (
    RELAXED_CIPHERS,
    VERSIONS,
    ServerFiles,
    TlsPlace,
    every_subset,
    label_of,
    openssl_name,
)

ADDRESS = "127.0.0.1"
DEMAND_CERTIFICATE = ("-Verify", "1", "-verify_return_error")
"""Options: no handshake without a client's certificate. With TLS 1.3 the client learns it only afterwards."""
_ACCEPTS = re.compile(r"^ACCEPT \S+:(\d+)$", re.MULTILINE)


def _arguments(files: ServerFiles, versions: frozenset[str]) -> list[str]:
    argv = ["-accept", f"{ADDRESS}:0", "-cipher", RELAXED_CIPHERS]
    argv += ["-cert", str(files.chain_file), "-key", str(files.key_file)]
    if files.rest_file is not None:
        argv += ["-cert_chain", str(files.rest_file)]
    if files.status_file is not None:
        argv += ["-status_file", str(files.status_file)]
    # With -rev it does not read its own input, which is closed here and would make it stop.
    argv += ["-rev"]
    for version in VERSIONS:
        if version not in versions:
            argv.append(f"-no_{openssl_name(version).lower().replace('v', '').replace('.', '_')}")
    return argv


def _port_in(log: Path) -> int | None:
    found = _ACCEPTS.search(log.read_text("utf-8", "replace")) if log.exists() else None
    return int(found[1]) if found else None


@contextmanager
def run_openssl_server(
    folder: Path, name: str, files: ServerFiles, versions: frozenset[str], options: Sequence[str] = ()
) -> Iterator[TlsPlace]:
    """Run it on a port of its own choice. It serves one client after the other, and speaks no mail."""
    folder.mkdir(parents=True)
    log = folder / "openssl.log"
    argv = [find_program("openssl", "openssl"), "s_server", *_arguments(files, versions), *options]
    with running(argv, is_ready=lambda: _port_in(log) is not None, logs=[log]):
        port = _port_in(log)
        assert port is not None
        yield TlsPlace(
            name, files.host, ADDRESS, port, Protocol.SMTP, TlsMode.IMPLICIT, versions, speaks_mail=False
        )


class StartOpensslServer(Interface):
    """What the fixture `start_openssl_server` hands out."""

    def __call__(
        self, kind: str = "rsa-2048", versions: frozenset[str] = ..., options: Sequence[str] = ()
    ) -> TlsPlace:
        """Serve a certificate of the zoo; the same question gets the same server again."""


@pytest.fixture(scope="session")
def start_openssl_server(
    server_folder: Path, certificate_zoo: CertificateZoo
) -> Iterator[StartOpensslServer]:
    """A function that starts an `openssl s_server`, which runs until the session ends."""
    running_ones: dict[tuple[str, frozenset[str], tuple[str, ...]], TlsPlace] = {}
    with ExitStack() as stack:

        def start(
            kind: str = "rsa-2048",
            versions: frozenset[str] = frozenset({"TLSv1.2", "TLSv1.3"}),
            options: Sequence[str] = (),
        ) -> TlsPlace:
            asked = (kind, versions, tuple(options))
            if asked not in running_ones:
                folder = server_folder / f"openssl-{len(running_ones)}"
                name = f"openssl {kind} {label_of(versions)}"
                files = certificate_zoo.files(kind)
                server = run_openssl_server(folder, name, files, versions, options)
                running_ones[asked] = stack.enter_context(server)
            return running_ones[asked]

        yield start


@pytest.fixture(scope="session")
def openssl_places(start_openssl_server: StartOpensslServer) -> Mapping[frozenset[str], TlsPlace]:
    """One `openssl s_server` for each choice of versions."""
    return {versions: start_openssl_server(versions=versions) for versions in every_subset()}
