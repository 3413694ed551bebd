/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* lazaret-intake: from a source to the roots of its volumes. The only role with mount privileges; it parses nothing of
 * the medium itself: a probe tells what is there, the kernel's or a jailed program's driver reads it. One intake
 * serves one medium.
 */
#include <string.h>

#include "common/log.h"
#include "intake/disc.h"
#include "intake/driver.h"
#include "intake/kernel.h"
#include "intake/locked.h"
#include "intake/medium.h"
#include "intake/policy.h"
#include "intake/probe.h"
#include "ipc/channel.h"
#include "sandbox/sandbox.h"

#define KIND_MAX 16
#define PATH_TEXT_MAX 4096

/* Where a volume's bytes are: on the source, or in an encrypted volume that was opened. */
struct place {
	int fd;	       /* borrowed */
	uint64_t base; /* bytes: the volume's offset counts from here */
	bool is_inside;
};

struct intake {
	struct channel channel;
	struct medium medium;
	struct policy policy;
	struct driver_account account;
	struct volume_list volumes;
	struct driver drivers[VOLUMES_MAX]; /* by volume */
	struct place places[VOLUMES_MAX];   /* likewise */
	int mapped_fds[VOLUMES_MAX];	    /* owned: of opened encrypted volumes */
	char kind[KIND_MAX];
	uint32_t tries; /* passphrases for each encrypted volume; 0: nobody is there to be asked */
	int source_fd;
};

static int start(struct intake *in)
{
	struct message m;
	_cleanup_free_ char *path = NULL;
	int r = channel_expect(&in->channel, MESSAGE_INTAKE_START, &m, NULL);

	if (r < 0)
		return r;
	decode_str_into(&m.payload, in->kind, sizeof(in->kind));
	path = decode_str(&m.payload, PATH_TEXT_MAX); /* for the supervisor's own messages; nothing is opened by it */
	r = policy_decode(&in->policy, &m.payload);
	in->tries = decode_u32(&m.payload);
	if (r == 0)
		r = decoder_end(&m.payload);
	in->source_fd = TAKE_FD(m.fds[0]);
	message_done(&m);
	return r;
}

static int tell_medium(struct intake *in)
{
	const struct medium *m = &in->medium;
	struct encoder e;

	encoder_init(&e);
	encode_str(&e, m->kind);
	encode_str(&e, m->vendor);
	encode_str(&e, m->model);
	encode_str(&e, m->serial);
	encode_u64(&e, m->size);
	encode_u32(&e, m->is_write_protected);
	encode_u64(&e, medium_sectors_written(m));
	return channel_send(&in->channel, MESSAGE_INTAKE_MEDIUM, &e, NULL, 0);
}

static void encode_volume(struct encoder *e, size_t index, const struct volume *v)
{
	encoder_init(e);
	encode_u32(e, (uint32_t)index);
	encode_str(e, v->fs);
	encode_str(e, v->label);
	encode_str(e, v->uuid);
	encode_str(e, v->driver);
	encode_u64(e, v->offset);
	encode_u64(e, v->size);
}

/* `root_fd` borrowed; negative: nobody will read this volume, and its outcome says why. */
static int tell_volume(struct intake *in, size_t index, const struct volume *v, int root_fd)
{
	struct encoder e;

	encode_volume(&e, index, v);
	if (root_fd < 0) {
		encode_str(&e, volume_outcome_name(v->outcome));
		encode_str(&e, v->detail);
		return channel_send(&in->channel, MESSAGE_INTAKE_REFUSED, &e, NULL, 0);
	}
	encode_str(&e, v->detail);
	return channel_send(&in->channel, MESSAGE_INTAKE_VOLUME, &e, &root_fd, 1);
}

/* Drivers in the order of the policy. What the kernel said stays in the detail when a program then succeeds, unless it
 * only lacked the driver. */
static int open_volume(struct intake *in, size_t index, struct volume *v, int *ret_root_fd)
{
	int source_fd = in->places[index].fd;
	const struct policy_line *line = policy_find(&in->policy, v->fs);
	int r = -ENODEV;

	if (!line || line->drivers[0] == DRIVER_END) {
		v->outcome = VOLUME_REFUSED;
		volume_detail(v, "file system denied by configuration");
		return -EACCES;
	}
	for (size_t i = 0; line->drivers[i] != DRIVER_END; i++) {
		if (line->drivers[i] == DRIVER_KERNEL)
			r = kernel_mount(v, source_fd, ret_root_fd);
		else
			r = driver_open(v, source_fd, &in->account, &in->drivers[index], ret_root_fd);
		if (r == 0)
			return 0;
	}
	/* Nothing here can read it, or something should have and did not. */
	v->outcome = r == -ENODEV || r == -EPERM || r == -EACCES ? VOLUME_REFUSED : VOLUME_FAILED;
	if (!v->detail[0])
		volume_detail(v, "this kernel has no driver for %s, and the configuration allows no other", v->fs);
	return r;
}

static int tell_directory(struct intake *in)
{
	struct volume v = { .outcome = VOLUME_OPEN };

	medium_fs_name(&in->medium, v.fs, sizeof(v.fs));
	(void)snprintf(v.driver, sizeof(v.driver), "directory");
	in->volumes.count = 1;
	return tell_volume(in, 0, &v, in->source_fd);
}

static void probe(int fd, uint64_t size, struct volume_list *ret)
{
	int r = probe_source(fd, size, PROBE_TIME_MS, ret);
	struct volume *v;

	if (r == 0 && ret->count > 0)
		return;
	memset(ret, 0, sizeof(*ret));
	v = volume_add(ret, 0, size, r < 0 ? VOLUME_FAILED : VOLUME_EMPTY);
	if (!v)
		return;
	if (r == 0)
		volume_detail(v, "the medium has no bytes");
	else if (r == -ETIMEDOUT)
		volume_detail(v, "the medium did not answer in time");
	else
		volume_detail(v, "the partition table could not be read: %s",
			      r == -ECHILD ? "the probe was stopped by its sandbox or crashed" : strerror(-r));
}

/* What an opened encrypted volume holds takes its place; more than one volume (a partition table inside) are added behind
 * the others. */
static void take_inner(struct intake *in, size_t index, const struct volume_list *inner)
{
	struct volume outer = in->volumes.list[index];
	struct place place = { .fd = in->mapped_fds[index], .base = outer.offset, .is_inside = true };
	bool is_one = inner->count == 1;
	struct volume *v = &in->volumes.list[index];

	v->outcome = VOLUME_COVERED;
	if (!is_one && inner->count > VOLUMES_MAX - in->volumes.count) {
		v->outcome = VOLUME_REFUSED;
		volume_detail(v, "holds %zu volumes, more than this station reads of one medium", inner->count);
		return;
	}
	if (!is_one)
		volume_detail(v, "holds %zu volumes, read as volumes %zu to %zu", inner->count, in->volumes.count,
			      in->volumes.count + inner->count - 1);
	for (size_t i = 0; i < inner->count; i++) {
		size_t at = is_one ? index : in->volumes.count++;

		v = &in->volumes.list[at];
		*v = inner->list[i];
		v->offset += outer.offset;
		(void)snprintf(v->detail, sizeof(v->detail), "%s", outer.detail);
		if (inner->list[i].detail[0])
			volume_detail(v, "%s", inner->list[i].detail);
		if (locked_is(v) && !v->is_noise)
			volume_detail(v, "encrypted inside an encrypted volume: only one level is opened");
		in->places[at] = place;
	}
}

/* One level only: each level would be asked for, and a medium can have a hundred. */
static int unlock(struct intake *in, size_t index)
{
	static struct volume_list inner;
	struct volume *v = &in->volumes.list[index];
	uint64_t size = 0;
	int r;

	if (in->places[index].is_inside)
		return 0;
	r = locked_open(&in->channel, in->tries, index, v, in->source_fd, &in->mapped_fds[index], &size);
	if (r <= 0)
		return r;
	probe(in->mapped_fds[index], size, &inner);
	take_inner(in, index, &inner);
	return 0;
}

static int tell_one(struct intake *in, size_t index)
{
	struct volume *v = &in->volumes.list[index];
	_cleanup_close_ int root_fd = -EBADF;
	uint64_t base;
	int r = in->tries > 0 && locked_is(v) ? unlock(in, index) : 0;

	if (r < 0)
		return r;
	base = in->places[index].base;
	v->offset -= base;
	if (v->outcome == VOLUME_OPEN && open_volume(in, index, v, &root_fd) < 0)
		log_warning("volume=%zu fs=%s: %s", index, v->fs, v->detail);
	v->offset += base;
	return tell_volume(in, index, v, root_fd);
}

/* After the probe, since that is when a partition may have appeared (the kernel reads tables in its own time). */
static void refuse_unprotected(struct intake *in)
{
	if (medium_was_protected(&in->medium))
		return;
	in->medium.is_write_protected = false;
	for (size_t i = 0; i < in->volumes.count; i++) {
		struct volume *v = &in->volumes.list[i];

		v->outcome = VOLUME_FAILED;
		v->detail[0] = '\0';
		volume_detail(v, "write-block: a part of this medium could be written to while it was looked at");
	}
}

static int tell_volumes(struct intake *in)
{
	bool is_disc = strcmp(in->medium.kind, "optical") == 0;
	int r = 0;

	if (!is_disc || disc_has_volumes(in->source_fd, in->medium.size, &in->volumes))
		probe(in->source_fd, in->medium.size, &in->volumes);
	if (is_disc)
		disc_add_remarks(in->source_fd, &in->volumes);
	refuse_unprotected(in);
	for (size_t i = 0; i < VOLUMES_MAX; i++)
		in->places[i] = (struct place){ .fd = in->source_fd };
	for (size_t i = 0; r == 0 && i < in->volumes.count; i++)
		r = tell_one(in, i);
	return r;
}

static int tell_all(struct intake *in)
{
	struct encoder e;
	int r = tell_medium(in);

	if (r == 0)
		r = strcmp(in->medium.kind, "directory") == 0 ? tell_directory(in) : tell_volumes(in);
	if (r < 0)
		return r;
	encoder_init(&e);
	encode_u32(&e, (uint32_t)in->volumes.count);
	return channel_send(&in->channel, MESSAGE_INTAKE_DONE, &e, NULL, 0);
}

static void let_go(struct intake *in)
{
	for (size_t i = 0; i < VOLUMES_MAX; i++) {
		driver_end(&in->drivers[i]);
		close_p(&in->mapped_fds[i]);
	}
}

/* The mounts live in the supervisor's and the reader's descriptors; loop devices and mappings go with them. */
static int on_close(struct intake *in)
{
	bool was_protected = medium_was_protected(&in->medium);
	struct encoder e;

	let_go(in);
	encoder_init(&e);
	encode_u32(&e, in->medium.is_write_protected && was_protected);
	encode_u64(&e, medium_sectors_written(&in->medium));
	encode_u32(&e, medium_is_present(&in->medium));
	medium_close(&in->medium);
	return channel_send(&in->channel, MESSAGE_INTAKE_CLOSED, &e, NULL, 0);
}

static int serve(struct intake *in)
{
	bool ends = false;
	int r = tell_all(in);

	if (r == -ENOTCONN) /* ended while it was asking for a passphrase */
		return 0;
	while (r == 0 && !ends) {
		struct message m;

		r = channel_receive(&in->channel, &m, false);
		if (r == -ENOTCONN)
			return 0;
		if (r < 0)
			return r;
		r = decoder_end(&m.payload);
		if (r == 0 && m.type == MESSAGE_INTAKE_CLOSE)
			r = on_close(in);
		else
			ends = m.type == MESSAGE_END;
		message_done(&m);
	}
	return r;
}

static int enter(struct intake *in, const char **ret_where)
{
	int r;

	/* The user database, while there is one: later look-ups (by the children's sandbox) are answered from it
	 * without the name service daemon, whose socket the filter forbids. */
	*ret_where = "account of the drivers (create it with systemd-sysusers)";
	r = driver_account_get(&in->account);
	if (r == 0)
		r = sandbox_enter(ROLE_INTAKE, &in->source_fd, 1, ret_where);
	return r;
}

int main(void)
{
	static struct intake in;
	char words[VOLUME_DETAIL_MAX] = "";
	const char *where = "start";
	int r;

	log_open("lazaret-intake");
	in.source_fd = in.medium.claim_fd = in.medium.lock_fd = -EBADF;
	for (size_t i = 0; i < VOLUMES_MAX; i++) {
		in.drivers[i] = DRIVER_NONE;
		in.mapped_fds[i] = -EBADF;
	}
	channel_init(&in.channel, CHANNEL_FD, false, CHANNEL_INTAKE);
	r = start(&in);
	if (r == 0)
		r = enter(&in, &where);
	if (r == 0) {
		where = "medium";
		r = medium_open(&in.medium, in.source_fd, in.kind, words, sizeof(words));
	}
	if (r < 0) {
		(void)channel_fail(&in.channel, r, where, "%s", words[0] ? words : strerror(-r)); /* so does the status */
		return EXIT_FAILURE;
	}
	r = channel_ready(&in.channel, "intake", sandbox_describe());
	if (r == 0)
		r = serve(&in);
	if (r < 0)
		log_error("err=%s: %s", errno_name(r), strerror(-r));
	let_go(&in);
	medium_close(&in.medium);
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
