# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""A printer of receipts, as far as Lazaret uses one: what a stream of ESC/POS puts on the paper. A command that it does not know is
an error, so that no byte of a name can have been one."""


class Paper:
    def __init__(self, stream):
        self.lines, self.images, self.cuts, self.centred = [], [], 0, False
        self.page, line, at, self.emphasised = None, bytearray(), 0, []
        emphasis = False
        if not stream.startswith(b"\x1b@"):
            raise ValueError("the printer is not initialised first")
        while at < len(stream):
            byte = stream[at]
            if byte == 0x0A:
                self.lines.append(line.decode("cp437"))
                if emphasis and line:
                    self.emphasised.append(self.lines[-1])
                line = bytearray()
                at += 1
            elif 0x20 <= byte <= 0x7E or byte >= 0x80:
                line.append(byte)
                at += 1
            elif stream[at:at + 2] == b"\x1b@":
                self.page, emphasis = 0, False
                at += 2
            elif stream[at:at + 2] == b"\x1bt":
                self.page = stream[at + 2]
                at += 3
            elif stream[at:at + 2] == b"\x1bE":
                emphasis = stream[at + 2] == 1
                at += 3
            elif stream[at:at + 2] == b"\x1ba":
                self.centred = stream[at + 2] == 1
                at += 3
            elif stream[at:at + 4] == b"\x1dv0\0":
                width, height = int.from_bytes(stream[at + 4:at + 6], "little"), int.from_bytes(stream[at + 6:at + 8], "little")
                data = stream[at + 8:at + 8 + width * height]
                if len(data) < width * height:
                    raise ValueError("the image is cut off")
                self.images.append((8 * width, height, data))
                at += 8 + width * height
            elif stream[at:at + 3] == b"\x1dVB":
                self.cuts += 1
                at += 4
            else:
                raise ValueError("at %d: no command that is ours: %r" % (at, stream[at:at + 8]))
        if line:
            raise ValueError("the last line does not end")
        if self.page != 0:
            raise ValueError("another code page")

    def picture(self, number=0):
        """A portable bitmap of one image: in PBM, as on paper, a 1 is black."""
        width, height, data = self.images[number]
        return b"P4 %d %d\n" % (width, height) + data
