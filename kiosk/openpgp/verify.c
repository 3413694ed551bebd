/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "openpgp/verify.h"

#include <string.h>
#include <sys/types.h>

#include "openpgp/judge.h"

/* -- what librnp reads and writes ---------------------------------------------------------------------------------- */

struct reader {
	int fd; /* borrowed */
	uint64_t at, end; /* offsets */
	bool has_failed; /* librnp would not tell a failure from a bad signature */
};

static bool read_file(void *context, void *buffer, size_t size, size_t *ret_size)
{
	struct reader *f = context;
	ssize_t n;

	size = MIN(size, f->end - f->at);
	do
		n = pread(f->fd, buffer, size, (off_t)f->at);
	while (n < 0 && errno == EINTR);
	f->has_failed |= n < 0;
	if (n < 0)
		return false;
	f->at += (uint64_t)n;
	*ret_size = (size_t)n;
	return true;
}

static bool keep_text(void *context, const void *data, size_t size)
{
	struct work *w = context;

	if (size > w->out_max - w->out_size)
		return false;
	memcpy(w->out + w->out_size, data, size);
	w->out_size += size;
	return true;
}

/* -- one pass over what was signed --------------------------------------------------------------------------------- */

struct pass {
	struct work *w;
	rnp_ffi_t ffi;
	const struct certificate *certificates[CERTIFICATES_MAX];
	size_t certificate_count;
	size_t signatures[SIGNATURES_OF_ONE_MAX]; /* indices in the bundle */
	size_t signature_count;
	uint8_t *packets; /* of these signatures; owned */
	size_t packets_size;
};

static void pass_done(struct pass *p)
{
	free(p->packets);
}

static int add_packet(struct pass *p, size_t index)
{
	const struct signature *s = &p->w->bundle.signatures[index];

	if (!p->packets)
		p->packets = malloc(p->w->bundle.size);
	if (!p->packets)
		return -ENOMEM;
	memcpy(p->packets + p->packets_size, p->w->bundle.packets + s->offset, s->size);
	p->packets_size += s->size;
	p->signatures[p->signature_count++] = index;
	return 0;
}

/* Does it pay to have librnp look at it? What is not over a document counts for nothing, whoever made it. */
static bool is_candidate(const struct signature *s)
{
	return s->is_readable && s->is_document;
}

static bool pass_names(const struct pass *p, const struct signature *s)
{
	for (size_t i = 0; i < p->certificate_count; i++)
		if (certificate_key_of(p->certificates[i], s))
			return true;
	return false;
}

static int take_status(struct pass *p, size_t index, rnp_result_t status)
{
	const struct signature *s = &p->w->bundle.signatures[index];

	for (size_t i = 0; i < p->certificate_count; i++) {
		const struct certificate *c = p->certificates[i];
		const char *fingerprint = certificate_key_of(c, s);
		struct verdict *v = &p->w->verdicts[p->w->count];
		int r;

		if (!fingerprint)
			continue;
		if (p->w->count == SIGNATURES_OF_ONE_MAX)
			return -E2BIG;
		v->signature = index;
		v->by = c;
		r = judge(s, c, fingerprint, status, p->w->now, v);
		if (r < 0)
			return r;
		p->w->count++;
	}
	return 0;
}

/* What librnp says of each signature. It must speak of those that it was given, in their order. */
static int take_statuses(struct pass *p, rnp_op_verify_t op)
{
	size_t count = 0;
	int r = 0;

	if (rnp_op_verify_get_signature_count(op, &count) != RNP_SUCCESS)
		return -ENOTSUP;
	for (size_t i = 0; r == 0 && i < p->signature_count; i++) {
		rnp_result_t status = RNP_ERROR_SIGNATURE_INVALID; /* it has not even got as far as that */
		rnp_op_verify_signature_t v;
		uint32_t created = 0, expires = 0;

		if (count == p->signature_count) {
			if (rnp_op_verify_get_signature_at(op, i, &v) != RNP_SUCCESS ||
			    rnp_op_verify_signature_get_times(v, &created, &expires) != RNP_SUCCESS)
				return -ENOTSUP;
			if (created == p->w->bundle.signatures[p->signatures[i]].created)
				status = rnp_op_verify_signature_get_status(v);
		}
		r = take_status(p, p->signatures[i], status);
	}
	return r;
}

static int verify_file(struct pass *p)
{
	_cleanup_rnp_input_ rnp_input_t data = NULL, signatures = NULL;
	_cleanup_rnp_verify_ rnp_op_verify_t op = NULL;
	struct reader reader = { .fd = p->w->fd, .at = p->w->from, .end = p->w->to ? p->w->to : UINT64_MAX };
	rnp_result_t r;

	if (rnp_input_from_callback(&data, read_file, NULL, &reader) != RNP_SUCCESS ||
	    rnp_input_from_memory(&signatures, p->packets, p->packets_size, false) != RNP_SUCCESS ||
	    rnp_op_verify_detached_create(&op, p->ffi, data, signatures) != RNP_SUCCESS)
		return -ENOMEM;
	r = rnp_op_verify_execute(op); /* each signature's own status is asked for */
	if (reader.has_failed)
		return -EIO;
	return r == RNP_ERROR_OUT_OF_MEMORY ? -ENOMEM : take_statuses(p, op);
}

/* The message anew, without its headers (they are not signed; librnp hashes what they name, and nothing when they name
 * nothing, though they need not be there) and with those signatures that this pass is about. */
static int build_message(struct pass *p, char **ret, size_t *ret_size)
{
	_cleanup_rnp_input_ rnp_input_t input = NULL;
	_cleanup_rnp_output_ rnp_output_t output = NULL;
	_cleanup_free_ char *head = NULL;
	const struct cleartext *t = p->w->text;
	uint8_t *armor = NULL;
	size_t armor_size = 0, head_size = 0, size;
	FILE *f;

	if (rnp_input_from_memory(&input, p->packets, p->packets_size, false) != RNP_SUCCESS ||
	    rnp_output_to_memory(&output, 0) != RNP_SUCCESS || rnp_enarmor(input, output, "signature") != RNP_SUCCESS ||
	    rnp_output_memory_get_buf(output, &armor, &armor_size, false) != RNP_SUCCESS)
		return -ENOMEM;
	f = open_memstream(&head, &head_size);
	if (!f)
		return -ENOMEM;
	(void)fputs("-----BEGIN PGP SIGNED MESSAGE-----\n", f); /* fclose() tells */
	for (size_t i = 0; i < p->signature_count; i++)
		(void)fprintf(f, "Hash: %s\n", p->w->bundle.signatures[p->signatures[i]].hash);
	(void)fputs("\n", f);
	if (fclose(f) != 0)
		return -ENOMEM;
	size = head_size + t->text_size + armor_size;
	*ret = malloc(size);
	if (!*ret)
		return -ENOMEM;
	memcpy(*ret, head, head_size);
	memcpy(*ret + head_size, t->text, t->text_size);
	memcpy(*ret + head_size + t->text_size, armor, armor_size);
	*ret_size = size;
	return 0;
}

static int verify_text(struct pass *p)
{
	_cleanup_rnp_input_ rnp_input_t input = NULL;
	_cleanup_rnp_output_ rnp_output_t output = NULL;
	_cleanup_rnp_verify_ rnp_op_verify_t op = NULL;
	_cleanup_free_ char *message = NULL;
	size_t size = 0, count = 0;
	rnp_result_t status;
	int r = build_message(p, &message, &size);

	if (r < 0)
		return r;
	p->w->out_size = 0; /* each pass writes the same */
	p->w->has_out = false;
	if (rnp_input_from_memory(&input, (const uint8_t *)message, size, false) != RNP_SUCCESS ||
	    rnp_output_to_callback(&output, keep_text, NULL, p->w) != RNP_SUCCESS ||
	    rnp_op_verify_create(&op, p->ffi, input, output) != RNP_SUCCESS)
		return -ENOMEM;
	status = rnp_op_verify_execute(op); /* each signature's own status is asked for */
	if (status == RNP_ERROR_OUT_OF_MEMORY)
		return -ENOMEM;
	/* librnp comes to the signatures when it has gone through the text. */
	p->w->has_out = rnp_op_verify_get_signature_count(op, &count) == RNP_SUCCESS && count == p->signature_count;
	return take_statuses(p, op);
}

/* The station's time; but a signature that was made a little later than it by a clock that is ahead is as good as one of now.
 * librnp would call it expired. */
static uint64_t time_for(const struct pass *p)
{
	uint64_t t = p->w->now;

	for (size_t i = 0; i < p->signature_count; i++) {
		uint64_t created = p->w->bundle.signatures[p->signatures[i]].created;

		if (created > t && created <= p->w->now + FUTURE_MAX)
			t = created;
	}
	return t;
}

static int run(struct pass *p)
{
	int r;

	for (size_t i = 0; i < p->w->bundle.count; i++) {
		const struct signature *s = &p->w->bundle.signatures[i];

		if (!is_candidate(s) || (p->certificate_count > 0 && !pass_names(p, s)))
			continue;
		r = add_packet(p, i);
		if (r < 0)
			return r;
	}
	if (p->signature_count == 0)
		return 0;
	r = library_clear(time_for(p));
	for (size_t i = 0; r == 0 && i < p->certificate_count; i++)
		r = library_load(p->certificates[i]->trusted->bytes, p->certificates[i]->trusted->size);
	if (r == 0)
		r = p->w->text ? verify_text(p) : verify_file(p);
	if (r == 0)
		r = library_clear(p->w->now);
	return r == -EBADMSG ? -ENOTSUP : r; /* these certificates could be read at the start */
}

/* -- passes --------------------------------------------------------------------------------------------------------- */

static bool is_named(const struct work *w, const struct certificate *c)
{
	for (size_t i = 0; i < w->bundle.count; i++)
		if (is_candidate(&w->bundle.signatures[i]) && certificate_key_of(c, &w->bundle.signatures[i]))
			return true;
	return false;
}

static bool fits(const struct pass *p, const struct certificate *c)
{
	for (size_t i = 0; i < p->certificate_count; i++)
		if (certificates_overlap(p->certificates[i], c))
			return false;
	return true;
}

/* Take as many of the certificates that are to be done as do not overlap. */
static void choose(struct pass *p, bool *todo)
{
	for (size_t i = 0; i < ring()->count; i++) {
		const struct certificate *c = &ring()->certificates[i];

		if (!todo[i] || !fits(p, c))
			continue;
		p->certificates[p->certificate_count++] = c;
		todo[i] = false;
	}
}

int verify(struct work *w)
{
	bool todo[CERTIFICATES_MAX] = { false };
	size_t passes = 0;
	int r = 0;

	for (size_t i = 0; i < ring()->count; i++)
		todo[i] = is_named(w, &ring()->certificates[i]);
	while (r == 0) {
		_cleanup_(pass_done) struct pass p = { .w = w, .ffi = library()->strict };

		choose(&p, todo);
		if (p.certificate_count == 0 && (passes > 0 || !w->text))
			break;
		if (p.certificate_count == 0)
			p.ffi = library()->none; /* by strangers alone: the text is wanted all the same */
		r = run(&p);
		passes++;
	}
	return r;
}
