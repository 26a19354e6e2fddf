"""Accounts, passwords and the price of guessing."""

import asyncio
from ipaddress import ip_address, ip_network

import pytest

from custom_components.omron_ups.nut import (
    Account,
    InvalidPasswordHashError,
    Role,
    accounts,
    hash_password,
)
from custom_components.omron_ups.nut.accounts import Accounts, Credentials, Right, Throttle

from .shared import password_hash

HERE = ip_address("192.0.2.7")


def credentials(username: str = "u", password: str = "p") -> Credentials:  # noqa: S107
    return Credentials(username=username, password=password, address=HERE)


def account(**changes: object) -> Account:
    fields: dict[str, object] = {"username": "u", "password_hash": password_hash("p")}
    return Account(**fields | changes)  # type: ignore[arg-type]


def test_password_is_salted_and_not_in_its_hash() -> None:
    assert hash_password("secret") != hash_password("secret")
    assert "secret" not in hash_password("secret")


def test_secrets_are_not_in_any_repr() -> None:
    assert password_hash("p") not in repr(account())
    assert "planted" not in repr(credentials(password="planted"))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "secret",
        "scrypt$x$8$1$AAAA$AAAA",
        "scrypt$16384$8$1$AA*A$AAAA",
        "md5$16384$8$1$AAAA$AAAA",
    ],
)
def test_stored_password_must_be_a_hash(text: str) -> None:
    with pytest.raises(InvalidPasswordHashError) as caught:
        account(password_hash=text)
    assert not text or text not in str(caught.value)


@pytest.mark.parametrize(
    ("role", "rights"),
    [
        (Role.MONITOR, {Right.LOGIN}),
        (Role.PRIMARY, {Right.LOGIN, Right.PRIMARY, Right.FSD}),
        (Role.ADMIN, set(Right)),
    ],
)
def test_rights_of_a_role(role: Role, rights: set[Right]) -> None:
    assert {right for right in Right if account(role=role).has(right)} == rights


@pytest.mark.parametrize(
    ("command", "role", "may_switch_output", "allowed"),
    [
        ("beeper.toggle", Role.ADMIN, False, True),
        ("beeper.toggle", Role.MONITOR, True, False),
        ("load.off", Role.ADMIN, False, False),
        ("Shutdown.return", Role.ADMIN, False, False),
        ("outlet.1.load.off", Role.ADMIN, False, False),
        ("load.off", Role.ADMIN, True, True),
        ("load.off", Role.PRIMARY, True, False),
    ],
)
def test_output_is_switched_only_by_who_may(
    command: str, role: Role, *, may_switch_output: bool, allowed: bool
) -> None:
    assert account(role=role, may_switch_output=may_switch_output).may_run(command) is allowed


@pytest.mark.parametrize(
    ("username", "password", "networks", "found"),
    [
        ("u", "p", (), True),
        ("u", "P", (), False),
        ("U", "p", (), False),
        ("", "", (), False),
        ("u", "p", (ip_network("192.0.2.0/24"),), True),
        ("u", "p", (ip_network("2001:db8::/32"), ip_network("192.0.2.7/32")), True),
        ("u", "p", (ip_network("198.51.100.0/24"),), False),
    ],
)
async def test_credentials_are_judged(
    username: str, password: str, networks: tuple[object, ...], *, found: bool
) -> None:
    known = account(networks=networks)
    verified = await Accounts([account(username="other"), known]).verify(
        credentials(username, password)
    )
    assert verified is (known if found else None)


async def test_accounts_of_one_name_are_told_apart_by_their_passwords() -> None:
    second = account(password_hash=password_hash("q"))
    assert await Accounts([account(), second]).verify(credentials(password="q")) is second


@pytest.fixture
def scrypts(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the passwords that were put through scrypt."""
    seen: list[str] = []
    real = accounts._scrypt

    def counting(password: str, salt: bytes, cost: int, block_size: int, parallel: int) -> bytes:
        seen.append(password)
        return real(password, salt, cost, block_size, parallel)

    monkeypatch.setattr(accounts, "_scrypt", counting)
    return seen


async def test_right_password_costs_one_scrypt_for_all_reconnects(scrypts: list[str]) -> None:
    known = Accounts([account()])
    throttle = Throttle(delay_s=0)
    for _ in range(3):
        assert await throttle.authenticate(known, credentials()) is not None
    assert scrypts == ["p"]
    assert await throttle.authenticate(known, credentials(password="q")) is None
    assert scrypts == ["p", "q"]


async def test_unknown_name_takes_as_long_as_a_wrong_password(scrypts: list[str]) -> None:
    assert await Accounts([account()]).verify(credentials("nobody", "x")) is None
    assert scrypts == ["x"]


async def test_guesses_of_one_address_are_made_one_by_one(scrypts: list[str]) -> None:
    known = Accounts([account()])
    throttle = Throttle(delay_s=3600)
    first = asyncio.create_task(throttle.authenticate(known, credentials(password="a")))
    second = asyncio.create_task(throttle.authenticate(known, credentials(password="b")))
    elsewhere = Credentials(username="u", password="p", address=ip_address("192.0.2.8"))
    assert await throttle.authenticate(known, elsewhere) is not None
    # The right password was proved, so it is remembered and does not queue behind the guesses.
    assert await throttle.authenticate(known, credentials()) is not None
    assert sorted(scrypts) in (["a", "p"], ["p"])
    assert not first.done()
    for task in (first, second):
        task.cancel()
    await asyncio.gather(first, second, return_exceptions=True)
    assert "b" not in scrypts


async def test_proved_password_outlasts_a_change_of_other_accounts(scrypts: list[str]) -> None:
    known = Accounts([account()])
    throttle = Throttle(delay_s=0)
    await throttle.authenticate(known, credentials())
    known.replace([account(), account(username="other")])
    assert await throttle.authenticate(known, credentials()) is not None
    assert scrypts == ["p"]
    known.replace([account(password_hash=hash_password("new"))])
    assert await throttle.authenticate(known, credentials()) is None


async def test_account_that_goes_while_its_password_is_checked_has_no_rights() -> None:
    known = Accounts([account()])
    check = asyncio.create_task(known.verify(credentials()))
    await asyncio.sleep(0)
    known.replace(())
    assert await check is None
    known.replace([account()])
    assert known.remembered(credentials()) is None
