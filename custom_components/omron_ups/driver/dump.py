"""What a unit says of itself, as data that can be attached to a report without telling secrets."""

from collections.abc import Iterable, Mapping
import re
from types import MappingProxyType
from typing import Any

from .ups import Ups

FORMAT = 1
_SERIAL_REQUEST = "PSNR"
_REFUSED = "NAK"
_PLACE_VARIABLE = "driver.parameter.port"


def make_dump(ups: Ups) -> dict[str, Any]:
    """Return every reply and every variable of a unit that was started, fit for JSON.

    The serial number keeps its length and padding, each character replaced by X, wherever it
    shows; where the unit is connected is left out. `load_replies` makes a device of it again.
    """
    serials = {text for text in (ups.state.serial, ups.link.serial) if text}
    link = ups.link
    return {
        "format": FORMAT,
        "link": {
            "manufacturer": link.manufacturer,
            "model": link.model,
            "vendor_id": link.vendor_id,
            "product_id": link.product_id,
        },
        "replies": _masked(dict(sorted(ups.replies.items())), serials),
        "variables": _masked(_without_place(ups.state.variables), serials),
        "commands": sorted(ups.commands),
        "writable": sorted(ups.writable),
    }


def load_replies(dump: Mapping[str, Any]) -> Mapping[str, str]:
    """Return request to reply, both without CR, of what `make_dump` made.

    Raises:
        ValueError: it is of a format that this version does not know.
    """
    if dump.get("format") != FORMAT:
        raise ValueError(f"a dump of format {dump.get('format')!r}, but only {FORMAT} is known")
    return MappingProxyType(dict(dump["replies"]))


def _without_place(variables: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in variables.items() if name != _PLACE_VARIABLE}


def _masked(texts: dict[str, str], secrets: Iterable[str]) -> dict[str, str]:
    for secret in secrets:
        texts = {name: text.replace(secret, "X" * len(secret)) for name, text in texts.items()}
    # Also where the reply was not fit to be read as a serial number.
    if texts.get(_SERIAL_REQUEST, _REFUSED) != _REFUSED:
        texts[_SERIAL_REQUEST] = re.sub(r"[^ #]", "X", texts[_SERIAL_REQUEST])
    return texts
