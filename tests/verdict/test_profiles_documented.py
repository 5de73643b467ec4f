"""The tables of docs/tls.md are those of the code, and its examples are true."""

import re
from pathlib import Path

import pytest

from scanner.config import parse_settings
from scanner.verdict import Policy
from scanner.verdict.profile_tables import PROFILES
from tests.verdict.observations import find, with_certificate

DOCUMENTATION = (Path(__file__).parents[2] / "docs" / "tls.md").read_text(encoding="utf-8")
PROFILE_SECTION = re.split(r"^## ", DOCUMENTATION.partition("\n## Profiles\n")[2], flags=re.MULTILINE)[0]


def rows_under(heading: str) -> list[list[str]]:
    """Return the cells of the table under a heading, its first line included."""
    section = PROFILE_SECTION.partition(f"### {heading}\n")[2].partition("### ")[0]
    lines = [line for line in section.splitlines() if line.startswith("| ")]
    return [[cell.strip().strip("`") for cell in line.strip("|").split("|")] for line in lines]


@pytest.mark.parametrize(
    ("heading", "table"),
    [
        ("Versions", "versions"),
        ("Cipher suites", "ciphers"),
        ("Key exchange groups", "groups"),
        ("Keys of certificates", "keys"),
        ("Signatures of certificates", "signatures"),
    ],
)
def test_the_documented_tables_are_those_of_the_code(heading: str, table: str) -> None:
    head, *rows = rows_under(heading)
    columns = [getattr(profile, table) for profile in PROFILES.values()]

    assert head[1:] == list(PROFILES)
    assert rows == [
        [str(each), *(column[each].grade.name.lower() for column in columns)] for each in columns[0]
    ]


def test_every_profile_is_described() -> None:
    described = re.findall(r"^\| `([a-z-]+)` \|", PROFILE_SECTION.partition("```yaml")[0], re.MULTILINE)

    assert described == list(PROFILES)


def test_the_documented_example_is_accepted() -> None:
    (example,) = re.findall(r"```yaml\n(.*?)```", PROFILE_SECTION, re.DOTALL)
    text = f"targets: [example.org]\n{example}"
    policy = parse_settings(text, source="tls.md", base=Path(), environ={}).policy

    assert policy.profile == "ncsc"
    assert [(each.profile, each.min_tls) for each in policy.overrides] == [
        ("pci", None),
        ("default", "TLSv1.0"),
    ]


def test_the_documented_sentence_is_what_is_said() -> None:
    verdict = find(with_certificate(993, key="RSA 2048"), "key_weak", Policy("ncsc"))

    assert verdict is not None
    assert f"```\n{verdict.summary}\n```" in PROFILE_SECTION
