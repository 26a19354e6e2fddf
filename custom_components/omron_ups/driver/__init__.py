"""The driver: talks to an OMRON UPS and tells what it says.

An asyncio library of its own that knows nothing of Home Assistant or of the NUT server.
"""

from .auto_restart import SettingMemory, VolatileMemory
from .capabilities import Dialect
from .commands import InstantCommand
from .delays import SHUTDOWN_DELAYS_S, Delays
from .dump import load_replies, make_dump
from .errors import (
    CommandError,
    CommandRejectedError,
    DeviceBusyError,
    DeviceNotFoundError,
    DevicePermissionError,
    EchoError,
    InvalidReplyError,
    NoBackendError,
    NotAUpsError,
    NotSupportedError,
    OutOfRangeError,
    RejectedError,
    ReplyTimeoutError,
    SettingMemoryError,
    TransportError,
    UnconfirmedError,
    UpsError,
)
from .events import PowerEvent, power_events
from .models import LinkInfo, Outlet, SelfTestResult, Sensitivity, Topology, UpsState, Writable
from .options import Timing, UpsOptions
from .remote import REMOTE_TIMING, RemoteOptions, RemoteUps
from .remote_control import RemoteCommand
from .remote_errors import (
    AddressNotAllowedError,
    CommandNotAllowedError,
    CredentialsRefusedError,
    NoDataError,
    NotANutServerError,
    OldDataError,
    ServerUnreachableError,
    UnknownUpsError,
)
from .remote_wire import RemoteServer, list_remote_ups
from .simulator import PROFILES, SimulatedUps, SimulatorProfile
from .source import OfferedCommand, UpsSource
from .transport import Transport
from .transport_serial import SerialTransport, public_url
from .transport_simulated import SimulatedTransport
from .transport_usb import UsbTransport
from .ups import Ups
from .usb_devices import UsbIdentity, UsbUnit, UsbUnits, list_usb_units

__all__ = [
    "PROFILES",
    "REMOTE_TIMING",
    "SHUTDOWN_DELAYS_S",
    "AddressNotAllowedError",
    "CommandError",
    "CommandNotAllowedError",
    "CommandRejectedError",
    "CredentialsRefusedError",
    "Delays",
    "DeviceBusyError",
    "DeviceNotFoundError",
    "DevicePermissionError",
    "Dialect",
    "EchoError",
    "InstantCommand",
    "InvalidReplyError",
    "LinkInfo",
    "NoBackendError",
    "NoDataError",
    "NotANutServerError",
    "NotAUpsError",
    "NotSupportedError",
    "OfferedCommand",
    "OldDataError",
    "OutOfRangeError",
    "Outlet",
    "PowerEvent",
    "RejectedError",
    "RemoteCommand",
    "RemoteOptions",
    "RemoteServer",
    "RemoteUps",
    "ReplyTimeoutError",
    "SelfTestResult",
    "Sensitivity",
    "SerialTransport",
    "ServerUnreachableError",
    "SettingMemory",
    "SettingMemoryError",
    "SimulatedTransport",
    "SimulatedUps",
    "SimulatorProfile",
    "Timing",
    "Topology",
    "Transport",
    "TransportError",
    "UnconfirmedError",
    "UnknownUpsError",
    "Ups",
    "UpsError",
    "UpsOptions",
    "UpsSource",
    "UpsState",
    "UsbIdentity",
    "UsbTransport",
    "UsbUnit",
    "UsbUnits",
    "VolatileMemory",
    "Writable",
    "list_remote_ups",
    "list_usb_units",
    "load_replies",
    "make_dump",
    "power_events",
    "public_url",
]
