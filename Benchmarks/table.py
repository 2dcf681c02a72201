"""The table that a benchmark prints: medians of what was measured, ours and a peer's, and how they meet a target."""

import statistics


class Row:
    def __init__(self):
        self.ours, self.peer, self.ratios = [], [], []
        self.ratio_limit = self.ratio_least = self.limit = self.reason = None


class Table:
    def __init__(self):
        self.rows = {}

    def add(self, title, ours, peer=None, ratio_limit=None, limit=None, ratio_least=None):
        """One more sample of a row: ours, or a pair. A limit is the most that the median may be, of ours or of the
        ratio ours : peer, or the least that the ratio may be; None is for what has no target."""
        row = self.rows.setdefault(title, Row())
        row.ratio_limit, row.limit, row.ratio_least = ratio_limit, limit, ratio_least
        row.ours.append(ours)
        if peer is not None:
            row.peer.append(peer)
        if peer:
            row.ratios.append(ours / peer)

    def miss(self, title, reason=None):
        """A row that is not to be had here, or its peer."""
        self.rows.setdefault(title, Row()).reason = reason

    def print(self):
        if not self.rows:
            return
        width = max(map(len, self.rows)) + 2
        print(f"{'':<{width}}{'ours':>10}{'peer':>10}{'ratio':>8}{'target':>12}")
        for title, row in self.rows.items():
            if not row.ours:
                print(f"{title:<{width}}not available{f': {row.reason}' if row.reason else ''}")
                continue
            samples = (row.ours, row.peer, row.ratios)
            ours, peer, ratio = (statistics.median(cells) if cells else None for cells in samples)
            verdict = ""
            if row.limit is not None:
                verdict = f"<= {number(row.limit)}".rjust(12) + told(ours <= row.limit)
            elif row.ratio_limit is not None and ratio is not None:
                verdict = f"<= {row.ratio_limit:.2f} x".rjust(12) + told(ratio <= row.ratio_limit)
            elif row.ratio_least is not None and ratio is not None:
                verdict = f">= {row.ratio_least:.2f} x".rjust(12) + told(ratio >= row.ratio_least)
            compared = f"{ratio:.2f}" if ratio is not None else ""
            print(f"{title:<{width}}{number(ours):>10}{number(peer):>10}{compared:>8}{verdict}")


class Comparison:
    """The table of one measurement made of many programs: what each took for each task, as medians, and the ratio to
    one of them, the base."""

    def __init__(self, base):
        self.base, self.tasks, self.cells = base, [], {}

    def add(self, name, task, sample):
        """One more sample of a program's, with `p50_us` and `p99_us`; text says why there is none."""
        if task not in self.tasks:
            self.tasks.append(task)
        self.cells.setdefault(name, {}).setdefault(task, []).append(sample)

    def print(self):
        if not self.cells:
            return
        width = max(map(len, self.cells)) + 2
        print(f"\n{'':<{width}}" + "".join(f"{task:>32}" for task in self.tasks))
        heads = f"{'p50':>14}{'p99':>9}{'ratio':>9}"
        print(f"{'microseconds':<{width}}" + heads * len(self.tasks))
        for name, tasks in self.cells.items():
            line = f"{name:<{width}}"
            for task in self.tasks:
                samples = tasks.get(task, [""])
                if isinstance(samples[0], str):
                    line += f"{samples[0]:>32}"
                    continue
                base = self.cells[self.base][task]
                p50, p99 = (statistics.median(one[key] for one in samples) for key in ("p50_us", "p99_us"))
                ratio = statistics.median(one["p50_us"] / other["p50_us"] for one, other in zip(samples, base))
                line += f"{number(p50):>14}{number(p99):>9}{ratio:>9.2f}"
            print(line.rstrip())


def told(is_met):
    return "" if is_met else "  missed"


def number(value):
    if value is None:
        return ""
    return f"{value:.{0 if abs(value) >= 100 or value == int(value) else 1}f}"
