"""Debian's own sshd on a private port of loopback, as whoever runs the tests."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
import getpass
import os
from pathlib import Path
import shutil
import signal
import socket
import subprocess
import time

from custom_components.omron_ups.shutdown.ssh_keys import generate_key_pair
from tests.ports import unused_port

SSHD = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin") or ""
# Compiled into Debian's sshd, which refuses to start as root without it; the service makes it.
_PRIVILEGE_SEPARATION = Path("/run/sshd")
_CONFIG = """
{ports}
ListenAddress 127.0.0.1
{host_keys}
AuthorizedKeysFile {folder}/authorized_keys
PidFile none
UsePAM no
StrictModes no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin yes
MaxStartups 100
{more}
"""
_NO_PENALTIES = "PerSourcePenalties no"


@dataclass(slots=True, kw_only=True)
class Sshd:
    """A running sshd, and what can be done to it."""

    folder: Path
    port: int
    process: subprocess.Popen[bytes] | None = None
    host_keys: tuple[str, ...] = ("host",)
    second_port: int | None = None
    """Listened at too, because two signals make evidence that a host is off."""

    @property
    def username(self) -> str:
        """Who may log in: whoever runs the tests."""
        return getpass.getuser()

    @property
    def host_key(self) -> str:
        """The line that a user would have confirmed."""
        return " ".join((self.folder / "host_key.pub").read_text().split()[:2])

    def change_host_key(self) -> None:
        """Write a new one; it counts from the next start."""
        pair = generate_key_pair()
        (self.folder / "host_key").write_text(pair.private_key)
        (self.folder / "host_key").chmod(0o600)
        (self.folder / "host_key.pub").write_text(pair.public_key)

    def make_keys(self, *algorithms: str) -> None:
        """Let the host have one key of each; it counts from the next start."""
        self.host_keys = algorithms
        for algorithm in algorithms:
            path = self.folder / f"{algorithm}_key"
            if not path.exists():
                subprocess.run(
                    ["/usr/bin/ssh-keygen", "-q", "-t", algorithm, "-N", "", "-f", path], check=True
                )

    def key_line(self, algorithm: str) -> str:
        """Return one of these keys as a user would have confirmed it."""
        return " ".join((self.folder / f"{algorithm}_key.pub").read_text().split()[:2])

    def authorize(self, *lines: str) -> None:
        """Let these lines of authorized_keys in, and no others."""
        (self.folder / "authorized_keys").write_text("".join(f"{line}\n" for line in lines))

    def program(self, name: str, script: str) -> Path:
        """Write a program for a forced command."""
        path = self.folder / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        return path

    def start(self) -> None:
        """Start it, and wait until it answers."""
        config = self.folder / "sshd_config"
        keys = "\n".join(f"HostKey {self.folder}/{name}_key" for name in self.host_keys)
        ports = "\n".join(f"Port {port}" for port in (self.port, self.second_port) if port)
        config.write_text(
            _CONFIG.format(
                ports=ports, folder=self.folder, host_keys=keys, more=_without_penalties()
            )
        )
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [SSHD, "-D", "-e", "-f", str(config)], stderr=log, start_new_session=True
            )
        for _ in range(600):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            assert self.process.poll() is None, self.log
            time.sleep(0.05)
        raise AssertionError(self.log)

    @property
    def log(self) -> str:
        """What it has said so far."""
        return (self.folder / "log").read_text()

    def stop(self) -> None:
        """Kill it; sessions live in process groups of their own and go on."""
        process, self.process = self.process, None
        if process is not None and process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@cache
def _without_penalties() -> str:
    """Return what keeps OpenSSH 9.8 and later from turning those away who look at it often."""
    command = [SSHD, "-T", "-f", "/dev/null", "-o", _NO_PENALTIES]
    said = subprocess.run(command, check=False, capture_output=True).stderr
    return "" if b"Bad configuration option" in said else _NO_PENALTIES


@contextmanager
def running_sshd(folder: Path) -> Iterator[Sshd]:
    """Run an sshd with a host key of its own that nobody may log in to yet."""
    if os.getuid() == 0:
        _PRIVILEGE_SEPARATION.mkdir(mode=0o755, exist_ok=True)
    sshd = Sshd(folder=folder, port=unused_port(), second_port=unused_port())
    sshd.change_host_key()
    sshd.authorize()
    try:
        sshd.start()
        yield sshd
    finally:
        sshd.stop()
