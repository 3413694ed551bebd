#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""People of a station, with a real PAM stack in the station's own pam.d: `lazaret person`, at a terminal and through --credentials;
log-in at a running daemon by two clients; locked, expired, removed persons; a second factor (one-time passwords, pam_oath);
`operators: authenticated` and what the rules want to know of a medium. As root and as an ordinary user."""
import grp
import hashlib
import hmac
import json
import os
import pathlib
import pty
import re
import select
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import control  # noqa: E402
from tap import BUILD, finish, make_databases, ok, skip  # noqa: E402

BIN = BUILD / "bin"
SECRET = {"anna": "the horse eats hay", "ben": "nine green bottles", "olga": "seven seas apart", "eve": "expired long ago"}
KEY = b"twenty bytes of key!"


class Place:
    """A station and what is done to it."""

    def __init__(self, work, name, extra=""):
        self.at = work / name
        subprocess.run([BIN / "lazaret", "init", self.at, "--db", make_databases(work / (name + ".db"))], check=True,
                       stdout=subprocess.DEVNULL)
        self.original = (self.at / "lazaret.yaml").read_text()
        self.configure(extra)
        self.process, self.log = None, work / (name + ".log")

    def configure(self, extra):
        group = grp.getgrgid(os.getgid()).gr_name  # an ordinary user cannot give the socket to another
        (self.at / "lazaret.yaml").write_text(self.original.replace("devices:\n", "devices:\n  source: none\n") + extra +
                                              "control: {group: %s}\n" % group)

    def run(self, *args, lines=None):
        """A command; `lines`: names and secrets in the order in which they are asked for."""
        args = [BIN / "lazaret", "-C", self.at, *args]
        fds = []
        if lines is not None:
            out, into = os.pipe()
            os.write(into, "".join(line + "\n" for line in lines).encode())
            os.close(into)
            args += ["--credentials", str(out)]
            fds.append(out)
        p = subprocess.run([str(a) for a in args], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, pass_fds=fds,
                           start_new_session=True)
        for fd in fds:
            os.close(fd)
        return p

    def expect(self, status, words, *args, lines=None):
        p = self.run(*args, lines=lines)
        ok(p.returncode == status and words in p.stdout + p.stderr, "%s: %d, %s" % (" ".join(map(str, args)), status, words),
           "status %d\n%s%s" % (p.returncode, p.stdout, p.stderr))
        return p

    def records(self):
        if not (self.at / "audit" / "audit.jsonl").exists():
            return []
        return [json.loads(line) for line in (self.at / "audit" / "audit.jsonl").read_text().splitlines()]

    def last(self, kind):
        return next(r["body"] for r in reversed(self.records()) if r["type"] == kind)

    def count(self, kind):
        return sum(r["type"] == kind for r in self.records())

    def start(self):
        self.process = subprocess.Popen([BIN / "lazaretd", "-C", self.at], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=open(self.log, "ab"))
        return self

    def connect(self):
        c = control.connect(self.at / "control.sock").watch()
        c.wait_for(lambda c: c.station["state"] == "ready")
        return c

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)

    def stack(self, *lines):
        (self.at / "pam.d" / "lazaret").write_text("".join(line + "\n" for line in lines))

    def passwords(self):
        return "auth required pam_pwdfile.so nodelay [pwdfile=%s/people/passwd]" % self.at


def refused(call, code, name, words=""):
    """The error's text."""
    try:
        answer = call()
    except control.Refused as e:
        ok(e.code == code and words in e.text, "%s: %s" % (name, code), e)
        return e.text
    ok(False, "%s: %s" % (name, code), "not refused: %s" % answer)
    return ""


def add_people(p, names=("anna", "ben", "olga")):
    """anna: administrator and officer; ben: officer; olga: operator."""
    roles = {"anna": "administrator,officer", "ben": "officer", "olga": "operator"}
    for name in names:
        by = [] if name == "anna" else ["anna", SECRET["anna"]]
        q = p.run("person", "add", name, "--role", roles[name], "--full-name", name.title() + " A.", lines=[*by, SECRET[name]])
        assert q.returncode == 0, q.stderr


def hotp(counter):
    """RFC 4226, six digits."""
    mac = hmac.new(KEY, struct.pack(">Q", counter), hashlib.sha1).digest()
    at = mac[-1] & 15
    return "%06d" % ((struct.unpack(">I", mac[at:at + 4])[0] & 0x7fffffff) % 1000000)


# -- commands ---------------------------------------------------------------------------------------------------------

def commands(work):
    p = Place(work, "commands", "people: {tries: 3, lock-time: 1h}\n")
    p.expect(0, "nobody yet", "person", "list")
    p.expect(1, "shorter than people.password-length", "person", "add", "anna", "--role", "administrator", lines=["short"])
    p.expect(2, "nothing was typed", "person", "add", "anna", "--role", "administrator", lines=[])
    p.expect(64, "not a role", "person", "add", "anna", "--role", "root", lines=[SECRET["anna"]])
    p.expect(64, "begins with a letter", "person", "add", "Anna", "--role", "officer", lines=[SECRET["anna"]])
    p.expect(64, "usage", "person", "add", "anna", lines=[SECRET["anna"]])
    p.expect(64, "not the number of an open descriptor", "person", "check", "--credentials", "999")
    p.expect(2, "no terminal", "person", "check")
    ok(p.count("person-added") == 0, "nothing of this is in the trail")
    p.expect(0, "anna can log in", "person", "add", "anna", "--role", "administrator", "--role", "officer", "--full-name", "Anna \u00c4.",
             lines=[SECRET["anna"]])
    body = p.last("person-added")
    ok(body["by"].startswith("account ") and body["person"] == "anna" and body["roles"] == ["officer", "administrator"]
       and body["full_name"] == "Anna \u00c4." and body["until"] == 0, "the first is added by whoever holds the station", body)
    mode = os.stat(p.at / "people" / "passwd").st_mode & 0o777
    text = (p.at / "people" / "passwd").read_text()
    ok(mode == 0o600 and text.splitlines()[1].startswith("anna:$y$"), "his password is kept as yescrypt, for nobody else to read", oct(mode) + text)

    p.expect(1, "name or the secret is wrong", "person", "add", "ben", "--role", "officer", lines=["anna", "wrong secret", SECRET["ben"]])
    p.expect(1, "name or the secret is wrong", "person", "add", "ben", "--role", "officer", lines=["nobody", SECRET["anna"], SECRET["ben"]])
    p.expect(0, "ben can log in", "person", "add", "ben", "--role", "officer", lines=["anna", SECRET["anna"], SECRET["ben"]])
    ok(p.last("person-added")["by"] == "anna" and p.last("login")["person"] == "anna" and p.last("login")["for"] == "person add",
       "the next is added by the administrator, who logged in", p.records()[-3:])
    p.expect(1, "has not the role", "person", "add", "olga", "--role", "operator", lines=["ben", SECRET["ben"], SECRET["olga"]])
    p.expect(1, "this name is taken", "person", "add", "ben", "--role", "officer", lines=["anna", SECRET["anna"], SECRET["ben"]])
    p.expect(0, "ben: officer", "person", "check", lines=["ben", SECRET["ben"]])
    p.expect(1, "wrong", "person", "check", lines=["ben", SECRET["ben"] + " "])
    p.expect(1, "wrong", "person", "check", lines=["ben", ""])
    p.expect(1, "broken off", "person", "check", lines=["ben"])
    p.expect(1, "locked until", "person", "check", lines=["ben", SECRET["ben"]])
    locked = p.last("locked-out")
    ok(locked["person"] == "ben" and locked["failed"] == 3 and p.last("login-failed")["why"] == "locked-out", "three tries lock him", locked)
    ok(p.count("locked-out") == 1, "which is recorded once")
    p.expect(0, "locked until", "person", "list")
    people = json.loads(p.run("--json", "person", "list").stdout)
    ok([x["name"] for x in people] == ["anna", "ben"] and people[1]["locked_until"] > time.time() + 3000, "the list as JSON", people)
    p.expect(0, "can log in again", "person", "unlock", "ben", lines=["anna", SECRET["anna"]])
    p.expect(0, "ben: officer", "person", "check", lines=["ben", SECRET["ben"]])
    ok(p.last("person-unlocked") == {"person": "ben", "by": "anna"}, "unlocking is recorded", p.last("person-unlocked"))

    # passwords
    p.expect(1, "nobody's password but his own", "person", "password", "anna", lines=["ben", SECRET["ben"], "another secret"])
    p.expect(0, "ben has a new password", "person", "password", "ben", lines=["ben", SECRET["ben"], "another secret"])
    p.expect(1, "wrong", "person", "check", lines=["ben", SECRET["ben"]])
    p.expect(0, "ben: officer", "person", "check", lines=["ben", "another secret"])
    p.expect(0, "ben has a new password", "person", "password", "ben", lines=["anna", SECRET["anna"], SECRET["ben"]])
    p.expect(1, "nobody of this name", "person", "password", "carl", lines=["anna", SECRET["anna"], SECRET["ben"]])

    # roles, time, the end
    p.expect(0, "is changed", "person", "change", "ben", "--role", "auditor", "--until", "2001-01-01", lines=["anna", SECRET["anna"]])
    p.expect(1, "account at this station has ended", "person", "check", lines=["ben", SECRET["ben"]])
    p.expect(1, "name or the secret is wrong", "person", "check", lines=["ben", "wrong secret"])
    p.expect(0, "is changed", "person", "change", "ben", "--until", "never", lines=["anna", SECRET["anna"]])
    p.expect(0, "ben: auditor", "person", "check", lines=["ben", SECRET["ben"]])
    p.expect(1, "last administrator", "person", "change", "anna", "--role", "officer", lines=["anna", SECRET["anna"]])
    p.expect(1, "last administrator", "person", "change", "anna", "--until", "2001-01-01", lines=["anna", SECRET["anna"]])
    p.expect(1, "last administrator", "person", "remove", "anna", lines=["anna", SECRET["anna"]])
    p.expect(0, "no longer known", "person", "remove", "ben", "--reason", "left \u001b[2J", lines=["anna", SECRET["anna"]])
    ok(p.last("person-removed") == {"person": "ben", "by": "anna", "reason": "left \\x1b[2J"} and "ben:" not in
       (p.at / "people" / "passwd").read_text(), "removed, with his password", p.last("person-removed"))
    p.expect(1, "wrong", "person", "check", lines=["ben", SECRET["ben"]])

    # no way back in: the station's own account, not unseen
    p.expect(0, "anna has a new password", "person", "password", "anna", "--recover", "she forgot it", lines=["the horse ate it"])
    ok(p.last("person-password")["recover"] == "she forgot it" and p.last("person-password")["by"].startswith("account "),
       "what is done without an administrator says so", p.last("person-password"))
    p.expect(0, "anna: officer,administrator", "person", "check", lines=["anna", "the horse ate it"])

    # a trail that cannot be written
    before = (p.at / "people" / "people.json").read_bytes()
    (p.at / "keys" / "audit.key").rename(p.at / "keys" / "away")
    p.expect(2, "audit.key", "person", "add", "mallory", "--role", "administrator", "--recover", "x", lines=["of no use to him"])
    p.expect(2, "audit.key", "person", "check", lines=["anna", "the horse ate it"])
    (p.at / "keys" / "away").rename(p.at / "keys" / "audit.key")
    ok((p.at / "people" / "people.json").read_bytes() == before, "without a trail nobody is added")
    p.expect(0, "", "audit", "verify")

    # a list that is not as it was written lets nobody in
    (p.at / "people" / "people.json").write_bytes(before.replace(b'"until":0', b'"until":"0"'))
    p.expect(1, "cannot be used", "person", "check", lines=["anna", "the horse ate it"])
    p.expect(2, "not as it was written", "person", "list")
    (p.at / "people" / "people.json").write_bytes(before)
    os.chmod(p.at / "people", 0o770)
    p.expect(1, "cannot be used", "person", "check", lines=["anna", "the horse ate it"])
    os.chmod(p.at / "people", 0o700)
    trail = (p.at / "audit" / "audit.jsonl").read_text()
    ok(not any(s in trail for s in [*SECRET.values(), "another secret", "the horse ate it", "wrong secret"]), "no secret is in the trail")


def typed(p, args, talk):
    """`lazaret` at a terminal; `talk`: pairs of what is waited for and what is typed then. All that was shown, and the exit status."""
    pid, fd = pty.fork()
    if pid == 0:
        os.execv(BIN / "lazaret", ["lazaret", "-C", str(p.at), *args])
    shown, status = b"", None
    talk = list(talk)
    until = time.monotonic() + 60
    while time.monotonic() < until:
        if select.select([fd], [], [], 0.2)[0]:
            try:
                data = os.read(fd, 4096)
            except OSError:
                data = b""
            if not data:
                break
            shown += data
        if talk and talk[0][0].encode() in shown:
            wait, text = talk.pop(0)
            os.write(fd, text.encode())
            shown = shown.replace(wait.encode(), b"", 1) + b"|"
    if time.monotonic() >= until:
        os.kill(pid, signal.SIGKILL)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    os.close(fd)
    return shown.decode("utf-8", "replace"), status


def terminal(work):
    p = Place(work, "terminal")
    add = ["person", "add", "anna", "--role", "administrator"]
    shown, status = typed(p, add, [("New password of anna: ", SECRET["anna"] + "\n"), ("once more: ", SECRET["ben"] + "\n")])
    ok(status == 1 and "two different passwords" in shown, "typed twice, and not the same", shown)
    shown, status = typed(p, add, [("New password of anna: ", "x\x15the hirse\x7f\x7f\x7f\x7forse eats hay\n"),
                                   ("once more: ", SECRET["anna"] + "\n")])
    ok(status == 0 and "hay" not in shown, "typed with corrections, and never shown", shown)
    shown, status = typed(p, ["person", "check"], [("Name (person): ", "anna\n"), ("assword: ", SECRET["anna"] + "\n")])
    ok(status == 0 and "anna: administrator" in shown and "anna" in shown.split("|")[1] and "hay" not in shown, "the name is shown, the secret is not", shown)
    shown, status = typed(p, ["person", "check"], [("Name (person): ", "anna\n"), ("assword: ", "\x03")])
    ok(status == 1 and p.last("login-failed")["why"] == "broken-off", "^C breaks off, which counts", shown)


# -- the daemon ---------------------------------------------------------------------------------------------------------

def sessions(work):
    p = Place(work, "sessions", "people: {tries: 3, lock-time: 1h, session-time: 1h}\n")
    add_people(p)
    p.start()
    one, two = p.connect(), p.connect()
    ok(one.station["operators"] == "none" and one.station["questions"] == [], "the station says whom it wants to know", one.station)
    ok(not [e for e in one.seen if e["event"] == "session"], "nobody is logged in, and nothing is told of it")
    began = time.monotonic()
    wrong = refused(lambda: one.ask("login", person="anna", secret="wrong"), "wrong", "a wrong secret")
    took = time.monotonic() - began
    began = time.monotonic()
    unknown = refused(lambda: one.ask("login", person="nobody.here", secret="wrong"), "wrong", "an unknown person")
    ok(wrong == unknown and min(took, time.monotonic() - began) > 0.8, "look the same, and wait for the same moment", (wrong, unknown, took))
    failed = p.last("login-failed")
    ok(failed["person"] is None and "nobody" not in json.dumps(failed) and failed["uid"] == os.getuid(), "of an unknown name nothing is kept", failed)
    refused(lambda: one.ask("login", person="root", secret="wrong"), "wrong", "who is known to the system alone")
    refused(lambda: one.ask("login", person="", secret="x"), "bad-request", "no name")
    refused(lambda: one.ask("login", person="anna", secret="x" * 512), "bad-request", "a secret that is too long")
    refused(lambda: one.ask("login-answer", secret="x"), "not-now", "an answer to no question")

    session = one.ask("login", person="anna", secret=SECRET["anna"])["session"]
    ok(session["person"] == "anna" and session["full_name"] == "Anna A." and session["roles"] == ["officer", "administrator"]
       and 3500 < session["ends"] - time.time() <= 3601, "the right secret", session)
    one.wait_for(lambda c: [e for e in c.seen if e["event"] == "session" and e["person"] == "anna"])
    two.ask("state")
    ok(not [e for e in two.seen if e["event"] == "session"], "another connection is told nothing of it")
    session = two.ask("login", person="ben", secret=SECRET["ben"])["session"]
    ok(session["person"] == "ben", "two people on two connections")
    session = one.ask("login", person="olga", secret=SECRET["olga"])["session"]
    ok(session["person"] == "olga" and p.last("logout") == {"person": "anna", "why": "another"}, "another person on the same connection", session)
    two.ask("logout")
    two.wait_for(lambda c: c.seen[-1]["event"] == "session" and c.seen[-1]["person"] is None)
    ok(p.last("logout") == {"person": "ben", "why": "logout"}, "logged out", p.last("logout"))
    two.ask("logout")

    # removed while he is logged in; gone with his connection
    p.expect(0, "no longer known", "person", "remove", "olga", lines=["anna", SECRET["anna"]])
    one.wait_for(lambda c: [e for e in c.seen if e["event"] == "session"][-1]["person"] is None, 30)
    ok(p.last("logout") == {"person": "olga", "why": "removed"}, "who is removed is logged out", p.last("logout"))
    two.ask("login", person="ben", secret=SECRET["ben"])
    two.close()
    until = time.monotonic() + 30
    while p.last("logout")["why"] != "gone" and time.monotonic() < until:
        one.serve(0.1)
    ok(p.last("logout") == {"person": "ben", "why": "gone"}, "a session ends with its connection", p.last("logout"))

    # locked, over a restart
    for _ in range(3):
        try:
            one.ask("login", person="ben", secret="guess")
        except control.Refused:
            pass
    refused(lambda: one.ask("login", person="ben", secret=SECRET["ben"]), "locked-out", "after three guesses", "locked until")
    one.ask("login", person="anna", secret=SECRET["anna"])
    one.close()
    ok(p.stop() == 0, "the daemon ends", p.log.read_text())
    p.configure("people: {tries: 3, lock-time: 1h, session-time: 1s}\n")
    p.start()
    one = p.connect()
    refused(lambda: one.ask("login", person="ben", secret=SECRET["ben"]), "locked-out", "and after a restart")
    p.expect(0, "can log in again", "person", "unlock", "ben", lines=["anna", SECRET["anna"]])
    session = one.ask("login", person="ben", secret=SECRET["ben"])["session"]
    one.wait_for(lambda c: c.seen[-1]["event"] == "session" and c.seen[-1]["person"] is None)
    ok(p.last("logout") == {"person": "ben", "why": "time"} and session["ends"] - time.time() < 2, "a second without a request ends it", session)

    # one account, however many connections it has, keeps nobody else out
    if os.geteuid() == 0:
        told, tell = os.pipe()
        stop, go_on = os.pipe()
        crowd = os.fork()
        if crowd == 0:
            os.close(go_on)
            os.setgroups([os.getgid()])  # of the control socket; an account of another number
            os.setresgid(65534, 65534, 65534)
            os.setresuid(65534, 65534, 65534)
            try:
                cs = [control.connect(p.at / "control.sock", 5) for _ in range(6)]
                ids = [c.send("login", person="ben", secret="") for c in cs]
                for c in cs:
                    c.serve(10)
                os.write(tell, " ".join(str(c.answers[n].get("error", {}).get("code")) for c, n in zip(cs, ids)).encode())
                os.read(stop, 1)
            finally:
                os._exit(0)
        os.close(tell)
        codes = os.read(told, 1000).decode().split()
        ok(codes.count("too-many") == 3 and len(codes) == 6, "three log-ins at a time of one account", codes)
        ok("session" in one.ask("login", person="anna", secret=SECRET["anna"]), "and others go on")
        one.ask("logout")
        os.close(go_on)
        os.waitpid(crowd, 0)
        os.close(told)
        os.close(stop)

    # guesses at names fill no disk
    many = [p.connect() for _ in range(7)]
    if time.time() % 60 > 30:
        time.sleep(61 - time.time() % 60)  # so many of each minute are, and these shall be of one
    before = p.count("login-failed")
    for _ in range(4):
        ids = [(c, c.send("login", person="x%d" % k, secret="y")) for k, c in enumerate(many)]
        for c, number in ids:
            c.wait_for(lambda c: number in c.answers, 60)
    ok(p.count("login-failed") - before <= 21, "of many guesses at names not every one is recorded", p.count("login-failed") - before)
    more = [p.connect() for _ in range(3)]
    slow = [(c, c.send("login", person="y%d" % k, secret="y")) for k, c in enumerate(many + more)]
    codes = []
    for c, number in slow:
        c.wait_for(lambda c: number in c.answers, 60)
        codes.append(c.answers[number]["error"]["code"])
    ok(codes.count("too-many") >= 1 and set(codes) <= {"too-many", "wrong", "locked-out"}, "and only so many log in at a time", codes)
    for c in many + more:
        c.close()
    one.close()
    ok(p.stop() == 0 and "wrong" not in p.log.read_text(), "ends in good order, and its log has no secret", p.log.read_text())
    p.expect(0, "", "audit", "verify")


def second_factor(work):
    """A password and a one-time password, as a site would have it: PAM asks twice."""
    p = Place(work, "second", "people: {tries: 4, lock-time: 1h, answer-time: 4s}\n")
    add_people(p, ("anna", "ben"))
    oath = p.at / "people" / "oath"
    oath.write_text("HOTP anna - %s\nHOTP -nobody- - %s\n" % (KEY.hex(), os.urandom(20).hex()))
    os.chmod(oath, 0o600)
    p.stack(p.passwords(), "auth required pam_oath.so usersfile=%s window=5 digits=6" % oath, "account required pam_permit.so")
    p.expect(0, "anna: officer", "person", "check", lines=["anna", SECRET["anna"], hotp(0)])
    p.expect(1, "wrong", "person", "check", lines=["anna", SECRET["anna"], hotp(0)])  # used already
    p.expect(1, "wrong", "person", "check", lines=["anna", "wrong", hotp(1)])
    p.start()
    c = p.connect()
    prompt = c.ask("login", person="anna", secret=SECRET["anna"])
    ok("session" not in prompt and "anna" in prompt["prompt"]["text"] and isinstance(prompt["prompt"]["echo"], bool), "PAM asks for more", prompt)
    session = c.ask("login-answer", secret=hotp(2))["session"]
    ok(session["person"] == "anna", "the second answer", session)
    for name, code in (("anna", hotp(3)), ("carl", "123456")):
        prompt = c.ask("login", person=name, secret="wrong")
        ok("`%s'" % name in prompt["prompt"]["text"], "a wrong first answer shows nothing yet: %s" % name, prompt)
        refused(lambda: c.ask("login-answer", secret=code), "wrong", "the second does not help: " + name)
    refused(lambda: c.ask("login-answer", secret=code), "not-now", "it is over then")
    c.ask("login", person="anna", secret=SECRET["anna"])
    c.ask("login-cancel")
    ok(p.last("login-failed")["why"] == "broken-off" and p.last("login-failed")["person"] == "anna", "cancelled, which counts", p.last("login-failed"))
    c.ask("login-cancel")
    c.ask("login", person="anna", secret=SECRET["anna"])
    c.close()
    c = p.connect()
    until = time.monotonic() + 30
    while p.count("locked-out") == 0 and time.monotonic() < until:
        c.serve(0.1)
        if p.last("login-failed")["failed"] == 3:  # 1: wrong, 2: cancelled, 3: gone, 4: too late
            c.ask("login", person="anna", secret=SECRET["anna"])
            while p.count("locked-out") == 0 and time.monotonic() < until:
                c.serve(0.1)
    ok(p.last("login-failed")["why"] == "time" and p.last("locked-out")["person"] == "anna", "neither leaving nor waiting is free of charge",
       p.records()[-4:])
    refused(lambda: c.ask("login-answer", secret=hotp(4)), "not-now", "an answer that comes too late")

    # a stack that is broken says so, and is nobody's fault
    p.stack("auth required pam_there_is_none.so", "account required pam_permit.so")
    for _ in range(5):
        refused(lambda: c.ask("login", person="ben", secret=SECRET["ben"]), "unavailable", "a module that is not there")
    p.stack(p.passwords(), "account required pam_permit.so")
    ok(c.ask("login", person="ben", secret=SECRET["ben"])["session"]["person"] == "ben", "put right: he was not locked")
    os.chmod(p.at / "pam.d" / "lazaret", 0o666)
    refused(lambda: c.ask("login", person="ben", secret=SECRET["ben"]), "unavailable", "a service file that others may write")
    os.chmod(p.at / "pam.d" / "lazaret", 0o644)
    (p.at / "pam.d" / "lazaret").rename(p.at / "pam.d" / "other")
    refused(lambda: c.ask("login", person="ben", secret=SECRET["ben"]), "unavailable", "PAM's \"other\" is never taken")
    (p.at / "pam.d" / "other").rename(p.at / "pam.d" / "lazaret")
    # expired by PAM's word; a stack that lets everybody in lets in only whom the station knows
    p.stack(p.passwords(), "account required pam_debug.so acct=acct_expired" if have("pam_debug.so") else "account required pam_permit.so")
    if have("pam_debug.so"):
        refused(lambda: c.ask("login", person="ben", secret=SECRET["ben"]), "expired", "an account that PAM says has expired")
    p.stack("auth required pam_permit.so", "account required pam_permit.so")
    ok(c.ask("login", person="ben", secret="")["session"]["person"] == "ben", "a stack that asks nothing")
    refused(lambda: c.ask("login", person="carl", secret=""), "wrong", "and somebody whom the station does not know")
    refused(lambda: c.ask("login", person="root", secret=""), "wrong", "not even root")
    # what PAM says without asking; what a module of PAM sees of us
    p.stack("auth optional pam_echo.so Touch the key \u00e4\u001b[2J", p.passwords(), "account required pam_permit.so")
    refused(lambda: c.ask("login", person="ben", secret="not his"), "wrong", "a remark of PAM's before a refusal")
    notes = {e["note"] for e in c.seen if e["event"] == "session"}
    ok(any(n and n.startswith("Touch the key") and "\u001b" not in n for n in notes), "what PAM says is told, and escaped", notes)
    p.stack("auth required pam_exec.so quiet expose_authtok %s" % spy(p), "account required pam_permit.so")
    c.ask("login", person="ben", secret=SECRET["ben"])
    seen = dict(line.split("=", 1) for line in (p.at / "seen").read_text().splitlines())
    ok(seen["secret"] == SECRET["ben"] and seen["fds"] == "0 1 2" and seen["nnp"] == "1" and seen["seccomp"] == "2" and seen["core"] == "0",
       "a module's program gets the secret, and none of our descriptors or privileges", seen)
    if os.getuid() == 0:
        ok(int(seen["caps"], 16) & ~0xcf == 0, "of capabilities only what PAM may need", seen)
    c.close()
    ok(p.stop() == 0, "the daemon ends", p.log.read_text())


def have(module):
    return any(pathlib.Path(d, module).exists() for d in ("/usr/lib/x86_64-linux-gnu/security", "/lib/security", "/usr/lib/security",
                                                          "/usr/lib/aarch64-linux-gnu/security"))


def spy(p):
    """A program for pam_exec that writes down what it has."""
    script = p.at / "spy"
    script.write_text("#!/bin/sh\nsecret=$(tr -d '\\0')\n{ echo secret=$secret; echo fds=$(ls /proc/self/fd | grep -v '^[3-9]' | tr '\\n' ' ' | sed 's/ $//')\n"
                      "echo nnp=$(sed -n 's/NoNewPrivs:\\t//p' /proc/self/status); echo seccomp=$(sed -n 's/Seccomp:\\t//p' /proc/self/status)\n"
                      "echo caps=$(sed -n 's/CapBnd:\\t//p' /proc/self/status); echo core=$(ulimit -c); } >%s/seen\n" % p.at)
    script.chmod(0o755)
    return script


# -- who brings a medium, and what is known of it ----------------------------------------------------------------------

def ask_for(p, *words):
    rules = p.at / "rules.yaml"
    rules.write_text(re.sub(r"(?m)^media:.*\n", "", rules.read_text()) + ("media: {%s}\n" % ", ".join("%s: true" % w for w in words) if words else ""))


def inspections(work):
    p = Place(work, "inspections", "operators: authenticated\n")
    medium = work / "medium"
    medium.mkdir()
    (medium / "a.txt").write_text("words\n")
    add_people(p)
    p.expect(2, "no terminal", "inspect", medium)
    p.expect(2, "wrong", "inspect", medium, lines=["olga", "wrong"])
    p.expect(2, "has not the role", "inspect", medium, lines=["ben", SECRET["ben"]])
    p.expect(2, "it was olga who logged in", "inspect", "--operator", "anna", medium, lines=["olga", SECRET["olga"]])
    direct = subprocess.run([BIN / "lazaretd", "-C", p.at, "--inspect", "--operator", "olga", medium], capture_output=True, text=True, timeout=120)
    ok(direct.returncode == 2 and not list((p.at / "reports").iterdir()), "lazaretd takes no name that nobody vouches for", direct)
    q = p.run("inspect", "--json", medium, lines=["olga", SECRET["olga"]])
    report = json.loads(q.stdout)
    ok(q.returncode == 0 and report["operator"] == "olga" and report["station"]["operators"] == "authenticated" and report["owner"] == ""
       and report["ticket"] == "", "inspected, by who logged in", q.stderr)
    ok(p.last("inspection-started")["operators"] == "authenticated" and p.last("login")["for"] == "inspect", "and recorded so", p.records()[-4:])

    p.configure("operators: named\n")
    ask_for(p, "owner", "ticket")
    p.expect(0, "", "rules", "check")
    p.expect(2, "whose the medium is (owner), under which ticket", "inspect", "--operator", "x", medium)
    p.expect(2, "under which ticket", "inspect", "--operator", "x", "--owner", "Dock 4", "--ticket", "  ", medium)
    q = p.run("inspect", "--json", "--operator", "x", "--owner", "Dock 4 \u202e", "--ticket", "T-7", medium)
    report = json.loads(q.stdout)
    ok(q.returncode == 0 and report["owner"] == "Dock 4 \\u{202E}" and report["ticket"] == "T-7" and report["station"]["operators"] == "named",
       "whose it is and why stands in the report", (report["owner"], q.stderr))
    started = p.last("inspection-started")
    ok(started["owner"] == "Dock 4 \\u{202E}" and started["ticket"] == "T-7", "and in the trail", started)
    valid = subprocess.run([pathlib.Path(__file__).parents[1] / "lib" / "validate-report", p.at / "reports" / (report["transfer"] + ".json")],
                           capture_output=True, text=True)
    ok(valid.returncode == 0, "the report is as its schema says", valid.stdout + valid.stderr)
    ask_for(p, "reason")
    p.expect(2, "why it is brought (reason)", "inspect", "--operator", "x", medium)
    p.expect(0, "", "inspect", "--operator", "x", "--reason", "pumps", medium)
    ask_for(p, "colour")
    p.expect(1, "colour", "rules", "check")


def plugged_in(work):
    """The daemon, a medium, and somebody who has to log in for it."""
    if os.geteuid() != 0 or not os.path.exists("/dev/loop-control"):
        skip("operators: authenticated, with a medium", "needs root and loop devices")
        return
    from station import Station, Stick
    s = Station(work, "plugged", extra="operators: authenticated\n")
    p = Place.__new__(Place)
    p.at = s.at
    add_people(p)
    ask_for(p, "owner")
    s.start().ready()
    stick = Stick(work, "plugged-stick", {"a.txt": b"hello\n"}).plug()
    try:
        ok(s.client.station["operators"] == "authenticated" and s.client.station["questions"] == ["owner"], "the station says what it wants", s.client.station)
        m = s.client.wait_medium(lambda m: m["state"] == "identify")
        n = m["medium"]
        refused(lambda: s.client.ask("identify", medium=n, operator="olga", reason="", owner="Dock 4"), "not-permitted", "nobody has logged in", "log in first")
        other = control.connect(s.at / "control.sock")
        other.ask("login", person="olga", secret=SECRET["olga"])
        refused(lambda: s.client.ask("identify", medium=n, operator="olga", reason="", owner="Dock 4"), "not-permitted", "somebody has, elsewhere")
        s.client.ask("login", person="ben", secret=SECRET["ben"])
        refused(lambda: s.client.ask("identify", medium=n, reason="", owner="Dock 4"), "not-permitted", "an officer is no operator", "which ben has not")
        refused(lambda: other.ask("identify", medium=n, operator="anna", owner="x"), "bad-request", "in another's name", "olga has logged in")
        refused(lambda: other.ask("identify", medium=n, reason="pumps"), "bad-request", "without an owner", "whose the medium is")
        ok(s.client.media[n]["state"] == "identify", "all the time it waits")
        other.ask("identify", medium=n, reason="pumps", owner="Dock 4", ticket="T-7")
        m = s.client.wait_state(n, "done")
        ok(m["outcome"] == "published" and (m["operator"], m["owner"], m["ticket"]) == ("olga", "Dock 4", "T-7"), "then it is inspected", m)
        report = json.loads((s.at / "reports" / (m["transfer"] + ".json")).read_text())
        ok(report["operator"] == "olga" and report["owner"] == "Dock 4" and report["station"]["operators"] == "authenticated", "and its report says for whom", report["station"])
        s.client.ask("again", medium=n)
        m = s.client.wait_medium(lambda m: m["medium"] != n)
        s.client.wait_state(m["medium"], "identify")
        ok(True, "once more: somebody has to log in for it again")
    finally:
        stick.pull()
        s.stop()


TESTS = [commands, terminal, sessions, second_factor, inspections, plugged_in]


def main():
    work = pathlib.Path(tempfile.mkdtemp(prefix="lazaret-people."))
    os.chmod(work, 0o755)
    try:
        for test in TESTS:
            if sys.argv[1:] and test.__name__ not in sys.argv[1:]:
                continue
            try:
                test(work)
            except (TimeoutError, control.Gone, control.Refused, OSError, subprocess.SubprocessError, KeyError, IndexError, StopIteration,
                    AssertionError, json.JSONDecodeError) as e:
                ok(False, "%s runs to its end" % test.__name__, "%s: %s" % (type(e).__name__, e))
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return finish()


if __name__ == "__main__":
    sys.exit(main())
