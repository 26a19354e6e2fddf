"""The words for Discord, in English and Japanese."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

ENGLISH: Final = "en"
JAPANESE: Final = "ja"


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

NOTES: Final[Mapping[str, Wording]] = {
    "would_start": Wording(
        severity=Severity.CRITICAL,
        en="{ups}: hosts would be shut down now, but they are not",
        ja="{ups}: 停止条件を満たしましたが、ホストは停止しません",
    ),
    "data_lost": Wording(
        severity=Severity.CRITICAL,
        en="{ups} is silent while on battery",
        ja="{ups}: バッテリー運転中に応答がなくなりました",
    ),
}
"""What is told with the course of the plan; the event entity has no such types."""

REASONS: Final[Mapping[str, tuple[str, str]]] = {
    "low_battery": ("low battery", "バッテリー残量低下"),
    "time_on_battery": ("time on battery", "バッテリー運転の継続時間"),
    "runtime": ("runtime", "残り時間"),
    "charge": ("charge", "充電"),
    "margin": ("the time left to low battery", "バッテリー低下までの余裕時間"),
    "data_lost": ("silence on battery", "バッテリー運転中の無応答"),
    "forced": ("forced shutdown (FSD)", "強制シャットダウン (FSD)"),
    "request": ("a request", "手動の要求"),
    "rehearsal": ("a rehearsal", "予行"),
}
"""Why a plan begins, or would begin."""

STEPS: Final[Mapping[str, tuple[str, str]]] = {
    "extended": ("more hosts are to stop", "停止するホストを追加しました"),
    "power_lost": ("power failed", "停電しました"),
    "power_back": ("power is back", "復電しました"),
    "shortened": ("what is left stops at once", "残りを直ちに停止します"),
    "renewed": ("is to stop again", "もう一度停止します"),
    "gate": ("waits until nobody uses it", "使用されなくなるまで待ちます"),
    "asked": ("is asked", "要求しました"),
    "answered": ("has answered", "応答がありました"),
    "output_asked": ("the output of the UPS is to switch", "UPS の出力の切り替えを要求しました"),
    "output_answered": ("the UPS has answered", "UPS が応答しました"),
    "handed_over": ("all that could be stopped is stopped", "停止できるものはすべて停止しました"),
    "resumed": ("goes on after a restart", "再起動後に再開しました"),
    "cancelled": ("is taken back", "取り消します"),
    "restoring": ("what was stopped is brought back", "停止したものを復帰させます"),
    "released": ("may start again", "起動できる状態になりました"),
    "waking": ("is woken", "起動を要求しました"),
    "journal_error": ("the journal cannot be written", "記録を書き込めません"),
    "all_down": ("everything is off", "すべて停止しました"),
    "all_back": ("everything is back", "すべて復帰しました"),
    "incomplete": ("not everywhere", "一部が完了していません"),
    "rehearsed": ("rehearsed", "予行しました"),
}
"""What a plan did, by the words of its journal, and how it ended."""

COALESCED: Final = Wording(
    severity=Severity.GOOD,
    en="Power was out at {ups} for {duration}; nothing was shut down",
    ja="{ups}: {duration} 停電しました。シャットダウンは行っていません",
)

LABELS: Final[Mapping[str, Mapping[str, str]]] = {
    ENGLISH: {
        "status": "Status",
        "battery_charge": "Charge",
        "battery_runtime": "Runtime",
        "load": "Load",
        "plan": "Shutdown plan",
        "from": "From",
        "to": "To",
        "reason": "Reason",
        "what": "Shutdown plan",
        "target": "Host",
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
        "reason": "理由",
        "what": "シャットダウン計画",
        "target": "ホスト",
        "detail": "詳細",
    },
}

STATUSES: Final[Mapping[str, Mapping[str, str]]] = {
    ENGLISH: {
        "mains": "On mains",
        "battery": "On battery",
        "unknown": "Unknown",
    },
    JAPANESE: {"mains": "商用電源", "battery": "バッテリー運転", "unknown": "不明"},
}

PLANS: Final[Mapping[str, Mapping[str, str]]] = {
    ENGLISH: {
        "none": "No hosts are configured: nothing will be shut down.",
        "disarmed": "**Disarmed: no host will be shut down.**",
        "maintenance": "**Maintenance: no host will be shut down until {until}.**",
        "armed_on_mains": "Armed.",
        "armed": "Starts {starts} at the latest and takes {needs}.",
        "armed_low": "Starts at low battery at the latest and takes {needs}.",
        "running": "Running.",
    },
    JAPANESE: {
        "none": "ホストが未設定のため、何も停止しません。",
        "disarmed": "**無効: ホストは停止されません。**",
        "maintenance": "**メンテナンス中: {until} まで停止しません。**",
        "armed_on_mains": "有効です。",
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
