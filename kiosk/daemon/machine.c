/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "daemon/machine.h"

#include <string.h>
#include <sys/socket.h>

#include "common/fd.h"
#include "daemon/daemon.h"

#define LATE_US (20 * UINT64_C(1000000)) /* the battery's clock takes up to two seconds; the rest is a loaded machine */

struct asking {
	struct daemon *d;
	int fd;
	sd_event_source *io, *late;
	char line[MACHINE_LINE_MAX + 1];
	size_t size;
	void (*done)(struct daemon *d, const char *why, void *data);
	void *data;
};

static void conclude(struct asking *a, const char *why)
{
	struct daemon *d = a->d;

	d->asking_machine = NULL;
	sd_event_source_disable_unref(a->io);
	sd_event_source_disable_unref(a->late);
	close_p(&a->fd);
	a->done(d, why, a->data);
	free(a);
}

static int on_answer(sd_event_source *source, int fd, uint32_t events, void *context)
{
	struct asking *a = context;
	ssize_t n = recv(fd, a->line + a->size, MACHINE_LINE_MAX - a->size, MSG_DONTWAIT);

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return 0;
	a->size += n > 0 ? (size_t)n : 0;
	if (n > 0 && !memchr(a->line, '\n', a->size) && a->size < MACHINE_LINE_MAX)
		return 0;
	a->line[strcspn(a->line, "\n")] = '\0';
	conclude(a, strcmp(a->line, "ok") == 0 ? NULL : strncmp(a->line, "error: ", 7) == 0 ? a->line + 7 : "lazaret-machine gave no answer: see its log");
	return 0;
}

static int on_late(sd_event_source *source, uint64_t usec, void *context)
{
	conclude(context, "lazaret-machine did not answer in time");
	return 0;
}

bool machine_is_there(const struct daemon *d)
{
	return d->machine && access(d->machine, F_OK) == 0;
}

void machine_ask(struct daemon *d, const char *line, void (*done)(struct daemon *d, const char *why, void *data), void *data)
{
	struct asking *a = d->asking_machine ? NULL : calloc(1, sizeof(*a));
	char words[MACHINE_LINE_MAX + 2];
	int size = snprintf(words, sizeof(words), "%s\n", line), r;
	uint64_t now;

	if (!a || size >= (int)sizeof(words) || !d->machine) {
		free(a);
		done(d, d->asking_machine ? "the machine is doing something else: try again" : "that is not possible here", data);
		return;
	}
	*a = (struct asking){ .d = d, .done = done, .data = data, .fd = fd_connect(d->machine, SOCK_STREAM | SOCK_NONBLOCK) };
	d->asking_machine = a;
	r = a->fd < 0 ? a->fd : send(a->fd, words, (size_t)size, MSG_NOSIGNAL | MSG_DONTWAIT) == size ? 0 : -EIO;
	if (r == 0)
		r = sd_event_add_io(d->loop, &a->io, a->fd, EPOLLIN, on_answer, a);
	if (r >= 0)
		r = sd_event_now(d->loop, CLOCK_MONOTONIC, &now);
	if (r >= 0)
		r = sd_event_add_time(d->loop, &a->late, CLOCK_MONOTONIC, now + LATE_US, 0, on_late, a);
	if (r < 0)
		conclude(a, strerror(-r));
}

void machine_done(struct daemon *d)
{
	if (d->asking_machine)
		conclude(d->asking_machine, "the station ends");
}
