"""What mailport knew before it was stopped, or killed, is what it holds a server against afterwards."""

from signal import SIGKILL, SIGTERM, Signals

import pytest

from tests.endtoend.mail_site import HOST
from tests.endtoend.world import World


@pytest.mark.parametrize(("how", "port"), [(SIGTERM, 25), (SIGKILL, 587)], ids=["SIGTERM", "SIGKILL"])
def test_starttls_that_goes_while_mailport_does_not_run_is_a_downgrade(
    world: World, how: Signals, port: int
) -> None:
    about = ("MailportDowngraded", HOST)
    world.stop(how)
    with world.site.stripped(port):
        world.start()
        world.wait_told(("firing", *about))
        assert world.text_of().startswith(
            f"{HOST}: starttls_missing, at {HOST}:{port}; this host still serves"
        )
        raised = [line for line in world.service.log if line["event"] == "verdict_raised"]
        (summary,) = (line["summary"] for line in raised if line["name"] == "starttls_missing")
        assert "It was offered until" in summary
    world.wait_told(("firing", *about), ("resolved", *about))
