"""Room 7: the command line, one function a command."""

from scanner.cli.app import main

__all__ = ["main"]
