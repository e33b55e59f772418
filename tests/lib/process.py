"""Child processes, ports and waiting.

Invariant: no child outlives the test program. Each is ended by its pid at exit, and the kernel ends it when the
program itself is killed (PR_SET_PDEATHSIG, so children must be started from the main thread).
"""
import atexit
import contextlib
import ctypes
import fcntl
import os
import random
import signal
import socket
import subprocess
import tempfile
import threading
import time

PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)
_children = set()
_reserved = []

# A deadline gives a failure an end, and measures nothing: on a busy machine, what takes moments takes many seconds.
PATIENCE_S = 45


def _die_with_parent():
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def spawn(argv, log_path, env=None, cwd=None, pipes=False, keep=()):
    """Starts a program with its output appended to log_path; `pipes`: its stdin and stdout are for the caller. It has the
    descriptors `keep`, and no others of ours."""
    assert threading.current_thread() is threading.main_thread(), "children start from the main thread"
    with open(log_path, "ab") as log:
        child = subprocess.Popen(
            argv, stdin=subprocess.PIPE if pipes else subprocess.DEVNULL, stdout=subprocess.PIPE if pipes else log, stderr=log,
            env=env, cwd=cwd, pass_fds=keep,
            preexec_fn=_die_with_parent, start_new_session=True)
    _children.add(child)
    return child


def end(child, sig=signal.SIGKILL, deadline_s=60):
    """Sends sig (and SIGCONT, for a frozen child) and waits; kills what does not end in time. The exit status."""
    if child.poll() is None:
        child.send_signal(sig)
        child.send_signal(signal.SIGCONT)
        try:
            child.wait(deadline_s)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
            raise AssertionError(f"pid {child.pid} ({child.args[0]}) did not end within {deadline_s} s of signal {sig}")
    _children.discard(child)
    return child.returncode


def freeze(child):
    """Stops it, and returns when every thread of it stands: SIGSTOP alone leaves those that run a moment to answer in."""
    child.send_signal(signal.SIGSTOP)
    os.waitid(os.P_PID, child.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)


@atexit.register
def end_all():
    for child in list(_children):
        if child.poll() is None:
            child.kill()
            child.wait()
    _children.clear()


def wait_until(condition, deadline_s, message, every_s=0.02):
    """Calls condition until it returns something true, and returns that. message may be a callable. PATIENCE_S is the least
    that is waited; a proxy with a sanitizer is given longer."""
    from lib.sanitizer import slowness
    deadline_s = max(deadline_s, PATIENCE_S) * slowness()
    end_at = time.monotonic() + deadline_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end_at:
            text = message() if callable(message) else message
            raise AssertionError(f"not within {deadline_s} s: {text} (last: {value!r})")
        time.sleep(every_s)


def free_port():
    """A port that nobody listens on, below the kernel's range for outgoing connections, so that no connection of
    ours takes it while its owner is stopped. It is given once: to this program, until it ends (a lock on a file says
    so to the others on this machine)."""
    while True:
        port = random.SystemRandom().randrange(12000, 32000)
        if not _reserve(port):
            continue
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue


def _reserve(port):
    folder = os.path.join(tempfile.gettempdir(), f"holdwater-ports-{os.getuid()}")
    os.makedirs(folder, exist_ok=True)
    mark = os.open(os.path.join(folder, str(port)), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(mark, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(mark)
        return False
    _reserved.append(mark)  # stays open, and so locked
    return True


def processor_seconds(pid):
    """User and system time of a process, of its threads that have ended too (proc(5), /proc/PID/stat)."""
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_bytes(pid):
    with open(f"/proc/{pid}/statm") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def anonymous_bytes(pid):
    """Resident memory without files' pages."""
    return _status_bytes(pid, "RssAnon")


def peak_bytes(pid):
    """The most that was ever resident."""
    return _status_bytes(pid, "VmHWM")


def _status_bytes(pid, name):
    with open(f"/proc/{pid}/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith(name)) * 1024


def contents(folder):
    """{path below the folder: bytes} of its files. Their owner may take one away meanwhile, as one that is renamed when it is whole."""
    found = {}
    for where, _, names in os.walk(folder):
        for name in sorted(names):
            with contextlib.suppress(FileNotFoundError), open(os.path.join(where, name), "rb") as file:
                found[os.path.relpath(os.path.join(where, name), folder)] = file.read()
    return found


def tail(path, lines=40):
    try:
        with open(path, errors="replace") as file:
            return "".join(file.readlines()[-lines:])
    except OSError as error:
        return f"({error})\n"
