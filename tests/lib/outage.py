"""An outage of the server behind a proxy, from its beginning to its end."""


def go_away(proxy):
    proxy.server.stop()
    proxy.wait_state("down")


def bring_back(proxy, dead=0):
    """All that was queued is applied, but for so many dead letters."""
    proxy.server.start()
    proxy.wait_drained()
    assert proxy.health()["spool"]["dead"] == dead, proxy.http("/spool/dead")
