# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""The text of a picture of the kernel's console, whose font (VGA, 8x16) is known to the last pixel: nothing is guessed. A cell that
shows none of its characters becomes U+FFFD."""
import gzip
import pathlib
import struct

FONT = pathlib.Path("/usr/share/consolefonts/Lat15-VGA16.psf.gz")  # console-setup-linux
WIDTH, HEIGHT = 8, 16
# Letters that the kernel draws otherwise (lib/fonts/font_8x16.c).
KERNEL_OWN = {"f": "00001c36323078303030307800000000", "v": "0000000000c6c6c6c6c66c3800000000"}


def load_font(path=FONT):
    """{sixteen bytes: character}, and each upside down in colour. PSF1: Linux, kbd's documentation."""
    data = gzip.decompress(path.read_bytes())
    magic, mode, height = struct.unpack_from("<HBB", data)
    if magic != 0x0436 or height != HEIGHT:
        raise ValueError("%s is no PSF1 font of %d lines" % (path, HEIGHT))
    count = 512 if mode & 1 else 256
    names = struct.unpack_from("<%dH" % ((len(data) - 4 - count * height) // 2), data, 4 + count * height)
    table, glyph = {}, 0
    first = True
    for code in names:  # for each glyph its characters, then 0xffff
        if code == 0xffff:
            glyph, first = glyph + 1, True
        elif first and glyph < count:
            shape = data[4 + glyph * height:4 + (glyph + 1) * height]
            table.setdefault(shape, chr(code))
            first = False
    table[bytes(HEIGHT)] = " "
    for character, shape in KERNEL_OWN.items():
        table[bytes.fromhex(shape)] = character
    for shape, character in list(table.items()):
        table.setdefault(bytes(b ^ 255 for b in shape), character)
    return table


def read_ppm(path):
    data = path.read_bytes()
    fields = data.split(None, 4)[:4]
    if fields[0] != b"P6" or fields[3] != b"255":
        raise ValueError("%s is no picture" % path)
    width, height = int(fields[1]), int(fields[2])
    return width, height, data[-width * height * 3:]


def text(path, font):
    """The lines of the screen."""
    width, height, pixels = read_ppm(path)
    lines = []
    for top in range(0, height - HEIGHT + 1, HEIGHT):
        rows = [pixels[(top + y) * width * 3:(top + y + 1) * width * 3] for y in range(HEIGHT)]
        line = []
        for left in range(0, width - WIDTH + 1, WIDTH):
            cell = [row[left * 3:(left + WIDTH) * 3] for row in rows]
            ground = cell[0][:3]
            shape = bytes(sum((c[x * 3:x * 3 + 3] != ground) << (7 - x) for x in range(WIDTH)) for c in cell)
            line.append(font.get(shape, "\ufffd"))
        lines.append("".join(line).rstrip())
    return "\n".join(lines).rstrip()
