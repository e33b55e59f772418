"""Compares what the writers were told with what the server holds.

The server's side is the witness table: the numbers of a writer's applied writes in the order of their application.
"""
from collections import Counter


def check(told, applied):
    """told: {n: verdict} of one writer; applied: its numbers in order. Returns the broken promises as sentences."""
    wrong = []
    times = Counter(applied)
    for n, verdict in sorted(told.items()):
        count = times.pop(n, 0)
        if verdict == "acked" and count == 0:
            wrong.append(f"n={n} was acknowledged and is lost")
        if verdict == "refused" and count:
            wrong.append(f"n={n} was refused and is there")
        if count > 1:
            wrong.append(f"n={n} ({verdict}) was applied {count} times")
    wrong += [f"n={n} is there and was never sent" for n in times]
    return wrong + check_order(told, applied)


def check_order(told, applied):
    """Acknowledged writes must be applied in the order in which they were sent; unknown ones may land at any time."""
    acked = [n for n in applied if told.get(n) == "acked"]
    return [f"n={b} was applied after n={a}" for a, b in zip(acked, acked[1:]) if b < a]


def self_test():
    told = {1: "acked", 2: "unknown", 3: "refused", 4: "acked", 5: "acked"}
    assert check(told, [1, 4, 5]) == [] and check(told, [1, 4, 2, 5]) == []
    for bad in ([1, 5], [1, 4, 4, 5], [1, 3, 4, 5], [1, 5, 4], [1, 2, 2, 4, 5], [1, 4, 5, 9]):
        assert check(told, bad), bad
