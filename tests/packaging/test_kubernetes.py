"""The manifests: as Kubernetes and its policies want them, in step with config/; what they name exists."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from scanner import __version__
from scanner.config import load_settings
from scanner.model.ports import PORTS
from scripts.kubernetes import RULES, render_all, render_rules
from tests.cli.command import run
from tests.packaging.conftest import ROOT
from tests.packaging.manifests import FOLDER, Document, documents, is_named, load
from tests.servers.process import find_program
from tests.servers.prometheus import run_promtool

OVERLAYS = [FOLDER / "base", FOLDER / "web-config", FOLDER / "shards"]
OLDEST, NEWEST = "1.25", "1.37"
LABELS = {"app.kubernetes.io/name": "mailport", "app.kubernetes.io/component": "scanner"}

each_overlay = pytest.mark.parametrize("folder", OVERLAYS, ids=lambda folder: folder.name)


def pod_of(folder: Path) -> Document:
    found: Document = documents(folder)["StatefulSet"]["spec"]["template"]["spec"]
    return found


def container_of(folder: Path) -> Document:
    (container,) = pod_of(folder)["containers"]
    return dict(container)


def kubectl(folder: Path) -> list[Document]:
    program = find_program("kubectl", "kubernetes-client")
    done = subprocess.run([program, "kustomize", str(folder)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return [document for document in yaml.safe_load_all(done.stdout) if document]


def is_kubectl_recent() -> bool:
    """Whether kubectl is not older than patches in kustomizations (Debian 12 has one of 2020)."""
    command = [find_program("kubectl", "kubernetes-client"), "version", "--client", "--output=json"]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    version = json.loads(told)["clientVersion"]
    return (int(version["major"]), int(version["minor"].rstrip("+"))) >= (1, 27)


@pytest.mark.parametrize("path", render_all(), ids=lambda path: f"{path.parent.name}/{path.name}")
def test_what_is_made_of_config_is_current(path: Path) -> None:
    assert path.read_text("utf-8") == render_all()[path], "run: make kubernetes"


def test_the_rules_are_those_of_prometheus(tmp_path: Path) -> None:
    spec = yaml.safe_load(render_rules())["spec"]
    shipped = [group for path in sorted(RULES.glob("*.yml")) for group in load(path)["groups"]]
    assert spec == {"groups": shipped}
    file = tmp_path / "rules.yml"
    file.write_text(yaml.safe_dump(spec))
    report = run_promtool("check", "rules", "--lint=all", "--lint-fatal", file)
    assert report.is_clean, report.output


@each_overlay
@pytest.mark.parametrize("version", [OLDEST, NEWEST])
def test_the_manifests_are_valid(folder: Path, version: str) -> None:
    kinds = set()
    for kind, document in documents(folder).items():
        assert document["metadata"]["name"] == "mailport"
        if not document["apiVersion"].startswith("monitoring."):
            kubernetes_validate.validate(document, version, strict=True)
            kinds.add(kind)
    assert kinds == {"StatefulSet", "Service", "NetworkPolicy"}


def test_the_schemas_find_a_mistake() -> None:
    document = documents(FOLDER / "base")["StatefulSet"]
    document["spec"]["template"]["spec"]["containers"][0]["readinesProbe"] = {}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(document, NEWEST, strict=True)


@each_overlay
def test_kubectl_makes_the_same_of_them(folder: Path) -> None:
    if folder.name != "base" and not is_kubectl_recent():
        return  # an old kubectl reads no patches; what they come to is tested all the same
    rendered = {document["kind"]: document for document in kubectl(folder)}
    made = rendered.pop("ConfigMap")
    assert made["data"] == {"mailport.yml": (ROOT / "config" / "mailport.yml").read_text("utf-8")}
    ours = documents(folder)
    pod = ours["StatefulSet"]["spec"]["template"]["spec"]
    pod["containers"][0]["image"] += f":{__version__}"
    for volume in pod["volumes"]:
        if "configMap" in volume:
            assert made["metadata"]["name"].startswith(volume["configMap"]["name"] + "-")
            volume["configMap"]["name"] = made["metadata"]["name"]
    assert sort_named(rendered) == sort_named(ours)


def sort_named(value: Any) -> Any:
    """Return the same with lists of named things in the order of their names, which says nothing."""
    if isinstance(value, dict):
        return {key: sort_named(each) for key, each in value.items()}
    if isinstance(value, list):
        items = [sort_named(each) for each in value]
        return sorted(items, key=lambda each: each["name"]) if is_named(items) else items
    return value


@each_overlay
def test_the_pod_keeps_to_the_restricted_standard(folder: Path) -> None:
    pod, container = pod_of(folder), container_of(folder)
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert pod["automountServiceAccountToken"] is False
    assert not pod.keys() & {"hostNetwork", "hostPID", "hostIPC"}
    assert not any("hostPath" in volume for volume in pod["volumes"])
    user = pod["securityContext"]["runAsUser"]
    assert f"USER {user}:{pod['securityContext']['runAsGroup']}\n" in (ROOT / "Dockerfile").read_text()


def test_the_pod_finds_its_configuration_and_its_store() -> None:
    container = container_of(FOLDER / "base")
    mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    assert f"STATE_DIRECTORY={mounts['store']}" in (ROOT / "Dockerfile").read_text()
    config = Path(container["args"][container["args"].index("--config") + 1])
    (generated,) = load(FOLDER / "base" / "kustomization.yml")["configMapGenerator"]
    assert str(config.parent) == mounts["config"]
    assert config.name in generated["files"]
    assert load_settings(FOLDER / "base" / config.name, {}).web.port == container["ports"][0]["containerPort"]
    (claim,) = documents(FOLDER / "base")["StatefulSet"]["spec"]["volumeClaimTemplates"]
    assert claim["metadata"]["name"] == "store"


def test_the_image_is_of_this_version() -> None:
    (image,) = load(FOLDER / "base" / "kustomization.yml")["images"]
    assert image["newTag"] == __version__
    assert image["name"] == container_of(FOLDER / "base")["image"]


@each_overlay
def test_the_programs_know_every_option(folder: Path) -> None:
    container = container_of(folder)
    commands = [["mailport", *container["args"]]]
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        assert len(container[probe].keys() & {"exec", "httpGet"}) == 1
        commands += [container[probe]["exec"]["command"]] if "exec" in container[probe] else []
    for program, command, *options in commands:
        assert program == "mailport"
        told = run(command, "--help").stdout
        unknown = [option for option in options if option.startswith("--") and option not in told]
        assert not unknown, command


def test_prometheus_finds_the_service_and_keeps_our_labels() -> None:
    found = documents(FOLDER / "base")
    service, monitor = found["Service"], found["ServiceMonitor"]
    assert service["spec"]["selector"] == LABELS
    assert found["StatefulSet"]["spec"]["template"]["metadata"]["labels"] == LABELS
    assert monitor["spec"]["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    # The rules ask for this job.
    assert service["metadata"]["labels"][monitor["spec"]["jobLabel"]] == "mailport"
    for folder in OVERLAYS:
        (endpoint,) = documents(folder)["ServiceMonitor"]["spec"]["endpoints"]
        assert endpoint["port"] == service["spec"]["ports"][0]["name"]
        assert endpoint["honorLabels"] is True
        (dropped,) = endpoint["relabelings"]
        assert dropped["action"] == "labeldrop"
        assert "service" in dropped["regex"].split("|")  # of mailport_domain_service_up


def test_the_scanner_may_reach_every_port_that_it_probes() -> None:
    names, mail = documents(FOLDER / "base")["NetworkPolicy"]["spec"]["egress"]
    assert {"protocol": "UDP", "port": 53} in names["ports"]
    reachable = {port["port"] for port in mail["ports"]}
    assert reachable == {*PORTS, 80, 443}


def test_the_probes_of_the_overlay_read_the_files_of_its_secret() -> None:
    pod, container = pod_of(FOLDER / "web-config"), container_of(FOLDER / "web-config")
    mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    assert mounts.keys() == {"config", "store", "tmp", "web-config"}
    (secret,) = [volume["secret"] for volume in pod["volumes"] if "secret" in volume]
    monitor = documents(FOLDER / "web-config")["ServiceMonitor"]["spec"]["endpoints"][0]
    assert monitor["scheme"] == "https"
    assert monitor["tlsConfig"]["ca"]["secret"]["name"] == secret["secretName"]
    for command in (container["args"], container["readinessProbe"]["exec"]["command"]):
        assert command[command.index("--web-config") + 1] == f"{mounts['web-config']}/web.yml"


def test_the_folder_that_the_document_tells_of_works(tmp_path: Path) -> None:
    if not is_kubectl_recent():
        return  # an old kubectl takes no folders among the resources
    text = (ROOT / "docs" / "install.md").read_text("utf-8")
    (told,) = re.findall(r"```yaml\n(# kustomization\.yml.*?)```", text, re.DOTALL)
    (tmp_path / "kustomization.yml").write_text(told)
    (tmp_path / "mailport.yml").write_text("targets: [mail.example.org]\n")
    shutil.copytree(FOLDER, tmp_path / "mailport" / "packaging" / "kubernetes")
    rendered = {document["kind"]: document for document in kubectl(tmp_path)}
    assert rendered["ConfigMap"]["data"] == {"mailport.yml": "targets: [mail.example.org]\n"}
    assert {document["metadata"]["namespace"] for document in rendered.values()} == {"monitoring"}
    pod = rendered["StatefulSet"]["spec"]["template"]["spec"]
    assert pod["containers"][0]["image"] == f"registry.example.org/mailport:{__version__}"
