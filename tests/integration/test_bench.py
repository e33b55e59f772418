"""bench/run.py, in its short form: that it measures, not what."""
import json
import os
import subprocess
import sys
import xml.etree.ElementTree

import pytest

from conftest import LONG
from lib.proxy import PROJECT


@pytest.mark.limit(900)
@pytest.mark.skipif(not LONG, reason="HOLDWATER_TEST_LONG is not 1")
def test_everything_is_measured_and_written_down(tmp_path):
    done = subprocess.run([sys.executable, os.path.join(PROJECT, "bench", "run.py"), "--quick", "--out", str(tmp_path)],
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    with open(tmp_path / "results.json") as file:
        cases = json.load(file)["cases"]
    assert set(cases) == {"point", "connects", "large", "idle", "outage", "instructions"}
    assert all(row["ratio"] > 0 for row in cases["point"]) and cases["outage"][0]["drain"] > 0
    assert all(1000 < row["instructions"] < 100_000 for row in cases["instructions"])
    assert "HAProxy" in (tmp_path / "results.md").read_text()
    xml.etree.ElementTree.parse(tmp_path / "results.svg")
