# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
# Lazaret. `make demo` and `make check` do all set-up themselves; `make help` lists the rest.

VERSION := 0.1.0
BUILD   ?= build
PREFIX  ?= /usr
DESTDIR ?=
SYSCONFDIR ?= /etc
CC      ?= gcc
WERROR  ?=
SANITIZE ?=
PKG_CONFIG ?= pkg-config

# The makers of file systems that the tests call: Debian leaves their directory out of an ordinary user's PATH.
export PATH := $(PATH):/usr/sbin:/sbin

BIN := $(BUILD)/bin
OBJ := $(BUILD)/obj

# -- flags -----------------------------------------------------------------------------------------------
HARDENING := -fPIE -fstack-protector-strong -fstack-clash-protection -fcf-protection=full
LDHARDENING := -pie -Wl,--as-needed -Wl,-z,relro,-z,now -Wl,-z,noexecstack
ifeq ($(SANITIZE),)
OPTIMISE := -O2 -D_FORTIFY_SOURCE=2
else
# Sanitizer runtimes need system calls and memory that the sandbox refuses: the build says so to the code.
OPTIMISE := -O1 -fno-omit-frame-pointer -fsanitize=$(SANITIZE) -fno-sanitize-recover=all -DLAZARET_SANITIZE=1
LDHARDENING += -fsanitize=$(SANITIZE)
endif
WARNINGS := -Wall -Wextra -Wshadow -Wpointer-arith -Wstrict-prototypes -Wmissing-prototypes -Wvla \
	-Wformat=2 -Wundef -Wwrite-strings -Wno-unused-parameter $(if $(WERROR),-Werror)
CFLAGS ?= -g
override CFLAGS += -std=gnu17 $(WARNINGS) $(OPTIMISE) $(HARDENING)
override CPPFLAGS += -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -Ikiosk -DLAZARET_VERSION='"$(VERSION)"' \
	-DLAZARET_DATADIR='"$(PREFIX)/share/lazaret"' -DLAZARET_LIBEXECDIR='"$(PREFIX)/libexec/lazaret"' -DLAZARET_SBINDIR='"$(PREFIX)/sbin"'

# -- what links what: one executable per trust level ------------------------------------------------------
pkg = $(shell $(PKG_CONFIG) --libs $(1) 2>/dev/null)

# Folders that make libraries for the others: no trust boundary lies between them and their user.
LIBRARIES := common ipc sandbox forkserver station people judge control setup supervisor proof container content examiner xml update monitor receipt share
# Folders with a main.c, and the name of their program.
PROGRAMS := lazaret lazaretd lazaret-verify lazaret-ledger lazaret-vault lazaret-intake lazaret-reader \
	lazaret-examine lazaret-yara lazaret-plugin lazaret-unpack lazaret-ole lazaret-pdf lazaret-disk lazaret-origin lazaret-openpgp lazaret-cms lazaret-rpm lazaret-authenticode lazaret-publish lazaret-devices lazaret-records lazaret-printer lazaret-console lazaret-starter lazaret-login lazaret-fleet lazaret-selfcheck

FOLDER_lazaret := cli
FOLDER_lazaretd := daemon
# not kiosk/yara, where libyara's own headers would be looked for
FOLDER_lazaret-yara := yararules
$(foreach p,verify ledger vault intake reader examine plugin unpack ole pdf disk origin openpgp cms rpm authenticode publish devices records printer console starter login fleet selfcheck,$(eval FOLDER_lazaret-$(p) := $(p)))

NEEDS_cli        := setup share verify update people monitor receipt control station judge sandbox ipc common
NEEDS_daemon     := setup people supervisor monitor receipt update control station judge sandbox ipc common
NEEDS_share      := verify station common
NEEDS_update     := people station sandbox ipc common
NEEDS_setup      := people station sandbox ipc common
NEEDS_supervisor := setup people receipt update control station judge sandbox ipc common
NEEDS_control    := common
NEEDS_people     := station sandbox ipc common
NEEDS_login      := sandbox ipc common
NEEDS_monitor    := control station common
NEEDS_receipt    := common
NEEDS_printer    := receipt sandbox ipc common
NEEDS_console    := control station common
NEEDS_devices    := control sandbox ipc common
NEEDS_starter    := sandbox common
NEEDS_selfcheck  := setup people supervisor control station judge sandbox ipc common
NEEDS_records    := sandbox ipc common
NEEDS_fleet      := station sandbox common
NEEDS_verify     := common
NEEDS_ledger     := sandbox ipc common
NEEDS_vault      := sandbox ipc common
NEEDS_intake     := sandbox ipc common
NEEDS_reader     := sandbox ipc common
NEEDS_forkserver := sandbox ipc common
NEEDS_examine    := examiner forkserver content xml sandbox ipc common
NEEDS_examiner   := forkserver sandbox ipc common
NEEDS_yararules  := examiner forkserver sandbox ipc common
NEEDS_plugin     := examiner forkserver sandbox ipc common
NEEDS_content    := xml common
NEEDS_xml        := common
NEEDS_container  := forkserver sandbox ipc common
NEEDS_unpack     := container forkserver sandbox ipc common
NEEDS_ole        := container forkserver sandbox ipc common
NEEDS_pdf        := container forkserver sandbox ipc common
NEEDS_disk       := container forkserver sandbox ipc common
NEEDS_proof      := sandbox ipc common
NEEDS_origin     := proof sandbox ipc common
NEEDS_openpgp    := proof sandbox ipc common
NEEDS_cms        := proof sandbox ipc common
NEEDS_rpm        := xml openpgp proof sandbox ipc common
NEEDS_authenticode := proof sandbox ipc common
NEEDS_publish    := sandbox ipc common

# External libraries by folder.
LIBS_common     := $(call pkg,libcrypto libutf8proc yaml-0.1 jansson)
LIBS_ipc        := $(call pkg,libcrypto)
LIBS_sandbox    := $(call pkg,libseccomp)
LIBS_station    := $(call pkg,yaml-0.1 jansson libcrypto)
LIBS_judge      := $(call pkg,yaml-0.1 libutf8proc jansson)
LIBS_cli        := $(call pkg,jansson sqlite3 libcrypto libarchive)
LIBS_update     := $(call pkg,libarchive jansson libcrypto) -lm
LIBS_supervisor := $(call pkg,jansson sqlite3 libcrypto)
LIBS_daemon     := $(call pkg,jansson libsystemd)
LIBS_setup      := $(call pkg,jansson libcrypto)
LIBS_people     := $(call pkg,jansson libcrypt)
LIBS_login      := $(call pkg,pam)
LIBS_monitor    := $(call pkg,jansson libsystemd)
LIBS_receipt    := $(call pkg,libqrencode jansson libutf8proc)
ifneq ($(SANITIZE),)
# AddressSanitizer stands in for crypt_r(3), and looks for the real one at the start: before PAM has loaded a module that has it.
LIBS_login      += -Wl,--no-as-needed -lcrypt
endif
LIBS_control    := $(call pkg,jansson libsystemd)
LIBS_console    := $(call pkg,ncursesw jansson libqrencode)
LIBS_devices    := $(call pkg,libudev)
LIBS_selfcheck  := $(call pkg,jansson libcrypto)
LIBS_records    := $(call pkg,jansson sqlite3)
LIBS_fleet      := $(call pkg,libpq libssl libcrypto jansson)
LIBS_verify     := $(call pkg,jansson libcrypto)
LIBS_ledger     := $(call pkg,jansson sqlite3 libcrypto)
LIBS_intake     := $(call pkg,blkid fuse3 ext2fs com_err libudfread libisofs-1 libcryptsetup)
LIBS_examine    := $(call pkg,libclamav libmagic libcrypto) -lz -lbz2
LIBS_examiner   := $(call pkg,libcrypto)
LIBS_yararules  := $(call pkg,yara libcrypto)
LIBS_plugin     := $(call pkg,jansson libcrypto)
LIBS_xml        := $(call pkg,libxml-2.0)
LIBS_content    := $(call pkg,jansson zlib)
LIBS_container  := $(call pkg,libcrypto)
LIBS_unpack     := $(call pkg,libarchive zlib)
LIBS_ole        := $(call pkg,libgsf-1 zlib)
LIBS_pdf        := $(call pkg,libqpdf)
LIBS_disk       := $(call pkg,libqcow libvmdk libvhdi libbfio)
LIBS_proof      := $(call pkg,jansson libcrypto zlib liblzma libzstd)
LIBS_origin     := $(call pkg,libcrypto jansson zlib liblzma)
LIBS_openpgp    := $(call pkg,librnp)
LIBS_cms        := $(call pkg,libcrypto)
LIBS_rpm        := $(call pkg,rpm librnp)
LIBS_authenticode := $(call pkg,libcrypto)
LIBS_publish    := $(call pkg,libcrypto)

# -- rules -----------------------------------------------------------------------------------------------
.PHONY: all
all: $(addprefix $(BIN)/,$(PROGRAMS))

objects = $(patsubst kiosk/%.c,$(OBJ)/%.o,$(filter-out %/main.c,$(wildcard kiosk/$(1)/*.c)))
archives = $(patsubst %,$(BUILD)/lib/%.a,$(1))

define archive_rule
$(BUILD)/lib/$(1).a: $(call objects,$(1))
	@mkdir -p $$(@D)
	@rm -f $$@
	$$(AR) rcs $$@ $$^
endef
$(foreach f,$(LIBRARIES) $(foreach p,$(PROGRAMS),$(FOLDER_$(p))),$(eval $(call archive_rule,$(f))))

define program_rule
$(BIN)/$(1): $(OBJ)/$(2)/main.o $(call archives,$(2) $(NEEDS_$(2)))
	@mkdir -p $$(@D)
	$$(CC) $$(CFLAGS) $$(LDFLAGS) $$(LDHARDENING) -o $$@ $$< -Wl,--start-group $$(filter %.a,$$^) -Wl,--end-group \
		$$(sort $$(LIBS_$(2)) $(foreach n,$(NEEDS_$(2)),$$(LIBS_$(n))))
endef
$(foreach p,$(PROGRAMS),$(eval $(call program_rule,$(p),$(FOLDER_$(p)))))

# Libraries whose headers are in a folder of their own.
$(OBJ)/xml/sax.o: override CPPFLAGS += $(patsubst -I%,-isystem %,$(shell $(PKG_CONFIG) --cflags libxml-2.0 2>/dev/null))

$(OBJ)/fleet/%.o: override CPPFLAGS += $(patsubst -I%,-isystem %,$(shell $(PKG_CONFIG) --cflags libpq 2>/dev/null))

$(OBJ)/ole/%.o: override CPPFLAGS += $(patsubst -I%,-isystem %,$(shell $(PKG_CONFIG) --cflags libgsf-1 2>/dev/null))

$(OBJ)/%.o: kiosk/%.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -MT $@ -c -o $@ $<

# tests/unit/test_FOLDER_TOPIC.c links FOLDER and what that folder needs; and what only its tests do.
TEST_CPPFLAGS_devices := $(patsubst -I%,-isystem %,$(shell $(PKG_CONFIG) --cflags umockdev-1.0 2>/dev/null))
TEST_LIBS_devices := $(call pkg,umockdev-1.0)
TEST_LIBS_pdf := $(call pkg,zlib)
UNIT_SOURCES := $(wildcard tests/unit/test_*.c)
UNIT_TESTS := $(patsubst tests/unit/%.c,$(BUILD)/tests/%,$(UNIT_SOURCES))
unit_folder = $(word 2,$(subst _, ,$(1)))
define unit_rule
$(BUILD)/tests/$(1): tests/unit/$(1).c $(call archives,$(call unit_folder,$(1)) $(NEEDS_$(call unit_folder,$(1))) common)
	@mkdir -p $$(@D)
	$$(CC) $$(CPPFLAGS) $$(TEST_CPPFLAGS_$(call unit_folder,$(1))) $$(CFLAGS) $$(LDFLAGS) $$(LDHARDENING) -MMD -MP -MT $$@ -MF $$@.d -o $$@ $$< -Wl,--start-group $$(filter %.a,$$^) -Wl,--end-group \
		-lcmocka $$(sort $$(LIBS_$(call unit_folder,$(1))) $$(TEST_LIBS_$(call unit_folder,$(1))) $$(LIBS_common) $(foreach n,$(NEEDS_$(call unit_folder,$(1))),$$(LIBS_$(n))))
endef
$(foreach t,$(patsubst tests/unit/%.c,%,$(UNIT_SOURCES)),$(eval $(call unit_rule,$(t))))

.PHONY: unit-tests
unit-tests: $(UNIT_TESTS) $(BUILD)/tests/make-trail $(BUILD)/tests/tracer

# Audit trails by the thousand (tests/integration/fleet.t).
$(BUILD)/tests/make-trail: tests/lib/make-trail.c $(call archives,common)
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) $(LDHARDENING) -MMD -MP -MT $@ -MF $@.d -o $@ $< $(filter %.a,$^) $(LIBS_common)

# Kills processes and makes system calls fail (tests/reliability). It reads registers: x86-64 alone.
$(BUILD)/tests/tracer: tests/reliability/tracer.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) $(LDHARDENING) -MMD -MP -MT $@ -MF $@.d -o $@ $< $(call pkg,libseccomp)

# What the detectors of kiosk/content say of many files (tests/benign/run).
$(BUILD)/tests/benign-look: tests/benign/look.c $(call archives,examine $(NEEDS_examine))
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) $(LDHARDENING) -MMD -MP -MT $@ -MF $@.d -o $@ $< -Wl,--start-group $(filter %.a,$^) -Wl,--end-group \
		$(sort $(LIBS_examine) $(foreach n,$(NEEDS_examine),$(LIBS_$(n))))

# Receipts of reports that no station wrote (tests/integration/receipts.t).
$(BUILD)/tests/receipt-of: tests/lib/receipt-of.c $(call archives,receipt $(NEEDS_receipt))
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) $(LDHARDENING) -MMD -MP -MT $@ -MF $@.d -o $@ $< -Wl,--start-group $(filter %.a,$^) -Wl,--end-group \
		$(sort $(LIBS_receipt) $(foreach n,$(NEEDS_receipt),$(LIBS_$(n))))
unit-tests: $(BUILD)/tests/receipt-of

# lazaret-verify as one file for any distribution: no library, no interpreter, no file of the system is needed to run it. The
# linker warns of functions that need libraries after all (names of hosts, plug-ins): libcrypto has some, lazaret-verify calls none.
VERIFY_STATIC := $(BUILD)/static/lazaret-verify
.PHONY: verify-static
verify-static: $(VERIFY_STATIC)

$(VERIFY_STATIC): $(OBJ)/verify/main.o $(call archives,verify $(NEEDS_verify))
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(LDFLAGS) $(filter-out -pie,$(LDHARDENING)) -static-pie -Wl,--no-warnings -s -o $@ $< -Wl,--start-group $(filter %.a,$^) -Wl,--end-group \
		$(shell $(PKG_CONFIG) --static --libs jansson libcrypto libutf8proc 2>/dev/null)

# A sanitizer's run-time library cannot be linked so.
ifeq ($(SANITIZE),)
unit-tests: $(VERIFY_STATIC)
endif

# What the console says, in other languages; and the locale in which the C library translates (kiosk/console/words.c).
CATALOGUES := $(patsubst kiosk/console/po/%.po,$(BUILD)/share/locale/%/LC_MESSAGES/lazaret-console.mo,$(wildcard kiosk/console/po/*.po))
CONSOLE_LOCALE := share/lazaret/locale/lazaret.utf8
C_UTF8 := /usr/lib/locale/C.utf8
all: $(CATALOGUES) $(BUILD)/$(CONSOLE_LOCALE)

$(BUILD)/share/locale/%/LC_MESSAGES/lazaret-console.mo: kiosk/console/po/%.po
	@mkdir -p $(@D)
	msgfmt --check -o $@ $<

$(BUILD)/$(CONSOLE_LOCALE):
	@mkdir -p $(@D)
	ln -sfn $(C_UTF8) $@

# For bash: what the programs say of their use (image/completion/generate).
COMPLETIONS := $(patsubst %,$(BUILD)/share/bash-completion/completions/%,lazaret lazaret-verify)
all: $(COMPLETIONS)

$(COMPLETIONS): $(BUILD)/share/bash-completion/completions/%: $(BIN)/% image/completion/generate
	@mkdir -p $(@D)
	image/completion/generate $< >$@.new
	mv $@.new $@

# -- set-up, demonstration, tests -------------------------------------------------------------------------
.PHONY: deps
deps:
	@image/packages/install build run test

.PHONY: demo
demo: deps
	@$(MAKE) --no-print-directory -s -j"$$(nproc)" all
	@BUILD=$(abspath $(BUILD)) tests/demo/run

.PHONY: check
check: deps
	@$(MAKE) --no-print-directory -j"$$(nproc)" all unit-tests
	@$(MAKE) --no-print-directory check-built

.PHONY: check-built
check-built: all unit-tests
	@BUILD=$(abspath $(BUILD)) tests/run

# Metrics, alert rules and dashboard against a real Prometheus, journal and RELP against a real journald and rsyslogd. Apart from
# `make check`: image/packages/monitoring.txt says why.
.PHONY: check-monitoring
check-monitoring:
	@image/packages/install build run test monitoring
	@$(MAKE) --no-print-directory -s all
	@BUILD=$(abspath $(BUILD)) MONITORING=required prove tests/integration/monitoring.t tests/integration/journal.t tests/integration/metrics.t

.PHONY: conformance
conformance: all
	@BUILD=$(abspath $(BUILD)) tests/conformance/run

# Ratios to what a user would run instead; BENCH: options of tests/bench/run (--quick, --figure NAME, --list).
BENCH ?=
.PHONY: bench
bench:
	@image/packages/install build run test bench
	@$(MAKE) --no-print-directory -s all
	@BUILD=$(abspath $(BUILD)) tests/bench/run $(BENCH)

# What the bench has measured, into docs/performance.md.
.PHONY: performance
performance:
	@image/packages/install bench
	@BUILD=$(abspath $(BUILD)) tests/bench/document

# Crashes, power cuts and failing system calls. RELIABILITY: options of tests/reliability/run (--quick, --only SUITE, --sample N, --list).
# `make reliability` writes what they counted into docs/reliability.md.
RELIABILITY ?=
.PHONY: check-reliability reliability
check-reliability:
	@image/packages/install build run test reliability
	@$(MAKE) --no-print-directory -s all $(BUILD)/tests/tracer
	@BUILD=$(abspath $(BUILD)) tests/reliability/run $(RELIABILITY)

reliability:
	@BUILD=$(abspath $(BUILD)) tests/reliability/document

# The command line under valgrind.
.PHONY: check-valgrind
check-valgrind:
	@image/packages/install build run test quality
	@$(MAKE) --no-print-directory -s all
	@BUILD=$(abspath $(BUILD)) tests/valgrind/run

# Lines and branches that the tests run, the roles in their sandboxes among them (tests/code-coverage/run). COVERAGE: its options.
COVERAGE ?=
.PHONY: code-coverage
code-coverage:
	@image/packages/install build run test quality
	@BUILD=$(abspath $(BUILD)) tests/code-coverage/run $(COVERAGE)

# Debian packages (image/debian) of what `make install` installs: $(BUILD)/deb/*.deb. Of the programs as they are built here, or with
# CLEAN=1 compiled anew in a copy of the source with dpkg's own flags. DEB_VERSION: another version than the changelog's.
CLEAN ?=
DEB_VERSION ?=
.PHONY: deb
deb:
	@image/packages/install build deb
	@$(if $(CLEAN),,$(MAKE) --no-print-directory -s all)
	@$(MAKE) --no-print-directory -s deb-built

.PHONY: deb-built
deb-built:
	@mkdir -p $(BUILD)
	@CLEAN=$(CLEAN) image/packages/deb $(BUILD) $(BUILD)/deb $(DEB_VERSION)

# The packages: made twice, lintian, installed, upgraded, removed and purged in a throw-away Debian.
# With SUITE=trixie the packages are compiled and installed in a Debian 13, whatever this machine is.
FOREIGN_SUITE = $(and $(SUITE),$(filter-out $(shell image/appliance/suite 2>/dev/null),$(SUITE)))
TESTED_DEBS = $(if $(FOREIGN_SUITE),image/packages/install appliance && $(MAKE) --no-print-directory -s all && image/appliance/debs $(SUITE) $(BUILD)/system-$(SUITE)/deb,$(MAKE) --no-print-directory deb)
.PHONY: check-debs
check-debs:
	@image/packages/install build deb test system
	@$(TESTED_DEBS)
	@BUILD=$(abspath $(BUILD)) SUITE=$(SUITE) tests/packages/run

# The installed packages on Debian's own kernel, in a virtual machine, with emulated USB and optical hardware. SYSTEM: options
# of tests/system/run.
.PHONY: check-system
check-system:
	@image/packages/install build deb test system
	@$(TESTED_DEBS)
	@BUILD=$(abspath $(BUILD)) SUITE=$(SUITE) tests/system/image
	@BUILD=$(abspath $(BUILD)) SUITE=$(SUITE) tests/system/run $(SYSTEM)

# The appliance: docs/appliance.md. Settings are those of image/appliance/build: SUITE, KEYS, SITE, DEBS, BUNDLE, IMAGE_LOCK,
# IMAGE_MIRROR, IMAGE_NETWORK, IMAGE_SHARE, IMAGE_ENCRYPT, IMAGE_ISO.
KEYS ?=
SITE ?=
BUNDLE ?=
DEBS ?= $(if $(FOREIGN_SUITE),,$(BUILD)/deb)
IMAGE_OUT ?= $(BUILD)/image
IMAGE_SETTINGS = KEYS=$(KEYS) SITE=$(SITE) DEBS=$(DEBS) $(if $(SUITE),SUITE=$(SUITE))
.PHONY: image-keys
image-keys:
	@image/packages/install appliance
	@image/appliance/keys $(or $(KEYS),$(error KEYS=DIR: a new directory for the keys, where nobody else reads))

.PHONY: image
image:
	@image/packages/install build deb appliance
	@$(if $(filter $(BUILD)/deb,$(DEBS)),$(MAKE) --no-print-directory deb)
	@$(IMAGE_SETTINGS) BUNDLE=$(BUNDLE) image/appliance/build $(IMAGE_OUT)

# All packages of the image, for building it again without an archive: make image BUNDLE=DIR
.PHONY: image-bundle
image-bundle:
	@image/packages/install build deb appliance
	@$(if $(filter $(BUILD)/deb,$(DEBS)),$(MAKE) --no-print-directory deb)
	@$(IMAGE_SETTINGS) BUNDLE= image/appliance/bundle $(or $(BUNDLE),$(error BUNDLE=DIR: a new directory for the packages)) $(IMAGE_OUT)

# The image, booted under UEFI with Secure Boot. IMAGE: options of tests/image/run.
IMAGE ?=
.PHONY: check-image
check-image:
	@image/packages/install build deb test system appliance image-test
	@$(MAKE) --no-print-directory deb
	@BUILD=$(abspath $(BUILD)) tests/image/run $(IMAGE)

# The same suites under AddressSanitizer and UndefinedBehaviorSanitizer. Leaks are looked for in the unit tests; inside a
# sandbox LeakSanitizer cannot work (it wants ptrace).
.PHONY: check-sanitize
check-sanitize: deps
	@$(MAKE) --no-print-directory BUILD=$(BUILD)-sanitize SANITIZE=address,undefined check-built

# Sentences of the console that are new or have changed, into kiosk/console/po: translate what is empty or marked fuzzy.
.PHONY: catalogues
catalogues:
	kiosk/console/po/update

.PHONY: docs
docs:
	docs/generate

.PHONY: lint
lint:
	mandoc -T lint -W warning docs/man/*.[1-8]
	$(MAKE) --no-print-directory BUILD=$(BUILD)-clang CC=clang WERROR=1 all unit-tests

# cppcheck and clang-tidy (tests/static). STATIC: a tool, folders.
STATIC ?=
.PHONY: static
static:
	@image/packages/install build quality
	@BUILD=$(abspath $(BUILD)) tests/static/run $(STATIC)

# Small wrong changes to judge and publisher, each of which a test must notice (tests/mutation). MUTATE: options of tests/mutation/run.
MUTATE ?=
.PHONY: mutate
mutate: deps
	@image/packages/install quality
	@$(MAKE) --no-print-directory -s all unit-tests
	@BUILD=$(abspath $(BUILD)) tests/mutation/run $(MUTATE)

# -- fuzzing ---------------------------------------------------------------------------------------------
include tests/fuzz/Makefile.inc

# -- installation -----------------------------------------------------------------------------------------
ROLES := ledger vault intake reader examine yara plugin unpack ole pdf disk origin openpgp cms rpm authenticode publish devices records printer starter login fleet selfcheck

# -- hostile roles ------------------------------------------------------------------------------------------
include tests/hostile/Makefile.inc

.PHONY: install
install: all
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/sbin $(DESTDIR)$(PREFIX)/libexec/lazaret
	install -m 755 $(BIN)/lazaret $(BIN)/lazaret-verify $(BIN)/lazaret-console $(DESTDIR)$(PREFIX)/bin
	install -m 755 $(BIN)/lazaretd $(DESTDIR)$(PREFIX)/sbin
	install -m 755 $(addprefix $(BIN)/lazaret-,$(ROLES)) $(DESTDIR)$(PREFIX)/libexec/lazaret
	install -d $(DESTDIR)$(PREFIX)/share/lazaret/rules/types $(DESTDIR)$(PREFIX)/share/lazaret/rules/clamav
	install -m 644 rules/*.yaml $(DESTDIR)$(PREFIX)/share/lazaret/rules
	install -m 644 rules/types/*.yaml $(DESTDIR)$(PREFIX)/share/lazaret/rules/types
	install -m 644 $(filter-out %.md %.py,$(wildcard rules/clamav/*)) $(DESTDIR)$(PREFIX)/share/lazaret/rules/clamav
	install -d $(DESTDIR)$(PREFIX)/$(dir $(CONSOLE_LOCALE))
	ln -sfn $(C_UTF8) $(DESTDIR)$(PREFIX)/$(CONSOLE_LOCALE)
	for mo in $(CATALOGUES); do \
		install -D -m 644 $$mo $(DESTDIR)$(PREFIX)/$${mo#$(BUILD)/} || exit 1; \
	done
	install -d $(DESTDIR)$(PREFIX)/share/bash-completion/completions
	install -m 644 $(COMPLETIONS) $(DESTDIR)$(PREFIX)/share/bash-completion/completions
	install -d $(DESTDIR)$(PREFIX)/lib/sysusers.d $(DESTDIR)$(PREFIX)/share/doc/lazaret
	install -m 644 image/sysusers/lazaret.conf $(DESTDIR)$(PREFIX)/lib/sysusers.d
	install -d $(DESTDIR)$(PREFIX)/lib/tmpfiles.d $(DESTDIR)$(PREFIX)/lib/systemd/system $(DESTDIR)$(PREFIX)/lib/udev/rules.d
	install -m 644 image/tmpfiles/lazaret.conf $(DESTDIR)$(PREFIX)/lib/tmpfiles.d
	install -m 644 $(wildcard image/systemd/*.service image/systemd/*.socket image/systemd/*.path image/systemd/*.timer) $(DESTDIR)$(PREFIX)/lib/systemd/system
	install -m 644 $(wildcard image/udev/*.rules) $(DESTDIR)$(PREFIX)/lib/udev/rules.d
	install -d $(DESTDIR)$(SYSCONFDIR)/pam.d
	install -m 644 image/pam/lazaret $(DESTDIR)$(SYSCONFDIR)/pam.d
	install -m 644 README.md LICENSE docs/*.md docs/report.schema.json $(DESTDIR)$(PREFIX)/share/doc/lazaret
	install -d $(DESTDIR)$(PREFIX)/share/doc/lazaret/monitoring $(DESTDIR)$(PREFIX)/lib/systemd/catalog
	install -m 644 $(wildcard docs/monitoring/*) $(DESTDIR)$(PREFIX)/share/doc/lazaret/monitoring
	install -m 644 image/catalog/lazaret.catalog $(DESTDIR)$(PREFIX)/lib/systemd/catalog
	install -d $(DESTDIR)$(PREFIX)/share/doc/lazaret/fleet
	install -m 644 docs/fleet/*.sql $(DESTDIR)$(PREFIX)/share/doc/lazaret/fleet
	install -m 755 docs/fleet/migrate $(DESTDIR)$(PREFIX)/share/doc/lazaret/fleet
	install -d $(DESTDIR)$(PREFIX)/share/doc/lazaret/examples/plugins
	install -m 755 docs/examples/plugins/known-bad $(DESTDIR)$(PREFIX)/share/doc/lazaret/examples/plugins
	install -m 644 docs/examples/plugins/known-bad.txt $(DESTDIR)$(PREFIX)/share/doc/lazaret/examples/plugins
	for page in docs/man/*.[1-8]; do \
		section=$${page##*.}; \
		install -d $(DESTDIR)$(PREFIX)/share/man/man$$section && \
		install -m 644 $$page $(DESTDIR)$(PREFIX)/share/man/man$$section || exit 1; \
	done

.PHONY: help
help:
	@echo 'make demo            set-up, build, and one inspection of a sample stick'
	@echo 'make check           set-up, build, and all tests that need no virtual machine'
	@echo 'make                 build into $(BUILD)/'
	@echo 'make install         DESTDIR= PREFIX=/usr'
	@echo 'make check-debs      the Debian packages: the same bytes twice, lintian, install, upgrade, remove, purge'
	@echo 'make check-system    the installed packages in a virtual machine, with emulated USB and optical hardware'
	@echo 'make image-keys      KEYS=DIR: the site'"'"'s own keys for Secure Boot'
	@echo 'make image           the appliance, a disk image: KEYS=DIR SITE=DIR SUITE= BUNDLE= (docs/appliance.md)'
	@echo 'make image-bundle    BUNDLE=DIR: all packages of the image, for building it offline'
	@echo 'make check-image     the appliance, booted under UEFI with Secure Boot; IMAGE=--list, IMAGE="-k enrol" (tests/image/README.md)'
	@echo 'make check-monitoring metrics and journal against a real Prometheus, journald and rsyslogd'
	@echo 'make deb             Debian packages of the built program; CLEAN=1: compiled anew with dpkg'"'"'s flags'
	@echo 'make verify-static   $(VERIFY_STATIC): lazaret-verify as one file, for any distribution'
	@echo 'make conformance     the fail-closed conformance suite alone'
	@echo 'make bench           how fast, against what one would run instead; BENCH=--quick, BENCH=--list (docs/performance.md)'
	@echo 'make performance     what the bench measured, into docs/performance.md'
	@echo 'make check-reliability crashes, power cuts, failing system calls; RELIABILITY=--quick, RELIABILITY=--list (docs/reliability.md)'
	@echo 'make reliability     what they counted, into docs/reliability.md'
	@echo 'make check-sanitize  the suites under AddressSanitizer and UBSan'
	@echo 'make check-hostile   hostile builds of all roles in a real station; HOSTILE_RUN=--quick (tests/hostile/README.md)'
	@echo 'make mutate          does a test notice each small wrong change? MUTATE="--sample 50" (tests/mutation/README.md)'
	@echo 'make check-valgrind  the command line under valgrind'
	@echo 'make code-coverage   lines and branches that the tests run, roles in their sandboxes among them; no folder below its floor'
	@echo 'make static          cppcheck and clang-tidy; STATIC="cppcheck judge"'
	@echo 'make fuzz-smoke      every fuzz target for FUZZ_SECONDS=3; make fuzz: FUZZ_SECONDS=600 (tests/fuzz/README.md)'
	@echo 'make lint            clang with -Werror, manual pages'
	@echo 'make docs            regenerate docs/reasons.md and docs/protocol.md'
	@echo 'make catalogues      collect what the console says for its translators'

.PHONY: clean
clean:
	rm -rf $(BUILD)

-include $(shell find $(OBJ) $(BUILD)/tests -name '*.d' 2>/dev/null)
