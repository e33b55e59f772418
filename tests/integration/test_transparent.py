"""With the server up, the application cannot tell that there is a proxy: connectors, tools, and bytes."""
import os
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pymysql
import pytest

from lib.node import node_modules
from lib.process import wait_until
from lib.server import MySQL
from lib.sql import affected, error_number, run, value
from lib.wire import BASIC, COM_INIT_DB, COM_PING, DEPRECATE_EOF, MULTI_STATEMENTS, SSL, Client, Err

HERE = os.path.dirname(os.path.abspath(__file__))


def tool(argv, text=None, **env):
    done = subprocess.run(argv, input=text, capture_output=True, text=True, timeout=150, env={**os.environ, **env})
    assert done.returncode == 0, f"{argv[0]} ended with {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def addressed(proxy):
    return [f"-h{proxy.host}", f"-P{proxy.port}", f"-u{proxy.account.user}", f"-p{proxy.account.password}"]


def test_pymysql_sees_rows_counts_ids_warnings_and_errors(proxy):
    connection = proxy.connect()
    run(connection, "CREATE TABLE t (id INT PRIMARY KEY AUTO_INCREMENT, s VARCHAR(20), n DECIMAL(10,2), "
                    "d DATETIME(6), b BLOB) ENGINE=InnoDB")
    with connection.cursor() as cursor:
        assert cursor.execute("INSERT INTO t (s, n, d, b) VALUES ('ä€😀', 1.5, '2024-02-29 12:00:00.000001', 0x00ff)") == 1
        assert cursor.lastrowid == 1
        assert cursor.executemany("INSERT INTO t (s) VALUES (%s)", [("x",), ("y",)]) == 2
    assert run(connection, "SELECT id, s, n, b FROM t WHERE id = 1") == ((1, "ä€😀", pytest.approx(1.5), b"\x00\xff"),)
    assert affected(connection, "UPDATE t SET s = 'z' WHERE id > 1") == 2
    assert affected(connection, "UPDATE t SET s = 'z' WHERE id > 1") == 0
    assert error_number(connection, "INSERT INTO t (id) VALUES (1)")[0] == 1062
    assert error_number(connection, "SELECT * FROM missing")[0] == 1146
    assert error_number(connection, "SELEC 1")[0] == 1064
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1/0")
        cursor.execute("SHOW WARNINGS")
        assert cursor.fetchall()[0][1] == 1365


def test_a_transaction_rolls_back_and_commits(proxy):
    connection, other = proxy.connect(autocommit=False), proxy.connect()
    run(other, "CREATE TABLE t (id INT PRIMARY KEY) ENGINE=InnoDB")
    run(connection, "INSERT INTO t VALUES (1)")
    assert value(other, "SELECT COUNT(*) FROM t") == 0
    connection.rollback()
    run(connection, "INSERT INTO t VALUES (2)")
    connection.commit()
    assert run(other, "SELECT id FROM t") == ((2,),)


def test_several_statements_and_several_results_come_in_order(proxy):
    from pymysql.constants import CLIENT
    connection = proxy.connect(client_flag=CLIENT.MULTI_STATEMENTS)
    run(connection, "CREATE TABLE t (id INT) ENGINE=InnoDB")
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1; INSERT INTO t VALUES (7),(8); SELECT id FROM t ORDER BY id; SELEC")
        assert cursor.fetchall() == ((1,),)
        assert cursor.nextset() and cursor.rowcount == 2
        assert cursor.nextset() and cursor.fetchall() == ((7,), (8,))
        with pytest.raises(pymysql.err.ProgrammingError):
            cursor.nextset()
    assert value(connection, "SELECT 5") == 5


def test_a_procedure_with_results_is_passed_through(proxy):
    connection = proxy.connect()
    run(connection, "CREATE PROCEDURE p(n INT) BEGIN SELECT n; SELECT n + 1; END")
    with connection.cursor() as cursor:
        cursor.execute("CALL p(4)")
        assert cursor.fetchall() == ((4,),)
        assert cursor.nextset() and cursor.fetchall() == ((5,),)
        assert cursor.nextset()  # the procedure's own OK
        assert not cursor.nextset()


def test_load_data_local_reads_the_clients_file(proxy, server, tmp_path):
    server.run("SET GLOBAL local_infile = 1")
    file = tmp_path / "rows.csv"
    file.write_text("".join(f"{i},row {i}\n" for i in range(50000)))
    connection = proxy.connect(local_infile=True)
    run(connection, "CREATE TABLE t (id INT, s VARCHAR(20)) ENGINE=InnoDB")
    assert affected(connection, f"LOAD DATA LOCAL INFILE '{file}' INTO TABLE t FIELDS TERMINATED BY ','") == 50000
    with pytest.raises(pymysql.err.MySQLError):
        run(connection, "LOAD DATA LOCAL INFILE '/nowhere/at/all' INTO TABLE t")
    connection = proxy.connect()
    assert value(connection, "SELECT COUNT(*) FROM t") == 50000


def test_the_mariadb_command_line_works(proxy):
    out = tool(["mariadb", "--no-defaults", "--protocol=tcp", *addressed(proxy), "-N", proxy.database],
               "CREATE TABLE t (a INT);\nINSERT INTO t VALUES (1),(2);\nSELECT SUM(a) FROM t;\nSHOW TABLES LIKE 't';\n"
               "DELIMITER //\nCREATE PROCEDURE p() BEGIN SELECT 42; END//\nDELIMITER ;\nCALL p();\n")
    assert out.split() == ["3", "holdwater_ledger", "t", "42"] or out.split() == ["3", "t", "42"]  # the ledger lives beside the tables


def test_the_mysql_command_line_works(proxy):
    out = tool([MySQL.client(), "--no-defaults", "--protocol=tcp", *addressed(proxy), "-N", proxy.database],
               "CREATE TABLE t (a INT);\nINSERT INTO t VALUES (1),(2);\nSELECT SUM(a) FROM t;\nSHOW TABLES LIKE 't';\nSELECT CONNECTION_ID() > 0;\n")
    assert out.split() == ["3", "holdwater_ledger", "t", "1"] or out.split() == ["3", "t", "1"]


@pytest.mark.limit(120)
def test_node_mysql2_queries_and_executes(proxy):
    out = tool(["node", os.path.join(HERE, "node", "session.js"), proxy.host, str(proxy.port), proxy.account.user,
                proxy.account.password, proxy.database], NODE_PATH=node_modules())
    assert out.strip().endswith("node is content"), out


@pytest.mark.limit(120)
def test_sysbench_prepares_runs_and_cleans_up(proxy):
    # sysbench's client library does caching_sha2_password, and asks for text and binary statements in turn
    options = ["--db-driver=mysql", f"--mysql-host={proxy.host}", f"--mysql-port={proxy.port}",
               f"--mysql-user={proxy.account.user}", f"--mysql-password={proxy.account.password}",
               f"--mysql-db={proxy.database}", "--tables=2", "--table-size=1000", "--threads=4"]
    tool(["sysbench", "oltp_read_write", *options, "prepare"])
    for mode in ("auto", "disable"):
        out = tool(["sysbench", "oltp_read_write", *options, "--time=3", f"--db-ps-mode={mode}", "run"])
        assert "FATAL" not in out and "queries performed" in out
    tool(["sysbench", "oltp_read_write", *options, "cleanup"])


STATEMENTS = ["SELECT 1", "SELECT NULL, '', 'x', 1.5, 0x00ff, CAST('2024-01-01' AS DATE)", "SELECT * FROM t ORDER BY a",
              "SELECT a FROM t WHERE a < 0", "SHOW VARIABLES LIKE 'sql_mode'", "SET @x = 5", "SELECT @x", "BEGIN",
              "UPDATE t SET b = 'new' WHERE a = 1", "ROLLBACK", "SELECT REPEAT('y', 100000)", "DO 1/0", "SHOW WARNINGS",
              "SELECT 1/0", "SET NAMES latin1", "SELECT 'x'", "SHOW CREATE TABLE t", "EXPLAIN SELECT * FROM t",
              "SELEC", "SELECT * FROM nowhere", "SELECT 1 FROM t WHERE", "INSERT INTO t VALUES (1, 'again')"]


@pytest.mark.parametrize("flags", [BASIC, BASIC | MULTI_STATEMENTS], ids=["basic", "multi"])
def test_answers_are_the_servers_bytes(proxy, server, flags):
    run(proxy.connect(), "CREATE TABLE t (a INT PRIMARY KEY, b VARCHAR(9) DEFAULT 'q') ENGINE=InnoDB")
    run(proxy.connect(), "INSERT INTO t (a) VALUES (1),(2),(3)")
    direct, proxied = (answers(end, proxy.account, proxy.database, flags) for end in (server, proxy))
    assert len(direct) == len(proxied)
    for (what, expected), (_, got) in zip(direct, proxied):
        assert got == expected, what


def answers(end, account, database, flags):
    """What a server or proxy answers to the statements above and to two commands: (question, packets or error)."""
    client = Client(end.host, end.port)
    client.login(account.user, account.password, database, capabilities=flags)
    found = []
    for statement in STATEMENTS:
        try:
            found.append((statement, client.result(statement)))
        except Err as error:
            found.append((statement, str(error)))
    for code, payload in ((COM_PING, b""), (COM_INIT_DB, database.encode())):
        client.command(code, payload)
        found.append((code, client.expect_ok()))
    client.close()
    return found


def test_the_last_packet_says_what_the_client_asked_for(proxy):
    with_eof, without = Client(proxy.host, proxy.port), Client(proxy.host, proxy.port)
    with_eof.login(proxy.account.user, proxy.account.password)
    without.login(proxy.account.user, proxy.account.password, capabilities=BASIC | DEPRECATE_EOF)
    assert with_eof.result("SELECT 1")[-1][:1] == b"\xfe"
    without.query("SELECT 1")
    packets = [without.read() for _ in range(3)]
    assert packets[1] == b"\x011" and packets[2][0] == 0xFE and len(packets[2]) == 7


def test_the_greeting_is_the_servers_own(proxy, server):
    direct, proxied = Client(server.host, server.port).greet(), Client(proxy.host, proxy.port).greet()
    for field in ("version", "charset", "status", "plugin", "mariadb_capabilities"):
        assert getattr(direct, field) == getattr(proxied, field), field
    assert proxied.scramble != direct.scramble
    own = SSL  # each side's own affair: the proxy offers it whether the server does or not
    assert proxied.capabilities & ~direct.capabilities & ~own == 0, "the proxy offers what the server cannot do"


def test_a_running_query_can_be_killed_by_the_connection_id_that_sql_tells(proxy):
    victim, killer = proxy.connect(), proxy.connect()
    number = value(victim, "SELECT CONNECTION_ID()")
    assert number != value(killer, "SELECT CONNECTION_ID()")
    with ThreadPoolExecutor(1) as pool:
        sleeping = pool.submit(lambda: value(victim, "SELECT SLEEP(90)"))
        wait_until(lambda: value(killer, "SELECT COUNT(*) FROM information_schema.processlist WHERE info LIKE "
                                         f"'SELECT SLEEP%' AND id = {number}") == 1, 10, "the query runs")
        run(killer, f"KILL QUERY {number}")
        try:
            assert sleeping.result(60) == 1  # MySQL: SLEEP tells that it was interrupted
        except pymysql.err.MySQLError as error:
            assert error.args[0] == 1317  # MariaDB: the query was interrupted
    assert value(killer, "SELECT 1") == 1


def test_session_state_of_one_client_is_not_seen_by_another(proxy):
    first, second = proxy.connect(), proxy.connect()
    run(first, "SET @mine = 1, SESSION sort_buffer_size = 262144, time_zone = '+03:00'")
    run(first, "CREATE TEMPORARY TABLE scratch (a INT)")
    assert run(second, "SELECT @mine, @@time_zone") == ((None, "SYSTEM"),)
    assert error_number(second, "SELECT * FROM scratch")[0] == 1146
    assert run(first, "SELECT @mine, @@time_zone") == ((1, "+03:00"),)
