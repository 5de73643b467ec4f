import platform
from dataclasses import replace
from datetime import UTC, datetime
from itertools import product

import pytest
from prometheus_client import REGISTRY, CollectorRegistry

from scanner.metrics import Telemetry
from scanner.metrics.telemetry import PHASE_BUCKETS
from scanner.model import Phase, Protocol, Reason, State
from tests.metrics.samples import GOOD, failed


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
def telemetry(registry: CollectorRegistry) -> Telemetry:
    return Telemetry(registry, version="1.2.3", revision="abc")


@pytest.mark.usefixtures("telemetry")
def test_every_protocol_and_state_starts_at_zero(registry: CollectorRegistry) -> None:
    for protocol, state in product(Protocol, State):
        assert registry.get_sample_value("mailport_probes_total", {"protocol": protocol, "state": state}) == 0


def test_a_probe_is_counted_under_its_state(registry: CollectorRegistry, telemetry: Telemetry) -> None:
    telemetry.observe(GOOD)
    telemetry.observe(failed(Reason.CONNECT_TIMEOUT))
    telemetry.observe(failed(Reason.ADMIN_PROHIBITED))

    def count(state: str) -> float | None:
        return registry.get_sample_value("mailport_probes_total", {"protocol": "smtp", "state": state})

    assert (count("open"), count("blocked"), count("broken")) == (1, 2, 0)


def test_phases_go_into_the_histogram(registry: CollectorRegistry, telemetry: Telemetry) -> None:
    telemetry.observe(GOOD)
    telemetry.observe(replace(GOOD, phases={Phase.TLS: 0.3}))

    name, labels = "mailport_phase_duration_seconds", {"protocol": "smtp", "phase": "tls"}
    assert registry.get_sample_value(f"{name}_count", labels) == 2
    assert registry.get_sample_value(f"{name}_sum", labels) == pytest.approx(0.348)
    assert registry.get_sample_value(f"{name}_bucket", labels | {"le": "0.05"}) == 1
    assert (PHASE_BUCKETS[0], PHASE_BUCKETS[-1]) == (0.001, 60)


def test_gauges_are_read_at_the_scrape(registry: CollectorRegistry, telemetry: Telemetry) -> None:
    waiting = [1, 2, 3]
    telemetry.read_from(queue_length=lambda: len(waiting), endpoints=lambda: 7)
    assert registry.get_sample_value("mailport_queue_length") == 3

    waiting.pop()

    assert registry.get_sample_value("mailport_queue_length") == 2
    assert registry.get_sample_value("mailport_endpoints") == 7
    assert registry.get_sample_value("mailport_domains") == 0


@pytest.mark.parametrize(
    "name", ["pool_workers", "pool_busy", "queue_length", "scheduler_lag_seconds", "endpoints", "domains"]
)
def test_each_gauge_takes_its_own_reader(
    registry: CollectorRegistry, telemetry: Telemetry, name: str
) -> None:
    telemetry.read_from(**{name: lambda: 42})

    assert registry.get_sample_value(f"mailport_{name}") == 42


def test_a_failed_reload_keeps_the_time_of_the_last_success(
    registry: CollectorRegistry, telemetry: Telemetry
) -> None:
    good, bad = datetime(2026, 1, 2, tzinfo=UTC), datetime(2026, 1, 3, tzinfo=UTC)
    telemetry.record_reload(is_successful=True, at=good)
    assert registry.get_sample_value("mailport_config_last_reload_successful") == 1

    telemetry.record_reload(is_successful=False, at=bad)

    assert registry.get_sample_value("mailport_config_last_reload_successful") == 0
    last = registry.get_sample_value("mailport_config_last_reload_success_timestamp_seconds")
    assert last == good.timestamp()


def test_sink_errors_start_at_zero_and_count(registry: CollectorRegistry, telemetry: Telemetry) -> None:
    telemetry.declare_sinks(["store", "page"])
    telemetry.count_sink_error("store")

    assert registry.get_sample_value("mailport_sink_errors_total", {"sink": "store"}) == 1
    assert registry.get_sample_value("mailport_sink_errors_total", {"sink": "page"}) == 0


@pytest.mark.usefixtures("telemetry")
def test_the_build_and_the_process_are_described(registry: CollectorRegistry) -> None:
    build = {"version": "1.2.3", "revision": "abc", "pythonversion": platform.python_version()}

    assert registry.get_sample_value("mailport_build_info", build) == 1
    names = {family.name for family in registry.collect()}
    assert {"process_resident_memory_bytes", "python_info", "python_gc_objects_collected"} <= names


@pytest.mark.usefixtures("telemetry")
def test_the_global_registry_stays_untouched() -> None:
    assert not [family.name for family in REGISTRY.collect() if family.name.startswith("mailport")]
