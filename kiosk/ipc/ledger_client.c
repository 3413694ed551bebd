/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "ipc/ledger_client.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

#define END_PATIENCE_MS 10000

/* In the child: only calls that are safe after fork. */
_noreturn_ static void child(const char *executable, int channel_fd)
{
	char *const argv[] = { (char *)executable, NULL };
	int null_fd = open("/dev/null", O_RDWR);

	if (null_fd < 0 || dup2(null_fd, STDIN_FILENO) < 0 || dup2(null_fd, STDOUT_FILENO) < 0)
		_exit(127);
	if (channel_fd == CHANNEL_FD) {
		if (fcntl(channel_fd, F_SETFD, 0) < 0)
			_exit(127);
	} else if (dup2(channel_fd, CHANNEL_FD) < 0) {
		_exit(127);
	}
	if (null_fd > CHANNEL_FD)
		(void)close(null_fd); /* the role closes strays itself, too */
	execv(executable, argv);
	_exit(127);
}

int ledger_spawn(const char *executable, struct channel *channel, pid_t *ret_pid)
{
	int ends[2];
	pid_t pid;

	if (access(executable, X_OK) < 0 || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return -errno;
	pid = fork();
	if (pid == 0)
		child(executable, ends[1]);
	close_p(&ends[1]);
	if (pid < 0) {
		int r = -errno;

		close_p(&ends[0]);
		return r;
	}
	channel_init(channel, ends[0], true, CHANNEL_LEDGER);
	*ret_pid = pid;
	return 0;
}

int ledger_answer_within(struct channel *c, uint64_t seconds)
{
	return channel_answer_within(c, seconds);
}

/* channel_expect(), with words for an answer that does not come: a disk that hangs is seen here first. */
static int expect(struct channel *c, enum message_type type, struct message *m, char **ret_why)
{
	int r = channel_expect(c, type, m, ret_why);

	if (r == -ETIMEDOUT && ret_why && !*ret_why &&
	    asprintf(ret_why, "no answer within limits.answer-time: is the disk of the audit trail in order?") < 0)
		*ret_why = NULL;
	return r;
}

static int send_witness_place(struct channel *c, const char *path, char **ret_why)
{
	const char *slash = strrchr(path, '/');
	_cleanup_free_ char *dir = slash ? strndup(path, slash == path ? 1 : (size_t)(slash - path)) : NULL;
	_cleanup_free_ struct encoder *e = malloc(sizeof(*e));
	_cleanup_close_ int fd = -EBADF;

	if (!dir || !e)
		return -ENOMEM;
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0) {
		int r = -errno;

		if (ret_why && asprintf(ret_why, "the directory of the trail's witness (records.witness): %s: %s", dir, strerror(-r)) < 0)
			*ret_why = NULL;
		return r;
	}
	if (faccessat(fd, ".", W_OK, 0) < 0 && errno == EROFS) { /* its owner is another account: EACCES says nothing */
		if (ret_why && asprintf(ret_why, "the directory of the trail's witness (records.witness), %s, cannot be written here: it is read-only. "
				"Of a service: ReadWritePaths=%s in a drop-in for lazaretd.service and lazaret-roles.service", dir, dir) < 0)
			*ret_why = NULL;
		return -EROFS;
	}
	encoder_init(e);
	encode_str(e, slash + 1);
	return channel_send(c, MESSAGE_LEDGER_KEEP_WITNESS, e, &fd, 1);
}

int ledger_settings(struct channel *c, uint64_t segment_bytes, const char *witness_file, char **ret_why)
{
	_cleanup_free_ struct encoder *e = malloc(sizeof(*e));
	int r;

	if (ret_why)
		*ret_why = NULL;
	if (!e)
		return -ENOMEM;
	encoder_init(e);
	encode_u64(e, segment_bytes);
	r = channel_send(c, MESSAGE_LEDGER_SEGMENT, e, NULL, 0);
	return r == 0 && witness_file ? send_witness_place(c, witness_file, ret_why) : r;
}

int ledger_start(struct channel *c, const char *station, const struct ledger_dirs *dirs, char **ret_sandbox,
		 char **ret_why)
{
	_cleanup_free_ struct message *m = malloc(sizeof(*m));
	_cleanup_free_ struct encoder *e = malloc(sizeof(*e));
	struct ready ready;
	int r;

	if (!m || !e)
		return -ENOMEM;
	encoder_init(e);
	encode_str(e, station);
	r = channel_send(c, MESSAGE_LEDGER_START, e,
			 (const int[]){ dirs->audit_fd, dirs->reports_fd, dirs->key_fd, dirs->history_fd }, 4);
	if (r == 0)
		r = expect(c, MESSAGE_READY, m, ret_why);
	if (r == 0)
		r = channel_take_ready(m, &ready);
	if (r < 0)
		return r == -EPROTONOSUPPORT ? -EPROTO : r;
	if (strcmp(ready.role, "ledger") != 0)
		return -EPROTO;
	if (ret_sandbox) {
		*ret_sandbox = strdup(ready.sandbox);
		return *ret_sandbox ? 0 : -ENOMEM;
	}
	return 0;
}

static int expect_place(struct channel *c, struct message *m, struct ledger_place *ret, char **ret_why)
{
	struct ledger_place place;
	int r = expect(c, MESSAGE_LEDGER_APPENDED, m, ret_why);

	if (r < 0)
		return r;
	place.seq = decode_u64(&m->payload);
	decode_exact(&m->payload, place.hash, sizeof(place.hash));
	r = decoder_end(&m->payload);
	message_done(m);
	if (r == 0 && ret)
		*ret = place;
	return r;
}

int ledger_append(struct channel *c, const char *type, const char *body, struct ledger_place *ret, char **ret_why)
{
	_cleanup_free_ struct message *m = malloc(sizeof(*m));
	_cleanup_free_ struct encoder *e = malloc(sizeof(*e));
	int r;

	if (!m || !e)
		return -ENOMEM;
	encoder_init(e);
	encode_str(e, type);
	encode_str(e, body);
	r = channel_send(c, MESSAGE_LEDGER_APPEND, e, NULL, 0);
	return r < 0 ? r : expect_place(c, m, ret, ret_why);
}

int ledger_lock(struct channel *c, uint64_t wait_s, char ret_previous[static SHA256_HEX_LEN + 1], char **ret_why)
{
	_cleanup_free_ struct message *m = malloc(sizeof(*m));
	const uint64_t answer_s = c->answer_s;
	int r = m ? channel_answer_within(c, wait_s) : -ENOMEM;

	if (r == 0)
		r = channel_send(c, MESSAGE_LEDGER_LOCK, NULL, NULL, 0);
	if (r == 0)
		r = channel_expect(c, MESSAGE_LEDGER_LOCKED, m, ret_why);
	if (r == -ETIMEDOUT && ret_why && !*ret_why && asprintf(ret_why, "another transfer is being published, and does not come to its end") < 0)
		*ret_why = NULL;
	if (r < 0)
		return r;
	r = channel_answer_within(c, answer_s);
	if (r < 0) {
		message_done(m);
		return r;
	}
	decode_str_into(&m->payload, ret_previous, SHA256_HEX_LEN + 1);
	r = decoder_end(&m->payload);
	message_done(m);
	return r;
}

static int send_report(struct channel *c, enum message_type type, const char *transfer, int report_fd)
{
	_cleanup_free_ struct encoder *e = malloc(sizeof(*e));

	if (!e)
		return -ENOMEM;
	encoder_init(e);
	encode_str(e, transfer);
	return channel_send(c, type, e, &report_fd, 1);
}

int ledger_stage(struct channel *c, const char *transfer, int report_fd, char **ret_why)
{
	_cleanup_free_ struct message *m = malloc(sizeof(*m));
	int r = m ? send_report(c, MESSAGE_LEDGER_STAGE, transfer, report_fd) : -ENOMEM;

	if (r == 0)
		r = expect(c, MESSAGE_LEDGER_STAGED, m, ret_why);
	if (r == 0)
		message_done(m);
	return r;
}

int ledger_report(struct channel *c, const char *transfer, int report_fd, struct ledger_place *ret, char **ret_why)
{
	_cleanup_free_ struct message *m = malloc(sizeof(*m));
	int r = m ? send_report(c, MESSAGE_LEDGER_REPORT, transfer, report_fd) : -ENOMEM;

	return r < 0 ? r : expect_place(c, m, ret, ret_why);
}

int ledger_series(struct channel *c, const char *series, const char *key, uint64_t *ret_date, char **ret_why)
{
	_cleanup_free_ struct message *m = malloc(sizeof(*m));
	_cleanup_free_ struct encoder *e = malloc(sizeof(*e));
	int r;

	if (!m || !e)
		return -ENOMEM;
	encoder_init(e);
	encode_str(e, series);
	encode_str(e, key);
	r = channel_send(c, MESSAGE_LEDGER_SERIES, e, NULL, 0);
	if (r == 0)
		r = expect(c, MESSAGE_LEDGER_SERIES_DATE, m, ret_why);
	if (r < 0)
		return r;
	*ret_date = decode_u64(&m->payload);
	r = decoder_end(&m->payload);
	message_done(m);
	return r;
}

static int expect_text(struct channel *c, enum message_type type, size_t size_max, char **ret, char **ret_why)
{
	_cleanup_free_ struct message *m = malloc(sizeof(*m));
	_cleanup_free_ char *text = NULL;
	int r = m ? expect(c, type, m, ret_why) : -ENOMEM;

	if (r < 0)
		return r;
	text = decode_str(&m->payload, size_max);
	r = decoder_end(&m->payload);
	message_done(m);
	if (r == 0)
		*ret = TAKE_PTR(text);
	return r;
}

int ledger_recall(struct channel *c, const uint8_t key[static REMEMBERED_KEY_LEN], int64_t not_before, int fd, struct ledger_recalled *ret,
		  char **ret_why)
{
	_cleanup_free_ struct message *m = malloc(sizeof(*m));
	struct encoder e;
	uint32_t known;
	int r;

	if (!m)
		return -ENOMEM;
	encoder_init(&e);
	encode_bytes(&e, key, REMEMBERED_KEY_LEN);
	encode_u64(&e, (uint64_t)not_before);
	r = channel_send(c, MESSAGE_LEDGER_RECALL, &e, &fd, 1);
	if (r == 0)
		r = expect(c, MESSAGE_LEDGER_RECALLED, m, ret_why);
	if (r < 0)
		return r;
	known = decode_u32(&m->payload);
	ret->known = (enum recall)known;
	ret->size = decode_u64(&m->payload);
	decode_str_into(&m->payload, ret->transfer, sizeof(ret->transfer));
	r = decoder_end(&m->payload);
	message_done(m);
	return r == 0 && (known >= RECALL_COUNT_ || ret->size > REMEMBERED_BODY_MAX) ? -EPROTO : r;
}

static int expect_remembered(struct channel *c, uint64_t *ret_count, char **ret_why)
{
	_cleanup_free_ struct message *m = malloc(sizeof(*m));
	int r = m ? expect(c, MESSAGE_LEDGER_REMEMBERED, m, ret_why) : -ENOMEM;

	if (r < 0)
		return r;
	*ret_count = decode_u64(&m->payload);
	r = decoder_end(&m->payload);
	message_done(m);
	return r;
}

int ledger_remember(struct channel *c, const char *transfer, uint64_t bytes, int64_t not_before, int fd, uint64_t *ret_count, char **ret_why)
{
	struct encoder e;
	int r;

	encoder_init(&e);
	encode_str(&e, transfer);
	encode_u64(&e, bytes);
	encode_u64(&e, (uint64_t)not_before);
	r = channel_send(c, MESSAGE_LEDGER_REMEMBER, &e, &fd, 1);
	return r < 0 ? r : expect_remembered(c, ret_count, ret_why);
}

int ledger_forget(struct channel *c, char **ret_why)
{
	uint64_t count;
	int r = channel_send(c, MESSAGE_LEDGER_FORGET, NULL, NULL, 0);

	return r < 0 ? r : expect_remembered(c, &count, ret_why);
}

int ledger_witness(struct channel *c, char **ret_text, char **ret_why)
{
	int r = channel_send(c, MESSAGE_LEDGER_WITNESS, NULL, NULL, 0);

	return r < 0 ? r : expect_text(c, MESSAGE_LEDGER_WITNESSED, 4000, ret_text, ret_why);
}

int ledger_sign(struct channel *c, int index_fd, const char *range, char **ret_text, char **ret_why)
{
	_cleanup_free_ struct encoder *e = malloc(sizeof(*e));
	int r;

	if (!e)
		return -ENOMEM;
	encoder_init(e);
	encode_str(e, range);
	r = channel_send(c, MESSAGE_LEDGER_SIGN, e, &index_fd, 1);
	return r < 0 ? r : expect_text(c, MESSAGE_LEDGER_SIGNED, 16000, ret_text, ret_why);
}

int ledger_end(struct channel *c, pid_t pid)
{
	bool is_owing = c->state == STATE_BUSY || c->state == STATE_BOOT; /* it was given up */
	int status, sent = 0;
	pid_t r;

	if (c->fd >= 0 && !is_owing)
		sent = channel_send(c, MESSAGE_END, NULL, NULL, 0);
	(void)sent; /* closing says the same, and the exit status tells */
	channel_done(c);
	if (is_owing)
		(void)kill(pid, SIGKILL);
	for (int waited_ms = 0; (r = waitpid(pid, &status, WNOHANG)) <= 0; waited_ms += 5) {
		if (r < 0 && errno != EINTR)
			return -errno;
		if (waited_ms == END_PATIENCE_MS)
			(void)kill(pid, SIGKILL); /* it owes nothing any more */
		if (waited_ms >= 2 * END_PATIENCE_MS)
			return -ETIMEDOUT; /* it sleeps in the kernel, which waits for the disk; we do not */
		(void)poll(NULL, 0, 5);
	}
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -EIO;
}
