"""The feed: what is played now, categories, filters, search in many languages, and nothing private anywhere."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import insert, select, text
from sqlalchemy.orm import Session

from appliance.feed import Wish, audience_of, busy_categories, find_songs, rails, songs_of
from appliance.listening import similar_songs
from appliance.songs import like_song, publish_song, record_listen, rename_song, unlike_song
from appliance.tables import Category, Listen, Song, User, song_categories
from tests.appliance.people import add_user, ask


def put_out(session: Session, user: User, title: str = "A song", category: str = "", **fields: object) -> Song:
    """Return a song of `user` that is ready and published, with these fields."""
    song, other = ask(session, user, title=title).songs
    other.status = "cancelled"
    song.status, song.master_key, song.audio_key = "processed", "m", "a"
    for name, value in fields.items():
        setattr(song, name, value)
    session.flush()
    if category:
        category_id = session.scalar(select(Category.id).where(Category.name == category))
        session.execute(insert(song_categories).values(song_id=song.id, category_id=category_id))
    publish_song(session, song.id, user, published=True)
    session.flush()
    return song


def titles(session: Session, wish: Wish = Wish(), after: str = "", limit: int = 24) -> list[str]:  # noqa: B008
    return [song.title for song in find_songs(session, wish, after, limit).songs]


def test_what_is_played_and_liked_now_comes_first_and_cools_down(session: Session) -> None:
    ada, jun, theo = (add_user(session, name) for name in ("Ada", "Jun", "Theo"))
    classic, quiet, loved, played = (put_out(session, ada, name) for name in ("Classic", "Quiet", "Loved", "Played"))
    month_ago = datetime.now(UTC) - timedelta(days=30)
    session.execute(text("UPDATE songs SET heat = heat_at(:then)"), {"then": month_ago})
    session.add_all(Listen(song_id=classic.id, user_id=jun.id, created_at=month_ago) for _ in range(50))
    session.flush()
    assert record_listen(session, played.id, jun)
    like_song(session, loved.id, jun)
    assert titles(session) == ["Loved", "Played", "Classic", "Quiet"]
    unlike_song(session, loved.id, jun)
    assert titles(session)[0] == "Played"
    # One's own likes are counted, and are no reason to be on top.
    like_song(session, quiet.id, ada)
    like_song(session, played.id, theo)
    session.expire_all()
    assert titles(session)[0] == "Played"
    assert audience_of(session, ada.id) == (4, 1, 2)


def test_publishing_again_and_again_is_worth_one_publication(session: Session) -> None:
    ada, jun = add_user(session, "Ada"), add_user(session, "Jun")
    song = put_out(session, ada, "Restless")
    liked = put_out(session, ada, "Liked")
    like_song(session, liked.id, jun)
    for _ in range(5):
        for published in (False, True):
            publish_song(session, song.id, ada, published=published)
            session.flush()
    assert titles(session) == ["Liked", "Restless"]


LANGUAGES = [
    ("Straße nach Süden", "strasse", "süden"),
    ("夜の電車で帰る", "電車", "夜の電車"),
    ("カタカナのうた", "カタカナ", "うた"),
    ("Песня о Ёлке", "песня", "елке"),
    ("Canción de la mañana", "cancion", "MAÑANA"),
    ("L'été à Montréal", "lete", "montreal"),
    ("한국어 노래", "노래", "한국"),
    ("Τραγούδι της θάλασσας", "τραγουδι", "θαλασσα"),
    ("שיר של לילה", "לילה", "שיר"),
    ("أغنية الليل", "أغنية", "الليل"),
    ("रात का गीत", "गीत", "रात"),
    ("เพลงรักกลางคืน", "กลางคืน", "เพลง"),
    ("İstanbul'da gece", "istanbul", "gece"),
    ("Bài hát đêm", "hat", "đêm"),
    ("深夜的火车", "火车", "深夜"),
]


@pytest.mark.parametrize(("title", *"ab"), LANGUAGES)
def test_words_are_found_in_every_language(session: Session, title: str, a: str, b: str) -> None:
    ada = add_user(session, "Ada")
    put_out(session, ada, title)
    put_out(session, ada, "", lyrics=f"[Verse]\n{title}")
    put_out(session, ada, "Something else", lyrics="nothing of the kind")
    for words in (a, b, title, title.upper(), title[:-1]):
        assert sorted(titles(session, Wish(words))) == ["", title], words
    assert titles(session, Wish("車電 qqq")) == []


def test_titles_come_before_people_and_those_before_words(session: Session) -> None:
    ada, salt = add_user(session, "Ada"), add_user(session, "Salt Lindqvist")
    put_out(session, ada, "In the words", lyrics="there is salt in the water")
    put_out(session, ada, "In the style", prompt="salty blues")
    put_out(session, salt, "By the person")
    put_out(session, ada, "Salt on the Window")
    found = titles(session, Wish("salt"))
    assert found[:2] == ["Salt on the Window", "By the person"]
    assert set(found[2:]) == {"In the words", "In the style"}
    assert titles(session, Wish("lindqvist person")) == ["By the person"]
    assert titles(session, Wish("sal wind")) == ["Salt on the Window"]
    for nothing in ("salt nowhere", "☂", "'", "& | !", "a:*", "\\"):
        assert titles(session, Wish(nothing)) == [], nothing


def test_what_is_renamed_is_found_under_its_new_name_only(session: Session) -> None:
    ada = add_user(session, "Ada")
    song = put_out(session, ada, "Tram")
    rename_song(session, song.id, ada, "Ferry")
    ada.name = "Ida"
    session.flush()
    assert [titles(session, Wish(words)) for words in ("tram", "ada", "ferry", "ida")] == [[], [], ["Ferry"], ["Ferry"]]


def test_nothing_private_is_in_any_list(session: Session) -> None:
    ada, jun = add_user(session, "Ada"), add_user(session, "Jun")
    fields = {"category": "Jazz", "prompt": "jazz", "bpm": 60.0, "language": "de"}
    hidden = put_out(session, ada, "Secret", **fields)  # type: ignore[arg-type]
    others = [put_out(session, ada, f"Open {number}", **fields) for number in range(3)]  # type: ignore[arg-type]
    like_song(session, hidden.id, jun)
    publish_song(session, hidden.id, ada, published=False)
    session.flush()
    session.expire_all()
    wishes = [
        Wish(),
        Wish("secret"),
        Wish("jazz"),
        Wish(category="jazz"),
        Wish(newest=True),
        Wish("jazz", "jazz", "slow"),
    ]
    for wish in (*wishes, *(Wish(show=name) for name in ("words", "slow", "languages", "short"))):
        found = find_songs(session, wish)
        assert "Secret" not in [song.title for song in found.songs], wish
        assert found.count == (0 if wish.words == "secret" else 3), wish
        # Nor does it take anybody's place.
        assert len(find_songs(session, wish, limit=3).songs) == found.count, wish
    assert [song.title for _, songs in rails(session) for song in songs] == ["Open 2", "Open 1", "Open 0"]
    assert len(songs_of(session, ada.id, limit=3).songs) == 3
    assert audience_of(session, ada.id) == (3, 0, 0)
    theirs = put_out(session, jun, "Jun's", **fields)  # type: ignore[arg-type]
    session.refresh(theirs, ["categories"])
    assert {other.title for other in similar_songs(session, theirs)} == {other.title for other in others}
    assert session.scalar(text("SELECT count(*) FROM songs WHERE search IS NOT NULL AND NOT published")) == 0


def test_filters_and_categories_show_what_they_say(session: Session) -> None:
    ada = add_user(session, "Ada")
    put_out(session, ada, "Waltz", category="Jazz", bpm=80.0, instrumental=True, duration=200.0)
    put_out(session, ada, "Lied", category="Folk", bpm=100.0, language="de", duration=100.0)
    put_out(session, ada, "Dance", category="Jazz", bpm=124.0, language="en", duration=150.0)
    expected = {
        "words": {"Lied", "Dance"}, "instrumental": {"Waltz"}, "slow": {"Waltz"}, "moving": {"Dance"},
        "languages": {"Lied"}, "short": {"Lied"}, "unknown": {"Waltz", "Lied", "Dance"},
    }  # fmt: skip
    assert {name: set(titles(session, Wish(show=name))) for name in expected} == expected
    assert set(titles(session, Wish(category="jazz"))) == {"Waltz", "Dance"}
    assert titles(session, Wish(category="jazz", show="moving")) == ["Dance"]
    assert titles(session, Wish("ada", "folk", "languages")) == ["Lied"]
    assert titles(session, Wish(category="nowhere")) == []
    assert [category.name for category in busy_categories(session)] == ["Folk", "Jazz"]
    assert rails(session) == []  # two songs are no rail


@pytest.mark.parametrize(
    "wish", [Wish(), Wish("song"), Wish("ada"), Wish(category="folk"), Wish(newest=True), Wish(show="words")]
)
def test_pages_follow_each_other_without_a_gap_or_a_double(session: Session, wish: Wish) -> None:
    ada = add_user(session, "Ada")
    for number in range(11):
        put_out(session, ada, f"Song {number}" if number % 2 else f"Tune {number}", category="Folk", lyrics="a song")
    seen: list[str] = []
    after, pages = "", 0
    while pages == 0 or after:
        found = find_songs(session, wish, after, 4)
        seen += [song.title for song in found.songs if not song.title.startswith("Late")]
        after, pages = found.after or "", pages + 1
        # Somebody publishes meanwhile; what was on the pages before does not come again.
        put_out(session, ada, f"Late {pages}", category="Folk", lyrics="a song")
    assert len(seen) == len(set(seen)) == 11
    assert pages >= 3


@pytest.mark.parametrize(
    "after",
    [
        "nonsense",
        "h~x~y",
        "n~1~2",
        "r~1.0~00000000-0000-0000-0000-000000000000",
        "~~~",
        "h~nan~00000000-0000-0000-0000-000000000000",
    ],
)
def test_a_mark_that_nobody_gave_out_is_no_error(session: Session, after: str) -> None:
    put_out(session, add_user(session, "Ada"))
    assert len(find_songs(session, Wish(), after).songs) in (0, 1)
    assert len(find_songs(session, Wish("song"), after).songs) in (0, 1)
