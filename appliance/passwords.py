"""Passwords: what is accepted, and argon2id hashes of them."""

from passlib.context import CryptContext

from appliance.errors import said

SHORTEST, LONGEST = 8, 1024
NO_PASSWORD = "!"  # noqa: S105 - in place of a hash: of somebody who comes in by another way
# OWASP's minimum for argon2id (19 MiB, two passes, one lane): about 25 ms on a small core.
_context = CryptContext(
    schemes=["argon2"], argon2__type="ID", argon2__memory_cost=19456, argon2__rounds=2, argon2__parallelism=1
)


def hash_password(password: str) -> str:
    """Return the argon2id hash of `password`, salt and cost included."""
    return str(_context.hash(password))


def is_password(password: str, password_hash: str | None) -> bool:
    """Tell whether `password` made `password_hash`; None (nobody of that name) and NO_PASSWORD take as long as a real check."""
    if password_hash in (None, NO_PASSWORD) or not SHORTEST <= len(password) <= LONGEST:
        _context.dummy_verify()
        return False
    return bool(_context.verify(password, password_hash))


def refusal(password: str, *names: str) -> str | None:
    """Return a sentence on why `password` cannot be used, or None. `names` are the person's own, which would be guessed."""
    if len(password) < SHORTEST:
        return said("Use at least %(least)s characters. A short sentence works well.", least=SHORTEST)
    if len(password) > LONGEST:
        return said("Use at most %(most)s characters.", most=LONGEST)
    if len(set(password.lower())) < 4:
        return said("This repeats too few characters to be safe.")
    if password.lower() in {name.lower() for name in names if name} | _COMMON:
        return said("This is among the first that anybody would guess.")
    return None


_COMMON = frozenset(
    [
        "password",
        "password1",
        "passw0rd",
        "12345678",
        "123456789",
        "1234567890",
        "qwertyuiop",
        "qwerty123",
        "iloveyou",
        "sunshine",
        "princess",
        "football",
        "baseball",
        "superman",
        "letmein1",
        "welcome1",
        "abcdefgh",
        "abc12345",
        "11111111",
        "trustno1",
        "whatever",
        "backline",
        "changeme",
    ]
)
