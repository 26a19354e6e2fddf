"""Debian's own upsd on a private port, fed by a driver that says what the tests want."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
import os
from pathlib import Path
import re
import socket
import socketserver
import subprocess
import threading
import time
from typing import override

UPSD = Path("/lib/nut/upsd")


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """A UPS in upsd's ups.conf; one without lines has no driver."""

    name: str
    description: str = ""
    lines: Sequence[str] = ()


# A client that said SET TRACKING ON hears that its order was carried out; in truth nothing was.
_TRACKED = re.compile(rb"^(?:SET|INSTCMD) .*TRACKING ([0-9A-Fa-f-]{36})")


class _Driver(socketserver.StreamRequestHandler):
    """Speak the driver's side of the socket between a NUT driver and upsd."""

    server: _DriverServer

    @override
    def handle(self) -> None:
        for line in self.rfile:
            if line.startswith(b"DUMPALL"):
                self.wfile.write("".join(f"{text}\n" for text in self.server.lines).encode())
            elif line.startswith(b"PING"):
                self.wfile.write(b"PONG\n")
            elif (order := _TRACKED.search(line)) is not None:
                self.wfile.write(b"TRACKING %s 0\n" % order.group(1))


class _DriverServer(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True

    def __init__(self, path: Path, lines: Sequence[str]) -> None:
        self.lines = lines
        super().__init__(str(path), _Driver)


def _write_configuration(folder: Path, port: int, devices: Sequence[Device], users: str) -> None:
    sections = []
    for device in devices:
        description = f'  desc = "{device.description}"\n' if device.description else ""
        sections.append(f"[{device.name}]\n  driver = stub\n  port = auto\n{description}")
    files = {
        "ups.conf": "".join(sections),
        "upsd.conf": f"LISTEN 127.0.0.1 {port}\n",
        "upsd.users": users,
    }
    for name, text in files.items():
        path = folder / name
        path.write_text(text)
        path.chmod(0o640)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def _ask(port: int, request: bytes) -> bytes:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as client:
            client.sendall(request)
            return client.recv(512)
    except OSError:
        return b""


def _wait_until_ready(process: subprocess.Popen[bytes], port: int, names: Sequence[str]) -> None:
    deadline = time.monotonic() + 15
    for name in names:
        while not _ask(port, f"GET VAR {name} ups.status\n".encode()).startswith(
            (b"VAR", b"ERR DATA-STALE")
        ):
            if process.poll() is not None or time.monotonic() > deadline:
                message = f"upsd did not come up with {name}"
                raise RuntimeError(message)
            time.sleep(0.05)


@contextmanager
def running_upsd(folder: Path, devices: Sequence[Device], users: str) -> Iterator[int]:
    """Run upsd for these devices and users; yields its port."""
    port = _free_port()
    _write_configuration(folder, port, devices, users)
    drivers = [
        _DriverServer(folder / f"stub-{device.name}", device.lines)
        for device in devices
        if device.lines
    ]
    for driver in drivers:
        threading.Thread(target=driver.serve_forever, daemon=True).start()
    paths = ("NUT_CONFPATH", "NUT_STATEPATH", "NUT_ALTPIDPATH", "NUT_PIDPATH")
    process = subprocess.Popen(
        [UPSD, "-F", *(("-u", "root") if os.geteuid() == 0 else ())],
        env=os.environ | dict.fromkeys(paths, str(folder)),
        stdout=(folder / "upsd.log").open("wb"),
        stderr=subprocess.STDOUT,
    )
    try:
        _wait_until_ready(process, port, [device.name for device in devices if device.lines])
        yield port
    finally:
        process.terminate()
        process.wait(timeout=10)
        for driver in drivers:
            driver.shutdown()
            driver.server_close()
