"""What can go wrong with landed records. Every message is one line: the place, what was expected, what to do."""

from pathlib import Path


class LandingError(Exception):
    """Landed records or a journal could not be written or read."""


class InvalidName(LandingError, ValueError):
    """A name that cannot be part of a path under the landing root."""


class UnreadableFile(LandingError):
    """A landed file that is damaged, is not ours, or was removed meanwhile. `path` is where it is, or was."""

    def __init__(self, message: str, path: Path) -> None:
        super().__init__(message)
        self.path = path


class JournalInUse(LandingError):
    """Another process, or another object of this one, has the journal of the same unit of work open."""
