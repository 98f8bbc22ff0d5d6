"""A WebTransport session of Swarm on aioquic: sections 3 and 9 of docs/protocol.md, and what aioquic needs for them.

Reading on a stream of the session raises `Reset` if the peer gives it up; `ended` says why the connection ended.
"""

import asyncio
import ssl
from collections.abc import Callable
from contextlib import suppress
from typing import Any
from urllib.parse import SplitResult
from uuid import UUID

from aioquic.asyncio import QuicConnectionProtocol
from aioquic.h3.connection import H3Connection
from aioquic.h3.events import DatagramReceived, HeadersReceived
from aioquic.quic import events
from aioquic.quic.configuration import QuicConfiguration

from swarm_identity import Identity, proven_agent

STREAM_HEADER = b"\x40\x41\x00"
FIRST_CODE, LAST_CODE = 0x52E4A40FA8DB, 0x52E5AC983162
BAD_CERTIFICATE, CRYPTO_FRAME, NO_ERROR = 0x12E, 0x06, 0x100


class Ended(ConnectionError):
    """The peer refused, left or was lost: a code of section 9 (or of QUIC) and a reason."""

    def __str__(self) -> str:  # an OSError of two arguments would be shown as one of the system
        return "{1} (code {0:#x})".format(*self.args)


class Reset(Exception):
    """The peer gave up on a stream: a code of section 9."""


def to_wire(code: int) -> int:
    return FIRST_CODE + code + code // 0x1E


def from_wire(wire: int, otherwise: int) -> int:
    return wire - FIRST_CODE - (wire - FIRST_CODE) // 0x1F if FIRST_CODE <= wire <= LAST_CODE else otherwise


def configuration(identity: Identity, swarm: str) -> QuicConfiguration:
    # Trick: without a `max_datagram_frame_size` aioquic takes no datagrams at all. CERT_NONE leaves the peer's
    # certificate to `_open`. aioquic allows the peer 128 streams of each kind by itself, which is enough.
    made = QuicConfiguration(alpn_protocols=["h3"], idle_timeout=6.0, max_datagram_frame_size=65_536,
                             verify_mode=ssl.CERT_NONE)
    made.certificate, made.private_key = identity.certificate(swarm)
    return made


class Http3(H3Connection):
    """Trick: private parts of aioquic, for the settings of section 3 alone and no MAX_PUSH_ID behind them."""

    def _init_connection(self) -> None:
        self._max_push_id = None
        super()._init_connection()

    def _get_local_settings(self) -> dict[int, int]:
        return {0x08: 1, 0x33: 1, 0x2B603742: 1, 0xC671706A: 1}


class Session(QuicConnectionProtocol):
    """The dialling side of one session. `opened` is done when the peer has answered 200."""

    def __init__(self, quic: Any, url: SplitResult, swarm: str,
                 accept: Callable[[asyncio.StreamReader, int], None]) -> None:
        super().__init__(quic)
        self.url, self.swarm, self._accept = url, swarm, accept
        self.opened: asyncio.Future[None] = self._loop.create_future()
        self.proven: UUID | None = None  # the agent that the peer's certificate proves
        self.ended: Ended | None = None
        self.datagrams: asyncio.Queue[bytes | None] = asyncio.Queue()  # without the leading 00; None is the end
        self._http: Http3 | None = None
        self._readers: dict[int, asyncio.StreamReader | None] = {}  # None: forgotten

    def end(self, why: Ended) -> None:
        """Nothing new begins from here on."""
        self.ended = self.ended or why
        self.datagrams.put_nowait(None)
        if not self.opened.done():
            self.opened.set_exception(why)

    def require_open(self) -> None:
        if self.ended:
            raise self.ended

    def send_datagram(self, data: bytes) -> None:
        self._http.send_datagram(0, data)
        self.transmit()

    def open_stream(self) -> tuple[asyncio.StreamReader, int]:
        # Trick: not aioquic's create_stream, for asyncio's StreamWriter ends its stream when it is collected as garbage.
        stream_id = self._quic.get_next_available_stream_id()
        self._readers[stream_id] = asyncio.StreamReader()
        self.send(stream_id, STREAM_HEADER)
        return self._readers[stream_id], stream_id

    def send(self, stream_id: int, data: bytes, end: bool = False) -> None:
        with suppress(RuntimeError):  # the peer has sent STOP_SENDING: it does not want any more
            self._quic.send_stream_data(stream_id, data, end)
        self.transmit()

    def give_up(self, stream_id: int, code: int) -> None:
        """STOP_SENDING and RESET_STREAM."""
        try:
            self._quic.stop_stream(stream_id, to_wire(code))
        except ValueError:
            return  # aioquic has forgotten the stream: both directions are over
        self._quic.reset_stream(stream_id, to_wire(code))
        self.transmit()

    def forget(self, stream_id: int) -> None:
        """Drops what may still come on a stream."""
        self._readers[stream_id] = None

    def quic_event_received(self, event: events.QuicEvent) -> None:
        stream_id = getattr(event, "stream_id", 0)
        if isinstance(event, events.HandshakeCompleted):
            self._open()
        elif isinstance(event, events.ConnectionTerminated):
            self.end(Ended(from_wire(event.error_code, event.error_code), event.reason_phrase))
            for reader in filter(None, self._readers.values()):
                reader.feed_eof()
        elif stream_id > 0 and stream_id % 4 < 2:
            # Trick: aioquic's HTTP/3 would take the answer on a stream that we opened for HTTP/3 frames and end the
            # connection with 0x106. So it sees none of the session's streams, whoever opened them.
            self._stream_event(stream_id, event)
        elif self._http:
            for found in self._http.handle_event(event):
                self._http_event(found)

    def _stream_event(self, stream_id: int, event: events.QuicEvent) -> None:
        data = event if isinstance(event, events.StreamDataReceived) else None
        if data and stream_id not in self._readers and stream_id % 4 == 1:
            self._readers[stream_id] = asyncio.StreamReader()
            self._accept(self._readers[stream_id], stream_id)
        if (reader := self._readers.get(stream_id)) is None:
            return
        if isinstance(event, events.StreamReset):
            reader.set_exception(Reset(from_wire(event.error_code, 1)))
        elif data:
            reader.feed_data(data.data)
            if data.end_stream:
                reader.feed_eof()

    def _open(self) -> None:
        try:  # Trick: the peer's certificate is to be had from a private attribute alone.
            self.proven = proven_agent(self._quic.tls._peer_certificate, self.swarm)
        except Exception as error:  # whatever a stranger's certificate brings about
            self._quic.close(BAD_CERTIFICATE, CRYPTO_FRAME, f"the node's certificate: {error!r}"[:500])
            return
        self._http = Http3(self._quic, enable_webtransport=True)
        self._http.send_headers(self._quic.get_next_available_stream_id(), [
            (b":method", b"CONNECT"), (b":scheme", b"https"), (b":authority", self.url.netloc.encode()),
            (b":path", self.url.path.encode()), (b":protocol", b"webtransport")])

    def _http_event(self, event: Any) -> None:
        if isinstance(event, HeadersReceived) and not self.opened.done():
            status = dict(event.headers).get(b":status", b"none").decode()
            if status == "200":
                self.opened.set_result(None)
                self.send_datagram(b"\x10")  # the first datagram is thrown away
            else:
                self.close(NO_ERROR, f"the node answered with status {status}")
        elif isinstance(event, DatagramReceived) and event.stream_id == 0 and self.datagrams.qsize() < 1_024:
            self.datagrams.put_nowait(event.data)
