"""From the errors of the driver to words."""

import pytest

from custom_components.omron_ups.driver import (
    CommandRejectedError,
    DeviceBusyError,
    DeviceNotFoundError,
    DevicePermissionError,
    EchoError,
    InvalidReplyError,
    NoBackendError,
    NotAUpsError,
    NotSupportedError,
    RejectedError,
    ReplyTimeoutError,
    SettingMemoryError,
    TransportError,
    UnconfirmedError,
    UpsError,
)
from custom_components.omron_ups.errors import error_key, not_ready, request_failed, update_failed


@pytest.mark.parametrize(
    ("err", "key"),
    [
        (DevicePermissionError(), "device_permission"),
        (DeviceBusyError(), "device_busy"),
        (DeviceNotFoundError(), "device_not_found"),
        (NoBackendError(), "no_usb_access"),
        (NotAUpsError(), "not_a_ups"),
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


def test_no_error_has_words_too() -> None:
    assert update_failed(None).translation_key == "cannot_connect"


@pytest.mark.parametrize(
    ("err", "key"),
    [
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
