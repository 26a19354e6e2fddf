"""Options are read by the rows of their kind."""

import pytest

from custom_components.omron_ups.shutdown.errors import OptionError
from custom_components.omron_ups.shutdown.fields import Field, FieldType, Options, port_field

FIELDS = (
    Field(name="host", is_required=True),
    Field(name="note", default="none"),
    Field(name="secret", is_secret=True),
    Field(name="scope", type=FieldType.CHOICE, choices=("a", "b"), default="a"),
    Field(name="guests", type=FieldType.NAMES, is_required=True),
    Field(name="data", type=FieldType.ACTION_DATA),
    port_field(22),
)


def options(**values: object) -> Options:
    return Options(values, FIELDS)


def test_what_is_given_is_read_without_blanks_around_it() -> None:
    given = options(host=" nas ", scope="b", port="8080", guests=["101", 102], data={"a": 1})
    assert (given.text("host"), given.text("scope"), given.integer("port")) == ("nas", "b", 8080)
    assert given.names("guests") == ("101", "102")
    assert given.mapping("data") == {"a": 1}


def test_what_is_not_given_is_the_default() -> None:
    given = options()
    assert (given.text("note"), given.text("scope"), given.text("secret")) == ("none", "a", "")
    assert given.integer("port") == 22
    assert given.mapping("data") == {}
    assert options(note="").text("note") == "", "emptied on purpose"


@pytest.mark.parametrize("port", [0, 65536, -1, "x", 2.5, ""])
def test_a_number_out_of_range_or_none(port: object) -> None:
    with pytest.raises(OptionError, match="port"):
        options(port=port).integer("port")


def test_what_is_required_and_missing_is_named() -> None:
    for given in (None, "", "  "):
        with pytest.raises(OptionError, match="host is missing"):
            options(host=given).text("host")
    with pytest.raises(OptionError, match="guests is missing"):
        options().names("guests")


def test_the_wrong_type_is_named_and_not_repeated() -> None:
    with pytest.raises(OptionError, match="scope is none of a, b") as caught:
        options(scope="planted").text("scope")
    assert "planted" not in str(caught.value)
    with pytest.raises(OptionError, match="guests is no list"):
        options(guests="101").names("guests")
    with pytest.raises(OptionError, match="data is no mapping"):
        options(data=["x"]).mapping("data")


def test_secrets_are_those_that_were_given() -> None:
    assert options(secret="planted", host="nas").secrets == ("planted",)
    assert options(host="nas").secrets == ()
