#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""Make attestations and signed images as in-toto, Sigstore, OpenSSF model signing and cosign do, good ones and bad ones.

usage: attestations.py OUTDIR

Writes OUTDIR/keys/*.pem and a directory for each specimen, OUTDIR/KIND/NAME/, which is to be the root of a medium. What each
must lead to stands in tests/unit/test_origin_*.c. Keys and signatures are openssl's; images are umoci's and skopeo's where
these are installed (oci/tools). Also to be imported: Keys, envelope(), statement(), bundle(), model_statement(), Layout.
"""
import base64
import hashlib
import json
import os
import shutil
import subprocess
import sys

IN_TOTO = 'application/vnd.in-toto+json'
PROVENANCE = 'https://slsa.dev/provenance/v1'
BUNDLE = 'application/vnd.dev.sigstore.bundle.v0.3+json'
MODEL = 'https://model_signing/signature/v1.0'
MODEL_0_1 = 'https://model_signing/Digests/v0.1'


def run(*argv, **kw):
    return subprocess.run(argv, check=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **kw).stdout


def b64(data):
    return base64.b64encode(data).decode()


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def write(path, data):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, 'wb') as f:
        f.write(data if isinstance(data, bytes) else data.encode())


def dump(thing):
    return json.dumps(thing, separators=(',', ':')).encode()


# -- keys ------------------------------------------------------------------------------------------------------

class Keys:
    """Key pairs and certificates in a directory: NAME.key, NAME.pub (SubjectPublicKeyInfo), NAME.pem (certificate)."""

    def __init__(self, directory):
        self.dir = directory
        os.makedirs(directory, exist_ok=True)

    def path(self, name, suffix='key'):
        return os.path.join(self.dir, name + '.' + suffix)

    def make(self, name, curve='P-256'):
        kind = ['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:' + curve]
        if curve == 'ed25519':
            kind = ['-algorithm', 'ed25519']
        elif curve.startswith('rsa'):
            kind = ['-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:' + curve[3:]]
        run('openssl', 'genpkey', *kind, '-out', self.path(name))
        run('openssl', 'pkey', '-in', self.path(name), '-pubout', '-out', self.path(name, 'pub'))

    def sign(self, name, data, digest='sha256'):
        text = run('openssl', 'pkey', '-in', self.path(name), '-noout', '-text').decode()
        file = self.path(name, 'message')
        write(file, data)
        if 'ED25519' in text:
            return run('openssl', 'pkeyutl', '-sign', '-rawin', '-inkey', self.path(name), '-in', file)
        return run('openssl', 'dgst', '-' + digest, '-sign', self.path(name), file)

    def spki(self, name):
        return run('openssl', 'pkey', '-pubin', '-in', self.path(name, 'pub'), '-outform', 'DER')

    def hint(self, name, form='hex'):
        with open(self.path(name, 'pub'), 'rb') as f:
            pem = f.read()
        return {'hex': sha256(self.spki(name)), 'pem': sha256(pem), 'base64': b64(hashlib.sha256(self.spki(name)).digest())}[form]

    def certify(self, name, issuer, extensions, days='3650'):
        """A certificate for NAME; by itself when the issuer is its own name."""
        config = self.path(name, 'cnf')
        write(config, '[x]\n' + '\n'.join(extensions) + '\n')
        request = run('openssl', 'req', '-new', '-key', self.path(name), '-subj', '/CN=' + name)
        by = ['-signkey', self.path(name)] if issuer == name else \
            ['-CA', self.path(issuer, 'pem'), '-CAkey', self.path(issuer), '-CAcreateserial']
        run('openssl', 'x509', '-req', *by, '-days', days, '-sha256', '-extfile', config, '-extensions', 'x',
            '-out', self.path(name, 'pem'), input=request)

    def der(self, name):
        return run('openssl', 'x509', '-in', self.path(name, 'pem'), '-outform', 'DER')


CA = ['basicConstraints=critical,CA:TRUE', 'keyUsage=critical,keyCertSign', 'subjectKeyIdentifier=hash']
LEAF = ['basicConstraints=critical,CA:FALSE', 'keyUsage=critical,digitalSignature']
CODE = LEAF + ['extendedKeyUsage=codeSigning']


def make_keys(directory):
    k = Keys(directory)
    for name, curve in (('vendor', 'P-256'), ('stranger', 'P-256'), ('second', 'P-256'), ('edwards', 'ed25519'), ('ca', 'P-256'),
                        ('leaf', 'P-384'), ('server', 'P-256'), ('keyless', 'P-256'), ('below', 'P-256'), ('pinned', 'P-256'),
                        ('other-ca', 'P-256'), ('other-leaf', 'P-256'), ('rsa', 'rsa2048'), ('short', 'rsa1024')):
        k.make(name, curve)
    k.certify('ca', 'ca', CA)
    k.certify('other-ca', 'other-ca', CA)
    for name in ('leaf', 'rsa', 'short'):
        k.certify(name, 'ca', CODE)
    k.certify('other-leaf', 'other-ca', CODE)
    k.certify('server', 'ca', LEAF + ['extendedKeyUsage=serverAuth'])
    k.certify('keyless', 'ca', CODE + ['1.3.6.1.4.1.57264.1.1=ASN1:UTF8String:https://issuer.example'])
    k.certify('below', 'leaf', CODE)  # a certificate by one that is no authority
    k.certify('pinned', 'pinned', LEAF)
    return k


# -- envelopes -------------------------------------------------------------------------------------------------

def pae(kind, payload):
    return b'DSSEv1 %d %s %d %s' % (len(kind), kind.encode(), len(payload), payload)


def envelope(keys, signers, payload, kind=IN_TOTO, keyid='', digest='sha256'):
    return {'payload': b64(payload), 'payloadType': kind,
            'signatures': [{'keyid': keyid, 'sig': b64(keys.sign(s, pae(kind, payload), digest))} for s in signers]}


def statement(subjects, kind=PROVENANCE, predicate=None, version='v1'):
    """subjects: (name, {algorithm: hex}) each."""
    return dump({'_type': 'https://in-toto.io/Statement/' + version,
                 'subject': [{'name': n, 'digest': d} for n, d in subjects],
                 'predicateType': kind, 'predicate': predicate or {}})


def bundle(material, content, media_type=BUNDLE):
    return {'mediaType': media_type, 'verificationMaterial': material, **content}


def key_material(hint=''):
    return {'publicKey': {'hint': hint}}


def chain_material(keys, *names):
    return {'x509CertificateChain': {'certificates': [{'rawBytes': b64(keys.der(n))} for n in names]}, 'tlogEntries': []}


def message(keys, signer, data, digest_of=None):
    sum_ = hashlib.sha256(data if digest_of is None else digest_of).digest()
    return {'messageSignature': {'messageDigest': {'algorithm': 'SHA2_256', 'digest': b64(sum_)},
                                 'signature': b64(keys.sign(signer, data))}}


# -- models ----------------------------------------------------------------------------------------------------

def model_statement(files, name='my-model', algorithm='sha256', method='files', root=None, **serialization):
    """files: name -> bytes."""
    def digest(data):
        return (hashlib.blake2b if algorithm == 'blake2b' else hashlib.sha256)(data).hexdigest()
    resources = [{'name': n, 'digest': digest(files[n]), 'algorithm': algorithm} for n in sorted(files)]
    if root is None:
        root = sha256(b''.join(bytes.fromhex(r['digest']) for r in resources))
    return dump({'_type': 'https://in-toto.io/Statement/v1', 'subject': [{'name': name, 'digest': {'sha256': root}}],
                 'predicateType': MODEL,
                 'predicate': {'resources': resources,
                               'serialization': {'method': method, 'hash_type': algorithm, 'allow_symlinks': False,
                                                 **serialization}}})


# -- images ----------------------------------------------------------------------------------------------------

MANIFEST = 'application/vnd.oci.image.manifest.v1+json'
INDEX = 'application/vnd.oci.image.index.v1+json'
SIMPLE = 'application/vnd.dev.cosign.simplesigning.v1+json'


class Layout:
    """An OCI image layout in a directory."""

    def __init__(self, directory):
        self.dir, self.manifests = directory, []
        write(os.path.join(directory, 'oci-layout'), dump({'imageLayoutVersion': '1.0.0'}))

    def blob(self, data):
        write(os.path.join(self.dir, 'blobs/sha256', sha256(data)), data)
        return {'digest': 'sha256:' + sha256(data), 'size': len(data)}

    def image(self, text='layer', tag=None, **more):
        config = self.blob(dump({'architecture': 'amd64', 'os': 'linux', 'text': text}))
        layer = self.blob(b'not really a tar: ' + text.encode())
        return self.document({'schemaVersion': 2, 'mediaType': MANIFEST,
                              'config': {'mediaType': 'application/vnd.oci.image.config.v1+json', **config},
                              'layers': [{'mediaType': 'application/vnd.oci.image.layer.v1.tar', **layer}], **more}, tag)

    def document(self, thing, tag=None, kind=MANIFEST):
        """Add a manifest or an index; returns its digest."""
        d = {'mediaType': kind, **self.blob(dump(thing))}
        if tag is not None:
            d['annotations'] = {'org.opencontainers.image.ref.name': tag}
        self.manifests.append(d)
        return d['digest']

    def payload(self, digest, kind='cosign container image signature', name='registry.example/vendor/app'):
        return dump({'critical': {'identity': {'docker-reference': name}, 'image': {'docker-manifest-digest': digest},
                                  'type': kind}, 'optional': None})

    def cosign(self, keys, signer, digest, tagged=None, payload=None, sign=True, alter=None, over=None):
        """A signature as `cosign sign --key` stores it. Returns the digest of its manifest."""
        payload = payload or self.payload(digest)
        d = self.blob(payload)
        layer = {'mediaType': SIMPLE, **d}
        if sign:
            layer['annotations'] = {'dev.cosignproject.cosign/signature': b64(keys.sign(signer, over or payload))}
        if alter:
            write(os.path.join(self.dir, 'blobs/sha256', d['digest'][7:]), alter)
        config = self.blob(dump({'architecture': '', 'rootfs': {'type': 'layers', 'diff_ids': [d['digest']]}}))
        return self.document({'schemaVersion': 2, 'mediaType': MANIFEST,
                              'config': {'mediaType': 'application/vnd.oci.image.config.v1+json', **config},
                              'layers': [layer]}, (tagged or digest).replace(':', '-') + '.sig')

    def finish(self, **more):
        write(os.path.join(self.dir, 'index.json'), dump({'schemaVersion': 2, 'mediaType': INDEX, 'manifests': self.manifests, **more}))


# -- specimens -------------------------------------------------------------------------------------------------

A, B = b'content of a\n', b'content of b\n'
SUBJECTS = [('a.bin', {'sha256': sha256(A), 'sha512': hashlib.sha512(A).hexdigest()}), ('sub/b.bin', {'sha256': sha256(B)})]


def medium(out, name, evidence, files=None):
    """evidence: (file name, object or bytes)."""
    for path, data in {'a.bin': A, 'sub/b.bin': B, **(files or {})}.items():
        write(os.path.join(out, name, path), data)
    path, thing = evidence
    write(os.path.join(out, name, path), thing if isinstance(thing, bytes) else dump(thing))


def url_safe(e):
    def convert(text):
        return text.replace('+', '-').replace('/', '_').rstrip('=')
    return {**e, 'payload': convert(e['payload']), 'signatures': [{**s, 'sig': convert(s['sig'])} for s in e['signatures']]}


def make_dsse(out, k):
    s = statement(SUBJECTS)
    good = envelope(k, ['vendor'], s)
    evil = statement([('a.bin', {'sha256': sha256(b'evil')})])

    def add(name, thing, file='a.dsse', files=None):
        medium(out, 'dsse/' + name, (file, thing), files)

    add('good', good)
    add('good-v0.1', envelope(k, ['vendor'], statement(SUBJECTS, version='v0.1')))
    add('edwards', envelope(k, ['edwards'], s))
    add('pinned', envelope(k, ['pinned'], s))
    add('two-signers', envelope(k, ['stranger', 'vendor'], s))
    # bytes that need the two letters in which the alphabets differ
    add('url-safe', url_safe(envelope(k, ['vendor'], statement(SUBJECTS, predicate={'x': 'ÿ?>~' * 40}))))
    add('tampered', {**good, 'payload': b64(evil)})
    add('tampered-with-hint', {**envelope(k, ['vendor'], s, keyid=k.hint('vendor')), 'payload': b64(evil)})
    add('other-type', {**envelope(k, ['vendor'], s, kind='application/x-other'), 'payloadType': IN_TOTO})
    add('without-encoding', {**good, 'signatures': [{'keyid': '', 'sig': b64(k.sign('vendor', s))}]})
    add('stripped', {**good, 'signatures': []})
    add('by-stranger', envelope(k, ['stranger'], evil))
    add('stranger-with-hint', envelope(k, ['stranger'], s, keyid=k.hint('vendor')))
    add('truncated', dump(good)[:-20])
    add('deep', b'{"payload":' + b'[' * 100000 + b']' * 100000 + b'}')
    add('huge', b'{"payloadType":"x","payload":[' + b'0,' * 700000 + b'0]}')
    add('duplicate', b'{"payload":"",' + dump(good)[1:])
    add('followed', dump(good) + b'{}')
    add('not-base64', {**good, 'payload': '*' + good['payload'][1:]})
    add('not-base64-signature', {**good, 'signatures': [{'sig': '!!!!'}]})
    add('many-signatures', {**good, 'signatures': good['signatures'] * 17})
    add('unknown-type', envelope(k, ['vendor'], b'anything', kind='text/plain'))
    add('without-predicate-type', envelope(k, ['vendor'], dump({'_type': 'https://in-toto.io/Statement/v1',
                                                                'subject': json.loads(s)['subject']})))
    add('without-subjects', envelope(k, ['vendor'], statement([])))
    add('not-a-statement', envelope(k, ['vendor'], dump({'_type': 'link'})))
    add('duplicate-in-payload', envelope(k, ['vendor'], b'{"predicateType":"x",' + s[1:]))
    add('short-digest', envelope(k, ['vendor'], statement([('a.bin', {'sha256': sha256(A)[:-2]})])))
    add('failed', envelope(k, ['vendor'], statement(SUBJECTS, 'https://slsa.dev/verification_summary/v1',
                                                    {'verificationResult': 'FAILED'})))
    add('passed', envelope(k, ['vendor'], statement(SUBJECTS, 'https://slsa.dev/verification_summary/v1',
                                                    {'verificationResult': 'PASSED'})))
    add('fault', envelope(k, ['vendor'], statement(SUBJECTS, 'https://openvex.dev/ns/v0.2.0', {'status': 'affected'})))
    d = {'sha256': sha256(A)}
    add('names', envelope(k, ['vendor'], statement([
        ('pkg:generic/a@1', d), ('https://vendor.example/a.bin', d), ('registry.example/team/image', d), ('v1.2/a.bin', d),
        ('../a.bin', d), ('/a.bin', d), ('_', d), ('', d), ('./sub//b.bin', {'sha256': sha256(B)}),
        ('https://vendor.example/b', {'gitCommit': '00'})])), files={'v1.2/a.bin': A})
    other = envelope(k, ['vendor'], statement([('sub/b.bin', {'sha256': sha256(B)})]))
    lines = [dump(envelope(k, ['vendor'], statement(SUBJECTS[:1]))), dump(other)]
    add('lines', b'\n'.join(lines) + b'\n', 'all.intoto.jsonl')
    add('line-by-stranger', b'\n'.join(lines + [dump(envelope(k, ['stranger'], evil))]), 'all.intoto.jsonl')
    add('line-by-second', b'\n'.join(lines + [dump(envelope(k, ['second'], evil))]), 'all.intoto.jsonl')
    add('line-malformed', b'\n'.join(lines + [b'{}']), 'all.intoto.jsonl')
    add('lines-of-data', b'{"payload":"x","label":1}\n{"payload":"y","label":2}\n', 'training.jsonl')
    add('data', b'{"payload":"x","label":1}', 'thing.bundle')


def make_bundles(out, k):
    s = statement(SUBJECTS)

    def add(name, thing, file='a.bin.sigstore.json', files=None):
        medium(out, 'bundle/' + name, (file, thing), files)

    def dsse(signer, payload=s, digest='sha256'):
        return {'dsseEnvelope': envelope(k, [signer], payload, digest=digest)}

    for form in ('hex', 'pem', 'base64'):
        add('key-' + form, bundle(key_material(k.hint('vendor', form)), dsse('vendor')))
        add('stranger-as-' + form, bundle(key_material(k.hint('vendor', form)), dsse('stranger')))
    add('key-v0.1', bundle({'publicKey': {'rawBytes': b64(k.spki('vendor')), 'keyDetails': 'PKIX_ECDSA_P256_SHA_256'}},
                           dsse('vendor'), 'application/vnd.dev.sigstore.bundle+json;version=0.1'))
    add('own-key', bundle({'publicKey': {'rawBytes': b64(k.spki('stranger'))}}, dsse('stranger')))
    add('unknown-version', bundle(key_material(), dsse('vendor'), 'application/vnd.dev.sigstore.bundle.v9.9+json'))
    add('both', bundle(key_material(), {**dsse('vendor'), **message(k, 'vendor', A)}))
    add('without-material', bundle({}, dsse('vendor')))
    add('two-materials', bundle({**key_material(), **chain_material(k, 'leaf')}, dsse('vendor')))
    # certificates
    add('chain', bundle(chain_material(k, 'leaf'), dsse('leaf', digest='sha384')))
    add('chain-sha256', bundle(chain_material(k, 'leaf', 'ca'), dsse('leaf')))
    add('certificate', bundle({'certificate': {'rawBytes': b64(k.der('leaf'))}}, dsse('leaf', digest='sha384')))
    for name in ('rsa', 'short'):
        add(name, bundle(chain_material(k, name), dsse(name)))
    add('rsa-tampered', bundle(chain_material(k, 'rsa'), {'dsseEnvelope': {**envelope(k, ['rsa'], s), 'payload': b64(s + b' ')}}))
    add('other-ca', bundle(chain_material(k, 'other-leaf', 'other-ca'), dsse('other-leaf')))
    add('swapped-chain', bundle(chain_material(k, 'leaf', 'ca'), dsse('other-leaf')))
    add('no-authority', bundle(chain_material(k, 'below', 'leaf', 'ca'), dsse('below')))
    add('server', bundle(chain_material(k, 'server', 'ca'), dsse('server')))
    add('keyless', bundle({'certificate': {'rawBytes': b64(k.der('keyless'))}, 'tlogEntries': [{'logIndex': '1'}]}, dsse('keyless')))
    add('pinned', bundle(chain_material(k, 'pinned'), dsse('pinned')))
    add('not-a-certificate', bundle({'certificate': {'rawBytes': b64(b'0\x03\x02\x01\x01')}}, dsse('leaf')))
    # over a file
    add('message', bundle(key_material(), message(k, 'vendor', A)))
    add('message-edwards', bundle(key_material(), message(k, 'edwards', A)))
    add('message-certificate', bundle(chain_material(k, 'leaf'), message(k, 'leaf', A)))
    add('message-altered', bundle(key_material(), message(k, 'vendor', A)), files={'a.bin': b'evil'})
    add('message-swapped', bundle(key_material(), message(k, 'vendor', B)))
    add('message-stranger', bundle(key_material(), message(k, 'stranger', A)))
    add('message-other-digest', bundle(key_material(), message(k, 'vendor', A, digest_of=B)))
    add('message-alone', bundle(key_material(), message(k, 'vendor', A)), 'gone.bin.sigstore.json')
    add('message-without-signature', bundle(key_material(), {'messageSignature': {}}))
    add('cosign-old', {'base64Signature': b64(k.sign('vendor', A)), 'cert': '', 'rekorBundle': {'Payload': {}}}, 'a.bin.bundle')
    add('cosign-old-altered', {'base64Signature': b64(k.sign('vendor', B)), 'cert': ''}, 'a.bin.bundle')
    add('truncated', dump(bundle(key_material(), message(k, 'vendor', A)))[:-9])


def make_models(out, k):
    files = {'a.bin': A, 'sub/b.bin': B}

    def add(name, payload, file='model.sig', signer='vendor', more=None, root='my-model'):
        medium(out, 'model/' + name, (file, bundle(key_material(k.hint(signer, 'pem')), {'dsseEnvelope': envelope(k, [signer], payload)})),
               more)

    good = json.loads(model_statement(files))

    def changed(change):
        s = json.loads(dump(good))
        change(s)
        return dump(s)

    def twice(s):
        r = s['predicate']['resources']
        r.append(r[0])
        s['subject'][0]['digest']['sha256'] = sha256(b''.join(bytes.fromhex(x['digest']) for x in r))

    def renamed(name):
        def change(s):
            s['predicate']['resources'][0]['name'] = name
        return change

    add('good', dump(good))
    add('altered', dump(good), more={'a.bin': b'evil'})
    add('ignoring', model_statement(files, ignore_paths=['.git', 'extra']), more={'extra': b'unsigned'})
    add('blake2b', model_statement(files, algorithm='blake2b'))
    add('blake3', changed(lambda s: s['predicate']['serialization'].update(hash_type='blake3') or
                          [r.update(algorithm='blake3') for r in s['predicate']['resources']]))
    add('mixed', changed(lambda s: s['predicate']['resources'][1].update(algorithm='blake2b')))
    add('shards', model_statement(files, method='shards', shard_size=1000))
    add('other-root', model_statement(files, root=sha256(b'')))
    add('twice', changed(twice))
    for i, name in enumerate(('../a.bin', '/a.bin', './a.bin', 'x//a.bin', 'x/', '')):
        add('name-%d' % i, changed(renamed(name)))
    add('empty', model_statement({}))
    add('two-models', changed(lambda s: s['subject'].append(s['subject'][0])))
    add('single', model_statement({'a.bin': A}, name='a.bin'), 'a.bin.sig')
    add('above', model_statement({'b.bin': B}, name='sub'), 'signature.sig')
    add('above-by-name', model_statement({'b.bin': B, 'c.bin': A}, name='model'), 'sub.sig', more={'sub/c.bin': A})
    add('digests-0.1', dump({'_type': 'https://in-toto.io/Statement/v1', 'predicateType': MODEL_0_1, 'predicate': {'unused': ''},
                             'subject': [{'name': 'a.bin', 'digest': {'sha256': sha256(A)},
                                          'annotations': {'actual_hash_algorithm': 'file-sha256'}},
                                         {'name': 'sub/b.bin', 'digest': {'sha256': sha256(B)}}]}))
    add('shards-0.1', dump({'_type': 'https://in-toto.io/Statement/v1', 'predicateType': MODEL_0_1, 'predicate': {},
                            'subject': [{'name': 'a.bin:0:5', 'digest': {'sha256': sha256(A)},
                                         'annotations': {'actual_hash_algorithm': 'file-sha256-10-shard'}}]}))


def make_images(out, k):
    def layout(name):
        return Layout(os.path.join(out, 'oci', name))

    names = {}
    l = layout('signed')
    names['signed'] = l.image(tag='v1')
    names['signed.sig'] = l.cosign(k, 'vendor', names['signed'])
    names['unsigned'] = l.image('another', tag='v2')
    names['stranger.sig'] = l.cosign(k, 'stranger', names['unsigned'])
    l.finish()
    l = layout('nested')
    inner = l.image('amd64')
    l.manifests = []
    names['nested'] = l.document({'schemaVersion': 2, 'mediaType': INDEX, 'manifests': [{'mediaType': MANIFEST, 'digest': inner, 'size': 1}]},
                                 'v1', INDEX)
    names['nested.sig'] = l.cosign(k, 'edwards', names['nested'])
    l.finish()
    l = layout('replayed')  # the signature of one image under the tag of another, and the image itself is not there
    names['replayed'] = l.image(tag='v1')
    names['replayed.sig'] = l.cosign(k, 'vendor', 'sha256:' + sha256(b'an old manifest'), tagged=names['replayed'])
    l.finish()
    l = layout('swapped')  # the manifest was replaced under its digest
    names['swapped'] = l.image(tag='v1')
    names['swapped.sig'] = l.cosign(k, 'vendor', names['swapped'])
    shutil.copyfile(os.path.join(l.dir, 'blobs/sha256', names['swapped.sig'][7:]), os.path.join(l.dir, 'blobs/sha256', names['swapped'][7:]))
    l.finish()
    l = layout('odd')
    image = l.image(tag='v1')
    names['altered.sig'] = l.cosign(k, 'vendor', image, alter=l.payload('sha256:' + sha256(b'evil')))
    names['rewritten.sig'] = l.cosign(k, 'vendor', image, payload=l.payload(image, name='rewritten'), over=l.payload(image))
    names['long.sig'] = l.cosign(k, 'vendor', image, payload=l.payload(image, name='x' * (1 << 16)))
    names['stripped.sig'] = l.cosign(k, 'vendor', image, payload=l.payload(image, name='stripped'), sign=False)
    names['other.sig'] = l.cosign(k, 'vendor', image, payload=l.payload(image, kind='atomic container signature'))
    names['traversal.sig'] = l.cosign(k, 'vendor', image, payload=l.payload('sha256:../../../a.bin'))
    d = {'mediaType': 'x', 'digest': image, 'size': 1}
    for name, thing in (('ambiguous', {'schemaVersion': 2, 'manifests': [d], 'layers': [d]}),
                        ('mistyped', {'schemaVersion': 2, 'mediaType': INDEX, 'layers': [d]}),
                        ('old', {'schemaVersion': 1, 'layers': [d]}),
                        ('upwards', {'schemaVersion': 2, 'layers': [{**d, 'digest': 'sha256:../../../../a.bin'}]}),
                        ('short', {'schemaVersion': 2, 'layers': [{**d, 'digest': 'sha256:abcd'}]}),
                        ('unknown', {'schemaVersion': 2, 'layers': [{**d, 'digest': 'multihash+base58:QmRZx'}, d]}),
                        ('weak', {'schemaVersion': 2, 'layers': [{**d, 'digest': 'md5:' + '0' * 32}, d]}),
                        ('many', {'schemaVersion': 2, 'layers': [d] * 4097}),
                        ('referrer', {'schemaVersion': 2, 'mediaType': MANIFEST, 'layers': [d], 'subject': {**d, 'digest': names['signed']}})):
        names[name] = l.document(thing)
    names['misnamed'] = 'sha256:' + '0' * 64
    write(os.path.join(l.dir, 'blobs/sha256', '0' * 64), dump({'schemaVersion': 2, 'layers': [d]}))
    names['dsse'] = l.blob(dump(envelope(k, ['vendor'], statement([('registry.example/app', {'sha256': image[7:]})]))))['digest']
    names['bundle'] = l.blob(dump(bundle(key_material(), {'dsseEnvelope': envelope(k, ['vendor'], statement(
        [('', {'sha256': image[7:]})], 'https://sigstore.dev/cosign/sign/v1'))})))['digest']
    names['odd'] = image
    l.finish()
    medium(out, 'oci/no-layout', ('index.json', {'schemaVersion': 2, 'manifests': []}))
    if shutil.which('umoci') and shutil.which('skopeo'):
        d = os.path.join(out, 'oci', 'tools')
        write(os.path.join(out, 'file'), A)
        run('umoci', 'init', '--layout', d + '.umoci')
        run('umoci', 'new', '--image', d + '.umoci:v1')
        run('umoci', 'insert', '--rootless', '--image', d + '.umoci:v1', os.path.join(out, 'file'), '/opt/file')
        run('skopeo', '--insecure-policy', 'copy', 'oci:' + d + '.umoci:v1', 'oci:' + d + ':v1')
        with open(os.path.join(d, 'index.json')) as f:
            names['tools'] = json.load(f)['manifests'][0]['digest']
    write(os.path.join(out, 'oci', 'names'), ''.join('%s %s\n' % (n, v[7:]) for n, v in names.items()))


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    out = sys.argv[1]
    keys = make_keys(os.path.join(out, 'keys'))
    make_dsse(out, keys)
    make_bundles(out, keys)
    make_models(out, keys)
    make_images(out, keys)


if __name__ == '__main__':
    main()
