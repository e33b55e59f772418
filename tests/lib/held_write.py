"""A write that the server is at for as long as a test wants, whatever becomes of its client."""
from lib.process import wait_until
from lib.sql import run

STATEMENT = "UPDATE t SET s = 'late' WHERE id = 1"


class HeldWrite:
    """STATEMENT, behind a lock on its row that a connection past the proxy has. The server minds no client that is gone while it waits
    for a lock, and a plain SELECT minds no lock."""

    def __init__(self, proxy):
        self._holder, self._asker = proxy.server.admin(proxy.database), proxy.server.admin(proxy.database)
        run(self._holder, "BEGIN")
        run(self._holder, "SELECT * FROM t WHERE id = 1 FOR UPDATE")

    @staticmethod
    def connect(proxy):
        """A client whose write waits until it is let go."""
        client = proxy.connect()
        run(client, "SET innodb_lock_wait_timeout = 3600")
        return client

    def is_at_it(self):
        return [row for row in run(self._asker, "SHOW PROCESSLIST") if str(row[7]).startswith(STATEMENT)]

    def let_go(self):
        """Until it is done."""
        run(self._holder, "ROLLBACK")
        wait_until(lambda: not self.is_at_it(), 60, "the server has done it")
