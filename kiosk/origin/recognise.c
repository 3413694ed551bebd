/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* What is this file? By its name and by its first bytes, which are only compared here. Whoever proves it looks again: a wrong
 * guess costs the file its signature, and never gives it one.
 */
#include <fnmatch.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "common/evidence_name.h"
#include "common/list_name.h"
#include "origin/formats.h"
#include "origin/limits.h"

#define HEAD_BYTES 4096

struct glimpse {
	const char *path, *name;
	uint64_t size;
	size_t head_size;
	char head[HEAD_BYTES + 1]; /* with a NUL behind it */
};

static bool has_suffix(const struct glimpse *g, const char *suffix)
{
	return evidence_has_suffix(g->name, suffix);
}

static bool is_named(const struct glimpse *g, const char *pattern)
{
	return fnmatch(pattern, g->name, FNM_CASEFOLD) == 0;
}

static bool begins(const struct glimpse *g, const char *magic, size_t size)
{
	return g->head_size >= size && memcmp(g->head, magic, size) == 0;
}

static bool has(const struct glimpse *g, const char *words)
{
	return memmem(g->head, g->head_size, words, strlen(words)) != NULL;
}

/* At the beginning of a line: what stands before it is for the prover to refuse. */
static bool has_line(const struct glimpse *g, const char *words)
{
	const char *end = g->head + g->head_size, *at = g->head;

	while (at && (size_t)(end - at) >= strlen(words)) {
		if (memcmp(at, words, strlen(words)) == 0)
			return true;
		at = memchr(at, '\n', (size_t)(end - at));
		at = at ? at + 1 : NULL;
	}
	return false;
}

/* RFC 9580 section 4.2: a signature packet, in the old format with a length of one, two or four octets, or in the new one; then
 * a version from 3 to 6 (section 5.2). An Ed25519 signature is 64 bytes that may begin so by chance; none of OpenPGP is as
 * short. */
static bool is_openpgp_packet(const struct glimpse *g)
{
	const unsigned char *head = (const unsigned char *)g->head; /* HEAD_BYTES are there, NUL behind the file's */
	size_t at;

	if (g->size == 64)
		return false;
	if (head[0] >= 0x88 && head[0] <= 0x8a)
		at = 1 + (1u << (head[0] & 3));
	else if (head[0] == 0xc2)
		at = head[1] < 192 ? 2 : head[1] < 224 ? 3 : 6;
	else
		return false;
	return at < g->head_size && head[at] >= 3 && head[at] <= 6;
}

static bool is_openpgp_signature(const struct glimpse *g)
{
	return has_line(g, "-----BEGIN PGP SIGNATURE-----") || is_openpgp_packet(g);
}

static enum evidence_format recognise_openpgp(const struct glimpse *g)
{
	if (has_line(g, "-----BEGIN PGP SIGNED MESSAGE-----"))
		return EVIDENCE_OPENPGP_TEXT;
	if ((has_suffix(g, ".asc") || has_suffix(g, ".sig") || has_suffix(g, ".gpg") || has_suffix(g, ".pgp") ||
	     has_suffix(g, ".sign") || has_suffix(g, ".signature")) &&
	    is_openpgp_signature(g))
		return EVIDENCE_OPENPGP;
	return EVIDENCE_NONE;
}

static enum evidence_format recognise_ed25519(const struct glimpse *g)
{
	if (begins(g, "untrusted comment:", 18) || has_suffix(g, ".minisig"))
		return has_suffix(g, ".minisig") || has_line(g, "trusted comment:") ? EVIDENCE_MINISIGN : EVIDENCE_SIGNIFY;
	return EVIDENCE_NONE;
}

static bool is_compressed(const struct glimpse *g)
{
	return begins(g, "\x1f\x8b", 2) || begins(g, "\xfd" "7zXZ", 5) || begins(g, "BZh", 3) || begins(g, "\x28\xb5\x2f\xfd", 4);
}

static enum evidence_format recognise_debian(const struct glimpse *g)
{
	bool is_by_hash = fnmatch("*/by-hash/*/*", g->path, FNM_CASEFOLD) == 0;

	if (strcmp(g->name, "InRelease") == 0 || strcmp(g->name, "Release") == 0)
		return EVIDENCE_DEBIAN_RELEASE;
	if (is_named(g, "Packages") || is_named(g, "Packages.*") ||
	    (is_by_hash && fnmatch("*/binary-*/*", g->path, 0) == 0 && (is_compressed(g) || begins(g, "Package:", 8))))
		return EVIDENCE_DEBIAN_PACKAGES;
	if (is_named(g, "Sources") || is_named(g, "Sources.*") ||
	    (is_by_hash && fnmatch("*/source/*", g->path, 0) == 0 && (is_compressed(g) || begins(g, "Package:", 8))))
		return EVIDENCE_DEBIAN_SOURCES;
	if (has_suffix(g, ".dsc") || has_suffix(g, ".changes") || has_suffix(g, ".buildinfo"))
		return EVIDENCE_DEBIAN_CONTROL;
	return EVIDENCE_NONE;
}

static enum evidence_format recognise_rpm(const struct glimpse *g)
{
	if (begins(g, "\xed\xab\xee\xdb", 4) || has_suffix(g, ".rpm"))
		return EVIDENCE_RPM;
	if (is_named(g, "repomd.xml"))
		return EVIDENCE_REPOMD;
	if (is_named(g, "*primary.xml") || is_named(g, "*primary.xml.*"))
		return EVIDENCE_RPM_PRIMARY;
	return EVIDENCE_NONE;
}

/* Of a wheel, at its top or unpacked; what is deeper was installed, and changed on the way. */
static enum evidence_format recognise_wheel(const struct glimpse *g)
{
	return fnmatch("*.dist-info/RECORD", g->path, FNM_PATHNAME) == 0 ? EVIDENCE_WHEEL : EVIDENCE_NONE;
}

static bool is_json(const struct glimpse *g)
{
	return g->head[strspn(g->head, " \t\r\n")] == '{';
}

/* As the name of a member: configurations of images have the words as a value ("rootfs":{"type":"layers"}). */
static bool has_member(const struct glimpse *g, const char *quoted)
{
	const char *at = g->head;

	/* the NUL behind the head ends the search; one within it, which is no JSON, ends it as well */
	while ((at = strstr(at, quoted))) {
		at += strlen(quoted);
		if (at[strspn(at, " \t\r\n")] == ':')
			return true;
	}
	return false;
}

static enum evidence_format recognise_json(const struct glimpse *g)
{
	bool is_blob = fnmatch("*blobs/sha256/*", g->path, FNM_CASEFOLD) == 0;

	if (strcmp(g->name, "manifest.json") == 0 && g->head[strspn(g->head, " \t\r\n")] == '[')
		return has_member(g, "\"Config\"") && has_member(g, "\"Layers\"") ? EVIDENCE_DOCKER_ARCHIVE : EVIDENCE_NONE;
	if (!is_json(g))
		return EVIDENCE_NONE;
	if (strcmp(g->name, "package-lock.json") == 0 || strcmp(g->name, "npm-shrinkwrap.json") == 0)
		return EVIDENCE_NPM_LOCK;
	if (strcmp(g->name, ".cargo-checksum.json") == 0)
		return EVIDENCE_CARGO;
	if (strcmp(g->name, "index.json") == 0 || is_blob) {
		if (has_member(g, "\"manifests\""))
			return EVIDENCE_OCI_INDEX;
		if (has_member(g, "\"layers\""))
			return EVIDENCE_OCI_MANIFEST;
		if (!is_blob) /* attestations are blobs, too */
			return EVIDENCE_NONE;
	}
	if (has(g, "application/vnd.dev.sigstore.bundle"))
		return EVIDENCE_SIGSTORE_BUNDLE;
	if (has(g, "\"payloadType\""))
		return EVIDENCE_DSSE;
	/* Members may stand in any order, and a large payload before what tells them. */
	if (has(g, "\"dsseEnvelope\"") || has(g, "\"verificationMaterial\"") || has(g, "\"base64Signature\""))
		return EVIDENCE_SIGSTORE_BUNDLE;
	return has(g, "\"payload\"") ? EVIDENCE_DSSE : EVIDENCE_NONE;
}

/* RFC 5652 section 3: SEQUENCE, a length of one to five bytes, the object identifier of signed data. */
static bool is_signed_data(const struct glimpse *g)
{
	static const char id[] = "\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02";
	const char *at = memmem(g->head, MIN(g->head_size, (size_t)20), id, sizeof(id) - 1);

	return begins(g, "\x30", 1) && at && at - g->head <= 6;
}

static enum evidence_format recognise_asn1(const struct glimpse *g)
{
	bool is_der = begins(g, "\x30", 1);

	if (has_suffix(g, ".cat") && is_der)
		return EVIDENCE_CATALOG;
	if (has_suffix(g, ".p7s") || has_suffix(g, ".p7b") || has_suffix(g, ".p7") || has_suffix(g, ".p7c") || has_suffix(g, ".cms") ||
	    (has_suffix(g, ".sig") && (is_signed_data(g) || has_line(g, "-----BEGIN PKCS7-----") || has_line(g, "-----BEGIN CMS-----"))))
		return EVIDENCE_CMS;
	return EVIDENCE_NONE;
}

static enum evidence_format recognise_code(const struct glimpse *g)
{
	if (begins(g, "MZ", 2) || ((has_suffix(g, ".msi") || has_suffix(g, ".msp")) && begins(g, "\xd0\xcf\x11\xe0", 4)) ||
	    begins(g, "MSCF", 4))
		return EVIDENCE_AUTHENTICODE;
	return EVIDENCE_NONE;
}

static enum evidence_format recognise_list(const struct glimpse *g)
{
	if (is_named(g, "manifest-*.txt") || is_named(g, "tagmanifest-*.txt"))
		return EVIDENCE_BAGIT;
	return list_name_promises(g->name) || checksums_begin(g->name, g->head, g->head_size) ? EVIDENCE_CHECKSUMS : EVIDENCE_NONE;
}

/* Bytes without any mark: by name, length and shape, after everything else. A name that says nothing else is taken at its
 * word; ".sig" is used for much, and what it holds may be text out of another signature. */
static enum evidence_format recognise_raw(const struct glimpse *g)
{
	bool is_promised = has_suffix(g, ".ed25519") || has_suffix(g, ".p256");
	bool is_so_named = has_suffix(g, ".sig") || has_suffix(g, ".signature");

	if (g->size <= RAW_SIGNATURE_MAX && (is_promised || (is_so_named && raw_signature_is_likely(g->head, g->head_size))))
		return EVIDENCE_RAW_SIGNATURE;
	return EVIDENCE_NONE;
}

enum evidence_format recognise(const char *path, int fd, uint64_t size)
{
	static enum evidence_format (*const recognisers[])(const struct glimpse *) = {
		recognise_openpgp, recognise_ed25519, recognise_debian, recognise_rpm, recognise_wheel, recognise_json,
		recognise_asn1,	   recognise_code,    recognise_list,	recognise_raw,
	};
	struct glimpse g = { .path = path, .name = evidence_base_name(path), .size = size };
	enum evidence_format format = EVIDENCE_NONE;
	ssize_t n;

	do
		n = pread(fd, g.head, HEAD_BYTES, 0);
	while (n < 0 && errno == EINTR);
	g.head_size = n > 0 ? (size_t)n : 0;
	for (size_t i = 0; format == EVIDENCE_NONE && i < ARRAY_LEN(recognisers); i++)
		format = recognisers[i](&g);
	return format;
}
