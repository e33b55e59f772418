"""Real applications are browsed through the proxy; then their server is gone, and each page that was visited before is there
still, with the same bytes. See lib/sites.py."""
import re
import time

import pytest

from lib.clients import Missing
from lib.process import wait_until
from lib.sites import SITES


@pytest.fixture
def start_site(start_proxy, tmp_path):
    started = []

    def start(name, server):
        kind = SITES[name]
        try:
            kind.check()
        except Missing as why:
            pytest.skip(f"LEFT OUT: {why}")
        proxy = start_proxy(server, HOLDWATER_LOG_LEVEL="debug", HOLDWATER_LOG_STATEMENTS="full")
        with open(proxy.config, "a") as file:
            for table in kind.timed:
                file.write(f'[[rule]]\ntable = "{table}"\ntimes_are_now = true\n')
        proxy.restart()
        proxy.wait_drained()
        site = kind(proxy, tmp_path)
        started.append(site)
        site.start()
        return site
    yield start
    for site in started:
        site.close()


def visit(site, visitors):
    """{(who, path): what is there}"""
    return {(who, path): browser.get(path).without(site.ever_new)
            for who, (browser, paths) in enumerate(visitors) for path in paths}


def settle(site, visitors):
    """The application fills its own caches, until what a page asks is what it always asks."""
    written = time.monotonic()
    visit(site, visitors)
    while time.monotonic() < written + site.settles_s:
        visit(site, visitors)
    visit(site, visitors)


def differences(seen, before):
    return "\n".join(f"{path}: {before[path][0]}, then {seen[path][0]}\n{first_difference(before[path][1], seen[path][1])}"
                     for path in before if seen[path] != before[path])


def first_difference(before, after):
    told = re.findall(rb"(?:Function|Error|Exception)[^<]{0,300}", after)
    if told:
        return f"  {told}"
    at = next((at for at, (one, other) in enumerate(zip(before, after)) if one != other), min(len(before), len(after)))
    return f"  {before[max(0, at - 60):at + 120]!r}\n  {after[max(0, at - 60):at + 120]!r}"


def assert_served(site, visitors, before, record, what):
    """Each page has the bytes of before. A read that is not answered is one that the application goes on without."""
    proxy = site.proxy
    hits = proxy.json("/health/cache")["hits"]
    log = len(proxy.log_text())
    trouble = differences(visit(site, visitors), before)
    hits = proxy.json("/health/cache")["hits"] - hits
    refused = [line.split(": ", 1)[1] for line in proxy.log_text()[log:].splitlines() if " refused, account " in line]
    record(what, f"{len(before)} pages; {hits} of {hits + len(refused)} reads answered")
    assert not trouble, "\n".join([trouble, *refused, site.log()])
    assert hits > len(before) and len(refused) < hits / 50, "\n".join(refused)


def wait_for_the_disk(proxy):
    """All that is cached in memory is in the cache's file as well."""
    def cached():
        health = proxy.json("/health/cache")
        return health["disk"]["entries"] >= health["entries"] > 0
    wait_until(cached, 60, lambda: f"all is on the disk: {proxy.json('/health/cache')}")


@pytest.mark.limit(600)
@pytest.mark.parametrize("name", SITES)
def test_pages_that_were_visited_are_served_without_the_server(name, server, start_site, record_property):
    def record(what, text):
        record_property(what, text)
        print(f"{name}, {server.kind}, {what}: {text}")
    site = start_site(name, server)
    proxy, visitors = site.proxy, site.visitors()
    member = visitors[0][0]
    site.write(member, 0)
    settle(site, visitors)
    pages, again = visit(site, visitors), visit(site, visitors)
    assert not differences(again, pages), "with the server up, two visits must be the same\n" + differences(again, pages)
    assert all(status < 500 for status, _ in pages.values()), {path: status for path, (status, _) in pages.items()}
    wait_for_the_disk(proxy)

    server.kill()
    proxy.wait_state("down")
    assert_served(site, visitors, pages, record, "the server is stopped")
    proxy.kill()
    proxy.start()
    proxy.wait_state("down")
    assert_served(site, visitors, pages, record, "and the proxy was killed and started")
    site.write(member, 1)
    assert proxy.health()["spool"]["pending"] > 0
    assert_served(site, visitors, pages, record, "and something is queued")

    server.start()
    proxy.wait_drained()
    site.check_written(server, 2)
    after = visit(site, visitors)
    assert {path: status for path, (status, _) in after.items()} == {path: status for path, (status, _) in pages.items()}
    site.write(member, 2)
    site.check_written(server, 3)
    assert proxy.health()["spool"]["dead"] == 0, proxy.health()
    proxy.wait_ok()
