"""The links from the pages to the dashboards: right ones, filled in, escaped, and none without a Grafana."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import aiohttp
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from scanner.config import ConfigError, parse_settings
from scanner.model.endpoint_id import write_id
from scanner.web.grafana import Dashboard, link_domain, link_endpoint, link_overview
from tests.cli.command import run
from tests.web.page import Element, load
from tests.web.samples import WORLD
from tests.web.service import FakeService

ROOT = Path(__file__).parents[2]
BASE = "https://grafana.example.org/sub"
SEEN = WORLD[0]


def variables_of(dashboard: Dashboard) -> set[str]:
    document = json.loads((ROOT / f"config/grafana/dashboards/{dashboard.value}.json").read_text("utf-8"))
    assert document["uid"] == dashboard.value
    return {one["name"] for one in document["templating"]["list"]}


def read(link: str | None) -> tuple[str, dict[str, list[str]]]:
    assert link is not None
    parts = urlsplit(link)
    return f"{parts.scheme}://{parts.netloc}{parts.path}", parse_qs(parts.query, strict_parsing=True)


def test_each_link_fills_in_variables_that_its_dashboard_has() -> None:
    page, given_ = read(link_domain(BASE, "example.org"))
    assert (page, given_) == (f"{BASE}/d/mailport-domain", {"var-domain": ["example.org"]})
    assert {name.removeprefix("var-") for name in given_} <= variables_of(Dashboard.DOMAIN)

    page, given_ = read(link_endpoint(BASE, SEEN.endpoint))
    endpoint = SEEN.endpoint
    assert page == f"{BASE}/d/mailport-endpoint"
    assert given_ == {
        "var-host": [endpoint.host],
        "var-port": [str(endpoint.port)],
        "var-protocol": [endpoint.protocol.value],
    }
    assert {name.removeprefix("var-") for name in given_} <= variables_of(Dashboard.ENDPOINT)
    assert link_overview(BASE) == f"{BASE}/d/mailport-overview"
    assert variables_of(Dashboard.OVERVIEW)


@given(st.text(min_size=1, max_size=60))
def test_whatever_a_name_holds_stays_the_value_of_its_variable(name: str) -> None:
    name = name.encode("utf-8", "replace").decode()
    page, given_ = read(link_domain(BASE, name))
    assert (page, given_) == (f"{BASE}/d/mailport-domain", {"var-domain": [name]})
    endpoint = replace(SEEN.endpoint, host=name)
    assert read(link_endpoint(BASE, endpoint))[1]["var-host"] == [name]


def links(page: Element) -> Sequence[str]:
    return [link.attributes["href"] for link in page.find("a", class_="dashboard")]


async def test_the_pages_link_to_their_dashboards(site: aiohttp.ClientSession, service: FakeService) -> None:
    domain = SEEN.endpoint.domains[0]
    paths = ("/", f"/domains/{domain}", f"/endpoints/{write_id(SEEN.endpoint.key)}")
    for path in paths:
        assert links(await load(site, path)) == []
    service.grafana = BASE
    found = [links(await load(site, path)) for path in paths]
    assert found == [
        [link_overview(BASE)],
        [link_domain(BASE, domain)],
        [link_endpoint(BASE, SEEN.endpoint)],
    ]


async def test_an_address_that_wants_to_be_more_is_escaped(
    site: aiohttp.ClientSession, service: FakeService
) -> None:
    # The settings refuse it; the page does not rely on that.
    service.grafana = 'https://g.example/"><script>alert(1)</script>'
    page = await load(site, f"/domains/{SEEN.endpoint.domains[0]}")
    assert not [script for script in page.find("script") if "src" not in script.attributes]
    assert links(page)[0].startswith('https://g.example/"><script>')


def grafana_of(tmp_path: Path, value: object) -> str | None:
    text = yaml.safe_dump({"targets": ["example.org"], "web": {"grafana": value}})
    return parse_settings(text, source="m.yml", base=tmp_path, environ={}).web.grafana


def test_a_good_address_is_taken_without_its_last_slash(tmp_path: Path) -> None:
    assert grafana_of(tmp_path, "http://localhost:3000/") == "http://localhost:3000"
    assert grafana_of(tmp_path, BASE) == BASE
    assert grafana_of(tmp_path, None) is None


@pytest.mark.parametrize(
    ("value", "read"),
    [
        ("https://[::1]:3000/g", "https://[::1]:3000/g"),
        ("http://[2001:DB8:0::7]/", "http://[2001:db8::7]"),
        ("http://[::1]", "http://[::1]"),
        ("HTTPS://grafana.example.org/", "https://grafana.example.org"),
        ("Http://192.0.2.7:3000", "http://192.0.2.7:3000"),
    ],
)
def test_an_address_of_ipv6_and_a_scheme_in_any_case_are_taken(tmp_path: Path, value: str, read: str) -> None:
    assert grafana_of(tmp_path, value) == read
    assert grafana_of(tmp_path, read) == read


@pytest.mark.parametrize(
    "value",
    [
        "javascript:alert(1)",
        "ftp://grafana.example.org",
        "grafana.example.org",
        "//grafana.example.org",
        "https://",
        "https://user:secret@grafana.example.org",
        "https://grafana.example.org/?orgId=1",
        "https://grafana.example.org/#x",
        'https://grafana.example.org/"onclick=',
        "https://grafana.example.org/a b",
        "https://grafana.example.org:99999",
        "https://[::1]:99999",
        "https://[::1]3000",
        "https://[::1]x.example",
        "https://[::1]@evil.example/",
        "https://[fe80::1%25eth0]:3000",
        "https://[grafana.example.org]",
        "https://[192.0.2.7]",
        "https://[]",
        "https://[::1]/?orgId=1",
        "https://[::1]\n",
        "https://::1:3000",
        "",
        3000,
        ["https://grafana.example.org"],
    ],
)
def test_anything_else_is_refused_with_its_place(tmp_path: Path, value: object) -> None:
    with pytest.raises(ConfigError, match=r"web\.grafana.*such as https://grafana\.example\.org"):
        grafana_of(tmp_path, value)


def test_the_option_and_the_environment_are_checked_too(tmp_path: Path) -> None:
    file = tmp_path / "m.yml"
    file.write_text("targets: [example.org]\n")
    for arguments, env in ((("--grafana", "javascript:x"), {}), ((), {"MAILPORT_GRAFANA": "javascript:x"})):
        outcome = run("serve", "--config", file, *arguments, env=env)
        assert outcome.status == 2
        assert outcome.problem.startswith("--grafana: must be the http or https address of Grafana")


def test_the_compose_file_says_where_its_grafana_is() -> None:
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))["services"]
    address = services["mailport"]["environment"]["MAILPORT_GRAFANA"]
    (port,) = services["grafana"]["ports"]
    assert address == f"http://localhost:{port.split(':')[1]}"
