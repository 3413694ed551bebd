/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* lazaret-yara as a process with the sandbox on; the test is its supervisor. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "ipc/channel.h"

#include "../lib/testing.h"
#include "../lib/asking.h"

static int dir_fd;
static char dir[64];

static int set_up(void **state)
{
	dir_fd = private_directory(dir);
	return 0;
}

static int tear_down(void **state)
{
	remove_private_directory(dir_fd, dir);
	return 0;
}

/* Write the rules and send START; `pin` NULL: the right one. */
static void send_start(struct peer *p, const char *rules, size_t size, const char *pin, uint64_t time_ms)
{
	char hex[SHA256_HEX_LEN + 1];
	uint8_t sum[SHA256_LEN];

	write_file(dir_fd, "site.yar", rules, size);
	assert_int_equal(sha256(rules, size, sum), 0);
	hex_encode(sum, sizeof(sum), hex);
	peer_start(p, "lazaret-yara", CHANNEL_FORKSERVER);
	encoder_init(&asking_encoder);
	encode_u32(&asking_encoder, 1);
	encode_str(&asking_encoder, "site.yar");
	encode_str(&asking_encoder, pin ? pin : hex);
	encode_u64(&asking_encoder, time_ms);
	encode_u32(&asking_encoder, 100);
	peer_send(p, MESSAGE_YARA_START, &asking_encoder, &dir_fd, 1);
}

static void start(struct peer *p, const char *rules, uint64_t expected, uint64_t time_ms)
{
	char name[64], version[64], files[256];
	struct message m;

	send_start(p, rules, strlen(rules), NULL, time_ms);
	peer_expect(p, MESSAGE_EXAMINE_ENGINES, &m);
	assert_int_equal(decode_u32(&m.payload), 1);
	decode_str_into(&m.payload, name, sizeof(name));
	decode_str_into(&m.payload, version, sizeof(version));
	decode_str_into(&m.payload, files, sizeof(files));
	assert_string_equal(name, "yara");
	assert_string_equal(files, "site.yar");
	assert_true(decode_u64(&m.payload) > 1000000000);
	assert_int_equal(decode_u64(&m.payload), expected);
	message_done(&m);
	peer_ready(p);
}

static void refused(const char *rules, size_t size, const char *pin, const char *words)
{
	_cleanup_free_ char *why = NULL;
	struct message m;
	struct peer p;

	send_start(&p, rules, size, pin, 60000);
	assert_true(channel_expect(&p.channel, MESSAGE_EXAMINE_ENGINES, &m, &why) < 0);
	if (!why || !strstr(why, words))
		fail_msg("\"%s\" does not say \"%s\"", why ? why : "nothing", words);
	assert_int_equal(peer_wait(&p), EXIT_FAILURE);
}

static void look(struct worker_peer *w, const void *data, size_t size, struct told *t)
{
	_cleanup_close_ int fd = memory_file(data, size);

	send_file(w, 7, fd, "some/name.bin", CHECK_YARA);
	take_told(w, t);
	assert_int_equal(t->id, 7);
}

static const char rules[] =
	"import \"pe\" import \"hash\" import \"math\"\n"
	"rule bad { meta: description = \"what is bad\" strings: $a = \"EVIL\" condition: $a }\n"
	"rule worse { strings: $a = \"EVIL!\" condition: $a }\n"
	"rule active { meta: lazaret = \"active-content\" strings: $a = \"ACTIVE\" condition: $a }\n"
	"rule kind { meta: lazaret = \"type-denied\" condition: uint32(0) == 0x04030201 }\n"
	"rule remark { meta: lazaret = \"note\" description = \"seen\" strings: $a = \"REMARK\" condition: $a }\n"
	"rule digest { condition: hash.md5(0, filesize) == \"5d41402abc4b2a76b9719d911017c592\" }\n"
	"rule named { condition: filename == \"name.bin\" or filepath contains \"some\" }\n"
	"private rule hidden { strings: $a = \"HIDDEN\" condition: $a }\n"
	"rule program { condition: pe.is_pe and math.entropy(0, filesize) > 100 }\n";

static void test_what_rules_say(void **state)
{
	struct worker_peer w;
	struct peer p;
	struct told t;

	start(&p, rules, 9, 60000);
	assert_int_equal(ask_worker(&p, &w), 0);
	look(&w, "nothing", 7, &t);
	assert_int_equal(t.done, CHECK_YARA);
	assert_int_equal(t.findings.count, 0);
	look(&w, "", 0, &t);
	assert_int_equal(t.done, CHECK_YARA);
	look(&w, "an EVIL! ACTIVE thing, REMARK", 29, &t);
	assert_int_equal(t.done, CHECK_YARA);
	assert_non_null(told_of(&t, REASON_MALWARE, "YARA rule bad: what is bad; YARA rule worse"));
	assert_non_null(told_of(&t, REASON_ACTIVE_CONTENT, "YARA rule active"));
	assert_string_equal(t.note, "YARA: rule remark: seen");
	assert_int_equal(t.findings.count, 2);
	findings_done(&t.findings);
	look(&w, "\1\2\3\4", 4, &t);
	assert_non_null(told_of(&t, REASON_TYPE_DENIED, "YARA rule kind"));
	findings_done(&t.findings);
	look(&w, "hello", 5, &t); /* libcrypto's digests, in the sandbox */
	assert_non_null(told_of(&t, REASON_MALWARE, "YARA rule digest"));
	findings_done(&t.findings);
	look(&w, "HIDDEN", 6, &t);
	assert_int_equal(t.findings.count, 0);
	worker_end(&w);
	peer_end(&p);
}

static void test_bad_rules(void **state)
{
	static const char broken[] = "rule a { condition: true }\nrule b { condition: nonsense }\n";
	static const char include[] = "include \"/etc/passwd\"\nrule a { condition: true }\n";
	static const char word[] = "rule a { meta: lazaret = \"harmless\" condition: true }\n";
	static const char magic[] = "import \"magic\" rule a { condition: magic.type() contains \"PDF\" }\n";
	static const char nul[] = "rule a { condition: false }\0rule b { condition: true }\n";
	static const char number[] = "rule a { meta: lazaret = 1 condition: true }\n";

	refused(broken, sizeof(broken) - 1, NULL, "site.yar:2: ");
	refused(include, sizeof(include) - 1, NULL, "site.yar:1: ");
	refused(word, sizeof(word) - 1, NULL, "rule a: lazaret must be");
	refused(number, sizeof(number) - 1, NULL, "rule a: lazaret must be");
	refused(nul, sizeof(nul) - 1, NULL, "no text");
	refused("// none\n", 8, NULL, "0 rules");
	refused("", 0, NULL, "0 rules");
	refused(broken, sizeof(broken) - 1, "0000000000000000000000000000000000000000000000000000000000000000", "not the pinned one");
	refused(magic, sizeof(magic) - 1, NULL, "magic");
}

/* A global rule of the site that is false silences its own file: the canary lives. */
static void test_global_rule(void **state)
{
	struct worker_peer w;
	struct peer p;
	struct told t;

	start(&p, "global rule small { condition: filesize < 10 }\nrule bad { strings: $a = \"EVIL\" condition: $a }\n", 2, 60000);
	assert_int_equal(ask_worker(&p, &w), 0);
	look(&w, "EVIL and more than ten", 22, &t);
	assert_int_equal(t.done, CHECK_YARA);
	assert_int_equal(t.findings.count, 0);
	look(&w, "EVIL", 4, &t);
	assert_int_equal(t.findings.count, 1); /* two rules, told together */
	findings_done(&t.findings);
	worker_end(&w);
	peer_end(&p);
}

static void test_time(void **state)
{
	static const char padding[200];
	static const char always[] = "rule slow { condition: for all i in (0..100000) : (for all k in (0..100000) : (i + k >= 0)) }\n";
	struct worker_peer w;
	struct peer p;
	struct told t;

	start(&p, "rule slow { condition: filesize > 100 and for all i in (0..100000) : (for all k in (0..100000) : (i + k >= 0)) }\n", 1, 1000);
	assert_int_equal(ask_worker(&p, &w), 0);
	look(&w, padding, sizeof(padding), &t);
	assert_int_equal(t.done, 0);
	assert_non_null(told_of(&t, REASON_SCAN_TIMEOUT, "in time"));
	findings_done(&t.findings);
	worker_end(&w);
	peer_end(&p);
	refused(always, sizeof(always) - 1, NULL, "take longer than"); /* before the first file */
}

/* More matches than libyara counts: held. */
static void test_many_matches(void **state)
{
	size_t size = 4 << 20;
	char *data = malloc(size);
	struct worker_peer w;
	struct peer p;
	struct told t;

	assert_non_null(data);
	memset(data, 'A', size);
	start(&p, "rule counting { strings: $a = \"AAAA\" condition: #a == 12 }\n", 1, 60000);
	assert_int_equal(ask_worker(&p, &w), 0);
	look(&w, data, size, &t);
	show_told(&t);
	assert_int_equal(t.done & CHECK_YARA, 0);
	assert_non_null(told_of(&t, REASON_LIMIT_EXCEEDED, "$a"));
	findings_done(&t.findings);
	worker_end(&w);
	peer_end(&p);
	free(data);
}

/* Past 2 and past 4 GiB: places are 64 bits wide all the way. */
static void test_large_file(void **state)
{
	const off_t far = (off_t)(4ull << 30) + 12345;
	_cleanup_close_ int fd = openat(dir_fd, "large", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	struct worker_peer w;
	struct peer p;
	struct told t;

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, far + 100), 0);
	assert_int_equal(pwrite(fd, "FARAWAY", 7, far), 7);
	start(&p, "rule place { strings: $a = \"FARAWAY\" condition: @a[1] == 4294979641 and filesize == 4294979741 }\n", 1, 600000);
	assert_int_equal(ask_worker(&p, &w), 0);
	send_file(&w, 9, fd, "large", CHECK_YARA);
	take_told(&w, &t);
	show_told(&t);
	assert_int_equal(t.done, CHECK_YARA);
	assert_non_null(told_of(&t, REASON_MALWARE, "YARA rule place"));
	findings_done(&t.findings);
	worker_end(&w);
	peer_end(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_rules_say), cmocka_unit_test(test_bad_rules), cmocka_unit_test(test_global_rule),
		cmocka_unit_test(test_time),	       cmocka_unit_test(test_many_matches), cmocka_unit_test(test_large_file),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
