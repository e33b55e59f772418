"""Instructions of our own for one point select, user space only, counted by callgrind: the same on every machine and in every
mood, so that two builds can be compared. One client, one worker, epoll; the read cache off, on with all that fills it at
each query, and the same without looking at what is written."""
import os
import re
import subprocess

import load

from cases.point_select import FORMS, ROWS, TEST
from lib.process import wait_until
from lib.proxy import Proxy
from peers import ACCOUNT, DATABASE, Peer


EVERY = {"HOLDWATER_CACHE_FILL_RATE": "0", "HOLDWATER_CACHE_DISK": "0"}
CACHES = {"the read cache off": {"HOLDWATER_CACHE_ENABLED": "false"}, "each answer kept": EVERY,
          "each kept, cache.own_writes off": {**EVERY, "HOLDWATER_CACHE_OWN_WRITES": "false"}}


def measure(world, options):
    load.sysbench(world.direct(), TEST, "prepare", tables=1, table_size=ROWS)
    return [{"form": form, "cache": cache, **counted(world, form, ps_mode, cache, options)}
            for cache in CACHES for form, ps_mode in FORMS.items()]


def counted(world, form, ps_mode, cache, options):
    out = os.path.join(world.root, f"callgrind.{form}.{list(CACHES).index(cache)}")
    proxy = Proxy(world.root, world.server, ACCOUNT, DATABASE,
                  launcher=["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}", "--instr-atstart=no"],
                  HOLDWATER_WORKERS=1, HOLDWATER_NET_BACKEND="epoll", DB_CONNECTION_TIMEOUT=20, DB_CHECK_INTERVAL=60, **CACHES[cache])
    proxy.start(wait=False)
    wait_until(lambda: proxy.http("/livez")[0] == 200, 120, "it is up")
    proxy.wait_drained(120)
    peer = Peer("Holdwater", proxy.host, proxy.port, proxy.child, proxy.log)
    load.sysbench(peer, TEST, "run", 1, 2, ps_mode, tables=1, table_size=ROWS)  # what is learned once
    tell(proxy, "--instr=on")
    queries = load.sysbench(peer, TEST, "run", 1, max(3, options.seconds), ps_mode, tables=1, table_size=ROWS)
    tell(proxy, "--instr=off")
    tell(proxy, "--dump")
    proxy.stop()
    total = sum(int(re.search(r"^totals: (\d+)", open(path).read(), re.MULTILINE)[1]) for path in dumps(out))
    return {"queries": queries, "instructions": total / queries}


def tell(proxy, what):
    subprocess.run(["callgrind_control", what, str(proxy.child.pid)], check=True, capture_output=True)


def dumps(out):
    folder, name = os.path.split(out)
    return [os.path.join(folder, one) for one in os.listdir(folder) if one.startswith(name + ".")]


def tables(rows):
    forms = list(dict.fromkeys(row["form"] for row in rows))
    return [(["instructions of Holdwater's for one query, user space", *forms],
             [[cache, *[f"{row['instructions']:.0f}" for row in rows if row["cache"] == cache]] for cache in CACHES])]
