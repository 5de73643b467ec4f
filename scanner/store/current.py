"""What is current of an endpoint: its last entry, kept small, in case the database is lost."""

from dataclasses import dataclass

from scanner.model import Observation
from scanner.store.packing import pack, unpack
from scanner.store.values import Entry


@dataclass(frozen=True, slots=True)
class Current:
    """The last entry of a watched endpoint, without its events: they are written."""

    observation: Observation
    memory: bytes | None = None

    @classmethod
    def of(cls, entry: Entry, former: "Current | None" = None) -> "Current":
        """Return what is current by an entry; the memory of the former one stays where it has none."""
        if entry.memory is not None:
            return cls(entry.observation, pack(entry.memory))
        return cls(entry.observation, None if former is None else former.memory)

    def unpack(self) -> Entry:
        """Return the entry again."""
        return Entry(self.observation, None if self.memory is None else unpack(self.memory))
