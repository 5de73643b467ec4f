"""An independent reader of ClientHellos, strict to the byte (RFC 8446 section 4.1.2, the SSLv2 draft)."""

from dataclasses import dataclass

NAME, SUPPORTED_GROUPS, SIGNATURES, PADDING, SUPPORTED_VERSIONS, KEY_SHARE = 0, 10, 13, 21, 43, 51


class Bytes:
    """Takes bytes off the front; too few are an error."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    def take(self, count: int) -> bytes:
        taken, self.data = self.data[:count], self.data[count:]
        assert len(taken) == count, "the hello is cut off"
        return taken

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size), "big")

    def sized(self, size: int) -> "Bytes":
        """Return what a length of so many bytes stands before."""
        return Bytes(self.take(self.number(size)))

    def numbers(self, size: int) -> list[int]:
        """Return all that is left as numbers of that size."""
        found = []
        while self.data:
            found.append(self.number(size))
        return found


@dataclass(frozen=True, slots=True)
class ReadHello:
    """What a ClientHello in one record says."""

    record_version: int
    version: int
    random: bytes
    session: bytes
    suites: list[int]
    extensions: dict[int, bytes] | None
    sizes: tuple[int, int, int]
    """Of the hello, of its message, of all of it with the record's header (bytes)."""

    @property
    def name(self) -> str | None:
        """The server's name, if one is sent."""
        data = (self.extensions or {}).get(NAME)
        if data is None:
            return None
        names = Bytes(Bytes(data).sized(2).data)
        assert names.number(1) == 0
        name = names.sized(2).data
        assert not names.data
        return name.decode("ascii")

    def listed(self, extension: int, *, length: int = 2) -> list[int]:
        """Return the numbers of two bytes in the list that an extension is."""
        return Bytes((self.extensions or {})[extension]).sized(length).numbers(2)


def read_hello(data: bytes) -> ReadHello:
    """Read one record with one ClientHello and nothing else."""
    record = Bytes(data)
    assert record.number(1) == 22
    record_version = record.number(2)
    message = record.sized(2)
    assert not record.data
    size_of_message = len(message.data)
    assert message.number(1) == 1
    hello = message.sized(3)
    assert not message.data
    sizes = (len(hello.data), size_of_message, len(data))
    version, random, session = hello.number(2), hello.take(32), hello.sized(1).data
    suites = hello.sized(2).numbers(2)
    assert hello.sized(1).data == b"\0"
    extensions = _read_extensions(hello.sized(2)) if hello.data else None
    assert not hello.data
    return ReadHello(record_version, version, random, session, suites, extensions, sizes)


def _read_extensions(data: Bytes) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    while data.data:
        kind = data.number(2)
        assert kind not in found
        found[kind] = data.sized(2).data
    return found


@dataclass(frozen=True, slots=True)
class ReadSsl2Hello:
    """What an SSLv2 CLIENT-HELLO says."""

    version: int
    suites: list[int]
    session: bytes
    challenge: bytes


def read_ssl2_hello(data: bytes) -> ReadSsl2Hello:
    """Read one SSLv2 record without padding, and the CLIENT-HELLO that it is."""
    record = Bytes(data)
    size = record.number(2)
    assert size & 0x8000
    assert size & 0x7FFF == len(record.data)
    assert record.number(1) == 1
    version = record.number(2)
    sizes = [record.number(2) for _ in range(3)]
    suites, session, challenge = (record.take(count) for count in sizes)
    assert not record.data
    return ReadSsl2Hello(version, Bytes(suites).numbers(3), session, challenge)
