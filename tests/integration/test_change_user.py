"""COM_CHANGE_USER: what it does to the session, and what is left of it after one that was refused."""
import pytest

from lib.process import wait_until
from lib.proxy import Account
from lib.sql import value
from lib.wire import BASIC, CONNECT_WITH_DB, Client, Closed, Err, native_proof, warnings_of

PLAIN = {"HOLDWATER_SPOOL_ENABLED": "false"}  # which means no pool


def change(client, user, password, database="", proof=b""):
    """With the proof under the challenge of the greeting, or none; a switch is followed."""
    client.command(0x11, user.encode() + b"\0" + bytes([len(proof)]) + proof + database.encode() + b"\0" +
                   (45).to_bytes(2, "little") + b"mysql_native_password\0")
    return client._finish_login(password, "mysql_native_password")


def refusal_of(client, *asked):
    try:
        change(client, *asked)
    except Err as error:
        return error.number, error.state, error.text
    except (Closed, ConnectionError):
        return "closed"
    return "accepted"


def session_of(client):
    """What can be told of the session, None when it has ended."""
    try:
        return client.result("SELECT CURRENT_USER(), DATABASE(), @u, @@sql_mode, @@character_set_client, @@autocommit")[7]
    except (Closed, ConnectionError):
        return None


def refusals_and_sessions(end, known, *strangers, database):
    seen = []
    for asked in ((known.user, "wrong"), (known.user, known.password, "no_such_database"),
                  *((stranger, "wrong") for stranger in strangers)):
        client = Client(end.host, end.port)
        client.login(known.user, known.password, database)
        client.query("SET @u = 1, autocommit = 0, sql_mode = '', character_set_client = 'latin1'")
        seen.append((asked[0], refusal_of(client, *asked), session_of(client)))
        client.close()
    return seen


@pytest.mark.limit(120)
def test_a_refused_change_of_user_leaves_the_session_that_the_server_leaves(server, start_proxy):
    """MariaDB goes on with the account that was there, and nothing set; MySQL hangs up."""
    proxy = start_proxy(server, **PLAIN)
    stranger = Account(f"stranger_of_{proxy.database}", "pw-1")
    server.create_account(stranger.user, stranger.password, proxy.database)
    strangers = [stranger.user, "nobody_at_all"]
    if server.kind == "mysql":
        strangers.pop()  # MySQL asks for a plugin by chance, which may be one that this client lacks
    direct = refusals_and_sessions(server, proxy.account, *strangers, database=proxy.database)
    numbers = [1045, 1044, 1045, 1045]
    if direct[-1][0] == "nobody_at_all" and direct[-1][1][0] == 1698:
        numbers[-1] = 1698  # MariaDB plays strangers through as any account that it has, one of unix_socket perhaps
    assert [(said[0], went_on is not None) for _, said, went_on in direct] == [
        (number, server.kind == "mariadb") for number in numbers][:len(direct)]
    assert refusals_and_sessions(proxy, proxy.account, *strangers, database=proxy.database) == direct


@pytest.mark.limit(120)
def test_a_refused_change_of_user_to_a_known_account_leaves_the_session_with_a_spool_too(server, start_proxy):
    proxy = start_proxy(server)
    direct = refusals_and_sessions(server, proxy.account, database=proxy.database)
    assert refusals_and_sessions(proxy, proxy.account, database=proxy.database) == direct


@pytest.mark.limit(120)
def test_a_fourth_attempt_is_refused_by_the_server_s_own_count(mariadb, start_proxy):
    proxy = start_proxy(mariadb)
    seen = []
    for end in (mariadb, proxy):
        client = Client(end.host, end.port)
        client.login(proxy.account.user, proxy.account.password, proxy.database)
        seen.append([refusal_of(client, proxy.account.user, "wrong") for _ in range(4)])
        assert session_of(client) is not None
    assert seen[0] == seen[1]
    assert seen[0][3][0] == 1047  # ER_UNKNOWN_COM_ERROR


def test_a_known_account_is_changed_to_in_an_outage(server, start_proxy):
    """Its writes are queued as its own; a relayed one is refused, and nothing has happened then."""
    name, owner = f"changes_{server.kind}", Account(f"changes_{server.kind}", "pw-1")
    other, stranger = Account(f"{name}_other", "pw-2"), Account(f"{name}_stranger", "pw-3")
    server.run(f"DROP DATABASE IF EXISTS {name}", f"CREATE DATABASE {name}", f"CREATE TABLE {name}.t (who VARCHAR(64)) ENGINE=InnoDB")
    for account in (owner, other, stranger):
        server.create_account(account.user, account.password, name)
    proxy = start_proxy(server, database=name, account=owner, accounts=[other])
    client = Client(proxy.host, proxy.port)
    client.login(owner.user, owner.password, name)
    server.kill()
    proxy.wait_state("down")
    assert refusal_of(client, stranger.user, stranger.password)[0] == 3032
    assert warnings_of(client.query("INSERT INTO t VALUES (CURRENT_USER())")) == 1, "it lives on, as it was"
    change(client, other.user, other.password, name)
    assert warnings_of(client.query("INSERT INTO t VALUES (CURRENT_USER())")) == 1
    assert refusal_of(client, owner.user, "wrong")[0] == 1045
    server.start()
    proxy.wait_drained()
    assert {row[0] for row in server.run(f"SELECT who FROM {name}.t")} == {f"{owner.user}@%", f"{other.user}@%"}


def test_without_a_pool_a_client_may_answer_the_challenge_of_its_login(mariadb, start_proxy):
    """C libraries do, with mysql_native_password, whatever they were sent since."""
    proxy = start_proxy(mariadb, **PLAIN)
    stranger = Account(f"stranger_of_{proxy.database}", "pw-1")
    mariadb.create_account(stranger.user, stranger.password, proxy.database)
    seen = []
    for end in (mariadb, proxy):
        client = Client(end.host, end.port)
        client.login(proxy.account.user, proxy.account.password, proxy.database)
        used = client.result("SELECT CONNECTION_ID()")[-2]
        for account in (stranger, proxy.account, stranger, stranger, proxy.account):
            proof = native_proof(account.password, client.greeting.scramble)
            client.command(0x11, account.user.encode() + b"\0" + bytes([len(proof)]) + proof + b"\0" +
                           (45).to_bytes(2, "little") + b"mysql_native_password\0")
            said = client.read()
            if said[0] == 0xFE:
                client.write(proof)
                said = client.read()
            assert client.result("SELECT CURRENT_USER()")[-2][1:] == f"{account.user}@%".encode()
            assert client.result("SELECT CONNECTION_ID()")[-2] == used
            seen.append((end, said))
    assert [said for end, said in seen if end is mariadb] == [said for end, said in seen if end is proxy]


def test_without_a_pool_a_relayed_login_has_no_packet_that_a_direct_one_has_not(server, start_proxy):
    proxy = start_proxy(server, **PLAIN)
    stranger = Account(f"stranger_of_{proxy.database}", "pw-1")
    server.create_account(stranger.user, stranger.password, proxy.database)
    for database, capabilities in ((None, BASIC), (proxy.database, BASIC | CONNECT_WITH_DB)):
        seen = []
        for end in (server, proxy, server, proxy):
            client = Client(end.host, end.port)
            client.login(stranger.user, stranger.password, database, capabilities)
            seen.append(client.sequence)
            client.close()
        assert seen[1:2] == seen[2:3] == seen[3:4], "the first one may fill the server's cache"


def test_a_client_that_leaves_without_a_login_does_not_count_against_its_host(server, start_proxy):
    proxy = start_proxy(server, **PLAIN)

    def aborted():
        return int(server.run("SHOW GLOBAL STATUS LIKE 'Aborted_connects'")[0][1])
    server.settle()
    before = aborted()
    for _ in range(5):
        client = Client(proxy.host, proxy.port)
        client.greet()
        client.close()
    wait_until(lambda: not strangers(server), 10, "the server's connections for them are gone")
    assert aborted() == before
    assert value(proxy.connect(), "SELECT 1") == 1


def strangers(server):
    return [row for row in server.run("SHOW PROCESSLIST") if row[1] == "unauthenticated user"]
