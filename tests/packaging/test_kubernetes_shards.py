"""The shards in Kubernetes: each pod is another shard with a volume and a name of its own."""

import re

import pytest
import yaml

from scanner.config.shard_settings import ShardSettings
from scanner.model.shard import Shard, find_shard
from tests.packaging.conftest import ROOT
from tests.packaging.manifests import FOLDER, Document, documents, merge

PLACE = "mailport-{ordinal}.mailport:9587"


@pytest.fixture
def pods() -> Document:
    found: Document = documents(FOLDER / "shards")["StatefulSet"]
    return found


def environ_of(pods: Document) -> dict[str, str]:
    (container,) = pods["spec"]["template"]["spec"]["containers"]
    return {each["name"]: each["value"] for each in container["env"]}


def names_of(pods: Document) -> list[str]:
    """The host names that Kubernetes gives the pods."""
    return [f"{pods['metadata']['name']}-{ordinal}" for ordinal in range(pods["spec"]["replicas"])]


def test_each_pod_is_another_shard_and_all_of_them_are_there(pods: Document) -> None:
    count = pods["spec"]["replicas"]
    assert count > 1
    shards = [find_shard(None, environ_of(pods), name) for name in names_of(pods)]
    assert shards == [Shard(number, count) for number in range(1, count + 1)]


def test_one_pod_more_than_there_are_shards_is_refused(pods: Document) -> None:
    pods["spec"]["replicas"] += 1
    with pytest.raises(ValueError, match="set MAILPORT_SHARDS to the number of replicas"):
        find_shard(None, environ_of(pods), names_of(pods)[-1])


def test_no_shard_waits_for_another_one(pods: Document) -> None:
    assert pods["spec"]["podManagementPolicy"] == "Parallel"


def test_each_pod_has_its_own_volume(pods: Document) -> None:
    (claim,) = pods["spec"]["volumeClaimTemplates"]
    assert claim["metadata"]["name"] == "store"
    (container,) = pods["spec"]["template"]["spec"]["containers"]
    assert "store" in {mount["name"] for mount in container["volumeMounts"]}
    assert "store" not in {volume["name"] for volume in pods["spec"]["template"]["spec"]["volumes"]}


def test_the_pods_have_the_names_that_the_document_tells(pods: Document) -> None:
    service = documents(FOLDER / "shards")["Service"]
    assert service["spec"]["clusterIP"] == "None"
    assert service["metadata"]["name"] == pods["spec"]["serviceName"]
    (port,) = service["spec"]["ports"]
    told = re.findall(r'addresses: "(\S+)"', (ROOT / "docs" / "scaling.md").read_text("utf-8"))
    assert told == [PLACE]
    places = ShardSettings(addresses=(PLACE,)).places(Shard(1, len(names_of(pods))))
    assert list(places) == [f"{name}.{pods['spec']['serviceName']}:{port['port']}" for name in names_of(pods)]


def test_the_patch_that_the_document_tells_changes_both_numbers(pods: Document) -> None:
    text = (ROOT / "docs" / "scaling.md").read_text("utf-8")
    (told,) = re.findall(r"```yaml\n(patches:.*?)```", text, re.DOTALL)
    (patch,) = yaml.safe_load(told)["patches"]
    patched = merge(pods, yaml.safe_load(patch["patch"]), is_strategic=True)
    assert patched["spec"]["replicas"] == 5
    assert find_shard(None, environ_of(patched), names_of(patched)[-1]) == Shard(5, 5)
