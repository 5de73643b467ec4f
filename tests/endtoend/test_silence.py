"""Silence is told by its widest cause: a host that is down, or our own network, which blames no server."""

from contextlib import ExitStack

from tests.endtoend.mail_site import CONCERNED, DOMAIN, ENDPOINTS, HOST, OTHER_HOST
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
        world.wait(lambda: world.count_probes("unknown") >= in_vain + 4 * ENDPOINTS, "no more probes")
        assert world.alerts == {("firing", *each) for each in everything}
        standing = {(port, "egress_blocked") for port in MAIL_PORTS} | {(587, "starttls_missing")}
        assert standing <= set(world.verdicts()) <= standing | {(587, "siblings_disagree")}
        assert world.service.value("mailport_endpoint_downgraded", host=HOST, port="587") == 1
        assert world.service.value("mailport_endpoint_level", host=HOST, port="993") == 4
    world.settle()
    assert world.alerts == {("resolved", *each) for each in everything}


def test_a_host_that_is_dropped_is_one_host_and_not_seven_ports(world: World) -> None:
    about = ("MailportHostDown", HOST)
    with world.site.silent():
        world.wait_told(("firing", *about))
        places = ", ".join(f"{HOST}:{port}" for port in sorted(map(str, MAIL_PORTS)))
        assert world.text_of() == (
            f"{HOST}: host_down, at {places}; the last probes say connect_timeout. {CONCERNED}"
        )
        assert world.service.value("mailport_domain_service_up", domain=DOMAIN, service="mx") == 0
    world.wait_told(("firing", *about), ("resolved", *about))
