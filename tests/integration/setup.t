#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""A machine that is no station yet, with the real lazaretd and lazaret-console in a terminal of 80x24: answers on a medium, each refusal
with its words, answers that are typed; and what the appliance's set-up makes of them. Then what an administrator does at the machine. The
helper that restarts and sets the clock is one of the test's own, which only writes down what it was asked. Needs root and loop devices."""
import json
import os
import pathlib
import shutil
import struct
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "lib"), os.path.join(HERE, "..", "console")]
import control  # noqa: E402
import station  # noqa: E402
from kiosk import Helper, person, until  # noqa: E402
from station import Station, Stick  # noqa: E402
from tap import BUILD, EICAR, ROOT, make_databases, ok  # noqa: E402
from terminal import Tmux  # noqa: E402

TREE = ROOT / "image/appliance/tree/usr/lib/lazaret"
HASH = "$6$N0e9tPcDBwX2TLck$s.XdCXFBCYmx2Htg6Mgah24/qlQ4YmvrZYgoORng6lLp/TGCOQYJfcsZpjQiKKVOq/w4ur.ISzYCqKH1Mlxet."  # "correct horse battery"
ANSWERS = """name: "Gate 3: north"
profile: documents
time-zone: Europe/Berlin
media-ports: [1-2, 1-3]
inputs: [{port: 1-1, id: '046d:c31c'}]
persons:
  - {name: anna, full-name: Anna Ahrens, roles: [administrator], hash: '%s'}
  - {name: ben, roles: [officer]}
""" % HASH


class Waiting(Station):
    """One that awaits its set-up, and trusts a site's key."""

    def __init__(self, work, name, **more):
        super().__init__(work, name, extra="awaits-set-up: true\nselfcheck: {on-bad: warn}\n", **more)
        self.out = work / name / "out"
        self.out.mkdir()
        for key in ("site", "other"):
            subprocess.run(["minisign", "-G", "-W", "-p", self.out / (key + ".pub"), "-s", self.out / (key + ".key")], check=True,
                           stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        done = self.run("key", "trust", self.out / "site.pub", "--name", "site", "--for", "update", "--yes")
        assert done.returncode == 0, done.stderr
        self.helper = Helper(work / name / "machine.sock")
        self.arguments = ("--machine", self.helper.path)

    def sign(self, text, key="site"):
        """The two files of a stick."""
        path = self.out / "lazaret-answers"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        subprocess.run(["minisign", "-S", "-s", self.out / (key + ".key"), "-m", path], check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        return {"lazaret-answers": path.read_bytes(), "lazaret-answers.minisig": (self.out / "lazaret-answers.minisig").read_bytes()}

    def plug(self, work, name, files):
        """Until it has been looked through."""
        stick = Stick(work, name, files).plug()
        try:
            done = self.client.wait_medium(lambda m: m["state"] == "done")
            self.client.ask("dismiss", medium=done["medium"])
        finally:
            stick.pull()
        self.client.wait_for(lambda c: not c.media)
        self.client.wait_for(lambda c: c.station["set_up"] and (c.station["set_up"]["by"] or c.station["set_up"]["refused"]))
        return done, self.client.station["set_up"]

    def kept(self, name):
        path = self.at / "set-up" / name
        return path.read_text() if path.exists() else None


def by_medium(work):
    s = Waiting(work, "medium").start().ready()
    number = s.client.station["id"]
    try:
        ok(s.client.station["set_up"] == {"by": None, "refused": None, "password_length": 12} and s.client.station["machine"], "it waits", s.client.station)
        unsigned = {"lazaret-answers": ANSWERS.encode()}
        good = s.sign(ANSWERS)
        cut = {**good, "lazaret-answers": good["lazaret-answers"][:-10]}
        other = s.sign(ANSWERS, "other")
        cases = (
            ("none", {"readme.txt": b"nothing\n"}, "there is no file of this name on the medium"),
            ("deeper", {"folder/lazaret-answers": good["lazaret-answers"], "folder/lazaret-answers.minisig": good["lazaret-answers.minisig"]}, "no file of this name"),
            ("unsigned", unsigned, "there is no signature lazaret-answers.minisig beside it"),
            ("torn", cut, "does not match its bytes"),
            ("other-key", other, "which this station does not know"),
            ("other-machine", s.sign(ANSWERS + "for: 0123456789abcdef\n"), "they are for another machine"),
            ("no-yaml", s.sign("name: [\n"), "line 2: not valid YAML"),
            ("unknown", s.sign(ANSWERS + "colour: blue\n"), "line 9: "),
            ("zone", s.sign("time-zone: ../../../etc/passwd\n"), "there is no such zone"),
            ("any-port", s.sign("media-ports: [any]\n"), "any is for trying"),
            ("nobody", s.sign("persons: [{name: ben, roles: [officer]}]\n"), "one of them must be an administrator"),
            ("large", s.sign("# " + "x" * 66000 + "\n" + ANSWERS), "larger than 64 KiB"),
        )
        for name, files, words in cases:
            (s.at / "set-up/refused").unlink(missing_ok=True)
            _, told = s.plug(work, "medium-" + name, files)
            ok(told["by"] is None and words in (told["refused"] or ""), "refused: %s" % name, told)
        ok(s.kept("by") is None and not s.helper.asked, "nothing comes of any of them", s.helper.asked)
        # approved by these rules, and yet nothing of it is published
        (s.at / "set-up/refused").unlink(missing_ok=True)
        medium, told = s.plug(work, "medium-good", {**s.sign(ANSWERS + "for: %s\n" % number), "note.txt": b"hello\n", "eicar.com": EICAR})
        ok(told["by"] and told["by"].startswith("key site (") and told["refused"] is None, "what the site's key has signed is taken", told)
        ok(medium["outcome"] == "refused" and medium["counts"]["approved"] > 0 and not s.staged(), "nothing of the medium is published", medium)
        ok(until(lambda: s.helper.asked == ["restart"]), "and the machine restarts", s.helper.asked)
        before = s.kept("answers")
        _, told = s.plug(work, "medium-second", s.sign(ANSWERS.replace("north", "south")))
        ok(s.kept("answers") == before and "north" in before, "answers that came later do not take their place", before)
        ok(oct((s.at / "set-up").stat().st_mode & 0o777) == "0o700", "nobody else reads the hashes")
        ok("set-up-answered" in s.types(), "it is in the trail", s.types())
    finally:
        s.stop()


def by_hand(work):
    s = Waiting(work, "hand").start().ready()
    directory = pathlib.Path(tempfile.mkdtemp(dir=work))
    c = Tmux(None, directory, socket_path=s.at / "control.sock")

    def shows(words, what):
        ok(c.shows(*words, deadline_s=120), what, c.text())
    try:
        shows(["THIS MACHINE IS NOT SET UP YET.", "lazaret-answers", s.client.station["id"], "Enter Type the answers"], "the first screen says what it waits for")
        c.press("enter")
        shows(["1 OF 5: THE STATION", "The clock shows 20", "< strict >"], "the form begins with the station")
        c.press("enter")
        shows(["The station needs a name."], "a station without a name is none")
        c.press("Gate 4", "enter", "enter", "Europe/Nowhere", "enter", "2026-13-01 10:00", "enter")
        shows(["A date and a time in UTC, such as"], "a clock that is none")
        c.press("clear", "2031-01-02 03:04", "enter")
        shows(["2 OF 5: THE ADMINISTRATOR", "The clock is set."], "the clock is set")
        ok(s.helper.asked == ["clock 1925089440"], "by the helper", s.helper.asked)
        c.press("anna", "enter", "short", "enter", "shorter", "enter")
        shows(["These are two different passwords."], "a password that was typed differently the second time")
        c.press("short", "enter", "short", "enter")
        shows(["3 OF 5: THE SECURITY OFFICER"], "the officer")
        c.press("anna", "enter", "nine green bottles", "enter", "nine green bottles", "enter")
        shows(["must be another person"], "who is not the administrator")
        c.press("clear", "ben", "enter", "enter", "enter")
        shows(["4 OF 5: PORTS", "Plug a stick into each port", "no port yet", "not on USB"], "ports")
        c.press("enter")
        shows(["5 OF 5: IS ALL OF IT RIGHT?", "Gate 4", "strict", "anna", "ben"], "all of it, once more")
        ok("short" not in c.text() and "bottles" not in c.text(), "no password is on the screen", c.text())
        c.press("enter")
        shows(["the password of anna is refused: it is shorter"], "a password that is too short is refused, with its reason")
        for _ in range(3):
            c.press("esc")
        shows(["2 OF 5: THE ADMINISTRATOR"], "Esc goes back")
        c.press("down", "clear", "the horse eats hay", "enter", "clear", "the horse eats hay", "enter", "enter", "enter", "enter", "enter")
        c.press("enter")
        shows(["there is no such zone"], "a time zone that is none is refused")
        for _ in range(4):
            c.press("esc")
        shows(["1 OF 5: THE STATION"], "back to it")
        c.press("down", "right", "down", "clear", "Europe/Berlin", "enter", "enter")
        for _ in range(6):
            c.press("enter")
        c.press("enter")
        shows(["5 OF 5", "Europe/Berlin", "updates"], "put right")
        c.press("enter")
        shows(["THE ANSWERS ARE TAKEN. THE MACHINE RESTARTS."], "taken")
        ok(until(lambda: s.helper.asked[-1] == "restart"), "the machine restarts", s.helper.asked)
        kept = json.loads(s.kept("answers"))
        ok(kept["name"] == "Gate 4" and kept["profile"] == "updates" and [p["name"] for p in kept["persons"]] == ["anna", "ben"], "what was typed is kept", kept)
        ok("hay" not in s.kept("answers") and all(p["hash"].startswith("$y$") and "secret" not in p for p in kept["persons"]), "secrets only as their hashes", kept)
        ok(s.kept("by") == "typed at the machine\n", "and whose they are", s.kept("by"))
        for request, words in (({"answers": {}}, "about to restart|two different persons"), ({"answers": 7}, "an object")):
            try:
                s.client.ask("set-up", **request)
                ok(False, "%s is refused" % request)
            except control.Refused as e:
                ok(any(w in str(e) for w in words.split("|")), "%s is refused" % request, e)
        clocks = [r["body"] for r in s.records() if r["type"] == "maintenance"]
        ok([b["value"] for b in clocks] == [1925089440] and clocks[0]["by"].startswith("nobody yet"), "the clock is in the trail", clocks)
        for name, fields in (("machine", {"action": "restart"}), ("machine", {"action": "zone", "value": "UTC"}), ("people", {}),
                             ("person", {"action": "add", "person": "eve", "roles": ["administrator"], "secret": "a long enough one"})):
            try:
                s.client.ask(name, **fields)
                ok(False, "%s %s without a log-in is refused" % (name, fields))
            except control.Refused as e:
                ok(e.code == "not-permitted", "%s %s without a log-in is refused" % (name, fields.get("action", "")), e)
    finally:
        c.close()
        s.stop()
    made_of_it(work, s)


def run_set_up(site, var):
    return subprocess.run([TREE / "set-up"], env={**os.environ, "SITE": str(site), "VAR": str(var), "PATH": "%s:%s:%s" % (BUILD / "bin", var, os.environ["PATH"])},
                          capture_output=True, text=True, timeout=120, check=False)


def made_of_it(work, s):
    """The script of lazaret-setup.service, from what was typed, to the station; cut short at each of its steps."""
    site, var = work / "site", work / "var"
    site.mkdir()
    make_databases(site / "databases")
    shutil.copy(s.out / "site.pub", site)
    (var / "lib/lazaret").mkdir(parents=True)
    for name in ("hwclock", "date"):
        (var / name).write_text("#!/bin/sh\nexit 0\n")
        (var / name).chmod(0o755)
    first = run_set_up(site, var)
    text = (var / "lib/lazaret/lazaret.yaml").read_text()
    made = var / "lib/lazaret-appliance"
    number = (made / "number").read_text()
    ok(first.returncode == 0 and "awaits-set-up: true" in text and number in text and not (made / "made").exists(), "without answers it waits", first.stderr)
    again = run_set_up(site, var)
    ok(again.returncode == 0 and number in (var / "lib/lazaret/lazaret.yaml").read_text(), "with the same number after each boot", again.stderr)

    broken = var / "lib/lazaret/set-up"
    broken.mkdir(mode=0o700)
    (broken / "answers").write_text("profile: none such\n")
    (broken / "by").write_text("the test\n")
    done = run_set_up(site, var)
    ok(done.returncode == 0 and "awaits-set-up: true" in (var / "lib/lazaret/lazaret.yaml").read_text() and
       "no station could be made" in (var / "lib/lazaret/set-up/refused").read_text(), "answers of which nothing can be made: it asks anew", done.stderr)

    half = var / "lib/lazaret/set-up"
    shutil.copy(s.at / "set-up/answers", half)
    done = run_set_up(site, var)
    ok("awaits-set-up: true" in (var / "lib/lazaret/lazaret.yaml").read_text() and not (made / "made").exists(), "half-written answers are none", done.stderr)

    (var / "lib/lazaret/set-up").mkdir(exist_ok=True)
    for name in ("answers", "by"):
        shutil.copy(s.at / "set-up" / name, var / "lib/lazaret/set-up")
    # power fails when they have been moved, and when the station is half made
    shutil.copytree(var / "lib/lazaret/set-up", made / "set-up")
    shutil.rmtree(var / "lib/lazaret/set-up")
    (var / "lib/lazaret/lazaret.yaml").unlink()
    done = run_set_up(site, var)
    text = (var / "lib/lazaret/lazaret.yaml").read_text()
    ok(done.returncode == 0 and (made / "made").exists() and 'name: "Gate 4"' in text and "awaits" not in text and number in text, "the station is made of them", done.stderr)
    ok("media-ports" not in "".join(l for l in text.splitlines() if not l.startswith("#")), "where no port was named none lets media in", text)
    ok((made / "localtime").read_bytes() == pathlib.Path("/usr/share/zoneinfo/Europe/Berlin").read_bytes(), "its time zone")
    ok(not (made / "set-up").exists(), "the hashes are in one place alone")
    trail = [json.loads(line) for line in (var / "lib/lazaret/audit/audit.jsonl").read_text().splitlines()]
    ok([r["type"] for r in trail][1:4] == ["set-up", "person-added", "person-added"] and trail[1]["body"]["by"] == "typed at the machine", "the trail begins with it", trail)
    inode = (var / "lib/lazaret/lazaret.yaml").stat().st_ino
    ok(run_set_up(site, var).returncode == 0 and (var / "lib/lazaret/lazaret.yaml").stat().st_ino == inode, "and it is left alone from then on")


def helper(work):
    """The appliance's own, for what does not end this machine."""
    var = work / "helper"
    (var / "lib/lazaret-appliance").mkdir(parents=True)
    for name in ("date", "hwclock"):
        (var / name).write_text('#!/bin/sh\necho "%s $*" >>"%s/asked"\n' % (name, var))
        (var / name).chmod(0o755)

    def ask(line):
        return subprocess.run([TREE / "machine"], input=line, env={**os.environ, "VAR": str(var), "PATH": "%s:%s" % (var, os.environ["PATH"])},
                              capture_output=True, text=True, timeout=30, check=False).stdout.strip()
    ok(ask("zone Europe/Berlin\n") == "ok" and (var / "lib/lazaret-appliance/localtime").read_bytes().startswith(b"TZif"), "a time zone")
    for line in ("zone ../../etc/passwd\n", "zone Europe\n", "zone Nowhere/City\n", "zone\n", "clock now\n", "clock -1\n", "clock 1;reboot\n", "", "\n", "poweroff\n", "restart-all 1\n"):
        ok(ask(line).startswith("error: "), "%r is refused" % line, ask(line))
    ok(not (var / "asked").exists(), "and nothing is done")
    ok(ask("clock 1925089440\n") == "ok" and (var / "asked").read_text() == "date -u -s @1925089440\nhwclock --noadjfile --utc --systohc\n", "the clock, and that of the battery")
    event = lambda kind, code, value: b"0123456789abcdef" + struct.pack("<HHi", kind, code, value)  # noqa: E731
    for events, pressed, what in (((event(1, 116, 0), event(0, 0, 0)), 0, "letting the power button go"), ((event(1, 115, 1),), 0, "another key"),
                                  ((event(1, 116, 1), event(0, 0, 0), event(1, 116, 0)), 1, "pressing the power button")):
        (var / "events").write_bytes(b"".join(events))
        done = subprocess.run([TREE / "power-button", var / "events"], env={**os.environ, "TELL": "echo pressed"}, capture_output=True, text=True, timeout=30, check=False)
        ok(done.stdout == "pressed\n" * pressed, "%s: %s" % (what, "off" if pressed else "nothing"), done)


SECRETS = {"anna": "the horse eats hay", "ben": "nine green bottles"}


def maintenance(work):
    """An administrator at the screen of a station that runs."""
    s = Station(work, "maintenance")
    s.helper = Helper(work / "maintenance/machine.sock")
    s.arguments = ("--machine", s.helper.path)
    person(s, "add", "anna", "--role", "administrator", "--full-name", "Anna Test", lines=[SECRETS["anna"]])
    person(s, "add", "ben", "--role", "officer", lines=["anna", SECRETS["anna"], SECRETS["ben"]])
    s.start().ready()
    c = Tmux(None, pathlib.Path(tempfile.mkdtemp(dir=work)), socket_path=s.at / "control.sock")

    def shows(words, what):
        ok(c.shows(*words, deadline_s=120), what, c.text())

    def bodies(kind="maintenance"):
        return [r["body"] for r in s.records() if r["type"] == kind]
    try:
        shows(["READY", "s Maintenance"], "the first screen offers it")
        c.press("s")
        shows(["WHO ARE YOU?"], "it begins with a log-in")
        c.press("anna", "enter", "not her secret", "enter")
        shows(["NOT RIGHT."], "a wrong secret")
        c.press("esc", "s", "ben", "enter", SECRETS["ben"], "enter")
        shows(["READY", "Maintenance takes an administrator."], "an officer is none")
        ok(not bodies(), "and has not been in", bodies())
        for name, fields in (("machine", {"action": "power-off"}), ("people", {}), ("selfcheck", {})):
            other = control.connect(s.at / "control.sock")
            try:
                other.ask("login", person="ben", secret=SECRETS["ben"])
                if name != "selfcheck": # root may
                    other.ask(name, **fields)
                    ok(False, "%s is not an officer's" % name)
            except control.Refused as e:
                ok(e.code == "not-permitted", "%s is not an officer's" % name, e)
            finally:
                other.close()
        c.press("o", "s", "anna", "enter", SECRETS["anna"], "enter")
        shows(["MAINTENANCE", "p  People", "c  Clock", "k  Self-check", "r  Restart", "x  Switch", "Anna Test until"], "the administrator is")
        ok(until(lambda: [b["action"] for b in bodies()] == ["enter"]) and bodies()[0]["by"] == "anna", "which is in the trail", bodies())

        c.press("c")
        shows(["CLOCK AND TIME ZONE", "It shows"], "clock and time zone")
        c.press("tomorrow", "enter")
        shows(["A date and a time in UTC"], "a clock that is none")
        c.press("clear", "2031-01-02 03:04", "enter")
        shows(["Done. It is in the audit trail."], "the clock is set")
        c.press("clear", "1999-01-02 03:04", "enter")
        shows(["a time from 2024 to 2099"], "a slip of the finger is refused")
        c.press("down", "Europe/Nowhere", "enter")
        shows(["there is no such time zone"], "a time zone that is none")
        c.press("clear", "Europe/Berlin", "enter")
        shows(["Done. It is in the audit trail."], "a time zone")
        ok(s.helper.asked == ["clock 1925089440", "zone Europe/Berlin"], "by the helper, and nothing else", s.helper.asked)
        s.helper.fails = ("clock", "restart")
        c.press("up", "2031-01-02 03:04", "enter")
        shows(["the test says no"], "what the machine could not do is said")
        ok(until(lambda: bodies()[-1].get("failed") == "the test says no"), "and recorded", bodies())
        c.press("esc")

        c.press("k")
        shows(["+ good", "r Look again"], "the self-check")
        c.press("end")
        c.press("esc", "p")
        shows(["People", "anna", "administrator", "Anna Test", "ben", "officer", "a Let in"], "people")
        c.press("x")
        shows(["REMOVE anna?"], "one is removed")
        c.press("enter")
        shows(["this is the last administrator"], "but not the last administrator")
        c.press("esc", "e", "4", "1", "enter")
        shows(["this is the last administrator"], "nor is she made an operator")
        c.press("esc", "a")
        shows(["LET SOMEBODY IN", "1 [ ] operator"], "somebody is let in")
        c.press("olga", "enter", "Olga Test", "enter", "1", "3", "3", "enter", "a long password", "enter", "another one", "enter")
        shows(["These are two different passwords."], "a password that was typed differently")
        c.press("short", "enter", "short", "enter")
        shows(["this password is refused: it is shorter"], "one that is too short")
        c.press("seven seas apart", "enter", "seven seas apart", "enter")
        shows(["Done.", "olga", "operator", "Olga Test"], "she is let in")
        ok("seas" not in c.text(), "no password was shown")
        c.press("down", "w", "eight more bottles", "enter", "eight more bottles", "enter")
        shows(["Done.", "People"], "a new password")
        c.press("e", "3", "enter")
        shows(["officer, auditor"], "another role")
        c.press("end", "x", "enter")
        ok(until(lambda: "olga" not in c.text() and "People" in c.text()), "removed again", c.text())
        for _ in range(5):
            try:
                s.client.ask("login", person="ben", secret="wrong wrong wrong")
            except control.Refused:
                pass
        c.press("esc", "p")
        shows(["! locked until"], "who is locked out is seen")
        c.press("end", "u")
        shows(["Done."], "and unlocked")
        s.client.ask("login", person="ben", secret="eight more bottles")
        s.client.ask("logout")
        ok(bodies("person-added")[-1]["by"] == "anna" and bodies("person-added")[-1]["person"] == "olga" and bodies("person-removed")[-1]["by"] == "anna" and
           bodies("person-unlocked")[-1] == {"by": "anna", "person": "ben"} and bodies("person-changed")[-1]["roles"] == ["officer", "auditor"] and
           bodies("person-password")[-1]["person"] == "ben", "all of it is in the trail with her name", s.types())
        c.press("esc", "r")
        shows(["RESTART THE MACHINE?"], "a restart asks first")
        c.press("enter")
        shows(["the test says no"], "one that fails is said")
        s.helper.fails = ()
        c.press("esc", "x")
        shows(["SWITCH THE MACHINE OFF?"], "so does switching off")
        c.press("enter")
        shows(["THE MACHINE IS SWITCHED OFF."], "it is switched off")
        ok(s.helper.asked[-1] == "power-off", "by the helper", s.helper.asked)
        c.press("esc", "esc")
        ok(until(lambda: bodies()[-1]["action"] == "leave"), "leaving is recorded", bodies())
        (s.at / "people/people.json").write_text((s.at / "people/people.json").read_text().replace('"administrator"', '"auditor"'))
        c.press("s")
        shows(["Not permitted: this takes the role administrator"], "who is none any more is refused, logged in or not")
    finally:
        c.close()
        s.stop()

def undo_at_the_screen(s, c, apply):
    """What `first` brought goes again: an officer and a second person, of what was shown."""
    shown = s.client.wait_for(lambda c: c.station["undo"]) and s.client.station["undo"]
    ok([(x["kind"], x["from"]["name"], x["to"]) for x in shown["changes"]] == [("rules", "first", None)] and shown["by"] == "ben" and shown["keys"] == [], "what going back changes", shown)

    def refused(words, code, what, **fields):
        try:
            s.client.ask("undo", **{"sha256": shown["sha256"], "reason": "false alarms", "person": "anna", "secret": SECRETS["anna"], **fields})
            ok(False, "not gone back: " + what)
        except control.Refused as e:
            ok(e.code == code and words in str(e), "not gone back: " + what, e)
    refused("log in", "not-permitted", "nobody has logged in")
    s.client.ask("login", person="anna", secret=SECRETS["anna"])
    refused("officer", "not-permitted", "by an administrator", person="ben", secret=SECRETS["ben"])
    s.client.ask("login", person="ben", secret=SECRETS["ben"])
    refused("must be another one", "same-person", "by one person twice", person="ben", secret=SECRETS["ben"])
    refused("reason", "bad-request", "without a reason", reason="  ")
    refused("something else", "not-found", "from something else", sha256="0" * 64)
    refused("", "wrong", "without her secret", secret="not her secret")
    ok("update-undo-approved" not in s.types() and not (s.at / "updates/undo.approved").exists(), "of which nothing is in the trail", s.types())
    s.client.ask("logout")
    ok(c.shows("None.", "b Go back"), "it is offered", c.text())
    c.press("b")
    ok(c.shows("GO BACK TO WHAT WAS IN FORCE BEFORE?", "what the station was set up with", "instead of first, version 1"), "with what changes", c.text())
    c.press("it blocks our drawings", "enter")
    c.shows("A SECOND PERSON")
    c.press("anna", "enter", SECRETS["anna"], "enter")
    ok(c.shows("Passed on."), "confirmed by a second person", c.text())
    told = [r["body"] for r in s.records() if r["type"] == "update-undo-approved"]
    ok(told == [{"by": "ben", "second": "anna", "reason": "it blocks our drawings", "sha256": shown["sha256"]}], "which the trail has first", told)
    s.client.ask("login", person="ben", secret=SECRETS["ben"])
    refused("confirmed already", "not-now", "twice")
    s.client.ask("logout")
    done = apply()
    body = [r["body"] for r in s.records() if r["type"] == "update-undone"]
    ok(done.returncode == 0 and [(b["by"], b["second"], b["reason"], b["was"]) for b in body] == [("ben", "anna", "it blocks our drawings", {"first": 1})], "then it is done, by the command",
       (done, body))
    s.client.wait_for(lambda c: c.station["undo"] is None and not c.station["sets"], 60)
    ok(not (s.at / "updates/undo.approved").exists() and apply().returncode == 0 and s.types().count("update-undone") == 1, "once")


def brought(work):
    """Update packs of an appliance that knows persons: an officer approves them at the screen, and the appliance's script applies them."""
    var = work / "brought"
    s = Station(work, "brought/lib")
    (var / "lib/lazaret-appliance").mkdir(parents=True)
    os.rename(s.at, var / "lib/lazaret")
    s.at = var / "lib/lazaret"
    (s.at / "pam.d/lazaret").write_text((s.at / "pam.d/lazaret").read_text().replace(str(work / "brought/lib/station"), str(s.at)))
    s.helper = Helper(work / "brought/machine.sock")
    s.arguments = ("--machine", s.helper.path)
    for key in ("site", "other"):
        subprocess.run(["minisign", "-G", "-W", "-p", var / (key + ".pub"), "-s", var / (key + ".key")], check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    assert s.run("key", "trust", var / "site.pub", "--name", "site", "--for", "update", "--yes").returncode == 0
    person(s, "add", "anna", "--role", "administrator", lines=[SECRETS["anna"]])
    person(s, "add", "ben", "--role", "officer", lines=["anna", SECRETS["anna"], SECRETS["ben"]])

    def pack(name, version):
        path = var / ("%s-%d.lazaret-pack" % (name, version))
        done = subprocess.run([s.bin / "lazaret", "pack", "make", "--key", var / "site.key", "--name", name, "--version", str(version), "--for", "any", "--rules",
                               ROOT / "rules/strict.yaml", "--out", path], capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr
        return {path.name: path.read_bytes(), path.name + ".minisig": pathlib.Path(str(path) + ".minisig").read_bytes()}

    def apply():
        return subprocess.run([TREE / "brought"], env={**os.environ, "VAR": str(var), "PATH": "%s:%s" % (s.bin, os.environ["PATH"])}, capture_output=True, text=True,
                              timeout=120, check=False)
    s.start().ready()
    c = Tmux(None, pathlib.Path(tempfile.mkdtemp(dir=work)), socket_path=s.at / "control.sock")
    try:
        stick = Stick(work, "brought-stick", {**pack("first", 1), **pack("second", 1)}).plug()
        done = s.client.wait_medium(lambda m: m["state"] == "done")
        s.client.ask("dismiss", medium=done["medium"])
        stick.pull()
        s.client.wait_for(lambda c: len(c.station["offers"]) == 2 and not c.media)
        apply()
        ok(not [t for t in s.types() if t in ("update-applied", "update-refused")], "where persons are known nothing is applied by itself", s.types())
        c.shows("s Maintenance")
        c.press("o")
        c.shows("WHO ARE YOU?")
        c.press("ben", "enter", SECRETS["ben"], "enter")
        c.shows("ben until", "u Updates")
        c.press("u")
        ok(c.shows("first, version 1", "a Put in force", "x Drop"), "an officer can", c.text())
        c.press("a")
        ok(c.shows("Passed on."), "approves", c.text())
        approved = json.loads((s.at / "updates/first-1.lazaret-pack.approved").read_text())
        ok(approved["by"] == "ben", "which is kept with his name", approved)
        told = [r["body"] for r in s.records() if r["type"] == "update-approved"]
        ok([(t["pack"], t["sha256"], t["by"]) for t in told] == [("first-1.lazaret-pack", approved["sha256"], "ben")], "the trail says which bytes", told)
        done = apply()
        ok(s.types().count("update-applied") == 1 and done.returncode == 0, "and it is in force", (done, s.types()))
        body = [r["body"] for r in s.records() if r["type"] == "update-applied"][0]
        ok("ben" in json.dumps(body), "by him", body)
        # another pack under an approved name, and an approval of somebody who is no officer
        (s.at / "updates/second-1.lazaret-pack.approved").write_text(json.dumps({"by": "ben", "sha256": "0" * 64}))
        apply()
        ok(s.types().count("update-applied") == 1 and not (s.at / "updates/second-1.lazaret-pack.approved").exists(), "an approval of other bytes is none", s.types())
        until(lambda: "first, version" not in c.text())
        s.client.ask("login", person="ben", secret=SECRETS["ben"])
        for pack_name, sha256, words in (("second-1.lazaret-pack", "0" * 64, "another pack of this name"), ("first-1.lazaret-pack", approved["sha256"], "no such pack")):
            for action in ("approve", "drop"):
                try:
                    s.client.ask("update", action=action, pack=pack_name, sha256=sha256)
                    ok(False, "%s of what does not wait: %s" % (action, words))
                except control.Refused as e:
                    ok(e.code == "not-found" and words in str(e), "%s of what does not wait: %s" % (action, words), e)
        s.client.ask("logout")
        ok(s.types().count("update-approved") == 1 and "update-dropped" not in s.types(), "of which nothing is in the trail", s.types())
        c.press("x")
        ok(c.shows("None."), "the other one is dropped", c.text())
        ok("update-dropped" in s.types(), "which is in the trail")
        try:
            s.client.ask("update", action="approve", pack="first-1.lazaret-pack")
            ok(False, "without a log-in nobody approves")
        except control.Refused as e:
            ok(e.code == "not-permitted", "without a log-in nobody approves", e)
        undo_at_the_screen(s, c, apply)
    finally:
        c.close()
        s.stop()


if __name__ == "__main__":
    sys.exit(station.main([by_medium, by_hand, helper, maintenance, brought], sys.argv[1:]))
