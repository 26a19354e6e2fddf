"""The clock of the machine that runs us."""

from datetime import UTC, datetime
from pathlib import Path
import time
from typing import Final, override

from .ports import Clock

UNKNOWN_BOOT: Final = "unknown"
_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")


class SystemClock(Clock):
    """Time as the kernel tells it.

    In a container both the boot id and the uptime are those of the kernel that it shares, in a
    virtual machine those of the guest. Either begins anew when the power was cut.
    """

    def __init__(self, boot_id_file: Path = _BOOT_ID) -> None:
        """Read the boot id once: it stays the same for as long as this process lives."""
        self._boot_id = _read(boot_id_file)

    @override
    def monotonic(self) -> float:
        return time.monotonic()

    @override
    def utc(self) -> datetime:
        return datetime.now(UTC)

    @property
    @override
    def boot_id(self) -> str:
        """The kernel's boot id, or `UNKNOWN_BOOT` where there is none (no Linux).

        The latter never changes, so it never looks as if the machine had started anew: that would
        count as mains on a system that cannot know.
        """
        return self._boot_id

    @override
    def uptime_s(self) -> float:
        # Linux stops its monotonic clock while the machine sleeps; its boot clock runs on.
        if hasattr(time, "CLOCK_BOOTTIME"):
            return time.clock_gettime(time.CLOCK_BOOTTIME)
        return time.monotonic()


def _read(path: Path) -> str:
    """Return the id in the file."""
    try:
        return path.read_text(encoding="ascii").strip() or UNKNOWN_BOOT
    except OSError:
        return UNKNOWN_BOOT
