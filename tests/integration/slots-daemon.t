#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""An update of the appliance with a running daemon: what became of it is recorded and told; the machine restarts when nobody is at work, and
not before. Needs root and loop devices."""
import os
import subprocess
import sys
import threading
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import control  # noqa: E402
import station  # noqa: E402
from station import Station, Stick  # noqa: E402
from tap import ok  # noqa: E402

ROOT_HASH = "3f" * 32
QUIET_S = 60  # kiosk/daemon/slots.c


class Asking(threading.Thread):
    """`lazaret update slot restart`, which waits."""

    def __init__(self, s):
        super().__init__(daemon=True)
        self.process = subprocess.Popen([s.bin / "lazaret", "-C", s.at, "update", "slot", "restart", "0.2.0"], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        self.start()

    def run(self):
        self.process.communicate()
        self.ended = time.monotonic()


def told(work):
    s = Station(work, "told").start()
    r = s.run("update", "slot", "written", "0.1.9", ROOT_HASH, "b")
    ok(r.returncode == 0 and s.client.ask("state")["station"]["selfcheck"], "what is bad before an update is not asked for before the first self-check has ended", r)
    (s.at / "slots.json").unlink()
    s.ready()
    seen = s.client.ask("state")["station"]
    ok(seen["slots"] is None and seen["restart"] is None, "a station that was never updated says nothing of it", seen)
    r = s.run("update", "slot", "written", "0.2.0", ROOT_HASH, "b")
    s.client.wait_for(lambda c: (c.station["slots"] or {}).get("state") == "written")
    body = s.records()[-1]
    ok(r.returncode == 0 and body["type"] == "update-written" and body["body"] == {"bad": [], "reason": "", "root": ROOT_HASH, "slot": "b", "version": "0.2.0"},
       "lazaretd records it", (r, body))
    r = s.run("update", "slot", "ready")
    ok(r.returncode == 0, "a station that is ready and finds nothing bad is good", r)
    r = s.run("update", "slot", "rolled-back", "0.2.0", ROOT_HASH, "b", "bad \x1b[31m words")
    ok(r.returncode == 0 and "\x1b" not in s.client.ask("state")["station"]["slots"]["reason"], "words are escaped", r)
    for what, arguments in (("no state", ("eaten", "0.2.0", ROOT_HASH, "b")), ("no version", ("failed", "0.2.0-rc1", ROOT_HASH, "b")),
                            ("no root hash", ("failed", "0.2.0", "3f", "b")), ("no slot", ("failed", "0.2.0", ROOT_HASH, "c"))):
        count = len(s.records())
        r = s.run("update", "slot", *arguments)
        ok(r.returncode != 0 and len(s.records()) == count, "refused: %s" % what, r)
    (s.at / "slots.json").write_text('{"format":"lazaret.slots/2"}')
    ok(s.client.ask("state")["station"]["slots"] is None, "slots.json of another version is not guessed at")
    # A new version is not to blame for what was bad before it.
    os.chmod(s.at / "keys" / "audit.key", 0o644)
    s.run("selfcheck")
    r = s.run("update", "slot", "ready")
    ok(r.returncode == 2 and "was not bad before" in r.stderr, "what is bad now and was not before", r)
    ok(s.run("update", "slot", "written", "0.3.0", ROOT_HASH, "a").returncode == 0 and s.records()[-1]["body"]["bad"] == ["keys"], "what is bad is kept with the record",
       s.records()[-1])
    r = s.run("update", "slot", "ready")
    ok(r.returncode == 1, "and then counts no more; but a station that takes no media is not ready", r)
    s.stop()
    r = s.run("update", "slot", "ready")
    ok(r.returncode == 1, "nor is one without lazaretd", r)
    r = s.run("update", "slot", "rolled-back", "0.3.0", ROOT_HASH, "a", "without lazaretd")
    ok(r.returncode == 0 and s.records()[-1]["type"] == "update-rolled-back" and s.run("audit", "verify").returncode == 0, "which records without it, too", r)


def restarts(work):
    s = Station(work, "restarts")
    stick = Stick(work, "stick", {"a.txt": b"hello\n"})
    s.start().ready()
    stick.plug()
    medium = s.client.wait_medium(lambda m: m["state"] == "done")
    asking = Asking(s)
    s.client.wait_for(lambda c: c.station["restart"])
    ok(s.client.station["restart"] == {"version": "0.2.0", "at": None}, "with a medium in, nothing is said of when", s.client.station["restart"])
    stick.pull()
    s.client.wait_for(lambda c: c.station["restart"]["at"])
    begun = time.monotonic()
    ok(0 < s.client.station["restart"]["at"] - time.time() <= QUIET_S + 1, "a minute before it the screen says when", s.client.station["restart"])
    time.sleep(10)
    stick.plug()
    s.client.wait_for(lambda c: c.station["restart"] and c.station["restart"]["at"] is None)
    again = s.client.wait_medium(lambda m: m["state"] == "done" and m["medium"] != medium["medium"])
    ok(again["outcome"] == "published" and asking.is_alive(), "a medium that comes before is inspected, and the restart waits", again)
    stick.pull()
    s.client.wait_for(lambda c: c.station["restart"]["at"])
    asking.join(QUIET_S + 30)
    ok(asking.process.returncode == 0 and asking.ended - begun > QUIET_S + 10, "then it may be", (asking.process.returncode, time.monotonic() - begun))
    s.client.wait_for(lambda c: c.station["state"] == "ending")
    stick.plug()
    m = s.client.wait_medium(lambda m: m["present"] and m["medium"] > again["medium"])
    ok(m["state"] == "queued", "and nothing begins any more", m)
    stick.pull()
    s.stop()

    s.start().ready()
    asking = Asking(s)
    s.client.wait_for(lambda c: c.station["restart"])
    asking.process.terminate()
    s.client.wait_for(lambda c: c.station["restart"] is None)
    ok(s.client.station["state"] == "ready", "whoever asks and goes has not asked")
    s.stop()


if __name__ == "__main__":
    sys.exit(station.main([told, restarts], sys.argv[1:]))
