"""What the three honest dialogues share: the setting they stand in, and what they do when asked for TLS."""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Protocol

from OpenSSL import SSL

from scanner.demo.channel import Channel, DialogueOverError


@dataclass(frozen=True, slots=True)
class Setting:
    """What a server knows of itself. `greeting_delay` is in seconds."""

    host: str
    is_implicit: bool
    context: SSL.Context
    greeting_delay: float = 0.0


class Behaviour(Protocol):
    """How a server behaves towards one client."""

    async def serve(self, channel: Channel, setting: Setting, /) -> None:
        """Talk to one client until the dialogue is over, then return or raise DialogueOverError."""
        ...


@dataclass(frozen=True, slots=True)
class Contrary:
    """Does TLS first where the port wants it later, and speaks in clear where the port wants TLS first."""

    server: Behaviour

    async def serve(self, channel: Channel, setting: Setting) -> None:
        """Serve in the port's other mode."""
        await self.server.serve(channel, replace(setting, is_implicit=not setting.is_implicit))


class Upgrade(StrEnum):
    """What a server does that has offered STARTTLS or STLS and is asked for it."""

    HONEST = "honest"
    EXTRA = "extra"
    GARBAGE = "garbage"
    ALERT = "alert"
    CUT = "cut"
    """Closes in place of the go-ahead."""
    CLOSE = "close"
    """Closes right behind the go-ahead."""
    CLOSE_ON_HELLO = "close_on_hello"
    RESET_ON_HELLO = "reset_on_hello"
    SILENCE = "silence"


class OnAsk(StrEnum):
    """What a server does when it is asked for its capabilities."""

    ANSWER = "answer"
    REFUSE = "refuse"
    CLOSE = "close"
    RESET = "reset"
    SILENCE = "silence"


GARBAGE = bytes(range(128, 256)) * 2
# A record in clear: fatal alert handshake_failure (RFC 8446 section 6).
ALERT = bytes.fromhex("15030300020228")


async def greet(channel: Channel, setting: Setting, greeting: bytes) -> None:
    """Do TLS first on an implicit port, wait as long as the setting says, then send the greeting."""
    if setting.is_implicit:
        await channel.start_tls(setting.context)
    if setting.greeting_delay > 0 and await channel.wait_for_input(setting.greeting_delay):
        channel.note("spoke before the greeting")
    await channel.send(greeting)


async def upgrade(channel: Channel, setting: Setting, manner: Upgrade, go_ahead: bytes, extra: bytes) -> None:
    """Send the go-ahead and do what the manner says; `extra` is what an injector adds in clear.

    Returns only where TLS stands.
    """
    match manner:
        case Upgrade.HONEST:
            await channel.send(go_ahead)
        case Upgrade.EXTRA:
            await channel.send(go_ahead + extra)
        case Upgrade.CUT:
            raise DialogueOverError("closes in place of the go-ahead")
        case _:
            await channel.send(go_ahead)
            await _spoil(channel, manner)
    await channel.start_tls(setting.context)


async def _spoil(channel: Channel, manner: Upgrade) -> None:
    if manner is Upgrade.SILENCE:
        await channel.ignore()
    if manner is not Upgrade.CLOSE:
        await channel.read_some()
    if manner is Upgrade.RESET_ON_HELLO:
        channel.reset()
    if manner in (Upgrade.GARBAGE, Upgrade.ALERT):
        await channel.send(GARBAGE if manner is Upgrade.GARBAGE else ALERT)
    if manner in (Upgrade.CLOSE, Upgrade.GARBAGE, Upgrade.ALERT):
        await channel.linger()  # a ClientHello that comes unread would make a reset of it, now and then
    raise DialogueOverError(f"upgrade: {manner}")


async def hesitate(channel: Channel, manner: OnAsk) -> None:
    """Close, reset or say nothing, where that is the manner; return where the server does answer."""
    match manner:
        case OnAsk.CLOSE:
            raise DialogueOverError("closes when asked")
        case OnAsk.RESET:
            channel.reset()
            raise DialogueOverError("resets when asked")
        case OnAsk.SILENCE:
            await channel.ignore()
        case OnAsk.ANSWER | OnAsk.REFUSE:
            return
