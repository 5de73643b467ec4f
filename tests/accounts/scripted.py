"""Mail servers that say what a test wants when somebody signs in, and keep every byte that reached them."""

import socket
import ssl
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from scanner.model.account import Activity
from tests.servers.certificates import Leaf
from tests.servers.listener import Listener, run_listener

LINE_LIMIT = 100_000


@dataclass(slots=True)
class Wire:
    """One connection, as the server has it; TLS may come later."""

    connection: socket.socket
    leaf: Leaf
    heard: bytearray
    """Everything that clients said, in clear or inside TLS; shared by all connections."""
    rest: bytearray = field(default_factory=bytearray)

    def say(self, text: str | bytes) -> None:
        self.connection.sendall(text.encode() if isinstance(text, str) else text)

    def hear(self) -> str:
        """Return a line without its ending; "" when the client has gone."""
        while b"\n" not in self.rest:
            data = self.connection.recv(4096)
            if not data or len(self.rest) > LINE_LIMIT:
                return ""
            self.heard += data
            self.rest += data
        line, _, rest = bytes(self.rest).partition(b"\n")
        self.rest[:] = rest
        return line.rstrip(b"\r").decode("utf-8", "replace") or " "

    def start_tls(self) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.leaf.certificate_file, self.leaf.key_file)
        self.connection = context.wrap_socket(self.connection, server_side=True)


Talk = Callable[[Wire], None]


@dataclass(frozen=True, slots=True)
class Scripted:
    """A running server."""

    listener: Listener
    heard: bytearray

    @property
    def port(self) -> int:
        return self.listener.port


@contextmanager
def run_scripted(leaf: Leaf, talk: Talk, *, is_implicit: bool = True) -> Iterator[Scripted]:
    """Run a server on a free port of loopback; with `is_implicit` TLS comes first."""
    heard = bytearray()

    def serve(connection: socket.socket) -> None:
        wire = Wire(connection, leaf, heard)
        if is_implicit:
            wire.start_tls()
        try:
            talk(wire)
        finally:
            wire.connection.close()

    with run_listener("127.0.0.1", 0, serve) as listener:
        yield Scripted(listener, heard)


def smtp(
    *auth: str,
    clear: Sequence[str] = ("STARTTLS",),
    inside: Sequence[str] = ("AUTH PLAIN LOGIN XOAUTH2",),
    greeting: str = "220 scripted.test ESMTP\r\n",
    behind_starttls: bytes = b"",
) -> Talk:
    """Return a server of SMTP whose answers to AUTH, and to what follows it, are given; then it hangs up."""

    def talk(wire: Wire) -> None:
        answers = list(auth)
        wire.say(greeting)
        while line := wire.hear():
            verb = line.partition(" ")[0].upper()
            is_inside = isinstance(wire.connection, ssl.SSLSocket)
            if verb == "EHLO":
                words = inside if is_inside else clear
                wire.say("".join(f"250-{word}\r\n" for word in ("scripted.test", *words)) + "250 HELP\r\n")
            elif verb == "STARTTLS" and "STARTTLS" in clear:
                wire.say(b"220 go ahead\r\n" + behind_starttls)
                wire.start_tls()
            elif verb == "QUIT":
                wire.say("221 bye\r\n")
                return
            elif answers:
                wire.say(answers.pop(0))
            else:
                return

    return talk


def imap(
    *auth: str,
    clear: str = "IMAP4rev1 STARTTLS LOGINDISABLED",
    inside: str = "IMAP4rev1 AUTH=PLAIN AUTH=XOAUTH2",
    greeting: str = "* OK scripted.test ready\r\n",
    listing: Callable[[Wire], None] | None = None,
    behind_starttls: bytes = b"",
) -> Talk:
    """Return a server of IMAP; `TAG` in an answer stands for the tag of the last command."""

    def talk(wire: Wire) -> None:
        answers = list(auth)
        tag = "*"
        wire.say(greeting)
        while line := wire.hear():
            first, _, rest = line.partition(" ")
            verb = rest.partition(" ")[0].upper()
            tag = first if verb else tag
            is_inside = isinstance(wire.connection, ssl.SSLSocket)
            if verb == "CAPABILITY":
                wire.say(f"* CAPABILITY {inside if is_inside else clear}\r\n{tag} OK done\r\n")
            elif verb == "STARTTLS" and "STARTTLS" in clear:
                wire.say(f"{tag} OK go ahead\r\n".encode() + behind_starttls)
                wire.start_tls()
            elif verb == "LOGOUT":
                wire.say(f"* BYE\r\n{tag} OK bye\r\n")
                return
            elif verb == "LIST" and listing is not None:
                listing(wire)
                wire.say(f"{tag} OK done\r\n")
            elif verb == "LIST":
                wire.say(f'* LIST () "/" INBOX\r\n{tag} OK done\r\n')
            elif answers:
                wire.say(answers.pop(0).replace("TAG", tag))
            else:
                return

    return talk


def pop3(
    *auth: str,
    clear: Sequence[str] = ("STLS",),
    inside: Sequence[str] = ("USER", "SASL PLAIN XOAUTH2"),
    greeting: str = "+OK scripted.test ready\r\n",
    behind_starttls: bytes = b"",
) -> Talk:
    """Return a server of POP3 whose answers to USER, PASS or AUTH are given."""

    def talk(wire: Wire) -> None:
        answers = list(auth)
        wire.say(greeting)
        while line := wire.hear():
            verb = line.partition(" ")[0].upper()
            is_inside = isinstance(wire.connection, ssl.SSLSocket)
            if verb == "CAPA":
                wire.say("".join(f"{word}\r\n" for word in ("+OK", *(inside if is_inside else clear), ".")))
            elif verb == "STLS" and "STLS" in clear:
                wire.say(b"+OK go ahead\r\n" + behind_starttls)
                wire.start_tls()
            elif verb == "QUIT":
                wire.say("+OK bye\r\n")
                return
            elif answers:
                wire.say(answers.pop(0))
            else:
                return

    return talk


SERVERS: dict[Activity, Callable[..., Talk]] = {
    Activity.SMTP: smtp,
    Activity.IMAP: imap,
    Activity.POP3: pop3,
}
