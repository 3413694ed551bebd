/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Stage "conclude": approved copies into a hidden transfer, then, under the ledger's lock (reports form one line):
 *
 *   audit  inspection-concluded    verdicts are final; the report names this record
 *   report, receipts               written to the spool
 *   ledger stage                   a copy of the report, and room for the records to come: what cannot be recorded is
 *                                  not published
 *   audit  publishing              with the manifest's hash, before anybody can see the transfer
 *   staging                        one rename
 *   audit  published | aborted, and series-seen for each index that vouched
 *   ledger report                  kept, indexed, its hash recorded; the lock is released
 *
 * A power cut between any two steps leaves a trail from which the next start tells what happened (recover.c).
 */
#include "supervisor/inspection.h"

#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/statvfs.h>
#include <time.h>

#include "common/fd.h"
#include "common/held_store.h"
#include "common/history.h"
#include "common/log.h"
#include "ipc/decisions_client.h"
#include "ipc/ledger_client.h"
#include "receipt/receipt.h"
#include "supervisor/held.h"
#include "supervisor/print.h"
#include "supervisor/recover.h"
#include "supervisor/report.h"

#define READY_SECONDS 30

struct conclusion {
	struct inspection *i;
	struct report_facts facts;
	char previous[SHA256_HEX_LEN + 1], audit_hash[SHA256_HEX_LEN + 1];
	int report_fd, text_fd, html_fd;
	bool is_publishing, is_visible;
	bool is_unknown; /* is it visible? Staging does not answer, nor does the kernel let go of who was to make it so */
	const char *abort_reason; /* static */
	struct message message;
	char manifest_sha256[SHA256_HEX_LEN + 1]; /* of what is published */
};

static bool is_stopped(const struct inspection *i)
{
	struct pollfd polled = { .fd = i->supervisor->signal_fd, .events = POLLIN };

	return poll(&polled, 1, 0) > 0;
}

/* Its disk hangs, or it does. */
static int give_up_publisher(struct conclusion *c, char **ret_why)
{
	struct inspection *i = c->i;

	process_kill(&i->publish);
	if (asprintf(ret_why, "%s: no answer within limits.answer-time. Does it work?", i->supervisor->config->staging_dir) < 0)
		*ret_why = NULL;
	return -EREMOTEIO;
}

/* No signal interrupts a wait from here on: there is nothing to wait for but our own disks. Whoever stops the inspection
 * before anything can be seen in staging was told that nothing will be: is_stopped() looks, between two files. `size`: bytes that it copies. */
static int expect_published(struct conclusion *c, uint64_t size, uint8_t *ret_sum)
{
	const uint64_t seconds = c->i->supervisor->config->limits.answer_time_s + (size >> 23);
	const struct patience firm = { .signal_fd = -1, .deadline_ms = monotonic_ms() + (int64_t)seconds * 1000 };
	_cleanup_free_ char *why = NULL, *name = NULL;
	uint8_t sum[SHA256_LEN];
	int r = process_expect(&c->i->publish, MESSAGE_PUBLISHED, &firm, &c->message, &why);

	if (r == -ETIMEDOUT)
		r = give_up_publisher(c, &why);
	if (r < 0) {
		inspection_trouble(c->i, "publishing", r, why);
		return r;
	}
	name = decode_str(&c->message.payload, 64);
	decode_exact(&c->message.payload, sum, sizeof(sum));
	r = decoder_end(&c->message.payload);
	message_done(&c->message);
	if (r == 0 && ret_sum)
		memcpy(ret_sum, sum, sizeof(sum));
	return r;
}

static int start_publisher(struct conclusion *c)
{
	struct supervisor *s = c->i->supervisor;
	_cleanup_close_ int key_fd = open(s->config->manifest_key, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	_cleanup_close_ int lock_fd = recover_lock_publisher(c->i);
	_cleanup_free_ char *why = NULL;
	struct encoder *e = malloc(sizeof(*e));
	int r = e ? (key_fd < 0 ? -errno : MIN(lock_fd, 0)) : -ENOMEM;

	if (r == 0)
		r = process_start(ROLE_PUBLISH, &c->i->publish);
	if (r == 0) {
		const struct patience patience = supervisor_patience(s, READY_SECONDS);
		const int fds[] = { s->staging_fd, key_fd, lock_fd };

		r = channel_send(&c->i->publish.channel, MESSAGE_PUBLISH_START, NULL, fds, ARRAY_LEN(fds));
		if (r == 0)
			r = process_ready(&c->i->publish, &patience, &why);
		if (r == -ETIMEDOUT)
			r = give_up_publisher(c, &why); /* it removes there what others have left */
	}
	if (r < 0)
		inspection_trouble(c->i, "starting the publisher", r, why);
	if (r == 0) {
		encoder_init(e);
		encode_str(e, c->i->transfer);
		r = channel_send(&c->i->publish.channel, MESSAGE_PUBLISH_BEGIN, e, NULL, 0);
		if (r == 0)
			r = expect_published(c, 0, NULL);
	}
	free(e);
	return r;
}

static int add_file(void *context, struct docket_entry *e)
{
	struct conclusion *c = context;
	_cleanup_close_ int fd = -EBADF;
	_cleanup_free_ struct encoder *m = NULL;
	const char *path;
	int r;

	if (is_stopped(c->i))
		return -ECANCELED;
	if (e->verdict != VERDICT_APPROVED || !e->published_as)
		return 0;
	path = e->published_as + strlen("files/");
	m = malloc(sizeof(*m));
	r = m ? inspection_open_copy(c->i, e->id, &fd) : -ENOMEM;
	if (r < 0)
		return r;
	encoder_init(m);
	encode_bytes(m, path, strlen(path));
	encode_u64(m, e->size);
	encode_bytes(m, e->sum, SHA256_LEN);
	r = channel_send(&c->i->publish.channel, MESSAGE_PUBLISH_ADD, m, &fd, 1);
	if (r == 0)
		r = expect_published(c, e->size, NULL);
	if (r == 0 && !c->i->held) { /* its bytes are in staging now: the spool need not hold them twice */
		encoder_init(m);
		encode_u64(m, e->id);
		r = channel_send(&c->i->vault.channel, MESSAGE_VAULT_FORGET, m, NULL, 0);
	}
	return r;
}

static int check_space(struct conclusion *c)
{
	struct supervisor *s = c->i->supervisor;
	struct statvfs fs;
	uint64_t free_bytes;

	if (fstatvfs(s->staging_fd, &fs) < 0)
		return -errno;
	free_bytes = (uint64_t)fs.f_bavail * fs.f_frsize;
	if (fs.f_flag & ST_RDONLY) {
		events_trouble(s->events, TROUBLE_STAGING_FULL,
			       "%s: read-only file system: nothing can be published. Tell the security officer.",
			       s->config->staging_dir);
		return -EROFS;
	}
	if (free_bytes < s->config->staging_min_free || free_bytes - s->config->staging_min_free < c->facts.counts.bytes) {
		events_trouble(s->events, TROUBLE_STAGING_FULL,
			       "%s: not enough space: %llu MiB are free, %llu MiB must stay free, this medium needs up to %llu MiB. "
			       "Ask the importers to take finished transfers away, then insert the medium again.",
			       s->config->staging_dir, (unsigned long long)(free_bytes >> 20),
			       (unsigned long long)(s->config->staging_min_free >> 20),
			       (unsigned long long)(c->facts.counts.bytes >> 20) + 1);
		return -ENOSPC;
	}
	return 0;
}

static int fill_transfer(struct conclusion *c)
{
	int r = check_space(c);

	if (r == 0)
		r = start_publisher(c);
	if (r == 0) {
		c->is_publishing = true;
		r = docket_each(c->i->docket, add_file, c);
	}
	return r == 0 && is_stopped(c->i) ? -ECANCELED : r;
}

static int audit(struct conclusion *c, const char *type, json_t *body)
{
	uint64_t seq;
	char hash[SHA256_HEX_LEN + 1];
	int r = body ? supervisor_audit(c->i->supervisor, type, body, &seq, hash) : -ENOMEM;

	json_decref(body);
	if (r == 0 && strcmp(type, "inspection-concluded") == 0) {
		c->facts.audit_seq = seq;
		memcpy(c->audit_hash, hash, sizeof(hash));
	}
	return r;
}

static int audit_concluded(struct conclusion *c)
{
	const struct docket_counts *n = &c->facts.counts;

	return audit(c, "inspection-concluded",
		     json_pack("{s:s,s:s,s:s,s:I,s:I,s:I,s:I,s:I,s:I}", "transfer", c->i->transfer, "outcome", c->facts.outcome,
			       "why", c->abort_reason, "files", (json_int_t)n->files, "bytes", (json_int_t)n->bytes,
			       "approved", (json_int_t)n->approved, "held", (json_int_t)n->held, "blocked",
			       (json_int_t)n->blocked, "recalled", (json_int_t)c->i->files_recalled));
}

/* In memory when there is no spool: the few lines of a report without files, which nothing but this can tell. */
static int spool_file(struct conclusion *c, const char *name)
{
	int fd = !c->i->docket ? memfd_create(name, MFD_CLOEXEC) :
				 openat(c->i->spool_fd, name, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);

	return fd < 0 ? -errno : fd;
}

static int write_papers(struct conclusion *c)
{
	struct inspection *i = c->i;
	int r;

	close_p(&c->report_fd);
	close_p(&c->text_fd);
	close_p(&c->html_fd);
	c->report_fd = spool_file(c, "report.json");
	c->text_fd = spool_file(c, "receipt.txt");
	c->html_fd = spool_file(c, "receipt.html");
	if (c->report_fd < 0 || c->text_fd < 0 || c->html_fd < 0)
		return MIN(c->report_fd, MIN(c->text_fd, c->html_fd));
	r = report_write(i, &c->facts, c->report_fd);
	if (r == 0) {
		const struct receipt_out outs[] = { { RECEIPT_TEXT, 0, c->text_fd }, { RECEIPT_HTML, 0, c->html_fd } };

		r = receipt_write_several(c->report_fd, outs, ARRAY_LEN(outs));
	}
	return r;
}

/* The publisher failed, or died, after the rename: what importers can see is published, whatever it says. */
static int look_into_staging(struct conclusion *c, uint8_t ret_sum[static SHA256_LEN])
{
	_cleanup_close_ int fd = -EBADF;
	char path[64];

	(void)snprintf(path, sizeof(path), "%s/manifest.json", c->i->transfer);
	fd = openat(c->i->supervisor->staging_fd, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return -errno;
	c->is_visible = true;
	events_warning(c->i->supervisor->events, "the publisher failed when the transfer was in staging already");
	return sha256_fd(fd, ret_sum, NULL);
}

/* Where there is no room for the report, nothing may become visible. */
static int stage_report(struct conclusion *c)
{
	_cleanup_free_ char *why = NULL;
	int r = ledger_stage(&c->i->supervisor->ledger.channel, c->i->transfer, c->report_fd, &why);

	if (r < 0)
		inspection_trouble(c->i, "keeping the report", r, why);
	return r;
}

static int audit_series(void *context, const char *series, const char *key_name, uint64_t date)
{
	struct conclusion *c = context;

	return audit(c, HISTORY_TYPE_SERIES,
		     json_pack("{s:s,s:s,s:s,s:I}", "transfer", c->i->transfer, "series", series, "key", key_name, "date", (json_int_t)date));
}

/* Older indexes are held from now on. Where the power goes before this is recorded they are not yet: recovery has no docket any
 * more. The next import of the same index, or of a newer one, makes up for it. */
static int audit_published(struct conclusion *c, const char *manifest_sha256)
{
	int r = audit(c, "published", json_pack("{s:s,s:s}", "transfer", c->i->transfer, "manifest_sha256", manifest_sha256));

	return r == 0 ? docket_each_seen(c->i->docket, audit_series, c) : r;
}

/* From the audit record "publishing" to "published". */
static int publish(struct conclusion *c)
{
	const int fds[] = { c->report_fd, c->text_fd, c->html_fd };
	uint8_t expected[SHA256_LEN], signed_sum[SHA256_LEN];
	struct supervisor *s = c->i->supervisor;
	char *hex = c->manifest_sha256;
	int r = sha256_fd(c->report_fd, expected, NULL);

	if (r < 0)
		return r;
	hex_encode(expected, SHA256_LEN, hex);
	r = stage_report(c);
	if (r == 0)
		r = audit(c, "publishing", json_pack("{s:s,s:s}", "transfer", c->i->transfer, "manifest_sha256", hex));
	if (r < 0)
		return r;
	r = channel_send(&c->i->publish.channel, MESSAGE_PUBLISH_COMMIT, NULL, fds, ARRAY_LEN(fds));
	if (r == 0)
		r = expect_published(c, c->facts.counts.bytes, signed_sum); /* all of them are synced */
	if (r < 0) {
		/* It may be before its rename still, whatever it said: first it has to be gone, then one may look. */
		if (r == -EPROTO)
			process_kill(&c->i->publish);
		else
			(void)process_end(&c->i->publish); /* it removes what it made; given up already: nothing to end */
		c->is_unknown = recover_wait_publisher(s, c->i->transfer, c->i->spool_fd) < 0;
	}
	c->is_publishing = false;
	c->is_visible = r == 0;
	if (r < 0 && !c->is_unknown && look_into_staging(c, signed_sum) == 0)
		r = 0;
	if (r == 0 && memcmp(expected, signed_sum, SHA256_LEN) != 0)
		r = -EBADMSG; /* cannot be: same descriptor; said rather than believed */
	return r == 0 ? audit_published(c, hex) : r;
}

static void give_up_transfer(struct conclusion *c)
{
	if (c->is_publishing && c->i->publish.pid > 0 && c->i->publish.channel.state == STATE_IDLE &&
	    channel_send(&c->i->publish.channel, MESSAGE_PUBLISH_ABORT, NULL, NULL, 0) == 0 && expect_published(c, 0, NULL) < 0)
		events_warning(c->i->supervisor->events, "the hidden transfer could not be removed; the next start does it");
	c->is_publishing = false;
}

/* With the lock held, an inspection that was cut off before its report comes first: its transfer may be in staging and
 * names the same report before it as ours would. */
static int lock(struct conclusion *c)
{
	_cleanup_free_ char *why = NULL;
	int r;

	do {
		free(TAKE_PTR(why));
		r = ledger_lock(&c->i->supervisor->ledger.channel, c->i->supervisor->config->limits.inspection_time_s, c->previous, &why);
		if (r == 0)
			r = recover_all(c->i->supervisor);
	} while (r > 0);
	if (r < 0)
		inspection_trouble(c->i, "audit trail", r, why);
	c->facts.previous = c->previous;
	return r;
}

static int keep_report(struct conclusion *c)
{
	_cleanup_free_ char *why = NULL;
	struct ledger_place place;
	int r = ledger_report(&c->i->supervisor->ledger.channel, c->i->transfer, c->report_fd, &place, &why);

	if (r < 0)
		inspection_trouble(c->i, "keeping the report", r, why);
	c->i->is_report_kept = r == 0;
	return r;
}

static void become_aborted(struct conclusion *c, const char *why)
{
	give_up_transfer(c);
	c->facts.outcome = "aborted";
	c->facts.is_published = false;
	c->abort_reason = c->facts.why = why;
}

static const char *words_for(int error)
{
	switch (error) {
	case -ECANCELED:
		return "stopped by the operator, or with the station";
	case -ETIMEDOUT:
		return "out of time";
	case -ENODEV:
		return "the medium was removed";
	case -ESTALE:
		return "the station lost sight of the medium";
	case -ENOSPC:
		return "no space left";
	case -EKEYREJECTED:
		return "the virus scanner missed its test samples";
	case -EROFS:
		return "staging is read-only";
	case -EREMOTEIO:
		return "staging does not answer";
	case -EUCLEAN:
		return "what was remembered of earlier examinations is wrong";
	case -EBADMSG:
		return "a copy is not what was looked at";
	default:
		return strerror(-error);
	}
}

struct striking {
	const json_t *hashes;
	struct held_store *held;
	json_t *missing; /* set of hashes */
	const char *id;
};

/* Is what is blocked now in one of the files? 1, 0. */
static int is_inside(const struct striking *x, const char *hex)
{
	int r = 0;

	for (size_t k = 0; r == 0 && k < json_array_size(x->hashes); k++)
		r = held_has_member(x->held, json_string_value(json_array_get(x->hashes, k)), hex);
	return r;
}

static int strike(void *context, const struct ledger_decision *d)
{
	struct striking *x = context;
	char hex[SHA256_HEX_LEN + 1];
	int r;

	hex_encode(d->sha256, SHA256_LEN, hex);
	if (d->decision == DECISION_RELEASE && strcmp(d->id, x->id) == 0)
		(void)json_object_del(x->missing, hex); /* most are not of this release */
	if (d->decision != DECISION_REJECT && d->decision != DECISION_DENY)
		return 0;
	r = is_inside(x, hex);
	return r > 0 ? -EPERM : r;
}

/* Is the release still what is in force for each of its files? An officer may have rejected one since, or something that is in it. */
static int is_still_released(struct conclusion *c)
{
	const char *id = json_string_value(json_object_get(c->i->release, "proposal"));
	struct striking x = { c->i->release_hashes, c->i->held, json_object(), id ? id : "" };
	int r = x.missing ? 0 : -ENOMEM;

	for (size_t k = 0; r == 0 && k < json_array_size(c->i->release_hashes); k++)
		if (json_object_set(x.missing, json_string_value(json_array_get(c->i->release_hashes, k)), json_true()) < 0)
			r = -ENOMEM;
	if (r == 0)
		r = ledger_decisions(&c->i->supervisor->ledger.channel, strike, &x, NULL);
	if (r == 0 && (json_object_size(x.missing) > 0 || json_array_size(c->i->release_hashes) == 0))
		r = -EPERM;
	json_decref(x.missing);
	return r;
}

/* One try with the outcome as it stands. */
static int conclude_once(struct conclusion *c)
{
	int r = audit_concluded(c);

	c->facts.audit_hash = c->audit_hash;
	c->facts.finished = time(NULL);
	if (r == 0)
		r = write_papers(c);
	if (r == 0 && c->facts.is_published)
		r = publish(c);
	return r;
}

static bool is_all_read(const struct inspection *i)
{
	for (size_t k = 0; k < i->medium.volume_count; k++) {
		const char *outcome = i->medium.volumes[k].outcome;

		if (strcmp(outcome, "refused") == 0 || strcmp(outcome, "failed") == 0 || strcmp(outcome, "partial") == 0)
			return false;
	}
	return i->has_volumes_read;
}

static enum inspection_status status_of(const struct conclusion *c)
{
	if (strcmp(c->facts.outcome, "aborted") == 0)
		return INSPECTION_INCOMPLETE;
	return c->facts.is_published && c->facts.counts.approved == c->facts.counts.files && is_all_read(c->i) ?
		       INSPECTION_ALL_APPROVED :
		       INSPECTION_SOME_REFUSED;
}

static void tell_done(const struct conclusion *c, bool is_kept)
{
	struct inspection *i = c->i;
	const struct docket_counts *n = &c->facts.counts;
	_cleanup_free_ char *report = NULL, *staging = NULL;

	if (asprintf(&report, "%s/%s.json", i->supervisor->config->reports_dir, i->transfer) < 0 ||
	    asprintf(&staging, "%s/%s", i->supervisor->config->staging_dir, i->transfer) < 0)
		return;
	events_send(i->supervisor->events, "done",
		    json_pack("{s:s,s:s,s:s,s:s?,s:s?,s:s?,s:i,s:I,s:I,s:I,s:I,s:I}", "transfer", i->transfer, "outcome",
			      c->facts.outcome, "why", c->abort_reason, "report", is_kept ? report : NULL, "staging",
			      c->facts.is_published ? staging : NULL, "manifest_sha256", c->facts.is_published ? c->manifest_sha256 : NULL, "status", is_kept ? (int)status_of(c) : (int)INSPECTION_INCOMPLETE, "files",
			      (json_int_t)n->files, "bytes", (json_int_t)n->bytes, "approved", (json_int_t)n->approved, "held",
			      (json_int_t)n->held, "blocked", (json_int_t)n->blocked));
}

enum inspection_status inspection_conclude(struct inspection *i, int aborted)
{
	struct conclusion *c = calloc(1, sizeof(*c));
	enum inspection_status status = INSPECTION_INCOMPLETE;
	int r = aborted;

	if (!c)
		return status;
	*c = (struct conclusion){ .i = i, .report_fd = -EBADF, .text_fd = -EBADF, .html_fd = -EBADF, .abort_reason = "" };
	c->facts = (struct report_facts){ .outcome = "refused", .previous = "" };
	if (i->docket && docket_count(i->docket, &c->facts.counts) < 0 && r == 0)
		r = -EIO;
	if (r == 0 && is_stopped(i))
		r = -ECANCELED;
	/* whatever its rules say: a machine that is no station yet publishes nothing */
	if (r == 0 && c->facts.counts.approved > 0 && !i->supervisor->config->awaits_set_up) {
		inspection_progress(i, "publishing", true);
		r = fill_transfer(c);
		if (r == 0) {
			c->facts.outcome = "published";
			c->facts.is_published = true;
		}
	}
	if (r < 0)
		become_aborted(c, words_for(r));
	else if (c->facts.counts.held > 0)
		held_keep(i);
	r = lock(c);
	if (r == 0 && i->release && c->facts.is_published) {
		int e = is_still_released(c);

		if (e < 0)
			become_aborted(c, e == -EPERM ? "something of it is rejected or denied, or another decision has come since" : words_for(e));
	}
	if (r == 0) {
		r = conclude_once(c);
		if (r < 0 && c->facts.is_published && !c->is_visible && !c->is_unknown) {
			become_aborted(c, words_for(r)); /* nothing can be seen in staging: a report that says so */
			if (i->docket && docket_forget_kept(i->docket) < 0)
				log_warning("job=%s: what was held is not kept", i->transfer);
			r = conclude_once(c);
		}
	}
	/* before the report is kept: what recover.c finds beside one is held */
	if (r == 0 && c->facts.counts.held > 0 && strcmp(c->facts.outcome, "aborted") == 0)
		held_settle(i->supervisor, i->transfer, false);
	if (r == 0)
		r = keep_report(c);
	if (r == 0 && c->facts.counts.held > 0 && strcmp(c->facts.outcome, "aborted") != 0)
		held_settle(i->supervisor, i->transfer, true);
	if (r < 0 && c->is_visible)
		events_error(i->supervisor->events,
			     "%s is in staging, but the audit trail could not be completed. No medium is accepted until it can "
			     "be written again. Tell the security officer.",
			     i->transfer);
	else if (r < 0 && c->is_unknown)
		become_aborted(c, "staging does not answer: whether the transfer is in it is found out, and recorded, before the next inspection");
	else if (r < 0)
		become_aborted(c, *c->abort_reason ? c->abort_reason : words_for(r));
	status = r < 0 ? INSPECTION_INCOMPLETE : status_of(c);
	if (r == 0)
		receipt_print(i, c->report_fd);
	tell_done(c, r == 0);
	close_p(&c->report_fd);
	close_p(&c->text_fd);
	close_p(&c->html_fd);
	free(c);
	return status;
}
