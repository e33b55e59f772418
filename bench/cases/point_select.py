"""sysbench oltp_point_select at 1, 16 and 64 clients, text and prepared: CPU of each proxy per query, and its system calls.

One query is small and its answer is one row, so that what is measured is the way there and back."""
import load

ROWS = 100_000
TEST = "oltp_point_select"
FORMS = {"text": "disable", "prepared": "auto"}


def measure(world, options):
    proxies, server = world.proxies(), world.direct()
    load.sysbench(server, TEST, "prepare", tables=1, table_size=ROWS)
    found = []
    for form, ps_mode in FORMS.items():
        for clients in options.clients:
            found += at(proxies, server, form, ps_mode, clients, options)
    calls = {peer.name: calls_per_query(peer, options) for peer in proxies}
    for row in found:
        if row["clients"] == 1 and row["form"] == "text" and row["peer"] in calls:
            row["calls"] = calls[row["peer"]]
    return found


def at(proxies, server, form, ps_mode, clients, options):
    runs = {peer.name: [] for peer in [server, *proxies]}
    for turn in range(options.rounds):
        for peer in load.rotated([server, *proxies], turn):
            queries, used = load.used_by(peer.pid, lambda: load.sysbench(
                peer, TEST, "run", clients, options.seconds, ps_mode, tables=1, table_size=ROWS))
            runs[peer.name].append((used / queries * 1e6, queries / options.seconds))
    base = load.median([cpu for cpu, _ in runs[proxies[0].name]])
    alone = load.median([rate for _, rate in runs[server.name]])
    return [{"peer": name, "form": form, "clients": clients, "cpu_us": load.median([cpu for cpu, _ in values]),
             "ratio": load.median([cpu for cpu, _ in values]) / base, "rate": load.median([rate for _, rate in values]) / alone}
            for name, values in runs.items() if name != server.name]


def calls_per_query(peer, options):
    def work():
        return load.sysbench(peer, TEST, "run", 1, options.seconds, tables=1, table_size=ROWS)
    calls, queries = load.calls_of(peer.child.pid, work)
    # what reads a clock is no crossing on most machines, and is left out for all alike
    return sum(count for name, count in calls.items() if name != "clock_gettime") / queries


def tables(rows):
    clients = sorted({row["clients"] for row in rows})
    names = list(dict.fromkeys(row["peer"] for row in rows))
    forms = list(dict.fromkeys(row["form"] for row in rows))
    cell = {(row["peer"], row["form"], row["clients"]): row for row in rows}
    head = ["CPU per query, multiples of HAProxy's"] + [f"{form}, {n}" for form in forms for n in clients] + ["system calls, text, 1"]
    lines = []
    for name in names:
        shown = [f"{cell[name, form, n]['ratio']:.2f}" for form in forms for n in clients]
        lines.append([name, *shown, f"{cell[name, 'text', clients[0]].get('calls', 0):.1f}"])
    base = [f"{cell[names[0], form, n]['cpu_us']:.1f} µs" for form in forms for n in clients]
    lines.insert(1, [f"({names[0]}'s)", *base, ""])
    speed = ["queries a second, of direct"] + head[1:-1]
    rates = [[name] + [f"{cell[name, form, n]['rate']:.2f}" for form in forms for n in clients] for name in names]
    return [(head, lines), (speed, rates)]
