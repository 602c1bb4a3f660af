"""The sixth pack: that of an invented county, as the documentation shows it."""

from pathlib import Path
from typing import Final

from xueshi_server.domain.packs.pack import Pack
from xueshi_server.pack_check import open_pack

ROOT: Final = Path(__file__).resolve().parents[3]
FOLDER: Final = ROOT / "site" / "examples" / "yunling"


def load_yunling() -> Pack:
    """The pack as the folder has it, with what it extends."""
    return open_pack(str(FOLDER), ROOT)
