"""Lists, and the expansion of ids into objects."""

from collections.abc import Callable
from typing import Any

from globalmart.sandbox.stripe import errors
from globalmart.sandbox.stripe.parameters import Parameters
from globalmart.sandbox.stripe.store import Call, Json, shown
from globalmart.sandbox.web import Request

Operate = Callable[[Call, Request], Json]

EXPANDABLE = frozenset({
    "latest_charge", "payment_method", "payment_intent", "charge", "balance_transaction",
    "failure_balance_transaction", "source",
})  # fmt: skip
MAX_DEPTH = 4
COMPARISONS = {"gte": ">=", "gt": ">", "lte": "<=", "lt": "<"}
PAGING = ("limit", "starting_after", "ending_before", "created", "expand")


def page(
    call: Call, kind: str, params: Parameters, *, url: str, wheres: list[tuple[str, Any]]
) -> Json:
    """Return a list object, newest first. Raises StripeError for a bad cursor or limit."""
    limit = params.integer("limit")
    limit = 10 if limit is None else limit
    if not 1 <= limit <= 100:
        raise errors.invalid("Invalid limit: must be between 1 and 100.", param="limit")
    wheres = [*wheres, *_created(params)]
    newest_first = True
    for name, comparison in (("starting_after", "<"), ("ending_before", ">")):
        cursor = params.text(name)
        if cursor is None:
            continue
        number = call.store.number(cursor)
        if number is None:
            raise errors.missing(kind, cursor, param=name)
        wheres.append((f"number {comparison} ?", number))
        newest_first = name == "starting_after"
    found = call.store.page(kind, wheres=wheres, limit=limit + 1, newest_first=newest_first)
    data = [shown(item) for item in found[:limit]]
    if not newest_first:
        data.reverse()
    answer = {"object": "list", "data": data, "has_more": len(found) > limit, "url": url}
    return expand(call, answer, params)


def named(call: Call, params: Parameters, **columns: str) -> list[tuple[str, Any]]:
    """Return the conditions for the ids that were sent; each of `columns` is a name and its SQL.

    Raises StripeError (404) for an id that nothing has.
    """
    found: list[tuple[str, Any]] = []
    for name, sql in columns.items():
        identifier = params.text(name)
        if identifier is None:
            continue
        if call.store.number(identifier) is None:
            raise errors.missing(name, identifier, param=name)
        found.append((sql, identifier))
    return found


def find(call: Call, request: Request, prefix: str, kind: str) -> Json:
    """Return the object that the path names. Raises StripeError (404)."""
    identifier = request.params["id"]
    found = call.store.load(identifier) if identifier.startswith(prefix) else None
    if found is None:
        raise errors.missing(kind, identifier, param="id")
    return found


def retrieve(prefix: str, kind: str) -> Operate:
    """Return the operation GET /v1/<kind>s/{id}."""

    def operate(call: Call, request: Request) -> Json:
        params = Parameters(request.query)
        params.only("expand")
        return expand(call, shown(find(call, request, prefix, kind)), params)

    return operate


def expand(call: Call, value: Json, params: Parameters) -> Json:
    """Put objects in place of the ids that `expand[]` names. Raises StripeError (400)."""
    for path in params.listed("expand"):
        steps = path.split(".") if isinstance(path, str) else []
        if not 1 <= len(steps) <= MAX_DEPTH:
            raise errors.invalid("Expansion can be at most four levels deep.", param="expand")
        _expand(call, value, steps, path)
    return value


def _expand(call: Call, value: Json, steps: list[str], path: str) -> None:
    step, *rest = steps
    if step == "data" and value.get("object") == "list" and rest:
        for item in value["data"]:
            _expand(call, item, rest, path)
        return
    if step == "refunds" and value.get("object") == "charge":
        value[step] = _refunds(call, value["id"])
        return
    if step not in EXPANDABLE or step not in value:
        raise errors.invalid(f"This property cannot be expanded ({path}).", param="expand")
    if isinstance(value[step], str):
        found = call.store.load(value[step])
        value[step] = None if found is None else shown(found)
    if rest and isinstance(value[step], dict):
        _expand(call, value[step], rest, path)


def _refunds(call: Call, charge_id: str) -> Json:
    url = f"/v1/charges/{charge_id}/refunds"
    return page(call, "refund", Parameters({}), url=url, wheres=[("type = ?", charge_id)])


def _created(params: Parameters) -> list[tuple[str, Any]]:
    if not params.has("created"):
        return []
    if not isinstance(params.values["created"], dict):
        return [("created = ?", params.integer("created"))]
    bounds = params.mapping("created")
    bounds.only(*COMPARISONS)
    return [(f"created {COMPARISONS[name]} ?", bounds.integer(name)) for name in bounds.values]
