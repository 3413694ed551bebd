# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""The encrypted data partition: an image of its own, built with IMAGE_ENCRYPT=tpm2, in a machine with a TPM (swtpm). What the disk holds is
read on the host with the site's recovery key, and decrypted without the kernel's help, which this host may not have."""
import os
import re
import shutil
import subprocess
import time

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from image.cases import NAME, READY, case
from image.machine import BOOT_PATIENCE, Machine, partitions, run

HEADER = 16 << 20
REFUSED = "THE STATION DOES NOT START."


class WithTpm(Machine):
    """`tpm`: directory with the TPM's memory, which outlives the machine as a chip does. None: it has no TPM."""

    def __init__(self, directory, image, variables, recovery_key, tpm):
        super().__init__(directory, image, variables)
        self.recovery_key, self.tpm, self.chip = recovery_key, tpm, None

    def command(self, incoming):
        more = ["-chardev", "socket,id=tpm,path=tpm.sock", "-tpmdev", "emulator,id=tpm,chardev=tpm", "-device", "tpm-crb,tpmdev=tpm"]
        return super().command(incoming) + (more if self.tpm else [])

    def launch(self, incoming=None):
        if self.tpm:
            self.tpm.mkdir(exist_ok=True)
            socket = self.dir / "tpm.sock"
            socket.unlink(missing_ok=True)
            # It ends when the machine goes away.
            self.chip = subprocess.Popen(["swtpm", "socket", "--tpm2", "--terminate", "--tpmstate", "dir=%s" % self.tpm.resolve(), "--ctrl", "type=unixio,path=tpm.sock"],
                                         cwd=self.dir, stdin=subprocess.DEVNULL, stdout=open(self.dir / "tpm.log", "wb"), stderr=subprocess.STDOUT)
            end = time.monotonic() + 30
            while not socket.exists():
                if time.monotonic() > end or self.chip.poll() is not None:
                    raise RuntimeError("swtpm: " + (self.dir / "tpm.log").read_text(errors="replace"))
                time.sleep(0.1)
        super().launch(incoming)

    def kill(self):
        super().kill()
        if self.chip is not None:
            try:
                self.chip.wait(10)
            except subprocess.TimeoutExpired:
                self.chip.kill()
                self.chip.wait()
            self.chip = None

    # -- while it is off -------------------------------------------------------------------------------------------------
    def header(self):
        return self.bytes_of("data", 0, HEADER)

    def recovered(self, source, partition):
        """The recovery key, as docs/appliance.md tells the site to get it."""
        return run(source / "image/appliance/recovery-key", partition, self.recovery_key)

    def data_file_system(self, copy):
        partition, key = copy.with_suffix(".luks"), copy.with_suffix(".key")
        self.data_partition(partition)
        key.write_bytes(self.recovered(self.source, partition))
        volume_key = copy.with_suffix(".vk")
        volume_key.unlink(missing_ok=True)
        run("cryptsetup", "--batch-mode", "luksDump", "--dump-volume-key", "--key-file", key, "--volume-key-file", volume_key, partition)
        unit = re.search(r"^\tsector: ([0-9]+) \[bytes\]$", run("cryptsetup", "luksDump", partition).decode(), re.MULTILINE).group(1)
        decrypt(partition, copy, volume_key.read_bytes(), int(unit))
        for path in (partition, key, volume_key):
            path.unlink()


def parts(f, begin, end):
    """(place, bytes) of what is no hole, at most 1 MiB each."""
    at = begin
    while at < end:
        try:
            at = os.lseek(f.fileno(), at, os.SEEK_DATA)
        except OSError:  # ENXIO: only holes follow
            return
        at -= (at - begin) % 4096
        f.seek(at)
        part = f.read(min(1 << 20, end - at))
        if part.strip(b"\0"):
            yield at, part
        at += len(part)


def decrypt(partition, to, key, unit):
    """aes-xts-plain64, so many bytes at once: the tweak is the number of the first sector of 512 bytes, little-endian (dm-crypt.rst). What was never
    written stays a hole."""
    with open(partition, "rb") as f, open(to, "wb") as out:
        size = os.fstat(f.fileno()).st_size
        out.truncate(size - HEADER)
        for at, part in parts(f, HEADER, size):
            for offset in range(0, len(part), unit):
                secret = part[offset:offset + unit]
                if secret.strip(b"\0"):
                    place = at + offset - HEADER
                    plain = Cipher(algorithms.AES(key), modes.XTS((place // 512).to_bytes(16, "little"))).decryptor()
                    out.seek(place)
                    out.write(plain.update(secret))


def encrypted_image(s):
    """The site's files with a certificate for recovery. It is kept between runs as the other image is."""
    site, out, key = s.things.work / "site-encrypted", s.things.work / "image-encrypted", s.things.work / "recovery.key"
    image = out / "lazaret-appliance.img"
    if not key.exists():
        run("openssl", "req", "-x509", "-newkey", "rsa:3072", "-noenc", "-days", "30", "-subj", "/CN=recovery", "-keyout", key, "-out", s.things.work / "recovery.crt")
        image.unlink(missing_ok=True)
    shutil.copytree(s.things.site, site, dirs_exist_ok=True)
    shutil.copy(s.things.work / "recovery.crt", site)
    if not (s.things.is_built and image.exists()):
        done = subprocess.run([s.things.source / "image/appliance/build", out], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
                              env={**s.things.environment, "SITE": str(site), "IMAGE_ENCRYPT": "tpm2", "IMAGE_ISO": "0"})
        s.check(done.returncode == 0, "no encrypted image:\n" + done.stdout[-4000:])
    return image, key


def holds(machine, name, words):
    """Do these bytes stand anywhere in that partition?"""
    offset, size = partitions(machine.disk)[name]
    with open(machine.disk, "rb") as f:
        return any(words in part for _, part in parts(f, offset, offset + size))


def made(s, name="machine", tpm=True, keys_enrolled=True):
    image, key = encrypted_image(s)
    if s.machine is not None:
        s.machine.kill()
    s.machine = WithTpm(s.dir / name, image, s.things.enrolled(s.dir) if keys_enrolled else None, key, s.dir / "tpm" if tpm else None)
    s.machine.source = s.things.source
    return s.machine


def is_untouched(s, machine):
    """Where the data partition will be there is what the image had: the second copy of its table, then nothing."""
    with open(encrypted_image(s)[0], "rb") as f:
        f.seek(partitions(machine.disk)["data-new"][0])
        return machine.bytes_of("data-new", 0, HEADER) == f.read(HEADER).ljust(HEADER, b"\0")


def station_of(s, name):
    station = s.machine.data("lib/lazaret", s.dir / name)
    run(s.things.programs / "lazaret", "-C", station, "audit", "verify")
    return [l for l in (station / "lazaret.yaml").read_text().splitlines() if l.strip().startswith("id:")]


@case
def encrypted_data(s):
    """the data partition is made, opened by the TPM at each boot, unreadable on the disk, and readable with the site's key"""
    plain = s.off(name="plain")
    plain.start()
    plain.wait_screen(READY, NAME)
    plain.kill()
    s.check(holds(plain, "data", NAME.encode()), "what is looked for is not on a plain disk either")
    machine = made(s)
    machine.start()
    machine.wait_screen(READY, NAME)
    s.silent()
    machine.kill()
    s.check(not holds(machine, "data", NAME.encode()) and not holds(machine, "data", b"lazaret.yaml"), "the station's name is on the disk")
    first, header = station_of(s, "first"), machine.header()
    machine.start()
    machine.wait_screen(READY, NAME)
    machine.kill()
    s.check(first and station_of(s, "second") == first, "another station after the second boot")
    s.check(machine.header() == header, "a boot has written to the header")


@case
def encrypted_refuses(s):
    """no Secure Boot, no TPM, a partition of the other kind: words, a restart, and nothing is formatted"""
    machine = made(s, keys_enrolled=False)
    machine.start()
    machine.wait_screen(REFUSED, "Secure Boot is off", "Enroll Secure Boot keys")
    machine.kill()
    s.check(is_untouched(s, machine), "something was formatted without Secure Boot")
    machine = made(s, tpm=False)
    machine.start()
    machine.wait_screen(REFUSED, "no TPM 2.0 that answers")
    end = time.monotonic() + BOOT_PATIENCE
    while machine.serial().count("BdsDxe: starting") < 2:  # two minutes later
        s.check(time.monotonic() < end, "it does not start again:\n" + machine.serial()[-2000:])
        time.sleep(1)
    machine.kill()
    s.check(is_untouched(s, machine), "something was formatted without a TPM")
    # An encrypted image on the disk of a plain one, and the other way round.
    plain, (image, _) = s.off(name="plain"), encrypted_image(s)
    plain.start()
    plain.wait_screen(READY, NAME)
    plain.kill()
    machine = made(s, name="mixed")
    machine.start()
    machine.wait_screen(READY, NAME)
    machine.kill()
    for m, other, words in ((plain, image, "wants an encrypted data partition"), (machine, s.things.image, "this image was built")):
        before = m.bytes_of("data", 0, 2 * HEADER)
        with open(other, "rb") as f, open(m.disk, "r+b") as disk:
            for part in ("esp", "root-a", "verity-a"):
                offset, size = partitions(other)[part]
                f.seek(offset)
                disk.seek(offset)
                disk.write(f.read(size))
        s.machine = m
        m.start()
        m.wait_screen(REFUSED, words)
        m.kill()
        s.check(m.bytes_of("data", 0, 2 * HEADER) == before, "the data partition was written to")


@case
def encrypted_recovery(s):
    """another TPM opens nothing, and says so; with data.key on the boot partition it takes the disk over, and that key is worth nothing any more"""
    machine = made(s)
    machine.start()
    machine.wait_screen(READY, NAME)
    machine.kill()
    first, header = station_of(s, "first"), machine.header()
    machine.tpm = s.dir / "another-tpm"
    machine.start()
    machine.wait_screen(REFUSED, "does not give the key", "Nothing was changed")
    machine.kill()
    s.check(machine.header() == header, "the header was written to")
    partition, key = machine.dir / "data.luks", machine.dir / "data.key"
    machine.data_partition(partition)
    key.write_bytes(machine.recovered(s.things.source, partition) + b"\n")
    def put(esp):
        run("mmd", "-i", esp, "::/lazaret")
        run("mcopy", "-i", esp, key, "::/lazaret/data.key")
    machine.boot_partition(put)
    machine.start()
    machine.wait_screen(READY, NAME)
    machine.kill()
    def gone(esp):
        found = run("mdir", "-b", "-i", esp, "::/lazaret").decode()
        s.check("data.key" not in found and key.read_bytes().strip() not in esp.read_bytes(), "the key is on the boot partition still: " + found)
    machine.boot_partition(gone)
    machine.data_partition(partition)
    key.write_bytes(key.read_bytes().strip())
    opened = subprocess.run(["cryptsetup", "open", "--test-passphrase", "--key-file", key, partition], stderr=subprocess.DEVNULL, check=False).returncode == 0
    s.check(not opened, "the key that was on the boot partition opens the disk still")
    s.check(machine.recovered(s.things.source, partition) != key.read_bytes(), "there is no new recovery key")
    s.check(first and station_of(s, "second") == first, "another station after the recovery")
    machine.start()
    machine.wait_screen(READY, NAME)
    machine.kill()
    machine.tpm = s.dir / "tpm"  # the old board opens it no more
    machine.start()
    machine.wait_screen(REFUSED, "does not give the key")
