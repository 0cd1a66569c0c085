"""Tells a web address that something changed at a location; what changed is for ListChanges."""

import hashlib
import hmac
import http.client
import json
import threading
import time
import urllib.request

from globalmart.sandbox.warehouse.depot import Depot

PAUSE_SECONDS, WAIT_SECONDS = 0.2, 5.0
HEADER = "Warehouse-Signature"


def signature(secret: str, body: bytes, *, at: int) -> str:
    """Return the header's value for a body sent at a time (whole seconds since 1970)."""
    signed = f"{at}.".encode() + body
    return f"t={at},v1={hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()}"


class Pusher:
    """A thread that looks for changes and posts one hint for each location that has any.

    A hint that does not arrive is not repeated: the next change brings the next one.
    """

    def __init__(self, depot: Depot, *, url: str, secret: str) -> None:
        self._depot, self._url, self._secret = depot, url, secret

    def start(self) -> None:
        """Begin, until the process ends."""
        threading.Thread(target=self._run, name="push", daemon=True).start()

    def _run(self) -> None:
        while True:
            for location in sorted(self._depot.changed()):
                self._push(location)
            time.sleep(PAUSE_SECONDS)

    def _push(self, location: str) -> None:
        body = json.dumps({"location": location}).encode()
        headers = {
            "Content-Type": "application/json",
            HEADER: signature(self._secret, body, at=int(time.time())),
        }
        request = urllib.request.Request(self._url, body, headers, method="POST")  # noqa: S310
        try:
            with urllib.request.urlopen(request, timeout=WAIT_SECONDS):  # noqa: S310  our option
                pass
        except (OSError, http.client.HTTPException) as error:
            print(f"No hint about {location} went out: {type(error).__name__}", flush=True)
