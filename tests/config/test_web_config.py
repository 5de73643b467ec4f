"""The web configuration file: what it may say, and every mistake with its line."""

import contextlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.config import ConfigError
from scanner.config.web_config import (
    HttpServerConfig,
    TlsServerConfig,
    WebConfig,
    is_web_config,
    load_web_config,
    parse_web_config,
)

HASH = "$2y$04$abcdefghijklmnopqrstuuJEOJ0QHoSCoGhWgUvMg5BxcLVzCy0G2"
WHOLE = f"""\
tls_server_config:
  cert_file: tls/server.crt
  key_file: /etc/mailport/server.key
  client_auth_type: RequireAndVerifyClientCert
  client_ca_file: clients.crt
  client_allowed_sans: [prometheus.example.org]
  min_version: TLS12
  max_version: TLS13
  cipher_suites: [TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, TLS_AES_128_GCM_SHA256]
  curve_preferences: [CurveP256]
  prefer_server_cipher_suites: true
http_server_config:
  http2: false
  headers:
    strict-transport-security: max-age=31536000; includeSubDomains
basic_auth_users:
  prometheus: {HASH}
  "user with spaces": {HASH}
"""


def read(text: str, base: Path = Path("/etc/mailport")) -> WebConfig:
    return parse_web_config(text, source="web.yml", base=base)


def test_all_of_it_is_read_and_paths_are_relative_to_it() -> None:
    config = read(WHOLE)
    tls = config.tls_server_config
    assert tls is not None
    assert tls.cert_file == Path("/etc/mailport/tls/server.crt")
    assert tls.key_file == Path("/etc/mailport/server.key")
    assert tls.client_allowed_sans == ("prometheus.example.org",)
    assert config.http_server_config.headers == {
        "Strict-Transport-Security": "max-age=31536000; includeSubDomains"
    }
    assert set(config.basic_auth_users) == {"prometheus", "user with spaces"}
    assert len(config.files) == 3


@pytest.mark.parametrize("text", ["", "# nothing yet\n", "basic_auth_users:\n", "http_server_config: {}\n"])
def test_an_empty_one_asks_for_nothing(text: str) -> None:
    assert read(text) == WebConfig()


TLS = "tls_server_config:\n  cert_file: a\n  key_file: b\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("basic_auth_user:\n  a: b\n", "web.yml:1: basic_auth_user: unknown key; did you mean basic_auth_us"),
        (f"{TLS}  minversion: TLS12\n", "web.yml:4: tls_server_config.minversion: unknown key; did you mean"),
        (f"{TLS}  min_version: TLS9\n", "web.yml:4: tls_server_config.min_version: must be"),
        (f"{TLS}  min_version: TLS13\n  max_version: TLS12\n", ":1: tls_server_config: min_version is above"),
        ("tls_server_config:\n  cert_file: a\n", "web.yml:1: tls_server_config: key_file is missing"),
        (f"{TLS}  client_auth_type: RequireAnyClientCert\n", "which is not supported"),
        (f"{TLS}  client_auth_type: RequireAndVerifyClientCert\n", "needs a client_ca_file"),
        (f"{TLS}  client_ca_file: c\n", "lets everybody in"),
        (f"{TLS}  client_allowed_sans: [x]\n", "needs client_auth_type"),
        (f"{TLS}  cipher_suites: [RC4]\n", "web.yml:4: tls_server_config.cipher_suites[0]: must be"),
        (f"{TLS}  curve_preferences: [CurveP256, X25519]\n", "can name one curve"),
        ("tls_server_config:\n  cert_file: 7\n  key_file: b\n", ":2: tls_server_config.cert_file: must be"),
        ("basic_auth_users:\n  a: secret\n", ':1: basic_auth_users: the password of "a" must be a bcrypt'),
        (f"basic_auth_users:\n  a: {HASH.replace('$04$', '$31$')}\n", "of a cost up to 18"),
        (f"basic_auth_users:\n  'a:b': {HASH}\n", "may not be empty nor hold a colon"),
        (f"basic_auth_users: [{HASH}]\n", "must be names with a bcrypt hash each"),
        ("http_server_config:\n  headers:\n    Server: x\n", '"Server" cannot be set'),
        ('http_server_config:\n  headers:\n    X-Frame-Options: "a\\r\\nb"\n', "one line of plain text"),
        ("- a\n", "web.yml:1: must be a section"),
        ("a: [\n", "not valid YAML"),
    ],
)  # fmt: skip
def test_every_mistake_is_told_with_its_line(text: str, said: str) -> None:
    with pytest.raises(ConfigError) as raised:
        read(text)
    assert said in str(raised.value)
    assert "secret" not in str(raised.value)


@given(st.text(max_size=300))
def test_no_text_does_harm(text: str) -> None:
    with contextlib.suppress(ConfigError):
        assert isinstance(read(text), WebConfig)


def test_it_is_told_from_a_configuration_of_targets(tmp_path: Path) -> None:
    path = tmp_path / "web.yml"
    for text, is_web in (
        (WHOLE, True),
        ("basic_auth_users: {}", True),
        ("targets: [example.org]", False),
        ("", False),
        ("[", False),
    ):
        path.write_text(text)
        assert is_web_config(path) is is_web


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no such file"):
        load_web_config(tmp_path / "web.yml")


DOCUMENTATION = (Path(__file__).parents[2] / "docs" / "web-config.md").read_text(encoding="utf-8")


def test_the_documented_example_is_a_good_one() -> None:
    example = DOCUMENTATION.split("```yaml\n")[1].split("```")[0]
    assert len(example.splitlines()) == 5
    config = read(example)
    assert config.tls_server_config is not None
    assert set(config.basic_auth_users) == {"prometheus"}


def test_every_key_is_documented() -> None:
    table = DOCUMENTATION.partition("| Key |")[2]
    for name, section in (("tls_server_config", TlsServerConfig), ("http_server_config", HttpServerConfig)):
        assert f"`{name}." in table
        for key in section.model_fields:
            assert f"`{key}`" in table or f".{key}`" in table, key
