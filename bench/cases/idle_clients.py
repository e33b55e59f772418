"""Clients that are logged in and say nothing: memory of the proxy for each, and its CPU while they are silent."""
import resource
import time

import load
import peers
from lib.process import resident_bytes
from lib.wire import Client
from peers import ACCOUNT, DATABASE


SPARE_FILES = 1000  # of a process, for other things than connections


def measure(world, options):
    count = min(options.idle, (resource.getrlimit(resource.RLIMIT_NOFILE)[1] - SPARE_FILES) // 2)
    return [held(world, backend, count, options) for backend in peers.backends()]


def held(world, backend, count, options):
    peer = peers.holdwater(world.root, world.server, f"Holdwater, {backend}", HOLDWATER_NET_BACKEND=backend)
    pid = peer.child.pid
    clients = []
    try:
        before = resident_bytes(pid)
        for _ in range(count):
            one = Client(peer.host, peer.port, 60)
            one.login(ACCOUNT.user, ACCOUNT.password, DATABASE)
            clients.append(one)
        after = resident_bytes(pid)
        _, used = load.used_by(pid, lambda: time.sleep(options.silence))  # what happens while nothing does
        server_side = len(world.server.run("SHOW PROCESSLIST"))
        return {"peer": peer.name, "clients": count, "before": before, "after": after,
                "cpu_share": used / options.silence, "server_connections": server_side}
    finally:
        for one in clients:
            one.socket.close()
        peer.close()


def tables(rows):
    head = [f"{rows[0]['clients']} silent clients", "memory before", "with them", "for each", "CPU", "server connections"]
    return [(head, [[row["peer"], f"{row['before'] / (1 << 20):.1f} MiB", f"{row['after'] / (1 << 20):.1f} MiB",
                     f"{(row['after'] - row['before']) / row['clients'] / 1024:.1f} KiB", f"{row['cpu_share'] * 100:.2f} %",
                     str(row["server_connections"])] for row in rows])]
