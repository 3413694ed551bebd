# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""A page as a reader and a browser see it: what must not be in it, what must be, and its tables. Standard library alone."""
import html.parser
import re
import shutil
import subprocess
import tempfile

VOID = {"meta", "br", "hr", "img", "input", "link", "base", "area", "col", "embed", "source", "track", "wbr"}
FORBIDDEN = {"script", "link", "iframe", "object", "embed", "img", "image", "use", "base", "form", "input", "a", "audio", "video", "foreignobject", "animate"}


class Page(html.parser.HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.bad, self.ids, self.stack, self.tables, self.svgs, self.wanted, self.style = [], [], [], [], [], [], ""
        self.lang, self.title, self.text, self.cell = None, "", "", None
        self.feed(text)
        self.close()
        if self.stack:
            self.bad.append("not closed: %s" % self.stack)

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        if tag in FORBIDDEN:
            self.bad.append("<%s>" % tag)
        for name, value in attrs.items():
            if name.startswith("on") or name in ("src", "href", "xlink:href", "action", "formaction", "srcset", "data", "background"):
                self.bad.append("attribute %s of <%s>" % (name, tag))
            if re.search(r"url\s*\(|javascript:|expression\s*\(", value or "", re.I):
                self.bad.append("%s=%r" % (name, value))
        if "id" in attrs:
            if attrs["id"] in self.ids:
                self.bad.append("id %s twice" % attrs["id"])
            self.ids.append(attrs["id"])
        if tag == "html":
            self.lang = attrs.get("lang")
        elif tag == "table":
            self.tables.append({"caption": "", "head": [], "rows": []})
        elif tag == "tr":
            if "tbody" in self.stack:
                self.tables[-1]["rows"].append([])
        elif tag in ("th", "td"):
            if tag == "th" and attrs.get("scope") not in ("col", "row"):
                self.bad.append("a header without scope")
            self.cell = ""
        elif tag == "svg":
            self.svgs.append({"role": attrs.get("role"), "by": (attrs.get("aria-labelledby") or "").split(), "title": "", "desc": "", "rects": 0})
            self.wanted += self.svgs[-1]["by"]
        elif tag == "rect":
            self.svgs[-1]["rects"] += 1
        if tag not in VOID:
            self.stack.append(tag)

    handle_startendtag = lambda self, tag, attrs: (self.handle_starttag(tag, attrs), self.handle_endtag(tag) if tag not in VOID else None)

    def handle_endtag(self, tag):
        if tag in VOID:
            return
        if not self.stack or self.stack.pop() != tag:
            self.bad.append("</%s> out of place" % tag)
        if tag in ("th", "td"):
            if "thead" in self.stack:
                self.tables[-1]["head"].append(self.cell)
            else:
                self.tables[-1]["rows"][-1].append(self.cell)
            self.cell = None

    def handle_data(self, data):
        self.text += data
        if self.cell is not None:
            self.cell += data
        top = self.stack[-1] if self.stack else ""
        if top == "style":
            self.style += data
        elif top == "caption":
            self.tables[-1]["caption"] += data
        elif top in ("title", "desc") and "svg" in self.stack:
            self.svgs[-1][top] += data
        elif top == "title":
            self.title += data

    def table(self, caption):
        return next(t for t in self.tables if t["caption"].startswith(caption))

    def faults(self):
        """Everything that is wrong for a reader without a network, a script or eyes."""
        bad = list(self.bad)
        bad += ["no such id: " + i for i in self.wanted if i not in self.ids]
        bad += ["an SVG without role, title or description: %s" % s for s in self.svgs if s["role"] != "img" or not s["title"] or not s["desc"]
                or len(s["by"]) != 2]
        bad += ["a table without caption or headers: %s" % t["caption"] for t in self.tables if not t["caption"] or not t["head"]]
        bad += ["a row of another length in %s: %s" % (t["caption"], r) for t in self.tables for r in t["rows"] if len(r) != len(t["head"])]
        if self.lang is None:
            bad.append("no lang")
        if not self.title:
            bad.append("no title")
        if re.search(r"@import|url\s*\(|https?:", self.style):
            bad.append("the style refers to something")
        return bad


def contrast(colour, other="#ffffff"):
    """WCAG 2.1, relative luminance."""
    def luminance(text):
        text = text.lstrip("#")
        text = "".join(c * 2 for c in text) if len(text) == 3 else text
        parts = [int(text[k:k + 2], 16) / 255 for k in (0, 2, 4)]
        parts = [p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]

    high, low = sorted([luminance(colour), luminance(other)], reverse=True)
    return (high + 0.05) / (low + 0.05)


def tidy(path):
    """What tidy(1) says of a file; "" when it is content, None when it is not installed."""
    if not shutil.which("tidy"):
        return None
    p = subprocess.run(["tidy", "-q", "-e", "--drop-empty-elements", "no", str(path)], capture_output=True, text=True, timeout=60)
    return "" if p.returncode == 0 else p.stderr or p.stdout or "tidy ends with %d" % p.returncode


def browser():
    return next((b for b in map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")) if b), None)


def in_browser(path, picture):
    """The document as a real browser has it after loading, and a picture of it; (text, words)."""
    with tempfile.TemporaryDirectory(prefix="lazaret-browser.") as home:
        common = [browser(), "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--user-data-dir=" + home]
        dom = subprocess.run([*common, "--dump-dom", "file://%s" % path], capture_output=True, text=True, timeout=120)
        shot = subprocess.run([*common, "--window-size=1000,4000", "--screenshot=%s" % picture, "file://%s" % path], capture_output=True, text=True,
                              timeout=120)
    return dom.stdout, dom.stderr + shot.stderr
