"""A USB device that real libusb finds: umockdev's kernel, with our answers to usbfs's ioctls.

Started by bus.py as a process of its own, on the Python that has GObject introspection:
one JSON command per line comes in, one JSON answer goes out. Requests to the UPS travel over a
socket of their own, because the unit that answers them lives in the test.
"""

from dataclasses import dataclass
import json
from pathlib import Path
import socket
import struct
import sys
import traceback
from typing import Any

import gi  # type: ignore[import-not-found]

gi.require_version("UMockdev", "1.0")
from gi.repository import GLib, UMockdev  # type: ignore[import-not-found]  # noqa: E402

from .device import ENDPOINT, VENDOR_ID, BabbleError, DeviceSettings, StallError, UsbDevice  # noqa: E402

# linux/usbdevice_fs.h on a 64-bit machine
SUBMITURB, DISCARDURB = 0x8038550A, 0x550B
REAPURB, REAPURBNDELAY = 0x4008550C, 0x4008550D
CLAIMINTERFACE, RELEASEINTERFACE = 0x8004550F, 0x80045510
GETDRIVER, IOCTL = 0x41045508, 0xC0105512
DISCONNECT, CONNECT = 0x5516, 0x5517
CLEAR_HALT, RESET = 0x80045515, 0x5514
GET_CAPABILITIES, GET_SPEED = 0x8004551A, 0x551F
SETCONFIGURATION, SETINTERFACE = 0x80045505, 0x80085504

URB = struct.Struct("=BB2xiI4xQiiiiiIQ")
URB_STATUS, URB_ACTUAL_LENGTH, URB_BUFFER = 4, 28, 16
URB_INTERRUPT, URB_CONTROL = 1, 2
SETUP_BYTES = 8
ROOT_HUB = (0x1D6B, 0x0002)
CONTROLLER = "/sys/devices/pci0000:00/0000:00:14.0/usb1"
HUB = f"{CONTROLLER}/1-2"
ZERO_PACKET_AND_NO_SIZE_LIMIT = 0x05

ENOENT, EAGAIN, EBUSY, ENODEV, EINVAL, ENOTTY, EPIPE = 2, 11, 16, 19, 22, 25, 32
ENODATA, EOVERFLOW, ESHUTDOWN = 61, 75, 108
# The device node is a plain file, which poll() always calls ready; this slows libusb's loop down.
REAP_DELAY_MS = 2


class IoctlError(Exception):
    """The ioctl fails with this errno."""


@dataclass
class Urb:
    """One submitted transfer: umockdev's views of the structure and of its buffer."""

    data: Any
    buffer: Any
    offset: int
    length: int


class UsbFs(UMockdev.IoctlBase):  # type: ignore[misc]
    """The node of one device: what the kernel's usbfs would answer."""

    def __init__(self, device: UsbDevice) -> None:
        """Begin with the kernel's HID driver bound."""
        super().__init__()
        self.driver: str | None = "usbhid"
        self.is_gone = False
        self._device = device
        self._is_claimed = False
        self._pending: dict[int, Urb] = {}
        self._done: list[Any] = []
        self._handlers = {
            GET_CAPABILITIES: self._get_capabilities,
            GET_SPEED: lambda _: 1,
            GETDRIVER: self._get_driver,
            IOCTL: self._interface_ioctl,
            CLAIMINTERFACE: self._claim,
            RELEASEINTERFACE: self._release,
            CLEAR_HALT: self._clear_halt,
            RESET: self._reset,
            SETCONFIGURATION: lambda _: 0,
            SETINTERFACE: lambda _: 0,
            SUBMITURB: self._submit,
            DISCARDURB: self._discard,
        }

    def do_handle_ioctl(self, client: Any) -> bool:
        """Take one ioctl over from umockdev's thread.

        Ours answers it, as it obeys the commands: an ioctl happens before the cable is pulled or
        after it. A transfer that was submitted in between would never end.
        """
        GLib.idle_add(self._handle, client, priority=GLib.PRIORITY_DEFAULT)
        return True

    def _handle(self, client: Any) -> bool:
        """Answer one ioctl, now or a little later; returns False, that it is called only once."""
        number, argument = client.get_request(), client.get_arg()
        try:
            if number in {REAPURB, REAPURBNDELAY}:
                self._reap(client, argument)
                return False
            client.complete(self._answer(number, argument), 0)
        except IoctlError as err:
            client.complete(-1, err.args[0])
        except Exception:  # noqa: BLE001  (an unanswered ioctl would block the test for ever)
            traceback.print_exc()
            client.complete(-1, EINVAL)
        return False

    def unplug(self) -> None:
        """End every transfer as a pulled cable does."""
        self.is_gone = True
        for urb in self._pending.values():
            self._finish(urb, -ESHUTDOWN)
        self._pending.clear()

    def _answer(self, number: int, argument: Any) -> int:
        if self.is_gone:
            raise IoctlError(ENODEV)
        handler = self._handlers.get(number)
        if handler is None:
            raise IoctlError(ENOTTY)
        return handler(argument) or 0

    def _get_capabilities(self, argument: Any) -> None:
        argument.resolve(0, 4).update(0, list(struct.pack("=I", ZERO_PACKET_AND_NO_SIZE_LIMIT)))

    def _get_driver(self, argument: Any) -> None:
        if self.driver is None:
            raise IoctlError(ENODATA)
        argument.resolve(0, 260).update(4, list(self.driver.encode() + b"\0"))

    def _interface_ioctl(self, argument: Any) -> int:
        _, code = struct.unpack_from("=ii", bytes(argument.resolve(0, 16).retrieve()))
        if code & 0xFFFF == DISCONNECT and self.driver is not None:
            self.driver = None
            return 0
        if code & 0xFFFF == CONNECT and self.driver is None:
            self.driver = "usbhid"
            return 1
        raise IoctlError(ENODATA if code & 0xFFFF == DISCONNECT else EBUSY)

    def _claim(self, _: Any) -> None:
        if self.driver is not None:
            raise IoctlError(EBUSY)
        self._is_claimed, self.driver = True, "usbfs"

    def _release(self, _: Any) -> None:
        if not self._is_claimed:
            raise IoctlError(EINVAL)
        self._is_claimed, self.driver = False, None

    def _clear_halt(self, _: Any) -> None:
        self._device.clear_halt()

    def _reset(self, _: Any) -> None:
        self._device.forget()

    def _submit(self, argument: Any) -> None:
        data = argument.resolve(0, URB.size)
        fields = URB.unpack(bytes(data.retrieve()))
        kind, endpoint, length = fields[0], fields[1], fields[5]
        buffer = data.resolve(URB_BUFFER, length)
        if kind == URB_CONTROL:
            self._control(Urb(data, buffer, SETUP_BYTES, length))
        elif kind == URB_INTERRUPT and endpoint == ENDPOINT:
            self._pending[data.client_addr] = Urb(data, buffer, 0, length)
        else:
            raise IoctlError(ENOENT)

    def _control(self, urb: Urb) -> None:
        raw = bytes(urb.buffer.retrieve())
        setup, sent = raw[:SETUP_BYTES], raw[SETUP_BYTES:]
        try:
            answer = self._device.control(setup, sent)
        except StallError:
            self._finish(urb, -EPIPE)
            return
        is_in = bool(setup[0] & 0x80)
        self._finish(urb, 0, answer, actual=len(answer) if is_in else len(sent))

    def _discard(self, argument: Any) -> None:
        (address,) = struct.unpack_from("=Q", bytes(argument.retrieve()))
        # What came before is not lost because libusb has not asked for it yet.
        self._move_packets()
        urb = self._pending.pop(address, None)
        if urb is None:
            raise IoctlError(EINVAL)
        self._device.cancel_in(urb.length)
        self._finish(urb, -ENOENT)

    def _reap(self, client: Any, argument: Any) -> None:
        if self._reaped(client, argument):
            return

        def again() -> bool:
            if not self._reaped(client, argument):
                client.complete(-1, ENODEV if self.is_gone else EAGAIN)
            return False

        GLib.timeout_add(REAP_DELAY_MS, again)

    def _reaped(self, client: Any, argument: Any) -> bool:
        self._move_packets()
        if self._done:
            argument.resolve(0, 8).set_ptr(0, self._done.pop(0))
            client.complete(0, 0)
            return True
        return False

    def _move_packets(self) -> None:
        for address, urb in list(self._pending.items()):
            try:
                packet = self._device.take_in(urb.length)
            except StallError:
                self._finish(urb, -EPIPE)
            except BabbleError:
                self._finish(urb, -EOVERFLOW)
            else:
                if packet is None:
                    return
                self._finish(urb, 0, packet)
            del self._pending[address]

    def _finish(self, urb: Urb, status: int, payload: bytes = b"", *, actual: int = -1) -> None:
        if payload:
            urb.buffer.update(urb.offset, list(payload))
        length = len(payload) if actual < 0 else actual
        urb.data.update(URB_STATUS, list(struct.pack("=i", status)))
        urb.data.update(URB_ACTUAL_LENGTH, list(struct.pack("=i", length)))
        self._done.append(urb.data)


@dataclass
class Port:
    """The port with a device in it."""

    device: UsbDevice
    node: UsbFs
    sys_path: str


class Server:
    """Obeys the commands: each ``do_`` method is one."""

    def __init__(self, requests: socket.socket) -> None:
        """Send requests to the UPS through `requests`."""
        self.bed = UMockdev.Testbed.new()
        add_hubs(self.bed)
        self._requests = requests
        self._port: Port | None = None

    def obey(self, command: dict[str, Any]) -> object:
        """Carry out one command."""
        return getattr(self, f"do_{command.pop('command')}")(**command)

    def do_plug(self, *, address: int, mode: int = 0o666, **settings: Any) -> None:
        """Plug a device in; `address` must never have been used before."""
        device = UsbDevice(DeviceSettings(**settings), self._ask)
        node = UsbFs(device)
        sys_path, dev_path = add_device(self.bed, device, address=address)
        self.bed.attach_ioctl(dev_path, node)
        root = Path(self.bed.get_root_dir())
        (root / dev_path[1:]).chmod(mode)
        # umockdev connects before it opens, and ends a process that it cannot connect.
        (root / "ioctl" / dev_path[1:]).chmod(0o777)
        self._port = Port(device, node, sys_path)
        self.bed.uevent(sys_path, "add")

    def do_unplug(self) -> None:
        """Pull the device out, if there is one."""
        port = self._port
        if port is None:
            return
        port.node.unplug()
        self.bed.uevent(port.sys_path, "remove")
        self.bed.remove_device(port.sys_path)
        self._port = None

    def do_set(self, **settings: Any) -> None:
        """Change settings of the device."""
        for name, value in settings.items():
            setattr(self._plugged().device.settings, name, value)

    def do_send(self, *, text: str) -> None:
        """Let the device send something unasked."""
        self._plugged().device.send(text.encode("latin-1"))

    def do_take_by(self, *, driver: str | None) -> None:
        """Bind another driver to the interface."""
        self._plugged().node.driver = driver

    def do_driver(self) -> str | None:
        """Return the driver that is bound to the interface."""
        return self._plugged().node.driver

    def do_log(self) -> list[tuple[int, int, int, str]]:
        """Return every SET_REPORT until now."""
        log = self._plugged().device.log
        return [(value, index, size, data.decode("latin-1")) for value, index, size, data in log]

    def _plugged(self) -> Port:
        if self._port is None:
            raise LookupError("nothing is plugged in")
        return self._port

    def _ask(self, request: bytes) -> list[bytes]:
        self._requests.send(request)
        return [bytes.fromhex(read) for read in json.loads(self._requests.recv(65536))]


@dataclass
class SysfsEntry:
    """What sysfs and /dev show of one USB device."""

    path: str
    address: int
    product: tuple[int, int]
    descriptors: bytes
    speed: str = "480"
    device_class: str = "09"

    @property
    def node(self) -> str:
        """The device node below /dev."""
        return f"bus/usb/001/{self.address:03d}"

    def record(self) -> str:
        """Return it in the words of umockdev."""
        vendor_id, product_id = self.product
        attributes = {
            "busnum": 1,
            "devnum": self.address,
            "speed": self.speed,
            "bConfigurationValue": 1,
            "bNumConfigurations": 1,
            "bNumInterfaces": 1,
            "bDeviceClass": self.device_class,
            "idVendor": f"{vendor_id:04x}",
            "idProduct": f"{product_id:04x}",
        }
        properties = {
            "SUBSYSTEM": "usb",
            "DEVTYPE": "usb_device",
            "DEVNAME": f"/dev/{self.node}",
            "BUSNUM": "001",
            "DEVNUM": f"{self.address:03d}",
            "MAJOR": 189,
            "MINOR": self.address - 1,
        }
        lines = [f"P: {self.path.removeprefix('/sys')}", f"N: {self.node}"]
        lines += [f"E: {name}={value}" for name, value in properties.items()]
        lines += [f"A: {name}={value}\\n" for name, value in attributes.items()]
        lines += [f"H: descriptors={self.descriptors.hex().upper()}", ""]
        return "\n".join(lines)


def add_hubs(bed: Any) -> None:
    """Add what every machine has: a root hub, here with a hub at its second port."""
    head = struct.pack("<BBHBBBBHHHBBBB", 18, 1, 0x0200, 9, 0, 0, 64, *ROOT_HUB, 0x0100, 0, 0, 0, 1)
    endpoint = bytes([9, 4, 0, 0, 1, 9, 0, 0, 0, 7, 5, 0x81, 3, 4, 0, 12])
    descriptors = head + struct.pack("<BBHBBBBB", 9, 2, 25, 1, 1, 0, 0xE0, 0) + endpoint
    for place, address in ((CONTROLLER, 1), (HUB, 2)):
        entry = SysfsEntry(path=place, address=address, product=ROOT_HUB, descriptors=descriptors)
        bed.add_from_string(entry.record())


def add_device(bed: Any, device: UsbDevice, *, address: int) -> tuple[str, str]:
    """Put a device into port 1-2.3; return its places in sysfs and in /dev."""
    entry = SysfsEntry(
        path=f"{HUB}/1-2.3",
        address=address,
        product=(VENDOR_ID, device.settings.product_id),
        descriptors=device.device_descriptor + device.configuration_descriptor,
        speed="1.5" if device.speed == "low" else "12",
        device_class="00",
    )
    bed.add_from_string(entry.record())
    return entry.path, f"/dev/{entry.node}"


def main() -> None:
    """Serve until stdin ends; the argument is the descriptor of the socket for requests."""
    with socket.socket(fileno=int(sys.argv[1])) as requests:
        server = Server(requests)
        loop = GLib.MainLoop()

        def on_line(*_: Any) -> bool:
            line = sys.stdin.readline()
            if not line:
                loop.quit()
                return False
            try:
                answer: dict[str, Any] = {"result": server.obey(json.loads(line))}
            except Exception as err:  # noqa: BLE001  (the test is told, and goes on)
                answer = {"error": repr(err)}
            print(json.dumps(answer), flush=True)  # noqa: T201  (the answer)
            return True

        print(json.dumps({"result": server.bed.get_root_dir()}), flush=True)  # noqa: T201
        conditions = GLib.IOCondition.IN | GLib.IOCondition.HUP
        GLib.io_add_watch(GLib.IOChannel.unix_new(0), GLib.PRIORITY_DEFAULT, conditions, on_line)
        loop.run()


if __name__ == "__main__":
    main()
