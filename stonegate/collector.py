"""How often Python looks for cycles: seldom, since parse trees, catalogs and plans hold none."""

from __future__ import annotations

import gc
from typing import Final

#: Values that are made between two looks. With Python's 700 a third of a plan's time goes into looking; with this many
#: it is a twentieth, and what cycles there are, of tasks and failures, take some megabytes until they are found.
_MADE_IN_BETWEEN: Final = 100_000


def look_seldom_for_cycles() -> None:
    """To be called once by whatever starts a process: it is the process's setting, not a library's."""
    gc.set_threshold(_MADE_IN_BETWEEN)
