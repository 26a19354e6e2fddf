"""From the data of a config entry to the UPS at the other end."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from homeassistant.const import CONF_DEVICE, CONF_MODEL

from .const import (
    CONF_BATTERY_PACKS,
    CONF_CONNECTION,
    CONF_DIALECT,
    CONF_DTR,
    CONF_OFFERS_UNPROVEN,
    CONF_RTS,
    CONF_UPS,
    DEFAULT_DTR,
    DEFAULT_RTS,
    ConnectionKind,
)
from .driver import (
    PROFILES,
    Delays,
    Dialect,
    RemoteOptions,
    RemoteUps,
    SerialTransport,
    SettingMemory,
    SimulatedTransport,
    SimulatedUps,
    Ups,
    UpsOptions,
    UpsSource,
    UpsState,
    UsbTransport,
)
from .remote_server import remote_server
from .usb_units import identity_of

# A unit that is plugged in again should not have to wait.
_USB_RECONNECT_S: Final = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """A UPS that can be started, and what is special about it."""

    ups: UpsSource
    simulated: SimulatedUps | None = None
    """The simulation behind it, if it is one."""
    remote: RemoteUps | None = None
    """The same UPS, if another NUT server has it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Settings:
    """What does not depend on how the UPS is reached."""

    version: str
    battery: Mapping[str, Any] = field(default_factory=dict)
    memory: SettingMemory | None = None
    delays: Delays = field(default_factory=Delays)

    @property
    def battery_packs(self) -> int:
        packs: int = self.battery.get(CONF_BATTERY_PACKS, 1)
        return packs

    def ups_options(self, *, dialect: Dialect = Dialect.OMRON) -> UpsOptions:
        return UpsOptions(
            version=self.version,
            dialect=dialect,
            delays=self.delays,
            battery_packs=self.battery_packs,
            offers_unproven=self.battery.get(CONF_OFFERS_UNPROVEN, False),
        )


def make_connection(
    data: Mapping[str, Any],
    *,
    version: str,
    battery: Mapping[str, Any] | None = None,
    memory: SettingMemory | None = None,
    delays: Delays | None = None,
) -> Connection:
    """Return the UPS that the data of a config entry describes; nothing is opened yet.

    Args:
        data: How it is reached.
        version: Version of the integration.
        battery: The options of the step `battery`; None for the usual ones.
        memory: What outlives a crash; None for a connection that changes nothing.
        delays: The delays of shutdown commands; None for the usual ones.

    """
    settings = _Settings(
        version=version, battery=battery or {}, memory=memory, delays=delays or Delays()
    )
    return _MAKERS[ConnectionKind(data[CONF_CONNECTION])](data, settings)


async def read_once(data: Mapping[str, Any], *, version: str) -> UpsState:
    """Connect, read everything that the unit tells, disconnect.

    Raises:
        UpsError: there is no UPS, or it cannot be reached, or the account is refused.

    """
    connection = make_connection(data, version=version)
    try:
        await connection.ups.start()
        if connection.remote is not None and (error := connection.remote.account_error) is not None:
            raise error
        return connection.ups.state
    finally:
        await connection.ups.stop()


def _serial(data: Mapping[str, Any], settings: _Settings) -> Connection:
    transport = SerialTransport(
        data[CONF_DEVICE],
        dtr=data.get(CONF_DTR, DEFAULT_DTR),
        rts=data.get(CONF_RTS, DEFAULT_RTS),
    )
    options = settings.ups_options(dialect=Dialect(data[CONF_DIALECT]))
    return Connection(ups=Ups(transport, options=options, memory=settings.memory))


def _usb_device(data: Mapping[str, Any], settings: _Settings) -> Connection:
    options = settings.ups_options()
    timing = replace(options.timing, reconnect_longest_s=_USB_RECONNECT_S)
    transport = UsbTransport(identity_of(data))
    ups = Ups(transport, options=replace(options, timing=timing), memory=settings.memory)
    return Connection(ups=ups)


def _nut(data: Mapping[str, Any], settings: _Settings) -> Connection:
    options = RemoteOptions(version=settings.version, battery_packs=settings.battery_packs)
    remote = RemoteUps(remote_server(data), data[CONF_UPS], options=options)
    return Connection(ups=remote, remote=remote)


def _simulated(data: Mapping[str, Any], settings: _Settings) -> Connection:
    simulated = SimulatedUps(PROFILES[data[CONF_MODEL]])
    transport = SimulatedTransport(simulated)
    ups = Ups(transport, options=settings.ups_options(), memory=settings.memory)
    return Connection(ups=ups, simulated=simulated)


type _Maker = Callable[[Mapping[str, Any], _Settings], Connection]

_MAKERS: Final[Mapping[ConnectionKind, _Maker]] = {
    ConnectionKind.USB_DEVICE: _usb_device,
    ConnectionKind.SERIAL: _serial,
    ConnectionKind.NUT: _nut,
    ConnectionKind.SIMULATED: _simulated,
}
