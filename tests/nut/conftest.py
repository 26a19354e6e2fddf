"""Fixtures of the NUT server's tests."""

from collections.abc import AsyncGenerator, Iterator
from dataclasses import replace
import os
from pathlib import Path
import shutil

import pytest
import pytest_socket

from . import shared
from .certificates import write_files
from .shared import Served
from .sides import ALIAS, SIDE_DEVICES, OurSide, Side, UpsdSide
from .upsd import UPSD, Upsd, clock_library, running_upsd, write_certificate


@pytest.fixture(autouse=True)
def _sockets(socket_enabled: None) -> None:
    """Let the tests talk to themselves, also where Home Assistant's plugin forbids it."""


@pytest.fixture
async def served() -> AsyncGenerator[Served]:
    async with shared.serving() as served:
        yield served


def needs(is_there: object, program: str, package: str) -> None:
    """Skip a test whose real counterpart is missing, but never in CI."""
    if is_there:
        return
    if os.environ.get("CI") == "true":
        pytest.fail(f"{program} is missing: install {package}")
    pytest.skip(f"{program} is missing: nothing to compare with")


@pytest.fixture(scope="session")
def upsd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Run the real upsd with the same UPSes and users; yields its port."""
    needs(UPSD.exists(), str(UPSD), "nut-server")
    pytest_socket.enable_socket()
    folder = tmp_path_factory.mktemp("upsd")
    with running_upsd(folder, shared.DEVICES, shared.UPSD_USERS) as upsd:
        yield upsd.port


@pytest.fixture
def own_upsd(tmp_path: Path, socket_enabled: None) -> Iterator[Upsd]:
    """Run a real upsd for one test alone, with a certificate and a clock of its own."""
    clock = clock_library()
    needs(UPSD.exists(), str(UPSD), "nut-server")
    needs(shutil.which("certutil"), "certutil", "libnss3-tools")
    needs(clock, "libfaketime.so.1", "libfaketime")
    folder = tmp_path / "own-upsd"
    folder.mkdir()
    with running_upsd(
        folder, SIDE_DEVICES, shared.UPSD_USERS, extra=write_certificate(folder), clock=clock
    ) as upsd:
        yield upsd


@pytest.fixture(params=["ours", "upsd"])
async def side(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncGenerator[Side]:
    """Run a test against our server and then against the real upsd."""
    if request.param == "upsd":
        yield UpsdSide(request.getfixturevalue("own_upsd"))
        return
    async with shared.serving_with(replace(shared.settings(), tls=write_files(tmp_path))) as served:
        served.ups.set_names("ups", [ALIAS])
        yield OurSide(served)
