"""scripts/simulate starts what it is told, obeys, and leaves nothing behind."""

import asyncio
from collections.abc import Iterator
import os
from pathlib import Path
import signal
import subprocess

import pytest

from scripts.lib.simulator_cli import CliOptions, can_be_watched, main, parse_arguments, serve

SCRIPT = Path(__file__).parents[2] / "scripts" / "simulate"
LIMIT_S = 30


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    read, write = os.pipe()
    yield read, write
    os.close(read)
    os.close(write)


def test_without_arguments_a_bw55t_is_played() -> None:
    assert parse_arguments([]) == CliOptions()


def test_every_argument_is_read() -> None:
    arguments = ["--model", "bn150t", "--pty", "x", "--control", "5", "--time-scale", "60"]
    assert parse_arguments([*arguments, "--fast"]) == CliOptions(
        model="bn150t", pty=Path("x"), control=5, time_scale=60, fast=True
    )
    assert parse_arguments(["--tcp", "7"]) == CliOptions(tcp=7)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--model", "x"],
        ["--tcp", "1", "--pty", "x"],
        ["--tcp", "x"],
        ["--tcp", "-5"],
        ["--control", "65536"],
        ["x"],
    ],
)
def test_a_command_line_without_sense_is_refused(arguments: list[str]) -> None:
    with pytest.raises(SystemExit):
        parse_arguments(arguments)


async def test_commands_are_carried_out_line_by_line(pipe: tuple[int, int]) -> None:
    read, write = pipe
    said: asyncio.Queue[str] = asyncio.Queue()
    stop = asyncio.Event()
    options = CliOptions(tcp=0, control=0, fast=True)
    task = asyncio.create_task(
        serve(options, commands=read, stop=stop, say=said.put_nowait), name="simulator"
    )
    async with asyncio.timeout(LIMIT_S):
        assert await said.get() == "model: OMRON BW55T"
        assert (await said.get()).startswith("control: 127.0.0.1:")
        assert (await said.get()).startswith("device: 127.0.0.1:")
        os.write(write, b"mains off\n\nload")
        assert await said.get() == "ok: mains off"
        os.write(write, b" 50\n")
        assert await said.get() == "ok: load 50"
        stop.set()
        await task


async def test_the_unit_goes_on_when_the_commands_end() -> None:
    read, write = os.pipe()
    said: asyncio.Queue[str] = asyncio.Queue()
    stop = asyncio.Event()
    task = asyncio.create_task(
        serve(CliOptions(tcp=0), commands=read, stop=stop, say=said.put_nowait), name="simulator"
    )
    async with asyncio.timeout(LIMIT_S):
        os.write(write, b"mains off\n")
        os.close(write)
        while await said.get() != "ok: mains off":
            pass
        await asyncio.sleep(0)
        assert not task.done()
        stop.set()
        await task
    os.close(read)


def test_terminals_and_pipes_can_be_watched_and_files_can_not(
    pipe: tuple[int, int], tmp_path: Path
) -> None:
    master, slave = os.openpty()
    file = os.open(tmp_path / "file", os.O_CREAT | os.O_RDONLY)
    assert can_be_watched(pipe[0])
    assert can_be_watched(slave)
    assert not can_be_watched(file)
    for descriptor in (master, slave, file):
        os.close(descriptor)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_and_the_link_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    link = tmp_path / "ups"
    said = []

    def say(line: str) -> None:
        said.append(line)
        if line.startswith("device: "):
            assert link.is_symlink()
            os.kill(os.getpid(), number)

    with Path("/dev/null").open() as nothing:
        monkeypatch.setattr("sys.stdin", nothing)
        assert main(["--pty", str(link), "--model", "bn150t"], say=say) == 0
    assert said == ["model: OMRON BN150T", f"device: {link}"]
    assert not link.is_symlink()


@pytest.mark.parametrize(
    ("arguments", "error"),
    [(["--time-scale", "0"], "time scale"), (["--pty", "/dev/null"], "File exists")],
)
def test_what_cannot_be_started_is_said_in_words(
    monkeypatch: pytest.MonkeyPatch, arguments: list[str], error: str
) -> None:
    said: list[str] = []
    with Path("/dev/null").open() as nothing:
        monkeypatch.setattr("sys.stdin", nothing)
        assert main(arguments, say=said.append) == 1
    assert said[-1].startswith("simulate: ")
    assert error in said[-1]


def test_the_script_plays_obeys_and_cleans_up(tmp_path: Path) -> None:
    link = tmp_path / "ups"
    process = subprocess.Popen(
        [SCRIPT, "--pty", link, "--control", "0", "--time-scale", "60"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        bufsize=1,
    )
    try:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline() == "model: OMRON BW55T\n"
        assert process.stdout.readline().startswith("control: 127.0.0.1:")
        assert process.stdout.readline() == f"device: {link}\n"
        process.stdin.write("charge 30\n")
        assert process.stdout.readline() == "ok: charge 30\n"
        process.send_signal(signal.SIGTERM)
        assert process.wait(LIMIT_S) == 0
        assert not link.is_symlink()
    finally:
        process.kill()
        process.communicate()
