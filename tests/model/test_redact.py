"""Text of servers without the secrets: also where a server repeats a command and cuts it off."""

import base64

import pytest

from scanner.model.redact import redact

USER, SECRET = "probe@mail.test", "correct horse battery staple"
LEADS = ["", f"\0{USER}\0", f"{USER}\0{USER}\0", f"user={USER}\1auth=Bearer "]


@pytest.mark.parametrize("lead", LEADS)
def test_base64_that_is_cut_off_within_the_secret_shows_nothing_of_it(lead: str) -> None:
    whole = base64.b64encode((lead + SECRET).encode()).decode()
    begins = max(8, len(lead) * 8 // 6)
    for length in range(begins, len(whole) + 1):
        text = redact(f"500 unrecognised: AUTH {whole[:length]}... goodbye", [SECRET], users=[USER])
        assert text == "500 unrecognised: AUTH ***... goodbye"


def test_words_of_the_server_stay() -> None:
    text = "535 5.7.8 Error: authentication failed: UGFzc3dvcmQ6"
    assert redact(text, [SECRET], users=[USER]) == text
