"""A TCP relay between the proxy and the server that injects faults: a cut before an answer, silence, refusal.

It is the tests' own, so that a fault strikes at a known byte: `cut_answer_to(needle)` waits until a request that holds
the needle has been passed to the server, waits until the server's answer is there (so the server has executed it), and
cuts both ends without passing a byte of that answer on.
"""
import select
import socket
import struct
import threading

from lib.process import PATIENCE_S, free_port


def readable(sockets, deadline_s=None):
    """Those that have something to read, waited for. By poll(): select() takes no descriptor above 1023."""
    poll = select.poll()
    for each in sockets:
        poll.register(each, select.POLLIN)
    ready = {number for number, _ in poll.poll(None if deadline_s is None else deadline_s * 1000)}
    return [each for each in sockets if each.fileno() in ready]


class Relay:
    def __init__(self, target_host, target_port):
        self.target = (target_host, target_port)
        self.host, self.port = "127.0.0.1", free_port()
        self._lock = threading.Lock()
        self._needle = None
        self._cut_before_sending = False
        self._struck = threading.Event()
        self._refusal = None
        self._pairs = set()
        self._listener = None
        self._frozen = threading.Event()  # set: bytes pass
        self._frozen.set()
        self.open()

    # --- faults

    def cut_answer_to(self, needle, forward=True):
        """Arms one cut. forward=False: the request itself is not passed on either."""
        with self._lock:
            self._struck.clear()
            self._needle, self._cut_before_sending = needle, not forward

    def wait_struck(self, deadline_s):
        deadline_s = max(deadline_s, PATIENCE_S)
        assert self._struck.wait(deadline_s), f"no request with {self._needle!r} came within {deadline_s} s"

    def freeze(self):
        """Bytes stop in both directions, connections stay: a network that swallows."""
        self._frozen.clear()

    def thaw(self):
        self._frozen.set()

    def close(self):
        """Refuses new connections and cuts the present ones."""
        listener, self._listener = self._listener, None
        if listener is not None:
            listener.shutdown(socket.SHUT_RDWR)
            listener.close()
        with self._lock:
            pairs = list(self._pairs)
        for pair in pairs:
            _cut(*pair)
        self._frozen.set()

    def open(self):
        assert self._listener is None
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((self.host, self.port))
        listener.listen(128)
        self._listener = listener
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()

    def refuse_queries(self, number, state, text):
        """Answers each COM_QUERY itself, by this error; connections and logins pass."""
        payload = b"\xff" + struct.pack("<H", number) + b"#" + state.encode() + text.encode()
        self._refusal = struct.pack("<I", len(payload))[:3] + b"\x01" + payload

    def pass_queries(self):
        self._refusal = None

    # --- carrying bytes

    def _accept(self, listener):
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return  # closed
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client):
        try:
            server = socket.create_connection(self.target, 60)
        except OSError:
            _cut(client)
            return
        server.settimeout(None)
        pair = (client, server)
        with self._lock:
            self._pairs.add(pair)
        try:
            self._carry(client, server)
        except (OSError, ValueError):
            pass  # one end went away, or cut() has closed both
        finally:
            with self._lock:
                self._pairs.discard(pair)
            self._part(pair)

    def _part(self, pair):
        """One end of it went away, or it was cut."""
        _cut(*pair)

    def _carry(self, client, server):
        while True:
            ready = readable([client, server])
            self._frozen.wait()
            for source in ready:
                data = source.recv(65536)
                if not data:
                    return
                if source is client and self._strikes(data):
                    self._strike(data, server)
                    return
                refusal = self._refusal
                if source is client and refusal and data[3:5] == b"\x00\x03":  # the first packet, COM_QUERY
                    client.sendall(refusal)
                    continue
                (server if source is client else client).sendall(data)

    def _strikes(self, data):
        with self._lock:
            if self._needle is None or self._needle not in data:
                return False
            self._needle = None
            return True

    def _strike(self, data, server):
        if not self._cut_before_sending:
            server.sendall(data)
            readable([server], PATIENCE_S)  # the answer is there, and is not read
        self._struck.set()


def _cut(*sockets):
    for each in sockets:
        try:
            each.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass  # it is gone already
        each.close()
