#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""lazaret-verify against transfers that were tampered with in every way that an importer could meet; the signature
is made by the packaged minisign. Also the report schema against good and bad reports.

BUILD: the build directory (default build). VERIFY: another lazaret-verify than the one there.
"""
import copy
import hashlib
import importlib.machinery
import importlib.util
import json
import os
import resource
import shutil
import socket
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.join(HERE, "..", "..")
VERIFY = os.environ.get("VERIFY") or os.path.join(os.path.abspath(os.environ.get("BUILD", os.path.join(ROOT, "build"))), "bin", "lazaret-verify")
TRANSFER = "20261122T011500Z-3f9a2c"

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from tap import finish, ok  # noqa: E402

loader = importlib.machinery.SourceFileLoader("validate_report", os.path.join(ROOT, "tests", "lib", "validate-report"))
spec = importlib.util.spec_from_loader("validate_report", loader)
validate = importlib.util.module_from_spec(spec)
loader.exec_module(validate)


def file_entry(path, data, **more):
    entry = {"volume": 0, "path": path, "size": len(data), "sha256": hashlib.sha256(data).hexdigest(), "type": "text/plain",
             "verdict": "approved", "rule": "text", "reasons": [], "signers": [], "published_as": "files/" + path}
    entry.update(more)
    return entry


def make_report(entries, **more):
    report = {
        "format": "lazaret.report/1", "transfer": TRANSFER, "outcome": "published", "started": 1795310000,
        "finished": 1795310042,
        "station": {"id": "0123456789abcdef", "name": "quay 7", "version": "0.1.0", "policy": "documents",
                    "policy_sha256": "ab" * 32, "sandbox": "accounts+namespaces+landlock7+seccomp"},
        "operator": "jo", "reason": "", "previous": None, "audit": {"seq": 3, "hash": "cd" * 32},
        "engines": [{"name": "libclamav", "version": "1.4.6", "database_version": "27000", "database_time": 1795300000,
                     "database_age_s": 10000, "signatures": 8000000}],
        "medium": {"kind": "image", "vendor": "", "model": "", "serial": "", "size": 1048576, "write_protected": True,
                   "sectors_written": None, "removable_at": 1795310030,
                   "volumes": [{"index": 0, "fs": "vfat", "label": "STICK", "uuid": "1234-ABCD", "driver": "user:fusefat",
                                "outcome": "read", "detail": ""}]},
        "counts": {"files": len(entries), "bytes": sum(e["size"] for e in entries),
                   "approved": sum(e["verdict"] == "approved" for e in entries),
                   "held": sum(e["verdict"] == "held" for e in entries),
                   "blocked": sum(e["verdict"] == "blocked" for e in entries)},
        "files": entries,
    }
    report.update(more)
    return report


class Transfer:
    """A good transfer in a directory of its own, to be spoilt."""

    def __init__(self, top, files=None, key="station"):
        self.top, self.key = top, key
        self.dir = os.path.join(top, TRANSFER)
        self.files = {"a.txt": b"hello\n", "sub/b.txt": b"", "sub/deep/c d.txt": b"x" * 70000} if files is None else files
        os.makedirs(os.path.join(self.dir, "files"))
        for path, data in self.files.items():
            self.put("files/" + path, data)
        blocked = file_entry("evil.exe", b"MZ", verdict="blocked", rule=None, published_as=None,
                             reasons=[{"code": "type-denied", "detail": "", "member": None}])
        self.report = make_report([file_entry(p, d) for p, d in self.files.items()] + [blocked])
        self.write()

    def path(self, name):
        return os.path.join(self.dir, name)

    def put(self, name, data):
        os.makedirs(os.path.dirname(self.path(name)), exist_ok=True)
        with open(self.path(name), "wb") as f:
            f.write(data)

    def write(self, comment=None):
        self.put("manifest.json", validate.canonical_lines(self.report))
        self.sign(comment or "lazaret transfer " + self.report["transfer"])
        self.put("SHA256SUMS", "".join("%s  %s\n" % (f["sha256"], f["published_as"]) for f in self.report["files"]
                                       if f["published_as"]).encode())
        self.put("receipt.txt", b"receipt\n")
        self.put("receipt.html", b"<p>receipt\n")

    def sign(self, comment):
        subprocess.run(["minisign", "-S", "-s", os.path.join(keys, self.key + ".key"), "-m", self.path("manifest.json"), "-t",
                        comment], check=True, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL)


def run(*args, **more):
    env = {"HOME": os.path.join(keys, "nobody"), "PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"}
    env.update(more)
    p = subprocess.run([VERIFY, *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env, timeout=300)
    return p.returncode, p.stdout.decode("utf-8", "backslashreplace"), p.stderr.decode("utf-8", "backslashreplace")


def check(name, spoil, words, files=None):
    """Spoil a good transfer; it must be refused with these words."""
    with tempfile.TemporaryDirectory(dir=work) as top:
        t = Transfer(top, files)
        spoil(t)
        status, out, err = run("--key", STATION, t.dir)
        ok(status == 1 and words in err and ": ok:" not in out, name, "status %d\n%s%s" % (status, out, err))


def replaced(t, old, new):
    with open(t.path("manifest.json"), "rb") as f:
        data = f.read()
    assert old in data
    t.put("manifest.json", data.replace(old, new, 1))


def entry(t, n, **more):
    t.report["files"][n].update(more)
    t.write()


def good_transfers():
    with tempfile.TemporaryDirectory(dir=work) as top:
        t = Transfer(top)
        status, out, err = run("--key", STATION, t.dir)
        ok(status == 0 and err == "" and "ok: transfer %s, 3 files, 70006 bytes, station quay 7" % TRANSFER in out,
           "a good transfer", out + err)
        ok(subprocess.run(["minisign", "-V", "-q", "-p", STATION, "-m", t.path("manifest.json")]).returncode == 0,
           "minisign -V agrees")
        ok(subprocess.run(["sha256sum", "--quiet", "-c", "SHA256SUMS"], cwd=t.dir).returncode == 0, "sha256sum -c agrees")
        status, out, err = run("-k", OTHER, "-k", STATION, t.dir, t.dir)
        ok(status == 0 and out.count(": ok:") == 2, "several keys, several transfers", out + err)
        status, out, err = run("--key", STATION, t.dir, os.path.join(top, "missing"))
        ok(status == 1 and out.count(": ok:") == 1 and "missing" in err, "one missing among several", out + err)
        os.chmod(t.dir, 0o555)
        status, out, err = run("--key", STATION, t.dir)
        ok(status == 0, "a read-only directory, as it is published", err)
    with tempfile.TemporaryDirectory(dir=work) as top:
        status, out, err = run("--key", STATION, Transfer(top, {}).dir)
        ok(status == 0 and "0 files" in out, "a transfer without files", out + err)


def keys_and_usage():
    with tempfile.TemporaryDirectory(dir=work) as top:
        t = Transfer(top)
        status, _, err = run("--key", OTHER, t.dir)
        ok(status == 1 and "not among the keys" in err, "signed with another key", err)
        shutil.copy(STATION, t.path("manifest.pub"))
        status, _, err = run(t.dir)
        ok(status == 1 and "--key" in err, "no key found: says what to do, takes none from the transfer", err)
        os.unlink(t.path("manifest.pub"))
        home = os.path.join(top, "home", ".config", "lazaret", "keys")
        os.makedirs(home)
        shutil.copy(STATION, os.path.join(home, "quay7.pub"))
        status, out, err = run(t.dir, HOME=os.path.join(top, "home"))
        ok(status == 0, "a key from the home directory", err)
        with open(os.path.join(home, "bad.pub"), "w", encoding="ascii") as f:
            f.write("-----BEGIN PGP PUBLIC KEY BLOCK-----\n")
        status, out, err = run(t.dir, HOME=os.path.join(top, "home"))
        ok(status == 1 and "OpenPGP" in err, "a key there that cannot be read is told", err)
        for args in ([], ["--nonsense", t.dir], ["--key"], ["--key", STATION]):
            status, _, err = run(*args)
            ok(status == 64 and "usage:" in err, "usage: %s" % [os.path.basename(a) for a in args], err)
        status, out, _ = run("--help")
        ok(status == 0 and "usage:" in out, "--help")
        status, _, err = run("--key", os.path.join(top, "no.pub"), t.dir)
        ok(status == 1 and "no.pub" in err, "--key that is not there", err)


def manifest_spoilt():
    check("a changed manifest", lambda t: replaced(t, b"quay 7", b"quay 8"), "does not match")
    check("no signature", lambda t: os.unlink(t.path("manifest.json.minisig")), "manifest.json.minisig: cannot be read")
    check("no manifest", lambda t: os.unlink(t.path("manifest.json")), "manifest.json: cannot be read")
    check("an empty signature", lambda t: t.put("manifest.json.minisig", b""), "untrusted comment")
    check("a signature for another transfer", lambda t: t.write("lazaret transfer 20200101T000000Z-000000"),
          "something else than transfer")

    def legacy(t):
        subprocess.run(["minisign", "-S", "-l", "-s", os.path.join(keys, "station.key"), "-m", t.path("manifest.json")],
                       check=True, stdout=subprocess.DEVNULL)

    def raw_manifest(data):
        def spoil(t):
            t.put("manifest.json", data)
            t.sign("lazaret transfer " + TRANSFER)
        return spoil

    def manifest_is_link(t):
        os.rename(t.path("manifest.json"), os.path.join(t.top, "m"))
        os.symlink(os.path.join(t.top, "m"), t.path("manifest.json"))

    check("a legacy signature", legacy, "legacy")
    check("signed, but not JSON", raw_manifest(b"hello\n"), "not in the form of lazaret.report/1")
    check("signed, but empty", raw_manifest(b""), "manifest.json")
    check("signed JSON of another format", raw_manifest(b'{"files":[\n],"format":"other/1"}\n'), "not in the form")
    check("signed, with something behind it",
          lambda t: raw_manifest(validate.canonical_lines(t.report) + b"\n")(t), "not in the form")
    check("a report of an aborted inspection", lambda t: (t.report.update(outcome="aborted"), t.write()), "published transfer")
    check("the manifest is a link", manifest_is_link, "manifest.json: cannot be read")


def names_spoilt():
    for bad in ("files/../a.txt", "/etc/passwd", "files//a.txt", "a.txt", "files/./a.txt", "files/a\\b", "files/",
                "files/-rf", "files/a\u202egnp.exe", "files/x\ny"):
        check("unsafe name %s in a signed manifest" % ascii(bad), lambda t, b=bad: entry(t, 0, published_as=b), "unsafe name")
    check("a name twice in a signed manifest", lambda t: entry(t, 1, published_as="files/a.txt"), "has it twice")
    check("a blocked file published", lambda t: entry(t, 0, verdict="blocked"), "does not say approved")
    check("a file without hash published", lambda t: entry(t, 0, sha256="zz"), "no valid size and sha256")


def tree_spoilt():
    check("a changed file", lambda t: t.put("files/a.txt", b"hellO\n"), "altered")
    check("a longer file", lambda t: t.put("files/a.txt", b"hello\n\n"), "has 7 bytes instead of 6")
    check("a missing file", lambda t: os.unlink(t.path("files/a.txt")), "files/a.txt: missing")
    check("an extra file", lambda t: t.put("files/sub/extra", b""), "files/sub/extra: not in the manifest")
    check("an extra file deep down", lambda t: t.put("files/sub/deep/.hidden", b"x"), "not in the manifest")
    check("an empty directory", lambda t: os.mkdir(t.path("files/none")), "without any published file")
    check("an extra file at the top", lambda t: t.put("autorun.inf", b""), "autorun.inf: does not belong")
    check("an extra directory at the top", lambda t: os.mkdir(t.path("more")), "more: does not belong")
    check("a case twin", lambda t: t.put("files/A.txt", b"hello\n"), "files/A.txt: not in the manifest")
    check("no receipt", lambda t: os.unlink(t.path("receipt.txt")), "receipt.txt: missing")
    check("no files/", lambda t: shutil.rmtree(t.path("files")), "files: missing")

    def swap_for_link(t):
        os.rename(t.path("files/a.txt"), os.path.join(t.top, "a"))
        os.symlink(os.path.join(t.top, "a"), t.path("files/a.txt"))

    def dir_for_link(t):
        os.rename(t.path("files"), os.path.join(t.top, "f"))
        os.symlink(os.path.join(t.top, "f"), t.path("files"))

    def a_socket(t):
        s = socket.socket(socket.AF_UNIX)
        here = os.getcwd()
        os.chdir(t.path("files")) # socket names are short
        s.bind("s")
        os.chdir(here)
        s.close()

    def deep(t):
        path = t.path("files/sub/deep")
        for _ in range(80):
            path += "/d"
        os.makedirs(path)

    def file_for_dir(t):
        os.unlink(t.path("files/a.txt"))
        os.makedirs(t.path("files/a.txt"))

    check("a file swapped for a link to the same bytes", swap_for_link, "files/a.txt: a symbolic link")
    check("files/ swapped for a link", dir_for_link, "files: a symbolic link")
    check("a dangling link", lambda t: os.symlink("nowhere", t.path("files/l")), "files/l: a symbolic link")
    check("a pipe", lambda t: os.mkfifo(t.path("files/p")), "files/p: a device, pipe or socket")
    check("a pipe in place of a file", lambda t: (os.unlink(t.path("files/a.txt")), os.mkfifo(t.path("files/a.txt"))), "pipe")
    check("a socket", a_socket, "files/s: a device, pipe or socket")
    check("a directory in place of a file", file_for_dir, "files/a.txt: missing")
    check("a tree deeper than any published", deep, "too deep")
    check("a name with an escape sequence", lambda t: t.put("files/\x1b[2J", b""), "files/\\x1b[2J: not in the manifest")


def sums_spoilt():
    def edit(change):
        def spoil(t):
            with open(t.path("SHA256SUMS"), "rb") as f:
                lines = f.read().splitlines(keepends=True)
            t.put("SHA256SUMS", b"".join(change(lines)))
        return spoil

    check("SHA256SUMS lacks a line", edit(lambda l: l[1:]), "not listed in SHA256SUMS")
    check("SHA256SUMS has a line twice", edit(lambda l: l + l[:1]), "listed twice")
    check("SHA256SUMS has another hash", edit(lambda l: [b"0" + l[0][1:]] + l[1:] if l[0][:1] != b"0" else
                                              [b"1" + l[0][1:]] + l[1:]), "disagree")
    check("SHA256SUMS names another file", edit(lambda l: l + [b"0" * 64 + b"  /etc/passwd\n"]), "not in the manifest")
    check("SHA256SUMS is cut", edit(lambda l: l[:-1] + [l[-1][:-1]]), "ends inside a line")
    check("SHA256SUMS is no list", lambda t: t.put("SHA256SUMS", b"hello\n"), "not \"hash, two spaces, path\"")
    check("SHA256SUMS is missing", lambda t: os.unlink(t.path("SHA256SUMS")), "SHA256SUMS: missing")


def problems_are_bounded():
    with tempfile.TemporaryDirectory(dir=work) as top:
        t = Transfer(top, {"f%04d" % n: b"" for n in range(3000)})
        shutil.rmtree(t.path("files"))
        status, _, err = run("--key", STATION, t.dir)
        ok(status == 1 and err.count("\n") < 110 and "more problems are not shown" in err, "problems are counted, not poured out",
           err[:500])


def many_files():
    """Time and memory for a manifest of 200,000 files, whose tree is missing but for one directory."""
    with tempfile.TemporaryDirectory(dir=work) as top:
        t = Transfer(top, {})
        line = validate.canonical(file_entry("d/000000", b"")).encode()
        before, after = validate.canonical_lines(make_report([])).split(b"\n", 1)
        with open(t.path("manifest.json"), "wb") as f:
            f.write(before + b"\n")
            f.write(b",\n".join(line.replace(b"d/000000", b"d/%06d" % n) for n in range(200000)))
            f.write(b"\n" + after)
        t.sign("lazaret transfer " + TRANSFER)
        used = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
        status, _, err = run("--key", STATION, t.dir)
        used = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
        with open(VERIFY, "rb") as f:
            limit = (1600 if b"__asan_init" in f.read() else 400) * 1024  # the sanitizer keeps what was freed
        ok(status == 1 and "more problems" in err and used < limit, "200,000 files in %d MiB" % (used // 1024), err[:300])


def schema():
    report = make_report([file_entry("a.txt", b"hello\n")])

    def told(change):
        bad = copy.deepcopy(report)
        change(bad)
        return list(validate.problems(validate.canonical_lines(bad)))

    ok(told(lambda r: None) == [], "schema: a good report", told(lambda r: None))
    ok(told(lambda r: r.update(previous="ab" * 32)) == [], "schema: with a previous one")
    escaped = dict(path="a\\xff", path_b64="Yf8=", published_as=None, verdict="blocked",
                   reasons=[{"code": "unsafe-name", "detail": "", "member": None}])
    ok(told(lambda r: (r["files"][0].update(escaped), r["counts"].update(approved=0, blocked=1), r.update(outcome="refused")))
       == [], "schema: an escaped path with its bytes")
    for name, change in {
            "an unknown key": lambda r: r.update(extra=1),
            "an unknown key of a file": lambda r: r["files"][0].update(extra=1),
            "a missing key": lambda r: r.pop("audit"),
            "a fraction": lambda r: r.update(started=1.5),
            "another format": lambda r: r.update(format="lazaret.report/2"),
            "a reason outside the list": lambda r: r["files"][0].update(
                verdict="held", published_as=None, reasons=[{"code": "because", "detail": "", "member": None}]),
            "held without a reason": lambda r: r["files"][0].update(verdict="held", published_as=None),
            "blocked and published": lambda r: r["files"][0].update(
                verdict="blocked", reasons=[{"code": "malware", "detail": "", "member": None}]),
            "published in an aborted report": lambda r: r.update(outcome="aborted"),
            "published outside of files/": lambda r: r["files"][0].update(published_as="a.txt"),
            "an escape character": lambda r: r.update(operator="\x1b[2J"),
            "a bidi override": lambda r: r.update(reason="\u202e"),
            "an unclean path without its bytes": lambda r: r["files"][0].update(path="a\\b"),
            "path_b64 without need": lambda r: r["files"][0].update(path_b64="YS50eHQ="),
            "counts that disagree": lambda r: r["counts"].update(approved=2),
            "an upper-case hash": lambda r: r["files"][0].update(sha256="AB" * 32),
            "a volume outcome outside the list": lambda r: r["medium"]["volumes"][0].update(outcome="fine"),
            "a medium of another kind": lambda r: r["medium"].update(kind="tape")}.items():
        ok(told(change) != [], "schema refuses " + name)
    data = validate.canonical_lines(report)
    ok(list(validate.problems(data.replace(b"\n", b""))) != [], "validate-report refuses missing lines")
    ok(list(validate.problems(json.dumps(report).encode())) != [], "validate-report refuses another spelling")


with tempfile.TemporaryDirectory(prefix="lazaret-verify-") as work:
    keys = os.path.join(work, "keys")
    os.mkdir(keys)
    for who in ("station", "other"):
        subprocess.run(["minisign", "-G", "-W", "-p", os.path.join(keys, who + ".pub"), "-s", os.path.join(keys, who + ".key")],
                       check=True, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
    STATION, OTHER = (os.path.join(keys, who + ".pub") for who in ("station", "other"))
    for part in (good_transfers, keys_and_usage, manifest_spoilt, names_spoilt, tree_spoilt, sums_spoilt,
                 problems_are_bounded, many_files, schema):
        part()
sys.exit(finish())
