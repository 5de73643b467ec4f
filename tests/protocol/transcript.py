"""Reads a transcript: what a server says, what our client must say, and what must be found.

The file begins with `key: value` lines, then a blank line, then the script:

    S: text      the server sends this line (CRLF is added; Python's escapes are read)
    S| bytes     the server sends exactly these bytes
    300 x S: text   the same, so many times
    C: text      the client has sent exactly this line, and nothing else
    TLS          a TLS handshake with a real server end takes place
    HELLO        the client has sent a ClientHello, and nothing else
    CLOSE        the server says close_notify
    EOF, RST, TIMEOUT   the connection ends, breaks, or stays silent

Of the keys, `protocol` must be given; `mode`, `host`, `certificate`, `versions` and `replay` have defaults.
All others are findings: a finding that is not named must not be there.
`detail: ~ words` is met by any detail that holds the words.
"""

import codecs
import re
from dataclasses import dataclass
from pathlib import Path

from scanner.model import Protocol, TlsMode
from scanner.protocol import End

FOLDER = Path(__file__).parent.parent / "transcripts"
REPLAYS = ("whole", "bytes", "trailing")
FINDINGS = (
    "reason",
    "detail",
    "banner",
    "capabilities",
    "auth_before",
    "starttls",
    "reply",
    "masked",
    "extra",
    "preauth",
    "ehlo_reply",
    "tls",
    "problems",
    "capabilities_tls",
    "auth_after",
    "phases",
)
_SETTINGS = ("protocol", "mode", "host", "certificate", "versions", "replay")


@dataclass(frozen=True, slots=True)
class Say:
    """The server sends these bytes."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Expect:
    """The client must have sent this line."""

    line: bytes


@dataclass(frozen=True, slots=True)
class Tls:
    """A handshake takes place."""


@dataclass(frozen=True, slots=True)
class Hello:
    """The client must have sent a ClientHello."""


@dataclass(frozen=True, slots=True)
class CloseNotify:
    """The server closes the tunnel in good order."""


@dataclass(frozen=True, slots=True)
class Ends:
    """The connection ends, breaks or stays silent."""

    end: End


Step = Say | Expect | Tls | Hello | CloseNotify | Ends
_WORDS: dict[str, Step] = {
    "TLS": Tls(),
    "HELLO": Hello(),
    "CLOSE": CloseNotify(),
    "EOF": Ends(End.CLOSED),
    "RST": Ends(End.RESET),
    "TIMEOUT": Ends(End.TIMEOUT),
}


@dataclass(frozen=True, slots=True)
class Transcript:
    """One conversation and what must be found in it."""

    name: str
    protocol: Protocol
    mode: TlsMode
    host: str
    certificate: str
    versions: tuple[str, str]
    replays: tuple[str, ...]
    expected: dict[str, str]
    script: tuple[Step, ...]


def read_transcript(path: Path) -> Transcript:
    """Read one file; a line that is not understood is an error with its number."""
    keys: dict[str, str] = {}
    script: list[Step] = []
    is_header = True
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if line.startswith("#"):
            continue
        if not line:
            is_header = False
            continue
        try:
            if is_header:
                _read_key(line, keys)
            else:
                script += _read_steps(line)
        except (ValueError, KeyError) as error:
            raise ValueError(f"{path}, line {number}: not understood: {line!r}") from error
    lowest, _, highest = keys.get("versions", "TLSv1.2 TLSv1.3").partition(" ")
    return Transcript(
        name=f"{path.parent.name}/{path.stem}",
        protocol=Protocol(keys["protocol"]),
        mode=TlsMode(keys.get("mode", "starttls")),
        host=keys.get("host", "mx.example.org"),
        certificate=keys.get("certificate", "good"),
        versions=(lowest, highest or lowest),
        replays=tuple(keys.get("replay", " ".join(REPLAYS)).split()),
        expected={key: value for key, value in keys.items() if key in FINDINGS},
        script=tuple(script),
    )


def _read_key(line: str, keys: dict[str, str]) -> None:
    key, value = line.split(": ", 1)
    if key in keys or key not in _SETTINGS + FINDINGS:
        raise KeyError(key)
    keys[key] = value


def _read_steps(line: str) -> list[Step]:
    repeated = re.fullmatch(r"(\d+) x (.*)", line)
    return [_read_step(repeated[2])] * int(repeated[1]) if repeated else [_read_step(line)]


def _read_step(line: str) -> Step:
    if line in _WORDS:
        return _WORDS[line]
    who, text = line[:2], _unescape(line[2:].removeprefix(" "))
    if who == "S:":
        return Say(text + b"\r\n")
    if who == "S|":
        return Say(text)
    if who == "C:":
        return Expect(text + b"\r\n")
    raise ValueError(who)


def _unescape(text: str) -> bytes:
    return codecs.escape_decode(text.encode())[0]


def read_all() -> list[Transcript]:
    """Read every transcript there is."""
    return [read_transcript(path) for path in sorted(FOLDER.glob("*/*.txt"))]
