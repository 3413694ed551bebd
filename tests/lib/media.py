#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""Build images of removable media as plain files, without mounts and without root (exfat with files: see below).

    media.py OUT [--layout none|mbr|gpt] [--size SIZE] [--damage WHAT]... --part TYPE[:DIR][:key=value]...

A part is a volume or a gap, in the order of the medium:
    vfat12 vfat16 vfat32 vfat exfat ntfs ext2 ext3 ext4 ext4-dirty iso9660 iso-hybrid udf squashfs
    luks swap fat+ext noise zero gap
    DIR            the tree to put into it (most types; without it the volume is empty)
    size=32M       default: what the tree needs and a margin
    label=NAME     volume label
    logical        (mbr) inside an extended partition, which is made as needed
    at=SIZE        place it there instead of after the previous part
    claim=SIZE     write this size into the partition table instead of the true one
    comp=zstd      (squashfs) compressor
    data           (gap) fill with noise instead of zeros

--layout none writes the one part as the whole medium.
--damage truncate=SIZE  cut the finished image;  gpt-primary, gpt-both, mbr-magic  overwrite the named structure.

ext4-dirty holds a file `journal.txt` and a journal that would change its content if it were replayed.
exfat with a DIR needs root, a loop device and exfat-fuse, for want of a tool that writes into a plain file; when
they are missing the exit status is 77 and the reason is on standard error.
"""
import argparse
import os
import random
import shutil
import subprocess
import sys
import tempfile

MIB = 1 << 20
SECTOR = 512
UNITS = {"K": 1 << 10, "M": MIB, "G": 1 << 30}
SKIP = 77


class Skip(Exception):
    """The image cannot be built here, for the reason given."""


def parse_size(text):
    if text and text[-1].upper() in UNITS:
        return int(text[:-1]) * UNITS[text[-1].upper()]
    return int(text)


def run(*command, stdin=None, env=None, ok=(0,)):
    done = subprocess.run([str(c) for c in command], input=stdin, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, check=False, env={**os.environ, **(env or {})})
    if done.returncode not in ok:
        raise SystemExit("media.py: %s: exit %d\n%s" % (" ".join(map(str, command)), done.returncode,
                                                        done.stdout.decode(errors="replace")))
    return done.stdout


def tool(name):
    found = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    if not found:
        raise Skip("no program %s" % name)
    return found


def truncate(path, size):
    with open(path, "ab"):
        os.truncate(path, size)


def tree_size(directory):
    total = 0
    for base, dirs, files in os.walk(directory):
        for name in dirs + files:
            total += os.lstat(os.path.join(base, name)).st_size // 4096 * 4096 + 8192
    return total


def noise(size, seed):
    return random.Random(seed).randbytes(size)


class Part:
    def __init__(self, text, number):
        fields = text.split(":")
        self.type, self.number = fields[0], number
        self.directory, self.options = None, {}
        for i, field in enumerate(fields[1:]):
            key, equals, value = field.partition("=")
            if equals or field in ("logical", "data"):
                self.options[key] = value
            elif i == 0:
                self.directory = field or None
            else:
                raise SystemExit("media.py: what is %r in %r?" % (field, text))
        if self.type not in BUILDERS and self.type != "gap":
            raise SystemExit("media.py: unknown type %r" % self.type)
        self.label = self.options.get("label", "")
        self.logical = "logical" in self.options

    def size(self, default_mib):
        if "size" in self.options:
            return parse_size(self.options["size"])
        need = tree_size(self.directory) * 5 // 4 if self.directory else 0
        return (default_mib * MIB + need + MIB - 1) // MIB * MIB


# -- one builder per type: (part, path of the file to be made) -------------------------------------------------
def build_vfat(part, path):
    bits = {"vfat12": 12, "vfat16": 16, "vfat32": 32}.get(part.type)
    truncate(path, part.size({12: 4, 16: 16, 32: 40, None: 16}[bits]))
    run(tool("mkfs.vfat"), *(["-F", bits] if bits else []), *(["-n", part.label] if part.label else []),
        "-i", "%08x" % (0x4C5A0000 + part.number), path)
    if part.directory and os.listdir(part.directory):
        names = [os.path.join(part.directory, n) for n in sorted(os.listdir(part.directory))]
        run(tool("mcopy"), "-s", "-Q", "-i", path, *names, "::/", env={"MTOOLS_SKIP_CHECK": "1", "LC_ALL": "C.UTF-8"})


def build_exfat(part, path):
    truncate(path, part.size(16))
    run(tool("mkfs.exfat"), *(["-L", part.label] if part.label else []), path)
    if not part.directory or not os.listdir(part.directory):
        return
    if os.geteuid() != 0:
        raise Skip("files on exfat need root, a loop device and exfat-fuse")
    driver = tool("mount.exfat-fuse")
    # One mount namespace for all steps: nothing stays behind whatever happens in between.
    script = ('set -e; m=$(mktemp -d); d=$(losetup --show -f "$1"); '
              'trap \'umount "$m" 2>/dev/null || true; losetup -d "$d"; rmdir "$m"\' EXIT; '
              'blockdev --setrw "$d"; "$3" "$d" "$m" >/dev/null; cp -rT "$2" "$m"; sync; umount "$m"; sleep 0.2')
    run("unshare", "-m", "sh", "-c", script, "sh", path, part.directory, driver)


def build_ntfs(part, path):
    truncate(path, part.size(16))
    run(tool("mkntfs"), "-F", "-Q", "-q", *(["-L", part.label] if part.label else []), path)
    if not part.directory:
        return
    for base, dirs, files in os.walk(part.directory):
        if base != part.directory and files:
            raise SystemExit("media.py: ntfscp makes no directories: give ntfs a flat tree")
        for name in sorted(files):
            run(tool("ntfscp"), "-f", path, os.path.join(base, name), name, env={"LC_ALL": "C.UTF-8"})


def build_ext(part, path):
    kind = part.type.split("-")[0]
    truncate(path, part.size(16))
    run(tool("mkfs." + kind), "-q", "-F", *(["-L", part.label] if part.label else []),
        *(["-d", part.directory] if part.directory else []), "-E", "root_owner=0:0,lazy_itable_init=0", path)
    if part.type == "ext4-dirty":
        dirty_journal(path)


def dirty_journal(path):
    """Add journal.txt, then a committed transaction that overwrites its block, marked for recovery."""
    debugfs = tool("debugfs")
    with tempfile.TemporaryDirectory() as temp:
        for name, text in (("before", b"as it was stored\n"), ("after", b"as the journal would make it\n")):
            with open(os.path.join(temp, name), "wb") as f:
                f.write(text.ljust(4096, b"."))
        run(debugfs, "-w", "-R", "write %s journal.txt" % os.path.join(temp, "before"), path)
        size = run(debugfs, "-R", "stats -h", path).decode()
        block_size = int(next(l for l in size.splitlines() if l.startswith("Block size")).split()[-1])
        block = run(debugfs, "-R", "bmap journal.txt 0", path).decode().split()[-1]
        os.truncate(os.path.join(temp, "after"), block_size)
        run(debugfs, "-w", "-f", "-", path,
            stdin=("jo\njw -b %s %s\njc\n" % (block, os.path.join(temp, "after"))).encode())
    if b"needs_recovery" not in run(debugfs, "-R", "features", path):
        raise SystemExit("media.py: the journal did not become dirty")


def build_iso(part, path):
    with tempfile.TemporaryDirectory() as temp, tempfile.TemporaryDirectory() as empty:
        command = [tool("xorriso"), "-as", "mkisofs", "-quiet", "-o", path, "-J", "-R", "-V", part.label or "LAZARET"]
        if part.type == "iso-hybrid":
            command += ["-partition_offset", "16"] if "offset" in part.options else [
                "-append_partition", "2", "0x01", hybrid_fat(temp)]
        run(*command, part.directory or empty)


def hybrid_fat(temp):
    """A small FAT partition for the disc image, as boot media carry one."""
    fat = os.path.join(temp, "fat.img")
    truncate(fat, 2 * MIB)
    run(tool("mkfs.vfat"), "-n", "HYBRIDFAT", fat)
    run(tool("mcopy"), "-i", fat, "-", "::/in-the-fat.txt", stdin=b"only in the appended partition\n")
    return fat


def build_udf(part, path):
    with tempfile.TemporaryDirectory() as empty:
        if not part.directory:  # UDF alone, as a formatted stick has it
            truncate(path, part.size(16))
            run(tool("mkudffs"), "-b", "512", "-l", part.label or "LAZARET", path)
            return
        run(tool("genisoimage"), "-quiet", "-udf", "-J", "-R", "-V", part.label or "LAZARET", "-o", path,
            part.directory or empty)


def build_squashfs(part, path):
    with tempfile.TemporaryDirectory() as empty:
        run(tool("mksquashfs"), part.directory or empty, path, "-noappend", "-quiet", "-no-progress", "-comp",
            part.options.get("comp", "gzip"))


def build_luks(part, path):
    """A LUKS2 header with no key that anyone has kept."""
    truncate(path, part.size(20))
    run(tool("cryptsetup"), "luksFormat", "--type", "luks2", "--batch-mode", "--pbkdf", "pbkdf2",
        "--pbkdf-force-iterations", "1000", path, "-", stdin=noise(32, part.number))


def build_swap(part, path):
    truncate(path, part.size(4))
    run(tool("mkswap"), path)


def build_fat_ext(part, path):
    """A FAT volume with the super block of an ext2 volume pasted in: both signatures are valid."""
    build_vfat(part, path)
    with tempfile.TemporaryDirectory() as temp:
        ext = os.path.join(temp, "ext")
        truncate(ext, os.path.getsize(path))
        run(tool("mkfs.ext2"), "-q", "-F", ext)
        with open(ext, "rb") as src, open(path, "r+b") as dst:
            src.seek(1024)
            dst.seek(1024)
            dst.write(src.read(1024))


def build_noise(part, path):
    with open(path, "wb") as f:
        f.write(noise(part.size(2), part.number))


def build_zero(part, path):
    truncate(path, part.size(2))


BUILDERS = {
    "vfat": build_vfat, "vfat12": build_vfat, "vfat16": build_vfat, "vfat32": build_vfat, "exfat": build_exfat,
    "ntfs": build_ntfs, "ext2": build_ext, "ext3": build_ext, "ext4": build_ext, "ext4-dirty": build_ext,
    "iso9660": build_iso, "iso-hybrid": build_iso, "udf": build_udf, "squashfs": build_squashfs,
    "luks": build_luks, "swap": build_swap, "fat+ext": build_fat_ext, "noise": build_noise, "zero": build_zero,
}

# MBR type byte and GPT type; what a table says of a partition is only a hint, and the station ignores it.
MBR_TYPES = {"vfat": "c", "exfat": "7", "ntfs": "7", "swap": "82"}
GPT_DATA = "EBD0A0A2-B9E5-4433-87C0-68B6B72699C7"


# -- the medium ------------------------------------------------------------------------------------------------
def place(parts, temp):
    """Offsets and image files of all parts, 1 MiB aligned; returns the end."""
    at = MIB
    for part in parts:
        if part.logical:
            at += MIB  # room for its extended boot record
        at = parse_size(part.options["at"]) if "at" in part.options else at
        part.offset = at
        if part.type == "gap":
            part.file, part.bytes = None, part.size(4)
        else:
            part.file = os.path.join(temp, "part%d" % part.number)
            BUILDERS[part.type](part, part.file)
            part.bytes = os.path.getsize(part.file)
        at += (part.bytes + MIB - 1) // MIB * MIB
    return at


def mbr_script(parts, end):
    lines, logical = [], [p for p in parts if p.logical]
    if logical:
        start = (logical[0].offset - MIB) // SECTOR
        lines.append("4: start=%d, size=%d, type=f" % (start, end // SECTOR - start))
    primary, number = 1, 5
    for part in parts:
        if part.type == "gap":
            continue
        size = parse_size(part.options["claim"]) if "claim" in part.options else part.bytes
        kind = MBR_TYPES.get(part.type.rstrip("0123456789"), "83")
        if part.logical:
            lines.append("%d: start=%d, size=%d, type=%s" % (number, part.offset // SECTOR, size // SECTOR, kind))
            number += 1
        else:
            lines.append("%d: start=%d, size=%d, type=%s" % (primary, part.offset // SECTOR, size // SECTOR, kind))
            primary += 1
    return "label: dos\nlabel-id: 0x4c5a5254\nunit: sectors\n" + "\n".join(lines) + "\n"


def gpt_script(parts):
    lines = ["label: gpt", "label-id: 4C5A5254-0000-4000-8000-000000000000", "unit: sectors"]
    for i, part in enumerate((p for p in parts if p.type != "gap"), 1):
        size = parse_size(part.options["claim"]) if "claim" in part.options else part.bytes
        lines.append("%d: start=%d, size=%d, type=%s, uuid=4C5A5254-0000-4000-8000-%012d" %
                     (i, part.offset // SECTOR, size // SECTOR, GPT_DATA, i))
    return "\n".join(lines) + "\n"


def write_parts(out, parts):
    with open(out, "r+b") as medium:
        for part in parts:
            medium.seek(part.offset)
            if part.type == "gap":
                if "data" in part.options:
                    medium.write(noise(part.bytes, part.number))
                continue
            with open(part.file, "rb") as f:
                shutil.copyfileobj(f, medium, MIB)


def patch_claims(out, parts, layout):
    """sfdisk refuses sizes beyond the medium or over another partition: such lies are written by hand (MBR)."""
    if layout != "mbr":
        raise SystemExit("media.py: claim= needs --layout mbr")
    with open(out, "r+b") as medium:
        for i, part in enumerate(p for p in parts if p.type != "gap" and not p.logical):
            if "claim" in part.options:
                medium.seek(446 + 16 * i + 12)
                medium.write((parse_size(part.options["claim"]) // SECTOR).to_bytes(4, "little"))


def write_table(out, parts, layout, end):
    honest = [p.options.pop("claim", None) for p in parts]
    script = mbr_script(parts, end) if layout == "mbr" else gpt_script(parts)
    run(tool("sfdisk"), "--quiet", "--no-reread", "--no-tell-kernel", "--wipe", "never", out, stdin=script.encode())
    for part, claim in zip(parts, honest):
        if claim:
            part.options["claim"] = claim
    if any(honest):
        patch_claims(out, parts, layout)


def damage(out, what):
    name, _, value = what.partition("=")
    size = os.path.getsize(out)
    if name == "truncate":
        os.truncate(out, parse_size(value))
        return
    places = {"gpt-primary": [(SECTOR, SECTOR)], "gpt-both": [(SECTOR, SECTOR), (size - SECTOR, SECTOR)],
              "mbr-magic": [(510, 2)]}
    if name not in places:
        raise SystemExit("media.py: unknown damage %r" % what)
    with open(out, "r+b") as medium:
        for at, length in places[name]:
            medium.seek(at)
            medium.write(noise(length, 1))


def build(args):
    parts = [Part(text, i) for i, text in enumerate(args.part)]
    if os.path.exists(args.out):
        os.unlink(args.out)
    with tempfile.TemporaryDirectory() as temp:
        if args.layout == "none":
            if len(parts) != 1 or parts[0].type == "gap":
                raise SystemExit("media.py: --layout none takes exactly one volume")
            BUILDERS[parts[0].type](parts[0], args.out)
            if args.size:
                truncate(args.out, parse_size(args.size))
        else:
            end = place(parts, temp)
            total = parse_size(args.size) if args.size else end + MIB
            truncate(args.out, total)
            write_table(args.out, parts, args.layout, end)
            write_parts(args.out, parts)
    for what in args.damage:
        damage(args.out, what)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out")
    parser.add_argument("--layout", choices=("none", "mbr", "gpt"), default="none")
    parser.add_argument("--size")
    parser.add_argument("--part", action="append", default=[], required=True)
    parser.add_argument("--damage", action="append", default=[])
    try:
        build(parser.parse_args())
    except Skip as reason:
        print("media.py: skipped: %s" % reason, file=sys.stderr)
        return SKIP
    return 0


if __name__ == "__main__":
    sys.exit(main())
