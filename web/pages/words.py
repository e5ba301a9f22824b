"""Write for me: words that a songwriter drafts into the form before anything is asked for or charged."""

from typing import Any
from uuid import UUID

from litestar import Controller, Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect
from sqlalchemy.orm import Session

from appliance.drafts import brief_for_words, get_draft, request_words, stop_draft
from appliance.tables import User, WordDraft
from appliance.taskqueue import ring
from web.database import after_commit
from web.failures import wants_json

Answer = Response[dict[str, str]]


class WordPages(Controller):
    """Drafts of words: asking, looking how far they are, stopping."""

    path = "/words"

    @post("/", sync_to_thread=True)
    def ask(
        self,
        request: Request[Any, Any, Any],
        session: NamedDependency[Session],
        viewer: NamedDependency[User],
        form: NamedDependency[dict[str, str]],
    ) -> Answer | Redirect:
        """Ask for words by the form that asks for a song. Without a script, the form comes back with them."""
        draft = request_words(session, viewer, brief_for_words(form))
        after_commit(session, lambda: ring("words_wait"))
        if wants_json(request):
            return _told(draft)
        return Redirect(f"/create?words={draft.id}", status_code=303)

    @get("/{draft_id:uuid}", sync_to_thread=True)
    def look(
        self, session: NamedDependency[Session], viewer: NamedDependency[User], draft_id: FromPath[UUID]
    ) -> Answer:
        """Return how far the words are."""
        return _told(get_draft(session, draft_id, viewer))

    @post("/{draft_id:uuid}/stop", sync_to_thread=True)
    def stop(
        self, session: NamedDependency[Session], viewer: NamedDependency[User], draft_id: FromPath[UUID]
    ) -> Answer:
        """Stop the writing; what is there stays."""
        return _told(stop_draft(session, draft_id, viewer))


def _told(draft: WordDraft) -> Answer:
    told = {
        "id": str(draft.id),
        "state": draft.state,
        "words": draft.words,
        "title": draft.title,
        "reason": draft.reason,
    }
    return Response(told, status_code=200, headers={"cache-control": "no-store"})
