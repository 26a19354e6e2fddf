"""The step `nut_server`, which the config flow and the options flow share."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from homeassistant.config_entries import ConfigEntry, ConfigEntryState
from homeassistant.const import CONF_HOST, CONF_PORT
from homeassistant.core import HomeAssistant
from homeassistant.helpers.selector import (
    BooleanSelector,
    NumberSelector,
    NumberSelectorConfig,
    NumberSelectorMode,
    TextSelector,
    TextSelectorConfig,
)
import probatio

from .const import CONF_ALIASES, CONF_ALLOWED_NETWORKS, CONF_ENABLED, CONF_UPS_NAME
from .nut import (
    AddressNotAvailableError,
    InvalidNameError,
    NutServerError,
    NutServers,
    NutUps,
    PortInUseError,
    ServerSettings,
)
from .nut_options import NutOptions, nut_options, others_at, parse_network, parse_nut_options

# Which field is at fault, and what its error is called; the first row that fits wins.
_LISTEN_ERRORS: Final[tuple[tuple[type[NutServerError], str, str], ...]] = (
    (PortInUseError, CONF_PORT, "port_in_use"),
    (AddressNotAvailableError, CONF_HOST, "address_not_available"),
    (NutServerError, CONF_PORT, "cannot_listen"),
)


@dataclass(slots=True, kw_only=True)
class CheckedInput:
    """What a user entered, tidied, and what is wrong with it."""

    options: dict[str, Any]
    errors: dict[str, str] = field(default_factory=dict)
    placeholders: dict[str, str] = field(default_factory=dict)
    """What the texts of the errors name."""

    def blame(self, name: str, error: str, culprit: str = "") -> None:
        """Note what is wrong with a field, and with which of its entries."""
        self.errors[name] = error
        self.placeholders[f"{name}_culprit"] = culprit


def nut_schema(values: Mapping[str, Any], *, joins: bool) -> probatio.Schema:
    """Return the form.

    Args:
        values: What it is filled with; submitting it unchanged is enough.
        joins: Whether the server belongs to another entry, whose networks hold.

    """
    names = TextSelector(TextSelectorConfig(multiple=True))
    networks = TextSelector(TextSelectorConfig(multiple=True, read_only=joins))
    port = NumberSelector(NumberSelectorConfig(min=1, max=65535, mode=NumberSelectorMode.BOX))
    rows = (
        (probatio.Required, CONF_ENABLED, BooleanSelector()),
        (probatio.Required, CONF_HOST, TextSelector()),
        (probatio.Required, CONF_PORT, probatio.All(port, probatio.Coerce(int))),
        (probatio.Required, CONF_UPS_NAME, TextSelector()),
        (probatio.Optional, CONF_ALIASES, names),
        (probatio.Optional, CONF_ALLOWED_NETWORKS, networks),
    )
    return probatio.Schema(
        {marker(name, default=values[name]): selector for marker, name, selector in rows}
    )


async def async_check_nut_input(
    hass: HomeAssistant, user_input: Mapping[str, Any], *, entry: ConfigEntry | None
) -> CheckedInput:
    """Tidy what the user entered, and prove that clients could be served like that.

    Args:
        hass: Home Assistant.
        user_input: The submitted form.
        entry: The entry whose options these will be, None for a new one.

    """
    checked = CheckedInput(options=_tidy(user_input))
    _check_names(checked, CONF_UPS_NAME, [checked.options[CONF_UPS_NAME]])
    _check_names(checked, CONF_ALIASES, checked.options[CONF_ALIASES])
    _check_networks(checked)
    if checked.errors:
        return checked
    options = parse_nut_options(checked.options)
    if options.address is None:
        return checked
    entry_id = None if entry is None else entry.entry_id
    others = tuple(others_at(hass, options.address, but=entry_id))
    _check_free(checked, others)
    if not checked.errors and not any(map(_is_serving, others)):
        await _check_listening(checked, options, entry)
    return checked


def _tidy(user_input: Mapping[str, Any]) -> dict[str, Any]:
    """Return the input without stray blanks, empty rows and repetitions."""
    return {
        **user_input,
        CONF_HOST: user_input[CONF_HOST].strip(),
        CONF_UPS_NAME: user_input[CONF_UPS_NAME].strip(),
        CONF_ALIASES: _rows(user_input[CONF_ALIASES]),
        CONF_ALLOWED_NETWORKS: _rows(user_input[CONF_ALLOWED_NETWORKS]),
    }


def _rows(texts: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(text.strip() for text in texts if text.strip()))


def _check_names(checked: CheckedInput, name: str, candidates: Iterable[str]) -> None:
    for candidate in candidates:
        try:
            NutUps(name=candidate)
        except InvalidNameError:
            checked.blame(name, "invalid_name", candidate)


def _check_networks(checked: CheckedInput) -> None:
    """Spell all networks alike, or blame the one that is none."""
    networks = []
    for text in checked.options[CONF_ALLOWED_NETWORKS]:
        try:
            networks.append(str(parse_network(text)))
        except ValueError:
            checked.blame(CONF_ALLOWED_NETWORKS, "invalid_network", text)
            return
    if not networks:
        checked.blame(CONF_ALLOWED_NETWORKS, "no_network")
    checked.options[CONF_ALLOWED_NETWORKS] = _rows(networks)


def _check_free(checked: CheckedInput, others: Iterable[ConfigEntry]) -> None:
    """Blame a name that another UPS of the same server has."""
    taken = frozenset[str]().union(*(nut_options(entry).names for entry in others))
    own = {CONF_UPS_NAME: [checked.options[CONF_UPS_NAME]], CONF_ALIASES: []}
    own[CONF_ALIASES] = checked.options[CONF_ALIASES]
    for name, candidates in own.items():
        for candidate in candidates:
            if candidate.lower() in taken:
                checked.blame(name, "name_taken", candidate)


async def _check_listening(
    checked: CheckedInput, options: NutOptions, entry: ConfigEntry | None
) -> None:
    """Listen for a moment where clients are to be served."""
    port = options.port
    if entry is not None and _is_serving(entry):
        served = nut_options(entry)
        if served.address == options.address:
            return
        if served.port == port:
            # Our own server holds the port until the change takes effect; what can be proved
            # before that is the address.
            port = 0
    settings = ServerSettings(host=options.host, port=port, allowed_networks=())
    try:
        lease = await NutServers().acquire(settings, NutUps(name=options.ups_name))
    except NutServerError as err:
        _, name, error = next(row for row in _LISTEN_ERRORS if isinstance(err, row[0]))
        checked.blame(name, error, str(options.port) if name == CONF_PORT else options.host)
        return
    await lease.release()


def _is_serving(entry: ConfigEntry) -> bool:
    return entry.state is ConfigEntryState.LOADED and entry.runtime_data.nut.is_serving
