"""Holds a storage host back for as long as somebody uses it, and there is time."""

import asyncio
import logging
from typing import Final

from .evidence import LIFELESS_S
from .models import TargetState
from .records import Gate
from .run import Run
from .specs import TargetSpec
from .target import Target

_LOGGER = logging.getLogger(__name__)

POLL_S: Final = 1.0
ASK_EVERY_S: Final = 5.0
"""Between two questions for the sessions that are left."""
ASK_LIMIT_S: Final = 5.0
SHORT_S: Final = 20.0
"""The longest wait if others act at low battery, and else the shortest: users were just asked."""
STALE_S: Final = 60.0
"""How long sessions may outlive the hosts that held them, if nobody else is known to use them."""
UNKNOWN_S: Final = 120.0
"""The longest wait if nobody knows how long the battery lasts."""
ON_MAINS_S: Final = 300.0
"""The longest wait in a plan that was asked for on mains; after it the host stays up."""


async def pass_gate(run: Run, spec: TargetSpec) -> None:
    """Return once a target may be stopped, or must be.

    It may once nobody uses its storage any more: all its users are down, or all that they run on,
    or it counts no sessions.
    It must at the last safe moment. On mains there is no such moment: then it is refused.
    """
    counts = type(run.targets[spec.target_id]).uses_left is not Target.uses_left
    if counts or run.plan.users_of(spec.target_id):
        await _Gate(run, spec, counts=counts).run()


class _Gate:
    """One storage host, and those who use it."""

    def __init__(self, run: Run, spec: TargetSpec, *, counts: bool) -> None:
        self._run = run
        self._spec = spec
        self._counts = counts
        self._began = run.monotonic()
        self._asked_at = self._began - ASK_EVERY_S
        self._idle_since: float | None = None
        self._sessions: int | None = None

    async def run(self) -> None:
        while True:
            users = self._users()
            await self._count()
            if (why := self._why_open(users)) is not None:
                self._note(why, is_open=True)
                return
            if self._is_refused():
                evidence = self._still_used(users)
                self._run.settle(self._spec.target_id, TargetState.REFUSED, evidence)
                return
            self._note(self._still_used(users), is_open=False)
            await asyncio.sleep(POLL_S)

    def _users(self) -> list[str]:
        """Return the names of the users that are not proven down."""
        users = self._run.plan.users_of(self._spec.target_id)
        left = [user.name for user in users if not self._is_gone(user)]
        if left:
            self._idle_since = None
        elif self._idle_since is None:
            self._idle_since = self._run.monotonic()
        return left

    def _is_gone(self, user: TargetSpec) -> bool:
        """Return whether a user is down, or has nothing left to run on: neither holds a volume."""
        run = self._run
        if run.is_off(user.target_id):
            return True
        watch = run.watch(user.target_id)
        # A cluster that is no longer there shows nothing, not that it is down.
        if not user.runs_on or (watch and watch.lifeless_s(run.monotonic()) < LIFELESS_S):
            return False
        return all(run.plan.target(host) and run.is_off(host) for host in user.runs_on)

    async def _count(self) -> None:
        """Ask the host for its sessions, now and then."""
        if not self._counts or self._run.monotonic() - self._asked_at < ASK_EVERY_S:
            return
        self._asked_at = self._run.monotonic()
        try:
            async with asyncio.timeout(ASK_LIMIT_S):
                self._sessions = await self._run.targets[self._spec.target_id].uses_left()
        except TimeoutError:
            self._sessions = None
        except Exception as err:  # noqa: BLE001 - one kind's defect must not end the plan
            _LOGGER.warning("%s: its users cannot be counted: %r", self._spec.name, err)
            self._sessions = None

    def _why_open(self, users: list[str]) -> str | None:
        """Return why the target may or must be stopped now; None if it has to wait."""
        if self._sessions == 0:
            return "no session is left"
        if not users and self._sessions is None:
            return "its users are down"
        waited_s = self._run.monotonic() - self._began
        if self._idle_since is not None and self._run.monotonic() - self._idle_since >= STALE_S:
            return "its users are down, and the sessions that are left are stale"
        if self._run.record.is_outage and waited_s >= self._longest_wait_s(waited_s):
            return f"the last safe moment has come; {self._still_used(users)}"
        return None

    def _longest_wait_s(self, waited_s: float) -> float:
        now, is_short = self._run.power(), self._run.record.is_short
        if is_short and now.runtime_s is None and not (self._run.is_low() or now.forced):
            return UNKNOWN_S
        if is_short and (self._run.plan.acts_at_low_battery or now.forced):
            # NAS boxes and upsmon act by themselves now: whoever waits loses to them.
            return SHORT_S
        safe_s = self._run.last_safe_wait_s(self._spec)
        return UNKNOWN_S if safe_s is None else max(SHORT_S, waited_s + safe_s)

    def _is_refused(self) -> bool:
        waited_s = self._run.monotonic() - self._began
        return not self._run.record.is_outage and waited_s >= ON_MAINS_S

    def _still_used(self, users: list[str]) -> str:
        if users:
            return f"still used by {', '.join(users)}"
        return f"{self._sessions} sessions are left"

    def _note(self, evidence: str, *, is_open: bool) -> None:
        target = self._run.target(self._spec.target_id)
        is_gated = target.state is TargetState.GATED
        if is_open or not is_gated or target.evidence != evidence:
            self._run.note(Gate(target_id=self._spec.target_id, is_open=is_open, evidence=evidence))
