"""Pages of HTML that come where JSON is expected: as proxies word them, and a captive portal."""

from __future__ import annotations

NGINX_WORDS = {
    413: "Request Entity Too Large",
    500: "Internal Server Error",
    502: "Bad Gateway",
    503: "Service Temporarily Unavailable",
    504: "Gateway Time-out",
}
"""What nginx calls a status."""

CLOUDFLARE_WORDS = {
    403: ("1020", "Access denied", "You do not have access to this site."),
    429: ("1015", "You are being rate limited", "The owner of this website has banned you temporarily."),
}
"""Status → Cloudflare's code for it, and its words."""

LOGIN_PAGE = (
    b"<!DOCTYPE html><html><head><title>Guest network</title></head><body><h1>Welcome to the guest network</h1>"
    b'<form action="/login" method="post"><input name="room"><button>Sign in</button></form></body></html>'
)
"""A captive portal's, which answers in every server's place."""


def nginx_page(status: int) -> bytes:
    """An error page as nginx writes it."""
    words = f"{status} {NGINX_WORDS[status]}"
    return (
        f"<html>\r\n<head><title>{words}</title></head>\r\n<body>\r\n<center><h1>{words}</h1></center>\r\n"
        "<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
    ).encode()


def cloudflare_page(status: int) -> bytes:
    """An error page as Cloudflare writes it."""
    code, title, words = CLOUDFLARE_WORDS[status]
    return (
        f"<!DOCTYPE html>\n<html><head><title>{title} | api.example used Cloudflare to restrict access</title></head>\n"
        f'<body><h1><span>Error</span> <span class="cf-error-code">{code}</span></h1><h2>{title}</h2>\n'
        f"<p>{words}</p><p>error code: {code}</p></body></html>\n"
    ).encode()
