#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""The daemon with real kernel events and loop devices: what is attached is inspected by itself; removal, cancelling, reloading,
crashes of each part, a full queue, an end in the middle. Needs root and loop devices."""
import contextlib
import json
import os
import pathlib
import signal
import sqlite3
import subprocess
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import control  # noqa: E402
import station  # noqa: E402
from station import Station, Stick  # noqa: E402
from tap import EICAR, ok  # noqa: E402


def plain(work):
    """Plugged in, inspected, published, taken out, dismissed: nobody typed anything."""
    s = Station(work, "plain").start().ready()
    stick = Stick(work, "plain-stick", {"a.txt": b"hello\n", "bad/eicar.com": EICAR}).plug()
    try:
        m = s.client.wait_medium(lambda m: m["state"] == "done")
        ok(m["outcome"] == "published" and m["counts"]["approved"] == 1 and m["counts"]["blocked"] == 1, "plugged in: inspected", m)
        ok(s.staged() == [m["transfer"]] and m["trouble"] is None and m["complete"], "the transfer is in staging", (s.staged(), m))
        ok(m["found"] == 1 and m["findings"][0]["path"] == "bad/eicar.com" and m["findings"][0]["code"] == "malware",
           "the finding is shown", m["findings"])
        ok(m["removable"] and m["removable_at"] and m["present"], "it may be taken out", m)
        states = [e["state"] for e in s.client.seen if e["event"] == "medium"]
        order = ["queued", "opening", "reading", "examining", "checking", "publishing", "done"]
        ok(states == sorted(states, key=order.index), "states come in their order", states)
        stick.pull()
        s.client.wait_for(lambda c: not c.media[m["medium"]]["present"])
        ok(True, "taken out: still listed, with its result")
        try:
            s.client.ask("cancel", medium=m["medium"])
            ok(False, "what has ended cannot be cancelled")
        except control.Refused as e:
            ok(e.code == "not-now", "what has ended cannot be cancelled", e)
        s.client.ask("dismiss", medium=m["medium"])
        s.client.wait_for(lambda c: m["medium"] in c.gone)
        ok(True, "dismissed")
        t = s.types()
        ok([x for x in t if x.startswith(("medium", "station"))] == ["station-ready", "medium-arrived", "medium-removed"],
           "the trail has its coming and going", t)
        started = next(r for r in s.records() if r["type"] == "inspection-started")
        ok(started["body"]["port"] and started["body"]["source"].startswith("/dev/loop"), "and where it was plugged in", started)
        page = s.client.ask("files", transfer=m["transfer"], filter="all", search=None, offset=0, limit=10)
        ok(page["total"] == 2 and page["files"][0]["code"] == "malware", "its files can be asked for, problems first", page)
    finally:
        stick.pull()
    ok(s.stop() == 0 and s.types()[-1] == "station-stopped" and not s.spooled(), "ends in good order", s.log.read_text())
    ok(s.run("audit", "verify").returncode == 0, "the trail verifies")


def remembered(s):
    """What was found is kept when the medium has been told done already."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        with contextlib.suppress(sqlite3.Error), contextlib.closing(sqlite3.connect("file:%s?mode=ro" % (s.at / "history" / "findings.sqlite"), uri=True)) as db:
            if db.execute("SELECT count(*) FROM findings").fetchone()[0]:
                return
        time.sleep(0.1)


def cold_start(work):
    """Media that are in when the daemon starts."""
    s, stick = Station(work, "cold", extra="\nremember:\n  again: 1000000\n"), Stick(work, "cold-stick", {"a.txt": b"hello\n"}).plug()
    try:
        s.start()
        m = s.client.wait_medium(lambda m: m["state"] == "done")
        ok(m["outcome"] == "published", "in at the start: inspected", m)
        remembered(s)
        s.client.ask("again", medium=m["medium"])
        n = s.client.wait_medium(lambda n: n["medium"] != m["medium"] and n["state"] == "done")
        ok(n["outcome"] == "published" and m["medium"] in s.client.gone, "once more, as a new medium", n)
        told = [r["body"]["recalled"] for r in s.records() if r["type"] == "inspection-concluded"]
        ok(told == [0, 1] and n["progress"]["files_examined"] == 1, "and what is in it need not be examined again", (told, n))
    finally:
        stick.pull()
        s.stop()


def queue(work):
    """Two at a time; the third waits, and says for what. A queued one that is taken out leaves its trace."""
    s = Station(work, "queue", {"at-once": 1}).start().ready()
    big = {"f%04d.txt" % k: b"x" * 100 for k in range(1500)}
    one, two, three = (Stick(work, "queue%d" % k, files) for k, files in enumerate([big, {"b.txt": b"words\n"}, {"c.txt": b"words\n"}]))
    try:
        one.plug()
        first = s.client.wait_medium(lambda m: m["state"] == "reading")
        two.plug()
        second = s.client.wait_medium(lambda m: m["medium"] != first["medium"] and m["state"] == "queued")
        ok(second["queue"] == {"position": 1, "why": "turn"}, "the second waits for its turn", second["queue"])
        three.plug()
        third = s.client.wait_medium(lambda m: m["medium"] not in (first["medium"], second["medium"]) and m["state"] == "queued")
        ok(third["queue"]["position"] == 2, "the third behind it", third["queue"])
        three.pull()
        s.client.wait_for(lambda c: third["medium"] in c.gone)
        ok(s.types().count("medium-removed") == 1, "taken out while it waits: in the trail")
        done = s.client.wait_state(second["medium"], "done")
        ok(done["outcome"] == "published" and s.client.media[first["medium"]]["state"] == "done", "each in its turn", done)
    finally:
        for stick in (one, two, three):
            stick.pull()
        s.stop()


def cancel(work):
    s = Station(work, "cancel").start().ready()
    stick = Stick(work, "cancel-stick", {"f%04d.txt" % k: b"x" * 100 for k in range(3000)}).plug()
    try:
        m = s.client.wait_medium(lambda m: m["progress"]["files_read"] > 10)
        s.client.ask("cancel", medium=m["medium"])
        m = s.client.wait_state(m["medium"], "done")
        ok(m["outcome"] == "aborted" and m["trouble"]["code"] == "cancelled" and not s.staged(), "cancelled: nothing published", m)
        ok((s.at / "reports" / (m["transfer"] + ".json")).exists(), "its report is kept")
    finally:
        stick.pull()
        s.stop()


def crashes(work):
    """Each process but the daemon may die at any time."""
    s = Station(work, "crash").start().ready()
    many = {"f%04d.txt" % k: b"x" * 100 for k in range(3000)}
    stick = Stick(work, "crash-stick", many).plug()
    try:
        m = s.client.wait_medium(lambda m: m["progress"]["files_read"] > 10)
        child = [p for p in s.children("lazaretd") if p != s.process.pid and
                 any(int(t) for t in pathlib.Path(f"/proc/{p}/task/{p}/children").read_text().split())]
        for p in child:
            os.kill(p, signal.SIGKILL)
        m = s.client.wait_state(m["medium"], "done")
        ok(len(child) == 1 and m["outcome"] == "aborted" and m["trouble"]["code"] == "internal", "inspection killed: told", (child, m))
        report = s.at / "reports" / (m["transfer"] + ".json")
        until = time.monotonic() + 30
        while not report.exists() and time.monotonic() < until:
            time.sleep(0.05)
        ok(report.exists() and json.loads(report.read_text())["outcome"] == "aborted", "and recorded")

        # That it was not ready meanwhile is told to whoever listens in that moment: with small databases it is a tenth of a second.
        examiners, anew = s.role("lazaret-examine"), s.types().count("station-reloaded") + 1
        os.kill(examiners, signal.SIGKILL)
        s.client.wait_for(lambda c: c.station["state"] == "ready" and s.types().count("station-reloaded") == anew)
        ok(s.role("lazaret-examine") != examiners, "examiners' parent killed: another one is there")
        s.client.ask("again", medium=m["medium"])
        n = s.client.wait_medium(lambda n: n["medium"] != m["medium"] and n["state"] == "done")
        ok(n["outcome"] == "published", "examiners' parent killed: started anew, and the next inspection passes", n)

        before = len(s.client.media)
        os.kill(s.role("lazaret-devices"), signal.SIGKILL)
        o = s.client.wait_medium(lambda o: o["medium"] > n["medium"] and o["state"] == "done")
        ok("devices-lost" in s.types() and o["present"] and before == 1, "devices role killed: started anew, media found again", o)

        told = len(s.client.seen)
        os.kill(s.role("lazaret-ledger"), signal.SIGKILL)
        stick.pull()
        s.client.wait_for(lambda c: any(e["event"] == "station" and (e["trouble"] or {}).get("code") == "trail" for e in c.seen[told:]))
        s.client.wait_for(lambda c: c.station["state"] == "ready")
        ok(True, "ledger killed: nothing accepted until it writes again")
        stick.plug()
        p = s.client.wait_medium(lambda p: p["medium"] > o["medium"] and p["state"] == "done")
        ok(p["outcome"] == "published", "then all goes on", p)
        ok(s.run("audit", "verify").returncode == 0, "the trail verifies")
    finally:
        stick.pull()
        s.stop()


def daemon_killed(work):
    """SIGKILL in the middle: all of it dies, the next start tells and begins again."""
    s = Station(work, "killed").start().ready()
    stick = Stick(work, "killed-stick", {"f%04d.txt" % k: b"x" * 100 for k in range(2000)}).plug()
    try:
        m = s.client.wait_medium(lambda m: m["progress"]["files_read"] > 10)
        s.stop(signal.SIGKILL)
        until = time.monotonic() + 20
        names = ["lazaretd"] + ["lazaret-" + r for r in ("vault", "intake", "reader", "examine", "ledger", "origin", "devices")]
        while any(s.children(n) for n in names) and time.monotonic() < until:
            time.sleep(0.05)
        ok(not any(s.children(n) for n in names), "nothing of it lives on", {n: s.children(n) for n in names})
        s.start()
        n = s.client.wait_medium(lambda n: n["state"] == "done")
        report = json.loads((s.at / "reports" / (m["transfer"] + ".json")).read_text())
        ok(report["outcome"] == "aborted" and n["outcome"] == "published" and s.staged() == [n["transfer"]],
           "the cut one is recorded as aborted, and the medium is inspected again", n)
    finally:
        stick.pull()
        s.stop()


def stopped(work):
    """SIGTERM in the middle: aborted, with its report, before the daemon ends."""
    s = Station(work, "stopped").start().ready()
    stick = Stick(work, "stopped-stick", {"f%04d.txt" % k: b"x" * 100 for k in range(3000)}).plug()
    try:
        m = s.client.wait_medium(lambda m: m["progress"]["files_read"] > 10)
        ok(s.stop() == 0, "stopped in the middle: ends with 0", s.log.read_text())
        report = s.at / "reports" / (m["transfer"] + ".json")
        ok(report.exists() and json.loads(report.read_text())["outcome"] == "aborted" and not s.spooled(), "and a report", s.spooled())
    finally:
        stick.pull()


def reload(work):
    """New rules while an inspection runs: it ends by the rules that it began with; a broken set changes nothing."""
    s = Station(work, "reload").start().ready()
    stick = Stick(work, "reload-stick", {"f%04d.txt" % k: b"x" * 100 for k in range(3000)}).plug()
    try:
        old = s.client.station["policy_sha256"]
        m = s.client.wait_medium(lambda m: m["progress"]["files_read"] > 10)
        rules = s.at / "rules.yaml"
        good = rules.read_text()
        rules.write_text(good + "\n# another byte\n")
        s.process.send_signal(signal.SIGHUP)
        s.client.wait_for(lambda c: c.station.get("policy_sha256") != old and c.station["reload"]["ok"])
        ok(s.client.station["state"] == "ready", "reloaded while it inspects")
        new_hash = s.client.station["policy_sha256"]
        m = s.client.wait_state(m["medium"], "done")
        report = json.loads((s.at / "reports" / (m["transfer"] + ".json")).read_text())
        ok(m["outcome"] == "published" and report["station"]["policy_sha256"] == old, "the inspection kept its rules", m)
        line = (s.at / "keys" / "manifest.pub").read_text().splitlines()[1]
        ok(s.client.station["manifest_key"] == line, "the key of its transfers is told", s.client.station)
        alone = work / "told.pub"
        alone.write_text(s.client.station["manifest_key"])
        published = [p for p in (s.at / "staging").iterdir() if not p.name.startswith(".")]
        done = subprocess.run([s.bin / "lazaret-verify", "--key", alone, *published], capture_output=True, text=True, check=False)
        ok(published and done.returncode == 0, "and verifies them", done.stdout + done.stderr)
        until = time.monotonic() + 20
        while len(s.children("lazaret-examine")) != 1 and time.monotonic() < until:
            time.sleep(0.05)
        parents = [p for p in s.children("lazaret-examine")]
        ok(len(parents) == 1, "the old examiners have ended", parents)
        rules.write_text("format: nonsense\n")
        s.client.ask("reload")
        s.client.wait_for(lambda c: c.station["reload"] and not c.station["reload"]["ok"])
        ok(s.client.station["state"] == "ready" and s.client.station["policy_sha256"] == new_hash and
           "rules.yaml" in s.client.station["reload"]["text"], "a broken set changes nothing, and is told", s.client.station)
        s.client.ask("again", medium=m["medium"])
        n = s.client.wait_medium(lambda n: n["medium"] != m["medium"] and n["state"] == "done")
        ok(n["outcome"] == "published", "and the station goes on", n)
        ok("reload-failed" in s.types() and "station-reloaded" in s.types(), "both are in the trail", s.types())
    finally:
        stick.pull()
        s.stop()


def broken(work):
    """A station that cannot start says why to whoever asks, and starts when it can."""
    s = Station(work, "broken")
    good = (s.at / "lazaret.yaml").read_text()
    (s.at / "lazaret.yaml").write_text(good + "\nnonsense: true\n")
    s.start()
    s.client.wait_for(lambda c: c.station["state"] == "stopped")
    t = s.client.station["trouble"]
    ok(t["code"] == "configuration" and "nonsense" in t["detail"], "configuration: named", t)
    (s.at / "lazaret.yaml").write_text(good)
    s.client.ask("reload")
    s.client.wait_for(lambda c: c.station["state"] == "ready")
    ok(True, "put right and reloaded: ready")
    other = subprocess.run([s.bin / "lazaretd", "-C", s.at], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30)
    ok(other.returncode != 0 and "another lazaretd" in other.stderr, "a second daemon for the same station is refused", other.stderr)
    s.stop()


def full_staging(work):
    s = Station(work, "full", extra="staging:\n  min-free: 1000TiB\n").start().ready()
    stick = Stick(work, "full-stick", {"a.txt": b"hello\n"}).plug()
    try:
        m = s.client.wait_medium(lambda m: m["state"] == "queued")
        ok(m["queue"]["why"] == "staging-full" and s.client.station["trouble"]["code"] == "staging-full", "staging full: waits", m)
        s.configure()
        s.client.ask("reload")
        m = s.client.wait_state(m["medium"], "done")
        ok(m["outcome"] == "published", "room was made: goes on by itself", m)
    finally:
        stick.pull()
        s.stop()


def full_records(work):
    """No medium is begun with hardly any room for its records; early, that is only said."""
    s = Station(work, "records", extra="records:\n  warn-free: 1000TiB\n")
    reports = s.at / "reports"
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", reports], check=True)
    stick = None
    try:
        s.start().ready()
        told = s.client.station["trail"]
        ok(told["state"] == "full" and told["records"] >= 2 and told["bytes"] > 500, "8 MiB for the reports: full", told)
        stick = Stick(work, "records-stick", {"a.txt": b"hello\n"}).plug()
        m = s.client.wait_medium(lambda m: m["state"] == "queued")
        t = s.client.station["trouble"]
        ok(m["queue"]["why"] == "station" and t["code"] == "trail" and "room" in t["detail"], "and a medium waits", (m["queue"], t))
        subprocess.run(["mount", "-o", "remount,size=64m", reports], check=True)
        m = s.client.wait_state(m["medium"], "done")
        s.client.wait_for(lambda c: c.station["trail"]["state"] == "low")
        ok(m["outcome"] == "published" and s.client.station["trouble"] is None, "room was made: goes on by itself, and still warns", m)
    finally:
        if stick:
            stick.pull()
        s.stop()
        subprocess.run(["umount", reports], check=True)


def named(work):
    s = Station(work, "named", extra="operators: named\n").start().ready()
    stick = Stick(work, "named-stick", {"a.txt": b"hello\n"}).plug()
    try:
        m = s.client.wait_medium(lambda m: m["state"] == "identify")
        for bad in ("", "   ", "x" * 200):
            try:
                s.client.ask("identify", medium=m["medium"], operator=bad, reason="")
                ok(False, "no name: refused")
            except control.Refused as e:
                ok(e.code == "bad-request", "not a name: %r" % bad[:5], e)
        s.client.ask("identify", medium=m["medium"], operator="Ada \x1b[31m", reason="ticket 7")
        m = s.client.wait_state(m["medium"], "done")
        report = json.loads((s.at / "reports" / (m["transfer"] + ".json")).read_text())
        ok(report["operator"] == "Ada \\x1b[31m" and report["reason"] == "ticket 7", "who brings it is in the report, escaped",
           (report["operator"], report["reason"]))
    finally:
        stick.pull()
        s.stop()


if __name__ == "__main__":
    sys.exit(station.main((plain, cold_start, queue, cancel, crashes, daemon_killed, stopped, reload, broken, full_staging, full_records, named),
                          sys.argv[1:]))
