-- SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
-- Reports laid out for questions: which files, why refused, who signed. An index alone: what holds are record and report_part, of
-- which lazaret.rebuild() makes these tables anew.

CREATE TABLE lazaret.transfer (
	station       text NOT NULL,
	seq           bigint NOT NULL, -- of the report's record
	transfer      text NOT NULL,
	outcome       text NOT NULL,
	started       timestamptz,
	finished      timestamptz,
	removable_at  timestamptz,
	operator      text,
	purpose       text, -- "reason" of the report: why the medium was brought
	policy        text,
	policy_sha256 text,
	version       text,
	medium_kind   text,
	vendor        text,
	model         text,
	serial        text,
	size          bigint,
	files         bigint,
	bytes         bigint,
	approved      bigint,
	held          bigint,
	blocked       bigint,
	PRIMARY KEY (station, seq),
	FOREIGN KEY (station, seq) REFERENCES lazaret.report
);
CREATE INDEX transfer_started ON lazaret.transfer (started);
CREATE INDEX transfer_name ON lazaret.transfer (transfer);

CREATE TABLE lazaret.file (
	station      text NOT NULL,
	seq          bigint NOT NULL,
	n            integer NOT NULL, -- from 0, in the report's order
	volume       integer,
	path         text NOT NULL, -- escaped by the station where it was not clean
	size         bigint,
	sha256       bytea,
	type         text,
	verdict      text NOT NULL,
	rule         text,
	published_as text,
	PRIMARY KEY (station, seq, n)
);
CREATE INDEX file_sha256 ON lazaret.file (sha256);
CREATE INDEX file_verdict ON lazaret.file (verdict) WHERE verdict <> 'approved';

CREATE TABLE lazaret.reason (
	station text NOT NULL,
	seq     bigint NOT NULL,
	n       integer NOT NULL,
	k       integer NOT NULL, -- from 0
	code    text NOT NULL,
	detail  text,
	member  text,
	PRIMARY KEY (station, seq, n, k)
);
CREATE INDEX reason_code ON lazaret.reason (code);

CREATE TABLE lazaret.signer (
	station text NOT NULL,
	seq     bigint NOT NULL,
	n       integer NOT NULL,
	k       integer NOT NULL,
	key     text NOT NULL,
	name    text NOT NULL,
	via     text,
	PRIMARY KEY (station, seq, n, k)
);
CREATE INDEX signer_key ON lazaret.signer (key);

-- The report without its files: its first line, to "files":[, and its last one, from the bracket that ends them.
CREATE FUNCTION lazaret.report_frame(p_station text, p_seq bigint) RETURNS jsonb LANGUAGE sql STABLE AS $$
	SELECT (split_part(convert_from(f.data, 'UTF8'), E'\n', 1) ||
		split_part(rtrim(convert_from(l.data, 'UTF8'), E'\n'), E'\n', -1))::jsonb
	FROM lazaret.report r
	JOIN lazaret.report_part f ON f.station = r.station AND f.seq = r.seq AND f.part = 0
	JOIN lazaret.report_part l ON l.station = r.station AND l.seq = r.seq AND l.part = r.parts - 1
	WHERE r.station = p_station AND r.seq = p_seq
$$;

CREATE FUNCTION lazaret.project(p_station text, p_seq bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE j jsonb := lazaret.report_frame(p_station, p_seq);
BEGIN
	INSERT INTO lazaret.transfer VALUES (p_station, p_seq, j->>'transfer', j->>'outcome', to_timestamp((j->>'started')::bigint),
		to_timestamp((j->>'finished')::bigint), to_timestamp((j->'medium'->>'removable_at')::bigint), j->>'operator', j->>'reason',
		j->'station'->>'policy', j->'station'->>'policy_sha256', j->'station'->>'version', j->'medium'->>'kind',
		j->'medium'->>'vendor', j->'medium'->>'model', j->'medium'->>'serial', (j->'medium'->>'size')::bigint,
		(j->'counts'->>'files')::bigint, (j->'counts'->>'bytes')::bigint, (j->'counts'->>'approved')::bigint,
		(j->'counts'->>'held')::bigint, (j->'counts'->>'blocked')::bigint);
	WITH entry AS MATERIALIZED ( -- a file a line (lazaret-report(5)); the first line is the frame's
		SELECT (row_number() OVER (ORDER BY d.part, l.place) - 1)::integer AS n, rtrim(l.text, ',')::jsonb AS e
		FROM lazaret.report_part d, string_to_table(convert_from(d.data, 'UTF8'), E'\n') WITH ORDINALITY AS l(text, place)
		WHERE d.station = p_station AND d.seq = p_seq AND l.text LIKE '{%' AND NOT (d.part = 0 AND l.place = 1)
	), files AS (
		INSERT INTO lazaret.file SELECT p_station, p_seq, n, (e->>'volume')::integer, e->>'path', (e->>'size')::bigint,
			decode(e->>'sha256', 'hex'), e->>'type', e->>'verdict', e->>'rule', e->>'published_as' FROM entry
	), reasons AS (
		INSERT INTO lazaret.reason SELECT p_station, p_seq, n, k - 1, r->>'code', r->>'detail', r->>'member'
			FROM entry, jsonb_array_elements(e->'reasons') WITH ORDINALITY AS a(r, k)
	)
	INSERT INTO lazaret.signer SELECT p_station, p_seq, n, k - 1, s->>'key', s->>'name', s->>'via'
		FROM entry, jsonb_array_elements(e->'signers') WITH ORDINALITY AS a(s, k);
	-- the last record when the report was written: whoever cuts the trail has this against them
	IF j->'audit'->>'hash' ~ '^[0-9a-f]{64}$' THEN
		INSERT INTO lazaret.witness VALUES (p_station, (j->'audit'->>'seq')::bigint, decode(j->'audit'->>'hash', 'hex'), 'report')
			ON CONFLICT DO NOTHING;
	END IF;
END $$;

-- A report that cannot be laid out is kept all the same, and says why.
CREATE FUNCTION lazaret.try_project(p_station text, p_seq bigint) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	PERFORM lazaret.project(p_station, p_seq);
	RETURN NULL;
EXCEPTION WHEN data_exception OR integrity_constraint_violation THEN
	RETURN sqlerrm;
END $$;

CREATE FUNCTION lazaret.on_report() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE why text := lazaret.try_project(NEW.station, NEW.seq);
BEGIN
	IF why IS NOT NULL THEN
		UPDATE lazaret.report r SET not_projected = why WHERE r.station = NEW.station AND r.seq = NEW.seq;
	END IF;
	RETURN NULL;
END $$;
CREATE TRIGGER project AFTER INSERT ON lazaret.report FOR EACH ROW EXECUTE FUNCTION lazaret.on_report();

-- All of it anew; how many reports.
CREATE FUNCTION lazaret.rebuild() RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE p record; counted bigint := 0;
BEGIN
	TRUNCATE lazaret.signer, lazaret.reason, lazaret.file, lazaret.transfer;
	FOR p IN SELECT r.station, r.seq FROM lazaret.report r ORDER BY r.station, r.seq LOOP
		UPDATE lazaret.report r SET not_projected = lazaret.try_project(p.station, p.seq) WHERE r.station = p.station AND r.seq = p.seq;
		counted := counted + 1;
	END LOOP;
	RETURN counted;
END $$;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA lazaret FROM PUBLIC;
GRANT SELECT ON lazaret.transfer, lazaret.file, lazaret.reason, lazaret.signer TO lazaret_reader;
