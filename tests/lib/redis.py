"""A real redis-server of a test's own, on a unix socket, and its protocol as far as a test looks past the proxy."""
import os
import signal
import socket
import tempfile

from lib.process import end, freeze, spawn, tail, wait_until


class Refused(Exception):
    """Redis answered with an error."""


class Redis:
    """Keeps nothing on the disk: what is killed has lost all."""

    def __init__(self, root, *options):
        self.folder = tempfile.mkdtemp(prefix="redis-", dir=root)
        self.socket, self.log = os.path.join(self.folder, "redis.sock"), os.path.join(self.folder, "redis.log")
        self.url = f"unix://{self.socket}"
        self.options, self.child = options, None

    def start(self):
        if os.path.exists(self.socket):
            os.unlink(self.socket)
        self.child = spawn(["redis-server", "--port", "0", "--unixsocket", self.socket, "--save", "", "--dir", self.folder,
                            *self.options], self.log)
        wait_until(lambda: os.path.exists(self.socket), 20, lambda: f"redis-server listens:\n{tail(self.log)}")
        return self

    def kill(self):
        if self.child is not None:
            child, self.child = self.child, None
            end(child, signal.SIGKILL)

    def freeze(self):
        freeze(self.child)

    def thaw(self):
        self.child.send_signal(signal.SIGCONT)

    def ask(self, *words):
        """The answer to one command, past any proxy."""
        with socket.socket(socket.AF_UNIX) as link:
            link.settimeout(30)
            link.connect(self.socket)
            words = [word if isinstance(word, bytes) else str(word).encode() for word in words]
            link.sendall(b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in words))
            with link.makefile("rb") as answers:
                return self._read(answers)

    def _read(self, answers):
        line = answers.readline().rstrip(b"\r\n")
        kind, rest = line[:1], line[1:]
        if kind == b"-":
            raise Refused(rest.decode())
        if kind == b":":
            return int(rest)
        if kind == b"+":
            return rest
        if int(rest) < 0:
            return None
        if kind == b"$":
            return answers.read(int(rest) + 2)[:-2]
        return [self._read(answers) for _ in range(int(rest))]

    def entries(self):
        """Everything that lies there under a key of ours, but for the generations."""
        names = [name for name in self.ask("KEYS", "holdwater:*") if not name.endswith(b":generation")]
        found = {name: self.ask("GET", name) for name in names}
        return {name: value for name, value in found.items() if value is not None}  # one may have gone since
