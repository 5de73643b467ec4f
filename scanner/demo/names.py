"""The names in the farm's DNS: every host, a mail domain with MX and SRV records, names in trouble."""

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


def farm_records(addresses: Mapping[str, str], offset: int) -> Records:
    """Return the records of the hosts (name to address), with `offset` added to every published port."""
    records: dict[str, Mapping[str, Sequence[str]] | Trouble] = {
        host: {"A": [address]} for host, address in addresses.items()
    }
    records[DOMAIN] = {"MX": [f"10 {MAIN_HOST}."]}
    for service, port in _SERVICES.items():
        records[f"{service}._tcp.{DOMAIN}"] = {"SRV": [f"0 1 {port + offset} {MAIN_HOST}."]}
    records[f"alias.{DOMAIN}"] = {"CNAME": [f"{MAIN_HOST}."]}
    records[f"nodata.{DOMAIN}"] = {}
    records[f"nullmx.{DOMAIN}"] = {"MX": ["0 ."]}
    records[f"private.{DOMAIN}"] = {"A": [PRIVATE_ADDRESS]}
    records[f"servfail.{DOMAIN}"] = Trouble.SERVFAIL
    records[f"silent.{DOMAIN}"] = Trouble.SILENT
    return records
