"""What /probe may be asked for, how long it may take, and how often a probe may be asked for."""

from collections.abc import Iterable
from pathlib import Path
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.config import Settings, parse_settings
from scanner.config.web_settings import is_permitted, read_permit
from scanner.model.observation import Key
from scanner.model.target import parse_target
from scanner.service import admission, whereabouts
from scanner.service.admission import Admission
from scanner.service.probe_desk import BURST, GAP_SECONDS, REFILL_SECONDS, ProbeDesk, allowed_seconds
from scanner.service.watch import Watch
from scanner.service.whereabouts import Whereabouts
from scanner.web.asked import ProbeRefusedError
from tests.service.line_count import counted_lines

WATCHED: tuple[Key, ...] = (
    ("mx1.example.org", "192.0.2.7", 25, "smtp", "starttls"),
    ("mx1.example.org", "192.0.2.7", 2525, "smtp", "starttls"),
)


def watching(keys: Iterable[Key]) -> Whereabouts:
    made = Whereabouts()
    for key in keys:
        made.add(key)
    return made


def settings(*allow: str) -> Settings:
    text = f"targets: [example.org, 'mx9.example.com:587']\nweb: {{probe: {{allow: {list(allow)}}}}}"
    return parse_settings(text, source="test", base=Path(), environ={})


@pytest.mark.parametrize(
    ("target", "allow", "said"),
    [
        ("example.org", (), None),
        ("EXAMPLE.org.", (), None),
        ("mx1.example.org:25", (), None),
        ("192.0.2.7:25", (), None),
        ("mx1.example.org:2525", (), "port"),  # without a protocol no such target can be written
        ("smtp://mx1.example.org:2525", (), None),
        ("smtp://mx1.example.org:22", (), "is no mail port"),
        ("mx9.example.com:587", (), None),
        ("sub.example.org:25", (), "neither watched nor allowed"),
        ("sub.example.org:25", (".example.org",), None),
        ("sub.example.org:25", ("*.example.org",), None),
        ("evilexample.org:25", (".example.org",), "neither watched nor allowed"),
        ("a.example.net:25", ("a.example.net",), None),
        ("b.a.example.net:25", ("a.example.net",), "neither watched nor allowed"),
        ("198.51.100.9:25", ("198.51.100.0/24",), None),
        ("198.51.101.9:25", ("198.51.100.0/24",), "neither watched nor allowed"),
        ("[2001:db8::1]:25", ("2001:db8::/32",), None),
        ("name.example:25", ("0.0.0.0/0", "::/0"), "neither watched nor allowed"),
        ("smtp://a.example.net:22", ("a.example.net",), "is no mail port"),
    ],
)
def test_what_may_be_asked_for(target: str, allow: tuple[str, ...], said: str | None) -> None:
    if said == "port":
        with pytest.raises(ValueError, match="2525"):
            parse_target(target)
        return
    why = Admission(settings(*allow)).refuse(parse_target(target), watching(WATCHED))
    assert (why is None) if said is None else (why is not None and said in why)


def test_it_costs_the_same_however_many_endpoints_and_targets_there_are() -> None:
    def lines_of(count: int) -> int:
        names = ", ".join(f"d{number}.example" for number in range(count))
        many = parse_settings(f"targets: [{names}]", source="test", base=Path(), environ={})
        watched = watching([(f"mx{number}.example.org", *WATCHED[0][1:]) for number in range(count)])
        rules = Admission(many)
        with counted_lines(admission, whereabouts) as lines:
            for name in ("d0.example", "mx1.example.org", "192.0.2.7", "elsewhere.example"):
                rules.refuse(parse_target(f"{name}:25"), watched)
        return lines.count

    assert lines_of(10) == lines_of(500)


@pytest.mark.parametrize("value", ["", "a b", "-x-", "192.0.2.0/99", "..", 7, None, ["a"]])
def test_what_is_no_permit_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match="must be a host"):
        read_permit(value)


@given(st.text(max_size=80), st.text(max_size=80))
def test_no_text_does_harm(host: str, permit: str) -> None:
    try:
        read = read_permit(permit)
    except ValueError:
        return
    assert is_permitted(host, [read]) in (True, False)
    assert read_permit(read) == read


@pytest.mark.parametrize(
    ("scrape", "offset", "seconds"),
    [
        (15, 0.5, 14.5), (15, 0, 15), (10, 0.5, 9.5), (1, 0.5, 0.5), (0.5, 0.5, 0.25), (0.1, 0.5, 0.05),
        (0.000001, 0.5, 0.0000005), (3600, 0.5, 75), (None, 0.5, 75), (10, 60, 5),
    ],
)  # fmt: skip
def test_the_time_of_a_scrape_leaves_some_for_the_probe(
    scrape: float | None, offset: float, seconds: float
) -> None:
    assert allowed_seconds(scrape, offset) == pytest.approx(seconds)


@given(st.floats(min_value=1e-9, max_value=1e9), st.floats(min_value=0, max_value=1e6))
def test_it_is_never_nothing_and_never_more(scrape: float, offset: float) -> None:
    assert 0 < allowed_seconds(scrape, offset) <= scrape


async def test_probes_now_are_few() -> None:
    now = 1000.0
    desk = ProbeDesk(cast("Watch", None), clock=lambda: now)

    def ask(number: int) -> float | None:
        try:
            desk._take_token(("mx", f"192.0.2.{number}", 25, "smtp", "starttls"))
        except ProbeRefusedError as refusal:
            return refusal.retry_after if refusal.status == 429 else -1.0
        return None

    assert [ask(number) for number in range(BURST)] == [None] * BURST
    assert ask(0) == GAP_SECONDS
    assert ask(99) == REFILL_SECONDS
    now += REFILL_SECONDS
    assert ask(0) == GAP_SECONDS - REFILL_SECONDS
    assert ask(99) is None
    assert ask(98) == REFILL_SECONDS
    now += GAP_SECONDS
    assert ask(0) is None
