"""Makes the TLS context of the HTTP server from a web configuration."""

import ssl
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from cryptography import x509

from scanner.config.cipher_names import CIPHERS, CURVES
from scanner.config.problem import ConfigError, Problem
from scanner.config.web_config import TlsServerConfig

_VERSIONS = {
    "TLS10": ssl.TLSVersion.TLSv1,
    "TLS11": ssl.TLSVersion.TLSv1_1,
    "TLS12": ssl.TLSVersion.TLSv1_2,
    "TLS13": ssl.TLSVersion.TLSv1_3,
}
_MODES = {
    "NoClientCert": ssl.CERT_NONE,
    "VerifyClientCertIfGiven": ssl.CERT_OPTIONAL,
    "RequireAndVerifyClientCert": ssl.CERT_REQUIRED,
}
_KEY = "tls_server_config"


def make_context(config: TlsServerConfig, source: str) -> ssl.SSLContext:
    """Return a context as the configuration wants it; `source` names its file in problems.

    Raises:
        ConfigError: the certificate, the key or the CA cannot be used.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = _VERSIONS[config.min_version]
    context.maximum_version = _VERSIONS[config.max_version]
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    if config.prefer_server_cipher_suites:
        context.options |= ssl.OP_CIPHER_SERVER_PREFERENCE
    else:
        context.options &= ~ssl.OP_CIPHER_SERVER_PREFERENCE
    context.set_alpn_protocols(["http/1.1"])
    _load_certificate(context, config, source)
    _load_clients(context, config, source)
    _choose_ciphers(context, config, source)
    return context


def _load_certificate(context: ssl.SSLContext, config: TlsServerConfig, source: str) -> None:
    if config.cert_file is None or config.key_file is None:
        raise _problem(source, "", "cert_file and key_file are needed")
    for name, path in (("cert_file", config.cert_file), ("key_file", config.key_file)):
        _check_readable(path, name, source)
    try:
        # Without a password of its own: a prompt would wait for ever.
        context.load_cert_chain(config.cert_file, config.key_file, password=lambda: "")
    except (OSError, ValueError) as error:
        why = getattr(error, "reason", None) or str(error)
        text = f"{config.cert_file} and {config.key_file} are no PEM certificate with its key ({_say(why)})"
        raise _problem(source, "cert_file", text) from None


def _load_clients(context: ssl.SSLContext, config: TlsServerConfig, source: str) -> None:
    context.verify_mode = _MODES[config.client_auth_type]
    if config.client_ca_file is None:
        return
    _check_readable(config.client_ca_file, "client_ca_file", source)
    try:
        context.load_verify_locations(config.client_ca_file)
    except (OSError, ValueError):
        text = f"{config.client_ca_file} holds no PEM certificates"
        raise _problem(source, "client_ca_file", text) from None


def _choose_ciphers(context: ssl.SSLContext, config: TlsServerConfig, source: str) -> None:
    names = [CIPHERS[name] for name in config.cipher_suites if CIPHERS[name]]
    try:
        if names:
            context.set_ciphers(":".join(names))
        elif config.min_version in ("TLS10", "TLS11"):
            # OpenSSL signs with SHA-1 for them at security level 0 alone; who asks for them shall have them.
            context.set_ciphers("DEFAULT@SECLEVEL=0")
        for curve in config.curve_preferences:
            context.set_ecdh_curve(CURVES[curve])
    except (ssl.SSLError, ValueError):
        text = "OpenSSL here has none of these cipher suites or curves"
        raise _problem(source, "cipher_suites", text) from None


def _check_readable(path: Path, name: str, source: str) -> None:
    try:
        with path.open("rb") as file:
            file.read(1)
    except OSError as error:
        raise _problem(source, name, f"{path} cannot be read ({error.strerror or error})") from None


def _problem(source: str, name: str, message: str) -> ConfigError:
    return ConfigError([Problem(source, None, f"{_KEY}.{name}" if name else _KEY, message)])


def _say(text: str) -> str:
    return text.replace("_", " ").lower()


def read_own_names(path: Path) -> frozenset[str]:
    """Return the DNS names of our own certificate, `.example.org` for `*.example.org`."""
    try:
        certificate = x509.load_pem_x509_certificate(path.read_bytes())
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
        names = found.value.get_values_for_type(x509.DNSName)
    except (OSError, ValueError, x509.ExtensionNotFound):
        return frozenset()  # OpenSSL can serve it all the same
    return frozenset(name.lower().removeprefix("*") for name in names)


def names_of(certificate: Mapping[str, Any] | None) -> Iterable[str]:
    """Yield the names, addresses and URIs that a client's certificate bears, as `getpeercert` gives them."""
    for _, name in (certificate or {}).get("subjectAltName", ()):
        yield str(name)
