"""All benchmarks one after the other, and at the end one table: what was aimed at, and what was measured.

Each benchmark prints its own tables meanwhile. One that fails, or takes longer than its time, costs the
others nothing; its rows say so. Peers are measured in turns with mailport, each benchmark by itself.
"""

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench.processes.aims import AIMS
from bench.processes.figures import VARIABLE, read

SCRIPTS = (
    *("probe_cost", "tls_versions", "scrape", "growth", "start", "steady_state", "bulk_scan"),
    *("cluster", "open_connections", "truth", "discovery", "dns_lookups", "store"),
)
"""Those with an aim come first."""
MINUTES = 15.0
"""What a benchmark may take: many times what it takes on a quiet machine."""


def run_script(name: str, figures: Path, minutes: float) -> str:
    """Run a benchmark; return what went wrong, or nothing."""
    argv = [sys.executable, str(Path(__file__).with_name(f"{name}.py"))]
    # In a group of its own, so that its servers end with it.
    with subprocess.Popen(argv, env={**os.environ, VARIABLE: str(figures)}, process_group=0) as process:
        try:
            status = process.wait(60.0 * minutes)
        except subprocess.TimeoutExpired:
            status = None
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
    if status is None:
        return f"bench/{name}.py took longer than {minutes:g} minutes"
    return f"bench/{name}.py ended with status {status}" if status else ""


def print_table(figures: dict[str, float]) -> None:
    """Print a row for each aim."""
    rows = [("what", "against", "aim", "measured", ""), *(aim.show(figures) for aim in AIMS)]
    widths = [max(len(row[place]) for row in rows) for place in range(4)]
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
        print("  ".join([*cells, row[4]]).rstrip())


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("scripts", nargs="*", default=SCRIPTS, help="only these, as in `growth scrape`")
    parser.add_argument("--minutes", type=float, default=MINUTES, help="for each benchmark (default 15)")
    options = parser.parse_args()
    if unknown := set(options.scripts) - set(SCRIPTS):
        parser.error(f"no such benchmark: {', '.join(sorted(unknown))}; there are {', '.join(SCRIPTS)}")
    faults = []
    with tempfile.TemporaryDirectory(prefix="mailport-bench-") as folder:
        figures = Path(folder) / "figures"
        figures.touch()
        for name in options.scripts:
            print(f"\n== bench/{name}.py", flush=True)
            begun = time.monotonic()
            if fault := run_script(name, figures, options.minutes):
                print(fault, flush=True)
                faults.append(fault)
            print(f"== {time.monotonic() - begun:.0f} s", flush=True)
        print()
        print_table(read(figures))
    print("\nWhere an aim is missed, docs/performance.md tells why, under the heading that the row names.")
    for fault in faults:
        print(f"WRONG: {fault}")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
