"""The page that shows what arrived: safe with hostile messages, and useful to people."""

import re
from collections.abc import Iterator

import pytest

from tests.sandbox.test_messages_sending import SENDGRID, mail, post_text
from tests.sandbox.vendor_process import VendorProcess

HOSTILE = '<script>alert("x")</script>'


@pytest.fixture(scope="module")
def vendors(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VendorProcess]:
    with VendorProcess("messages", tmp_path_factory.mktemp("messages")) as process:
        assert "Nothing has arrived yet" in page(process)
        html = {"type": "text/html", "value": f"<p>Hello</p>{HOSTILE}"}
        text = {"type": "text/plain", "value": f"Hello {HOSTILE}"}
        hostile = mail("mallory@example.com", subject=HOSTILE, content=[text, html])
        process.call("POST", "/v3/mail/send", hostile, SENDGRID)
        process.call("POST", "/v3/mail/send", mail("100%@example.com"), SENDGRID)
        post_text(process, Body=HOSTILE)
        post_text(process, Body="Your parcel is on its way")
        for number in range(60):
            process.call("POST", "/v3/mail/send", mail(f"reader{number}@example.com"), SENDGRID)
        yield process


def page(vendors: VendorProcess, path: str = "/") -> str:
    status, headers, body = vendors.call("GET", path)
    assert status == 200
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy.split("style-src")[0]
    return body.decode()


def found(html: str) -> list[str]:
    return re.findall(r'<span class="who">([^<]*)</span>', html)


class TestTheList:
    def test_shows_the_newest_first_and_the_rest_on_older_pages(
        self, vendors: VendorProcess
    ) -> None:
        first = page(vendors)
        older = re.search(r'class="older" href="([^"]+)"', first)
        assert older is not None
        second = page(vendors, older[1])

        assert found(first)[0] == "reader59@example.com"
        assert len(found(first)) == 50
        assert found(second)[-1] == "mallory@example.com"
        assert len(found(first) + found(second)) == 64

    def test_finds_words_in_addresses_subjects_and_texts(self, vendors: VendorProcess) -> None:
        assert found(page(vendors, "/?q=reader42")) == ["reader42@example.com"]
        assert found(page(vendors, "/?q=parcel")) == ["+441134960123"]
        assert found(page(vendors, "/?q=100%25")) == ["100%@example.com"]
        assert "Nothing matches" in page(vendors, "/?q=nobody")

    def test_filters_by_kind(self, vendors: VendorProcess) -> None:
        assert found(page(vendors, "/?provider=twilio")) == ["+441134960123"] * 2

    def test_escapes_what_was_searched_for(self, vendors: VendorProcess) -> None:
        html = page(vendors, "/?q=%22%3E%3Cscript%3Ealert(1)%3C/script%3E")

        assert "<script>alert" not in html


class TestOneMessage:
    def test_a_hostile_mail_is_shown_and_runs_nothing(self, vendors: VendorProcess) -> None:
        html = page(vendors, "/messages/1")
        status, headers, body = vendors.call("GET", "/messages/1/html")

        assert HOSTILE not in html
        assert "&lt;script&gt;" in html
        assert re.search(r'<iframe[^>]* sandbox="[^"]*"', html)
        assert "allow-scripts" not in html
        assert (status, b"<p>Hello</p>" in body) == (200, True)
        policy = headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "sandbox" in policy
        assert "allow-scripts" not in policy

    def test_a_text_message_is_shown_in_its_conversation(self, vendors: VendorProcess) -> None:
        html = page(vendors, "/messages/4")

        assert html.count('class="bubble') == 2
        assert "Your parcel is on its way" in html
        assert HOSTILE not in html

    @pytest.mark.parametrize(
        "path", ["/messages/999", "/messages/x", "/messages/99999999999999999"]
    )
    def test_an_unknown_message_is_404(self, vendors: VendorProcess, path: str) -> None:
        status, _, body = vendors.call("GET", path)

        assert (status, b"There is no such message" in body) == (404, True)

    @pytest.mark.parametrize("asset", ["/catcher.css", "/catcher.js"])
    def test_the_assets_are_there(self, vendors: VendorProcess, asset: str) -> None:
        assert vendors.call("GET", asset)[0] == 200
