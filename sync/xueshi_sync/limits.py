"""Limits of PROTOCOL 3: structural rules of format 1, equal on every node and never changed."""

from typing import Final

BLOCK_STORED_BYTES: Final = 256 * 1024
BLOCK_RAW_BYTES: Final = 1024 * 1024
# Above RATIO_FREE_BYTES of raw body, a block may not inflate more than this many times.
INFLATION_RATIO: Final = 100
RATIO_FREE_BYTES: Final = 64 * 1024
BLOCK_OPS: Final = 4096
FIELD_BYTES: Final = 64 * 1024
PREDS_PER_FIELD: Final = 64
REFS_PER_BLOCK: Final = 256
# Sums over a block, checked before any list is built: a constant column costs no bytes.
PREDS_PER_BLOCK: Final = 65_536
CELLS_PER_BLOCK: Final = 262_144
GROUPS_PER_BLOCK: Final = 1024
FIELDS_PER_OP: Final = 256
ZSTD_WINDOW_BYTES: Final = 8 * 1024 * 1024
HEADER_TLV_BYTES: Final = 512

# A block is sealed when its open ops reach either figure; far below the hard limits above,
# so that a block of incompressible text still fits.
SEAL_OPS: Final = 4096
SEAL_RAW_BYTES: Final = 192 * 1024

SEGMENT_BYTES: Final = 16 * 1024
HEADER_SEGMENT_BYTES: Final = 48 * 1024
REQUEST_BYTES: Final = 1024 * 1024
REQUEST_MIN_BYTES: Final = 4 * 1024

# Up to this many feeds a request lists its heads at once; beyond, it sends the root only.
HEADS_INLINE: Final = 64
HEADS_PER_FEED: Final = 16

# Enforced by the centre at ingress only (SYNC 3.5): a node never applies an order-dependent limit.
NODE_DAY_BLOCKS: Final = 2000
NODE_DAY_BYTES: Final = 20 * 1024 * 1024

# Files (PROTOCOL 16). The largest file fits a stick formatted as FAT32.
CHUNK_BYTES: Final = 64 * 1024
# Of all but the last one of a file: so a file has at most two million chunks.
CHUNK_LEAST_BYTES: Final = 2 * 1024
FILE_BYTES: Final = 4 * 1024**3 - 1
# What one exchange of chunks brings in either direction, uncompressed.
CHUNKS_BYTES: Final = 1024 * 1024
CHUNKS_WANTED: Final = 1024
FILES_OFFERED: Final = 64
