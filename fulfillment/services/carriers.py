"""Who carries parcels away, and where they can be followed."""

from fulfillment.models import Carrier


def ensure_carrier(*, name: str, tracking_url_template: str) -> bool:
    """Add the carrier with this name, as the warehouse calls it, unless it is there; tell whether
    it was added. "{number}" in the template (http or https) stands for the tracking number."""
    _, is_new = Carrier.objects.get_or_create(
        name=name, defaults={"tracking_url_template": tracking_url_template}
    )
    return is_new
