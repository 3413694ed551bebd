/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Keys and signatures by gpg, in a directory of their own. Include after "../lib/proving.h". */
#ifndef LAZARET_TESTS_GPG_H
#define LAZARET_TESTS_GPG_H

/* What scripts for gpg_run() may call. Keys are of 2026-01-01 and signatures of 2026-02-01 where nothing else is said.
 *
 *	g ARGS		gpg, without questions
 *	at TIME ARGS	the same at that time (20260101T000000)
 *	key NAME ALGORITHM USAGE [END]	a new key; NAME is its user id and its name in all that follows
 *	sub NAME ALGORITHM [END]	a subkey that signs
 *	fingerprint NAME	of the key and its subkeys, one a line
 *	sign NAME OUTPUT ARGS	a signature by that key
 *	answer TIME WORDS ARGS	gpg, with WORDS (printf) as answers to its questions */
#define GPG_FUNCTIONS \
	"umask 077\n" \
	"export GNUPGHOME=$PWD/h\n" \
	"test -d h || mkdir h\n" \
	"g() { gpg --batch --yes --quiet --no-tty --pinentry-mode loopback --passphrase '' --allow-weak-digest-algos \"$@\"; }\n" \
	"at() { t=$1; shift; g --faked-system-time \"$t!\" \"$@\"; }\n" \
	"fingerprint() { gpg --batch --with-colons --list-keys \"=$1\" | sed -n 's/^fpr:*\\([0-9A-F]*\\):.*/\\1/p'; }\n" \
	"key() { at 20260101T000000 --quick-gen-key \"$1\" $2 $3 ${4:-never}; }\n" \
	"sub() { at 20260101T000000 --quick-add-key $(fingerprint $1 | head -n 1) $2 sign ${3:-never}; }\n" \
	"sign() { k=$1; o=$2; shift 2; at 20260201T000000 -u \"=$k\" -o \"$o\" \"$@\"; }\n" \
	"answer() { t=$1; w=$2; shift 2; printf \"$w\" | gpg --no-tty --quiet --pinentry-mode loopback --passphrase '' \\\n" \
	"	--faked-system-time \"$t!\" --command-fd 0 --allow-weak-digest-algos \"$@\"; }\n"

/* Run a script in `dir`; what gpg has started is gone afterwards. */
#define gpg_run(dir, script) tool_run(dir, "sh", "-eu", "-c", GPG_FUNCTIONS "trap 'gpgconf --kill all' EXIT\n" script)

#endif
