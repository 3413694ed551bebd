# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""What the console's tests drive: the real lazaret-console in a pseudo-terminal with a terminal emulator (pyte) behind it, and
a scripted lazaretd that speaks docs/control.md. One thread, one select(): nothing waits but for events."""
import fcntl
import json
import os
import pathlib
import pty
import select
import signal
import socket
import struct
import subprocess
import termios
import time

import pyte

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
BUILD = pathlib.Path(os.path.abspath(os.environ.get("BUILD", ROOT / "build")))
PROGRAM = BUILD / "bin" / "lazaret-console"
DEADLINE_S = 60  # for what happens within milliseconds on an idle machine

IS_SANITIZED = b"__asan_init" in PROGRAM.read_bytes()  # it has memory of its own, and reports where others die

KEYS = {"enter": b"\r", "esc": b"\x1b", "up": b"\x1b[A", "down": b"\x1b[B", "right": b"\x1b[C", "left": b"\x1b[D",
        "pgup": b"\x1b[5~", "pgdn": b"\x1b[6~", "home": b"\x1b[1~", "end": b"\x1b[4~", "tab": b"\t", "erase": b"\x7f",
        "app-down": b"\x1bOB", "ctrl-c": b"\x03", "ctrl-z": b"\x1a", "ctrl-l": b"\x0c"}


def objects(name):
    """A recorded object; a fresh copy each time."""
    return json.loads((HERE / "objects" / f"{name}.json").read_text())


class Station:
    """A lazaretd of a few tables. `requests` has all that was asked."""

    def __init__(self, path, protocol=True):
        self.path = str(path)
        self.station = objects("station")
        self.devices = objects("devices")
        self.media = {}
        self.transfers = []
        self.files = []            # of any transfer: entries of a report; or an object with len() and [i]
        self.refuse = {}           # request -> error code
        self.silent = set()        # requests that nobody answers
        self.delay_files = False   # answers to `files` wait for release()
        self.requests = []
        self.clients = {}
        self.held = []
        self.listener = None
        self.turn_away = False
        self.start()

    def start(self):
        try:
            os.unlink(self.path)
        except FileNotFoundError:
            pass
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.listener.bind(self.path)
        self.listener.listen()

    def stop(self):
        for client in list(self.clients):
            client.close()
        self.clients.clear()
        if self.listener:
            self.listener.close()
            self.listener = None

    def sockets(self):
        return ([self.listener] if self.listener else []) + list(self.clients)

    def ready(self, sock):
        if sock is self.listener:
            client, _ = sock.accept()
            if self.turn_away:
                error = {"event": "error", "error": {"code": "not-permitted", "text": "Your account may not speak with this station."}}
                client.sendall((json.dumps(error) + "\n").encode())
                client.close()
                return
            self.clients[client] = {"in": b"", "watches": False}
            return
        try:
            data = sock.recv(65536)
        except ConnectionError:
            data = b""
        if not data:
            self.clients.pop(sock, None)
            sock.close()
            return
        state = self.clients[sock]
        *lines, state["in"] = (state["in"] + data).split(b"\n")
        for line in lines:
            assert len(line) < 65536, "a line that lazaretd would refuse"
            self.request(sock, json.loads(line))

    def send(self, sock, message):
        line = (json.dumps(message) + "\n").encode()
        assert len(line) <= 65536, "the station may not send such a line"
        try:
            sock.sendall(line)
        except OSError:
            pass

    def tell(self, *messages):
        """Send events to those who watch, and remember them for those who come later."""
        for message in messages:
            kind = message["event"]
            if kind == "medium":
                self.media[message["medium"]] = message
            elif kind == "medium-gone":
                self.media.pop(message["medium"], None)
            elif kind in ("station", "devices"):
                setattr(self, kind, message)
            for client, state in self.clients.items():
                if state["watches"]:
                    self.send(client, message)

    def present(self):
        return [m for m in (self.station, self.devices, *self.media.values()) if m]

    def asked(self, name):
        return [r for r in self.requests if r["request"] == name]

    def request(self, sock, request):
        self.requests.append(request)
        name = request["request"]
        if name in self.silent:
            return
        if name in self.refuse:
            self.answer(sock, request, error=self.refuse[name])
        elif name == "files" and self.delay_files:
            self.held.append((sock, request))
        else:
            self.answer(sock, request)

    def release(self):
        held, self.held = self.held, []
        for sock, request in held:
            self.answer(sock, request)

    def answer(self, sock, request, error=None):
        name = request["request"]
        if error:
            self.send(sock, {"answer": request["id"], "ok": False, "error": {"code": error, "text": "The drive is being read."}})
            return
        more = getattr(self, "do_" + name, lambda r: {})(request)
        self.send(sock, {"answer": request["id"], "ok": True, **more})
        if name == "watch":
            self.clients[sock]["watches"] = True
            for message in self.present():
                self.send(sock, message)
        elif name == "dismiss":
            medium = self.media.get(request["medium"])
            if medium and medium["present"]:  # it stays listed until it is taken out
                self.tell({**medium, "seen": True})
            else:
                self.tell({"event": "medium-gone", "medium": request["medium"]})

    def do_transfers(self, request):
        found = [t for t in self.transfers if not request["search"] or request["search"].lower() in json.dumps(t).lower()]
        if request["before"]:
            found = [t for t in found if t["transfer"] < request["before"]]
        limit = request["limit"]
        assert limit <= 100
        return {"transfers": found[:limit], "more": len(found) > limit}

    def do_files(self, request):
        wanted = {"all": ("blocked", "held", "approved"), "problems": ("blocked", "held")}.get(request["filter"], (request["filter"],))
        offset, limit = request["offset"], request["limit"]
        assert 0 < limit <= 200
        if isinstance(self.files, list):
            rank = {"blocked": 0, "held": 1, "approved": 2}
            found = sorted(((rank[f["verdict"]], f["path"], i) for i, f in enumerate(self.files)
                            if f["verdict"] in wanted and (not request["search"] or request["search"].lower() in f["path"].lower())))
            rows = [dict(index=i, **{k: self.files[i][k] for k in ("path", "size", "verdict")},
                         code=self.files[i]["reasons"][0]["code"] if self.files[i]["reasons"] else None)
                    for _, _, i in found[offset:offset + limit]]
            return {"total": len(found), "offset": offset, "files": rows}
        total = len(self.files)
        return {"total": total, "offset": offset, "files": [self.files[i] for i in range(offset, min(offset + limit, total))]}

    def do_file(self, request):
        return {"file": self.files[request["index"]]}


class Screen(pyte.Screen):
    def report_device_attributes(self, *args, **kwargs):  # "linux" hides its cursor with a sequence that looks like a question
        pass

    def select_graphic_rendition(self, *attrs, **kwargs):
        if any(30 <= a <= 37 or 40 <= a <= 47 or a in (38, 48) for a in attrs):
            self.is_coloured = True
        super().select_graphic_rendition(*attrs)

    def delete_characters(self, count=None):
        """What moves in from the right has the present ground, as on terminals with that capability (terminfo: bce)."""
        super().delete_characters(count)
        for x in range(self.columns - min(count or 1, self.columns - self.cursor.x), self.columns):
            self.buffer[self.cursor.y][x] = self.cursor.attrs

    is_coloured = False


class Console:
    """lazaret-console in a terminal of its own."""

    def __init__(self, station, columns=80, rows=24, term="linux", arguments=(), environment=None, language=None):
        self.station = station
        self.screen = Screen(columns, rows)
        self.stream = pyte.ByteStream(self.screen)
        self.raw = b""
        self.is_open = True
        self.status = None
        self.master, slave = pty.openpty()
        self.name = os.ttyname(slave)
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.before = termios.tcgetattr(slave)
        env = {"PATH": os.environ["PATH"], "TERM": term, "LANG": "C.UTF-8", "TZ": "UTC",
               "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "detect_leaks=0:abort_on_error=1"), **(environment or {})}
        argv = [str(PROGRAM), "--socket", station.path, *arguments]
        if language:
            argv += ["--language", language]
        self.pid = os.fork()
        if self.pid == 0:
            os.setsid()
            fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
            for fd in (0, 1, 2):
                os.dup2(slave, fd)
            os.closerange(3, 256)
            os.execve(argv[0], argv, env)
        self.slave = slave  # kept open, so that the terminal's state can be read when the console has gone

    # -- events

    def pump(self, done, what, deadline_s=DEADLINE_S):
        """Carry bytes to and fro until done(); returns False when that does not come."""
        end = time.monotonic() + deadline_s
        while not done():
            left = end - time.monotonic()
            if left <= 0:
                return False
            readable, _, _ = select.select([self.master, *self.station.sockets()], [], [], min(left, 0.2))
            for fd in readable:
                if fd == self.master:
                    self.feed()
                elif fd.fileno() >= 0:
                    self.station.ready(fd)
            self.reap()
        return True

    def feed(self):
        try:
            data = os.read(self.master, 65536)
        except OSError:
            data = b""
        self.raw += data
        self.stream.feed(data)

    def reap(self):
        if self.status is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.status = status

    def press(self, *keys):
        for key in keys:
            os.write(self.master, KEYS.get(key, key.encode()))

    def resize(self, columns, rows):
        self.screen.resize(rows, columns)
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    # -- what is seen

    def text(self):
        return "\n".join(line.rstrip() for line in self.screen.display) + "\n"

    def shows(self, *words):
        return self.pump(lambda: all(w in self.text() for w in words), words)

    def quiet(self, seconds=0.3):
        """Nothing more is drawn (only to record new golden screens; tests wait for what they want)."""
        seen = [len(self.raw), time.monotonic()]

        def is_quiet():
            if len(self.raw) != seen[0]:
                seen[:] = [len(self.raw), time.monotonic()]
            return time.monotonic() - seen[1] > seconds
        return self.pump(is_quiet, "quiet")

    def inner(self):
        """The process that draws: the one child of the one that was started."""
        return int(pathlib.Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()[0])

    def ends(self):
        return self.pump(lambda: self.status is not None, "end")

    def close(self):
        if self.status is None:
            os.kill(self.pid, signal.SIGTERM)
            if not self.ends():
                os.kill(self.pid, signal.SIGKILL)
        if self.is_open:
            os.close(self.master)
            os.close(self.slave)
        self.is_open = False


class Tmux:
    """lazaret-console in tmux: a terminal that others wrote. `station` may be None: then lazaretd is a real one."""

    NAMES = {"enter": "Enter", "esc": "Escape", "up": "Up", "down": "Down", "right": "Right", "left": "Left", "end": "End", "tab": "Tab", "erase": "BSpace", "clear": "C-u"}

    def __init__(self, station, directory, socket_path=None, columns=80, rows=24, environment=None):
        self.station = station
        self.socket = pathlib.Path(directory) / "tmux"
        env = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8", "TZ": "UTC", "HOME": str(directory), "TMPDIR": str(directory),
               "TERM": "linux", "SHELL": "/bin/sh", "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "detect_leaks=0:abort_on_error=1"), **(environment or {})}
        self.env = env
        self.settings = pathlib.Path(directory) / "tmux.conf"
        self.settings.write_text("set -g status off\nset -sg escape-time 0\n")
        self.tmux("new-session", "-d", "-x", str(columns), "-y", str(rows), str(PROGRAM), "--socket", str(socket_path or station.path))

    def tmux(self, *arguments):
        return subprocess.run(["tmux", "-u", "-f", str(self.settings), "-S", str(self.socket), *arguments], env=self.env, capture_output=True, text=True, check=False).stdout

    def press(self, *keys):
        for key in keys:
            if key in self.NAMES:
                self.tmux("send-keys", self.NAMES[key])
            else:
                self.tmux("send-keys", "-l", key)

    def text(self):
        return self.tmux("capture-pane", "-p")

    def shows(self, *words, deadline_s=DEADLINE_S):
        end = time.monotonic() + deadline_s
        while not all(w in self.text() for w in words):
            if time.monotonic() > end:
                return False
            self.pump(0.05)
        return True

    def pump(self, seconds):
        """Serve the station for a moment."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            readable, _, _ = select.select(self.station.sockets() if self.station else [], [], [], left)
            for sock in readable:
                if sock.fileno() >= 0:
                    self.station.ready(sock)

    def close(self):
        self.tmux("kill-server")
