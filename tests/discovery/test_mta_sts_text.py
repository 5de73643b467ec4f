"""The texts of MTA-STS: good, odd and hostile records and policies."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.discovery.mta_sts_text import MAX_AGE, explain_record, read_policy, read_record
from scanner.model import StsMode, StsPolicy

TEXT = b"version: STSv1\r\nmode: enforce\r\nmx: mx1.sts.test\r\nmx: *.sts.test\r\nmax_age: 604800\r\n"
POLICY = StsPolicy(StsMode.ENFORCE, ("mx1.sts.test", "*.sts.test"), 604_800)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (b"v=STSv1; id=20260101T000000Z;", "20260101T000000Z"),
        (b"v=STSv1;id=1", "1"),
        (b"v=STSv1 \t;\t id=1 ; ", "1"),
        (b"v=STSv1; x=y; id=a1; more.x_y-z=!:<>~", "a1"),
        (b"v=STSv1; id=" + b"a" * 32, "a" * 32),
        (b"v=STSv1; id=" + b"a" * 33, None),
        (b"v=STSv1; id=", None),
        (b"v=STSv1; id=a-b", None),
        (b"v=STSv1; id=a b", None),
        (b"v=STSv1; id=1; id=2", None),
        (b"v=STSv1; ID=1", None),
        (b"v=STSv1; id =1", None),
        (b"v=STSv1; id= 1", None),
        (b"v=STSv1;; id=1", None),
        (b"v=STSv1; id=1;;", None),
        (b"v=STSv1; x=a=b; id=1", None),
        (b"v=STSv1; x; id=1", None),
        (b"v=STSv1; -x=1; id=1", None),
        (b"v=STSv1; " + b"x" * 33 + b"=1; id=1", None),
        (b"v=STSv1;", None),
        (b"v=STSv1", None),
        (b"v=STSv2; id=1", None),
        (b"v=stsv1; id=1", None),
        (b"V=STSv1; id=1", None),
        (b" v=STSv1; id=1", None),
        (b"v= STSv1; id=1", None),
        (b"id=1; v=STSv1", None),
        (b"v=STSv1; id=\xe9", None),
        (b"v=STSv1; id=1\n", None),
        (b"", None),
    ],
)
def test_a_record_is_read_by_the_rules(text: bytes, found: str | None) -> None:
    assert read_record([text]) == found


def test_other_records_do_not_count_and_there_must_be_one() -> None:
    good = b"v=STSv1; id=1"
    assert read_record([b"v=spf1 -all", good, b"v=STSv10; id=2", b"v=STSv1"]) == "1"
    assert read_record([good, good]) is None
    assert read_record([good, b"v=STSv1; broken"]) is None
    assert read_record([]) is None
    assert explain_record([good, good]) == "2 TXT records begin with v=STSv1; there must be one"
    assert explain_record([good, b"v=spf1 -all"]) is None
    assert 'the TXT record "v=STSv1; broken" is not of the form' in (
        explain_record([b"v=STSv1; broken"]) or ""
    )


@given(
    st.lists(st.binary(max_size=60) | st.binary(max_size=40).map(lambda rest: b"v=STSv1;" + rest), max_size=3)
)
def test_any_records_are_read(texts: list[bytes]) -> None:
    found = read_record(texts)
    assert found is None or (found.isascii() and found.isalnum() and len(found) <= 32)
    assert (explain_record(texts) or "x").isprintable()


@pytest.mark.parametrize(
    ("text", "policy"),
    [
        (TEXT, POLICY),
        (TEXT.replace(b"\r\n", b"\n"), POLICY),
        (TEXT.rstrip(), POLICY),
        (TEXT + b"\r\n\r\n", POLICY),
        (TEXT.replace(b": ", b":\t  "), POLICY),
        (TEXT.replace(b"\r\n", b" \t\r\n"), POLICY),
        (b"\n".join(reversed(TEXT.splitlines())), StsPolicy(StsMode.ENFORCE, POLICY.mx[::-1], 604_800)),
        (TEXT + b"more-x.y_z: a: b \xc3\xbc\r\nempty:\r\n", POLICY),
        (TEXT + b"mode: none\r\nmax_age: 1\r\nversion: STSv2\r\n", POLICY),
        (TEXT + b"mx: MX1.STS.Test\r\n", POLICY),
        (TEXT.replace(b"604800", b"0"), StsPolicy(StsMode.ENFORCE, POLICY.mx, 0)),
        (TEXT.replace(b"604800", b"31557600"), StsPolicy(StsMode.ENFORCE, POLICY.mx, MAX_AGE)),
        (b"version: STSv1\nmode: none\nmax_age: 60", StsPolicy(StsMode.NONE, (), 60)),
        (b"version: STSv1\nmode: none\nmx: a.test\nmax_age: 60", StsPolicy(StsMode.NONE, ("a.test",), 60)),
    ],
)
def test_a_policy_is_read_by_the_rules(text: bytes, policy: StsPolicy) -> None:
    assert read_policy(text) == policy


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (b"", 'there is no field "version"'),
        (TEXT.replace(b"version: STSv1\r\n", b""), 'there is no field "version"'),
        (TEXT.replace(b"STSv1", b"STSv2"), 'the version is "STSv2", not STSv1'),
        (TEXT.replace(b"mode: enforce\r\n", b""), 'there is no field "mode"'),
        (TEXT.replace(b"enforce", b"Enforce"), 'the mode is "Enforce", not enforce, testing or none'),
        (TEXT.replace(b"max_age: 604800\r\n", b""), 'there is no field "max_age"'),
        (TEXT.replace(b"604800", b"31557601"), 'max_age is "31557601", not a number of seconds'),
        (TEXT.replace(b"604800", b"-1"), 'max_age is "-1"'),
        (TEXT.replace(b"604800", b"1e3"), 'max_age is "1e3"'),
        (TEXT.replace(b"604800", b"9" * 9000), "max_age is"),
        (b"version: STSv1\nmode: testing\nmax_age: 1", 'the mode is testing, and there is no field "mx"'),
        (TEXT.replace(b"*.sts", b"mx*.sts"), '"mx*.sts.test" is neither a host name'),
        (TEXT.replace(b"*.sts", b"*.*.sts"), "is neither a host name"),
        (TEXT.replace(b"*.sts.test", b"*"), "is neither a host name"),
        (TEXT.replace(b"*.sts.test", b"192.0.2.1"), "is neither a host name"),
        (TEXT.replace(b"*.sts.test", b"m\xc3\xbcx.test"), "is neither a host name"),
        (TEXT.replace(b"*.sts.test", b"a.test, b.test"), "is neither a host name"),
        (TEXT.replace(b"*.sts.test", b""), "is neither a host name"),
        (b"<html>\n", 'line 1 is not of the form "key: value": "<html>"'),
        (b" " + TEXT, "line 1 is not of the form"),
        (TEXT.replace(b"mode:", b"mode :"), "line 2 is not of the form"),
        (TEXT.replace(b"\r\n", b"\r"), "line 1 is not of the form"),
        (b"\xef\xbb\xbf" + TEXT, "line 1 is not of the form"),
        (TEXT + b"x: \xff", "is not UTF-8"),
        (TEXT + b"x: a\x00b", "line 6 is not of the form"),
    ],
)
def test_a_bad_policy_is_told_in_words(text: bytes, says: str) -> None:
    found = read_policy(text)
    assert isinstance(found, str)
    assert says in found
    assert found.isprintable()
    assert len(found) < 200


@given(st.binary(max_size=200), st.integers(0, len(TEXT)), st.integers(0, 30))
def test_any_bytes_are_a_policy_or_told(noise: bytes, start: int, cut: int) -> None:
    for body in (noise, TEXT[:start] + noise + TEXT[start + cut :]):
        found = read_policy(body)
        if isinstance(found, str):
            assert found.isprintable()
        else:
            assert 0 <= found.max_age <= MAX_AGE
            assert all(pattern == pattern.lower() and pattern.isascii() for pattern in found.mx)
            assert found.mx or found.mode is StsMode.NONE
