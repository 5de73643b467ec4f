"""A POP3 server for probing (RFC 1939, RFC 2449, RFC 2595): greeting, capabilities, STLS."""

from dataclasses import dataclass

from scanner.demo.channel import Channel
from scanner.demo.dialogue import OnAsk, Setting, Upgrade, greet, hesitate, upgrade

BASIC = ("CAPA", "TOP", "UIDL", "RESP-CODES", "PIPELINING")
OFFER = (*BASIC, "STLS")
SIGN_IN = (*BASIC, "USER", "SASL PLAIN")

_EXTRA = b"+OK\r\nUSER\r\n.\r\n"


@dataclass(frozen=True, slots=True)
class Pop3:
    """A POP3 server's manner; `{host}` in the greeting is the server's name.

    `before` and `after` are the capabilities in clear and inside TLS; a `refusal` (`-ERR ...`) answers STLS
    with no. A server that refuses CAPA may still start TLS.
    """

    greeting: bytes = b"+OK {host} POP3 ready.\r\n"
    before: tuple[str, ...] = OFFER
    after: tuple[str, ...] = SIGN_IN
    on_capa: OnAsk = OnAsk.ANSWER
    stls: Upgrade = Upgrade.HONEST
    refusal: bytes | None = None
    ends_after_greeting: bool = False

    async def serve(self, channel: Channel, setting: Setting) -> None:
        """Talk until QUIT."""
        await greet(channel, setting, self.greeting.replace(b"{host}", setting.host.encode()))
        if self.ends_after_greeting:
            return
        while await self._obey(channel, setting, await channel.read_line()):
            pass

    async def _obey(self, channel: Channel, setting: Setting, line: str) -> bool:
        """Answer one command; False ends the session."""
        match line.strip().upper():
            case "QUIT":
                await channel.send(b"+OK Bye.\r\n")
                return False
            case "CAPA":
                await hesitate(channel, self.on_capa)
                await channel.send(self._capa_reply(channel))
            case "NOOP":
                await channel.send(b"+OK\r\n")
            case "STLS":
                await self._start_tls(channel, setting)
            case _:
                await channel.send(b"-ERR Unknown command.\r\n")
        return True

    def _capa_reply(self, channel: Channel) -> bytes:
        if self.on_capa is OnAsk.REFUSE:
            return b"-ERR Unknown command.\r\n"
        lines = self.after if channel.is_secure else self.before
        # A line that begins with a dot gets one more (RFC 1939 section 3).
        stuffed = [f".{line}" if line.startswith(".") else line for line in lines]
        return "\r\n".join(["+OK Capability list follows", *stuffed, ".", ""]).encode()

    async def _start_tls(self, channel: Channel, setting: Setting) -> None:
        if channel.is_secure:
            await channel.send(b"-ERR TLS is already active.\r\n")
        elif self.refusal is not None:
            await channel.send(self.refusal)
        elif "STLS" not in self.before:
            await channel.send(b"-ERR Unknown command.\r\n")
        else:
            await upgrade(channel, setting, self.stls, b"+OK Begin TLS negotiation now.\r\n", _EXTRA)
