"""A MariaDB or MySQL server of the tests' own: its data in a temporary folder, its port chosen, its life in our hands.

Making a data directory is slow, so each kind makes one template and copies it.
"""
import functools
import gc
import os
import shutil
import signal
import subprocess
import tempfile
import time

import pymysql

from lib.process import end, free_port, freeze, spawn, tail, wait_until

SERVERS = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "servers")
COMMON = ["--no-defaults", "--bind-address=127.0.0.1", "--innodb-buffer-pool-size=64M", "--max-connections=400",
          "--innodb-flush-log-at-trx-commit=2",  # survives kill -9, which is what tests do, and is faster
          "--max-allowed-packet=256M", "--character-set-server=utf8mb4", "--performance-schema=OFF",
          "--secure-file-priv="]


class Server:
    """Common to both kinds; `accounts` is what create_account() can make there."""
    kind = ""
    account_plugins = ()
    _template = None

    def __init__(self, root):
        self.folder = tempfile.mkdtemp(prefix=self.kind + "-", dir=root)
        self.data = os.path.join(self.folder, "data")
        self.temporary = os.path.join(self.folder, "tmp")  # MariaDB empties it at its start, others' files included
        os.mkdir(self.temporary)
        self.log = os.path.join(self.folder, "server.log")
        self.general_log = os.path.join(self.folder, "general.log")
        self.socket = os.path.join(tempfile.mkdtemp(prefix="hw-"), "s")
        self.port = free_port()
        self.host = "127.0.0.1"
        self.child = None
        self.options = []
        self.before_outage = []  # called before it is stopped, killed or frozen
        cls = type(self)
        if cls._template is None:
            template = os.path.join(root, f"{self.kind}-template")
            self._make_data(template)
            cls._template = template
        shutil.copytree(cls._template, self.data, ignore=shutil.ignore_patterns("auto.cnf"))  # MySQL's name for the template

    # --- life

    def start(self, *options, wait=True):
        assert self.child is None, "already running"
        if options:
            self.options = list(options)
        self.child = spawn(
            [self.program(), *COMMON, *self.kind_options(), f"--datadir={self.data}", f"--port={self.port}",
             f"--tmpdir={self.temporary}", f"--socket={self.socket}", f"--pid-file={self.folder}/pid", *self.options],
            self.log)
        if wait:
            wait_until(self.answers, 120, lambda: f"{self.kind} starts:\n{tail(self.log)}", every_s=0.05)
        return self

    def stop(self):
        """An orderly shutdown."""
        self._announce()
        child, self.child = self.child, None
        end(child, signal.SIGTERM, 120)

    def kill(self):
        self._announce()
        child, self.child = self.child, None
        end(child, signal.SIGKILL)

    def restart(self):
        self.stop()
        self.start()

    def freeze(self):
        self._announce()
        freeze(self.child)

    def thaw(self):
        self.child.send_signal(signal.SIGCONT)

    def ensure_running(self):
        """Undoes whatever a test did to it."""
        if self.child is not None and self.child.poll() is None:
            self.thaw()
        elif self.child is not None:
            self.kill()
        if self.child is None:
            self.start()

    def forget_accounts(self):
        """Those that other tests have made: MariaDB plays a stranger's login through with the plugin of any account that it
        has, so that its answer depends on them."""
        left = self.run("SELECT user, host FROM mysql.user WHERE user NOT IN ('root', 'mariadb.sys') AND user NOT LIKE 'mysql.%'")
        self.run("DO 1", *(f"DROP USER IF EXISTS `{user}`@`{host}`" for user, host in left))

    def settle(self):
        """Until it has heard the end of all connections that other tests have left in an exception's frames, and of all logins
        that were begun: for whom its counters matter."""
        gc.collect()
        wait_until(lambda: all(row[1] != "unauthenticated user" for row in self.run("SHOW PROCESSLIST")), 30, "no login is under way")

    def destroy(self):
        if self.child is not None:
            self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)
        shutil.rmtree(os.path.dirname(self.socket), ignore_errors=True)

    def answers(self):
        if self.child.poll() is not None:
            raise AssertionError(f"{self.kind} ended with {self.child.returncode}:\n{tail(self.log)}")
        try:
            self.admin().close()
            return True
        except pymysql.err.OperationalError:
            return False

    def _announce(self):
        for tell in self.before_outage if self.child is not None and self.child.poll() is None else []:
            tell()

    # --- use

    def admin(self, database=None, **options):
        """A connection as root, past the proxy. On a full server there is one place for it, when the last has left it."""
        end = time.monotonic() + 30
        while True:
            try:
                return pymysql.connect(unix_socket=self.socket, user="root", database=database, autocommit=True,
                                       charset="utf8mb4", connect_timeout=60, **options)
            except pymysql.err.OperationalError as error:
                if error.args[0] != 1040 or time.monotonic() > end:
                    raise
                time.sleep(0.02)

    def run(self, *statements, database=None):
        """Runs statements as root; the last one's rows."""
        connection = self.admin(database)
        try:
            with connection.cursor() as cursor:
                for statement in statements:
                    cursor.execute(statement)
                return cursor.fetchall()
        finally:
            connection.close()

    def create_account(self, user, password, database, plugin=None, rights="ALL"):
        self.run(f"DROP USER IF EXISTS `{user}`@`%`",
                 f"CREATE USER `{user}`@`%` {self.identified(plugin or self.account_plugins[0], password)}",
                 f"GRANT {rights} ON `{database}`.* TO `{user}`@`%`")

    def start_general_log(self):
        if os.path.exists(self.general_log):
            os.remove(self.general_log)
        self.run("SET GLOBAL general_log = OFF", f"SET GLOBAL general_log_file = '{self.general_log}'",
                 "SET GLOBAL general_log = ON")

    def stop_general_log(self):
        """The log's text, as one string."""
        self.run("SET GLOBAL general_log = OFF")
        with open(self.general_log, errors="replace") as file:
            return file.read()


class MariaDB(Server):
    kind = "mariadb"
    account_plugins = ("mysql_native_password",)

    def program(self):
        return "/usr/sbin/mariadbd"

    def kind_options(self):
        return [*(["--user=root"] if os.geteuid() == 0 else []), "--skip-name-resolve", f"--plugin-dir={self.plugins()}"]

    @staticmethod
    @functools.lru_cache(maxsize=None)
    def plugins():
        return subprocess.check_output([os.path.join(SERVERS, "mariadb_plugins.sh")], text=True).strip()

    def _make_data(self, folder):
        command = ["mariadb-install-db", "--no-defaults", f"--datadir={folder}", f"--tmpdir={self.temporary}",
                   "--skip-test-db",
                   "--auth-root-authentication-method=normal", "--skip-name-resolve"]
        _must(command + (["--user=root"] if os.geteuid() == 0 else []))

    @staticmethod
    def identified(plugin, password):
        assert plugin == "mysql_native_password"
        return f"IDENTIFIED VIA mysql_native_password USING PASSWORD('{password}')"


class MariaDB118(MariaDB):
    """From the folder that tests/servers/mariadb118.sh fills."""
    kind = "mariadb118"

    @staticmethod
    def home():
        return os.environ.get("HOLDWATER_MARIADB118_HOME", os.path.expanduser("~/.cache/holdwater-mariadb118"))

    @classmethod
    def client(cls):
        return os.path.join(cls.home(), "bin", "mariadb")

    def program(self):
        return os.path.join(self.home(), "bin", "mariadbd")

    def kind_options(self):
        root = os.path.join(self.home(), "root/usr")
        return super().kind_options() + [
            f"--lc-messages-dir={root}/share/mysql", f"--character-sets-dir={root}/share/mysql/charsets",
            f"--plugin-dir={root}/lib/mysql/plugin"]

    def _make_data(self, folder):
        os.makedirs(folder)
        root = os.path.join(self.home(), "root/usr")
        _must([f"{root}/bin/mariadb-install-db", "--no-defaults", f"--basedir={root}", f"--datadir={folder}",
               "--skip-test-db", "--auth-root-authentication-method=normal", "--skip-name-resolve",
               *(["--user=root"] if os.geteuid() == 0 else [])])


class MySQL(Server):
    kind = "mysql"
    account_plugins = ("caching_sha2_password",)

    @staticmethod
    def home():
        return os.environ.get("HOLDWATER_MYSQL_HOME", os.path.expanduser("~/.cache/holdwater-mysql"))

    @classmethod
    def client(cls):
        return os.path.join(cls.home(), "bin", "mysql")

    def program(self):
        return os.path.join(self.home(), "bin", "mysqld")

    def kind_options(self):
        share = os.path.join(self.home(), "root/usr/share/mysql")
        options = [f"--basedir={self.home()}/root/usr", f"--lc-messages-dir={share}",
                   f"--character-sets-dir={share}/charsets", f"--plugin-dir={self.home()}/root/usr/lib/mysql/plugin",
                   "--mysqlx=OFF", "--skip-log-bin", "--innodb-redo-log-capacity=64M", "--skip-name-resolve"]
        return options + (["--user=root"] if os.geteuid() == 0 else [])

    def _make_data(self, folder):
        _must([self.program(), "--no-defaults", *self.kind_options(), f"--datadir={folder}", "--initialize-insecure"])

    @staticmethod
    def identified(plugin, password):
        return f"IDENTIFIED WITH {plugin} BY '{password}'"


KINDS = {"mariadb": MariaDB, "mysql": MySQL, "mariadb118": MariaDB118}


def _must(command):
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
    except FileNotFoundError as error:
        raise AssertionError(f"the server's programs are missing ({error}): run tests/install.sh, tests/servers/mysql.sh "
                             "and tests/servers/mariadb118.sh") from error
    assert done.returncode == 0, f"{command[0]} failed:\n{done.stdout.decode(errors='replace')}"
