"""Which orders a parcel, a request or a return belongs to, by what others call it."""

from itertools import chain

from django.db.models import F

from fulfillment.models import Fulfillment, ReturnReceipt, Shipment
from fulfillment.models.expressions import tracking_key


def find_by_tracking(*, number: str) -> list[int]:
    """Return the orders of the parcels with this tracking number, in any spelling."""
    found = Shipment.objects.alias(key=tracking_key()).filter(key=_key_of(number))
    return list(found.exclude(tracking_number="").values_list("order_id", flat=True))


def find_by_warehouse_id(*, text: str) -> list[int]:
    """Return the orders of a request (our reference, or the warehouse's number of it), or of a
    parcel by the warehouse's id or ours, or of a receipt of returned goods by its permission."""
    key = _key_of(text)
    spellings = {text, key}
    requests = Fulfillment.objects.order_by()
    found = (
        requests.filter(reference=key),
        requests.filter(wms_number__in=spellings).exclude(wms_number=""),
        Shipment.objects.filter(wms_shipment_id__in=spellings),
        Shipment.objects.filter(public_id=text),
        ReturnReceipt.objects.filter(rma__in=spellings, order__isnull=False).exclude(rma=""),
    )
    orders = (rows.annotate(owner=F("order_id")).values_list("owner", flat=True) for rows in found)
    return list(dict.fromkeys(chain.from_iterable(orders)))


def _key_of(text: str) -> str:
    return text.replace(" ", "").upper()
