"""A real client finds a DSM in our fake, and what it trips over there ours does not."""

from collections.abc import AsyncIterator
import socket

import aiohttp
import pytest
from synology_dsm import SynologyDSM
from synology_dsm.exceptions import (
    SynologyDSMAPIErrorException,
    SynologyDSMLogin2SARequiredException,
    SynologyDSMLoginInvalidException,
    SynologyDSMNotLoggedInException,
)

from custom_components.omron_ups.shutdown.targets.provenance import Provenance
from custom_components.omron_ups.shutdown.targets.synology_api import REQUESTS
from tests.shutdown.fakes.server import LOOPBACK
from tests.shutdown.fakes.synology import CODE, PASSWORD, USERNAME, FakeSynology


@pytest.fixture
async def nas() -> AsyncIterator[FakeSynology]:
    async with FakeSynology() as fake:
        yield fake


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    connector = aiohttp.TCPConnector(ssl=False)
    async with aiohttp.ClientSession(connector=connector) as opened:
        yield opened


def client(
    nas: FakeSynology, session: aiohttp.ClientSession, password: str = PASSWORD, token: str = ""
) -> SynologyDSM:
    """Return the client that Home Assistant's own integration uses."""
    return SynologyDSM(
        session, LOOPBACK, nas.port, USERNAME, password, use_https=True, device_token=token or None
    )


async def test_it_shuts_down(nas: FakeSynology, session: aiohttp.ClientSession) -> None:
    dsm = client(nas, session)
    assert await dsm.login()
    assert dsm.information is not None
    assert dsm.information.model == "DS918+"
    await dsm.system.shutdown()
    await nas.settle()
    assert nas.shutdowns == 1
    assert not nas.is_on


async def test_it_gets_a_device_token_for_a_code(
    nas: FakeSynology, session: aiohttp.ClientSession
) -> None:
    nas.has_two_step = True
    dsm = client(nas, session)
    with pytest.raises(SynologyDSMLogin2SARequiredException):
        await dsm.login()
    assert await dsm.login(CODE)
    assert nas.device_tokens == {dsm.device_token: socket.gethostname()}
    again = client(nas, session, token=str(dsm.device_token))
    assert await again.login()


async def test_it_meets_a_wrong_password(nas: FakeSynology, session: aiohttp.ClientSession) -> None:
    with pytest.raises(SynologyDSMLoginInvalidException):
        await client(nas, session, password="wrong").login()


async def test_with_an_old_session_it_does_not_shut_down(
    nas: FakeSynology, session: aiohttp.ClientSession
) -> None:
    """Why our own client logs in for each command: after code 119 this one gives up."""
    dsm = client(nas, session)
    await dsm.login()
    nas.sessions.clear()
    with pytest.raises(SynologyDSMNotLoggedInException):
        await dsm.system.shutdown()
    assert nas.shutdowns == 0


async def test_it_meets_an_account_without_the_right(
    nas: FakeSynology, session: aiohttp.ClientSession
) -> None:
    nas.is_administrator = False
    dsm = client(nas, session)
    await dsm.login()
    with pytest.raises(SynologyDSMAPIErrorException):
        await dsm.system.shutdown()


def test_every_request_has_a_provenance() -> None:
    assert all(known.source for known in REQUESTS)
    assert [known.provenance for known in REQUESTS if known.changes] == [Provenance.THIRD_PARTY]
    assert all(known.changes == known.path.endswith("shutdown") for known in REQUESTS)
