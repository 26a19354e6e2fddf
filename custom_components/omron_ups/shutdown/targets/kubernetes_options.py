"""What the user configures of a Kubernetes target."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final, Self

from ..errors import OptionError
from ..fields import TLS_FIELDS, Field, FieldType, Options, port_field
from ..tls import Tls, Trust

DEFAULT_PORT: Final = 6443
# How a JSON web token begins when it is still in the base64 of a Secret's manifest.
_TWICE_ENCODED: Final = "ZXlK"

FIELDS: Final = (
    Field(name="host", is_required=True),
    port_field(DEFAULT_PORT),
    Field(name="token", is_required=True, is_secret=True),
    Field(name="nas_addresses", type=FieldType.NAMES),
    Field(name="storage_classes", type=FieldType.NAMES),
    Field(name="csi_drivers", type=FieldType.NAMES),
    Field(name="namespaces", type=FieldType.NAMES, is_advanced=True),
    Field(name="label_selector", is_advanced=True),
    # The Secret of the service account holds the cluster's own authority.
    *(
        replace(row, default=Trust.AUTHORITY.value) if row.name == "tls_trust" else row
        for row in TLS_FIELDS
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class KubernetesOptions:
    """The options of one target."""

    host: str
    """A control plane node, or the address that several share."""
    port: int
    token: str = field(repr=False)
    """Of a service account."""
    tls: Tls
    nas_addresses: frozenset[str]
    """Addresses and names of the NAS, in small letters, as they stand in volumes."""
    storage_classes: frozenset[str]
    csi_drivers: frozenset[str]
    namespaces: frozenset[str]
    label_selector: str
    """As the API takes it: `app=db,tier!=test`."""

    @classmethod
    def read(cls, values: Mapping[str, object]) -> Self:
        """Read the fields of the form.

        Raises:
            OptionError: one is missing or does not hold what it must.

        """
        options = Options(values, FIELDS)
        token = options.text("token")
        if token.startswith(_TWICE_ENCODED):
            raise OptionError("token is still encoded in base64")
        if not token.isascii() or any(character.isspace() for character in token):
            raise OptionError("token holds a character that no token holds")
        trust = options.text("tls_trust")
        return cls(
            host=options.text("host").strip("[]"),
            port=options.integer("port"),
            token=token,
            tls=Tls.from_options({**values, "tls_trust": trust}),
            nas_addresses=frozenset(
                name.strip("[]").lower() for name in _names(options, "nas_addresses")
            ),
            storage_classes=_names(options, "storage_classes"),
            csi_drivers=_names(options, "csi_drivers"),
            namespaces=_names(options, "namespaces"),
            label_selector=options.text("label_selector"),
        )


def _names(options: Options, name: str) -> frozenset[str]:
    return frozenset(stripped for text in options.names(name) if (stripped := text.strip()))
