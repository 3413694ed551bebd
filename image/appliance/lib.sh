# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
# What the scripts of image/appliance share. Sourced.
PATH=$PATH:/usr/sbin:/sbin
LC_ALL=C.UTF-8
export PATH LC_ALL
umask 022

die() {
	echo "$(basename "$0"): $*" >&2
	exit 1
}

need() { # programs...
	for program in "$@"; do
		command -v "$program" >/dev/null || die "$program is missing: image/packages/install appliance"
	done
}

# Entries of a list, without its comments.
entries() { # file
	sed -e 's/#.*//' -e 's/[[:space:]]*$//' -e '/^$/d' "$1"
}

# How archives are reached is this machine's business (proxies, old archives): what its apt is told, an option a line.
apt_options() {
	apt-config dump | grep -E '^Acquire::(https?::|Check-|Retries|ForceIPv4)' | grep -v '"";$' || true
}
