"""One result of many bytes, read as fast as they come: its speed through each proxy against direct, the proxy's CPU and
how much its memory grew."""
import time

import load
from lib.process import peak_bytes, resident_bytes
from lib.wire import COM_QUERY, Client
from peers import ACCOUNT, DATABASE

ROW = 1 << 20
OLD_END = 9  # an EOF packet: header, 0xfe, warnings, status


def measure(world, options):
    peers = [world.direct(), *world.proxies()]
    rows = options.mebibytes
    runs = {peer.name: [] for peer in peers}
    grown = {}
    for turn in range(options.rounds):
        for peer in load.rotated(peers, turn):
            before = resident_bytes(peer.pid) if peer.pid else 0
            runs[peer.name].append(load.used_by(peer.pid, lambda: read_all(peer, rows)))
            if peer.pid:
                grown[peer.name] = max(grown.get(peer.name, 0), peak_bytes(peer.pid) - before)
    alone = load.median([took for took, _ in runs["direct"]])
    return [{"peer": name, "mebibytes": rows, "speed": alone / load.median([took for took, _ in values]),
             "cpu_s_per_gib": load.median([cpu for _, cpu in values]) / rows * 1024, "grown": grown[name]}
            for name, values in runs.items() if name != "direct"]


def read_all(peer, rows):
    """Seconds until the last byte of a result of `rows` MiB is there."""
    client = Client(peer.host, peer.port, 120)
    client.login(ACCOUNT.user, ACCOUNT.password, DATABASE)
    client.sequence = 0
    begin = time.monotonic()
    client.write(bytes([COM_QUERY]) + f"SELECT REPEAT('x', {ROW}) FROM seq_1_to_{rows}".encode())
    space, seen, last = bytearray(1 << 20), 0, b""
    while seen < rows * ROW or not is_end(last):
        count = client.socket.recv_into(space)
        assert count, f"{peer.name} closed after {seen} bytes"
        seen += count
        last = (last + bytes(space[max(0, count - OLD_END):count]))[-OLD_END:]
    took = time.monotonic() - begin
    client.socket.close()
    return took


def is_end(last):
    return len(last) == OLD_END and last[:3] == b"\x05\0\0" and last[4] == 0xFE


def tables(rows):
    head = [f"one result of {rows[0]['mebibytes']} MiB", "speed, of direct", "CPU for 1 GiB", "memory grew by"]
    return [(head, [[row["peer"], f"{row['speed']:.2f}", f"{row['cpu_s_per_gib']:.2f} s", f"{row['grown'] / (1 << 20):.1f} MiB"]
                    for row in rows])]
