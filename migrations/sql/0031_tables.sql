ALTER TABLE care.safety_events ADD COLUMN further_sources text[] NOT NULL DEFAULT '{}';
-- Which they were was not noted; how many stays true.
UPDATE care.safety_events SET further_sources = array_fill('-'::text, ARRAY[further_reports::int]) WHERE further_reports > 0;
ALTER TABLE care.safety_events ALTER COLUMN further_sources DROP DEFAULT;
ALTER TABLE care.safety_events DROP COLUMN further_reports;
