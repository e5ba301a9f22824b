"""The credit ledger: what people have, what is held for songs in the making, and every change with its reason.

The design is TigerBeetle's two-phase transfer: credits are held when a song is asked for, captured when it is ready, and
released when it is not. The database decides, under the account's row lock; entries are never changed. Locks are taken in
the order song, hold, account, and never two accounts at once.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy import exists, func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from appliance.database import notify
from appliance.errors import InvalidInput, NotAllowed, said
from appliance.settings import settings
from appliance.tables import CreditAccount, CreditEntry, CreditHold, Song, SongRequest, User

PRICE = 1  # credits a take
LARGEST_GRANT = 1_000_000


def are_on() -> bool:
    """Whether this studio counts credits at all."""
    return settings().billing != "off"


def price_of_take() -> int:
    """Return what a take costs now, in credits; 0 where the studio does not count them."""
    return PRICE if are_on() else 0


def open_account(session: Session, user: User) -> None:
    """Make sure that the person has an account, with the studio's sign-up credits in it, once."""
    session.execute(insert(CreditAccount).values(user_id=user.id).on_conflict_do_nothing())
    if are_on() and settings().signup_credits:
        post(session, user.id, "signup", settings().signup_credits, once=f"signup:{user.id}")


def account_of(session: Session, user_id: UUID) -> CreditAccount:
    """Return somebody's account as it is now, opening it where it is missing."""
    session.execute(insert(CreditAccount).values(user_id=user_id).on_conflict_do_nothing())
    return session.scalars(
        select(CreditAccount).where(CreditAccount.user_id == user_id).execution_options(populate_existing=True)
    ).one()


def post(
    session: Session,
    user_id: UUID,
    kind: str,
    amount: int,
    once: str,
    *,
    order_id: str | None = None,
    hold_id: UUID | None = None,
    actor_id: UUID | None = None,
    note: str = "",
) -> bool:
    """Add an entry and move the balance with it; the only place where either happens. Return whether it was new.

    `once` names the event: a second call with the same name changes nothing.
    """
    account = session.scalars(
        select(CreditAccount)
        .where(CreditAccount.user_id == user_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one()
    if session.scalar(select(exists().where(CreditEntry.once == once))):
        return False
    account.balance += amount
    account.seq += 1
    session.flush()
    session.add(
        CreditEntry(
            user_id=user_id,
            seq=account.seq,
            kind=kind,
            amount=amount,
            balance_after=account.balance,
            once=once,
            order_id=order_id,
            hold_id=hold_id,
            actor_id=actor_id,
            note=note,
        )
    )
    session.flush()
    notify(session, user=user_id, credits=True)
    return True


def hold_songs(session: Session, user_id: UUID, songs: Iterable[Song]) -> bool:
    """Hold the price of each of these songs, or of none; return whether there was enough. The songs must be flushed."""
    songs = list(songs)
    total = sum(song.price for song in songs)
    if total == 0:
        return True
    session.execute(insert(CreditAccount).values(user_id=user_id).on_conflict_do_nothing())
    enough = session.execute(
        update(CreditAccount)
        .where(CreditAccount.user_id == user_id, CreditAccount.balance - CreditAccount.held >= total)
        .values(held=CreditAccount.held + total)
        .returning(CreditAccount.user_id)
        .execution_options(synchronize_session=False)
    ).first()
    if enough is None:
        return False
    session.add_all(CreditHold(user_id=user_id, song_id=song.id, amount=song.price) for song in songs if song.price)
    session.flush()
    notify(session, user=user_id, credits=True)
    return True


def _resolve(session: Session, song: Song, state: str) -> CreditHold | None:
    hold = session.scalar(
        update(CreditHold)
        .where(CreditHold.song_id == song.id, CreditHold.state == "held")
        .values(state=state, resolved_at=func.clock_timestamp())
        .returning(CreditHold)
        .execution_options(synchronize_session=False, populate_existing=True)
    )
    if hold is not None:
        session.execute(
            update(CreditAccount)
            .where(CreditAccount.user_id == hold.user_id)
            .values(held=CreditAccount.held - hold.amount)
            .execution_options(synchronize_session=False)
        )
        notify(session, user=hold.user_id, credits=True)
    return hold


def capture_hold(session: Session, song: Song) -> None:
    """Charge what is held for a song that became ready, in the transaction that makes it ready. The song is locked."""
    hold = _resolve(session, song, "captured")
    if hold is not None:
        note = f"Song: {song.title}"[:200]
        post(session, hold.user_id, "capture", -hold.amount, once=f"hold:{hold.id}", hold_id=hold.id, note=note)


def release_hold(session: Session, song: Song) -> None:
    """Give back what is held for a song that will not be made. The song is locked. No error when nothing is held."""
    _resolve(session, song, "released")


def grant_credits(session: Session, admin: User, user: User, amount: int, note: str, once: str) -> bool:
    """Give credits to somebody, or take some away with a negative amount; `note` is the reason that both will read.

    `once` is the form's own token: a form that is sent twice gives once. Taking away stops at what can be spent.
    Raises NotAllowed for anybody but an admin, and InvalidInput about the amount or a missing reason.
    """
    if not admin.is_admin:
        raise NotAllowed("Only an admin can give credits.")
    note = " ".join(note.split())
    wrong = {}
    if amount == 0 or abs(amount) > LARGEST_GRANT:
        wrong["amount"] = said("Give a whole number up to %(most)s, and not 0.", most=f"{LARGEST_GRANT:,}")
    if not 1 <= len(note) <= 200 or not note.isprintable():
        wrong["note"] = said("Say why, in 1 to 200 characters: both of you will read it in the history.")
    if wrong:
        raise InvalidInput.about(**wrong)
    account = _locked_account(session, user.id)
    if amount < 0 and account.available < -amount:
        raise InvalidInput.about(
            amount=said(
                "%(name)s can spend %(number)s: no more than that can be taken.",
                name=user.name,
                number=account.available,
            )
        )
    return post(session, user.id, "admin", amount, once=f"admin:{admin.id}:{once}", actor_id=admin.id, note=note)


def grant_allowances(session: Session, now: datetime | None = None) -> int:
    """Fill everybody's account up to the monthly allowance, once a calendar month (UTC); return how many got some."""
    allowance = settings().monthly_credits
    if not are_on() or not allowance:
        return 0
    month = (now or datetime.now(UTC)).strftime("%Y-%m")
    given = 0
    for user_id in session.scalars(select(User.id).where(User.disabled_at.is_(None)).order_by(User.id)).all():
        missing = allowance - _locked_account(session, user_id).balance
        if missing > 0 and post(session, user_id, "allowance", missing, once=f"allowance:{user_id}:{month}"):
            given += 1
    return given


def _locked_account(session: Session, user_id: UUID) -> CreditAccount:
    session.execute(insert(CreditAccount).values(user_id=user_id).on_conflict_do_nothing())
    return session.scalars(
        select(CreditAccount)
        .where(CreditAccount.user_id == user_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one()


def start_waiting_songs(session: Session) -> int:
    """Put in line the requests that wait for credits, may start by themselves, and can be paid by now; oldest first.

    A request starts whole or not at all, and a person's later request does not overtake one that needs more. This takes
    song locks, so it is never done in the transaction that brought the credits. Returns how many started.
    """
    waiting = session.scalars(
        select(SongRequest)
        .join(CreditAccount, CreditAccount.user_id == SongRequest.user_id)
        .where(
            SongRequest.start_when_paid,
            CreditAccount.balance > CreditAccount.held,
            exists().where(Song.request_id == SongRequest.id, Song.status == "no_credits"),
        )
        .order_by(SongRequest.created_at, SongRequest.id)
    ).all()
    started, too_poor = 0, set[UUID]()
    for request in waiting:
        if request.user_id in too_poor:
            continue
        if start_request(session, request):
            started += 1
        else:
            too_poor.add(request.user_id)
    return started


def stop_unpaid_songs(session: Session, user_id: UUID) -> int:
    """Take songs out of line again, newest first, until what is left is paid for; return how many.

    That is needed after a refund of credits that songs in line were counting on. Songs that are being made go on.
    """
    songs = session.scalars(
        select(Song)
        .join(SongRequest, SongRequest.id == Song.request_id)
        .where(Song.user_id == user_id, Song.status == "queued", Song.price > 0, SongRequest.lease_worker.is_(None))
        .order_by(Song.created_at.desc(), Song.id)
        .with_for_update(of=Song)
        .execution_options(populate_existing=True)
    ).all()
    stopped = 0
    for song in songs:
        if account_of(session, user_id).available >= 0:
            break
        song.status = "no_credits"
        session.flush()
        release_hold(session, song)
        notify(session, user=user_id, request=song.request_id)
        stopped += 1
    return stopped


def start_request(session: Session, request: SongRequest, takes: int | None = None) -> bool:
    """Put a request's songs that wait for credits in line, all or none; return whether there was enough.

    With `takes`, only so many are made: the rest is cancelled, and can be made another time.
    """
    songs = session.scalars(
        select(Song)
        .where(Song.request_id == request.id, Song.status == "no_credits")
        .order_by(Song.take)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).all()
    wanted = songs[:takes]
    for song in wanted:
        song.price = price_of_take()
    if not wanted or not hold_songs(session, request.user_id, wanted):
        return False
    for song in wanted:
        song.status = "queued"
    for song in songs[len(wanted) :]:
        song.status, song.finished_at = "cancelled", datetime.now(UTC)
    session.flush()
    notify(session, user=request.user_id, request=request.id)
    return True


def list_entries(session: Session, viewer: User, before: int | None = None, limit: int = 50) -> list[CreditEntry]:
    """Return the viewer's own history, newest first, from below the entry number `before`."""
    wanted = select(CreditEntry).where(CreditEntry.user_id == viewer.id).order_by(CreditEntry.seq.desc()).limit(limit)
    if before is not None:
        wanted = wanted.where(CreditEntry.seq < before)
    return list(session.scalars(wanted))


# Each finds what must not be: a ledger in order finds nothing.
INVARIANTS = {
    "The balance is the sum of the entries": """
        SELECT a.user_id FROM credit_accounts a
        WHERE balance <> (SELECT coalesce(sum(amount), 0) FROM credit_entries e WHERE e.user_id = a.user_id)""",
    "What is held is the sum of the open holds": """
        SELECT a.user_id FROM credit_accounts a WHERE held <>
        (SELECT coalesce(sum(amount), 0) FROM credit_holds h WHERE h.user_id = a.user_id AND state = 'held')""",
    "The entries form an unbroken chain": """
        SELECT user_id FROM (
            SELECT user_id, balance_after - amount AS before, seq,
                   lag(balance_after, 1, 0) OVER w AS previous, row_number() OVER w AS place
            FROM credit_entries WINDOW w AS (PARTITION BY user_id ORDER BY seq)) chain
        WHERE before <> previous OR seq <> place""",
    "A song in the making has exactly one open hold, any other song has none": """
        SELECT s.id FROM songs s WHERE (s.price > 0 AND s.status IN ('queued', 'processing'))
        <> (EXISTS (SELECT FROM credit_holds h WHERE h.song_id = s.id AND h.state = 'held'))""",
    "An open hold belongs to a song": """
        SELECT h.id FROM credit_holds h WHERE h.state = 'held'
        AND NOT EXISTS (SELECT FROM songs s WHERE s.id = h.song_id AND s.user_id = h.user_id AND s.price = h.amount)""",
    "A ready song is charged exactly once, any other song is not": """
        SELECT s.id FROM songs s WHERE (s.price > 0 AND s.status = 'processed') <> (
            SELECT count(*) = 1 FROM credit_holds h
            JOIN credit_entries e ON e.hold_id = h.id AND e.kind = 'capture' AND e.amount = -h.amount
            WHERE h.song_id = s.id AND h.state = 'captured')""",
    "A captured hold has its entry, any other hold has none": """
        SELECT h.id FROM credit_holds h WHERE (h.state = 'captured')
        <> (EXISTS (SELECT FROM credit_entries e WHERE e.hold_id = h.id))""",
    "An order has brought what its entries say": """
        SELECT o.order_id FROM billing_orders o
        WHERE applied <> (SELECT coalesce(sum(amount), 0) FROM credit_entries e WHERE e.order_id = o.order_id)""",
    "An order brings no more than it is worth": """
        SELECT order_id FROM billing_orders WHERE applied < 0 OR applied > coalesce(credits, 0)""",
    "A balance falls below zero only after a refund": """
        SELECT e.id FROM credit_entries e WHERE balance_after < 0 AND NOT EXISTS (
            SELECT FROM credit_entries c WHERE c.user_id = e.user_id AND c.kind = 'clawback' AND c.seq <= e.seq)""",
    "More is held than there is only after a refund": """
        SELECT a.user_id FROM credit_accounts a WHERE balance < held AND NOT EXISTS (
            SELECT FROM credit_entries c WHERE c.user_id = a.user_id AND c.kind = 'clawback')""",
}


def broken_invariants(session: Session) -> dict[str, list[str]]:
    """Return every rule of the ledger that does not hold, with the ids of what breaks it; empty when all is well."""
    found = {rule: [str(row[0]) for row in session.execute(text(query))] for rule, query in INVARIANTS.items()}
    return {rule: rows for rule, rows in found.items() if rows}
