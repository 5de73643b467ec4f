"""mailport: watches the mail ports of domains and tells truly what it saw."""

__version__ = "0.1.0"
