"""Connectors and ORMs: each program of tests/clients sees the same through the proxy as without it."""
import difflib

import pytest

from conftest import LONG
from lib.clients import COMPRESSING, ENCRYPTING, NOT_FOR_MYSQL, NOT_RELAYED, PROGRAMS, Missing, command_of, tool
from lib.proxy import Account

SHOP, LEDGER = "shop", "shop_ledger"
SHOPPER = Account("shopper", "sec'ret \"!")


@pytest.fixture
def ends(server, start_proxy):
    yield from ends_before(server, start_proxy)


@pytest.fixture
def ends_before_118(mariadb118, start_proxy):
    yield from ends_before(mariadb118, start_proxy)


def ends_before(server, start_proxy):
    """The server itself, a proxy that knows the programs' account, and one that relays it. A block of ids would show
    as a gap, so none is reserved. What the programs may do beyond their database they may do directly, too."""
    server.run("SET GLOBAL local_infile = 1", f"CREATE DATABASE IF NOT EXISTS {SHOP}")
    server.create_account(SHOPPER.user, SHOPPER.password.replace("'", "''"), SHOP)
    server.run(f"CREATE DATABASE {LEDGER}", f"GRANT ALL ON {LEDGER}.* TO {SHOPPER.user}@`%`")
    known = start_proxy(server, database=LEDGER, account=SHOPPER, HOLDWATER_INSERT_IDS_BLOCK=0)
    relaying = start_proxy(server, HOLDWATER_INSERT_IDS_BLOCK=0)
    yield {"directly": server, "known account": known, "relayed account": relaying}
    server.run(f"DROP DATABASE {SHOP}", f"DROP DATABASE {LEDGER}")


def run_against(end, server, command, file, **env):
    server.run(f"DROP DATABASE {SHOP}", f"CREATE DATABASE {SHOP} CHARACTER SET utf8mb4")
    return tool([*command, end.host, str(end.port), SHOPPER.user, SHOPPER.password, SHOP],
                CLIENT_FILE=str(file), **env).splitlines()


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text("".join(f"{i},row {i}\n" for i in range(20000)))
    return path


def assert_same(seen):
    direct = seen.pop("directly")
    assert direct[-1] == "done", direct
    for way, lines in seen.items():
        difference = list(difflib.unified_diff(direct, lines, "directly", way, lineterm="", n=2))
        assert not difference, "\n".join(difference[:60])


@pytest.mark.limit(400)  # the first one may have to compile or to install
@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_sees_the_same_through_the_proxy(name, ends, server, root, file):
    if server.kind == "mysql" and name in NOT_FOR_MYSQL:
        pytest.skip(f"{name} cannot log in to MySQL 9")
    see_the_same(name, ends, server, root, file)


def see_the_same(name, ends, server, root, file):
    try:
        command = command_of(name, root)
    except Missing as why:
        pytest.skip(f"LEFT OUT: {why}")
    if name in NOT_RELAYED:
        ends.pop("relayed account")
    seen = {way: run_against(end, server, command, file) for way, end in ends.items()}
    assert_same(seen)


@pytest.mark.limit(400)
@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_sees_the_same_before_mariadb_11_8(name, ends_before_118, mariadb118, root, file):
    see_the_same(name, ends_before_118, mariadb118, root, file)


@pytest.mark.limit(400)
@pytest.mark.parametrize("name", COMPRESSING)
def test_a_program_that_compresses_sees_what_it_sees_without(name, ends, server, root, file, start_proxy):
    """Both sides compressed, and the client's alone; MySQL's own library and server speak zstd to the proxy."""
    how = "zstd" if server.kind == "mysql" else "zlib"
    proxy = start_proxy(server, HOLDWATER_SERVER_COMPRESSION=how, HOLDWATER_INSERT_IDS_BLOCK=0)
    try:
        command = command_of(name, root)
    except Missing as why:
        pytest.skip(f"LEFT OUT: {why}")
    compressed = {"CLIENT_COMPRESS": "zstd" if name == "c-libmysqlclient" and how == "zstd" else "zlib"}
    seen = {"directly": run_against(server, server, command, file),
            "known account, compressed client": run_against(ends["known account"], server, command, file, **compressed),
            "relayed account, both compressed": run_against(proxy, server, command, file, **compressed)}
    assert_same(seen)


@pytest.mark.limit(400)
@pytest.mark.parametrize("name", ENCRYPTING)
def test_a_program_that_encrypts_sees_what_it_sees_without(name, ends, server, root, file, start_proxy):
    """Through a proxy that lets nobody in without TLS, and speaks it to the server too."""
    if server.kind == "mysql" and name in NOT_FOR_MYSQL:
        pytest.skip(f"{name} cannot log in to MySQL 9")
    if server.kind == "mariadb" and name not in NOT_FOR_MYSQL and not LONG:
        pytest.skip("with --long: TLS on the client's side alone")
    try:
        command = command_of(name, root)
    except Missing as why:
        pytest.skip(f"LEFT OUT: {why}")
    settings = {"HOLDWATER_CLIENT_TLS_MODE": "required", "HOLDWATER_SERVER_TLS_MODE": "required" if server.kind == "mysql" else "off",
                "HOLDWATER_INSERT_IDS_BLOCK": 0}
    seen = {"directly": run_against(server, server, command, file),
            "known account": run_against(start_proxy(server, database=LEDGER, account=SHOPPER, **settings), server, command, file,
                                         CLIENT_TLS="yes")}
    if name not in NOT_RELAYED:
        seen["relayed account"] = run_against(start_proxy(server, **settings), server, command, file, CLIENT_TLS="yes")
    assert_same(seen)
