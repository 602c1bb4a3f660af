"""Runs the console script as a person or a script does: in a process of its own.

Where processes can be forked it is a fork of a warm one (`warm`): to load the program takes longer
than most commands.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.client.warm import Warm

# A mark that each step of a test may take on a loaded machine.
TIMEOUT_S = 120
WARM: Final = Warm()


@dataclass(frozen=True, slots=True)
class Run:
    """What came out."""

    status: int
    out: str
    err: str

    @property
    def data(self) -> dict[str, Any]:
        """Standard output as the one JSON object that it must be."""
        found = json.loads(self.out)
        assert isinstance(found, dict)
        return found

    @property
    def code(self) -> str:
        """The stable code of the error line."""
        line = next(line for line in self.err.splitlines() if line.startswith("error: "))
        return line.split(": ")[1]


def command() -> list[str]:
    """The installed script, or the module where only the sources are on the path."""
    script = Path(sys.executable).with_name("xueshi")
    found = script if script.exists() else shutil.which("xueshi")
    return [str(found)] if found else [sys.executable, "-m", "xueshi_client.main"]


def environment(home: Path, **extra: str) -> dict[str, str]:
    """One machine a node: the state that must stay outside its folder lies beside it."""
    return {
        **os.environ,
        "XUESHI_HOME": str(home),
        "XUESHI_STATE_DIR": str(home.with_name(home.name + "-state")),
        "PYTHONUTF8": "1",
        **extra,
    }


def xueshi(home: Path, *args: str, **extra: str) -> Run:
    """Run one command on the node in `home`."""
    given = environment(home, **extra)
    with tempfile.TemporaryDirectory() as folder:
        out, err = Path(folder, "out"), Path(folder, "err")
        if hasattr(os, "fork"):
            question = {
                "arguments": args,
                "environment": given,
                "folder": os.getcwd(),
                "out": str(out),
                "err": str(err),
            }
            status = WARM.run(question, TIMEOUT_S)
        else:
            with out.open("wb") as to, err.open("wb") as to_err:
                line = [*command(), *args]
                status = subprocess.run(
                    line, env=given, stdout=to, stderr=to_err, timeout=TIMEOUT_S, check=False
                ).returncode
        return Run(status, out.read_text("utf-8"), err.read_text("utf-8"))


def make_node(home: Path, role: str, code: str) -> Run:
    """`xueshi init`."""
    done = xueshi(home, "init", "--role", role, "--name", f"node {code}", "--code", code, "--json")
    assert done.status == 0, done.err
    return done
