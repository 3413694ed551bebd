/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* The readers of kiosk/examine that need an account of a scan: one layer, which is the file itself. */
#ifndef LAZARET_TESTS_FUZZ_ACCOUNTED_H
#define LAZARET_TESTS_FUZZ_ACCOUNTED_H

#include "examine/account.h"
#include "input.h"

struct accounted {
	struct account account;
	struct findings findings;
	struct tally tally;
};

static struct accounted *accounted_new(void)
{
	static const uint8_t sum[SHA256_LEN] = { 1 };
	struct accounted *a = calloc(1, sizeof(*a));

	CLAIM(a);
	account_begin(&a->account, &a->findings, &a->tally, sum, UINT64_MAX);
	return a;
}

static void accounted_free(struct accounted *a)
{
	CLAIM(a->findings.count <= FINDINGS_MAX);
	findings_done(&a->findings);
	tally_done(&a->tally);
	free(a);
}

/* A scan that looked at nothing but the file itself, which libclamav takes for `type`. */
_unused_ static int account_for(const char *type, struct input bytes)
{
	struct accounted *a = accounted_new();
	uint8_t *data = exactly(bytes);

	account_layer(&a->account, 0, type, NULL, data, bytes.left, false);
	account_layer_done(&a->account, 0);
	CLAIM(!account_end(&a->account, 0));
	accounted_free(a);
	free(data);
	return 0;
}

#endif
