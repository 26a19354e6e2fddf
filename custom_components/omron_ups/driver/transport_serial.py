"""The serial link: RS-232 at 2400 8N1, local or behind a bridge in the network, through serialx."""

import asyncio
import contextlib
import errno
from typing import TYPE_CHECKING, override
from urllib.parse import urlsplit

from .errors import DeviceBusyError, DeviceNotFoundError, DevicePermissionError, TransportError
from .transport import Transport

if TYPE_CHECKING:
    import serialx

BAUD_RATE = 2400
"""The only rate that any OMRON unit was seen to use."""
BYTE_S = 10 / BAUD_RATE
LONGEST_REPLY = 64
OPEN_LIMIT_S = 5.0
CLOSE_LIMIT_S = 2.0
# nutdrv_qx and blazer_ser let the lines settle before the first request; 0.1 s is blazer_ser's.
SETTLE_S = 0.1
# More than this without a CR is not a UPS talking.
BUFFER_LIMIT = 4096

_REASONS: dict[int, tuple[type[TransportError], str]] = {
    errno.ENOENT: (DeviceNotFoundError, "there is no such port"),
    errno.ENODEV: (DeviceNotFoundError, "the port is gone"),
    errno.ENXIO: (DeviceNotFoundError, "nothing is connected to the port"),
    errno.ECONNREFUSED: (DeviceNotFoundError, "the bridge refuses the connection"),
    errno.EHOSTUNREACH: (DeviceNotFoundError, "the bridge cannot be reached"),
    errno.EBUSY: (DeviceBusyError, "another program uses the port"),
    errno.EAGAIN: (DeviceBusyError, "another program uses the port"),
    errno.EACCES: (DevicePermissionError, "this process may not open the port"),
    errno.EPERM: (DevicePermissionError, "this process may not open the port"),
}


class _Receiver(asyncio.Protocol):
    """Cuts what arrives into replies at each CR."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._changed = asyncio.Event()
        self._lost: Exception | None = None
        self._is_lost = False

    @override
    def data_received(self, data: bytes) -> None:
        self._buffer += data
        del self._buffer[:-BUFFER_LIMIT]
        self._changed.set()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._is_lost = True
        self._lost = exc
        self._changed.set()

    def discard(self) -> None:
        """Forget what has arrived."""
        self._buffer.clear()

    def check(self, label: str) -> None:
        """Raise when the connection has ended."""
        if self._is_lost:
            raise TransportError(f"{label}: the connection ended") from self._lost

    async def reply(self, label: str) -> bytes:
        """Wait for the next CR and return what is before it."""
        while (end := self._buffer.find(b"\r")) < 0:
            self.check(label)
            self._changed.clear()
            await self._changed.wait()
        reply = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        return reply


class SerialTransport(Transport):
    """A UPS on a serial port, or on a serial bridge in the network.

    DTR on and RTS off were seen to work on BN75T. We set the lines once per connection and leave
    them like that afterwards: with a contact-signal cable a line that is held high may stop the
    output of some units. That the system raises both for an instant when it opens a port, we cannot
    prevent. A ``socket://`` bridge has no lines, and those of an ESPHome proxy are left to it.
    """

    reply_limit_s = 1.0 + LONGEST_REPLY * BYTE_S

    def __init__(self, url: str, *, dtr: bool = True, rts: bool = False) -> None:
        """Prepare without opening anything.

        Args:
            url: a device path such as ``/dev/ttyUSB0``, ``socket://host:port`` or
                ``rfc2217://host:port``.
            dtr: whether DTR is held high; cables with an interface feed themselves from it.
            rts: the same of RTS.
        """
        super().__init__(label=public_url(url))
        self._url = url
        self._dtr = dtr
        self._rts = rts
        self._port: serialx.BaseSerialTransport | None = None
        self._receiver = _Receiver()

    @override
    async def _open(self) -> None:
        self._receiver = _Receiver()
        try:
            await self._connect()
        except BaseException:
            # What is open but not ready must not stay locked, not even if we are cancelled.
            await self._close()
            raise

    async def _connect(self) -> None:
        # Only who has a serial UPS needs the library.
        import serialx  # noqa: PLC0415

        try:
            async with asyncio.timeout(OPEN_LIMIT_S):
                self._port, _ = await serialx.create_serial_connection(
                    asyncio.get_running_loop(),
                    lambda: self._receiver,
                    self._url,
                    baudrate=BAUD_RATE,
                    dtr_on_open=serialx.PinState.convert(self._dtr),
                    rts_on_open=serialx.PinState.convert(self._rts),
                    dtr_on_close=serialx.PinState.UNDEFINED,
                    rts_on_close=serialx.PinState.UNDEFINED,
                    transport_cls=self._transport_class(),
                )
            if self._is_telnet_bridge:
                await self._set_lines(self._port)
        except (OSError, ValueError, serialx.SerialException) as err:
            raise _as_transport_error(self.label, err) from err
        await asyncio.sleep(SETTLE_S)

    async def _set_lines(self, port: serialx.BaseSerialTransport) -> None:
        """Set the lines of a bridge, which serialx does only when it is asked to (1.11, seen)."""
        try:
            async with asyncio.timeout(OPEN_LIMIT_S):
                await port.set_modem_pins(dtr=self._dtr, rts=self._rts)
        except TimeoutError as err:
            raise TransportError(
                f"{self.label}: the bridge does not confirm that it set DTR and RTS; if it has no"
                " such lines, reach it by socket://"
            ) from err

    @property
    def _is_telnet_bridge(self) -> bool:
        return urlsplit(self._url).scheme == "rfc2217"

    def _transport_class(self) -> type[serialx.BaseSerialTransport] | None:
        if not self._is_telnet_bridge:
            return None
        from .serial_bridge import BridgeTransport  # noqa: PLC0415

        return BridgeTransport

    @override
    async def _close(self) -> None:
        port, self._port = self._port, None
        if port is None:
            return
        port.abort()
        # The descriptor is closed elsewhere, and until then nobody can open the port again.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_LIMIT_S):
                await port.wait_closed()

    @override
    async def _discard(self) -> None:
        self._receiver.discard()

    @override
    async def _send(self, request: bytes) -> None:
        self._receiver.check(self.label)
        if self._port is None:
            raise TransportError(f"{self.label} is not open")
        self._port.write(request)

    @override
    async def _receive(self) -> bytes:
        return await self._receiver.reply(self.label)


def public_url(url: str) -> str:
    """Return an address without what may be secret in it: credentials and the query.

    The label of a link is shown to every NUT client.
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        # Such an address cannot be opened, and nobody knows what is secret in it.
        return url.partition(":")[0]
    if not parts.scheme:
        return url
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def _as_transport_error(label: str, err: Exception) -> TransportError:
    if isinstance(err, TimeoutError):
        return DeviceNotFoundError(f"{label}: no answer within {OPEN_LIMIT_S:g} s")
    kind, reason = _REASONS.get(
        getattr(err, "errno", None) or 0, (TransportError, str(err) or type(err).__name__)
    )
    return kind(f"{label}: {reason}")
