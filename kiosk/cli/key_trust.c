/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Vendors' keys: to trust one, and to trust it no longer. */
#include <fcntl.h>
#include <pwd.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>

#include "cli/key.h"
#include "cli/records.h"
#include "common/base64.h"
#include "common/fd.h"
#include "common/hash.h"
#include "common/log.h"
#include "common/text.h"

/* A key that was described, on its way into the store. */
struct candidate {
	json_t *entry; /* as keys.json has it */
	uint8_t *bytes;
	size_t size;
};

static void candidate_done(struct candidate *k)
{
	json_decref(k->entry);
	free(k->bytes);
}

static void json_decref_p(json_t **j)
{
	json_decref(*j);
}

static const char *text_of(const json_t *o, const char *field)
{
	const char *text = json_string_value(json_object_get(o, field));

	return text ? text : "";
}

/* Changes to the directory come one after the other. */
static int open_trust(const struct station_config *config)
{
	int fd = records_directory(config->trust_dir);

	if (fd >= 0 && flock(fd, LOCK_EX) < 0) {
		log_error("%s: %s", config->trust_dir, strerror(errno));
		close_p(&fd);
		return -EIO;
	}
	return fd;
}

static const char *who(void)
{
	const char *sudo = geteuid() == 0 ? getenv("SUDO_USER") : NULL;
	const struct passwd *pw = sudo && *sudo ? NULL : getpwuid(getuid());

	return sudo && *sudo ? sudo : pw ? pw->pw_name : "unknown";
}

/* Escaped: what ends up in the trail and on screens. Owned by the caller. */
static json_t *clean_text(const char *raw)
{
	_cleanup_free_ char *clean = text_escape(raw, strlen(raw));

	return clean ? json_string(clean) : NULL;
}

/* -- what is to be believed ---------------------------------------------------------------------------------- */

/* Fewer words than were asked for would be another scope: all of them, or NULL. Takes `word` over. */
static void append(json_t **list, json_t *word)
{
	if (json_array_append_new(*list, word) < 0) {
		json_decref(*list);
		*list = NULL;
	}
}

/* Without --for all of them, in words: what a key is trusted for must not change when a later version knows more. But not for
 * updates: a vendor of files must not become one who changes the station. */
static json_t *make_purposes(unsigned int mask)
{
	json_t *list = json_array();

	for (unsigned int p = 0; p < PURPOSE_COUNT_ && list; p++)
		if ((mask == 0 && p != PURPOSE_UPDATE) || mask & 1u << p)
			append(&list, json_string(trust_purpose_name(p)));
	return list;
}

static json_t *make_patterns(const struct key_patterns *p)
{
	json_t *list = json_array();

	for (size_t i = 0; i < p->count && list; i++)
		append(&list, json_string(p->list[i]));
	return list;
}

static int take_bytes(const json_t *description, struct candidate *ret)
{
	const char *text = text_of(description, "key");
	size_t n = strlen(text), padding = n >= 4 ? (text[n - 1] == '=') + (text[n - 2] == '=') : 0;

	ret->size = n / 4 * 3 - padding;
	if (ret->size == 0 || ret->size > KEY_BYTES_MAX)
		return -EBADMSG;
	ret->bytes = malloc(ret->size);
	if (!ret->bytes)
		return -ENOMEM;
	return base64_decode(text, n, ret->bytes, ret->size) < 0 ? -EBADMSG : 0;
}

static int make_candidate(const json_t *description, const struct key_change *c, struct candidate *ret)
{
	char hex[SHA256_HEX_LEN + 1];
	uint8_t sum[SHA256_LEN];
	int r = take_bytes(description, ret);

	if (r == 0)
		r = sha256(ret->bytes, ret->size, sum);
	if (r < 0)
		return r;
	hex_encode(sum, sizeof(sum), hex);
	ret->entry = json_pack("{sI,so,sO,sO,ss,ss,ss,ss,so,so,ss,so,sI}", "added_at", (json_int_t)time(NULL), "by",
			       clean_text(c->by ? c->by : who()), "created", json_object_get(description, "created"), "expires",
			       json_object_get(description, "expires"), "fingerprint", text_of(description, "fingerprint"), "key_id",
			       text_of(description, "key_id"), "kind", text_of(description, "kind"), "owner",
			       text_of(description, "owner"), "paths", make_patterns(&c->paths), "purposes",
			       make_purposes(c->purposes), "sha256", hex, "types", make_patterns(&c->types), "until",
			       (json_int_t)c->until);
	return ret->entry ? 0 : -ENOMEM; /* every text in it is UTF-8 */
}

/* -- agreeing ------------------------------------------------------------------------------------------------ */

/* In full, however it is written: groups, colons, either case. */
static bool is_same_fingerprint(const char *given, const char *fingerprint)
{
	for (; *given; given++) {
		if (strchr(" :\t", *given))
			continue;
		if (strncasecmp(given, fingerprint, 1) != 0 || !*fingerprint)
			return false;
		fingerprint++;
	}
	return *fingerprint == '\0';
}

static bool is_given(const char *given, const json_t *key)
{
	_cleanup_free_ char *public = key_public_text(key);

	return is_same_fingerprint(given, text_of(key, "fingerprint")) || (public && strcmp(given, public) == 0);
}

/* Does the officer mean this key? By --fingerprint, --yes, or an answer on the terminal. */
static bool agree(const struct key_change *c, const json_t *key)
{
	char answer[8];

	if (c->fingerprint) {
		if (is_given(c->fingerprint, key))
			return true;
		log_error("%s: its fingerprint is %s, not the one given", c->file, text_of(key, "fingerprint"));
		return false;
	}
	key_print(stderr, key, "");
	if (c->is_agreed)
		return true;
	if (!isatty(STDIN_FILENO)) {
		log_error("compare the fingerprint with the vendor's, then give it with --fingerprint (or --yes)");
		return false;
	}
	(void)fputs("Compare the fingerprint with the vendor's own word, from another place than the key.\n"
		    "Trust this key for what is listed above? [y/N] ",
		    stderr); /* nowhere left to complain to */
	if (!fgets(answer, sizeof(answer), stdin) || (answer[0] != 'y' && answer[0] != 'Y')) {
		log_error("not trusted");
		return false;
	}
	return true;
}

static bool has_ended(const struct key_change *c, const json_t *entry)
{
	char text[RECORDS_TIME_LEN];

	if (!trust_key_has_ended(entry, time(NULL)))
		return false;
	records_time(json_integer_value(json_object_get(entry, "expires")), text);
	log_error("%s: the key expired at %s UTC and can vouch for nothing; ask its owner for the one that is valid now", c->file,
		  text);
	return true;
}

/* -- the store ----------------------------------------------------------------------------------------------- */

static bool is_taken(const json_t *keys, const char *name, const json_t *entry)
{
	const char *other;
	json_t *theirs;

	if (json_object_get(keys, name)) {
		log_error("%s: this name is taken; `lazaret key distrust %s` first", name, name);
		return true;
	}
	json_object_foreach((json_t *)keys, other, theirs) {
		if (strcasecmp(text_of(theirs, "fingerprint"), text_of(entry, "fingerprint")) == 0 ||
		    strcmp(text_of(theirs, "sha256"), text_of(entry, "sha256")) == 0) {
			log_error("this key is trusted already, as %s; to change what for, `lazaret key distrust %s` first", other,
				  other);
			return true;
		}
	}
	return false;
}

static bool has_room(int fd, const json_t *keys, size_t size)
{
	uint64_t total = size;
	const char *name;
	json_t *entry;

	if (json_object_size(keys) >= TRUST_KEYS_MAX) {
		log_error("there are %d trusted keys already, as many as a station can have; distrust one first", TRUST_KEYS_MAX);
		return false;
	}
	json_object_foreach((json_t *)keys, name, entry) {
		char file[TRUST_NAME_MAX + sizeof(".pub")];
		struct stat st;

		(void)snprintf(file, sizeof(file), "%s.pub", name); /* names are that short */
		if (fstatat(fd, file, &st, AT_SYMLINK_NOFOLLOW) == 0)
			total += (uint64_t)st.st_size;
	}
	if (total > TRUST_BYTES_MAX)
		log_error("the trusted keys would be larger than %u bytes together; distrust one first", TRUST_BYTES_MAX);
	return total <= TRUST_BYTES_MAX;
}

/* The key first: keys.json never names one that is not there. */
static int save(int fd, json_t *keys, const char *name, const struct candidate *k)
{
	char file[TRUST_NAME_MAX + sizeof(".pub")];
	int r;

	(void)snprintf(file, sizeof(file), "%s.pub", name); /* as above */
	r = file_replace(fd, file, k->bytes, k->size, 0644);
	if (r == 0 && json_object_set(keys, name, k->entry) < 0)
		r = -ENOMEM;
	return r < 0 ? r : trust_metadata_save(fd, keys);
}

static int record_and_save(const struct station_config *config, int fd, json_t *keys, const struct key_change *c,
			   const struct candidate *k)
{
	_cleanup_(json_decref_p) json_t *body = json_copy(k->entry);
	int r;

	if (!body || json_object_set_new(body, "name", json_string(c->name)) < 0 ||
	    records_append(config, "key-trusted", body) < 0)
		return EXIT_CANNOT;
	r = save(fd, keys, c->name, k);
	if (r < 0) {
		log_error("%s: recorded, but the key could not be kept: %s", config->trust_dir, strerror(-r));
		return EXIT_CANNOT;
	}
	(void)printf("%s is trusted: %s key %s\n", c->name, text_of(k->entry, "kind"), text_of(k->entry, "key_id"));
	return EXIT_SUCCESS;
}

static int trust_candidate(const struct station_config *config, const struct key_change *c, const struct candidate *k)
{
	_cleanup_close_ int fd = open_trust(config);
	_cleanup_(json_decref_p) json_t *keys = NULL;
	char *why = NULL;
	int r;

	if (fd < 0)
		return EXIT_CANNOT;
	r = trust_metadata_load(fd, &keys, &why);
	if (r < 0)
		return key_tell(config->trust_dir, r, why);
	if (is_taken(keys, c->name, k->entry) || !has_room(fd, keys, k->size))
		return EXIT_FAILURE;
	return record_and_save(config, fd, keys, c, k);
}

int key_trust(const struct cli *cli, const struct station_config *config, const struct key_change *c)
{
	_cleanup_(json_decref_p) json_t *description = NULL, *shown = NULL;
	_cleanup_(candidate_done) struct candidate k = { 0 };
	int status = key_describe(cli->dir, c->file, &description), r;

	if (status != 0)
		return status;
	r = make_candidate(description, c, &k);
	if (r < 0) {
		log_error("%s: %s", c->file, strerror(-r));
		return EXIT_CANNOT;
	}
	shown = json_copy(k.entry);
	if (!shown || json_object_set(shown, "key", json_object_get(description, "key")) < 0)
		return EXIT_CANNOT;
	if (has_ended(c, k.entry) || !agree(c, shown))
		return EXIT_FAILURE;
	return trust_candidate(config, c, &k);
}

static bool is_same_key(const json_t *keys, const char *name, const json_t *entry)
{
	const json_t *theirs = json_object_get(keys, name);

	return theirs && strcmp(text_of(theirs, "sha256"), text_of(entry, "sha256")) == 0 &&
	       json_equal(json_object_get(theirs, "purposes"), json_object_get(entry, "purposes"));
}

int key_put(const struct cli *cli, int trust_fd, const struct key_change *c)
{
	_cleanup_(json_decref_p) json_t *description = NULL, *keys = NULL;
	_cleanup_(candidate_done) struct candidate k = { 0 };
	int status = key_describe(cli->dir, c->file, &description), r;
	char *why = NULL;

	if (status != 0)
		return status;
	r = make_candidate(description, c, &k);
	if (r == 0)
		r = trust_metadata_load(trust_fd, &keys, &why);
	if (r < 0)
		return key_tell(c->file, r, why);
	if (is_same_key(keys, c->name, k.entry))
		return KEY_IS_THERE;
	if (has_ended(c, k.entry) || is_taken(keys, c->name, k.entry) || !has_room(trust_fd, keys, k.size))
		return EXIT_FAILURE;
	r = save(trust_fd, keys, c->name, &k);
	return r < 0 ? key_tell(c->file, r, NULL) : EXIT_SUCCESS;
}

const char *key_who(void)
{
	return who();
}

int key_distrust(const struct station_config *config, const struct key_change *c)
{
	_cleanup_close_ int fd = open_trust(config);
	_cleanup_(json_decref_p) json_t *keys = NULL, *body = NULL;
	char file[TRUST_NAME_MAX + sizeof(".pub")], *why = NULL;
	json_t *entry;
	int r;

	if (fd < 0)
		return EXIT_CANNOT;
	r = trust_metadata_load(fd, &keys, &why);
	if (r < 0)
		return key_tell(config->trust_dir, r, why);
	entry = json_object_get(keys, c->name);
	if (!entry) {
		log_error("%s: no key of this name is trusted (`lazaret key list`)", c->name);
		return EXIT_FAILURE;
	}
	body = json_pack("{ss,so,so,sO,sO,sO,sO}", "name", c->name, "by", clean_text(c->by ? c->by : who()), "reason",
			 clean_text(c->reason ? c->reason : ""), "fingerprint", json_object_get(entry, "fingerprint"), "key_id",
			 json_object_get(entry, "key_id"), "kind", json_object_get(entry, "kind"), "owner",
			 json_object_get(entry, "owner"));
	if (!body || records_append(config, "key-distrusted", body) < 0)
		return EXIT_CANNOT;
	(void)snprintf(file, sizeof(file), "%s.pub", c->name); /* a name is that short */
	r = json_object_del(keys, c->name) < 0 ? -ENOENT : trust_metadata_save(fd, keys);
	if (r == 0 && unlinkat(fd, file, 0) < 0 && errno != ENOENT)
		r = -errno;
	if (r < 0) {
		log_error("%s: recorded, but: %s", config->trust_dir, strerror(-r));
		return EXIT_CANNOT;
	}
	(void)printf("%s is no longer trusted\n", c->name);
	return EXIT_SUCCESS;
}
