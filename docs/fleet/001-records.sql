-- SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
-- What stations recorded, as they recorded it: the lines of their audit trails (lazaret-audit(5)) and the reports that these name.
--
-- Nobody but the owner of this schema touches a table. Stations and carriers call functions, which only ever add: what is here
-- already is never replaced, whoever sends something else for its place (table fork).

DO $$
DECLARE name text;
BEGIN
	-- Groups, for the administrator to grant to logins: a station's own, one that brings files of any station, one that only
	-- asks, one that decides on contents for the whole site.
	FOREACH name IN ARRAY ARRAY['lazaret_station', 'lazaret_carrier', 'lazaret_reader', 'lazaret_officer'] LOOP
		IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) THEN
			EXECUTE format('CREATE ROLE %I NOLOGIN', name);
		END IF;
	END LOOP;
END $$;

-- -- tables -------------------------------------------------------------------------------------------------------------

-- The key is the one that the administrator read off the station itself (`lazaret key show`): not what a connection said.
CREATE TABLE lazaret.station (
	station   text PRIMARY KEY CHECK (station ~ '^[0-9a-f]{16}$'), -- `station: id` in its lazaret.yaml
	name      text NOT NULL,
	audit_key text NOT NULL CHECK (audit_key ~ '^[A-Za-z0-9+/]{56}$'), -- minisign
	login     name UNIQUE, -- whose connections speak for it; NULL: it sends files
	added_at  timestamptz NOT NULL DEFAULT now(),
	added_by  name NOT NULL DEFAULT session_user
);

CREATE TABLE lazaret.record (
	station     text NOT NULL REFERENCES lazaret.station,
	seq         bigint NOT NULL CHECK (seq >= 0),
	hash        bytea NOT NULL UNIQUE CHECK (octet_length(hash) = 32),
	prev        bytea NOT NULL CHECK (octet_length(prev) = 32),
	type        text NOT NULL,
	time        bigint NOT NULL, -- seconds since 1970-01-01 UTC, by the station's clock
	body        jsonb NOT NULL,
	line        text NOT NULL CHECK (octet_length(line) < 67584), -- as it stands in the trail, without its newline; the columns above
					-- are read from it
	received_at timestamptz NOT NULL DEFAULT now(),
	received_by name NOT NULL DEFAULT session_user,
	via         text NOT NULL CHECK (via IN ('link', 'file')),
	PRIMARY KEY (station, seq)
);
CREATE INDEX record_type ON lazaret.record (type, station, seq);

-- Another line for a place that is taken: evidence, not an error to be mended here.
CREATE TABLE lazaret.fork (
	station     text NOT NULL REFERENCES lazaret.station,
	seq         bigint NOT NULL,
	hash        bytea NOT NULL,
	line_sha256 bytea NOT NULL,
	line        text NOT NULL,
	of_station  text NOT NULL, -- whose record has the place or the hash: another station's when a trail was copied
	received_at timestamptz NOT NULL DEFAULT now(),
	received_by name NOT NULL DEFAULT session_user,
	via         text NOT NULL,
	PRIMARY KEY (station, seq, line_sha256)
);

-- Somebody said that a record of this number and hash exists: the index of a file, a report, the station itself.
CREATE TABLE lazaret.witness (
	station text NOT NULL REFERENCES lazaret.station,
	seq     bigint NOT NULL,
	hash    bytea NOT NULL,
	source  text NOT NULL CHECK (source IN ('head', 'file', 'report')),
	told_at timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (station, seq, hash, source)
);

-- What each station said last, and up to where its records are here without a hole.
CREATE TABLE lazaret.standing (
	station   text PRIMARY KEY REFERENCES lazaret.station,
	known_to  bigint NOT NULL DEFAULT -1,
	head_seq  bigint, -- the last record that the station has
	head_hash bytea,
	problem   text,   -- in the station's words: its trail is altered, cut, a report is missing
	told_at   timestamptz
);

CREATE TABLE lazaret.report (
	station       text NOT NULL,
	seq           bigint NOT NULL, -- of the record that names it
	transfer      text NOT NULL,
	sha256        bytea NOT NULL,
	size          bigint NOT NULL,
	parts         integer NOT NULL,
	stored_at     timestamptz NOT NULL DEFAULT now(),
	not_projected text, -- why it could not be laid out in tables; NULL: it was
	PRIMARY KEY (station, seq),
	FOREIGN KEY (station, seq) REFERENCES lazaret.record
);
CREATE INDEX report_transfer ON lazaret.report (transfer);

-- Its bytes, in parts that end with a line, so that no report has to be in memory whole.
CREATE TABLE lazaret.report_part (
	station text NOT NULL,
	seq     bigint NOT NULL,
	part    integer NOT NULL CHECK (part >= 0),
	data    bytea NOT NULL CHECK (octet_length(data) <= 16777216),
	PRIMARY KEY (station, seq, part)
);

-- Reports that a record names and that are not here yet.
CREATE TABLE lazaret.wanted (
	station  text NOT NULL,
	seq      bigint NOT NULL,
	transfer text NOT NULL,
	PRIMARY KEY (station, seq)
);

-- -- lines --------------------------------------------------------------------------------------------------------------

-- What a line says, and the bytes that its hash is of: the same line without hash and sig. All NULL: it is no record. The end of
-- a canonical line has one form only, so nothing in a body can be taken for it.
CREATE FUNCTION lazaret.parse_line(line text, OUT seq bigint, OUT hash bytea, OUT prev bytea, OUT type text, OUT "time" bigint,
				   OUT body text, OUT content bytea)
LANGUAGE plpgsql IMMUTABLE STRICT AS $$
DECLARE
	m text[] := regexp_match(right(line, 450), ',"hash":"([0-9a-f]+)","prev":"([0-9a-f]+)","seq":(0|[1-9][0-9]*),'
		'"sig":"([A-Za-z0-9+/]+==)","time":(0|[1-9][0-9]*),"type":"([a-z][a-z0-9-]*)"\}$');
	said text;
BEGIN
	IF m IS NULL OR length(m[1]) <> 64 OR length(m[2]) <> 64 OR length(m[3]) > 18 OR length(m[4]) <> 88 OR length(m[5]) > 18 OR
	   length(m[6]) > 63 THEN
		RETURN;
	END IF;
	said := left(line, -length(',"hash":"' || m[1] || '","prev":"' || m[2] || '","seq":' || m[3] || ',"sig":"' || m[4] || '","time":' ||
				   m[5] || ',"type":"' || m[6] || '"}'));
	IF said NOT LIKE '{"body":{%}' THEN
		RETURN;
	END IF;
	seq := m[3]::bigint;
	hash := decode(m[1], 'hex');
	prev := decode(m[2], 'hex');
	type := m[6];
	"time" := m[5]::bigint;
	body := substr(said, 9);
	content := convert_to(said || ',"prev":"' || m[2] || '","seq":' || m[3] || ',"time":' || m[5] || ',"type":"' || m[6] || '"}', 'UTF8');
END $$;

-- Is the line what its columns say, and its hash that of its content? Never an error, whatever stands there.
CREATE FUNCTION lazaret.is_intact(r lazaret.record) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
DECLARE
	prev text := ',"prev":"' || encode(r.prev, 'hex') || '","seq":' || r.seq;
	before_sig text := ',"hash":"' || encode(r.hash, 'hex') || '"' || prev || ',"sig":"';
	behind text := ',"time":' || r.time || ',"type":"' || r.type || '"}';
	said text := left(r.line, -(length(before_sig) + 89 + length(behind))); -- 88 and a quote: the signature
BEGIN
	IF left(r.line, length(said) + length(before_sig)) IS DISTINCT FROM said || before_sig OR right(r.line, length(behind) + 1) <> '"' || behind OR
	   said NOT LIKE '{"body":{%}' OR sha256(convert_to(said || prev || behind, 'UTF8')) <> r.hash THEN
		RETURN false;
	END IF;
	RETURN substr(said, 9)::jsonb = r.body; -- it was taken as such when it came
END $$;

-- -- what stations and carriers call ----------------------------------------------------------------------------------------

CREATE FUNCTION lazaret.add_station(p_station text, p_name text, p_audit_key text, p_login name DEFAULT NULL) RETURNS void
LANGUAGE sql AS $$
	INSERT INTO lazaret.station (station, name, audit_key, login) VALUES (p_station, p_name, p_audit_key, p_login);
	INSERT INTO lazaret.standing (station) VALUES (p_station);
$$;

CREATE FUNCTION lazaret.check_speaker(p_station text) RETURNS void LANGUAGE plpgsql STABLE AS $$
BEGIN
	IF NOT EXISTS (SELECT FROM lazaret.station s WHERE s.station = p_station) THEN
		RAISE EXCEPTION 'station % is not known here', p_station
			USING ERRCODE = 'insufficient_privilege', HINT = 'The administrator of the centre adds it: lazaret.add_station().';
	END IF;
	IF NOT EXISTS (SELECT FROM lazaret.station s WHERE s.station = p_station AND s.login = session_user) AND
	   NOT pg_has_role(session_user, 'lazaret_carrier', 'MEMBER') THEN
		RAISE EXCEPTION '% does not speak for station %', session_user, p_station USING ERRCODE = 'insufficient_privilege';
	END IF;
END $$;

-- How far the centre has this station's records without a hole, and the last one's hash; -1: none. And how many others it keeps beside.
CREATE FUNCTION lazaret.known_to(p_station text, OUT seq bigint, OUT hash bytea, OUT forks bigint)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	PERFORM lazaret.check_speaker(p_station);
	SELECT s.known_to, r.hash, (SELECT count(*) FROM lazaret.fork f WHERE f.station = p_station) INTO seq, hash, forks
		FROM lazaret.standing s LEFT JOIN lazaret.record r ON r.station = s.station AND r.seq = s.known_to WHERE s.station = p_station;
END $$;

CREATE FUNCTION lazaret.put_record(p_station text, p_line text, p_via text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE p record; there lazaret.record;
BEGIN
	p := lazaret.parse_line(p_line);
	IF p.seq IS NULL OR sha256(p.content) <> p.hash THEN
		RAISE EXCEPTION 'not a record of an audit trail, or altered: %', left(p_line, 200) USING ERRCODE = 'data_exception';
	END IF;
	INSERT INTO lazaret.record (station, seq, hash, prev, type, time, body, line, via)
		VALUES (p_station, p.seq, p.hash, p.prev, p.type, p.time, p.body::jsonb, p_line, p_via) ON CONFLICT DO NOTHING;
	IF FOUND THEN
		IF p.type = 'report' THEN
			INSERT INTO lazaret.wanted VALUES (p_station, p.seq, coalesce((p.body::jsonb)->>'transfer', ''));
		END IF;
		RETURN 'new';
	END IF;
	SELECT * INTO there FROM lazaret.record r WHERE r.station = p_station AND r.seq = p.seq;
	IF there.line = p_line THEN
		RETURN 'known';
	END IF;
	IF there IS NULL THEN -- the place is free, the hash is not
		SELECT * INTO there FROM lazaret.record r WHERE r.hash = p.hash;
	END IF;
	INSERT INTO lazaret.fork (station, seq, hash, line_sha256, line, of_station, via)
		VALUES (p_station, p.seq, p.hash, sha256(convert_to(p_line, 'UTF8')), p_line, there.station, p_via) ON CONFLICT DO NOTHING;
	RETURN 'fork';
END $$;

-- Lines of one station, one below the other. `forks`: the numbers whose places are taken by other records.
CREATE FUNCTION lazaret.put_records(p_station text, p_lines text, p_via text, OUT added integer, OUT known integer, OUT forks text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE line text; outcome text; reached bigint;
BEGIN
	PERFORM lazaret.check_speaker(p_station);
	added := 0;
	known := 0;
	FOR line IN SELECT l FROM string_to_table(p_lines, E'\n') AS l LOOP
		CONTINUE WHEN line = '';
		outcome := lazaret.put_record(p_station, line, p_via);
		added := added + (outcome = 'new')::integer;
		known := known + (outcome = 'known')::integer;
		IF outcome = 'fork' THEN
			forks := concat_ws(',', forks, (lazaret.parse_line(line)).seq);
		END IF;
	END LOOP;
	SELECT s.known_to INTO reached FROM lazaret.standing s WHERE s.station = p_station FOR UPDATE;
	WHILE EXISTS (SELECT FROM lazaret.record r WHERE r.station = p_station AND r.seq = reached + 1) LOOP
		reached := reached + 1;
	END LOOP;
	UPDATE lazaret.standing s SET known_to = reached WHERE s.station = p_station AND s.known_to < reached;
END $$;

-- The last record that the station has, and what is wrong with its own records (NULL: nothing).
CREATE FUNCTION lazaret.put_head(p_station text, p_seq bigint, p_hash text, p_problem text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE before lazaret.standing;
BEGIN
	PERFORM lazaret.check_speaker(p_station);
	SELECT * INTO before FROM lazaret.standing s WHERE s.station = p_station FOR UPDATE;
	IF before.head_seq > p_seq OR (before.head_seq = p_seq AND before.head_hash <> decode(p_hash, 'hex')) THEN
		-- it had more before, or another: that stays known
		INSERT INTO lazaret.witness VALUES (p_station, before.head_seq, before.head_hash, 'head') ON CONFLICT DO NOTHING;
	END IF;
	UPDATE lazaret.standing s SET head_seq = p_seq, head_hash = decode(p_hash, 'hex'), problem = left(p_problem, 1000), told_at = now()
		WHERE s.station = p_station;
END $$;

-- The index of a file: so many records it had.
CREATE FUNCTION lazaret.put_witness(p_station text, p_seq bigint, p_hash text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	PERFORM lazaret.check_speaker(p_station);
	INSERT INTO lazaret.witness VALUES (p_station, p_seq, decode(p_hash, 'hex'), 'file') ON CONFLICT DO NOTHING;
END $$;

-- Reports of this station that are not here, after record `p_after`.
CREATE FUNCTION lazaret.wanted_reports(p_station text, p_after bigint) RETURNS TABLE (seq bigint, transfer text, sha256 text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	PERFORM lazaret.check_speaker(p_station);
	RETURN QUERY SELECT w.seq, w.transfer, coalesce(r.body->>'sha256', '') FROM lazaret.wanted w
		JOIN lazaret.record r ON r.station = w.station AND r.seq = w.seq
		WHERE w.station = p_station AND w.seq > p_after ORDER BY w.seq LIMIT 100;
END $$;

CREATE FUNCTION lazaret.put_report_part(p_station text, p_seq bigint, p_part integer, p_data bytea) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	PERFORM lazaret.check_speaker(p_station);
	INSERT INTO lazaret.report_part SELECT p_station, p_seq, p_part, p_data
		FROM lazaret.wanted w WHERE w.station = p_station AND w.seq = p_seq ON CONFLICT DO NOTHING;
END $$;

-- All parts were sent: are they the report that the record names? Otherwise they are forgotten, and can be sent again.
CREATE FUNCTION lazaret.finish_report(p_station text, p_seq bigint) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE named lazaret.record; sum bytea; bytes bigint; counted integer;
BEGIN
	PERFORM lazaret.check_speaker(p_station);
	PERFORM FROM lazaret.wanted w WHERE w.station = p_station AND w.seq = p_seq FOR UPDATE;
	IF NOT FOUND THEN
		RETURN 'known';
	END IF;
	SELECT * INTO named FROM lazaret.record r WHERE r.station = p_station AND r.seq = p_seq;
	SELECT sha256(string_agg(p.data, '' ORDER BY p.part)), sum(octet_length(p.data)), count(*) INTO sum, bytes, counted
		FROM lazaret.report_part p WHERE p.station = p_station AND p.seq = p_seq;
	IF sum IS NULL OR encode(sum, 'hex') <> named.body->>'sha256' THEN
		DELETE FROM lazaret.report_part p WHERE p.station = p_station AND p.seq = p_seq;
		RETURN 'bad';
	END IF;
	INSERT INTO lazaret.report (station, seq, transfer, sha256, size, parts)
		VALUES (p_station, p_seq, named.body->>'transfer', sum, bytes, counted);
	DELETE FROM lazaret.wanted w WHERE w.station = p_station AND w.seq = p_seq;
	RETURN 'new';
END $$;

-- -- completeness -------------------------------------------------------------------------------------------------------

-- Everything that is wrong with what is here, of one station or of all; no row: each trail is here without a hole from its first
-- record to the last one that anybody told of, unaltered, with its reports. Signatures are beyond SQL: `lazaret fleet check`.
CREATE FUNCTION lazaret.problems(p_station text DEFAULT NULL)
RETURNS TABLE (station text, problem text, from_seq bigint, to_seq bigint, detail text) LANGUAGE sql STABLE AS $$
	WITH linked AS (
		SELECT r.station, r.seq, r.prev, lag(r.seq, 1, -1::bigint) OVER w AS before_seq,
		       lag(r.hash, 1, decode(repeat('00', 32), 'hex')) OVER w AS before_hash
		FROM lazaret.record r WHERE p_station IS NULL OR r.station = p_station
		WINDOW w AS (PARTITION BY r.station ORDER BY r.seq)
	), told AS (
		SELECT w.station, w.seq, w.hash, w.source FROM lazaret.witness w
		UNION ALL SELECT s.station, s.head_seq, s.head_hash, 'head' FROM lazaret.standing s WHERE s.head_seq IS NOT NULL
	), told_last AS (
		SELECT t.station, max(t.seq) AS seq FROM told t GROUP BY t.station
	)
	SELECT s.station, 'never-heard', NULL::bigint, NULL::bigint, 'no record of this station is here' FROM lazaret.station s
		WHERE (p_station IS NULL OR s.station = p_station) AND NOT EXISTS (SELECT FROM lazaret.record r WHERE r.station = s.station)
	UNION ALL
	SELECT l.station, 'gap', l.before_seq + 1, l.seq - 1, 'records are missing' FROM linked l WHERE l.seq <> l.before_seq + 1
	UNION ALL
	SELECT t.station, 'gap', coalesce(m.seq, -1) + 1, t.seq, 'the last records are missing' FROM told_last t
		LEFT JOIN (SELECT l.station, max(l.seq) AS seq FROM linked l GROUP BY l.station) m USING (station)
		WHERE t.seq > coalesce(m.seq, -1) AND (p_station IS NULL OR t.station = p_station)
	UNION ALL
	SELECT l.station, 'broken-link', l.seq, l.seq, 'prev is not the hash of the record before' FROM linked l
		WHERE l.seq = l.before_seq + 1 AND l.prev <> l.before_hash
	UNION ALL
	SELECT r.station, 'altered', r.seq, r.seq, 'the row is not what its hash stands for' FROM lazaret.record r
		WHERE (p_station IS NULL OR r.station = p_station) AND NOT lazaret.is_intact(r)
	UNION ALL
	SELECT f.station, 'fork', f.seq, f.seq, format('another record, %s, came by %s from %s%s', encode(f.hash, 'hex'), f.via,
						      f.received_by, CASE WHEN f.of_station <> f.station THEN
						      ': it is one of station ' || f.of_station END)
		FROM lazaret.fork f WHERE p_station IS NULL OR f.station = p_station
	UNION ALL
	SELECT t.station, 'fork', t.seq, t.seq, format('another record, %s, was told of (%s)', encode(t.hash, 'hex'), t.source) FROM told t
		JOIN lazaret.record r ON r.station = t.station AND r.seq = t.seq AND r.hash <> t.hash
		WHERE p_station IS NULL OR t.station = p_station
	UNION ALL
	SELECT r.station, 'key', 0, 0, 'the trail was begun with another key, or by another station, than is registered' FROM lazaret.record r
		JOIN lazaret.station s USING (station) WHERE r.seq = 0 AND (p_station IS NULL OR r.station = p_station) AND
		(r.type <> 'genesis' OR r.body->>'public_key' IS DISTINCT FROM s.audit_key OR r.body->>'station' IS DISTINCT FROM s.station)
	UNION ALL
	SELECT r.station, 'report-missing', r.seq, r.seq, format('the report of %s is not here', r.body->>'transfer') FROM lazaret.record r
		LEFT JOIN lazaret.report p ON p.station = r.station AND p.seq = r.seq
		WHERE r.type = 'report' AND p.seq IS NULL AND (p_station IS NULL OR r.station = p_station)
	UNION ALL
	SELECT p.station, 'report-altered', p.seq, p.seq, format('the report of %s is not the recorded one', p.transfer) FROM lazaret.report p
		JOIN lazaret.record r ON r.station = p.station AND r.seq = p.seq
		WHERE (p_station IS NULL OR p.station = p_station) AND r.body->>'sha256' IS DISTINCT FROM
		(SELECT encode(sha256(string_agg(d.data, '' ORDER BY d.part)), 'hex') FROM lazaret.report_part d
		 WHERE d.station = p.station AND d.seq = p.seq)
	UNION ALL
	SELECT s.station, 'station-says', NULL, NULL, s.problem FROM lazaret.standing s
		WHERE s.problem IS NOT NULL AND (p_station IS NULL OR s.station = p_station)
	ORDER BY 1, 3 NULLS FIRST, 2, 5
$$;

-- One line a station: how far it is here, when it was last heard of, what is wrong.
CREATE VIEW lazaret.overview AS
	SELECT s.station, s.name, st.known_to, st.head_seq, st.head_seq - st.known_to AS behind, st.told_at,
	       (SELECT max(r.received_at) FROM lazaret.record r WHERE r.station = s.station) AS received_at,
	       (SELECT count(*) FROM lazaret.wanted w WHERE w.station = s.station) AS reports_wanted,
	       (SELECT count(*) FROM lazaret.fork f WHERE f.station = s.station) AS forks, st.problem
	FROM lazaret.station s JOIN lazaret.standing st USING (station);

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA lazaret FROM PUBLIC;
GRANT USAGE ON SCHEMA lazaret TO lazaret_station, lazaret_carrier, lazaret_reader, lazaret_officer;
GRANT EXECUTE ON FUNCTION lazaret.known_to, lazaret.put_records, lazaret.put_head, lazaret.put_witness, lazaret.wanted_reports,
	lazaret.put_report_part, lazaret.finish_report TO lazaret_station, lazaret_carrier;
GRANT SELECT (station, audit_key) ON lazaret.station TO lazaret_carrier; -- it verifies the files that it brings
GRANT SELECT ON ALL TABLES IN SCHEMA lazaret TO lazaret_reader;
GRANT EXECUTE ON FUNCTION lazaret.problems, lazaret.is_intact, lazaret.parse_line TO lazaret_reader;
