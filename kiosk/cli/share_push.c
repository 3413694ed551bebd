/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* `lazaret share push`: what is in staging goes to the isolated side's directory, each transfer once (share/push.h).
 *
 * What is known of a transfer is a file of its name in share/push of the station's directory, with one word: "failed" (the trail has it),
 * "renaming" (from here on importers may have it), "pushed" (the trail has it). The word is written before the far end is told to rename, and
 * the record before the word: a transfer is never renamed twice, and a record is at most written twice, by a power cut between both.
 */
#include <dirent.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "cli/records.h"
#include "cli/share.h"
#include "common/fd.h"
#include "common/log.h"
#include "common/minisign.h"
#include "share/push.h"

#define STATE_MAX 16 /* bytes of a word */
#define GO 'g'

struct pusher {
	const struct station_config *config;
	uid_t uid;
	gid_t gid;
	int staging_fd, state_fd;
	struct minisign_public key;
	bool has_failed; /* something is not there yet, or not whole */
};

/* -- what is known --------------------------------------------------------------------------------------- */
static bool is_state(const struct pusher *u, const char *name, const char *word)
{
	_cleanup_free_ char *text = NULL;

	return file_read(u->state_fd, name, STATE_MAX, &text, NULL) == 0 && strcmp(text, word) == 0;
}

static int set_state(const struct pusher *u, const char *name, const char *word)
{
	int r = file_replace(u->state_fd, name, word, strlen(word), 0600);

	if (r < 0)
		log_error("%s/" SHARE_STATE_DIR "/push: %s", u->config->dir, strerror(-r));
	return r;
}

static int record(const struct pusher *u, const char *type, const char *name, const char *why)
{
	json_t *body = json_pack("{s:s,s:s}", "transfer", name, "directory", u->config->share.push_dir);
	int r = body ? 0 : -ENOMEM;

	if (r == 0 && why && json_object_set_new(body, "why", json_string(why)) < 0)
		r = -ENOMEM;
	if (r == 0)
		r = records_append(u->config, type, body);
	json_decref(body);
	return r;
}

/* -- the process that touches the far end ---------------------------------------------------------------- */
struct asker {
	int fd; /* of its parent */
};

static int ask_parent(void *context)
{
	const struct asker *a = context;
	char c = GO;

	if (fd_write_all(a->fd, &c, 1) < 0 || fd_read_exact(a->fd, &c, 1) < 0 || c != GO)
		return -ECANCELED;
	return 0;
}

/* Nothing of the station but staging, whose modes let everybody read. Started by an ordinary user it stays one. */
static int give_up(const struct pusher *u, pid_t parent)
{
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -EPERM;
	if (geteuid() == 0 && (setgroups(0, NULL) < 0 || setresgid(u->gid, u->gid, u->gid) < 0 || setresuid(u->uid, u->uid, u->uid) < 0))
		return -errno;
	return prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 ? -errno : 0; /* a change of accounts forgets it (prctl(2)) */
}

static _noreturn_ void child(const struct pusher *u, const char *name, bool was_renaming, int fd, pid_t parent)
{
	struct asker asker = { fd };
	const struct push p = { u->staging_fd, name, u->config->share.push_dir, &u->key, was_renaming, ask_parent, &asker };
	const int keep[] = { u->staging_fd, fd };
	_cleanup_close_ int null_fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
	int r = null_fd < 0 || dup2(null_fd, STDOUT_FILENO) < 0 ? -errno : fd_close_others(3, keep, ARRAY_LEN(keep));

	if (r == 0)
		r = give_up(u, parent);
	if (r < 0) {
		log_error("a process for the far end cannot be made: %s", strerror(-r));
		_exit(PUSH_BROKEN);
	}
	(void)umask(022);
	_exit(push_transfer(&p));
}

/* It says when there is nothing left but the rename: that it may is on disk first. */
static void answer(const struct pusher *u, const char *name, int fd)
{
	char c;

	if (fd_read_exact(fd, &c, 1) < 0 || c != GO)
		return; /* it ended; its status says why */
	if (set_state(u, name, "renaming") == 0 && fd_write_all(fd, &c, 1) < 0)
		log_warning("%s: the process at the far end has gone", name);
}

static enum push_outcome run_child(const struct pusher *u, const char *name, bool was_renaming)
{
	_cleanup_close_ int ours_fd = -EBADF;
	int pair[2], status;
	pid_t parent = getpid(), pid;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return PUSH_BROKEN;
	pid = fork();
	if (pid == 0)
		child(u, name, was_renaming, pair[1], parent);
	ours_fd = pair[0];
	close_p(&pair[1]);
	if (pid < 0)
		return PUSH_BROKEN;
	answer(u, name, ours_fd);
	close_p(&ours_fd);
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return PUSH_BROKEN;
	return WIFEXITED(status) ? (enum push_outcome)WEXITSTATUS(status) : PUSH_AWAY;
}

/* -- one transfer ---------------------------------------------------------------------------------------- */
/* 0 to go on with the next; -EAGAIN when the far end is away; or a negative errno. */
static int push_one(struct pusher *u, const char *name)
{
	enum push_outcome outcome;
	int r;

	if (is_state(u, name, "pushed"))
		return 0;
	outcome = run_child(u, name, is_state(u, name, "renaming"));
	if (outcome == PUSH_DONE || outcome == PUSH_TAKEN) {
		r = record(u, "pushed", name, NULL);
		if (r == 0)
			r = set_state(u, name, "pushed");
		if (r == 0)
			(void)printf("%s pushed\n", name);
		return r;
	}
	u->has_failed = true;
	if (outcome == PUSH_AWAY)
		return -EAGAIN;
	if (outcome != PUSH_BAD)
		return -EIO;
	log_error("%s: the copy at the far end is not whole; it does not count, and is made anew at the next try", name);
	if (is_state(u, name, "failed"))
		return 0; /* recorded once, not with every try */
	r = record(u, "push-failed", name, "the copy at the far end is not whole");
	return r == 0 ? set_state(u, name, "failed") : r;
}

/* -- all of them ----------------------------------------------------------------------------------------- */
static int is_transfer(const struct dirent *entry)
{
	/* as the publisher makes them (kiosk/publish/transfer.c); not lost+found */
	return entry->d_name[0] >= '0' && entry->d_name[0] <= '9' &&
	       strspn(entry->d_name, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-") == strlen(entry->d_name);
}

/* What is not in staging any more needs no word. */
static void forget(const struct pusher *u)
{
	struct dirent **list = NULL;
	int count = scandirat(u->state_fd, ".", &list, is_transfer, NULL);

	for (int i = 0; i < count; i++) {
		if (faccessat(u->staging_fd, list[i]->d_name, F_OK, AT_SYMLINK_NOFOLLOW) < 0 && errno == ENOENT)
			(void)unlinkat(u->state_fd, list[i]->d_name, 0); /* a word too many does no harm */
		free(list[i]);
	}
	free(list);
}

static int push_all(struct pusher *u)
{
	struct dirent **list = NULL;
	int count = scandirat(u->staging_fd, ".", &list, is_transfer, alphasort), r = count < 0 ? -errno : 0;

	for (int i = 0; i < count; i++) {
		if (r == 0)
			r = push_one(u, list[i]->d_name);
		free(list[i]);
	}
	free(list);
	if (r == 0)
		forget(u);
	return r;
}

static int open_state(const char *dir, int *ret_fd)
{
	_cleanup_close_ int dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), share_fd = -EBADF, fd = -EBADF;
	int r = dir_fd < 0 ? -errno : dir_open_make(dir_fd, SHARE_STATE_DIR, 0700, &share_fd);

	if (r == 0)
		r = dir_open_make(share_fd, "push", 0700, &fd);
	if (r == 0 && flock(fd, LOCK_EX | LOCK_NB) < 0)
		r = -errno;
	if (r == 0)
		*ret_fd = TAKE_FD(fd);
	return r;
}

int share_push(const struct station_config *config, uid_t uid, gid_t gid)
{
	struct pusher u = { .config = config, .uid = uid, .gid = gid, .state_fd = -EBADF };
	_cleanup_close_ int staging_fd = -EBADF, state_fd = -EBADF;
	int r;

	if (!config->share.push_dir) {
		log_error("push: not configured: see 'share:' in lazaret.yaml(5)");
		return EXIT_FAILURE;
	}
	if (records_public_key(config->manifest_key, &u.key) < 0)
		return EXIT_CANNOT; /* told */
	staging_fd = records_directory(config->staging_dir);
	if (staging_fd < 0)
		return EXIT_CANNOT; /* told */
	r = open_state(config->dir, &state_fd);
	if (r < 0) {
		log_error("%s/" SHARE_STATE_DIR "/push: %s", config->dir, r == -EWOULDBLOCK ? "another push is at work" : strerror(-r));
		return EXIT_CANNOT;
	}
	u.staging_fd = staging_fd;
	u.state_fd = state_fd;
	r = push_all(&u);
	if (r < 0 && r != -EAGAIN)
		return EXIT_CANNOT; /* told */
	return u.has_failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
