"""Stripe's way in."""

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from payments.gateways.intents import BadSignature
from payments.services import inbox


@csrf_exempt
@require_POST
def stripe_webhook(request: HttpRequest) -> HttpResponse:
    """Check, store, answer: 200 once it is durable, 400 to whoever is not Stripe."""
    try:
        notice = inbox.read(
            payload=request.body, signature=request.headers.get("Stripe-Signature", "")
        )
    except BadSignature:
        return HttpResponse("bad signature", status=400, content_type="text/plain")
    inbox.receive(notice=notice, now=timezone.now())
    return HttpResponse("stored", content_type="text/plain")
