-- People and their identifiers, as customer data platforms keep them (PostHog's person and distinct-id
-- tables), and the one statement that an event needs: find its people, make them one, note what is new.
-- No rules: whatever is seen together is one person, for ever.
DROP TABLE IF EXISTS distinct_id, person;

CREATE TABLE person (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    last_seen bigint NOT NULL
);

CREATE TABLE distinct_id (
    id text PRIMARY KEY,
    person bigint NOT NULL REFERENCES person
);

CREATE INDEX ON distinct_id (person);

CREATE OR REPLACE FUNCTION merge(names text[], at bigint) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    known text[];
    people bigint[];
    survivor bigint;
BEGIN
    SELECT array_agg(id), array_agg(DISTINCT person ORDER BY person) INTO known, people
    FROM (SELECT id, person FROM distinct_id WHERE id = ANY(names) FOR UPDATE) AS found;
    IF people IS NULL THEN
        INSERT INTO person (last_seen) VALUES (at) RETURNING person.id INTO survivor;
    ELSE
        survivor := people[1];
        UPDATE person SET last_seen = greatest(last_seen, at) WHERE person.id = survivor;
        IF cardinality(people) > 1 THEN
            UPDATE distinct_id SET person = survivor WHERE person = ANY(people[2:]);
            DELETE FROM person WHERE person.id = ANY(people[2:]);
        END IF;
        IF cardinality(known) = cardinality(names) THEN
            RETURN survivor;
        END IF;
    END IF;
    INSERT INTO distinct_id (id, person) SELECT unnest(names), survivor
    ON CONFLICT (id) DO UPDATE SET person = excluded.person;
    RETURN survivor;
END $$;
