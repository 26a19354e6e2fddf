"""The power events that lie between two pictures of the UPS."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from .models import UpsState


class PowerEvent(StrEnum):
    """Something that a person or an automation wants to hear of."""

    POWER_LOST = "power_lost"
    POWER_RESTORED = "power_restored"
    BATTERY_LOW = "battery_low"
    BATTERY_OK = "battery_ok"
    OVERLOAD = "overload"
    OVERLOAD_CLEARED = "overload_cleared"
    REPLACE_BATTERY = "replace_battery"
    FAULT = "fault"
    FAULT_CLEARED = "fault_cleared"
    TEST_STARTED = "test_started"
    TEST_FINISHED = "test_finished"
    COMMUNICATION_LOST = "communication_lost"
    COMMUNICATION_RESTORED = "communication_restored"
    FORCED_SHUTDOWN = "forced_shutdown"


@dataclass(frozen=True, slots=True)
class _Edge:
    """Which events a fact causes when it becomes true and when it ceases to be."""

    fact: Callable[[UpsState], bool | None]
    rises: PowerEvent
    falls: PowerEvent | None


_EDGES = (
    _Edge(lambda s: s.stale, PowerEvent.COMMUNICATION_LOST, PowerEvent.COMMUNICATION_RESTORED),
    _Edge(lambda s: s.on_battery, PowerEvent.POWER_LOST, PowerEvent.POWER_RESTORED),
    _Edge(lambda s: s.battery_low, PowerEvent.BATTERY_LOW, PowerEvent.BATTERY_OK),
    _Edge(lambda s: s.overload, PowerEvent.OVERLOAD, PowerEvent.OVERLOAD_CLEARED),
    _Edge(lambda s: s.replace_battery, PowerEvent.REPLACE_BATTERY, None),
    _Edge(lambda s: s.fault, PowerEvent.FAULT, PowerEvent.FAULT_CLEARED),
    _Edge(lambda s: s.testing, PowerEvent.TEST_STARTED, PowerEvent.TEST_FINISHED),
    _Edge(lambda s: s.forced_shutdown, PowerEvent.FORCED_SHUTDOWN, None),
)


def power_events(old: UpsState, new: UpsState) -> tuple[PowerEvent, ...]:
    """Tell what happened from `old` to `new`, in the order in which to report it.

    A fact that was or is unknown causes nothing: what began before we looked is not news.
    """
    events = []
    for edge in _EDGES:
        before, after = edge.fact(old), edge.fact(new)
        if before is None or after is None or before == after:
            continue
        event = edge.rises if after else edge.falls
        if event is not None:
            events.append(event)
    return tuple(events)
