"""A device made of a dump: it answers every request as it was answered once."""

from collections.abc import Mapping
import json
from pathlib import Path
from typing import Any, override

from custom_components.omron_ups.driver import LinkInfo, Transport, load_replies


class ReplayTransport(Transport):
    """Leads to the unit of a dump; what was never asked there is refused."""

    def __init__(self, dump: Mapping[str, Any]) -> None:
        """Answer from `dump`."""
        super().__init__(label="replay")
        self.requests: list[str] = []
        self._replies = load_replies(dump)
        self._link = LinkInfo(**dump["link"])
        self._request = ""

    @property
    @override
    def info(self) -> LinkInfo:
        return self._link

    @override
    async def _open(self) -> None:
        """Nothing to open."""

    @override
    async def _close(self) -> None:
        """Nothing to close."""

    @override
    async def _discard(self) -> None:
        """Nothing comes unasked."""

    @override
    async def _send(self, request: bytes) -> None:
        self._request = request.decode("ascii").removesuffix("\r")
        self.requests.append(self._request)

    @override
    async def _receive(self) -> bytes:
        return self._replies.get(self._request, "NAK").encode("latin-1")


def read_dump(path: Path) -> dict[str, Any]:
    """Read a dump from a file."""
    dump: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return dump
