"""What the commands share that read the store: whose settings count, where it is, how its faults are told."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from scanner.cli.console import Exit, ending_quietly, give_up
from scanner.cli.options import list_problems
from scanner.cli.shards import choose_shard
from scanner.config import ConfigError, Settings, default_settings, load_settings
from scanner.model.target import escape
from scanner.store import Place, Reader, StoreError, find_place

DEFAULT_CONFIG = Path("config/mailport.yml")


@dataclass(frozen=True, slots=True)
class Source:
    """A store to read, and the settings of the service that writes to it."""

    settings: Settings
    place: Place
    reader: Reader

    @property
    def vantage(self) -> str:
        """Whose memories count."""
        return self.settings.vantage


@contextmanager
def open_source(config: Path | None) -> Iterator[Source]:
    """Open the store of the service with this configuration; a fault of the store ends the command.

    Without one the service's own default counts where it is there, and no file at all elsewhere.
    """
    settings = read_settings(config)
    with ending_quietly(), _telling_faults():
        place = find_place(settings.store, os.environ, choose_shard(None))
        if place is None:
            give_up("the settings keep nothing (store: false); there is no memory to read")
        reader = Reader(place)
        try:
            yield Source(settings, place, reader)
        finally:
            reader.close()


def name_store(source: Source, config: Path | None) -> str:
    """Name the store that was read, for whoever finds nothing in it, and how another one is read."""
    hint = "" if config is not None else "; the store of another service is read with --config FILE"
    return f"{escape(str(source.place))}{hint}"


def read_settings(config: Path | None) -> Settings:
    """Return the settings in a file, or else the default ones."""
    path = config or (DEFAULT_CONFIG if DEFAULT_CONFIG.exists() else None)
    if path is None:
        return default_settings(())
    try:
        return load_settings(path, os.environ, require_targets=False)
    except ConfigError as error:
        give_up(list_problems(error))


@contextmanager
def _telling_faults() -> Iterator[None]:
    try:
        yield
    except StoreError as error:
        give_up(str(error), Exit.CANNOT_WORK)
