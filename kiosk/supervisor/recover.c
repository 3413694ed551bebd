/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "supervisor/recover.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>

#include "common/fd.h"
#include "common/log.h"
#include "common/report.h"
#include "common/text.h"
#include "ipc/ledger_client.h"
#include "supervisor/held.h"
#include "supervisor/report.h"

#define NOTE_FILE "inspection.json"
#define PUBLISHER_FILE "publisher"
#define PUBLISHER_SECONDS 60
#define NOTE_MAX (64u << 10)
#define UNSTARTED_SECONDS 60
#define STOPPED "the station stopped during the inspection"

int recover_note(struct inspection *i)
{
	_cleanup_free_ char *operator_name = text_escape(i->request->operator_name, strlen(i->request->operator_name));
	_cleanup_free_ char *reason = text_escape(i->request->reason, strlen(i->request->reason));
	_cleanup_free_ char *owner = text_escape(i->request->owner, strlen(i->request->owner));
	_cleanup_free_ char *ticket = text_escape(i->request->ticket, strlen(i->request->ticket));
	json_t *note = operator_name && reason && owner && ticket ?
			       json_pack("{s:s,s:I,s:s,s:s,s:s,s:s,s:O*}", "transfer", i->transfer, "started", (json_int_t)i->started, "operator",
					 operator_name, "reason", reason, "owner", owner, "ticket", ticket, "release",
					 i->release) :
			       NULL;
	_cleanup_free_ char *text = note ? json_dumps(note, JSON_COMPACT | JSON_SORT_KEYS) : NULL;

	json_decref(note);
	return text ? file_replace(i->spool_fd, NOTE_FILE, text, strlen(text), 0600) : -ENOMEM;
}

int recover_lock_publisher(struct inspection *i)
{
	_cleanup_close_ int fd = openat(i->spool_fd, PUBLISHER_FILE, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0)
		return -errno;
	return TAKE_FD(fd);
}

/* Seen: the daemon was killed while its publisher synced, the next inspection recorded the transfer as aborted, and then it
 * appeared in staging. */
int recover_wait_publisher(struct supervisor *s, const char *transfer, int dir_fd)
{
	_cleanup_close_ int fd = openat(dir_fd, PUBLISHER_FILE, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	const struct timespec tick = { .tv_nsec = 20 * 1000 * 1000 };
	const int tries = PUBLISHER_SECONDS * 50;

	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	for (int n = 0; flock(fd, LOCK_EX | LOCK_NB) < 0; n++) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return -errno;
		if (n == tries) {
			events_error(s->events, "%s was interrupted, and its publisher (lazaret-publish) still works on it; "
				     "look whether staging answers, then try again", transfer);
			return -EBUSY;
		}
		(void)nanosleep(&tick, NULL);
	}
	return 0;
}

/* The report of an inspection that did not live to write one: what the note says, and no files. */
static int write_aborted_report(struct supervisor *s, const char *transfer, json_t *note, int dir_fd, uint64_t seq,
				const char *hash, const char *previous, int *ret_fd)
{
	struct inspection *i = calloc(1, sizeof(*i));
	struct inspection_request request = { .source = "", .operator_name = "", .reason = "", .owner = "", .ticket = "" };
	const struct report_facts facts = { .outcome = "aborted", .finished = time(NULL), .previous = previous,
					    .audit_seq = seq, .audit_hash = hash, .why = STOPPED };
	int fd = openat(dir_fd, "aborted.json", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	int r = fd < 0 ? -errno : i ? 0 : -ENOMEM;

	if (r == 0) {
		const char *operator_name = json_string_value(json_object_get(note, "operator"));
		const char *reason = json_string_value(json_object_get(note, "reason"));
		const char *owner = json_string_value(json_object_get(note, "owner"));
		const char *ticket = json_string_value(json_object_get(note, "ticket"));

		request.operator_name = operator_name ? operator_name : "";
		request.reason = reason ? reason : "";
		request.owner = owner ? owner : "";
		request.ticket = ticket ? ticket : "";
		i->supervisor = s;
		i->request = &request;
		i->started = (int64_t)json_integer_value(json_object_get(note, "started"));
		i->started = i->started > 0 ? i->started : facts.finished;
		(void)snprintf(i->transfer, sizeof(i->transfer), "%s", transfer);
		(void)snprintf(i->medium.kind, sizeof(i->medium.kind), "image");
		i->medium.vendor = i->medium.model = i->medium.serial = (char *)"";
		i->release = json_object_get(note, "release");
		r = report_write(i, &facts, fd);
	}
	free(i);
	if (r == 0)
		*ret_fd = TAKE_FD(fd);
	close_p(&fd);
	return r;
}

static bool is_beneath(int dir_fd, const char *name)
{
	struct stat st;

	return fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

static int keep(struct supervisor *s, const char *transfer, int report_fd)
{
	_cleanup_free_ char *why = NULL;
	struct ledger_place place;
	int r = ledger_report(&s->ledger.channel, transfer, report_fd, &place, &why);

	if (r < 0)
		events_error(s->events, "keeping the report of %s: %s", transfer, why ? why : strerror(-r));
	return r;
}

/* Published before the cut: the manifest in staging is the report. */
static int recover_published(struct supervisor *s, const char *transfer)
{
	char path[128], previous[SHA256_HEX_LEN + 1], hash[65];
	_cleanup_close_ int fd = -EBADF;
	json_t *body = json_pack("{s:s,s:b}", "transfer", transfer, "recovered", true);
	uint64_t seq;
	int r;

	(void)snprintf(path, sizeof(path), "%s/manifest.json", transfer);
	fd = openat(s->staging_fd, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	r = fd < 0 ? -errno : body ? 0 : -ENOMEM;
	if (r == 0)
		r = ledger_lock(&s->ledger.channel, s->config->limits.inspection_time_s, previous, NULL);
	if (r == 0)
		r = supervisor_audit(s, "published", body, &seq, hash);
	json_decref(body);
	return r == 0 ? keep(s, transfer, fd) : r;
}

static int recover_aborted(struct supervisor *s, const char *transfer, json_t *note, int dir_fd)
{
	char previous[SHA256_HEX_LEN + 1], hash[65];
	_cleanup_close_ int fd = -EBADF;
	json_t *proposal = json_object_get(json_object_get(note, "release"), "proposal");
	json_t *body = json_pack("{s:s,s:s,s:O*}", "transfer", transfer, "why", proposal ? "the station stopped during the release" : STOPPED,
				 "proposal", proposal);
	uint64_t seq;
	int r = body ? ledger_lock(&s->ledger.channel, s->config->limits.inspection_time_s, previous, NULL) : -ENOMEM;

	if (r == 0)
		r = supervisor_audit(s, "aborted", body, &seq, hash);
	json_decref(body);
	if (r == 0) {
		r = write_aborted_report(s, transfer, note, dir_fd, seq, hash, previous, &fd);
		if (r < 0)
			events_error(s->events, "writing the report of %s: %s", transfer, strerror(-r));
	}
	return r == 0 ? keep(s, transfer, fd) : r;
}

/* The file is there: it may have been cut off from its record. The ledger knows (-EEXIST), and then only the spool was
 * left. Either way it lets go of the lock. */
static int recover_kept(struct supervisor *s, const char *transfer, const char *report)
{
	_cleanup_close_ int fd = openat(s->reports_fd, report, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	_cleanup_free_ char *why = NULL;
	struct ledger_place place;
	int r = fd < 0 ? -errno : ledger_report(&s->ledger.channel, transfer, fd, &place, &why);

	if (r == -EEXIST)
		return 0;
	if (r < 0)
		events_error(s->events, "recording the report of %s: %s", transfer, why ? why : strerror(-r));
	return r;
}

static bool is_alive(int spool_fd)
{
	if (flock(spool_fd, LOCK_EX | LOCK_NB) < 0)
		return true; /* somebody works in it */
	(void)flock(spool_fd, LOCK_UN); /* closing would do it as well */
	return false;
}

/* Without a note nothing was told of it, and whoever makes it may still be about to lock it. */
static int remove_unstarted(struct supervisor *s, const char *transfer, int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0 || st.st_mtim.tv_sec + UNSTARTED_SECONDS > time(NULL))
		return 0;
	return dir_remove_tree(s->spool_fd, transfer);
}

static int recover_locked(struct supervisor *s, const char *transfer, const char *report, int fd)
{
	_cleanup_free_ char *text = NULL;
	bool is_published = is_beneath(s->staging_fd, transfer);
	json_t *note;
	int r;

	if (is_beneath(s->reports_fd, report)) {
		r = recover_kept(s, transfer, report);
		if (r == 0)
			held_settle(s, transfer, true);
		return r;
	}
	events_warning(s->events, "%s was interrupted: %s", transfer,
		       is_published ? "it had been published" : "nothing of it was published");
	if (is_published) {
		r = recover_published(s, transfer);
		if (r == 0)
			held_settle(s, transfer, true);
		return r;
	}
	note = file_read(fd, NOTE_FILE, NOTE_MAX, &text, NULL) == 0 ? json_loads(text, 0, NULL) : NULL;
	held_settle(s, transfer, false); /* first: what is found beside a kept report counts */
	r = recover_aborted(s, transfer, note, fd);
	json_decref(note);
	return r;
}

/* 1: recovered; 0: nothing to do. The ledger's lock comes first: whoever has it and concludes an inspection must see this
 * one, or two reports would follow the same one. */
static int recover_one(struct supervisor *s, const char *transfer)
{
	_cleanup_close_ int fd = openat(s->spool_fd, transfer, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	_cleanup_free_ char *why = NULL;
	char report[128], previous[SHA256_HEX_LEN + 1];
	int r;

	if (fd < 0 || is_alive(fd))
		return 0;
	if (!is_beneath(fd, NOTE_FILE))
		return remove_unstarted(s, transfer, fd);
	(void)snprintf(report, sizeof(report), "%s.json", transfer);
	r = ledger_lock(&s->ledger.channel, s->config->limits.inspection_time_s, previous, &why);
	if (r < 0) {
		events_error(s->events, "%s was interrupted, and cannot be recorded: %s", transfer, why ? why : strerror(-r));
		return r;
	}
	/* Blocks for a moment at most: its owner is dead, and nobody else holds it for longer than is_alive(). */
	if (flock(fd, LOCK_EX) < 0)
		return -errno;
	r = recover_wait_publisher(s, transfer, fd);
	if (r < 0)
		return r; /* the ledger's lock goes with us, or with the inspection that cannot be concluded */
	/* Another supervisor may have done it while we waited: then it is recorded, and the ledger lets go of its lock. */
	if (!is_beneath(fd, NOTE_FILE))
		r = recover_kept(s, transfer, report);
	else
		r = recover_locked(s, transfer, report, fd);
	if (r == 0)
		r = dir_remove_tree(s->spool_fd, transfer);
	return r < 0 ? r : 1;
}

int recover_all(struct supervisor *s)
{
	int fd = openat(s->spool_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_(closedir_p) DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;
	int count = 0;

	if (!dir)
		return -errno;
	while ((errno = 0, entry = readdir(dir))) {
		int r = report_transfer_valid(entry->d_name) && strlen(entry->d_name) == TRANSFER_LEN ?
				recover_one(s, entry->d_name) :
				0;

		if (r < 0)
			return r;
		count += r;
	}
	return errno ? -errno : count;
}
