"""Real servers that answer raw ClientHellos: two releases of OpenSSL, with any set of versions."""

import contextlib
import ssl
import warnings
from collections.abc import Callable, Collection
from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from OpenSSL import SSL

from scanner.protocol.client_hello import VERSIONS, Hello
from scanner.protocol.group_walk import GroupWalk
from scanner.protocol.server_hello import Answer, AnswerReader
from scanner.protocol.version_walk import VersionWalk
from scanner.protocol.wants import End
from tests.protocol.identities import Identity
from tests.protocol.tls_server import TlsServer

Reply = Callable[[bytes], bytes]
"""Returns what a server sends for these bytes, on a connection of its own."""

TLS_VERSIONS = VERSIONS[2:]
WEAK, DEFAULT = "ALL:@SECLEVEL=0", "DEFAULT:@SECLEVEL=2"

_OFF_HERE = {
    "TLSv1.0": SSL.OP_NO_TLSv1,
    "TLSv1.1": SSL.OP_NO_TLSv1_1,
    "TLSv1.2": SSL.OP_NO_TLSv1_2,
    "TLSv1.3": SSL.OP_NO_TLSv1_3,
}
_OFF_THERE = {
    "TLSv1.0": ssl.OP_NO_TLSv1,
    "TLSv1.1": ssl.OP_NO_TLSv1_1,
    "TLSv1.2": ssl.OP_NO_TLSv1_2,
    "TLSv1.3": ssl.OP_NO_TLSv1_3,
}


def bundled(identity: Identity, versions: Collection[str], ciphers: str = WEAK) -> Reply:
    """Return a server by the OpenSSL that comes with cryptography."""
    server = TlsServer(identity, "TLSv1.0", "TLSv1.3", ciphers.encode())
    for version in set(TLS_VERSIONS) - set(versions):
        server.context.set_options(_OFF_HERE[version])

    def reply(data: bytes) -> bytes:
        end = server.accept()
        end.feed(data)
        with contextlib.suppress(SSL.Error):
            end.handshake()
        return end.take()

    return reply


def write_identity(identity: Identity, folder: Path) -> Path:
    """Write a key and its chain into one file, where the ssl module wants them."""
    key = identity.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    chain = b"".join(certificate.public_bytes(Encoding.PEM) for certificate in identity.chain)
    path = folder / "identity.pem"
    path.write_bytes(key + chain)
    return path


def system_context(identity: Path, versions: Collection[str], ciphers: str) -> ssl.SSLContext:
    """Return a server's context by the OpenSSL that Python's ssl module was built with."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(identity)
    context.set_ciphers(ciphers)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # old versions are what is tested
        context.minimum_version = ssl.TLSVersion.TLSv1
        for version in set(TLS_VERSIONS) - set(versions):
            context.options |= _OFF_THERE[version]
    return context


def system(identity: Path, versions: Collection[str], ciphers: str = WEAK) -> Reply:
    """Return a server by that OpenSSL."""
    context = system_context(identity, versions, ciphers)

    def reply(data: bytes) -> bytes:
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        end = context.wrap_bio(incoming, outgoing, server_side=True)
        incoming.write(data)
        with contextlib.suppress(ssl.SSLError):
            end.do_handshake()
        return outgoing.read()

    return reply


def answer_of(reply: Reply, hello: bytes) -> Answer:
    """Return what a reader makes of a server's reply."""
    reader = AnswerReader()
    return reader.feed(reply(hello)) or reader.end(End.CLOSED)


def by(reply: Reply) -> Callable[[Hello], Answer]:
    """Return what answers a walk's hellos by that server."""
    return lambda hello: answer_of(reply, hello.data)


def walk_by(walk: VersionWalk | GroupWalk, answer: Callable[[Hello], Answer]) -> list[Hello]:
    """Walk to the end; return the hellos that it took."""
    hellos: list[Hello] = []
    while (hello := walk.next()) is not None:
        hellos.append(hello)
        assert len(hellos) == walk.connections
        walk.take(answer(hello))
    return hellos
