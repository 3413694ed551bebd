/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* lazaret-unpack: brings out the members of archives, packages and compressed streams, one layer at a time (libarchive, zlib).
 * All that it reads is hostile, through a read-only descriptor of a sealed copy; it can open no file, and starts no program. */
#include <iconv.h>
#include <locale.h>

#include "unpack/unpack.h"

static const struct container_opener openers[] = {
	{ CONTAINER_GZIP, open_gzip },	     { CONTAINER_BZIP2, open_stream },	  { CONTAINER_XZ, open_stream },
	{ CONTAINER_LZMA, open_stream },     { CONTAINER_LZIP, open_stream },	  { CONTAINER_LZ4, open_stream },
	{ CONTAINER_ZSTD, open_stream },     { CONTAINER_COMPRESS, open_stream }, { CONTAINER_UU, open_stream },
	{ CONTAINER_TAR, open_archive },     { CONTAINER_CPIO, open_archive },	  { CONTAINER_AR, open_archive },
	{ CONTAINER_ZIP, open_archive },     { CONTAINER_SEVENZIP, open_archive }, { CONTAINER_CAB, open_archive },
	{ CONTAINER_RAR, open_archive },     { CONTAINER_LHA, open_archive },	  { CONTAINER_XAR, open_archive },
	{ CONTAINER_WARC, open_warc },    { CONTAINER_ISO9660, open_iso9660 }, { CONTAINER_DEB, open_archive },
	{ CONTAINER_RPM, open_rpm },
};

/* Between UTF-8 and UTF-16 libarchive converts names by itself when the locale is UTF-8. */
static int prepare(void)
{
	return setlocale(LC_CTYPE, "C.UTF-8") ? 0 : -ENOENT;
}

/* Any other character set would be a file to open, chosen by the archive, which the sandbox answers with death. Names of such
 * archives stay as they are; what libarchive cannot do without is told. */
iconv_t iconv_open(const char *to, const char *from)
{
	errno = EINVAL;
	return (iconv_t)-1;
}

int main(void)
{
	static const struct container_role role = {
		.role = ROLE_UNPACK, .openers = openers, .opener_count = ARRAY_LEN(openers), .prepare = prepare,
	};

	return container_main(&role);
}
