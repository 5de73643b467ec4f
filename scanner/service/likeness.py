"""What has to be alike for one probe to serve two sections of a list, or two runs of a scan."""

import hashlib
import json
from collections.abc import Iterator

from scanner.model import DaneStatus, Endpoint, Source

_TRUST_ANCHOR = 2
"""The usage of a TLSA record for which the certificate's names count (RFC 7672 section 3.2.2)."""
_DIGITS = 24


def asked_of(endpoint: Endpoint) -> str:
    """Return what a probe asks beyond the endpoint's key, as a short text; "" mostly.

    That is the TLSA records that a certificate is held against, and the domains whose names count beside
    the host's (RFC 6186, RFC 7672). All else that is published is judged by afterwards.
    """
    named = tuple(_named_by_srv(endpoint))
    dane = endpoint.dane
    records = dane.records if dane is not None and dane.status is DaneStatus.SECURE else ()
    if not named and not records:
        return ""
    anchored = endpoint.domains if any(record.usage == _TRUST_ANCHOR for record in records) else ()
    text = json.dumps([named, [str(record) for record in records], anchored])
    return hashlib.sha256(text.encode()).hexdigest()[:_DIGITS]


def _named_by_srv(endpoint: Endpoint) -> Iterator[str]:
    for domain, source in endpoint.sources or ((domain, endpoint.source) for domain in endpoint.domains):
        if source == Source.SRV:
            yield domain
