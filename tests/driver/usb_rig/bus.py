"""The test's side of a rig: plugs a simulated UPS into a bus that libusb can see."""

from collections.abc import Mapping, Sequence
import itertools
import json
import os
from pathlib import Path
import socket
import subprocess
import sys
import threading
import time
from typing import Any, override

from custom_components.omron_ups.driver.errors import TransportError
from custom_components.omron_ups.driver.simulator.unit import SimulatedUps

CHECKOUT = Path(__file__).parents[3]
SYSTEM_PYTHON = Path("/usr/bin/python3")
PRELOAD = "libumockdev-preload.so.0"
_NEEDED = "import gi; gi.require_version('UMockdev', '1.0'); from gi.repository import UMockdev"
# libusb takes a device with an address that it knows for one that it knows.
_addresses = itertools.count(3)


def leaves_out_umockdev() -> bool:
    """Return whether what needs umockdev is to be skipped; in CI it has to be there."""
    if os.environ.get("CI") == "true":
        return False
    command = [str(SYSTEM_PYTHON), "-c", _NEEDED]
    return not SYSTEM_PYTHON.exists() or bool(
        subprocess.run(command, check=False, capture_output=True).returncode
    )


class RigBus:
    """One server process and the thread that answers for the unit."""

    def __init__(self, command: Sequence[str], *, environment: Mapping[str, str]) -> None:
        """Start the server, with nothing plugged in; it says one line when it is ready."""
        self._ups: SimulatedUps | None = None
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._requests = ours
        with theirs:
            self._process = subprocess.Popen(
                [*command, str(theirs.fileno())],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                pass_fds=(theirs.fileno(),),
                cwd=CHECKOUT,
                env=environment,
                text=True,
            )
        self._answering = threading.Thread(target=self._answer, daemon=True)
        self._answering.start()
        self.greeting: Any = self._read()

    def __call__(self, command: str, **arguments: Any) -> Any:
        """Let the server carry out one command and return what it says."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"command": command, **arguments}) + "\n")
        self._process.stdin.flush()
        return self._read()

    def plug(self, ups: SimulatedUps, **settings: Any) -> None:
        """Plug a device in; `ups` answers for it."""
        self._ups = ups
        self("plug", **settings)

    @property
    def answering_s(self) -> float:
        """Processor time that the unit's answers took in this process."""
        assert self._answering.ident is not None
        return time.clock_gettime(time.pthread_getcpuclockid(self._answering.ident))

    def close(self) -> None:
        """End server and thread."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(30)
        self._process.stdout.close()
        self._answering.join(30)
        self._requests.close()

    def _read(self) -> Any:
        assert self._process.stdout is not None
        answer = json.loads(self._process.stdout.readline() or '{"error": "the server ended"}')
        assert "error" not in answer, answer
        return answer["result"]

    def _answer(self) -> None:
        while request := self._requests.recv(64):
            assert self._ups is not None
            try:
                reads = self._ups.deliver(request)
            except TransportError:
                reads = ()
            self._requests.send(json.dumps([read.hex() for read in reads]).encode())


class UmockdevBus(RigBus):
    """umockdev's bus, for processes with its library preloaded and `root` as UMOCKDEV_DIR."""

    def __init__(self) -> None:
        """Start umockdev_server.py."""
        super().__init__(
            [str(SYSTEM_PYTHON), "-B", "-m", "tests.driver.usb_rig.umockdev_server"],
            environment={"LD_PRELOAD": PRELOAD, "PATH": os.environ["PATH"]},
        )
        self.root: str = self.greeting

    @override
    def plug(self, ups: SimulatedUps, **settings: Any) -> None:
        """Plug a device in, under an address that none had before."""
        super().plug(ups, address=next(_addresses), **settings)


class VhciBus(RigBus):
    """The bus of the running kernel, through vhci_hcd; needs root."""

    def __init__(self) -> None:
        """Start vhci_server.py."""
        super().__init__(
            [sys.executable, "-m", "tests.driver.usb_rig.vhci_server"], environment=os.environ
        )
