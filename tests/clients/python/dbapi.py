"""PyMySQL and mysqlclient, which share their interface. Arguments: module host port user password database."""
import datetime
import decimal
import hashlib
import importlib
import os
import sys
import threading

name, host, port, user, password, database = sys.argv[1:]
driver = importlib.import_module(name)
cursors = importlib.import_module(name + ".cursors")


def connect(**options):
    options = {"host": host, "port": int(port), "user": user, "password": password, "database": database, "charset": "utf8mb4",
               "local_infile": True, **options}
    if os.environ.get("CLIENT_COMPRESS"):
        options["compress"] = True
    if os.environ.get("CLIENT_TLS"):
        options["ssl"] = {"check_hostname": False} if name == "pymysql" else {"cipher": "DEFAULT"}
    return driver.connect(**options)


def short(value):
    if isinstance(value, (bytes, str)) and len(value) > 100:
        data = value if isinstance(value, bytes) else value.encode()
        return f"<{len(value)} {hashlib.sha1(data).hexdigest()}>"
    return repr(value)


def run(cursor, statement, args=None):
    """Prints everything that a statement gives, result by result."""
    print(">", statement[:100])
    try:
        print("  count", cursor.execute(statement, args), "id", cursor.lastrowid)
        while True:
            for column in cursor.description or ():
                print("  column", column)
            for row in cursor.fetchall() if cursor.description else ():
                print("  row", *[short(value) for value in row])
            if not cursor.nextset():
                break
    except driver.Error as error:
        print(" ", type(error).__name__, error.args)


def types(connection):
    cursor = connection.cursor()
    run(cursor, "CREATE TABLE typed (id INT PRIMARY KEY AUTO_INCREMENT, i BIGINT, u BIGINT UNSIGNED, f DOUBLE, "
                "n DECIMAL(20,5), s VARCHAR(50), b LONGBLOB, d DATE, t TIME(6), m DATETIME(6), j JSON, e SET('a','b'), y YEAR)")
    insert = "INSERT INTO typed (i, u, f, n, s, b, d, t, m, j, e, y) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
    values = (-2 ** 63, 2 ** 64 - 1, 1.5e-300, decimal.Decimal("-12345.67891"), "ä€😀'\"\\\n", b"\x00\xff'\x1a",
              datetime.date(2024, 2, 29), datetime.timedelta(hours=-100, microseconds=5),
              datetime.datetime(1999, 12, 31, 23, 59, 58, 999999), '{"a": [1, null]}', "a,b", 2024)
    run(cursor, insert, values)
    run(cursor, insert, (None,) * 12)
    run(cursor, "INSERT INTO typed (b) VALUES (%s)", (bytes(range(256)) * 4096,))  # 1 MiB
    run(cursor, "SELECT * FROM typed ORDER BY id")
    print("many", cursor.executemany("INSERT INTO typed (i, s) VALUES (%s, %s)", [(i, f"row {i}") for i in range(500)]),
          cursor.lastrowid)
    run(cursor, "SELECT COUNT(*), SUM(i), MAX(LENGTH(s)) FROM typed")
    run(cursor, "UPDATE typed SET i = i + 1 WHERE id <= %s", (2,))
    connection.commit()


def transactions(connection):
    cursor, other = connection.cursor(), connect(autocommit=True).cursor()
    run(cursor, "INSERT INTO typed (s) VALUES ('seen later')")
    run(other, "SELECT COUNT(*) FROM typed WHERE s = 'seen later'")
    connection.commit()
    run(other, "SELECT COUNT(*) FROM typed WHERE s = 'seen later'")
    run(cursor, "DELETE FROM typed")
    connection.rollback()
    run(other, "SELECT COUNT(*) FROM typed")
    run(cursor, "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE")
    run(cursor, "START TRANSACTION READ ONLY")
    run(cursor, "INSERT INTO typed (s) VALUES ('x')")
    connection.rollback()
    run(cursor, "SAVEPOINT a")
    run(cursor, "ROLLBACK TO SAVEPOINT nowhere")
    connection.rollback()


def errors(connection):
    cursor = connection.cursor()
    for statement in ("INSERT INTO typed (id) VALUES (1)", "SELEC 1", "SELECT * FROM nowhere", "SELECT nothing FROM typed",
                      "SIGNAL SQLSTATE '45001' SET MESSAGE_TEXT = 'ours', MYSQL_ERRNO = 3333", "SELECT 1/0", "SHOW WARNINGS",
                      "CREATE TABLE IF NOT EXISTS typed (a INT)", "SHOW WARNINGS", "SELECT CAST('x' AS SIGNED)"):
        run(cursor, statement)


def procedures(connection):
    cursor = connection.cursor()
    run(cursor, "CREATE PROCEDURE two(IN a INT, OUT b INT, INOUT c VARCHAR(20)) "
                "BEGIN SELECT a; SELECT a + 1, 'next'; SET b = a * 2, c = CONCAT(c, '!'); END")
    print("callproc", cursor.callproc("two", (5, 0, "ä")))
    while True:
        print("  rows", cursor.fetchall() if cursor.description else None)
        if not cursor.nextset():
            break
    run(cursor, "SELECT @_two_0, @_two_1, @_two_2")


def streaming(connection):
    cursor = connection.cursor(cursors.SSCursor)
    cursor.execute("SELECT a.id, REPEAT('s', 50) FROM typed a, typed b WHERE b.id < 20")
    total = sum(1 for _ in cursor)
    print("streamed", total)
    cursor.close()
    cursor = connection.cursor(cursors.SSCursor)
    cursor.execute("SELECT a.id FROM typed a, typed b")
    print("first of a result that is left", cursor.fetchone())
    cursor.close()  # reads the rest
    run(connection.cursor(), "SELECT 'after it'")


def local_file(connection):
    cursor = connection.cursor()
    run(cursor, "CREATE TABLE loaded (a INT, b VARCHAR(20))")
    print("loaded", cursor.execute(f"LOAD DATA LOCAL INFILE '{os.environ['CLIENT_FILE']}' INTO TABLE loaded "
                                   "FIELDS TERMINATED BY ','"))
    connection.commit()
    run(cursor, "SELECT COUNT(*), SUM(a) FROM loaded")


def session():
    connection = connect(autocommit=True, init_command="SET time_zone = '+03:00'")
    cursor = connection.cursor()
    print("ping", connection.ping())
    run(cursor, "SELECT @@time_zone, @@autocommit, @@character_set_client, @@collation_connection, DATABASE()")
    connection.select_db("information_schema")
    run(cursor, "SELECT DATABASE()")
    connection.select_db(database)
    print(connection.get_server_info(), connection.character_set_name())
    latin = connect(charset="latin1").cursor()
    run(latin, "SELECT HEX(%s), @@character_set_client, %s", ("é", "é"))
    try:
        connect(password="wrong")
    except driver.Error as error:
        print("wrong password:", error.args[0])
    try:
        connect(database="no_such")
    except driver.Error as error:
        print("no such database:", error.args)


def cancel():
    """A running query ended from another connection: the errors are the server's."""
    victim, killer = connect(), connect()
    number = victim.cursor()
    number.execute("SELECT CONNECTION_ID()")
    number = number.fetchone()[0]
    outcome = []
    thread = threading.Thread(target=lambda: outcome.append(interrupted(victim)))
    thread.start()
    watch = killer.cursor()
    while not watch.execute("SELECT 1 FROM information_schema.processlist WHERE id = %s AND info LIKE 'SELECT SLEEP%%'",
                            (number,)):
        pass
    watch.execute(f"KILL QUERY {number}")
    thread.join()
    print("cancelled:", outcome)


def interrupted(victim):
    cursor = victim.cursor()
    try:
        cursor.execute("SELECT SLEEP(30)")
        return cursor.fetchall()
    except driver.Error as error:
        return error.args


main = connect()
types(main)
transactions(main)
errors(main)
procedures(main)
streaming(main)
local_file(main)
session()
cancel()
main.close()
print("done")
