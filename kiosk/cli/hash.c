/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* `lazaret hash`: contents that are allowed although something was found in them, and contents that never pass. */
#include <string.h>
#include <time.h>

#include "cli/review.h"
#include "common/log.h"
#include "ipc/decisions_client.h"

static int usage(void)
{
	(void)fputs("usage: lazaret hash allow --reason TEXT [--for TIME | --until TIME] [--propose] SHA256...\n"
		    "       lazaret hash deny --reason TEXT SHA256...\n"
		    "       lazaret hash remove --reason TEXT [--propose] SHA256...\n"
		    "       lazaret hash list [--json]\n"
		    "What is proposed a second person confirms: lazaret review confirm PROPOSAL\n",
		    stderr);
	return EXIT_USAGE;
}

static int put_decision(void *context, const struct ledger_decision *d)
{
	const bool *is_json = context;
	char hex[SHA256_HEX_LEN + 1], when[RECORDS_TIME_LEN], until[RECORDS_TIME_LEN] = "";
	json_t *o;

	hex_encode(d->sha256, SHA256_LEN, hex);
	if (*is_json) {
		o = json_pack("{s:s,s:s,s:s,s:s,s:o,s:s,s:o,s:I}", "sha256", hex, "decision", decision_name(d->decision), "id", d->id, "by", d->by,
			      "second", *d->second ? json_string(d->second) : json_null(), "reason", d->reason, "until",
			      d->until ? json_integer((json_int_t)d->until) : json_null(), "at", (json_int_t)d->at);
		review_put_object(o);
		json_decref(o);
		return 0;
	}
	records_time((int64_t)d->at, when);
	if (d->until)
		records_time((int64_t)d->until, until);
	(void)printf("%s  %-7s  %s  by %s%s%s%s%s: ", hex, decision_name(d->decision), when, d->by, *d->second ? " and " : "", d->second,
		     *until ? ", until " : "", until);
	records_put(d->reason);
	(void)fputc('\n', stdout);
	return 0;
}

static int list(const struct review *v)
{
	_cleanup_free_ char *why = NULL;
	struct ledger_link l = { 0 };
	bool is_json = v->is_json;
	int r;

	if (v->argc > 0)
		return EXIT_USAGE;
	if (ledger_link_open(v->config, &l) < 0)
		return EXIT_CANNOT;
	r = ledger_decisions(&l.channel, put_decision, &is_json, &why);
	ledger_link_close(&l);
	if (r < 0)
		log_error("%s", why ? why : strerror(-r));
	return r < 0 ? EXIT_CANNOT : EXIT_SUCCESS;
}

static int allow(const struct review *v)
{
	return v->argc < 1 ? EXIT_USAGE : review_decide(v, DECISION_ALLOW, "hash allow");
}

static int deny(const struct review *v)
{
	return v->argc < 1 ? EXIT_USAGE : review_decide(v, DECISION_DENY, "hash deny");
}

static int take_back(const struct review *v)
{
	return v->argc < 1 ? EXIT_USAGE : review_decide(v, DECISION_REMOVE, "hash remove");
}

static const struct review_command commands[] = { { "list", list }, { "allow", allow }, { "deny", deny }, { "remove", take_back } };

int cmd_hash(struct cli *cli)
{
	int status = review_run(cli, commands, ARRAY_LEN(commands));

	return status == EXIT_USAGE ? usage() : status;
}
