/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* The shipped profiles: each loads without any error, each of its rules fires on some file, and the files that a demo
 * stick holds come out as people would expect. */
#include "judge_fixture.h"

#define PE "application/vnd.microsoft.portable-executable"
#define DEB "application/vnd.debian.binary-package"
#define DOCX "application/vnd.openxmlformats-officedocument.wordprocessingml.document"

struct row {
	const char *profile, *path;
	const char *types[3];
	enum { NOTHING, IS_SIGNED, IS_LISTED } origin;
	int finding; /* -1: none */
	enum verdict verdict;
	const char *rule, *reason; /* the first reason; "" when approved */
	const char *within[5];	   /* the nearest first */
};

#define ODT "application/vnd.oasis.opendocument.text"
#define XLSX "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
#define EPUB "application/epub+zip"
#define ZIP "application/zip"
#define GZIP "application/gzip"
#define TAR "application/x-tar"
#define XZ "application/x-xz"
#define OLE "application/x-ole-storage"
#define DATA "application/octet-stream"
#define ELF "application/x-pie-executable"
#define SO "application/x-sharedlib"
#define XML "text/xml"
#define TEXT "text/plain"
#define FILE_OF_MEDIUM { NULL }
#define DATA_TAR { TAR, XZ, DEB } /* where the files of a Debian package are */

static const struct row rows[] = {
	/* documents: a demo stick */
	{ "documents", "readme.txt", { "text/plain" }, NOTHING, -1, VERDICT_APPROVED, "text", "", FILE_OF_MEDIUM },
	{ "documents", "report.pdf", { "application/pdf", "application/octet-stream" }, NOTHING, -1, VERDICT_APPROVED, "documents", "", FILE_OF_MEDIUM },
	{ "documents", "letter.docx", { DOCX, "application/zip" }, NOTHING, -1, VERDICT_APPROVED, "documents", "", FILE_OF_MEDIUM },
	{ "documents", "letter.odt", { "application/vnd.oasis.opendocument.text", "application/zip" }, NOTHING, -1, VERDICT_APPROVED, "documents", "", FILE_OF_MEDIUM },
	{ "documents", "photo.PNG", { "image/png" }, NOTHING, -1, VERDICT_APPROVED, "images", "", FILE_OF_MEDIUM },
	{ "documents", "files.zip", { "application/zip" }, NOTHING, -1, VERDICT_APPROVED, "archives", "", FILE_OF_MEDIUM },
	{ "documents", "update.tar.gz", { "application/gzip" }, IS_SIGNED, -1, VERDICT_APPROVED, "signed-software", "", FILE_OF_MEDIUM },
	{ "documents", "update.tar.gz.minisig", { "text/plain" }, NOTHING, -1, VERDICT_APPROVED, "text", "", FILE_OF_MEDIUM },
	{ "documents", "SHA256SUMS", { "text/plain" }, NOTHING, -1, VERDICT_APPROVED, "text", "", FILE_OF_MEDIUM },
	{ "documents", "eicar.com", { "text/plain" }, NOTHING, REASON_MALWARE, VERDICT_BLOCKED, "text", "malware", FILE_OF_MEDIUM },
	{ "documents", "holiday.jpg", { PE }, NOTHING, -1, VERDICT_BLOCKED, "disguised-program", "type-mismatch", FILE_OF_MEDIUM },
	{ "documents", "holiday.jpg", { "application/x-pie-executable" }, NOTHING, -1, VERDICT_BLOCKED, "disguised-program", "type-mismatch", FILE_OF_MEDIUM },
	{ "documents", "secret.zip", { "application/zip" }, NOTHING, REASON_ENCRYPTED, VERDICT_HELD, "archives", "encrypted", FILE_OF_MEDIUM },
	{ "documents", "setup.exe", { PE }, NOTHING, -1, VERDICT_BLOCKED, "programs", "type-denied", FILE_OF_MEDIUM },
	{ "documents", "tool.deb", { DEB }, NOTHING, REASON_CONTAINER_OPAQUE, VERDICT_HELD, "packages", "container-opaque", FILE_OF_MEDIUM },
	{ "documents", "tool.deb", { DEB }, IS_SIGNED, REASON_CONTAINER_OPAQUE, VERDICT_APPROVED, "signed-software", "", FILE_OF_MEDIUM },
	{ "documents", "tool.deb", { DEB }, IS_SIGNED, REASON_MALWARE, VERDICT_BLOCKED, "signed-software", "malware", FILE_OF_MEDIUM },
	{ "documents", "blob.bin", { "application/octet-stream" }, NOTHING, -1, VERDICT_HELD, "unknown-content", "type-unknown", FILE_OF_MEDIUM },
	{ "documents", "run.ps1", { "text/plain" }, NOTHING, -1, VERDICT_HELD, "text", "active-content", FILE_OF_MEDIUM },
	{ "documents", "page.html", { "text/html" }, NOTHING, -1, VERDICT_HELD, "text", "active-content", FILE_OF_MEDIUM },
	{ "documents", "sheet.xlsm", { "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "application/zip" }, NOTHING, -1, VERDICT_HELD, "documents", "active-content", FILE_OF_MEDIUM },
	{ "documents", "README.md", { "application/javascript" }, NOTHING, -1, VERDICT_HELD, "scripts", "active-content", FILE_OF_MEDIUM },
	{ "documents", "logo.svg", { "image/svg+xml", "text/plain" }, NOTHING, -1, VERDICT_HELD, "scripts", "active-content", FILE_OF_MEDIUM },
	{ "documents", "data.json", { "application/json", "text/plain" }, NOTHING, -1, VERDICT_APPROVED, "text", "", FILE_OF_MEDIUM },
	{ "documents", "letter.docx", { "application/zip" }, NOTHING, -1, VERDICT_APPROVED, "archives", "", FILE_OF_MEDIUM },
	{ "documents", "letter.docm", { "application/zip" }, NOTHING, -1, VERDICT_BLOCKED, "archives", "type-mismatch", FILE_OF_MEDIUM },
	{ "documents", "pic.gif", { "image/gif", "application/zip" }, NOTHING, -1, VERDICT_BLOCKED, "", "no-rule", FILE_OF_MEDIUM },
	{ "documents", "film.mp4", { "video/mp4" }, NOTHING, -1, VERDICT_BLOCKED, "", "no-rule", FILE_OF_MEDIUM },
	{ "documents", "empty.dat", { "application/x-empty" }, NOTHING, -1, VERDICT_APPROVED, "text", "", FILE_OF_MEDIUM },
	/* updates */
	{ "updates", "tool.deb", { DEB, "application/x-archive" }, IS_SIGNED, REASON_CONTAINER_OPAQUE, VERDICT_APPROVED, "signed-software", "", FILE_OF_MEDIUM },
	{ "updates", "tool.rpm", { "application/x-rpm" }, NOTHING, REASON_CONTAINER_OPAQUE, VERDICT_HELD, "unsigned-software", "container-opaque", FILE_OF_MEDIUM },
	{ "updates", "tool.rpm", { "application/x-rpm" }, NOTHING, -1, VERDICT_HELD, "unsigned-software", "unsigned", FILE_OF_MEDIUM },
	{ "updates", "fw.bin", { "application/octet-stream" }, IS_SIGNED, -1, VERDICT_APPROVED, "signed-firmware", "", FILE_OF_MEDIUM },
	{ "updates", "fw.bin", { "application/octet-stream" }, NOTHING, -1, VERDICT_HELD, "unsigned-firmware", "unsigned", FILE_OF_MEDIUM },
	{ "updates", "dists/x/main/binary-amd64/by-hash/SHA256/0123", { "application/x-xz" }, IS_SIGNED, -1, VERDICT_APPROVED, "signed-by-digest", "", FILE_OF_MEDIUM },
	{ "updates", "dists/x/main/binary-amd64/by-hash/SHA256/0123", { "application/x-xz" }, NOTHING, -1, VERDICT_HELD, "archives", "type-unknown", FILE_OF_MEDIUM },
	{ "updates", "blobs/sha256/0123", { "application/zstd" }, IS_SIGNED, REASON_CONTAINER_OPAQUE, VERDICT_APPROVED, "signed-by-digest", "", FILE_OF_MEDIUM },
	{ "updates", "image/blobs/sha256/0123", { PE }, IS_SIGNED, -1, VERDICT_HELD, "signed-software", "type-unknown", FILE_OF_MEDIUM },
	{ "updates", "manual.jpg", { PE }, NOTHING, -1, VERDICT_BLOCKED, "disguised-program", "type-mismatch", FILE_OF_MEDIUM },
	{ "updates", "app.exe", { PE }, NOTHING, -1, VERDICT_HELD, "unsigned-software", "unsigned", FILE_OF_MEDIUM },
	{ "updates", "go.lnk", { "application/x-ms-shortcut" }, NOTHING, -1, VERDICT_BLOCKED, "other-programs", "type-denied", FILE_OF_MEDIUM },
	{ "updates", "u.tar.gz", { "application/gzip" }, IS_LISTED, -1, VERDICT_HELD, "archives", "unsigned", FILE_OF_MEDIUM },
	{ "updates", "u.tar.gz", { "application/gzip" }, NOTHING, -1, VERDICT_HELD, "archives", "unsigned", FILE_OF_MEDIUM },
	{ "updates", "u.tar.gz", { "application/gzip" }, IS_SIGNED, -1, VERDICT_APPROVED, "signed-software", "", FILE_OF_MEDIUM },
	{ "updates", "NOTES.txt", { "text/plain" }, NOTHING, -1, VERDICT_APPROVED, "notes", "", FILE_OF_MEDIUM },
	{ "updates", "model/model.sig", { "application/json" }, IS_SIGNED, -1, VERDICT_APPROVED, "notes", "", FILE_OF_MEDIUM },
	{ "updates", "app.dsse", { "application/json", "text/plain" }, NOTHING, -1, VERDICT_APPROVED, "notes", "", FILE_OF_MEDIUM },
	{ "updates", "app.intoto.jsonl", { "application/x-ndjson" }, NOTHING, -1, VERDICT_APPROVED, "notes", "", FILE_OF_MEDIUM },
	{ "updates", "fw.bin.p7s", { "text/plain" }, NOTHING, -1, VERDICT_APPROVED, "notes", "", FILE_OF_MEDIUM },
	{ "updates", "fw.bin.signature", { "application/pgp-signature" }, NOTHING, -1, VERDICT_APPROVED, "notes", "", FILE_OF_MEDIUM },
	{ "updates", "fw.bin.p7s", { "application/octet-stream" }, IS_SIGNED, -1, VERDICT_APPROVED, "signed-firmware", "", FILE_OF_MEDIUM },
	{ "updates", "fw.bin.p7s", { "application/octet-stream" }, NOTHING, -1, VERDICT_HELD, "unsigned-firmware", "unsigned", FILE_OF_MEDIUM },
	{ "updates", "manual.pdf", { "application/pdf" }, NOTHING, -1, VERDICT_APPROVED, "notes", "", FILE_OF_MEDIUM },
	{ "updates", "letter.docx", { DOCX, "application/zip" }, NOTHING, -1, VERDICT_BLOCKED, "", "no-rule", FILE_OF_MEDIUM },
	/* updates: inside of a signed package everything passes that the checks let pass */
	{ "updates", "data.tar.xz", { XZ, DATA }, IS_SIGNED, -1, VERDICT_APPROVED, "inside-signed", "", { DEB } },
	{ "updates", "usr/bin/tool", { ELF, DATA }, IS_SIGNED, -1, VERDICT_APPROVED, "inside-signed", "", DATA_TAR },
	{ "updates", "usr/bin/t.sh", { "text/x-shellscript" }, IS_SIGNED, -1, VERDICT_APPROVED, "inside-signed", "", DATA_TAR },
	{ "updates", "usr/lib/x.pyc", { "application/x-bytecode.python" }, IS_SIGNED, -1, VERDICT_APPROVED, "inside-signed", "", DATA_TAR },
	{ "updates", "usr/share/t.desktop", { TEXT }, IS_SIGNED, REASON_ACTIVE_CONTENT, VERDICT_APPROVED, "inside-signed", "", DATA_TAR },
	{ "updates", "fw/x.7z", { "application/x-7z-compressed" }, IS_SIGNED, REASON_ENCRYPTED, VERDICT_APPROVED, "inside-signed", "", DATA_TAR },
	{ "updates", "a/film.mp4", { "video/mp4" }, IS_SIGNED, -1, VERDICT_APPROVED, "inside-signed", "", { ZIP } },
	{ "updates", "usr/bin/tool", { ELF }, IS_SIGNED, REASON_MALWARE, VERDICT_BLOCKED, "inside-signed", "malware", DATA_TAR },
	{ "updates", "usr/x.zip", { ZIP }, IS_SIGNED, REASON_ARCHIVE_UNSAFE, VERDICT_BLOCKED, "inside-signed", "archive-unsafe", DATA_TAR },
	{ "updates", "usr/x.png", { "image/png" }, IS_SIGNED, REASON_TYPE_MISMATCH, VERDICT_BLOCKED, "inside-signed", "type-mismatch", DATA_TAR },
	{ "updates", "setup.msi", { "application/x-msi", OLE, "application/cdfv2" }, IS_SIGNED, REASON_ACTIVE_CONTENT, VERDICT_APPROVED, "signed-software", "", FILE_OF_MEDIUM },
	/* and of one that nobody signed, everything is held: never blocked for its type */
	{ "updates", "data.tar.xz", { XZ, DATA }, NOTHING, -1, VERDICT_HELD, "inside-unsigned", "unsigned", { DEB } },
	{ "updates", "data.tar", { TAR, "application/x-gtar", DATA }, NOTHING, -1, VERDICT_HELD, "inside-unsigned", "unsigned", { XZ, DEB } },
	{ "updates", "usr/bin/tool", { ELF, DATA }, NOTHING, -1, VERDICT_HELD, "inside-unsigned", "unsigned", DATA_TAR },
	{ "updates", "usr/bin/lua5.4", { ELF, DATA }, NOTHING, -1, VERDICT_HELD, "inside-unsigned", "unsigned", DATA_TAR },
	{ "updates", "lib/libz.so.1.2.13", { SO, DATA }, NOTHING, -1, VERDICT_HELD, "inside-unsigned", "unsigned", DATA_TAR },
	{ "updates", "usr/lib/x.pyc", { "application/x-bytecode.python" }, NOTHING, -1, VERDICT_HELD, "inside-unsigned", "unsigned", DATA_TAR },
	{ "updates", "usr/share/pixmaps/x.png", { ELF }, NOTHING, -1, VERDICT_BLOCKED, "disguised-program", "type-mismatch", DATA_TAR },
	{ "updates", "src/x.c", { "text/x-c" }, NOTHING, -1, VERDICT_HELD, "inside-unsigned", "unsigned", { TAR, GZIP } },
	{ "updates", "Packages", { TEXT }, NOTHING, -1, VERDICT_HELD, "inside-unsigned", "unsigned", { XZ } },
	{ "updates", "u.tar.zst", { "application/zstd", DATA }, NOTHING, -1, VERDICT_HELD, "archives", "unsigned", FILE_OF_MEDIUM },
	{ "updates", "u.tar.zst", { "application/zstd", DATA }, IS_SIGNED, -1, VERDICT_APPROVED, "signed-software", "", FILE_OF_MEDIUM },
	{ "updates", "u.snap", { "application/vnd.squashfs" }, IS_SIGNED, -1, VERDICT_APPROVED, "signed-software", "", FILE_OF_MEDIUM },
	{ "updates", "u.wim", { "application/x-ms-wim" }, IS_SIGNED, REASON_CONTAINER_OPAQUE, VERDICT_APPROVED, "signed-software", "", FILE_OF_MEDIUM },
	{ "updates", "table.csv", { "text/csv" }, NOTHING, -1, VERDICT_APPROVED, "notes", "", { "application/pdf" } },
	{ "updates", "x.docx", { DOCX }, NOTHING, -1, VERDICT_BLOCKED, "", "no-rule", { "application/pdf" } },
	/* documents: archives of documents, at any depth */
	{ "documents", "a/letter.docx", { DOCX, ZIP }, NOTHING, -1, VERDICT_APPROVED, "documents", "", { ZIP } },
	{ "documents", "a/report.pdf", { "application/pdf" }, NOTHING, -1, VERDICT_APPROVED, "documents", "", { ZIP, ZIP } },
	{ "documents", "inner.zip", { ZIP }, NOTHING, -1, VERDICT_APPROVED, "archives", "", { ZIP, ZIP } },
	{ "documents", "letters.tar", { TAR, "application/x-gtar", DATA }, NOTHING, -1, VERDICT_APPROVED, "archives", "", { GZIP } },
	{ "documents", "letters", { TAR, "application/x-gtar", DATA }, NOTHING, -1, VERDICT_APPROVED, "archives", "", { GZIP } },
	{ "documents", "letters", { TAR, "application/x-gtar", DATA }, NOTHING, -1, VERDICT_HELD, "archives", "type-unknown", FILE_OF_MEDIUM },
	{ "documents", "holiday.jpg", { TAR }, NOTHING, -1, VERDICT_BLOCKED, "archives", "type-mismatch", { GZIP } },
	{ "documents", "a.rar", { "application/vnd.rar", "application/x-rar", DATA }, NOTHING, -1, VERDICT_APPROVED, "archives", "", FILE_OF_MEDIUM },
	{ "documents", "a.tar.zst", { "application/zstd", DATA }, NOTHING, -1, VERDICT_APPROVED, "archives", "", FILE_OF_MEDIUM },
	{ "documents", "a.arj", { "application/x-arj" }, NOTHING, REASON_CONTAINER_OPAQUE, VERDICT_HELD, "packages", "container-opaque", FILE_OF_MEDIUM },
	{ "documents", "a/setup.exe", { PE }, NOTHING, -1, VERDICT_BLOCKED, "programs", "type-denied", { ZIP } },
	{ "documents", "a/film.mp4", { "video/mp4" }, NOTHING, -1, VERDICT_BLOCKED, "", "no-rule", { ZIP } },
	{ "documents", "a/blob.bin", { DATA }, NOTHING, -1, VERDICT_HELD, "unknown-content", "type-unknown", { ZIP } },
	{ "documents", "a/run.ps1", { TEXT }, NOTHING, -1, VERDICT_HELD, "text", "active-content", { ZIP } },
	{ "documents", "a/go.lnk", { "application/x-ms-shortcut" }, NOTHING, -1, VERDICT_BLOCKED, "programs", "type-denied", { ZIP } },
	{ "documents", "src/configure", { "text/x-shellscript" }, NOTHING, -1, VERDICT_HELD, "text", "active-content", { TAR, GZIP } },
	{ "documents", "src/main.c", { "text/x-c" }, NOTHING, -1, VERDICT_APPROVED, "text", "", { TAR, GZIP } },
	{ "documents", "man/tool.1", { "text/troff" }, NOTHING, -1, VERDICT_APPROVED, "text", "", { TAR, GZIP } },
	{ "documents", "a/tool.deb", { DEB }, NOTHING, -1, VERDICT_HELD, "packages", "unsigned", { ZIP } },
	{ "documents", "usr/bin/tool", { ELF }, NOTHING, -1, VERDICT_HELD, "inside-unsigned-software", "unsigned", DATA_TAR },
	{ "documents", "usr/bin/tool", { ELF }, NOTHING, -1, VERDICT_HELD, "inside-unsigned-software", "unsigned", { TAR, XZ, DEB, ZIP } },
	{ "documents", "letter.txt", { TEXT }, NOTHING, -1, VERDICT_HELD, "inside-unsigned-software", "unsigned", { "application/x-iso9660-image" } },
	{ "documents", "usr/bin/tool", { ELF }, IS_SIGNED, -1, VERDICT_APPROVED, "inside-signed-software", "", DATA_TAR },
	{ "documents", "usr/bin/tool", { ELF }, IS_SIGNED, REASON_MALWARE, VERDICT_BLOCKED, "inside-signed-software", "malware", DATA_TAR },
	{ "documents", "macros.docm", { DOCX }, IS_SIGNED, REASON_ACTIVE_CONTENT, VERDICT_APPROVED, "inside-signed-software", "", { ZIP } },
	{ "documents", "setup.exe", { PE }, IS_SIGNED, -1, VERDICT_APPROVED, "signed-software", "", FILE_OF_MEDIUM },
	{ "documents", "setup.jpg", { PE }, IS_SIGNED, -1, VERDICT_BLOCKED, "signed-software", "type-mismatch", FILE_OF_MEDIUM },
	/* a signed document is a document: the signature is no permit for macros */
	{ "documents", "letter.docx", { DOCX }, IS_SIGNED, REASON_ACTIVE_CONTENT, VERDICT_HELD, "documents", "active-content", FILE_OF_MEDIUM },
	{ "documents", "word/vbaProject.bin", { OLE }, IS_SIGNED, REASON_ACTIVE_CONTENT, VERDICT_HELD, "parts-of-documents", "active-content", { DOCX } },
	/* parts of documents */
	{ "documents", "[Content_Types].xml", { XML }, NOTHING, -1, VERDICT_APPROVED, "parts-of-documents", "", { DOCX } },
	{ "documents", "_rels/.rels", { XML }, NOTHING, -1, VERDICT_APPROVED, "parts-of-documents", "", { DOCX, ZIP } },
	{ "documents", "_rels/.rels", { XML }, NOTHING, REASON_ACTIVE_CONTENT, VERDICT_HELD, "parts-of-documents", "active-content", { DOCX } },
	{ "documents", "word/media/image1.png", { "image/png" }, NOTHING, -1, VERDICT_APPROVED, "parts-of-documents", "", { DOCX } },
	{ "documents", "word/media/image1.emf", { DATA }, NOTHING, -1, VERDICT_APPROVED, "parts-of-documents", "", { DOCX } },
	{ "documents", "word/media/image2.wmf", { "image/wmf", DATA }, NOTHING, -1, VERDICT_APPROVED, "parts-of-documents", "", { DOCX } },
	{ "documents", "word/media/image3.emz", { GZIP, DATA }, NOTHING, -1, VERDICT_APPROVED, "parts-of-documents", "", { DOCX } },
	{ "documents", "image3", { DATA }, NOTHING, -1, VERDICT_APPROVED, "parts-of-documents", "", { GZIP, DOCX } },
	{ "documents", "word/media/image4.svg", { "image/svg+xml", XML }, NOTHING, -1, VERDICT_APPROVED, "drawings-in-documents", "", { DOCX } },
	{ "documents", "word/media/image4.svg", { "image/svg+xml", XML }, NOTHING, REASON_ACTIVE_CONTENT, VERDICT_HELD, "drawings-in-documents", "active-content", { DOCX } },
	{ "documents", "word/fonts/font1.odttf", { DATA }, NOTHING, -1, VERDICT_APPROVED, "fonts-and-settings-of-documents", "", { DOCX } },
	{ "documents", "word/fonts/font2.odttf", { "audio/x-unknown" }, NOTHING, -1, VERDICT_APPROVED, "fonts-and-settings-of-documents", "", { DOCX } },
	{ "documents", "word/fonts/font3.odttf", { PE }, NOTHING, -1, VERDICT_BLOCKED, "program-in-document", "active-content", { DOCX } },
	{ "documents", "xl/printerSettings/printerSettings1.bin", { DATA }, NOTHING, -1, VERDICT_APPROVED, "fonts-and-settings-of-documents", "", { XLSX } },
	{ "documents", "docProps/thumbnail.jpeg", { "image/jpeg" }, NOTHING, -1, VERDICT_APPROVED, "parts-of-documents", "", { DOCX } },
	{ "documents", "mimetype", { TEXT }, NOTHING, -1, VERDICT_APPROVED, "parts-of-documents", "", { ODT } },
	{ "documents", "Configurations2/accelerator/current.xml", { "inode/x-empty" }, NOTHING, -1, VERDICT_APPROVED, "parts-of-documents", "", { ODT } },
	{ "documents", "Fonts/a.ttf", { "font/sfnt", DATA }, NOTHING, -1, VERDICT_APPROVED, "parts-of-documents", "", { ODT } },
	{ "documents", "word/embeddings/sheet1.xlsx", { XLSX, ZIP }, NOTHING, -1, VERDICT_APPROVED, "documents", "", { DOCX } },
	{ "documents", "xl/workbook.xml", { XML }, NOTHING, -1, VERDICT_APPROVED, "parts-of-documents", "", { XLSX, DOCX } },
	{ "documents", "word/embeddings/oleObject1.bin", { OLE }, NOTHING, -1, VERDICT_APPROVED, "parts-of-documents", "", { DOCX } },
	{ "documents", "\1Ole10Native", { DATA }, NOTHING, REASON_ACTIVE_CONTENT, VERDICT_HELD, "streams-of-documents", "active-content", { OLE, DOCX } },
	{ "documents", "Package", { PE }, NOTHING, -1, VERDICT_BLOCKED, "program-in-document", "active-content", { OLE, DOCX } },
	{ "documents", "word/media/image1.png", { ELF }, NOTHING, -1, VERDICT_BLOCKED, "program-in-document", "active-content", { DOCX } },
	{ "documents", "word/x.xml", { "text/x-shellscript" }, NOTHING, -1, VERDICT_BLOCKED, "program-in-document", "active-content", { DOCX } },
	{ "documents", "word/embeddings/run.PS1", { TEXT }, NOTHING, -1, VERDICT_BLOCKED, "script-in-document", "active-content", { DOCX } },
	{ "documents", "word/embeddings/x.jar", { "application/java-archive", ZIP }, NOTHING, -1, VERDICT_BLOCKED, "program-in-document", "active-content", { DOCX } },
	{ "documents", "a/setup.exe", { PE }, NOTHING, -1, VERDICT_BLOCKED, "program-in-document", "active-content", { ZIP, DOCX, ZIP } },
	{ "documents", "OEBPS/c1.xhtml", { XML }, NOTHING, -1, VERDICT_APPROVED, "pages-of-books", "", { EPUB } },
	{ "documents", "OEBPS/c2.html", { "text/html" }, NOTHING, REASON_ACTIVE_CONTENT, VERDICT_HELD, "pages-of-books", "active-content", { EPUB } },
	{ "documents", "OEBPS/s.css", { TEXT }, NOTHING, -1, VERDICT_APPROVED, "parts-of-documents", "", { EPUB } },
	{ "documents", "OEBPS/s.js", { TEXT }, NOTHING, -1, VERDICT_BLOCKED, "script-in-document", "active-content", { EPUB } },
	{ "documents", "word/afchunk.htm", { "text/html" }, NOTHING, -1, VERDICT_HELD, "parts-of-documents", "active-content", { DOCX } },
	{ "documents", "letter.doc", { "application/msword", OLE }, NOTHING, -1, VERDICT_APPROVED, "documents", "", FILE_OF_MEDIUM },
	{ "documents", "letter.doc", { "application/cdfv2", OLE }, NOTHING, -1, VERDICT_APPROVED, "old-documents", "", FILE_OF_MEDIUM },
	{ "documents", "mail.msg", { "application/cdfv2", OLE }, NOTHING, -1, VERDICT_BLOCKED, "", "no-rule", FILE_OF_MEDIUM },
	{ "documents", "WordDocument", { DATA }, NOTHING, -1, VERDICT_APPROVED, "streams-of-documents", "", { "application/msword" } },
	{ "documents", "1Table", { "font/x-amiga-font", DATA }, NOTHING, -1, VERDICT_APPROVED, "streams-of-documents", "", { "application/msword" } },
	{ "documents", "[5]SummaryInformation", { DATA }, NOTHING, -1, VERDICT_APPROVED, "streams-of-documents", "", { "application/cdfv2" } },
	{ "documents", "Workbook", { DATA }, NOTHING, -1, VERDICT_APPROVED, "streams-of-documents", "", { "application/vnd.ms-excel", ZIP } },
	{ "documents", "Macros/VBA/ThisDocument", { DATA }, NOTHING, REASON_ACTIVE_CONTENT, VERDICT_HELD, "streams-of-documents", "active-content", { "application/msword" } },
	{ "documents", "invoice.xml", { XML }, NOTHING, -1, VERDICT_APPROVED, "text", "", { "application/pdf" } },
	{ "documents", "invoice.js", { TEXT }, NOTHING, -1, VERDICT_BLOCKED, "script-in-document", "active-content", { "application/pdf" } },
	{ "documents", "photo.jpg", { "image/png" }, NOTHING, -1, VERDICT_BLOCKED, "images", "type-mismatch", { "application/pdf" } },
	{ "documents", "JavaScript/1.js", { TEXT, "application/javascript" }, NOTHING, -1, VERDICT_HELD, "scripts-of-pdf", "active-content", { "application/pdf" } },
	{ "documents", "EmbeddedFile/JavaScript.vbs", { TEXT, "text/vbscript" }, NOTHING, -1, VERDICT_BLOCKED, "program-in-document", "active-content", { "application/pdf" } },
	{ "documents", "x.hta", { "text/html", "application/hta" }, NOTHING, -1, VERDICT_BLOCKED, "programs", "type-denied", { ZIP } },
	{ "documents", "notes.txt", { TEXT, "text/x-powershell" }, NOTHING, -1, VERDICT_HELD, "text", "active-content", FILE_OF_MEDIUM },
	{ "updates", "JavaScript/1.js", { TEXT, "application/javascript" }, NOTHING, -1, VERDICT_HELD, "scripts-of-pdf", "active-content", { "application/pdf" } },
	{ "updates", "fw.bin", { DATA, ZIP }, IS_SIGNED, -1, VERDICT_APPROVED, "signed-firmware", "", FILE_OF_MEDIUM },
	{ "updates", "tool.txt", { ELF, DATA }, IS_SIGNED, -1, VERDICT_BLOCKED, "signed-software", "type-mismatch", FILE_OF_MEDIUM },
	{ "updates", "m.gguf", { DATA, "application/vnd.gguf" }, IS_SIGNED, -1, VERDICT_APPROVED, "signed-firmware", "", FILE_OF_MEDIUM },
	{ "updates", "m.safetensors", { DATA, "application/vnd.safetensors" }, NOTHING, -1, VERDICT_HELD, "unsigned-firmware", "unsigned", FILE_OF_MEDIUM },
	{ "updates", "app.exe", { PE, "application/x-dotnet-assembly" }, IS_SIGNED, -1, VERDICT_APPROVED, "signed-software", "", FILE_OF_MEDIUM },
	/* strict */
	{ "strict", "usr/bin/tool", { ELF }, IS_SIGNED, -1, VERDICT_APPROVED, "signed", "", DATA_TAR },
	{ "strict", "usr/t.desktop", { TEXT }, IS_SIGNED, REASON_ACTIVE_CONTENT, VERDICT_APPROVED, "signed", "", DATA_TAR },
	{ "strict", "usr/x.7z", { "application/x-7z-compressed" }, IS_SIGNED, REASON_ENCRYPTED, VERDICT_BLOCKED, "signed", "encrypted", DATA_TAR },
	{ "strict", "a.txt", { TEXT }, NOTHING, -1, VERDICT_BLOCKED, "attachments", "type-denied", { "application/pdf" } },
	{ "strict", "a.txt", { TEXT }, NOTHING, -1, VERDICT_BLOCKED, "attachments", "type-denied", { ZIP } },
	{ "strict", "a.pdf", { "application/pdf" }, NOTHING, REASON_ACTIVE_CONTENT, VERDICT_BLOCKED, "pdf", "active-content", FILE_OF_MEDIUM },
	{ "strict", "any.thing", { "video/mp4" }, IS_SIGNED, -1, VERDICT_APPROVED, "signed", "", FILE_OF_MEDIUM },
	{ "strict", "tool.deb", { DEB }, IS_SIGNED, REASON_CONTAINER_OPAQUE, VERDICT_BLOCKED, "signed", "container-opaque", FILE_OF_MEDIUM },
	{ "strict", "a.jpg", { PE }, NOTHING, -1, VERDICT_BLOCKED, "disguised-program", "type-mismatch", FILE_OF_MEDIUM },
	{ "strict", "a.exe", { PE }, NOTHING, -1, VERDICT_BLOCKED, "", "no-rule", FILE_OF_MEDIUM },
	{ "strict", "a.csv", { "text/csv" }, NOTHING, -1, VERDICT_APPROVED, "plain-text", "", FILE_OF_MEDIUM },
	{ "strict", "a.vbs", { "text/plain" }, NOTHING, -1, VERDICT_BLOCKED, "plain-text", "active-content", FILE_OF_MEDIUM },
	{ "strict", "a.jpeg", { "image/jpeg" }, NOTHING, -1, VERDICT_APPROVED, "pictures", "", FILE_OF_MEDIUM },
	{ "strict", "a.pdf", { "application/pdf" }, NOTHING, -1, VERDICT_APPROVED, "pdf", "", FILE_OF_MEDIUM },
	{ "strict", "a.pdf", { "application/pdf" }, NOTHING, REASON_ENCRYPTED, VERDICT_BLOCKED, "pdf", "encrypted", FILE_OF_MEDIUM },
	{ "strict", "a.zip", { "application/zip" }, NOTHING, -1, VERDICT_BLOCKED, "", "no-rule", FILE_OF_MEDIUM },
};

static const char *const profiles[] = { "documents", "updates", "strict" };

static struct rule_set *load(const char *profile)
{
	_cleanup_free_ char *path = NULL;
	struct yaml_errors errors = { 0 };
	struct rule_set *set = NULL;
	static const char *const none[] = { NULL };
	static const struct rules_context no_keys = { none, 0 }; /* a fresh station */

	assert_true(asprintf(&path, "rules/%s.yaml", profile) > 0);
	if (rules_load(path, TYPES_DIR, &no_keys, &errors, &set) < 0) {
		yaml_errors_print(&errors, stderr);
		fail();
	}
	assert_string_equal(rules_title(set), profile);
	return set;
}

static void judge_row(struct rule_set *set, const struct row *row)
{
	static const struct judge_signer signer = { "vendor", "0", "x.minisig" };
	static const struct judge_listing listing = { "SHA256SUMS", "sha256", NULL };
	struct findings f = { .done = ALL_CHECKS };
	struct subject s = fixture_subject(row->path, row->types, row->types[1] ? row->types[2] ? 3 : 2 : 1, &f);
	struct judgement j;

	if (row->finding >= 0)
		assert_int_equal(findings_add(&f, (enum reason)row->finding, NULL, "found"), 0);
	s.containers = row->within;
	while (row->within[s.container_count])
		s.container_count++;
	s.signers = &signer;
	s.signer_count = row->origin == IS_SIGNED;
	s.listings = &listing;
	s.listing_count = row->origin == IS_LISTED;
	assert_int_equal(judge_file(set, &s, &j), 0);
	if (j.verdict != row->verdict || strcmp(j.rule, row->rule) != 0 ||
	    strcmp(j.reason_count ? reason_code(j.reasons[0].reason) : "", row->reason) != 0)
		fail_msg("%s %s: %s by '%s' for %s", row->profile, row->path, verdict_name(j.verdict), j.rule,
			 j.reason_count ? reason_code(j.reasons[0].reason) : "nothing");
	judgement_done(&j);
	findings_done(&f);
}

static void files_come_out_as_expected(void **state)
{
	for (size_t p = 0; p < ARRAY_LEN(profiles); p++) {
		struct rule_set *set = load(profiles[p]);

		for (size_t i = 0; i < ARRAY_LEN(rows); i++)
			if (strcmp(rows[i].profile, profiles[p]) == 0)
				judge_row(set, &rows[i]);
		rules_free(set);
	}
}

static void every_rule_fires(void **state)
{
	for (size_t p = 0; p < ARRAY_LEN(profiles); p++) {
		struct rule_set *set = load(profiles[p]);

		assert_true(rules_count(set) > 3);
		for (size_t r = 0; r < rules_count(set); r++) {
			bool has_fired = false;

			for (size_t i = 0; i < ARRAY_LEN(rows); i++)
				has_fired = has_fired || (strcmp(rows[i].profile, profiles[p]) == 0 &&
							  strcmp(rows[i].rule, rules_name(set, r)) == 0);
			if (!has_fired)
				fail_msg("%s: no row in which '%s' fires", profiles[p], rules_name(set, r));
		}
		rules_free(set);
	}
}

/* Every type that a shipped group names must be one that the tables know: a misspelt one would do nothing. */
static void groups_name_known_types(void **state)
{
	_cleanup_(yaml_doc_freep) struct yaml_doc *doc = NULL;
	struct yaml_errors errors = { 0 };
	const struct yaml_node *groups;
	size_t types = 0;

	assert_int_equal(yaml_doc_load(TYPES_DIR "/groups.yaml", &errors, &doc), 0);
	groups = yaml_map_get(doc->root, "groups");
	assert_non_null(groups);
	for (size_t i = 0; i + 1 < groups->count; i += 2) {
		for (size_t k = 0; k < groups->children[i + 1]->count; k++) {
			_cleanup_free_ char *text = NULL, *said = NULL;
			struct rule_set *set;

			assert_true(asprintf(&text, HEAD "rules:\n  - {name: a, match: {type: '%s'}, why: w, verdict: hold}\n",
					     groups->children[i + 1]->children[k]->value) > 0);
			said = fixture_load(text, &set);
			if (!set)
				fail_msg("%s", said);
			rules_free(set);
			types++;
		}
	}
	assert_true(types > 80);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(files_come_out_as_expected),
		cmocka_unit_test(every_rule_fires),
		cmocka_unit_test(groups_name_known_types),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
