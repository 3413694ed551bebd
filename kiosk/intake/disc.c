/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "intake/disc.h"

#include <string.h>

#include "intake/optical.h"

bool disc_has_volumes(int fd, uint64_t size, struct volume_list *list)
{
	struct optical disc;
	struct volume *v;

	optical_look(fd, &disc);
	if (!disc.is_blank && disc.has_data)
		return true;
	memset(list, 0, sizeof(*list));
	v = volume_add(list, 0, size, disc.is_blank ? VOLUME_EMPTY : VOLUME_REFUSED);
	if (!v)
		return false;
	if (!disc.is_blank)
		(void)snprintf(v->fs, sizeof(v->fs), "audio");
	volume_detail(v, "%s", disc.is_blank ? "blank disc" : "audio disc: it holds no files");
	return false;
}

static void remark_session(struct volume_list *list, uint32_t first_block)
{
	for (size_t i = 0; i < list->count; i++) {
		struct volume *v = &list->list[i];

		if (v->offset != 0 || v->outcome != VOLUME_OPEN)
			continue;
		v->session_block = first_block;
		volume_detail(v, "the last of several sessions");
	}
}

void disc_add_remarks(int fd, struct volume_list *list)
{
	struct optical disc;
	struct volume *v;

	optical_look(fd, &disc);
	if (disc.session_block > 0)
		remark_session(list, disc.session_block);
	if (!disc.has_audio || !disc.has_data)
		return;
	v = volume_add(list, 0, 0, VOLUME_REFUSED);
	if (!v)
		return;
	(void)snprintf(v->fs, sizeof(v->fs), "audio");
	volume_detail(v, "audio tracks beside the files");
}
