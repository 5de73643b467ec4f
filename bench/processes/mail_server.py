"""Servers to be probed: `mail_server.py KEY_AND_CHAIN_PEM` prints the ports of SMTP, IMAPS and POP3."""

import asyncio
import ssl
import sys
from collections.abc import Mapping
from dataclasses import dataclass

import uvloop

LISTED = b"250-bench.mail.test\r\n250-PIPELINING\r\n250-%b\r\n250 8BITMIME\r\n"
UPGRADES = (b"STARTTLS", b"STLS")


@dataclass(frozen=True, slots=True)
class Script:
    """What one protocol says: its greeting, and the answers to commands in clear and inside TLS."""

    greeting: bytes
    in_clear: Mapping[bytes, bytes]
    in_tls: Mapping[bytes, bytes]
    last: bytes
    """The command that ends the conversation."""
    is_tagged: bool = False


SMTP = Script(
    b"220 bench.mail.test ESMTP ready\r\n",
    {b"EHLO": LISTED % b"STARTTLS", b"STARTTLS": b"220 2.0.0 Ready to start TLS\r\n"},
    {b"EHLO": LISTED % b"AUTH PLAIN LOGIN", b"QUIT": b"221 2.0.0 Bye\r\n"},
    b"QUIT",
)
IMAPS = Script(
    b"* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] ready\r\n",
    {},
    {
        b"CAPABILITY": b"* CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN\r\n%b OK done\r\n",
        b"LOGOUT": b"* BYE\r\n%b OK bye\r\n",
    },
    b"LOGOUT",
    is_tagged=True,
)
POP3 = Script(
    b"+OK ready\r\n",
    {b"CAPA": b"+OK\r\nUIDL\r\nSTLS\r\n.\r\n", b"STLS": b"+OK begin\r\n"},
    {b"CAPA": b"+OK\r\nUIDL\r\nSASL PLAIN\r\n.\r\n", b"QUIT": b"+OK bye\r\n"},
    b"QUIT",
)


async def talk(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, script: Script, context: ssl.SSLContext | None
) -> None:
    """Answer one client until it ends the conversation or goes away; TLS stands where there is no context."""
    answers = script.in_tls if context is None else script.in_clear
    writer.write(script.greeting)
    try:
        while words := (await reader.readline()).split():
            command = words[-1 if script.is_tagged else 0].upper()
            answer = answers[command]
            writer.write(answer % words[0] if script.is_tagged else answer)
            if command == script.last:
                return
            if command in UPGRADES and context is not None:
                await writer.start_tls(context)
                answers = script.in_tls
    except (OSError, ValueError, KeyError):
        return
    finally:
        writer.close()


async def serve(bundle: str) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(bundle)
    context.num_tickets = 0
    listening = [
        await asyncio.start_server(lambda r, w: talk(r, w, SMTP, context), "127.0.0.1", 0, backlog=1024),
        await asyncio.start_server(
            lambda r, w: talk(r, w, IMAPS, None), "127.0.0.1", 0, backlog=1024, ssl=context
        ),
        await asyncio.start_server(lambda r, w: talk(r, w, POP3, context), "127.0.0.1", 0, backlog=1024),
    ]
    print(*(server.sockets[0].getsockname()[1] for server in listening), flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(serve(sys.argv[1]))
