/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "console/result.h"

#include <string.h>

#include "console/state.h"
#include "console/words.h"

struct result result_of(const json_t *o)
{
	const json_t *counts = json_is_object(member(o, "counts")) ? member(o, "counts") : o; /* history has them flat */
	const json_t *complete = member(o, "complete");

	return (struct result){
		.transfer = member_text(o, "transfer"),
		.outcome = member_text(o, "outcome"),
		.files = member_count(counts, "files"),
		.bytes = member_count(counts, "bytes"),
		.approved = member_count(counts, "approved"),
		.held = member_count(counts, "held"),
		.blocked = member_count(counts, "blocked"),
		.complete = json_is_boolean(complete) ? json_is_true(complete) : -1,
		.started = member_number(o, "started"),
		.finished = member_number(o, "finished"),
	};
}

bool result_published(const struct result *r)
{
	return strcmp(r->outcome, "published") == 0 && r->approved > 0;
}

void result_verdict(const struct result *r, char out[static RESULT_LINE], enum style *ret_style)
{
	struct words approved = words_number(r->approved), files = words_number(r->files);

	if (!result_published(r)) {
		*ret_style = STYLE_BAD;
		(void)snprintf(out, RESULT_LINE, "%s", _("NOTHING WAS TRANSFERRED."));
	} else if (r->approved < r->files || r->complete != 1) {
		*ret_style = r->approved < r->files || r->complete == 0 ? STYLE_WARN : STYLE_GOOD;
		(void)snprintf(out, RESULT_LINE, _n("%s OF %s FILE WAS TRANSFERRED.", "%s OF %s FILES WERE TRANSFERRED.", r->files),
			       approved.s, files.s);
	} else {
		*ret_style = STYLE_GOOD;
		if (r->files == 1)
			(void)snprintf(out, RESULT_LINE, "%s", _("THE FILE WAS TRANSFERRED."));
		else
			(void)snprintf(out, RESULT_LINE, _n("ALL %s FILES WERE TRANSFERRED.", "ALL %s FILES WERE TRANSFERRED.", r->files),
				       files.s);
	}
}

void result_rest(const struct result *r, char out[static RESULT_LINE])
{
	char refused[RESULT_LINE / 2 - 1] = "", held[RESULT_LINE / 2 - 1] = "";

	if (r->blocked > 0)
		(void)snprintf(refused, sizeof(refused), _n("%s WAS REFUSED.", "%s WERE REFUSED.", r->blocked), words_number(r->blocked).s);
	if (r->held > 0)
		(void)snprintf(held, sizeof(held), _n("%s WAITS FOR A DECISION.", "%s WAIT FOR A DECISION.", r->held),
			       words_number(r->held).s);
	(void)snprintf(out, RESULT_LINE, "%s%s%s", refused, *refused && *held ? " " : "", held);
}

void result_short(const struct result *r, char out[static RESULT_LINE])
{
	if (result_published(r))
		(void)snprintf(out, RESULT_LINE, _n("%s of %s file transferred", "%s of %s files transferred", r->files),
			       words_number(r->approved).s, words_number(r->files).s);
	else
		(void)snprintf(out, RESULT_LINE, "%s", _("nothing transferred"));
}

static const char *kind_name(const char *kind)
{
	if (strcmp(kind, "optical") == 0)
		return _("Disc");
	if (strcmp(kind, "usb") == 0)
		return _("USB device");
	return _("Medium");
}

void result_medium_name(const json_t *o, char out[static RESULT_LINE])
{
	const char *vendor = member_text(o, "vendor"), *model = member_text(o, "model");

	if (*vendor || *model)
		(void)snprintf(out, RESULT_LINE, "%s%s%s", vendor, *vendor && *model ? " " : "", model);
	else
		(void)snprintf(out, RESULT_LINE, "%s", kind_name(member_text(o, "kind")));
}
