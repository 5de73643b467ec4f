"""What every command shares: how it speaks to a person, how it ends, how it runs the event loop."""

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Coroutine, Iterable, Iterator
from contextlib import contextmanager, suppress
from enum import IntEnum
from typing import Any, NoReturn, TextIO

import typer
import uvloop


class Exit(IntEnum):
    """The exit statuses that scripts rely on."""

    DONE = 0
    FINDINGS = 1
    USAGE = 2
    CANNOT_WORK = 3
    INTERRUPTED = 130


class StandardError:
    """Standard error that never fails: a full disk or a dead pipe costs the words, not the work."""

    def write(self, text: str) -> int:
        """Write, if that is possible."""
        _spare_the_work(lambda: sys.stderr.write(text))
        return len(text)

    def flush(self) -> None:
        """Flush, if that is possible."""
        _spare_the_work(lambda: sys.stderr.flush())  # noqa: PLW0108 - there may be none

    def isatty(self) -> bool:
        """Whether a person is likely to read along."""
        return sys.stderr is not None and sys.stderr.isatty()


STANDARD_ERROR = StandardError()


def _spare_the_work(speak: Callable[[], object]) -> None:
    try:
        speak()
    except OSError:
        # What could not be written stays in a buffer, which would make Python fail at its exit.
        with suppress(OSError, ValueError):
            _mute(sys.stderr)
    except (ValueError, AttributeError):
        return  # it is closed, or there is none


def say(text: str) -> None:
    """Write a line to standard error."""
    STANDARD_ERROR.write(f"{text}\n")
    STANDARD_ERROR.flush()


def give_up(problems: str | Iterable[str], status: Exit = Exit.USAGE) -> NoReturn:
    """Say what is wrong, a line each, and end the command."""
    for problem in [problems] if isinstance(problems, str) else problems:
        say(f"mailport: {problem}")
    raise typer.Exit(status)


def mute_stdout() -> None:
    """Write no more to standard output, which takes nothing: Python would complain of that at its exit."""
    _mute(sys.stdout)


def _mute(stream: TextIO) -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


@contextmanager
def ending_quietly() -> Iterator[None]:
    """End the command without a word where nobody reads its output any more (`| head`)."""
    try:
        yield
    except BrokenPipeError:
        mute_stdout()
        raise typer.Exit(Exit.DONE) from None


def run_interruptibly(main: Coroutine[Any, Any, None]) -> bool:
    """Run a coroutine to its end; return False where Ctrl-C or SIGTERM cut it short.

    The coroutine is cancelled at the first signal and gets the time to keep what it has. Of a group of
    faults the first is raised: the tasks of a command mostly meet the same one.
    """

    async def guarded() -> bool:
        task = asyncio.ensure_future(main)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, task.cancel)
        try:
            await task
        except asyncio.CancelledError:
            return False
        except BaseExceptionGroup as group:
            raise _first_of(group) from None
        return True

    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(guarded())
    except KeyboardInterrupt:  # before there was anything to cancel
        return False
    finally:
        main.close()  # nor has it begun then, which Python would complain of
        # The command ends now; one more Ctrl-C must not spoil how.
        signal.signal(signal.SIGINT, signal.SIG_IGN)


def _first_of(error: BaseException) -> BaseException:
    return _first_of(error.exceptions[0]) if isinstance(error, BaseExceptionGroup) else error
