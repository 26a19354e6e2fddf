"""Which queries a unit answers: asked of its capability pages, else probed with care."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
import logging
from types import MappingProxyType

from .errors import EchoError, InvalidReplyError, RejectedError, ReplyTimeoutError
from .models import LinkInfo
from .profiles import OMRON_VENDOR_ID
from .protocol import OmronProtocol
from .queries import CHARGE_REQUEST, QUERIES, CapabilityBit, Query

_LOGGER = logging.getLogger(__name__)

PAGES = (1, 2, 3, 4, 5)
_Q1_BIT = 1 << 31
_NO_PAGES: Mapping[int, int] = MappingProxyType({})


class Dialect(StrEnum):
    """What the unit is known to speak."""

    OMRON = "omron"
    """Q1 and whatever OMRON command the unit turns out to know."""
    MEGATEC = "megatec"
    """Q1 alone; nothing else is ever sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What to ask a unit."""

    announced: tuple[Query, ...] = ()
    """Queries that a capability page or an answer vouches for."""
    unproven: tuple[Query, ...] = ()
    """Queries to try; the first refusal ends it."""
    is_omron: bool = False
    """Whether the unit showed by VID or by an answer that it speaks OMRON's dialect."""
    is_final: bool = False
    """Whether nothing more can be learnt by asking once more."""
    pages: Mapping[int, int] = _NO_PAGES
    """The capability pages that could be read, by number."""

    def announces(self, place: CapabilityBit) -> bool | None:
        """Tell what the pages say of a command; None where its page could not be read."""
        if place.page not in self.pages:
            return None
        return bool(self.pages[place.page] >> place.bit & 1)


async def discover(
    protocol: OmronProtocol,
    link: LinkInfo,
    dialect: Dialect,
    known_pages: Mapping[int, int] = _NO_PAGES,
) -> Capabilities:
    """Find out what the unit answers, without sending it anything that could stop its output.

    A request that begins with S, T or C means shutdown, test or cancel to a plain Megatec unit,
    so those wait for a proof: the USB vendor id, or a valid answer to ``Bl ?``. Pages that were
    read before (`known_pages`, which `renewed` checks) are proof as well, and not read here.

    Raises:
        TransportError: the link failed.
    """
    if dialect is Dialect.MEGATEC:
        return Capabilities(is_final=True)
    is_omron = link.vendor_id == OMRON_VENDOR_ID or bool(known_pages)
    if not is_omron:
        try:
            await protocol.query(_charge_query())
            is_omron = True
        except (EchoError, InvalidReplyError, ReplyTimeoutError) as err:
            _LOGGER.debug("a plain Megatec unit, so only Q1 is asked: %s", err)
            return Capabilities(is_final=not isinstance(err, ReplyTimeoutError))
        except RejectedError as err:
            _LOGGER.debug("no proof of OMRON's dialect: %s", err)
            return Capabilities(unproven=tuple(row for row in QUERIES if not row.is_risky))
    pages = await _read_pages(protocol, known_pages)
    return Capabilities(
        announced=tuple(row for row in QUERIES if _is_announced(row, pages)),
        unproven=tuple(row for row in QUERIES if _is_open(row, pages)),
        is_omron=is_omron,
        pages=MappingProxyType(pages),
    )


async def renewed(protocol: OmronProtocol, pages: Mapping[int, int]) -> Mapping[int, int]:
    """Return `pages`, which were read before, as the unit says them now.

    It may be another unit since, or have another firmware. A page has changed only when it says so
    twice, and one that cannot be read now is believed as it was: without it there would be no
    command to stop the output.

    Raises:
        TransportError: the link failed.
    """
    return MappingProxyType(
        {page: await _renewed_page(protocol, page, before) for page, before in pages.items()}
    )


async def _renewed_page(protocol: OmronProtocol, page: int, before: int) -> int:
    try:
        now = await protocol.capability_page(page)
        if now == before or not _is_credible(page, now):
            return before
        return now if now == await protocol.capability_page(page) else before
    except (RejectedError, InvalidReplyError, ReplyTimeoutError) as err:
        _LOGGER.debug("capability page %d stays as it was: %s", page, err)
        return before


def _charge_query() -> Query:
    return next(row for row in QUERIES if row.request == CHARGE_REQUEST)


async def _read_pages(protocol: OmronProtocol, known: Mapping[int, int]) -> dict[int, int]:
    pages = dict(known)
    for page in (page for page in PAGES if page not in known):
        try:
            pages[page] = await protocol.capability_page(page)
        except (RejectedError, InvalidReplyError, ReplyTimeoutError) as err:
            _LOGGER.debug("no capability page %d: %s", page, err)
        if not _is_credible(page, pages.get(page, 0)):
            return {}
    return pages


def _is_credible(page: int, bits: int) -> bool:
    """Tell whether a page is worth anything: the first must not deny Q1, which is answered."""
    return page != PAGES[0] or bool(bits & _Q1_BIT)


def _is_announced(query: Query, pages: dict[int, int]) -> bool:
    place = query.capability
    return place is not None and bool(pages.get(place.page, 0) >> place.bit & 1)


def _is_open(query: Query, pages: dict[int, int]) -> bool:
    return query.capability is None or query.capability.page not in pages
