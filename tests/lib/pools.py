"""The programs of tests/clients/pools: applications with a pool of connections, which go on through an outage.

A program gets host, port, user, password and database. For each line on its standard input, which is a tag, it checks
connections out as its pool does, opens new ones, writes into the tables below, and prints what it was told, a line a row:
`order ID NOTE` and `item ID ORDER NAME` (`orders COUNT NOTE` where its database does not say the ids), then `done`. At the end
of its input it ends with status 0.
"""
import os
import queue
import subprocess
import threading

from lib.clients import FOLDER, GO_SOURCES, JAR, Missing, interpreted, need, perl, python, tool
from lib.node import node_modules
from lib.proxy import PROJECT

POOLS = os.path.join(FOLDER, "pools")
HIKARI = ["/usr/share/java/HikariCP.jar", "/usr/share/java/slf4j-api.jar"]
TABLES = [
    "CREATE TABLE orders (id BIGINT AUTO_INCREMENT PRIMARY KEY, note VARCHAR(100) NOT NULL) ENGINE=InnoDB",
    "CREATE TABLE items (id BIGINT AUTO_INCREMENT PRIMARY KEY, order_id BIGINT NOT NULL, name VARCHAR(100) NOT NULL, "
    "FOREIGN KEY (order_id) REFERENCES orders (id)) ENGINE=InnoDB"]


def node(name):
    def make(folder):
        need("node", "npm")
        return ["env", f"NODE_PATH={node_modules()}", "node", os.path.join(POOLS, name)]
    return make


def go(folder):
    need("go", os.path.join(GO_SOURCES, "src/github.com/go-sql-driver/mysql"))
    binary = os.path.join(folder, "go-pool")
    tool(["go", "build", "-o", binary, os.path.join(POOLS, "go", "pool.go")], limit_s=300, GOPATH=GO_SOURCES, GO111MODULE="off",
         GOCACHE=os.environ.get("GOCACHE", os.path.join(PROJECT, "build", "go")), GOFLAGS="")
    return [binary]


def java(folder):
    need("java", "javac", JAR, *HIKARI)
    classes = os.path.join(folder, "java-pool")
    path = ":".join([classes, JAR, *HIKARI])
    tool(["javac", "-encoding", "UTF-8", "-cp", path, "-d", classes, os.path.join(POOLS, "Pool.java")], limit_s=120)
    return ["java", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xshare:auto", "-Xmx256m", "-cp", path, "Pool"]


def ruby(folder):
    need("ruby", "/usr/share/doc/ruby-mysql2")
    return ["ruby", os.path.join(POOLS, "pool.rb")]


def perl_pool(driver):
    check = perl(driver)

    def make(folder):
        check(folder)
        return ["/usr/bin/perl", os.path.join(POOLS, "pool.pl"), driver]
    return make


PROGRAMS = {
    "sqlalchemy-pymysql": python("../pools/sqlalchemy_pool.py", "sqlalchemy", "pymysql", arguments=["mysql+pymysql"]),
    "sqlalchemy-mysqlclient": python("../pools/sqlalchemy_pool.py", "sqlalchemy", "MySQLdb", arguments=["mysql+mysqldb"]),
    "django": python("../pools/django_pool.py", "django", "MySQLdb"),
    "node-mysql2": node("mysql2_pool.js"),
    "node-mariadb": node("mariadb_pool.js"),
    "php-mysqli": interpreted(["php"], "pools/pool.php"),
    "php-pdo": interpreted(["php"], "pools/pool.php"),
    "java-hikaricp": java,
    "go-sql-driver": go,
    "ruby-mysql2": ruby,
    "perl-dbd-mysql": perl_pool("mysql"),
    "perl-dbd-mariadb": perl_pool("MariaDB"),
}
_commands = {}


def command_of(name, folder):
    """The program's command, made when it is first asked for. Raises Missing."""
    if name not in _commands:
        _commands[name] = PROGRAMS[name](folder) + ([name.split("-")[1]] if name.startswith("php-") else [])
    return _commands[name]


class Application:
    """A running program, and what it was told so far."""

    def __init__(self, command, end, account, database):
        self.child = subprocess.Popen([*command, end.host, str(end.port), account.user, account.password, database], text=True,
                                      stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.orders, self.items, self.unnamed = {}, {}, {}
        self._lines = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.child.stdout:
            self._lines.put(line.rstrip("\n"))
        self._lines.put(None)

    def work(self, tag, deadline_s=120):
        """One round. Fails with the program's own words when it does not come to an end."""
        said = []
        self.child.stdin.write(tag + "\n")
        self.child.stdin.flush()
        while True:
            try:
                line = self._lines.get(timeout=deadline_s)
            except queue.Empty:
                raise AssertionError(f"{tag}: nothing for {deadline_s} s after\n" + "\n".join(said)) from None
            if line is None:
                raise AssertionError(f"{tag}: the program ended\n" + "\n".join(said))
            if line == "done":
                return
            said.append(line)
            self._note(line)

    def _note(self, line):
        what, _, rest = line.partition(" ")
        if what == "order":
            number, note = rest.split(" ", 1)
            assert int(number) not in self.orders, f"id {number} was told twice"
            self.orders[int(number)] = note
        elif what == "item":
            number, order, name = rest.split(" ", 2)
            assert int(number) not in self.items, f"id {number} was told twice"
            self.items[int(number)] = (int(order), name)
        elif what == "orders":
            count, note = rest.split(" ", 1)
            self.unnamed[note] = int(count)

    def end(self):
        self.child.stdin.close()
        assert self.child.wait(60) == 0, "the program failed at its end"

    def close(self):
        if self.child.poll() is None:
            self.child.kill()
        self.child.wait()
        self.child.stdout.close()
        self.child.stdin.close()

    def check(self, server, database):
        """The server holds what the program was told, row for row and id for id."""
        orders = dict(server.run("SELECT id, note FROM orders", database=database))
        for note, count in self.unnamed.items():
            of_it = [number for number, text in orders.items() if text.startswith(note + " ")]
            assert len(of_it) == count, f"{note}: {len(of_it)} rows"
            for number in of_it:
                del orders[number]
        assert orders == self.orders
        assert {row[0]: row[1:] for row in server.run("SELECT id, order_id, name FROM items", database=database)} == self.items


__all__ = ["PROGRAMS", "TABLES", "Application", "Missing", "command_of"]
