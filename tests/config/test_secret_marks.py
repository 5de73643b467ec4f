"""An account's secret that was changed, and one that was only written again; also for a later process."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.config.account_settings import Account
from scanner.config.secret_marks import SecretMarks, is_same_secret, secret_mark

PASSWORD = "tr0ub4dor & 3"
KEY = b"the key of the tests of marks..."


def make(folder: Path, **keys: object) -> Account:
    values = {"name": "support", "username": "jane@example.org", "password_file": str(folder / "secret")}
    return Account.model_validate(values | keys)


def write(folder: Path, text: str, moment: int) -> None:
    """Write a password file as of a moment of its own, so that it was touched for certain."""
    (folder / "secret").write_text(text)
    os.utime(folder / "secret", ns=(moment, moment))


@pytest.mark.parametrize("later", [None, KEY], ids=["the same process", "another process"])
def test_a_secret_that_is_written_again_as_it_was_is_no_other(tmp_path: Path, later: bytes | None) -> None:
    write(tmp_path, PASSWORD, 1)
    account, marks = make(tmp_path), SecretMarks(KEY)
    before = marks.read(account)
    after = marks if later is None else SecretMarks(later)
    for moment, text in enumerate((PASSWORD, f"{PASSWORD}\n", PASSWORD), 2):
        write(tmp_path, text, moment)
        assert is_same_secret(before, after.read(account))
    (tmp_path / "secret").unlink()
    assert not is_same_secret(before, after.read(account))
    write(tmp_path, PASSWORD, 9)
    assert is_same_secret(before, after.read(account))
    write(tmp_path, "another", 10)
    assert not is_same_secret(before, after.read(account))


def test_a_file_that_was_not_touched_is_the_same_whatever_the_key(tmp_path: Path) -> None:
    write(tmp_path, PASSWORD, 1)
    account = make(tmp_path)
    before = SecretMarks().read(account)
    assert is_same_secret(before, SecretMarks().read(account))
    assert is_same_secret(before, secret_mark(account)), "as an earlier version kept it"
    write(tmp_path, PASSWORD, 2)
    assert not is_same_secret(before, SecretMarks().read(account)), "nobody can tell without the key"


def test_whoever_signs_in_otherwise_has_another_secret(tmp_path: Path) -> None:
    write(tmp_path, PASSWORD, 1)
    account, marks = make(tmp_path), SecretMarks(KEY)
    for key, value in (("username", "other@example.org"), ("imap", "mail.example.org:993")):
        assert not is_same_secret(marks.read(account), marks.read(make(tmp_path, **{key: value})))


def test_what_is_kept_shows_neither_the_password_nor_that_two_accounts_share_one(tmp_path: Path) -> None:
    write(tmp_path, PASSWORD, 1)
    marks = SecretMarks(KEY)
    proofs = {marks.read(make(tmp_path, name=name)).rpartition(":")[2] for name in ("sales", "support")}
    assert len(proofs) == 2
    assert all(len(proof) == 16 for proof in proofs)
    assert SecretMarks(b"another key").read(make(tmp_path, name="sales")).rpartition(":")[2] not in proofs
    assert PASSWORD not in repr(vars(marks))


def test_two_files_that_are_not_there_prove_nothing(tmp_path: Path) -> None:
    account = make(tmp_path)
    before = SecretMarks(KEY).read(account)
    write(tmp_path, "", 1)
    assert not is_same_secret(before, SecretMarks(KEY).read(account))


@given(st.text(max_size=40), st.text(max_size=40))
def test_any_text_that_was_kept_can_be_compared(mark: str, other: str) -> None:
    assert is_same_secret(mark, mark)
    assert is_same_secret(mark, other) == is_same_secret(other, mark)
