"""Certificates for the tests: an authority of our own, and what it signs."""
import datetime
import ipaddress
import os

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID


class Authority:
    """Its certificate is in `ca`; sign() makes a certificate and a key."""

    def __init__(self, folder, name="authority"):
        self.folder = folder
        os.makedirs(folder, exist_ok=True)
        self.key = _new_key()
        self.name = _named(name)
        self.certificate = self._certify(self.name, self.key.public_key(), ca=True)
        self.ca = self._write(f"{name}-ca.pem", _pem(self.certificate))

    def sign(self, name, hosts=("127.0.0.1", "localhost")):
        """The paths of a certificate for `hosts` and of its key."""
        key = _new_key()
        certificate = self._certify(_named(name), key.public_key(), hosts=hosts)
        secret = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                   serialization.NoEncryption())
        return self._write(f"{name}.pem", _pem(certificate)), self._write(f"{name}-key.pem", secret)

    def _certify(self, subject, public_key, ca=False, hosts=()):
        now = datetime.datetime.utcnow()
        names = [x509.IPAddress(ipaddress.ip_address(host)) if host[0].isdigit() else x509.DNSName(host) for host in hosts]
        made = (x509.CertificateBuilder().subject_name(subject).issuer_name(self.name).public_key(public_key)
                .serial_number(x509.random_serial_number()).not_valid_before(now - datetime.timedelta(days=1))
                .not_valid_after(now + datetime.timedelta(days=30))
                .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True))
        if names:
            made = made.add_extension(x509.SubjectAlternativeName(names), critical=False)
        return made.sign(self.key, hashes.SHA256())

    def _write(self, name, content):
        path = os.path.join(self.folder, name)
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(content)
        return path


def _new_key():
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def _named(name):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _pem(certificate):
    return certificate.public_bytes(serialization.Encoding.PEM)
