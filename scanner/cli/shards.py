"""Which shard a command is about: by its option, or by its environment and host name."""

import os
import platform

from scanner.cli.console import give_up
from scanner.config import ConfigError, Settings
from scanner.config.problem import Problem
from scanner.model.shard import Shard, find_shard


def choose_shard(option: str | None) -> Shard | None:
    """Return the shard; end the command where what is set makes no sense."""
    try:
        return find_shard(option, os.environ, platform.node())
    except ValueError as error:
        give_up(str(error))


def check_places(settings: Settings, shard: Shard | None) -> None:
    """See that settings say where each of all shards answers, and that each has work of its own.

    Raises:
        ConfigError: they do not.
    """
    cluster = settings.cluster
    is_one_of_several = shard is not None and shard.count > 1
    if is_one_of_several and cluster.broker is not None and "queue" not in cluster.model_fields_set:
        why = (
            "has to be another one for each shard, and so does the database: schedulers that share a queue "
            "take each other's results; or leave --shard out: one scheduler has as many workers as you like"
        )
        raise ConfigError([Problem(f"shard {shard}", None, "cluster.queue", why)])
    try:
        settings.shards.places(shard or Shard())
        settings.shards.links(shard or Shard())
    except ValueError as error:
        source = "shards" if shard is None else f"shard {shard}"
        raise ConfigError([Problem(source, None, str(error).partition(" ")[0], str(error))]) from None
