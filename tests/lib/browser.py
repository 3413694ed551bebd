# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""A headless Chromium, driven over a pair of pipes by its DevTools protocol: no port, no network, no further package."""
import base64
import json
import os
import re
import select
import shutil
import subprocess
import tempfile
import time

PROGRAM = shutil.which("chromium") or shutil.which("chromium-browser")
ANSWER_S = 60


class Browser:
    def __init__(self):
        self.home = tempfile.mkdtemp(prefix="lazaret-browser.")
        to_us, from_us = os.pipe(), os.pipe()
        # The browser reads its descriptor 3 and writes to 4; a shell puts the pipes there.
        flags = ["--headless=new", "--remote-debugging-pipe", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                 "--no-first-run", "--disable-extensions", "--disable-background-networking", "--disable-component-update",
                 "--disable-sync", "--font-render-hinting=none", "--user-data-dir=" + self.home]
        self.process = subprocess.Popen(
            ["/bin/sh", "-c", 'exec "$@" 3<&%d 4>&%d' % (from_us[0], to_us[1]), "sh", PROGRAM, *flags, "about:blank"],
            pass_fds=(from_us[0], to_us[1]), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, env={"HOME": self.home, "PATH": os.environ["PATH"], "LANG": "C.UTF-8"}, start_new_session=True)
        os.close(from_us[0])
        os.close(to_us[1])
        self.read_fd, self.write_fd = to_us[0], from_us[1]
        self.buffer, self.number, self.events, self.session = b"", 0, [], None
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network", "Accessibility", "DOM"):
            self.ask(domain + ".enable")

    def _message(self, deadline):
        while b"\0" not in self.buffer:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.read_fd], [], [], left)[0]:
                raise TimeoutError("the browser does not answer")
            data = os.read(self.read_fd, 1 << 16)
            if not data:
                raise OSError("the browser has gone")
            self.buffer += data
        line, self.buffer = self.buffer.split(b"\0", 1)
        return json.loads(line)

    def ask(self, method, **params):
        self.number += 1
        message = {"id": self.number, "method": method, "params": params}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.write_fd, json.dumps(message).encode() + b"\0")
        deadline = time.monotonic() + ANSWER_S
        while True:
            got = self._message(deadline)
            if got.get("id") == self.number:
                if "error" in got:
                    raise OSError("%s: %s" % (method, got["error"]))
                return got["result"]
            self.events.append(got)

    def _wait(self, method):
        deadline = time.monotonic() + ANSWER_S
        while not any(e.get("method") == method for e in self.events):
            self.events.append(self._message(deadline))

    def open(self, url, width=1280, height=900, media=""):
        """Load a page; what it did meanwhile is in `requests` and `complaints`."""
        self.events = []
        self.resize(width, height, media)
        self.ask("Page.navigate", url=url)
        self._wait("Page.loadEventFired")
        self.evaluate("0")  # what was under way has come

    @property
    def requests(self):
        return [e["params"]["request"]["url"] for e in self.events if e.get("method") == "Network.requestWillBeSent"]

    @property
    def complaints(self):
        return [e["params"] for e in self.events if e.get("method") in ("Log.entryAdded", "Runtime.consoleAPICalled", "Runtime.exceptionThrown")]

    def resize(self, width, height=900, media=""):
        self.ask("Emulation.setScrollbarsHidden", hidden=True)  # as on a telephone, and in a screenshot
        self.ask("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        self.ask("Emulation.setEmulatedMedia", media=media)

    def evaluate(self, expression):
        return self.ask("Runtime.evaluate", expression=expression, returnByValue=True)["result"].get("value")

    def overflow(self):
        """How far the page, or any element of it, reaches over the edge, in pixels."""
        return self.evaluate("Math.max(document.documentElement.scrollWidth, ...[...document.querySelectorAll('main *')]"
                             ".map(e => Math.ceil(e.getBoundingClientRect().right))) - document.documentElement.clientWidth")

    def tree(self):
        """The accessibility tree as (role, name) of what is not ignored."""
        nodes = self.ask("Accessibility.getFullAXTree")["nodes"]
        return [(n.get("role", {}).get("value", ""), n.get("name", {}).get("value", "")) for n in nodes if not n.get("ignored")]

    def screenshot(self, path):
        size = self.ask("Page.getLayoutMetrics")["cssContentSize"]
        picture = self.ask("Page.captureScreenshot", format="png", captureBeyondViewport=True,
                           clip={"x": 0, "y": 0, "width": size["width"], "height": min(size["height"], 12000), "scale": 1})
        with open(path, "wb") as f:
            f.write(base64.b64decode(picture["data"]))

    def pdf(self, path, width, height):
        """Print, in inches; how many pages."""
        data = base64.b64decode(self.ask("Page.printToPDF", paperWidth=width, paperHeight=height, preferCSSPageSize=True)["data"])
        with open(path, "wb") as f:
            f.write(data)
        return len(re.findall(rb"/Type\s*/Page\b(?!s)", data))

    def close(self):
        try:
            self.session = None
            self.ask("Browser.close")
            self.process.wait(20)
        except (OSError, TimeoutError, subprocess.TimeoutExpired):
            self.process.kill()
            self.process.wait()
        os.close(self.read_fd)
        os.close(self.write_fd)
        shutil.rmtree(self.home, ignore_errors=True)
