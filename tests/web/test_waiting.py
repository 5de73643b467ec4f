"""What is watched and has shown nothing yet is on the page, and says what it waits for."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import aiohttp
import pytest

from scanner.model import Protocol, Reason, Service, Source, TargetFinding, TlsMode
from scanner.model.domain import DomainFacts, Membership
from scanner.web import bind, create_app, serve_http
from scanner.web.waiting import NOTHING, Waiting, count_waiting, find_waiting
from tests.web.page import Element, load
from tests.web.samples import NOW, endpoint, good
from tests.web.service import FakeService
from tests.web.test_pages import cell, counts, matter, names, row_of


def member(host: str, port: int, service: Service = Service.MX) -> Membership:
    return Membership(service, (host, "192.0.2.7", port, Protocol.SMTP, TlsMode.STARTTLS), Source.MX)


PROBED = replace(
    good("mx.half.example", 25), endpoint=endpoint("mx.half.example", 25, domains=["half.example"])
)
FACTS = (
    DomainFacts("half.example", (member("mx.half.example", 25), member("mx.half.example", 587))),
    DomainFacts("new.example", (member("mx.shared.example", 25), member("mx.shared.example", 2525))),
    DomainFacts("twin.example", (member("mx.shared.example", 25),)),
    DomainFacts("empty.example"),
)
TARGETS = ("half.example", "new.example", "twin.example", "empty.example", "sought.example")


@dataclass
class Beginning(FakeService):
    """A service whose first pass has just begun."""

    facts: Sequence[DomainFacts] = FACTS
    names: Sequence[str] = TARGETS

    def targets(self) -> Sequence[str]:
        return self.names

    def domains(self) -> Sequence[DomainFacts]:
        return self.facts


@pytest.fixture
def service() -> FakeService:
    return Beginning(seen=(PROBED,), found=(), is_ready=False, endpoints_total=4, endpoints_done=1)


def test_what_each_target_waits_for_is_told() -> None:
    found = find_waiting(TARGETS, FACTS, [PROBED.endpoint.key])

    assert list(found) == list(TARGETS)
    assert found["half.example"] == Waiting((FACTS[0].members[1],))
    assert found["new.example"].ports == (25, 2525)
    assert found["new.example"].places == ("mx.shared.example:25", "mx.shared.example:2525")
    assert not found["empty.example"]
    assert found["sought.example"] == Waiting(is_looked_up=True)
    # The endpoint that two domains share is one.
    assert count_waiting(found) == 4
    assert count_waiting({"a.example": NOTHING}) == 0


async def test_no_target_is_missing_while_the_first_pass_goes_on(site: aiohttp.ClientSession) -> None:
    page = await load(site)

    assert set(names(page)) == set(TARGETS)
    assert counts(page)["waiting"] == 4
    assert matter(row_of(page, "sought.example")) == "waiting: its servers are looked up"
    assert matter(row_of(page, "new.example")) == "waiting for the first probe of 2 endpoints"
    assert matter(row_of(page, "twin.example")) == "waiting for the first probe of 1 endpoint"
    assert matter(row_of(page, "empty.example")) == "no server is known"
    half = row_of(page, "half.example")
    assert cell(half, 25).text.startswith("4port 25: open")
    assert cell(half, 587).text == "port 587: waiting for its first probe"
    assert cell(half, 993).text == "·no server on 993"
    assert cell(row_of(page, "sought.example"), 25).text == "·port 25: not known yet"
    lead = page.find("section", class_="lead")[0]
    assert lead.find("h1")[0].text == "Nothing needs attention so far"
    assert "1 of 4 endpoints probed. The servers of 1 target are being looked up." in lead.text
    # What is known comes before what is not.
    assert names(page)[0] == "half.example"


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("state=waiting", {"half.example", "new.example", "twin.example", "sought.example"}),
        ("state=waiting&port=587", {"half.example"}),
        ("port=25", {"half.example", "new.example", "twin.example"}),
        ("state=open", {"half.example"}),
        ("state=blocked", set()),
        ("q=shared", {"new.example", "twin.example"}),
        ("state=waiting&q=sought", {"sought.example"}),
        ("state=waiting&verdict=port_closed", set()),
        ("state=waiting&provider=shared", set()),
    ],
)
async def test_what_waits_can_be_filtered(site: aiohttp.ClientSession, query: str, shown: set[str]) -> None:
    assert set(names(await load(site, f"/?{query}"))) == shown


async def test_before_anything_is_known_all_targets_are_there(service: FakeService) -> None:
    assert isinstance(service, Beginning)
    service.facts, service.seen, service.endpoints_total, service.endpoints_done = (), (), 0, 0
    page = await page_of(service, "/")

    assert set(names(page)) == set(TARGETS)
    assert counts(page)["waiting"] == len(TARGETS)
    assert page.find("h1")[0].text == "Nothing has been probed yet"
    assert "The servers of 5 targets are being looked up." in page.text


async def test_where_no_server_can_be_found_every_domain_says_so(service: FakeService) -> None:
    assert isinstance(service, Beginning)
    service.facts = tuple(DomainFacts(name, is_found=False) for name in TARGETS)
    service.seen, service.is_ready = (), True
    service.found = [TargetFinding(name, name, NOW, 0.1, Reason.DNS_FAILURE, "no answer") for name in TARGETS]
    page = await page_of(service, "/")

    assert set(names(page)) == set(TARGETS)
    assert "waiting" not in counts(page)
    assert {matter(row_of(page, name)) for name in TARGETS} == {"DNS failure"}


async def page_of(service: FakeService, path: str) -> Element:
    sock = bind("127.0.0.1:0")
    app = create_app(service, clock=lambda: NOW)
    async with (
        serve_http(app, sock),
        aiohttp.ClientSession(f"http://127.0.0.1:{sock.getsockname()[1]}") as site,
    ):
        return await load(site, path)


@pytest.mark.parametrize(
    ("name", "chip", "words"),
    [
        (
            "new.example",
            "waiting",
            "Waiting for the first probe: mx.shared.example:25, mx.shared.example:2525.",
        ),
        ("sought.example", "waiting", "Its servers are being looked up."),
        ("empty.example", "no server is known", "0 endpoints."),
        ("half.example", "in order", "Waiting for the first probe: mx.half.example:587."),
    ],
)
async def test_the_page_of_a_domain_says_what_it_waits_for(
    site: aiohttp.ClientSession, name: str, chip: str, words: str
) -> None:
    lead = (await load(site, f"/domains/{name}")).find("section", class_="lead")[0]
    assert lead.find("span", class_="chip")[0].text == chip
    assert words in lead.text


async def test_who_is_on_the_exclude_list_waits_for_nothing(service: FakeService) -> None:
    name = TARGETS[0]
    assert isinstance(service, Beginning)
    service.facts, service.seen = (), ()
    service.found = (TargetFinding(name, name, NOW, 0.0, Reason.EXCLUDED, f"{name} is on the exclude list"),)
    page = await page_of(service, "/")
    assert counts(page)["waiting"] == len(TARGETS) - 1
    assert matter(row_of(page, name)) == "excluded"
    page = await page_of(service, f"/domains/{name}")
    assert "left alone: on the exclude list" in page.find("h1")[0].text
    assert "being looked up" not in page.text
    assert "What to set up" not in page.text
