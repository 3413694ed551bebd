/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Pickles: .pkl, .joblib, the data.pkl of PyTorch's zip files, and what has neither name nor magic number. Protocols 0 and 1
 * are text that begins like any other, so that every file is walked until it can be none. */
#include <string.h>

#include "content/detectors.h"
#include "content/model.h"
#include "content/pickle.h"

#define PICKLE_MIME "application/x-python-pickle"

/* LONG1 of 0x1950a86a20f9469cfc6c: torch.save() before 1.6, and with _use_new_zipfile_serialization=False. Raw numbers follow. */
static bool is_old_torch(const uint8_t *data, size_t size)
{
	static const uint8_t magic[] = "\x80\x02\x8a\x0al\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.";

	return size >= sizeof(magic) - 1 && memcmp(data, magic, sizeof(magic) - 1) == 0;
}

static bool is_padding(const uint8_t *data, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (data[i] != '\0' && data[i] != '\n' && data[i] != '\r' && data[i] != ' ')
			return false;
	return true;
}

/* All pickles that stand one behind the other; `ret_end`: behind the last whole one. Several are in torch's old files, and in
 * what programs append to. */
static int walk_all(const uint8_t *data, size_t size, struct pickle_report *r, size_t *ret_end)
{
	bool has_protocol = size >= 2 && data[0] == 0x80 && data[1] <= 5;
	size_t at = 0;

	do {
		size_t imports = r->import_count;
		int error = pickle_walk(data + at, size - at, r);

		if (error < 0)
			return error;
		if (!r->is_whole && at > 0 && r->import_count == imports) {
			r->is_whole = true; /* of those before; this was none */
			break;
		}
		at += r->is_whole ? r->end : 0;
	} while (r->is_whole && at < size);
	r->has_protocol = has_protocol;
	*ret_end = at;
	return 0;
}

static void list_imports(const struct pickle_report *r, char *out, size_t room)
{
	size_t n = 0;

	out[0] = '\0';
	for (size_t i = 0; i < r->import_listed; i++) {
		int k = snprintf(out + n, room - n, "%s%s", i > 0 ? ", " : "", r->imports[i]);

		if (k < 0 || (size_t)k >= room - n) {
			out[n] = '\0';
			return;
		}
		n += (size_t)k;
	}
}

static int judge(struct content *c, const struct pickle_report *r, const char *what, size_t trailing)
{
	char all[300];

	list_imports(r, all, sizeof(all));
	if (r->refused_count > 0 && r->danger)
		return content_unsafe(c, REASON_ARCHIVE_UNSAFE, "%spickle imports %s (%s), which the allow-list does not have; imports: %s",
				      what, r->refused, r->danger, all);
	if (r->refused_count > 0)
		return content_unsafe(c, REASON_ARCHIVE_UNSAFE, "%spickle imports %s, which the allow-list does not have; imports: %s",
				      what, r->refused, all);
	if (r->trouble)
		return content_unsafe(c, REASON_ARCHIVE_UNSAFE, "%spickle: %s; imports: %s", what, r->trouble, all);
	if (!r->is_whole)
		return content_unsafe(c, REASON_ARCHIVE_UNSAFE, "%spickle is damaged or cut off at byte %zu; imports: %s", what,
				      r->end, all);
	if (trailing > 0)
		return content_unsafe(c, REASON_TYPE_MISMATCH, "%zu bytes behind the end of the %spickle, which no unpickler reads",
				      trailing, what);
	return 0;
}

/* Text begins like a pickle often enough ("(", "N", "c"): it must import and call something that has a name of Python's, or
 * lead to STOP at its very end. */
static bool is_pickle(const struct pickle_report *r, size_t trailing, bool is_named)
{
	if (r->plain_count > 0 && (r->calls > 0 || (is_named && r->danger)))
		return true;
	if (r->has_protocol && (r->is_whole || r->import_count > 0 || is_named))
		return true;
	if (r->trouble && r->calls > 0 && (r->has_protocol || is_named))
		return true;
	return r->is_whole && !r->is_odd && trailing == 0 && (r->memos > 0 || r->plain_count > 0);
}

static int look(struct content *c, struct span data, const char *what, bool is_expected, bool is_named)
{
	struct pickle_report r = { 0 };
	size_t end, trailing;
	int error = walk_all(data.at, data.size, &r, &end);

	if (error < 0)
		return error;
	trailing = is_old_torch(data.at, data.size) || is_padding(data.at + end, data.size - end) ? 0 : data.size - end;
	if (!is_expected && !is_pickle(&r, trailing, is_named))
		return 0;
	error = is_expected ? 0 : content_is(c, PICKLE_MIME);
	/* a zip that holds a pickle as it is begins like one, with "P"; what stands behind is told of what surely is one */
	return error < 0 ? error : judge(c, &r, what, r.is_whole && (is_named || r.has_protocol) ? trailing : 0);
}

int model_judge_pickle(struct content *c, const uint8_t *data, size_t size, const char *what)
{
	return look(c, (struct span){ data, size }, what, true, true);
}

static bool is_named_pickle(const struct content *c)
{
	static const char *const names[] = { "pkl", "pickle", "p", "pk", "pt", "pth", "ckpt", "joblib", "sav", "dill", "cpkl" };

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (content_has_extension(c, names[i]))
			return true;
	return false;
}

int look_model_pickle(struct content *c)
{
	return c->size == 0 ? 0 : look(c, (struct span){ c->data, c->size }, "", false, is_named_pickle(c));
}
