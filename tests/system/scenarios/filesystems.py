# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""Every file system on a real stick, opened by Debian's kernel: all files are there with the right bytes and names, EICAR is
blocked, and not one byte of the medium changes."""
from system.lib.scenario import scenario


def inspect_stick(s, name, drivers, status=1):
    image = s.media.get(name)
    s.vm.plug_stick(image)
    s.wait_block()
    rc, (report,) = s.inspect("/dev/sda")
    s.inspected(report, image, drivers)
    s.equal(rc, status, "exit status")
    return report


@scenario
def vfat(s):
    """FAT in a partition"""
    inspect_stick(s, "vfat", ["kernel:vfat"])


@scenario
def vfat_whole(s):
    """FAT without a partition table"""
    inspect_stick(s, "vfat-whole", ["kernel:vfat"])


@scenario
def exfat(s):
    """exFAT"""
    inspect_stick(s, "exfat", ["kernel:exfat"])


@scenario
def ntfs(s):
    """NTFS: by the kernel where it can, else by ntfs-3g in its sandbox"""
    has_driver = s.agent.sh("modprobe ntfs3", check=False).rc == 0
    inspect_stick(s, "ntfs", ["kernel:ntfs3" if has_driver else "user:ntfs-3g"])


@scenario
def ext4(s):
    """ext4"""
    inspect_stick(s, "ext4", ["kernel:ext4"])


@scenario
def iso9660(s):
    """ISO 9660 on a stick"""
    inspect_stick(s, "iso9660", ["kernel:iso9660"])


@scenario
def udf(s):
    """UDF on a stick"""
    inspect_stick(s, "udf", ["kernel:udf"])


@scenario
def gpt_two(s):
    """GPT with two partitions, FAT and ext4"""
    inspect_stick(s, "gpt-two", ["kernel:vfat", "kernel:ext4"])
