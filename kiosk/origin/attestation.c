/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Attestations: DSSE envelopes and Sigstore bundles, one a file or one a line. Run by lazaret-origin.
 *
 * The signatures are looked at before the payload is parsed, and cover the evidence itself; what a statement in it lists is
 * vouched for by who signed the evidence. In a file of several envelopes that must be somebody who signed every one of them:
 * else a line that anyone has added would list files in the name of the signer of the others.
 */
#include <stdarg.h>
#include <string.h>

#include "common/evidence_name.h"
#include "origin/dsse.h"
#include "origin/formats.h"
#include "origin/in_toto.h"
#include "origin/json_input.h"
#include "origin/public_key.h"
#include "origin/sigstore_bundle.h"

#define LINES_MAX 1000u /* envelopes in a file: a release with its provenance has some tens */

/* A key that has signed every envelope so far. */
struct common_signer {
	const struct trusted_key *key;
	char key_id[ORIGIN_KEY_ID_MAX + 1];
};

struct attestation {
	struct evidence *e;
	struct plain_work work;
	unsigned int envelopes, with_signer; /* so many; so many that a trusted key has signed */
	unsigned int told;		     /* bits of enum signature_outcome: later envelopes repeat none */
	struct common_signer common[DSSE_SIGNATURES_MAX];
	size_t common_count;
	char type[IN_TOTO_TYPE_MAX + 1]; /* of the last statement */
	struct plain_result results[DSSE_SIGNATURES_MAX];
	size_t result_count;
};

/* -- whose envelope -------------------------------------------------------------------------------------------- */

static int tell_malformed(struct attestation *a, const char *why)
{
	bool is_told = a->told & 1u << SIGNATURE_MALFORMED;

	a->told |= 1u << SIGNATURE_MALFORMED;
	a->common_count = 0;
	a->envelopes++;
	return is_told ? 0 : evidence_signed(a->e, SIGNATURE_MALFORMED, 0, "", NULL, "", "%s", why);
}

static int judge_envelope(struct attestation *a, const struct dsse_envelope *d, const struct sigstore_material *material)
{
	struct plain_message m;
	int r = 0;

	plain_message_bytes(&m, d->signed_bytes, d->signed_size);
	for (a->result_count = 0; r == 0 && a->result_count < d->signature_count; a->result_count++) {
		const struct dsse_signature *s = &d->signatures[a->result_count];
		const char *hint = *s->hint || !material ? s->hint : material->hint;

		r = sigstore_judge(&a->work, &m, s->bytes, s->size, hint, material, &a->results[a->result_count]);
	}
	plain_message_done(&m);
	return r;
}

static bool has_good(const struct attestation *a, const struct trusted_key *key)
{
	for (size_t i = 0; i < a->result_count; i++)
		if (a->results[i].outcome == SIGNATURE_GOOD && (!key || a->results[i].key == key))
			return true;
	return false;
}

static void add_common(struct attestation *a, const struct plain_result *result)
{
	for (size_t i = 0; i < a->common_count; i++)
		if (a->common[i].key == result->key)
			return;
	a->common[a->common_count].key = result->key;
	(void)snprintf(a->common[a->common_count].key_id, sizeof(a->common[0].key_id), "%s", result->key_id);
	a->common_count++;
}

/* Keep who has signed this envelope, too. */
static void narrow(struct attestation *a)
{
	size_t kept = 0;

	if (a->envelopes == 0)
		for (size_t i = 0; i < a->result_count; i++)
			if (a->results[i].outcome == SIGNATURE_GOOD)
				add_common(a, &a->results[i]);
	for (size_t i = 0; i < a->common_count; i++)
		if (has_good(a, a->common[i].key))
			a->common[kept++] = a->common[i];
	a->common_count = kept;
	a->with_signer += has_good(a, NULL);
	a->envelopes++;
}

/* Those that do not count are told at once: of the first envelope each, of later ones each kind once. */
static int tell_others(struct attestation *a, bool is_first)
{
	unsigned int told = 0;
	int r = 0;

	for (size_t i = 0; r == 0 && i < a->result_count; i++) {
		const struct plain_result *s = &a->results[i];

		if (s->outcome == SIGNATURE_GOOD || (!is_first && (a->told | told) & 1u << s->outcome))
			continue;
		told |= 1u << s->outcome;
		r = evidence_signed(a->e, s->outcome, 0, "", s->key, s->key_id, "%s", s->why);
	}
	a->told |= told;
	return r;
}

static int tell_common(struct attestation *a)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < a->common_count; i++)
		r = evidence_signed(a->e, SIGNATURE_GOOD, 0, "", a->common[i].key, a->common[i].key_id, "%s%s",
				    *a->type ? "in-toto statement of type " : "", a->type);
	if (r == 0 && a->common_count == 0 && a->with_signer > 0)
		r = evidence_signed(a->e, SIGNATURE_UNTRUSTED, 0, "", NULL, "",
				    "its envelopes are not all signed by one trusted key: put each into a file of its own");
	return r;
}

/* -- one envelope ---------------------------------------------------------------------------------------------- */

static int take_payload(struct attestation *a, const struct dsse_envelope *d)
{
	bool is_first = a->envelopes == 0;

	narrow(a);
	if (strcmp(d->type, IN_TOTO_PAYLOAD_TYPE) == 0) {
		int r = in_toto_list(a->e, d->payload, d->payload_size, a->type);

		if (r < 0)
			return r;
	}
	return tell_others(a, is_first);
}

/* Takes `object` over, and lets go of it before the payload becomes a tree, too. */
static int take_envelope(struct attestation *a, json_t *object, const json_t *envelope, const struct sigstore_material *material)
{
	struct dsse_envelope d;
	const char *why;
	int r = dsse_parse(envelope, &d, &why);

	json_decref(object);
	if (r == -EBADMSG) {
		r = tell_malformed(a, why);
	} else {
		if (r == 0)
			r = judge_envelope(a, &d, material);
		if (r == 0)
			r = take_payload(a, &d);
	}
	dsse_done(&d);
	return r;
}

static int take_bundle(struct attestation *a, json_t *object, bool is_alone)
{
	struct sigstore_material material;
	const char *why;
	int r = sigstore_parse(object, &material, &why);
	json_t *envelope = json_object_get(object, "dsseEnvelope");

	if (r < 0) {
		json_decref(object);
		return r == -EBADMSG ? tell_malformed(a, why) : r;
	}
	if (envelope)
		r = take_envelope(a, object, envelope, &material);
	else if (is_alone)
		r = sigstore_prove_message(a->e, &a->work, object, &material);
	else
		r = tell_malformed(a, "a signature over a file among envelopes");
	if (!envelope)
		json_decref(object);
	sigstore_material_done(&material);
	return r;
}

static bool is_envelope(const json_t *object)
{
	return json_object_get(object, "payload") && (json_object_get(object, "payloadType") || json_object_get(object, "signatures"));
}

/* -- files ----------------------------------------------------------------------------------------------------- */

/* Is this to be an attestation? Other JSON bears such suffixes, too, and is then no bad signature. */
static bool is_promised(const char *name)
{
	static const char *const suffixes[] = { ".dsse", ".att", ".sigstore", ".sigstore.json", ".intoto.json", ".intoto.jsonl" };

	for (size_t i = 0; i < ARRAY_LEN(suffixes); i++)
		if (evidence_has_suffix(name, suffixes[i]))
			return true;
	return false;
}

static bool is_meant(const char *name, const char *raw, size_t size)
{
	static const char *const members[] = { "\"payloadType\"", "\"dsseEnvelope\"", "\"messageSignature\"", "\"base64Signature\"",
					       "\"verificationMaterial\"" };

	for (size_t i = 0; i < ARRAY_LEN(members); i++)
		if (memmem(raw, size, members[i], strlen(members[i])))
			return true;
	return is_promised(name);
}

/* 1: taken; 0: not meant to be an attestation; or a negative errno. Frees `*buffer` as soon as it can. */
static int take_document(struct attestation *a, const char *raw, size_t size, bool is_alone, char **buffer)
{
	char why[JSON_INPUT_WHY_MAX] = "neither a DSSE envelope nor a Sigstore bundle";
	bool is_bad = is_meant(a->e->name, raw, size);
	json_t *object = NULL;
	int r = json_input_parse(raw, size, &object, why);

	if (r < 0 && r != -EBADMSG)
		return r;
	if (buffer) {
		free(*buffer);
		*buffer = NULL;
	}
	if (object && sigstore_is_bundle(object))
		r = take_bundle(a, object, is_alone);
	else if (object && is_envelope(object))
		r = take_envelope(a, object, object, NULL);
	else {
		json_decref(object);
		if (!is_bad && a->envelopes == 0)
			return 0;
		r = tell_malformed(a, why);
	}
	return r < 0 ? r : 1;
}

static int take_lines(struct attestation *a, const char *raw, size_t size)
{
	unsigned int lines = 0;

	while (size > 0) {
		const char *end = memchr(raw, '\n', size);
		size_t len = end ? (size_t)(end - raw) : size;
		int r = 1;

		if (len > 0 && strspn(raw, " \t\r") < len) {
			if (lines++ == LINES_MAX) {
				in_toto_broken(a->e, "more than %u envelopes", LINES_MAX);
				return 0;
			}
			r = take_document(a, raw, len, false, NULL);
		}
		if (r <= 0)
			return r;
		raw += len + (end != NULL);
		size -= len + (end != NULL);
	}
	return 0;
}

int prove_attestation(struct evidence *e)
{
	_cleanup_free_ struct attestation *a = calloc(1, sizeof(*a));
	_cleanup_free_ char *raw = NULL;
	int r = a ? json_input_read(e->fd, e->size, JSON_INPUT_BYTES_MAX, &raw) : -ENOMEM;

	if (r == -EFBIG) {
		if (is_promised(e->name))
			in_toto_broken(e, "an attestation that is too long to be read");
		return 0;
	}
	if (r < 0)
		return r;
	a->e = e;
	a->work.now = e->now;
	r = evidence_has_suffix(e->name, ".jsonl") ? take_lines(a, raw, (size_t)e->size) :
						     take_document(a, raw, (size_t)e->size, true, &raw);
	return r < 0 ? r : tell_common(a);
}
