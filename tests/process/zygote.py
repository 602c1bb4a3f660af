"""A warm process that forks others: a real process in ten milliseconds instead of half a second.

    with Zygote() as zygote:
        child = zygote.spawn("school", [str(folder), url], {"XUESHI_FAULT": "seal.inside:2"})
        child.kill()
        assert child.wait() == -signal.SIGKILL

The forked child runs one job of `worker.py` and ends without goodbye.
"""

import ctypes
import json
import os
import select
import signal
import subprocess
import sys
import time
import traceback
from pathlib import Path
from typing import Any, Final

from tests.process import tap

WAIT_S: Final = 30.0


class Child:
    """One forked process."""

    def __init__(self, zygote: "Zygote", pid: int) -> None:
        self.pid = pid
        self._zygote = zygote
        self._status: int | None = None

    def send(self, signum: int) -> None:
        if self._status is None:
            os.kill(self.pid, signum)

    def kill(self) -> None:
        """kill -9, and wait until it is gone."""
        self.send(signal.SIGKILL)
        self.wait()

    def wait(self, timeout_s: float = WAIT_S) -> int:
        """The exit code, negative for a signal; one that takes too long is killed and fails."""
        if self._status is None:
            self._status = int(self._zygote.ask({"wait": self.pid, "timeout_s": timeout_s}))
        assert self._status != 1 << 10, "the child had to be killed: it took too long"
        return self._status


class Zygote:
    """The warm process; `tapped` also loads iotap.c, so that children can be harmed."""

    def __init__(self, *, tapped: bool = False) -> None:
        self._tapped = tapped
        self._children: list[Child] = []

    def __enter__(self) -> "Zygote":
        environment = tap.child_environment()
        if self._tapped:
            environment["LD_PRELOAD"] = str(tap.library())
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.process.zygote"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, cwd=tap.ROOT, text=True,
        )  # fmt: skip
        return self

    def __exit__(self, *_: object) -> None:
        for child in self._children:
            if child._status is None:
                child.kill()
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(WAIT_S)
        assert self._process.stdout is not None
        self._process.stdout.close()

    def spawn(
        self, job: str, arguments: list[str], environment: dict[str, str] | None = None
    ) -> Child:
        """Fork a child that runs one job."""
        pid = self.ask({"job": job, "arguments": arguments, "environment": environment or {}})
        child = Child(self, int(pid))
        self._children.append(child)
        return child

    def ask(self, question: dict[str, Any]) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()
        ready, _, _ = select.select([self._process.stdout], [], [], 2 * WAIT_S)
        assert ready, "the zygote does not answer"
        return json.loads(self._process.stdout.readline())


def _run(question: dict[str, Any]) -> None:
    """In the child: do the job, say on stderr what went wrong, and end."""
    from tests.process import points, worker

    code = 1
    try:
        os.environ.update(question["environment"])
        if "TAP_FAULT" in os.environ:
            arm = ctypes.CDLL(None).tap_arm
            arm(os.environ["TAP_ROOT"].encode(), os.environ["TAP_FAULT"].encode())
        points.arm()
        worker.JOBS[question["job"]](*question["arguments"])
        code = 0
    except BaseException:
        sys.stderr.write(traceback.format_exc())
        sys.stderr.flush()
    finally:
        os._exit(code)


def _wait(pid: int, timeout_s: float) -> int:
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.002)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return 1 << 10


def _fork(question: dict[str, Any]) -> int:
    pid = os.fork()
    if pid == 0:
        null = os.open(os.devnull, os.O_RDWR)
        os.dup2(null, 0)
        os.dup2(null, 1)
        _run(question)
    return pid


def main() -> None:
    """Answer one line for each line of stdin until it ends."""
    from tests.process import worker

    assert worker.JOBS, "imported before the first fork, so that children start warm"
    for line in sys.stdin:
        question = json.loads(line)
        if "wait" in question:
            answer = _wait(question["wait"], question["timeout_s"])
        else:
            answer = _fork(question)
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    assert Path(tap.ROOT).exists()
    main()
