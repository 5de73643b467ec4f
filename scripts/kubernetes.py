"""Writes what Kubernetes is given of config/, the configuration and the alert rules: there is one of each."""

from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "packaging" / "kubernetes"
BASE = FOLDER / "base"
RULES = ROOT / "config" / "prometheus" / "rules"
_WORKER_HEAD = (
    "# Made from config/cluster.yml by `make kubernetes`: what workers need of it, docs/scaling.md.\n"
    "# Give `probe`, `controls` and `resolver` the keys that they have in the scheduler's file."
)
_HEAD = "# Made from config/prometheus/rules by `make kubernetes`. Do not edit.\n"


class _Dumper(yaml.SafeDumper):
    """Writes long texts as blocks, and everything where it is used: no anchors."""

    def ignore_aliases(self, data: object) -> bool:
        return True


def _write_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    # Never lines within a folded text: kustomize writes an empty line too many before an indented one.
    style = "|" if "\n" in text else ">" if len(text) > 80 else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _write_text)


def render_rules() -> str:
    """The PrometheusRule with every group of every file, in the order of their names."""
    groups: list[Any] = []
    for path in sorted(RULES.glob("*.yml")):
        groups += yaml.safe_load(path.read_text("utf-8"))["groups"]
    labels = {"app.kubernetes.io/name": "mailport", "app.kubernetes.io/component": "alerts"}
    document = {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {"name": "mailport", "labels": labels},
        "spec": {"groups": groups},
    }
    return _HEAD + yaml.dump(document, Dumper=_Dumper, sort_keys=False, width=110, allow_unicode=True)


def render_worker() -> str:
    """The configuration of the cluster without what only a scheduler needs: targets, and the store."""
    paragraphs = (ROOT / "config" / "cluster.yml").read_text("utf-8").split("\n\n")
    kept = [each for each in paragraphs if not each.startswith(("#", "targets:", "store:"))]
    return "\n\n".join([_WORKER_HEAD, *kept]).rstrip() + "\n"


def render_all() -> dict[Path, str]:
    """Every file that is made, with its text."""
    return {
        BASE / "mailport.yml": (ROOT / "config" / "mailport.yml").read_text("utf-8"),
        BASE / "prometheusrule.yml": render_rules(),
        FOLDER / "cluster" / "mailport.yml": (ROOT / "config" / "cluster.yml").read_text("utf-8"),
        FOLDER / "worker" / "mailport.yml": render_worker(),
    }


def main() -> None:
    """Write every file."""
    for path, text in render_all().items():
        path.write_text(text, "utf-8")


if __name__ == "__main__":
    main()
