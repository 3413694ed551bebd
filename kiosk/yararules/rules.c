/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "yararules/rules.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <yara.h>

#include "common/hash.h"
#include "common/log.h"
#include "yararules/limits.h"
#include "yararules/private.h"

/* -- reading ---------------------------------------------------------------------------------------------------------- */

static int open_regular(int dir_fd, const char *name, struct stat *st, int *ret_fd)
{
	/* O_NONBLOCK: a FIFO must not hold the start up */
	_cleanup_close_ int fd = openat(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0 || fstat(fd, st) < 0)
		return -errno;
	if (!S_ISREG(st->st_mode))
		return -EINVAL;
	if (st->st_size > (off_t)YARA_TEXT_MAX)
		return -EFBIG;
	*ret_fd = TAKE_FD(fd);
	return 0;
}

static int read_text(int fd, size_t size, char **ret)
{
	_cleanup_free_ char *text = malloc(size + 1);
	size_t at = 0;

	if (!text)
		return -ENOMEM;
	while (at < size) {
		ssize_t n = read(fd, text + at, size - at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO; /* it became shorter */
		at += (size_t)n;
	}
	text[size] = '\0';
	*ret = TAKE_PTR(text);
	return 0;
}

static int check_pin(const struct yara_file *f, const char *text, size_t size)
{
	uint8_t pinned[SHA256_LEN], sum[SHA256_LEN];
	int r = hex_decode(f->sha256, pinned, sizeof(pinned));

	if (r == 0)
		r = sha256(text, size, sum);
	return r < 0 ? r : memcmp(pinned, sum, sizeof(sum)) == 0 ? 0 : -EKEYREJECTED;
}

static int load_text(int dir_fd, const struct yara_file *f, char **ret, int64_t *ret_time, char *why)
{
	_cleanup_close_ int fd = -EBADF;
	_cleanup_free_ char *text = NULL;
	struct stat st;
	int r = strchr(f->name, '/') ? -EINVAL : open_regular(dir_fd, f->name, &st, &fd);

	if (r == 0)
		r = read_text(fd, (size_t)st.st_size, &text);
	if (r == 0)
		r = check_pin(f, text, (size_t)st.st_size);
	if (r == 0 && memchr(text, '\0', (size_t)st.st_size))
		r = -EILSEQ; /* the compiler would read up to there, and say nothing */
	if (r < 0) {
		(void)snprintf(why, EXAMINER_WHY_MAX, "YARA rules: %s: %s", f->name,
			       r == -EKEYREJECTED ? "its SHA-256 is not the pinned one; check where it comes from" :
			       r == -EILSEQ	  ? "it is no text (compiled rules are not loaded)" :
			       r == -ELOOP	  ? "put the file itself there, not a link" :
						    strerror(-r));
		return r;
	}
	*ret = TAKE_PTR(text);
	*ret_time = st.st_mtim.tv_sec;
	return 0;
}

/* -- compiling -------------------------------------------------------------------------------------------------------- */

struct compilation {
	YR_COMPILER *compiler;
	const char *file;
	char *why;
	size_t warnings;
};

static void on_message(int level, const char *file_name, int line, const YR_RULE *rule, const char *message, void *context)
{
	struct compilation *c = context;

	if (level == YARA_ERROR_LEVEL_ERROR) {
		if (!*c->why) /* what follows from the first is noise */
			(void)snprintf(c->why, EXAMINER_WHY_MAX, "YARA rules: %s:%d: %s", c->file, line, message);
		return;
	}
	if (c->warnings++ < YARA_WARNINGS_MAX)
		log_warning("YARA rules: %s:%d: %s", c->file, line, message);
}

static const char *const variables[] = { "filename", "filepath", "extension", "filetype", "owner" };

static int open_compiler(struct compilation *c)
{
	int code = yr_compiler_create(&c->compiler);

	if (code != ERROR_SUCCESS)
		return -ENOMEM;
	yr_compiler_set_callback(c->compiler, on_message, c);
	yr_compiler_set_include_callback(c->compiler, NULL, NULL, NULL);
	for (size_t i = 0; code == ERROR_SUCCESS && i < ARRAY_LEN(variables); i++)
		code = yr_compiler_define_string_variable(c->compiler, variables[i], "");
	return code == ERROR_SUCCESS ? 0 : -ENOMEM;
}

static int compile(struct compilation *c, const char *text, const char *name_space)
{
	c->file = name_space;
	if (yr_compiler_add_string(c->compiler, text, name_space) == 0)
		return 0;
	if (!*c->why)
		(void)snprintf(c->why, EXAMINER_WHY_MAX, "YARA rules: %s: does not compile", name_space);
	return -EBADMSG;
}

static void name_file(struct yara_info *info, const char *name)
{
	size_t at = strlen(info->files);
	int n = snprintf(info->files + at, sizeof(info->files) - at, "%s%s", at > 0 ? " " : "", name);

	if (n < 0 || (size_t)n >= sizeof(info->files) - at)
		(void)snprintf(info->files + sizeof(info->files) - 4, 4, "...");
}

static int compile_all(struct compilation *c, int dir_fd, const struct yara_file *files, size_t count, struct yara_info *info)
{
	int r = compile(c, CANARY_RULE, CANARY_NAMESPACE);

	for (size_t i = 0; r == 0 && i < count; i++) {
		_cleanup_free_ char *text = NULL;
		int64_t time_s = 0;

		r = load_text(dir_fd, &files[i], &text, &time_s, c->why);
		if (r == 0)
			r = compile(c, text, files[i].name);
		info->newest = MAX(info->newest, time_s);
		name_file(info, files[i].name);
	}
	return r;
}

/* -- what came out ------------------------------------------------------------------------------------------------------ */

static int check_rule(YR_RULE *rule, char *why)
{
	YR_META *meta;
	enum yara_word word;

	yr_rule_metas_foreach(rule, meta)
	{
		if (strcmp(meta->identifier, "lazaret") != 0)
			continue;
		if (meta->type == META_TYPE_STRING && yara_word_parse(meta->string, &word) == 0)
			continue;
		(void)snprintf(why, EXAMINER_WHY_MAX,
			       "YARA rules: %s: rule %s: lazaret must be \"malware\", \"active-content\", \"type-denied\" or \"note\"",
			       rule->ns->name, rule->identifier);
		return -EINVAL;
	}
	return 0;
}

static int check_all(YR_RULES *rules, struct yara_info *info, char *why)
{
	YR_RULE *rule;
	uint64_t strings = 0;

	yr_rules_foreach(rules, rule)
	{
		YR_STRING *string;
		int r = check_rule(rule, why);

		if (r < 0)
			return r;
		if (yara_is_canary(rule))
			continue;
		info->rules++;
		yr_rule_strings_foreach(rule, string)
		{
			strings++;
		}
	}
	if (info->rules == 0 || info->rules > YARA_RULES_MAX || strings > YARA_STRINGS_MAX) {
		(void)snprintf(why, EXAMINER_WHY_MAX, "YARA rules: %llu rules with %llu strings (1 to %d rules and up to %d strings are loaded)",
			       (unsigned long long)info->rules, (unsigned long long)strings, YARA_RULES_MAX, YARA_STRINGS_MAX);
		return -E2BIG;
	}
	return 0;
}

/* Modules are loaded when a scan begins: what a worker could not load is found here, on nothing but the canary. */
static int check_modules(struct yara_rules *r, char *why)
{
	if (yara_canary(r, why) == 0)
		return 0;
	if (*r->module)
		(void)snprintf(why, EXAMINER_WHY_MAX,
			       "YARA rules: a rule imports the module \"%s\", which reads files of the station and is not there in the sandbox",
			       r->module);
	return -EINVAL;
}

int yara_load(int dir_fd, const struct yara_file *files, size_t count, struct yara_rules **ret, struct yara_info *ret_info,
	      char ret_why[static EXAMINER_WHY_MAX])
{
	struct compilation c = { .why = ret_why };
	struct yara_rules *y = calloc(1, sizeof(*y));
	struct yara_info info = { 0 };
	int r = y && yr_initialize() == ERROR_SUCCESS && yr_set_configuration_uint32(YR_CONFIG_MAX_MATCH_DATA, 0) == ERROR_SUCCESS &&
			yr_set_configuration_uint32(YR_CONFIG_MAX_STRINGS_PER_RULE, YARA_STRINGS_OF_RULE_MAX) == ERROR_SUCCESS ?
			0 :
			-ENOMEM;

	ret_why[0] = '\0';
	if (r == 0)
		r = open_compiler(&c);
	if (r == 0)
		r = compile_all(&c, dir_fd, files, count, &info);
	if (r == 0 && yr_compiler_get_rules(c.compiler, &y->rules) != ERROR_SUCCESS)
		r = -ENOMEM;
	if (r == 0)
		r = check_all(y->rules, &info, ret_why);
	if (r == 0)
		r = check_modules(y, ret_why);
	if (c.warnings > YARA_WARNINGS_MAX)
		log_warning("YARA rules: and %zu more warnings", c.warnings - YARA_WARNINGS_MAX);
	if (c.compiler)
		yr_compiler_destroy(c.compiler);
	if (r < 0) {
		if (!*ret_why)
			(void)snprintf(ret_why, EXAMINER_WHY_MAX, "YARA rules: %s", strerror(-r));
		yara_free(y);
		return r;
	}
	*ret = y;
	*ret_info = info;
	return 0;
}

struct yara_rules *yara_free(struct yara_rules *r)
{
	if (r && r->rules)
		yr_rules_destroy(r->rules);
	free(r);
	return NULL;
}

const char *yara_version(void)
{
	return YR_VERSION;
}
