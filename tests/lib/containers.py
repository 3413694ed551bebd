#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""Containers of every format of kiosk/ipc/container.def around any files, made by the programs that people make them with;
nested, encrypted, broken, and of the kind that never ends.

usage: containers.py --list
       containers.py FORMAT OUT FILE...

No free program writes RAR, and none in Debian writes LHA without Java: these two are put together here, stored and not
compressed, by the public notes on the formats (RAR 5: rarlab.com/technote.htm; RAR 4: technote.txt of the programs before;
LHA: header level 0 as in LHa for UNIX).

As a module: FORMATS (name -> Format), chained(), nest(), member_path(), truncated(), flipped().
"""
import base64
import hashlib
import json
import os
import struct
import subprocess
import sys
import tempfile
import zlib

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
os.environ["PATH"] = os.environ.get("PATH", "/usr/bin:/bin") + ":/usr/sbin:/sbin"
import specimens  # noqa: E402
from specimens import STAMP, by_tool, make_tar, make_zip  # noqa: E402

MIB = 1 << 20
MEDIA = os.path.join(os.path.dirname(os.path.abspath(__file__)), "media.py")
BOMB_BYTES = 70 * MIB  # that the bombs unpack to,
BOMB_MEMBERS = 1200     # or, where a format does not compress, how many members they have


class Format:
    """
    name       of container.def, or of what many formats are made of (docx)
    suffix     of a file of this format
    make       function {path: bytes} -> bytes; a compressed stream takes one file, whose name is lost
    of         name of container.def, where `name` is none
    inside     function (path) -> path elements by which the station must name the file, the file last; "" is the name that a
               compressed stream's member is given
    encrypt    {words: function {path: bytes} -> bytes}
    has_sums   a flipped byte of a file's data breaks the container
    has_end    so does being cut off
    ends       the format says where it ends: bytes behind that are no part of it
    bomb       function () -> bytes; None: it cannot grow
    """

    def __init__(self, name, suffix, make, of=None, inside=None, encrypt=None, has_sums=True, has_end=True,
                 ends=True, bomb=None):
        self.name, self.suffix, self.make, self.format = name, suffix, make, of or name
        self.inside, self.encrypt = inside or (lambda path: [path]), encrypt or {}
        self.has_sums, self.has_end, self.ends, self.bomb = has_sums, has_end, ends, bomb


FORMATS = {}


def add(name, suffix, make, **more):
    FORMATS[name] = Format(name, suffix, make, **more)


def one(files):
    (path, data), = files.items()
    return path, data


def many():
    return {"m/%04d.txt" % n: b"%d\n" % n for n in range(BOMB_MEMBERS)}


def many_of(make):
    return lambda: make(many())


def of_zeros(make):
    return lambda: make({"zeros.bin": bytes(BOMB_BYTES)})


def shell(script):
    """All files in a directory; the script makes `out`."""
    return lambda files: by_tool(files, ["sh", "-e", "-c", script], "out")


# -- compressed streams --------------------------------------------------------------------------------------------------
def filtered(*argv):
    """A program that compresses standard input to standard output."""
    def make(files):
        return subprocess.run(argv, input=one(files)[1], stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=True).stdout
    return make


def add_stream(name, suffix, *argv, **more):
    make = filtered(*argv)
    add(name, suffix, make, inside=lambda path: [""], bomb=of_zeros(make), **more)


add_stream("gzip", ".gz", "gzip", "-nc")
add_stream("bzip2", ".bz2", "bzip2", "-c")
add_stream("xz", ".xz", "xz", "-c", "-1")
add_stream("lzma", ".lzma", "lzma", "-c", "-1", has_sums=False)
add_stream("lzip", ".lz", "lzip", "-c", "-1")
add_stream("lz4", ".lz4", "lz4", "-cq")
add_stream("zstd", ".zst", "zstd", "-cq", "--check")
# no length, no sum, no end mark; -f: also what does not get shorter
add_stream("compress", ".Z", "compress", "-cf", has_sums=False, has_end=False, ends=False)
add("uuencode", ".uu", lambda files: by_tool({"in": one(files)[1]}, ["sh", "-c", "uuencode in file >out"], "out"),
    inside=lambda path: [""], has_sums=False)

# -- archives --------------------------------------------------------------------------------------------------------------
# Of a shell, unquoted: the tests' own names, without a blank
LIST = "$(find . -type f ! -name out -printf '%P\\n' | sort)"


def bsdtar(*options):
    return shell("bsdtar -cf out %s %s" % (" ".join(options), LIST))


def cpio(files):
    """One directory down, so that the archive does not meet itself."""
    return by_tool({"t/" + path: data for path, data in files.items()},
                   ["sh", "-e", "-c", "cd t; find . -mindepth 1 -printf '%P\\n' | sort | cpio -o --quiet -H newc >../out"], "out")


def ar(files):
    """Only names without directories."""
    return by_tool({os.path.basename(p): d for p, d in files.items()},
                   ["sh", "-e", "-c", "ar qcS ../out.$$ *; mv ../out.$$ out"], "out")


make_7z = shell("7z a -bso0 -mx=1 out.7z %s; mv out.7z out" % LIST)
make_zip_tool = shell("zip -q -X -D out.zip %s; mv out.zip out" % LIST)


def locked(tool):
    return shell(tool.replace("FILES", LIST))


add("tar", ".tar", shell("tar --format=gnu --owner=0 --group=0 --numeric-owner -cf out.tmp %s; mv out.tmp out" % LIST),
    has_sums=False, bomb=lambda: make_sparse_tar())
add("cpio", ".cpio", cpio, has_sums=False, bomb=many_of(cpio))
add("ar", ".a", ar, inside=lambda path: [os.path.basename(path)], has_sums=False, bomb=many_of(ar))
add("zip", ".zip", make_zip_tool, bomb=of_zeros(make_zip_tool), encrypt={
    "ZipCrypto": locked("zip -q -X -D -P secret out.zip FILES; mv out.zip out"),
    "AES": locked("7z a -bso0 -tzip -mem=AES256 -psecret out.zip FILES; mv out.zip out")})
add("7z", ".7z", make_7z, bomb=of_zeros(make_7z), encrypt={
    "AES": locked("7z a -bso0 -psecret out.7z FILES; mv out.7z out"),
    "AES, names too": locked("7z a -bso0 -psecret -mhe=on out.7z FILES; mv out.7z out")})
add("cab", ".cab", shell("gcab -cz out.cab %s; mv out.cab out" % LIST), bomb=lambda: FORMATS["cab"].make({"zeros.bin": bytes(BOMB_BYTES)}))
add("xar", ".xar", bsdtar("--format=xar"), bomb=lambda: FORMATS["xar"].make({"zeros.bin": bytes(BOMB_BYTES)}))
add("warc", ".warc", bsdtar("--format=warc"), inside=lambda path: ["2-resource/" + path], has_sums=False, bomb=lambda: FORMATS["warc"].make(many()))


def make_sparse_tar():
    """Ten GiB of holes in ten KiB."""
    return by_tool({}, ["sh", "-e", "-c", "truncate -s 10G zeros.bin; tar -S -cf out zeros.bin; rm zeros.bin"], "out")


# .. RAR, stored
def ciphertext(data):
    """Of the length that AES in blocks of 16 makes of it, and as meaningless."""
    return bytes(b ^ 0xa5 ^ n * 7 & 255 for n, b in enumerate(data.ljust((len(data) + 15) // 16 * 16, b"\0")))


def vint(n):
    out = b""
    while n > 127:
        out += bytes([n & 127 | 128])
        n >>= 7
    return out + bytes([n])


def rar5_block(body):
    body = vint(len(body)) + body
    return struct.pack("<I", zlib.crc32(body)) + body


def rar5_file(name, data, kind=2, extra=b"", flags=0, packed=None):
    """File (2) or service (3) block: `data` stored, or `packed` in its place."""
    name, packed = name.encode(), data if packed is None else packed
    extra = vint(len(extra)) + extra if extra else b""
    return rar5_block(vint(kind) + vint(2 | bool(extra) | flags) + (vint(len(extra)) if extra else b"") + vint(len(packed)) + vint(4) +
                      vint(len(data)) + vint(0o100644) + struct.pack("<I", zlib.crc32(data)) + vint(0) + vint(1) + vint(len(name)) +
                      name + extra) + packed


def rar5(files, is_locked=False, services=(), quick=None):
    """`services`: blocks behind the files. `quick`: None, or a function (list of headers) -> such a list for the directory for quick
    opening, which the main header points to."""
    files_out, headers = b"", []
    for path, data in files.items():
        # File encryption record, "extra area": AES-256, no check value; the data is noise then
        extra = vint(1) + vint(0) + vint(0) + b"\x0f" + bytes(range(16)) + bytes(range(16)) if is_locked else b""
        packed = ciphertext(data) if is_locked else data
        block = rar5_file(path, data, extra=extra, packed=packed)
        headers.append((len(files_out), block[:len(block) - len(packed)]))
        files_out += block
    files_out += b"".join(services)
    main, directory = vint(1) + vint(0) + vint(0), b""
    if quick:
        # the record has two numbers and the place, which always takes five bytes here; so the main block has 17
        place = 17 + len(files_out)
        record = vint(1) + vint(1) + bytes([place >> shift & 127 | 128 for shift in (0, 7, 14, 21)]) + bytes([place >> 28])
        main = vint(1) + vint(1) + vint(1 + len(record)) + vint(0) + vint(len(record)) + record
        entries = b""
        for at, header in quick(headers):
            entries += rar5_block(vint(0) + vint(len(files_out) - at) + vint(len(header)) + header)
        directory = rar5_file("QO", entries, kind=3)
    return b"Rar!\x1a\x07\x01\x00" + rar5_block(main) + files_out + directory + rar5_block(vint(5) + vint(0) + vint(0))


def rar4_block(body):
    return struct.pack("<H", zlib.crc32(body) & 0xffff) + body


def rar4_file(name, data, kind=0x74, flags=0, packed=None, tail=b""):
    packed = data if packed is None else packed
    return rar4_block(struct.pack("<BHHIIBIIBBHI", kind, 0x8000 | flags, 32 + len(name) + len(tail), len(packed), len(data), 2, zlib.crc32(data),
                                  0x5C210000, 20, 0x30, len(name), 0x20) + name + tail) + packed


def rar4(files, is_locked=False, services=()):
    out = b"Rar!\x1a\x07\x00" + rar4_block(struct.pack("<BHHHI", 0x73, 0, 13, 0, 0))
    for path, data in files.items():
        out += rar4_file(path.replace("/", "\\").encode(), data, flags=4 if is_locked else 0, packed=ciphertext(data) if is_locked else None)
    return out + b"".join(services) + rar4_block(struct.pack("<BHH", 0x7b, 0x4000, 7))


# What WinRAR calls an alternate stream (NTFS): it belongs to the file before it, and its name may be a path (CVE-2025-8088).
def rar5_stream(path, data):
    return rar5_file("STM", data, kind=3, extra=vint(7) + b":" + path.encode(), flags=0x20)


def rar4_stream(path, data):
    return rar4_file(b"STM", data, kind=0x7a, flags=0x4020, tail=(":" + path).encode("utf-16le"))


add("rar", ".rar", rar5, bomb=many_of(rar5), encrypt={"AES": lambda files: rar5(files, True)})
add("rar 4", ".rar", rar4, of="rar", bomb=many_of(rar4), encrypt={"AES": lambda files: rar4(files, True)})


# .. LHA, stored
def crc16(data):
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0xA001 if crc & 1 else 0)
    return crc


def lha(files):
    out = b""
    for path, data in files.items():
        name = path.replace("/", "\\").encode()
        body = (b"-lh0-" + struct.pack("<IIIBBB", len(data), len(data), 0x5A210000, 0x20, 0, len(name)) + name +
                struct.pack("<H", crc16(data)))
        out += bytes([len(body), sum(body) & 255]) + body + data
    return out + b"\0"


add("lha", ".lzh", lha, bomb=many_of(lha))


# -- packages and images -----------------------------------------------------------------------------------------------------
CONTROL = b"Package: x\nVersion: 1\nArchitecture: all\nMaintainer: x <x@example.org>\nDescription: x\n"


def deb(files):
    tree = {"p/usr/share/x/" + path: data for path, data in files.items()}
    return by_tool({"p/DEBIAN/control": CONTROL, **tree}, ["dpkg-deb", "-b", "--root-owner-group", "-Zxz", "-z1", "p", "out"], "out")


SPEC = b"""Name: x
Version: 1
Release: 1
Summary: x
License: x
BuildArch: noarch
%description
x
%install
mkdir -p %{buildroot}/usr/share
cp -r %{_topdir}/t %{buildroot}/usr/share/x
%files
/usr/share/x
"""


def rpm(files):
    """Nothing of what it holds is touched: no stripping, no compiling of Python files."""
    tree = {"t/" + path: data for path, data in files.items()}
    return by_tool({"x.spec": SPEC, **tree}, ["sh", "-e", "-c", "rpmbuild --quiet -bb --define \"_topdir $PWD\" --define "
                   "'__os_install_post %{nil}' --define '_build_id_links none' x.spec; mv RPMS/noarch/*.rpm out"], "out")


add("deb", ".deb", deb, inside=lambda path: ["data.tar.xz", "data.tar", "usr/share/x/" + path],
    bomb=lambda: deb({"zeros.bin": bytes(BOMB_BYTES)}))
add("rpm", ".rpm", rpm, inside=lambda path: ["payload.cpio.gz", "payload.cpio", "usr/share/x/" + path],
    bomb=lambda: rpm({"zeros.bin": bytes(BOMB_BYTES)}))


def image(part, layout="none", is_tight=True):
    """`part`: as of media.py, without a directory."""
    kind, _, options = part.partition(":")

    def make(files):
        with tempfile.TemporaryDirectory() as d:
            tree, out = os.path.join(d, "t"), os.path.join(d, "out")
            for path, data in files.items():
                os.makedirs(os.path.dirname(os.path.join(tree, path)), exist_ok=True)
                with open(os.path.join(tree, path), "wb") as f:
                    f.write(data)
                os.utime(f.name, (STAMP, STAMP))
            room = sum((len(x) + 4095) // 4096 * 4096 for x in files.values()) * 11 // 10
            size = ":size=%d" % (3 * MIB + (room + MIB - 1) // MIB * MIB) if is_tight else ""
            subprocess.run([sys.executable, MEDIA, out, "--layout", layout, "--part",
                            ":".join(filter(None, (kind, tree, options))) + size], check=True,
                           env=dict(os.environ, SOURCE_DATE_EPOCH=str(STAMP)))
            with open(out, "rb") as f:
                return f.read()
    return make


def luks(files):
    return by_tool({}, [sys.executable, MEDIA, "out", "--layout", "mbr", "--part", "luks"], "out")


make_fat, make_ext = image("vfat", "mbr"), image("ext4")
make_iso, make_udf, make_squash = image("iso9660", is_tight=False), image("udf", is_tight=False), image("squashfs", is_tight=False)
add("iso9660", ".iso", make_iso, has_sums=False, ends=False, bomb=many_of(make_iso))
add("disk", ".img", make_fat, has_sums=False, ends=False, bomb=many_of(make_fat), encrypt={"LUKS": luks})
add("ext4", ".img", make_ext, of="disk", has_sums=False, ends=False, bomb=many_of(make_ext))
add("ISO with UDF", ".iso", make_udf, of="disk", has_sums=False, ends=False, bomb=many_of(make_udf))
add("squashfs", ".squashfs", make_squash, has_sums=False, ends=False, bomb=lambda: make_squash({"zeros.bin": bytes(BOMB_BYTES)}))


# -- virtual disks ------------------------------------------------------------------------------------------------------------
def converted(kind, *options):
    """The FAT image as another program's virtual disk."""
    def make(files):
        return by_tool({"raw": make_fat(files)}, ["qemu-img", "convert", "-f", "raw", "-O", kind, *options, "raw", "out"], "out")
    return make


def locked_qcow2(files):
    # It measures how fast it derives keys, and gives up when its clock is too coarse at that moment ("Unable to get accurate CPU usage").
    return by_tool({"raw": make_fat(files), "secret": b"locked"}, ["sh", "-c", "for n in 1 2 3 4 5 6 7 8 9; do %s && exit; done; exit 1" % (
        "qemu-img convert -f raw -O qcow2 --object secret,id=s,file=secret -o "
        "encrypt.format=luks,encrypt.key-secret=s,encrypt.iter-time=10 raw out")], "out")


def add_virtual(name, suffix, make, **more):
    add(name, suffix, make, inside=lambda path: ["", path], has_sums=False, bomb=many_of(make), **more)


add_virtual("qcow2", ".qcow2", converted("qcow2"), ends=False, encrypt={"LUKS": locked_qcow2})
add_virtual("qcow2, compressed", ".qcow2", converted("qcow2", "-c"), of="qcow2", ends=False)
add_virtual("vmdk", ".vmdk", converted("vmdk"), ends=False)
add_virtual("vmdk, stream-optimised", ".vmdk", converted("vmdk", "-o", "subformat=streamOptimized"), of="vmdk", ends=False)
add_virtual("vhd", ".vhd", converted("vpc"))
add_virtual("vhdx", ".vhdx", converted("vhdx"), ends=False)


# -- documents ---------------------------------------------------------------------------------------------------------------
def stream_name(path):
    return os.path.basename(path)[-31:]  # [MS-CFB] 2.6.4


def ole(files):
    flat = {stream_name(p): d for p, d in files.items()}
    return by_tool({"WordDocument": specimens.TEXT * 3, **flat}, ["gsf", "createole", "out", "WordDocument", *flat], "out")


def locked_ole(files):
    return by_tool({"EncryptionInfo": b"\4\0\4\0\x40\0\0\0" + specimens.TEXT, "EncryptedPackage": bytes(range(256)) * 40},
                   ["gsf", "createole", "out", "EncryptionInfo", "EncryptedPackage"], "out")


def pdf(files):
    flat = {os.path.basename(p): d for p, d in files.items()}
    attach = [word for p in flat for word in ("--add-attachment", p, "--")]
    return by_tool({"in.pdf": specimens.pdf(), **flat}, ["qpdf", "--deterministic-id", "in.pdf", *attach, "out"], "out")


def locked_pdf(files):
    return by_tool({"in.pdf": pdf(files)}, ["qpdf", "--encrypt", "user", "owner", "256", "--", "in.pdf", "out"], "out")


add("ole2", ".doc", ole, inside=lambda path: [stream_name(path)], has_sums=False, bomb=many_of(ole),
    encrypt={"EncryptedPackage": locked_ole})
add("pdf", ".pdf", pdf, inside=lambda path: ["EmbeddedFile/" + os.path.basename(path)], has_sums=False, bomb=of_zeros(pdf),
    encrypt={"AES": locked_pdf})


# -- what zip and tar are the ground of --------------------------------------------------------------------------------------
def parts(folder, fixed):
    """A zip by Python, whose first members are in the order that the format wants."""
    return lambda files: make_zip([*fixed, *((folder + p, d) for p, d in files.items())])


def add_zip(name, suffix, folder, fixed):
    make = parts(folder, fixed)
    add(name, suffix, make, of="zip", inside=lambda path: [folder + path], bomb=of_zeros(make))


def package(main, content_type):
    types = specimens.CONTENT_TYPES.replace(b"</Types>", b'<Override PartName="/%s" ContentType="%s"/></Types>' % (main, content_type))
    rels = specimens.RELS.replace(b"</Relationships>", b'<Relationship Id="r1" Type="http://schemas.openxmlformats.org/officeDocument/'
                                  b'2006/relationships/officeDocument" Target="%s"/></Relationships>' % main)
    return [("[Content_Types].xml", types), ("_rels/.rels", rels)]


WORD = b"application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"
SHEET = b"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"
WORKBOOK = b'<?xml version="1.0"?>\n<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheets/></workbook>'
ODF = [("mimetype", b"application/vnd.oasis.opendocument.text"),
       ("content.xml", b'<?xml version="1.0"?>\n<office:document-content xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0"/>'),
       ("META-INF/manifest.xml", b'<?xml version="1.0"?>\n<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:'
        b'manifest:1.0"/>')]
BOOK = [("mimetype", b"application/epub+zip"),
        ("META-INF/container.xml", b'<?xml version="1.0"?>\n<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"/>')]
add_zip("docx", ".docx", "word/embeddings/", package(b"word/document.xml", WORD) + [("word/document.xml", specimens.XML)])
add_zip("xlsx", ".xlsx", "xl/embeddings/", package(b"xl/workbook.xml", SHEET) + [("xl/workbook.xml", WORKBOOK)])
add_zip("odt", ".odt", "Pictures/", ODF)
add_zip("epub", ".epub", "EPUB/", BOOK)
add_zip("jar", ".jar", "x/", [("META-INF/MANIFEST.MF", b"Manifest-Version: 1.0\r\n\r\n")])


def record(files):
    """RECORD of a wheel with {path: bytes} in it, but for its own line."""
    return "".join("%s,sha256=%s,%d\n" % (p, base64.urlsafe_b64encode(hashlib.sha256(d).digest()).rstrip(b"=").decode(), len(d))
                   for p, d in files.items())


def wheel(files):
    whole = {"x-1.dist-info/METADATA": b"Metadata-Version: 2.1\nName: x\nVersion: 1\n", "x-1.dist-info/WHEEL": b"Wheel-Version: 1.0\n",
             **{"x/" + p: d for p, d in files.items()}}
    return make_zip([*whole.items(), ("x-1.dist-info/RECORD", (record(whole) + "x-1.dist-info/RECORD,,\n").encode())])


add("wheel", ".whl", wheel, of="zip", inside=lambda path: ["x/" + path], bomb=of_zeros(wheel))
add_zip("vsix", ".vsix", "extension/", [("[Content_Types].xml", specimens.CONTENT_TYPES),
                                        ("extension.vsixmanifest", b'<?xml version="1.0"?>\n<PackageManifest/>')])


def squeezed(tool, folder="", fixed=()):
    def make(files):
        tar = make_tar([*fixed, *((folder + p, d) for p, d in files.items())])
        return filtered(*tool)({"x": tar})
    return make


def add_tar(name, suffix, tool, of, folder="", fixed=()):
    make = squeezed(tool, folder, fixed)
    add(name, suffix, make, of=of, inside=lambda path: ["", folder + path], bomb=of_zeros(make))


add_tar("tar.gz", ".tar.gz", ("gzip", "-nc"), "gzip")
add_tar("tar.bz2", ".tar.bz2", ("bzip2", "-c"), "bzip2")
add_tar("tar.xz", ".tar.xz", ("xz", "-c", "-1"), "xz")
add_tar("tar.zst", ".tar.zst", ("zstd", "-cq", "--check"), "zstd")
add_tar("npm", ".tgz", ("gzip", "-nc"), "gzip", "package/", [("package/package.json", b'{"name": "x", "version": "1.0.0"}\n')])


def docker_archive(layer, path="l/layer.tar"):
    """Its members: configuration, manifest, and the layer."""
    sum_ = hashlib.sha256(layer).hexdigest()
    config = json.dumps({"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": ["sha256:" + sum_]}}).encode()
    name = hashlib.sha256(config).hexdigest() + ".json"
    return [(name, config), ("manifest.json", json.dumps([{"Config": name, "RepoTags": None, "Layers": [path]}]).encode()), (path, layer)]


def docker(files):
    """As `docker save` writes it: a tar for each layer, in a tar."""
    return make_tar(docker_archive(make_tar([("opt/" + p, d) for p, d in files.items()])))


add("docker save", ".tar", docker, of="tar", inside=lambda path: ["l/layer.tar", "opt/" + path], has_sums=False, bomb=many_of(docker))


# -- nested -------------------------------------------------------------------------------------------------------------------
def strip(name):
    """What a compressed stream's member is called (kiosk/container/names.c)."""
    if name.endswith(".tgz"):
        return name[:-4] + ".tar"
    for f in FORMATS.values():
        if f.inside("x")[0] == "" and f.name == f.format and name.lower().endswith(f.suffix.lower()):
            return name[:-len(f.suffix)] + (".raw" if f.name in ("qcow2", "vmdk", "vhd", "vhdx") else "")
    return name


def member_path(f, file_name, path):
    """By which name the station must know of `path` in the container `file_name`: a list of path elements."""
    found, name = [], os.path.basename(file_name)
    for element in f.inside(path):
        name = strip(os.path.basename(name)) if element == "" else element
        found.append(name)
    return found


def layers_of(f):
    return len(f.inside("x"))


def chained(chain, leaf, data, stem):
    """`data` under the name `leaf` in containers, the outermost first. Returns (bytes, member path of the data within the file,
    which must be called `stem` and the suffix of the first)."""
    names = [stem + chain[0].suffix] + ["%s%d%s" % (stem, n, f.suffix) for n, f in enumerate(chain[1:], 1)] + [leaf]
    path = []
    for n, f in enumerate(chain):
        path += member_path(f, names[n], names[n + 1])
        if f.inside("x")[-1] == "":  # it gives its member a name of its own making
            names[n + 1] = path[-1]
    for n in reversed(range(len(chain))):
        data = chain[n].make({names[n + 1]: data})
    return data, "/".join(path)


# Cheap to make and to open; a stream and an archive by turns.
ALTERNATING = ("zip", "gzip", "tar", "zstd", "7z", "xz", "cpio", "bzip2")


def nest(f, depth, leaf, data, stem):
    """As chained(), with exactly `depth` layers, `f` the outermost and, if there is room, the innermost."""
    room = depth - 2 * layers_of(f)
    chain = [f, f] if room >= 0 else [f]
    if room < 0:
        room += layers_of(f)
    chain[1:1] = [FORMATS[ALTERNATING[n % len(ALTERNATING)]] for n in range(room)]
    return chained(chain, leaf, data, stem)


# -- broken -------------------------------------------------------------------------------------------------------------------
def middle(data, around):
    """`around`: the same container with other data. Where the two differ is data, and not a header."""
    differs = [n for n, (a, b) in enumerate(zip(data, around)) if a != b]
    return differs[len(differs) // 2]


def truncated(data, around):
    return data[:middle(data, around)]


def flipped(data, around):
    at = middle(data, around)
    return data[:at] + bytes([data[at] ^ 0x10]) + data[at + 1:]


def main(argv):
    if argv[1:] == ["--list"]:
        for f in FORMATS.values():
            print("\t".join((f.name, f.format, f.suffix)))
        return 0
    if len(argv) < 4 or argv[1] not in FORMATS:
        sys.stderr.write(__doc__.strip() + "\n")
        return 64
    files = {}
    for path in argv[3:]:
        with open(path, "rb") as f:
            files[os.path.basename(path)] = f.read()
    with open(argv[2], "wb") as f:
        f.write(FORMATS[argv[1]].make(files))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
