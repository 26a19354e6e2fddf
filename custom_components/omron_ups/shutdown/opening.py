"""Opens and closes the targets of a plan; one that fails does not take the others with it."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable
import logging
from typing import Any, Final

from .target import Target

_LOGGER = logging.getLogger(__name__)

OPEN_LIMIT_S: Final = 10.0
CLOSE_LIMIT_S: Final = 5.0


async def open_all(targets: Iterable[Target]) -> None:
    """Open targets side by side; what goes wrong is logged."""
    await asyncio.gather(*(_guarded(target, target.open, OPEN_LIMIT_S) for target in targets))


async def close_all(targets: Iterable[Target]) -> None:
    """Close targets side by side; what goes wrong is logged."""
    await asyncio.gather(*(_guarded(target, target.close, CLOSE_LIMIT_S) for target in targets))


async def _guarded(
    target: Target, call: Callable[[], Coroutine[Any, Any, None]], limit_s: float
) -> None:
    try:
        async with asyncio.timeout(limit_s):
            await call()
    except Exception:
        _LOGGER.exception("%s: cannot be opened or closed", target.spec.name)
