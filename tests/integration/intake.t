#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""lazaret-intake against images of every kind: this script plays the supervisor on one side and a reader of another
account on the other, which walks beneath the descriptors it gets. Never writing (invariant 3), sandboxed drivers
(invariant 4), nothing left behind, refusals in words.

INTAKE=path of lazaret-intake (default build/bin/lazaret-intake).
"""
import array
import base64
import bz2
import contextlib
import ctypes
import gzip
import hashlib
import io
import lzma
import os
import re
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tarfile
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.join(HERE, "..", "..")
INTAKE = os.path.abspath(os.environ.get("INTAKE", os.path.join(os.environ.get("BUILD", os.path.join(ROOT, "build")),
                                                               "bin", "lazaret-intake")))
MEDIA = os.path.join(ROOT, "tests", "lib", "media.py")
IS_ROOT = os.geteuid() == 0
READER_UID = 65534
PATIENCE = 120  # seconds; a lost message must not hang the suite

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from tap import finish, ok, skip  # noqa: E402


# -- the protocol, from its one source --------------------------------------------------------------------------
def message_names():
    with open(os.path.join(ROOT, "kiosk", "ipc", "messages.def"), encoding="utf-8") as f:
        return re.findall(r"^M\((\w+),", f.read(), re.M)


NAMES = message_names()


def put_str(text):
    data = text if isinstance(text, bytes) else text.encode()
    return struct.pack("<I", len(data)) + data


class Fields:
    def __init__(self, data):
        self.data, self.at = data, 0

    def u32(self):
        self.at += 4
        return struct.unpack_from("<I", self.data, self.at - 4)[0]

    def u64(self):
        self.at += 8
        return struct.unpack_from("<Q", self.data, self.at - 8)[0]

    def str(self):
        size = self.u32()
        self.at += size
        return self.data[self.at - size:self.at].decode("utf-8", "surrogateescape")


class Intake:
    """One lazaret-intake, started as the supervisor starts it."""

    def __init__(self, source, kind="image", policy=None, env=None, tries=0):
        self.sock, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        fd = os.open(source, os.O_RDONLY)

        def place_channel():
            os.dup2(theirs.fileno(), 3)
            os.set_inheritable(3, True)

        self.process = subprocess.Popen([INTAKE], close_fds=False, preexec_fn=place_channel, env=env)
        theirs.close()
        payload = put_str(kind) + put_str(source)
        policy = POLICY if policy is None else policy
        payload += struct.pack("<I", len(policy))
        for fs, drivers in policy.items():
            payload += put_str(fs) + put_str(drivers)
        payload += struct.pack("<I", tries)
        self.send("INTAKE_START", payload, fd)
        os.close(fd)
        self.volumes, self.refused, self.medium, self.failed, self.roots, self.locked = {}, {}, None, None, {}, []

    def send(self, name, payload=b"", fd=None):
        ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [fd]))] if fd is not None else []
        self.sock.sendmsg([struct.pack("<I", NAMES.index(name)) + payload], ancillary)

    def receive(self):
        if not select.select([self.sock], [], [], PATIENCE)[0]:
            raise TimeoutError("no message from intake")
        data, ancillary, _, _ = self.sock.recvmsg(70000, socket.CMSG_SPACE(16))
        fds = array.array("i")
        for level, kind, blob in ancillary:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                fds.frombytes(blob[:len(blob) - len(blob) % fds.itemsize])
        if not data:
            raise ConnectionError("intake closed its channel")
        return NAMES[struct.unpack("<I", data[:4])[0]], Fields(data[4:]), list(fds)

    def unlock(self, index, passphrase):
        self.send("INTAKE_UNLOCK", struct.pack("<I", index) + put_str(passphrase))

    def run(self, passphrases=()):
        """Until everything has been told; what is locked gets these passphrases, then none."""
        passphrases = list(passphrases)
        while True:
            name, f, fds = self.receive()
            if name == "INTAKE_LOCKED":
                index = f.u32()
                self.locked.append((index, f.str(), f.str(), f.u32(), f.str()))
                self.unlock(index, passphrases.pop(0) if passphrases else "")
                continue
            if name == "FAILED":
                self.failed = (f.u32(), f.str(), f.str())
                return self
            if name == "INTAKE_MEDIUM":
                self.medium = dict(kind=f.str(), vendor=f.str(), model=f.str(), serial=f.str(), size=f.u64(),
                                   write_protected=f.u32(), sectors_written=f.u64())
            elif name in ("INTAKE_VOLUME", "INTAKE_REFUSED"):
                v = dict(index=f.u32(), fs=f.str(), label=f.str(), uuid=f.str(), driver=f.str(), offset=f.u64(),
                         size=f.u64())
                if name == "INTAKE_VOLUME":
                    v["detail"] = f.str()
                    self.volumes[v["index"]] = v
                    self.roots[v["index"]] = fds[0]
                else:
                    v["outcome"], v["detail"] = f.str(), f.str()
                    self.refused[v["index"]] = v
            elif name == "INTAKE_DONE":
                self.told = f.u32()
                return self

    def close(self):
        """INTAKE_CLOSE and END; returns the answer to CLOSE."""
        for fd in self.roots.values():
            os.close(fd)
        self.roots = {}
        answer = None
        if self.failed is None:
            self.send("INTAKE_CLOSE")
            _, f, _ = self.receive()
            answer = (f.u32(), f.u64(), f.u32())
            self.send("END")
        self.status = self.process.wait(PATIENCE)
        self.sock.close()
        return answer

    def __enter__(self):
        return self.run()

    def __exit__(self, *_):
        if self.process.poll() is None:
            with contextlib.suppress(OSError):
                self.close()
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


POLICY = {fs: "kernel,user" for fs in ("vfat", "exfat", "ntfs", "ext", "iso9660", "udf", "squashfs")}
ONLY_KERNEL = {fs: "kernel" for fs in POLICY}
ONLY_USER = {fs: "user" for fs in POLICY}


# -- a reader of another account ----------------------------------------------------------------------------------
SYS_OPENAT2 = 437
RESOLVE = 0x01 | 0x04 | 0x08  # NO_XDEV, NO_SYMLINKS, BENEATH
libc = ctypes.CDLL(None, use_errno=True)


def openat2(dir_fd, path, flags):
    how = struct.pack("<QQQ", flags | os.O_CLOEXEC, 0, RESOLVE)
    fd = libc.syscall(SYS_OPENAT2, dir_fd, os.fsencode(path), how, len(how))
    if fd < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), path)
    return fd


def digest(fd):
    """Read as lazaret-reader does: at once what is there, with the kernel reading far ahead. A driver that answers less than it was
    asked for ends the file there (a mount without max_read)."""
    whole = hashlib.sha256()
    try:
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_SEQUENTIAL)
        while data := os.read(fd, 1 << 20):
            whole.update(data)
    finally:
        os.close(fd)
    return whole.hexdigest()


def walk(root_fd, path, found):
    fd = openat2(root_fd, path or ".", os.O_RDONLY | os.O_DIRECTORY)
    try:
        entries = sorted(os.scandir(fd), key=lambda e: os.fsencode(e.name))
        for entry in entries:
            name = os.path.join(path, entry.name)
            if entry.is_dir(follow_symlinks=False):
                found[name + "/"] = ""
                # mkfs makes it for root alone, and a kernel driver honours that. (The station's reader has a
                # capability for such directories; this one has only another account.)
                if name != "lost+found":
                    walk(root_fd, name, found)
            else:
                if entry.is_symlink():
                    found[name] = "link"
                    continue
                file_fd = openat2(root_fd, name, os.O_RDONLY)
                found[name] = digest(file_fd)
    finally:
        os.close(fd)


def in_reader(work, *arguments):
    """Run `work` in a child: as another account when root, in a user namespace of its own in any case."""
    read_fd, write_fd = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            uid, gid = os.getuid(), os.getgid()
            if IS_ROOT:
                os.setgroups([])
                os.setresgid(READER_UID, READER_UID, READER_UID)
                os.setresuid(READER_UID, READER_UID, READER_UID)
                uid = gid = READER_UID
            if libc.unshare(0x10000000) != 0:  # CLONE_NEWUSER
                raise OSError(ctypes.get_errno(), "unshare")
            result = repr(work(*arguments))
        except BaseException as error:  # pylint: disable=broad-except
            result = repr({"error": "%s: %s" % (type(error).__name__, error)})
        with os.fdopen(write_fd, "w", encoding="utf-8", errors="surrogateescape") as f:
            f.write(result)
        os._exit(0)
    os.close(write_fd)
    with os.fdopen(read_fd, encoding="utf-8", errors="surrogateescape") as f:
        text = f.read()
    os.waitpid(pid, 0)
    return eval(text)  # pylint: disable=eval-used  # our own child's repr()


def tree_of(root_fd):
    found = {}
    walk(root_fd, "", found)
    return found


def expected_tree(directory):
    fd = os.open(directory, os.O_RDONLY)
    try:
        return tree_of(fd)
    finally:
        os.close(fd)


# -- traces of a station on the machine ----------------------------------------------------------------------------
def loops():
    return {l for l in os.listdir("/sys/block") if l.startswith("loop") and
            os.path.exists("/sys/block/%s/loop/backing_file" % l)} if os.path.isdir("/sys/block") else set()


def loop_backings():
    found = []
    for name in loops():
        with contextlib.suppress(OSError):
            with open("/sys/block/%s/loop/backing_file" % name, encoding="utf-8") as f:
                found.append(f.read().strip())
    return found


def mounts():
    with open("/proc/self/mountinfo", encoding="utf-8") as f:
        return set(f.read().splitlines())


def descendants_of(pid):
    parents = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            with contextlib.suppress(OSError):
                with open("/proc/%s/stat" % entry, encoding="utf-8", errors="replace") as f:
                    parents[int(entry)] = int(f.read().rpartition(")")[2].split()[1])
    found, grown = {pid}, True
    while grown:
        more = {p for p, parent in parents.items() if parent in found} - found
        found |= more
        grown = bool(more)
    return found - {pid}


def alive(pids):
    found = []
    for pid in pids:
        with contextlib.suppress(OSError):
            with open("/proc/%d/stat" % pid, encoding="utf-8", errors="replace") as f:
                if f.read().rpartition(")")[2].split()[0] not in "ZX":
                    found.append(pid)
    return found


def wait_for(condition, seconds=120):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.05)
    return condition()


def sha256(path):
    with open(path, "rb") as f:
        return hashlib.file_digest(f, "sha256").hexdigest()


# -- material ----------------------------------------------------------------------------------------------------
# lzop's and zstd's files of one line of text: Python has neither.
LZO = base64.b64decode("iUxaTwANChoKEEAgoAlAAQUDAAABAACBpGsCaUMAAAAABXQudHh0Su8FqQAAAB0AAAAdp28Km3dyaXR0ZW4gYmVm"
                       "b3JlIGl0IHdhcyBwYWNrZWQKAAAAAA==")
ZST = bytes.fromhex("28b52ffd0468e900007772697474656e206265666f726520697420776173207061636b65640a63cd0b34")


def packed_files():
    """Compressed files, with the endings that say so and without: a driver that shows their content shows other files
    than there are on the medium."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        info = tarfile.TarInfo("inside.txt")
        info.size = 5
        tar.addfile(info, io.BytesIO(b"hello"))
    tar = out.getvalue()
    found = {"plain.tar": tar}
    for suffix, data in (("gz", gzip.compress(tar)), ("xz", lzma.compress(tar)), ("bz2", bz2.compress(tar)), ("lzo", LZO),
                         ("zst", ZST), ("lzma", lzma.compress(tar, format=lzma.FORMAT_ALONE))):
        found["named.tar." + suffix] = data
        found["unnamed-" + suffix] = data
    return found


def make_tree(base):
    tree = os.path.join(base, "tree")
    os.makedirs(os.path.join(tree, "Ordner mit Länge", "tief"))
    os.makedirs(os.path.join(tree, "leer"))
    for name, size in (("null.bin", 0), ("klein.txt", 17), ("block.bin", 4096), ("gross.bin", 700001),
                       ("Ordner mit Länge/Ünïcödé – ein langer Name mit 日本.txt", 3000),
                       ("Ordner mit Länge/tief/ende.dat", 65537)):
        with open(os.path.join(tree, name), "wb") as f:
            f.write(hashlib.shake_256(name.encode()).digest(size))
    os.mkdir(os.path.join(tree, "packed"))
    for name, data in packed_files().items():
        for place in ("", "packed"):
            with open(os.path.join(tree, place, name), "wb") as f:
                f.write(data)
    flat = os.path.join(base, "flat")
    os.mkdir(flat)
    for name in os.listdir(tree):
        if os.path.isfile(os.path.join(tree, name)):
            shutil.copy(os.path.join(tree, name), flat)
    return tree, flat


def media(out, *arguments):
    """Returns None, or why the image cannot be built here."""
    done = subprocess.run(["/usr/bin/python3", MEDIA, out, *arguments], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, check=False)
    if done.returncode == 77:
        return done.stdout.decode().strip()
    if done.returncode != 0:
        raise SystemExit("Bail out! " + done.stdout.decode())
    return None


def ignore_lost_found(found):
    return {k: v for k, v in found.items() if k != "lost+found/"} if "error" not in found else found


def kernel_has(fs):
    kernel = {"ntfs": "ntfs3", "ext2": "ext4", "ext3": "ext4"}.get(fs, fs)
    with open("/proc/filesystems", encoding="utf-8") as f:
        return any(line.split()[-1] == kernel for line in f)


def user_driver_missing(fs=""):
    if fs in PROGRAMS and not any(shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin")
                                  for name in (PROGRAMS[fs], "mount." + PROGRAMS[fs])):
        return "no %s" % PROGRAMS[fs]
    if not os.access("/dev/fuse", os.R_OK | os.W_OK):
        return "/dev/fuse is not accessible to this account"
    return None


# -- the tests -----------------------------------------------------------------------------------------------------
def check_volume(image, name, policy, driver, want, fs):
    before = sha256(image)
    with Intake(image, policy=policy) as intake:
        volume = intake.volumes.get(0)
        ok(volume and volume["fs"] == fs and volume["driver"] == driver, "%s: opened by %s" % (name, driver),
           (volume, intake.refused, intake.failed))
        if not volume:
            return
        got = in_reader(tree_of, intake.roots[0])
        ok(ignore_lost_found(got) == want, "%s by %s: another account in its own user namespace reads the same tree" %
           (name, driver), "\n".join("%s\n  want %s\n  got  %s" % (k, want.get(k), got.get(k))
                                      for k in sorted({*want, *got}) if want.get(k) != got.get(k)))
        errors = in_reader(try_to_write, intake.roots[0])
        ok(errors == ["EROFS"] * len(errors), "invariant 3: %s by %s: nothing can be written" % (name, driver), errors)
        pids = descendants_of(intake.process.pid)
        answer = intake.close()
        ok(answer == (1, 0, 1) and intake.status == 0, "%s by %s: closes" % (name, driver), (answer, intake.status))
        ok(wait_for(lambda: not alive(pids) and image not in loop_backings()),
           "%s by %s: no process and no loop device is left" % (name, driver), (alive(pids), loop_backings()))
    ok(sha256(image) == before, "invariant 3: %s by %s: the image is unchanged" % (name, driver))


def try_to_write(root_fd):
    import errno
    results = []
    for attempt in (lambda: os.open("neu", os.O_CREAT | os.O_WRONLY, 0o600, dir_fd=root_fd),
                    lambda: os.mkdir("neu", dir_fd=root_fd),
                    lambda: os.unlink("klein.txt", dir_fd=root_fd),
                    lambda: os.open("klein.txt", os.O_WRONLY, dir_fd=root_fd),
                    lambda: os.utime("klein.txt", (0, 0), dir_fd=root_fd)):
        try:
            attempt()
            results.append("done")
        except OSError as error:
            results.append(errno.errorcode[error.errno])
    return results


CASES = (("vfat12", "vfat"), ("vfat16", "vfat"), ("vfat32", "vfat"), ("exfat", "exfat"), ("ntfs", "ntfs"),
         ("ext2", "ext2"), ("ext3", "ext3"), ("ext4", "ext4"), ("iso9660", "iso9660"), ("udf", "udf"),
         ("squashfs", "squashfs"))


def test_file_systems(base, tree, flat):
    for kind, fs in CASES:
        source = flat if kind == "ntfs" else tree
        image = os.path.join(base, kind + ".img")
        why = media(image, "--part", "%s:%s" % (kind, source))
        if why:
            skip(kind, why)
            continue
        want = expected_tree(source)
        if IS_ROOT and kernel_has(fs):
            check_volume(image, kind, ONLY_KERNEL, "kernel:%s" % ("ext4" if fs.startswith("ext") else fs), want, fs)
        else:
            skip("%s by the kernel" % kind, "needs root" if not IS_ROOT else "this kernel has no %s" % fs)
        why = user_driver_missing(fs)
        if why:
            skip("%s by a user-space driver" % kind, why)
        else:
            check_volume(image, kind, ONLY_USER, "user:" + (READERS.get(fs) or PROGRAMS[fs]), want, fs)


# Readers of intake's own, and programs of Debian's.
READERS = {"vfat": "fat", "ext2": "ext2fs", "ext3": "ext2fs", "ext4": "ext2fs", "udf": "udfread", "iso9660": "iso9660"}
PROGRAMS = {"ntfs": "ntfs-3g", "squashfs": "squashfuse", "exfat": "exfat-fuse"}


def make_disc(base, name, tree, *options):
    image = os.path.join(base, name)
    done = subprocess.run(["genisoimage", "-quiet", "-o", image, *options, tree], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, check=False)
    if done.returncode != 0:
        raise SystemExit("Bail out! " + done.stdout.decode())
    return image


def test_discs(base):
    """ISO 9660 with each kind of names."""
    why = user_driver_missing("iso9660") or (None if shutil.which("genisoimage") else "no genisoimage")
    if why:
        skip("disc images", why)
        return
    deep = os.path.join(base, "deep")
    place = deep
    for level in range(12):  # ISO 9660 itself has 8; Rock Ridge moves the others elsewhere and back
        place = os.path.join(place, "Ebene %d" % level)
    os.makedirs(place)
    for name, data in {**packed_files(), "Ein langer Name mit Länge, " + 30 * "sehr " + "lang.txt": b"long"}.items():
        with open(os.path.join(place, name), "wb") as f:
            f.write(data)
    os.symlink("/etc/passwd", os.path.join(deep, "link"))
    image = make_disc(base, "rr.iso", deep, "-R")
    check_disc(image, "Rock Ridge only", {"rr_moved/": "", **expected_tree_with_links(deep)})  # where it moved them: empty
    flat = os.path.join(base, "joliet")
    os.makedirs(os.path.join(flat, "Größe", "b"))
    for name, data in {**packed_files(), "Datei äöü – 日本.txt": b"joliet", "Größe/b/c.txt": b"deeper"}.items():
        with open(os.path.join(flat, name), "wb") as f:
            f.write(data)
    image = make_disc(base, "joliet.iso", flat, "-J", "-joliet-long", "-input-charset", "utf-8")
    check_disc(image, "Joliet only", expected_tree(flat))
    plain = os.path.join(base, "plain")
    os.makedirs(os.path.join(plain, "DIR"))
    for name in ("A.TXT", "DIR/B.GZ"):
        with open(os.path.join(plain, name), "wb") as f:
            f.write(gzip.compress(name.encode()))
    check_disc(make_disc(base, "plain.iso", plain), "neither", expected_tree(plain))


def numbers_by_place(base, layout, command, weight):
    """The files of a disc whose contents lie in another order than their names: paths in the order of their inode numbers, as they lie, and by name."""
    tree, image, weights = os.path.join(base, "lying"), os.path.join(base, "lying-%s.iso" % layout), os.path.join(base, "weights")
    names = ["%s/f%02d" % (d, n) for d in ("b", "a/deeper", "c") for n in range(40)]
    for name in names:
        os.makedirs(os.path.dirname(os.path.join(tree, name)), exist_ok=True)
        with open(os.path.join(tree, name), "wb") as f:
            f.write(name.encode() * 700)
    with open(weights, "w", encoding="ascii") as f:
        for n, name in enumerate(sorted(names, key=lambda name: hashlib.md5(name.encode()).digest())):
            f.write(weight % {"n": n + 1, "name": name, "path": os.path.join(tree, name)})
    subprocess.run([*command, "-quiet", "-o", image, "--sort-weight-list" if command[0] == "xorriso" else "-sort", weights, tree], check=True, capture_output=True)
    with open(image, "rb") as f:
        disc = f.read()
    lies = {name: disc.index(name.encode() * 700) for name in names}
    with Intake(image, policy=ONLY_USER) as intake:
        got = in_reader(inodes_of, intake.roots[0])
    return sorted(got, key=got.get), sorted(lies, key=lies.get), sorted(names)


def inodes_of(root):
    found = {}
    for parent, _, files in os.walk("/proc/self/fd/%d" % root):
        for name in files:
            path = os.path.join(parent, name)
            found[os.path.relpath(path, "/proc/self/fd/%d" % root)] = os.stat(path).st_ino
    return found


def test_order_of_discs(base):
    """A drive's head moves for a tenth of a second: files are read in the order of their inode numbers, which has to be that of their places."""
    by_xorriso, by_genisoimage = "%(n)d /%(name)s\n", "%(path)s %(n)d\n"
    mkisofs = ("xorriso", "-as", "mkisofs")
    for fs, layout, command, weight in (("iso9660", "rock-ridge", (*mkisofs, "-R"), by_xorriso), ("iso9660", "joliet", (*mkisofs, "-J"), by_xorriso),
                                        ("iso9660", "rrip-1.12", ("xorriso", "-compliance", "new_rr", "-as", "mkisofs", "-R"), by_xorriso),
                                        ("udf", "udf", ("genisoimage", "-udf"), by_genisoimage)):
        why = user_driver_missing(fs) or (None if shutil.which(command[0]) else "no " + command[0])
        if why:
            skip("%s: order of files" % layout, why)
            continue
        got, lies, names = numbers_by_place(base, layout, command, weight)
        ok(got == lies and sorted(got) == names and got != names, "%s: numbers rise with the places of the files" % layout, (got, lies))


def expected_tree_with_links(directory):
    found = {}
    for parent, dirs, files in os.walk(directory):
        for name in dirs:
            found[os.path.relpath(os.path.join(parent, name), directory) + "/"] = ""
        for name in files:
            path = os.path.join(parent, name)
            found[os.path.relpath(path, directory)] = "link" if os.path.islink(path) else sha256(path)
    return found


def check_disc(image, name, want):
    with Intake(image, policy=ONLY_USER) as intake:
        got = in_reader(tree_of, intake.roots[0]) if intake.roots else intake.refused
        ok(got == want, "ISO 9660, %s: the same tree" % name, [(k, want.get(k), got.get(k)) for k in {*want, *got}
                                                              if want.get(k) != got.get(k)])


def test_udf_of_sticks(base):
    image = os.path.join(base, "udf512.img")
    why = media(image, "--part", "udf") or user_driver_missing("udf")
    if why:
        skip("UDF with blocks of 512 bytes", why)
        return
    with Intake(image, policy=ONLY_USER) as intake:
        ok(not intake.volumes and [o for o, d in refusals(intake) if "blocks of 512 bytes" in d] == ["refused"],
           "UDF with blocks of 512 bytes is refused in words", (intake.volumes, refusals(intake)))


def test_dirty_fat(base, tree):
    image = os.path.join(base, "dirty-fat.img")
    why = media(image, "--part", "vfat16:" + tree) or user_driver_missing("vfat")
    if why:
        skip("FAT in use", why)
        return
    with open(image, "r+b") as f:
        f.seek(37)
        f.write(b"\x01")
    with Intake(image, policy=ONLY_USER) as intake:
        ok(0 in intake.volumes and "not safely removed" in intake.volumes[0]["detail"],
           "a FAT volume that was pulled out is read, and told so", (intake.volumes, refusals(intake)))


def make_many_fat(image):
    """mcopy takes many minutes for what this writes at once: 20,000 entries with long names and a cluster each."""
    why = media(image, "--part", "vfat32:size=64M")
    if why:
        return why
    with open(image, "r+b") as f:
        boot = f.read(512)
        cluster, reserved, fats, length = boot[13] * 512, *struct.unpack("<HB", boot[14:17]), \
            struct.unpack("<I", boot[36:40])[0]
        data = (reserved + fats * length) * 512
        entries, first = b"", 3 + 20000 * 96 // cluster + 1
        for i in range(20000):
            short = b"D%07dDAT" % i
            total = 0
            for c in short:
                total = ((total >> 1) + (total << 7) + c) & 0xff
            units = ("Datei Nummer %05d.dat" % i).encode("utf-16-le") + b"\0\0"
            units += b"\xff" * (52 - len(units))
            for part in (2, 1):
                u = units[26 * (part - 1):26 * part]
                entries += bytes([part | (0x40 if part == 2 else 0)]) + u[:10] + bytes([15, 0, total]) + u[10:22] + b"\0\0" + u[22:]
            at = first + i
            entries += short + bytes([0x20]) + bytes(8) + struct.pack("<HIHI", at >> 16, 0, at & 0xffff, 5)
        fat = [0] * (first + 20000)
        fat[0], fat[1], fat[2] = 0x0ffffff8, 0x0fffffff, 0x0fffffff
        directory = -(-len(entries) // cluster)
        for i in range(directory):
            fat[3 + i] = 4 + i if i + 1 < directory else 0x0fffffff
        for i in range(20000):
            fat[first + i] = 0x0fffffff
        f.seek(reserved * 512)
        f.write(struct.pack("<%dI" % len(fat), *fat))
        f.seek(data)
        f.write(b"DIR        \x10" + bytes(8) + struct.pack("<HIHI", 0, 0, 3, 0))
        f.seek(data + cluster)
        f.write(entries)
        for i in range(20000):
            f.seek(data + (first + i - 2) * cluster)
            f.write(b"%05d" % i)
    return None


def test_many_files(base):
    """20,000 files in one directory: no search of the directory for each."""
    many = os.path.join(base, "many")
    os.makedirs(os.path.join(many, "dir"))
    for i in range(20000):
        with open(os.path.join(many, "dir", "Datei Nummer %05d.dat" % i), "wb") as f:
            f.write(b"%d" % i)
    for kind in ("vfat32", "ext4"):  # the makers of discs take minutes to write as many
        image = os.path.join(base, "many-%s.img" % kind)
        why = (make_many_fat(image) if kind == "vfat32" else media(image, "--part", "%s:%s" % (kind, many))) or \
            user_driver_missing(kind)
        if why:
            skip("many files on " + kind, why)
            continue
        with Intake(image, policy=ONLY_USER) as intake:
            begin = time.monotonic()
            got = ignore_lost_found(in_reader(tree_of, intake.roots[0]))
            seconds = time.monotonic() - begin
        ok(len(got) == 20001 and seconds < 60, "%s: 20,000 files in one directory are read in time" % kind,
           (len(got), seconds, got.get("error")))
        print("# %s: %.1f s" % (kind, seconds), flush=True)
        os.unlink(image)


def test_dirty_journal(base, tree):
    image = os.path.join(base, "dirty.img")
    media(image, "--part", "ext4-dirty:" + tree)
    before = sha256(image)
    for policy in ([ONLY_KERNEL] if IS_ROOT else []) + ([] if user_driver_missing() else [ONLY_USER]):
        with Intake(image, policy=policy) as intake:
            driver = intake.volumes[0]["driver"]
            text = in_reader(lambda fd: os.read(openat2(fd, "journal.txt", os.O_RDONLY), 16), intake.roots[0])
            ok(text == b"as it was stored", "invariant 3: %s does not replay the journal" % driver, text)
        ok(sha256(image) == before, "invariant 3: the journal is as it was")


def test_tables(base, tree):
    image = os.path.join(base, "mbr.img")
    media(image, "--layout", "mbr", "--part", "vfat:" + tree, "--part", "gap:size=4M:data", "--part", "ext4:" + tree,
          "--part", "squashfs:%s:logical" % tree, "--part", "vfat:%s:logical" % tree)
    want = expected_tree(tree)
    with Intake(image) as intake:
        ok([v["fs"] for v in intake.volumes.values()] == ["vfat", "ext4", "squashfs", "vfat"] and intake.told == 5,
           "MBR with logical partitions: four volumes", (intake.volumes, intake.refused))
        gap = [v for v in intake.refused.values() if v["outcome"] == "unallocated"]
        ok(len(gap) == 1 and gap[0]["size"] == 4 << 20 and "holds data" in gap[0]["detail"],
           "space that no volume covers is told, with what it holds", intake.refused)
        trees = [ignore_lost_found(in_reader(tree_of, fd)) for fd in intake.roots.values()]
        ok(trees == [want] * 4, "all four hold the same tree")
    for damage in ([], ["--damage", "gpt-primary"]):
        media(image, "--layout", "gpt", "--part", "vfat:" + tree, "--part", "ext4:" + tree, *damage)
        with Intake(image) as intake:
            ok([v["fs"] for v in intake.volumes.values()] == ["vfat", "ext4"], "GPT %s: both volumes" % damage,
               (intake.volumes, intake.refused))


def refusals(intake):
    return [(v["outcome"], v["detail"]) for v in intake.refused.values()]


def test_refusals(base, tree):
    rows = (
        ("LUKS", ["--part", "luks"], "refused", "LUKS"),
        ("swap", ["--part", "swap"], "refused", "swap"),
        ("FAT with an ext super block", ["--part", "fat+ext:" + tree], "refused", "ambiguous"),
        ("noise", ["--part", "noise"], "refused", "unknown"),
        ("zeros", ["--part", "zero"], "empty", "zero"),
        ("GPT with both copies damaged", ["--layout", "gpt", "--part", "vfat:" + tree, "--damage", "gpt-both"],
         "refused", "damaged partition table"),
        ("partition past the end", ["--layout", "mbr", "--part", "zero", "--part", "ext2:%s:claim=900M" % tree],
         "refused", "past the end"),
        ("overlapping partitions", ["--layout", "mbr", "--part", "vfat:%s:claim=30M" % tree, "--part", "ext2:" + tree],
         "refused", "overlaps"),
    )
    for number, (name, arguments, outcome, words) in enumerate(rows):
        image = os.path.join(base, "refused%d.img" % number)
        why = media(image, *arguments)
        if why:
            skip(name, why)
            continue
        with Intake(image) as intake:
            ok(not intake.volumes and any(o == outcome and words in d for o, d in refusals(intake)),
               "%s: %s, \"%s\"" % (name, outcome, words), (intake.volumes, refusals(intake), intake.failed))
        os.unlink(image)
    image = os.path.join(base, "nothing.img")
    with open(image, "wb"):
        pass
    with Intake(image) as intake:
        ok(refusals(intake) == [("empty", "the medium has no bytes")], "an empty file", refusals(intake))


def test_hybrid(base, tree):
    image = os.path.join(base, "hybrid.iso")
    media(image, "--part", "iso-hybrid:%s:label=HYBRID" % tree)
    with Intake(image) as intake:
        ok(intake.volumes.get(0, {}).get("fs") == "iso9660" and intake.volumes[0]["label"] == "HYBRID",
           "hybrid disc image: the image is volume 0", (intake.volumes, intake.refused))
        ok([v["outcome"] for v in intake.refused.values()] == ["covered"] and
           "inspected once" in list(intake.refused.values())[0]["detail"], "its partition is inspected once, and told so",
           refusals(intake))
        ok([v["fs"] for v in intake.volumes.values()] == ["iso9660", "vfat"], "a FAT partition inside is its own volume",
           intake.volumes)


def test_hybrid_is_never_skipped(base, tree):
    """What a partition of a hybrid disc image holds that the disc does not: read, or refused by name. Never covered."""
    image = os.path.join(base, "hybrid2.iso")
    media(image, "--part", "iso-hybrid:%s:label=HYBRID" % tree)
    fat = os.path.join(base, "behind.img")
    other = os.path.join(base, "other")
    os.mkdir(other)
    with open(os.path.join(other, "only-here.txt"), "wb") as f:
        f.write(b"not on the disc")
    media(fat, "--part", "vfat:%s:size=8M" % other)
    disc = os.path.join(base, "disc2.iso")
    why = media(disc, "--part", "iso9660:%s:label=OTHER" % other)
    parts = [("FAT behind the disc's end", fat, 0x0c, "vfat"), ("noise behind the disc's end", None, 0x83, None)]
    if not why:
        parts.append(("another disc behind the disc's end", disc, 0x17, "iso9660"))
    for name, source, kind, fs in parts:
        copy = os.path.join(base, "hybrid3.iso")
        shutil.copyfile(image, copy)
        with open(copy, "r+b") as f:
            f.seek(0, 2)
            start = -(-f.tell() // (1 << 20)) << 20
            f.truncate(start)
            f.seek(start)
            if source:
                with open(source, "rb") as s:
                    shutil.copyfileobj(s, f)
            else:
                f.write(hashlib.shake_256(b"noise").digest(1 << 20))
            size = f.tell() - start
            f.seek(446 + 3 * 16)  # the fourth entry of the MBR
            f.write(struct.pack("<B3sB3sII", 0, b"\xfe\xff\xff", kind, b"\xfe\xff\xff", start // 512, size // 512))
        with Intake(copy) as intake:
            there = [v for v in [*intake.volumes.values(), *intake.refused.values()] if v["offset"] == start]
            if fs:
                root = [intake.roots[v["index"]] for v in there if v["index"] in intake.roots]
                got = in_reader(tree_of, root[0]) if root else {}
                ok([v["fs"] for v in there] == [fs] and [k.lower() for k in got] == ["only-here.txt"],
                   "hybrid disc image: %s is read" % name, (there, got, refusals(intake)))
            else:
                ok([v["outcome"] for v in there] == ["refused"] and "unknown" in there[0]["detail"],
                   "hybrid disc image: %s is refused by name" % name, (there, refusals(intake)))


def has_device_mapper():
    return os.path.exists("/dev/mapper/control") and IS_ROOT and subprocess.run(
        ["dmsetup", "version"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False).returncode == 0 \
        if shutil.which("dmsetup") else False


def test_locked(base):
    """Encrypted volumes. Where the kernel maps devices, the system tests open them."""
    image = os.path.join(base, "luks.img")
    why = media(image, "--part", "luks") or ("needs loop devices" if not os.path.exists("/dev/loop-control") else None)
    if why:
        skip("encrypted volumes", why)
        return
    before = sha256(image)
    intake = Intake(image).run()
    ok(not intake.locked and refusals(intake) == [("refused", "encrypted volume (LUKS): this station has no key for it")],
       "nobody there to ask: an encrypted volume is refused, not asked about", (intake.locked, refusals(intake)))
    intake.close()
    if has_device_mapper():
        intake = Intake(image, tries=2).run(["wrong", "wrong again"])
        ok([(l[1], l[3], bool(l[4])) for l in intake.locked] == [("LUKS2", 2, False), ("LUKS2", 1, True)] and
           refusals(intake) == [("refused", "encrypted (LUKS2): no correct passphrase in 2 tries")],
           "wrong passphrases are counted, and end in words", (intake.locked, refusals(intake)))
        intake.close()
        intake = Intake(image, tries=2).run()
        ok(len(intake.locked) == 1 and refusals(intake)[0][1].endswith("left locked, no passphrase was given"),
           "an empty passphrase leaves it locked", (intake.locked, refusals(intake)))
        intake.close()
    else:
        intake = Intake(image, tries=2).run(["wrong", "wrong again"])
        words = "no device mapper" if IS_ROOT else "runs as root"
        ok(not intake.locked and [o for o, d in refusals(intake) if words in d] == ["refused"],
           "a system that cannot open it says so, and asks nobody", (intake.locked, refusals(intake)))
        intake.close()
    ok(sha256(image) == before and image not in loop_backings(), "the image is unchanged, no loop device is left")
    with Intake(os.path.join(base, "ext4.img"), tries=3) as intake:
        ok(list(intake.volumes) == [0] and not intake.locked, "nothing is asked about a volume that is not encrypted")


def test_policy(base):
    image = os.path.join(base, "ext4.img")
    for policy, name in (({"ext4": ""}, "denied"), ({}, "not named"), ({"ext": "kernel,user", "ext4": ""}, "denied by name")):
        with Intake(image, policy=policy) as intake:
            ok(refusals(intake) == [("refused", "file system denied by configuration")],
               "ext4 %s by the configuration is not opened" % name, (intake.volumes, refusals(intake)))
    with Intake(image, policy={"ext4": "magic"}) as intake:
        ok(intake.failed is not None, "an unknown driver in the policy is an error", refusals(intake))
    if IS_ROOT and not kernel_has("vfat"):
        with Intake(os.path.join(base, "vfat16.img"), policy={"vfat": "kernel"}) as intake:
            ok(not intake.volumes and "kernel has no driver" in refusals(intake)[0][1],
               "no kernel driver and no other allowed: refused in words", refusals(intake))


def test_directory(tree):
    with Intake(tree, kind="directory") as intake:
        ok(list(intake.volumes) == [0] and intake.volumes[0]["driver"] == "directory" and intake.volumes[0]["fs"],
           "a directory is volume 0", (intake.volumes, intake.failed))
        ok(tree_of(intake.roots[0]) == expected_tree(tree), "and holds its tree")
        ok(intake.close() is not None and intake.status == 0, "and closes")
    with Intake(tree, kind="image") as intake:
        ok(intake.failed is not None, "a directory that was said to be an image fails", intake.volumes)


def check_confined(pid, name):
    with open("/proc/%d/status" % pid, encoding="utf-8") as f:
        status = dict(line.rstrip("\n").split(":\t", 1) for line in f if ":\t" in line)
    caps = [status[c] for c in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")]
    ok(set(caps) == {"0" * 16}, "%s has no capability" % name, caps)
    ok(status["Seccomp"] == "2" and status["NoNewPrivs"] == "1", "%s is filtered" % name, status)
    if IS_ROOT:
        ok(set(status["Uid"].split()) != {"0"} and len(set(status["Uid"].split())) == 1 and
           not status["Groups"].strip(), "%s has an account of its own" % name, status["Uid"])
        same = [ns for ns in ("mnt", "net", "ipc", "uts") if os.readlink("/proc/%d/ns/%s" % (pid, ns)) ==
                os.readlink("/proc/self/ns/%s" % ns)]
        ok(not same, "%s shares no namespace with the station" % name, same)


def running_programs(pids):
    found = []
    for pid in pids:
        with contextlib.suppress(OSError):
            with open("/proc/%d/cmdline" % pid, "rb") as f:
                command = f.read()
            if any(name.encode() in command for name in PROGRAMS.values()):
                found.append(pid)
    return found


def test_driver_jail(base):
    """Invariant 4: what the drivers can reach while they serve a volume."""
    if user_driver_missing("squashfs"):
        skip("drivers' jail", user_driver_missing("squashfs"))
        return
    with Intake(os.path.join(base, "vfat16.img"), policy=ONLY_USER) as intake:
        pids = alive(descendants_of(intake.process.pid))
        ok(len(pids) == 1 and not running_programs(pids), "FAT: one process of intake's own runs", pids)
        check_confined(pids[0], "the reader")
        if IS_ROOT:
            entries = os.listdir("/proc/%d/root" % pids[0])
            ok(entries == [], "the reader's root is empty", entries)
    with Intake(os.path.join(base, "squashfs.img"), policy=ONLY_USER) as intake:
        pids = alive(descendants_of(intake.process.pid))
        drivers = running_programs(pids)
        ok(len(drivers) == 1 and len(pids) == 2, "one program and one window run", (pids, drivers))
        for pid in sorted(pids):
            check_confined(pid, "the program" if pid in drivers else "the window")
        if IS_ROOT:
            entries = sorted(os.listdir("/proc/%d/root" % drivers[0]))
            ok(entries == ["dev", "etc", "lib", "lib64", "mnt", "proc", "usr", "volume"] and
               os.listdir("/proc/%d/root/usr/bin" % drivers[0]) == ["squashfuse"],
               "the program's root holds only what it needs", entries)


def test_descriptors_under_way(base):
    """Without root all roles are one account: what others have sent and nobody has taken must not keep a driver from being heard."""
    if user_driver_missing("squashfs"):
        skip("descriptors under way", user_driver_missing("squashfs"))
        return
    here, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with here, there, open(os.devnull, "rb") as null:
        for _ in range(4):
            socket.send_fds(here, [b"x"], [null.fileno()] * 100)
        with Intake(os.path.join(base, "squashfs.img"), policy=ONLY_USER) as intake:
            ok(intake.volumes.get(0, {}).get("driver") == "user:squashfuse", "400 descriptors under way: the driver is heard", intake.volumes)


def test_death(base):
    image = os.path.join(base, "ext4.img")
    for policy in ([ONLY_KERNEL] if IS_ROOT else []) + ([] if user_driver_missing() else [ONLY_USER]):
        before = mounts()
        intake = Intake(image, policy=policy).run()
        driver = intake.volumes[0]["driver"]
        ok(mounts() == before, "%s: the mount is in no namespace" % driver)
        pids = descendants_of(intake.process.pid)
        intake.process.send_signal(signal.SIGKILL)
        intake.process.wait()
        ok(wait_for(lambda: not alive(pids)), "kill -9 of intake ends its drivers (%s)" % driver, alive(pids))
        for fd in intake.roots.values():
            os.close(fd)
        intake.sock.close()
        ok(wait_for(lambda: image not in loop_backings()), "and leaves no loop device (%s)" % driver, loop_backings())
    for kind in ("vfat16", "squashfs"):
        if not user_driver_missing(kind):
            check_dead_driver(os.path.join(base, kind + ".img"), kind)


def check_dead_driver(image, kind):
    with Intake(image, policy=ONLY_USER) as intake:
        pids = alive(descendants_of(intake.process.pid))
        for pid in running_programs(pids) or pids:
            os.kill(pid, signal.SIGKILL)
        error = in_reader(tree_of, intake.roots[0]).get("error", "")
        ok("not connected" in error or "connection abort" in error,
           "%s: a dead driver is an error for the reader, not an empty volume" % kind, error)
        ok(intake.close() is not None, "and intake still answers")


def test_device(base, tree):
    if not IS_ROOT:
        skip("block device", "needs root")
        return
    image = os.path.join(base, "device.img")
    media(image, "--layout", "mbr", "--part", "ext4:" + tree, "--part", "vfat:" + tree)
    done = subprocess.run(["losetup", "--show", "-f", image], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    if done.returncode != 0:
        skip("block device", "no loop device: " + done.stdout.decode().strip())
        return
    device = done.stdout.decode().strip()
    before = sha256(image)
    try:
        with Intake(device, kind="device") as intake:
            ok(intake.medium and intake.medium["write_protected"] == 1 and intake.medium["kind"] == "device" and
               intake.medium["size"] == os.path.getsize(image), "invariant 3: a device is write-protected", intake.medium)
            with open("/sys/block/%s/ro" % os.path.basename(device), encoding="utf-8") as f:
                ok(f.read().strip() == "1", "invariant 3: and the kernel says so")
            ok([v["fs"] for v in intake.volumes.values()] == ["ext4", "vfat"], "its partitions are opened", intake.refused)
            ok([ignore_lost_found(in_reader(tree_of, fd)) for fd in intake.roots.values()] == [expected_tree(tree)] * 2,
               "and hold their trees")
            taken = 0
            try:
                os.close(os.open(device, os.O_RDONLY | os.O_EXCL))
            except OSError as error:
                taken = error.errno
            ok(taken == 16, "nobody else can claim the device meanwhile", taken)
            with Intake(device, kind="device") as second:
                ok(second.failed and "in use" in second.failed[2], "a device in use is refused in words", second.failed)
            written = intake.medium["sectors_written"]
            answer = intake.close()
            ok(answer == (1, written, 1), "invariant 3: the write counter did not move", (answer, written))
    finally:
        ok(wait_for(lambda: subprocess.run(["losetup", "-d", device], check=False).returncode == 0),
           "the device can be let go")
    ok(sha256(image) == before, "invariant 3: the device's bytes are unchanged")


def main():
    if not os.access(INTAKE, os.X_OK):
        print("Bail out! %s is not built" % INTAKE)
        return 1
    with tempfile.TemporaryDirectory(prefix="intake-") as base:
        os.chmod(base, 0o755)
        tree, flat = make_tree(base)
        before = mounts()
        test_file_systems(base, tree, flat)
        test_discs(base)
        test_order_of_discs(base)
        test_udf_of_sticks(base)
        test_dirty_fat(base, tree)
        test_many_files(base)
        test_dirty_journal(base, tree)
        test_tables(base, tree)
        test_refusals(base, tree)
        test_hybrid(base, tree)
        test_hybrid_is_never_skipped(base, tree)
        test_locked(base)
        test_policy(base)
        test_directory(tree)
        test_driver_jail(base)
        test_descriptors_under_way(base)
        test_death(base)
        test_device(base, tree)
        left = sorted(mounts() - before)  # others' may go meanwhile: with the directory that they were on
        ok(not left, "no mount is left behind", "\n".join(left))
    return finish()


if __name__ == "__main__":
    # What other tests mount meanwhile is not what the intake leaves behind.
    if IS_ROOT and "--inside" not in sys.argv and subprocess.run(["unshare", "--mount", "true"], stderr=subprocess.DEVNULL, check=False).returncode == 0:
        os.execvp("unshare", ["unshare", "--mount", "--propagation", "private", sys.executable, os.path.abspath(__file__), "--inside"])
    sys.exit(main())
