"""Both kinds of UPS are one to those above."""

from custom_components.omron_ups.driver import (
    RemoteOptions,
    RemoteServer,
    RemoteUps,
    SimulatedTransport,
    SimulatedUps,
    Ups,
    UpsOptions,
    UpsSource,
)
from custom_components.omron_ups.driver.simulator import PROFILES


def sources() -> tuple[UpsSource, ...]:
    """Return one of each kind; mypy proves that they fit."""
    unit = SimulatedTransport(SimulatedUps(PROFILES["bw55t"]))
    return (
        Ups(unit, options=UpsOptions(version="0")),
        RemoteUps(RemoteServer(host="127.0.0.1"), "ups", options=RemoteOptions(version="0")),
    )


def test_each_kind_has_all_that_is_asked_for() -> None:
    members = {name for name in vars(UpsSource) if not name.startswith("_")}
    assert {"start", "stop", "state", "age", "command"} <= members
    for source in sources():
        assert members <= set(dir(source))


def test_each_kind_knows_nothing_before_it_is_started() -> None:
    for source in sources():
        assert source.state.stale
        assert (source.age, source.last_error, source.is_running) == (None, None, False)
