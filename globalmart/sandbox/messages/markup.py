"""The HTML of the page. Everything that came from outside goes through `escape`."""

import json
import sqlite3
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from html import escape
from urllib.parse import urlencode

Row = sqlite3.Row
MAIL_BASE = '<!doctype html><meta charset="utf-8"><base target="_blank">'
TABS = (("", "All"), ("sendgrid", "Mail"), ("twilio", "Texts"))
ENVELOPE = (
    '<svg viewBox="0 0 24 24" aria-hidden="true"><rect x="3" y="5" width="18" height="14" rx="2"/>'
    '<path d="m3.5 7 8.5 6 8.5-6"/></svg>'
)
BUBBLE = (
    '<svg viewBox="0 0 24 24" aria-hidden="true">'
    '<path d="M5 4h14a2 2 0 0 1 2 2v9a2 2 0 0 1-2 2h-8l-5 4v-4H5a2 2 0 0 1-2-2V6a2 2 0 0 1 2-2z"/>'
    "</svg>"
)


def page(
    *,
    rows: Sequence[Row],
    message: Row | None,
    statuses: Sequence[Row],
    conversation: Sequence[Row],
    counts: Mapping[str, int],
    query: Mapping[str, str],
    older: str,
    is_missing: bool,
) -> str:
    """Return the whole page; `message` is the one that is open, if any."""
    open_one = _detail(message, statuses, conversation, is_missing=is_missing)
    newest = rows[0]["id"] if rows else 0
    state = ' class="is-open"' if message is not None or is_missing else ""
    further = f'<a class="older" href="/?{escape(older)}">Older messages</a>' if older else ""
    return f"""{_head(message)}
<body{state} data-newest="{newest}">
{_bar(query)}
<main>
<section class="inbox" aria-label="Messages">
<nav class="tabs" aria-label="Kind">{_tabs(counts, query)}</nav>
<a class="fresh" href="/" hidden>New messages have arrived</a>
{_inbox(rows, message, query)}{further}
</section>
<section class="reader" aria-label="Message">
<a class="back" href="/?{escape(urlencode(query))}">All messages</a>
{open_one}
</section>
</main>
</body>
</html>
"""


def _head(message: Row | None) -> str:
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{escape(_title(message))}</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/catcher.css">
<script src="/catcher.js" defer></script>
</head>"""


def _bar(query: Mapping[str, str]) -> str:
    return f"""<header class="bar">
<a class="brand" href="/">{ENVELOPE}<span>Post room</span></a>
<form class="search" action="/" role="search">
<input type="search" name="q" value="{escape(query.get("q", ""))}" maxlength="100"
 placeholder="Search address, subject, order" aria-label="Search messages">
{_kept(query)}
</form>
<p class="note">Sandbox: nothing here has left this machine.</p>
</header>"""


def _detail(
    message: Row | None, statuses: Sequence[Row], conversation: Sequence[Row], *, is_missing: bool
) -> str:
    if message is not None:
        shown = _text(message, conversation) if _is_text(message) else _mail(message)
        return shown + _facts(message, statuses)
    if is_missing:
        return _hint("There is no such message.", "It may belong to an older run.")
    return _hint("Choose a message", "It opens here, as its reader sees it.")


def _title(message: Row | None) -> str:
    if message is None:
        return "Post room"
    return f"{message['subject'] or 'Text to ' + message['recipient']} - Post room"


def _kept(query: Mapping[str, str]) -> str:
    provider = query.get("provider")
    return f'<input type="hidden" name="provider" value="{escape(provider)}">' if provider else ""


def _tabs(counts: Mapping[str, int], query: Mapping[str, str]) -> str:
    tabs = []
    for provider, label in TABS:
        wanted = {name: text for name, text in query.items() if name != "provider"}
        if provider:
            wanted["provider"] = provider
        number = counts.get(provider, 0) if provider else sum(counts.values())
        here = ' aria-current="page"' if query.get("provider", "") == provider else ""
        tabs.append(f'<a href="/?{escape(urlencode(wanted))}"{here}>{label} <b>{number:,}</b></a>')
    return "".join(tabs)


def _inbox(rows: Sequence[Row], message: Row | None, query: Mapping[str, str]) -> str:
    if not rows and query:
        return _hint("Nothing matches.", "Try an address, an order number or a word.")
    if not rows:
        return _hint("Nothing has arrived yet.", "Place an order: its confirmation lands here.")
    chosen = message["id"] if message is not None else 0
    tail = f"?{urlencode(query)}" if query else ""
    return f'<ol class="list">{"".join(_item(row, chosen, tail) for row in rows)}</ol>'


def _item(row: Row, chosen: int, tail: str) -> str:
    here = ' aria-current="true"' if row["id"] == chosen else ""
    headline = row["subject"] if not _is_text(row) else row["text"]
    preview = "" if _is_text(row) else f'<span class="preview">{escape(row["text"][:140])}</span>'
    return (
        f'<li><a href="/messages/{row["id"]}{escape(tail)}"{here}>'
        f'<span class="mark {row["provider"]}">{BUBBLE if _is_text(row) else ENVELOPE}</span>'
        f'<span class="who">{escape(row["recipient"])}</span>{_time(row["created_at"])}'
        f'<span class="subject">{escape(headline[:160])}</span>{preview}{_chips(row)}</a></li>'
    )


def _chips(row: Row) -> str:
    named = [row["kind"] and row["kind"].replace("_", " "), row["order_number"]]
    chips = "".join(f"<i>{escape(name)}</i>" for name in named if name)
    return f'<span class="chips">{chips}</span>' if chips else ""


def _mail(message: Row) -> str:
    text = f"<pre>{escape(message['text'])}</pre>"
    html = (
        '<iframe title="The mail as its reader sees it"'
        ' sandbox="allow-popups allow-popups-to-escape-sandbox"'
        f' src="/messages/{message["id"]}/html"></iframe>'
    )
    both = f'{html}<details class="plain"><summary>Text version</summary>{text}</details>'
    return (
        f'<article class="mail"><header><h1>{escape(message["subject"])}</h1>'
        f"<p><span>From</span> {escape(message['sender'])}</p>"
        f"<p><span>To</span> {escape(message['recipient'])} {_time(message['created_at'])}</p>"
        f"</header>{both if message['html'] else text}</article>"
    )


def _text(message: Row, conversation: Sequence[Row]) -> str:
    bubbles = []
    for row in conversation:
        here = " is-chosen" if row["id"] == message["id"] else ""
        bubbles.append(
            f'<li class="bubble{here}"><p>{escape(row["text"])}</p>{_time(row["created_at"])}</li>'
        )
    return (
        f'<article class="phone"><header><span class="mark twilio">{BUBBLE}</span>'
        f"<h1>{escape(message['recipient'])}</h1><p>from {escape(message['sender'])}</p></header>"
        f"<ol>{''.join(bubbles)}</ol></article>"
    )


def _facts(message: Row, statuses: Sequence[Row]) -> str:
    steps = "".join(f"<li>{escape(row['status'])} {_time(row['at'])}</li>" for row in statuses)
    facts = {"provider": message["provider"], "provider's id": message["message_id"]}
    facts |= {name: str(text) for name, text in json.loads(message["metadata"]).items()}
    rows = "".join(
        f"<dt>{escape(name)}</dt><dd>{escape(text)}</dd>" for name, text in facts.items()
    )
    return (
        f'<aside class="facts"><h2>What happened</h2><ol class="steps">{steps}</ol>'
        f"<details><summary>Details</summary><dl>{rows}</dl></details></aside>"
    )


def _hint(headline: str, advice: str) -> str:
    return f'<div class="hint">{ENVELOPE}<h2>{escape(headline)}</h2><p>{escape(advice)}</p></div>'


def _time(at: float) -> str:
    when = datetime.fromtimestamp(at, UTC)
    is_today = when.date() == datetime.now(UTC).date()
    shown = when.strftime("%H:%M" if is_today else "%-d %b, %H:%M")
    full = when.strftime("%-d %B %Y, %H:%M:%S UTC")
    return f'<time datetime="{when.isoformat()}" title="{full}">{shown}</time>'


def _is_text(row: Row) -> bool:
    return bool(row["provider"] == "twilio")
