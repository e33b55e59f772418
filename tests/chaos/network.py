"""The network of a chaos run, between proxy and server or between clients and proxy: lib.relay's, with resets, half-open
connections, delays, slices and little bandwidth."""
import socket
import struct
import time

from lib.relay import Relay, _cut, readable

MOST = 65536


class Network(Relay):
    def __init__(self, target, near, far):
        self.near, self.far = near, far  # who is at its ends, for the history: the one that connects, the one that accepts
        self.delay_s = 0       # before each part is passed on
        self.slice_bytes = 0   # of a part, at most; 0: as it comes
        self.bytes_per_s = 0   # of a connection, both ways together; 0: as many as come
        self._silent = set()   # ends that nothing is taken from or given to
        self._buried = []      # ends whose other one is gone
        super().__init__(target.host, target.port)

    def _some(self, rng):
        with self._lock:
            pairs = sorted(self._pairs, key=lambda pair: pair[0].fileno())
        return rng.sample(pairs, min(len(pairs), rng.randrange(1, 6)))

    def reset(self, rng):
        """Both ends get a RST. How many pairs."""
        pairs = self._some(rng)
        for pair in pairs:
            for end in pair:
                try:
                    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                except OSError:
                    pass  # it is gone already
            _cut_hard(*pair)
        return len(pairs)

    def half_open(self, rng):
        pairs = self._some(rng)
        lost_end = rng.randrange(2)
        for pair in pairs:
            with self._lock:
                self._silent.update(pair)
                self._buried.append(pair[1 - lost_end])
            _cut(pair[lost_end])
        return f"{len(pairs)} connections are half-open: the {self.near if lost_end == 0 else self.far} knows that they are gone"

    def bury(self):
        with self._lock:
            ends, self._buried = self._buried, []
            self._silent.clear()
        for end in ends:
            _cut(end)

    def _carry(self, client, server):
        for end in (client, server):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while True:
            ready = readable([client, server], 1)
            if client in self._silent or server in self._silent:
                return
            for source in ready:
                data = source.recv(MOST)
                if not data:
                    return
                self._pass_on(data, server if source is client else client)

    def _pass_on(self, data, target):
        size = self.slice_bytes or (max(1, self.bytes_per_s // 20) if self.bytes_per_s else MOST)
        for start in range(0, len(data), size):
            part, rate = data[start:start + size], self.bytes_per_s
            delay_s = self.delay_s + (len(part) / rate if rate else 0)
            if delay_s:
                time.sleep(delay_s)
            target.sendall(part)

    def _part(self, pair):
        with self._lock:
            silent = any(end in self._silent for end in pair)
        if not silent:  # bury() closes what is left of a half-open one
            _cut(*pair)


def _cut_hard(*sockets):
    """Without shutdown(), which would send a FIN first. The thread that waits for them wakes within a second."""
    for each in sockets:
        each.close()
