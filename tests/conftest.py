"""Registers the fixtures of the real servers; each is started only when a test asks for it."""

pytest_plugins = [
    "tests.servers.process",
    "tests.servers.certificates",
    "tests.servers.mail_host",
    "tests.servers.token_host",
    "tests.servers.mailbox",
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
