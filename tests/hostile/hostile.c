/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Stands between a role's program and its sandbox: sandbox_enter() and its kin are wrapped by the linker, recvmsg(2) too. The role is
 * whole until its sandbox has closed. Then, by `act`:
 *
 *   attempts   a child for each attempt enters the same sandbox in the same way and tries; what came of it is told. The role goes on,
 *              honestly, so that those that depend on it come to their turn.
 *   copies     the same with each descriptor of a regular file that comes with a message
 *   (others)   the role itself is hostile from the first instruction on: behave()
 */
#include "hostile.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "ipc/made_of.h"
#include "ipc/message.h"
#include "sandbox/sandbox.h"

#define RESULTS_MAX (1u << 20)
#define CHANNEL_DESCRIPTOR 3
#define PATIENCE_MS 10000
#define LIES_MAX 256

int (*hostile_fresh_mount)(void);
struct hostile_target target = { .stray_fd = -1 };
static char *results;
static bool is_prepared, is_hostile; /* is_hostile: this process is the role, its sandbox has closed */
static struct lie {
	uint32_t type;
	uint8_t payload[512];
	size_t size;
} lies[LIES_MAX];
static size_t lie_count;
static pid_t copies_child;
static int copies_fd = -1;

/* -- telling ---------------------------------------------------------------------------------------------------------------------- */

#define RESULTS_HEAD 16 /* u64 where the next line goes, u64 the roles that have tried */

void hostile_tell(const char *fmt, ...)
{
	char line[256];
	va_list args;
	uint64_t at;
	int n;

	if (!results)
		return;
	va_start(args, fmt);
	n = vsnprintf(line, sizeof(line), fmt, args);
	va_end(args);
	at = __atomic_fetch_add((uint64_t *)results, (uint64_t)n, __ATOMIC_SEQ_CST);
	if (at + RESULTS_HEAD + (uint64_t)n < RESULTS_MAX)
		memcpy(results + RESULTS_HEAD + at, line, (size_t)n);
}

/* Of several workers and drivers one tries. */
static bool is_first(enum role_id id)
{
	uint64_t bit = 1ull << id;

	return results && !(__atomic_fetch_or((uint64_t *)(results + 8), bit, __ATOMIC_SEQ_CST) & bit);
}

/* -- the file of orders ------------------------------------------------------------------------------------------------------------- */

static void map_results(const char *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);
	void *p = fd < 0 ? MAP_FAILED : mmap(NULL, RESULTS_MAX, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (p == MAP_FAILED) {
		dprintf(2, "hostile: %s: %s\n", path, strerror(errno));
		abort();
	}
	results = p;
	close(fd);
}

static void take_lie(const char *text)
{
	struct lie *l = &lies[lie_count];
	char *end;

	if (lie_count == LIES_MAX)
		return;
	l->type = (uint32_t)strtoul(text, &end, 10);
	for (text = end + strspn(end, " "); text[0] && text[1] && l->size < sizeof(l->payload); text += 2) {
		unsigned int byte;

		if (sscanf(text, "%2x", &byte) != 1)
			break;
		l->payload[l->size++] = (uint8_t)byte;
	}
	lie_count++;
}

static void take_order(const char *key, const char *value)
{
	if (strcmp(key, "role") == 0)
		(void)snprintf(target.role, sizeof(target.role), "%s", value);
	else if (strcmp(key, "act") == 0)
		(void)snprintf(target.act, sizeof(target.act), "%s", value);
	else if (strcmp(key, "key") == 0)
		(void)snprintf(target.key, sizeof(target.key), "%s", value);
	else if (strcmp(key, "control") == 0)
		(void)snprintf(target.control, sizeof(target.control), "%s", value);
	else if (strcmp(key, "copies") == 0)
		(void)snprintf(target.copies, sizeof(target.copies), "%s", value);
	else if (strcmp(key, "port") == 0)
		target.port = (uint16_t)atoi(value);
	else if (strcmp(key, "results") == 0)
		map_results(value);
	else if (strcmp(key, "lie") == 0)
		take_lie(value);
}

bool hostile_prepare(void)
{
	char path[600], line[2048];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 16);
	FILE *f;

	if (is_prepared || n < 0)
		return is_prepared;
	path[n] = '\0';
	(void)snprintf(strrchr(path, '/'), 16, "/hostile");
	f = fopen(path, "re");
	if (!f)
		return false;
	while (fgets(line, sizeof(line), f)) {
		char *value = strchr(line, ' ');

		line[strcspn(line, "\n")] = '\0';
		if (value)
			*value++ = '\0';
		take_order(line, value ? value : "");
	}
	(void)fclose(f);
	is_prepared = true;
	return true;
}

/* -- a sandbox like any other ---------------------------------------------------------------------------------------------------------- */

/* The call that was wrapped, to be made again by each child. */
struct entry {
	enum { ROLE, WORKER, CHILD, PROGRAM, NETWORK, NONE } kind;
	enum role_id id;
	enum role_id parent; /* of CHILD */
	const int *keep_fds;
	size_t keep_count;
	uint64_t tmpfs_bytes;
	const struct sandbox_program *program;
	const struct sandbox_network *network;
};

int __real_sandbox_enter(enum role_id id, const int *keep_fds, size_t keep_count, const char **ret_where);
int __real_sandbox_enter_worker(enum role_id id, uint64_t tmpfs_bytes, const int *keep_fds, size_t keep_count, const char **ret_where);
int __real_sandbox_enter_child(enum role_id id, const char **ret_where);
int __real_sandbox_enter_program(enum role_id id, const struct sandbox_program *program, const char **ret_where);
int __real_sandbox_enter_network(enum role_id id, const struct sandbox_network *n, const char **ret_where);
ssize_t __real_recvmsg(int fd, struct msghdr *m, int flags);
int __wrap_sandbox_enter(enum role_id id, const int *keep_fds, size_t keep_count, const char **ret_where);
int __wrap_sandbox_enter_worker(enum role_id id, uint64_t tmpfs_bytes, const int *keep_fds, size_t keep_count, const char **ret_where);
int __wrap_sandbox_enter_child(enum role_id id, const char **ret_where);
int __wrap_sandbox_enter_program(enum role_id id, const struct sandbox_program *program, const char **ret_where);
int __wrap_sandbox_enter_network(enum role_id id, const struct sandbox_network *n, const char **ret_where);
ssize_t __wrap_recvmsg(int fd, struct msghdr *m, int flags);

static int enter(const struct entry *e, const char **ret_where)
{
	int r;

	switch (e->kind) {
	case CHILD: /* from before its parent's sandbox: nobody forks as we do in there */
		r = __real_sandbox_enter(e->parent, e->keep_fds, e->keep_count, ret_where);
		return r < 0 ? r : __real_sandbox_enter_child(e->id, ret_where);
	case NONE: /* what is mounted then stays in a view of its own */
		return unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ? -errno : 0;
	case WORKER:
		return __real_sandbox_enter_worker(e->id, e->tmpfs_bytes, e->keep_fds, e->keep_count, ret_where);
	case PROGRAM:
		return __real_sandbox_enter_program(e->id, e->program, ret_where);
	case NETWORK:
		return __real_sandbox_enter_network(e->id, e->network, ret_where);
	default:
		return __real_sandbox_enter(e->id, e->keep_fds, e->keep_count, ret_where);
	}
}

/* A worker's parent may clone, and gives each a view of its own to mount in. */
static pid_t split(const struct entry *e)
{
	return (pid_t)syscall(SYS_clone, (e->kind == WORKER ? CLONE_NEWNS : 0) | SIGCHLD, NULL, NULL, NULL, NULL);
}

static _Noreturn void sleep_for_ever(void)
{
	for (;;)
		(void)poll(NULL, 0, -1);
}

/* Another process of the same account that is no part of the sandbox: who is root makes one of the role's account. */
static pid_t start_victim(const struct entry *e)
{
	const struct passwd *pw = geteuid() == 0 ? getpwnam(role_get(e->id)->account) : NULL;
	pid_t pid = split(e);

	if (pid == 0) {
		if (pw && (setresgid(pw->pw_gid, pw->pw_gid, pw->pw_gid) < 0 || setresuid(pw->pw_uid, pw->pw_uid, pw->pw_uid) < 0))
			_exit(1);
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
		(void)prctl(PR_SET_DUMPABLE, 1, 0, 0, 0); /* the change of account has cleared it: an easy victim */
		sleep_for_ever();
	}
	return pid;
}

/* How did it end? Killed by us when it hangs. */
static int wait_for(pid_t pid)
{
	const struct timespec moment = { 0, 2000000 };
	int status = 0;

	for (int ms = 0; ms < PATIENCE_MS; ms += 2) {
		pid_t got = waitpid(pid, &status, WNOHANG);

		if (got == pid)
			return status;
		if (got < 0 && errno != EINTR)
			return -1;
		(void)nanosleep(&moment, NULL);
	}
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, &status, 0);
	return -1;
}

static void tell_end(const struct entry *e, const char *kind, const char *name, int status)
{
	const char *role = role_get(e->id)->name;

	if (status < 0)
		hostile_tell("%s %s %s hung\n", kind, role, name);
	else if (WIFSIGNALED(status))
		hostile_tell("%s %s %s signal %d\n", kind, role, name, WTERMSIG(status));
	else if (WEXITSTATUS(status) == 255)
		hostile_tell("%s %s %s no-sandbox\n", kind, role, name);
	else if (WEXITSTATUS(status) != 0)
		hostile_tell("%s %s %s error %d\n", kind, role, name, WEXITSTATUS(status));
	else
		hostile_tell("%s %s %s gained\n", kind, role, name);
}

static void try_all(const struct entry *e)
{
	const struct role *role = role_get(e->id);
	void (*on_child)(int) = signal(SIGCHLD, SIG_DFL); /* who ignores it is told of no end */

	target.memory_max = e->kind == NONE ? 64u << 20 : role->data_max;
	target.files_max = e->kind == NONE ? 64 : role->files_max;
	target.stray_fd = fcntl(2, F_DUPFD, 40);
	target.victim = start_victim(e);
	for (size_t k = 0; k < hostile_attempt_count; k++) {
		pid_t pid = split(e);
		const char *where = "";

		if (pid == 0) {
			/* A mount can be entered once. */
			if (hostile_fresh_mount && dup3(hostile_fresh_mount(), e->keep_fds[0], O_CLOEXEC) < 0)
				_exit(255);
			if (enter(e, &where) < 0)
				_exit(255);
			_exit(hostile_attempts[k].try());
		}
		tell_end(e, "try", hostile_attempts[k].name, pid < 0 ? -1 : wait_for(pid));
	}
	if (target.victim > 0) {
		int status;

		hostile_tell("victim %s %s\n", role->name, waitpid(target.victim, &status, WNOHANG) == 0 ? "alive" : "dead");
		(void)kill(target.victim, SIGKILL);
		(void)waitpid(target.victim, NULL, 0);
	}
	close(target.stray_fd);
	(void)signal(SIGCHLD, on_child);
}

/* -- sealed copies --------------------------------------------------------------------------------------------------------------------- */

static int take_fd(int sock)
{
	char byte;
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec iov = { &byte, 1 };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control) };
	int fd = -1;

	if (__real_recvmsg(sock, &m, 0) == 1 && CMSG_FIRSTHDR(&m))
		memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof(int));
	return fd;
}

static void give_fd(int sock, int fd)
{
	char byte = 0;
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(sizeof(int))];
	} control = { .room = { 0 } };
	struct iovec iov = { &byte, 1 };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(int));
	(void)sendmsg(sock, &m, MSG_NOSIGNAL);
}

/* One child for each way to write, each in the same sandbox, waiting for the one descriptor; and who tells how they ended, who is
 * in none. Descriptor 0 is the way in: sandbox_enter() leaves it. */
static void try_writes(const struct entry *e, int sock)
{
	pid_t pids[16];
	int ways[16];
	int fd;

	(void)signal(SIGCHLD, SIG_DFL);
	for (size_t k = 0; k < hostile_write_count; k++) {
		int pair[2];
		const char *where = "";

		if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
			abort();
		pids[k] = split(e);
		if (pids[k] == 0) {
			if (dup3(pair[1], 0, 0) < 0 || enter(e, &where) < 0)
				_exit(255);
			fd = take_fd(0);
			_exit(fd < 0 ? 254 : hostile_writes[k].try(fd));
		}
		close(pair[1]);
		ways[k] = pair[0];
	}
	fd = take_fd(sock);
	for (size_t k = 0; k < hostile_write_count; k++) {
		if (fd >= 0)
			give_fd(ways[k], fd);
		close(ways[k]);
	}
	for (size_t k = 0; k < hostile_write_count; k++)
		tell_end(e, "write", hostile_writes[k].name, wait_for(pids[k]));
	_exit(0);
}

static void prepare_copies(const struct entry *e)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0)
		return;
	copies_child = split(e);
	if (copies_child == 0) {
		close(pair[0]);
		close(CHANNEL_DESCRIPTOR); /* or its end would not be seen */
		try_writes(e, pair[1]);
	}
	close(pair[1]);
	if (dup3(pair[0], 0, 0) == 0)
		copies_fd = 0;
	close(pair[0]);
}

/* Who is given sealed copies to read. The ledger and others are given what they may write. */
static bool is_reader_of_copies(enum role_id id)
{
	static const enum role_id readers[] = { ROLE_WORKER, ROLE_YARA_WORKER, ROLE_PLUGIN_WORKER, ROLE_UNPACK_OPENER, ROLE_OLE_OPENER,
						ROLE_PDF_OPENER, ROLE_DISK_OPENER, ROLE_ORIGIN, ROLE_OPENPGP, ROLE_CMS, ROLE_RPM, ROLE_AUTHENTICODE, ROLE_PUBLISH };

	for (size_t k = 0; k < ARRAY_LEN(readers); k++)
		if (readers[k] == id)
			return true;
	return false;
}

/* The first sealed copy that comes with a message: a regular file with a name, which no memory file has. */
static bool is_copy(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0 && st.st_nlink > 0 && (st.st_mode & 0777) != 0777;
}

ssize_t __wrap_recvmsg(int fd, struct msghdr *m, int flags)
{
	ssize_t n = __real_recvmsg(fd, m, flags);

	if (n <= 0 || copies_fd < 0 || !is_hostile || fd == copies_fd)
		return n;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c && copies_fd >= 0; c = CMSG_NXTHDR(m, c)) {
		int given;

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS || c->cmsg_len < CMSG_LEN(sizeof(int)))
			continue;
		memcpy(&given, CMSG_DATA(c), sizeof(int));
		if (!is_copy(given))
			continue;
		give_fd(copies_fd, given);
		(void)!read(copies_fd, &(char){ 0 }, 1); /* they have told: a worker's end would be theirs */
		copies_fd = -1;
	}
	return n;
}

/* -- a hostile role ---------------------------------------------------------------------------------------------------------------------- */

static enum message_channel channel_of_role(const char *role)
{
	static const struct {
		const char *role;
		enum message_channel channel;
	} table[] = {
		{ "ledger", CHANNEL_LEDGER }, { "vault", CHANNEL_VAULT }, { "intake", CHANNEL_INTAKE }, { "reader", CHANNEL_READER },
		{ "examine", CHANNEL_FORKSERVER }, { "yara", CHANNEL_FORKSERVER }, { "plugin", CHANNEL_FORKSERVER },
		{ "unpack", CHANNEL_FORKSERVER }, { "ole", CHANNEL_FORKSERVER }, { "pdf", CHANNEL_FORKSERVER }, { "disk", CHANNEL_FORKSERVER },
		{ "unpack-opener", CHANNEL_CONTAINER }, { "ole-opener", CHANNEL_CONTAINER }, { "pdf-opener", CHANNEL_CONTAINER },
		{ "disk-opener", CHANNEL_CONTAINER }, { "publish", CHANNEL_PUBLISH },
		{ "worker", CHANNEL_WORKER }, { "yara-worker", CHANNEL_WORKER }, { "plugin-worker", CHANNEL_WORKER },
	};

	for (size_t k = 0; k < ARRAY_LEN(table); k++)
		if (strcmp(table[k].role, role) == 0)
			return table[k].channel;
	return CHANNEL_ORIGIN;
}

static ssize_t say(uint32_t type, const void *payload, size_t size)
{
	uint8_t raw[1024] = { (uint8_t)type, (uint8_t)(type >> 8), (uint8_t)(type >> 16), (uint8_t)(type >> 24) };

	memcpy(raw + 4, payload, size);
	return send(CHANNEL_DESCRIPTOR, raw, 4 + size, MSG_NOSIGNAL);
}

static void say_ready(const char *role)
{
	uint8_t raw[256];
	size_t n = strlen(role), at = 0;

	memcpy(raw, &(uint32_t){ (uint32_t)n }, 4);
	memcpy(raw + 4, role, n);
	at = 4 + n;
	memcpy(raw + at, &(uint32_t){ PROTOCOL_HASH_LEN }, 4);
	if (protocol_hash(raw + at + 4) < 0)
		_exit(1);
	at += 4 + PROTOCOL_HASH_LEN;
	memcpy(raw + at, &(uint32_t){ 4 }, 4);
	memcpy(raw + at + 4, "none", 4);
	at += 8;
	memcpy(raw + at, &(uint32_t){ SHA256_LEN }, 4);
	if (program_made_of(raw + at + 4) < 0)
		_exit(1);
	(void)say(MESSAGE_READY, raw, at + 4 + SHA256_LEN);
}

static void hear(bool is_waiting)
{
	static uint8_t raw[70000];
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(sizeof(int) * 8)];
	} control;
	struct iovec iov = { raw, sizeof(raw) };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control) };

	if (__real_recvmsg(CHANNEL_DESCRIPTOR, &m, is_waiting ? 0 : MSG_DONTWAIT) == 0)
		_exit(0); /* the supervisor has gone */
}

static _Noreturn void tell_lies(void)
{
	for (;;) {
		hear(true);
		for (size_t k = 0; k < lie_count; k++)
			(void)say(lies[k].type, lies[k].payload, lies[k].size);
	}
}

/* Legal in type, in any state, without end; nothing is read. */
static _Noreturn void flood(enum message_channel channel)
{
	static const uint8_t zeros[64];

	for (uint32_t n = 0;; n++)
		for (uint32_t type = 0; type < MESSAGE_COUNT_; type++)
			if (message_rule(type)->channel == channel && !message_rule(type)->from_supervisor)
				(void)say(type, zeros, n % sizeof(zeros));
}

static _Noreturn void behave(const struct role *role)
{
	static const char escapes[] = "\033]0;owned\007\033[2J everything is approved \xe2\x80\xae\r\n";

	hostile_tell("behaves %s %s\n", role->name, target.act);
	if (strcmp(target.act, "crash") == 0)
		__builtin_trap();
	if (strcmp(target.act, "exit") == 0)
		_exit(0);
	if (strcmp(target.act, "silent") == 0)
		sleep_for_ever();
	if (strcmp(target.act, "failed") == 0) { /* which end is that? the words come through as words */
		uint8_t raw[64] = { 5, 0, 0, 0, 3, 0, 0, 0, 'l', 'i', 'e', 6, 0, 0, 0, '\033', '[', '2', 'J', '\r', '\n' };

		(void)say(MESSAGE_FAILED, raw, 21);
		_exit(0);
	}
	if (strcmp(target.act, "garbage") == 0) {
		static uint8_t noise[900];

		for (size_t k = 0; k < sizeof(noise); k++)
			noise[k] = (uint8_t)(k * 167 + 13);
		(void)say(0xfeedface, noise, sizeof(noise));
		sleep_for_ever();
	}
	if (strcmp(target.act, "stranger") == 0) { /* of another build */
		uint8_t raw[96] = { 1, 0, 0, 0, 'x', 32, 0, 0, 0 };

		raw[45] = SHA256_LEN; /* behind no words of a sandbox */
		(void)say(MESSAGE_READY, raw, 4 + 1 + 4 + 32 + 4 + 4 + SHA256_LEN);
		sleep_for_ever();
	}
	say_ready(role->name);
	if (strcmp(target.act, "terminal") == 0)
		for (int k = 0; k < 20; k++)
			(void)!write(2, escapes, sizeof(escapes) - 1);
	if (strcmp(target.act, "spin") == 0)
		for (;;)
			;
	if (strcmp(target.act, "flood") == 0)
		flood(channel_of_role(role->name));
	if (strcmp(target.act, "lies") == 0)
		tell_lies();
	if (strcmp(target.act, "dies-of-it") == 0) {
		hear(true);
		__builtin_trap();
	}
	sleep_for_ever(); /* ready, terminal */
}

/* -- the way in --------------------------------------------------------------------------------------------------------------------------- */

__attribute__((constructor)) static void begin(void)
{
	(void)hostile_prepare();
}

static bool is_for(enum role_id id)
{
	return is_prepared && (strcmp(target.role, role_get(id)->name) == 0 || strcmp(target.role, "*") == 0);
}

static void prepare(const struct entry *e)
{
	if (is_for(e->id) && strcmp(target.act, "attempts") == 0 && is_first(e->id))
		try_all(e);
	if (is_for(e->id) && strcmp(target.act, "copies") == 0 && is_reader_of_copies(e->id) && is_first(e->id))
		prepare_copies(e);
}

static int go(const struct entry *e, const char **ret_where)
{
	const struct role *role = role_get(e->id);
	const struct entry child = { .kind = CHILD, .id = role->forks, .parent = e->id, .keep_fds = e->keep_fds, .keep_count = e->keep_count };
	bool is_meant = is_for(e->id);
	int r;

	if (e->kind != CHILD)
		prepare(e);
	if (role->calls & CALLS_FORK)
		prepare(&child);
	r = e->kind == CHILD ? __real_sandbox_enter_child(e->id, ret_where) : enter(e, ret_where);
	if (r < 0 || !is_meant)
		return r;
	is_hostile = true;
	if (strcmp(target.act, "attempts") != 0 && strcmp(target.act, "copies") != 0)
		behave(role);
	return r;
}

/* The same attempts without any sandbox: what fails there, too, proves nothing. */
void hostile_control(int copy_fd)
{
	const struct entry e = { .kind = NONE, .id = ROLE_INTAKE };
	int pair[2];

	try_all(&e);
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0)
		abort();
	give_fd(pair[0], copy_fd);
	try_writes(&e, pair[1]);
}

int __wrap_sandbox_enter(enum role_id id, const int *keep_fds, size_t keep_count, const char **ret_where)
{
	const struct entry e = { .kind = ROLE, .id = id, .keep_fds = keep_fds, .keep_count = keep_count };

	return go(&e, ret_where);
}

int __wrap_sandbox_enter_worker(enum role_id id, uint64_t tmpfs_bytes, const int *keep_fds, size_t keep_count, const char **ret_where)
{
	const struct entry e = { .kind = WORKER, .id = id, .keep_fds = keep_fds, .keep_count = keep_count, .tmpfs_bytes = tmpfs_bytes };

	return go(&e, ret_where);
}

int __wrap_sandbox_enter_child(enum role_id id, const char **ret_where)
{
	const struct entry e = { .kind = CHILD, .id = id };

	return go(&e, ret_where);
}

int __wrap_sandbox_enter_program(enum role_id id, const struct sandbox_program *program, const char **ret_where)
{
	const struct entry e = { .kind = PROGRAM, .id = id, .program = program };

	return go(&e, ret_where);
}

int __wrap_sandbox_enter_network(enum role_id id, const struct sandbox_network *n, const char **ret_where)
{
	const struct entry e = { .kind = NETWORK, .id = id, .network = n };

	return go(&e, ret_where);
}
