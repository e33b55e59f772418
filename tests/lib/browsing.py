"""A browser without a window, and the web server of an application that it visits."""
import http.client
import http.cookies
import re
import urllib.parse

from lib.process import end, free_port, spawn, tail, wait_until


class Page:
    def __init__(self, status, location, body):
        self.status, self.location, self.body = status, location, body

    def without(self, patterns):
        """Status and body, with what the application makes anew each time left out."""
        body = self.body
        for pattern in patterns:
            body = re.sub(pattern, b"", body)
        return self.status, body

    def field(self, name):
        """The value of a hidden field of a form."""
        for tag in re.findall(rb"<input[^>]*>", self.body):
            if f'name="{name}"'.encode() in tag.replace(b"'", b'"'):
                found = re.search(rb"value=[\"']([^\"']*)", tag)
                return found[1].decode() if found else ""
        raise AssertionError(f"no field {name} in {self}")

    def __str__(self):
        return f"{self.status} {self.location or ''} {self.body[:3000].decode(errors='replace')}"


class Browser:
    """It has cookies, and a connection for each request. It follows no redirection."""

    def __init__(self, port):
        self.port, self.cookies = port, {}

    def get(self, path):
        return self._ask("GET", path)

    def post(self, path, **fields):
        return self._ask("POST", path, urllib.parse.urlencode(fields).encode())

    def _ask(self, method, path, body=None):
        headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())} if self.cookies else {}
        if body is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            page = Page(answer.status, answer.headers.get("Location"), answer.read())
        finally:
            connection.close()
        for line in answer.headers.get_all("Set-Cookie") or []:
            for name, morsel in http.cookies.SimpleCookie(line).items():
                self.cookies[name] = morsel.value
        return page


class WebServer:
    """`command(port)`, in a folder of its own."""

    def __init__(self, command, folder, env=None):
        self.port, self.log = free_port(), f"{folder}/site.log"
        self.child = spawn(command(self.port), self.log, env=env)
        wait_until(self.listens, 30, lambda: f"the site listens:\n{tail(self.log)}")

    def listens(self):
        assert self.child.poll() is None, f"the site ended with {self.child.returncode}:\n{tail(self.log)}"
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.connect()
            return True
        except OSError:
            return False
        finally:
            connection.close()

    def close(self):
        end(self.child)
