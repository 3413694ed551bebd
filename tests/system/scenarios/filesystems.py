# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""Every file system on a real stick, found by udev, opened by Debian's kernel: all files are there with the right bytes and
names, EICAR is blocked, the console says how many were transferred, and not one byte of the medium changes."""
from system.lib.scenario import scenario


def stick(s, name, drivers):
    """Plug it in, wait for the result, on the control socket and on the screen; take it out."""
    image = s.media.get(name)
    plugged = s.vm.plug_stick(image)
    medium = s.finished()
    report = s.report(medium)
    s.inspected(report, image, drivers)
    files = sum(len(c) for c in image.contents)
    refused = len(image.contents)
    s.equal(medium["counts"], {**report["counts"], "blocked": refused, "approved": files - refused}, "counts")
    s.wait_screen("%d OF %d FILES WERE TRANSFERRED" % (files - refused, files), "game.com", "You may remove the medium now")
    s.picture("result-" + name)
    s.vm.press("ret")  # seen
    s.wait_medium(lambda m: m["seen"], 30, "lazaretd to hear that the result was seen")
    plugged.unplug()
    s.wait_screen("READY. PLUG IN A MEDIUM.")
    return report


@scenario
def vfat(s):
    """FAT in a partition"""
    stick(s, "vfat", ["kernel:vfat"])


@scenario
def vfat_whole(s):
    """FAT without a partition table"""
    stick(s, "vfat-whole", ["kernel:vfat"])


@scenario
def exfat(s):
    """exFAT"""
    stick(s, "exfat", ["kernel:exfat"])


@scenario
def ntfs(s):
    """NTFS: by the kernel where it can, else by ntfs-3g in its sandbox"""
    has_driver = s.agent.sh("modprobe ntfs3", check=False).rc == 0
    stick(s, "ntfs", ["kernel:ntfs3" if has_driver else "user:ntfs-3g"])


@scenario
def ext4(s):
    """ext4"""
    stick(s, "ext4", ["kernel:ext4"])


@scenario
def iso9660(s):
    """ISO 9660 on a stick"""
    stick(s, "iso9660", ["user:iso9660"])


@scenario
def udf(s):
    """UDF on a stick"""
    stick(s, "udf", ["kernel:udf"])


@scenario
def gpt_two(s):
    """GPT with two partitions, FAT and ext4"""
    stick(s, "gpt-two", ["kernel:vfat", "kernel:ext4"])
