"""An IMAP server for probing (RFC 9051, RFC 3501): greeting, capabilities, STARTTLS; it lets nobody in."""

from dataclasses import dataclass

from scanner.demo.channel import Channel
from scanner.demo.dialogue import OnAsk, Setting, Upgrade, greet, hesitate, upgrade

BASIC = ("IMAP4rev1", "ID", "IDLE", "LITERAL+")
OFFER = (*BASIC, "STARTTLS", "LOGINDISABLED")
SIGN_IN = (*BASIC, "AUTH=PLAIN")

_EXTRA = b"* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\n"


@dataclass(frozen=True, slots=True)
class Imap:
    """An IMAP server's manner; `{host}` and `{capabilities}` in the greeting are filled in.

    `before` and `after` are the capabilities in clear and inside TLS; a `refusal` (`NO ...`) answers STARTTLS
    with no; where `is_chatty` it says other things before it answers CAPABILITY. `is_signed_in` is the state
    after PREAUTH.
    """

    greeting: bytes = b"* OK [CAPABILITY {capabilities}] {host} ready.\r\n"
    before: tuple[str, ...] = OFFER
    after: tuple[str, ...] = SIGN_IN
    on_capability: OnAsk = OnAsk.ANSWER
    starttls: Upgrade = Upgrade.HONEST
    refusal: bytes | None = None
    is_chatty: bool = False
    ends_after_greeting: bool = False
    is_signed_in: bool = False

    async def serve(self, channel: Channel, setting: Setting) -> None:
        """Talk until LOGOUT."""
        words = self.after if setting.is_implicit else self.before
        greeting = self.greeting.replace(b"{host}", setting.host.encode())
        await greet(channel, setting, greeting.replace(b"{capabilities}", " ".join(words).encode()))
        if self.ends_after_greeting:
            return
        while await self._obey(channel, setting, await channel.read_line()):
            pass

    async def _obey(self, channel: Channel, setting: Setting, line: str) -> bool:
        """Answer one command; False ends the session."""
        tag, _, command = line.strip().partition(" ")
        name = tag.encode("latin-1")
        match command.upper():
            case "":
                await channel.send(b"* BAD Missing command\r\n")
            case "LOGOUT":
                await channel.send(b"* BYE Logging out\r\n" + name + b" OK Logout completed.\r\n")
                return False
            case "CAPABILITY":
                await hesitate(channel, self.on_capability)
                await channel.send(self._capability_reply(channel, name))
            case "NOOP":
                await channel.send(name + b" OK NOOP completed.\r\n")
            case "STARTTLS":
                await self._start_tls(channel, setting, name)
            case _:
                await channel.send(name + b" BAD Unknown command.\r\n")
        return True

    def _capability_reply(self, channel: Channel, tag: bytes) -> bytes:
        if self.on_capability is OnAsk.REFUSE:
            return tag + b" BAD Unknown command.\r\n"
        words = self.after if channel.is_secure else self.before
        untagged = f"* CAPABILITY {' '.join(words)}\r\n".encode()
        return (_chat(tag) if self.is_chatty else b"") + untagged + tag + b" OK Capability completed.\r\n"

    async def _start_tls(self, channel: Channel, setting: Setting, tag: bytes) -> None:
        if channel.is_secure:
            await channel.send(tag + b" BAD TLS is already active.\r\n")
        elif self.is_signed_in:
            await channel.send(tag + b" BAD Command not allowed in this state.\r\n")
        elif self.refusal is not None:
            await channel.send(tag + b" " + self.refusal)
        elif "STARTTLS" not in (word.upper() for word in self.before):
            await channel.send(tag + b" BAD Unknown command.\r\n")
        else:
            go_ahead = tag + b" OK Begin TLS negotiation now.\r\n"
            await upgrade(channel, setting, self.starttls, go_ahead, _EXTRA)


def _chat(tag: bytes) -> bytes:
    """Untagged lines, and a literal (RFC 9051 section 4.3) whose text looks like the end of the reply."""
    literal = tag + b" OK done\r\n* CAPABILITY IMAP4rev1 AUTH=LOGIN\r\n"
    untagged = b'* 3 EXISTS\r\n* OK [ALERT] mind the gap\r\n* LIST () "/" {%d}\r\n' % len(literal)
    return untagged + literal + b"\r\n"
