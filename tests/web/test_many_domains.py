"""A page of five thousand domains is short, and made of what is known already where little has changed."""

from dataclasses import replace

import pytest

from scanner.model import PORTS, Observation, Reason
from scanner.web import brief
from scanner.web.brief import Brief, Briefs, brief_of
from scanner.web.filters import Filters
from scanner.web.status_page import Snapshot, render_status
from tests.web.samples import NOW, endpoint, failed, good
from tests.web.verdicts import BLOCKED

DOMAINS = 5000
USUAL = good("mx.example.org", 25)


def observe(number: int, port: int) -> Observation:
    domain = f"domain{number}.example"
    place = endpoint(f"mx.{domain}", port, f"10.0.{number // 256}.{number % 256}", (domain,))
    is_down = port == 25 and number % 100 == 0
    seen = (
        failed("mx.example", port, Reason.CONNECT_TIMEOUT, BLOCKED) if is_down else good("mx.example", port)
    )
    return replace(seen, endpoint=place)


def test_a_page_of_very_many_domains_is_short_and_works_out_each_endpoint_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = 0

    def count(seen: Observation) -> Brief:
        nonlocal made
        made += 1
        return brief_of(seen)

    monkeypatch.setattr(brief, "brief_of", count)
    world = tuple(observe(number, port) for number in range(DOMAINS) for port in PORTS)
    snapshot = Snapshot("1.2.3", True, NOW, len(world), len(world), NOW, world, (), (), ())
    known = Briefs()
    for filters in (Filters(), Filters(), Filters(state="blocked", order="name"), Filters(text="domain49")):
        page = render_status(snapshot, known, NOW, filters)
        assert page.count('id="row-') == 50
        assert len(page) < 300_000
        assert made == len(world), "what is known of endpoints that were not probed since is used again"


def test_the_brief_of_an_endpoint_is_made_once_for_each_probe() -> None:
    known = Briefs()
    first, second = good("mx1.example.org", 25), good("mx2.example.org", 25)

    before = known.update((first, second))
    after = known.update((replace(first), second))

    assert after[1] is before[1]
    assert after[0] is not before[0]
    assert after[0] == before[0]
