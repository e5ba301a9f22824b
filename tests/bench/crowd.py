"""A studio with many people and songs, written by the database itself in seconds."""

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from appliance.tables import User

# Two thousand words of two to four syllables. Songs draw from them as texts do: a few words are everywhere, most are rare.
WORDS = """
CREATE TEMPORARY TABLE vocabulary AS
SELECT n, (SELECT string_agg(substr('bcdfglmnprstvkz', 1 + (n * 7 + part * 11 + n / 15) % 15, 1)
                          || substr('aeiou', 1 + (n / 5 + part * 3 + n) % 5, 1), '')
           FROM generate_series(1, 2 + n % 3) AS part) || substr('nrstl', 1 + n % 5, 1) AS word
FROM generate_series(1, 2000) AS n;
CREATE TEMPORARY TABLE verses AS
SELECT v AS n, string_agg(word, ' ') AS words
FROM generate_series(0, 996) AS v
CROSS JOIN LATERAL (
  SELECT word FROM generate_series(1, 120) AS place
  JOIN vocabulary ON vocabulary.n = 1 + floor(2000 * power(((v * 7919 + place * 104729) % 10007) / 10007.0, 3))
) AS drawn GROUP BY v;
CREATE TEMPORARY TABLE verse_words AS SELECT n, words, setweight(search_words(words), 'D') AS found FROM verses;
CREATE INDEX ON vocabulary (n);
CREATE INDEX ON verse_words (n);
"""

PEOPLE = """
INSERT INTO users (id, name, password_hash)
SELECT gen_random_uuid(), 'Person ' || n, '!' FROM generate_series(1, :people) AS n;
CREATE TEMPORARY TABLE crowd AS SELECT id, name, row_number() OVER (ORDER BY id) - 1 AS n FROM users;
CREATE INDEX ON crowd (n);
INSERT INTO song_requests (id, user_id, created_at, mode, full_description, duration, seed)
SELECT gen_random_uuid(), crowd.id, now() - (made.n % 10000) * interval '1 hour' - made.n * interval '1 second',
  'description', 'a song about something', 180, made.n
FROM generate_series(1, :songs / 2) AS made(n) JOIN crowd ON crowd.n = (made.n * 31) % :people;
"""

SONGS = """
ALTER TABLE songs DISABLE TRIGGER USER;
ALTER TABLE song_categories DISABLE TRIGGER USER;
WITH drawn AS (
  SELECT request.id AS request_id, request.user_id, crowd.name, request.created_at, take, request.seed,
    (hashint8(request.seed * 2 + take) & 2147483647) AS chance,
    floor(400 * power(((request.seed * 2 + take) * 7919 % 10007) / 10007.0, 8))::integer AS plays
  FROM song_requests AS request JOIN crowd ON crowd.id = request.user_id CROSS JOIN generate_series(1, 2) AS take
  WHERE NOT EXISTS (SELECT FROM songs WHERE songs.request_id = request.id)
), worded AS (
  SELECT drawn.*, initcap(a.word || ' ' || b.word) AS title, verse.words, verse.found,
    (ARRAY['indie folk', 'deep house', 'piano ballad', 'drum and bass', 'bossa nova', 'synthwave'])[1 + chance % 6] AS prompt
  FROM drawn
  JOIN vocabulary AS a ON a.n = 1 + chance % 2000 JOIN vocabulary AS b ON b.n = 1 + chance / 2000 % 2000
  JOIN verse_words AS verse ON verse.n = chance % 997
)
INSERT INTO songs (id, request_id, user_id, take, created_at, status, progress, started_at, finished_at, seed, title, prompt,
  lyrics, instrumental, duration, bpm, key, language, model, sections, master_key, audio_key, cover_key, published, published_at,
  listen_count, heat, peaks, search)
SELECT gen_random_uuid(), request_id, user_id, take, created_at, 'processed', 1, created_at, created_at + interval '1 minute',
  seed, title, prompt, words, chance % 10 = 0, 60 + chance % 240, 60 + chance % 120, 'C major',
  (ARRAY['en', 'en', 'en', 'de', 'ja'])[1 + chance % 5], 'sketch',
  '[{"name": "Verse 1", "kind": "verse", "start": 0, "duration": 60, "energy": 0.6}]', 'm', 'a', 'c', true,
  created_at + interval '1 hour', plays, heat_at(created_at + interval '1 hour', 1 + plays),
  decode(repeat(md5(chance::text), 50), 'hex'),
  setweight(search_words(title), 'A') || setweight(search_words(name), 'B') || setweight(search_words(prompt), 'C') || found
  || array_to_tsvector(array_remove(ARRAY[
    CASE WHEN chance % 10 = 0 THEN 'is/instrumental' ELSE 'is/words' END,
    CASE WHEN chance % 120 < 30 THEN 'is/slow' WHEN chance % 120 >= 58 THEN 'is/moving' END,
    CASE WHEN chance % 10 <> 0 AND chance % 5 >= 3 THEN 'is/languages' END,
    CASE WHEN chance % 240 < 60 THEN 'is/short' END,
    CASE WHEN chance % 17 = 0 THEN 'kind/jazz' END], NULL))
FROM worded;
INSERT INTO song_categories (song_id, category_id, heat)
SELECT DISTINCT id, category_id, heat FROM songs CROSS JOIN LATERAL (
  VALUES (1 + abs(hashtext(id::text)) % 42), (1 + abs(hashtext(id::text || 'b')) % 7)
) AS filed(category_id) WHERE published AND EXISTS (SELECT FROM categories WHERE categories.id = category_id);
INSERT INTO likes (user_id, song_id)
SELECT crowd.id, songs.id FROM (SELECT id, row_number() OVER () AS n FROM songs LIMIT 20000) AS songs
JOIN crowd ON crowd.n = (songs.n * 17) % :people ON CONFLICT DO NOTHING;
ALTER TABLE songs ENABLE TRIGGER USER;
ALTER TABLE song_categories ENABLE TRIGGER USER;
"""

# Somebody who cannot stop: as many requests as :songs, every second of them published.
COLLECTOR = """
INSERT INTO users (id, name, password_hash) VALUES (gen_random_uuid(), 'Collector', '!');
CREATE TEMPORARY TABLE liked_by_them AS
SELECT songs.*, row_number() OVER () AS n FROM songs WHERE take = 1 LIMIT :songs;
INSERT INTO song_requests (id, user_id, created_at, mode, full_description, duration, seed)
SELECT gen_random_uuid(), users.id, now() - n * interval '1 hour', 'description', 'a song about something', 180, n
FROM liked_by_them, users WHERE users.name = 'Collector';
INSERT INTO songs (id, request_id, user_id, take, created_at, status, progress, started_at, finished_at, seed, title, prompt,
  lyrics, duration, bpm, key, language, model, sections, master_key, audio_key, cover_key, published, published_at, peaks)
SELECT gen_random_uuid(), request.id, request.user_id, 1, request.created_at, 'processed', 1, request.created_at,
  request.created_at, n, song.title, song.prompt, song.lyrics, song.duration, song.bpm, song.key, song.language, song.model, song.sections,
  'm', 'a', 'c', n % 2 = 0, CASE WHEN n % 2 = 0 THEN request.created_at END, peaks
FROM liked_by_them AS song JOIN song_requests AS request ON request.seed = n
JOIN users ON users.id = request.user_id AND users.name = 'Collector';
DROP TABLE liked_by_them;
"""


INDEXES = """
SELECT indexname, indexdef FROM pg_indexes
WHERE tablename IN ('songs', 'song_categories') AND indexdef NOT LIKE 'CREATE UNIQUE%'
"""


def gather_crowd(session: Session, people: int, songs: int) -> None:
    """Add so many people, and so many published songs of theirs: five to a person where it is ten thousand people.

    Commits, and gathers the statistics that Postgres plans by. The first person in the order of ids has the usual number.
    """
    # Indexes are built faster at the end than kept up row by row.
    later = session.execute(text(INDEXES)).all()
    for part in (WORDS, PEOPLE, *(f"DROP INDEX {name}" for name, _ in later), SONGS, *(built for _, built in later)):
        for statement in part.split(";\n"):
            if statement.strip():
                session.execute(text(statement.replace(":people", str(people)).replace(":songs", str(songs))))
    for table in ("vocabulary", "verses", "verse_words", "crowd"):
        session.execute(text(f"DROP TABLE {table}"))
    session.commit()
    session.connection(execution_options={"isolation_level": "AUTOCOMMIT"}).execute(text("VACUUM ANALYZE"))
    session.commit()


def gather_collector(session: Session, songs: int) -> User:
    """Add one person with so many songs, and return them. Commits, and gathers the statistics anew."""
    for statement in COLLECTOR.split(";\n"):
        if statement.strip():
            session.execute(text(statement.replace(":songs", str(songs))))
    session.commit()
    session.connection(execution_options={"isolation_level": "AUTOCOMMIT"}).execute(text("VACUUM ANALYZE"))
    session.commit()
    return session.scalars(select(User).where(User.name == "Collector")).one()
