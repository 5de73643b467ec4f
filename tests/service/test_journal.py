"""The journal of a scan: what it takes, what it refuses, and that it never harms a file of others."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from scanner.model.record import to_line, to_record
from scanner.service.journal import MAX_LINE, Journal, JournalError
from tests.metrics.samples import GOOD, at

FIRST = to_record(GOOD)
SECOND = to_record(replace(GOOD, endpoint=at("other.example.org", 25)))


def line_of(record: dict[str, object]) -> bytes:
    return to_line(record).encode() + b"\n"


def keys(journal: Journal) -> list[str]:
    return [key[0] for key in journal.records]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal"


def test_what_was_written_is_read_back(path: Path) -> None:
    journal = Journal(path)
    assert journal.records == {}
    journal.append(FIRST)
    journal.append(SECOND)
    journal.close()
    again = Journal(path)
    assert list(again.records.values()) == [FIRST, SECOND]
    again.close()


@pytest.mark.parametrize("length", [1, 5, 10, 11, 200, -1])
def test_a_torn_last_line_is_dropped_wherever_it_was_torn(length: int, path: Path) -> None:
    path.write_bytes(line_of(FIRST) + line_of(SECOND)[:-1][:length])
    journal = Journal(path)
    assert keys(journal) == ["smtp.example.org"]
    assert path.read_bytes() == line_of(FIRST)
    journal.append(SECOND)
    journal.close()
    assert path.read_bytes() == line_of(FIRST) + line_of(SECOND)


def test_the_later_of_two_lines_counts(path: Path) -> None:
    path.write_bytes(line_of(FIRST) + line_of({**FIRST, "banner": "later"}))
    journal = Journal(path)
    assert [record["banner"] for record in journal.records.values()] == ["later"]
    journal.close()


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
        Journal(path)
    assert path.read_bytes() == before + FOREIGN[name]


@pytest.mark.parametrize(
    ("name", "said"),
    [("no/journal", "No such file or directory"), (".", "Is a directory")],
)
def test_what_cannot_be_opened_is_told(name: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(JournalError, match=f"cannot be used to resume: {said}"):
        Journal(tmp_path / name)


def test_a_device_is_no_journal() -> None:
    with pytest.raises(JournalError, match="this is no plain file"):
        Journal(Path("/dev/null"))


FILLING = """
import json, resource, sys
from pathlib import Path
from scanner.service.journal import Journal, JournalError

path, size, records = Path(sys.argv[1]), int(sys.argv[2]), json.loads(sys.argv[3])
resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
journal = Journal(path)
journal.append(records[0])
for _ in range(2):
    try:
        journal.append(records[1])
    except JournalError as error:
        print(error)
"""


def test_a_lack_of_space_is_told_and_what_was_whole_is_kept(path: Path) -> None:
    size = len(line_of(FIRST)) + 10
    # In a process of its own: the limit holds for every file that a process writes, the tests' log too.
    done = subprocess.run(
        [sys.executable, "-c", FILLING, str(path), str(size), json.dumps([FIRST, SECOND])],
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
    again = Journal(path)
    assert keys(again) == ["smtp.example.org"]
    again.close()


def test_a_journal_is_quick_to_read(path: Path) -> None:
    records = (line_of({**FIRST, "host": f"h{number}.example.org"}) for number in range(20_000))
    path.write_bytes(b"".join(records))
    journal = Journal(path)
    assert len(journal.records) == 20_000
    journal.close()
    assert json.loads(path.read_bytes().splitlines()[-1])["host"] == "h19999.example.org"


def test_records_longer_than_one_read_come_back_whole(path: Path) -> None:
    long = {**FIRST, "detail": "é" * 50_000}
    path.write_bytes(line_of(SECOND) + line_of(long) + line_of(SECOND))
    journal = Journal(path)
    assert list(journal.records.values()) == [long, SECOND]
    assert ("nobody", "192.0.2.1", 25, "smtp", "starttls") not in journal.records
    journal.close()


READING = """
import sys
from pathlib import Path
from scanner.service.journal import Journal

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

path = Path(sys.argv[1])
before = resident()
journal = Journal(path)
print((resident() - before) / path.stat().st_size)
"""


def test_a_long_journal_is_not_held_in_memory(path: Path) -> None:
    with path.open("wb") as file:
        for number in range(20_000):
            file.write(line_of({**FIRST, "host": f"h{number}.example.org"}))
    done = subprocess.run(
        [sys.executable, "-c", READING, str(path)], capture_output=True, text=True, check=True, timeout=60
    )
    assert path.stat().st_size > 20_000_000
    assert float(done.stdout) < 0.5
