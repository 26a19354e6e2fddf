"""Play an outage in the reference homelab with a real Home Assistant: ``scripts/homelab``."""

import argparse
import asyncio
from collections.abc import Sequence
from pathlib import Path
import shutil
import sys
from tempfile import mkdtemp

from tests.e2e.homelab.play import play


def main(arguments: Sequence[str] | None = None) -> int:
    """Play it and print the timeline; returns 1 if anything was not as it must be."""
    parser = argparse.ArgumentParser(
        prog="scripts/homelab",
        description="Stop and restore the reference homelab: a real Home Assistant, fake hosts.",
    )
    parser.add_argument(
        "--low-battery",
        action="store_true",
        help="let the battery be low while the first hosts are stopping",
    )
    parser.add_argument("--keep", action="store_true", help="keep the folder with log and journal")
    options = parser.parse_args(arguments)
    folder = Path(mkdtemp(prefix="omron-ups-homelab-"))
    try:
        played = asyncio.run(play(folder, low_battery=options.low_battery))
    finally:
        if options.keep:
            print(f"all of it is in {folder}")
        else:
            shutil.rmtree(folder)
    print("\n".join(played.timeline))
    print()
    print("\n".join(played.figures))
    print("\n".join(f"BROKEN {words}" for words in played.broken) or "everything as it must be")
    return 1 if played.broken else 0


if __name__ == "__main__":
    sys.exit(main())
