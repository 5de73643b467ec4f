from dataclasses import replace

import aiohttp
import pytest

from scanner.model import Reason, Severity, State
from scanner.verdict.reason_advice import REASON_ADVICE
from scanner.web.render import domain_link
from tests.web.page import Element, assert_harmless, load, parse
from tests.web.samples import FINDINGS, HOSTILE, INCIDENT, SHARED, WORLD, failed, good
from tests.web.service import FakeService
from tests.web.verdicts import BLOCKED, EGRESS

DOMAINS = {name for seen in WORLD for name in seen.endpoint.domains} | {each.domain for each in FINDINGS}


def rows(page: Element) -> list[Element]:
    return [row for body in page.find("tbody") for row in body.find("tr")]


def names(page: Element) -> list[str]:
    return [row.find("th", scope="row")[0].text for row in rows(page)]


def row_of(page: Element, name: str) -> Element:
    (row,) = [row for row in rows(page) if row.find("th", scope="row")[0].text == name]
    return row


def cell(row: Element, port: int) -> Element:
    return row.find("td", data_label=str(port))[0]


def matter(row: Element) -> str:
    return row.find("td", class_="matter")[0].text


def counts(page: Element) -> dict[str, int]:
    figures = page.find("a", class_="count")
    return {
        figure.find("span", class_="what")[0].text: int(figure.find("span", class_="number")[0].text)
        for figure in figures
    }


async def test_every_domain_has_a_row_and_every_endpoint_is_counted(site: aiohttp.ClientSession) -> None:
    page = await load(site)

    assert set(names(page)) == DOMAINS
    assert counts(page) == {
        "endpoints": 25,
        "open": 16,
        "blocked": 2,
        "downgraded": 3,
        "closed": 1,
        "broken": 3,
        "unreachable": 1,
        "rejecting": 1,
        "unknown": 1,
    }
    assert page.find("h1")[0].text == "6 endpoints and 1 target need attention now"
    lead = page.find("section", class_="lead")[0].find("p")[0].text
    # The one that publishes that it takes no mail is in order.
    assert lead.startswith("7 endpoints and 1 target need it soon.")


async def test_a_row_tells_what_is_on_each_port_and_what_matters_most(site: aiohttp.ClientSession) -> None:
    row = row_of(await load(site), "kontor.example")

    assert cell(row, 25).text == "·no server on 25"
    assert cell(row, 587).text == ("4port 587: open, level 4 of 5, TLS 1.3, verified, certificate expiring")
    assert cell(row, 995).text == "Cport 995: closed, port closed"
    assert cell(row, 465).find("a")[0].attributes["href"] == (
        "/endpoints/smtp.kontor.example~198.51.100.23~465~smtps"
    )
    assert matter(row) == "465 plaintext on TLS port and 2 more"
    assert row.attributes["class"] == "bad"
    assert row.find("th")[0].find("a")[0].attributes["href"] == "/domains/kontor.example"


async def test_a_cell_of_several_endpoints_shows_the_worst_and_leads_to_the_domain(
    site: aiohttp.ClientSession, service: FakeService
) -> None:
    walled = failed("mx.example.org", 25, Reason.CONNECT_TIMEOUT, BLOCKED)
    service.found = ()
    service.seen = (good("mx.example.org", 25), good("mx.example.org", 25, "192.0.2.9"), walled)

    (row,) = rows(await load(site))

    (tile,) = cell(row, 25).find("a")
    assert tile.text == "B3port 25: blocked, port blocked, 1 of 3 endpoints like this"
    assert tile.attributes["href"] == "/domains/example.org#port-25"
    assert "bad" in tile.attributes["class"]


async def test_a_port_beside_the_seven_has_a_column_only_where_there_is_one(
    site: aiohttp.ClientSession, service: FakeService
) -> None:
    usual = good("mx.example.org", 25)
    assert "other" not in (await load(site)).find("thead")[0].text
    service.found = ()
    service.seen = (usual, replace(usual, endpoint=replace(usual.endpoint, port=2525)))

    page = await load(site)

    assert "other" in page.find("thead")[0].text
    assert rows(page)[0].find("td", data_label="other")[0].text.startswith("2525 4")


async def test_a_reason_without_a_verdict_is_what_matters(
    site: aiohttp.ClientSession, service: FakeService
) -> None:
    service.found = ()
    service.seen = (
        failed("mx.silent.example", 25, Reason.NO_GREETING),
        failed("mx.web.example", 25, Reason.WRONG_PROTOCOL, replace(BLOCKED, severity=Severity.WARNING)),
    )
    outweighing, alone = rows(await load(site))

    assert matter(outweighing) == "25 wrong protocol"
    assert matter(alone) == "25 no greeting"


async def test_the_worst_comes_first(site: aiohttp.ClientSession) -> None:
    page = await load(site)

    marks = [row.attributes["class"] for row in rows(page)]
    assert marks == sorted(marks, key=["bad", "warn", "info", "ok"].index)
    assert names(page)[:2] == ["filtered.example", "walled.example"]


async def test_the_rows_come_by_name_where_that_is_asked_for(site: aiohttp.ClientSession) -> None:
    assert names(await load(site, "/?sort=name")) == sorted(DOMAINS)


async def test_a_state_is_told_by_a_glyph_a_letter_and_a_word_besides_its_colour(
    site: aiohttp.ClientSession,
) -> None:
    page = await load(site)

    tiles = [tile for row in rows(page) for tile in row.find("a", class_="tile")]
    assert len(tiles) == 24  # 25 endpoints, of which one serves two domains and two share a cell twice
    glyphs = {tile.find("use")[0].attributes["href"] for tile in tiles}
    symbols = {f"#{symbol.attributes['id']}" for symbol in page.find("symbol")}
    assert glyphs <= symbols
    for tile in tiles:
        words = tile.find("span", class_="hidden")[0].text
        state = words.split(": ")[1].split(",")[0].replace(" ", "_")
        glyph = tile.find("use")[0].attributes["href"].removeprefix("#mark-")
        assert state in {each.value for each in State}
        assert tile.find("span", aria_hidden="true")[0].text
        assert glyph == state or (state == "open" and glyph in ("ok", "info", "warn", "bad", "down"))
        assert tile.attributes["title"] == words


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("state=blocked", ["filtered.example", "walled.example"]),
        ("state=closed", ["kontor.example"]),
        ("state=downgraded", ["kontor.example", "inspected.example", "stripped.example"]),
        ("verdict=certificate_expired", ["verein.example"]),
        ("port=995", ["kontor.example", "example.org"]),
        ("port=995&state=open", ["example.org"]),
        ("q=PARKED", ["parked.example"]),
        ("q=198.51.100.23&state=unknown", ["l.google.example"]),
        ("q=mail.inside", ["inside.example"]),
        ("provider=walled", ["walled.example"]),
        ("state=not_offered", ["parked.example"]),
        ("state=blocked&port=110", []),
    ],
)
async def test_filters_are_in_the_address(
    site: aiohttp.ClientSession, query: str, expected: list[str]
) -> None:
    page = await load(site, f"/?{query}")

    assert names(page) == expected
    found = page.find("p", id="live-selected")[0].text
    assert found == f"{len(expected)} of {len(DOMAINS)}. Show all {len(DOMAINS)}"
    if not expected:
        assert "Nothing is like that." in page.find("p", class_="empty")[0].text


async def test_a_count_is_a_filter_that_keeps_the_others(site: aiohttp.ClientSession) -> None:
    page = await load(site, "/?q=example&state=blocked&page=3")

    (current,) = [figure for figure in page.find("a", class_="count") if "aria-current" in figure.attributes]
    assert current.attributes["href"] == "/?state=blocked&q=example#domains"
    assert page.find("a", class_="all")[0].attributes["href"] == "/?q=example#domains"


async def test_the_form_says_again_what_was_asked(site: aiohttp.ClientSession) -> None:
    (form,) = (await load(site, "/?state=broken&port=993&q=a&provider=b&verdict=odd&size=100")).find("form")

    chosen = {
        select.attributes["name"]: [
            option.text for option in select.find("option") if "selected" in option.attributes
        ]
        for select in form.find("select")
    }
    typed = {field.attributes["name"]: field.attributes["value"] for field in form.find("input")}
    assert chosen == {"state": ["broken"], "verdict": ["odd"], "sort": [], "size": ["100"]}
    assert typed == {"q": "a", "port": "993", "provider": "b"}
    assert (form.attributes["method"], form.attributes["action"]) == ("get", "/#domains")


async def test_endpoints_that_were_not_looked_for_are_faint(site: aiohttp.ClientSession) -> None:
    row = row_of(await load(site, "/?state=closed"), "kontor.example")

    faint = {
        tile.find("span", class_="hidden")[0].text[:8]: "faint" in tile.attributes["class"]
        for tile in row.find("a", class_="tile")
    }
    assert faint == {"port 465": True, "port 587": True, "port 995": False}


@pytest.mark.parametrize("state", ["nonsense", "", "<script>"])
async def test_an_unknown_state_leaves_nothing_out(site: aiohttp.ClientSession, state: str) -> None:
    async with site.get("/", params={"state": state}) as answer:
        text = await answer.text()

    assert text.count('id="row-') == len(DOMAINS)
    assert "<script>" not in text


@pytest.mark.parametrize(
    ("query", "number", "shown"),
    [
        ("size=25", 1, 25),
        ("size=25&page=2", 2, 25),
        ("size=25&page=5", 5, 20),
        ("size=25&page=1000000000000000000000000", 1, 25),
        ("size=25&page=999999", 5, 20),
        ("size=25&page=-3", 1, 25),
        ("size=1000000000", 1, 120),
        ("size=200", 1, 120),
    ],
)
async def test_many_domains_come_in_pages(
    site: aiohttp.ClientSession, service: FakeService, query: str, number: int, shown: int
) -> None:
    service.found = ()
    service.seen = [good(f"mx.domain{number}.example", 25) for number in range(120)]

    page = await load(site, f"/?{query}")

    assert len(rows(page)) == shown
    pager = page.find("nav", class_="pager")
    assert bool(pager) == (shown < 120)
    if pager:
        assert f"Page {number} of " in pager[0].text
        links = {link.attributes["rel"]: link.attributes["href"] for link in pager[0].find("a")}
        assert ("prev" in links) == (number > 1)
        assert ("next" in links) == (shown not in (20, 120))


async def test_targets_without_an_endpoint_are_rows_with_advice_on_their_page(
    site: aiohttp.ClientSession,
) -> None:
    page = await load(site)

    assert matter(row_of(page, "nosuch.example")) == "name not found"
    assert matter(row_of(page, "inside.example")) == "address not allowed"
    assert row_of(page, "parked.example").attributes["class"] == "info"
    detail = (await load(site, "/domains/nosuch.example")).text
    assert REASON_ADVICE[Reason.NAME_NOT_FOUND].advice in detail
    assert "10.0.0.5" in (await load(site, "/domains/inside.example")).text


async def test_a_notice_about_a_domain_is_no_state_of_a_service(
    site: aiohttp.ClientSession, service: FakeService
) -> None:
    before = counts(await load(site))
    notice = replace(FINDINGS[0], reason=None, verdicts=(replace(BLOCKED, severity=Severity.NOTICE),))
    service.found = (notice,)

    page = await load(site)

    assert notice.state is State.UNKNOWN
    assert counts(page) == before
    assert row_of(page, "nosuch.example").attributes["class"] == "info"
    assert BLOCKED.summary in (await load(site, "/domains/nosuch.example")).text


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


async def test_hostile_text_stays_text_everywhere(site: aiohttp.ClientSession, service: FakeService) -> None:
    evil = "<img src=x onerror=alert(1)>'\"><script>alert(2)</script>{{ 7 * 7 }}"
    base = good("mx.example.org", 25)
    assert base.certificate is not None
    assert base.tls is not None
    verdict = replace(WORLD[16].verdicts[0], id=evil, summary=evil, advice=evil)
    service.seen = (
        replace(
            base,
            endpoint=replace(SHARED, host=evil, address=evil, domains=(evil,)),
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
    service.open_incidents = (
        replace(INCIDENT, name=evil, subject=evil, summary=evil, advice=evil, domains=(evil, evil)),
    )

    async with site.get(
        "/", params=dict.fromkeys(("q", "provider", "verdict", "state", "port"), evil)
    ) as answer:
        filtered = parse(await answer.text())
    for page, least in ((await load(site), 8), (filtered, 5), (await load(site, domain_link(evil)), 12)):
        assert_harmless(page)
        assert (
            page.text.count(evil) + str([one.attributes for one in page.everything()]).count("{{ 7 * 7 }}")
            >= least
        )


async def test_nothing_comes_from_outside_and_the_only_script_is_our_own_file(
    site: aiohttp.ClientSession,
) -> None:
    detail = "/endpoints/mx1.example.org~192.0.2.7~25~smtp"
    for path in ("/", "/docs", "/domains/example.org", detail):
        page = await load(site, path)
        links = [
            element.attributes[name]
            for element in page.everything()
            for name in ("href", "src", "action")
            if name in element.attributes
        ]
        scripts = [(script.attributes["src"], script.text) for script in page.find("script")]
        assert scripts == ([] if path == "/docs" else [("/static/live.js", "")])
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
    for field in [*page.find("input"), *page.find("select")]:
        assert [label for label in page.find("label") if field in label.everything()]
    labels = {label.attributes["id"] for label in page.everything() if "id" in label.attributes}
    for section in page.find("section"):
        assert section.attributes["aria-labelledby"] in labels


async def test_docs_list_every_address(site: aiohttp.ClientSession) -> None:
    async with site.get("/openapi.json") as answer:
        document = await answer.json()

    articles = (await load(site, "/docs")).find("article")
    listed = [article.find("h2")[0].text for article in articles]

    assert document["info"]["version"] == "1.2.3"
    operations = [f"{method.upper()} {path}" for path, on in document["paths"].items() for method in on]
    assert listed == [*operations, *document["components"]["schemas"]]
    assert {"GET /", "GET /metrics", "POST /-/reload", "GET /config"} <= set(listed)


async def test_our_own_network_has_a_section_only_while_it_is_at_fault(
    site: aiohttp.ClientSession, service: FakeService
) -> None:
    assert (await load(site)).find("section", class_="egress") == []
    service.own_network = (replace(EGRESS, summary=HOSTILE), BLOCKED)

    (section,) = (await load(site)).find("section", class_="egress")

    assert section.find("h2")[0].text == "Our own network is in the way"
    first, second = section.find("li")
    assert first.find("bdi")[0].text == HOSTILE
    assert EGRESS.advice in first.text
    assert [line.attributes["class"] for line in (first, second)] == ["info", "bad"]
