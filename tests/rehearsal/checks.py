"""All checks, in the order they run in: later ones look at what the night has left.

    for check in CHECKS: check.run(world)
"""

from __future__ import annotations

from . import checks_hub, checks_night, checks_plan
from .registry import CHECKS, Check

__all__ = ["CHECKS", "Check", "checks_hub", "checks_night", "checks_plan"]
