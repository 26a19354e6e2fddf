"""The UPS output, the other UPSes and the NUT clients as the plan sees them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from homeassistant.core import HomeAssistant
import pytest

from custom_components.omron_ups.driver import (
    CommandRejectedError,
    NotSupportedError,
    UnconfirmedError,
    UpsError,
    UpsSource,
)
from custom_components.omron_ups.plan_ports import NutClients, OtherUpses, UpsCommands
from custom_components.omron_ups.shutdown.errors import (
    NoAnswerError,
    RefusedError,
    ShutdownError,
    UnreachableError,
)
from custom_components.omron_ups.shutdown.models import Power
from tests.ha.common import MockConfigEntry


@dataclass
class Command:
    """An instant command."""

    name: str
    takes_delay: bool


@dataclass
class Unit:
    """A UPS that notes what it is told."""

    takes_delay: bool = True
    error: UpsError | None = None
    writable: Mapping[str, Any] = field(default_factory=dict)
    told: list[tuple[str, ...]] = field(default_factory=list)
    names: tuple[str, ...] = ("shutdown.return", "shutdown.stayoff", "shutdown.stop")
    age: float | None = 0.5

    @property
    def commands(self) -> Mapping[str, Command]:
        """What is offered."""
        return {name: Command(name, self.takes_delay) for name in self.names}

    async def command(self, name: str, value: str | None = None) -> None:
        """Do it, or fail."""
        if self.error is not None:
            raise self.error
        self.told.append((name,) if value is None else (name, value))

    async def set_variable(self, name: str, value: str) -> None:
        """Take it."""
        self.told.append(("set", name, value))


def commands(unit: Unit) -> UpsCommands:
    return UpsCommands(cast("UpsSource", unit))


async def test_the_three_commands() -> None:
    unit = Unit()
    await commands(unit).shutdown_return(60)
    await commands(unit).shutdown_stayoff(120)
    await commands(unit).shutdown_stop()
    assert unit.told == [
        ("shutdown.return", "60"),
        ("shutdown.stayoff", "120"),
        ("shutdown.stop",),
    ]


async def test_a_ups_behind_another_server_keeps_its_delay_in_a_variable() -> None:
    unit = Unit(takes_delay=False, writable={"ups.delay.shutdown": object()})
    await commands(unit).shutdown_return(60)
    assert unit.told == [("set", "ups.delay.shutdown", "60"), ("shutdown.return",)]


async def test_without_a_delay_nothing_is_cut() -> None:
    unit = Unit(takes_delay=False)
    with pytest.raises(RefusedError, match="delay"):
        await commands(unit).shutdown_return(60)
    assert unit.told == []


async def test_a_unit_that_nobody_has_found_yet_has_refused_nothing() -> None:
    with pytest.raises(UnreachableError, match="has not answered"):
        await commands(Unit(names=(), age=None)).shutdown_stop()


async def test_a_unit_that_cannot() -> None:
    with pytest.raises(RefusedError, match=r"shutdown\.stop"):
        await commands(Unit(names=())).shutdown_stop()


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (CommandRejectedError("no"), RefusedError),
        (NotSupportedError("no"), RefusedError),
        (UnconfirmedError("nothing"), NoAnswerError),
        (UpsError("lost"), NoAnswerError),
    ],
)
async def test_only_an_acknowledgement_counts(error: UpsError, told: type[ShutdownError]) -> None:
    with pytest.raises(told):
        await commands(Unit(error=error)).shutdown_return(60)


async def test_forced_shutdown_of_one_name(hass: HomeAssistant, loaded: MockConfigEntry) -> None:
    nut = loaded.runtime_data.nut
    clients = NutClients(nut)
    assert clients.clients("UPS") == []
    assert clients.clients("other") is None
    assert not clients.is_forced("ups")
    await clients.force("UPS")
    assert clients.is_forced("ups")
    assert nut.forced_shutdowns.by_clients == frozenset()
    await clients.release("ups")
    assert not clients.is_forced("ups")
    with pytest.raises(RefusedError, match="other"):
        await clients.force("other")
    await clients.release("other")


async def test_other_upses(hass: HomeAssistant, loaded: MockConfigEntry) -> None:
    feeds = OtherUpses(hass, lambda data: data.plan.view())
    view = feeds.view(loaded.entry_id)
    assert view is not None
    assert view.power is Power.MAINS
    assert feeds.view("nobody") is None
    await hass.config_entries.async_unload(loaded.entry_id)
    assert feeds.view(loaded.entry_id) is None
    foreign = MockConfigEntry(domain="sun")
    foreign.add_to_hass(hass)
    assert feeds.view(foreign.entry_id) is None
