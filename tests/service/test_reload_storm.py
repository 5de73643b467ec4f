"""Many reloads at once are few, and none asks the name servers again for what is known."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.cli.running_farm import RunningFarm
from tests.service.serving import serving


def test_reloads_that_come_together_are_joined(farm: RunningFarm, tmp_path: Path) -> None:
    document = {"targets": farm.targets("healthy"), **farm.settings}
    with serving(tmp_path, document) as service, ThreadPoolExecutor(30) as pool:
        service.wait_ready()

        answers = list(pool.map(lambda _: service.ask("/-/reload", method="POST")[0], range(30)))

        assert answers == [200] * 30
        reloads = [line for line in service.log if line["event"] == "reloaded"]
        assert 1 <= len(reloads) < 15
