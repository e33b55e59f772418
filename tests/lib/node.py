"""Node's packages, as tests/integration/node/package-lock.json pins them."""
import fcntl
import filecmp
import os
import shutil
import subprocess

from lib.proxy import PROJECT

LISTED = os.path.join(PROJECT, "tests", "integration", "node")
FILES = ("package.json", "package-lock.json")


def node_modules():
    """Installed once below build/ (or in $HOLDWATER_NODE_CACHE), and again when what is listed has changed."""
    folder = os.environ.get("HOLDWATER_NODE_CACHE", os.path.join(PROJECT, "build", "node"))
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, ".lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # another run may want the same
        if not _installed(folder):
            _install(folder)
    return os.path.join(folder, "node_modules")


def _installed(folder):
    """The lock file is copied last, so it tells that the installation was completed."""
    ours = os.path.join(folder, "installed.json")
    return os.path.exists(ours) and filecmp.cmp(ours, os.path.join(LISTED, "package-lock.json"), shallow=False)


def _install(folder):
    for name in FILES:
        shutil.copy(os.path.join(LISTED, name), folder)
    done = subprocess.run(["npm", "ci", "--silent", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", folder],
                          capture_output=True, text=True, timeout=110)
    assert done.returncode == 0, f"npm ended with {done.returncode}\n{done.stdout}\n{done.stderr}"
    shutil.copy(os.path.join(LISTED, "package-lock.json"), os.path.join(folder, "installed.json"))
