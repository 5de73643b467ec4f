"""The cluster in Kubernetes: two schedulers that both count as ready, and workers that nobody asks."""

import re
import shutil
from pathlib import Path

import kubernetes_validate
import pytest

from scanner import __version__
from scanner.config import load_settings
from tests.cli.command import run
from tests.packaging.conftest import ROOT
from tests.packaging.manifests import FOLDER, Document, load, name_of, resources
from tests.packaging.test_kubernetes import LABELS, NEWEST, OLDEST, is_kubectl_recent, kubectl, sort_named

CLUSTER, WORKER = FOLDER / "cluster", FOLDER / "worker"
OURS = {"Deployment/mailport-scheduler", "Deployment/mailport-worker"}
ALL = OURS | {
    "Service/mailport",
    "ServiceMonitor/mailport",
    "PrometheusRule/mailport",
    "PodDisruptionBudget/mailport-scheduler",
    *(f"NetworkPolicy/mailport{what}" for what in ("", "-broker", "-worker")),
}

each_folder = pytest.mark.parametrize("folder", [CLUSTER, WORKER], ids=lambda folder: folder.name)
each_deployment = pytest.mark.parametrize("name", sorted(OURS))


def pod_of(name: str) -> Document:
    found: Document = resources(CLUSTER)[name]["spec"]["template"]["spec"]
    return found


def container_of(name: str) -> Document:
    (container,) = pod_of(name)["containers"]
    return dict(container)


@each_folder
@pytest.mark.parametrize("version", [OLDEST, NEWEST])
def test_the_manifests_are_valid(folder: Path, version: str) -> None:
    found = resources(folder)
    alone = {"Deployment/mailport-worker", "NetworkPolicy/mailport-worker"}
    assert found.keys() == (ALL if folder == CLUSTER else alone)
    for document in found.values():
        if not document["apiVersion"].startswith("monitoring."):
            kubernetes_validate.validate(document, version, strict=True)


@each_folder
def test_kubectl_makes_the_same_of_them(folder: Path) -> None:
    if not is_kubectl_recent():
        return  # an old kubectl reads no patches; what they come to is tested all the same
    rendered = {name_of(document): document for document in kubectl(folder)}
    maps = {name.partition("/")[2]: rendered.pop(name) for name in list(rendered) if "ConfigMap" in name}
    ours = resources(folder)
    for name in OURS & ours.keys():
        pod = ours[name]["spec"]["template"]["spec"]
        pod["containers"][0]["image"] += f":{__version__}"
        (volume,) = [volume for volume in pod["volumes"] if "configMap" in volume]
        usual = volume["configMap"]["name"]
        # The longer name begins with the shorter.
        (made,) = [each for each in maps if re.fullmatch(rf"{usual}-[a-z0-9]{{10}}", each)]
        volume["configMap"]["name"] = made
        source = CLUSTER if usual == "mailport-config" else WORKER
        assert maps[made]["data"] == {"mailport.yml": (source / "mailport.yml").read_text("utf-8")}
    assert sort_named(rendered) == sort_named(ours)


@each_deployment
def test_the_pods_keep_to_the_restricted_standard(name: str) -> None:
    pod, container = pod_of(name), container_of(name)
    usual = resources(FOLDER / "base")["StatefulSet/mailport"]["spec"]["template"]["spec"]
    (usual_container,) = usual["containers"]
    assert container["securityContext"] == usual_container["securityContext"]
    assert pod["securityContext"].items() <= usual["securityContext"].items()
    assert {"runAsNonRoot", "runAsUser", "fsGroup", "seccompProfile"} <= pod["securityContext"].keys()
    assert pod["automountServiceAccountToken"] is False
    assert not pod.keys() & {"hostNetwork", "hostPID", "hostIPC"}
    assert not any(volume.keys() & {"hostPath", "persistentVolumeClaim"} for volume in pod["volumes"])


@each_deployment
def test_the_programs_know_every_option(name: str) -> None:
    command, *options = container_of(name)["args"]
    told = run(command, "--help").stdout
    assert [option for option in options if option.startswith("--") and option not in told] == []


def test_there_are_two_schedulers_apart_and_an_update_leaves_one_of_them() -> None:
    spec = resources(CLUSTER)["Deployment/mailport-scheduler"]["spec"]
    assert spec["replicas"] == 2
    assert spec["strategy"]["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}
    (wish,) = pod_of("Deployment/mailport-scheduler")["affinity"]["podAntiAffinity"].values()
    assert wish[0]["podAffinityTerm"]["labelSelector"]["matchLabels"] == LABELS
    budget = resources(CLUSTER)["PodDisruptionBudget/mailport-scheduler"]["spec"]
    assert (budget["maxUnavailable"], budget["selector"]["matchLabels"]) == (1, LABELS)


def test_a_standby_counts_as_ready() -> None:
    # tests/cluster/test_takeover.py: it answers /-/ready with 503 for as long as it is one.
    container = container_of("Deployment/mailport-scheduler")
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        assert container[probe]["httpGet"] == {"path": "/-/healthy", "port": "http"}


def test_the_service_and_prometheus_find_both_schedulers_and_no_worker() -> None:
    found = resources(CLUSTER)
    selector = found["Service/mailport"]["spec"]["selector"].items()
    scheduler, worker = (
        found[f"Deployment/mailport-{name}"]["spec"]["template"]["metadata"]["labels"]
        for name in ("scheduler", "worker")
    )
    assert selector <= scheduler.items()
    assert not selector <= worker.items()
    assert "ports" not in container_of("Deployment/mailport-worker")
    assert found["NetworkPolicy/mailport-worker"]["spec"]["podSelector"]["matchLabels"] == worker
    assert found["NetworkPolicy/mailport-worker"]["spec"]["ingress"] == []


def test_workers_may_reach_what_the_one_mailport_may_and_all_may_reach_the_broker() -> None:
    found = resources(CLUSTER)
    names, mail = found["NetworkPolicy/mailport-worker"]["spec"]["egress"]
    usual_names, usual_mail = found["NetworkPolicy/mailport"]["spec"]["egress"]
    assert mail == usual_mail
    broker = {"protocol": "TCP", "port": 6379}
    assert [port for port in usual_names["ports"] if port["port"] == 53] + [broker] == names["ports"]
    added = found["NetworkPolicy/mailport-broker"]["spec"]
    assert added["podSelector"]["matchLabels"] == LABELS
    assert added["egress"] == [{"ports": [broker]}]


@each_deployment
def test_the_pods_find_their_configuration_and_the_passwords_in_it(name: str, tmp_path: Path) -> None:
    pod, container = pod_of(name), container_of(name)
    mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    config = Path(container["args"][container["args"].index("--config") + 1])
    assert str(config.parent) == mounts["config"]
    (secret,) = [volume["secret"] for volume in pod["volumes"] if "secret" in volume]
    assert (secret["secretName"], secret["defaultMode"]) == ("mailport-cluster", 0o440)
    given = [item["path"] for item in secret.get("items", ())] or ["broker", "store"]
    for file in given:
        (tmp_path / file).write_text("a password of its own")
    is_worker = name.endswith("worker")
    text = ((WORKER if is_worker else CLUSTER) / config.name).read_text("utf-8")
    assert set(re.findall(rf"{mounts['secrets']}/(\w+)$", text, re.MULTILINE)) == set(given)
    here = tmp_path / config.name
    here.write_text(text.replace(mounts["secrets"], str(tmp_path)))
    settings = load_settings(here, {}, require_targets=not is_worker)
    assert settings.cluster.broker == "redis://broker:6379/0"
    assert bool(settings.targets) is not is_worker
    assert (settings.store.url is None) is is_worker
    # Longer than whatever a worker may be at, or a scheduler.
    grace = pod["terminationGracePeriodSeconds"]
    assert grace > (settings.cluster.lease if is_worker else settings.cluster.takeover)
    # Nothing is written but to /tmp.
    assert set(mounts.values()) == {"/etc/mailport", "/run/secrets", "/tmp"}


@each_folder
def test_the_image_is_of_this_version(folder: Path) -> None:
    (image,) = load(folder / "kustomization.yml")["images"]
    assert (image["name"], image["newTag"]) == ("mailport", __version__)


def kustomizations() -> list[str]:
    """Those that the document tells of: one of a cluster, and one of a vantage's workers."""
    text = (ROOT / "docs" / "scaling.md").read_text("utf-8")
    return re.findall(r"```yaml\n(# kustomization\.yml.*?)```", text, re.DOTALL)


def build(told: str, folder: Path) -> dict[str, Document]:
    folder.mkdir()
    (folder / "kustomization.yml").write_text(told)
    for name in ("mailport.yml", "worker.yml"):
        (folder / name).write_text(f"# {name} of our own\n")
    shutil.copytree(FOLDER, folder / "mailport" / "packaging" / "kubernetes")
    return {re.sub(r"-[a-z0-9]{10}$", "", name_of(each)): each for each in kubectl(folder)}


def test_the_folders_that_the_document_tells_of_work(tmp_path: Path) -> None:
    cluster, vantage = kustomizations()
    if not is_kubectl_recent():
        return  # an old kubectl takes no folders among the resources
    found = build(cluster, tmp_path / "cluster")
    assert found.keys() == ALL | {"ConfigMap/mailport-config", "ConfigMap/mailport-worker-config"}
    assert found["ConfigMap/mailport-config"]["data"] == {"mailport.yml": "# mailport.yml of our own\n"}
    assert found["ConfigMap/mailport-worker-config"]["data"] == {"mailport.yml": "# worker.yml of our own\n"}
    assert found["Deployment/mailport-worker"]["spec"]["replicas"] == 8
    for name in OURS:
        (container,) = found[name]["spec"]["template"]["spec"]["containers"]
        assert container["image"] == f"registry.example.org/mailport:{__version__}"

    found = build(vantage, tmp_path / "vantage")
    names = {"Deployment/mailport-worker-oslo", "NetworkPolicy/mailport-worker-oslo"}
    assert found.keys() == names | {"ConfigMap/mailport-worker-config-oslo"}
    deployment = found["Deployment/mailport-worker-oslo"]["spec"]
    policy = found["NetworkPolicy/mailport-worker-oslo"]["spec"]
    # Its pods are its own, also beside the workers of another vantage in the same namespace.
    labels = resources(WORKER)["Deployment/mailport-worker"]["spec"]["selector"]["matchLabels"]
    assert deployment["selector"]["matchLabels"] == labels | {"mailport/vantage": "oslo"}
    assert policy["podSelector"]["matchLabels"] == deployment["selector"]["matchLabels"]
