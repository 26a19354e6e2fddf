"""Stops Proxmox VE nodes and guests through their API, and starts them again."""

import asyncio
from collections.abc import Mapping, Sequence
import logging
from typing import Final, override

import aiohttp

from ..errors import RequestError
from ..models import Finding, HostState, Observation, Outcome, Reply
from ..redaction import MAX_DETAIL
from ..specs import TargetSpec
from ..target import StopContext, StopStep, Target
from .proxmox_access import ProxmoxAccess
from .proxmox_guests import Inventory, ProxmoxGuests, labels
from .proxmox_options import ProxmoxOptions, Scope
from .proxmox_preflight import ProxmoxPreflight

_LOGGER = logging.getLogger(__name__)

DISARM_HA: Final = StopStep(key="disarm_ha", irreversible=False, is_awaited=True)
GUESTS: Final = StopStep(key="guests", irreversible=False, is_awaited=True)
# Power-off begins 2 s after the answer, and its stopping of guests is visible as a task: a node
# that shows none of it for that long has lost the request.
NODE: Final = StopStep(key="node", resend_after_s=60.0)
# Guests may hesitate before they react; a second request restarts nothing.
GUESTS_ONLY: Final = StopStep(key="guests", irreversible=False)

DISARM_LIMIT_S: Final = 60.0
"""How long HA may take to let go of its guests before they are left to it after all."""
_MEMBER_LOOKS: Final = 4
_MEMBER_LOOK_S: Final = 2.0
SHORT_LIMIT_S: Final = 30
"""What a guest is granted at low battery."""
LEAST_LIMIT_S: Final = 10
"""What a guest is granted however late it is; with 0 it would be switched off at once."""
_MARGIN_S: Final = 10
"""Proxmox VE switches guests off by itself this long before the step's deadline."""


class ProxmoxTarget(Target):
    """A node with its guests, or some guests, reached with an API token.

    Our knowledge of each request is in `proxmox_api.REQUESTS`; not confirmed on hardware.
    """

    def __init__(self, spec: TargetSpec, session: aiohttp.ClientSession) -> None:
        """Take the configuration, and the session from its owner.

        Raises:
            OptionError: an option is missing or cannot be used.

        """
        super().__init__(spec)
        self._options = ProxmoxOptions.read(spec.options)
        self._api = ProxmoxAccess(session, self._options)
        self._guests = ProxmoxGuests(self._api, self._options)
        guests = (GUESTS, NODE) if self._is_node else (GUESTS_ONLY,)
        self.steps = (DISARM_HA, *guests) if self._options.disarms_ha else guests
        self._absent: frozenset[str] = frozenset()
        """Nodes that were offline when HA was disarmed."""
        self._disarming_since: float | None = None

    @property
    def _is_node(self) -> bool:
        return self._options.scope is Scope.NODE

    @property
    @override
    def learned_options(self) -> Mapping[str, object]:
        """The node's new certificate, if a peer vouched for it, and those of the peers."""
        learned: dict[str, object] = {}
        if adopted := self._api.adopted_fingerprint:
            learned["tls_fingerprint"] = adopted
        if self._api.peers != self._options.peers:
            learned["peers"] = [peer.text for peer in self._api.peers]
        return learned

    @property
    @override
    def suggested_options(self) -> Mapping[str, object]:
        """The other nodes of the cluster, which can wake this one and vouch for it."""
        found = [peer.text for peer in self._api.found_peers]
        return {"peers": found} if found else {}

    @override
    async def open(self) -> None:
        """Load what is trusted.

        Raises:
            OptionError: the authority or the fingerprint cannot be read.

        """
        await self._api.open()

    @override
    async def preflight(self) -> Sequence[Finding]:
        return await ProxmoxPreflight(self.spec, self._api, self._guests, self._options).run()

    @override
    async def rehearse(self) -> Sequence[str]:
        """Return what would be stopped; Proxmox VE has no dry run."""
        inventory = await self._guests.inventory()
        lines = [f"would stop {guest.label} on {guest.node}" for guest in inventory.running]
        if inventory.left and self._is_node:
            lines.append(f"would leave to the end of the node: {labels(inventory.left)}")
        if self._options.disarms_ha:
            lines.insert(0, "would disarm the cluster's HA manager")
        if self._is_node:
            lines.append(f"would power off {self._options.node}")
        return lines

    @override
    async def send(self, step: StopStep, context: StopContext) -> Reply:
        try:
            if step.key == DISARM_HA.key:
                return await self._disarm()
            if step.key == GUESTS.key:
                return await self._guests.stop(context.plan_id, self._guest_limit_s(context))
            await self._api.power_off(self._options.node)
        except RequestError as err:
            return err.reply
        return Reply(outcome=Outcome.ACCEPTED, detail="will power off in 2 s")

    def _guest_limit_s(self, context: StopContext) -> int:
        longest = SHORT_LIMIT_S if context.is_short else self._options.guest_limit_s
        return max(LEAST_LIMIT_S, min(longest, int(context.time_left_s) - _MARGIN_S))

    async def _disarm(self) -> Reply:
        try:
            mode, _ = await self._api.ha_disarmed()
            self._absent = await self._offline_nodes()
        except RequestError as err:
            # What counts is the request behind the look.
            err.was_sent = False
            raise
        if mode:
            return Reply(outcome=Outcome.NOTHING_TO_DO, detail=f"HA is disarmed already: {mode}")
        await self._api.disarm_ha()
        return Reply(outcome=Outcome.ACCEPTED, detail="HA is being disarmed")

    async def _offline_nodes(self) -> frozenset[str]:
        nodes = (await self._api.cluster()).nodes
        return frozenset(node.name for node in nodes if not node.is_online)

    @override
    async def is_step_done(self, step: StopStep) -> bool:
        if step.key == DISARM_HA.key:
            return await self._is_disarmed()
        return await self._guests.are_stopped() if step.key == GUESTS.key else True

    async def _is_disarmed(self) -> bool:
        """Return whether HA has let go, or is given up: it may wait for a migration to end."""
        now = asyncio.get_running_loop().time()
        since = self._disarming_since = self._disarming_since or now
        _, is_done = await self._api.ha_disarmed()
        if not is_done and now - since < DISARM_LIMIT_S:
            return False
        if not is_done:
            _LOGGER.warning("%s: HA does not let go of its guests", self._api.label)
        self._disarming_since = None
        return True

    @override
    async def escalate(self, step: StopStep, context: StopContext) -> Reply:
        if step.key != GUESTS.key:
            return Reply(outcome=Outcome.NOTHING_TO_DO)
        try:
            return await self._guests.switch_off()
        except RequestError as err:
            return err.reply

    @override
    async def observe(self) -> Observation:
        """Return what the API shows.

        An API that is silent proves nothing: it ends long before the disks are at rest.
        """
        try:
            inventory = await self._guests.inventory()
            tasks = await self._guests.shutdown_tasks(inventory)
        except RequestError as err:
            return await self._silent(err)
        words = _words(inventory)
        if tasks:
            going = ", ".join(sorted({f"{task.type} {task.about}".strip() for task in tasks}))
            words = f"{words}; going on: {going}"[:MAX_DETAIL]
            return Observation(state=HostState.GOING, evidence=words)
        if not self._is_node and inventory.are_off:
            return Observation(state=HostState.DOWN, evidence=words, is_conclusive=True)
        return Observation(state=HostState.UP, evidence=words)

    async def _silent(self, err: RequestError) -> Observation:
        if err.outcome is Outcome.REFUSED and err.was_sent:
            return Observation(state=HostState.UP, evidence=str(err))
        words = str(err)
        if await self._api.is_called_offline():
            words = f"another node calls {self._options.node} offline; {words}"
        return Observation(state=HostState.UNKNOWN, evidence=words[:MAX_DETAIL])

    @override
    async def restore(self, steps: Sequence[StopStep]) -> Reply:
        """Start the guests that we stopped, then arm HA if all nodes are there.

        While a node is missing HA stays disarmed, or it would move the missing one's guests: the
        last node that comes back arms it.
        """
        keys = {step.key for step in steps}
        reply = Reply(outcome=Outcome.NOTHING_TO_DO)
        try:
            if GUESTS.key in keys:
                reply = await self._guests.start()
            if DISARM_HA.key in keys:
                return await self._arm(reply)
        except RequestError as err:
            return err.reply
        return reply

    async def _arm(self, before: Reply) -> Reply:
        mode, _ = await self._api.ha_disarmed()
        if mode != "ignore":
            return before
        if missing := await self._missing():
            words = f"HA stays disarmed while {', '.join(sorted(missing))} is offline"
            return _with_words(before, before.outcome, words)
        await self._api.arm_ha()
        # As long as the guests are not settled whoever called comes again.
        is_settled = before.outcome in {Outcome.ACCEPTED, Outcome.NOTHING_TO_DO}
        outcome = Outcome.ACCEPTED if is_settled else before.outcome
        return _with_words(before, outcome, "HA is being armed")

    async def _missing(self) -> frozenset[str]:
        """Return the nodes that are not back; a node that has just booted sees them late."""
        looks = 0
        while missing := await self._offline_nodes() - self._absent:
            looks += 1
            if looks >= _MEMBER_LOOKS:
                break
            await asyncio.sleep(_MEMBER_LOOK_S)
        return missing

    @property
    @override
    def has_own_evidence(self) -> bool:
        """Whether Proxmox VE tells that guests are off; of a node it cannot."""
        return not self._is_node

    @property
    @override
    def can_wake(self) -> bool:
        return not self._is_node or self._api.has_peers

    @property
    @override
    def wakers(self) -> frozenset[str]:
        """The other nodes; guests are started through their own."""
        return frozenset(peer.host for peer in self._api.peers) if self._is_node else frozenset()

    @override
    async def wake(self) -> Reply:
        """Let another node send the magic packet; guests are simply started."""
        if not self._is_node:
            return await self.restore((GUESTS_ONLY,))
        asked = await self._api.wake_by_peer()
        if asked is None:
            return Reply(outcome=Outcome.REFUSED, detail="no other node could send the packet")
        return Reply(outcome=Outcome.ACCEPTED, detail=f"{asked} has sent the packet")

    @override
    async def is_ready(self) -> bool | None:
        try:
            if not self._is_node:
                return await self._guests.are_back()
            await self._api.version()
        except RequestError:
            return False
        return True


def _with_words(before: Reply, outcome: Outcome, words: str) -> Reply:
    """Return a reply that says more than the one before."""
    return Reply(
        outcome=outcome, detail=f"{before.detail}; {words}".removeprefix("; ")[:MAX_DETAIL]
    )


def _words(inventory: Inventory) -> str:
    running = inventory.running
    if not running:
        return f"all {len(inventory.chosen)} guests are off" if inventory.chosen else "no guests"
    return f"{len(running)} of {len(inventory.chosen)} guests run: {labels(running)}"[:MAX_DETAIL]
