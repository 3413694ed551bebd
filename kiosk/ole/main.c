/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* lazaret-ole: the streams of OLE2 compound files ([MS-CFB]): older Office documents, Outlook messages, Windows installers. libgsf
 * parses; all that it reads is hostile, through a read-only descriptor of a sealed copy. It can open no file, has no network,
 * and runs no macro.
 */
#include "container/container.h"
#include "ole/library.h"
#include "ole/ole.h"

static const struct container_opener openers[] = {
	{ CONTAINER_OLE, ole_open },
};

int main(void)
{
	static const struct container_role role = {
		.role = ROLE_OLE, .openers = openers, .opener_count = ARRAY_LEN(openers), .prepare = ole_prepare,
	};

	return container_main(&role);
}
