"""What happens to a mail server reaches whoever is woken: as the right alert, once, until it is over."""

import smtplib

from tests.endtoend.mail_site import CONCERNED, ENDPOINTS, HOST
from tests.endtoend.world import World
from tests.servers.mail_host import MAIL_PORTS
from tests.servers.postfix import DOMAIN as MAIL_DOMAIN

CLIENT_PORTS = set(MAIL_PORTS) - {25}


def test_of_what_is_well_nothing_is_told(world: World) -> None:
    assert world.service.value("mailport_endpoints") == ENDPOINTS
    before = world.count_probes("open")
    world.wait(lambda: world.count_probes("open") >= before + 4 * ENDPOINTS, "no more probes")
    assert world.verdicts() == []
    assert world.service.samples("mailport_incident") == []
    assert world.prometheus.alerts() == []  # not even one that waits
    assert world.told == []


def test_starttls_that_is_stripped_on_the_way_is_one_downgrade(world: World) -> None:
    about = ("MailportDowngraded", HOST)
    with world.site.stripped(25, 587):
        world.wait_told(("firing", *about))
        assert world.text_of() == (
            f"{HOST}: starttls_missing, at {HOST}:25, {HOST}:587; this host still serves 110, 143, 465, 993, "
            f"995. {CONCERNED}"
        )
        assert {verdict for _, verdict in world.verdicts()} <= {"starttls_missing", "siblings_disagree"}
        # All else goes its way: only who looks for it sees that mail travels in clear.
        with smtplib.SMTP(world.site.address, 25, "client.test") as client:
            client.ehlo()
            assert client.has_extn("pipelining")
            assert not client.has_extn("starttls")
            assert client.sendmail("a@client.test", f"probe@{MAIL_DOMAIN}", "Subject: in clear\n\n") == {}
    world.wait_told(("firing", *about), ("resolved", *about))


def test_a_port_that_is_dropped_is_one_blocked_port(world: World) -> None:
    about = ("MailportPortBlocked", HOST)
    with world.site.silent(993):
        world.wait_told(("firing", *about))
        assert world.text_of() == (
            f"{HOST}: port_blocked, at {HOST}:993; the last probes say connect_timeout; "
            f"this host still serves 110, 143, 25, 465, 587, 995. {CONCERNED}"
        )
        assert world.verdicts() == [(993, "port_blocked")]
        (verdict,) = world.service.samples("mailport_egress_blocked", port="993")
        assert verdict.value == 0
    world.wait_told(("firing", *about), ("resolved", *about))


def test_a_certificate_that_has_expired_on_all_ports_is_one_alert(world: World) -> None:
    expired = world.site.authority.issue(HOST, days=-2)
    with world.site.showing(expired):
        world.wait(lambda: bool(world.told), "not told")
        assert len(world.told) == 1, world.messages
        ((status, name, subject),) = world.messages
        assert (status, name) == ("firing", "MailportCertificateExpired")
        (incident,) = world.service.samples("mailport_incident")
        assert (incident.labels["name"], incident.labels["subject"]) == ("certificate_expired", subject)
        # Other servers deliver to port 25 all the same, so that it is a notice there.
        assert world.verdicts() == sorted((port, "certificate_expired") for port in CLIENT_PORTS)
        text = world.text_of()
        assert text.startswith(f"{subject} (CN={HOST}, by CN=mailport test CA) ended 2d")
        assert all(f" {HOST}:{port}" in text for port in CLIENT_PORTS)
    world.wait_told(("firing", name, subject), ("resolved", name, subject))
