#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""What one program unpacks and another passes over: streams that are no members, names that have a second spelling, archives behind
a file of another kind or in a gap of a disk image. All of it is refused by the checks, whatever the rules say; and its honest
neighbours pass.

BUILD: the build directory (default build).
"""
import os
import pathlib
import struct
import subprocess
import sys
import tempfile
import zipfile
import zlib

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from containers import FORMATS, MIB, rar4, rar4_file, rar4_stream, rar5, rar5_block, rar5_file, rar5_stream, vint  # noqa: E402
from inside import Station  # noqa: E402
import specimens  # noqa: E402
from specimens import TEXT, by_tool, make_zip  # noqa: E402
from tap import finish, ok  # noqa: E402

ELF = pathlib.Path("/bin/true").read_bytes()
PROFILES = {"everything": {}, "documents": {"rules": None}}


def judged(work, name, good, bad):
    """`good`: {path: bytes}; `bad`: {path: (bytes, codes, words)}, of which one must be said."""
    for profile, options in PROFILES.items():
        s = Station(work, "%s-%s" % (name, profile), **options)
        r = s.inspect({**good, **{path: case[0] for path, case in bad.items()}})
        for path, (_, codes, words) in bad.items():
            told = any(code in codes and words in (detail or "") for code, _, detail in r.reasons(path))
            ok(r.verdict(path) != "approved" and told, "%s, %s: %s is refused" % (name, profile, path), r.shown(path))
        for path in good:
            ok(r.verdict(path) == "approved", "%s, %s: %s passes" % (name, profile, path), r.shown(path))
        ok(s.spool() == [], "%s, %s: nothing is left in the spool" % (name, profile), s.spool())


def rar5_link(kind, target):
    return rar5_file("link", b"", extra=vint(5) + vint(kind) + vint(1) + vint(len(target)) + target)


def rar_streams(work):
    """RAR: blocks that are no members (alternate streams), and a directory for quick opening that says something else."""
    letter, opaque = {"letter.txt": TEXT}, {"container-opaque"}

    def renamed(headers):
        return [(at, rar5_file("letter.bat", TEXT)[:len(header)]) for at, header in headers]

    quick = rar5(letter, quick=lambda headers: headers)
    main = vint(1) + vint(1) + vint(4) + vint(0) + vint(3) + vint(1) + vint(1) + vint(17)  # points into a member
    elsewhere = quick[:8] + rar5_block(main) + rar5({"a.txt": rar5_file("QO", TEXT, kind=3)})[8 + len(rar5_block(vint(1) + vint(0) + vint(0))):]
    judged(work, "rar streams", {
        "rar5.rar": rar5(letter), "rar4.rar": rar4(letter),
        "comment5.rar": rar5(letter, services=[rar5_file("CMT", b"see page 2\0", kind=3)]),
        "comment4.rar": rar4(letter, services=[rar4_file(b"CMT", b"see page 2", kind=0x7a, flags=0x4000)]),
        "recovery5.rar": rar5(letter, services=[rar5_file("RR", bytes(512), kind=3)]),
        "quick5.rar": quick,
    }, {
        "stream5.rar": (rar5(letter, services=[rar5_stream("..\\..\\evil.exe", ELF)]), opaque, "alternate streams"),
        "stream4.rar": (rar4(letter, services=[rar4_stream("evil.exe", ELF)]), opaque, "alternate streams"),
        "service5.rar": (rar5(letter, services=[rar5_file("XYZ", ELF, kind=3)]), opaque, "service block"),
        "service4.rar": (rar4(letter, services=[rar4_file(b"XYZ", ELF, kind=0x7a)]), opaque, "service block"),
        "unknown5.rar": (rar5(letter, services=[rar5_block(vint(9) + vint(6) + vint(len(ELF))) + ELF]), opaque, "a kind"),
        "old-stream4.rar": (rar4(letter, services=[rar4_file(b"evil.exe", ELF, kind=0x77)]), opaque, "a kind"),
        "quick-renamed5.rar": (rar5(letter, quick=renamed), opaque, "quick opening"),
        "junction5.rar": (rar5(letter, services=[rar5_link(3, b"\\??\\C:\\Windows")]), opaque, "junction"),
        "copy5.rar": (rar5(letter, services=[rar5_link(5, b"letter.txt")]), opaque, "copy"),
        "quick-astray5.rar": (rar5(letter, quick=lambda headers: [(headers[0][0] + 1, headers[0][1])]), opaque, "quick opening"),
        "quick-elsewhere5.rar": (elsewhere, {"archive-unsafe"}, "quick opening"),
    })


def unicode_path(name, text, crc=None):
    return struct.pack("<HHBI", 0x7075, 5 + len(text), 1, zlib.crc32(name) if crc is None else crc) + text


def zip_named(name, text=None, data=TEXT, where="both", crc=None):
    """A zip of one member whose header says `name`, and whose Unicode path says `text`."""
    extra = unicode_path(name, text, crc) if text is not None else b""
    local, central = extra if where != "central" else b"", extra if where != "local" else b""
    sizes = struct.pack("<III", zlib.crc32(data), len(data), len(data))
    out = struct.pack("<IHHHHH", 0x04034b50, 20, 0, 0, 0, 0x21) + sizes + struct.pack("<HH", len(name), len(local)) + name + local + data
    directory = struct.pack("<IHHHHHH", 0x02014b50, 0x0314, 20, 0, 0, 0, 0x21) + sizes + struct.pack(
        "<HHHHHII", len(name), len(central), 0, 0, 0, 0o100644 << 16, 0) + name + central
    return out + directory + struct.pack("<IHHHHIIH", 0x06054b50, 0, 0, 1, 1, len(directory), len(out), 0)


def zip_names(work):
    """zip: a Unicode path that is another name than that of the header."""
    unsafe, words = {"archive-unsafe"}, "two names"
    judged(work, "zip names", {
        "plain.zip": zip_named(b"letter.txt"),
        "same.zip": zip_named(b"letter.txt", b"letter.txt"),
        "utf8.zip": zip_named("Grüße.txt".encode(), "Grüße.txt".encode()),
        "cp437.zip": zip_named("Grüße.txt".encode("cp437"), "Grüße.txt".encode()),
        "between.zip": zip_named("Süd und Köln.txt".encode("latin1"), "Süd und Köln.txt".encode()),
        "cp866.zip": zip_named("Папка/Письмо 1.txt".encode("cp866"), "Папка/Письмо 1.txt".encode()),
        "sjis.zip": zip_named("表示ソ2.txt".encode("shift_jis"), "表示ソ2.txt".encode()),
        "gbk.zip": zip_named("新建文件夹/文档.txt".encode("gbk"), "新建文件夹/文档.txt".encode()),
        "lost.zip": zip_named(b"______ 1.txt", "Письмо 1.txt".encode()),  # WinRAR, where the code page has no such letters
        "nearest.zip": zip_named(b"Zurich.txt", "Zürich.txt".encode()),
    }, {
        "bat.zip": (zip_named(b"evil.bat", b"letter.txt", b"del /q c:\\important\r\n"), unsafe, words),
        "txt.zip": (zip_named(b"letter.txt", b"evil.bat"), unsafe, words),
        "slip.zip": (zip_named(b"letter.txt", b"../../letter.txt"), unsafe, words),
        "letters.zip": (zip_named(b"evil.bat", "Письмо.txt".encode()), unsafe, words),
        "ending.zip": (zip_named(b"letter.exe", "letter.тхт".encode()), unsafe, words),
        "mixed.zip": (zip_named(b"\x81evil.bat", b"letter.txt"), unsafe, words),
        "folder.zip": (zip_named(b"firmware/a.txt", "папка/a.txt".encode()), unsafe, words),
        "local.zip": (zip_named(b"letter.txt", b"evil.bat", where="local"), unsafe, words),
        "central.zip": (zip_named(b"letter.txt", b"evil.bat", where="central"), unsafe, words),
        "stale.zip": (zip_named(b"letter.txt", b"evil.bat", crc=1), unsafe, words),  # not everyone compares the check sum
    })


LINES = b"The quick brown fox jumps over the lazy dog. 0123456789\r\n" * 2000
RTF = b"{\\rtf1 hello}"
TIFF = b"II*\0\x08\0\0\0" + struct.pack("<H", 8) + b"".join(struct.pack("<HHII", *t) for t in [
    (256, 4, 1, 1), (257, 4, 1, 1), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1), (273, 4, 1, 110), (278, 4, 1, 1), (279, 4, 1, 1)]) + bytes(4) + b"\xff"


def wide(text, codec):
    return {"utf-16-le": b"\xff\xfe", "utf-16-be": b"\xfe\xff", "utf-32-le": b"\xff\xfe\0\0"}[codec] + text.decode().encode(codec)


def uuencoded(work):
    """Text in which a file stands, behind the line where the opener of uuencode would begin."""
    letter = FORMATS["uuencode"].make({"evil.exe": ELF}).decode()
    base64 = by_tool({"in": ELF}, ["sh", "-c", "uuencode -m in evil.exe >out"], "out").decode()
    codes = {"active-content"}
    judged(work, "uuencode", {
        "words.txt": b"Dear all,\n\nbegin 644 is how it begins\nand this is not how it goes on.\nbegin\nbegin 100 %\n",
    }, {
        "uu.txt": (("hello, see below\n\n" + letter).encode(), codes, "uuencode"),
        "uu-dos.txt": (("hello, see below\n\n" + letter).replace("\n", "\r\n").encode(), codes, "uuencode"),
        "uu-base64.txt": (("hello, see below\n\n" + base64).encode(), codes, "uuencode"),
    })


def behind_anything(work):
    """Archives behind (and in) text, pictures and documents of which no end is known to anybody else."""
    letter, codes = {"evil.exe": ELF}, {"active-content", "type-mismatch"}
    doc = FORMATS["ole2"].make({"x.txt": TEXT})
    squash = by_tool({"r/evil.exe": ELF}, ["mksquashfs", "r", "o", "-comp", "xz", "-noappend", "-quiet", "-no-progress", "-no-xattrs"], "o")
    archives = {"7z": FORMATS["7z"].make(letter), "rar": rar5(letter), "squashfs": squash, "cab": FORMATS["cab"].make(letter)}
    fronts = {"long.txt": LINES, "wide.txt": wide(LINES, "utf-16-le"), "big.txt": wide(LINES, "utf-16-be"), "widest.txt": wide(LINES, "utf-32-le"),
              "table.csv": b"a,b,c\n1,2,3\n" * 9000, "page.rtf": RTF, "picture.tif": TIFF, "letter.doc": doc, "picture.png": specimens.png()}
    good = {name: data for name, data in fronts.items() if name != "widest.txt"}  # which libmagic does not call text everywhere
    good.update({"zeros.txt": LINES + bytes(4000), "end.rtf": RTF + b"\r\n\0", "zeros.tif": TIFF + bytes(5000), "chinese.txt": "漢字𠀀 かな\n".encode("utf-16")})
    bad = {"%s-%s" % (kind, name): (data + archive, codes, "") for name, data in fronts.items() for kind, archive in archives.items()}
    for kind, archive in archives.items():  # with something between, so that the archive does not stand right behind
        bad["%s-apart-picture.png" % kind] = (specimens.png() + b"x" + archive, codes, "")
    judged(work, "behind", good, bad)


def zip_bytes(work):
    """zip: bytes that are no member's, and members of which the directory says something else."""
    unsafe, opaque = {"archive-unsafe"}, {"container-opaque"}
    plain = zip_named(b"letter.txt")
    header, directory = plain[:plain.index(b"PK\1\2")], plain[plain.index(b"PK\1\2"):]
    hidden = zip_named(b"evil.exe", data=ELF)
    hidden = hidden[:hidden.rindex(b"PK\1\2")]

    def moved(more):  # the directory's place in the end record
        return directory[:-6] + struct.pack("<IH", len(header) + more, 0)

    judged(work, "zip bytes", {
        "zeros.zip": header + bytes(64) + moved(64),
        "folder.zip": make_zip([("a/", b""), ("a/b.txt", TEXT)]),
    }, {
        "gap.zip": (header + hidden + moved(len(hidden)), opaque, "no member"),
        "header.zip": (header.replace(b"letter.txt", b"LETTER.BAT") + directory, unsafe, "differs"),
        "folder-bytes.zip": (zip_named(b"evil.exe/", data=ELF), unsafe, "folder"),
    })


def made(work, argv, size=0, files=None):
    """What a program makes at %s, which has `size` bytes before; a FAT with `files`."""
    path = work / "made.img"
    path.write_bytes(b"")
    os.truncate(path, size)
    subprocess.run([str(path) if a == "%s" else a for a in argv], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    for name, data in (files or {}).items():
        (work / name).write_bytes(data)
        subprocess.run(["mcopy", "-i", path, work / name, "::"], check=True)
    data = path.read_bytes()
    path.unlink()
    return data


def mbr(volumes, total, more=()):
    """[(first sector, bytes)] as partitions, and `more` without an entry."""
    out = bytearray(total)
    for i, (start, data) in enumerate(volumes):
        out[446 + 16 * i:462 + 16 * i] = struct.pack("<B3sB3sII", 0, b"\xfe\xff\xff", 0x0c, b"\xfe\xff\xff", start, len(data) // 512)
    for start, data in [*volumes, *more]:
        out[start * 512:start * 512 + len(data)] = data
    out[510:512] = b"\x55\xaa"
    return bytes(out)


def behind_volumes(work):
    """Disk images and squashfs: behind the end of the file system, between and behind partitions."""
    opaque, words = {"container-opaque"}, "hidden: "
    evil = make_zip([("evil.exe", ELF)], zipfile.ZIP_LZMA) + b"\1"  # does not end the file
    fat = made(work, ["mkfs.vfat", "%s"], MIB, {"LETTER.TXT": TEXT})
    ext = FORMATS["ext4"].make({"letter.txt": TEXT})
    squash = FORMATS["squashfs"].make({"letter.txt": TEXT})
    iso = FORMATS["iso9660"].make({"letter.txt": TEXT})
    hybrid = bytearray(iso)
    hybrid[446:462] = struct.pack("<B3sB3sII", 0x80, b"\0\2\0", 0x17, b"\xfe\xff\xff", 1, len(iso) // 512 - 1)
    hybrid[510:512] = b"\x55\xaa"
    hidden = made(work, ["mkfs.vfat", "%s"], MIB, {"E.ZIP": evil})
    gpt = FORMATS["disk"].make({"letter.txt": TEXT})
    whole = {"fat.img": fat, "ext.img": ext, "squash.squashfs": squash, "hybrid.iso": bytes(hybrid), "mbr.img": mbr([(64, fat)], MIB + 32768),
             "made.img": gpt}
    good = {**whole, **{"padded-" + name: data + bytes(65536) for name, data in whole.items()}, "erased.squashfs": squash + b"\xff" * 65536,
            "two.img": mbr([(64, fat), (4096, fat)], 4 * MIB), "loader.img": mbr([(64, fat)], 2 * MIB, [(1, b"\xeb\x63\x90GRUB" + b"\x90" * 9000)])}
    bad = {"behind-" + name: (data + evil, opaque, words) for name, data in whole.items()}
    bad.update({"far-" + name: (data + bytes(70000) + evil, opaque, words) for name, data in whole.items()})
    bad.update({
        "gap.img": (mbr([(64, fat), (6000, fat)], 4 * MIB, [(3000, evil)]), opaque, words),
        "gap-volume.img": (mbr([(64, fat)], 4 * MIB, [(4096, hidden)]), opaque, words),
        "before-volume.img": (mbr([(4096, fat)], 4 * MIB, [(2048 - 64, hidden)]), opaque, words),
        "before-archive.img": (mbr([(4096, fat)], 4 * MIB, [(3, evil)]), opaque, words),
        "rest.img": (mbr([(64, fat + evil + bytes(-len(evil) % 512))], 4 * MIB), opaque, words),
    })
    s = Station(work, "volumes")
    r = s.inspect({**good, **{path: case[0] for path, case in bad.items()}})
    for path, (_, codes, text) in bad.items():
        ok(r.verdict(path) != "approved" and any(c in codes and text in (d or "") for c, _, d in r.reasons(path)), "volumes: %s is refused" % path,
           r.shown(path))
    for path in good:
        ok(r.verdict(path) == "approved", "volumes: %s passes" % path, r.shown(path))


def main():
    with tempfile.TemporaryDirectory(prefix="lazaret-hidden.", dir="/var/tmp") as name:
        os.chmod(name, 0o755)
        tests = {f.__name__: f for f in (rar_streams, zip_names, zip_bytes, uuencoded, behind_anything, behind_volumes)}
        for test in sys.argv[1:] or tests:
            tests[test](pathlib.Path(name))
    return finish()


sys.exit(main())
