"""Gives the unit its auto-restart setting back after a shutdown command has changed it."""

import logging
from typing import Protocol

from .delays import LONGEST_DELAY_S
from .errors import SettingMemoryError
from .queries import Q1Bit, Q1Reply

_LOGGER = logging.getLogger(__name__)

# The unit's own clock need not agree with ours.
GRACE_S = 30.0
# From one try to restore to the next: doubled each time, up to the longest.
RETRY_FIRST_S = 5.0
RETRY_LONGEST_S = 600.0
# Nominal output is 100 V or more; below this the load has no power.
OUTPUT_OFF_BELOW_V = 80.0


class SettingMemory(Protocol):
    """Keeps one value over a crash of this machine."""

    async def load(self) -> bool | None:
        """Return what was saved last, None if nothing was; may raise OSError."""

    async def save(self, auto_restart: bool | None) -> None:  # noqa: FBT001  (what it keeps)
        """Return once `auto_restart` is on the disk; None forgets. May raise OSError."""


class VolatileMemory:
    """Keeps the value as long as the process lives: for tests and for scripts."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.value: bool | None = None

    async def load(self) -> bool | None:
        """Return what was saved last."""
        return self.value

    async def save(self, auto_restart: bool | None) -> None:  # noqa: FBT001
        """Keep `auto_restart`."""
        self.value = auto_restart


class AutoRestartKeeper:
    """Knows how the setting was before the first shutdown command, and when to restore it.

    Not while a shutdown counts down, and not while the output is off: what the setting is then
    decides whether the output comes back.
    """

    def __init__(self, memory: SettingMemory) -> None:
        """Remember in `memory`."""
        self._memory = memory
        self._original: bool | None = None
        self._not_before = 0.0
        self._waits_for_mains = False
        self._pending_since: float | None = None
        self._retry_at = 0.0
        self._retry_s = RETRY_FIRST_S

    @property
    def original(self) -> bool | None:
        """The setting to restore; None if there is nothing to do."""
        return self._original

    async def load(self) -> None:
        """Take over what an earlier process could not restore any more."""
        if self._original is not None:
            return
        try:
            self._original = await self._memory.load()
        except OSError:
            # The UPS has to be watched all the same.
            _LOGGER.exception("what was the auto-restart setting of the UPS cannot be read")
        # A shutdown that the earlier process ordered may still be counting down.
        self._waits_for_mains = True

    async def remember(self, original: bool) -> None:  # noqa: FBT001
        """Store the setting before it is changed; what is stored already is older and stays.

        Raises:
            SettingMemoryError: it could not be stored.
        """
        if self._original is not None:
            return
        try:
            await self._memory.save(original)
        except OSError as err:
            raise SettingMemoryError(f"the auto-restart setting cannot be stored: {err}") from err
        self._original = original
        self.release()

    async def forget(self) -> None:
        """The setting is as it was, or somebody chose a new one."""
        if self._original is None:
            return
        self._original = None
        self._retry_s = RETRY_FIRST_S
        self._retry_at = 0.0
        try:
            await self._memory.save(None)
        except OSError:
            # At worst the next connection reads the setting once more and finds it right.
            _LOGGER.exception("the auto-restart setting of the UPS is restored but still noted")

    def hold(self, now: float, delay_s: float) -> None:
        """A shutdown was ordered: restore nothing until it has happened or cannot any more."""
        self._not_before = now + delay_s + GRACE_S
        self._waits_for_mains = True

    def release(self) -> None:
        """No shutdown of ours is under way."""
        self._not_before = 0.0
        self._waits_for_mains = False
        self._pending_since = None

    def postpone(self, now: float) -> None:
        """An attempt to restore failed."""
        self._retry_at = now + self._retry_s
        self._retry_s = min(2 * self._retry_s, RETRY_LONGEST_S)

    def is_due(self, reply: Q1Reply, now: float) -> bool:
        """Tell whether to restore now, by the last Q1 reply."""
        if self._original is None:
            return False
        if reply.output_voltage is not None and reply.output_voltage < OUTPUT_OFF_BELOW_V:
            # What was ordered has happened; only the return is still to come.
            self._not_before = 0.0
            return False
        if self._is_counting_down(reply, now) or now < max(self._not_before, self._retry_at):
            return False
        return not (self._waits_for_mains and reply.bit(Q1Bit.ON_BATTERY))

    def _is_counting_down(self, reply: Q1Reply, now: float) -> bool:
        """Believe the shutdown bit, but no longer than any shutdown takes: some units hold it."""
        if not reply.bit(Q1Bit.SHUTDOWN_PENDING):
            self._pending_since = None
            return False
        if self._pending_since is None:
            self._pending_since = now
        return now - self._pending_since <= LONGEST_DELAY_S + GRACE_S
