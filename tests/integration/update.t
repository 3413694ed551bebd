#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""Update packs: what is applied, and every wrong one refused with its reason; what a power cut leaves; the way back.

BUILD: the build directory (default build).
"""
import ctypes
import hashlib
import io
import json
import os
import pathlib
import platform
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from inside import EVERYTHING, Station  # noqa: E402
from tap import BUILD, EICAR, ROOT, finish, ok, skip  # noqa: E402

LAZARET = BUILD / "bin" / "lazaret"
EICAR_HDB = "%s:%d:Eicar-Test\n" % (hashlib.md5(EICAR).hexdigest(), len(EICAR))


class Packs(Station):
    """A station, and the outside where its packs are made."""

    def __init__(self, work, name, config="", is_trusted=True):
        super().__init__(work, name, config=config)
        self.out = pathlib.Path(work) / (name + "-out")
        self.out.mkdir()
        os.chmod(self.out, 0o755)
        self.key()
        if is_trusted:
            self.trust("updates")
        self.number = 0

    def key(self, name="updates"):
        subprocess.run(["minisign", "-G", "-W", "-f", "-p", self.out / (name + ".pub"), "-s", self.out / (name + ".key")], check=True,
                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)

    def trust(self, name, *options, purpose="update"):
        r = self.lazaret("key", "trust", self.out / (name + ".pub"), "--name", name, "--for", purpose, "--yes", *options)
        assert r.returncode == 0, r.stderr

    def file(self, name, data):
        path = self.out / name
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
        return path

    def database(self, name="eicar.hdb", more=""):
        return ["--database", self.file(name, EICAR_HDB + more)]

    def make(self, version, *members, name="site", to="any", key="updates"):
        path = self.out / ("%s-%s.lazaret-pack" % (name, version))
        r = subprocess.run([LAZARET, "pack", "make", "--name", name, "--version", str(version), "--for", to, *members, "--out", path,
                            *(["--key", self.out / (key + ".key")] if key else [])], capture_output=True, stdin=subprocess.DEVNULL, timeout=60)
        assert r.returncode == 0, r.stderr
        return path

    def sign(self, path, key="updates"):
        subprocess.run(["minisign", "-S", "-s", self.out / (key + ".key"), "-m", path], check=True, stdin=subprocess.DEVNULL,
                       stdout=subprocess.DEVNULL)
        return path

    def update(self, *args):
        r = self.lazaret("update", *args)
        return r.returncode, r.stdout.decode() + r.stderr.decode()

    def sets(self):
        return json.loads(self.lazaret("--json", "update", "list").stdout)

    def versions(self):
        return self.sets()["versions"]

    def records(self, kind=None):
        lines = (self.at / "audit" / "audit.jsonl").read_text().splitlines()
        return [r for r in map(json.loads, lines) if kind is None or r["type"] == kind]

    def refused(self, path, words, name, *options):
        """Refused with its reason, which is in the trail; and nothing has changed."""
        before = (self.at / "sets" / "current").read_bytes() if (self.at / "sets" / "current").exists() else None
        count = len(self.records("update-refused"))
        status, text = self.update("apply", *options, path)
        after = (self.at / "sets" / "current").read_bytes() if (self.at / "sets" / "current").exists() else None
        told = self.records("update-refused")
        ok(status == 1 and words in text and before == after and len(told) == count + 1 and told[-1]["body"]["why"],
           "refused: " + name, (status, text[-1500:], before == after, len(told) - count))

    def whole(self):
        """None, or what is wrong with what is in force: never half a set."""
        current = self.at / "sets" / "current"
        if not current.exists():
            return None
        for kind, one in json.loads(current.read_text())["sets"].items():
            for f in one["files"]:
                path = self.at / "sets" / one["set"] / kind / f["file"]
                if not path.exists() or hashlib.sha256(path.read_bytes()).hexdigest() != f["sha256"]:
                    return str(path)
        return None


def tar(members, end=True, form=tarfile.USTAR_FORMAT):
    """[(name or TarInfo, bytes)]"""
    out = io.BytesIO()
    t = tarfile.open(fileobj=out, mode="w", format=form)
    for name, data in members:
        info = name if isinstance(name, tarfile.TarInfo) else tarfile.TarInfo(name)
        info.size = len(data)
        info.mtime = 1700000000
        t.addfile(info, io.BytesIO(data))
    if end:
        t.close()
    return out.getvalue()


def manifest(contents, **change):
    """pack.json as pack make writes it, of {path: bytes}."""
    kinds = {"database": "database", "rules": "rules", "types": "types", "yara": "yara", "hash-list": "hash-list", "keys": "key",
             "software": "software"}
    o = {"format": "lazaret.pack/1", "made": int(time.time()), "name": "site", "stations": ["any"], "version": 900, "members": [
        {"kind": kinds.get(path.split("/")[0], "database"), "path": path, "sha256": hashlib.sha256(data).hexdigest(), "size": len(data),
         "time": 1700000000} for path, data in contents.items()]}
    o.update(change)
    return (json.dumps(o, indent=1, sort_keys=True) + "\n").encode()


# -- what is right ----------------------------------------------------------------------------------------------------------

def applied(work):
    s = Packs(work, "applied", config="yara:\n  directory: y\n  files: [{file: a.yar, sha256: %s}]\n" %
              hashlib.sha256(b"rule a { condition: false }\n").hexdigest())
    (s.at / "y").mkdir()
    (s.at / "y" / "a.yar").write_bytes(b"rule a { condition: false }\n")
    s.key("vendor")
    bad = b"on the list\n"
    path = s.make(7, *s.database(more="%s:%d:Site-Virus\n" % (hashlib.md5(b"site virus\n").hexdigest(), 11)),
                  "--rules", s.file("new-rules.yaml", EVERYTHING.replace("title: everything", "title: from a pack")),
                  "--yara", s.file("pack.yar", 'rule from_pack { strings: $a = "PACKBAD" condition: $a }\n'),
                  "--hash-list", s.file("list", hashlib.sha256(bad).hexdigest() + "\n"),
                  "--trust-key", s.out / "vendor.pub", "--as", "vendor", "--for", "files",
                  "--software", s.file("lazaret_9.9_amd64.deb", b"no package at all"))
    stock = subprocess.run(["minisign", "-V", "-p", s.out / "updates.pub", "-m", path], capture_output=True, stdin=subprocess.DEVNULL)
    ok(stock.returncode == 0, "stock minisign verifies what pack make signs", stock.stderr)
    listed = subprocess.run(["tar", "-tf", path], capture_output=True, text=True).stdout.split()
    ok(listed[0] == "pack.json" and "database/eicar.hdb" in listed and "keys/vendor.pub" in listed, "an ordinary tar, pack.json first", listed)
    shown = subprocess.run([LAZARET, "pack", "show", "--key", s.out / "updates.pub", path], capture_output=True, text=True)
    ok(shown.returncode == 0 and "signature good" in shown.stdout and "site 7" in shown.stdout and "as vendor, for files" in shown.stdout,
       "pack show tells what is in it", shown.stdout + shown.stderr)
    shown = subprocess.run([LAZARET, "pack", "show", "--key", s.out / "vendor.pub", path], capture_output=True, text=True)
    ok(shown.returncode == 1 and not shown.stdout, "and nothing with another key", shown.stdout + shown.stderr)

    yaml = (s.at / "lazaret.yaml").read_bytes()
    files = {"good.txt": b"all is well\n", "virus.txt": b"site virus\n", "yara.txt": b"words PACKBAD words\n", "list.txt": bad, "eicar.com": EICAR}
    r = s.inspect(files)
    ok(r.verdict("virus.txt") == "approved" and r.json["station"]["sets"] == [], "before: nothing of the pack is in force", r.shown())
    status, text = s.update("apply", path)
    ok(status == 0 and "site 7 is in force" in text, "applied", text)
    ok((s.at / "lazaret.yaml").read_bytes() == yaml, "lazaret.yaml stays as the officer wrote it")
    body = s.records("update-applied")[-1]["body"]
    current = (s.at / "sets" / "current").read_bytes()
    with tarfile.open(path) as t:
        pack_json = t.extractfile("pack.json").read()
    ok(body["version"] == 7 and body["key"] == "updates" and body["pack"] == hashlib.sha256(path.read_bytes()).hexdigest() and
       body["manifest"] == hashlib.sha256(pack_json).hexdigest() and body["sets_sha256"] == hashlib.sha256(current).hexdigest(),
       "the trail has the pack, pack.json and what is in force, by hash", body)
    r = s.inspect(files)
    ok(r.verdict("good.txt") == "approved" and r.verdict("virus.txt") == "blocked" and r.says("yara.txt", "malware", None, "from_pack") and
       r.codes("list.txt") == ["hash-denied"] and r.json["station"]["policy"] == "from a pack", "database, YARA, list and rules work", r.shown())
    ok({x["kind"] for x in r.json["station"]["sets"]} == {"database", "rules", "yara", "hash-list", "software"} and
       all(x["version"] == 7 for x in r.json["station"]["sets"]), "the report says which set", r.json["station"])
    checked = subprocess.run([ROOT / "tests" / "lib" / "validate-report", s.at / "reports" / (r.json["transfer"] + ".json")], capture_output=True)
    ok(checked.returncode == 0, "and is a report", checked.stdout + checked.stderr)
    text = s.lazaret("status").stdout.decode()
    ok("set       database: site 7, 0 days old" in text and "software: site 7" in text and "to be installed" in text, "lazaret status says it", text)
    keys = s.lazaret("key", "list").stdout.decode()
    ok("vendor" in keys and s.records("key-trusted")[-1]["body"]["purposes"] == ["files"], "the key is trusted for what the pack says", keys)
    deb = s.at / "sets" / "site-7" / "software" / "lazaret_9.9_amd64.deb"
    ok(deb.read_bytes() == b"no package at all", "software is laid down, and nobody runs it")

    s.refused(path, "in force already", "the same version again")
    s.refused(s.make(6, *s.database()), "older than the 7", "an older one")
    status, text = s.update("apply", "--older", s.make(6, *s.database()))
    ok(status == 1 and "two persons" in text and s.versions() == {"site": 7}, "and --older takes two persons", text)
    status, text = s.update("apply", s.make(8, *s.database()))
    ok(status == 0 and s.sets()["sets"]["database"]["set"] == "site-8" and s.sets()["sets"]["rules"]["set"] == "site-7",
       "the next one replaces what it brings, and nothing else", text)
    ok(sorted(p.name for p in (s.at / "sets").iterdir()) == [".lock", "current", "site-7", "site-8"], "nothing else lies about")
    status, text = s.update("undo", "--reason", "a try")
    ok(status == 0 and s.sets()["sets"]["database"]["set"] == "site-7" and s.versions() == {"site": 7} and
       s.records("update-undone")[-1]["body"]["reason"] == "a try", "undone: the set before", text)
    ok(s.inspect(files).verdict("virus.txt") == "blocked", "and it works")
    status, text = s.update("undo")
    ok(status == 1 and "nothing to go back to" in text, "one step back is kept, not two", text)
    ok(s.lazaret("audit", "verify").returncode == 0, "the trail verifies")
    (s.at / "sets" / "site-7" / "rules" / "rules.yaml").write_text(EVERYTHING)
    r = s.lazaret("inspect", s.medium({"a": b"x"}))
    ok(r.returncode == 2 and b"not as the update pack brought it" in r.stderr, "a set that was changed stops the station", r.stderr)


def undo_to_nothing(work):
    s = Packs(work, "nothing")
    s.key("vendor")
    status, text = s.update("undo")
    ok(status == 1 and "nothing to go back to" in text, "nothing was applied: nothing to undo", text)
    path = s.make(1, *s.database(), "--trust-key", s.out / "vendor.pub", "--as", "vendor", "--for", "files", "--for", "package")
    ok(s.update("apply", path)[0] == 0 and b"vendor" in s.lazaret("key", "list").stdout, "applied")
    status, text = s.update("undo")
    ok(status == 0 and s.sets()["sets"] == {} and b"vendor" not in s.lazaret("key", "list").stdout,
       "undone: lazaret.yaml alone, and the pack's key is no longer trusted", text)
    ok(s.inspect({"eicar.com": EICAR, "good.txt": b"x\n"}).verdict("eicar.com") == "blocked", "and it works")
    ok(s.update("apply", path)[0] == 0, "what was undone can be applied again")


# -- who may -----------------------------------------------------------------------------------------------------------------

def wrong_signers(work):
    s = Packs(work, "signers")
    s.key("stranger")
    s.refused(s.make(1, *s.database(), key="stranger"), "does not know", "a key that nobody trusts")
    s.key("vendor")
    s.trust("vendor", purpose="files")
    s.refused(s.make(1, *s.database(), key="vendor"), "vendor, which is not trusted for updates", "a key that is trusted for something else")
    s.key("all")
    r = s.lazaret("key", "trust", s.out / "all.pub", "--name", "all", "--yes")
    ok(r.returncode == 0 and "update" not in s.records("key-trusted")[-1]["body"]["purposes"], "no key becomes one for updates by saying nothing")
    s.refused(s.make(1, *s.database(), key="all"), "not trusted for updates", "nor does it sign one")
    s.key("old")
    s.trust("old", "--until", "2999-01-01")
    keys = json.loads((s.at / "trust" / "keys.json").read_text())
    keys["keys"]["old"]["until"] = int(time.time()) - 10
    (s.at / "trust" / "keys.json").write_text(json.dumps(keys))
    s.refused(s.make(1, *s.database(), key="old"), "old, which has expired", "a key that has ended")
    path = s.make(1, *s.database(), key=None)
    path.with_name(path.name + ".minisig").unlink(missing_ok=True)
    s.refused(path, "no signature", "no signature")
    path.with_name(path.name + ".minisig").write_text("untrusted comment: x\nnonsense\n")
    s.refused(path, "none of minisign's", "a signature that is none")
    other = s.make(2, *s.database())
    shutil.copy(str(other) + ".minisig", str(path) + ".minisig")
    s.refused(path, "does not match", "the signature of another pack")
    r = subprocess.run([LAZARET, "pack", "make", "--name", "x", "--version", "1", "--for", "any", "--trust-key", s.out / "old.pub", "--as", "o",
                        "--for", "update", "--out", s.out / "x.lazaret-pack"], capture_output=True, text=True)
    ok(r.returncode == 64 and "brings no key for updates" in r.stderr, "pack make refuses a key for updates", r.stderr)
    key = (s.out / "stranger.pub").read_bytes()
    m = {"keys/stranger.pub": key}
    o = json.loads(manifest(m))
    o["members"][0].update({"for": ["update"], "name": "stranger"})
    text = (json.dumps(o, indent=1, sort_keys=True) + "\n").encode()
    s.refused(s.sign(s.file("k.lazaret-pack", tar([("pack.json", text), ("keys/stranger.pub", key)]))), "cannot bring a key for updates",
              "and so does the station")


def wrong_station(work):
    s = Packs(work, "station")
    text = (s.at / "lazaret.yaml").read_text()
    own = next(line.split("'")[1] for line in text.splitlines() if line.strip().startswith("id:"))
    s.refused(s.make(1, *s.database(), to="0123456789abcdef"), "for another station", "a pack for another station")
    s.refused(s.make(1, *s.database(), to="reactor-2"), "for another station", "a pack for a group that it is not in")
    ok(s.update("apply", s.make(1, *s.database(), to=own))[0] == 0, "its own id is right")
    (s.at / "lazaret.yaml").write_text(text.replace("station:\n", "station:\n  groups: [reactor-2, all-reactors]\n"))
    ok(s.update("apply", s.make(2, *s.database(), to="reactor-2"))[0] == 0, "and so is one of its groups")
    (s.at / "lazaret.yaml").write_text(text.replace("station:\n", "station:\n  groups: [any]\n"))
    r = s.lazaret("status")
    ok(r.returncode != 0 and b"groups: 'any'" in r.stderr, "no group is called any", r.stderr)


def torn(work):
    s = Packs(work, "torn")
    good = s.make(1, *s.database())
    data, sig = good.read_bytes(), pathlib.Path(str(good) + ".minisig").read_text()
    path = s.out / "torn.lazaret-pack"
    for target, whole in ((path, data), (pathlib.Path(str(path) + ".minisig"), sig.encode())):
        bad = []
        for k in range(20):
            path.write_bytes(data)
            pathlib.Path(str(path) + ".minisig").write_text(sig)
            target.write_bytes(whole[:(len(whole) - 2) * k // 19])  # without its last newline alone a signature is whole
            status, text = s.update("apply", path)
            if status != 1 or "refused" not in text or s.versions():
                bad.append((k, status, text))
        ok(not bad, "cut at 20 places: " + target.suffix, bad[:2])
    # one byte of each part: headers and contents of pack.json and of a member, padding, the end; each line of the signature
    places = [0, 100, 124, 148, 156, 257, 512, 600, 1023, len(data) - 1, data.index(b"Eicar-Test"), data.index(b"database/")]
    bad = []
    for at in places:
        flipped = bytearray(data)
        flipped[at] ^= 1
        path.write_bytes(flipped)
        pathlib.Path(str(path) + ".minisig").write_text(sig)
        status, text = s.update("apply", path)
        if status != 1 or "does not match" not in text:
            bad.append((at, status, text))
    ok(not bad, "a byte of each class flipped: the signature does not match", bad[:2])
    lines = sig.splitlines()
    path.write_bytes(data)
    bad = []
    for n, column in ((1, 5), (1, 12), (1, 60), (2, 20), (3, 10)):
        changed = list(lines)
        c = changed[n][column]
        changed[n] = changed[n][:column] + ("A" if c != "A" else "B") + changed[n][column + 1:]
        pathlib.Path(str(path) + ".minisig").write_text("\n".join(changed) + "\n")
        status, text = s.update("apply", path)
        if status != 1 or "refused" not in text:
            bad.append((n, column, status, text))
    ok(not bad and not s.versions(), "and so for the signature's own", bad[:2])


def wrong_contents(work):
    """Signed by the right key, and yet not as pack make writes it."""
    s = Packs(work, "contents")
    db = EICAR_HDB.encode()
    good = {"database/eicar.hdb": db}
    right = ("pack.json", manifest(good))

    def link(name, kind, target="x"):
        i = tarfile.TarInfo(name)
        i.type, i.linkname = kind, target
        return i

    def hostile(name, words, data):
        s.refused(s.sign(s.file("hostile.lazaret-pack", data)), words, name)

    hostile("no pack at all", "it is not as", b"hello\n" * 200)
    hostile("an empty file", "refused", b"")
    hostile("a member that pack.json does not name", "does not name", tar([right, ("database/eicar.hdb", db), ("database/more.hdb", db)]))
    hostile("a member that is missing", "missing", tar([right]))
    hostile("another member", "in the place of database/eicar.hdb stands database/other.hdb", tar([right, ("database/other.hdb", db)]))
    hostile("members in another order", "refused", tar([("database/eicar.hdb", db), right]))
    hostile("another content", "not the content", tar([right, ("database/eicar.hdb", b"x" * len(db))]))
    hostile("more content", "longer", tar([right, ("database/eicar.hdb", db + b"x")]))
    hostile("less content", "not the content", tar([right, ("database/eicar.hdb", db[:-1])]))
    hostile("the same member twice", "more than one of this name", tar([right, ("database/eicar.hdb", db), ("database/eicar.hdb", db)]))
    for path in ("../../rules.yaml", "/etc/passwd", "database/../../x.hdb", "database/sub/x.hdb", "database/.hdb", "other/x.hdb", "database/",
                 "database/a b.hdb", "database/\u202ex.hdb"):
        hostile("the path %r" % path, "it is" if False else "path", tar([("pack.json", manifest({path: db})), ("database/eicar.hdb", db)]))
        hostile("the path %r in the tar alone" % path, "refused", tar([right, (path, db)]))
    hostile("a symbolic link", "refused", tar([right, (link("database/eicar.hdb", tarfile.SYMTYPE, "/etc/passwd"), b"")]))
    hostile("a hard link", "refused", tar([right, (link("database/eicar.hdb", tarfile.LNKTYPE, "pack.json"), b"")]))
    hostile("a directory", "no file", tar([right, (link("database", tarfile.DIRTYPE), b""), ("database/eicar.hdb", db)]))
    hostile("a device", "refused", tar([right, ("database/eicar.hdb", db), (link("dev", tarfile.CHRTYPE), b"")]))
    hostile("bytes behind the end", "behind its end", tar([right, ("database/eicar.hdb", db)]) + b"x" * 512)
    hostile("without its end", "end mark", tar([right, ("database/eicar.hdb", db)], end=False))
    for name, words, change in (
            ("an unknown key", "form", {"extra": 1}), ("a version of 0", "bounds", {"version": 0}), ("no members", "members", {"members": []}),
            ("another format", "form", {"format": "lazaret.pack/2"}), ("nobody's", "stations", {"stations": []}),
            ("a name that is none", "bounds", {"name": "../x"}), ("a version that is text", "form", {"version": "7"}),
            ("a pack of tomorrow", "future", {"made": int(time.time()) + 200000})):
        hostile("pack.json: " + name, words, tar([("pack.json", manifest(good, **change)), ("database/eicar.hdb", db)]))
    hostile("pack.json in other words", "not as `lazaret pack make` writes it",
            tar([("pack.json", manifest(good).replace(b"\n ", b"\n  ")), ("database/eicar.hdb", db)]))
    hostile("pack.json with a key twice", "no JSON", tar([("pack.json", b'{"name":"a","name":"b"}'), ("database/eicar.hdb", db)]))
    for file, words in (("daily.cld", "use the .cvd"), ("local.ign2", "switch detections off"), ("x.yara", "libclamav drops"), ("x.cbc", "bytecode"),
                        ("notes.txt", "no virus database")):
        hostile("a database of the kind " + file, words, tar([("pack.json", manifest({"database/" + file: db})), ("database/" + file, db)]))
    r = subprocess.run([LAZARET, "pack", "make", "--name", "x", "--version", "1", "--for", "any", "--database", s.file("x.ign2", "x"), "--out",
                        s.out / "x.lazaret-pack"], capture_output=True, text=True)
    ok(r.returncode == 64 and "switch detections off" in r.stderr, "pack make refuses it, too", r.stderr)
    ok(not s.versions() and not any(p.name != ".lock" for p in (s.at / "sets").iterdir()), "after all of them: nothing in force, nothing left", list((s.at / "sets").iterdir()))


def self_test(work):
    """Right in form, and the station would not work with it."""
    known = pathlib.Path(work) / "known"
    known.mkdir()
    (known / "tool.txt").write_bytes(b"our own tool\n")
    s = Packs(work, "selftest", config="update:\n  known-good: %s\n" % known)
    other = "%s:%d:Other\n" % (hashlib.md5(b"other").hexdigest(), 5)
    s.refused(s.make(1, "--database", s.file("none.hdb", other)), "self-test", "a database that does not find EICAR")
    s.refused(s.make(1, *s.database(more="%s:%d:Wrong\n" % (hashlib.md5(b"our own tool\n").hexdigest(), 13))), "known to be good (malware",
              "a database that calls a known-good file malware")
    s.refused(s.make(1, *s.database(), "--database", s.file("broken.ldb", "nonsense;;\n")), "broken.ldb", "a database that does not load")
    s.refused(s.make(1, "--database", s.file("daily.cvd", b"ClamAV-VDB:" + b"x" * 501 + b"no signature")), "daily.cvd",
              "a .cvd whose own signature does not hold")
    s.refused(s.make(1, "--rules", s.file("r.yaml", EVERYTHING + "\n  - name: everything\n    match: {type: x/y}\n    verdict: approve\n    why: x\n")),
              "rules.yaml:", "rules with an error")
    s.refused(s.make(1, "--rules", s.file("r.yaml", EVERYTHING.replace("approve", "perhaps"))), "rules.yaml:", "rules with another error")
    s.refused(s.make(1, "--yara", s.file("bad.yar", "rule a { condition: nothing }\n")), "bad.yar:1", "YARA that does not compile")
    s.refused(s.make(1, "--yara", s.file("all.yar", "rule every { condition: filesize > 0 }\n")), "known to be good", "a rule that matches everything")
    s.refused(s.make(1, "--hash-list", s.file("h", hashlib.sha256(b"our own tool\n").hexdigest() + "\n")), "known to be good (hash-denied",
              "a list with a known-good file")
    s.refused(s.make(1, "--hash-list", s.file("h", "nonsense\n")), "denied.sha256", "a list that is none")
    s.refused(s.make(1, "--types", s.file("t.yaml", "format: nonsense\n")), "t.yaml:", "tables of types with an error")
    s.key("vendor")
    s.refused(s.make(1, "--trust-key", s.file("vendor2.pub", "nonsense"), "--as", "v", "--for", "files"), "cannot be trusted", "a key that is none")
    ok(not s.versions() and b" v " not in s.lazaret("key", "list").stdout, "after all of them: nothing in force, nobody trusted")
    ok(s.inspect({"good.txt": b"x\n"}).verdict("good.txt") == "approved", "and the station works")


# -- persons ----------------------------------------------------------------------------------------------------------------

SECRETS = {"admin": "an old administrator", "anna": "the horse eats hay", "ben": "nine green bottles", "olga": "seven seas apart"}


def as_persons(s, names, *args):
    """(status, output); the secrets of these people are given."""
    out, into = os.pipe()
    os.write(into, "".join("%s\n%s\n" % (name, SECRETS[name]) for name in names).encode())
    os.close(into)
    r = subprocess.run([str(LAZARET), "-C", str(s.at), *map(str, args), "--credentials", str(out)], stdin=subprocess.DEVNULL, pass_fds=[out],
                       capture_output=True, text=True, timeout=120, start_new_session=True)
    os.close(out)
    return r.returncode, r.stdout + r.stderr


def add_person(s, by, name, role):
    out, into = os.pipe()
    lines = ([by, SECRETS[by]] if by else []) + [SECRETS[name]]
    os.write(into, "".join(line + "\n" for line in lines).encode())
    os.close(into)
    r = subprocess.run([str(LAZARET), "-C", str(s.at), "person", "add", name, "--role", role, "--credentials", str(out)], pass_fds=[out],
                       stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, start_new_session=True)
    os.close(out)
    assert r.returncode == 0, r.stdout + r.stderr


def persons(work):
    s = Packs(work, "persons")
    for by, name, role in ((None, "admin", "administrator"), ("admin", "anna", "officer"), ("admin", "ben", "officer"), ("admin", "olga", "operator")):
        add_person(s, by, name, role)
    new, old = s.make(5, *s.database()), s.make(4, *s.database())
    status, text = s.update("apply", new)
    ok(status == 2 and "terminal" in text and not s.versions(), "a station with persons asks who it is", text)
    status, text = s.update("apply", "--by", "anna", new)
    ok(status == 64 and not s.versions(), "and believes no --by", text)
    status, text = as_persons(s, ["olga"], "update", "apply", new)
    ok(status == 1 and not s.versions(), "an operator may not", text)
    SECRETS["mistyped"], SECRETS["anna"] = SECRETS["anna"], "not her password"
    status, text = as_persons(s, ["anna"], "update", "apply", new)
    SECRETS["anna"] = SECRETS.pop("mistyped")
    ok(status == 1 and not s.versions(), "nor an officer without her password", text)
    status, text = as_persons(s, ["anna"], "update", "apply", new)
    body = s.records("update-applied")[-1]["body"]
    ok(status == 0 and body["by"] == "anna" and body["second"] == "", "an officer may, and is in the trail", (text, body))
    status, text = as_persons(s, ["anna"], "update", "apply", old)
    ok(status == 1 and "takes two persons" in text, "an older one: refused without --older", text)
    for names, what in ((["anna", "anna"], "one person twice"), (["anna", "olga"], "an officer and an operator"), (["olga", "anna"], "an operator first"),
                        (["anna"], "one person")):
        status, text = as_persons(s, names, "update", "apply", "--older", old)
        ok(status in (1, 2) and s.versions() == {"site": 5}, "an older one: refused by " + what, text)
    status, text = as_persons(s, ["anna", "ben"], "update", "apply", "--older", "--reason", "false alarms", old)
    body = s.records("update-applied")[-1]["body"]
    ok(status == 0 and s.versions() == {"site": 4} and (body["by"], body["second"], body["reason"], body["was"]) == ("anna", "ben", "false alarms", 5),
       "two officers go back, and both are in the trail", (text, body))
    status, text = as_persons(s, ["olga"], "update", "undo")
    ok(status == 1 and s.versions() == {"site": 4}, "an operator undoes nothing", text)
    for names, what in ((["ben"], "one officer"), (["ben", "ben"], "one officer twice"), (["ben", "olga"], "an officer and an operator"), (["admin", "ben"], "an administrator first")):
        status, text = as_persons(s, names, "update", "undo")
        ok(status in (1, 2) and s.versions() == {"site": 4}, "going back: refused by " + what, text)
    # what was agreed to at an appliance's screen (kiosk/update/undo.h): of these bytes, and by persons who may
    (s.at / "updates").mkdir(exist_ok=True)
    sha256 = hashlib.sha256((s.at / "sets/current").read_bytes()).hexdigest()
    for what, by, second, of, words in (("of something else", "ben", "anna", "0" * 64, "nobody has agreed"), ("by one person twice", "ben", "ben", sha256, "must be another one"),
                                        ("by an operator", "olga", "ben", sha256, "must be an officer"), ("with an operator", "ben", "olga", sha256, "an officer or an administrator"),
                                        ("with nobody", "ben", "nobody", sha256, "must be another one")):
        (s.at / "updates/undo.approved").write_text(json.dumps({"by": by, "second": second, "reason": "x", "sha256": of}))
        status, text = s.update("undo", "--approved")
        ok(status == 1 and words in text and s.versions() == {"site": 4} and words in s.records("update-refused")[-1]["body"]["why"], "agreed to " + what + ": refused", text)
    (s.at / "updates/undo.approved").unlink()
    status, text = s.update("undo", "--approved")
    ok(status == 1 and "nobody has agreed" in text and s.versions() == {"site": 4}, "agreed to by nobody: refused", text)
    status, text = as_persons(s, ["ben", "admin"], "update", "undo")
    body = s.records("update-undone")[-1]["body"]
    ok(status == 0 and s.versions() == {"site": 5} and (body["by"], body["second"]) == ("ben", "admin"), "an officer does, with an administrator", (text, body))


# -- packs on media ----------------------------------------------------------------------------------------------------------

def offered(work):
    s = Packs(work, "offered")
    s.key("vendor")
    s.trust("vendor", purpose="files")
    good, other, bare = s.make(3, *s.database()), s.make(4, *s.database(), key="vendor"), s.make(5, *s.database(), key=None)
    stock = s.make(6, *s.database(), key=None)
    s.sign(stock)
    torn_at = s.make(7, *s.database())
    files = {"in/" + p.name: p.read_bytes() for p in (good, other, bare, stock, torn_at)}
    files.update({"in/" + p.name + ".minisig": pathlib.Path(str(p) + ".minisig").read_bytes() for p in (good, other, stock, torn_at)})
    files["in/" + torn_at.name] = files["in/" + torn_at.name][:-600]
    files["in/odd name.lazaret-pack"] = good.read_bytes()
    files["in/odd name.lazaret-pack.minisig"] = files["in/" + good.name + ".minisig"]
    r = s.inspect(files)

    def notes(name):
        return " ".join(r.files["in/" + name].get("notes", []))

    ok(r.json["outcome"] == "published" and "kept for the officer; signed by the key: updates" in notes(good.name), "a pack on a medium is kept",
       (r.shown(), notes(good.name)))
    ok("not trusted for updates" in notes(other.name) and "no signature" in notes(bare.name) and "does not match" in notes(torn_at.name),
       "not those of another key, without signature or cut off", [notes(p.name) for p in (other, bare, torn_at)])
    kept = sorted(p.name for p in (s.at / "updates").iterdir())
    ok(kept == sorted(p.name + end for p in (good, stock) for end in ("", ".minisig", ".json")), "and nothing else is", kept)
    ok((s.at / "updates" / good.name).read_bytes() == good.read_bytes(), "byte for byte")
    bodies = [b["body"] for b in s.records("update-offered")]
    ok([(b["pack"], b["name"], b["version"], b["from"]) for b in bodies] ==
       [(good.name, "site", 3, r.json["transfer"]), (stock.name, "", 0, r.json["transfer"])], "the trail has it", bodies)
    status, text = s.update("list")
    ok(status == 0 and "%s, site 3, from %s" % (good.name, r.json["transfer"]) in text, "it is offered", text)
    status, text = s.update("apply", good.name)
    ok(status == 0 and s.versions() == {"site": 3} and not (s.at / "updates" / good.name).exists(), "and applied by its name", text)
    s.inspect({good.name: good.read_bytes(), good.name + ".minisig": files["in/" + good.name + ".minisig"]})
    text = s.update("list")[1]
    ok(good.name in text and "in force already" in text, "brought again, it is said what would become of it", text)
    ok(s.update("drop", good.name)[0] == 0 and good.name not in s.update("list")[1], "and dropped")
    ok(s.update("drop", "../lazaret.yaml")[0] == 2 and (s.at / "lazaret.yaml").exists(), "nothing else can be")
    data, sig = good.read_bytes(), files["in/" + good.name + ".minisig"]
    many = {"p%02d.lazaret-pack%s" % (k, end): content for k in range(20) for end, content in (("", data), (".minisig", sig))}
    s.inspect(many)
    kept = list((s.at / "updates").glob("*.json"))
    ok(len(kept) == 16, "no more are kept than a screen has room for", len(kept))


# -- power cuts --------------------------------------------------------------------------------------------------------------

SYSCALLS = {74: "fsync", 77: "ftruncate", 82: "rename", 258: "mkdirat", 263: "unlinkat", 264: "renameat", 316: "renameat2"}  # x86-64


def run_until(argv, stop_at):
    """Run and SIGKILL before the system call of that number among those of SYSCALLS. Returns (how many there were, exit status or None)."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.ptrace.argtypes = [ctypes.c_long] * 4
    libc.ptrace.restype = ctypes.c_long
    pid = os.fork()
    if pid == 0:
        os.setsid()
        null = os.open(os.devnull, os.O_RDWR)
        for fd in range(3):
            os.dup2(null, fd)
        if libc.ptrace(0, 0, 0, 0) < 0:  # PTRACE_TRACEME
            os._exit(99)
        os.execv(argv[0], [os.fsencode(a) for a in argv])
    seen, is_entry = 0, True
    _, status = os.waitpid(pid, 0)
    if not os.WIFSTOPPED(status):
        return -1, status
    libc.ptrace(0x4200, pid, 0, 0x100001)  # PTRACE_SETOPTIONS: TRACESYSGOOD, EXITKILL
    pending = 0
    while True:
        libc.ptrace(24, pid, 0, pending)  # PTRACE_SYSCALL
        pending = 0
        _, status = os.waitpid(pid, 0)
        if os.WIFEXITED(status) or os.WIFSIGNALED(status):
            return seen, os.waitstatus_to_exitcode(status)
        if os.WSTOPSIG(status) != signal.SIGTRAP | 0x80:
            pending = 0 if os.WSTOPSIG(status) == signal.SIGTRAP else os.WSTOPSIG(status)
            continue
        if is_entry and libc.ptrace(3, pid, 15 * 8, 0) in SYSCALLS:  # PTRACE_PEEKUSER, ORIG_RAX
            if seen == stop_at:
                os.killpg(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
                return seen, None
            seen += 1
        is_entry = not is_entry


def power_cut(work):
    if platform.machine() != "x86_64":
        skip("killed at each point of apply", "numbers of system calls are those of x86-64")
        return
    s = Packs(work, "cut")
    s.key("vendor")
    ok(s.update("apply", s.make(1, *s.database()))[0] == 0, "one set is in force")
    path = s.make(2, *s.database(), "--rules", s.file("r.yaml", EVERYTHING), "--trust-key", s.out / "vendor.pub", "--as", "vendor", "--for", "files")
    argv = [str(LAZARET), "-C", str(s.at), "update", "apply", str(path)]
    points, k, bad, states = 0, 0, [], []
    while True:
        seen, status = run_until(argv, k)
        if seen < 0:
            skip("killed at each point of apply", "processes cannot be traced here")
            return
        if status is not None:
            break
        points += 1
        version, wrong = s.versions(), s.whole()
        states.append(version["site"])
        if version["site"] not in (1, 2) or wrong:
            bad.append((k, version, wrong))
        if version["site"] == 2:  # the rename was done: back, for the next point
            if s.lazaret("update", "undo").returncode != 0:
                bad.append((k, "no way back"))
                break
            if len(states) > 1 and states[-2] == 2:
                break
        k += 1
    ok(points >= 15 and not bad and set(states) == {1, 2}, "killed before each of %d calls that change a disk: the old set or the new one, whole" % points,
       (points, bad, states))
    ok(states == sorted(states), "old before the one rename, new behind it", states)
    if s.versions()["site"] == 1:
        status, text = s.update("apply", path)
        ok(status == 0, "and then it is applied", text)
    ok(sorted(p.name for p in (s.at / "sets").iterdir()) == [".lock", "current", "site-1", "site-2"], "what was left has been cleaned up",
       sorted(p.name for p in (s.at / "sets").iterdir()))
    ok(s.inspect({"good.txt": b"x\n"}).verdict("good.txt") == "approved" and s.lazaret("audit", "verify").returncode == 0, "the station works")


def one_at_a_time(work):
    import fcntl
    s = Packs(work, "lock")
    path = s.make(1, *s.database())
    (s.at / "sets").mkdir()
    fd = os.open(s.at / "sets" / ".lock", os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(fd, fcntl.LOCK_EX)
    status, text = s.update("apply", path)
    os.close(fd)
    os.unlink(s.at / "sets" / ".lock")
    anybody = os.open(s.at / "sets", os.O_RDONLY)  # as every local account can
    fcntl.flock(anybody, fcntl.LOCK_EX)
    told = s.update("apply", s.out / "none.lazaret-pack")[1]
    os.close(anybody)
    ok("another update" not in told and (s.at / "sets" / ".lock").stat().st_mode & 0o777 == 0o600, "no other account can hold the lock", told)
    ok(status == 2 and "another update" in text and not s.versions(), "one update at a time", text)
    os.chmod(s.at / "audit" / "audit.jsonl", 0o400) if os.geteuid() != 0 else os.rename(s.at / "audit", s.at / "audit.away")
    status, text = s.update("apply", path)
    ok(status != 0 and not s.versions() and not (s.at / "sets" / "current").exists(), "no trail, no change", text)


def main():
    work = pathlib.Path(tempfile.mkdtemp(prefix="lazaret-update."))
    os.chmod(work, 0o755)
    tests = (applied, undo_to_nothing, wrong_signers, wrong_station, torn, wrong_contents, self_test, persons, offered, power_cut, one_at_a_time)
    try:
        for test in tests:
            if sys.argv[1:] and test.__name__ not in sys.argv[1:]:
                continue
            (work / test.__name__).mkdir()
            os.chmod(work / test.__name__, 0o755)
            test(work / test.__name__)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return finish()


if __name__ == "__main__":
    sys.exit(main())
