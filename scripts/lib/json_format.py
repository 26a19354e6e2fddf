"""Check that the translations and icons are written one way, so that a diff shows what changed."""

import json
from pathlib import Path
import sys

INTEGRATION = Path(__file__).parents[2] / "custom_components/omron_ups"


def formatted(text: str) -> str:
    """Return the JSON document ``text`` with two spaces per level and one line feed at the end.

    Raises:
        json.JSONDecodeError: The text is no JSON.
    """
    return json.dumps(json.loads(text), ensure_ascii=False, indent=2) + "\n"


def problem_of(path: Path) -> str | None:
    """Return what is wrong with the file and where, ``None`` if nothing is."""
    text = path.read_text(encoding="utf-8")
    try:
        wanted = formatted(text)
    except json.JSONDecodeError as err:
        return f"{path}: no valid JSON: {err}"
    if text == wanted:
        return None
    return f"{path}:{_first_difference(text, wanted)}: not written like json.dumps(indent=2)"


def main() -> int:
    """Check the files and return the exit code."""
    paths = [*sorted(INTEGRATION.glob("translations/*.json")), *INTEGRATION.glob("icons.json")]
    problems = [problem for path in paths if (problem := problem_of(path)) is not None]
    for problem in problems:
        print(problem)
    return bool(problems)


def _first_difference(text: str, wanted: str) -> int:
    lines = zip(text.splitlines(), wanted.splitlines(), strict=False)
    shared = next((n for n, (is_, want) in enumerate(lines, 1) if is_ != want), None)
    return shared or min(text.count("\n"), wanted.count("\n")) + 1


if __name__ == "__main__":
    sys.exit(main())
