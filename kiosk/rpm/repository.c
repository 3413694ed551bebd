/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* repomd.xml lists the other indexes of a repository by digest, the primary one among them, which lists the packages (format:
 * createrepo_c, rpm-software-management; no standard). Signed is repomd.xml alone, by repomd.xml.asc, if at all. Nothing in it
 * names the repository that it is of: an older one, or another one of the same vendor's, is as good; so that no series is told
 * in which its date might not go back.
 */
#include <string.h>

#include "common/hash.h"
#include "proof/path.h"
#include "rpm/formats.h"
#include "rpm/xml.h"

#define REPOMD_NAMESPACE "http://linux.duke.edu/metadata/repo"
#define PRIMARY_NAMESPACE "http://linux.duke.edu/metadata/common"
#define DIRECTORY "repodata"
#define DATE_MAX 4102444800ull /* s since 1970: the year 2100. Revisions are dates by custom, and may be any word */

struct index {
	const char *namespace, *root, *item; /* names of elements */
	const char *digest_flag;	     /* attribute that says "YES" of the digest meant; NULL: there is but one */
	uint64_t size_max;		     /* bytes when decompressed */
};

static const struct index repomd = { REPOMD_NAMESPACE, "repomd", "data", NULL, REPOMD_BYTES_MAX };
static const struct index primary = { PRIMARY_NAMESPACE, "metadata", "package", "pkgid", PRIMARY_BYTES_MAX };

/* One item as far as it has been read. */
struct item {
	unsigned int sums, locations; /* how many of each: more than one leaves open which is meant */
	bool is_elsewhere;	      /* another base than the repository: its path is none on this medium */
	char algorithm[XML_TEXT_MAX + 1], sum[XML_TEXT_MAX + 1], path[XML_TEXT_MAX + 1];
};

struct list {
	struct evidence *e;
	const struct index *index;
	bool has_root, is_in_item;
	struct item item;
	uint64_t revision; /* s since 1970; 0: not said */
};

static bool is(const struct list *l, const struct sax_element *x, unsigned int depth, const char *name)
{
	return x->depth == depth && strcmp(x->name, name) == 0 && strcmp(x->namespace, l->index->namespace) == 0;
}

/* A package has digests of other things in it, of its own the one that is its identity (pkgid="YES"). */
static bool is_the_digest(const struct list *l, const struct sax_element *x)
{
	char flag[XML_TEXT_MAX + 1];

	if (!l->is_in_item || !is(l, x, 2, "checksum"))
		return false;
	if (!l->index->digest_flag)
		return true;
	return xml_attribute(x, l->index->digest_flag, flag) && strcmp(flag, "YES") == 0;
}

static void start_in_item(struct list *l, const struct sax_element *x, bool *ret_wants_text)
{
	struct item *i = &l->item;

	if (is_the_digest(l, x)) {
		i->sums++;
		*ret_wants_text = true;
		if (!xml_attribute(x, "type", i->algorithm))
			i->algorithm[0] = '\0';
	} else if (is(l, x, 2, "location")) {
		i->locations++;
		i->is_elsewhere |= xml_has_attribute(x, "base");
		if (!xml_attribute(x, "href", i->path))
			i->path[0] = '\0';
	}
}

static void start_item(struct item *i)
{
	i->sums = i->locations = 0;
	i->is_elsewhere = false;
	i->algorithm[0] = i->sum[0] = i->path[0] = '\0';
}

static int on_start(void *context, const struct sax_element *x, bool *ret_wants_text)
{
	struct list *l = context;

	if (x->depth == 0) {
		l->has_root = is(l, x, 0, l->index->root);
		return l->has_root ? 0 : -ENOMSG;
	}
	if (is(l, x, 1, l->index->item)) {
		start_item(&l->item);
		l->is_in_item = true;
	} else if (l->is_in_item) {
		start_in_item(l, x, ret_wants_text);
	} else if (is(l, x, 1, "revision")) {
		*ret_wants_text = true;
	}
	return 0;
}

static void take_revision(struct list *l, const char *text)
{
	size_t digits = strspn(text, "0123456789");
	uint64_t date = digits > 0 && digits <= 10 && text[digits] == '\0' ? strtoull(text, NULL, 10) : 0;

	if (date > 0 && date < DATE_MAX)
		l->revision = date;
}

static const char *trim(char *text)
{
	size_t n;

	text += strspn(text, " \t\r\n");
	n = strlen(text);
	while (n > 0 && strchr(" \t\r\n", text[n - 1]))
		text[--n] = '\0';
	return text;
}

/* What is wrong with it; NULL: nothing, and it is `*ret_digest`, `sum` and the path in place. */
static const char *check_item(struct item *i, const struct digest **ret_digest, uint8_t sum[static ORIGIN_DIGEST_MAX],
			      size_t *ret_path_size)
{
	const char *hex = trim(i->sum);

	if (i->sums != 1)
		return i->sums == 0 ? "no digest" : "several digests, none of which is the one";
	if (i->locations != 1)
		return i->locations == 0 ? "no location" : "several locations";
	/* "sha" is SHA-1 in lists of yum's days */
	*ret_digest = digest_by_name(strcmp(i->algorithm, "sha") == 0 ? "sha1" : i->algorithm);
	if (!*ret_digest)
		return "a digest of an unknown kind";
	if (hex_decode(hex, sum, (*ret_digest)->size) < 0)
		return "the digest has not the length that its algorithm has, or is none";
	*ret_path_size = strlen(i->path);
	return listed_path_normalise(i->path, ret_path_size);
}

static int end_item(struct list *l)
{
	struct evidence *e = l->e;
	const struct digest *d;
	uint8_t sum[ORIGIN_DIGEST_MAX];
	size_t path_size = 0;
	const char *why = check_item(&l->item, &d, sum, &path_size);

	l->is_in_item = false;
	if (why) {
		if (e->summary.bad++ == 0)
			(void)snprintf(e->summary.detail, sizeof(e->summary.detail), "an entry with %s: %.400s", why,
				       l->item.path);
		return 0;
	}
	if (l->item.is_elsewhere) /* whichever file here has the digest */
		return evidence_lists(e, d, sum, 0, "", 0);
	return evidence_lists(e, d, sum, 1, l->item.path, path_size);
}

static int on_end(void *context, const struct sax_element *x, const char *text)
{
	struct list *l = context;

	if (is(l, x, 1, l->index->item))
		return end_item(l);
	if (text && l->is_in_item)
		(void)snprintf(l->item.sum, sizeof(l->item.sum), "%s", text);
	else if (text)
		take_revision(l, text);
	return 0;
}

/* Does it stand in a directory called repodata, as every repository's index does? Where else its paths would begin, nobody
 * has said. */
static bool is_in_repodata(const struct evidence *e)
{
	size_t size = (size_t)(e->name - e->path), n = strlen(DIRECTORY);

	return size >= n + 1 && memcmp(e->path + size - n - 1, DIRECTORY "/", n + 1) == 0 &&
	       (size == n + 1 || e->path[size - n - 2] == '/');
}

static void conclude(struct evidence *e, enum list_outcome outcome, const char *detail)
{
	e->summary.outcome = outcome;
	(void)snprintf(e->summary.detail, sizeof(e->summary.detail), "%s", detail);
}

static int prove_index(struct evidence *e, const struct index *index)
{
	static const struct xml_handler handler = { on_start, on_end };
	_cleanup_free_ struct list *l = calloc(1, sizeof(*l));
	char why[256];
	int r;

	if (!l)
		return -ENOMEM;
	if (!is_in_repodata(e)) {
		conclude(e, LIST_NONE, "an index of a repository only in a directory called " DIRECTORY);
		return 0;
	}
	l->e = e;
	l->index = index;
	r = xml_read(e->fd, index->size_max, &handler, l, why, sizeof(why));
	switch (r) {
	case 0:
		e->summary.outcome = LIST_READ;
		e->summary.date = l->revision;
		return 0;
	case -EPROTONOSUPPORT:
		conclude(e, LIST_NONE, why); /* the repository has it in another form, too; or what it lists stays unproved */
		return 0;
	case -ENOMSG:
		conclude(e, LIST_BROKEN, "it is XML of another kind than its name says");
		return 0;
	case -EBADMSG:
	case -EFBIG:
		conclude(e, LIST_BROKEN, why);
		return 0;
	case -E2BIG:
		conclude(e, LIST_BROKEN, "it has more entries than any repository");
		return 0;
	default:
		return r;
	}
}

int prove_repomd(struct evidence *e)
{
	return prove_index(e, &repomd);
}

int prove_primary(struct evidence *e)
{
	return prove_index(e, &primary);
}
