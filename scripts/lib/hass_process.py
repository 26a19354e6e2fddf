"""Run a Home Assistant of this checkout's .venv as a child process."""

import asyncio
from asyncio.subprocess import Process
from collections.abc import Mapping
from contextlib import AsyncExitStack, suppress
import os
from pathlib import Path
import signal
import sys
from types import MappingProxyType, TracebackType
from typing import Self

from aiohttp import ClientError, ClientSession

from scripts.lib.config_folder import CHECKOUT

# What Home Assistant ends with when somebody asks it to restart.
RESTART_EXIT_CODE = 100
_START_TIMEOUT_S = 120
# Home Assistant allows itself more, but the few integrations that we set up need little.
_STOP_TIMEOUT_S = 60


class HassError(Exception):
    """Home Assistant did not start, or ended by itself."""


class HassProcess:
    """One ``hass`` on a configuration folder; used as an asynchronous context manager."""

    def __init__(
        self,
        *,
        folder: Path,
        port: int,
        log: Path,
        program: str = "scripts.lib.hass",
        environment: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        """Prepare without starting anything.

        Args:
            folder: The configuration folder.
            port: The port that the folder's configuration says.
            log: Gets everything that Home Assistant prints, after what is in it.
            program: The module that starts it.
            environment: What it finds there beside ours, as it is at each start.
        """
        self._environment = environment
        self._program = program
        self.address = f"http://127.0.0.1:{port}"
        self._folder = folder
        self._port = port
        self._log = log
        self._process: Process | None = None

    async def __aenter__(self) -> Self:
        """Start Home Assistant and wait until its HTTP API answers.

        Raises:
            HassError: It ended by itself or did not answer in 120 s.
        """
        async with AsyncExitStack() as stack:
            stack.push_async_callback(self.stop)
            await self._start()
            stack.pop_all()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop Home Assistant."""
        await self.stop()

    @property
    def pid(self) -> int:
        """The process id of the running Home Assistant.

        Raises:
            HassError: None is running.
        """
        if self._process is None:
            raise HassError("Home Assistant is not running")
        return self._process.pid

    async def run(self) -> None:
        """Return when Home Assistant ends by itself; start it again when it was asked to restart.

        Raises:
            HassError: It ended with an error.
        """
        while self._process is not None:
            code = await self._process.wait()
            if code == 0:
                return
            if code != RESTART_EXIT_CODE:
                raise HassError(f"Home Assistant ended with exit code {code}")
            await self._start()

    async def stop(self) -> None:
        """Ask Home Assistant to stop and wait for its end; may be called at any time, and again."""
        process, self._process = self._process, None
        if process is None or process.returncode is not None:
            return
        process.send_signal(signal.SIGTERM)
        with suppress(TimeoutError):
            async with asyncio.timeout(_STOP_TIMEOUT_S):
                await process.wait()
                return
        process.kill()
        await process.wait()

    async def crash(self) -> None:
        """Kill Home Assistant in the middle of whatever it does.

        Raises:
            HassError: None is running.
        """
        if self._process is None:
            raise HassError("Home Assistant is not running")
        self._process.kill()
        await self._process.wait()

    async def start_again(self) -> None:
        """Start Home Assistant after it has ended, and wait until its HTTP API answers.

        Raises:
            HassError: It ended by itself or did not answer in 120 s.
        """
        await self._start()

    async def _start(self) -> None:
        command = (self._program, "--config", str(self._folder), "--skip-pip")
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                *command,
                "--log-no-color",
                cwd=CHECKOUT,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                # Where Home Assistant falls back to when it cannot use its configured address.
                env={**os.environ, **self._environment, "SETUP_PORT": str(self._port)},
                # Ctrl-C is for us; we stop Home Assistant in order.
                start_new_session=True,
            )
        try:
            async with asyncio.timeout(_START_TIMEOUT_S):
                await self._answers(self._process)
        except TimeoutError as err:
            raise HassError(f"Home Assistant did not answer in {_START_TIMEOUT_S} s") from err

    async def _answers(self, process: Process) -> None:
        async with ClientSession(self.address) as session:
            while process.returncode is None:
                # Nobody listens yet, or not all of it is up.
                with suppress(ClientError):
                    async with session.get("/manifest.json") as response:
                        if response.ok:
                            return
                await asyncio.sleep(0.2)
        raise HassError(
            f"Home Assistant ended with exit code {process.returncode} while it started"
        )
