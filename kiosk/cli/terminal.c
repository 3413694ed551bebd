/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Reads byte by byte: nothing of a secret stays in a buffer of stdio, and nothing of the next line is taken. */
#include "cli/terminal.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <termios.h>

#include "common/fd.h"

#define CTRL_C 0x03
#define CTRL_D 0x04
#define CTRL_U 0x15

static int lines_fd = -1;
static volatile sig_atomic_t caught;

void terminal_lines_from(int fd)
{
	lines_fd = fd;
}

bool terminal_is_program(void)
{
	return lines_fd >= 0;
}

static int read_byte(int fd, unsigned char *ret)
{
	ssize_t n;

	do
		n = read(fd, ret, 1);
	while (n < 0 && errno == EINTR && !caught);
	return n < 0 ? -errno : n == 0 ? -ECANCELED : 0;
}

static int read_program_line(char *out, size_t size)
{
	unsigned char byte;
	size_t used = 0;
	int r;

	while ((r = read_byte(lines_fd, &byte)) == 0 && byte != '\n') {
		if (byte == 0)
			return -EILSEQ;
		if (used + 1 >= size)
			return -EMSGSIZE;
		out[used++] = (char)byte;
	}
	out[used] = '\0';
	return r == -ECANCELED && used > 0 ? 0 : r; /* the last line may lack its end */
}

/* -- the terminal ------------------------------------------------------------------------------------------------------ */

static void put(int fd, const char *text)
{
	if (fd_write_all(fd, text, strlen(text)) < 0)
		errno = 0; /* a terminal that has gone shows at the next read */
}

/* The last character: one byte, or one of UTF-8. */
static size_t without_last(const char *text, size_t used)
{
	while (used > 0 && ((unsigned char)text[used - 1] & 0xc0) == 0x80)
		used--;
	return used > 0 ? used - 1 : 0;
}

static int read_typed_line(int fd, bool is_shown, char *out, size_t size)
{
	size_t used = 0;
	unsigned char byte;
	int r;

	while ((r = read_byte(fd, &byte)) == 0 && byte != '\n' && byte != '\r') {
		if (byte == CTRL_C || byte == CTRL_D)
			return -ECANCELED;
		if (byte == 0x7f || byte == '\b') {
			if (is_shown && used > 0)
				put(fd, "\b \b");
			used = without_last(out, used);
		} else if (byte == CTRL_U) {
			for (; used > 0; used = without_last(out, used))
				if (is_shown)
					put(fd, "\b \b");
		} else if (byte < 0x20) {
			return -EILSEQ;
		} else if (used + 1 >= size) {
			return -EMSGSIZE;
		} else {
			out[used++] = (char)byte;
			if (is_shown)
				put(fd, (const char[]){ (char)byte, '\0' });
		}
	}
	out[used] = '\0';
	return r;
}

static void on_signal(int number)
{
	caught = number;
}

/* With the terminal in our hands whatever ends us must give it back first. */
static int read_quietly(int fd, const char *prompt, bool is_shown, char *out, size_t size)
{
	static const int numbers[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };
	const struct sigaction catch = { .sa_handler = on_signal };
	struct sigaction before[ARRAY_LEN(numbers)];
	struct termios as_it_was, quiet;
	int r;

	if (tcgetattr(fd, &as_it_was) < 0)
		return -ENOTTY;
	quiet = as_it_was;
	quiet.c_lflag &= ~(tcflag_t)(ECHO | ECHONL | ICANON | ISIG);
	quiet.c_cc[VMIN] = 1;
	quiet.c_cc[VTIME] = 0;
	caught = 0;
	for (size_t k = 0; k < ARRAY_LEN(numbers); k++)
		(void)sigaction(numbers[k], &catch, &before[k]); /* cannot fail for these */
	r = tcsetattr(fd, TCSAFLUSH, &quiet) < 0 ? -errno : 0;
	if (r == 0) {
		put(fd, prompt); /* now: what is typed before is shown, and thrown away */
		r = read_typed_line(fd, is_shown, out, size);
	}
	(void)tcsetattr(fd, TCSAFLUSH, &as_it_was); /* nothing else can be done about it */
	put(fd, "\n");
	for (size_t k = 0; k < ARRAY_LEN(numbers); k++)
		(void)sigaction(numbers[k], &before[k], NULL);
	if (caught)
		(void)raise(caught);
	return caught ? -ECANCELED : r;
}

int terminal_ask(const char *prompt, bool is_secret, char *out, size_t size)
{
	_cleanup_close_ int fd = -EBADF;
	int r;

	if (lines_fd >= 0) {
		r = read_program_line(out, size);
	} else {
		fd = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
		if (fd < 0)
			return -ENOTTY;
		r = read_quietly(fd, prompt, !is_secret, out, size);
	}
	if (r < 0)
		explicit_bzero(out, size);
	return r;
}

void terminal_say(const char *text)
{
	_cleanup_close_ int fd = lines_fd >= 0 ? -EBADF : open("/dev/tty", O_WRONLY | O_NOCTTY | O_CLOEXEC);

	put(fd < 0 ? STDERR_FILENO : fd, text);
	put(fd < 0 ? STDERR_FILENO : fd, "\n");
}
