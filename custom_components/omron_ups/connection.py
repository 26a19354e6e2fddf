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
    SettingMemory,
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


def make_connection(
    data: Mapping[str, Any], *, version: str, memory: SettingMemory | None = None
) -> Connection:
    """Return the UPS that the data of a config entry describes; nothing is opened yet.

    Args:
        data: How it is reached.
        version: Version of the integration.
        memory: What outlives a crash; None for a connection that changes nothing.

    """
    return _MAKERS[ConnectionKind(data[CONF_CONNECTION])](data, version, memory)


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


def _serial(data: Mapping[str, Any], version: str, memory: SettingMemory | None) -> Connection:
    options = UpsOptions(version=version, dialect=Dialect(data[CONF_DIALECT]))
    transport = SerialTransport(data[CONF_DEVICE])
    return Connection(ups=Ups(transport, options=options, memory=memory))


def _simulated(data: Mapping[str, Any], version: str, memory: SettingMemory | None) -> Connection:
    simulated = SimulatedUps(PROFILES[data[CONF_MODEL]])
    transport = SimulatedTransport(simulated)
    ups = Ups(transport, options=UpsOptions(version=version), memory=memory)
    return Connection(ups=ups, simulated=simulated)


type _Maker = Callable[[Mapping[str, Any], str, SettingMemory | None], Connection]

_MAKERS: Final[Mapping[ConnectionKind, _Maker]] = {
    ConnectionKind.SERIAL: _serial,
    ConnectionKind.SIMULATED: _simulated,
}
