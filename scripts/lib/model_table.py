"""Write the tables of models into both READMEs from the driver's profiles: scripts/model-table."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
import sys

from custom_components.omron_ups.driver.models import Topology
from custom_components.omron_ups.driver.profiles import MODELS, OMRON_VENDOR_ID, ModelProfile

CHECKOUT = Path(__file__).parents[2]
BEGIN = "<!-- models: written by scripts/model-table -->"
END = "<!-- end of models -->"
EMPTY = "-"


@dataclass(frozen=True, slots=True, kw_only=True)
class Language:
    """The words of one README."""

    readme: str
    head: tuple[str, ...]
    seen: str
    """What is said of the models that somebody has seen to answer."""
    listed: str
    """What is said of the others."""
    standby: str
    online: str
    runtime: str
    blocks: str
    evidence: Mapping[str, str]
    """What the profiles say, in this language; empty for the language that they say it in."""


ENGLISH = Language(
    readme="README.md",
    head=("model", "USB id", "rating", "type", "particular", "evidence"),
    seen="Of these models somebody published what a unit answered:",
    listed="{count} more models by name, which nobody published anything of",
    standby="line-interactive",
    online="online",
    runtime="runtime is estimated",
    blocks="tells the voltage of one of {count} battery blocks",
    evidence={},
)
JAPANESE = Language(
    readme="README.ja.md",
    head=("機種", "USB ID", "定格", "方式", "特記事項", "根拠"),
    seen="応答が公開されている機種は次のとおりです。",
    listed="名前だけが分かっていて、応答は公開されていないほかの{count}機種",
    standby="ラインインタラクティブ",
    online="常時インバーター",
    runtime="バックアップ時間は推定値",
    blocks="{count}個のバッテリーのうち1個分の電圧を報告",
    evidence={
        "listed by vendor driver 1.02": "メーカーのドライバー1.02に記載",
        "listed by vendor driver 1.02, but switched off there": (
            "メーカーのドライバー1.02に記載があるが、無効化されている"
        ),
        "listed by vendor driver 1.02; rating from the manual": (
            "メーカーのドライバー1.02に記載。定格は取扱説明書から"
        ),
        "Q1 over USB, two users": "2名のユーザーによるUSBでのQ1",
        "Q1 over USB; a community driver was presumably written on it; rating from a script": (
            "USBでのQ1。コミュニティのドライバーはこの機種で作られたと思われる。定格は公開スクリプトから"
        ),
        "Q1 over RS-232": "RS-232でのQ1",
        "nine queries, An, Af, S, Sf and C over USB": (
            "USBでの9種類の問い合わせとAn、Af、S、Sf、C"
        ),
        "a dump of 43 variables, a community driver; not in the vendor table": (
            "43個の変数の記録、コミュニティのドライバー。メーカーの一覧にはない"
        ),
    },
)
LANGUAGES = (ENGLISH, JAPANESE)


def render(language: Language) -> str:
    """Return what stands between the markers of one README."""
    seen = [model for model in MODELS if model.is_seen]
    listed = [model for model in MODELS if not model.is_seen]
    parts = (
        BEGIN,
        language.seen,
        "",
        *_table(seen, language),
        "",
        "<details>",
        f"<summary>{language.listed.format(count=len(listed))}</summary>",
        "",
        *_table(listed, language),
        "",
        "</details>",
        END,
    )
    return "\n".join(parts)


def _table(models: Iterable[ModelProfile], language: Language) -> list[str]:
    rows = [_cells(model, language) for model in sorted(models, key=lambda model: model.model)]
    return [_line(language.head), _line(["---"] * len(language.head)), *map(_line, rows)]


def _cells(model: ModelProfile, language: Language) -> list[str]:
    return [
        model.model,
        f"{OMRON_VENDOR_ID:04x}:{model.product_id:04x}",
        _rating(model),
        _topology(model, language),
        _particular(model, language),
        language.evidence[model.evidence] if language.evidence else model.evidence,
    ]


def _rating(model: ModelProfile) -> str:
    ratings = ((model.power_nominal, "VA"), (model.realpower_nominal, "W"))
    return " / ".join(f"{value} {unit}" for value, unit in ratings if value) or EMPTY


def _topology(model: ModelProfile, language: Language) -> str:
    if model.topology is None:
        return EMPTY
    return language.standby if model.topology is Topology.STANDBY else language.online


def _particular(model: ModelProfile, language: Language) -> str:
    facts = []
    if model.runtime is not None:
        facts.append(language.runtime)
    if model.battery_packs is not None:
        facts.append(language.blocks.format(count=model.battery_packs))
    return "; ".join(facts) or EMPTY


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def with_table(text: str, table: str) -> str:
    """Return `text` with `table` in place of what its markers enclose.

    Raises:
        ValueError: `text` has not each marker once, in their order.
    """
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end) or BEGIN in rest or END in after:
        raise ValueError("the markers of the table of models are missing, or there are too many")
    return before + table + after


def main(arguments: Sequence[str] | None = None, folder: Path = CHECKOUT) -> int:
    """Write the tables; with ``--check``, only tell whether they are the present ones."""
    arguments = sys.argv[1:] if arguments is None else arguments
    outdated = []
    for language in LANGUAGES:
        readme = folder / language.readme
        text = readme.read_text(encoding="utf-8")
        wanted = with_table(text, render(language))
        if text == wanted:
            continue
        outdated.append(language.readme)
        if "--check" not in arguments:
            readme.write_text(wanted, encoding="utf-8")
    if outdated and "--check" in arguments:
        print(f"not what the profiles say: {', '.join(outdated)}; run scripts/model-table")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
