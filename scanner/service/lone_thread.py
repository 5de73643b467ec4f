"""A thread of one's own, for questions in their order, that holds no end of the process up."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from typing import TypeVar

_Result = TypeVar("_Result")


class LoneThread:
    """Does one job after the other.

    Unlike an executor of the standard library it is not waited for when the process ends: what a job asks may
    never answer.
    """

    def __init__(self, name: str) -> None:
        self._jobs: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        threading.Thread(target=self._run, name=name, daemon=True).start()

    def submit(self, ask: Callable[..., _Result], *arguments: object) -> "Future[_Result]":
        """Have something done; a future that is cancelled before it is begun is left out."""
        future: Future[_Result] = Future()

        def work() -> None:
            if not future.set_running_or_notify_cancel():
                return
            try:
                result = ask(*arguments)
            except BaseException as error:  # noqa: BLE001 - it is who asked that has to know
                future.set_exception(error)
            else:
                future.set_result(result)

        self._jobs.put(work)
        return future

    def close(self) -> None:
        """End when all is done."""
        self._jobs.put(None)

    def _run(self) -> None:
        while (work := self._jobs.get()) is not None:
            work()
