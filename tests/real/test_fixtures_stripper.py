"""The proxy that takes STARTTLS out of what an SMTP server offers, cut anywhere."""

import pytest

from tests.servers.stripper import Replies

DIALOGUE = (
    b"220 mx.test ESMTP\r\n250-mx.test\r\n250-STARTTLS\r\n250 DSN\r\n"
    b"250-mx.test\r\n250 STARTTLS\r\n221 Bye\r\n"
)
STRIPPED = b"220 mx.test ESMTP\r\n250-mx.test\r\n250 DSN\r\n250 mx.test\r\n221 Bye\r\n"


@pytest.mark.parametrize("size", [1, 2, 7, 40, len(DIALOGUE)])
def test_the_keyword_goes_and_each_reply_has_an_end(size: int) -> None:
    replies = Replies()
    pieces = [DIALOGUE[start : start + size] for start in range(0, len(DIALOGUE), size)]
    assert b"".join(map(replies.strip, pieces)) == STRIPPED


def test_a_reply_goes_on_as_soon_as_it_is_whole() -> None:
    replies = Replies()
    assert replies.strip(b"250-mx.test\r\n250 D") == b""
    assert replies.strip(b"SN\r\n") == b"250-mx.test\r\n250 DSN\r\n"


def test_what_only_speaks_of_starttls_stays() -> None:
    said = b"530 5.7.0 Must issue a STARTTLS command first\r\n250-STARTTLSX\r\n250 DSN\r\n"
    assert Replies().strip(said) == said
