"""What Discord is told: texts in English and Japanese, made from the facts in the letters."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from itertools import takewhile
from typing import Any, Final

from .discord import Embed, EmbedField, Message
from .outbox import Batch, Letter

ENGLISH: Final = "en"
JAPANESE: Final = "ja"

# Letters that are not the event entity's own.
KIND_TEXT: Final = "text"
"""A message of the user's own; `data`: title, message."""
KIND_PLAN: Final = "plan"
"""How far a plan has come; `data`: event, detail, rows as in `_rows`."""
KIND_REPORT: Final = "report"
"""What a plan did, told once it is over; `data` as for KIND_PLAN."""


class Severity(IntEnum):
    """How bad it is; the value is the colour."""

    CRITICAL = 0xD32F2F
    WARNING = 0xF57C00
    GOOD = 0x388E3C
    NEUTRAL = 0x455A64


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """How one kind of event is told."""

    severity: Severity
    en: str
    ja: str


EVENTS: Final[Mapping[str, Wording]] = {
    "power_lost": Wording(
        severity=Severity.CRITICAL,
        en="Power failure: {ups} is on battery",
        ja="停電: {ups} はバッテリー運転中です",
    ),
    "power_restored": Wording(
        severity=Severity.GOOD, en="Power is back at {ups}", ja="復電しました: {ups}"
    ),
    "battery_low": Wording(
        severity=Severity.CRITICAL,
        en="Low battery: {ups} will soon be empty",
        ja="バッテリー残量低下: {ups} はまもなく停止します",
    ),
    "battery_ok": Wording(
        severity=Severity.GOOD,
        en="The battery of {ups} is no longer low",
        ja="{ups} のバッテリー残量が回復しました",
    ),
    "overload": Wording(severity=Severity.CRITICAL, en="Overload at {ups}", ja="過負荷: {ups}"),
    "overload_cleared": Wording(
        severity=Severity.GOOD,
        en="{ups} is no longer overloaded",
        ja="{ups} の過負荷は解消しました",
    ),
    "replace_battery": Wording(
        severity=Severity.WARNING,
        en="Replace the battery of {ups}",
        ja="{ups} のバッテリーを交換してください",
    ),
    "fault": Wording(severity=Severity.CRITICAL, en="Fault at {ups}", ja="故障: {ups}"),
    "fault_cleared": Wording(
        severity=Severity.GOOD,
        en="The fault at {ups} is gone",
        ja="{ups} の故障は解消しました",
    ),
    "test_started": Wording(
        severity=Severity.NEUTRAL,
        en="Battery test of {ups} has begun",
        ja="{ups} のバッテリーテストを開始しました",
    ),
    "test_finished": Wording(
        severity=Severity.NEUTRAL,
        en="Battery test of {ups} is over",
        ja="{ups} のバッテリーテストが終了しました",
    ),
    "communication_lost": Wording(
        severity=Severity.WARNING,
        en="{ups} no longer answers",
        ja="{ups} から応答がありません",
    ),
    "communication_restored": Wording(
        severity=Severity.GOOD, en="{ups} answers again", ja="{ups} の応答が回復しました"
    ),
    "forced_shutdown": Wording(
        severity=Severity.CRITICAL,
        en="Forced shutdown (FSD) at {ups}",
        ja="強制シャットダウン (FSD): {ups}",
    ),
    "plan_started": Wording(
        severity=Severity.CRITICAL,
        en="{ups}: hosts are being shut down",
        ja="{ups}: ホストのシャットダウンを開始しました",
    ),
    "plan_step": Wording(
        severity=Severity.NEUTRAL, en="{ups}: shutdown plan", ja="{ups}: シャットダウン計画"
    ),
    "plan_cancelled": Wording(
        severity=Severity.GOOD,
        en="{ups}: the shutdown plan was cancelled",
        ja="{ups}: シャットダウン計画は中止されました",
    ),
    "plan_finished": Wording(
        severity=Severity.GOOD,
        en="{ups}: the shutdown plan is done",
        ja="{ups}: シャットダウン計画が完了しました",
    ),
    "plan_failed": Wording(
        severity=Severity.CRITICAL,
        en="{ups}: the shutdown plan did not succeed everywhere",
        ja="{ups}: シャットダウン計画の一部が失敗しました",
    ),
}

_COALESCED: Final = Wording(
    severity=Severity.GOOD,
    en="Power was out at {ups} for {duration}; nothing was shut down",
    ja="{ups}: {duration} 停電しました。シャットダウンは行っていません",
)

_LABELS: Final[Mapping[str, Mapping[str, str]]] = {
    ENGLISH: {
        "status": "Status",
        "battery_charge": "Charge",
        "battery_runtime": "Runtime",
        "load": "Load",
        "plan": "Shutdown plan",
        "from": "From",
        "to": "To",
        "detail": "Details",
    },
    JAPANESE: {
        "status": "状態",
        "battery_charge": "充電",
        "battery_runtime": "残り時間",
        "load": "負荷",
        "plan": "シャットダウン計画",
        "from": "開始",
        "to": "終了",
        "detail": "詳細",
    },
}

_STATUSES: Final[Mapping[str, Mapping[str, str]]] = {
    ENGLISH: {
        "mains": "On mains",
        "battery": "On battery",
        "unknown": "Unknown",
    },
    JAPANESE: {"mains": "商用電源", "battery": "バッテリー運転", "unknown": "不明"},
}

_PLANS: Final[Mapping[str, Mapping[str, str]]] = {
    ENGLISH: {
        "none": "No hosts are configured: nothing will be shut down.",
        "disarmed": "**Disarmed: no host will be shut down.**",
        "maintenance": "**Maintenance: no host will be shut down until {until}.**",
        "armed": "Starts {starts} at the latest and takes {needs}.",
        "armed_low": "Starts at low battery at the latest and takes {needs}.",
        "running": "Running.",
    },
    JAPANESE: {
        "none": "ホストが未設定のため、何も停止しません。",
        "disarmed": "**無効: ホストは停止されません。**",
        "maintenance": "**メンテナンス中: {until} まで停止しません。**",
        "armed": "遅くとも {starts} に開始し、{needs} かかります。",
        "armed_low": "遅くともバッテリー低下時に開始し、{needs} かかります。",
        "running": "実行中。",
    },
}

# A mark, and the words in English and Japanese.
TARGET_STATES: Final[Mapping[str, tuple[str, str, str]]] = {
    "waiting": ("⏳", "waits", "待機中"),
    "gated": ("⏳", "still in use", "使用中のため待機"),
    "stopping": ("🔻", "is stopping", "停止処理中"),
    "down": ("⬛", "is off", "停止"),
    "already_down": ("⬛", "was off already", "すでに停止"),
    "overdue": ("⚠️", "did not stop in time", "時間内に停止せず"),
    "unconfirmed": ("❔", "was told to stop, not confirmed", "停止を要求済み(確認手段なし)"),
    "refused": ("⚠️", "refused", "拒否"),
    "skipped": ("⏭️", "left alone", "対象外"),
    "undone": ("↩️", "shutdown taken back", "停止を取り消し"),
    "returning": ("🔺", "is starting", "起動中"),
    "back": ("✅", "is back", "復帰"),
    "not_back": ("⚠️", "did not come back", "復帰せず"),
}

_MARKUP: Final = frozenset("\\*_~`|>[]")
_HOUR_S: Final = 3600
_MINUTE_S: Final = 60


def language_of(language: str) -> str:
    """Return the language of the messages for a language of Home Assistant."""
    return JAPANESE if language.partition("-")[0] == JAPANESE else ENGLISH


def render(letters: Sequence[Letter], *, language: str, mention: str = "") -> Batch:
    """Return the next message of those that wait, the oldest first.

    What happened while nobody could be told becomes one message where that says it better: an
    outage that is over, the steps of a plan.
    """
    first = letters[0]
    if (count := _whole_outage(letters)) is not None:
        return Batch(message=_outage(letters[:count], language), count=count)
    if first.kind in {KIND_PLAN, KIND_REPORT}:
        same = list(takewhile(lambda item: _is_same_plan(item, first), letters))
        message = _plan(same[-1], language, mention=mention)
        return Batch(message=message, count=len(same), live_key=first.group)
    if first.kind == KIND_TEXT:
        return Batch(message=_text(first))
    return Batch(message=_event(first, language, mention=mention))


def duration(seconds: float, language: str) -> str:
    """Return a length of time in words; what is shorter than a minute in seconds."""
    whole = max(0, round(seconds))
    hours, rest = divmod(whole, _HOUR_S)
    minutes, left = divmod(rest, _MINUTE_S)
    units = ("h", "min", "s") if language == ENGLISH else ("時間", "分", "秒")
    gap = " " if language == ENGLISH else ""
    parts = [
        f"{value}{gap}{unit}"
        for value, unit in zip((hours, minutes, left), units, strict=True)
        if value
    ]
    return " ".join(parts) or f"0{gap}{units[-1]}"


def _is_same_plan(letter: Letter, first: Letter) -> bool:
    return letter.kind in {KIND_PLAN, KIND_REPORT} and letter.group == first.group


def _whole_outage(letters: Sequence[Letter]) -> int | None:
    """Return how many letters from the front tell of an outage that came to nothing.

    Where more happened than the letters tell, `is_quiet` of the last one is false: then somebody
    may have shut down.
    """
    first = letters[0]
    if first.kind != "power_lost" or not first.group:
        return None
    for count, item in enumerate(letters, 1):
        if item.group != first.group:
            return None
        if item.kind == "power_restored":
            return count if item.data.get("is_quiet", True) else None
    return None


def _outage(letters: Sequence[Letter], language: str) -> Message:
    begin, end = letters[0], letters[-1]
    ups = str(begin.data.get("ups", ""))
    lasted = duration((end.at - begin.at).total_seconds(), language)
    labels = _LABELS[language]
    return Message(
        embed=Embed(
            title=getattr(_COALESCED, language).format(ups=ups, duration=lasted),
            color=_COALESCED.severity,
            fields=(
                EmbedField(name=labels["from"], value=_moment(begin.at.timestamp(), "T")),
                EmbedField(name=labels["to"], value=_moment(end.at.timestamp(), "T")),
                *_figures(end.data, language),
            ),
            timestamp=end.at,
        )
    )


def _event(letter: Letter, language: str, *, mention: str) -> Message:
    wording = EVENTS.get(letter.kind)
    title = letter.kind if wording is None else getattr(wording, language)
    severity = Severity.NEUTRAL if wording is None else wording.severity
    return Message(
        mention=mention if severity is Severity.CRITICAL else "",
        embed=Embed(
            title=title.format(ups=letter.data.get("ups", "")),
            description=_plan_line(letter.data, language),
            color=severity,
            fields=_figures(letter.data, language),
            timestamp=letter.at,
        ),
    )


def _plan(letter: Letter, language: str, *, mention: str) -> Message:
    """Return the message that is edited while a plan runs."""
    data = letter.data
    wording = EVENTS[str(data.get("event", "plan_started"))]
    return Message(
        mention=mention,
        embed=Embed(
            title=getattr(wording, language).format(ups=data.get("ups", "")),
            description="\n".join(_rows(data.get("rows", ()), language)),
            color=wording.severity,
            fields=_figures(data, language),
            timestamp=letter.at,
        ),
    )


def _rows(rows: Sequence[Sequence[Any]], language: str) -> list[str]:
    """Return one line for each target.

    Args:
        rows: Name, state, seconds that it took or None, battery charge at that time if known.
        language: Of the words.

    """
    column = 1 if language == ENGLISH else 2
    lines = []
    for name, state, seconds, *charge in rows:
        words = TARGET_STATES.get(str(state), ("", str(state), str(state)))
        known = [duration(seconds, language)] if seconds else []
        known += [f"{value:.0f} %" for value in charge if value is not None]
        took = f" ({', '.join(known)})" if known else ""
        lines.append(f"{words[0]} **{_plain(str(name))}** {words[column]}{took}")
    return lines


def _text(letter: Letter) -> Message:
    title = str(letter.data.get("title") or "")
    text = str(letter.data.get("message") or "")
    if not title:
        return Message(content=text)
    return Message(
        embed=Embed(title=title, description=text, color=Severity.NEUTRAL, timestamp=letter.at)
    )


_FIGURES: Final[tuple[tuple[str, Callable[[Any, str], str]], ...]] = (
    ("status", lambda value, language: _STATUSES[language].get(str(value), str(value))),
    ("battery_charge", lambda value, _: f"{value:.0f} %"),
    ("battery_runtime", duration),
    ("load", lambda value, _: f"{value:.0f} %"),
    ("detail", lambda value, _: _plain(str(value))),
)


def _figures(data: Mapping[str, Any], language: str) -> tuple[EmbedField, ...]:
    """Return what is known; three short ones fit beside each other on a phone."""
    return tuple(
        EmbedField(name=_LABELS[language][name], value=words(data[name], language))
        for name, words in _FIGURES
        if data.get(name) not in {None, ""}
    )


def _plan_line(data: Mapping[str, Any], language: str) -> str:
    plan = data.get("plan")
    if plan is None:
        return ""
    starts = data.get("plan_starts_at")
    key = "armed_low" if plan == "armed" and starts is None else str(plan)
    words = _PLANS[language].get(key, "")
    text = words.format(
        starts="" if starts is None else _moment(starts, "R"),
        needs=duration(data.get("plan_needs") or 0, language),
        until=_moment(data.get("maintenance_until") or 0, "t"),
    )
    return f"{_LABELS[language]['plan']}: {text}" if text else ""


def _moment(timestamp: float, style: str) -> str:
    """Return a moment that Discord shows in each reader's own time zone."""
    return f"<t:{int(timestamp)}:{style}>"


def _plain(text: str) -> str:
    """Return text in which nothing is taken for markup."""
    return "".join(
        f"\\{character}" if character in "\\*_~`|>[]" else character for character in text
    )
