"""The list of texts behaves as a list, and a snapshot of it as a copy."""

from hypothesis import given
from hypothesis import strategies as st

from scanner.metrics.texts import BLOCK, Texts

changes = st.lists(
    st.tuples(st.sampled_from(["append", "set", "snapshot"]), st.integers(0, 10_000), st.text(max_size=3)),
    max_size=30,
)


def flat(blocks: list[list[str]]) -> list[str]:
    return [text for block in blocks for text in block]


@given(st.sampled_from([0, 1, BLOCK - 1, BLOCK, 3 * BLOCK - 2]), changes)
def test_it_is_a_list_and_snapshots_are_copies(size: int, history: list[tuple[str, int, str]]) -> None:
    texts, expected = Texts(), [str(number) for number in range(size)]
    for text in expected:
        texts.append(text)
    snapshots = []
    for what, number, text in history:
        if what == "append":
            texts.append(text)
            expected.append(text)
        elif what == "set" and expected:
            texts[number % len(expected)] = expected[number % len(expected)] = text
        elif what == "snapshot":
            snapshots.append((texts.snapshot(), expected.copy()))

    assert len(texts) == len(expected)
    assert [texts[number] for number in range(len(texts))] == expected
    for taken, then in [*snapshots, (texts.snapshot(), expected)]:
        assert flat(taken) == then
        assert all(len(block) == BLOCK for block in taken[:-1])
