/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* tracer: runs a program, follows everything that it starts through exec, sandbox and change of account, counts each process's system
 * calls, and at one of them kills it, kills all, or has the call fail. Run by root, or by the user whose programs it runs.
 *
 *   tracer [-o SUMMARY] [-l LOG] [-t SECONDS] [-k PROCESS/NTH] [-K PROCESS/NTH] [-f PROCESS/CALL/NTH/FAULT] -- PROGRAM [ARGUMENT...]
 *
 * PROCESS  NAME.INSTANCE: the program's name without "lazaret-"; a fork that execs nothing has a "+" more than its parent; the first of
 *          a name is 0. "all" with -k and -K: system calls of all together.
 * -k       SIGKILL to that process when it is about to make its NTH call (from 1) since its exec;  -K  to all processes
 * -f       the NTH such call after the loader has done its work. FAULT: errno's name (the call is not made); short (half of the length
 *          is asked for); EIO! (the call is made, and then said to have failed)
 *
 * A call that is not made becomes getpid(2), which every filter of the sandbox permits: the tracer comes before seccomp, which would
 * kill for -1. Times out after SECONDS (default 120), kills all, and says so.
 */
#include <errno.h>
#include <inttypes.h>
#include <seccomp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CALLS_MAX 512
#define LEFT_BEHIND_S 10 /* what still runs so long after the program has ended */

enum phase { LOADING, OPEN, CONFINED };

struct task {
	pid_t pid;
	char name[64];
	unsigned int instance;
	enum phase phase;
	uint64_t calls, by_number[CALLS_MAX];
	bool is_inside; /* between entry and exit of a call */
	long number;
	uint64_t arguments[6];
	bool is_altered;
	long alter_result; /* 0: leave it */
	unsigned long long rdi, rdx; /* what the program had there, for the way back */
	struct task *next;
};

struct target {
	char name[64];
	int instance; /* -1: all */
	char call[32], fault[16];
	uint64_t nth;
};

static struct task *tasks;
static struct target kill_at, fail_at;
static bool kills, kills_all, fails, has_fired, timed_out;
static uint64_t all_calls;
static unsigned int killed, ended_badly;
static FILE *log_file;
static volatile sig_atomic_t alarmed;
static char fired_at[160], left_behind[512], deaths[1024];

static void die(const char *what)
{
	fprintf(stderr, "tracer: %s: %s\n", what, strerror(errno));
	exit(125);
}

static struct task *task_of(pid_t pid)
{
	for (struct task *t = tasks; t; t = t->next)
		if (t->pid == pid)
			return t;
	return NULL;
}

static unsigned int next_instance(const char *name)
{
	static struct { char name[64]; unsigned int count; } seen[256];

	for (size_t k = 0; k < sizeof(seen) / sizeof(*seen); k++) {
		if (!seen[k].name[0])
			(void)snprintf(seen[k].name, sizeof(seen[k].name), "%s", name);
		if (strcmp(seen[k].name, name) == 0)
			return seen[k].count++;
	}
	return 0;
}

static void rename_task(struct task *t, const char *name)
{
	(void)snprintf(t->name, sizeof(t->name), "%.63s", name);
	t->instance = next_instance(t->name);
}

static pid_t status_field(pid_t pid, const char *field)
{
	char path[64], line[256];
	int found = 0;
	FILE *f;

	(void)snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	f = fopen(path, "r");
	while (f && fgets(line, sizeof(line), f))
		if (strncmp(line, field, strlen(field)) == 0)
			found = atoi(line + strlen(field));
	if (f)
		(void)fclose(f);
	return found;
}

static struct task *add_task(pid_t pid)
{
	pid_t leader = status_field(pid, "Tgid:");
	struct task *parent = task_of(leader && leader != pid ? leader : status_field(pid, "PPid:")), *t = calloc(1, sizeof(*t));
	char name[80];

	if (!t)
		die("memory");
	t->pid = pid;
	t->phase = parent ? parent->phase : LOADING;
	(void)snprintf(name, sizeof(name), "%s%s", parent ? parent->name : "?", leader && leader != pid ? "~" : "+");
	rename_task(t, name);
	t->next = tasks;
	tasks = t;
	return t;
}

static void remove_task(struct task *gone)
{
	for (struct task **t = &tasks; *t; t = &(*t)->next)
		if (*t == gone) {
			*t = gone->next;
			free(gone);
			return;
		}
}

static void on_exec(struct task *t)
{
	char path[64], exe[4096], *base;
	ssize_t n;

	(void)snprintf(path, sizeof(path), "/proc/%d/exe", (int)t->pid);
	n = readlink(path, exe, sizeof(exe) - 1);
	exe[n > 0 ? n : 0] = '\0';
	base = strrchr(exe, '/');
	base = base ? base + 1 : exe;
	rename_task(t, strncmp(base, "lazaret-", 8) == 0 ? base + 8 : base);
	t->phase = LOADING;
	t->calls = 0;
	memset(t->by_number, 0, sizeof(t->by_number));
}

static void kill_all(void)
{
	for (struct task *t = tasks; t; t = t->next)
		if (kill(t->pid, SIGKILL) == 0)
			killed++;
}

static bool matches(const struct target *x, const struct task *t)
{
	return x->instance < 0 || ((unsigned int)x->instance == t->instance && strcmp(x->name, t->name) == 0);
}

static const char *call_name(long number)
{
	static char *names[CALLS_MAX];

	if (number < 0 || number >= CALLS_MAX)
		return "?";
	if (!names[number])
		names[number] = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, (int)number);
	return names[number] ? names[number] : "?";
}

static int errno_of(const char *name)
{
	static const struct { const char *name; int number; } known[] = {
		{ "EIO", EIO }, { "ENOSPC", ENOSPC }, { "EDQUOT", EDQUOT }, { "EMFILE", EMFILE }, { "ENFILE", ENFILE }, { "ENOMEM", ENOMEM },
		{ "EINTR", EINTR }, { "EAGAIN", EAGAIN }, { "EACCES", EACCES }, { "EPERM", EPERM }, { "EROFS", EROFS }, { "ENOLCK", ENOLCK },
		{ "EFBIG", EFBIG }, { "EPIPE", EPIPE }, { "ENOBUFS", ENOBUFS }, { "ECONNRESET", ECONNRESET }, { "ENOSYS", ENOSYS },
		{ "EMLINK", EMLINK }, { "ENOENT", ENOENT }, { "EXDEV", EXDEV }, { "EINVAL", EINVAL }, { "EBUSY", EBUSY }, { "ETXTBSY", ETXTBSY },
	};
	size_t length = strcspn(name, "!");

	for (size_t k = 0; k < sizeof(known) / sizeof(*known); k++)
		if (strlen(known[k].name) == length && strncmp(known[k].name, name, length) == 0)
			return known[k].number;
	fprintf(stderr, "tracer: %s: not a fault\n", name);
	exit(125);
}

static void set_registers(pid_t pid, const struct user_regs_struct *regs)
{
	if (ptrace(PTRACE_SETREGS, pid, NULL, regs) < 0 && errno != ESRCH)
		die("PTRACE_SETREGS");
}

static bool get_registers(pid_t pid, struct user_regs_struct *regs)
{
	return ptrace(PTRACE_GETREGS, pid, NULL, regs) == 0;
}

static void fire(const struct task *t)
{
	has_fired = true;
	(void)snprintf(fired_at, sizeof(fired_at), "%s.%u/%" PRIu64 " %s", t->name, t->instance, t->calls, call_name(t->number));
}

static void inject(struct task *t)
{
	struct user_regs_struct regs;

	if (!get_registers(t->pid, &regs))
		return;
	t->rdi = regs.rdi;
	t->rdx = regs.rdx;
	if (strcmp(fail_at.fault, "short") == 0) {
		if (regs.rdx < 2)
			return;
		regs.rdx /= 2;
	} else if (t->number == SYS_brk) {
		regs.rdi = 0; /* the kernel's way to say no: the end stays where it is */
	} else {
		t->alter_result = -errno_of(fail_at.fault);
		if (!strchr(fail_at.fault, '!'))
			regs.orig_rax = SYS_getpid;
	}
	t->is_altered = true;
	set_registers(t->pid, &regs);
	fire(t);
}

static void at_entry(struct task *t, const struct __ptrace_syscall_info *info)
{
	t->number = (long)info->entry.nr;
	memcpy(t->arguments, info->entry.args, sizeof(t->arguments));
	t->calls++;
	all_calls++;
	if (t->phase > LOADING && t->number >= 0 && t->number < CALLS_MAX)
		t->by_number[t->number]++;
	if (has_fired)
		return;
	if (kills && matches(&kill_at, t) && (kill_at.instance < 0 ? all_calls : t->calls) == kill_at.nth) {
		fire(t);
		if (kills_all)
			kill_all();
		else if (kill(t->pid, SIGKILL) == 0)
			killed++;
	}
	if (fails && t->phase > LOADING && matches(&fail_at, t) && t->number < CALLS_MAX && t->by_number[t->number] == fail_at.nth &&
	    strcmp(call_name(t->number), fail_at.call) == 0)
		inject(t);
}

/* What the first argument names, and the path in the second, for those who read the log. */
static void log_call(const struct task *t, int64_t result)
{
	static const char *const by_descriptor[] = { "read", "write", "pread64", "pwrite64", "fsync", "fdatasync", "syncfs", "fstat", "ftruncate",
						     "fallocate", "flock", "fchmod", "fchown", "getdents64", "fcntl", "sendmsg", "recvmsg", "ioctl", NULL };
	static const char *const by_path[] = { "openat", "openat2", "mkdirat", "unlinkat", "renameat", "renameat2", "linkat", "newfstatat",
					       "faccessat", "faccessat2", "fchmodat", "statx", NULL };
	char target[1024] = "", path[64];
	const char *name = call_name(t->number);

	for (const char *const *n = by_descriptor; *n; n++)
		if (strcmp(*n, name) == 0) {
			ssize_t size;

			(void)snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)t->pid, (int)t->arguments[0]);
			size = readlink(path, target, sizeof(target) - 1);
			target[size > 0 ? size : 0] = '\0';
		}
	for (const char *const *n = by_path; *n; n++)
		if (strcmp(*n, name) == 0) {
			struct iovec here = { target, sizeof(target) - 1 }, there = { (void *)t->arguments[1], 255 };
			ssize_t size = process_vm_readv(t->pid, &here, 1, &there, 1, 0);

			target[size > 0 ? size : 0] = '\0';
		}
	fprintf(log_file, "%s.%u\t%" PRIu64 "\t%d\t%s\t%" PRIu64 "\t%" PRId64 "\t%" PRIu64 "\t%s\n", t->name, t->instance, t->calls, t->phase,
		name, t->number >= 0 && t->number < CALLS_MAX ? t->by_number[t->number] : 0, result, t->arguments[2], target);
}

static void at_exit_of(struct task *t, const struct __ptrace_syscall_info *info)
{
	int64_t result = info->exit.rval;

	if (t->is_altered) {
		struct user_regs_struct regs;

		if (get_registers(t->pid, &regs)) {
			if (t->alter_result)
				regs.rax = (unsigned long long)t->alter_result;
			regs.rdi = t->rdi;
			regs.rdx = t->rdx;
			set_registers(t->pid, &regs);
		}
		t->is_altered = false;
		t->alter_result = 0;
	}
	if (t->number == SYS_rseq && t->phase == LOADING)
		t->phase = OPEN; /* among the last things that the loader does */
	if (t->number == SYS_seccomp && result == 0 && t->arguments[0] == 1)
		t->phase = CONFINED;
	if (log_file)
		log_call(t, result);
}

static void on_call(struct task *t)
{
	struct __ptrace_syscall_info info;

	if (ptrace(PTRACE_GET_SYSCALL_INFO, t->pid, sizeof(info), &info) < 0)
		return;
	if (info.op == PTRACE_SYSCALL_INFO_ENTRY)
		at_entry(t, &info);
	else if (info.op == PTRACE_SYSCALL_INFO_EXIT)
		at_exit_of(t, &info);
}

static void note_death(const struct task *t, int status)
{
	size_t at = strlen(deaths);

	if (WIFSIGNALED(status) && WTERMSIG(status) != SIGKILL) {
		ended_badly++;
		(void)snprintf(deaths + at, sizeof(deaths) - at, "%s%s.%u signal %d", at ? ", " : "", t->name, t->instance, WTERMSIG(status));
	}
}

/* What one stop means; the signal to go on with, or -1 when there is nothing to go on. */
static int on_stop(struct task *t, int status)
{
	int signal = WSTOPSIG(status), event = status >> 16;

	if (signal == (SIGTRAP | 0x80)) {
		on_call(t);
		return 0;
	}
	if (event == PTRACE_EVENT_EXEC) {
		on_exec(t);
		return 0;
	}
	if (event == PTRACE_EVENT_STOP && (signal == SIGSTOP || signal == SIGTSTP || signal == SIGTTIN || signal == SIGTTOU)) {
		(void)ptrace(PTRACE_LISTEN, t->pid, NULL, NULL);
		return -1;
	}
	return event ? 0 : signal;
}

static pid_t start(char **argv)
{
	pid_t pid = fork();
	int status;

	if (pid < 0)
		die("fork");
	if (pid == 0) {
		(void)raise(SIGSTOP);
		(void)execvp(argv[0], argv);
		_exit(127);
	}
	if (waitpid(pid, &status, WUNTRACED) < 0)
		die("waitpid");
	if (ptrace(PTRACE_SEIZE, pid, NULL,
		   PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL) < 0)
		die("PTRACE_SEIZE");
	if (kill(pid, SIGCONT) < 0)
		die("kill");
	return pid;
}

static void on_alarm(int number)
{
	(void)number;
	alarmed = 1;
}

static void on_deadline(bool has_ended)
{
	for (struct task *t = tasks; t; t = t->next) {
		size_t at = strlen(left_behind);

		(void)snprintf(left_behind + at, sizeof(left_behind) - at, "%s%s.%u in %s", at ? ", " : "", t->name, t->instance, call_name(t->number));
	}
	timed_out = !has_ended;
	kill_all();
}

/* Until nothing runs any more; the program's wait status. */
static int trace(pid_t program, unsigned int seconds)
{
	int result = 0;
	bool has_ended = false;

	(void)alarm(seconds);
	while (true) {
		int status, signal;
		pid_t pid = waitpid(-1, &status, __WALL);
		struct task *t;

		if (pid < 0 && errno == EINTR) {
			if (alarmed)
				on_deadline(has_ended);
			alarmed = 0;
			continue;
		}
		if (pid < 0)
			return result;
		t = task_of(pid);
		if (!t)
			t = add_task(pid);
		if (WIFEXITED(status) || WIFSIGNALED(status)) {
			note_death(t, status);
			remove_task(t);
			if (pid == program) {
				result = status;
				has_ended = true;
				(void)alarm(LEFT_BEHIND_S);
			}
			continue;
		}
		signal = on_stop(t, status);
		if (signal >= 0 && ptrace(PTRACE_SYSCALL, pid, NULL, signal) < 0 && errno != ESRCH)
			die("PTRACE_SYSCALL");
	}
}

static void parse_process(char *text, struct target *x)
{
	char *dot = strrchr(text, '.');

	x->instance = dot ? atoi(dot + 1) : -1;
	if (dot)
		*dot = '\0';
	(void)snprintf(x->name, sizeof(x->name), "%s", text);
}

static bool parse_target(char *text, bool is_fault, struct target *x)
{
	char *parts[4] = { NULL };
	size_t count = 0;

	for (char *p = strtok(text, "/"); p && count < 4; p = strtok(NULL, "/"))
		parts[count++] = p;
	if (count != (is_fault ? 4 : 2))
		return false;
	parse_process(parts[0], x);
	x->nth = strtoull(parts[is_fault ? 2 : 1], NULL, 10);
	if (is_fault) {
		(void)snprintf(x->call, sizeof(x->call), "%s", parts[1]);
		(void)snprintf(x->fault, sizeof(x->fault), "%s", parts[3]);
	}
	return true;
}

static void summarise(FILE *out, int status, double seconds)
{
	fprintf(out, "{\"calls\": %" PRIu64 ", \"deaths\": \"%s\", \"exit\": %d, \"fired\": %s, \"fired_at\": \"%s\", \"killed\": %u, "
		"\"left_behind\": \"%s\", \"seconds\": %.3f, \"signal\": %d, \"timed_out\": %s}\n",
		all_calls, deaths, WIFEXITED(status) ? WEXITSTATUS(status) : -1, has_fired ? "true" : "false", fired_at, killed, left_behind, seconds,
		WIFSIGNALED(status) ? WTERMSIG(status) : 0, timed_out ? "true" : "false");
}

int main(int argc, char **argv)
{
	const struct sigaction action = { .sa_handler = on_alarm };
	struct timespec begun, now;
	unsigned int seconds = 120;
	FILE *out = stderr;
	int option, status;
	pid_t pid;

	while ((option = getopt(argc, argv, "+o:l:t:k:K:f:")) != -1) {
		bool is_good = true;

		switch (option) {
		case 'o':
			out = fopen(optarg, "we");
			is_good = out != NULL;
			break;
		case 'l':
			log_file = fopen(optarg, "we");
			is_good = log_file != NULL;
			break;
		case 't':
			seconds = (unsigned int)atoi(optarg);
			break;
		case 'k':
		case 'K':
			kills = true;
			kills_all = option == 'K';
			is_good = parse_target(optarg, false, &kill_at);
			break;
		case 'f':
			fails = true;
			is_good = parse_target(optarg, true, &fail_at);
			break;
		default:
			is_good = false;
		}
		if (!is_good) {
			fprintf(stderr, "tracer: bad option -%c\n", option);
			return 125;
		}
	}
	if (optind >= argc)
		return 125;
	(void)sigaction(SIGALRM, &action, NULL);
	(void)clock_gettime(CLOCK_MONOTONIC, &begun);
	pid = start(argv + optind);
	status = trace(pid, seconds);
	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	summarise(out, status, (double)(now.tv_sec - begun.tv_sec) + (double)(now.tv_nsec - begun.tv_nsec) / 1e9);
	return fclose(out) == 0 && (!log_file || fclose(log_file) == 0) ? 0 : 125;
}
