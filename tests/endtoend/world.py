"""All of it together: mail servers, mailport, Prometheus, Alertmanager, and who is told in the end."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from signal import Signals
from typing import Any

from tests.alerts.hurry import hurry, write_routes, write_rules
from tests.endtoend.mail_site import (
    DOMAIN,
    ENDPOINTS,
    NAME_SERVER,
    OTHER_DOMAIN,
    WEB_PORT,
    MailSite,
    build_mail_site,
)
from tests.servers.alertmanager import receive, run_alertmanager
from tests.servers.certificates import Authority
from tests.servers.mail_host import MAIL_PORTS
from tests.servers.process import free_port, wait_until
from tests.servers.prometheus import Prometheus, ScrapeJob, run_prometheus
from tests.service.serving import Service, serving

SECONDS = 40.0
"""Many times what anything here takes on a quiet machine."""
INTERVAL = "500ms"
"""How often Prometheus scrapes and judges."""
Message = tuple[str, str, str]
"""Whether something is so ("firing") or over ("resolved"), the alert, and what it is about."""


@dataclass(slots=True)
class World:
    """A running world; everything in it is reached from the client's host, where the test is as well."""

    site: MailSite
    folder: Path
    listen: str
    told: list[dict[str, Any]]
    """What came in at the webhook, in its order."""
    prometheus: Prometheus
    _home: Path
    """Where mailport has its configuration; its store lies beside it."""
    _service: Service | None = None
    _running: ExitStack = field(default_factory=ExitStack)

    @property
    def service(self) -> Service:
        """The mailport that runs now."""
        assert self._service is not None
        return self._service

    @property
    def messages(self) -> list[Message]:
        """What was told, a message each."""
        return [_read(message["status"], message["groupLabels"]) for message in self.told]

    @property
    def alerts(self) -> set[Message]:
        """What was told last of each alert, however many of them came in one message."""
        last: dict[tuple[str, str], str] = {}
        for message in self.told:
            for alert in message["alerts"]:
                status, name, about = _read(alert["status"], alert["labels"])
                last[name, about] = status
        return {(status, name, about) for (name, about), status in last.items()}

    def begin(self) -> None:
        """Start mailport anew, without a memory, and wait until a baseline stands for every port.

        What comes back within hours of its end is not over so soon again; no test is to follow from another.
        """
        if self._service is not None:
            self.stop(Signals.SIGTERM)
        self._home = self.folder / f"mailport-{len(list(self.folder.glob('mailport-*')))}"
        self._home.mkdir()
        self.start()
        self.service.wait_for_event("baseline_learnt", ENDPOINTS)
        self.settle()

    def start(self) -> None:
        """Start mailport with the store that it had before, and wait until it has probed everything."""
        self._service = self._running.enter_context(
            serving(self._home, self._document(), "--listen", self.listen)
        )
        self._service.wait_ready()

    def stop(self, how: Signals) -> None:
        """End mailport."""
        self.service.running.end(how)
        self._running.close()
        self._service = None

    def wait(self, holds: Callable[[], bool], what: str = "") -> None:
        """Wait until something is so; AssertionError with all that was told if it never is."""
        if not wait_until(holds, SECONDS):
            alerts = [(each["state"], each["labels"]) for each in self.prometheus.alerts()]
            raise AssertionError(f"{what}; told: {self.messages}; alerts: {alerts}; {self.service.log[-20:]}")

    def wait_told(self, *messages: Message) -> None:
        """Wait until exactly these messages have come, in any order, and no other ever."""
        self.wait(lambda: len(self.told) >= len(messages), f"not told: {messages}")
        assert sorted(self.messages) == sorted(messages), self.messages

    def text_of(self, index: int = -1) -> str:
        """Return the description of the only alert of a message."""
        (alert,) = self.told[index]["alerts"]
        text: str = alert["annotations"]["description"]
        return text

    def verdicts(self, **labels: str) -> list[tuple[int, str]]:
        """Return the port and the id of each verdict that stands and is no mere notice."""
        found = self.service.samples("mailport_endpoint_verdict", **labels)
        return sorted(
            (int(each.labels["port"]), each.labels["verdict"])
            for each in found
            if each.labels["severity"] != "notice"
        )

    def settle(self) -> None:
        """Wait until nothing is wrong with anybody, and nothing that was is told or waited for any more."""
        self.wait(lambda: self.verdicts() == [], "verdicts still stand")
        self.wait(lambda: self.prometheus.alerts() == [], "Prometheus still has alerts")
        self.wait(lambda: all(status == "resolved" for status, *_ in self.alerts), "not told that it is over")

    def count_probes(self, state: str) -> float:
        """Return how many probes found a state since mailport was started."""
        return sum(each.value for each in self.service.samples("mailport_probes_total", state=state))

    def _document(self) -> dict[str, Any]:
        site = self.site
        return {
            "targets": [DOMAIN, OTHER_DOMAIN],
            "schedule": {"interval": "1s", "jitter": 0},
            "limits": {"rate": 0, "per_address": len(MAIL_PORTS), "per_address_gap": 0},
            "probe": {
                "connect_timeout": 0.5,
                "timeout": 3,
                "allow_private": True,
                "families": ["ipv4"],
                "ca_file": str(site.authority.ca_file),
                "versions_interval": None,
            },
            "resolver": {"servers": [NAME_SERVER], "timeout": 1},
            # What they publish is enough; everything else would ask the web.
            "discovery": {"autoconfig": False, "ispdb": False, "autodiscover": False, "guess": False},
            "controls": {
                "ports": {port: list(site.controls) for port in MAIL_PORTS},
                "https": [f"{site.controls[0]}:{WEB_PORT}"],
                "dark": None,
            },
        }


def _read(status: str, labels: dict[str, str]) -> Message:
    about = labels.get("subject") or labels.get("port") or labels.get("instance") or ""
    return status, labels["alertname"], about


@contextmanager
def build_world(folder: Path, authority: Authority) -> Iterator[World]:
    """Start everything but mailport."""
    told: list[dict[str, Any]] = []
    with ExitStack() as stack:
        site = stack.enter_context(build_mail_site(folder / "mail", authority))
        listen = f"127.0.0.1:{free_port()}"
        webhook = stack.enter_context(receive(told))
        routes = write_routes(folder / "alertmanager.yml", webhook)
        manager = stack.enter_context(run_alertmanager(folder / "alertmanager", routes))
        (folder / "rules").mkdir()
        prometheus = stack.enter_context(
            run_prometheus(
                folder / "prometheus",
                [ScrapeJob("mailport", [listen])],
                rule_files=write_rules(folder / "rules", hurry),
                alertmanagers=[manager.address],
                interval=INTERVAL,
            )
        )
        world = World(site, folder, listen, told, prometheus, folder)
        stack.push(world._running)
        yield world
