"""Tests of the client: against the examples and vectors of the protocol, and against a node.

The node is `cargo build -p swarm-core --example doorman`.
"""

import asyncio
import datetime
import json
import unittest
from pathlib import Path
from typing import Any
from unittest import mock
from uuid import UUID

import swarm_client
import swarm_identity
import swarm_session
from aioquic.quic import events
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from swarm_client import connect
from swarm_identity import Identity, Malformed
from swarm_messages import Known, decode_datagram, decode_frame, encode_datagram, encode_frame
from swarm_session import Ended, from_wire, to_wire

ROOT = Path(__file__).resolve().parents[2]
DOORMAN = ROOT / "target/debug/examples/doorman"
VECTORS = [entry for file in sorted((ROOT / "crates/swarm-proto/vectors").glob("*.json"))
           for entry in json.loads(file.read_text())]
NOTHING_SERVED = bytes.fromhex("0000001e922181a76f7574636f6d65b26e6f5f737563685f6361706162696c697479")
NAMES = {1: "hello", 2: "goodbye", 3: "introduce", 16: "head", 17: "chunk", 18: "end", 32: "chunk", 33: "end"}
KINDS = {"control": (1, 2, 3), "request": (16, 17, 18), "reply": (32, 33)}


def as_json(value: Any) -> Any:
    """A decoded value, as the vectors write it."""
    if isinstance(value, dict):
        return {key: as_json(item) for key, item in value.items()}
    if isinstance(value, list):
        return [as_json(item) for item in value]
    return value.hex() if isinstance(value, bytes) else str(value) if isinstance(value, UUID) else value


def from_json(value: Any, key: str = "") -> Any:
    if isinstance(value, dict):
        return {key: from_json(item, key) for key, item in value.items()}
    if isinstance(value, list):
        return [from_json(item) for item in value]
    return UUID(value) if key in ("agent", "origin", "id") else bytes.fromhex(value) if key == "payload" else value


def decoded(kind: str, data: bytes) -> Any:
    if kind == "observation":
        return as_json(decode_datagram(b"\x11" + data)[0])
    if kind == "datagram":
        observations = as_json(decode_datagram(data))
        return {"observations": observations} if observations else {"padding": True}
    if kind == "hello":
        return as_json(decode_frame(b"\x92\x01" + data, {1})[1])
    number, *elements = decode_frame(data, KINDS[kind])
    if number in (2, 17, 32):
        elements = [dict(zip(("code", "reason") if number == 2 else ("label", "payload"), elements))]
    return {NAMES[number]: as_json(elements[0]) if elements else True}


def encoded(kind: str, value: Any) -> bytes:
    """The value in bytes, with the keys of maps in the order of the protocol's tables."""
    if kind == "observation":
        return encode_datagram(from_json(value))[1:]
    if kind == "datagram":
        return b"\x10" if "padding" in value else encode_datagram(*from_json(value["observations"]))
    if kind == "hello":
        return encoded("control", {"hello": value})[2:]
    (name, content), = value.items()
    number = next(number for number in KINDS[kind] if NAMES[number] == name)
    content = from_json(content)
    elements = [] if content is True else list(content.values()) if number in (2, 17, 32) else [content]
    in_order = decode_frame(encode_frame(number, *elements)[4:])
    return encode_frame(*in_order)[4:]


class Vectors(unittest.TestCase):
    def test_every_vector_is_read_and_written(self) -> None:
        self.assertGreater(len(VECTORS), 30)
        for entry in VECTORS:
            with self.subTest(entry["name"]):
                data = bytes.fromhex(entry["hex"])
                self.assertEqual(decoded(entry["kind"], data), entry["value"])
                written = encoded(entry["kind"], entry["value"])
                self.assertEqual(decoded(entry["kind"], written), entry["value"])
                check = self.assertNotEqual if entry.get("only_decode") else self.assertEqual
                check(written.hex(), entry["hex"])

    def test_a_frame_has_its_length_in_front(self) -> None:
        self.assertEqual(encode_frame(2, 8, "battery empty").hex(), "00000011930208ad62617474657279" + "20656d707479")
        self.assertEqual(encode_frame(33, {"outcome": "no_such_capability"}), NOTHING_SERVED)

    def test_what_must_be_refused_is_refused(self) -> None:
        refused = {
            "nothing": "", "a map for a frame": "8102a0", "an unknown kind": "9104", "cut off": "930208ad6261",
            "two values": "91129112", "an extension": "9212d40100", "a time stamp": "9212d6ff00000000",
            "a byte that means nothing": "9212c1", "no UTF-8": "930208a1ff", "bytes for text": "930208c400",
            "text for bytes": "9311a0a0", "a key that comes twice": "922182" + 2 * "a76f7574636f6d65a462757379",
            "a long reason": "930208da0101" + 257 * "61", "too deep": "9212" + 16 * "91" + "c0",
            "more than follows": "92dfffffffff", "an id of version 4": "921082a26964c41007070707070747078707070707070707"
            "aa6361706162696c697479a161", "a host name": "920391" "82a56167656e74c41002020202020282028202020202020202"
            "a761646472657373a66c6f63616c3a",
        }
        for name, data in refused.items():
            with self.subTest(name), self.assertRaises(Malformed):
                decode_frame(bytes.fromhex(data))
        decode_frame(bytes.fromhex("922182a76f7574636f6d65a462757379" + "a178c0"))
        decode_frame(bytes.fromhex("922183a76f7574636f6d65a462757379" + 2 * "a178810102"))  # not known: what it likes
        decode_frame(bytes.fromhex("9212" + 15 * "91" + "c0"))  # the deepest that is allowed

    def test_datagrams_of_another_kind_are_refused(self) -> None:
        for data in (b"", b"\x11", b"\x12", b"\x21", b"\x11\x90"):
            with self.subTest(data), self.assertRaises(Malformed):
                decode_datagram(data)

    def test_known_observations_are_told_by_epoch_and_sequence(self) -> None:
        known = Known()
        self.assertEqual([known.is_new(5, n) for n in (1, 3, 3, 2, 2, 1)], [True, True, False, True, False, False])
        self.assertTrue(known.is_new(5, 5_000))
        self.assertEqual([known.is_new(5, n) for n in (3_976, 3_976, 3_975)], [True, False, False])
        self.assertEqual([known.is_new(4, 6_000), known.is_new(6, 1), known.is_new(5, 7_000)], [False, True, False])
        self.assertTrue(known.is_new(6, 2**64 - 1))

    def test_codes_are_mapped_as_the_page_says(self) -> None:
        for code, end in {0: 0xA8DB, 1: 0xA8DC, 8: 0xA8E3, 30: 0xA8FA}.items():
            self.assertEqual(to_wire(code) & 0xFFFF, end)
        for code in (0, 1, 29, 30, 31, 70_000, 2**32 - 1):
            self.assertEqual(from_wire(to_wire(code), -1), code)
        self.assertEqual(to_wire(2**32 - 1), 0x52E5AC983162)
        self.assertEqual([from_wire(wire, -1) for wire in (0x100, 0x52E4A40FA8DA, 0x52E5AC983163)], [-1, -1, -1])


class Identities(unittest.TestCase):
    def test_the_worked_example(self) -> None:
        identity = Identity(bytes([7]) * 32)
        self.assertEqual(identity.public.hex(), "ea4a6c63e29c520abef5507b132ec5f9954776aebebe7b92421eea691446d22c")
        self.assertEqual(str(identity.agent), "d8847d91-4101-8863-8914-2419781bbbdd")

    def test_the_signature_to_test_with(self) -> None:
        info = bytes.fromhex(
            "3059301306072a8648ce3d020106082a8648ce3d0301070342000460fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce6"
            "69622e60f29fb67903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299")
        identity = Identity(bytes([7]) * 32)
        end = datetime.datetime.fromtimestamp(1_800_000_000, datetime.UTC)
        named = swarm_identity.uri("local", identity.agent)
        signed = swarm_identity.signed_part(end, serialization.load_der_public_key(info), named)
        self.assertEqual(
            identity.key.sign(signed).hex(),
            "278101418af54d4b99e740843afd2968b4a3b5db66673c6006b93592af7ddad5"
            "8c85b205f42c396e2e23a787da9d1efb076f9aecd54debc877d57f9b4402d909")

    def test_a_certificate_proves_its_agent_in_its_swarm_alone(self) -> None:
        identity = Identity()
        certificate, _ = identity.certificate("local")
        self.assertEqual(swarm_identity.proven_agent(certificate, "local"), identity.agent)
        with self.assertRaisesRegex(Malformed, "it names"):
            swarm_identity.proven_agent(certificate, "elsewhere")
        self.assertIn(bytes.fromhex("060a69d5e2becca08cb5df02046204" + "60"), certificate.tbs_certificate_bytes)

    def test_a_certificate_that_another_key_signed_proves_nothing(self) -> None:
        identity = Identity()
        identity.key = Identity().key
        certificate, _ = identity.certificate("local")
        with self.assertRaises(InvalidSignature):
            swarm_identity.proven_agent(certificate, "local")

    def test_a_certificate_of_another_time_proves_nothing(self) -> None:
        certificate, _ = Identity().certificate("local")
        for days in (-1, 13):
            then = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=days)
            with self.subTest(days), self.assertRaisesRegex(Malformed, "valid from"):
                swarm_identity.proven_agent(certificate, "local", then)


class WithANode(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self) -> None:
        self.assertTrue(DOORMAN.exists(), "build it first: cargo build -p swarm-core --example doorman")
        self.node = await asyncio.create_subprocess_exec(DOORMAN, stdout=asyncio.subprocess.PIPE)
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

    async def repeat(self, peer: swarm_client.Peer, text: str) -> tuple[list[tuple[str, bytes]], dict[str, Any]]:
        chunks: list[tuple[str, bytes]] = []
        outcome = await peer.ask("doorman.repeat", text.encode(), lambda *chunk: chunks.append(chunk), seconds=10)
        return chunks, outcome

    async def test_a_whole_visit(self) -> None:
        identity = Identity()
        async with connect(self.url, identity) as peer:
            await self.said(f"came {identity.agent} from 127.0.0.1:")
            self.assertEqual(peer.theirs["agent"], peer.proven)
            self.assertIn({"capability": "doorman.repeat"}, peer.theirs["capabilities"])

            observations, ticks = peer.observations(), []
            async with asyncio.timeout(10):
                while len(ticks) < 4:
                    each = await anext(observations)
                    if each["topic"] == "doorman.tick":
                        ticks.append(int(each["payload"]))
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
        async with connect(self.url, Identity()) as peer:
            chunks, outcome = await self.repeat(peer, text)
        self.assertEqual(outcome, {"outcome": "completed"})
        self.assertEqual(b" ".join(payload for _, payload in chunks).decode(), text)

    async def test_a_body_of_several_chunks_that_is_not_read_to_its_end_fails_with_the_reason(self) -> None:
        async with connect(self.url, Identity()) as peer:
            chunks, outcome = await self.repeat(peer, 200_000 * "x")
            self.assertEqual((chunks, outcome["outcome"]), ([], "failed"))
            self.assertIn("4096", outcome["error"])  # of which the doorman reads no more
            self.assertEqual((await self.repeat(peer, "again"))[1], {"outcome": "completed"})

    async def test_requests_run_side_by_side(self) -> None:
        async with connect(self.url, Identity()) as peer:
            answers = await asyncio.gather(*[self.repeat(peer, f"request {n}") for n in range(20)])
        for n, (chunks, outcome) in enumerate(answers):
            self.assertEqual((chunks, outcome["outcome"]),
                             ([("word", b"request"), ("word", b"%d" % n)], "completed"))

    async def test_a_request_that_is_given_up_leaves_the_connection_as_it_was(self) -> None:
        def refuse(label: str, payload: bytes) -> None:
            raise RuntimeError("enough")

        async with connect(self.url, Identity()) as peer:
            with self.assertRaisesRegex(RuntimeError, "enough"):
                await peer.ask("doorman.repeat", b"one two three", refuse, seconds=10)
            self.assertEqual((await self.repeat(peer, "again"))[1], {"outcome": "completed"})

    async def test_a_node_that_ends_is_noticed(self) -> None:
        async with connect(self.url, Identity()) as peer:
            self.node.kill()
            async with asyncio.timeout(10):
                async for _ in peer.observations():
                    pass
            with self.assertRaises(Ended):
                peer.observe("visitor.note", b"")

    async def test_requests_of_the_node_are_answered(self) -> None:
        head = {"id": Identity().agent, "capability": "sing"}
        async with connect(self.url, Identity()) as peer:
            for data, answer in ((encode_frame(16, head), mock.call.send(1, NOTHING_SERVED, end=True)),
                                 (encode_frame(18), mock.call.give_up(5, 3))):
                done, calls = asyncio.Event(), mock.Mock()
                stream_id = answer.args[0]
                with (mock.patch.object(peer, "send", calls.send), mock.patch.object(peer, "give_up", calls.give_up),
                      mock.patch.object(peer, "forget", lambda _: done.set())):
                    # The doorman asks for nothing: what a node would send is put in here.
                    peer.quic_event_received(events.StreamDataReceived(b"\x40\x41\x00" + data, False, stream_id))
                    async with asyncio.timeout(5):
                        await done.wait()
                self.assertEqual(calls.mock_calls, [answer])

    async def refusal(self, url: str = "", said: dict[str, Any] | None = None) -> tuple[int, str]:
        with self.assertRaises(Ended) as refused:
            async with connect(url or self.url, Identity(), said=said or {}):
                self.fail("the node took us in")
        return refused.exception.args

    async def test_a_hello_for_the_wrong_swarm_is_turned_away(self) -> None:
        code, reason = await self.refusal(said={"swarm": "elsewhere"})
        self.assertEqual(code, 3)
        self.assertRegex(reason, "swarm")

    async def test_a_hello_of_another_version_is_turned_away(self) -> None:
        code, reason = await self.refusal(said={"versions": {"min": 99, "max": 99}})
        self.assertEqual(code, 2)
        self.assertRegex(reason, "version")

    async def test_a_hello_of_another_agent_is_turned_away(self) -> None:
        code, reason = await self.refusal(said={"agent": Identity().agent})
        self.assertEqual(code, 6)
        self.assertRegex(reason, "certificate|identity|agent")

    async def test_a_certificate_of_the_wrong_swarm_is_turned_away(self) -> None:
        def elsewhere(identity: Identity, swarm: str) -> Any:
            return swarm_session.configuration(identity, "elsewhere")

        with mock.patch.object(swarm_client, "configuration", elsewhere):
            code, reason = await self.refusal()
        self.assertEqual(code, 0x12E)
        self.assertRegex(reason, "certificate")

    async def test_a_node_of_another_swarm_is_not_entered(self) -> None:
        with self.assertRaisesRegex(Ended, "it names .*/local/.*, not .*/elsewhere/"):
            async with connect(self.url, Identity(), swarm="elsewhere"):
                self.fail("the client took the node for one of its swarm")

    async def test_another_path_is_turned_away(self) -> None:
        _, reason = await self.refusal(url=self.url.replace("/swarm/v1", "/elsewhere"))
        self.assertRegex(reason, "404")


if __name__ == "__main__":
    unittest.main()
