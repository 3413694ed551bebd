#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""What lazaretd tells is so, at moments at which it is easy to be wrong: a medium that has gone when its inspection begins, a
cancelled inspection that has read everything, a reload within a reload, an old database, no room, nobody to see what is
plugged in. Needs root and loop devices."""
import json
import os
import signal
import subprocess
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import station  # noqa: E402
from station import MIB, Station, Stick  # noqa: E402
from tap import ok, skip  # noqa: E402

MANY = {"f%04d.txt" % k: b"x" * 100 for k in range(3000)}


def until(predicate, deadline_s=120):
    end = time.monotonic() + deadline_s
    while not (value := predicate()) and time.monotonic() < end:
        time.sleep(0.005)
    return value


def inspections(s):
    """Process ids of inspections that run: of forks of the daemon, those with children."""
    def has_children(p):
        try:
            return any(open("/proc/%d/task/%d/children" % (p, p)).read().split())
        except OSError:
            return False
    return [p for p in s.children("lazaretd") if p != s.process.pid and has_children(p)]


class Held:
    """Instead of a program of the station: one that does nothing, and ends when it is let go."""

    def __init__(self, s, name, work):
        self.path, self.real, self.fifo = s.bin / name, s.bin / (name + ".real"), work / (name + ".fifo")
        self.path.rename(self.real)
        os.mkfifo(self.fifo)
        self.path.write_text("#!/bin/sh\nread x < %s\n" % self.fifo)
        self.path.chmod(0o755)

    def wait(self):
        """Until somebody has started it."""
        self.end = None

        def opened():
            try:
                self.end = os.open(self.fifo, os.O_WRONLY | os.O_NONBLOCK)
            except OSError:  # nobody reads it yet
                pass
            return self.end is not None
        if not until(opened):
            raise TimeoutError("%s was not started" % self.path.name)
        return self

    def put_back(self):
        self.path.unlink()
        self.real.rename(self.path)
        return self

    def let_go(self):
        os.close(self.end)


def pulled_as_it_begins(work):
    """The medium has gone when its inspection is forked: the signal finds nobody who listens yet."""
    s = Station(work, "pulled").start().ready()
    stick = Stick(work, "pulled-stick", {"a.txt": b"hello\n"})
    try:
        os.kill(s.process.pid, signal.SIGSTOP)
        stick.plug()
        time.sleep(1)  # longer than a disk has to be quiet before it is told (devices/limits.h)
        stick.pull()
        time.sleep(0.5)
        os.kill(s.process.pid, signal.SIGCONT)
        m = s.client.wait_medium(lambda m: m["state"] == "done")
        ok(m["outcome"] == "aborted" and m["trouble"]["code"] == "removed" and m["transfer"], "gone as it begins: told as removed", m)
        ok("died" not in s.log.read_text(), "its inspection ends by itself", s.log.read_text())
    finally:
        stick.pull()
        s.stop()


def hangup_to_all(work):
    """`pkill -HUP lazaretd` reaches the inspections, too: they go on."""
    s = Station(work, "hangup").start().ready()
    stick = Stick(work, "hangup-stick", MANY).plug()
    try:
        m = s.client.wait_medium(lambda m: m["progress"]["files_read"] > 10)
        found = inspections(s)
        for p in [s.process.pid] + found:
            os.kill(p, signal.SIGHUP)
        m = s.client.wait_state(m["medium"], "done")
        ok(len(found) == 1 and m["outcome"] == "published", "SIGHUP to all of lazaretd: the inspection goes on", (found, m))
        s.client.wait_for(lambda c: c.station["reload"])
        ok(s.client.station["reload"]["ok"], "and the station has been reloaded")
    finally:
        stick.pull()
        s.stop()


def cancelled_when_read(work):
    """Cancelled while the transfer is being made: the answer said that nothing will be published."""
    s = Station(work, "late").start().ready()
    stick = Stick(work, "late-stick", MANY).plug()
    try:
        m = s.client.wait_medium(lambda m: m["state"] == "publishing")
        transfer = s.at / "staging" / (".incoming-" + m["transfer"]) / "files"
        until(lambda: transfer.exists() and any(transfer.iterdir()))
        publishers = s.children("lazaret-publish")
        for p in publishers:
            os.kill(p, signal.SIGSTOP)
        s.client.ask("cancel", medium=m["medium"])
        for p in publishers:
            os.kill(p, signal.SIGCONT)
        m = s.client.wait_state(m["medium"], "done")
        ok(m["outcome"] == "aborted" and m["trouble"]["code"] == "cancelled" and not s.staged(), "cancelled while publishing: nothing is", m)
    finally:
        stick.pull()
        s.stop()
    ok("aborted" in [r["body"].get("outcome") for r in s.records() if r["type"] == "inspection-concluded"], "the trail says so, too")


def reload_within_reload(work):
    """The officer puts right what is being loaded, and reloads before that has failed."""
    s = Station(work, "within").start().ready()
    old, rules = s.client.station["policy_sha256"], s.at / "rules.yaml"
    examine = Held(s, "lazaret-examine", work)
    try:
        s.process.send_signal(signal.SIGHUP)
        examine.wait().put_back()
        rules.write_text(rules.read_text() + "\n# another byte\n")
        s.client.ask("reload")
        examine.let_go()
        s.client.wait_for(lambda c: c.station["reload"] and c.station["reload"]["ok"])
        ok(s.client.station["policy_sha256"] != old, "the second reload is not lost with the first", s.client.station)
    finally:
        s.stop()


def old_database(work):
    s = Station(work, "old")
    s.original = s.original.replace("database:\n", "database:\n  warn-age: 1s\n  stop-age: 2s\n", 1)
    s.configure()
    for path in (work / "old" / "db").iterdir():
        os.utime(path, (time.time() - 3600, time.time() - 3600))
    s.start().ready()
    stick = Stick(work, "old-stick", {"a.txt": b"hello\n"}).plug()
    try:
        first = next(e for e in s.client.seen if e["event"] == "station" and e["state"] == "ready")
        ok(first["trouble"] and first["trouble"]["code"] == "database-stale", "an old database is told from the first", first)
        m = s.client.wait_medium(lambda m: m["state"] == "done")
        ok(m["outcome"] == "refused" and m["trouble"]["code"] == "database-stale" and m["complete"],
           "and is why nothing was approved: the medium was read whole", m)
    finally:
        stick.pull()
        s.stop()


def little_room(work):
    """Room for a transfer, but not for this one."""
    disk = work / "little-room"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "none", disk], check=True)
    try:
        s = Station(work, "little", extra="staging:\n  directory: %s\n  min-free: 20MiB\n" % disk).start().ready()
        stick = Stick(work, "little-stick", {"a.txt": b"hello\n" * (8 * MIB // 6)}).plug()
        try:
            m = s.client.wait_medium(lambda m: m["state"] == "done")
            ok(m["outcome"] == "aborted" and m["trouble"]["code"] == "staging-full", "no room for it in staging: told so", m)
        finally:
            stick.pull()
            s.stop()
    finally:
        subprocess.run(["umount", "--lazy", disk], check=True)


def blind(work):
    """Nobody can see what is plugged in: no medium would be taken, so the station is not ready."""
    s = Station(work, "blind").start().ready()
    stick = Stick(work, "blind-stick", MANY).plug()
    devices, away = s.bin / "lazaret-devices", s.bin / "away"
    try:
        m = s.client.wait_medium(lambda m: m["progress"]["files_read"] > 10)
        victims = s.children("lazaret-devices")
        devices.rename(away)
        s.kill(victims)
        m = s.client.wait_state(m["medium"], "done")
        ok(m["outcome"] == "aborted" and m["trouble"]["code"] == "internal" and "sight" in m["trouble"]["detail"],
           "out of sight while it is read: no operator stopped it", m)
        s.client.wait_for(lambda c: c.station["state"] == "stopped")
        ok(s.client.station["trouble"]["code"] == "internal", "the station is not ready", s.client.station)
        until(lambda: s.log.read_text().count("started anew") > 2)
        ok(s.types().count("devices-lost") == 1, "the trail does not fill with tries", s.types())
        away.rename(devices)
        s.client.wait_for(lambda c: c.station["state"] == "ready")
        n = s.client.wait_medium(lambda n: n["medium"] != m["medium"] and n["state"] == "done")
        ok(n["outcome"] == "published", "seen again: inspected, ready", n)
        s.client.ask("dismiss", medium=n["medium"])
        s.client.wait_for(lambda c: c.media[n["medium"]]["seen"])
        s.kill(s.children("lazaret-devices"))
        s.client.wait_medium(lambda o: o["medium"] > n["medium"] and o["state"] == "done")
        ok(n["medium"] not in s.client.media, "what was dismissed is not listed twice", s.client.media)
    finally:
        stick.pull()
        s.stop()
    why = [r["body"]["why"] for r in s.records() if r["type"] == "inspection-concluded"]
    ok("operator" not in why[0], "nor does the trail name the operator", why)


def answered_twice(work):
    """Two answers to one question, before the inspection has taken the first: the second must not skip the next volume."""
    s = Station(work, "twice").start().ready()
    image = work / "twice.img"
    with open(image, "wb") as f:
        f.truncate(80 * MIB)
    subprocess.run(["sfdisk", "-q", image], input="label: gpt\nsize=32MiB\nsize=32MiB\n", text=True, check=True, capture_output=True)
    for at in (1, 33):
        locked = work / ("locked%d" % at)
        with open(locked, "wb") as f:
            f.truncate(32 * MIB)
        subprocess.run(["cryptsetup", "luksFormat", "-q", "--type", "luks1", "--pbkdf-force-iterations", "1000", "--key-file", "-", locked],
                       input=b"secret", check=True)
        subprocess.run(["dd", "if=%s" % locked, "of=%s" % image, "bs=1M", "seek=%d" % at, "conv=notrunc", "status=none"], check=True)
    node = subprocess.run(["losetup", "--find", "--show", image], check=True, capture_output=True, text=True).stdout.strip()
    try:
        m = s.client.wait_medium(lambda m: m["state"] in ("locked", "done"))
        if m["state"] == "done":
            skip("one answer a question", "no passphrase is asked for here: %s" % m["volumes"][0]["detail"])
            return
        first = m["locked"]["volume"]
        children = [p for p in s.children("lazaretd") if p != s.process.pid]
        for p in children:
            os.kill(p, signal.SIGSTOP)
        a, b = (s.client.send("unlock", medium=m["medium"], volume=first, skip=True) for _ in range(2))
        s.client.wait_for(lambda c: a in c.answers and b in c.answers)
        for p in children:
            os.kill(p, signal.SIGCONT)
        ok(s.client.answers[a]["ok"] and s.client.answers[b].get("error", {}).get("code") == "not-now", "one answer a question",
           (s.client.answers[a], s.client.answers[b]))
        m = s.client.wait_medium(lambda m: m["state"] == "done" or (m["state"] == "locked" and m["locked"]["volume"] != first))
        ok(m["state"] == "locked", "the other volume is asked for", m)
    finally:
        subprocess.run(["losetup", "--detach", node], check=True)
        s.stop()


def records_that_hang(work):
    """A role that never becomes ready: the question is refused, and the next one is answered by another."""
    s = Station(work, "hang").start().ready()
    held = Held(s, "lazaret-records", work)
    try:
        number = s.client.send("transfers", limit=10, before=None, search=None)
        held.wait()
        s.client.wait_for(lambda c: number in c.answers, 90)
        answer = s.client.answers.pop(number)
        ok(not answer["ok"] and answer["error"]["code"] == "unavailable", "records that do not come up: refused in time", answer)
        held.put_back().let_go()
        ok(s.client.ask("transfers", limit=10, before=None, search=None)["transfers"] == [], "and asked again: answered")
    finally:
        s.stop()


if __name__ == "__main__":
    sys.exit(station.main((pulled_as_it_begins, hangup_to_all, cancelled_when_read, reload_within_reload, old_database, little_room,
                           blind, answered_twice, records_that_hang), sys.argv[1:]))
