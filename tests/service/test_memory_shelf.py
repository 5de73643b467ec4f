"""The shelf: what is put there comes back equal, however long it lay, and small meanwhile."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.model import State
from scanner.model.memory import Memory, Trait
from scanner.model.observation import Key
from scanner.service.memory_shelf import MOST_OPEN, MemoryShelf
from scanner.service.recollection import read_memory, write_memory
from scanner.store.packing import pack, unpack

NOW = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)


def key_of(number: int) -> Key:
    return (f"host{number}.test", "192.0.2.1", 25, "smtp", "starttls")


def memory_of(number: int) -> Memory:
    traits = {
        "open": Trait(True, NOW, NOW),
        "tls_version": Trait(5, NOW, NOW + timedelta(seconds=number)),
        "auth": Trait(("LOGIN", "PLAIN"), NOW, NOW),
        "banner": Trait((f"220 host{number}.test ESMTP",), NOW, NOW, rival=("other",), rival_count=1),
    }
    return Memory(traits=traits, state=State.OPEN, state_since=NOW, recent=((), ("starttls_missing",)))


@given(st.text())
def test_what_is_packed_comes_back(text: str) -> None:
    text = text.encode(errors="ignore").decode()
    assert unpack(pack(text)) == text


def test_a_memory_takes_a_fraction_of_its_text() -> None:
    text = write_memory(memory_of(1))
    assert len(pack(text)) < len(text) / 3


def test_memories_come_back_equal_however_many_were_put_there_since() -> None:
    shelf = MemoryShelf(write_memory, read_memory)
    numbers = range(MOST_OPEN + 100)
    for number in numbers:
        shelf[key_of(number)] = memory_of(number)
    assert len(shelf) == len(numbers)
    assert len(shelf._open) == MOST_OPEN
    assert [shelf.get(key_of(number)) for number in numbers] == [memory_of(number) for number in numbers]
    assert len(shelf._open) == MOST_OPEN


def test_a_memory_takes_the_place_of_the_one_before() -> None:
    shelf = MemoryShelf(write_memory, read_memory)
    shelf[key_of(1)] = memory_of(1)
    pinned = replace(memory_of(1), is_pinned=True)
    shelf[key_of(1)] = pinned
    shelf._open.clear()
    assert shelf.get(key_of(1)) == pinned


def test_what_is_taken_away_is_gone() -> None:
    shelf = MemoryShelf(write_memory, read_memory)
    shelf[key_of(1)] = memory_of(1)
    assert key_of(1) in shelf
    assert shelf.pop(key_of(1)) == memory_of(1)
    assert shelf.pop(key_of(1)) is None
    assert shelf.get(key_of(1)) is None
    assert key_of(1) not in shelf


@pytest.mark.parametrize("laid_open", [True, False])
def test_what_cannot_be_written_stays_as_it_is(*, laid_open: bool) -> None:
    shelf = MemoryShelf(write_memory, read_memory)
    odd = replace(memory_of(1), evidence="\ud800")
    shelf[key_of(1)] = odd
    if not laid_open:
        shelf._open.clear()
    assert shelf.get(key_of(1)) is odd
