"""Two things that are compared take turns, so that neither has the better machine."""


def alternating(count, ours, peer):
    """Pairs of what two functions give, called in turn; the one that begins changes."""
    for number in range(count):
        if number % 2 == 0:
            first = ours()
            yield first, peer()
        else:
            second = peer()
            yield ours(), second
