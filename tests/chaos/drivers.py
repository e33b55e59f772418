"""What of other languages' and libraries' connectors the writers use: MariaDB's C library, by Python's mysqlclient; and child
programs with a driver each (drivers/), which are asked by a line of JSON and answer by one:

    {"id": 7, "act": "query", "sql": "REPLACE INTO slots VALUES (?, ?, ?)", "args": [1, "2", {"hex": "00ff"}, null]}
    {"id": 7, "insert_id": 0, "info": "Holdwater: ..."}     or   {"id": 7, "error": 3032, "text": "..."}

Each has what connections.py's have: run(), write(), close().
"""
import decimal
import importlib.util
import json
import os
import select
import shutil

from connections import INSERT_TYPED, Answer, Failed, is_typed, shape_of, values_of

from lib.node import node_modules
from lib.process import spawn

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "drivers")


def plain(w, n):
    """A write's text and its parameters, as integers, text, bytes and None: what each driver can send without a loss."""
    text, args = (INSERT_TYPED, (w, n, *values_of(w, n))) if is_typed(n) else shape_of(w, n)
    return text, [one if one is None or isinstance(one, (str, bytes)) else
                  repr(one) if isinstance(one, float) else f"{one:f}" if isinstance(one, decimal.Decimal) else
                  one if isinstance(one, int) and abs(one) < 2 ** 53 else str(one) for one in args]


class CConnection:
    def __init__(self, door):
        import MySQLdb
        self.errors = (MySQLdb.MySQLError, OSError)
        self.connection = None
        self.connection = self.guard(lambda: MySQLdb.connect(
            host=door.host, port=door.port, user=door.account.user, password=door.account.password, database=door.database,
            charset="utf8mb4", connect_timeout=10, read_timeout=30, autocommit=True))

    def guard(self, act):
        try:
            return act()
        except self.errors as error:
            number, text = (*error.args, 0, "")[:2]
            raise Failed(number if isinstance(number, int) else 0, str(text)) from error

    def run(self, statement, args=None):
        return self.guard(lambda: self.execute(statement, args))

    def execute(self, statement, args):
        with self.connection.cursor() as cursor:
            cursor.execute(statement, args)
            info = self.connection.info() or ""
            return Answer("Holdwater" in info, cursor.lastrowid, info)

    def write(self, w, n):
        text, args = plain(w, n)
        return self.run(text.replace("?", "%s"), args)

    def close(self):
        try:
            self.connection.close()
        except self.errors:
            pass  # it is gone already


class Driver:
    """A child program, started from the main thread, for one writer."""

    def __init__(self, name, log):
        env = dict(os.environ)
        if name == "mysql2":
            env["NODE_PATH"] = node_modules()
            argv = ["node", os.path.join(FOLDER, "mysql2.js")]
        else:
            argv = ["php", os.path.join(FOLDER, "mysqli.php")]
        self.child, self.asked, self.rest = spawn(argv, log, env=env, pipes=True), 0, b""

    def ask(self, act, deadline_s=40, **what):
        self.asked += 1
        self.child.stdin.write(json.dumps({"id": self.asked, "act": act, **what}).encode() + b"\n")
        self.child.stdin.flush()
        while act != "close":
            said = json.loads(self.line(deadline_s))
            if said["id"] == self.asked:  # not what came too late
                return said
        return None

    def line(self, deadline_s):
        while b"\n" not in self.rest:
            if not select.select([self.child.stdout], [], [], deadline_s)[0]:
                raise Failed(0, "the driver has not answered in time")
            part = os.read(self.child.stdout.fileno(), 65536)
            assert part, f"the driver {self.child.args} has ended"
            self.rest += part
        line, self.rest = self.rest.split(b"\n", 1)
        return line


class ChildConnection:
    """Text and prepared statements by turns."""

    def __init__(self, door, driver):
        self.driver = driver
        self.ask("connect", host=door.host, port=door.port, user=door.account.user, password=door.account.password,
                 database=door.database)

    def ask(self, act, **what):
        said = self.driver.ask(act, **what)
        if "error" in said:
            raise Failed(said["error"], said["text"])
        return Answer("Holdwater" in said["info"], said["insert_id"], said["info"])

    def run(self, statement):
        return self.ask("query", sql=statement)

    def write(self, w, n):
        text, args = plain(w, n)
        args = [{"hex": one.hex()} if isinstance(one, bytes) else one for one in args]
        return self.ask("execute" if n % 2 else "query", sql=text, args=args)

    def close(self):
        self.driver.ask("close")


def missing(name):
    """Why a connector cannot be used here; empty: it can."""
    if name == "mysqlclient":
        return "" if importlib.util.find_spec("MySQLdb") else "Python's mysqlclient is not installed"
    program = {"mysql2": "node", "mysqli": "php"}[name]
    if not shutil.which(program):
        return f"{program} is not installed"
    if name == "mysqli" and os.system("php -m 2>/dev/null | grep -q mysqli") != 0:
        return "PHP has no mysqli"
    if name == "mysql2":
        try:
            node_modules()
        except (AssertionError, OSError) as error:
            return f"mysql2 cannot be installed: {error}"
    return ""
