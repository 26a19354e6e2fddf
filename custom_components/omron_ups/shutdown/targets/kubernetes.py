"""Frees a NAS of a Kubernetes cluster: nodes cordoned, pods gone, volumes detached."""

from collections.abc import Sequence
import logging
from typing import Final, override

import aiohttp

from ..errors import RequestError
from ..models import Finding, HostState, Observation, Outcome, Reply
from ..redaction import MAX_DETAIL
from ..specs import TargetSpec
from ..target import StopContext, StopStep, Target
from .kubernetes_api import KubernetesApi, NotNowError
from .kubernetes_inventory import Cluster, Inventory
from .kubernetes_options import KubernetesOptions
from .kubernetes_preflight import KubernetesPreflight
from .kubernetes_removal import LEAST_GRACE_S, Nodes, Removal
from .kubernetes_rows import Pod

_LOGGER = logging.getLogger(__name__)

CORDON: Final = StopStep(key="cordon", irreversible=False)
# At low battery pods that a budget holds back, or that take their time, are deleted at once.
EVICT: Final = StopStep(key="evict", irreversible=False, is_awaited=True, repeats_when_short=True)
DETACH: Final = StopStep(key="detach", irreversible=False)

_MARGIN_S: Final = 10
"""A pod ends by force this long before the step's deadline."""
_HARD_GRACE_S: Final = 20
"""What a pod is granted that has used up the time of the polite way."""


class KubernetesTarget(Target):
    """The pods of one cluster that hold volumes of a NAS.

    The nodes themselves are stopped by other targets. Everything that is done here can be undone:
    once the nodes are uncordoned the cluster starts what it wants by itself. Our knowledge of
    each request is in `kubernetes_api.REQUESTS`; not confirmed on hardware.
    """

    steps = (CORDON, EVICT, DETACH)

    def __init__(self, spec: TargetSpec, session: aiohttp.ClientSession) -> None:
        """Take the configuration, and the session from its owner.

        Raises:
            OptionError: an option is missing or cannot be used.

        """
        super().__init__(spec)
        self._options = KubernetesOptions.read(spec.options)
        self._api = KubernetesApi(
            session,
            host=self._options.host,
            port=self._options.port,
            token=self._options.token,
            tls=self._options.tls,
        )
        self._cluster = Cluster(self._api, self._options)
        self._nodes = Nodes(self._api, spec.target_id)
        self._removal = Removal(self._api, self._cluster, self._nodes)

    @override
    async def open(self) -> None:
        """Load what is trusted.

        Raises:
            OptionError: the authority or the fingerprint cannot be read.

        """
        await self._api.open()

    @override
    async def close(self) -> None:
        await self._removal.end()

    @override
    async def preflight(self) -> Sequence[Finding]:
        return await KubernetesPreflight(
            self.spec, self._options, self._api, self._cluster, self._nodes
        ).run()

    @override
    async def rehearse(self) -> Sequence[str]:
        """Let the API server try everything, with its budgets and rights, and keep nothing."""
        inventory = await self._cluster.look()
        lines = []
        for node in inventory.open_nodes:
            reply = await self._nodes.cordon((node,), "rehearsal", dry_run=True)
            lines.append(_tried(reply, f"would cordon {node.name}"))
        lines += [await self._try_eviction(pod) for pod in inventory.to_evict]
        lines += [f"{p.label} stays until {p.node} is off" for p in inventory.staying]
        return [*lines, f"now: {inventory.words}"]

    async def _try_eviction(self, pod: Pod) -> str:
        would = f"would evict {pod.label} from {pod.node}"
        try:
            await self._api.evict(pod, pod.grace_s, dry_run=True)
        except NotNowError as err:
            return f"{would}, but its budget has no room: deleted when the time is up ({err})"
        except RequestError as err:
            return f"{would}, but: {err}"
        return would

    @override
    async def send(self, step: StopStep, context: StopContext) -> Reply:
        try:
            if step.key == CORDON.key:
                return await self._cordon(context)
            if step.key == EVICT.key:
                # At low battery there is no time to ask a budget.
                return await self._remove(context, is_hard=context.is_short)
            return await self._free(context)
        except RequestError as err:
            return err.reply

    async def _cordon(self, context: StopContext) -> Reply:
        nodes = await self._api.nodes()
        return await self._nodes.cordon(nodes, context.plan_id)

    async def _remove(self, context: StopContext, *, is_hard: bool) -> Reply:
        longest = LEAST_GRACE_S if context.is_short else int(context.time_left_s) - _MARGIN_S
        if is_hard:
            longest = min(longest, _HARD_GRACE_S)
        return await self._removal.begin(
            context.plan_id,
            grace_s=max(LEAST_GRACE_S, longest),
            for_s=context.time_left_s,
            is_hard=is_hard,
        )

    async def _free(self, context: StopContext) -> Reply:
        """Delete what is left of the pods; their volumes follow by themselves."""
        inventory = await self._cluster.look()
        if inventory.pods:
            return await self._remove(context, is_hard=True)
        return Reply(outcome=Outcome.NOTHING_TO_DO, detail=inventory.words)

    @override
    async def is_step_done(self, step: StopStep) -> bool:
        if step.key != EVICT.key:
            return True
        return not (await self._cluster.look()).pods

    @override
    async def escalate(self, step: StopStep, context: StopContext) -> Reply:
        """Cordon once more, or delete pods whatever their budgets say.

        Never with a grace of 0: that would free nothing, only hide what still runs.
        """
        try:
            if step.key == CORDON.key:
                return await self._cordon(context)
            if not (await self._cluster.look()).pods:
                return Reply(outcome=Outcome.NOTHING_TO_DO)
            return await self._remove(context, is_hard=True)
        except RequestError as err:
            return err.reply

    @override
    async def observe(self) -> Observation:
        """Return what the cluster shows.

        An API that is silent proves nothing: it ends with the control plane, and pods on other
        nodes go on writing.
        """
        try:
            inventory = await self._cluster.look()
        except RequestError as err:
            is_alive = err.outcome is Outcome.REFUSED and err.was_sent
            state = HostState.UP if is_alive else HostState.UNKNOWN
            return Observation(state=state, evidence=str(err)[:MAX_DETAIL])
        state = _state(inventory)
        return Observation(
            state=state, evidence=inventory.words, is_conclusive=state is HostState.DOWN
        )

    @property
    @override
    def has_own_evidence(self) -> bool:
        return True

    @override
    async def reassert(self, step: StopStep) -> None:
        """Go on with the rounds of evictions, which ended with us or were held up."""
        if step.key == EVICT.key:
            limit_s = self.spec.time_limit_s
            await self._removal.resume("resumed", grace_s=int(limit_s), for_s=limit_s)

    @override
    async def hold(self) -> None:
        await self._removal.end()

    @override
    async def restore(self, steps: Sequence[StopStep]) -> Reply:
        """Uncordon the nodes that we cordoned, once the API server can serve."""
        await self._removal.end()
        try:
            await self._api.is_ready()
            return await self._nodes.uncordon()
        except RequestError as err:
            return err.reply

    @override
    async def is_ready(self) -> bool | None:
        try:
            await self._api.is_ready()
            nodes = await self._api.nodes()
        except RequestError as err:
            _LOGGER.debug("%s: %s", self.spec.name, err)
            return False
        return all(node.is_ready for node in nodes)


def _state(inventory: Inventory) -> HostState:
    if inventory.is_free:
        return HostState.DOWN
    if inventory.open_nodes or inventory.to_evict:
        return HostState.UP
    return HostState.GOING


def _tried(reply: Reply, would: str) -> str:
    return would if reply.outcome is Outcome.ACCEPTED else f"{would}, but: {reply.detail}"
