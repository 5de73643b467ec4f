"""Reads the JSON report of sslyze: which TLS versions it found."""

import json
from collections.abc import Mapping
from types import MappingProxyType

_COMMANDS: Mapping[str, str] = MappingProxyType(
    {
        "SSLv2": "ssl_2_0_cipher_suites",
        "SSLv3": "ssl_3_0_cipher_suites",
        "TLSv1.0": "tls_1_0_cipher_suites",
        "TLSv1.1": "tls_1_1_cipher_suites",
        "TLSv1.2": "tls_1_2_cipher_suites",
        "TLSv1.3": "tls_1_3_cipher_suites",
    }
)


def read_sslyze(printed: str) -> dict[str, bool | None]:
    """Return each version's answer; None where the server could not be reached or a command failed."""
    servers = json.loads(printed)["server_scan_results"]
    found = (servers[0].get("scan_result") or {}) if servers else {}
    return {version: _is_on(found.get(command)) for version, command in _COMMANDS.items()}


def _is_on(attempt: Mapping[str, Mapping[str, object] | None] | None) -> bool | None:
    result = (attempt or {}).get("result")
    return None if result is None else bool(result["accepted_cipher_suites"])
