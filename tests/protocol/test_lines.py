"""The line buffer against a model of it, and its bounds."""

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from scanner.protocol.lines import MAX_LINE, LineBuffer, LineTooLongError
from tests.protocol.budget import tries

PIECES = st.one_of(
    st.binary(max_size=40),
    st.sampled_from(
        [
            b"\r\n",
            b"\n",
            b"\r",
            b"a\r\n",
            b"250-a\r\n",
            b"250-\r\r\n",
            b"xyz-\n",
            b"250 b\r\n",
            b"\r\r\n",
            b"\n\n",
            b"{3}\r\nabc",
        ]
    ),
    st.sampled_from([1, 2, MAX_LINE - 1, MAX_LINE, MAX_LINE + 1]).map(lambda count: b"x" * count),
)


class LineBufferModel(RuleBasedStateMachine):
    """Plays the buffer against plain bytes, searched from the beginning each time."""

    def __init__(self) -> None:
        super().__init__()
        self.buffer = LineBuffer()
        self.model = b""

    @rule(piece=PIECES)
    def feed(self, piece: bytes) -> None:
        self.buffer.feed(piece)
        self.model += piece

    @rule()
    def take_line(self) -> None:
        line, newline, rest = self.model.partition(b"\n")
        if len(line) > MAX_LINE:
            with pytest.raises(LineTooLongError):
                self.buffer.take_line()
        elif not newline:
            assert self.buffer.take_line() is None
        else:
            assert self.buffer.take_line() == line.removesuffix(b"\r")
            self.model = rest

    @rule()
    def take_reply(self) -> None:
        if len(self.model.partition(b"\n")[0]) > MAX_LINE:
            with pytest.raises(LineTooLongError):
                self.buffer.take_reply()
            return
        lines: list[bytes] = []
        while not lines or lines[-1][3:4] == b"-":
            line, newline, rest = self.model.partition(b"\n")
            if not newline or len(line) > MAX_LINE:
                break
            lines.append(line.removesuffix(b"\r"))
            self.model = rest
        assert self.buffer.take_reply() == (b"\n".join(lines) if lines else None)

    @rule(count=st.integers(0, 50))
    def take(self, count: int) -> None:
        if len(self.model) < count:
            assert self.buffer.take(count) is None
        else:
            assert self.buffer.take(count) == self.model[:count]
            self.model = self.model[count:]

    @rule(count=st.integers(0, 50))
    def peek(self, count: int) -> None:
        assert self.buffer.peek(count) == self.model[:count]

    @rule()
    def clear(self) -> None:
        assert self.buffer.clear() == self.model
        self.model = b""

    @invariant()
    def holds_what_was_fed_and_not_taken(self) -> None:
        assert len(self.buffer) == len(self.model)


TestLineBuffer = LineBufferModel.TestCase
TestLineBuffer.settings = tries(60)


def test_a_line_of_exactly_the_longest_length_is_taken() -> None:
    buffer = LineBuffer()
    buffer.feed(b"x" * MAX_LINE + b"\n")

    assert buffer.take_line() == b"x" * MAX_LINE


@pytest.mark.parametrize("ending", [b"", b"\n"])
def test_one_byte_more_is_too_long(ending: bytes) -> None:
    buffer = LineBuffer()
    buffer.feed(b"x" * (MAX_LINE + 1) + ending)

    with pytest.raises(LineTooLongError):
        buffer.take_line()


def test_a_long_line_byte_by_byte_is_searched_only_once() -> None:
    class Counting(bytearray):
        searched = 0

        def find(self, what: bytes, start: int = 0) -> int:  # type: ignore[override]
            Counting.searched += len(self) - start
            return super().find(what, start)

    buffer = LineBuffer()
    buffer._data = Counting()
    for _ in range(MAX_LINE):
        buffer.feed(b"x")
        assert buffer.take_line() is None

    assert Counting.searched == MAX_LINE
