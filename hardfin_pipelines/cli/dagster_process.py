"""Dagster's webserver, daemon and code server as one process group that ends with the command that started it."""

import os
import signal
import socket
import subprocess  # our own interpreter with fixed arguments
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx

from hardfin_pipelines.engine.refusals import Refusal

_START_SECONDS = 90
_STOP_SECONDS = 20
_WORKSPACE = Path(__file__).resolve().parents[2] / "workspace.yaml"


@contextmanager
def running_dagster(home: Path, environment: Mapping[str, str], port: int = 0) -> Iterator[str]:
    """Dagster for the length of a block; its URL.

    Args:
        home: DAGSTER_HOME; the processes' output goes to `dagster.log` there.
        environment: Variables besides this process's own.
        port: The webserver's port; 0 takes a free one.

    Raises:
        Refusal: It did not come up; the message names the log.
    """
    port = port or _free_port()
    url = f"http://127.0.0.1:{port}"
    log = home / "dagster.log"
    with log.open("ab") as output:
        process = subprocess.Popen(  # noqa: S603  # as above
            [sys.executable, "-m", "dagster", "dev", "-w", str(_WORKSPACE), "-h", "127.0.0.1", "-p", str(port)],
            env={**os.environ, **environment, "DAGSTER_HOME": str(home)},
            stdout=output,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            _wait_until_up(url, process, log)
            yield url
        finally:
            _end(process)


def _wait_until_up(url: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        with suppress(httpx.HTTPError):
            if httpx.get(f"{url}/server_info", timeout=2).is_success:
                return
        time.sleep(0.25)
    raise Refusal(f"Dagster did not come up within {_START_SECONDS} s: see {log}")


def _end(process: "subprocess.Popen[bytes]") -> None:
    """Ask the whole group to end, as Ctrl-C does, then make sure of it."""
    for sign in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, sign)
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=_STOP_SECONDS)
        if _is_gone(process.pid):
            return


def _is_gone(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return True
    return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
