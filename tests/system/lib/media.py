# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""Media for the scenarios: images with known contents, and what is expected of each file on them.

Images are made once a run, when a scenario first asks for one (tests/lib/media.py makes them, as plain files). What nothing
may change is checked by SHA-256 after every scenario: `Media.unchanged()`.
"""
import ctypes
import ctypes.util
import hashlib
import importlib.machinery
import importlib.util
import json
import os
import pathlib
import random
import shutil
import struct
import subprocess
import sys
import zlib

BUILDER = pathlib.Path(__file__).resolve().parents[2] / "lib" / "media.py"
EICAR = ("X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR" + "-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*").encode()
PASSPHRASE = "correct horse 9"


def png(width, height, seed):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    rows = b"".join(b"\0" + random.Random(seed + y).randbytes(width * 3) for y in range(height))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
            + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


# Two files that pass with names that test how a driver decodes them, one in a directory, one that must never pass.
PLAIN = {"read me first.txt": b"Documents for the plant, week 47.\n", "Wartungsplan März.txt": "Ventil 3 prüfen.\n".encode(),
         "game.com": EICAR}
USUAL = {**PLAIN, "drawings/valve.png": png(64, 48, 1), "drawings/old/長い名前.txt": b"a directory further down\n"}


def digest(path):
    h = hashlib.sha256()
    with open(path, "rb") as f:
        while block := f.read(1 << 20):
            h.update(block)
    return h.hexdigest()


class Image:
    """A medium: `path` of its image; `contents` its files by name, of each volume in their order."""

    def __init__(self, path, contents):
        self.path, self.contents = path, contents
        self.sum = digest(path)

    def __str__(self):
        return str(self.path)

    def unchanged(self):
        return digest(self.path) == self.sum


class Media:
    def __init__(self, directory):
        self.dir = pathlib.Path(directory)
        self.dir.mkdir(parents=True, exist_ok=True)
        self.images = {}

    def get(self, name):
        """The image of this name, out of MAKERS."""
        if name not in self.images:
            self.images[name] = MAKERS[name](self, name)
        return self.images[name]

    def changed(self):
        """Names of the images that are not what they were; they are made anew for the next scenario."""
        names = [n for n, image in self.images.items() if not image.unchanged()]
        for name in names:
            del self.images[name]
        return names

    # -- makers ----------------------------------------------------------------------------------------------------
    def tree(self, name, contents):
        """Files on disk, for the builders."""
        root = self.dir / (name + ".tree")
        shutil.rmtree(root, ignore_errors=True)
        for path, data in contents.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_bytes(data)
        return root

    def build(self, name, *arguments, volumes):
        """tests/lib/media.py; %0, %1 ... in the arguments stand for the trees of the volumes."""
        path = self.dir / (name + ".img")
        trees = [self.tree("%s-%d" % (name, i), v) for i, v in enumerate(volumes)]
        line = []
        for argument in arguments:
            for i, tree in enumerate(trees):
                argument = argument.replace("%%%d" % i, str(tree))
            line.append(argument)
        run(sys.executable, "-B", BUILDER, path, *line)
        for tree in trees:
            shutil.rmtree(tree)
        return Image(path, volumes)


def run(*command, stdin=None, cwd=None):
    env = {**os.environ, "LC_ALL": "C.UTF-8", "PATH": os.environ["PATH"] + ":/usr/sbin:/sbin"}
    done = subprocess.run([str(c) for c in command], input=stdin, env=env, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    if done.returncode != 0:
        raise RuntimeError("%s: exit %d\n%s" % (" ".join(map(str, command)), done.returncode, done.stdout.decode(errors="replace")))
    return done.stdout


def one(kind, contents=None, layout="none", options=""):
    volume = contents or USUAL
    return lambda media, name: media.build(name, "--layout", layout, "--part", "%s:%%0%s" % (kind, options), volumes=[volume])


def gpt_two(media, name):
    second = {"second/notes.txt": b"on the second partition\n", "second/game.com": EICAR}
    return media.build(name, "--layout", "gpt", "--part", "vfat:%0", "--part", "ext4:%1", volumes=[USUAL, second])


# Files of the medium with many: an emulated machine needs some 40 ms for each.
MANY = int(os.environ.get("LAZARET_MANY", "20000"))
MANY_BAD = "file-%05d.txt" % (MANY // 2 + 345)


def many_files(media, name):
    """Small files, a hundred a directory; one of them must not pass."""
    contents = {"d%03d/file-%05d.txt" % (i // 100, i): b"number %d\n" % i for i in range(MANY)}
    contents[next(path for path in contents if path.endswith("/" + MANY_BAD))] = EICAR
    return media.build(name, "--layout", "mbr", "--part", "vfat32:%0:size=120M", volumes=[contents])


def big_files(media, name):
    """48 MiB in six pictures' worth of noise: long enough to be interrupted while it is read."""
    contents = {"data/block-%d.txt" % i: random.Random(i).randbytes(4 << 20).hex().encode() for i in range(6)}
    contents["game.com"] = EICAR
    return media.build(name, "--layout", "mbr", "--part", "vfat32:%0", volumes=[contents])


def encrypt(path, *how):
    """LUKS2 over what is in the file already, in place and without device mapper. PASSPHRASE opens it."""
    with open(path, "ab") as f:
        f.truncate(path.stat().st_size + (32 << 20))
    run("cryptsetup", "reencrypt", "--encrypt", "--type", "luks2", "--reduce-device-size", "32M", "--force-offline-reencrypt", "--batch-mode",
        *how, "--key-file", "-", path, stdin=PASSPHRASE.encode())


def luks(media, name):
    """LUKS2 over FAT, its key derived by Argon2 with 32 MiB."""
    inner = media.build(name, "--layout", "none", "--part", "vfat:%0", volumes=[USUAL])
    encrypt(inner.path, "--pbkdf", "argon2id", "--pbkdf-memory", "32768", "--pbkdf-force-iterations", "4", "--pbkdf-parallel", "1")
    return Image(inner.path, inner.contents)


SECRET = {"secret/plan.txt": b"in the encrypted partition\n", "secret/game.com": EICAR}


def luks1_beside(media, name):
    """GPT: FAT, and LUKS1 over FAT."""
    inner = media.build(name + "-inner", "--layout", "none", "--part", "vfat:%0", volumes=[SECRET]).path
    encrypt(inner, "--pbkdf", "pbkdf2", "--pbkdf-force-iterations", "1000")
    run("cryptsetup", "convert", "--batch-mode", "--type", "luks1", inner)
    size = inner.stat().st_size
    outer = media.build(name, "--layout", "gpt", "--part", "vfat:%0", "--part", "noise:size=%d" % size, volumes=[USUAL])
    table = json.loads(run("sfdisk", "--json", outer.path))["partitiontable"]
    with open(outer.path, "r+b") as f:
        f.seek(table["partitions"][1]["start"] * 512)
        f.write(inner.read_bytes())
    inner.unlink()
    return Image(outer.path, [USUAL, SECRET])


def noise(media, name):
    return media.build(name, "--layout", "none", "--part", "noise:size=4M", volumes=[])


# Long enough to be looked at while it is read.
TOUR = {"drawings/pump-7.png": png(900, 700, 7), "drawings/pump-8.png": png(1100, 900, 8), "drawings/valve.png": png(1200, 900, 9),
        "notes/read me first.txt": b"Documents for the plant, week 47.\n", "notes/Wartungsplan März.txt": "Ventil 3 prüfen.\n".encode(),
        "tools/game.com": EICAR}


def blank(media, name):
    return media.build(name, "--layout", "none", "--part", "zero:size=4M", volumes=[])


def swap(media, name):
    return media.build(name, "--layout", "mbr", "--part", "swap", volumes=[])


def claims(media, name):
    return media.build(name, "--layout", "mbr", "--part", "vfat:%0", "--part", "vfat:claim=1G", volumes=[USUAL])


BITLOCKER_PASSPHRASE = "anaconda"


def bitlocker(media, name):
    """A BitLocker To Go volume: headers and keys as Windows 10 wrote them, out of the images that cryptsetup tests itself with (its
    source package, as Debian has it). These hold no files any more, so a FAT volume is encrypted into it, with its own key."""
    path = media.dir / (name + ".img")
    with open(path, "wb") as f:
        subprocess.run(["tar", "--to-stdout", "-xf", cryptsetup_images(media), "bitlk-images/bitlk-togo-aes-xts-128.img"], stdout=f, check=True)
    key = media.dir / "bitlocker.key"
    run("cryptsetup", "bitlkDump", "--batch-mode", "--dump-volume-key", "--volume-key-file", key, "--key-file", "-", path, stdin=BITLOCKER_PASSPHRASE.encode())
    inner = media.build("bitlocker-inner", "--layout", "none", "--part", "vfat:%%0:size=%d" % path.stat().st_size, volumes=[USUAL]).path
    with open(path, "r+b") as f:
        for first, count, place in BITLOCKER_TARGETS:
            write_xts(f, key.read_bytes(), inner.read_bytes()[first * 512:(first + count) * 512], place)
    key.unlink()
    inner.unlink()
    return Image(path, [USUAL])


# Of that image: first sector, their number, where they lie. Its first sectors make room for the BitLocker header; what comes
# after these reads as zeros (copies of the metadata) or is not needed.
BITLOCKER_TARGETS = [(0, 10270, 180356), (10270, 57314, 10270)]


def write_xts(f, key, clear, place):
    """AES-XTS in sectors of 512 bytes, numbered from the start of the volume."""
    crypto = ctypes.CDLL(ctypes.util.find_library("crypto"))
    for name in ("EVP_CIPHER_CTX_new", "EVP_aes_128_xts"):
        getattr(crypto, name).restype = ctypes.c_void_p
    context, cipher = ctypes.c_void_p(crypto.EVP_CIPHER_CTX_new()), ctypes.c_void_p(crypto.EVP_aes_128_xts())
    out, size = ctypes.create_string_buffer(512), ctypes.c_int()
    for at in range(0, len(clear), 512):
        number, sector = place + at // 512, clear[at:at + 512]
        if crypto.EVP_EncryptInit_ex(context, cipher, None, key, number.to_bytes(16, "little")) != 1 \
                or crypto.EVP_EncryptUpdate(context, out, ctypes.byref(size), sector, len(sector)) != 1 or size.value != 512:
            raise RuntimeError("libcrypto does not encrypt")
        f.seek(number * 512)
        f.write(out.raw)
    crypto.EVP_CIPHER_CTX_free(context)


def cryptsetup_images(media):
    """The archive of BitLocker images in Debian's source package of cryptsetup, fetched by apt once."""
    cache = media.dir / "cryptsetup-source"
    images = cache / "images.tar.xz"
    if not images.exists():
        shutil.rmtree(cache, ignore_errors=True)
        for sub in ("lists/partial", "cache/archives/partial"):
            (cache / sub).mkdir(parents=True)
        (cache / "sources.list").write_text("".join("deb-src%s\n" % line[3:] for line in debian_mirrors()))
        options = ["-o", "Dir::Etc::sourcelist=%s/sources.list" % cache, "-o", "Dir::Etc::sourceparts=/dev/null", "-o", "Dir::State::lists=%s/lists" % cache,
                   "-o", "Dir::Cache=%s/cache" % cache, "-o", "APT::Sandbox::User=root"]
        run("apt-get", *options, "update")
        run("apt-get", *options, "source", "--download-only", "cryptsetup", cwd=cache)
        source = next(cache.glob("cryptsetup_*.orig.tar.*"))
        data = run("tar", "--wildcards", "--to-stdout", "-xf", source, "*/tests/bitlk-images.tar.xz")
        images.with_suffix(".part").write_bytes(data)
        images.with_suffix(".part").rename(images)
    return images


def debian_mirrors():
    """Lines of one-line sources, as tests/system/image has them for the machine."""
    loader = importlib.machinery.SourceFileLoader("system_image", str(pathlib.Path(__file__).resolve().parents[1] / "image"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("system_image", loader))
    loader.exec_module(module)
    return module.mirrors()


BIG = {**{"data/block-%d.txt" % i: random.Random(i).randbytes(4 << 20).hex().encode() for i in range(3)}, "game.com": EICAR}


MAKERS = {
    "vfat": one("vfat", layout="mbr"),
    "vfat-whole": one("vfat"),
    "exfat": one("exfat", layout="mbr"),
    "ntfs": one("ntfs", PLAIN, layout="mbr"),  # ntfscp makes no directories
    "ext4": one("ext4", layout="mbr"),
    "ext4-dirty": one("ext4-dirty", layout="mbr"),
    "iso9660": one("iso9660"),
    "iso9660-other": one("iso9660", PLAIN),
    "iso-hybrid": one("iso-hybrid", options=":offset=1"),
    "udf": one("udf"),
    "gpt-two": gpt_two,
    "many-%d" % MANY: many_files,
    "big": big_files,
    "luks": luks,
    "luks1-beside": luks1_beside,
    "bitlocker": bitlocker,
    "claims": claims,
    "noise": noise,
    "blank": blank,
    "swap": swap,
    "tour": one("vfat", TOUR, layout="mbr", options=":label=WEEK 47"),
    "middle": one("vfat32", BIG, layout="mbr"),
    "iso-big": one("iso9660", BIG),
}
