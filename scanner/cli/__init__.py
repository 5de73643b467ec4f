"""Room 7: the command line, one function a command."""

from scanner.cli.entry import main

__all__ = ["main"]
