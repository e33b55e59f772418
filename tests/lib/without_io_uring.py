"""Runs a command that may not use io_uring, as in most containers: io_uring_setup fails with EPERM."""
import ctypes
import os
import platform
import struct
import sys

SETUP = 425  # the same number on every architecture
PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS, SECCOMP_MODE_FILTER = 22, 38, 2
LOAD_NUMBER, JUMP_IF_EQUAL, RETURN = 0x20, 0x15, 0x06
ALLOW, REFUSE = 0x7FFF0000, 0x00050001  # the latter with EPERM


def forbid():
    steps = b"".join(struct.pack("HBBI", *step) for step in (
        (LOAD_NUMBER, 0, 0, 0), (JUMP_IF_EQUAL, 0, 1, SETUP), (RETURN, 0, 0, REFUSE), (RETURN, 0, 0, ALLOW)))
    memory = ctypes.create_string_buffer(steps, len(steps))
    program = ctypes.create_string_buffer(struct.pack("HxxxxxxP", 4, ctypes.addressof(memory)))
    libc = ctypes.CDLL(None, use_errno=True)
    for call in ((PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), (PR_SET_SECCOMP, SECCOMP_MODE_FILTER, program, 0, 0)):
        if libc.prctl(*call) != 0:
            raise OSError(ctypes.get_errno(), "prctl")


if __name__ == "__main__":
    assert platform.system() == "Linux"
    forbid()
    os.execv(sys.argv[1], sys.argv[1:])
