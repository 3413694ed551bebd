/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Loading: exact files, verified, from a private copy; limits that never switch anything off silently.
 * Runs in the examiners' parent before the sandbox and scans nothing.
 */
#include "examine/clam_engine.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "common/fd.h"
#include "common/scratch.h"
#include "examine/filetypes.h"
#include "examine/limits.h"

#define PATH_BYTES 4096
#define PRIVATE_PREFIX "lazaret-engine."
#define FILETYPES "lazaret.ftm"

/* Our own, in this order; the settings last, because the last one loaded wins. */
static const char *const shipped[] = { "lazaret.ndb", "lazaret.ldb", "lazaret.hsb", "lazaret.cfg" };

struct loading {
	const struct clam_setup *setup;
	struct clam *clam;
	char path[PATH_BYTES]; /* the private directory */
	int private_fd;
	unsigned int signatures; /* of all files, as libclamav counts */
	struct hash *loaded;	 /* names and sums of all files */
	char *why;
};

static char load_message[WHY_MAX / 2];

void clam_load_message(const char *text)
{
	if (load_message[0] == '\0')
		(void)snprintf(load_message, sizeof(load_message), ": %s", text);
	load_message[strcspn(load_message, "\n")] = '\0';
}

static int explain(struct loading *l, int error, const char *name, const char *what, const char *next)
{
	(void)snprintf(l->why, WHY_MAX, "virus database: %.100s: %s%.200s (%s)", name, what, load_message, next);
	return error;
}

/* -- settings --------------------------------------------------------------------------------------------- */

static int set_limits(struct loading *l)
{
	const struct {
		enum cl_engine_field field;
		long long value;
	} numbers[] = {
		{ CL_ENGINE_MAX_FILESIZE, SCAN_FILE_MAX },
		{ CL_ENGINE_MAX_SCANSIZE, SCAN_TOTAL_MAX },
		{ CL_ENGINE_MAX_FILES, SCAN_MEMBERS_MAX },
		{ CL_ENGINE_MAX_RECURSION, SCAN_DEPTH_MAX },
		{ CL_ENGINE_MAX_SCANTIME, (long long)l->setup->scan_time_ms },
		{ CL_ENGINE_MAX_EMBEDDEDPE, SCAN_NORMALISE_MAX },
		{ CL_ENGINE_MAX_HTMLNORMALIZE, SCAN_NORMALISE_MAX },
		{ CL_ENGINE_MAX_HTMLNOTAGS, SCAN_NORMALISE_MAX },
		{ CL_ENGINE_MAX_SCRIPTNORMALIZE, SCAN_NORMALISE_MAX },
		{ CL_ENGINE_MAX_ZIPTYPERCG, SCAN_NORMALISE_MAX },
		{ CL_ENGINE_MAX_PARTITIONS, SCAN_PARTITIONS_MAX },
		{ CL_ENGINE_MAX_ICONSPE, SCAN_ICONS_MAX },
		{ CL_ENGINE_PCRE_MATCH_LIMIT, SCAN_PCRE_MATCH_MAX },
		{ CL_ENGINE_PCRE_RECMATCH_LIMIT, SCAN_PCRE_RECURSION_MAX },
		{ CL_ENGINE_PCRE_MAX_FILESIZE, SCAN_FILE_MAX },
		/* the cache is keyed by MD5: a collision would make the evil twin clean */
		{ CL_ENGINE_DISABLE_CACHE, 1 },
		/* a vendor's Authenticode signature is no reason not to look */
		{ CL_ENGINE_DISABLE_PE_CERTS, 1 },
		{ CL_ENGINE_DISABLE_PE_STATS, 1 },
	};

	if (l->setup->scan_time_ms == 0 || l->setup->scan_time_ms > UINT32_MAX) /* silently cut to 32 bits */
		return explain(l, -EINVAL, "time limit", "not between 1 and 4294967295 ms", "correct the configuration");
	for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
		int error = 0;

		if (cl_engine_set_num(l->clam->engine, numbers[i].field, numbers[i].value) != CL_SUCCESS)
			return explain(l, -EINVAL, "libclamav", "a limit was not accepted", "unsupported version");
		/* DISABLE_CACHE cannot be read back in 1.4; the others must be what they were set to */
		if (numbers[i].field != CL_ENGINE_DISABLE_CACHE && numbers[i].field != CL_ENGINE_DISABLE_PE_CERTS &&
		    numbers[i].field != CL_ENGINE_DISABLE_PE_STATS &&
		    (cl_engine_get_num(l->clam->engine, numbers[i].field, &error) != numbers[i].value || error != 0))
			return explain(l, -EINVAL, "libclamav", "a limit was changed", "unsupported version");
	}
	return 0;
}

/* -- files -------------------------------------------------------------------------------------------------- */

static int load(struct loading *l, const char *dir, const char *name, unsigned int *ret_added)
{
	unsigned int before = l->signatures;
	char path[PATH_BYTES + DATABASE_NAME_MAX + 2];
	cl_error_t rc;

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	rc = cl_load(path, l->clam->engine, &l->signatures, CL_DB_STDOPT);
	if (rc != CL_SUCCESS)
		return explain(l, -EBADMSG, name, cl_strerror(rc), "replace the file");
	*ret_added = l->signatures - before;
	return 0;
}

static int note_loaded(struct loading *l, const char *name, const uint8_t sum[static SHA256_LEN])
{
	int r = hash_update(l->loaded, name, strlen(name) + 1);

	return r == 0 ? hash_update(l->loaded, sum, SHA256_LEN) : r;
}

static void note_version(struct clam_info *info, const char *name, unsigned int version)
{
	size_t used = strlen(info->database_version);

	/* cut when there are very many: it is for people */
	if (version > 0)
		(void)snprintf(info->database_version + used, sizeof(info->database_version) - used, "%s%.*s %u",
			       used > 0 ? ", " : "", (int)strcspn(name, "."), name, version);
	else
		(void)snprintf(info->database_version + used, sizeof(info->database_version) - used, "%s%s",
			       used > 0 ? ", " : "", name);
}

/* cl_load() verifies what it loads once more; this comes first to say clearly what is wrong, and reads age. */
static int verify_signed(struct loading *l, const char *name)
{
	char path[PATH_BYTES + DATABASE_NAME_MAX + 2];
	struct cl_cvd *head;
	cl_error_t rc;

	(void)snprintf(path, sizeof(path), "%s/%s", l->path, name);
	rc = cl_cvdverify(path);
	if (rc != CL_SUCCESS)
		return explain(l, -EKEYREJECTED, name, cl_strerror(rc), "its signature does not hold; fetch it again");
	head = cl_cvdhead(path);
	if (!head)
		return explain(l, -EBADMSG, name, "unreadable header", "fetch it again");
	if (head->fl > cl_retflevel()) {
		cl_cvdfree(head);
		return explain(l, -ENOTSUP, name, "made for a newer libclamav", "update the station's software");
	}
	l->clam->info.database_time = MAX(l->clam->info.database_time, (uint64_t)head->stime);
	note_version(&l->clam->info, name, head->version);
	cl_cvdfree(head);
	return 0;
}

static int load_site_file(struct loading *l, const struct database_file *f)
{
	unsigned int added = 0;
	uint8_t sum[SHA256_LEN];
	int r = database_admit(f, l->why);

	if (r == 0)
		r = database_copy(l->setup->database_fd, l->private_fd, f, sum, l->why);
	if (r == 0)
		r = note_loaded(l, f->name, sum);
	if (r < 0)
		return r;
	if (database_is_signed(f))
		r = verify_signed(l, f->name);
	else
		note_version(&l->clam->info, f->name, 0);
	if (r == 0)
		r = load(l, l->path, f->name, &added);
	if (r == 0 && added == 0)
		r = explain(l, -ENODATA, f->name, "holds no signature", "replace it, or take it out of the configuration");
	(void)unlinkat(l->private_fd, f->name, 0); /* the private directory is removed in any case */
	return r;
}

static int load_site(struct loading *l)
{
	if (l->setup->file_count == 0)
		return explain(l, -ENODATA, "no files", "none are configured", "name the database files in the configuration");
	for (size_t i = 0; i < l->setup->file_count; i++) {
		int r = load_site_file(l, &l->setup->files[i]);

		if (r < 0)
			return r;
	}
	l->clam->info.signatures = l->signatures;
	return 0;
}

static int note_shipped(struct loading *l, const char *dir, const char *name)
{
	char path[PATH_BYTES + DATABASE_NAME_MAX + 2];
	_cleanup_close_ int fd = -EBADF;
	uint8_t sum[SHA256_LEN];
	int r;

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	r = fd < 0 ? -errno : sha256_fd(fd, sum, NULL);
	return r == 0 ? note_loaded(l, name, sum) : r;
}

static int load_shipped(struct loading *l)
{
	const char *dir = l->setup->shipped_dir[0] ? l->setup->shipped_dir : LAZARET_DATADIR "/clamav";
	unsigned int added;
	int r = filetypes_write(l->private_fd, FILETYPES, l->why);

	if (r == 0)
		r = load(l, l->path, FILETYPES, &added);
	for (size_t i = 0; r == 0 && i < ARRAY_LEN(shipped); i++) {
		r = load(l, dir, shipped[i], &added);
		if (r == 0 && added == 0 && !strstr(shipped[i], ".cfg"))
			r = explain(l, -ENODATA, shipped[i], "holds no signature", "install the station's files again");
		if (r == 0)
			r = note_shipped(l, dir, shipped[i]);
	}
	return r;
}

/* -- the private directory ------------------------------------------------------------------------------------ */

/* In a directory of the station's (not /tmp, where others write) what a crash has left goes first: a copy of the whole
 * database would stay each time. */
static int make_private(struct loading *l)
{
	bool is_ours = l->setup->private_parent[0] != '\0';
	const char *parent = is_ours ? l->setup->private_parent : "/tmp";
	_cleanup_close_ int parent_fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char name[32];
	int r = parent_fd < 0 ? -errno : is_ours ? scratch_clean(parent_fd, PRIVATE_PREFIX) : 0;

	(void)snprintf(name, sizeof(name), PRIVATE_PREFIX "%d", (int)getpid());
	if (r >= 0)
		r = scratch_make(parent_fd, name, &l->private_fd);
	if (r < 0)
		return explain(l, r, parent, strerror(-r), "it must be a directory that the station can write to");
	(void)snprintf(l->path, sizeof(l->path), "%s/%s", parent, name);
	return 0;
}

static void remove_private(struct loading *l)
{
	if (l->path[0] == '\0')
		return;
	if (dir_remove_tree(AT_FDCWD, l->path) < 0)
		clam_load_message("its private directory could not be removed"); /* says so if loading fails too */
	close_p(&l->private_fd);
}

static int load_all(struct loading *l)
{
	cl_error_t rc;
	int r = set_limits(l);

	l->loaded = hash_new();
	if (r == 0 && !l->loaded)
		r = -ENOMEM;
	if (r == 0)
		r = make_private(l);
	if (r == 0)
		r = load_site(l);
	if (r == 0)
		r = load_shipped(l);
	if (r == 0)
		r = hash_final(l->loaded, l->clam->info.loaded);
	if (r < 0)
		return r;
	rc = cl_engine_compile(l->clam->engine);
	if (rc != CL_SUCCESS)
		return explain(l, -EBADMSG, "all files", cl_strerror(rc), "replace the database");
	return 0;
}

int clam_open(const struct clam_setup *setup, struct clam **ret, char ret_why[static WHY_MAX])
{
	struct loading l = { .setup = setup, .private_fd = -EBADF, .why = ret_why };
	int r;

	load_message[0] = '\0';
	clam_set_messages();
	if (cl_init(CL_INIT_DEFAULT) != CL_SUCCESS) {
		(void)snprintf(ret_why, WHY_MAX, "libclamav could not be initialised (install libclamav again)");
		return -ENOTSUP;
	}
	l.clam = calloc(1, sizeof(*l.clam));
	if (l.clam)
		l.clam->engine = cl_engine_new();
	if (!l.clam || !l.clam->engine) {
		clam_free(l.clam);
		(void)snprintf(ret_why, WHY_MAX, "libclamav: out of memory (the full database needs about 2 GiB)");
		return -ENOMEM;
	}
	l.clam->scan_time_ms = setup->scan_time_ms;
	l.clam->look_max = setup->look_max ? setup->look_max : SCAN_FILE_MAX;
	l.clam->window_bytes = setup->window_bytes ? setup->window_bytes : WINDOW_BYTES;
	l.clam->window_overlap = setup->window_overlap ? setup->window_overlap : WINDOW_OVERLAP;
	(void)snprintf(l.clam->info.version, sizeof(l.clam->info.version), "%s", cl_retver());
	r = load_all(&l);
	remove_private(&l);
	hash_free(l.loaded);
	if (r < 0) {
		clam_free(l.clam);
		return r;
	}
	clam_set_callbacks(l.clam->engine);
	*ret = l.clam;
	return 0;
}

struct clam *clam_free(struct clam *c)
{
	if (c && c->engine)
		(void)cl_engine_free(c->engine); /* counts references; ours is the last */
	free(c);
	return NULL;
}

void clam_info(const struct clam *c, struct clam_info *ret)
{
	*ret = c->info;
}

int clam_set_tmpdir(struct clam *c, const char *path)
{
	return cl_engine_set_str(c->engine, CL_ENGINE_TMPDIR, path) == CL_SUCCESS ? 0 : -ENOMEM;
}
