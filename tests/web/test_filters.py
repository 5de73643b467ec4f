"""The filters of the page: whatever an address says, they are read, bounded, and written again."""

from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.web.filters import SIZES, STATES, Filters, read_filters

NAMES = ("state", "verdict", "port", "provider", "q", "sort", "page", "size")


@given(st.dictionaries(st.sampled_from(NAMES), st.text(max_size=300)))
def test_any_words_are_read_and_bounded(words: dict[str, str]) -> None:
    filters = read_filters(words)

    assert filters.state in ("", *STATES)
    assert filters.size in SIZES
    assert filters.page >= 1
    assert filters.port is None or 1 <= filters.port <= 65_535
    assert max(len(filters.text), len(filters.verdict), len(filters.provider)) <= 200
    # What it links to is read as the same again.
    again = read_filters(dict(parse_qsl(urlsplit(filters.link).query, keep_blank_values=True)))
    assert again == filters


@pytest.mark.parametrize(
    ("words", "link"),
    [
        ({}, "/"),
        ({"state": "blocked", "page": "2"}, "/?state=blocked&page=2"),
        ({"q": "a b&c", "sort": "name"}, "/?q=a+b%26c&sort=name"),
        ({"port": "0025", "size": "50"}, "/?port=25"),
        ({"state": "shut", "port": "smtp", "page": "0", "sort": "size", "size": "7"}, "/"),
    ],
)
def test_an_address_says_only_what_matters(words: dict[str, str], link: str) -> None:
    assert read_filters(words).link == link


def test_another_filter_begins_at_the_first_page() -> None:
    filters = Filters(text="a", page=7)

    assert filters.only_state("open").link == "/?state=open&q=a"
    assert filters.sorted_by("name").link == "/?q=a&sort=name"
    assert filters.at_page(8).link == "/?q=a&page=8"
