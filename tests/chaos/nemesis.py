"""What strikes in a chaos run. Each strike leaves everything running again."""
import time
from collections import Counter

import pymysql


class Nemesis:
    """Strikes at seeded random."""

    KINDS = ["kill_server", "kill_server", "stop_server", "freeze_server", "kill_proxy", "kill_both", "flip_read_only",
             "flip_read_only", "kill_connections", "kill_connections", "kill_queries", "reset_network", "half_open_network",
             "slow_network", "slice_network", "refuse_network"]

    def __init__(self, rng, server, proxy, relay, history):
        self.rng, self.server, self.proxy, self.relay, self.history = rng, server, proxy, relay, history
        self.strikes = Counter()

    def strike(self):
        kind = self.rng.choice(self.KINDS)
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

    # --- from a connection of an administrator's

    def flip_read_only(self):
        variable = "super_read_only" if self.server.kind == "mysql" and self.rng.random() < 0.5 else "read_only"
        admin = self.server.admin(read_timeout=30)
        try:
            run(admin, "SET lock_wait_timeout = 3")
            run(admin, f"SET GLOBAL {variable} = 1")
            self.say(f"{variable} is on")
            self.pause(0.1, 3)
        except pymysql.err.MySQLError as error:
            self.say(f"{variable} cannot be set: {error}")
        run(admin, "SET GLOBAL read_only = 0")
        admin.close()
        self.say("the server takes writes")

    def kill_connections(self):
        self.kill_some("KILL CONNECTION")

    def kill_queries(self):
        self.kill_some("KILL QUERY")

    def kill_some(self, how):
        admin = self.server.admin(read_timeout=30)
        for _ in range(self.rng.randrange(1, 6)):
            # information_schema's list is no use: MySQL 9.7 fails on a statement in it that has an emoji (error 3854)
            ids = sorted(row[0] for row in run(admin, "SHOW PROCESSLIST") if row[1] == "chaos")
            for one in self.rng.sample(ids, min(len(ids), self.rng.randrange(1, 5))):
                try:
                    run(admin, f"{how} {one}")
                    self.say(f"{how} {one}")
                except pymysql.err.MySQLError:
                    pass  # it has gone by itself
            self.pause(0.01, 0.3)
        admin.close()

    # --- between proxy and server

    def reset_network(self):
        for _ in range(self.rng.randrange(1, 5)):
            self.say(f"{self.relay.reset(self.rng)} connections reset")
            self.pause(0.05, 0.5)

    def half_open_network(self):
        """One end does not hear that the other is gone: the server's for a while, or the proxy's."""
        self.say(self.relay.half_open(self.rng))
        self.pause(0.2, 4)
        self.relay.bury()
        self.say("they are gone on both ends")

    def slow_network(self):
        self.relay.delay_s = self.rng.choice([0.002, 0.02, 0.1])
        self.say(f"each packet takes {self.relay.delay_s} s")
        self.pause(0.5, 4)
        self.relay.delay_s = 0

    def slice_network(self):
        self.relay.slice_bytes = self.rng.choice([1, 3, 7, 50])
        self.say(f"bytes come {self.relay.slice_bytes} at a time")
        self.pause(0.5, 3)
        self.relay.slice_bytes = 0

    def refuse_network(self):
        self.relay.close()
        self.pause(0.1, 3)
        self.relay.open()
        self.say("the network is back")


def run(connection, statement):
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchall()
