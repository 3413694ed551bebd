# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""Contents of files for the rows: what tests/lib/specimens.py does not have yet."""
import base64
import binascii
import functools
import os
import shutil
import struct
import subprocess
import tempfile
import zlib

import bench  # noqa: F401  puts tests/lib on the path
import specimens
from specimens import EICAR, TEXT, by_tool, gz, make_tar, make_zip

GOOD = b"Nothing but a plain line of text, which hurts nobody.\n" * 20


@functools.lru_cache(maxsize=None)
def made(name):
    """A specimen by its name, built once."""
    return specimens.SPECIMENS[name][3]()


def specimen(name):
    return lambda: made(name)


def need(tool):
    if not shutil.which(tool):
        raise bench.Broken("no program %s: `make deps` installs it" % tool)


# -- containers, each with the test virus -------------------------------------------------------------------------
def archive(*options, name="eicar.com", data=EICAR):
    """By libarchive itself: what it can write, it can read."""
    need("bsdtar")
    return by_tool({name: data, "readme.txt": TEXT}, ["bsdtar", "-c", "-f", "out", *options, "readme.txt", name], "out")


def cabinet():
    """MS-CAB, one folder, stored (MS-CAB section 2)."""
    name, data = b"eicar.com\0", EICAR
    header, folder, entry = 36, 8, 16 + len(name)
    at = header + folder + entry
    total = at + 8 + len(data)
    block = struct.pack("<IHH", 0, len(data), len(data)) + data
    return (b"MSCF" + struct.pack("<IIIIIBBHHHHH", 0, total, 0, header + folder, 0, 3, 1, 1, 1, 0, 4660, 0) +
            struct.pack("<IHH", at, 1, 0) + struct.pack("<IIHHHH", len(data), 0, 0, 0x5A21, 0, 32) + name + block)


def lha():
    """LHarc, header level 0, stored."""
    name, data = b"eicar.com", EICAR
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0xA001 if crc & 1 else 0)
    body = (b"-lh0-" + struct.pack("<IIIBBB", len(data), len(data), 0x5A210000, 0x20, 0, len(name)) + name +
            struct.pack("<H", crc))
    return bytes([len(body), sum(body) & 255]) + body + data + b"\0"


def by_arj():
    need("arj")
    return by_tool({"eicar.com": EICAR}, ["arj", "a", "out.arj", "eicar.com"], "out.arj")


def package_deb():
    tree = {"p/DEBIAN/control": b"Package: x\nVersion: 1\nArchitecture: all\nMaintainer: x <x@example.org>\nDescription: x\n",
            "p/usr/share/x/eicar.com": EICAR}
    return by_tool(tree, ["dpkg-deb", "-b", "--root-owner-group", "p", "out.deb"], "out.deb")


def mail_box():
    return b"From a@example.org Thu Jan  1 00:00:00 2026\n" + made("mail-eicar").replace(b"\r\n", b"\n") + b"\n"


def uuencoded():
    lines = [binascii.b2a_uu(EICAR[i:i + 45]) for i in range(0, len(EICAR), 45)]
    return b"begin 644 eicar.com\n" + b"".join(lines) + b"`\nend\n"


def base64_in_json():
    return b'{"name": "eicar.com", "data": "%s"}\n' % base64.b64encode(EICAR)


def pdf_attachment():
    return by_tool({"a.pdf": specimens.pdf(), "eicar.com": EICAR},
                   ["qpdf", "a.pdf", "--add-attachment", "eicar.com", "--", "o.pdf"], "o.pdf")


def rtf_object():
    """An OLE package inside of RTF, in hexadecimal (MS-OLEDS section 2.2.5)."""
    data = b"\2\0eicar.com\0c:\\eicar.com\0\0\0\3\0" + struct.pack("<I", 13) + b"c:\\eicar.com\0" + struct.pack("<I", len(EICAR)) + EICAR
    ole = (struct.pack("<III", 0x501, 2, 8) + b"Package\0" + struct.pack("<II", 0, 0) + struct.pack("<I", len(data)) + data)
    return b"{\\rtf1\\ansi text {\\object\\objemb{\\*\\objdata " + binascii.hexlify(ole) + b"}}}"


def ole2():
    need("gsf")
    return by_tool({"WordDocument": TEXT * 3, "eicar.com": EICAR}, ["gsf", "createole", "o.doc", "WordDocument", "eicar.com"], "o.doc")


def container_image():
    """As `docker save` writes it: tars in a tar."""
    layer = make_tar([("opt/eicar.com", EICAR)])
    return make_tar([("manifest.json", b'[{"Config":"c.json","RepoTags":null,"Layers":["l/layer.tar"]}]'), ("c.json", b"{}"),
                     ("l/layer.tar", layer)])


def mixed_nesting():
    """A different container at each level."""
    data = make_zip([("eicar.com", EICAR)])
    data = gz(make_tar([("a.zip", data)]))
    data = by_tool({"a.tar.gz": data}, ["7z", "a", "o.7z", "a.tar.gz"], "o.7z")
    data = by_tool({"t/a.7z": data}, ["genisoimage", "-quiet", "-J", "-R", "-o", "o.iso", "t"], "o.iso")
    return make_zip([("a.iso", data)])


# -- bombs ----------------------------------------------------------------------------------------------------
@functools.lru_cache(maxsize=None)
def deflated_zeros(mib):
    """Raw Deflate of many MiB of zeros: one block many times, as a full flush makes all blocks alike (RFC 1951)."""
    compressor = zlib.compressobj(9, zlib.DEFLATED, -15)
    block = compressor.compress(b"\0" * (1 << 20)) + compressor.flush(zlib.Z_FULL_FLUSH)
    return block * mib + compressor.flush()


@functools.lru_cache(maxsize=None)
def crc_of_zeros(mib):
    crc, block = 0, b"\0" * (1 << 20)
    for _ in range(mib):
        crc = zlib.crc32(block, crc)
    return crc


def zeros_gz(mib):
    """Many MiB of zeros in a thousandth of the room."""
    return (b"\x1f\x8b\x08\0\0\0\0\0\2\xff" + deflated_zeros(mib) +
            struct.pack("<II", crc_of_zeros(mib), (mib << 20) & 0xFFFFFFFF))


def zip_of_zeros(mib):
    data, crc = deflated_zeros(mib), crc_of_zeros(mib)
    size, name = mib << 20, b"zeros.bin"
    local = struct.pack("<IHHHHHIIIHH", 0x04034B50, 20, 0, 8, 0, 0x5C21, crc, len(data), size, len(name), 0) + name
    central = struct.pack("<IHHHHHHIIIHHHHHII", 0x02014B50, 20, 20, 0, 8, 0, 0x5C21, crc, len(data), size, len(name), 0, 0,
                          0, 0, 0, 0) + name
    end = struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, 1, 1, len(central), len(local) + len(data), 0)
    return local + data + central + end


def zip_tree(width, depth):
    """width^depth members, as in 42.zip."""
    data = zip_of_zeros(4)
    for level in range(depth):
        data = make_zip([("%d-%d.zip" % (level, n), data) for n in range(width)])
    return data


# -- signatures -------------------------------------------------------------------------------------------------
class Vendor:
    """A key of somebody who signs what he delivers, by the packaged minisign."""

    def __init__(self, directory, name):
        self.name = name
        self.secret, self.public = (os.path.join(directory, name + suffix) for suffix in (".key", ".pub"))
        subprocess.run(["minisign", "-G", "-W", "-f", "-s", self.secret, "-p", self.public], check=True,
                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def sign(self, path, to=None, comment="a delivery"):
        subprocess.run(["minisign", "-S", "-W", "-s", self.secret, "-m", path, "-x", to or path + ".minisig", "-t", comment],
                       check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)

    def sign_bytes(self, data):
        with tempfile.TemporaryDirectory() as d:
            path = os.path.join(d, "f")
            with open(path, "wb") as f:
                f.write(data)
            self.sign(path)
            with open(path + ".minisig", "rb") as f:
                return f.read()
