#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""Build single files on which virus scanners have been seen to answer "clean" without looking, and ordinary ones.

usage: specimens.py --list
       specimens.py OUTDIR [NAME...]     default: all but the heavy ones

--list prints one line a specimen, fields separated by tabs: name, file name, what the examiners must say, why.
What they must say: "clean", or reason codes of which at least one must be given, separated by commas, each with an
optional "@member". "heavy" at the start of the why marks those that take long or much room.

The payload is the EICAR test file, put together here so that this script does not hold it; a database that finds it
as a body and as a hash of the whole file (eicar.ndb, eicar.hdb) is written by the names db-ndb and db-hdb.
Needs zip, 7z, qpdf, gsf, genisoimage, mke2fs, mkfs.vfat, mksquashfs, zstd, lz4, lzip.
"""
import bz2
import gzip
import hashlib
import io
import lzma
import os
import pickle
import sqlite3
import struct
import subprocess
import sys
import tarfile
import tempfile
import zipfile
import zlib

EICAR = b'X5O!P%@AP[4\\PZX54(P^)7CC)7}$' + b'EICAR-STANDARD-' + b'ANTIVIRUS-TEST-FILE!$H+H*'
TEXT = b'The quick brown fox jumps over the lazy dog, and nothing else happens here.\n' * 40
DATE = (2026, 1, 1, 0, 0, 0)
STAMP = 1767225600

SPECIMENS = {}


def specimen(name, file_name, expect, why):
    def register(build):
        SPECIMENS[name] = (file_name, expect, why, build)
        return build
    return register


def add(name, file_name, expect, why, data):
    SPECIMENS[name] = (file_name, expect, why, data if callable(data) else lambda: data)


# -- helpers ---------------------------------------------------------------------------------------------------

def run(argv, cwd, **kw):
    env = dict(os.environ, MTOOLS_SKIP_CHECK='1', SOURCE_DATE_EPOCH=str(STAMP))
    subprocess.run(argv, cwd=cwd, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=env, **kw)


def by_tool(files, argv, result, **kw):
    """Put files (name -> bytes) into a directory, run a tool there, return the bytes of the result."""
    with tempfile.TemporaryDirectory() as d:
        for name, data in files.items():
            path = os.path.join(d, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, 'wb') as f:
                f.write(data)
            os.utime(path, (STAMP, STAMP))
        run(argv, d, **kw)
        with open(os.path.join(d, result), 'rb') as f:
            return f.read()


def make_zip(members, method=zipfile.ZIP_DEFLATED, **kw):
    out = io.BytesIO()
    with zipfile.ZipFile(out, 'w', method) as z:
        for name, data in members:
            z.writestr(zipfile.ZipInfo(name, DATE), data, compress_type=method, **kw)
    return out.getvalue()


def make_tar(members, fmt=tarfile.USTAR_FORMAT):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode='w', format=fmt) as t:
        for item in members:
            info = tarfile.TarInfo(item[0])
            info.mtime = STAMP
            if isinstance(item[1], bytes):
                info.size = len(item[1])
                t.addfile(info, io.BytesIO(item[1]))
            else:
                for key, value in item[1].items():
                    setattr(info, key, value)
                t.addfile(info)
    return out.getvalue()


def gz(data):
    return gzip.compress(data, mtime=0)


def patch(data, at, new):
    return data[:at] + new + data[at + len(new):]


def zip_members():
    return [('readme.txt', TEXT), ('dir/eicar.com', EICAR)]


# -- payload plain and databases -------------------------------------------------------------------------------

add('db-ndb', 'eicar.ndb', 'clean', 'database: EICAR as a body signature, anywhere', b'Test.Eicar.Body:0:*:' + EICAR.hex().encode() + b'\n')
add('db-hdb', 'eicar.hdb', 'clean', 'database: EICAR as a hash of the whole file',
    hashlib.md5(EICAR).hexdigest().encode() + b':68:Test.Eicar.Hash\n')
add('empty', 'empty.txt', 'clean', 'no bytes at all', b'')
add('one-byte', 'one.txt', 'clean', 'libclamav looks at nothing of five bytes or fewer', b'x')
add('five-bytes', 'five.txt', 'clean', 'libclamav looks at nothing of five bytes or fewer', b'12345')
add('text', 'text.txt', 'clean', 'ordinary text', TEXT)
add('eicar', 'eicar.com', 'malware', 'the test file itself', EICAR)

# -- archives that are opened -----------------------------------------------------------------------------------

add('zip', 'plain.zip', 'clean', 'ordinary', lambda: make_zip([('a.txt', TEXT), ('dir/b.txt', TEXT[::-1])]))
add('zip-stored', 'stored.zip', 'clean', 'ordinary', lambda: make_zip([('a.txt', TEXT)], zipfile.ZIP_STORED))
add('zip-bzip2', 'bzip2.zip', 'clean', 'ordinary', lambda: make_zip([('a.txt', TEXT)], zipfile.ZIP_BZIP2))
add('zip-empty', 'empty.zip', 'clean', 'no members', lambda: make_zip([]))
add('zip-eicar', 'eicar.zip', 'malware@dir/eicar.com', 'deflated member', lambda: make_zip(zip_members()))
add('zip-eicar-bzip2', 'eicar-bzip2.zip', 'malware@dir/eicar.com', 'method 12', lambda: make_zip(zip_members(), zipfile.ZIP_BZIP2))
add('zip-info', 'info.zip', 'clean', 'made by Info-ZIP, with its extra fields',
    lambda: by_tool({'a.txt': TEXT, 'd/b.txt': TEXT}, ['zip', '-r', 'o.zip', 'a.txt', 'd'], 'o.zip'))
add('tar', 'plain.tar', 'clean', 'ordinary', lambda: make_tar([('a.txt', TEXT), ('d', {'type': tarfile.DIRTYPE}),
    ('d/l', {'type': tarfile.SYMTYPE, 'linkname': '../a.txt'}), ('d/b.txt', TEXT)]))
add('tar-pax', 'pax.tar', 'clean', 'ordinary, long names in pax records',
    lambda: make_tar([('d' * 120 + '/a.txt', TEXT)], tarfile.PAX_FORMAT))
add('tar-gnu', 'gnu.tar', 'clean', 'ordinary, long names in GNU records',
    lambda: make_tar([('d' * 120 + '/a.txt', TEXT)], tarfile.GNU_FORMAT))
add('tar-eicar', 'eicar.tar', 'malware@dir/eicar.com', 'member', lambda: make_tar(zip_members()))
add('tgz', 'plain.tar.gz', 'clean', 'ordinary', lambda: gz(make_tar([('a.txt', TEXT)])))
add('tgz-eicar', 'eicar.tar.gz', 'malware@#1/dir/eicar.com', 'member', lambda: gz(make_tar(zip_members())))
add('gz', 'plain.txt.gz', 'clean', 'ordinary', lambda: gz(TEXT))
add('gz-eicar', 'eicar.com.gz', 'malware', 'member', lambda: gz(EICAR))
add('gz-two', 'two.gz', 'malware', 'the second of two gzip members', lambda: gz(TEXT) + gz(EICAR))
add('bz2', 'plain.txt.bz2', 'clean', 'ordinary', lambda: bz2.compress(TEXT))
add('bz2-eicar', 'eicar.com.bz2', 'malware', 'member', lambda: bz2.compress(EICAR))
add('xz', 'plain.txt.xz', 'clean', 'ordinary', lambda: lzma.compress(TEXT))
add('xz-eicar', 'eicar.com.xz', 'malware', 'member', lambda: lzma.compress(EICAR))
add('7z', 'plain.7z', 'clean', 'ordinary', lambda: by_tool({'a.txt': TEXT, 'b.txt': TEXT[::-1]}, ['7z', 'a', 'o.7z', 'a.txt', 'b.txt'], 'o.7z'))
add('7z-eicar', 'eicar.7z', 'malware@eicar.com', 'member', lambda: by_tool({'eicar.com': EICAR}, ['7z', 'a', 'o.7z', 'eicar.com'], 'o.7z'))
add('7z-ppmd', 'ppmd.7z', 'malware@eicar.com', 'method PPMd', lambda: by_tool({'eicar.com': EICAR + b''}, ['7z', 'a', '-m0=ppmd', 'o.7z', 'eicar.com'], 'o.7z'))
add('cpio-eicar', 'eicar.cpio', 'malware@eicar.com', 'member',
    lambda: by_tool({'eicar.com': EICAR}, ['sh', '-c', 'echo eicar.com | cpio -o -H newc > o.cpio'], 'o.cpio'))
add('cpio', 'plain.cpio', 'clean', 'ordinary', lambda: by_tool({'a.txt': TEXT}, ['sh', '-c', 'echo a.txt | cpio -o -H newc > o.cpio'], 'o.cpio'))
add('iso', 'plain.iso', 'clean', 'ordinary, Joliet and Rock Ridge',
    lambda: by_tool({'t/a.txt': TEXT}, ['genisoimage', '-quiet', '-J', '-R', '-o', 'o.iso', 't'], 'o.iso'))
add('iso-eicar', 'eicar.iso', 'malware', 'file on the image',
    lambda: by_tool({'t/eicar.com': EICAR}, ['genisoimage', '-quiet', '-J', '-R', '-o', 'o.iso', 't'], 'o.iso'))


def nested(levels, inner=EICAR, leaf='eicar.com'):
    data, name = inner, leaf
    for n in range(levels):
        data, name = make_zip([(name, data)], zipfile.ZIP_STORED if n % 2 else zipfile.ZIP_DEFLATED), 'n%d.zip' % n
    return data


add('nested-10', 'nested10.zip', 'malware', 'ten zips deep', lambda: nested(10))
add('nested-28', 'nested28.zip', 'malware', 'as deep as the examiners go', lambda: nested(28))
add('nested-31', 'nested31.zip', 'malware,limit-exceeded,container-opaque', 'deeper than the examiners go', lambda: nested(31))
add('nested-31-harmless', 'nested31h.zip', 'limit-exceeded,container-opaque', 'deeper than the examiners go', lambda: nested(31, TEXT, 'a.txt'))

# -- documents ---------------------------------------------------------------------------------------------------

CONTENT_TYPES = (b'<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n<Types xmlns="http://schemas.openxmlformats.org/'
                 b'package/2006/content-types"><Default Extension="xml" ContentType="application/xml"/><Default Extension='
                 b'"rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/></Types>')
RELS = (b'<?xml version="1.0" encoding="UTF-8"?>\n<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/'
        b'relationships"></Relationships>')
XML = b'<?xml version="1.0" encoding="UTF-8"?>\n<w:document xmlns:w="urn:x"><w:p>Hello</w:p></w:document>'


def ooxml(extra=(), main='word/document.xml'):
    return make_zip([('[Content_Types].xml', CONTENT_TYPES), ('_rels/.rels', RELS), (main, XML)] + list(extra))


PDF_OBJECTS = [b'<</Type/Catalog/Pages 2 0 R>>', b'<</Type/Pages/Kids[3 0 R]/Count 1>>',
               b'<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 200]/Contents 4 0 R>>']


def pdf():
    stream = zlib.compress(b'BT /F1 12 Tf 20 100 Td (Hello) Tj ET ' * 20)
    objects = PDF_OBJECTS + [b'<</Length %d/Filter/FlateDecode>>\nstream\n%s\nendstream' % (len(stream), stream)]
    out, places = b'%PDF-1.5\n%\xe2\xe3\xcf\xd3\n', []
    for n, body in enumerate(objects, 1):
        places.append(len(out))
        out += b'%d 0 obj\n%s\nendobj\n' % (n, body)
    start = len(out)
    out += b'xref\n0 %d\n0000000000 65535 f \n' % (len(objects) + 1)
    out += b''.join(b'%010d 00000 n \n' % p for p in places)
    return out + b'trailer\n<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n' % (len(objects) + 1, start)


def png():
    def chunk(kind, data):
        return struct.pack('>I', len(data)) + kind + data + struct.pack('>I', zlib.crc32(kind + data))
    rows = b''.join(b'\0' + bytes([x * 8 % 256, y * 8 % 256, 128] * 1) * 32 for y in range(32) for x in [y])
    return (b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR', struct.pack('>IIBBBBB', 32, 32, 8, 2, 0, 0, 0)) +
            chunk(b'IDAT', zlib.compress(rows)) + chunk(b'IEND', b''))


HTML = b'<html><head><title>Page</title></head><body><p>Hello, <b>world</b></p>\n%s</body></html>\n'

add('docx', 'plain.docx', 'clean', 'ordinary', ooxml)
add('xlsx', 'plain.xlsx', 'clean', 'ordinary', lambda: ooxml(main='xl/workbook.xml'))
add('docx-eicar', 'eicar.docx', 'malware@word/embeddings/x.bin', 'embedded object', lambda: ooxml([('word/embeddings/x.bin', EICAR)]))
add('jar', 'plain.jar', 'clean', 'ordinary', lambda: make_zip([('META-INF/MANIFEST.MF', b'Manifest-Version: 1.0\r\n\r\n'), ('A.txt', TEXT)]))
add('pdf', 'plain.pdf', 'clean', 'ordinary', pdf)
add('pickle', 'plain.pkl', 'clean', 'ordinary: imports nothing', lambda: pickle.dumps({'a': [1, 2, 3], 'b': 'text'}, 4))
add('png', 'plain.png', 'clean', 'ordinary', png)
add('html', 'plain.html', 'clean', 'ordinary', HTML % b'')
add('mail-eicar', 'eicar.eml', 'malware', 'attachment in base64', lambda: (
    b'From: a@example.org\r\nTo: b@example.org\r\nSubject: x\r\nMIME-Version: 1.0\r\nContent-Type: application/octet-stream; '
    b'name="eicar.com"\r\nContent-Transfer-Encoding: base64\r\nContent-Disposition: attachment; filename="eicar.com"\r\n\r\n' +
    __import__('base64').encodebytes(EICAR) + b'\r\n'))

# -- libclamav answers "clean" without having looked: archives (research 2.1) ------------------------------------

add('zip64', 'zip64.zip', 'container-opaque', 'ZIP64 members are never unpacked',
    lambda: by_tool({'eicar.com': EICAR}, ['zip', '-fz', 'o.zip', 'eicar.com'], 'o.zip'))
add('zip64-stream', 'zip64-stream.zip', 'container-opaque', 'zip from a pipe makes ZIP64',
    lambda: by_tool({'eicar.com': EICAR}, ['sh', '-c', 'cat eicar.com | zip -fz o.zip -'], 'o.zip'))
for n, (method, code) in enumerate((('LZMA', 14), ('PPMd', 98), ('xz', 95), ('Deflate64', 9))):
    add('zip-' + method.lower(), method.lower() + '.zip',
        'malware@eicar.com,container-opaque@eicar.com' if code == 9 else 'container-opaque@eicar.com',
        'zip method %d' % code,
        lambda method=method: by_tool({'eicar.com': EICAR * 40}, ['7z', 'a', '-tzip', '-mm=' + method, 'o.zip', 'eicar.com'], 'o.zip'))


def with_method(code):
    data = make_zip([('eicar.com', EICAR * 40)])
    central = data.rindex(b'PK\1\2')
    return patch(patch(data, 8, struct.pack('<H', code)), central + 10, struct.pack('<H', code))


add('zip-zstd', 'zstd.zip', 'container-opaque@eicar.com', 'zip method 93', lambda: with_method(93))
add('zip-method-99', 'method99.zip', 'container-opaque@eicar.com', 'zip method 99', lambda: with_method(99))


def zip_mismatch():
    data = make_zip([('eicar.com', EICAR)], zipfile.ZIP_STORED)
    return patch(data, 8, struct.pack('<H', 8))


def zip_rename():
    data = make_zip([('eicar.com', TEXT)])
    return patch(data, data.rindex(b'eicar.com'), b'other.txt')


def zip_hidden():
    """A local entry that no directory names, before the listed one."""
    first, second = make_zip([('eicar.com', EICAR)]), make_zip([('a.txt', TEXT)])
    hidden = first[:first.index(b'PK\1\2')]
    at = second.index(b'PK\1\2')
    central = second[at:second.index(b'PK\5\6')]
    central = patch(central, 42, struct.pack('<I', len(hidden)))
    end = patch(second[second.index(b'PK\5\6'):], 16, struct.pack('<I', len(hidden) + at))
    return hidden + second[:at] + central + end


def zip_overlap():
    """Two directory entries for one place: the principle of flat bombs."""
    data = make_zip([('a.txt', TEXT), ('b.txt', TEXT[::-1])])
    at = data.rindex(b'PK\1\2')
    return patch(patch(patch(data, at + 42, struct.pack('<I', 0)), at + 46, b'a.txt'), at + 16, data[14:26])


add('zip-mismatch', 'mismatch.zip', 'archive-unsafe,container-opaque', 'header and directory differ in the method', zip_mismatch)
add('zip-rename', 'rename.zip', 'archive-unsafe', 'header and directory differ in the name', zip_rename)
add('zip-hidden', 'hidden.zip', 'container-opaque,malware', 'a member that no directory names', zip_hidden)
add('zip-overlap', 'overlap.zip', 'archive-unsafe', 'members that overlap', zip_overlap)
add('zip-concat', 'concat.zip', 'archive-unsafe,container-opaque', 'two zips behind each other',
    lambda: make_zip([('a.txt', TEXT)]) + make_zip([('eicar.com', EICAR * 40)]))
add('zip-trailing', 'trailing.zip', 'archive-unsafe,container-opaque', 'data after the end', lambda: make_zip([('a.txt', TEXT)]) + b'more data, which is no comment')
add('zip-truncated', 'truncated.zip', 'archive-unsafe,container-opaque', 'no directory', lambda: make_zip(zip_members())[:-30])
add('zip-split', 'split.z01', 'archive-unsafe,container-opaque', 'parts of a split archive are never joined',
    lambda: by_tool({'a.bin': os.urandom(100000) + EICAR}, ['zip', '-s', '64k', 'o.zip', 'a.bin'], 'o.z01'))
add('zip-corrupt', 'corrupt.zip', 'archive-unsafe,container-opaque', 'damaged data of a member',
    lambda: (lambda d: patch(d, d.index(b'a.txt') + 30, b'\xff' * 20))(make_zip([('a.txt', os.urandom(64).hex().encode() * 50)])))
add('zip-traversal', 'traversal.zip', 'archive-unsafe', 'a name that leads out', lambda: make_zip([('../../etc/passwd', TEXT)]))
add('gz-truncated', 'truncated.gz', 'archive-unsafe,container-opaque', 'libclamav passes on what it has', lambda: gz(os.urandom(3000))[:-600])
add('gz-corrupt', 'corrupt.gz', 'archive-unsafe,container-opaque', 'check sum does not hold', lambda: (lambda d: patch(d, len(d) - 8, b'\0\0\0\0'))(gz(TEXT)))
add('gz-trailing', 'trailing.gz', 'archive-unsafe,container-opaque', 'data after the end', lambda: gz(TEXT) + b'and something else')
add('bz2-streams', 'streams.bz2', 'container-opaque', 'only the first stream is opened', lambda: bz2.compress(TEXT) + bz2.compress(EICAR * 40))
add('bz2-truncated', 'truncated.bz2', 'archive-unsafe,container-opaque', 'damaged', lambda: bz2.compress(os.urandom(3000))[:-600])
add('xz-truncated', 'truncated.xz', 'archive-unsafe,container-opaque', 'damaged', lambda: lzma.compress(os.urandom(3000))[:-600])
add('xz-two', 'two.xz', 'malware', 'the second of two streams', lambda: lzma.compress(TEXT) + lzma.compress(EICAR))
add('tar-truncated', 'truncated.tar', 'archive-unsafe,container-opaque', 'the last member is cut short',
    lambda: make_tar([('a.txt', TEXT), ('b.bin', TEXT * 10)])[:9000])
add('tar-checksum', 'checksum.tar', 'archive-unsafe,container-opaque', 'damaged header of the second member',
    lambda: (lambda d: patch(d, d.index(b'eicar.com') + 20, b'\1'))(make_tar([('a.txt', TEXT), ('eicar.com', EICAR)])))
add('tar-trailing', 'trailing.tar', 'archive-unsafe,container-opaque', 'a second tar after the end of the first',
    lambda: make_tar([('a.txt', TEXT)]) + make_tar([('b.txt', TEXT)]))
add('tar-zeros', 'zeros.tar', 'malware,archive-unsafe,container-opaque,clean', 'a KiB of zeros and a payload: a "valid, empty tar" to libarchive', b'\0' * 1024 + EICAR)
add('tar-traversal', 'traversal.tar', 'archive-unsafe', 'a name that leads out', lambda: make_tar([('../../etc/passwd', TEXT)]))
add('tar-link-out', 'link.tar', 'container-opaque', 'a link that leads out: for who opens it to judge', lambda: make_tar([('a.txt', TEXT), ('l', {'type': tarfile.SYMTYPE, 'linkname': '../../etc'})]))
add('tar-device', 'device.tar', 'container-opaque', 'a device: likewise', lambda: make_tar([('a.txt', TEXT), ('d', {'type': tarfile.BLKTYPE, 'devmajor': 8})]))
add('7z-bzip2', 'bzip2.7z', 'container-opaque', '7z method BZip2 is skipped',
    lambda: by_tool({'eicar.com': EICAR * 40}, ['7z', 'a', '-m0=bzip2', 'o.7z', 'eicar.com'], 'o.7z'))
add('7z-deflate', 'deflate.7z', 'container-opaque', '7z method Deflate is skipped',
    lambda: by_tool({'eicar.com': EICAR * 40}, ['7z', 'a', '-m0=deflate', 'o.7z', 'eicar.com'], 'o.7z'))
add('7z-truncated', 'truncated.7z', 'archive-unsafe,container-opaque', 'no end header',
    lambda: by_tool({'eicar.com': EICAR * 40}, ['7z', 'a', 'o.7z', 'eicar.com'], 'o.7z')[:-20])
add('7z-split', 'split.7z.001', 'archive-unsafe,container-opaque', 'parts are never joined',
    lambda: by_tool({'a.bin': os.urandom(100000)}, ['7z', 'a', '-v50k', 'o.7z', 'a.bin'], 'o.7z.001'))
add('7z-trailing', 'trailing.7z', 'archive-unsafe,container-opaque', 'data after the end',
    lambda: by_tool({'a.txt': TEXT}, ['7z', 'a', 'o.7z', 'a.txt'], 'o.7z') + b'trailing')
add('rar', 'plain.rar', 'container-opaque', 'no RAR support in Debian', b'Rar!\x1a\x07\0\xcf\x90s\0\0\r\0\0\0\0\0\0\0' + TEXT)
add('rar5', 'plain5.rar', 'container-opaque', 'no RAR support in Debian', b'Rar!\x1a\x07\1\0' + b'\x33\x92\xb5\xe5\x0a\1\5\6\0\5\1\1\x80\x80\0' + TEXT)
for name, magic in (('id3', b'ID3\4\0\0'), ('mp3', b'\xff\xfb\x90\0'), ('ogg', b'OggS\0\2'), ('rmf', b'.RMF\0\0'),
                    ('sqlite-prefix', b'SQLite format 3\0'), ('sqlite-wal', b'\x37\x7f\x06\x82\x00\x2d\xe2\x18'), ('symc', b'SYMC\1\0'),
                    ('sip', b'SIP-HIT (SIP/H')):
    add('ignored-' + name, name + '.bin', 'malware', 'a type in which libclamav matches nothing', magic + b'....' + EICAR)
add('ignored-zip', 'id3zip.bin', 'malware', 'a zip behind "ID3"', lambda: b'ID3' + make_zip([('eicar.com', EICAR)]))
add('html-hash', 'hash.html', 'malware', 'whole-file hashes of HTML do not fire (needs the signature db-html)', HTML % b'unique for its hash')
add('html-raw', 'raw.html', 'malware', 'raw bytes of HTML are not matched', HTML % (b'<script>' + EICAR + b'</script>'))
add('html-late', 'late.txt', 'malware', '<html> on the second line', b'words\n<html>\n' + EICAR)
add('html-binary', 'binary.bin', 'malware', '<html> and binary', b'<html>' + bytes(range(256)) + EICAR)
add('db-html', 'html.hsb', 'clean', 'database: the hash of html-hash',
    lambda: b'%s:%d:Test.Html.Hash:73\n' % (hashlib.sha256(HTML % b'unique for its hash').hexdigest().encode(), len(HTML % b'unique for its hash')))
add('zip-behind-text', 'behind.txt', 'malware', 'a zip behind other data', lambda: TEXT + make_zip([('eicar.com', EICAR)]))
add('zip64-behind-text', 'behind64.txt', 'container-opaque', 'a ZIP64 archive behind other data',
    lambda: TEXT + by_tool({'eicar.com': EICAR * 40}, ['zip', '-fz', 'o.zip', 'eicar.com'], 'o.zip'))
add('gif-zip', 'polyglot.gif', 'malware,container-opaque', 'GIF and zip at once',
    lambda: b'GIF89a\1\0\1\0\x80\0\0\0\0\0\xff\xff\xff,\0\0\0\0\1\0\1\0\0\2\2D\1\0;' + make_zip([('eicar.com', EICAR)]))

# -- encrypted ---------------------------------------------------------------------------------------------------

add('zip-encrypted', 'encrypted.zip', 'encrypted@eicar.com', 'ZipCrypto',
    lambda: by_tool({'eicar.com': EICAR}, ['zip', '-P', 'secret', 'o.zip', 'eicar.com'], 'o.zip'))
add('zip-aes', 'aes.zip', 'encrypted@eicar.com', 'AES', lambda: by_tool({'eicar.com': EICAR}, ['7z', 'a', '-tzip', '-mem=AES256', '-psecret', 'o.zip', 'eicar.com'], 'o.zip'))
add('7z-encrypted', 'encrypted.7z', 'encrypted', '7z', lambda: by_tool({'eicar.com': EICAR}, ['7z', 'a', '-psecret', 'o.7z', 'eicar.com'], 'o.7z'))
add('7z-encrypted-names', 'names.7z', 'encrypted', '7z with encrypted names',
    lambda: by_tool({'eicar.com': EICAR}, ['7z', 'a', '-psecret', '-mhe=on', 'o.7z', 'eicar.com'], 'o.7z'))
add('pdf-encrypted', 'encrypted.pdf', 'encrypted', 'needs a password to open',
    lambda: by_tool({'a.pdf': pdf()}, ['qpdf', '--encrypt', 'user', 'owner', '256', '--', 'a.pdf', 'o.pdf'], 'o.pdf'))
add('docx-encrypted', 'encrypted.docx', 'encrypted', 'OLE2 with EncryptedPackage',
    lambda: by_tool({'EncryptionInfo': b'\4\0\4\0\x40\0\0\0' + TEXT, 'EncryptedPackage': os.urandom(9000)},
                    ['gsf', 'createole', 'o.docx', 'EncryptionInfo', 'EncryptedPackage'], 'o.docx'))
add('pgp', 'message.asc', 'encrypted', 'OpenPGP message', b'-----BEGIN PGP MESSAGE-----\n\nhQEMA\n=abcd\n-----END PGP MESSAGE-----\n')
add('luks', 'luks.img', 'encrypted', 'LUKS header', b'LUKS\xba\xbe\0\1' + b'\0' * 4096)
add('openssl', 'salted.enc', 'encrypted', 'openssl enc', lambda: b'Salted__' + os.urandom(200))
add('zip-in-zip-encrypted', 'outer.zip', 'encrypted', 'encrypted one level down',
    lambda: make_zip([('inner.zip', by_tool({'eicar.com': EICAR}, ['zip', '-P', 'secret', 'o.zip', 'eicar.com'], 'o.zip'))]))

# -- containers that nobody opens (research 2.5) -----------------------------------------------------------------


def ar(members):
    out = b'!<arch>\n'
    for name, data in members:
        out += b'%-16s%-12d%-6d%-6d%-8o%-10d`\n' % (name.encode(), STAMP, 0, 0, 0o100644, len(data)) + data + b'\n' * (len(data) & 1)
    return out


def deb():
    return ar([('debian-binary', b'2.0\n'), ('control.tar.gz', gz(make_tar([('./control', b'Package: x\n')]))), ('data.tar.xz', lzma.compress(make_tar([('./eicar.com', EICAR)])))])


def sqlite():
    with tempfile.TemporaryDirectory() as d:
        path = os.path.join(d, 'o.db')
        c = sqlite3.connect(path)
        c.execute('create table t(b blob)')
        c.execute('insert into t values (?)', (b'x' * 20000,))
        c.commit()
        c.close()
        with open(path, 'rb') as f:
            return f.read()


def mbr():
    return b'\0' * 446 + b'\x80\0\0\0\x0c\0\0\0' + struct.pack('<II', 2048, 2048) + b'\0' * 48 + b'\x55\xaa' + b'\0' * (2 << 20)


def tool_image(argv, size=1 << 20):
    return by_tool({'o.img': b'\0' * size, 'a.txt': TEXT}, argv, 'o.img')


OPAQUE = [
    ('zst', 'plain.zst', 'zstd', lambda: by_tool({'a': EICAR * 40}, ['zstd', '-q', 'a'], 'a.zst')),
    ('tar-zst', 'plain.tar.zst', 'tar in zstd', lambda: by_tool({'a': make_tar(zip_members())}, ['zstd', '-q', 'a'], 'a.zst')),
    ('lz4', 'plain.lz4', 'lz4', lambda: by_tool({'a': EICAR * 40}, ['lz4', '-q', 'a', 'a.lz4'], 'a.lz4')),
    ('lzma', 'plain.lzma', 'lzma', lambda: lzma.compress(EICAR * 40, lzma.FORMAT_ALONE)),
    ('lzip', 'plain.lz', 'lzip', lambda: by_tool({'a': EICAR * 40}, ['lzip', 'a'], 'a.lz')),
    ('lzop', 'plain.lzo', 'lzop', b'\x89LZO\0\r\n\x1a\n\x10\x40' + TEXT),
    ('compress', 'plain.Z', 'compress', b'\x1f\x9d\x90' + TEXT),
    ('zlib', 'plain.zlib', 'zlib', lambda: zlib.compress(EICAR * 40)),
    ('zst-in-zip', 'zst.zip', 'zstd in a zip', lambda: make_zip([('a.zst', by_tool({'a': EICAR * 40}, ['zstd', '-q', 'a'], 'a.zst'))])),
    ('deb', 'plain.deb', 'Debian package', deb),
    ('ar', 'plain.a', 'ar', lambda: ar([('a.txt', TEXT)])),
    ('rpm', 'plain.rpm', 'RPM package', b'\xed\xab\xee\xdb\3\0\0\0' + b'\0' * 88 + TEXT),
    ('squashfs', 'plain.squashfs', 'squashfs', lambda: by_tool({'t/a.txt': TEXT}, ['mksquashfs', 't', 'o.sq', '-quiet', '-no-progress'], 'o.sq')),
    ('wim', 'plain.wim', 'WIM', b'MSWIM\0\0\0\xd0\0\0\0' + b'\0' * 300),
    ('qcow2', 'plain.qcow2', 'qcow2', b'QFI\xfb\0\0\0\3' + b'\0' * 600),
    ('vmdk', 'plain.vmdk', 'vmdk', b'KDMV\1\0\0\0' + b'\0' * 600),
    ('vdi', 'plain.vdi', 'vdi', b'<<< Oracle VM VirtualBox Disk Image >>>\n'.ljust(64, b'\0') + b'\x7f\x10\xda\xbe' + b'\0' * 600),
    ('vhd', 'plain.vhd', 'vhd', b'\0' * 4096 + b'conectix' + b'\0' * 504),
    ('vhdx', 'plain.vhdx', 'vhdx', b'vhdxfile' + b'\0' * 600),
    ('fat', 'fat.img', 'FAT image', lambda: tool_image(['mkfs.vfat', 'o.img'])),
    ('ext4', 'ext4.img', 'ext4 image', lambda: tool_image(['mke2fs', '-q', '-t', 'ext4', 'o.img'], 4 << 20)),
    ('ntfs', 'ntfs.img', 'NTFS image', lambda: tool_image(['mkfs.ntfs', '-F', '-Q', 'o.img'], 4 << 20)),
    ('exfat', 'exfat.img', 'exFAT image', lambda: tool_image(['mkfs.exfat', 'o.img'], 4 << 20)),
    ('udf', 'udf.img', 'UDF image', lambda: tool_image(['mkudffs', '--media-type=hd', '--blocksize=2048', 'o.img'], 4 << 20)),
    ('mbr', 'mbr.img', 'disk image with partitions', mbr),
    ('gpt', 'gpt.img', 'disk image with partitions', b'\0' * 512 + b'EFI PART\0\0\1\0' + b'\0' * 2000),
    ('warc', 'plain.warc', 'WARC', b'WARC/1.0\r\nWARC-Type: warcinfo\r\n\r\n' + TEXT),
    ('sqlite', 'plain.sqlite', 'SQLite', sqlite),
    ('dmg', 'plain.dmg', 'dmg', b'\0' * 2048 + b'koly\0\0\0\4' + b'\0' * 504),
    ('xar', 'plain.xar', 'xar', b'xar!\0\x1c\0\1' + b'\0' * 64),
]
for name, file_name, what, build in OPAQUE:
    add(name, file_name, 'container-opaque,archive-unsafe,malware' if name in ('compress', 'qcow2', 'vmdk', 'vhd', 'vhdx') else 'container-opaque', what + ': libclamav does not open it', build)

# -- limits ------------------------------------------------------------------------------------------------------

add('big-member', 'bigmember.zip', 'limit-exceeded,container-opaque', 'heavy: a member of 2 GiB, of which libclamav sees all but the end',
    lambda: by_tool({}, ['sh', '-c', 'truncate -s 2G big.bin && zip -q -1 o.zip big.bin'], 'o.zip'))
add('7z-solid', 'solid.7z', 'container-opaque,limit-exceeded', 'heavy: a block of more than 1 GiB is skipped without a word',
    lambda: by_tool({'eicar.com': EICAR}, ['sh', '-c', 'truncate -s 1100M big.bin && 7z a -mx=1 -ms=on o.7z big.bin eicar.com'], 'o.7z'))


def main(argv):
    if argv[1:] == ['--list']:
        for name, (file_name, expect, why, _) in SPECIMENS.items():
            print('\t'.join((name, file_name, expect, why)))
        return 0
    if len(argv) < 2 or argv[1].startswith('-'):
        sys.stderr.write(__doc__.strip() + '\n')
        return 64
    names = argv[2:] or [n for n, s in SPECIMENS.items() if not s[2].startswith('heavy')]
    unknown = [n for n in names if n not in SPECIMENS]
    if unknown:
        sys.stderr.write('specimens.py: unknown: %s (see --list)\n' % ' '.join(unknown))
        return 64
    os.makedirs(argv[1], exist_ok=True)
    for name in names:
        file_name, _, _, build = SPECIMENS[name]
        with open(os.path.join(argv[1], file_name), 'wb') as f:
            f.write(build())
    return 0


if __name__ == '__main__':
    sys.exit(main(sys.argv))
