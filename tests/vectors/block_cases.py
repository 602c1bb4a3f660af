"""Vectors of blocks: good ones, and one file for each defect (PROTOCOL 4).

Zstd frames are written here bit by bit, so that they do not depend on a library's version.
"""

from dataclasses import dataclass
from typing import Any, Final

import msgspec

from tests.sync.craft import (
    Author,
    County,
    Wish,
    encode_wishes,
    id_of,
    pack_header,
    seed_of,
    sign_header,
)
from tests.vectors.pure_cases import COUNTY, SCOPE, Case, group
from xueshi_sync.block import CODEC_ZSTD, EPOCH_OPEN, HEADER, Block, parse_block
from xueshi_sync.body import INSERT

ZSTD_MAGIC: Final = b"\x28\xb5\x2f\xfd"
RAW_BLOCK, RLE_BLOCK = 0, 1


@dataclass(frozen=True)
class Defect:
    """A block that must be refused: its bytes, the code, and why."""

    data: bytes
    code: str
    why: str


def author() -> Author:
    """The school of every block vector, its open block made."""
    made = Author(COUNTY, "vectors/school", SCOPE, nonce=id_of("nonce"))
    made.open()
    return made


def opening() -> Block:
    """The epoch-open block of that school."""
    tip = author().tip
    assert tip is not None
    return tip


_RAW: Final = encode_wishes([Wish(INSERT, "person", {"staff_no": "T1", "name": "王英"})])


def build(
    raw: bytes = _RAW,
    *,
    stored: bytes | None = None,
    seed: bytes = b"",
    extensions: bytes = b"",
    **changes: object,
) -> bytes:
    """The school's second block, with anything in its header changed before it is signed."""
    first = opening()
    body = raw if stored is None else stored
    fields: dict[str, object] = {
        "op_count": 1, "feed": first.header.feed, "prev": first.bid, "seq": 1,
        "header_len": HEADER.size + len(extensions), "raw_len": len(raw), **changes,
    }  # fmt: skip
    header = pack_header(body, **fields) + extensions
    return sign_header(seed or author().seed, header) + body


def zstd_frame(content_size: int | None, *blocks: tuple[int, int, bytes]) -> bytes:
    """A frame of blocks (type, size, bytes), with the stated content size or none."""
    frame = ZSTD_MAGIC
    if content_size is None:
        frame += b"\x00\x58"  # window 2 MiB
    else:
        frame += b"\xa0" + content_size.to_bytes(4, "little")
    for place, (kind, size, data) in enumerate(blocks, 1):
        last = place == len(blocks)
        frame += (size << 3 | kind << 1 | last).to_bytes(3, "little") + data
    return frame


def literal_frame(raw: bytes) -> bytes:
    """A frame that holds its content as it is."""
    return zstd_frame(len(raw), (RAW_BLOCK, len(raw), raw))


def bomb(content_size: int, inflated: int) -> bytes:
    """A frame of run-length blocks that inflates to something else than it states."""
    runs = [(RLE_BLOCK, 128 * 1024, b"\0")] * (inflated // (128 * 1024))
    return zstd_frame(content_size, *runs)


def zstd_block(frame: bytes, raw_len: int) -> bytes:
    """A block whose stored body is a frame."""
    return build(b"", stored=frame, codec=CODEC_ZSTD, raw_len=raw_len)


def blocks() -> list[Case]:
    """Good blocks."""
    first = opening()
    cases = {
        "epoch-open": (first.data, "The first block of every feed."),
        "data": (build(), "One insert."),
        "fork": (build(wall_ms=1), "Another block behind the same parent: both count."),
        "zstd": (
            zstd_block(literal_frame(_RAW), len(_RAW)), "The same insert in a zstd frame."),
        "extension-unknown": (
            build(extensions=b"\x63\x00\x02\x00hi"), "An extension that nobody must understand."),
        "extension-reserved-critical": (
            build(extensions=b"\x01\x01\x10\x00" + bytes(16)), "A reserved extension, critical."),
        "kind-reserved": (build(op_count=0, kind=4), "A receipt-log block, to come: stored."),
        "clock-of-2099": (build(wall_ms=4_070_908_800_000), "Clocks decide nothing."),
        "body-malformed": (
            build(b"\xc1"), "A body that is no MessagePack: stored and relayed, not applied."),
    }  # fmt: skip
    return [
        {"name": name, "origin": why, "net": COUNTY.net.hex(), "open": first.data.hex(),
         "block": data.hex(), **_described(parse_block(data))}
        for name, (data, why) in cases.items()
    ]  # fmt: skip


def _described(block: Block) -> Case:
    header = block.header
    return {
        "bid": block.bid.hex(), "kind": header.kind, "codec": header.codec,
        "op_count": header.op_count, "feed": header.feed.hex(), "prev": header.prev.hex(),
        "seq": header.seq, "body_len": header.body_len, "raw_len": header.raw_len,
        "header_len": header.header_len,
    }  # fmt: skip


def _flipped(data: bytes, place: int) -> bytes:
    return data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]


def _shape_defects() -> dict[str, Defect]:
    good = build()
    bad, limit, version = "block.malformed", "block.limit", "frame.version"
    return {
        "empty": Defect(b"", bad, "No bytes."),
        "cut_header": Defect(good[:100], bad, "Ends within the header."),
        "cut_body": Defect(good[:-1], bad, "The last byte is missing."),
        "extra_byte": Defect(good + b"\0", bad, "A byte behind the body."),
        "magic": Defect(build(magic=b"XSB2"), bad, "Another magic."),
        "zero": Defect(build(zero=1), bad, "The zero byte is not."),
        "suite_2": Defect(build(suite=2), version, "A suite that is reserved."),
        "kind_6": Defect(build(kind=6), version, "A kind that does not exist."),
        "codec_2": Defect(build(codec=2), version, "A codec that does not exist."),
        "flag_bit_1": Defect(build(flags=2), version, "A flag that does not exist."),
        "header_shorter": Defect(build(header_len=100), bad, "A header shorter than its fields."),
        "header_longer": Defect(
            build(extensions=b"\x63\0" + (510).to_bytes(2, "little") + bytes(510)), bad,
            "514 bytes of extensions."),
        "extension_cut": Defect(
            build(extensions=b"\x63\x00\x05\x00hi"), bad, "An extension beyond the header."),
        "extension_stub": Defect(build(extensions=b"\x63\x00"), bad, "Half an extension's head."),
        "extension_critical": Defect(
            build(extensions=b"\x63\x01\x00\x00"), version, "Critical, and unknown."),
        "raw_too_long": Defect(
            build(b"", stored=b"x", codec=1, raw_len=1_048_577), limit, "Inflates beyond 1 MiB."),
        "ops_4097": Defect(build(op_count=4_097), limit, "One op more than a block may hold."),
        "raw_len_other": Defect(build(raw_len=5), bad, "A raw body of another length."),
        "parent_of_the_first": Defect(build(seq=0), bad, "Height 0 with a parent."),
        "no_parent": Defect(build(prev=bytes(32)), bad, "Height 1 without a parent."),
        "open_at_height_1": Defect(build(kind=EPOCH_OPEN, op_count=0), bad, "Opened twice."),
        "open_with_ops": Defect(
            build(kind=EPOCH_OPEN, seq=0, prev=bytes(32)), bad, "An open block with ops."),
    }  # fmt: skip


def _proof_defects() -> dict[str, Defect]:
    good = build()
    signature_at = HEADER.size
    bad = "block.bad_signature"
    return {
        "signature_bit": Defect(_flipped(good, signature_at + 3), bad, "One bit of it is another."),
        "wall_ms_bit": Defect(_flipped(good, 68), bad, "One bit of the clock is another."),
        "body_bit": Defect(_flipped(good, len(good) - 1), bad, "One bit of the body is another."),
        "other_key": Defect(build(seed=seed_of("thief")), bad, "Signed with another key."),
        "other_scope": Defect(
            build(feed=Author(COUNTY, "vectors/school", id_of("other scope")).feed),
            "block.malformed", "A block of a feed in another scope, offered in this one."),
    }  # fmt: skip


def _open_block(
    value: list[Any], feed: bytes, *, seed: bytes = b"", stored: bytes | None = None
) -> bytes:
    raw = msgspec.msgpack.encode(value) if stored is None else stored
    header = pack_header(raw, kind=EPOCH_OPEN, feed=feed)
    return sign_header(seed or author().seed, header) + raw


def _open_defects() -> dict[str, Defect]:
    made = author()
    value = [COUNTY.net, made.node, made.nonce, SCOPE, made.key, "founded", [], b"", "xueshi/1"]
    other = [County("elsewhere").net, *value[1:]]
    stolen = [*value[:4], COUNTY.genesis.centre_key, *value[5:]]
    bad = "block.malformed"
    return {
        "open_other_county": Defect(_open_block(other, made.feed), "block.wrong_net",
                                    "An open block of another county."),
        "open_other_scope": Defect(
            _open_block([*value[:3], id_of("other scope"), *value[4:]], made.feed), bad,
            "The feed is not the hash of its parts."),
        "open_stolen_key": Defect(_open_block(stolen, made.feed), bad,
                                  "Names a key that it cannot sign with."),
        "open_more_elements": Defect(_open_block([*value, 1], made.feed), bad, "Ten elements."),
        "open_fewer_elements": Defect(_open_block(value[:8], made.feed), bad, "Eight elements."),
        "open_short_node": Defect(
            _open_block([value[0], b"x", *value[2:]], made.feed), bad, "A node of one byte."),
        "open_no_messagepack": Defect(
            _open_block([], made.feed, stored=b"\xc1"), bad, "A byte that MessagePack never uses."),
        "open_signed_by_other": Defect(
            _open_block(value, made.feed, seed=seed_of("thief")), "block.bad_signature",
            "Names a key and is signed with another."),
    }  # fmt: skip


def _zstd_defects() -> dict[str, Defect]:
    frame = literal_frame(_RAW)
    size = len(_RAW)
    bad, limit = "block.malformed", "block.limit"
    window = ZSTD_MAGIC + b"\x80\x78" + size.to_bytes(4, "little") + frame[9:]
    dictionary = ZSTD_MAGIC + b"\xa1\x05" + size.to_bytes(4, "little") + frame[9:]
    two = literal_frame(_RAW[:5]) + literal_frame(_RAW[5:])
    return {
        "zstd_ratio": Defect(
            zstd_block(bomb(1 << 20, 1 << 20), 1 << 20), limit,
            "Forty bytes that inflate to 1 MiB, and say so."),
        "zstd_lies": Defect(
            zstd_block(bomb(64 * 1024, 10 << 20), 64 * 1024), bad,
            "Says 64 KiB and inflates to 10 MiB."),
        "zstd_shorter": Defect(
            zstd_block(zstd_frame(500, (RLE_BLOCK, 400, b"x")), 500), bad, "Says 500, has 400."),
        "zstd_other_size": Defect(zstd_block(frame, size + 1), bad, "Frame and header differ."),
        "zstd_no_size": Defect(
            zstd_block(zstd_frame(None, (RAW_BLOCK, size, _RAW)), size), bad,
            "The frame states no size."),
        "zstd_two_frames": Defect(zstd_block(two, size), bad, "Two frames."),
        "zstd_behind": Defect(zstd_block(frame + b"\0", size), bad, "A byte behind the frame."),
        "zstd_cut": Defect(zstd_block(frame[:-1], size), bad, "The frame is cut."),
        "zstd_window": Defect(zstd_block(window, size), limit, "Asks for a window of 32 MiB."),
        "zstd_dictionary": Defect(zstd_block(dictionary, size), bad, "Asks for a dictionary."),
        "zstd_magic": Defect(zstd_block(b"\x1f\x8b" + frame[2:], size), bad, "No zstd at all."),
        "zstd_skippable": Defect(
            zstd_block(b"\x50\x2a\x4d\x18\x04\0\0\0abcd" + frame, size), bad,
            "A skippable frame first."),
    }  # fmt: skip


def _body_defects() -> dict[str, Defect]:
    encode = msgspec.msgpack.encode
    refs = encode([[], [group(values=[[0, 1.5]])]])
    return {
        "body_float": Defect(build(refs), "block.malformed", "Stored and relayed, not applied."),
        "body_op_count": Defect(build(op_count=2), "block.malformed", "One op, said to be two."),
    }


def defects() -> dict[str, Case]:
    """File name -> the one defect that it holds."""
    found = {
        **_shape_defects(), **_proof_defects(), **_open_defects(), **_zstd_defects(),
        **_body_defects(),
    }  # fmt: skip
    return {
        f"block_{name}": {
            "origin": each.why, "net": COUNTY.net.hex(), "open": opening().data.hex(),
            "block": each.data.hex(), "code": each.code,
        }
        for name, each in found.items()
    }  # fmt: skip
