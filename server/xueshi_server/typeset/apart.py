"""The setter in a process of its own: what it and its fonts hold, some 100 MB, ends with it.

A node that serves pages has its forms set here, so that a day of printing leaves it as small as it
was. Asked on stdin in JSON, answered on stdout: a line with the length of each file, then those.
A program in one folder has no Python to start: there it is set in the program itself.
"""

import json
import subprocess
import sys
from dataclasses import asdict
from typing import Final

from xueshi_server.typeset.setting import Work, set_here

# Twenty sheets take two seconds on an old PC; what takes longer than this hangs.
_LONGEST_S: Final = 300
# No black window on a desktop.
_FLAGS: Final = getattr(subprocess, "CREATE_NO_WINDOW", 0)


class SetterFailedError(RuntimeError):
    """The setter ended without a file; our fault, or the machine has no memory left."""


def set_apart(work: Work) -> list[bytes]:
    """What `set_here` gives, from another process."""
    if getattr(sys, "frozen", False):
        return set_here(work)
    done = subprocess.run(
        [sys.executable, "-m", "xueshi_server.typeset.apart"],
        input=json.dumps(asdict(work)).encode(),
        capture_output=True,
        check=False,
        timeout=_LONGEST_S,
        creationflags=_FLAGS,
    )
    if done.returncode != 0:
        raise SetterFailedError(done.stderr.decode("utf-8", "replace")[-2000:])
    head, _, rest = done.stdout.partition(b"\n")
    found, at = [], 0
    for size in json.loads(head):
        found.append(rest[at : at + size])
        at += size
    return found


def main() -> None:
    """Set what stdin asks for."""
    found = set_here(Work(**json.loads(sys.stdin.buffer.read())))
    output = sys.stdout.buffer
    output.write(json.dumps([len(each) for each in found]).encode() + b"\n")
    for each in found:
        output.write(each)
    output.flush()


if __name__ == "__main__":
    main()
