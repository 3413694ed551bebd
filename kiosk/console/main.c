/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* lazaret-console: all that an operator sees. Runs as an ordinary account that may speak with lazaretd; believes lazaretd, and
 * nothing that comes from media through it: such text is escaped again before it is shown. */
#include <getopt.h>
#include <string.h>
#include <sysexits.h>

#include "common/log.h"
#include "console/app.h"
#include "console/keeper.h"
#include "control/client.h"
#include "station/config.h"

#define STATION_DIR_DEFAULT "/var/lib/lazaret"
#define SOCKET_NAME "control.sock" /* where lazaret.yaml says nothing else, or may not be read by us */

static int usage(FILE *out, int status)
{
	fputs("usage: lazaret-console [-C DIR | --socket PATH] [--language xx] [--ascii] [--kiosk]\n\n"
	      "  -C DIR         the station (default " STATION_DIR_DEFAULT ")\n"
	      "  --socket PATH  lazaretd's control socket\n"
	      "  --language xx  en, fr or de (default: of LANGUAGE, LC_ALL, LC_MESSAGES, LANG)\n"
	      "  --ascii        for terminals that show nothing else\n"
	      "  --kiosk        for a station's own screen: cannot be left, virtual terminals are locked\n"
	      "  --version, --help\n\nmanual: lazaret-console(1)\n",
	      out);
	return status;
}

/* Owned by the caller; NULL when out of memory. */
static char *socket_of(const char *dir)
{
	struct yaml_errors errors = { 0 };
	struct station_config *config = NULL;
	char *path = NULL;

	if (station_config_load(dir, &errors, &config) == 0)
		path = strdup(config->control.socket);
	else if (asprintf(&path, "%s/" SOCKET_NAME, dir) < 0)
		path = NULL;
	yaml_errors_done(&errors);
	station_config_free(config);
	return path;
}

static const char *first_set(const char *const *names, size_t count)
{
	for (size_t k = 0; k < count; k++) {
		const char *value = getenv(names[k]);

		if (value && *value)
			return value;
	}
	return NULL;
}

static const char *language_wanted(void)
{
	static const char *const names[] = { "LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG" };
	const char *value = first_set(names, ARRAY_LEN(names));

	return value ? value : "en";
}

/* A locale that was chosen, and is not UTF-8: the terminal is not either. */
static bool is_ascii_wanted(void)
{
	static const char *const names[] = { "LC_ALL", "LC_CTYPE", "LANG" };
	const char *value = first_set(names, ARRAY_LEN(names));

	return value && !strcasestr(value, "utf-8") && !strcasestr(value, "utf8");
}

int main(int argc, char **argv)
{
	enum { SOCKET = 1, LANGUAGE, ASCII, KIOSK, VERSION };
	static const struct option options[] = {
		{ "socket", required_argument, NULL, SOCKET }, { "language", required_argument, NULL, LANGUAGE },
		{ "ascii", no_argument, NULL, ASCII },	       { "kiosk", no_argument, NULL, KIOSK },
		{ "version", no_argument, NULL, VERSION },     { "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	struct app_options app = { .language = language_wanted(), .is_ascii = is_ascii_wanted() };
	const char *dir = STATION_DIR_DEFAULT;
	_cleanup_free_ char *found = NULL;

	control_wipe_json(); /* passphrases pass through JSON */
	log_open("lazaret-console");
	for (int o; (o = getopt_long(argc, argv, "C:h", options, NULL)) != -1;) {
		if (o == 'C')
			dir = optarg;
		else if (o == SOCKET)
			app.socket = optarg;
		else if (o == LANGUAGE)
			app.language = optarg;
		else if (o == ASCII)
			app.is_ascii = true;
		else if (o == KIOSK)
			app.is_kiosk = true;
		else if (o == VERSION)
			return printf("lazaret-console %s\n", LAZARET_VERSION) < 0;
		else
			return usage(o == 'h' ? stdout : stderr, o == 'h' ? 0 : EX_USAGE);
	}
	if (optind < argc)
		return usage(stderr, EX_USAGE);
	if (!app.socket)
		app.socket = found = socket_of(dir);
	if (!app.socket)
		return 1;
	return keeper_run(app_run, &app, app.is_kiosk);
}
