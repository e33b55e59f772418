"""A proxy that is several services in one process, each of which a test talks to as to a proxy of its own."""
import os

from lib.process import free_port, wait_until
from lib.proxy import Proxy


class Service(Proxy):
    """One of them. Its life is the process's."""

    def __init__(self, process, name, server, database, account, options=""):
        self.process, self.name, self.server, self.database, self.account = process, name, server, database, account
        self.host, self.port, self.options = "127.0.0.1", free_port(), options
        self.data = os.path.join(process.data, name)

    @property
    def child(self):
        return self.process.child

    @property
    def log(self):
        return self.process.log

    def http(self, path, method="GET", deadline_s=30):
        return self.process.http(f"/services/{self.name}{path}", method, deadline_s)

    def section(self):
        return (f'[[service]]\nname = "{self.name}"\nlisten = "{self.host}:{self.port}"\n{self.options}'
                f'server.host = "{self.server.host}"\nserver.port = {self.server.port}\nserver.database = "{self.database}"\n'
                f'server.user = "{self.account.user}"\nserver.password = "{self.account.password}"\n')

    def log_text(self):
        """Its own lines."""
        return "".join(line + "\n" for line in self.process.log_text().splitlines() if f" {self.name}: " in line)


class Services(Proxy):
    """The process. Its services are added before it starts."""

    def __init__(self, root, **settings):
        class Nobody:
            host, port, user, password = "127.0.0.1", 1, "nobody", ""
        super().__init__(root, Nobody, Nobody, "", **settings)
        for name in list(self.settings):
            if name.startswith("MYSQL_"):
                del self.settings[name]
        self.all = {}
        self.top = ""

    def add(self, name, server, database, account, options=""):
        self.all[name] = Service(self, name, server, database, account, options)
        return self.all[name]

    def write(self):
        with open(self.config, "w", encoding="utf-8") as file:
            file.write(self.top + "".join(one.section() for one in self.all.values()))

    def start(self, wait=True):
        self.write()
        super().start(wait)
        if wait:
            self.wait_drained()
        return self

    def wait_drained(self, deadline_s=60):
        for one in self.all.values():
            one.wait_drained(deadline_s)

    def wait_restarted(self, again):
        before = self.log_text().count(" listens on ")
        again()
        wait_until(lambda: self.log_text().count(" listens on ") >= before + len(self.all), 30,
                   lambda: f"the next one: {self.log_text()[-2000:]}")
        wait_until(self.is_live, 20, "it is live")
