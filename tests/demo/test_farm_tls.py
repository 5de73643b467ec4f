"""The farm's TLS, as `openssl s_client` and the standard library see it."""

import asyncio
import ssl
from collections.abc import AsyncIterator

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa

from scanner.demo import Farm, Scenario, rows_of

WEAK = "ALL:@SECLEVEL=0"
NAMES = (
    "healthy",
    "tls10-only",
    "tls12-only",
    "tls13-only",
    "tls-all",
    "tls-alert",
    "tls-first",
    "plaintext",
    "starttls-garbage",
    "starttls-alert",
    "cert-chain",
    "cert-expired",
    "cert-expiring",
    "cert-future",
    "cert-other",
    "cert-self",
    "cert-unknown",
    "cert-weak",
)


@pytest.fixture
async def farm() -> AsyncIterator[Farm]:
    async with Farm(rows_of(*NAMES), base=None) as opened:
        yield opened
    assert not [entry for entry in opened.log if entry.event.startswith("fault")]


def find(farm: Farm, name: str, port: int) -> Scenario:
    return next(row for row in farm.scenarios if (row.name, row.port) == (name, port))


async def s_client(farm: Farm, row: Scenario, *options: str) -> str:
    """Run openssl's client with an empty input and return all that it says."""
    process = await asyncio.create_subprocess_exec(
        *("openssl", "s_client", "-connect", f"{farm.address_of(row)}:{farm.port_of(row)}"),
        *("-servername", row.host, "-verify_hostname", row.host, "-CAfile", str(farm.ca_file), *options),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    async with asyncio.timeout(10):
        output, _ = await process.communicate()
    return output.decode("latin-1")


VERSION_OPTIONS = {"TLSv1.0": "-tls1", "TLSv1.1": "-tls1_1", "TLSv1.2": "-tls1_2", "TLSv1.3": "-tls1_3"}


@pytest.mark.parametrize("version", VERSION_OPTIONS)
@pytest.mark.parametrize("name", ["healthy", "tls10-only", "tls12-only", "tls13-only", "tls-all"])
async def test_each_version_is_negotiated_or_refused(farm: Farm, name: str, version: str) -> None:
    row = find(farm, name, 465)
    said = await s_client(farm, row, VERSION_OPTIONS[version], "-cipher", WEAK)
    if version in row.tls.versions:
        # In its "New," line OpenSSL says 1.0 for 1.1; below TLS 1.3 the session block has the very version.
        assert f"New, {version}" in said or f"Protocol  : {version.removesuffix('.0')}\n" in said
        assert "Verify return code: 0 (ok)" in said
    elif name == "tls10-only" and version != "TLSv1.3":
        # The lawful answer to a hello that allows more: a ServerHello of 1.0, which this client refuses.
        assert "unsupported protocol" in said
    else:
        assert "alert protocol version" in said
        assert "SSL alert number 70" in said


async def test_the_alert_of_a_failed_handshake_is_also_in_the_journal(farm: Farm) -> None:
    row = find(farm, "tls13-only", 465)
    context = ssl.create_default_context(cafile=farm.ca_file)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with pytest.raises(ssl.SSLError, match="ALERT_PROTOCOL_VERSION"):
        await asyncio.open_connection(
            farm.address_of(row), farm.port_of(row), ssl=context, server_hostname=row.host
        )
    failed = [entry for entry in farm.log if entry.event.startswith("handshake failed: ")]
    assert [entry.host for entry in failed] == [row.host]


@pytest.mark.parametrize(("port", "mode"), [(25, "smtp"), (587, "smtp"), (143, "imap"), (110, "pop3")])
async def test_starttls_by_openssl(farm: Farm, port: int, mode: str) -> None:
    said = await s_client(farm, find(farm, "healthy", port), "-starttls", mode)
    assert "Verify return code: 0 (ok)" in said
    assert "Verified peername: healthy.mail.test" in said


@pytest.mark.parametrize("port", [465, 993, 995])
async def test_implicit_tls_presents_leaf_and_intermediate(farm: Farm, port: int) -> None:
    said = await s_client(farm, find(farm, "healthy", port))
    assert "Verify return code: 0 (ok)" in said
    assert " 1 s:CN = mailport demo CA" in said
    assert " 2 s:" not in said


@pytest.mark.parametrize(
    ("name", "verdict"),
    [
        ("cert-chain", "21 (unable to verify the first certificate)"),
        ("cert-expired", "10 (certificate has expired)"),
        ("cert-expiring", "0 (ok)"),
        ("cert-future", "9 (certificate is not yet valid)"),
        ("cert-other", "62 (hostname mismatch)"),
        ("cert-self", "18 (self-signed certificate)"),
        ("cert-unknown", "19 (self-signed certificate in certificate chain)"),
        ("cert-weak", "0 (ok)"),
    ],
)
async def test_certificates_have_one_fault_each(farm: Farm, name: str, verdict: str) -> None:
    said = await s_client(farm, find(farm, name, 993), "-cipher", WEAK)
    assert f"Verify return code: {verdict}" in said


async def test_the_weak_key_has_1024_bits(farm: Farm) -> None:
    row = find(farm, "cert-weak", 993)
    said = await s_client(farm, row, "-cipher", WEAK)
    leaf = x509.load_pem_x509_certificate(said[said.index("-----BEGIN") :].encode())
    key = leaf.public_key()
    assert isinstance(key, rsa.RSAPublicKey)
    assert key.key_size == 1024


@pytest.mark.parametrize(("port", "word"), [(25, "250 "), (587, "250 "), (143, "a OK"), (110, "+OK")])
async def test_tls_first_servers_speak_their_protocol_inside(farm: Farm, port: int, word: str) -> None:
    row = find(farm, "tls-first", port)
    context = ssl.create_default_context(cafile=farm.ca_file)
    reader, writer = await asyncio.open_connection(
        farm.address_of(row), farm.port_of(row), ssl=context, server_hostname=row.host
    )
    async with asyncio.timeout(5):
        await reader.readline()
        writer.write(b"a NOOP\r\n" if port == 143 else b"NOOP\r\n")
        assert (await reader.readline()).decode().startswith(word)
    writer.close()
    await writer.wait_closed()


@pytest.mark.parametrize(
    ("port", "said", "answer"),
    [(465, b"STARTTLS\r\n", b"554 "), (993, b"a STARTTLS\r\n", b"a BAD "), (995, b"STLS\r\n", b"-ERR ")],
)
async def test_there_is_no_tls_inside_tls(farm: Farm, port: int, said: bytes, answer: bytes) -> None:
    row = find(farm, "healthy", port)
    context = ssl.create_default_context(cafile=farm.ca_file)
    reader, writer = await asyncio.open_connection(
        farm.address_of(row), farm.port_of(row), ssl=context, server_hostname=row.host
    )
    async with asyncio.timeout(5):
        await reader.readline()
        writer.write(said)
        assert (await reader.readline()).startswith(answer)
    writer.close()
    await writer.wait_closed()


async def test_tls_first_servers_wait_for_the_client_to_begin(farm: Farm) -> None:
    row = find(farm, "tls-first", 25)
    reader, writer = await asyncio.open_connection(farm.address_of(row), farm.port_of(row))
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(reader.read(1), 0.2)
    writer.close()
    await writer.wait_closed()


@pytest.mark.parametrize("port", [465, 993, 995])
async def test_plaintext_servers_on_tls_ports_do_not_understand_a_client_hello(farm: Farm, port: int) -> None:
    row = find(farm, "plaintext", port)
    context = ssl.create_default_context(cafile=farm.ca_file)
    with pytest.raises(ssl.SSLError, match=r"WRONG_VERSION_NUMBER|RECORD_LAYER_FAILURE"):
        await asyncio.open_connection(
            farm.address_of(row), farm.port_of(row), ssl=context, server_hostname=row.host
        )


async def test_canned_alert_on_an_implicit_port(farm: Farm) -> None:
    said = await s_client(farm, find(farm, "tls-alert", 993))
    assert "SSL alert number 40" in said


@pytest.mark.parametrize(
    ("name", "sign"),
    [("starttls-garbage", "wrong version number"), ("starttls-alert", "SSL alert number 40")],
)
async def test_handshakes_that_go_wrong_behind_starttls(farm: Farm, name: str, sign: str) -> None:
    assert sign in await s_client(farm, find(farm, name, 587), "-starttls", "smtp")
