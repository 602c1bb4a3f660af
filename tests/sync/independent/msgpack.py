"""A small MessagePack reader and writer for the types of PROTOCOL 5.1."""

from typing import Final

Value = None | bool | int | str | bytes | list["Value"]

_UNSIGNED: Final = {0xCC: 1, 0xCD: 2, 0xCE: 4, 0xCF: 8}
_SIGNED: Final = {0xD0: 1, 0xD1: 2, 0xD2: 4, 0xD3: 8}
_STR: Final = {0xD9: 1, 0xDA: 2, 0xDB: 4}
_BIN: Final = {0xC4: 1, 0xC5: 2, 0xC6: 4}
_ARRAY: Final = {0xDC: 2, 0xDD: 4}
_DEPTH: Final = 16


class RefusedError(Exception):
    """Data that PROTOCOL says to refuse, with its code."""

    def __init__(self, code: str, why: str = "") -> None:
        super().__init__(f"{code}: {why}")
        self.code = code


class _Reader:
    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def take(self, count: int) -> bytes:
        part = self.data[self.at : self.at + count]
        if len(part) != count:
            raise RefusedError("msgpack", "cut")
        self.at += count
        return part

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size), "big")

    def value(self, depth: int = 0) -> Value:
        if depth > _DEPTH:
            raise RefusedError("msgpack", "too deep")
        tag = self.number(1)
        if tag <= 0x7F:
            return tag
        if tag >= 0xE0:
            return tag - 0x100
        if 0x90 <= tag <= 0x9F:
            return self.array(tag & 0x0F, depth)
        if 0xA0 <= tag <= 0xBF:
            return self.text(tag & 0x1F)
        return self.long(tag, depth)

    def long(self, tag: int, depth: int) -> Value:
        if tag == 0xC0:
            return None
        if tag in (0xC2, 0xC3):
            return tag == 0xC3
        if tag in _UNSIGNED:
            return self.number(_UNSIGNED[tag])
        if tag in _SIGNED:
            return int.from_bytes(self.take(_SIGNED[tag]), "big", signed=True)
        if tag in _STR:
            return self.text(self.number(_STR[tag]))
        if tag in _BIN:
            return self.take(self.number(_BIN[tag]))
        if tag in _ARRAY:
            return self.array(self.number(_ARRAY[tag]), depth)
        raise RefusedError("msgpack", f"type {tag:#x}")

    def text(self, length: int) -> str:
        try:
            return self.take(length).decode("utf-8")
        except UnicodeDecodeError as error:
            raise RefusedError("msgpack", "not UTF-8") from error

    def array(self, length: int, depth: int) -> Value:
        if length > len(self.data) - self.at:
            raise RefusedError("msgpack", "cut")
        return [self.value(depth + 1) for _ in range(length)]


def unpack(data: bytes) -> Value:
    """Read one value that fills `data`."""
    reader = _Reader(data)
    value = reader.value()
    if reader.at != len(data):
        raise RefusedError("msgpack", "bytes behind the value")
    return value


def unpack_canonical(data: bytes) -> Value:
    """Read one value in its only allowed form."""
    value = unpack(data)
    if pack(value) != data:
        raise RefusedError("msgpack", "not canonical")
    return value


def pack(value: object) -> bytes:
    """Write a value in its only allowed form."""
    if value is None:
        return b"\xc0"
    if isinstance(value, bool):
        return b"\xc3" if value else b"\xc2"
    if isinstance(value, int):
        return _pack_int(value)
    if isinstance(value, str):
        data = value.encode()
        head = bytes([0xA0 | len(data)]) if len(data) < 32 else _head(len(data), 0xD9, 0xDA, 0xDB)
        return head + data
    if isinstance(value, bytes):
        return _head(len(value), 0xC4, 0xC5, 0xC6) + value
    if isinstance(value, list | tuple):
        count = len(value)
        head = bytes([0x90 | count]) if count < 16 else _head(count, None, 0xDC, 0xDD)
        return head + b"".join(map(pack, value))
    raise TypeError(f"no form for {type(value).__name__}")


def _pack_int(value: int) -> bytes:
    if -32 <= value <= 0x7F:
        return value.to_bytes(1, "big", signed=value < 0)
    forms, signed = (_SIGNED, True) if value < 0 else (_UNSIGNED, False)
    for tag, size in forms.items():
        bits = 8 * size - signed
        if -(1 << bits) <= value < 1 << bits:
            return bytes([tag]) + value.to_bytes(size, "big", signed=signed)
    raise RefusedError("msgpack", "integer out of range")


def _head(length: int, one: int | None, two: int, four: int) -> bytes:
    if one is not None and length < 1 << 8:
        return bytes([one, length])
    if length < 1 << 16:
        return bytes([two]) + length.to_bytes(2, "big")
    return bytes([four]) + length.to_bytes(4, "big")
