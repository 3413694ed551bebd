#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""lazaret rules, as an officer meets it who writes rules for members of containers: what check says of good and bad files, and
what explain says of a member that is not at hand. What real containers come to is in inside.t.

BUILD: the build directory (default build).
"""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from tap import BUILD, ROOT, finish, make_databases, ok  # noqa: E402

DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
EXE = "application/vnd.microsoft.portable-executable"
DATA_TAR = ("application/x-tar", "application/x-xz", "application/vnd.debian.binary-package")
HEAD = "format: lazaret.rules/1\ntitle: t\nrules:\n"


def run(*args):
    return subprocess.run([str(a) for a in (BUILD / "bin" / "lazaret", *args)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=60, text=True)


def station(work, profile):
    at = work / profile
    r = run("init", at, "--db", make_databases(work / "db"))
    assert r.returncode == 0, r.stderr
    shutil.copy(ROOT / "rules" / (profile + ".yaml"), at / "rules.yaml")
    return at


def explain(at, path, types, within=(), signer=None, json_out=False, finding=None):
    args = ["-C", at, *(["--json"] if json_out else []), "rules", "explain", path]
    for t in types:
        args += ["--type", t]
    for t in within:
        args += ["--within", t]
    args += ["--signature", signer] if signer else []
    args += ["--finding", finding] if finding else []
    return run(*args)


def check(at, work):
    for profile in ("documents", "updates", "strict"):
        r = run("-C", at, "rules", "check", ROOT / "rules" / (profile + ".yaml"))
        ok(r.returncode == 0 and "no errors" in r.stdout, "rules check: %s" % profile, r.stdout + r.stderr)
    rule = "  - {name: %s, match: %s, why: w, verdict: approve%s}\n"
    for name, text, error in (
            ("a dead rule for members", rule % ("a", "{within: anything}", "") + rule % ("b", "{within: archives}", ""), "rule 'b' is dead"),
            ("within that means everything", rule % ("a", "{within: [nothing, anything]}", ""), "leave 'within' out"),
            ("a container that is no type", rule % ("a", "{within: archive}", ""), "did you mean archives"),
            ("vouching against its own requirement",
             rule % ("a", "any", ", require: {signature: any, no-active-content: true}, vouch: active-content"), "contradicts"),
            ("vouching without a signature", rule % ("a", "any", ", vouch: [virus, active-content]"), "only a signature"),
            ("the word that was reserved", rule % ("a", "{member: x}", ""), "within")):
        (work / "bad.yaml").write_text(HEAD + text)
        r = run("-C", at, "rules", "check", work / "bad.yaml")
        ok(r.returncode == 1 and error in r.stderr and "bad.yaml:" in r.stderr, "rules check: " + name, r.stdout + r.stderr)


def members(work):
    documents, updates, strict = (station(work, p) for p in ("documents", "updates", "strict"))
    rows = (
        (documents, "a/letter.docx", [DOCX, "application/zip"], ["application/zip"] * 2, None, "approved", "documents"),
        (documents, "word/document.xml", ["text/xml"], [DOCX, "application/zip"], None, "approved", "parts-of-documents"),
        (documents, "word/media/image1.png", [EXE], [DOCX], None, "blocked", "program-in-document"),
        (documents, "WordDocument", ["application/octet-stream"], ["application/msword"], None, "approved", "streams-of-documents"),
        (documents, "usr/bin/tool", ["application/x-pie-executable"], DATA_TAR, None, "held", "inside-unsigned-software"),
        (documents, "usr/bin/tool", ["application/x-pie-executable"], DATA_TAR, "vendor", "approved", "inside-signed-software"),
        (updates, "usr/bin/tool", ["application/x-pie-executable"], DATA_TAR, "vendor", "approved", "inside-signed"),
        (updates, "usr/bin/tool", ["application/x-pie-executable"], DATA_TAR, None, "held", "inside-unsigned"),
        (strict, "usr/bin/tool", ["application/x-pie-executable"], DATA_TAR, "vendor", "approved", "signed"),
        (strict, "a.txt", ["text/plain"], ["application/pdf"], None, "blocked", "attachments"),
    )
    for at, path, types, within, signer, verdict, rule in rows:
        r = explain(at, path, types, within, signer, json_out=True)
        said = json.loads(r.stdout) if r.stdout else {}
        name = "%s: %s in %s%s: %s" % (at.name, path, within[0], " signed" if signer else "", verdict)
        ok(said.get("verdict") == verdict and said.get("rule") == rule and said.get("within") == list(within) and
           r.returncode == (0 if verdict == "approved" else 1), name, r.stdout + r.stderr)
    r = explain(updates, "t.desktop", ["text/plain"], DATA_TAR, "vendor", finding="active-content")
    ok(r.returncode == 0, "updates: active content in signed software passes", r.stdout + r.stderr)
    r = explain(updates, "t.desktop", ["text/plain"], DATA_TAR, "vendor", finding="malware")
    ok(r.returncode == 1 and "malware" in r.stdout, "updates: malware in signed software does not", r.stdout + r.stderr)
    r = explain(documents, "x.xml", ["text/xml"], ["application/zip", "application/gzip"])
    ok("within application/zip, in application/gzip" in r.stdout and
       "'application/zip', or what that is in, is not among the containers that it is for" in r.stdout,
       "explain says what it is in, and why a rule is not for it", r.stdout + r.stderr)
    r = explain(documents, "x.xml", ["text/xml"])
    ok("it is a file of the medium, and no member of such a container" in r.stdout, "and that a file is no member", r.stdout + r.stderr)
    r = explain(documents, "x.xml", ["text/xml"], ["application/zip"] * 65)
    ok(r.returncode == 64, "more containers in each other than a station opens: usage", r.stdout + r.stderr)
    return documents


def main():
    with tempfile.TemporaryDirectory() as name:
        work = pathlib.Path(name)
        check(members(work), work)
    return finish()


if __name__ == "__main__":
    sys.exit(main())
