"""From the data of a config entry to the UPS at the other end."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from homeassistant.const import CONF_DEVICE, CONF_MODEL

from .const import CONF_CONNECTION, CONF_DIALECT, ConnectionKind
from .driver import (
    PROFILES,
    Delays,
    Dialect,
    SerialTransport,
    SettingMemory,
    SimulatedTransport,
    SimulatedUps,
    Ups,
    UpsOptions,
    UpsState,
    UsbTransport,
)
from .usb_units import identity_of

# A unit that is plugged in again should not have to wait.
_USB_RECONNECT_S: Final = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """A UPS that can be started, and the simulation behind it if it is one."""

    ups: Ups
    simulated: SimulatedUps | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Settings:
    """What does not depend on how the UPS is reached."""

    version: str
    memory: SettingMemory | None
    delays: Delays

    def ups_options(self, *, dialect: Dialect = Dialect.OMRON) -> UpsOptions:
        return UpsOptions(version=self.version, dialect=dialect, delays=self.delays)


def make_connection(
    data: Mapping[str, Any],
    *,
    version: str,
    memory: SettingMemory | None = None,
    delays: Delays | None = None,
) -> Connection:
    """Return the UPS that the data of a config entry describes; nothing is opened yet.

    Args:
        data: How it is reached.
        version: Version of the integration.
        memory: What outlives a crash; None for a connection that changes nothing.
        delays: The delays of shutdown commands; None for the usual ones.

    """
    settings = _Settings(version=version, memory=memory, delays=delays or Delays())
    return _MAKERS[ConnectionKind(data[CONF_CONNECTION])](data, settings)


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


def _serial(data: Mapping[str, Any], settings: _Settings) -> Connection:
    transport = SerialTransport(data[CONF_DEVICE])
    options = settings.ups_options(dialect=Dialect(data[CONF_DIALECT]))
    return Connection(ups=Ups(transport, options=options, memory=settings.memory))


def _usb_device(data: Mapping[str, Any], settings: _Settings) -> Connection:
    options = settings.ups_options()
    timing = replace(options.timing, reconnect_longest_s=_USB_RECONNECT_S)
    transport = UsbTransport(identity_of(data))
    ups = Ups(transport, options=replace(options, timing=timing), memory=settings.memory)
    return Connection(ups=ups)


def _simulated(data: Mapping[str, Any], settings: _Settings) -> Connection:
    simulated = SimulatedUps(PROFILES[data[CONF_MODEL]])
    transport = SimulatedTransport(simulated)
    ups = Ups(transport, options=settings.ups_options(), memory=settings.memory)
    return Connection(ups=ups, simulated=simulated)


type _Maker = Callable[[Mapping[str, Any], _Settings], Connection]

_MAKERS: Final[Mapping[ConnectionKind, _Maker]] = {
    ConnectionKind.USB_DEVICE: _usb_device,
    ConnectionKind.SERIAL: _serial,
    ConnectionKind.SIMULATED: _simulated,
}
