"""Faults in what answers show, and to whom: statements 11 to 23."""

from tests.mutate.faults import Fault

HARDENING = "tests/web/test_hardening.py::test_"
AS_TEXT = "tests/web/test_every_page.py::test_what_people_type_is_text_on_every_page"
MATRIX = "tests/web/test_matrix.py::test_everybody_may_do_what_the_rules_say_and_nothing_else"
ALIKE = "tests/web/test_matrix.py::test_what_is_private_and_what_is_not_there_are_answered_alike"
LISTS = "tests/appliance/test_feed.py::test_nothing_private_is_in_any_list"
NOWHERE = "tests/web/test_discover.py::test_a_private_song_is_found_nowhere"
BOTH_WAYS = "tests/web/test_songs.py::test_publishing_shows_a_song_to_everybody_and_taking_it_back_hides_it"
OTHERS = "tests/web/api/test_songs.py::test_others_see_of_a_published_song_what_is_for_them"
HOSTILE = "tests/worker/test_hostile_model.py::test_"
KEYS = "tests/web/test_object_keys.py::test_"

FAULTS = [
    Fault(11, "templates do not escape", "web/rendering.py", "autoescape=True", "autoescape=False", AS_TEXT),
    Fault(
        11,
        "a template trusts a title",
        "web/templates/song.html",
        "<h1>{{ song.title",
        "<h1>{{ song.title|safe",
        f"{AS_TEXT} tests/web/test_bundle.py::test_templates_trust_nothing_and_lead_nowhere_that_people_typed",
    ),
    Fault(
        12,
        "an address in a page is what somebody typed",
        "web/templates/song.html",
        "<h1>{{ song.title",
        '<h1><a href="{{ song.title }}">.</a>{{ song.title',
        "tests/web/test_bundle.py::test_templates_trust_nothing_and_lead_nowhere_that_people_typed",
    ),
    Fault(
        13,
        "what a model calls a category becomes one",
        "appliance/queue.py",
        "    wanted = select(Category.id).where(Category.name.in_(made.categories))\n",
        "    for name in made.categories:\n"
        "        if not session.scalar(select(Category.id).where(Category.name == name)):\n"
        "            session.add(Category(name=name, slug=name.lower()))\n"
        "    session.flush()\n"
        "    wanted = select(Category.id).where(Category.name.in_(made.categories))\n",
        "tests/appliance/test_queue.py::test_only_curated_categories_reach_a_finished_song",
    ),
    Fault(
        13,
        "what a model writes is taken as it is",
        "worker/produce.py",
        "tidied(engines.songwriter.write(brief_of(request), CATEGORIES, partial(watch.show_words, song.id)))",
        "engines.songwriter.write(brief_of(request), CATEGORIES, partial(watch.show_words, song.id))",
        f"{HOSTILE}what_a_model_writes_is_cut_and_cleaned_before_anybody_sees_it",
    ),
    Fault(
        14,
        "names of downloads are not cleaned",
        "appliance/storage.py",
        "if each.isprintable() and each not in '/\\\\:*?\"<>|')",
        ")",
        "tests/appliance/test_storage.py::test_a_title_cannot_break_out_of_the_download_header",
    ),
    Fault(
        15,
        "the error page says what broke",
        "web/failures.py",
        "return _show(request, 500, BUG, request_id=request_id)",
        "return _show(request, 500, repr(error), request_id=request_id)",
        f"{HARDENING}a_bug_shows_a_number_to_tell_and_nothing_else",
    ),
    Fault(
        15,
        "the framework's own description of the routes is open",
        "web/app.py",
        "        openapi_config=None,\n",
        "",
        f"{HARDENING}the_framework_tells_nothing_of_itself",
    ),
    Fault(16, "everybody is an admin", "web/viewers.py", "if not viewer.is_admin:", "if False:", MATRIX),
    Fault(
        16,
        "everybody's songs are one's own",
        "appliance/songs.py",
        ".where(Song.id == song_id, Song.user_id == viewer.id, Song.deleted_at.is_(None))\n        .with_for_update()",
        ".where(Song.id == song_id, Song.deleted_at.is_(None))\n        .with_for_update()",
        f"{MATRIX} tests/web/api/test_keys.py::test_everybody_finds_behind_every_route_what_is_theirs",
    ),
    Fault(
        16,
        "everybody's requests are one's own",
        "appliance/songs.py",
        "or request.user_id != viewer.id ",
        "",
        MATRIX,
    ),
    Fault(
        16,
        "what is private is said to be so",
        "appliance/songs.py",
        "if song is None or song.deleted_at or not (song.published or (viewer is not None and song.user_id == viewer.id)):\n        raise NotFound",
        "if song is None or song.deleted_at:\n        raise NotFound\n"
        "    if not (song.published or (viewer is not None and song.user_id == viewer.id)):\n"
        '        raise NotFound("This song is private.")',
        ALIKE,
    ),
    Fault(
        16,
        "nobody needs to be signed in",
        "web/viewers.py",
        "    if visitor is None:\n        raise NotSignedIn\n",
        "    if visitor is None:\n        return User(name='Nobody', role='user')\n",
        MATRIX,
    ),
    Fault(
        17,
        "searches find what is private",
        "appliance/migrations/versions/0005_discover.py",
        "  IF NEW.published THEN\n",
        "  IF true THEN\n",
        f"{LISTS} {NOWHERE}",
    ),
    Fault(
        17,
        "newest songs are private ones as well",
        "appliance/feed.py",
        "ids: Ids = select(Song.id, Song.published_at).where(Song.published)",
        "ids: Ids = select(Song.id, Song.published_at).where(Song.id.is_not(None))",
        f"{LISTS} {NOWHERE}",
    ),
    Fault(
        17,
        "a person's page shows what is private",
        "appliance/feed.py",
        "ids = select(Song.id, Song.heat).where(Song.user_id == user_id, Song.published)",
        "ids = select(Song.id, Song.heat).where(Song.user_id == user_id)",
        f"{LISTS} {NOWHERE}",
    ),
    Fault(
        17,
        "other takes are shown to everybody",
        "web/pages/songs.py",
        "[other for other in others if own or other.published]",
        "[other for other in others]",
        BOTH_WAYS,
    ),
    Fault(
        17,
        "pages hear of other people's songs",
        "web/events.py",
        'for follower in self._followers.get(UUID(news["user"]), ()) if "user" in news else ():',
        'for follower in self._everybody() if "user" in news else ():',
        "tests/web/test_events.py::test_nobody_hears_of_other_peoples_songs",
    ),
    Fault(
        18,
        "what was published once stays so",
        "appliance/songs.py",
        "if published != song.published:",
        "if published and not song.published:",
        BOTH_WAYS,
    ),
    Fault(
        18,
        "links into the store live for a week",
        "web/media.py",
        "LINK_LIVES = timedelta(minutes=5)",
        "LINK_LIVES = timedelta(days=7)",
        "tests/web/test_media.py::test_where_browsers_reach_the_store_they_are_sent_there_for_five_minutes",
    ),
    Fault(
        19, "everybody is shown what is for the owner", "web/api/views.py", "    if mine:\n", "    if True:\n", OTHERS
    ),
    Fault(
        19,
        "a page shows the seed to everybody",
        "web/pages/songs.py",
        "    if own:\n        known[5:5]",
        "    if True:\n        known[5:5]",
        BOTH_WAYS,
    ),
    Fault(
        20,
        "a form sets whatever it names",
        "web/pages/create.py",
        "made = request_songs(session, viewer, briefs.read_brief(form))",
        "made = request_songs(session, viewer, briefs.read_brief(form))\n"
        "            for song in made.songs:\n"
        "                for name in form.keys() & {'status', 'user_id'}:\n"
        "                    setattr(song, name, form[name])",
        "tests/web/test_create.py::test_extra_fields_are_ignored",
    ),
    Fault(
        20,
        "programs may name any field",
        "web/api/bodies.py",
        "class SongBrief(Struct, forbid_unknown_fields=True):",
        "class SongBrief(Struct):",
        "tests/web/api/test_songs.py::test_what_cannot_be_made_is_refused_with_a_problem",
    ),
    Fault(
        21,
        "media does not ask who asks",
        "appliance/songs.py",
        "if song is None or song.deleted_at or not (song.published or (viewer is not None and song.user_id == viewer.id)):",
        "if song is None or song.deleted_at:",
        MATRIX,
    ),
    Fault(
        21,
        "the master is everybody's",
        "web/downloads.py",
        'if song.user_id != viewer.id or song.status != "processed":',
        'if song.status != "processed":',
        "tests/web/test_media.py::test_others_may_not_take_the_master_even_of_a_published_song",
    ),
    Fault(
        21,
        "a deleted song is still played",
        "appliance/songs.py",
        "if song is None or song.deleted_at or not (",
        "if song is None or not (",
        "tests/web/test_shelf.py tests/appliance/test_shelf.py",
    ),
    Fault(
        22,
        "any key reaches the store",
        "appliance/storage.py",
        "    if not _KEY.fullmatch(key):\n",
        "    if not key:\n",
        f"{KEYS}what_is_no_key_of_ours_never_reaches_the_store",
    ),
    Fault(
        22,
        "an address names any object",
        "web/api/acestep.py",
        '_AUDIO = re.compile(r"([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\\.(mp3|flac)")',
        '_AUDIO = re.compile(r"(.*)\\.(mp3|flac)", re.DOTALL)',
        f"{KEYS}addresses_that_name_no_song_of_ours_ask_nothing_of_the_store",
    ),
    Fault(
        23,
        "two likes at once are two",
        "appliance/songs.py",
        ".values(user_id=viewer.id, song_id=song.id).on_conflict_do_nothing()",
        ".values(user_id=viewer.id, song_id=song.id)",
        "tests/web/api/test_at_once.py::test_likes_at_once_end_in_none_or_one tests/web/test_songs.py::test_a_like_is_one_however_often_it_is_sent",
    ),
    Fault(
        23,
        "songs that cannot be seen can be liked",
        "appliance/songs.py",
        "    song = get_song(session, song_id, viewer)\n    session.execute(insert(Like)",
        "    song = session.get_one(Song, song_id)\n    session.execute(insert(Like)",
        "tests/web/test_songs.py::test_nobody_changes_somebody_elses_song tests/web/api/test_keys.py::test_everybody_finds_behind_every_route_what_is_theirs",
    ),
    Fault(
        23,
        "one's own plays count",
        "appliance/songs.py",
        "    if song.user_id == viewer.id:\n        return False\n",
        "",
        "tests/web/test_songs.py::test_listens_of_others_count_once_and_ones_own_never",
    ),
    Fault(
        23,
        "every play counts",
        "appliance/songs.py",
        "    if session.scalar(select(heard)):\n        return False\n",
        "",
        "tests/web/test_songs.py::test_listens_of_others_count_once_and_ones_own_never",
    ),
]
