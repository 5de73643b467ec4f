"""Three shards as processes: each endpoint is probed by one, and together they tell what one would."""

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.cli.command import run
from tests.cli.running_farm import RunningFarm, open_farm
from tests.servers.postgres import Postgres
from tests.servers.process import free_port
from tests.servers.prometheus import ScrapeJob, StartPrometheus
from tests.service.serving import CONFIG, Service, serving, write_config

SHARDS = 3
SETTLED = {"schedule": {"interval": 3600}, "controls": False}
"""One pass, so that the farm's journal shows who probed what."""


def document(farm: RunningFarm, **more: Any) -> dict[str, Any]:
    domains = ["mail.test", "office.mail.test", "shop.mail.test", "nullmx.mail.test", "servfail.mail.test"]
    probe = {**farm.settings["probe"], "timeout": 2, "versions_interval": None}
    return {**farm.settings, "targets": [*domains, *farm.targets()], "probe": probe, **SETTLED, **more}


@pytest.fixture(scope="module")
def one_pass() -> Iterator[RunningFarm]:
    with open_farm(greeting_delay=0.5) as opened:
        yield opened


@pytest.fixture(scope="module")
def shards(one_pass: RunningFarm, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Service]]:
    """All shards, each after its first pass; the first by its option, the others by their environment."""
    addresses = [f"127.0.0.1:{free_port()}" for _ in range(SHARDS)]
    settings = document(one_pass, store=False, shards={"addresses": addresses})
    with ExitStack() as stack:
        services = []
        for number, address in enumerate(addresses, 1):
            folder = tmp_path_factory.mktemp(f"shard-{number}")
            options = ("--listen", address, "--shard", f"{number}/{SHARDS}")
            services.append(stack.enter_context(serving(folder, settings, *options)))
        for service in services:
            service.wait_ready()
        yield services


def test_every_endpoint_is_probed_by_exactly_one(
    shards: list[Service], one_pass: RunningFarm, tmp_path: Path
) -> None:
    probed = Counter(place for service in shards for place in service.places())
    assert max(probed.values()) == 1
    assert all(service.places() for service in shards)
    # Each server has seen one connection; those that never answer have no journal.
    assert set(Counter(one_pass.connects()).values()) == {1}
    assert sum(service.value("mailport_endpoints") for service in shards) == len(probed)
    with serving(tmp_path, document(one_pass, store=False)) as alone:
        alone.wait_ready()
        assert alone.places() == set(probed)
        assert sum(service.value("mailport_domains") for service in shards) == alone.value("mailport_domains")
        for name in ("mailport_domain_discovery_success", "mailport_domain_endpoint_info"):
            together = [sample.labels for service in shards for sample in service.samples(name)]
            assert sorted(map(str, together)) == sorted(str(sample.labels) for sample in alone.samples(name))
        for name in ("mailport_domain_service_up", "mailport_domain_level", "mailport_endpoint_domains"):
            best: dict[str, float] = {}
            for service in shards:
                for sample in service.samples(name):
                    best[str(sample.labels)] = max(best.get(str(sample.labels), 0.0), sample.value)
            assert best == {str(sample.labels): sample.value for sample in alone.samples(name)}
        assert findings_of(*shards) == findings_of(alone)


def findings_of(*services: Service) -> list[str]:
    """What is found about domains, over all pages of these services."""
    found = []
    for service in services:
        page = json.loads(service.ask("/api/v1/domains?limit=1000")[1])
        found += [str(sorted(each.items())) for domain in page["domains"] for each in domain["findings"]]
    return sorted(found)


def test_prometheus_finds_and_scrapes_all_by_asking_one(
    shards: list[Service], start_prometheus: StartPrometheus
) -> None:
    discovery = {"url": f"{shards[1].url}/api/v1/sd", "refresh_interval": "1s"}
    relabel = {"source_labels": ["__meta_mailport_shard"], "target_label": "told"}
    job = ScrapeJob("mailport", [], more={"http_sd_configs": [discovery], "relabel_configs": [relabel]})
    prometheus = start_prometheus([job])
    found = prometheus.wait_for("mailport_shard_info", lambda found: len(found) == SHARDS, seconds=60)
    assert {(each.labels["shard"], each.labels["shards"], each.labels["told"]) for each in found} == {
        (str(number), "3", f"{number}/3") for number in (1, 2, 3)
    }
    assert {each.labels["instance"] for each in found} == {service.address for service in shards}
    # The endpoint's series and the domains that lead to it are with the same shard.
    on = "host, address, port, instance"
    joined = prometheus.wait_for(
        f'count(mailport_domain_endpoint_info{{domain="mail.test"}} * on ({on}) group_left '
        f"max by ({on}) (mailport_probe_success))"
    )
    assert joined[0].value == 7


def test_each_says_which_it_is(shards: list[Service]) -> None:
    for number, service in enumerate(shards, 1):
        addresses = [each.address for each in shards]
        assert json.loads(service.ask("/api/v1/shard")[1]) == {
            "shard": number,
            "shards": SHARDS,
            "addresses": addresses,
        }
        assert f"shard {number} of 3" in service.ask("/")[1]
        assert service.value("mailport_shard_info", shard=str(number), shards="3") == 1


def test_each_page_links_to_the_others_and_says_of_no_domain_that_it_is_lost(shards: list[Service]) -> None:
    names = [
        *("mail.test", "office.mail.test", "shop.mail.test", "nullmx.mail.test", "servfail.mail.test"),
        *(place[0] for service in shards for place in service.places()),
    ]
    for number, service in enumerate(shards, 1):
        status = service.ask("/")[1]
        assert "being looked up" not in status
        assert "no server is known" not in status
        others = {other: each for other, each in enumerate(shards, 1) if other != number}
        for other, each in others.items():
            assert f'<a href="//{each.address}/">shard {other}</a>' in status
        for name in names:
            code, page = service.ask(f"/domains/{name}")
            assert code == 200, (number, name)
            linked = {other for other, each in others.items() if f'"//{each.address}/domains/{name}"' in page}
            if "watched by another shard" in page:
                # It is there, and not here.
                assert service.ask(f"/api/v1/domains/{name}")[0] == 404
                assert f'/domains/{name}"' not in status
                assert any(
                    "watched by another" not in others[one].ask(f"/domains/{name}")[1] for one in linked
                )
            else:
                assert f'/domains/{name}"' in status
    shown = [{name for name in names if f'/domains/{name}"' in each.ask("/")[1]} for each in shards]
    assert set().union(*shown) == set(names)
    assert any(one < set(names) for one in shown)
    assert service.ask("/domains/never.test")[0] == 404


def test_each_says_which_has_an_endpoint_that_it_has_not(shards: list[Service]) -> None:
    for number, service in enumerate(shards, 1):
        (listed, *_) = json.loads(service.ask("/api/v1/endpoints?limit=1")[1])["endpoints"]
        for other in {1, 2, 3} - {number}:
            code, page = shards[other - 1].ask(f"/endpoints/{listed['id']}")
            assert code == 404
            assert f'<a href="//{service.address}/endpoints/{listed["id"]}">shard {number}</a>' in page
            code, text = shards[other - 1].ask(f"/api/v1/endpoints/{listed['id']}")
            assert code == 404
            place = f"http://{service.address}/api/v1/endpoints/{listed['id']}"
            assert json.loads(text)["detail"].endswith(f"is with shard {number}: {place}")
        assert service.ask(f"/endpoints/{listed['id']}")[0] == 200


@pytest.mark.parametrize(
    ("options", "environ", "why"),
    [
        (("--shard", "0/3"), {}, '--shard: "0/3": shards are counted from 1 on; the first is 1/3'),
        (("--shard", "1/0"), {}, '--shard: "1/0": there are no 0 shards; write I/N with how many there are'),
        (("--shard", "4/3"), {}, '--shard: "4/3": there is no shard 4 of 3; the last is 3/3'),
        (
            ("--shard", "a/b"),
            {},
            '--shard: "a/b" is no shard; write I/N, for example 2/3 for the second of three',
        ),
        ((), {"MAILPORT_SHARD": "7"}, 'MAILPORT_SHARD: "7" is no shard; write I/N'),
        (("--shard", "1/2"), {}, "shard 1/2: shards.addresses: shards.addresses names 3 places"),
    ],
)
def test_a_shard_that_makes_no_sense_is_refused(
    options: tuple[str, ...], environ: dict[str, str], why: str, tmp_path: Path
) -> None:
    path = write_config(tmp_path, {"targets": ["a.test"], "shards": {"addresses": ["a:1", "b:1", "c:1"]}})
    outcome = run("serve", "--config", path, "--listen", "127.0.0.1:0", *options, env=environ)
    assert outcome.status == 2
    assert outcome.problem.startswith(why)


def test_shards_that_would_share_a_queue_are_refused(tmp_path: Path) -> None:
    cluster = {"broker": "redis://127.0.0.1:9/0"}
    path = write_config(tmp_path, {"targets": ["a.test"], "cluster": cluster})
    outcome = run("serve", "--config", path, "--listen", "127.0.0.1:0", "--shard", "1/2")
    assert outcome.status == 2
    assert outcome.problem.startswith("shard 1/2: cluster.queue: has to be another one for each shard")


def test_shards_that_share_a_database_remember_each_its_own_and_obey_each_its_own_orders(
    one_pass: RunningFarm, tmp_path: Path, postgres: Postgres
) -> None:
    url = postgres.url(postgres.create_database())
    settings = document(one_pass, store={"url": url}, policy={"baseline_after": 1})
    target = "healthy.mail.test"
    with ExitStack() as stack:
        services = []
        for number in (1, 2):
            folder = tmp_path / str(number)
            folder.mkdir()
            services.append(stack.enter_context(serving(folder, settings, "--shard", f"{number}/2")))
        for service in services:
            service.wait_ready()
        config = services[0].folder / CONFIG
        outcome = run("baseline", "pin", target, "--config", config)
        assert (outcome.status, outcome.stderr) == (0, "")

        def is_obeyed() -> bool:
            shown = run("baseline", "show", target, "--format", "json", "--config", config)
            return {each["pinned"] for each in json.loads(shown.stdout)} == {True}

        services[0].running.wait_until(is_obeyed)
        assert not [line for service in services for line in service.log if "order" in line["event"]]
        known = [service.places() for service in services]
    with serving(tmp_path, settings, "--shard", "1/2") as again:
        again.wait_for_event("store_loaded")
        again.wait_for_event("planned")
        assert again.places() == known[0]
        assert not [line for line in again.log if line["event"] == "store_not_loaded"]
    assert known[0].isdisjoint(known[1])
