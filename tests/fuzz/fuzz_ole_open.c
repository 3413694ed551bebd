/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Compound files, by libgsf: storages, streams, what is embedded in them. */
#include "sink.h"

#include "ole/library.h"
#include "ole/ole.h"

/* libgsf 1.14.50 forgets entries of a damaged directory. The role ends with the file. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
	return "leak:gsf_infile_msole_new\n";
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool is_ready;

	if (!is_ready)
		CLAIM(ole_prepare() == 0);
	is_ready = true;
	return open_in_sink(ole_open, CONTAINER_OLE, (struct input){ data, size });
}
