"""Who is measured: the server itself, Holdwater, and other proxies before the same server, each with one thread of work.

A peer has `name`, `host`, `port` and `child`, its process (None where a server is asked directly).
"""
import os
import re
import shutil
import subprocess
import tempfile

import pymysql

from lib.process import end, free_port, spawn, tail, wait_until
from lib.proxy import Account, Proxy

ACCOUNT = Account("bench", "bench")
DATABASE = "bench"


class Peer:
    def __init__(self, name, host, port, child=None, log=None, binary=None):
        self.name, self.host, self.port, self.child, self.log, self.binary = name, host, port, child, log, binary

    @property
    def pid(self):
        """None where a server is asked directly."""
        return self.child.pid if self.child else None

    def answers(self):
        if self.child is not None and self.child.poll() is not None:
            raise AssertionError(f"{self.name} ended with {self.child.returncode}:\n{tail(self.log)}")
        try:
            pymysql.connect(host=self.host, port=self.port, user=ACCOUNT.user, password=ACCOUNT.password,
                            database=DATABASE, connect_timeout=5).close()
            return True
        except pymysql.err.MySQLError:
            return False

    def close(self):
        if self.child is not None:
            end(self.child)
            self.child = None


def direct(server):
    return Peer("direct", server.host, server.port)


def started(name, root, configure, command):
    """Another proxy: configure(folder, port) is the text of its configuration, command(file) what runs it."""
    folder, port = tempfile.mkdtemp(prefix=f"{name}-".replace(" ", "-"), dir=root), free_port()
    path = os.path.join(folder, "conf")
    with open(path, "w") as file:
        file.write(configure(folder, port))
    log = os.path.join(folder, "log")
    peer = Peer(name, "127.0.0.1", port, spawn(command(path), log), log)
    wait_until(peer.answers, 30, lambda: f"{name} answers:\n{tail(log)}")
    return peer


def haproxy(root, server):
    def configure(_, port):
        return f"""global
  nbthread 1
  maxconn 4000
defaults
  mode tcp
  timeout connect 5s
  timeout client 1h
  timeout server 1h
listen mysql
  bind 127.0.0.1:{port}
  server db {server.host}:{server.port}
"""
    return started("HAProxy", root, configure, lambda path: ["haproxy", "-f", path])


def router_program():
    home = os.environ.get("HOLDWATER_MYSQL_ROUTER_HOME", os.path.expanduser("~/.cache/holdwater-mysql-router"))
    unpacked = os.path.join(home, "bin", "mysqlrouter")
    return unpacked if os.path.exists(unpacked) else shutil.which("mysqlrouter")


def mysql_router(root, server):
    program = router_program()
    home = os.path.dirname(os.path.dirname(program))
    plugins = next((path for path, _, names in os.walk(os.path.join(home, "root", "usr", "lib")) if "routing.so" in names), None)

    def configure(folder, port):
        return (f"[DEFAULT]\nlogging_folder={folder}\nruntime_folder={folder}\ndata_folder={folder}\n" +
                (f"plugin_folder={plugins}\n" if plugins else "") +
                "[logger]\nlevel=WARNING\n[io]\nthreads=1\n[routing:bench]\n"
                f"bind_address=127.0.0.1\nbind_port={port}\ndestinations={server.host}:{server.port}\n"
                "routing_strategy=first-available\nprotocol=classic\nclient_ssl_mode=DISABLED\nserver_ssl_mode=DISABLED\n"
                "max_connections=4000\n")
    return started("MySQL Router", root, configure, lambda path: [program, "-c", path])


def proxysql(root, server):
    def configure(folder, port):
        return f"""datadir="{folder}"
admin_variables={{ admin_credentials="admin:admin"; mysql_ifaces="127.0.0.1:{free_port()}" }}
mysql_variables={{ threads=1; interfaces="127.0.0.1:{port}"; monitor_enabled=false; max_connections=4000 }}
mysql_servers=( {{ address="{server.host}", port={server.port}, hostgroup=0, max_connections=1000 }} )
mysql_users=( {{ username="{ACCOUNT.user}", password="{ACCOUNT.password}", default_hostgroup=0 }} )
"""
    return started("ProxySQL", root, configure, lambda path: ["proxysql", "-f", "-c", path, "--initial"])


def holdwater(root, server, name="Holdwater", **settings):
    """The program with its own defaults of times and one worker; the peer's `proxy` is tests/lib's Proxy."""
    settings = {"HOLDWATER_WORKERS": 1, "HOLDWATER_CORE_DUMPS": "false", **settings}
    proxy = Proxy(root, server, ACCOUNT, DATABASE, **settings).start()
    proxy.wait_drained()
    peer = Peer(name, proxy.host, proxy.port, proxy.child, proxy.log)
    peer.proxy = proxy
    return peer


def backends():
    """The event loops that this machine lets Holdwater use."""
    allowed = open("/proc/sys/kernel/io_uring_disabled").read().strip() if os.path.exists(
        "/proc/sys/kernel/io_uring_disabled") else "0"
    return ["io_uring", "epoll"] if allowed == "0" else ["epoll"]


def all_proxies(root, server):
    """The one that others are compared with comes first."""
    found = [haproxy(root, server)]
    if shutil.which("proxysql"):
        found.append(proxysql(root, server))
    if router_program():
        found.append(mysql_router(root, server))
    for backend in backends():
        found.append(holdwater(root, server, f"Holdwater, {backend}", HOLDWATER_NET_BACKEND=backend))
    return found


def version_of(name):
    """As the program says it itself."""
    command = {"HAProxy": ["haproxy", "-v"], "ProxySQL": ["proxysql", "--version"],
               "MySQL Router": [router_program() or "mysqlrouter", "--version"], "MariaDB": ["/usr/sbin/mariadbd", "--version"]}
    if name not in command:
        return ""
    text = subprocess.run(command[name], capture_output=True, text=True).stdout
    found = re.search(r"\d+\.\d+\.\d+", text)
    return found[0] if found else ""
