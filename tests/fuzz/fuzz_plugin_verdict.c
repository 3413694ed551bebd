/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* What a plug-in that was taken over may answer. */
#include <stdlib.h>
#include <string.h>

#include "plugin/verdict.h"

#include "input.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char why[EXAMINER_WHY_MAX] = "";
	struct findings f = { 0 };
	int r = plugin_verdict((const char *)data, size, "fuzz", &f, why);

	CLAIM(r == 0 || r == -EPROTO);
	CLAIM(r == 0 || (*why && f.count == 0 && f.done == 0));
	CLAIM(r < 0 || f.done == CHECK_PLUGINS || f.count > 0);
	for (size_t i = 0; i < f.count; i++)
		CLAIM(f.list[i].reason != REASON_UNSIGNED && strlen(f.list[i].detail) <= FINDING_DETAIL_MAX);
	findings_done(&f);
	return 0;
}
