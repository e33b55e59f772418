"""Where hook.url leads to in tests: a little HTTP server that keeps what it was told."""
import http.server
import json
import ssl
import threading


class Listener:
    """A little HTTP server, which answers as it is told to and keeps what it got."""

    def __init__(self, certificate=None):
        self.events, self.answers, self.gate = [], [], threading.Event()
        self.gate.set()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.gate.wait(60)
                outer.events.append((self.path, self.headers["Content-Type"], json.loads(body)))
                self.send_response(outer.answers.pop(0) if outer.answers else 204)
                self.end_headers()

            def log_message(self, *arguments):
                pass
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.gate.set()
        self.server.shutdown()
        self.server.server_close()

    def states(self):
        return [(one["from"], one["to"]) for _, _, one in list(self.events) if one["event"] == "state"]

    def of(self, kind):
        return [one for _, _, one in list(self.events) if one["event"] == kind]
