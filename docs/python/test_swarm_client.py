"""Tests of the client: against the examples and vectors of the protocol, and against a node.

The node is `cargo build -p swarm-core --example doorman`.
"""

import asyncio
import datetime
import json
import os
import tempfile
import time
import unittest
from pathlib import Path
from typing import Any
from unittest import mock

import msgpack
import swarm_client
from aioquic.quic import events
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from swarm_client import (GRANTING, REVOKING, Ended, Identity, connect, decode_datagram, frame, from_text, sealed,
                          to_text)

ROOT = Path(__file__).resolve().parents[2]
DOORMAN = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "debug/examples/doorman"
VECTORS = [entry for file in sorted((ROOT / "crates/swarm-proto/vectors").glob("*.json"))
           for entry in json.loads(file.read_text())]
NOTHING_SERVED = bytes.fromhex("0000001e922181a76f7574636f6d65b26e6f5f737563685f6361706162696c697479")
KINDS = {1: "hello", 2: "goodbye", 3: "introduce", 4: "load", 5: "subscribe", 6: "grants", 7: "revocations",
         8: "challenge", 9: "proof", 16: "head", 17: "chunk", 18: "end",
         19: "resume", 20: "feed", 32: "chunk", 33: "end", 34: "progress", 35: "artefact", 36: "position",
         37: "position"}
ELEMENTS = {2: ("code", "reason"), 17: ("label", "payload"), 32: ("label", "payload"),
            35: ("name", "revision", "quality", "payload")}
UNKNOWN_OUTCOME = "outcome of a later version"
READ_OTHERWISE = {"percent"}  # above 100 it counts as 100
GRANT_TEXT = (  # the grant of section 2, which the root with seed 01…01 makes
    "k8SGiKVzd2FybaVsb2NhbKNrZXnEIOpKbGPinFIKvvVQexMuxfmVR3auvr57kkIe6mkURtIspHJvbGWmbWVtYmVyp3B1Ymxpc2iRqHJvdmVy"
    "LioqqXN1YnNjcmliZZGiKiqkY2FsbJGrdmlzaW9uLioqQCqkZnJvbc5rSdIApXVudGlszmtxXwDEIIqI4910CfGV_VLbLTy6XXLKZwm_HZQS"
    "G_N0iAG0D29cxEC9rJ3j0g9Ta-m9XjeddIUYION_b3Yiq8mvTsvKz6JKoYO_EWBn1mPdN41rnnE9zdGWeDeL3fRFgbpy94VREdQD")
ROOT_KEY = Ed25519PrivateKey.from_private_bytes(bytes([1]) * 32)
NOBODY = Ed25519PrivateKey.from_private_bytes(bytes([2]) * 32)


def pem(key: Ed25519PrivateKey) -> bytes:
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                             serialization.NoEncryption())


def secret(path: Path, key: Ed25519PrivateKey) -> None:
    path.touch(0o600)
    path.write_bytes(pem(key))


def setUpModule() -> None:
    """The root of local work, for this module and the nodes that it starts."""
    directory = tempfile.TemporaryDirectory()
    unittest.addModuleCleanup(directory.cleanup)
    secret(Path(directory.name) / "root.pem", ROOT_KEY)
    os.environ["SWARM_DEV_ROOT"] = f"{directory.name}/root.pem"


def resealed(grant: bytes, key: Ed25519PrivateKey, **changed: Any) -> bytes:
    """A grant with other contents, signed by this key."""
    return sealed(GRANTING, msgpack.unpackb(msgpack.unpackb(grant)[0]) | changed, key)


def revocation(agent: Any, version: int, until: int, swarm: str = "local",
               key: Ed25519PrivateKey = ROOT_KEY) -> bytes:
    revoked = [{"agent": agent.bytes, "until": until}]
    return sealed(REVOKING, {"swarm": swarm, "version": version, "revoked": revoked}, key)


def keep(identity: Identity, directory: Path) -> None:
    """Writes credentials into a directory, as a node loads them."""
    secret(directory / "identity.pem", identity.key)
    (directory / "roots.pem").write_bytes(ROOT_KEY.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo))
    (directory / "grant").write_text(to_text(identity.grant) + "\n")


def signed(data: bytes) -> dict[str, Any]:
    """An envelope as the vectors write it."""
    statement, signer, signature = msgpack.unpackb(data)
    said = msgpack.unpackb(statement)
    if "role" in said:
        said = dict.fromkeys(("publish", "subscribe", "serve", "call"), []) | said
    return {"statement": essential(said), "signer": signer.hex(), "signature": signature.hex()}


def essential(value: Any, key: str = "") -> Any:
    """A decoded value as the vectors write it."""
    if isinstance(value, dict):
        return {name: essential(item, name) for name, item in value.items()}
    if isinstance(value, list):
        return [essential(item) for item in value]
    if isinstance(value, bytes):
        return str(swarm_client.UUID(bytes=value)) if key in ("agent", "id") else value.hex()
    return value


def observation(found: swarm_client.Observation) -> dict[str, Any]:
    """Without what goes without saying; a key says something only of what is latest."""
    value = found._asdict() | {"origin": str(found.origin), "payload": found.payload.hex()}
    if found.seal:
        value["seal"] = {"key": found.seal[0].hex(), "signature": found.seal[1].hex()}
    silent = {"delivery": "lossy", "expires_ms": 0, "seal": None}
    silent |= {} if found.delivery == "latest" else {"key": found.key}
    return {key: item for key, item in value.items() if key not in silent or item != silent[key]}


def vector(name: str) -> bytes:
    return next(bytes.fromhex(entry["hex"]) for entry in VECTORS if entry["name"] == name)


def framed(data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + data


def decoded(kind: str, data: bytes) -> Any:
    if kind == "observation":
        return observation(decode_datagram(b"\x11" + data)[0])
    if kind == "datagram":
        return [observation(each) for each in decode_datagram(data)]
    if kind == "hello":
        return essential(msgpack.unpackb(data))
    number, *elements = msgpack.unpackb(data)
    if kind == "feed":
        return {"number": elements[0], "observation": decoded("observation", elements[1])}
    if number in (6, 7):
        return {KINDS[number]: signed(elements[0]) if number == 7 else [signed(each) for each in elements[0]]}
    if number in ELEMENTS:
        return {KINDS[number]: essential(dict(zip(ELEMENTS[number], elements)))}
    return {KINDS[number]: True if number == 18 else essential(elements[0])}


class Vectors(unittest.TestCase):
    def test_every_vector_is_read(self) -> None:
        self.assertGreater(len(VECTORS), 30)
        for entry in VECTORS:
            with self.subTest(entry["name"]):
                found, value = decoded(entry["kind"], bytes.fromhex(entry["hex"])), entry["value"]
                if entry["name"] == UNKNOWN_OUTCOME:
                    self.assertEqual(found, {"end": {"outcome": "postpone"}})
                elif entry.get("only_decode") and entry["kind"] != "observation":
                    # What a later version added is there, what was left out is not: the client looks neither up. What
                    # a node reads in its own way (READ_OTHERWISE) is there as it was sent.
                    shared = value.keys() & found.keys() if isinstance(found, dict) else ()
                    for key in shared:
                        if isinstance(found[key], dict) and isinstance(value[key], dict):
                            both = (found[key].keys() & value[key].keys()) - READ_OTHERWISE
                            for each in both:
                                self.assertEqual(found[key][each], value[key][each])
                        else:
                            self.assertEqual(found[key], value[key])
                    self.assertTrue(shared or found == [], found)
                else:
                    self.assertEqual(found, value.get("observations", [] if "padding" in value else value))

    def test_a_frame_has_its_length_in_front(self) -> None:
        self.assertEqual(frame(2, 8, "battery empty").hex(), "00000011930208ad62617474657279" + "20656d707479")
        self.assertEqual(frame(33, {"outcome": "no_such_capability"}), NOTHING_SERVED)


class Patterns(unittest.TestCase):
    def test_a_pattern_matches_label_by_label(self) -> None:
        for pattern, matched, others in [
            ("**", "a a.b a.b.c", ""), ("*", "a", "a.b"), ("a.b", "a.b", "a a.c a.b.c"),
            ("a.*", "a.b", "a b.a a.b.c"), ("*.b", "a.b b.b", "b a.c"), ("a.**", "a.b a.b.c", "a b.a ab"),
            ("a.*.**", "a.b.c a.b.c.d", "a.b a"), ("rover.*.position", "rover.7.position", "rover.position"),
        ]:
            found = [topic for topic in (matched + " " + others).split() if swarm_client.matches(pattern, topic)]
            self.assertEqual(found, matched.split(), pattern)


class Frames(unittest.IsolatedAsyncioTestCase):
    """What the client makes of frames, without a node."""

    def peer(self, received: bytes = b"") -> tuple[swarm_client.Peer, mock.Mock]:
        reader, writer = asyncio.StreamReader(), mock.Mock()
        reader.feed_data(received)
        reader.feed_eof()
        peer = swarm_client.Peer.__new__(swarm_client.Peer)
        peer.ended, peer._datagrams, peer._status = None, asyncio.Queue(), asyncio.Future()
        peer.identity, peer.gaps, peer._greeted = Identity.dev(), [], asyncio.Event()
        peer._grant_ends = mock.Mock()
        peer.proven, peer.theirs = (node := Identity.dev(bytes(32))).agent, {"epoch": 1_700_000_000_000}
        peer.grants, peer._loop = {node.agent: node.may}, asyncio.get_running_loop()
        peer._greeted.set()
        peer.create_stream = mock.AsyncMock(return_value=(reader, writer))
        return peer, writer

    async def ask(self, *reply: bytes, **further: Any) -> tuple[list[tuple[str, bytes]], dict[str, Any], bytes]:
        peer, writer = self.peer(b"".join(reply))
        chunks: list[tuple[str, bytes]] = []
        outcome = await peer.ask("a", b"", lambda *chunk: chunks.append(chunk), **further)
        return chunks, outcome, writer.write.call_args.args[0]

    async def test_artefacts_come_as_chunks_and_notes_of_progress_not_at_all(self) -> None:
        draft, final = frame(35, "map", 1, 30, b"draft", "later"), frame(35, "map", 3, 100, b"final")
        reply = [frame(34, {"percent": 40}), draft, frame(32, "text", b"and", "later"), frame(34, {}), final]
        chunks, outcome, _ = await self.ask(*reply, frame(33, {"outcome": "completed"}))
        self.assertEqual(chunks, [("map", b"draft"), ("text", b"and"), ("map", b"final")])
        self.assertEqual(outcome, {"outcome": "completed"})

    async def test_every_outcome_is_a_word(self) -> None:
        for word in ("idle", "hop_limit", "unknown_request", "of_a_later_version"):
            _, outcome, _ = await self.ask(frame(33, {"outcome": word}))
            self.assertEqual(outcome, {"outcome": word})

    async def test_further_keys_of_the_head_are_sent(self) -> None:
        further = {"idle_ms": 500, "hop_limit": 2, "lane": "bulk", "resumable": True, "metadata": {"language": "en"}}
        _, _, sent = await self.ask(frame(33, {"outcome": "completed"}), **further)
        kind, head = msgpack.unpackb(sent[7:7 + int.from_bytes(sent[3:7], "big")])
        self.assertEqual(kind, 16)
        self.assertEqual({key: head[key] for key in further}, further)
        self.assertEqual((head["capability"], head["deadline_ms"]), ("a", 30_000))

    def fed(self, peer: swarm_client.Peer) -> list[int]:
        """The sequences of the observations that wait to be handed on."""
        waiting = [peer._datagrams.get_nowait() for _ in range(peer._datagrams.qsize())]
        return [each.sequence for data in waiting for each in decode_datagram(data)]

    async def feed(self, peer: swarm_client.Peer, feed: int, *numbers: int) -> tuple[list[int], list[bytes]]:
        """What a feed with these numbers brings, and the client's answers. The number is the sequence, too."""
        reader, writer = asyncio.StreamReader(), mock.Mock()
        reader.feed_data(swarm_client.STREAM_HEADER + frame(20, feed, "later"))
        for number in numbers:
            said = [peer.proven.bytes, 1, number, "map.tile", 0, 0, bytes(100_000), 2]
            reader.feed_data(frame(21, number, msgpack.packb(said), "later"))
        reader.feed_eof()
        await peer._serve(reader, writer)
        return self.fed(peer), [call.args[0] for call in writer.write.call_args_list]

    async def test_a_feed_is_taken_in_order_and_acknowledged(self) -> None:
        peer, _ = self.peer()
        taken, answers = await self.feed(peer, 7, 1, 2, 3)
        self.assertEqual(taken, [1, 2, 3])
        self.assertEqual(answers, [frame(37, number) for number in (0, 2, 3, 4)])
        self.assertEqual(peer.gaps, [])

    async def test_a_feed_goes_on_over_the_next_connection_of_the_same_life(self) -> None:
        first, _ = self.peer()
        await self.feed(first, 7, 1, 2, 3)
        peer, _ = self.peer()
        peer.identity = first.identity
        taken, answers = await self.feed(peer, 7, 3, 4, 9)
        self.assertEqual(taken, [4, 9])
        self.assertEqual(answers, [frame(37, number) for number in (4, 5, 10)])
        self.assertEqual(peer.gaps, [4])

    async def test_of_another_feed_nothing_is_known(self) -> None:
        peer, _ = self.peer()
        await self.feed(peer, 7, 1, 2, 3)
        taken, answers = await self.feed(peer, 8, 2)
        self.assertEqual((taken, answers), ([2], [frame(37, 0), frame(37, 3)]))
        self.assertEqual(peer.gaps, [None, None])

    async def test_the_vectors_of_a_feed_are_what_is_said(self) -> None:
        peer, _ = self.peer()
        reader, writer = asyncio.StreamReader(), mock.Mock()
        reader.feed_data(swarm_client.STREAM_HEADER + framed(vector("feed head")) + framed(vector("feed frame")))
        reader.feed_eof()
        await peer._serve(reader, writer)
        self.assertEqual(self.fed(peer), [1])
        self.assertEqual(writer.write.call_args_list[0].args[0],
                         framed(vector("feed position of a feed that is not known")))

    async def test_a_feed_waits_for_the_hello(self) -> None:
        peer, _ = self.peer()
        peer._greeted.clear()
        following = asyncio.create_task(self.feed(peer, 7, 1))
        await asyncio.sleep(0)
        self.assertFalse(following.done())
        peer._greeted.set()
        self.assertEqual((await following)[0], [1])

    def published(self, peer: swarm_client.Peer, *observed: Any, **further: Any) -> bytes | None:
        """The datagram of an observation, made at the moment of the vectors."""
        nobody = swarm_client.UUID("01010101-0101-8101-8101-010101010101")
        made_by = peer.identity.agent if further.get("seal") else nobody
        life = {"agent": made_by, "epoch": 1_700_000_000_000}
        peer.hello, peer._http, peer.transmit = life, mock.Mock(), mock.Mock()
        with mock.patch("time.time_ns", return_value=1_700_000_000_250_000_000):
            sent = peer.observe(*observed, **further)
        self.assertEqual(sent, peer._http.send_datagram.called)
        return peer._http.send_datagram.call_args.args[1] if sent else None

    async def test_what_is_published_is_that_of_the_vectors(self) -> None:
        payload = b"\x82\xa1x\x03\xa1y\x04"
        for name, topic, further in [
            ("observation", "rover.position", {}),
            ("latest observation with key and expiry", "arm.pose", {"key": "arm-2", "expires_ms": 250}),
            ("latest observation without key and expiry", "rover.position", {"key": ""}),
            ("lossy observation that expires", "rover.position", {"expires_ms": 70_000}),
        ]:
            with self.subTest(name):
                peer, _ = self.peer()
                self.assertEqual(self.published(peer, topic, payload, **further), b"\x11" + vector(name))

    async def test_what_is_sealed_is_that_of_the_vectors(self) -> None:
        agent = Identity.dev(bytes([7]) * 32)
        peer, _ = self.peer()
        peer.identity = agent
        sent = self.published(peer, "rover.position", b"\x82\xa1x\x03\xa1y\x04", seal=True)
        self.assertEqual(sent, b"\x11" + vector("sealed observation"))

    async def heard(self, grant: bytes | None, *observations: bytes) -> list[str]:
        """The topics of what is believed when the node passes these on, and tells this grant."""
        peer, _ = self.peer()
        if grant:
            peer._heed(6, [grant])
        peer._datagrams.put_nowait(b"\x11" + b"".join(observations))
        peer._datagrams.put_nowait(None)
        return [each.topic async for each in peer.observations()]

    async def test_what_others_have_sealed_is_believed_within_their_grants(self) -> None:
        agent, passed = Identity.dev(bytes([7]) * 32), vector("sealed observation that was passed on")
        reliable = vector("sealed reliable observation")
        self.assertEqual(await self.heard(agent.grant, passed, reliable), ["arm.pose", "map.tile"])
        for grant in [None, resealed(agent.grant, NOBODY), resealed(agent.grant, ROOT_KEY, until=1),
                      resealed(agent.grant, ROOT_KEY, publish=["map.*"]), Identity.dev().grant]:
            self.assertEqual(await self.heard(grant, passed), [])
        for at in (60, len(passed) - 1):  # in the signature, and in what it is over
            changed = passed[:at] + bytes([passed[at] ^ 1]) + passed[at + 1:]
            self.assertEqual(await self.heard(agent.grant, changed), [])
        plain = vector("observation")  # of nobody that is here
        self.assertEqual(await self.heard(agent.grant, plain), [])

    async def test_what_the_node_does_not_subscribe_to_is_not_sent(self) -> None:
        peer, _ = self.peer(framed(vector("subscriptions")) + framed(vector("load")))
        self.assertIsNotNone(self.published(peer, "rover.position", b""))
        reader, _ = await peer.create_stream()
        await peer._read_control(reader)
        self.assertIsNone(self.published(peer, "rover.position", b""))
        self.assertIsNotNone(self.published(peer, "rover.7.position", b""))
        self.assertEqual(peer.identity.sequence, 2)

    async def test_subscriptions_are_those_of_the_vectors(self) -> None:
        peer, writer = self.peer()
        peer._control = writer
        peer.subscribe("rover.*.position", "map.**", "battery")
        peer.subscribe()
        self.assertEqual([call.args[0] for call in writer.write.call_args_list],
                         [framed(vector("subscriptions")), framed(vector("no subscriptions"))])

    async def test_loads_are_passed_over(self) -> None:
        peer, _ = self.peer(frame(4, 175) + frame(3, []) + frame(2, 8, "battery empty"))
        reader, _ = await peer.create_stream()
        await peer._read_control(reader)
        self.assertEqual(peer.ended.args, (8, "battery empty"))


class Identities(unittest.TestCase):
    def test_the_worked_example(self) -> None:
        identity = Identity.dev(bytes([7]) * 32)
        self.assertEqual(identity.public.hex(), "ea4a6c63e29c520abef5507b132ec5f9954776aebebe7b92421eea691446d22c")
        self.assertEqual(str(identity.agent), "d8847d91-4101-8863-8914-2419781bbbdd")

    def test_the_signature_to_test_with(self) -> None:
        info = bytes.fromhex(
            "3059301306072a8648ce3d020106082a8648ce3d0301070342000460fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce6"
            "69622e60f29fb67903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299")
        identity = Identity.dev(bytes([7]) * 32)
        end = datetime.datetime.fromtimestamp(1_800_000_000, datetime.UTC)
        _, signed = swarm_client.binding("local", identity.agent, end, serialization.load_der_public_key(info))
        self.assertEqual(
            identity.key.sign(signed).hex(),
            "278101418af54d4b99e740843afd2968b4a3b5db66673c6006b93592af7ddad5"
            "8c85b205f42c396e2e23a787da9d1efb076f9aecd54debc877d57f9b4402d909")

    def test_the_signed_grant_to_test_with(self) -> None:
        agent = Identity.dev(bytes([7]) * 32)
        grant = {"swarm": "local", "key": agent.public, "role": "member", "publish": ["rover.**"], "subscribe": ["**"],
                 "call": ["vision.**@*"], "from": 1_800_000_000, "until": 1_802_592_000}
        envelope = sealed(GRANTING, grant, ROOT_KEY)
        self.assertEqual(to_text(envelope), GRANT_TEXT)
        self.assertEqual(from_text(GRANT_TEXT + "\n"), envelope)
        self.assertEqual(swarm_client.opened(GRANTING, envelope, agent.roots), grant)
        listed = revocation(agent.agent, 1, 1_800_000_000)
        self.assertEqual(msgpack.unpackb(listed)[2].hex(),
                         "194778c70a3db64d66c968b3b0460d7ea18356c6d880d596a5b743bb440add54"
                         "d31cd591ba946476e1811cd9d81eb36da9717564cd1b19e4cb1d19b3b2568504")
        self.assertEqual(frame(7, listed)[:10].hex(), "000000ae9207c4aa93c4")

    def test_what_nobody_of_authority_has_signed_is_nothing(self) -> None:
        identity = Identity.dev()
        with self.assertRaisesRegex(ValueError, "no root"):
            swarm_client.opened(GRANTING, resealed(identity.grant, NOBODY), identity.roots)
        with self.assertRaises(InvalidSignature):  # a signature for one purpose is worth nothing for another
            swarm_client.opened(REVOKING, identity.grant, identity.roots)

    def test_the_proof_to_test_with(self) -> None:
        agent, node = Identity.dev(bytes([7]) * 32), swarm_client.UUID("e2b94a06-29e5-8a71-bca6-64a81fcfddde")
        proof = agent.key.sign(swarm_client.PROVING + bytes([5]) * 32 + node.bytes)
        self.assertEqual(frame(8, bytes([5]) * 32)[:8].hex(), "000000249208c420")
        self.assertEqual(frame(9, proof).hex(), "000000449209c440"
                         "c6a741453b298750f54a1ae747fdd6791388ce206f78d574514edb4b736aa6cd"
                         "3d08cfde7a2e62ab6e283f4d1eebd17eac84bab0037b40756496f2fc4c06fa0c")

    def test_a_guest_without_a_key_is_its_bearer(self) -> None:
        grant = {"swarm": "local", "bearer": bytes([7]) * 16, "role": "observer", "from": 0, "until": 0}
        token = sealed(GRANTING, grant, NOBODY)
        guest = Identity.dev().as_guest(to_text(token))
        self.assertEqual(str(guest.agent), "6dcba136-1f2d-869b-b360-e0a44d9e8130")

    def proven(self, identity: Identity, by: Identity | None = None) -> Any:
        certificate, _ = identity.certificate()
        return swarm_client.proven(certificate, by or Identity.dev())

    def test_a_certificate_proves_its_agent_in_its_swarm_alone(self) -> None:
        identity = Identity.dev()
        self.assertEqual(self.proven(identity), (identity.agent, identity.may))
        with self.assertRaisesRegex(ValueError, "certificate is for"):
            self.proven(identity, by=Identity.dev(swarm="elsewhere"))
        certificate, _ = identity.certificate()
        for extension in ("060a69d5e2becca08cb5df020462" + "0460", "060a69a5dcd1ddbc85cdc27304"):
            self.assertIn(bytes.fromhex(extension), certificate.tbs_certificate_bytes)

    def test_a_certificate_that_another_key_signed_proves_nothing(self) -> None:
        identity = Identity.dev()
        identity.key = Identity.dev().key
        with self.assertRaises(InvalidSignature):
            self.proven(identity)

    def test_a_grant_that_does_not_count_is_found_out(self) -> None:
        now, of_another, identity = int(time.time()), Identity.dev().grant, Identity.dev()
        for grant, error in [
            (of_another, "grant of somebody else"), (resealed(identity.grant, NOBODY), "no root"),
            (resealed(identity.grant, ROOT_KEY, until=now - 1), "was granted"),
            (resealed(identity.grant, ROOT_KEY, **{"from": now + 60}), "was granted"),
            (resealed(identity.grant, ROOT_KEY, swarm="elsewhere"), "was granted elsewhere"),
        ]:
            with self.subTest(error), self.assertRaisesRegex((ValueError, PermissionError), error):
                identity.grant = grant
                self.proven(identity)

    def test_a_newer_list_of_revocations_takes_the_place_of_an_older_one(self) -> None:
        identity, other, now = Identity.dev(), Identity.dev(), int(time.time())
        identity.revoke(revocation(other.agent, 2, now))
        with self.assertRaisesRegex(PermissionError, "revoked"):
            self.proven(other, by=identity)
        identity.revoke(revocation(identity.agent, 1, now))
        with self.assertRaisesRegex(PermissionError, "revoked"):
            self.proven(other, by=identity)
        other.grant = resealed(other.grant, ROOT_KEY, **{"from": now + 1, "until": now + 60})
        with mock.patch("time.time", return_value=now + 1):  # what is granted later counts again
            self.assertEqual(self.proven(other, by=identity)[0], other.agent)
        for wrong in (revocation(other.agent, 3, now, swarm="elsewhere"), revocation(other.agent, 3, now, key=NOBODY)):
            with self.assertRaises(ValueError):
                identity.revoke(wrong)

    def test_credentials_are_read_from_a_directory(self) -> None:
        agent = Identity.dev()
        with tempfile.TemporaryDirectory() as directory:
            keep(agent, Path(directory))
            read = Identity.load(Path(directory))
            self.assertEqual((read.agent, read.grant, read.roots), (agent.agent, agent.grant, agent.roots))
            (Path(directory) / "revocations").write_text(to_text(revocation(agent.agent, 1, int(time.time()))) + "\n")
            with self.assertRaisesRegex(PermissionError, "revoked"):
                self.proven(agent, by=Identity.load(Path(directory)))
            (Path(directory) / "identity.pem").chmod(0o640)
            with self.assertRaisesRegex(PermissionError, "mode 640"):
                Identity.load(Path(directory))


class WithANode(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self) -> None:
        self.assertTrue(DOORMAN.exists(), "build it first: cargo build -p swarm-core --example doorman")
        await self.start("--dev")

    async def start(self, *arguments: Any) -> None:
        self.node = await asyncio.create_subprocess_exec(DOORMAN, *arguments, stdout=asyncio.subprocess.PIPE)
        self.url = (await self.said("listening at ")).split()[-1]

    async def asyncTearDown(self) -> None:
        if self.node.returncode is None:
            self.node.kill()
        await self.node.wait()

    async def said(self, beginning: str) -> str:
        """The next line of the node that begins so."""
        async with asyncio.timeout(10):
            while line := (await self.node.stdout.readline()).decode():
                if line.startswith(beginning):
                    return line.rstrip()
        self.fail(f"the node ended without saying {beginning!r}")

    async def repeat(self, peer: swarm_client.Peer, text: str,
                     **head: Any) -> tuple[list[tuple[str, bytes]], dict[str, Any]]:
        chunks: list[tuple[str, bytes]] = []
        take = lambda *chunk: chunks.append(chunk)
        outcome = await peer.ask("doorman.repeat", text.encode(), take, seconds=10, **head)
        return chunks, outcome

    async def test_a_whole_visit(self) -> None:
        identity = Identity.dev()
        async with connect(self.url, identity) as peer:
            await self.said(f"came {identity.agent} from 127.0.0.1:")
            self.assertEqual(peer.theirs["agent"], peer.proven.bytes)
            self.assertIn({"capability": "doorman.repeat"}, peer.theirs["capabilities"])

            observations, ticks = peer.observations(), []
            async with asyncio.timeout(10):
                while len(ticks) < 4:
                    each = await anext(observations)
                    if each.topic == "doorman.tick":
                        ticks.append(int(each.payload))
            self.assertEqual(ticks, sorted(set(ticks)))

            peer.observe("visitor.note", "Grüß Gott".encode())
            self.assertEqual(await self.said("observed "),
                             f"observed visitor.note from {identity.agent}: Grüß Gott")

            chunks, outcome = await self.repeat(peer, "one two three")
            self.assertEqual(chunks, [("word", b"one"), ("word", b"two"), ("word", b"three")])
            self.assertEqual(outcome, {"outcome": "completed"})

            unknown = await peer.ask("doorman.sing", b"", lambda *_: None, seconds=10)
            self.assertEqual(unknown, {"outcome": "no_such_capability"})
        self.assertEqual(await self.said("went "), f"went {identity.agent}: goodbye")

    async def test_a_reply_of_many_chunks_arrives_whole(self) -> None:
        text = " ".join(f"w{n}" for n in range(700))
        async with connect(self.url, Identity.dev()) as peer:
            chunks, outcome = await self.repeat(peer, text)
        self.assertEqual(outcome, {"outcome": "completed"})
        self.assertEqual(b" ".join(payload for _, payload in chunks).decode(), text)

    async def test_a_head_may_say_more(self) -> None:
        head = {"idle_ms": 5_000, "hop_limit": 0, "lane": "urgent", "idempotency_key": "visit-1", "resumable": True,
                "traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "tracestate": "a=1",
                "metadata": {"language": "en"}}
        async with connect(self.url, Identity.dev()) as peer:
            chunks, outcome = await self.repeat(peer, "one", **head)
        self.assertEqual((chunks, outcome), ([("word", b"one")], {"outcome": "completed"}))

    async def test_requests_run_side_by_side(self) -> None:
        async with connect(self.url, Identity.dev()) as peer:
            answers = await asyncio.gather(*[self.repeat(peer, f"request {n}") for n in range(20)])
        for n, (chunks, outcome) in enumerate(answers):
            self.assertEqual((chunks, outcome["outcome"]),
                             ([("word", b"request"), ("word", b"%d" % n)], "completed"))

    async def test_a_node_that_ends_is_noticed(self) -> None:
        async with connect(self.url, Identity.dev()) as peer:
            self.node.kill()
            async with asyncio.timeout(10):
                async for _ in peer.observations():
                    pass
            with self.assertRaises(Ended):
                await peer.ask("doorman.repeat", b"", lambda *_: None)

    async def test_requests_of_the_node_are_answered(self) -> None:
        async with connect(self.url, Identity.dev(), said={"subscriptions": []}) as peer:
            # The doorman asks for nothing, and feeds nobody who subscribes to nothing: what a node would send is put in
            # here.
            head = swarm_client.STREAM_HEADER + framed(vector("head"))
            with mock.patch.object(peer._quic, "send_stream_data") as sent:
                peer.quic_event_received(events.StreamDataReceived(head, False, 1))
                async with asyncio.timeout(10):
                    while len(sent.mock_calls) < 2:
                        await asyncio.sleep(0.001)
        self.assertEqual(sent.mock_calls, [mock.call(1, NOTHING_SERVED), mock.call(1, b"", end_stream=True)])

    async def test_a_hello_may_say_what_is_subscribed_to(self) -> None:
        async with connect(self.url, Identity.dev(), said={"subscriptions": ["doorman.*"]}) as peer:
            chunks, _ = await self.repeat(peer, "one")
        self.assertEqual(chunks, [("word", b"one")])

    async def payloads(self, peer: swarm_client.Peer, topic: str, count: int) -> list[int]:
        async with asyncio.timeout(10):
            return [int(each.payload) async for each in self.about(peer, topic, count)]

    async def about(self, peer: swarm_client.Peer, topic: str, count: int) -> Any:
        observations = peer.observations()
        while count:
            each = await anext(observations)
            if each.topic == topic:
                count -= 1
                yield each

    async def test_only_what_is_subscribed_to_comes(self) -> None:
        async with connect(self.url, Identity.dev(), said={"subscriptions": ["doorman.count"]}) as peer:
            counted = await self.payloads(peer, "doorman.count", 5)
            self.assertEqual(counted, list(range(counted[0], counted[0] + 5)))
            peer.subscribe("doorman.tick")
            await self.payloads(peer, "doorman.tick", 1)
            # What was published before it was heard may still come.
            async with asyncio.timeout(10):
                topics = [(await anext(peer.observations())).topic for _ in range(10)]
            self.assertEqual(topics[5:], ["doorman.tick"] * 5)

    async def test_a_feed_survives_its_connection(self) -> None:
        life = Identity.dev()
        async with connect(self.url, life) as peer:
            counted = await self.payloads(peer, "doorman.count", 3)
            peer.ended = Ended(0, "lost")  # and so without a goodbye
        counted += [int(each.payload) async for each in peer.observations() if each.topic == "doorman.count"]
        async with connect(self.url, life) as peer:
            counted += await self.payloads(peer, "doorman.count", 5)
        self.assertEqual(peer.gaps, [])
        self.assertEqual(counted, list(range(counted[0], counted[0] + len(counted))))

    async def test_a_feed_ends_with_a_goodbye(self) -> None:
        life = Identity.dev()
        async with connect(self.url, life) as peer:
            await self.payloads(peer, "doorman.count", 3)
        async with connect(self.url, life) as peer:
            counted = await self.payloads(peer, "doorman.count", 3)
        self.assertEqual(peer.gaps, [None])
        self.assertEqual(counted, list(range(counted[0], counted[0] + 3)))

    async def refusal(self, url: str = "", identity: Identity | None = None, **said: Any) -> tuple[int, str]:
        with self.assertRaises(Ended) as refused:
            async with connect(url or self.url, identity or Identity.dev(), said=said):
                self.fail("the node took us in")
        return refused.exception.args

    async def test_a_hello_for_the_wrong_swarm_is_turned_away(self) -> None:
        code, reason = await self.refusal(swarm="elsewhere")
        self.assertEqual(code, 3)
        self.assertRegex(reason, "swarm")

    async def test_a_hello_of_another_version_is_turned_away(self) -> None:
        code, reason = await self.refusal(versions={"min": 99, "max": 99})
        self.assertEqual(code, 2)
        self.assertRegex(reason, "version")

    async def test_a_hello_of_another_agent_is_turned_away(self) -> None:
        other = Identity.dev()
        code, reason = await self.refusal(agent=other.agent)
        self.assertEqual(code, 6)
        self.assertRegex(reason, f"names {other.agent}")

    async def test_a_certificate_of_the_wrong_swarm_is_turned_away(self) -> None:
        stranger = Identity.dev(swarm="elsewhere")
        with mock.patch("swarm_client.proven", return_value=(None, None)):
            code, reason = await self.refusal(identity=stranger)
        self.assertEqual(code, 0x12E)
        self.assertRegex(reason, "certificate")

    async def test_a_node_of_another_swarm_is_not_entered(self) -> None:
        with self.assertRaisesRegex(ValueError, "certificate is for .*/local/.*, not for .*/elsewhere/"):
            async with connect(self.url, Identity.dev(swarm="elsewhere")):
                self.fail("the client took the node for one of its swarm")

    async def test_a_grant_that_does_not_count_is_turned_away(self) -> None:
        now, identity = int(time.time()), Identity.dev()
        for grant, why in [
            (Identity.dev().grant, "shown by"), (resealed(identity.grant, NOBODY), "no root"),
            (resealed(identity.grant, ROOT_KEY, until=now - 1), "ended"),
            (resealed(identity.grant, ROOT_KEY, **{"from": now + 60}), "holds from"),
            (resealed(identity.grant, ROOT_KEY, swarm="elsewhere"), "elsewhere"),
            (identity.grant[:-1] + bytes([identity.grant[-1] ^ 1]), "signature"),
        ]:
            with self.subTest(why):
                identity.grant = grant
                code, reason = await self.refusal(identity=identity)
                self.assertEqual(code, 0x12E)
                self.assertRegex(reason, why)

    async def test_what_is_offered_beyond_a_grant_is_turned_away(self) -> None:
        code, reason = await self.refusal(identity=Identity.dev(serve=["b.**"]), capabilities=[{"capability": "a.b"}])
        self.assertEqual(code, 10)
        self.assertRegex(reason, "a.b")

    async def test_beyond_its_grant_nobody_asks_or_publishes(self) -> None:
        visitor = Identity.dev(call=["vision.*"], publish=["visitor.note"], subscribe=["doorman.tick"])
        async with connect(self.url, visitor) as peer:
            chunks, outcome = await self.repeat(peer, "one")
            self.assertEqual((chunks, outcome), ([], {"outcome": "not_permitted"}))
            with self.assertRaisesRegex(PermissionError, "visitor.shout"):
                peer.observe("visitor.shout", b"")
            visitor.may["publish"] = ["**"]  # as if the client did not know
            peer.observe("visitor.shout", b"too loud")
            peer.observe("visitor.note", b"hello")
            self.assertEqual(await self.said("observed "), f"observed visitor.note from {visitor.agent}: hello")
            # The doorman counts, too, and reliably.
            async with asyncio.timeout(10):
                topics = [(await anext(peer.observations())).topic for _ in range(5)]
            self.assertEqual(topics, ["doorman.tick"] * 5)

    async def test_who_keeps_asking_beyond_its_grant_is_sent_away(self) -> None:
        async with connect(self.url, Identity.dev(call=[])) as peer:
            for _ in range(150):  # of 200 that are borne at once
                self.assertEqual(await self.repeat(peer, "one"), ([], {"outcome": "not_permitted"}))
            with self.assertRaises(Ended) as ended:
                for _ in range(1_000):
                    await self.repeat(peer, "one")
        self.assertEqual(ended.exception.args, (swarm_client.CODE_0 + 1, "too much that it has no grant for"))

    async def test_what_is_sealed_comes_from_its_origin_by_way_of_another(self) -> None:
        visitor = Identity.dev(publish=["visitor.note"])
        async with connect(self.url, visitor) as peer, connect(self.url, Identity.dev()) as listener:
            async def speak() -> None:
                while True:  # the first may overtake the grant of whoever made it
                    peer.observe("visitor.note", b"hello", seal=True)
                    await asyncio.sleep(0.05)

            speaking = asyncio.create_task(speak())
            heard = [each async for each in self.about(listener, "visitor.note", 2)]
            speaking.cancel()
        self.assertEqual({(each.origin, each.hops, each.payload) for each in heard}, {(visitor.agent, 1, b"hello")})
        self.assertEqual(listener.grants[visitor.agent], visitor.may)

    async def ends(self, peer: swarm_client.Peer) -> tuple[int, str]:
        """With which code and words the connection does."""
        async with asyncio.timeout(10):
            async for _ in peer.observations():
                pass
        with self.assertRaises(Ended) as ended:
            await peer.ask("doorman.repeat", b"", lambda *_: None)
        return ended.exception.args

    async def test_whose_grant_ends_is_sent_away(self) -> None:
        async with connect(self.url, Identity.dev(until=int(time.time()) + 1)) as peer:
            code, reason = await self.ends(peer)
        self.assertEqual(code, 10)
        self.assertRegex(reason, "ended")

    async def test_a_new_grant_keeps_the_connection(self) -> None:
        visitor = Identity.dev(until=int(time.time()) + 1)
        async with connect(self.url, visitor) as peer:
            renewed = resealed(visitor.grant, ROOT_KEY, until=int(time.time()) + 60)
            peer._control.write(frame(6, [renewed]))
            ticks = await self.payloads(peer, "doorman.tick", 30)  # three seconds of them
            chunks, _ = await self.repeat(peer, "one")
        self.assertEqual((len(ticks), chunks), (30, [("word", b"one")]))

    async def test_who_is_revoked_is_sent_away_and_not_let_in_again(self) -> None:
        visitor, now = Identity.dev(), int(time.time())
        async with connect(self.url, Identity.dev()) as other, connect(self.url, visitor) as peer:
            other._control.write(frame(7, revocation(visitor.agent, 1, now)))
            code, reason = await self.ends(peer)
            self.assertEqual(code, 10)
            self.assertRegex(reason, "revoked")
            code, reason = await self.refusal(identity=visitor)
            self.assertEqual(code, 0x12E)
            self.assertRegex(reason, "revoked")
            chunks, _ = await self.repeat(other, "one")  # nobody else is
            self.assertEqual(chunks, [("word", b"one")])

    async def test_a_node_that_is_revoked_is_left(self) -> None:
        async with connect(self.url, Identity.dev()) as peer, connect(self.url, Identity.dev()) as other:
            # The node tells of it whoever it concerns.
            other._control.write(frame(7, revocation(peer.proven, 1, int(time.time()))))
            code, reason = await self.ends(peer)
        self.assertEqual(code, 10)
        self.assertRegex(reason, "revoked")

    async def test_a_list_that_no_root_has_signed_is_an_offence(self) -> None:
        async with connect(self.url, Identity.dev()) as peer:
            peer._control.write(frame(7, revocation(peer.proven, 1, int(time.time()), key=NOBODY)))
            code, reason = await self.ends(peer)
        self.assertEqual(code, swarm_client.CODE_0 + 1)
        self.assertRegex(reason, "no root")

    async def test_a_node_of_another_root_is_not_entered(self) -> None:
        identity = Identity.dev()
        identity.roots = [NOBODY.public_key().public_bytes_raw()]
        with self.assertRaisesRegex(ValueError, "no root"):
            async with connect(self.url, identity):
                self.fail("the client took the node for one of its swarm")

    async def test_another_path_is_turned_away(self) -> None:
        _, reason = await self.refusal(url=self.url.replace("/swarm/v1", "/elsewhere"))
        self.assertRegex(reason, "404")

    async def test_a_node_may_have_credentials_of_its_own(self) -> None:
        await self.asyncTearDown()
        with tempfile.TemporaryDirectory() as directory:
            keep(identity := Identity.dev(), Path(directory))
            await self.start("--credentials", directory)
        async with connect(self.url, Identity.dev()) as peer:
            self.assertEqual(peer.grants, {identity.agent: identity.may})
            chunks, _ = await self.repeat(peer, "one")
        self.assertEqual(chunks, [("word", b"one")])

    async def invited(self) -> str:
        """A token for whoever has it."""
        await self.asyncTearDown()
        await self.start("--dev", "--guests")
        return (await self.said("inviting to ")).split("?t=")[1]

    async def test_a_guest_with_a_token_hears_and_asks_and_no_more(self) -> None:
        guest = Identity.dev().as_guest(await self.invited())
        async with connect(self.url, guest) as peer:
            await self.said(f"came {guest.agent} from 127.0.0.1:")
            await self.payloads(peer, "doorman.tick", 2)
            chunks, _ = await self.repeat(peer, "one two")
            self.assertEqual(chunks, [("word", b"one"), ("word", b"two")])
            with self.assertRaisesRegex(PermissionError, "visitor.note"):
                peer.observe("visitor.note", b"")

    async def test_a_token_lets_its_bearer_in_once(self) -> None:
        guest = Identity.dev().as_guest(await self.invited())
        async with connect(self.url, guest) as peer:
            await self.payloads(peer, "doorman.tick", 1)
        code, reason = await self.refusal(identity=guest)
        self.assertEqual(code, 10)
        self.assertRegex(reason, "used")

    async def test_a_guest_with_a_key_proves_it_each_time(self) -> None:
        await self.invited()
        member = Identity.dev(role="observer")
        guest = member.as_guest(to_text(member.grant))
        for _ in range(2):
            async with connect(self.url, guest) as peer:
                await self.said(f"came {member.agent} from 127.0.0.1:")
                await self.payloads(peer, "doorman.tick", 1)
        guest.key = NOBODY
        code, reason = await self.refusal(identity=guest)
        self.assertEqual(code, 10)
        self.assertRegex(reason, "key")

    async def test_a_token_that_nobody_of_authority_has_signed_is_worth_nothing(self) -> None:
        token = from_text(await self.invited())
        for bad, why in [(resealed(token, NOBODY), "no root"), (token[:-1] + bytes([token[-1] ^ 1]), "signature"),
                         (resealed(token, ROOT_KEY, until=int(time.time()) + 7_200), "60 minutes")]:
            with self.subTest(why):
                code, reason = await self.refusal(identity=Identity.dev().as_guest(to_text(bad)))
                self.assertEqual(code, 10)
                self.assertRegex(reason, why)

    async def test_a_node_that_takes_no_guests_lets_none_in(self) -> None:
        member = Identity.dev()
        code, _ = await self.refusal(identity=member.as_guest(to_text(member.grant)))
        self.assertEqual(code, 0x174)

    async def test_a_node_needs_somebody_to_trust(self) -> None:
        node = await asyncio.create_subprocess_exec(DOORMAN, stderr=asyncio.subprocess.PIPE)
        _, said = await asyncio.wait_for(node.communicate(), 10)
        self.assertNotEqual(node.returncode, 0)
        self.assertRegex(said.decode(), "--dev.*--credentials")


if __name__ == "__main__":
    unittest.main()
