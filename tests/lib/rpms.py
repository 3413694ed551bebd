#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""Make real RPM packages and a repository of them, signed with OpenPGP keys made for it, and what attackers make of them.

usage: rpms.py OUTDIR

  OUTDIR/keys/NAME.pgp      certificates, binary: vendor second stranger short expired revoked
  OUTDIR/keys/NAME.fpr      their fingerprints, 40 digits in upper case
  OUTDIR/NAME.rpm           packages, see packages() and forgeries()
  OUTDIR/repo/              a repository by createrepo_c with repodata/repomd.xml.asc, signed by vendor
  OUTDIR/repo-xz/           the same with its indexes compressed in another way
  OUTDIR/repo-zst/          its primary index alone, in a third (createrepo_c of Debian 12 has no Zstandard)

Needs rpmbuild, rpmsign, createrepo_c, gpg, zstd. As a module: Keys, Header, Package.
"""
import base64
import gzip
import hashlib
import os
import shutil
import struct
import subprocess
import sys
import tempfile
import time

SPEC = '''Name: %(name)s
Version: %(version)s
Release: 1
Summary: A specimen
License: GPL-2.0-or-later
BuildArch: noarch
%%description
A specimen.
%%install
mkdir -p %%{buildroot}/opt/specimen
echo '%(content)s' > %%{buildroot}/opt/specimen/%(name)s.txt
%%files
/opt/specimen
'''
DSAHEADER, RSAHEADER, OPENPGP, SIGPGP, SIGGPG = 267, 268, 278, 1002, 1005
SIGNATURES = (DSAHEADER, RSAHEADER, OPENPGP, SIGPGP, SIGGPG)
PAYLOADDIGEST, PAYLOADDIGESTALGO, PAYLOADDIGESTALT = 5092, 5093, 5097
LEAD = 96


def run(argv, **kw):
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **kw)
    if done.returncode != 0:
        raise RuntimeError('%s: %d: %s' % (' '.join(argv), done.returncode, done.stdout.decode(errors='replace')))
    return done.stdout


class Keys:
    """A GNUPGHOME of its own, gone with the block."""

    def __enter__(self):
        self.home = tempfile.mkdtemp(prefix='gpg-')
        self.fingerprints = {}
        return self

    def __exit__(self, *_):
        subprocess.run(['gpgconf', '--homedir', self.home, '--kill', 'all'], check=False)
        shutil.rmtree(self.home, ignore_errors=True)

    def gpg(self, *args, data=None):
        done = subprocess.run(['gpg', '--homedir', self.home, '--batch', '--quiet', '--no-tty', '--passphrase', '',
                               '--pinentry-mode', 'loopback', *args], input=data or b'', stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, check=False)
        if done.returncode != 0:
            raise RuntimeError('gpg %s: %s' % (' '.join(args), done.stderr.decode(errors='replace')))
        return done.stdout

    def make(self, name, kind='rsa2048', at=None, ends='0'):
        times = ['--faked-system-time', at + '!'] if at else []
        self.gpg(*times, '--quick-gen-key', '%s <%s@example.org>' % (name, name), kind, 'sign', ends)
        listing = self.gpg('--with-colons', '--list-keys', name + '@example.org').decode()
        self.fingerprints[name] = [line.split(':')[9] for line in listing.splitlines() if line.startswith('fpr:')][0]

    def revoke(self, name):
        path = os.path.join(self.home, 'openpgp-revocs.d', self.fingerprints[name] + '.rev')
        with open(path, 'rb') as f:
            self.gpg('--import', data=f.read().replace(b':-----BEGIN', b'-----BEGIN'))

    def sign(self, name, data, *options):
        return self.gpg(*options, '--digest-algo', 'sha256', '-u', self.fingerprints[name], '--detach-sign', data=data)

    def sign_version_3(self, name, data, at):
        """As GnuPG 1 signed for RPM, and packages of Enterprise Linux 7 are signed: RFC 4880 section 5.2.2. No tool of today
        makes them, so the RSA key is taken out of its packet (section 5.5.3) and used here."""
        raw = self.gpg('--export-secret-keys', self.fingerprints[name])
        assert raw[0] in (0x94, 0x95)
        body = raw[2 if raw[0] == 0x94 else 3:]
        numbers, offset = [], 6
        for i in range(3):  # n, e; then d, which stands in the clear
            offset += i == 2
            bits = struct.unpack('>H', body[offset:offset + 2])[0]
            size = (bits + 7) // 8
            numbers.append(int.from_bytes(body[offset + 2:offset + 2 + size], 'big'))
            offset += 2 + size
        n, _, d = numbers
        hashed = b'\0' + struct.pack('>I', at)
        digest = hashlib.sha256(data + hashed).digest()
        info = bytes.fromhex('3031300d060960864801650304020105000420') + digest
        size = (n.bit_length() + 7) // 8
        value = pow(int.from_bytes(b'\0\1' + b'\xff' * (size - len(info) - 3) + b'\0' + info, 'big'), d, n)
        number = struct.pack('>H', value.bit_length()) + value.to_bytes((value.bit_length() + 7) // 8, 'big')
        packet = b'\3\5' + hashed + bytes.fromhex(self.fingerprints[name][-16:]) + b'\1\x08' + digest[:2] + number
        return b'\x89' + struct.pack('>H', len(packet)) + packet

    def export(self, directory):
        os.makedirs(directory, exist_ok=True)
        for name, fingerprint in self.fingerprints.items():
            write(os.path.join(directory, name + '.pgp'), self.gpg('--export', fingerprint))
            write(os.path.join(directory, name + '.fpr'), fingerprint.encode())


class Header:
    """A header taken apart: entries (tag, type, count, data) without its region's own."""
    MAGIC = b'\x8e\xad\xe8\x01\0\0\0\0'
    SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 7: 1}
    ALIGN = {3: 2, 4: 4, 5: 8}
    INT32, STRING, BIN, STRING_ARRAY = 4, 6, 7, 8

    def __init__(self, raw):
        count, size = struct.unpack('>II', raw[8:16])
        data = raw[16 + 16 * count:16 + 16 * count + size]
        self.size = 16 + 16 * count + size
        self.entries = []
        for i in range(count):
            tag, kind, offset, n = struct.unpack('>IIII', raw[16 + 16 * i:32 + 16 * i])
            if i == 0:
                self.region = tag
                continue
            self.entries.append([tag, kind, n, self.value(data, kind, offset, n)])

    def value(self, data, kind, offset, n):
        if kind in self.SIZES:
            return data[offset:offset + n * self.SIZES[kind]]
        end = offset
        for _ in range(n):
            end = data.index(b'\0', end) + 1
        return data[offset:end]

    def get(self, tag):
        return next((e[3] for e in self.entries if e[0] == tag), None)

    def drop(self, *tags):
        self.entries = [e for e in self.entries if e[0] not in tags]
        return self

    def put(self, tag, kind, value, n=None):
        self.drop(tag)
        self.entries.append([tag, kind, len(value) if n is None else n, value])
        return self

    def bytes(self, outside=()):
        """With all entries in the region, but for those of `outside`, which follow it."""
        store, index = b'', b''
        for tag, kind, n, value in sorted(self.entries):
            store += bytes(-len(store) % self.ALIGN.get(kind, 1))
            index += struct.pack('>IIII', tag, kind, len(store), n)
            store += value
        count = len(self.entries) + 1
        trailer = struct.pack('>IIiI', self.region, self.BIN, -16 * count, 16)
        index = struct.pack('>IIII', self.region, self.BIN, len(store), 16) + index
        store += trailer
        for tag, kind, n, value in outside:
            store += bytes(-len(store) % self.ALIGN.get(kind, 1))
            index += struct.pack('>IIII', tag, kind, len(store), n)
            store += value
            count += 1
        return self.MAGIC + struct.pack('>II', count, len(store)) + index + store


class Package:
    def __init__(self, raw):
        self.lead = raw[:LEAD]
        self.signatures = Header(raw[LEAD:])
        at = LEAD + self.signatures.size + -self.signatures.size % 8
        self.header = Header(raw[at:])
        self.header_bytes = raw[at:at + self.header.size]
        self.payload = raw[at + self.header.size:]

    def rebuild(self):
        """After the header was changed: nothing of its old signatures."""
        self.header_bytes = self.header.bytes()
        self.signatures.drop(*SIGNATURES)
        self.signatures.put(273, Header.STRING, hashlib.sha256(self.header_bytes).hexdigest().encode() + b'\0', 1)
        self.signatures.put(269, Header.STRING, hashlib.sha1(self.header_bytes).hexdigest().encode() + b'\0', 1)
        self.signatures.put(1004, Header.BIN, hashlib.md5(self.header_bytes + self.payload).digest())
        return self

    def sign(self, tag, blob):
        self.signatures.put(tag, Header.BIN, blob)
        return self

    def sign_openpgp(self, *blobs):
        value = b''.join(base64.b64encode(b) + b'\0' for b in blobs)
        self.signatures.put(OPENPGP, Header.STRING_ARRAY, value, len(blobs))
        return self

    def bytes(self):
        signatures = self.signatures.bytes()
        return self.lead + signatures + bytes(-len(signatures) % 8) + self.header_bytes + self.payload


def read(path):
    with open(path, 'rb') as f:
        return f.read()


def write(path, data):
    with open(path, 'wb') as f:
        f.write(data)


def build(name, version, content):
    """An unsigned package as rpmbuild makes it."""
    with tempfile.TemporaryDirectory() as d:
        spec = os.path.join(d, 'specimen.spec')
        write(spec, (SPEC % {'name': name, 'version': version, 'content': content}).encode())
        run(['rpmbuild', '-bb', '--quiet', '--define', '_topdir ' + d, '--define', '_buildhost example.org', spec])
        return read(os.path.join(d, 'RPMS', 'noarch', '%s-%s-1.noarch.rpm' % (name, version)))


def rpmsign(keys, name, raw, *options, digest='sha256', extra=''):
    """As rpmsign signs it."""
    with tempfile.TemporaryDirectory() as d:
        path = os.path.join(d, 'p.rpm')
        write(path, raw)
        extra += ' --batch --pinentry-mode loopback --passphrase ""'
        run(['rpmsign', '--define', '__gpg /usr/bin/gpg', '--define', '_gpg_path ' + keys.home,
             '--define', '_gpg_name ' + keys.fingerprints[name], '--define', '_gpg_digest_algo ' + digest,
             '--define', '_gpg_sign_cmd_extra_args ' + extra, *options, '--addsign', path])
        return read(path)


def flipped(raw, at):
    return raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1:]


def packages(keys, out):
    """Made by the tools alone."""
    unsigned = build('specimen', '1.0', 'what the vendor wrote')
    older = build('specimen', '0.9', 'what the vendor wrote before')
    made = {
        'unsigned': unsigned,
        'signed': rpmsign(keys, 'vendor', unsigned),
        'older': rpmsign(keys, 'vendor', older),
        'both': rpmsign(keys, 'vendor', unsigned, '--rpmv3'),		# header, and header and payload
        'sha512': rpmsign(keys, 'vendor', unsigned, digest='sha512'),
        'stranger': rpmsign(keys, 'stranger', unsigned),
        'sha1': rpmsign(keys, 'vendor', unsigned, digest='sha1'),
        'short': rpmsign(keys, 'short', unsigned),
        'expired': rpmsign(keys, 'expired', unsigned, extra='--faked-system-time 20200601T000000!'),
        'revoked': rpmsign(keys, 'revoked', unsigned),
    }
    keys.revoke('revoked')
    for name, raw in made.items():
        write(os.path.join(out, name + '.rpm'), raw)
    return made


def without_payload_digest(raw):
    p = Package(raw)
    p.header.drop(PAYLOADDIGEST, PAYLOADDIGESTALGO, PAYLOADDIGESTALT)
    return p.rebuild()


def with_sha1_payload_digest(raw):
    p = Package(raw)
    p.header.put(PAYLOADDIGEST, Header.STRING_ARRAY, hashlib.sha1(p.payload).hexdigest().encode() + b'\0', 1)
    p.header.put(PAYLOADDIGESTALGO, Header.INT32, struct.pack('>I', 2), 1)
    return p.rebuild()


def forgeries(keys, made):
    """What tools do not make, or what was done to packages after they were signed."""
    signed, unsigned = made['signed'], made['unsigned']
    p = Package(signed)
    payload_at = len(signed) - len(p.payload)
    header_at = payload_at - len(p.header_bytes)
    yield 'payload-changed', flipped(signed, payload_at + len(p.payload) // 2)
    yield 'header-changed', flipped(signed, signed.index(b'A specimen', header_at))
    yield 'payload-of-another', signed[:payload_at] + Package(made['older']).payload
    yield 'payload-longer', signed + b'x'
    yield 'payload-shorter', signed[:-1]
    yield 'payload-gone', signed[:payload_at]
    yield 'lead-changed', signed[:20] + b'another-name' + signed[32:]
    yield 'truncated-header', signed[:header_at + 100]
    yield 'truncated-signatures', signed[:LEAD + 100]
    yield 'truncated-lead', signed[:50]
    yield 'huge-header', signed[:header_at + 8] + b'\x0f\xff\xff\xff\x7f\xff\xff\xff' + signed[header_at + 16:]
    yield 'junk-header', signed[:header_at + 16] + b'\xff' * 64 + signed[header_at + 80:]

    # the signature of a package that the vendor did sign, before one that he did not
    q = Package(unsigned.replace(b'A specimen', b'A Specimen'))
    yield 'signature-of-another', q.sign(RSAHEADER, p.signatures.get(RSAHEADER)).bytes()
    q = Package(unsigned)
    yield 'junk-signature', q.sign(RSAHEADER, b'\x89\x01\x33' + b'junk' * 80).bytes()
    q = Package(unsigned)
    yield 'empty-signature', q.sign(RSAHEADER, b'\0').bytes()

    # entries that stand outside the region which signatures cover, and tell an installer what to run
    q = Package(signed)
    q.header_bytes = q.header.bytes(outside=[[1023, Header.STRING, 1, b'rm -rf /\0']])
    yield 'outside-region', q.bytes()

    # signatures over the header alone, which says nothing, or too little, of the payload
    q = without_payload_digest(unsigned)
    yield 'header-only', q.sign(RSAHEADER, keys.sign('vendor', q.header_bytes)).bytes()
    q = with_sha1_payload_digest(unsigned)
    yield 'payload-sha1', q.sign(RSAHEADER, keys.sign('vendor', q.header_bytes)).bytes()
    # what packages before RPM 4.14 have: a signature over header and payload
    q = without_payload_digest(unsigned)
    q.sign(SIGPGP, keys.sign('vendor', q.header_bytes + q.payload))
    yield 'legacy', q.bytes()
    yield 'legacy-payload-changed', flipped(q.bytes(), len(q.bytes()) - 3)
    # version 3 of signatures, over the header and over both
    at = int(time.time())
    q = Package(unsigned)
    q.sign(RSAHEADER, keys.sign_version_3('vendor', q.header_bytes, at))
    yield 'version-3', q.bytes()
    yield 'version-3-changed', flipped(q.bytes(), q.bytes().index(b'A specimen'))
    # what RPM 6 writes
    q = Package(unsigned)
    yield 'openpgp-tag', q.sign_openpgp(keys.sign('vendor', q.header_bytes), keys.sign('second', q.header_bytes)).bytes()
    q = Package(unsigned)
    yield 'openpgp-tag-junk', q.sign_openpgp(b'junk').bytes()
    q = Package(unsigned)
    q.signatures.put(OPENPGP, Header.STRING_ARRAY, b'-no base64-\0', 1)
    yield 'openpgp-tag-no-base64', q.bytes()
    q = Package(unsigned)
    many = [keys.sign('vendor', q.header_bytes)] * 40
    yield 'openpgp-tag-many', q.sign_openpgp(*many).bytes()
    q = Package(unsigned)
    yield 'many-signatures', q.sign(RSAHEADER, b''.join(many)).bytes()
    yield 'not-an-rpm', b'Dear all, this is no package.\n' * 20


def repository(keys, out, made, name, compression):
    root = os.path.join(out, name)
    os.makedirs(os.path.join(root, 'Packages', 's'))
    write(os.path.join(root, 'Packages', 's', 'specimen-1.0-1.noarch.rpm'), made['signed'])
    write(os.path.join(root, 'Packages', 's', 'specimen & co-0.9-1.noarch.rpm'), made['older'])
    run(['createrepo_c', '--quiet', '--general-compress-type', compression, root])
    repomd = os.path.join(root, 'repodata', 'repomd.xml')
    write(repomd + '.asc', keys.sign('vendor', read(repomd), '--armor'))


def zstd_repository(out):
    source, target = os.path.join(out, 'repo', 'repodata'), os.path.join(out, 'repo-zst', 'repodata')
    os.makedirs(target)
    name = next(n for n in os.listdir(source) if n.endswith('-primary.xml.gz'))
    plain = os.path.join(target, 'primary.xml')
    write(plain, gzip.decompress(read(os.path.join(source, name))))
    run(['zstd', '-q', '--rm', plain])
    raw = read(plain + '.zst')
    os.rename(plain + '.zst', os.path.join(target, hashlib.sha256(raw).hexdigest() + '-primary.xml.zst'))


def main(out):
    os.makedirs(out, exist_ok=True)
    with Keys() as keys:
        keys.make('vendor')
        keys.make('second', 'ed25519')
        keys.make('stranger')
        keys.make('short', 'rsa1024')
        keys.make('expired', at='20200101T000000', ends='1y')
        keys.make('revoked')
        made = packages(keys, out)
        for name, raw in forgeries(keys, made):
            write(os.path.join(out, name + '.rpm'), raw)
        repository(keys, out, made, 'repo', 'gz')
        repository(keys, out, made, 'repo-xz', 'xz')
        zstd_repository(out)
        keys.export(os.path.join(out, 'keys'))


if __name__ == '__main__':
    if len(sys.argv) != 2 or sys.argv[1].startswith('-'):
        sys.exit(__doc__)
    main(sys.argv[1])
