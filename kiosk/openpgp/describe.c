/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* A certificate that the officer wants to trust. The file is the officer's choice, but not of his making. */
#include <stdarg.h>
#include <string.h>
#include <time.h>

#include "openpgp/certificate.h"
#include "openpgp/judge.h"
#include "openpgp/limits.h"
#include "openpgp/openpgp.h"

enum { TAG_SECRET_KEY = 5, TAG_PUBLIC_KEY = 6 };

struct candidate {
	struct key_description *d;
	uint64_t now;
	size_t certificates;
	bool has_secret, has_foreign_revocation, can_sign;
	char others[ORIGIN_DETAIL_MAX - 200]; /* fingerprints of several certificates */
	struct key_facts primary, best; /* best: the key that comes closest to signing */
};

static void _printf_(2, 3) object(struct candidate *c, const char *format, ...)
{
	va_list ap;

	if (*c->d->trouble) /* the first is the worst */
		return;
	va_start(ap, format);
	if (vsnprintf(c->d->trouble, sizeof(c->d->trouble), format, ap) < 0) /* cut on purpose */
		(void)snprintf(c->d->trouble, sizeof(c->d->trouble), "not to be trusted");
	va_end(ap);
}

static int read_file(int fd, uint64_t size, uint8_t *data)
{
	for (uint64_t at = 0; at < size;) {
		ssize_t n = pread(fd, data + at, size - at, (off_t)at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		at += (uint64_t)n;
	}
	return 0;
}

/* Could it be a key at all? RFC 9580 sections 4.2 and 6.2. */
static bool looks_like_key(const uint8_t *data, size_t size)
{
	unsigned int tag = data[0] & 0x40 ? data[0] & 0x3f : data[0] >> 2 & 0xf;

	if (data[0] & 0x80)
		return tag == TAG_PUBLIC_KEY || tag == TAG_SECRET_KEY;
	return memmem(data, size, "-----BEGIN PGP PUBLIC KEY BLOCK-----", 36) ||
	       memmem(data, size, "-----BEGIN PGP PRIVATE KEY BLOCK-----", 37);
}

/* -- reading what is there -------------------------------------------------------------------------------------- */

static int note_certificate(void *context, const char *fingerprint)
{
	struct candidate *c = context;
	size_t n = strlen(c->others);

	if (c->certificates++ == 0)
		(void)snprintf(c->d->fingerprint, sizeof(c->d->fingerprint), "%s", fingerprint);
	if (n + FINGERPRINT_LEN + 3 < sizeof(c->others))
		(void)snprintf(c->others + n, sizeof(c->others) - n, "%s%s", n > 0 ? ", " : "", fingerprint);
	return 0;
}

static int import(struct candidate *c, const uint8_t *data, size_t size)
{
	_cleanup_rnp_input_ rnp_input_t input = NULL;
	size_t secret = 0;
	int r = library_clear(c->now);

	if (r < 0)
		return r;
	if (rnp_input_from_memory(&input, data, size, false) != RNP_SUCCESS)
		return -ENOMEM;
	/* Permissive: a certificate may hold keys and signatures of kinds that came after this station; they are left out. */
	r = library_error(rnp_import_keys(library()->lax, input,
					  RNP_LOAD_SAVE_PUBLIC_KEYS | RNP_LOAD_SAVE_SECRET_KEYS | RNP_LOAD_SAVE_PERMISSIVE, NULL));
	if (r < 0)
		return r;
	if (rnp_get_secret_key_count(library()->lax, &secret) != RNP_SUCCESS)
		return -ENOTSUP;
	c->has_secret = secret > 0;
	return each_key(library()->lax, false, note_certificate, c);
}

/* A revocation that this certificate's own key did not make may be a designated revoker's (RFC 9580 section 5.2.3.23), whose key
 * this station does not have: it cannot say that the certificate has not been revoked. */
static int look_for_foreign_revocations(struct candidate *c, rnp_key_handle_t key)
{
	size_t count = 0;

	if (rnp_key_get_signature_count(key, &count) != RNP_SUCCESS)
		return -ENOTSUP;
	for (size_t i = 0; i < count; i++) {
		_cleanup_rnp_signature_ rnp_signature_handle_t s = NULL;
		_cleanup_rnp_string_ char *type = NULL;

		if (rnp_key_get_signature_at(key, i, &s) != RNP_SUCCESS)
			return -ENOMEM;
		c->has_foreign_revocation |= rnp_signature_get_type(s, &type) == RNP_SUCCESS &&
					     strcmp(type, "key revocation") == 0 && rnp_signature_is_valid(s, 0) != RNP_SUCCESS;
	}
	return 0;
}

static int remove_pictures(rnp_key_handle_t key)
{
	size_t count = 0;

	if (rnp_key_get_uid_count(key, &count) != RNP_SUCCESS)
		return -ENOTSUP;
	for (size_t i = count; i-- > 0;) {
		rnp_uid_handle_t uid = NULL;
		uint32_t type = RNP_USER_ID;
		rnp_result_t r = rnp_key_get_uid_handle_at(key, i, &uid);

		if (r == RNP_SUCCESS)
			r = rnp_uid_get_type(uid, &type);
		if (r == RNP_SUCCESS && type != RNP_USER_ID)
			r = rnp_uid_remove(key, uid);
		(void)rnp_uid_handle_destroy(uid); /* releasing cannot fail */
		if (r != RNP_SUCCESS)
			return -ENOTSUP;
	}
	return 0;
}

static int take_owner(struct candidate *c, rnp_key_handle_t key)
{
	_cleanup_rnp_string_ char *primary = NULL, *first = NULL;
	uint32_t created = 0;

	if (rnp_key_get_creation(key, &created) != RNP_SUCCESS)
		return -ENOTSUP;
	c->d->created = created;
	if (rnp_key_get_primary_uid(key, &primary) != RNP_SUCCESS) /* all may be revoked; a key may have none */
		(void)rnp_key_get_uid_at(key, 0, &first);
	(void)snprintf(c->d->owner, sizeof(c->d->owner), "%s", primary ? primary : (first ? first : ""));
	return 0;
}

static int export(struct candidate *c, rnp_key_handle_t key)
{
	_cleanup_rnp_output_ rnp_output_t output = NULL;
	uint8_t *bytes = NULL;
	size_t size = 0;

	if (rnp_output_to_memory(&output, 0) != RNP_SUCCESS)
		return -ENOMEM;
	if (rnp_key_export(key, output, RNP_KEY_EXPORT_PUBLIC | RNP_KEY_EXPORT_SUBKEYS) != RNP_SUCCESS ||
	    rnp_output_memory_get_buf(output, &bytes, &size, false) != RNP_SUCCESS)
		return -ENOTSUP;
	c->d->size = MIN(size, sizeof(c->d->bytes));
	memcpy(c->d->bytes, bytes, c->d->size);
	if (size > sizeof(c->d->bytes))
		object(c, "larger than a station takes: %zu bytes of %zu (gpg --export-options export-minimal)", size,
		       sizeof(c->d->bytes));
	return 0;
}

static int minimise(struct candidate *c)
{
	_cleanup_rnp_key_ rnp_key_handle_t key = NULL;
	int r;

	if (rnp_locate_key(library()->lax, "fingerprint", c->d->fingerprint, &key) != RNP_SUCCESS || !key)
		return -ENOMEM;
	r = look_for_foreign_revocations(c, key);
	if (r == 0)
		r = take_owner(c, key);
	if (r == 0)
		r = remove_pictures(key);
	if (r == 0 && rnp_key_remove_signatures(key, RNP_KEY_SIGNATURE_NON_SELF_SIG, NULL, NULL) != RNP_SUCCESS)
		r = -ENOTSUP;
	return r == 0 ? export(c, key) : r;
}

/* -- judging what is kept ---------------------------------------------------------------------------------------- */

static bool is_usable(const struct candidate *c, const struct key_facts *f)
{
	return f->may_sign && f->is_bound && !f->is_revoked && !f->is_weak && !key_has_expired(f, c->now);
}

static int try_key(void *context, const char *fingerprint)
{
	struct candidate *c = context;
	struct key_facts f;
	int r = key_facts(c->d->fingerprint, fingerprint, &f);

	if (r < 0)
		return r;
	c->can_sign |= is_usable(c, &f);
	if (f.may_sign && (!c->best.may_sign || is_usable(c, &f)))
		c->best = f;
	return 0;
}

static void object_to_best(struct candidate *c)
{
	const struct key_facts *f = &c->best;

	if (!f->may_sign)
		object(c, "it cannot sign: neither the key nor a subkey of it is meant to");
	else if (f->is_revoked)
		object(c, "its subkey %s, which signs, has been revoked", f->fingerprint);
	else if (key_has_expired(f, c->now))
		object(c, "its subkey %s, which signs, has expired", f->fingerprint);
	else if (f->is_weak)
		object(c, "too weak: %s", f->weakness);
	else
		object(c, "its key %s, which signs, is not validly bound", f->fingerprint);
}

static int judge_certificate(struct candidate *c)
{
	char when[TIME_TEXT_LEN + 1];
	int r = library_clear(c->now);

	if (r == 0)
		r = library_load(c->d->bytes, c->d->size);
	if (r == 0)
		r = try_key(c, c->d->fingerprint);
	if (r == 0)
		r = key_facts(c->d->fingerprint, c->d->fingerprint, &c->primary);
	if (r == 0)
		r = each_key(library()->lax, true, try_key, c);
	if (r < 0)
		return r;
	c->d->expires = c->primary.expires;
	if (c->primary.is_revoked)
		object(c, "it has been revoked by its owner");
	if (c->has_foreign_revocation)
		object(c, "it carries a revocation by another key, which this station cannot check");
	if (key_has_expired(&c->primary, c->now)) {
		time_text(c->primary.expires, when);
		object(c, "it expired at %s", when);
	}
	if (c->primary.is_weak)
		object(c, "too weak: %s", c->primary.weakness);
	if (!c->can_sign)
		object_to_best(c);
	return 0;
}

static int describe(struct candidate *c)
{
	struct key_description *d = c->d;
	int r;

	d->kind = KEY_OPENPGP;
	memcpy(d->key_id, d->fingerprint, sizeof(d->key_id));
	if (c->has_secret)
		object(c, "this is a secret key: trust its public half (gpg --export %s)", d->fingerprint);
	if (c->certificates > 1)
		object(c, "%zu keys in one file; trust one at a time (gpg --export FINGERPRINT): %s", c->certificates, c->others);
	r = minimise(c);
	if (r == 0 && !*d->trouble)
		r = judge_certificate(c);
	if (r == -EBADMSG) { /* librnp does not read what it wrote */
		object(c, "this station cannot read it");
		r = 0;
	}
	return r < 0 ? r : 1;
}

int describe_certificate(int fd, uint64_t size, struct key_description *d)
{
	_cleanup_free_ uint8_t *data = NULL;
	struct candidate c = { .d = d, .now = (uint64_t)time(NULL) };
	int r, cleared;

	if (size == 0 || size > KEY_FILE_MAX)
		return 0;
	data = malloc(size);
	r = data ? read_file(fd, size, data) : -ENOMEM;
	if (r < 0 || !looks_like_key(data, size))
		return r;
	r = import(&c, data, size);
	if (r == 0 && c.certificates > 0)
		r = describe(&c);
	cleared = library_clear(c.now);
	if (r == -EBADMSG) /* no certificate: perhaps another role knows what it is */
		return 0;
	return cleared < 0 ? cleared : r;
}
