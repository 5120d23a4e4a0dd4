"""Charts as inline SVG: drawn by matplotlib, coloured by the page's style sheet, so they follow light and dark.

Text stays text (searchable, in the page's font). Colours are drawn as marks that `_svg` replaces by CSS variables.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

INK, SOFT, PAPER = "#010203", "#040506", "#070809"
SERIES = ("#0a0b01", "#0a0b02", "#0a0b03", "#0a0b04", "#0a0b05", "#0a0b06")
_CSS = {INK: "currentColor", SOFT: "var(--soft)", PAPER: "var(--paper)",
        **{mark: f"var(--series-{index})" for index, mark in enumerate(SERIES, start=1)}}
WIDTH = 4.1  # inches; the page scales it, up on a desk and down to a phone, where 9 points must stay readable
_STYLE = {
    "svg.fonttype": "none", "font.family": "sans-serif", "font.size": 9, "text.color": INK, "axes.edgecolor": SOFT,
    "axes.labelcolor": INK, "xtick.color": INK, "ytick.color": INK, "axes.facecolor": "none", "axes.grid": True,
    "figure.facecolor": "none", "savefig.facecolor": "none", "grid.color": SOFT, "grid.linewidth": 0.4,
    "axes.spines.top": False, "axes.spines.right": False, "axes.linewidth": 0.6, "legend.frameon": False,
    "axes.axisbelow": True, "xtick.major.width": 0.6, "ytick.major.width": 0.6, "lines.linewidth": 1.6,
}


@contextmanager
def _figure(height: float) -> Iterator[tuple[Any, Any]]:
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(WIDTH, height), layout="constrained")
        yield figure, figure.subplots()


def _svg(figure: Any, label: str) -> str:
    import matplotlib as mpl

    out = io.StringIO()
    with mpl.rc_context({"svg.hashsalt": label}):
        figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None})
    svg = out.getvalue()
    svg = svg[svg.index("<svg"):]
    svg = re.sub(r"<metadata>.*?</metadata>\s*", "", svg, flags=re.DOTALL)
    # Ids are referred to within the page, where several charts live together.
    salt = re.sub(r"\W+", "-", label).strip("-").lower()
    svg = re.sub(r'(\bid="|url\(#|href="#)', rf"\g<1>{salt}-", svg)
    head = re.search(r'viewBox="[^"]*"', svg)
    svg = re.sub(r"<svg[^>]*>", f'<svg {head[0]} role="img" aria-label="{label}" '
                                'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink">',
                 svg, count=1)
    svg = re.sub(r"font: ([\d.]+)px [^;\"]*", r"font-size: \1px", svg)
    for mark, css in _CSS.items():
        svg = svg.replace(mark, css)
    return svg.strip()


def bars(label: str, names: Sequence[str], values: Sequence[float], unit: str = "") -> str:
    """Horizontal bars with their figures written behind them."""
    with _figure(0.5 + 0.3 * len(names)) as (figure, axes):
        drawn = axes.barh(range(len(names)), values, color=SERIES[0], height=0.62)
        axes.bar_label(drawn, labels=[f"{value:,.0f}{unit}" for value in values], padding=3)
        axes.set_yticks(range(len(names)), names)
        axes.invert_yaxis()
        axes.grid(False)
        axes.set_xticks([])
        axes.spines[["bottom", "left"]].set_visible(False)
        axes.tick_params(length=0)
        axes.margins(x=0.14)
        return _svg(figure, label)


def intervals(label: str, rows: Sequence[tuple[str, Mapping[str, float], int]], series: Sequence[str] = (), *,
              chance: float | None = 0.25, chance_name: str = "chance", axis: str = "right, %") -> str:
    """A dot with its 95 % interval a row: (name, {"value", "low", "high"} as shares, series number)."""
    with _figure(0.75 + 0.27 * len(rows) + (0.2 if series else 0)) as (figure, axes):
        for place, (_, found, which) in enumerate(rows):
            value, low, high = (100 * found[key] for key in ("value", "low", "high"))
            axes.plot([low, high], [place, place], color=SERIES[which], linewidth=2, alpha=0.55,
                      solid_capstyle="round")
            axes.plot(value, place, "o", color=SERIES[which], markersize=6)
        axes.set_yticks(range(len(rows)), [name for name, _, _ in rows])
        axes.set_ylim(len(rows) - 0.4, -0.6)
        axes.grid(False, axis="y")
        axes.set_xlabel(axis)
        if chance is not None:
            axes.axvline(100 * chance, color=INK, linewidth=0.8, linestyle=(0, (4, 3)))
            axes.annotate(chance_name, (100 * chance, 1), (3, -2), xycoords=("data", "axes fraction"),
                          textcoords="offset points", va="top", fontsize=8)
        _legend(figure, series)
        return _svg(figure, label)


def _legend(figure: Any, series: Sequence[str]) -> None:
    if not series:
        return
    from matplotlib.lines import Line2D

    handles = [Line2D([], [], marker="o", linestyle="", color=SERIES[index]) for index in range(len(series))]
    columns = max(1, min(len(series), 52 // (7 + max(map(len, series)))))
    figure.legend(handles, series, loc="outside upper center", ncols=columns, handletextpad=0.1, columnspacing=1.2)


def dumbbells(label: str, rows: Sequence[tuple[str, Mapping[str, float]]], series: Sequence[str]) -> str:
    """For each row the shares of several contestants on one line, joined: who is ahead, and by how much."""
    with _figure(0.8 + 0.2 * len(rows)) as (figure, axes):
        for place, (_, shares) in enumerate(rows):
            values = [100 * shares[name] for name in series if name in shares]
            axes.plot([min(values), max(values)], [place, place], color=SOFT, linewidth=2)
            for index, name in enumerate(series):
                if name in shares:
                    axes.plot(100 * shares[name], place, "o", color=SERIES[index], markersize=5,
                              alpha=0.9, zorder=3 + index)
        axes.set_yticks(range(len(rows)), [name for name, _ in rows], fontsize=8)
        axes.set_ylim(len(rows) - 0.4, -0.6)
        axes.set_xlim(-3, 103)
        axes.grid(False, axis="y")
        axes.set_xlabel("right, %")
        _legend(figure, series)
        return _svg(figure, label)


def histogram(label: str, groups: Mapping[str, Sequence[float]], axis: str, low: float, high: float) -> str:
    """Counts in half-unit bins, groups outlined over each other."""
    with _figure(2.3) as (figure, axes):
        edges = [low + step / 2 for step in range(round(2 * (high - low)) + 1)]
        for index, values in enumerate(groups.values()):
            axes.hist(values, bins=edges, histtype="stepfilled" if index == 0 else "step", color=SERIES[index],
                      alpha=0.45 if index == 0 else 1, linewidth=1.5)
        axes.set_xlabel(axis)
        axes.set_ylabel("records")
        _legend(figure, list(groups))
        return _svg(figure, label)


def lines(label: str, series: Mapping[str, tuple[Sequence[float], Sequence[float]]], x_axis: str, y_axis: str, *,
          second: tuple[str, Sequence[float], Sequence[float]] | None = None, dots: bool = False) -> str:
    """One line a series; `second` (name, xs, ys) is drawn softly against an axis of its own on the right."""
    with _figure(2.7) as (figure, axes):
        for index, (xs, ys) in enumerate(series.values()):
            axes.plot(xs, ys, color=SERIES[index], marker="o" if dots or len(xs) == 1 else None, markersize=4)
        axes.set_xlabel(x_axis)
        axes.set_ylabel(y_axis)
        axes.xaxis.get_major_locator().set_params(integer=True)
        names = list(series)
        if second is not None:
            right = axes.twinx()
            right.plot(second[1], second[2], color=SERIES[len(series)], linewidth=1, alpha=0.8)
            right.set_ylabel(second[0])
            right.grid(False)
            right.spines["right"].set_visible(True)
            names.append(second[0])
        _legend(figure, names)
        return _svg(figure, label)


def calibration(label: str, series: Mapping[str, Sequence[Mapping[str, Any]]]) -> str:
    """Stated confidence against accuracy, with intervals; on the diagonal both agree."""
    with _figure(3.4) as (figure, axes):
        axes.plot([0, 100], [0, 100], color=INK, linewidth=0.8, linestyle=(0, (4, 3)))
        for index, bins in enumerate(series.values()):
            xs = [100 * row["confidence"] for row in bins]
            ys = [100 * row["accuracy"]["value"] for row in bins]
            for x, row in zip(xs, bins, strict=True):
                axes.plot([x, x], [100 * row["accuracy"]["low"], 100 * row["accuracy"]["high"]], color=SERIES[index],
                          alpha=0.4, linewidth=1.5)
            axes.plot(xs, ys, color=SERIES[index], marker="o", markersize=4)
        axes.set_xlim(20, 101)
        axes.set_ylim(-2, 102)
        axes.set_xlabel("stated confidence, %")
        axes.set_ylabel("right, %")
        _legend(figure, list(series))
        return _svg(figure, label)


def times(label: str, rows: Sequence[tuple[str, float, float]], target: float) -> str:
    """p50 as a dot, up to the highest percentile known as a line, logarithmic, against a target in milliseconds."""
    from matplotlib.ticker import LogLocator, NullLocator

    with _figure(0.8 + 0.3 * len(rows)) as (figure, axes):
        for place, (_, p50, highest) in enumerate(rows):
            axes.plot([p50, highest], [place, place], color=SERIES[0], linewidth=3.5, alpha=0.6,
                      solid_capstyle="round")
            axes.plot(p50, place, "o", color=SERIES[0], markersize=6)
        axes.set_xscale("log")
        axes.set_xlim(min(target, *(row[1] for row in rows)) / 2, max(target, *(row[2] for row in rows)) * 2)
        low = min(target, *(row[1] for row in rows))
        wide = max(row[2] for row in rows) > 30 * low
        axes.xaxis.set_major_locator(LogLocator(subs=(1,) if wide else (1, 2, 5)))
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}" if value >= 1 else f"{value:g}")
        axes.xaxis.set_minor_locator(NullLocator())
        axes.set_yticks(range(len(rows)), [name for name, *_ in rows])
        axes.set_ylim(len(rows) - 0.4, -0.6)
        axes.axvline(target, color=INK, linewidth=0.8, linestyle=(0, (4, 3)))
        axes.annotate(f"{target:.0f} ms target", (target, 1), (3, -2), xycoords=("data", "axes fraction"),
                      textcoords="offset points", va="top", fontsize=8)
        axes.grid(False, axis="y")
        axes.set_xlabel("ms (dot: median; line: to the highest percentile told)")
        return _svg(figure, label)


def letters(label: str, rows: Sequence[tuple[str, Mapping[str, int]]]) -> str:
    """Shares of the letters said, stacked, a row each."""
    with _figure(0.75 + 0.3 * len(rows)) as (figure, axes):
        names = [name for name in ("A", "B", "C", "D", "none") if any(counts.get(name) for _, counts in rows)]
        for place, (_, counts) in enumerate(rows):
            total, left = sum(counts.values()) or 1, 0.0
            for index, name in enumerate(names):
                share = 100 * counts.get(name, 0) / total
                axes.barh(place, share, left=left, color=SERIES[index] if name != "none" else SOFT, height=0.62)
                left += share
        axes.set_yticks(range(len(rows)), [name for name, _ in rows])
        axes.set_ylim(len(rows) - 0.4, -0.6)
        axes.set_xlim(0, 100)
        axes.grid(False)
        axes.set_xlabel("share of answers, %")
        _legend(figure, names)
        return _svg(figure, label)
