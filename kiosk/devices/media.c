/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "devices/media.h"

#include <limits.h>
#include <stddef.h>
#include <string.h>

#include "common/log.h"
#include "devices/limits.h"
#include "devices/sysfs.h"

#define DISKS_MAX 256
#define SECTOR 512 /* the unit of "size" in /sys, whatever the disk's own */

/* SCSI peripheral device types (SPC-4, 6.4.2). */
#define TYPE_DISK 0x00
#define TYPE_DISC 0x05
#define TYPE_OPTICAL_MEMORY 0x07 /* MO discs: read as disks */
#define TYPE_REDUCED 0x0e

/* What is in a drive. Compared as a whole: whatever changes makes it another medium. */
struct facts {
	const char *kind; /* static: disk, optical, loop */
	uint32_t major, minor;
	uint64_t diskseq, size;
	char port[64];
	char vendor[USB_STRING_MAX], model[USB_STRING_MAX], serial[USB_STRING_MAX];
	char usb_id[10];
	uint32_t lun;
};

struct disk {
	char name[32];
	bool is_told;
	struct facts facts; /* as told */
	char key[128];
	bool is_waiting;
	int64_t first_ms, due_ms;
};

struct media {
	const char *udev_data;
	const struct usb_policy *policy;
	const struct usb_bus *bus;
	const struct own *own;
	struct teller teller;
	struct disk *disks[DISKS_MAX];
	size_t count;
	uint64_t started_ms, next_key;
};

int media_new(const char *udev_data, const struct usb_policy *policy, const struct usb_bus *bus, const struct own *own,
	      const struct teller *teller, struct media **ret)
{
	struct media *m = calloc(1, sizeof(*m));

	if (!m)
		return -ENOMEM;
	m->udev_data = udev_data;
	m->policy = policy;
	m->bus = bus;
	m->own = own;
	m->teller = *teller;
	m->started_ms = (uint64_t)now_ms();
	*ret = m;
	return 0;
}

struct media *media_free(struct media *m)
{
	for (size_t i = 0; m && i < m->count; i++)
		free(m->disks[i]);
	free(m);
	return NULL;
}

/* -- looking ---------------------------------------------------------------------------------------------------------- */

/* INQUIRY strings are padded with spaces (SPC-4, 4.3.1). */
static void read_inquiry(const char *syspath, const char *attribute, char *out, size_t size)
{
	size_t n;

	(void)sysfs_text(syspath, attribute, out, size); /* "" when there is none */
	n = strlen(out);
	while (n > 0 && out[n - 1] == ' ')
		n--;
	memset(out + n, 0, size - n); /* equal facts are equal bytes */
}

/* Where a disk is: its path in /sys, cut behind what it sits on. */
struct place {
	char path[PATH_MAX];
	char usb[USB_NAME_MAX];	  /* the innermost USB device; "": none */
	char scsi[32];		  /* the SCSI device's address, "2:0:0:1"; "": none */
	char scsi_path[PATH_MAX]; /* and its path */
	uint32_t lun;
};

static bool is_scsi_address(const char *name, uint32_t *ret_lun)
{
	unsigned int host, channel, target, lun;
	int end = 0;

	if (strlen(name) >= 32 || sscanf(name, "%u:%u:%u:%u%n", &host, &channel, &target, &lun, &end) != 4 || name[end])
		return false;
	*ret_lun = lun;
	return true;
}

static bool find_place(const char *name, struct place *ret)
{
	char link[64];

	*ret = (struct place){ 0 };
	if (snprintf(link, sizeof(link), "/sys/class/block/%s", name) >= (int)sizeof(link) || !realpath(link, ret->path))
		return false;
	for (const char *at = ret->path; *at; at += strcspn(at, "/")) {
		char part[NAME_MAX + 1];
		size_t size = strcspn(++at, "/");

		if (size >= sizeof(part))
			return false;
		memcpy(part, at, size);
		part[size] = '\0';
		if (usb_port_valid(part)) {
			(void)snprintf(ret->usb, sizeof(ret->usb), "%.31s", part);
		} else if (is_scsi_address(part, &ret->lun)) {
			(void)snprintf(ret->scsi, sizeof(ret->scsi), "%.31s", part);
			(void)snprintf(ret->scsi_path, sizeof(ret->scsi_path), "%.*s", (int)(at - ret->path + (ptrdiff_t)size), ret->path);
		}
	}
	return true;
}

/* What udevd knows: a line a fact, "I:" when it has finished with the device, "E:KEY=VALUE" (systemd's device-private.c). libudev
 * would read the same file, see sysfs.h. */
struct known {
	bool is_finished, has_disc;
	char serial[USB_STRING_MAX];
};

static void read_line(char *line, struct known *k)
{
	line[strcspn(line, "\n")] = '\0';
	if (strncmp(line, "I:", 2) == 0)
		k->is_finished = true;
	else if (strcmp(line, "E:ID_CDROM_MEDIA=1") == 0)
		k->has_disc = true;
	else if (strncmp(line, "E:ID_SERIAL_SHORT=", 18) == 0)
		(void)snprintf(k->serial, sizeof(k->serial), "%s", line + 18);
}

static struct known read_known(const struct media *m, const char *number)
{
	char path[PATH_MAX], *line = NULL;
	_cleanup_fclose_ FILE *f = NULL;
	struct known k = { 0 };
	size_t size = 0;

	if (m->udev_data && snprintf(path, sizeof(path), "%s/b%s", m->udev_data, number) < (int)sizeof(path))
		f = fopen(path, "re");
	while (f && getline(&line, &size, f) > 0)
		read_line(line, &k);
	free(line);
	return k;
}

/* "ata-3" where libata made the drive's host, otherwise the SCSI address. */
static void print_place(const char *syspath, const char *address, char out[static 64])
{
	const char *ata = strstr(syspath, "/ata");
	size_t digits = ata ? strspn(ata + 4, "0123456789") : 0;

	if (digits > 0 && digits < 8 && ata[4 + digits] == '/')
		(void)snprintf(out, 64, "ata-%.*s", (int)digits, ata + 4);
	else
		(void)snprintf(out, 64, "scsi-%.32s", address);
}

/* A drive on USB counts only as far as its device was accepted; others only when they are disc drives: fixed disks are the
 * station's own. */
static bool look_at_place(const struct media *m, const struct place *p, const struct known *k, struct facts *f)
{
	const char *vendor, *product, *serial = k->serial;

	if (p->usb[0]) {
		if (!usb_bus_medium(m->bus, p->usb) || !usb_bus_identity(m->bus, p->usb, f->usb_id, &vendor, &product, &serial))
			return false;
		(void)snprintf(f->port, sizeof(f->port), "usb:%s", p->usb);
	} else {
		if (strcmp(f->kind, "optical") != 0)
			return false;
		print_place(p->path, p->scsi, f->port);
	}
	(void)snprintf(f->serial, sizeof(f->serial), "%s", serial);
	return true;
}

static bool look_at_scsi(const struct media *m, const char *name, const struct place *p, const struct known *k, struct facts *f)
{
	uint64_t type = p->scsi[0] ? sysfs_number(p->scsi_path, "type", 10, UINT64_MAX) : UINT64_MAX;

	if (type == TYPE_DISC && strncmp(name, "sr", 2) == 0) {
		if (!m->policy->has_optical || !k->has_disc) /* blank and audio discs count, too: intake says what it is */
			return false;
		f->kind = "optical";
	} else if (type == TYPE_DISK || type == TYPE_OPTICAL_MEMORY || type == TYPE_REDUCED) {
		if (f->size == 0) /* an empty slot of a reader */
			return false;
		f->kind = "disk";
	} else {
		return false;
	}
	read_inquiry(p->scsi_path, "vendor", f->vendor, sizeof(f->vendor));
	read_inquiry(p->scsi_path, "model", f->model, sizeof(f->model));
	f->lun = p->lun;
	return look_at_place(m, p, k, f);
}

static bool look_at_loop(const struct media *m, const char *name, const struct place *p, struct facts *f)
{
	char file[SYSFS_PATH_MAX];
	const char *slash, *dir = m->policy->loop_dir;
	size_t size = strlen(dir);

	if (size == 0 || f->size == 0 ||
	    sysfs_text(p->path, "loop/backing_file", file, sizeof(file)) < 0)
		return false;
	/* Others' loop devices are none of the station's business: intake's own, above all. */
	if (strncmp(file, dir, size) != 0 || file[size] != '/')
		return false;
	slash = strrchr(file, '/');
	f->kind = "loop";
	(void)snprintf(f->port, sizeof(f->port), "loop:%.32s", name);
	(void)snprintf(f->model, sizeof(f->model), "%.255s", slash ? slash + 1 : file);
	return true;
}

/* Is there a medium in this disk, one that may be read? */
static bool look(const struct media *m, const char *name, struct facts *ret)
{
	struct place p;
	struct known k;
	char number[32];

	memset(ret, 0, sizeof(*ret)); /* compared as a whole */
	if (!find_place(name, &p) || sysfs_number(p.path, "partition", 10, 0) > 0 ||
	    sysfs_text(p.path, "dev", number, sizeof(number)) < 0 || sscanf(number, "%u:%u", &ret->major, &ret->minor) != 2)
		return false;
	k = read_known(m, number);
	if (m->udev_data && !k.is_finished)
		return false; /* nobody else opens it now; udevd's event will come */
	ret->diskseq = sysfs_number(p.path, "diskseq", 10, 0);
	ret->size = MIN(sysfs_number(p.path, "size", 10, 0), UINT64_MAX / SECTOR) * SECTOR;
	if (own_has(m->own, name, ret->diskseq))
		return false;
	return strncmp(name, "loop", 4) == 0 ? look_at_loop(m, name, &p, ret) : look_at_scsi(m, name, &p, &k, ret);
}

/* -- telling ------------------------------------------------------------------------------------------------------------ */

static int tell_medium(struct media *m, struct disk *d)
{
	const struct facts *f = &d->facts;
	struct encoder e;

	/* The start of this process makes it unlike those of an earlier one. */
	(void)snprintf(d->key, sizeof(d->key), "%llx.%llu/%s/%llu", (unsigned long long)m->started_ms,
		       (unsigned long long)++m->next_key, f->port, (unsigned long long)f->diskseq);
	d->is_told = true;
	encoder_init(&e);
	encode_str(&e, d->key);
	encode_str(&e, d->name);
	encode_u32(&e, f->major);
	encode_u32(&e, f->minor);
	encode_u64(&e, f->diskseq);
	encode_str(&e, f->kind);
	encode_str(&e, f->port);
	encode_bytes(&e, f->vendor, strlen(f->vendor));
	encode_bytes(&e, f->model, strlen(f->model));
	encode_bytes(&e, f->serial, strlen(f->serial));
	encode_str(&e, f->usb_id);
	encode_u32(&e, f->lun);
	encode_u64(&e, f->size);
	return m->teller.tell(m->teller.context, MESSAGE_DEVICES_MEDIUM, &e);
}

static int tell_key(struct media *m, const struct disk *d, enum message_type type)
{
	struct encoder e;

	encoder_init(&e);
	encode_str(&e, d->key);
	return m->teller.tell(m->teller.context, type, &e);
}

/* -- events -------------------------------------------------------------------------------------------------------------- */

static size_t find(const struct media *m, const char *name)
{
	size_t i = 0;

	while (i < m->count && strcmp(m->disks[i]->name, name) != 0)
		i++;
	return i;
}

static void forget(struct media *m, size_t at)
{
	free(m->disks[at]);
	memmove(&m->disks[at], &m->disks[at + 1], (--m->count - at) * sizeof(m->disks[0]));
}

static int wait_until_quiet(struct media *m, const char *name)
{
	size_t at = find(m, name);
	int64_t now = now_ms();
	struct disk *d;

	if (at == m->count) {
		if (at == DISKS_MAX) {
			log_warning("%s: too many media", name);
			return 0;
		}
		m->disks[at] = calloc(1, sizeof(*d));
		if (!m->disks[at])
			return -ENOMEM;
		(void)snprintf(m->disks[at]->name, sizeof(m->disks[at]->name), "%s", name);
		m->count++;
	}
	d = m->disks[at];
	if (!d->is_waiting)
		d->first_ms = now;
	d->is_waiting = true;
	d->due_ms = MIN(now + QUIET_MS, d->first_ms + QUIET_TOTAL_MS);
	return 0;
}

/* What was told does not hold any more. */
static int tell_gone(struct media *m, size_t at)
{
	int r = m->disks[at]->is_told ? tell_key(m, m->disks[at], MESSAGE_DEVICES_MEDIUM_GONE) : 0;

	forget(m, at);
	return r;
}

int media_seen(struct media *m, const char *name)
{
	struct facts now;
	bool is = strlen(name) < sizeof(m->disks[0]->name) && look(m, name, &now);
	size_t at = find(m, name);
	int r = 0;

	if (at < m->count && m->disks[at]->is_told) {
		if (is && memcmp(&now, &m->disks[at]->facts, sizeof(now)) == 0)
			return 0;
		r = tell_gone(m, at);
	} else if (at < m->count && !is) {
		forget(m, at);
	}
	return r == 0 && is ? wait_until_quiet(m, name) : r;
}

int media_gone(struct media *m, const char *name)
{
	size_t at = find(m, name);

	return at < m->count ? tell_gone(m, at) : 0;
}

int media_button(struct media *m, const char *name)
{
	size_t at = find(m, name);

	return at < m->count && m->disks[at]->is_told ? tell_key(m, m->disks[at], MESSAGE_DEVICES_BUTTON) : 0;
}

static int found(void *context, const char *name)
{
	return media_seen(context, name);
}

int media_look_at_all(struct media *m)
{
	int r = 0;

	for (size_t i = m->count; r == 0 && i-- > 0;) { /* what is not there any more is not found below */
		char name[sizeof(m->disks[0]->name)];

		memcpy(name, m->disks[i]->name, sizeof(name));
		r = media_seen(m, name);
	}
	return r < 0 ? r : sysfs_list("/sys/block", found, m);
}

int media_tick(struct media *m)
{
	int r = 0;

	for (size_t i = m->count; r == 0 && i-- > 0;) {
		struct disk *d = m->disks[i];

		if (!d->is_waiting || now_ms() < d->due_ms)
			continue;
		d->is_waiting = false;
		if (look(m, d->name, &d->facts))
			r = tell_medium(m, d);
		else
			forget(m, i);
	}
	return r;
}

int64_t media_deadline(const struct media *m)
{
	int64_t deadline = INT64_MAX;

	for (size_t i = 0; i < m->count; i++)
		if (m->disks[i]->is_waiting)
			deadline = MIN(deadline, m->disks[i]->due_ms);
	return deadline;
}
