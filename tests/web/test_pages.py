from dataclasses import replace

import aiohttp
import pytest

from scanner.model import Reason, Severity, State
from scanner.verdict.reason_advice import REASON_ADVICE
from scanner.web.pages import MAX_ROWS
from tests.verdict.observations import ended, judged
from tests.web.page import Element, parse
from tests.web.samples import FINDINGS, HOSTILE, NOW, SHARED, WORLD, failed, good
from tests.web.service import FakeService
from tests.web.verdicts import BLOCKED, EGRESS


async def load(site: aiohttp.ClientSession, path: str = "/") -> Element:
    async with site.get(path) as answer:
        assert (answer.status, answer.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
        return parse(await answer.text())


def rows(page: Element) -> list[Element]:
    return [row for body in page.find("tbody") for row in body.find("tr")]


def hosts(page: Element) -> list[str]:
    return [row.find("span", class_="host")[0].text for row in rows(page)]


def cell(row: Element, name: str) -> str:
    return row.find("td", data_label=name)[0].text


def counts(page: Element) -> dict[str, int]:
    figures = page.find("a", class_="count")
    return {
        figure.find("span", class_="what")[0].text: int(figure.find("span", class_="number")[0].text)
        for figure in figures
    }


async def test_every_endpoint_has_a_row_and_is_counted(site: aiohttp.ClientSession) -> None:
    page = await load(site)

    assert len(rows(page)) == len(WORLD)
    assert counts(page) == {
        "endpoints": 25,
        "open": 16,
        "blocked": 2,
        "downgraded": 3,
        "broken": 3,
        "closed": 1,
        "unreachable": 1,
        "rejecting": 1,
        "unknown": 1,
    }
    assert page.find("h1")[0].text == "6 endpoints and 1 target need attention now"
    lead = page.find("section", class_="lead")[0].find("p")[0].text
    # The one that publishes that it takes no mail is in order.
    assert lead.startswith("7 endpoints and 1 target need it soon.")


async def test_a_row_tells_what_was_seen(site: aiohttp.ClientSession) -> None:
    page = await load(site)
    (row,) = [row for row in rows(page) if "mail.kontor.example" in row.text]

    assert row.find("th", scope="row")[0].text == "mail.kontor.example 192.0.2.7"
    assert cell(row, "Port") == "587 smtp"
    assert cell(row, "State") == "open"
    assert cell(row, "Level") == "44 of 5: TLS 1.3, verified"
    assert cell(row, "TLS") == "TLSv1.3"
    assert cell(row, "Certificate") == "6 days"
    assert cell(row, "Duration").startswith("192 ms")
    assert cell(row, "Last probe") == "42 s ago"
    (details,) = row.find("details")
    assert details.find("summary")[0].text == "certificate expiring"
    assert "Renew it now" in details.text
    assert "warning misconfiguration" in details.text


async def test_a_reason_without_a_verdict_says_what_to_do(
    site: aiohttp.ClientSession, service: FakeService
) -> None:
    service.seen = (
        failed("mx.silent.example", 25, Reason.NO_GREETING),
        failed("mx.web.example", 25, Reason.WRONG_PROTOCOL, replace(BLOCKED, severity=Severity.WARNING)),
    )
    page = await load(site)
    outweighing, alone = rows(page)

    (details,) = alone.find("details")
    assert details.find("summary")[0].text == "no greeting"
    assert REASON_ADVICE[Reason.NO_GREETING].meaning in details.text
    assert details.find("p", class_="advice")[0].text == f"Advice: {REASON_ADVICE[Reason.NO_GREETING].advice}"
    assert details.find("svg")[0].attributes["class"] == "mark warn"
    (details,) = outweighing.find("details")
    assert details.find("summary")[0].text == "wrong protocol and 1 more"
    assert len(details.find("p", class_="advice")) == 2


async def test_no_endpoint_that_fails_is_without_advice(
    site: aiohttp.ClientSession, service: FakeService
) -> None:
    service.seen = tuple(judged(ended(993, reason=reason)) for reason in Reason)
    page = await load(site)

    assert len(rows(page)) == len(Reason)
    assert [row.text for row in rows(page) if not row.find("p", class_="advice")] == []


async def test_the_worst_comes_first(site: aiohttp.ClientSession) -> None:
    page = await load(site)

    shown = hosts(page)
    marks = [row.attributes["class"] for row in rows(page)]
    assert shown[:2] == ["mail.filtered.example", "mx.walled.example"]
    assert marks == sorted(marks, key=["bad", "warn", "info", "ok"].index)
    assert shown[-1] == "mx2.example.org"


async def test_a_state_is_told_by_a_word_and_a_mark_besides_its_colour(site: aiohttp.ClientSession) -> None:
    page = await load(site)

    for row in rows(page):
        (state, *_) = row.find("td", data_label="State")[0].find("span", class_="state")
        assert state.text in {state.replace("_", " ") for state in State}
        assert state.find("use")[0].attributes["href"].startswith("#mark-")


@pytest.mark.parametrize(
    ("show", "expected"),
    [
        ("blocked", ["mail.filtered.example", "mx.walled.example"]),
        ("closed", ["pop.kontor.example"]),
        ("downgraded", ["smtp.kontor.example", "mx.inspected.example", "smtp.stripped.example"]),
    ],
)
async def test_a_count_is_a_filter(site: aiohttp.ClientSession, show: str, expected: list[str]) -> None:
    page = await load(site, f"/?show={show}")

    assert hosts(page) == expected
    (current,) = [figure for figure in page.find("a", class_="count") if "aria-current" in figure.attributes]
    assert current.attributes["href"] == f"/?show={show}"


@pytest.mark.parametrize("show", ["nonsense", "", "<script>"])
async def test_an_unknown_filter_shows_all(site: aiohttp.ClientSession, show: str) -> None:
    async with site.get("/", params={"show": show}) as answer:
        text = await answer.text()

    assert len(rows(parse(text))) == len(WORLD)
    assert "<script>" not in text


async def test_a_filter_without_rows_says_so(site: aiohttp.ClientSession) -> None:
    page = await load(site, "/?show=not_offered")

    assert rows(page) == []
    assert page.find("p", class_="empty")[0].text == "No endpoint is in this state. Show all 25"


async def test_targets_without_an_endpoint_are_listed(site: aiohttp.ClientSession) -> None:
    page = await load(site)

    texts = [item.text for item in page.find("section", class_="findings")[0].find("li")]
    assert len(texts) == len(FINDINGS)
    advice = REASON_ADVICE[Reason.NAME_NOT_FOUND].advice
    assert texts[0] == f"nosuch.example unreachable: name not found {advice} 2 min ago"
    assert mark_names(page) == ["bad", "info", "warn"]
    assert "10.0.0.5" in texts[2]


def mark_names(page: Element) -> list[str]:
    return [
        item.find("svg", class_="mark")[0].attributes["class"].removeprefix("mark ")
        for item in page.find("section", class_="findings")[0].find("li")
    ]


async def test_a_notice_about_a_domain_is_no_state_of_a_service(
    site: aiohttp.ClientSession, service: FakeService
) -> None:
    before = counts(await load(site))
    notice = replace(FINDINGS[0], reason=None, verdicts=(replace(BLOCKED, severity=Severity.NOTICE),))
    service.found = (notice,)

    page = await load(site)

    assert notice.state is State.UNKNOWN
    assert counts(page) == before
    assert mark_names(page) == ["info"]
    text = page.find("section", class_="findings")[0].text
    assert BLOCKED.summary in text
    assert not {state.replace("_", " ") for state in State} & set(text.replace(BLOCKED.summary, "").split())


async def test_before_the_first_probe_the_page_says_so(
    site: aiohttp.ClientSession, service: FakeService
) -> None:
    service.seen, service.found = (), ()
    service.is_ready, service.endpoints_done, service.next_pass_at = False, 0, None

    page = await load(site)

    assert page.find("h1")[0].text == "Nothing has been probed yet"
    assert "0 of 25 endpoints probed" in page.text
    assert page.find("progress")[0].attributes["value"] == "0"
    assert page.find("table") == []


@pytest.mark.parametrize(
    ("seen", "found", "headline"),
    [
        (WORLD[:2], (), "Nothing needs attention"),
        (WORLD[9:10], (), "1 endpoint needs attention soon"),
        (WORLD[9:10], FINDINGS[:1], "1 target needs attention now"),
        (WORLD[9:10], FINDINGS[2:], "1 endpoint and 1 target need attention soon"),
        (WORLD[:2], FINDINGS[:1], "1 target needs attention now"),
        (WORLD[:2], FINDINGS, "1 target needs attention now"),
        (
            WORLD[:2],
            (FINDINGS[2], replace(FINDINGS[2], reason=Reason.DNS_FAILURE)),
            "1 target needs attention soon",
        ),
        (
            WORLD[:2],
            (replace(FINDINGS[0], reason=None, verdicts=(BLOCKED,)),),
            "1 target needs attention now",
        ),
        (WORLD[9:10], (replace(FINDINGS[0], reason=None),), "1 endpoint needs attention soon"),
        (WORLD[:2], FINDINGS[1:2], "Nothing needs attention"),
        (
            (failed("mx.example.org", 25, Reason.CONNECT_TIMEOUT, BLOCKED),),
            (),
            "1 endpoint needs attention now",
        ),
    ],
)
async def test_the_headline_says_what_matters_most(
    site: aiohttp.ClientSession, service: FakeService, seen: tuple, found: tuple, headline: str
) -> None:
    service.seen, service.found = seen, found

    assert (await load(site)).find("h1")[0].text == headline


async def test_a_long_list_is_cut_and_says_so(site: aiohttp.ClientSession, service: FakeService) -> None:
    service.seen = [good(f"mx{number}.example.org", 25) for number in range(MAX_ROWS + 20)]

    page = await load(site)

    assert len(rows(page)) == MAX_ROWS
    assert f"The {MAX_ROWS} worst of {MAX_ROWS + 20}." in page.text


async def test_hostile_text_stays_text_everywhere(site: aiohttp.ClientSession, service: FakeService) -> None:
    evil = "<img src=x onerror=alert(1)>'\"><script>alert(2)</script>{{ 7 * 7 }}"
    base = good("mx.example.org", 25)
    assert base.certificate is not None
    assert base.tls is not None
    verdict = replace(WORLD[16].verdicts[0], id=evil, summary=evil, advice=evil)
    service.seen = (
        replace(
            base,
            endpoint=replace(SHARED, host=evil, address=evil, source=evil, domains=(evil,)),
            banner=HOSTILE,
            software=evil,
            detail=evil,
            vantage=evil,
            tls=replace(base.tls, version=evil, cipher=evil, group=evil),
            certificate=replace(base.certificate, subject=evil, issuer=evil, key=evil, problems=(evil,)),
            verdicts=(verdict,),
        ),
    )
    service.found = (replace(FINDINGS[0], domain=evil, host=evil + "x", detail=evil),)
    service.version = evil

    page = await load(site)

    tags = {element.tag for element in page.everything()}
    assert not tags & {"script", "iframe", "object", "embed", "style", "form"}
    assert [image.attributes["src"] for image in page.find("img")] == ["/static/mailport.svg"]
    assert not [name for element in page.everything() for name in element.attributes if name.startswith("on")]
    assert HOSTILE.replace("  ", " ") in page.text
    assert page.text.count(evil) >= 15
    assert "49" not in page.text.replace(evil, "").replace(HOSTILE, "")


async def test_nothing_comes_from_outside_and_nothing_needs_a_script(site: aiohttp.ClientSession) -> None:
    for path in ("/", "/docs"):
        page = await load(site, path)
        links = [
            element.attributes[name]
            for element in page.everything()
            for name in ("href", "src")
            if name in element.attributes
        ]
        assert page.find("script") == []
        assert {link[0] for link in links} <= {"/", "#"}
        assert not [link for link in links if link.startswith("//")]
        assert not [element for element in page.everything() if "style" in element.attributes]


async def test_the_page_can_be_read_aloud(site: aiohttp.ClientSession) -> None:
    page = await load(site)

    assert page.find("html")[0].attributes["lang"] == "en"
    assert {header.attributes["scope"] for header in page.find("thead")[0].find("th")} == {"col"}
    assert page.find("caption")[0].text != ""
    assert next(heading.tag for heading in page.everything() if heading.tag in ("h1", "h2")) == "h1"
    for drawing in page.find("svg"):
        assert drawing.attributes["aria-hidden"] == "true"
    labels = {label.attributes["id"] for label in page.everything() if "id" in label.attributes}
    for section in page.find("section"):
        assert section.attributes["aria-labelledby"] in labels


async def test_the_last_probe_carries_its_exact_time(site: aiohttp.ClientSession) -> None:
    page = await load(site)

    (row,) = [row for row in rows(page) if "mail.gone.example" in row.text]
    (moment,) = row.find("td", data_label="Last probe")[0].find("time")
    assert moment.text == "5 h ago"
    assert moment.attributes["title"] == "2026-03-04 07:00:00 UTC"
    assert NOW.isoformat() > moment.attributes["datetime"] > "2026-03-04T06"


async def test_docs_list_every_address(site: aiohttp.ClientSession) -> None:
    async with site.get("/openapi.json") as answer:
        document = await answer.json()

    listed = [article.find("h2")[0].text for article in (await load(site, "/docs")).find("article")]

    assert document["info"]["version"] == "1.2.3"
    assert listed == [f"{method.upper()} {path}" for path, on in document["paths"].items() for method in on]
    assert {"GET /", "GET /metrics", "POST /-/reload", "GET /config"} <= set(listed)


async def test_our_own_network_has_a_section_only_while_it_is_at_fault(
    site: aiohttp.ClientSession, service: FakeService
) -> None:
    assert (await load(site)).find("section", class_="egress") == []
    service.own_network = (replace(EGRESS, summary=HOSTILE), BLOCKED)

    (section,) = (await load(site)).find("section", class_="egress")

    assert section.find("h2")[0].text == "About our own network"
    first, second = section.find("li")
    assert first.find("bdi")[0].text == HOSTILE
    assert EGRESS.advice in first.text
    assert [line.attributes["class"] for line in (first, second)] == ["info", "bad"]
