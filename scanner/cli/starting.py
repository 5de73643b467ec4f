"""What settings must be to be started with, beyond what each file is by itself; `check` tells the same."""

from collections.abc import Iterator
from math import ceil

from scanner.config import ConfigError, Settings
from scanner.config.problem import Problem
from scanner.model.shard import Shard

LEASE_FACTOR = 1.2
"""How much longer than a probe a lease has to be."""


def check_service(settings: Settings, shard: Shard | None) -> None:
    """See that a service can be started: as this shard, and as the scheduler of a cluster.

    Raises:
        ConfigError: with everything that is in the way.
    """
    _raise_for([*_find_shard_problems(settings, shard), *_find_lease_problems(settings)])


def check_lease(settings: Settings) -> None:
    """See that a worker has the time for the longest probe.

    Raises:
        ConfigError: it has not.
    """
    _raise_for(list(_find_lease_problems(settings)))


def _raise_for(problems: list[Problem]) -> None:
    if problems:
        raise ConfigError(problems)


def _find_lease_problems(settings: Settings) -> Iterator[Problem]:
    least, lease = ceil(settings.probe.total_timeout * LEASE_FACTOR), settings.cluster.lease
    if settings.cluster.broker is not None and lease < least:
        why = f"must be {least:g} seconds or more, longer than probe.total_timeout (got {lease:g})"
        yield Problem("configuration", None, "cluster.lease", why)


def _find_shard_problems(settings: Settings, shard: Shard | None) -> Iterator[Problem]:
    """Yield where it is not said where each of all shards answers, or where it has no work of its own."""
    cluster = settings.cluster
    is_one_of_several = shard is not None and shard.count > 1
    if is_one_of_several and cluster.broker is not None and "queue" not in cluster.model_fields_set:
        why = (
            "has to be another one for each shard, and so does the database: schedulers that share a queue "
            "take each other's results; or leave --shard out: one scheduler has as many workers as you like"
        )
        yield Problem(f"shard {shard}", None, "cluster.queue", why)
    source = "shards" if shard is None else f"shard {shard}"
    for find in (settings.shards.places, settings.shards.links):
        try:
            find(shard or Shard())
        except ValueError as error:
            yield Problem(source, None, str(error).partition(" ")[0], str(error))
            return  # what links go by is mostly the same
