"""Sends requests to targets: the intent is on disk before, the answer is noted after."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Coroutine
import logging
from typing import Any, Final

from .errors import RequestError
from .ledger import Ledger
from .models import Outcome, Reply
from .records import Answered, Asked

_LOGGER = logging.getLogger(__name__)

# Kinds bound themselves to 15 s; this is for one that does not.
LIMIT_S: Final = 20.0
DETAIL_LENGTH: Final = 500

type Call = Callable[[], Awaitable[Reply]]


class Requests:
    """All requests with an effect pass here, one at a time for each target.

    A request that has been begun is carried to its end: whoever waits for it may be cancelled
    because power came back, but what the host said is noted all the same.
    """

    def __init__(self, ledger: Ledger) -> None:
        """Note what happens in `ledger`."""
        self._ledger = ledger
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._tasks: set[asyncio.Task[Any]] = set()

    async def ask(self, asked: Asked, call: Call) -> Reply:
        """Send one request of a stop: intent, request, answer."""
        # Noted before anybody else can look whether it was: two intents are two requests.
        self._ledger.note(asked)
        return await self._carry(self._ask(asked, call), f"ask {asked.target_id} {asked.step}")

    async def do(self, target_id: str, name: str, call: Call) -> Reply:
        """Send a request that needs no intent, because it may be sent as often as you like."""
        return await self._carry(self._do(target_id, name, call), f"{name} {target_id}")

    async def settled(self, target_id: str) -> None:
        """Return once no request to this target is under way."""
        async with self._locks[target_id]:
            return

    async def close(self, limit_s: float) -> None:
        """Let requests that are under way end within `limit_s`, then give them up."""
        if not self._tasks:
            return
        _, late = await asyncio.wait(self._tasks, timeout=limit_s)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)

    async def _carry[ResultT](self, main: Coroutine[Any, Any, ResultT], name: str) -> ResultT:
        task = asyncio.create_task(main, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return await asyncio.shield(task)

    async def _ask(self, asked: Asked, call: Call) -> Reply:
        async with self._locks[asked.target_id]:
            await self._ledger.synced()
            reply = await guarded(f"{asked.target_id}, {asked.step}", call)
            self._ledger.note(
                Answered(
                    target_id=asked.target_id,
                    step=asked.step,
                    outcome=reply.outcome,
                    detail=reply.detail[:DETAIL_LENGTH],
                    was_sent=reply.was_sent,
                    is_escalation=asked.is_escalation,
                )
            )
            return reply

    async def _do(self, target_id: str, name: str, call: Call) -> Reply:
        async with self._locks[target_id]:
            return await guarded(f"{target_id}, {name}", call)


async def guarded(name: str, call: Call) -> Reply:
    """Return what came of a call; whatever it raises is an outcome, too."""
    try:
        async with asyncio.timeout(LIMIT_S):
            return await call()
    except RequestError as err:
        _LOGGER.warning("%s: %s", name, err)
        return err.reply
    except TimeoutError:
        _LOGGER.warning("%s: no end within %.0f s", name, LIMIT_S)
        return Reply(outcome=Outcome.UNKNOWN, detail="no answer in time")
    except Exception as err:
        # One kind's defect must not end the plan for the others.
        _LOGGER.exception("%s: failed in an unexpected way", name)
        return Reply(outcome=Outcome.UNKNOWN, detail=repr(err)[:DETAIL_LENGTH])
