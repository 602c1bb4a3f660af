"""What Chinese characters sound like and how many strokes they have, read when a name is new.

Readings are those of pypinyin: its table is read as a file and let go again, because the package
itself would stay in the memory of a small PC. Strokes are those of the Unihan database
(`tools/make_strokes.py`).
"""

import json
import zlib
from collections.abc import Iterable, Mapping
from importlib import resources
from importlib.util import find_spec
from pathlib import Path
from unicodedata import combining, normalize

from xueshi_server.domain.names import NameKeys, Signs, Surnames, key_name

_TONES = {"\u0304": "1", "\u0301": "2", "\u030c": "3", "\u0300": "4"}


def key_names(names: Iterable[str]) -> dict[str, NameKeys]:
    """What each name is found and sorted by; some tenths of a second, however few they are."""
    spans, counts, further = _read_strokes()
    wanted = {sign for name in names for sign in name.lower()}
    strokes = {sign: _count(sign, spans, counts) for sign in wanted}
    readings = {sign: [f"{each}5"] for sign, each in further.items() if sign in wanted}
    readings |= _read_readings(wanted)
    signs = Signs(
        lambda sign: readings.get(sign, ()), lambda sign: strokes.get(sign, 0), _read_surnames()
    )
    return {name: key_name(name, signs) for name in names}


def _read_surnames() -> Surnames:
    data = resources.files("xueshi_server").joinpath("surnames.json").read_bytes()
    known = json.loads(data)
    places = {sign: place for place, sign in enumerate("".join(known["by_strokes"]))}
    return Surnames(known["readings"], known["double"], places)


def _read_strokes() -> tuple[list[tuple[int, int]], bytes, Mapping[str, str]]:
    packed = resources.files("xueshi_server").joinpath("strokes.bin").read_bytes()
    head, _, counts = zlib.decompress(packed).partition(b"\n")
    known = json.loads(head)
    return [(first, last) for first, last in known["spans"]], counts, known["readings"]


def _count(sign: str, spans: Iterable[tuple[int, int]], counts: bytes) -> int:
    start = 0
    for first, last in spans:
        if first <= ord(sign) <= last:
            return counts[start + ord(sign) - first]
        start += last - first + 1
    return 0


def _read_readings(wanted: Iterable[str]) -> dict[str, list[str]]:
    # The package is found and not imported: that would load its phrases, 50 MB of memory.
    spec = find_spec("pypinyin")
    folders = spec.submodule_search_locations if spec is not None else None
    path = Path(next(iter(folders))) / "pinyin_dict.json" if folders else None
    if path is None or not path.is_file():
        return {}
    known: dict[str, str] = json.loads(path.read_bytes())
    found = {sign: known.get(str(ord(sign))) for sign in wanted}
    return {
        sign: [_with_digit(each) for each in text.split(",")]
        for sign, text in found.items()
        if text
    }


def _with_digit(reading: str) -> str:
    """A reading with its tone as a digit, 5 for none; ü is written v, as keyboards do."""
    signs = normalize("NFD", reading).replace("u\u0308", "v")
    tone = next((_TONES[sign] for sign in signs if sign in _TONES), "5")
    return "".join(sign for sign in signs if not combining(sign)) + tone
