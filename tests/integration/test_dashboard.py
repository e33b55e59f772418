"""The dashboard in a real browser: what a person who is woken by an outage sees, and may do, also by keyboard and on a phone."""
import os

import pytest

from lib.browser import Browser
from lib.process import wait_until
from lib.sql import run, spooled_seq

LOOKS = {"light": (1280, 900, False), "dark": (1280, 900, True), "phone": (390, 844, False)}


@pytest.fixture
def browse(tmp_path):
    made = []

    def begin(**how):
        made.append(Browser(str(tmp_path), **how))
        return made[-1]
    yield begin
    for one in made:
        one.close()


def pictures(browser, name):
    """Into the folder of the tests' logs, in every look; nothing may be wider than the screen."""
    folder = os.path.join(os.environ.get("HOLDWATER_TEST_LOGS", "/tmp/holdwater-test-logs"), "dashboard")
    os.makedirs(folder, exist_ok=True)
    for look, size in LOOKS.items():
        browser.look_like(*size)
        browser.value("new Promise(go => requestAnimationFrame(() => requestAnimationFrame(() => go(1))))")
        wide = browser.value("document.documentElement.scrollWidth - window.innerWidth")
        browser.picture(os.path.join(folder, f"{name}-{look}.png"), whole=True)
        assert wide <= 0, f"{look}: the page is {wide} pixels wider than the screen"
    browser.look_like(*LOOKS["light"])


def address(proxy):
    return f"http://127.0.0.1:{proxy.admin_port}/"


@pytest.mark.limit(120)
def test_an_outage_is_seen_from_its_beginning_to_the_last_decision(mariadb, start_proxy, browse):
    proxy = start_proxy(mariadb)
    connection = proxy.connect()
    run(connection, "CREATE TABLE orders (id INT PRIMARY KEY, item VARCHAR(40)) ENGINE=InnoDB")
    run(connection, "INSERT INTO orders VALUES (1, 'a-secret-item')")
    mariadb.stop()
    proxy.wait_state("down")
    connection = proxy.connect()
    for number in range(2, 40):
        spooled_seq(connection, f"INSERT INTO orders VALUES ({number}, 'item')")
    spooled_seq(connection, "INSERT INTO orders VALUES (1, 'a-secret-item')")

    browser = browse()  # in the middle of it
    browser.open(address(proxy))
    browser.wait("document.getElementById('t-pending').innerText == '39'")
    assert browser.text("headline") == "The server is down. Writes are queued, reads get what is cached."
    assert "connect" in browser.text("because").lower()
    assert browser.text("t-state") == "down" and browser.text("t-since").startswith("since ")
    assert browser.text("t-oldest").startswith("the oldest for ")
    assert browser.text("t-eta") == "not known" and "when the server is back" in browser.text("t-rate")
    browser.wait("document.querySelectorAll('#c-pending polyline').length == 1")
    assert browser.value("past.fine[0].at_ms < performance.timeOrigin && past.fine[past.fine.length - 1].state == 2"), "what was before the page"
    assert "down" in browser.text("states") and "up" in browser.text("states")
    browser.wait("document.querySelectorAll('#sessions tr').length >= 1")
    assert proxy.account.user in browser.text("sessions")
    assert browser.value("document.title").startswith("! down")
    pictures(browser, "down")

    mariadb.start()
    browser.wait("document.getElementById('t-pending').innerText == '0' && document.getElementById('t-dead').innerText == '1'", 40)
    browser.wait("document.getElementById('headline').innerText.startsWith('The server is up. 1 write was refused')")
    browser.wait("document.querySelectorAll('#dead li').length == 1")
    letter = browser.text("dead")
    assert "Duplicate entry" in letter and "1062" in letter and "INSERT INTO orders VALUES (?, ...)" in letter
    assert "a-secret-item" not in browser.value("document.body.innerText"), "the policy of the log holds here too"
    pictures(browser, "dead-letter")

    # By keyboard alone: the first Escape changes nothing, then it is discarded.
    browser.value("document.querySelector('#dead button.danger').focus()")
    browser.press("Enter")
    browser.wait("document.getElementById('ask').open")
    assert browser.value("document.activeElement.id") == "ask-no", "the harmless answer has the focus"
    browser.picture(os.path.join(os.environ.get("HOLDWATER_TEST_LOGS", "/tmp/holdwater-test-logs"), "dashboard", "ask.png"))
    browser.press("Escape")
    browser.wait("!document.getElementById('ask').open")
    assert proxy.health()["spool"]["dead"] == 1
    browser.value("document.querySelector('#dead button.danger').focus()")
    browser.press("Enter")
    browser.wait("document.getElementById('ask').open")
    browser.press("Tab")
    browser.press("Enter")
    browser.wait("document.querySelectorAll('#dead li').length == 0")
    wait_until(lambda: proxy.health()["spool"]["dead"] == 0, 10, "it is gone")
    browser.wait("document.getElementById('headline').innerText.startsWith('All is well')")
    pictures(browser, "well")
    assert not browser.complaints, browser.complaints
    foreign = [url for url in browser.asked if not url.startswith((address(proxy), "data:", "about:"))]
    assert not foreign, foreign


def test_a_drain_shows_how_far_it_is_and_when_it_is_over(mariadb, start_proxy, browse):
    proxy = start_proxy(mariadb)
    browser = browse()
    browser.open(address(proxy))
    browser.wait("document.getElementById('headline').innerText.startsWith('All is well')")
    drain = """({status: 'degraded', uptime_s: 9, version: '0', cache: {entries: 0, bytes: 0, hits: 0, misses: 0, oldest_age_s: null, enabled: true, disk: {bytes: 0}, redis: {state: 'off'}},
      pool: {idle: 0, in_use: 0, opened: 0, kept: 0, reused: 0},
      database: {state: 'draining', since: new Date().toISOString(), last_error: '', address: 'db:3306', version: '11', reads_go_on: true},
      spool: {state: 'accepting', reason: '', pending: 4200, dead: 0, bytes: 999999, oldest_age_s: 400, last_seq: 9000, applied_seq: 4800,
        refused_tables: [], accounts_without_ledger: [], id: 'x', limit_bytes: 4294967296, accepted_per_s: 12, applied_per_s: 350, peak_pending: 9000, drain_eta_s: 12.4}})"""
    browser.value("ask = () => new Promise(() => {})")
    # What is shown from now on is ours: a look that is under way shows nothing.
    browser.value(f"(() => {{ const show = showHealth; showHealth = () => {{}}; show({drain}); }})()")
    assert browser.text("headline") == "The server is back. 4,200 writes wait to be applied."
    assert browser.text("t-eta") == "about 12 s"
    assert browser.text("t-rate") == "4,800 of 9,000 applied, 350 a second"
    assert browser.value("document.getElementById('t-progress').position") == pytest.approx(4800 / 9000)
    pictures(browser, "draining")


def test_who_may_only_look_is_offered_nothing_else_and_a_lost_holdwater_is_said(mariadb, start_proxy, browse):
    token = "read-token-for-tests"
    proxy = start_proxy(mariadb, wait=False, HOLDWATER_ADMIN_READ_TOKEN=token)
    browser = browse(headers={"Authorization": f"Bearer {token}"})

    def opens():
        browser.open(address(proxy))
        return browser.value("document.title").endswith("Holdwater")
    wait_until(opens, 20, "the page is there")
    browser.wait("document.getElementById('role').innerText == 'You may look, and change nothing.'")
    browser.wait("document.getElementById('headline').innerText.startsWith('All is well')")
    mariadb.before_outage.clear()
    proxy.stop()
    browser.wait("!document.getElementById('lost').hidden && document.getElementById('lost').innerText.startsWith('Holdwater does not answer')")
    assert browser.value("document.getElementById('banner').dataset.level") == "bad"


def follow(browser, link):
    browser.open(browser.value(f"{link}.href"))


@pytest.mark.limit(120)
def test_of_several_services_each_has_a_page_and_one_shows_all(make_services, mariadb, mysql, browse):
    process = make_services(orders=mariadb, shop=mysql)
    orders = process.all["orders"]
    run(orders.connect(), "CREATE TABLE t (id INT PRIMARY KEY) ENGINE=InnoDB")
    run(orders.connect(), "INSERT INTO t VALUES (1)")
    browser = browse()
    browser.open(address(process))
    browser.wait("document.getElementById('headline').innerText.startsWith('All is well. All 2 servers are up')")
    pictures(browser, "services-well")
    mariadb.stop()
    orders.wait_state("down")
    spooled_seq(orders.connect(), "INSERT INTO t VALUES (2)")
    browser.wait("document.getElementById('t-pending').innerText == '1'")
    assert browser.text("headline") == "1 of 2 services needs attention."
    assert browser.text("because") == "orders: its server is down"
    assert browser.text("t-up") == "1 of 2"
    pictures(browser, "services-outage")

    follow(browser, "document.querySelector('#list a')")
    browser.wait("document.title.startsWith('orders: ! down')")
    browser.wait("document.querySelectorAll('#services a').length == 3")
    assert browser.text("headline").startswith("The server is down. Writes are queued")
    assert browser.value("document.querySelector('#services [aria-current]').innerText").startswith("orders")
    pictures(browser, "services-one")
    follow(browser, "[...document.querySelectorAll('#services a')].find(one => one.innerText.startsWith('shop'))")
    browser.wait("document.title.startsWith('shop: ✓ up')")
    assert browser.text("t-pending") == "0"
    mariadb.start()
    orders.wait_drained()
    follow(browser, "document.querySelector('#services a')")
    browser.wait("document.getElementById('headline').innerText.startsWith('All is well')")
    assert not [url for url in browser.asked if not url.startswith((address(process), "data:", "about:"))]
    assert not browser.complaints, browser.complaints
