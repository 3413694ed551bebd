# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""A client of lazaretd's control socket (docs/control.md) for integration and system tests. Standard library alone, so that
it runs inside a test machine as well. Every wait has a deadline; one that passes raises TimeoutError with the last states."""
import json
import select
import socket
import time

LINE_MAX = 65536


class Refused(Exception):
    """{"ok": false}: `code` and `text` of docs/control.md."""

    def __init__(self, error):
        super().__init__("%s: %s" % (error.get("code"), error.get("text")))
        self.code, self.text = error.get("code"), error.get("text")


class Gone(Exception):
    """The daemon has closed the connection; `error` is what it said last, or None."""

    def __init__(self, error=None):
        super().__init__(error or "disconnected")
        self.error = error


def connect(path, deadline_s=120):
    """A Control at `path`; waits until a daemon listens there."""
    until = time.monotonic() + deadline_s
    while True:
        s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            s.connect(str(path))
            return Control(s)
        except (FileNotFoundError, ConnectionRefusedError, BlockingIOError):
            s.close()
            if time.monotonic() >= until:
                raise TimeoutError("no daemon listens at %s" % path)
            time.sleep(0.05)


class Control:
    """`station`, `devices` and `media` (by number) are the present objects, once watch() was called. `seen` has all events
    in the order of their coming."""

    def __init__(self, sock):
        self.socket = sock
        self.station = self.devices = self.error = None
        self.media, self.gone, self.seen, self.answers = {}, set(), [], {}
        self._buffer, self._id = b"", 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def send(self, name, /, **fields):
        """A request; returns its id."""
        self._id += 1
        self.socket.sendall(json.dumps({"id": self._id, "request": name, **fields}).encode() + b"\n")
        return self._id

    def serve(self, timeout_s):
        """Take up what comes, at most so long; True when anything came."""
        if not select.select([self.socket], [], [], max(0, timeout_s))[0]:
            return False
        try:
            data = self.socket.recv(LINE_MAX)
        except ConnectionResetError:
            data = b""
        if not data:
            raise Gone(self.error)
        self._buffer += data
        *lines, self._buffer = self._buffer.split(b"\n")
        for line in lines:
            assert len(line) < LINE_MAX, "a line of %d bytes" % len(line)
            self._take(json.loads(line))
        return True

    def _take(self, object_):
        if "answer" in object_:
            self.answers[object_["answer"]] = object_
            return
        event = object_["event"]
        self.seen.append(object_)
        if event == "station":
            self.station = object_
        elif event == "devices":
            self.devices = object_
        elif event == "medium":
            self.media[object_["medium"]] = object_
        elif event == "medium-gone":
            self.media.pop(object_["medium"], None)
            self.gone.add(object_["medium"])
        elif event == "error":
            self.error = object_["error"]

    def wait_for(self, predicate, deadline_s=120):
        """Serve until predicate(self) is true; returns its value."""
        until = time.monotonic() + deadline_s
        while True:
            value = predicate(self)
            if value:
                return value
            left = until - time.monotonic()
            if left <= 0:
                raise TimeoutError("waited %d s; station %s, devices %s, media %s" % (
                    deadline_s, json.dumps(self.station), json.dumps(self.devices), json.dumps(self.media)))
            self.serve(left)

    def ask(self, name, /, deadline_s=120, **fields):
        """The answer to a request; Refused when it is not ok."""
        number = self.send(name, **fields)
        self.wait_for(lambda c: number in c.answers, deadline_s)
        answer = self.answers.pop(number)
        if not answer["ok"]:
            raise Refused(answer["error"])
        return answer

    def watch(self, deadline_s=120):
        """From now on `station`, `devices` and `media` follow; returns when the station is known."""
        self.ask("watch", deadline_s)
        self.wait_for(lambda c: c.station, deadline_s)
        return self

    def wait_medium(self, predicate=lambda m: True, deadline_s=120):
        """The first medium, by number, for which predicate(medium) is true."""
        return self.wait_for(lambda c: next((m for _, m in sorted(c.media.items()) if predicate(m)), None), deadline_s)

    def wait_state(self, number, *states, deadline_s=1200):
        """This medium when it is in one of the states."""
        return self.wait_medium(lambda m: m["medium"] == number and m["state"] in states, deadline_s)
