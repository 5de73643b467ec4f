"""Any bytes, cut anywhere: a session never raises, holds little, says nothing forbidden, and always ends."""

import dataclasses
from collections.abc import Iterator, Sequence

from hypothesis import given
from hypothesis import strategies as st
from OpenSSL import SSL

from scanner.model import Certificate, Phase, Protocol, TlsMode
from scanner.protocol import MAX_BYTES, End, Session, TlsClient
from scanner.protocol.display import MAX_CHARACTERS
from scanner.protocol.server_hello import Answer, AnswerReader, ServerHello
from tests.protocol.budget import tries
from tests.protocol.conftest import Serve
from tests.protocol.identities import HOST
from tests.protocol.replay import EHLO_NAME, MAX_INTERRUPTS, fake_clock, is_forbidden, make_session
from tests.protocol.tls_server import ServerTunnel, TlsServer
from tests.protocol.transcript import Ends, Say, Tls, Transcript, read_all

TRANSCRIPTS = [transcript for transcript in read_all() if len(transcript.script) < 50]

WORDS = st.sampled_from(
    b"220 mx|220-|250 |250-STARTTLS|250-AUTH PLAIN|250 XXXXXXXA|421 no|554|221|HTTP/1.1 400|"
    b"* OK|* PREAUTH|* BYE|* CAPABILITY IMAP4rev1 STARTTLS|* X {3}|{0}|{99999}|a1 OK|a2 OK|a2 NO|a3 OK|a9 OK|"
    b"+OK|-ERR|STLS|SASL PLAIN|.|..|"
    b"\x16\x03\x01|\x15\x03\x03\x00\x02\x02\x28|\x16\x03\x03\x00\x05hello".split(b"|")
)
TEXTS = st.lists(WORDS | st.binary(max_size=30) | st.sampled_from([b"\r\n", b"\n", b" "]), max_size=40).map(
    lambda parts: b"".join(part + (b"\r\n" if len(part) > 4 else b"") for part in parts)
)
ENDS = st.lists(st.sampled_from([End.CLOSED, End.RESET, End.TIMEOUT]), min_size=MAX_INTERRUPTS, max_size=9)
CUTS = st.lists(st.integers(1, 60), min_size=1, max_size=20)


def pieces_of(data: bytes, cuts: Sequence[int]) -> Iterator[bytes]:
    """Cut the data into pieces of these lengths, over and over."""
    place = number = 0
    while place < len(data):
        size = cuts[number % len(cuts)]
        yield data[place : place + size]
        place, number = place + size, number + 1


def feed(session: Session, data: bytes) -> bytes:
    """Feed it, look whether its bounds hold, and return what it says."""
    session.receive(data)
    assert len(session._lines) <= 64 * 1024 + len(data)
    assert session.bytes_read <= MAX_BYTES
    return session.take_outgoing()


def finish(session: Session, ends: Sequence[End]) -> bytes:
    """Interrupt it until it is done, which must not take long; return its last words."""
    for end in ends[:MAX_INTERRUPTS]:
        session.interrupt(end)
    assert session.is_done
    look_over(session)
    return session.take_outgoing()


def look_over(session: Session) -> None:
    """Check that every text found is safe to show, and every list bounded."""
    for text in texts_of(session.found):
        assert text.isprintable()
        assert len(text) <= MAX_CHARACTERS
    for field in dataclasses.fields(session.found):
        value = getattr(session.found, field.name)
        assert not isinstance(value, tuple) or len(value) <= 256
    assert set(session.found.phases) <= set(Phase)
    assert all(seconds >= 0 for seconds in session.found.phases.values())


def texts_of(found: object) -> Iterator[str]:
    for field in dataclasses.fields(found):  # type: ignore[arg-type]
        value = getattr(found, field.name)
        if isinstance(value, str):
            yield value
        elif isinstance(value, tuple):
            for each in value:
                if isinstance(each, str):
                    yield each
                elif dataclasses.is_dataclass(each):
                    yield from texts_of(each)
        elif isinstance(value, Certificate):
            yield from texts_of(value)


def check_words(said: bytes) -> None:
    """Check what the client says in clear, up to a ClientHello."""
    text = said.split(b"\x16\x03", 1)[0]
    for line in text.split(b"\r\n"):
        assert line.isascii()
        assert not is_forbidden(line)


@given(st.sampled_from(Protocol), st.sampled_from(TlsMode), TEXTS | st.binary(max_size=400), CUTS, ENDS)
@tries(300)
def test_any_bytes(
    tls: TlsClient, protocol: Protocol, mode: TlsMode, data: bytes, cuts: list[int], ends: list[End]
) -> None:
    session = Session(protocol, mode, HOST, ehlo_name=EHLO_NAME, tls=tls, clock=fake_clock())
    session.begin()
    said = session.take_outgoing()

    for piece in pieces_of(data, cuts):
        said += feed(session, piece)
    said += finish(session, ends)

    check_words(said)


@given(st.sampled_from(Protocol), TEXTS, CUTS, ENDS)
@tries(100)
def test_any_answer_to_the_last_question(
    tls: TlsClient, protocol: Protocol, data: bytes, cuts: list[int], ends: list[End]
) -> None:
    session = Session(protocol, TlsMode.STARTTLS, HOST, ehlo_name=EHLO_NAME, tls=tls, clock=fake_clock())
    session.begin()
    session.interrupt(End.TIMEOUT)
    session.take_outgoing()

    for piece in pieces_of(data, cuts):
        feed(session, piece)
    finish(session, ends)

    assert session.found.reason is not None


class BlindServer:
    """Says its lines whatever the client does; begins TLS where it is meant to and the client is willing."""

    def __init__(self, session: Session, server: TlsServer, cuts: Sequence[int]) -> None:
        self.session = session
        self.said = bytearray()
        self._server = server
        self._cuts = cuts
        self._tunnel: ServerTunnel | None = None

    def say(self, data: bytes) -> None:
        if self._tunnel is not None and data:
            try:
                data = self._tunnel.encrypt(data)
            except SSL.Error:
                return  # the client has broken the tunnel
        self.send(data)

    def send(self, data: bytes) -> None:
        for piece in pieces_of(data, self._cuts):
            self._hear(feed(self.session, piece))

    def start_tls(self) -> None:
        hello = bytes(self.said).rpartition(b"\x16\x03\x01")
        if self._tunnel is not None or self.session.phase is not Phase.TLS or not hello[1]:
            return
        self._tunnel = self._server.accept()
        self._tunnel.feed(hello[1] + hello[2])
        for _ in range(3):
            try:
                self._tunnel.handshake()
            except SSL.Error:
                break  # the client has said no, or nothing that makes sense any more
            self.send(self._tunnel.take())

    def _hear(self, said: bytes) -> None:
        if self._tunnel is None:
            self.said += said
        elif self._tunnel.is_established:
            try:
                self.said += self._tunnel.hear(said)
            except SSL.Error:
                return  # an alert
        else:
            self._tunnel.feed(said)


CHANGES = st.lists(
    st.tuples(
        st.sampled_from(["drop", "repeat", "insert", "overwrite", "swap"]),
        st.integers(0, 2000),
        WORDS | st.binary(),
    ),
    max_size=4,
)


def change(data: bytes, how: str, place: int, with_what: bytes) -> bytes:
    """Return the bytes with one change at a place."""
    place %= len(data) + 1
    if how == "drop":
        return data[:place] + data[place + len(with_what) :]
    if how == "repeat":
        return data + data[place:]
    if how == "insert":
        return data[:place] + with_what + data[place:]
    if how == "overwrite":
        return data[:place] + with_what + data[place + len(with_what) :]
    return data[place:] + data[:place]


@given(st.sampled_from(TRANSCRIPTS), CHANGES, st.integers(0, 60), CUTS, ENDS)
@tries(250)
def test_changed_transcripts_cut_anywhere(
    tls: TlsClient,
    server_of: Serve,
    transcript: Transcript,
    changes: list[tuple[str, int, bytes]],
    length: int,
    cuts: list[int],
    ends: list[End],
) -> None:
    session = make_session(transcript, tls)
    blind = BlindServer(session, server_of(transcript.certificate, *transcript.versions), cuts)
    session.begin()
    blind.said += session.take_outgoing()

    for number, step in enumerate(transcript.script[:length]):
        if isinstance(step, Say):
            data = step.data
            for how, place, what in changes[number % 2 :: 2]:
                data = change(data, how, place, what)
            blind.say(data)
        elif isinstance(step, Tls):
            blind.start_tls()
        elif isinstance(step, Ends):
            session.interrupt(step.end)
            blind.said += session.take_outgoing()
    finish(session, ends)

    check_words(bytes(blind.said))


@given(st.integers(0, 6000), st.integers(1, 255), st.integers(1, 3), CUTS, ENDS)
@tries(150)
def test_a_handshake_with_a_changed_byte(
    tls: TlsClient, server_of: Serve, place: int, flip: int, flight: int, cuts: list[int], ends: list[End]
) -> None:
    session = Session(Protocol.POP3, TlsMode.IMPLICIT, HOST, ehlo_name=EHLO_NAME, tls=tls, clock=fake_clock())
    session.begin()
    end = server_of("good", "TLSv1.2", "TLSv1.3").accept()
    for number in range(1, 4):
        end.feed(session.take_outgoing())
        try:
            end.handshake()
            data = bytearray(end.encrypt(b"+OK mx\r\n") if end.is_established else end.take())
        except SSL.Error:
            break
        if number == flight and data:
            data[place % len(data)] ^= flip
        for piece in pieces_of(bytes(data), [7 * cut for cut in cuts]):
            session.receive(piece)
    finish(session, ends)


def records_of(data: bytes) -> list[bytes]:
    """Cut a flight into its TLS records."""
    records, place = [], 0
    while place < len(data):
        size = 5 + int.from_bytes(data[place + 3 : place + 5])
        records.append(data[place : place + size])
        place += size
    return records


def fragments_of(record: bytes, size: int) -> list[bytes]:
    """Cut the content of a handshake record into records of their own (RFC 8446 section 5.1)."""
    if record[0] != 22:
        return [record]
    content = record[5:]
    parts = [content[place : place + size] for place in range(0, len(content), size)]
    return [record[:3] + len(part).to_bytes(2) + part for part in parts]


ORDERS = st.lists(st.integers(0, 40), min_size=1, max_size=60)
"""Which records come one after the other, by their number: some again, some never, some too early."""


@given(ORDERS, st.sampled_from([1, 7, 100, 20000]), st.sampled_from(["TLSv1.2", "TLSv1.3"]), CUTS, ENDS)
@tries(120)
def test_records_that_come_again_too_early_or_never(
    tls: TlsClient,
    server_of: Serve,
    order: list[int],
    size: int,
    version: str,
    cuts: list[int],
    ends: list[End],
) -> None:
    session = Session(Protocol.POP3, TlsMode.IMPLICIT, HOST, ehlo_name=EHLO_NAME, tls=tls, clock=fake_clock())
    session.begin()
    end = server_of("good", version, version).accept()
    end.feed(session.take_outgoing())
    end.handshake()
    records = [part for record in records_of(end.take()) for part in fragments_of(record, size)]
    asked = AnswerReader()

    for number in order:
        record = records[number % len(records)]
        asked.feed(record)
        for piece in pieces_of(record, [7 * cut for cut in cuts]):
            feed(session, piece)

    finish(session, ends)
    assert session.found.certificate is None or session.found.certificate.chain_length <= len(records)
    answer = asked.end(ends[0])
    if order[0] % len(records) or size < 20000:
        # What is no ServerHello at once may only become one by the right pieces in the right order.
        assert not isinstance(answer, ServerHello) or answer.version == version
    else:
        assert answer == read_whole(records[0])


def read_whole(record: bytes) -> Answer:
    reader = AnswerReader()
    return reader.feed(record) or reader.end(End.CLOSED)


@given(ENDS)
@tries(10)
def test_a_certificate_message_in_a_thousand_fragments_out_of_order(
    tls: TlsClient, server_of: Serve, ends: list[End]
) -> None:
    """One byte a record, the last ones first: the handshake fails, and nothing passes for the certificate."""
    session = Session(Protocol.POP3, TlsMode.IMPLICIT, HOST, ehlo_name=EHLO_NAME, tls=tls, clock=fake_clock())
    session.begin()
    end = server_of("good", "TLSv1.2", "TLSv1.2").accept()
    end.feed(session.take_outgoing())
    end.handshake()
    hello, *rest = records_of(end.take())
    parts = [part for record in rest for part in fragments_of(record, 1)]
    assert len(parts) > 500

    for part in (hello, *parts[::-1]):
        feed(session, part)

    finish(session, ends)
    assert session.found.tls is None
    assert session.found.certificate is None
    assert session.found.reason is not None
