"""What the roles and networks of an account let its clients do."""

import asyncio
from ipaddress import ip_network

from homeassistant.core import HomeAssistant
import pytest

from custom_components.omron_ups.nut import Role
from custom_components.omron_ups.nut_accounts import (
    PRESETS,
    PUBLISHED_PASSWORDS,
    accounts_of,
    means_everybody,
)
from tests.ha.common import MockConfigEntry, NutConnection, add_account, eventually

DENIED = "ERR ACCESS-DENIED"
LOGIN, PRIMARY, FSD = "LOGIN ups", "PRIMARY ups", "FSD ups"
SET, BEEPER, LOAD_OFF = (
    "SET VAR ups battery.charge.low 30",
    "INSTCMD ups beeper.disable",
    "INSTCMD ups load.off",
)


@pytest.mark.parametrize(
    ("role", "granted"),
    [
        ("monitor", {LOGIN}),
        ("primary", {LOGIN, PRIMARY, FSD}),
        ("admin", {LOGIN, PRIMARY, FSD, SET, BEEPER}),
    ],
)
async def test_roles(
    hass: HomeAssistant, loaded: MockConfigEntry, free_port: int, role: str, granted: set[str]
) -> None:
    await eventually(lambda: "beeper.disable" in loaded.runtime_data.ups.commands)
    await add_account(hass, loaded, "joe", role=role)

    async def is_granted(request: str, source: str) -> bool:
        # Each from its own address, or one would wait for the refusal of the other.
        async with NutConnection(free_port, source=source) as client:
            await client.introduce("joe")
            reply = await client.ask(request)
            assert reply.startswith("OK") or reply == DENIED
            return reply != DENIED

    requests = (LOGIN, PRIMARY, FSD, SET, BEEPER, LOAD_OFF)
    found = await asyncio.gather(
        *(is_granted(request, f"127.0.0.{n}") for n, request in enumerate(requests, start=1))
    )
    assert {request for request, is_yes in zip(requests, found, strict=True) if is_yes} == granted


async def test_the_output_is_switched_with_an_extra_right_only(
    hass: HomeAssistant, loaded: MockConfigEntry, free_port: int
) -> None:
    await add_account(hass, loaded, "joe", role="admin", may_switch_output=True)
    async with NutConnection(free_port) as client:
        await client.introduce("joe")
        assert await client.ask("INSTCMD ups shutdown.stop") == "OK"


async def test_an_account_is_usable_from_its_networks_only(
    hass: HomeAssistant, loaded: MockConfigEntry, free_port: int
) -> None:
    await add_account(hass, loaded, "joe", networks=["127.0.0.7/32"])
    async with NutConnection(free_port) as client:
        assert await client.log_in("joe") == DENIED
    async with NutConnection(free_port, source="127.0.0.7") as client:
        assert await client.log_in("joe") == "OK"


async def test_an_account_counts_for_its_own_ups(
    hass: HomeAssistant, loaded: MockConfigEntry, free_port: int
) -> None:
    await add_account(hass, loaded, "joe")
    async with NutConnection(free_port) as client:
        assert await client.log_in("joe", ups="other") == "ERR UNKNOWN-UPS"
        assert await client.ask(LOGIN) == "OK"


async def test_an_account_stored_by_an_earlier_version(
    hass: HomeAssistant, loaded: MockConfigEntry
) -> None:
    await add_account(hass, loaded, "joe")
    (account,) = accounts_of(loaded)
    assert (account.role, account.networks, account.may_switch_output) == (Role.MONITOR, (), False)


def test_passwords_that_everybody_knows() -> None:
    assert {preset.password for preset in PRESETS.values()} == PUBLISHED_PASSWORDS


@pytest.mark.parametrize(
    ("network", "wide"),
    [
        ("0.0.0.0/0", True),
        ("128.0.0.0/1", True),
        ("10.0.0.0/8", False),
        ("192.168.1.30/32", False),
        ("::/0", True),
        ("2000::/3", True),
        ("fc00::/7", False),
    ],
)
def test_networks_that_mean_everybody(network: str, wide: bool) -> None:
    assert means_everybody(ip_network(network)) is wide
