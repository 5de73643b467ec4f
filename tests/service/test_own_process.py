"""The name of a process tells whether it has ended, and nothing of those of other machines."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from scanner.service import own_process
from scanner.service.own_process import has_ended, name_process

_NAME = "from scanner.service.own_process import name_process; print(name_process(), flush=True)"


def test_a_process_that_is_there_has_not_ended() -> None:
    assert str(os.getpid()) in name_process()
    assert not has_ended(name_process())


def test_one_that_is_gone_has() -> None:
    done = subprocess.run([sys.executable, "-c", _NAME], capture_output=True, text=True, check=True)
    assert has_ended(done.stdout.strip())


def test_a_corpse_has_ended() -> None:
    with subprocess.Popen([sys.executable, "-c", _NAME], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        name = process.stdout.readline().strip()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert has_ended(name)


def test_another_process_with_the_same_number_is_another_process() -> None:
    *rest, start = name_process().split()
    assert has_ended(" ".join([*rest, str(int(start) - 1)]))


def test_nothing_is_known_of_another_machine_or_of_no_name() -> None:
    _, rest = name_process().split(" ", 1)
    assert not has_ended(f"00000000-0000-0000-0000-000000000000 {rest}")
    assert not has_ended("")
    assert not has_ended("x")


def test_a_process_that_the_machine_hides_has_not_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = name_process()
    gone = subprocess.run([sys.executable, "-c", _NAME], capture_output=True, text=True, check=True)
    for part in ("sys/kernel/random/boot_id", "self/ns/pid"):
        (tmp_path / part).parent.mkdir(parents=True)
    boot_id = Path("/proc/sys/kernel/random/boot_id").read_text("ascii")
    (tmp_path / "sys/kernel/random/boot_id").write_text(boot_id, "ascii")
    (tmp_path / "self/ns/pid").symlink_to(Path("/proc/self/ns/pid").readlink())
    monkeypatch.setattr(own_process, "_PROC", tmp_path)  # no process in it, as under ProtectProc=invisible
    assert not has_ended(name)
    assert has_ended(gone.stdout.strip())
