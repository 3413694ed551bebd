#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""Make the canaries: signatures (lazaret.ndb, .ldb, .hsb) and the specimens that they must find.

usage: canaries.py RULES_DIR HEADER

The specimens go into HEADER as bytes combined with a key, so that no scanner finds them in our executables, and
the markers are derived here, so that none stands in this script. Run again only to change something: the results
are in the repository. Needs 7z.
"""
import gzip
import hashlib
import io
import os
import subprocess
import sys
import tempfile
import zipfile

LICENCE = 'SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception'


def marker(name):
    digest = hashlib.sha256(b'lazaret canary ' + name).hexdigest()
    return b'LaZaReT-' + name.upper() + b'-' + digest[:40].encode()


BODY, HTML, REGEX = marker(b'body'), marker(b'html'), marker(b'regex')
# a tag inside, and mixed case: gone once libclamav has normalised the page, so only the raw bytes match
HTML = HTML[:20] + b'<I>' + HTML[20:]
DIGITS = str(int(hashlib.sha256(REGEX).hexdigest()[:12], 16)).encode()
EICAR = b'X5O!P%@AP[4\\PZX54(P^)7CC)7}$' + b'EICAR-STANDARD-' + b'ANTIVIRUS-TEST-FILE!$H+H*'


def as_zip():
    out = io.BytesIO()
    with zipfile.ZipFile(out, 'w', zipfile.ZIP_DEFLATED) as z:
        z.writestr(zipfile.ZipInfo('dir/canary.txt', (2026, 1, 1, 0, 0, 0)), BODY * 4,
                   compress_type=zipfile.ZIP_DEFLATED)
    return out.getvalue()


def as_7z():
    with tempfile.TemporaryDirectory() as d:
        path = os.path.join(d, 'canary.txt')
        with open(path, 'wb') as f:
            f.write(BODY * 4)
        os.utime(path, (1767225600, 1767225600))
        subprocess.run(['7z', 'a', '-bd', '-mx=1', '-mtm=off', 'c.7z', 'canary.txt'], cwd=d, check=True,
                       stdout=subprocess.DEVNULL)
        with open(os.path.join(d, 'c.7z'), 'rb') as f:
            return f.read()


PAGE = b'<html><head><title>canary</title></head>\n<body>%s</body></html>\n'
HASHED = PAGE % marker(b'hashed')

# name, bytes, signature that must match ("" = must be clean), member
CANARIES = [
    ('raw', BODY, 'Lazaret.Canary.Body', ''),
    ('ignored type', b'ID3' + BODY, 'Lazaret.Canary.Body', ''),
    ('zip', as_zip(), 'Lazaret.Canary.Body', 'dir/canary.txt'),
    ('7z', as_7z(), 'Lazaret.Canary.Body', 'canary.txt'),
    ('gzip', gzip.compress(BODY * 4, mtime=0), 'Lazaret.Canary.Body', '#1'),
    ('html', PAGE % HTML, 'Lazaret.Canary.Html', ''),
    ('html hash', HASHED, 'Lazaret.Canary.Hash', ''),
    ('regex', b'-- ' + REGEX + b' ' + DIGITS + b' --', 'Lazaret.Canary.Regex', ''),
    ('clean', b'Nothing is wrong with these words, and an engine that says so of nothing else is no use.\n', '', ''),
]


def signatures(rules_dir):
    def write(name, lines):
        with open(os.path.join(rules_dir, name), 'w') as f:
            f.write('# ' + LICENCE + '\n')
            f.write('\n'.join(lines) + '\n')
    # EncryptedPackage in UTF-16: the stream of an OLE2 file that is an encrypted OOXML document ([MS-OFFCRYPTO] 2.3.4.4)
    package = 'EncryptedPackage'.encode('utf-16-le').hex()
    write('lazaret.ndb', ['Lazaret.Encrypted.OOXML:2:*:' + package,
                          'Lazaret.Canary.Body:0:*:' + BODY.hex(),
                          'Lazaret.Canary.Html:0:*:' + HTML.hex()])
    write('lazaret.ldb', ['Lazaret.Canary.Regex;Engine:81-255,Target:0;0&1;%s;0/%s\\s[0-9]{8}[0-9]+\\s--/'
                          % (REGEX.hex(), REGEX.decode().replace('-', '\\x2d'))])
    write('lazaret.hsb', ['%s:%d:Lazaret.Canary.Hash:73' % (hashlib.sha256(HASHED).hexdigest(), len(HASHED))])


def c_bytes(data):
    key = hashlib.sha256(b'lazaret canary key').digest()
    hidden = bytes(b ^ key[i % len(key)] for i, b in enumerate(data))
    rows = [', '.join('0x%02x' % b for b in hidden[i:i + 16]) for i in range(0, len(hidden), 16)]
    return ',\n'.join('\t' + r for r in rows)


def header(path):
    key = hashlib.sha256(b'lazaret canary key').digest()
    with open(path, 'w') as f:
        f.write('/* ' + LICENCE + ' */\n/* Made by rules/clamav/canaries.py; included by canary.c only. */\n')
        f.write('static const uint8_t canary_key[32] = {\n%s\n};\n\n'
                % ',\n'.join('\t' + ', '.join('0x%02x' % b for b in key[i:i + 16]) for i in (0, 16)))
        items = CANARIES + [('EICAR', EICAR, '*', '')]
        for n, item in enumerate(items):
            f.write('static const uint8_t canary_%d[%d] = {\n%s\n};\n\n' % (n, len(item[1]), c_bytes(item[1])))
        f.write('/* name, hidden bytes, size, signature ("": must be clean, "*": any), member */\n')
        f.write('static const struct canary canaries[] = {\n')
        for n, item in enumerate(items):
            f.write('\t{ "%s", canary_%d, sizeof(canary_%d), "%s", "%s" },\n' % (item[0], n, n, item[2], item[3]))
        f.write('};\n')


if __name__ == '__main__':
    if len(sys.argv) != 3:
        sys.exit(__doc__.strip())
    signatures(sys.argv[1])
    header(sys.argv[2])
