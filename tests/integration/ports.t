#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""Ports, keyboards, hubs and the name of an appliance, changed by an administrator: the real lazaretd and lazaret-console in a terminal of 80x24. The machine of this
test has no USB: what is plugged in is told by tests/lib/fake_usb.py. Needs root and loop devices."""
import json
import os
import pathlib
import re
import signal
import sys
import tempfile

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "lib"), os.path.join(HERE, "..", "console")]
import control  # noqa: E402
import fake_usb  # noqa: E402
import station  # noqa: E402
from kiosk import Helper, person  # noqa: E402
from station import Station, Stick  # noqa: E402
from tap import ROOT, ok  # noqa: E402
from terminal import Tmux  # noqa: E402

SECRETS = {"anna": "the horse eats hay", "ben": "nine green bottles"}
KEYBOARD = {"port": "1-1", "id": "046d:c31c", "vendor": "Logitech", "product": "K120", "interfaces": "03:01:01 03:00:00", "role": "input"}
SPARE = {"port": "1-4.1", "id": "04d9:0169", "vendor": "Holtek", "product": "Keyboard", "interfaces": "03:01:01", "role": "input"}
MOUSE = {"port": "1-5", "id": "17ef:6019", "vendor": "Lenovo", "product": "Mouse", "interfaces": "03:01:02", "role": "input"}
STICK = {"port": "1-2", "id": "0781:5581", "vendor": "SanDisk", "product": "Ultra", "interfaces": "08:06:50", "role": "medium"}
HUB = {"port": "1-4", "id": "05e3:0608", "vendor": "Genesys", "product": "Hub", "interfaces": "09:00:00", "role": "hub"}


def appliance(work, name):
    s = Station(work, name)
    s.original = re.sub(r"\n  (media-ports|usb-guard):[^\n]*", "", s.original)
    s.configure("selfcheck: {on-bad: warn}\n", **{"usb-guard": "true", "media-ports": "[1-3]", "inputs": "[{port: 1-1, id: '046d:c31c'}]"})
    s.helper = Helper(work / name / "machine.sock")
    s.arguments = ("--machine", s.helper.path)
    fake_usb.install(s, ROOT)
    person(s, "add", "anna", "--role", "administrator", "--full-name", "Anna Test", lines=[SECRETS["anna"]])
    person(s, "add", "ben", "--role", "officer", lines=["anna", SECRETS["anna"], SECRETS["ben"]])
    return s


def accepted(s):
    return {d["port"]: d["accepted"] for d in s.client.devices["usb"]}


def waits(s, port, is_accepted, what):
    try:
        s.client.wait_for(lambda c: accepted(s).get(port) is is_accepted)
        ok(True, what)
    except TimeoutError as e:
        ok(False, what, e)


def bodies(s, kind):
    return [r["body"] for r in s.records() if r["type"] == kind]


def refused(s, request, code, words, what, **fields):
    before = (s.at / "maintenance.yaml").read_bytes() if (s.at / "maintenance.yaml").is_file() else None
    records = len(bodies(s, "devices-changed")) + len(bodies(s, "station-renamed"))
    try:
        s.client.ask(request, **fields)
        ok(False, "refused: " + what)
    except control.Refused as e:
        ok(e.code == code and words in str(e), "refused: " + what, e)
    after = (s.at / "maintenance.yaml").read_bytes() if (s.at / "maintenance.yaml").is_file() else None
    ok(before == after and records == len(bodies(s, "devices-changed")) + len(bodies(s, "station-renamed")), "  and nothing is kept or recorded of it")


def at_the_screen(work):
    s = appliance(work, "screen")
    fake_usb.plug(s, [KEYBOARD])
    yaml = (s.at / "lazaret.yaml").read_bytes()
    s.start().ready()
    c = Tmux(None, pathlib.Path(tempfile.mkdtemp(dir=work)), socket_path=s.at / "control.sock")

    def shows(words, what):
        ok(c.shows(*words, deadline_s=60), what, c.text())
    try:
        waits(s, "1-1", True, "the keyboard that is bound types")
        loaded, pid = s.types().count("station-ready") + s.types().count("station-reloaded"), s.process.pid
        c.shows("s Maintenance")
        c.press("s")
        c.shows("WHO ARE YOU?")
        c.press("anna", "enter", SECRETS["anna"], "enter")
        shows(["MAINTENANCE", "d  Ports and keyboards", "n  The station's name"], "an administrator can")
        c.press("d")
        fake_usb.plug(s, [KEYBOARD, STICK, HUB])
        waits(s, "1-2", False, "a stick at a port that is not for media is off")
        shows(["Ports and keyboards", "+ the station's own  Logitech K120", "- switched off  SanDisk Ultra", "- hub, switched off  Genesys Hub", "1-3", "+ for media"],
              "what is plugged in, and what is configured")
        c.press("down", "enter")
        shows(["MAKE THIS PORT ONE FOR MEDIA?", "1-2", "0781:5581 SanDisk Ultra"], "a port is made one for media")
        c.press("enter")
        shows(["Done. It is in the audit trail.", "+ for media  SanDisk Ultra"], "which is seen at once")
        waits(s, "1-2", True, "and the guard has it")
        body = bodies(s, "devices-changed")
        ok(len(body) == 1 and (body[0]["by"], body[0]["action"], body[0]["port"], body[0]["device"]) == ("anna", "media", "1-2", "0781:5581") and
           body[0]["before"]["media-ports"] == ["1-3"] and body[0]["after"]["media-ports"] == ["1-3", "1-2"], "the trail has who, before and after", body)
        ok((s.at / "lazaret.yaml").read_bytes() == yaml and json.loads((s.at / "maintenance.yaml").read_text())["devices"]["media-ports"] == ["1-3", "1-2"],
           "it is kept beside lazaret.yaml, which stays as it is")
        ok(s.process.pid == pid and s.process.poll() is None and loaded == s.types().count("station-ready") + s.types().count("station-reloaded") and s.client.station["state"] == "ready",
           "nothing was restarted, no database loaded anew", s.types())

        c.press("up", "up", "up", "up", "up", "up", "enter")
        shows(["TAKE THIS KEYBOARD OR DEVICE AWAY?"], "the keyboard is to go")
        c.press("enter")
        shows(["this is the last keyboard that types here"], "but not the last one")
        c.press("esc", "down", "down", "enter")
        shows(["IS THIS HUB THE STATION'S OWN?"], "a hub becomes the station's own")
        c.press("enter")
        shows(["+ the station's hub  Genesys Hub"], "and is on")
        fake_usb.plug(s, [KEYBOARD, STICK, HUB, SPARE])
        shows(["1-4.1", "- keyboard, switched off  Holtek Keyboard"], "what is behind it is seen")
        c.press("up", "up", "up", "up", "up", "up", "down", "down", "down", "enter")
        shows(["BIND THIS KEYBOARD TO ITS PORT?", "04d9:0169 Holtek"], "a keyboard behind it")
        c.press("enter")
        shows(["+ the station's own  Holtek Keyboard"], "is bound")
        waits(s, "1-4.1", True, "and types")
        c.press("up", "up", "up", "up", "up", "up", "enter", "enter")
        shows(["Done.", "- keyboard, switched off  Logitech K120"], "now the other one can go")
        waits(s, "1-1", False, "and is off at once")
        ok(s.client.devices["file"] == "maintenance.yaml", "the devices object says which file counts", s.client.devices)
        c.press("esc", "n")
        shows(["THE STATION'S NAME"], "the name")
        c.press("Tor 4: Nord", "enter")
        shows(["Done.", "MAINTENANCE", "Tor 4: Nord"], "is on every screen at once")
        ok([(b["by"], b["after"]) for b in bodies(s, "station-renamed")] == [("anna", "Tor 4: Nord")], "and in the trail", bodies(s, "station-renamed"))
    finally:
        c.close()
        s.process.send_signal(signal.SIGKILL)
        s.process.wait()
    # as after a power cut
    s.start().ready()
    try:
        waits(s, "1-4.1", True, "after it was killed all of it holds: the keyboard that was bound")
        ok(accepted(s) == {"1-1": False, "1-2": True, "1-4": True, "1-4.1": True} and s.client.devices["media_ports"] == ["1-3", "1-2"] and
           s.client.station["name"] == "Tor 4: Nord", "ports, hub and name", (s.client.devices, s.client.station["name"]))
        done = s.run("status")
        ok("Tor 4: Nord" in done.stdout and done.stdout.count("as changed at the screen (maintenance.yaml), not as in lazaret.yaml") == 2, "`lazaret status` says which file counts", done)
        done = s.run("devices")
        ok("file   maintenance.yaml" in done.stdout and "1-3, 1-2" in done.stdout, "so does `lazaret devices`", done)
    finally:
        s.stop()


def refusals(work):
    s = appliance(work, "refusals")
    fake_usb.plug(s, [KEYBOARD, STICK, HUB, MOUSE])
    s.start().ready()
    media = {"action": "media", "port": "1-2", "device": "0781:5581"}
    try:
        waits(s, "1-2", False, "a stick")
        for name, fields in (("ports", {}), ("port", media), ("station-name", {"name": "x"})):
            refused(s, name, "not-permitted", "log in", "%s by nobody" % name, **fields)
        s.client.ask("login", person="ben", secret=SECRETS["ben"])
        for name, fields in (("ports", {}), ("port", media), ("station-name", {"name": "x"})):
            refused(s, name, "not-permitted", "administrator", "%s by an officer" % name, **fields)
        s.client.ask("login", person="anna", secret=SECRETS["anna"])
        configured = s.client.ask("ports")
        ok(configured["configured"] == {"media-ports": ["1-3"], "inputs": [{"port": "1-1", "id": "046d:c31c"}], "hubs": []} and configured["file"] == "lazaret.yaml", "what is configured", configured)
        for what, code, words, fields in (
                ("another device than was shown", "not-now", "not plugged in there any more", {**media, "device": "dead:beef"}),
                ("a port with nothing in it", "not-now", "not plugged in there any more", {**media, "port": "1-9"}),
                ("a hub's port", "not-now", "there is a hub", {**media, "port": "1-4", "device": "05e3:0608"}),
                ("a mouse", "not-now", "no keyboard that speaks the boot protocol", {"action": "keyboard", "port": "1-5", "device": "17ef:6019"}),
                ("a stick as a keyboard", "not-now", "no keyboard that speaks the boot protocol", {**media, "action": "keyboard"}),
                ("the last keyboard", "not-now", "the last keyboard", {"action": "no-keyboard", "port": "1-1", "device": "046d:c31c"}),
                ("an action that is none", "bad-request", "action:", {**media, "action": "open"}),
                ("a port that is none", "not-now", "port:", {**media, "port": "../1-2"}),
                ("a device that is none", "not-now", "device:", {"action": "no-media", "port": "1-3", "device": "\x1b[2J"})):
            refused(s, "port", code, words, what, **fields)
        for name in ("", "  ", "a\nb", "\x1b[2J", "x" * 65):
            refused(s, "station-name", "bad-request", "1 to 64 bytes", "the name %r" % name, name=name)
        refused(s, "station-name", "not-now", "called so already", "the same name", name=s.client.station["name"])
        # it cannot be kept
        (s.at / "maintenance.yaml").mkdir()
        try:
            s.client.ask("port", **media)
            ok(False, "what cannot be kept is not done")
        except control.Refused as e:
            ok(e.code == "unavailable" and "could not be kept" in str(e), "what cannot be kept is not done", e)
        (s.at / "maintenance.yaml").rmdir()
        ok("failed" in bodies(s, "devices-changed")[-1] and not accepted(s)["1-2"], "which the trail has", bodies(s, "devices-changed"))
        # somebody else's hand
        (s.at / "maintenance.yaml").write_text('{"format": "lazaret.maintenance/1", "by": "x", "at": 1, "devices": {"usb-guard": false}}')
        s.process.send_signal(signal.SIGHUP)
        s.client.wait_for(lambda c: c.station["reload"] and not c.station["reload"]["ok"])
        ok("maintenance.yaml" in s.client.station["reload"]["text"] and s.client.station["state"] == "ready", "a file with an error is named, and what was in force stays", s.client.station["reload"])
        done = s.run("status")
        said = done.stdout + done.stderr
        ok(done.returncode == 1 and "maintenance.yaml:1:" in said and "unknown key 'usb-guard'" in said and "remove it for lazaret.yaml alone to count" in said,
           "by the command, too, with its place and what to do", done)
        (s.at / "maintenance.yaml").unlink()
        s.helper.path.unlink()
        for name, fields in (("ports", {}), ("port", media), ("station-name", {"name": "x"})):
            refused(s, name, "not-now", "lazaret.yaml", "%s where it is no appliance" % name, **fields)
    finally:
        s.stop()


def names_do_not_mix(work):
    """A station that is renamed while it inspects: report, manifest and receipts have the name that the inspection began with."""
    s = appliance(work, "names")
    s.start().ready()
    old = s.client.station["name"]
    s.client.ask("login", person="anna", secret=SECRETS["anna"])

    def transfer(m):
        at = s.at / "staging" / m["transfer"]
        return json.loads((at / "manifest.json").read_text())["station"]["name"], (at / "receipt.txt").read_text(), (at / "receipt.html").read_text()
    try:
        stopped = s.children("lazaret-examine")
        for pid in stopped:  # so that it cannot end before the name is another
            os.kill(pid, signal.SIGSTOP)
        stick = Stick(work, "names-stick", {"a.txt": b"some text\n" * 1000, "b.txt": b"more of it\n" * 1000}).plug()
        medium = s.client.wait_medium(lambda m: m["transfer"] is not None)
        ok(stopped and medium["state"] != "done", "an inspection is under way", medium)
        s.client.ask("station-name", name="Gate Omega")
        s.client.wait_for(lambda c: c.station["name"] == "Gate Omega")
        for pid in stopped:
            os.kill(pid, signal.SIGCONT)
        done = s.client.wait_medium(lambda m: m["state"] == "done")
        name, text, page = transfer(done)
        ok(name == old and old in text and old in page and "Omega" not in text + page, "all of it has the old name", (name, text))
        s.client.ask("dismiss", medium=done["medium"])
        stick.pull()
        s.client.wait_for(lambda c: not c.media)
        stick.plug()
        done = s.client.wait_medium(lambda m: m["state"] == "done")
        name, text, page = transfer(done)
        ok(name == "Gate Omega" and "Gate Omega" in text and "Gate Omega" in page, "the next one has the new name", (name, text))
        stick.pull()
    finally:
        s.stop()


if __name__ == "__main__":
    sys.exit(station.main([at_the_screen, refusals, names_do_not_mix], sys.argv[1:]))
