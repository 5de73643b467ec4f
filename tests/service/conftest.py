"""A farm that all tests of the service share."""

from tests.cli.conftest import farm

__all__ = ["farm"]
