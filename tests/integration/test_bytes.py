"""The same script direct and through the proxy: every byte that the server sends must be the same."""
import struct

import pytest

from lib.byte_script import play
from lib.recorder import (BULK_UNITS, CACHE_METADATA, CONNECT_ATTRS, EXTENDED_METADATA, LENENC_AUTH, LOCAL_FILES,
                          OPTIONAL_METADATA, PROGRESS, QUERY_ATTRIBUTES, SESSION_TRACK, STMT_BULK, Recorder, lenenc)
from lib.proxy import Account
from lib.wire import BASIC, DEPRECATE_EOF, FOUND_ROWS, LONG_PASSWORD, MULTI_STATEMENTS, Client

PS_MULTI, INTERACTIVE, IGNORE_SPACE = 1 << 18, 1 << 10, 1 << 8
MODERN = BASIC | MULTI_STATEMENTS | PS_MULTI | DEPRECATE_EOF | SESSION_TRACK | LOCAL_FILES
EXTENDED = PROGRESS | STMT_BULK | EXTENDED_METADATA | CACHE_METADATA | BULK_UNITS
FORMS = {
    "with EOF": BASIC,
    "with EOF and tracking": BASIC | SESSION_TRACK | PS_MULTI | LOCAL_FILES,
    "without EOF": MODERN,
    "without EOF and tracking": MODERN & ~SESSION_TRACK,
    "all that a client may ask": MODERN | FOUND_ROWS | INTERACTIVE | IGNORE_SPACE | CONNECT_ATTRS | LENENC_AUTH |
    OPTIONAL_METADATA | QUERY_ATTRIBUTES,
    "MariaDB's extensions with EOF": BASIC & ~LONG_PASSWORD | MULTI_STATEMENTS | PS_MULTI | EXTENDED,
    "MariaDB's extensions": MODERN & ~LONG_PASSWORD | EXTENDED,
}
ATTRIBUTES = lenenc("program_name") + lenenc("bytes") + lenenc("empty") + lenenc("")


def proxy_before(server, start_proxy, **settings):
    """The server has the account's password cached, as from any login."""
    proxy = start_proxy(server, **settings)
    Client(server.host, server.port).login(proxy.account.user, proxy.account.password)
    return proxy


@pytest.fixture
def plain_proxy(any_server, start_proxy):
    return proxy_before(any_server, start_proxy, HOLDWATER_SPOOL_ENABLED="false")


@pytest.fixture
def proxy(any_server, start_proxy):
    """With a spool; without reserved ids, which may be seen."""
    return proxy_before(any_server, start_proxy, HOLDWATER_INSERT_IDS_BLOCK=0)


def offered_form(server, form):
    """The form as far as the server offers it: asking for more is a client's mistake."""
    greeting = Client(server.host, server.port).greet()
    return FORMS[form] & (greeting.capabilities | greeting.mariadb_capabilities << 32 | LONG_PASSWORD)


def both(server, proxy, account, capabilities, learned=False):
    """The script's records direct and through the proxy, each from the same beginning."""
    found = []
    server.run("SET GLOBAL innodb_stats_auto_recalc = OFF")  # in the background: EXPLAIN tells then how many rows there were when
    for end in (server, proxy):
        server.run(f"DROP DATABASE IF EXISTS {account.user}_bytes", f"CREATE DATABASE {account.user}_bytes",
                   f"GRANT ALL ON {account.user}_bytes.* TO {account.user}@`%`")
        found.append(recorded(end, account, f"{account.user}_bytes", capabilities,
                              lambda client: play(client, server.kind, f"{account.user}_bytes", learned)))
    return found


def recorded(end, account, database, capabilities, script):
    client = Recorder(end.host, end.port)
    client.log_in(account.user, account.password, database, capabilities, attributes=ATTRIBUTES)
    script(client)
    client.close()
    return client.records


def assert_same(direct, proxied):
    for (what, expected), (_, got) in zip(direct, proxied):
        if expected != got:
            wrong = next((pair for pair in zip(expected, got) if pair[0] != pair[1]), (expected[-1:], got[-1:]))
            raise AssertionError(f"{what}: {len(expected)} and {len(got)} packets, the first difference is\n"
                                 f"  direct  {str(wrong[0])[:1500]}\n  proxied {str(wrong[1])[:1500]}")
    assert len(direct) == len(proxied)


@pytest.mark.parametrize("form", FORMS)
def test_every_byte_of_an_answer_is_the_servers(any_server, plain_proxy, form):
    assert_same(*both(any_server, plain_proxy, plain_proxy.account, offered_form(any_server, form)))


def test_a_spool_changes_no_byte_while_the_server_is_up(any_server, proxy):
    form = offered_form(any_server, "all that a client may ask")
    assert_same(*both(any_server, proxy, proxy.account, form, learned=True))


def test_a_relayed_account_sees_the_same_bytes(any_server, proxy):
    stranger = Account("stranger", "unknown to the proxy")
    any_server.create_account(stranger.user, stranger.password, proxy.database)
    Client(any_server.host, any_server.port).login(stranger.user, stranger.password)
    direct, proxied = both(any_server, proxy, stranger, offered_form(any_server, "all that a client may ask"))
    # its login has an authentication switch more; the OK that ends it is the same
    assert direct[0][1][-1][1] == proxied[0][1][-1][1]
    assert_same(direct[1:], proxied[1:])


def test_the_greeting_is_the_servers_own_in_every_field(any_server, proxy):
    direct, proxied = (Client(end.host, end.port).greet() for end in (any_server, proxy))
    for field in ("version", "charset", "status", "plugin", "mariadb_capabilities"):
        assert getattr(direct, field) == getattr(proxied, field), field
    assert len(direct.payload) == len(proxied.payload)
    assert direct.capabilities & ~proxied.capabilities & ~(0x800 | 1 << 28 | 1 << 29) == 0
    own = 0x800  # TLS is Holdwater's own, with its own certificate
    assert proxied.capabilities & ~direct.capabilities & ~own == 0, "the proxy offers what the server cannot do"


ASKED = "SELECT @@character_set_client, @@character_set_connection, @@character_set_results, @@collation_connection, 'x'"


def test_every_collation_may_be_asked_for_in_the_handshake(any_server, proxy):
    known = any_server.run("SELECT id FROM information_schema.collations WHERE id IS NOT NULL ORDER BY id")
    for number in [0, *(row[0] for row in known), 2047, 65535]:
        answers = []
        for end in (any_server, proxy):
            client = Recorder(end.host, end.port)
            if client.log_in(proxy.account.user, proxy.account.password, proxy.database, BASIC, collation=number):
                client.query(ASKED)
            client.close()
            answers.append(client.records)
        direct, proxied = answers
        if direct[0][1][-1][1][:1] == b"\xff":  # refused: by the server at once, by the proxy after the password
            direct[0], proxied[0] = (("login", [record[0][1][-1][1]]) for record in answers)
        try:
            assert_same(direct, proxied)
        except AssertionError as error:
            raise AssertionError(f"collation {number}: {error}") from error


def test_every_character_set_and_collation_may_be_named(any_server, proxy):
    rows = any_server.run("SELECT character_set_name, collation_name FROM information_schema.collations "
                          "WHERE character_set_name IS NOT NULL AND collation_name IS NOT NULL")

    def script(client):
        for charset, collation in rows:
            client.query(f"SET NAMES {charset} COLLATE {collation}")
            client.query(ASKED)
        for charset in sorted({charset for charset, _ in rows}):
            client.query(f"SET NAMES {charset}")
            client.query("SELECT CONVERT(0xc3a4e282ac USING utf8mb4) AS a")
            client.query(f"SET CHARACTER SET {charset}")
            client.query(f"SELECT _{charset} 0x4141")
    assert_same(*(recorded(end, proxy.account, proxy.database, MODERN, script) for end in (any_server, proxy)))


def test_a_change_of_user_leaves_the_same_bytes(any_server, proxy):

    def script(client):
        client.query("SET @a = 1, sort_buffer_size = 400000")
        client.command(17, proxy.account.user.encode() + b"\0\0" + proxy.database.encode() + b"\0" +
                       struct.pack("<H", 33) + client.greeting.plugin.encode() + b"\0")
        assert client.finish(proxy.account.password, "change user")
        # The challenges before it differ. Where a new connection takes the old one's place, the OK has a login's news
        # (tracked state, a certificate's proof); what it says of the change itself is the same.
        client.records[-1] = ("change user", client.records[-1][1][-1][1][:3])
        for text in (ASKED, "SELECT @a, @@sort_buffer_size, DATABASE()", "SELECT CURRENT_USER()"):
            client.query(text)
    for capabilities in (BASIC, MODERN):
        assert_same(*(recorded(end, proxy.account, proxy.database, capabilities, script) for end in (any_server, proxy)))
