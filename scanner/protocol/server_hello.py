"""Reads what comes back for a raw ClientHello: a ServerHello, an alert, an SSLv2 answer, or none of them."""

from dataclasses import dataclass
from enum import Enum, auto

from scanner.protocol.client_hello import NUMBERS, VERSIONS
from scanner.protocol.display import display_start
from scanner.protocol.wants import End

MAX_BYTES = 64 * 1024
"""What may come before an answer is complete (bytes)."""
MAX_RECORD = 16384
"""Plain records are no longer (RFC 8446 section 5.1, RFC 5246 section 6.2.1)."""

WARNING, FATAL = 1, 2
CLOSE_NOTIFY = 0

_ALERT, _HANDSHAKE = 21, 22
_RECORD_TYPES = (20, _ALERT, _HANDSHAKE, 23)
_HELLO_REQUEST, _SERVER_HELLO = 0, 2
_SUPPORTED_VERSIONS, _KEY_SHARE = 43, 51
_SSL2_ERROR, _SSL2_SERVER_HELLO = 0, 4
_SSL2_FIXED = 11
"""The part of an SSLv2 SERVER-HELLO that has always the same length (bytes)."""
_SHOWN = 80
"""How much is shown of what is no TLS (bytes)."""

# RFC 8446 section 4.1.3: the random of a HelloRetryRequest, and the ends of one that says "I could do more".
RETRY_RANDOM = bytes.fromhex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c")
SENTINELS = {b"DOWNGRD\x01": "TLSv1.2", b"DOWNGRD\x00": "TLSv1.1"}

_VERSION_OF = {number: version for version, number in NUMBERS.items() if version != "SSLv2"}


@dataclass(frozen=True, slots=True)
class ServerHello:
    """The server chose. A HelloRetryRequest (`is_retry`) chooses a version and a group too."""

    version: str
    cipher: int
    group: int | None = None
    """Of TLS 1.3 alone; older versions name it later."""
    is_retry: bool = False
    sentinel: str | None = None
    """The end of the random says that a server with more was offered only this version, or a lower one."""


@dataclass(frozen=True, slots=True)
class Alert:
    """The server refused (level 2), or said nothing after a warning (level 1)."""

    level: int
    code: int


@dataclass(frozen=True, slots=True)
class Ssl2Hello:
    """The server speaks SSLv2 and shares so many suites with us; none is an error of that protocol."""

    suites: int


class Silence(Enum):
    """How no answer came."""

    CLOSED = auto()
    RESET = auto()
    TIMEOUT = auto()
    MALFORMED = auto()
    """It began like TLS and went on otherwise."""
    NOT_TLS = auto()


@dataclass(frozen=True, slots=True)
class NoHello:
    """Nothing that can be called an answer came; it proves nothing."""

    how: Silence
    detail: str | None = None
    """What came, or what is wrong with it; safe to show."""


Answer = ServerHello | Alert | Ssl2Hello | NoHello

_SILENCES = {End.CLOSED: Silence.CLOSED, End.RESET: Silence.RESET, End.TIMEOUT: Silence.TIMEOUT}


class _BrokenError(Exception):
    """The bytes are no answer; the text says why."""


class AnswerReader:
    """Reads one answer from the pieces of a stream; what the network sends never makes it raise."""

    __slots__ = ("_answer", "_buffer", "_is_tls", "_message", "_seen", "_warning")

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._message = bytearray()
        self._warning: Alert | None = None
        self._answer: Answer | None = None
        self._is_tls = False
        self._seen = 0

    def feed(self, data: bytes) -> Answer | None:
        """Take bytes; return the answer once it is complete, and the same ever after."""
        if self._answer is not None:
            return self._answer
        # One byte more than may come tells that too much came.
        data = data[: MAX_BYTES + 1 - self._seen]
        self._seen += len(data)
        self._buffer += data
        try:
            self._answer = self._read()
        except _BrokenError as error:
            self._answer = NoHello(Silence.MALFORMED, str(error))
        if self._answer is None and self._seen > MAX_BYTES:
            self._answer = NoHello(Silence.MALFORMED, f"no answer within {MAX_BYTES} bytes")
        if self._answer is not None:
            self._buffer.clear()
            self._message.clear()
        return self._answer

    def end(self, end: End) -> Answer:
        """Tell that no more comes: the connection was closed or reset, or the time is over.

        A warning that nothing followed is the answer then; a piece of one only shows in the detail.
        """
        if self._answer is None and self._is_text():
            self._answer = self._show_text()
        if self._answer is None:
            missing = len(self._buffer) + len(self._message)
            detail = f"after {missing} bytes of an answer" if missing else None
            self._answer = self._warning or NoHello(_SILENCES.get(end, Silence.MALFORMED), detail)
        return self._answer

    def _read(self) -> Answer | None:
        if not self._is_tls:
            if not self._buffer:
                return None
            if self._buffer[0] & 0x80:
                return _read_ssl2(self._buffer)
            if self._is_text():
                # The whole line is the evidence: "421 too many connections" says more than its first byte.
                is_enough = b"\n" in self._buffer or len(self._buffer) >= _SHOWN
                return self._show_text() if is_enough else None
            self._is_tls = len(self._buffer) > 1
        return self._read_records()

    def _is_text(self) -> bool:
        """Tell whether what came first can be neither TLS nor SSLv2."""
        if self._is_tls or not self._buffer or self._buffer[0] & 0x80:
            return False
        return self._buffer[0] not in _RECORD_TYPES or (len(self._buffer) > 1 and self._buffer[1] != 3)

    def _show_text(self) -> NoHello:
        return NoHello(Silence.NOT_TLS, display_start(bytes(self._buffer)))

    def _read_records(self) -> Answer | None:
        """Take the complete records out of the buffer."""
        place, answer = 0, None
        while answer is None and len(self._buffer) - place >= 5:
            kind, major = self._buffer[place], self._buffer[place + 1]
            size = int.from_bytes(self._buffer[place + 3 : place + 5], "big")
            if kind not in (_ALERT, _HANDSHAKE) or major != 3:
                raise _BrokenError(f"a record of type {kind}, version {major}, before the hello")
            if not 0 < size <= MAX_RECORD:
                raise _BrokenError(f"a record of {size} bytes")
            if len(self._buffer) - place < 5 + size:
                break
            answer = self._take(kind, self._buffer[place + 5 : place + 5 + size])
            place += 5 + size
        del self._buffer[:place]
        return answer

    def _take(self, kind: int, content: bytearray) -> Answer | None:
        if kind == _HANDSHAKE:
            self._message += content
            return self._read_messages()
        if self._message:
            raise _BrokenError("an alert within a hello")
        if len(content) != 2:
            raise _BrokenError(f"an alert of {len(content)} bytes")
        alert = Alert(content[0], content[1])
        # A warning, such as 112 unrecognized_name, may come before the hello (RFC 6066 section 3).
        if alert.level != WARNING or alert.code == CLOSE_NOTIFY:
            return self._warning if alert.level == WARNING and self._warning else alert
        self._warning = alert
        return None

    def _read_messages(self) -> Answer | None:
        message = self._message
        while len(message) >= 4:
            size = int.from_bytes(message[1:4], "big")
            if message[0] == _HELLO_REQUEST and size == 0:
                del message[:4]  # of no account in the middle of a handshake (RFC 5246 section 7.4.1.1)
                continue
            if message[0] != _SERVER_HELLO:
                raise _BrokenError(f"a handshake message of type {message[0]} where the hello belongs")
            if size > MAX_BYTES:
                raise _BrokenError(f"a hello of {size} bytes")
            return _read_hello(bytes(message[4 : 4 + size])) if len(message) >= 4 + size else None
        return None


def _read_hello(body: bytes) -> ServerHello:
    """Read a ServerHello (RFC 8446 section 4.1.3, RFC 5246 section 7.4.1.3, RFC 6101 section 5.6.1.3)."""
    after_id = 35 + body[34] if len(body) > 34 else 0
    if not after_id or body[34] > 32 or len(body) < after_id + 3:
        raise _BrokenError(f"a hello cut off after {len(body)} bytes")
    number, random = int.from_bytes(body[:2], "big"), body[2:34]
    extensions = _read_extensions(body[after_id + 3 :])
    if _SUPPORTED_VERSIONS in extensions:
        number = int.from_bytes(extensions[_SUPPORTED_VERSIONS], "big")
        if number != NUMBERS["TLSv1.3"] or len(extensions[_SUPPORTED_VERSIONS]) != 2:
            raise _BrokenError(f"a hello of version {number:#06x} in the extension of TLS 1.3")
    elif number == NUMBERS["TLSv1.3"] or number not in _VERSION_OF:
        raise _BrokenError(f"a hello of version {number:#06x}")
    version, is_retry = _VERSION_OF[number], random == RETRY_RANDOM
    cipher = int.from_bytes(body[after_id : after_id + 2], "big")
    if version == VERSIONS[-1]:
        return ServerHello(version, cipher, _read_group(extensions, is_retry=is_retry), is_retry)
    if is_retry:
        raise _BrokenError(f"a HelloRetryRequest of {version}")
    return ServerHello(version, cipher, sentinel=SENTINELS.get(random[-8:]))


def _read_extensions(data: bytes) -> dict[int, bytes]:
    if not data:
        return {}  # none at all, as before TLS 1.3 and always in SSLv3
    if len(data) < 2 or int.from_bytes(data[:2], "big") != len(data) - 2:
        raise _BrokenError("a hello whose extensions have another length than they say")
    found: dict[int, bytes] = {}
    place = 2
    while place < len(data):
        kind, size = int.from_bytes(data[place : place + 2], "big"), data[place + 2 : place + 4]
        end = place + 4 + int.from_bytes(size, "big")
        if len(size) < 2 or end > len(data) or kind in found:
            raise _BrokenError(f"extension {kind} is cut off or there twice")
        found[kind] = data[place + 4 : end]
        place = end
    return found


def _read_group(extensions: dict[int, bytes], *, is_retry: bool) -> int | None:
    """Return the group; none is named where the server wants only a cookie back (RFC 8446 section 4.2.8)."""
    share = extensions.get(_KEY_SHARE)
    if share is None:
        return None
    if len(share) < 2 or (is_retry and len(share) != 2):
        raise _BrokenError(f"a key share of {len(share)} bytes")
    return int.from_bytes(share[:2], "big")


def _read_ssl2(data: bytearray) -> Answer | None:
    """Read an SSLv2 SERVER-HELLO or ERROR (the SSLv2 draft, "Protocol message format")."""
    if len(data) < 3:
        return None
    size, kind = int.from_bytes(data[:2], "big") & 0x7FFF, data[2]
    if kind == _SSL2_ERROR and size == 3:
        return Ssl2Hello(0) if len(data) >= 5 else None
    if kind != _SSL2_SERVER_HELLO or size < _SSL2_FIXED:
        return NoHello(Silence.NOT_TLS, display_start(bytes(data)))
    if len(data) < 2 + _SSL2_FIXED:
        return None
    certificate, suites, connection = (int.from_bytes(data[at : at + 2], "big") for at in (7, 9, 11))
    if suites % 3 or _SSL2_FIXED + certificate + suites + connection != size or data[5:7] != b"\x00\x02":
        raise _BrokenError("an SSLv2 hello whose lengths do not fit")
    return Ssl2Hello(suites // 3)
