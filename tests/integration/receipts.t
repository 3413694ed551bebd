#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""Receipts of any report: every reason code, hostile names, none and a hundred thousand files. receipt.txt never goes over its 80
columns; receipt.html holds no script, asks for nothing, is read by a parser and by a screen reader, is no wider than a telephone, and
prints; its QR code is read back. With a headless browser where one is installed. Receipts of a station: receipts-station.t.

usage: receipts.t [--keep DIR]     BUILD: the build directory; DIR: screenshots and prints go there, to be looked at
"""
import base64
import ctypes
import hashlib
import html.parser
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import browser  # noqa: E402
import reports  # noqa: E402
from tap import BUILD, finish, ok, skip  # noqa: E402

RECEIPT_OF = BUILD / "tests" / "receipt-of"
libc = ctypes.CDLL(None)
libc.setlocale(0, b"C.UTF-8")


def receipt(work, report, form, *args):
    """The bytes, and how much memory it took to make them (KiB)."""
    with open(report, "rb") as source, tempfile.TemporaryFile(dir=work) as out:
        pid = os.posix_spawn(RECEIPT_OF, [str(RECEIPT_OF), form, *args], os.environ,
                             file_actions=[(os.POSIX_SPAWN_DUP2, source.fileno(), 0), (os.POSIX_SPAWN_DUP2, out.fileno(), 1)])
        _, status, usage = os.wait4(pid, 0)
        assert status == 0, (report, form, status)
        out.seek(0)
        return out.read(), usage.ru_maxrss


def columns(line):
    """As the C library counts them, which terminals ask; -1 for what no terminal can show."""
    each = [libc.wcwidth(ctypes.c_wchar(c)) for c in line]
    return -1 if any(w < 0 for w in each) else sum(each)


# -- receipt.html by a parser ---------------------------------------------------------------------------------------

VOID = {"meta", "br", "wbr", "hr", "img", "link", "input", "col"}
ALLOWED = set("html head meta title style body main section h1 h2 h3 p strong table caption thead tbody tr th td ul li code pre span bdi div "
              "svg rect path defs pattern".split())


class Page(html.parser.HTMLParser):
    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.open, self.problems, self.ids, self.text, self.tags, self.styles, self.refs = [], [], [], [], [], [], []
        self.policy, self.lang, self.cell_without_scope = "", "", 0
        self.feed(text)
        self.close()
        if self.open:
            self.problems.append("not closed: %s" % self.open)

    def handle_starttag(self, tag, attributes):
        a = dict(attributes)
        self.tags.append(tag)
        if tag not in ALLOWED:
            self.problems.append("element %s" % tag)
        if len(a) != len(attributes):
            self.problems.append("attribute twice in %s" % tag)
        for name, value in attributes:
            if name.startswith("on") or name in ("src", "href", "action", "style", "xlink:href", "srcset", "data", "background"):
                self.problems.append("attribute %s in %s" % (name, tag))
            if "url(" in (value or "") and value != "url(#stripes)":
                self.problems.append("%s=%s" % (name, value))
        if "id" in a:
            self.ids.append(a["id"])
        if "aria-labelledby" in a:
            self.refs.append(a["aria-labelledby"])
        if tag == "html":
            self.lang = a.get("lang", "")
        if tag == "th" and a.get("scope") not in ("row", "col"):
            self.problems.append("th without scope")
        if tag == "meta" and a.get("http-equiv", "").lower() == "content-security-policy":
            self.policy = a["content"]
        if tag not in VOID and not self.get_starttag_text().endswith("/>"):
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.problems.append("</%s> out of place" % tag)

    def handle_data(self, data):
        if self.open and self.open[-1] == "style":
            self.styles.append(data)
        else:
            self.text.append(data)


def check_page(text, what):
    page = Page(text)
    ok(not page.problems, "%s: elements and attributes of the list, all closed, headers with scope" % what, "\n".join(page.problems[:9]))
    ok(len(set(page.ids)) == len(page.ids) and set(page.refs) <= set(page.ids), "%s: ids are unique, and what refers to one finds it" % what,
       "%s %s" % (page.ids, page.refs))
    digest = base64.b64encode(hashlib.sha256("".join(page.styles).encode()).digest()).decode()
    ok(page.policy.split("; ") == ["default-src 'none'", "style-src 'sha256-%s'" % digest, "base-uri 'none'", "form-action 'none'"] and
       len(page.styles) == 1 and "@import" not in page.styles[0] and "url(" not in page.styles[0],
       "%s: its policy forbids everything but its own style, by that style's digest" % what, page.policy)
    ok(page.lang == "en" and page.tags.count("h1") == 1 and page.tags.count("main") == 1, "%s: language, one title, one main part" % what)
    return page


def tidy(path, what):
    if not shutil.which("tidy"):
        skip("%s: tidy finds nothing" % what, "tidy is not installed")
        return
    done = subprocess.run(["tidy", "-q", "-e", "-utf8", "--doctype", "html5", str(path)], capture_output=True, text=True)
    # of SVG's own elements and of aria-label it knows less than HTML does
    said = [line for line in done.stderr.splitlines() if "Warning:" in line or "Error:" in line]
    ok(done.returncode < 2 and not said, "%s: tidy finds nothing" % what, "\n".join(said[:9]))


def check_qr(work, text, report, what):
    """The code in the page as a picture (PGM), read by zbarimg."""
    svg = re.search(r'<svg class="qr".*?</svg>', text, flags=re.S).group()
    side = int(re.search(r'viewBox="0 0 (\d+) ', svg).group(1))
    scale = 4
    pixels = [bytearray(b"\xff" * side * scale) for _ in range(side * scale)]
    for x, y, w in re.findall(r"M(\d+) (\d+)h(\d+)v1h-\d+z", svg):
        for row in range(int(y) * scale, (int(y) + 1) * scale):
            pixels[row][int(x) * scale:(int(x) + int(w)) * scale] = b"\0" * (int(w) * scale)
    if not shutil.which("zbarimg"):
        skip("%s: the QR code is read back" % what, "zbarimg (zbar-tools) is not installed")
        return
    picture = work / "qr.pgm"
    picture.write_bytes(b"P5 %d %d 255\n" % (side * scale, side * scale) + b"".join(pixels))
    done = subprocess.run(["zbarimg", "-q", "--raw", str(picture)], capture_output=True, text=True)
    expected = "lazaret:20261122T062801Z-a1b2c3:" + hashlib.sha256(report.read_bytes()).hexdigest()
    ok(done.stdout.strip() == expected, "%s: the QR code is read back" % what, done.stdout + done.stderr)


# -- cases --------------------------------------------------------------------------------------------------------

def check_text(text, what, width=80):
    lines = text.decode("utf-8").split("\n")
    bad = [(columns(line), line) for line in lines if not 0 <= columns(line) <= width]
    ok(not bad, "%s: no line is wider than %d columns, none holds what a terminal obeys" % (what, width), "\n".join(map(repr, bad[:5])))
    return lines


def every_reason(work):
    report = reports.write(work / "every.json", reports.every_reason())
    text, _ = receipt(work, report, "txt")
    lines = check_text(text, "every reason, receipt.txt")
    said = text.decode()
    missing = [c for c, _ in reports.codes() if "    %s: " % c not in said or not re.search(r"^%s, \d+ files?$" % c, said, flags=re.M)]
    ok(len(reports.codes()) >= 27 and not missing, "every reason: each has its sentence and its next step", missing)
    first = {v: next(n for n, line in enumerate(lines) if line.startswith(v + " ")) for v in ("blocked", "held")}
    ok(lines.index("BLOCKED AND HELD") < lines.index("APPROVED") and lines.index("BLOCKED AND HELD") + 2 == lines.index("blocked  every/malware.bin"),
       "every reason: problems come first", first)
    joined = re.sub(r"\n +", "", said)
    ok("no-break-" + "x" * 400 in joined and " [...] " in said, "a name of 3000 letters is cut in its middle, not at its end")
    ok(all(len(line) <= 80 for line in lines if re.fullmatch(r" *[0-9a-f]{64}", line)) and
       hashlib.sha256(report.read_bytes()).hexdigest() in [line.strip() for line in lines], "the report's own SHA-256 stands in one piece")
    for width in (24, 32, 48):
        check_text(receipt(work, report, "label", str(width))[0], "every reason, label of %d" % width, width)
    page, _ = receipt(work, report, "html")
    text = page.decode()
    parsed = check_page(text, "every reason, receipt.html")
    shown = "".join(parsed.text)
    ok(all(name in shown for name in reports.HOSTILE if len(name) < 900), "hostile names stand in the page as text", shown[:300])
    ok("<script" not in text and "<img" not in text and text.count("<style") == 1, "and as nothing else")
    (work / "every.html").write_bytes(page)
    tidy(work / "every.html", "every reason, receipt.html")
    check_qr(work, text, report, "every reason")
    return "every", work / "every.html"


def forgeries(work):
    """Names and details that try to be further lines of the receipt."""
    fill = "x" * 71
    lines = ["approved firmware/good.bin", "    1234 bytes, application/zip, SHA-256", "    signed by vendor-x, proved by SHA256SUMS", "Outcome             PUBLISHED",
             "blocked  other.txt", "APPROVED", "--------", "    decided by people: release, decision 7"]
    names = [fill + line for line in lines] + [fill + "/" + line for line in lines] + [(line + " " * 80)[:80 - 9] + line for line in lines]
    files = [reports.file(n, v, [reports.reason("no-rule", n, n)] if v != "approved" else [], signers=[{"key": "AB", "name": "real", "via": n}])
             for n in names for v in ("approved", "held", "blocked")]
    report = reports.write(work / "forged.json", files, operator=fill + lines[3], reason=fill + lines[5])
    text = receipt(work, report, "txt")[0].decode()
    check_text(text.encode(), "forgeries, receipt.txt")
    starts = [line for line in text.split("\n") if re.match(r"(approved|held|blocked) +\S", line) and "(" not in line]
    ok(len(starts) == len(files), "as many files begin in the receipt as there are", len(starts))
    ok(len([line for line in text.split("\n") if re.match(r" {4}(signed by|\d+ bytes|decided)", line)]) == 2 * len(names) and
       "\n    signed by vendor-x" not in text and text.count("\nAPPROVED\n") == 1 and text.count("\nOutcome ") == 1,
       "and no name makes a line of its own that speaks for the station")
    label = receipt(work, report, "label", "32")[0].decode().split("\n")
    ok(sum(bool(re.match(r"(approved|held|blocked), ", line)) for line in label) == 8, "nor one of the label", "\n".join(label))


def others(work):
    """Outcomes that publish nothing, media without files, a release."""
    pages = []
    approved = [reports.file("a.txt", "approved", published_as="files/a.txt")]
    held = [reports.file("b.doc", "held", [reports.reason("active-content")])]
    cases = {
        "all-approved": (approved, {}, ["PUBLISHED: all files are in staging", "None."], []),
        "refused": (held, {"outcome": "refused"}, ["REFUSED", "Nothing was published, so there is no transfer to check"], ["minisign -V", "STATION.pub"]),
        "aborted": (approved + held, {"outcome": "aborted", "why": "the medium was removed"},
                    ["ABORTED", "the medium was removed", "Approved, but not published", "Nothing was published."], ["sha256sum"]),
        "cut-off": ([], {"outcome": "aborted", "why": "the station stopped during the inspection", "engines": [], "operator": "", "reason": "",
                         "previous": None, "medium": dict(reports.head([])["medium"], kind="image", vendor="", model="", serial="", size=0, volumes=[],
                                                          sectors_written=None, removable_at=None)},
                    ["No file was seen.", "The inspection ended before any engine was ready."], []),
        "release": ([dict(approved[0], decision={"decision": "release", "id": 7, "reasons": [], "rule": None, "until": None}), dict(held[0], kept=False)],
                    {"release": {"of": ["20261121T101010Z-aaaaaa", "20261120T101010Z-bbbbbb"], "proposal": 7, "by": "o. fficer", "second": "s. econd", "reason": "needed <now>"},
                               "owner": "ACME & Sons", "ticket": "CHG-4711"},
                    ["RELEASED", "o. fficer (officer) and s. econd (second person)", "needed <now>", "20261121T101010Z-aaaaaa, 20261120T101010Z-bbbbbb", "ACME & Sons", "CHG-4711",
                     "decided by people: release, decision 7", "no copy of it is kept"], []),
    }
    for name, (files, fields, expected, absent) in cases.items():
        report = reports.write(work / (name + ".json"), files, **fields)
        text, _ = receipt(work, report, "txt")
        check_text(text, name + ", receipt.txt")
        page = receipt(work, report, "html")[0].decode()
        shown = "".join(check_page(page, name + ", receipt.html").text)
        plain = re.sub(r"\s+", " ", text.decode())
        lacking = [e for e in expected if e not in shown] + [e for e in expected if e.upper() not in plain.upper() and e not in
                                                             ("No file was seen.", "The inspection ended before any engine was ready.", "None.", "Nothing was published.")]
        ok(not lacking and not any(a in shown or a in plain for a in absent), name + ": says what happened, and what can be done", lacking)
        ok(receipt(work, report, "txt")[0] == text and receipt(work, report, "html")[0].decode() == page, name + ": the same bytes again")
        (work / (name + ".html")).write_text(page)
        pages.append((name, work / (name + ".html")))
    return pages


def a_hundred_thousand(work):
    small, large = reports.write(work / "small.json", reports.many(1000)), reports.write(work / "many.json", reports.many(100000))
    for form in ("txt", "html", "label"):
        _, little = receipt(work, small, form)
        data, much = receipt(work, large, form)
        ok(much < little + 2048 and len(data) < 64 << 10, "100,000 files, %s: %d KiB long, and %d KiB of memory instead of %d" % (
            form, len(data) >> 10, much, little), "")
        (work / ("many." + form)).write_bytes(data)
    text = (work / "many.txt").read_text()
    lines = check_text(text.encode(), "100,000 files, receipt.txt")
    ok(lines.index("BLOCKED AND HELD") < 40 and "blocked  tools/setup-00.exe" in lines and "99960 files: too many to name here." in text,
       "100,000 files: problems first, the rest summed up")
    folders = [line for line in lines if re.fullmatch(r" +\d+  folder-\d\d/: .*", line)]
    others_line = next(line for line in lines[lines.index("files by folder"):] if " others: " in line)
    ok(len(folders) == 20 and sum(int(line.split()[0]) for line in folders + [others_line]) == 99960, "100,000 files: the sums are of all of them", others_line)
    ok(re.search(r"^ +49980  vendor-x$", text, flags=re.M) is not None, "100,000 files: who signed how many")
    shown = check_page((work / "many.html").read_text(), "100,000 files, receipt.html")
    ok("others" in "".join(shown.text), "100,000 files, receipt.html: summed up")
    report = reports.write(work / "bad.json", [reports.file("d/%d" % n, "blocked", [reports.reason("no-rule")]) for n in range(3000)])
    text, _ = receipt(work, report, "txt")
    ok(text.count(b"\nblocked  d/") == 1000 and b"And 2000 more. The report names each" in text and b"no-rule, 3000 files" in text,
       "3000 refused files: a thousand by name, the rest counted")
    return "many", work / "many.html"


def not_a_report(work):
    for name, data in (("empty", b""), ("text", b"hello\n"), ("cut", (work / "small.json").read_bytes()[:-40])):
        (work / name).write_bytes(data)
        with open(work / name, "rb") as source:
            done = subprocess.run([RECEIPT_OF, "html"], stdin=source, capture_output=True)
        ok(done.returncode == 1, "%s: no report, no receipt" % name)


# -- the browser ----------------------------------------------------------------------------------------------------

PAPERS = {"A4": (8.27, 11.69, 680), "letter": (8.5, 11, 703)}  # inches; pixels between its margins


def in_browser(work, pages, keep):
    b = browser.Browser()
    try:
        for name, path in pages:
            b.open(path.as_uri())
            ok(b.requests == [path.as_uri()] and not b.complaints, "%s: the page loads without a complaint, and asks for nothing else" % name,
               "%s %s" % (b.requests, b.complaints[:3]))
            tree = b.tree()
            roles = [role for role, _ in tree]
            words = [n for role, n in tree if role == "image"]
            bar = any(n.startswith("Of ") and n.endswith("blocked") for n in words) or name == "cut-off"
            ok(("heading", "Transfer receipt") in tree and ("heading", "Blocked and held") in tree and roles.count("table") >= 3 and
               "main" in roles and bar and any("QR code" in n for n in words), "%s: a screen reader finds headings, tables, the bar in words" % name, tree[:60])
            ok(b.evaluate("getComputedStyle(document.body).maxWidth") not in ("none", "", None), "%s: its style is in force" % name)
            for width in (320, 360, 768, 1280):
                b.resize(width)
                ok(b.overflow() <= 0, "%s: nothing reaches over the edge at %d pixels" % (name, width), b.overflow())
                if keep and width in (360, 1280):
                    b.screenshot(keep / ("%s-%d.png" % (name, width)))
            for paper, (w, h, pixels) in PAPERS.items():
                b.resize(pixels, media="print")
                over = b.overflow()
                count = b.pdf((keep or work) / ("%s-%s.pdf" % (name, paper)), w, h)
                ok(over <= 0 and 1 <= count <= 24, "%s: prints on %s, %d pages" % (name, paper, count), over)
            b.resize(1280)
        b.open((work / "every.html").as_uri())
        b.evaluate("document.body.append(Object.assign(document.createElement('img'), {src: 'http://192.0.2.1/x.png'}))")
        b.evaluate("document.body.append(Object.assign(document.createElement('script'), {textContent: 'window.ran = 1'}))")
        ok(b.evaluate("window.ran") is None and not [r for r in b.requests if "192.0.2.1" in r and not b.complaints],
           "a script and a picture that somebody put into the page: the policy refuses both", b.requests)
    finally:
        b.close()


def main():
    keep = pathlib.Path(sys.argv[2]) if sys.argv[1:2] == ["--keep"] else None
    work = pathlib.Path(tempfile.mkdtemp(prefix="lazaret-receipts."))
    try:
        forgeries(work)
        pages = [every_reason(work), *others(work), a_hundred_thousand(work)]
        not_a_report(work)
        if browser.PROGRAM:
            in_browser(work, pages, keep)
        else:
            skip("receipt.html in a browser", "chromium is not installed")
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return finish()


if __name__ == "__main__":
    sys.exit(main())
