# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""Rows about the medium: names, what is no file, trees, file systems that lie, checksum lists, signatures."""
import hashlib
import json
import os
import threading
import time
import unicodedata

import content
from bench import Broken, Device, Directory, Fifo, HardLink, IS_ROOT, Link, Mode, Skip, Socket, Sparse, put
from content import EICAR, GOOD, Vendor
from row import row

# -- names ------------------------------------------------------------------------------------------------------
NAMES = {
    "good.txt": (GOOD, "approved"),
    "Größe, ñandú, 中文, Ελληνικά.txt": (GOOD, "approved"),
    "a" * 251 + ".txt": (GOOD, "approved"),
    "with space.txt": (GOOD, "approved"),
    "a.b.c..txt": (GOOD, "approved"),
    "new\nline.txt": (GOOD, "blocked unsafe-name"),
    "forged.txt\nok good": (GOOD, "blocked unsafe-name"),
    "carriage\rreturn.txt": (GOOD, "blocked unsafe-name"),
    "escape\x1b[2J\x1b[31m.txt": (GOOD, "blocked unsafe-name"),
    "csi\u009b31m.txt": (GOOD, "blocked unsafe-name"),
    "bell\x07.txt": (GOOD, "blocked unsafe-name"),
    "delete\x7f.txt": (GOOD, "blocked unsafe-name"),
    "bidi\u202etxt.exe": (GOOD, "blocked unsafe-name"),
    "isolate\u2067txt.exe\u2069.txt": (GOOD, "blocked unsafe-name"),
    "zero\u200bwidth.txt": (GOOD, "blocked unsafe-name"),
    "joiner\ufeff.txt": (GOOD, "blocked unsafe-name"),
    "line\u2028separator.txt": (GOOD, "blocked unsafe-name"),
    "private\ue000.txt": (GOOD, "blocked unsafe-name"),
    b"invalid-\xff\xfe.txt": (GOOD, "blocked unsafe-name"),
    b"overlong-\xc0\xaf.txt": (GOOD, "blocked unsafe-name"),
    b"surrogate-\xed\xa0\x80.txt": (GOOD, "blocked unsafe-name"),
    b"latin1-\xe9.txt": (GOOD, "blocked unsafe-name"),
    "-rf": (GOOD, "blocked unsafe-name"),
    "--checkpoint-action=exec=sh x.txt": (GOOD, "blocked unsafe-name"),
    "dir/-leading.txt": (GOOD, "blocked unsafe-name"),
    "-dir/file.txt": (GOOD, "blocked unsafe-name"),
    "~root.txt": (GOOD, "blocked unsafe-name"),
    " leading.txt": (GOOD, "blocked unsafe-name"),
    "trailing.txt ": (GOOD, "blocked unsafe-name"),
    "trailing.txt.": (GOOD, "blocked unsafe-name"),
    "CON": (GOOD, "blocked unsafe-name"),
    "aux.txt": (GOOD, "blocked unsafe-name"),
    "Lpt1.tar.gz": (GOOD, "blocked unsafe-name"),
    "COM\u00b9.txt": (GOOD, "blocked unsafe-name"),
    "nul/file.txt": (GOOD, "blocked unsafe-name"),
    "conin$": (GOOD, "blocked unsafe-name"),
    "stream.txt:hidden.exe": (GOOD, "blocked unsafe-name"),
    "back\\slash.txt": (GOOD, "blocked unsafe-name"),
    'a" -y "b.zip': (GOOD, "blocked unsafe-name"),
    "what?.txt": (GOOD, "blocked unsafe-name"),
    "star*.txt": (GOOD, "blocked unsafe-name"),
    "pipe|.txt": (GOOD, "blocked unsafe-name"),
    "less<more>.txt": (GOOD, "blocked unsafe-name"),
    "$(reboot).txt": (GOOD, "approved"),
    "`id`.txt": (GOOD, "approved"),
    "%s%n.txt": (GOOD, "approved"),
    "manifest.json": (b"{}\n", "approved"),
    "SHA256SUMS.old": (GOOD, "approved"),
    "a.docx.krp": (GOOD, "approved"),
    "files/manifest.json": (b"{}\n", "approved"),
}


def nothing_unescaped(bench, report):
    """No control, bidi or undecodable byte of a name got into what people and programs read."""
    top = bench.station.path("staging", report["transfer"])
    places = [bench.inspections[0].err, bench.station.path("audit", "audit.jsonl")]
    places += [os.path.join(top, n) for n in ("manifest.json", "receipt.txt", "receipt.html", "SHA256SUMS")]
    for place in places:
        with open(place, "rb") as f:
            try:
                text = f.read().decode("utf-8")
            except UnicodeDecodeError as e:
                bench.fail("%s: %s" % (place, e))
                continue
        bad = {c for c in text if unicodedata.category(c) in ("Cc", "Cf", "Co", "Cs", "Zl", "Zp") and c != "\n"}
        if bad:
            bench.fail("%s holds %r" % (place, bad))
        if "\nok good" in text:
            bench.fail("%s: a name made a line of its own" % place)


row("names", "CIRCLean C4, C6, usbsas U3, Pandora-box P1, Keysas K6, K7: names are hostile", NAMES, after=nothing_unescaped, weight=2)
row("names-on-ext4", "CIRCLean C6, Keysas K6: the same names from an image",
    {k: v for k, v in NAMES.items()}, image="mbr ext4", after=nothing_unescaped, weight=3)

row("name-twins", "Keysas K6: names that overwrite each other", {
    "Report.txt": (GOOD, "blocked name-collision"),
    "report.TXT": (b"something else\n", "blocked name-collision"),
    "caf\u00e9.txt": (GOOD, "blocked name-collision"),
    "cafe\u0301.txt": (b"something else\n", "blocked name-collision"),
    "stra\u00dfe.txt": (GOOD, "blocked name-collision"),
    "strasse.txt": (b"something else\n", "blocked name-collision"),
    "\ufb01le.txt": (GOOD, "blocked name-collision"),
    "file.txt": (b"something else\n", "blocked name-collision"),
    "Dir/one.txt": (GOOD, "blocked name-collision"),
    "dir/two.txt": (GOOD, "blocked name-collision"),
    "a/same.txt": (GOOD, "approved"),
    "b/same.txt": (GOOD, "approved"),
    "kelvin-\u212a.txt": (GOOD, "blocked name-collision"),
    "kelvin-k.txt": (GOOD, "blocked name-collision"),
})

row("no-files", "Pandora-box P1, invariant 4: what is no file is never opened", {
    "good.txt": (GOOD, "approved"),
    "link.txt": (Link("good.txt"), "blocked symlink"),
    "passwd": (Link("/etc/passwd"), "blocked symlink"),
    "up": (Link("../../../../etc"), "blocked symlink"),
    "dangling": (Link("nowhere"), "blocked symlink"),
    "self": (Link("self"), "blocked symlink"),
    "dir-link": (Link("dir"), "blocked symlink"),
    "dir/inside.txt": (GOOD, "approved"),
    "fifo": (Fifo(), "blocked special-file"),
    "socket": (Socket(), "blocked special-file"),
    "hard-1.txt": (b"one content, two names\n", "approved"),
    "hard-2.txt": (HardLink("hard-1.txt"), "approved"),
    # Whose files they are on the medium does not matter: the reader may read all that its account owns, or, with root,
    # everything. What really cannot be read is in the row lying-files.
    "shut.txt": (Mode(0 if IS_ROOT else 0o400, GOOD), "approved"),
    "empty-dir": (Directory(), ""),
})


def needs_root(bench):
    if not IS_ROOT:
        raise Skip("making a device needs root")


row("device", "invariant 4: a device file on the medium", {
    "good.txt": (GOOD, "approved"),
    "fifo": (Fifo(), "blocked special-file"),
}, before=lambda bench: (needs_root(bench), put(bench.trees[0], "zero", Device())), others="blocked special-file")

# -- trees ------------------------------------------------------------------------------------------------------
row("50-levels", "issue 2: fifty levels of directories", {
    "/".join("d%02d" % n for n in range(50)) + "/deep.txt": (GOOD, "approved"),
    "good.txt": (GOOD, "approved"),
})
row("70-levels", "issue 2: beyond the levels that the station follows", {
    "/".join("d%02d" % n for n in range(70)) + "/deep.txt": (GOOD, ""),
    "/".join("d%02d" % n for n in range(65)): (None, "blocked limit-exceeded"),
    "good.txt": (GOOD, "approved"),
}, volume_outcomes=["partial"])
row("depth-limit", "issue 2: the depth that the officer set", {
    "a/b/c/seen.txt": (GOOD, "approved"),
    "a/b/c/d/unseen.txt": (GOOD, ""),
    "a/b/c/d": (None, "held limit-exceeded"),
}, config={"limits": {"depth": 3}}, volume_outcomes=["partial"])


def long_paths(bench):
    """Two files in one directory whose paths are longer than a path can be, made one component at a time."""
    fd = os.open(bench.trees[0], os.O_RDONLY)
    for n in range(20):
        name = "%02d" % n + "x" * 210
        os.mkdir(name, dir_fd=fd)
        inner = os.open(name, os.O_RDONLY, dir_fd=fd)
        os.close(fd)
        fd = inner
    for name in ("one.txt", "two.txt"):
        os.close(os.open(name, os.O_CREAT | os.O_WRONLY, dir_fd=fd))
    os.close(fd)


row("path-too-long", "usbsas U7: one impossible entry costs that entry", {
    "good.txt": (GOOD, "approved"), "z-last.txt": (GOOD, "approved"),
}, before=long_paths, others="blocked unreadable|unsafe-name|limit-exceeded", volume_outcomes=["partial"], is_live=True)


def thousands(bench):
    for n in range(100):
        directory = os.path.join(bench.trees[0], "d%02d" % n)
        os.mkdir(directory)
        for k in range(1000):
            with open(os.path.join(directory, "f%03d.txt" % k), "wb") as f:
                f.write(b"file %d of directory %d\n" % (k, n))
    with open(os.path.join(bench.trees[0], "eicar.com"), "wb") as f:
        f.write(EICAR)


def watch_memory(bench, inspection):
    peak, started = {}, time.monotonic()
    while inspection.process.poll() is None:
        daemon = inspection.daemon
        if daemon:
            try:
                with open("/proc/%d/status" % daemon.pid, encoding="ascii", errors="replace") as f:
                    peak.update(line.split(":", 1) for line in f if line.startswith("VmHWM"))
            except OSError:
                pass
        time.sleep(0.5)
    bench.note("the inspection took %.0f s; most memory of lazaretd: %s" %
               (time.monotonic() - started, peak.get("VmHWM", "not seen").strip()))


row("100000-files", "Keysas K2, PR #95: many files; memory does not grow with them", {"eicar.com": (None, "blocked malware")},
    before=thousands, others="approved", during=watch_memory, weight=100)

# -- media ------------------------------------------------------------------------------------------------------
row("all-volumes", "Pandora-box #12: only the first partition was looked at",
    volumes=[{"first.txt": (GOOD, "approved"), "eicar.com": (EICAR, "blocked malware")},
             {"second.txt": (GOOD, "approved"), "eicar.com": (EICAR, "blocked malware")},
             {"third.txt": (GOOD, "approved"), "eicar.com": (EICAR, "blocked malware")}],
    image="gpt vfat32 ext4 iso9660", weight=2)
row("logical-volumes", "Pandora-box #12: inside of an extended partition",
    volumes=[{"first.txt": (GOOD, "approved")}, {"second.txt": (GOOD, "approved"), "e.txt": (EICAR, "blocked malware")}],
    image="mbr vfat16 ext2:logical", weight=2)
row("no-table", "CIRCLean #15: a volume without a partition table",
    {"good.txt": (GOOD, "approved"), "eicar.com": (EICAR, "blocked malware")}, image="none vfat16")
row("squashfs", "libclamav 2.5: an image that the scanner does not open",
    {"good.txt": (GOOD, "approved"), "eicar.com": (EICAR, "blocked malware")}, image="none squashfs")
row("refused-volume", "Pandora-box #38: a volume that cannot be read is told, and costs the exit status",
    {"good.txt": (GOOD, "approved")}, image="mbr vfat16 luks", volume_outcomes=["read", "refused"], status=1)


def cut_short(bench):
    with open(bench.source, "r+b") as f:
        f.truncate(os.path.getsize(bench.source) * 2 // 3)


row("truncated-image", "usbsas U8: the end of the medium is missing", {
    "good.txt": (GOOD, ""), "large.bin": (lambda: content.made("zip-stored") * 20000, ""),
}, image="none vfat16", before=cut_short, outcome="refused", volume_outcomes=["failed"])

# -- media that change, lie, fail -------------------------------------------------------------------------------
LIES = {
    "good.txt": "approved", "last.txt": "approved", "two-faced.txt": "approved",
    "eio-at-once.txt": "blocked unreadable", "eio-later.txt": "blocked unreadable", "eio-on-open.txt": "blocked unreadable",
    "no-stat.txt": "blocked unreadable", "forbidden.txt": "blocked unreadable", "grows.txt": "blocked changed-while-reading",
    "shrinks.txt": "blocked changed-while-reading", "short.txt": "blocked changed-while-reading",
    "touched.txt": "blocked changed-while-reading", "swapped.txt": "blocked special-file|changed-while-reading",
    "other-inode.txt": "blocked changed-while-reading", "enormous.txt": "held quota-exceeded",
}


def first_face(bench, report):
    """Read once: what was published is what the first and only reading gave."""
    path = bench.station.path("staging", report["transfer"], "files", "two-faced.txt")
    with open(path, "rb") as f:
        data = f.read()
    if EICAR in data or not data.startswith(b"All of these lines"):
        bench.fail("the file was read a second time, and that is what was published")


row("lying-files", "libclamav 2.2#4, #7, Keysas K8, CIRCLean C5, usbsas U7, U8, K13: changes, shrinks, errors between looks",
    {name: (None, text) for name, text in LIES.items()}, source=lambda bench: bench.hostile("files"), after=first_face,
    is_live=True, volume_outcomes=["partial"], weight=2)
row("listed-twice", "Keysas K6: a directory that lists one name twice",
    {"plain.txt": (None, "blocked changed-while-reading")}, others="approved", outcome="any",
    source=lambda bench: bench.hostile("twice"), is_live=True, volume_outcomes=["partial"])
row("slash-in-name", "invariant 8: a name that leads out of the medium",
    {"plain.txt": (None, "approved"), ".": (None, "blocked unreadable")}, source=lambda bench: bench.hostile("slash"),
    is_live=True, volume_outcomes=["partial"])
row("broken-directories", "usbsas U7, Keysas K13: a directory that cannot be listed",
    {"plain.txt": (None, "approved"), "entry-1": (None, "approved"), "torn/plain.txt": (None, "approved"),
     "torn": (None, "blocked unreadable"), "shut": (None, "blocked unreadable")},
    source=lambda bench: bench.hostile("broken"), is_live=True, volume_outcomes=["partial"])
row("endless-directory", "usbsas U3: a directory without end", {}, others="approved",
    source=lambda bench: bench.hostile("endless"), config={"limits": {"files": 300}}, is_live=True,
    volume_outcomes=["partial"], status=1)
row("endless-depth", "usbsas U3: directories without a bottom", {}, others="any",
    source=lambda bench: bench.hostile("deep"), is_live=True, volume_outcomes=["partial"], status=1)
row("gives-nothing-more", "usbsas U3, Pandora-box #38: a medium that hangs is given up, and does not hold the station", {}, others="any",
    source=lambda bench: bench.hostile("hang"), config={"limits": {"stall-time": "3s"}},
    volume_outcomes=["partial"], status=1, says=["gave nothing for 3 seconds"], is_live=True, weight=6)
row("never-answers", "usbsas U3, Pandora-box #38: a medium that hangs ends at the station's own clock", {}, others="any",
    source=lambda bench: bench.hostile("hang"), config={"limits": {"scan-time": "2s", "inspection-time": "4s"}},
    outcome="aborted", says=["longer than the station allows"], is_live=True, weight=6)


def keep_writing(bench):
    stop = threading.Event()

    def write():
        with open(os.path.join(bench.trees[0], "growing.log"), "ab", buffering=0) as f:
            while not stop.is_set():
                f.write(b"one more line\n")

    thread = threading.Thread(target=write)
    thread.start()
    bench.cleanups.append(lambda: (stop.set(), thread.join()))


row("writer-beside", "Keysas K8: somebody still writes to the file", {
    "good.txt": (GOOD, "approved"),
    "growing.log": (Sparse(64 << 20), "blocked changed-while-reading"),
}, before=keep_writing, is_live=True)


# -- checksum lists ---------------------------------------------------------------------------------------------
def sums(algorithm, entries, bsd=False):
    lines = []
    for name, data in entries:
        digest = hashlib.new(algorithm, data).hexdigest()
        lines.append("%s (%s) = %s\n" % (algorithm.upper(), name, digest) if bsd else "%s  %s\n" % (digest, name))
    return "".join(lines).encode()


OTHER = b"not what the list says\n"

row("checksum-lists", "CIRCLean, usbsas: nobody compares what came with what was meant", {
    "SHA256SUMS": (sums("sha256", [("good.txt", GOOD), ("altered.txt", GOOD), ("sub/deep.txt", OTHER), ("absent.txt", GOOD)]), "approved"),
    "good.txt": (GOOD, "approved"),
    "altered.txt": (OTHER, "blocked checksum-mismatch~SHA256SUMS"),
    "sub/deep.txt": (GOOD, "blocked checksum-mismatch"),
    "unlisted.txt": (GOOD, "approved"),
    "bsd/CHECKSUM": (sums("sha512", [("good.txt", GOOD), ("altered.txt", GOOD)], bsd=True), "approved"),
    "bsd/good.txt": (GOOD, "approved"),
    "bsd/altered.txt": (OTHER, "blocked checksum-mismatch"),
    "md5/MD5SUMS": (sums("md5", [("good.txt", GOOD), ("altered.txt", GOOD)]), "approved"),
    "md5/good.txt": (GOOD, "approved"),
    "md5/altered.txt": (OTHER, "blocked checksum-mismatch"),
    "twice/SHA256SUMS": (sums("sha256", [("one.txt", GOOD), ("one.txt", OTHER)]), "any"),
    "twice/one.txt": (GOOD, "blocked checksum-mismatch"),
    "out/SHA256SUMS": (sums("sha256", [("../good.txt", OTHER)]), "refused"),
    "single/a.txt": (OTHER, "blocked checksum-mismatch"),
    "single/a.txt.sha256": (sums("sha256", [("a.txt", GOOD)]), "approved"),
    "escaped/SHA256SUMS": (b"\\" + sums("sha256", [("new\\nline.txt", GOOD)]), "any"),
    "torn/SHA256SUMS": (sums("sha256", [("x.txt", OTHER)])[:-30] + b"\n" + sums("sha256", [("y.txt", OTHER)]), "approved"),
    "torn/y.txt": (GOOD, "blocked checksum-mismatch"),
})

# -- signatures -------------------------------------------------------------------------------------------------
FIRMWARE = bytes((i * i * 7 + i * 31 + (i >> 3) + 129) & 255 for i in range(5000))


def trust(bench, vendor, *options):
    done = bench.station.lazaret("key", "trust", vendor.public, "--name", vendor.name, "--yes", *options)
    if done.returncode != 0:
        raise Broken("key trust: %s" % (done.stdout + done.stderr).decode())


def end_trust(bench, vendor):
    """As if that day had come: the command takes none that is over."""
    path = bench.station.path("trust", "keys.json")
    with open(path, encoding="utf-8") as f:
        store = json.load(f)
    store["keys"][vendor.name]["until"] = 1577836800  # 2020-01-01
    with open(path, "w", encoding="utf-8") as f:
        json.dump(store, f)


def deliver(bench):
    """Files with signatures: good, bad, swapped, untrusted, expired, none; and a signed list with an archive."""
    tree = bench.trees[0]
    trusted, stranger, old = (Vendor(bench.scratch, name) for name in ("vendor", "stranger", "old-vendor"))
    trust(bench, trusted)
    trust(bench, old, "--until", "2099-01-01")
    end_trust(bench, old)
    for name in ("good.bin", "one.bin", "two.bin", "altered.bin", "stranger.bin", "expired.bin", "garbled.bin", "unsigned.bin"):
        put(tree, name, FIRMWARE + name.encode())
    for name in ("good.bin", "one.bin", "two.bin", "altered.bin", "garbled.bin"):
        trusted.sign(os.path.join(tree, name))
    one, two = (os.path.join(tree, n + ".bin.minisig") for n in ("one", "two"))
    os.rename(one, one + "x")
    os.rename(two, one)
    os.rename(one + "x", two)
    stranger.sign(os.path.join(tree, "stranger.bin"))
    old.sign(os.path.join(tree, "expired.bin"))
    put(tree, "altered.bin", FIRMWARE + b"altered afterwards")
    put(tree, "garbled.bin.minisig", b"untrusted comment: x\nnot base64 at all\n")
    put(tree, "dangling.bin.minisig", trusted.sign_bytes(b"of a file that is not here"))
    archive = content.made("zip")
    put(tree, "listed/tool.zip", archive)
    put(tree, "listed/SHA256SUMS", sums("sha256", [("tool.zip", archive)]))
    trusted.sign(os.path.join(tree, "listed", "SHA256SUMS"))
    put(tree, "forged/tool.zip", archive)
    put(tree, "forged/SHA256SUMS", sums("sha256", [("tool.zip", archive), ("eicar.zip", content.made("zip-eicar"))]))
    trusted.sign(os.path.join(tree, "forged", "SHA256SUMS"))
    put(tree, "forged/SHA256SUMS", sums("sha256", [("tool.zip", archive)]))
    put(tree, "unlisted/tool.zip", archive)
    infected = content.made("zip-eicar")
    put(tree, "signed-virus.zip", infected)
    trusted.sign(os.path.join(tree, "signed-virus.zip"))
    damaged = content.made("zip-traversal")
    put(tree, "signed-unsafe.zip", damaged)
    trusted.sign(os.path.join(tree, "signed-unsafe.zip"))


row("signatures", "issue 2, others 5.7: no station has any; good, bad, untrusted, swapped, expired", {
    "good.bin": (None, "approved"), "good.bin.minisig": (None, "approved"),
    "one.bin": (None, "blocked bad-signature"), "one.bin.minisig": (None, "blocked bad-signature"),
    "two.bin": (None, "blocked bad-signature"), "two.bin.minisig": (None, "blocked bad-signature"),
    "altered.bin": (None, "blocked bad-signature"), "altered.bin.minisig": (None, "blocked bad-signature"),
    "stranger.bin": (None, "held untrusted-key unsigned"), "stranger.bin.minisig": (None, "held untrusted-key"),
    "expired.bin": (None, "held untrusted-key"), "expired.bin.minisig": (None, "held untrusted-key"),
    "garbled.bin": (None, "blocked bad-signature"), "garbled.bin.minisig": (None, "blocked bad-signature"),
    "unsigned.bin": (None, "held unsigned"), "dangling.bin.minisig": (None, "any"),
    "listed/tool.zip": (None, "approved"), "listed/SHA256SUMS": (None, "approved"), "listed/SHA256SUMS.minisig": (None, "approved"),
    "forged/tool.zip": (None, "refused"), "forged/SHA256SUMS": (None, "blocked bad-signature"),
    "forged/SHA256SUMS.minisig": (None, "blocked bad-signature"), "unlisted/tool.zip": (None, "refused"),
    "signed-virus.zip": (None, "blocked malware"), "signed-virus.zip.minisig": (None, "approved"),
    "signed-unsafe.zip": (None, "blocked archive-unsafe"), "signed-unsafe.zip.minisig": (None, "approved"),
}, profile="updates", before=deliver, status=1)
