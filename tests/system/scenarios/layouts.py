# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""What is on a medium besides one file system: two views of the same files, several units, nothing, noise."""
from system.lib.media import USUAL
from system.lib.scenario import scenario


@scenario
def hybrid(s):
    """a hybrid disc image on a stick: its files once, not once for each view"""
    image = s.media.get("iso-hybrid")
    stick = s.vm.plug_stick(image)
    report = s.report(s.finished())
    s.inspected(report, image, ["user:iso9660"])
    s.equal([v["outcome"] for v in report["medium"]["volumes"]], ["read", "covered"], "volumes")
    s.wait_screen("4 OF 5 FILES WERE TRANSFERRED")
    stick.unplug()
    s.nothing_left()


@scenario
def stick_with_disc(s):
    """one stick with two units, a disk and a disc drive: two media"""
    stick = s.vm.plug_luns("usb-bot", [("scsi-hd", s.media.get("ext4")), ("scsi-cd", s.media.get("iso9660"))])
    media = s.until(lambda: (m := s.state()["media"]) and len(m) == 2 and all(x["state"] == "done" for x in m) and m, 240, "both units to be inspected")
    disk, disc = sorted(media, key=lambda m: m["unit"])
    s.equal((disk["kind"], disc["kind"], disk["port"] == disc["port"]), ("disk", "optical", True), "kinds of the units, at one port")
    s.inspected(s.report(disk), s.media.get("ext4"), ["kernel:ext4"])
    s.inspected(s.report(disc), s.media.get("iso9660"), ["user:iso9660"])
    stick.unplug()
    s.nothing_left()


@scenario
def reader(s):
    """a card reader: nothing in its slot, then a card, then another one"""
    first, second = s.media.get("vfat"), s.media.get("exfat")
    slot = s.vm.plug_reader(first)
    s.equal(s.medium(), None, "what lazaretd knows of an empty slot")
    s.until(lambda: any(d["role"] == "medium" and d["accepted"] for d in s.state()["devices"]["usb"]), 60, "the reader to be accepted")
    s.wait_screen("READY. PLUG IN A MEDIUM.")
    slot.insert(first)
    s.inspected(s.report(s.finished()), first, ["kernel:vfat"])
    s.wait_screen("4 OF 5 FILES WERE TRANSFERRED")
    slot.take_out()
    s.wait_medium(lambda m: not m["present"], 60, "lazaretd to see that the card is out")
    s.vm.press("ret")
    s.wait_screen("READY. PLUG IN A MEDIUM.")
    slot.insert(second)
    s.inspected(s.report(s.finished()), second, ["kernel:exfat"])
    s.wait_screen("4 OF 5 FILES WERE TRANSFERRED")
    slot.unplug()
    s.nothing_left()


def nothing_there(s, name, code, *pieces):
    stick = s.vm.plug_stick(s.media.get(name))
    medium = s.finished()
    s.wait_screen("NOTHING WAS TRANSFERRED.", *pieces)
    s.picture("trouble-" + name)
    report = s.report(medium)
    s.equal((medium["outcome"], medium["trouble"]["code"], report["files"]), ("refused", code, []), "outcome")
    s.nothing_published()
    stick.unplug()
    s.wait_screen("It has been taken out.")
    s.vm.press("ret")
    s.wait_screen("READY. PLUG IN A MEDIUM.")
    s.nothing_left()


@scenario
def blank(s):
    """nothing but zeros"""
    nothing_there(s, "blank", "empty", "There is nothing on this medium.", "Check that it is the right one.")


@scenario
def swap_space(s):
    """a partition with something that holds no files"""
    nothing_there(s, "swap", "unknown-filesystem", "Nothing on this medium can be read here.", "swap space, no file system")


@scenario
def noise(s):
    """nothing but noise, which may be VeraCrypt: a passphrase is asked for; without one it is unknown"""
    stick = s.vm.plug_stick(s.media.get("noise"))
    s.wait_screen("THIS MEDIUM IS ENCRYPTED.")
    s.vm.press("esc")
    s.wait_screen("s Leave this volume out")
    s.vm.press("s")
    medium = s.finished()
    s.wait_screen("NOTHING WAS TRANSFERRED.", "unknown: nothing but noise")
    s.picture("trouble-noise")
    s.equal(medium["outcome"], "refused", "outcome")
    s.nothing_published()
    stick.unplug()
    s.nothing_left()


@scenario
def partition_beyond_the_end(s):
    """one good partition; another one that claims to go on past the end"""
    image = s.media.get("claims")
    stick = s.vm.plug_stick(image)
    medium = s.finished()
    report = s.report(medium)
    s.equal([v["outcome"] for v in report["medium"]["volumes"]], ["read", "refused", "unallocated"], "volumes")
    s.same_files(report["files"], USUAL, ("game.com",))
    s.wait_screen("4 OF 5 FILES WERE TRANSFERRED", "A PART OF THE MEDIUM COULD NOT BE READ.")
    stick.unplug()
    s.nothing_left()
