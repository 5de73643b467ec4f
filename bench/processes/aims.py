"""What the benchmarks are held against: a row for each aim, beside whom it is measured, and what hinders."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

_BLACKBOX = "What one probe costs: OpenSSL's handshake and the kernel leave less than the aim"
_TOOLS = "What one probe costs: sslscan asks for versions alone, and a handshake is a tenth of its CPU"
_START = "Watching 100,000 endpoints: a store that was not read in ten seconds is taken over at once"
_PACE = "Watching 100,000 endpoints: 111 probes a second spread evenly find cold caches at each step"
_OPEN = "What an open connection takes: OpenSSL alone, between its hello and the answer to it"
_CLUSTER = "What a cluster costs: a probe costs so little that a message about it shows"
_BULK = "Bulk scans: the last dozen seconds, the start, and two cores for both sides"


@dataclass(frozen=True, slots=True)
class Aim:
    """One row of the last table.

    `least` or `most` bounds the figure; with neither it is only reported. `why` names the section of
    docs/performance.md that tells what stands in the way where the aim is missed.
    """

    what: str
    against: str
    figure: str
    form: str
    least: float | None = None
    most: float | None = None
    why: str = "nothing is known that would excuse it"

    def show(self, figures: Mapping[str, float]) -> tuple[str, str, str, str, str]:
        """Return the row's cells: what, against whom, aim, measured, verdict."""
        write: Callable[[float], str] = self.form.format
        aim = "reported"
        if self.least is not None:
            aim = f">= {write(self.least)}"
        elif self.most is not None:
            aim = f"<= {write(self.most)}"
        value = figures.get(self.figure)
        if value is None:
            return (self.what, self.against, aim, "-", "not measured")
        return (self.what, self.against, aim, write(value), self._judge(value))

    def _judge(self, value: float) -> str:
        if self.least is None and self.most is None:
            return ""
        is_met = (self.least is None or value >= self.least) and (self.most is None or value <= self.most)
        return "met" if is_met else f"MISSED; {self.why}"


_SERVICES = {"smtp": "SMTP STARTTLS", "imaps": "IMAPS", "pop3": "POP3 STLS"}
_LARGE = "100,000 endpoints at 15 min"
AIMS = (
    *(
        Aim(
            f"CPU, {title}", "blackbox exporter", f"probe_{name}_blackbox", "{:.2f}", most=0.45, why=_BLACKBOX
        )
        for name, title in _SERVICES.items()
    ),
    *(
        Aim(f"CPU, {title}", "bare handshakes", f"probe_{name}_bare", "{:.2f}", most=1.5)
        for name, title in _SERVICES.items()
    ),
    Aim("SMTP probes a second, one core", "-", "probe_smtp_rate", "{:.0f}"),
    Aim("the same, of a peer", "blackbox exporter", "probe_smtp_rate_blackbox", "{:.0f}"),
    Aim("the same, of a peer", "bare handshakes", "probe_smtp_rate_bare", "{:.0f}"),
    Aim("scan of 70,000 endpoints, wall", "its bound", "bulk_ratio", "{:.2f}", most=1.15, why=_BULK),
    Aim("scrape of 1,000,000 samples, CPU", "prometheus_client", "scrape_ratio", "{:.0f} x less", least=50),
    Aim("the same, over HTTP", "-", "scrape_seconds", "{:.2f} s", most=1.0),
    Aim("the same, stall of the loop", "-", "scrape_stall_ms", "{:.1f} ms", most=20.0),
    Aim(f"{_LARGE}, CPU", "one core", "steady_cpu", "{:.2f}", most=0.25, why=_PACE),
    Aim("the same, memory", "-", "steady_mib", "{:.0f} MiB", most=1024.0),
    Aim("the same, lag p99", "-", "steady_lag", "{:.2f} s", most=1.0),
    Aim("the same, start to first scrape", "-", "start_seconds", "{:.1f} s"),
    Aim("the same, stall by a start", "-", "start_stall_ms", "{:.0f} ms", most=30.0, why=_START),
    Aim("the same, stall by a reload", "-", "reload_stall_ms", "{:.0f} ms", most=30.0),
    Aim(
        "probe over a cluster, CPU on top",
        "one process",
        "cluster_overhead",
        "{:.0%}",
        most=0.15,
        why=_CLUSTER,
    ),
    Aim("the same, commands of Redis", "-", "cluster_commands", "{:.1f}"),
    Aim("the same, traffic of Redis", "-", "cluster_bytes", "{:.0f} bytes"),
    Aim("a worker is killed, scan goes on for", "-", "cluster_recovery", "{:.1f} s"),
    Aim("memory an endpoint, with store", "-", "memory_kib", "{:.1f} KiB", most=6.0),
    Aim("memory an open connection", "-", "connection_kib", "{:.1f} KiB", most=40.0, why=_OPEN),
    Aim(
        "versions and certificate, CPU",
        "best of four",
        "profile_ratio",
        "{:.1f} x less",
        least=100,
        why=_TOOLS,
    ),
    Aim("CPU of a result, 1k to 100k", "the least", "growth_cpu", "{:.2f}", most=1.2),
    Aim("memory an endpoint, 10k to 100k", "1k to 10k", "growth_memory", "{:.2f}", most=1.2),
)
