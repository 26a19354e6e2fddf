"""The READMEs say of the models what the driver's profiles say."""

from pathlib import Path

import pytest

from custom_components.omron_ups.driver.profiles import MODELS
from scripts.lib.model_table import BEGIN, END, JAPANESE, LANGUAGES, main, render, with_table


def make_readmes(folder: Path, table: str) -> None:
    """Write READMEs with nothing but a table of models in them."""
    for language in LANGUAGES:
        (folder / language.readme).write_text(f"before\n{table}\nafter\n", encoding="utf-8")


def test_the_tables_are_the_present_ones() -> None:
    assert main(["--check"]) == 0


def test_old_tables_are_told_and_written_anew(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_readmes(tmp_path, f"{BEGIN}\nold\n{END}")
    assert main(["--check"], tmp_path) == 1
    assert "README.md, README.ja.md; run scripts/model-table" in capsys.readouterr().out
    assert main([], tmp_path) == 0
    assert main(["--check"], tmp_path) == 0
    for language in LANGUAGES:
        text = (tmp_path / language.readme).read_text(encoding="utf-8")
        assert text == f"before\n{render(language)}\nafter\n"
        assert sum(line.startswith("| B") for line in text.splitlines()) == len(MODELS)
    assert "| BW55T | 0590:00d0 | 550 VA / 340 W |" in text


def test_what_is_seen_comes_before_what_is_only_listed() -> None:
    for language in LANGUAGES:
        seen, _, listed = render(language).partition("<details>")
        assert all((f"| {model.model} |" in seen) is model.is_seen for model in MODELS)
        assert all((f"| {model.model} |" in listed) is not model.is_seen for model in MODELS)


def test_no_translation_is_left_over() -> None:
    assert set(JAPANESE.evidence) == {model.evidence for model in MODELS}


@pytest.mark.parametrize(
    "text", ["", BEGIN, END, f"{END}\n{BEGIN}", f"{BEGIN}{END}{BEGIN}", f"{BEGIN}{END}{END}"]
)
def test_markers_that_do_not_enclose_one_table_are_an_error(text: str) -> None:
    with pytest.raises(ValueError, match="markers"):
        with_table(text, "table")
