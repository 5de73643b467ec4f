"""What a port is for, what an error means, and what measurements say of a client's settings or complaint."""

from scanner.explain.codes import Code, read_code
from scanner.explain.entries import Cause, Complaint, Explanation, PortFacts, read_explanations, read_ports
from scanner.explain.reading import MAX_CHARACTERS, Match, Reading, read_text

__all__ = [
    "MAX_CHARACTERS",
    "Cause",
    "Code",
    "Complaint",
    "Explanation",
    "Match",
    "PortFacts",
    "Reading",
    "read_code",
    "read_explanations",
    "read_ports",
    "read_text",
]
