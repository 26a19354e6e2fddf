"""The README names everything that a user meets, in the words that the user reads."""

import re

import pytest

from .source import CHECKOUT, LANGUAGES, leaves, section, translation

README = {
    "en": (CHECKOUT / "README.md").read_text(encoding="utf-8"),
    "ja": (CHECKOUT / "README.ja.md").read_text(encoding="utf-8"),
}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_entity_is_listed(language: str) -> None:
    names = {
        text
        for path, text in leaves(section(translation(language), "entity"))
        if path[2:] == ("name",)
    }
    assert names
    assert {name for name in names if name not in README[language]} == set()


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_field_is_explained(language: str) -> None:
    fields = {
        (path[-1], text)
        for path, text in leaves(translation(language))
        if path[0] in {"config", "options", "config_subentries"} and path[-2] == "data"
    }
    assert fields
    readme = README[language]
    missing = {f for f in fields if not re.search(rf"{f[1]} ?[(\uff08]`{f[0]}`", readme)}
    assert missing == set()


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_action_is_described(language: str) -> None:
    actions = section(translation(language), "services")
    assert actions
    assert [name for name in actions if f"`omron_ups.{name}`" not in README[language]] == []


def test_both_have_the_same_shape() -> None:
    """A section or a table row that only one language has was forgotten in the other."""
    shapes = [
        [line[:1] for line in text.splitlines() if line.startswith(("#", "|", "```"))]
        for text in README.values()
    ]
    assert shapes[0] == shapes[1]
