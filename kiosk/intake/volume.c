/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* The record of one volume and its way out of the probe. Runs in intake and in the probe. */
#include "intake/volume.h"

#include <stdarg.h>
#include <string.h>

static const char *const outcome_names[VOLUME_OUTCOME_COUNT_] = {
	[VOLUME_OPEN] = "read",	      [VOLUME_REFUSED] = "refused",	    [VOLUME_FAILED] = "failed",
	[VOLUME_EMPTY] = "empty",     [VOLUME_UNALLOCATED] = "unallocated", [VOLUME_COVERED] = "covered",
};

const char *volume_outcome_name(enum volume_outcome o)
{
	return (unsigned int)o < VOLUME_OUTCOME_COUNT_ ? outcome_names[o] : NULL;
}

struct volume *volume_add(struct volume_list *l, uint64_t offset, uint64_t size, enum volume_outcome outcome)
{
	struct volume *v;

	if (l->count >= VOLUMES_MAX)
		return NULL;
	v = &l->list[l->count++];
	*v = (struct volume){ .offset = offset, .size = size, .outcome = outcome };
	return v;
}

void volume_detail(struct volume *v, const char *fmt, ...)
{
	size_t at = strlen(v->detail);
	va_list args;

	if (at > 0 && at + 2 < sizeof(v->detail)) {
		memcpy(v->detail + at, "; ", 3);
		at += 2;
	}
	va_start(args, fmt);
	(void)vsnprintf(v->detail + at, sizeof(v->detail) - at, fmt, args); /* cut on purpose */
	va_end(args);
}

void volume_list_encode(const struct volume_list *l, struct encoder *e)
{
	encode_u32(e, (uint32_t)l->count);
	for (size_t i = 0; i < l->count; i++) {
		const struct volume *v = &l->list[i];

		encode_u64(e, v->offset);
		encode_u64(e, v->size);
		encode_u32(e, (uint32_t)v->outcome);
		encode_str(e, v->fs);
		encode_str(e, v->label);
		encode_str(e, v->uuid);
		encode_str(e, v->detail);
		encode_u32(e, v->is_noise);
	}
}

static int volume_decode(struct volume *v, uint64_t source_size, struct decoder *d)
{
	uint32_t outcome;

	v->offset = decode_u64(d);
	v->size = decode_u64(d);
	outcome = decode_u32(d);
	decode_str_into(d, v->fs, sizeof(v->fs));
	decode_str_into(d, v->label, sizeof(v->label));
	decode_str_into(d, v->uuid, sizeof(v->uuid));
	decode_str_into(d, v->detail, sizeof(v->detail));
	v->is_noise = decode_u32(d) != 0;
	if (d->error || outcome >= VOLUME_OUTCOME_COUNT_)
		return -EPROTO;
	v->outcome = (enum volume_outcome)outcome;
	if (v->outcome == VOLUME_OPEN &&
	    (v->size == 0 || v->offset > source_size || v->size > source_size - v->offset))
		return -EPROTO;
	return 0;
}

int volume_list_decode(struct volume_list *ret, uint64_t source_size, const void *data, size_t size)
{
	struct decoder d;
	uint32_t count;

	memset(ret, 0, sizeof(*ret));
	decoder_init(&d, data, size);
	count = decode_u32(&d);
	if (d.error || count > VOLUMES_MAX)
		return -EPROTO;
	for (uint32_t i = 0; i < count; i++)
		if (volume_decode(&ret->list[i], source_size, &d) < 0)
			return -EPROTO;
	ret->count = count;
	return decoder_end(&d);
}
