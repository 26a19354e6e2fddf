"""The step `nut_server`, which the config flow and the options flow share."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
import re
from typing import Any, Final

from homeassistant.config_entries import ConfigEntry, ConfigEntryState
from homeassistant.const import CONF_HOST, CONF_PORT
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import section
from homeassistant.helpers.selector import (
    BooleanSelector,
    BooleanSelectorConfig,
    NumberSelector,
    NumberSelectorConfig,
    NumberSelectorMode,
    TextSelector,
    TextSelectorConfig,
)
import probatio

from .const import (
    CONF_ALIASES,
    CONF_ALLOWED_NETWORKS,
    CONF_CERTIFICATE,
    CONF_ENABLED,
    CONF_EXPECTED_CLIENTS,
    CONF_PRIVATE_KEY,
    CONF_REQUIRE_TLS,
    CONF_UPS_NAME,
    SECTION_ADVANCED,
)
from .nut import (
    AddressNotAvailableError,
    InvalidNameError,
    NutServerError,
    NutServers,
    NutUps,
    PortInUseError,
    ServerSettings,
)
from .nut_certificate import find_certificate_fault
from .nut_options import (
    NutOptions,
    nut_options,
    others_at,
    parse_network,
    parse_nut_options,
    rows,
    shared_options,
    tls_files,
)

# Which field is at fault, and what its error is called; the first row that fits wins.
_LISTEN_ERRORS: Final[tuple[tuple[type[NutServerError], str, str], ...]] = (
    (PortInUseError, CONF_PORT, "port_in_use"),
    (AddressNotAvailableError, CONF_HOST, "address_not_available"),
    (NutServerError, CONF_PORT, "cannot_listen"),
)


_ADVANCED: Final = (CONF_CERTIFICATE, CONF_PRIVATE_KEY, CONF_REQUIRE_TLS, CONF_EXPECTED_CLIENTS)

# RFC 1123; the length of each part is left to whoever resolves the name.
_HOST_NAME: Final = re.compile(r"(?!-)[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*\.?")


@dataclass(slots=True, kw_only=True)
class CheckedInput:
    """What a user entered, tidied, and what is wrong with it."""

    options: dict[str, Any]
    errors: dict[str, str] = field(default_factory=dict)
    placeholders: dict[str, str] = field(default_factory=dict)
    """What the texts of the errors name."""

    def blame(self, name: str, error: str, culprit: str = "") -> None:
        """Note what is wrong with a field, and with which of its entries.

        Home Assistant's frontend shows no error at a field inside a section, but above it.
        """
        self.errors[SECTION_ADVANCED if name in _ADVANCED else name] = error
        self.placeholders[f"{name}_culprit"] = culprit


def nut_schema(
    values: Mapping[str, Any], *, joins: bool, errors: Mapping[str, str]
) -> probatio.Schema:
    """Return the form.

    Args:
        values: What it is filled with; submitting it unchanged is enough.
        joins: Whether the server belongs to another entry, which decides about it.
        errors: What was wrong with it the last time.

    """
    names = TextSelector(TextSelectorConfig(multiple=True))
    networks = TextSelector(TextSelectorConfig(multiple=True, read_only=joins))
    port = NumberSelector(NumberSelectorConfig(min=1, max=65535, mode=NumberSelectorMode.BOX))
    fields = (
        (probatio.Required, CONF_ENABLED, BooleanSelector()),
        (probatio.Required, CONF_HOST, TextSelector()),
        (probatio.Required, CONF_PORT, probatio.All(port, probatio.Coerce(int))),
        (probatio.Required, CONF_UPS_NAME, TextSelector()),
        (probatio.Optional, CONF_ALIASES, names),
        (probatio.Optional, CONF_ALLOWED_NETWORKS, networks),
    )
    advanced = probatio.Required(
        SECTION_ADVANCED, default={name: values[name] for name in _ADVANCED}
    )
    return probatio.Schema(
        {
            **{marker(name, default=values[name]): selector for marker, name, selector in fields},
            advanced: section(
                _advanced_schema(values, joins=joins),
                {"collapsed": SECTION_ADVANCED not in errors},
            ),
        }
    )


def _advanced_schema(values: Mapping[str, Any], *, joins: bool) -> probatio.Schema:
    """Return the fields of the section; a default would come back in a field that was emptied."""
    path = TextSelector(TextSelectorConfig(read_only=joins))
    fields = (
        (CONF_CERTIFICATE, path),
        (CONF_PRIVATE_KEY, path),
        (CONF_REQUIRE_TLS, BooleanSelector(BooleanSelectorConfig(read_only=joins))),
        (CONF_EXPECTED_CLIENTS, TextSelector(TextSelectorConfig(multiple=True))),
    )
    return probatio.Schema(
        {
            probatio.Optional(name, description={"suggested_value": values[name]}): selector
            for name, selector in fields
        }
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
    if not checked.options[CONF_HOST]:
        # To the system it would mean every address there is, of IPv6 too.
        checked.blame(CONF_HOST, "no_address")
    _check_names(checked, CONF_UPS_NAME, [checked.options[CONF_UPS_NAME]])
    _check_names(checked, CONF_ALIASES, checked.options[CONF_ALIASES])
    _check_networks(checked)
    _check_hosts(checked)
    if checked.errors:
        return checked
    options = parse_nut_options(checked.options)
    if options.address is None:
        return checked
    entry_id = None if entry is None else entry.entry_id
    others = tuple(others_at(hass, options.address, but=entry_id))
    _check_free(checked, others)
    if _belongs_to_others(hass, others, entry):
        # Whatever came back from fields that could not be changed.
        checked.options |= shared_options(others[0])
    else:
        await _check_tls(checked, hass, options)
    if not checked.errors and not any(map(_is_serving, others)):
        await _check_listening(checked, options, entry)
    return checked


def _belongs_to_others(
    hass: HomeAssistant, others: tuple[ConfigEntry, ...], entry: ConfigEntry | None
) -> bool:
    """Tell whether one of the other entries came first and decides about the server."""
    if not others:
        return False
    entries = hass.config_entries.async_entries(others[0].domain)
    return entry is None or entries.index(others[0]) < entries.index(entry)


def _tidy(user_input: Mapping[str, Any]) -> dict[str, Any]:
    """Return the input without stray blanks, empty rows and repetitions, its section dissolved."""
    flat = {**user_input, **user_input[SECTION_ADVANCED]}
    del flat[SECTION_ADVANCED]
    lists = (CONF_ALIASES, CONF_ALLOWED_NETWORKS, CONF_EXPECTED_CLIENTS)
    texts = (CONF_HOST, CONF_UPS_NAME, CONF_CERTIFICATE, CONF_PRIVATE_KEY)
    return {
        **flat,
        **{name: rows(flat.get(name, ())) for name in lists},
        **{name: flat.get(name, "").strip() for name in texts},
        CONF_REQUIRE_TLS: flat.get(CONF_REQUIRE_TLS, False),
    }


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
    checked.options[CONF_ALLOWED_NETWORKS] = rows(networks)


def _check_hosts(checked: CheckedInput) -> None:
    for text in checked.options[CONF_EXPECTED_CLIENTS]:
        if not _is_host(text):
            checked.blame(CONF_EXPECTED_CLIENTS, "invalid_host", text)


def _is_host(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        # Four numbers that are no address are no name either.
        return bool(_HOST_NAME.fullmatch(text)) and not re.fullmatch(r"[\d.]+", text)
    return True


async def _check_tls(checked: CheckedInput, hass: HomeAssistant, options: NutOptions) -> None:
    """Blame files that no client could be shown, and a demand that no client could meet."""
    files = tls_files(hass, options)
    if files is None:
        if options.private_key:
            checked.blame(CONF_CERTIFICATE, "certificate_missing")
        elif options.require_tls:
            checked.blame(CONF_REQUIRE_TLS, "tls_without_certificate")
        return
    fault = await find_certificate_fault(hass, files)
    if fault is not None:
        checked.blame(CONF_CERTIFICATE, fault, str(files.certificate))
        checked.placeholders[f"{CONF_PRIVATE_KEY}_culprit"] = str(files.private_key)


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
