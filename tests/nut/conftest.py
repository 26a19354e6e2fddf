"""Fixtures of the NUT server's tests."""

from collections.abc import AsyncGenerator, Iterator
import os

import pytest
import pytest_socket

from . import shared
from .shared import Served
from .upsd import UPSD, running_upsd


@pytest.fixture(autouse=True)
def _sockets(socket_enabled: None) -> None:
    """Let the tests talk to themselves, also where Home Assistant's plugin forbids it."""


@pytest.fixture
async def served() -> AsyncGenerator[Served]:
    async with shared.serving() as served:
        yield served


@pytest.fixture(scope="session")
def upsd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Run the real upsd with the same UPSes and users; yields its port."""
    if not UPSD.exists():
        if os.environ.get("CI") == "true":
            pytest.fail(f"{UPSD} is missing: install nut-server")
        pytest.skip(f"{UPSD} is missing: nothing to compare with")
    pytest_socket.enable_socket()
    folder = tmp_path_factory.mktemp("upsd")
    with running_upsd(folder, shared.DEVICES, shared.UPSD_USERS) as port:
        yield port
