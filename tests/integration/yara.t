#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""YARA rules of the site, with `lazaret inspect`: what they say of files and of members, what the report says of them, and what
does not start.

BUILD: the build directory (default build).
"""
import hashlib
import os
import pathlib
import shutil
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from containers import FORMATS  # noqa: E402
from inside import Station  # noqa: E402
from specimens import TEXT  # noqa: E402
from tap import EICAR, finish, ok  # noqa: E402

RULES = b"""
rule site_bad { meta: description = "what this site calls bad" strings: $a = "SITEBAD" condition: $a }
rule site_kind { meta: lazaret = "type-denied" strings: $a = "SITEKIND" condition: $a }
rule site_acts { meta: lazaret = "active-content" strings: $a = "SITEACTS" condition: $a }
rule site_remark { meta: lazaret = "note" description = "worth a look" strings: $a = "SITENOTE" condition: $a }
rule eicar_too { strings: $a = "EICAR-STANDARD" condition: $a }
"""


def config(work, *files, pins=()):
    (work / "yara").mkdir(exist_ok=True)
    lines = []
    for n, (name, text) in enumerate(files):
        (work / "yara" / name).write_bytes(text)
        lines.append("    - file: %s\n      sha256: %s\n" % (name, pins[n] if pins else hashlib.sha256(text).hexdigest()))
    return "yara:\n  directory: %s\n  files:\n%s" % (work / "yara", "".join(lines))


def files(work):
    s = Station(work, "files", config=config(work, ("site.yar", RULES), ("more.yar", b"rule never { condition: false }\n")))
    tar_xz = FORMATS["tar.xz"].make({"deep/bad.txt": TEXT + b"SITEBAD", "deep/good.txt": TEXT})
    r = s.inspect({
        "good.txt": TEXT, "empty.txt": b"", "bad.txt": TEXT + b"SITEBAD", "kind.txt": TEXT + b"SITEKIND",
        "acts.txt": TEXT + b"SITEACTS", "remark.txt": TEXT + b"SITENOTE", "eicar.com": EICAR,
        "bad.tar.xz": tar_xz, "good.tar.xz": FORMATS["tar.xz"].make({"good.txt": TEXT}),
        "remark.zip": FORMATS["zip"].make({"in/remark.txt": TEXT + b"SITENOTE"}),
    })
    ok(r.verdict("good.txt") == "approved" and r.verdict("good.tar.xz") == "approved", "what no rule matches passes", r.shown())
    ok(r.verdict("bad.txt") == "blocked" and r.says("bad.txt", "malware", None, "YARA rule site_bad: what this site calls bad"),
       "a rule blocks, with its name and words", r.shown("bad.txt"))
    ok(r.verdict("kind.txt") == "blocked" and r.says("kind.txt", "type-denied", None, "site_kind"), "type-denied", r.shown("kind.txt"))
    ok(r.verdict("acts.txt") == "held" and r.says("acts.txt", "active-content", None, "site_acts"), "active-content", r.shown("acts.txt"))
    notes = " ".join(r.files.get("remark.txt", {}).get("notes", []))
    ok(r.verdict("remark.txt") == "approved" and "site_remark: worth a look" in notes, "a note is no reason", (notes, r.shown("remark.txt")))
    notes = " ".join(r.files.get("remark.zip", {}).get("notes", []))
    ok("in/remark.txt" in notes and "site_remark" in notes, "and names the member", (notes, r.shown("remark.zip")))
    ok(r.says("eicar.com", "malware", None, "Eicar") and r.says("eicar.com", "malware", None, "eicar_too"),
       "what libclamav and YARA say is told together", r.shown("eicar.com"))
    found = [m for c, m, d in r.reasons("bad.tar.xz") if c == "malware" and "site_bad" in (d or "")]
    ok(r.verdict("bad.tar.xz") == "blocked" and "bad.tar/deep/bad.txt" in found, "a member of a tar.xz, by its name",
       r.shown("bad.tar.xz"))
    engines = {e["name"]: e for e in r.json.get("engines", [])}
    yara = engines.get("yara", {})
    ok(yara.get("signatures") == 6 and yara.get("database_version") == "site.yar more.yar" and yara.get("database_time", 0) > 0,
       "the report names the engine", engines)
    out = s.lazaret("status").stdout.decode()
    ok("yara      site.yar, 0 days old, pinned" in out, "lazaret status names it", out)
    for name in ("site.yar", "more.yar"):
        os.utime(work / "yara" / name, (1000000000, 1000000000))
    r = s.inspect({"good.txt": TEXT})
    ok(r.verdict("good.txt") == "approved", "old rules do not stop a station as an old virus database does", r.shown())


def no_start(work):
    s = Station(work, "no-start")
    (s.work / "m").mkdir()
    for name, settings, words in (
            ("a rule that does not compile", config(work, ("broken.yar", b"rule a { condition: true }\n\nrule b { condition: x }\n")),
             "broken.yar:3: undefined identifier"),
            ("a file that is not as pinned", config(work, ("pin.yar", RULES), pins=["0" * 64]), "not the pinned one"),
            ("an include", config(work, ("include.yar", b'include "/etc/passwd"\n')), "include.yar:1: includes are disabled"),
            ("a file that is not there", "yara:\n  directory: %s\n  files:\n    - {file: none.yar, sha256: %s}\n" % (work / "yara", "0" * 64),
             "none.yar: No such file"),
            ("no pin", "yara:\n  directory: %s\n  files: [{file: site.yar}]\n" % (work / "yara"), "sha256"),
            ("a path", "yara:\n  directory: %s\n  files: [{file: ../x.yar, sha256: %s}]\n" % (work / "yara", "0" * 64), "name of a file")):
        s.configure(settings)
        p = s.lazaret("inspect", work / "m")
        text = p.stderr.decode()
        ok(p.returncode == 2 and words in text, "no start: " + name, text[-800:])


def global_silence(work):
    """The site's own rules are its own business; the canary's are not theirs."""
    text = b"global rule silent { condition: false }\nrule bad { strings: $a = \"SITEBAD\" condition: $a }\n"
    s = Station(work, "global", config=config(work, ("global.yar", text)))
    r = s.inspect({"bad.txt": TEXT + b"SITEBAD"})
    ok(r.verdict("bad.txt") == "approved", "a global rule holds for its file alone, and the self-test goes on", r.shown())


def main():
    work = pathlib.Path(tempfile.mkdtemp(prefix="lazaret-yara."))
    os.chmod(work, 0o755)
    try:
        files(work)
        no_start(work)
        global_silence(work)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return finish()


if __name__ == "__main__":
    sys.exit(main())
