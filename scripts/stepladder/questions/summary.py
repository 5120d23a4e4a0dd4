"""What stage 00 says when it has collected."""

from __future__ import annotations

from typing import Any

from stepladder.core.progress import say


def show(counts: dict[str, Any]) -> None:
    """Print parts, sources, shortcuts and coverage from the meta's counts."""
    say(f"{counts['training']} training, {counts['validation']} validation, {counts['test']} held out "
        f"(wanted {counts['wanted']})")
    for source, row in counts["by_source"].items():
        say(f"  {source}: {row['read']} read, {row['kept']} kept, {row['rejected']} rejected, "
            f"{row['duplicates']} duplicates, {row['not_sampled']} not sampled")
    for source, row in counts["options_only"].items():
        if "accuracy" in row:
            say(f"  {source}: guessed from options alone in {row['accuracy']:.0%} (by {row['guesser']}; chance 25%)")
    coverage = counts["coverage"]
    gaps = ", ".join(coverage["gaps"]) or "none"
    say(f"{coverage['covered']} of {coverage['of']} domains have {coverage['needed_a_domain']} or more; gaps: {gaps}")
