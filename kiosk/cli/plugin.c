/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* `lazaret plugin check`: the conformance test for plug-ins (docs/plugins.md). The plug-in runs as it does in a station: started
 * by lazaret-plugin, in its sandbox, a process for each file; what it answers is told in TAP.
 */
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "cli/cli.h"
#include "cli/records.h"
#include "common/fd.h"
#include "common/finding.h"
#include "common/hash.h"
#include "common/log.h"
#include "common/text.h"
#include "ipc/channel.h"
#include "sandbox/spawn.h"

#define TIME_S 30	    /* a file, unless --time says otherwise */
#define START_MS 60000
#define GRACE_MS 10000
#define LARGE_BYTES (256u << 20)

static const char usage_text[] = "usage: lazaret plugin check [--time SECONDS] PROGRAM\n";

struct specimen {
	const char *what;
	const char *name; /* raw */
	const char *data; /* NULL: zeros */
	size_t size;
	const char *types[3];
	const char *container;
};

#define TEXT(s) s, sizeof(s) - 1

static const struct specimen specimens[] = {
	{ "a text", "letter.txt", TEXT("Dear reader,\nall is well.\n"), { "text/plain" }, "" },
	{ "the same text again", "letter.txt", TEXT("Dear reader,\nall is well.\n"), { "text/plain" }, "" },
	{ "an empty file", "empty", TEXT(""), { "inode/x-empty" }, "" },
	{ "a file of unknown type", "unknown", TEXT("\x01\x02\x03\xff\xfe"), { NULL }, "" },
	{ "two types at once", "picture.png", TEXT("\x89PNG\r\n\x1a\nPK\x05\x06"), { "image/png", "application/zip" }, "" },
	{ "a member of an archive", "dir/letter.txt", TEXT("hello\n"), { "text/plain" }, "application/zip" },
	{ "a name that is no UTF-8, with quotes and controls", "a\"\\\n\x1b\xff'$(x)", TEXT("hello\n"), { "text/plain" }, "" },
	{ "text that is no UTF-8", "latin1.txt", TEXT("caf\xe9\n"), { "text/plain" }, "" },
	{ "a program that is none", "tool", TEXT("\x7f" "ELF\x02\x01\x01"), { "application/x-executable" }, "" },
	{ "256 MiB of zeros", "large.bin", NULL, LARGE_BYTES, { "application/octet-stream" }, "" },
};

struct checking {
	struct channel channel;
	pid_t pid;
	uint64_t time_ms;
	unsigned int count, failed;
};

static int receive(struct channel *c, int64_t timeout_ms, struct message *m)
{
	struct pollfd p = { .fd = c->fd, .events = POLLIN };
	int n = poll(&p, 1, (int)MIN(timeout_ms, (int64_t)INT_MAX));

	return n < 0 ? -errno : n == 0 ? -ETIMEDOUT : channel_receive(c, m, false);
}

static void tell(struct checking *k, bool is_good, const char *what, const char *why)
{
	_cleanup_free_ char *clean = text_escape(why, strlen(why));

	k->count++;
	k->failed += !is_good;
	(void)printf("%sok %u - %s\n", is_good ? "" : "not ", k->count, what);
	if (clean && *clean)
		(void)printf("#   %s\n", clean);
}

/* -- start -------------------------------------------------------------------------------------------------------------- */

static int digest(const char *path, char ret[static SHA256_HEX_LEN + 1])
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	uint8_t sum[SHA256_LEN];
	int r = fd < 0 ? -errno : sha256_fd(fd, sum, NULL);

	if (r == 0)
		hex_encode(sum, sizeof(sum), ret);
	return r;
}

static int send_start(struct checking *k, const char *program, const char *hex)
{
	_cleanup_free_ struct encoder *e = malloc(sizeof(*e));

	if (!e)
		return -ENOMEM;
	encoder_init(e);
	encode_str(e, "check");
	encode_str(e, program);
	encode_str(e, hex);
	encode_u64(e, k->time_ms);
	return channel_send(&k->channel, MESSAGE_PLUGIN_START, e, NULL, 0);
}

static int expect(struct channel *c, enum message_type type, struct message *m)
{
	_cleanup_free_ char *why = NULL;
	struct pollfd p = { .fd = c->fd, .events = POLLIN };
	int n = poll(&p, 1, START_MS);
	int r = n < 0 ? -errno : n == 0 ? -ETIMEDOUT : channel_expect(c, type, m, &why);

	if (r < 0 && why)
		log_error("%s", why);
	return r;
}

static int start(struct checking *k, const char *program)
{
	_cleanup_free_ struct message *m = malloc(sizeof(*m));
	char hex[SHA256_HEX_LEN + 1];
	int pair[2], r = m ? digest(program, hex) : -ENOMEM;

	if (r < 0)
		return r;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	r = role_spawn(ROLE_PLUGIN, pair[1], &k->pid);
	close_p(&pair[1]);
	channel_init(&k->channel, pair[0], true, CHANNEL_FORKSERVER);
	if (r == 0)
		r = send_start(k, program, hex);
	if (r == 0)
		r = expect(&k->channel, MESSAGE_EXAMINE_ENGINES, m);
	if (r == 0) {
		message_done(m);
		r = expect(&k->channel, MESSAGE_READY, m);
	}
	if (r == 0)
		message_done(m);
	return r;
}

static void end(struct checking *k)
{
	channel_done(&k->channel); /* it ends when its supervisor has gone */
	if (k->pid > 0)
		while (waitpid(k->pid, NULL, 0) < 0 && errno == EINTR)
			;
}

/* -- a file --------------------------------------------------------------------------------------------------------------- */

static int make_file(const struct specimen *s, int *ret)
{
	_cleanup_close_ int fd = -EBADF;
	char path[] = "/var/tmp/lazaret-check-XXXXXX";
	_cleanup_close_ int writable = mkostemp(path, O_CLOEXEC);
	int r = writable < 0 ? -errno : s->data ? fd_write_all(writable, s->data, s->size) : 0;

	if (r == 0 && ftruncate(writable, (off_t)s->size) < 0)
		r = -errno;
	if (r == 0) {
		fd = open(path, O_RDONLY | O_CLOEXEC); /* nobody gets a descriptor that could be written to */
		r = fd < 0 ? -errno : 0;
	}
	if (writable >= 0)
		(void)unlink(path); /* of our own making, in a directory where only we may remove it */
	if (r == 0)
		*ret = TAKE_FD(fd);
	return r;
}

static int send_types(struct channel *c, const struct specimen *s, struct encoder *e)
{
	uint32_t n = 0;

	while (n < ARRAY_LEN(s->types) && s->types[n])
		n++;
	encoder_init(e);
	encode_u32(e, n);
	for (uint32_t i = 0; i < n; i++)
		encode_str(e, s->types[i]);
	return channel_send(c, MESSAGE_WORKER_TYPES, e, NULL, 0);
}

static int send_job(struct channel *c, const struct specimen *s)
{
	_cleanup_free_ struct encoder *e = malloc(sizeof(*e));
	_cleanup_close_ int fd = -EBADF;
	uint8_t sum[SHA256_LEN];
	int r = e ? make_file(s, &fd) : -ENOMEM;

	if (r == 0)
		r = sha256_fd(fd, sum, NULL);
	if (r == 0)
		r = send_types(c, s, e);
	if (r < 0)
		return r;
	encoder_init(e);
	encode_u64(e, 1);
	encode_u64(e, s->size);
	encode_bytes(e, sum, sizeof(sum));
	encode_u32(e, CHECK_PLUGINS);
	encode_str(e, s->container);
	encode_bytes(e, s->name, strlen(s->name));
	return channel_send(c, MESSAGE_WORKER_JOB, e, &fd, 1);
}

/* What was said, in one line; a plug-in that could tell has done its check. */
static int take_result(struct message *m, bool *ret_done, char *said, size_t size)
{
	uint32_t count;
	size_t at = 0;

	(void)decode_u64(&m->payload);
	*ret_done = decode_u32(&m->payload) == CHECK_PLUGINS;
	if (decode_u32(&m->payload) != 0 || decode_u32(&m->payload) != 0)
		return -EPROTO;
	count = decode_u32(&m->payload);
	said[0] = '\0';
	for (uint32_t i = 0; i < count && !m->payload.error; i++) {
		uint32_t reason = decode_u32(&m->payload);
		_cleanup_free_ char *detail = decode_str(&m->payload, FINDING_DETAIL_MAX), *member = decode_str(&m->payload, FINDING_MEMBER_MAX);

		if (!detail || !member || reason >= REASON_COUNT_)
			return -EPROTO;
		if (at < size)
			at += (size_t)snprintf(said + at, size - at, "%s%s: %s", at > 0 ? "; " : "", reason_code(reason), detail);
	}
	return decoder_end(&m->payload);
}

static int ask(struct checking *k, const struct specimen *s, bool *ret_done, char *said, size_t size)
{
	_cleanup_free_ struct message *m = malloc(sizeof(*m));
	struct channel worker = { .fd = -EBADF };
	int pid_fd = -EBADF, r = m ? channel_send(&k->channel, MESSAGE_FORKSERVER_SPAWN, NULL, NULL, 0) : -ENOMEM;

	if (r == 0)
		r = expect(&k->channel, MESSAGE_FORKSERVER_SPAWNED, m);
	if (r < 0)
		return r;
	channel_init(&worker, TAKE_FD(m->fds[0]), true, CHANNEL_WORKER);
	pid_fd = TAKE_FD(m->fds[1]);
	message_done(m);
	r = expect(&worker, MESSAGE_READY, m);
	if (r == 0) {
		message_done(m);
		r = send_job(&worker, s);
	}
	if (r == 0)
		r = receive(&worker, (int64_t)k->time_ms + GRACE_MS, m);
	if (r == 0) {
		r = m->type == MESSAGE_WORKER_RESULT ? take_result(m, ret_done, said, size) : -EPROTO;
		message_done(m);
	}
	channel_done(&worker); /* and it ends */
	close_p(&pid_fd);
	return r;
}

static void check_one(struct checking *k, const struct specimen *s, char *ret_said, size_t size)
{
	bool is_done = false;
	int r = ask(k, s, &is_done, ret_said, size);

	if (r < 0)
		(void)snprintf(ret_said, size, "no answer: %s", strerror(-r));
	/* "could-not-tell" is an answer like any other; what is not one is told by lazaret-plugin in words of its own. */
	tell(k, r == 0 && (is_done || strcmp(ret_said, "scan-error: check: could not tell") == 0), s->what, ret_said);
}

static int check(const char *program, uint64_t time_s)
{
	struct checking k = { .time_ms = time_s * 1000 };
	char said[4096], first[4096] = "";
	int r = start(&k, program);

	if (r < 0) {
		log_error("%s: %s", program, strerror(-r));
		end(&k);
		return EXIT_CANNOT;
	}
	for (size_t i = 0; i < ARRAY_LEN(specimens); i++) {
		check_one(&k, &specimens[i], said, sizeof(said));
		if (i == 0)
			memcpy(first, said, sizeof(first));
		if (i == 1)
			tell(&k, strcmp(first, said) == 0, "and it says the same of it", "");
	}
	(void)printf("1..%u\n", k.count);
	end(&k);
	return k.failed > 0 ? 1 : 0;
}

int cmd_plugin(struct cli *cli)
{
	static const struct option options[] = { { "time", required_argument, NULL, 't' }, { NULL, 0, NULL, 0 } };
	_cleanup_free_ char *program = NULL;
	unsigned long time_s = TIME_S;
	char *rest = NULL;
	int c;

	if (cli->argc < 2 || strcmp(cli->argv[1], "check") != 0) {
		(void)fputs(usage_text, stderr); /* nowhere left to complain to */
		return EXIT_USAGE;
	}
	optind = 2;
	while ((c = getopt_long(cli->argc, cli->argv, "", options, NULL)) != -1) {
		if (c == 't')
			time_s = strtoul(optarg, &rest, 10);
		if (c != 't' || !rest || *rest || time_s == 0 || time_s > 86400) {
			(void)fputs(usage_text, stderr);
			return EXIT_USAGE;
		}
	}
	if (optind != cli->argc - 1) {
		(void)fputs(usage_text, stderr);
		return EXIT_USAGE;
	}
	program = realpath(cli->argv[optind], NULL);
	if (!program) {
		log_error("%s: %s", cli->argv[optind], strerror(errno));
		return EXIT_CANNOT;
	}
	return check(program, time_s);
}
