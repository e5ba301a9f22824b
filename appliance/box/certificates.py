"""Certificates for a LAN without a domain: an authority of the studio's own, and what it certifies.

The authority can vouch for nothing but this machine's names and private addresses (RFC 5280 name constraints), so trusting it
gives nobody anything over the rest of the web.
"""

import hashlib
import ipaddress
import socket
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import psutil
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from appliance.box.failure import BoxError
from appliance.box.secrets import write_privately
from appliance.settings import Settings

# Browsers refuse certificates that are valid for longer (CA/Browser Forum, ballot SC31; Apple alone says 825 for own CAs).
LEAF_LIVES = timedelta(days=397)
AUTHORITY_LIVES = timedelta(days=3650)
RENEWED_AT = 1 / 3  # of its life that is left; Let's Encrypt advises the same
PRIVATE = (
    "10.0.0.0/8",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "169.254.0.0/16",
    "127.0.0.0/8",
    "fc00::/7",
    "fe80::/10",
    "::1/128",
)

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def certificate_files(wanted: Settings, folder: Path) -> tuple[Path, Path] | None:
    """Return the certificate and its key that the web app shows, made or renewed in `folder` where TLS=lan, or None.

    Raises BoxError, naming the setting, where the admin's own files cannot be used.
    """
    if wanted.tls == "off":
        return None
    if wanted.tls == "lan":
        return _certify(folder, *own_names(wanted))
    assert wanted.tls_certificate  # the settings see to it
    assert wanted.tls_key
    certificate, key = (path.expanduser().absolute() for path in (wanted.tls_certificate, wanted.tls_key))
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as error:
        raise BoxError.about_configuration(
            f"TLS_CERTIFICATE={certificate} and TLS_KEY={key} cannot be used: {error.strerror or error}. Both have to be "
            "PEM files that belong together and that the user of the data folder may read."
        ) from None
    return certificate, key


def renew(full: Settings) -> bool:
    """Renew the certificate of a studio that runs, where TLS=lan and it is due; return whether there is a new one.

    `full` are complete settings. New names and addresses come with it, but are by themselves no reason while people listen.
    """
    if full.tls != "lan" or full.tls_certificate is None or not _is_due(full.tls_certificate):
        return False
    _certify(full.tls_certificate.parent, *own_names(full))
    return True


def own_names(wanted: Settings) -> tuple[list[str], list[Address]]:
    """Return the names and the addresses by which browsers may know this machine."""
    host = socket.gethostname().lower()
    names = {"localhost", host, host if "." in host else f"{host}.local"}
    found = {
        each.address.partition("%")[0]
        for addresses in psutil.net_if_addrs().values()
        for each in addresses
        if each.family in (socket.AF_INET, socket.AF_INET6)
    }
    public = urlsplit(wanted.public_url).hostname or "localhost"
    addresses = {ipaddress.ip_address(each) for each in found | {"127.0.0.1", "::1"}}
    try:
        addresses.add(ipaddress.ip_address(public))
    except ValueError:
        names.add(public)
    networks = [ipaddress.ip_network(each) for each in PRIVATE]
    private = {each for each in addresses if any(each in network for network in networks)}
    return sorted(names), sorted(private, key=lambda each: (each.version, each))


def fingerprint(certificate: Path) -> str:
    """Return the SHA-256 of a certificate as people compare it, in pairs of digits."""
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(certificate.read_text())).digest().hex(":").upper()


def expires(certificate: Path) -> datetime:
    """Return when the certificate in a PEM file ends. Raises BoxError where it is none."""
    try:
        return x509.load_pem_x509_certificate(certificate.read_bytes()).not_valid_after_utc
    except (OSError, ValueError) as error:
        raise BoxError(f"{certificate} is no certificate: {error}.") from None


def _certify(folder: Path, names: list[str], addresses: list[Address]) -> tuple[Path, Path]:
    folder.mkdir(mode=0o700, exist_ok=True)
    authority, authority_key = folder / "ca.pem", folder / "ca-key.pem"
    if not (authority.exists() and authority_key.exists() and _may_vouch_for(authority, names)):
        _make_authority(authority, authority_key, names)
        (folder / "cert.pem").unlink(missing_ok=True)
    certificate, key = folder / "cert.pem", folder / "key.pem"
    if not _is_good(certificate, key, names, addresses):
        _make_leaf(certificate, key, authority, authority_key, names, addresses)
    return certificate, key


def _may_vouch_for(authority: Path, names: list[str]) -> bool:
    found = x509.load_pem_x509_certificate(authority.read_bytes())
    if found.not_valid_after_utc < datetime.now(UTC) + LEAF_LIVES:
        return False
    permitted = found.extensions.get_extension_for_class(x509.NameConstraints).value.permitted_subtrees or []
    known = [str(each.value) for each in permitted if isinstance(each, x509.DNSName)]
    return all(any(name == each or name.endswith(f".{each}") for each in known) for name in names)


def _is_due(certificate: Path) -> bool:
    """Whether a certificate has less than a third of its life left."""
    found = x509.load_pem_x509_certificate(certificate.read_bytes())
    life = found.not_valid_after_utc - found.not_valid_before_utc
    return found.not_valid_after_utc - datetime.now(UTC) < RENEWED_AT * life


def _is_good(certificate: Path, key: Path, names: list[str], addresses: list[Address]) -> bool:
    if not (certificate.exists() and key.exists()):
        return False
    found = x509.load_pem_x509_certificate(certificate.read_bytes())
    said = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    known = set(said.get_values_for_type(x509.DNSName)) | set(said.get_values_for_type(x509.IPAddress))
    return not _is_due(certificate) and known >= {*names, *addresses}


def _make_authority(authority: Path, authority_key: Path, names: list[str]) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name(f"Backline on {socket.gethostname()}")
    permitted: list[x509.GeneralName] = [x509.DNSName(each) for each in {*names, "local"}]
    permitted += [x509.IPAddress(ipaddress.ip_network(each)) for each in PRIVATE]
    made = (
        _builder(name, name, key.public_key(), AUTHORITY_LIVES)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .add_extension(x509.NameConstraints(permitted, None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    _write(authority_key, key)
    write_privately(authority, made.public_bytes(serialization.Encoding.PEM).decode())


def _make_leaf(
    certificate: Path, key_file: Path, authority: Path, authority_key: Path, names: list[str], addresses: list[Address]
) -> None:
    signer = x509.load_pem_x509_certificate(authority.read_bytes())
    signing = serialization.load_pem_private_key(authority_key.read_bytes(), None)
    assert isinstance(signing, ec.EllipticCurvePrivateKey)
    key = ec.generate_private_key(ec.SECP256R1())
    known: list[x509.GeneralName] = [x509.DNSName(each) for each in names]
    known += [x509.IPAddress(each) for each in addresses]
    made = (
        _builder(_name(names[0]), signer.subject, key.public_key(), LEAF_LIVES)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName(known), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signing.public_key()), critical=False)
        .sign(signing, hashes.SHA256())
    )
    _write(key_file, key)
    pem = serialization.Encoding.PEM
    write_privately(certificate, (made.public_bytes(pem) + signer.public_bytes(pem)).decode())


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, lives: timedelta
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))  # clocks in a house differ
        .not_valid_after(now + lives)
    )


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text[:64])])


def _usage(signs_certificates: bool) -> x509.KeyUsage:
    flags = dict.fromkeys(
        (
            "content_commitment",
            "key_encipherment",
            "data_encipherment",
            "key_agreement",
            "encipher_only",
            "decipher_only",
        ),
        False,
    )
    return x509.KeyUsage(
        digital_signature=not signs_certificates, key_cert_sign=signs_certificates, crl_sign=signs_certificates, **flags
    )


def _write(path: Path, key: ec.EllipticCurvePrivateKey) -> None:
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    write_privately(path, pem.decode())
