"""A client of Swarm, protocol version 1, written after docs/protocol.md; "section" means a section of that page."""
import argparse
import asyncio
import datetime
import hashlib
import ipaddress
import os
import re
import ssl
import time
from contextlib import asynccontextmanager
from typing import Any, AsyncIterator, Callable
from urllib.parse import urlsplit
from uuid import UUID

import aioquic.asyncio
import msgpack
from aioquic.h3.connection import H3Connection
from aioquic.h3.events import DatagramReceived, HeadersReceived
from aioquic.quic import events
from aioquic.quic.configuration import QuicConfiguration
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

STREAM_HEADER = b"\x40\x41\x00"
IDENTITY = x509.ObjectIdentifier("2.25.6180339887498948482")
FIRST_CODE, LAST_CODE = 0x52E4A40FA8DB, 0x52E5AC983162


class Malformed(ValueError):
    """What came (or what was to be sent) breaks the rules."""


class Ended(ConnectionError):
    """The peer refused, left or was lost: the arguments are a code of section 9 (or of QUIC) and a reason."""


class Reset(Exception):
    """The peer gave up on a stream: the argument is the code."""


# -- Identity and certificate (section 2) --
def swarm_id(data: bytes) -> UUID:
    b = bytearray(data[:16])
    b[6], b[8] = b[6] & 0x0F | 0x80, b[8] & 0x3F | 0x80
    return UUID(bytes=bytes(b))


def agent_id(public: bytes) -> UUID:
    return swarm_id(hashlib.sha256(b"swarm agent id v1\0" + public).digest())


def signed_part(tls_key: Any) -> bytes:  # `cryptography` encodes the key anew: for P-256, the bytes of the certificate
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return b"swarm tls key v1\0" + tls_key.public_bytes(serialization.Encoding.DER, form)


def spiffe(swarm: str, agent: UUID) -> x509.SubjectAlternativeName:
    return x509.SubjectAlternativeName([x509.UniformResourceIdentifier(f"spiffe://{swarm}/agent/{agent}")])


class Identity:
    def __init__(self, seed: bytes | None = None) -> None:
        self.key = ed25519.Ed25519PrivateKey.from_private_bytes(seed or os.urandom(32))
        self.public = self.key.public_key().public_bytes_raw()
        self.agent = agent_id(self.public)

    def certificate(self, swarm: str) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
        tls, nobody = ec.generate_private_key(ec.SECP256R1()), x509.Name([])
        start = datetime.datetime.now(datetime.UTC) - datetime.timedelta(hours=1)
        proof = b"\x04\x60" + self.public + self.key.sign(signed_part(tls.public_key()))
        builder = x509.CertificateBuilder(nobody, nobody, tls.public_key(), x509.random_serial_number(), start)
        builder = builder.not_valid_after(start + datetime.timedelta(days=13))
        builder = builder.add_extension(spiffe(swarm, self.agent), critical=True)
        builder = builder.add_extension(x509.UnrecognizedExtension(IDENTITY, proof), critical=False)
        return builder.sign(tls, hashes.SHA256()), tls


def proven_agent(certificate: x509.Certificate, swarm: str) -> UUID:
    """The agent that the certificate proves. Raises whatever the failing check raises."""
    extensions, now = certificate.extensions, datetime.datetime.now(datetime.UTC)
    proof = extensions.get_extension_for_oid(IDENTITY).value.value
    public, agent = ed25519.Ed25519PublicKey.from_public_bytes(proof[2:34]), agent_id(proof[2:34])
    public.verify(proof[34:], signed_part(certificate.public_key()))
    unknown = [e for e in extensions if e.critical and isinstance(e.value, x509.UnrecognizedExtension)]
    require(len(proof) == 98 and proof[:2] == b"\x04\x60" and not unknown, "an extension has the wrong form")
    require(certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc, "it is not valid now")
    named = extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    require(named == spiffe(swarm, agent), f"it must name agent {agent} of swarm {swarm} alone, but has {list(named)}")
    return agent


# -- Frames and observations (sections 4 to 8): readers check a decoded value and hand it on --
def require(condition: Any, what: str) -> None:
    if not condition:
        raise Malformed(what)


def checked(test: Callable[[Any], Any], what: str) -> Callable[[Any], Any]:
    return lambda value: (require(test(value), f"{what} expected, not {value!r:.60}"), value)[1]


def uint(bits: int): return checked(lambda v: type(v) is int and 0 <= v < 1 << bits, f"uint {bits}")
def text(most: int): return checked(lambda v: type(v) is str and len(v.encode()) <= most, f"text of {most} bytes")
def binary(most: int): return checked(lambda v: type(v) is bytes and len(v) <= most, f"binary of {most} bytes")
def name(pattern: str): return checked(lambda v: type(v) is str and re.fullmatch(pattern, v), "name")
