# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""Rows about what files hold: containers, encryption, damage, bombs, types."""
import glob
import os

import content
import specimens
from bench import Sparse
from content import EICAR, GOOD, TEXT, archive, make_tar, make_zip, specimen
from row import row

LARGEST_SCANNED = 2147483645  # libclamav 2.3


# What the virus scanner does not look into, the openers do: the examiners by themselves call these opaque (specimens.py).
OPENED = {
    "plain.a": "approved",
    "plain.squashfs": "approved",
    "plain.deb": "blocked malware@data.tar.xz/data.tar/eicar.com",
    "plain.zst": "blocked malware@plain",
    "plain.lz4": "blocked malware@plain",
    "plain.lzma": "blocked malware@plain",
    "plain.lz": "blocked malware@plain",
    "plain.tar.zst": "blocked malware@plain.tar/dir/eicar.com",
    "zst.zip": "blocked malware@a.zst/a",
    "zip64.zip": "blocked malware@eicar.com",
    "link.tar": "blocked archive-unsafe@l",
    "device.tar": "blocked archive-unsafe@d",
    "zip64-stream.zip": "blocked malware@-",
    "lzma.zip": "blocked malware@eicar.com",
    "ppmd.zip": "blocked malware@eicar.com",
    "xz.zip": "blocked malware@eicar.com",
    "bzip2.7z": "blocked malware@eicar.com",
    "deflate.7z": "blocked malware@eicar.com",
    "streams.bz2": "blocked malware@streams",
    "eicar.tar.gz": "blocked malware@eicar.tar/dir/eicar.com",
}


def from_specimens():
    """Each specimen with what its author says must be found; opened ones that are harmless must be approved."""
    files = {}
    for name, (file_name, expect, why, _) in specimens.SPECIMENS.items():
        if why.startswith("heavy"):
            continue
        if file_name in OPENED:
            text = OPENED[file_name]
        elif expect == "clean":
            text = "approved"
        elif name == "tar-zeros":  # zeros and the virus: found as a plain file
            text = "blocked malware"
        else:
            text = "refused " + expect.replace(",", "|")
        files[file_name] = (specimen(name), text)
    return files


row("specimens", "libclamav 2.1, 2.5: silent CLEAN in archives, ignored types, HTML, opaque formats", from_specimens(), weight=6)

row("eicar-plain", "all: the base line; Pandora-box #22", {
    "eicar.com": (EICAR, "blocked malware"),
    "eicar.txt": (EICAR, "blocked malware"),
    "eicar": (EICAR, "blocked malware"),
    "padded.bin": (EICAR + b"\0" * 100000, "blocked malware"),
    "behind.bin": (b"\xa5" * 100000 + EICAR, "blocked malware"),
    "good.txt": (GOOD, "approved"),
})

row("eicar-in-containers", "all; Pandora-box #30, libclamav 2.5: one level of every container", {
    "zip.zip": (specimen("zip-eicar"), "blocked malware@dir/eicar.com"),
    "7z.7z": (specimen("7z-eicar"), "blocked malware@eicar.com"),
    "v7.tar": (lambda: archive("--format=v7tar"), "blocked malware@eicar.com"),
    "ustar.tar": (lambda: archive("--format=ustar"), "blocked malware@eicar.com"),
    "pax.tar": (lambda: archive("--format=pax"), "blocked malware@eicar.com"),
    "gnu.tar": (lambda: archive("--format=gnutar"), "blocked malware@eicar.com"),
    "newc.cpio": (lambda: archive("--format=newc"), "blocked malware@eicar.com"),
    "odc.cpio": (lambda: archive("--format=odc"), "blocked malware@eicar.com"),
    "binary.cpio": (lambda: archive("--format=bin"), "blocked malware@eicar.com"),
    "gz.tar.gz": (specimen("tgz-eicar"), "blocked malware@gz.tar/dir/eicar.com"),
    "bz2.tar.bz2": (lambda: archive("--bzip2"), "blocked malware@bz2.tar/eicar.com"),
    "xz.tar.xz": (lambda: archive("--xz"), "blocked malware@xz.tar/eicar.com"),
    "lzma.tar.lzma": (lambda: archive("--lzma"), "blocked malware@lzma.tar/eicar.com"),
    "zstd.tar.zst": (lambda: archive("--zstd"), "blocked malware@zstd.tar/eicar.com"),
    "lz4.tar.lz4": (lambda: archive("--lz4"), "blocked malware@lz4.tar/eicar.com"),
    "compress.tar.Z": (lambda: archive("-Z"), "blocked malware@compress.tar/eicar.com"),
    "lzip.tar.lz": (lambda: archive("--lzip"), "blocked malware@lzip.tar/eicar.com"),
    "uu.tar.uu": (lambda: archive("--uuencode"), "blocked malware@uu.tar/eicar.com"),
    "b64.tar.b64": (lambda: archive("--b64encode"), "blocked malware@b64.tar/eicar.com"),
    "xar.xar": (lambda: archive("--format=xar"), "blocked malware@eicar.com"),
    "warc.warc": (lambda: archive("--format=warc"), "blocked malware@3-resource/eicar.com"),
    "shar.shar": (lambda: archive("--format=shar"), "refused malware|container-opaque|active-content"),
    "ar.a": (lambda: archive("--format=ar"), "blocked malware@eicar.com"),
    "iso.iso": (specimen("iso-eicar"), "blocked malware@eicar.com"),
    "deb.deb": (content.package_deb, "blocked malware@data.tar.xz/data.tar/usr/share/x/eicar.com"),
    "arj.arj": (content.by_arj, "blocked malware@eicar.com"),
    "cab.cab": (content.cabinet, "blocked malware@eicar.com"),
    "lha.lzh": (content.lha, "blocked malware@eicar.com"),
    "docx.docx": (specimen("docx-eicar"), "blocked malware@word/embeddings/x.bin"),
    "jar.jar": (lambda: make_zip([("META-INF/MANIFEST.MF", b"Manifest-Version: 1.0\r\n\r\n"), ("E.class", EICAR)]), "blocked malware@E.class"),
    "ole.doc": (content.ole2, "blocked malware@eicar.com"),
    "attached.pdf": (content.pdf_attachment, "blocked malware@EmbeddedFile/eicar.com"),
    "object.rtf": (content.rtf_object, "blocked malware"),
    "mail.eml": (specimen("mail-eicar"), "blocked malware@eicar.com"),
    "mail.mbox": (content.mail_box, "blocked malware@eicar.com"),
    "mail.uu": (content.uuencoded, "blocked malware@mail"),
    "image.tar": (content.container_image, "blocked malware@l/layer.tar/opt/eicar.com"),
    "good.txt": (GOOD, "approved"),
    "good.zip": (specimen("zip"), "approved"),
}, weight=4)

row("eicar-nested", "libclamav 2.1#1, CIRCLean C3: nested to the limit, and one more", {
    **{"zip%02d.zip" % n: (lambda n=n: specimens.nested(n), "blocked malware") for n in (2, 5, 10, 20, 28)},
    "zip29.zip": (lambda: specimens.nested(29), "refused malware|limit-exceeded"),
    "zip30.zip": (lambda: specimens.nested(30), "refused malware|limit-exceeded"),
    **{"zip%02d.zip" % n: (lambda n=n: specimens.nested(n), "refused limit-exceeded") for n in (31, 40, 100)},
    "harmless-16.zip": (lambda: specimens.nested(16, TEXT, "a.txt"), "approved"),
    "harmless-17.zip": (lambda: specimens.nested(17, TEXT, "a.txt"), "held limit-exceeded"),
    "harmless-28.zip": (lambda: specimens.nested(28, TEXT, "a.txt"), "held limit-exceeded"),
    "harmless-31.zip": (lambda: specimens.nested(31, TEXT, "a.txt"), "held limit-exceeded"),
    "harmless-100.zip": (lambda: specimens.nested(100, TEXT, "a.txt"), "held limit-exceeded"),
    "mixed.zip": (content.mixed_nesting, "blocked malware"),
    "good.txt": (GOOD, "approved"),
}, weight=2)

row("encrypted", "usbsas U2, Keysas K4, CIRCLean C3, libclamav 2.0: what is encrypted was not inspected", {
    "zipcrypto.zip": (specimen("zip-encrypted"), "held encrypted@eicar.com"),
    "aes.zip": (specimen("zip-aes"), "held encrypted@eicar.com"),
    "plain-and-encrypted.zip": (lambda: specimens.by_tool(
        {"a.txt": TEXT, "b.txt": TEXT}, ["sh", "-c", "zip -q o.zip a.txt && zip -q -P secret o.zip b.txt"], "o.zip"),
        "held encrypted@b.txt"),
    "members.7z": (specimen("7z-encrypted"), "held encrypted"),
    "names.7z": (specimen("7z-encrypted-names"), "held encrypted"),
    "user.pdf": (specimen("pdf-encrypted"), "held encrypted"),
    "agile.docx": (specimen("docx-encrypted"), "held encrypted"),
    "agile.xlsx": (specimen("docx-encrypted"), "held encrypted"),
    "inner.zip": (specimen("zip-in-zip-encrypted"), "held encrypted"),
    "agile-in.zip": (lambda: make_zip([("a.docx", content.made("docx-encrypted"))]), "held encrypted"),
    "message.asc": (specimen("pgp"), "held encrypted"),
    "luks.img": (specimen("luks"), "held encrypted"),
    "salted.enc": (specimen("openssl"), "held encrypted"),
    "good.txt": (GOOD, "approved"),
})

row("broken-archives", "CIRCLean C2, C3, libclamav 2.1#4: one malformed file neither passes nor ends the run", {
    name: (specimen(name), "refused archive-unsafe|container-opaque") for name in (
        "zip-truncated", "zip-corrupt", "zip-concat", "zip-trailing", "zip-split", "gz-truncated", "gz-corrupt",
        "bz2-truncated", "xz-truncated", "tar-truncated", "tar-checksum", "7z-truncated", "7z-split", "zip-hidden")
} | {
    "nearly.docx": (lambda: content.made("docx")[:-40], "refused archive-unsafe|container-opaque"),
    "corrupt.odt": (b"PK\3\4" + b"\xff" * 500, "refused archive-unsafe|container-opaque"),
    "noise.zip": (b"PK\5\6" + b"\1" * 18, "refused archive-unsafe|container-opaque"),
    "end-first.zip": (lambda: content.made("zip-empty") + content.made("zip-eicar"), "refused archive-unsafe|container-opaque|malware"),
    "a-good.txt": (GOOD, "approved"),
    "z-good.txt": (GOOD, "approved"),
})

row("unsafe-members", "CIRCLean C4: names in archives", {
    "traversal.zip": (specimen("zip-traversal"), "blocked archive-unsafe@../../etc/passwd"),
    "traversal.tar": (specimen("tar-traversal"), "blocked archive-unsafe@../../etc/passwd"),
    "absolute.tar": (lambda: make_tar([("/etc/cron.d/x", TEXT)]), "blocked archive-unsafe"),
    "absolute.zip": (lambda: make_zip([("/etc/cron.d/x", TEXT)]), "blocked archive-unsafe"),
    "backslash.zip": (lambda: make_zip([("..\\..\\autorun.inf", TEXT)]), "blocked archive-unsafe"),
    "link.tar": (specimen("tar-link-out"), "blocked archive-unsafe@l"),
    "device.tar": (specimen("tar-device"), "blocked archive-unsafe@d"),
    "good.tar": (specimen("tar"), "approved"),
})

row("bombs", "CIRCLean C3, P1: decompression bombs end at limits of ours", {
    "4g.gz": (lambda: content.zeros_gz(4096), "refused limit-exceeded|scan-error|scan-timeout|scanner-crashed"),
    "1g.zip": (lambda: content.zip_of_zeros(1024), "refused limit-exceeded|scan-error|scan-timeout|scanner-crashed"),
    "tree.zip": (lambda: content.zip_tree(10, 4), "refused limit-exceeded|scan-error|scan-timeout|scanner-crashed|container-opaque"),
    "overlap.zip": (specimen("zip-overlap"), "blocked archive-unsafe~overlap"),
    "good.txt": (GOOD, "approved"),
    "good.zip": (specimen("zip"), "approved"),
}, config={"limits": {"worker-tmpfs": "256MiB", "scan-time": "4s"}}, weight=10)

row("zip-over-limit", "usbsas U2, Keysas K4, libclamav 2.0: a member over MAX_FILESIZE is CLEAN in a zip", {
    "101mib.zip": (lambda: make_zip([("a.bin", b"\0" * (101 << 20) + EICAR)]), "blocked malware@a.bin"),
    "2gib.zip": (lambda: content.zip_of_zeros(2048), "held limit-exceeded|container-opaque|scan-timeout"),
    "good.txt": (GOOD, "approved"),
}, config={"limits": {"scan-time": "15s"}}, weight=25)

row("7z-solid-over-1-gib", "libclamav 2.1#5: a solid block over 1 GiB is skipped without a word", {
    "solid.7z": (specimen("7z-solid"), "refused container-opaque|limit-exceeded|malware"),
    "good.txt": (GOOD, "approved"),
}, weight=25)

row("3-gib-virus-at-end", "libclamav 2.3, Pandora-box P1: above 2 GiB the scanner does not look", {
    "large.img": (Sparse(3 << 30, ((3 << 30) - len(EICAR), EICAR)), "held limit-exceeded"),
    "good.txt": (GOOD, "approved"),
}, weight=15)

row("just-over-the-scanner", "libclamav 2.3: the first size that is not looked at", {
    "over.bin": (Sparse(LARGEST_SCANNED + 1, (100, EICAR)), "held limit-exceeded"),
    "good.txt": (GOOD, "approved"),
}, weight=12)

row("tiny", "libclamav 2.2#6: nothing of five bytes or fewer is looked at", {
    "empty.txt": (b"", "approved"),
    "1.txt": (b"x", "approved"),
    "5.txt": (b"12345", "approved"),
    "6.txt": (b"123456", "approved"),
})

row("types-documents", "CIRCLean C1, #9, Keysas #101: content, not the name, decides; and both must agree", {
    "good.txt": (GOOD, "approved"),
    "plain.pdf": (specimen("pdf"), "approved"),
    "plain.png": (specimen("png"), "approved"),
    "plain.docx": (specimen("docx"), "approved"),
    "plain.zip": (specimen("zip"), "approved"),
    "plain.tar": (specimen("tar"), "approved"),
    "plain.tar.gz": (specimen("tgz"), "approved"),
    "program.exe": (lambda: pe(), "blocked type-denied"),
    "photo.jpg": (lambda: pe(), "blocked type-mismatch"),
    "invoice.pdf": (lambda: pe(), "blocked type-mismatch"),
    "letter.docx.exe": (lambda: pe(), "blocked type-denied"),
    "tool": (lambda: elf(), "blocked type-denied"),
    "holiday.png": (lambda: elf(), "blocked type-mismatch"),
    "picture.jpg": (specimen("png"), "blocked type-mismatch"),
    "text.docx": (TEXT, "blocked type-mismatch"),
    "script.txt": (b"#!/bin/sh\nrm -rf /\n", "refused active-content"),
    "page.html": (specimen("html"), "refused active-content"),
    "macro.docm": (lambda: specimens.ooxml([("word/vbaProject.bin", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600)]), "refused active-content|archive-unsafe|container-opaque"),
    "renamed-script.csv": (b"@echo off\r\nformat c:\r\n", "any"),
    "drawing.svg": (b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>', "refused active-content"),
    "link.lnk": (b"L\0\0\0\1\x14\2\0\0\0\0\0\xc0\0\0\0\0\0\0F" + b"\0" * 60, "blocked type-denied"),
    "noise.bin": (lambda: bytes((i * i * 7 + i * 31 + (i >> 3)) & 255 for i in range(5000)), "held type-unknown"),
    "autorun.inf": (b"[autorun]\r\nopen=evil.exe\r\n", "refused no-rule"),
}, profile="documents")

row("polyglots", "CIRCLean #9: two types in one file", {
    "gif-zip.gif": (lambda: GIF + make_zip([("a.txt", TEXT)]), "refused type-mismatch|type-unknown|archive-unsafe|container-opaque"),
    "gif-zip-virus.gif": (specimen("gif-zip"), "blocked malware"),
    "png-zip.png": (lambda: specimens.png() + make_zip([("a.txt", TEXT)]), "refused type-mismatch|type-unknown|archive-unsafe|container-opaque"),
    "png-pe.png": (lambda: specimens.png() + pe(), "any"),
    "pdf-zip.pdf": (lambda: specimens.pdf() + make_zip([("a.txt", TEXT)]), "refused type-mismatch|type-unknown|archive-unsafe|container-opaque"),
    "junk-pdf.pdf": (lambda: b"\x7fjunk\n" * 20 + specimens.pdf(), "refused type-mismatch|type-unknown|no-rule"),
    "pe-zip.exe": (lambda: pe() + make_zip([("eicar.com", EICAR)]), "blocked malware"),
    "docx-in-gif.gif": (lambda: GIF + content.made("docx-eicar"), "blocked malware"),
    "html-pdf.pdf": (lambda: b"<html><script>alert(1)</script></html>\n" + specimens.pdf(), "refused type-mismatch|active-content|type-unknown"),
    "good.txt": (GOOD, "approved"),
}, profile="documents")

row("strict-rules", "Keysas #101, K1: deny by default; nothing passes that no rule names", {
    "good.txt": (GOOD, "approved"),
    "plain.docx": (specimen("docx"), "blocked no-rule"),
    "plain.zip": (specimen("zip"), "blocked no-rule"),
    "page.html": (specimen("html"), "blocked no-rule"),
    "encrypted.zip": (specimen("zip-encrypted"), "blocked encrypted"),
    "program.exe": (lambda: pe(), "blocked no-rule"),
}, profile="strict")


GIF = b"GIF89a\1\0\1\0\x80\0\0\0\0\0\xff\xff\xff,\0\0\0\0\1\0\1\0\0\2\2D\1\0;"


def pe():
    """The smallest program that everything calls one: clam.exe is it."""
    with open("/usr/share/clamav-testfiles/clam.exe", "rb") as f:
        data = bytearray(f.read())
    data[-1] ^= 1  # not the one that the database knows
    return bytes(data)


def elf():
    with open("/bin/true", "rb") as f:
        return f.read()


# -- Debian's clamav-testfiles ----------------------------------------------------------------------------------
TESTFILES = "/usr/share/clamav-testfiles"


def account_for(bench, report):
    """Each file by name, with why it was refused; the runner prints it."""
    bench.note("%-34s %-8s %s" % ("clamav-testfiles", "verdict", "reasons"))
    for f in sorted(report["files"], key=lambda f: f["path"]):
        codes = []
        for r in f["reasons"]:
            text = r["code"] + ("@" + r["member"] if r["member"] else "")
            if text not in codes:
                codes.append(text)
        bench.note("%-34s %-8s %s" % (f["path"], f["verdict"], " ".join(codes)[:110]))
    unseen = [f["path"] for f in report["files"] if all(r["code"] != "malware" for r in f["reasons"])]
    bench.note("refused without the virus being seen: %s" % (" ".join(unseen) or "none"))


def testfiles():
    names = sorted(os.path.basename(p) for p in glob.glob(TESTFILES + "/*") if os.path.isfile(p))
    if len(names) < 40:
        return {"clamav-testfiles": (None, "approved")}  # not installed: the row must fail, not pass over nothing
    return {name: (None, "refused") for name in names}


row("clamav-testfiles", "libclamav 10: every file that the package ships", testfiles(), outcome="refused",
    source=lambda bench: TESTFILES, after=account_for, weight=3)
