"""What a unit is asked, and above all what it is never sent."""

from typing import override

import pytest

from custom_components.omron_ups.driver.capabilities import Capabilities, Dialect, discover, renewed
from custom_components.omron_ups.driver.errors import ReplyTimeoutError
from custom_components.omron_ups.driver.models import LinkInfo
from custom_components.omron_ups.driver.protocol import OmronProtocol
from custom_components.omron_ups.driver.queries import Query

USB = LinkInfo(vendor_id=0x0590, product_id=0x00D0)
SERIAL = LinkInfo()
BW55T_PAGES = {
    "CF": "11000011 10011000 01110110 00000110 *1",
    "CF2": "00000000 01000101 00000110 01000000 *2",
    "CF3": "00010000 00000000 00000000 00000000 *3",
    "CF4": "11110000 00001001 00000100 00000000 *4",
    "CF5": "00000000 00011000 00000000 00000000 *5",
}
UNANNOUNCED = {"LC", "Si ?", "TBN ?"}


class Unit:
    """Answers from a table, with NAK, an echo or silence to everything else."""

    def __init__(self, replies: dict[str, str], *, otherwise: str = "NAK") -> None:
        """Answer `replies`; `otherwise` may be NAK, echo or silence."""
        self.replies = replies
        self.otherwise = otherwise
        self.asked: list[str] = []

    async def exchange(self, request: bytes) -> bytes:
        """Answer one request."""
        text = request.decode().removesuffix("\r")
        self.asked.append(text)
        if text in self.replies:
            return self.replies[text].encode()
        if self.otherwise == "silence":
            raise ReplyTimeoutError
        return b"NAK" if self.otherwise == "NAK" else text.encode()

    async def discover(
        self, link: LinkInfo = SERIAL, dialect: Dialect = Dialect.OMRON
    ) -> Capabilities:
        """Run the discovery against this unit."""
        return await discover(OmronProtocol(self.exchange), link, dialect)


def requests(queries: tuple[Query, ...]) -> set[str]:
    """Name the queries."""
    return {query.request for query in queries}


async def test_the_pages_say_what_a_bw55t_answers() -> None:
    found = await Unit({"Bl ?": "100", **BW55T_PAGES}).discover()
    assert requests(found.announced) == {
        *("Bl ?", "RTS", "TPb", "Lf ?", "PSNR", "FWV", "UN", "Bv", "V", "V2", "V3"),
        *("Ss ?", "Bld ?", "Rbv ?", "Rbd ?"),
    }
    assert requests(found.unproven) == UNANNOUNCED
    assert found.is_omron


async def test_a_usb_unit_of_omron_needs_no_further_proof() -> None:
    unit = Unit(BW55T_PAGES)
    found = await unit.discover(USB)
    assert unit.asked == ["CF", "CF2", "CF3", "CF4", "CF5"]
    assert found.is_omron


async def test_the_megatec_dialect_sends_nothing() -> None:
    unit = Unit({"Bl ?": "100", **BW55T_PAGES})
    assert await unit.discover(dialect=Dialect.MEGATEC) == Capabilities(is_final=True)
    assert unit.asked == []


@pytest.mark.parametrize("otherwise", ["echo", "silence"])
async def test_a_plain_megatec_unit_is_asked_for_its_charge_and_nothing_else(
    otherwise: str,
) -> None:
    unit = Unit({}, otherwise=otherwise)
    # Silence may have been a bad moment of the link, an echo is an answer.
    assert await unit.discover() == Capabilities(is_final=otherwise == "echo")
    assert unit.asked == ["Bl ?"]


async def test_nonsense_in_place_of_the_charge_ends_the_probing() -> None:
    unit = Unit({"Bl ?": "(no idea"})
    assert await unit.discover() == Capabilities(is_final=True)
    assert set(unit.asked) == {"Bl ?"}


async def test_a_unit_that_refuses_its_charge_is_probed_without_the_risky_requests() -> None:
    unit = Unit({})
    found = await unit.discover()
    assert unit.asked == ["Bl ?"]
    assert not found.is_omron
    assert found.announced == ()
    assert not any(request[0] in "STC" for request in requests(found.unproven))
    assert "RTS" in requests(found.unproven)


@pytest.mark.parametrize(
    "first_page", ["NAK", "", "00000000 00000000 00000000 00000000 *1", "1100001 10011000"]
)
async def test_without_a_usable_first_page_everything_is_probed(first_page: str) -> None:
    found = await Unit({"Bl ?": "100", **BW55T_PAGES, "CF": first_page}).discover()
    assert found.announced == ()
    assert {"RTS", "Ss ?", "LC"} <= requests(found.unproven)
    assert found.is_omron


async def test_the_queries_of_a_missing_page_are_probed() -> None:
    pages = {name: page for name, page in BW55T_PAGES.items() if name != "CF4"}
    found = await Unit({"Bl ?": "100", **pages}).discover()
    assert requests(found.unproven) == UNANNOUNCED | {"PSNR", "UN", "TPb", "Ss ?", "Rbv ?"}
    assert "RTS" in requests(found.announced)


NO_LOAD_SETTINGS = "11000011 10011000 01110110 00000010 *1"


class Changing(Unit):
    """Answers each request from a list, the last for ever."""

    def __init__(self, *answers: str) -> None:
        """Answer a page with `answers`, one after the other."""
        super().__init__({})
        self._answers = list(answers)

    @override
    async def exchange(self, request: bytes) -> bytes:
        """Answer one request."""
        self.replies = {request.decode().removesuffix("\r"): self._answers[0]}
        del self._answers[: len(self._answers) > 1]
        return await super().exchange(request)


@pytest.mark.parametrize(
    ("answers", "is_changed"),
    [
        ((BW55T_PAGES["CF"],), False),
        ((NO_LOAD_SETTINGS,), True),
        ((NO_LOAD_SETTINGS, BW55T_PAGES["CF"]), False),
        ((NO_LOAD_SETTINGS, "NAK"), False),
        (("NAK",), False),
        (("nonsense",), False),
        (("00000000 00000000 00000000 00000000 *1",), False),
    ],
)
async def test_a_page_of_another_connection_changes_only_on_good_evidence(
    answers: tuple[str, ...], *, is_changed: bool
) -> None:
    before = {1: int(BW55T_PAGES["CF"][:35].replace(" ", ""), 2)}
    after = await renewed(OmronProtocol(Changing(*answers).exchange), before)
    changed = {1: int(NO_LOAD_SETTINGS[:35].replace(" ", ""), 2)}
    assert dict(after) == (changed if is_changed else before)
