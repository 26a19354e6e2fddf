"""From power to energy."""

from typing import Final

from .driver import Timing, UpsState

_JOULES_PER_KWH: Final = 3_600_000
# Two polls, and the time that one of them may be late. What happened in a longer gap is not known.
MAX_GAP_S: Final = 2 * Timing().poll_s + 0.5


class EnergyMeter:
    """Integrates the power of one UPS by the trapezoid rule."""

    def __init__(self, *, kwh: float) -> None:
        """Go on counting from `kwh`."""
        self.kwh = kwh
        self._last: tuple[float, float] | None = None

    @property
    def rounded_kwh(self) -> float:
        """The energy to 1 Wh; a finer value would change, and be stored, with every reading."""
        return round(self.kwh, 3)

    def add(self, state: UpsState) -> None:
        """Count the time since the last state that told its power."""
        if state.stale or state.read_at is None or state.realpower is None:
            self._last = None
            return
        if self._last is not None:
            read_at, power = self._last
            elapsed = state.read_at - read_at
            if elapsed <= MAX_GAP_S:
                self.kwh += (power + state.realpower) / 2 * elapsed / _JOULES_PER_KWH
        self._last = (state.read_at, state.realpower)
