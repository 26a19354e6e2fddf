"""An event loop whose clock jumps to the next timer: hours of driver and simulator in moments."""

import asyncio
from collections.abc import Coroutine
import selectors
from typing import Any, override


class _Jump(selectors.DefaultSelector):
    """Waits for nobody: where the loop would sleep, its clock moves on instead."""

    def __init__(self, loop: VirtualTimeLoop) -> None:
        """Belong to `loop`."""
        super().__init__()
        self._loop = loop

    @override
    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        assert timeout is not None, "everybody waits, and no timer runs: a deadlock"
        self._loop.now += timeout
        return super().select(0)


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """Runs timers in order, as fast as they can be run."""

    def __init__(self) -> None:
        """Begin at 1000 s."""
        self.now = 1000.0
        super().__init__(_Jump(self))

    @override
    def time(self) -> float:
        return self.now


def run[ResultT](main: Coroutine[Any, Any, ResultT]) -> ResultT:
    """Run `main` on a loop of its own; an exception in a callback or a forgotten task fails it."""
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(main)
