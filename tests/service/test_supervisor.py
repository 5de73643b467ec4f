"""What `mailport serve` tells its service manager: real datagrams on a socket as systemd's."""

import os
import select
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from signal import SIGHUP, SIGSTOP, SIGTERM

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.service.supervisor import Supervisor
from tests.cli.command import SECONDS, started
from tests.cli.running_farm import RunningFarm
from tests.service.serving import write_config
from tests.service.test_start_and_stop import document

Words = dict[str, str]


@contextmanager
def manager(address: str) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(address)
        listener.settimeout(SECONDS)
        yield listener


def hear(listener: socket.socket) -> Words:
    return dict(line.split("=", 1) for line in listener.recv(4096).decode().split("\n"))


def hear_until(listener: socket.socket, word: str) -> list[Words]:
    """Return what is heard up to a datagram with this word, with that last."""
    heard = [hear(listener)]
    while word not in heard[-1]:
        heard.append(hear(listener))
    return heard


@pytest.mark.parametrize("is_abstract", [False, True])
def test_a_life_as_the_service_manager_hears_it(farm: RunningFarm, tmp_path: Path, is_abstract: bool) -> None:
    name = f"@mailport-test-{os.getpid()}" if is_abstract else str(tmp_path / "notify")
    config = write_config(tmp_path, document(farm, "healthy"))
    environment = {"NOTIFY_SOCKET": name, "WATCHDOG_USEC": "300000"}
    arguments = ("serve", "--config", config, "--listen", "127.0.0.1:0")
    with (
        manager(name.replace("@", "\0")) as listener,
        started(tmp_path, *arguments, env=environment) as running,
    ):
        ready = hear(listener)
        assert ready["READY"] == "1"
        assert ready["STATUS"].startswith("Serving 127.0.0.1:")
        assert [hear(listener) for _ in range(4)] == [{"WATCHDOG": "1"}] * 4  # for as long as it lives
        running.send(SIGHUP)
        reloading = hear_until(listener, "RELOADING")[-1]
        assert 0 < int(reloading["MONOTONIC_USEC"]) <= time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        assert hear_until(listener, "READY")[-1] == {"READY": "1"}
        config.write_text("targets: 7\n")  # a bad file is a reload that ended, too: the service goes on
        running.send(SIGHUP)
        hear_until(listener, "RELOADING")
        hear_until(listener, "READY")
        running.send(SIGTERM)
        assert hear_until(listener, "STOPPING")[-1]["STOPPING"] == "1"
        assert running.wait() == 0


def test_a_process_that_stands_still_gives_no_sign_of_life(farm: RunningFarm, tmp_path: Path) -> None:
    config = write_config(tmp_path, document(farm, "healthy"))
    environment = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "300000"}
    arguments = ("serve", "--config", config, "--listen", "127.0.0.1:0")
    with (
        manager(environment["NOTIFY_SOCKET"]) as listener,
        started(tmp_path, *arguments, env=environment) as running,
    ):
        hear_until(listener, "WATCHDOG")
        running.send(SIGSTOP)
        running.wait_until(lambda: Path(f"/proc/{running.process.pid}/stat").read_text().split()[2] == "T")
        while select.select([listener], [], [], 0)[0]:
            hear(listener)
        listener.settimeout(1)
        with pytest.raises(TimeoutError):
            listener.recv(4096)


async def test_without_a_manager_nothing_is_told() -> None:
    supervisor = Supervisor({"WATCHDOG_USEC": "1000"})
    supervisor.tell_ready("well")
    with supervisor.reloading():
        supervisor.tell_stopping()
    await supervisor.keep_alive()  # and ends at once


@pytest.mark.parametrize(
    "more",
    [{"WATCHDOG_USEC": "0"}, {"WATCHDOG_USEC": "x"}, {"WATCHDOG_USEC": "1000", "WATCHDOG_PID": "1"}, {}],
)
async def test_no_signs_of_life_where_none_are_asked_for(tmp_path: Path, more: dict[str, str]) -> None:
    with manager(str(tmp_path / "notify")) as listener:
        await Supervisor({"NOTIFY_SOCKET": str(tmp_path / "notify"), **more}).keep_alive()
        listener.setblocking(False)
        with pytest.raises(BlockingIOError):
            listener.recv(4096)


def test_a_manager_that_is_gone_or_deaf_does_no_harm(tmp_path: Path) -> None:
    Supervisor({"NOTIFY_SOCKET": str(tmp_path / "none")}).tell_ready("well")
    with manager(str(tmp_path / "notify")):
        supervisor = Supervisor({"NOTIFY_SOCKET": str(tmp_path / "notify")})
        for _ in range(5000):  # more than its queue takes
            supervisor.tell_stopping()


@given(st.text(), st.text())
def test_no_environment_is_too_strange(address: str, micros: str) -> None:
    Supervisor({"NOTIFY_SOCKET": address.replace("/", ""), "WATCHDOG_USEC": micros})


def test_a_status_is_one_line(tmp_path: Path) -> None:
    with manager(str(tmp_path / "notify")) as listener:
        Supervisor({"NOTIFY_SOCKET": str(tmp_path / "notify")}).tell_ready("a\nMAINPID=1\r b")
        assert hear(listener) == {"READY": "1", "STATUS": "a MAINPID=1 b"}
