"""The certificates that a scanner of mail servers meets, good and bad, by a test CA with an intermediate."""

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import MappingProxyType

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509 import ocsp
from cryptography.x509.oid import NameOID, ObjectIdentifier

from tests.servers.process import find_program
from tests.servers.tls_place import ServerFiles

HOST = "zoo.mail.test"
GOOD_DAYS = (-30, 60)
CHAIN_LENGTH = 100
LARGE_BYTES = 1_000_000
_PADDING_OID = ObjectIdentifier("1.3.6.1.4.1.99999.1")

PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey


@dataclass(frozen=True, slots=True)
class Kind:
    """How a certificate of the zoo differs from a good one."""

    names: tuple[str, ...] = (HOST,)
    key: str = "p-256"
    days: tuple[int, int] = GOOD_DAYS
    """Valid from and until, in days from now."""
    issuer: str | None = "intermediate"
    """None: it signs itself."""
    sends: tuple[str, ...] = ("intermediate",)
    """The authorities that the server sends after the leaf, in this order."""
    by_sha1: bool = False
    must_staple: bool = False
    staple: str | None = None
    """What the stapled OCSP response says: `good`, `revoked`, or `expired` (good, but of last month)."""
    padding: int = 0
    """Bytes of an extension that nobody knows."""


KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        "good": Kind(),
        "p-384": Kind(key="p-384"),
        "ed25519": Kind(key="ed25519"),
        "rsa-1024": Kind(key="rsa-1024"),
        "rsa-2048": Kind(key="rsa-2048"),
        "rsa-4096": Kind(key="rsa-4096"),
        "sha-1": Kind(key="rsa-2048", by_sha1=True),
        "expired": Kind(days=(-90, -1)),
        "future": Kind(days=(7, 90)),
        "other-name": Kind(names=("elsewhere.test",)),
        "wildcard": Kind(names=("*.mail.test",)),
        "idn": Kind(names=("xn--bcher-kva.mail.test",)),
        "self-signed": Kind(issuer=None, sends=()),
        "unknown-ca": Kind(issuer="stranger", sends=("stranger",)),
        "missing-intermediate": Kind(sends=()),
        "expired-intermediate": Kind(issuer="stale", sends=("stale",)),
        "with-root": Kind(sends=("intermediate", "root")),
        "cross-order": Kind(sends=("root", "intermediate")),
        "unrelated-in-chain": Kind(sends=("stranger", "intermediate")),
        "staple-good": Kind(staple="good"),
        "staple-revoked": Kind(staple="revoked"),
        "staple-expired": Kind(staple="expired"),
        "must-staple": Kind(must_staple=True, staple="good"),
        "must-staple-broken": Kind(must_staple=True),
        # 100 certificates with the leaf; each signs the one before it, the last is signed by the root.
        "chain-of-100": Kind(issuer="link-1", sends=tuple(f"link-{n}" for n in range(1, CHAIN_LENGTH))),
        "1-mb": Kind(padding=LARGE_BYTES),
    }
)


@dataclass(frozen=True, slots=True)
class _Signer:
    name: x509.Name
    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate


@dataclass(slots=True)
class CertificateZoo:
    """Makes each kind when it is first asked for."""

    folder: Path
    ca_file: Path
    """The root, which a client is to trust."""
    _signers: dict[str, _Signer]
    _made: dict[str, ServerFiles] = field(default_factory=dict)

    def files(self, kind: str) -> ServerFiles:
        """Return the files of a kind (a key of KINDS)."""
        if kind not in self._made:
            self._made[kind] = self._make(kind, KINDS[kind])
        return self._made[kind]

    def _make(self, name: str, kind: Kind) -> ServerFiles:
        for authority in kind.sends:
            self._signer(authority)
        key = _make_key(kind.key)
        signer = None if kind.issuer is None else self._signer(kind.issuer)
        leaf = self._sign_by_sha1(name, kind, key) if kind.by_sha1 else _sign(kind, key, signer)
        rest = b"".join(_pem(self._signer(authority).certificate) for authority in kind.sends)
        status = None
        if kind.staple is not None and signer is not None:
            status = self.folder / f"{name}.ocsp"
            status.write_bytes(_ocsp_response(kind.staple, leaf, signer))
        return self._write(name, kind, key, _pem(leaf), rest, status)

    def _write(
        self, name: str, kind: Kind, key: PrivateKey, leaf: bytes, rest: bytes, status: Path | None
    ) -> ServerFiles:
        key_pem = _key_pem(key)
        chain_file, key_file, bundle_file, rest_file = (
            self.folder / f"{name}.{ending}" for ending in ("crt", "key", "pem", "rest")
        )
        chain_file.write_bytes(leaf + rest)
        key_file.write_bytes(key_pem)
        bundle_file.write_bytes(key_pem + leaf + rest)
        rest_file.write_bytes(rest)
        host = kind.names[0].replace("*", HOST.partition(".")[0])
        return ServerFiles(host, chain_file, key_file, bundle_file, rest_file if rest else None, status)

    def _signer(self, name: str) -> _Signer:
        if name not in self._signers:
            number = int(name.removeprefix("link-"))
            upper = "root" if number == CHAIN_LENGTH - 1 else f"link-{number + 1}"
            # From the root down, or a hundred calls would be open at once.
            for above in range(CHAIN_LENGTH - 1, number, -1):
                if f"link-{above}" not in self._signers:
                    self._signer(f"link-{above}")
            self._signers[name] = _make_signer(name, self._signers[upper])
        return self._signers[name]

    def _sign_by_sha1(self, name: str, kind: Kind, key: PrivateKey) -> x509.Certificate:
        """The openssl program still signs by SHA-1; the library that makes the others does not."""
        paths = {ending: self.folder / f"{name}.{ending}" for ending in ("csr", "ext", "ca", "ca-key")}
        signer = self._signers["intermediate"]
        request = x509.CertificateSigningRequestBuilder().subject_name(_name_of(kind.names[0]))
        signed = request.sign(key, hashes.SHA256())
        paths["csr"].write_bytes(signed.public_bytes(serialization.Encoding.PEM))
        names = ",".join(f"DNS:{each}" for each in kind.names)
        paths["ext"].write_text(f"subjectAltName={names}\nbasicConstraints=critical,CA:FALSE\n")
        paths["ca"].write_bytes(_pem(signer.certificate))
        paths["ca-key"].write_bytes(_key_pem(signer.key))
        argv = [find_program("openssl", "openssl"), "x509", "-req", "-sha1", "-days", str(kind.days[1])]
        argv += ["-in", str(paths["csr"]), "-extfile", str(paths["ext"])]
        argv += ["-CA", str(paths["ca"]), "-CAkey", str(paths["ca-key"]), "-set_serial", "1"]
        done = subprocess.run(argv, check=True, capture_output=True, timeout=30)
        return x509.load_pem_x509_certificate(done.stdout)


def create_zoo(folder: Path) -> CertificateZoo:
    """Make the authorities; the leaves follow when they are asked for."""
    folder.mkdir(parents=True)
    root = _make_signer("root", None)
    signers = {
        "root": root,
        "intermediate": _make_signer("intermediate", root),
        "stale": _make_signer("stale", root, (-60, -1)),
        "stranger": _make_signer("stranger", None),
    }
    ca_file = folder / "root.crt"
    ca_file.write_bytes(_pem(root.certificate))
    return CertificateZoo(folder, ca_file, signers)


@pytest.fixture(scope="session")
def certificate_zoo(server_folder: Path) -> CertificateZoo:
    """The certificates of KINDS, made when they are first asked for."""
    return create_zoo(server_folder / "zoo")


def _name_of(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _builder(
    subject: x509.Name, issuer: x509.Name, key: PrivateKey, days: tuple[int, int]
) -> x509.CertificateBuilder:
    now = datetime.now(UTC).replace(microsecond=0)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + timedelta(days=days[0]))
        .not_valid_after(now + timedelta(days=days[1]))
    )


def _make_signer(name: str, upper: _Signer | None, days: tuple[int, int] = (-365, 365)) -> _Signer:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = _name_of(f"mailport zoo {name}")
    builder = _builder(subject, upper.name if upper else subject, key, days)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    return _Signer(subject, key, builder.sign(upper.key if upper else key, hashes.SHA256()))


def _sign(kind: Kind, key: PrivateKey, signer: _Signer | None) -> x509.Certificate:
    subject = _name_of(kind.names[0])
    names = x509.SubjectAlternativeName([x509.DNSName(name) for name in kind.names])
    builder = (
        _builder(subject, signer.name if signer else subject, key, kind.days)
        .add_extension(names, critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    )
    if kind.must_staple:
        feature = x509.TLSFeature([x509.TLSFeatureType.status_request])
        builder = builder.add_extension(feature, critical=False)
    if kind.padding:
        padding = x509.UnrecognizedExtension(_PADDING_OID, bytes(kind.padding))
        builder = builder.add_extension(padding, critical=False)
    return builder.sign(signer.key if signer else key, hashes.SHA256())


def _ocsp_response(says: str, leaf: x509.Certificate, signer: _Signer) -> bytes:
    """Return a response of the leaf's own issuer (RFC 6960), DER."""
    now = datetime.now(UTC).replace(microsecond=0)
    this_update = now - timedelta(days=30 if says == "expired" else 1)
    is_revoked = says == "revoked"
    builder = ocsp.OCSPResponseBuilder().add_response(
        cert=leaf,
        issuer=signer.certificate,
        algorithm=hashes.SHA256(),
        cert_status=ocsp.OCSPCertStatus.REVOKED if is_revoked else ocsp.OCSPCertStatus.GOOD,
        this_update=this_update,
        next_update=this_update + timedelta(days=7),
        revocation_time=this_update if is_revoked else None,
        revocation_reason=x509.ReasonFlags.key_compromise if is_revoked else None,
    )
    builder = builder.responder_id(ocsp.OCSPResponderEncoding.HASH, signer.certificate)
    return builder.sign(signer.key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


def _make_key(name: str) -> PrivateKey:
    if name.startswith("rsa-"):
        return rsa.generate_private_key(public_exponent=65537, key_size=int(name.removeprefix("rsa-")))
    if name == "ed25519":
        return ed25519.Ed25519PrivateKey.generate()
    return ec.generate_private_key({"p-256": ec.SECP256R1(), "p-384": ec.SECP384R1()}[name])


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _key_pem(key: PrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
