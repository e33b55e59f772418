"""The program as a command line: holdwater status, drain, spool, and so on."""
import json
import os
import subprocess

from lib.proxy import binary


def holdwater(*arguments, **environment):
    """(exit code, what it said, what it complained of)."""
    done = subprocess.run([binary(), *arguments], capture_output=True, text=True, timeout=120,
                          env={"PATH": os.environ["PATH"], **environment})
    return done.returncode, done.stdout, done.stderr


class CommandLine:
    """Before a running proxy, with its token if it has one."""

    def __init__(self, proxy, token=None):
        self.proxy = proxy
        self.environment = {"HOLDWATER_ADMIN_TOKEN": token} if token else {}

    def __call__(self, *arguments):
        return holdwater(*arguments, "--admin", f"http://127.0.0.1:{self.proxy.admin_port}", **self.environment)

    def json(self, *arguments):
        return json.loads(self(*arguments, "--json")[1])
