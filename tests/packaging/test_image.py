"""The container image: the Dockerfile is built by buildah, and what comes out is run as an engine would.

No registry is asked: the base image is this machine's Python and its libraries, mounted where they are, and
pip takes its wheels from .cache/wheels (scripts/wheels.sh). All else is the Dockerfile's own doing.
"""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from scanner import __version__
from tests.cli.running_farm import RunningFarm
from tests.packaging.conftest import ROOT
from tests.servers.process import find_program, free_port
from tests.service.serving import write_config
from tests.service.test_start_and_stop import document

WHEELS = ROOT / ".cache" / "wheels"
SECONDS = 400.0
SHELL = "/usr/bin/sh"
"""By its path: programs are looked for before anything is mounted."""

pytestmark = pytest.mark.timeout(900)


@dataclass(frozen=True, slots=True)
class Builder:
    """buildah with a store of its own, and what it mounts into builds and containers."""

    folder: Path
    mounts: tuple[str, ...]

    def call(self, *arguments: str | Path) -> str:
        """Run buildah; return its output."""
        store = ("--storage-driver", "vfs", "--root", self.folder / "root", "--runroot", self.folder / "run")
        done = subprocess.run(
            [find_program("buildah", "buildah"), *map(str, (*store, *arguments))],
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
        return done.stdout

    def run(self, container: str, *command: str | Path, mounts: tuple[str, ...] = ()) -> str:
        """Run a command in a container as the image says who and where, in the network of the test."""
        volumes = [word for mount in (*self.mounts, *mounts) for word in ("--volume", mount)]
        return self.call("run", "--isolation", "chroot", *volumes, container, "--", *command)


def make_base(folder: Path) -> Path:
    """Make the files of the base image: a root without anything, whose libraries will be mounted."""
    places = ("usr", "etc", "tmp", "opt", "wheels", "proc", "sys", "dev", "root", "var", sys.base_prefix[1:])
    for name in places:
        (folder / name).mkdir(parents=True, exist_ok=True)
    for name in ("bin", "lib", "lib64", "sbin"):
        (folder / name).symlink_to(f"usr/{name}")
    (folder / "etc" / "passwd").write_text("root:x:0:0::/root:/bin/sh\n")
    (folder / "etc" / "group").write_text("root:x:0:\n")
    (folder / "tmp").chmod(0o1777)
    return folder


@pytest.fixture(scope="module")
def builder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Builder]:
    assert list(WHEELS.glob("*.whl")), "there are no wheels to build from: run scripts/wheels.sh"
    folder = tmp_path_factory.mktemp("image")
    (folder / "pip.conf").write_text("[global]\nno-index = true\nfind-links = /wheels\n")
    mounts = (
        "/usr:/usr:ro",
        *([] if sys.base_prefix == "/usr" else [f"{sys.base_prefix}:{sys.base_prefix}:ro"]),
        f"{WHEELS}:/wheels:ro",
        f"{folder / 'pip.conf'}:/etc/pip.conf:ro",
    )
    made = Builder(folder, mounts)
    container = made.call("from", "scratch").strip()
    made.call("copy", "--quiet", container, make_base(folder / "base"), "/")
    made.call("config", "--env", f"PATH={sys.base_prefix}/bin:/usr/bin:/bin", container)
    made.call("commit", "--quiet", container, "python-base")
    yield made
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def container(builder: Builder) -> str:
    volumes = [word for mount in builder.mounts for word in ("--volume", mount)]
    options = ("--isolation", "chroot", "--pull-never", "--format", "docker", "--tag", "mailport")
    base = ("--build-arg", "BASE=localhost/python-base")
    builder.call("bud", *options, *base, *volumes, "--file", ROOT / "Dockerfile", ROOT)
    return builder.call("from", "--pull-never", "localhost/mailport").strip()


def test_the_image_says_what_it_is_and_how_to_run_it(builder: Builder, container: str) -> None:
    told: dict[str, Any] = json.loads(builder.call("inspect", container))["Docker"]["config"]
    assert told["User"] == "65532:65532"
    assert told["Entrypoint"] == ["mailport"]
    assert told["Healthcheck"]["Test"][:3] == ["CMD", "mailport", "health"]
    assert told["Labels"]["org.opencontainers.image.version"] == __version__
    assert told["Labels"]["org.opencontainers.image.licenses"] == "Apache-2.0"
    assert list(told["ExposedPorts"]) == ["9587/tcp"]


def test_the_image_holds_the_program_and_no_tools_of_the_build(builder: Builder, container: str) -> None:
    assert builder.run(container, "mailport", "--version") == f"mailport {__version__}\n"
    assert builder.run(container, "mailport", "check", "/etc/mailport/mailport.yml").count("good") == 1
    programs = builder.run(container, "/usr/bin/ls", "/opt/mailport/bin").split()
    assert "mailport" in programs
    assert not [name for name in programs if name.startswith(("pip", "hatch"))]
    assert builder.run(container, SHELL, "-c", "test ! -e /build && echo gone") == "gone\n"


def test_its_user_may_write_to_its_store_alone(builder: Builder, container: str) -> None:
    assert builder.run(container, "/usr/bin/id", "-u").strip() == "65532"
    command = (
        "find / -xdev -writable ! -type l ! -path '/proc*' ! -path '/dev*' ! -path '/sys*' 2>/dev/null; true"
    )
    writable = set(builder.run(container, SHELL, "-c", command).split())
    assert writable <= {"/tmp", "/var/lib/mailport"}
    assert "/var/lib/mailport" in writable


def test_the_image_serves_and_its_own_health_check_says_so(
    builder: Builder, container: str, farm: RunningFarm, tmp_path: Path
) -> None:
    port = free_port()
    settings = document(farm, "healthy") | {"web": {"listen": f"127.0.0.1:{port}"}}
    settings["probe"]["ca_file"] = "ca.pem"
    write_config(tmp_path, settings)
    shutil.copy(farm.farm.ca_file, tmp_path / "ca.pem")
    for path, mode in ((tmp_path, 0o755), (tmp_path / "mailport.yml", 0o644), (tmp_path / "ca.pem", 0o644)):
        path.chmod(mode)
    told = json.loads(builder.call("inspect", container))["Docker"]["config"]
    check = " ".join(told["Healthcheck"]["Test"][1:])
    script = (
        f"{' '.join(told['Entrypoint'] + told['Cmd'])} 2>/tmp/log & pid=$!; tries=0;"
        f" until {check} --ready 2>/dev/null; do tries=$((tries + 1));"
        " [ $tries -lt 100 ] && kill -0 $pid || { cat /tmp/log; exit 1; }; sleep 0.2; done;"
        f" {check}; kill $pid; wait $pid; echo ended with $?; ls $STATE_DIRECTORY"
    )
    said = builder.run(container, SHELL, "-c", script, mounts=(f"{tmp_path}:/etc/mailport:ro",)).splitlines()
    assert said[:3] == ["mailport is ready.", "mailport is healthy.", "ended with 0"]
    assert "mailport.db" in said[3:]
