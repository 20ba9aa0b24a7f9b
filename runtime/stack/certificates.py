"""Certificates for a trial: an authority of one's own, the broker's certificate, and one for each device.

In production the company's own authority issues them: one for the broker, and for each device one
whose common name is the device's name.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

AUTHORITY_NAME = "Zaitu trial authority"
LIFETIME = timedelta(days=397)
# A device's clock may be behind ours.
_BACKDATED = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Issued:
    """A certificate and its private key, both PEM."""

    certificate: str
    key: str


def make_authority(now: datetime) -> Issued:
    """Make an authority that signs certificates, good for 397 days."""
    key = _new_key()
    name = _name(AUTHORITY_NAME)
    usage = x509.KeyUsage(
        digital_signature=False,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=True,
        crl_sign=True,
        encipher_only=False,
        decipher_only=False,
    )
    builder = (
        _builder(name, name, key.public_key(), now)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    return _issued(builder.sign(key, hashes.SHA256()), key)


def issue_server(authority: Issued, hosts: list[str], now: datetime) -> Issued:
    """Issue the broker's certificate for host names and addresses; the first is its common name."""
    names = [_general_name(host) for host in hosts]
    return _issue(authority, hosts[0], ExtendedKeyUsageOID.SERVER_AUTH, names, now)


def issue_device(authority: Issued, device: str, now: datetime) -> Issued:
    """Issue a device's certificate: its common name is the device's name, which the broker holds it to."""
    return _issue(authority, device, ExtendedKeyUsageOID.CLIENT_AUTH, [x509.DNSName(device)], now)


def _issue(
    authority: Issued,
    common_name: str,
    purpose: x509.ObjectIdentifier,
    names: list[x509.GeneralName],
    now: datetime,
) -> Issued:
    signer = x509.load_pem_x509_certificate(authority.certificate.encode())
    signing_key = serialization.load_pem_private_key(authority.key.encode(), password=None)
    assert isinstance(signing_key, ec.EllipticCurvePrivateKey)
    key = _new_key()
    issuer_id = signer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    builder = (
        _builder(_name(common_name), signer.subject, key.public_key(), now)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(issuer_id), critical=False
        )
    )
    return _issued(builder.sign(signing_key, hashes.SHA256()), key)


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, now: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BACKDATED)
        .not_valid_after(now + LIFETIME)
    )


def _issued(certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> Issued:
    return Issued(
        certificate.public_bytes(serialization.Encoding.PEM).decode("ascii"),
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ).decode("ascii"),
    )


def _new_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)
