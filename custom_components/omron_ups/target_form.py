"""The forms of targets: what their kind asks for, and what all of them have in common."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from homeassistant.config_entries import ConfigEntry
from homeassistant.const import UnitOfTime
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import section
from homeassistant.helpers.selector import (
    BooleanSelector,
    EntitySelector,
    NumberSelector,
    NumberSelectorConfig,
    NumberSelectorMode,
    ObjectSelector,
    SelectOptionDict,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
    TargetSelector,
    TextSelector,
    TextSelectorConfig,
    TextSelectorType,
)
import probatio

from .const import (
    CONF_ADDRESS,
    CONF_BROADCAST,
    CONF_GRACE,
    CONF_IS_DATA_SOURCE,
    CONF_MAC,
    CONF_OWN_TIMER,
    CONF_PING,
    CONF_PORTS,
    CONF_REMOVE,
    CONF_REMOVE_SECURE_ON,
    CONF_RETURNS_BY_ITSELF,
    CONF_RUNS_ON,
    CONF_SECOND_FEED,
    CONF_SECURE_ON,
    CONF_STAGE,
    CONF_TIME_LIMIT,
    CONF_USES,
    CONF_WAKE_LIMIT,
    DOMAIN,
    SECTION_ADVANCED,
    SECTION_RELATIONS,
    SECTION_VERIFY,
    SECTION_WAKE,
)
from .plan_options import target_subentries
from .shutdown.fields import Field, FieldType
from .shutdown.kinds import Kind
from .shutdown.specs import TargetSpec, Verify, WakeOnLan

_BOX: Final = NumberSelectorMode.BOX
_MAX_STAGE: Final = 99
_HOUR_S: Final = 3600
_HALF_DAY_MIN: Final = 720

BY_DIALOGUE: Final = frozenset(
    {FieldType.KEY_PAIR, FieldType.HOST_KEY, FieldType.FINGERPRINT, FieldType.DEVICE_TOKEN}
)
"""What nobody enters by hand: the flow makes or fetches it, and the user confirms."""

type _Selector = object
type _Fields = dict[probatio.Marker, _Selector]


def options_schema(
    fields: Sequence[Field],
    *,
    hass: HomeAssistant,
    stored: Mapping[str, Any],
) -> dict[probatio.Marker, Any]:
    """Return the part of the form that a kind asks for.

    Args:
        fields: Its rows.
        hass: Home Assistant, whose actions can be chosen.
        stored: The options that are known already: an empty field keeps a secret among them.

    """
    keeps_secrets = bool(stored)
    shown = [field for field in fields if field.type not in BY_DIALOGUE]
    plain = _rows(hass, (f for f in shown if not f.is_advanced), keeps_secrets=keeps_secrets)
    advanced = _rows(hass, (f for f in shown if f.is_advanced), keeps_secrets=keeps_secrets)
    optional = [f.name for f in shown if f.is_secret and not f.is_required and f.name in stored]
    if optional:
        plain[probatio.Optional(CONF_REMOVE)] = _choice_of(optional)
    if not advanced:
        return plain
    inner = section(probatio.Schema(advanced), {"collapsed": True})
    return {**plain, probatio.Required(SECTION_ADVANCED): inner}


def flat_options(
    user_input: Mapping[str, Any], fields: Sequence[Field], stored: Mapping[str, Any]
) -> dict[str, Any]:
    """Return what was entered for the fields of a kind.

    Secrets that were not entered anew are those that are stored, unless they are to be removed.
    """
    given = {**user_input, **user_input.get(SECTION_ADVANCED, {})}
    removed = user_input.get(CONF_REMOVE, ())
    options: dict[str, Any] = {}
    for field in fields:
        if field.type in BY_DIALOGUE:
            continue
        value = given.get(field.name)
        if value in (None, "", [], {}) and field.is_secret and field.name not in removed:
            value = stored.get(field.name)
        if value not in (None, "", [], {}):
            options[field.name] = int(value) if field.type is FieldType.INTEGER else value
    return options


def shown_options(options: Mapping[str, Any], fields: Sequence[Field]) -> dict[str, Any]:
    """Return what a form may show of stored options: everything but secrets."""
    shown: dict[str, Any] = {SECTION_ADVANCED: {}}
    for field in fields:
        if field.name in options and not field.is_secret:
            place = shown[SECTION_ADVANCED] if field.is_advanced else shown
            place[field.name] = options[field.name]
    return shown


def plan_part_schema(
    hass: HomeAssistant,
    entry: ConfigEntry,
    *,
    kind: Kind,
    subentry_id: str | None,
    has_secure_on: bool,
) -> probatio.Schema:
    """Return the form of what all targets have in common.

    Args:
        hass: Home Assistant.
        entry: The UPS.
        kind: The kind of the target, which knows what most people want.
        subentry_id: The target that is changed, None for a new one.
        has_secure_on: Whether a SecureOn password is stored, which may be removed.

    """
    sections = {
        SECTION_VERIFY: _verify(kind),
        SECTION_WAKE: _wake(has_secure_on=has_secure_on),
        SECTION_RELATIONS: _relations(hass, entry, subentry_id),
    }
    return probatio.Schema(
        {
            probatio.Required(CONF_STAGE, default=kind.stage): _integer(0, _MAX_STAGE),
            probatio.Required(CONF_TIME_LIMIT, default=round(kind.time_limit_s)): _seconds(
                5, _HOUR_S
            ),
            **{
                probatio.Required(name): section(probatio.Schema(fields), {"collapsed": True})
                for name, fields in sections.items()
                if fields
            },
        }
    )


def _rows(
    hass: HomeAssistant, fields: Iterable[Field], *, keeps_secrets: bool
) -> dict[probatio.Marker, Any]:
    return {
        _marker(field, keeps_secrets=keeps_secrets): _SELECTORS[field.type](hass, field)
        for field in fields
    }


def _marker(field: Field, *, keeps_secrets: bool) -> probatio.Marker:
    if not field.is_required or (field.is_secret and keeps_secrets):
        if field.default is None or field.type is FieldType.TEXT:
            return probatio.Optional(field.name)
        return probatio.Optional(field.name, default=field.default)
    if field.default is None:
        return probatio.Required(field.name)
    return probatio.Required(field.name, default=field.default)


def _text(_hass: HomeAssistant, field: Field) -> _Selector:
    kind = TextSelectorType.PASSWORD if field.is_secret else TextSelectorType.TEXT
    return TextSelector(TextSelectorConfig(type=kind, autocomplete="off"))


def _lines(_hass: HomeAssistant, _field: Field) -> _Selector:
    return TextSelector(TextSelectorConfig(multiline=True))


def _number(_hass: HomeAssistant, field: Field) -> _Selector:
    limits = NumberSelectorConfig(mode=_BOX, step=1)
    if field.minimum is not None:
        limits["min"] = field.minimum
    if field.maximum is not None:
        limits["max"] = field.maximum
    return probatio.All(NumberSelector(limits), probatio.Coerce(int))


def _choice(_hass: HomeAssistant, field: Field) -> _Selector:
    config = SelectSelectorConfig(options=list(field.choices), mode=SelectSelectorMode.DROPDOWN)
    if field.has_choice_texts:
        config["translation_key"] = field.name
    return SelectSelector(config)


def _choice_of(names: list[str]) -> _Selector:
    return SelectSelector(
        SelectSelectorConfig(
            options=names,
            translation_key=CONF_REMOVE,
            multiple=True,
            mode=SelectSelectorMode.LIST,
        )
    )


def _action(hass: HomeAssistant, _field: Field) -> _Selector:
    known = [
        f"{domain}.{name}"
        for domain, actions in hass.services.async_services().items()
        for name in actions
    ]
    return SelectSelector(
        SelectSelectorConfig(
            options=sorted(known), custom_value=True, mode=SelectSelectorMode.DROPDOWN
        )
    )


_SELECTORS: Final[Mapping[FieldType, Callable[[HomeAssistant, Field], _Selector]]] = {
    FieldType.TEXT: _text,
    FieldType.LINES: _lines,
    FieldType.INTEGER: _number,
    FieldType.FLAG: lambda _hass, _field: BooleanSelector(),
    FieldType.CHOICE: _choice,
    FieldType.NAMES: lambda _hass, _field: TextSelector(TextSelectorConfig(multiple=True)),
    FieldType.ACTION: _action,
    FieldType.ACTION_TARGET: lambda _hass, _field: TargetSelector(),
    FieldType.ACTION_DATA: lambda _hass, _field: ObjectSelector(),
    FieldType.ENTITY: lambda _hass, _field: EntitySelector(),
}


def _verify(kind: Kind) -> _Fields:
    """Return how it is seen that a target is off; nothing of it for kinds that tell themselves."""
    defaults = Verify()
    fields: _Fields = {}
    if not kind.tells_by_itself:
        fields = {
            probatio.Optional(CONF_ADDRESS): TextSelector(),
            probatio.Optional(CONF_PORTS): TextSelector(TextSelectorConfig(multiple=True)),
            probatio.Required(CONF_PING, default=defaults.ping): BooleanSelector(),
        }
    if kind.grace_s or not kind.tells_by_itself:
        grace = probatio.Required(CONF_GRACE, default=int(defaults.grace_s))
        fields[grace] = _seconds(0, _HOUR_S)
    return fields


def _wake(*, has_secure_on: bool) -> _Fields:
    defaults = TargetSpec(target_id="", name="", kind="", stage=0, time_limit_s=0)
    password = TextSelectorConfig(type=TextSelectorType.PASSWORD, autocomplete="off")
    removal: _Fields = {probatio.Required(CONF_REMOVE_SECURE_ON, default=False): BooleanSelector()}
    return {
        probatio.Required(
            CONF_RETURNS_BY_ITSELF, default=defaults.returns_by_itself
        ): BooleanSelector(),
        probatio.Optional(CONF_MAC): TextSelector(),
        probatio.Required(CONF_BROADCAST, default=WakeOnLan(mac="").broadcast): TextSelector(),
        probatio.Optional(CONF_SECURE_ON): TextSelector(password),
        **(removal if has_secure_on else {}),
        probatio.Required(CONF_WAKE_LIMIT, default=int(defaults.wake_limit_s)): _seconds(
            10, _HOUR_S
        ),
    }


def _relations(hass: HomeAssistant, entry: ConfigEntry, subentry_id: str | None) -> _Fields:
    others = [
        SelectOptionDict(value=item.subentry_id, label=item.title)
        for item in target_subentries(entry)
        if item.subentry_id != subentry_id
    ]
    feeds = [
        SelectOptionDict(value=other.entry_id, label=other.title)
        for other in hass.config_entries.async_entries(DOMAIN)
        if other.entry_id != entry.entry_id
    ]
    fields: _Fields = {}
    for name in (CONF_USES, CONF_RUNS_ON) if others else ():
        fields[probatio.Optional(name)] = SelectSelector(
            SelectSelectorConfig(options=others, multiple=True, mode=SelectSelectorMode.LIST)
        )
    if feeds:
        fields[probatio.Optional(CONF_SECOND_FEED)] = SelectSelector(
            SelectSelectorConfig(options=feeds, mode=SelectSelectorMode.DROPDOWN)
        )
    fields[probatio.Required(CONF_IS_DATA_SOURCE, default=False)] = BooleanSelector()
    fields[probatio.Optional(CONF_OWN_TIMER)] = NumberSelector(
        NumberSelectorConfig(
            min=0, max=_HALF_DAY_MIN, mode=_BOX, unit_of_measurement=UnitOfTime.MINUTES
        )
    )
    return fields


def _integer(minimum: int, maximum: int) -> _Selector:
    selector = NumberSelector(NumberSelectorConfig(min=minimum, max=maximum, mode=_BOX))
    return probatio.All(selector, probatio.Coerce(int))


def _seconds(minimum: int, maximum: int) -> _Selector:
    selector = NumberSelector(
        NumberSelectorConfig(
            min=minimum, max=maximum, mode=_BOX, unit_of_measurement=UnitOfTime.SECONDS
        )
    )
    return probatio.All(selector, probatio.Coerce(int))
