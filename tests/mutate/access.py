"""Faults in who gets in, and how: statements 24 to 31."""

from tests.mutate.faults import Fault

GUESSING = "tests/web/test_guessing.py::test_"
ONCE = "tests/web/test_one_time.py::test_of_twenty_uses_at_the_same_moment_one_counts"
AS_IT_IS = "tests/web/test_one_time.py::test_no_such_secret_is_in_the_database_as_it_is"
RUN_OUT = "tests/web/test_one_time.py::test_links_run_out"
SECURITY = "tests/web/test_security.py::test_"
DOORS = "tests/web/test_doors.py::test_"
API_KEYS = "tests/web/api/test_keys.py::test_"
DEVICES = f"{GUESSING}a_device_is_known_for_its_own_person_only_and_by_its_signature"
THOUSAND = f"{GUESSING}a_thousand_wrong_passwords_from_fifty_addresses_do_not_keep_the_owner_out"
ROLES = f"{DOORS}roles_and_doors_are_changed_by_admins_and_every_change_is_written_down"
HOOKS = "tests/web/test_credits.py::test_forged_old_oversized_and_unreadable_messages_change_nothing"
TAMPERED = (
    "tests/appliance/test_polar_gateway.py::test_messages_that_were_tampered_with_are_old_or_are_no_text_are_refused"
)

FAULTS = [
    Fault(
        24,
        "signing in adopts the session that the browser came with",
        "web/entering.py",
        "    answer: Redirect = Redirect(after, status_code=303)\n",
        "    if old:\n"
        "        from sqlalchemy import update\n"
        "        from appliance.accounts import _sha256\n"
        "        from appliance.tables import LoginSession\n"
        "        session.flush()\n"
        "        mine = LoginSession.token_sha256 == _sha256(token)\n"
        "        session.execute(update(LoginSession).where(mine).values(token_sha256=_sha256(old)))\n"
        "        token = old\n"
        "    answer: Redirect = Redirect(after, status_code=303)\n",
        "tests/web/test_accounts.py::test_signing_in_never_adopts_a_session_that_the_browser_came_with",
    ),
    Fault(
        24,
        "signing in again leaves the old session",
        "web/entering.py",
        "        close_login_session(session, old)\n",
        "        pass\n",
        "tests/web/test_accounts.py::test_signing_in_again_ends_the_old_session_of_this_browser",
    ),
    Fault(
        24,
        "a new password leaves the other browsers in",
        "appliance/resets.py",
        "    session.execute(others.where(LoginSession.token_sha256 != _sha256(keep)) if keep else others)\n",
        "    del others\n",
        f"{SECURITY}changing_the_password_signs_the_other_browsers_out_and_gives_this_one_a_new_token",
    ),
    Fault(
        24,
        "a new password leaves this browser's token",
        "appliance/login_sessions.py",
        "    else:\n        session.delete(old)\n",
        "",
        f"{SECURITY}changing_the_password_signs_the_other_browsers_out_and_gives_this_one_a_new_token",
    ),
    Fault(
        24,
        "a replaced token is good for ever",
        "appliance/login_sessions.py",
        "old.replaced_at, old.expires_at = now, min(old.expires_at, now + GRACE)",
        "old.replaced_at = now",
        f"{SECURITY}a_token_is_replaced_every_day_and_the_old_one_is_good_for_a_minute_more",
    ),
    Fault(
        24,
        "a changed role leaves the browsers in",
        "appliance/people.py",
        "    user.role = role\n    _sign_out_everywhere(session, user)\n",
        "    user.role = role\n",
        ROLES,
    ),
    Fault(
        24,
        "who is disabled stays in",
        "appliance/accounts.py",
        "if found is None or found.user.disabled_at or found.expires_at < now:",
        "if found is None or found.expires_at < now:",
        "tests/appliance/test_accounts.py tests/appliance/test_access.py",
    ),
    Fault(
        25,
        "who is disabled is told so",
        "appliance/accounts.py",
        "    if not is_password(password, user.password_hash if user else None) or user is None or user.disabled_at:\n",
        "    if user is not None and user.disabled_at:\n"
        '        raise InvalidInput.about(password="You are kept out.")\n'
        "    if not is_password(password, user.password_hash if user else None) or user is None:\n",
        f"{GUESSING}unknown_and_disabled_people_are_answered_alike",
    ),
    Fault(
        25,
        "nobody's password is not even looked at",
        "appliance/passwords.py",
        "        _context.dummy_verify()\n",
        "",
        f"{GUESSING}a_password_of_nobody_costs_as_much_work_as_one_of_somebody",
    ),
    Fault(
        25,
        "only addresses that are somebody's are written down",
        "appliance/letters.py",
        '    if "@" in wanted:\n',
        '    if "@" in wanted and user_by_email(session, wanted):\n',
        f"{DOORS}asking_for_a_letter_says_and_does_the_same_for_every_address",
    ),
    Fault(
        25,
        "a stranger learns that an address is taken",
        "appliance/accounts.py",
        '        email = ""\n',
        '        raise InvalidInput.about(email="This address has an account already.")\n',
        "tests/appliance/test_accounts.py::test_a_stranger_does_not_learn_that_an_address_has_an_account_and_does_not_get_it",
    ),
    Fault(
        26,
        "a browser that was here before waits like a stranger",
        "appliance/guesses.py",
        '    if device:\n        return {f"device {device} {name}": FREE_DEVICE}\n',
        "",
        f"{THOUSAND} {GUESSING}the_owners_browser_is_remembered_and_gets_in_while_others_guess",
    ),
    Fault(
        26,
        "tries count for the address alone",
        "appliance/guesses.py",
        '        f"account {name}": FREE_ACCOUNT,\n',
        "",
        THOUSAND,
    ),
    Fault(
        26,
        "a device's signature is not looked at",
        "appliance/guesses.py",
        '    if not hmac.compare_digest(mac.encode("utf-8", "surrogatepass"), _mac(f"{user_id}.{nonce}").encode()):\n',
        "    if not nonce or not mac:\n",
        DEVICES,
    ),
    Fault(
        26,
        "somebody else's device will do",
        "appliance/guesses.py",
        "return nonce if who.strip().lower() in names else None",
        "return nonce",
        DEVICES,
    ),
    Fault(
        26,
        "tries at the same moment are counted once",
        "appliance/throttling.py",
        "count = case((quiet, 1), else_=Tries.count + 1)",
        "count = case((quiet, 1), else_=1 + (session.scalar(select(Tries.count)) or 0))",
        "tests/appliance/test_access.py::test_many_tries_at_once_are_all_counted",
    ),
    Fault(
        26,
        "who has to wait may try",
        "appliance/throttling.py",
        "            where=Tries.blocked_until <= now,\n",
        "",
        "tests/appliance/test_access.py::test_after_some_free_tries_the_next_ones_wait_longer_and_longer",
    ),
    Fault(
        27,
        "an invitation can be used twice",
        "appliance/invites.py",
        ".where(Invite.token_sha256 == found.token_sha256, Invite.used_at.is_(None))",
        ".where(Invite.token_sha256 == found.token_sha256)",
        ONCE,
    ),
    Fault(
        27,
        "a reset link can be used twice",
        "appliance/resets.py",
        ".where(OneTimeToken.token_sha256 == _sha256(token), OneTimeToken.used_at.is_(None))",
        ".where(OneTimeToken.token_sha256 == _sha256(token))",
        ONCE,
    ),
    Fault(
        27,
        "an invitation never runs out",
        "appliance/invites.py",
        "if found is None or found.used_at or found.expires_at < datetime.now(UTC):",
        "if found is None or found.used_at:",
        RUN_OUT,
    ),
    Fault(
        27,
        "a reset link never runs out",
        "appliance/resets.py",
        "        or found.expires_at < datetime.now(UTC)\n",
        "",
        RUN_OUT,
    ),
    Fault(
        27,
        "the set-up link never runs out",
        "appliance/accounts.py",
        'found.purpose != "setup" or found.used_at or found.expires_at < datetime.now(UTC):',
        'found.purpose != "setup" or found.used_at:',
        RUN_OUT,
    ),
    Fault(
        27,
        "invitations are kept as they are",
        "appliance/invites.py",
        'return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()',
        'return token.encode("utf-8", "surrogatepass")',
        AS_IT_IS,
    ),
    Fault(
        27,
        "reset links are kept as they are",
        "appliance/resets.py",
        'return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()',
        'return text.encode("utf-8", "surrogatepass")',
        AS_IT_IS,
    ),
    Fault(
        28,
        "a code counts twice",
        "appliance/second_factor.py",
        ".where(SecondFactor.user_id == factor.user_id, SecondFactor.last_counter < counter)",
        ".where(SecondFactor.user_id == factor.user_id)",
        ONCE,
    ),
    Fault(
        28,
        "a recovery code counts twice",
        "appliance/second_factor.py",
        "            RecoveryCode.code_sha256 == _sha256(code), RecoveryCode.user_id == user.id, RecoveryCode.used_at.is_(None)\n",
        "            RecoveryCode.code_sha256 == _sha256(code), RecoveryCode.user_id == user.id\n",
        ONCE,
    ),
    Fault(
        28,
        "a reset link takes the second factor along",
        "appliance/resets.py",
        "    user.password_hash = hash_password(password)\n    session.execute(delete(LoginSession).where(LoginSession.user_id == user.id))\n",
        "    user.password_hash = hash_password(password)\n"
        "    from appliance.second_factor import remove_app\n"
        "    remove_app(session, user)\n"
        "    session.execute(delete(LoginSession).where(LoginSession.user_id == user.id))\n",
        f"{DOORS}a_reset_link_does_not_pass_by_the_second_factor_and_clearing_it_is_a_deed_of_its_own",
    ),
    Fault(
        28,
        "the password alone opens the door",
        "web/pages/accounts.py",
        "        if has_second_factor(session, user):\n",
        "        if False:\n",
        f"{SECURITY}with_an_app_the_password_alone_opens_nothing",
    ),
    Fault(
        29,
        "any secret goes with a key",
        "appliance/api_keys.py",
        "if key is None or not same or not _alive(key):",
        "if key is None or not _alive(key):",
        f"{API_KEYS}both_ways_to_send_a_key_are_the_same_and_only_one_may_be_used",
    ),
    Fault(
        29,
        "a revoked key lives on",
        "appliance/api_keys.py",
        "return not (key.revoked_at or key.user.disabled_at or (",
        "return not (key.user.disabled_at or (",
        f"{API_KEYS}a_key_dies_at_once_with_its_revocation_its_end_or_its_person",
    ),
    Fault(
        29,
        "a key lives on after its end",
        "appliance/api_keys.py",
        "key.user.disabled_at or (key.expires_at and key.expires_at < datetime.now(UTC)))",
        "key.user.disabled_at)",
        f"{API_KEYS}a_key_dies_at_once_with_its_revocation_its_end_or_its_person",
    ),
    Fault(
        29,
        "a key's secret is kept as it is",
        "appliance/api_keys.py",
        'return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()',
        'return secret.encode("utf-8", "surrogatepass")',
        f"{API_KEYS}the_secret_is_in_no_row_and_in_no_later_answer",
    ),
    Fault(
        29,
        "scopes are not looked at",
        "appliance/api_keys.py",
        "    if scope not in key.scopes:\n",
        "    if False:\n",
        f"{API_KEYS}everybody_finds_behind_every_route_what_is_theirs",
    ),
    Fault(
        29,
        "two keys at once are taken",
        "web/api/keys.py",
        "    if len(bearer) > 1 or len(ids) > 1 or len(secrets) > 1 or (bearer and (ids or secrets)):\n        raise TwoKeys\n",
        "",
        f"{API_KEYS}both_ways_to_send_a_key_are_the_same_and_only_one_may_be_used",
    ),
    Fault(
        29,
        "a signed-in browser needs no key",
        "web/api/keys.py",
        "        raise MissingKey\n    return ids[0], secrets[0]\n",
        '        ids, secrets = connection.cookies.get("key", "").split(".") or ("", "")\n    return ids[0], secrets[0]\n',
        f"{API_KEYS}what_is_no_key_opens_nothing",
    ),
    Fault(
        30,
        "the last admin can go",
        "appliance/people.py",
        "    if session.scalars(others).one() == 0:\n",
        "    if False:\n",
        "tests/appliance/test_access.py::test_the_last_admin_stays_one_also_when_two_take_it_from_each_other",
    ),
    Fault(
        30,
        "changes of roles do not take turns",
        "appliance/people.py",
        '    session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADMINS_LOCK})\n',
        "",
        "tests/appliance/test_access.py::test_the_last_admin_stays_one_also_when_two_take_it_from_each_other",
    ),
    Fault(
        30,
        "two set-ups do not take turns",
        "appliance/accounts.py",
        '    session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _SETUP_LOCK})\n',
        "",
        "tests/appliance/test_accounts.py::test_two_setups_at_the_same_moment_make_one_admin",
    ),
    Fault(
        31,
        "nobody looks at a message's signature",
        "appliance/polar_gateway.py",
        "content = validate_event(text, names, secret, _EveryType(), lambda data: data)",
        "content = json.loads(text)",
        f"{HOOKS} {TAMPERED}",
    ),
    Fault(
        31,
        "a message that is no text is a failure of ours",
        "appliance/polar_gateway.py",
        "except (UnicodeDecodeError, PolarWebhookError, ValueError):",
        "except PolarWebhookError:",
        f"{HOOKS} {TAMPERED}",
    ),
    Fault(
        31,
        "messages may have any size",
        "web/pages/hooks.py",
        "request_max_body_size=polar_gateway.MAX_MESSAGE",
        "request_max_body_size=None",
        HOOKS,
    ),
]
