"""Fixtures of the integration rung, and the time limit of every test."""
import faulthandler
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile

import pytest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from lib.hook_listener import Listener  # noqa: E402
from lib.process import end_all, tail  # noqa: E402
from lib.proxy import PROJECT, Account, Direct, Proxy  # noqa: E402
from lib.sanitizer import slowness  # noqa: E402
from lib.server import KINDS  # noqa: E402
from lib.services import Services  # noqa: E402

LIMIT_S = 180  # the least: it is there for what hangs, and says nothing of how long a test may take on a busy machine
LONG = os.environ.get("HOLDWATER_TEST_LONG") == "1"


def pytest_configure(config):
    config.addinivalue_line("markers", "limit(seconds): what this test needs at most, by itself; it has twice that")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _need_s(item):
    marker = item.get_closest_marker("limit")
    return marker.args[0] if marker else 0


def pytest_collection_modifyitems(items):
    """The longest first, so that at the end no worker is alone with one."""
    items.sort(key=_need_s, reverse=True)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_protocol(item):
    """Every test is interrupted at its limit; if even that does not help, the whole run ends with a traceback."""
    limit = max(2 * _need_s(item), LIMIT_S) * slowness()

    def interrupt(signum, frame):
        raise TimeoutError(f"the test took longer than {limit} s")
    signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, limit)
    faulthandler.dump_traceback_later(limit + 60, exit=True)
    yield
    faulthandler.cancel_dump_traceback_later()
    signal.setitimer(signal.ITIMER_REAL, 0)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """A failure shows the end of the log of each proxy that the test started, and where the whole of it is."""
    report = (yield).get_result()
    for proxy in getattr(item, "proxies", []) if report.failed else []:
        if not os.path.exists(proxy.log):
            continue  # it was never started
        kept = os.path.join(_kept(), f"{item.name}-{os.path.basename(proxy.folder)}.log".replace("/", "_"))
        shutil.copyfile(proxy.log, kept)
        report.sections.append((f"proxy log, whole in {kept}", tail(proxy.log)))


def _kept():
    folder = os.environ.get("HOLDWATER_TEST_LOGS", os.path.join(tempfile.gettempdir(), "holdwater-test-logs"))
    os.makedirs(folder, exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def root():
    folder = tempfile.mkdtemp(prefix="holdwater-tests-")
    yield folder
    end_all()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def servers(root):
    """One server of each kind, made when first asked for."""
    made = {}

    def get(kind):
        if kind not in made:
            made[kind] = KINDS[kind](root).start()
        return made[kind]
    get.made = made
    yield get
    for server in made.values():
        server.destroy()


@pytest.fixture(autouse=True)
def shared(servers):
    """The servers are as other tests have left them, until this one asks for them."""
    for server in servers.made.values():
        server.as_left = True


def _ready(servers, kind):
    server = servers(kind)
    server.ensure_running()
    if getattr(server, "as_left", False):  # once a test
        server.forget_accounts()
        server.as_left = False
    return server


@pytest.fixture(params=["mariadb", "mysql"], scope="function")
def server(request, servers):
    """The test runs once before MariaDB and once before MySQL."""
    yield _ready(servers, request.param)


@pytest.fixture(params=list(KINDS), scope="function")
def any_server(request, servers):
    """The test runs before MariaDB 10.11, MySQL 9 and MariaDB 11.8: for what may differ between the two MariaDBs."""
    yield _ready(servers, request.param)


@pytest.fixture
def mariadb(servers):
    return _ready(servers, "mariadb")


@pytest.fixture
def mysql(servers):
    return _ready(servers, "mysql")


@pytest.fixture
def mariadb118(servers):
    return _ready(servers, "mariadb118")


_databases = 0


def make_database(server):
    """A fresh database with an account of its own, that may do everything there and nothing elsewhere."""
    global _databases
    _databases += 1
    name = f"app{_databases}"
    account = Account(name, f"secret-{name}")
    server.run(f"CREATE DATABASE {name}")
    server.create_account(account.user, account.password, name)
    return name, account


@pytest.fixture
def start_proxy(request, root):
    """start_proxy(server, **settings): a proxy with a database and account of its own, ended after the test."""
    request.node.proxies = proxies = []
    watched = set()

    def start(server, before=None, database=None, account=None, drained=True, wait=True, **settings):
        if database is None:
            database, account = make_database(server)
        kind = Direct if os.environ.get("HOLDWATER_TEST_DIRECT") == "1" else Proxy
        proxy = kind(root, before or server, account, database, **settings)
        proxies.append(proxy)
        proxy.server = server
        server.before_outage.append(proxy.wait_tables_known)
        watched.add(server)
        proxy.start(wait=wait)
        if drained and wait:
            proxy.wait_drained()
        return proxy
    yield start
    for server in watched:
        server.before_outage.clear()
    for proxy in proxies:
        proxy.close()


@pytest.fixture
def make_services(request, root):
    """make_services(orders=mariadb, shop=mysql, ...): a process with a service before each, each with a database of its own."""
    request.node.proxies = proxies = []
    watched = set()

    def make(options=None, begin=True, top="", settings=None, **servers):
        process = Services(root, **(settings or {}))
        process.top = top
        proxies.append(process)
        for name, server in servers.items():
            one = process.add(name, server, *make_database(server), options=(options or {}).get(name, ""))
            server.before_outage.append(one.wait_tables_known)
            watched.add(server)
        return process.start() if begin else process
    yield make
    for server in watched:
        server.before_outage.clear()
    for process in proxies:
        process.close()


@pytest.fixture
def proxy(server, start_proxy):
    """The ordinary case: a proxy before a running server."""
    return start_proxy(server)


@pytest.fixture
def listener():
    """Hears the events of hook.url."""
    one = Listener()
    yield one
    one.close()


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    """The Debian package of the release preset."""
    build = os.path.join(PROJECT, "build/release")
    if not os.path.exists(os.path.join(build, "CPackConfig.cmake")) or not os.path.exists(os.path.join(build, "holdwater")):
        pytest.skip("the release preset is not built")
    folder = str(tmp_path_factory.mktemp("package"))
    done = subprocess.run(["cpack", "-G", "DEB", "-B", folder], cwd=build, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return next(os.path.join(folder, name) for name in os.listdir(folder) if name.endswith(".deb"))
