"""docker-compose.yml as Docker Compose itself reads it, with and without its profiles."""

import re
from pathlib import Path

import pytest

from scanner.config import parse_settings
from tests.packaging.compose import model, read
from tests.packaging.conftest import ROOT

ALWAYS = {"mailport", "prometheus", "alertmanager", "grafana"}


def test_compose_reads_the_file_without_a_complaint() -> None:
    assert read("config", "--quiet") == (0, "", "")
    assert read("--profile", "*", "config", "--quiet") == (0, "", "")


def test_compose_finds_a_mistake(tmp_path: Path) -> None:
    file = tmp_path / "docker-compose.yml"
    text = (ROOT / "docker-compose.yml").read_text()
    file.write_text(text.replace("cap_drop:", "cap_dropp:", 1))
    status, _, complaint = read("config", "--quiet", file=file)
    assert status != 0
    assert "cap_dropp" in complaint


def test_nothing_but_the_watch_starts_unless_asked_for() -> None:
    assert model()["services"].keys() == ALWAYS
    assert model("--profile", "postgres")["services"].keys() == ALWAYS | {"postgres"}


def test_images_and_builds_are_what_they_say() -> None:
    for name, service in model("--profile", "*")["services"].items():
        assert ("build" in service) is (service["image"] == "mailport:local"), name
        assert service["restart"] == ("no" if name == "passwords" else "unless-stopped")
        assert service["cap_drop"] == ["ALL"]


def test_mailport_waits_for_the_store_where_there_is_one() -> None:
    waits = model("--profile", "postgres")["services"]["mailport"]["depends_on"]
    assert waits["postgres"]["condition"] == "service_healthy"
    assert waits["postgres"]["required"] is False


@pytest.mark.parametrize("environ", [{}, {"STORE_PASSWORD": "correct horse"}])
def test_mailport_and_the_store_know_the_same_password(environ: dict[str, str]) -> None:
    services = model("--profile", "postgres", environ=environ)["services"]
    password = services["postgres"]["environment"]["POSTGRES_PASSWORD"]
    assert password == environ.get("STORE_PASSWORD", "mailport")
    assert services["mailport"]["environment"]["STORE_PASSWORD"] == password


def test_the_store_that_the_document_names_is_the_one_of_compose() -> None:
    text = (ROOT / "docs" / "install.md").read_text("utf-8")
    (told,) = re.findall(r"```yaml\n(store:.*?)```", text, re.DOTALL)
    environ = model("--profile", "postgres")["services"]["mailport"]["environment"]
    settings = parse_settings(
        f"targets: [example.org]\n{told}", source="install.md", base=ROOT, environ=environ
    )
    assert settings.store.url == "postgresql://mailport:mailport@postgres/mailport"
