"""The pages of a domain and of an endpoint."""

from dataclasses import replace
from datetime import timedelta

import aiohttp
import pytest

from scanner.model import Phase, Reason, Severity
from scanner.model.endpoint_id import write_id
from scanner.model.event import Event, EventKind
from scanner.store import StoreError
from scanner.web.asked import Probed, ProbeRefusedError
from scanner.web.render import endpoint_link
from scanner.web.view import say_name
from tests.web.desk import DIALOGUE
from tests.web.page import Element, assert_harmless, load, parse
from tests.web.samples import HOSTILE, INCIDENT, NOW, WORLD, endpoint, failed, good
from tests.web.service import FakeService
from tests.web.verdicts import BLOCKED

STRIPPED = next(seen for seen in WORLD if seen.endpoint.host == "smtp.stripped.example")
PATH = endpoint_link(STRIPPED.endpoint.key)
EVENT = Event(
    at=NOW - timedelta(hours=3),
    kind=EventKind.VERDICT_RAISED,
    subject="smtp.stripped.example [192.0.2.7]:587",
    severity=Severity.CRITICAL,
    summary="STARTTLS is gone.",
    key=STRIPPED.endpoint.key,
    name="starttls_missing",
)


def panel(page: Element, name: str) -> Element:
    (found,) = page.find("section", aria_labelledby=name)
    return found


async def test_a_domain_shows_its_services_with_how_each_endpoint_was_found(
    site: aiohttp.ClientSession,
) -> None:
    page = await load(site, "/domains/example.org")

    assert page.find("h1")[0].text == "example.org in order, with something to know"
    groups = [row.find("h3")[0].text for row in page.find("tr", class_="group")]
    assert groups == ["Receiving mail", "Sending mail", "Reading by IMAP", "Reading by POP3"]
    (row,) = page.find("tr", id="port-993")
    assert row.find("a")[0].attributes["href"] == "/endpoints/imap.example.org~192.0.2.7~993~imaps"
    cells = {cell.attributes["data-label"]: cell.text for cell in row.find("td")}
    assert cells["State"] == "open"
    assert cells["Found by"] == "mx"
    assert cells["TLS"] == "TLSv1.3"


async def test_a_domain_says_what_to_set_up(site: aiohttp.ClientSession) -> None:
    settings = panel(await load(site, "/domains/example.org"), "settings")

    (body,) = settings.find("tbody")
    assert [row.text for row in body.find("tr")] == [
        "Sendingsmtp.example.org587STARTTLSthe mailbox's password",
        "Reading by IMAPimap.example.org993SSL/TLSthe mailbox's password",
        "Reading by POP3pop.example.org995SSL/TLSthe mailbox's password",
    ]


async def test_of_many_verdicts_the_gravest_are_spelled_out(
    site: aiohttp.ClientSession, service: FakeService
) -> None:
    many = tuple(
        replace(BLOCKED, id=f"verdict_{number}", severity=Severity(number % 3 + 1)) for number in range(40)
    )
    service.seen = (good("mx.example.org", 25, verdicts=many),)
    page = await load(site, f"/endpoints/{write_id(service.seen[0].endpoint.key)}")

    (folded,) = page.find("details", id="more-verdicts")
    assert folded.find("summary")[0].text == "32 more"
    assert len(folded.find("div", class_="verdict")) == 32
    hidden = set(map(id, folded.find("div")))
    openly = [each for each in page.find("div", class_="verdict") if id(each) not in hidden]
    assert len(openly) == 8
    assert all(each.has("class_", "bad") for each in openly)


async def test_a_domain_in_trouble_begins_with_its_incidents(
    site: aiohttp.ClientSession, service: FakeService
) -> None:
    service.open_incidents = (INCIDENT,)

    page = await load(site, "/domains/stripped.example")

    (incident,) = page.find("li", class_="incident")
    assert incident.text.startswith("STARTTLS missing smtp.stripped.example:587 for 3 h")
    assert "What to do Switch it on again." in incident.text
    advice = panel(page, "settings").text
    assert (
        "Sending: nothing can be recommended. not smtp.stripped.example:587 STARTTLS: The server no" in advice
    )
    assert (await load(site, "/domains/example.org")).find("li", class_="incident") == []


async def test_an_endpoint_shows_all_that_was_measured(site: aiohttp.ClientSession) -> None:
    page = await load(site, endpoint_link(WORLD[0].endpoint.key))

    assert page.find("h1")[0].text == "mx1.example.org:25 open"
    assert "level 4 of 5: TLS 1.3, verified" in page.find("section", class_="lead")[0].text
    phases = [row.find("th")[0].text for row in panel(page, "phases").find("tbody")[0].find("tr")]
    assert phases == [say_name(phase) for phase in Phase]
    assert "NegotiatedTLSv1.3, TLS_AES_256_GCM_SHA384, X25519MLKEM768" in panel(page, "tls").text
    assert panel(page, "certificate").find("span", class_="chip")[0].text == "61 days left"
    assert "220 mx1.example.org ESMTP Postfix (Debian)" in panel(page, "phases").text
    assert [link.text for link in panel(page, "found").find("a")[:2]] == ["example.org", "example.net"]


async def test_an_endpoint_says_what_is_wrong_and_what_to_do(site: aiohttp.ClientSession) -> None:
    verdicts = panel(await load(site, PATH), "verdicts")

    first = STRIPPED.verdicts[0]
    assert [len(verdicts.find("div", class_=mark)) for mark in ("bad", "warn")] == [1, 1]
    assert first.summary in verdicts.text
    assert f"What to do {first.advice}" in verdicts.text


async def test_capabilities_say_what_changes_with_tls(
    site: aiohttp.ClientSession, service: FakeService
) -> None:
    changed = replace(
        WORLD[0], capabilities=("PIPELINING", "STARTTLS"), capabilities_tls=("pipelining", "AUTH PLAIN")
    )
    service.seen = (changed,)

    words = panel(await load(site, endpoint_link(changed.endpoint.key)), "capabilities").find("li")

    assert [(word.attributes["class"], word.text) for word in words] == [
        ("same", "PIPELINING"),
        ("gone", "\N{MINUS SIGN}STARTTLS gone inside TLS"),
        ("same", "pipelining"),
        ("new", "+AUTH PLAIN only inside TLS"),
    ]


async def test_the_past_is_plotted_with_gaps_where_probes_failed(
    site: aiohttp.ClientSession, service: FakeService
) -> None:
    moments = [NOW - timedelta(minutes=minutes) for minutes in range(8)]
    service.past = [
        replace(STRIPPED, started_at=moment, reason=Reason.CONNECT_TIMEOUT if number == 3 else None)
        for number, moment in enumerate(moments)
    ]
    service.told = (EVENT, replace(EVENT, key=WORLD[0].endpoint.key, summary="of another"))

    page = await load(site, PATH)

    (plot,) = page.find("svg", class_="plot")
    assert len(plot.find("polyline")) == 2
    assert len(plot.find("rect", class_="failed")) == 1
    assert plot.find("title")[0].text.startswith("Duration of 8 probes: the fastest 192 ms")
    assert [row.find("td")[0].text for row in panel(page, "latency").find("tbody")[0].find("tr")].count(
        "blocked: connect timeout"
    ) == 1
    timeline = panel(page, "timeline").find("li")
    assert [item.text for item in timeline] == ["Verdict raised STARTTLS missing 3 h agoSTARTTLS is gone."]


async def test_a_store_that_fails_costs_the_past_alone(
    site: aiohttp.ClientSession, service: FakeService
) -> None:
    service.store_fault = StoreError("gone")

    page = await load(site, PATH)

    assert "The store does not answer" in panel(page, "latency").text
    assert "The store does not answer" in panel(page, "timeline").text
    assert panel(page, "verdicts").text


async def test_probe_now_shows_the_dialogue(site: aiohttp.ClientSession, service: FakeService) -> None:
    async with site.post(PATH, headers={"Sec-Fetch-Site": "same-origin"}) as answer:
        page = parse(await answer.text())
        assert answer.status == 200

    assert service.desk.keys == [STRIPPED.endpoint.key]
    (dialogue,) = page.find("pre")
    assert [line.attributes["class"] for line in dialogue.find("span")] == ["note", "server", "client"]
    assert "0.010 S: 220 mx.example.org <script>\\x1b[31m" in dialogue.text
    assert_harmless(page)


async def test_a_probe_that_does_not_count_says_so(site: aiohttp.ClientSession, service: FakeService) -> None:
    service.desk.probed = (Probed(failed("mx.example.org", 25, Reason.NO_GREETING), DIALOGUE),)

    async with site.post(PATH) as answer:
        text = panel(parse(await answer.text()), "dialogue").text

    assert "found it broken: no greeting, in 10.0 s. It does not count" in text


async def test_a_probe_asked_for_too_soon_says_when(
    site: aiohttp.ClientSession, service: FakeService
) -> None:
    service.desk.refusal = ProbeRefusedError(429, "too soon", retry_after=12.4)

    async with site.post(PATH) as answer:
        page = parse(await answer.text())
        assert (answer.status, answer.headers["Retry-After"]) == (429, "12")

    assert page.find("p", class_="notice")[0].text == "It was not probed: too soon."
    assert panel(page, "verdicts").text


async def test_no_other_site_may_have_anything_probed(
    site: aiohttp.ClientSession, service: FakeService
) -> None:
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://elsewhere.example"}):
        async with site.post(PATH, headers=headers) as answer:
            assert answer.status == 403
    assert service.desk.keys == []


@pytest.mark.parametrize(
    "path",
    [
        "/endpoints/nonsense",
        "/endpoints/mx9.example.org~192.0.2.7~25~smtp",
        "/endpoints/" + "x" * 5000,
        "/domains/unknown.example",
        "/domains/",
        "/domains/<script>",
    ],
)
async def test_what_is_not_watched_is_not_found(site: aiohttp.ClientSession, path: str) -> None:
    async with site.get(path) as answer:
        assert answer.status == 404
        assert "<script>" not in await answer.text()


async def test_hostile_text_stays_text(site: aiohttp.ClientSession, service: FakeService) -> None:
    evil = "<img src=x onerror=alert(1)>'\"><script>alert(2)</script>{{ 7 * 7 }}"
    base = good("mx.example.org", 25)
    assert base.certificate is not None
    assert base.starttls is not None
    seen = replace(
        base,
        endpoint=replace(endpoint("mx.example.org", 25), source=evil, domains=(evil, evil)),
        banner=HOSTILE,
        software=evil,
        detail=evil,
        ehlo_reply=evil,
        version_notes=(evil,),
        capabilities=(evil,),
        capabilities_tls=("PIPELINING", evil + "x"),
        auth_before_tls=(evil,),
        starttls=replace(base.starttls, reply=evil),
        certificate=replace(base.certificate, subject=evil, issuer=evil, names=(evil,), key=evil),
        verdicts=tuple(replace(verdict, summary=evil, advice=evil) for verdict in STRIPPED.verdicts),
    )
    service.seen = (seen,)
    service.told = (replace(EVENT, key=seen.endpoint.key, name=evil, summary=evil),)

    page = await load(site, endpoint_link(seen.endpoint.key))

    assert_harmless(page)
    assert HOSTILE.replace("  ", " ") in page.text
    assert page.text.count(evil) >= 18
    assert write_id(seen.endpoint.key) in page.text
