"""Functions that conditions in SQL call: what a text says as a date, and which values of a list are remembered."""

from django.db import migrations

# The twins of segments.conditions.dates.read_date and profiles.profile.pick: tests/cases run on both.
CREATE = r"""
CREATE FUNCTION segments_read_day(said text) RETURNS date
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
    first date;
    number int;
BEGIN
    IF said !~ '^[1-9][0-9]{3}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])' THEN
        RETURN NULL;
    END IF;
    first := make_date(left(said, 4)::int, substr(said, 6, 2)::int, 1);
    number := substr(said, 9, 2)::int - 1;
    RETURN CASE WHEN first + number < first + interval '1 month' THEN first + number END;
END $$;

-- Whether a text is a day from `first` to `last`, or an instant from `low` to `high` (Unix milliseconds).
CREATE FUNCTION segments_lies_in(said text, low bigint, high bigint, first text, last text) RETURNS boolean
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
    day date;
    part text[];
    at bigint;
    away bigint;
BEGIN
    day := segments_read_day(said);
    IF day IS NULL OR length(said) > 40 THEN
        RETURN false;
    END IF;
    IF length(said) = 10 THEN
        RETURN said COLLATE "C" BETWEEN first AND last;
    END IF;
    part := regexp_match(substr(said, 11),
        '^T([01][0-9]|2[0-3]):([0-5][0-9])(?::([0-5][0-9])(?:\.([0-9]{1,9}))?)?(?:Z|([+-])(0[0-9]|1[0-5]):([0-5][0-9]))$');
    IF part IS NULL THEN
        RETURN false;
    END IF;
    away := (coalesce(part[6], '0')::bigint * 60 + coalesce(part[7], '0')::bigint) * 60000;
    at := (day - DATE '1970-01-01') * 86400000::bigint
        + part[1]::bigint * 3600000 + part[2]::bigint * 60000 + coalesce(part[3], '0')::bigint * 1000
        + rpad(left(coalesce(part[4], '0'), 3), 3, '0')::bigint
        - CASE part[5] WHEN '-' THEN -away ELSE away END;
    RETURN at BETWEEN low AND high;
END $$;

-- The values of a list that profiles remember: the first fifty different scalars, of each object its `field`.
CREATE FUNCTION segments_list_values(list jsonb, field text) RETURNS SETOF jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT value FROM (
        SELECT value, min(place) AS place FROM (
            SELECT place, CASE
                WHEN jsonb_typeof(said) = 'number' AND abs(said::numeric) > 9007199254740992
                THEN to_jsonb(said::float8) ELSE said END AS value
            FROM (
                SELECT place, CASE WHEN field IS NULL THEN item WHEN jsonb_typeof(item) = 'object' THEN item -> field END
                FROM jsonb_array_elements(list) WITH ORDINALITY AS each (item, place)
            ) AS told (place, said)
            WHERE jsonb_typeof(said) IN ('number', 'boolean')
                OR (jsonb_typeof(said) = 'string' AND length(said #>> '{}') <= 256)
        ) AS known GROUP BY value
    ) AS different ORDER BY place LIMIT 50
$$;

-- An amount in ten-thousandths; nothing for what is no number or too large to be an amount.
CREATE FUNCTION segments_to_parts(amount float8) RETURNS float8
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN abs(amount) <= 1e9 THEN floor(amount * 10000 + 0.5) ELSE 0 END
$$;
"""

DROP = """
DROP FUNCTION segments_to_parts(float8);
DROP FUNCTION segments_list_values(jsonb, text);
DROP FUNCTION segments_lies_in(text, bigint, bigint, text, text);
DROP FUNCTION segments_read_day(text);
"""


class Migration(migrations.Migration):
    dependencies = [("segments", "0001_initial")]

    operations = [migrations.RunSQL(CREATE, DROP)]
