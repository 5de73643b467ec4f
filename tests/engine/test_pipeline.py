"""The pipeline: every sink gets every observation, and a failing one costs the others nothing."""

from structlog.testing import capture_logs

from scanner.engine import Pipeline
from scanner.model import Observation
from tests.engine.clockwork import endpoint, observation_of


class Keeper:
    """A sink that keeps what it gets."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.kept: list[Observation] = []

    def accept(self, observation: Observation) -> None:
        self.kept.append(observation)


class Failing(Keeper):
    """A sink that fails for every second observation."""

    def accept(self, observation: Observation) -> None:
        super().accept(observation)
        if len(self.kept) % 2:
            raise OSError(28, "No space left on device")


def test_a_failing_sink_costs_the_others_nothing() -> None:
    first, failing, last = Keeper("first"), Failing("failing"), Keeper("last")
    failed: list[str] = []
    pipeline = Pipeline([first, failing, last], failed.append)
    observations = [observation_of(endpoint(number)) for number in range(4)]
    with capture_logs() as logs:
        for observation in observations:
            pipeline.deliver(observation)
    assert first.kept == failing.kept == last.kept == observations
    assert failed == ["failing", "failing"]
    assert [(log["event"], log["sink"]) for log in logs] == [("sink_failed", "failing")] * 2
    assert logs[0]["error"] == "OSError: [Errno 28] No space left on device"


def test_without_anybody_to_tell_a_failure_is_still_survived() -> None:
    keeper = Keeper("keeper")
    with capture_logs() as logs:
        Pipeline([Failing("failing"), keeper]).deliver(observation_of(endpoint(1)))
    assert len(keeper.kept) == len(logs) == 1


def test_a_pipeline_without_sinks_is_lawful() -> None:
    Pipeline([]).deliver(observation_of(endpoint(1)))


def test_sinks_added_to_the_list_later_are_not_served() -> None:
    sinks = [Keeper("first")]
    pipeline = Pipeline(sinks)
    sinks.append(Keeper("later"))
    pipeline.deliver(observation_of(endpoint(1)))
    assert [len(sink.kept) for sink in sinks] == [1, 0]
