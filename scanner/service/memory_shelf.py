"""The shelf: keeps the memories of endpoints packed, and those in use open."""

from collections import OrderedDict
from collections.abc import Callable

from scanner.model.memory import Memory
from scanner.model.observation import Key
from scanner.store.packing import pack, unpack

MOST_OPEN = 64
"""A memory is needed several times within moments, and then not before the next probe. Those that lie open
longer are what the garbage collector visits: with 512 it took 3 % of the CPU, and 20 ms at a time."""


class MemoryShelf:
    """Holds a memory for each key, in a few hundred bytes; as values they would be five thousand.

    Args:
        write: writes a memory as text.
        read: reads such a text; None where it cannot be read.
    """

    def __init__(self, write: Callable[[Memory], str], read: Callable[[str], Memory | None]) -> None:
        self._write = write
        self._read = read
        self._packed: dict[Key, bytes | Memory] = {}
        self._open: OrderedDict[Key, Memory] = OrderedDict()

    def __len__(self) -> int:
        return len(self._packed)

    def __contains__(self, key: Key) -> bool:
        return key in self._packed

    def __setitem__(self, key: Key, memory: Memory) -> None:
        if self._open.get(key) is not memory:
            try:
                self._packed[key] = pack(self._write(memory))
            except (TypeError, ValueError):  # what cannot be written is not lost by that
                self._packed[key] = memory
            self._lay_open(key, memory)

    def get(self, key: Key) -> Memory | None:
        """Return what is kept, or None."""
        memory = self._open.get(key)
        if memory is None and (packed := self._packed.get(key)) is not None:
            memory = packed if isinstance(packed, Memory) else self._read(unpack(packed))
            if memory is not None:
                self._lay_open(key, memory)
        return memory

    def pop(self, key: Key) -> Memory | None:
        """Return what is kept and keep it no more, or return None."""
        memory = self.get(key)
        self._packed.pop(key, None)
        self._open.pop(key, None)
        return memory

    def _lay_open(self, key: Key, memory: Memory) -> None:
        self._open[key] = memory
        self._open.move_to_end(key)
        if len(self._open) > MOST_OPEN:
            self._open.popitem(last=False)
