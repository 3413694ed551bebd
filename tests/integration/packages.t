#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""What image/debian says twice is said alike, and completion in bash knows what the programs know. The packages themselves are
tested by `make check-debs` (tests/packages).

BUILD: the build directory (default build).
"""
import importlib.machinery
import importlib.util
import os
import pathlib
import re
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from tap import BUILD, ROOT, finish, ok  # noqa: E402

DEBIAN = ROOT / "image" / "debian"
COMPLETIONS = BUILD / "share" / "bash-completion" / "completions"
ESSENTIAL = {"gcc", "make"}  # of build-essential, which every builder has
OTHER_COMPILER = {"clang"}   # of `make lint` and the fuzz targets

loader = importlib.machinery.SourceFileLoader("documented", str(ROOT / "tests" / "lib" / "documented"))
documented = importlib.util.module_from_spec(importlib.util.spec_from_loader("documented", loader))
loader.exec_module(documented)


def words(name):
    return {w for line in (ROOT / "image" / "packages" / name).read_text().splitlines() for w in line.split("#")[0].split()}


def control():
    text = (DEBIAN / "control").read_text()
    needs = {w.strip().split()[0] for w in re.search(r"(?m)^Build-Depends:\n((?: .*\n)+)", text).group(1).split(",") if w.strip()}
    ok(needs - {"debhelper-compat"} == words("build.txt") - ESSENTIAL - OTHER_COMPILER, "Build-Depends is image/packages/build.txt",
       sorted(needs ^ words("build.txt")))
    makefile = (ROOT / "Makefile").read_text()
    version = re.search(r"(?m)^VERSION := (\S+)", makefile).group(1)
    newest = re.match(r"lazaret \(([^)-]+)-[^)]+\)", (DEBIAN / "changelog").read_text()).group(1)
    ok(newest == version, "the newest entry of changelog is of the Makefile's version", f"{newest}, {version}")
    packages = re.findall(r"(?m)^Package: (\S+)", text)
    apart = re.search(r"(?m)^\tdh_install -plazaret (.*)$", (DEBIAN / "rules").read_text()).group(1)
    ok(len(packages) == 4 and all(p == "lazaret" or "-X%s " % p in apart + " " for p in packages), "the package lazaret leaves the others' files to them", apart)


def complete(name, *line, table=None):
    """What bash offers for the last word of the line."""
    script = ". \"$1\"; shift; COMP_WORDS=(\"$@\"); COMP_CWORD=$(($# - 1)); _%s; printf '%%s\\n' \"${COMPREPLY[@]}\"" % name.replace("-", "_")
    done = subprocess.run(["bash", "--norc", "-c", script, "bash", str(table or COMPLETIONS / name), name, *line], cwd=ROOT, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=60, check=False)
    return sorted(done.stdout.split())


def generated(program):
    return subprocess.run([ROOT / "image" / "completion" / "generate", program], stdout=subprocess.PIPE, text=True, timeout=60, check=False).stdout


def nothing_is_missing():
    source = (ROOT / "kiosk" / "cli" / "main.c").read_text()
    commands = re.findall(r'(?m)^\t\{ "([a-z]+)", cmd_', source)
    got = [w for w in complete("lazaret", "") if not w.startswith("-")]
    ok(len(commands) > 15 and got == sorted(commands), "all commands of lazaret are offered", got)
    for name, page in (("lazaret", "lazaret.1"), ("lazaret-verify", "lazaret-verify.1")):
        known = set(re.findall(r"(?<=[ \"])(--?[A-Za-z][a-z-]*)", (COMPLETIONS / name).read_text().split("\n}\n")[0]))
        wanted = documented.macro_options(ROOT / "docs" / "man" / page) - {"-h", "-k"}
        ok(len(wanted) > 4 and not wanted - known, f"{name}: all options of {page} are offered", sorted(wanted - known))
        ok(generated(BUILD / "bin" / name) == (COMPLETIONS / name).read_text(), f"{name}: what is built is what the program says")


def offers():
    for line, wanted in ((("aud",), ["audit"]), (("audit", ""), ["export", "show", "verify", "witness"]), (("-C", "/srv", "media", "ca"), ["cancel"]),
                         (("media", "cancel", ""), []), (("audit", "export", "--"), ["--by", "--from", "--out", "--to"]), (("init", "--profile", ""), []),
                         (("rules", "check", "READ"), ["README.md"]), (("rules", "explain", "--che"), ["--checksum"]), (("pack", "make", "--rules", "READ"), ["README.md"]),
                         (("no-such-command", ""), [])):
        got = complete("lazaret", *line)
        ok(got == wanted, "lazaret %s" % " ".join(w or "_" for w in line), got)
    ok(complete("lazaret-verify", "--key", "READ") == ["README.md"] and complete("lazaret-verify", "--au") == ["--audit"], "lazaret-verify")


def another_command(work):
    """Nobody has to keep a list: a program with a command more has it offered."""
    table, program = work / "table", work / "lazaret"
    program.write_text("""#!/bin/sh
case $* in
*-h*) printf 'usage: lazaret COMMAND\\n\\n  old      does little\\n  new      one | other   does more\\n' ;;
*new*) printf 'usage: lazaret new one [--deep] [--out FILE]\\n       lazaret new other\\n' >&2; exit 64 ;;
esac
""")
    program.chmod(0o755)
    table.write_text(generated(program))
    ok(complete("lazaret", "", table=table) == ["new", "old"] and complete("lazaret", "new", "", table=table) == ["one", "other"] and
       complete("lazaret", "new", "one", "-", table=table) == ["--deep", "--out"], "a new command needs no list", table.read_text())


control()
nothing_is_missing()
offers()
with tempfile.TemporaryDirectory(prefix="lazaret-packages.") as directory:
    another_command(pathlib.Path(directory))
sys.exit(finish())
