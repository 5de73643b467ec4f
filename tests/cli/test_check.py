"""`mailport check`: every mistake of every file with its place, and a status that scripts can use."""

from pathlib import Path

import pytest
import yaml

from tests.cli.command import run, run_together

SHIPPED = Path(__file__).parents[2] / "config" / "mailport.yml"
BAD = {
    "bad.yml": """\
targets:
  - a.example:25
  - b c
  - a.example:25
limits:
  rate: fast
  concurency: 5
schedule: {interval: 0, jitter: 2}
web: {listen: here}
""",
    "torn.yml": "targets: [a.example\n",
}
SAID = """\
bad.yml:3: targets[1]: "b c": there is a space in it; write one target, without spaces
bad.yml:4: targets[2]: "a.example:25": duplicate target, first on line 2; remove one
bad.yml:6: limits.rate: must be a number, 0 or more (got "fast")
bad.yml:7: limits.concurency: unknown key; did you mean concurrency?
bad.yml:8: schedule.interval: must be a time, 1 s or more (got 0)
bad.yml:8: schedule.jitter: must be a number from 0 to 0.5 (got 2)
bad.yml:9: web.listen: must be HOST:PORT, for example "0.0.0.0:9587" or "[::1]:9587" (got "here")
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in BAD.items():
        (tmp_path / name).write_text(text)
    (tmp_path / "good.yml").write_text("targets: {file: list.txt}\n")
    (tmp_path / "list.txt").write_text("a.example:25\nb.example\n")
    return tmp_path


def test_every_error_comes_with_file_line_and_key(folder: Path) -> None:
    outcome = run("check", "bad.yml", cwd=folder)
    assert outcome.status == 2
    assert outcome.stdout == ""
    assert outcome.stderr == SAID


def test_several_files_are_all_checked(folder: Path) -> None:
    outcome = run("check", "torn.yml", "good.yml", "missing.yml", "bad.yml", cwd=folder)
    assert outcome.status == 2
    assert outcome.stdout == "good.yml: good, 2 targets\n"
    lines = outcome.stderr.splitlines()
    assert lines[0].startswith("torn.yml:")
    assert lines[1] == "missing.yml: there is no such file"
    assert lines[2:] == SAID.splitlines()


def test_the_shipped_configuration_is_good() -> None:
    outcome = run("check", SHIPPED)
    assert (outcome.status, outcome.stderr) == (0, "")
    number = len(yaml.safe_load(SHIPPED.read_text("utf-8"))["targets"])
    assert outcome.stdout == f"{SHIPPED}: good, {number} targets\n"


def test_a_bad_list_of_targets_is_told_by_its_own_lines(folder: Path) -> None:
    (folder / "list.txt").write_text("a.example:25\n\nb.example:99999\n")
    outcome = run("check", "good.yml", cwd=folder)
    assert outcome.status == 2
    assert outcome.stderr.startswith(
        'list.txt:3: "b.example:99999": the port must be a number from 1 to 65535'
    )


def test_variables_come_from_the_environment(folder: Path) -> None:
    (folder / "variable.yml").write_text('targets: [a.example]\nlimits: {rate: "${RATE}"}\n')
    unset = run("check", "variable.yml", cwd=folder)
    assert unset.status == 2
    assert unset.stderr == "variable.yml:2: limits.rate: the environment variable RATE is not set; set it\n"
    assert run("check", "variable.yml", cwd=folder, env={"RATE": "2.5"}).status == 0


def test_one_target_is_one_target(folder: Path) -> None:
    (folder / "list.txt").write_text("a.example\n")
    assert run("check", "good.yml", cwd=folder).stdout == "good.yml: good, 1 target\n"


def test_all_good_is_status_0(folder: Path) -> None:
    (one,) = run_together(("check", folder / "good.yml", SHIPPED))
    assert one.status == 0
    assert len(one.stdout.splitlines()) == 2


CLUSTER = """\
targets: [a.example]
probe: {total_timeout: 60}
cluster:
  broker: redis://127.0.0.1:6379/0
  lease: 30
shards:
  addresses: ["a:1", "b:1"]
"""


def test_what_serve_refuses_at_its_start_is_told_too_with_its_lines(tmp_path: Path) -> None:
    path = tmp_path / "cluster.yml"
    path.write_text(CLUSTER)
    lease = "cluster.lease: must be 72 seconds or more, longer than probe.total_timeout (got 30)"
    queue = "cluster.queue: has to be another one for each shard, and so does the database: "
    for shard, told in (
        ({"MAILPORT_SHARD": "1/2"}, [f"cluster.yml:3: {queue}", f"cluster.yml:5: {lease}"]),
        (
            {"MAILPORT_SHARD": "1/1"},
            ["cluster.yml:7: shards.addresses: shards.addresses names 2 places, ", f"cluster.yml:5: {lease}"],
        ),
        ({"MAILPORT_SHARD": "3/2"}, ["cluster.yml: MAILPORT_SHARD: "]),
        ({"MAILPORT_SHARDS": "x"}, ["cluster.yml: MAILPORT_SHARDS: "]),
    ):
        checked = run("check", path.name, cwd=tmp_path, env=shard)
        served = run("serve", "--config", path.name, "--listen", "127.0.0.1:0", cwd=tmp_path, env=shard)
        assert (checked.status, served.status, checked.stdout) == (2, 2, "")
        lines = checked.stderr.splitlines()
        assert len(lines) == len(told), checked.stderr
        for line, start, refused in zip(lines, told, served.stderr.splitlines(), strict=True):
            assert line.startswith(start)
            assert refused.endswith(line.partition(": ")[2]), "the same words"
    path.write_text(CLUSTER.replace("lease: 30", "queue: mail-1"))
    for shard in ({"MAILPORT_SHARD": "1/2"}, {}):  # without any, --shard may name one
        good = run("check", path.name, cwd=tmp_path, env=shard)
        assert (good.status, good.stdout) == (0, "cluster.yml: good, 1 target\n")
