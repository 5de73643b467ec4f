"""The bounded memory: the newest stay, the oldest go."""

from scanner.protocol.memory import Memory


def test_what_is_kept_is_recalled_and_what_is_forgotten_is_not() -> None:
    memory = Memory[str, int](2)
    memory.keep("a", 1)
    memory.keep("a", 2)
    memory.forget("never kept")

    assert (memory.recall("a"), memory.recall("b")) == (2, None)

    memory.forget("a")
    assert memory.recall("a") is None


def test_a_full_memory_forgets_its_oldest_key() -> None:
    memory = Memory[str, int](2)
    for number, key in enumerate("abac"):
        memory.keep(key, number)

    assert [memory.recall(key) for key in "abc"] == [None, 1, 3]
