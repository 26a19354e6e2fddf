"""Actions of Home Assistant, over a stand-in that has the trap: it skips what is unavailable."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from typing import override

import pytest

from custom_components.omron_ups.shutdown.errors import NoAnswerError, RefusedError, ShutdownError
from custom_components.omron_ups.shutdown.findings import FindingKey
from custom_components.omron_ups.shutdown.models import HostState, Outcome, Reason
from custom_components.omron_ups.shutdown.specs import TargetSpec
from custom_components.omron_ups.shutdown.target import StopContext
from custom_components.omron_ups.shutdown.targets import ha_action
from custom_components.omron_ups.shutdown.targets.ha_action import (
    CALL,
    HaActionFinding,
    HaActions,
    HaActionTarget,
)

CONTEXT = StopContext(plan_id="p1", reason=Reason.REQUEST, time_left_s=60)


class Home(HaActions):
    """Buttons `button.one` and `button.two`, a plug, and what was called."""

    def __init__(self) -> None:
        """Have all of them available."""
        self.states: dict[str, str] = {
            "button.one": "",
            "button.two": "",
            "switch.plug": "on",
        }
        self.actions = {"button.press", "switch.turn_on", "script.stop_all"}
        self.areas = {"rack": ["button.one", "button.two"]}
        self.called: list[tuple[str, Mapping[str, object], Sequence[str]]] = []
        self.error: ShutdownError | None = None
        self.may_end = asyncio.Event()
        self.may_end.set()
        self.ended = 0

    @override
    def has_action(self, action: str) -> bool:
        return action in self.actions

    @override
    def resolve(self, target: Mapping[str, Collection[str]]) -> Sequence[str]:
        assert not isinstance(target.get("entity_id"), str)
        areas = [name for area in target.get("area_id", ()) for name in self.areas[area]]
        return [*target.get("entity_id", ()), *areas]

    @override
    def state(self, entity_id: str) -> str | None:
        return self.states.get(entity_id)

    @override
    async def call(
        self, action: str, data: Mapping[str, object], entity_ids: Sequence[str]
    ) -> None:
        self.called.append((action, data, entity_ids))
        await self.may_end.wait()
        if self.error is not None:
            raise self.error
        self.ended += 1


def target(home: Home, **options: object) -> HaActionTarget:
    base: dict[str, object] = {
        "action": "button.press",
        "action_target": {"entity_id": "button.one"},
    }
    spec = TargetSpec(
        target_id="t1",
        name="host",
        kind="ha_action",
        stage=1,
        time_limit_s=60,
        options={**base, **options},
    )
    return HaActionTarget(spec, home)


async def test_the_action_is_called_with_the_entities_that_were_resolved() -> None:
    home = Home()
    options = {"action_target": {"area_id": ["rack"]}, "action_data": {"force": True}}
    reply = await target(home, **options).send(CALL, CONTEXT)
    assert reply.outcome is Outcome.ACCEPTED
    assert home.called == [("button.press", {"force": True}, ("button.one", "button.two"))]


async def test_an_action_without_a_target_is_called_without() -> None:
    home = Home()
    script = target(home, action="script.stop_all", action_target=None)
    assert await script.preflight() == ()
    assert (await script.send(CALL, CONTEXT)).outcome is Outcome.ACCEPTED
    assert home.called == [("script.stop_all", {}, ())]


@pytest.mark.parametrize(
    ("options", "outcome"),
    [
        pytest.param(
            {"action_target": {"entity_id": ["button.gone"]}}, Outcome.UNKNOWN, id="missing"
        ),
        pytest.param({"action_target": {"area_id": ["empty"]}}, Outcome.UNKNOWN, id="no entity"),
        pytest.param({"action": "hassio.host_shutdown"}, Outcome.UNKNOWN, id="no such action"),
        pytest.param({"action_target": {"entity_id": 3}}, Outcome.REFUSED, id="no list"),
        pytest.param({"action_data": "x"}, Outcome.REFUSED, id="no mapping"),
    ],
)
async def test_what_home_assistant_would_skip_is_not_taken_for_a_success(
    options: dict[str, object], outcome: Outcome
) -> None:
    home = Home()
    home.areas["empty"] = []
    reply = await target(home, **options).send(CALL, CONTEXT)
    assert (reply.outcome, reply.was_sent) == (outcome, False)
    assert home.called == []
    assert await target(home, **options).preflight() != ()
    assert home.called == []


async def test_an_integration_that_is_not_loaded_yet_is_asked_once_it_is() -> None:
    home = Home()
    home.actions.clear()
    early = await target(home).send(CALL, CONTEXT)
    assert (early.outcome, early.was_sent) == (Outcome.UNKNOWN, False)
    home.actions.add("button.press")
    assert (await target(home).send(CALL, CONTEXT)).outcome is Outcome.ACCEPTED


async def test_an_unavailable_entity_does_not_hold_the_others_up_and_is_named() -> None:
    home = Home()
    del home.states["button.two"]
    both = target(home, action_target={"entity_id": ["button.one", "button.two"]})
    reply = await both.send(CALL, CONTEXT)
    assert home.called == [("button.press", {}, ("button.one",))]
    assert reply.outcome is Outcome.UNKNOWN
    assert "button.two" in reply.detail
    (found,) = await both.preflight()
    assert found.key == HaActionFinding.ENTITIES_UNAVAILABLE
    assert found.placeholders["detail"] == "button.two"


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (RefusedError("wrong data"), Outcome.REFUSED),
        (NoAnswerError("the integration raised"), Outcome.UNKNOWN),
    ],
)
async def test_errors_of_the_call(error: ShutdownError, outcome: Outcome) -> None:
    home = Home()
    home.error = error
    reply = await target(home).send(CALL, CONTEXT)
    assert (reply.outcome, reply.detail) == (outcome, str(error))


async def test_a_call_that_takes_long_is_unknown_and_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ha_action, "CALL_LIMIT_S", 0.05)
    home = Home()
    home.may_end.clear()
    assert (await target(home).send(CALL, CONTEXT)).outcome is Outcome.UNKNOWN
    assert home.ended == 0
    home.may_end.set()
    await asyncio.sleep(0.01)
    assert home.ended == 1


async def test_a_call_goes_on_when_whoever_waited_for_it_is_cancelled() -> None:
    home = Home()
    home.may_end.clear()
    waiting = asyncio.create_task(target(home).send(CALL, CONTEXT))
    await asyncio.sleep(0.01)
    waiting.cancel()
    home.may_end.set()
    await asyncio.sleep(0.01)
    assert waiting.cancelled()
    assert home.ended == 1


@pytest.mark.parametrize(
    ("shown", "state", "is_conclusive", "is_ready"),
    [
        ("off", HostState.DOWN, True, False),
        ("standby", HostState.DOWN, True, False),
        ("on", HostState.UP, False, True),
        (None, HostState.UNKNOWN, False, None),
    ],
)
async def test_the_entity_that_confirms(
    shown: str | None, state: HostState, is_conclusive: bool, is_ready: bool | None
) -> None:
    home = Home()
    home.states.pop("switch.plug")
    if shown is not None:
        home.states["switch.plug"] = shown
    confirmed = target(home, confirm_entity="switch.plug", confirm_states=["off", "standby"])
    assert confirmed.has_own_evidence
    seen = await confirmed.observe()
    assert (seen.state, seen.is_conclusive) == (state, is_conclusive)
    assert await confirmed.is_ready() is is_ready


async def test_that_the_call_returned_is_no_evidence() -> None:
    pressed = target(Home())
    assert not pressed.has_own_evidence
    await pressed.send(CALL, CONTEXT)
    assert (await pressed.observe()).state is HostState.UNKNOWN
    assert await pressed.is_ready() is None


async def test_waking_and_restoring_have_actions_of_their_own() -> None:
    home = Home()
    plain = target(home)
    assert not plain.can_wake
    assert (await plain.wake()).outcome is Outcome.NOTHING_TO_DO
    assert (await plain.restore((CALL,))).outcome is Outcome.NOTHING_TO_DO
    full = target(
        home,
        wake_action="switch.turn_on",
        wake_target={"entity_id": ["switch.plug"]},
        restore_action="script.stop_all",
    )
    assert full.can_wake
    assert (await full.restore(())).outcome is Outcome.NOTHING_TO_DO
    assert home.called == []
    assert (await full.wake()).outcome is Outcome.ACCEPTED
    assert (await full.restore((CALL,))).outcome is Outcome.ACCEPTED
    assert [call[0] for call in home.called] == ["switch.turn_on", "script.stop_all"]


@pytest.mark.parametrize(
    ("options", "key"),
    [
        ({"action": "hassio.host_shutdown"}, HaActionFinding.MISSING),
        ({"action": ""}, FindingKey.OPTIONS_INVALID),
        ({"wake_action": "gone.action"}, HaActionFinding.MISSING),
        ({"action_target": {"area_id": ["empty"]}}, HaActionFinding.ENTITIES_MISSING),
        (
            {"confirm_entity": "switch.gone", "confirm_states": ["off"]},
            HaActionFinding.CONFIRMATION_MISSING,
        ),
        ({"confirm_entity": "switch.plug"}, FindingKey.OPTIONS_INVALID),
    ],
)
async def test_preflight_names_what_is_wrong_and_calls_nothing(
    options: dict[str, object], key: str
) -> None:
    home = Home()
    home.areas["empty"] = []
    (found,) = await target(home, **options).preflight()
    assert found.key == key
    assert home.called == []


async def test_rehearsal_says_what_would_be_called() -> None:
    home = Home()
    rehearsed = target(home, action_target={"entity_id": ["button.one", "button.gone"]})
    assert await rehearsed.rehearse() == (
        "call button.press on button.one, not on button.gone: unavailable",
    )
    assert home.called == []
