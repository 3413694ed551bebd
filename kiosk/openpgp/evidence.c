/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "openpgp/openpgp.h"

#include <string.h>

#include "common/evidence_name.h"
#include "openpgp/limits.h"
#include "openpgp/verify.h"

#define BLOCK (1u << 16) /* bytes of the file that are read at a time */

static const char *const suffixes[] = { ".asc", ".sig", ".gpg", ".pgp", ".sign", ".signature" };

void work_done(struct work **w)
{
	if (*w) {
		bundle_done(&(*w)->bundle);
		free((*w)->out);
	}
	free(*w);
	*w = NULL;
}

static int read_evidence(const struct evidence *e, uint8_t **ret)
{
	size_t at = 0;
	uint8_t *data = malloc(e->size + 1);

	if (!data)
		return -ENOMEM;
	while (at < e->size) {
		ssize_t n = pread(e->fd, data + at, e->size - at, (off_t)at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			free(data);
			return n < 0 ? -errno : -EIO;
		}
		at += (size_t)n;
	}
	*ret = data;
	return 0;
}

/* Nobody whom this station knows: not tried, or not to be tried. */
static int tell_other(struct evidence *e, const char *path, const struct signature *s)
{
	if (!s->is_readable) {
		/* Of a version or algorithm that came after this station, beside which an older one may stand. */
		return evidence_signed(e, s->version > 4 ? SIGNATURE_UNTRUSTED : SIGNATURE_MALFORMED, 0, path, NULL, "",
				       "a signature that %s", s->trouble);
	}
	if (!s->is_document)
		return evidence_signed(e, SIGNATURE_MALFORMED, 0, path, NULL, s->issuer,
				       "the signature is not over a document: its type is '%s'", s->type);
	return evidence_signed(e, SIGNATURE_UNTRUSTED, 0, path, NULL, s->issuer, "by a key that is not trusted");
}

static int tell_one(struct evidence *e, const char *path, const struct verdict *v)
{
	bool is_nobody = v->outcome == SIGNATURE_UNTRUSTED || v->outcome == SIGNATURE_MALFORMED;

	return evidence_signed(e, v->outcome, 0, path, is_nobody ? NULL : v->by->trusted, v->by->keys[0], "%s", v->detail);
}

int tell_signatures(struct evidence *e, const char *path, const struct work *w)
{
	size_t told = 0;
	int r = 0;

	for (size_t i = 0; r == 0 && i < w->bundle.count; i++) {
		bool is_known = false;

		for (size_t k = 0; r == 0 && k < w->count; k++) {
			if (w->verdicts[k].signature != i)
				continue;
			is_known = true;
			r = ++told > SIGNATURES_OF_ONE_MAX ? -E2BIG : tell_one(e, path, &w->verdicts[k]);
		}
		if (r == 0 && !is_known)
			r = ++told > SIGNATURES_OF_ONE_MAX ? -E2BIG : tell_other(e, path, &w->bundle.signatures[i]);
	}
	return r;
}

static int tell_malformed(struct evidence *e, const char *path, const char *why)
{
	return evidence_signed(e, SIGNATURE_MALFORMED, 0, path, NULL, "", "%s", why);
}

/* -- detached --------------------------------------------------------------------------------------------------- */

static bool stem(const char *name, char *ret, size_t size)
{
	for (size_t i = 0; i < ARRAY_LEN(suffixes); i++) {
		size_t n = strlen(name) - strlen(suffixes[i]);

		if (!evidence_has_suffix(name, suffixes[i]) || n >= size)
			continue;
		memcpy(ret, name, n);
		ret[n] = '\0';
		return strcmp(ret, ".") != 0 && strcmp(ret, "..") != 0;
	}
	return false;
}

/* 1: the file holds a NUL, as no text does. */
static int holds_nul(int fd)
{
	_cleanup_free_ uint8_t *block = malloc(BLOCK);
	off_t at = 0;
	ssize_t n;

	if (!block)
		return -ENOMEM;
	for (;;) {
		n = pread(fd, block, BLOCK, at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : 0;
		if (memchr(block, 0, (size_t)n))
			return 1;
		at += n;
	}
}

/* To a signature over a text (RFC 9580 section 5.2.1.2), line ends of any kind are the same: a program with others in their place
 * would be as good as what was signed. */
static int weigh_texts(struct work *w, int fd)
{
	bool is_known = false;
	int r = 0;

	for (size_t i = 0; i < w->count; i++) {
		struct verdict *v = &w->verdicts[i];

		if (v->outcome != SIGNATURE_GOOD || strcmp(w->bundle.signatures[v->signature].type, "binary") == 0)
			continue;
		r = is_known ? r : holds_nul(fd);
		is_known = true;
		if (r < 0)
			return r;
		if (r > 0) {
			v->outcome = SIGNATURE_WEAK;
			(void)snprintf(v->detail, sizeof(v->detail), "it is a signature over a text, and the file is none");
		}
	}
	return 0;
}

static int prove_detached(struct evidence *e, const char *path, int fd)
{
	_cleanup_work_ struct work *w = calloc(1, sizeof(*w));
	_cleanup_free_ uint8_t *raw = NULL;
	int r;

	if (!w)
		return -ENOMEM;
	if (e->size > SIGNATURE_FILE_MAX)
		return tell_malformed(e, path, "larger than any signature");
	r = read_evidence(e, &raw);
	if (r == 0)
		r = bundle_read(raw, e->size, &w->bundle);
	if (r < 0)
		return r;
	if (*w->bundle.trouble)
		return tell_malformed(e, path, w->bundle.trouble);
	w->now = e->now;
	w->fd = fd;
	r = verify(w);
	if (r == 0)
		r = weigh_texts(w, fd);
	return r == 0 ? tell_signatures(e, path, w) : r;
}

int prove_openpgp(struct evidence *e)
{
	_cleanup_close_ int fd = -EBADF;
	char path[ORIGIN_PATH_MAX + 1];
	uint64_t size;
	int r;

	if (!stem(e->name, path, sizeof(path)))
		return 0;
	r = evidence_want(e, 0, path, &fd, &size);
	return r > 0 ? prove_detached(e, path, fd) : r; /* what is signed is not on the medium: nothing to say */
}

/* -- cleartext --------------------------------------------------------------------------------------------------- */

static bool has_bad(const struct work *w)
{
	for (size_t i = 0; i < w->count; i++)
		if (w->verdicts[i].outcome == SIGNATURE_BAD)
			return true;
	return false;
}

static int prove_parts(struct evidence *e, const struct cleartext *parts)
{
	_cleanup_work_ struct work *w = calloc(1, sizeof(*w));
	int r;

	if (!w)
		return -ENOMEM;
	r = bundle_read((const uint8_t *)parts->signatures, parts->signatures_size, &w->bundle);
	if (r < 0)
		return r;
	if (*w->bundle.trouble)
		return tell_malformed(e, "", w->bundle.trouble);
	w->now = e->now;
	w->text = parts;
	w->out_max = parts->text_size + 1; /* unescaping makes it no longer */
	w->out = malloc(w->out_max);
	r = w->out ? verify(w) : -ENOMEM;
	if (r == 0)
		r = tell_signatures(e, "", w);
	if (r < 0 || !w->has_out || has_bad(w))
		return r;
	return evidence_text(e, w->out, cleartext_line_ends(w->out, w->out_size));
}

int prove_openpgp_text(struct evidence *e)
{
	_cleanup_free_ uint8_t *raw = NULL;
	struct cleartext parts;
	const char *why;
	int r;

	if (e->size > TEXT_BYTES_MAX)
		return -EFBIG;
	r = read_evidence(e, &raw);
	if (r < 0)
		return r;
	why = cleartext_split((const char *)raw, e->size, &parts);
	return why ? tell_malformed(e, "", why) : prove_parts(e, &parts);
}
