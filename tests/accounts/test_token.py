"""The command that prints a token: it may hang, fail, print too much or nothing, and shows nothing of it."""

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import uvloop

from scanner.accounts.attempt import AccountFailure
from scanner.accounts.token import fetch_token
from scanner.model.account import AccountReason, Activity
from tests.accounts.account_world import make_account, make_checker
from tests.servers.process import wait_until

TOKEN = "ya29.token"


def python(code: str) -> tuple[str, ...]:
    return (sys.executable, "-c", code)


async def test_a_token_is_the_one_line_that_is_printed() -> None:
    secret = await fetch_token(python(f"print('{TOKEN}')"), 60)
    assert secret.reveal() == TOKEN


async def test_no_shell_sees_the_arguments(tmp_path: Path) -> None:
    code = "import sys; print(sys.argv[1])"
    secret = await fetch_token((*python(code), f"$(touch {tmp_path}/made)`id`"), 60)
    assert secret.reveal() == f"$(touch {tmp_path}/made)`id`"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("command", "why"),
    [
        (("/no/such/program",), "cannot start /no/such/program: No such file or directory"),
        (python("import sys; print('secret'); sys.exit(3)"), "ended with status 3"),
        (python("print('secret\\nmore')"), "on one line"),
        (python("pass"), "on one line"),
        (python("print('\\x01secret')"), "on one line"),
        (python("print('secret' * 10000)"), "more than 16384 octets"),
    ],
)
async def test_what_fails_is_told_without_what_was_printed(command: tuple[str, ...], why: str) -> None:
    with pytest.raises(AccountFailure, match=why) as caught:
        await fetch_token(command, 60)
    assert caught.value.reason is AccountReason.TOKEN_FAILED
    assert "secret" not in caught.value.detail


async def test_one_that_hangs_is_killed_with_its_children(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    code = (
        "import os, subprocess, sys, time\n"
        f"child = subprocess.Popen(['sleep', '600'])\n"
        f"open({str(pids)!r} + '.new', 'w').write(f'{{os.getpid()}} {{child.pid}}')\n"
        f"os.rename({str(pids)!r} + '.new', {str(pids)!r})\n"
        "time.sleep(600)\n"
    )
    account = make_account(tmp_path, token_command=list(python(code)), token_timeout=10, imap="h.example:993")
    check = await make_checker(None, {}).check(account, Activity.IMAP)
    assert check.reason is AccountReason.TOKEN_FAILED
    assert "gave no token within 10 s" in (check.detail or "")
    started = [int(pid) for pid in pids.read_text().split()]
    assert len(started) == 2
    assert wait_until(lambda: not any(map(is_running, started)), 30)


CHILD = """
import os, subprocess, sys, time
child = subprocess.Popen(['sleep', '600'], start_new_session={own_session})
with open({pid!r} + '.new', 'w') as file:
    file.write(str(child.pid))
os.rename({pid!r} + '.new', {pid!r})
"""


async def test_a_child_that_outlives_the_command_is_killed_when_the_time_is_over(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    with pytest.raises(AccountFailure, match="no token within 5 s"):
        await fetch_token(python(CHILD.format(own_session=False, pid=str(pid))), 5)
    child = int(pid.read_text())
    assert wait_until(lambda: not is_running(child), 30)


@pytest.mark.parametrize("loop_of", [uvloop.new_event_loop, asyncio.new_event_loop])
def test_one_that_leaves_a_child_of_a_session_of_its_own_holds_up_nobody(
    tmp_path: Path, loop_of: Callable[[], asyncio.AbstractEventLoop]
) -> None:
    pid = tmp_path / "pid"

    async def ask() -> str:
        code = CHILD.format(own_session=True, pid=str(pid)) + "time.sleep(600)"
        with pytest.raises(AccountFailure) as caught:
            await fetch_token(python(code), 5)
        return caught.value.detail

    try:
        with asyncio.Runner(loop_factory=loop_of) as runner:
            assert "no token within 5 s" in runner.run(asyncio.wait_for(ask(), 60))
    finally:
        os.kill(int(pid.read_text()), signal.SIGKILL)


async def test_the_time_of_the_command_is_no_time_of_the_sign_in(tmp_path: Path) -> None:
    code = "import time; time.sleep(2); print('token')"
    account = make_account(tmp_path, token_command=list(python(code)), timeout=1, imap="h.example:993")
    check = await make_checker(None, {}).check(account, Activity.IMAP)
    assert check.reason is AccountReason.NAME_NOT_FOUND, check


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in {"Z", "X"}
    except OSError:
        return False
