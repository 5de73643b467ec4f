"""What a server says of a quota: read only where it is plain, whatever stands around it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.accounts.imap_answers import read_full_quota


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (b'"User quota" (STORAGE 10 512)', None),
        (b'"User quota" (STORAGE 512 512)', "512 of 512 KiB"),
        (b'"User quota" (STORAGE 509 512)', "509 of 512 KiB"),
        (b'"User quota" (STORAGE 508 512)', None),
        (b'"" (storage 1 9999 message 1000 1000)', "1000 of 1000 messages"),
        (b'"(MESSAGE 9 9" (MESSAGE 1 9)', None),
        (b'"#user/x" (MAILBOX 9 9 ANNOTATION-STORAGE 9 9)', None),
        (b'"" ()', None),
        (b"", None),
    ],
)
def test_a_quota_that_has_no_room_is_told(line: bytes, told: str | None) -> None:
    assert read_full_quota([line, b"Getquotaroot completed."]) == told


@given(st.lists(st.binary(max_size=200)))
def test_nothing_that_a_server_says_raises(lines: list[bytes]) -> None:
    told = read_full_quota(lines)
    assert told is None or " of " in told
