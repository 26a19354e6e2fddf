"""Takes back what a plan did: undoes what was begun, wakes what was stopped, in reverse order."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
import logging
from typing import Final

from .folding import RESTORE_ENDED, STOP_ENDED, Phase, TargetRecord
from .models import HostState, Outcome, Reply, TargetState
from .output_cycle import BY_NOTHING, ONLY_BY_CUT, can_wake, settle_output, was_perhaps_cut
from .records import Released, Restoring, Waking
from .run import Run
from .sending import guarded
from .specs import TargetSpec
from .target import Target

_LOGGER = logging.getLogger(__name__)

POLL_S: Final = 2.0
WAKE_EVERY_S: Final = 10.0
READY_EVERY_S: Final = 5.0
RETRY_S: Final = 10.0
RELEASE_ATTEMPTS: Final = 6
UNDO_ATTEMPTS: Final = 3
SURE_UP_S: Final = 60.0
"""How long a host that was told to stop, and never seen down, must be up to count as up."""

type HasPower = Callable[[], bool]


async def undo_all(run: Run) -> None:
    """Undo what can be undone, and wait for those that cannot: they go down first.

    For a plan that was cancelled; goes on from wherever its record says that it is.
    """
    targets = [*run.specs(run.record.targets.keys())]
    async with asyncio.TaskGroup() as group:
        for spec in targets:
            group.create_task(_undo(run, spec), name=f"undo {spec.target_id}")


async def restore_all(run: Run, *, may_wake: bool, has_power: HasPower) -> None:
    """Bring back what the plan stopped, the data source first, then the last stage first.

    Args:
        run: the plan, which is restoring or begins to.
        may_wake: False if the user wants to start hosts by himself.
        has_power: whether mains and charge allow to start more hosts.

    """
    if run.record.phase is not Phase.RESTORING:
        run.note(Restoring())
    # First of all: the output may come back by itself, and with it whoever obeys the FSD.
    await release_all(run)
    await settle_output(run, may_cycle=may_wake)
    for group in _groups(run):
        members = [spec for spec in group if may_wake or not _has_to_start(run, spec)]
        await _until_power(run, members, has_power)
        await asyncio.gather(*(_bring_back(run, spec) for spec in members))


async def _until_power(run: Run, members: Sequence[TargetSpec], has_power: HasPower) -> None:
    """Wait until hosts may be started; those that started by themselves need not ask."""
    while not has_power():
        hosts = [spec for spec in members if _has_to_start(run, spec)]
        if all(_surely_runs(run, spec) for spec in hosts):
            return
        await asyncio.sleep(POLL_S)


def _surely_runs(run: Run, spec: TargetSpec) -> bool:
    watch = run.watch(spec.target_id)
    return watch is not None and watch.up_s(run.monotonic()) >= SURE_UP_S


async def wake_once(run: Run, spec: TargetSpec) -> Reply:
    """Wake a host in each way that there is; NOTHING_TO_DO if there is none."""
    target = run.targets[spec.target_id]

    async def send_wake() -> Reply:
        if spec.wake is not None:
            await run.ports.network.send_wake(spec.wake)
        return Reply(outcome=Outcome.ACCEPTED)

    async def wake() -> Reply:
        reply = Reply(outcome=Outcome.NOTHING_TO_DO)
        if spec.wake is not None:
            reply = await guarded(f"{spec.name}, Wake-on-LAN", send_wake)
        return await target.wake() if target.can_wake else reply

    return await run.requests.do(spec.target_id, "wake", wake)


async def release_all(run: Run) -> None:
    """Let nothing of ours stop hosts again when they come back."""
    specs = [s for s in run.specs(run.record.targets.keys()) if _is_to_release(run, s)]
    await asyncio.gather(*(_release(run, spec) for spec in specs))


def owes_anything(run: Run) -> bool:
    """Return whether anything is left to be brought back or taken back."""
    return any(_owes(run, spec) for spec in run.specs(run.record.targets.keys()))


async def _undo(run: Run, spec: TargetSpec) -> None:
    await run.requests.settled(spec.target_id)
    target = run.target(spec.target_id)
    if target.is_past_return:
        await _until_stopped(run, spec)
        return
    if not target.to_take_back or _is_owed(target) or target.state in RESTORE_ENDED:
        return
    if _comes_back_later(run, spec):
        return
    for _ in range(UNDO_ATTEMPTS):
        reply = await _restore(run, spec)
        if reply.outcome in {Outcome.ACCEPTED, Outcome.NOTHING_TO_DO}:
            run.settle(spec.target_id, TargetState.UNDONE, reply.detail)
            return
        await asyncio.sleep(RETRY_S)


def _comes_back_later(run: Run, spec: TargetSpec) -> bool:
    """Return whether somebody must be back before a target is of use again (its storage)."""
    return any(
        run.target(other.target_id).is_ours
        for other in run.specs(run.record.targets.keys())
        if other.stage > spec.stage
    )


def _is_owed(target: TargetRecord) -> bool:
    return target.owed is not None and target.owed.is_stopped


async def _until_stopped(run: Run, spec: TargetSpec) -> None:
    """Wait for a host that was told to stop: half-way down it can be neither used nor woken."""
    began = run.monotonic()
    while run.target(spec.target_id).state not in STOP_ENDED:
        if run.patience_s(spec, began) <= 0.0:
            run.settle_late(spec, "never seen down")
            return
        await asyncio.sleep(POLL_S)


async def _take_back(run: Run, spec: TargetSpec, *, done: TargetState) -> None:
    """Undo the steps of a host that is up; try again for as long as it may take to get ready."""
    until = run.monotonic() + spec.wake_limit_s
    reply = await _restore(run, spec)
    while reply.outcome not in {Outcome.ACCEPTED, Outcome.NOTHING_TO_DO}:
        if run.monotonic() + RETRY_S > until:
            run.settle(spec.target_id, TargetState.NOT_BACK, _why(run, spec, reply.detail))
            return
        await asyncio.sleep(RETRY_S)
        reply = await _restore(run, spec)
    run.settle(spec.target_id, done, reply.detail)


async def _restore(run: Run, spec: TargetSpec) -> Reply:
    target = run.targets[spec.target_id]
    keys = run.target(spec.target_id).to_take_back
    steps = [step for step in target.steps if step.key in keys]
    return await run.requests.do(spec.target_id, "restore", lambda: target.restore(steps))


def _is_to_release(run: Run, spec: TargetSpec) -> bool:
    target = run.target(spec.target_id)
    return bool(target.to_take_back) and not target.is_released


async def _release(run: Run, spec: TargetSpec) -> None:
    async def release() -> Reply:
        await run.targets[spec.target_id].release()
        return Reply(outcome=Outcome.ACCEPTED)

    for _ in range(RELEASE_ATTEMPTS):
        reply = await run.requests.do(spec.target_id, "release", release)
        if reply.outcome is Outcome.ACCEPTED:
            run.note(Released(target_id=spec.target_id))
            return
        await asyncio.sleep(RETRY_S)


def _groups(run: Run) -> Iterator[list[TargetSpec]]:
    """Yield who is brought back side by side: data sources, then the stages from the last."""
    owing = [
        spec
        for spec in run.specs(run.record.targets.keys())
        if _owes(run, spec) and spec.target_id != run.plan.home_assistant_host
    ]
    # That we run again proves that the host that runs us does; it stopped last, it is back first.
    own = run.plan.own_host
    if own is not None and own.target_id in run.targets and _owes(run, own):
        yield [own]
    if sources := [spec for spec in owing if spec.is_data_source]:
        yield sources
    rest = [spec for spec in owing if not spec.is_data_source]
    for stage in sorted({spec.stage for spec in rest}, reverse=True):
        yield [spec for spec in rest if spec.stage == stage]


def _owes(run: Run, spec: TargetSpec) -> bool:
    target = run.target(spec.target_id)
    if target.state in RESTORE_ENDED:
        return False
    # Who was off before is not started; what was done to others is taken back all the same.
    if target.state is TargetState.ALREADY_DOWN and _has_to_start(run, spec):
        return False
    return target.is_ours or bool(target.to_take_back)


def _has_to_start(run: Run, spec: TargetSpec) -> bool:
    """Return whether a target is a host that was switched off, not something done to others."""
    return any(step.irreversible for step in run.targets[spec.target_id].steps)


def _why(run: Run, spec: TargetSpec, seen: str) -> str:
    """Return why somebody does not come back, beyond what was seen of it."""
    if not _has_to_start(run, spec) or can_wake(run, spec):
        return seen
    return f"{ONLY_BY_CUT if spec.returns_by_itself else BY_NOTHING}; {seen}"


async def _bring_back(run: Run, spec: TargetSpec) -> None:
    """Start one host, wait until it works again, and take back what was done to it."""
    try:
        await _Return(run, spec).run()
    except Exception:
        # Isolated from the others, as its stop was.
        _LOGGER.exception("%s: bringing it back failed in an unexpected way", spec.name)
        run.settle(spec.target_id, TargetState.NOT_BACK, "failed in an unexpected way")


class _Return:
    """One host on its way back."""

    def __init__(self, run: Run, spec: TargetSpec) -> None:
        self._run = run
        self._spec = spec
        self._target: Target = run.targets[spec.target_id]
        self._record = run.target(spec.target_id)
        self._began = run.monotonic()
        self._woken_at = self._began - WAKE_EVERY_S

    async def run(self) -> None:
        if not _has_to_start(self._run, self._spec):
            # Nobody to be woken: what it did to others comes back as soon as they answer.
            await _take_back(self._run, self._spec, done=TargetState.BACK)
            return
        if not await self._until_up() or not await self._until_ready():
            self._run.settle(self._spec.target_id, TargetState.NOT_BACK, self._last_seen())
            return
        await _take_back(self._run, self._spec, done=TargetState.BACK)

    @property
    def _left_s(self) -> float:
        return self._spec.wake_limit_s - (self._run.monotonic() - self._began)

    async def _until_up(self) -> bool:
        if not await self._can_be_seen():
            return True
        while not self._is_up():
            if self._left_s <= 0.0:
                return self._is_alive()
            if not self._is_alive():
                await self._wake()
            await asyncio.sleep(POLL_S)
        return True

    async def _can_be_seen(self) -> bool:
        """Return whether anything tells when it is up; wake it blindly if nothing does."""
        if self._target.has_own_evidence or self._spec.verify.signals:
            return True
        for _ in range(3):
            await self._wake()
            if not can_wake(self._run, self._spec):
                break
            await asyncio.sleep(WAKE_EVERY_S)
        return False

    def _is_alive(self) -> bool:
        watch = self._run.watch(self._spec.target_id)
        return watch is not None and watch.is_alive

    def _is_up(self) -> bool:
        """Return whether it is up, and not only still up."""
        watch = self._run.watch(self._spec.target_id)
        if watch is None:
            return False
        if self._spec.target_id == self._run.plan.home_assistant_host and self._is_new_boot():
            return True
        was_down = self._record.stopped is TargetState.DOWN or _is_owed(self._record)
        return watch.up_s(self._run.monotonic()) >= (0.0 if was_down else SURE_UP_S) and (
            watch.state is HostState.UP
        )

    def _is_new_boot(self) -> bool:
        asked = self._record.asked
        return asked is None or asked.boot_id != self._run.ports.clock.boot_id

    async def _wake(self) -> None:
        if self._run.monotonic() - self._woken_at < WAKE_EVERY_S:
            return
        self._woken_at = self._run.monotonic()
        if not self._is_worth_trying() and not was_perhaps_cut(self._run):
            return
        if self._run.target(self._spec.target_id).state is not TargetState.RETURNING:
            await self._run.ledger.write(Waking(target_id=self._spec.target_id))
        await wake_once(self._run, self._spec)

    def _is_worth_trying(self) -> bool:
        """Return whether somebody may wake it: a peer may be up again that nobody counts on."""
        is_own = self._spec.target_id == self._run.plan.home_assistant_host
        return can_wake(self._run, self._spec) or (self._target.can_wake and not is_own)

    async def _until_ready(self) -> bool:
        while not await self._is_ready():
            if self._left_s <= 0.0:
                return False
            await asyncio.sleep(READY_EVERY_S)
        return True

    async def _is_ready(self) -> bool:
        """Return whether its service works; only the network can tell of most."""
        try:
            async with asyncio.timeout(2 * RETRY_S):
                return await self._target.is_ready() is not False
        except TimeoutError:
            return False
        except Exception as err:  # noqa: BLE001 - one kind's defect must not end the plan
            _LOGGER.debug("%s: nobody knows whether it is ready: %r", self._spec.name, err)
            return False

    def _last_seen(self) -> str:
        watch = self._run.watch(self._spec.target_id)
        seen = watch.evidence if watch and watch.evidence else "nothing to be seen of it"
        return _why(self._run, self._spec, seen)
