/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "receipt/receipt.h"

#include <string.h>

#include "common/fd.h"
#include "receipt/forms.h"

int sheet_each(const struct sheet *s, const struct places *places, sheet_file_fn each)
{
	int r = 0;

	for (size_t k = 0; r == 0 && k < places->count; k++) {
		json_t *file = NULL;

		r = summary_file(s->summary, &places->list[k], &file);
		if (r == 0)
			r = each(s, file);
		json_decref(file);
	}
	return r;
}

void sheet_refused(const struct sheet *s, struct places *ret_blocked, struct places *ret_held, uint64_t *ret_more)
{
	const struct summary *m = s->summary;

	*ret_blocked = m->places[VERDICT_BLOCKED];
	*ret_held = m->places[VERDICT_HELD];
	ret_held->count = MIN(ret_held->count, REFUSED_LISTED - ret_blocked->count);
	*ret_more = m->verdicts[VERDICT_BLOCKED] + m->verdicts[VERDICT_HELD] - ret_blocked->count - ret_held->count;
}

bool sheet_lists_approved(const struct sheet *s)
{
	return s->summary->verdicts[VERDICT_APPROVED] <= APPROVED_LISTED;
}

int sheet_finding(const json_t *finding, const char **ret_code, char **ret_words)
{
	const char *code = json_string_value(json_object_get(finding, "code"));
	_cleanup_free_ char *detail = facts_short(finding, "detail", DETAIL_COLUMNS), *member = facts_short(finding, "member", DETAIL_COLUMNS);
	enum reason reason;

	if (!code || reason_parse(code, &reason) < 0)
		return -ENOENT;
	if (!detail || !member ||
	    asprintf(ret_words, "%s%s%s%s%s%s", reason_sentence(reason), *detail ? " (" : "", detail, *detail ? ")" : "",
		     *member ? " In: " : "", member) < 0)
		return -ENOMEM;
	*ret_code = reason_code(reason);
	return 0;
}

char *sheet_decision(const json_t *file)
{
	const json_t *decision = json_object_get(file, "decision"), *id = json_object_get(decision, "id");
	_cleanup_free_ char *what = facts_text(decision, "decision");
	char *words = NULL;

	if (!what)
		return NULL;
	if (json_is_false(json_object_get(file, "kept")))
		return strdup("no copy of it is kept: for a decision it has to be brought again");
	if (!*what)
		return strdup("");
	return asprintf(&words, "decided by people: %s, decision %" JSON_INTEGER_FORMAT, what, json_integer_value(id)) < 0 ? NULL : words;
}

static int write_form(const struct sheet *s, enum receipt_form form)
{
	switch (form) {
	case RECEIPT_TEXT:
		return sheet_text(s);
	case RECEIPT_HTML:
		return sheet_html(s);
	case RECEIPT_LABEL:
		return sheet_label(s);
	}
	return -EINVAL;
}

static int write_sheet(const struct sheet *of, enum receipt_form form, int out_fd)
{
	struct sheet s = *of;
	int r;

	s.out = fd_stream(out_fd, "w");
	if (!s.out)
		return -errno;
	r = write_form(&s, form);
	errno = 0;
	if (r == 0 && (fflush(s.out) != 0 || ferror(s.out)))
		r = errno > 0 ? -errno : -EIO;
	(void)fclose(s.out); /* flushed */
	if (r == 0 && lseek(out_fd, 0, SEEK_SET) < 0)
		r = -errno;
	return r;
}

int receipt_write_several(int report_fd, const struct receipt_out *outs, size_t count)
{
	_cleanup_(summary_freep) struct summary *summary = NULL;
	struct receipt_facts facts = { 0 };
	struct sheet s = { .facts = &facts };
	int r = 0;

	for (size_t k = 0; k < count; k++)
		if (outs[k].form == RECEIPT_LABEL && (outs[k].columns < RECEIPT_LABEL_COLUMNS_MIN || outs[k].columns > RECEIPT_LABEL_COLUMNS_MAX))
			return -EINVAL;
	r = summary_new(report_fd, &summary);
	if (r == 0)
		r = receipt_facts_make(summary, &facts);
	s.summary = summary;
	for (size_t k = 0; r == 0 && k < count; k++) {
		s.columns = outs[k].columns;
		r = write_sheet(&s, outs[k].form, outs[k].fd);
	}
	receipt_facts_done(&facts);
	return r;
}

int receipt_write(int report_fd, enum receipt_form form, unsigned int columns, int out_fd)
{
	const struct receipt_out out = { form, columns, out_fd };

	return receipt_write_several(report_fd, &out, 1);
}
