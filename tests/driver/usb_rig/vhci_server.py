"""A USB device in the running kernel: the far end of vhci_hcd's socket, which speaks USB/IP.

Started by bus.py as a process of its own. It must outlive the process under test: when that one
ends, the kernel waits for an answer to the transfer that it cancels then.
"""

import json
from pathlib import Path
import socket
import struct
import sys
import threading
from typing import Any

from .device import SET_REPORT, BabbleError, DeviceSettings, StallError, UsbDevice

VHCI = Path("/sys/devices/platform/vhci_hcd.0")
PORT = 0
DEVICE_ID = (1 << 16) | 2
SPEEDS = {"low": 1, "full": 2}

# Linux, Documentation/usb/usbip_protocol.rst: every header has 48 bytes.
HEADER_BYTES = 48
BASIC = struct.Struct(">IIIII")
CMD_SUBMIT, CMD_UNLINK, RET_SUBMIT, RET_UNLINK = 1, 2, 3, 4
LENGTH_OFFSET, SETUP_OFFSET, VICTIM_OFFSET = 24, 40, 20
EPIPE, EOVERFLOW, ECONNRESET = 32, 75, 104


class Attachment:
    """One device in the kernel's port, served by a thread until it is unplugged."""

    def __init__(self, device: UsbDevice) -> None:
        """Plug `device` in."""
        self.device = device
        self.hangs = False
        """Whether a SET_REPORT is never completed."""
        self._lock = threading.Lock()
        self._reads: dict[int, int] = {}
        self._hanging: set[int] = set()
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        with theirs:
            place = f"{PORT} {theirs.fileno()} {DEVICE_ID} {SPEEDS[device.speed]}"
            (VHCI / "attach").write_text(place)

    def unplug(self) -> None:
        """Pull the device out."""
        (VHCI / "detach").write_text(str(PORT))
        self._thread.join(30)
        self._socket.close()

    def move_packets(self) -> None:
        """Complete the reads that have something to take."""
        with self._lock:
            for number in list(self._reads):
                try:
                    packet = self.device.take_in(self._reads[number])
                except StallError:
                    self._return(number, -EPIPE)
                except BabbleError:
                    self._return(number, -EOVERFLOW)
                else:
                    if packet is None:
                        return
                    self._return(number, 0, packet)
                del self._reads[number]

    def _serve(self) -> None:
        try:
            while True:
                self._handle(self._receive(HEADER_BYTES))
                self.move_packets()
        except ConnectionError, EOFError:
            return

    def _handle(self, header: bytes) -> None:
        command, number, _, is_in, endpoint = BASIC.unpack_from(header)
        if command == CMD_UNLINK:
            self._unlink(number, *struct.unpack_from(">I", header, VICTIM_OFFSET))
            return
        (length,) = struct.unpack_from(">I", header, LENGTH_OFFSET)
        data = b"" if is_in else self._receive(length)
        with self._lock:
            if endpoint == 0:
                self._control(number, header[SETUP_OFFSET:], data)
            elif is_in:
                self._reads[number] = length
            else:
                self._return(number, -EPIPE)

    def _control(self, number: int, setup: bytes, data: bytes) -> None:
        if self.hangs and tuple(setup[:2]) == SET_REPORT:
            self._hanging.add(number)
            return
        try:
            answer = self.device.control(setup, data)
        except StallError:
            self._return(number, -EPIPE)
            return
        self._return(number, 0, answer, actual=len(answer) if setup[0] & 0x80 else len(data))

    def _unlink(self, number: int, victim: int) -> None:
        with self._lock:
            is_pending = victim in self._reads or victim in self._hanging
            if victim in self._reads:
                self.device.cancel_in(self._reads.pop(victim))
            self._hanging.discard(victim)
            status = -ECONNRESET if is_pending else 0
            head = BASIC.pack(RET_UNLINK, number, 0, 0, 0)
            self._socket.sendall(head + struct.pack(">i24x", status))

    def _return(self, number: int, status: int, data: bytes = b"", *, actual: int = -1) -> None:
        length = len(data) if actual < 0 else actual
        head = BASIC.pack(RET_SUBMIT, number, 0, 0, 0)
        self._socket.sendall(head + struct.pack(">iiiii8x", status, length, 0, 0, 0) + data)

    def _receive(self, length: int) -> bytes:
        received = b""
        while len(received) < length:
            part = self._socket.recv(length - len(received))
            if not part:
                raise EOFError
            received += part
        return received


class Server:
    """Obeys the commands: each ``do_`` method is one."""

    def __init__(self, requests: socket.socket) -> None:
        """Send requests to the UPS through `requests`."""
        self._requests = requests
        self._attachment: Attachment | None = None

    def obey(self, command: dict[str, Any]) -> object:
        """Carry out one command."""
        result: object = getattr(self, f"do_{command.pop('command')}")(**command)
        return result

    def do_plug(self, **settings: Any) -> None:
        """Plug a device in; the kernel needs a moment to see it."""
        self._attachment = Attachment(UsbDevice(DeviceSettings(**settings), self._ask))

    def do_unplug(self) -> None:
        """Pull the device out, if there is one."""
        if self._attachment is not None:
            self._attachment.unplug()
        self._attachment = None

    def do_set(self, **settings: Any) -> None:
        """Change settings of the device."""
        for name, value in settings.items():
            setattr(self._plugged().device.settings, name, value)

    def do_hang(self, *, hangs: bool) -> None:
        """Let SET_REPORT hang, or work again."""
        self._plugged().hangs = hangs

    def do_send(self, *, text: str) -> None:
        """Let the device send something unasked."""
        self._plugged().device.send(text.encode("latin-1"))
        self._plugged().move_packets()

    def do_log(self) -> list[tuple[int, int, int, str]]:
        """Return every SET_REPORT until now."""
        log = self._plugged().device.log
        return [(value, index, size, data.decode("latin-1")) for value, index, size, data in log]

    def _plugged(self) -> Attachment:
        if self._attachment is None:
            raise LookupError("nothing is plugged in")
        return self._attachment

    def _ask(self, request: bytes) -> list[bytes]:
        self._requests.send(request)
        return [bytes.fromhex(read) for read in json.loads(self._requests.recv(65536))]


def main() -> None:
    """Serve until stdin ends; the argument is the descriptor of the socket for requests."""
    with socket.socket(fileno=int(sys.argv[1])) as requests:
        server = Server(requests)
        print(json.dumps({"result": None}), flush=True)  # noqa: T201  (the answer)
        for line in sys.stdin:
            try:
                answer: dict[str, Any] = {"result": server.obey(json.loads(line))}
            except Exception as err:  # noqa: BLE001  (the test is told, and goes on)
                answer = {"error": repr(err)}
            print(json.dumps(answer), flush=True)  # noqa: T201
        server.do_unplug()


if __name__ == "__main__":
    main()
