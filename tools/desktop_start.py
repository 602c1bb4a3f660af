"""What the built folder runs: the command line, or the window where that starter was opened."""

import ctypes
import io
import sys
from pathlib import Path

from xueshi_client.main import main

WINDOW_STARTER = "xueshi-window"
_ERROR_ICON = 0x10


def open_window() -> None:
    """`xueshi desktop` without a command line: what went wrong is shown in a box."""
    sys.argv[1:] = ["desktop", *sys.argv[1:]]
    said = io.StringIO()
    # Windows gives a program without a command line no streams at all.
    sys.stdout, sys.stderr = io.StringIO(), said
    try:
        main()
    except SystemExit as ended:
        windll = getattr(ctypes, "windll", None)
        if ended.code and windll is not None:
            windll.user32.MessageBoxW(0, said.getvalue(), "Xueshi", _ERROR_ICON)
        raise


if __name__ == "__main__":
    if Path(sys.executable).stem == WINDOW_STARTER:
        open_window()
    else:
        main()
