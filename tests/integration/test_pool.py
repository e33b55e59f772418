"""Server connections that outlive their client: the next client of the account gets one, and nothing of what was left in it."""
import pymysql
import pytest

from lib.process import wait_until
from lib.sql import error_number, run, value
from lib.statements import Session
from lib.wire import BASIC, PROOFS, Client, Err

TRACES = [
    "SET NAMES latin1", "SET autocommit = 0", "SET timestamp = 1000", "SET insert_id = 77", "SET @u = 5",
    "SET sql_mode = ''", "SET time_zone = '+05:00'", "CREATE TEMPORARY TABLE tt (a INT)", "SELECT GET_LOCK('mine', 1)",
    "SET SESSION TRANSACTION ISOLATION LEVEL SERIALIZABLE", "SET lc_time_names = 'de_DE'", "SET sql_select_limit = 3",
    "PREPARE p FROM 'SELECT 1'", "SET last_insert_id = 99", "SET foreign_key_checks = 0", "SET sql_safe_updates = 1",
    "SET rand_seed1 = 5", "SET character_set_client = cp1251", "SET lc_messages = 'de_DE'", "SET wait_timeout = 100",
    "INSERT INTO t (b) VALUES (1)", "HANDLER t OPEN", "SELECT CAST('x' AS SIGNED) UNION ALL SELECT 2 UNION ALL SELECT 3", "USE elsewhere",
]
OF_THE_MOMENT = {"timestamp", "pseudo_thread_id", "rand_seed1", "rand_seed2", "statement_id", "error_count", "warning_count"}


def server_connections(server, user):
    return sorted(row[0] for row in server.run(f"SELECT id FROM information_schema.processlist WHERE user = '{user}'"))


def connection_id(connection):
    return value(connection, "SELECT CONNECTION_ID()")


def leave(proxy, connection):
    """The client goes; when this returns, its server connection is ready for the next."""
    before = proxy.metric("holdwater_pool_kept_total")
    connection.close()
    wait_until(lambda: proxy.metric("holdwater_pool_kept_total") > before, 10, "the server connection is kept")


def use_and_leave(proxy, *statements, **options):
    """A client's whole life; its server connection's id. It is in the pool when this returns."""
    connection = proxy.connect(**options)
    for statement in statements:
        run(connection, statement)
    used = connection_id(connection)
    leave(proxy, connection)
    return used


def all_that_shows(connection, locks=True):
    """What a session can see of itself. Who asks about locks has the connection reset when it leaves."""
    shown = {"found_rows": value(connection, "SELECT FOUND_ROWS()"), "row_count": value(connection, "SELECT ROW_COUNT()")}
    shown["mixed"] = run(connection, "SELECT LAST_INSERT_ID(), DATABASE(), CURRENT_USER(), @u, NOW() > '2020-01-01'")
    if locks:
        shown["lock"] = value(connection, "SELECT IS_FREE_LOCK('mine')")
    shown["warnings"] = run(connection, "SHOW WARNINGS")
    for statement in "SELECT * FROM tt", "EXECUTE p", "HANDLER t READ FIRST":
        shown[statement] = error_number(connection, statement)
    shown.update((name, setting) for name, setting in run(connection, "SHOW SESSION VARIABLES")
                 if name not in OF_THE_MOMENT)
    return shown


@pytest.fixture
def pooled(server, start_proxy):
    """One worker, so that the next client is sure to meet the connection that the last one left."""
    return prepared(server, start_proxy(server, HOLDWATER_WORKERS=1))


@pytest.fixture
def asking(server, start_proxy):
    """One that asks the server at every login."""
    return prepared(server, start_proxy(server, HOLDWATER_WORKERS=1, HOLDWATER_POOL_REVALIDATE_AFTER=0))


@pytest.fixture
def trusting(server, start_proxy):
    """One that asks the server seldom, so that a test is sure to meet a connection about which it was not asked."""
    made = prepared(server, start_proxy(server, HOLDWATER_WORKERS=1, HOLDWATER_POOL_REVALIDATE_AFTER=60,
                                        HOLDWATER_CACHE_OWN_WRITES="false"))  # which looks at tables over connections of its own
    made.wait_tables_known()  # as does what looks after insert ids, and keeps its connection
    return made


def prepared(server, proxy):
    server.run("CREATE TABLE t (a INT AUTO_INCREMENT PRIMARY KEY, b INT)",
               "CREATE DATABASE IF NOT EXISTS elsewhere CHARACTER SET latin1 COLLATE latin1_german1_ci",
               f"GRANT ALL ON elsewhere.* TO `{proxy.account.user}`@`%`", database=proxy.database)
    return proxy


def test_a_client_sees_nothing_of_the_one_before_it_on_the_same_connection(pooled):
    first = pooled.connect()
    fresh = all_that_shows(first)
    del fresh["found_rows"]  # MariaDB's own fresh sessions tell of what their thread has served before
    used = connection_id(first)
    for statement in TRACES:
        run(first, statement)
    leave(pooled, first)
    second = pooled.connect()
    shown = all_that_shows(second)
    assert connection_id(second) == used
    assert shown["found_rows"] <= 1, "three were found by the one before"
    assert {name: (fresh[name], shown[name]) for name in fresh if fresh[name] != shown[name]} == {}
    assert value(second, "SELECT COUNT(*) FROM t") == 0, "the open transaction was rolled back"
    second.close()


def test_a_locks_holder_that_leaves_frees_them_at_once(server, pooled):
    use_and_leave(pooled, "INSERT INTO t VALUES (1, 1)", "BEGIN", "SELECT * FROM t FOR UPDATE", "SELECT GET_LOCK('l', 1)")
    assert server.run("SET innodb_lock_wait_timeout = 5", "UPDATE t SET b = 2", "SELECT IS_FREE_LOCK('l')",
                      database=pooled.database) == ((1,),)
    use_and_leave(pooled, "LOCK TABLES t WRITE")
    server.run("SET lock_wait_timeout = 5", "INSERT INTO t VALUES (2, 2)", database=pooled.database)


def test_the_next_client_may_want_another_database_or_none(pooled):
    used = use_and_leave(pooled)
    for database in None, "elsewhere", pooled.database:
        connection = pooled.connect(database=database)
        assert value(connection, "SELECT DATABASE()") == database
        assert connection_id(connection) == used
        leave(pooled, connection)


def test_a_database_that_may_not_be_used_is_refused_as_at_a_fresh_login(server, pooled):
    use_and_leave(pooled)
    server.run(f"GRANT ALL ON `vanished`.* TO `{pooled.account.user}`@`%`")
    for database in "mysql", "vanished":
        said = []
        for port in pooled.port, server.port:
            client = Client("127.0.0.1", port)
            with pytest.raises(Err) as refused:
                client.login(pooled.account.user, pooled.account.password, database)
            said.append((refused.value.number, refused.value.state, refused.value.text, client.sequence))
            client.close()
        assert said[0] == said[1] and said[0][0] in (1044, 1049)


def test_the_login_answer_over_a_kept_connection_is_a_fresh_ones(server, pooled):
    use_and_leave(pooled)
    said = []
    for port in pooled.port, server.port:
        client = Client("127.0.0.1", port)
        said.append(client.login(pooled.account.user, pooled.account.password, pooled.database))
        client.close()
    assert said[0] == said[1]


def test_each_character_set_of_a_login_holds_on_a_kept_connection(pooled):
    for charset in "latin1", "utf8mb4", "gbk", "utf8mb4":
        connection = pooled.connect(charset=charset)
        assert value(connection, "SELECT @@character_set_client") == charset
        leave(pooled, connection)


def test_init_connect_has_run_for_every_client(server, asking):
    pooled = asking
    use_and_leave(pooled)
    server.run("SET GLOBAL init_connect = 'SET @greeted = 7'")
    try:
        for _ in range(2):
            connection = pooled.connect()
            assert value(connection, "SELECT @greeted") == 7
            connection.close()
    finally:
        server.run("SET GLOBAL init_connect = ''")


def test_an_account_that_may_no_longer_log_in_does_not_get_in_over_a_kept_connection(server, asking):
    pooled = asking
    use_and_leave(pooled)
    server.run(f"ALTER USER `{pooled.account.user}`@`%` ACCOUNT LOCK")
    with pytest.raises(pymysql.err.OperationalError) as refused:
        pooled.connect()
    assert refused.value.args[0] in (3118, 4151)
    server.run(f"ALTER USER `{pooled.account.user}`@`%` ACCOUNT UNLOCK",
               f"ALTER USER `{pooled.account.user}`@`%` IDENTIFIED BY 'another'")
    with pytest.raises(pymysql.err.OperationalError) as refused:
        pooled.connect()
    assert refused.value.args[0] == 1045


def logins_seen(server, proxy, act):
    """What the server's general log says of the account's logins while `act` runs."""
    server.start_general_log()
    act()
    return [line for line in server.stop_general_log().splitlines()
            if proxy.account.user in line and ("Connect" in line or "Change user" in line)]


@pytest.mark.parametrize("database", ["", "elsewhere", None])
@pytest.mark.parametrize("charset", ["latin1", "utf8mb4", "cp1251"])
def test_a_client_that_is_let_in_without_asking_finds_what_a_login_gives(server, trusting, charset, database):
    """`trusting` learns how to make a used connection like a fresh one, and then does only that."""
    options = {"charset": charset, "database": database}
    fresh = all_that_shows(server_client(server, trusting, **options), locks=False)
    leave(trusting, trusting.connect(**options))
    shown = {}

    def three_clients():
        for at in range(3):
            connection = trusting.connect(**options)
            shown[at] = all_that_shows(connection, locks=False)
            for statement in LIGHT_TRACES:
                run(connection, statement)
            leave(trusting, connection)
    assert logins_seen(server, trusting, three_clients) == []
    fresh = {name: value for name, value in fresh.items() if name != "found_rows" and not name.startswith("general_log")}
    for at in range(3):
        assert shown[at]["found_rows"] <= 1
        assert {name: (fresh[name], shown[at][name]) for name in fresh if fresh[name] != shown[at][name]} == {}


def server_client(server, proxy, **options):
    database = options.pop("database")
    return pymysql.connect(host=server.host, port=server.port, user=proxy.account.user, password=proxy.account.password,
                           database=proxy.database if database == "" else database, autocommit=True, **options)


# What needs no reset at once.
LIGHT_TRACES = [
    "SET NAMES gbk", "SET sql_mode = ''", "SET time_zone = '+05:00'", "SET sql_select_limit = 0", "SET last_insert_id = 99",
    "SET foreign_key_checks = 0", "SET wait_timeout = 100", "SET @u = 5", "SET timestamp = 1000", "SELECT 1 UNION SELECT 2",
    "SET character_set_results = NULL", "SET SESSION TRANSACTION ISOLATION LEVEL SERIALIZABLE", "SET TRANSACTION READ ONLY",
]


@pytest.mark.parametrize("first", [
    "SELECT * FROM nowhere", "INSERT INTO t (b) VALUES (1)", "SET @x = 1", "SHOW WARNINGS", "COMMIT",
])
def test_found_rows_is_no_other_clients_whatever_comes_first(trusting, first):
    for _ in range(3):
        leave(trusting, trusting.connect())
        connection = trusting.connect()
        try:
            run(connection, first)
        except pymysql.err.MySQLError as error:
            assert error.args[0] == 1146
        assert value(connection, "SELECT FOUND_ROWS()") <= 1
        assert len(run(connection, "SELECT 1 UNION SELECT 2 UNION SELECT 3")) == 3
        leave(trusting, connection)


def test_row_count_and_last_insert_id_after_the_first_statement_are_its_own(trusting):
    leave(trusting, trusting.connect())
    for _ in range(3):
        connection = trusting.connect()
        assert run(connection, "INSERT INTO t (b) VALUES (1), (2)") == ()
        assert run(connection, "SELECT ROW_COUNT(), LAST_INSERT_ID() > 0") == ((2, 1),)
        leave(trusting, connection)


def test_a_first_command_that_is_no_plain_statement_meets_a_reset_connection(trusting):
    leave(trusting, trusting.connect())
    for act in (lambda c: c.ping(reconnect=False), lambda c: c.select_db("elsewhere"),
                lambda c: change_user(c, trusting.account, trusting.database)):
        connection = trusting.connect()
        act(connection)
        assert run(connection, "SELECT @u, @@sql_select_limit > 1000") == ((None, 1),)
        run(connection, "SET @u = 5")
        run(connection, "SET sql_select_limit = 3")
        leave(trusting, connection)


def test_a_client_that_asks_nothing_leaves_its_connection_for_the_next(trusting):
    used = use_and_leave(trusting, "SET @u = 5")
    for _ in range(3):
        leave(trusting, trusting.connect())
    connection = trusting.connect()
    assert run(connection, "SELECT CONNECTION_ID(), @u") == ((used, None),)
    connection.close()


def test_what_is_done_to_accounts_through_the_proxy_holds_for_the_next_login(trusting):
    use_and_leave(trusting)
    connection = trusting.connect()
    run(connection, "SET PASSWORD = PASSWORD('another')" if trusting.server.kind == "mariadb" else "SET PASSWORD = 'another'")
    connection.close()
    with pytest.raises(pymysql.err.OperationalError) as refused:
        trusting.connect()
    assert refused.value.args[0] == 1045


def test_what_is_done_to_accounts_past_the_proxy_holds_after_the_time_that_is_set(server, pooled):
    use_and_leave(pooled)
    server.run(f"ALTER USER `{pooled.account.user}`@`%` ACCOUNT LOCK")

    def refused():
        try:
            pooled.connect().close()
        except pymysql.err.OperationalError as error:
            return error.args[0] in (3118, 4151)
        return False
    wait_until(refused, 10, "the locked account is refused")


def test_a_database_that_was_dropped_is_gone_for_the_next_login(server, trusting):
    server.run(f"GRANT ALL ON `shortlived`.* TO `{trusting.account.user}`@`%`", "CREATE DATABASE shortlived")
    use_and_leave(trusting, database="shortlived")
    connection = trusting.connect(database="shortlived")
    run(connection, "DROP DATABASE shortlived")
    connection.close()
    with pytest.raises(pymysql.err.OperationalError) as refused:
        trusting.connect(database="shortlived")
    assert refused.value.args[0] == 1049


def test_the_pool_is_shown(server, start_proxy):
    proxy = start_proxy(server, HOLDWATER_WORKERS=1, HOLDWATER_POOL_IDLE_TIMEOUT=5)
    connection = proxy.connect()
    assert proxy.health()["pool"]["in_use"] == 1
    leave(proxy, connection)
    leave(proxy, proxy.connect())
    shown = proxy.health()["pool"]
    assert (shown["idle"], shown["in_use"], shown["reused"], shown["kept"]) == (1, 0, 1, 2) and shown["opened"] >= 1
    wait_until(lambda: proxy.health()["pool"]["closed"]["idle"] == 1, 10, "it was closed for its idleness")
    assert proxy.metric('holdwater_pool_closed_total{why="idle"}') == 1


def test_rights_given_and_taken_since_hold(server, pooled):
    use_and_leave(pooled)
    server.run(f"REVOKE ALL ON elsewhere.* FROM `{pooled.account.user}`@`%`")
    connection = pooled.connect()
    assert error_number(connection, "CREATE TABLE elsewhere.x (a INT)")[0] == 1142
    connection.close()


def test_a_kept_connection_that_the_server_closed_is_never_noticed(server, pooled):
    for _ in range(3):
        used = use_and_leave(pooled)
        server.run(f"KILL {used}")
        connection = pooled.connect()
        assert connection_id(connection) != used
        leave(pooled, connection)


def test_kept_connections_of_an_outage_are_not_used_afterwards(server, pooled):
    use_and_leave(pooled)
    server.restart()
    pooled.wait_drained()
    connection = pooled.connect()
    run(connection, "INSERT INTO t (b) VALUES (1)")
    assert connection_id(connection) in server_connections(server, pooled.account.user)
    connection.close()


def test_a_pool_is_bounded_in_number_and_its_connections_in_idle_time_and_age(server, start_proxy):
    proxy = start_proxy(server, HOLDWATER_WORKERS=2, HOLDWATER_POOL_MAX_IDLE=3, HOLDWATER_POOL_IDLE_TIMEOUT="1.5",
                        HOLDWATER_SPOOL_ENABLED="false")
    connections = [proxy.connect() for _ in range(8)]
    for connection in connections:
        connection.close()
    wait_until(lambda: len(server_connections(server, proxy.account.user)) <= 3, 10, "three are kept at most")
    assert proxy.metric("holdwater_pool_idle") <= 3
    wait_until(lambda: server_connections(server, proxy.account.user) == [], 10, "none is kept for long")
    aged = start_proxy(server, HOLDWATER_POOL_MAX_AGE="0.3")
    connection = aged.connect()
    run(connection, "SELECT SLEEP(0.5)")
    used = connection_id(connection)
    connection.close()
    wait_until(lambda: used not in server_connections(server, aged.account.user), 10, "an old one is not kept")


def test_a_pool_can_be_turned_off(server, start_proxy):
    proxy = start_proxy(server, HOLDWATER_POOL_MAX_IDLE=0, HOLDWATER_SPOOL_ENABLED="false")
    connection = proxy.connect()
    connection.close()
    wait_until(lambda: server_connections(server, proxy.account.user) == [], 10, "nothing is kept")


def test_kept_connections_give_way_to_an_accounts_limit(server, start_proxy):
    proxy = start_proxy(server, HOLDWATER_WORKERS=1, HOLDWATER_SPOOL_ENABLED="false", HOLDWATER_POOL_MAX_IDLE=50)
    # Once it is known how a used connection is made like a fresh one: that is compared with a COM_CHANGE_USER, which a
    # MySQL at the account's limit refuses, so that the connection is not kept.
    leave(proxy, proxy.connect())
    server.run(f"ALTER USER `{proxy.account.user}`@`%` WITH MAX_USER_CONNECTIONS 2")
    for _ in range(2):
        first, second = proxy.connect(), proxy.connect()
        first.close()
        second.close()
        wait_until(lambda: proxy.metric("holdwater_pool_idle") > 0, 10, "some are kept")
        other = Client("127.0.0.1", proxy.port)  # other capabilities: those kept do not fit
        other.login(proxy.account.user, proxy.account.password, capabilities=BASIC)
        other.close()


def test_what_no_reset_undoes_is_not_handed_on(server, pooled):
    client = Client("127.0.0.1", pooled.port)
    client.login(pooled.account.user, pooled.account.password, pooled.database)
    client.command(0x1b, b"\0\0")  # COM_SET_OPTION: several statements in one text
    client.read()
    client.close()
    client = Client("127.0.0.1", pooled.port)
    client.login(pooled.account.user, pooled.account.password, pooled.database)
    with pytest.raises(Err):
        client.query("SELECT 1; SELECT 2")
    client.close()
    connection = pooled.connect()
    run(connection, "SET profiling = 1")
    run(connection, "SELECT 'a secret'")
    connection.close()
    connection = pooled.connect()
    assert run(connection, "SHOW PROFILES") == ()
    connection.close()


def test_a_change_of_user_keeps_the_connection_as_it_does_without_a_proxy(server, start_proxy, root):
    proxy = start_proxy(server)
    connection = proxy.connect()
    used = connection_id(connection)
    run(connection, "SET @u = 1")
    change_user(connection, proxy.account, proxy.database)
    assert run(connection, "SELECT CONNECTION_ID(), @u, DATABASE()") == ((used, None, proxy.database),)
    connection.close()


def change_user(connection, account, database):
    """COM_CHANGE_USER, which PyMySQL has no call for; the proof is asked for by an authentication switch."""
    connection._execute_command(0x11, account.user.encode() + b"\0\0" + database.encode() + b"\0\x2d\0"
                                b"mysql_native_password\0" + bytes([0]))
    packet = connection._read_packet()
    assert packet.is_auth_switch_request()
    packet.read_uint8()
    plugin, salt = packet.read_string().decode(), packet.read_all()[:20]
    connection.write_packet(PROOFS[plugin](account.password, salt))
    packet = connection._read_packet()
    if not packet.is_ok_packet():
        packet = connection._read_packet()
    assert packet.is_ok_packet()


def test_a_login_that_is_a_mode_too_keeps_it(trusting):
    """CLIENT_IGNORE_SPACE: a reset forgets it, and MariaDB's change of user."""
    for _ in range(3):
        leave(trusting, trusting.connect())
    for _ in range(3):
        connection = trusting.connect(client_flag=pymysql.constants.CLIENT.IGNORE_SPACE)
        assert "IGNORE_SPACE" in value(connection, "SELECT @@sql_mode")
        connection.close()


def test_what_a_reset_gives_follows_a_database_that_was_altered(server, pooled):
    server.run("CREATE DATABASE altered", f"GRANT ALL ON altered.* TO `{pooled.account.user}`@`%`")

    def collation():
        connection = pooled.connect(database="altered")
        found = value(connection, "SELECT @@collation_database")
        leave(pooled, connection)
        return found
    for _ in range(3):
        collation()
    server.run("ALTER DATABASE altered CHARACTER SET cp1251")
    wait_until(lambda: collation() == "cp1251_general_ci", 10, "the server is asked again")
    assert [collation() for _ in range(3)] == ["cp1251_general_ci"] * 3
    server.run("DROP DATABASE altered")


def test_what_a_prepared_statement_does_to_accounts_holds_for_the_next_login(server, trusting):
    name = f"`{trusting.account.user}`@`%`"
    server.run(f"GRANT ALL ON *.* TO {name} WITH GRANT OPTION")
    use_and_leave(trusting)
    session = Session(trusting)
    session.execute(session.prepare(f"ALTER USER {name} ACCOUNT LOCK"), [])
    with pytest.raises(pymysql.err.OperationalError):
        trusting.connect()
    session.close()


def test_a_login_over_a_kept_connection_says_whether_it_commits_by_itself(server, pooled):
    """Clients that want autocommit send SET only when the greeting or the login's answer says that it is off."""
    def connect(to):
        return pymysql.connect(host="127.0.0.1", port=to.port, user=pooled.account.user, password=pooled.account.password,
                               database=pooled.database, autocommit=True)
    for _ in range(3):
        use_and_leave(pooled)
    staying = {to: [connect(to) for _ in range(3)] for to in (pooled, server)}
    server.run("SET GLOBAL autocommit = 0")
    try:
        pooled.wait_checked()
        for number in range(6):
            for mark, to in enumerate((pooled, server)):
                staying[to].pop(0).close()
                staying[to].append(connect(to))
                run(staying[to][-1], f"INSERT INTO t (b) VALUES ({mark})")
        for client in sum(staying.values(), []):
            client.close()
        through, direct = (server.run(f"SELECT COUNT(*) FROM t WHERE b = {mark}", database=pooled.database)[0][0] for mark in (0, 1))
        assert through >= direct, "MySQL itself does not tell"
        said = []
        for to in pooled, server:
            client = Client("127.0.0.1", to.port)
            said.append(client.login(pooled.account.user, pooled.account.password, pooled.database))
            client.close()
        assert said[0] == said[1]
    finally:
        server.run("SET GLOBAL autocommit = 1")


def test_a_right_that_was_taken_away_is_gone_for_every_client_that_comes_later(server, trusting):
    pooled = trusting
    user = pooled.account.user
    server.run("CREATE DATABASE IF NOT EXISTS beside", "CREATE TABLE IF NOT EXISTS beside.t (a INT)",
               f"GRANT SELECT ON *.* TO `{user}`@`%` WITH GRANT OPTION")
    try:
        use_and_leave(pooled)
        staying = [pooled.connect() for _ in range(4)]
        for client in staying:
            run(client, "SELECT * FROM beside.t")
        run(staying[0], f"REVOKE SELECT ON *.* FROM `{user}`@`%`")
        for _ in range(3):
            for client in staying:
                client.close()
            staying = [pooled.connect() for _ in range(4)]
            for client in staying:
                assert error_number(client, "SELECT * FROM beside.t")[0] in (1044, 1142)
    finally:
        server.run(f"REVOKE ALL ON *.* FROM `{user}`@`%`", "DROP DATABASE beside")
