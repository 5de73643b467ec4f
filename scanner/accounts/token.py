"""Runs the command that prints an OAuth 2 access token; its output is never shown."""

import asyncio
import os
import signal
from contextlib import suppress

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
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "its arguments are not valid"
        raise _failed(f"cannot start {program}: {why}") from None
    try:
        async with asyncio.timeout(timeout):
            text = await _read(process)
            status = await process.wait()
    except TimeoutError:
        raise _failed(f"{program} gave no token within {timeout:g} s") from None
    finally:
        await _end(process)
    if status != 0:
        raise _failed(f"{program} ended with status {status}; run it by hand to see why")
    line = text.strip()
    if not line or not line.isascii() or not line.decode("ascii").isprintable():
        raise _failed(f"{program} must print the token on one line, and nothing else")
    return Secret(line.decode("ascii"))


async def _read(process: asyncio.subprocess.Process) -> bytes:
    """Read what it prints, and no more than a token can have."""
    text = bytearray()
    while process.stdout is not None and (piece := await process.stdout.read(4096)):
        text += piece
        if len(text) > LONGEST_TOKEN:
            raise _failed(f"the command printed more than {LONGEST_TOKEN} octets")
    return bytes(text)


async def _end(process: asyncio.subprocess.Process) -> None:
    """Kill it with all that it started, if it still runs, and wait for it."""
    if process.returncode is None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()


def _failed(why: str) -> AccountFailure:
    return AccountFailure(AccountReason.TOKEN_FAILED, why)
