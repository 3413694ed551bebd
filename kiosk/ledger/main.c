/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* lazaret-ledger: the one writer of the audit trail, the kept reports and the history; holds the audit key.
 * Started by the supervisor, or by `lazaret` when an officer changes keys. It believes what the supervisor tells
 * and sees no byte of a medium but through reports. When the trail cannot be written it says FAILED, and
 * transfers stop (invariant 6).
 *
 * Two locks: AUDITDIR/lock for the length of one append, AUDITDIR/report.lock from LEDGER_LOCK to LEDGER_REPORT, so
 * that reports form one line. The second is never waited for under the first, hence no deadlock.
 */
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pwd.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "common/log.h"
#include "ipc/channel.h"
#include "ledger/decisions.h"
#include "ledger/limits.h"
#include "ledger/remembered.h"
#include "ledger/reports.h"
#include "ledger/series.h"
#include "sandbox/sandbox.h"

#define REPORT_LOCK_FILE "report.lock"

enum directory {
	AUDIT,
	REPORTS,
	HISTORY,
	DIRECTORY_COUNT_,
	WITNESS = DIRECTORY_COUNT_, /* may be none, and is nobody's to be given away */
	DIRECTORIES_
};

struct ledger {
	struct channel channel;
	int dirs[DIRECTORIES_];
	struct minisign_secret *key;
	char *station, *witness_name;
	char boot_id[64];
	uint64_t segment_bytes;
	struct trail *trail;
	struct history *history; /* NULL: not usable; the trail goes on without */
	struct series *series;
	struct decisions *decisions;
	struct remembered *remembered;
	int report_lock_fd;
	bool has_report_lock;
	char previous[SHA256_HEX_LEN + 1];
	bool is_ending;
};

static int fail(struct ledger *l, int error, const char *where, const char *why)
{
	return channel_fail(&l->channel, error, where, "%s%s%s", why ? why : "", why ? ": " : "", strerror(-error));
}

static int answer_place(struct ledger *l, const struct trail_place *place)
{
	struct encoder e;

	encoder_init(&e);
	encode_u64(&e, place->seq);
	encode_bytes(&e, place->hash, sizeof(place->hash));
	return channel_send(&l->channel, MESSAGE_LEDGER_APPENDED, &e, NULL, 0);
}

/* An answer that lists. */
struct listing {
	struct encoder *e; /* borrowed */
	uint32_t count;
};

/* A full file of the trail is closed where nothing is set aside in it: under the report lock. */
static void rotate(struct ledger *l)
{
	const char *why = NULL;
	bool is_ours = l->has_report_lock;
	int r;

	if (!is_ours && flock(l->report_lock_fd, LOCK_EX | LOCK_NB) < 0)
		return; /* somebody publishes; a later record does it */
	r = trail_rotate(l->trail, &why);
	if (!is_ours)
		(void)flock(l->report_lock_fd, LOCK_UN); /* closing the descriptor would do it as well */
	if (r < 0)
		log_warning("audit trail err=%s: it goes on in the same file: %s", errno_name(r), why ? why : strerror(-r));
}

/* -- requests --------------------------------------------------------------------------------------------- */

static bool is_own_type(const char *type)
{
	static const char *const own[] = { CHAIN_TYPE_GENESIS, CHAIN_TYPE_TORN, CHAIN_TYPE_REPORT, CHAIN_TYPE_SEGMENT, CHAIN_TYPE_CLOCK };

	for (size_t i = 0; i < ARRAY_LEN(own); i++)
		if (strcmp(type, own[i]) == 0)
			return true;
	return false;
}

static int on_append(struct ledger *l, struct message *m)
{
	_cleanup_free_ char *type = decode_str(&m->payload, CHAIN_TYPE_MAX);
	_cleanup_free_ char *body_text = decode_str(&m->payload, BODY_MAX);
	struct trail_place place;
	const char *why = NULL;
	json_t *body = NULL;
	int r = decoder_end(&m->payload);

	if (r < 0)
		return r;
	if (!chain_type_valid(type) || is_own_type(type))
		return fail(l, -EINVAL, "record", "not a type that can be asked for");
	r = chain_body_parse(body_text, strlen(body_text), &body, &why);
	if (r == 0)
		r = decisions_is_type(type) ? decisions_append(l->decisions, type, body, &place, &why) :
		    strcmp(type, HISTORY_TYPE_SERIES) == 0 ? series_append(l->series, body, &place, &why) :
							     trail_append(l->trail, type, body, &place, &why);
	json_decref(body);
	if (r < 0)
		return fail(l, r, "audit trail", why);
	rotate(l);
	return answer_place(l, &place);
}

/* Wait for the report lock, but also for the supervisor: what it says now (END) is taken up by the main loop.
 * 1: got it; 0: the supervisor has something to say, or has gone. */
static int wait_report_lock(struct ledger *l)
{
	for (int waited_ms = 0; flock(l->report_lock_fd, LOCK_EX | LOCK_NB) < 0; waited_ms += LOCK_POLL_MS) {
		struct pollfd polled = { .fd = l->channel.fd, .events = POLLIN };

		if (errno != EWOULDBLOCK && errno != EINTR)
			return -errno;
		if (waited_ms >= REPORT_LOCK_MS)
			return -ETIMEDOUT;
		if (poll(&polled, 1, LOCK_POLL_MS) > 0)
			return 0;
	}
	return 1;
}

static int on_lock(struct ledger *l, struct message *m)
{
	struct encoder e;
	int r = decoder_end(&m->payload);

	if (r < 0)
		return r;
	r = l->has_report_lock ? 1 : wait_report_lock(l);
	if (r == 0)
		return 0;
	if (r < 0)
		return fail(l, r, "report lock", NULL);
	l->has_report_lock = true;
	rotate(l);
	r = trail_last_report(l->trail, l->previous);
	if (r < 0)
		return fail(l, r, "audit trail", "the last report's record cannot be found");
	encoder_init(&e);
	encode_str(&e, l->previous);
	return channel_send(&l->channel, MESSAGE_LEDGER_LOCKED, &e, NULL, 0);
}

static int on_stage(struct ledger *l, struct message *m)
{
	_cleanup_free_ char *transfer = decode_str(&m->payload, 128);
	int r = decoder_end(&m->payload);

	if (r < 0)
		return r;
	if (!l->has_report_lock)
		return fail(l, -EPERM, "report", "the report lock is not held");
	r = trail_witness_keep(l->trail);
	if (r < 0) /* a witness that is left behind would not notice a cut */
		return fail(l, r, "witness", "the trail's witness (records.witness) cannot be written");
	r = reports_stage(l->dirs[REPORTS], transfer, m->fds[0]);
	if (r < 0)
		return fail(l, r, "report", NULL);
	r = trail_reserve(l->trail, RESERVE_BYTES);
	return r < 0 ? fail(l, r, "audit trail", NULL) : channel_send(&l->channel, MESSAGE_LEDGER_STAGED, NULL, NULL, 0);
}

static int on_report(struct ledger *l, struct message *m)
{
	_cleanup_free_ char *transfer = decode_str(&m->payload, 128);
	struct trail_place place;
	const char *why = NULL;
	int r = decoder_end(&m->payload), e;

	if (r < 0)
		return r;
	if (!l->has_report_lock)
		return fail(l, -EPERM, "report", "the report lock is not held");
	r = reports_keep(l->dirs[REPORTS], transfer, m->fds[0], l->previous, l->trail, l->history, &place, &why);
	if (r < 0 && r != -EEXIST) /* the lock stays: another report may follow, that of the failure */
		return fail(l, r, "report", why);
	e = trail_witness_keep(l->trail);
	if (e < 0)
		log_warning("witness err=%s: it still tells of an earlier record; nothing is published before it can be written", errno_name(e));
	l->has_report_lock = false; /* -EEXIST: it was recorded before, there is nothing left to follow */
	(void)flock(l->report_lock_fd, LOCK_UN); /* closing the descriptor would do it as well */
	return r < 0 ? fail(l, r, "report", why) : answer_place(l, &place);
}

static int on_series(struct ledger *l, struct message *m)
{
	_cleanup_free_ char *series = decode_str(&m->payload, SERIES_MAX);
	_cleanup_free_ char *key = decode_str(&m->payload, KEY_NAME_MAX);
	const char *why = NULL;
	struct encoder e;
	uint64_t date;
	int r = decoder_end(&m->payload);

	if (r < 0)
		return r;
	r = series_date(l->series, series, key, &date, &why);
	if (r < 0)
		return fail(l, r, "series", why);
	encoder_init(&e);
	encode_u64(&e, date);
	return channel_send(&l->channel, MESSAGE_LEDGER_SERIES_DATE, &e, NULL, 0);
}

/* As many as there is room for: what does not fit is asked for next. */
static bool has_room(const struct encoder *e, size_t more)
{
	return e->size + more + 64 <= LIST_MAX;
}

static int encode_decision(void *context, const struct history_decision *x)
{
	struct listing *list = context;

	if (!has_room(list->e, SHA256_LEN + strlen(x->id) + strlen(x->by) + strlen(x->second) + strlen(x->reason)))
		return 1;
	encode_bytes(list->e, x->sha256, SHA256_LEN);
	encode_u32(list->e, x->decision);
	encode_str(list->e, x->id);
	encode_u64(list->e, (uint64_t)x->until);
	encode_u64(list->e, (uint64_t)x->at);
	encode_str(list->e, x->by);
	encode_str(list->e, x->second);
	encode_str(list->e, x->reason);
	list->count++;
	return 0;
}

static int encode_proposal(void *context, const struct history_proposal *p)
{
	struct listing *list = context;

	if (!has_room(list->e, strlen(p->body)))
		return 1;
	encode_str(list->e, p->body);
	encode_u64(list->e, p->seq);
	encode_str(list->e, p->closed);
	list->count++;
	return 0;
}

static int send_list(struct ledger *l, enum message_type type, struct listing *list, size_t place, int r, const char *why)
{
	if (r < 0)
		return fail(l, r, "decisions", why);
	encode_patch_u32(list->e, place, list->count);
	return channel_send(&l->channel, type, list->e, NULL, 0);
}

static int on_decisions(struct ledger *l, struct message *m)
{
	_cleanup_free_ struct encoder *e = malloc(sizeof(*e));
	struct listing list = { .e = e };
	const char *why = NULL;
	size_t size, place;
	const uint8_t *after = decode_bytes(&m->payload, SHA256_LEN, &size);
	int r = decoder_end(&m->payload);

	if (r < 0 || !e || (size != 0 && size != SHA256_LEN))
		return r < 0 ? r : e ? -EPROTO : -ENOMEM;
	encoder_init(e);
	place = encode_reserve_u32(e);
	r = decisions_each(l->decisions, size ? after : NULL, LISTED_DECISIONS, encode_decision, &list, &why);
	return send_list(l, MESSAGE_LEDGER_DECIDED, &list, place, MIN(r, 0), why);
}

static int on_proposals(struct ledger *l, struct message *m)
{
	_cleanup_free_ struct encoder *e = malloc(sizeof(*e));
	_cleanup_free_ char *id = decode_str(&m->payload, DECISION_ID_LEN);
	struct listing list = { .e = e };
	uint64_t after = decode_u64(&m->payload);
	const char *why = NULL;
	size_t place;
	int r = decoder_end(&m->payload);

	if (r < 0 || !e)
		return r < 0 ? r : -ENOMEM;
	encoder_init(e);
	place = encode_reserve_u32(e);
	r = decisions_proposals(l->decisions, id, after, encode_proposal, &list, &why);
	return send_list(l, MESSAGE_LEDGER_PROPOSED, &list, place, MIN(r, 0), why);
}

static int answer_text(struct ledger *l, enum message_type type, const char *text)
{
	_cleanup_free_ struct encoder *e = malloc(sizeof(*e));

	if (!e)
		return -ENOMEM;
	encoder_init(e);
	encode_str(e, text);
	return channel_send(&l->channel, type, e, NULL, 0);
}

static int on_recall(struct ledger *l, struct message *m)
{
	uint8_t key[REMEMBERED_KEY_LEN];
	char transfer[REMEMBERED_TRANSFER_MAX + 1];
	struct encoder e;
	enum recall known;
	uint64_t size;
	int64_t not_before;
	int r;

	decode_exact(&m->payload, key, sizeof(key));
	not_before = (int64_t)decode_u64(&m->payload);
	r = decoder_end(&m->payload);
	if (r < 0)
		return r;
	r = remembered_recall(l->remembered, key, not_before, m->fds[0], &known, &size, transfer);
	if (r < 0)
		return fail(l, r, "remembered findings", NULL);
	encoder_init(&e);
	encode_u32(&e, known);
	encode_u64(&e, size);
	encode_str(&e, transfer);
	return channel_send(&l->channel, MESSAGE_LEDGER_RECALLED, &e, NULL, 0);
}

static int answer_remembered(struct ledger *l, int r, uint64_t count)
{
	struct encoder e;

	if (r < 0)
		return fail(l, r, "remembered findings", NULL);
	encoder_init(&e);
	encode_u64(&e, count);
	return channel_send(&l->channel, MESSAGE_LEDGER_REMEMBERED, &e, NULL, 0);
}

static int on_remember(struct ledger *l, struct message *m)
{
	_cleanup_free_ char *transfer = decode_str(&m->payload, REMEMBERED_TRANSFER_MAX);
	uint64_t bytes = decode_u64(&m->payload), not_before = decode_u64(&m->payload), count = 0;
	int r = decoder_end(&m->payload);

	if (r < 0)
		return r;
	r = remembered_keep(l->remembered, transfer, bytes, (int64_t)not_before, m->fds[0], &count);
	return answer_remembered(l, r, count);
}

static int on_forget(struct ledger *l, struct message *m)
{
	int r = decoder_end(&m->payload);

	return r < 0 ? r : answer_remembered(l, remembered_forget(l->remembered), 0);
}

static int on_witness(struct ledger *l, struct message *m)
{
	_cleanup_free_ char *text = NULL;
	int r = decoder_end(&m->payload);

	if (r < 0)
		return r;
	r = trail_witness(l->trail, &text);
	return r < 0 ? fail(l, r, "audit trail", NULL) : answer_text(l, MESSAGE_LEDGER_WITNESSED, text);
}

/* The index of an export. The trusted comment begins with words of ours, so that the signature stands for nothing else. */
static int on_sign(struct ledger *l, struct message *m)
{
	_cleanup_free_ char *range = decode_str(&m->payload, 256), *trusted = NULL, *text = NULL;
	int r = decoder_end(&m->payload);

	if (r < 0)
		return r;
	if (asprintf(&trusted, CHAIN_EXPORT_COMMENT "%s %s", l->station, range) < 0)
		return -ENOMEM;
	r = minisign_sign_fd(l->key, m->fds[0], trusted, "index of an export of a Lazaret audit trail", &text);
	return r < 0 ? fail(l, r, "signing the export's index", NULL) : answer_text(l, MESSAGE_LEDGER_SIGNED, text);
}

static int on_end(struct ledger *l, struct message *m)
{
	l->is_ending = true;
	return decoder_end(&m->payload);
}

static const struct {
	enum message_type type;
	int (*handle)(struct ledger *l, struct message *m);
} handlers[] = {
	{ MESSAGE_LEDGER_APPEND, on_append },
	{ MESSAGE_LEDGER_LOCK, on_lock },
	{ MESSAGE_LEDGER_STAGE, on_stage },
	{ MESSAGE_LEDGER_REPORT, on_report },
	{ MESSAGE_LEDGER_SERIES, on_series },
	{ MESSAGE_LEDGER_DECISIONS, on_decisions },
	{ MESSAGE_LEDGER_PROPOSALS, on_proposals },
	{ MESSAGE_LEDGER_RECALL, on_recall },
	{ MESSAGE_LEDGER_REMEMBER, on_remember },
	{ MESSAGE_LEDGER_FORGET, on_forget },
	{ MESSAGE_LEDGER_WITNESS, on_witness },
	{ MESSAGE_LEDGER_SIGN, on_sign },
	{ MESSAGE_END, on_end },
};

static int handle(struct ledger *l, struct message *m)
{
	for (size_t i = 0; i < ARRAY_LEN(handlers); i++)
		if (handlers[i].type == m->type)
			return handlers[i].handle(l, m);
	return -EPROTO;
}

static int serve(struct ledger *l)
{
	int r = 0;

	while (r == 0 && !l->is_ending) {
		struct message m;

		r = channel_receive(&l->channel, &m, false);
		if (r == -ENOTCONN)
			return 0;
		if (r < 0)
			return r;
		r = handle(l, &m);
		message_done(&m);
	}
	return r;
}

/* -- start ------------------------------------------------------------------------------------------------ */

/* Started by root: the directories have to be the account's, which writes after everything else was dropped.
 * Directories alone, and root's alone: what lies in them was made by the account. */
static int hand_over(const struct ledger *l)
{
	const struct passwd *pw = geteuid() == 0 ? getpwnam(role_get(ROLE_LEDGER)->account) : NULL;
	struct stat st;

	if (!pw)
		return 0; /* not root; or no account: sandbox_enter() says so */
	for (size_t i = 0; i < DIRECTORY_COUNT_; i++) {
		if (fstat(l->dirs[i], &st) < 0)
			return -errno;
		if (st.st_uid == 0 && fchown(l->dirs[i], pw->pw_uid, pw->pw_gid) < 0)
			return -errno;
	}
	return 0;
}

/* What may come before LEDGER_START, whose message is then in `m`. */
static int take_settings(struct ledger *l, struct message *m)
{
	int r;

	for (;;) {
		r = channel_receive(&l->channel, m, false);
		if (r < 0 || m->type == MESSAGE_LEDGER_START)
			return r;
		if (m->type == MESSAGE_LEDGER_SEGMENT) {
			l->segment_bytes = decode_u64(&m->payload);
		} else if (m->type == MESSAGE_LEDGER_KEEP_WITNESS && !l->witness_name) {
			l->witness_name = decode_str(&m->payload, NAME_MAX);
			l->dirs[WITNESS] = TAKE_FD(m->fds[0]);
		} else {
			r = -EPROTO;
		}
		if (r >= 0)
			r = decoder_end(&m->payload);
		message_done(m);
		if (r < 0)
			return r;
	}
}

static int take_start(struct ledger *l, const char **ret_where)
{
	_cleanup_close_ int key_fd = -EBADF;
	struct message m;
	int r = take_settings(l, &m);

	*ret_where = "start";
	if (r < 0)
		return r;
	l->station = decode_str(&m.payload, 512);
	r = decoder_end(&m.payload);
	if (r == 0) {
		l->dirs[AUDIT] = TAKE_FD(m.fds[0]);
		l->dirs[REPORTS] = TAKE_FD(m.fds[1]);
		key_fd = TAKE_FD(m.fds[2]);
		l->dirs[HISTORY] = TAKE_FD(m.fds[3]);
	}
	message_done(&m);
	if (r < 0)
		return r;
	*ret_where = "audit key";
	r = minisign_secret_load(key_fd, &l->key);
	if (r < 0)
		return r;
	*ret_where = "key of what is remembered";
	r = remembered_new(l->dirs[HISTORY], l->key, &l->remembered); /* libcrypto's first HMAC, too, while there still is a file system */
	if (r < 0)
		return r;
	*ret_where = "directories";
	return hand_over(l);
}

/* libcrypto fetches its algorithms, and would look for its configuration, on first use: do that while there
 * still is a file system. */
static int warm_up(const struct ledger *l)
{
	uint8_t sig[MINISIGN_SIG_LEN], sum[SHA256_LEN];
	int r = sha256("", 0, sum);

	if (r == 0)
		r = minisign_raw_sign(l->key, sum, sizeof(sum), sig);
	return r < 0 ? r : minisign_raw_verify(minisign_secret_public(l->key), sum, sizeof(sum), sig);
}

/* Of this boot: whether the clock was set shows within one alone. Asked while there still is a file system. */
static void read_boot_id(struct ledger *l)
{
	_cleanup_close_ int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, l->boot_id, sizeof(l->boot_id) - 1);

	l->boot_id[n > 0 ? n : 0] = '\0';
	l->boot_id[strcspn(l->boot_id, "\n")] = '\0';
	if (!l->boot_id[0])
		log_warning("boot_id err=%s: steps of the clock within this boot are not recorded", errno_name(errno));
}

static int open_records(struct ledger *l, const char **ret_why)
{
	const struct trail_options options = { l->segment_bytes, l->dirs[WITNESS], l->witness_name, l->boot_id[0] ? l->boot_id : NULL };
	int r = reports_any(l->dirs[REPORTS]);

	if (r < 0)
		return r;
	r = trail_open_with(l->dirs[AUDIT], l->key, l->station, r > 0, &options, &l->trail, ret_why);
	if (r < 0)
		return r;
	l->report_lock_fd = openat(l->dirs[AUDIT], REPORT_LOCK_FILE, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
	if (l->report_lock_fd < 0)
		return -errno;
	r = history_open_at(l->dirs[HISTORY], &l->history);
	if (r < 0) /* an index: the trail does not stop for it */
		log_warning("history err=%s: goes on without the index (`lazaret history --rebuild`)", errno_name(r));
	r = series_new(l->trail, l->history, &l->series);
	return r < 0 ? r : decisions_new(l->dirs[AUDIT], l->trail, l->history, &l->decisions);
}

static int start(struct ledger *l, const char **ret_where, const char **ret_why)
{
	const char *sandbox = sandbox_describe(); /* asks the kernel, which is no longer allowed inside */
	int r = take_start(l, ret_where);

	if (r < 0)
		return r;
	*ret_where = "libcrypto";
	r = warm_up(l);
	if (r < 0)
		return r;
	read_boot_id(l);
	r = sandbox_enter(ROLE_LEDGER, l->dirs, l->witness_name ? DIRECTORIES_ : DIRECTORY_COUNT_, ret_where);
	if (r < 0)
		return r;
	*ret_where = "audit trail";
	r = open_records(l, ret_why);
	if (r < 0)
		return r;
	*ret_where = "ready";
	return channel_ready(&l->channel, "ledger", sandbox);
}

int main(void)
{
	struct ledger l = { .dirs = { -EBADF, -EBADF, -EBADF, -EBADF }, .report_lock_fd = -EBADF };
	const char *where = "start", *why = NULL;
	int r;

	log_open("lazaret-ledger");
	channel_init(&l.channel, CHANNEL_FD, false, CHANNEL_LEDGER);
	r = start(&l, &where, &why);
	if (r < 0) {
		(void)fail(&l, r, where, why); /* the exit status says it, too */
		return EXIT_FAILURE;
	}
	r = serve(&l);
	if (r < 0)
		log_error("err=%s: %s", errno_name(r), strerror(-r));
	series_free(l.series);
	decisions_free(l.decisions);
	remembered_free(l.remembered);
	history_free(l.history);
	trail_free(l.trail);
	minisign_secret_free(l.key);
	free(l.station);
	free(l.witness_name);
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
