"""Stops the hosts that watch this UPS with upsmon, by a forced shutdown (FSD)."""

import asyncio
from collections.abc import Sequence
from enum import StrEnum
from typing import Final, Protocol, override

from ..errors import ShutdownError
from ..fields import Field, FieldType, Options
from ..findings import finding, finding_of
from ..models import Finding, HostState, Observation, Outcome, Reply, Severity
from ..specs import TargetSpec
from ..target import StopContext, StopStep, Target

FSD: Final = StopStep(key="fsd")

DEFAULT_HOSTSYNC_S: Final = 15
"""upsmon's own: how long a primary waits for the secondaries to log out."""
DEFAULT_GRACE_S: Final = 60.0
"""From logging out to power-off, if the user named no grace time: FINALDELAY is 5 s by default,
then an operating system stops."""

FIELDS: Final = (
    Field(name="alias", is_required=True),
    Field(
        name="hostsync",
        type=FieldType.INTEGER,
        default=DEFAULT_HOSTSYNC_S,
        minimum=0,
        maximum=600,
        is_advanced=True,
    ),
)


class NutClientsFinding(StrEnum):
    """Translation keys under `issues`; their placeholders are `target` and `detail`."""

    NO_ALIAS = "nut_alias_missing"
    """The NUT server does not run, or has no UPS of this name: correct the name."""
    NO_CLIENTS = "nut_no_clients"
    """Nobody is logged in under this name: point upsmon of the hosts at it."""
    TIME_LIMIT_SHORT = "nut_time_limit_short"
    """The time limit is shorter than HOSTSYNC and grace time together: raise it."""


class NutAliases(Protocol):
    """What of the NUT server this kind needs; the glue fills it."""

    def clients(self, alias: str) -> Sequence[str] | None:
        """Return the addresses of the clients that are logged in (LOGIN) under a name.

        None if the server does not run, or has no UPS of this name.
        """

    def is_forced(self, alias: str) -> bool:
        """Return whether FSD is set under this name."""

    async def force(self, alias: str) -> None:
        """Set FSD under this name alone.

        Raises:
            RefusedError: there is no such name, or no server.

        """

    async def release(self, alias: str) -> None:
        """Clear FSD under this name; nothing to do if it is not set."""


class NutClientsTarget(Target):
    """The hosts whose upsmon is logged in under one name of the UPS.

    Down means that all have logged out, and that the grace time has passed since: upsmon logs
    out first and powers off afterwards.
    """

    steps = (FSD,)

    def __init__(self, spec: TargetSpec, aliases: NutAliases) -> None:
        """Take the configuration, and the way to the NUT server."""
        super().__init__(spec)
        self._options = Options(spec.options, FIELDS)
        self._aliases = aliases
        self._forced_at: float | None = None
        self._empty_since: float | None = None
        # Whether there was nobody to tell when FSD was set by us; unknown after a restart.
        self._told_nobody = False

    @property
    def _alias(self) -> str:
        return self._options.text("alias")

    @property
    def _grace_s(self) -> float:
        return self.spec.verify.grace_s or DEFAULT_GRACE_S

    @override
    async def preflight(self) -> Sequence[Finding]:
        """Check that the name exists and somebody is logged in under it."""
        try:
            alias, hostsync = self._alias, self._options.integer("hostsync")
        except ShutdownError as err:
            return (finding_of(self.spec, err),)
        clients = self._aliases.clients(alias)
        if clients is None:
            return (finding(self.spec, NutClientsFinding.NO_ALIAS, detail=alias),)
        found = []
        if not clients:
            found.append((NutClientsFinding.NO_CLIENTS, alias))
        needed = hostsync + self._grace_s
        if self.spec.time_limit_s < needed:
            found.append((NutClientsFinding.TIME_LIMIT_SHORT, f"{needed:.0f} s"))
        return tuple(
            finding(self.spec, key, detail=detail, severity=Severity.WARNING)
            for key, detail in found
        )

    @override
    async def rehearse(self) -> Sequence[str]:
        clients = self._aliases.clients(self._alias) or ()
        return (f"set FSD on {self._alias} for {', '.join(clients) or 'nobody'}",)

    @override
    async def send(self, step: StopStep, context: StopContext) -> Reply:
        try:
            await self._force()
        except ShutdownError as err:
            return err.reply
        clients = self._aliases.clients(self._alias) or ()
        self._told_nobody = not clients
        return Reply(outcome=Outcome.ACCEPTED, detail=f"FSD set; {len(clients)} logged in")

    async def _force(self) -> None:
        await self._aliases.force(self._alias)
        self._forced_at = _now()
        self._empty_since = None

    @override
    async def reassert(self, step: StopStep) -> None:
        """Set FSD again: our NUT server started without it."""
        if step.key == FSD.key and not self._aliases.is_forced(self._alias):
            await self._force()

    @override
    async def release(self) -> None:
        """Clear FSD, or clients that come back would stop at once."""
        await self._aliases.release(self._alias)
        self._forced_at = self._empty_since = None

    @property
    @override
    def has_own_evidence(self) -> bool:
        return True

    @override
    async def observe(self) -> Observation:
        """Return what the logins show; DOWN is conclusive, for nobody else can tell more.

        Before FSD an empty name proves nothing: a client may be about to log in.
        """
        clients = self._aliases.clients(self._alias)
        if clients is None:
            return Observation(state=HostState.UNKNOWN, evidence="the NUT server does not run")
        if not self._aliases.is_forced(self._alias):
            state = HostState.UP if clients else HostState.UNKNOWN
            return Observation(state=state, evidence=f"{len(clients)} logged in")
        now = _now()
        if clients:
            self._empty_since, self._told_nobody = None, False
            return Observation(state=HostState.GOING, evidence=self._still_there(clients, now))
        if self._empty_since is None:
            self._empty_since = now
        return self._all_gone(now - self._empty_since)

    def _all_gone(self, for_s: float) -> Observation:
        if self._told_nobody:
            # Only for those who lost their connection a moment ago and log in again.
            wait_s, evidence = float(self._hostsync_s), "nobody was logged in, and nobody came"
        else:
            wait_s, evidence = self._grace_s, f"all logged out {for_s:.0f} s ago"
        if for_s >= wait_s:
            return Observation(state=HostState.DOWN, evidence=evidence, is_conclusive=True)
        # A host that has logged out is not off yet.
        return Observation(state=HostState.GOING, evidence=evidence)

    def _still_there(self, clients: Sequence[str], now: float) -> str:
        names = ", ".join(clients)
        if self._forced_at is not None and now - self._forced_at > self._hostsync_s:
            return f"still logged in after HOSTSYNC: {names}"
        return f"still logged in: {names}"

    @property
    def _hostsync_s(self) -> int:
        return self._options.integer("hostsync")

    @override
    async def is_ready(self) -> bool | None:
        """Return whether somebody has logged in again; an empty name proves nothing."""
        return True if self._aliases.clients(self._alias) else None


def _now() -> float:
    return asyncio.get_running_loop().time()
