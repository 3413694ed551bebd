/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Apart from the counting: lazaretd tells the sums, and links no SQLite. */
#include "common/history_totals.h"

#include <string.h>

static const char *const outcomes[] = { "published", "refused", "aborted" };
static const char *const media[] = { "device", "optical", "image", "directory", "other" };

const char *history_outcome_name(enum history_outcome o)
{
	return outcomes[o];
}

const char *history_medium_name(enum history_medium m)
{
	return media[m];
}

static json_t *numbers(const uint64_t *list, size_t count)
{
	json_t *a = json_array();

	for (size_t k = 0; a && k < count; k++)
		if (json_array_append_new(a, json_integer((json_int_t)list[k])) < 0) {
			json_decref(a);
			return NULL;
		}
	return a;
}

json_t *history_totals_encode(const struct history_totals *t)
{
	uint64_t ended[OUTCOME_COUNT_];

	for (size_t k = 0; k < OUTCOME_COUNT_; k++)
		ended[k] = (uint64_t)t->ended[k];
	return json_pack("{sI,ss,so,so,so,so,so,sI,sI}", "after", (json_int_t)t->after, "transfer", t->transfer, "inspections",
			 numbers(t->inspections, OUTCOME_COUNT_), "media", numbers(t->media, MEDIUM_KIND_COUNT_), "files",
			 numbers(t->files, VERDICT_COUNT_), "reasons", numbers(t->reasons, REASON_COUNT_), "ended",
			 numbers(ended, OUTCOME_COUNT_), "bytes", (json_int_t)t->bytes, "seconds", (json_int_t)t->seconds);
}

static int get_numbers(const json_t *o, const char *name, uint64_t *ret, size_t count)
{
	const json_t *a = json_object_get(o, name);

	if (json_array_size(a) != count)
		return -EINVAL;
	for (size_t k = 0; k < count; k++) {
		const json_t *n = json_array_get(a, k);

		if (!json_is_integer(n) || json_integer_value(n) < 0)
			return -EINVAL;
		ret[k] = (uint64_t)json_integer_value(n);
	}
	return 0;
}

int history_totals_decode(const json_t *o, struct history_totals *ret)
{
	const char *transfer = json_string_value(json_object_get(o, "transfer"));
	const json_t *after = json_object_get(o, "after"), *bytes = json_object_get(o, "bytes"), *seconds = json_object_get(o, "seconds");
	struct history_totals t = { 0 };
	uint64_t ended[OUTCOME_COUNT_];

	if (!transfer || strlen(transfer) >= sizeof(t.transfer) || json_integer_value(after) < 0 || json_integer_value(bytes) < 0 ||
	    json_integer_value(seconds) < 0 || get_numbers(o, "inspections", t.inspections, OUTCOME_COUNT_) < 0 ||
	    get_numbers(o, "media", t.media, MEDIUM_KIND_COUNT_) < 0 || get_numbers(o, "files", t.files, VERDICT_COUNT_) < 0 ||
	    get_numbers(o, "reasons", t.reasons, REASON_COUNT_) < 0 || get_numbers(o, "ended", ended, OUTCOME_COUNT_) < 0)
		return -EINVAL;
	for (size_t k = 0; k < OUTCOME_COUNT_; k++)
		t.ended[k] = (int64_t)ended[k];
	t.after = json_integer_value(after);
	(void)snprintf(t.transfer, sizeof(t.transfer), "%s", transfer);
	t.bytes = (uint64_t)json_integer_value(bytes);
	t.seconds = (uint64_t)json_integer_value(seconds);
	*ret = t;
	return 0;
}
