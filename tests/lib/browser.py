"""Debian's chromium without a window, spoken to over a pipe (the Chrome DevTools Protocol)."""
import base64
import fcntl
import json
import os
import select
import shutil
import subprocess
import time

from lib.process import PATIENCE_S, _die_with_parent


class Browser:
    """One page. What it logs, and whom it asks, is kept."""

    def __init__(self, folder, width=1280, height=900, dark=False, headers=None):
        self.complaints, self.asked = [], []
        to_read, to_write = os.pipe()
        from_read, from_write = os.pipe()
        self.folder = folder

        def give():  # it reads from 3 and writes to 4
            _die_with_parent()
            first, second = fcntl.fcntl(to_read, fcntl.F_DUPFD, 10), fcntl.fcntl(from_write, fcntl.F_DUPFD, 10)
            os.dup2(first, 3)
            os.dup2(second, 4)
        name = shutil.which("chromium")
        assert name, "chromium is missing: run tests/install.sh"
        log = open(os.path.join(folder, "chromium.log"), "wb")
        self.child = subprocess.Popen(
            [name, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--disable-extensions",
             "--disable-background-networking", "--disable-component-update", "--hide-scrollbars", "--force-device-scale-factor=1",
             f"--user-data-dir={folder}/chromium", "--remote-debugging-pipe", "about:blank"],
            preexec_fn=give, close_fds=False, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env={**os.environ, "HOME": folder})
        log.close()
        os.close(to_read)
        os.close(from_write)
        self.write_to, self.read_from, self.left, self.number, self.session = to_write, from_read, b"", 0, None
        self.readable = select.poll()  # select() takes no descriptor above 1023
        self.readable.register(from_read, select.POLLIN)
        target = next(one for one in self.call("Target.getTargets")["targetInfos"] if one["type"] == "page")
        self.session = self.call("Target.attachToTarget", targetId=target["targetId"], flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(f"{domain}.enable")
        if headers:
            self.call("Network.setExtraHTTPHeaders", headers=headers)
        self.look_like(width, height, dark)

    def look_like(self, width, height, dark=False):
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600)
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])

    def close(self):
        self.child.kill()
        self.child.wait()
        os.close(self.write_to)
        os.close(self.read_from)

    # --- the protocol: JSON with a NUL behind it

    def call(self, method, **params):
        self.number += 1
        mine = self.number
        message = {"id": mine, "method": method, "params": params}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.write_to, json.dumps(message).encode() + b"\0")
        while True:
            got = self.next_message(PATIENCE_S)
            assert got is not None, f"no answer to {method}"
            if got.get("id") == mine:
                assert "error" not in got, (method, got["error"])
                return got["result"]

    def next_message(self, deadline_s):
        until = time.monotonic() + deadline_s
        while b"\0" not in self.left:
            if not self.readable.poll(max(0, until - time.monotonic()) * 1000):
                return None
            part = os.read(self.read_from, 1 << 20)
            assert part, "chromium has ended"
            self.left += part
        one, self.left = self.left.split(b"\0", 1)
        message = json.loads(one)
        self.note(message)
        return message

    def note(self, message):
        method, params = message.get("method"), message.get("params", {})
        if method == "Network.requestWillBeSent":
            self.asked.append(params["request"]["url"])
        if method == "Runtime.exceptionThrown":
            self.complaints.append(json.dumps(params["exceptionDetails"])[:500])
        if method == "Log.entryAdded" and params["entry"]["level"] in ("error", "warning"):
            self.complaints.append(params["entry"]["text"] + " " + params["entry"].get("url", ""))

    # --- what a person does

    def open(self, url):
        self.call("Page.navigate", url=url)
        self.wait("document.readyState == 'complete' && location.href != 'about:blank'")

    def value(self, expression):
        got = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in got, got["exceptionDetails"]
        return got["result"].get("value")

    def text(self, name):
        return self.value(f"document.getElementById({json.dumps(name)})?.innerText ?? ''")

    def wait(self, expression, deadline_s=20, what=None):
        until = time.monotonic() + max(deadline_s, PATIENCE_S)
        while not self.value(expression):
            assert time.monotonic() < until, f"{what or expression}; the page says: {self.value('document.body?.innerText ?? String()')[:3000]}"
            self.next_message(0.1)

    def press(self, key):
        code = {"Enter": 13, "Escape": 27, "Tab": 9}[key]
        text = {"text": "\r"} if key == "Enter" else {}
        self.call("Input.dispatchKeyEvent", type="keyDown", key=key, code=key, windowsVirtualKeyCode=code, **text)
        self.call("Input.dispatchKeyEvent", type="keyUp", key=key, code=key, windowsVirtualKeyCode=code)

    def picture(self, path, whole=False):
        more = {"captureBeyondViewport": True} if whole else {}
        if whole:
            size = self.call("Page.getLayoutMetrics")["cssContentSize"]
            more["clip"] = {"x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1}
        with open(path, "wb") as file:
            file.write(base64.b64decode(self.call("Page.captureScreenshot", format="png", **more)["data"]))
