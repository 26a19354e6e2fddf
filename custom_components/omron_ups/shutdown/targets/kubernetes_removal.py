"""Cordons nodes and gets rid of pods: politely first, then whatever their budgets say."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import replace
import logging
from typing import Final

from ..errors import RequestError
from ..models import Outcome, Reply
from ..redaction import MAX_DETAIL
from .kubernetes_api import (
    HeldByBudgetError,
    KubernetesApi,
    NamespaceEndsError,
    NotNowError,
    NotThereError,
)
from .kubernetes_inventory import Cluster, Inventory
from .kubernetes_rows import Node, Pod

_LOGGER = logging.getLogger(__name__)

RETRY_S: Final = 5.0
"""Between two rounds of evictions; the API server names no better time."""
ROUND_LIMIT_S: Final = 10.0
"""How long the first round may take before the request counts as begun."""
HOPELESS_S: Final = 30.0
"""How long budgets are asked for pods that nothing is left to wait for: all nodes are cordoned,
so that no successor starts, and nobody is on the way out. Time for a container that restarts."""
LEAST_GRACE_S: Final = 10
"""What a pod is granted however late it is. 0 would take its object away while its process may
still write to the volume, and is never sent."""
_AT_ONCE: Final = 8
_FIRST_OUTCOMES: Final = (Outcome.ACCEPTED, Outcome.UNKNOWN, Outcome.REFUSED)


class Nodes:
    """Cordons nodes and takes it back; knows its own by the annotation on them."""

    def __init__(self, api: KubernetesApi, target_id: str) -> None:
        """Take the way to the API; `target_id` tells our nodes from those of others."""
        self._api = api
        self._target_id = target_id

    def owner(self, plan_id: str) -> str:
        """Return what is written on the nodes that a plan cordons."""
        return f"{self._target_id}/{plan_id}"

    def are_ours(self, nodes: Iterable[Node]) -> tuple[Node, ...]:
        """Return those that this target cordoned, in whatever plan."""
        return tuple(n for n in nodes if n.cordoned_by.startswith(self.owner("")))

    async def cordon(self, nodes: Iterable[Node], plan_id: str, *, dry_run: bool = False) -> Reply:
        """Cordon nodes that are open; those that somebody else cordoned are left as they are."""

        async def _cordon(node: Node) -> None:
            await self._api.cordon(node.name, self.owner(plan_id), dry_run=dry_run)

        todo = [node for node in nodes if not node.is_unschedulable]
        replies = [_outcome(_cordon, node, node.name, "cordoned") for node in todo]
        return together(await asyncio.gather(*replies), nothing="all nodes are cordoned already")

    async def uncordon(self) -> Reply:
        """Uncordon what is ours; ACCEPTED only once nothing of ours is left cordoned.

        Raises:
            RequestError: the nodes could not be listed.

        """

        async def _uncordon(node: Node) -> None:
            await self._api.uncordon(node.name)

        ours = self.are_ours(await self._api.nodes())
        replies = await asyncio.gather(
            *(_outcome(_uncordon, node, node.name, "uncordoned") for node in ours)
        )
        failed = [r for r in replies if r.outcome in {Outcome.UNKNOWN, Outcome.REFUSED}]
        return together(failed or replies, nothing="no node of ours is cordoned")


class Removal:
    """Gets rid of the pods that use the NAS, in rounds, until it is told to end.

    What cannot go now, because a disruption budget says so, is asked again in the next round.
    """

    def __init__(self, api: KubernetesApi, cluster: Cluster, nodes: Nodes) -> None:
        """Take the way to the API; nothing is done yet."""
        self._api = api
        self._cluster = cluster
        self._nodes = nodes
        self._task: asyncio.Task[None] | None = None
        self._held_since: dict[str, float] = {}
        """Since when a budget has held a pod, by its uid, while all nodes were cordoned."""

    async def begin(self, plan_id: str, *, grace_s: int, for_s: float, is_hard: bool) -> Reply:
        """Do the first round, and let the next ones follow.

        Args:
            plan_id: the plan; a node that is open, or was opened meanwhile, is cordoned for it.
            grace_s: the longest time to stop that a pod is granted, of its own.
            for_s: how long the rounds go on.
            is_hard: DELETE in place of an eviction, to pods that are on their way out as well.

        Raises:
            RequestError: the cluster could not be looked at.

        """
        await self.end()
        inventory = await self._cluster.look()
        pods = inventory.pods if is_hard else inventory.to_evict
        self._held_since.clear()
        remove = self._remover(grace_s, is_hard=is_hard)
        reply = Reply(outcome=Outcome.ACCEPTED, detail=f"{len(pods)} pods are told to go")
        try:
            async with asyncio.timeout(ROUND_LIMIT_S):
                reply = await self._round(inventory, pods, plan_id, remove)
        except TimeoutError:
            _LOGGER.debug("%s: the first round takes long", self._api.label)
        self._follow(plan_id, grace_s, for_s, is_hard=is_hard)
        return reply

    async def resume(self, plan_id: str, *, grace_s: int, for_s: float) -> None:
        """Go on with the rounds of evictions that ended with an earlier run of ours."""
        await self.end()
        self._held_since.clear()
        self._follow(plan_id, grace_s, for_s, is_hard=False)

    def _follow(self, plan_id: str, grace_s: int, for_s: float, *, is_hard: bool) -> None:
        self._task = asyncio.create_task(
            self._go_on(plan_id, grace_s, for_s, is_hard=is_hard),
            name=f"evict from {self._api.label}",
        )

    async def end(self) -> None:
        """Begin no further round; may be called again."""
        task, self._task = self._task, None
        if task is None:
            return
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    def _remover(self, grace_s: int, *, is_hard: bool) -> Callable[[Pod], Awaitable[None]]:
        async def _remove(pod: Pod) -> None:
            # Spelled out even where it is the pod's own, because that may be 0.
            grace = max(1, min(pod.grace_s, grace_s))
            try:
                await (self._api.delete if is_hard else self._api.evict)(pod, grace)
            except HeldByBudgetError:
                self._held_since.setdefault(pod.uid, asyncio.get_running_loop().time())
                raise

        return _remove

    async def _go_on(self, plan_id: str, grace_s: int, for_s: float, *, is_hard: bool) -> None:
        try:
            async with asyncio.timeout(for_s):
                while True:
                    await asyncio.sleep(RETRY_S)
                    await self._next_round(plan_id, grace_s, is_hard=is_hard)
        except TimeoutError:
            _LOGGER.debug("%s: no further round", self._api.label)

    def _is_hopeless(self, inventory: Inventory) -> bool:
        """Return whether no budget will ever give in: nothing that it waits for can happen."""
        if inventory.open_nodes:
            self._held_since.clear()
            return False
        now = asyncio.get_running_loop().time()
        held_s = [now - self._held_since.get(pod.uid, now) for pod in inventory.pods]
        return bool(held_s) and min(held_s) >= HOPELESS_S and not inventory.is_moving

    async def _next_round(self, plan_id: str, grace_s: int, *, is_hard: bool) -> None:
        try:
            inventory = await self._cluster.look()
            if not is_hard and self._is_hopeless(inventory):
                _LOGGER.info("%s: pods are deleted, budgets hold them for ever", self._api.label)
                is_hard = True
            remove = self._remover(grace_s, is_hard=is_hard)
            reply = await self._round(inventory, inventory.to_evict, plan_id, remove)
        except RequestError as err:
            # The next round may find it better; the plan's deadline is nobody else's business.
            _LOGGER.debug("%s: %s", self._api.label, err)
        except Exception:
            _LOGGER.exception("%s: a round failed in an unexpected way", self._api.label)
        else:
            _LOGGER.debug("%s: %s", self._api.label, reply.detail)

    async def _round(
        self,
        inventory: Inventory,
        pods: Sequence[Pod],
        plan_id: str,
        remove: Callable[[Pod], Awaitable[None]],
    ) -> Reply:
        cordoned = await self._nodes.cordon(inventory.open_nodes, plan_id)
        if not pods:
            return cordoned
        gate = asyncio.Semaphore(_AT_ONCE)

        async def _remove(pod: Pod) -> Reply:
            async with gate:
                return await _outcome(remove, pod, pod.label, "told to go")

        return together(await asyncio.gather(*(_remove(pod) for pod in pods)))


async def _outcome[ThingT](
    request: Callable[[ThingT], Awaitable[None]], thing: ThingT, label: str, done: str
) -> Reply:
    """Return what came of one request about one thing."""
    try:
        await request(thing)
    except NotThereError:
        return Reply(outcome=Outcome.NOTHING_TO_DO, detail=f"{label} is gone")
    except NamespaceEndsError:
        return Reply(outcome=Outcome.ACCEPTED, detail=f"{label} goes with its namespace")
    except NotNowError as err:
        # Not refused: it is asked again in the next round, and deleted when its time is up.
        return Reply(outcome=Outcome.ACCEPTED, detail=f"{label} has to wait: {err}")
    except RequestError as err:
        return replace(err.reply, detail=f"{label}: {err}")
    return Reply(outcome=Outcome.ACCEPTED, detail=f"{label} {done}")


def together(replies: Sequence[Reply], *, nothing: str = "") -> Reply:
    """Return one reply for several: what was accepted anywhere is worth waiting for."""
    outcomes = {reply.outcome for reply in replies}
    outcome = next((o for o in _FIRST_OUTCOMES if o in outcomes), Outcome.NOTHING_TO_DO)
    details = "; ".join(reply.detail for reply in replies if reply.detail) or nothing
    return Reply(
        outcome=outcome,
        detail=details[:MAX_DETAIL],
        was_sent=not replies or any(reply.was_sent for reply in replies),
    )
