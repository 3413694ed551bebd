/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* What was started, and how: dm-verity, Secure Boot, the kernel's command line, lockdown, IOMMU, modules. */
#include <dirent.h>
#include <limits.h>
#include <string.h>

#include "common/fd.h"
#include "selfcheck/read.h"
#include "selfcheck/selfcheck.h"

#define SECURE_BOOT_GUID "8be4df61-93ca-11d2-aa0d-00e098032b8c" /* EFI_GLOBAL_VARIABLE (UEFI 2.10, 3.3) */

/* What stands at `point`: mounts over it count, the last one is seen. The first process has the system's view: ours may be one that
 * the service manager made. */
struct wanted_mount {
	const char *point;
	struct mount *ret;
};

static int find_mount(void *context, const char *line, size_t size)
{
	struct wanted_mount *w = context;
	struct mount m;
	int r = mount_parse(line, size, &m);

	if (r == 0 && strcmp(m.point, w->point) == 0)
		*w->ret = m;
	return r;
}

static int mount_at(const struct system *sys, const char *point, struct mount *ret)
{
	_cleanup_free_ char *text = NULL;
	struct wanted_mount w = { .point = point, .ret = ret };
	size_t size;
	int r = read_at(sys->proc, "1/mountinfo", &text, &size);

	*ret = (struct mount){ 0 };
	if (r == 0)
		r = lines_each(text, find_mount, &w);
	return r < 0 ? r : ret->point[0] ? 0 : -ENOENT;
}

/* What the device mapper calls the mapping that a mount is on: "CRYPT-VERITY-...". */
static int mapping_of(const struct system *sys, const struct mount *m, char *ret, size_t size)
{
	char name[80];

	(void)snprintf(name, sizeof(name), "dev/block/%u:%u/dm/uuid", m->major, m->minor);
	return read_line(sys->sys, name, ret, size);
}

static bool is_hash(const char *s)
{
	return strlen(s) == 64 && strspn(s, "0123456789abcdef") == 64;
}

void check_VERITY(const struct system *sys, struct said *said)
{
	char line[8192], hash[80], uuid[256];
	struct mount root;
	int r = read_line(sys->proc, "cmdline", line, sizeof(line));

	if (r == 0)
		r = mount_at(sys, "/", &root);
	if (r < 0) {
		say_wrong(said, "/proc/cmdline or /proc/1/mountinfo: %s", strerror(-r));
		return;
	}
	if (!cmdline_get(line, "lazaret.roothash", hash, sizeof(hash)) && !cmdline_get(line, "roothash", hash, sizeof(hash))) {
		say_wrong(said, "the kernel's command line names no root hash");
		return;
	}
	if (!is_hash(hash))
		say_wrong(said, "the root hash on the kernel's command line is none");
	else if (mapping_of(sys, &root, uuid, sizeof(uuid)) < 0)
		say_wrong(said, "/ is on %u:%u (%s), which is no mapped device", root.major, root.minor, root.type);
	else if (strncmp(uuid, "CRYPT-VERITY-", 13) != 0)
		say_wrong(said, "/ is on a mapped device that is not dm-verity: %s", uuid);
	else
		say_ok(said, "/ is on dm-verity, root hash %.16s...", hash);
}

void check_ROOT_READ_ONLY(const struct system *sys, struct said *said)
{
	struct mount root;
	int r = mount_at(sys, "/", &root);

	if (r < 0)
		say_wrong(said, "/proc/1/mountinfo: %s", strerror(-r));
	else if (!mount_has(root.super, "ro"))
		say_wrong(said, "the file system at / (%s) is writable", root.type);
	else
		say_ok(said, "%s, read-only", root.type);
}

/* The signed command line says what the image wants; image/appliance/tree/usr/lib/lazaret/data-partition starts nothing else. With which
 * cipher, and that the TPM gave the key, is looked at there. */
void check_DATA_PARTITION(const struct system *sys, struct said *said)
{
	char line[8192], wanted[32] = "", uuid[256] = "";
	struct mount var;
	int r = read_line(sys->proc, "cmdline", line, sizeof(line));

	if (r == 0)
		r = mount_at(sys, "/var", &var);
	if (r < 0) {
		say_wrong(said, "/proc/cmdline or /proc/1/mountinfo: %s", strerror(-r));
		return;
	}
	(void)cmdline_get(line, "lazaret.data", wanted, sizeof(wanted));
	if (mapping_of(sys, &var, uuid, sizeof(uuid)) < 0)
		uuid[0] = '\0';
	if (wanted[0] && strcmp(wanted, "tpm2") != 0)
		say_wrong(said, "the command line says lazaret.data=%s, which is not known", wanted);
	else if (wanted[0] && strncmp(uuid, "CRYPT-LUKS2-", 12) != 0)
		say_wrong(said, "/var is on %u:%u (%s), which is not encrypted, and the image was built with IMAGE_ENCRYPT=%s", var.major, var.minor, var.type, wanted);
	else if (wanted[0])
		say_ok(said, "encrypted (LUKS2); this machine's TPM has opened it");
	else
		say_ok(said, "plain, as the image was built: who has the disk can read it");
}

/* A variable of one byte: four bytes of attributes before it (efivarfs.rst). */
static int efi_byte(const struct system *sys, const char *name)
{
	_cleanup_free_ char *data = NULL;
	char path[PATH_MAX];
	size_t size;
	int r;

	(void)snprintf(path, sizeof(path), "firmware/efi/efivars/%s-" SECURE_BOOT_GUID, name);
	r = read_at(sys->sys, path, &data, &size);
	return r < 0 ? r : size == 5 ? (unsigned char)data[4] : -EBADMSG;
}

void check_SECURE_BOOT(const struct system *sys, struct said *said)
{
	int on = efi_byte(sys, "SecureBoot"), setup = efi_byte(sys, "SetupMode");

	if (on < 0)
		say_wrong(said, "the variable SecureBoot cannot be read: %s (not started by UEFI, or efivarfs is not mounted)", strerror(-on));
	else if (on != 1)
		say_wrong(said, "Secure Boot is off: switch it on in the firmware's set-up");
	else if (setup != 0)
		say_wrong(said, "the firmware is in set-up mode: anybody may change its keys");
	else
		say_ok(said, "on, with keys set");
}

/* "none [integrity] confidentiality": the one in brackets holds. */
void check_LOCKDOWN(const struct system *sys, struct said *said)
{
	char line[128], *open, *close;
	int r = read_line(sys->sys, "kernel/security/lockdown", line, sizeof(line));

	open = r == 0 ? strchr(line, '[') : NULL;
	close = open ? strchr(open, ']') : NULL;
	if (r < 0) {
		say_wrong(said, "/sys/kernel/security/lockdown: %s", strerror(-r));
	} else if (!close) {
		say_wrong(said, "/sys/kernel/security/lockdown: not understood");
	} else {
		*close = '\0';
		if (strcmp(open + 1, "integrity") == 0 || strcmp(open + 1, "confidentiality") == 0)
			say_ok(said, "%s", open + 1);
		else
			say_wrong(said, "lockdown is '%s'", open + 1);
	}
}

void check_COMMAND_LINE(const struct system *sys, struct said *said)
{
	char line[8192], value[64];
	int r = read_line(sys->proc, "cmdline", line, sizeof(line));

	if (r < 0)
		say_wrong(said, "/proc/cmdline: %s", strerror(-r));
	else if (!cmdline_get(line, "usbcore.authorized_default", value, sizeof(value)) || strcmp(value, "0") != 0)
		say_wrong(said, "usbcore.authorized_default=0 is missing: USB devices are on before the guard runs");
	else if (!cmdline_get(line, "lockdown", value, sizeof(value)))
		say_wrong(said, "lockdown= is missing");
	else if (cmdline_get(line, "init", value, sizeof(value)) || cmdline_get(line, "rdinit", value, sizeof(value)) ||
		 cmdline_get(line, "systemd.debug_shell", value, sizeof(value)) || cmdline_get(line, "systemd.debug-shell", value, sizeof(value)))
		say_wrong(said, "another first program, or a shell, was asked for");
	else
		say_ok(said, "USB devices are off from the start, lockdown=%s", value);
}

void check_IOMMU(const struct system *sys, struct said *said)
{
	char path[PATH_MAX];
	_cleanup_(closedir_p) DIR *dir = NULL;
	size_t count = 0;

	(void)snprintf(path, sizeof(path), "%s/class/iommu", sys->sys);
	dir = opendir(path);
	for (struct dirent *e; dir && (e = readdir(dir));)
		count += e->d_name[0] != '.';
	if (count == 0)
		say_wrong(said, "no IOMMU is in use: switch it on in the firmware's set-up (VT-d, AMD-Vi)");
	else
		say_ok(said, "%zu in use", count);
}

/* -- modules ---------------------------------------------------------------------------------------------------- */

struct modules {
	char *allowed; /* "\nname\nname\n" */
	size_t count, unknown;
	char names[256]; /* of unknown ones, as many as fit */
};

static int take_module(void *context, const char *line, size_t size)
{
	struct modules *m = context;
	char name[80], wanted[82];
	int r = module_parse(line, size, name, sizeof(name));

	if (r < 0)
		return r;
	m->count++;
	(void)snprintf(wanted, sizeof(wanted), "\n%s\n", name);
	if (strstr(m->allowed, wanted))
		return 0;
	m->unknown++;
	if (strlen(m->names) + strlen(name) + 3 < sizeof(m->names))
		(void)snprintf(m->names + strlen(m->names), sizeof(m->names) - strlen(m->names), "%s%s", m->names[0] ? ", " : "", name);
	return 0;
}

void check_MODULES(const struct system *sys, struct said *said)
{
	_cleanup_free_ char *list = NULL, *loaded = NULL, *allowed = NULL;
	struct modules m = { 0 };
	size_t size;
	int r = read_at(sys->facts, "modules.list", &list, &size);

	if (r < 0 || asprintf(&allowed, "\n%s\n", list) < 0) {
		allowed = NULL;
		say_wrong(said, "%s/modules.list: %s", sys->facts, strerror(r < 0 ? -r : ENOMEM));
		return;
	}
	for (char *c = allowed; *c; c++)
		if (*c == '-')
			*c = '_';
	m.allowed = allowed;
	r = read_at(sys->proc, "modules", &loaded, &size);
	if (r == 0)
		r = lines_each(loaded, take_module, &m);
	if (r < 0)
		say_wrong(said, "/proc/modules: %s", strerror(-r));
	else if (m.unknown > 0)
		say_wrong(said, "%zu that modules.list does not name: %s", m.unknown, m.names);
	else
		say_ok(said, "%zu loaded, all of them in modules.list", m.count);
}
