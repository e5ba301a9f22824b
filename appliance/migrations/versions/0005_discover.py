"""Discover: what is played now, words to search for, reports, and what people chose for themselves.

Revision: 0005, after 0004.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

# Scripts that are written without spaces: Thai, Lao, Burmese, Khmer, kana, Han. Every character is a word of its own there,
# and a search for several is a search for a phrase.
UNSPACED = r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
# Accents, and apostrophes within words.
DROPPED = r"[\u0300-\u036f''\u2019\u02bc]"
PUNCTUATION = r"[\u0001-\u002f\u003a-\u0040\u005b-\u0060\u007b-\u00bf\u2000-\u206f\u3000-\u3004\u3008-\u303f]+"
# Where Postgres brings Unicode's own rules (since 17), letters do not depend on the machine's locale.
LOWER = "lower(said{})"

WORDS = rf"""
CREATE FUNCTION search_fold(said text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
  SELECT regexp_replace(
    normalize(regexp_replace(normalize(replace(replace(%LOWER%, 'ß', 'ss'), 'ς', 'σ'), NFKD), '{DROPPED}', '', 'g'), NFKC),
    '{PUNCTUATION}', ' ', 'g')
$$;
CREATE FUNCTION search_words(said text) RETURNS tsvector LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
  SELECT to_tsvector('pg_catalog.simple', regexp_replace(search_fold(said), '({UNSPACED})', ' \1 ', 'g'))
$$;
CREATE FUNCTION search_query(said text) RETURNS tsquery LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
  term text;
  found tsquery;
  whole tsquery;
BEGIN
  FOR term IN SELECT part FROM regexp_split_to_table(btrim(search_fold(said)), '\s+') WITH ORDINALITY AS p(part, n)
              WHERE part <> '' ORDER BY n LIMIT 8 LOOP
    found := phraseto_tsquery('pg_catalog.simple', regexp_replace(left(term, 40), '({UNSPACED})', ' \1 ', 'g'));
    IF numnode(found) > 0 THEN
      -- The last word may go on: somebody is still typing it. One letter is too little to go by.
      IF term !~ '^[\u0001-\u10ff]$|{UNSPACED}$' THEN
        found := (found::text || ':*')::tsquery;
      END IF;
      whole := CASE WHEN whole IS NULL THEN found ELSE whole && found END;
    END IF;
  END LOOP;
  RETURN coalesce(whole, ''::tsquery);
END
$$;
"""  # noqa: S608  # nothing in it comes from outside

# Forward decay (Cormode et al., 2009): what happens at t weighs 2^(t / three days), for ever, so that everything older has
# halved in comparison and nothing stored needs to change with time. Kept as a logarithm, since the sums grow without end.
HEAT = """
CREATE FUNCTION heat_at(moment timestamptz, weight float8 DEFAULT 1) RETURNS float8
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
  SELECT extract(epoch FROM moment - timestamptz '2026-01-01 00:00:00+00')::float8 / 259200 + ln(weight) / ln(2::float8)
$$;
CREATE FUNCTION heat_with(heat float8, more float8) RETURNS float8 LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
  SELECT greatest(heat, more) + ln(1 + power(2::float8, greatest(-abs(heat - more), -60))) / ln(2::float8)
$$;
CREATE FUNCTION heat_without(heat float8, less float8, floor float8) RETURNS float8
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT CASE WHEN less - heat > -1e-9 THEN floor
    ELSE greatest(floor, heat + ln(1 - power(2::float8, greatest(less - heat, -60))) / ln(2::float8)) END
$$;
"""

# A private song has no words in the index, so no search can find it. Kind and filters are words too, which nobody can type
# for the slash in them: a search within a filter is one look into one index.
KEPT = """
CREATE FUNCTION song_words(song songs) RETURNS tsvector LANGUAGE sql STABLE AS $$
  SELECT setweight(search_words(song.title), 'A')
    || setweight(search_words(coalesce((SELECT name FROM users WHERE id = song.user_id), '')), 'B')
    || setweight(search_words(song.prompt), 'C')
    || setweight(search_words(song.lyrics), 'D')
    || array_to_tsvector(ARRAY(SELECT 'kind/' || categories.slug FROM song_categories
         JOIN categories ON categories.id = category_id WHERE song_id = song.id)
       || array_remove(ARRAY[
         CASE WHEN song.instrumental THEN 'is/instrumental' ELSE 'is/words' END,
         CASE WHEN song.bpm < 90 THEN 'is/slow' WHEN song.bpm >= 118 THEN 'is/moving' END,
         CASE WHEN NOT song.instrumental AND song.language <> 'en' THEN 'is/languages' END,
         CASE WHEN song.duration < 120 THEN 'is/short' END], NULL))
$$;
CREATE FUNCTION keep_song_found() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.published THEN
    NEW.search := song_words(NEW);
    NEW.heat := greatest(NEW.heat, heat_at(NEW.published_at));
  ELSE
    NEW.search := NULL;
  END IF;
  RETURN NEW;
END
$$;
CREATE TRIGGER keep_found BEFORE INSERT OR UPDATE OF title, prompt, lyrics, instrumental, bpm, language, duration, published ON songs
  FOR EACH ROW EXECUTE FUNCTION keep_song_found();

CREATE FUNCTION keep_category_heat() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE song_categories SET heat = CASE WHEN NEW.published THEN NEW.heat END WHERE song_id = NEW.id;
  RETURN NULL;
END
$$;
CREATE TRIGGER keep_category_heat AFTER UPDATE ON songs FOR EACH ROW
  WHEN (OLD.heat IS DISTINCT FROM NEW.heat OR OLD.published <> NEW.published) EXECUTE FUNCTION keep_category_heat();
CREATE FUNCTION take_song_heat() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.heat := (SELECT heat FROM songs WHERE id = NEW.song_id AND published);
  RETURN NEW;
END
$$;
CREATE TRIGGER take_song_heat BEFORE INSERT ON song_categories FOR EACH ROW EXECUTE FUNCTION take_song_heat();

CREATE FUNCTION count_listen() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE songs SET heat = heat_with(heat, heat_at(NEW.created_at)) WHERE id = NEW.song_id AND user_id <> NEW.user_id;
  RETURN NULL;
END
$$;
CREATE TRIGGER count_listen AFTER INSERT ON listens FOR EACH ROW EXECUTE FUNCTION count_listen();
CREATE FUNCTION count_like() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    UPDATE songs SET like_count = like_count + 1,
      heat = CASE WHEN user_id = NEW.user_id THEN heat ELSE heat_with(heat, heat_at(NEW.created_at, 3)) END
      WHERE id = NEW.song_id;
  ELSE
    UPDATE songs SET like_count = like_count - 1, heat = CASE WHEN user_id = OLD.user_id THEN heat
      ELSE heat_without(heat, heat_at(OLD.created_at, 3), coalesce(heat_at(published_at), 0)) END
      WHERE id = OLD.song_id;
  END IF;
  RETURN NULL;
END
$$;
CREATE TRIGGER count_like AFTER INSERT OR DELETE ON likes FOR EACH ROW EXECUTE FUNCTION count_like();

CREATE FUNCTION keep_songs_found() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE songs SET search = song_words(songs) WHERE user_id = NEW.id AND published;
  RETURN NULL;
END
$$;
CREATE TRIGGER keep_songs_found AFTER UPDATE OF name ON users FOR EACH ROW
  WHEN (OLD.name <> NEW.name) EXECUTE FUNCTION keep_songs_found();

UPDATE songs SET like_count = (SELECT count(*) FROM likes WHERE likes.song_id = songs.id),
  heat = coalesce(heat_at(published_at), 0);
UPDATE songs SET heat = heat_with(heat, heat_at(now(), listen_count + 3 * like_count))
  WHERE published AND listen_count + like_count > 0;
UPDATE songs SET search = song_words(songs) WHERE published;
"""

# The filters of Discover, each with its songs in order.
SHOWN = {
    "words": "published AND NOT instrumental",
    "instrumental": "published AND instrumental",
    "slow": "published AND bpm < 90",
    "moving": "published AND bpm >= 118",
    "languages": "published AND NOT instrumental AND language <> 'en'",
    "short": "published AND duration < 120",
}


def upgrade() -> None:
    op.add_column("users", sa.Column("language", sa.String(length=10), nullable=True))
    op.add_column("users", sa.Column("picture_key", sa.String(length=200), server_default="", nullable=False))
    op.add_column("songs", sa.Column("like_count", sa.Integer(), server_default="0", nullable=False))
    op.add_column("songs", sa.Column("heat", sa.Double(), server_default="0", nullable=False))
    op.add_column("songs", sa.Column("search", postgresql.TSVECTOR(), nullable=True))
    op.add_column("song_categories", sa.Column("heat", sa.Double(), nullable=True))
    op.create_table(
        "song_reports",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("song_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("reason", sa.String(length=300), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["song_id"], ["songs.id"], name=op.f("fk_song_reports_song_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_song_reports_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_song_reports")),
    )
    open_reports = sa.text("settled_at IS NULL")
    op.create_index(
        "uq_song_reports_open", "song_reports", ["song_id", "user_id"], unique=True, postgresql_where=open_reports
    )
    op.create_index(op.f("ix_song_reports_user_id"), "song_reports", ["user_id"], unique=False)
    newer = op.get_bind().dialect.server_version_info >= (17,)  # type: ignore[operator]
    op.execute(WORDS.replace("%LOWER%", LOWER.format(" COLLATE pg_c_utf8" if newer else "")))
    op.execute(HEAT)
    op.execute(KEPT)
    published = sa.text("published")
    op.create_index("ix_songs_search", "songs", ["search"], postgresql_using="gin", postgresql_where=published)
    op.create_index("ix_songs_heat", "songs", ["heat", "id"], postgresql_where=published)
    op.create_index("ix_songs_published_at_id", "songs", ["published_at", "id"], postgresql_where=published)
    op.drop_index("ix_songs_published_at", table_name="songs")
    for name, shown in SHOWN.items():
        op.create_index(f"ix_songs_heat_{name}", "songs", ["heat", "id"], postgresql_where=sa.text(shown))
    op.create_index("ix_songs_user_id_published", "songs", ["user_id", "heat", "id"], postgresql_where=published)
    processed = sa.text("status = 'processed'")
    op.create_index("ix_songs_finished_at", "songs", ["finished_at"], postgresql_where=processed)
    hot = sa.text("heat IS NOT NULL")
    op.create_index(
        "ix_song_categories_heat", "song_categories", ["category_id", "heat", "song_id"], postgresql_where=hot
    )


def downgrade() -> None:
    for table, trigger in (
        ("users", "keep_songs_found"),
        ("likes", "count_like"),
        ("listens", "count_listen"),
        ("song_categories", "take_song_heat"),
        ("songs", "keep_category_heat"),
        ("songs", "keep_found"),
    ):
        op.execute(f"DROP TRIGGER {trigger} ON {table}")
    op.execute(
        "DROP FUNCTION keep_songs_found(), count_like(), count_listen(), take_song_heat(), keep_category_heat(),"
        " keep_song_found(), song_words(songs), heat_without(float8, float8, float8), heat_with(float8, float8),"
        " heat_at(timestamptz, float8), search_query(text), search_words(text), search_fold(text)"
    )
    op.drop_index("ix_song_categories_heat", table_name="song_categories")
    op.drop_index("ix_songs_finished_at", table_name="songs")
    op.create_index("ix_songs_published_at", "songs", ["published_at"], postgresql_where=sa.text("published"))
    op.drop_table("song_reports")
    op.drop_column("song_categories", "heat")
    for column in ("search", "heat", "like_count"):
        op.drop_column("songs", column)  # and the indexes on it
    op.drop_index("ix_songs_published_at_id", table_name="songs")
    for column in ("picture_key", "language"):
        op.drop_column("users", column)
