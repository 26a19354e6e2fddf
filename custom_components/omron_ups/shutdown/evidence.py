"""Tells from outside whether a host is down: two signals, three times, and then a grace time."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
import logging
from math import inf
from typing import Any, Final

from .models import HostState, Observation
from .ports import Network
from .specs import TargetSpec, Verify
from .target import Target

_LOGGER = logging.getLogger(__name__)

LOOKS: Final = 3
LOOK_EVERY_S: Final = 2.0
UNHURRIED_S: Final = 10.0
"""Between two looks at a host that nobody waits for."""
GAP_S: Final = 60.0
"""Looks that are further apart say nothing of the time between them."""
ENOUGH_SIGNALS: Final = 2
# A look at the network takes 2 s at most; beyond that nobody waits for it.
_NETWORK_LIMIT_S: Final = 4.0
_OBSERVE_LIMIT_S: Final = 20.0
# How often a kind is asked for its own view while the network is looked at: it may log in.
OBSERVE_EVERY_S: Final = 5.0
LIFELESS_S: Final = 15.0
"""How long a host must have shown no life to be taken for gone unproven: longer than two looks."""
_GATEWAY_PORTS: Final = (53, 80, 443, 22)

UNKNOWN: Final = Observation(state=HostState.UNKNOWN)


class DownWatch:
    """Adds up looks at one host until they are evidence; pure, times are monotonic seconds.

    A host is down after three looks in a row that found it silent, and when its grace time since
    the last sign of life has passed. Any sign of life begins anew; a look that proves nothing
    ends the row, but is no sign of life.
    """

    def __init__(self, grace_s: float) -> None:
        """Begin with nothing seen."""
        self.grace_s = grace_s
        self.evidence = ""
        self.state = HostState.UNKNOWN
        """What the last look showed."""
        self.was_alive = False
        """Whether any look showed life."""
        self.is_conclusive = False
        """Whether the last look needs no second one."""
        self.silent_since: float | None = None
        """When the first look of the last row found it silent; None since it showed life."""
        self._silent_looks = 0
        self._last_life: float | None = None
        self._up_since: float | None = None
        self._noted: float | None = None

    @property
    def is_alive(self) -> bool:
        """Whether the last look that proved anything showed life."""
        return self.was_alive and self.silent_since is None

    def note(self, seen: Observation, at: float) -> None:
        """Add one look."""
        if self._noted is not None and at - self._noted > GAP_S:
            # Nobody knows what happened in between.
            self._silent_looks, self._up_since = 0, None
        self._noted = at
        self.state = seen.state
        self._up_since = (self._up_since or at) if seen.state is HostState.UP else None
        if seen.state is HostState.DOWN:
            self._note_silence(seen, at)
            return
        self._silent_looks = 0
        self.is_conclusive = False
        if seen.state is HostState.UNKNOWN:
            return
        self.was_alive = True
        self.silent_since = None
        self._last_life = at
        self.evidence = seen.evidence

    def is_silent(self) -> bool:
        """Return whether it was found silent often enough, grace time aside."""
        return self.is_conclusive or self._silent_looks >= LOOKS

    def is_down(self, at: float) -> bool:
        """Return whether all that was seen is evidence that the host is off."""
        if self.is_conclusive:
            return True
        if self._silent_looks < LOOKS or self.silent_since is None:
            return False
        since = self.silent_since if self._last_life is None else self._last_life
        return at - since >= self.grace_s

    def up_s(self, at: float) -> float:
        """Return for how long every look has shown it up and not stopping."""
        return 0.0 if self._up_since is None else at - self._up_since

    def lifeless_s(self, at: float) -> float:
        """Return for how long no look has shown life; for ever if none ever did."""
        return inf if self._last_life is None else at - self._last_life

    def _note_silence(self, seen: Observation, at: float) -> None:
        if not self._silent_looks:
            self.silent_since = at
        self._silent_looks += 1
        self.is_conclusive = seen.is_conclusive
        self.evidence = seen.evidence


class Gateway:
    """Our own way to the network: if it is silent, nobody else's silence means anything."""

    def __init__(self, network: Network, address: str) -> None:
        """Look at `address`; empty: nothing can be said, and nothing is asked."""
        self._network = network
        self._address = address
        self._look: asyncio.Task[bool] | None = None

    async def is_alive(self) -> bool:
        """Return whether it answers; several who ask at once share one look."""
        if not self._address:
            return True
        if self._look is None or self._look.done():
            self._look = asyncio.create_task(self._answers(), name="look at the gateway")
        return await asyncio.shield(self._look)

    def forget(self) -> None:
        """Let go of a look that is under way."""
        if self._look is not None:
            self._look.cancel()
            self._look = None

    async def _answers(self) -> bool:
        if await _within(partial(self._network.answers_ping, self._address)):
            return True
        looks = [partial(self._network.is_open, self._address, port) for port in _GATEWAY_PORTS]
        ports = [_within(look) for look in looks]
        return any(await asyncio.gather(*ports))


class Look:
    """Looks at one target: at its network signals, and through its kind."""

    def __init__(self, target: Target, network: Network, gateway: Gateway) -> None:
        """Look at `target`; nothing is sent before the first look."""
        self._target = target
        self._network = network
        self._gateway = gateway
        self._observing: asyncio.Task[Observation] | None = None
        self._observed_at = -OBSERVE_EVERY_S

    @property
    def spec(self) -> TargetSpec:
        """The target that is looked at."""
        return self._target.spec

    @property
    def is_due(self) -> bool:
        """Whether a look could show anything: the network always does, a kind now and then."""
        is_seen = self.spec.verify.signals >= ENOUGH_SIGNALS
        return is_seen or self._observing is not None or self._may_observe()

    async def take(self) -> Observation:
        """Look once, for about 2 s at most if the network tells something."""
        self._begin_to_observe()
        signals = await self._signals(self.spec.verify)
        seen = await self._observation(is_needed=len(signals) < ENOUGH_SIGNALS)
        return await self._together(seen, signals)

    def forget(self) -> None:
        """Let go of an observation that is under way."""
        if self._observing is not None:
            self._observing.cancel()
            self._observing = None

    async def _signals(self, verify: Verify) -> dict[str, bool]:
        """Return each signal that could be looked at, and whether it shows life."""
        if not verify.address:
            return {}
        looks: dict[str, Callable[[], Coroutine[Any, Any, bool | None]]] = {
            f"port {port}": partial(self._network.is_open, verify.address, port)
            for port in verify.ports
        }
        if verify.ping:
            looks["ping"] = partial(self._network.answers_ping, verify.address)
        answers = await asyncio.gather(*(_within(look) for look in looks.values()))
        named = zip(looks, answers, strict=True)
        return {name: answer for name, answer in named if answer is not None}

    def _begin_to_observe(self) -> None:
        if self._observing is None and self._may_observe():
            self._observed_at = asyncio.get_running_loop().time()
            self._observing = asyncio.create_task(
                observe(self._target), name=f"observe {self.spec.target_id}"
            )

    def _may_observe(self) -> bool:
        return asyncio.get_running_loop().time() - self._observed_at >= OBSERVE_EVERY_S

    async def _observation(self, *, is_needed: bool) -> Observation:
        """Return what the kind itself has seen since the last look; each is used once."""
        task = self._observing
        if task is None:
            return UNKNOWN
        if is_needed:
            await asyncio.wait([task])
        elif not task.done():
            # Kinds that need no request of their own have the answer within this turn.
            await asyncio.sleep(0)
        if not task.done():
            return UNKNOWN
        self._observing = None
        return task.result()

    async def _together(self, seen: Observation, signals: dict[str, bool]) -> Observation:
        """Return what both say: any sign of life outweighs every silence."""
        if seen.is_conclusive or seen.state in {HostState.UP, HostState.GOING}:
            return seen
        if any(signals.values()):
            state = HostState.UP if all(signals.values()) else HostState.GOING
            return Observation(state=state, evidence=_words(signals))
        if len(signals) < ENOUGH_SIGNALS:
            return Observation(state=HostState.UNKNOWN, evidence=seen.evidence)
        if not await self._gateway.is_alive():
            return Observation(state=HostState.UNKNOWN, evidence="our own gateway is silent")
        return Observation(state=HostState.DOWN, evidence=_words(signals))


async def observe(target: Target) -> Observation:
    """Return what a kind shows of its host; UNKNOWN if it raises or takes too long."""
    try:
        async with asyncio.timeout(_OBSERVE_LIMIT_S):
            return await target.observe()
    except Exception as err:
        _LOGGER.warning("%s: cannot be observed: %r", target.spec.name, err, exc_info=err)
        return UNKNOWN


class Watching:
    """Looks at one host again and again, and adds it up."""

    def __init__(self, look: Look, clock: Callable[[], float]) -> None:
        """Begin with nothing seen."""
        self.watch = DownWatch(look.spec.verify.grace_s)
        self._look = look
        self._clock = clock

    async def run(self, then: Callable[[Observation], None], hurries: Callable[[], bool]) -> None:
        """Look until cancelled.

        Args:
            then: told of each look once it has been added.
            hurries: whether somebody waits for the host; asked every 2 s.

        """
        try:
            while True:
                began = self._clock()
                # A look at nothing would end the row of those that proved something.
                if self._look.is_due:
                    seen = await self._look.take()
                    self.watch.note(seen, self._clock())
                    then(seen)
                await self._pause(began, hurries)
        finally:
            self._look.forget()

    async def _pause(self, began: float, hurries: Callable[[], bool]) -> None:
        await asyncio.sleep(max(0.0, LOOK_EVERY_S - (self._clock() - began)))
        for _ in range(round(UNHURRIED_S / LOOK_EVERY_S) - 1):
            if hurries():
                return
            await asyncio.sleep(LOOK_EVERY_S)


async def _within[ResultT](look: Callable[[], Coroutine[Any, Any, ResultT]]) -> ResultT | None:
    """Return what a look found; None if it could not be taken."""
    try:
        async with asyncio.timeout(_NETWORK_LIMIT_S):
            return await look()
    except OSError as err:
        _LOGGER.debug("A look at the network failed: %r", err)
        return None


def _words(signals: dict[str, bool]) -> str:
    answering: Sequence[str] = [name for name, answers in signals.items() if answers]
    silent: Sequence[str] = [name for name, answers in signals.items() if not answers]
    parts = [
        f"{', '.join(names)} {verb}"
        for names, verb in ((answering, "answering"), (silent, "silent"))
        if names
    ]
    return "; ".join(parts)
