"""The journal of a scan: what it takes, what it refuses, and that it never harms a file of others."""

import errno
import fcntl
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from scanner.model import Observation, Reason, State
from scanner.model.reason import STATE_OF
from scanner.model.record import to_line, to_record
from scanner.service.journal import MAX_LINE, Journal, JournalError
from scanner.service.lens import Lens
from tests.metrics.samples import GOOD, at, failed

OTHER = replace(at("other.example.org", 25), source="mx")
GOOD_TOO = replace(GOOD, endpoint=OTHER, hello="250-other", is_egress_clear=True)
FIRST = to_record(GOOD)


def line_of(record: dict[str, object]) -> bytes:
    return to_line(record).encode() + b"\n"


@contextmanager
def opened(path: Path, lens: Lens | None = None) -> Iterator[Journal]:
    journal = Journal(path, lens or Lens())
    try:
        yield journal
    finally:
        journal.close()


def written(path: Path, *observations: Observation, lens: Lens | None = None) -> list[bytes]:
    """A journal of these, in its lines."""
    with opened(path, lens) as journal:
        for observation in observations:
            journal.keep(observation, to_record(observation))
    return path.read_bytes().splitlines(keepends=True)


def bare(observation: Observation) -> Observation:
    """As it is before it is judged."""
    return replace(observation, level=0, verdicts=())


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal"


def test_what_was_written_is_read_back(path: Path) -> None:
    with opened(path) as journal:
        assert journal.recall(GOOD.endpoint) is None
    written(path, GOOD, GOOD_TOO)
    with opened(path) as journal:
        assert journal.recall(GOOD.endpoint) == bare(GOOD)
        assert journal.recall(GOOD_TOO.endpoint) == bare(GOOD_TOO)
        assert journal.recall(at("third.example.org")) is None


def test_a_line_is_the_record_as_it_was_told_and_what_it_lacks(path: Path) -> None:
    (line,) = map(json.loads, written(path, GOOD_TOO))
    assert line.pop("resume") == {
        "asked": "",
        "trust": None,
        "groups": False,
        "hello": "250-other",
        "is_egress_clear": True,
    }
    assert line == to_record(GOOD_TOO)


def test_what_a_server_showed_is_told_for_whoever_asks(path: Path) -> None:
    written(path, GOOD)
    other = replace(GOOD.endpoint, domains=("other.example",), source="mx")
    with opened(path) as journal:
        assert journal.recall(replace(other, source="srv")) is None  # its name may stand in the certificate
    written(path, replace(GOOD, endpoint=replace(GOOD.endpoint, source="mx")))
    with opened(path) as journal:
        assert journal.recall(other) == replace(bare(GOOD), endpoint=other)


SEEN = Lens(trust="ab", vantage="here", with_versions=True)


@pytest.mark.parametrize(
    ("lens", "is_used"),
    [
        (SEEN, True),
        (replace(SEEN, with_versions=False), True),
        (replace(SEEN, trust="cd"), False),
        (replace(SEEN, trust=None), False),
        (replace(SEEN, vantage="there"), False),
        (replace(SEEN, with_groups=True), False),
    ],
)
def test_what_another_lens_would_not_show_is_not_used(lens: Lens, path: Path, *, is_used: bool) -> None:
    seen = replace(GOOD, vantage="here")
    written(path, seen, lens=SEEN)
    with opened(path, lens) as journal:
        assert (journal.recall(GOOD.endpoint) == bare(seen)) is is_used


def test_versions_and_groups_that_were_not_asked_for_are_wanting(path: Path) -> None:
    written(path, replace(GOOD, versions=None))
    with opened(path, Lens(with_versions=True)) as journal:
        assert journal.recall(GOOD.endpoint) is None
    written(path, GOOD, lens=Lens(with_versions=True, with_groups=True))
    with opened(path, Lens(with_versions=True, with_groups=True)) as journal:
        assert journal.recall(GOOD.endpoint) == bare(GOOD)


@pytest.mark.parametrize("reason", list(Reason))
def test_what_told_of_our_side_alone_is_asked_again(reason: Reason, path: Path) -> None:
    seen = failed(reason)
    written(path, seen)
    with opened(path) as journal:
        assert (journal.recall(seen.endpoint) is None) is (STATE_OF[reason] is State.UNKNOWN)


def test_two_scans_do_not_write_to_one_journal(path: Path) -> None:
    with opened(path) as journal:
        journal.keep(GOOD, FIRST)
        with pytest.raises(JournalError, match=rf"^{path}: another scan is writing to it; wait for its end"):
            Journal(path, Lens())
        journal.keep(GOOD_TOO, to_record(GOOD_TOO))
    with opened(path) as journal:
        assert journal.recall(GOOD_TOO.endpoint) is not None


@pytest.mark.parametrize(("number", "is_used"), [(errno.ENOLCK, True), (errno.EIO, False)])
def test_where_there_are_no_locks_it_is_used_without(
    path: Path, monkeypatch: pytest.MonkeyPatch, number: int, *, is_used: bool
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", refuse)
    if is_used:
        assert len(written(path, GOOD)) == 1
    else:
        with pytest.raises(JournalError, match="cannot be used to resume: Input/output error"):
            Journal(path, Lens())


def test_a_record_of_an_earlier_version_is_kept_and_its_endpoint_probed_again(path: Path) -> None:
    path.write_bytes(line_of(FIRST))
    with opened(path) as journal:
        assert journal.recall(GOOD.endpoint) is None
        journal.keep(GOOD, FIRST)
    assert path.read_bytes().startswith(line_of(FIRST))
    with opened(path) as journal:
        assert journal.recall(GOOD.endpoint) == bare(GOOD)


@pytest.mark.parametrize("key", ["tls", "state", "certificate", "starttls", "auth", "phases", "reason"])
@pytest.mark.parametrize("value", [7, "odd", [], {"odd": 1}, [[]]])
def test_a_record_that_was_changed_is_not_used_or_still_one(key: str, value: object, path: Path) -> None:
    (line,) = written(path, GOOD)
    path.write_bytes(line_of(json.loads(line) | {key: value}))
    with opened(path) as journal:
        seen = journal.recall(GOOD.endpoint)
    assert seen is None or to_line(to_record(seen))


@pytest.mark.parametrize("length", [1, 5, 10, 11, 200, -1])
def test_a_torn_last_line_is_dropped_wherever_it_was_torn(length: int, path: Path) -> None:
    first, second = written(path, GOOD, GOOD_TOO)
    path.write_bytes(first + second[:-1][:length])
    with opened(path) as journal:
        assert path.read_bytes() == first
        assert journal.recall(GOOD.endpoint) is not None
        assert journal.recall(GOOD_TOO.endpoint) is None
        journal.keep(GOOD_TOO, to_record(GOOD_TOO))
    assert path.read_bytes() == first + second


def test_the_later_of_two_lines_counts(path: Path) -> None:
    written(path, GOOD, replace(GOOD, banner="later"))
    with opened(path) as journal:
        assert journal.recall(GOOD.endpoint) == replace(bare(GOOD), banner="later")


FOREIGN = {
    "text": b"dear diary\n",
    "text without a line end": b"dear diary",
    "other json": b'{"name": "x"}\n',
    "json list": b"[1, 2]\n",
    "number": b"7\n",
    "finding": b'{"port": null, "domain": "a.example"}\n',
    "half a record": line_of(
        {key: FIRST[key] for key in ("host", "address", "port", "protocol", "tls_mode")}
    ),
    "odd key": line_of({**FIRST, "host": ["a"]}),
    "half a surrogate pair": line_of(FIRST).replace(b"smtp.example.org", rb"\ud800"),
    "binary": bytes(range(256)) * 8,
    "deep": b"[" * 100_000 + b"\n",
    "endless line": b'{"domain":' + b" " * (2 * MAX_LINE),
    "empty line": b"\n",
}


@pytest.mark.parametrize("name", FOREIGN)
@pytest.mark.parametrize("before", [b"", line_of(FIRST)], ids=["alone", "after a record"])
def test_a_foreign_file_is_refused_and_left_as_it_is(name: str, before: bytes, path: Path) -> None:
    path.write_bytes(before + FOREIGN[name])
    with pytest.raises(
        JournalError, match=rf"{path}:{2 if before else 1}: not a record of a scan; name a file"
    ):
        Journal(path, Lens())
    assert path.read_bytes() == before + FOREIGN[name]


@pytest.mark.parametrize(
    ("name", "said"),
    [("no/journal", "No such file or directory"), (".", "Is a directory")],
)
def test_what_cannot_be_opened_is_told(name: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(JournalError, match=f"cannot be used to resume: {said}"):
        Journal(tmp_path / name, Lens())


def test_a_device_is_no_journal() -> None:
    with pytest.raises(JournalError, match="this is no plain file"):
        Journal(Path("/dev/null"), Lens())


FILLING = """
import resource, sys
from pathlib import Path
from scanner.model.record import to_record
from scanner.service.journal import Journal, JournalError
from scanner.service.lens import Lens
from tests.service.test_journal import GOOD, GOOD_TOO

path, size = Path(sys.argv[1]), int(sys.argv[2])
resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
journal = Journal(path, Lens())
journal.keep(GOOD, to_record(GOOD))
for _ in range(2):
    try:
        journal.keep(GOOD_TOO, to_record(GOOD_TOO))
    except JournalError as error:
        print(error)
"""


def test_a_lack_of_space_is_told_and_what_was_whole_is_kept(path: Path) -> None:
    (line,) = written(path, GOOD)
    path.unlink()
    size = len(line) + 10
    # In a process of its own: the limit holds for every file that a process writes, the tests' log too.
    done = subprocess.run(
        [sys.executable, "-c", FILLING, str(path), str(size)],
        capture_output=True,
        text=True,
        check=True,
        timeout=40,
    )

    assert done.stdout.splitlines() == [
        f"{path}: cannot be written: the disk is full",
        f"{path}: cannot be written: File too large",
    ]
    assert path.stat().st_size == size
    with opened(path) as journal:
        assert journal.recall(GOOD.endpoint) == bare(GOOD)
        assert journal.recall(GOOD_TOO.endpoint) is None


def hosts(path: Path, count: int) -> None:
    """A journal of so many hosts."""
    (line,) = written(path, GOOD)
    record = json.loads(line)
    with path.open("wb") as file:
        for number in range(count):
            file.write(line_of({**record, "host": f"h{number}.example.org"}))


def test_a_journal_is_quick_to_read(path: Path) -> None:
    hosts(path, 20_000)
    with opened(path) as journal:
        assert all(journal.recall(at(f"h{number}.example.org")) for number in range(0, 20_000, 100))
        assert journal.recall(at("h20000.example.org")) is None


def test_records_longer_than_one_read_come_back_whole(path: Path) -> None:
    long = replace(GOOD_TOO, detail="é" * 50_000)
    written(path, GOOD, long, replace(GOOD, endpoint=at("third.example.org")))
    with opened(path) as journal:
        assert journal.recall(long.endpoint) == bare(long)
        assert journal.recall(at("third.example.org")) is not None


READING = """
import sys
from pathlib import Path
from scanner.service.journal import Journal
from scanner.service.lens import Lens

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

path = Path(sys.argv[1])
before = resident()
journal = Journal(path, Lens())
print((resident() - before) / path.stat().st_size)
"""


def test_a_long_journal_is_not_held_in_memory(path: Path) -> None:
    hosts(path, 20_000)
    done = subprocess.run(
        [sys.executable, "-c", READING, str(path)], capture_output=True, text=True, check=True, timeout=60
    )
    assert path.stat().st_size > 20_000_000
    assert float(done.stdout) < 0.5
