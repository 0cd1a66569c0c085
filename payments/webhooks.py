"""Stripe's way in."""

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from payments.gateways.intents import BadSignature
from payments.services import inbox

# Stripe's largest events are a tenth of this, its signature headers a fourth.
MOST_BYTES, MOST_SIGNATURE = 524_288, 1_024


@csrf_exempt
@require_POST
def stripe_webhook(request: HttpRequest) -> HttpResponse:
    """Check, store, answer: 200 once it is durable, 400 to whoever is not Stripe.

    What cannot be Stripe's is refused before its body is read, and what is not signed before it
    is parsed or the database is asked.
    """
    signature = request.headers.get("Stripe-Signature", "")
    if not signature or len(signature) > MOST_SIGNATURE:
        return _refuse("bad signature", 400)
    if _is_too_large(request.headers.get("Content-Length", "")):
        return _refuse("too large", 413)
    try:
        notice = inbox.read(payload=request.body, signature=signature)
    except BadSignature:
        return _refuse("bad signature", 400)
    inbox.receive(notice=notice, now=timezone.now())
    return HttpResponse("stored", content_type="text/plain")


def _is_too_large(length: str) -> bool:
    # Without a length nothing is read. Whoever writes no number does not get it read either.
    return bool(length) and not (length.isdecimal() and int(length[:9]) <= MOST_BYTES)


def _refuse(why: str, status: int) -> HttpResponse:
    return HttpResponse(why, status=status, content_type="text/plain")
