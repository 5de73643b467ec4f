"""The web configuration file, in the format of Prometheus's exporter-toolkit: TLS, headers and passwords."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, ValidationError, ValidationInfo, model_validator

from scanner.config import values
from scanner.config.cipher_names import CIPHERS, CURVES
from scanner.config.document import KeyPath
from scanner.config.files import FileProblemError, read_file
from scanner.config.keys import problem_at, take_below, write_key
from scanner.config.load import explain_item, read_yaml
from scanner.config.problem import ConfigError, Problem, describe_value
from scanner.config.section import Section
from scanner.model.target import quote

TLS_VERSIONS = ("TLS10", "TLS11", "TLS12", "TLS13")
CLIENT_AUTH = ("NoClientCert", "VerifyClientCertIfGiven", "RequireAndVerifyClientCert")
HEADERS = (
    "Strict-Transport-Security",
    "X-Content-Type-Options",
    "X-Frame-Options",
    "X-XSS-Protection",
    "Content-Security-Policy",
)
"""Those that the toolkit lets one set."""
MOST_COST = 18
"""Of a bcrypt hash: 18 takes some ten seconds for one password."""

_NOT_OURS = ("RequestClientCert", "RequireAnyClientCert")
_HASH = re.compile(r"\$2[aby]\$([0-9]{2})\$[./A-Za-z0-9]{53}")
_HEADER_VALUE = re.compile(r"[\t\x20-\x7e]{0,4000}")


def _read_path(value: object, info: ValidationInfo) -> Path:
    if not isinstance(value, str) or not value or "\0" in value:
        raise ValueError(f"must be the name of a file (got {describe_value(value)})")
    return info.context / value if isinstance(info.context, Path) else Path(value)


def _read_san(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError(f"must be a name, an address or a URI (got {describe_value(value)})")
    return value


def _read_client_auth(value: object) -> str:
    if value in _NOT_OURS:
        raise ValueError(
            f"{value} asks for certificates that nobody verifies, which is not supported; "
            "use VerifyClientCertIfGiven or RequireAndVerifyClientCert"
        )
    return values.one_of(*CLIENT_AUTH)(value)


def _read_users(value: object) -> Mapping[str, str]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        # Not TypeError: pydantic makes problems of values alone.
        raise ValueError(  # noqa: TRY004 - as said
            f"must be names with a bcrypt hash each (got {describe_value(value)})"
        )
    for name, hashed in value.items():
        if not name or ":" in name:
            raise ValueError(f"the name {quote(str(name))} may not be empty nor hold a colon")
        found = _HASH.fullmatch(hashed) if isinstance(hashed, str) else None
        if found is None or not 4 <= int(found[1]) <= MOST_COST:
            raise ValueError(
                f"the password of {quote(name)} must be a bcrypt hash of a cost up to {MOST_COST}; "
                "make one with: htpasswd -nBC 10 NAME"
            )
    return dict(value)


def _read_headers(value: object) -> Mapping[str, str]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise ValueError(  # noqa: TRY004 - as above
            f"must be names with a value each (got {describe_value(value)})"
        )
    known = {name.lower(): name for name in HEADERS}
    for name, text in value.items():
        if name.lower() not in known:
            raise ValueError(f"{quote(name)} cannot be set; known are {', '.join(HEADERS)}")
        if not isinstance(text, str) or not _HEADER_VALUE.fullmatch(text):
            raise ValueError(f"the value of {name} must be one line of plain text")
    return {known[name.lower()]: text for name, text in value.items()}


_Path = Annotated[Path | None, BeforeValidator(_read_path)]
_Version = Annotated[str, BeforeValidator(values.one_of(*TLS_VERSIONS))]


class TlsServerConfig(Section):
    """The certificate that is shown, and which clients are let in."""

    cert_file: _Path = None
    key_file: _Path = None
    client_auth_type: Annotated[
        Literal["NoClientCert", "VerifyClientCertIfGiven", "RequireAndVerifyClientCert"],
        BeforeValidator(_read_client_auth),
    ] = "NoClientCert"
    client_ca_file: _Path = None
    client_allowed_sans: Annotated[
        tuple[str, ...], BeforeValidator(values.list_of(_read_san, may_be_empty=True))
    ] = ()
    """Names, addresses or URIs of which a client's certificate has to bear one."""
    min_version: _Version = "TLS12"
    max_version: _Version = "TLS13"
    cipher_suites: Annotated[
        tuple[str, ...], BeforeValidator(values.list_of(values.one_of(*CIPHERS), may_be_empty=True))
    ] = ()
    """For TLS 1.2 and older, by the names that Go has for them."""
    curve_preferences: Annotated[
        tuple[str, ...], BeforeValidator(values.list_of(values.one_of(*CURVES), may_be_empty=True))
    ] = ()
    prefer_server_cipher_suites: Annotated[bool, BeforeValidator(values.read_switch)] = True

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.cert_file is None or self.key_file is None:
            missing = "cert_file" if self.cert_file is None else "key_file"
            raise ValueError(f"{missing} is missing; TLS needs cert_file and key_file")
        if TLS_VERSIONS.index(self.min_version) > TLS_VERSIONS.index(self.max_version):
            raise ValueError("min_version is above max_version")
        if self.client_auth_type != "NoClientCert" and self.client_ca_file is None:
            raise ValueError(f"{self.client_auth_type} needs a client_ca_file")
        if self.client_auth_type == "NoClientCert" and self.client_ca_file is not None:
            raise ValueError("client_ca_file without client_auth_type lets everybody in; add one")
        if self.client_allowed_sans and self.client_auth_type != "RequireAndVerifyClientCert":
            raise ValueError("client_allowed_sans needs client_auth_type: RequireAndVerifyClientCert")
        if len(self.curve_preferences) > 1:
            raise ValueError("curve_preferences can name one curve; without it all usual ones are offered")
        return self


class HttpServerConfig(Section):
    """What every answer carries besides."""

    http2: Annotated[bool, BeforeValidator(values.read_switch)] = True
    """Taken so that files made for others can be read; HTTP/1.1 is spoken either way."""
    headers: Annotated[Mapping[str, str], BeforeValidator(_read_headers)] = Field(default_factory=dict)


class WebConfig(Section):
    """All of a web configuration file."""

    tls_server_config: TlsServerConfig | None = None
    http_server_config: HttpServerConfig = HttpServerConfig()
    basic_auth_users: Annotated[Mapping[str, str], BeforeValidator(_read_users)] = Field(default_factory=dict)

    @property
    def files(self) -> tuple[Path, ...]:
        """The files that it hangs on."""
        tls = self.tls_server_config
        named = () if tls is None else (tls.cert_file, tls.key_file, tls.client_ca_file)
        return tuple(path for path in named if path is not None)


def load_web_config(path: Path) -> WebConfig:
    """Read a web configuration file; paths in it are relative to it.

    Raises:
        ConfigError: with everything that is wrong with it, each with its line.
    """
    try:
        text = read_file(path)
    except FileProblemError as error:
        raise ConfigError([Problem(str(path), error.line, "", str(error))]) from None
    return parse_web_config(text, source=str(path), base=path.parent)


def parse_web_config(text: str, *, source: str, base: Path) -> WebConfig:
    """Read the text of a web configuration file; an empty one asks for nothing.

    Raises:
        ConfigError: with everything that is wrong with it.
    """
    document = read_yaml(text, source, {})
    problems = [Problem(source, line, write_key(path), message) for path, line, message in document.problems]
    found: list[tuple[KeyPath, str]] = []
    config = WebConfig()
    if isinstance(document.value, dict):
        found = take_below(document.value, (), WebConfig)
        try:
            config = WebConfig.model_validate(document.value, context=base)
        except ValidationError as error:
            found += [(item["loc"], explain_item(item)) for item in error.errors(include_url=False)]
    elif document.value is not None:
        message = (
            f"must be a section with keys such as basic_auth_users (got {describe_value(document.value)})"
        )
        problems.append(Problem(source, document.lines[()], "", message))
    problems += [problem_at(document, source, path, message) for path, message in found]
    if problems:
        raise ConfigError(sorted(problems, key=lambda problem: problem.line or 0))
    return config


def is_web_config(path: Path) -> bool:
    """Tell whether a file is a web configuration, and none of targets: by its keys."""
    try:
        document = read_yaml(read_file(path), str(path), {})
    except (ConfigError, FileProblemError):
        return False
    return isinstance(document.value, dict) and bool(document.value.keys() & WebConfig.model_fields.keys())
