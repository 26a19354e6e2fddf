"""The options of a kind of target as typed rows: forms are built and options read by them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from .errors import OptionError
from .tls import Trust


class FieldType(StrEnum):
    """What a field holds; the form picks its selector by it."""

    TEXT = "text"
    """One line, str."""
    LINES = "lines"
    """Several lines, str."""
    INTEGER = "integer"
    FLAG = "flag"
    CHOICE = "choice"
    """One of `Field.choices`."""
    NAMES = "names"
    """Any number of texts, a list."""
    ACTION = "action"
    """Name of a Home Assistant action, `domain.name`."""
    ACTION_TARGET = "action_target"
    """What an action acts on: a mapping from `entity_id`, `device_id`, `area_id`, `floor_id`,
    `label_id` to lists."""
    ACTION_DATA = "action_data"
    """The other parameters of an action: a mapping."""
    KEY_PAIR = "key_pair"
    """A private SSH key; the form makes one if none is given, and shows the line to paste."""
    HOST_KEY = "host_key"
    """A host's SSH key; the form fetches it if none is given, and asks for confirmation."""
    FINGERPRINT = "fingerprint"
    """Of a server's certificate; the form fetches it if none is given, and asks likewise."""
    DEVICE_TOKEN = "device_token"  # noqa: S105 - the name of a type
    """What a host gives for a code of the second factor, and takes in its place from then on; the
    form asks for the code once if the host wants one (`SecondFactor`)."""
    ENTITY = "entity"
    """An entity id."""


type Default = str | int | bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One option of a kind; its texts are translated under its name."""

    name: str
    type: FieldType = FieldType.TEXT
    is_required: bool = False
    is_secret: bool = False
    """Shown as dots, never shown again, never logged, left out of diagnostics."""
    default: Default = None
    choices: tuple[str, ...] = ()
    minimum: int | None = None
    maximum: int | None = None
    is_advanced: bool = False
    """In a collapsed section of the form."""

    @property
    def has_choice_texts(self) -> bool:
        """Whether the choices are translated; words of a protocol, such as POST, are not."""
        return any(choice.islower() for choice in self.choices)


TLS_FIELDS: Final = (
    Field(
        name="tls_trust",
        type=FieldType.CHOICE,
        default=Trust.SYSTEM.value,
        choices=tuple(trust.value for trust in Trust),
        is_required=True,
    ),
    Field(name="tls_authority", type=FieldType.LINES),
    Field(name="tls_fingerprint", type=FieldType.FINGERPRINT),
    Field(name="tls_name", is_advanced=True),
)
"""For every kind that speaks HTTPS; `Tls.from_options` reads them."""


def port_field(default: int) -> Field:
    """Return the row of a TCP port."""
    return Field(name="port", type=FieldType.INTEGER, default=default, minimum=1, maximum=65535)


class Options:
    """Reads the options of a target by the rows of its kind."""

    def __init__(self, values: Mapping[str, object], fields: Sequence[Field]) -> None:
        """Take what the user gave and the rows that say what it must be."""
        self._values = values
        self._fields = {field.name: field for field in fields}

    def text(self, name: str) -> str:
        """Return a text without blanks around it, the default or an empty one if not given.

        Raises:
            OptionError: it is required and was not given, or is none of the choices.

        """
        field = self._fields[name]
        given = self._values.get(name)
        text = str(field.default or "") if given is None else str(given).strip()
        if not text and field.is_required:
            raise OptionError(f"{name} is missing")
        if text and field.choices and text not in field.choices:
            raise OptionError(f"{name} is none of {', '.join(field.choices)}")
        return text

    def integer(self, name: str) -> int:
        """Return a whole number, the default if not given.

        Raises:
            OptionError: it is none, or out of range.

        """
        field = self._fields[name]
        given = self._values.get(name)
        try:
            number = int(str(field.default if given is None else given))
        except ValueError:
            raise OptionError(f"{name} is no whole number") from None
        if field.minimum is not None and number < field.minimum:
            raise OptionError(f"{name} is below {field.minimum}")
        if field.maximum is not None and number > field.maximum:
            raise OptionError(f"{name} is above {field.maximum}")
        return number

    def names(self, name: str) -> tuple[str, ...]:
        """Return a list of texts.

        Raises:
            OptionError: it is no list, or required and empty.

        """
        given = self._values.get(name) or ()
        if isinstance(given, str) or not isinstance(given, Sequence):
            raise OptionError(f"{name} is no list")
        if self._fields[name].is_required and not given:
            raise OptionError(f"{name} is missing")
        return tuple(str(item) for item in given)

    def mapping(self, name: str) -> Mapping[str, object]:
        """Return a mapping, an empty one if not given.

        Raises:
            OptionError: it is none.

        """
        given = self._values.get(name) or {}
        if not isinstance(given, Mapping):
            raise OptionError(f"{name} is no mapping")
        return given

    @property
    def secrets(self) -> tuple[str, ...]:
        """What was given in the secret fields."""
        return tuple(
            str(self._values[name])
            for name, field in self._fields.items()
            if field.is_secret and self._values.get(name)
        )
