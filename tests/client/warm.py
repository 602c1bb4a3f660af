"""A warm process that forks the commands of tests: each is a process of its own, but the program
was loaded once.

One line of JSON asks for a command (its arguments, environment, folder, and the files its output
goes to); one line answers with its exit status.
"""

import atexit
import gc
import importlib
import json
import os
import select
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from typing import Any, Final

NOT_DONE: Final = 1 << 10


@dataclass
class Warm:
    """The warm process of this test process; started when it is first needed."""

    _process: "subprocess.Popen[str] | None" = None
    _pid: int = field(default_factory=os.getpid)

    def run(self, question: dict[str, Any], timeout_s: float) -> int:
        """The exit status of a command, negative for a signal; one that takes too long is killed
        and fails."""
        process = self._process = self._process or self._start()
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps({**question, "timeout_s": timeout_s}) + "\n")
        process.stdin.flush()
        ready, _, _ = select.select([process.stdout], [], [], 2 * timeout_s)
        assert ready, "the warm process does not answer"
        status = int(process.stdout.readline())
        assert status != NOT_DONE, f"took more than {timeout_s} s: {question['arguments']}"
        return status

    def _start(self) -> "subprocess.Popen[str]":
        atexit.register(self.stop)
        return subprocess.Popen(
            [sys.executable, "-m", "tests.client.warm"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONUTF8": "1", "PYTHONPATH": os.pathsep.join(sys.path)},
        )

    def stop(self) -> None:
        """End the warm process."""
        process, self._process = self._process, None
        if process is not None and process.stdin is not None and process.stdout is not None:
            process.stdin.close()
            process.wait(30)
            process.stdout.close()


def _run(question: dict[str, Any]) -> None:
    """In the child: be the console script, and end as it ends."""
    from xueshi_client.main import main

    os.environ.clear()
    os.environ.update(question["environment"])
    time.tzset()
    os.chdir(question["folder"])
    sys.argv = ["xueshi", *question["arguments"]]
    status: object = 1
    try:
        main()
        status = 0
    except SystemExit as error:
        status = error.code
    except BaseException:
        sys.excepthook(*sys.exc_info())
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status if isinstance(status, int) else bool(status))


def _fork(question: dict[str, Any]) -> int:
    pid = os.fork()
    if pid == 0:
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        for number, name in ((1, "out"), (2, "err")):
            os.dup2(os.open(question[name], os.O_WRONLY | os.O_CREAT, 0o600), number)
        _run(question)
    return pid


def _wait(pid: int, timeout_s: float) -> int:
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.002)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return NOT_DONE


def main() -> None:
    """Answer one line for each line of stdin until it ends."""
    from xueshi_client.main import TOPICS

    for topic in sorted(set(TOPICS.values())):
        importlib.import_module(f"xueshi_client.commands.{topic}")
    gc.collect()
    gc.freeze()
    answers = os.fdopen(os.dup(1), "w")
    for line in os.fdopen(os.dup(0)):
        question = json.loads(line)
        print(_wait(_fork(question), question["timeout_s"]), file=answers, flush=True)


if __name__ == "__main__":
    main()
