"""What carriers tell of parcels that left, by the clock or by hand."""

from globalmart.sandbox.book import Book
from globalmart.sandbox.warehouse.clockwork import Clockwork, Plan, Waiting
from globalmart.sandbox.warehouse.habits import Habits

STATES = (
    *("label_created", "in_transit", "out_for_delivery", "available_for_pickup", "attempt_failed"),
    *("exception", "delivered", "returned_to_sender", "lost", "voided"),
)
USUAL: Plan = ((0.1, "in_transit"), (0.7, "out_for_delivery"), (1.0, "delivered"))
PLANS: dict[str, Plan] = {
    "": USUAL,
    "exception": (USUAL[0], (0.4, "exception"), *USUAL[1:]),
    "lost": (USUAL[0], (1.0, "lost")),
}
WORDS = {
    "in_transit": "On its way",
    "out_for_delivery": "With the driver",
    "delivered": "Delivered",
    "exception": "The label cannot be read",
    "lost": "Nobody knows where it is",
}


class Carriers:
    """Follows parcels. Its owner takes turns and holds the book's pen while writing."""

    def __init__(self, book: Book, habits: Habits) -> None:
        self._book = book
        self._clockwork = Clockwork(seconds=0.0)
        self._habits = habits
        self.set_habits(habits)

    def set_habits(self, habits: Habits) -> None:
        """Travel as fast as this from now on, with the parcels under way too."""
        self._habits = habits
        self._clockwork.clear()
        if habits.deliver_after is None:
            return
        self._clockwork.set_speed(habits.deliver_after)
        rows = self._book.query(
            "SELECT shipment_id, shipped_at, (SELECT count(*) FROM carrier_events e"
            " WHERE e.shipment_id = s.shipment_id) AS told FROM shipments s"
        )
        for row in rows:
            self.take(row["shipment_id"], row["shipped_at"], told=row["told"])

    def take(self, shipment_id: str, shipped_at: float, *, told: int = 0) -> None:
        """Follow a parcel of which so much was told already."""
        if self._habits.deliver_after is not None:
            plan = PLANS[self._habits.fate(shipment_id)]
            self._clockwork.add(Waiting(shipment_id, shipped_at, plan, told))

    def is_due(self, now: float) -> bool:
        """Tell whether there is anything to tell."""
        return self._clockwork.is_due(now)

    def advance(self, now: float) -> list[str]:
        """Write down what is due; return the parcels that it is about."""
        told = []
        for at, shipment_id, state in self._clockwork.due(now):
            self._tell(shipment_id, state, at)
            told.append(shipment_id)
        return told

    def tell(self, shipment_id: str, state: str, at: float) -> None:
        """Write a milestone down that was told by hand; the clock says no more of this parcel."""
        self._clockwork.remove(shipment_id)
        self._tell(shipment_id, state, at)

    def _tell(self, shipment_id: str, state: str, at: float) -> None:
        self._book.append(
            "carrier_events",
            shipment_id=shipment_id,
            state=state,
            at=at,
            description=WORDS.get(state, ""),
        )
