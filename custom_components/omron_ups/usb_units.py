"""Units on the USB bus: what the config flow offers, and what an entry keeps of one."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from homeassistant.const import CONF_PORT
from homeassistant.helpers.selector import (
    BooleanSelector,
    SelectOptionDict,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
)
import probatio

from .const import CONF_OTHER_DEVICES, CONF_PRODUCT_ID, CONF_SERIAL, CONF_UNIT
from .driver import UsbIdentity, UsbUnit, UsbUnits

NO_UNITS: Final = UsbUnits(known=(), unknown=())


def identity_data(identity: UsbIdentity) -> dict[str, Any]:
    """Return what a config entry keeps of a unit."""
    return {
        CONF_PRODUCT_ID: identity.product_id,
        CONF_SERIAL: identity.serial,
        CONF_PORT: identity.port,
    }


def identity_of(data: Mapping[str, Any]) -> UsbIdentity:
    """Return the unit that the data of a config entry names."""
    return UsbIdentity(
        product_id=data[CONF_PRODUCT_ID], serial=data[CONF_SERIAL], port=data[CONF_PORT]
    )


def telling_apart(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return the part of the data by which a unit is known again: its serial, else its port."""
    place = CONF_PORT if data[CONF_SERIAL] is None else CONF_SERIAL
    return {name: data[name] for name in (CONF_PRODUCT_ID, place)}


def by_key(units: Iterable[UsbUnit]) -> dict[str, UsbUnit]:
    """Return the units by what the form calls them."""
    return {unit_key(unit.identity): unit for unit in units}


def usb_schema(units: UsbUnits, *, offers_other: bool) -> probatio.Schema:
    """Return the form; without a unit to choose it has no field, or just the way to the others.

    Args:
        units: What is attached.
        offers_other: Whether devices that are not known to be a UPS can be chosen too.

    """
    offered = (*units.known, *(units.unknown if offers_other else ()))
    fields: dict[probatio.Marker, object] = {}
    if offered:
        options = [
            SelectOptionDict(value=unit_key(unit.identity), label=_label(unit)) for unit in offered
        ]
        selector = SelectSelectorConfig(mode=SelectSelectorMode.LIST, options=options)
        default = options[0]["value"]
        fields[probatio.Required(CONF_UNIT, default=default)] = SelectSelector(selector)
    if units.unknown and not offers_other:
        fields[probatio.Required(CONF_OTHER_DEVICES, default=False)] = BooleanSelector()
    return probatio.Schema(fields)


def unit_key(identity: UsbIdentity) -> str:
    """Return what the form calls a unit."""
    return f"{identity.product_id:04x}/{identity.serial or ''}/{identity.port or ''}"


def _label(unit: UsbUnit) -> str:
    """Return what a person can tell the unit by."""
    identity = unit.identity
    details = (f"0590:{identity.product_id:04x}", identity.port, identity.serial)
    return f"{unit.model or 'OMRON'} ({', '.join(filter(None, details))})"
