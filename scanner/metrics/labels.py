"""Writes label values and numbers the way the Prometheus text formats want them."""

from functools import lru_cache
from math import isfinite

MAX_CHARACTERS = 512

_ODD = {float("inf"): "+Inf", float("-inf"): "-Inf"}
_ESCAPES = str.maketrans({"\\": r"\\", "\n": r"\n", '"': r"\""})


def show(text: str) -> str:
    """Return text with control, format and unencodable characters spelt out, cut at 512 characters.

    A newline stays: the text formats have an escape of their own for it.
    """
    text = text[:MAX_CHARACTERS]
    if text.isprintable():
        return text
    spelt = "".join(char if char.isprintable() or char == "\n" else _spell(char) for char in text)
    return spelt[:MAX_CHARACTERS]


def label(name: str, value: str) -> str:
    """Return one `name="value"` pair, escaped (text format 0.0.4: backslash, quote, newline)."""
    return _write_label(name, value[:MAX_CHARACTERS])  # so that nothing long is remembered


@lru_cache(maxsize=1024)
def _write_label(name: str, value: str) -> str:
    return f'{name}="{show(value).translate(_ESCAPES)}"'


def write_header(name: str, documentation: str, *, openmetrics: bool, kind: str = "gauge") -> bytes:
    """Return the metadata lines of a family: HELP and TYPE, in OpenMetrics also UNIT, and facts as infos."""
    unit = ""
    if openmetrics and name.endswith("_info"):
        name, kind = name.removesuffix("_info"), "info"
    if openmetrics and name.endswith("_seconds"):
        unit = f"# UNIT {name} seconds\n"
    return f"# HELP {name} {documentation}\n# TYPE {name} {kind}\n{unit}".encode()


def number(value: float) -> str:
    """Return the shortest decimal form that reads back as the same number."""
    if isinstance(value, int):
        return str(int(value))
    return repr(value) if isfinite(value) else _ODD.get(value, "NaN")


def _spell(char: str) -> str:
    return char.encode("unicode_escape").decode("ascii")
