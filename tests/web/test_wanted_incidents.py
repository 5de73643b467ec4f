"""The open incidents of a narrowed status page: those at what is looked for, and how many others."""

from dataclasses import replace

import aiohttp
import pytest

from scanner.model import Kind, Severity
from scanner.model.incident import Cause
from tests.web.page import load
from tests.web.samples import FINDINGS, INCIDENT, WORLD
from tests.web.service import FakeService
from tests.web.verdicts import BLOCKED

WALLED = replace(
    INCIDENT,
    cause=Cause.HOST_DOWN,
    subject="mx.walled.example",
    name="host_down",
    kind=Kind.BLOCKED,
    keys=tuple(seen.endpoint.key for seen in WORLD if seen.endpoint.host == "mx.walled.example"),
    domains=("walled.example",),
)
IN_CLEAR = replace(INCIDENT, name="auth_before_tls", kind=Kind.WEAKNESS, severity=Severity.WARNING)
OF_DOMAIN = replace(
    INCIDENT, subject="nosuch.example", name="mta_sts_weakened", keys=(), domains=("nosuch.example",)
)
ALL = {"walled": WALLED, "stripped": INCIDENT, "in clear": IN_CLEAR, "domain": OF_DOMAIN}


@pytest.fixture(autouse=True)
def in_trouble(service: FakeService) -> None:
    finding, *others = FINDINGS
    verdict = replace(BLOCKED, id="mta_sts_weakened", kind=Kind.DOWNGRADE)
    service.found = (replace(finding, verdicts=(verdict,)), *others)
    service.open_incidents = tuple(replace(incident, summary=f"<{name}>") for name, incident in ALL.items())


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("", set(ALL)),
        ("sort=name", set(ALL)),
        ("state=downgraded", {"stripped", "domain"}),
        ("state=blocked", {"walled"}),
        ("state=unreachable", {"domain"}),
        ("state=open", {"stripped", "in clear"}),
        ("state=closed", set()),
        ("verdict=starttls_missing", {"stripped"}),
        ("verdict=auth_before_tls", {"in clear"}),
        ("verdict=port_blocked", {"walled"}),
        ("verdict=mta_sts_weakened", {"domain"}),
        ("port=587", {"stripped", "in clear"}),
        ("provider=WALLED", {"walled"}),
        ("q=192.0.2.7", {"stripped", "in clear"}),
        ("q=nosuch", {"domain"}),
        ("q=stripped&port=25", set()),
    ],
)
async def test_incidents_follow_the_filters(
    site: aiohttp.ClientSession, query: str, wanted: set[str]
) -> None:
    page = await load(site, f"/?{query}")
    (section,) = page.find("section", class_="incidents")
    shown = {name for name in ALL if f"<{name}>" in section.text}
    assert shown == wanted
    left_out = len(ALL) - len(wanted)
    assert ("left out" in section.text) == bool(left_out)
    if left_out:
        noun = "other incident is" if left_out == 1 else "other incidents are"
        assert f"{left_out} {noun} left out. Show all {len(ALL)}" in section.text
        assert section.find("a", href="/")
    assert ("No open incident is like that." in section.text) == (not wanted)


async def test_without_incidents_nothing_is_said_of_them(
    site: aiohttp.ClientSession, service: FakeService
) -> None:
    service.open_incidents = ()
    page = await load(site, "/?state=downgraded")
    assert page.find("section", class_="incidents") == []
