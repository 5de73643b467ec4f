"""An SMTP server with STARTTLS for the benchmarks: `starttls_server.py KEY_AND_CHAIN_PEM` prints its port."""

import asyncio
import ssl
import sys

import uvloop

GREETING = b"220 bench.mail.test ESMTP ready\r\n"
IN_CLEAR = b"250-bench.mail.test\r\n250-PIPELINING\r\n250-STARTTLS\r\n250 8BITMIME\r\n"
IN_TLS = b"250-bench.mail.test\r\n250-PIPELINING\r\n250-AUTH PLAIN LOGIN\r\n250 8BITMIME\r\n"


async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, context: ssl.SSLContext) -> None:
    """Answer one client until it says QUIT or goes away."""
    hello = IN_CLEAR
    writer.write(GREETING)
    try:
        while line := await reader.readline():
            verb = line[:4].upper()
            if verb == b"EHLO":
                writer.write(hello)
            elif verb == b"STAR":
                writer.write(b"220 2.0.0 Ready to start TLS\r\n")
                await writer.start_tls(context)
                hello = IN_TLS
            elif verb == b"QUIT":
                writer.write(b"221 2.0.0 Bye\r\n")
                return
            else:
                writer.write(b"502 5.5.2 Unknown command\r\n")
    except (OSError, ValueError):
        return
    finally:
        writer.close()


async def serve(bundle: str) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(bundle)
    context.num_tickets = 0
    server = await asyncio.start_server(lambda r, w: talk(r, w, context), "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(sys.argv[1]))
