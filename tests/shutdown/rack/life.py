"""One life of Home Assistant: everything that is gone at once when it crashes."""

import asyncio
from collections.abc import Callable, Coroutine
from contextvars import ContextVar, copy_context
from dataclasses import dataclass, field
from typing import Any

_LIFE: ContextVar[Life | None] = ContextVar("life", default=None)


class Crashed(asyncio.CancelledError):
    """Raised in whatever a dead Home Assistant would have done next."""


@dataclass(slots=True)
class Points:
    """Numbers every moment at which a crash could make a difference.

    Between two of them nothing of a process reaches the world outside it, so a crash at any line
    is a crash at one of them.
    """

    now: Callable[[], float]
    reached: list[tuple[float, str]] = field(default_factory=list)
    """When each was passed, and what it was."""
    injections: dict[int, Callable[[], None]] = field(default_factory=dict)

    def reach(self, label: str) -> None:
        """Pass the next point; what was injected there happens."""
        number = len(self.reached)
        self.reached.append((self.now(), label))
        if inject := self.injections.pop(number, None):
            inject()


class Life:
    """Knows every task of one process, and ends them all without giving them a say."""

    def __init__(self, points: Points) -> None:
        """Begin to live."""
        self.is_dead = False
        self.points = points
        self.tasks: dict[asyncio.Task[Any], None] = {}
        self.fsd: dict[str, None] = {}
        self._context = copy_context()
        self._context.run(_LIFE.set, self)

    def spawn[ResultT](self, main: Coroutine[Any, Any, ResultT]) -> asyncio.Task[ResultT]:
        """Run a coroutine as part of this process."""
        return asyncio.get_running_loop().create_task(main, context=self._context)

    def call[**P, ResultT](
        self, function: Callable[P, ResultT], *args: P.args, **kwargs: P.kwargs
    ) -> ResultT:
        """Call a function as part of this process."""
        return self._context.run(function, *args, **kwargs)

    def check(self) -> None:
        """Do nothing as long as the process lives.

        Raises:
            Crashed: it died; nothing that it does reaches the world any more.

        """
        if self.is_dead:
            raise Crashed

    def point(self, label: str) -> None:
        """Pass a point at which the process may die.

        Raises:
            Crashed: it did.

        """
        self.check()
        self.points.reach(label)
        self.check()

    def die(self) -> None:
        """End at once; what is in flight is lost."""
        self.is_dead = True
        self.fsd.clear()
        for task in [*self.tasks]:
            task.cancel()

    def alive_tasks(self) -> list[str]:
        """Return the names of the tasks that still run."""
        return [task.get_name() for task in self.tasks if not task.done()]


def track_tasks(loop: asyncio.AbstractEventLoop) -> None:
    """Let each process know the tasks that it makes."""

    def factory(
        owner: asyncio.AbstractEventLoop, main: Coroutine[Any, Any, Any], **options: Any
    ) -> asyncio.Task[Any]:
        context = options.get("context")
        life = context.get(_LIFE) if context is not None else _LIFE.get()
        task = asyncio.Task(main, loop=owner, **options)
        if life is not None and not task.done():
            life.tasks[task] = None
            task.add_done_callback(lambda done: life.tasks.pop(done, None))
            if life.is_dead:
                task.cancel()
        return task

    loop.set_task_factory(factory)
