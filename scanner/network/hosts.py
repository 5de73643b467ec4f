"""The names of this machine's own hosts file (hosts(5)), which come before the DNS as everywhere else."""

import ipaddress
from pathlib import Path

HOSTS_FILE = Path("/etc/hosts")
MAX_BYTES = 1024 * 1024


def read_hosts(path: Path = HOSTS_FILE) -> dict[str, tuple[str, ...]]:
    """Return the addresses of every name in the file, IPv4 first; what cannot be read gives nothing."""
    found: dict[str, list[str]] = {}
    try:
        with path.open("rb") as file:
            text = file.read(MAX_BYTES).decode("utf-8", "replace")
    except OSError:
        return {}
    for line in text.splitlines():
        address, *names = line.partition("#")[0].split() or [""]
        try:
            parsed = str(ipaddress.ip_address(address))
        except ValueError:
            continue
        for name in names:
            found.setdefault(name.lower().rstrip("."), []).append(parsed)
    return {
        name: tuple(sorted(dict.fromkeys(addresses), key=lambda address: ":" in address))
        for name, addresses in found.items()
    }
