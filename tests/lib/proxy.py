"""The proxy as a child process: its settings, its life, its HTTP port, and connections through it."""
import json
import os
import signal
import tempfile
import urllib.error
import urllib.request

import pymysql

from lib.process import PATIENCE_S, end, free_port, resident_bytes, spawn, tail, wait_until
from lib.sanitizer import environment, reports_at, sanitizer_of, slowness

PROJECT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

# Short enough for tests: a hold of 0.6 s, and a frozen server is noticed after 1 s.
QUICK = {"DB_CONNECTION_TIMEOUT": "1", "DB_RETRY_ATTEMPTS": "3", "DB_RETRY_DELAY": "0.2", "DB_CHECK_INTERVAL": "1",
         "HOLDWATER_STOP_TIMEOUT": "1", "HOLDWATER_CORE_DUMPS": "true"}  # tests and sanitizers look into the process


def binary():
    return os.environ.get("HOLDWATER_BINARY", os.path.join(PROJECT, "build/release/holdwater"))


class Account:
    def __init__(self, user, password):
        self.user, self.password = user, password


class Proxy:
    """Before `server` (anything with host and port), with `account` as MYSQL_USER."""

    def __init__(self, root, server, account, database, data=None, accounts=(), launcher=(), **settings):
        self.folder = tempfile.mkdtemp(prefix="proxy-", dir=root)
        self.data = data or os.path.join(self.folder, "data")
        self.log = os.path.join(self.folder, "proxy.log")
        self.host, self.port, self.admin_port = "127.0.0.1", free_port(), free_port()
        self.account, self.database, self.server = account, database, server
        self.settings = {**QUICK, "MYSQL_HOST": server.host, "MYSQL_PORT": str(server.port),
                         "MYSQL_USER": account.user, "MYSQL_PASSWORD": account.password, "MYSQL_DATABASE": database,
                         **{name: str(value) for name, value in settings.items()}}
        self.config = os.path.join(self.folder, "holdwater.toml")
        with open(self.config, "w") as file:
            for extra in accounts:
                file.write(f'[[account]]\nuser = "{extra.user}"\npassword = "{extra.password}"\n')
        os.chmod(self.config, 0o600)
        self.reports = os.path.join(self.folder, "sanitizer")
        self.child = None
        self.launcher = launcher  # a command that runs the program
        self.handed = []          # listening sockets that a service manager hands to it, with their names

    # --- life

    def start(self, wait=True):
        assert self.child is None, "already running"
        env = {name: value for name, value in os.environ.items()
               if not name.startswith(("MYSQL_", "DB_", "HOLDWATER_"))}
        env.update(environment(self.reports))
        for name in ("HOLDWATER_NET_BACKEND", "HOLDWATER_POOL_MODE"):  # the whole rung on one of them
            if name in os.environ and not (name == "HOLDWATER_POOL_MODE" and self.has_no_pool()):
                env[name] = os.environ[name]
        env.update(self.settings)
        self.child = spawn(
            [*self.launcher, *self.hand_over(), binary(), "--config", self.config, "--listen", f"{self.host}:{self.port}", "--admin-listen",
             f"{self.host}:{self.admin_port}", "--data-dir", self.data], self.log, env=env,
            keep=[one.fileno() for one, _ in self.handed])
        if wait:
            wait_until(self.is_live, 60, lambda: f"the proxy answers /livez:\n{tail(self.log)}")
        return self

    def hand_over(self):
        """As sd_listen_fds(3) has it: from descriptor 3 on, for this process."""
        if not self.handed:
            return []
        for at, (one, _) in enumerate(self.handed):
            assert one.fileno() > 3 + len(self.handed), "out of the way of those it becomes"
        moves = " ".join(f"{3 + at}<&{one.fileno()} {one.fileno()}<&-" for at, (one, _) in enumerate(self.handed))
        names = ":".join(name for _, name in self.handed)
        return ["bash", "-c", f'exec {moves}; LISTEN_PID=$$ LISTEN_FDS={len(self.handed)} LISTEN_FDNAMES={names} exec "$@"', "bash"]

    def has_no_pool(self):
        return self.settings.get("HOLDWATER_POOL_MAX_IDLE") == "0" or self.settings.get("HOLDWATER_SPOOL_ENABLED") == "false"

    def is_live(self):
        if self.child.poll() is not None:
            self.check_reports()
            raise AssertionError(f"the proxy ended with {self.child.returncode}:\n{tail(self.log)}")
        return self.http("/livez")[0] == 200

    def kill(self):
        child, self.child = self.child, None
        ended = child.poll()
        end(child, signal.SIGKILL)
        self.check_reports()
        assert ended is None or ended >= 0, f"the proxy had died of signal {-ended}:\n{tail(self.log)}"

    def stop(self):
        """An orderly end; the exit status."""
        child, self.child = self.child, None
        status = end(child, signal.SIGTERM, 60 * slowness())
        self.check_reports()
        return status

    def restart(self):
        self.kill()
        return self.start()

    def close(self):
        if self.child is None:
            return
        if sanitizer_of(binary()) and self.child.poll() is None:
            status = self.stop()  # so that leaks are looked for
            assert status == 0, f"the proxy ended with {status}:\n{tail(self.log)}"
        else:
            self.kill()

    def check_reports(self):
        """Fails when a sanitizer found something in a process of this proxy that has ended."""
        found = reports_at(self.reports)
        assert not found, f"a sanitizer reports:\n{found[:12000]}"

    def resident_bytes(self, measure=resident_bytes):
        """0 of a proxy with a sanitizer, whose allocator keeps what is freed."""
        return 0 if sanitizer_of(binary()) else measure(self.child.pid)

    def log_text(self):
        with open(self.log, errors="replace") as file:
            return file.read()

    # --- its HTTP port

    def http(self, path, method="GET", deadline_s=30):
        """(status, body as bytes); (0, b"") when nobody listens."""
        request = urllib.request.Request(f"http://{self.host}:{self.admin_port}{path}", method=method,
                                         data=b"" if method == "POST" else None)
        try:
            with urllib.request.urlopen(request, timeout=deadline_s) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()
        except OSError:
            return 0, b""

    def json(self, path, method="GET"):
        status, body = self.http(path, method)
        try:
            return json.loads(body)
        except ValueError as error:
            raise AssertionError(f"{method} {path} answered {status} {body!r}, which is no JSON") from error

    def health(self):
        return self.json("/health/")

    def state(self):
        return self.health()["database"]["state"]

    def wait_state(self, *states, deadline_s=30):
        wait_until(lambda: self.state() in states, deadline_s, lambda: f"state {states}: {self.health()}")

    def wait_ok(self):
        """Until it has nothing to complain of: a server that was slow to answer a check may be suspected for a moment."""
        wait_until(lambda: self.health()["status"] == "ok", 30, lambda: f"all is well: {self.health()}")

    def wait_drained(self, deadline_s=60):
        """Until all is as before an outage, the blocks of insert ids too."""
        def drained(health):
            spool = health["spool"]
            return health["database"]["state"] == "up" and spool["pending"] == 0 and not any(
                line.endswith(("gone back", "looked at since", "not yet")) for line in spool["refused_tables"])
        wait_until(lambda: drained(self.health()), deadline_s, lambda: f"drained: {self.health()}")

    def metric(self, name):
        for line in self.http("/metrics")[1].decode().splitlines():
            if line.startswith(name + " "):
                return float(line.split()[1])
        return 0.0

    def wait_checked(self):
        """Until it has looked at the server once from beginning to end."""
        def passed():
            return self.metric('holdwater_checks_total{result="passed"}')
        before = passed()
        wait_until(lambda: passed() >= before + 2, 30, "two checks have ended")

    def wait_tables_known(self):
        """Until it has noticed the tables that the test has just made, so that an outage may begin."""
        if self.child is None or self.health()["spool"]["state"] != "accepting" or self.state() != "up":
            return
        # MySQL gives such a table a counter without a column of that kind, which Holdwater takes for one that it may not see
        count = self.server.run(f"SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = '{self.database}' AND "
                                "(engine NOT IN ('MyISAM', 'MEMORY') OR auto_increment IS NULL)")[0][0]
        wait_until(lambda: self.metric("holdwater_tables_known") >= count, PATIENCE_S, f"{count} tables are known")

    def wait_ids_reserved(self, table, deadline_s=PATIENCE_S):
        """Until it has reserved a block of ids for a table of its database."""
        words = f"of `{self.database}`.`{table}`"
        wait_until(lambda: any("reserved ids" in line and words in line for line in self.log_text().splitlines()), deadline_s,
                   f"ids are reserved {words}")

    # --- connections through it

    def connect(self, account=None, database="", **options):
        """PyMySQL through the proxy, autocommit unless told otherwise."""
        account = account or self.account
        options = {"autocommit": True, "charset": "utf8mb4", "connect_timeout": 60, "read_timeout": 60, **options}
        return pymysql.connect(host=self.host, port=self.port, user=account.user, password=account.password,
                               database=self.database if database == "" else database, **options)


class Direct(Proxy):
    """No proxy at all, with a proxy's interface: HOLDWATER_TEST_DIRECT=1 checks the tests of an undisturbed server
    against the server itself, so that a test's own mistake is not taken for the proxy's."""

    def __init__(self, root, server, account, database, accounts=(), **settings):
        super().__init__(root, server, account, database)
        self.host, self.port = server.host, server.port
        open(self.log, "w").close()

    def start(self, wait=True):
        return self

    def wait_drained(self, deadline_s=60):
        pass

    def wait_tables_known(self):
        pass

    def close(self):
        pass
