"""Where the shards answer: `shards.addresses`."""

from pathlib import Path

import pytest

from scanner.config import ConfigError, Settings
from scanner.config.load import parse_settings
from scanner.model.shard import Shard


def load(text: str) -> Settings:
    return parse_settings(f"targets: [example.org]\n{text}\n", source="mailport.yml", base=Path(), environ={})


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("", ()),
        ("shards:", ()),
        ("shards: {addresses: []}", ()),
        (
            "shards: {addresses: 'mailport-{shard}:9587'}",
            ("mailport-1:9587", "mailport-2:9587", "mailport-3:9587"),
        ),
        (
            "shards: {addresses: 'm-{ordinal}.m.default.svc:9587'}",
            tuple(f"m-{number}.m.default.svc:9587" for number in range(3)),
        ),
        (
            "shards: {addresses: ['127.0.0.1:9{shard}00']}",
            ("127.0.0.1:9100", "127.0.0.1:9200", "127.0.0.1:9300"),
        ),
        (
            "shards: {addresses: [a.test:9587, '192.0.2.1:1', '[2001:db8::1]:2']}",
            ("a.test:9587", "192.0.2.1:1", "[2001:db8::1]:2"),
        ),
    ],
)
def test_each_shard_has_its_place(text: str, places: tuple[str, ...]) -> None:
    assert load(text).shards.places(Shard(2, 3)) == places


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("shards: {addresses: mailport:9587}", "must have {shard} or {ordinal} in it"),
        ("shards: {addresses: 'mailport-{shard}'}", "must be HOST:PORT"),
        ("shards: {addresses: 'mailport-{number}:9587'}", "must be HOST:PORT"),
        ("shards: {addresses: ['a b:9587']}", "shards.addresses[0]: must be HOST:PORT"),
        ("shards: {addresses: [a:1, a:1]}", "in the list twice"),
        ("shards: {addresses: 5}", "must be a list"),
        ("shards: {address: []}", "did you mean addresses?"),
    ],
)
def test_what_is_no_place_is_refused_with_its_line(text: str, why: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(text)
    assert why in str(caught.value)
    assert str(caught.value).startswith("mailport.yml:2: ")


def test_places_and_shards_have_to_be_as_many() -> None:
    with pytest.raises(ValueError, match=r"names 2 places, and there are 3 shards"):
        load("shards: {addresses: [a:1, b:1]}").shards.places(Shard(1, 3))


def test_the_settings_in_force_say_it_and_can_be_read_back() -> None:
    settings = load("shards: {addresses: ['m-{shard}:9587']}")
    assert settings.as_document()["shards"] == {"addresses": ["m-{shard}:9587"], "pages": []}
    assert load("shards: {addresses: ['m-{shard}:9587']}") == settings


def test_pages_are_where_the_shards_answer_unless_they_are_set() -> None:
    places = "shards: {addresses: 'm-{shard}:9587'"
    assert load("").shards.links(Shard(1, 2)) == ()
    assert load(places + "}").shards.links(Shard(1, 2)) == ("//m-1:9587/", "//m-2:9587/")
    assert load(places + ", pages: 'https://m.test/{ordinal}/'}").shards.links(Shard(1, 2)) == (
        "https://m.test/0/",
        "https://m.test/1/",
    )
    few = load("shards: {pages: ['http://a.test', 'http://b.test:1']}").shards
    assert few.links(Shard(1, 2)) == ("http://a.test", "http://b.test:1")
    with pytest.raises(ValueError, match=r"shards\.pages names 2 places, and there are 3 shards"):
        few.links(Shard(1, 3))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("'https://m.test/'", "must have {shard} or {ordinal} in it"),
        ("'m-{shard}:9587'", "must be a web address"),
        ("['javascript:alert(1)']", "shards.pages[0]: must be a web address"),
        ("['http://a.test', 'http://a.test']", "in the list twice"),
    ],
)
def test_what_is_no_page_is_refused(text: str, why: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(f"shards: {{pages: {text}}}")
    assert why in str(caught.value)
