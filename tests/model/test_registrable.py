"""The registrable domain of a host, and the one list that everybody asks for it."""

from dataclasses import replace

import pytest

from scanner.model.registrable import read_suffixes, registrable_domain
from scanner.service.incidents import provider_of
from tests.verdict.observations import healthy


@pytest.mark.parametrize(
    ("host", "domain"),
    [
        ("mx1.example.co.uk", "example.co.uk"),
        ("example.org", "example.org"),
        ("co.uk", None),
        ("192.0.2.7", None),
        ("2001:db8::1", None),
    ],
)
def test_it_is_what_one_organisation_holds(host: str, domain: str | None) -> None:
    assert registrable_domain(host) == domain


def test_the_list_is_read_once_for_all() -> None:
    read_suffixes.cache_clear()
    seen = healthy(25)
    host = "mx.read-once.example.co.uk"
    assert registrable_domain(host) == "example.co.uk"
    other = replace(seen, endpoint=replace(seen.endpoint, host=f"other-{host}", expectation=None))
    assert provider_of(other) == "example.co.uk"
    assert read_suffixes.cache_info().misses == 1
