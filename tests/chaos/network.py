"""The network between proxy and server in a chaos run: lib.relay's, with resets, half-open connections, delays and slices."""
import socket
import struct
import time

from lib.relay import Relay, _cut, readable

MOST = 65536


class Network(Relay):
    def __init__(self, target_host, target_port):
        self.delay_s = 0       # before each part is passed on
        self.slice_bytes = 0   # of a part, at most; 0: as it comes
        self._silent = set()   # ends that nothing is taken from or given to
        self._buried = []      # ends whose other one is gone
        super().__init__(target_host, target_port)

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
        return f"{len(pairs)} connections are half-open: the {'proxy' if lost_end == 0 else 'server'} knows that they are gone"

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
        size = self.slice_bytes or MOST
        for start in range(0, len(data), size):
            if self.delay_s:
                time.sleep(self.delay_s)
            target.sendall(data[start:start + size])

    def _part(self, pair):
        with self._lock:
            silent = any(end in self._silent for end in pair)
        if not silent:  # bury() closes what is left of a half-open one
            _cut(*pair)


def _cut_hard(*sockets):
    """Without shutdown(), which would send a FIN first. The thread that waits for them wakes within a second."""
    for each in sockets:
        each.close()
