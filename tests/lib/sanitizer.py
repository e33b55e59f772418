"""A proxy that was built with a sanitizer: what it may take longer for, and what it reported.

Invariant: a report fails the test that made it, however its process ended: each process writes its reports to files of its
own (log_path), and the proxy's helper looks for them whenever the process has ended. With leak detection a process has to
end in order, so `close` of the helper asks such a proxy to, where it would kill an ordinary one.
"""
import functools
import glob
import os

FOLDER = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "sanitizers")
# How much longer than usual everything may take.
SLOWNESS = {"": 1, "asan": 3, "tsan": 5}


@functools.lru_cache(maxsize=None)
def sanitizer_of(binary):
    """"asan", "tsan", or "" for an ordinary build."""
    try:
        with open(binary, "rb") as file:
            content = file.read()
    except OSError:
        return ""
    return "tsan" if b"__tsan_init" in content else "asan" if b"__asan_init" in content else ""


def slowness():
    from lib.proxy import binary
    return SLOWNESS[sanitizer_of(binary())]


def environment(reports):
    """Variables for a program whose reports are to go to files beginning with `reports`."""
    common = f"log_path={reports}:exitcode=66:handle_abort=1:log_exe_name=1"
    return {"ASAN_OPTIONS": f"{common}:detect_stack_use_after_return=1:strict_string_checks=1:check_initialization_order=1",
            "LSAN_OPTIONS": f"suppressions={FOLDER}/lsan.supp:print_suppressions=0",
            "UBSAN_OPTIONS": f"{common}:print_stacktrace=1:halt_on_error=1",
            "TSAN_OPTIONS": f"{common}:second_deadlock_stack=1:halt_on_error=0:suppressions={FOLDER}/tsan.supp"}


def reports_at(reports):
    """The text of all reports in files beginning with `reports`, which are then set aside."""
    text = ""
    for name in sorted(glob.glob(glob.escape(reports) + ".*")):
        with open(name, errors="replace") as file:
            text += file.read()
        os.rename(name, os.path.join(os.path.dirname(name), "seen-" + os.path.basename(name)))
    return text
