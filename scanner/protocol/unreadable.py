"""What reading hostile DER with `cryptography` can raise: one answer for every place that reads it."""

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

UNREADABLE_DER = (
    ValueError,  # most of it, UnicodeError too
    TypeError,  # a BIT STRING as a common name
    LookupError,  # a KeyError of an unknown TLS feature
    ArithmeticError,  # an OverflowError of a date at either end of time
    AttributeError,
    NotImplementedError,
    UnsupportedAlgorithm,
    InvalidSignature,
    x509.InvalidVersion,
    x509.ExtensionNotFound,
    x509.DuplicateExtension,
    x509.UnsupportedGeneralNameType,  # an X.400 or EDI address among names
    x509.AttributeNotFound,
)
"""Broad on purpose: the library does not promise which, and whoever chooses the bytes chooses among them."""
