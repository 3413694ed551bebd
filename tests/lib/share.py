# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""A station with a share, in namespaces of the test's own: mounts, and three of the network. The servers are the machine's, started by
the lines of their units, with the capabilities and accounts that these give them; clients are the machine's, too.

    station  iso0 ------ eth0  isolated     10.99.1.1, fd00:99:1::1 --- 10.99.1.2, fd00:99:1::2
             dirty0 ---- eth0  dirty        10.99.2.1, fd00:99:2::1 --- 10.99.2.2, fd00:99:2::2
"""
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import time

from tap import BUILD, ROOT, make_databases

SHARE = pathlib.Path("/run/lazaret/share")
HERE, THERE, DIRTY = "10.99.1.1", "10.99.1.2", "10.99.2.2"
HERE6, THERE6 = "fd00:99:1::1", "fd00:99:1::2"


def missing(*programs):
    return [p for p in programs if not shutil.which(p, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")]


def alone(work):
    """Start this script anew in a mount namespace of its own, where /run is empty: names of network namespaces, /run/lazaret and
    /run/sshd are then nobody else's. False: that cannot be done here."""
    if os.environ.get("SHARE_TEST_ALONE") == "1":
        return True
    if subprocess.run(["unshare", "--mount", "--net", "mount", "-t", "tmpfs", "tmpfs", "/run"], capture_output=True).returncode != 0:
        return False
    os.environ["SHARE_TEST_ALONE"] = "1"
    os.execvp("unshare", ["unshare", "--mount", "--propagation", "private", sys.executable, *sys.argv])


def own_run():
    subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", "/run"], check=True)
    pathlib.Path("/run/lazaret").mkdir()
    pathlib.Path("/run/sshd").mkdir()
    pathlib.Path("/run/netns").mkdir()


def ip(*args, ns=None):
    subprocess.run(["ip", *(["-n", ns] if ns else []), *map(str, args)], check=True, capture_output=True, text=True)


def network():
    for ns in ("station", "isolated", "dirty"):
        ip("netns", "add", ns)
        ip("link", "set", "lo", "up", ns=ns)
    for net, ours, theirs in ((1, "iso0", "isolated"), (2, "dirty0", "dirty")):
        ip("link", "add", ours, "netns", "station", "type", "veth", "peer", "name", "eth0", "netns", theirs)
        for host, device, ns in ((1, ours, "station"), (2, "eth0", theirs)):
            ip("addr", "add", "10.99.%d.%d/24" % (net, host), "dev", device, ns=ns)
            ip("addr", "add", "fd00:99:%d::%d/64" % (net, host), "dev", device, "nodad", ns=ns)
            ip("link", "set", device, "up", ns=ns)
    for ns, net in (("isolated", 1), ("dirty", 2)):  # they would find a way through, if there were one
        ip("route", "add", "default", "via", "10.99.%d.1" % net, ns=ns)
        ip("-6", "route", "add", "default", "via", "fd00:99:%d::1" % net, ns=ns)


def unit(name):
    """[(setting, value)] of a unit that is shipped."""
    lines = (ROOT / "image/systemd" / name).read_text().splitlines()
    return [tuple(line.split("=", 1)) for line in lines if "=" in line and not line.startswith("#")]


class Server:
    """A unit's ExecStart, with its accounts, capabilities and read-only staging."""

    def __init__(self, name, log, ns="station"):
        have = dict(unit(name))
        caps = have["CapabilityBoundingSet"].lower().replace("cap_", "+").split()
        binds = " && ".join("mount --bind %s %s" % tuple(pair.split(":")) for key, value in unit(name) if key == "BindReadOnlyPaths"
                            for pair in value.split() if ":/etc/" in pair)
        self.log = log
        self.process = subprocess.Popen(["ip", "netns", "exec", ns, "sh", "-c", '%s && exec "$@"' % (binds or "true"), "sh", "setpriv", "--no-new-privs",
                                         "--bounding-set", "-all," + ",".join(caps), *have["ExecStart"].split()],
                                        stdin=subprocess.DEVNULL, stdout=open(log, "ab"), stderr=subprocess.STDOUT, start_new_session=True)

    def stop(self):
        """The whole session that we started: smbd's children end with it."""
        try:
            os.killpg(self.process.pid, signal.SIGTERM)
            self.process.wait(20)
        except (ProcessLookupError, subprocess.TimeoutExpired):
            pass
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()

    def said(self):
        return self.log.read_text(errors="replace")[-4000:]


def inside(ns, *command, timeout=120, **more):
    return subprocess.run(["ip", "netns", "exec", ns, *map(str, command)], stdin=more.pop("stdin", subprocess.DEVNULL), capture_output=True, text=True,
                          errors="replace", timeout=timeout, **more)


PROBE = """
import concurrent.futures, socket, sys
host, ports, kind, source, patience_s = sys.argv[1], sys.argv[2].split(","), sys.argv[3], sys.argv[4], float(sys.argv[5])
def probe(port):
    s = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM if kind == "tcp" else socket.SOCK_DGRAM)
    s.settimeout(patience_s)
    if source:
        s.bind((source, 0))
    try:
        s.connect((host, int(port)))
        if kind == "udp":
            s.send(b"x")
            s.recv(1)
        return port
    except ConnectionRefusedError:
        return port + " refused"
    except OSError:
        return None
with concurrent.futures.ThreadPoolExecutor(min(200, len(ports))) as pool:
    for answer in pool.map(probe, ports):
        if answer:
            print(answer)
"""


def reaches(ns, host, ports, kind="tcp", source="", patience_s=2):
    """Of these ports those from which anything came back, a refusal included: a firewall that drops is silent. So is a probe that fails: it raises."""
    done = inside(ns, sys.executable, "-c", PROBE, host, ",".join(map(str, ports)), kind, source, patience_s, timeout=900)
    if done.returncode:
        raise RuntimeError(done.stdout + done.stderr)
    return done.stdout.split("\n")[:-1]


def waits_until(what, seconds=120):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if what():
            return True
        time.sleep(0.1)
    return False


class Station:
    def __init__(self, work):
        self.work, self.at = work, work / "station"
        subprocess.run([BUILD / "bin/lazaret", "init", self.at, "--db", make_databases(work / "db")], check=True, stdout=subprocess.DEVNULL)
        self.original = (self.at / "lazaret.yaml").read_text()
        self.number = 0

    def configure(self, text):
        (self.at / "lazaret.yaml").write_text(self.original + text)

    def run(self, *args, **more):
        return subprocess.run([str(a) for a in (BUILD / "bin/lazaret", "-C", self.at, *args)], stdin=more.pop("stdin", subprocess.DEVNULL),
                              capture_output=True, text=True, errors="replace", timeout=more.pop("timeout", 300), **more)

    def publish(self, files=5, size=200000):
        """One transfer, of names that are not all plain; its identity."""
        self.number += 1
        tree = self.work / ("medium%d" % self.number)
        for k in range(files):
            at = tree / ("ordner %d" % (k % 2)) / ("datei-ä%d.txt" % k)
            at.parent.mkdir(parents=True, exist_ok=True)
            at.write_text(("%d/%d " % (self.number, k)) * (size // 4))
        (tree / ".hidden.txt").write_text("a name with a dot is nothing special\n")
        done = self.run("inspect", "--json", tree)
        shutil.rmtree(tree)
        if done.returncode != 0:
            raise RuntimeError("inspect: %d\n%s" % (done.returncode, done.stderr))
        return json.loads(done.stdout)["transfer"]

    def staged(self):
        return sorted(p.name for p in (self.at / "staging").iterdir() if not p.name.startswith("."))

    def verify(self, path):
        done = subprocess.run([str(BUILD / "bin/lazaret-verify"), "--key", str(self.at / "keys/manifest.pub"), str(path)], capture_output=True, text=True,
                              errors="replace", timeout=300)
        return None if done.returncode == 0 else "%d\n%s%s" % (done.returncode, done.stdout, done.stderr)
