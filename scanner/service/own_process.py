"""Names this process so that another one on the same machine can tell whether it is still there."""

import os
import re
from pathlib import Path

_PROC = Path("/proc")
_STARTED_AT = 19
"""Which field behind the name in /proc/PID/stat is its start, in ticks since the machine's (proc(5))."""
_NAME = re.compile(r"(?P<machine>[0-9a-f-]{36} pid:\[[0-9]+\]) (?P<pid>[0-9]{1,10}) (?P<start>[0-9]{1,20})")


def name_process() -> str:
    """Return a name that no other process ever has; empty where the machine does not tell (no /proc)."""
    machine = _name_machine()
    try:
        start = _start_of(os.getpid())
    except OSError:
        start = None
    return "" if machine is None or start is None else f"{machine} {os.getpid()} {start}"


def has_ended(name: str) -> bool:
    """Tell whether the process of a name has ended for certain; never of a process that may be elsewhere.

    That is known of a process of this boot of this machine, in the pid namespace that is ours as well: of a
    container's former life nothing is known, nor of the process of another user where the machine hides those
    (`hidepid` of proc(5), `ProtectProc=` of systemd).
    """
    match = _NAME.fullmatch(name)
    if match is None or match["machine"] != _name_machine():
        return False
    pid = int(match["pid"])
    try:
        return _start_of(pid) != match["start"]
    except OSError:
        return not _is_any(pid)


def _name_machine() -> str | None:
    try:
        boot = (_PROC / "sys/kernel/random/boot_id").read_text("ascii").strip()
        return f"{boot} {(_PROC / 'self/ns/pid').readlink()}"
    except OSError:
        return None


def _is_any(pid: int) -> bool:
    """Tell whether there is a process of that number; the kernel says so of those that /proc hides, too."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        pass
    return True


def _start_of(pid: int) -> str | None:
    """Return when a process started, None where there is only its corpse; `OSError` where none is shown."""
    text = (_PROC / str(pid) / "stat").read_text("utf-8", "replace")
    state, *rest = text.rpartition(")")[2].split()
    return None if state in {"Z", "X"} else rest[_STARTED_AT - 1]
