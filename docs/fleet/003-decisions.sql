-- SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
-- What people decided about contents, by SHA-256: at stations (from the signed records of their trails) and here, for the whole site.
-- Stations read it back. They obey `deny` alone, which can only keep something out; all else is information, since on a station
-- two of its own people let something in. So nothing here needs a signature: no row of this table can approve a file.

CREATE TABLE lazaret.hash_decision (
	id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	sha256     bytea NOT NULL CHECK (octet_length(sha256) = 32),
	decision   text NOT NULL CHECK (decision IN ('deny', 'allow', 'reject', 'release', 'remove')),
	by         text NOT NULL,
	second     text, -- the other person of two
	reason     text NOT NULL,
	decided_at timestamptz NOT NULL,
	until      timestamptz,
	station    text, -- NULL: decided here
	seq        bigint, -- the record that proves it
	UNIQUE (station, seq, sha256)
);
CREATE INDEX hash_decision_sha256 ON lazaret.hash_decision (sha256, id);

-- The last word of each station, and of the centre, on each content, as long as it lasts.
CREATE VIEW lazaret.standing_decision AS
	SELECT * FROM (SELECT DISTINCT ON (sha256, station) * FROM lazaret.hash_decision
		       ORDER BY sha256, station, decided_at DESC, id DESC) AS last
	WHERE decision <> 'remove' AND (until IS NULL OR until > now());

-- Records of the type `decision` name one content or several. One that says something else is kept as a record and nothing more.
CREATE FUNCTION lazaret.take_decision(r lazaret.record) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO lazaret.hash_decision (sha256, decision, by, second, reason, decided_at, until, station, seq)
		SELECT decode(sum, 'hex'), r.body->>'decision', coalesce(r.body->>'by', ''), r.body->>'second', coalesce(r.body->>'reason', ''),
		       to_timestamp(r.time), to_timestamp((r.body->>'until')::bigint), r.station, r.seq
		FROM jsonb_array_elements_text(CASE jsonb_typeof(r.body->'sha256') WHEN 'array' THEN r.body->'sha256'
					       ELSE jsonb_build_array(r.body->'sha256') END) AS sum
		WHERE r.body->>'decision' IN ('deny', 'allow', 'reject', 'release', 'remove') AND sum ~ '^[0-9a-f]{64}$'
		ON CONFLICT DO NOTHING;
EXCEPTION WHEN data_exception THEN
	NULL;
END $$;

CREATE FUNCTION lazaret.on_decision() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	PERFORM lazaret.take_decision(NEW);
	RETURN NULL;
END $$;
CREATE TRIGGER decision AFTER INSERT ON lazaret.record FOR EACH ROW WHEN (NEW.type = 'decision') EXECUTE FUNCTION lazaret.on_decision();

-- Those that came before this migration.
SELECT lazaret.take_decision(r) FROM lazaret.record r WHERE r.type = 'decision' ORDER BY r.station, r.seq;

-- An officer of the centre decides for all stations: deny alone or remove by one, since both act in the safe direction only (a
-- station keeps what it was told to deny); what is said in favour of a content names two people.
CREATE FUNCTION lazaret.decide(p_decision text, p_sha256 text, p_by text, p_reason text, p_second text DEFAULT NULL,
			       p_until timestamptz DEFAULT NULL) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE made bigint;
BEGIN
	IF coalesce(p_sha256, '') !~ '^[0-9a-f]{64}$' THEN
		RAISE EXCEPTION 'not a SHA-256 in 64 lower-case hex digits: %', p_sha256;
	END IF;
	IF coalesce(p_by, '') = '' OR coalesce(p_reason, '') = '' THEN
		RAISE EXCEPTION 'who decides, and why?';
	END IF;
	IF p_decision IN ('allow', 'release') AND (coalesce(p_second, '') = '' OR p_second = p_by) THEN
		RAISE EXCEPTION '% needs a second, different person', p_decision;
	END IF;
	INSERT INTO lazaret.hash_decision (sha256, decision, by, second, reason, decided_at, until)
		VALUES (decode(p_sha256, 'hex'), p_decision, p_by, p_second, p_reason, now(), p_until) RETURNING id INTO made;
	RETURN made;
END $$;

-- What stations read back.
CREATE FUNCTION lazaret.shared_decisions()
RETURNS TABLE (sha256 text, decision text, by text, second text, reason text, decided_at bigint, until bigint, station text, seq bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
	SELECT encode(d.sha256, 'hex'), d.decision, d.by, d.second, d.reason, extract(epoch FROM d.decided_at)::bigint,
	       extract(epoch FROM d.until)::bigint, d.station, d.seq FROM lazaret.standing_decision d ORDER BY d.sha256, d.id
$$;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA lazaret FROM PUBLIC;
GRANT EXECUTE ON FUNCTION lazaret.shared_decisions TO lazaret_station, lazaret_carrier, lazaret_reader;
GRANT EXECUTE ON FUNCTION lazaret.decide TO lazaret_officer;
GRANT SELECT ON lazaret.hash_decision, lazaret.standing_decision TO lazaret_reader, lazaret_officer;
