"""Both languages say the same, and neither breaks a rule of Home Assistant."""

import re

import pytest

from .source import LANGUAGES, leaves, section, translation

TEXTS = {language: dict(leaves(translation(language))) for language in LANGUAGES}


def placeholders(text: str) -> set[str]:
    return set(re.findall(r"\{(\w+)\}", text))


def test_both_languages_have_the_same_keys() -> None:
    assert TEXTS["en"].keys() ^ TEXTS["ja"].keys() == set()


def test_both_languages_have_the_same_placeholders() -> None:
    different = {
        path
        for path, text in TEXTS["en"].items()
        if placeholders(text) != placeholders(TEXTS["ja"].get(path, ""))
    }
    assert different == set()


@pytest.mark.parametrize("language", LANGUAGES)
def test_texts_are_plain(language: str) -> None:
    at_fault = {
        path: text
        for path, text in TEXTS[language].items()
        if not text.strip() or text != text.strip() or re.search(r"\[%key|</?\w+>|[ \t]{2}", text)
    }
    assert at_fault == {}


@pytest.mark.parametrize("language", LANGUAGES)
def test_texts_pass_hassfest(language: str) -> None:
    """No URLs, no placeholders between single quotes, and none in states and units."""
    at_fault = {
        path: text
        for path, text in TEXTS[language].items()
        if re.search(r"(?:\b[a-z]+[0-9]?://|\bwww\.)[\w.-]+\.[a-z]{2,}", text, re.IGNORECASE)
        or re.search(r"'{\w+}'|{(?!\w+})", text)
        or ({"state", "unit_of_measurement"} & set(path) and placeholders(text))
    }
    assert at_fault == {}


def test_keys_pass_hassfest() -> None:
    at_fault = {
        path
        for path in TEXTS["en"]
        if not all(re.fullmatch(r"[a-z0-9]+(?:[_-][a-z0-9]+)*", key) for key in path)
    }
    assert at_fault == set()


@pytest.mark.parametrize("language", LANGUAGES)
def test_names_are_no_sentences(language: str) -> None:
    at_fault = {
        path: text
        for path, text in TEXTS[language].items()
        if path[-1] in {"name", "title"} or path[-2:-1] == ("data",)
        if path[-2:-1] != ("data_description",)
        if text.endswith((".", "。"))
    }
    assert at_fault == {}


def test_english_names_are_in_sentence_case() -> None:
    # Names of products, protocols and units are no words of a sentence.
    proper = {"Home", "Assistant", "Network", "Tools"}
    at_fault = {
        path: text
        for path, text in TEXTS["en"].items()
        if path[-1] == "name" or path[-2:-1] in {("data",), ("menu_options",)}
        for word in text.split()[1:]
        if word.istitle() and word not in proper
    }
    assert at_fault == {}


# Names of products and terms of their own, the same in every language.
SAME = {"Proxmox VE", "Synology NAS", "Webhook", "ping"}


def test_japanese_is_japanese() -> None:
    # Names of products and terms that Japanese writes as they are.
    at_fault = {
        path: text
        for path, text in TEXTS["ja"].items()
        if not re.search(r"[\u3040-\u30ff\u4e00-\u9fff]", text) and TEXTS["en"][path] == text
        if not re.fullmatch(r"[A-Z]+( [A-Z]+)*|{\w+}", text) and text not in SAME
    }
    assert at_fault == {}


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_field_is_explained(language: str) -> None:
    """Quality scale, config-flow: every key of ``data`` has its ``data_description``."""
    steps = {
        path[:-2]
        for path in TEXTS[language]
        if len(path) > 1 and path[-2] in {"data", "data_description"}
    }
    assert steps
    for step in steps:
        texts = section(translation(language), *step)
        assert texts.get("data", {}).keys() == texts.get("data_description", {}).keys(), step
