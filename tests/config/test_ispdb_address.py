"""Where the list of providers is asked: a web address in every form that the web has."""

from pathlib import Path

import pytest

from scanner.config import ConfigError, Settings, load_settings


def load(folder: Path, address: str) -> Settings:
    path = folder / "mailport.yml"
    path.write_text(f"targets: [example.org]\ndiscovery: {{ispdb_url: '{address}'}}\n")
    return load_settings(path, {})


@pytest.mark.parametrize(
    ("address", "read"),
    [
        ("https://list.test/v1.1/", "https://list.test/v1.1/"),
        ("HTTPS://list.test/v1.1/", "https://list.test/v1.1/"),
        ("Http://list.test:8080/{domain}.xml", "http://list.test:8080/{domain}.xml"),
        ("https://[2001:db8::1]/v1.1/", "https://[2001:db8::1]/v1.1/"),
        ("https://[2001:DB8::1]:8443/v1.1/", "https://[2001:DB8::1]:8443/v1.1/"),
    ],
)
def test_addresses_that_are_taken(tmp_path: Path, address: str, read: str) -> None:
    assert load(tmp_path, address).discovery.ispdb_url == read


@pytest.mark.parametrize(
    "address",
    [
        "ftp://list.test/",
        "https://[::1",
        "https://[1:2]/",
        "https://[::g]/",
        "https://[::1]:0/",
        "https:///v1/",
    ],
)
def test_addresses_that_are_refused(tmp_path: Path, address: str) -> None:
    with pytest.raises(ConfigError, match="web address"):
        load(tmp_path, address)
