from __future__ import annotations

import re

import pytest

from tests.config.settings_text import problems

KEY = "dsk-0123456789abcdef"


@pytest.mark.parametrize(
    "text",
    [
        f"api_key: {KEY}",
        "clone:\n  api_key: quite-secret",
        "clone: {x-api-key: quite-secret}",
        "delphi: {deep: [{APIKEY: quite-secret}]}",
        f"clone: {{slug: {KEY}}}",
        f"clone: {{api_key_file: {KEY}}}",
        f"clone: {{base_url: 'https://{KEY}@api.delphi.ai'}}",
        f"status: {{allowed_origins: [{KEY}]}}",
        f'status: {{allowed_origins: ["\\n{KEY}"]}}',
        f"{KEY}: x",
        f"a: &{KEY} [] \nb: &{KEY} []\n*{KEY}",
    ],
)
def test_keys_in_the_file_are_refused_and_never_shown(text: str) -> None:
    found = problems(text)
    assert KEY not in str(found)
    assert "quite-secret" not in str(found)
    if re.search("api_?key:", text, re.IGNORECASE):
        assert "API keys never go in this file; put the key alone in a file of its own" in found[0]
