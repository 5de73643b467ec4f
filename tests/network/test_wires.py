"""The wires to a PostgreSQL: whatever ends while they are cut, nobody waits for ever."""

import gc
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from scanner.network import wires as module
from scanner.network.wires import Wires

SECONDS = 5.0


class Tied:
    """A connection that only the collector ends: it knows itself."""

    def __init__(self) -> None:
        self.ours, self.theirs = socket.socketpair()
        self.itself = self

    def fileno(self) -> int:
        return self.ours.fileno()

    def __del__(self) -> None:
        self.ours.close()
        self.theirs.close()


def test_a_connection_that_is_collected_while_wires_are_cut_stops_nobody(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    wires, kept = Wires(), Tied()
    wires.add(kept)
    wires.add(Tied())

    @contextmanager
    def collect_and_suppress(*kinds: type[BaseException]) -> Iterator[None]:
        gc.collect()  # as it may happen wherever an object is made
        with suppress(*kinds):
            yield

    monkeypatch.setattr(module, "suppress", collect_and_suppress)
    cutting = threading.Thread(target=wires.cut, daemon=True)
    cutting.start()
    cutting.join(SECONDS)

    assert not cutting.is_alive()
    assert kept.theirs.recv(1) == b""
