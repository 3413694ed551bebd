/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "openpgp/judge.h"

#include <stdarg.h>
#include <string.h>
#include <time.h>

#include "openpgp/certificate.h"
#include "openpgp/limits.h"

/* What signatures may be made with; of other algorithms nobody has said here that they hold. */
static const char *const sound_hashes[] = { RNP_ALGNAME_SHA224, RNP_ALGNAME_SHA256,   RNP_ALGNAME_SHA384,
					    RNP_ALGNAME_SHA512, RNP_ALGNAME_SHA3_256, RNP_ALGNAME_SHA3_512 };

struct question {
	const struct signature *s;
	const struct trusted_key *trusted;
	struct key_facts key;
	rnp_result_t status;
	uint64_t now;
	struct verdict *v;
};

static void _printf_(3, 4) say(struct question *q, enum signature_outcome outcome, const char *format, ...)
{
	va_list ap;

	q->v->outcome = outcome;
	va_start(ap, format);
	if (vsnprintf(q->v->detail, sizeof(q->v->detail), format, ap) < 0) /* cut on purpose */
		q->v->detail[0] = '\0';
	va_end(ap);
}

void time_text(uint64_t s_since_1970, char ret[static TIME_TEXT_LEN + 1])
{
	time_t t = (time_t)s_since_1970;
	struct tm tm;

	if (!gmtime_r(&t, &tm))
		(void)snprintf(ret, TIME_TEXT_LEN + 1, "%llu s after 1970", (unsigned long long)s_since_1970);
	else /* not strftime(), which asks for the time zone anew */
		(void)snprintf(ret, TIME_TEXT_LEN + 1, "%d-%02d-%02d %02d:%02d:%02d UTC", tm.tm_year + 1900, tm.tm_mon + 1,
			       tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

static const char *key_words(const struct question *q)
{
	return q->key.is_subkey ? "its subkey " : "the key ";
}

static bool is_sound_hash(const char *hash)
{
	for (size_t i = 0; i < ARRAY_LEN(sound_hashes); i++)
		if (strcmp(hash, sound_hashes[i]) == 0)
			return true;
	return false;
}

static void say_expired(struct question *q)
{
	char when[TIME_TEXT_LEN + 1];

	time_text(q->key.expires, when);
	say(q, SIGNATURE_EXPIRED, "%s%s expired at %s", key_words(q), q->key.fingerprint, when);
}

/* What forbids to count a signature whatever its mathematics say. True when something was said. */
static bool is_barred(struct question *q)
{
	if (q->key.is_revoked)
		say(q, SIGNATURE_REVOKED, "%s%s has been revoked by its owner", key_words(q), q->key.fingerprint);
	else if (!is_sound_hash(q->s->hash))
		say(q, SIGNATURE_WEAK, "made with %s, which proves nothing any more", q->s->hash);
	else if (key_has_expired(&q->key, q->now))
		say_expired(q);
	else if (q->key.is_weak)
		say(q, SIGNATURE_WEAK, "%s", q->key.weakness);
	else if (!q->key.is_bound)
		say(q, SIGNATURE_UNTRUSTED, "by the subkey or key %s, which is not validly bound to its certificate",
		    q->key.fingerprint);
	else if (!q->key.may_sign)
		say(q, SIGNATURE_UNTRUSTED, "%s%s may not be used to sign", key_words(q), q->key.fingerprint);
	else if (trusted_key_has_ended(q->trusted, q->now))
		say(q, SIGNATURE_EXPIRED, "by the key '%s', which has expired", q->trusted->name);
	else
		return false;
	return true;
}

/* librnp does not try a signature that was made with a broken hash, by a key that may not sign, or at a time when it does not
 * hold the key for valid: then "invalid" says nothing about the file. */
static bool was_tried(const struct question *q)
{
	return is_sound_hash(q->s->hash) && q->key.may_sign && q->s->created >= q->key.created &&
	       q->s->created <= q->key.valid_till;
}

static void judge_invalid(struct question *q)
{
	char when[TIME_TEXT_LEN + 1];

	if (!was_tried(q) && is_barred(q))
		return;
	time_text(q->s->created, when);
	if (q->key.expires && q->s->created >= q->key.expires)
		say(q, SIGNATURE_EXPIRED, "made at %s, after %s%s had expired", when, key_words(q), q->key.fingerprint);
	else if (q->s->has_critical_notation)
		say(q, SIGNATURE_MALFORMED, "carries a critical notation that this station does not know");
	else if (q->s->created < q->key.created)
		say(q, SIGNATURE_BAD, "claims to be made at %s, before %s%s was", when, key_words(q), q->key.fingerprint);
	else
		say(q, SIGNATURE_BAD, "this is not what was signed at %s with %s%s", when, key_words(q), q->key.fingerprint);
}

static void judge_valid(struct question *q)
{
	uint64_t end = q->s->expires ? (uint64_t)q->s->created + q->s->expires : 0;
	char made[TIME_TEXT_LEN + 1], ended[TIME_TEXT_LEN + 1];

	if (is_barred(q))
		return;
	time_text(q->s->created, made);
	time_text(end, ended);
	if (q->s->created > q->now + FUTURE_MAX)
		say(q, SIGNATURE_EXPIRED, "made at %s, which is in the future", made);
	else if (end && q->now >= end)
		say(q, SIGNATURE_EXPIRED, "the signature of %s expired at %s", made, ended);
	else if (q->status != RNP_SUCCESS) /* valid, but not at this time */
		say(q, SIGNATURE_EXPIRED, "the signature of %s is not valid now", made);
	else if (q->key.is_subkey)
		say(q, SIGNATURE_GOOD, "signed at %s with %s by its subkey %s", made, q->s->hash, q->key.fingerprint);
	else
		say(q, SIGNATURE_GOOD, "signed at %s with %s", made, q->s->hash);
}

int judge(const struct signature *s, const struct certificate *c, const char *fingerprint, rnp_result_t status, uint64_t now,
	  struct verdict *v)
{
	struct question q = { .s = s, .trusted = c->trusted, .status = status, .now = now, .v = v };
	int r = key_facts(c->keys[0], fingerprint, &q.key);

	if (r < 0)
		return r;
	switch (status) {
	case RNP_SUCCESS:
	case RNP_ERROR_SIGNATURE_EXPIRED: /* librnp: valid, if it were not for the time */
		judge_valid(&q);
		break;
	case RNP_ERROR_KEY_NOT_FOUND: /* the library does not find what it was given */
		return -ENOTSUP;
	default:
		judge_invalid(&q);
	}
	return 0;
}
