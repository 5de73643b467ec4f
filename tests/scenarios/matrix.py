"""The whole matrix, part by part."""

from collections.abc import Mapping

from tests.scenarios.failures import FAILURES
from tests.scenarios.life import LIFE
from tests.scenarios.losses import LOSSES
from tests.scenarios.outages import OUTAGES
from tests.scenarios.promises import PROMISES
from tests.scenarios.restarts import RESTARTS
from tests.scenarios.scenario import Scenario

MATRIX: Mapping[str, tuple[Scenario, ...]] = {
    "losses": LOSSES,
    "siblings and policies": PROMISES,
    "failures": FAILURES,
    "outages": OUTAGES,
    "life": LIFE,
    "restarts and clocks": RESTARTS,
}
