"""Runs the command that prints an OAuth 2 access token; its output is never shown."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import IO

from scanner.accounts.attempt import AccountFailure
from scanner.config.account_secrets import Secret
from scanner.model.account import AccountReason
from scanner.model.target import escape

LONGEST_TOKEN = 16 * 1024
"""Octets; Microsoft's have 2 to 3 KB."""


async def fetch_token(command: tuple[str, ...], timeout: float) -> Secret:
    """Run a command without a shell and return the one line that it prints.

    Its process group is killed when the time (seconds) is over, or when nobody waits any more.

    Raises:
        AccountFailure: it cannot be started, fails, takes too long, or prints no single line.
    """
    program = escape(command[0])
    async with _open_pipe() as (reader, write_end):
        try:
            process = await _start(command, write_end)
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) else "its arguments are not valid"
            raise _failed(f"cannot start {program}: {why}") from None
        is_done = False
        try:
            async with asyncio.timeout(timeout):
                text = await _read(reader)
                status = await process.wait()
            is_done = True
        except TimeoutError:
            raise _failed(f"{program} gave no token within {timeout:g} s") from None
        finally:
            if not is_done:
                await _end(process)
    if status != 0:
        raise _failed(f"{program} ended with status {status}; run it by hand to see why")
    line = text.strip()
    if not line or not line.isascii() or not line.decode("ascii").isprintable():
        raise _failed(f"{program} must print the token on one line, and nothing else")
    return Secret(line.decode("ascii"))


@asynccontextmanager
async def _open_pipe() -> AsyncIterator[tuple[asyncio.StreamReader, IO[bytes]]]:
    """Hand out both ends of a pipe.

    The library's own would keep us waiting, and stay open, for as long as anything that the command has
    started outside its process group holds the other end.
    """
    read_end, write_end = os.pipe()
    with os.fdopen(read_end, "rb", 0) as source, os.fdopen(write_end, "wb", 0) as target:
        reader = asyncio.StreamReader(limit=LONGEST_TOKEN)
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), source
        )
        try:
            yield reader, target
        finally:
            transport.close()
            await asyncio.sleep(0)  # in which the loop lets the descriptor go


async def _start(command: tuple[str, ...], target: IO[bytes]) -> asyncio.subprocess.Process:
    """Start a command that alone holds the end of the pipe that is written to."""
    with target:
        return await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=target,
            stderr=asyncio.subprocess.DEVNULL,
            start_new_session=True,
        )


async def _read(reader: asyncio.StreamReader) -> bytes:
    """Read what it prints, and no more than a token can have."""
    text = bytearray()
    while piece := await reader.read(4096):
        text += piece
        if len(text) > LONGEST_TOKEN:
            raise _failed(f"the command printed more than {LONGEST_TOKEN} octets")
    return bytes(text)


async def _end(process: asyncio.subprocess.Process) -> None:
    """Kill it with all that it started, which may outlive it, and wait for it."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    await process.wait()


def _failed(why: str) -> AccountFailure:
    return AccountFailure(AccountReason.TOKEN_FAILED, why)
