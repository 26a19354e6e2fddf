"""What the end-to-end tests wait for."""

import asyncio
from collections.abc import Awaitable, Callable

PATIENCE_S = 90
"""Far more than anything here takes, on a machine that has a lot to do."""
_POLL_S = 0.1


async def becomes(
    expected: object,
    look: Callable[[], Awaitable[object]],
    *,
    patience_s: float = PATIENCE_S,
) -> None:
    """Wait until ``look`` returns what is expected; fail with what it returned instead."""
    seen = await look()
    try:
        async with asyncio.timeout(patience_s):
            while seen != expected:
                await asyncio.sleep(_POLL_S)
                seen = await look()
    except TimeoutError:
        raise AssertionError(f"still {seen!r} instead of {expected!r}") from None
