"""What strikes in a chaos run. Each strike leaves everything running again.

Here: who is struck, which kinds there are, and what happens to processes. Networks, the server's administrator and the
machine (disk, clock, older data) have files of their own.
"""
import time
from collections import Counter

from strikes_admin import AdminStrikes
from strikes_machine import MachineStrikes
from strikes_network import NetworkStrikes


class Nemesis(AdminStrikes, MachineStrikes, NetworkStrikes):
    """Strikes at seeded random."""

    KINDS = {  # and how often, to each other
        "kill_server": 2, "stop_server": 1, "freeze_server": 1, "kill_proxy": 1, "kill_both": 1,
        "flip_read_only": 2, "kill_connections": 2, "kill_queries": 1,
        "reset_network": 1, "half_open_network": 1, "slow_network": 1, "slice_network": 1, "narrow_network": 1,
        "refuse_network": 1,
        "reset_clients": 1, "half_open_clients": 1, "slow_clients": 1, "slice_clients": 1, "narrow_clients": 1,
        "refuse_clients": 1,
        "older_data": 2, "full_disk": 2, "jump_clock": 2,
    }

    def __init__(self, rng, world, history, only=()):
        self.rng, self.history = rng, history
        self.server, self.proxy, self.relay, self.door = world.server, world.proxy, world.relay, world.door
        self.disk, self.clock = world.disk, world.clock
        self.kinds = list(only) or list(self.KINDS)
        self.left_out = {}  # kind: why it cannot be had here
        for kind, need in (("full_disk", self.disk), ("jump_clock", self.clock)):
            if kind in self.kinds and need.missing:
                self.kinds.remove(kind)
                self.left_out[kind] = need.missing
        assert self.kinds, f"nothing is left to strike with: {self.left_out}"
        self.strikes = Counter(dict.fromkeys(self.kinds, 0))
        self.copies = []  # of (when the server's data was copied, when the server with newer data was gone)

    def strike(self):
        kind = self.rng.choices(self.kinds, [self.KINDS[kind] for kind in self.kinds])[0]
        self.strikes[kind] += 1
        self.say(kind.replace("_", " "))
        getattr(self, kind)()

    def say(self, what):
        self.history.note("nemesis", what)

    def pause(self, least, most):
        seconds = self.rng.uniform(least, most)
        time.sleep(seconds)  # the length of a trouble, not a wait for something

    # --- processes

    def kill_server(self):
        self.server.kill()
        self.pause(0.1, 4)
        self.start_server()

    def stop_server(self):
        self.server.stop()
        self.pause(0.1, 4)
        self.start_server()

    def freeze_server(self):
        self.server.freeze()
        self.pause(0.2, 5)
        self.server.thaw()
        self.say("the server is thawed")

    def kill_proxy(self):
        self.proxy.kill()
        self.pause(0, 0.5)
        self.start_proxy()

    def kill_both(self):
        first, second = self.rng.sample([self.server.kill, self.proxy.kill], 2)
        first()
        self.pause(0, 0.3)
        second()
        self.pause(0, 1)
        first, second = self.rng.sample([self.start_server, self.start_proxy], 2)
        first()
        self.pause(0, 1)
        second()

    def start_server(self):
        self.server.start()
        self.say("the server runs")

    def start_proxy(self):
        self.proxy.start()
        self.say("the proxy runs")
