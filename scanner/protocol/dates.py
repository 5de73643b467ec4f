"""The first and the last moment of a certificate (RFC 5280 section 4.1.2.5), in any year there can be."""

from datetime import UTC, datetime

from cryptography import x509

from scanner.protocol.unreadable import UNREADABLE_DER

EARLIEST = datetime.min.replace(tzinfo=UTC)
"""Stands for the year 0, which can be written in a certificate and which Python does not know."""


def first_moment(certificate: x509.Certificate) -> datetime:
    """Return when it begins to hold."""
    try:
        return certificate.not_valid_before_utc
    except UNREADABLE_DER:
        return EARLIEST


def last_moment(certificate: x509.Certificate) -> datetime:
    """Return when it ceases to hold."""
    try:
        return certificate.not_valid_after_utc
    except UNREADABLE_DER:
        return EARLIEST
