/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Which files of a database directory are virus databases that can only add detections. libclamav takes every
 * extension it knows, and decides by the last ones of a name in any case: one dot, lower case, an exact list. */
#include <string.h>

#include "common/macros.h"
#include "station/config.h"

struct kind {
	const char *extension;
	const char *refused; /* NULL: loaded */
};

#define OFF "it can switch detections off"
#define UNSIGNED "it looks like a signed database, but is not one; use the .cvd"

static const struct kind kinds[] = {
	{ "cvd", NULL },  { "hdb", NULL },  { "hsb", NULL },  { "mdb", NULL },	{ "msb", NULL }, { "ndb", NULL },
	{ "ldb", NULL },  { "cdb", NULL },  { "cld", UNSIGNED }, { "cud", UNSIGNED }, { "ign", OFF }, { "ign2", OFF },
	{ "fp", OFF },	  { "sfp", OFF },   { "cfg", OFF },   { "ftm", OFF },	{ "wdb", OFF },	 { "cat", OFF },
	{ "crb", OFF },	  { "pwdb", OFF },
	{ "hdu", "signatures of unwanted programs are not used" },
	{ "hsu", "signatures of unwanted programs are not used" },
	{ "mdu", "signatures of unwanted programs are not used" },
	{ "msu", "signatures of unwanted programs are not used" },
	{ "ndu", "signatures of unwanted programs are not used" },
	{ "ldu", "signatures of unwanted programs are not used" },
	{ "cbc", "unsigned bytecode is not run" },
	{ "yar", "libclamav drops rules that it does not understand without a word" },
	{ "yara", "libclamav drops rules that it does not understand without a word" },
};

bool station_database_file_ok(const char *name, const char **ret_why)
{
	static const char *const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.";
	const char *dot = strchr(name, '.');

	*ret_why = "it is no virus database";
	if (!dot || dot == name || strchr(dot + 1, '.') || strspn(name, letters) != strlen(name)) {
		*ret_why = "its name is not letters, digits, '_' and '-', one dot and a known extension";
		return false;
	}
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		if (strcmp(dot + 1, kinds[i].extension) != 0)
			continue;
		*ret_why = kinds[i].refused;
		return !kinds[i].refused;
	}
	return false;
}
