"""What the folder that runs without installation (`make desktop`) carries beside the program."""

import sys
from pathlib import Path


def choose_site(own: Path) -> Path:
    """The training site of the node, else the one that came with the program."""
    folder = getattr(sys, "_MEIPASS", None)
    if folder is None or (own / "index.html").is_file():
        return own
    carried = Path(folder, "site")
    return carried if (carried / "index.html").is_file() else own
