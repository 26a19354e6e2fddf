"""What NUT clients may change at the UPS, and the way there."""

from collections.abc import Awaitable, Mapping
from typing import Final

from .driver import OutOfRangeError, UnconfirmedError, UpsError, UpsSource
from .nut import ControlArgumentError, ControlError, ControlUnknownError, Writable

# The first row that fits wins.
_REFUSALS: Final[Mapping[type[UpsError], type[ControlError]]] = {
    OutOfRangeError: ControlArgumentError,
    UnconfirmedError: ControlUnknownError,
    UpsError: ControlError,
}


class UpsControls:
    """The driver as the NUT server sees it: its Controls."""

    def __init__(self, ups: UpsSource) -> None:
        """Act on `ups`."""
        self._ups = ups

    async def set_variable(self, name: str, value: str) -> None:
        """Write a variable; see Controls.set_variable."""
        await _carry_out(self._ups.set_variable(name, value))

    async def run_command(self, name: str, parameter: str | None) -> None:
        """Run an instant command; see Controls.run_command."""
        await _carry_out(self._ups.command(name, parameter))


def writable_by_clients(ups: UpsSource) -> dict[str, Writable]:
    """Return the variables that NUT clients may be allowed to write.

    A wrong value of the others can destroy what is attached, and no account has a right for that.
    """
    return {
        name: Writable(max_length=rule.max_length, enum=rule.enum, ranges=rule.ranges)
        for name, rule in ups.writable.items()
        if not rule.is_dangerous
    }


async def _carry_out(request: Awaitable[None]) -> None:
    try:
        await request
    except UpsError as err:
        kind = next(kind for cause, kind in _REFUSALS.items() if isinstance(err, cause))
        raise kind(str(err)) from err
