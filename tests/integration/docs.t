#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
# The generated documents are those that the source's tables make; and the check notices when they are not.
set -u
root=$(cd "$(dirname "$0")/../.." && pwd)
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
	mkdir -p "$copy/docs/man" "$copy/kiosk/common" "$copy/kiosk/ipc" "$copy/kiosk/judge"
	for f in docs/reasons.md docs/protocol.md docs/man/lazaret-reasons.7 kiosk/common/reason.def \
		kiosk/ipc/messages.def kiosk/judge/rule_reasons.c; do
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
if command -v mandoc >/dev/null; then
	ok 'lazaret-reasons(7) is clean' mandoc -T lint -W warning "$root/docs/man/lazaret-reasons.7"
else
	count=$((count + 1))
	echo "ok $count # SKIP mandoc is not installed"
fi
echo "1..$count"
