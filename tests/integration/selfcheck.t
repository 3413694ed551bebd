#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""lazaret selfcheck: what can be made wrong for real is made wrong, seen, and seen to be right again. Boot, modules' formats and the like
are in tests/unit/test_selfcheck_checks.c."""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import control  # noqa: E402
import exposition  # noqa: E402
import ledger  # noqa: E402
from exposition import value  # noqa: E402
from recorded import Recorded  # noqa: E402
from station import Station, Stick  # noqa: E402
from tap import BUILD, ROOT, finish, ok, skip  # noqa: E402

BIN = BUILD / "bin"
IS_ROOT = os.geteuid() == 0
INVARIANTS = {"sandbox", "write-block", "usb-guard", "verity", "root-read-only", "keys", "key-pairs", "trail"}


class Result:
    def __init__(self, p):
        self.p, self.status = p, p.returncode
        self.whole = json.loads(p.stdout) if p.returncode == 0 else {}
        self.checks = {c["name"]: c for c in self.whole.get("checks", [])}

    def state(self, name):
        return self.checks.get(name, {}).get("state")

    def says(self, name, state, words, why):
        c = self.checks.get(name, {})
        ok(c.get("state") == state and words in c.get("text", ""), "%s: %s: %s" % (why, name, state), (c, self.p.stderr))


def look(at, *args, before=()):
    """lazaret-selfcheck itself."""
    return Result(subprocess.run([*before, BIN / "lazaret-selfcheck", "-C", at, *args], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                                 timeout=300))


def appliance(work):
    facts = work / "facts"
    facts.mkdir(exist_ok=True)
    (facts / "appliance.json").write_text(json.dumps({"suite": "trixie", "version": "0.1.0", "slot-layout": "a-b"}))
    return facts


# -- on trial ------------------------------------------------------------------------------------------------------
def trial(work):
    s = Recorded(work)
    s.end()
    r = look(s.at)
    ok(r.status == 0 and r.whole["machine"] == "trial" and r.whole["bad"] == 0 and not r.whole["stops"], "a new station on trial: nothing is bad", r.p)
    ok(r.whole["good"] + r.whole["warnings"] + r.whole["bad"] + r.whole["not_applicable"] == len(r.checks) == 28, "each check once", r.whole)
    for name in ("verity", "modules", "sockets", "logins", "root-programs"):
        r.says(name, "not-applicable", "alone", "the machine is not the station's")
    for name in ("sandbox", "keys", "key-pairs", "databases", "room", "disk", "clock"):
        ok(r.state(name) == "ok", "%s is good" % name, r.checks.get(name))
    if IS_ROOT and os.path.exists("/dev/loop-control"):
        r.says("write-block", "ok", "refused", "tried on a dummy")
        ok("lazaret-selfcheck" not in subprocess.run(["losetup", "--list"], capture_output=True, text=True).stdout, "no dummy is left")
    else:
        r.says("write-block", "not-applicable", "", "no dummy")
    p = s.run("selfcheck")
    ok(p.returncode == 0 and "good, " in p.stdout and "\nok        keys " in p.stdout, "lazaret selfcheck", p)
    p = s.run("selfcheck", "--json")
    ok(p.returncode == 0 and json.loads(p.stdout)["whole"] is True, "lazaret selfcheck --json looks at the whole", p)
    ok(s.run("selfcheck", "x").returncode == 64 and look(s.at, "x").status == 64, "usage")
    (s.at / "lazaret.yaml").write_text("format: nonsense\n")
    ok(look(s.at).status == 1 and s.run("selfcheck").returncode == 2, "a configuration that cannot be read is not a good one")


def user(work):
    """As somebody who is not root: nothing is bad of what only root could see."""
    s = Recorded(work)
    s.end()
    if not IS_ROOT:
        skip("as an ordinary user", "all of this test is")
        return
    shutil.copy(BIN / "lazaret-selfcheck", work / "lazaret-selfcheck")
    subprocess.run(["chown", "-R", "65534:65534", work], check=True)
    p = subprocess.run([work / "lazaret-selfcheck", "-C", s.at], capture_output=True, text=True, user=65534, group=65534, extra_groups=[], timeout=300)
    r = Result(p)
    ok(r.status == 0 and not r.whole["stops"], "as an ordinary user: no invariant is bad", p)
    r.says("write-block", "not-applicable", "only root", "as an ordinary user")


def unit(work):
    """With the capabilities that lazaret-selfcheck@.service leaves: enough for all of it, and for making its own sandbox."""
    lines = (ROOT / "image" / "systemd" / "lazaret-selfcheck@.service").read_text().splitlines()
    caps = next(line.split("=")[1].split() for line in lines if line.startswith("CapabilityBoundingSet="))
    if not IS_ROOT or not shutil.which("setpriv"):
        skip("with the unit's capabilities", "needs root and setpriv(1)")
        return
    s = Recorded(work)
    s.append("device-refused", {"port": "1-1"})
    s.end()
    sets = ",".join(["-all"] + ["+" + c[4:].lower() for c in caps])
    r = look(s.at, "--whole", before=["setpriv", "--bounding-set", sets, "--inh-caps", "-all", "--no-new-privs"])
    ok(r.status == 0, "with the unit's capabilities alone (%s) it can look" % " ".join(caps), r.p)
    # the sandbox of roles is made elsewhere there, by lazaret-starter
    ok([n for n, c in r.checks.items() if c["state"] == "bad" and n != "sandbox"] == [], "and sees all that it has to", r.checks)
    if os.path.exists("/dev/loop-control"):
        r.says("write-block", "ok", "refused", "with the unit's capabilities")
    r.says("trail", "ok", "records", "whose files belong to another account")


def asked(work):
    s = Recorded(work)
    s.end()
    for said, good in ((b"q", True), (b"w", True), (b"x", False), (b"", False)):
        p = subprocess.run([BIN / "lazaret-selfcheck", "-C", s.at, "--asked"], input=said, capture_output=True, timeout=300)
        ok((p.returncode == 0) == good and bool(p.stdout) == good, "asked with %r" % said, p)
        if good:
            ok(json.loads(p.stdout)["whole"] == (said == b"w"), "%r is understood" % said)


# -- keys and trail -------------------------------------------------------------------------------------------------
def keys(work):
    s = Recorded(work)
    s.end()
    key, other = s.at / "keys" / "manifest.key", s.at / "keys" / "audit.pub"

    def wrong(name, words, why):
        r = look(s.at)
        r.says(name, "bad", words, why)
        ok(r.whole.get("stops") is True and s.run("selfcheck").returncode == 1, "%s: no medium, exit status 1" % why, r.whole)

    key.chmod(0o640)
    wrong("keys", "0640", "a secret key that a group reads")
    key.chmod(0o600)
    key.parent.chmod(0o770)
    wrong("keys", "replace", "a directory in which others may replace it")
    key.parent.chmod(0o700)
    good = other.read_text()
    other.write_text((s.at / "keys" / "manifest.pub").read_text())
    wrong("key-pairs", "does not verify", "another key's public half")
    other.write_text("nonsense\n")
    wrong("key-pairs", "audit.pub", "a public key that is none")
    other.write_text(good)
    key.rename(work / "away")
    wrong("keys", "No such file", "a key that is gone")
    (s.at / "keys" / "manifest.key").symlink_to(work / "away")
    wrong("keys", "not a file", "a link in its place")
    key.unlink()
    (work / "away").rename(key)
    ok(look(s.at).whole["bad"] == 0, "mended: good again")
    if IS_ROOT:
        os.chown(key, 65534, 65534)
        wrong("keys", "owner 65534", "a key of another account")
        os.chown(key, 0, 0)


def trail(work):
    s = Recorded(work)
    s.end()
    s.ledger = ledger.Ledger(s.at, witness=str(s.at / "history" / "audit.witness"))
    for n in range(40):
        s.append("device-refused", {"port": "1-%d" % n})
    s.transfer("T-1", [("a", "approved")])
    s.end()
    path = s.at / "audit" / "audit.jsonl"
    good = path.read_bytes()
    lines = good.splitlines(keepends=True)
    look(s.at).says("trail", "ok", "its end", "quick")
    look(s.at, "--whole").says("trail", "ok", "all %d records" % len(lines), "whole")
    path.write_bytes(b"".join(lines[:-1]))
    for more in ((), ("--whole",)):
        r = look(s.at, *more)
        r.says("trail", "bad", "witness", "cut between two records")
        ok(r.whole["stops"], "that stops media", r.whole)
    path.write_bytes(good.replace(b'"1-20"', b'"1-21"'))
    look(s.at, "--whole").says("trail", "bad", "line 2", "a record in the middle was changed")
    look(s.at).says("trail", "ok", "its end", "which a quick look does not see")
    path.write_bytes(good[:-9] + b"x" + good[-8:])
    look(s.at).says("trail", "bad", "", "the last record was changed")
    path.write_bytes(good + b'{"body":{"torn":')
    look(s.at).says("trail", "ok", "its end", "a torn end, as a power cut leaves it, is none")
    path.unlink()
    look(s.at).says("trail", "bad", "gone", "the trail is gone")
    path.write_bytes(good)
    # as it came from a longer trail of another key
    (s.at / "history" / "audit.witness").write_text("{}\n")
    look(s.at).says("trail", "bad", "", "a witness that is none")
    (s.at / "history" / "audit.witness").unlink()
    look(s.at).says("trail", "ok", "its end", "mended")


def clock(work):
    s = Recorded(work)
    s.append("device-refused", {"port": "1-1"})
    s.end()
    path = s.at / "audit" / "audit.jsonl"
    good = path.read_bytes()
    look(s.at).says("clock", "ok", "UTC", "now")
    last = json.loads(good.splitlines()[-1])
    p = subprocess.run([BUILD / "tests" / "make-trail", s.at / "keys" / "audit.key", str(last["seq"] + 1), last["hash"], str(int(time.time()) + 86400)],
                       input=b'device-refused {"port":"1-2"}\n', capture_output=True, check=True)
    path.write_bytes(good + p.stdout)
    r = look(s.at)
    r.says("clock", "bad", "newest audit record", "a record of tomorrow: the clock is behind")
    r.says("trail", "ok", "", "which is a good record")
    ok(not r.whole["stops"], "told, and no reason to stop", r.whole)
    path.write_bytes(good)
    look(s.at).says("clock", "ok", "UTC", "mended")


# -- files ----------------------------------------------------------------------------------------------------------
def databases(work):
    s = Recorded(work)
    s.end()
    files = list((work / "db").iterdir())
    for age, state in ((0, "ok"), (4, "warning"), (20, "bad")):
        for f in files:
            os.utime(f, (time.time() - 86400 * age,) * 2)
        look(s.at).says("databases", state, "%d days old" % age, "%d days" % age)
    files[0].rename(work / "gone")
    look(s.at).says("databases", "bad", files[0].name, "a database that is gone")


def disk(work):
    s = Recorded(work)
    s.end()
    if not IS_ROOT:
        skip("a file system that turned read-only", "needs root")
        return
    script = 'mount -t tmpfs none "$1" && "$2" -C "$3" >"$4" && mount -o remount,ro "$1" && exec "$2" -C "$3"'
    p = subprocess.run(["unshare", "--mount", "sh", "-ec", script, "sh", s.at / "staging", BIN / "lazaret-selfcheck", s.at, work / "before"],
                       capture_output=True, text=True, timeout=300)
    r = Result(p)
    ok(json.loads((work / "before").read_text())["bad"] == 0, "another file system is fine")
    r.says("disk", "bad", "read-only", "it turned read-only")
    script = 'mount -t tmpfs -o size=64k none "$1" && exec "$2" -C "$3"'
    p = subprocess.run(["unshare", "--mount", "sh", "-ec", script, "sh", s.at / "staging", BIN / "lazaret-selfcheck", s.at], capture_output=True,
                       text=True, timeout=300)
    Result(p).says("room", "bad", "staging", "there is no room")


def modules(work):
    s = Recorded(work)
    s.end()
    facts = appliance(work)
    r = look(s.at, "--facts", facts)
    ok(r.whole.get("machine") == "appliance", "a machine with appliance.json is one", r.whole)
    r.says("modules", "bad", "modules.list", "no list")
    ok(r.whole["stops"] or (r.state("verity") == "ok" and r.state("root-read-only") == "ok"), "without dm-verity it stops", r.whole)
    try:
        loaded = [line.split()[0] for line in open("/proc/modules", encoding="ascii")]
    except FileNotFoundError:
        loaded = []
    (facts / "modules.list").write_text("\n".join(loaded) + "\n")
    if os.path.exists("/proc/modules"):
        look(s.at, "--facts", facts).says("modules", "ok", "%d loaded" % len(loaded), "all in the list")
    if loaded:
        (facts / "modules.list").write_text("\n".join(loaded[1:]) + "\n")
        look(s.at, "--facts", facts).says("modules", "bad", loaded[0], "one that is not in the list")
    (facts / "appliance.json").write_text("{")
    r = look(s.at, "--facts", facts)
    ok(r.whole.get("machine") == "appliance", "an appliance.json that was broken makes no other machine of it", r.p.stderr)


# -- network --------------------------------------------------------------------------------------------------------
LISTEN = """
import os, socket, subprocess, sys
subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
subprocess.run(["mount", "-t", "sysfs", "none", "/sys"], check=True) # has the interfaces of the network that it is mounted in
held = []
for kind, address in [a.split("=") for a in sys.argv[1].split(",") if a]:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 3) if kind == "packet" else \\
        socket.socket(family, socket.SOCK_RAW, 58 if ":" in address else 1) if kind == "raw" else \\
        socket.socket(family, socket.SOCK_STREAM if kind == "tcp" else socket.SOCK_DGRAM)
    if kind in ("tcp", "udp"):
        s.bind((address, 5999))
    if kind == "tcp":
        s.listen()
    held.append(s)
for route in [r for r in sys.argv[2].split(";") if r]:
    subprocess.run(["ip", *route.split()], check=True)
sys.exit(subprocess.run(sys.argv[3:]).returncode)
"""


def network(work):
    if not IS_ROOT or not shutil.which("ip") or subprocess.run(["unshare", "--net", "true"], capture_output=True).returncode != 0:
        skip("sockets and routes", "needs root, network namespaces and ip(8)")
        return
    s = Recorded(work)
    s.end()
    facts = appliance(work)

    def inside(sockets="", routes=""):
        return look(s.at, "--facts", facts, before=["unshare", "--net", "--mount", sys.executable, "-c", LISTEN, sockets, routes])

    r = inside()
    r.says("sockets", "ok", "none", "nobody listens")
    r.says("routes", "ok", "none of them leads out", "no way out")
    r.says("interfaces", "ok", "", "nothing is up but lo")
    for sockets, words in [("tcp=0.0.0.0", "tcp 0.0.0.0 port 5999"), ("tcp=::", "tcp6 :: port 5999"), ("udp=0.0.0.0", "udp 0.0.0.0 port 5999"),
                           ("raw=0.0.0.0", "raw 0.0.0.0 port 1"), ("packet=", "a packet socket"), ("tcp=0.0.0.0,udp=::", "2: ")]:
        inside(sockets).says("sockets", "bad", words, sockets)
    inside("tcp=127.0.0.1,udp=::1").says("sockets", "ok", "2 that only this machine reaches", "loopback alone")
    for route, words in [("route add default dev lo", "table 254, prefix of 0 bits"), ("route add default dev lo table 77", "table 77"),
                         ("route add 128.0.0.0/1 dev lo", "prefix of 1 bits"),
                         ("route add 10.0.0.0/24 dev lo;route add 10.9.0.0/24 via 10.0.0.1 dev lo onlink", "by a gateway")]:
        inside("", route).says("routes", "bad", words, route)
    if os.path.exists("/proc/sys/net/ipv6"):
        inside("", "-6 route add default dev lo table 78").says("routes", "bad", "IPv6, table 78", "IPv6")
    inside("", "route add 10.0.0.0/24 dev lo").says("routes", "ok", "", "a network of the station's own")
    inside("", "route add unreachable default").says("routes", "ok", "", "a route that says no")


# -- lazaretd -------------------------------------------------------------------------------------------------------
def until(what, predicate, deadline_s=120):
    end = time.monotonic() + deadline_s
    while not predicate():
        if time.monotonic() > end:
            raise TimeoutError("waited for " + what)
        time.sleep(0.05)


def records(s):
    return [r["body"] for r in s.records() if r["type"] == "self-check"]


def daemon(work):
    if not IS_ROOT or not os.path.exists("/dev/loop-control"):
        skip("lazaretd", "needs root and loop devices")
        return
    file = work / "lazaret.prom"
    s = Station(work, "selfcheck", extra="metrics:\n  file: %s\n" % file)
    key = s.at / "keys" / "manifest.key"
    stick = Stick(work, "selfcheck-stick", {"a.txt": b"hello\n"})
    try:
        s.start().ready()
        told = s.client.station["selfcheck"]
        ok(told["bad"] == 0 and not told["stops"] and told["good"] >= 8 and told["wrong"] == [], "looked at before it was ready", told)
        first = records(s)
        ok(len(first) == 1 and first[0]["trigger"] == "boot" and first[0]["whole"] is False and first[0]["good"] == told["good"],
           "recorded at boot", first)
        until("metrics", lambda: file.exists() and "lazaret_selfcheck_bad" in file.read_text())
        m = exposition.parse(file.read_text())
        ok(value(m, "lazaret_selfcheck_bad", check="keys") == 0 and value(m, "lazaret_selfcheck_failed") == 0 and
           value(m, "lazaret_selfcheck_timestamp_seconds") == told["at"], "and in the metrics", m.get("lazaret_selfcheck_bad"))
        ok("selfcheck " in s.run("status").stdout, "and in lazaret status")
        bad(s, key, stick, file)
        reloads(s, key)
        warns(s, key, file)
        fails(s, key)
    except (TimeoutError, control.Gone, control.Refused, OSError, subprocess.SubprocessError, KeyError, IndexError) as e:
        ok(False, "lazaretd's self-check runs to its end", "%s: %s\n%s" % (type(e).__name__, e, s.log.read_text()[-2000:]))
    finally:
        stick.pull()
        if s.process and s.process.poll() is None:
            s.stop()


def bad(s, key, stick, file):
    """An invariant breaks while it runs: seen on demand, media wait, and go on when it is mended."""
    key.chmod(0o644)
    p = s.run("selfcheck")
    ok(p.returncode == 1 and "keys" in p.stdout and "0644" in p.stdout, "lazaret selfcheck asks lazaretd, and says what is bad", p)
    s.client.wait_for(lambda c: c.station["state"] == "stopped")
    trouble = s.client.station["trouble"]
    ok(trouble["code"] == "self-check" and trouble["detail"].startswith("keys: "), "stopped, and why", trouble)
    ok(s.client.station["selfcheck"]["wrong"][0]["sentence"] == "The station's keys are missing or not kept safe.", "in words for the console")
    last = records(s)[-1]
    ok(last["trigger"] == "asked" and last["stops"] and last["whole"] and last["wrong"][0]["name"] == "keys", "in the trail", last)
    until("metrics", lambda: value(exposition.parse(file.read_text()), "lazaret_selfcheck_bad", check="keys") == 1)
    m = exposition.parse(file.read_text())
    ok(value(m, "lazaret_station_trouble", code="self-check") == 1 and value(m, "lazaret_selfcheck_bad", check="trail") == 0, "in the metrics")
    p = s.run("status")
    ok(p.returncode == 1 and "TROUBLE" in p.stdout and "bad: keys" in p.stdout, "in lazaret status", p.stdout)
    stick.plug()
    m = s.client.wait_medium(lambda m: m["state"] == "queued")
    ok(m["queue"]["why"] == "station", "a medium waits", m)
    key.chmod(0o600)
    ok(s.run("selfcheck").returncode == 0, "mended")
    m = s.client.wait_medium(lambda m: m["state"] == "done")
    ok(m["outcome"] == "published" and s.client.station["trouble"] is None, "then the medium that waited is inspected", m)
    stick.pull()


def reloads(s, key):
    """What was bad because of what was in force is looked at again when something else is."""
    key.chmod(0o644)
    ok(s.run("selfcheck").returncode == 1, "something is bad")
    s.client.wait_for(lambda c: c.station["selfcheck"]["bad"] == 1)
    key.chmod(0o600)
    s.run("reload")
    s.client.wait_for(lambda c: c.station["selfcheck"]["bad"] == 0)
    last = records(s)[-1]
    ok(last["trigger"] == "reload" and last["whole"] and last["bad"] == 0, "after a reload it is looked at again, without being asked", last)
    number = len(records(s))
    s.run("reload")
    s.client.wait_for(lambda c: c.station["state"] == "ready")
    time.sleep(1)
    ok(len(records(s)) == number, "and not when nothing was wrong", records(s)[-1])


def warns(s, key, file):
    """selfcheck.on-bad: warn; at boot."""
    s.stop()
    s.configure("selfcheck:\n  on-bad: warn\nmetrics:\n  file: %s\n" % file)
    key.chmod(0o644)
    s.start().ready()
    told = s.client.station
    ok(told["selfcheck"]["bad"] == 1 and not told["selfcheck"]["stops"] and told["trouble"] is None, "on-bad: warn: told, and media are taken", told)
    s.stop()
    s.configure("metrics:\n  file: %s\n" % file)
    s.start()
    s.client.wait_for(lambda c: c.station["state"] == "stopped" and c.station["trouble"]["code"] == "self-check")
    ok(records(s)[-1]["stops"] is True and records(s)[-2]["stops"] is False, "on-bad: stop, at boot: no medium", records(s)[-2:])
    key.chmod(0o600)
    s.run("selfcheck")
    s.client.wait_for(lambda c: c.station["state"] == "ready")
    ok(True, "and mended")


def fails(s, key):
    """A self-check that cannot be made is no good one; neither is one that says nonsense, or never ends what it says."""
    real = s.bin / "lazaret-selfcheck"
    for name, script in (("dies", "exit 1"), ("says nonsense", "echo '{}'"), ("floods", "exec cat /dev/zero")):
        s.stop()
        shutil.copy(BIN / "lazaret-selfcheck", work / "saved")
        real.unlink()
        real.write_text("#!/bin/sh\n%s\n" % script)
        real.chmod(0o755)
        s.start()
        s.client.wait_for(lambda c: c.station["state"] == "stopped" and c.station["trouble"]["code"] == "self-check")
        told = s.client.station["selfcheck"]
        ok(told["failed"] and told["stops"] and "could not be looked at" in told["detail"], "one that %s" % name, told)
        ok("why" in records(s)[-1] and s.run("selfcheck").returncode == 2, "is recorded as none, and lazaret selfcheck says so", records(s)[-1])
        ok(s.run("metrics").stdout.count("lazaret_selfcheck_failed 1") == 1, "and in the metrics")
        real.unlink()
        shutil.copy(work / "saved", real)
        ok(s.run("selfcheck").returncode == 0, "the next one is good again")
        s.client.wait_for(lambda c: c.station["state"] == "ready")


def alone(work):
    """Without lazaretd the command records what it saw."""
    s = Recorded(work)
    s.end()
    s.run("selfcheck")
    lines = [json.loads(line) for line in (s.at / "audit" / "audit.jsonl").read_text().splitlines()]
    ok([r["body"]["trigger"] for r in lines if r["type"] == "self-check"] == ["command"], "lazaret selfcheck without lazaretd is recorded", lines)
    for words, text in (("on-bad", "on-bad: never"), ("interval", "interval: 1s"), ("often", "often: yes")):
        with open(s.at / "lazaret.yaml", "a+", encoding="utf-8") as f:
            size = f.tell()
            f.write("selfcheck:\n  %s\n" % text)
            f.flush()
            p = s.run("selfcheck")
            ok(p.returncode == 2 and words in p.stderr, "refused: %s" % text, p)
            f.truncate(size)


work = pathlib.Path(tempfile.mkdtemp(prefix="lazaret-selfcheck.", dir="/var/tmp"))
os.chmod(work, 0o755)
try:
    for test in (trial, user, unit, asked, keys, trail, clock, databases, disk, modules, network, alone, daemon):
        (work / test.__name__).mkdir()
        test(work / test.__name__)
finally:
    shutil.rmtree(work)
sys.exit(finish())
