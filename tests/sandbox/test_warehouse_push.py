"""The hints that the pretended warehouse pushes."""

import hashlib
import hmac
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from fulfillment.gateways.soap import SoapWarehouse
from tests.fulfillment.gateways.orders import request
from tests.sandbox.vendor_process import VendorProcess, wait_for

SECRET = "shared-by-both"


def test_each_change_brings_a_signed_hint_about_its_location(tmp_path: Path) -> None:
    heard: list[tuple[str, bytes]] = []

    class Ear(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            heard.append((self.headers["Warehouse-Signature"], body))
            self.send_response(202)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Ear) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/hint"
        options = ("--ship-after", "1", "--push-url", url, "--push-secret", SECRET)
        with VendorProcess("warehouse", tmp_path, *options) as warehouse:
            client = SoapWarehouse(f"{warehouse.url}/soap", "oms", "wms")
            client.submit_order(request(location="north"))
            wait_for(lambda: heard)
            # Nobody asks any more: its own clock tells of the rest.
            wait_for(lambda: len(heard) >= 2)
        server.shutdown()

    for header, body in heard:
        at, _, sent = header.partition(",v1=")
        signed = f"{at.removeprefix('t=')}.".encode() + body
        assert hmac.compare_digest(
            sent, hmac.new(SECRET.encode(), signed, hashlib.sha256).hexdigest()
        )
        assert abs(time.time() - int(at.removeprefix("t="))) < 60
        assert json.loads(body) == {"location": "north"}
