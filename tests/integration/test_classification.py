"""What the lexer says of statements, compared with what real servers do with them (tests/differential)."""
import argparse
import io
import os
import sys

import pytest
from conftest import LONG

from lib.proxy import PROJECT, binary
from lib.server import KINDS

sys.path.insert(0, os.path.join(PROJECT, "tests", "differential"))
import differential  # noqa: E402


def classify():
    beside = os.path.join(os.path.dirname(binary()), "classify")
    return beside if os.path.exists(beside) else os.path.join(PROJECT, "build/release/classify")


def enough(comparison):
    """Slow as the machine may be, some of each were carried out."""
    return all(comparison.counts[what] > 5 for what in ("plain write", "pure read")) and comparison.served["carried out"] > 10


@pytest.mark.limit(300 if not LONG else 600)
@pytest.mark.parametrize("kind", ["mariadb", "mysql"] + (["mariadb118"] if LONG else []))
def test_what_is_called_a_plain_write_or_a_read_is_one(kind, root):
    assert os.path.exists(classify()), "the program `classify` is not built: configure with HOLDWATER_TESTS=ON"
    options = argparse.Namespace(server=kind, seed=1126, minutes=5 if LONG else 0.1, only=None, classify=classify())
    server = KINDS[kind](root).start(*differential.LOGS)
    said = io.StringIO()
    try:
        comparison = differential.compare_all(options, server, said, enough)
        differential.report(options, comparison, said)
    finally:
        server.destroy()
    assert not comparison.finds, said.getvalue()[:8000]
    print(said.getvalue())
    assert enough(comparison), said.getvalue()
