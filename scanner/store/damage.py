"""What damage in one row does to its reading, and the count of the rows that were passed over for it."""

import zlib

import structlog

log = structlog.get_logger(__name__)

UNREADABLE = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError, zlib.error)
"""What reading a row can raise, whatever stands in it: SQLite takes any value in any column, and JSON may be
nested deeper than it can be read."""


class Skipped:
    """Counts the rows that could not be understood."""

    def __init__(self) -> None:
        self.count = 0

    def note(self, what: str, error: Exception) -> None:
        """Count one; only the first is logged."""
        self.count += 1
        if self.count == 1:
            log.warning(
                "store_row_skipped", what=what, error=say(error), more="further ones are only counted"
            )


def say(error: Exception) -> str:
    """Return the first line of what an error says."""
    return (str(error).splitlines() or [type(error).__name__])[0][:300]


def read_text(value: object) -> str:
    """Return a text of a column, or of JSON in it.

    Raises:
        TypeError: it is no text; a column whose bytes are no UTF-8 comes as bytes.
        UnicodeEncodeError: half a character, which only JSON can hold.
    """
    if not isinstance(value, str):
        raise TypeError(f"{type(value).__name__} where a text belongs")
    value.encode()
    return value


def read_number(value: object) -> int:
    """Return a whole number of a column.

    Raises:
        TypeError: it is none.
    """
    if not isinstance(value, int):
        raise TypeError(f"{type(value).__name__} where a whole number belongs")
    return value
