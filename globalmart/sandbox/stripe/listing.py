"""Lists, and the expansion of ids into objects."""

from typing import Any

from globalmart.sandbox.stripe import errors
from globalmart.sandbox.stripe.parameters import Parameters
from globalmart.sandbox.stripe.store import Call, Json, shown

EXPANDABLE = frozenset({"latest_charge", "payment_method", "payment_intent", "charge"})
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
    if step not in EXPANDABLE or step not in value:
        raise errors.invalid(f"This property cannot be expanded ({path}).", param="expand")
    if isinstance(value[step], str):
        found = call.store.load(value[step])
        value[step] = None if found is None else shown(found)
    if rest and isinstance(value[step], dict):
        _expand(call, value[step], rest, path)


def _created(params: Parameters) -> list[tuple[str, Any]]:
    if not params.has("created"):
        return []
    if not isinstance(params.values["created"], dict):
        return [("created = ?", params.integer("created"))]
    bounds = params.mapping("created")
    bounds.only(*COMPARISONS)
    return [(f"created {COMPARISONS[name]} ?", bounds.integer(name)) for name in bounds.values]
