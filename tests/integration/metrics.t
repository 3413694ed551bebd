#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""lazaret metrics, and the file that lazaretd writes for Prometheus' textfile collector: what is in it, that it is replaced and not
rewritten, that its counters live on when lazaretd is restarted. What Prometheus itself says of it: monitoring.t."""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import control  # noqa: E402
import exposition  # noqa: E402
from exposition import value  # noqa: E402
from recorded import DAY, NOVEMBER, Recorded  # noqa: E402
from station import Station, Stick  # noqa: E402
from tap import EICAR, ROOT, finish, ok, skip  # noqa: E402


def read(text, name):
    try:
        return exposition.parse(text)
    except ValueError as e:
        ok(False, name, "%s\n%s" % (e, text))
        return {}


def from_directory(work):
    s = Recorded(work)
    p = s.run("metrics")
    m = read(p.stdout, "the text format")
    ok(p.returncode == 0 and value(m, "lazaret_up") == 0 and value(m, "lazaret_inspections_total", outcome="published") == 0,
       "before anything was recorded", p)
    ok(value(m, "lazaret_database_age_seconds", name="eicar.hdb") is not None and value(m, "lazaret_database_state", state="ok") == 1,
       "ages of the databases' files", m.get("lazaret_database_age_seconds"))
    ok("lazaret_media" not in m and "lazaret_database_signatures" not in m and "lazaret_members_examined_total" not in m,
       "nothing is told that is not known", sorted(m))
    s.transfer("T-1", [("a", "approved"), ("b", "blocked"), ("c", "held", "encrypted"), ("d", "blocked", "scanner-crashed")],
               finished=NOVEMBER + 100)
    s.transfer("T-2", [], outcome="aborted", medium={"kind": "optical"}, started=NOVEMBER, finished=NOVEMBER + DAY)
    s.transfer("T-3", [("a", "approved")], medium={"kind": "image"}, finished=NOVEMBER + 50)
    s.transfer("T-4", [("a", "held", "nonsense")], medium={"kind": "weird"}, outcome="odd")
    s.append("device-refused", {"port": "1-2"})
    ok(s.end() == 0, "the ledger ended well")
    p = s.run("metrics")
    m = read(p.stdout, "the text format, with counters")
    for want, name, labels in [
            (2, "lazaret_inspections_total", {"outcome": "published"}), (2, "lazaret_inspections_total", {"outcome": "aborted"}),
            (0, "lazaret_inspections_total", {"outcome": "refused"}), (1, "lazaret_media_total", {"kind": "device"}),
            (1, "lazaret_media_total", {"kind": "optical"}), (1, "lazaret_media_total", {"kind": "other"}),
            (2, "lazaret_files_total", {"verdict": "approved"}), (2, "lazaret_files_total", {"verdict": "held"}),
            (2, "lazaret_files_total", {"verdict": "blocked"}), (1, "lazaret_file_reasons_total", {"code": "malware"}),
            (1, "lazaret_file_reasons_total", {"code": "encrypted"}), (0, "lazaret_file_reasons_total", {"code": "symlink"}),
            (1, "lazaret_workers_crashed_total", {}), (60, "lazaret_read_bytes_total", {}),
            (100 + DAY + 50 + 42, "lazaret_inspection_duration_seconds_sum", {}), (4, "lazaret_inspection_duration_seconds_count", {}),
            (NOVEMBER + 100, "lazaret_last_inspection_timestamp_seconds", {"outcome": "published"}), (6, "lazaret_trail_records", {}),
            ((s.at / "audit" / "audit.jsonl").stat().st_size, "lazaret_trail_bytes", {})]:
        ok(value(m, name, **labels) == want, "%s %s" % (name, labels), "%s, not %s" % (value(m, name, **labels), want))
    ok(value(m, "lazaret_directory_free_bytes", directory="spool") > 0 and value(m, "lazaret_trail_free_bytes") > 0, "free space")
    info = next(iter(m["lazaret_station_info"]["samples"]))
    ok(dict(info[1:])["name"] == 'quay <7> & "co"', "a label's value is escaped, and comes back", info)
    labels = {k for f in m.values() for key in f["samples"] for k, _ in key[1:]}
    ok(labels == {"version", "id", "name", "policy", "state", "code", "outcome", "kind", "verdict", "directory"},
       "labels have bounded values: no file, person, medium or transfer", labels)
    ok(s.run("metrics", "x").returncode == 64, "usage")
    documented(m)
    return m


def documented(m):
    text = (ROOT / "docs" / "monitoring" / "metrics.md").read_text()
    named = set(re.findall(r"^\| `(lazaret_[a-z_]+)`", text, re.M))
    ok(set(m) <= named, "docs/monitoring/metrics.md has every metric", set(m) - named)
    source = "".join(f.read_text() for f in (ROOT / "kiosk" / "monitor").glob("*.c"))
    known = set(re.findall(r'"(lazaret_[a-z_]+?)(?:_sum|_count)?"', source))
    ok(named == known, "and none that is not there", named ^ known)


def configuration(work):
    s = Recorded(work)
    s.end()
    path, good = s.at / "lazaret.yaml", (s.at / "lazaret.yaml").read_text()
    for words, lines in [("does not end in .prom", "metrics:\n  file: lazaret.txt\n"), ("file", "metrics: {}\n"), ("fil", "metrics:\n  fil: x.prom\n")]:
        path.write_text(good + lines)
        p = s.run("metrics")
        ok(p.returncode == 2 and "lazaret.yaml:" in p.stderr and words in p.stderr, "refused: %s" % lines.strip().replace("\n", ""), p.stderr)


class Watcher(threading.Thread):
    """Reads the file as the collector does, as fast as it can: every reading must be whole."""

    def __init__(self, path):
        super().__init__(daemon=True)
        self.path, self.bad, self.seen, self.is_ending = path, [], set(), False

    def run(self):
        while not self.is_ending:
            try:
                text = self.path.read_text()
                exposition.parse(text)
                self.seen.add(self.path.stat().st_ino)
            except FileNotFoundError:
                continue
            except ValueError as e:
                self.bad.append(e)


def wait_for(path, predicate, deadline_s=120):
    """The metrics in the file, when they are so."""
    until = time.monotonic() + deadline_s
    while time.monotonic() < until:
        try:
            m = exposition.parse(path.read_text())
            if predicate(m):
                return m
        except FileNotFoundError:
            pass
        time.sleep(0.05)
    raise TimeoutError("the metrics did not become so:\n" + (path.read_text() if path.exists() else "no file"))


def until(what, predicate, deadline_s=120):
    end = time.monotonic() + deadline_s
    while not predicate():
        if time.monotonic() > end:
            raise TimeoutError("waited for " + what)
        time.sleep(0.05)


def reload(s):
    """Returns when it is in force."""
    before = s.types().count("station-reloaded")
    s.client.ask("reload")
    until("the reload", lambda: s.types().count("station-reloaded") > before)


def daemon(work):
    collector = work / "collector"
    collector.mkdir()
    file = collector / "lazaret.prom"
    s = Station(work, "metrics", extra="metrics:\n  file: %s\n" % file).start().ready()
    watcher = Watcher(file)
    watcher.start()
    stick = Stick(work, "metrics-stick", {"a.txt": b"hello\n", "bad/eicar.com": EICAR}).plug()
    try:
        done = s.client.wait_medium(lambda m: m["state"] == "done")
        m = wait_for(file, lambda m: value(m, "lazaret_files_total", verdict="blocked") == 1 and value(m, "lazaret_media", state="done") == 1)
        ok(value(m, "lazaret_up") == 1 and value(m, "lazaret_station_state", state="ready") == 1, "lazaretd runs", m["lazaret_station_state"])
        ok(value(m, "lazaret_inspections_total", outcome="published") == 1 and value(m, "lazaret_file_reasons_total", code="malware") == 1 and
           value(m, "lazaret_media_total", kind="device") == 1, "an inspection is counted", m["lazaret_inspections_total"])
        ok(value(m, "lazaret_media", state="done") == 1 and value(m, "lazaret_queue_length") == 0, "media at the station", m["lazaret_media"])
        ok(not any(value(m, "lazaret_station_trouble", code=c) for c in ("trail", "staging-full", "other")), "no trouble", m["lazaret_station_trouble"])
        p = s.run("metrics")
        told = read(p.stdout, "lazaret metrics asks lazaretd")
        ok(p.returncode == 0 and set(told) == set(m) and value(told, "lazaret_up") == 1, "the same from lazaret metrics", set(told) ^ set(m))
        ok(s.client.ask("metrics")["text"].startswith("# HELP lazaret_"), "and from the control socket")
        mode = file.stat().st_mode & 0o777
        ok(mode == 0o644, "readable for the collector", oct(mode))
        s.client.ask("dismiss", medium=done["medium"])
        stick.pull()
        wait_for(file, lambda m: value(m, "lazaret_media", state="done") == 0)
        ok(True, "dismissed: told soon")
        started = value(m, "lazaret_start_timestamp_seconds")
    finally:
        stick.pull()
    ok(s.stop() == 0, "ended", s.log.read_text())
    m = wait_for(file, lambda m: value(m, "lazaret_up") == 0)
    ok(value(m, "lazaret_station_state", state="ending") == 1 and value(m, "lazaret_files_total", verdict="blocked") == 1,
       "its last words: it does not run any more", m["lazaret_station_state"])
    s.start().ready()
    m = wait_for(file, lambda m: value(m, "lazaret_up") == 1 and value(m, "lazaret_files_total", verdict="blocked") is not None)
    ok(value(m, "lazaret_files_total", verdict="blocked") == 1 and value(m, "lazaret_start_timestamp_seconds") >= started and
       value(m, "lazaret_inspections_total", outcome="published") == 1, "counters live on when lazaretd is started again", m["lazaret_files_total"])
    s.run("history", "--rebuild")
    before = file.stat().st_ino
    s.client.ask("reload")
    wait_for(file, lambda m: value(m, "lazaret_reload_success") == 1)
    ok(file.stat().st_ino != before, "each time another file, by rename")
    ok(value(exposition.parse(file.read_text()), "lazaret_files_total", verdict="blocked") == 1, "made anew, the history counts the same")
    trouble(s, file)
    watcher.is_ending = True
    watcher.join(30)
    ok(not watcher.bad and len(watcher.seen) > 3, "whoever read it meanwhile had it whole", (watcher.bad[:1], len(watcher.seen)))
    ok([p.name for p in collector.iterdir()] == ["lazaret.prom"], "nothing else is left in the collector's directory", list(collector.iterdir()))
    away(s, collector, file)


def trouble(s, file):
    """A database that is gone: the reload fails, what was in force stays, and the site hears of it."""
    database = next((s.at.parent / "db").glob("*.ndb"))
    saved = database.read_bytes()
    database.unlink()
    s.client.ask("reload")
    m = wait_for(file, lambda m: value(m, "lazaret_reload_success") == 0)
    ok(value(m, "lazaret_station_state", state="ready") == 1, "a reload that failed is told", m["lazaret_reload_success"])
    database.write_bytes(saved)
    s.client.ask("reload")
    wait_for(file, lambda m: value(m, "lazaret_reload_success") == 1)
    ok(True, "and one that succeeded")


def away(s, collector, file):
    """The collector's directory vanishes: the station works on, and says it once."""
    hidden = collector.with_name("hidden")
    collector.rename(hidden)
    reload(s)
    until("words about it", lambda: "cannot be written" in s.log.read_text())
    ok(s.log.read_text().count("the metrics cannot be written") == 1 and s.client.station["state"] == "ready", "no directory: told once", s.log.read_text())
    hidden.rename(collector)
    reload(s)
    wait_for(file, lambda m: value(m, "lazaret_up") == 1 and "are written again" in s.log.read_text())
    ok(True, "and once when it is back")
    # a link that somebody put where our new file will be is not followed
    victim = collector.with_name("victim")
    victim.write_text("untouched")
    (collector / ".lazaret.prom.new").symlink_to(victim)
    old = file.stat().st_ino
    reload(s)
    until("another file", lambda: file.stat().st_ino != old)
    ok(victim.read_text() == "untouched", "a link in its way is replaced, not followed")
    s.configure("")
    reload(s)
    file.unlink()
    s.client.ask("metrics")
    ok(not file.exists() and s.stop() == 0 and not file.exists(), "off by default: no file")


def cannot(work):
    """A station that cannot start is told of, too: to the collector and to whoever asks."""
    file = work / "cannot.prom"
    s = Station(work, "cannot", extra="metrics:\n  file: %s\n" % file)
    next((s.at.parent / "db").glob("*.ndb")).unlink()
    s.start()
    m = wait_for(file, lambda m: value(m, "lazaret_station_state", state="stopped") == 1)
    ok(value(m, "lazaret_up") == 1 and value(m, "lazaret_station_trouble", code="database-missing") == 1, "a station that cannot start", m["lazaret_station_trouble"])
    ok("lazaret_files_total" not in m and "lazaret_trail_records" not in m, "what it does not know is missing", sorted(m))
    p = s.run("metrics")
    ok(p.returncode == 0 and value(read(p.stdout, "its answer"), "lazaret_station_state", state="stopped") == 1, "the same from lazaret metrics", p)
    s.stop()


work = pathlib.Path(tempfile.mkdtemp(prefix="lazaret-metrics.", dir="/var/tmp"))
os.chmod(work, 0o755)
try:
    for test in (from_directory, configuration):
        (work / test.__name__).mkdir()
        test(work / test.__name__)
    if os.geteuid() != 0 or not os.path.exists("/dev/loop-control"):
        skip("lazaretd writes the file", "needs root and loop devices")
    else:
        try:
            daemon(work)
            cannot(work)
        except (TimeoutError, control.Gone, control.Refused, OSError, subprocess.SubprocessError, KeyError) as e:
            ok(False, "lazaretd's metrics run to their end", "%s: %s" % (type(e).__name__, e))
finally:
    shutil.rmtree(work)
sys.exit(finish())
