"""What an open connection costs in memory: thousands of probes at once against servers that say nothing.

The prober and the server are processes of their own. `greeting` waits for a banner that never comes; `tls`
has sent its ClientHello and waits for the answer, so that it holds a TLS state as well.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench.processes.child import answer_of, ask, child, cpu_seconds, send
from bench.processes.figures import note
from tests.servers.certificates import create_authority

SECONDS = 60.0


def rss_kib(process: subprocess.Popen[str], field: str = "VmRSS") -> int:
    """Return a process's memory in KiB: VmRSS now, or VmHWM at its highest (proc(5))."""
    lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{field}:"))


def wait_for_open(server: subprocess.Popen[str], wanted: int) -> int:
    """Wait until the server holds that many connections, and return how many it holds."""
    deadline = time.monotonic() + SECONDS
    while (count := int(ask(server, "count"))) < wanted and time.monotonic() < deadline:
        time.sleep(0.05)
    return count


def wait_until_idle(pid: int) -> None:
    """Wait until the process has used no CPU for half a second: all that it had to send is sent."""
    deadline = time.monotonic() + SECONDS
    used = -1.0
    while used != (used := cpu_seconds(pid)) and time.monotonic() < deadline:
        time.sleep(0.5)


def measure(mode: str, connections: int, ca_file: Path) -> str:
    """Open the connections, let the server close them, and return a line of the table."""
    with child("silent_server.py") as server:
        port = answer_of(server)
        with child("mailport_prober.py", str(ca_file), port, mode) as prober:
            answer_of(prober)
            send(prober, "50 50")
            wait_for_open(server, 50)
            finish(server, prober)
            before = rss_kib(prober)
            send(prober, f"{connections} {connections}")
            opened = wait_for_open(server, connections)
            wait_until_idle(prober.pid)
            during = rss_kib(prober)
            finish(server, prober)
            peak = rss_kib(prober, "VmHWM")
    most = (peak - before) / opened
    if mode == "implicit":
        note(connection_kib=most)
    mebibytes = "".join(f"{kib / 1024:>12.1f}" for kib in (before, during, peak))
    return f"{opened:>8}{mebibytes}{(during - before) / opened:>12.1f}{most:>12.1f}"


def finish(server: subprocess.Popen[str], prober: subprocess.Popen[str]) -> None:
    """Let the server close everything and the prober finish."""
    ask(server, "close")
    reasons = json.loads(answer_of(prober))["reasons"]
    assert len(reasons) == 1, f"not all probes ended alike: {reasons}"


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--connections", type=int, default=5000, help="open at once (default 5000)")
    options = parser.parse_args()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    connections = min(options.connections, hard - 200)
    print("memory of the probing process in MiB, growth in KiB per open connection")
    columns = ("open", "before", "all open", "peak", "growth", "at peak")
    print(f"{'waiting':<10}{columns[0]:>8}" + "".join(f"{name:>12}" for name in columns[1:]), flush=True)
    with tempfile.TemporaryDirectory(prefix="mailport-bench-") as folder:
        authority = create_authority(Path(folder))
        for label, mode in (("greeting", "starttls"), ("tls", "implicit")):
            print(f"{label:<10}{measure(mode, connections, authority.ca_file)}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
