# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""The station itself: it is killed, loses its power, has no room, is asked for several things at once, and nobody gets out of
its screen."""
import json
import re
import time

from system.lib.scenario import scenario
from system.lib.snapshot import STATION
from system.lib.vm import BOOT_PATIENCE

SLOW = 1_200_000  # bytes/s: 24 MiB take twenty seconds


def reading(s, serial=None, files=1):
    """Until that many files have been read, of a medium that is not read to its end."""
    return s.wait_medium(lambda m: m["progress"]["files_read"] >= files and not m["removable"], 120, "%d files to be read" % files, serial)


def boot(s, *plug):
    """From cold, with what `plug` puts in before the first program runs."""
    s.vm.launch()
    plugged = [p() for p in plug]
    s.vm.agent.wait_ready(BOOT_PATIENCE)
    s.vm.agent.set_clock(time.time())
    s.until(lambda: s.agent.run("systemctl", "is-active", "lazaretd.service", check=False).rc == 0, BOOT_PATIENCE, "lazaretd to be started by the boot")
    return plugged


def unit_pid(s, unit):
    return int(s.agent.run("systemctl", "show", "--value", "-p", "MainPID", unit).out)


@scenario(cold=True, lifetime=600)
def in_at_boot(s):
    """a stick and a disc that are in when the station is switched on"""
    stick, _ = boot(s, lambda: s.vm.plug_stick(s.media.get("vfat")), lambda: s.vm.insert_disc(s.media.get("iso9660")))
    s.inspected(s.report(s.finished("STICK-1")), s.media.get("vfat"), ["kernel:vfat"])
    disc = s.until(lambda: next((m for m in s.state()["media"] if m["kind"] == "optical" and m["state"] == "done"), None), 240, "the disc to be inspected")
    s.inspected(s.report(disc), s.media.get("iso9660"), ["user:iso9660"])
    s.wait_screen("4 OF 5 FILES WERE TRANSFERRED")
    s.equal(s.agent.sh("systemctl --failed --no-legend").out, "", "failed units after a boot")
    stick.unplug()
    s.nothing_left()


@scenario(lifetime=600)
def power_cut(s):
    """the power goes while a medium is read: nothing was published, and after the boot it is inspected anew"""
    image = s.media.get("middle")
    s.vm.plug_stick(image, bytes_per_second=SLOW)
    first = reading(s)["transfer"]
    s.vm.kill()
    stick = boot(s, lambda: s.vm.plug_stick(image))[0]
    medium = s.finished()
    s.check(medium["transfer"] != first, "the inspection has the name of the one that was cut off")
    s.inspected(s.report(medium), image, ["kernel:vfat"])
    s.equal(s.agent.run("ls", STATION + "/staging").out.split(), [medium["transfer"]], "staging")
    s.wait_screen("3 OF 4 FILES WERE TRANSFERRED")
    records = s.audited("station-ready", "inspection-started", "aborted", "station-ready", "inspection-started", "inspection-concluded", "published")
    s.equal(records[2]["body"]["transfer"], first, "the aborted inspection")
    stick.unplug()
    s.nothing_left()


@scenario
def console_killed(s):
    """the console is killed while a medium is read: it comes back, the inspection has not noticed"""
    image = s.media.get("middle")
    stick = s.vm.plug_stick(image, bytes_per_second=SLOW)
    before = reading(s)
    s.wait_screen("LEAVE THE MEDIUM IN.", before["transfer"])
    old = unit_pid(s, "lazaret-console.service")
    s.agent.run("pkill", "-9", "-x", "lazaret-console")
    s.until(lambda: unit_pid(s, "lazaret-console.service") not in (0, old), 60, "another console")
    s.wait_screen(before["transfer"])
    medium = s.finished()
    s.equal((medium["medium"], medium["transfer"]), (before["medium"], before["transfer"]), "the inspection")
    s.inspected(s.report(medium), image, ["kernel:vfat"])
    s.wait_screen("3 OF 4 FILES WERE TRANSFERRED")
    stick.unplug()
    s.nothing_left()


@scenario
def lazaretd_killed(s):
    """lazaretd is killed while a medium is read: started again, that inspection is recorded as aborted, and done anew"""
    image = s.media.get("middle")
    stick = s.vm.plug_stick(image, bytes_per_second=SLOW)
    first = reading(s)["transfer"]
    old = unit_pid(s, "lazaretd.service")
    s.agent.run("kill", "-9", str(old))
    s.wait_screen("THE STATION IS NOT RUNNING.")
    s.picture("not-running")
    s.until(lambda: unit_pid(s, "lazaretd.service") not in (0, old), 60, "systemd to start lazaretd again")
    s.wait_screen("LEAVE THE MEDIUM IN.", patience=120)
    medium = s.finished()
    s.check(medium["transfer"] != first, "the inspection has the name of the one that was cut off")
    s.inspected(s.report(medium), image, ["kernel:vfat"])
    s.equal(s.agent.run("ls", STATION + "/staging").out.split(), [medium["transfer"]], "staging")
    aborted = [r["body"] for r in s.trail() if r["type"] == "aborted"]
    s.equal([a["transfer"] for a in aborted], [first], "aborted inspections in the trail")
    stick.unplug()
    s.nothing_left()


@scenario
def staging_full(s):
    """no room for transfers: the screen says so, the medium waits; room is made: it goes on by itself"""
    s.agent.sh("free=$(df --output=avail -B1 %(s)s | tail -1); fallocate -l $((free - (200 << 20))) %(s)s/filler" % {"s": STATION})
    s.wait_screen("! transfers are full")
    s.picture("transfers-full")
    stick = s.vm.plug_stick(s.media.get("vfat"))
    medium = s.wait_medium(lambda m: m["state"] == "queued", 60, "the medium to wait")
    s.equal(medium["queue"]["why"], "staging-full", "why it waits")
    s.wait_screen("Waiting: there is no room for transfers")
    s.agent.run("rm", STATION + "/filler")
    s.inspected(s.report(s.finished()), s.media.get("vfat"), ["kernel:vfat"])
    s.wait_screen("4 OF 5 FILES WERE TRANSFERRED")
    stick.unplug()
    s.nothing_left()


@scenario
def a_third_waits(s):
    """two media at once, a third one waits for its turn"""
    images = [s.media.get("middle"), s.media.get("iso-big")]
    sticks = [s.vm.plug_stick(image, serial="SLOW-%d" % i, port=i, bytes_per_second=SLOW) for i, image in enumerate(images, 1)]
    for i in (1, 2):
        reading(s, "SLOW-%d" % i)
    sticks.append(s.vm.plug_stick(s.media.get("vfat"), serial="THIRD", port=3))
    third = s.wait_medium(lambda m: m["queue"], 60, "the third to wait", "THIRD")
    s.equal((third["queue"]["why"], third["queue"]["position"]), ("turn", 1), "why it waits")
    s.wait_screen("Waiting for its turn")
    s.picture("third-waits")
    s.inspected(s.report(s.finished("THIRD")), s.media.get("vfat"), ["kernel:vfat"])
    for i, image in enumerate(images, 1):
        s.inspected(s.report(s.finished("SLOW-%d" % i)), image)
    for stick in sticks:
        stick.unplug()
    s.nothing_left()


@scenario
def button_while_reading(s):
    """the drive's button while a disc is read: it stops, and the tray opens"""
    s.vm.insert_disc(s.media.get("iso-big"), bytes_per_second=1_000_000)
    reading(s)
    s.check(s.vm.is_tray_locked(), "the tray is not locked while the disc is read")
    s.check(not s.vm.press_eject(), "the tray opened while the disc was read")
    medium = s.wait_medium(lambda m: m["state"] == "done", 60, "the inspection to stop")
    s.equal((medium["outcome"], medium["trouble"]["code"]), ("aborted", "cancelled"), "outcome")
    s.until(s.vm.is_tray_open, 60, "the tray to open")
    s.wait_screen("NOTHING WAS TRANSFERRED.", "The inspection was stopped.")
    s.nothing_published()
    s.nothing_left()


def another_disc(s, name, before=0):
    """The newest disc, inspected; its number."""
    medium = s.wait_medium(lambda m: m["state"] == "done" and m["medium"] > before, 240, "the disc to be inspected")
    s.inspected(s.report(medium), s.media.get(name), ["kernel:udf" if name == "udf" else "user:iso9660"])
    s.wait_screen("4 OF 5 FILES WERE TRANSFERRED", medium["transfer"])
    return medium["medium"]


@scenario
def disc_after_disc(s):
    """a disc, taken out by a key of the console; another one, taken out by the drive's button; a third"""
    s.vm.insert_disc(s.media.get("iso9660"))
    first = another_disc(s, "iso9660")
    s.wait_screen("e Open the tray")
    s.vm.press("e")
    s.until(s.vm.is_tray_open, 60, "the tray to open")
    s.until(lambda: not any(m["present"] for m in s.state()["media"]), 60, "lazaretd to see that the disc is out")
    s.vm.press("ret")
    s.wait_screen("READY. PLUG IN A MEDIUM.")
    s.vm.insert_disc(s.media.get("udf"))
    second = another_disc(s, "udf", first)
    s.check(s.vm.press_eject(), "the tray does not open at once, although the disc is not read")
    s.vm.insert_disc(s.media.get("iso9660-other"))
    s.vm.press("ret")  # the result of the second
    third = s.wait_medium(lambda m: m["state"] == "done" and m["medium"] > second, 240, "the third disc to be inspected")
    s.inspected(s.report(third), s.media.get("iso9660-other"), ["user:iso9660"])
    s.nothing_left()


@scenario
def reload_while_reading(s):
    """SIGHUP while a medium is read: it goes on with what it began with; a setting with an error is not taken over"""
    image = s.media.get("middle")
    stick = s.vm.plug_stick(image, bytes_per_second=SLOW)
    before = reading(s)
    s.reload()
    s.agent.sh("echo 'no-such-key: 1' >>%s/lazaret.yaml; systemctl reload lazaretd.service" % STATION)
    s.until(lambda: not s.state()["station"]["reload"]["ok"], 60, "the error to be told")
    s.check("no-such-key" in s.state()["station"]["reload"]["text"], "what is told of the error: %s" % s.state()["station"]["reload"])
    medium = s.finished()
    s.equal(medium["transfer"], before["transfer"], "the inspection")
    s.inspected(s.report(medium), image, ["kernel:vfat"])
    s.vm.press("ret")
    stick.unplug()
    s.wait_screen("READY. PLUG IN A MEDIUM.", "! not taken over:")
    s.nothing_left()


@scenario
def exposure(s):
    """systemd-analyze security of the live unit: at most 2.0"""
    line = s.agent.run("systemd-analyze", "security", "--no-pager", "lazaretd.service", env={"LANG": "C.UTF-8"}).out.strip().splitlines()[-1]
    level = re.search(r"exposure level for lazaretd\.service: ([0-9.]+)", line)
    s.check(level and float(level.group(1)) <= 2.0, line)
    s.equal(s.agent.sh("systemctl --failed --no-legend").out, "", "failed units")


# docs/install.md, What else to switch off
SWITCH_OFF = r"""
systemctl mask --now ctrl-alt-del.target getty@.service autovt@.service
mkdir -p /etc/systemd/system.conf.d
printf '[Manager]\nCtrlAltDelBurstAction=none\n' >/etc/systemd/system.conf.d/lazaret.conf
printf 'kernel.sysrq = 0\n' >/etc/sysctl.d/90-lazaret.conf
systemctl daemon-reexec; sysctl --quiet --system
"""


@scenario
def no_way_out(s):
    """no key leads to a shell, another screen, a signal, a restart"""
    s.agent.sh(SWITCH_OFF, timeout=120)
    s.agent.sh(": >/dev/tty2")  # a screen that could be switched to
    before = unit_pid(s, "lazaret-console.service"), s.agent.sh("pgrep -x lazaret-console").out
    for keys in (("ctrl", "c"), ("ctrl", "z"), ("ctrl", "backslash"), ("ctrl", "d"), ("ctrl", "s"), ("ctrl", "q"), ("q",), ("alt", "f2"), ("ctrl", "alt", "f2"),
                 ("alt", "right"), ("ctrl", "alt", "delete"), ("alt", "sysrq", "b"), ("alt", "sysrq", "k"), ("esc",), ("ctrl", "l")):
        s.vm.press(*keys)
        s.still(lambda: s.agent.sh("cat /sys/class/tty/tty0/active").out == "tty1\n", 0.3, "the first screen to stay in front")
    s.wait_screen("READY. PLUG IN A MEDIUM.")
    s.equal((unit_pid(s, "lazaret-console.service"), s.agent.sh("pgrep -x lazaret-console").out), before, "processes of the console")
    s.equal(s.agent.sh("ps -eo tty=,comm= | grep ^tty | grep -v lazaret-console", check=False).out, "", "other processes on a screen")
    s.vm.press("m")  # it still listens
    s.wait_screen("MENU")
    s.agent.run("systemctl", "stop", "lazaret-console.service")
    s.vm.press("alt", "f2")  # where no console holds the screen this key does what it is for
    s.until(lambda: s.agent.sh("cat /sys/class/tty/tty0/active").out == "tty2\n", 30, "the second screen to come to the front without a console")


def look(s, status=0):
    """`lazaret selfcheck`, asked of the lazaretd that runs: its checks by name."""
    done = s.agent.run("lazaret", "selfcheck", "--json", timeout=180, check=False)
    s.equal(done.rc, status, "the exit status of lazaret selfcheck: %s %s" % (done.out, done.err))
    result = json.loads(done.out)
    s.equal((result["machine"], result["whole"]), ("installed", True), "what was looked at")
    return {c["name"]: c for c in result["checks"]}


@scenario
def selfcheck(s):
    """a station that was installed as it should be finds nothing bad in itself, and what is broken"""
    checks = look(s)
    s.equal([c for c in checks.values() if c["state"] == "bad"], [], "what is bad")
    for name in ("sandbox", "write-block", "usb-guard", "keys", "key-pairs", "trail", "databases", "disk", "clock"):
        s.equal(checks[name]["state"], "ok", "%s: %s" % (name, checks[name]["text"]))
    s.equal(s.agent.sh("losetup --list --noheadings").out, "", "loop devices that were left")
    s.wait_screen("READY. PLUG IN A MEDIUM.", "Self-check")
    s.agent.sh("echo 1 >/sys/bus/usb/devices/usb1/authorized_default")
    s.equal(look(s, 1)["usb-guard"]["state"], "bad", "a port that switches devices on")
    s.wait_screen("THIS STATION ACCEPTS NOTHING NOW.", "New USB devices are not switched off.")
    s.agent.sh("echo 0 >/sys/bus/usb/devices/usb1/authorized_default")
    s.agent.run("chmod", "644", STATION + "/keys/manifest.key")
    s.equal(look(s, 1)["keys"]["state"], "bad", "a key that others read")
    s.agent.run("chmod", "600", STATION + "/keys/manifest.key")
    look(s)
    s.wait_screen("READY. PLUG IN A MEDIUM.")
    s.audited("self-check", "self-check", "self-check", "self-check", "self-check")
    s.equal(s.agent.sh("systemctl --failed --no-legend").out, "", "failed units")
