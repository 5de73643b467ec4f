"""The dictionary on disk: it behaves as one in memory, and takes no more memory with more in it."""

import subprocess
import sys

from hypothesis import given, settings
from hypothesis import strategies as st

from scanner.service.shelf import Shelf

NAMES = st.sampled_from(["a", "b", "ä", "a.example", ""])


@given(st.lists(st.tuples(st.booleans(), NAMES, st.integers(0, 5))))
@settings(max_examples=60)
def test_it_is_a_dictionary(steps: list[tuple[bool, str, int]]) -> None:
    model: dict[str, int] = {}
    shelf = Shelf()
    for is_addition, name, number in steps:
        if is_addition:
            assert shelf.add(name, number) == model.setdefault(name, number)
        else:
            shelf.put(name, number)
            model[name] = number
        assert len(shelf) == len(model)
        assert shelf.get(name) == model[name]
    assert sorted(shelf) == sorted(model)
    assert [model[name] for name in shelf] == sorted(model.values())
    assert shelf.get("nothing") is None
    shelf.close()


FILLING = """
import sys
from pathlib import Path
from scanner.service.shelf import CACHE_KIB, Shelf

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4

shelf, before = Shelf(), resident()
for number in range(int(sys.argv[1])):
    shelf.add(f"host{number * 7919 % 1000003}.a-name-of-usual-length.example", number)
assert len(shelf) == int(sys.argv[1])
print((resident() - before) / CACHE_KIB)
"""


def test_memory_stays_where_it_is_however_much_there_is() -> None:
    done = subprocess.run(
        [sys.executable, "-c", FILLING, "300000"], capture_output=True, text=True, check=True, timeout=60
    )
    # As one in memory it would be more than 60 MiB, eight times what the shelf may take.
    assert float(done.stdout) < 2.5


LACKING = """
import resource, sys
from scanner.service.shelf import Shelf, ShelfError

resource.setrlimit(resource.RLIMIT_FSIZE, (65536, 65536))
shelf = Shelf()
try:
    for number in range(1_000_000):
        shelf.add(f"host{number * 7919 % 1000003}.a-name-of-usual-length.example", number)
except ShelfError as error:
    print(error)
"""


def test_a_lack_of_space_is_told() -> None:
    done = subprocess.run(
        [sys.executable, "-c", LACKING], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.startswith("temporary files cannot be written: ")
    assert "TMPDIR" in done.stdout
