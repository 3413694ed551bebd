/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* What the detectors of kiosk/content say of the files named on standard input, one a line:
 *
 *   path TAB name TAB container      (name: of a member within its container; container: its MIME type or "")
 *
 * One line for each thing said: detector TAB reason code, or "is" TAB path TAB main type TAB what. Last line: number of files. For
 * tests/benign/run.
 */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "common/fd.h"
#include "content/detectors.h"
#include "examine/containers.h"
#include "examine/magic.h"

static const struct detector detectors[] = {
#define ENTRY(function, text) { text, look_##function },
	CONTENT_DETECTORS(ENTRY)
#undef ENTRY
};

static void tell(const struct content *c, const char *path)
{
	for (size_t i = 0; i < c->findings->count; i++)
		printf("%s\t%s\t%s\t%s\t%s\n", c->detector, reason_code(c->findings->list[i].reason), path, c->types[0],
		       c->findings->list[i].detail);
	for (size_t i = 0; i < c->more_type_count; i++)
		printf("%s\tis\t%s\t%s\t%s\n", c->detector, path, c->types[0], c->more_types[i]);
}

static void look_at(struct content *c, const char *path)
{
	for (size_t i = 0; i < ARRAY_LEN(detectors); i++) {
		struct findings findings = { 0 };
		int r;

		c->detector = detectors[i].name;
		c->findings = &findings;
		c->more_type_count = 0;
		r = detectors[i].look(c);
		tell(c, path);
		if (r < 0)
			printf("%s\terror\t%s\t%s\t%s\n", c->detector, path, c->types[0], strerror(-r));
		findings_done(&findings);
	}
}

static bool examine(struct magic_engine *magic, const char *path, const char *name, const char *container)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	const char *list[TYPES_MAX] = { "application/octet-stream" }, *slash = strrchr(name, '/');
	struct content c = { .path = name, .name = slash ? slash + 1 : name, .container = *container ? container : NULL };
	struct types types = { .count = 0 };
	struct containers containers;
	_cleanup_free_ uint8_t *data = NULL; /* on the heap: AddressSanitizer sees a detector that reads past it */
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size == 0)
		return false;
	data = malloc((size_t)st.st_size);
	if (!data || fd_read_exact(fd, data, (size_t)st.st_size) < 0)
		return false;
	c.data = data;
	c.size = (size_t)st.st_size;
	containers_find(c.data, c.size, &containers);
	if (magic_types(magic, c.data, c.size, &containers, &types) < 0)
		printf("libmagic\terror\t%s\t\t\n", path);
	for (size_t i = 0; i < types.count; i++)
		list[i] = types.list[i];
	c.types = list;
	c.type_count = types.count;
	look_at(&c, path);
	return true;
}

int main(void)
{
	_cleanup_free_ char *line = NULL;
	struct magic_engine *magic;
	char why[WHY_MAX];
	size_t room = 0, files = 0;

	if (magic_open_engine(&magic, why) < 0) {
		fprintf(stderr, "%s\n", why);
		return 1;
	}
	while (getline(&line, &room, stdin) > 0) {
		char *rest = line, *path = strsep(&rest, "\t"), *name = rest ? strsep(&rest, "\t") : NULL;

		if (!name || !rest)
			continue;
		rest[strcspn(rest, "\n")] = '\0';
		files += examine(magic, path, name, rest);
	}
	printf("files\t%zu\n", files);
	magic_free_engine(magic);
	return 0;
}
