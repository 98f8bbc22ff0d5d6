"""A client of Swarm, protocol version 1, after docs/protocol.md: hello, observations, assistance, goodbye."""

import argparse
import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable, Collection, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any
from urllib.parse import SplitResult, urlsplit

from aioquic.asyncio.client import connect as dial

from swarm_identity import Identity, Malformed, require, swarm_id
from swarm_messages import Known, decode_datagram, decode_frame, encode_datagram, encode_frame
from swarm_session import STREAM_HEADER, Ended, Reset, Session, configuration, to_wire

HELLO, GOODBYE, INTRODUCE, HEAD, BODY, END, REPLY, OUTCOME = 1, 2, 3, 16, 17, 18, 32, 33


class Peer(Session):
    """A connection to a node. `connect` makes and ends it."""

    def __init__(self, quic: Any, url: SplitResult, swarm: str, hello: dict[str, Any]) -> None:
        super().__init__(quic, url, swarm, lambda *stream: self._start(self._turn_down(*stream)))
        self.hello, self.theirs = hello, {}
        self._greeted, self._tasks = asyncio.Event(), set()
        self._sequence, self._running, self._known = 0, 0, Known()

    async def observations(self) -> AsyncIterator[dict[str, Any]]:
        """What the peer observes, until one of both leaves."""
        while (data := await self.datagrams.get()) is not None:
            with suppress(Malformed):
                for each in decode_datagram(data):
                    if each["origin"] == self.proven and self._known.is_new(each["epoch"], each["sequence"]):
                        yield each
        self.datagrams.put_nowait(None)

    def observe(self, topic: str, payload: bytes) -> None:
        self.require_open()
        data = encode_datagram(dict(origin=self.hello["agent"], epoch=self.hello["epoch"], sequence=self._sequence + 1,
                                    topic=topic, sent_at=time.time_ns() // 1_000, hops=0, payload=payload))
        # Trick: aioquic's packets have 1,200 bytes, and a datagram that does not fit blocks its queue for good.
        require(len(data) <= min(1_100, self.theirs["limits"]["max_datagram_bytes"]), "too long for an observation")
        self._sequence += 1
        self.send_datagram(data)

    async def ask(self, capability: str, payload: bytes, on_chunk: Callable[[str, bytes], None],
                  seconds: float = 30.0) -> dict[str, Any]:
        """Asks for assistance, hands on each chunk (label, payload) as it comes, and returns the outcome."""
        self.require_open()
        require(self._running < self.theirs["limits"]["max_requests"], "as many requests run as the peer takes")
        head = dict(id=swarm_id(os.urandom(16)), capability=capability, deadline_ms=int(seconds * 1_000))
        body = [encode_frame(BODY, "", payload[at:at + 65_536]) for at in range(0, len(payload), 65_536)]
        frames = [encode_frame(HEAD, head), *body, encode_frame(END)]
        reader, stream_id = self.open_stream()
        self._running, give_up = self._running + 1, 1
        try:
            self.send(stream_id, b"".join(frames), end=True)
            async with asyncio.timeout(seconds):
                while (frame := await self._read(reader, {REPLY, OUTCOME}))[0] == REPLY:
                    on_chunk(*frame[1:])
            give_up = 0
            return frame[1]
        except TimeoutError:
            give_up = 2
            return {"outcome": "deadline_exceeded"}
        except Malformed as error:
            give_up = 3
            return {"outcome": "malformed", "reason": str(error)}
        except Reset as reset:
            words = {2: "deadline_exceeded", 3: "malformed", 4: "shut_down"}
            return {"outcome": words.get(reset.args[0], "failed"), "error": "the peer gave up"}
        finally:
            self._running -= 1
            if give_up:
                self.give_up(stream_id, give_up)
            self.forget(stream_id)
            self._close_if_done()

    async def leave(self, code: int = 0, reason: str = "") -> None:
        """Says goodbye, unless the peer did or is gone, waits for its close, and closes."""
        if not self.ended:
            said = encode_frame(GOODBYE, code, reason.encode()[:256].decode(errors="ignore"))
            self.send(self._control, said)
            with suppress(TimeoutError):
                await asyncio.wait_for(self.wait_closed(), 0.25)
        self.close(to_wire(code), reason)

    async def greet(self) -> None:
        await self.opened
        reader, self._control = self.open_stream()
        self.send(self._control, encode_frame(HELLO, self.hello))
        code, reason = 1, ""
        try:
            kind, *said = await self._read(reader, {HELLO, GOODBYE}, longest=4_096)
            if kind == GOODBYE:
                raise Ended(*said)
            self.theirs, ours = said[0], self.hello["versions"]
            code, reason = self._objection(said[0], min(ours["max"], said[0]["versions"]["max"]))
        except Malformed as error:
            reason = f"the Hello cannot be read: {error}"
        if reason:
            await self.leave(code, reason)
            raise Ended(code, reason)
        self._greeted.set()
        self._start(self._read_control(reader))

    def _objection(self, theirs: dict[str, Any], version: int) -> tuple[int, str]:
        if version < max(theirs["versions"]["min"], self.hello["versions"]["min"]):
            return 2, f"no common version: {theirs['versions']}"
        if theirs["swarm"] != self.swarm:
            return 3, f"the swarm is {self.swarm}, not {theirs['swarm']}"
        if theirs["agent"] != self.proven:
            return 6, f"the certificate proves {self.proven}, not {theirs['agent']}"
        return (5, "this is the agent itself") if theirs["agent"] == self.hello["agent"] else (0, "")

    async def _read_control(self, reader: asyncio.StreamReader) -> None:
        try:
            while True:
                kind, *said = await self._read(reader, {GOODBYE, INTRODUCE})
                if kind == GOODBYE:
                    self.end(Ended(*said))
                    self._close_if_done()
        except (Malformed, Reset, Ended) as error:
            self.close(to_wire(1), f"the control stream: {error!r}"[:200])  # nothing happens if it is closed already

    async def _turn_down(self, reader: asyncio.StreamReader, stream_id: int) -> None:
        """Answers a request of the peer: this client serves nothing."""
        await self._greeted.wait()
        try:
            async with asyncio.timeout(2):
                require(await reader.readexactly(3) == STREAM_HEADER, "not a stream of the session")
                await self._read(reader, {HEAD}, longest=16_384)
            self.send(stream_id, encode_frame(OUTCOME, {"outcome": "no_such_capability"}), end=True)
        except (TimeoutError, Malformed, Reset, Ended, asyncio.IncompleteReadError) as error:
            self.give_up(stream_id, 2 if isinstance(error, TimeoutError) else 1 if isinstance(error, Reset) else 3)
        self.forget(stream_id)

    async def _read(self, reader: asyncio.StreamReader, kinds: Collection[int], longest: int = 66_560) -> list[Any]:
        try:
            length = int.from_bytes(await reader.readexactly(4), "big")
            require(0 < length <= longest, f"a frame of {length} bytes")
            return decode_frame(await reader.readexactly(length), kinds)
        except asyncio.IncompleteReadError:
            raise self.ended or Ended(1, "the peer ended a stream before its last frame") from None

    def _close_if_done(self) -> None:
        if self.ended and not self._running:
            self.close(to_wire(0))

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        self._tasks.add(task := asyncio.create_task(work))
        task.add_done_callback(self._tasks.discard)


@asynccontextmanager
async def connect(url: str, identity: Identity, swarm: str = "local", said: dict[str, Any] = {}) -> AsyncIterator[Peer]:
    """Dials a node, checks it and greets it within 3 s, and leaves in order. `said` replaces keys of our Hello."""
    versions, epoch = {"min": 1, "max": 1}, time.time_ns() // 1_000_000
    hello = dict(versions=versions, agent=identity.agent, swarm=swarm, epoch=epoch, capabilities=[], limits={}) | said
    where = urlsplit(url)
    async with dial(where.hostname, where.port, configuration=configuration(identity, swarm), wait_connected=False,
                    create_protocol=lambda quic, **_: Peer(quic, where, swarm, hello)) as peer:
        peer.transmit()  # not waited for: aioquic would keep the reason of a failure to itself
        async with asyncio.timeout(3):
            await peer.greet()
        try:
            yield peer
        finally:
            await peer.leave()


async def run(options: argparse.Namespace) -> None:
    async with connect(options.url, Identity(), options.swarm) as peer:
        print("connected to", peer.proven)
        observations = peer.observations()
        for _ in range(options.observations):
            if (each := await anext(observations, None)) is None:
                raise peer.ended
            print(f"observed {each['topic']}: {each['payload'].decode(errors='replace')}", flush=True)
        peer.observe("client.text", options.text.encode())
        print(await peer.ask(options.capability, options.text.encode(), lambda label, payload: print(
            f"{label}: {payload.decode(errors='replace')}", flush=True)))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Observe, and ask for assistance, at a node of Swarm.")
    parser.add_argument("url", help="as a node prints it: https://HOST:PORT/swarm/v1")
    parser.add_argument("--swarm", default="local")
    parser.add_argument("--capability", required=True)
    parser.add_argument("--text", default="", help="what is observed, and the body of the request")
    parser.add_argument("--observations", type=int, default=0, help="how many to wait for and print, first")
    try:
        asyncio.run(run(parser.parse_args()))
    except (Ended, Malformed, TimeoutError) as error:
        raise SystemExit(f"the client ended: {str(error) or 'nothing came in time'}")
