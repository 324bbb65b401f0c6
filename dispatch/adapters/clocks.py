"""Clocks: the only modules that may ask what time it is."""

from __future__ import annotations

import datetime as dt
import time


class SystemClock:
    """
    The machine's clock in the city's time zone.

    Parameters
    ----------
    timezone
        Of the city.
    """

    def __init__(self, timezone: dt.tzinfo) -> None:
        self._timezone = timezone

    def now(self) -> dt.datetime:
        """Aware time in the city's time zone."""
        return dt.datetime.now(self._timezone)  # noqa: TID251 - this is the clock port


class DemoClock:
    """
    A clock that was set to a moment and runs on from there.

    Parameters
    ----------
    start
        Aware moment at which the clock begins.
    """

    def __init__(self, start: dt.datetime) -> None:
        self._start = start
        self._began_s = time.monotonic()

    def now(self) -> dt.datetime:
        """Aware time, as much later than the start as has passed since."""
        return self._start + dt.timedelta(seconds=time.monotonic() - self._began_s)


class FixedClock:
    """
    A clock that stands still until it is set.

    Parameters
    ----------
    moment
        Aware time to tell.
    """

    def __init__(self, moment: dt.datetime) -> None:
        self.moment = moment

    def now(self) -> dt.datetime:
        """Aware time it was set to."""
        return self.moment
