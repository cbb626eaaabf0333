"""Commands as processes of their own: Ctrl-C or an end from outside leaves nothing behind and shows no traceback."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest

PROGRAM = "from hardfin_pipelines.cli import main; main()"


class Line(NamedTuple):
    """A living process."""

    parent: int
    command: str


def processes() -> dict[int, Line]:
    """All living processes of this machine, by id."""
    listed = subprocess.run(["ps", "-axo", "pid=,ppid=,stat=,args="], capture_output=True, text=True, check=True)
    found = {}
    for line in listed.stdout.splitlines():
        pid, parent, state, *command = line.split(None, 3)
        if not state.startswith("Z"):
            found[int(pid)] = Line(int(parent), "".join(command))
    return found


def descendants(root: int) -> set[int]:
    """What a process has started, and what that has started."""
    alive = processes()
    found = {root}
    while new := {pid for pid, line in alive.items() if line.parent in found} - found:
        found |= new
    return found - {root}


class Command:
    """A running command, in a process group of its own, as a shell starts it."""

    def __init__(self, folder: Path, *words: str) -> None:
        self.output = folder / "output.txt"
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("HARDFIN_", "DAGSTER_"))}
        with self.output.open("wb") as file:
            self.process = subprocess.Popen(
                [sys.executable, "-c", PROGRAM, *words],
                cwd=folder,
                env={**kept, "COLUMNS": "80", "HARDFIN_HOME": str(folder / "home"), "PYTHONUNBUFFERED": "1"},
                stdout=file,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
        self.family: set[int] = set()

    def text(self) -> str:
        return self.output.read_text(errors="replace")

    def meet_family(self) -> None:
        """Remember all processes the command has started so far."""
        self.family |= descendants(self.process.pid)

    def wait_for(self, holds: Callable[[], bool], seconds: float = 60) -> None:
        deadline = time.monotonic() + seconds
        while not holds():
            assert self.process.poll() is None, self.text()
            assert time.monotonic() < deadline, self.text()
            time.sleep(0.1)
            self.meet_family()
        self.meet_family()

    def end(self, sign: signal.Signals, seconds: float = 30) -> int:
        self.process.send_signal(sign)
        return self.process.wait(timeout=seconds)

    def left_behind(self) -> list[str]:
        """Processes of the command that are still alive."""
        gone_by = time.monotonic() + 5
        while alive := [line for pid, line in processes().items() if pid in self.family]:
            if time.monotonic() > gone_by:
                return [str(line) for line in alive]
            time.sleep(0.1)
        return []


@contextmanager
def running(folder: Path, *words: str) -> Iterator[Command]:
    command = Command(folder, *words)
    try:
        yield command
    finally:
        command.meet_family()
        with suppress(ProcessLookupError):
            os.killpg(command.process.pid, signal.SIGKILL)
        command.process.wait()
        for pid in command.family & set(processes()):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize(
    ("sign", "code"), [(signal.SIGINT, 0), (signal.SIGTERM, 143), (signal.SIGHUP, 129)], ids=["Ctrl-C", "TERM", "HUP"]
)
def test_the_sandbox_stays_up_until_it_is_ended(tmp_path, sign, code):
    with running(tmp_path, "sandbox", "up", "--port", "0", "--deals", "10") as command:
        command.wait_for(lambda: "Ctrl-C ends it" in command.text())
        urls = re.findall(r"sandbox at (http://127\.0\.0\.1:\d+)", command.text())
        pages = [httpx.get(url).text for url in urls]

        assert command.end(sign) == code

        assert "rover-rentals" in command.text()
        assert ["Rover Rentals" in page for page in pages] == [True, True, True, True]
        assert ["Summit Service" in page for page in pages] == [False, True, False, False]
        assert "Traceback" not in command.text()
        for url in urls:
            with pytest.raises(httpx.ConnectError):
                httpx.get(url)
        assert command.left_behind() == []


def test_what_the_sandbox_says_to_type_connects_every_account(tmp_path):
    with running(tmp_path, "sandbox", "up", "--port", "0", "--deals", "10") as command:
        command.wait_for(lambda: "Ctrl-C ends it" in command.text())
        lines = [line.strip() for line in command.text().splitlines() if line.startswith("  ")]
        exports = [line.removeprefix("export ").split("=", 1) for line in lines if line.startswith("export ")]
        commands = [line.split()[1:] for line in lines if line.startswith("hardfin ")]
        said = [typed(tmp_path, dict(exports), words) for words in commands]

    assert [name for name, _ in exports] == [
        "HARDFIN_HUBSPOT_URL",
        "HARDFIN_HUBSPOT_APP_URL",
        "HARDFIN_HUBSPOT_CLIENT_ID",
        "HARDFIN_HUBSPOT_CLIENT_SECRET",
        "HARDFIN_SALESFORCE_LOGIN_URL",
        "HARDFIN_SALESFORCE_CLIENT_ID",
        "HARDFIN_SALESFORCE_CLIENT_SECRET",
        "HARDFIN_QUICKBOOKS_URL",
        "HARDFIN_QUICKBOOKS_CONSENT_URL",
        "HARDFIN_QUICKBOOKS_TOKEN_URL",
        "HARDFIN_QUICKBOOKS_REVOKE_URL",
        "HARDFIN_QUICKBOOKS_CLIENT_ID",
        "HARDFIN_QUICKBOOKS_CLIENT_SECRET",
        "HARDFIN_NETSUITE_URL",
        "HARDFIN_NETSUITE_CLIENT_ID",
        "HARDFIN_NETSUITE_PRIVATE_KEY_FILE",
        "ROVER_RENTALS_HUBSPOT_TOKEN",
        "HARVEST_BOTS_HUBSPOT_TOKEN",
        "SUMMIT_SERVICE_SALESFORCE_TOKEN",
        "ROVER_RENTALS_SALESFORCE_TOKEN",
        "ROVER_RENTALS_QUICKBOOKS_TOKEN",
    ]
    assert all(value for _, value in exports)
    assert commands[0] == ["org", "apply", ".hardfin/sandbox"]
    assert [re.sub(r"account \w+", "account", text.strip()) for text in said[1:]] == [
        "rover-rentals:hubspot: account is active",
        "harvest-bots:hubspot: account is active",
        "summit-service:salesforce: account is active",
        "rover-rentals:salesforce: account is active",
        "rover-rentals:quickbooks: account is active",
        "rover-rentals:netsuite: account is active",
    ]


def typed(folder: Path, variables: dict[str, str], words: list[str]) -> str:
    """What a command says that a person types in another terminal, which the sandbox's variables were copied into."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("HARDFIN_", "DAGSTER_"))}
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM, *words],
        cwd=folder,
        env={**kept, "HARDFIN_HOME": str(folder / "home"), **variables},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


@pytest.mark.slow
@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "TERM"])
def test_a_demo_that_is_ended_while_dagster_runs_leaves_no_process_behind(tmp_path, sign):
    with running(tmp_path, "demo", "--deals", "10") as command:
        # Webserver, daemon and code server are up: `dagster dev` and at least three children.
        command.wait_for(lambda: "sensor" in command.text() or len(command.family) > 4, seconds=90)
        assert len(command.family) >= 4

        code = command.end(sign, seconds=60)

        assert code in {1, 130, 143}
        assert command.left_behind() == []
        assert "Traceback" not in command.text()
