"""A strict mail host: a Postfix and a Dovecot that take OAuth 2 tokens, which a local server vouches for."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.servers.certificates import Authority
from tests.servers.dovecot import run_dovecot
from tests.servers.mail_host import MAIL_PORTS
from tests.servers.postfix import DOMAIN, Postfix, run_postfix
from tests.servers.process import reserved_address

NAME = "tokens.mail.test"
TOKEN = "ya29.a0-a-token-of-the-tests"
EXPIRED = "ya29.a0-a-token-that-has-expired"

_DOVECOT = """\
auth_mechanisms = {mechanisms}
passdb {{
  driver = oauth2
  mechanisms = xoauth2 oauthbearer
  args = {state}/oauth2.conf
}}
"""
_OAUTH2 = """\
introspection_mode = get
introspection_url = {url}/introspect?token=
force_introspection = yes
active_attribute = active
active_value = true
username_attribute = username
username_format = %n
"""
_POSTFIX = """\
smtpd_sender_login_maps = inline:{{ {{ {user}@{domain} = {user} }} }}
smtpd_sender_restrictions = reject_sender_login_mismatch
message_size_limit = 20000
"""


@dataclass(frozen=True, slots=True)
class TokenHost:
    """The host; passwords work as well, unless a test asks for a server of tokens only."""

    name: str
    address: str
    ca_file: Path
    user: str
    password: str
    mailbox: str
    postfix: Postfix
    logs: tuple[Path, ...]
    asked: list[str] = field(default_factory=list)
    """The tokens that the local server was asked about."""


@contextmanager
def run_introspection(user: str, asked: list[str]) -> Iterator[str]:
    """Say of tokens whether they are good; yield the URL."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            token = parse_qs(urlsplit(self.path).query).get("token", [""])[0]
            asked.append(token)
            answer = {"active": token == TOKEN, "username": user}
            body = json.dumps(answer).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
            """Keep the tests' output quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def run_token_host(folder: Path, authority: Authority, mechanisms: str) -> Iterator[TokenHost]:
    """Run the host with these mechanisms on a loopback address of its own."""
    asked: list[str] = []
    with reserved_address("127.0.27", MAIL_PORTS) as address, run_introspection("probe", asked) as url:
        leaf = authority.issue(NAME)
        state = folder / "dovecot"
        state.mkdir(parents=True)
        (state / "oauth2.conf").write_text(_OAUTH2.format(url=url))
        more = _DOVECOT.format(state=state, mechanisms=mechanisms)
        with run_dovecot(state, address, leaf, more) as dovecot:
            extra = _POSTFIX.format(user=dovecot.user, domain=DOMAIN)
            with run_postfix(folder / "postfix", NAME, address, leaf, dovecot, extra) as postfix:
                yield TokenHost(
                    NAME,
                    address,
                    authority.ca_file,
                    dovecot.user,
                    dovecot.password,
                    f"{dovecot.user}@{DOMAIN}",
                    postfix,
                    (dovecot.log_file, postfix.log_file),
                    asked,
                )


@pytest.fixture(scope="session")
def token_host(server_folder: Path, authority: Authority) -> Iterator[TokenHost]:
    """A real Postfix and Dovecot that take passwords and tokens."""
    with run_token_host(server_folder / "tokens", authority, "plain login xoauth2 oauthbearer") as host:
        yield host


@pytest.fixture(scope="session")
def token_only_host(server_folder: Path, authority: Authority) -> Iterator[TokenHost]:
    """The same, which takes tokens alone."""
    with run_token_host(server_folder / "tokens-only", authority, "xoauth2 oauthbearer") as host:
        yield host
