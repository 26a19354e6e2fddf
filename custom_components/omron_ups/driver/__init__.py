"""The driver: talks to an OMRON UPS and tells what it says.

An asyncio library of its own that knows nothing of Home Assistant or of the NUT server.
"""

from .capabilities import Dialect
from .errors import (
    DeviceBusyError,
    DeviceNotFoundError,
    DevicePermissionError,
    EchoError,
    InvalidReplyError,
    NotAUpsError,
    RejectedError,
    ReplyTimeoutError,
    TransportError,
    UpsError,
)
from .events import PowerEvent, power_events
from .models import LinkInfo, Outlet, SelfTestResult, Sensitivity, Topology, UpsState
from .simulator import PROFILES, SimulatedUps, SimulatorProfile
from .transport import Transport
from .transport_serial import SerialTransport
from .transport_simulated import SimulatedTransport
from .ups import Timing, Ups, UpsOptions

__all__ = [
    "PROFILES",
    "DeviceBusyError",
    "DeviceNotFoundError",
    "DevicePermissionError",
    "Dialect",
    "EchoError",
    "InvalidReplyError",
    "LinkInfo",
    "NotAUpsError",
    "Outlet",
    "PowerEvent",
    "RejectedError",
    "ReplyTimeoutError",
    "SelfTestResult",
    "Sensitivity",
    "SerialTransport",
    "SimulatedTransport",
    "SimulatedUps",
    "SimulatorProfile",
    "Timing",
    "Topology",
    "Transport",
    "TransportError",
    "Ups",
    "UpsError",
    "UpsOptions",
    "UpsState",
    "power_events",
]
