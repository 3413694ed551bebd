#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""X.509 certificates and CMS signatures for tests, made with the openssl program.

As a module: class Authorities. As a program, `certificates.py cms DIRECTORY` (or authenticode) fills the directory with what
tests/unit/test_cms_role.c (or test_authenticode_role.c) expects. What openssl does not make (Ed25519 before 3.2, lists of revoked certificates inside CMS,
malformed things) is put together here in DER.
"""
import glob
import hashlib
import os
import struct
import subprocess
import sys

import installers

LONG_AGO, FAR = '20200101000000Z', '20450101000000Z'

CONFIG = """
[req]
distinguished_name = dn
[dn]
[ca]
default_ca = this
[this]
database = {database}
serial = {database}.serial
new_certs_dir = {directory}
policy = policy
unique_subject = no
default_crl_days = 30
[policy]
commonName = supplied
[ext]
{extensions}
"""


# -- DER (X.690), as little as is needed --------------------------------------------------------------------

def der(tag, *parts):
    body = b''.join(parts)
    n = len(body)
    if n < 0x80:
        return bytes([tag, n]) + body
    size = (n.bit_length() + 7) // 8
    return bytes([tag, 0x80 | size]) + n.to_bytes(size, 'big') + body


def sequence(*parts):
    return der(0x30, *parts)


def set_of(*parts):
    return der(0x31, *sorted(parts))


def oid(dotted):
    numbers = [int(n) for n in dotted.split('.')]
    out = bytearray([numbers[0] * 40 + numbers[1]])
    for n in numbers[2:]:
        group = [n & 0x7f]
        while n > 0x7f:
            n >>= 7
            group.append(n & 0x7f | 0x80)
        out += bytes(reversed(group))
    return der(6, bytes(out))


def children(data):
    """The elements within the value of the element at the start of `data`."""
    _, body, _ = element(data)
    out = []
    while body:
        _, _, end = element(body)
        out.append(body[:end])
        body = body[end:]
    return out


def element(data):
    """Tag, value and whole length of the first element."""
    n, at = data[1], 2
    if n & 0x80:
        at += n & 0x7f
        n = int.from_bytes(data[2:at], 'big')
    return data[0], data[at:at + n], at + n


SIGNED_DATA, DATA = oid('1.2.840.113549.1.7.2'), oid('1.2.840.113549.1.7.1')
CONTENT_TYPE, MESSAGE_DIGEST = oid('1.2.840.113549.1.9.3'), oid('1.2.840.113549.1.9.4')
SHA256, SHA512, ED25519 = oid('2.16.840.1.101.3.4.2.1'), oid('2.16.840.1.101.3.4.2.3'), oid('1.3.101.112')


# -- certificates -------------------------------------------------------------------------------------------

class Authorities:
    """Keys and certificates NAME.key and NAME.pem in one directory."""

    def __init__(self, directory):
        self.directory = os.path.abspath(directory)
        self.serial = 0x1000

    def path(self, name):
        return os.path.join(self.directory, name)

    def run(self, *argv, data=None):
        done = subprocess.run(argv, input=data, capture_output=True, cwd=self.directory, timeout=120, check=False)
        if done.returncode != 0:
            raise RuntimeError('%s: %s' % (' '.join(argv), done.stderr.decode(errors='replace')))
        return done.stdout

    def read(self, name):
        with open(self.path(name), 'rb') as f:
            return f.read()

    def write(self, name, data):
        with open(self.path(name), 'wb') as f:
            f.write(data)

    def key(self, name, kind='ec'):
        options = {
            'ec': ('EC', 'ec_paramgen_curve:P-256'),
            'explicit': ('EC', 'ec_paramgen_curve:P-256', 'ec_param_enc:explicit'),
            'rsa': ('RSA', 'rsa_keygen_bits:2048'),
            'rsa1024': ('RSA', 'rsa_keygen_bits:1024'),
            'pss': ('RSA-PSS', 'rsa_keygen_bits:2048'),
            'ed25519': ('ED25519',),
            'dsa': ('dsa',),
        }[kind]
        if kind == 'dsa':
            self.run('openssl', 'genpkey', '-genparam', '-algorithm', 'DSA', '-pkeyopt', 'dsa_paramgen_bits:2048', '-out', 'dsa.params')
            self.run('openssl', 'genpkey', '-paramfile', 'dsa.params', '-out', name + '.key')
            return
        argv = ['openssl', 'genpkey', '-algorithm', options[0], '-out', name + '.key']
        for option in options[1:]:
            argv += ['-pkeyopt', option]
        self.run(*argv)

    def config(self, name, extensions=''):
        self.write(name + '.cnf', CONFIG.format(directory=self.directory, database=self.path(name + '.index'),
                                                extensions=extensions).encode())
        if not os.path.exists(self.path(name + '.index')):
            self.write(name + '.index', b'')
        return name + '.cnf'

    def certificate(self, name, issuer=None, extensions='', kind='ec', start=LONG_AGO, end=FAR, digest='sha256', key=None):
        """NAME.pem with the subject CN=NAME; issuer None: self-signed; extensions: lines of openssl.cnf."""
        if not key:
            self.key(name, kind)
        key = (key or name) + '.key'
        by = issuer or name
        self.serial += 1
        self.write(name + '.cnf', b'')
        self.config(by)
        self.write(by + '.index.serial', b'%04X\n' % self.serial)
        self.config(name, extensions)
        self.run('openssl', 'req', '-new', '-key', key, '-subj', '/CN=' + name, '-out', name + '.csr', '-config', name + '.cnf')
        config = self.config(by, extensions)
        argv = ['openssl', 'ca', '-batch', '-notext', '-config', config, '-in', name + '.csr', '-out', name + '.pem', '-startdate',
                start, '-enddate', end]
        if digest:
            argv += ['-md', digest]
        if extensions:
            argv += ['-extensions', 'ext']
        argv += ['-cert', by + '.pem', '-keyfile', by + '.key'] if issuer else ['-selfsign', '-keyfile', key]
        self.run(*argv)

    def ca(self, name, issuer=None, more='', **kind):
        self.certificate(name, issuer, 'basicConstraints=critical,CA:TRUE%s\nkeyUsage=critical,keyCertSign,cRLSign\n' % more, **kind)

    def leaf(self, name, issuer, usage=None, **kind):
        """usage: an extended key usage; None: without one."""
        self.certificate(name, issuer, 'basicConstraints=CA:FALSE\n' + ('extendedKeyUsage=%s\n' % usage if usage else ''), **kind)

    def revoke(self, name, issuer):
        self.run('openssl', 'ca', '-config', self.config(issuer), '-cert', issuer + '.pem', '-keyfile', issuer + '.key', '-md',
                 'sha256', '-revoke', name + '.pem')

    def crl(self, name, issuer):
        """NAME.crl in DER: what `issuer` has revoked."""
        self.run('openssl', 'ca', '-config', self.config(issuer), '-cert', issuer + '.pem', '-keyfile', issuer + '.key', '-md',
                 'sha256', '-gencrl', '-out', name + '.crl.pem')
        self.run('openssl', 'crl', '-in', name + '.crl.pem', '-outform', 'DER', '-out', name + '.crl')

    def der_of(self, name):
        return self.run('openssl', 'x509', '-in', name + '.pem', '-outform', 'DER')

    def bundle(self, name, *certificates):
        self.write(name, b''.join(self.read(c + '.pem') for c in certificates))

    def cms(self, out, content, *signers, chain=(), options=('-binary', '-md', 'sha256'), form='DER'):
        """OUT: a detached signature by `openssl cms`."""
        argv = ['openssl', 'cms', '-sign', '-in', content, '-outform', form, '-out', out]
        for signer in signers:
            argv += ['-signer', signer + '.pem', '-inkey', signer + '.key']
        argv += options
        if chain:
            self.bundle(out + '.chain', *chain)
            argv += ['-certfile', out + '.chain']
        self.run(*argv)

    def signature(self, key, data, digest=True):
        """Raw signature with KEY.key: SHA-256, or pure Ed25519."""
        self.write('to-sign', data)
        if not digest:
            self.run('openssl', 'pkeyutl', '-sign', '-rawin', '-inkey', key + '.key', '-in', 'to-sign', '-out', 'signed')
            return self.read('signed')
        return self.run('openssl', 'dgst', '-sha256', '-sign', key + '.key', 'to-sign')


# -- CMS by hand --------------------------------------------------------------------------------------------

def signer_info(issuer_and_serial, digest, algorithm, signature, attributes=None):
    return sequence(der(2, b'\1'), issuer_and_serial, sequence(digest), *([b'\xa0' + attributes[1:]] if attributes else []),
                    sequence(algorithm), der(4, signature))


def issuer_and_serial(certificate):
    fields = children(children(certificate)[0])
    return sequence(fields[3], fields[1])


def signed_data(digests, certificates, infos, crls=(), content=None, content_type=DATA):
    return sequence(SIGNED_DATA, der(0xa0, sequence(
        der(2, b'\1'), set_of(*[sequence(d) for d in digests]),
        sequence(content_type, *([der(0xa0, der(4, content))] if content is not None else [])),
        *([der(0xa0, *certificates)] if certificates else []), *([der(0xa1, *crls)] if crls else []), set_of(*infos))))


def attributes_of(content, digest='sha256', content_type=DATA):
    return set_of(sequence(CONTENT_TYPE, set_of(content_type)),
                  sequence(MESSAGE_DIGEST, set_of(der(4, hashlib.new(digest, content).digest()))))


def with_crl(cms, crl):
    """The same CMS with a list of revoked certificates in it."""
    kind, wrapped = children(cms)
    parts = children(children(wrapped)[0])
    at = next(i for i, p in enumerate(parts) if p[0] == 0xa0) + 1
    parts.insert(at, der(0xa1, crl))
    return sequence(kind, der(0xa0, sequence(*parts)))


# -- specimens for tests/unit/test_cms_role.c ---------------------------------------------------------------

CONTENT = b'\x9d\xc3\x07\x11\x00 firmware, which the vendor has made\n\x00\xff'  # of no type: unsigned, a station holds it


def make_chains(a):
    a.ca('root')
    a.ca('other')
    a.ca('inter', 'root')
    a.leaf('code', 'inter', 'codeSigning')
    a.leaf('smime', 'inter', 'emailProtection', kind='rsa')
    a.leaf('document', 'inter', '1.3.6.1.5.5.7.3.36')
    a.leaf('plain', 'inter')
    a.leaf('any', 'inter', 'anyExtendedKeyUsage')
    a.leaf('pss', 'inter', 'codeSigning', kind='pss')
    a.leaf('tls', 'inter', 'serverAuth,clientAuth')
    a.leaf('expired', 'inter', 'codeSigning', end='20260101000000Z')
    a.leaf('early', 'inter', 'codeSigning', start='20400101000000Z')
    a.leaf('short', 'inter', 'codeSigning', kind='rsa1024')
    a.leaf('sha1', 'inter', 'codeSigning', digest='sha1')
    a.leaf('explicit', 'inter', 'codeSigning', kind='explicit')
    a.leaf('revoked', 'inter', 'codeSigning')
    a.leaf('dsa', 'inter', 'codeSigning', kind='dsa')
    a.leaf('stranger', 'other', 'codeSigning')
    a.certificate('encipher', 'inter', 'keyUsage=critical,keyEncipherment\n')
    a.certificate('unknown', 'inter', '1.2.3.4=critical,DER:0500\n')
    a.leaf('ed25519', 'inter', 'codeSigning', kind='ed25519')
    a.certificate('alone', None, 'keyUsage=critical,digitalSignature\nextendedKeyUsage=codeSigning\n')
    # issued by what is no CA; by a version 1 certificate; too deep for its CA; below a CA for TLS alone
    a.leaf('impostor', 'plain', 'codeSigning')
    a.certificate('version1', 'root')
    a.leaf('below-version1', 'version1', 'codeSigning')
    a.ca('shallow', 'root', ',pathlen:0')
    a.ca('deep', 'shallow')
    a.leaf('too-deep', 'deep', 'codeSigning')
    a.certificate('tls-ca', 'root', 'basicConstraints=critical,CA:TRUE\nextendedKeyUsage=serverAuth\n')
    a.leaf('below-tls-ca', 'tls-ca', 'codeSigning')
    a.ca('old-ca', 'root', end='20260101000000Z')
    a.leaf('below-old-ca', 'old-ca', 'codeSigning')
    a.ca('sha1-root', digest='sha1', kind='rsa')
    a.leaf('below-sha1-root', 'sha1-root', 'codeSigning')
    # the same name and another key: a certificate that looks like the root
    a.key('false-root')
    os.rename(a.path('root.pem'), a.path('true-root.pem'))
    os.rename(a.path('root.key'), a.path('true-root.key'))
    a.ca('root', key='false-root')
    for kind in ('pem', 'key'):
        if kind == 'pem':
            os.rename(a.path('root.pem'), a.path('false-root.pem'))
        os.rename(a.path('true-root.' + kind), a.path('root.' + kind))
    a.revoke('revoked', 'inter')
    a.crl('inter', 'inter')


def make_signatures(a):
    chain = ('inter',)
    for name in ('code', 'smime', 'document', 'plain', 'any', 'tls', 'expired', 'early', 'short', 'sha1', 'explicit', 'revoked',
                 'dsa', 'encipher', 'unknown', 'alone'):
        a.cms(name + '.p7s', 'file', name, chain=chain)
    a.cms('stranger.p7s', 'file', 'stranger', chain=('other',))
    a.cms('impostor.p7s', 'file', 'impostor', chain=('plain', 'inter'))
    a.cms('below-version1.p7s', 'file', 'below-version1', chain=('version1',))
    a.cms('too-deep.p7s', 'file', 'too-deep', chain=('deep', 'shallow'))
    a.cms('below-tls-ca.p7s', 'file', 'below-tls-ca', chain=('tls-ca',))
    a.cms('below-old-ca.p7s', 'file', 'below-old-ca', chain=('old-ca',))
    a.cms('below-sha1-root.p7s', 'file', 'below-sha1-root')
    a.cms('false-root.p7s', 'file', 'false-root')
    # a key for PSS alone, which openssl 3.0 labels as PKCS #1 without being told
    a.cms('pss.p7s', 'file', 'pss', chain=chain, options=('-binary', '-md', 'sha256', '-keyopt', 'rsa_padding_mode:pss'))
    a.cms('rsa-pss.p7s', 'file', 'smime', chain=chain, options=('-binary', '-md', 'sha256', '-keyopt', 'rsa_padding_mode:pss'))
    a.cms('pem.p7s', 'file', 'code', chain=chain, form='PEM')
    a.cms('chainless.p7s', 'file', 'code')
    a.cms('whole-chain.p7s', 'file', 'code', chain=('inter', 'root'))
    a.certificate('signing-ca', 'root', 'basicConstraints=critical,CA:TRUE\n')
    a.cms('signing-ca.p7s', 'file', 'signing-ca', chain=('root',))
    a.cms('root.p7s', 'file', 'root')
    a.cms('bare.p7s', 'file', 'alone', options=('-binary', '-nocerts'))
    a.cms('keyid.p7s', 'file', 'code', chain=chain, options=('-binary', '-keyid'))
    a.cms('two.p7s', 'file', 'code', 'stranger', chain=('inter', 'other'))
    a.cms('md-sha1.p7s', 'file', 'code', chain=chain, options=('-binary', '-md', 'sha1'))
    a.cms('md-md5.p7s', 'file', 'smime', chain=chain, options=('-binary', '-md', 'md5'))
    a.cms('sha512.p7s', 'file', 'code', chain=chain, options=('-binary', '-md', 'sha512'))
    a.cms('attached.p7s', 'file', 'code', chain=chain, options=('-binary', '-nodetach'))
    a.cms('attached-other.p7s', 'other-file', 'code', chain=chain, options=('-binary', '-nodetach'))
    a.cms('noattr.p7s', 'file', 'code', chain=chain, options=('-binary', '-noattr'))
    a.cms('text.p7s', 'file', 'code', chain=chain, options=('-md', 'sha256'))
    a.cms('stranger-other.p7s', 'other-file', 'stranger', chain=('other',))
    a.cms('other-file.p7s', 'other-file', 'code', chain=chain)
    a.run('openssl', 'crl2pkcs7', '-nocrl', '-certfile', 'code.pem', '-certfile', 'inter.pem', '-outform', 'DER', '-out', 'bag.p7b')
    a.run('openssl', 'cms', '-encrypt', '-binary', '-in', 'file', '-outform', 'DER', '-out', 'encrypted.cms', 'smime.pem')


def make_by_hand(a):
    good = a.read('code.p7s')
    a.write('truncated.p7s', good[:-7])
    a.write('followed.p7s', good + b'\0')
    a.write('garbage.p7s', b'0\x82\x10\x00' + os.urandom(1000))
    a.write('two-blocks.p7s', a.read('pem.p7s') * 2)
    a.write('words-before.p7s', b'what nobody signed\n' + a.read('pem.p7s'))
    a.write('bytes-behind.p7s', a.read('pem.p7s') + os.urandom(1000))
    a.write('headers.p7s', a.read('pem.p7s').replace(b'-----\n', b'-----\nComment: what nobody signed\n\n', 1))
    a.write('broken-signature.p7s', good[:-1] + bytes([good[-1] ^ 1]))
    a.write('with-crl.p7s', with_crl(a.read('revoked.p7s'), a.read('inter.crl')))
    a.write('crl-other.p7s', with_crl(good, a.read('inter.crl')))
    # the list of a stranger of the same name revokes nothing
    a.certificate('inter-stranger', 'other', 'basicConstraints=critical,CA:TRUE\n')
    a.write('many-crls.p7s', with_crl(good, a.read('inter.crl') * 17))

    code, inter = a.der_of('code'), a.der_of('inter')
    ecdsa = oid('1.2.840.10045.4.3.2')
    attributes = attributes_of(CONTENT)
    signature = a.signature('code', attributes)
    info = signer_info(issuer_and_serial(code), SHA256, ecdsa, signature, attributes)
    a.write('by-hand.p7s', signed_data([SHA256], [code, inter], [info]))
    a.write('many-signers.p7s', signed_data([SHA256], [code, inter], [info] * 17))
    a.write('many-digests.p7s', signed_data([SHA256] * 5000, [code, inter], [info]))
    a.write('many-certificates.p7s', signed_data([SHA256], [code] * 64 + [inter], [info]))
    a.write('no-signer.p7s', signed_data([SHA256], [code, inter], []))
    a.write('odd-digest.p7s', signed_data([SHA256], [code, inter], [
        signer_info(issuer_and_serial(code), oid('1.2.643.7.1.1.2.2'), ecdsa, signature, attributes)]))
    # the attributes of a signature as a file, and the signature shorn of them
    a.write('attributes', attributes)
    a.write('attributes.p7s', signed_data([SHA256], [code, inter], [
        signer_info(issuer_and_serial(code), SHA256, ecdsa, signature)]))
    # attributes that speak of another type; without a type; type of content that is no data
    other_type = oid('1.2.840.113549.1.9.16.1.4')
    for name, attrs, kind in (('other-type', attributes_of(CONTENT, content_type=other_type), DATA),
                              ('no-type', set_of(children(attributes)[1]), DATA),
                              ('no-digest', set_of(children(attributes)[0]), DATA),
                              ('token', attributes_of(CONTENT, content_type=other_type), other_type)):
        a.write(name + '.p7s', signed_data([SHA256], [code, inter], [
            signer_info(issuer_and_serial(code), SHA256, ecdsa, a.signature('code', attrs), attrs)], content_type=kind))
    ed = a.der_of('ed25519')
    attributes = attributes_of(CONTENT, 'sha512')
    signature = a.signature('ed25519', attributes, digest=False)
    a.write('ed25519.p7s', signed_data([SHA512], [ed, inter], [
        signer_info(issuer_and_serial(ed), SHA512, ED25519, signature, attributes)]))
    a.write('ed25519-bad.p7s', signed_data([SHA512], [ed, inter], [
        signer_info(issuer_and_serial(ed), SHA512, ED25519, signature[:-1] + bytes([signature[-1] ^ 1]), attributes)]))
    a.write('ed25519-noattr.p7s', signed_data([SHA512], [ed, inter], [
        signer_info(issuer_and_serial(ed), SHA512, ED25519, a.signature('ed25519', CONTENT, digest=False))]))


def make_key_files(a):
    a.bundle('both.pem', 'root', 'inter')
    a.write('with-key.pem', a.read('code.pem') + a.read('code.key'))
    a.write('root.der', a.der_of('root'))
    a.write('words.pem', a.run('openssl', 'x509', '-in', 'alone.pem', '-text'))
    a.leaf('long-gone', 'root', 'codeSigning', end='20210101000000Z')


def make_cms(a):
    make_signatures(a)
    make_by_hand(a)
    make_key_files(a)


# -- Authenticode -------------------------------------------------------------------------------------------

TOKEN, NESTED = oid('1.3.6.1.4.1.311.3.3.1'), oid('1.3.6.1.4.1.311.2.4.1')
TST_INFO = '1.2.840.113549.1.9.16.1.4'


def program(is_64=True, code=b'\xc3'):
    """A small PE file with one section."""
    optional = 112 if is_64 else 96
    headers = bytearray(512)
    headers[0:2] = b'MZ'
    headers[60:64] = struct.pack('<I', 64)
    headers[64:88] = b'PE\0\0' + struct.pack('<HHIIIHH', 0x8664 if is_64 else 0x14c, 1, 0, 0, 0, optional + 128, 0x22)
    headers[88:90] = struct.pack('<H', 0x20b if is_64 else 0x10b)
    headers[88 + 32:88 + 40] = struct.pack('<II', 4096, 512)                    # alignments
    headers[88 + 56:88 + 64] = struct.pack('<II', 8192, 512)                    # sizes of image and headers
    headers[88 + optional - 4:88 + optional] = struct.pack('<I', 16)
    at = 88 + optional + 128
    headers[at:at + 40] = struct.pack('<8sIIIIIIHHI', b'.text', 4096, 4096, 512, 512, 0, 0, 0, 0, 0x60000020)
    return bytes(headers) + code.ljust(512, b'\0')


def table_entry_at(pe):
    """Where the PE says where its certificate table is."""
    header = struct.unpack_from('<I', pe, 60)[0] + 24
    return header + (112 if pe[header:header + 2] == b'\x0b\x02' else 96) + 32


def table(pe):
    return struct.unpack_from('<II', pe, table_entry_at(pe))


def with_table(pe, raw):
    """The same program with these bytes as its certificate table."""
    at, _ = table(pe)
    out = bytearray(pe[:at or len(pe)] + raw)
    struct.pack_into('<II', out, table_entry_at(pe), at or len(pe), len(raw))
    return bytes(out)


def certificate_entry(pkcs7, padding=None, kind=2):
    padding = b'\0' * (-len(pkcs7) % 8) if padding is None else padding
    return struct.pack('<IHH', 8 + len(pkcs7) + len(padding), 0x200, kind) + pkcs7 + padding


def signature_in(pe):
    at, _ = table(pe)
    return pe[at + 8:at + 8 + element(pe[at + 8:])[2]]


def with_unsigned(pkcs7, *attributes):
    """The same PKCS #7 with more unsigned attributes at its signer."""
    kind, wrapped = children(pkcs7)
    parts = children(children(wrapped)[0])
    info = children(children(parts[-1])[0])
    old = children(info.pop()) if info[-1][0] == 0xa1 else []
    info.append(der(0xa1, *old, *attributes))
    parts[-1] = der(0x31, sequence(*info))
    return sequence(kind, der(0xa0, sequence(*parts)))


def encrypted_digest(pkcs7):
    info = children(children(children(children(children(pkcs7)[1])[0])[-1])[0])
    return next(element(p)[1] for p in info if p[0] == 4)


def imprint_of(data, digest='sha256'):
    number = {'sha256': SHA256, 'sha1': oid('1.3.14.3.2.26')}[digest]
    return sequence(sequence(number, b'\5\0'), der(4, hashlib.new(digest, data).digest()))


def time_stamp(a, authority, data, time, digest='sha256', chain=()):
    """The unsigned attribute with a token by AUTHORITY: `data` was there at `time`."""
    a.write('tst', sequence(der(2, b'\1'), oid('1.2.3.4.1'), imprint_of(data, digest), der(2, b'\7'), der(0x18, time)))
    a.cms('token', 'tst', authority, chain=chain, options=('-binary', '-nodetach', '-md', 'sha256', '-econtent_type', TST_INFO))
    return sequence(TOKEN, der(0x31, a.read('token')))


def sign_program(a, source, out, signer, *options, chain=('inter',), digest='sha256'):
    a.bundle('chain.pem', signer, *chain)
    if os.path.exists(a.path(out)):
        os.unlink(a.path(out))
    a.run('osslsigncode', 'sign', '-certs', 'chain.pem', '-key', signer + '.key', '-h', digest, *options, '-in', source, '-out', out)


def make_program_variants(a):
    for name, is_64 in (('program', True), ('program32', False)):
        a.write(name, program(is_64))
        sign_program(a, name, name + '-code', 'code')
    real = sorted(glob.glob('/usr/lib/systemd/boot/efi/linux*.efi.stub'))[0]
    sign_program(a, real, 'real-code', 'code')
    for signer in ('tls', 'plain', 'any', 'expired', 'short', 'sha1', 'revoked', 'lifetime'):
        sign_program(a, 'program', 'program-' + signer, signer)
    sign_program(a, 'program', 'program-stranger', 'stranger', chain=('other',))
    sign_program(a, 'program', 'program-md-sha1', 'code', digest='sha1')
    sign_program(a, 'program-md-sha1', 'program-nested', 'code', '-nest')
    sign_program(a, 'program-code', 'program-nested-stranger', 'stranger', '-nest', chain=('other',))
    good = a.read('program-code')
    at, size = table(good)
    signature = signature_in(good)
    changed = bytearray(good)
    changed[512] ^= 1
    a.write('tampered', changed)
    checksum = bytearray(good)
    checksum[88 + 64] ^= 1
    a.write('checksum', checksum)
    a.write('appended', good + b'tail')
    a.write('appended-8', good + b'\0' * 8)
    a.write('cut', good[:-8])
    a.write('padded', with_table(good, certificate_entry(signature, b'\0' * 16)))
    a.write('padded-data', with_table(good, certificate_entry(signature, b'A' * (-len(signature) % 8 or 8))))
    a.write('padded-unsaid', with_table(good, certificate_entry(signature, b'')))
    a.write('two-entries', with_table(good, certificate_entry(signature) + certificate_entry(signature_in(a.read('program-stranger')))))
    a.write('odd-entry', with_table(good, certificate_entry(signature) + certificate_entry(b'MZ payload', kind=1)))
    a.write('many-entries', with_table(good, certificate_entry(signature) * 17))
    a.write('garbage-entry', with_table(good, certificate_entry(os.urandom(100))))
    a.write('moved', with_table(program(code=b'\x90\xc3'), certificate_entry(signature)))
    a.write('stripped', program())
    # a section that is loaded from the certificate table
    loaded = bytearray(good)
    struct.pack_into('<I', loaded, 88 + 112 + 128 + 16, 1024)
    a.write('section-in-table', loaded)
    # gone from the directory, but still in the file
    unlisted = bytearray(good)
    struct.pack_into('<II', unlisted, table_entry_at(good), 0, 0)
    a.write('unlisted', unlisted)
    odd = bytearray(good)
    struct.pack_into('<II', odd, table_entry_at(good), 0, size)
    a.write('table-at-start', odd)
    a.write('dos', b'MZ' + b'\0' * 200)
    a.write('data-signature', with_table(good, certificate_entry(a.read('code.p7s'))))
    return at


def make_stamped(a):
    """Signed by an expired certificate, with time stamps of all sorts."""
    program_bytes = a.read('program-expired')
    signature = signature_in(program_bytes)
    value = encrypted_digest(signature)
    for name, attribute in (
            ('stamped', time_stamp(a, 'tsa', value, b'20250601000000Z', chain=('inter',))),
            ('stamped-late', time_stamp(a, 'tsa', value, b'20260601000000Z', chain=('inter',))),
            ('stamped-future', time_stamp(a, 'tsa', value, b'20300601000000Z', chain=('inter',))),
            ('stamped-other', time_stamp(a, 'tsa', value + b'x', b'20250601000000Z', chain=('inter',))),
            ('stamped-sha1', time_stamp(a, 'tsa', value, b'20250601000000Z', 'sha1', chain=('inter',))),
            ('stamped-stranger', time_stamp(a, 'tsa-stranger', value, b'20250601000000Z', chain=('other',))),
            ('stamped-code', time_stamp(a, 'code', value, b'20250601000000Z', chain=('inter',))),
            ('stamped-plain-use', time_stamp(a, 'tsa-uncritical', value, b'20250601000000Z', chain=('inter',))),
            ('stamped-expired-tsa', time_stamp(a, 'tsa-expired', value, b'20250601000000Z', chain=('inter',)))):
        a.write(name, with_table(program_bytes, certificate_entry(with_unsigned(signature, attribute))))
    for signer in ('revoked', 'lifetime'):
        program_bytes = a.read('program-' + signer)
        signature = signature_in(program_bytes)
        if signer == 'revoked':
            signature = with_crl(signature, a.read('inter.crl'))
        a.write('stamped-' + signer, with_table(program_bytes, certificate_entry(with_unsigned(
            signature, time_stamp(a, 'tsa', encrypted_digest(signature), b'20250601000000Z', chain=('inter',))))))


# -- catalogs -----------------------------------------------------------------------------------------------

PE_IMAGE, FLAT, INDIRECT = (oid('1.3.6.1.4.1.311.2.1.' + n) for n in ('15', '25', '4'))
CTL = oid('1.3.6.1.4.1.311.10.1')


def image_hash(pe, digest='sha256'):
    at, _ = table(pe)
    entry = table_entry_at(pe)
    checksum = struct.unpack_from('<I', pe, 60)[0] + 24 + 64
    return hashlib.new(digest, pe[:checksum] + pe[checksum + 4:entry] + pe[entry + 8:at or len(pe)]).digest()


LINK = der(0xa2, der(0x80, '<<<Obsolete>>>'.encode('utf-16-be')))
PE_IMAGE_DATA = sequence(der(3, b'\0'), der(0xa0, LINK))


def member(sum_, kind=FLAT, name=None, label='File', digest=SHA256):
    attributes = [sequence(INDIRECT, der(0x31, sequence(
        sequence(kind, PE_IMAGE_DATA if kind == PE_IMAGE else LINK), sequence(sequence(digest, b'\5\0'), der(4, sum_)))))]
    if name is not None:
        attributes.append(sequence(oid('1.3.6.1.4.1.311.12.2.1'), der(0x31, sequence(
            der(0x1e, label.encode('utf-16-be')), der(2, b'\1'), der(4, (name + '\0').encode('utf-16-le'))))))
    return sequence(der(4, sum_), der(0x31, *attributes))


def catalog(a, out, members, signer='code', chain=('inter',), usage='1.3.6.1.4.1.311.12.1.1'):
    body = b''.join((sequence(oid(usage)), der(4, b'0123456789abcdef'), der(0x17, b'250601000000Z'),
                     sequence(oid('1.3.6.1.4.1.311.12.1.3'), b'\5\0'), sequence(*members)))
    attributes = attributes_of(body, content_type=CTL)
    info = signer_info(issuer_and_serial(a.der_of(signer)), SHA256, oid('1.2.840.10045.4.3.2'), a.signature(signer, attributes),
                       attributes)
    a.write(out, sequence(SIGNED_DATA, der(0xa0, sequence(
        der(2, b'\1'), set_of(sequence(SHA256)), sequence(CTL, der(0xa0, sequence(body))),
        der(0xa0, *[a.der_of(c) for c in (signer, *chain)]), set_of(info)))))


def make_catalogs(a):
    sha256 = lambda name: hashlib.sha256(a.read(name)).digest()
    plain, other = program(), program(code=b'\x90\x90')
    a.write('driver.sys', plain)
    a.write('driver-other.sys', other)
    members = [member(sha256('file')), member(hashlib.sha1(CONTENT).digest(), digest=oid('1.3.14.3.2.26')),
               member(image_hash(plain), PE_IMAGE, 'driver.sys'), member(image_hash(other), PE_IMAGE, 'x64\\driver.sys', 'FilePath'),
               member(image_hash(other), PE_IMAGE), member(image_hash(other), PE_IMAGE, '..\\driver.sys'),
               member(image_hash(other), PE_IMAGE, 'driver.sys'), member(image_hash(plain), PE_IMAGE, 'signed.sys')]
    catalog(a, 'good.cat', members)
    catalog(a, 'expired.cat', members, 'expired')
    catalog(a, 'stranger.cat', members, 'stranger', ('other',))
    catalog(a, 'no-catalog.cat', members, usage='1.2.3.4')
    catalog(a, 'damaged.cat', [*members, b'\4\1x'])
    good = a.read('good.cat')
    at = good.index(sha256('file'))
    a.write('tampered.cat', good[:at] + bytes([good[at] ^ 1]) + good[at + 1:])
    a.write('followed.cat', good + b'\0')


def other_content(a, kind, sip, pkcs7):
    """The digest of this signature, signed by 'code' as what something of that kind has computed."""
    body = children(children(children(pkcs7)[1])[0])[2]
    digest = children(children(children(body)[1])[0])[1]
    info = sequence(der(2, b'\1'), der(4, sip), *[der(2, b'\0')] * 5)
    content = sequence(oid(kind), info) + digest
    attributes = attributes_of(content, content_type=INDIRECT)
    signer = signer_info(issuer_and_serial(a.der_of('code')), SHA256, oid('1.2.840.10045.4.3.2'), a.signature('code', attributes),
                         attributes)
    return sequence(SIGNED_DATA, der(0xa0, sequence(
        der(2, b'\1'), set_of(sequence(SHA256)), sequence(INDIRECT, der(0xa0, sequence(content))),
        der(0xa0, *[a.der_of(c) for c in ('code', 'inter')]), set_of(signer))))


def make_authenticode(a):
    a.cms('code.p7s', 'file', 'code', chain=('inter',))
    a.leaf('tsa', 'inter', 'critical,timeStamping')
    a.leaf('tsa-stranger', 'other', 'critical,timeStamping')
    a.leaf('tsa-uncritical', 'inter', 'timeStamping')
    a.leaf('tsa-expired', 'inter', 'critical,timeStamping', end='20260101000000Z')
    a.leaf('lifetime', 'inter', 'codeSigning,1.3.6.1.4.1.311.10.3.13', end='20260101000000Z')
    make_program_variants(a)
    make_stamped(a)
    make_catalogs(a)
    jar = lambda pkcs7: with_unsigned(pkcs7[:element(pkcs7)[2]], sequence(oid('1.2.3.4'), der(0x31, der(4, installers.archive(0)))))
    installers.make_cabinets(a, sign_program, jar)
    good = a.read('program-code')
    a.write('program-jar', with_table(good, certificate_entry(jar(signature_in(good)))))
    installers.make_packages(a, sign_program, lambda *content: other_content(a, *content))
    a.write('signed.sys', a.read('program-code'))
    # the tool that people use agrees about what is good, and about what is not
    verify = ['osslsigncode', 'verify', '-CAfile', 'root.pem', '-in']
    if b'Signature verification: ok' not in a.run(*verify, 'driver.sys', '-catalog', 'good.cat'):
        raise RuntimeError('osslsigncode does not take the catalog')
    for name, status in (('program-code', 0), ('program32-code', 0), ('real-code', 0), ('tampered', 1), ('program-stranger', 1),
                         ('package-code', 0), ('package-border', 1), ('package-nameless-border', 0), ('cabinet-code', 0),
                         ('cabinet-tampered', 1)):
        if (subprocess.run([*verify, name], cwd=a.directory, capture_output=True, check=False).returncode != 0) != (status != 0):
            raise RuntimeError('osslsigncode says something else of ' + name)


def begin(directory):
    """The certificates, and what is signed."""
    a = Authorities(directory)
    a.write('file', CONTENT)
    a.write('other-file', b'what somebody else has made\n')
    make_chains(a)
    return a


if __name__ == '__main__':
    {'cms': make_cms, 'authenticode': make_authenticode}[sys.argv[1]](begin(sys.argv[2]))
