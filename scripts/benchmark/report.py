# SPDX-License-Identifier: Apache-2.0
"""Figures: what many runs say, tables of it, rows for a file, verdicts on goals."""

import collections
import csv
import math
import statistics
import sys


Row = collections.namedtuple("Row", "section workload variant metric median quartile1 quartile3 runs")


class Report:
    """Tables for people on stdout, rows for programs in a CSV file."""

    def __init__(self, csv_path):
        self.rows = []
        self.notes = {}  # (workload, variant): why there is no figure
        self.csv_path = csv_path

    def add(self, section, workload, variant, metric, values):
        """One row: a metric's median and quartiles."""
        low, median, high = quartiles(values)
        self.rows.append(Row(section, workload, variant, metric, median, low, high, len(values)))

    def write(self):
        """The CSV file, if one is wanted."""
        if self.csv_path:
            with open(self.csv_path, "w", newline="", encoding="utf-8") as file:
                writer = csv.writer(file)
                writer.writerow(Row._fields)
                writer.writerows([f"{cell:.6g}" if isinstance(cell, float) else cell for cell in row] for row in self.rows)

    @staticmethod
    def table(title, header, rows):
        """Columns as wide as their widest cell, numbers to the right."""
        widths = [max(len(row[i]) for row in [header, *rows]) for i in range(len(header))]
        print(f"\n{title}\n")
        for row in [header, *rows]:
            cells = [row[0].ljust(widths[0])] + [cell.rjust(width) for cell, width in zip(row[1:], widths[1:])]
            print("  " + "   ".join(cells).rstrip())
        sys.stdout.flush()


def quartiles(values):
    """First quartile, median, third quartile."""
    if len(values) < 2:
        return values[0], values[0], values[0]
    return tuple(statistics.quantiles(values, n=4, method="inclusive"))


def ratios(values, base):
    """Per round, values over base."""
    return [value / other for value, other in zip(values, base)]


def median_error(values, rounds):
    """Half the width of the 95 % interval of the median of values, which come in generations of so many rounds."""
    medians = [statistics.median(values[i:i + rounds]) for i in range(0, len(values), rounds)]
    return 1.96 * math.sqrt(math.pi / 2) * statistics.stdev(medians) / math.sqrt(len(medians))


def show_ratio(values, rounds):
    """1.023 +-0.004 [1.01-1.04]; of a single value that alone."""
    low, median, high = quartiles(values)
    digits = 3 if median < 10 else 1
    if len(values) <= rounds:
        return f"{median:.{digits}f}"
    error = median_error(values, rounds)
    return f"{median:.{digits}f} +-{error:.{digits}f} [{low:.{digits - 1}f}-{high:.{digits - 1}f}]"


def show_range(values, digits=0):
    """118 [115-123]"""
    low, median, high = quartiles(values)
    return f"{median:,.{digits}f} [{low:,.{digits}f}-{high:,.{digits}f}]"


def verdict(value, goal, unit, error=0):
    """The goal, and whether it is met; in brackets where the error leaves that open."""
    word = "met" if value <= goal else "missed"
    return f"<= {goal}{unit}: " + (f"({word})" if abs(value - goal) < error else word)


def verdict_at_least(value, goal, unit):
    """The same for a goal that is a minimum."""
    return f">= {goal}{unit}: " + ("met" if value >= goal else "missed")


def verdict_on_ratio(values, goal, rounds):
    """The same for a ratio."""
    return verdict(statistics.median(values), goal, "", median_error(values, rounds))


def in_turns(variants, num_rounds, first=0):
    """The variants in as many orders as there are rounds, the next ones from a first."""
    variants = list(variants)
    for i in range(first, first + num_rounds):
        turn = i // 2 % len(variants)
        order = variants[turn:] + variants[:turn]
        yield order if i % 2 == 0 else order[::-1]
