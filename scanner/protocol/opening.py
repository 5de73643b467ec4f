"""The part all three dialogues share: TLS first where it is implicit, then a greeting worth its name."""

from collections.abc import Generator

from scanner.model import Phase, Protocol, Reason
from scanner.protocol.display import display
from scanner.protocol.findings import Findings
from scanner.protocol.foreign import recognise
from scanner.protocol.wants import End, Failed, Interrupted, ReadLine, StartTls, Want

LAST_WORD_SECONDS = 1.5
"""How long a silent port gets to answer the ClientHello that asks whether it wants TLS (seconds)."""


def begin_implicit_tls(found: Findings, protocol: Protocol) -> Generator[Want, bytes, None]:
    """Start TLS with the first byte; plain text instead of TLS is read and named."""
    try:
        yield StartTls()
    except Interrupted as interrupted:
        if interrupted.end is not End.PLAINTEXT:
            raise
        opening = yield from _read_opening()
        if opening is None:
            raise Failed(Reason.TLS_HANDSHAKE_FAILED, interrupted.detail) from None
    else:
        return
    foreign = recognise(opening, protocol)
    if foreign is not None:
        raise Failed(Reason.WRONG_PROTOCOL, f"speaks {foreign}: {display(opening)}")
    found.banner = display(opening)
    raise Failed(Reason.PLAINTEXT_ON_TLS_PORT, f"plain text where TLS belongs: {display(opening)}")


def _read_opening() -> Generator[Want, bytes, bytes | None]:
    """Return the line of plain text that came instead of TLS, or None where there is no text in it."""
    try:
        opening = yield ReadLine(Phase.GREETING, LAST_WORD_SECONDS)
    except Interrupted:
        return None
    return opening if opening.strip() else None


def read_first_line(protocol: Protocol, *, implicit: bool) -> Generator[Want, bytes, bytes]:
    """Return the first line of the greeting.

    A port that stays silent for its whole greeting budget is asked one last thing, by a
    ClientHello: a server that wants TLS first answers it, and so does an HTTP server. Nothing
    is ever sent before the budget is used up (an early talker is punished by Exim and postscreen).
    """
    try:
        return (yield ReadLine(Phase.GREETING))
    except Interrupted as silence:
        if silence.end is End.TLS_RECORD:
            raise Failed(Reason.TLS_ON_PLAINTEXT_PORT, "a TLS record where the greeting belongs") from None
        if silence.end is not End.TIMEOUT or silence.heard or implicit:
            raise
    try:
        yield StartTls(LAST_WORD_SECONDS)
    except Interrupted as answer:
        if answer.end is End.TLS_FAILED:
            raise Failed(Reason.TLS_ON_PLAINTEXT_PORT, answer.detail) from None
        if answer.end is End.PLAINTEXT:
            opening = (yield from _read_opening()) or b""
            foreign = recognise(opening, protocol)
            if foreign is not None:
                raise Failed(Reason.WRONG_PROTOCOL, f"speaks {foreign}: {display(opening)}") from None
        raise Failed(Reason.NO_GREETING, "silent for the whole greeting budget") from None
    raise Failed(Reason.TLS_ON_PLAINTEXT_PORT, "silent until a ClientHello, then spoke TLS")


def reject_greeting(line: bytes, protocol: Protocol) -> Failed:
    """Make the failure for a first line that is not this protocol's greeting."""
    foreign = recognise(line, protocol)
    if foreign is not None:
        return Failed(Reason.WRONG_PROTOCOL, f"speaks {foreign}: {display(line)}")
    return Failed(Reason.PROTOCOL_ERROR, f"not a greeting: {display(line)}")
