"""Files of settings, targets and certificates that are missing, unreadable or not what they should be."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from scanner.config import ConfigError, load_settings, parse_settings


def problems_of(path: Path) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load_settings(path, {})
    return [str(problem) for problem in caught.value.problems]


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


@contextmanager
def no_rights(path: Path) -> Iterator[None]:
    """Take the right to read a file away, from root too."""
    path.chmod(0)
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        if user == 0:
            os.seteuid(0)
        path.chmod(0o600)


def make_certificate() -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Test CA")])
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    now = datetime.now(UTC)
    builder = builder.not_valid_before(now).not_valid_after(now + timedelta(days=1))
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


def test_a_missing_file(tmp_path: Path) -> None:
    path = tmp_path / "no.yml"
    assert problems_of(path) == [f"{path}: there is no such file"]


def test_a_directory(tmp_path: Path) -> None:
    assert problems_of(tmp_path) == [f"{tmp_path}: this is a directory, not a file"]


def test_a_file_without_the_right_to_read_it(tmp_path: Path) -> None:
    path = write(tmp_path / "c.yml", "targets: [example.org]\n")
    with no_rights(path):
        assert problems_of(path) == [f"{path}: no permission to read it; mend its owner or mode"]
    assert load_settings(path, {}).targets


def test_a_link_to_itself(tmp_path: Path) -> None:
    path = tmp_path / "loop.yml"
    path.symlink_to(path)
    assert problems_of(path) == [f"{path}: it cannot be read (Too many levels of symbolic links)"]


def test_a_name_that_no_file_has() -> None:
    assert problems_of(Path("a\0b")) == [r"a\u0000b: this is no file name"]


def test_bytes_that_are_not_utf_8(tmp_path: Path) -> None:
    path = tmp_path / "c.yml"
    path.write_bytes(b"targets:\n  - a.example\n  - b\xfc.example\n")
    assert problems_of(path) == [f"{path}:3: not UTF-8 text (byte 0xfc); save the file as UTF-8"]


def test_a_device_or_a_pipe_is_no_file_and_holds_nobody_up(tmp_path: Path) -> None:
    assert problems_of(Path("/dev/zero")) == ["/dev/zero: this is no plain file"]

    os.mkfifo(tmp_path / "pipe")
    assert problems_of(tmp_path / "pipe") == [f"{tmp_path}/pipe: this is no plain file"]


def test_a_file_that_is_too_large(tmp_path: Path) -> None:
    with (tmp_path / "c.yml").open("wb") as file:
        file.truncate(17 * 1024 * 1024)
    assert problems_of(tmp_path / "c.yml") == [f"{tmp_path}/c.yml: larger than 16 MiB"]


def test_an_empty_file(tmp_path: Path) -> None:
    path = write(tmp_path / "c.yml", "")
    assert problems_of(path) == [
        f"{path}: the configuration is empty; it needs at least targets: with a list of them"
    ]


def test_a_byte_order_mark_and_windows_lines_do_no_harm(tmp_path: Path) -> None:
    path = write(tmp_path / "c.yml", "\ufefftargets:\r\n  - example.org\r\nports:\r\n  - 26\r\n")
    assert [problem.partition(": must")[0] for problem in problems_of(path)] == [f"{path}:4: ports[0]"]


def test_a_file_of_targets_beside_the_configuration(tmp_path: Path) -> None:
    write(tmp_path / "list.txt", "# ours\r\nmx.example.org:25\r\n\r\nexample.org\r\n")
    path = write(tmp_path / "c.yml", "targets:\n  file: list.txt\n")
    settings = load_settings(path, {})
    assert [str(target) for target in settings.targets] == ["mx.example.org:25", "example.org"]
    assert settings.target_file == tmp_path / "list.txt"
    assert settings.files == (tmp_path / "list.txt",)


def test_problems_in_a_file_of_targets_name_that_file(tmp_path: Path) -> None:
    listed = write(tmp_path / "list.txt", "mx.example.org:25\nbad one\nsmtp://mx.example.org\n")
    path = write(tmp_path / "c.yml", "targets:\n  file: list.txt\nports: [1]\n")
    assert problems_of(path) == [
        f"{path}:3: ports[0]: must be one of the mail ports 25, 465, 587, 143, 993, 110, 995 (got 1)",
        f'{listed}:2: "bad one": there is a space in it; write one target, without spaces',
        f'{listed}:3: "smtp://mx.example.org": duplicate target, first on line 1; remove one',
    ]


def test_a_file_of_targets_without_any(tmp_path: Path) -> None:
    listed = write(tmp_path / "list.txt", "# none yet\n")
    path = write(tmp_path / "c.yml", "targets: {file: list.txt}\n")
    assert problems_of(path) == [
        f"{listed}: there is no target in this file; write one a line, such as mx.example.org:25"
    ]


def test_a_file_of_targets_that_cannot_be_read(tmp_path: Path) -> None:
    listed = tmp_path / "list.txt"
    listed.write_bytes(b"a.example\n\xff\n")
    path = write(tmp_path / "c.yml", "ports: [25]\ntargets:\n  file: list.txt\n")
    place = f"{path}:3: targets.file: cannot read {listed} on line 2"
    assert problems_of(path) == [f"{place}: not UTF-8 text (byte 0xff); save the file as UTF-8"]


def test_a_certificate_file_beside_the_configuration(tmp_path: Path) -> None:
    write(tmp_path / "ca.pem", make_certificate() + make_certificate())
    path = write(tmp_path / "c.yml", "targets: [example.org]\nprobe: {ca_file: ca.pem}\n")
    settings = load_settings(path, {})
    assert settings.probe.ca_file == tmp_path / "ca.pem"
    assert settings.files == (tmp_path / "ca.pem",)


@pytest.mark.parametrize("content", ["", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
def test_a_certificate_file_without_certificate(tmp_path: Path, content: str) -> None:
    pem = write(tmp_path / "ca.pem", content)
    path = write(tmp_path / "c.yml", "targets: [example.org]\nprobe: {ca_file: ca.pem}\n")
    problem = "has no readable certificate; it must be a PEM file (-----BEGIN CERTIFICATE-----)"
    assert problems_of(path) == [f"{path}:2: probe.ca_file: {pem} {problem}"]


def test_a_certificate_file_without_the_right_to_read_it(tmp_path: Path) -> None:
    pem = write(tmp_path / "ca.pem", make_certificate())
    text = f"targets: [example.org]\nprobe: {{ca_file: {pem}}}\n"
    with no_rights(pem), pytest.raises(ConfigError) as caught:
        parse_settings(text, source="c.yml", base=Path(), environ={})
    assert [str(problem) for problem in caught.value.problems] == [
        f"c.yml:2: probe.ca_file: cannot read {pem}: no permission to read it; mend its owner or mode"
    ]
