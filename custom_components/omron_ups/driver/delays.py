"""How long until the output goes off and comes back, and how the dialect spells it."""

from dataclasses import dataclass

from .errors import OutOfRangeError

SECONDS_PER_STEP = 6
SHORTEST_DELAY_S = 12
_MINUTE_S = 60
LONGEST_DELAY_S = 30 * _MINUTE_S
SHUTDOWN_DELAYS_S: tuple[int, ...] = (
    *range(SHORTEST_DELAY_S, _MINUTE_S, SECONDS_PER_STEP),
    *range(_MINUTE_S, LONGEST_DELAY_S + 1, _MINUTE_S),
)
"""Every delay that a shutdown command can carry, in seconds (vendor driver 1.02)."""
LONGEST_START_MIN = 99_999
LONGEST_START_S = LONGEST_START_MIN * _MINUTE_S


@dataclass(frozen=True, slots=True, kw_only=True)
class Delays:
    """The driver's own settings that go into shutdown commands, in seconds."""

    shutdown_s: int = 30
    """Until the output goes off; one of `SHUTDOWN_DELAYS_S`."""
    start_s: int = 180
    """From there until a timed restart; whole minutes."""


def encode_delay(seconds: int) -> str:
    """Spell a delay: ``.2`` to ``.9`` in steps of 6 s, from a minute on ``01`` to ``30``.

    Raises:
        OutOfRangeError: the unit cannot wait exactly that long.
    """
    check_delay(seconds)
    if seconds < _MINUTE_S:
        return f".{seconds // SECONDS_PER_STEP}"
    return f"{seconds // _MINUTE_S:02d}"


def encode_restart(seconds: int) -> str:
    """Spell the time off of a timed restart: five digits of minutes.

    Raises:
        OutOfRangeError: it is no whole number of minutes from 1 to 99999.
    """
    check_restart(seconds)
    return f"{seconds // _MINUTE_S:05d}"


def check_delay(seconds: int) -> int:
    """Return `seconds` if a shutdown command can carry it, else raise OutOfRangeError."""
    if seconds in SHUTDOWN_DELAYS_S:
        return seconds
    below = max((delay for delay in SHUTDOWN_DELAYS_S if delay < seconds), default=None)
    above = min((delay for delay in SHUTDOWN_DELAYS_S if delay > seconds), default=None)
    nearest = " or ".join(f"{delay} s" for delay in (below, above) if delay is not None)
    raise OutOfRangeError(
        f"the UPS cannot wait {seconds} s before it switches off: it takes 12 to 54 s in steps"
        f" of 6 s, or 1 to 30 whole minutes; nearest: {nearest}"
    )


def check_restart(seconds: int) -> int:
    """Return `seconds` if a timed restart can carry it, else raise OutOfRangeError."""
    if _MINUTE_S <= seconds <= LONGEST_START_S and seconds % _MINUTE_S == 0:
        return seconds
    raise OutOfRangeError(
        f"the UPS cannot stay off for {seconds} s: it takes whole minutes, 60 s to"
        f" {LONGEST_START_S} s"
    )
