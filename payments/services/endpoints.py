"""The endpoint at Stripe that sends us events: whether it is as it has to be, and making it so."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from payments import gateways
from payments.gateways.events import Endpoint
from payments.services.ranking import EVENT_TYPES

ALL_TYPES = "*"


@dataclass(frozen=True, slots=True)
class Inspection:
    """What is there: our endpoint, if it is, what is wrong, and what of that we can mend.

    `others` are endpoints at other addresses: another program's, or an old one of ours.
    """

    endpoint: Endpoint | None
    mendable: list[str] = field(default_factory=list)
    unmendable: list[str] = field(default_factory=list)
    others: list[Endpoint] = field(default_factory=list)

    @property
    def is_good(self) -> bool:
        return not self.mendable and not self.unmendable


def inspect_endpoint(*, url: str) -> Inspection:
    """Compare the endpoint at `url` with what we use. Waits for the network. Raises NotAnswered."""
    gateway = gateways.events()
    return compare(gateway.endpoints(), url=url, api_version=gateway.api_version)


def compare(endpoints: Sequence[Endpoint], *, url: str, api_version: str) -> Inspection:
    """Return what is to be said of the endpoints that Stripe shows. Pure."""
    ours = [each for each in endpoints if each.url == url]
    others = [each for each in endpoints if each.url != url]
    if not ours:
        return Inspection(None, [f"there is no endpoint for {url}"], [], others)
    endpoint = ours[0]
    mendable = list(_mendable(endpoint))
    unmendable = []
    if endpoint.api_version != api_version:
        version = endpoint.api_version or "the account's default version"
        unmendable.append(
            f"it writes events in {version}, and we read {api_version}: delete the endpoint in "
            "the dashboard and make it anew"
        )
    if len(ours) > 1:
        ids = ", ".join(each.id for each in ours[1:])
        unmendable.append(f"there are more for the same address ({ids}): delete them")
    return Inspection(endpoint, mendable, unmendable, others)


def _mendable(endpoint: Endpoint) -> list[str]:
    found = []
    wanted, sent = set(EVENT_TYPES), set(endpoint.types)
    if not endpoint.is_enabled:
        found.append("it is disabled")
    if ALL_TYPES in sent:
        return [*found, "it sends every type of event, most of which nobody uses"]
    if missing := sorted(wanted - sent):
        found.append(f"it does not send {', '.join(missing)}")
    if unneeded := sorted(sent - wanted):
        found.append(f"it sends what nobody uses: {', '.join(unneeded)}")
    return found


def mend_endpoint(*, url: str, inspection: Inspection) -> Endpoint:
    """Create the endpoint, or have it send what we use; return it, with its secret where it is
    new. Waits for the network. Raises NotAnswered."""
    gateway = gateways.events()
    if inspection.endpoint is None:
        return gateway.create_endpoint(url=url, types=EVENT_TYPES)
    return gateway.update_endpoint(endpoint_id=inspection.endpoint.id, types=EVENT_TYPES)
