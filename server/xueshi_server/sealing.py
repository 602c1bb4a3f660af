"""Personal numbers sealed to the county's key, and opened again where its private half is.

A pair of X25519 keys for this alone. The private half of each generation is a file in the key
folder of the centre, which only its owner can read and no backup holds; the public half is
published to every node. A node seals to the newest generation it knows; it can open nothing.
"""

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from nacl.exceptions import CryptoError
from nacl.public import PrivateKey, PublicKey, SealedBox

from xueshi_server.domain.sealed import GENERATION_MOST, join_sealed, split_sealed
from xueshi_server.node_clock import today_of
from xueshi_server.seal_errors import SealBrokenError, SealKeyAbsentError, SealSpentError
from xueshi_server.store.seal_keys import KEY_BYTES, SealKey, list_seal_keys, publish_seal_key
from xueshi_sync.errors import MissingKeyError
from xueshi_sync.keys import read_key, write_key
from xueshi_sync.node import Node
from xueshi_sync.sidecar import sync_folder

# Who is written beside what the node does by itself.
OWN_HAND: Final = "xueshi"


@dataclass(frozen=True, slots=True)
class Sealer:
    """Seals texts to one generation of the county's key."""

    generation: int
    key: bytes

    def __call__(self, text: str) -> bytes:
        """The value to store for a checked text."""
        box = SealedBox(PublicKey(self.key)).encrypt(text.encode("ascii"))
        return join_sealed(self.generation, text, box)


def find_sealer(node: Node) -> Sealer | None:
    """What a node seals with; None where the county's key has not arrived."""
    keys = list_seal_keys(node)
    return Sealer(keys[0].generation, keys[0].key) if keys else None


def ensure_seal_key(node: Node) -> None:
    """Give a centre that has none its first pair of keys; elsewhere nothing happens."""
    if node.role == "centre" and node.replica.is_centre and not list_seal_keys(node):
        make_generation(node, actor=OWN_HAND)


def make_generation(node: Node, *, actor: str) -> SealKey:
    """Make the next pair of keys at the centre and publish its public half."""
    known = [each.generation for each in list_seal_keys(node)] + held_generations(node.home)
    generation = max(known, default=0) + 1
    if generation > GENERATION_MOST:
        raise SealSpentError
    private = PrivateKey(node.context.random(KEY_BYTES))
    # The file first: a published key that nobody can open would be worse than one nobody uses.
    write_key(_path(node.home, generation), bytes(private))
    publish_seal_key(
        node, generation, bytes(private.public_key), today_of(node).isoformat(), actor=actor
    )
    return list_seal_keys(node)[0]


def held_generations(home: Path) -> list[int]:
    """The generations whose private half is in this folder, the newest first."""
    numbers = [each.stem.removeprefix("seal-") for each in (home / "key").glob("seal-*.key")]
    return sorted((int(each) for each in numbers if each.isdecimal()), reverse=True)


@dataclass
class Opener:
    """Opens sealed values with the private keys of a folder."""

    home: Path
    _boxes: dict[int, SealedBox[PrivateKey]] = field(default_factory=dict)

    def __call__(self, value: bytes) -> str:
        """The text in a stored value; raises SealKeyAbsentError, SealBrokenError."""
        parts = split_sealed(value)
        if parts is None:
            raise SealBrokenError
        try:
            text = self._box(parts.generation).decrypt(parts.box).decode("ascii")
        except (CryptoError, UnicodeDecodeError) as error:
            raise SealBrokenError from error
        if not text.endswith(parts.last):
            raise SealBrokenError
        return text

    def _box(self, generation: int) -> SealedBox[PrivateKey]:
        if generation not in self._boxes:
            try:
                private = PrivateKey(read_key(_path(self.home, generation)))
            except MissingKeyError as error:
                raise SealKeyAbsentError(generation=generation) from error
            self._boxes[generation] = SealedBox(private)
        return self._boxes[generation]


def destroy_private(home: Path, generation: int) -> None:
    """Overwrite and delete a private key; what was sealed to it stays closed for good."""
    path = _path(home, generation)
    with path.open("r+b") as file:
        file.write(b"0" * path.stat().st_size)
        file.flush()
        os.fsync(file.fileno())
    path.unlink()
    sync_folder(path.parent)


def _path(home: Path, generation: int) -> Path:
    return home / "key" / f"seal-{generation}.key"
