"""From the data of a config entry to the UPS at the other end."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from homeassistant.const import CONF_DEVICE, CONF_MODEL

from .const import CONF_CONNECTION, CONF_DIALECT, ConnectionKind
from .driver import (
    PROFILES,
    Dialect,
    SerialTransport,
    SimulatedTransport,
    SimulatedUps,
    Ups,
    UpsOptions,
    UpsState,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """A UPS that can be started, and the simulation behind it if it is one."""

    ups: Ups
    simulated: SimulatedUps | None = None


def make_connection(data: Mapping[str, Any], *, version: str) -> Connection:
    """Return the UPS that the data of a config entry describes; nothing is opened yet."""
    return _MAKERS[ConnectionKind(data[CONF_CONNECTION])](data, version)


async def read_once(data: Mapping[str, Any], *, version: str) -> UpsState:
    """Connect, read everything that the unit tells, disconnect.

    Raises:
        UpsError: there is no UPS, or it cannot be reached.

    """
    ups = make_connection(data, version=version).ups
    try:
        await ups.start()
        return ups.state
    finally:
        await ups.stop()


def _serial(data: Mapping[str, Any], version: str) -> Connection:
    options = UpsOptions(version=version, dialect=Dialect(data[CONF_DIALECT]))
    return Connection(ups=Ups(SerialTransport(data[CONF_DEVICE]), options=options))


def _simulated(data: Mapping[str, Any], version: str) -> Connection:
    simulated = SimulatedUps(PROFILES[data[CONF_MODEL]])
    ups = Ups(SimulatedTransport(simulated), options=UpsOptions(version=version))
    return Connection(ups=ups, simulated=simulated)


_MAKERS: Final[Mapping[ConnectionKind, Callable[[Mapping[str, Any], str], Connection]]] = {
    ConnectionKind.SERIAL: _serial,
    ConnectionKind.SIMULATED: _simulated,
}
