#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""The control socket of a running lazaretd while it inspects a medium: clients that flood, stall, send nonsense and vanish do
not keep it from its work or others from theirs; who may connect and who may ask for what; `lazaret media`, `devices`, `reload`
and `status`, which speak with it. Needs root and loop devices."""
import grp
import json
import os
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import control  # noqa: E402
from tap import BUILD, EICAR, finish, make_databases, ok, skip  # noqa: E402

FILES = 4000
NOBODY, GROUP = 65534, "daemon"


def make_image(work):
    """ext4 with FILES files, ten of them bad."""
    tree, image = work / "tree", work / "stick.img"
    for n in range(FILES):
        path = tree / ("d%02d" % (n % 40)) / ("file%04d.txt" % n)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(EICAR if n % 400 == 7 else b"text number %d\n" % n)
    with open(image, "wb") as f:
        f.truncate(96 << 20)
    subprocess.run(["mkfs.ext4", "-q", "-F", "-O", "^has_journal", "-d", tree, image], check=True)
    shutil.rmtree(tree)
    return image


class Loop:
    def __init__(self, image):
        self.node = subprocess.run(["losetup", "--find", "--show", image], check=True, capture_output=True, text=True).stdout.strip()

    def detach(self):
        if self.node:
            subprocess.run(["losetup", "--detach", self.node], check=False)
        self.node = None


class Daemon:
    def __init__(self, work):
        self.at, self.socket, self.log = work / "station", work / "control.sock", work / "log"
        subprocess.run([BUILD / "bin" / "lazaret", "init", self.at, "--db", make_databases(work / "db")], check=True,
                       stdout=subprocess.DEVNULL)
        text = (self.at / "lazaret.yaml").read_text()
        text = text.replace("devices:\n", "devices:\n  source: kernel\n  loop: %s\n  usb-guard: false\n  optical: false\n" % work)
        (self.at / "lazaret.yaml").write_text(text + "control:\n  socket: %s\n  group: %s\n" % (self.socket, GROUP))
        self.start()

    def start(self):
        self.process = subprocess.Popen([BUILD / "bin" / "lazaretd", "-C", self.at], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=open(self.log, "ab"))
        self.client = control.connect(self.socket).watch()
        self.client.wait_for(lambda c: c.station["state"] == "ready")

    def stop(self):
        self.client.close()
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(90)

    def run(self, *args):
        return subprocess.run([BUILD / "bin" / "lazaret", "-C", self.at, *args], stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, timeout=60)

    def descriptors(self):
        return len(os.listdir("/proc/%d/fd" % self.process.pid))

    def memory_kb(self):
        for line in open("/proc/%d/status" % self.process.pid):
            if line.startswith("VmRSS:"):
                return int(line.split()[1])
        raise OSError("no VmRSS")


# -- clients that nobody wants ------------------------------------------------------------------------------------------

def raw(path):
    s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    s.settimeout(5)
    s.connect(str(path))
    return s


class Hostile(threading.Thread):
    """Does one kind of harm again and again until told to end."""

    def __init__(self, path, harm):
        super().__init__(daemon=True)
        self.path, self.harm, self.times, self.over = path, harm, 0, threading.Event()

    def run(self):
        while not self.over.is_set():
            try:
                with raw(self.path) as s:
                    self.times += 1
                    self.harm(s, self.over)
            except OSError:
                pass  # refused, disconnected: what it deserves
            self.over.wait(0.01)


def flood(s, over):
    """Requests as fast as they are taken, answers never read."""
    line = b'{"id":1,"request":"state"}\n' * 100
    while not over.is_set():
        s.send(line)


def stall(s, over):
    s.sendall(b'{"id":1,"request":"watch"}\n')
    over.wait()


def half_line(s, over):
    s.sendall(b'{"id":1,"requ')
    over.wait(0.2)


def binary(s, _):
    s.sendall(random.randbytes(2000) + b"\n")
    s.recv(1000)


def giant(s, _):
    for _ in range(64):
        s.sendall(b"x" * 65536)


def deep(s, _):
    s.sendall(b'{"id":' + b"[" * 60000 + b"\n")
    s.recv(1000)


def vanish(s, _):
    """Gone before the answer, to each kind of request."""
    for n, name in enumerate(("state", "transfers", "files", "file", "watch", "cancel", "reload-not")):
        s.sendall(json.dumps({"id": n, "request": name, "medium": 999, "transfer": "T-0", "index": 0}).encode() + b"\n")


def crowd(s, over):
    more = []
    try:
        for _ in range(60):
            more.append(raw(s.getpeername()))
    finally:
        over.wait(0.1)
        for m in more:
            m.close()


def under_attack(d, image):
    before = d.descriptors()
    loop = Loop(image)
    attackers = [Hostile(d.socket, harm) for harm in (flood, flood, stall, half_line, binary, giant, deep, vanish, crowd)]
    slowest = 0
    try:
        m = d.client.wait_medium(lambda m: m["state"] in ("reading", "examining"))
        memory = d.memory_kb()
        for a in attackers:
            a.start()
        until = time.monotonic() + 240
        while d.client.media[m["medium"]]["state"] != "done":
            begun = time.monotonic()
            d.client.ask("state")
            slowest = max(slowest, time.monotonic() - begun)
            if time.monotonic() > until:
                raise TimeoutError("not done: %s" % d.client.media)
            d.client.serve(0.2)
        m = d.client.media[m["medium"]]
        grown = d.memory_kb() - memory
        ok(all(a.times for a in attackers), "every attack took place",
           [(a.harm.__name__, a.times) for a in attackers])
    finally:
        for a in attackers:
            a.over.set()
        for a in attackers:
            if a.ident:
                a.join(20)
        loop.detach()
    ok(m["outcome"] == "published" and m["counts"]["files"] == FILES and m["counts"]["blocked"] == FILES // 400,
       "the inspection went on as if nobody were there", m)
    ok(slowest < 5, "others were answered meanwhile", "slowest answer: %.2f s" % slowest)
    ok(grown < 32 * 1024, "memory stays within bounds", "%d KiB more" % grown)
    d.client.wait_for(lambda c: not c.media[m["medium"]]["present"])
    d.client.wait_for(lambda c: d.descriptors() <= before + 8 or not c.serve(0.2), 30)
    ok(d.descriptors() <= before + 8, "no descriptor is left behind", (before, d.descriptors()))
    ok(d.process.poll() is None, "lazaretd lives")
    ok(d.log.stat().st_size < 100000, "and has not filled the log", d.log.stat().st_size)
    return m


# -- who may -------------------------------------------------------------------------------------------------------------

def as_other(path, gid, groups, *names):
    """What another account gets: the answers to these requests, or the error."""
    ends = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.setgroups(groups)
            os.setresgid(gid, gid, gid)
            os.setresuid(NOBODY, NOBODY, NOBODY)
            c, result = control.connect(path), []
            try:
                for name in names:
                    try:
                        c.ask(name)
                        result.append("ok")
                    except control.Refused as e:
                        result.append(e.code)
            except (control.Gone, BrokenPipeError):
                while not c.error:
                    c.serve(10)
                result.append(c.error["code"])
        except (control.Gone, PermissionError, OSError, TimeoutError) as e:
            result = [type(e).__name__]
        os.write(ends[1], json.dumps(result).encode())
        os._exit(0)
    os.close(ends[1])
    os.waitpid(pid, 0)
    with os.fdopen(ends[0], "rb") as f:
        return json.loads(f.read() or b"null")


def who_may(d):
    group = grp.getgrnam(GROUP).gr_gid
    st = d.socket.stat()
    ok(st.st_mode & 0o7777 == 0o660 and st.st_gid == group, "the socket is its group's", oct(st.st_mode))
    ok(as_other(d.socket, NOBODY, [], "state") == ["PermissionError"], "another account does not reach the socket")
    os.chmod(d.socket, 0o666)
    got = as_other(d.socket, NOBODY, [], "state")
    ok(got == ["not-permitted"], "and is turned away where it does", got)
    os.chmod(d.socket, 0o660)
    got = as_other(d.socket, NOBODY, [group], "state", "transfers", "reload", "nonsense")
    ok(got[0] == "ok" and got[2:] == ["not-permitted", "unknown-request"], "members may ask, and not reload", got)


# -- the commands ----------------------------------------------------------------------------------------------------------

def commands(d, m):
    p = d.run("media")
    ok(p.returncode == 0 and m["transfer"] in p.stdout and "published" in p.stdout, "media", p)
    p = d.run("media", "--json")
    ok([x["medium"] for x in json.loads(p.stdout)] == [m["medium"]], "media --json", p)
    p = d.run("media", "cancel", str(m["medium"]))
    ok(p.returncode == 1 and p.stderr, "media cancel of what has ended: refused, with a reason", p)
    p = d.run("media", "again", str(m["medium"]))
    ok(p.returncode == 1 and p.stderr, "media again of what has gone: refused, with a reason", p)
    ok(d.run("media", "cancel", "999").returncode == 1, "media cancel of a number that is none")
    for words in (("cancel",), ("cancel", "0"), ("cancel", "1x"), ("drop", "1"), ("--watch", "cancel", "1")):
        ok(d.run("media", *words).returncode == 64, "media %s: usage" % " ".join(words))
    watcher = subprocess.Popen([BUILD / "bin" / "lazaret", "-C", d.at, "media", "--json", "--watch"], stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True)
    try:
        first = json.loads(watcher.stdout.readline())
        ok(first["event"] == "station", "media --watch --json: the present state", first)
        p = d.run("media", "dismiss", str(m["medium"]))
        ok(p.returncode == 0, "media dismiss", p)
        for line in watcher.stdout:
            o = json.loads(line)
            if o["event"] == "medium-gone":
                break
        ok(o == {"event": "medium-gone", "medium": m["medium"]}, "media --watch: and what changes", o)
        ok(d.run("media").stdout == "no medium\n", "media: none")
        p = d.run("devices", "--json")
        ok(p.returncode == 0 and json.loads(p.stdout)["event"] == "devices", "devices --json", p)
        p = d.run("devices")
        ok(p.returncode == 0 and "guard  off" in p.stdout, "devices", p)
        p = d.run("reload")
        ok(p.returncode == 0, "reload", p)
        d.client.wait_for(lambda c: c.station["reload"] and c.station["reload"]["ok"])
        p = d.run("status")
        ok("daemon    ready, version" in p.stdout and "eicar" in p.stdout, "status shows the daemon", p)
        shown = json.loads(d.run("status", "--json").stdout)["daemon"]
        ok(shown["runs"] and shown["station"]["protocol"] == "lazaret.control/1", "status --json", shown)
        d.stop()
        ok(watcher.wait(30) == 2 and "lazaretd does not run" in watcher.stderr.read(), "media --watch ends with the daemon")
    finally:
        watcher.kill()
        watcher.wait()
    for words in (("media",), ("devices",), ("reload",), ("media", "cancel", "1")):
        p = d.run(*words)
        ok(p.returncode == 2 and "lazaretd does not run" in p.stderr, "%s without a daemon says so" % words[0], p)
    p = d.run("status")
    ok(p.returncode == 0 and "lazaretd does not run" in p.stdout, "status without a daemon is in order", p)


def main():
    if os.geteuid() != 0 or not os.path.exists("/dev/loop-control"):
        skip("the control socket of a running lazaretd", "needs root and loop devices")
        return finish()
    work = pathlib.Path(tempfile.mkdtemp(prefix="lazaret-control."))
    os.chmod(work, 0o755)
    d = None
    try:
        image = make_image(work)
        d = Daemon(work)
        who_may(d)
        commands(d, under_attack(d, image))
    except (TimeoutError, control.Gone, control.Refused, OSError, subprocess.SubprocessError, KeyError, ValueError) as e:
        ok(False, "runs to its end", "%s: %s\n%s" % (type(e).__name__, e, (work / "log").read_text() if d else ""))
    finally:
        if d and d.process.poll() is None:
            d.stop()
        shutil.rmtree(work, ignore_errors=True)
    return finish()


if __name__ == "__main__":
    sys.exit(main())
