# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""Prometheus' text format, read as strictly as its documents say (https://prometheus.io/docs/instrumenting/exposition_formats/ and
https://prometheus.io/docs/practices/naming/): for tests without promtool."""
import re

NAME = re.compile(r"[a-z][a-z0-9_]*\Z")
LABEL = re.compile(r'([a-z][a-z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"(,|\Z)')
UNITS = ("_seconds", "_bytes", "_total", "_info")


def _labels(text):
    found, at = {}, 0
    while at < len(text):
        m = LABEL.match(text, at)
        if not m or m[1] in found:
            raise ValueError("labels: %r" % text)
        found[m[1]] = m[2].replace(r"\n", "\n").replace(r"\"", '"').replace("\\\\", "\\")
        at = m.end()
    return found


def parse(text):
    """{name: {"type", "help", "samples": {(label pairs): value}}}; ValueError for what is not as it should be."""
    families, family = {}, None
    if not text.endswith("\n"):
        raise ValueError("no newline at the end")
    for line in text.splitlines():
        if line.startswith("# HELP "):
            name, words = line[7:].split(" ", 1)
            if name in families or not NAME.match(name) or not name.startswith("lazaret_") or not words.endswith((".", "nothing is approved.")):
                raise ValueError("family %s: twice, or a bad name or help" % name)
            family = families[name] = {"type": None, "help": words, "samples": {}}
            current = name
        elif line.startswith("# TYPE "):
            name, kind = line[7:].split(" ")
            if name != current or kind not in ("gauge", "counter", "summary"):
                raise ValueError("type of %s" % name)
            if (kind == "counter") != name.endswith("_total"):
                raise ValueError("%s: a counter, and only a counter, is a _total" % name)
            family["type"] = kind
        else:
            m = re.match(r"([a-z0-9_]+)(?:\{(.+)\})? (-?\d+)\Z", line)
            base = re.sub("_(sum|count)$", "", m[1]) if m and family["type"] == "summary" else m and m[1]
            if not m or base != current or family["type"] is None:
                raise ValueError("sample: %r" % line)
            key = (m[1],) + tuple(sorted(_labels(m[2] or "").items()))
            if key in family["samples"]:
                raise ValueError("twice: %r" % line)
            family["samples"][key] = int(m[3])
    empty = [n for n, f in families.items() if not f["samples"]]
    if empty:
        raise ValueError("families without samples: %s" % empty)
    return families


def value(families, name, /, **labels):
    """Of one sample; None when there is none."""
    family = families.get(re.sub("_(sum|count)$", "", name)) if name not in families else families[name]
    return family["samples"].get((name,) + tuple(sorted(labels.items()))) if family else None
