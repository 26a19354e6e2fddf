"""The guests of a Proxmox VE target: which are stopped, how, and which are started again."""

import asyncio
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
import logging
from typing import Final

from ..errors import CredentialsRefusedError, IdentityError, RefusedError, RequestError
from ..models import Outcome, Reply
from ..redaction import MAX_DETAIL
from .proxmox_access import ProxmoxAccess
from .proxmox_api import MissingPrivilegeError, ParameterError
from .proxmox_options import ProxmoxOptions, Scope
from .proxmox_rows import Guest, Task

_LOGGER = logging.getLogger(__name__)

_SHUTDOWNS_LIMIT_S: Final = 8.0
"""How long one call waits for guests that still shut down; whoever calls comes again."""
_LOOK_EVERY_S: Final = 2.0
_STOP_ALL: Final = "stopall"
# What ends a guest, and what starts it: the last of a guest's tasks tells who stopped it.
_STOP_TASKS: Final = frozenset({"qmshutdown", "vzshutdown", "qmstop", "vzstop", "hastop"})
_START_TASKS: Final = frozenset({"qmstart", "vzstart", "hastart"})
_FIRST_OUTCOMES: Final = (Outcome.ACCEPTED, Outcome.UNKNOWN, Outcome.REFUSED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Inventory:
    """The guests that matter, as they are at one moment."""

    chosen: tuple[Guest, ...] = ()
    """Those that we stop, running or not."""
    left: tuple[Guest, ...] = ()
    """Those that stop with their node only: managed by HA, or the one that runs us."""
    missing: frozenset[int] = frozenset()
    """VMIDs that the user named and nobody knows, or may see."""
    is_loose: bool = False
    """Whether the HA manager is disarmed so that requests reach the guests themselves."""

    @property
    def running(self) -> tuple[Guest, ...]:
        """Those of the chosen that run."""
        return tuple(guest for guest in self.chosen if guest.is_running)

    @property
    def are_off(self) -> bool:
        """Whether all that the user named are known, and none runs."""
        return bool(self.chosen) and not self.running and not self.missing

    def is_managed(self, guest: Guest) -> bool:
        """Whether a request about a guest ends at the HA manager."""
        return guest.is_managed and not self.is_loose


class ProxmoxGuests:
    """Stops and starts guests; what it stopped it knows from the node's own list of tasks too."""

    def __init__(self, api: ProxmoxAccess, options: ProxmoxOptions) -> None:
        """Take the way to the API."""
        self._api = api
        self._options = options
        self._stopped: dict[int, Guest] = {}
        """What ran when we stopped it in this plan; empty after a restart of ours."""
        self._stop_all = ""
        """The task that stops all, if we know it."""
        self._plan_id = ""

    async def inventory(self) -> Inventory:
        """Look at the guests.

        Raises:
            RequestError: they cannot be listed.

        """
        listed = {guest.vmid: guest for guest in await self._api.guests()}
        is_loose = any(guest.is_managed for guest in listed.values()) and await self._is_loose()
        if self._options.scope is Scope.GUESTS:
            return await self._named(listed, is_loose=is_loose)
        node = self._options.node
        live = await self._live({node})
        guests = [
            replace(guest, ha_state=listed[vmid].ha_state if vmid in listed else "")
            for vmid, guest in sorted(live.items())
            if not guest.is_template
        ]
        own = self._options.home_assistant_guest
        left = [g for g in guests if g.vmid == own or (g.is_managed and not is_loose)]
        chosen = tuple(guest for guest in guests if guest not in left)
        return Inventory(chosen=chosen, left=tuple(left), is_loose=is_loose)

    async def _named(self, listed: Mapping[int, Guest], *, is_loose: bool) -> Inventory:
        wanted = {vmid: listed[vmid] for vmid in self._options.guests if vmid in listed}
        live = await self._live({guest.node for guest in wanted.values()})
        chosen = tuple(
            replace(live.get(vmid, guest), ha_state=guest.ha_state)
            for vmid, guest in sorted(wanted.items())
            if vmid != self._options.home_assistant_guest
        )
        missing = self._options.guests - wanted.keys()
        return Inventory(chosen=chosen, missing=missing, is_loose=is_loose)

    async def _live(self, nodes: Iterable[str]) -> dict[int, Guest]:
        found: dict[int, Guest] = {}
        for node in sorted(nodes):
            found |= await self._api.live_guests(node)
        return found

    async def _is_loose(self) -> bool:
        try:
            mode, is_done = await self._api.ha_disarmed()
        except MissingPrivilegeError:
            return False
        return mode == "ignore" and is_done

    async def stop(self, plan_id: str, limit_s: int) -> Reply:
        """Ask the guests to shut down, within `limit_s` each.

        Raises:
            RequestError: they could not be listed, or not be told.

        """
        if plan_id != self._plan_id:
            self._plan_id, self._stop_all, self._stopped = plan_id, "", {}
        try:
            running = (await self.inventory()).running
        except RequestError as err:
            # What counts is the request behind the list.
            err.was_sent = False
            raise
        if not running:
            return Reply(outcome=Outcome.NOTHING_TO_DO, detail="no guest runs")
        self._stopped |= {guest.vmid: guest for guest in running}
        if self._options.scope is Scope.NODE and await self._stop_together(running, limit_s):
            return Reply(outcome=Outcome.ACCEPTED, detail=f"stopall: {labels(running)}")
        return _together(
            await asyncio.gather(*(self._shut_down(guest, limit_s) for guest in running))
        )

    async def _stop_together(self, running: Sequence[Guest], limit_s: int) -> bool:
        """Let the node stop them in its own order; return False if each has to be told by itself.

        One guest that the token has no right to, or a worker that cannot start, refuses them all:
        that is no reason to switch them off hard.
        """
        vmids = [guest.vmid for guest in running]
        try:
            self._stop_all = await self._api.stop_all(self._options.node, vmids, limit_s)
        except MissingPrivilegeError as err:
            _LOGGER.warning("%s: no stopall: %s", self._api.label, err)
        except CredentialsRefusedError, IdentityError:
            raise
        except RefusedError as err:
            _LOGGER.warning("%s: no stopall: %s", self._api.label, err)
        else:
            return True
        return False

    async def _shut_down(self, guest: Guest, limit_s: int) -> Reply:
        try:
            await self._api.shut_down(guest, limit_s)
        except RequestError as err:
            # Containers say so; of a machine that is off the task ends well.
            if "not running" in str(err):
                return Reply(outcome=Outcome.NOTHING_TO_DO)
            return replace(err.reply, detail=f"{guest.label}: {err}")
        return Reply(outcome=Outcome.ACCEPTED, detail=guest.label)

    async def switch_off(self) -> Reply:
        """Switch off hard what still runs.

        Raises:
            RequestError: the guests could not be listed.

        """
        inventory = await self.inventory()
        running = inventory.running
        self._stopped |= {guest.vmid: guest for guest in running}
        return _together(
            await asyncio.gather(
                *(
                    self._switch_off(guest, overrule=not inventory.is_managed(guest))
                    for guest in running
                )
            )
        )

    async def _switch_off(self, guest: Guest, *, overrule: bool) -> Reply:
        try:
            await self._switch_off_once(guest, overrule=overrule)
        except RequestError as err:
            return replace(err.reply, detail=f"{guest.label}: {err}")
        return Reply(outcome=Outcome.ACCEPTED, detail=f"{guest.label} switched off hard")

    async def _switch_off_once(self, guest: Guest, *, overrule: bool) -> None:
        try:
            await self._api.switch_off(guest, overrule=overrule)
        except ParameterError:
            # Older versions do not know the parameter, and the HA manager does not take it.
            if not overrule:
                raise
            await self._api.switch_off(guest, overrule=False)

    async def are_stopped(self) -> bool:
        """Return whether all chosen are off, and the task that stops them has ended.

        It still lets go of their disks after the last of them is off.

        Raises:
            RequestError: the node could not be asked.

        """
        if self._stop_all and not await self._has_ended(self._stop_all):
            return False
        return not (await self.inventory()).running

    async def _has_ended(self, upid: str) -> bool:
        result = await self._api.task_result(self._options.node, upid)
        if result is None:
            return False
        if result != "OK":
            _LOGGER.warning("%s: stopall ended with: %s", self._api.label, result)
        return True

    async def shutdown_tasks(self, inventory: Inventory) -> tuple[Task, ...]:
        """Return what is shutting our guests down at this moment, whoever began it.

        Raises:
            RequestError: a node could not be asked.

        """
        if self._options.scope is Scope.NODE:
            # A single guest that somebody shuts down says nothing of its node.
            tasks = await self._shutdowns({self._options.node})
            return tuple(task for task in tasks if task.type == _STOP_ALL)
        named = {str(guest.vmid) for guest in inventory.chosen}
        tasks = await self._shutdowns({guest.node for guest in inventory.chosen})
        return tuple(task for task in tasks if task.about in named)

    async def _shutdowns(self, nodes: Collection[str]) -> tuple[Task, ...]:
        found: list[Task] = []
        for node in sorted(nodes):
            found += await self._api.tasks(node, "active")
        kinds = _STOP_TASKS | {_STOP_ALL}
        return tuple(task for task in found if task.type in kinds and task.is_active)

    async def start(self) -> Reply:
        """Start what we stopped and what is off by now.

        UNKNOWN while one still shuts down, which cannot be held up: call again.

        Raises:
            RequestError: the node could not be asked.

        """
        is_quiet = await self._end_shutdowns()
        inventory = await self.inventory()
        ours = await self._ours(inventory)
        reply = await self._start(ours, inventory)
        if is_quiet:
            return reply
        words = f"{reply.detail}; a guest still shuts down".removeprefix("; ")
        return Reply(outcome=Outcome.UNKNOWN, detail=words[:MAX_DETAIL])

    async def _start(self, ours: Sequence[Guest], inventory: Inventory) -> Reply:
        if not ours:
            return Reply(outcome=Outcome.NOTHING_TO_DO, detail="no guest of ours is off")
        loose = [guest for guest in ours if not inventory.is_managed(guest)]
        replies = [await self._start_by_ha(g) for g in ours if inventory.is_managed(g)]
        for node in sorted({guest.node for guest in loose}):
            vmids = [guest.vmid for guest in loose if guest.node == node]
            await self._api.start_all(node, vmids)
            replies.append(Reply(outcome=Outcome.ACCEPTED, detail=f"startall on {node}: {vmids}"))
        return _together(replies)

    async def _start_by_ha(self, guest: Guest) -> Reply:
        """Take back what HA made of our request: it wants the guest stopped, for good."""
        try:
            await self._api.start_by_ha(guest)
        except RefusedError as err:
            words = f"{guest.label} stays off until its HA resource is set to started: {err}"
            return Reply(outcome=Outcome.REFUSED, detail=words[:MAX_DETAIL])
        return Reply(outcome=Outcome.ACCEPTED, detail=f"{guest.label} wanted by HA again")

    async def _end_shutdowns(self) -> bool:
        """Keep stopall from going on, and wait a little for the guests that were told already.

        Returns:
            Whether none of them shuts down any more.

        """
        nodes = {guest.node for guest in self._stopped.values()} or {self._options.node}
        try:
            async with asyncio.timeout(_SHUTDOWNS_LIMIT_S):
                while tasks := await self._shutdowns_of_ours(nodes):
                    for task in tasks:
                        if task.type == _STOP_ALL:
                            await self._abort(task)
                    await asyncio.sleep(_LOOK_EVERY_S)
        except TimeoutError:
            return False
        return True

    async def _shutdowns_of_ours(self, nodes: Collection[str]) -> list[Task]:
        tasks = await self._shutdowns(nodes)
        return [task for task in tasks if task.user == self._options.token_id]

    async def _abort(self, task: Task) -> None:
        try:
            await self._api.abort(self._options.node, task.upid)
        except RefusedError as err:
            # It may have ended meanwhile; the next look tells.
            _LOGGER.debug("%s: %s", self._api.label, err)

    async def _ours(self, inventory: Inventory) -> list[Guest]:
        """Return which of the guests that are off were stopped by us.

        The plan at hand need not have found them running: if another outage comes before all are
        back, some are off since the plan before.
        """
        off = [guest for guest in inventory.chosen if not guest.is_running]
        nodes = sorted({guest.node for guest in off})
        ours = set(self._stopped).union(*[await self._stopped_by_token(node) for node in nodes])
        return [guest for guest in off if guest.vmid in ours]

    async def _stopped_by_token(self, node: str) -> set[int]:
        """Return the guests whose last task was a stop by our token: we may have started anew."""
        tasks = await self._api.tasks(node, "all")
        last: dict[str, Task] = {}
        for task in sorted(tasks, key=lambda task: task.started):
            if task.type in _STOP_TASKS | _START_TASKS:
                last[task.about] = task
        return {
            int(about)
            for about, task in last.items()
            if about.isdecimal()
            and task.type in _STOP_TASKS
            and task.user == self._options.token_id
        }

    async def are_back(self) -> bool:
        """Return whether nothing that we stopped is off.

        Raises:
            RequestError: the node could not be asked.

        """
        return not await self._ours(await self.inventory())


def labels(guests: Sequence[Guest]) -> str:
    """Return the guests in words."""
    return ", ".join(guest.label for guest in guests)


def _together(replies: Sequence[Reply]) -> Reply:
    """Return one reply for several: what was accepted anywhere is worth waiting for."""
    outcomes = {reply.outcome for reply in replies}
    outcome = next((o for o in _FIRST_OUTCOMES if o in outcomes), Outcome.NOTHING_TO_DO)
    details = "; ".join(reply.detail for reply in replies if reply.detail)
    return Reply(
        outcome=outcome,
        detail=details[:MAX_DETAIL],
        was_sent=any(reply.was_sent for reply in replies),
    )
