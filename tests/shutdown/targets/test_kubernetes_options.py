"""What a user may enter for a Kubernetes target, and what not."""

import pytest

from custom_components.omron_ups.shutdown.errors import OptionError
from custom_components.omron_ups.shutdown.targets.kubernetes_options import (
    FIELDS,
    KubernetesOptions,
)
from custom_components.omron_ups.shutdown.tls import Trust

LEAST = {"host": "[2001:db8::1]", "token": " a.b.c\n"}


def test_the_least() -> None:
    options = KubernetesOptions.read(LEAST)
    assert (options.host, options.port, options.token) == ("2001:db8::1", 6443, "a.b.c")
    assert options.tls.trust is Trust.AUTHORITY, "the Secret holds the cluster's own"
    assert "a.b.c" not in repr(options)


def test_names_are_cleaned() -> None:
    names = {"nas_addresses": ["[2001:DB8::2]", " NAS "], "storage_classes": ["a", " "]}
    options = KubernetesOptions.read({**LEAST, **names})
    assert options.nas_addresses == {"2001:db8::2", "nas"}
    assert options.storage_classes == {"a"}


@pytest.mark.parametrize(
    ("changed", "word"),
    [
        ({"host": ""}, "host"),
        ({"token": ""}, "token"),
        ({"token": "ZXlKaGJHY2lPaUpTVXpJMU5pSjk="}, "base64"),
        ({"token": "a b"}, "token"),
        ({"token": "ä"}, "token"),
        ({"port": 0}, "port"),
        ({"nas_addresses": "192.0.2.1"}, "nas_addresses"),
        ({"tls_trust": "none"}, "tls_trust"),
    ],
)
def test_what_cannot_be_used(changed: dict[str, object], word: str) -> None:
    with pytest.raises(OptionError, match=word) as caught:
        KubernetesOptions.read({**LEAST, **changed})
    assert str(changed.get("token") or "#") not in str(caught.value)


def test_only_the_token_is_a_secret() -> None:
    assert [field.name for field in FIELDS if field.is_secret] == ["token"]
