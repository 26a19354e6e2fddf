"""Whether the targets can be reached, as the network shows it."""

from collections.abc import Generator
from datetime import timedelta
from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.util import dt as dt_util
import pytest

from custom_components.omron_ups.shutdown.specs import TargetSpec, Verify
from custom_components.omron_ups.target_watch import LOOK_EVERY, TargetWatch
from tests.ha.common import async_fire_time_changed, eventually


class Net:
    """A network whose hosts do what they are told."""

    def __init__(self) -> None:
        """Be silent."""
        self.open: set[int] = set()
        self.ping: bool | None = False
        self.error: OSError | None = None
        self.looks = 0

    async def is_open(self, _address: str, port: int) -> bool:
        """Tell whether a port is open."""
        self.looks += 1
        if self.error is not None:
            raise self.error
        return port in self.open

    async def answers_ping(self, _address: str) -> bool | None:
        """Tell whether it answers."""
        return self.ping

    async def send_wake(self, _wake: Any) -> None:
        """Wake nobody."""
        raise AssertionError("looking wakes nobody")


@pytest.fixture
def net() -> Net:
    return Net()


@pytest.fixture
def watch(hass: HomeAssistant, net: Net) -> Generator[TargetWatch]:
    watch = TargetWatch(hass, net)
    yield watch
    watch.stop()


def spec(target_id: str = "nas", *, address: str = "192.0.2.1", ping: bool = True) -> TargetSpec:
    return TargetSpec(
        target_id=target_id,
        name=target_id,
        kind="ssh",
        stage=1,
        time_limit_s=60,
        verify=Verify(address=address, ports=(22, 80), ping=ping),
    )


@pytest.mark.parametrize(
    ("signs", "seen"),
    [
        ((set(), False), False),
        (({80}, False), True),
        ((set(), True), True),
        ((set(), None), False),
        (({22, 80}, None), True),
    ],
)
async def test_any_sign_of_life_counts(
    watch: TargetWatch, net: Net, *, signs: tuple[set[int], bool | None], seen: bool
) -> None:
    net.open, net.ping = signs
    assert watch.is_reachable("nas") is None
    watch.set_targets([spec()])
    await eventually(lambda: watch.is_reachable("nas") is not None)
    assert watch.is_reachable("nas") is seen


async def test_nobody_can_tell_without_an_address_or_a_network(
    hass: HomeAssistant, watch: TargetWatch, net: Net
) -> None:
    net.error = OSError("no network")
    changes: list[None] = []
    watch.subscribe(lambda: changes.append(None))
    watch.set_targets([spec("nowhere", address=""), spec("unseen", ping=False)])
    await eventually(lambda: bool(changes))
    assert watch.is_reachable("nowhere") is None
    assert watch.is_reachable("unseen") is None


async def test_it_looks_again_and_again_until_it_is_stopped(
    hass: HomeAssistant, watch: TargetWatch, net: Net
) -> None:
    changes: list[bool | None] = []
    undo = watch.subscribe(lambda: changes.append(watch.is_reachable("nas")))
    watch.set_targets([spec()])
    await eventually(lambda: changes == [False])
    net.open = {22}
    async_fire_time_changed(hass, dt_util.utcnow() + LOOK_EVERY + timedelta(seconds=1))
    await eventually(lambda: changes == [False, True])
    undo()
    watch.stop()
    looks = net.looks
    async_fire_time_changed(hass, dt_util.utcnow() + 3 * LOOK_EVERY)
    await hass.async_block_till_done()
    assert net.looks == looks
    assert changes == [False, True]


async def test_who_was_removed_is_forgotten(
    hass: HomeAssistant, watch: TargetWatch, net: Net
) -> None:
    net.open = {22}
    watch.set_targets([spec("a"), spec("b")])
    await eventually(lambda: watch.is_reachable("b") is True)
    watch.set_targets([spec("a")])
    assert watch.is_reachable("b") is None
    assert watch.is_reachable("a") is True
