"""What leaves the programs: commands are lists without a shell, and the network is called by the files that are named here."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
ROOMS = ("appliance", "web", "worker", "models")
# What can call another machine, and the files that do, each to what the settings name (docs/security.md, 41).
CALLERS = {"urllib3", "httpx", "smtplib", "urllib.request", "http.client", "polar", "minio", "huggingface_hub", "requests", "aiohttp", "socket", "ftplib"}  # fmt: skip
CALLING = {
    "appliance/polar_gateway.py",  # POLAR_ENVIRONMENT, POLAR_BASE_URL
    "appliance/letters.py",  # SMTP_HOST
    "appliance/oidc.py",  # OIDC_ISSUER, OIDC_HOSTS
    "appliance/webhooks.py",  # WEBHOOK_HOSTS
    "appliance/storage.py",  # S3_ENDPOINT
    "models/pull.py",  # the hub, when an admin pulls weights
}
# These ask this machine's own programs, ports and name, or the store that the settings name.
AT_HOME = {f"appliance/box/{name}.py" for name in ("certificates", "doctor", "health", "preflight", "probe", "start_page", "store", "trial")}  # fmt: skip
AT_HOME |= {"web/hardening.py", "worker/studio.py"}
PROGRAMS_OF_MEDIA = ("ffmpeg", "ffprobe", "sox", "mplayer", "convert", "magick")


def _trees() -> Iterator[tuple[str, ast.AST]]:
    for room in ROOMS:
        for file in sorted((ROOT / room).rglob("*.py")):
            yield str(file.relative_to(ROOT)), ast.parse(file.read_text())


def _imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom) and node.level == 0:
        return [node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names)]
    return []


def test_the_network_is_called_by_the_files_that_are_named_and_no_others() -> None:
    found = set()
    for name, tree in _trees():
        for node in ast.walk(tree):
            if any(module in CALLERS or module.partition(".")[0] in CALLERS - {"socket"} for module in _imported(node)):
                found.add(name)
    assert found == CALLING | AT_HOME


def test_what_is_called_outside_follows_no_redirect() -> None:
    for name in ("appliance/oidc.py", "appliance/webhooks.py"):
        calls = [
            node
            for node in ast.walk(ast.parse((ROOT / name).read_text()))
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "request"
        ]
        assert calls
        for call in calls:
            told = {keyword.arg: ast.unparse(keyword.value) for keyword in call.keywords}
            assert told["redirect"] == told["retries"] == "False", name


def test_commands_are_lists_without_a_shell_and_no_program_of_media_is_among_them() -> None:
    for name, tree in _trees():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                called = ast.unparse(node.func)
                assert called not in ("os.system", "os.popen", "subprocess.getoutput", "subprocess.getstatusoutput"), (
                    name
                )
                assert not called.startswith(("asyncio.create_subprocess_shell", "os.spawn")), name
                for keyword in node.keywords:
                    assert keyword.arg != "shell", name
                if called in ("subprocess.run", "subprocess.Popen", "subprocess.check_output", "subprocess.call"):
                    # A list, or a name that stands for one; never a text, which would be a shell's to split.
                    assert not isinstance(node.args[0], ast.Constant | ast.JoinedStr), name
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                assert node.value.rpartition("/")[2] not in PROGRAMS_OF_MEDIA, (name, node.value)
