"""Stops a host by any action of Home Assistant."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
import logging
from typing import Final, Protocol, override

from ..errors import OptionError, ShutdownError
from ..fields import Field, FieldType, Options
from ..findings import finding, finding_of
from ..models import Finding, HostState, Observation, Outcome, Reply
from ..specs import TargetSpec
from ..target import StopContext, StopStep, Target

CALL_LIMIT_S: Final = 15.0

_LOGGER: Final = logging.getLogger(__name__)

CALL: Final = StopStep(key="call")

FIELDS: Final = (
    Field(name="action", type=FieldType.ACTION, is_required=True),
    Field(name="action_target", type=FieldType.ACTION_TARGET),
    Field(name="action_data", type=FieldType.ACTION_DATA),
    Field(name="confirm_entity", type=FieldType.ENTITY),
    Field(name="confirm_states", type=FieldType.NAMES),
    Field(name="restore_action", type=FieldType.ACTION),
    Field(name="restore_target", type=FieldType.ACTION_TARGET),
    Field(name="restore_data", type=FieldType.ACTION_DATA),
    Field(name="wake_action", type=FieldType.ACTION),
    Field(name="wake_target", type=FieldType.ACTION_TARGET),
    Field(name="wake_data", type=FieldType.ACTION_DATA),
)

# The fields of the three actions: what is called, what it acts on, what else it is told.
_STOP: Final = ("action", "action_target", "action_data")
_RESTORE: Final = ("restore_action", "restore_target", "restore_data")
_WAKE: Final = ("wake_action", "wake_target", "wake_data")


class HaActionFinding(StrEnum):
    """Translation keys under `issues`; their placeholders are `target` and `detail`."""

    MISSING = "action_missing"
    """The action is not registered: set up the integration that has it, or choose another one."""
    ENTITIES_MISSING = "action_entities_missing"
    """Its target names no entity that exists."""
    ENTITIES_UNAVAILABLE = "action_entities_unavailable"
    """Home Assistant would call nothing, and not say so."""
    CONFIRMATION_MISSING = "action_confirmation_missing"
    """The entity that confirms does not exist, or has no state."""


class HaActions(Protocol):
    """What of Home Assistant this kind needs; the glue fills it."""

    def has_action(self, action: str) -> bool:
        """Return whether `domain.name` is registered."""

    def resolve(self, target: Mapping[str, Collection[str]]) -> Sequence[str]:
        """Return the entity ids that a target stands for, whether they exist or not.

        Keys are `entity_id`, `device_id`, `area_id`, `floor_id` and `label_id`.
        """

    def state(self, entity_id: str) -> str | None:
        """Return an entity's state; None if it does not exist, is unavailable or unknown.

        A button that was never pressed is available: its state counts as an empty text.
        """

    async def call(
        self, action: str, data: Mapping[str, object], entity_ids: Sequence[str]
    ) -> None:
        """Call the action, and return when it has ended; without entity ids it acts on none.

        Raises:
            UnreachableError: there is no such action, at this moment at least.
            RefusedError: Home Assistant does not accept the call: wrong data.
            NoAnswerError: the integration raised an error; nobody knows how far it came.

        """


@dataclass(frozen=True, slots=True, kw_only=True)
class _Call:
    """An action as it would be called now."""

    action: str
    data: Mapping[str, object] = field(repr=False)
    available: tuple[str, ...]
    absent: tuple[str, ...]
    names_entities: bool
    """Whether it acts on entities at all."""


class HaActionTarget(Target):
    """A host that an integration of Home Assistant can stop.

    Home Assistant skips entities that are missing or unavailable, and reports success, so they
    are looked at before each call. That a call returned is no evidence that a host is off: that
    comes from the network, or from the entity that the user named.
    """

    steps = (CALL,)

    def __init__(self, spec: TargetSpec, actions: HaActions) -> None:
        """Take the configuration, and the way to Home Assistant."""
        super().__init__(spec)
        self._options = Options(spec.options, FIELDS)
        self._actions = actions
        self._running: set[asyncio.Task[None]] = set()

    @override
    async def preflight(self) -> Sequence[Finding]:
        """Check that what would be called exists and is available; nothing is called."""
        try:
            found = [found for names in self._configured() for found in self._check(names)]
            return (*found, *self._check_confirmation())
        except ShutdownError as err:
            return (finding_of(self.spec, err),)

    def _configured(self) -> Sequence[tuple[str, str, str]]:
        """Return the fields of the actions that were given; the one that stops must be."""
        return [names for names in (_STOP, _RESTORE, _WAKE) if names is _STOP or self._has(names)]

    def _has(self, names: tuple[str, str, str]) -> bool:
        return bool(self._options.text(names[0]))

    def _check(self, names: tuple[str, str, str]) -> Sequence[Finding]:
        action = self._options.text(names[0])
        if not self._actions.has_action(action):
            return (finding(self.spec, HaActionFinding.MISSING, detail=action),)
        call = self._call(names)
        # What wakes a host or restores it may well be unavailable while the host is on.
        if not call.names_entities or names is not _STOP:
            return ()
        if not (call.available or call.absent):
            return (finding(self.spec, HaActionFinding.ENTITIES_MISSING, detail=action),)
        if call.absent:
            detail = ", ".join(call.absent)
            return (finding(self.spec, HaActionFinding.ENTITIES_UNAVAILABLE, detail=detail),)
        return ()

    def _check_confirmation(self) -> Sequence[Finding]:
        entity = self._options.text("confirm_entity")
        if not entity:
            return ()
        if not self._options.names("confirm_states"):
            raise OptionError("confirm_states is missing: which states of the entity mean off")
        if self._actions.state(entity) is None:
            return (finding(self.spec, HaActionFinding.CONFIRMATION_MISSING, detail=entity),)
        return ()

    @override
    async def rehearse(self) -> Sequence[str]:
        call = self._call(_STOP)
        on = f" on {', '.join(call.available)}" if call.available else ""
        without = f", not on {', '.join(call.absent)}: unavailable" if call.absent else ""
        return (f"call {call.action}{on}{without}",)

    @override
    async def send(self, step: StopStep, context: StopContext) -> Reply:
        return await self._try(_STOP)

    @override
    async def restore(self, steps: Sequence[StopStep]) -> Reply:
        if not self._has(_RESTORE) or CALL not in steps:
            return Reply(outcome=Outcome.NOTHING_TO_DO)
        return await self._try(_RESTORE)

    @property
    @override
    def can_wake(self) -> bool:
        return self._has(_WAKE)

    @override
    async def wake(self) -> Reply:
        if not self.can_wake:
            return Reply(outcome=Outcome.NOTHING_TO_DO)
        return await self._try(_WAKE)

    async def _try(self, names: tuple[str, str, str]) -> Reply:
        try:
            call = self._call(names)
            if (refusal := self._refusal(call)) is not None:
                return refusal
            if not await self._ended_in_time(call):
                detail = "the action had not ended when time was up; it goes on"
                return Reply(outcome=Outcome.UNKNOWN, detail=detail)
        except ShutdownError as err:
            return err.reply
        if call.absent:
            detail = f"not called on {', '.join(call.absent)}: unavailable"
            return Reply(outcome=Outcome.UNKNOWN, detail=detail)
        return Reply(outcome=Outcome.ACCEPTED, detail=f"{call.action} returned")

    async def _ended_in_time(self, call: _Call) -> bool:
        """Call, and return whether the action has ended within 15 s.

        One that takes longer goes on: to cancel a script that stops hosts would stop it half way.

        Raises:
            ShutdownError: it ended in time, and failed.

        """
        task = asyncio.create_task(
            self._actions.call(call.action, call.data, call.available), name=call.action
        )
        self._running.add(task)
        task.add_done_callback(self._note_end)
        await asyncio.wait({task}, timeout=CALL_LIMIT_S)
        if task.done():
            task.result()
        return task.done()

    def _note_end(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _LOGGER.warning("%s: %s failed: %s", self.spec.name, task.get_name(), error)

    def _refusal(self, call: _Call) -> Reply | None:
        """Return why calling would be of no use now; None if it is of use.

        Never a refusal: the integration that has it may only not be loaded yet.
        """
        if not self._actions.has_action(call.action):
            return _unsent(f"there is no action {call.action}")
        if not call.names_entities or call.available:
            # Some entities are better than none: each may be a host of its own.
            return None
        if not call.absent:
            return _unsent("the target names no entity")
        return _unsent(f"unavailable: {', '.join(call.absent)}")

    def _call(self, names: tuple[str, str, str]) -> _Call:
        action, target_name, data_name = names
        target = _lists(target_name, self._options.mapping(target_name))
        entities = self._actions.resolve(target) if target else ()
        available = tuple(name for name in entities if self._actions.state(name) is not None)
        return _Call(
            action=self._options.text(action),
            data=self._options.mapping(data_name),
            available=available,
            absent=tuple(name for name in entities if name not in available),
            names_entities=bool(target),
        )

    @property
    @override
    def has_own_evidence(self) -> bool:
        return bool(self._options.text("confirm_entity"))

    @override
    async def observe(self) -> Observation:
        """Return what the entity that confirms shows; conclusive, for the user named it."""
        entity = self._options.text("confirm_entity")
        state = self._actions.state(entity) if entity else None
        if state is None:
            return Observation(state=HostState.UNKNOWN)
        evidence = f"{entity} is {state}"
        if state in self._options.names("confirm_states"):
            return Observation(state=HostState.DOWN, evidence=evidence, is_conclusive=True)
        return Observation(state=HostState.UP, evidence=evidence)

    @override
    async def is_ready(self) -> bool | None:
        state = (await self.observe()).state
        return None if state is HostState.UNKNOWN else state is HostState.UP


def _unsent(detail: str) -> Reply:
    return Reply(outcome=Outcome.UNKNOWN, detail=detail, was_sent=False)


def _lists(name: str, target: Mapping[str, object]) -> Mapping[str, Collection[str]]:
    """Return a target whose values are lists; one entity may be given without a list.

    Raises:
        OptionError: a value is neither.

    """
    lists: dict[str, Collection[str]] = {}
    for key, value in target.items():
        if not isinstance(value, str | list | tuple):
            raise OptionError(f"{name} holds no list of names at {key}")
        lists[key] = [value] if isinstance(value, str) else [str(item) for item in value]
    return {key: names for key, names in lists.items() if names}
