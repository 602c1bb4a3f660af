"""Make the table of strokes and of further readings from the Unihan database.

    python tools/make_strokes.py FOLDER

FOLDER has `Unihan_IRGSources.txt` and `Unihan_Variants.txt`, plain or as .bz2 (Debian's package
`unicode-data` brings them). Written is `server/xueshi_server/strokes.bin`: zlib over one line of
JSON (source, licence, spans of code points, readings) and one byte of strokes for each code point
of the spans. Readings stand there only for characters that pypinyin does not know: those of
another shape of the same character.
"""

import bz2
import json
import sys
import zlib
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from unicodedata import combining, normalize

OUTPUT = Path(__file__).parent.parent / "server" / "xueshi_server" / "strokes.bin"
LICENCE = (
    "Stroke counts (kTotalStrokes) and variants of characters are from the Unihan database, "
    "(c) Unicode, Inc., under the Unicode License, https://www.unicode.org/license.txt"
)
# How another shape of a character is told, best first.
KINDS = (
    "kZVariant",
    "kSemanticVariant",
    "kSimplifiedVariant",
    "kTraditionalVariant",
    "kSpoofingVariant",
)
# A gap of unassigned code points that is cheaper to write than to name.
GAP_MAX = 64


def read_property(folder: Path, name: str, wanted: str) -> Iterator[tuple[int, str]]:
    """Code point and value of one property."""
    path = folder / name
    packed = path.with_name(f"{name}.bz2")
    data = path.read_bytes() if path.exists() else bz2.decompress(packed.read_bytes())
    for line in data.decode().splitlines():
        if line.startswith("U+"):
            code, kind, value = line.split("\t", 2)
            if kind == wanted:
                yield int(code[2:], 16), value


def spans_of(codes: list[int]) -> list[list[int]]:
    """First and last code points of runs, small gaps included."""
    spans: list[list[int]] = []
    for code in codes:
        if spans and code - spans[-1][1] <= GAP_MAX:
            spans[-1][1] = code
        else:
            spans.append([code, code])
    return spans


def bare(reading: str) -> str:
    """A reading without its tone; ü is written v, as keyboards do."""
    text = normalize("NFD", reading).replace("u\u0308", "v")
    return "".join(sign for sign in text if not combining(sign))


def known_readings() -> dict[int, str]:
    """The first reading of each character that pypinyin knows, without its tone."""
    spec = find_spec("pypinyin")
    assert spec is not None, "pypinyin is not installed"
    folder = Path(next(iter(spec.submodule_search_locations or ())))
    known = json.loads((folder / "pinyin_dict.json").read_bytes())
    return {int(code): bare(readings.split(",")[0]) for code, readings in known.items()}


def readings_of_variants(folder: Path) -> dict[str, str]:
    """Readings of characters that are known in another shape only."""
    known, found = known_readings(), dict[str, str]()
    for kind in KINDS:
        for code, value in read_property(folder, "Unihan_Variants.txt", kind):
            other = int(value.split()[0].partition("<")[0][2:], 16)
            if code not in known and other in known:
                found.setdefault(chr(code), known[other])
    return found


def main(folder: Path) -> None:
    """Read the database and write the table."""
    # Of two counts the first one is of simplified Chinese.
    counts = {
        code: int(value.split()[0])
        for code, value in read_property(folder, "Unihan_IRGSources.txt", "kTotalStrokes")
    }
    readings = readings_of_variants(folder)
    spans = spans_of(sorted(counts))
    head: dict[str, Any] = {"licence": LICENCE, "spans": spans, "readings": readings}
    table = bytes(counts.get(code, 0) for first, last in spans for code in range(first, last + 1))
    data = json.dumps(head, ensure_ascii=False, sort_keys=True).encode() + b"\n" + table
    OUTPUT.write_bytes(zlib.compress(data, 9))
    print(f"{len(counts)} characters, {len(readings)} readings, {OUTPUT.stat().st_size} bytes")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
