"""Lets `python -m scanner` be the command `mailport`."""

from scanner.cli import main

main()
