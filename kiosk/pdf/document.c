/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "pdf/document.h"

#include <malloc.h>
#include <search.h>
#include <string.h>

#include "pdf/envelope.h"
#include "pdf/pdf.h"

static int compare_keys(const void *a, const void *b)
{
	return (a > b) - (a < b);
}

static void keep(void *key)
{
}

int document_mark(void **set, uint64_t key)
{
	void *p = (void *)(uintptr_t)key;

	if (tfind(p, set, compare_keys))
		return 0;
	return tsearch(p, set, compare_keys) ? 1 : -ENOMEM;
}

/* qpdf tells by text alone what it did. tests/unit/test_pdf_open.c has a specimen for each. */
static void take_notice(struct document *d, qpdf_error e)
{
	const char *text = qpdf_get_error_message_detail(d->q, e);

	if (strstr(text, "bad_alloc"))
		d->has_no_memory = true;
	else if (strstr(text, "reconstruct") || strstr(text, "file is damaged"))
		d->is_rebuilt = true;
	else if (d->unread[0] == '\0' && strstr(text, "error reading object"))
		snprintf(d->unread, sizeof(d->unread), "%s", text);
}

void document_drain(struct document *d)
{
	while (qpdf_more_warnings(d->q))
		take_notice(d, qpdf_next_warning(d->q));
	if (qpdf_has_error(d->q))
		take_notice(d, qpdf_get_error(d->q));
}

static void document_done(struct document *d)
{
	document_drain(d); /* an error that nobody took would be printed */
	qpdf_cleanup(&d->q);
	tdestroy(d->walked, keep);
	tdestroy(d->brought_out, keep);
	tdestroy(d->names, free);
	free(d->stack);
	free(d->embedded);
	(void)malloc_trim(0); /* the next document starts anew; whether there was something to give back does not matter */
}

static int tell_unreadable(struct document *d)
{
	qpdf_error e = qpdf_get_error(d->q);
	enum qpdf_error_code_e code = qpdf_get_error_code(d->q, e);
	char text[200];
	int r;

	snprintf(text, sizeof(text), "%s", qpdf_get_error_message_detail(d->q, e));
	document_drain(d);
	if (code == qpdf_e_password)
		r = container_finding(d->c, REASON_ENCRYPTED, "PDF that wants a password");
	else if (code == qpdf_e_unsupported)
		r = container_finding(d->c, REASON_ENCRYPTED, "PDF with encryption that cannot be undone here: %s", text);
	else if (d->has_no_memory || strstr(text, "bad_alloc"))
		r = container_finding(d->c, REASON_LIMIT_EXCEEDED, "PDF that needs too much memory");
	else
		r = container_finding(d->c, REASON_ARCHIVE_UNSAFE, "damaged PDF: %s", text);
	return r < 0 ? r : -EBADMSG;
}

/* What is wrong with the document as a whole. */
static int tell_troubles(struct document *d)
{
	const char *envelope = envelope_trouble(d->c->data, d->c->size);
	int r = 0;

	if (d->is_rebuilt)
		r = container_finding(d->c, REASON_ARCHIVE_UNSAFE,
				      "damaged PDF: its cross-reference table is not right, every reader guesses differently");
	else if (d->unread[0] != '\0')
		r = container_finding(d->c, REASON_ARCHIVE_UNSAFE, "damaged PDF: %s", d->unread);
	else if (envelope)
		r = container_finding(d->c, REASON_ARCHIVE_UNSAFE, "PDF: %s", envelope);
	if (r == 0 && d->hides_files)
		r = container_finding(d->c, REASON_ENCRYPTED, "PDF whose attachments are encrypted apart");
	if (r == 0)
		r = acts_tell(d);
	if (r == 0 && d->has_no_memory) {
		r = container_finding(d->c, REASON_LIMIT_EXCEEDED, "PDF that needs too much memory");
		return r < 0 ? r : -EDQUOT;
	}
	return r < 0 ? r : d->unread[0] != '\0' ? -EBADMSG : 0;
}

int pdf_open(struct container *c)
{
	struct document d = { .c = c, .q = qpdf_init() };
	size_t size = envelope_size(c->data, c->size);
	int r, told;

	qpdf_silence_errors(d.q);
	qpdf_set_suppress_warnings(d.q, QPDF_TRUE);
	if (qpdf_read_memory(d.q, "PDF", (const char *)c->data, size, "") & QPDF_ERRORS) {
		r = tell_unreadable(&d);
		document_done(&d);
		return r;
	}
	r = walk(&d);
	if (r == 0)
		r = members_rest(&d);
	document_drain(&d);
	told = r == 0 || r == -EDQUOT ? tell_troubles(&d) : 0;
	document_done(&d);
	return r < 0 ? r : told;
}

/* -- before the sandbox ---------------------------------------------------------------------------------------------- */

static QPDF_ERROR_CODE write_known(qpdf_data q, bool is_new)
{
	QPDF_ERROR_CODE e = qpdf_empty_pdf(q);

	if (!(e & QPDF_ERRORS))
		e = qpdf_init_write_memory(q);
	if (e & QPDF_ERRORS)
		return e;
	if (is_new)
		qpdf_set_r6_encryption_parameters2(q, "", "owner", QPDF_TRUE, QPDF_TRUE, QPDF_TRUE, QPDF_TRUE, QPDF_TRUE, QPDF_TRUE,
						   qpdf_r3p_full, QPDF_TRUE);
	else
		qpdf_set_r4_encryption_parameters_insecure(q, "", "owner", QPDF_TRUE, QPDF_TRUE, QPDF_TRUE, QPDF_TRUE, QPDF_TRUE,
							   QPDF_TRUE, qpdf_r3p_full, QPDF_TRUE, QPDF_TRUE);
	return qpdf_write(q);
}

/* Written and read again: MD5, RC4 and AES-128, or SHA-2 and AES-256. */
static int try_known(bool is_new)
{
	qpdf_data out = qpdf_init(), in = qpdf_init();
	int r = -ENOTSUP;

	qpdf_silence_errors(out);
	qpdf_silence_errors(in);
	qpdf_set_suppress_warnings(in, QPDF_TRUE);
	if (!(write_known(out, is_new) & QPDF_ERRORS) &&
	    !(qpdf_read_memory(in, "known", (const char *)qpdf_get_buffer(out), qpdf_get_buffer_length(out), "") & QPDF_ERRORS)) {
		qpdf_oh root = qpdf_get_root(in);

		if (qpdf_is_encrypted(in) && qpdf_oh_get_type_code(in, root) == ot_dictionary)
			r = 0;
	}
	(void)qpdf_get_error(out); /* taken, or it would be printed: the result says it all */
	(void)qpdf_get_error(in);
	qpdf_cleanup(&in);
	qpdf_cleanup(&out);
	return r;
}

int pdf_prepare(void)
{
	int r = try_known(false);

	return r == 0 ? try_known(true) : r;
}
