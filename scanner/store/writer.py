"""The writer: one thread that owns the connection, writes, prunes, and comes back after faults by itself."""

import contextlib
import secrets
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, InvalidStateError
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import structlog
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from scanner.store.batch import BatchWriter
from scanner.store.current import Current
from scanner.store.faults import (
    ForeignStoreError,
    NewerSchemaError,
    StoreError,
    StoreFencedError,
    describe,
    is_about_values,
    is_damage,
)
from scanner.store.files import Identity, move_aside
from scanner.store.health import Health
from scanner.store.marks import read_mark, write_mark
from scanner.store.pending import Batch, Name, Pending, Waiting
from scanner.store.place import Place
from scanner.store.pruning import Pruner, shrink
from scanner.store.session import Session
from scanner.store.values import Limits, Pace

log = structlog.get_logger(__name__)

_Result = TypeVar("_Result")
_IDENTITY = "store"
"""The mark by which a database is known again."""


class Writer:
    """Call everything but `start` and `stop` from any thread; nothing here blocks or raises.

    Args:
        clock: seconds since 1970.
        owner: the vantage, and its shard where there are several; one writer each. `outbox`: who delivers.
    """

    def __init__(
        self, place: Place, limits: Limits, pace: Pace, *, clock: Callable[[], float], owner: str, outbox: str
    ) -> None:
        self.pending = Pending(pace)
        self.batches = BatchWriter(outbox)
        self.health = Health(str(place), pace)
        self.current: dict[Name, Current] = {}
        """The last entry of every watched endpoint: written again where the database is lost."""
        self.meta: dict[str, str] = {}
        """The key/value table as it was read and written; likewise."""
        self.written = 0
        self.size_bytes: int | None = None
        self._place = place
        self._pace = pace
        self._clock = clock
        self._mark = f"batch:{owner}"
        self._session = Session(place, pace, owner)
        self._pruner = Pruner(limits, pace)
        self._prune_at = time.monotonic() + pace.prune_seconds
        self._look_at = time.monotonic() + pace.look_seconds
        self._hand: deque[Batch] = deque()
        self._jobs: deque[tuple[Callable[[Connection], Any], Future[Any]]] = deque()
        self._answers: list[tuple[Future[Any], Any]] = []
        self._hurry = threading.Event()
        self._is_stopping = False
        self._is_over = False
        self._identity: tuple[str, Identity | None] | None = None
        self._is_anew = False
        # It must not hold the end of the process where a database does not answer.
        self._thread = threading.Thread(target=self._run, name="mailport-store", daemon=True)

    def __len__(self) -> int:
        """How much waits."""
        return len(self.pending) + sum(map(len, tuple(self._hand)))

    def start(self) -> None:
        """Open the store and go on from there."""
        self._thread.start()

    def stop(self, seconds: float) -> None:
        """Write what waits, and end; give up after a time, or where it cannot be written."""
        self._is_stopping = True
        self.rush()
        self._thread.join(seconds)
        why = self.health.error or f"{self._place}: it did not answer in the last {seconds:g} s"
        self._session.cut()
        if len(self):
            log.error("store_closed_unwritten", store=str(self._place), waiting=len(self), error=why)

    def rush(self) -> None:
        """Have the writer try now, also where it waits after a fault."""
        self._hurry.set()
        self.pending.is_full.set()
        self.pending.filled.set()

    def submit(self, job: Callable[[Connection], _Result]) -> Future[_Result]:
        """Run something in a transaction of the writer's; it is tried again until the store is there."""
        future: Future[_Result] = Future()
        self._jobs.append((job, future))
        self.rush()
        if self._is_over:
            self._give_up()
        return future

    def _run(self) -> None:
        """Work until stopped."""
        self._step()
        while not self._is_stopping:
            self._wait()
            self._step()
        while len(self) and self._step():
            continue
        self._session.release()
        self._is_over = True
        self._give_up()

    def _wait(self) -> None:
        if self.health.delay:
            self._hurry.wait(self.health.delay)
        elif self.pending.filled.wait(max(0.0, self._prune_at - time.monotonic())):
            self.pending.is_full.wait(self._pace.batch_seconds)
        self._hurry.clear()

    def _step(self) -> bool:
        """Do what is to be done; tell whether that succeeded."""
        try:
            connection = self._open()
            self._run_jobs(connection)
            self._write(connection)
            if time.monotonic() >= self._prune_at:
                self._prune(connection)
        except Exception as error:  # noqa: BLE001 - no fault may end the writer: the next try may succeed
            self._fail(error)
            return False
        else:
            self.health.succeed(self._clock(), len(self))
            self._is_anew = False
            return True
        finally:
            self._answer()

    def _open(self) -> Connection:
        if self._session.is_open:
            self._session.check()
            return self._session.open()
        connection = self._session.open()
        with connection.begin():
            identity = read_mark(connection, _IDENTITY)
            if identity is None:
                identity = secrets.token_hex(8)
                write_mark(connection, _IDENTITY, identity)
        self._compare((identity, self._session.file))
        self.size_bytes = self._session.size()
        return connection

    def _compare(self, found: tuple[str, Identity | None]) -> None:
        """Write what is current again where this is another database than before, new or an old copy."""
        former, self._identity = self._identity, found
        if former is None or former == found:
            return
        # Ahead of what is in hand, which is newer. A copy first: the loop changes it as well.
        entries = [Waiting(current.unpack()) for current in list(self.current.values())]
        step = self._pace.batch_entries
        for start in reversed(range(0, len(entries), step)):
            self._hand.appendleft(Batch(entries[start : start + step]))
        self._hand.appendleft(Batch(meta=dict(self.meta)))
        if former[0] != found[0] and not self._is_anew:
            self.health.lose(
                f"{self._place}: the store was removed or replaced, and made anew", self._clock()
            )

    def _run_jobs(self, connection: Connection) -> None:
        while self._jobs:
            job, future = self._jobs[0]
            if not future.cancelled():
                try:
                    with connection.begin():
                        result = job(connection)
                except (SQLAlchemyError, sqlite3.Error, OSError, StoreError):
                    raise
                except Exception as error:  # noqa: BLE001 - of the job, not of the store: no retry will help
                    with contextlib.suppress(InvalidStateError):  # cancelled by who waited
                        future.set_exception(error)
                else:
                    self._answers.append((future, result))
            self._jobs.popleft()

    def _write(self, connection: Connection) -> None:
        """Write what is in hand, or the next batch."""
        if not self._hand:
            self._hand.append(self.pending.take())
        while self._hand:
            batch = self._hand[0]
            try:
                self._commit(connection, batch)
            except Exception as error:
                self.batches.forget()
                if not is_about_values(error):
                    raise
                self._sort_out(batch, error)
                continue
            self._hand.popleft()
            self._note(batch)

    def _commit(self, connection: Connection, batch: Batch) -> None:
        if len(batch):
            with connection.begin():
                # A commit may have succeeded although the connection broke before we heard of it.
                batch.tries += 1
                if batch.tries == 1 or read_mark(connection, self._mark) != batch.token:
                    self.batches.write(connection, batch, self._clock())
                    write_mark(connection, self._mark, batch.token)
            self._session.check()

    def _sort_out(self, batch: Batch, error: Exception) -> None:
        """Go on after a fault in what was to be written: once more from the start, then piece by piece."""
        if batch.tries < 2:  # rows that were pruned by another, perhaps
            return
        self._hand.popleft()
        if len(batch) > 1:
            self._hand.extendleft(reversed(batch.split()))
            return
        self._answers += [(barrier, None) for barrier in batch.barriers]
        self.batches.refused += 1
        log.error("store_refused", error=describe(error, self._place))

    def _note(self, batch: Batch) -> None:
        """Remember what was written."""
        for waiting in batch.entries:
            former = self.current.get(waiting.name)
            self.current[waiting.name] = Current.of(waiting.entry, former)
        if batch.meta:
            self.meta = {key: text for key, text in (self.meta | batch.meta).items() if text is not None}
        self.written += len(batch.entries)
        self._answers += [(barrier, None) for barrier in batch.barriers]

    def _answer(self) -> None:
        """Tell those who wait, once the status says what they are told."""
        for future, result in self._answers:
            with contextlib.suppress(InvalidStateError):  # cancelled by who waited
                future.set_result(result)
        self._answers.clear()

    def _prune(self, connection: Connection) -> None:
        self._prune_at = time.monotonic() + self._pace.prune_seconds
        try:
            with connection.begin():
                self._pruner.step(connection, self.batches.rows, self._clock())
        except Exception:
            self.batches.forget()
            raise
        shrink(connection)
        self.size_bytes = self._session.size()
        if time.monotonic() >= self._look_at:
            self._look_at = time.monotonic() + self._pace.look_seconds
            self._session.look()

    def _fail(self, error: Exception) -> None:
        """Note a fault, and begin afresh at the next try."""
        self.batches.forget()
        self._session.close()
        self.health.fail(error, describe(error, self._place), len(self))
        if isinstance(error, NewerSchemaError | ForeignStoreError | StoreFencedError):
            self._give_up()  # to wait will not help
        if is_damage(error) and self._place.path is not None and not self._is_anew:
            self._put_aside(self._place.path)

    def _give_up(self) -> None:
        """Let those who wait wait no longer."""
        fault = self.health.fault
        error = fault if isinstance(fault, StoreError) else StoreError(f"{self._place}: closed")
        while self._jobs:
            with contextlib.suppress(InvalidStateError):  # cancelled by who waited
                self._jobs.popleft()[1].set_exception(error)

    def _put_aside(self, path: Path) -> None:
        """Keep a damaged file under another name, and start anew; not twice without a success between."""
        now = self._clock()
        try:
            aside = move_aside(path, datetime.fromtimestamp(now, UTC))
        except OSError as error:
            log.error("store_not_put_aside", error=describe(error, path))
            return
        self._is_anew = True
        self.rush()
        what = (self.health.error or "").partition("; ")[0]  # how to mend it is no question any more
        self.health.lose(f"{what}; put aside as {aside.name}, and started anew", now)
