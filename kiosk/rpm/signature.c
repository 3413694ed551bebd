/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* The signatures that a package carries. librpm's OpenPGP is not asked: that of 4.18 knows neither the end nor the revocation of
 * a key, and for librpm a package without any signature is "digests OK". They are judged as every other OpenPGP signature is
 * (kiosk/openpgp), over the bytes that librpm says they are made over.
 *
 * What counts is what covers both the header, which tells an installer what to do, and the payload:
 *
 *   over the header      (RSAHEADER, DSAHEADER; OPENPGP of RPM 6)  when the header has a digest of the payload (RPM 4.14 and later)
 *                        that is worth something, and the payload has it; without one it proves nothing (SIGNATURE_WEAK)
 *   over both            (SIGPGP, SIGGPG: before RPM 4.14)         as it is
 */
#include <string.h>

#include <rpm/rpmtag.h>
#include <rpm/rpmtd.h>

#include "common/base64.h"
#include "openpgp/verify.h"
#include "rpm/formats.h"
#include "rpm/limits.h"
#include "rpm/package.h"

#define TAG_OPENPGP 278 /* RPMSIGTAG_OPENPGP, which librpm before 6.0 has no name for: signatures in base64 */

/* Tags of the signature header. */
static const struct place {
	rpmTagVal tag;
	bool has_payload; /* it is made over header and payload */
} places[] = {
	{ RPMSIGTAG_RSA, false }, { RPMSIGTAG_DSA, false }, { TAG_OPENPGP, false }, { RPMSIGTAG_PGP, true }, { RPMSIGTAG_GPG, true },
};

enum payload {
	PAYLOAD_UNKNOWN, /* not looked at yet: it may be long, and nobody may have signed it */
	PAYLOAD_MATCHES,
	PAYLOAD_DIFFERS,
	PAYLOAD_WEAK,  /* MD5, SHA-1 */
	PAYLOAD_UNSAID,
};

struct proving {
	struct evidence *e;
	struct package package;
	enum payload payload;
	const struct digest *digest;
	size_t signature_count; /* so far */
};

/* Binary packets, as they stand or one behind the other. */
struct blob {
	uint8_t *data; /* owned */
	size_t size;
	const char *why; /* it is malformed: static; NULL */
};

static void blob_done(struct blob *b)
{
	free(b->data);
}

static int look_at_payload(struct proving *p)
{
	uint8_t expected[ORIGIN_DIGEST_MAX], found[ORIGIN_DIGEST_MAX];
	int r;

	if (p->payload != PAYLOAD_UNKNOWN)
		return 0;
	p->payload = PAYLOAD_UNSAID;
	r = package_payload_digest(&p->package, &p->digest, expected);
	if (r <= 0)
		return r;
	r = digest_fd_from(p->digest, p->e->fd, p->package.payload_at, found);
	if (r < 0)
		return r;
	if (memcmp(found, expected, p->digest->size) != 0)
		p->payload = PAYLOAD_DIFFERS;
	else
		p->payload = p->digest->size < digest_by_name("sha224")->size ? PAYLOAD_WEAK : PAYLOAD_MATCHES;
	return 0;
}

/* A signature that is good over the header. */
static void weigh(const struct proving *p, struct verdict *v)
{
	char words[101];

	switch (p->payload) {
	case PAYLOAD_MATCHES:
		(void)snprintf(words, sizeof(words), "%.100s", v->detail);
		(void)snprintf(v->detail, sizeof(v->detail), "%.150s, %s", p->package.name, words);
		break;
	case PAYLOAD_DIFFERS:
		v->outcome = SIGNATURE_BAD;
		(void)snprintf(v->detail, sizeof(v->detail), "the payload of %.150s is not what was signed", p->package.name);
		break;
	case PAYLOAD_WEAK:
		v->outcome = SIGNATURE_WEAK;
		(void)snprintf(v->detail, sizeof(v->detail), "what is signed names the payload by %s, which proves nothing any more",
			       p->digest->name);
		break;
	default:
		v->outcome = SIGNATURE_WEAK;
		(void)snprintf(v->detail, sizeof(v->detail), "over the header alone, which has no digest of the payload");
	}
}

static int weigh_all(struct proving *p, const struct place *place, struct work *w)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < w->count; i++) {
		struct verdict *v = &w->verdicts[i];

		if (v->outcome != SIGNATURE_GOOD)
			continue;
		/* Over a text, line ends of any kind are the same to it: those of a package are not. */
		if (strcmp(w->bundle.signatures[v->signature].type, "binary") != 0) {
			v->outcome = SIGNATURE_MALFORMED;
			(void)snprintf(v->detail, sizeof(v->detail), "it is a signature over a text, not over a package");
			continue;
		}
		if (place->has_payload)
			continue;
		r = look_at_payload(p);
		if (r == 0)
			weigh(p, v);
	}
	return r;
}

static int prove_blob(struct proving *p, const struct place *place, const struct blob *b)
{
	_cleanup_work_ struct work *w = calloc(1, sizeof(*w));
	int r;

	if (!w)
		return -ENOMEM;
	r = bundle_read(b->data, b->size, &w->bundle);
	if (r < 0)
		return r;
	if (*w->bundle.trouble)
		return evidence_signed(p->e, SIGNATURE_MALFORMED, 0, "", NULL, "", "%s", w->bundle.trouble);
	if (w->bundle.count > PACKAGE_SIGNATURES_MAX - p->signature_count)
		return evidence_signed(p->e, SIGNATURE_MALFORMED, 0, "", NULL, "", "more signatures than packages have");
	p->signature_count += w->bundle.count;
	w->now = p->e->now;
	w->fd = p->e->fd;
	w->from = p->package.header_at;
	w->to = place->has_payload ? 0 : p->package.payload_at;
	r = verify(w);
	if (r == 0)
		r = weigh_all(p, place, w);
	return r == 0 ? tell_signatures(p->e, "", w) : r;
}

static int take_binary(const struct rpmtd_s *td, struct blob *b)
{
	if (td->type != RPM_BIN_TYPE || td->count == 0 || td->count > SIGNATURE_BYTES_MAX) {
		b->why = "a signature of the package has not the form of one";
		return 0;
	}
	b->data = malloc(td->count);
	if (!b->data)
		return -ENOMEM;
	memcpy(b->data, td->data, td->count);
	b->size = td->count;
	return 0;
}

static int add_base64(const char *text, struct blob *b)
{
	size_t n = strlen(text), size = n / 4 * 3;

	for (size_t i = n; i > 0 && text[i - 1] == '=' && size > 0; i--)
		size--;
	if (n == 0 || n > BASE64_LEN(SIGNATURE_BYTES_MAX) || size > SIGNATURE_BYTES_MAX - b->size)
		return -EINVAL;
	if (base64_decode(text, n, b->data + b->size, size) < 0)
		return -EINVAL;
	b->size += size;
	return 0;
}

static int take_base64(struct rpmtd_s *td, struct blob *b)
{
	const char *text;

	b->data = malloc(SIGNATURE_BYTES_MAX);
	if (!b->data)
		return -ENOMEM;
	if (td->type != RPM_STRING_ARRAY_TYPE || td->count > PACKAGE_SIGNATURES_MAX || rpmtdInit(td) < 0)
		b->why = "the package's list of signatures has not the form of one";
	while (!b->why && (text = rpmtdNextString(td)) != NULL)
		if (add_base64(text, b) < 0)
			b->why = "a signature of the package is not in base64";
	return 0;
}

static int prove_place(struct proving *p, const struct place *place)
{
	_cleanup_(blob_done) struct blob b = { 0 };
	struct rpmtd_s td;
	int r;

	if (headerGet(p->package.signatures, place->tag, &td, HEADERGET_MINMEM) != 1)
		return 0; /* it has no such signature */
	r = place->tag == TAG_OPENPGP ? take_base64(&td, &b) : take_binary(&td, &b);
	rpmtdFreeData(&td);
	if (r < 0)
		return r;
	if (b.why)
		return evidence_signed(p->e, SIGNATURE_MALFORMED, 0, "", NULL, "", "%s", b.why);
	return prove_blob(p, place, &b);
}

int prove_rpm(struct evidence *e)
{
	struct proving p = { .e = e };
	const char *why;
	int r = package_open(e->fd, e->size, &p.package, &why);

	if (r < 0)
		return r;
	if (r == 0) /* what only has the name of a package has no signature to be wrong */
		return *why ? evidence_signed(e, SIGNATURE_MALFORMED, 0, "", NULL, "", "%s", why) : 0;
	for (size_t i = 0; r >= 0 && i < ARRAY_LEN(places); i++)
		r = prove_place(&p, &places[i]);
	package_done(&p.package);
	return r < 0 ? r : 0;
}
