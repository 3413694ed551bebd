/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* One stream of a document, by itself: its name is the first byte's choice. */
#include "sink.h"

#include "ole/library.h"
#include "ole/ole.h"

static uint8_t which;

static int look(struct container *c)
{
	static const char *const names[] = { "Workbook", "WordDocument", "PowerPoint Document", "\001Ole10Native", "\001Ole",
					     "Current User" };
	struct ole o = { .c = c };
	GsfInput *stream = gsf_input_memory_new(c->data, (gsf_off_t)c->size, FALSE);
	int r = streams_look(&o, NULL, "", names[which % ARRAY_LEN(names)], stream);

	g_object_unref(stream);
	return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool is_ready;
	struct input in = { data, size };

	if (!is_ready)
		CLAIM(ole_prepare() == 0);
	is_ready = true;
	which = take_byte(&in);
	return open_in_sink(look, CONTAINER_OLE, in);
}
