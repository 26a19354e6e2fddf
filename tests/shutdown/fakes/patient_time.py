"""Virtual time for tests with real sockets: the clock jumps only when nobody has anything to do."""

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor
import selectors
from typing import Any, override

# Server and client are in this very process, so what was sent is there at once; this is for the
# kernel.
_REAL_S = 0.001


class _Patient(selectors.DefaultSelector):
    def __init__(self, loop: PatientLoop) -> None:
        super().__init__()
        self._loop = loop

    @override
    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(_REAL_S if timeout is None else min(timeout, _REAL_S))
        if not ready and timeout is not None and not self._loop.at_work:
            self._loop.now += timeout
        return ready


class PatientLoop(asyncio.SelectorEventLoop):
    """Begins at 1000 s."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.at_work = 0
        """How many jobs threads are at: they take no time, however long they take."""
        super().__init__(_Patient(self))

    @override
    def time(self) -> float:
        return self.now

    @override
    def run_in_executor[*Ts, ResultT](
        self, executor: Executor | None, func: Callable[[*Ts], ResultT], *args: *Ts
    ) -> asyncio.Future[ResultT]:
        job = super().run_in_executor(executor, func, *args)
        self.at_work += 1
        job.add_done_callback(self._end_work)
        return job

    def _end_work(self, _job: asyncio.Future[Any]) -> None:
        self.at_work -= 1

    @override
    async def shutdown_default_executor(self, timeout: float | None = None) -> None:
        self.at_work += 1
        await super().shutdown_default_executor(timeout)
        self.at_work -= 1


def run[ResultT](main: Coroutine[Any, Any, ResultT]) -> ResultT:
    """Run `main` on a loop of its own."""
    with asyncio.Runner(loop_factory=PatientLoop) as runner:
        return runner.run(main)
