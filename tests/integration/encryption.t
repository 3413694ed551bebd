#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""The encrypted data partition of an appliance (data-encryption): what is refused, who can open it, how the site gets at its key, another
board, and a power cut before each step. LUKS2 is real, in a file; the kernel does not map it, and the TPM is played by a file that gives its
key. With both: tests/image, `encrypted_*`.
"""
import hashlib
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
from tap import ROOT, finish, ok, skip  # noqa: E402

APPLIANCE = ROOT / "image/appliance"
SCRIPT = APPLIANCE / "tree/usr/lib/lazaret/data-encryption"
SCRATCH = pathlib.Path(tempfile.mkdtemp(prefix="lazaret-encryption."))
ENV = {**os.environ, "PATH": os.environ.get("PATH", "") + ":/usr/sbin:/sbin", "LC_ALL": "C.UTF-8"}
GUID = "8be4df61-93ca-11d2-aa0d-00e098032b8c"
MAPPED = "/dev/mapper/data\n"
# What systemd-cryptenroll (252) does to the header, with a key that a file keeps; nothing, when there is a token for the same PCRs, whoever's TPM it
# was. The plug-in for this token looks at its fields, if it is installed.
ENROLL = r'''
for a in "$@"; do case $a in --unlock-key-file=*) unlock=${a#*=} ;; esac; device=$a; done
[ -e %(tpm)s ] || exit 1
! cryptsetup luksDump "$device" | grep -q ': systemd-tpm2$' || exit 0
head -c 32 /dev/urandom >%(tpm)s
cryptsetup -q luksAddKey --pbkdf pbkdf2 --pbkdf-force-iterations 1000 --key-file "$unlock" "$device" %(tpm)s
slot=$(cryptsetup open -v --test-passphrase --key-file %(tpm)s "$device" | sed -n 's/^Key slot \([0-9]*\) .*/\1/p')
echo '{"type":"systemd-tpm2","keyslots":["'$slot'"],"tpm2-blob":"AAAA","tpm2-pcrs":[7],"tpm2-policy-hash":"00"}' | cryptsetup token import --json-file - "$device"
'''
# A token's key comes from that file, and nothing is mapped.
OPEN = r'''
case " $* " in *" --token-only "*) ;; *) exec %(real)s "$@" ;; esac
for a in "$@"; do last=$device; device=$a; done
[ -e "$device" ] || device=$last
exec %(real)s open --test-passphrase --key-file %(tpm)s "$device"
'''


def run(*command, check=True, **env):
    done = subprocess.run([str(c) for c in command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=300,
                          env={**ENV, **{k: str(v) for k, v in env.items()}}, check=False)
    if check and done.returncode:
        raise RuntimeError("%s: %d\n%s%s" % (command, done.returncode, done.stdout, done.stderr))
    return done


def certificate(name, *kind):
    run("openssl", "req", "-x509", "-noenc", "-days", "2", "-subj", "/CN=" + name, *kind, "-keyout", SCRATCH / (name + ".key"), "-out", SCRATCH / (name + ".crt"))
    return SCRATCH / (name + ".crt"), SCRATCH / (name + ".key")


class Board:
    """A disk in a board with Secure Boot and a TPM."""

    def __init__(self, name, crt):
        self.dir = SCRATCH / name
        self.sys, self.site, self.run, self.esp, self.shims = (self.dir / n for n in ("sys", "site", "run", "esp", "shims"))
        for d in (self.sys / "class/tpmrm/tpmrm0", self.sys / "class/tpm/tpm0/pcr-sha256", self.sys / "firmware/efi/efivars", self.site, self.run, self.esp / "lazaret", self.shims):
            d.mkdir(parents=True)
        self.disk, self.tpm, self.given = self.dir / "disk", self.dir / "tpm", self.esp / "lazaret/data.key"
        with open(self.disk, "wb") as f:
            f.truncate(32 << 20)
        shutil.copy(crt, self.site / "recovery.crt")
        self.firmware(1, 0, "3F" * 32)
        self.tpm.write_bytes(b"")
        self.shim("modprobe", "exit 0")
        self.words = {"tpm": self.tpm, "real": shutil.which("cryptsetup", path=ENV["PATH"])}
        self.shim("cryptsetup", OPEN % self.words)
        self.shim("systemd-cryptenroll", "set -e\n" + ENROLL % self.words)

    def shim(self, name, body):
        (self.shims / name).write_text("#!/bin/sh\n" + body + "\n")
        (self.shims / name).chmod(0o755)

    def firmware(self, secure, setup, pcr7):
        for name, value in (("SecureBoot", secure), ("SetupMode", setup)):
            (self.sys / "firmware/efi/efivars" / ("%s-%s" % (name, GUID))).write_bytes(bytes([6, 0, 0, 0, value]))
        (self.sys / "class/tpm/tpm0/pcr-sha256/7").write_text(pcr7 + "\n")

    def call(self, *args):
        return subprocess.run([str(SCRIPT), *map(str, args)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=300, check=False,
                              env={**ENV, "SYSFS": str(self.sys), "SITE": str(self.site), "RUN": str(self.run), "ESP": str(self.esp), "PATH": "%s:%s" % (self.shims, ENV["PATH"])},
                              start_new_session=True)

    def make(self):
        return self.call("make", self.disk)

    def open(self):
        return self.call("open", self.disk, "none")

    def dump(self):
        return run("cryptsetup", "luksDump", self.disk).stdout

    def recovery(self, key):
        done = run(APPLIANCE / "recovery-key", self.disk, key, check=False)
        return done.stdout if done.returncode == 0 else None

    def opens(self, key):
        path = self.dir / "try"
        path.write_text(key)
        return run("cryptsetup", "open", "--test-passphrase", "--key-file", path, self.disk, check=False).returncode == 0

    def is_settled(self, key):
        """The TPM and the site can open it, and nobody else."""
        dump = self.dump()
        return (dump.count(": luks2\n"), dump.count(": lazaret-recovery\n"), dump.count(": systemd-tpm2\n")) == (2, 1, 1) and self.recovery(key) is not None and \
            run("cryptsetup", "open", "--test-passphrase", "--key-file", self.tpm, self.disk, check=False).returncode == 0 and not self.given.exists()


def refused(board, done, words):
    return done.returncode == 3 and words in " ".join(done.stdout.split()) and max(map(len, done.stdout.splitlines())) <= 80 and not list(board.run.iterdir())


def first_boot(crt, key):
    b = Board("first", crt)
    for what, firmware, words in (("Secure Boot off", (0, 0, "3F" * 32), "Secure Boot is off"), ("set-up mode", (1, 1, "3F" * 32), "Secure Boot is off"),
                                  ("a firmware that measures nothing", (1, 0, "00" * 32), "PCR 7, SHA-256, is empty")):
        b.firmware(*firmware)
        done = b.make()
        ok(refused(b, done, words) and not b.disk.read_bytes().strip(b"\0"), "not made with %s: words, and the disk is untouched" % what, done)
    b.firmware(1, 0, "3F" * 32)
    (b.sys / "class/tpmrm/tpmrm0").rename(b.dir / "away")
    done = b.make()
    ok(refused(b, done, "no TPM 2.0 that answers") and not b.disk.read_bytes().strip(b"\0"), "nor without a TPM", done)
    (b.dir / "away").rename(b.sys / "class/tpmrm/tpmrm0")
    (b.sys / "firmware/efi/efivars").rename(b.dir / "away")
    ok(refused(b, b.make(), "Secure Boot is off"), "nor by a firmware that is no UEFI")
    (b.dir / "away").rename(b.sys / "firmware/efi/efivars")
    done = b.make()
    dump = b.dump()
    ok(done.returncode == 0 and done.stdout == MAPPED and b.is_settled(key), "made: the TPM and the site can open it", done)
    ok("cipher: aes-xts-plain64" in dump and "argon" not in dump and not list(b.run.iterdir()), "as it should be, and no key is left behind", dump)
    secret = b.recovery(key)
    ok(secret and len(secret) == 64 and b.opens(secret) and secret.encode() not in b.disk.read_bytes(), "the key that the site decrypts opens it, and is nowhere in clear", secret)
    ok(b.recovery(SCRATCH / "other.key") is None, "another key than the site's gets nothing")
    c = Board("no-seal", crt)
    c.shim("systemd-cryptenroll", "exit 1")
    ok(refused(c, c.make(), "does not keep a key, or does not give it back. The data partition was not made."), "a TPM that seals nothing: words")
    header = b.disk.read_bytes()
    done = b.open()
    ok(done.returncode == 0 and done.stdout == MAPPED and b.disk.read_bytes() == header, "each boot: by the TPM, and nothing is written", done)
    b.tpm.write_bytes(b"another")
    done = b.open()
    ok(refused(b, done, "does not give the key") and "Recovery" in done.stdout and b.disk.read_bytes() == header, "another TPM: words, and nothing is changed", done)
    b.firmware(0, 0, "3F" * 32)
    done = b.open()
    ok(refused(b, done, "Secure Boot is off") and b.disk.read_bytes() == header, "Secure Boot was switched off: words that say so", done)
    b.firmware(1, 0, "3F" * 32)
    (b.sys / "class/tpmrm/tpmrm0").rmdir()
    done = b.open()
    ok(refused(b, done, "no TPM 2.0 that answers") and b.disk.read_bytes() == header, "no TPM any more: words that say so", done)


def edit_header(disk, old, new):
    """In the segments, as somebody would who wants the station to write in clear: both copies, with right sums (LUKS2 on-disk format, 2.1)."""
    data = bytearray(disk.read_bytes())
    for at, size in ((0, 16384), (16384, 16384)):
        text = bytes(data[at + 4096:at + size])
        segments = text.index(b'"segments"')
        text = text[:segments] + text[segments:].replace(old, new, 1)
        data[at + 4096:at + size] = (text + bytes(64))[:size - 4096]
        data[at + 448:at + 512] = bytes(64)
        data[at + 448:at + 480] = hashlib.sha256(data[at:at + size]).digest()
    disk.write_bytes(data)


def other_kinds(crt):
    b = Board("kinds", crt)
    run("mkfs.ext4", "-q", "-F", b.disk)
    before = b.disk.read_bytes()
    done = b.open()
    ok(refused(b, done, "not encrypted") and b.disk.read_bytes() == before, "a plain partition is refused, and not written", done)
    b = Board("header", crt)
    ok(b.make().returncode == 0, "a disk whose header is edited")
    made = b.disk.read_bytes()
    for cipher in ("cipher_null-ecb", "aes-cbc-essiv:sha256"):
        b.disk.write_bytes(made)
        edit_header(b.disk, b'"encryption":"aes-xts-plain64"', b'"encryption":"%s"' % cipher.encode())
        before = b.disk.read_bytes()
        done = b.open()
        ok(refused(b, done, "names another cipher") and "cipher: " + cipher in b.dump() and b.disk.read_bytes() == before, "one that says %s is refused" % cipher, done)


def another_board(crt, key):
    b = Board("another", crt)
    ok(b.make().returncode == 0, "a disk")
    old = b.recovery(key)
    b.tpm.write_bytes(b"another")
    b.given.write_text("0" * 64)
    before = b.disk.read_bytes()
    done = b.open()
    ok(refused(b, done, "data.key on the boot partition does not open") and b.disk.read_bytes() == before and b.given.exists(), "a data.key that does not fit changes nothing", done)
    b.given.write_text(old + "\r\n")
    b.firmware(0, 0, "3F" * 32)
    done = b.open()
    ok(refused(b, done, "Secure Boot is off") and b.disk.read_bytes() == before and b.given.exists(), "without Secure Boot nothing is given to another TPM", done)
    b.firmware(1, 0, "3F" * 32)
    done = b.open()
    new = b.recovery(key)
    ok(done.returncode == 0 and done.stdout == MAPPED and b.is_settled(key), "with it the other board takes the disk over, and data.key is gone", done)
    ok(new and new != old and not b.opens(old), "the key that lay on the boot partition opens nothing any more; the site can decrypt the new one")
    ok(b.open().returncode == 0, "and the next boot needs nothing")
    b.given.write_text(old)
    before = b.disk.read_bytes()
    done = b.open()
    ok(done.returncode == 0 and not b.given.exists() and b.disk.read_bytes() == before and "was not needed" in done.stderr, "a data.key that nobody needs does not stay", done)
    b.given.mkdir()
    ok(b.open().returncode == 0, "one that is no file is not looked at")
    b.given.rmdir()
    b.given.write_text("old")
    b.shim("rm", 'case "$*" in *data.key*) exit 1 ;; esac; exec %s "$@"' % shutil.which("rm", path=ENV["PATH"]))
    done = b.open()
    ok(done.returncode == 0 and "could not be removed" in done.stderr, "a boot partition that cannot be written stops nobody", done)


def power_cuts(crt, key):
    """Killed before the Nth program that changes anything, until it ends by itself; then the machine is switched on again."""
    b = Board("cuts", crt)
    counter = b.dir / "counter"
    cut = 'n=$(($(cat %s) - 1)); echo $n >%s; [ $n -ne 0 ] || kill -9 0\n' % (counter, counter)
    for name in ("openssl", "dd", "rm"):
        b.shim(name, cut + 'exec %s "$@"' % shutil.which(name, path=ENV["PATH"]))
    b.shim("cryptsetup", 'case " $* " in *" luksFormat "* | *" luksAddKey "* | *" luksKillSlot "* | *" token import "* | *" token remove "*)\n%s ;; esac\n' % cut + OPEN % b.words)
    b.shim("systemd-cryptenroll", cut + "set -e\n" + ENROLL % b.words)

    def each(begin, then, prepare, lost):
        n, ended = 0, False
        while not ended and n < 80:
            n += 1
            prepare()
            counter.write_text("%d\n" % n)
            ended = begin().returncode == 0
            counter.write_text("100000\n")
            for left in b.run.iterdir():  # memory: the power is off
                shutil.rmtree(left)
            then(n, lost)
        return n, ended

    lost = []
    def whole(n, lost):
        done = b.make()
        if done.returncode or not b.is_settled(key):
            lost.append((n, done.stdout[-300:], done.stderr[-300:], [l for l in b.dump().splitlines() if l.startswith("  ")]))
    n, ended = each(b.make, whole, lambda: None, lost)
    ok(ended and n > 5 and not lost, "making it is cut before each of %d programs: the next boot makes it" % n, lost)

    kept, known = b.disk.read_bytes(), b.recovery(key)
    def moved():
        b.disk.write_bytes(kept)
        b.tpm.write_bytes(b"another")
        b.given.write_text(known)
    def taken(n, lost):
        done = b.open()
        if done.returncode or not b.is_settled(key) or b.opens(known):
            lost.append((n, done.stdout[-300:], done.stderr[-300:], [l for l in b.dump().splitlines() if l.startswith("  ")]))
    lost = []
    n, ended = each(b.open, taken, moved, lost)
    ok(ended and n > 8 and not lost, "taking it over is cut before each of %d programs: the next boot ends it" % n, lost)


def certificates(site):
    check = APPLIANCE / "recovery-certificate"
    for name, kind in (("rsa", ("-newkey", "rsa:2048")), ("ec", ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"))):
        crt, key = certificate(name, *kind)
        shutil.copy(crt, site / "recovery.crt")
        ok(run(check, site, check=False).returncode == 0, "a certificate with a key of kind %s will do" % name)
        b = Board("with-" + name, crt)
        ok(b.make().returncode == 0 and b.is_settled(key), "and what is encrypted to it comes out")
    for what, words in (("missing", "takes SITE with recovery.crt"), ("key", "is a secret key"), ("beside", "is a secret key"), ("nonsense", "nothing can be encrypted")):
        (site / "recovery.key").unlink(missing_ok=True)
        shutil.copy(SCRATCH / "rsa.crt", site / "recovery.crt")
        if what == "missing":
            (site / "recovery.crt").unlink()
        elif what == "key":
            (site / "recovery.crt").write_text((SCRATCH / "rsa.crt").read_text() + (SCRATCH / "rsa.key").read_text())
        elif what == "beside":
            shutil.copy(SCRATCH / "rsa.key", site / "recovery.key")
        else:
            (site / "recovery.crt").write_text("nonsense\n")
        done = run(check, site, check=False)
        ok(done.returncode == 1 and words in done.stderr, "refused before the image is built: " + what, done)
    done = run(APPLIANCE / "build", SCRATCH / "out", check=False, IMAGE_ENCRYPT="luks")
    ok(done.returncode == 1 and "IMAGE_ENCRYPT is tpm2 or nothing" in done.stderr, "another word is an error", done)


def main():
    missing = [t for t in ("cryptsetup", "openssl", "mkfs.ext4") if not shutil.which(t, path=ENV["PATH"])]
    if missing:
        skip("encryption", "%s: image/packages/install appliance" % ", ".join(missing))
        return finish()
    try:
        site = SCRATCH / "site"
        site.mkdir()
        certificates(site)
        certificate("other", "-newkey", "rsa:2048")
        crt, key = SCRATCH / "rsa.crt", SCRATCH / "rsa.key"
        first_boot(crt, key)
        other_kinds(crt)
        another_board(crt, key)
        power_cuts(crt, key)
    finally:
        shutil.rmtree(SCRATCH, ignore_errors=True)
    return finish()


if __name__ == "__main__":
    sys.exit(main())
