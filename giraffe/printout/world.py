"""What happens to pages in the world, and how they are captured there: for training only.

Shares and ranges were chosen by looking at public scans, photographs and screenshots of ECGs; none
of those is used for training. They are wider than the eight conditions of `presets`, and cover
their causes with other parameters.
"""

from dataclasses import replace
from typing import Any

from giraffe.printout.capture import Capture
from giraffe.printout.wear import Wear

_MARKED = Wear(
    words=(0, 2), pen_marks=(0, 1), stamps=(0, 1), highlights=1.0, arrows=0.7, rings=0.7,
    notes=0.7, patches=0.2, redactions=0.5, watermarks=0.25,
)  # fmt: skip
_FOLDED = Wear(
    creases=(0, 3), wrinkles=(0.0, 0.2), yellowing=(0.0, 0.3), words=(0, 2), notes=0.3,
    redactions=0.15, patches=0.15, watermarks=0.03, folds=1.2, fold_strength=(0.05, 0.35),
)  # fmt: skip
_OLD = Wear(
    yellowing=(0.0, 0.8), fading=(0.0, 0.55), creases=(0, 6), crease_strength=(0.05, 0.35),
    wrinkles=(0.0, 0.35), stains=(0, 6), stain_strength=(0.1, 0.7), soaking=(0.0, 0.5),
    torn=(0.0, 8.0), words=(0, 4), pen_marks=(0, 2), stamps=(0, 1), notes=0.3, redactions=0.15,
    patches=0.15, folds=0.5, fold_strength=(0.1, 0.4),
)  # fmt: skip

WORLD_WEARS = (
    (Wear(redactions=0.15, watermarks=0.1), 0.30),
    (_MARKED, 0.25),
    (_FOLDED, 0.25),
    (_OLD, 0.20),
)
"""Ways in which paper is worn, each with its share."""

_CUT: dict[str, Any] = {"close": 0.35, "into": 0.25, "second": 0.03, "stretch": (0.7, 1.4)}
_FILE: dict[str, Any] = {"file_width": (600.0, 3600.0), "recompressed": 0.25}
_SCAN = Capture(
    "scanner", turn=(0.0, 3.0), margin=(0.0, 0.05), blur=(0.0, 0.2), balance=(0.0, 0.06),
    exposure=(0.88, 1.1), contrast=(0.8, 1.4), noise=(0.0, 5.0), quality=(40, 98),
    gamma=(0.7, 1.5), halo=(0.0, 0.8), **_FILE, **_CUT,
)  # fmt: skip
_LOW_SCAN = replace(
    _SCAN, file_width=(600.0, 1100.0), quality=(30, 85), halo=(0.0, 1.4), turn=(0.0, 1.0)
)
_GREY = replace(_SCAN, colour="grey", balance=(0.0, 0.0), contrast=(0.8, 1.8))
_LOW_GREY = replace(_LOW_SCAN, colour="grey", balance=(0.0, 0.0))
_TEXT = replace(
    _SCAN, colour="bw", balance=(0.0, 0.0), exposure=(0.95, 1.15), contrast=(0.7, 2.0),
    gamma=(1.0, 1.0),
)  # fmt: skip
_PHONE = Capture(
    "phone", turn=(0.0, 8.0), tilt=(0.0, 22.0), margin=(0.0, 0.12), bend=(0.0, 4.0),
    shadow=(0.0, 0.5), vignette=(0.0, 0.35), blur=(0.03, 0.4), balance=(0.0, 0.2),
    exposure=(0.85, 1.2), contrast=(0.75, 1.25), noise=(0.0, 8.0), quality=(35, 95),
    relief=(0.0, 5.0), gamma=(0.8, 1.3), around=("table", "desk", "cloth", "papers", "board"),
    hand=0.12, **_FILE, **(_CUT | {"stretch": (0.8, 1.25)}),
)  # fmt: skip
_HARD_PHONE = replace(
    _PHONE, turn=(0.0, 12.0), tilt=(10.0, 35.0), bend=(0.0, 6.0), relief=(1.0, 8.0),
    shadow=(0.1, 0.5), cast=(0.1, 0.4), glare=(0.0, 0.45), motion=(0.0, 0.7), hand=0.25,
)  # fmt: skip
_LAMP_PHONE = replace(_PHONE, warmth=(0.2, 0.95), exposure=(0.8, 1.1), cast=(0.0, 0.35))
_LOW_PHONE = replace(
    _PHONE, file_width=(600.0, 1100.0), quality=(30, 80), halo=(0.0, 1.2), recompressed=0.5
)
_MONITOR = Capture(
    "monitor", turn=(0.0, 4.0), tilt=(0.0, 14.0), margin=(0.03, 0.14), vignette=(0.0, 0.3),
    blur=(0.05, 0.4), balance=(0.0, 0.2), exposure=(0.7, 1.1), contrast=(0.8, 1.3),
    noise=(0.0, 7.0), quality=(40, 95), moire=(0.0, 0.2), glare=(0.0, 0.4), **_FILE,
    **(_CUT | {"second": 0.0, "stretch": (0.85, 1.2)}),
)  # fmt: skip
_SCREEN = Capture(
    "screen", quality=(70, 120), file_width=(600.0, 3000.0), halo=(0.0, 0.3), close=0.45,
    into=0.2, stretch=(0.7, 1.4),
)  # fmt: skip

WORLD_CAPTURES = (
    (_SCAN, 0.17),
    (_LOW_SCAN, 0.08),
    (_GREY, 0.06),
    (_TEXT, 0.06),
    (replace(_LOW_SCAN, tones="posterised"), 0.015),
    (replace(_LOW_SCAN, tones="inked"), 0.025),
    (replace(_LOW_GREY, tones="binary"), 0.03),
    (replace(_LOW_GREY, tones="fax"), 0.025),
    (_PHONE, 0.14),
    (_HARD_PHONE, 0.11),
    (_LAMP_PHONE, 0.06),
    (_LOW_PHONE, 0.06),
    (_MONITOR, 0.07),
    (_SCREEN, 0.095),
)
"""Ways of capturing pages, each with its share."""
