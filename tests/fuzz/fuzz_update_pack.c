/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* pack.json of a pack that a key for updates has signed: whatever is taken would have been written so. */
#include <stdlib.h>
#include <string.h>

#include "update/offers.h"
#include "update/pack.h"

#include "input.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *why = NULL, *text, *comment = malloc(size + 1), name[TRUST_NAME_MAX + 1];
	struct pack *p = NULL;
	uint64_t version;
	int r = pack_parse((const char *)data, size, &p, &why);

	CLAIM(r == 0 || (r == -EBADMSG && why && !p));
	if (r == 0) {
		text = pack_text(p);
		CLAIM(text && strlen(text) == size && memcmp(text, data, size) == 0);
		CLAIM(trust_name_valid(p->name) && p->member_count > 0 && p->station_count > 0);
		for (size_t i = 0; i < p->member_count; i++)
			CLAIM(!strstr(p->members[i].path, "..") && p->members[i].path[0] != '/' &&
			      !(p->members[i].purposes & 1u << PURPOSE_UPDATE));
		free(text);
	}
	if (comment) {
		memcpy(comment, data, size);
		comment[size] = '\0';
		CLAIM(!offers_comment(comment, name, &version) || (trust_name_valid(name) && version > 0));
	}
	free(comment);
	free(why);
	pack_free(p);
	return 0;
}
