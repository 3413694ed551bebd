/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Files that start something else. */
#include "content_fixture.h"

/* As Windows writes it (MS-SHLLINK 3.1): header, LinkInfo with a local path, relative path, arguments. */
static size_t make_link(uint8_t out[static 1024], const char *path, const char *arguments)
{
	static const uint8_t head[24] = { 0x4c, 0, 0, 0, 1, 0x14, 2, 0, 0, 0, 0, 0, 0xc0, 0, 0, 0, 0, 0, 0, 0x46, 0xa2 };
	size_t n = 76, info = n, path_size = strlen(path) + 1;

	memset(out, 0, 1024);
	memcpy(out, head, sizeof(head));
	out[info] = (uint8_t)(28 + path_size);
	out[info + 4] = 28;
	out[info + 8] = 1;
	out[info + 16] = 28;
	memcpy(out + info + 28, path, path_size);
	n = info + 28 + path_size;
	out[n++] = (uint8_t)strlen(arguments); /* counted characters, in UTF-16 */
	out[n++] = 0;
	for (const char *p = arguments; *p; p++) {
		out[n++] = (uint8_t)*p;
		out[n++] = 0;
	}
	return n + 4; /* the end of the extra data */
}

#define LNK(data, size) look_bytes(data, size, "a.lnk", NULL, "application/x-ms-shortcut")

static void links(void **state)
{
	uint8_t lnk[1024];
	size_t size = make_link(lnk, "C:\\Windows\\System32\\cmd.exe", "/c                  calc");

	lnk[20] = 0xa2; /* HasLinkInfo, HasArguments, IsUnicode */
	ACTIVE(LNK(lnk, size), "starts \"C:\\Windows\\System32\\cmd.exe\" with \"/c calc\"");
	ACTIVE(look_bytes(lnk, size, "invoice.pdf", NULL, "application/octet-stream"), "cmd.exe");
	ACTIVE(LNK(lnk, 100), "cut off");
	ACTIVE(LNK(lnk, 40), "cut off");
	lnk[4] = 2; /* another class */
	said_nothing(LNK(lnk, size));
	lnk[4] = 1;
	memset(lnk + 76, 0xff, 4); /* LinkInfo of four gibibytes */
	ACTIVE(LNK(lnk, size), "cut off");
	survives_cutting(lnk, size, "a.lnk", NULL, "application/x-ms-shortcut");
}

#define INI "application/x-wine-extension-ini"

static void sections(void **state)
{
	size_t size;
	uint8_t *wide = widen("[autorun]\r\nopen=setup.exe\r\n", &size);

	ACTIVE(look_text("[InternetShortcut]\r\nURL=file://192.0.2.1/a.exe\r\n", "a.url", NULL, "application/x-mswinurl"), "file://192.0.2.1/a.exe");
	ACTIVE(look_text("junk\n[InternetShortcut]\nURL=http://example.org/\n", "a.url", NULL, "text/plain"), "opens http");
	ACTIVE(look_text("[InternetShortcut]\nIconFile=\\\\192.0.2.1\\a.ico\n", "picture.jpg", NULL, "text/plain"), "its icon");
	ACTIVE(look_text("[Shell]\nCommand=2\nIconFile=\\\\192.0.2.1\\a.ico\n", "a.scf", NULL, "text/plain"), "icon from \\\\192");
	ACTIVE(look_text("#!/usr/bin/env xdg-open\n[Desktop Entry]\nType=Application\nExec=sh -c 'x'\n", "a.desktop", NULL, "text/plain"),
	       "starts sh -c 'x'");
	ACTIVE(look_bytes(wide, size, "AUTORUN.INF", NULL, "text/plain"), "setup.exe");
	ACTIVE(look_text("[autorun]\nshell\\open\\command=a.exe\n", "autorun.inf", NULL, INI), "from the menu");
	ACTIVE(look_text("[.ShellClassInfo]\nIconResource=\\\\192.0.2.1\\a,1\n", "desktop.ini", NULL, INI), "its icon");
	ACTIVE(look_text("[.ShellClassInfo]\nCLSID={20D04FE0-3AEA-1069-A2D8-08002B30309D}\n", "Desktop.ini", NULL, INI), "turns the folder");
	silent_text("[autorun]\nicon=disc.ico\nlabel=Photos\n", "autorun.inf", NULL, INI);
	silent_text("[.ShellClassInfo]\nIconResource=C:\\Windows\\system32\\a.dll,1\n[ViewState]\nMode=\n", "desktop.ini", NULL, INI);
	silent_text("[Desktop Entry]\nType=Directory\nName=Games\nIcon=games\n", "games.directory", NULL, "text/plain");
	silent_text("[main]\nopen=a\n[shell]\ncommand=b\n", "a.ini", NULL, INI);
	silent_text("How to make one:\n[InternetShortcut]\nURL=http://example.org/\n", "notes.txt", NULL, "text/plain");
	survives_cutting(wide, size, "autorun.inf", NULL, "text/plain");
	free(wide);
}

static void shell_markup(void **state)
{
	ACTIVE(look_text("<?xml version=\"1.0\"?><!-- x --><libraryDescription><url>\\\\192.0.2.1\\x</url></libraryDescription>", "a.library-ms", NULL,
			 "text/xml"),
	       "\\\\192.0.2.1\\x");
	ACTIVE(look_text("<searchConnectorDescription/>", "a.txt", NULL, "text/xml"), "search connector");
	ACTIVE(look_text("<PCSettings><SearchableContent><ApplicationInformation><DeepLink>cmd.exe /c calc</DeepLink>", "a.settingcontent-ms", NULL,
			 "text/xml"),
	       "starts cmd.exe");
	ACTIVE(look_text("<Configuration><LogonCommand><Command>a.exe</Command>", "a.wsb", NULL, "text/xml"), "starts a.exe");
	ACTIVE(look_text("full address:s:192.0.2.1\n", "a.rdp", NULL, "text/plain"), "192.0.2.1");
	silent_text("<configuration><appSettings/></configuration>", "app.config", NULL, "text/xml");
	silent_text("<!-- <libraryDescription> --><x/>", "a.xml", NULL, "text/xml");
	silent_text("<!-- without an end", "a.xml", NULL, "text/xml");
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(links), cmocka_unit_test(sections), cmocka_unit_test(shell_markup) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
