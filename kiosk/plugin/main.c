/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* lazaret-plugin: one program of the site that has an opinion of files; a process of it for each file. */
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "common/fd.h"
#include "common/log.h"
#include "common/text.h"
#include "examiner/examiner.h"
#include "plugin/run.h"
#include "plugin/verdict.h"
#include "sandbox/sandbox.h"

struct plugin {
	char *name, *program, *sha256; /* owned */
	uint64_t time_ms;
	int image_fd; /* a sealed copy of the program, checked */
	uint64_t image_size;
	char directory[PATH_MAX], interpreter[PATH_MAX];
};

/* -- start -------------------------------------------------------------------------------------------------------------- */

static int start_decode(struct message *m, struct plugin *p)
{
	p->name = decode_str(&m->payload, 64);
	p->program = decode_str(&m->payload, PATH_MAX - 1);
	p->sha256 = decode_str(&m->payload, SHA256_HEX_LEN);
	p->time_ms = decode_u64(&m->payload);
	return decoder_end(&m->payload);
}

static int open_program(const char *path, struct stat *st, int *ret)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0 || fstat(fd, st) < 0)
		return -errno;
	if (!S_ISREG(st->st_mode) || st->st_size == 0)
		return -EINVAL;
	if ((uint64_t)st->st_size > PLUGIN_PROGRAM_MAX)
		return -EFBIG;
	*ret = TAKE_FD(fd);
	return 0;
}

/* What was hashed is what will run, whatever becomes of the file. */
static int copy_program(struct plugin *p)
{
	_cleanup_close_ int fd = -EBADF, copy = memfd_create("plugin", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	uint8_t pinned[SHA256_LEN], sum[SHA256_LEN];
	struct stat st;
	int r = copy < 0 ? -errno : open_program(p->program, &st, &fd);

	if (r == 0)
		r = fd_copy(copy, fd, (uint64_t)st.st_size);
	if (r == 0 && fcntl(copy, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)
		r = -errno;
	if (r == 0 && lseek(copy, 0, SEEK_SET) < 0)
		r = -errno;
	if (r == 0)
		r = sha256_fd(copy, sum, &p->image_size);
	if (r == 0)
		r = hex_decode(p->sha256, pinned, sizeof(pinned));
	if (r == 0)
		r = memcmp(pinned, sum, sizeof(sum)) == 0 ? 0 : -EKEYREJECTED;
	if (r == 0)
		p->image_fd = TAKE_FD(copy);
	return r;
}

/* "#!/usr/bin/python3 -I": the interpreter is all of the system's programs that a script sees. */
static int find_interpreter(struct plugin *p, char *why)
{
	char head[256] = "", *at = head + 2;
	ssize_t n = pread(p->image_fd, head, sizeof(head) - 1, 0);

	if (n < 3 || strncmp(head, "#!", 2) != 0)
		return 0;
	at += strspn(at, " \t");
	at[strcspn(at, " \t\r\n")] = '\0';
	if ((strncmp(at, "/usr/bin/", 9) == 0 && !strchr(at + 9, '/') && at[9]) || (strncmp(at, "/bin/", 5) == 0 && !strchr(at + 5, '/') && at[5])) {
		(void)snprintf(p->interpreter, sizeof(p->interpreter), "%s", at);
		if (strcmp(strrchr(at, '/'), "/env") != 0)
			return 0;
	}
	(void)snprintf(why, EXAMINER_WHY_MAX, "%s: a script must name its interpreter in /usr/bin itself, such as #!/usr/bin/python3", p->program);
	return -EINVAL;
}

static int tell_engine(struct channel *c, const struct plugin *p)
{
	_cleanup_free_ struct encoder *e = malloc(sizeof(*e));
	uint8_t sum[SHA256_LEN];
	char name[80], version[32];

	if (!e)
		return -ENOMEM;
	if (hex_decode(p->sha256, sum, sizeof(sum)) < 0)
		return -EINVAL;
	(void)snprintf(name, sizeof(name), "plug-in %s", p->name);
	(void)snprintf(version, sizeof(version), "sha256:%.12s", p->sha256);
	encoder_init(e);
	encode_u32(e, 1);
	encode_str(e, name);
	encode_str(e, version);
	encode_str(e, "");
	encode_u64(e, 0);
	encode_u64(e, 0);
	encode_bytes(e, sum, sizeof(sum));
	return channel_send(c, MESSAGE_EXAMINE_ENGINES, e, NULL, 0);
}

static int load(void *context, struct channel *c, struct examiner_settings *ret, char ret_why[static EXAMINER_WHY_MAX])
{
	struct plugin *p = context;
	struct message m;
	int r = channel_expect(c, MESSAGE_PLUGIN_START, &m, NULL);

	if (r < 0)
		return r;
	r = start_decode(&m, p);
	message_done(&m);
	if (r < 0)
		return r;
	r = copy_program(p);
	if (r < 0) {
		(void)snprintf(ret_why, EXAMINER_WHY_MAX, "%s: %s", p->program,
			       r == -EKEYREJECTED ? "its SHA-256 is not the pinned one; check where it comes from" :
			       r == -ELOOP	  ? "name the file itself, not a link" :
						    strerror(-r));
		return r;
	}
	r = find_interpreter(p, ret_why);
	if (r < 0)
		return r;
	(void)snprintf(p->directory, sizeof(p->directory), "%.*s", (int)MAX((ptrdiff_t)1, strrchr(p->program, '/') - p->program), p->program);
	*ret = (struct examiner_settings){ .tmpfs_bytes = PLUGIN_TMPFS, .jobs_max = 1 };
	return tell_engine(c, p);
}

static int enter(void *context, const char **ret_where)
{
	struct plugin *p = context;
	struct sandbox_program program = { .directory = p->directory, .name = strrchr(p->program, '/') + 1, .image_fd = p->image_fd,
					   .image_size = p->image_size, .interpreter = *p->interpreter ? p->interpreter : NULL };
	int r = sandbox_enter_program(ROLE_PLUGIN, &program, ret_where);

	close_p(&p->image_fd);
	return r;
}

/* -- a file --------------------------------------------------------------------------------------------------------------- */

static int prepare(void *context, char ret_why[static EXAMINER_WHY_MAX])
{
	if (signal(SIGPIPE, SIG_IGN) == SIG_ERR) {
		(void)snprintf(ret_why, EXAMINER_WHY_MAX, "signals: %s", strerror(errno));
		return -errno;
	}
	return 0;
}

/* A worker that cannot say what it found must die: its death is a verdict too. */
static void flag(struct findings *f, enum reason reason, const char *name, const char *text)
{
	if (findings_add(f, reason, NULL, "%s: %s", name, text) < 0)
		abort();
}

static void log_words(const struct plugin *p, const struct run *r)
{
	size_t size = r->words_size;
	_cleanup_free_ char *words = NULL;

	while (size > 0 && r->words[size - 1] == '\n')
		size--;
	words = size > 0 ? text_escape(r->words, size) : NULL;
	if (words)
		log_warning("plug-in %s: %.1000s", p->name, words);
}

static void judge(const struct plugin *p, const struct run *r, struct findings *f)
{
	char why[EXAMINER_WHY_MAX] = "";
	int error = 0;

	switch (r->end) {
	case RUN_ANSWERED:
		error = plugin_verdict(r->answer, r->answer_size, p->name, f, why);
		break;
	case RUN_TIMEOUT:
		flag(f, REASON_SCAN_TIMEOUT, p->name, "the plug-in did not answer in time and was stopped");
		break;
	case RUN_TOO_MUCH:
		flag(f, REASON_SCAN_ERROR, p->name, "the plug-in wrote more than it may and was stopped");
		break;
	case RUN_STATUS:
		(void)snprintf(why, sizeof(why), "the plug-in ended with status %d", r->status);
		break;
	case RUN_KILLED:
		(void)snprintf(why, sizeof(why), "the plug-in was killed by signal %d%s", r->status,
			       r->status == SIGSYS ? " (it asked for what no plug-in may do)" : "");
		break;
	}
	if (error == -ENOMEM)
		abort();
	if (*why)
		flag(f, REASON_SCAN_ERROR, p->name, why);
}

static void look(void *context, const struct examiner_job *job, struct examiner_answer *ret)
{
	struct plugin *p = context;
	_cleanup_free_ char *request = plugin_request(job);
	static struct run run;
	int r = request ? plugin_run(job->fd, request, p->time_ms, &run) : -ENOMEM;

	if (r < 0) {
		flag(&ret->findings, REASON_SCAN_ERROR, p->name, "the plug-in could not be started");
		return;
	}
	log_words(p, &run);
	judge(p, &run, &ret->findings);
}

static const struct examiner_role role = {
	.parent = ROLE_PLUGIN,
	.load = load, .enter = enter, .prepare = prepare, .look = look,
};

int main(void)
{
	static struct plugin plugin = { .image_fd = -EBADF };

	return examiner_main(&role, &plugin);
}
