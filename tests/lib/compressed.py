"""A recording client that speaks the compressed protocol: zlib by Python's own, zstd by the system's library.

Compressed packets: 3 bytes of length, a sequence number, 3 bytes of the length before compression (0: stored as it is).
Their numbers begin at 0 with each command and go on with whoever sends next; each is checked here.
"""
import ctypes
import ctypes.util
import zlib

from lib.recorder import Recorder
from lib.wire import BIGGEST, COMPRESS, ZSTD_COMPRESSION

FLAGS = {"none": 0, "zlib": COMPRESS, "zstd": ZSTD_COMPRESSION}


class Zstd:
    def __init__(self):
        self.library = ctypes.CDLL(ctypes.util.find_library("zstd") or "libzstd.so.1")
        for name in ("ZSTD_compress", "ZSTD_decompress", "ZSTD_compressBound"):
            getattr(self.library, name).restype = ctypes.c_size_t

    def compress(self, data):
        room = ctypes.create_string_buffer(self.library.ZSTD_compressBound(ctypes.c_size_t(len(data))))
        size = self.library.ZSTD_compress(room, ctypes.c_size_t(len(room)), data, ctypes.c_size_t(len(data)), 3)
        return room.raw[:size]

    def decompress(self, data, size):
        room = ctypes.create_string_buffer(size + 1)
        got = self.library.ZSTD_decompress(room, ctypes.c_size_t(size + 1), data, ctypes.c_size_t(len(data)))
        assert got == size, f"zstd: {got} bytes instead of {size}"
        return room.raw[:size]


class Zlib:
    compress = staticmethod(zlib.compress)

    @staticmethod
    def decompress(data, size):
        plain = zlib.decompress(data)
        assert len(plain) == size, f"zlib: {len(plain)} bytes instead of {size}"
        return plain


class CompressedRecorder(Recorder):
    """`how` is none, zlib or zstd; what is sent goes in compressed packets of at most `piece` bytes of it."""

    def __init__(self, host, port, how, deadline_s=30, piece=16384):
        super().__init__(host, port, deadline_s)
        self.how, self.piece, self.on = how, piece, False
        self.library = {"none": None, "zlib": Zlib, "zstd": Zstd}[how]
        self.library = self.library and self.library()
        self.outer, self.plain, self.frames = 0, bytearray(), []  # frames: (number, size on the wire, size before)

    def log_in(self, user, password, database, capabilities, collation=45, attributes=b""):
        return super().log_in(user, password, database, capabilities | FLAGS[self.how], collation, attributes)

    def finish(self, password, what):
        accepted = super().finish(password, what)
        if what == "login":
            self.on = accepted and self.how != "none"
        return accepted

    def answer(self, text):
        """The payloads of a statement's answer, recorded too."""
        self.query(text)
        return [payload for _, payload in self.records[-1][1]]

    def change_user(self, account, database):
        """COM_CHANGE_USER without a proof, which is then asked for."""
        plugin = self.greeting.plugin
        self.command(0x11, account.user.encode() + b"\0\0" + database.encode() + b"\0\x2d\0" + plugin.encode() + b"\0")
        assert self.finish(account.password, f"change of user to {account.user}")

    def read_exactly(self, count):
        if not self.on:
            return super().read_exactly(count)
        while len(self.plain) < count:
            self.plain += self.read_frame()
        got = bytes(self.plain[:count])
        del self.plain[:count]
        return got

    def read_frame(self):
        header = super().read_exactly(7)
        size, before = int.from_bytes(header[:3], "little"), int.from_bytes(header[4:], "little")
        assert header[3] == self.outer, f"the compressed packet is number {header[3]} and should be {self.outer}"
        self.outer = (self.outer + 1) & 0xFF
        self.frames.append((header[3], size, before))
        data = super().read_exactly(size)
        return self.library.decompress(data, before) if before else data

    def frame(self, plain):
        packed = self.library.compress(plain) if len(plain) >= 50 else plain
        stored = len(packed) >= len(plain)
        header = len(plain if stored else packed).to_bytes(3, "little") + bytes([self.outer])
        self.outer = (self.outer + 1) & 0xFF
        return header + (b"\0\0\0" + plain if stored else len(plain).to_bytes(3, "little") + packed)

    def write(self, payload):
        if not self.on:
            return super().write(payload)
        if self.sequence == 0:
            self.outer = 0
        inner, start = bytearray(), 0
        while True:
            part = payload[start:start + BIGGEST]
            inner += len(part).to_bytes(3, "little") + bytes([self.sequence]) + part
            self.sequence = (self.sequence + 1) & 0xFF
            start += BIGGEST
            if len(part) < BIGGEST:
                break
        for at in range(0, len(inner), self.piece):
            self.socket.sendall(self.frame(bytes(inner[at:at + self.piece])))
