"""A network of its own for a benchmark that wants every port of loopback."""

import os
import sys
from pathlib import Path

_INSIDE = "MAILPORT_BENCH_NAMESPACE"


def enter_namespace(module: str) -> None:
    """Go on as `python -m MODULE` in a network namespace of its own, where every port of loopback is free."""
    if os.environ.get(_INSIDE) is not None:
        return
    user = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    command = 'ip link set lo up && exec "$0" "$@"'
    python = [sys.executable, "-m", module, *sys.argv[1:]]
    os.environ[_INSIDE] = "yes"
    os.chdir(Path(__file__).parents[2])
    os.execvp("unshare", ["unshare", *user, "--net", "sh", "-c", command, *python])  # noqa: S606 - the shell is ours
