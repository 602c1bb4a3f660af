"""The golden vectors: the script makes them, the product and the second implementation agree."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest

from tests.sync.craft import SUITE
from tests.sync.independent import carrier, decoder, msgpack
from tests.sync.test_independent import independent_digests
from tests.vectors import block_cases, merge_cases, pure_cases
from tests.vectors.make import ENVELOPES, FOLDER, stable_files, text_of
from xueshi_sync import block as product
from xueshi_sync import bundle, envelope, frame, ticket
from xueshi_sync.body import Body, decode_body, encode_body
from xueshi_sync.column import decode_column, encode_column
from xueshi_sync.errors import SyncError
from xueshi_sync.identity import SignedGenesis, epoch_id, verify_genesis
from xueshi_sync.offering import root_of
from xueshi_sync.plan import split_heads

Case = dict[str, Any]
unhex: Final = bytes.fromhex


def load(name: str) -> Any:
    """A vector file."""
    return json.loads((FOLDER / f"{name}.json").read_text("utf-8"))


def cases(name: str, *, good: bool | None = None) -> list[Any]:
    """Cases of a file as parameters; only the good or the refused ones."""
    return [
        pytest.param(each, id=each["name"])
        for each in load(name)["cases"]
        if good is None or good == ("code" not in each)
    ]


def code_of(action: Callable[[], object]) -> str | None:
    """The code with which either implementation refuses, or None."""
    try:
        action()
    except (SyncError, msgpack.RefusedError) as error:
        return error.code
    return None


def from_json(value: Any) -> Any:
    """The reverse of `jsonable`."""
    if isinstance(value, dict):
        return unhex(value["hex"])
    return [from_json(each) for each in value] if isinstance(value, list) else value


def test_the_script_still_makes_the_same_files() -> None:
    made = {name: text_of(content) for name, content in stable_files().items()}
    kept = {path.stem: path.read_text("utf-8") for path in FOLDER.glob("*.json")}
    kept.pop(ENVELOPES)
    assert made == kept


def test_names_of_a_county() -> None:
    case = load("identities")["cases"][0]
    signed = msgspec.msgpack.decode(unhex(case["signed_genesis"]), type=SignedGenesis)
    theirs = decoder.read_genesis(msgpack.unpack_canonical(unhex(case["signed_genesis"])))
    assert verify_genesis(SUITE, signed).net.hex() == case["net"] == theirs.net.hex()
    assert decoder.tagged("scope/admin", theirs.net)[:16].hex() == case["scope_admin"]
    assert decoder.tagged("scope/public", theirs.net)[:16].hex() == case["scope_public"]


def test_names_of_a_feed() -> None:
    county, case = load("identities")["cases"]
    key = unhex(case["key"])
    epoch = decoder.tagged("epoch", key, unhex(case["nonce"]))[:16]
    parts = (unhex(county["net"]), unhex(case["node"]), epoch, unhex(case["scope"]))
    words = int.from_bytes(decoder.tagged("words", key)[:6], "big")
    assert epoch == epoch_id(key, unhex(case["nonce"])) == unhex(case["epoch"])
    assert decoder.tagged("feed", *parts)[:16].hex() == case["feed"]
    assert [words >> shift & 2047 for shift in (33, 22, 11, 0)] == case["words"]


@pytest.mark.parametrize("case", cases("columns", good=True))
def test_a_column_has_one_coding(case: Case) -> None:
    values = from_json(case["values"])
    coded = unhex(case["column"])
    assert msgspec.msgpack.encode(encode_column(values)) == coded
    assert decode_column(msgspec.msgpack.decode(coded), len(values)).values() == values
    assert msgpack.pack(decoder.write_column(values)) == coded
    assert decoder.read_column(msgpack.unpack(coded), len(values)) == values


@pytest.mark.parametrize("case", cases("columns", good=False))
def test_a_column_in_another_coding_is_refused(case: Case) -> None:
    coded, count = unhex(case["column"]), case["count"]
    ours = code_of(lambda: decode_column(msgspec.msgpack.decode(coded), count))
    theirs = code_of(lambda: decoder.read_column(msgpack.unpack(coded), count))
    assert (ours, theirs) == (case["code"], case["code"])


def _independent_body(case: Case) -> list[decoder.Op]:
    raw = unhex(case["body"])
    count = case["op_count"]
    held = decoder.Block(0, 0, count, bytes(16), bytes(32), 1, len(raw), b"", bytes(32), b"", raw)
    return decoder.read_ops(held)


@pytest.mark.parametrize("case", cases("bodies", good=True))
def test_a_body_decodes_to_its_ops_and_back(case: Case) -> None:
    body: Body = decode_body(unhex(case["body"]), case["op_count"])
    ops = [op for group in body.groups for op in group.ops()]
    assert encode_body(body.refs, ops).hex() == case["body"]
    assert [op.dot[1] for op in _independent_body(case)] == sorted(op.k for op in ops)


@pytest.mark.parametrize("case", cases("bodies", good=False))
def test_a_body_against_the_rules_is_refused(case: Case) -> None:
    ours = code_of(lambda: decode_body(unhex(case["body"]), case["op_count"]))
    assert (ours, code_of(lambda: _independent_body(case))) == (case["code"], case["code"])


def _accept(case: Case) -> product.Block:
    opened = product.open_feed(SUITE, unhex(case["net"]), product.parse_block(unhex(case["open"])))
    block = product.parse_block(unhex(case["block"]))
    if block.header.kind == product.EPOCH_OPEN:
        product.open_feed(SUITE, unhex(case["net"]), block)
    else:
        product.verify_block(SUITE, opened, block)
    return block


def _accept_independently(case: Case) -> decoder.Block:
    opened = decoder.open_feed(unhex(case["net"]), decoder.parse(unhex(case["open"])))
    block = decoder.parse(unhex(case["block"]))
    if block.kind == 1:
        decoder.open_feed(unhex(case["net"]), block)
    else:
        decoder.verify(opened, block)
    return block


@pytest.mark.parametrize("case", cases("blocks"))
def test_a_block_verifies_and_reads_the_same(case: Case) -> None:
    ours, theirs = _accept(case), _accept_independently(case)
    header = ours.header
    assert (ours.bid.hex(), header.kind, header.seq, header.op_count) == (
        case["bid"], case["kind"], case["seq"], case["op_count"],
    )  # fmt: skip
    assert (theirs.bid.hex(), theirs.kind, theirs.seq, theirs.op_count) == (
        case["bid"], case["kind"], case["seq"], case["op_count"],
    )  # fmt: skip


def _read_whole(case: Case) -> None:
    block = _accept(case)
    if block.header.kind == product.DATA:
        product.decode_data(block)


def _read_whole_independently(case: Case) -> None:
    block = _accept_independently(case)
    if block.kind == 0:
        decoder.read_ops(block)


@pytest.mark.parametrize("name", sorted(block_cases.defects()))
def test_a_block_with_a_defect_is_refused_with_its_code(name: str) -> None:
    case = load(name)
    ours = code_of(lambda: _read_whole(case))
    assert (ours, code_of(lambda: _read_whole_independently(case))) == (case["code"], case["code"])


def _envelope(content: Any, case: Case) -> bytes:
    data = unhex(content[case["of"]])
    if "cut" in case:
        data = data[: case["cut"]]
    if "flip" in case:
        place = case["flip"]
        data = data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]
    return data + unhex(case.get("append", ""))


def _open(content: Any, case: Case) -> list[bytes]:
    seed, data = unhex(content["recipient_seed"]), _envelope(content, case)
    if case["of"].startswith("response"):
        session = envelope.session_of(seed, unhex(content["request"]))
        return envelope.open_response(session, data).segments
    return envelope.open_request(envelope.session_of(seed, data), data).segments


def _open_independently(content: Any, case: Case) -> list[bytes]:
    seed, data = unhex(content["recipient_seed"]), _envelope(content, case)
    if case["of"].startswith("response"):
        _, key = carrier.open_request(seed, unhex(content["request"]))
        return carrier.open_response(key, data).segments
    return carrier.open_request(seed, data)[0].segments


@pytest.mark.parametrize("case", cases(ENVELOPES))
def test_an_envelope_opens_or_is_refused(case: Case) -> None:
    content = load(ENVELOPES)
    ours, theirs = (code_of(lambda: _open(content, case)),
                    code_of(lambda: _open_independently(content, case)))  # fmt: skip
    assert (ours, theirs) == (case.get("code"), case.get("code"))
    if "code" not in case:
        assert _open(content, case) == _open_independently(content, case)


def test_the_segments_of_a_request_are_its_header_and_body() -> None:
    content = load(ENVELOPES)
    first, *rest = _open_independently(content, {"of": "request"})
    assert first.hex() == content["header"]
    assert b"".join(rest).hex() == content["body"]


def test_a_bundle_file_names_its_recipient(tmp_path: Path) -> None:
    content = load(ENVELOPES)
    path = tmp_path / "a.xueshi"
    path.write_bytes(unhex(content["bundle_prefix"] + content["request"]))
    ours, theirs = bundle.read_bundle(path), carrier.read_bundle(path.read_bytes())
    assert (ours.recipient.hex(), ours.envelope.hex()) == (
        content["bundle_recipient"], content["request"],
    )  # fmt: skip
    assert theirs == (ours.recipient, ours.envelope)


def frame_case(name: str) -> Case:
    """One case of the frames."""
    return next(each for each in load("frames")["cases"] if each["name"] == name)


def test_a_request_header_reads_the_same() -> None:
    case = frame_case("request")
    ours = frame.decode_request(SUITE, unhex(case["segment"]), unhex(case["net"]))
    theirs = carrier.read_request(unhex(case["segment"]), unhex(case["net"]))
    assert [ours.node, ours.counter, ours.heads, ours.root, ours.wants] == [
        theirs[name] for name in ("node", "counter", "heads", "root", "wants")
    ]
    assert carrier.root_of(ours.heads) == root_of(ours.heads) == ours.root
    assert carrier.read_heads(ours.heads) == split_heads(ours.heads)


@pytest.mark.parametrize("case", cases("frames", good=False))
def test_a_request_header_that_does_not_verify_is_refused(case: Case) -> None:
    net, segment = unhex(case["net"]), unhex(case["segment"])
    ours = code_of(lambda: frame.decode_request(SUITE, segment, net))
    theirs = code_of(lambda: carrier.read_request(segment, net))
    assert (ours, theirs) == (case["code"], case["code"])


def test_a_response_header_reads_the_same() -> None:
    segment = unhex(frame_case("response")["segment"])
    ours, theirs = frame.decode_response(segment), carrier.read_response(segment)
    assert [ours.root, [list(each) for each in ours.results], ours.scopes, ours.wait_s] == [
        theirs[name] for name in ("root", "results", "scopes", "wait_s")
    ]


def test_a_receipt_verifies() -> None:
    case = frame_case("receipt")
    net, key = unhex(case["net"]), unhex(case["centre_key"])
    receipt = msgspec.msgpack.decode(unhex(case["receipt"]), type=frame.Receipt)
    frame.verify_receipt(SUITE, key, net, receipt)
    theirs = carrier.read_receipt(msgpack.unpack(unhex(case["receipt"])), net, key)
    assert (theirs["feed"], theirs["seq"]) == (receipt.feed, receipt.seq)


def test_a_block_list_reads_the_same_whole_and_cut() -> None:
    case = frame_case("blocks")
    body, cut = unhex(case["body"]), unhex(case["body"])[: case["cut_at"]]
    whole, left = ([unhex(each) for each in case[name]] for name in ("blocks", "blocks_of_the_cut"))
    assert frame.split_blocks(body, whole=True) == carrier.read_blocks(body, whole=True) == whole
    assert frame.split_blocks(cut, whole=False) == carrier.read_blocks(cut, whole=False) == left


@pytest.mark.parametrize("case", cases("tickets", good=True))
def test_an_invitation_reads_the_same(case: Case) -> None:
    ours, genesis = ticket.decode_ticket(SUITE, case["text"])
    theirs = carrier.read_ticket(case["text"])
    assert (ours.node, ours.scope, genesis.net) == (theirs.node, theirs.scope, theirs.genesis.net)
    assert ours.node.hex() == case["node"]


def test_an_invitation_is_proved_by_its_secret() -> None:
    case = load("tickets")["cases"][0]
    key = unhex(case["key"])
    ours, _ = ticket.decode_ticket(SUITE, case["text"])
    proof = ticket.ticket_proof(ours.secret, ours.node, key)
    assert proof == carrier.ticket_proof(carrier.read_ticket(case["text"]), key)
    assert proof.hex() == case["proof"]


@pytest.mark.parametrize("case", cases("tickets", good=False))
def test_an_altered_invitation_is_refused(case: Case) -> None:
    ours = code_of(lambda: ticket.decode_ticket(SUITE, case["text"]))
    theirs = code_of(lambda: carrier.read_ticket(case["text"]))
    assert (ours, theirs) == (case["code"], case["code"])


@pytest.mark.parametrize("case", cases("merge"))
def test_a_story_ends_in_these_tables(case: Case) -> None:
    blocks = [unhex(each) for each in case["blocks"]]
    assert merge_cases.outcome(blocks) == {"tables": case["tables"], "digests": case["digests"]}


@pytest.mark.parametrize("case", cases("merge"))
def test_the_second_implementation_ends_a_story_alike(case: Case) -> None:
    in_order = sorted((unhex(each) for each in case["blocks"]), key=lambda each: each[64:68][::-1])
    assert independent_digests(in_order, pure_cases.COUNTY) == case["digests"]


def test_every_kind_of_case_says_where_it_comes_from() -> None:
    every = [*pure_cases.identities(), *pure_cases.columns(), *pure_cases.bodies()]
    assert all(each["origin"] for each in every)
