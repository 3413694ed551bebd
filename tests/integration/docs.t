#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
# The generated documents are those that the source's tables make, and the check notices when they are not; manual pages
# name the options and events that the programs have.
set -u
root=$(cd "$(dirname "$0")/../.." && pwd)
bin=${BUILD:-$root/build}/bin
copy=$(mktemp -d) || exit 1
trap 'rm -rf "$copy"' EXIT
count=0

ok() { # description, command...
	count=$((count + 1))
	what=$1
	shift
	if "$@" >"$copy/out" 2>&1; then
		echo "ok $count - $what"
	else
		echo "not ok $count - $what"
		sed 's/^/# /' "$copy/out"
	fi
}

refused() { # words that must be in the message
	"$root/docs/generate" --root "$copy" --check >"$copy/said" 2>&1 && return 1
	cat "$copy/said"
	grep -q -e "$1" "$copy/said"
}

fresh() {
	mkdir -p "$copy/docs/man" "$copy/kiosk/common" "$copy/kiosk/ipc" "$copy/kiosk/judge" "$copy/kiosk/sandbox" "$copy/kiosk/control"
	for f in docs/reasons.md docs/protocol.md docs/architecture.md docs/selfcheck.md docs/man/lazaret.1 docs/man/lazaret-reasons.7 \
		kiosk/control/selfcheck.def kiosk/common/reason.def \
		kiosk/ipc/messages.def kiosk/judge/rule_reasons.c kiosk/sandbox/role.c kiosk/sandbox/role.h; do
		cp "$root/$f" "$copy/$f"
	done
}

codes_documented() {
	sed -n 's/^R([A-Z_]*, "\([^"]*\)".*/\1/p' "$root/kiosk/common/reason.def" >"$copy/codes"
	[ "$(wc -l <"$copy/codes")" -ge 27 ] || return 1
	while read -r code; do
		grep -q "^| \`$code\` |" "$root/docs/reasons.md" && grep -qx "\.It Cm $code" "$root/docs/man/lazaret-reasons.7" ||
			{ echo "missing: $code"; return 1; }
	done <"$copy/codes"
}

ok 'documents are up to date' "$root/docs/generate" --check
ok 'every reason code is documented' codes_documented
fresh
sed -i 's/recognised malicious/found malicious/' "$copy/kiosk/common/reason.def"
ok 'a changed sentence is noticed' refused 'docs/reasons.md is out of date'
fresh
sed -i 's/^M(END, SUPERVISOR, ANY, IDLE/M(END, SUPERVISOR, ANY, BOOT/' "$copy/kiosk/ipc/messages.def"
ok 'a changed message is noticed' refused 'docs/protocol.md is out of date'
fresh
rm "$copy/docs/man/lazaret-reasons.7"
ok 'a missing page is noticed' refused 'lazaret-reasons.7 is out of date'
fresh
echo 'R(NEW, nonsense' >>"$copy/kiosk/common/reason.def"
ok 'an entry that is not understood is an error' refused 'entries understood'
fresh
echo 'M(NEW_MESSAGE, SUPERVISOR, VAULT, IDLE, BUSY, 16, 0)' >>"$copy/kiosk/ipc/messages.def"
ok 'a message whose fields nobody described is an error' refused 'no comment says what'
fresh
sed -i '/\[ROLE_WORKER\]/,/}/s/CALLS_SCRATCH/CALLS_SCRATCH | CALLS_SANDBOX/' "$copy/kiosk/sandbox/role.c"
ok 'a role that may do more is noticed' refused 'docs/architecture.md is out of date'
fresh
sed -i '/\[ROLE_VAULT\]/,/^\t},/d' "$copy/kiosk/sandbox/role.c"
ok 'a role that is not described is an error' refused 'role.c does not describe the roles'
fresh
sed -i 's/\.does = "stores/.speaks = "stores/' "$copy/kiosk/sandbox/role.c"
ok 'a field of a role that nobody knows is an error' refused 'role.c: ROLE_VAULT: not understood'
fresh
sed -i 's/"keys", STOP, BAD, BAD, BAD/"keys", TELL, BAD, BAD, BAD/' "$copy/kiosk/control/selfcheck.def"
ok 'a check that stops no more is noticed' refused 'docs/selfcheck.md is out of date'
fresh
echo 'S(NEW, nonsense' >>"$copy/kiosk/control/selfcheck.def"
ok 'a check that is not understood is an error' refused 'entries understood'
fresh
sed -i '/roles: end/d' "$copy/docs/architecture.md"
ok 'a role table without its end is an error' refused 'markers of the role table are missing'

# -- options ----------------------------------------------------------------------------------------------------
# Everything that a program says about its use: the summary, and each command's own words.
usage_of() { # file, program, command...
	said=$1
	program=$2
	shift 2
	"$bin/$program" --help >"$said" 2>&1 || return 1
	for command in "$@"; do
		"$bin/$program" $command >"$copy/usage" 2>&1
		[ $? -eq 64 ] || { echo "$program $command: no usage error"; return 1; }
		cat "$copy/usage" >>"$said"
	done
}

conventional() { # program: what a usage line need not name
	"$bin/$1" --help | grep -q '^usage: ' && "$bin/$1" -h | grep -q '^usage: ' &&
		[ "$("$bin/$1" --version)" = "$1 $(sed -n 's/^VERSION := //p' "$root/Makefile")" ]
}

pages_agree() { # program, page, source...
	program=$1
	page=$2
	shift 2
	"$root/tests/lib/documented" options "$program" "$page" "$copy/told-$program" "$@"
}

disagree() { # words, command...
	words=$1
	shift
	"$@" >"$copy/said" && return 1
	cat "$copy/said"
	grep -q -e "$words" "$copy/said"
}

ok 'lazaret tells the use of each command' usage_of "$copy/told-lazaret" lazaret init inspect 'status x' 'selfcheck x' 'media x' 'devices x' \
	'reload x' 'history x y' 'metrics x' report show audit rules plugin person pack update fleet share key review hash
ok 'lazaretd tells its use' usage_of "$copy/told-lazaretd" lazaretd ''
ok 'lazaret-verify tells its use' usage_of "$copy/told-lazaret-verify" lazaret-verify ''
ok 'lazaret-fleet tells its use' usage_of "$copy/told-lazaret-fleet" lazaret-fleet '--x' import check
for program in lazaret lazaretd lazaret-verify lazaret-fleet; do
	ok "$program takes --help, -h and --version" conventional "$program"
done
man=$root/docs/man
ok 'lazaret(1) has the options of lazaret' pages_agree lazaret "$man/lazaret.1" "$root"/kiosk/cli/*.c "$root/kiosk/fleet/centre.c"
ok 'lazaretd(8) has the options of lazaretd' pages_agree lazaretd "$man/lazaretd.8" "$root/kiosk/daemon/main.c"
ok 'lazaret-verify(1) has the options of lazaret-verify' pages_agree lazaret-verify "$man/lazaret-verify.1" \
	"$root/kiosk/verify/main.c"
ok 'lazaret-fleet(8) has the options of lazaret-fleet' pages_agree lazaret-fleet "$man/lazaret-fleet.8" "$root"/kiosk/fleet/*.c
sed '/^\.Op Fl -quiet/d; /^\.It Fl -quiet/d' "$man/lazaret.1" >"$copy/short.1"
ok 'an option without description is noticed' disagree 'option --quiet is in the usage text, not in short.1' \
	pages_agree lazaret "$copy/short.1" "$root"/kiosk/cli/*.c "$root/kiosk/fleet/centre.c"
sed 's/^\.Op Fl -quiet/&\n.Op Fl -loud/' "$man/lazaret.1" >"$copy/long.1"
ok 'a described option that is not there is noticed' disagree 'option --loud is in long.1, not in the source' \
	pages_agree lazaret "$copy/long.1" "$root"/kiosk/cli/*.c "$root/kiosk/fleet/centre.c"

# -- events -----------------------------------------------------------------------------------------------------
ok 'lazaretd(8) has the events of lazaretd' "$root/tests/lib/documented" events "$man/lazaretd.8" "$root"/kiosk/supervisor/*.c
sed '/^\.It Cm removable/d; s/^\.Va index , fs/.Va fs/' "$man/lazaretd.8" >"$copy/short.8"
ok 'an event without description is noticed' disagree 'event removable is in the source' \
	"$root/tests/lib/documented" events "$copy/short.8" "$root"/kiosk/supervisor/*.c
ok 'a field without description is noticed' disagree 'event volume: field index is in the source' \
	"$root/tests/lib/documented" events "$copy/short.8" "$root"/kiosk/supervisor/*.c

# -- pages ------------------------------------------------------------------------------------------------------
named_pages_exist() { # every page of ours that a page refers to
	sed -n 's/.*Xr \(lazaret[a-z.-]*\) \([1-8]\).*/\1.\2/p' "$man"/*.[1-8] | sort -u >"$copy/named"
	[ "$(wc -l <"$copy/named")" -ge 6 ] || return 1
	while read -r page; do
		[ -e "$man/$page" ] || { echo "no page $page"; return 1; }
	done <"$copy/named"
}

named_files_exist() { # every path of the source tree that a document names
	grep -ho '\(kiosk\|tests\|docs\|rules\|image\)/[A-Za-z0-9_./-]*[a-z0-9]' "$root/README.md" "$root"/docs/*.md | sort -u >"$copy/named"
	# in tables a folder of kiosk/ stands without it
	grep -hoE '(^|[ (`|])[a-z]+/[a-z_]+\.[ch]\b' "$root"/docs/*.md | sed 's,^[ (`|],,; s,^,kiosk/,; s,^kiosk/kiosk/,kiosk/,' |
		sort -u >>"$copy/named"
	[ "$(wc -l <"$copy/named")" -ge 60 ] || return 1
	while read -r file; do
		[ -e "$root/$file" ] || { echo "no file $file"; return 1; }
	done <"$copy/named"
}

ok 'pages refer to pages that exist' named_pages_exist
ok 'documents name files that exist' named_files_exist
ok 'the threat model names tests that exist' "$root/tests/lib/documented" tests "$root/docs/threat-model.md" "$root/tests"
sed 's/`crash.t`/`crush.t`/; s/row `names`/row `manes`/; s/`guard.network`/`guard.nothing`/' "$root/docs/threat-model.md" \
	>"$copy/threats.md"
ok 'a test that is not there is noticed' disagree 'names a test that there is not: manes' \
	"$root/tests/lib/documented" tests "$copy/threats.md" "$root/tests"
if command -v mandoc >/dev/null; then
	for page in "$man"/*.[1-8]; do
		ok "$(basename "$page") is clean" mandoc -T lint -W warning "$page"
	done
else
	count=$((count + 1))
	echo "ok $count # SKIP mandoc is not installed"
fi
echo "1..$count"
