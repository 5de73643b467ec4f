"""A plain SMTP listener for a namespace: `smtp_listener.py PORT...` prints `ready` and answers for ever.

`--greeting=TEXT` before the ports makes it greet with something else.
"""

import contextlib
import selectors
import socket
import sys

GREETING = "220 inside.mail.test ESMTP"
OPTION = "--greeting="
REPLIES = {
    b"EHLO": b"250-inside.mail.test\r\n250 PIPELINING\r\n",
    b"HELO": b"250 inside.mail.test\r\n",
    b"QUIT": b"221 2.0.0 Bye\r\n",
}
UNKNOWN = b"502 5.5.2 Unknown command\r\n"


def answer(connection: socket.socket, pending: bytearray) -> bool:
    """Answer the complete lines that came in; False once the connection is over."""
    received = connection.recv(4096)
    pending += received
    while b"\n" in pending:
        line, _, rest = bytes(pending).partition(b"\n")
        pending[:] = rest
        verb = line[:4].upper()
        connection.sendall(REPLIES.get(verb, UNKNOWN))
        if verb == b"QUIT":
            return False
    return bool(received) and len(pending) < 4096


def serve(ports: list[int], greeting: str) -> None:
    """Listen on the ports of every address, IPv4 and IPv6, for ever."""
    selector = selectors.DefaultSelector()
    for port in ports:
        listener = socket.create_server(
            ("::", port), family=socket.AF_INET6, dualstack_ipv6=True, backlog=512
        )
        selector.register(listener, selectors.EVENT_READ, None)
    print("ready", flush=True)  # noqa: T201 - the parent waits for this line
    while True:
        for key, _ in selector.select():
            source = key.fileobj
            assert isinstance(source, socket.socket)
            if key.data is None:
                connection, _ = source.accept()
                with contextlib.suppress(OSError):
                    connection.sendall(f"{greeting}\r\n".encode())
                selector.register(connection, selectors.EVENT_READ, bytearray())
                continue
            try:
                is_alive = answer(source, key.data)
            except OSError:
                is_alive = False
            if not is_alive:
                selector.unregister(source)
                source.close()


if __name__ == "__main__":
    words = sys.argv[1:]
    said = words.pop(0).removeprefix(OPTION) if words[0].startswith(OPTION) else GREETING
    serve([int(port) for port in words], said)
