"""The programs of tests/clients: how each is built, what it needs, and how it is run against an end.

A program gets host, port, user, password and database, prints what it sees, and ends with "done". What differs by
nature between two runs (ids of connections, times) it does not print.
"""
import glob
import os
import shutil
import subprocess

from lib.node import node_modules
from lib.proxy import PROJECT
from lib.server import MySQL

FOLDER = os.path.join(PROJECT, "tests", "clients")
PYTHON = "/usr/bin/python3"  # Debian's, which has Debian's modules
JAR = "/usr/share/java/mariadb-java-client.jar"
GO_SOURCES = "/usr/share/gocode"


class Missing(Exception):
    """Something that the program needs is not on this machine."""


def tool(argv, text=None, limit_s=150, cwd=None, **env):
    """What a program prints. It must end with status 0."""
    done = subprocess.run(argv, input=text, capture_output=True, text=True, errors="replace", timeout=limit_s, cwd=cwd,
                          stdin=None if text is not None else subprocess.DEVNULL, env={**os.environ, **env})
    assert done.returncode == 0, f"{argv[0]} ended with {done.returncode}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
    return done.stdout


def need(*paths):
    for path in paths:
        if not (os.path.exists(path) or shutil.which(path)):
            raise Missing(f"{path} is not there: run tests/install.sh clients")


def need_module(name):
    if subprocess.run([PYTHON, "-c", f"import {name}"], capture_output=True).returncode != 0:
        raise Missing(f"Python's {name} is not there: run tests/install.sh clients")


# --- one function for each kind of program: makes it in `folder` and returns the command


def c_for_mariadb(folder):
    need("mariadb_config", "gcc")
    binary = os.path.join(folder, "c-mariadb")
    flags = tool(["mariadb_config", "--cflags", "--libs"]).split()
    tool(["gcc", "-Wall", "-Wextra", "-Werror", "-o", binary, *c_sources(), *flags])
    return [binary]


def c_for_mysql(folder):
    """Against MySQL's own library, which lives with the C library of a later Debian: its loader runs the program."""
    root = os.path.join(os.environ.get("HOLDWATER_MYSQL_CLIENT_HOME",
                                       os.path.expanduser("~/.cache/holdwater-mysql-client")), "root")
    loaders = glob.glob(os.path.join(root, "usr/lib/*/ld-linux-*.so.*"))
    if not loaders:
        raise Missing("MySQL's client library is not there: run tests/servers/mysql_client.sh")
    libraries = os.path.dirname(loaders[0])
    binary = os.path.join(folder, "c-mysql")
    tool(["gcc", "-Wall", "-Wextra", "-Werror", "-o", binary, *c_sources(), f"-I{root}/usr/include/mysql", "-idirafter", f"{root}/usr/include",
          os.path.join(libraries, "libmysqlclient.so"), "-Wl,--allow-shlib-undefined"])
    plugins = os.path.join(MySQL.home(), "root/usr/lib/mysql/plugin")  # mysql_native_password is one since MySQL 9
    return ["env", f"LIBMYSQL_PLUGIN_DIR={plugins}", loaders[0], "--inhibit-cache", "--library-path", libraries, binary]


def c_sources():
    return [os.path.join(FOLDER, "c", name) for name in ("client.c", "statements.c")]


def python(name, *modules, arguments=()):
    def make(folder):
        for module in modules:
            need_module(module)
        return [PYTHON, os.path.join(FOLDER, "python", name), *arguments]
    return make


def node(name):
    def make(folder):
        need("node", "npm")
        return ["env", f"NODE_PATH={node_modules()}", "node", os.path.join(FOLDER, "node", name)]
    return make


def interpreted(interpreter, path):
    def make(folder):
        need(*interpreter[:1])
        return [*interpreter, os.path.join(FOLDER, path)]
    return make


def ruby(folder):
    need("ruby", "/usr/share/doc/ruby-mysql2")
    return ["ruby", os.path.join(FOLDER, "ruby", "mysql2.rb")]


def perl(driver):
    def make(folder):
        need("perl")
        if subprocess.run(["/usr/bin/perl", f"-MDBD::{driver}", "-e1"], capture_output=True).returncode != 0:
            raise Missing(f"Perl's DBD::{driver} is not there: run tests/install.sh clients")
        return ["/usr/bin/perl", os.path.join(FOLDER, "perl", "dbi.pl"), driver]
    return make


def go(folder):
    need("go", os.path.join(GO_SOURCES, "src/github.com/go-sql-driver/mysql"))
    binary = os.path.join(folder, "go-client")
    tool(["go", "build", "-o", binary, *sorted(source_files("go", ".go"))], limit_s=300, GOPATH=GO_SOURCES, GO111MODULE="off",
         GOCACHE=os.environ.get("GOCACHE", os.path.join(PROJECT, "build", "go")), GOFLAGS="")
    return [binary]


def java(folder):
    need("java", "javac", JAR)
    classes = os.path.join(folder, "java")
    tool(["javac", "-encoding", "UTF-8", "-cp", JAR, "-d", classes, *sorted(source_files("java", ".java"))], limit_s=120)
    # short-lived: neither the optimizing compiler nor a big heap would pay
    return ["java", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xshare:auto", "-Xmx256m", "-cp", f"{classes}:{JAR}",
            "Client"]


def source_files(folder, ending):
    folder = os.path.join(FOLDER, folder)
    return [os.path.join(folder, name) for name in os.listdir(folder) if name.endswith(ending)]


PROGRAMS = {
    "c-libmariadb": c_for_mariadb,
    "c-libmysqlclient": c_for_mysql,
    "python-pymysql": python("dbapi.py", "pymysql", arguments=["pymysql"]),
    "python-mysqlclient": python("dbapi.py", "MySQLdb", arguments=["MySQLdb"]),
    "python-sqlalchemy": python("sqlalchemy_app.py", "sqlalchemy", "pymysql"),
    "python-django": python("django_app.py", "django", "MySQLdb"),
    "node-mysql2": node("mysql2.js"),
    "node-mysql": node("mysql.js"),
    "node-mariadb": node("mariadb.js"),
    "node-sequelize": node("sequelize.js"),
    "php-mysqli": interpreted(["php", "-d", "mysqli.allow_local_infile=1"], "php/mysqli.php"),
    "php-pdo": interpreted(["php"], "php/pdo.php"),
    "go-sql-driver": go,
    "java-connector-j": java,
    "ruby-mysql2": ruby,
    "perl-dbd-mysql": perl("mysql"),
    "perl-dbd-mariadb": perl("MariaDB"),
}

# What cannot log in to MySQL 9 at all: Node's mysql knows mysql_native_password alone, which MySQL 9 has not any more.
NOT_FOR_MYSQL = {"node-mysql"}
# What can speak the compressed protocol; CLIENT_COMPRESS in the environment says that it does.
COMPRESSING = ["c-libmariadb", "c-libmysqlclient", "python-mysqlclient", "node-mysql2", "node-mariadb", "php-mysqli",
               "php-pdo", "java-connector-j", "ruby-mysql2", "perl-dbd-mysql", "perl-dbd-mariadb"]
# What is told by CLIENT_TLS in the environment to encrypt. Ruby's and Perl's drivers of Debian 12 cannot without a
# certificate that is verified.
ENCRYPTING = ["c-libmariadb", "c-libmysqlclient", "python-pymysql", "python-mysqlclient", "node-mysql2", "node-mysql",
              "node-mariadb", "php-mysqli", "php-pdo", "go-sql-driver", "java-connector-j"]
# What a relayed account cannot use: without CLIENT_PLUGIN_AUTH, the server's challenge cannot be passed on.
NOT_RELAYED = {"node-mysql"}

_commands = {}


def command_of(name, folder):
    """The program's command, made when it is first asked for. Raises Missing."""
    if name not in _commands:
        _commands[name] = PROGRAMS[name](folder)
    return _commands[name]
