/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "ipc/decisions_client.h"

#include <string.h>

struct page {
	struct message *m;
	struct encoder *e;
	uint32_t count;
};

static int page_new(struct page *p)
{
	*p = (struct page){ malloc(sizeof(*p->m)), malloc(sizeof(*p->e)), 0 };
	return p->m && p->e ? 0 : -ENOMEM;
}

static void page_done(struct page *p)
{
	free(p->m);
	free(p->e);
}

static int ask(struct channel *c, enum message_type question, enum message_type answer, struct page *p, char **ret_why)
{
	int r = channel_send(c, question, p->e, NULL, 0);

	if (r == 0)
		r = channel_expect(c, answer, p->m, ret_why);
	if (r == 0)
		p->count = decode_u32(&p->m->payload);
	return r;
}

/* -- decisions ----------------------------------------------------------------------------------------------------------- */

static int take_decision(struct decoder *d, struct ledger_decision *x, int (*each)(void *context, const struct ledger_decision *d),
			 void *context, int *ret)
{
	_cleanup_free_ char *id = NULL, *by = NULL, *second = NULL, *reason = NULL;

	decode_exact(d, x->sha256, SHA256_LEN);
	x->decision = (enum decision)decode_u32(d);
	x->id = id = decode_str(d, DECISION_ID_LEN);
	x->until = decode_u64(d);
	x->at = decode_u64(d);
	x->by = by = decode_str(d, DECISION_PERSON_MAX);
	x->second = second = decode_str(d, DECISION_PERSON_MAX);
	x->reason = reason = decode_str(d, DECISION_REASON_MAX);
	if (d->error < 0 || !decision_name(x->decision))
		return -EPROTO;
	*ret = each(context, x);
	return 0;
}

static int take_decisions(struct page *p, struct ledger_decision *x, int (*each)(void *context, const struct ledger_decision *d),
			  void *context)
{
	int said = 0, r = 0;

	for (uint32_t k = 0; r == 0 && said == 0 && k < p->count; k++)
		r = take_decision(&p->m->payload, x, each, context, &said);
	if (r == 0 && said == 0)
		r = decoder_end(&p->m->payload);
	return r < 0 ? r : said;
}

int ledger_decisions(struct channel *c, int (*each)(void *context, const struct ledger_decision *d), void *context, char **ret_why)
{
	struct ledger_decision x = { 0 };
	bool is_first = true;
	struct page p;
	int r = page_new(&p);

	while (r == 0) {
		encoder_init(p.e);
		encode_bytes(p.e, x.sha256, is_first ? 0 : SHA256_LEN);
		is_first = false;
		r = ask(c, MESSAGE_LEDGER_DECISIONS, MESSAGE_LEDGER_DECIDED, &p, ret_why);
		if (r < 0)
			break;
		r = take_decisions(&p, &x, each, context);
		message_done(p.m);
		if (p.count == 0)
			break;
	}
	page_done(&p);
	return r;
}

/* -- proposals ----------------------------------------------------------------------------------------------------------- */

static int take_proposals(struct page *p, uint64_t *after, int (*each)(void *context, const char *record, const char *closed),
			  void *context)
{
	struct decoder *d = &p->m->payload;
	int said = 0;

	for (uint32_t k = 0; said == 0 && k < p->count; k++) {
		_cleanup_free_ char *record = decode_str(d, MESSAGE_MAX), *closed = NULL;

		*after = decode_u64(d);
		closed = decode_str(d, 16);
		if (d->error < 0)
			return -EPROTO;
		said = each(context, record, closed);
	}
	return said != 0 ? said : decoder_end(d);
}

int ledger_proposals(struct channel *c, const char *id, int (*each)(void *context, const char *record, const char *closed), void *context,
		     char **ret_why)
{
	uint64_t after = 0;
	struct page p;
	int r = page_new(&p);

	while (r == 0) {
		encoder_init(p.e);
		encode_str(p.e, id);
		encode_u64(p.e, after);
		r = ask(c, MESSAGE_LEDGER_PROPOSALS, MESSAGE_LEDGER_PROPOSED, &p, ret_why);
		if (r < 0)
			break;
		r = take_proposals(&p, &after, each, context);
		message_done(p.m);
		if (p.count == 0 || *id)
			break;
	}
	page_done(&p);
	return r;
}
