"""A scheduler that waits: another one leads, and this one takes over when that one is gone."""

import asyncio
import socket
from collections.abc import Mapping
from dataclasses import dataclass

import structlog

from scanner import __version__
from scanner.config import ConfigError, Settings
from scanner.config.values import join_host_port
from scanner.network import own_name
from scanner.service.election import Election, Term
from scanner.service.monitored import Loader
from scanner.service.share import Share
from scanner.service.signals import Signals
from scanner.service.supervisor import Supervisor
from scanner.service.web_terms import WebTerms
from scanner.store import StoreError, find_place
from scanner.web import Guard, Names, serve_http
from scanner.web.standby_app import create_standby_app

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a service answers, on which terms, and who is told of it."""

    sock: socket.socket
    terms: WebTerms
    supervisor: Supervisor
    is_lasting: bool = False
    """Whether several applications answer there, one after the other."""

    def listen(self) -> socket.socket:
        """Return the socket for one application, which closes it in the end."""
        return self.sock.dup() if self.is_lasting else self.sock

    @property
    def address(self) -> str:
        """HOST:PORT."""
        return join_host_port(*self.sock.getsockname()[:2])


def open_election(settings: Settings, environ: Mapping[str, str], share: Share) -> Election | None:
    """Return where it is decided who leads; None where there is no cluster, or no PostgreSQL to decide it.

    What a cluster without one lacks is told in the log.
    """
    if settings.cluster.broker is None:
        return None
    try:
        place = find_place(settings.store, environ, share.shard)
    except StoreError:
        place = None  # told when the store is opened
    if place is None or place.url is None:
        log.warning(
            "no_standby",
            why="the store is no PostgreSQL, so that nothing keeps a second scheduler of this vantage away "
            "from this one's work, and none can take over: run one only, or set store.url",
        )
        return None
    return Election(place, share.scope(settings.vantage), settings.cluster.takeover)


async def stand_by(election: Election, settings: Settings, place: Place, signals: Signals) -> Term | None:
    """Wait for our turn, and tell whoever asks that we do; None where we are told to stop before."""
    if (term := await election.stand()) is not None:
        return term
    own = (socket.gethostname(), settings.probe.ehlo_name or own_name(), settings.web.host)
    names = Names(settings.web.hosts, tuple(map(str.lower, own)))
    inner = create_standby_app(lambda: describe(election), __version__)
    app = Guard(inner, place.terms.find, lambda: names)
    async with serve_http(app, place.listen(), find_terms=place.terms.find):
        log.info("standing_by", version=__version__, listen=place.address, why=describe(election))
        place.supervisor.tell_ready(f"Standby at {place.address}: {describe(election)}")
        async with asyncio.TaskGroup() as group:
            beside = [group.create_task(one) for one in (place.supervisor.keep_alive(), place.terms.run())]
            winning = group.create_task(election.win())
            has_to_stop = await signals.until_stop(_wait_for(winning))
            for task in (*beside, winning):
                task.cancel()
    if has_to_stop:
        place.supervisor.tell_stopping()
        if winning.cancelled():
            return None
        await winning.result().end()
        return None
    return winning.result()


def describe(election: Election) -> str:
    """Say in one sentence for whom or what we wait."""
    after = f"{election.patience:g} s"
    if election.sight is None:
        why = election.error or "it has not answered yet"
        return f"it waits for PostgreSQL, which decides who leads: {why}."
    return (
        f"the scheduler on {election.sight.holder or 'no machine'} leads, and this one takes over at once "
        f"when that one stops, and {after} after its last sign of life when it dies."
    )


def reload_or_keep(settings: Settings, load: Loader) -> Settings:
    """Return the settings as the files have them now; as they were where the files have become bad."""
    try:
        return load()
    except (ConfigError, ValueError, OSError) as error:
        log.error("reload_failed", problems=tuple(str(error).splitlines()))
        return settings


async def _wait_for(task: "asyncio.Task[Term]") -> None:
    await asyncio.wait({task})
