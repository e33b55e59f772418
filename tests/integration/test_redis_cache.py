"""Several proxies share what they were answered in a Redis, and one that is dead, slow or lying harms nobody."""
import os
import time

import pymysql
import pytest

from lib.command_line import CommandLine
from lib.process import wait_until
from lib.redis import Redis
from lib.server import KINDS
from lib.sql import run, spooled_seq, value
from lib.statements import Session
from test_read_cache import ASKED, READS, age_in, cached, execute, go_down, not_cached, prepare, scene

SECRET = "a-secret-word"


@pytest.fixture
def start_redis(root):
    made = []

    def start(*options):
        made.append(Redis(root, *options).start())
        return made[-1]
    yield start
    for one in made:
        one.kill()


@pytest.fixture
def redis(start_redis):
    return start_redis()


def tier(proxy):
    return proxy.json("/health/cache")["redis"]


def wait_tier(proxy, state="up"):
    wait_until(lambda: tier(proxy)["state"] == state, 20, lambda: f"Redis is {state}: {tier(proxy)}")


def wait_written(proxy, count):
    wait_until(lambda: tier(proxy)["written"] >= count, 20, lambda: f"{count} are written: {tier(proxy)}")


@pytest.fixture
def start_fleet(start_proxy):
    """start_fleet(server, redis, count): proxies of one service, each with a data directory of its own."""
    def start(server, redis, count=2, **settings):
        settings = {"HOLDWATER_CACHE_REDIS": redis.url, "HOLDWATER_CACHE_REDIS_TIMEOUT": 5, **settings}
        first = start_proxy(server, **settings)
        fleet = [first, *(start_proxy(server, database=first.database, account=first.account, **settings)
                          for _ in range(count - 1))]
        for proxy in fleet:
            wait_tier(proxy)
        return fleet
    return start


def all_down(server, *fleet):
    server.stop()
    for proxy in fleet:
        proxy.wait_state("down")


def test_what_one_was_answered_another_answers_in_an_outage(server, redis, start_fleet):
    first, second = start_fleet(server, redis)
    connection = scene(first)
    up = {statement: run(connection, statement) for statement in READS}
    asking = Session(first)
    asking.deprecates_eof = False
    number, prepared_up = prepare(asking, ASKED)
    executed_up = execute(asking, number)[0]
    wait_written(first, len(READS) + 2)
    all_down(server, first, second)
    late = second.connect()
    for statement in READS:
        rows, note = cached(late, statement)
        assert rows == up[statement] and 0 <= age_in(note) < 120
    session = Session(second)
    session.deprecates_eof = False
    number, prepared_down = prepare(session, ASKED)
    assert prepared_down == prepared_up and execute(session, number)[0] == executed_up
    not_cached(late, "SELECT 2 FROM t")
    assert tier(second)["found"] == len(READS) + 2
    assert second.metric("holdwater_cache_redis_found_total") == len(READS) + 2
    assert second.metric("holdwater_cache_redis_up") == 1 and second.metric("holdwater_cache_redis_errors_total") == 0
    spooled_seq(late, "INSERT INTO other VALUES (1)")
    assert "other writes are queued" in cached(late, READS[0])[1]
    server.start()
    second.wait_drained()


def test_of_the_disk_and_redis_the_younger_answer_is_given(mariadb, redis, start_fleet):
    first, second = start_fleet(mariadb, redis)
    connection = scene(first)
    run(second.connect(), "SELECT * FROM other")
    wait_until(lambda: second.json("/health/cache")["disk"]["written"] >= 1, 20, "it is on the disk")
    run(connection, "INSERT INTO other VALUES (1)")
    before = tier(first)["written"]
    run(connection, "SELECT * FROM other")
    wait_written(first, before + 1)
    all_down(mariadb, first, second)
    second.restart()
    second.wait_state("down")
    wait_tier(second)
    assert cached(second.connect(), "SELECT * FROM other")[0] == ((1,),)


def test_before_another_server_nothing_is_shared(mariadb, redis, root, start_proxy):
    """The same names, the same questions, the same Redis; only a name that says so makes them one service."""
    another = KINDS["mariadb"](root).start()

    def both(**settings):
        settings = {"HOLDWATER_CACHE_REDIS": redis.url, "HOLDWATER_CACHE_REDIS_TIMEOUT": 5, "HOLDWATER_CACHE_DISK": 0, **settings}
        here = start_proxy(mariadb, **settings)
        another.run(f"CREATE DATABASE {here.database}")
        another.create_account(here.account.user, here.account.password, here.database)
        there = start_proxy(another, database=here.database, account=here.account, **settings)
        for proxy in (here, there):
            wait_tier(proxy)
        run(scene(here), "SELECT * FROM t")
        wait_written(here, 1)
        return there
    there, one_service = both(), both(HOLDWATER_CACHE_REDIS_SERVICE="one")
    all_down(another, there, one_service)
    not_cached(there.connect(), "SELECT * FROM t")
    assert tier(there)["found"] == 0
    assert len(cached(one_service.connect(), "SELECT * FROM t")[0]) == 3
    another.destroy()


# --- a Redis in trouble

def test_with_the_server_there_nothing_waits_for_a_frozen_redis(server, redis, start_fleet):
    proxy, = start_fleet(server, redis, 1, HOLDWATER_CACHE_REDIS_TIMEOUT=150)
    connection = scene(proxy)
    run(connection, "SELECT * FROM t")
    wait_written(proxy, 1)
    redis.freeze()
    begun = time.monotonic()
    for number in range(200):
        assert value(connection, f"SELECT {number} FROM t LIMIT 1") == number
        if number % 50 == 0:
            with pytest.raises(pymysql.err.ProgrammingError):
                run(connection, f"SELECT * FROM missing{number}")
            assert proxy.http("/health/cache/clear", "POST")[0] == 200
            proxy.wait_ok()
    run(proxy.connect(), "SELECT * FROM t")
    assert time.monotonic() - begun < 150 and tier(proxy)["trouble"] == "", "it is still waited for, by nobody here"
    assert proxy.stop() == 0, "nor does the end wait for it"
    redis.thaw()
    proxy.start()


def test_an_outage_with_a_frozen_redis_costs_its_time_out_once(mariadb, redis, start_fleet):
    timeout = 8
    proxy, = start_fleet(mariadb, redis, 1, HOLDWATER_CACHE_REDIS_TIMEOUT=timeout)
    connection = scene(proxy)
    run(connection, "SELECT * FROM t")
    wait_written(proxy, 1)
    go_down(proxy)
    redis.freeze()
    begun = time.monotonic()
    not_cached(connection, "SELECT 0 FROM t")
    first = time.monotonic() - begun
    assert first < timeout + 15, first
    wait_tier(proxy, "down")
    begun = time.monotonic()
    for number in range(1, 50):
        not_cached(connection, f"SELECT {number} FROM t")
    assert time.monotonic() - begun < timeout, "the others do not wait"
    assert len(cached(connection, "SELECT * FROM t")[0]) == 3
    assert "no answer" in tier(proxy)["trouble"] and tier(proxy)["errors"] >= 1
    redis.thaw()
    wait_tier(proxy)
    assert tier(proxy)["trouble"] == ""
    mariadb.start()
    proxy.wait_drained()


def test_a_redis_that_is_away_at_the_start_or_dies_is_no_tier_until_it_is_back(mariadb, redis, start_proxy):
    redis.kill()
    proxy = start_proxy(mariadb, HOLDWATER_CACHE_REDIS=redis.url, HOLDWATER_CACHE_DISK=0, HOLDWATER_CACHE_REDIS_TIMEOUT=5)
    connection = scene(proxy)
    for _ in range(2):
        wait_until(lambda: tier(proxy)["trouble"], 20, "the trouble is named")
        assert len(run(connection, "SELECT * FROM t")) == 3
        go_down(proxy)
        assert len(cached(connection, "SELECT * FROM t")[0]) == 3
        not_cached(connection, "SELECT 1 FROM t")
        mariadb.start()
        proxy.wait_drained()
        redis.start()
        wait_tier(proxy)
        before = tier(proxy)["written"]
        run(connection, f"SELECT {before} FROM t")
        wait_written(proxy, before + 1)
        assert "shared    Redis is up\n" in CommandLine(proxy)("status")[1]
        redis.kill()
        wait_tier(proxy, "down")
        assert "shared    Redis is down: " in CommandLine(proxy)("status")[1]
    assert proxy.log_text().count("results are not shared in Redis") == 3, "each time it is said once"


def test_what_was_cleared_or_refused_by_one_is_given_by_none(server, redis, start_fleet):
    first, second = start_fleet(server, redis)
    connection, other = scene(first), second.connect()
    run(connection, "CREATE TABLE gone (id INT PRIMARY KEY) ENGINE=InnoDB")
    reads = ["SELECT * FROM t", "SELECT * FROM gone"]
    for statement in (*reads, "SELECT 1 FROM t"):
        run(connection, statement)
    run(other, "SELECT * FROM t")
    wait_until(lambda: len(redis.entries()) == 3, 20, "all are there")
    assert first.http("/health/cache/clear", "POST")[0] == 200
    wait_until(lambda: second.json("/health/cache")["entries"] == 0, 20, "the other one has cleared as well")
    written = tier(first)["written"]
    for statement in reads:
        run(connection, statement)
    wait_written(first, written + 2)
    server.run("DROP TABLE gone", database=first.database)
    with pytest.raises(pymysql.err.ProgrammingError):
        run(connection, "SELECT * FROM gone")
    wait_until(lambda: sum(len(each) < 100 for each in redis.entries().values()) == 1, 20, "it is forgotten in Redis")
    all_down(server, first, second)
    assert len(cached(other, "SELECT * FROM t")[0]) == 3
    not_cached(other, "SELECT * FROM gone")
    not_cached(other, "SELECT 1 FROM t")
    server.start()
    first.wait_drained()


def test_a_right_that_is_taken_away_through_one_is_gone_from_all(mariadb, redis, start_proxy):
    settings = {"HOLDWATER_CACHE_REDIS": redis.url, "HOLDWATER_CACHE_REDIS_TIMEOUT": 5}
    first = start_proxy(mariadb, **settings)
    second = start_proxy(mariadb, database=first.database, account=first.account, **settings)
    for proxy in (first, second):
        wait_tier(proxy)
    for at in (scene(first), second.connect()):
        run(at, "SELECT * FROM t")
    wait_until(redis.entries, 20, "it is there")
    mariadb.create_account("giver", "giver", first.database)
    mariadb.run("GRANT ALL ON *.* TO giver WITH GRANT OPTION")
    run(pymysql.connect(host=first.host, port=first.port, user="giver", password="giver", autocommit=True),
        f"REVOKE ALL ON {first.database}.* FROM {first.account.user}")
    wait_until(lambda: second.json("/health/cache")["entries"] == 0, 20, "the other one has cleared as well")
    mariadb.before_outage.clear()  # which would wait for what the account may not see any more
    all_down(mariadb, first, second)
    for proxy in (first, second):
        not_cached(proxy.connect(), "SELECT * FROM t")
    mariadb.start()


# --- what lies there

def test_values_that_none_of_us_wrote_are_no_answers(mariadb, redis, start_fleet):
    first, second = start_fleet(mariadb, redis, HOLDWATER_CACHE_DISK=0)
    connection = scene(first)
    statements = [f"SELECT {number}, s FROM t" for number in range(6)]
    for statement in statements:
        run(connection, statement)
    wait_written(first, len(statements))
    names = list(redis.entries())
    assert len(names) == len(statements)
    sound = redis.ask("GET", names[0])
    for name, bad in zip(names, (b"", b"x", sound[:-1], sound[:50] + b"x" + sound[51:], b"x" * 3_000_000, os.urandom(1000))):
        redis.ask("SET", name, bad)
    all_down(mariadb, first, second)
    late = second.connect()
    for statement in statements:
        not_cached(late, statement)
        assert len(cached(connection, statement)[0]) == 3, "the first one has its own"
    assert tier(second)["errors"] >= 4 and tier(second)["state"] == "up"
    assert second.log_text().count("a cached result in Redis") == 1
    mariadb.start()


def test_with_a_data_key_nothing_lies_there_in_clear(mariadb, redis, start_fleet):
    statement = f"SELECT '{SECRET}', s FROM t"
    clear, = start_fleet(mariadb, redis, 1)
    run(scene(clear), statement)
    wait_written(clear, 1)
    everything = b"".join(name + each for name, each in redis.entries().items())
    assert SECRET.encode() in everything, "in clear it does"
    redis.ask("FLUSHALL")
    first, second = start_fleet(mariadb, redis, HOLDWATER_SPOOL_KEY="1" * 64, HOLDWATER_CACHE_DISK=0)
    run(scene(first), statement)
    wait_written(first, 1)
    everything = b"".join(name + each for name, each in redis.entries().items())
    assert everything and SECRET.encode() not in everything and "zw\u00f6lf".encode() not in everything
    all_down(mariadb, first, second)
    assert len(cached(second.connect(), statement)[0]) == 3
    mariadb.start()


def test_its_password_is_used_and_never_shown(mariadb, start_redis, start_proxy):
    redis = start_redis("--requirepass", SECRET)
    path = os.path.join(redis.folder, "password")
    with open(path, "w") as file:
        file.write(SECRET + "\n")
    os.chmod(path, 0o600)
    with_login = redis.url.replace("unix://", f"unix://:{SECRET}@")
    for settings in ({"HOLDWATER_CACHE_REDIS": with_login},
                     {"HOLDWATER_CACHE_REDIS": redis.url, "HOLDWATER_CACHE_REDIS_PASSWORD": SECRET},
                     {"HOLDWATER_CACHE_REDIS": redis.url, "HOLDWATER_CACHE_REDIS_PASSWORD_FILE": path}):
        proxy = start_proxy(mariadb, HOLDWATER_LOG_LEVEL="debug", HOLDWATER_CACHE_REDIS_TIMEOUT=5, **settings)
        wait_tier(proxy)
        shown = [proxy.http(page)[1].decode() for page in ("/config", "/health/", "/health/cache", "/metrics")]
        assert not any(SECRET in each for each in [*shown, proxy.log_text()])
    wrong = start_proxy(mariadb, HOLDWATER_CACHE_REDIS=with_login.replace(SECRET, SECRET + "-not"))
    wait_until(lambda: "WRONGPASS" in tier(wrong)["trouble"], 20, "the trouble is named")
    assert SECRET not in wrong.log_text() and len(run(scene(wrong), "SELECT * FROM t")) == 3
    not_started = start_proxy(mariadb, wait=False, HOLDWATER_CACHE_REDIS=f"redis://:{SECRET}@")
    assert not_started.child.wait(60) == 2
    assert "HOLDWATER_CACHE_REDIS: takes redis://" in not_started.log_text() and SECRET not in not_started.log_text()
    not_started.child = None


def test_without_one_the_tier_is_off(mariadb, start_proxy):
    proxy = start_proxy(mariadb)
    assert tier(proxy) == {"state": "off", "written": 0, "found": 0, "errors": 0, "trouble": ""}
