# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""QEMU's machine protocol over a Unix socket: commands with their answers, events kept until somebody waits for them."""
import json
import os
import socket
import time


class QmpError(Exception):
    """QEMU answered with an error; `kind` is its class."""

    def __init__(self, command, answer):
        super().__init__("%s: %s" % (command, answer.get("desc")))
        self.kind = answer.get("class")


class Lines:
    """A stream socket beneath a directory, read by lines against deadlines."""

    def __init__(self, directory, name, deadline):
        # A path through the descriptor: the directory may lie deeper than a socket's address has room for.
        fd = os.open(directory, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            while True:
                self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
                try:
                    self.sock.connect("/proc/self/fd/%d/%s" % (fd, name))
                    break
                except (FileNotFoundError, ConnectionRefusedError):
                    self.sock.close()
                    if time.monotonic() > deadline:
                        raise TimeoutError("no socket %s" % name) from None
                    time.sleep(0.02)
        finally:
            os.close(fd)
        self.pending = b""

    def send(self, value):
        self.sock.settimeout(60)
        self.sock.sendall(json.dumps(value).encode() + b"\n")

    def receive(self, deadline):
        """The next line, decoded; None when none came in time."""
        while b"\n" not in self.pending:
            left = deadline - time.monotonic()
            if left <= 0:
                return None
            self.sock.settimeout(left)
            try:
                block = self.sock.recv(1 << 20)
            except TimeoutError:
                return None
            if not block:
                raise ConnectionError("the machine has gone")
            self.pending += block
        line, _, self.pending = self.pending.partition(b"\n")
        return json.loads(line)

    def close(self):
        self.sock.close()


class Qmp:
    def __init__(self, directory, name="qmp", patience=60):
        self.lines = Lines(directory, name, time.monotonic() + patience)
        self.events = []
        if "QMP" not in (self.lines.receive(time.monotonic() + patience) or {}):
            raise ConnectionError("that does not speak QMP")
        self.command("qmp_capabilities")

    def command(self, name, _patience=60, **arguments):
        """Execute; underscores in names of arguments stand for hyphens. Returns what QEMU returns."""
        self.lines.send({"execute": name, "arguments": {k.replace("_", "-"): v for k, v in arguments.items()}})
        deadline = time.monotonic() + _patience
        while True:
            answer = self.lines.receive(deadline)
            if answer is None:
                raise TimeoutError("no answer to %s" % name)
            if "event" in answer:
                self.events.append(answer)
            elif "error" in answer:
                raise QmpError(name, answer["error"])
            else:
                return answer["return"]

    def wait_event(self, name, patience, **data):
        """The first event of this name whose data has these members; it is taken out of the queue."""
        deadline = time.monotonic() + patience
        while True:
            for event in self.events:
                if event["event"] == name and data.items() <= event.get("data", {}).items():
                    self.events.remove(event)
                    return event
            answer = self.lines.receive(deadline)
            if answer is None:
                raise TimeoutError("no event %s within %d s" % (name, patience))
            if "event" in answer:
                self.events.append(answer)

    def close(self):
        self.lines.close()
