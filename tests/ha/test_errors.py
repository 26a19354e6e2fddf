"""From the errors of the driver to words."""

import pytest

from custom_components.omron_ups.const import ConnectionKind
from custom_components.omron_ups.driver import (
    AddressNotAllowedError,
    CommandNotAllowedError,
    CommandRejectedError,
    CredentialsRefusedError,
    DeviceBusyError,
    DeviceNotFoundError,
    DevicePermissionError,
    EchoError,
    InvalidReplyError,
    NoBackendError,
    NoDataError,
    NotANutServerError,
    NotAUpsError,
    NotSupportedError,
    OldDataError,
    RejectedError,
    ReplyTimeoutError,
    ServerUnreachableError,
    SettingMemoryError,
    TransportError,
    UnconfirmedError,
    UnknownUpsError,
    UpsError,
)
from custom_components.omron_ups.errors import (
    error_key,
    flow_error_key,
    flow_error_placeholders,
    not_ready,
    request_failed,
    update_failed,
)


@pytest.mark.parametrize(
    ("err", "key"),
    [
        (DevicePermissionError(), "device_permission"),
        (DeviceBusyError(), "device_busy"),
        (DeviceNotFoundError(), "device_not_found"),
        (NoBackendError(), "no_usb_access"),
        (NotAUpsError(), "not_a_ups"),
        (ServerUnreachableError(), "server_unreachable"),
        (AddressNotAllowedError("nas:3493"), "address_not_allowed"),
        (NotANutServerError(), "not_a_nut_server"),
        (CredentialsRefusedError(), "credentials_refused"),
        (UnknownUpsError("nas:3493", "ups"), "unknown_ups"),
        (NoDataError(), "no_data"),
        (OldDataError(), "old_data"),
        (ReplyTimeoutError(), "no_reply"),
        (TransportError(), "cannot_connect"),
        (InvalidReplyError(), "cannot_connect"),
        (RejectedError(), "cannot_connect"),
        (EchoError(), "cannot_connect"),
        (UpsError(), "cannot_connect"),
    ],
)
def test_every_error_has_words(err: UpsError, key: str) -> None:
    assert error_key(err) == key
    assert not_ready(err).translation_key == key
    assert update_failed(err).translation_key == key


@pytest.mark.parametrize(
    ("kind", "err", "key"),
    [
        (ConnectionKind.USB_DEVICE, DeviceBusyError(), "usb_busy"),
        (ConnectionKind.SERIAL, DeviceBusyError(), "device_busy"),
        (ConnectionKind.USB_DEVICE, ReplyTimeoutError(), "no_reply"),
        (ConnectionKind.NUT, ReplyTimeoutError(), "server_silent"),
        (ConnectionKind.NUT, OldDataError(), "old_data"),
        (ConnectionKind.SIMULATED, UpsError(), "cannot_connect"),
    ],
)
def test_the_cure_depends_on_the_connection(kind: ConnectionKind, err: UpsError, key: str) -> None:
    assert flow_error_key(err, kind) == key


@pytest.mark.parametrize(
    ("err", "own_address"),
    [
        (AddressNotAllowedError("nas:3493", "192.0.2.7"), " (192.0.2.7)"),
        (AddressNotAllowedError("nas:3493"), ""),
        (UpsError(), ""),
    ],
)
def test_the_address_to_allow_is_named_where_it_is_known(err: UpsError, own_address: str) -> None:
    assert flow_error_placeholders(err) == {"own_address": own_address}


def test_no_error_has_words_too() -> None:
    assert update_failed(None).translation_key == "cannot_connect"


@pytest.mark.parametrize(
    ("err", "key"),
    [
        (CommandNotAllowedError("no"), "request_not_allowed"),
        (CommandRejectedError("no"), "request_refused"),
        (NotSupportedError("no"), "request_not_supported"),
        (SettingMemoryError("no"), "setting_not_stored"),
        (UnconfirmedError("no"), "request_unconfirmed"),
        (ReplyTimeoutError("no"), "no_reply"),
        (UpsError("no"), "cannot_connect"),
    ],
)
def test_every_failure_of_a_request_has_words(err: UpsError, key: str) -> None:
    failure = request_failed(err, "load.off")
    assert failure.translation_key == key
    assert failure.translation_placeholders == {"name": "load.off"}
