"""Runs a program (confined.py UNIT PROGRAM ...) under what a systemd unit forbids, by the same means.

Covers SystemCallFilter=, RestrictAddressFamilies=, MemoryDenyWriteExecute= and NoNewPrivileges=; what is done
by namespaces and mounts needs a running systemd.
"""

import ctypes
import errno
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

_PR_SET_NO_NEW_PRIVS, _PR_SET_MDWE, _REFUSE_EXEC_GAIN = 38, 65, 1
_ALLOW = 0x7FFF0000
_ERRNO = 0x00050000
_EQUAL = 4


class _Comparison(ctypes.Structure):
    """`struct scmp_arg_cmp`."""

    _fields_ = (
        ("arg", ctypes.c_uint),
        ("op", ctypes.c_int),
        ("a", ctypes.c_uint64),
        ("b", ctypes.c_uint64),
    )


def read_unit(path: Path) -> dict[str, list[str]]:
    """Return all values of every setting in [Service], in their order."""
    found: dict[str, list[str]] = {}
    section = ""
    for line in path.read_text().splitlines():
        if line.startswith("["):
            section = line
        elif section == "[Service]" and line and not line.startswith("#"):
            name, _, value = line.partition("=")
            found.setdefault(name, []).append(value)
    return found


def expand(group: str) -> Iterator[str]:
    """Yield the system calls of a group such as @system-service, as this machine's systemd has them."""
    command = ["systemd-analyze", "syscall-filter", group]
    for line in subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()[1:]:
        word = line.strip()
        if word.startswith("@"):
            yield from expand(word)
        elif word and not word.startswith("#"):
            yield word


def find_calls(filters: list[str]) -> set[str]:
    """Return the system calls that lines of SystemCallFilter= leave, a first list of what is allowed."""
    allowed: set[str] = set()
    for line in filters:
        words = line.removeprefix("~").split()
        calls = {call for word in words for call in (expand(word) if word[0] == "@" else [word])}
        allowed = allowed - calls if line.startswith("~") else allowed | calls
    # What systemd never takes away (its group @default).
    return allowed | set(expand("@default"))


def confine(unit: dict[str, list[str]]) -> None:
    """Put this process under what the unit forbids."""
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
    if unit.get("MemoryDenyWriteExecute") == ["yes"]:
        assert libc.prctl(_PR_SET_MDWE, _REFUSE_EXEC_GAIN, 0, 0, 0) == 0
    seccomp = ctypes.CDLL("libseccomp.so.2")
    seccomp.seccomp_init.restype = ctypes.c_void_p
    context = ctypes.c_void_p(seccomp.seccomp_init(_ERRNO | getattr(errno, unit["SystemCallErrorNumber"][0])))
    add = seccomp.seccomp_rule_add_array
    # `execve` gets us to the program; systemd loads its filter before that, too, and allows it.
    for call in find_calls(unit["SystemCallFilter"]) | {"execve"}:
        number = seccomp.seccomp_syscall_resolve_name(call.encode())
        if call != "socket" and number >= 0:
            assert add(context, _ALLOW, number, 0, None) == 0, call
    families = [getattr(socket, name) for name in unit["RestrictAddressFamilies"][0].split()]
    number = seccomp.seccomp_syscall_resolve_name(b"socket")
    for family in families:
        equal = _Comparison(0, _EQUAL, family, 0)
        assert add(context, _ALLOW, number, 1, ctypes.byref(equal)) == 0
    assert seccomp.seccomp_load(context) == 0


if __name__ == "__main__":
    confine(read_unit(Path(sys.argv[1])))
    os.execvp(sys.argv[2], sys.argv[2:])  # noqa: S606 - that is its purpose
