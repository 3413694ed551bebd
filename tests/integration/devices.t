#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""lazaret-devices as a process in its sandbox, with this test as its supervisor and loop devices as its media: the kernel's own
events. USB and discs: tests/unit/test_devices_*.c (umockdev) and the system tests."""
import atexit
import fcntl
import os
import pathlib
import re
import select
import socket
import stat
import struct
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from tap import BUILD, ROOT, finish, ok, skip  # noqa: E402

LOOPS = None  # where the files of our loop devices are
LOOP_CTL_ADD, LOOP_CTL_REMOVE = 0x4C80, 0x4C81  # linux/loop.h
SECONDS = 60  # for anything that must come; a busy machine takes its time
TYPES = re.findall(r"^M\((\w+),", (ROOT / "kiosk/ipc/messages.def").read_text(), flags=re.M)


def u32(n):
    return struct.pack("<I", n)


def text(s):
    return u32(len(s)) + s.encode()


def strings(items):
    return u32(len(items)) + b"".join(text(i) for i in items)


def policy(guard=False, ports=("any",), allow=(), optical=False, loop=True):
    return u32(guard) + strings(ports) + u32(0) + u32(0) + strings(allow) + u32(0) + u32(optical) + text(str(LOOPS) if loop else "")


class Fields:
    def __init__(self, data):
        self.data, self.at = data, 0

    def u32(self):
        self.at += 4
        return struct.unpack_from("<I", self.data, self.at - 4)[0]

    def u64(self):
        self.at += 8
        return struct.unpack_from("<Q", self.data, self.at - 8)[0]

    def text(self):
        n = self.u32()
        self.at += n
        return self.data[self.at - n:self.at].decode()


class Role:
    def __init__(self, source="kernel", fields=None, **kw):
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket = ours
        self.process = subprocess.Popen([BUILD / "bin/lazaret-devices"], preexec_fn=lambda: os.dup2(theirs.fileno(), 3),
                                        close_fds=False, stdin=subprocess.DEVNULL, **kw)
        theirs.close()
        self.send("DEVICES_START", text(source) + (policy() if fields is None else fields))

    def send(self, name, fields=b""):
        self.socket.send(u32(TYPES.index(name)) + fields)

    def receive(self, seconds=SECONDS):
        """(name, fields), or (None, None) when nothing came in time, or ("closed", None)."""
        if not select.select([self.socket], [], [], max(seconds, 0))[0]:
            return None, None
        data = self.socket.recv(70000)
        return (TYPES[struct.unpack_from("<I", data)[0]], Fields(data[4:])) if data else ("closed", None)

    def events(self, until, seconds=SECONDS):
        """What is told until `until(kind, what)`: ("medium", {...}), ("gone", key), ("settled", None), ..."""
        found, deadline = [], time.monotonic() + seconds
        while True:
            name, f = self.receive(deadline - time.monotonic())
            if name is None or name == "closed":
                return found + [("timeout" if name is None else "closed", None)]
            if name == "DEVICES_MEDIUM":
                m = {"key": f.text(), "node": f.text(), "major": f.u32(), "minor": f.u32(), "diskseq": f.u64(), "kind": f.text(),
                     "port": f.text(), "vendor": f.text(), "model": f.text(), "serial": f.text(), "usb": f.text(), "lun": f.u32(),
                     "size": f.u64()}
                found.append(("medium", m))
            else:
                found.append((name.removeprefix("DEVICES_").removeprefix("MEDIUM_").lower(), f.text() if f.data else None))
            if until(*found[-1]):
                return found

    def end(self):
        self.send("END")
        try:
            return self.process.wait(SECONDS)
        finally:
            self.socket.close()


def control(request, number):
    with open("/dev/loop-control", "rb", buffering=0) as f:
        fcntl.ioctl(f, request, number)


class Loop:
    """A loop device with a file of its own, whose name tells it from those of tests that run at the same time, and a node of its own: others ask for
    the first free one, and would take this one while it is detached. Kernel, loop(4)."""
    count = 0

    def __init__(self, work, name, size=1 << 20):
        self.file = work / f"{name}-{os.getpid()}.img"
        self.file.write_bytes(b"\0" * size)
        number = 1000 + 32 * (os.getpid() % 32000) + Loop.count  # of 2^20
        Loop.count += 1
        self.place, self.node = "/dev/loop%d" % number, None
        control(LOOP_CTL_ADD, number)
        atexit.register(control, LOOP_CTL_REMOVE, number)
        if not os.path.exists(self.place):  # no devtmpfs
            os.mknod(self.place, 0o660 | stat.S_IFBLK, os.makedev(7, number))
            atexit.register(os.unlink, self.place)

    def attach(self):
        subprocess.run(["losetup", "-r", self.place, self.file], check=True)
        self.node = self.place
        return self

    def detach(self):
        """The kernel lets go when the last who has it open or mounted does; attach() is refused until then."""
        if self.node:
            subprocess.run(["losetup", "-d", self.node], check=True)
            held, deadline = pathlib.Path("/sys/block", os.path.basename(self.node), "loop"), time.monotonic() + SECONDS
            while held.exists() and time.monotonic() < deadline:
                time.sleep(0.02)
            self.node = None

    def is_in(self, event):
        return event[0] == "medium" and event[1]["model"] == self.file.name


def medium_of(loop):
    return lambda kind, what: loop.is_in((kind, what))


def gone(key):
    return lambda kind, what: (kind, what) == ("gone", key)


def settled(kind, what):
    return kind == "settled"


def of(loop, events):
    return [e[1] for e in events if loop.is_in(e)]


def test_cold_start_and_events(work):
    first, second = Loop(work, "first", 3 << 20).attach(), Loop(work, "second")
    role = Role()
    try:
        name, f = role.receive()
        ok(name == "READY" and f.text() == "devices", "the role is ready", name)
        events = role.events(settled)
        found = of(first, events)
        ok(events[-1][0] == "settled" and len(found) == 1, "a medium that was there is told once, before SETTLED", events)
        m = found[0]
        block = pathlib.Path("/sys/block") / first.node.rsplit("/", 1)[1]
        ok((m["kind"], m["size"], "/dev/" + m["node"], m["port"]) == ("loop", 3 << 20, first.node, "loop:" + m["node"]), "kind, size, node, port", m)
        ok((block / "dev").read_text().strip() == f"{m['major']}:{m['minor']}", "its number", m)
        ok(int((block / "diskseq").read_text()) == m["diskseq"], "its disk sequence number", m)

        second.attach()
        events = role.events(medium_of(second))
        ok(len(of(second, events)) == 1, "attached: a medium", events)
        key = of(second, events)[0]["key"]
        ok(key != m["key"], "with a key of its own", key)
        node = second.node
        second.detach()
        events = role.events(gone(key))
        ok(events[-1] == ("gone", key) and not of(second, events), "detached: that key has gone, and nothing was told twice", events)

        second.attach()
        events = role.events(medium_of(second))
        again = of(second, events)
        ok(len(again) == 1 and again[0]["key"] != key, "the same file at the same place is another insertion", events)
        second.detach()
        second.attach()
        events = role.events(medium_of(second))
        ok(("gone", again[0]["key"]) in events and len(of(second, events)) == 1 and of(second, events)[0]["key"] != again[0]["key"],
           "swapped faster than one can see: gone, and another medium", events)

        key = of(second, events)[0]["key"]
        os.truncate(second.file, 2 << 20)
        subprocess.run(["losetup", "-c", node], check=True)
        events = role.events(medium_of(second))
        ok(("gone", key) in events and [e["size"] for e in of(second, events)] == [2 << 20], "another size is another medium", events)
        key = of(second, events)[0]["key"]

        role.send("DEVICES_POLICY", policy(loop=False))
        events = role.events(settled)
        ok({("gone", key), ("gone", m["key"])} <= set(e for e in events if e[0] == "gone"), "a policy without loop devices takes them away", events)
        role.send("DEVICES_POLICY", policy())
        events = role.events(settled)
        ok(len(of(first, events)) == len(of(second, events)) == 1, "with them they come back, before SETTLED", events)
        ok(role.end() == 0, "END ends it cleanly")
    finally:
        role.process.kill()
        first.detach()
        second.detach()


def test_many_at_once(work):
    loops = [Loop(work, f"many{i}").attach() for i in range(6)]
    role = Role()
    try:
        events = role.events(settled)
        ok(all(len(of(loop, events)) == 1 for loop in loops), "six media at the start", events)
        keys = {of(loop, events)[0]["key"] for loop in loops}
        ok(len(keys) == 6, "six keys", keys)
        for loop in loops:
            loop.detach()
        missing = set(keys)
        while missing:
            events = role.events(lambda kind, what: kind == "gone")
            if events[-1][0] != "gone":
                break
            missing.discard(events[-1][1])
        ok(not missing, "six have gone", missing)
        role.end()
    finally:
        role.process.kill()
        for loop in loops:
            loop.detach()


def test_own_disks(work):
    """What the system has mounted is not a medium: a station does not inspect itself."""
    loop = Loop(work, "own", 8 << 20)
    subprocess.run(["mkfs.ext4", "-q", "-F", loop.file], check=True)
    loop.attach()
    point = work / "mounted"
    point.mkdir()
    mounted = subprocess.run(["mount", "-o", "ro,noload", loop.node, point], capture_output=True)
    role = None
    try:
        if mounted.returncode:
            skip("a mounted disk is not a medium", "cannot mount here")
            return
        role = Role()
        events = role.events(settled)
        ok(events[-1][0] == "settled" and not of(loop, events), "a mounted disk is not a medium", events)
        subprocess.run(["umount", point], check=True)
        mounted.returncode = 1
        loop.detach()
        loop.attach()
        ok(len(of(loop, role.events(medium_of(loop)))) == 1, "another medium in the same place is one")
        role.end()
    finally:
        if not mounted.returncode:
            subprocess.run(["umount", point])
        if role:
            role.process.kill()
        loop.detach()


def status(pid):
    return dict(line.split(":\t", 1) for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines() if ":\t" in line)


def test_sandbox(work):
    role = Role()
    try:
        role.events(settled)
        pid = role.process.pid
        children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        ok(len(children) == 1, "one child: the guard", children)
        for who, p, uid in (("devices", pid, None), ("guard", children[0], "0")):
            s = status(p)
            ok(all(int(s[c], 16) == 0 for c in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")), f"{who}: no capability", s)
            ok(s["NoNewPrivs"] == "1" and s["Seccomp"] == "2", f"{who}: no new privileges, a filter", s)
            ids = set(s["Uid"].split())
            ok(len(ids) == 1 and (ids == {uid} if uid else "0" not in ids), f"{who}: its account", ids)
            for ns in ("user", "mnt", "net", "ipc", "uts", "cgroup"):
                ok(os.readlink(f"/proc/{p}/ns/{ns}") != os.readlink(f"/proc/self/ns/{ns}"), f"{who}: {ns} namespace of its own")
            there = set(os.listdir(f"/proc/{p}/root"))
            ok(there <= ({"sys", "run"} if who == "devices" else {"sys"}), f"{who}: nothing but /sys in its root", there)
            options = {line.split()[4]: line.split()[5] for line in pathlib.Path(f"/proc/{p}/mountinfo").read_text().splitlines()}
            ok(options["/"].startswith("ro") and options["/sys"].startswith("rw" if who == "guard" else "ro"), f"{who}: how /sys is mounted", options)
            ok(not [at for at in options if at.startswith("/sys/")], f"{who}: nothing beneath /sys", options)
        ok(not [fd for fd in os.listdir(f"/proc/{children[0]}/fd") if int(fd) == 3], "the guard does not hold the channel")
        guard = children[0]
        role.socket.close()  # the supervisor dies
        ok(role.process.wait(SECONDS) == 0, "it ends with its supervisor")
        deadline = time.monotonic() + SECONDS
        while os.path.exists(f"/proc/{guard}") and status(guard)["State"][0] != "Z" and time.monotonic() < deadline:
            time.sleep(0.05)
        ok(not os.path.exists(f"/proc/{guard}") or status(guard)["State"][0] == "Z", "and the guard with it")
    finally:
        role.process.kill()


def refusal(**kw):
    role = Role(stderr=subprocess.DEVNULL, **kw)
    name, f = role.receive()
    words = (f.u32(), f.text(), f.text()) if name == "FAILED" else ()
    code = role.process.wait(SECONDS) if name == "FAILED" else None
    role.process.kill()
    return name, words, code


def test_refusals(work):
    for fields, what in ((policy(ports=("1-2/../..",)), "a port that is none"), (policy(allow=("12345678",)), "an id that is none"),
                         (policy()[:-1], "fields that end early"), (policy() + b"x", "bytes left over")):
        name, words, code = refusal(fields=fields)
        ok(name == "FAILED" and code == 1, f"refused: {what}", (name, words, code))
    ok(refusal(source="bpf")[0] == "FAILED", "refused: an unknown source")
    if os.path.exists("/run/udev/control"):
        skip("source udev without udevd", "udevd runs here")
    else:
        name, words, code = refusal(source="udev")
        ok(name == "FAILED" and "udevd" in words[1], "without udevd, source udev says so", (name, words, code))
    try:
        name, words, code = refusal(user=65534, group=65534, extra_groups=[])
        ok(name == "FAILED" and "root" in words[1], "without root it says so", (name, words, code))
    except PermissionError:
        skip("without root it says so", "the build is not reachable for an ordinary account")


def test_guard(work):
    """Where there is USB the system tests show it; here at least that asking for it does not stop loop devices."""
    if list(pathlib.Path("/sys/bus/usb/devices").glob("usb*")):
        skip("with the guard on", "this machine has USB, whose devices the test would switch off")
        return
    loop = Loop(work, "guarded").attach()
    role = Role(fields=policy(guard=True, ports=("1-2",)))
    try:
        events = role.events(settled)
        ok(len(of(loop, events)) == 1, "with the guard on, where there is no USB", events)
        role.end()
    finally:
        role.process.kill()
        loop.detach()


def main():
    global LOOPS
    if os.geteuid() != 0:
        name, words, code = refusal()
        ok(name == "FAILED" and "root" in words[1], "without root it says so", (name, words, code))
        skip("media", "loop devices and the guard need root")
        return finish()
    if not os.path.exists("/dev/loop-control"):
        skip("media", "no loop devices here")
        return finish()
    may = subprocess.run(["unshare", "--mount", "true"], stderr=subprocess.DEVNULL, check=False).returncode == 0
    if may and "--mounts-of-its-own" not in sys.argv:  # else a test that begins meanwhile has a copy of what is mounted here, and its device stays busy
        os.execvp("unshare", ["unshare", "--mount", "--propagation", "private", sys.executable, *sys.argv, "--mounts-of-its-own"])
    with tempfile.TemporaryDirectory(dir="/var/tmp") as name:
        work = LOOPS = pathlib.Path(os.path.realpath(name))
        for test in (test_cold_start_and_events, test_many_at_once, test_own_disks, test_sandbox, test_refusals, test_guard):
            test(work)
    return finish()


sys.exit(main())
