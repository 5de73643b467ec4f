"""Autoconfiguration: the parser against good, odd and hostile files, the source against a real web server."""

from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.discovery.autoconfig import MAX_PLACES, Config, find_autoconfig, read_config
from scanner.discovery.offer import Place
from scanner.model import Protocol, Reason, Service, Source, TlsMode
from tests.discovery.web_server import World, redirect, respond, world
from tests.servers.certificates import Authority, Leaf

D = "mail.test"
FIRST = f"https://autoconfig.{D}/mail/config-v1.1.xml"
SECOND = f"https://{D}/.well-known/autoconfig/mail/config-v1.1.xml"
THIRD = f"http://autoconfig.{D}/mail/config-v1.1.xml"
FOURTH = f"http://{D}/.well-known/autoconfig/mail/config-v1.1.xml"

IMAP = Place(Service.IMAP, "imap.mail.test", 993, Protocol.IMAP, TlsMode.IMPLICIT)
POP3 = Place(Service.POP3, "pop.mail.test", 110, Protocol.POP3, TlsMode.STARTTLS)
SMTP = Place(Service.SUBMISSION, "smtp.mail.test", 587, Protocol.SMTP, TlsMode.STARTTLS)


def server(place: Place, **changes: str) -> str:
    """Write the section of a place, some of its fields changed; an empty one is left out."""
    tag = "outgoingServer" if place.protocol is Protocol.SMTP else "incomingServer"
    fields = {
        "hostname": place.host,
        "port": str(place.port),
        "socketType": "SSL" if place.tls_mode is TlsMode.IMPLICIT else "STARTTLS",
        "username": "%EMAILADDRESS%",
        "authentication": "password-cleartext",
    } | changes
    lines = "".join(f"<{name}>{text}</{name}>" for name, text in fields.items() if text)
    return f'<{tag} type="{place.protocol.value}">{lines}</{tag}>'


def config(*sections: str, version: str = "1.1") -> bytes:
    inside = "".join(sections)
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><clientConfig version="{version}">'
        f'<emailProvider id="{D}"><domain>{D}</domain>{inside}</emailProvider></clientConfig>'
    ).encode()


GOOD = config(server(IMAP), server(POP3), server(SMTP))


def places_of(*sections: str) -> tuple[Place, ...]:
    return read_config(config(*sections), D).places


@pytest.mark.parametrize("version", ["1.1", "1.2", "7", ""])
def test_servers_come_in_the_files_order_whatever_its_version(version: str) -> None:
    found = read_config(config(server(IMAP), server(SMTP), server(POP3), version=version), D)
    assert found == Config((IMAP, SMTP, POP3))


def test_unknown_elements_are_passed_over() -> None:
    odd = (
        '<displayName>M</displayName><x:y xmlns:x="urn:x"/><incomingServer type="jmap"/><!-- so --><?so so?>'
    )
    exchange = '<incomingServer type="exchange"><owaURL>https://x.test/</owaURL></incomingServer>'
    assert places_of(odd, exchange, server(IMAP, extra="1"), "<webMail/>") == (IMAP,)


def test_a_namespace_makes_no_difference() -> None:
    body = GOOD.replace(b"<clientConfig", b'<clientConfig xmlns="urn:example"')
    assert read_config(body, D).places == (IMAP, POP3, SMTP)


@pytest.mark.parametrize(
    "changes",
    [
        {"hostname": ""},
        {"hostname": "   "},
        {"hostname": "two words"},
        {"hostname": "%EMAILLOCALPART%.mail.test"},
        {"hostname": "user@mail.test"},
        {"hostname": "a" * 300},
        {"hostname": "../etc/passwd"},
        {"port": ""},
        {"port": "0"},
        {"port": "65536"},
        {"port": "-993"},
        {"port": "9e2"},
        {"port": "٩٩٣"},
        {"port": "9" * 5000},
        {"socketType": ""},
        {"socketType": "maybe"},
    ],
)
def test_a_broken_section_is_skipped_and_not_the_file(changes: dict[str, str]) -> None:
    assert places_of(server(IMAP, **changes), server(SMTP)) == (SMTP,)


def test_texts_are_read_kindly() -> None:
    section = server(IMAP, hostname="\n  IMAP.%EMAILDOMAIN%. ", port=" 993\n", socketType=" ssl ")
    assert places_of(section) == (IMAP,)
    assert places_of(server(IMAP, hostname="imap.bücher.test"))[0].host == "imap.xn--bcher-kva.test"
    assert places_of(server(IMAP).replace("<socketType>", "<socketType>new</socketType><socketType>")) == (
        IMAP,
    )


def test_a_server_comes_once_and_at_its_first_place() -> None:
    assert places_of(server(IMAP), server(SMTP), server(IMAP)) == (IMAP, SMTP)


def test_no_more_servers_than_the_limit_are_taken() -> None:
    many = [server(IMAP, hostname=f"imap{number}.mail.test") for number in range(1000)]
    found = places_of(*many)
    assert [place.host for place in found] == [f"imap{number}.mail.test" for number in range(MAX_PLACES)]


@pytest.mark.parametrize(
    ("place", "port", "mode"),
    [(SMTP, 587, TlsMode.STARTTLS), (POP3, 2110, TlsMode.STARTTLS), (IMAP, 993, TlsMode.IMPLICIT)],
)
def test_plain_servers_are_kept_and_told(place: Place, port: int, mode: TlsMode) -> None:
    found = read_config(config(server(place, port=str(port), socketType="plain")), D)
    assert [(one.port, one.tls_mode) for one in found.places] == [(port, mode)]
    assert found.plain == found.places


def bomb() -> bytes:
    """Write the file whose entities would unfold to gigabytes."""
    entities = '<!ENTITY a0 "lol">' + "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 10))
    return (
        f"<!DOCTYPE x [{entities}]><clientConfig><emailProvider>&a9;</emailProvider></clientConfig>".encode()
    )


@pytest.mark.parametrize(
    "body",
    [
        bomb(),
        b'<!DOCTYPE x [<!ENTITY e "v">]>' + GOOD.partition(b"?>")[2],
        b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><clientConfig>&e;</clientConfig>',
        b'<!DOCTYPE x SYSTEM "http://127.0.0.1:9/x.dtd">' + GOOD.partition(b"?>")[2],
        b'<!DOCTYPE x [<!ENTITY % e SYSTEM "http://127.0.0.1:9/">%e;]><clientConfig/>',
    ],
)
def test_document_types_and_entities_are_refused(body: bytes) -> None:
    assert read_config(body, D) == Config(
        problem="it holds a document type or entities, which such a file never needs"
    )


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "it is no XML"),
        (b"<html><body>404", "it is no XML"),
        (b"<html/>", "it does not begin with clientConfig"),
        (b'<?xml version="1.0" encoding="no-such"?><clientConfig/>', "it is no XML"),
        (b'<?xml version="1.0" encoding="utf-7"?><clientConfig/>', "it is no XML"),
        (GOOD[:-5], "it is no XML"),
        (b"\xff\xfe\x00", "it is no XML"),
        (b"\x1f\x8b\x08\x00", "it is no XML"),
    ],
)
def test_what_is_no_such_file_is_told(body: bytes, says: str) -> None:
    found = read_config(body, D)
    assert not found.places
    assert says in (found.problem or "")


def test_a_deep_file_is_read_without_harm() -> None:
    deep = b"<a>" * 9_000 + b"</a>" * 9_000
    assert (
        read_config(b"<clientConfig><emailProvider>" + deep + b"</emailProvider></clientConfig>", D)
        == Config()
    )
    assert read_config(b"<clientConfig/>", D) == Config()


@given(
    st.binary(max_size=300) | st.text(max_size=300).map(lambda text: text.encode("utf-8", "surrogatepass"))
)
def test_any_bytes_are_read_or_told(body: bytes) -> None:
    found = read_config(body, D)
    assert found.places == ()
    assert (found.problem or "x").isprintable()


@given(st.binary(max_size=60), st.integers(0, len(GOOD)), st.integers(0, 40))
def test_any_damage_to_a_good_file_is_survived(noise: bytes, start: int, cut: int) -> None:
    found = read_config(GOOD[:start] + noise + GOOD[start + cut :], D)
    assert len(found.places) <= MAX_PLACES
    for place in found.places:
        assert 1 <= place.port <= 65_535
        assert place.host == place.host.lower().strip()


@pytest.fixture(scope="session")
def autoconfig_leaf(authority: Authority) -> Leaf:
    return authority.issue(D, f"autoconfig.{D}")


@pytest.fixture
async def here(authority: Authority, autoconfig_leaf: Leaf) -> AsyncIterator[World]:
    async with world(authority, autoconfig_leaf, D, f"autoconfig.{D}", timeout=2.0) as made:
        yield made


async def test_http_is_not_asked_where_https_has_it(here: World) -> None:
    here.site.pages[FIRST] = here.site.pages[THIRD] = respond(GOOD, "Content-Type: text/xml")
    offer = await find_autoconfig(D, here.client)
    assert (offer.source, offer.places) == (Source.AUTOCONFIG, (IMAP, POP3, SMTP))
    assert (offer.notices, offer.trouble, offer.provider) == ((), None, None)
    assert set(here.site.asked) == {FIRST, SECOND}


async def test_all_addresses_are_asked_in_the_order_of_trust(here: World) -> None:
    offer = await find_autoconfig(D, here.client)
    assert here.site.asked == [FIRST, SECOND, THIRD, FOURTH]
    assert not offer.places
    assert offer.trouble is None
    assert not [request for request in here.site.requests if "@" in request.head or "email" in request.url]


async def test_a_page_for_every_path_is_no_file(here: World) -> None:
    here.site.pages[FIRST] = respond(b"<!DOCTYPE html><html><body>Welcome</body></html>")
    here.site.pages[SECOND] = respond(GOOD)
    offer = await find_autoconfig(D, here.client)
    assert offer.places == (IMAP, POP3, SMTP)
    assert not offer.notices


async def test_a_file_by_http_is_taken_and_told(here: World) -> None:
    here.site.pages[FOURTH] = respond(GOOD)
    offer = await find_autoconfig(D, here.client)
    assert offer.places == (IMAP, POP3, SMTP)
    (notice,) = offer.notices
    assert notice.id == "autoconfig_over_http"
    assert FOURTH in notice.summary


async def test_a_file_by_http_first_is_of_low_trust_even_if_redirected(here: World) -> None:
    here.site.pages[THIRD] = redirect("https://autoconfig.mail.test/other.xml")
    here.site.pages["https://autoconfig.mail.test/other.xml"] = respond(GOOD)
    assert [notice.id for notice in (await find_autoconfig(D, here.client)).notices] == [
        "autoconfig_over_http"
    ]


async def test_https_alone_may_be_asked(here: World) -> None:
    here.site.pages[THIRD] = respond(GOOD)
    urls = ["https://autoconfig.{domain}/mail/config-v1.1.xml"]
    assert not (await find_autoconfig(D, here.client, urls)).places
    assert here.site.asked == [FIRST]


async def test_plain_servers_are_a_notice(here: World) -> None:
    here.site.pages[FIRST] = respond(config(server(SMTP, socketType="plain")))
    (notice,) = (await find_autoconfig(D, here.client)).notices
    assert notice.id == "autoconfig_plaintext"
    assert "smtp.mail.test:587" in notice.summary


async def test_servers_that_fail_leave_it_open(here: World) -> None:
    here.site.pages[SECOND] = respond(status=503)
    offer = await find_autoconfig(D, here.client)
    assert offer.trouble is not None
    assert offer.trouble.reason is Reason.PROTOCOL_ERROR
    assert offer.trouble.detail == f"{SECOND}: the server answered with status 503"


async def test_no_such_names_are_no_trouble(here: World) -> None:
    offer = await find_autoconfig("nowhere.test", here.client)
    assert (offer.places, offer.trouble) == ((), None)
