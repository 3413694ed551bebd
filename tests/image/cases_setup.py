# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""The appliance without answers in its image: set up by a medium, by hand, and what an administrator does at it afterwards."""
import json
import os
import shutil
import subprocess
import time

from image.cases import NAME, READY, case
from image.machine import Machine, run

WAITS = "THIS MACHINE IS NOT SET UP YET."
TAKEN = "THE MACHINE RESTARTS."
SECRETS = {"anna": "the horse eats hay", "ben": "nine green bottles"}
MEDIA_PORTS = "[1-1, 1-2, 1-3, 1-4, 2-1, 2-2, 2-3, 2-4]"


def machine_of(s):
    """Switched off, with keys; its image has site.pub and databases, and no answers. IMAGE_OPEN names one that was built before."""
    out = s.things.work / "image-open"
    if "IMAGE_OPEN" in os.environ:
        out = s.things.work / os.environ["IMAGE_OPEN"]
    else:
        site = s.things.work / "site-open"
        shutil.rmtree(site, ignore_errors=True)
        shutil.copytree(s.things.site, site)
        (site / "answers").unlink(missing_ok=True)
        subprocess.run([s.things.source / "image/appliance/build", out], check=True, env={**s.things.environment, "SITE": str(site)})
    if s.machine is not None:
        s.machine.kill()
    s.machine = Machine(s.dir / "machine", out / "lazaret-appliance.img", s.things.enrolled(s.dir))
    return s.machine


def stick(s, name, files):
    return s.media.build(name, "--layout", "mbr", "--part", "vfat:%0", volumes=[files])


def signed(s, text, key):
    path = s.dir / "lazaret-answers"
    path.write_text(text)
    run("minisign", "-S", "-s", key, "-m", path)
    return {"lazaret-answers": path.read_bytes(), "lazaret-answers.minisig": (s.dir / "lazaret-answers.minisig").read_bytes()}


def trail(s, machine, name):
    station = machine.data("lib/lazaret", s.dir / name)
    run(s.things.programs / "lazaret", "-C", station, "audit", "verify")
    return station, [json.loads(line) for line in (station / "audit/audit.jsonl").read_text().splitlines()]


def ends(s, machine, what, patience=300):
    end = time.monotonic() + patience
    while machine.is_alive() and time.monotonic() < end:
        time.sleep(1)
    s.check(not machine.is_alive(), what)


@case
def set_up_by_medium(s):
    """answers that the site has not signed are refused, those that it has make the station; a power cut in between changes nothing"""
    text = "name: %s\nprofile: strict\ntime-zone: Europe/Berlin\nmedia-ports: %s\n" % (NAME, MEDIA_PORTS)
    other = s.dir / "other.key"
    run("minisign", "-G", "-W", "-f", "-p", s.dir / "other.pub", "-s", other)
    machine = machine_of(s)
    machine.start()
    seen = machine.wait_screen(WAITS, "Number", never=("Kernel panic", "login:", READY))
    number = [line.split()[1] for line in seen.splitlines() if line.strip().startswith("Number")][0]
    plugged = machine.plug_stick(stick(s, "answers-other", signed(s, text, other)).path)
    machine.wait_screen("THESE ANSWERS ARE NOT TAKEN:", "which this station does not know")
    plugged.unplug()
    machine.kill()
    machine.start()
    machine.wait_screen(WAITS, number)
    image = stick(s, "answers-site", {**signed(s, text + "for: %s\n" % number, s.things.work / "site.key"), "note.txt": b"hello\n"})
    plugged = machine.plug_stick(image.path)
    machine.wait_screen(TAKEN)
    plugged.unplug()
    machine.wait_screen(READY, NAME)
    s.check(image.unchanged(), "the stick was written to")
    s.silent()
    machine.kill()
    station, records = trail(s, machine, "made")
    s.check(number in (station / "lazaret.yaml").read_text(), "the station has another number than the machine had")
    s.check(records[1]["type"] == "set-up" and records[1]["body"]["by"].startswith("key site"), "the trail: %s" % records[1])
    s.check(not list((station / "staging").iterdir()), "something was published")


@case
def set_up_by_hand(s):
    """typed on a USB keyboard that nobody named; then an administrator's maintenance, and the power button"""
    machine = machine_of(s)
    machine.start()
    machine.wait_screen(WAITS)
    machine.plug_device("usb-kbd", port="1")
    machine.wait_screen("Keyboard", "port 1-1")
    machine.press_until("ret", "1 OF 5")
    machine.type(NAME)
    for key in ("ret", "ret"):
        machine.press(key)
    machine.type("Europe/Berlin")
    machine.press("ret")
    machine.press("ret")
    for page, who in (("2 OF 5", "anna"), ("3 OF 5", "ben")):
        machine.wait_screen(page)
        for text in (who, SECRETS[who], SECRETS[who]):
            machine.type(text)
            machine.press("ret")
    machine.wait_screen("4 OF 5", "no port yet", "port 1-1")
    plugged = machine.plug_stick(stick(s, "port", {"note.txt": b"hello\n"}).path, port="2")
    machine.wait_screen("For media", "port 2-2")  # the stick is faster than the keyboard: the other half of the same socket
    plugged.unplug()
    machine.press("ret")
    machine.wait_screen("5 OF 5", NAME, "anna", "ben")
    machine.press("ret")
    machine.wait_screen(TAKEN)
    machine.wait_screen(READY, NAME)
    other = machine.plug_device("usb-kbd", port="3")
    machine.wait_screen("A USB DEVICE WAS REFUSED.", "1-3")
    other.unplug()
    machine.press("ret")
    machine.wait_screen(READY, "s Maintenance")
    maintenance(s, machine)
    machine.start()
    machine.wait_screen(READY, NAME)
    machine.qmp.command("system_powerdown")
    ends(s, machine, "the power button did not switch it off")
    station, records = trail(s, machine, "made")
    s.check([r["body"].get("action") for r in records if r["type"] == "maintenance"][:3] == ["enter", "clock", "power-off"], "the trail of the maintenance")
    s.check(records[-1]["type"] == "station-stopped", "it did not end in order: %s" % records[-1]["type"])
    s.check("media-ports: ['2-2']" in (station / "lazaret.yaml").read_text(), "other ports than those where a stick was")


def maintenance(s, machine):
    machine.press("s")
    machine.wait_screen("WHO ARE YOU?")
    machine.type("anna")
    machine.press("ret")
    machine.type(SECRETS["anna"])
    machine.press("ret")
    machine.wait_screen("MAINTENANCE", "Switch the machine off", "anna until")
    machine.press("c")
    machine.wait_screen("CLOCK AND TIME ZONE")
    soon = time.strftime("%Y-%m-%d %H:%M", time.gmtime(time.time() + 300))
    machine.type(soon)
    machine.press("ret")
    machine.wait_screen("Done. It is in the audit trail.")
    machine.press("esc")
    machine.press("x")
    machine.wait_screen("SWITCH THE MACHINE OFF?")
    machine.press("ret")
    ends(s, machine, "the machine was not switched off")
