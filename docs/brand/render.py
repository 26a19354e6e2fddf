"""Draw the brand images from the SVG files beside this script.

Needs cairosvg, which is no requirement of the project: install it wherever you like and run
``python docs/brand/render.py`` from the top of the checkout.
"""

from pathlib import Path

import cairosvg

SOURCE = Path(__file__).parent
TARGET = SOURCE.parents[1] / "custom_components/omron_ups/brand"
HEIGHT = 256

for drawing in ("icon", "logo", "dark_logo"):
    for suffix, scale in (("", 1), ("@2x", 2)):
        cairosvg.svg2png(
            url=str(SOURCE / f"{drawing}.svg"),
            write_to=str(TARGET / f"{drawing}{suffix}.png"),
            output_height=HEIGHT * scale,
        )
