#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""Plug-ins, with `lazaret inspect`: the example, a hostile one, optional ones, types, members; and `lazaret plugin check`.

BUILD: the build directory (default build).
"""
import hashlib
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from containers import FORMATS  # noqa: E402
from inside import Station  # noqa: E402
from specimens import TEXT  # noqa: E402
from tap import BUILD, EICAR, ROOT, finish, ok  # noqa: E402

EXAMPLES = ROOT / "docs" / "examples" / "plugins"
HOSTILE = ROOT / "tests" / "lib" / "hostile_plugin.py"


def place(work, name, source):
    """A directory of its own that the plug-in's account can read."""
    at = work / "plugins" / name
    at.mkdir(parents=True, exist_ok=True)
    os.chmod(work / "plugins", 0o755)
    shutil.copy(source, at / source.name)
    os.chmod(at / source.name, 0o755)
    return at / source.name


def entry(name, program, **more):
    lines = {"program": program, "sha256": hashlib.sha256(program.read_bytes()).hexdigest(), **more}
    return "  - name: %s\n%s" % (name, "".join("    %s: %s\n" % (k, v) for k, v in lines.items()))


def example(work):
    program = place(work, "known-bad", EXAMPLES / "known-bad")
    bad = TEXT + b"on the list"
    (program.parent / "known-bad.txt").write_text("# list\n%s  seen in May\n" % hashlib.sha256(bad).hexdigest())
    s = Station(work, "example", config="plugins:\n" + entry("known-bad", program, types='["text/*", "application/x-tar"]'))
    r = s.inspect({
        "good.txt": TEXT, "bad.txt": bad, "turned.txt": TEXT + "a\u202eb\n".encode(), "bad.tar.xz": FORMATS["tar.xz"].make({"in/bad.txt": bad}),
        "good.zip": FORMATS["zip"].make({"a.txt": TEXT}), "eicar.com": EICAR, "empty.txt": b"",
    })
    ok(r.verdict("good.txt") == "approved" and r.verdict("good.zip") == "approved" and r.verdict("empty.txt") == "approved",
       "what it calls clean passes", r.shown())
    ok(r.verdict("bad.txt") == "blocked" and r.says("bad.txt", "hash-denied", None, "known-bad: seen in May"), "what is on its list does not",
       r.shown("bad.txt"))
    ok(r.verdict("turned.txt") == "held" and r.says("turned.txt", "active-content", None, "U+202E"), "nor what turns text around",
       r.shown("turned.txt"))
    ok(r.verdict("bad.tar.xz") == "blocked" and
       any(c == "hash-denied" and (m or "").endswith("in/bad.txt") for c, m, _ in r.reasons("bad.tar.xz")), "a member, by its name", r.shown("bad.tar.xz"))
    ok(r.says("eicar.com", "malware"), "the virus scanner's word stands", r.shown("eicar.com"))
    engines = {e["name"]: e for e in r.json.get("engines", [])}
    ok("plug-in known-bad" in engines and engines["plug-in known-bad"]["version"].startswith("sha256:"), "the report names it", engines)
    out = s.lazaret("status").stdout.decode()
    ok("plug-in   known-bad, %s" % program in out, "lazaret status names it", out)
    (program.parent / "known-bad.txt").write_text("nonsense\n")
    r = s.inspect({"good.txt": TEXT})
    ok(r.verdict("good.txt") == "held" and r.codes("good.txt") == ["scan-error"], "one that stops holds the file", r.shown())


def hostile(work):
    program = place(work, "hostile", HOSTILE)
    s = Station(work, "hostile", config="plugins:\n" + entry("hostile", program, time="3s", types='["text/*"]'))
    cases = {"exit": "scan-error", "crash": "scan-error", "silent": "scan-error", "nonsense": "scan-error", "flood": "scan-error",
             "connect": "scan-error", "exec": "scan-error", "cannot": "scan-error", "sleep": "scan-timeout", "deaf": "scan-timeout"}
    files = {"%s.txt" % w: w.encode() + b"\n" + TEXT for w in ("clean", "fork", "sandbox", *cases)}
    r = s.inspect(files)
    for word in ("clean", "fork", "sandbox"):
        ok(r.verdict(word + ".txt") == "approved", "hostile: %s: passes" % word, r.shown(word + ".txt"))
    for word, code in cases.items():
        path = word + ".txt"
        ok(r.verdict(path) == "held" and r.codes(path) == [code] and r.says(path, code, None, "hostile: "), "hostile: %s: %s" % (word, code),
           r.shown(path))
    s.configure("plugins:\n" + entry("hostile", program, time="3s", types='["text/*"]', required="false"))
    r = s.inspect({"silent.txt": b"silent\n" + TEXT, "finding.txt": b"finding\n" + TEXT, "clean.txt": b"clean\n" + TEXT})
    notes = " ".join(r.files.get("silent.txt", {}).get("notes", []))
    ok(r.verdict("silent.txt") == "approved" and "hostile: the verdict is no JSON" in notes, "not required: its failure is noted", (notes, r.shown()))
    ok(r.verdict("finding.txt") == "blocked" and r.says("finding.txt", "malware", None, "hostile: it is bad"), "not required: its findings count",
       r.shown("finding.txt"))


def types(work):
    """Asked about its types alone; of what is of no known type, too."""
    program = place(work, "types", HOSTILE)
    s = Station(work, "types", config="plugins:\n" + entry("types", program, types='["image/*"]'))
    r = s.inspect({"silent.txt": b"silent\n" + TEXT})
    ok(r.verdict("silent.txt") == "approved", "a file of another type is not its business", r.shown())


def no_start(work):
    program = place(work, "pins", HOSTILE)
    s = Station(work, "pins")
    (work / "m").mkdir()
    good = entry("one", program)
    for name, settings, words in (
            ("not as pinned", good.replace(hashlib.sha256(program.read_bytes()).hexdigest(), "0" * 64), "not the pinned one"),
            ("not there", good.replace(str(program), str(program) + "x"), "No such file"),
            ("no pin", "  - name: one\n    program: %s\n" % program, "sha256"),
            ("a relative path", good.replace(str(program), "x"), "absolute"),
            ("twice", good + good, "twice"),
            ("a bad name", good.replace("name: one", "name: One two"), "lower-case")):
        s.configure("plugins:\n" + settings)
        p = s.lazaret("inspect", work / "m")
        ok(p.returncode == 2 and words in p.stderr.decode(), "no start: " + name, p.stderr.decode()[-600:])


def check(work):
    lazaret = BUILD / "bin" / "lazaret"
    program = place(work, "checked", EXAMPLES / "known-bad")
    shutil.copy(EXAMPLES / "known-bad.txt", program.parent)
    p = subprocess.run([lazaret, "plugin", "check", program], capture_output=True, text=True, timeout=300)
    ok(p.returncode == 0 and "not ok" not in p.stdout and p.stdout.count("\nok ") >= 8, "lazaret plugin check: the example conforms", p.stdout + p.stderr)
    lines = {"nothing": "exit 0\n", "status": "echo '%s'; exit 4\n", "deaf": "exec sleep 100\n"}
    for name, text in lines.items():
        bad = work / "plugins" / "checked" / name
        bad.write_text("#!/bin/sh\n" + text)
        os.chmod(bad, 0o755)
        p = subprocess.run([lazaret, "plugin", "check", "--time", "1", bad], capture_output=True, text=True, timeout=300)
        ok(p.returncode == 1 and "not ok" in p.stdout, "lazaret plugin check: %s does not" % name, p.stdout + p.stderr)
    p = subprocess.run([lazaret, "plugin", "check", work / "none"], capture_output=True, text=True, timeout=60)
    ok(p.returncode == 2, "lazaret plugin check: no such program", p.stdout + p.stderr)


def main():
    work = pathlib.Path(tempfile.mkdtemp(prefix="lazaret-plugin."))
    os.chmod(work, 0o755)
    try:
        for test in (example, hostile, types, no_start, check):
            if not sys.argv[1:] or test.__name__ in sys.argv[1:]:
                test(work)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return finish()


if __name__ == "__main__":
    sys.exit(main())
