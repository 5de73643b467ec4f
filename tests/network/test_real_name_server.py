"""The resolver against dnsmasq: answers, aliases and their TTL, no data, no name, failure, TCP."""

import socket
from collections.abc import Iterator

import pytest

from scanner.model import Reason
from scanner.network import ResolveFailure, Resolver
from tests.network.loops import Runner, on_both_loops
from tests.network.name_servers import Clock, bind_both
from tests.servers.process import find_program, free_port, running

CROWD = [f"198.51.100.{number}" for number in range(1, 200)]


def is_answering(port: int) -> bool:
    """Ask for the root's SOA, by hand, and tell whether anything comes back."""
    query = b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00\x06\x00\x01"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(0.2)
        try:
            sock.connect(("127.0.0.1", port))
            sock.send(query)
            return sock.recv(512)[:2] == query[:2]
        except OSError:
            return False


@pytest.fixture(scope="module")
def name_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, int]]:
    """A dnsmasq that knows `real.test` and forwards `fails.test` to nobody."""
    folder = tmp_path_factory.mktemp("dnsmasq")
    folder.chmod(0o755)
    udp, tcp = bind_both("127.0.0.1")
    port = udp.getsockname()[1]
    udp.close()
    tcp.close()
    (folder / "hosts").write_text("".join(f"{address} crowd.real.test\n" for address in CROWD), "ascii")
    settings = f"""
        keep-in-foreground
        user=root
        pid-file
        port={port}
        listen-address=127.0.0.1
        bind-interfaces
        no-resolv
        no-hosts
        log-facility=-
        addn-hosts={folder / "hosts"}
        local=/real.test/
        host-record=both.real.test,192.0.2.1,2001:db8::1,900
        cname=alias.real.test,both.real.test,400
        txt-record=nodata.real.test,nothing else
        server=/fails.test/127.0.0.1#{free_port()}
    """
    file = folder / "dnsmasq.conf"
    file.write_text("\n".join(line.strip() for line in settings.splitlines()), "ascii")
    argv = [find_program("dnsmasq", "dnsmasq-base"), f"--conf-file={file}"]
    with running(argv, is_ready=lambda: is_answering(port), logs=[folder / "log"]):
        yield "127.0.0.1", port


async def reason_of(resolver: Resolver, host: str) -> Reason:
    with pytest.raises(ResolveFailure) as caught:
        await resolver.addresses(host)
    return caught.value.reason


@on_both_loops
def test_answers_come_in_both_families(run: Runner, name_server: tuple[str, int]) -> None:
    async def main() -> None:
        resolver = Resolver([name_server])
        assert await resolver.addresses("both.real.test") == ("192.0.2.1", "2001:db8::1")
        assert await resolver.addresses("alias.real.test") == ("192.0.2.1", "2001:db8::1")
        seconds = resolver.seconds_of("both.real.test")
        assert seconds is not None
        assert 0 < seconds < 1

    run(main())


@pytest.mark.parametrize(("host", "ttl"), [("both.real.test", 900), ("alias.real.test", 400)])
async def test_an_answer_is_kept_as_long_as_its_shortest_part(
    name_server: tuple[str, int], host: str, ttl: int
) -> None:
    clock = Clock()
    resolver = Resolver([name_server], clock=clock)
    assert (await resolver.address_records(host)).ttl == ttl
    clock.now += 1
    assert (await resolver.address_records(host)).ttl == ttl - 1


@on_both_loops
def test_failures_have_their_reasons(run: Runner, name_server: tuple[str, int]) -> None:
    async def main() -> None:
        resolver = Resolver([name_server], timeout=0.5)
        assert await reason_of(resolver, "nowhere.real.test") is Reason.NAME_NOT_FOUND
        assert await reason_of(resolver, "nodata.real.test") is Reason.NO_ADDRESS
        assert await reason_of(resolver, "host.fails.test") is Reason.DNS_FAILURE

    run(main())


@on_both_loops
def test_a_long_answer_comes_by_tcp(run: Runner, name_server: tuple[str, int]) -> None:
    async def main() -> None:
        assert await Resolver([name_server], families=(4,)).addresses("crowd.real.test") == tuple(CROWD)

    run(main())


async def test_the_next_server_is_asked_where_the_first_is_away(name_server: tuple[str, int]) -> None:
    resolver = Resolver([("127.0.0.1", free_port()), name_server], timeout=1)
    assert await resolver.addresses("both.real.test") == ("192.0.2.1", "2001:db8::1")
