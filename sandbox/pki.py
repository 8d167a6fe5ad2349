"""A small public-key infrastructure in the likeness of ICP-Brasil: authorities, a server, and e-CNPJ A1 certificates.

Names and numbers are invented. A company's CNPJ stands in the subject alternative name, as otherName 2.16.76.1.3.3
(DOC-ICP-04), and after the colon of the common name. Validity counts from the real clock, since TLS knows no other.
"""

from __future__ import annotations

import datetime as dt
import ipaddress
import secrets
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat, pkcs12
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

from sandbox.companies import cnpj
from sandbox.month import plain_text

Span = tuple[dt.datetime, dt.datetime]
Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
CNPJ_OID, PERSON_OID, RESPONSIBLE_OID = (ObjectIdentifier(f"2.16.76.1.3.{n}") for n in (3, 4, 2))
DAY = dt.timedelta(days=1)


@dataclass(frozen=True)
class Pki:
    """The files of the infrastructure in `folder`; every PKCS#12 opens with `passphrase`."""

    folder: Path

    @property
    def ca(self) -> Path:
        """Root and intermediate in PEM: what both sides trust."""
        return self.folder / "ca.pem"

    @property
    def server(self) -> Path:
        """Certificate chain and key of the server in one PEM file, for localhost and 127.0.0.1."""
        return self.folder / "server.pem"

    @property
    def client(self) -> Path:
        """The company's valid e-CNPJ A1."""
        return self.folder / "empresa-a1.p12"

    @property
    def expired(self) -> Path:
        """The same company's certificate of last year."""
        return self.folder / "vencido-a1.p12"

    @property
    def foreign(self) -> Path:
        """The same company's data, signed by an authority that nobody here trusts."""
        return self.folder / "outra-ac-a1.p12"

    @property
    def stranger(self) -> Path:
        """A valid certificate of another company."""
        return self.folder / "outra-empresa-a1.p12"

    @property
    def control(self) -> Path:
        """The stranger's certificate and key in one PEM: opens the TLS door to the control endpoints, and to nothing else."""
        return self.folder / "controle.pem"

    @property
    def passphrase(self) -> str:
        return (self.folder / "passphrase.txt").read_text().strip()

    def valid_until(self) -> dt.datetime:
        return x509.load_pem_x509_certificate(self.server.read_bytes()).not_valid_after_utc


def prepare(folder: Path, company: str, company_cnpj: str) -> Pki:
    """The infrastructure in `folder`, made anew when there is none or it expires within a day."""
    pki = Pki(folder)
    now = dt.datetime.now(dt.UTC)
    if not pki.control.exists() or pki.valid_until() < now + DAY:
        _make(pki, company, company_cnpj, now)
    return pki


def cnpj_of(certificate: x509.Certificate) -> str:
    """The CNPJ in a certificate's subject alternative name; "" when it carries none."""
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ""
    found = (name.value for name in names.get_values_for_type(x509.OtherName) if name.type_id == CNPJ_OID)
    return next((value[2:].decode("latin-1") for value in found), "")


@dataclass(frozen=True)
class _Authority:
    key: Key
    certificate: x509.Certificate


def _make(pki: Pki, company: str, company_cnpj: str, now: dt.datetime) -> None:
    pki.folder.mkdir(parents=True, exist_ok=True)
    _write(pki.folder / "passphrase.txt", secrets.token_urlsafe(12).encode())
    root = _authority("AC Raiz Fictícia v1", None, now)
    issuer = _authority("AC Fictícia RFB v5", root, now)
    stray = _authority("AC Desconhecida", None, now)
    pki.ca.write_bytes(_pem(issuer.certificate) + _pem(root.certificate))
    _write(pki.server, _server(issuer, now))
    year = 365 * DAY
    key = rsa.generate_private_key(65537, 2048)
    for path, signer, who, number, start in (
        (pki.client, issuer, company, company_cnpj, now - DAY),
        (pki.expired, issuer, company, company_cnpj, now - year - 30 * DAY),
        (pki.foreign, stray, company, company_cnpj, now - DAY),
        (pki.stranger, issuer, "Outra Empresa Fictícia Ltda", cnpj("998887770001"), now - DAY),
    ):
        certificate = _company_certificate(signer, key, who, number, (start, start + year))
        _write(path, _p12(pki.passphrase, key, certificate, (issuer.certificate, root.certificate)))
    _write(pki.control, _pem(certificate) + _pem(issuer.certificate) + _private(key))


def _write(path: Path, data: bytes) -> None:
    path.touch(mode=0o600)
    path.write_bytes(data)


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(Encoding.PEM)


def _private(key: Key) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _p12(passphrase: str, key: rsa.RSAPrivateKey, certificate: x509.Certificate, chain: tuple[x509.Certificate, ...]) -> bytes:
    return pkcs12.serialize_key_and_certificates(b"e-cnpj", key, certificate, chain, BestAvailableEncryption(passphrase.encode()))


def _name(common: str, *units: str) -> x509.Name:
    fixed = [x509.NameAttribute(NameOID.COUNTRY_NAME, "BR"), x509.NameAttribute(NameOID.ORGANIZATION_NAME, "ICP-Ficticia")]
    inner = [x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, unit) for unit in units]
    return x509.Name([*fixed, *inner, x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _builder(subject: x509.Name, issuer: x509.Name, public: ec.EllipticCurvePublicKey | rsa.RSAPublicKey) -> x509.CertificateBuilder:
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(public)
    identifier = x509.SubjectKeyIdentifier.from_public_key(public)
    return builder.serial_number(x509.random_serial_number()).add_extension(identifier, critical=False)


def _usage(*, authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True, content_commitment=not authority, key_encipherment=not authority, data_encipherment=False,
        key_agreement=False, key_cert_sign=authority, crl_sign=authority, encipher_only=False, decipher_only=False,
    )  # fmt: skip


def _authority(common: str, parent: _Authority | None, now: dt.datetime) -> _Authority:
    key, subject = ec.generate_private_key(ec.SECP256R1()), _name(common)
    signer = parent or _Authority(key, None)  # type: ignore[arg-type]  # a root signs itself
    issuer = parent.certificate.subject if parent else subject
    builder = _builder(subject, issuer, key.public_key()).not_valid_before(now - 800 * DAY).not_valid_after(now + 3650 * DAY)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0 if parent else None), critical=True)
    builder = builder.add_extension(_usage(authority=True), critical=True).add_extension(_signed_by(signer.key), critical=False)
    return _Authority(key, builder.sign(signer.key, hashes.SHA256()))


def _signed_by(key: Key) -> x509.AuthorityKeyIdentifier:
    return x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key())


def _leaf(
    issuer: _Authority, key: Key, subject: x509.Name, names: list[x509.GeneralName], uses: list[ObjectIdentifier], valid: Span
) -> x509.Certificate:
    builder = _builder(subject, issuer.certificate.subject, key.public_key()).not_valid_before(valid[0]).not_valid_after(valid[1])
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    builder = builder.add_extension(_usage(authority=False), critical=True).add_extension(_signed_by(issuer.key), critical=False)
    builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return builder.add_extension(x509.ExtendedKeyUsage(uses), critical=False).sign(issuer.key, hashes.SHA256())


def _server(issuer: _Authority, now: dt.datetime) -> bytes:
    """Chain and key in one PEM: the server certificate names localhost and 127.0.0.1."""
    key = ec.generate_private_key(ec.SECP256R1())
    names: list[x509.GeneralName] = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    certificate = _leaf(issuer, key, _name("localhost"), names, [ExtendedKeyUsageOID.SERVER_AUTH], (now - DAY, now + 365 * DAY))
    return _pem(certificate) + _pem(issuer.certificate) + _private(key)


def _company_certificate(issuer: _Authority, key: rsa.RSAPrivateKey, company: str, number: str, valid: Span) -> x509.Certificate:
    subject = _name(f"{plain_text(company)[: 64 - 15]}:{number}", "RFB e-CNPJ A1", "AC Ficticia RFB v5")
    names: list[x509.GeneralName] = [
        x509.OtherName(CNPJ_OID, _octets(number)),
        x509.OtherName(RESPONSIBLE_OID, _octets("RESPONSAVEL FICTICIO")),
        x509.OtherName(PERSON_OID, _octets("01011980" + "0" * 11 + "0" * 11 + "0" * 15 + " " * 6)),
        x509.RFC822Name("financeiro@exemplo.example"),
    ]
    return _leaf(issuer, key, subject, names, [ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.EMAIL_PROTECTION], valid)


def _octets(text: str) -> bytes:
    """DER OCTET STRING of up to 127 bytes, as ICP-Brasil writes these names."""
    return bytes([4, len(text)]) + text.encode("latin-1")
