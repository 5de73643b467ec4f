"""Which shard a command is about: by its option, or by its environment and host name."""

import os
import platform

from scanner.cli.console import give_up
from scanner.model.shard import Shard, find_shard


def choose_shard(option: str | None) -> Shard | None:
    """Return the shard; end the command where what is set makes no sense."""
    try:
        return find_shard(option, os.environ, platform.node())
    except ValueError as error:
        give_up(str(error))
