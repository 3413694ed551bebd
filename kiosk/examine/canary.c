/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "examine/canary.h"

#include <string.h>

struct canary {
	const char *name;
	const uint8_t *hidden; /* combined with the key, so that no scanner takes our executable for malware */
	size_t size;
	const char *signature;
	const char *member;
};

#include "examine/canary_data.h"

static uint8_t *reveal(const struct canary *c)
{
	uint8_t *data = malloc(c->size);

	for (size_t i = 0; data && i < c->size; i++)
		data[i] = c->hidden[i] ^ canary_key[i % sizeof(canary_key)];
	return data;
}

/* libclamav adds ".UNOFFICIAL" to what no signed database holds. */
static bool is_signature(const char *detail, const char *wanted)
{
	size_t n = strlen(wanted);

	return strcmp(wanted, "*") == 0 ||
	       (strncmp(detail, wanted, n) == 0 && (detail[n] == '\0' || strcmp(detail + n, ".UNOFFICIAL") == 0));
}

static bool is_found(const struct canary *c, const struct findings *f)
{
	if (!(f->done & CHECK_VIRUS))
		return false;
	if (c->signature[0] == '\0')
		return f->count == 0;
	for (size_t i = 0; i < f->count; i++) {
		const char *member = f->list[i].member ? f->list[i].member : "";

		if (f->list[i].reason == REASON_MALWARE && is_signature(f->list[i].detail, c->signature) &&
		    strcmp(member, c->member) == 0)
			return true;
	}
	return false;
}

static int check_one(struct clam *clam, const struct canary *c, char *why)
{
	_cleanup_(findings_done) struct findings f = { 0 };
	_cleanup_free_ uint8_t *data = reveal(c);

	if (!data)
		return -ENOMEM;
	clam_scan(clam, data, c->size, c->name, &f);
	if (is_found(c, &f))
		return 0;
	(void)snprintf(why, WHY_MAX, "the virus scanner failed its self-test \"%s\"%s%s; update or repair the database",
		       c->name, f.count > 0 ? ": " : "", f.count > 0 ? f.list[0].detail : "");
	return -EBADMSG;
}

int canary_check(struct clam *c, bool has_eicar, char ret_why[static WHY_MAX])
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_LEN(canaries); i++)
		if (has_eicar || strcmp(canaries[i].name, "EICAR") != 0)
			r = check_one(c, &canaries[i], ret_why);
	if (r == -ENOMEM)
		(void)snprintf(ret_why, WHY_MAX, "out of memory during the self-test of the virus scanner");
	return r;
}
