/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "examine/examine.h"

#include <string.h>

/* A worker that cannot say what it found must die: its death is a verdict too ("could not tell"). */
static void flag(struct findings *f, enum reason reason, const char *text)
{
	if (findings_add(f, reason, NULL, "%s", text) < 0)
		abort();
}

static void check_denied(struct examiner *e, const uint8_t sum[static SHA256_LEN], struct findings *f)
{
	char hex[SHA256_HEX_LEN + 1];

	if (!denylist_has(e->denylist, sum))
		return;
	hex_encode(sum, SHA256_LEN, hex);
	flag(f, REASON_HASH_DENIED, hex);
}

void examine_bytes(struct examiner *e, const uint8_t *data, size_t size, const uint8_t sum[static SHA256_LEN],
		   const char *raw_name, struct examination *ret)
{
	memset(ret, 0, sizeof(*ret));
	if (magic_types(e->magic, data, size, &ret->types) == 0)
		ret->findings.done |= CHECK_TYPE;
	else
		flag(&ret->findings, REASON_SCAN_ERROR, "libmagic could not tell the type");
	check_denied(e, sum, &ret->findings);
	clam_scan(e->clam, data, size, raw_name, &ret->findings);
}

void examination_done(struct examination *x)
{
	findings_done(&x->findings);
	x->types.count = 0;
}

void examiner_done(struct examiner *e)
{
	e->clam = clam_free(e->clam);
	e->magic = magic_free_engine(e->magic);
	e->denylist = denylist_free(e->denylist);
}
