"""The documentation of the metrics names exactly what a scrape can hold."""

import re
from pathlib import Path

from prometheus_client import CollectorRegistry

from scanner.metrics import Telemetry, domain_lines, egress, full, incidents
from scanner.metrics.families import FAMILIES
from tests.metrics.samples import STORE

DOCUMENT = Path(__file__).parents[2] / "docs" / "metrics.md"


def test_every_family_of_a_scrape_is_documented_and_no_other() -> None:
    registry = CollectorRegistry()
    Telemetry(registry).show_store(lambda: STORE)
    own = {
        family.name + {"counter": "_total", "info": "_info"}.get(family.type, "")
        for family in registry.collect()
        if family.name.startswith("mailport_")
    }
    exposed = (
        own
        | {family.name for family in (*FAMILIES, *full.FAMILIES)}
        | {full.HISTOGRAM}
        | domain_lines.FAMILIES.keys()
        | egress.FAMILIES.keys()
        | incidents.FAMILIES.keys()
    )

    documented = set(re.findall(r"^\| `(mailport_\w+)` \|", DOCUMENT.read_text("utf-8"), re.MULTILINE))

    assert exposed == documented
