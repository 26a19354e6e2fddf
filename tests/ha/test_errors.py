"""From the errors of the driver to words."""

import pytest

from custom_components.omron_ups.driver import (
    DeviceBusyError,
    DeviceNotFoundError,
    DevicePermissionError,
    EchoError,
    InvalidReplyError,
    NotAUpsError,
    RejectedError,
    ReplyTimeoutError,
    TransportError,
    UpsError,
)
from custom_components.omron_ups.errors import error_key, not_ready, update_failed


@pytest.mark.parametrize(
    ("err", "key"),
    [
        (DevicePermissionError(), "device_permission"),
        (DeviceBusyError(), "device_busy"),
        (DeviceNotFoundError(), "device_not_found"),
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
