"""When our own network is in the way, that is told, and of servers that cannot be seen nothing is."""

from contextlib import ExitStack

from tests.endtoend.mail_site import ENDPOINTS, HOST, OTHER_HOST
from tests.endtoend.world import World
from tests.servers.mail_host import MAIL_PORTS

BLOCKED = "MailportEgressBlocked"


def test_a_port_that_our_own_network_blocks_blames_no_server(world: World) -> None:
    with world.site.cut_off(25):
        world.wait_told(("firing", BLOCKED, world.listen))
        assert world.alerts == {("firing", BLOCKED, "25")}
        assert "cannot judge any server on port 25" in world.text_of()
        assert world.verdicts() == [(25, "egress_blocked")] * 2
        for host in (HOST, OTHER_HOST):
            assert world.service.value("mailport_endpoint_state", host=host, port="25", state="unknown") == 1
            assert world.service.value("mailport_endpoint_blocked", host=host, port="25") == 0
            assert world.service.value("mailport_endpoint_level", host=host, port="25") == 4
    world.wait_told(("firing", BLOCKED, world.listen), ("resolved", BLOCKED, world.listen))


def test_what_stood_of_a_server_stands_while_nothing_at_all_gets_out(world: World) -> None:
    downgrade = ("MailportDowngraded", HOST)
    everything = {downgrade, *((BLOCKED, str(port)) for port in MAIL_PORTS)}
    with ExitStack() as our_fault:
        with world.site.stripped(587):
            world.wait_told(("firing", *downgrade))
            our_fault.enter_context(world.site.cut_off())
            world.wait(lambda: len(world.alerts) == len(everything), "not told of all ports")
        # It is mended by now, which nobody can see.
        in_vain = world.count_probes("unknown")
        world.wait(lambda: world.count_probes("unknown") >= in_vain + 2 * ENDPOINTS, "no more probes")
        assert world.alerts == {("firing", *each) for each in everything}
        standing = {(port, "egress_blocked") for port in MAIL_PORTS} | {(587, "starttls_missing")}
        assert standing <= set(world.verdicts()) <= standing | {(587, "siblings_disagree")}
        assert world.service.value("mailport_endpoint_downgraded", host=HOST, port="587") == 1
        assert world.service.value("mailport_endpoint_level", host=HOST, port="993") == 4
    world.settle()
    assert world.alerts == {("resolved", *each) for each in everything}
