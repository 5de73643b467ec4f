"""The service: watches, answers HTTP, reloads on SIGHUP and on changed files, drains on SIGTERM."""

import asyncio
import os
import socket
from collections.abc import Callable, Iterable

import structlog

from scanner import __version__
from scanner.config import Settings
from scanner.discovery.pieces import give_way
from scanner.model import Observation, TargetFinding
from scanner.model.registrable import read_suffixes
from scanner.service.account_desk import AccountDesk
from scanner.service.archive import Archive, open_archive
from scanner.service.election import Term
from scanner.service.far import Far
from scanner.service.long_lived import let_go, set_aside
from scanner.service.monitored import Loader, Service
from scanner.service.outlets_of_watch import open_outlets
from scanner.service.outposts import Outposts
from scanner.service.parts import build_parts
from scanner.service.reloads import reload_on, reload_on_change
from scanner.service.share import Share
from scanner.service.signals import Signals
from scanner.service.standby import Place, open_election, reload_or_keep, stand_by
from scanner.service.supervisor import Supervisor
from scanner.service.watch import Watch
from scanner.service.web_terms import WebTerms, find_names
from scanner.web import Guard, create_app, serve_http

log = structlog.get_logger(__name__)

DRAIN_SECONDS = 1.0
"""Many times what a probe in good order takes; whoever waits for a silent server is cut short."""


async def run_service(
    settings: Settings,
    load: Loader,
    sock: socket.socket,
    *,
    on_first_pass: Callable[[Iterable[Observation | TargetFinding]], None] | None = None,
    terms: WebTerms | None = None,
    share: Share | None = None,
) -> None:
    """Serve until SIGTERM or SIGINT; SIGHUP reloads.

    `on_first_pass` is handed all results once everything has been probed. `terms` say whom to serve.
    `share` says what of all targets is ours.

    Raises:
        QueueTakenError: another shard uses the queue of the cluster that is set for this one.
    """
    signals = Signals.catch()
    set_aside()  # before there is much: later on that would hold probes up
    share, terms, supervisor = share or Share(), terms or WebTerms(None), Supervisor(os.environ)
    election = open_election(settings, os.environ, share)
    place = Place(sock, terms, supervisor, is_lasting=election is not None)
    if election is None:
        await _serve(settings, load, place, signals, share=share, on_first_pass=on_first_pass)
        return
    try:
        while (term := await stand_by(election, settings, place, signals)) is not None:
            settings = reload_or_keep(settings, load)
            try:
                await _serve(
                    settings, load, place, signals, share=share, term=term, on_first_pass=on_first_pass
                )
            finally:
                await term.end()
            if signals.stop.is_set():
                break
            let_go()
    finally:
        await election.close()
        sock.close()


async def _serve(
    settings: Settings,
    load: Loader,
    place: Place,
    signals: Signals,
    *,
    share: Share,
    term: Term | None = None,
    on_first_pass: Callable[[Iterable[Observation | TargetFinding]], None] | None = None,
) -> None:
    """Watch and serve until told to stop, or until the term is over."""
    far = Far(settings, term, share.shard)
    if await signals.until_stop(far.begin()):
        return
    archive = open_archive(settings, os.environ, share, None if term is None else term.fence)
    policies = None if archive is None else archive.policies
    parts = build_parts(settings, policies=policies, make_prober=far.make_prober)
    keeper = None if archive is None else archive.keeper
    watch = Watch(settings, parts, on_planned=set_aside, keeper=keeper, share=share)
    outposts = Outposts(watch, far)
    outlets = open_outlets(settings, watch, term, archive)
    accounts = AccountDesk(watch, archive, os.environ)
    reloaded = (outlets.adjust, accounts.adjust, outposts.adjust)
    service = Service(
        watch, load, archive, on_reload=reloaded, accounts=accounts.standings, far=far, outposts=outposts
    )
    terms, supervisor = place.terms, place.supervisor
    app = Guard(create_app(service), terms.find, lambda: find_names(*watch.parts_in_force))
    async with serve_http(app, place.listen(), find_terms=terms.find):
        where, about = place.address, share.describe()
        log.info("serving", version=__version__, listen=where, targets=len(settings.targets), **about)
        supervisor.tell_ready(f"Serving {where}, watching {len(settings.targets)} targets.")
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(_run_watch(watch, archive, accounts, outposts)),
                group.create_task(far.run()),
                group.create_task(outlets.run()),
                group.create_task(service.hub.run()),
                group.create_task(terms.run()),
                group.create_task(reload_on(signals.hang_up, service, supervisor)),
                group.create_task(supervisor.keep_alive()),
                group.create_task(reload_on_change(service)),
            ]
            if on_first_pass is not None:
                tasks.append(group.create_task(_tell_first_pass(watch, on_first_pass)))
            if await signals.until_stop(None if term is None else term.hold(far.confirm)):
                log.info("stopping")
                supervisor.tell_stopping()
                await asyncio.gather(watch.drain(DRAIN_SECONDS), outlets.drain(DRAIN_SECONDS))
            else:
                await outlets.drain(DRAIN_SECONDS)  # lines; the webhook is owed the rest by who leads now
            for task in tasks:
                task.cancel()
        if archive is not None:
            await archive.close()  # before the clients go, who may wait for it


async def _run_watch(
    watch: Watch, archive: Archive | None, accounts: AccountDesk, outposts: Outposts
) -> None:
    """Watch with what was known before; without it where the store fails."""
    if archive is not None:
        watch.telemetry.show_store(lambda: archive.store.status)
    await asyncio.to_thread(read_suffixes)  # the first result would wait for it, and all others with it
    if archive is not None:
        await _recall(watch, archive, accounts)
        outposts.restore()
    async with asyncio.TaskGroup() as group:
        group.create_task(watch.run())
        group.create_task(accounts.run())
        group.create_task(outposts.run())
        if archive is not None:
            group.create_task(archive.run(watch))


async def _recall(watch: Watch, archive: Archive, accounts: AccountDesk) -> None:
    """Hand on what was known before, and hold it no longer: it is as large as all else of the watch."""
    past = await archive.load()
    await give_way(watch.restore(past))
    accounts.restore(past.accounts)


async def _tell_first_pass(
    watch: Watch, tell: Callable[[Iterable[Observation | TargetFinding]], None]
) -> None:
    await watch.first_pass.wait()
    tell([*watch.observations(), *watch.findings()])
