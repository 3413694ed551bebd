#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""Receipts of a station: `lazaret show --receipt` makes the same bytes as lie in staging, and those of what was never published;
printers that print, stall, vanish, and are none; and no byte of a hostile name is a command to one.

BUILD: the build directory (default build).
"""
import fcntl
import hashlib
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import threading
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import escpos  # noqa: E402
from tap import BUILD, EICAR, finish, make_databases, ok, skip  # noqa: E402

LAZARET = BUILD / "bin" / "lazaret"
HOSTILE = ["\x1b@\x1dV\x01cut.txt", "\x10\x14\x01\x05kick the drawer.txt", "new\nline.txt", "\u202egnp.exe", "<script>alert(1).txt",
           "Gr\u00fc\u00dfe aus K\u00f6ln.txt", "\u4e2d\u6587.txt"]


def lazaret(at, *args, **options):
    done = subprocess.run([str(a) for a in (LAZARET, "-C", at, *args)], stdin=subprocess.DEVNULL, capture_output=True, timeout=120, **options)
    return done.returncode, done.stdout, done.stderr.decode("utf-8", "backslashreplace")


def inspect(at, source, *args):
    status, out, err = lazaret(at, "inspect", "--json", *args, source)
    return status, json.loads(out or b"{}"), err


def medium(at, files):
    at.mkdir()
    for name, data in files.items():
        (at / name).write_bytes(data)
    return at


def receipts(at, transfer):
    """(text, page) as `lazaret show` tells them."""
    told = [lazaret(at, "show", transfer, "--receipt", form) for form in ("txt", "html")]
    assert [t[0] for t in told] == [0, 0], told
    return told[0][1], told[1][1]


# -- the same bytes ---------------------------------------------------------------------------------------------

def same_bytes(at, work):
    files = {"good.txt": b"good text\n", "bad.com": EICAR, **{name: b"text of it\n" for name in HOSTILE}}
    status, report, err = inspect(at, medium(work / "mixed", files), "--operator", "M. <Weber>", "--reason", "\x1b[2Jtoday")
    top = at / "staging" / report["transfer"]
    ok(status == 1 and report["outcome"] == "published", "a medium with hostile names is published in part", err)
    text, page = receipts(at, report["transfer"])
    ok(text == (top / "receipt.txt").read_bytes() and page == (top / "receipt.html").read_bytes(),
       "show --receipt: the bytes that lie in staging")
    ok(lazaret(at, "show", "--receipt", report["transfer"])[1] == text and lazaret(at, "show", "--receipt", "html", report["transfer"])[1] == page,
       "the option may come first, and without a form it is the text")
    manifest = (top / "manifest.json").read_bytes()
    ok(hashlib.sha256(manifest).hexdigest().encode() in text and hashlib.sha256(manifest).hexdigest().encode() in page, "the manifest's SHA-256 is in both")
    key = (at / "keys" / "manifest.pub").read_text().split()
    ok(report["station"]["manifest_key"] in key[key.index("key") + 1:] and report["station"]["manifest_key"].encode() in text,
       "and which key signed it", " ".join(key))
    ok(b"\x1b" not in text + page and b"<script" not in page and b"M. &lt;Weber&gt;" in page and b"M. <Weber>" in text, "what people said is escaped, too")
    return report["transfer"]


def unpublished(at, work):
    status, report, err = inspect(at, medium(work / "refused", {"bad.com": EICAR}))
    ok(status == 1 and report["outcome"] == "refused", "nothing of a medium is approved", err)
    text, page = receipts(at, report["transfer"])
    kept = (at / "reports" / (report["transfer"] + ".json")).read_bytes()
    ok(b"REFUSED: nothing could be published" in text and b"malware" in page and hashlib.sha256(kept).hexdigest().encode() in text,
       "a refused inspection has its receipt, with the report's SHA-256", text)
    (work / "nothing.img").write_bytes(b"")
    status, report, err = inspect(at, work / "not-there")
    ok(status == 2 and report.get("outcome") == "aborted" and report.get("why"), "an inspection is aborted, and the report says why", "%s %s" % (report, err))
    text, page = receipts(at, report["transfer"])
    ok(b"ABORTED" in text and report["why"].encode() in text and b"lazaret show " + report["transfer"].encode() in text,
       "an aborted inspection has its receipt", text)
    return report["transfer"]


def wrong_orders(at, transfer):
    for args in (("--receipt",), (transfer, "--receipt", "pdf"), (transfer, "--receipt", "--receipt"), (transfer, transfer), ("--receipt", "html")):
        status, out, err = lazaret(at, "show", *args)
        ok(status == 64 and not out and "usage: lazaret show" in err, "show %s: refused with its use" % " ".join(args), err)
    status, out, err = lazaret(at, "show", "20000101T000000Z-000000", "--receipt")
    ok(status == 1 and not out and "the audit trail knows no report" in err, "a transfer that never was has no receipt", err)
    kept = at / "reports" / (transfer + ".json")
    original = kept.read_bytes()
    kept.chmod(0o644)
    kept.write_bytes(original.replace(b'"aborted"', b'"refused"'))
    status, out, err = lazaret(at, "show", transfer, "--receipt")
    ok(status == 1 and not out and "altered" in err, "an altered report has none either", err)
    kept.write_bytes(original)


# -- paper ----------------------------------------------------------------------------------------------------------

def configure(at, original, text):
    (at / "lazaret.yaml").write_text(original + text)


class Reader(threading.Thread):
    """The printer at the other end of a descriptor: takes all until nobody writes any more."""

    def __init__(self, fd):
        super().__init__()
        self.fd, self.data, self.is_over = fd, b"", False
        self.start()

    def run(self):
        while True:
            try:
                part = os.read(self.fd, 65536)
            except BlockingIOError:
                part = None
            except OSError:  # a terminal whose other end is closed
                part = b""
            if part:
                self.data += part
            elif self.is_over:
                return
            else:
                time.sleep(0.01)

    def finish(self):
        self.is_over = True
        self.join()
        os.close(self.fd)
        return self.data


def fifo(work, name):
    path = work / name
    os.mkfifo(path)
    return path, os.open(path, os.O_RDONLY | os.O_NONBLOCK)


def warning_of(err):
    return "\n".join(line for line in err.splitlines() if "was not printed" in line)


def prints_labels(at, work, original):
    path, fd = fifo(work, "printer")
    configure(at, original, "receipts: {printer: %s, columns: 32}\n" % path)
    reader = Reader(fd)
    status, report, err = inspect(at, work / "mixed", "--operator", "Gr\u00fcn")
    paper = escpos.Paper(reader.finish())
    text = "\n".join(paper.lines)
    ok(status == 1 and not warning_of(err), "a label is printed", err)
    ok(paper.lines[0] == "LAZARET" and paper.emphasised == ["LAZARET"] and report["transfer"] in paper.lines and "Gr\u00fcn" in text and paper.cuts == 1,
       "with the transfer's name, who brought it, and a cut", text)
    ok(all(len(line) <= 32 for line in paper.lines) and "bad.com" in text and "blocked, malware" in text, "what was refused, and why, in 32 columns", text)
    ok("\\x1b@\\x1dV" in text and "\\u{202E}gnp.exe" in text.replace("\n", ""), "hostile names are text on it", text)
    if shutil.which("zbarimg"):
        (work / "label.pbm").write_bytes(paper.picture())
        done = subprocess.run(["zbarimg", "-q", "--raw", str(work / "label.pbm")], capture_output=True, text=True)
        manifest = (at / "staging" / report["transfer"] / "manifest.json").read_bytes()
        ok(done.stdout.strip() == "lazaret:%s:%s" % (report["transfer"], hashlib.sha256(manifest).hexdigest()), "its QR code is read back",
           done.stdout + done.stderr)
    else:
        skip("its QR code is read back", "zbarimg (zbar-tools) is not installed")


def prints_text(at, work, original):
    """On a terminal line, as serial printers are: no byte may be changed on the way."""
    ours, theirs = os.openpty()
    os.set_blocking(ours, False)
    configure(at, original, "receipts: {printer: %s, form: text}\n" % os.ttyname(theirs))
    os.chmod(os.ttyname(theirs), 0o666)
    reader = Reader(ours)
    status, report, err = inspect(at, work / "mixed")
    os.close(theirs)
    data = reader.finish()
    lines = data.split(b"\r\n")
    ok(status == 1 and not warning_of(err) and lines[-1] == b"\f" and lines[0] == b"LAZARET TRANSFER RECEIPT", "the text is printed on a terminal line",
       "%s %r" % (err, data[:99]))
    ok(all(0x20 <= b <= 0x7e for line in lines[:-1] for b in line) and all(len(line) <= 80 for line in lines), "in ASCII, 80 columns")
    ok(b"Gruesse aus Koeln.txt" in data and b"\\u{4E2D}\\u{6587}.txt" in data, "letters that the printer does not have are written out")


def troubles(at, work, original):
    path, fd = fifo(work, "stalled")
    held = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
    fcntl.fcntl(fd, fcntl.F_SETPIPE_SZ, 4096)
    os.write(held, b"x" * 4096)  # full: a printer that takes nothing
    (work / "directory").mkdir()
    unread = work / "unread"
    os.mkfifo(unread)
    cases = (("a printer that takes nothing", path, "out of paper, switched off"), ("a printer that is not there", work / "lp0", "No such file"),
             ("a printer that is a directory", work / "directory", "directory"), ("a printer that is a disk's place", unread, "nobody is at its other end"))
    for what, printer, words in cases:
        configure(at, original, "receipts: {printer: %s, time: 1s}\n" % printer)
        began = time.monotonic()
        status, report, err = inspect(at, work / "mixed")
        took = time.monotonic() - began
        warning = warning_of(err)
        ok(status == 1 and report["outcome"] == "published" and (at / "staging" / report["transfer"] / "receipt.txt").exists(),
           what + ": the transfer is what it is without", err)
        ok(words in warning and str(printer) in warning and "lazaret show %s --receipt" % report["transfer"] in warning, what + ": told, with where and what to do", err)
        ok(took < 30, what + ": holds nobody up", took)
    os.close(held)
    os.close(fd)


def vanishes(at, work, original):
    """Its other end is closed in the middle of the text."""
    path, fd = fifo(work, "vanishing")
    fcntl.fcntl(fd, fcntl.F_SETPIPE_SZ, 4096)
    configure(at, original, "receipts: {printer: %s, time: 20s}\n" % path)
    done = []
    thread = threading.Thread(target=lambda: done.append(inspect(at, work / "mixed")))
    thread.start()
    os.set_blocking(fd, True)
    first = b""
    while not first:  # nobody has opened it yet: an end of file
        first = os.read(fd, 16)
    os.close(fd)
    thread.join()
    status, report, err = done[0]
    ok(status == 1 and first.startswith(b"\x1b@") and "it has gone" in warning_of(err), "a printer that goes in the middle of a label is told of", err)


def one_after_the_other(at, work, original):
    path, fd = fifo(work, "shared")
    configure(at, original, "receipts: {printer: %s}\n" % path)
    reader = Reader(fd)
    threads = [threading.Thread(target=inspect, args=(at, work / "mixed")) for _ in range(2)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    data = reader.finish()
    labels = [b"\x1b@" + part for part in data.split(b"\x1b@")[1:]]
    papers = [escpos.Paper(label) for label in labels]
    ok(len(papers) == 2 and all(p.cuts == 1 and len(p.images) == 1 for p in papers), "two inspections print one label after the other")


def settings(at, original):
    for text, words in (("receipts: {columns: 32}\n", "has no effect without 'printer'"), ("receipts: {printer: lp0}\n", "must be an absolute path"),
                        ("receipts: {printer: /dev/lp0, form: text, columns: 32}\n", "has no effect with 'form: text'"),
                        ("receipts: {printer: /dev/lp0, columns: 20}\n", "columns"), ("receipts: {printer: /dev/lp0, form: pdf}\n", "form"),
                        ("receipts: {printer: /dev/lp0, time: 1h}\n", "time")):
        configure(at, original, text)
        status, out, err = lazaret(at, "status")
        ok(status != 0 and "lazaret.yaml:" in err and words in err, "%s: refused, with its line" % text.strip(), err)


def told_to_the_daemon(work):
    """The medium's object has the warning."""
    if os.geteuid() != 0 or not os.path.exists("/dev/loop-control"):
        skip("the medium's object says that nothing was printed", "needs root and loop devices")
        return
    import station
    s = station.Station(work, "printing", extra="receipts: {printer: %s, time: 1s}\n" % (work / "no-printer")).start().ready()
    stick = station.Stick(work, "stick", {"good.txt": b"good text\n"}).plug()
    try:
        m = s.client.wait_for(lambda c: next((m for m in c.media.values() if m["state"] == "done"), None))
        ok(m["outcome"] == "published" and any("was not printed" in w for w in m["warnings"]), "the medium's object says that nothing was printed", m)
    finally:
        s.stop()
        stick.pull()


def main():
    work = pathlib.Path(tempfile.mkdtemp(prefix="lazaret-receipts.", dir="/var/tmp"))
    os.chmod(work, 0o755)
    try:
        at = work / "station"
        done = subprocess.run([LAZARET, "init", at, "--db", make_databases(work / "db")], capture_output=True)
        assert done.returncode == 0, done.stderr
        original = (at / "lazaret.yaml").read_text()
        same_bytes(at, work)
        wrong_orders(at, unpublished(at, work))
        for test in (prints_labels, prints_text, troubles, vanishes, one_after_the_other):
            test(at, work, original)
        settings(at, original)
        told_to_the_daemon(work)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return finish()


if __name__ == "__main__":
    sys.exit(main())
