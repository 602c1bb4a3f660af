"""kill -9 while photos are being stored: what has its name is whole, what was acknowledged is
there, and the next photo is stored as if nothing had been."""

import hashlib
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

import pytest

from tests.process.conftest import Figure
from xueshi_server.store.content_folder import ContentFolder

pytestmark = pytest.mark.process
KILLS: Final = 12
# Bytes of one file: some writes to the disk each.
SIZE: Final = 300_000
# Stores files for ever, and says each digest when it is stored.
WORKER: Final = """
import random, sys
from pathlib import Path
from xueshi_server.store.content_folder import ContentFolder
folder, rng = ContentFolder(Path(sys.argv[1])), random.Random(int(sys.argv[2]))
while True:
    print(folder.put_bytes(rng.randbytes(int(sys.argv[3]))).digest, flush=True)
"""


def run_and_kill(folder: Path, seed: int, pause_s: float) -> list[str]:
    """The digests that a process acknowledged before it was killed."""
    command = [sys.executable, "-c", WORKER, str(folder), str(seed), str(SIZE)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ) as worker:
        assert worker.stdout is not None
        first = worker.stdout.readline()
        time.sleep(pause_s)
        worker.kill()
        said = first + worker.stdout.read()
    assert worker.returncode == -signal.SIGKILL
    return [line for line in said.splitlines(keepends=False) if len(line) == 64]


def test_a_photo_is_whole_or_not_there_whenever_the_node_is_killed(
    tmp_path: Path, figure: Figure
) -> None:
    rng, folder = random.Random(4), tmp_path / "attached"
    acknowledged: set[str] = set()
    for seed in range(KILLS):
        acknowledged.update(run_and_kill(folder, seed, rng.uniform(0, 0.02)))
    kept = ContentFolder(folder)
    named = list(kept.digests())
    assert acknowledged <= set(named)
    for digest in named:
        assert hashlib.sha256(kept.path(digest).read_bytes()).hexdigest() == digest
    halves = list(folder.glob("*.part"))
    for path in halves:
        os.utime(path, (1, 1))
    assert kept.has(kept.put_bytes(b"the next one").digest)
    assert list(folder.glob("*.part")) == []
    figure("kills", KILLS)
    figure("photos acknowledged", len(acknowledged))
    figure("half-written parts cleared", len(halves))
