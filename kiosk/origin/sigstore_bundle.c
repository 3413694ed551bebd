/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Run by lazaret-origin. */
#include "origin/sigstore_bundle.h"

#include <string.h>

#include <openssl/objects.h>

#include "common/evidence_name.h"
#include "origin/json_input.h"
#include "proof/certificate.h"

void sigstore_material_done(struct sigstore_material *m)
{
	X509_free(m->signer);
	sk_X509_pop_free(m->others, X509_free);
	*m = (struct sigstore_material){ 0 };
}

bool sigstore_is_bundle(const json_t *object)
{
	return json_object_get(object, "verificationMaterial") || json_object_get(object, "dsseEnvelope") ||
	       json_object_get(object, "messageSignature") || json_object_get(object, "base64Signature");
}

/* -- verification material ------------------------------------------------------------------------------------- */

static int take_certificate(const json_t *object, struct sigstore_material *m)
{
	const char *text = json_input_text(object, "rawBytes");
	_cleanup_free_ uint8_t *der = NULL;
	X509 *c = NULL;
	size_t size;
	int r = text ? json_input_base64(text, 0, &der, &size) : -EBADMSG;

	if (r == 0)
		r = certificate_read(der, size, &c);
	if (r < 0)
		return r;
	if (!m->signer) {
		m->signer = c;
		return 0;
	}
	if (sk_X509_push(m->others, c) <= 0) {
		X509_free(c);
		return -ENOMEM;
	}
	return 0;
}

static int take_chain(const json_t *chain, struct sigstore_material *m)
{
	const json_t *list = json_object_get(chain, "certificates"), *one;
	size_t i;
	int r = json_array_size(list) == 0 || json_array_size(list) > CERTIFICATE_OTHERS_MAX ? -EBADMSG : 0;

	json_array_foreach((json_t *)list, i, one)
		if (r == 0)
			r = take_certificate(one, m);
	return r;
}

static int take_material(const json_t *material, struct sigstore_material *m)
{
	const json_t *key = json_object_get(material, "publicKey"), *chain = json_object_get(material, "x509CertificateChain");
	const json_t *certificate = json_object_get(material, "certificate");
	const char *hint = json_input_text(key, "hint");

	if (!!key + !!chain + !!certificate != 1) /* one of a kind: two readers must not see two signers */
		return -EBADMSG;
	m->others = sk_X509_new_null();
	if (!m->others)
		return -ENOMEM;
	if (hint && strlen(hint) <= DSSE_HINT_MAX)
		(void)snprintf(m->hint, sizeof(m->hint), "%s", hint);
	if (chain)
		return take_chain(chain, m);
	return certificate ? take_certificate(certificate, m) : 0;
}

static bool is_known_version(const char *type)
{
	static const char *const known[] = {
		"application/vnd.dev.sigstore.bundle+json;version=0.1", "application/vnd.dev.sigstore.bundle+json;version=0.2",
		"application/vnd.dev.sigstore.bundle+json;version=0.3", "application/vnd.dev.sigstore.bundle.v0.1+json",
		"application/vnd.dev.sigstore.bundle.v0.2+json",	"application/vnd.dev.sigstore.bundle.v0.3+json",
	};

	for (size_t i = 0; type && i < ARRAY_LEN(known); i++)
		if (strcmp(type, known[i]) == 0)
			return true;
	return false;
}

int sigstore_parse(const json_t *object, struct sigstore_material *ret, const char **ret_why)
{
	bool has_envelope = json_object_get(object, "dsseEnvelope"), has_message = json_object_get(object, "messageSignature");
	int r;

	*ret = (struct sigstore_material){ 0 };
	if (json_object_get(object, "base64Signature")) { /* cosign's own, before there were bundles */
		*ret_why = "a bundle of two kinds";
		return has_envelope || has_message ? -EBADMSG : 0;
	}
	*ret_why = "a Sigstore bundle of a version that is not known";
	if (!is_known_version(json_input_text(object, "mediaType")))
		return -EBADMSG;
	*ret_why = "a Sigstore bundle that has not just one of envelope and signature";
	if (has_envelope == has_message)
		return -EBADMSG;
	*ret_why = "a Sigstore bundle without proper verification material";
	r = take_material(json_object_get(object, "verificationMaterial"), ret);
	if (r < 0)
		sigstore_material_done(ret);
	return r;
}

/* -- signers --------------------------------------------------------------------------------------------------- */

/* Fulcio's extensions are beneath 1.3.6.1.4.1.57264.1 (sigstore/fulcio, docs/oid-info.md). */
static bool is_keyless(X509 *c)
{
	char oid[64];

	for (int i = 0; i < X509_get_ext_count(c); i++) {
		if (OBJ_obj2txt(oid, sizeof(oid), X509_EXTENSION_get_object(X509_get_ext(c, i)), 1) <= 0)
			continue;
		if (strncmp(oid, "1.3.6.1.4.1.57264.1.", 20) == 0)
			return true;
	}
	return false;
}

/* Such an authority gives a certificate to everybody who has some account somewhere: that it is trusted says nothing of who
 * signed, not even within the ten minutes in which the certificate is valid. */
static void judge_keyless(struct plain_result *ret)
{
	static const char words[] = "a keyless signature: it can be verified with a transparency log only, which this station has not; "
				    "verify it outside and sign again with a key";

	if (ret->outcome == SIGNATURE_GOOD) {
		ret->outcome = SIGNATURE_UNTRUSTED;
		ret->key = NULL;
	}
	if (ret->outcome == SIGNATURE_EXPIRED || ret->outcome == SIGNATURE_UNTRUSTED)
		(void)snprintf(ret->why, sizeof(ret->why), "%s", words);
}

int sigstore_judge(struct plain_work *w, struct plain_message *m, const uint8_t *sig, size_t sig_size, const char *hint,
		   const struct sigstore_material *material, struct plain_result *ret)
{
	int r = plain_signature_judge(w, m, sig, sig_size, hint, ret);

	if (r < 0 || ret->outcome != SIGNATURE_UNTRUSTED || !material || !material->signer)
		return r;
	r = plain_signature_judge_certificate(w, m, sig, sig_size, material->signer, material->others, ret);
	if (r == 0 && is_keyless(material->signer))
		judge_keyless(ret);
	return r;
}

/* -- signatures over a file ------------------------------------------------------------------------------------ */

/* The file that a bundle called FILE.sigstore.json is about. */
static bool artifact_name(const char *name, char out[static ORIGIN_PATH_MAX + 1])
{
	static const char *const suffixes[] = { ".sigstore.json", ".sigstore", ".bundle", ".sig" };

	for (size_t i = 0; i < ARRAY_LEN(suffixes); i++) {
		if (!evidence_has_suffix(name, suffixes[i]))
			continue;
		(void)snprintf(out, ORIGIN_PATH_MAX + 1, "%.*s", (int)(strlen(name) - strlen(suffixes[i])), name);
		return true;
	}
	return false;
}

struct file_signature {
	uint8_t *bytes; /* owned */
	size_t size;
	bool has_digest; /* of the file, as the bundle says: signed by nobody as such */
	uint8_t digest[SHA256_LEN];
};

static int take_digest(const json_t *digest, struct file_signature *s)
{
	const char *algorithm = json_input_text(digest, "algorithm"), *text = json_input_text(digest, "digest");
	_cleanup_free_ uint8_t *bytes = NULL;
	size_t size = 0;
	int r;

	if (!digest)
		return 0;
	if (!algorithm || !text || strcmp(algorithm, "SHA2_256") != 0)
		return -EBADMSG;
	r = json_input_base64(text, 0, &bytes, &size);
	if (r == 0 && size != SHA256_LEN)
		r = -EBADMSG;
	if (r < 0)
		return r;
	memcpy(s->digest, bytes, SHA256_LEN);
	s->has_digest = true;
	return 0;
}

static int take_file_signature(const json_t *object, struct file_signature *s)
{
	const json_t *message = json_object_get(object, "messageSignature");
	const char *text = message ? json_input_text(message, "signature") : json_input_text(object, "base64Signature");
	int r = text && strlen(text) <= 2 * PLAIN_SIGNATURE_MAX ? json_input_base64(text, 0, &s->bytes, &s->size) : -EBADMSG;

	return r == 0 ? take_digest(json_object_get(message, "messageDigest"), s) : r;
}

/* No trusted key has signed this file. Has one signed the file that the bundle speaks of? Then this is another. */
static int judge_digest(struct plain_work *w, struct plain_message *m, const struct file_signature *s, struct plain_result *ret)
{
	const struct trusted_key *key = NULL;
	const uint8_t *sum;
	int r = s->has_digest ? plain_message_sha256(m, &sum) : -ENODATA;

	if (r < 0)
		return r == -ENODATA ? 0 : r;
	if (memcmp(sum, s->digest, SHA256_LEN) == 0)
		return 0;
	if (ret->outcome == SIGNATURE_GOOD) {
		ret->outcome = SIGNATURE_MALFORMED;
		ret->key = NULL;
		(void)snprintf(ret->why, sizeof(ret->why), "the bundle tells another digest than that of the file");
		return 0;
	}
	r = plain_digest_is_signed(w, s->digest, s->bytes, s->size, &key);
	if (r > 0) {
		ret->outcome = SIGNATURE_BAD;
		ret->key = key;
		(void)snprintf(ret->why, sizeof(ret->why), "the key '%s' has signed another file", key->name);
	}
	return MIN(r, 0);
}

static int judge_file(struct evidence *e, struct plain_work *w, const struct file_signature *s,
		      const struct sigstore_material *material, const char *name)
{
	_cleanup_close_ int fd = -EBADF;
	struct plain_message m;
	struct plain_result result;
	uint64_t size;
	int r = evidence_want(e, 0, name, &fd, &size);

	if (r <= 0)
		return r; /* what is signed is not on the medium: nothing to say */
	plain_message_file(&m, fd, size);
	r = sigstore_judge(w, &m, s->bytes, s->size, material->hint, material, &result);
	if (r == 0 && result.outcome != SIGNATURE_BAD && result.outcome != SIGNATURE_MALFORMED)
		r = judge_digest(w, &m, s, &result);
	plain_message_done(&m);
	return r < 0 ? r : evidence_signed(e, result.outcome, 0, name, result.key, result.key_id, "%s", result.why);
}

int sigstore_prove_message(struct evidence *e, struct plain_work *w, const json_t *object, const struct sigstore_material *material)
{
	struct file_signature s = { 0 };
	char name[ORIGIN_PATH_MAX + 1];
	int r = take_file_signature(object, &s);

	if (r == -EBADMSG)
		r = evidence_signed(e, SIGNATURE_MALFORMED, 0, "", NULL, "", "a Sigstore bundle without a proper signature or digest");
	else if (r == 0 && !artifact_name(e->name, name))
		r = evidence_signed(e, SIGNATURE_MALFORMED, 0, "", NULL, "", "a Sigstore bundle whose name does not tell what it signs");
	else if (r == 0)
		r = judge_file(e, w, &s, material, name);
	free(s.bytes);
	return r;
}
