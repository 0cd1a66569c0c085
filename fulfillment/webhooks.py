"""The warehouse's way in: a hint that it has news, never the news itself."""

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from fulfillment.services import polling, pushes
from globalmart.core import problems

# A location's code is twenty characters long; a signature is not much longer.
MOST_BYTES, MOST_SIGNATURE = 4_096, 1_024


@csrf_exempt
@require_POST
def warehouse_push(request: HttpRequest) -> HttpResponse:
    """Make the warehouse that is named due, and answer 202 at once; what it did is polled.

    401 to whoever is not the warehouse, 404 where pushes are not taken or no warehouse has this
    location. What is not signed is refused before its body is parsed or the database is asked.
    """
    if not pushes.is_open():
        return _not_found(request, "Pushes are not taken.")
    signature = request.headers.get("Warehouse-Signature", "")
    if not signature or len(signature) > MOST_SIGNATURE:
        return _refuse("bad signature", 401)
    length = request.headers.get("Content-Length", "")
    # Without a length nothing is read. Whoever writes no number does not get it read either.
    if length and not (length.isdecimal() and int(length[:9]) <= MOST_BYTES):
        return _refuse("too large", 413)
    now = timezone.now()
    try:
        location = pushes.read(payload=request.body, signature=signature, now=now)
    except pushes.BadSignature:
        return _refuse("bad signature", 401)
    except pushes.BadPush as error:
        return _refuse(str(error), 400)
    if not polling.hint(location=location, now=now):
        return _not_found(request, "No warehouse has this location.")
    return HttpResponse("noted", status=202, content_type="text/plain")


def _not_found(request: HttpRequest, detail: str) -> HttpResponse:
    return problems.answer(problems.Problem(code="not_found", detail=detail), request=request)


def _refuse(why: str, status: int) -> HttpResponse:
    return HttpResponse(why, status=status, content_type="text/plain")
