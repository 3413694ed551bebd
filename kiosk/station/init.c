/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* `lazaret init`: directories, keys, rules, and last of all lazaret.yaml: an init that was broken off is no station,
 * and can be run again. Nothing that is there is replaced. */
#include "station/init.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "common/fd.h"
#include "common/hash.h"
#include "common/minisign.h"
#include "common/text.h"
#include "common/yaml.h"
#include "station/config.h"
#include "station/path.h"
#include "station/template.h"

#define NAME_MAX_BYTES 64
#define DB_DIR_DEFAULT "/var/lib/clamav"

struct making {
	const struct station_init *in;
	char *message; /* of the error */
	char *dir, *db_dir, *data_dir, *profile; /* owned */
	char *files;   /* the YAML list of databases, owned */
	int dir_fd;
};

static int failed(struct making *m, int error, const char *fmt, ...) _printf_(3, 4);

static int failed(struct making *m, int error, const char *fmt, ...)
{
	va_list ap;

	free(m->message);
	va_start(ap, fmt);
	if (vasprintf(&m->message, fmt, ap) < 0)
		m->message = NULL;
	va_end(ap);
	return error;
}

/* -- the virus databases ---------------------------------------------------------------------------------- */
static int any_file(const struct dirent *e)
{
	return e->d_name[0] != '.';
}

static int by_bytes(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static void say_skipped(struct making *m, const char *name, const char *why)
{
	_cleanup_free_ char *shown = text_escape(name, strlen(name));

	fprintf(m->in->out, "skipped   %s: %s\n", shown ? shown : "?", why);
}

/* One line of the `files:` list; nothing for a file that is not to be loaded. */
static int add_database(struct making *m, int db_fd, const char *name, FILE *list, size_t *count)
{
	_cleanup_close_ int fd = -EBADF;
	char hex[SHA256_HEX_LEN + 1];
	uint8_t sum[SHA256_LEN];
	const char *why;
	struct stat st;
	int r;

	if (!station_database_file_ok(name, &why)) {
		say_skipped(m, name, why);
		return 0;
	}
	fd = openat(db_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0 && errno == ELOOP) {
		say_skipped(m, name, "it is a symbolic link");
		return 0;
	}
	if (fd < 0 || fstat(fd, &st) < 0)
		return failed(m, -errno, "%s/%s cannot be read: %s", m->db_dir, name, strerror(errno));
	if (!S_ISREG(st.st_mode) || st.st_size == 0) {
		say_skipped(m, name, "it is empty, or not a file");
		return 0;
	}
	(*count)++;
	if (strcmp(strrchr(name, '.'), ".cvd") == 0) {
		fprintf(list, "    - {file: %s}\n", name);
		return 0;
	}
	r = sha256_fd(fd, sum, NULL);
	if (r < 0)
		return failed(m, r, "%s/%s cannot be read: %s", m->db_dir, name, strerror(-r));
	hex_encode(sum, sizeof(sum), hex);
	fprintf(list, "    - {file: %s, sha256: '%s'}\n", name, hex);
	return 0;
}

static int list_databases(struct making *m)
{
	_cleanup_fclose_ FILE *list = NULL;
	_cleanup_close_ int fd = open(m->db_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct dirent **names = NULL;
	size_t size = 0, used = 0;
	int count, r = 0;

	if (fd < 0)
		return failed(m, -errno,
			      "the virus databases cannot be read from %s: %s; name their directory with --db DIRECTORY",
			      m->db_dir, strerror(errno));
	list = open_memstream(&m->files, &size);
	if (!list)
		return -ENOMEM;
	count = scandirat(fd, ".", &names, any_file, by_bytes);
	if (count < 0)
		return failed(m, -errno, "%s cannot be listed: %s", m->db_dir, strerror(errno));
	for (int i = 0; i < count; i++) {
		if (r == 0)
			r = add_database(m, fd, names[i]->d_name, list, &used);
		free(names[i]);
	}
	free(names);
	if (r == 0 && fflush(list) != 0)
		return -ENOMEM;
	if (r == 0 && used == 0)
		return failed(m, -ENOENT,
			      "there is no virus database in %s; copy main.cvd, daily.cvd and bytecode.cvd there (from "
			      "https://database.clamav.net, or with freshclam on a connected machine), or name another "
			      "directory with --db DIRECTORY", m->db_dir);
	if (r == 0)
		fprintf(m->in->out, "databases %zu from %s\n", used, m->db_dir);
	return r;
}

/* -- files ------------------------------------------------------------------------------------------------- */
static const struct {
	const char *name;
	mode_t mode;
} dirs[] = {
	{ "keys", 0700 },    { "trust", 0755 },	  { "types", 0755 }, { "spool", 0700 },
	{ "staging", 0755 }, /* importers list it; each transfer sets its own mode */
	{ "audit", 0700 },   { "reports", 0700 }, { "history", 0700 }, { "people", 0700 }, { "pam.d", 0755 },
	{ "held", 0700 },
};

static int make_dirs(struct making *m)
{
	for (size_t i = 0; i < ARRAY_LEN(dirs); i++) {
		_cleanup_close_ int fd = -EBADF;
		int r = dir_open_make(m->dir_fd, dirs[i].name, dirs[i].mode, &fd);

		/* The umask must not take rights away from importers, nor an old directory give some to others. */
		if (r == 0 && fchmod(fd, dirs[i].mode) < 0)
			r = -errno;
		if (r < 0)
			return failed(m, r, "%s/%s cannot be made: %s", m->dir, dirs[i].name, strerror(-r));
	}
	return 0;
}

static int copy_file(struct making *m, const char *from, int dir_fd, const char *name)
{
	_cleanup_free_ char *data = NULL;
	size_t size = 0;
	int r;

	if (faccessat(dir_fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0) {
		fprintf(m->in->out, "kept      %s\n", name);
		return 0;
	}
	r = file_read(AT_FDCWD, from, YAML_INPUT_MAX, &data, &size);
	if (r < 0)
		return failed(m, r, "%s cannot be read: %s", from, strerror(-r));
	r = file_replace(dir_fd, name, data, size, 0644);
	return r < 0 ? failed(m, r, "%s/%s cannot be written: %s", m->dir, name, strerror(-r)) : 0;
}

static int is_yaml(const struct dirent *e)
{
	size_t n = strlen(e->d_name);

	return e->d_name[0] != '.' && n > 5 && strcmp(e->d_name + n - 5, ".yaml") == 0;
}

static int copy_types(struct making *m)
{
	_cleanup_free_ char *from = path_resolve(m->data_dir, "types");
	_cleanup_close_ int fd = openat(m->dir_fd, "types", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	struct dirent **names = NULL;
	int count, r = 0;

	if (!from)
		return -ENOMEM;
	if (fd < 0)
		return failed(m, -errno, "%s/types cannot be opened: %s", m->dir, strerror(errno));
	count = scandir(from, &names, is_yaml, by_bytes);
	if (count < 0)
		return failed(m, -errno, "%s cannot be listed: %s; is the package installed whole?", from, strerror(errno));
	for (int i = 0; i < count; i++) {
		_cleanup_free_ char *path = path_resolve(from, names[i]->d_name);

		if (r == 0)
			r = path ? copy_file(m, path, fd, names[i]->d_name) : -ENOMEM;
		free(names[i]);
	}
	free(names);
	return r;
}

static int make_keys(struct making *m)
{
	static const char *const names[] = { "manifest", "audit" };
	_cleanup_close_ int fd = openat(m->dir_fd, "keys", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0)
		return failed(m, -errno, "%s/keys cannot be opened: %s", m->dir, strerror(errno));
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		char id[MINISIGN_ID_TEXT_LEN + 1];
		struct minisign_public public;
		int r = minisign_pair_make(fd, names[i], &public);

		if (r == -EEXIST) {
			fprintf(m->in->out, "kept      keys/%s.key\n", names[i]);
			continue;
		}
		if (r < 0)
			return failed(m, r, "%s/keys/%s.key cannot be made: %s", m->dir, names[i], strerror(-r));
		minisign_id_text(public.id, id);
		fprintf(m->in->out, "key       keys/%s.pub (%s)\n", names[i], id);
	}
	return 0;
}

/* -- lazaret.yaml ------------------------------------------------------------------------------------------ */
/* Double-quoted YAML; the text holds no control characters. */
static char *quoted(const char *text)
{
	char *ret = malloc(2 * strlen(text) + 3), *p = ret;

	if (!ret)
		return NULL;
	*p++ = '"';
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			*p++ = '\\';
		*p++ = *text;
	}
	*p++ = '"';
	*p = '\0';
	return ret;
}

static bool is_plain_text(const char *text)
{
	for (const unsigned char *p = (const unsigned char *)text; *p; p++)
		if (*p < 0x20 || *p == 0x7f)
			return false;
	return *text && text_utf8_valid(text, strlen(text));
}

static int station_name(struct making *m, char ret[static NAME_MAX_BYTES + 1])
{
	if (!m->in->name) {
		if (gethostname(ret, NAME_MAX_BYTES) < 0 || ret[0] == '\0' || !is_plain_text(ret))
			(void)snprintf(ret, NAME_MAX_BYTES, "lazaret");
		ret[NAME_MAX_BYTES] = '\0';
		return 0;
	}
	if (strlen(m->in->name) > NAME_MAX_BYTES || !is_plain_text(m->in->name))
		return failed(m, -EINVAL, "the station's name must be 1 to %d bytes of text in one line", NAME_MAX_BYTES);
	(void)snprintf(ret, NAME_MAX_BYTES + 1, "%s", m->in->name);
	return 0;
}

static int write_config(struct making *m)
{
	_cleanup_free_ char *text = NULL, *name_yaml = NULL, *db_yaml = NULL;
	char name[NAME_MAX_BYTES + 1] = "", id[17];
	uint8_t raw_id[8];
	int n, r;

	r = station_name(m, name);
	if (r < 0)
		return r;
	if (getrandom(raw_id, sizeof(raw_id), 0) != (ssize_t)sizeof(raw_id))
		return failed(m, -EIO, "the system gives no random numbers");
	hex_encode(raw_id, sizeof(raw_id), id);
	if (m->in->id)
		(void)snprintf(id, sizeof(id), "%s", m->in->id); /* looked at before */
	name_yaml = quoted(name);
	db_yaml = quoted(m->db_dir);
	if (!name_yaml || !db_yaml)
		return -ENOMEM;
	n = asprintf(&text, STATION_TEMPLATE, name_yaml, id, m->in->awaits_set_up ? STATION_TEMPLATE_AWAITS : "", db_yaml, m->files,
		     m->in->devices ? m->in->devices : STATION_TEMPLATE_DEVICES);
	if (n < 0) {
		text = NULL;
		return -ENOMEM;
	}
	r = file_replace(m->dir_fd, STATION_FILE, text, (size_t)n, 0644);
	return r < 0 ? failed(m, r, "%s/%s cannot be written: %s", m->dir, STATION_FILE, strerror(-r)) : 0;
}

/* -- PAM --------------------------------------------------------------------------------------------------- */
#define PAM_SERVICE                                                                                                            \
	"# PAM service of this station (pam.d(5)); lazaret-login reads it here instead of /etc/pam.d.\n"                        \
	"# The station's own passwords, `lazaret person`. A site puts its own stack here, or a second factor after this one:\n"  \
	"# people.md. Who may do what is the station's business, not PAM's.\n"                                       \
	"auth required pam_pwdfile.so nodelay [pwdfile=%s/people/passwd]\n"                                                     \
	"account required pam_permit.so\n"

/* As an argument in brackets, where ']' alone is escaped (pam.d(5)). */
static char *pam_argument(const char *text)
{
	char *ret = malloc(2 * strlen(text) + 1), *p = ret;

	for (; ret && *text; text++) {
		if (*text == ']')
			*p++ = '\\';
		*p++ = *text;
	}
	if (ret)
		*p = '\0';
	return ret;
}

static int write_pam_service(struct making *m)
{
	_cleanup_close_ int fd = openat(m->dir_fd, "pam.d", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	_cleanup_free_ char *dir = pam_argument(m->dir), *text = NULL;
	int n, r;

	if (fd < 0)
		return failed(m, -errno, "%s/pam.d cannot be opened: %s", m->dir, strerror(errno));
	if (faccessat(fd, "lazaret", F_OK, AT_SYMLINK_NOFOLLOW) == 0) {
		fprintf(m->in->out, "kept      pam.d/lazaret\n");
		return 0;
	}
	if (!is_plain_text(m->dir))
		return failed(m, -EINVAL, "the station's path must be plain text in one line");
	n = dir ? asprintf(&text, PAM_SERVICE, dir) : -1;
	if (n < 0) {
		text = NULL;
		return -ENOMEM;
	}
	r = file_replace(fd, "lazaret", text, (size_t)n, 0644);
	return r < 0 ? failed(m, r, "%s/pam.d/lazaret cannot be written: %s", m->dir, strerror(-r)) : 0;
}

/* -- all of it ----------------------------------------------------------------------------------------------- */
static int find_profile(struct making *m)
{
	const char *name = m->in->profile ? m->in->profile : STATION_PROFILE_DEFAULT;
	bool is_path = strchr(name, '/') || (strlen(name) > 5 && strcmp(name + strlen(name) - 5, ".yaml") == 0);
	int r = m->in->data_dir ? 0 : station_data_dir(&m->data_dir);

	if (m->in->data_dir && !(m->data_dir = strdup(m->in->data_dir)))
		return -ENOMEM;
	if (r < 0)
		return failed(m, r, "the shipped rules cannot be found (%s/rules); is the package installed whole?",
			      LAZARET_DATADIR);
	if (is_path)
		m->profile = strdup(name);
	else if (asprintf(&m->profile, "%s/%s.yaml", m->data_dir, name) < 0)
		m->profile = NULL;
	if (!m->profile)
		return -ENOMEM;
	if (access(m->profile, R_OK) < 0)
		return failed(m, -errno,
			      is_path ? "the profile %s cannot be read: %s" :
					"there is no profile '%s' (%s); choose strict, updates, documents, or give the path of a "
					"rule file",
			      name, strerror(errno));
	return 0;
}

/* Look before anything is made: what is wrong with the arguments leaves nothing behind. */
static int check_arguments(struct making *m)
{
	const char *db = m->in->db_dir ? m->in->db_dir : DB_DIR_DEFAULT;
	char unused[NAME_MAX_BYTES + 1] = "";
	_cleanup_free_ char *old = path_resolve(m->in->dir, STATION_FILE);
	int r;

	if (!old)
		return -ENOMEM;
	if (access(old, F_OK) == 0)
		return failed(m, -EEXIST, "there is a station in %s already; nothing was changed", m->in->dir);
	m->db_dir = realpath(db, NULL);
	if (!m->db_dir)
		return failed(m, -errno,
			      "the virus databases cannot be read from %s: %s; name their directory with --db DIRECTORY", db,
			      strerror(errno));
	if (!is_plain_text(m->db_dir))
		return failed(m, -EINVAL, "the path of the virus databases must be plain text in one line");
	if (m->in->id && (strlen(m->in->id) != 16 || strspn(m->in->id, "0123456789abcdef") != 16))
		return failed(m, -EINVAL, "the station's id must be 16 of 0-9 a-f");
	r = station_name(m, unused);
	if (r == 0)
		r = find_profile(m);
	return r == 0 ? list_databases(m) : r;
}

static int open_dir(struct making *m)
{
	bool is_new = mkdir(m->in->dir, 0755) == 0;

	if (!is_new && errno != EEXIST)
		return failed(m, -errno, "%s cannot be made: %s", m->in->dir, strerror(errno));
	m->dir_fd = open(m->in->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (m->dir_fd < 0)
		return failed(m, -errno, "%s cannot be opened as a directory: %s", m->in->dir, strerror(errno));
	m->dir = realpath(m->in->dir, NULL);
	return m->dir ? 0 : -errno;
}

static int make(struct making *m)
{
	int r = check_arguments(m);

	if (r == 0)
		r = open_dir(m);
	if (r == 0)
		r = make_dirs(m);
	if (r == 0)
		r = copy_types(m);
	if (r == 0)
		r = copy_file(m, m->profile, m->dir_fd, "rules.yaml");
	if (r == 0)
		r = make_keys(m);
	if (r == 0)
		r = write_pam_service(m);
	if (r == 0)
		r = write_config(m);
	if (r == 0)
		fprintf(m->in->out,
			"station   %s\n\nGive keys/manifest.pub to the importers: lazaret-verify --key manifest.pub TRANSFER\n"
			"Trust a vendor's key: lazaret -C %s key trust FILE.pub --name NAME\n"
			"Inspect a medium:     lazaret -C %s inspect SOURCE\n",
			m->dir, m->dir, m->dir);
	return r;
}

int station_init(const struct station_init *init, char **ret_message)
{
	struct making m = { .in = init, .dir_fd = -EBADF };
	int r = make(&m);

	if (r < 0 && !m.message)
		(void)failed(&m, r, "%s: %s", init->dir, strerror(-r));
	if (r < 0)
		*ret_message = TAKE_PTR(m.message);
	free(m.message);
	free(m.dir);
	free(m.db_dir);
	free(m.data_dir);
	free(m.profile);
	free(m.files);
	close_p(&m.dir_fd);
	return r;
}
