"""Check how the translations and icons are written, beyond what a JSON parser asks for."""

from collections.abc import Iterator
import json
from pathlib import Path
import re
import sys
from typing import Any

INTEGRATION = Path(__file__).parents[2] / "custom_components/omron_ups"

_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')


def problems_of(path: Path) -> Iterator[str]:
    """Yield what is wrong with the file, each as ``<path>[:<line>]: <problem>``.

    A key twice in one object (the parser keeps the last), lines that are not indented by two
    spaces per level, blanks at their end, letters written as codes, no line feed at the end.
    """
    text = path.read_text(encoding="utf-8")
    try:
        json.loads(text, object_pairs_hook=_without_twins)
    except ValueError as err:
        yield f"{path}: {err}"
        return
    if not text.endswith("}\n"):
        yield f"{path}: does not end with one line feed"
    depth = 0
    for number, line in enumerate(text.splitlines(), 1):
        bare = _STRING.sub('""', line)
        closing = bool(re.match(r"\s*[}\]]", bare))
        if line != " " * 2 * (depth - closing) + line.strip():
            yield f"{path}:{number}: wrong indentation, or blanks at the end"
        if "\\u" in line:
            yield f"{path}:{number}: letter written as a code"
        depth += sum(map(bare.count, "{[")) - sum(map(bare.count, "}]"))


def main() -> int:
    """Check the files and return the exit code."""
    paths = [*sorted(INTEGRATION.glob("translations/*.json")), *INTEGRATION.glob("icons.json")]
    problems = [problem for path in paths for problem in problems_of(path)]
    for problem in problems:
        print(problem)
    return bool(problems)


def _without_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    keys = [key for key, _ in pairs]
    if twins := {key for key in keys if keys.count(key) > 1}:
        raise ValueError(f"key more than once: {', '.join(sorted(twins))}")
    return dict(pairs)


if __name__ == "__main__":
    sys.exit(main())
