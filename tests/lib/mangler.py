"""A relay that lies: it changes, drops, repeats, cuts and holds back packets, from a seed, in both directions.

Half of the connections are left alone. `carried` says for each write that was seen (by its mark, `w<number>-`) whether
all connections that carried it were left alone: then nothing excuses its loss. A connection that holds the ledger's
name is replay's: on it only what the protocol can notice is done (sequence ids, the lengths of answers, cuts, silence),
which excuses nothing. MySQL's protocol has no checksum: a changed text, number or OK, a command that is dropped or
sent twice, can be noticed by nobody; TLS is what notices all of it.
"""
import random
import re
import socket
import threading

from lib.relay import Relay, _cut, readable

MARK = re.compile(rb"w(\d+)-")
LEDGER = b"holdwater_ledger"
RATE = 0.04
LONGEST = 1 << 16

ANY = ("bits", "byte", "length", "sequence", "drop", "repeat", "truncate", "insert", "cut", "silence")
NOTICED_TO_SERVER = ("sequence", "truncate", "cut", "silence")
NOTICED_TO_PROXY = ("length", "sequence", "truncate", "cut", "silence")


class Ended(Exception):
    """The mangler has ended this connection."""


class Stream:
    """One direction: what came and is not passed on yet."""

    def __init__(self):
        self.bytes = b""

    def packets(self, data):
        """Whole packets as long as there are any; what is too long for one, as it comes."""
        self.bytes += data
        while len(self.bytes) >= 4:
            size = 4 + int.from_bytes(self.bytes[:3], "little")
            if size > len(self.bytes) and len(self.bytes) < LONGEST:
                return
            yield self.bytes[:size]
            self.bytes = self.bytes[size:]


class Mangler(Relay):
    def __init__(self, target_host, target_port, seed):
        self.seed, self.mangling = seed, False
        self.carried = {}     # number of a write: it was carried by connections that were left alone
        self.counts = dict.fromkeys(ANY, 0)
        self._mangled = {}    # pair: the writes that it has carried; pairs that were tampered with
        self._numbers = 0
        self._book = threading.Lock()
        super().__init__(target_host, target_port)

    def calm(self):
        """Bytes pass as they are from now on; what was tampered with is beyond repair and ends."""
        self.mangling = False
        with self._book:
            pairs = list(self._mangled)
        for pair in pairs:
            _cut(*pair)

    def _carry(self, client, server):
        for end in (client, server):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with self._book:
            self._numbers += 1
            rng = random.Random(f"{self.seed}-{self._numbers}")
        connection = {"rng": rng, "tampers": rng.random() < 0.5, "replays": False, "seen": set(), "excused": False}
        streams = {client: Stream(), server: Stream()}
        try:
            while True:
                for source in readable([client, server]):
                    data = source.recv(65536)
                    if not data:
                        return
                    to_server = source is client
                    target = server if to_server else client
                    for packet in streams[source].packets(data):
                        if to_server:
                            self._note(connection, packet)
                        for out in self._mangle(connection, packet, to_server, (client, server)):
                            target.sendall(out)
        except Ended:
            return
        finally:
            with self._book:
                self._mangled.pop((client, server), None)

    def _note(self, connection, packet):
        with self._book:
            connection["replays"] = connection["replays"] or LEDGER in packet
            for number in map(int, MARK.findall(packet)):
                connection["seen"].add(number)
                self.carried[number] = self.carried.get(number, True) and not connection["excused"]

    def _mangle(self, connection, packet, to_server, pair):
        rng = connection["rng"]
        if not self.mangling or not connection["tampers"] or rng.random() >= RATE:
            return [packet]
        replays = connection["replays"]
        how = rng.choice((NOTICED_TO_SERVER if to_server else NOTICED_TO_PROXY) if replays else ANY)
        with self._book:
            self.counts[how] += 1
            self._mangled[pair] = True
            if not replays:
                connection["excused"] = True
                for number in connection["seen"]:
                    self.carried[number] = False
        return self._altered(how, rng, packet, pair)

    def _altered(self, how, rng, packet, pair):
        head, payload = bytearray(packet[:4]), bytearray(packet[4:])
        if how == "bits":
            for _ in range(rng.randrange(1, 4)):
                if payload:
                    payload[rng.randrange(len(payload))] ^= 1 << rng.randrange(8)
        elif how == "byte":
            if payload:
                payload[rng.randrange(min(len(payload), 16))] = rng.choice((0, 1, 0xFA, 0xFB, 0xFC, 0xFD, 0xFE, 0xFF))
        elif how == "length":
            size = rng.choice((0, 1, len(payload) - 1, len(payload) + 1, len(payload) + 300, 0xFFFFFF))
            head[:3] = max(0, size).to_bytes(3, "little")
        elif how == "sequence":
            head[3] = (head[3] + rng.randrange(1, 256)) % 256
        elif how == "drop":
            return []
        elif how == "repeat":
            return [packet, packet]
        elif how == "truncate":
            return self._then_end(packet[:rng.randrange(len(packet))])
        elif how == "insert":
            at = rng.randrange(len(payload) + 1)
            payload[at:at] = rng.randbytes(rng.randrange(1, 9))
        elif how == "cut":
            raise Ended
        elif how == "silence":
            self._wait_for_an_end(pair)
        return [bytes(head + payload)]

    def _then_end(self, part):
        yield part
        raise Ended

    def _wait_for_an_end(self, pair):
        """Nothing passes any more until either end has gone."""
        while self.mangling:
            for end in readable(list(pair), 0.2):
                if not end.recv(65536):
                    raise Ended
        raise Ended
