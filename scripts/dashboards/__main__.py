"""Writes the dashboards to the folder that Grafana loads."""

from pathlib import Path

from grafana_foundation_sdk.builders.dashboard import Dashboard
from grafana_foundation_sdk.cog.encoder import JSONEncoder

from scripts.dashboards import domain, endpoint, overview

FOLDER = Path(__file__).parents[2] / "config" / "grafana" / "dashboards"
DASHBOARDS = {
    "mailport-overview.json": overview.build,
    "mailport-domain.json": domain.build,
    "mailport-endpoint.json": endpoint.build,
}


def render(dashboard: Dashboard) -> str:
    """The dashboard as Grafana reads it, the same text every time."""
    return JSONEncoder(sort_keys=True, indent=2).encode(dashboard.build()) + "\n"


def main() -> None:
    """Write every dashboard."""
    for name, build in DASHBOARDS.items():
        (FOLDER / name).write_text(render(build()), "utf-8")


if __name__ == "__main__":
    main()
