"""Faults in what holds between browsers and the studio: statements 1 to 10."""

from tests.mutate.faults import Fault

HARDENING = "tests/web/test_hardening.py::test_"
FORMS = f"{HARDENING}every_form_refuses_what_does_not_come_from_one_of_our_pages_in_this_browser"
HEADERS = f"{HARDENING}every_answer_carries_the_headers_even_when_it_is_an_error"
NAMES = f"{HARDENING}names_that_are_not_ours_are_refused_everywhere"
COOKIES = f"{HARDENING}over_https_cookies_are_bound_to_host_and_transport"
ELSEWHERE = "tests/web/test_words.py::test_addresses_elsewhere_are_not"
HANDED_OVER = "tests/web/test_doors.py::test_an_admin_hands_over_a_link_and_never_sees_the_password"

FAULTS = [
    Fault(
        1,
        "a form's token is not looked at",
        "web/csrf.py",
        'if not cookie or not hmac.compare_digest(sent.encode("utf-8", "surrogatepass"), csrf_token(cookie).encode()):',
        "if not cookie:",
        FORMS,
    ),
    Fault(
        1,
        "every browser has the same token",
        "web/csrf.py",
        'return hmac.new(key, b"csrf:" + bound_to.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()',
        'return hmac.new(key, b"csrf:", hashlib.sha256).hexdigest()',
        FORMS,
    ),
    Fault(
        1,
        "forms may come from other sites",
        "web/csrf.py",
        "if not _same_origin(connection) and not await _hides_its_origin(connection, handler):",
        "if False:",
        FORMS,
    ),
    Fault(
        1, "a neighbour's site counts as ours", "web/csrf.py", 'site == "same-origin"', 'site != "cross-site"', FORMS
    ),
    Fault(
        1,
        "whoever hides their origin is let in",
        "web/csrf.py",
        "return bool((await read_form(request)).get(field))",
        "return True",
        "tests/web/test_doors.py::test_browsers_that_hide_where_an_invitation_comes_from_are_let_in_by_its_secret_only",
    ),
    Fault(
        2,
        "a page that is only looked at changes something",
        "web/pages/songs.py",
        '@post("/delete", sync_to_thread=True)',
        '@get("/delete", sync_to_thread=True)',
        f"{HARDENING}no_page_changes_a_row",
    ),
    Fault(
        3,
        "scripts may stand in pages",
        "web/hardening.py",
        '"script-src": "\'self\'"',
        '"script-src": "\'unsafe-inline\'"',
        HEADERS,
    ),
    Fault(
        3,
        "what is refused at once has no policy",
        "web/hardening.py",
        "await _refuse(send_hardened)",
        "await _refuse(send)",
        NAMES,
    ),
    Fault(4, "the studio may be framed", "web/hardening.py", ', "frame-ancestors": "\'none\'",', ",", HEADERS),
    Fault(5, "types may be guessed", "web/hardening.py", '        "x-content-type-options": "nosniff",\n', "", HEADERS),
    Fault(
        5,
        "other windows keep hold of ours",
        "web/hardening.py",
        '        "cross-origin-opener-policy": "same-origin",\n',
        "",
        HEADERS,
    ),
    Fault(
        5, "pages may use the camera", "web/hardening.py", '        "permissions-policy": PERMISSIONS,\n', "", HEADERS
    ),
    Fault(
        5,
        "a page with a secret in its address tells it",
        "web/rendering.py",
        '{"referrer-policy": "no-referrer"}',
        "{}",
        HANDED_OVER,
    ),
    Fault(
        6,
        "cookies are not bound to the host",
        "web/cookies.py",
        'return f"__Host-{plain}" if is_secure() else plain',
        "return plain",
        COOKIES,
    ),
    Fault(
        6,
        "cookies travel in the clear",
        "web/cookies.py",
        "httponly=True, secure=is_secure()",
        "httponly=True, secure=False",
        COOKIES,
    ),
    Fault(6, "scripts read the cookies", "web/cookies.py", "httponly=True", "httponly=False", COOKIES),
    Fault(
        6,
        "cookies come along from other sites",
        "web/cookies.py",
        'httponly=True, secure=is_secure(), samesite="lax"',
        'httponly=True, secure=is_secure(), samesite="none"',
        COOKIES,
    ),
    Fault(
        7,
        "any name is ours",
        "web/hardening.py",
        "if len(hosts) != 1 or not is_own_host(hosts[0].lower(), settings.public_url):",
        "if len(hosts) != 1:",
        NAMES,
    ),
    Fault(
        7,
        "links follow the name that somebody asked by",
        "web/pages/admin_access.py",
        'link = settings().public_url.rstrip("/") + path',
        'link = str(request.base_url).rstrip("/") + path',
        "tests/web/test_doors.py::test_reset_links_name_the_studio_by_its_settings_and_not_by_the_request",
    ),
    Fault(
        8,
        "every site may read",
        "web/hardening.py",
        '        "x-frame-options": "DENY",\n',
        '        "x-frame-options": "DENY",\n        "access-control-allow-origin": "*",\n',
        HEADERS,
    ),
    Fault(
        9, "after signing in, //there is followed", "web/forms.py", ' or wanted[1:2] in ("/", "\\\\")', "", ELSEWHERE
    ),
    Fault(9, "after signing in, /%2fthere is followed", "web/forms.py", "if decoded_slash or ", "if ", ELSEWHERE),
    Fault(
        9,
        "signing in leads wherever the address says",
        "web/pages/accounts.py",
        'who, after = form.get("user", ""), safe_path(form.get("next"))',
        'who, after = form.get("user", ""), form.get("next") or "/"',
        "tests/web/test_accounts.py::test_signing_in_leads_back_to_where_somebody_wanted_to_go_and_to_no_other_site",
    ),
    Fault(10, "pages are kept", "web/rendering.py", '{"cache-control": "no-store", "vary"', '{"vary"', HEADERS),
    Fault(
        10,
        "signing out leaves things in the browser",
        "web/pages/accounts.py",
        ', headers={"clear-site-data": \'"cache", "storage"\'}',
        "",
        "tests/web/test_accounts.py::test_signing_out_ends_the_session_for_good",
    ),
    Fault(
        10,
        "signing out leaves the session open",
        "web/pages/accounts.py",
        "close_login_session(session, token)\n        answer",
        "pass\n        answer",
        "tests/web/test_accounts.py::test_signing_out_ends_the_session_for_good",
    ),
]
