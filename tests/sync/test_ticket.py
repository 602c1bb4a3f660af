"""Invitations: one word that arrives whole or not at all (PROTOCOL 7.3)."""

from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.sync.craft import SUITE, County, id_of, seed_of
from xueshi_sync.errors import BadTicketError
from xueshi_sync.ticket import Ticket, decode_ticket, encode_ticket, is_valid_proof, ticket_proof

COUNTY: Final = County()
TICKET: Final = Ticket(
    COUNTY.signed_genesis, id_of("node"), id_of("scope"), id_of("secret"), "510683001",
    "汉旺小学", "school", ["http://192.0.2.1:8080"],
)  # fmt: skip
WORD: Final = encode_ticket(TICKET)


def test_an_invitation_comes_back() -> None:
    assert decode_ticket(SUITE, WORD) == (TICKET, COUNTY.genesis)


@settings(max_examples=60, deadline=None)
@given(
    gaps=st.lists(
        st.tuples(st.integers(0, len(WORD)), st.sampled_from(" \n\t\r\u3000")), max_size=9
    )
)
def test_white_space_anywhere_does_no_harm(gaps: list[tuple[int, str]]) -> None:
    text = WORD
    for place, space in gaps:
        text = text[:place] + space + text[place:]
    assert decode_ticket(SUITE, text)[0] == TICKET


@pytest.mark.parametrize("place", range(0, len(WORD), 7))
def test_a_missing_or_changed_letter_shows(place: int) -> None:
    other = "A" if WORD[place] != "A" else "B"
    for text in (WORD[:place] + WORD[place + 1 :], WORD[:place] + other + WORD[place + 1 :]):
        with pytest.raises(BadTicketError):
            decode_ticket(SUITE, text)


@settings(max_examples=200, deadline=None)
@given(text=st.text(max_size=80))
def test_any_other_text_is_no_invitation(text: str) -> None:
    for word in (text, "XS1-" + text):
        with pytest.raises(BadTicketError):
            decode_ticket(SUITE, word)


def test_a_proof_holds_for_one_node_with_one_key() -> None:
    key = SUITE.public_key(seed_of("school"))
    proof = ticket_proof(TICKET.secret, TICKET.node, key)
    assert is_valid_proof(proof, TICKET.secret, TICKET.node, key)
    assert not is_valid_proof(proof, TICKET.secret, TICKET.node, bytes(32))
    assert not is_valid_proof(proof, TICKET.secret, id_of("other"), key)
    assert not is_valid_proof(proof, id_of("guess"), TICKET.node, key)
    assert not is_valid_proof(proof[:-1], TICKET.secret, TICKET.node, key)
