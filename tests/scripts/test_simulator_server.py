"""Other programs reach the simulated UPS on a terminal and on TCP."""

import asyncio
from collections.abc import AsyncIterator
import os
from pathlib import Path

import pytest
import serialx

from custom_components.omron_ups.driver.simulator.faults import Fault, FaultKind
from custom_components.omron_ups.driver.simulator.unit import SimulatedUps
from scripts.lib.simulator_server import (
    NO_PACING,
    SERIAL_PACING,
    ControlServer,
    Pacing,
    PtyServer,
    RequestBuffer,
    TcpServer,
    answer,
)
from tests.driver.simulated import make_ups

Q1 = b"(103.7 000.0 103.8 012 50.1 13.7 25.9 00101000\r"
LIMIT_S = 10


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.fixture
def ups() -> SimulatedUps:
    return make_ups()


@pytest.fixture
async def connection(
    ups: SimulatedUps,
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    async with TcpServer(ups) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        yield reader, writer
        writer.close()
        await writer.wait_closed()


# -- requests -------------------------------------------------------------------------------------


def test_requests_end_at_cr_however_they_arrive() -> None:
    buffer = RequestBuffer()
    assert buffer.feed(b"Q") == []
    assert buffer.feed(b"1\rBl") == [b"Q1\r"]
    assert buffer.feed(b" ?\rRTS\r") == [b"Bl ?\r", b"RTS\r"]


def test_padding_to_the_size_of_a_usb_report_is_dropped() -> None:
    buffer = RequestBuffer()
    assert buffer.feed(b"Q1\r".ljust(16, b"\0")) == [b"Q1\r"]
    assert buffer.feed(b"S.5R0000" + b"3\r".ljust(8, b"\0")) == [b"S.5R00003\r"]


def test_a_flood_without_cr_does_not_pile_up() -> None:
    buffer = RequestBuffer()
    for _ in range(100):
        assert buffer.feed(b"x" * 1000) == []
    (request,) = buffer.feed(b"\r")
    assert len(request) < 100


async def test_a_paced_answer_takes_its_time_byte_by_byte(
    ups: SimulatedUps, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept = []
    written = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    async def write(data: bytes) -> None:
        written.append(data)

    monkeypatch.setattr(asyncio, "sleep", sleep)
    await answer(ups, b"Q1\r", pacing=SERIAL_PACING, write=write)
    assert b"".join(written) == Q1
    assert len(written) == len(Q1)
    # The BN75T's log has 243 ms for this exchange.
    assert sum(slept) == pytest.approx(0.243, abs=0.001)


async def test_pieces_come_with_a_gap_and_a_lost_link_is_silence(ups: SimulatedUps) -> None:
    written = []

    async def write(data: bytes) -> None:
        written.append(data)

    ups.inject(Fault(kind=FaultKind.SPLIT))
    await answer(ups, b"Q1\r", pacing=NO_PACING, write=write)
    assert len(written) == 6
    ups.unplug()
    await answer(ups, b"Q1\r", pacing=NO_PACING, write=write)
    assert b"".join(written) == Q1


# -- terminal -------------------------------------------------------------------------------------


async def test_serialx_reads_the_unit_on_a_terminal(ups: SimulatedUps, tmp_path: Path) -> None:
    link = tmp_path / "ups"
    async with PtyServer(ups, link=link) as server:
        assert server.place == str(link)
        port = serialx.async_serial_for_url(str(link), baudrate=2400)
        await port.open()
        async with asyncio.timeout(LIMIT_S):
            await port.write(b"Q1\r")
            assert await port.readexactly(len(Q1)) == Q1
            await port.write(b"RTS\r" + bytes(12))
            assert await port.readexactly(5) == b"0065\r"
        await port.close()
    assert not link.is_symlink()


async def test_the_terminal_survives_clients_and_keeps_its_pace(ups: SimulatedUps) -> None:
    pacing = Pacing(byte_s=0.0001, turnaround_s=0.001)
    async with PtyServer(ups, pacing=pacing) as server:
        for _ in range(2):
            port = serialx.async_serial_for_url(server.place, baudrate=2400)
            await port.open()
            async with asyncio.timeout(LIMIT_S):
                await port.write(b"Bl ?\rQ1\r")
                assert await port.readexactly(4 + len(Q1)) == b"100\r" + Q1
            await port.close()


async def test_bytes_that_nobody_reads_are_lost_and_harm_nobody(ups: SimulatedUps) -> None:
    async with PtyServer(ups) as server:
        device = os.open(server.place, os.O_WRONLY | os.O_NOCTTY)
        for _ in range(400):
            await asyncio.to_thread(os.write, device, b"Q1\r" * 5)
        os.close(device)
        port = serialx.async_serial_for_url(server.place, baudrate=2400)
        await port.open()
        async with asyncio.timeout(LIMIT_S):
            await port.write(b"Bl ?\r")
            while b"100\r" not in await port.readuntil(b"\r"):
                pass
        await port.close()


async def test_closing_twice_leaves_nothing(ups: SimulatedUps, tmp_path: Path) -> None:
    link = tmp_path / "ups"
    server = PtyServer(ups, link=link)
    await server.close()
    before = open_files()
    await server.start()
    await server.close()
    await server.close()
    assert open_files() == before
    assert not link.is_symlink()


async def test_a_link_left_by_a_killed_simulator_is_replaced(
    ups: SimulatedUps, tmp_path: Path
) -> None:
    link = tmp_path / "ups"
    link.symlink_to("/dev/pts/99999")
    async with PtyServer(ups, link=link):
        assert str(link.readlink()) != "/dev/pts/99999"


async def test_nothing_else_is_replaced(ups: SimulatedUps, tmp_path: Path) -> None:
    place = tmp_path / "ups"
    place.write_text("mine")
    before = open_files()
    with pytest.raises(FileExistsError):
        await PtyServer(ups, link=place).start()
    assert place.read_text() == "mine"
    assert open_files() == before


async def test_a_link_that_somebody_took_over_is_left_alone(
    ups: SimulatedUps, tmp_path: Path
) -> None:
    link = tmp_path / "ups"
    async with PtyServer(ups, link=link):
        link.unlink()
        link.symlink_to("/dev/null")
    assert str(link.readlink()) == "/dev/null"


# -- TCP ------------------------------------------------------------------------------------------


async def test_a_plain_client_reads_the_unit_on_tcp(
    connection: tuple[asyncio.StreamReader, asyncio.StreamWriter],
) -> None:
    reader, writer = connection
    writer.write(b"Q1\rBl ?\r")
    async with asyncio.timeout(LIMIT_S):
        assert await reader.readexactly(len(Q1)) == Q1
        assert await reader.readuntil(b"\r") == b"100\r"


async def test_serialx_reads_the_unit_through_a_socket_url(ups: SimulatedUps) -> None:
    async with TcpServer(ups) as server:
        assert server.place == f"127.0.0.1:{server.port}"
        port = serialx.async_serial_for_url(f"socket://{server.place}", baudrate=2400)
        await port.open()
        async with asyncio.timeout(LIMIT_S):
            await port.write(b"Q1\r")
            assert await port.readexactly(len(Q1)) == Q1
        await port.close()


async def test_clients_share_one_unit(ups: SimulatedUps) -> None:
    async with TcpServer(ups) as server, asyncio.timeout(LIMIT_S):
        first, second = [await asyncio.open_connection("127.0.0.1", server.port) for _ in range(2)]
        first[1].write(b"BLD055\r")
        assert await first[0].readuntil(b"\r") == b"OK\r"
        second[1].write(b"Bld ?\r")
        assert await second[0].readuntil(b"\r") == b"055\r"
        for _, writer in (first, second):
            writer.close()


async def test_closing_the_server_ends_its_clients(ups: SimulatedUps) -> None:
    server = TcpServer(ups)
    await server.close()
    await server.start()
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(b"Bl ?\r")
    async with asyncio.timeout(LIMIT_S):
        await reader.readuntil(b"\r")
        await server.close()
        await server.close()
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await reader.readexactly(1)
    writer.close()


async def test_a_taken_port_is_an_error(ups: SimulatedUps) -> None:
    async with TcpServer(ups) as server:
        with pytest.raises(OSError, match="address already in use"):
            await TcpServer(ups, port=server.port).start()


# -- control --------------------------------------------------------------------------------------


async def test_the_control_port_answers_each_line_with_one(ups: SimulatedUps) -> None:
    async with ControlServer(ups) as server, asyncio.timeout(LIMIT_S):
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(b"mains off\nload 200\n\xff\n")
        assert await reader.readline() == b"ok: mains off\n"
        assert await reader.readline() == b"error: load 200 % is not between 0 and 150\n"
        assert (await reader.readline()).startswith(b"error: unknown command")
        assert not ups.mains
        writer.write_eof()
        assert await reader.read() == b""
        writer.close()


async def test_a_line_without_end_is_refused(ups: SimulatedUps) -> None:
    async with ControlServer(ups) as server, asyncio.timeout(LIMIT_S):
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(b"x" * 5000)
        assert await reader.readline() == b"error: the line is too long\n"
        writer.close()
