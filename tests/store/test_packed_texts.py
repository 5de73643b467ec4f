"""Texts that lie packed: they come back as they were, in their order, and are packed once for all."""

from hypothesis import given
from hypothesis import strategies as st

from scanner.model.observation import Key
from scanner.store.packing import PackedTexts


def key_of(host: str) -> Key:
    return (host, "192.0.2.1", 25, "smtp", "starttls")


@given(st.dictionaries(st.text(max_size=5).map(key_of), st.text()))
def test_what_is_put_comes_back_in_its_order(texts: dict[Key, str]) -> None:
    packed = PackedTexts(texts)
    assert list(packed.items()) == list(texts.items())
    assert packed == texts


def test_what_is_packed_is_taken_as_it_is() -> None:
    first = PackedTexts({key_of("a"): "one", key_of("b"): "two"})
    second = PackedTexts({key_of("c"): "three"})
    second.take(first)
    assert list(second.values()) == ["three", "one", "two"]
    assert all(second.packed[key] is first.packed[key] for key in first)


def test_what_is_taken_out_is_gone() -> None:
    texts = PackedTexts({key_of("a"): "one"})
    assert texts.pop(key_of("a"), None) == "one"
    assert texts.pop(key_of("a"), None) is None
    assert key_of("a") not in texts
