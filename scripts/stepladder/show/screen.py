"""Putting overviews and records on a terminal."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.panel import Panel
from rich.table import Table

MOST_ROWS = 14


def print_overview(console: Console, title: str, view: dict[str, Any]) -> None:
    """Counts with bars, then spreads."""
    console.print(f"[bold]{escape(title)}[/bold]: {view['records']:,} records")
    for name, counts in view["counts"].items():
        _print_counts(console, name, counts, view["records"])
    if view["spreads"]:
        table = Table(box=None, pad_edge=False)
        table.add_column("spread of")
        for column in ("min", "p25", "p50", "p75", "p95", "max", "mean"):
            table.add_column(column, justify="right")
        for name, values in view["spreads"].items():
            table.add_row(name, *(f"{value:,.4g}" if isinstance(value, float) else f"{value:,}"
                                  for value in values.values()))
        console.print(table)


def _print_counts(console: Console, name: str, counts: dict[str, int], total: int) -> None:
    table = Table(box=None, pad_edge=False, show_header=False)
    for value, count in list(counts.items())[:MOST_ROWS]:
        bar = "█" * round(24 * count / max(counts.values()))
        table.add_row("  " + escape(value), f"{count:,}", f"{100 * count / total:.1f} %", f"[cyan]{bar}[/cyan]")
    if len(counts) > MOST_ROWS:
        table.add_row(f"  ... {len(counts) - MOST_ROWS} more", f"{sum(list(counts.values())[MOST_ROWS:]):,}", "", "")
    console.print(f"[bold]{name}[/bold]")
    console.print(table)


def print_record(console: Console, record: dict[str, Any]) -> None:
    """One question as a person reads it, the rest of its fields below."""
    shown = {"id", "question", "choices", "answer", "chain_of_thought"}
    lines = []
    if "question" in record:
        lines.append(escape(str(record["question"])) + "\n")
    if isinstance(record.get("choices"), dict):
        for letter, text in record["choices"].items():
            line = f"{letter}. {escape(str(text))}"
            lines.append(f"[green]{line}  ✓[/green]" if letter == record.get("answer") else line)
    if record.get("chain_of_thought"):
        lines.append(f"\n[italic]{escape(record['chain_of_thought'])}[/italic]")
    rest = {name: value for name, value in record.items() if name not in shown}
    if rest:
        lines.append("")
    lines += [f"[dim]{name}[/dim] {escape(str(value))}" for name, value in rest.items()]
    console.print(Panel("\n".join(lines), title=escape(str(record.get("id", ""))), title_align="left"))


def print_difference(console: Console, view: dict[str, Any]) -> None:
    """What changed, with the first few ids of each kind."""
    console.print(f"{view['before']:,} records before, {view['after']:,} after; {view['same']:,} the same, "
                  f"{len(view['changed']):,} changed, {len(view['added']):,} added, {len(view['removed']):,} removed; "
                  f"order {'kept' if view['same_order'] else 'changed'}")
    for name, count in view["changed_fields"].items():
        console.print(f"  {escape(name)}: {count:,}")
    for kind in ("added", "removed"):
        if view[kind]:
            console.print(f"  {kind}: {escape(', '.join(view[kind][:5]))}{' ...' if len(view[kind]) > 5 else ''}")
    for key, names in list(view["changed"].items())[:10]:
        console.print(f"  {escape(key)}: {', '.join(names)}")
