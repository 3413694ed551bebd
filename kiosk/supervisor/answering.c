/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* A medium at a station that awaits its set-up: `lazaret-answers` with the signature of a key for updates beside it is what the machine is
 * made of. Signature first (update/verify.c), over the very bytes that were read; parsed only when it is good. Everything else on the
 * medium is of no interest, and nothing of it is published (conclude.c).
 */
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "common/text.h"
#include "setup/answers.h"
#include "setup/kept.h"
#include "supervisor/inspection.h"
#include "update/pack.h"

#define ANSWERS_NAME "lazaret-answers"

struct answering {
	struct inspection *i;
	bool is_over; /* a medium has one: what lies in other folders is not looked at */
};

static int refuse(struct inspection *i, const char *why)
{
	_cleanup_free_ char *text = NULL, *clean = NULL;

	if (asprintf(&text, ANSWERS_NAME ": %s", why) < 0)
		return -ENOMEM;
	clean = text_escape(text, strlen(text));
	return clean ? kept_refusal(i->supervisor->config->dir, clean) : -ENOMEM;
}

/* A small sealed copy as text, NUL added; NULL: it cannot be had. Owned by the caller. */
static char *load_copy(struct inspection *i, const struct docket_entry *e, size_t max, int *ret_fd)
{
	_cleanup_close_ int fd = -EBADF;
	_cleanup_free_ char *text = NULL;

	if (e->kind != ENTRY_FILE || !e->has_sum || e->size > max || inspection_open_copy(i, e->id, &fd) < 0)
		return NULL;
	text = calloc(1, e->size + 1);
	if (!text || pread(fd, text, e->size, 0) != (ssize_t)e->size)
		return NULL;
	if (ret_fd)
		*ret_fd = TAKE_FD(fd);
	return TAKE_PTR(text);
}

static char *load_signature(struct inspection *i, const struct docket_entry *e)
{
	_cleanup_free_ char *path = NULL;
	struct docket_entry s;
	char *text;

	if (asprintf(&path, "%s" PACK_SIGNATURE_SUFFIX, e->path) < 0 || docket_find_path(i->docket, e->volume, path, &s) != 1)
		return NULL;
	text = load_copy(i, &s, MINISIGN_TEXT_MAX, NULL);
	docket_entry_done(&s);
	return text;
}

/* Every error would fill the screen: the first, with its line. */
static int refuse_errors(struct inspection *i, const struct yaml_errors *errors)
{
	const struct yaml_error *e = &errors->list[0];
	_cleanup_free_ char *why = NULL;

	if (errors->count == 0)
		return refuse(i, "not understood");
	if (asprintf(&why, "line %u: %s", e->line, e->message) < 0)
		return -ENOMEM;
	return refuse(i, why);
}

static int keep(struct inspection *i, const char *text, size_t size, const struct pack_signer *signer)
{
	_cleanup_(answers_freep) struct answers *a = NULL;
	_cleanup_free_ char *by = NULL;
	struct yaml_errors errors = { 0 };
	int r = answers_parse(ANSWERS_NAME, text, size, &errors, &a);

	if (r == -EINVAL)
		r = refuse_errors(i, &errors);
	else if (r == 0 && !answers_are_for(a, i->supervisor->config->id))
		r = refuse(i, "they are for another machine (for:)");
	else if (r == 0 && asprintf(&by, "key %s (%s), on a medium", signer->name, signer->key_id) < 0)
		r = -ENOMEM;
	else if (r == 0)
		r = kept_answers(i->supervisor->config->dir, text, size, by);
	yaml_errors_done(&errors);
	return r == -EEXIST ? 0 : r;
}

static int take(struct inspection *i, const struct docket_entry *e)
{
	_cleanup_free_ char *sig = load_signature(i, e), *text = NULL, *why = NULL;
	_cleanup_close_ int fd = -EBADF;
	struct pack_signer signer = { 0 };
	int r;

	if (!sig)
		return refuse(i, "there is no signature " ANSWERS_NAME PACK_SIGNATURE_SUFFIX " beside it");
	text = load_copy(i, e, ANSWERS_BYTES_MAX, &fd);
	if (!text)
		return refuse(i, "it cannot be read, or is larger than 64 KiB");
	r = pack_verify(fd, sig, strlen(sig), i->supervisor->keys, i->started, &signer, &why);
	if (r == -EKEYREJECTED)
		return refuse(i, why);
	return r < 0 ? r : keep(i, text, e->size, &signer);
}

static int each(void *context, struct docket_entry *e)
{
	struct answering *a = context;

	/* at the top of a volume */
	if (a->is_over || strcmp(e->path, ANSWERS_NAME) != 0)
		return 0;
	a->is_over = true;
	return take(a->i, e);
}

void inspection_answer(struct inspection *i)
{
	struct answering a = { .i = i };
	int r = docket_each(i->docket, each, &a);

	if (r == 0 && !a.is_over)
		r = refuse(i, "there is no file of this name on the medium");
	if (r < 0)
		log_error("job=%s: answers: %s", i->transfer, strerror(-r));
}
