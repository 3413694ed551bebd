#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""The officer's desk as a person sees it: lazaret-console in a terminal of 80x24 (tmux), with a real lazaretd, real accounts (PAM) and
files that are really held. Log-in, lock-out, review, release by two persons, a rejection, and every wrong order on the way. As root
and as an ordinary user."""
import grp
import hashlib
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "lib"), os.path.join(HERE, "..", "console")]
from tap import BUILD, finish, make_databases, ok  # noqa: E402
from terminal import Tmux  # noqa: E402

BIN = BUILD / "bin"
SECRET = {"anna": "the horse eats hay", "ben": "nine green bottles", "silke": "seven seas apart"}
ODD = bytes(range(256)) * 20 + b"\x1b[2Jtail"  # nothing that anybody recognises: held
OTHER = bytes(range(255, 0, -1)) * 9


def sha(data):
    return hashlib.sha256(data).hexdigest()


class Place:
    """A station with people and two files that wait; its daemon."""

    def __init__(self, work, name, extra=""):
        self.work, self.at, self.log = work, work / name, work / (name + ".log")
        subprocess.run([BIN / "lazaret", "init", self.at, "--db", make_databases(work / (name + ".db")), "--profile", "documents"], check=True,
                       stdout=subprocess.DEVNULL)
        text = (self.at / "lazaret.yaml").read_text()
        (self.at / "lazaret.yaml").write_text(text.replace("devices:\n", "devices:\n  source: none\n") + extra
                                              + "control: {group: %s}\n" % grp.getgrgid(os.getgid()).gr_name)
        for who, roles in (("anna", "administrator,officer"), ("ben", "officer"), ("silke", "auditor")):
            by = [] if who == "anna" else ["anna", SECRET["anna"]]
            p = self.run("person", "add", who, "--role", roles, "--full-name", who.title() + " Test", lines=[*by, SECRET[who]])
            assert p.returncode == 0, p.stderr
        self.process = None

    def run(self, *args, lines=None):
        args, fds = [str(a) for a in [BIN / "lazaret", "-C", self.at, *args]], []
        if lines is not None:
            out, into = os.pipe()
            os.write(into, "".join(line + "\n" for line in lines).encode())
            os.close(into)
            args += ["--credentials", str(out)]
            fds.append(out)
        p = subprocess.run(args, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, pass_fds=fds, start_new_session=True)
        for fd in fds:
            os.close(fd)
        return p

    def inspect(self, **files):
        medium = self.work / (self.at.name + ".medium")
        medium.mkdir(exist_ok=True)
        for name, data in files.items():
            (medium / name.replace("__", ".")).write_bytes(data)
        return json.loads(self.run("inspect", "--json", medium).stdout)

    def start(self):
        self.process = subprocess.Popen([BIN / "lazaretd", "-C", self.at], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=open(self.log, "ab"))
        return self

    def stop(self, how=signal.SIGTERM):
        self.process.send_signal(how)
        return self.process.wait(90)

    def console(self):
        directory = pathlib.Path(tempfile.mkdtemp(dir=self.work))
        return Tmux(None, directory, socket_path=self.at / "control.sock")

    def records(self, kind):
        return [r["body"] for r in map(json.loads, (self.at / "audit" / "audit.jsonl").read_text().splitlines()) if r["type"] == kind]

    def staged(self):
        return sorted(p.name for p in (self.at / "staging").iterdir())


def shows(c, words, name):
    ok(c.shows(*words, deadline_s=120), name, c.text())


def until(done, deadline_s=120):
    end = time.monotonic() + deadline_s
    while not done() and time.monotonic() < end:
        time.sleep(0.02)


def log_in(c, who, secret=None):
    c.press("o")
    c.shows("WHO ARE YOU?")
    c.press(who, "enter", secret or SECRET[who], "enter")


def two_persons(work):
    s = Place(work, "two")
    of = s.inspect(odd__bin=ODD, other__bin=OTHER, note__txt=b"hello\n")["transfer"]
    before = s.staged()
    s.start()
    c = s.console()
    try:
        shows(c, ["READY", "o Log in"], "the first screen offers to log in")
        ok(len(c.text().splitlines()) == 24 or c.tmux("display-message", "-p", "#{pane_width}x#{pane_height}").strip() == "80x24", "in a terminal of 80x24")
        log_in(c, "anna", "not her secret")
        shows(c, ["NOT RIGHT."], "a wrong secret")
        c.press(SECRET["anna"], "enter")
        shows(c, ["READY", "Anna Test until", "2 files of 2 held", "r Review"], "the right one: what waits is on the first screen")
        c.press("r")
        shows(c, ["Files that wait for a decision", "odd.bin", "other.bin", "Anna Test until"], "the held files are listed")
        c.press("/", "odd", "enter")
        c.shows("1/1")
        c.press("enter")
        shows(c, ["odd.bin", "? waits", "type-unknown", sha(ODD), of, "r Release"], "the file, and why it is held")
        c.press("v")
        c.shows("Bytes 0 of", "Scroll")
        rows = re.findall(r"^ [0-9a-f]{10}  ((?:[0-9a-f]{2} +){16})", c.text(), re.M)
        seen = bytes.fromhex("".join(rows))
        ok(len(seen) >= 256 and ODD.startswith(seen), "its bytes", c.text())
        c.press("end")
        shows(c, ["5b 32 4a 74 61 69 6c", ".[2Jtail"], "to the last one, escaped")
        c.press("esc")
        c.shows("r Release")

        c.press("r")
        c.shows("RELEASE THIS FILE")
        c.press("enter")
        shows(c, ["A decision needs a reason"], "no reason, no decision")
        c.press("vendor confirmed it", "enter", "9", "9", "enter")
        shows(c, ["THE STATION REFUSED THAT.", "review.release-time"], "for longer than the site allows: refused")
        c.press("clear", "enter")
        shows(c, ["A SECOND PERSON CONFIRMS", "vendor confirmed it", "Release, by anna"], "proposed: a second person is asked for")
        ok(s.staged() == before and len(s.records("proposal")) == 1 and not s.records("decision"), "nothing is released yet", s.staged())
        c.press("anna", "enter", SECRET["anna"], "enter")
        shows(c, ["THE SAME PERSON CANNOT DO BOTH."], "one person twice: refused")
        c.press("clear", "ben", "enter", "not his secret", "enter")
        shows(c, ["NOT RIGHT."], "the second person mistypes")
        ok(s.staged() == before and not s.records("decision"), "still nothing")
        c.press(SECRET["ben"], "enter")
        shows(c, ["RELEASED.", "It is a transfer of its own"], "two persons release it")
        new = [t for t in s.staged() if t not in before]
        ok(len(new) == 1 and new[0] in c.text(), "the new transfer is named", (new, c.text()))
        ok((s.at / "staging" / new[0] / "files" / "odd.bin").read_bytes() == ODD, "and holds the file")
        verified = subprocess.run([BIN / "lazaret-verify", "--key", s.at / "keys" / "manifest.pub", s.at / "staging" / new[0]], capture_output=True, text=True)
        ok(verified.returncode == 0, "lazaret-verify accepts it", verified.stdout + verified.stderr)
        d = s.records("decision")[-1]
        ok((d["decision"], d["by"], d["second"], d["reason"], d["sha256"]) == ("release", "anna", "ben", "vendor confirmed it", [sha(ODD)]), "the trail has both", d)
        c.press("enter")
        shows(c, ["+ released"], "the file says so")

        c.press("esc", "esc")
        c.shows("decision 1/1 ---", "other.bin")
        c.press("enter")
        shows(c, ["other.bin", "? waits", "x Reject"], "the other one waits still")
        c.press("x")
        c.shows("REJECT THIS FILE")
        c.press("nobody knows it", "enter")
        shows(c, ["REJECTED."], "one officer rejects")
        c.press("enter")
        shows(c, ["x rejected", "u Undo the decision"], "and it is rejected")
        c.press("r")
        c.pump(0.5)
        ok("RELEASE" not in c.text() and "r Release" not in c.text(), "nobody releases it now", c.text())
        ok([d["decision"] for d in s.records("decision")] == ["release", "reject"], "as the trail has it")
        for secret in SECRET.values():
            ok(secret not in c.tmux("capture-pane", "-p", "-S", "-"), "no secret was on the screen")
    finally:
        c.close()
        s.stop()
    ok(s.run("audit", "verify").returncode == 0, "the trail is good")


def later(work):
    """The second person comes another time; an auditor looks on; a console that is not his has no session."""
    s = Place(work, "later")
    s.inspect(odd__bin=ODD)
    s.start()
    c, other = s.console(), s.console()
    try:
        c.shows("READY", "o Log in")
        log_in(c, "anna")
        c.shows("Anna Test until")
        ok(other.shows("READY", "o Log in") and "Anna" not in other.text(), "another console has no session of hers")
        c.press("r")
        c.shows("1/1")
        c.press("enter")
        c.shows("r Release")
        c.press("r")
        c.shows("RELEASE")
        c.press("needed on Monday", "enter", "enter")
        c.shows("A SECOND PERSON")
        c.press("esc")
        shows(c, ["! proposed", "c Confirm", "w Withdraw"], "it is proposed, and waits")
        c.press("esc", "esc", "o")
        c.shows("You are logged out.")
        log_in(other, "silke")
        other.shows("Silke Test until")
        other.press("r", "f")
        other.shows("odd.bin", "! proposed")
        other.press("enter")
        other.shows("State")
        other.press("r", "x", "w", "c")
        other.pump(0.5)
        ok("State" in other.text() and "r Release" not in other.text() and not s.records("decision"), "an auditor sees it, and decides nothing", other.text())
        log_in(c, "ben")
        shows(c, ["Ben Test until", "1 waits for a second person"], "the second person logs in later")
        c.press("p")
        shows(c, ["Release, by anna", "needed on Monday"], "and finds the proposal")
        c.press("enter")
        c.shows("A SECOND PERSON")
        c.press("ben", "enter", SECRET["ben"], "enter")
        shows(c, ["RELEASED.", "It is a transfer of its own"], "and confirms it")
        ok(s.records("decision")[-1]["second"] == "ben", "as the trail has it")
        s.stop(signal.SIGKILL)
        shows(c, ["THE STATION IS NOT RUNNING."], "lazaretd dies")
        ok("Ben" not in c.text(), "and his session with it", c.text())
        s.start()
        shows(c, ["READY", "o Log in"], "it does not come back by itself")
    finally:
        c.close()
        other.close()
        s.stop()


def locked_out(work):
    s = Place(work, "locked", "people: {tries: 3, lock-time: 1h}\n").start()
    c = s.console()
    try:
        c.shows("READY", "o Log in")
        log_in(c, "ben", "guess 1")
        c.shows("NOT RIGHT.")
        for k in (2, 3):
            c.press("guess %d" % k, "enter")
            until(lambda k=k: len(s.records("login-failed")) >= k)
            c.shows("NOT RIGHT.")
        c.press(SECRET["ben"], "enter")
        shows(c, ["LOCKED OUT", "until 20"], "three wrong tries: the right secret does not help, and the screen says until when")
        ok(s.records("locked-out") and "ben" not in [r["person"] for r in s.records("login")], "the trail has it", s.records("login-failed"))
        c.press("clear", "esc")
        c.shows("READY")
        log_in(c, "anna")
        shows(c, ["Anna Test until"], "it is he alone who is locked out")
        p = s.run("person", "unlock", "ben", lines=["anna", SECRET["anna"]])
        ok(p.returncode == 0, "an administrator unlocks him", p.stderr)
        c.press("o")
        c.shows("You are logged out.")
        log_in(c, "ben")
        shows(c, ["Ben Test until"], "and he is in")
    finally:
        c.close()
        s.stop()


def session_ends(work):
    s = Place(work, "ends", "people: {session-time: 4s}\n")
    s.inspect(odd__bin=ODD)
    s.start()
    c = s.console()
    try:
        c.shows("READY", "o Log in")
        log_in(c, "anna")
        c.shows("Anna Test until")
        c.press("r")
        c.shows("odd.bin")
        shows(c, ["The session has ended.", "READY", "o Log in"], "nobody does anything for session-time: the session ends, and closes what was open")
        ok("odd.bin" not in c.text() and "Anna" not in c.text(), "nothing of it stays on the screen", c.text())
        until(lambda: s.records("logout"))
        ok(s.records("logout")[-1]["person"] == "anna", "the trail has its end", s.records("logout"))
    finally:
        c.close()
        s.stop()


TESTS = [two_persons, later, locked_out, session_ends]


def main():
    with tempfile.TemporaryDirectory(prefix="lz-") as directory:
        os.chmod(directory, 0o755)
        for test in TESTS:
            if sys.argv[1:] and test.__name__ not in sys.argv[1:]:
                continue
            work = pathlib.Path(directory) / test.__name__
            work.mkdir()
            try:
                test(work)
            except (TimeoutError, OSError, subprocess.SubprocessError, KeyError, IndexError, AssertionError, ValueError) as e:
                logs = "".join(p.read_text()[-3000:] for p in work.glob("*.log"))
                ok(False, test.__name__, "%r\n%s" % (e, logs))
    return finish()


if __name__ == "__main__":
    sys.exit(main())
