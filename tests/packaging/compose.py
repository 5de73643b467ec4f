"""Has Docker Compose itself read docker-compose.yml; nothing is started by it."""

import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.packaging.conftest import ROOT

COMPOSE = ROOT / ".cache" / "compose" / "docker-compose"


def read(
    *options: str, file: Path = ROOT / "docker-compose.yml", environ: Mapping[str, str] | None = None
) -> tuple[int, str, str]:
    """Run Compose; return its status, its output and its complaints."""
    assert COMPOSE.exists(), "Docker Compose is not here: run scripts/compose.sh"
    command = [str(COMPOSE), "--project-directory", str(ROOT), "--file", str(file), *options]
    clean = {name: value for name, value in os.environ.items() if not name.startswith("COMPOSE_")}
    done = subprocess.run(
        command, env={**clean, **(environ or {})}, capture_output=True, text=True, timeout=100, check=False
    )
    return done.returncode, done.stdout, done.stderr


def model(*options: str, environ: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Return what Compose makes of the file with these options; it has nothing to complain of."""
    status, told, complaint = read(*options, "config", "--format", "json", environ=environ)
    assert (status, complaint) == (0, "")
    loaded: dict[str, Any] = json.loads(told)
    return loaded
