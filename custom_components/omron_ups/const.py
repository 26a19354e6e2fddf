"""Names that more than one module of the integration needs."""

from datetime import timedelta
from enum import StrEnum
import logging
from typing import Final

DOMAIN: Final = "omron_ups"
LOGGER: Final = logging.getLogger(__package__)

# Config entry data: how the UPS is reached.
CONF_CONNECTION: Final = "connection"
CONF_DIALECT: Final = "dialect"
CONF_PRODUCT_ID: Final = "product_id"
CONF_SERIAL: Final = "serial"
# Only in the form of the USB connection.
CONF_UNIT: Final = "unit"
CONF_OTHER_DEVICES: Final = "other_devices"
# Only in what USB discovery hands to the flow.
CONF_TITLE: Final = "title"

# Config entry options: one mapping per step of the options flow.
CONF_NUT_SERVER: Final = "nut_server"
CONF_ENABLED: Final = "enabled"
CONF_UPS_NAME: Final = "ups_name"
CONF_ALIASES: Final = "aliases"
CONF_ALLOWED_NETWORKS: Final = "allowed_networks"
SECTION_ADVANCED: Final = "advanced"
CONF_CERTIFICATE: Final = "certificate"
CONF_PRIVATE_KEY: Final = "private_key"
CONF_REQUIRE_TLS: Final = "require_tls"
CONF_EXPECTED_CLIENTS: Final = "expected_clients"

DEFAULT_HOST: Final = "0.0.0.0"  # noqa: S104 - NUT clients are other machines; networks guard it
DEFAULT_PORT: Final = 3493
DEFAULT_UPS_NAME: Final = "ups"

# Config subentries.
SUBENTRY_NUT_ACCOUNT: Final = "nut_account"
CONF_PASSWORD_HASH: Final = "password_hash"  # noqa: S105 - the name of a field
CONF_PASSWORD_IS_PUBLISHED: Final = "password_is_published"  # noqa: S105 - the name of a field
CONF_ROLE: Final = "role"
CONF_MAY_SWITCH_OUTPUT: Final = "may_switch_output"
CONF_NETWORKS: Final = "networks"
CONF_ADD_ALIAS: Final = "add_alias"

# Data of the repair issues that can be fixed.
CONF_ENTRY_ID: Final = "entry_id"
CONF_NETWORK: Final = "network"


class ConnectionKind(StrEnum):
    """The ways to a UPS; the values are stored and name the steps of the config flow."""

    USB_DEVICE = "usb_device"
    SERIAL = "serial"
    SIMULATED = "simulated"


class Issue(StrEnum):
    """The repair issues.

    An issue id is one of these and the entry id behind an underscore; where there can be several
    of a kind, with what tells them apart behind another one.
    """

    NUT_ADDRESS_REFUSED = "nut_address_refused"
    NUT_PORT_IN_USE = "nut_port_in_use"
    NUT_ADDRESS_NOT_AVAILABLE = "nut_address_not_available"
    NUT_NAME_TAKEN = "nut_name_taken"
    NUT_CERTIFICATE_UNREADABLE = "nut_certificate_unreadable"
    NUT_CERTIFICATE_EXPIRED = "nut_certificate_expired"
    NUT_PRIVATE_KEY_UNREADABLE = "nut_private_key_unreadable"
    NUT_PRIVATE_KEY_ENCRYPTED = "nut_private_key_encrypted"
    NUT_PRIVATE_KEY_MISMATCH = "nut_private_key_mismatch"
    NUT_CLIENT_MISSING = "nut_client_missing"
    NUT_FORCED_SHUTDOWN = "nut_forced_shutdown"
    RELOAD_WAITS = "reload_waits"


# How often the age of the readings is looked at while nothing else happens.
DATA_AGE_INTERVAL: Final = timedelta(seconds=10)
