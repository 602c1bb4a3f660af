"""Vectors of names, columns, bodies, frames and invitations (PROTOCOL 2, 5, 6, 7.3)."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from tests.sync.craft import HERE, SUITE, Author, County, Wish, encode_wishes, id_of, seed_of
from xueshi_sync.body import DELETE, INSERT, JUDGE, RESOLVE, SET
from xueshi_sync.column import encode_column
from xueshi_sync.frame import (
    Receipt,
    RequestHeader,
    ResponseHeader,
    encode_request,
    encode_response,
    join_blocks,
    sign_receipt,
)
from xueshi_sync.identity import admin_scope, epoch_id, fingerprint_words, public_scope
from xueshi_sync.offering import root_of
from xueshi_sync.suite import digest
from xueshi_sync.ticket import Ticket, encode_ticket, ticket_proof

Case = dict[str, Any]
COUNTY: Final = County("vectors")
SCOPE: Final = id_of("vectors/scope")
encode: Final = msgspec.msgpack.encode


def identities() -> list[Case]:
    """Section 2."""
    genesis = COUNTY.genesis
    author = Author(COUNTY, "vectors/school", SCOPE, nonce=id_of("nonce"))
    return [
        {
            "name": "county",
            "origin": "A county made of labels; every seed is SHA-256('test seed ' + label).",
            "root_seed": seed_of("vectors/root").hex(),
            "centre_seed": COUNTY.centre_seed.hex(),
            "signed_genesis": encode(COUNTY.signed_genesis).hex(),
            "net": genesis.net.hex(),
            "scope_admin": admin_scope(genesis.net).hex(),
            "scope_public": public_scope(genesis.net).hex(),
        },
        {
            "name": "feed",
            "origin": "A school of that county in one epoch and one scope.",
            "seed": author.seed.hex(),
            "node": author.node.hex(),
            "key": author.key.hex(),
            "nonce": author.nonce.hex(),
            "scope": SCOPE.hex(),
            "epoch": epoch_id(author.key, author.nonce).hex(),
            "feed": author.feed.hex(),
            "words": list(fingerprint_words(author.key)),
        },
    ]


_COLUMNS: Final[dict[str, list[Any]]] = {
    "one": [5],
    "one-nil": [None],
    "constant-text": ["集中培训"] * 3,
    "constant-bool": [True, True],
    "dictionary": ["a", "b", "a", "a"],
    "dictionary-too-large": ["a", "b", "c"],
    "dictionary-just-allowed": ["a", "b", "c", "a"],
    "dictionary-of-bytes": [b"\x01", b"\x02", b"\x01", b"\x01"],
    "dictionary-of-bools": [True, False, True, True],
    "counting": list(range(6)),
    "counting-down": [3, 2, 1, 0, -1, -2],
    "days": [19_782, 19_782, 19_783, 19_783, 19_784, 19_784],
    "minutes": [45, 90, 45, 45, 135, 90, 45, 45],
    "two-byte-differences": [0, 1000, 2000, 3000, 0],
    "eight-byte-differences": [-(1 << 40), 1 << 40, -(1 << 40), 1 << 40, -(1 << 40)],
    "differences-too-wide": [-(1 << 62), 1 << 62, -(1 << 62), 1 << 62],
    "limits-of-integers": [-(1 << 63), (1 << 63) - 1],
    "mixed": [None, "a"],
    "mixed-bool-int": [1, True, 1, True],
    "empty-text": ["", "", "x", ""],
    "dictionary-of-300": [f"t{n % 300}" for n in range(600)],
}

# name -> (coded column, count, why it is refused)
_BAD_COLUMNS: Final[dict[str, tuple[Any, int, str]]] = {
    "no-array": ("x", 1, "a column is an array"),
    "empty": ([], 1, "a column starts with its coding"),
    "coding-4": ([4, "x"], 1, "no such coding"),
    "coding-true": ([True, ["a", "b"], b"\x00\x01\x00\x00"], 4, "true is not 1"),
    "constant-with-more": ([0, "x", "y"], 2, "a constant has two parts"),
    "constant-array": ([0, ["x"]], 1, "values are never arrays"),
    "constant-beyond-int64": ([0, 1 << 63], 1, "integers end at 2^63 - 1"),
    "plain-constant": ([3, ["x", "x"]], 2, "to be coded as a constant"),
    "plain-dictionary": ([3, ["a", "b", "a", "a"]], 4, "to be coded as a dictionary"),
    "plain-delta": ([3, [0, 1, 2, 3]], 4, "to be coded by difference"),
    "plain-too-short": ([3, [None, "a"]], 3, "another number of values"),
    "dictionary-unused": ([1, ["a", "b", "c"], b"\x00\x01\x00\x00"], 4, "c never occurs"),
    "dictionary-order": ([1, ["b", "a"], b"\x01\x00\x01\x01"], 4, "not in order of first use"),
    "dictionary-repeats": ([1, ["a", "a"], b"\x00\x01\x00\x00"], 4, "a value stands twice"),
    "dictionary-mixed": ([1, ["a", None], b"\x00\x01\x00\x00"], 4, "types are mixed"),
    "dictionary-too-large": ([1, ["a", "b", "c"], b"\x00\x01\x02"], 3, "to be coded plainly"),
    "dictionary-beyond": ([1, ["a", "b"], b"\x00\x01\x02\x00"], 4, "place 2 does not exist"),
    "dictionary-wide": ([1, ["a", "b"], b"\x00\x01\x00\x00" + bytes(4)], 4, "width 1 is enough"),
    "dictionary-cut": ([1, ["a", "b"], b"\x00\x01\x00"], 4, "three places for four values"),
    "dictionary-delta": ([1, [0, 1, 2], b"\x00\x01\x02\x00"], 4, "see delta-better"),
    "delta-constant": ([2, 5, b"\x00\x00"], 3, "to be coded as a constant"),
    "delta-no-gain": ([2, 0, b"\x02\x04"], 3, "as many differences as values less one"),
    "delta-one-value": ([2, 5, b""], 1, "to be coded as a constant"),
    "delta-overflow": (
        [2, (1 << 63) - 2, b"\x02\x02\x02"], 4, "a value beyond 2^63 - 1"),
    "delta-of-true": ([2, True, b"\x02\x02\x02"], 4, "true is not 1"),
    "delta-width-3": ([2, 0, b"\x02\x02\x02" * 3], 4, "no such width"),
}  # fmt: skip
# Six places, three distinct values, two distinct differences.
_BAD_COLUMNS["dictionary-delta"] = (
    [1, [0, 1, 2], b"\x00\x01\x02\x00\x01\x02"], 6, "fewer differences (2) than values (3)",
)  # fmt: skip
# Distinct 0 2 4 would be 2 differences against 3 values; 0 1 3 are 2 against 3: a delta too.
_BAD_COLUMNS["delta-no-gain"] = ([2, 0, b"\x02\x01\x02"], 4, "two differences, two values")


def columns() -> list[Case]:
    """Section 5.2."""
    good = [
        {
            "name": name,
            "origin": "Written for the rule its name says.",
            "values": jsonable(values),
            "column": encode(encode_column(values)).hex(),
        }
        for name, values in _COLUMNS.items()
    ]
    bad = [
        {"name": name, "origin": why, "column": encode(coded).hex(), "count": count,
         "code": "block.malformed"}
        for name, (coded, count, why) in _BAD_COLUMNS.items()
    ]  # fmt: skip
    return good + bad


def jsonable(value: Any) -> Any:
    """A value as JSON holds it: bytes as {"hex": …}."""
    if isinstance(value, bytes):
        return {"hex": value.hex()}
    if isinstance(value, list | tuple):
        return [jsonable(each) for each in value]
    return value


_OTHER: Final = (id_of("another block"), 7)
_BODIES: Final[dict[str, tuple[Wish, ...]]] = {
    "no-ops": (),
    "one-insert": (Wish(INSERT, "person", {"staff_no": "T1", "name": "王英"}),),
    "insert-of-nothing": (Wish(INSERT, "person", {}),),
    "insert-and-edit-of-it": (
        Wish(INSERT, "person", {"name": "王英"}),
        Wish(SET, "person", {"name": "王瑛"}, rec=(HERE, 0)),
    ),
    "three-hours": tuple(
        Wish(INSERT, "hour", {"person": _OTHER, "date": 19_782 + n, "minutes": 90, "title": "x"},
             entered_at=1_700_000_000 + 60 * n)
        for n in range(3)
    ),
    "two-groups-interleaved": (
        Wish(INSERT, "person", {"name": "a"}),
        Wish(INSERT, "hour", {"minutes": 45}),
        Wish(INSERT, "person", {"name": "b"}),
    ),
    "edit-naming-two": (
        Wish(SET, "person", {"name": "x"}, rec=_OTHER,
             preds={"name": [_OTHER, (id_of("a third block"), 0)]}),
    ),
    "delete-verdict-resolve": (
        Wish(DELETE, "person", {"_deleted": True}, rec=_OTHER, preds={"_deleted": [_OTHER]}),
        Wish(JUDGE, "hour", {"_judged": "approve", "_reason": ""}, rec=_OTHER),
        Wish(RESOLVE, "person", {"_deleted": False}, rec=_OTHER),
    ),
    "kinds-and-tables-to-come": (
        Wish(6, "file", {"sha256": bytes(32)}, rec=_OTHER),
        Wish(200, "later", {"x": None}, rec=_OTHER),
    ),
}  # fmt: skip


def group(**changes: Any) -> list[Any]:
    """A group of one insert, with anything changed."""
    parts: dict[str, Any] = {
        "kind": 1, "flags": 0, "table": "person", "names": ["name"], "count": 1, "ks": [0, 0],
        "actors": [0, "a"], "times": [0, 1], "recs": None, "values": [[0, "x"]], "preds": None,
    }  # fmt: skip
    return list({**parts, **changes}.values())


def edit(**changes: Any) -> list[Any]:
    """A group of one edit, with anything changed."""
    parts = {"kind": 2, "recs": [0, 4096], "preds": [[[0, 0], None]]}
    return group(**{**parts, **changes})


_REF: Final = id_of("another block")
_TWO: Final = {"count": 2, "ks": [2, 0, b"\x02"]}
# name -> (body, op_count, code, why)
_BAD_BODIES: Final[dict[str, tuple[Any, int, str, str]]] = {
    "no-array": ({}, 0, "block.malformed", "a body is [refs, groups]"),
    "three-parts": ([[], [], []], 0, "block.malformed", "a body is [refs, groups]"),
    "ref-short": ([[b"x"], []], 0, "block.malformed", "a ref has 16 bytes"),
    "ref-twice": ([[_REF, _REF], []], 0, "block.malformed", "refs are distinct"),
    "group-short": ([[], [group()[:10]]], 1, "block.malformed", "a group has 11 parts"),
    "kind-true": ([[], [group(kind=True)]], 1, "block.malformed", "true is not 1"),
    "kind-0": ([[], [group(kind=0)]], 1, "block.malformed", "kinds are 1…255"),
    "kind-256": ([[_REF], [edit(kind=256)]], 1, "block.malformed", "kinds are 1…255"),
    "flags-256": ([[], [group(flags=256)]], 1, "block.malformed", "flags are 0…255"),
    "name-empty": ([[], [group(names=[""])]], 1, "block.malformed", "a name is not empty"),
    "count-true": ([[], [group(count=True)]], 1, "block.malformed", "true is not 1"),
    "count-0": ([[], [group(count=0)]], 0, "block.malformed", "a group has an op"),
    "ops-more-than-said": ([[], [group()]], 2, "block.malformed", "op_count says two"),
    "ks-with-a-gap": ([[], [group(ks=[0, 1])]], 1, "block.malformed", "ks are 0…n-1"),
    "ks-descending": (
        [[], [group(count=2, ks=[3, [1, 0]])]], 2, "block.malformed", "ks ascend"),
    "group-twice": (
        [[], [group(), group(ks=[0, 1])]], 2, "block.malformed", "one group for one key"),
    "groups-out-of-order": (
        [[], [group(ks=[0, 1]), group(table="hour")]], 2, "block.malformed", "by first k"),
    "names-repeat": (
        [[], [group(names=["name", "name"], values=[[0, "x"], [0, "y"]])]], 1,
        "block.malformed", "names are distinct"),
    "names-number": ([[], [group(names=[1])]], 1, "block.malformed", "names are text"),
    "values-missing": ([[], [group(values=[])]], 1, "block.malformed", "a column for each name"),
    "insert-with-record": (
        [[_REF], [group(recs=[0, 4096])]], 1, "block.malformed", "inserts name no record"),
    "edit-without-record": (
        [[_REF], [edit(recs=None)]], 1, "block.malformed", "edits name a record"),
    "edit-without-preds": (
        [[_REF], [edit(preds=None)]], 1, "block.malformed", "edits have preds"),
    "edit-of-nothing": (
        [[_REF], [edit(names=[], values=[], preds=[])]], 1, "block.malformed", "no names"),
    "actor-number": ([[], [group(actors=[0, 1])]], 1, "block.malformed", "actors are text"),
    "time-text": ([[], [group(times=[0, "1"])]], 1, "block.malformed", "times are integers"),
    "time-beyond-int64": (
        [[], [group(times=[0, 1 << 63])]], 1, "block.malformed",
        "No database column of 64 bits holds it."),
    "value-float": ([[], [group(values=[[0, 1.5]])]], 1, "block.malformed", "no floats"),
    "value-map": ([[], [group(values=[[0, {}]])]], 1, "block.malformed", "no maps"),
    "value-array": ([[], [group(values=[[0, ["x"]]])]], 1, "block.malformed", "no arrays"),
    "value-ext": (
        [[], [group(values=[[0, msgspec.msgpack.Ext(5, b"x")]])]], 1, "block.malformed",
        "No extension types."),
    "value-two-ext": (
        [[], [group(**_TWO, values=[[3, [msgspec.msgpack.Ext(5, b"x")] * 2]])]], 2,
        "block.malformed", "A value that cannot be compared."),
    "record-beyond-refs": (
        [[_REF], [edit(recs=[0, 8192])]], 1, "block.malformed", "there is one ref"),
    "record-negative": ([[_REF], [edit(recs=[0, -1])]], 1, "block.malformed", "a dot is >= 0"),
    "record-of-itself": (
        [[], [edit(recs=[0, 0])]], 1, "block.malformed", "a dot of this block has a smaller k"),
    "pred-of-itself": (
        [[_REF], [edit(preds=[[[0, 1], [0, 0]]])]], 1, "block.malformed", "smaller k"),
    "preds-in-a-circle": (
        [[_REF], [edit(**_TWO, values=[[3, ["y", "z"]]], preds=[[[0, 1], [3, [1, 0]]]])]], 2,
        "block.malformed", "Two ops that name each other leave no current value."),
    "preds-negative": (
        [[_REF], [edit(preds=[[[0, -1], None]])]], 1, "block.limit", "lengths are 0…64"),
    "preds-cut": (
        [[_REF], [edit(preds=[[[0, 1], None]])]], 1, "block.malformed", "one pred is missing"),
    "preds-65": (
        [[_REF], [edit(preds=[[[0, 65], [0, 4096]]])]], 1, "block.limit", "64 preds a field"),
    "preds-65536-and-more": (
        [[_REF], [edit(
            names=["a", "b"], count=1024, ks=[2, 0, b"\x02" * 1023],
            values=[[0, "x"], [0, "x"]], preds=[[[0, 64], [0, 4096]]] * 2)]], 1024,
        "block.limit", "A few bytes that say 131,072 preds."),
    "cells-too-many": (
        [[], [group(
            names=[f"n{n}" for n in range(256)], count=4096, ks=[2, 0, b"\x02" * 4095],
            values=[[0, "x"]] * 256)]], 4096,
        "block.limit", "A few thousand bytes that say a million values."),
}  # fmt: skip


def bodies() -> list[Case]:
    """Sections 5.1, 5.3 and 5.4."""
    good = [
        {
            "name": name,
            "origin": "Written for the situation its name says.",
            "op_count": len(wishes),
            "body": encode_wishes(wishes).hex(),
        }
        for name, wishes in _BODIES.items()
    ]
    bad = [
        {"name": name, "origin": why, "op_count": count, "body": encode(body).hex(), "code": code}
        for name, (body, count, code, why) in _BAD_BODIES.items()
    ]  # fmt: skip
    return good + bad + _not_canonical()


def _not_canonical() -> list[Case]:
    """The same insert in other bytes."""
    good = encode([[], [group()]])
    changes = {
        "body-behind": (good + b"\xc0", "bytes behind the body"),
        "body-cut": (good[:-1], "the last byte is missing"),
        "body-empty": (b"", "no bytes at all"),
        "long-integer": (good.replace(b"\x9b\x01", b"\x9b\xcc\x01"), "kind in two bytes"),
        "long-text": (good.replace(b"\xa6person", b"\xd9\x06person"), "length in two bytes"),
        "long-array": (good.replace(b"\x91\xa4name", b"\xdc\x00\x01\xa4name"), "array16"),
        "not-utf-8": (good.replace(b"\xa4name", b"\xa4na\xffe"), "a name that is no text"),
        "array-of-4-billion": (b"\x92\x90\xdd\xff\xff\xff\xff", "nothing is allocated for it"),
        "nested-1000": (b"\x91" * 1000 + b"\xc0", "depth does not end the program"),
    }
    return [
        {"name": name, "origin": why, "op_count": 1, "body": body.hex(), "code": "block.malformed"}
        for name, (body, why) in changes.items()
    ]


def _receipt(author: Author, seq: int) -> Receipt:
    bare = Receipt(author.feed, id_of(f"block {seq}"), seq, 10 + seq, 1_700_000_100, 0)
    return sign_receipt(SUITE, COUNTY.centre_seed, COUNTY.net, bare)


def frames() -> list[Case]:
    """Section 6.2."""
    author = Author(COUNTY, "vectors/school", SCOPE)
    heads = b"".join(sorted([author.feed + id_of("head 1"), author.feed + id_of("head 2")]))
    receipt = _receipt(author, 4)
    request = RequestHeader(
        1, COUNTY.net, author.node, author.key, 7, b"", root_of(heads), heads,
        digest("scopes", SCOPE)[:8], 1 << 20, [author.feed], b"", [receipt], "xueshi/1",
    )  # fmt: skip
    response = ResponseHeader(
        1, id_of("centre epoch"), root_of(heads), b"", [(3, 2), (4, 6)], [receipt], [SCOPE],
        more=False, wait_s=5, refused="", time_s=1_700_000_200,
    )  # fmt: skip
    signed = encode_request(SUITE, author.seed, request)
    wrong = signed[:70] + bytes([signed[70] ^ 1]) + signed[71:]
    return [
        {"name": "request", "origin": "A school with a fork and one receipt to show.",
         "net": COUNTY.net.hex(), "segment": signed.hex(), "heads": heads.hex(),
         "root": root_of(heads).hex()},
        {"name": "request-altered", "origin": "One bit of the header is another.",
         "net": COUNTY.net.hex(), "segment": wrong.hex(), "code": _altered_code(wrong)},
        {"name": "request-of-another-county", "origin": "Verified for another net.",
         "net": County("elsewhere").net.hex(), "segment": signed.hex(), "code": "frame.malformed"},
        {"name": "response", "origin": "Two blocks of the push were not taken.",
         "segment": encode_response(response).hex()},
        {"name": "receipt", "origin": "For a block at height 4.",
         "receipt": encode(receipt).hex(), "centre_key": COUNTY.genesis.centre_key.hex(),
         "net": COUNTY.net.hex()},
        {"name": "no-heads", "origin": "The root of a node that holds nothing.",
         "heads": "", "root": root_of(b"").hex()},
        {"name": "blocks", "origin": "Two blocks of three and zero bytes, and the list cut.",
         "blocks": ["010203", ""], "body": join_blocks([b"\1\2\3", b""]).hex(),
         "cut_at": 9, "blocks_of_the_cut": ["010203"]},
    ]  # fmt: skip


def _altered_code(segment: bytes) -> str:
    """The bit lies in `net`, so that is what is found first."""
    assert segment[64:66] == b"\x9e\x01"
    return "frame.malformed"


def tickets() -> list[Case]:
    """Section 7.3."""
    author = Author(COUNTY, "vectors/school", SCOPE)
    ticket = Ticket(
        COUNTY.signed_genesis, author.node, SCOPE, id_of("secret"), "510683001", "汉旺小学",
        "school", ["http://192.0.2.1:8080"],
    )  # fmt: skip
    text = encode_ticket(ticket)
    proof = ticket_proof(ticket.secret, ticket.node, author.key)
    bad = {
        "one-letter-missing": text[:60] + text[61:],
        "one-letter-other": text[:60] + ("A" if text[60] != "A" else "B") + text[61:],
        "foreign-letter": text[:60] + "!" + text[60:],
        "without-prefix": text[4:],
        "empty": "",
        "only-prefix": "XS1-",
        "county-forged": encode_ticket(_forged(ticket)),
        "tier-unknown": encode_ticket(msgspec.structs.replace(ticket, tier="province")),
        "node-short": encode_ticket(msgspec.structs.replace(ticket, node=b"x")),
    }
    return [
        {"name": "school", "origin": "An invitation of one school.", "text": text,
         "node": ticket.node.hex(), "scope": SCOPE.hex(), "secret": ticket.secret.hex(),
         "tier": "school", "code_of_school": ticket.code, "name_of_school": ticket.name,
         "urls": ticket.urls, "net": COUNTY.net.hex(), "key": author.key.hex(),
         "proof": proof.hex()},
        {"name": "wrapped", "origin": "The same as a chat program breaks it.",
         "text": "\n ".join(text[at : at + 60] for at in range(0, len(text), 60)),
         "node": ticket.node.hex()},
        *({"name": name, "origin": "Altered on its way, or forged.", "text": word,
           "code": "ticket.invalid"} for name, word in bad.items()),
    ]  # fmt: skip


def _forged(ticket: Ticket) -> Ticket:
    other = County("elsewhere").signed_genesis
    mixed = msgspec.structs.replace(other, signature=ticket.genesis.signature)
    return msgspec.structs.replace(ticket, genesis=mixed)


def names_of(cases: Sequence[Case]) -> list[str]:
    """For test ids."""
    return [str(each["name"]) for each in cases]
