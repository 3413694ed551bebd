#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""Update packs with a running daemon: sets are swapped under load, and no inspection is lost; a station whose memory holds one database
never has two. Needs root and loop devices."""
import hashlib
import json
import os
import pathlib
import subprocess
import sys
import threading
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import control  # noqa: E402
import station  # noqa: E402
from station import Station, Stick  # noqa: E402
from tap import EICAR, ok  # noqa: E402

INSPECTIONS = 24
SWAPS = 6


def prepare(s):
    s.out = s.at.parent / "out"
    s.out.mkdir()
    subprocess.run(["minisign", "-G", "-W", "-p", s.out / "u.pub", "-s", s.out / "u.key"], check=True, stdin=subprocess.DEVNULL,
                   stdout=subprocess.DEVNULL)
    r = s.run("key", "trust", s.out / "u.pub", "--name", "updates", "--for", "update", "--yes")
    assert r.returncode == 0, r.stderr
    return s


def make(s, version):
    path = s.out / ("site-%d.lazaret-pack" % version)
    database = s.at.parent / "db" / "eicar.hdb"
    more = s.out / ("more-%d.hdb" % version)
    more.write_text("%032x:%d:Site-%d\n" % (version, 100 + version, version))
    r = subprocess.run([s.bin / "lazaret", "pack", "make", "--name", "site", "--version", str(version), "--for", "any", "--database", database,
                        "--database", more, "--key", s.out / "u.key", "--out", path], capture_output=True, text=True, timeout=60)
    assert r.returncode == 0, r.stderr
    return path


def apply(s, version):
    path = make(s, version)
    return subprocess.run([s.bin / "lazaret", "-C", s.at, "update", "apply", path], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=300)


class Counting(threading.Thread):
    """The most examiners' parents (a database each) of this station that there were at a time."""

    def __init__(self, s):
        super().__init__(daemon=True)
        self.path, self.most, self.is_over = str(s.bin / "lazaret-examine"), 0, False

    def parents(self):
        found = {}
        for p in os.listdir("/proc"):
            try:
                if p.isdigit() and os.readlink("/proc/%s/exe" % p) == self.path:
                    with open("/proc/%s/stat" % p, encoding="utf-8", errors="replace") as f:
                        text = f.read()
                    found[p] = text[text.rindex(")") + 2:].split()[1]
            except OSError:
                continue
        return [p for p, parent in found.items() if parent not in found]

    def run(self):
        while not self.is_over:
            self.most = max(self.most, len(self.parents()))
            time.sleep(0.005)

    def end(self):
        self.is_over = True
        self.join()
        return self.most


def load(s, sticks, inspections, swaps):
    """Inspect the same media again and again while sets are swapped; reports of all that ended, in their order."""
    done, failed = {}, []

    def swap():
        for version in range(1, swaps + 1):
            r = apply(s, version)
            if r.returncode != 0:
                failed.append((version, r.returncode, r.stdout + r.stderr))
            # the next one comes when something was inspected with this one, however quick the machine is
            before, limit = len(done), time.monotonic() + 20
            while len(done) < before + 2 and time.monotonic() < limit:
                time.sleep(0.02)

    swapper = threading.Thread(target=swap)
    swapper.start()
    until = time.monotonic() + 240
    while (swapper.is_alive() or len(done) < inspections) and time.monotonic() < until:
        try:
            m = s.client.wait_medium(lambda m: m["state"] == "done" and m["medium"] not in done)
        except TimeoutError:
            break
        done[m["medium"]] = m
        if swapper.is_alive() or len(done) < inspections:
            s.client.ask("again", medium=m["medium"])
    swapper.join()
    return list(done.values()), failed


def judged(s, media):
    reports = [json.loads((s.at / "reports" / (m["transfer"] + ".json")).read_text()) for m in media]
    return sorted(reports, key=lambda r: r["started"])


def swap_under_load(work):
    s = prepare(Station(work, "swap", {"at-once": 2})).start().ready()
    files = {"f%03d.txt" % k: b"words %d\n" % k for k in range(60)}
    files["bad/eicar.com"] = EICAR
    sticks = [Stick(work, "swap%d" % k, files) for k in range(3)]
    counting = Counting(s)
    counting.start()
    try:
        for stick in sticks:
            stick.plug()
        media, failed = load(s, sticks, INSPECTIONS, SWAPS)
        most = counting.end()
        reports = judged(s, media)
        lost = [(m["medium"], m["outcome"], m["trouble"]) for m in media if m["outcome"] != "published" or not m["complete"]]
        wrong = [r["transfer"] for r in reports if r["counts"]["approved"] != 60 or r["counts"]["blocked"] != 1]
        versions = [next((x["version"] for x in r["station"]["sets"]), 0) for r in reports]
        ok(not failed, "%d packs applied while it inspects" % SWAPS, failed)
        ok(len(media) >= INSPECTIONS and not lost and not wrong, "%d inspections meanwhile, none lost, each complete" % len(media),
           (len(media), lost, wrong))
        ok(len(set(versions)) >= 3, "on %d different sets" % len(set(versions)), versions)
        s.client.wait_for(lambda c: any(x["version"] == SWAPS for x in c.station["sets"]) and c.station["state"] == "ready")
        s.client.wait_for(lambda c: all(m["state"] == "done" for m in c.media.values()))
        x = s.client.station["sets"][0]
        ok(x["kind"] == "database" and x["name"] == "site" and x["state"] == "ok" and 0 <= x["age_s"] < 3600, "the station tells its sets", x)
        ok(most >= 2, "two databases at a time, as configured", most)
        started = sum(t == "inspection-started" for t in s.types())
        kept = sum(t == "report" for t in s.types())
        ok(kept >= len(media) and started - kept <= SWAPS + 3, "each of them is in the trail", (started, kept, len(media)))
        ok(s.types().count("update-applied") == SWAPS and s.run("audit", "verify").returncode == 0, "and each pack; the trail verifies")
        until = time.monotonic() + 20
        while len(counting.parents()) != 1 and time.monotonic() < until:
            time.sleep(0.05)
        ok(len(counting.parents()) == 1, "old examiners have ended", counting.parents())
    finally:
        counting.is_over = True
        for stick in sticks:
            stick.pull()
        s.stop()


def offered(work):
    s = prepare(Station(work, "offered")).start().ready()
    path = make(s, 9)
    stick = Stick(work, "offered-stick", {path.name: path.read_bytes(), path.name + ".minisig": (path.parent / (path.name + ".minisig")).read_bytes()})
    try:
        ok(s.client.station["offers"] == [], "nothing is offered")
        stick.plug()
        m = s.client.wait_medium(lambda m: m["state"] == "done")
        s.client.wait_for(lambda c: c.station["offers"])
        ok(s.client.station["offers"] == [{"pack": path.name, "sha256": hashlib.sha256(path.read_bytes()).hexdigest(), "name": "site", "version": 9,
                                           "from": m["transfer"], "trouble": None}],
           "a pack on a medium is offered", s.client.station["offers"])
        r = s.run("update", "apply", path.name)
        ok(r.returncode == 0, "and applied", r.stdout + r.stderr)
        s.client.wait_for(lambda c: c.station["offers"] == [] and [x["version"] for x in c.station["sets"]] == [9])
        ok(True, "then it is in force, and offered no more")
    finally:
        stick.pull()
        s.stop()


def one_database(work):
    s = prepare(Station(work, "one", {"at-once": 2}))
    yaml = (s.at / "lazaret.yaml").read_text()
    (s.at / "lazaret.yaml").write_text(yaml.replace("database:\n", "database:\n  at-once: 1\n"))
    s.start().ready()
    files = {"f%03d.txt" % k: b"words %d\n" % k for k in range(60)}
    sticks = [Stick(work, "one%d" % k, files) for k in range(2)]
    counting = Counting(s)
    counting.start()
    try:
        for stick in sticks:
            stick.plug()
        media, failed = load(s, sticks, 8, 3)
        told = [e["state"] for e in s.client.seen if e["event"] == "station"]
        s.client.wait_for(lambda c: any(x["version"] == 3 for x in c.station["sets"]) and c.station["state"] == "ready")
        lost = [(m["medium"], m["outcome"], m["trouble"]) for m in media if m["outcome"] != "published" or not m["complete"]]
        ok(not failed and len(media) >= 8 and not lost, "at-once: 1: 3 packs, %d inspections, none lost" % len(media), (failed, len(media), lost))
        most = counting.end()
        ok(most == 1, "and never two databases at a time", most)
        ok("starting" in told, "meanwhile the station is starting", sorted(set(told)))
        # rules that cannot be loaded do not cost the database
        rules = s.at / "rules.yaml"
        good = rules.read_text()
        rules.write_text("format: nonsense\n")
        s.client.ask("reload")
        s.client.wait_for(lambda c: c.station["reload"] and not c.station["reload"]["ok"])
        ok(s.client.station["state"] == "ready", "a broken rule file does not cost the station its database", s.client.station)
        rules.write_text(good)
        # an update that dies while the station rests: what was in force is, or what was recorded before; whoever kills it decides which
        died, wrong = 0, []
        for version in range(4, 10):
            before = [x["version"] for x in s.client.station["sets"]]
            path = make(s, version)
            resting = counting.parents()
            p = subprocess.Popen([s.bin / "lazaret", "-C", s.at, "update", "apply", path], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                 stderr=subprocess.DEVNULL, start_new_session=True)
            until = time.monotonic() + 60
            while p.poll() is None and (not counting.parents() or counting.parents() == resting) and time.monotonic() < until:
                pass  # until the only database is the update's own, which it tries
            try:
                os.killpg(p.pid, 9)
            except ProcessLookupError:
                pass  # the last of it has ended
            p.wait()
            s.client.wait_for(lambda c: c.station["state"] == "ready" and counting.parents())
            now = [(x["version"], x["state"]) for x in s.client.station["sets"]]
            recorded = [r["body"]["version"] for r in s.records() if r["type"] == "update-applied"]
            died += now == [(v, "ok") for v in before]
            if not (now == [(v, "ok") for v in before] or (now == [(version, "ok")] and recorded[-1:] == [version])):
                wrong.append((before, now, recorded))
            if died:
                break
        ok(died and not wrong, "an update that dies: the station loads what it had", (died, wrong))
    except control.Refused as e:
        ok(False, "at-once: 1", e)
    finally:
        counting.is_over = True
        for stick in sticks:
            stick.pull()
        s.stop()


if __name__ == "__main__":
    sys.exit(station.main((swap_under_load, offered, one_database), sys.argv[1:]))
