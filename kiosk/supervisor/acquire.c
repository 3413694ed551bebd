/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Stage "acquire": the source is opened here, read-only, and handed to intake, which tells volumes. */
#include "supervisor/inspection.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "common/text.h"
#include "supervisor/answer.h"

#ifndef BLKGETDISKSEQ /* headers of Linux 5.14 and older */
#define BLKGETDISKSEQ _IOR(0x12, 128, __u64)
#endif

/* Between two messages of intake, which gives a probe, a kernel mount and a driver's start 90 s each. */
#define INTAKE_SECONDS 300
#define TEXT_MAX 1024

/* Between the event and now another device may have taken the name (BLKGETDISKSEQ: a number that the kernel gives each disk
 * once, Linux 5.15). */
static int check_identity(const struct inspection *i, int fd)
{
	uint64_t is = 0;

	if (i->request->diskseq == 0)
		return 0;
	if (ioctl(fd, BLKGETDISKSEQ, &is) < 0)
		return -errno;
	return is == i->request->diskseq ? 0 : -ENODEV;
}

static int open_source(struct inspection *i, const char **ret_kind, int *ret_fd)
{
	struct stat st;
	int fd = open(i->request->source, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	int r;

	if (fd < 0 || fstat(fd, &st) < 0) {
		r = -errno;
		events_trouble(i->supervisor->events, r == -ENOENT || r == -ENXIO || r == -ENODEV ? TROUBLE_REMOVED : TROUBLE_UNREADABLE,
			       "%s: %s. Check the path, and that the medium is still there.", i->request->source, strerror(-r));
		close_p(&fd);
		return r;
	}
	*ret_kind = S_ISBLK(st.st_mode) ? "device" : S_ISREG(st.st_mode) ? "image" : S_ISDIR(st.st_mode) ? "directory" : NULL;
	if (!*ret_kind) {
		close_p(&fd);
		events_error(i->supervisor->events, "%s: neither a block device nor an image file nor a directory",
			     i->request->source);
		return -EINVAL;
	}
	r = check_identity(i, fd);
	if (r < 0) {
		close_p(&fd);
		inspection_trouble(i, "opening the medium", r, NULL);
		return r;
	}
	*ret_fd = fd;
	return 0;
}

static int send_start(struct inspection *i, const char *kind, int fd)
{
	_cleanup_free_ struct encoder *e = malloc(sizeof(*e));

	if (!e)
		return -ENOMEM;
	encoder_init(e);
	encode_str(e, kind);
	encode_str(e, i->request->source);
	encode_u32(e, STATION_FS_COUNT_);
	for (unsigned int fs = 0; fs < STATION_FS_COUNT_; fs++) {
		encode_str(e, station_fs_name((enum station_fs)fs));
		encode_str(e, i->supervisor->config->drivers[fs]);
	}
	encode_u32(e, i->supervisor->answers_fd >= 0 ? (uint32_t)i->supervisor->config->devices.unlock_tries : 0);
	return channel_send(&i->intake.channel, MESSAGE_INTAKE_START, e, &fd, 1);
}

/* A string from the medium, escaped at once. */
static char *decode_escaped(struct decoder *d)
{
	size_t size;
	const uint8_t *raw = decode_bytes(d, TEXT_MAX, &size);

	return text_escape(raw, size);
}

static int on_medium(struct inspection *i, struct message *m)
{
	struct inspection_medium *medium = &i->medium;

	decode_str_into(&m->payload, medium->kind, sizeof(medium->kind));
	free(medium->vendor);
	free(medium->model);
	free(medium->serial);
	medium->vendor = decode_escaped(&m->payload);
	medium->model = decode_escaped(&m->payload);
	medium->serial = decode_escaped(&m->payload);
	medium->size = decode_u64(&m->payload);
	medium->is_write_protected = decode_u32(&m->payload) != 0;
	medium->sectors_before = medium->sectors_after = decode_u64(&m->payload);
	medium->counts_writes = strcmp(medium->kind, "device") == 0;
	if (!medium->vendor || !medium->model || !medium->serial)
		return -ENOMEM;
	events_send(i->supervisor->events, "medium",
		    json_pack("{s:s,s:s,s:s,s:s,s:I}", "kind", medium->kind, "vendor", medium->vendor, "model", medium->model,
			      "serial", medium->serial, "size", (json_int_t)medium->size));
	return decoder_end(&m->payload);
}

static bool outcome_valid(const char *outcome)
{
	static const char *const known[] = { "refused", "failed", "empty", "unallocated", "covered" };

	for (size_t k = 0; k < ARRAY_LEN(known); k++)
		if (strcmp(outcome, known[k]) == 0)
			return true;
	return false;
}

static void tell_volume(struct inspection *i, const struct volume *v)
{
	events_send(i->supervisor->events, "volume",
		    json_pack("{s:I,s:s,s:s,s:s,s:s,s:s}", "index", (json_int_t)v->index, "fs", v->fs, "label", v->label,
			      "driver", v->driver, "outcome", v->outcome, "detail", v->detail));
}

int volume_decode(struct message *m, struct volume *v)
{
	*v = (struct volume){ .root_fd = -EBADF };
	v->index = decode_u32(&m->payload);
	v->fs = decode_escaped(&m->payload);
	v->label = decode_escaped(&m->payload);
	v->uuid = decode_escaped(&m->payload);
	v->driver = decode_escaped(&m->payload);
	v->offset = decode_u64(&m->payload);
	v->size = decode_u64(&m->payload);
	if (m->type == MESSAGE_INTAKE_REFUSED) {
		decode_str_into(&m->payload, v->outcome, sizeof(v->outcome));
		v->detail = decode_escaped(&m->payload);
		if (!outcome_valid(v->outcome))
			return -EPROTO;
	} else {
		(void)snprintf(v->outcome, sizeof(v->outcome), "failed"); /* until it has been read */
		v->detail = decode_escaped(&m->payload);
		v->root_fd = TAKE_FD(m->fds[0]);
	}
	return v->fs && v->label && v->uuid && v->driver && v->detail ? decoder_end(&m->payload) : -ENOMEM;
}

void volume_done(struct volume *v)
{
	free(v->fs);
	free(v->label);
	free(v->uuid);
	free(v->driver);
	free(v->detail);
	close_p(&v->root_fd);
	*v = (struct volume){ .root_fd = -EBADF };
}

static int on_volume(struct inspection *i, struct message *m)
{
	struct volume *v;
	int r;

	if (i->medium.volume_count == VOLUMES_MAX)
		return -EPROTO;
	v = &i->medium.volumes[i->medium.volume_count++];
	r = volume_decode(m, v);
	if (r == 0 && v->root_fd < 0)
		tell_volume(i, v);
	return r;
}

/* -- encrypted volumes ------------------------------------------------------------------------------------------ */

/* What came too late for the last question must not answer the next. */
static void forget_answers(struct inspection *i)
{
	struct answer a;

	while (recv(i->supervisor->answers_fd, &a, sizeof(a), MSG_DONTWAIT) > 0)
		;
	explicit_bzero(&a, sizeof(a));
}

/* Nobody answered in time: as if the volume had been skipped. */
static int take_answer(struct inspection *i, uint32_t volume, struct answer *ret)
{
	struct patience patience = supervisor_patience(i->supervisor, i->supervisor->config->devices.unlock_time_s);
	int r = wait_readable(i->supervisor->answers_fd, &patience);
	ssize_t n;

	memset(ret, 0, sizeof(*ret));
	if (r < 0)
		return r == -ETIMEDOUT ? 0 : r;
	n = recv(i->supervisor->answers_fd, ret, sizeof(*ret), 0);
	if (n != (ssize_t)sizeof(*ret))
		return n < 0 ? -errno : -EPROTO;
	if (ret->volume != volume || ret->size > sizeof(ret->passphrase))
		ret->size = 0; /* an answer to another question opens nothing */
	return 0;
}

static int send_unlock(struct inspection *i, uint32_t volume, const struct answer *a)
{
	struct encoder *e = malloc(sizeof(*e));
	int r;

	if (!e)
		return -ENOMEM;
	encoder_init(e);
	encode_u32(e, volume);
	encode_bytes(e, a->passphrase, a->size);
	r = channel_send(&i->intake.channel, MESSAGE_INTAKE_UNLOCK, e, NULL, 0);
	explicit_bzero(e, sizeof(*e));
	free(e);
	return r;
}

static int on_locked(struct inspection *i, struct message *m)
{
	uint32_t volume = decode_u32(&m->payload);
	_cleanup_free_ char *format = decode_escaped(&m->payload), *label = decode_escaped(&m->payload);
	uint32_t left = decode_u32(&m->payload);
	_cleanup_free_ char *wrong = decode_escaped(&m->payload);
	struct answer a;
	int r = decoder_end(&m->payload);

	if (r < 0)
		return r;
	if (!format || !label || !wrong)
		return -ENOMEM;
	if (i->supervisor->answers_fd < 0)
		return -EPROTO; /* it was told that nobody is there */
	forget_answers(i);
	events_send(i->supervisor->events, "locked",
		    json_pack("{s:I,s:s,s:s,s:I,s:s}", "volume", (json_int_t)volume, "format", format, "label", label, "left",
			      (json_int_t)left, "wrong", wrong));
	r = take_answer(i, volume, &a);
	events_send(i->supervisor->events, "unlocking", json_pack("{s:I}", "volume", (json_int_t)volume));
	if (r == 0)
		r = send_unlock(i, volume, &a);
	explicit_bzero(&a, sizeof(a));
	return r;
}

static int take_volumes(struct inspection *i)
{
	_cleanup_free_ struct message *m = malloc(sizeof(*m));
	bool is_done = false;
	int r = m ? 0 : -ENOMEM;

	while (r == 0 && !is_done) {
		const struct patience patience = supervisor_patience(i->supervisor, INTAKE_SECONDS);

		r = wait_readable(i->intake.channel.fd, &patience);
		if (r == 0)
			r = channel_receive(&i->intake.channel, m, false);
		if (r < 0)
			break;
		if (m->type == MESSAGE_INTAKE_MEDIUM)
			r = on_medium(i, m);
		else if (m->type == MESSAGE_INTAKE_VOLUME || m->type == MESSAGE_INTAKE_REFUSED)
			r = on_volume(i, m);
		else if (m->type == MESSAGE_INTAKE_LOCKED)
			r = on_locked(i, m);
		else
			is_done = m->type == MESSAGE_INTAKE_DONE;
		message_done(m);
	}
	return r;
}

int inspection_acquire(struct inspection *i)
{
	_cleanup_close_ int fd = -EBADF;
	_cleanup_free_ char *why = NULL;
	struct patience patience = supervisor_patience(i->supervisor, INTAKE_SECONDS);
	const char *kind = NULL; /* gcc 14 at -O2 does not see that success writes it */
	int r = open_source(i, &kind, &fd);

	if (r < 0)
		return r;
	(void)snprintf(i->medium.kind, sizeof(i->medium.kind), "%s", kind);
	r = process_start(ROLE_INTAKE, &i->intake);
	if (r == 0)
		r = send_start(i, kind, fd);
	if (r == 0)
		r = process_ready(&i->intake, &patience, &why);
	if (r == 0)
		r = take_volumes(i);
	if (r < 0)
		inspection_trouble(i, "opening the medium", r, why);
	return r;
}
