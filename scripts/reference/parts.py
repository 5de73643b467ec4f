"""What of which document follows from the code."""

from pathlib import Path

from scripts.reference.commands import write_commands
from scripts.reference.tables import unexplained, write_tables

DOCS = Path(__file__).parents[2] / "docs"


def render(text: str) -> str:
    """Return a document as it has to be, by what the code is now."""
    return write_commands(write_tables(text))


def gaps_in(text: str) -> list[str]:
    """Return what people still have to write."""
    return unexplained(text)
