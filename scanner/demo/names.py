"""The names in the farm's DNS: every host, mail domains with MX and SRV records, names in trouble."""

from collections.abc import Mapping, Sequence

from scanner.demo.scenario import DOMAIN
from scanner.demo.zone import Records, Trouble

MAIN_HOST = f"healthy.{DOMAIN}"
PRIVATE_ADDRESS = "10.0.0.1"

# RFC 6186 and RFC 8314 section 5.1: the services a mail domain publishes, and their ports.
_SERVICES = {
    "_submission": 587,
    "_submissions": 465,
    "_imap": 143,
    "_imaps": 993,
    "_pop3": 110,
    "_pop3s": 995,
}

_Servers = Mapping[str, str]
"""Service to the host that offers it; `mx` is port 25."""
DOMAINS: Mapping[str, _Servers] = {
    DOMAIN: {"mx": MAIN_HOST, **dict.fromkeys(_SERVICES, MAIN_HOST)},
    # Receives and sends well; whoever reads mail meets a certificate that has expired.
    f"office.{DOMAIN}": {"mx": MAIN_HOST, "_submission": MAIN_HOST, "_imaps": f"cert-expired.{DOMAIN}"},
    # No TLS at all.
    f"shop.{DOMAIN}": dict.fromkeys(("mx", "_submission", "_imap"), f"starttls-missing.{DOMAIN}"),
    # Nobody gets through to it.
    f"silent-port.{DOMAIN}": dict.fromkeys(("mx", "_submission"), f"blocked.{DOMAIN}"),
    f"nullmx.{DOMAIN}": {},
}
"""Mail domains of the farm, each with what is special about it."""


def farm_records(addresses: Mapping[str, str], offset: int) -> Records:
    """Return the records of the hosts (name to address), with `offset` added to every published port."""
    records: dict[str, Mapping[str, Sequence[str]] | Trouble] = {
        host: {"A": [address]} for host, address in addresses.items()
    }
    for domain, servers in DOMAINS.items():
        records[domain] = {"MX": [f"10 {servers['mx']}."]} if servers else {"MX": ["0 ."]}
        for service, host in servers.items():
            if service != "mx":
                port = _SERVICES[service] + offset
                records[f"{service}._tcp.{domain}"] = {"SRV": [f"0 1 {port} {host}."]}
    records[f"alias.{DOMAIN}"] = {"CNAME": [f"{MAIN_HOST}."]}
    records[f"nodata.{DOMAIN}"] = {}
    records[f"private.{DOMAIN}"] = {"A": [PRIVATE_ADDRESS]}
    records[f"servfail.{DOMAIN}"] = Trouble.SERVFAIL
    records[f"silent.{DOMAIN}"] = Trouble.SILENT
    return records
