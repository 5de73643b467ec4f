import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.web.negotiation import accepts_gzip, wants_openmetrics


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("", False),
        ("*/*", False),
        ("application/openmetrics-text", True),
        ("application/openmetrics-text; version=1.0.0", True),
        ('application/openmetrics-text; version="1.0.0"', True),
        ("Application/OpenMetrics-Text; Version=1.0.0", True),
        ("application/openmetrics-text; version=0.0.1", False),
        ("application/openmetrics-text; version=2.0.0", False),
        ("application/openmetrics-text; q=0", False),
        ("application/openmetrics-text; q=0.5, text/plain; q=0.9", False),
        ("application/openmetrics-text; q=0.9, text/plain; q=0.5", True),
        ("application/openmetrics-text;version=1.0.0;q=0.6,text/plain;version=0.0.4;q=0.3,*/*;q=0.2", True),
        ("application/openmetrics-text;version=1.0.0;q=0.6,text/plain;version=1.0.0;q=0.9", True),
        ("application/openmetrics-text; q=nonsense", False),
        ("application/openmetrics-text; q=nan", False),
        (", " * 1000 + "application/openmetrics-text", False),
    ],
)
def test_openmetrics_is_chosen_by_name_and_weight(accept: str, expected: bool) -> None:
    assert wants_openmetrics(accept) is expected


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("", False),
        ("gzip", True),
        ("x-gzip", True),
        ("GZIP;q=0.5", True),
        ("deflate, gzip;q=1.0, *;q=0.5", True),
        ("*", True),
        ("identity", False),
        ("gzip;q=0", False),
        ("gzip;q=0, *", False),
        ("gzip;q=0.000", False),
        ("br", False),
    ],
)
def test_gzip_is_chosen_by_name_and_weight(accept: str, expected: bool) -> None:
    assert accepts_gzip(accept) is expected


@given(st.text(alphabet=st.one_of(st.sampled_from('gzip*;q=,.0 "/'), st.characters(max_codepoint=255))))
def test_no_header_raises(header: str) -> None:
    assert wants_openmetrics(header) in (True, False)
    assert accepts_gzip(header) in (True, False)
