"""Servers that speak no mail protocol: silent, slow, rude, endless, or something else altogether."""

import asyncio
from dataclasses import dataclass

from scanner.demo.channel import Channel
from scanner.demo.dialogue import Setting

_FLOOD_BLOCK_LINES = 256


@dataclass(frozen=True, slots=True)
class Silent:
    """Accepts, and says nothing."""

    async def serve(self, channel: Channel, _setting: Setting, /) -> None:
        """Read on until the client goes."""
        await channel.ignore()


@dataclass(frozen=True, slots=True)
class Drip:
    """Sends its text one byte at a time and then the last byte again and again; never a line end."""

    text: bytes
    interval: float = 1.0
    """Seconds between two bytes."""

    async def serve(self, channel: Channel, _setting: Setting, /) -> None:
        """Send bytes until the client goes."""
        sent = 0
        while True:
            last = min(sent, len(self.text) - 1)
            await channel.send(self.text[last : last + 1])
            sent += 1
            await channel.pause(self.interval)


@dataclass(frozen=True, slots=True)
class Close:
    """Closes as soon as it has accepted."""

    async def serve(self, _channel: Channel, _setting: Setting, /) -> None:
        """Return at once: the farm closes."""


@dataclass(frozen=True, slots=True)
class Reset:
    """Resets as soon as it has accepted."""

    async def serve(self, channel: Channel, _setting: Setting, /) -> None:
        """Break the connection."""
        channel.reset()


@dataclass(frozen=True, slots=True)
class Flood:
    """Sends the same line without end, as fast as the client reads, up to a limit of bytes per connection."""

    line: bytes
    limit: int = 2_000_000

    async def serve(self, channel: Channel, _setting: Setting, /) -> None:
        """Send blocks of lines; each waits until the client has taken the one before."""
        block = self.line * _FLOOD_BLOCK_LINES
        for _ in range(self.limit // len(block)):
            await channel.send(block)
            # Without this a fast reader would keep the loop to itself.
            await asyncio.sleep(0)


@dataclass(frozen=True, slots=True)
class Say:
    """Sends fixed bytes at once and then nothing more."""

    text: bytes

    async def serve(self, channel: Channel, _setting: Setting, /) -> None:
        """Say it and read on until the client goes."""
        await channel.send(self.text)
        await channel.ignore()


@dataclass(frozen=True, slots=True)
class Answer:
    """Waits for the client's first bytes, answers with fixed bytes and closes; does TLS first where asked."""

    text: bytes
    inside_tls: bool = False

    async def serve(self, channel: Channel, setting: Setting, /) -> None:
        """Answer once."""
        if self.inside_tls:
            await channel.start_tls(setting.context)
        await channel.read_some()
        await channel.send(self.text)
        await channel.linger()


@dataclass(frozen=True, slots=True)
class CloseOnHello:
    """Reads the client's first bytes and closes, or resets, without an answer."""

    is_reset: bool = False

    async def serve(self, channel: Channel, _setting: Setting, /) -> None:
        """Read once, then go."""
        await channel.read_some()
        if self.is_reset:
            channel.reset()
