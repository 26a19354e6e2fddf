"""Write the table of models from the driver's profiles: ``scripts/model-table``."""

from collections.abc import Sequence
from pathlib import Path
import sys

from custom_components.omron_ups.driver.profiles import MODELS, ModelProfile

TABLE = Path(__file__).parents[2] / "docs" / "models.md"
_HEAD = """\
# Models

Written by `scripts/model-table` from `driver/profiles.py`; change it there. "Seen" means that
somebody published it, not that this integration was run on the unit. Empty: nobody published it.
A unit that is not listed works as well, if it answers OMRON's dialect.

| model | USB id | rated W | rated VA | runtime | battery blocks | evidence |
| --- | --- | --- | --- | --- | --- | --- |
"""


def _row(model: ModelProfile) -> str:
    cells = (
        model.model,
        f"0590:{model.product_id:04x}",
        model.realpower_nominal or "",
        model.power_nominal or "",
        "" if model.runtime is None else "estimated",
        model.battery_packs or "",
        model.evidence,
    )
    return f"| {' | '.join(str(cell) for cell in cells)} |"


def render() -> str:
    """Return the whole file."""
    return _HEAD + "\n".join(_row(model) for model in MODELS) + "\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the table; with ``--check``, only tell whether it is the present one."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if "--check" not in arguments:
        TABLE.write_text(render(), encoding="utf-8")
        return 0
    if TABLE.exists() and TABLE.read_text(encoding="utf-8") == render():
        return 0
    print(f"{TABLE.name} is not what the profiles say: run scripts/model-table")
    return 1


if __name__ == "__main__":
    sys.exit(main())
