# SPDX-License-Identifier: Apache-2.0
"""The figures of the sections exact and programs as a picture."""

from benchmark.machine import Failure
from benchmark.peers import PEERS

VARIANTS = ("exact", *PEERS)
TITLES = {"exact": "cairn, exact", "heaptrack preload": "heaptrack (recording only)", "heaptrack": "heaptrack",
          "gperftools": "gperftools", "jemalloc": "jemalloc"}
COLORS = {"exact": "#0072b2", "heaptrack preload": "#f0c566", "heaptrack": "#e69f00", "gperftools": "#b5b5b5", "jemalloc": "#7f7f7f"}
DEPTHS = {"pairs": "below main", "depth10": "10 calls", "depth30": "30 calls", "depth100": "100 calls"}
BAR = 0.16  # thickness, where groups are 1 apart


def draw_bars(axes, groups, figures, notes, start, show):
    """Horizontal bars: a group for each of {key: title}, in it a bar for each variant, {(key, variant): value}."""
    for number, variant in enumerate(VARIANTS):
        places = {key: index + (number - (len(VARIANTS) - 1) / 2) * BAR for index, key in enumerate(groups)}
        drawn = [key for key in groups if (key, variant) in figures]
        values = [figures[key, variant] for key in drawn]
        axes.barh([places[key] for key in drawn], values, BAR * 0.9, color=COLORS[variant], label=TITLES[variant], zorder=2)
        for key in groups:
            value = figures.get((key, variant))
            text = show(value) if value is not None else notes.get((key, variant), "")
            axes.annotate(text, (max(value or start, start), places[key]), (3, 0), textcoords="offset points", va="center", fontsize=7, color="#333333")
    axes.set_xscale("log")
    axes.set_yticks(range(len(groups)), groups.values())
    axes.invert_yaxis()
    axes.grid(axis="x", color="#e4e4e4", linewidth=0.6, zorder=0)
    axes.tick_params(axis="y", length=0)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.margins(x=0.12)


def write_plot(path, report, machine_name):
    """The picture, as PNG or SVG by the ending of its name."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.ticker import FuncFormatter
    added = {(row.workload, row.variant): row.median for row in report.rows if (row.section, row.metric) == ("exact", "added_ns")}
    slower = {(row.workload, row.variant): row.median for row in report.rows
              if (row.section, row.metric) == ("programs", "wall_over_bare")}
    programs = {workload: workload for workload, _ in slower}
    panels = [("What recording adds to a pair of malloc and free, in nanoseconds", DEPTHS, added, 10, "{:,.0f}"),
              ("Wall time of programs, as a multiple of what they take bare", programs, slower, 1, "{:.2f}")]
    panels = [panel for panel in panels if panel[2]]
    if not panels:
        raise Failure("--plot shows the sections exact and programs, and neither was measured")
    figure = Figure(figsize=(9, 0.9 + 4.1 * len(panels)), layout="constrained")
    figure.get_layout_engine().set(hspace=0.06)
    FigureCanvasAgg(figure)
    for axes, (title, groups, figures, start, style) in zip(figure.subplots(len(panels), squeeze=False)[:, 0], panels):
        draw_bars(axes, groups, figures, report.notes, start, style.format)
        axes.set_xlim(left=start)
        axes.set_title(title, loc="left", fontsize=11, pad=8)
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))
        axes.xaxis.set_minor_formatter("")
    figure.axes[0].legend(loc="lower left", bbox_to_anchor=(-0.01, 1.07), ncols=len(VARIANTS), frameon=False, fontsize=9)
    figure.supxlabel(f"Each allocation recorded with its call stack.  Logarithmic.  {machine_name}", fontsize=7, color="#555555")
    figure.savefig(path, dpi=150)
