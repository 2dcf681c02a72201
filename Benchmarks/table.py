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


def told(is_met):
    return "" if is_met else "  missed"


def number(value):
    if value is None:
        return ""
    return f"{value:.{0 if abs(value) >= 100 or value == int(value) else 1}f}"
