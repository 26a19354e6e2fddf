"""The README names everything that a user meets, in the words that the user reads."""

import re

import pytest

from .source import CHECKOUT, LANGUAGES, leaves, section, translation

README = {
    "en": (CHECKOUT / "README.md").read_text(encoding="utf-8"),
    "ja": (CHECKOUT / "README.ja.md").read_text(encoding="utf-8"),
}
# Every target is put in its place in the plan; nothing else is.
KINDS = tuple(
    kind
    for kind, flow in section(translation("en"), "config_subentries").items()
    if "plan" in flow["step"]
)
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


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
    readme = README[language]
    fields = {
        (path[-1], text)
        for path, text in leaves(translation(language))
        if path[0] in {"config", "options", "config_subentries"}
        and path[-2] == "data"
        and not _is_of_kind(path, language)
    }
    assert fields
    assert {field for field in fields if not _is_explained(field, readme)} == set()


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", KINDS)
def test_every_field_of_a_target_is_explained(kind: str, language: str) -> None:
    """What only one kind asks for stands on a page that the README links, under its heading."""
    form = section(translation(language), "config_subentries", kind, "step", "user")
    fields = {(path[-1], text) for path, text in leaves(form) if path[-2:-1] == ("data",)}
    assert len(fields) > 1, "the name, and what the kind needs"
    of_all, of_kind = _of_all_targets(language), _of_kind(kind, language)
    unknown = {field for field in fields if not _is_explained(field, of_kind)}
    assert {field for field in unknown if not _is_explained(field, of_all)} == set()


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_page_that_is_linked_exists(language: str) -> None:
    """Pages and their headings, as GitHub names them."""
    for name, heading in re.findall(r"\]\((docs/[\w./-]+\.md)?(?:#([^)]*))?\)", README[language]):
        page = (CHECKOUT / name).read_text(encoding="utf-8") if name else README[language]
        assert not heading or heading in {_anchor(text) for text in HEADING.findall(page)}


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


def _is_explained(field: tuple[str, str], text: str) -> bool:
    """Return whether a text has a field by the label of the form and by its name."""
    name, label = field
    return re.search(rf"{re.escape(label)} ?[(\uff08]`{name}`", text) is not None


def _is_of_kind(path: tuple[str, ...], language: str) -> bool:
    """Return whether only one kind of target asks for it: its first form, and no other."""
    if path[0] != "config_subentries" or path[1] not in KINDS or path[2:4] != ("step", "user"):
        return False
    assert f"`{path[1]}`" in README[language]
    return True


def _pages(language: str) -> dict[str, str]:
    """Return the pages of the same language that the README links, by their names."""
    names = set(re.findall(r"\]\(docs/([\w.-]+\.md)", README[language]))
    return {
        name: (CHECKOUT / "docs" / name).read_text(encoding="utf-8")
        for name in names
        if name.endswith(".ja.md") == (language == "ja")
    }


def _of_kind(kind: str, language: str) -> str:
    """Return what the linked pages say of one kind: a page of its own, or a section."""
    pages = _pages(language)
    sections = (part for page in pages.values() for part in page.split("\n## "))
    own = [part for part in sections if part.partition("\n")[0] == kind]
    return "\n".join([*own, pages.get(f"targets-{kind}.md", "")])


def _of_all_targets(language: str) -> str:
    """Return the section of the README that is about what all targets are asked."""
    heading = {"en": "### Fields of a target", "ja": "### 対象の項目"}[language]
    return README[language].partition(f"\n{heading}\n")[2].partition("\n### ")[0]


def _anchor(heading: str) -> str:
    """Return the name that GitHub gives to a heading."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")
