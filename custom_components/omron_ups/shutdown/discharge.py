"""How fast the battery really discharges: an aged one lasts shorter than its UPS believes."""

from collections import deque
from typing import Final

# The voltage of lead batteries dips when the load comes on, and an estimate of the charge with it.
SETTLE_S: Final = 60.0
# Charge comes in whole per cent: fewer points over a shorter time say little about a rate.
MIN_DROP: Final = 5.0
MIN_SPAN_S: Final = 120.0
# The load changes as hosts stop: what was long ago is no measure of what comes.
WINDOW_S: Final = 600.0


class Discharge:
    """The fall of the charge during one outage."""

    def __init__(self, since: float) -> None:
        """Begin with an outage that began at this monotonic time."""
        self._settled_at = since + SETTLE_S
        self._charge: float | None = None
        self._falls: deque[tuple[float, float]] = deque()
        self._at = since

    def note(self, charge: float | None, at: float) -> None:
        """Note a reading; an unknown one leaves everything as it is."""
        if charge is None or at < self._settled_at:
            return
        before, self._charge, self._at = self._charge, charge, at
        if before is None:
            return
        if charge > before:
            self._falls.clear()
        elif charge < before:
            # Only the moment of a fall tells the charge more precisely than to a whole per cent.
            self._falls.append((at, charge))
        while self._falls and at - self._falls[0][0] > WINDOW_S:
            self._falls.popleft()

    @property
    def runtime_s(self) -> float | None:
        """Seconds from the last reading to an empty battery at this rate; None if not yet known."""
        if self._charge is None or not self._falls:
            return None
        first_at, first_charge = self._falls[0]
        drop, span_s = first_charge - self._charge, self._at - first_at
        if drop < MIN_DROP or span_s < MIN_SPAN_S:
            return None
        return self._charge * span_s / drop
