"""What of the machine can be struck: a disk of the proxy's own, which can be made full, and its clock.

`missing` says why there is none of it here.
"""
import os
import subprocess

from lib.proxy import binary

FAKETIME = "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1"


class Disk:
    """A tmpfs, whose limit is set to what is on it."""
    ROOM = 1 << 30

    def __init__(self, folder):
        self.folder, self.missing = folder, ""
        os.mkdir(folder)
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={self.ROOM}", "none", folder], capture_output=True,
            text=True)
        if done.returncode:
            self.missing = f"this machine may not mount a tmpfs: {done.stderr.strip()}"

    def fill(self, left):
        """All but `left` bytes; how many it holds."""
        for further in range(100):
            held = os.statvfs(self.folder)
            used = (held.f_blocks - held.f_bfree) * held.f_frsize
            # what is written meanwhile may be more than was left: then the limit is refused
            if self._limit(used + left + further * 65536).returncode == 0:
                return used
        raise AssertionError("the disk cannot be filled")

    def free(self):
        done = self._limit(self.ROOM)
        assert done.returncode == 0, done.stderr

    def _limit(self, size):
        return subprocess.run(["mount", "-o", f"remount,size={size}", self.folder], capture_output=True, text=True)

    def close(self):
        if not self.missing:
            subprocess.run(["umount", "-l", self.folder], check=True)


class Clock:
    """The wall clock of one program, by libfaketime; its monotonic clock goes on as ever."""

    def __init__(self, folder):
        self.file, self.missing = os.path.join(folder, "clock"), ""
        linked = subprocess.run(["ldd", binary()], capture_output=True, text=True).stdout
        if not os.path.exists(FAKETIME):
            self.missing = "libfaketime is not installed"
        elif any(name in linked for name in ("libasan", "libtsan")):
            self.missing = "a sanitizer wants to be the first library, as libfaketime does"
        self.set(0)

    def settings(self):
        """For the program's environment."""
        return {} if self.missing else {"LD_PRELOAD": FAKETIME, "FAKETIME_TIMESTAMP_FILE": self.file, "FAKETIME_NO_CACHE": "1",
                                        "FAKETIME_DONT_FAKE_MONOTONIC": "1"}

    def set(self, off_s):
        with open(self.file + ".new", "w") as file:
            file.write(f"{off_s:+}\n")
        os.rename(self.file + ".new", self.file)
        return off_s
