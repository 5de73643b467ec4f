"""A web configuration in force, over real TLS: who is let in, what changes, and what bad clients cost."""

import asyncio
import base64
import contextlib
import socket
import ssl
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import bcrypt
import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from scanner.config import ConfigError
from scanner.service.web_terms import WebTerms
from scanner.web import Guard, bind, create_app, passwords, serve_http
from scanner.web.shield import SECURITY_HEADERS
from tests.servers.certificates import Authority, create_authority
from tests.web.service import FakeService

PASSWORD = "s3cret wörd"
HASH = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()


Login = tuple[str, str]


def sign_in(login: Login | None) -> dict[str, str]:
    if login is None:
        return {}
    return {"Authorization": f"Basic {base64.b64encode(':'.join(login).encode()).decode()}"}


@dataclass
class Place:
    """A folder with a web configuration, and the service on its terms."""

    folder: Path
    authority: Authority
    terms: WebTerms
    port: int

    def client(self, **options: Any) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=str(self.authority.ca_file))
        for name, value in options.items():
            setattr(context, name, value)
        return context

    async def get(
        self, path: str = "/-/healthy", *, context: ssl.SSLContext | None = None, auth: Login | None = None
    ) -> tuple[int, Any, str]:
        async with (
            aiohttp.ClientSession(headers=sign_in(auth)) as session,
            session.get(f"https://localhost:{self.port}{path}", ssl=context or self.client()) as answer,
        ):
            return answer.status, answer.headers, await answer.text()


def write(folder: Path, document: Any) -> Path:
    path = folder / "web.yml"
    path.write_text(yaml.safe_dump(document))
    return path


def issue(authority: Authority, folder: Path, name: str = "server") -> dict[str, str]:
    leaf = authority.issue("localhost", addresses=["127.0.0.1"])
    leaf.certificate_file.replace(folder / f"{name}.crt")
    leaf.key_file.replace(folder / f"{name}.key")
    return {"cert_file": f"{name}.crt", "key_file": f"{name}.key"}


def issue_client(authority: Authority, folder: Path, name: str) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(authority.certificate.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
        .sign(authority.key, hashes.SHA256())
    )
    path = folder / f"{name}.pem"
    pem = serialization.Encoding.PEM
    path.write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + certificate.public_bytes(pem)
    )
    return path


Open = Callable[..., contextlib.AbstractAsyncContextManager[Place]]


@pytest.fixture
def open_place(tmp_path: Path) -> Open:
    authority = create_authority(tmp_path / "ca")

    @contextlib.asynccontextmanager
    async def opened(**document: Any) -> AsyncIterator[Place]:
        tls = document.pop("tls", {})
        if tls is not None:
            document["tls_server_config"] = issue(authority, tmp_path) | tls
        terms = WebTerms(write(tmp_path, document))
        sock = bind("127.0.0.1:0")
        place = Place(tmp_path, authority, terms, sock.getsockname()[1])
        app = Guard(create_app(FakeService()), terms.find)
        async with serve_http(app, sock, grace=1, find_terms=terms.find):
            yield place

    return opened


async def test_everything_is_served_over_tls(open_place: Open) -> None:
    async with open_place() as place:
        status, headers, text = await place.get("/")
        assert status == 200
        assert "mailport" in text
        assert {name: headers[name] for name in SECURITY_HEADERS} == SECURITY_HEADERS


@pytest.mark.parametrize(
    ("auth", "status"),
    [
        (None, 401),
        (("prometheus", PASSWORD), 200),
        (("prometheus", "wrong"), 401),
        (("prometheus", PASSWORD + "x" * 80), 401),
        (("prometheus", ""), 401),
        (("nobody", PASSWORD), 401),
        (("prometheus", "nul\0"), 401),
    ],
)
async def test_names_and_passwords(open_place: Open, auth: Login | None, status: int) -> None:
    async with open_place(basic_auth_users={"prometheus": HASH}) as place:
        for path in ("/", "/metrics", "/api/v1/endpoints", "/no-such-page"):
            found, headers, _ = await place.get(path, auth=auth)
            assert found == (404 if path == "/no-such-page" and status == 200 else status)
            assert headers["X-Content-Type-Options"] == "nosniff"
            if status == 401:
                assert headers["WWW-Authenticate"].startswith("Basic ")


@pytest.mark.parametrize(
    "header", ["", "Basic", "Basic !!", "Bearer x", "Basic " + "QQ" * 2000, "Basic YQ==", "Digest a"]
)
async def test_credentials_that_are_none(open_place: Open, header: str) -> None:
    terms = {"a": HASH}
    async with open_place(tls=None, basic_auth_users=terms) as place, aiohttp.ClientSession() as session:
        url = f"http://127.0.0.1:{place.port}/"
        async with session.get(url, headers={"Authorization": header}) as answer:
            assert answer.status == 401


async def test_a_right_password_is_hashed_once(open_place: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    hashed = []
    check = bcrypt.checkpw

    def count(password: bytes, digest: bytes) -> bool:
        hashed.append(digest)
        return check(password, digest)

    monkeypatch.setattr(bcrypt, "checkpw", count)
    async with (
        open_place(tls=None, basic_auth_users={"a": HASH}) as place,
        aiohttp.ClientSession(headers=sign_in(("a", PASSWORD))) as session,
    ):
        for _ in range(20):
            async with session.get(f"http://127.0.0.1:{place.port}/-/healthy") as answer:
                assert answer.status == 200
    assert len(hashed) == 1


async def test_who_guesses_passwords_costs_little_and_locks_nobody_out(open_place: Open) -> None:
    slow = bcrypt.hashpw(b"right", bcrypt.gensalt(11)).decode()
    async with open_place(tls=None, basic_auth_users={"a": slow}) as place:
        url = f"http://127.0.0.1:{place.port}/-/healthy"

        async def ask(session: aiohttp.ClientSession, password: str) -> int:
            async with session.get(url, headers=sign_in(("a", password))) as answer:
                return answer.status

        connector = aiohttp.TCPConnector(limit=0)
        async with aiohttp.ClientSession(connector=connector) as session:
            assert await ask(session, "right") == 200
            guesses = [asyncio.create_task(ask(session, f"guess {number}")) for number in range(100)]
            await asyncio.sleep(0.05)
            begun = time.perf_counter()
            assert await ask(session, "right") == 200
            assert time.perf_counter() - begun < 2
            found = await asyncio.gather(*guesses)
    assert set(found) == {401, 503}
    assert found.count(401) <= passwords.MOST_WAITING + 4


async def test_headers_of_the_file_come_with_every_answer(open_place: Open) -> None:
    headers = {"Strict-Transport-Security": "max-age=60", "X-Frame-Options": "SAMEORIGIN"}
    document = {"headers": headers}
    async with open_place(http_server_config=document, basic_auth_users={"a": HASH}) as place:
        _, found, _ = await place.get("/")
        assert found["Strict-Transport-Security"] == "max-age=60"
        assert found.getall("X-Frame-Options") == ["SAMEORIGIN"]


async def test_versions_below_the_least_are_refused(open_place: Open) -> None:
    async with open_place(tls={"min_version": "TLS13"}) as place:
        assert (await place.get())[0] == 200
        old = place.client(maximum_version=ssl.TLSVersion.TLSv1_2)
        with pytest.raises(aiohttp.ClientConnectorError):
            await place.get(context=old)


async def test_cipher_suites_and_curves_are_those_of_the_file(open_place: Open) -> None:
    suites = ["TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", "TLS_AES_128_GCM_SHA256"]
    wanted = {"cipher_suites": suites, "curve_preferences": ["CurveP256"], "max_version": "TLS12"}
    async with open_place(tls=wanted) as place:
        _, writer = await asyncio.open_connection("localhost", place.port, ssl=place.client())
        assert writer.get_extra_info("cipher")[0] == "ECDHE-ECDSA-AES256-GCM-SHA384"
        writer.close()
        other = place.client()
        other.set_ciphers("ECDHE-ECDSA-AES128-GCM-SHA256")
        with pytest.raises(aiohttp.ClientConnectorError):
            await place.get(context=other)


async def test_clients_need_a_certificate_with_a_name_that_is_let_in(
    open_place: Open, tmp_path: Path
) -> None:
    tls = {
        "client_auth_type": "RequireAndVerifyClientCert",
        "client_ca_file": "ca/ca.crt",
        "client_allowed_sans": ["prometheus.example.org"],
    }
    async with open_place(tls=tls) as place:
        for name, is_in in (("prometheus.example.org", True), ("other.example.org", False)):
            context = place.client()
            context.load_cert_chain(issue_client(place.authority, tmp_path, name))
            if is_in:
                assert (await place.get(context=context))[0] == 200
            else:
                with pytest.raises((aiohttp.ClientError, OSError)):
                    await place.get(context=context)
        with pytest.raises((aiohttp.ClientError, OSError)):
            await place.get()
        stranger = create_authority(tmp_path / "stranger")
        context = place.client()
        context.load_cert_chain(issue_client(stranger, tmp_path, "prometheus.example.org"))
        with pytest.raises((aiohttp.ClientError, OSError)):
            await place.get(context=context)


async def test_a_new_certificate_is_shown_to_the_next_client(open_place: Open, tmp_path: Path) -> None:
    async with open_place() as place:

        async def serial() -> int:
            _, writer = await asyncio.open_connection("localhost", place.port, ssl=place.client())
            der = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
            writer.close()
            return x509.load_der_x509_certificate(der).serial_number

        before = await serial()
        issue(place.authority, tmp_path)
        assert await serial() == before
        place.terms.refresh()
        assert await serial() != before


async def test_a_bad_file_leaves_the_former_terms_in_force(open_place: Open, tmp_path: Path) -> None:
    async with open_place(basic_auth_users={"a": HASH}) as place:
        good = (tmp_path / "web.yml").read_text()
        for bad in ("basic_auth_users: [", "", "tls_server_config: {cert_file: a, key_file: b}", "x: 1"):
            (tmp_path / "web.yml").write_text(bad)
            place.terms.refresh()
            assert (await place.get())[0] == 401
        document = yaml.safe_load(good)
        document["basic_auth_users"] = {"b": HASH}
        write(tmp_path, document)
        place.terms.refresh()
        assert (await place.get(auth=("b", PASSWORD)))[0] == 200
        assert (await place.get(auth=("a", PASSWORD)))[0] == 401


async def test_http_to_the_https_port_is_told_so(open_place: Open) -> None:
    async with (
        open_place() as place,
        aiohttp.ClientSession() as session,
        session.get(f"http://127.0.0.1:{place.port}/metrics") as answer,
    ):
        assert answer.status == 400
        assert "https://" in await answer.text()
        assert answer.headers["Connection"] == "close"


@pytest.mark.parametrize("data", [b"", b"\x16", b"\x16\x03\x01\xff\xff", b"\x80\x2e\x01", b"\x00" * 4000])
async def test_who_only_knocks_costs_nothing(open_place: Open, data: bytes, caplog: Any) -> None:
    async with open_place() as place:
        for _ in range(20):
            with socket.create_connection(("127.0.0.1", place.port), timeout=5) as client:
                client.sendall(data)
        assert (await place.get())[0] == 200
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


async def test_silent_clients_keep_nobody_out(open_place: Open) -> None:
    async with open_place() as place:
        silent = [socket.create_connection(("127.0.0.1", place.port)) for _ in range(50)]
        async with asyncio.timeout(5):
            assert (await place.get())[0] == 200
        for client in silent:
            client.close()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"cert_file": "none.crt"}, "tls_server_config.cert_file: "),
        ({"cert_file": "web.yml"}, "no PEM certificate with its key"),
        ({"key_file": "other.key"}, "no PEM certificate with its key"),
        (
            {"client_auth_type": "VerifyClientCertIfGiven", "client_ca_file": "server.key"},
            "holds no PEM certificates",
        ),
    ],
)
def test_a_certificate_that_cannot_be_used_is_told(tmp_path: Path, change: dict[str, str], said: str) -> None:
    authority = create_authority(tmp_path / "ca")
    issue(authority, tmp_path, "other")
    path = write(tmp_path, {"tls_server_config": issue(authority, tmp_path) | change})
    with pytest.raises(ConfigError) as raised:
        WebTerms(path)
    assert said in str(raised.value)
    assert str(path) in str(raised.value)


async def test_a_file_cut_short_lets_nobody_in(open_place: Open, tmp_path: Path) -> None:
    async with open_place(tls=None, basic_auth_users={"a": HASH}) as place:
        (tmp_path / "web.yml").write_text("")
        place.terms.refresh()
        url = f"http://127.0.0.1:{place.port}/"
        async with aiohttp.ClientSession() as session, session.get(url) as answer:
            assert answer.status == 401
