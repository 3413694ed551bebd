/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Reader, vault and publisher as processes in their sandboxes, this test as their supervisor: from a directory of files
 * to a transfer that sha256sum accepts.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pwd.h>

#include "common/hash.h"
#include "common/minisign.h"
#include "ipc/channel.h"
#include "ipc/stream.h"

#include "../lib/testing.h"

#define NAME "20261122T011500Z-3f9a2c"
#define FILES_MAX 64
#define MIB (1u << 20)

static struct encoder out;
static struct message in;
static char directory[64];
static int top_fd, medium_fd, spool_fd, staging_fd, key_fd;

struct copy {
	uint64_t id, size;
	uint32_t status; /* enum stream_status */
	uint8_t sum[SHA256_LEN];
	int fd; /* -EBADF: dropped */
	char path[256];
	uint32_t kind;
};

struct medium {
	struct copy copies[FILES_MAX];
	size_t count;
	bool is_complete, is_clean;
};

/* The role's account owns its directory when this runs as root. */
static int make_owned(const char *name, const char *account)
{
	int fd;

	assert_int_equal(dir_open_make(top_fd, name, 0755, &fd), 0);
	if (geteuid() == 0) {
		struct passwd *pw = getpwnam(account);

		if (!pw)
			fail_msg("no account %s: run make deps first", account);
		assert_int_equal(fchown(fd, pw->pw_uid, pw->pw_gid), 0);
	}
	return fd;
}

static int make_station(void **state)
{
	struct minisign_public public;

	top_fd = private_directory(directory);
	medium_fd = make_owned("medium", "root");
	spool_fd = make_owned("spool", "_lazaret-vault");
	staging_fd = make_owned("staging", "_lazaret-publish");
	assert_int_equal(minisign_pair_make(top_fd, "manifest", &public), 0);
	key_fd = openat(top_fd, "manifest.key", O_RDONLY | O_CLOEXEC);
	assert_true(key_fd >= 0);
	return 0;
}

static int remove_station(void **state)
{
	(void)close(medium_fd);
	(void)close(spool_fd);
	(void)close(staging_fd);
	(void)close(key_fd);
	remove_private_directory(top_fd, directory);
	return 0;
}

/* READY must name the role, this protocol, and every layer. */
static void expect_ready(struct peer *p, const char *role)
{
	struct ready ready;

	peer_expect(p, MESSAGE_READY, &in);
	assert_int_equal(channel_take_ready(&in, &ready), 0);
	assert_string_equal(ready.role, role);
	assert_non_null(strstr(ready.sandbox, "namespaces+landlock"));
	assert_non_null(strstr(ready.sandbox, "seccomp"));
}

static void start_vault(struct peer *p, uint64_t bytes)
{
	peer_start(p, "lazaret-vault", CHANNEL_VAULT);
	encoder_init(&out);
	encode_u64(&out, bytes);
	encode_u64(&out, FILES_MAX);
	encode_u64(&out, bytes);
	peer_send(p, MESSAGE_VAULT_START, &out, &spool_fd, 1);
	expect_ready(p, "vault");
}

/* Give the vault one end of a stream, return the other. */
static int open_stream(struct peer *vault)
{
	int ends[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	peer_send(vault, MESSAGE_VAULT_STREAM, NULL, &ends[1], 1);
	(void)close(ends[1]);
	return ends[0];
}

static void start_reader(struct peer *p, int stream_fd, uint64_t first_id)
{
	int fds[2] = { medium_fd, stream_fd };

	peer_start(p, "lazaret-reader", CHANNEL_READER);
	encoder_init(&out);
	encode_u32(&out, 0);
	encode_u64(&out, first_id);
	encode_u64(&out, 1000);
	encode_u64(&out, 16 * MIB);
	encode_u32(&out, 64);
	encode_u32(&out, 1);
	peer_send(p, MESSAGE_READER_START, &out, fds, 2);
	(void)close(stream_fd);
	expect_ready(p, "reader");
}

static struct copy *copy_of(struct medium *m, uint64_t id)
{
	for (size_t i = 0; i < m->count; i++)
		if (m->copies[i].id == id)
			return &m->copies[i];
	assert_true(m->count < FILES_MAX);
	m->copies[m->count] = (struct copy){ .id = id, .fd = -EBADF, .status = STREAM_STATUS_COUNT_ };
	return &m->copies[m->count++];
}

static void take_entry(struct medium *m)
{
	struct copy *c = copy_of(m, decode_u64(&in.payload));

	c->kind = decode_u32(&in.payload);
	(void)decode_u64(&in.payload);
	(void)decode_u64(&in.payload);
	decode_str_into(&in.payload, c->path, sizeof(c->path));
}

static void read_to_the_end(struct peer *reader, struct medium *m)
{
	do {
		char detail[256];

		assert_int_equal(channel_receive(&reader->channel, &in, false), 0);
		if (in.type == MESSAGE_READER_ENTRY) {
			take_entry(m);
		} else if (in.type == MESSAGE_READER_TROUBLE) {
			struct copy *c = copy_of(m, decode_u64(&in.payload));

			c->status = decode_u32(&in.payload);
			decode_str_into(&in.payload, detail, sizeof(detail));
		} else if (in.type == MESSAGE_READER_TOTAL) {
			(void)decode_u64(&in.payload);
			(void)decode_u64(&in.payload);
		} else {
			assert_int_equal(in.type, MESSAGE_READER_DONE);
			(void)decode_u64(&in.payload);
			(void)decode_u64(&in.payload);
			m->is_complete = decode_u32(&in.payload) == 1;
			decode_str_into(&in.payload, detail, sizeof(detail));
		}
		assert_int_equal(decoder_end(&in.payload), 0);
		message_done(&in);
	} while (in.type != MESSAGE_READER_DONE);
}

static void store_to_the_end(struct peer *vault, struct medium *m)
{
	uint64_t told = 0;

	do {
		assert_int_equal(channel_receive(&vault->channel, &in, false), 0);
		if (in.type == MESSAGE_VAULT_PROGRESS) {
			uint64_t bytes = decode_u64(&in.payload);

			assert_true(bytes > told); /* it is told when more has come, never otherwise */
			told = bytes;
		} else if (in.type == MESSAGE_VAULT_STREAM_END) {
			(void)decode_u64(&in.payload);
			assert_true(decode_u64(&in.payload) >= told);
			m->is_clean = decode_u32(&in.payload) == 1;
		} else {
			struct copy *c = copy_of(m, decode_u64(&in.payload));

			assert_true(in.type == MESSAGE_VAULT_SEALED || in.type == MESSAGE_VAULT_DROPPED);
			c->size = decode_u64(&in.payload);
			if (in.type == MESSAGE_VAULT_SEALED) {
				decode_exact(&in.payload, c->sum, sizeof(c->sum));
				c->fd = TAKE_FD(in.fds[0]);
			}
			c->status = decode_u32(&in.payload);
		}
		assert_int_equal(decoder_end(&in.payload), 0);
		message_done(&in);
	} while (in.type != MESSAGE_VAULT_STREAM_END);
}

static const struct copy *find(const struct medium *m, const char *path)
{
	for (size_t i = 0; i < m->count; i++)
		if (strcmp(m->copies[i].path, path) == 0)
			return &m->copies[i];
	fail_msg("not told: %s", path);
	return NULL;
}

static void close_copies(struct medium *m)
{
	for (size_t i = 0; i < m->count; i++)
		close_p(&m->copies[i].fd);
}

static void start_publisher(struct peer *p)
{
	_cleanup_close_ int lock_fd = memory_text("");
	int fds[3] = { staging_fd, key_fd, lock_fd };

	peer_start(p, "lazaret-publish", CHANNEL_PUBLISH);
	peer_send(p, MESSAGE_PUBLISH_START, NULL, fds, 3);
	expect_ready(p, "publish");
	encoder_init(&out);
	encode_str(&out, NAME);
	peer_send(p, MESSAGE_PUBLISH_BEGIN, &out, NULL, 0);
	peer_expect(p, MESSAGE_PUBLISHED, &in);
	message_done(&in);
}

static void send_copy(struct peer *p, const struct copy *c, const uint8_t *sum)
{
	encoder_init(&out);
	encode_str(&out, c->path);
	encode_u64(&out, c->size);
	encode_bytes(&out, sum, SHA256_LEN);
	peer_send(p, MESSAGE_PUBLISH_ADD, &out, &c->fd, 1);
}

static void publish_commit(struct peer *p)
{
	int fds[3] = { memory_text("{}\n"), memory_text("receipt"), memory_text("<p>") };
	uint8_t told[SHA256_LEN], sum[SHA256_LEN];
	char name[64];

	peer_send(p, MESSAGE_PUBLISH_COMMIT, NULL, fds, 3);
	peer_expect(p, MESSAGE_PUBLISHED, &in);
	decode_str_into(&in.payload, name, sizeof(name));
	decode_exact(&in.payload, told, sizeof(told));
	assert_int_equal(decoder_end(&in.payload), 0);
	message_done(&in);
	assert_string_equal(name, NAME);
	assert_int_equal(sha256("{}\n", 3, sum), 0);
	assert_memory_equal(told, sum, sizeof(sum));
	for (size_t i = 0; i < 3; i++)
		(void)close(fds[i]);
}

static int sha256sum_says(void)
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		int null = open("/dev/null", O_WRONLY);

		if (fchdir(staging_fd) < 0 || chdir(NAME) < 0 || dup2(null, 1) < 0)
			_exit(126);
		execlp("sha256sum", "sha256sum", "--strict", "-c", "SHA256SUMS", (char *)NULL);
		_exit(127);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WEXITSTATUS(status);
}

static void fill_medium(void)
{
	int fd;

	write_file(medium_fd, "a.txt", "hello", 5);
	assert_int_equal(mkdirat(medium_fd, "dir", 0755), 0);
	write_file(medium_fd, "dir/b", "", 0);
	fd = openat(medium_fd, "dir/sparse", O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, "end", 3, 5 * MIB), 3);
	(void)close(fd);
	assert_int_equal(symlinkat("/etc/passwd", medium_fd, "link"), 0);
	assert_int_equal(mkfifoat(medium_fd, "fifo", 0644), 0);
}

static void test_from_medium_to_staging(void **state)
{
	static struct medium m;
	struct peer vault, reader, publisher;

	m = (struct medium){ 0 };
	fill_medium();
	start_vault(&vault, 64 * MIB);
	start_reader(&reader, open_stream(&vault), 0);
	read_to_the_end(&reader, &m);
	store_to_the_end(&vault, &m);
	peer_end(&reader);
	assert_true(m.is_complete && m.is_clean);
	assert_int_equal(m.count, 5);
	assert_int_equal(find(&m, "link")->kind, ENTRY_SYMLINK);
	assert_int_equal(find(&m, "fifo")->kind, ENTRY_SPECIAL);
	assert_int_equal(find(&m, "dir/sparse")->size, 5 * MIB + 3);
	start_publisher(&publisher);
	assert_false(exists(staging_fd, NAME));
	for (size_t i = 0; i < m.count; i++) {
		if (m.copies[i].kind != ENTRY_FILE)
			continue;
		assert_int_equal(m.copies[i].status, STREAM_COMPLETE);
		send_copy(&publisher, &m.copies[i], m.copies[i].sum);
		peer_expect(&publisher, MESSAGE_PUBLISHED, &in);
		message_done(&in);
	}
	publish_commit(&publisher);
	peer_end(&publisher);
	assert_int_equal(sha256sum_says(), 0);
	close_copies(&m);
	peer_end(&vault);
	assert_false(exists(staging_fd, ".incoming-" NAME));
}

/* The supervisor (or what has taken hold of it) swaps digests: nothing is published, the publisher says why. */
static void test_publisher_checks_for_itself(void **state)
{
	static struct medium m;
	struct peer vault, reader, publisher;
	_cleanup_free_ char *why = NULL;

	m = (struct medium){ 0 };
	fill_medium();
	start_vault(&vault, 64 * MIB);
	start_reader(&reader, open_stream(&vault), 0);
	read_to_the_end(&reader, &m);
	store_to_the_end(&vault, &m);
	peer_end(&reader);
	start_publisher(&publisher);
	send_copy(&publisher, find(&m, "a.txt"), find(&m, "dir/b")->sum);
	assert_int_equal(channel_expect(&publisher.channel, MESSAGE_PUBLISHED, &in, &why), -EBADMSG);
	assert_non_null(strstr(why, "file in staging"));
	peer_end(&publisher);
	assert_false(exists(staging_fd, NAME));
	assert_false(exists(staging_fd, ".incoming-" NAME));
	close_copies(&m);
	peer_end(&vault);
}

/* The publisher is killed in the midst; the next one cleans up and works. */
static void test_publisher_killed(void **state)
{
	_cleanup_close_ int fd = memory_text("hello");
	struct copy c = { .size = 5, .fd = fd, .path = "d/a" };
	struct peer publisher;

	assert_int_equal(sha256("hello", 5, c.sum), 0);
	start_publisher(&publisher);
	send_copy(&publisher, &c, c.sum);
	peer_expect(&publisher, MESSAGE_PUBLISHED, &in);
	message_done(&in);
	assert_int_equal(kill(publisher.pid, SIGKILL), 0);
	assert_int_equal(peer_wait(&publisher), -SIGKILL);
	assert_true(exists(staging_fd, ".incoming-" NAME));
	assert_false(exists(staging_fd, NAME));
	start_publisher(&publisher); /* the same name once more */
	publish_commit(&publisher);
	peer_end(&publisher);
	assert_true(exists(staging_fd, NAME "/manifest.json.minisig"));
	assert_false(exists(staging_fd, NAME "/files/d"));
}

static void put_header(uint8_t *p, uint32_t type, uint32_t size, uint64_t value)
{
	memset(p, 0, STREAM_HEADER_LEN);
	for (size_t i = 0; i < 4; i++) {
		p[i] = (uint8_t)(type >> (8 * i));
		p[4 + i] = (uint8_t)(size >> (8 * i));
		p[8 + i] = (uint8_t)(value >> (8 * i));
	}
}

/* A reader that breaks the protocol, or dies, inside a file: the copy is dropped, and the next volume is stored. */
/* A reader that waits for a dead medium in the kernel cannot be killed, and keeps its end open. */
static void test_vault_cuts_a_stream_that_does_not_end(void **state)
{
	static struct medium m;
	struct peer vault;
	uint8_t parts[2 * STREAM_HEADER_LEN + 1] = { 0 };
	int stream;

	fill_medium();
	start_vault(&vault, 64 * MIB);
	stream = open_stream(&vault);
	m = (struct medium){ 0 };
	put_header(parts, STREAM_BEGIN, 0, 0);
	put_header(parts + STREAM_HEADER_LEN, STREAM_DATA, 1, 0);
	assert_int_equal(fd_write_all(stream, parts, sizeof(parts)), 0);
	peer_expect(&vault, MESSAGE_VAULT_PROGRESS, &in); /* it is inside the file */
	message_done(&in);
	peer_send(&vault, MESSAGE_VAULT_CUT, NULL, NULL, 0);
	store_to_the_end(&vault, &m);
	assert_false(m.is_clean);
	assert_int_equal(m.copies[0].status, STREAM_CUT);
	peer_send(&vault, MESSAGE_VAULT_CUT, NULL, NULL, 0); /* too late: nothing is answered twice */
	(void)close(stream);
	stream = open_stream(&vault); /* and the next volume's is taken */
	(void)close(stream);
	store_to_the_end(&vault, &m);
	assert_true(m.is_clean);
	peer_end(&vault);
}

static void test_vault_outlives_a_broken_reader(void **state)
{
	static struct medium m;
	struct peer vault, reader;
	uint8_t header[2 * STREAM_HEADER_LEN];

	fill_medium();
	start_vault(&vault, 64 * MIB);
	for (uint64_t id = 0; id < 2; id++) {
		int stream = open_stream(&vault);

		m = (struct medium){ 0 };
		put_header(header, STREAM_BEGIN, 0, id);
		put_header(header + STREAM_HEADER_LEN, id == 0 ? 99 : STREAM_DATA, 1000, 0);
		assert_int_equal(fd_write_all(stream, header, sizeof(header)), 0);
		if (id == 1)
			(void)close(stream);
		store_to_the_end(&vault, &m);
		if (id == 0)
			(void)close(stream);
		assert_false(m.is_clean);
		assert_int_equal(m.count, 1);
		assert_int_equal(m.copies[0].status, STREAM_CUT);
		assert_int_equal(m.copies[0].fd, -EBADF);
	}
	m = (struct medium){ 0 };
	start_reader(&reader, open_stream(&vault), 2);
	read_to_the_end(&reader, &m);
	store_to_the_end(&vault, &m);
	assert_true(m.is_complete && m.is_clean);
	assert_int_equal(find(&m, "a.txt")->status, STREAM_COMPLETE);
	peer_end(&reader);
	close_copies(&m);
	peer_end(&vault);
}

/* Copies are handed out again, read-only, until they are forgotten; unknown ones are an answer, not an end. */
static void test_vault_hands_out_copies(void **state)
{
	static struct medium m;
	struct peer vault, reader;
	uint64_t id;

	m = (struct medium){ 0 };
	fill_medium();
	start_vault(&vault, 64 * MIB);
	start_reader(&reader, open_stream(&vault), 0);
	read_to_the_end(&reader, &m);
	store_to_the_end(&vault, &m);
	peer_end(&reader);
	id = find(&m, "a.txt")->id;
	encoder_init(&out);
	encode_u64(&out, id);
	peer_send(&vault, MESSAGE_VAULT_OPEN, &out, NULL, 0);
	peer_expect(&vault, MESSAGE_VAULT_COPY, &in);
	assert_true(decode_u64(&in.payload) == id);
	assert_int_equal(fcntl(in.fds[0], F_GETFL) & O_ACCMODE, O_RDONLY);
	message_done(&in);
	peer_send(&vault, MESSAGE_VAULT_FORGET, &out, NULL, 0);
	peer_send(&vault, MESSAGE_VAULT_OPEN, &out, NULL, 0);
	assert_int_equal(channel_expect(&vault.channel, MESSAGE_VAULT_COPY, &in, NULL), -ENOENT);
	close_copies(&m);
	peer_end(&vault);
}

/* The quota holds for the whole medium; what did not fit is told, the rest is kept. */
static void test_vault_quota(void **state)
{
	static struct medium m;
	struct peer vault, reader;

	m = (struct medium){ 0 };
	fill_medium();
	start_vault(&vault, MIB);
	start_reader(&reader, open_stream(&vault), 0);
	read_to_the_end(&reader, &m);
	store_to_the_end(&vault, &m);
	peer_end(&reader);
	assert_true(m.is_clean);
	assert_int_equal(find(&m, "dir/sparse")->status, STREAM_QUOTA);
	assert_int_equal(find(&m, "a.txt")->status, STREAM_COMPLETE);
	close_copies(&m);
	peer_end(&vault);
}

/* The vault is killed: the reader ends with an error, not by a signal. */
static void test_reader_whose_vault_has_gone(void **state)
{
	struct peer reader;
	int ends[2];

	fill_medium();
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	(void)close(ends[1]);
	start_reader(&reader, ends[0], 0);
	assert_int_equal(shutdown(reader.channel.fd, SHUT_WR), 0);
	assert_true(peer_wait(&reader) >= 0);
}

#define AT_STATION(test) cmocka_unit_test_setup_teardown(test, make_station, remove_station)

int main(void)
{
	const struct CMUnitTest tests[] = {
		AT_STATION(test_from_medium_to_staging),
		AT_STATION(test_publisher_checks_for_itself),
		AT_STATION(test_publisher_killed),
		AT_STATION(test_vault_cuts_a_stream_that_does_not_end),
		AT_STATION(test_vault_outlives_a_broken_reader),
		AT_STATION(test_vault_hands_out_copies),
		AT_STATION(test_vault_quota),
		AT_STATION(test_reader_whose_vault_has_gone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
