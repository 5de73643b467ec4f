"""Text of servers without the secrets: also where a server repeats a command and cuts it off."""

import base64
import html
import json
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.model.redact import LONGEST_DETAIL, MASK, redact

USER, SECRET = "probe@mail.test", "correct horse battery staple"
LEADS = ["", f"\0{USER}\0", f"{USER}\0{USER}\0", f"user={USER}\1auth=Bearer "]


@pytest.mark.parametrize("lead", LEADS)
def test_base64_that_is_cut_off_within_the_secret_shows_nothing_of_it(lead: str) -> None:
    whole = base64.b64encode((lead + SECRET).encode()).decode()
    begins = max(8, len(lead) * 8 // 6)
    for length in range(begins, len(whole) + 1):
        text = redact(f"500 unrecognised: AUTH {whole[:length]}... goodbye", [SECRET], users=[USER])
        assert text == "500 unrecognised: AUTH ***... goodbye"


@pytest.mark.parametrize("secret", ["abcd", "abcde", "rßi", "q1W!", "hunter2"])
def test_base64_without_padding_shows_nothing_of_a_short_secret(secret: str) -> None:
    for lead in LEADS:
        whole = base64.b64encode((lead + secret).encode()).decode()
        for sent in (whole, whole.rstrip("=")):
            text = redact(f"500 unrecognised: {sent} goodbye", [secret], users=[USER])
            assert text == "500 unrecognised: *** goodbye"


def test_words_of_the_server_stay() -> None:
    text = "535 5.7.8 Error: authentication failed: UGFzc3dvcmQ6"
    assert redact(text, [SECRET], users=[USER]) == text


ODD = 'cörrect;horse "b\\attery+/<ß>%20'
WAYS: dict[str, Callable[[str], str]] = {
    "upper": str.upper,
    "lower": str.lower,
    "swapped": str.swapcase,
    "url": lambda text: quote(text, safe=""),
    "url in small letters": lambda text: quote(text, safe="").lower(),
    "url but for some": lambda text: quote(text, safe='/;+"'),
    "form": quote_plus,
    "every octet": lambda text: "".join(f"%{octet:02X}" for octet in text.encode()),
    "html": html.escape,
    "json": json.dumps,
    "json as it is": lambda text: json.dumps(text, ensure_ascii=False),
    "python": repr,
    "python octets": lambda text: repr(text.encode()),
    "hex": lambda text: text.encode().hex(),
    "hex in capitals": lambda text: text.encode().hex().upper(),
    "base64 of url": lambda text: base64.urlsafe_b64encode(text.encode()).decode(),
    "base64 in url": lambda text: quote(base64.b64encode(text.encode()), safe=""),
    "base64 in capitals": lambda text: base64.b64encode(text.encode()).decode().upper(),
    "base64 of more": lambda text: base64.b64encode(f"PASS {text} and so on".encode()).decode(),
    "base64 of even more": lambda text: base64.b64encode(f"x PASS {text}!".encode()).decode(),
}


@pytest.mark.parametrize("secret", [SECRET, ODD])
@pytest.mark.parametrize("way", WAYS)
def test_a_secret_is_found_however_a_server_writes_it(way: str, secret: str) -> None:
    written = WAYS[way](secret)
    shown = redact(f"550 said: {written} (end)", [secret], users=[USER])
    assert MASK in shown
    assert shown.startswith("550 said: ")
    assert shown.endswith("(end)")
    core = written.strip("\"'b")[8:-8]
    assert core not in shown


@given(st.text(min_size=3, max_size=40), st.sampled_from(sorted(WAYS)))
def test_whatever_a_secret_is_made_of_it_is_found(secret: str, way: str) -> None:
    written = WAYS[way](secret)
    shown = redact(f"<{written}>", [secret])
    if way.startswith("base64 of ") and way != "base64 of url" and len(secret) < 10:
        return  # too short to be told from other text
    assert MASK in shown


@given(st.text(), st.lists(st.text(max_size=20)), st.text(max_size=20))
def test_nothing_raises(text: str, secrets: list[str], user: str) -> None:
    assert len(redact(text, secrets, users=[user])) <= LONGEST_DETAIL
