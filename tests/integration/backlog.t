#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""Examiners that are slower than the medium: it may be taken out as soon as it has been read, however many files wait for an examiner then
(kiosk/supervisor/backlog.c); each of them is examined all the same, and what goes wrong meanwhile ends the inspection as ever.

BUILD: the build directory (default build).
"""
import hashlib
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import liars  # noqa: E402
from containers import FORMATS  # noqa: E402
from inside import EVERYTHING, Station, descendants  # noqa: E402
from specimens import TEXT  # noqa: E402
from tap import BUILD, EICAR, ROOT, finish, ok  # noqa: E402

COUNT = 450
OPEN = 256 + 64  # BACKLOG_OPEN, and those that are being examined
SLOW = b"slow\n"  # tests/lib/hostile_plugin.py takes its time


def plug_in(at):
    """The section of lazaret.yaml; the program in a directory that the plug-in's account can read."""
    at.mkdir()
    program = at / "slow"
    shutil.copy(ROOT / "tests" / "lib" / "hostile_plugin.py", program)
    os.chmod(program, 0o755)
    return "plugins:\n  - name: slow\n    program: %s\n    sha256: %s\n    types: [\"text/*\"]\n" % (
        program, hashlib.sha256(program.read_bytes()).hexdigest())


def watch(programs, station, medium, on_event=None):
    """All events of one inspection; `on_event` is called with (the process, the event)."""
    ours, theirs = socket.socketpair()
    p = subprocess.Popen([programs / "lazaretd", "-C", station, "--inspect", "--events-fd", str(theirs.fileno()), medium],
                         pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    theirs.close()
    watchdog = threading.Timer(300, p.kill)
    watchdog.start()
    words = []
    reader = threading.Thread(target=lambda: words.append(p.stderr.read()))
    reader.start()
    events = []
    with ours, ours.makefile("rb") as lines:
        for line in lines:
            events.append(json.loads(line))
            if on_event:
                on_event(p, events[-1])
    p.wait()
    watchdog.cancel()
    reader.join()
    return events, words[0].decode(errors="replace")


def place(events, name):
    return next((k for k, e in enumerate(events) if e["event"] == name), len(events))


def progress_after(events, name):
    return next((e for e in events[place(events, name):] if e["event"] == "progress"), {"files_read": 0, "files_examined": 1 << 40})


def waiting(events, name):
    """How many files waited for an examiner when `name` was told."""
    p = progress_after(events, name)
    return p["files_read"] - p["files_examined"]


def once_many_wait(act):
    """`on_event` of watch(), which does that to the process when the medium may go and more files wait than are open; what it has seen."""
    seen = []

    def on_event(p, event):
        if event["event"] == "removable":
            seen.append("removable")
        if seen == ["removable"] and event["event"] == "progress" and event["files_read"] - event["files_examined"] > OPEN:
            seen.append("many wait")
            act(p)
    return seen, on_event


def files():
    """Archives among them: those who open them ask the vault for copies, too."""
    medium = {"%03d/%d.txt" % (k % 7, k): SLOW + b"%d\n" % k for k in range(COUNT)}
    for k in range(0, COUNT, 50):
        medium["%03d/%d.zip" % (k % 7, k)] = FORMATS["zip"].make({"in.txt": SLOW + TEXT + b"%d\n" % k})
    for k in (1, 300, COUNT - 1):
        medium["%03d/%d.com" % (k % 7, k)] = EICAR
    medium["late.zip"] = FORMATS["zip"].make({"in.txt": TEXT, "eicar.com": EICAR})
    return medium


def reading_does_not_wait_for_examining(work, s):
    medium, nice = files(), {}

    def look(p):
        for pid, name, _ in descendants(p.pid):
            nice.setdefault(name, os.getpriority(os.PRIO_PROCESS, pid))

    seen, on_event = once_many_wait(look)
    events, err = watch(BUILD / "bin", s.at, s.medium(medium), on_event)
    own = os.getpriority(os.PRIO_PROCESS, 0)
    ok(nice.get("lazaret-vault") == own and nice.get("lazaret-examine") == min(own + 10, 19), "who examines leaves the processor to who reads", nice)
    ok(waiting(events, "removable") > OPEN, "the medium may go while more files wait for an examiner than are open",
       "%s\n%s" % (progress_after(events, "removable"), err[-2000:]))
    done = events[-1]
    report = json.loads(pathlib.Path(done["report"]).read_text())
    verdicts = {f["path"]: f for f in report["files"]}
    bad = {p for p in medium if p.endswith(".com") or p == "late.zip"}
    ok(set(verdicts) == set(medium), "all are in the report", set(medium) ^ set(verdicts))
    ok({p for p, f in verdicts.items() if f["verdict"] == "blocked"} == bad and
       all(any(r["code"] == "malware" for r in verdicts[p]["reasons"]) for p in bad), "each was examined: what is bad is found, wherever it stands",
       json.dumps([f for p, f in verdicts.items() if (f["verdict"] == "blocked") != (p in bad)])[:2000])
    ok(all(f["verdict"] == "approved" for p, f in verdicts.items() if p not in bad), "and what is good passes",
       json.dumps([f for p, f in verdicts.items() if p not in bad and f["verdict"] != "approved"])[:2000])
    r = subprocess.run([BUILD / "bin" / "lazaret-verify", "--key", s.at / "keys" / "manifest.pub", s.at / "staging" / report["transfer"]],
                       capture_output=True)
    ok(r.returncode == 0, "the transfer verifies", r.stdout + r.stderr)
    ok(all((s.at / "staging" / report["transfer"] / f["published_as"]).read_bytes() == medium[p] for p, f in verdicts.items() if p not in bad),
       "and has each file's own bytes")
    ok(s.spool() == [], "nothing is left in the spool", s.spool())


def stopped_while_files_wait(work, s):
    seen, on_event = once_many_wait(lambda p: p.send_signal(signal.SIGTERM))
    events, err = watch(BUILD / "bin", s.at, s.medium(files()), on_event)
    ok("many wait" in seen and events[-1]["outcome"] == "aborted", "stopped while files wait: aborted", events[-1])
    ok(s.spool() == [], "nothing is left in the spool", s.spool())


def vault_dies_while_files_wait(work, s):
    killed = []

    def kill(p):
        for pid, name, _ in descendants(p.pid):
            if name.startswith("lazaret-vault"):
                killed.append(pid)
                os.kill(pid, signal.SIGKILL)

    seen, on_event = once_many_wait(kill)
    before = len(list((s.at / "staging").iterdir()))
    events, err = watch(BUILD / "bin", s.at, s.medium(files()), on_event)
    ok(killed and events[-1]["outcome"] == "aborted", "the vault dies while files wait: aborted", "%s\n%s" % (events[-1], err[-2000:]))
    ok(len(list((s.at / "staging").iterdir())) == before and s.spool() == [], "nothing is published, nothing is left", s.spool())
    r = s.inspect({"a.txt": SLOW})
    ok(r.status == 0, "the next one goes through", r.shown())


def a_reader_that_lies_while_files_wait(work):
    s = liars.Station(work / "liar", "reader", "reader")
    (s.at / "rules.yaml").write_text(EVERYTHING)
    s.limit("\n" + plug_in(work / "liar-plug-in") + "limits:\n  stall-time: 2s\n")
    r = s.inspect("many_then_trouble")
    last = max(r.files, key=lambda p: int(p.split(".")[0])) if r.files else ""
    ok(len(r.files) == COUNT and r.verdict(last) != "approved" and sum(f["verdict"] == "approved" for f in r.files.values()) == COUNT - 1,
       "trouble is told of a file that waits: it is not approved, the others are", r.shown()[-2000:])
    (s.bin / "lie").write_text("many_then_silence")
    events, err = watch(s.bin, s.at, s.work / "medium")
    given_up = "gave nothing for 2 seconds" in json.dumps(events[min(place(events, "warning"), len(events) - 1)])
    ok(given_up and waiting(events, "warning") > OPEN, "a medium that falls silent is given up while files wait: copies are no sign of it",
       "%s\n%s" % (progress_after(events, "warning"), err[-2000:]))
    report = json.loads(pathlib.Path(events[-1]["report"]).read_text())
    ok(report["medium"]["volumes"][0]["outcome"] == "partial" and sum(f["verdict"] == "approved" for f in report["files"]) == COUNT,
       "what came whole is judged", json.dumps(report)[:2000])


def main():
    with tempfile.TemporaryDirectory(prefix="lazaret-backlog.") as name:
        os.chmod(name, 0o755)
        work = pathlib.Path(name)
        s = Station(work, "station", config=plug_in(work / "plug-in"))
        reading_does_not_wait_for_examining(work, s)
        stopped_while_files_wait(work, s)
        vault_dies_while_files_wait(work, s)
        a_reader_that_lies_while_files_wait(work)
    return finish()


sys.exit(main())
