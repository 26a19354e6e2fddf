"""Virtual time for tests with real sockets: the clock jumps only when nobody has sent anything."""

import asyncio
from collections.abc import Coroutine
import selectors
from typing import Any, override

# Server and client are in this very process, so what was sent is there at once; this is for the
# kernel, and for the threads that read certificates.
_REAL_S = 0.001


class _Patient(selectors.DefaultSelector):
    def __init__(self, loop: PatientLoop) -> None:
        super().__init__()
        self._loop = loop

    @override
    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(_REAL_S if timeout is None else min(timeout, _REAL_S))
        if not ready and timeout is not None:
            self._loop.now += timeout
        return ready


class PatientLoop(asyncio.SelectorEventLoop):
    """Begins at 1000 s."""

    def __init__(self) -> None:
        self.now = 1000.0
        super().__init__(_Patient(self))

    @override
    def time(self) -> float:
        return self.now


def run[ResultT](main: Coroutine[Any, Any, ResultT]) -> ResultT:
    """Run `main` on a loop of its own."""
    with asyncio.Runner(loop_factory=PatientLoop) as runner:
        return runner.run(main)
