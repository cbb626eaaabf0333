"""The time a sandbox lives in: it can be set, moved, frozen and let run again."""

import time
from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class SandboxClock:
    """A clock that follows the machine's unless told otherwise.

    Token lifetimes, rate windows, record times and search lag of one sandbox all read this one clock.
    """

    def __init__(self, start: datetime | None = None, *, frozen: bool = False) -> None:
        """Starts at `start` (now, when left out); a frozen clock only moves when told to."""
        self._offset = timedelta()
        self._frozen_at: datetime | None = None
        if frozen:
            self.freeze()
        if start is not None:
            self.set(start)

    def now(self) -> datetime:
        """The sandbox's time, aware and in UTC."""
        if self._frozen_at is not None:
            return self._frozen_at
        return _EPOCH + timedelta(seconds=time.time()) + self._offset

    def now_ms(self) -> int:
        """The sandbox's time in milliseconds since 1970."""
        return (self.now() - _EPOCH) // timedelta(milliseconds=1)

    @property
    def frozen(self) -> bool:
        """Whether the clock stands still."""
        return self._frozen_at is not None

    def set(self, moment: datetime) -> None:
        """Puts the clock at `moment`. It stands still there if frozen, else runs on from there.

        Raises:
            ValueError: `moment` has no time zone.
        """
        if moment.tzinfo is None:
            raise ValueError(f"clock: {moment.isoformat()} has no time zone; give an aware datetime")
        moment = moment.astimezone(UTC)
        if self._frozen_at is not None:
            self._frozen_at = moment
        else:
            self._offset = moment - (_EPOCH + timedelta(seconds=time.time()))

    def advance(self, seconds: float) -> None:
        """Moves the clock by `seconds` (back, when negative)."""
        self.set(self.now() + timedelta(seconds=seconds))

    def offset_from_machine(self, seconds: float) -> None:
        """Lets the clock run `seconds` ahead of the machine's (behind, when negative)."""
        self._frozen_at = None
        self._offset = timedelta(seconds=seconds)

    def freeze(self) -> None:
        """Stops the clock where it is."""
        self._frozen_at = self.now()

    def run(self) -> None:
        """Lets a frozen clock run on from where it stands."""
        if self._frozen_at is not None:
            moment, self._frozen_at = self._frozen_at, None
            self.set(moment)
