/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "examiner/examiner.h"

#include <string.h>

static struct encoder encoder; /* 64 KiB; a worker says one thing at a time */

void examiner_encode_member(struct encoder *e, const char *member)
{
	size_t size = member ? strlen(member) : 0;

	if (size <= RESULT_MEMBER_MAX) {
		encode_bytes(e, member ? member : "", size);
	} else {
		char cut[RESULT_MEMBER_MAX + 1];

		(void)snprintf(cut, sizeof(cut), "...%s", member + size - (RESULT_MEMBER_MAX - 3));
		encode_bytes(e, cut, RESULT_MEMBER_MAX);
	}
}

/* -- lists ---------------------------------------------------------------------------------------------------------------- */

static void begin_part(struct examiner_list *l)
{
	encoder_init(&encoder);
	l->place = encode_reserve_u32(&encoder);
	l->count = 0;
}

void examiner_list_begin(struct examiner_list *l, struct channel *c, enum message_type type)
{
	*l = (struct examiner_list){ .channel = c, .type = type };
	begin_part(l);
}

int examiner_list_end(struct examiner_list *l)
{
	int r;

	if (l->count == 0)
		return 0;
	encode_patch_u32(&encoder, l->place, l->count);
	r = channel_send(l->channel, l->type, &encoder, NULL, 0);
	begin_part(l);
	return r;
}

int examiner_list_item(struct examiner_list *l, size_t size, struct encoder **ret)
{
	int r = encoder.size + size > message_rule(l->type)->payload_max ? examiner_list_end(l) : 0;

	l->count++;
	*ret = &encoder;
	return r;
}

/* -- the answer ------------------------------------------------------------------------------------------------------------ */

static int send_notes(struct channel *c, const struct examiner_answer *a)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < a->note_count; i++) {
		encoder_init(&encoder);
		encode_str(&encoder, a->notes[i]);
		r = channel_send(c, MESSAGE_WORKER_NOTED, &encoder, NULL, 0);
	}
	return r;
}

static int send_result(struct channel *c, uint64_t id, const struct examiner_answer *a)
{
	encoder_init(&encoder);
	encode_u64(&encoder, id);
	encode_u32(&encoder, a->findings.done);
	encode_u32(&encoder, (uint32_t)a->type_count);
	for (size_t i = 0; i < a->type_count; i++)
		encode_str(&encoder, a->types[i]);
	encode_u32(&encoder, (uint32_t)a->format_count);
	for (size_t i = 0; i < a->format_count; i++)
		encode_u32(&encoder, a->formats[i]);
	encode_u32(&encoder, (uint32_t)a->findings.count);
	for (size_t i = 0; i < a->findings.count; i++) {
		encode_u32(&encoder, a->findings.list[i].reason);
		encode_bytes(&encoder, a->findings.list[i].detail, strlen(a->findings.list[i].detail));
		examiner_encode_member(&encoder, a->findings.list[i].member);
	}
	return channel_send(c, MESSAGE_WORKER_RESULT, &encoder, NULL, 0);
}

int examiner_send_answer(struct channel *c, uint64_t id, const struct examiner_answer *a)
{
	int r = send_notes(c, a);

	return r < 0 ? r : send_result(c, id, a);
}
