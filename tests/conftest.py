"""Registers the fixtures of the real servers; each is started only when a test asks for it."""

from hypothesis import HealthCheck, settings

from tests.protocol.budget import IS_DEEP

# How long an example takes, or its making, tells of the machine and who else runs on it, not of mailport.
# The same commit is given the same examples, so that two runs agree; a deep run looks for others.
settings.register_profile(
    "any machine", deadline=None, derandomize=not IS_DEEP, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("any machine")

pytest_plugins = [
    "tests.servers.process",
    "tests.servers.certificates",
    "tests.servers.mail_host",
    "tests.servers.token_host",
    "tests.servers.mailbox",
    "tests.servers.limiting_host",
    "tests.servers.archiving_host",
    "tests.servers.prometheus",
    "tests.servers.alertmanager",
    "tests.servers.blackbox",
    "tests.servers.netns",
    "tests.servers.postgres",
    "tests.servers.redis_server",
    "tests.servers.sites",
    "tests.servers.name_service",
    "tests.servers.policy_web",
    "tests.servers.dane_postfix",
    "tests.servers.tls_certificates",
    "tests.servers.openssl_server",
    "tests.servers.tls_farms",
    "tests.servers.canned_tls",
    "tests.servers.own_network",
]
