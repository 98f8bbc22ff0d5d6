"""Messages of Swarm, written and read: sections 4 to 8 of docs/protocol.md.

A shape says what may stand in a place; `read` checks a decoded value against it.
"""

import ipaddress
import re
from collections.abc import Iterable
from typing import Any
from uuid import UUID

import msgpack

from swarm_identity import Malformed, require, swarm_id


class Text(int):
    """Text of at most so many bytes."""


class Binary(int):
    """At most so many bytes."""


LABELS = r"(?=[^@]{1,128}(@|\Z))[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*"
SWARM, TOPIC = re.compile("[a-z0-9][a-z0-9-]{0,62}"), re.compile(LABELS)
CAPABILITY = re.compile(LABELS + "(@[1-9][0-9]{0,4})?")
U8, U32, U64 = range(2**8), range(2**32), range(2**64)
REQUIRED, STAYS_OUT = object(), object()
NIL_IS_LEFT_OUT = {"deadline_ms", "reason", "error", "retry_after_ms"}


def read(shape: Any, value: Any) -> Any:
    """The value, if it has the shape. Of a map: {key: shape, or (shape, what stands for it if it is left out)}."""
    match shape:
        case range():
            fits = type(value) is int and value in shape
        case Text():
            fits = type(value) is str and len(value.encode()) <= shape
        case Binary():
            fits = type(value) is bytes and len(value) <= shape
        case re.Pattern():
            fits = type(value) is str and shape.fullmatch(value)
        case type():
            fits = isinstance(value, shape)
        case tuple():  # elements behind these belong to later versions
            require(len(read(list, value)) >= len(shape), f"an array of {len(value)} is too short")
            return [read(inner, item) for inner, item in zip(shape, value)]
        case list():
            return [read(shape[0], item) for item in read(list, value)]
        case dict():
            return dict(read_keys(shape, read(dict, value)))
        case _:
            return shape(value)
    require(fits, f"{value!r:.60} does not fit {shape!r:.60}")
    return value


def read_keys(shape: dict[str, Any], value: dict[Any, Any]) -> Iterable[tuple[str, Any]]:
    require(all(type(key) is str for key in value), "a key is no text")
    require(not shape.keys() & getattr(value, "twice", ()), "a key comes twice")
    for key, inner in shape.items():
        inner, default = inner if type(inner) is tuple else (inner, REQUIRED)
        item = value.get(key, default)
        item = default if item is None and key in NIL_IS_LEFT_OUT else item
        require(item is not REQUIRED, f"{key} is missing")
        if item is not STAYS_OUT:
            yield key, read(inner, item)


def an_id(value: Any) -> UUID:
    require(type(value) is bytes and value == swarm_id(value.ljust(16)).bytes, f"{value!r:.60} is no id")
    return UUID(bytes=value)


def address(value: Any) -> str:
    host, _, port = read(Text(64), value).rpartition(":")
    try:
        bracketed = ipaddress.ip_address(host.removeprefix("[").removesuffix("]")).version == 6
    except ValueError:
        raise Malformed(f"{host} is no IP address") from None
    require(bracketed == host.startswith("[") == host.endswith("]") and port.isdecimal(), "no address")
    read(range(2**16), int(port))
    return value


def metadata(value: Any) -> dict[str, str]:
    require(len(read(dict, value)) <= 32 and not getattr(value, "twice", ()), "too much metadata")
    return {read(str, key): read(str, item) for key, item in value.items()}


def outcome(value: Any) -> dict[str, Any]:
    word = read({"outcome": Text(1024)}, value)["outcome"]
    if word not in OUTCOMES:
        return {"outcome": "failed", "error": f'the outcome "{word}" is not known here'}
    return read({"outcome": Text(1024)} | OUTCOMES[word], value)


def at_most(count: int, shape: list) -> Any:
    return lambda value: read(shape, value) if len(read(list, value)) <= count else require(False, "too many")


OUTCOMES = {
    "completed": {}, "no_such_capability": {}, "deadline_exceeded": {}, "shut_down": {},
    "declined": {"reason": (Text(1024), "")}, "failed": {"error": (Text(1024), "")},
    "malformed": {"reason": (Text(1024), "")}, "busy": {"retry_after_ms": (U32, 0)},
}
LIMITS = {"max_requests": (U32, 64), "max_datagram_bytes": (U32, 1_100)}
HELLO = {
    "versions": {"min": U8, "max": U8}, "agent": an_id, "swarm": SWARM, "epoch": U64,
    "capabilities": (at_most(64, [{"capability": CAPABILITY}]), []), "limits": (LIMITS, {}),
}
HEAD = {
    "id": an_id, "capability": CAPABILITY, "deadline_ms": (U32, STAYS_OUT), "metadata": (metadata, STAYS_OUT),
}
INTRODUCTIONS = at_most(256, [{"agent": an_id, "address": address}])
CHUNK = (Text(64), Binary(65_536))
FRAMES = {
    1: (HELLO,), 2: (U32, Text(256)), 3: (INTRODUCTIONS,),
    16: (HEAD,), 17: CHUNK, 18: (), 32: CHUNK, 33: (outcome,),
}
OBSERVATION = {
    "origin": an_id, "epoch": U64, "sequence": U64, "topic": TOPIC, "sent_at": U64, "hops": U8, "payload": bytes,
}


def elements(value: Any, level: int = 1) -> int:
    """The guard of section 6: how many elements there are, if they nest no deeper than is allowed."""
    if not isinstance(value, list | dict):
        require(type(value) in (type(None), bool, int, float, str, bytes), "an extension type")
        return 0
    require(level <= 16, "nested too deep")
    items = value if isinstance(value, list) else [item for pair in value.items() for item in pair]
    return len(items) + sum(elements(item, level + 1) for item in items)


class Map(dict):
    """A decoded map that remembers which keys came twice: those that are not known may."""

    def __init__(self, pairs: list[tuple[Any, Any]]) -> None:
        super().__init__()
        self.twice = {key for key, _ in pairs if key in self or self.update({key: None})}
        self.update(pairs)


def decode(data: bytes) -> list[Any]:
    """The values that stand one behind the other in `data`."""
    values, unpacker = [], msgpack.Unpacker(object_pairs_hook=Map, strict_map_key=False, max_buffer_size=len(data) or 1)
    unpacker.feed(data)
    try:
        while unpacker.tell() < len(data):
            values.append(unpacker.unpack())
            require(elements(values[-1]) <= 16_384, "too many elements")
    except (ValueError, TypeError, msgpack.UnpackException) as error:
        raise Malformed(f"{error or 'cut off'}") from error
    return values


def encode(value: Any) -> bytes:
    return msgpack.packb(value, default=lambda identifier: identifier.bytes)


def decode_frame(data: bytes, kinds: Iterable[int] = FRAMES) -> list[Any]:
    """[kind, element, ...] of a frame without its length."""
    values = decode(data)
    require(len(values) == 1, "not one value in a frame")
    kind = read((U8,), values[0])[0]
    require(kind in kinds, f"no frame of kind {kind} is expected here")
    return read((U8, *FRAMES[kind]), values[0])


def encode_frame(*frame: Any) -> bytes:
    """A frame with its length in front."""
    decode_frame(data := encode(frame))  # what a node would refuse does not leave
    return len(data).to_bytes(4, "big") + data


def decode_datagram(data: bytes) -> list[dict[str, Any]]:
    """The observations of a datagram without the leading 00: none if it is padding."""
    if data[:1] == b"\x10":
        return []
    require(data[:1] == b"\x11", "a datagram of another version or kind")
    found = [dict(zip(OBSERVATION, read(tuple(OBSERVATION.values()), value))) for value in decode(data[1:])]
    require(1 <= len(found) <= 256, f"{len(found)} observations in a datagram")
    return found


def encode_datagram(*observations: dict[str, Any]) -> bytes:
    data = b"\x11" + b"".join(encode([each[key] for key in OBSERVATION]) for each in observations)
    decode_datagram(data)
    return data


class Known:
    """Tells the observations of one origin that came before, by the window of section 7."""

    def __init__(self) -> None:
        self.epoch, self.highest, self.seen = -1, 0, 0  # bit n of seen: the sequence n below the highest

    def is_new(self, epoch: int, sequence: int) -> bool:
        if epoch > self.epoch:
            self.epoch, self.highest, self.seen = epoch, sequence, 0
        ahead, below = max(0, sequence - self.highest), max(0, self.highest - sequence)
        if epoch < self.epoch or below > 1_024 or not ahead and self.seen >> below & 1:
            return False
        self.seen = self.seen << min(ahead, 1_025) & (1 << 1_025) - 1 | 1 << below
        self.highest += ahead
        return True
