"""Settings: what good files mean, the defaults, changes from the command line, the masked output."""

from pathlib import Path

import pytest
import yaml
from pydantic import ValidationError

from scanner.config import (
    ConfigError,
    Family,
    PolicySettings,
    Settings,
    default_settings,
    override,
    parse_settings,
)
from scanner.config.mask import write_masked
from scanner.config.settings import PolicyOverride
from scanner.model.target import parse_target

NAME_WANTED = "must be a name of at most 63 letters, digits, dots, hyphens and underscores"
SHIPPED = Path(__file__).parents[2] / "config"


def parse(text: str, **environ: str) -> Settings:
    return parse_settings("targets: [example.org]\n" + text, source="c.yml", base=Path(), environ=environ)


def test_the_defaults_are_the_polite_ones() -> None:
    settings = parse("")
    assert settings.ports == (25, 465, 587, 143, 993, 110, 995)
    assert settings.schedule.interval == 900
    assert settings.schedule.jitter == 0.1
    assert (settings.limits.concurrency, settings.limits.rate) == (50, 10)
    assert (settings.limits.per_address, settings.limits.per_address_gap) == (1, 1)
    assert settings.probe.families == (Family.IPV4, Family.IPV6)
    assert settings.probe.allow_private is False
    assert settings.web.listen == "0.0.0.0:9587"
    assert (settings.policy.profile, settings.policy.min_tls) == ("default", None)
    assert settings.files == ()
    assert (settings.store.enabled, settings.store.url) == (True, None)
    assert (settings.store.samples, settings.store.sample_days) == (1000, 30)


def test_every_key_is_read() -> None:
    settings = parse(
        """
ports: [993, 25]
probe:
  timeout: 5
  connect_timeout: 1m
  greeting_timeout: 1h30m
  total_timeout: 250ms
  ehlo_name: Probe.Example.ORG
  source_address: "2001:DB8::10"
  families: [ipv6]
  allow_private: true
schedule: {interval: 1d, jitter: 0}
limits: {concurrency: 7, rate: 2.5, per_address: 2, per_address_gap: 0}
resolver:
  servers: [192.0.2.53, "192.0.2.54:5353", "2001:db8::53", "[2001:db8::54]", "[2001:db8::55]:5300"]
  timeout: .5
policy: {profile: ncsc, min_tls: TLSv1.3, overrides: [{target: "MX.example.org:25", profile: pci}]}
vantage: berlin-2
web: {listen: "[::1]:0"}
"""
    )
    assert settings.ports == (993, 25)
    probe = settings.probe
    assert (probe.timeout, probe.connect_timeout) == (5, 60)
    assert (probe.greeting_timeout, probe.total_timeout) == (5400, 0.25)
    assert (probe.ehlo_name, probe.source_address) == ("probe.example.org", "2001:db8::10")
    assert (probe.families, probe.allow_private) == ((Family.IPV6,), True)
    assert (settings.schedule.interval, settings.schedule.jitter) == (86400, 0)
    assert settings.limits.model_dump() == {
        "concurrency": 7,
        "rate": 2.5,
        "per_address": 2,
        "per_address_gap": 0,
    }
    assert settings.resolver.addresses == (
        ("192.0.2.53", 53),
        ("192.0.2.54", 5353),
        ("2001:db8::53", 53),
        ("2001:db8::54", 53),
        ("2001:db8::55", 5300),
    )
    assert settings.resolver.timeout == 0.5
    policy = settings.policy
    assert (policy.profile, policy.min_tls, settings.vantage) == ("ncsc", "TLSv1.3", "berlin-2")
    assert policy.overrides == (PolicyOverride(target="mx.example.org:25", profile="pci"),)
    assert (settings.web.listen, settings.web.host, settings.web.port) == ("[::1]:0", "::1", 0)


@pytest.mark.parametrize(
    ("name", "read"),
    [
        ("'[192.0.2.1]'", "[192.0.2.1]"),
        ("'[IPv6:2001:DB8::1]'", "[IPv6:2001:db8::1]"),
        ("bücher.example", None),
    ],
)
def test_the_name_for_ehlo_may_be_an_address_or_international(name: str, read: str | None) -> None:
    assert parse(f"probe: {{ehlo_name: {name}}}").probe.ehlo_name == (read or "xn--bcher-kva.example")


@pytest.mark.parametrize(
    ("listen", "host", "port"),
    [(":80", "0.0.0.0", 80), ("localhost:9587", "localhost", 9587), ("127.0.0.1:1", "127.0.0.1", 1)],
)
def test_where_to_listen(listen: str, host: str, port: int) -> None:
    web = parse(f'web: {{listen: "{listen}"}}').web
    assert (web.host, web.port) == (host, port)


def test_sections_without_keys_have_their_defaults() -> None:
    assert parse("probe:\nlimits: {}\nschedule:\n  # interval: 5m\n") == parse("")


def test_waiting_times_without_a_cap() -> None:
    probe = parse("probe: {connect_timeout: 20}").probe
    assert probe.connect_seconds == 20
    assert probe.read_seconds == 10
    assert (probe.greeting_seconds(25), probe.greeting_seconds(587)) == (30, 15)
    probe = parse("probe: {greeting_timeout: 40}").probe
    assert (probe.greeting_seconds(25), probe.greeting_seconds(587)) == (40, 40)


def test_the_timeout_caps_connect_and_every_read() -> None:
    probe = parse("probe: {timeout: 3, greeting_timeout: 40}").probe
    assert (probe.connect_seconds, probe.read_seconds) == (3, 3)
    assert (probe.greeting_seconds(25), probe.greeting_seconds(993)) == (3, 3)
    probe = parse("probe: {timeout: 100}").probe
    assert (probe.connect_seconds, probe.read_seconds, probe.greeting_seconds(25)) == (10, 10, 30)


def test_values_come_from_the_environment() -> None:
    settings = parse(
        """
vantage: ${SITE}${EMPTY}
ports: ["${PORT}"]
limits: {rate: "${NUMBER}.5"}
probe:
  timeout: ${NUMBER}
  total_timeout: "${NUMBER}m"
  allow_private: ${SWITCH}
""",
        SITE="7",
        EMPTY="",
        PORT="993",
        NUMBER="5",
        SWITCH="true",
    )
    assert (settings.vantage, settings.ports, settings.limits.rate) == ("7", (993,), 5.5)
    assert (settings.probe.timeout, settings.probe.total_timeout) == (5, 300)
    assert settings.probe.allow_private is True
    assert "vantage: '7'\n" in settings.masked()


def test_a_bad_value_from_the_environment_is_shown() -> None:
    with pytest.raises(
        ConfigError, match=r'c\.yml:2: limits\.rate: must be a number, 0 or more \(got "fast"\)'
    ):
        parse("limits: {rate: '${RATE}'}", RATE="fast")


def test_the_environment_adds_values_and_no_structure() -> None:
    with pytest.raises(ConfigError) as caught:
        parse("limits: ${LIMITS}\nvantage: ${NAME}\n", LIMITS="{rate: 5}", NAME="${HOME}", HOME="x")
    assert [str(problem) for problem in caught.value.problems] == [
        'c.yml:2: limits: must be a section with keys of its own (got "{rate: 5}")',
        f'c.yml:3: vantage: {NAME_WANTED} (got "${{HOME}}")',
    ]


def test_a_dollar_can_be_written() -> None:
    with pytest.raises(ConfigError, match=r'\(got "a\$\{X\}\$b\$"\)'):
        parse("vantage: a$${X}$b$\n")


def test_words_that_other_yaml_readers_turn_into_something_else() -> None:
    settings = parse_settings(
        'targets: [no, on, y]\nvantage: "1e5"\n', source="c.yml", base=Path(), environ={}
    )
    assert [target.host for target in settings.targets] == ["no", "on", "y"]
    assert settings.vantage == "1e5"
    with pytest.raises(ConfigError, match=r'schedule.interval: must be a time, .* \(got "1:30"\)'):
        parse("schedule: {interval: 1:30}")


def test_targets_may_be_missing_where_the_command_brings_them() -> None:
    settings = parse_settings("", source="c.yml", base=Path(), environ={}, require_targets=False)
    assert settings == Settings()
    with pytest.raises(ConfigError, match=r"limits.rate"):
        parse_settings("limits: {rate: x}", source="c.yml", base=Path(), environ={}, require_targets=False)


def test_a_scan_needs_no_file() -> None:
    targets = [parse_target(text) for text in ("h:25", "example.org", "smtp://h")]
    settings = default_settings(targets)
    assert settings.targets == tuple(targets[:2])
    assert settings.model_copy(update={"targets": ()}) == Settings()


def test_settings_cannot_be_changed_in_place() -> None:
    settings = parse("")
    with pytest.raises(ValidationError, match="frozen"):
        settings.limits.rate = 5  # type: ignore[misc]
    with pytest.raises(ValidationError, match="frozen"):
        settings.vantage = "x"  # type: ignore[misc]


def test_some_keys_are_changed_in_a_copy() -> None:
    settings = parse("limits: {concurrency: 3}")
    changed = override(
        settings, {"probe.timeout": "5s", "limits.rate": 0, "ports": [993], "resolver.servers": ["::1"]}
    )
    assert (changed.probe.timeout, changed.limits.rate, changed.limits.concurrency) == (5, 0, 3)
    assert (changed.ports, changed.resolver.servers) == ((993,), ("[::1]:53",))
    assert changed.targets == settings.targets
    assert settings == parse("limits: {concurrency: 3}")
    assert override(settings, {}) == settings


@pytest.mark.parametrize("text", ["", "policy: {overrides: }\n", "policy: {overrides: [], min_tls: null}\n"])
def test_no_override_is_needed(text: str) -> None:
    assert parse(text).policy == PolicySettings()


def test_overrides_can_be_read_back_and_changed() -> None:
    settings = parse("policy: {overrides: [{target: a.example, min_tls: TLSv1.0}]}")
    assert parse_settings(settings.masked(), source="c.yml", base=Path(), environ={}) == settings
    changed = override(settings, {"policy.profile": "pci"})
    assert (changed.policy.profile, changed.policy.overrides) == ("pci", settings.policy.overrides)


def test_a_bad_change_names_its_key() -> None:
    with pytest.raises(ConfigError) as caught:
        override(parse(""), {"limits.rate": -1, "ports": [25, 26]}, source="options")
    assert [str(problem) for problem in caught.value.problems] == [
        "options: ports[1]: must be one of the mail ports 25, 465, 587, 143, 993, 110, 995 (got 26)",
        "options: limits.rate: must be a number, 0 or more (got -1)",
    ]


@pytest.mark.parametrize("name", ["limits.speed", "speed", "vantage.x", "limits.rate.x"])
def test_a_change_of_a_key_that_does_not_exist_is_our_own_fault(name: str) -> None:
    with pytest.raises(KeyError):
        override(parse(""), {name: 1})


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
def test_numbers_that_are_none(number: float) -> None:
    with pytest.raises(ConfigError) as caught:
        override(
            parse(""), {"limits.rate": number, "probe.timeout": number, "limits.per_address_gap": number}
        )
    assert len(caught.value.problems) == 3


def test_the_masked_output_can_be_read_back() -> None:
    settings = parse('limits: {per_address_gap: 0.25}\nresolver: {servers: ["::1"]}\nprobe: {timeout: 5}\n')
    again = parse_settings(settings.masked(), source="c.yml", base=Path(), environ={})
    assert again == settings
    assert "per_address: 1\n" in settings.masked()


def test_the_masked_output_names_the_file_of_targets() -> None:
    settings = parse_settings("targets: {file: targets.txt}", source="c.yml", base=SHIPPED, environ={})
    assert yaml.safe_load(settings.masked())["targets"] == {"file": str(SHIPPED / "targets.txt")}


def test_secrets_are_masked() -> None:
    document = {
        "store": "postgresql://user:s3cret@db.example.org/mailport",
        "accounts": [{"user": "me", "password": "s3cret", "password_file": "/run/pw"}],
        "api_token": {"value": "s3cret", "number": 5, "nothing": None},
        "cluster": {"broker": "redis://:s3cret@redis:6379/0", "name": "a@b"},
    }
    text = write_masked(document)
    assert "s3cret" not in text
    assert yaml.safe_load(text) == {
        "store": "postgresql://***@db.example.org/mailport",
        "accounts": [{"user": "me", "password": "***", "password_file": "/run/pw"}],
        "api_token": {"value": "***", "number": "***", "nothing": None},
        "cluster": {"broker": "redis://***@redis:6379/0", "name": "a@b"},
    }


@pytest.mark.parametrize(
    ("text", "enabled", "url"),
    [
        ("false", False, None),
        ("true", True, None),
        ("", True, None),
        ("sqlite:///state/m.db", True, "sqlite:///base/state/m.db"),
        ("sqlite:////srv/m.db", True, "sqlite:////srv/m.db"),
        ("{url: 'postgresql://me@db/mailport'}", True, "postgresql://me@db/mailport"),
        ('"postgresql://me:${PW}@db:5433/mailport"', True, "postgresql://me:secret@db:5433/mailport"),
    ],
)
def test_the_store_has_short_forms(text: str, enabled: bool, url: str | None) -> None:
    text = f"targets: [example.org]\nstore: {text}\n"
    store = parse_settings(text, source="c.yml", base=Path("base"), environ={"PW": "secret"}).store
    assert (store.enabled, store.url) == (enabled, url)


def test_the_password_of_the_store_is_masked(tmp_path: Path) -> None:
    shown = parse('store: "postgresql://me:${PW}@db/mailport"', PW="s%40cret").masked()
    assert "url: postgresql://***@db/mailport\n" in shown
    assert "cret" not in shown
    (tmp_path / "pw").write_text("very secret\n")
    text = f"targets: [a.example]\nstore: {{url: 'postgresql://me@db/m', password_file: {tmp_path}/pw}}"
    shown = parse_settings(text, source="c.yml", base=Path(), environ={}).masked()
    assert f"password_file: {tmp_path}/pw" in shown
    assert "very secret" not in shown


def test_targets_of_a_command_may_not_name_a_port_in_two_tls_modes() -> None:
    targets = tuple(map(parse_target, ("smtp://h.example:2525", "a.example", "smtps://h.example:2525")))
    settings = default_settings(()).model_copy(update={"targets": targets})
    with pytest.raises(ConfigError) as caught:
        override(settings, {"probe.timeout": 5})
    (problem,) = caught.value.problems
    assert str(problem).startswith(
        'command line: targets[2]: "smtps://h.example:2525": the same host and port as "smtp://h.example:2525"'
    )
