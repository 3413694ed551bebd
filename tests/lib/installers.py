# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""Signed installer packages (MSI) and cabinets for tests/unit/test_authenticode_role.c: made by wixl and gcab, signed by
osslsigncode, and what an attacker makes of them. Called by certificates.py.
"""
import io
import struct
import zipfile

WXS = """<?xml version="1.0" encoding="utf-8"?>
<Wix xmlns="http://schemas.microsoft.com/wix/2006/wi">
 <Product Id="12345678-1234-1234-1234-111111111111" Name="Pump" Version="1.0.0" Manufacturer="Vendor" Language="1033"
  UpgradeCode="12345678-1234-1234-1234-222222222222">
  <Package InstallerVersion="200" Compressed="yes" Comments="pump"/>
  <Media Id="1" Cabinet="pump.cab" EmbedCab="yes"/>
  <Binary Id="first" SourceFile="first.bin"/><Binary Id="second" SourceFile="second.bin"/><Binary Id="third" SourceFile="third.bin"/>
  <Directory Id="TARGETDIR" Name="SourceDir"><Directory Id="ProgramFilesFolder"><Directory Id="INSTALLDIR" Name="Pump">
   <Component Id="C1" Guid="12345678-1234-1234-1234-333333333333"><File Id="F1" Source="file" KeyPath="yes"/></Component>
  </Directory></Directory></Directory>
  <Feature Id="F" Level="1"><ComponentRef Id="C1"/></Feature>
 </Product>
</Wix>
"""
NO_STREAM, END, STREAM = 0xffffffff, 0xfffffffe, 2
SIP_PACKAGE = bytes.fromhex('f1100c0000000000c000000000000046')
SIP_SCRIPT = bytes.fromhex('1fcc3b60594b084eb724d2c6297ef351')  # of PowerShell


class Compound:
    """A compound file with sectors of 512 bytes, to look at and to patch in place ([MS-CFB])."""

    def __init__(self, data):
        self.data = bytearray(data)
        assert struct.unpack_from('<H', data, 30)[0] == 9
        count = struct.unpack_from('<I', data, 44)[0]
        self.fat = []
        for sector in struct.unpack_from('<%dI' % count, data, 76):
            self.fat += struct.unpack_from('<128I', data, self.sector(sector))
        self.directory = self.chain(struct.unpack_from('<I', data, 48)[0])
        self.mini_chain = self.chain(self.start(0))
        self.mini_fat = []
        for sector in self.chain(struct.unpack_from('<I', data, 60)[0]):
            self.mini_fat += struct.unpack_from('<128I', data, self.sector(sector))

    @staticmethod
    def sector(n):
        return (n + 1) * 512

    def chain(self, at):
        out = []
        while at < 0xfffffffa:
            out.append(at)
            at = self.fat[at]
        return out

    def entry(self, n):
        """Where it is in the file."""
        return self.sector(self.directory[n // 4]) + n % 4 * 128

    def count(self):
        return 4 * len(self.directory)

    def field(self, n, at):
        return struct.unpack_from('<I', self.data, self.entry(n) + at)[0]

    def set(self, n, at, value):
        struct.pack_into('<I', self.data, self.entry(n) + at, value)

    def start(self, n):
        return self.field(n, 116)

    def size(self, n):
        return self.field(n, 120)

    def name(self, n):
        at, size = self.entry(n), struct.unpack_from('<H', self.data, self.entry(n) + 64)[0]
        return bytes(self.data[at:at + max(size, 2) - 2]).decode('utf-16-le')

    def streams(self):
        return [n for n in range(self.count()) if self.data[self.entry(n) + 66] == STREAM]

    def find(self, name):
        return next(n for n in self.streams() if self.name(n) == name)

    def is_mini(self, n):
        return self.size(n) < 4096

    def ranges(self, n):
        """(offset, length) of the stream's bytes in the file."""
        left, at = self.size(n), self.start(n)
        step = 64 if self.is_mini(n) else 512
        while left > 0:
            if step == 64:
                yield self.sector(self.mini_chain[at // 8]) + at % 8 * 64, min(left, 64)
                at = self.mini_fat[at]
            else:
                yield self.sector(at), min(left, 512)
                at = self.fat[at]
            left -= min(left, step)

    def read(self, n):
        return b''.join(bytes(self.data[at:at + size]) for at, size in self.ranges(n))

    def write(self, n, data):
        """In its small sectors, which are enough for it; those that are left over become free."""
        assert self.is_mini(n) and -(-len(data) // 64) <= -(-self.size(n) // 64)
        at, chain = self.start(n), []
        while at != END:
            chain.append(at)
            at = self.mini_fat[at]
        needed = -(-len(data) // 64)
        for k, sector in enumerate(chain[needed - 1:]):
            self.mini_fat[sector] = END if k == 0 else NO_STREAM
            table = self.chain(struct.unpack_from('<I', self.data, 60)[0])[sector // 128]
            struct.pack_into('<I', self.data, self.sector(table) + sector % 128 * 4, self.mini_fat[sector])
        self.set(n, 120, len(data))
        for at, size in self.ranges(n):
            self.data[at:at + size], data = data[:size], data[size:]


def is_signature(name):
    return name in ('\x05DigitalSignature', '\x05MsiDigitalSignatureEx')


def covered(package):
    """Ranges of the file that no one may change: contents, names, sizes, states and times of all but the signature. (offset,
    length, one in how many bytes is to be tried)."""
    out = [(package.entry(0) + 80, 20, 1)]
    for n in package.streams():
        at = package.entry(n)
        if is_signature(package.name(n)):
            continue
        out += [(*r, 41) for r in package.ranges(n)]
        out += [(at, 2 * len(package.name(n)) + 2, 5), (at + 64, 3, 1), (at + 96, 28, 3)]
    return out


def altered(data, at, value=None):
    out = bytearray(data)
    out[at] = out[at] ^ 1 if value is None else value
    return bytes(out)


def two_neighbours(package):
    """Two streams that follow each other in the order of their bytes, both small: where one ends is a matter of their sizes."""
    order = sorted((n for n in package.streams() if not is_signature(package.name(n))),
                   key=lambda n: package.name(n).encode('utf-16-le') + b'\0\0')
    return next((a, b) for a, b in zip(order, order[1:]) if package.is_mini(a) and package.is_mini(b) and
                package.size(a) % 64 and package.size(b) % 64 > 1)


def moved_border(data):
    """A byte of one stream goes over to the one before: the bytes of all, one after the other, are the same."""
    package = Compound(data)
    a, b = two_neighbours(package)
    first, second = package.read(a), package.read(b)
    package.write(a, first + second[:1])
    package.write(b, second[1:])
    return package.data


def archive(comment, content=b''):
    """A ZIP archive that says of `comment` bytes behind it that they are its comment."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, 'w') as z:
        z.writestr('META-INF/MANIFEST.MF', 'Main-Class: Evil\n')
        z.writestr('content', content)
    data = bytearray(out.getvalue())
    struct.pack_into('<H', data, len(data) - 2, comment)
    return bytes(data)


def end_on_its_own():
    """An archive whose end record (22 bytes) is all that its last sector holds: a directory before it is in another one."""
    return next(z for z in (archive(0, bytes(n)) for n in range(8000, 8513)) if len(z) % 512 == 22)


def moved_behind(data, more):
    """In sectors that nobody has, with the last one of a stream moved behind them: bytes are appended to nothing."""
    p = Compound(data)
    table = p.sector(struct.unpack_from('<I', p.data, 76)[0])
    n = next(n for n in p.streams() if not p.is_mini(n))
    chain = p.chain(p.start(n))
    first = len(p.data) // 512 - 1
    more = more.rjust(-(-len(more) // 512) * 512, b'\0')  # its end is the sector's
    old, new = p.sector(chain[-1]), first + len(more) // 512
    assert new < 128
    p.data += more + p.data[old:old + 512]
    p.data[old:old + 512] = bytes(512)
    for sector, value in ((chain[-2], new), (new, END), (chain[-1], NO_STREAM)):
        struct.pack_into('<I', p.data, table + 4 * sector, value)
    return p.data


def forged_directory():
    """As long as the vendor's, before whose end record it comes to stand; with other names."""
    z = end_on_its_own()
    size, at = struct.unpack_from('<II', z, len(z) - 10)
    return z[at:at + size].replace(b'MANIFEST.MF', b'EVIL1234.MF')


def make_packages(a, sign, content):
    for name, length in (('first.bin', 30), ('second.bin', 33), ('third.bin', 1000)):
        a.write(name, (name * length).encode())
    a.write('package.wxs', WXS.encode())
    a.run('wixl', '-o', 'package', 'package.wxs')
    names = ('-add-msi-dse',)
    sign(a, 'package', 'package-code', 'code', *names)
    sign(a, 'package', 'package-sha1', 'code', *names, digest='sha1')
    sign(a, 'package', 'package-nameless', 'code')
    sign(a, 'package', 'package-stranger', 'stranger', *names, chain=('other',))
    sign(a, 'package', 'package-expired', 'expired', *names)
    good = a.read('package-code')
    signed = Compound(good)
    a.write('package-covered', ''.join('%d %d %d\n' % r for r in covered(signed)).encode())
    a.write('package-border', moved_border(good))
    a.write('package-nameless-border', moved_border(a.read('package-nameless')))

    def variant(name, change):
        package = Compound(good)
        change(package)
        a.write('package-' + name, package.data)

    def shared(p):
        one, other = [n for n in p.streams() if p.is_mini(n) and p.size(n) > 64][:2]
        p.set(one, 116, p.start(other))
        p.set(one, 120, p.size(other))

    def loop(p):
        n = next(n for n in p.streams() if not p.is_mini(n))
        table = p.sector(struct.unpack_from('<I', p.data, 76)[0])
        struct.pack_into('<I', p.data, table + 4 * p.start(n), p.start(n))

    def disorder(p):
        """What comes after an entry is said to come before it."""
        n = next(n for n in p.streams() if p.field(n, 68) != p.field(n, 72))
        left, right = p.field(n, 68), p.field(n, 72)
        p.set(n, 68, right)
        p.set(n, 72, left)

    def twice(p):
        n = next(n for n in p.streams() if p.field(n, 72) == NO_STREAM)
        p.set(n, 72, p.field(0, 76))

    def high_half(p):
        p.set(next(iter(p.streams())), 124, 0x12345678)

    def zeroed(p):
        p.write(p.find('\x05MsiDigitalSignatureEx'), bytes(32))

    def endless(p):
        p.set(next(n for n in p.streams() if not p.is_mini(n)), 120, 0xffffff00)

    variant('half', high_half)
    variant('zeroed', zeroed)
    variant('endless', endless)
    variant('shared', shared)
    variant('loop', loop)
    variant('disorder', disorder)
    variant('twice', twice)
    variant('class', lambda p: p.data.__setitem__(p.entry(0) + 80, p.data[p.entry(0) + 80] ^ 1))
    variant('spare', lambda p: p.write(p.find('\x05DigitalSignature'), p.read(p.find('\x05DigitalSignature')) + b'PK'))
    variant('script', lambda p: p.write(p.find('\x05DigitalSignature'), content(
        '1.3.6.1.4.1.311.2.1.30', SIP_SCRIPT, p.read(p.find('\x05DigitalSignature')))))
    variant('by-hand', lambda p: p.write(p.find('\x05DigitalSignature'), content(
        '1.3.6.1.4.1.311.2.1.30', SIP_PACKAGE, p.read(p.find('\x05DigitalSignature')))))
    a.write('package-appended', good + b'PK\3\4' + b'x' * 508)
    a.write('package-zeros', good + bytes(1024))
    a.write('package-cut', good[:-512])
    a.write('package-jar', moved_behind(good, archive(512)))
    # one in which the vendor has an archive at the end
    a.write('third.bin', end_on_its_own())
    a.run('wixl', '-o', 'package-with', 'package.wxs')
    sign(a, 'package-with', 'package-archive', 'code', *names)
    with_archive = a.read('package-archive')
    a.write('package-directory', moved_behind(with_archive, forged_directory()))
    a.write('package-moved', moved_behind(with_archive, b'nothing'))
    # without a signature there is nothing to say, however odd it is
    plain = Compound(a.read('package'))
    disorder(plain)
    a.write('package-odd', plain.data)


def make_cabinets(a, sign, with_jar_in):
    a.run('gcab', '-c', 'cabinet', 'file', 'other-file')
    sign(a, 'cabinet', 'cabinet-code', 'code')
    sign(a, 'cabinet', 'cabinet-stranger', 'stranger', chain=('other',))
    sign(a, 'cabinet', 'cabinet-sha1', 'code', digest='sha1')
    good = a.read('cabinet-code')
    at = struct.unpack_from('<I', good, 44)[0]
    a.write('cabinet-tampered', altered(good, at - 1))
    a.write('cabinet-appended', good + b'tail')
    a.write('cabinet-cut', good[:-8])
    a.write('cabinet-reserved', altered(good, 4))
    a.write('cabinet-number', altered(good, 34))
    a.write('cabinet-set', altered(good, 30, good[30] | 2))
    a.write('cabinet-header', altered(good, 52))
    # more of the file before the signature than the cabinet says that it has
    inserted = bytearray(good[:at] + b'inserted' + good[at:])
    struct.pack_into('<I', inserted, 44, at + 8)
    a.write('cabinet-inserted', inserted)
    signature = with_jar_in(good[at:])
    signature += bytes(-len(signature) % 8)
    carrier = bytearray(good[:at] + signature)
    struct.pack_into('<I', carrier, 48, len(signature))
    a.write('cabinet-jar', carrier)
    # reserved bytes of an application
    plain = a.read('cabinet')
    own = bytearray(plain[:36] + struct.pack('<HBB', 32, 0, 0) + b'an application keeps this here..' + plain[36:])
    for offset, more in ((8, 36), (16, 36), (36 + 36, 36)):
        struct.pack_into('<I', own, offset, struct.unpack_from('<I', own, offset)[0] + more)
    struct.pack_into('<H', own, 30, own[30] | 4)
    a.write('cabinet-own', own)
    empty = bytearray(good[:at])
    struct.pack_into('<II', empty, 44, 0, 0)
    a.write('cabinet-emptied', empty)
