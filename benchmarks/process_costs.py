"""What a process has cost so far."""

import resource
import sys
import time
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Costs:
    """CPU seconds of all threads, and seconds, from some moment on."""

    cpu_seconds: float
    seconds: float


class Meter:
    """Counts from the moment it is made."""

    def __init__(self) -> None:
        self._cpu, self._began = time.process_time(), time.monotonic()

    def read(self) -> Costs:
        """What it came to."""
        return Costs(time.process_time() - self._cpu, time.monotonic() - self._began)


def peak_memory_mb() -> float:
    """The most memory the process ever held, in MB of 1,000,000 bytes."""
    status = Path("/proc/self/status")
    if status.exists():
        # Not getrusage: Linux lets a process begin with its parent's number.
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024 / 1e6
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6
