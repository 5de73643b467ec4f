"""The version of the rules: raised with every change of what is judged how, and kept beside each history."""

RULES_VERSION = "2026.11.1"
"""Year, month and number; a store notes by which rules its verdicts were found."""
