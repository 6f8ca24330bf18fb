"""The simulated clone's certificates: made when it starts, by an authority of its own."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

from clonespeaker.errors import ClonespeakerError

TlsKind = Literal["valid", "expired", "wrong-host", "self-signed"]


def open_tls(kind: TlsKind, host: str, ca_file: Path) -> ssl.SSLContext:
    """What a server shows its clients, a certificate of this kind.

    Args:
        kind: what is wrong with it, see `faults.TLS_FAULTS`.
        host: that it is for, beside this machine's own names.
        ca_file: is written: the authority that clients have to trust (it is right whatever the kind).

    Raises:
        ClonespeakerError: the library is not installed.
    """
    try:
        import trustme
    except ImportError as error:
        raise ClonespeakerError(
            "https needs a certificate, and the library that makes them is not installed: "
            "pip install 'clonespeaker[simulate]'"
        ) from error
    authority = trustme.CA()
    authority.cert_pem.write_to_path(ca_file)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    if kind == "self-signed":
        itself = trustme.CA()
        with trustme.Blob(itself.private_key_pem.bytes() + itself.cert_pem.bytes()).tempfile() as file:
            context.load_cert_chain(file)
        return context
    names = {"elsewhere.invalid"} if kind == "wrong-host" else {"localhost", "127.0.0.1", "::1", host or "localhost"}
    yesterday = datetime.now(UTC) - timedelta(days=1)
    authority.issue_cert(*names, not_after=yesterday if kind == "expired" else None).configure_cert(context)
    return context
