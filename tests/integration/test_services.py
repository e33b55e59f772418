"""Several services in one process: each has its server, accounts, queue and cache, and an outage of one is no other's."""
import json
import os
import random
import re
import signal
import socket
import string
import threading

import pymysql
import pytest

from test_import import SETTINGS

from lib.command_line import holdwater
from lib.process import contents, free_port, wait_until
from lib.services import Services
from lib.sql import IN_DOUBT_OR_GONE, run, spooled_seq, value, was_refused_for_outage

TOKEN = "operate-token-for-tests"


@pytest.fixture
def two(make_services, mariadb, mysql):
    process = make_services(top="max_connections = 500\n", orders=mariadb, shop=mysql)
    for one in process.all.values():
        run(one.connect(), "CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(20)) ENGINE=InnoDB")
        run(one.connect(), f"INSERT INTO t VALUES (1, '{one.name}')")
    return process


def rows(one):
    return [tuple(row) for row in one.server.run(f"SELECT id, v FROM {one.database}.t ORDER BY id")]


def refusal(connect):
    with pytest.raises(pymysql.err.MySQLError) as met:
        connect()
    return met.value.args[0]


def login_fails(one, account):
    return refusal(lambda: one.connect(account))


def login_fails_without(one, account):
    """MariaDB plays a stranger through with the plugin of any account that it has: 1698 where that is unix_socket."""
    return refusal(lambda: pymysql.connect(host="127.0.0.1", port=one.server.port, user=account.user, password=account.password))


def test_an_account_of_one_is_none_at_the_other(two, mariadb, mysql):
    orders, shop = two.all["orders"], two.all["shop"]
    assert "MariaDB" in value(orders.connect(), "SELECT VERSION()")
    assert "MariaDB" not in value(shop.connect(), "SELECT VERSION()")
    assert login_fails(orders, shop.account) == login_fails_without(orders, shop.account)
    assert login_fails(shop, orders.account) == login_fails_without(shop, orders.account)
    mariadb.stop()
    orders.wait_state("down")
    mysql.stop()
    shop.wait_state("down")
    assert login_fails(orders, shop.account) == login_fails(shop, orders.account) == 3032
    orders.connect(), shop.connect()


@pytest.mark.limit(240)
def test_an_outage_of_one_is_no_others(two, mariadb):
    orders, shop = two.all["orders"], two.all["shop"]
    same_question = "SELECT v FROM t WHERE id = 1"
    assert value(orders.connect(), same_question) == "orders" and value(shop.connect(), same_question) == "shop"
    lasting = shop.connect()
    failures, written, ends = [], [], threading.Event()

    def go_on():
        number = 1000
        while not ends.is_set():
            try:
                with lasting.cursor() as cursor:
                    cursor.execute(f"INSERT INTO t VALUES ({number}, 'meanwhile')")
                    if cursor._result.warning_count:
                        failures.append(f"{number} was queued")
                written.append(number)
                number += 1
            except pymysql.err.MySQLError as error:
                failures.append(repr(error))
                return
    at_work = threading.Thread(target=go_on)
    at_work.start()
    mariadb.kill()
    orders.wait_state("down")
    assert shop.state() == "up"
    connection = orders.connect()
    for number in range(2, 42):
        spooled_seq(connection, f"INSERT INTO t VALUES ({number}, 'queued')")
    assert value(orders.connect(), same_question) == "orders", "from orders' own cache"
    was_refused_for_outage(connection, "SELECT v FROM t WHERE id = 1000")
    before = len(written)
    wait_until(lambda: len(written) >= before + 50 or failures, 20, "shop goes on meanwhile")
    health = two.json("/health/")
    assert health["services"]["orders"]["spool"]["pending"] == 40 and health["services"]["shop"]["spool"]["last_seq"] == 0
    mariadb.start()
    orders.wait_drained()
    ends.set()
    at_work.join(60)
    assert not failures
    assert rows(orders) == [(1, "orders"), *((number, "queued") for number in range(2, 42))]
    assert rows(shop) == [(1, "shop"), *((number, "meanwhile") for number in written)]
    assert shop.health()["database"]["reconnects"] == 0 and shop.health()["spool"]["last_seq"] == 0
    assert [one["state"] for one in shop.json("/history")["states"]][-1] == "up"
    assert not [line for line in shop.log_text().splitlines() if "down" in line or "queued" in line]
    assert not shop.server.run(f"SELECT 1 FROM information_schema.tables WHERE table_schema = '{orders.database}'")
    for name, content in contents(shop.data).items():  # the queue, the cache, what is remembered of the server
        assert b"'queued'" not in content and orders.database.encode() + b"." not in content, name


@pytest.mark.limit(180)
def test_a_killed_process_drains_both_when_it_is_back(two, mariadb, mysql):
    orders, shop = two.all["orders"], two.all["shop"]
    mariadb.kill()
    mysql.kill()
    orders.wait_state("down")
    shop.wait_state("down")
    for one, first in ((orders, 100), (shop, 200)):
        connection = one.connect()
        for number in range(first, first + 30):
            spooled_seq(connection, f"INSERT INTO t VALUES ({number}, '{one.name} again')")
    two.kill()
    assert {name for name in os.listdir(two.data)} == {"orders", "shop"}
    mysql.start()
    Services.write(two)
    super(Services, two).start()
    wait_until(lambda: shop.health()["spool"]["pending"] == 0 and shop.state() == "up", 60, "shop is drained alone")
    assert orders.health()["spool"]["pending"] == 30 and orders.state() in ("down", "suspect")
    assert two.http("/readyz")[0] == 200  # writes are taken at both
    mariadb.start()
    two.wait_drained()
    assert rows(orders) == [(1, "orders"), *((number, "orders again") for number in range(100, 130))]
    assert rows(shop) == [(1, "shop"), *((number, "shop again") for number in range(200, 230))]


@pytest.mark.limit(120)
def test_two_before_one_server_have_a_queue_and_ids_each(make_services, mariadb):
    process = make_services(begin=False, one=mariadb)
    one = process.all["one"]
    other = process.add("other", mariadb, one.database, one.account)
    process.start()
    run(one.connect(), "CREATE TABLE t (id INT AUTO_INCREMENT PRIMARY KEY, v VARCHAR(20)) ENGINE=InnoDB")
    for each in (one, other):
        run(each.connect(), "INSERT INTO t (v) VALUES ('before')")
        each.wait_ids_reserved("t")
        each.wait_tables_known()
    mariadb.kill()
    for each in (one, other):
        each.wait_state("down")
    told = []
    for _ in range(20):
        for each in (one, other):
            connection = each.connect()
            with connection.cursor() as cursor:
                cursor.execute(f"INSERT INTO t (v) VALUES ('{each.name}')")
                told.append((cursor.lastrowid, each.name))
            connection.close()
    assert [each.health()["spool"]["pending"] for each in (one, other)] == [20, 20]
    mariadb.start()
    process.wait_drained()
    assert [row for row in rows(one) if row[1] != 'before'] == sorted(told)
    assert len(set(number for number, _ in told)) == 40
    assert mariadb.run(f"SELECT COUNT(*) FROM {one.database}.holdwater_ledger") == ((2,),)


def test_a_restart_hands_over_the_listeners_of_both(make_services, mariadb, mysql, tmp_path):
    path = str(tmp_path / "shop.sock")
    process = make_services(options={"shop": f'listen_socket = "{path}"\n'}, orders=mariadb, shop=mysql)
    orders, shop = process.all["orders"], process.all["shop"]
    pid, met, served, ends = process.child.pid, [], dict.fromkeys(process.all, 0), threading.Event()

    def visit(one, **where):
        while not ends.is_set():
            try:
                connection = one.connect() if not where else pymysql.connect(
                    user=one.account.user, password=one.account.password, database=one.database, **where)
                run(connection, "SELECT 1")
                connection.close()
                served[one.name] += 1
            except IN_DOUBT_OR_GONE as error:
                if "2003" in repr(error) or "2002" in repr(error):  # refused; who connects as it ends may be parted from
                    met.append(repr(error))
    visitors = [threading.Thread(target=visit, args=(orders,)), threading.Thread(target=visit, args=(shop,)),
                threading.Thread(target=visit, args=(shop,), kwargs={"unix_socket": path})]
    for one in visitors:
        one.start()
    for _ in range(3):
        before = dict(served)
        process.wait_restarted(lambda: process.child.send_signal(signal.SIGUSR2))
        wait_until(lambda seen=before: all(served[name] > seen[name] + 5 for name in served), 30, "both are served")
    ends.set()
    for one in visitors:
        one.join(60)
    assert not met
    assert process.child.pid == pid
    assert process.stop() == 0 and not os.path.exists(path)


def test_what_a_service_manager_keeps_is_named_for_its_service(make_services, mariadb, mysql, tmp_path):
    from test_handover import ServiceManager
    manager = ServiceManager(tmp_path)
    try:
        process = make_services(settings={"NOTIFY_SOCKET": manager.path}, orders=mariadb, shop=mysql)
        manager.hear_until("STATUS=orders: the server is up; shop: the server is up")
        wait_until(lambda: len(manager.kept) == 2 or manager.hear() is None, 20, "two are kept")
        assert set(manager.kept) == {"holdwater-clients-orders", "holdwater-clients-shop"}
        process.kill()
        process.handed = [(one, name) for name, one in manager.kept.items()]
        process.start()
        for one in process.all.values():
            assert value(one.connect(), "SELECT 1") == 1
        assert "is closed" not in process.log_text()
    finally:
        manager.close()


def test_a_reload_is_of_all_services(two, mariadb):
    orders, shop = two.all["orders"], two.all["shop"]
    orders.options = "max_connections = 3\n"
    shop.options = "workers = 1\n"
    two.add("third", mariadb, "d", orders.account)
    two.top = 'max_connections = 500\nretry_delay = 0.3\n[log]\nlevel = "debug"\n'
    del two.settings["DB_RETRY_DELAY"]
    two.write()
    report = two.json("/config/reload", "POST")
    assert report["done"]
    assert report["changed"] == ["log.level", "orders: max_connections"], report  # the environment says retry_delay
    assert report["needs_restart"] == ["shop: workers", "service third"]
    assert {one["name"]: one["value"] for one in orders.json("/config")["options"]}["max_connections"] == "3"
    assert {one["name"] for one in two.json("/config")["options"]} >= {"log.level", "admin.listen"}
    assert "server.host" not in json.dumps(two.json("/config"))
    wait_until(lambda: orders.metric("holdwater_client_connections") == 0, 10, "who was there before is gone")
    held = [orders.connect() for _ in range(3)]
    with pytest.raises(pymysql.err.MySQLError, match="1040|Too many"):
        orders.connect()
    shop.connect()
    del two.all["shop"]
    orders.options = "max_connections = 0\n"
    two.write()
    status, body = two.http("/config/reload", "POST")
    assert status == 409 and b"max_connections" in body
    orders.options = ""
    two.write()
    assert two.json("/config/reload", "POST")["needs_restart"] == ["service shop", "service third"]
    assert value(shop.connect(), "SELECT 1") == 1
    assert len(held) == 3


def test_keys_are_taken_by_all_services_or_by_none(make_services, mariadb, mysql):
    keys = [chr(ord("A") + at) * 43 + "=" for at in (0, 8)]  # of 32 bytes
    process = make_services(options={"orders": f'spool.key = "{keys[0]}"\n'}, orders=mariadb, shop=mysql)
    orders, shop = process.all["orders"], process.all["shop"]
    run(orders.connect(), "CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(20)) ENGINE=InnoDB")
    mariadb.stop()
    orders.wait_state("down")
    spooled_seq(orders.connect(), "INSERT INTO t VALUES (2, 'sealed')")
    orders.options, shop.options = f'spool.key = "{keys[1]}"\n', f'spool.key = "{keys[1]}"\n'
    process.write()
    status, body = process.http("/config/reload", "POST")  # orders' queue needs its old key
    assert status == 409 and b"service orders: " in body
    orders.options = f'spool.key = "{keys[1]} {keys[0]}"\n'
    process.write()
    assert process.json("/config/reload", "POST")["changed"] == ["orders: spool.key", "shop: spool.key"]
    mariadb.start()
    orders.wait_drained()
    assert rows(orders) == [(2, "sealed")]


def test_keys_that_one_service_refuses_seal_nothing_of_another(make_services, mariadb):
    keys = [chr(ord("A") + at) * 43 + "=" for at in (0, 8, 16, 24)]
    before = {"orders": f'spool.key = "{keys[0]}"\n', "shop": f'spool.key = "{keys[2]}"\n'}
    process = make_services(options=dict(before), orders=mariadb, shop=mariadb)
    orders, shop = process.all["orders"], process.all["shop"]
    for one in (orders, shop):
        run(one.connect(), "CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(20)) ENGINE=InnoDB")
    mariadb.stop()
    for one in (orders, shop):
        one.wait_state("down")
        spooled_seq(one.connect(), "INSERT INTO t VALUES (1, 'sealed')")
    orders.options, shop.options = f'spool.key = "{keys[1]} {keys[0]}"\n', f'spool.key = "{keys[3]}"\n'
    process.write()
    status, body = process.http("/config/reload", "POST")
    assert status == 409 and b"service shop: " in body and b"which is missing" in body
    for name, options in before.items():
        process.all[name].options = options
    process.write()
    assert process.json("/config/reload", "POST")["changed"] == []
    process.kill()
    super(Services, process).start()  # each queue can be read with its key of before
    mariadb.start()
    for one in (orders, shop):
        one.wait_drained()
        assert rows(one) == [(1, "sealed")]


def test_each_path_is_there_for_each_service(two, mariadb):
    orders = two.all["orders"]
    listed = two.json("/services")["services"]
    assert [(one["name"], one["state"], one["pending"]) for one in listed] == [("orders", "up", 0), ("shop", "up", 0)]
    assert listed[0]["listen"] == [f"127.0.0.1:{orders.port}"] and listed[0]["server"] == f"{mariadb.host}:{mariadb.port}"
    for path in ("", "/health", "/health/database", "/health/cache", "/livez", "/readyz", "/metrics", "/dashboard.css", "/tools.js",
                 "/dashboard.js", "/role", "/history", "/history/day", "/sessions", "/spool", "/spool/dead", "/spool/export", "/config"):
        assert two.http(f"/services/orders{path}/")[0] == 200, path
    assert two.http("/services/orders/health/reconnect", "POST")[0] == 200
    assert two.http("/services/orders/health/sync", "POST")[0] == 200
    for path in ("/spool", "/sessions", "/history", "/health/database", "/spool/dead/7/retry"):
        status, body = two.http(path)
        assert status == 404 and b"/services/NAME" in body and b"orders, shop" in body, path
    for path in ("/services/nobody/health", "/services/orders/nothing", "/services/orders/services", "/nothing"):
        assert two.http(path)[0] == 404, path
    assert b"orders, shop" in two.http("/services/nobody/health")[1]
    assert two.http("/services/orders/config/reload", "POST")[0] == 404
    assert two.http("/livez")[0] == two.http("/readyz")[0] == two.http("/services/")[0] == 200
    assert b"overview.js" in two.http("/")[1] and b"dashboard.js" in two.http("/services/orders/")[1]
    assert two.http("/services/orders")[1] == two.http("/services/orders/")[1], "the browser is sent on to the folder"
    mariadb.stop()
    orders.wait_state("down")
    status, body = two.http("/health/")
    assert status == 200 and json.loads(body)["status"] == "degraded"
    assert json.loads(body)["services"]["shop"]["status"] == "ok"


def test_with_one_service_down_for_writes_the_process_is_not_ready(make_services, mariadb, mysql):
    process = make_services(options={"orders": "spool.enabled = false\n"}, begin=False, orders=mariadb, shop=mysql)
    process.write()
    super(Services, process).start()
    process.all["shop"].wait_drained()
    mariadb.stop()
    process.all["orders"].wait_state("down")
    assert process.http("/readyz")[0] == process.http("/health/")[0] == 503
    assert process.all["orders"].http("/readyz")[0] == 503 and process.all["shop"].http("/readyz")[0] == 200
    assert process.http("/livez")[0] == 200


def samples(text):
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def test_metrics_have_the_service_as_a_label(two):
    text = two.http("/metrics")[1].decode()
    of_process = ("holdwater_heap_bytes", "holdwater_build_info", "holdwater_net_backend_info", "holdwater_uptime_seconds")
    for line in samples(text):
        assert ('{service="orders"' in line or '{service="shop"' in line) != line.startswith(of_process), line
    names = [line.split()[2] for line in text.splitlines() if line.startswith("# TYPE")]
    assert len(names) == len(set(names)), "each family once"
    ids = [line.rsplit(" ", 1)[0] for line in samples(text)]
    assert len(ids) == len(set(ids))
    assert 'holdwater_spool_pending{service="shop"} 0' in text
    alone = two.http("/services/orders/metrics")[1].decode()
    assert "service=" not in alone and "holdwater_spool_pending 0" in alone


def test_one_service_without_a_name_is_listed_without_one(mariadb, start_proxy):
    proxy = start_proxy(mariadb)
    (one,) = proxy.json("/services")["services"]
    assert one["name"] == "" and one["state"] == "up"
    assert "service=" not in proxy.http("/metrics")[1].decode()
    assert "services" not in proxy.json("/health/")
    for path in ("/services/orders/health", "/services//health"):
        assert proxy.http(path)[0] == 404


def test_the_command_line_says_which_service_it_is_for(two, mariadb):
    def client(*arguments, **environment):
        return holdwater(*arguments, "--admin", f"http://127.0.0.1:{two.admin_port}", **environment)
    code, text, _ = client("status")
    assert code == 0 and text.startswith("[orders]\nok: ") and "\n[shop]\nok: " in text
    mariadb.stop()
    two.all["orders"].wait_state("down")
    spooled_seq(two.all["orders"].connect(), "INSERT INTO t VALUES (2, 'two')")
    assert client("status")[0] == 1
    assert client("status", "--service", "shop")[0] == 0
    assert client("status", HOLDWATER_SERVICE="orders")[1].startswith("degraded: ")
    for command in (["drain"], ["top", "--rounds", "1"], ["spool", "list"], ["spool", "show", "1"], ["spool", "export"], ["dead", "list"],
                    ["dead", "retry", "--all"], ["sessions"], ["reconnect"], ["backup", "/nowhere/b.db"]):
        code, text, wrong = client(*command)
        assert code == 64 and text == "" and "--service" in wrong and "orders, shop" in wrong, command
    code, text, _ = client("spool", "list", "--service", "orders")
    assert code == 0 and "INSERT INTO t" in text
    assert "INSERT" not in client("spool", "list", "--service", "shop")[1]
    backup = os.path.join(two.folder, "copy.db")
    assert client("backup", backup, "--service", "orders")[0] == 0
    assert holdwater("spool", "verify", backup)[1].startswith("sound: ")
    assert client("top", "--rounds", "1", "--service", "orders")[0] == 1
    code, _, wrong = client("spool", "list", "--service", "nobody")
    assert code == 64 and "orders, shop" in wrong
    assert client("status", "--service", "nobody")[0] == 64, "not 1, which is degraded"
    assert client("--service", "shop", "status")[0] == 0
    assert client("spool", "list", "--service", "a/../b")[0] == 64
    assert "log.level" in client("config", "show")[1] and "server.host" not in client("config", "show")[1]
    assert "server.host" in client("config", "show", "--service", "shop")[1]
    assert client("config", "reload", HOLDWATER_SERVICE="shop")[0] == 0
    code, text, _ = holdwater("--config", two.config, "--check-config")
    assert code == 0 and re.search(r"^service orders: .*\nservice shop: .*\nthe configuration is valid$", text, re.M), text


def test_who_may_only_look_may_so_everywhere(make_services, mariadb, mysql):
    process = make_services(begin=False, top=f'[admin]\nread_token = "{TOKEN}-r"\ntoken = "{TOKEN}"\n', orders=mariadb, shop=mysql)
    process.write()
    super(Services, process).start(wait=False)
    port = f"http://127.0.0.1:{process.admin_port}"
    wait_until(lambda: holdwater("status", "--admin", port, HOLDWATER_ADMIN_TOKEN=TOKEN)[0] == 0, 30, "it is up")
    for command, reads, acts in ((["spool", "list"], 0, 0), (["spool", "export"], 77, 0), (["reconnect"], 77, 0)):
        assert holdwater(*command, "--service", "shop", "--admin", port, HOLDWATER_ADMIN_READ_TOKEN=f"{TOKEN}-r")[0] == reads
        assert holdwater(*command, "--service", "shop", "--admin", port, HOLDWATER_ADMIN_TOKEN=TOKEN)[0] == acts
    assert holdwater("status", "--admin", port)[0] == 77

    shop = process.all["shop"]
    run(shop.connect(), "CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(20)) ENGINE=InnoDB")
    path = os.path.join(process.folder, "import.sql")
    with open(path, "w", encoding="utf-8") as file:
        file.write(f"{SETTINGS}USE {shop.database};\n" + "".join(f"INSERT INTO t VALUES ({number}, '{'x' * 20}');\n" for number in range(2000)))
    code, text, wrong = holdwater("spool", "import", path, "--account", shop.account.user, "--service", "shop", "--admin", port,
                                  HOLDWATER_ADMIN_TOKEN=TOKEN)
    assert code == 0 and text.startswith("2000 write(s) queued"), text + wrong
    wait_until(lambda: len(rows(shop)) == 2000, 30, "what was imported is applied")


def test_paths_of_any_kind_are_answered(two):
    luck = random.Random(8)
    pieces = ["/services", "/orders", "/shop", "/health", "/spool", "/dead", "/7", "/retry", "/..", "/.", "//", "/", "%2e%2e", "%00", "?", "limit=1",
              "&", "services", "\u00e9".encode().decode("latin-1"), "*", ";", "{seq}", "{NAME}", "/import", "/config", "/reload"]
    for _ in range(1500):
        path = "/services" * luck.randint(0, 1) + "".join(
            luck.choice(pieces) if luck.random() < 0.8 else luck.choice(string.printable.strip()) for _ in range(luck.randint(0, 7)))
        path = "/" + re.sub(r"[\x00-\x20#\x7f-\xff]", "", path).lstrip("/")
        status, body = two.http(path, luck.choice(["GET", "HEAD", "DELETE"]))
        assert status in (200, 400, 404, 405), (path, status)
        assert status == 200 or b"error" in body or body == b"", path
    assert two.http("/livez")[0] == 200
    assert [one["state"] for one in two.json("/services")["services"]] == ["up", "up"]


def test_each_line_of_the_log_says_whose_it_is(make_services, mariadb, mysql):
    process = make_services(settings={"HOLDWATER_LOG_FORMAT": "json"}, orders=mariadb, shop=mysql)
    mariadb.stop()
    process.all["orders"].wait_state("down")
    said = [json.loads(line) for line in process.log_text().splitlines()]
    for one in said:
        assert list(one) in (["time", "level", "message"], ["time", "level", "service", "message"])
    assert {one.get("service") for one in said} == {None, "orders", "shop"}
    of_servers = [one for one in said if "server" in one["message"]]
    assert of_servers and all("service" in one for one in of_servers), of_servers
    assert not [one for one in said if "down" in one["message"] and one.get("service") != "orders"]


def test_a_queue_that_cannot_be_opened_refuses_the_start_and_names_its_service(make_services, mariadb, mysql):
    process = make_services(orders=mariadb, shop=mysql)
    process.stop()
    for tail in ("", "-wal", "-shm"):
        with open(os.path.join(process.data, "shop", "spool.db" + tail), "wb") as file:
            file.write(b"this is none" * 1000)
    super(Services, process).start(wait=False)
    assert process.child.wait(60) == 1
    assert "service shop: the spool cannot be opened" in process.log_text()
    process.child = None


def test_the_queue_of_a_process_without_services_is_not_left_behind(make_services, mariadb, start_proxy):
    alone = start_proxy(mariadb)
    run(alone.connect(), "CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(20)) ENGINE=InnoDB")
    mariadb.stop()
    alone.wait_state("down")
    spooled_seq(alone.connect(), "INSERT INTO t VALUES (2, 'two')")
    alone.stop()
    process = make_services(begin=False)
    process.data = alone.data
    one = process.add("orders", mariadb, alone.database, alone.account)
    process.write()
    super(Services, process).start(wait=False)
    assert process.child.wait(60) == 2
    assert "is the queue of a Holdwater without services" in process.log_text()
    process.child = None
    one.options = f'data_dir = "{alone.data}"\n'
    mariadb.start()
    process.start()
    assert rows(one) == [(2, "two")]
    process.stop()
    one.options = ""
    alone.config = process.config  # and back again, from a folder of its own
    process.data = os.path.join(process.folder, "later")
    one.data = os.path.join(process.data, "orders")
    process.start()
    process.stop()
    alone.data = process.data
    with open(alone.config, "w", encoding="utf-8") as file:
        file.write("")
    alone.start()
    assert "orders/spool.db is the queue of no service" in alone.log_text()


def test_the_writes_of_a_service_that_has_another_name_are_not_left_behind(make_services, mariadb, mysql):
    process = make_services(orders=mariadb, shop=mysql)
    one = process.all["orders"]
    run(one.connect(), "CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(20)) ENGINE=InnoDB")
    mariadb.stop()
    one.wait_state("down")
    spooled_seq(one.connect(), "INSERT INTO t VALUES (2, 'two')")
    process.all["sales"] = process.all.pop("orders")
    one.name = "sales"
    process.write()
    process.child.send_signal(signal.SIGUSR2)
    wait_until(lambda: "not restarted: " in process.log_text(), 20, lambda: process.log_text()[-1000:])
    assert value(process.all["shop"].connect(), "SELECT 1") == 1
    process.stop()
    super(Services, process).start(wait=False)
    assert process.child.wait(60) == 2
    assert "orders/spool.db is the queue of no service that is configured, and has 1 write(s)" in process.log_text()
    process.child = None
    one.options = f'data_dir = "{process.data}/orders"\n'
    mariadb.start()
    process.start()
    assert rows(one) == [(2, "two")]


def test_a_new_service_comes_with_a_restart_that_refuses_nobody(make_services, mariadb, mysql):
    process = make_services(begin=False, orders=mariadb, shop=mysql)
    new = process.all.pop("shop")
    process.start()
    connection = process.all["orders"].connect()
    taken = socket.create_server(("127.0.0.1", new.port))
    process.all["shop"] = new
    process.write()
    process.child.send_signal(signal.SIGUSR2)
    wait_until(lambda: "not restarted: cannot listen on" in process.log_text(), 20, lambda: process.log_text()[-1000:])
    assert value(connection, "SELECT 1") == 1
    taken.close()
    process.wait_restarted(lambda: process.child.send_signal(signal.SIGUSR2))
    for one in process.all.values():
        one.wait_drained()
        assert value(one.connect(), "SELECT 1") == 1


@pytest.mark.parametrize("lines, what", [
    ('listen = "127.0.0.1:0"\n', "0 is any"),
    ('listen = "127.0.0.1:3399"\nserver.port = 3307\n', "server.port is given without server.host"),
    ('listen = "127.0.0.1:3399"\nname = "askers"\n', "askers"),
])
def test_what_would_be_anothers_is_refused(tmp_path, lines, what):
    config = tmp_path / "holdwater.toml"
    name = "" if "name" in lines else 'name = "orders"\n'
    config.write_text(f'server.host = "/run/a.sock"\n[[service]]\n{name}{lines}')
    config.chmod(0o600)
    code, text, wrong = holdwater("--config", str(config), "--check-config")
    assert code == 2 and what in text + wrong, text + wrong


def test_two_at_one_place_are_refused(make_services, mariadb, mysql):
    process = make_services(begin=False, orders=mariadb, shop=mysql)
    process.all["shop"].port = process.all["orders"].port
    process.write()
    code, text, wrong = holdwater("--config", process.config, "--check-config")
    assert code == 2 and "is that of orders" in text + wrong
    process.all["shop"].port = free_port()
    process.top = "nonsense = 1\n"
    process.write()
    assert holdwater("--config", process.config, "--check-config")[0] == 2


def test_hooks_are_told_which_service_it_is(make_services, mariadb, mysql, tmp_path):
    told, script = tmp_path / "told", tmp_path / "hook"
    script.write_text(f"#!/bin/sh\nread -r line\necho \"$HOLDWATER_EVENT_SERVICE $line\" >> {told}\n")
    script.chmod(0o755)
    process = make_services(settings={"HOLDWATER_HOOK_COMMAND": str(script)}, orders=mariadb, shop=mysql)
    mariadb.stop()
    process.all["orders"].wait_state("down")
    wait_until(lambda: told.exists() and '"to":"down"' in told.read_text(), 20, "the hook is told")
    for line in told.read_text().splitlines():
        name, event = line.split(" ", 1)
        assert name == json.loads(event)["service"] == "orders" or '"to":"down"' not in line


def test_the_port_of_several_services_shows_one_certificate(make_services, mariadb, mysql):
    process = make_services(begin=False, settings={"HOLDWATER_CLIENT_TLS_MODE": "off"}, top="[admin]\ntls = true\n", orders=mariadb, shop=mysql)
    process.write()
    super(Services, process).start(wait=False)
    asked = ("status", "--service", "shop", "--admin", f"https://127.0.0.1:{process.admin_port}", "--ca", f"{process.data}/tls_certificate.pem")
    wait_until(lambda: holdwater(*asked)[0] == 0, 30, lambda: holdwater(*asked))
    assert process.stop() == 0


def test_a_configuration_that_would_not_start_is_no_reason_to_end(two):
    two.all["shop"].options = 'client_tls.certificate = "/nowhere"\nclient_tls.key = "/nowhere"\n'
    two.write()
    two.child.send_signal(signal.SIGUSR2)
    wait_until(lambda: "not restarted: service shop: TLS for clients" in two.log_text(), 20, lambda: two.log_text()[-1000:])
    for one in two.all.values():
        assert value(one.connect(), "SELECT 1") == 1
