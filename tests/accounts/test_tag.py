"""The tag of a message: known again with its own key, and by nothing else."""

import re
from datetime import UTC, datetime
from email import message_from_bytes
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.accounts.run_key import FILE_NAME, open_key
from scanner.accounts.tag import HEADER, LONGEST_HEADER, Tagger, compose

NOW = datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=UTC)
TAGGER, OTHER = Tagger(b"k" * 32), Tagger(b"o" * 32)
TAG = TAGGER.make("sales", NOW)
VALUE = TAGGER.write(TAG)
MESSAGE = compose(TAG, VALUE, "jane@example.org", "jane@example.org")
HEAD = MESSAGE.partition(b"\r\n\r\n")[0] + b"\r\n\r\n"


def test_a_message_of_ours_is_known_again() -> None:
    assert TAGGER.read(HEAD) == TAG
    assert TAGGER.read(MESSAGE) == TAG
    assert TAG.made_at == int(NOW.timestamp())
    assert TAGGER.make("sales", NOW).run != TAG.run


def test_folding_by_a_server_changes_nothing() -> None:
    folded = HEAD.replace(b"; run=", b";\r\n\trun=").replace(b"; proof=", b";\r\n   proof=")
    assert folded != HEAD
    assert TAGGER.read(folded) == TAG


def head(*values: str) -> bytes:
    return "".join(f"{HEADER}: {value}\r\n" for value in values).encode() + b"\r\n"


@pytest.mark.parametrize(
    "header",
    [
        b"",
        b"Subject: hello\r\n\r\n",
        head(""),
        head("account=sales"),
        head(OTHER.write(TAG)),
        head(VALUE.replace("account=sales", "account=other")),
        head(VALUE.replace(TAG.run, "0" * 32)),
        head(VALUE.replace(f"at={TAG.made_at}", "at=1")),
        head(VALUE[:-1]),
        head(VALUE + " x"),
        head(VALUE.upper()),
        head(VALUE, VALUE),
        head("", VALUE),
        b"Subject: x\r\n\r\n" + head(VALUE),
        head(VALUE) + b"y" * LONGEST_HEADER,
    ],
)
def test_a_forged_or_broken_tag_is_none(header: bytes) -> None:
    assert TAGGER.read(header) is None


@given(st.binary(max_size=2000))
def test_no_header_breaks_the_reader(header: bytes) -> None:
    assert TAGGER.read(header) is None
    assert TAGGER.read(HEADER.encode() + b": " + header) is None


def test_a_person_and_a_program_see_what_the_message_is() -> None:
    message = message_from_bytes(MESSAGE)
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["From"] == message["To"] == "jane@example.org"
    assert message["Message-ID"] == f"<mailport.{TAG.run}@example.org>"
    assert "removes the message as soon as it has seen it" in message.get_payload()
    assert len(MESSAGE) < 1500
    assert max(map(len, MESSAGE.split(b"\r\n"))) <= 998
    assert not re.search(rb"[^\x0d]\x0a", MESSAGE)


def test_the_key_stays_with_the_folder(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    key, problem = open_key(folder)
    assert (len(key), problem) == (32, None)
    assert open_key(folder) == (key, None)
    assert (folder / FILE_NAME).stat().st_mode & 0o777 == 0o600
    assert [each.name for each in folder.iterdir()] == [FILE_NAME]
    assert open_key(None)[0] != open_key(None)[0]


def test_a_file_that_is_no_key_is_replaced(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_bytes(b"short")
    key, problem = open_key(tmp_path)
    assert problem is None
    assert (tmp_path / FILE_NAME).read_bytes() == key


def test_a_key_that_cannot_be_kept_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    key, problem = open_key(tmp_path / "file" / "state")
    assert len(key) == 32
    assert problem is not None
    assert FILE_NAME in problem
