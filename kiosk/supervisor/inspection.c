/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "supervisor/inspection.h"

#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <time.h>

#include "common/fd.h"
#include "common/held_store.h"
#include "common/log.h"
#include "common/text.h"
#include "sandbox/sandbox.h"
#include "supervisor/docket_members.h"
#include "supervisor/engine.h"
#include "supervisor/explain_stage.h"
#include "supervisor/recover.h"
#include "supervisor/remembering.h"
#include "supervisor/unpacking.h"

#define VAULT_READY_SECONDS 30
#define PROGRESS_MS 200

/* Random bits keep names apart that begin in the same second, in several processes. */
static int name_transfer(struct inspection *i)
{
	uint8_t random[3];
	struct tm tm;
	time_t now = time(NULL);
	size_t n;

	if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random) || !gmtime_r(&now, &tm))
		return -EIO;
	n = strftime(i->transfer, sizeof(i->transfer), "%Y%m%dT%H%M%SZ-", &tm);
	hex_encode(random, sizeof(random), i->transfer + n);
	i->started = now;
	return 0;
}

/* spool/TRANSFER is locked while this process lives: what is not locked is a crash's (recover.c). */
static int make_spool(struct inspection *i)
{
	struct supervisor *s = i->supervisor;
	int r;

	r = mkdirat(s->spool_fd, i->transfer, 0700) < 0 ? -errno : 0;
	if (r == 0)
		r = dir_open_make(s->spool_fd, i->transfer, 0700, &i->spool_fd);
	if (r == 0 && flock(i->spool_fd, LOCK_EX | LOCK_NB) < 0)
		r = -errno;
	if (r == 0)
		r = recover_note(i);
	if (r < 0)
		inspection_trouble(i, "opening the spool", r, NULL);
	return r;
}

int inspection_open_docket(struct inspection *i)
{
	char path[4096];
	int n = snprintf(path, sizeof(path), "%s/%s/docket.sqlite", i->supervisor->config->spool_dir, i->transfer);
	int r = (size_t)n < sizeof(path) ? docket_open(path, &i->docket) : -ENAMETOOLONG;

	if (r < 0)
		inspection_trouble(i, "opening the spool", r, NULL);
	return r;
}

static int open_spool(struct inspection *i)
{
	int r = make_spool(i);

	return r < 0 ? r : inspection_open_docket(i);
}

int inspection_begin(struct inspection *i)
{
	int r = name_transfer(i);

	return r < 0 ? r : make_spool(i);
}

int inspection_start_vault(struct inspection *i, const char *name, const struct vault_limits *limits, struct process *ret)
{
	struct patience patience = supervisor_patience(i->supervisor, VAULT_READY_SECONDS);
	_cleanup_free_ struct encoder *e = malloc(sizeof(*e));
	_cleanup_free_ char *why = NULL;
	_cleanup_close_ int fd = -EBADF;
	int r = e ? dir_open_make(i->spool_fd, name, 0700, &fd) : -ENOMEM;

	if (r == 0)
		r = sandbox_own(ROLE_VAULT, fd);
	if (r == 0)
		r = process_start(ROLE_VAULT, ret);
	if (r == 0) {
		encoder_init(e);
		encode_u64(e, limits->bytes);
		encode_u64(e, limits->files);
		encode_u64(e, i->supervisor->config->limits.largest_file);
		r = channel_send(&ret->channel, MESSAGE_VAULT_START, e, &fd, 1);
	}
	if (r == 0)
		r = process_ready(ret, &patience, &why);
	if (r < 0)
		inspection_trouble(i, "starting the vault", r, why);
	return r;
}

static int start_vault(struct inspection *i)
{
	const struct station_config *c = i->supervisor->config;
	const struct vault_limits limits = { MIN(c->spool_bytes, c->limits.bytes), c->limits.files };

	return inspection_start_vault(i, SPOOL_COPIES, &limits, &i->vault);
}

static int open_held(struct inspection *i, uint64_t id, int *ret_fd)
{
	struct docket_entry e = { 0 };
	char hex[SHA256_HEX_LEN + 1];
	int r = docket_get(i->docket, id, &e);

	if (r > 0) {
		hex_encode(e.sum, SHA256_LEN, hex);
		r = held_open_copy(i->held, hex, ret_fd);
	} else if (r == 0) {
		r = -ENOENT;
	}
	docket_entry_done(&e);
	return r;
}

static int open_kept(struct inspection *i, uint64_t id, int *ret_fd)
{
	char path[64];

	(void)snprintf(path, sizeof(path), SPOOL_EVIDENCE "/%" PRIu64, id);
	*ret_fd = openat(i->spool_fd, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	return *ret_fd < 0 ? -errno : 0;
}

int inspection_open_copy(struct inspection *i, uint64_t id, int *ret_fd)
{
	const struct patience patience = { .signal_fd = -1, .deadline_ms = i->patience.deadline_ms };
	struct message *m;
	struct encoder *e;
	int r = -ENOMEM;

	if (docket_is_member(id))
		return open_kept(i, id, ret_fd);
	if (i->held)
		return open_held(i, id, ret_fd);
	m = malloc(sizeof(*m));
	e = malloc(sizeof(*e));
	if (m && e) {
		encoder_init(e);
		encode_u64(e, id);
		r = channel_send(&i->vault.channel, MESSAGE_VAULT_OPEN, e, NULL, 0);
		if (r == 0)
			r = process_expect(&i->vault, MESSAGE_VAULT_COPY, &patience, m, NULL);
		if (r == 0) {
			*ret_fd = TAKE_FD(m->fds[0]);
			message_done(m);
		}
	}
	free(m);
	free(e);
	return r;
}

int inspection_fetch_copy(struct inspection *i, uint64_t id)
{
	struct encoder e;

	encoder_init(&e);
	encode_u64(&e, id);
	i->fetching = id;
	return channel_send(&i->vault.channel, MESSAGE_VAULT_OPEN, &e, NULL, 0);
}

int inspection_vault_failed(struct inspection *i, struct message *m)
{
	_cleanup_free_ char *why = NULL;
	int r = channel_failure(m, &why);

	inspection_trouble(i, "opening a copy", r, why);
	return -EIO; /* whatever it was: -EAGAIN, say, would mean something else to whoever waits for messages */
}

void inspection_progress(struct inspection *i, const char *stage, bool is_now)
{
	int64_t now = monotonic_ms();

	if (!is_now && now - i->told_ms < PROGRESS_MS)
		return;
	i->told_ms = now;
	events_send(i->supervisor->events, "progress",
		    json_pack("{s:s,s:I,s:I,s:I,s:I,s:I,s:I,s:I}", "stage", stage, "files_total", (json_int_t)i->files_total,
			      "bytes_total", (json_int_t)i->bytes_total, "files_read", (json_int_t)i->files_read, "bytes_read",
			      (json_int_t)i->bytes_read, "files_examined", (json_int_t)i->files_examined, "bytes_examined",
			      (json_int_t)i->bytes_examined, "members_examined", (json_int_t)i->members_examined));
}

/* The daemon sends SIGUSR1 when the medium has gone, SIGUSR2 when nobody can say whether it has, SIGTERM when somebody wants
 * the inspection to stop. */
int inspection_interrupted(const struct inspection *i)
{
	struct signalfd_siginfo info;

	if (read(i->supervisor->signal_fd, &info, sizeof(info)) != (ssize_t)sizeof(info))
		return -ECANCELED;
	return info.ssi_signo == SIGUSR1 ? -ENODEV : info.ssi_signo == SIGUSR2 ? -ESTALE : -ECANCELED;
}

void inspection_may_go(const struct inspection *i)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	/* SIGUSR1 and SIGUSR2 stay blocked and unheard */
	if (signalfd(i->supervisor->signal_fd, &set, 0) < 0)
		log_warning("job=%s: signalfd: %s", i->transfer, strerror(errno));
}

static enum trouble trouble_of(int error)
{
	switch (error) {
	case -ENODEV:
		return TROUBLE_REMOVED;
	case -ECANCELED:
		return TROUBLE_CANCELLED;
	case -ETIMEDOUT:
		return TROUBLE_TIME;
	case -ENOSPC:
		return TROUBLE_SPOOL_FULL;
	case -EROFS:
		return TROUBLE_STAGING_FULL;
	case -EPERM:
		return TROUBLE_WRITE_BLOCK;
	case -EIO:
	case -ENOMEDIUM:
		return TROUBLE_UNREADABLE;
	default:
		return TROUBLE_INTERNAL;
	}
}

void inspection_trouble(struct inspection *i, const char *what, int error, const char *why)
{
	if (error == -ECANCELED)
		return; /* whoever asked for it knows; the report says it */
	if (error == -ENODEV)
		why = "the medium was removed before it had been read. Insert it again.";
	else if (error == -ESTALE)
		why = "the station lost sight of the medium before it had been read. Insert it again.";
	else if (error == -ETIMEDOUT && !why)
		why = "it took longer than the station allows (limits.inspection_time)";
	events_trouble(i->supervisor->events, trouble_of(error), "%s: %s", what, why ? why : strerror(-error));
}

static int audit_started(struct inspection *i)
{
	_cleanup_free_ char *source = text_escape(i->request->source, strlen(i->request->source));
	_cleanup_free_ char *operator_name = text_escape(i->request->operator_name, strlen(i->request->operator_name));
	_cleanup_free_ char *reason = text_escape(i->request->reason, strlen(i->request->reason));
	_cleanup_free_ char *owner = text_escape(i->request->owner, strlen(i->request->owner));
	_cleanup_free_ char *ticket = text_escape(i->request->ticket, strlen(i->request->ticket));
	json_t *body = source && operator_name && reason && owner && ticket ?
			       json_pack("{s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s*}", "transfer", i->transfer, "source", source, "operator",
					 operator_name, "operators", station_operators_name(i->supervisor->config->operators),
					 "reason", reason, "owner", owner, "ticket", ticket, "port", i->request->port) :
			       NULL;
	char hash[65];
	uint64_t seq;
	int r = body ? supervisor_audit(i->supervisor, "inspection-started", body, &seq, hash) : -ENOMEM;

	json_decref(body);
	return r;
}

static int run_stages(struct inspection *i)
{
	int r = unpackers_new(i, &i->unpackers);

	if (r == 0 && remember_is_wanted(i))
		unpack_start_parents(i->unpackers);
	if (r == 0)
		r = start_vault(i);
	if (r == 0)
		r = inspection_acquire(i);
	if (r == 0)
		r = inspection_read(i);
	if (r == 0)
		r = remember_settle(i);
	if (r == 0) {
		inspection_progress(i, "origin", true);
		r = inspection_vouch(i);
	}
	return r;
}

static bool is_left_behind(const struct inspection *i, const char *name)
{
	return faccessat(i->spool_fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0 && dir_remove_tree(i->spool_fd, name) < 0;
}

/* The trail could not be completed: recover.c does it, from the note, as after a crash. The copies are of no use. */
static void keep_note(struct inspection *i)
{
	char name[32];
	bool is_left = dir_remove_tree(i->spool_fd, SPOOL_COPIES) < 0;

	for (unsigned int k = 0; k < UNPACKERS_MAX; k++) {
		(void)snprintf(name, sizeof(name), SPOOL_MEMBERS, k);
		is_left |= is_left_behind(i, name);
	}
	is_left |= is_left_behind(i, SPOOL_EVIDENCE);
	if (is_left || unlinkat(i->spool_fd, "docket.sqlite", 0) < 0)
		log_warning("job=%s: the spool was not emptied; the next start does it", i->transfer);
}

void inspection_done(struct inspection *i)
{
	struct inspection_medium *m = &i->medium;

	unpackers_free(i->unpackers);
	remembering_free(i->remembering);
	pool_free(i->pool);
	process_kill(&i->intake);
	(void)process_end(&i->publish); /* what it had to do has been answered */
	(void)process_end(&i->vault);
	docket_free(i->docket);
	free(m->vendor);
	free(m->model);
	free(m->serial);
	for (size_t k = 0; k < m->volume_count; k++)
		volume_done(&m->volumes[k]);
	if (i->spool_fd >= 0 && !i->is_report_kept)
		keep_note(i);
	else if (i->spool_fd >= 0 && dir_remove_tree(i->supervisor->spool_fd, i->transfer) < 0)
		log_warning("job=%s: the spool was not removed: %s; the next start does it", i->transfer, strerror(errno));
	close_p(&i->spool_fd);
	free(i->asked);
	free(i);
}

struct inspection *inspection_new(struct supervisor *s, const struct inspection_request *request)
{
	struct inspection *i = calloc(1, sizeof(*i));

	if (!i)
		return NULL;
	i->supervisor = s;
	i->request = request;
	i->spool_fd = -EBADF;
	i->next_id = 1; /* 0 is no entry */
	i->patience = supervisor_patience(s, s->config->limits.inspection_time_s);
	i->medium.vendor = strdup("");
	i->medium.model = strdup("");
	i->medium.serial = strdup("");
	(void)snprintf(i->medium.kind, sizeof(i->medium.kind), "image"); /* until the source has been looked at */
	return i;
}

enum inspection_status inspection_run(struct supervisor *s, const struct inspection_request *request)
{
	struct inspection *i = inspection_new(s, request);
	enum inspection_status status = INSPECTION_INCOMPLETE;
	int r, opened;

	if (!i)
		return status;
	r = name_transfer(i);
	if (r == 0) {
		engine_tell_age(s);
		/* first: what is in the trail as started has a note from which to end it; and what anybody was told of is in the trail */
		opened = open_spool(i);
		r = audit_started(i);
		events_send(s->events, "started", json_pack("{s:s}", "transfer", i->transfer));
		if (r == 0)
			r = opened;
		if (r == 0)
			r = run_stages(i);
		if (r == -ECANCELED && (r = inspection_interrupted(i)) != -ECANCELED)
			inspection_trouble(i, "reading", r, NULL);
		/* Also after an abort: every file that was seen gets a verdict and a reason. */
		i->is_aborted = r < 0;
		inspection_progress(i, "judging", true);
		if (i->docket && inspection_judge(i) < 0 && r == 0)
			r = -EIO;
		if (r == 0 && s->config->awaits_set_up)
			inspection_answer(i);
		else if (r == 0)
			inspection_offer(i); /* before what is published leaves the spool */
		status = inspection_conclude(i, r); /* without a spool, too: what began has a report */
		if (status != INSPECTION_INCOMPLETE)
			remember_keep(i);
	}
	inspection_done(i);
	return status;
}

/* -- explaining ------------------------------------------------------------------------------------------------- */

/* spool/TRANSFER/explain/ holds the file and what may vouch for it, and is the medium. */
static int stage_file(struct inspection *i, const char *file, const char *root)
{
	_cleanup_free_ char *what = NULL;
	_cleanup_close_ int fd = -EBADF;
	int r = dir_open_make(i->spool_fd, "explain", 0700, &fd);

	if (r == 0)
		r = explain_stage(fd, file, root, &what);
	if (r < 0)
		inspection_trouble(i, what ? what : file, r,
				   r == -EINVAL ? "not a regular file, or not beneath the directory given with --root" :
				   r == -EFBIG	? "too much lies beneath the directory given with --root; give a smaller one" :
						  NULL);
	else
		i->asked = TAKE_PTR(what);
	return r;
}

/* `is_staged`: private copies of `file`; otherwise it is a directory of ours, and the medium as it is. */
static enum inspection_status look(struct supervisor *s, const char *file, const char *root, bool is_staged, const char *reason)
{
	struct inspection_request request = { .source = "", .operator_name = "", .owner = "", .ticket = "", .reason = reason, .is_explaining = true };
	struct inspection *i = inspection_new(s, &request);
	_cleanup_free_ char *source = NULL;
	bool has_begun;
	int r;

	if (!i)
		return INSPECTION_INCOMPLETE;
	i->is_report_kept = true; /* there is none to keep */
	r = name_transfer(i);
	if (r == 0 && is_staged && asprintf(&source, "%s/%s/explain", s->config->spool_dir, i->transfer) < 0)
		r = -ENOMEM;
	if (r == 0) {
		request.source = file;
		r = audit_started(i);
	}
	has_begun = r == 0;
	if (r == 0)
		r = open_spool(i);
	if (r == 0 && is_staged)
		r = stage_file(i, file, root);
	request.source = is_staged ? source : file;
	if (r == 0)
		r = run_stages(i);
	if (r == 0)
		r = inspection_judge(i);
	request.source = file;
	if (has_begun) {
		json_t *body = json_pack("{s:s,s:s+}", "transfer", i->transfer, "why", "looked at for lazaret ", reason);
		char hash[65];
		uint64_t seq;

		if (!body || supervisor_audit(s, "explained", body, &seq, hash) < 0)
			r = r < 0 ? r : -EIO;
		json_decref(body);
	}
	inspection_done(i);
	return r < 0 ? INSPECTION_INCOMPLETE : INSPECTION_ALL_APPROVED;
}

enum inspection_status inspection_explain(struct supervisor *s, const char *file, const char *root)
{
	return look(s, file, root, true, "rules explain");
}

enum inspection_status inspection_try(struct supervisor *s, const char *directory)
{
	return look(s, directory, NULL, false, "update");
}
