# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""A real station some of whose programs are hostile (Makefile.inc), and a medium for which all roles are needed."""
import hashlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import time

import certificates
from containers import FORMATS
from inside import EVERYTHING
from liars import inspection
from tap import BUILD, EICAR, ROOT, make_databases

TEXT = b"A plain line of text.\n" * 20
HEAD = 16  # of the file of results: hostile.c
RESULTS_BYTES = 1 << 20
YARA = b'rule site_bad { strings: $a = "SITEBAD" condition: $a }\n'
# Which file of the medium nobody but this role (its parent, its worker) can answer for.
CONCERNS = {"unpack": "a.zip", "ole": "a.doc", "pdf": "a.pdf", "disk": "a.qcow2", "openpgp": "signed.txt", "cms": "covered.txt",
            "rpm": "a.rpm", "authenticode": "a.exe", "origin": "SHA256SUMS"}


def run(argv, **kw):
    return subprocess.run([str(a) for a in argv], check=True, stdin=subprocess.DEVNULL, capture_output=True, **kw).stdout


def specimens(work):
    """{path: bytes} that takes every role of an inspection to examine."""
    member = {"inside.txt": TEXT}
    files = {"plain.txt": TEXT, "eicar.com": EICAR, "listed.txt": TEXT + b"1", "signed.txt": TEXT + b"2", "covered.txt": TEXT + b"3"}
    for path, name in (("a.zip", "zip"), ("a.doc", "ole2"), ("a.pdf", "pdf"), ("a.qcow2", "qcow2"), ("a.rpm", "rpm")):
        files[path] = FORMATS[name].make(member)
    files["SHA256SUMS"] = ("%s  listed.txt\n" % hashlib.sha256(files["listed.txt"]).hexdigest()).encode()
    at = work / "signing"
    at.mkdir()
    (at / "signed.txt").write_bytes(files["signed.txt"])
    (at / "covered.txt").write_bytes(files["covered.txt"])
    home = at / "gnupg"
    home.mkdir(mode=0o700)
    gpg = ["gpg", "--homedir", home, "--batch", "--quiet", "--passphrase", "", "--pinentry-mode", "loopback"]
    run([*gpg, "--quick-gen-key", "a stranger", "ed25519", "sign"])
    run([*gpg, "--detach-sign", "--armor", "-o", at / "sig.asc", at / "signed.txt"])
    subprocess.run(["gpgconf", "--homedir", str(home), "--kill", "all"], check=False, capture_output=True)
    files["signed.txt.asc"] = (at / "sig.asc").read_bytes()
    run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", at / "k.pem", "-out", at / "c.pem", "-subj", "/CN=stranger"])
    run(["openssl", "cms", "-sign", "-binary", "-outform", "DER", "-signer", at / "c.pem", "-inkey", at / "k.pem", "-in", at / "covered.txt",
         "-out", at / "sig.p7s"])
    files["covered.txt.p7s"] = (at / "sig.p7s").read_bytes()
    (at / "in.exe").write_bytes(certificates.program(True))
    run(["osslsigncode", "sign", "-certs", at / "c.pem", "-key", at / "k.pem", "-in", at / "in.exe", "-out", at / "out.exe"])
    files["a.exe"] = (at / "out.exe").read_bytes()
    return files


class Result:
    def __init__(self, status, out, err, seconds):
        self.status, self.err, self.seconds = status, err, seconds
        try:
            self.report = json.loads(out)
        except ValueError:
            self.report = None
        self.files = {f["path"]: f for f in self.report["files"]} if self.report else {}

    def verdict(self, path):
        return self.files[path]["verdict"] if path in self.files else "absent"

    def approved(self):
        return sorted(p for p, f in self.files.items() if f["verdict"] == "approved")

    def shown(self):
        return "status %s after %.1f s, %s\n%s\n%s" % (
            self.status, self.seconds, self.report and self.report["outcome"], self.err.decode(errors="replace")[-3000:],
            "\n".join("%s: %s %s" % (p, f["verdict"], [(r["code"], r["detail"]) for r in f["reasons"]]) for p, f in self.files.items()))


class Station:
    """`hostile`: the programs that are. `limits`: lines of lazaret.yaml. Every path is readable by all accounts."""

    def __init__(self, work, files, hostile=(), config="", image=True):
        work.mkdir()
        os.chmod(work, 0o755)
        self.work, self.bin, self.at, self.results = work, work / "build" / "bin", work / "station", work / "results"
        self.bin.mkdir(parents=True)
        os.symlink(ROOT / "rules", work / "rules")
        for p in (BUILD / "bin").iterdir():
            place(p, self.bin / p.name)
        for name in hostile:
            self.replace(name)
        run([self.bin / "lazaret", "init", self.at, "--db", make_databases(work / "db")])
        (self.at / "rules.yaml").write_text(EVERYTHING)
        plugin = work / "plugin" / "known-bad"
        plugin.parent.mkdir()
        shutil.copy(ROOT / "docs/examples/plugins/known-bad", plugin)
        (plugin.parent / "known-bad.txt").write_text("# none\n")
        (work / "yara").mkdir()
        (work / "yara" / "site.yar").write_bytes(YARA)
        with open(self.at / "lazaret.yaml", "a", encoding="utf-8") as f:
            f.write("\nyara:\n  directory: %s\n  files:\n    - file: site.yar\n      sha256: %s\n" % (work / "yara", hashlib.sha256(YARA).hexdigest()))
            f.write("plugins:\n  - name: known-bad\n    program: %s\n    sha256: %s\n" % (plugin, hashlib.sha256(plugin.read_bytes()).hexdigest()))
            f.write("filesystems:\n  ext: user\n" + config)
        self.contents = files
        tree = work / "tree"
        for path, data in files.items():
            (tree / path).parent.mkdir(parents=True, exist_ok=True)
            (tree / path).write_bytes(data)
        self.medium = tree
        if image:
            self.medium = work / "medium.img"
            with open(self.medium, "wb") as f:
                f.truncate(32 << 20)
            run(["mkfs.ext4", "-q", "-F", "-O", "^has_journal", "-d", tree, self.medium])

    def replace(self, name, by=None):
        (self.bin / name).unlink(missing_ok=True)
        place(by or BUILD / "hostile" / "bin" / name, self.bin / name)

    def restore(self, name):
        self.replace(name, BUILD / "bin" / name)

    def order(self, role, act, lies=(), **more):
        with open(self.results, "wb") as f:
            f.truncate(RESULTS_BYTES)
            f.seek(0)
        os.chmod(self.results, 0o666)
        lines = {"role": role, "act": act, "results": self.results, "key": self.at / "keys" / "manifest.key", "copies": self.at / "lazaret.yaml",
                 **more}
        with open(self.bin / "hostile", "w", encoding="utf-8") as f:
            f.writelines("%s %s\n" % pair for pair in lines.items())
            f.writelines("lie %d %s\n" % (kind, payload.hex()) for kind, payload in lies)

    def peace(self):
        (self.bin / "hostile").unlink(missing_ok=True)

    def told(self):
        return [line.split() for line in self.results.read_bytes()[HEAD:].rstrip(b"\0").decode().splitlines()]

    def inspect(self, patience=120, interrupt_after=None):
        return Result(*inspection(self.bin, self.at, self.medium, patience, interrupt_after))

    def left_behind(self, wait_s=5):
        """Processes of this station's programs that outlived it."""
        end = time.monotonic() + wait_s
        while True:
            found = []
            for p in pathlib.Path("/proc").iterdir():
                try:
                    if p.name.isdigit() and os.path.realpath(p / "exe").startswith(str(self.work) + "/"):
                        found.append((int(p.name), os.path.basename(os.readlink(p / "exe"))))
                except OSError:
                    continue
            if not found or time.monotonic() > end:
                return found
            time.sleep(0.1)

    def published(self):
        """[(name of the transfer, path, bytes)]"""
        return [(t.name, str(p.relative_to(t / "files")), p.read_bytes()) for t in (self.at / "staging").iterdir() if not t.name.startswith(".")
                for p in (t / "files").rglob("*") if p.is_file()]

    def verify(self):
        key = self.at / "keys" / "manifest.pub"
        dirs = [t for t in (self.at / "staging").iterdir() if not t.name.startswith(".")]
        return [t.name for t in dirs if subprocess.run([self.bin / "lazaret-verify", "--key", key, t], capture_output=True, check=False).returncode]

    def audit_verifies(self):
        return subprocess.run([self.bin / "lazaret", "-C", self.at, "audit", "verify"], capture_output=True, check=False)


def place(source, to):
    """A copy of its own: /proc/self/exe names where it stands. A link where the file system allows one."""
    try:
        os.link(source, to)
    except OSError:
        shutil.copy(source, to)


def messages():
    """[(name, sender, channel, states, number of descriptors, [fields])] of messages.def, in order."""
    text = (ROOT / "kiosk" / "ipc" / "messages.def").read_text(encoding="utf-8")
    found, comment = [], ""
    for part in re.findall(r"/\*.*?\*/|^M\(.*?\)$", text, re.M | re.S):
        if part.startswith("/*"):
            comment = " ".join(part[2:-2].replace("\n *", " ").split())
        else:
            name, sender, channel, states, _, _, fds = [x.strip() for x in part[2:-1].split(",")]
            found.append((name, sender, channel, states, int(fds), comment))
            comment = ""
    return found
