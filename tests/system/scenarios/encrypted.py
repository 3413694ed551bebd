# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""Encrypted media: the passphrase is typed on the machine's own keyboard, opens the volume, and is kept nowhere."""
import re

from system.lib.media import BITLOCKER_PASSPHRASE, PASSPHRASE
from system.lib.scenario import scenario
from system.lib.snapshot import STATION


def type_passphrase(s, text):
    """Each character is a star on the screen before the next step; then Enter."""
    s.vm.type(text)
    stars = re.compile(r"Passphrase +\*{%d}$" % len(text), re.M)
    s.until(lambda: stars.search(s.agent.screen().text()), 60, "%d stars on the screen" % len(text))
    s.check(text not in s.agent.screen(), "the passphrase is on the screen")
    s.vm.press("ret")


def kept_nowhere(s, text):
    """Not in the journal, nor in any file of the station, nor in what the machine keeps while it runs, nor as an argument of
    a process."""
    s.agent.run("sync")
    found = s.agent.sh("journalctl --boot --output=export | grep -aFc -e '%(text)s'; grep -raFl -e '%(text)s' %(station)s /run /tmp /var/tmp /var/log"
                       " /etc 2>/dev/null; for p in /proc/[0-9]*; do tr '\\0' ' ' <$p/cmdline; done 2>/dev/null | grep -F -e '%(text)s' | grep -vF grep"
                       % {"text": text, "station": STATION}, check=False, timeout=120).out
    s.equal(found.strip(), "0", "places where the passphrase is")


@scenario
def luks2(s):
    """LUKS2: asked for on the screen, opened, transferred, forgotten"""
    image = s.media.get("luks")
    stick = s.vm.plug_stick(image)
    s.wait_screen("THIS MEDIUM IS ENCRYPTED.", "LUKS2", "You have 3 tries.")
    s.picture("encrypted")
    type_passphrase(s, PASSPHRASE)
    medium = s.finished()
    report = s.report(medium)
    s.inspected(report, image, ["kernel:vfat"])
    s.equal(report["medium"]["volumes"][0]["detail"], "unlocked LUKS2", "what the report says of the volume")
    s.wait_screen("4 OF 5 FILES WERE TRANSFERRED", "game.com")
    kept_nowhere(s, PASSPHRASE)
    stick.unplug()
    s.nothing_left()


@scenario
def wrong_passphrases(s):
    """LUKS2: three wrong passphrases, and that was it"""
    stick = s.vm.plug_stick(s.media.get("luks"))
    s.wait_screen("THIS MEDIUM IS ENCRYPTED.", "You have 3 tries.")
    type_passphrase(s, "wrong one")
    s.wait_screen("THAT WAS NOT THE PASSPHRASE. 2 TRIES ARE LEFT.")
    type_passphrase(s, "wrong too")
    s.wait_screen("THAT WAS NOT THE PASSPHRASE. 1 TRY IS LEFT.")
    s.picture("passphrase-wrong")
    type_passphrase(s, "wrong again")
    medium = s.finished()
    s.wait_screen("NOTHING WAS TRANSFERRED.", "This medium is encrypted and was not unlocked.", "no correct passphrase in 3 tries")
    s.equal((medium["outcome"], medium["trouble"]["code"]), ("refused", "encrypted"), "outcome")
    report = s.report(medium)
    s.equal((report["outcome"], report["files"], [v["outcome"] for v in report["medium"]["volumes"]]), ("refused", [], ["refused"]), "the report")
    s.nothing_published()
    kept_nowhere(s, "wrong again")
    stick.unplug()
    s.vm.press("ret")
    s.wait_screen("READY. PLUG IN A MEDIUM.")
    s.nothing_left()


@scenario
def luks1_beside_fat(s):
    """GPT: FAT, and LUKS1 beside it; a wrong passphrase first"""
    image = s.media.get("luks1-beside")
    stick = s.vm.plug_stick(image)
    s.wait_screen("THIS MEDIUM IS ENCRYPTED.", "LUKS1", "You have 3 tries.")
    type_passphrase(s, "something else")
    s.wait_screen("2 TRIES ARE LEFT.")
    type_passphrase(s, PASSPHRASE)
    s.inspected(s.report(s.finished()), image, ["kernel:vfat", "kernel:vfat"])
    s.wait_screen("5 OF 7 FILES WERE TRANSFERRED", "secret/game.com")
    stick.unplug()
    s.nothing_left()


@scenario
def bitlocker(s):
    """BitLocker To Go: headers as Windows wrote them"""
    image = s.media.get("bitlocker")
    stick = s.vm.plug_stick(image)
    s.wait_screen("THIS MEDIUM IS ENCRYPTED.", "BITLK", "You have 3 tries.")
    type_passphrase(s, BITLOCKER_PASSPHRASE)
    report = s.report(s.finished())
    s.inspected(report, image, ["kernel:vfat"])
    s.equal(report["medium"]["volumes"][0]["detail"], "unlocked BITLK", "what the report says of the volume")
    s.wait_screen("4 OF 5 FILES WERE TRANSFERRED")
    kept_nowhere(s, BITLOCKER_PASSPHRASE)
    stick.unplug()
    s.nothing_left()


@scenario
def left_out(s):
    """Esc and s: the encrypted volume is left out, the other one is transferred"""
    stick = s.vm.plug_stick(s.media.get("luks1-beside"))
    s.wait_screen("THIS MEDIUM IS ENCRYPTED.")
    s.vm.press("esc")
    s.wait_screen("s Leave this volume out")
    s.vm.press("s")
    medium = s.finished()
    report = s.report(medium)
    s.equal([(v["outcome"], v["driver"]) for v in report["medium"]["volumes"]], [("read", "kernel:vfat"), ("refused", "")], "volumes")
    s.equal((medium["outcome"], medium["counts"]["files"], medium["complete"]), ("published", 5, False), "outcome")
    s.published(report)
    s.wait_screen("4 OF 5 FILES WERE TRANSFERRED", "A PART OF THE MEDIUM COULD NOT BE READ.")
    stick.unplug()
    s.nothing_left()
