"""A client of Swarm, protocol version 1, written after docs/protocol.md; "section" means a section of that page."""
import argparse, asyncio, datetime, hashlib, os, re, ssl, time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import aioquic.asyncio, msgpack
from aioquic.h3.connection import H3Connection
from aioquic.h3.events import DatagramReceived, HeadersReceived
from aioquic.quic import events
from aioquic.quic.configuration import QuicConfiguration
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

class Malformed(ValueError): "What came, or was to be sent, breaks the rules."
class Ended(ConnectionError): "The peer refused, left or was lost: a code of section 9 (or of QUIC) and a reason."
class Reset(Exception): "The peer gave up on a stream: a code of section 9."

def require(condition: Any, otherwise: str) -> None:
    if not condition:
        raise Malformed(otherwise)

# -- Identity and certificate: section 2 --
IDENTITY = x509.ObjectIdentifier("2.25.6180339887498948482")

def swarm_id(data: bytes) -> UUID:
    b = bytearray(data[:16])
    b[6], b[8] = b[6] & 0x0F | 0x80, b[8] & 0x3F | 0x80
    return UUID(bytes=bytes(b))

def agent_id(public: bytes) -> UUID:
    return swarm_id(hashlib.sha256(b"swarm agent id v1\0" + public).digest())

def signed_part(tls_key: Any) -> bytes:  # encoded anew by `cryptography`: for P-256 the bytes of the certificate
    info = serialization.PublicFormat.SubjectPublicKeyInfo
    return b"swarm tls key v1\0" + tls_key.public_bytes(serialization.Encoding.DER, info)

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
        return builder.add_extension(x509.UnrecognizedExtension(IDENTITY, proof), False).sign(tls, hashes.SHA256()), tls

def proven_agent(certificate: x509.Certificate, swarm: str) -> UUID:
    """The agent that a peer's certificate proves; raises whatever the failing check raises."""
    extensions, now = certificate.extensions, datetime.datetime.now(datetime.UTC)
    proof = extensions.get_extension_for_oid(IDENTITY).value.value
    agent, key = agent_id(proof[2:34]), ed25519.Ed25519PublicKey.from_public_bytes(proof[2:34])
    key.verify(proof[34:], signed_part(certificate.public_key()))
    unknown = any(e.critical and isinstance(e.value, x509.UnrecognizedExtension) for e in extensions)
    require(proof[:2] == b"\x04\x60" and not unknown, "an extension has the wrong form")
    require(certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc, "not valid now")
    names = extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    require(names == spiffe(swarm, agent), f"it names {[n.value for n in names]}, not agent {agent} of swarm {swarm}")
    return agent

# -- Frames and observations: sections 4 to 8. A shape says what may stand in a place; `read` checks it. --
class Text(int): "Text of at most so many bytes."
LABEL, REQUIRED, STAYS_OUT = "[a-z0-9_-]{1,63}", object(), object()
NAME = rf"(?=[^@]{{1,128}}(@|$)){LABEL}(\.{LABEL})*"
SWARM, TOPIC, CAPABILITY = map(re.compile, ("[a-z0-9][a-z0-9-]{0,62}", NAME, NAME + "(@[1-9][0-9]{0,4})?"))
U8, U32, U64, NIL_IS_LEFT_OUT = range(2**8), range(2**32), range(2**64), ("deadline_ms", "reason", "error", "retry_after_ms")

def read(shape: Any, v: Any) -> Any:
    """`v`, if it has the shape; of a map in the order of its shape: {key: shape, or (shape, value if left out)}."""
    match shape:
        case range(): fits = type(v) is int and v in shape
        case Text(): fits = type(v) is str and len(v.encode()) <= shape
        case re.Pattern(): fits = type(v) is str and shape.fullmatch(v)
        case type(): fits = type(v) is shape
        case tuple(): return [read(s, item) for s, item in zip(shape, read(list, v), strict=len(v) < len(shape))]
        case list(): return [read(shape[0], item) for item in read(list, v)]
        case dict():
            out, v = {}, read(dict, v)
            for key, inner in shape.items():
                inner, default = inner if type(inner) is tuple else (inner, REQUIRED)
                item = default if v.get(key) is None and key in NIL_IS_LEFT_OUT else v.get(key, default)
                require(item is not REQUIRED, f"{key} is missing")
                out |= {} if item is STAYS_OUT else {key: read(inner, item)}
            return out
        case _: return shape(v)
    require(fits, f"{v!r:.60} does not fit {shape!r:.60}")
    return v

def an_id(v: Any) -> UUID:
    require(type(v) is bytes and v == swarm_id(v.ljust(16)).bytes, f"{v!r:.60} is no id")
    return UUID(bytes=v)

def metadata(v: Any) -> dict[str, str]:
    require(len(read(dict, v)) <= 32, "too much metadata")
    return {read(str, key): read(str, item) for key, item in v.items()}

def outcome(v: Any) -> dict[str, Any]:
    word = read({"outcome": Text(1024)}, v)["outcome"]
    if word not in OUTCOMES:
        return {"outcome": "failed", "error": f'the outcome "{word}" is not known here'}
    return read({"outcome": Text(1024), **OUTCOMES[word]}, v)

OUTCOMES = {"completed": {}, "declined": {"reason": (Text(1024), "")}, "failed": {"error": (Text(1024), "")},
            "no_such_capability": {}, "busy": {"retry_after_ms": (U32, 0)}, "deadline_exceeded": {},
            "malformed": {"reason": (Text(1024), "")}, "shut_down": {}}
LIMITS = {"max_requests": (U32, 64), "max_chunk_bytes": (U32, 65_536), "max_datagram_bytes": (U32, 1_100)}
HELLO = {"versions": {"min": U8, "max": U8}, "agent": an_id, "swarm": SWARM, "epoch": U64,
         "capabilities": ([{"capability": CAPABILITY}], []), "limits": (LIMITS, {})}
HEAD = {"id": an_id, "capability": CAPABILITY, "deadline_ms": (U32, STAYS_OUT), "metadata": (metadata, STAYS_OUT)}
FRAMES = {1: (HELLO,), 2: (U32, Text(256)), 3: ([{"agent": an_id, "address": Text(64)}],), 16: (HEAD,),
          17: (Text(64), bytes), 18: (), 32: (Text(64), bytes), 33: (outcome,)}
OBSERVATION = dict(origin=an_id, epoch=U64, sequence=U64, topic=TOPIC, sent_at=U64, hops=U8, payload=bytes)

def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    require(len(found := dict(pairs)) == len(pairs), "a key comes twice")
    return found

def decode(data: bytes) -> list[Any]:
    """The values in `data`, one behind the other. msgpack bounds their depth and size by itself."""
    values, unpacker = [], msgpack.Unpacker(object_pairs_hook=unique, max_buffer_size=len(data) or 1)
    unpacker.feed(data)
    try:
        while unpacker.tell() < len(data):
            values.append(unpacker.unpack())
    except (ValueError, msgpack.UnpackException) as error:
        raise Malformed(f"not to be read: {error!r}") from error
    return values

def encode(value: Any) -> bytes:
    return msgpack.packb(value, default=lambda uuid: uuid.bytes)

def decode_frame(data: bytes, kinds: Iterable[int] = FRAMES) -> list[Any]:
    """[kind, element, ...] of a frame without its length."""
    values = decode(data)
    kind = read(list, values[0])[0] if len(values) == 1 and values[0] else None
    require(kind in kinds, f"a frame of kind {kind!r:.20} is not expected")
    return read((U8, *FRAMES[kind]), values[0])

def frame(kind: int, *elements: Any) -> bytes:
    data = encode([kind, *elements])
    decode_frame(data)  # what others would refuse does not leave
    return len(data).to_bytes(4, "big") + data

def decode_datagram(data: bytes) -> list[dict[str, Any]]:
    """The observations of a datagram without the leading 00; none if it is padding."""
    require(data[:1] in (b"\x10", b"\x11"), "another version or kind of datagram")
    found = [read(tuple(OBSERVATION.values()), value) for value in decode(data[1:])] if data[0] == 0x11 else [[]]
    require(1 <= len(found) <= 256, "1 to 256 observations expected")
    return [dict(zip(OBSERVATION, values)) for values in found if values]

def encode_datagram(*observations: dict[str, Any]) -> bytes:
    data = b"\x11" + b"".join(encode([observation[key] for key in OBSERVATION]) for observation in observations)
    decode_datagram(data)
    return data
