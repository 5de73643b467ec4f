"""A mail server of each kind at every loopback address: `all_servers.py FOLDER` prints ports.

FOLDER holds the key and the chain of each provider, `p0.test.pem` and so on; a host is `h0.p0.test`. Ports
stand in the order of the usual ones: 25, 465, 587, 143, 993, 110, 995.
"""

import asyncio
import ssl
import sys
from dataclasses import dataclass
from pathlib import Path

import uvloop

from scanner.model import PORTS, Protocol, TlsMode

GREETINGS = {
    Protocol.SMTP: b"220 mail ESMTP Postfix\r\n",
    Protocol.IMAP: b"* OK [CAPABILITY IMAP4rev1 ID IDLE LITERAL+] Dovecot ready.\r\n",
    Protocol.POP3: b"+OK Dovecot ready.\r\n",
}
GO_AHEADS = {Protocol.SMTP: b"220 2.0.0 Ready to start TLS\r\n", Protocol.POP3: b"+OK Begin TLS\r\n"}
GOODBYES = {Protocol.SMTP: b"221 2.0.0 Bye\r\n", Protocol.POP3: b"+OK Bye\r\n"}
ANSWERS = {
    Protocol.SMTP: (
        b"250-mail\r\n250-PIPELINING\r\n250-SIZE 52428800\r\n250-STARTTLS\r\n250 8BITMIME\r\n",
        b"250-mail\r\n250-PIPELINING\r\n250-SIZE 52428800\r\n250-AUTH PLAIN LOGIN\r\n250 8BITMIME\r\n",
    ),
    Protocol.IMAP: (
        b"* CAPABILITY IMAP4rev1 ID IDLE LITERAL+ STARTTLS LOGINDISABLED\r\n",
        b"* CAPABILITY IMAP4rev1 ID IDLE LITERAL+ AUTH=PLAIN AUTH=LOGIN\r\n",
    ),
    Protocol.POP3: (
        b"+OK\r\nCAPA\r\nTOP\r\nUIDL\r\nSTLS\r\n.\r\n",
        b"+OK\r\nCAPA\r\nTOP\r\nUIDL\r\nUSER\r\nSASL PLAIN LOGIN\r\n.\r\n",
    ),
}


@dataclass(slots=True)
class Talk:
    """One connection."""

    protocol: Protocol
    context: ssl.SSLContext
    has_tls: bool

    async def hold(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer until the client says goodbye or goes away."""
        writer.write(GREETINGS[self.protocol])
        try:
            while line := await reader.readline():
                tag, _, rest = line.strip().partition(b" ")
                verb = (rest if self.protocol is Protocol.IMAP else tag).upper()
                tagged = tag + b" OK done\r\n" if self.protocol is Protocol.IMAP else b""
                if verb in {b"EHLO", b"CAPABILITY", b"CAPA"}:
                    writer.write(ANSWERS[self.protocol][self.has_tls] + tagged)
                elif verb in {b"STARTTLS", b"STLS"}:
                    writer.write(tagged or GO_AHEADS[self.protocol])
                    await writer.start_tls(self.context)
                    self.has_tls = True
                else:
                    writer.write(tagged or GOODBYES[self.protocol])
                    return
        except (OSError, ValueError):
            return
        finally:
            writer.close()


def make_context(folder: Path) -> ssl.SSLContext:
    """Make a context that shows a host the certificate of its provider, by the name that the client says."""
    contexts = {}
    for file in folder.glob("*.pem"):
        contexts[file.stem] = context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        context.num_tickets = 0

    def choose(connection: ssl.SSLObject | ssl.SSLSocket, name: str | None, _: ssl.SSLContext) -> None:
        connection.context = contexts.get((name or "").partition(".")[2], first)

    first = next(iter(contexts.values()))
    first.sni_callback = choose
    return first


async def serve(folder: Path) -> None:
    context = make_context(folder)
    ports = []
    for row in PORTS.values():
        is_implicit = row.tls_mode is TlsMode.IMPLICIT

        async def talk(
            reader: asyncio.StreamReader,
            writer: asyncio.StreamWriter,
            protocol: Protocol = row.protocol,
            has_tls: bool = is_implicit,  # noqa: FBT001 - bound here
        ) -> None:
            await Talk(protocol, context, has_tls).hold(reader, writer)

        server = await asyncio.start_server(
            talk, "0.0.0.0", 0, ssl=context if is_implicit else None, backlog=1024
        )
        ports.append(server.sockets[0].getsockname()[1])
    print(*ports, flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(serve(Path(sys.argv[1])))
