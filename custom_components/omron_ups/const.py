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
CONF_DTR: Final = "dtr"
CONF_RTS: Final = "rts"
CONF_UPS: Final = "ups"
# Only in the form of the USB connection.
CONF_UNIT: Final = "unit"
CONF_OTHER_DEVICES: Final = "other_devices"
# Only in the form of the serial connection.
SECTION_LINES: Final = "lines"
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
CONF_INSTALL_BLUEPRINTS: Final = "install_blueprints"
CONF_EXPECTED_CLIENTS: Final = "expected_clients"
CONF_BATTERY: Final = "battery"
CONF_OFFERS_UNPROVEN: Final = "offers_unproven"
CONF_BATTERY_PACKS: Final = "battery_packs"
SECTION_REMINDERS: Final = "reminders"
CONF_COMMUNICATION_LOST_EVERY: Final = "communication_lost_every"
CONF_REPLACE_BATTERY_EVERY: Final = "replace_battery_every"

CONF_SHUTDOWN_PLAN: Final = "shutdown_plan"
CONF_HOME_ASSISTANT_HOST: Final = "home_assistant_host"
CONF_ACTS_AT_LOW_BATTERY: Final = "acts_at_low_battery"
CONF_GATEWAY: Final = "gateway"
CONF_MAINTENANCE_HOURS: Final = "maintenance_hours"
CONF_MAINS_ENTITY: Final = "mains_entity"
SECTION_TRIGGERS: Final = "triggers"
CONF_TIME_ON_BATTERY: Final = "time_on_battery"
CONF_RUNTIME_BELOW: Final = "runtime_below"
CONF_CHARGE_BELOW: Final = "charge_below"
CONF_MARGIN_BELOW: Final = "margin_below"
CONF_DATA_LOST: Final = "data_lost"
SECTION_RESTORE: Final = "restore"
CONF_RESTORES: Final = "restores"
CONF_MAINS_STABLE: Final = "mains_stable"
CONF_MIN_CHARGE: Final = "min_charge"

DEFAULT_HOST: Final = "0.0.0.0"  # noqa: S104 - NUT clients are other machines; networks guard it
DEFAULT_PORT: Final = 3493
DEFAULT_UPS_NAME: Final = "ups"
# Seen to work on BN75T.
DEFAULT_DTR: Final = True
DEFAULT_RTS: Final = False

# Config subentries.
SUBENTRY_NUT_ACCOUNT: Final = "nut_account"
CONF_PASSWORD_HASH: Final = "password_hash"  # noqa: S105 - the name of a field
CONF_PASSWORD_IS_PUBLISHED: Final = "password_is_published"  # noqa: S105 - the name of a field
CONF_ROLE: Final = "role"
CONF_MAY_SWITCH_OUTPUT: Final = "may_switch_output"
CONF_NETWORKS: Final = "networks"
CONF_ADD_ALIAS: Final = "add_alias"

SUBENTRY_DISCORD: Final = "discord"
CONF_WEBHOOK_URL: Final = "webhook_url"
CONF_EVENTS: Final = "events"
CONF_PLAN_PROGRESS: Final = "plan_progress"
CONF_MENTION: Final = "mention"
SUBENTRY_UPS_OUTPUT: Final = "ups_output"
CONF_CONFIRMED: Final = "confirmed"
CONF_RETURNS: Final = "returns"
CONF_DELAY: Final = "delay"

# What all targets of the shutdown plan have in common.
CONF_STAGE: Final = "stage"
CONF_TIME_LIMIT: Final = "time_limit"
CONF_OPTIONS: Final = "options"
CONF_SAVE_ANYWAY: Final = "save_anyway"
CONF_REMOVE: Final = "remove"
CONF_OTP_CODE: Final = "otp_code"
SECTION_VERIFY: Final = "verify"
CONF_ADDRESS: Final = "address"
CONF_PORTS: Final = "ports"
CONF_PING: Final = "ping"
CONF_GRACE: Final = "grace"
SECTION_WAKE: Final = "wake"
CONF_MAC: Final = "mac"
CONF_BROADCAST: Final = "broadcast"
CONF_SECURE_ON: Final = "secure_on"
CONF_REMOVE_SECURE_ON: Final = "remove_secure_on"
CONF_WAKE_LIMIT: Final = "wake_limit"
CONF_RETURNS_BY_ITSELF: Final = "returns_by_itself"
SECTION_RELATIONS: Final = "relations"
CONF_USES: Final = "uses"
CONF_RUNS_ON: Final = "runs_on"
CONF_SECOND_FEED: Final = "second_feed"
CONF_IS_DATA_SOURCE: Final = "is_data_source"
CONF_OWN_TIMER: Final = "own_timer"

DEFAULT_MAINTENANCE: Final = 2
"""Hours that maintenance lasts if nobody ends it."""
ATTR_TARGETS: Final = "targets"
ATTR_REASON: Final = "reason"
ATTR_DRY_RUN: Final = "dry_run"

# Data of the repair issues that can be fixed.
CONF_ENTRY_ID: Final = "entry_id"
CONF_NETWORK: Final = "network"


class ConnectionKind(StrEnum):
    """The ways to a UPS; the values are stored and name the steps of the config flow."""

    USB_DEVICE = "usb_device"
    SERIAL = "serial"
    NUT = "nut"
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
    DISCORD_WEBHOOK_GONE = "discord_webhook_gone"
    BLUEPRINTS_OUTDATED = "blueprints_outdated"


# How often the age of the readings is looked at while nothing else happens.
DATA_AGE_INTERVAL: Final = timedelta(seconds=10)
