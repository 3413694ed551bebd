/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Run by lazaret-origin. The payload is decoded here, and not looked at. */
#include "origin/dsse.h"

#include <string.h>

#include "origin/json_input.h"
#include "origin/public_key.h"

void dsse_done(struct dsse_envelope *d)
{
	for (size_t i = 0; i < d->signature_count; i++)
		free(d->signatures[i].bytes);
	free(d->signed_bytes);
	*d = (struct dsse_envelope){ 0 };
}

/* protocol.md: PAE(type, body) = "DSSEv1" SP LEN(type) SP type SP LEN(body) SP body. The lengths keep a signature over one type
 * from being passed off as one over another. */
static int encode(const char *type, const char *base64, struct dsse_envelope *d)
{
	char head[DSSE_TYPE_MAX + 64]; /* two numbers of 20 digits, and words */
	uint8_t *bytes;
	int head_size, r;

	/* The length of the head depends on that of the payload, which is known when it is decoded: room for the longest. */
	r = json_input_base64(base64, sizeof(head), &bytes, &d->payload_size);
	if (r < 0)
		return r;
	head_size = snprintf(head, sizeof(head), "DSSEv1 %zu %s %zu ", strlen(type), type, d->payload_size);
	if (head_size < 0 || (size_t)head_size >= sizeof(head)) {
		free(bytes);
		return -EBADMSG;
	}
	memmove(bytes + head_size, bytes + sizeof(head), d->payload_size + 1);
	memcpy(bytes, head, (size_t)head_size);
	d->signed_bytes = bytes;
	d->signed_size = (size_t)head_size + d->payload_size;
	d->payload = (const char *)bytes + head_size;
	(void)snprintf(d->type, sizeof(d->type), "%s", type);
	return 0;
}

static int take_signature(const json_t *object, struct dsse_envelope *d)
{
	const char *sig = json_input_text(object, "sig"), *hint = json_input_text(object, "keyid"); /* null, "" or absent: none */
	struct dsse_signature *s = &d->signatures[d->signature_count];
	int r;

	if (!sig || !*sig || strlen(sig) > 2 * PLAIN_SIGNATURE_MAX)
		return -EBADMSG;
	r = json_input_base64(sig, 0, &s->bytes, &s->size);
	if (r < 0)
		return r;
	d->signature_count++;
	if (hint && strlen(hint) <= DSSE_HINT_MAX)
		(void)snprintf(s->hint, sizeof(s->hint), "%s", hint);
	return 0;
}

int dsse_parse(const json_t *object, struct dsse_envelope *ret, const char **ret_why)
{
	const char *type = json_input_text(object, "payloadType"), *payload = json_input_text(object, "payload");
	const json_t *signatures = json_object_get(object, "signatures"), *signature;
	size_t i;
	int r;

	*ret = (struct dsse_envelope){ 0 };
	*ret_why = "DSSE envelope without payload or its type";
	if (!type || !*type || strlen(type) > DSSE_TYPE_MAX || !payload)
		return -EBADMSG;
	*ret_why = "DSSE envelope without signatures, or with too many";
	if (json_array_size(signatures) == 0 || json_array_size(signatures) > DSSE_SIGNATURES_MAX)
		return -EBADMSG;
	*ret_why = "DSSE envelope whose payload is not base64";
	r = encode(type, payload, ret);
	if (r < 0)
		return r;
	*ret_why = "DSSE envelope with a signature that is not base64";
	json_array_foreach((json_t *)signatures, i, signature) {
		r = take_signature(signature, ret);
		if (r < 0)
			return r;
	}
	return 0;
}
