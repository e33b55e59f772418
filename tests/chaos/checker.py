"""Compares what the writers were told with what the server holds.

The server's side is the witness table: the numbers of a writer's applied writes in the order of their application.

Where the server came back with older data, what it had acked itself since the copy was taken is gone with the old data:
those are "at risk". They may be there or not, but not twice, not torn and not out of order. What Holdwater acked is not its
server's to lose: it has to be there.
"""
from collections import Counter

from connections import values_of


def at_risk(live, copies):
    """The numbers that the server may have lost: live: (sent at, told at, numbers) of what it acked itself; copies: (when its
    data was copied, when it was gone). What was told before the copy is in it, and what was sent later is in what came of it."""
    return {n for sent_at, told_at, numbers in live for copied_at, gone_at in copies
            if told_at >= copied_at and sent_at <= gone_at for n in numbers}


def check(told, applied, transactions=()):
    """told: {n: verdict} of one writer; applied: its numbers in order; transactions: the numbers that each was to commit.
    Returns the broken promises as sentences."""
    return check_times(told, applied) + check_order(told, applied) + check_whole(told, applied, transactions)


def check_times(told, applied, ids=None):
    """Each acknowledged one is there, none that was refused, and none twice. `ids`: what was told beside, to be named."""
    wrong, times = [], Counter(applied)
    for n, verdict in sorted(told.items()):
        count = times.pop(n, 0)
        if verdict == "acked" and count == 0:
            wrong.append(f"n={n} was acknowledged{'' if ids is None else f' with id {ids.get(n)}'} and is lost")
        if verdict == "refused" and count:
            wrong.append(f"n={n} was refused and is there")
        if count > 1:
            wrong.append(f"n={n} ({verdict}) was applied {count} times")
    return wrong + [f"n={n} is there and was never sent" for n in times]


def check_whole(told, applied, transactions):
    """All of a transaction or none of it, and nothing of the same writer in between, but for what is unknown: that may land at
    any time (over a connection of the writer's that only its own end knows to be gone)."""
    position = {n: at for at, n in enumerate(applied)}
    wrong = []
    for numbers in transactions:
        found = [position[n] for n in numbers if n in position]
        if found and len(found) < len(numbers):
            wrong.append(f"the transaction of n={numbers} is torn: {len(found)} of {len(numbers)} are there")
            continue
        between = applied[min(found):max(found)] if found else []
        if found != sorted(found) or any(n not in numbers and told.get(n) != "unknown" for n in between):
            wrong.append(f"the transaction of n={numbers} was applied out of order")
    return wrong


def check_typed(w, told, ids, rows, transactions, others):
    """Of writes that no witness sees: each row has the values that were sent and the id that was told. `rows`: (id, n, values...);
    `others`: the numbers of the same writer's other applied writes, for transactions that hold both."""
    wrong = check_times(told, [row[1] for row in rows], ids)
    for number, n, *values in rows:
        if n in ids and number != ids[n]:
            wrong.append(f"n={n} ({told.get(n)}) was told the id {ids[n]} and has {number}")
        wrong += [f"n={n}: {seen!r} instead of {sent!r}" for seen, sent in zip(values, values_of(w, n)) if seen != sent]
    there = others | {row[1] for row in rows}
    for numbers in transactions:
        found = [n for n in numbers if n in there]
        if found and len(found) < len(numbers):
            wrong.append(f"the transaction of n={numbers} is torn: {found} are there")
    return wrong


def check_order(told, applied):
    """Acknowledged writes must be applied in the order in which they were sent; unknown ones may land at any time."""
    acked = [n for n in applied if told.get(n) in ("acked", "at risk")]
    return [f"n={b} was applied after n={a}" for a, b in zip(acked, acked[1:]) if b < a]


def self_test():
    right = [(10, 4, *values_of(1, 4)), (11, 9, *values_of(1, 9))]
    said = {4: "acked", 9: "acked", 14: "refused"}
    assert check_typed(1, said, {4: 10, 9: 11}, right, [[8, 9]], {8}) == []
    for bad in (right[:1], right + right[1:], [(10, 4, *values_of(1, 4)), (11, 9, *values_of(1, 8))],
                [(12, 4, *values_of(1, 4)), right[1]], right + [(12, 14, *values_of(1, 14))]):
        assert check_typed(1, said, {4: 10, 9: 11}, bad, [], set()), bad
    assert check_typed(1, said, {4: 10, 9: 11}, right, [[8, 9]], set())
    told = {1: "acked", 2: "unknown", 3: "refused", 4: "acked", 5: "acked"}
    assert check(told, [1, 4, 5]) == [] and check(told, [1, 4, 2, 5]) == []
    for bad in ([1, 5], [1, 4, 4, 5], [1, 3, 4, 5], [1, 5, 4], [1, 2, 2, 4, 5], [1, 4, 5, 9]):
        assert check(told, bad), bad
    assert at_risk([(1, 2, [1]), (3, 4, [2, 3]), (5, 6, [4]), (7, 8, [5])], [(3.5, 5.5)]) == {2, 3, 4}
    told = {1: "acked", 2: "at risk", 3: "at risk", 4: "acked"}
    assert check(told, [1, 4]) == [] and check(told, [1, 2, 4]) == [] and check(told, [1, 2, 3, 4]) == []
    for bad in ([1, 2, 3], [1, 3, 2, 4], [1, 4, 2], [1, 2, 2, 4]):
        assert check(told, bad), bad
    assert check(told, [1, 2, 4], [[2, 3]])
    whole = {n: "acked" for n in range(1, 6)}
    assert check(whole, [1, 2, 3, 4, 5], [[2, 3], [4, 5]]) == []
    assert check({1: "acked", 2: "unknown", 3: "unknown"}, [1], [[2, 3]]) == []
    assert check({1: "acked", 2: "unknown", 3: "unknown"}, [1, 2], [[2, 3]])
    assert check({1: "acked", 2: "unknown", 3: "unknown"}, [2, 1, 3], [[2, 3]])
    assert check({1: "unknown", 2: "acked", 3: "acked"}, [2, 1, 3], [[2, 3]]) == []
    assert check({1: "unknown", 2: "acked", 3: "acked"}, [3, 1, 2], [[2, 3]])
