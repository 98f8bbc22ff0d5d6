"""Identity and certificate of Swarm: section 2 of docs/protocol.md."""

import datetime
import hashlib
import os
from typing import Any
from uuid import UUID

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

IDENTITY = x509.ObjectIdentifier("2.25.6180339887498948482")


class Malformed(ValueError):
    """What came, or was to be sent, breaks the rules."""


def require(condition: Any, otherwise: str) -> None:
    if not condition:
        raise Malformed(otherwise)


def swarm_id(data: bytes) -> UUID:
    """The id of version 8 that the first 16 bytes make."""
    b = bytearray(data[:16])
    b[6], b[8] = b[6] & 0x0F | 0x80, b[8] & 0x3F | 0x80
    return UUID(bytes=bytes(b))


def agent_id(public: bytes) -> UUID:
    return swarm_id(hashlib.sha256(b"swarm agent id v1\0" + public).digest())


def uri(swarm: str, agent: UUID) -> str:
    return f"spiffe://{swarm}/agent/{agent}"


def signed_part(not_after: datetime.datetime, tls_key: Any, named: str) -> bytes:
    """What the identity key signs. The TLS key is encoded anew: for P-256 these are the bytes of the certificate."""
    info = tls_key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return b"swarm tls key v1\0" + int(not_after.timestamp()).to_bytes(8, "big") + info + named.encode()


class Identity:
    def __init__(self, seed: bytes | None = None) -> None:
        self.key = ed25519.Ed25519PrivateKey.from_private_bytes(seed or os.urandom(32))
        self.public = self.key.public_key().public_bytes_raw()
        self.agent = agent_id(self.public)

    def certificate(self, swarm: str) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
        """A certificate over a fresh TLS key, and that key."""
        tls, nobody, named = ec.generate_private_key(ec.SECP256R1()), x509.Name([]), uri(swarm, self.agent)
        start = datetime.datetime.now(datetime.UTC).replace(microsecond=0) - datetime.timedelta(hours=1)
        end = start + datetime.timedelta(days=13)
        proof = b"\x04\x60" + self.public + self.key.sign(signed_part(end, tls.public_key(), named))
        names = x509.SubjectAlternativeName([x509.UniformResourceIdentifier(named)])
        builder = x509.CertificateBuilder(nobody, nobody, tls.public_key(), x509.random_serial_number())
        builder = builder.not_valid_before(start).not_valid_after(end).add_extension(names, critical=True)
        builder = builder.add_extension(x509.UnrecognizedExtension(IDENTITY, proof), critical=False)
        return builder.sign(tls, hashes.SHA256()), tls


def proven_agent(certificate: x509.Certificate, swarm: str, now: datetime.datetime | None = None) -> UUID:
    """The agent that a peer's certificate proves; raises whatever the failing check raises."""
    extensions, now = certificate.extensions, now or datetime.datetime.now(datetime.UTC)  # refuses one that comes twice
    start, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    require(start <= now <= end, f"it is valid from {start} to {end}, not at {now}")
    unknown = {e.oid for e in extensions if e.critical and isinstance(e.value, x509.UnrecognizedExtension)}
    require(unknown <= {IDENTITY}, f"unknown critical extensions: {unknown}")
    proof = extensions.get_extension_for_oid(IDENTITY).value.value
    require(len(proof) == 98 and proof[:2] == b"\x04\x60", "the identity extension has another form")
    key, agent = ed25519.Ed25519PublicKey.from_public_bytes(proof[2:34]), agent_id(proof[2:34])
    names = list(extensions.get_extension_for_class(x509.SubjectAlternativeName).value)
    expected = [x509.UniformResourceIdentifier(uri(swarm, agent))]
    require(names == expected, f"it names {[n.value for n in names]}, not {uri(swarm, agent)} alone")
    key.verify(proof[34:], signed_part(end, certificate.public_key(), uri(swarm, agent)))
    return agent
