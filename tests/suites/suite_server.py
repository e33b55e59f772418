"""The server that a server's own test suite runs against: its data and settings are those that the suite's runner
(mysql-test-run) makes and uses itself, but it is not started by the runner, which then talks to it as to any other
server (--extern). The tests and the server share files below the runner's var folder.
"""
import os
import re
import shutil
import subprocess

from lib.process import end, free_port, spawn, tail, wait_until


class SuiteServer:
    """One for each kind of server; home is where the suite lives, work where everything that is made goes."""
    runner = ""
    program = ""
    admin = ""
    generated = ""      # where the runner leaves its fresh data directory, below its var folder
    keys = ""           # the certificate that the runner's clients expect of the server
    runner_options = ()
    settings = {}       # beside those of the suite's own include/default_mysqld.cnf

    def __init__(self, work):
        self.work, self.host, self.port, self.child = work, "127.0.0.1", free_port(), None
        self.var, self.template = os.path.join(work, "var"), os.path.join(work, "template")
        os.makedirs(work, exist_ok=True)

    def make_template(self):
        """The runner makes system tables, its own schema and a root without a password before its first test."""
        if os.path.isdir(self.template):
            return
        made = os.path.join(self.work, "made")
        done = subprocess.run(["perl", self.runner, f"--vardir={made}", *self.runner_options, "main.1st"], cwd=self.home,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
        source = os.path.join(made, self.generated)
        assert os.path.isdir(source), done.stdout.decode(errors="replace")[-4000:]
        shutil.copytree(source, self.template)
        shutil.rmtree(made, ignore_errors=True)

    def start(self):
        """A fresh server, whatever was before."""
        self.stop()
        self.make_template()
        shutil.rmtree(self.var, ignore_errors=True)
        for folder in ("mysqld.1", "tmp/mysqld.1", "log", "run"):
            os.makedirs(os.path.join(self.var, folder))
        shutil.copytree(self.template, os.path.join(self.var, "mysqld.1/data"))
        shutil.copytree(os.path.join(self.home, "std_data"), os.path.join(self.var, "std_data"))
        os.symlink(os.path.join(self.var, "std_data"), os.path.join(self.var, "std_data_ln"))
        config = os.path.join(self.work, "server.cnf")
        with open(config, "w") as file:
            file.write("[mysqld]\n" + self.suite_settings() + "".join(
                f"{name}={value}\n" for name, value in {**self.common_settings(), **self.settings}.items()))
        env = {name: value for name, value in os.environ.items() if name not in ("TZ", "LC_ALL", "LANG")}
        self.child = spawn([self.program, f"--defaults-file={config}"], os.path.join(self.var, "log/stdout.log"),
                           env={**env, "LC_ALL": "C"}, cwd=self.var)
        wait_until(self.answers, 60, lambda: f"the server starts:\n{tail(self.error_log())}", every_s=0.1)

    def stop(self):
        if self.child is not None:
            child, self.child = self.child, None
            end(child, deadline_s=60)

    def answers(self):
        assert self.child.poll() is None, f"the server ended:\n{tail(self.error_log())}"
        return subprocess.run([self.admin, "--no-defaults", f"-h{self.host}", f"-P{self.port}", "--protocol=tcp", "-uroot",
                               "ping"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0

    def error_log(self):
        return os.path.join(self.var, "log/mysqld.1.err")

    def suite_settings(self):
        with open(os.path.join(self.home, "include/default_mysqld.cnf")) as file:
            section = re.search(r"^\[mysqld\]\n(.*?)(?=^\[|\Z)", file.read(), re.M | re.S)[1]
        return section.replace("@ENV.MYSQLTEST_VARDIR", self.var).replace("@ENV.MYSQL_TEST_DIR", self.home) + "\n"

    def common_settings(self):
        return {"user": "root", "bind-address": self.host, "port": self.port, "socket": f"{self.work}/s",
                "pid-file": f"{self.var}/run/mysqld.1.pid", "datadir": f"{self.var}/mysqld.1/data",
                "tmpdir": f"{self.var}/tmp/mysqld.1", "log-error": self.error_log(), "server-id": 1,
                "general-log": 1, "general-log-file": f"{self.var}/mysqld.1/mysqld.log", "slow-query-log": 1,
                "slow-query-log-file": f"{self.var}/mysqld.1/mysqld-slow.log", "log-output": "file",
                "secure-file-priv": self.var, "max-connections": 500}


class MariaDBSuite(SuiteServer):
    home = "/usr/share/mysql/mysql-test"
    runner, program, admin = "./mariadb-test-run.pl", "/usr/sbin/mariadbd", "mariadb-admin"
    keys = f"{home}/std_data"
    generated = "install.db"
    settings = {"character-sets-dir": "/usr/share/mysql/charsets", "lc-messages-dir": "/usr/share/mysql",
                "plugin-dir": "/usr/lib/mysql/plugin"}


class MySQLSuite(SuiteServer):
    root = os.path.join(os.environ.get("HOLDWATER_MYSQL_SUITE_HOME",
                                       os.path.expanduser("~/.cache/holdwater-mysql-suite")), "root/usr")
    home = os.path.join(root, "lib/mysql-test")
    runner, program, admin = "./mysql-test-run.pl", f"{root}/sbin/mysqld", f"{root}/bin/mysqladmin"
    generated = "data"
    runner_options = (f"--client-bindir={home}/bin",)
    keys = f"{home}/std_data"
    settings = {"basedir": root, "character-sets-dir": f"{root}/share/mysql/charsets",
                "lc-messages-dir": f"{root}/share/mysql", "plugin-dir": f"{root}/lib/mysql/plugin", "mysqlx": "OFF",
                "skip-log-bin": "", "explain-format": "TRADITIONAL_STRICT", "caching_sha2_password_private_key_path": f"{keys}/rsa_private_key.pem",
                "caching_sha2_password_public_key_path": f"{keys}/rsa_public_key.pem", "ssl-ca": f"{keys}/cacert.pem",
                "ssl-cert": f"{keys}/server-cert.pem", "ssl-key": f"{keys}/server-key.pem"}


SUITES = {"mariadb": MariaDBSuite, "mysql": MySQLSuite}
