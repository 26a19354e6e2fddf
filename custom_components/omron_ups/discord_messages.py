"""What Discord is told: texts in English and Japanese, made from the facts in the letters."""

from collections.abc import Callable, Mapping, Sequence
from itertools import takewhile
from typing import Any, Final

from .discord import Embed, EmbedField, Message
from .discord_words import (
    COALESCED,
    ENGLISH,
    EVENTS,
    JAPANESE,
    LABELS,
    NOTES,
    PLANS,
    REASONS,
    STATUSES,
    STEPS,
    TARGET_STATES,
    Severity,
)
from .outbox import Batch, Letter

# Letters that are not the event entity's own.
KIND_TEXT: Final = "text"
"""A message of the user's own; `data`: title, message."""
KIND_PLAN: Final = "plan"
"""How far a plan has come; `data`: event, detail, rows as in `_rows`."""
KIND_REPORT: Final = "report"
"""What a plan did, told once it is over; `data` as for KIND_PLAN."""

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
    labels = LABELS[language]
    return Message(
        embed=Embed(
            title=getattr(COALESCED, language).format(ups=ups, duration=lasted),
            color=COALESCED.severity,
            fields=(
                EmbedField(name=labels["from"], value=_moment(begin.at.timestamp(), "T")),
                EmbedField(name=labels["to"], value=_moment(end.at.timestamp(), "T")),
                *_figures(end.data, language),
            ),
            timestamp=end.at,
        )
    )


def _event(letter: Letter, language: str, *, mention: str) -> Message:
    wording = {**EVENTS, **NOTES}.get(letter.kind)
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
        mention=mention if wording.severity is Severity.CRITICAL else "",
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
    ("status", lambda value, language: STATUSES[language].get(str(value), str(value))),
    ("battery_charge", lambda value, _: f"{value:.0f} %"),
    ("battery_runtime", duration),
    ("load", lambda value, _: f"{value:.0f} %"),
    ("reason", lambda value, language: _word(REASONS, str(value), language)),
    ("target", lambda value, _: _plain(str(value))),
    ("what", lambda value, language: _what(str(value), language)),
    ("detail", lambda value, _: _plain(str(value))),
)


def _figures(data: Mapping[str, Any], language: str) -> tuple[EmbedField, ...]:
    """Return what is known; three short ones fit beside each other on a phone."""
    return tuple(
        EmbedField(name=LABELS[language][name], value=words(data[name], language))
        for name, words in _FIGURES
        if data.get(name) not in {None, ""}
    )


def _what(what: str, language: str) -> str:
    """Return the words for the reason, the step or the state that an event of the plan is about."""
    if (state := TARGET_STATES.get(what)) is not None:
        return state[1 if language == ENGLISH else 2]
    return _word({**REASONS, **STEPS}, what, language)


def _word(words: Mapping[str, tuple[str, str]], key: str, language: str) -> str:
    english, japanese = words.get(key, (key, key))
    return english if language == ENGLISH else japanese


def _plan_line(data: Mapping[str, Any], language: str) -> str:
    plan = data.get("plan")
    if plan is None:
        return ""
    starts = data.get("plan_starts_at")
    key = str(plan)
    if plan == "armed" and data.get("status") == "mains":
        key = "armed_on_mains"
    elif plan == "armed" and starts is None:
        key = "armed_low"
    words = PLANS[language].get(key, "")
    text = words.format(
        starts="" if starts is None else _moment(starts, "R"),
        needs=duration(data.get("plan_needs") or 0, language),
        until=_moment(data.get("maintenance_until") or 0, "t"),
    )
    return f"{LABELS[language]['plan']}: {text}" if text else ""


def _moment(timestamp: float, style: str) -> str:
    """Return a moment that Discord shows in each reader's own time zone."""
    return f"<t:{int(timestamp)}:{style}>"


def _plain(text: str) -> str:
    """Return text in which nothing is taken for markup."""
    return "".join(f"\\{character}" if character in _MARKUP else character for character in text)
