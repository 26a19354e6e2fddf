"""What the words behind ``ERR`` mean, to a question and to an order."""

import pytest

from custom_components.omron_ups.driver import (
    AddressNotAllowedError,
    CommandNotAllowedError,
    CommandRejectedError,
    CredentialsRefusedError,
    InvalidReplyError,
    NoDataError,
    NotSupportedError,
    OldDataError,
    OutOfRangeError,
    UnknownUpsError,
    UpsError,
)
from custom_components.omron_ups.driver.remote_errors import (
    UpsdRefusal,
    ordering_error,
    reading_error,
)


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        ("ACCESS-DENIED", AddressNotAllowedError),
        ("DATA-STALE", OldDataError),
        ("DRIVER-NOT-CONNECTED", NoDataError),
        ("UNKNOWN-UPS", UnknownUpsError),
        ("INVALID-ARGUMENT", InvalidReplyError),
        ("SOMETHING-NEW with more", InvalidReplyError),
        ("", InvalidReplyError),
    ],
)
def test_a_refused_question(reply: str, kind: type[UpsError]) -> None:
    error = reading_error("nas:3493/qnapups", UpsdRefusal(reply))
    assert type(error) is kind
    assert "nas:3493" in str(error)


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        ("ACCESS-DENIED", CommandNotAllowedError),
        ('ACCESS-DENIED "extra"', CommandNotAllowedError),
        ("CMD-NOT-SUPPORTED", NotSupportedError),
        ("VAR-NOT-SUPPORTED", NotSupportedError),
        ("READONLY", NotSupportedError),
        ("INVALID-VALUE", OutOfRangeError),
        ("TOO-LONG", OutOfRangeError),
        ("DATA-STALE", OldDataError),
        ("DRIVER-NOT-CONNECTED", NoDataError),
        ("USERNAME-REQUIRED", CredentialsRefusedError),
        ("SET-FAILED", CommandRejectedError),
        ("SOMETHING-NEW", CommandRejectedError),
    ],
)
def test_a_refused_order(reply: str, kind: type[UpsError]) -> None:
    error = ordering_error("load.off", UpsdRefusal(reply))
    assert type(error) is kind
    assert str(error) == f"load.off: the server answered {reply}"


def test_an_unknown_ups_names_those_that_there_are() -> None:
    error = UnknownUpsError("nas:3493", "ups", ("qnapups", "other"))
    assert str(error) == "nas:3493 has no UPS ups; it has qnapups, other"


def test_a_qnap_that_refuses_wants_our_address() -> None:
    error = AddressNotAllowedError("nas:3493", "192.0.2.7")
    assert "add this address (192.0.2.7) on the NAS" in str(error)
    assert AddressNotAllowedError("nas:3493").address is None
