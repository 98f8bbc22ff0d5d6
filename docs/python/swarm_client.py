"""A first client of Swarm, which talks to one node. Sections are those of docs/protocol.md, version 1."""
import argparse, asyncio, base64, collections, contextlib, hashlib, os, re, ssl, time
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID
import msgpack
from aioquic.asyncio import QuicConnectionProtocol, connect as dial
from aioquic.h3.connection import H3Connection
from aioquic.h3.events import DatagramReceived, HeadersReceived
from aioquic.quic import events
from aioquic.quic.configuration import QuicConfiguration
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat import asn1
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

# Kinds of frames, section 5, and classes of observations, section 7.
HELLO, GOODBYE, SUBSCRIBE, GRANTS, REVOCATIONS, CHALLENGE, PROOF = 1, 2, 5, 6, 7, 8, 9
HEAD, BODY, END, OUTCOME, FEED, FED, POSITION = 16, 17, 18, 33, 20, 21, 37
CLASSES = "lossy", "latest", "reliable"
PAYLOAD_AT = {32: 2, 35: 4}  # in chunks and artefacts of a reply
STREAM_HEADER, CODE_0 = b"\x40\x41\x00", 0x52E4A40FA8DB  # the latter is code 0 as it travels, section 9
BINDING, GRANT = x509.ObjectIdentifier("2.25.6180339887498948482"), x509.ObjectIdentifier("2.25.2718281828459045235")
GRANTING, REVOKING = b"swarm grant v1\0", b"swarm revocations v1\0"  # each goes before what is signed
PROVING, SEALING = b"swarm proof v1\0", b"swarm observation v1\0"
Observation = collections.namedtuple(
    "Observation", "origin epoch sequence topic sent_at hops payload delivery key expires_ms seal",
    defaults=("", 0, None))
class Ended(Exception):
    """The node refused, left or gave up, or is lost: a code, in Goodbye that of section 9, and a reason."""

def swarm_id(data: bytes) -> UUID:
    b = bytearray(data[:16])
    b[6], b[8] = b[6] & 0x0F | 0x80, b[8] & 0x3F | 0x80
    return UUID(bytes=bytes(b))
def agent_id(public: bytes) -> UUID:
    return swarm_id(hashlib.sha256(b"swarm agent id v1\0" + public).digest())
def holder(grant: dict[str, Any]) -> UUID:
    """Whom a grant is for: an agent with a key, or a guest without."""
    if key := grant.get("key"):
        return agent_id(key)
    return swarm_id(hashlib.sha256(b"swarm guest id v1\0" + grant["bearer"]).digest())
def binding(swarm: str, agent: UUID, end: datetime, tls_key: Any) -> tuple[str, bytes]:
    """The URI of a certificate, and the bytes that the identity key signs."""
    uri = f"spiffe://{swarm}/agent/{agent}"
    info = tls_key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return uri, b"swarm tls key v1\0" + int(end.timestamp()).to_bytes(8, "big") + info + uri.encode()
def sealed(domain: bytes, statement: dict[str, Any], key: ed25519.Ed25519PrivateKey) -> bytes:
    """A statement in its envelope, section 2."""
    data = msgpack.packb(statement)
    return msgpack.packb([data, key.public_key().public_bytes_raw(), key.sign(domain + data)])
def opened(domain: bytes, envelope: bytes, roots: list[bytes]) -> dict[str, Any]:
    """What one of the roots states; raises if none of them has signed it."""
    data, signer, signature, *_ = msgpack.unpackb(envelope)
    if signer not in roots:
        raise ValueError(f"{signer.hex()} has signed, which is no root of this swarm")
    ed25519.Ed25519PublicKey.from_public_bytes(signer).verify(signature, domain + data)
    return msgpack.unpackb(data)
def secret_key(path: Path) -> ed25519.Ed25519PrivateKey:
    if (mode := path.stat().st_mode & 0o777) & 0o077:
        raise PermissionError(f"{path} is a secret that others may read (mode {mode:o})")
    return serialization.load_pem_private_key(path.read_bytes(), None)
def from_text(text: str) -> bytes:
    return base64.urlsafe_b64decode((text := text.strip()) + "=" * (-len(text) % 4))
def to_text(envelope: bytes) -> str:
    return base64.urlsafe_b64encode(envelope).decode().rstrip("=")
class Identity:
    """Who we are, in one life, what we may do, and whom we trust. What is counted goes on over all connections with it,
    one after the other."""
    def __init__(self, key: ed25519.Ed25519PrivateKey, roots: list[bytes], grant: bytes, guest: bool = False) -> None:
        self.epoch, self.sequence = time.time_ns() // 1_000_000, 0
        self.feeds: dict[UUID, tuple[Any, int]] = {}  # of each publisher: which feed, and the number to come
        self.key, self.public, self.roots = key, key.public_key().public_bytes_raw(), roots
        self.grant, self.guest = grant, guest
        self.may = msgpack.unpackb(msgpack.unpackb(grant)[0])  # whether it counts is for others to say
        self.agent, self.swarm = holder(self.may), self.may["swarm"]
        self.revocations: dict[str, Any] = {"version": 0, "revoked": []}
    @classmethod
    def load(cls, directory: Path) -> "Identity":
        """From a directory with identity.pem, roots.pem, grant and perhaps revocations."""
        keys = re.findall("-----BEGIN.*?-----END PUBLIC KEY-----", (directory / "roots.pem").read_text(), re.S)
        roots = [serialization.load_pem_public_key(key.encode()).public_bytes_raw() for key in keys]
        grant = from_text((directory / "grant").read_text())
        identity = cls(secret_key(directory / "identity.pem"), roots, grant)
        if (revocations := directory / "revocations").exists():
            identity.revoke(from_text(revocations.read_text()))
        return identity
    @classmethod
    def dev(cls, seed: bytes | None = None, swarm: str = "local", **limits: Any) -> "Identity":
        """For local work, with the root that nodes of the same user have made: may do everything, but for `limits`."""
        state = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local/state")
        root = secret_key(Path(os.environ.get("SWARM_DEV_ROOT") or state / "swarm/dev-root.pem"))
        key, now = ed25519.Ed25519PrivateKey.from_private_bytes(seed or os.urandom(32)), int(time.time())
        may = {"swarm": swarm, "key": key.public_key().public_bytes_raw(), "role": "member", "publish": ["**"],
               "subscribe": ["**"], "serve": ["**@*"], "call": ["**@*"], "from": now - 3_600, "until": now + 86_400}
        return cls(key, [root.public_key().public_bytes_raw()], sealed(GRANTING, may | limits, root))
    def as_guest(self, token: str) -> "Identity":
        """Comes with a token instead of a certificate: one for our key, or for whoever bears it."""
        return Identity(self.key, self.roots, from_text(token), guest=True)
    def certificate(self) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
        tls, nobody = ec.generate_private_key(ec.SECP256R1()), x509.Name([])
        start = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)
        uri, signed = binding(self.swarm, self.agent, end := start + timedelta(days=13), tls.public_key())
        names = x509.SubjectAlternativeName([x509.UniformResourceIdentifier(uri)])
        builder = x509.CertificateBuilder(nobody, nobody, tls.public_key(), x509.random_serial_number())
        builder = builder.add_extension(names, critical=True).not_valid_before(start).not_valid_after(end)
        for oid, value in (BINDING, self.public + self.key.sign(signed)), (GRANT, self.grant):
            builder = builder.add_extension(x509.UnrecognizedExtension(oid, asn1.encode_der(value)), critical=False)
        return builder.sign(tls, hashes.SHA256()), tls
    def sealing(self, body: bytes) -> bytes:
        return SEALING + self.swarm.encode() + b"\0" + body
    def check(self, grant: dict[str, Any]) -> None:
        """Raises unless a grant that a root has signed counts here and now."""
        agent = holder(grant)
        if grant["swarm"] != self.swarm or not grant["from"] <= int(time.time()) <= grant["until"]:
            raise PermissionError(f"{agent} was granted {grant['swarm']} from {grant['from']} until {grant['until']}")
        if any(each["agent"] == agent.bytes and grant["from"] <= each["until"] for each in self.revocations["revoked"]):
            raise PermissionError(f"the grants of {agent} were revoked")
    def revoke(self, envelope: bytes) -> None:
        """Takes a list of revocations, if it is newer than the one that is known; raises if no root has signed it."""
        if (said := opened(REVOKING, envelope, self.roots))["swarm"] != self.swarm:
            raise ValueError(f"the list of revocations is for the swarm {said['swarm']}")
        self.revocations = max(self.revocations, said, key=lambda each: each["version"])

def proven(certificate: x509.Certificate, identity: Identity) -> tuple[UUID, dict[str, Any]]:
    """Whom a node's certificate proves, and what that was granted, section 2; raises if it is nobody of our swarm."""
    value = lambda oid: asn1.decode_der(bytes, certificate.extensions.get_extension_for_oid(oid).value.value)
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    proof, start, end = value(BINDING), certificate.not_valid_before_utc, certificate.not_valid_after_utc
    uri, signed = binding(identity.swarm, agent := agent_id(proof[:32]), end, certificate.public_key())
    if not start <= datetime.now(UTC) <= end or [each.value for each in names] != [uri]:
        raise ValueError(f"the node's certificate is for {names} until {end}, not for {uri} now")
    ed25519.Ed25519PublicKey.from_public_bytes(proof[:32]).verify(proof[32:], signed)
    if (grant := opened(GRANTING, value(GRANT), identity.roots)).get("key") != proof[:32]:
        raise ValueError(f"{agent} shows the grant of somebody else")
    identity.check(grant)
    return agent, grant
def frame(*elements: Any) -> bytes:
    data = msgpack.packb(elements, default=lambda an_id: an_id.bytes)
    return len(data).to_bytes(4, "big") + data
def matches(pattern: str, topic: str) -> bool:
    wanted, labels = pattern.split("."), topic.split(".")
    if wanted[-1] == "**" and len(labels) >= len(wanted):
        labels[len(wanted) - 1:] = ["**"]
    return len(wanted) == len(labels) and all(one in ("*", label) for one, label in zip(wanted, labels))
def matches_any(patterns: list[str], topic: str) -> bool:
    return any(matches(pattern, topic) for pattern in patterns)
def decode_observation(elements: list[Any]) -> Observation:
    if len(elements) == 4:
        hops, *seal = elements  # key, signature and body
        return decode_observation(msgpack.unpackb(seal[2]))._replace(hops=hops, seal=tuple(seal))
    number, *further = elements[7:10] or [0]  # behind class 2 nothing is known yet
    return Observation(UUID(bytes=elements[0]), *elements[1:7], CLASSES[number], *further[:0 if number == 2 else 2])
def decode_datagram(data: bytes) -> list[Observation]:
    """The observations of a datagram without its leading 00, section 7; none in padding."""
    unpacker = msgpack.Unpacker()
    unpacker.feed(data[1:] if data[:1] == b"\x11" else b"")
    return [decode_observation(each) for each in unpacker]

class Peer(QuicConnectionProtocol):
    def __init__(self, quic: Any, identity: Identity, hello: dict[str, Any]) -> None:
        super().__init__(quic, lambda *stream: self._tasks.add(asyncio.create_task(self._serve(*stream))))
        self.identity, self.hello, self.ended = identity, hello, None
        self.gaps: list[int | None] = []  # reliable observations lost for good, so many at a time; None: unknown
        self._greeted, self._tasks = asyncio.Event(), set()
        self._http = H3Connection(quic, enable_webtransport=True)  # its MAX_PUSH_ID does no harm
        self._status: asyncio.Future[bytes] = self._loop.create_future()
        self._datagrams: asyncio.Queue[bytes | None] = asyncio.Queue()  # None is the end
        self._grant_ends = self._loop.call_soon(lambda: None)
    async def greet(self, authority: str, path: str) -> None:
        self.transmit()
        try:
            await self.wait_connected()
        except ConnectionError:  # aioquic does not say why; `ended` does
            raise self.ended from None
        # Trick: the node's certificate is to be had from a private attribute alone.
        self.proven, grant = proven(self._quic.tls._peer_certificate, self.identity)
        self.grants = {self.proven: grant}  # of the node, and of others whose observations it passes on
        token = [(b"authorization", b"Bearer " + to_text(self.identity.grant).encode())] if self.identity.guest else []
        self._http.send_headers(self._quic.get_next_available_stream_id(), [
            (b":method", b"CONNECT"), (b":scheme", b"https"), (b":authority", authority.encode()),
            (b":path", path.encode()), (b":protocol", b"webtransport"), *token])
        self.transmit()
        if (status := await self._status) != b"200":
            raise self.ended or Ended(0, f"the node answered with status {status.decode()}")
        reader, self._control = await self.create_stream()
        self._control.write(STREAM_HEADER + frame(HELLO, self.hello))
        kind, self.theirs, *reason = await self._read(reader)
        if kind == CHALLENGE and self.identity.guest:
            self._control.write(frame(PROOF, self.identity.key.sign(PROVING + self.theirs + self.proven.bytes)))
            kind, self.theirs, *reason = await self._read(reader)
        if kind == GOODBYE:
            raise Ended(self.theirs, *reason[:1])
        fits = {2: self.theirs["versions"]["min"] <= 1 <= self.theirs["versions"]["max"],
                3: self.theirs["swarm"] == self.identity.swarm, 6: self.theirs["agent"] == self.proven.bytes}
        if wrong := [code for code in fits if not fits[code]]:
            self._control.write(frame(GOODBYE, wrong[0], "your Hello does not fit"))
            raise Ended(wrong[0], f"the node's Hello does not fit: {self.theirs}")
        self._tasks.add(asyncio.create_task(self._read_control(reader)))
        self._greeted.set()
        self._check()
    async def observations(self) -> AsyncIterator[Observation]:
        while (data := await self._datagrams.get()) is not None:
            for each in decode_datagram(data):
                if self._is_genuine(each):
                    yield each
    def _is_genuine(self, observation: Observation) -> bool:
        """Whether its origin has made it and may: the node, or somebody who has sealed it, section 7."""
        if observation.seal is None or observation.origin not in self.grants:
            return observation.seal is None and observation.origin == self.proven
        (key, signature, body), grant = observation.seal, self.grants[observation.origin]
        with contextlib.suppress(InvalidSignature, PermissionError):
            ed25519.Ed25519PublicKey.from_public_bytes(key).verify(signature, self.identity.sealing(body))
            self.identity.check(grant)
            return key == grant.get("key") and matches_any(grant.get("publish", []), observation.topic)
        return False
    def subscribe(self, *patterns: str) -> None:  # from now on; until then the `subscriptions` of our Hello hold
        self._control.write(frame(SUBSCRIBE, patterns))
    def observe(self, topic: str, payload: bytes, key: str | None = None, expires_ms: int = 0,
                seal: bool = False) -> bool:
        """Publishes: latest if there is a key, if only "", lossy otherwise. Whether the node subscribes to it. With a
        seal, others may pass it on."""
        if not matches_any(self.theirs.get("subscriptions", ["**"]), topic):
            return False
        if not matches_any(self.identity.may.get("publish", []), topic):
            raise PermissionError(f"our grant does not let us publish {topic}")  # the node would drop it
        self.identity.sequence, now = self.identity.sequence + 1, time.time_ns() // 1_000
        further = [int(key is not None), key or "", expires_ms] if key is not None or expires_ms else []
        said = [self.hello["agent"], self.hello["epoch"], self.identity.sequence, topic, now, 0, payload]
        data = frame(*said, *further)[4:]
        if seal:
            data = frame(0, self.identity.public, self.identity.key.sign(self.identity.sealing(data)), data)[4:]
        if len(data) >= min(1_100, self.theirs.get("limits", {}).get("max_datagram_bytes", 1_100)):
            raise ValueError("too long")  # Trick: what fits into no packet blocks aioquic's queue for good.
        self._http.send_datagram(0, b"\x11" + data)
        self.transmit()
        return True
    async def ask(self, capability: str, payload: bytes, on_chunk: Callable[[str, bytes], None],
                  seconds: float = 30.0, **further: Any) -> dict[str, Any]:
        """Asks, hands on each chunk (label, payload) and artefact (name, payload), and returns the outcome.
        `further` are keys of the head, section 8: lane="bulk", idle_ms=500, …"""
        if self.ended:
            raise self.ended
        head = dict(id=swarm_id(os.urandom(16)), capability=capability, deadline_ms=int(seconds * 1_000))
        reader, writer = await self.create_stream()
        writer.write(STREAM_HEADER + frame(HEAD, head | further) + frame(BODY, "", payload) + frame(END))
        writer.write_eof()
        async with asyncio.timeout(seconds):  # the node keeps the deadline, too
            while (reply := await self._read(reader))[0] != OUTCOME:
                if at := PAYLOAD_AT.get(reply[0]):  # notes of progress have none
                    on_chunk(reply[1], reply[at])
        return reply[1]
    def quic_event_received(self, event: events.QuicEvent) -> None:
        stream_id = getattr(event, "stream_id", 0)
        if isinstance(event, events.ConnectionTerminated):
            self._end(Ended(event.error_code, event.reason_phrase))
            super().quic_event_received(event)
        elif isinstance(event, events.StreamReset) and stream_id in self._stream_readers:
            self._stream_readers[stream_id].set_exception(Ended(event.error_code, "the node gave up"))
        elif stream_id > 0 and stream_id % 4 < 2:
            # Trick: aioquic's HTTP/3 would end the connection (0x106) over answers on streams that we opened.
            super().quic_event_received(event)
        else:
            for found in self._http.handle_event(event):
                if isinstance(found, HeadersReceived) and not self._status.done():
                    self._status.set_result(dict(found.headers)[b":status"])
                elif isinstance(found, DatagramReceived):
                    self._datagrams.put_nowait(found.data)
    def _end(self, why: Ended) -> None:
        self.ended = self.ended or why
        self._grant_ends.cancel()
        self._datagrams.put_nowait(None)
        self._status.done() or self._status.set_result(b"")
    async def _read_control(self, reader: asyncio.StreamReader) -> None:
        with contextlib.suppress(Ended):
            while (said := await self._read(reader))[0] != GOODBYE:
                if said[0] == SUBSCRIBE:
                    self.theirs["subscriptions"] = said[1]
                elif said[0] in (GRANTS, REVOCATIONS):  # the others are introductions and loads
                    self._heed(*said[:2])
            self._end(Ended(*said[1:3]))
    def _heed(self, kind: int, said: Any) -> None:
        for envelope in said if kind == GRANTS else []:
            with contextlib.suppress(ValueError, InvalidSignature, PermissionError):  # it does not count
                self.identity.check(grant := opened(GRANTING, envelope, self.identity.roots))
                if grant["from"] >= self.grants.get(whose := holder(grant), grant)["from"]:  # no older one comes back
                    self.grants[whose] = grant
        try:
            if kind == REVOCATIONS:
                self.identity.revoke(said)
            self._check()
        except (ValueError, InvalidSignature) as error:
            self._leave(1, f"the list of revocations cannot be used: {error}")
    def _check(self) -> None:
        """Leaves if the node's grant does not count any more, and sees to it when it ends."""
        try:
            self.identity.check(self.grants[self.proven])
            self._grant_ends.cancel()
            self._grant_ends = self._loop.call_later(self.grants[self.proven]["until"] + 1 - time.time(), self._check)
        except PermissionError as error:
            self._leave(10, str(error))
    def _leave(self, code: int, why: str) -> None:
        self._control.write(frame(GOODBYE, code, why))
        self._end(Ended(code, why))
        self._loop.call_later(0.05, self.close, CODE_0 + code)  # earlier it could overtake the goodbye, section 11
    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(Ended, asyncio.IncompleteReadError):
            await reader.readexactly(len(STREAM_HEADER))
            if (said := await self._read(reader))[0] == FEED:
                await self._greeted.wait()  # a stream may overtake the node's Hello
                return await self._follow((self.theirs["epoch"], said[1]), reader, writer)
            writer.write(frame(OUTCOME, {"outcome": "no_such_capability"}))
            writer.write_eof()
    async def _follow(self, feed: Any, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Takes what the node publishes reliably, section 7: in order, each once, over all connections of our life."""
        known, awaited = self.identity.feeds.get(self.proven, (feed, 0))
        if known != feed:  # that one is over, and who knows what it had not brought
            awaited = 0
            self.gaps.append(None)
        writer.write(frame(POSITION, awaited))
        while (fed := await self._read(reader))[0] == FED:
            if (number := fed[1]) < awaited:
                continue  # known already
            if number > max(awaited, 1):
                self.gaps.append(number - awaited if awaited else None)
            self._datagrams.put_nowait(b"\x11" + fed[2])  # one observation makes a datagram
            self.identity.feeds[self.proven] = feed, (awaited := number + 1)
            writer.write(frame(POSITION, awaited))
    async def _read(self, reader: asyncio.StreamReader) -> list[Any]:
        try:
            length = int.from_bytes(await reader.readexactly(4), "big")
            return msgpack.unpackb(await reader.readexactly(length))
        except asyncio.IncompleteReadError:
            raise self.ended or Ended(1, "a stream ended before its last frame") from None

@contextlib.asynccontextmanager
async def connect(url: str, identity: Identity, said: Any = {}) -> AsyncIterator[Peer]:
    """Dials a node, greets it within 3 s, and leaves in order. `said` replaces keys of our Hello."""
    where, hello = urlsplit(url), dict(versions={"min": 1, "max": 1}, agent=identity.agent, swarm=identity.swarm)
    hello |= {"epoch": identity.epoch} | said
    # Trick: without a max_datagram_frame_size aioquic takes no datagrams. `greet` checks the certificate.
    quic = QuicConfiguration(alpn_protocols=["h3"], max_datagram_frame_size=65_536, verify_mode=ssl.CERT_NONE)
    if not identity.guest:
        quic.certificate, quic.private_key = identity.certificate()
    async with dial(where.hostname, where.port, configuration=quic, wait_connected=False,
                    create_protocol=lambda quic, **_: Peer(quic, identity, hello)) as peer:
        await asyncio.wait_for(peer.greet(where.netloc, where.path), 3)
        try:
            yield peer
        finally:
            if not peer.ended:
                peer._leave(0, "")
            await asyncio.wait([asyncio.create_task(peer.wait_closed())], timeout=0.05)
            peer.close(CODE_0)

async def main() -> None:
    parser = argparse.ArgumentParser(description="Observe, and ask for assistance, at a node of Swarm.")
    parser.add_argument("url", help="as a node prints it: https://HOST:PORT/swarm/v1, for a guest with ?t=TOKEN")
    parser.add_argument("--capability", required=True)
    parser.add_argument("--text", default="", help="what is observed and sent")
    parser.add_argument("--observations", type=int, default=0, help="how many to print first")
    parser.add_argument("--subscribe", nargs="*", default=["**"], help="to which topics: rover.*.position, map.**, …")
    trusted = parser.add_mutually_exclusive_group(required=True)
    trusted.add_argument("--dev", action="store_true", help="trust the root of local work on this machine")
    trusted.add_argument("--credentials", type=Path, help="a directory with identity.pem, roots.pem and grant")
    options = parser.parse_args()
    identity = Identity.dev() if options.dev else Identity.load(options.credentials)
    url, _, token = options.url.partition("?t=")
    identity = identity.as_guest(token) if token else identity
    show = lambda label, payload: print(f"{label}: {payload.decode(errors='replace')}", flush=True)
    async with connect(url, identity, said={"subscriptions": options.subscribe}) as peer:
        observations = peer.observations()
        for _ in range(options.observations):
            each = await anext(observations)
            show(f"observed {each.topic}", each.payload)
        peer.observe("client.text", options.text.encode())
        print(await peer.ask(options.capability, options.text.encode(), show))
if __name__ == "__main__":
    asyncio.run(main())
