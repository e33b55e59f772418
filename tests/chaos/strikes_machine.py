"""Strikes on the machines: the proxy's disk is full, its clock jumps, the server comes back with older data."""
import os
import shutil
import subprocess
import time

from lib.process import wait_until

CLOCKS_S = [0, 90, -90, 7200, -7200, 86400, -86400, 3 * 86400, -3 * 86400, 40 * 86400, -40 * 86400]


class MachineStrikes:
    def full_disk(self):
        """With the server up, or down, so that writes would be queued; the proxy may be killed meanwhile."""
        stops, kills = self.rng.random() < 0.7, self.rng.random() < 0.3
        if stops:
            self.server.kill()
            self.say("the server is killed")
            self.pause(0, 2)
        self.say(f"the disk is full: {self.disk.fill(self.rng.randrange(0, 200_000))}")
        self.pause(0.5, 4)
        if kills:
            self.proxy.kill()
            self.say("the proxy is killed")
        self.disk.free()
        self.say("the disk has room")
        if kills:
            self.start_proxy()
        self.pause(0, 2)
        if stops:
            self.start_server()
        self.must_recover("accepting")

    def jump_clock(self):
        down = self.rng.random() < 0.5
        if down:
            self.server.kill()
            self.say("the server is killed")
        for _ in range(self.rng.randrange(1, 4)):
            self.say(f"the proxy's clock is {self.clock.set(self.rng.choice(CLOCKS_S)):+} s off")
            self.pause(0.1, 2)
        if down:
            self.start_server()

    def older_data(self):
        """A copy of the server's data is taken, writes go on, some of them in an outage, and then the server comes back with
        the copy: what it lacks, and what was queued, has to be applied again."""
        # better with the server up: then there are writes of which it alone knows
        self.give_it_a_chance(lambda: self.proxy.state() == "up")
        self.pause(0, 0.5)
        applied = self.proxy.health()["spool"]["applied_seq"]
        frozen_at = self.copy_data()
        outage, ends_proxy, jumps = self.rng.random() < 0.8, self.rng.random() < 0.3, self.rng.random() < 0.3
        self.pause(0, 1.5)
        if outage:
            self.server.kill()
            self.say("the server is killed")
            self.pause(0.5, 3)
            self.start_server()
            # better with some of the queue applied: they are what the copy lacks
            self.give_it_a_chance(lambda: self.proxy.health()["spool"]["applied_seq"] > applied)
            self.pause(0, 1)
        if ends_proxy:
            self.kill_proxy()
        if jumps and not self.clock.missing:
            self.say(f"the proxy's clock is {self.clock.set(self.rng.choice(CLOCKS_S)):+} s off")
            self.pause(0, 1)
        (self.server.stop if self.rng.random() < 0.3 else self.server.kill)()
        self.copies.append((frozen_at, time.monotonic()))
        self.say("the server is gone, and so is its data")
        shutil.rmtree(self.server.data)
        os.rename(self.server.data + ".copy", self.server.data)
        self.pause(0, 2)
        self.start_server()
        self.must_recover("accepting")

    def give_it_a_chance(self, condition):
        """Some seconds, on a machine that may be too slow for them."""
        end_at = time.monotonic() + 8
        while time.monotonic() < end_at and not condition():
            self.pause(0.1, 0.2)

    def copy_data(self):
        """What kill -9 would leave at that moment: nothing runs while it is copied. When that began."""
        frozen_at = time.monotonic()
        self.server.freeze()
        wait_until(lambda: is_stopped(self.server.child.pid), 10, "all threads of the server are stopped")
        subprocess.run(["cp", "-a", "--reflink=auto", self.server.data, self.server.data + ".copy"], check=True)
        self.server.thaw()
        self.say("the server's data is copied")
        return frozen_at

    def must_recover(self, state):
        wait_until(lambda: self.proxy.health()["spool"]["state"] == state, 60,
                   lambda: f"the spool is {state} again by itself: {self.proxy.health()}")


def is_stopped(pid):
    states = []
    for task in os.listdir(f"/proc/{pid}/task"):
        try:
            with open(f"/proc/{pid}/task/{task}/stat") as stat:
                states.append(stat.read().rsplit(")", 1)[1].split()[0])
        except OSError:
            pass  # the thread has ended
    return all(state in "TZX" for state in states)
