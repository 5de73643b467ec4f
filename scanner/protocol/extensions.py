"""Reads one extension of a certificate (RFC 5280 section 4.2), whatever stands in the others."""

import warnings
from typing import TypeVar

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from scanner.protocol.der import with_one_extension
from scanner.protocol.unreadable import UNREADABLE_DER

Extension = TypeVar("Extension", bound=x509.ExtensionType)


class UnreadableExtensionError(Exception):
    """The extension is there, and cannot be read, or is there twice."""


def find_extension(certificate: x509.Certificate, kind: type[Extension]) -> Extension | None:
    """Return the value of an extension, or None where the certificate has none of that kind.

    `cryptography` reads all extensions or none. One that it cannot read (a TLS feature of an unknown number)
    must not hide the names beside it, so the one in question is then read alone.

    Raises:
        UnreadableExtensionError: this very extension cannot be read.
    """
    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None
    except UNREADABLE_DER:
        return _find_alone(certificate, kind)


def readable_extension(certificate: x509.Certificate, kind: type[Extension]) -> Extension | None:
    """Return the value of an extension, or None where there is none that can be read; nothing raises."""
    try:
        return find_extension(certificate, kind)
    except UnreadableExtensionError:
        return None


def _find_alone(certificate: x509.Certificate, kind: type[Extension]) -> Extension | None:
    try:
        lone = with_one_extension(certificate.public_bytes(Encoding.DER), kind.oid.dotted_string)
        if lone is None:
            raise UnreadableExtensionError
        with warnings.catch_warnings():
            # cryptography warns of oddities, such as the serial number 0: a finding, not a warning of ours.
            warnings.simplefilter("ignore")
            return x509.load_der_x509_certificate(lone).extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None
    except UNREADABLE_DER as error:
        raise UnreadableExtensionError from error
