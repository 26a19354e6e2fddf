"""Debian's own upsd on a private port, fed by a driver that says what the tests want."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
import os
from pathlib import Path
import re
import signal
import socket
import socketserver
import subprocess
import sys
import threading
import time
from typing import override

from cryptography import x509
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, pkcs12

from tests.ports import unused_port

from .certificates import pem_pair

UPSD = Path("/lib/nut/upsd")
_PRELOAD = "*/faketime/libfaketime.so.1"
_NICKNAME = "upsd"


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
        self.server.connected = self
        for line in self.rfile:
            if line.startswith(b"DUMPALL"):
                self.say(self.server.lines)
            elif line.startswith(b"PING") and not self.server.silent:
                self.say(("PONG",))
            elif (order := _TRACKED.search(line)) is not None:
                self.wfile.write(b"TRACKING %s 0\n" % order.group(1))

    def say(self, lines: Sequence[str]) -> None:
        """Tell upsd something."""
        self.wfile.write("".join(f"{line}\n" for line in lines).encode())


class _DriverServer(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True

    def __init__(self, path: Path, lines: Sequence[str]) -> None:
        self.lines = lines
        self.silent = False
        self.connected: _Driver | None = None
        super().__init__(str(path), _Driver)

    @override
    def handle_error(self, request: object, client_address: object) -> None:
        if not isinstance(sys.exception(), ConnectionError):
            # Whatever else goes wrong is a fault of these tests.
            super().handle_error(request, client_address)  # type: ignore[arg-type]


@dataclass(slots=True, kw_only=True)
class Upsd:
    """A running upsd, and what can be done to it while it runs."""

    port: int
    folder: Path
    drivers: Mapping[str, _DriverServer]
    devices: Sequence[Device]
    users: str
    extra: str
    process: subprocess.Popen[bytes] = field(init=False)
    _ahead_s: float = 0.0

    def say(self, name: str, *lines: str) -> None:
        """Let the driver of a UPS tell something."""
        driver = self.drivers[name].connected
        assert driver is not None, f"upsd has no connection to the driver of {name}"
        driver.say(lines)

    def silence(self, name: str) -> None:
        """Let the driver of a UPS answer no more, though it stays connected."""
        self.drivers[name].silent = True

    def pass_time(self, seconds: float) -> None:
        """Put upsd's clock forward, where it has one of its own."""
        self._ahead_s += seconds
        # Moved into place, so that no half of it is ever read.
        new = self.folder / "clock.new"
        new.write_text(f"+{self._ahead_s}\n")
        new.replace(self.folder / "clock")

    def reload(self, devices: Sequence[Device] | None = None, users: str | None = None) -> None:
        """Let upsd read other UPSes or users; it does so soon."""
        self.devices = self.devices if devices is None else devices
        self.users = self.users if users is None else users
        self.write_configuration()
        self.process.send_signal(signal.SIGHUP)

    def write_configuration(self) -> None:
        """Write what upsd reads."""
        sections = []
        for device in self.devices:
            description = f'  desc = "{device.description}"\n' if device.description else ""
            sections.append(f"[{device.name}]\n  driver = stub\n  port = auto\n{description}")
        files = {
            "ups.conf": "".join(sections),
            "upsd.conf": f"LISTEN 127.0.0.1 {self.port}\n{self.extra}",
            "upsd.users": self.users,
        }
        for name, text in files.items():
            path = self.folder / name
            path.write_text(text)
            path.chmod(0o640)


def clock_library() -> Path | None:
    """Return what gives a program a clock of its own, if it is installed."""
    return next(Path("/usr/lib").glob(_PRELOAD), None)


def write_certificate(folder: Path) -> str:
    """Write the certificate of `localhost` as upsd wants it; returns the lines of upsd.conf.

    Debian's upsd is built with NSS, which reads a database of its own.
    """
    certificate, key = pem_pair("localhost")
    database, bundle = folder / "nss", folder / "upsd.p12"
    database.mkdir()
    bundle.write_bytes(
        pkcs12.serialize_key_and_certificates(
            _NICKNAME.encode(),
            key,
            x509.load_pem_x509_certificate(certificate),
            None,
            BestAvailableEncryption(b"bundle"),
        )
    )
    for command in (
        ("certutil", "-N", "-d", str(database), "--empty-password"),
        ("pk12util", "-i", str(bundle), "-d", str(database), "-W", "bundle"),
    ):
        subprocess.run(command, check=True, capture_output=True)
    return f'CERTPATH {database}\nCERTIDENT "{_NICKNAME}" ""\n'


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
        # Until a driver has told everything, upsd says WAIT.
        while not re.match(
            rb'VAR .* "(?!WAIT)|ERR DATA-STALE', _ask(port, f"GET VAR {name} ups.status\n".encode())
        ):
            if process.poll() is not None or time.monotonic() > deadline:
                message = f"upsd did not come up with {name}"
                raise RuntimeError(message)
            time.sleep(0.05)


def _environment(folder: Path, clock: Path | None) -> Mapping[str, str]:
    paths = ("NUT_CONFPATH", "NUT_STATEPATH", "NUT_ALTPIDPATH", "NUT_PIDPATH")
    environment = os.environ | dict.fromkeys(paths, str(folder))
    if clock is None:
        return environment
    return environment | {
        "LD_PRELOAD": str(clock),
        "FAKETIME_TIMESTAMP_FILE": str(folder / "clock"),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }


@contextmanager
def running_upsd(
    folder: Path,
    devices: Sequence[Device],
    users: str,
    *,
    extra: str = "",
    clock: Path | None = None,
) -> Iterator[Upsd]:
    """Run upsd for these devices and users.

    Args:
        folder: Where its files go.
        devices: Its UPSes.
        users: What upsd.users says.
        extra: Further lines of upsd.conf.
        clock: The library that lets pass_time() work.

    """
    drivers = {
        device.name: _DriverServer(folder / f"stub-{device.name}", device.lines)
        for device in devices
        if device.lines
    }
    upsd = Upsd(
        port=unused_port(),
        folder=folder,
        drivers=drivers,
        devices=devices,
        users=users,
        extra=extra,
    )
    upsd.write_configuration()
    upsd.pass_time(0)
    for driver in drivers.values():
        threading.Thread(target=driver.serve_forever, args=(0.05,), daemon=True).start()
    with (folder / "upsd.log").open("wb") as log:
        upsd.process = subprocess.Popen(
            [UPSD, "-F", *(("-u", "root") if os.geteuid() == 0 else ())],
            env=_environment(folder, clock),
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        _wait_until_ready(upsd.process, upsd.port, tuple(drivers))
        yield upsd
    finally:
        upsd.process.terminate()
        upsd.process.wait(timeout=10)
        for driver in drivers.values():
            driver.shutdown()
            driver.server_close()
