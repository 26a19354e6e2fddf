"""Our server and the real upsd, each to be treated alike from outside by one and the same test."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from custom_components.omron_ups.nut import Account, Role

from .shared import DEVICES, PATIENCE_S, Client, Served, escape, exchange, password_hash
from .upsd import Device, Upsd

ALIAS = "qnapups"
SIDE_DEVICES = (*DEVICES, Device(name=ALIAS, lines=DEVICES[0].lines))
"""What upsd has no aliases for, it serves as a UPS of its own."""
_ROLES = {"primary": Role.PRIMARY, "secondary": Role.MONITOR}


@dataclass(frozen=True, slots=True)
class User:
    """An account, `kind` being `primary` or `secondary` as in upsd.users."""

    name: str
    password: str
    kind: str


class Side(Protocol):
    """A server with the UPSes of the acceptance table, and a certificate."""

    @property
    def port(self) -> int:
        """Return where it listens."""

    def publish(self, name: str, variables: Mapping[str, str]) -> None:
        """Let a UPS have other values from now on."""

    def pass_time(self, seconds: float) -> None:
        """Let time go by, in which no client says anything and every driver answers."""

    def lose(self, name: str) -> None:
        """Let time go by until the data of a UPS, whose driver says nothing, is too old."""

    def set_users(self, users: Sequence[User]) -> None:
        """Have other accounts, soon."""

    def remove(self, name: str) -> None:
        """Serve a UPS no more, soon."""


@dataclass(slots=True)
class OurSide:
    """Ours."""

    served: Served

    @property
    def port(self) -> int:
        """Return where it listens."""
        return self.served.port

    def publish(self, name: str, variables: Mapping[str, str]) -> None:
        """Let a UPS have other values from now on."""
        ups = self.served.upses[name]
        known = {variable.name: variable.value for variable in ups.variables}
        ups.publish({**known, **variables}, read_at=self.served.clock.now)

    def pass_time(self, seconds: float) -> None:
        """Let time go by, in which no client says anything and every driver answers."""
        now = asyncio.get_running_loop().time()
        for connection in tuple(self.served.server._connections):
            connection.check_time(now + seconds)

    def lose(self, name: str) -> None:
        """Let time go by until the data of a UPS, whose driver says nothing, is too old."""
        assert name == "ups"
        self.served.clock.now += 16

    def set_users(self, users: Sequence[User]) -> None:
        """Have other accounts, soon."""
        self.served.ups.set_accounts(
            Account(
                username=user.name,
                password_hash=password_hash(user.password),
                role=_ROLES[user.kind],
            )
            for user in users
        )

    def remove(self, name: str) -> None:
        """Serve a UPS no more, soon."""
        self.served.remove(name)


@dataclass(slots=True)
class UpsdSide:
    """Debian's."""

    upsd: Upsd

    @property
    def port(self) -> int:
        """Return where it listens."""
        return self.upsd.port

    def publish(self, name: str, variables: Mapping[str, str]) -> None:
        """Let a UPS have other values from now on."""
        self.upsd.say(
            name, *(f'SETINFO {key} "{escape(value)}"' for key, value in variables.items())
        )

    def pass_time(self, seconds: float) -> None:
        """Let time go by, in which no client says anything and every driver answers."""
        self.upsd.pass_time(seconds)

    def lose(self, name: str) -> None:
        """Let time go by until the data of a UPS, whose driver says nothing, is too old."""
        self.upsd.silence(name)
        self.upsd.pass_time(16)

    def set_users(self, users: Sequence[User]) -> None:
        """Have other accounts, soon."""
        sections = (
            f"[{user.name}]\n  password = {user.password}\n  upsmon {user.kind}\n" for user in users
        )
        self.upsd.reload(users="".join(sections))

    def remove(self, name: str) -> None:
        """Serve a UPS no more, soon."""
        self.upsd.reload(devices=[device for device in self.upsd.devices if device.name != name])


async def eventually(port: int, request: str, reply: bytes) -> None:
    """Ask on ever new connections until the reply is this one."""
    async with asyncio.timeout(PATIENCE_S):
        while await exchange(port, f"{request}\n") != reply:  # noqa: ASYNC110 - upsd tells nobody
            await asyncio.sleep(0.02)


async def ask_until(client: Client, request: str, reply: bytes) -> None:
    """Repeat a request until upsd, say, has read its files again."""
    async with asyncio.timeout(PATIENCE_S):
        while await client.ask(request) != reply:  # noqa: ASYNC110 - upsd tells nobody
            await asyncio.sleep(0.02)
