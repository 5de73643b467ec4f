"""An SMTP server for probing (RFC 5321, RFC 3207): greeting, extensions, STARTTLS; it takes no mail."""

from dataclasses import dataclass

from scanner.demo.channel import Channel
from scanner.demo.dialogue import OnAsk, Setting, Upgrade, greet, hesitate, upgrade

BASIC = ("PIPELINING", "SIZE 10240000", "ENHANCEDSTATUSCODES", "8BITMIME", "SMTPUTF8")
OFFER = (*BASIC, "STARTTLS")
SIGN_IN = (*BASIC, "AUTH PLAIN LOGIN")

_GO_AHEAD = b"220 2.0.0 Ready to start TLS\r\n"
_EXTRA = b"250-injected.example\r\n250 AUTH PLAIN\r\n"


@dataclass(frozen=True, slots=True)
class Smtp:
    """An SMTP server's manner; `{host}` in the greeting is the server's name.

    `before` and `after` are the extensions in clear and inside TLS, in their order; a `refusal` answers
    STARTTLS with no. With `ends_after_greeting` the connection is closed at once; `rejects` answers 503 to
    all but QUIT (RFC 5321 section 3.1).
    """

    greeting: bytes = b"220 {host} ESMTP Postfix\r\n"
    before: tuple[str, ...] = OFFER
    after: tuple[str, ...] = BASIC
    on_ehlo: OnAsk = OnAsk.ANSWER
    starttls: Upgrade = Upgrade.HONEST
    refusal: bytes | None = None
    ends_after_greeting: bool = False
    rejects: bool = False

    async def serve(self, channel: Channel, setting: Setting) -> None:
        """Talk until QUIT."""
        await greet(channel, setting, self.greeting.replace(b"{host}", setting.host.encode()))
        if self.ends_after_greeting:
            return
        while await self._obey(channel, setting, await channel.read_line()):
            pass

    async def _obey(self, channel: Channel, setting: Setting, line: str) -> bool:
        """Answer one command; False ends the session."""
        verb, _, argument = line.strip().partition(" ")
        match verb.upper():
            case "QUIT":
                await channel.send(b"221 2.0.0 Bye\r\n")
                return False
            case _ if self.rejects:
                await channel.send(b"503 5.5.1 Bad sequence of commands\r\n")
            case "EHLO":
                await hesitate(channel, self.on_ehlo)
                await channel.send(self._ehlo_reply(channel, setting, argument))
            case "HELO":
                await channel.send(f"250 {setting.host}\r\n".encode())
            case "NOOP":
                await channel.send(b"250 2.0.0 Ok\r\n")
            case "STARTTLS":
                await self._start_tls(channel, setting, argument)
            case _:
                await channel.send(b"502 5.5.2 Error: command not recognized\r\n")
        return True

    def _ehlo_reply(self, channel: Channel, setting: Setting, name: str) -> bytes:
        if self.on_ehlo is OnAsk.REFUSE:
            return b"502 5.5.2 Error: command not recognized\r\n"
        if not name:
            return b"501 5.5.4 Syntax: EHLO hostname\r\n"
        lines = (setting.host, *(self.after if channel.is_secure else self.before))
        return "".join(f"250-{line}\r\n" for line in lines[:-1]).encode() + f"250 {lines[-1]}\r\n".encode()

    async def _start_tls(self, channel: Channel, setting: Setting, argument: str) -> None:
        if channel.is_secure:
            await channel.send(b"554 5.5.1 Error: TLS already active\r\n")
        elif self.refusal is not None:
            await channel.send(self.refusal)
        elif argument:
            await channel.send(b"501 5.5.4 Syntax: STARTTLS\r\n")
        elif self.on_ehlo is OnAsk.REFUSE or not _offers_starttls(self.before):
            await channel.send(b"502 5.5.1 Error: command not implemented\r\n")
        else:
            await upgrade(channel, setting, self.starttls, _GO_AHEAD, _EXTRA)


def _offers_starttls(extensions: tuple[str, ...]) -> bool:
    return any(extension.strip().upper() == "STARTTLS" for extension in extensions)
