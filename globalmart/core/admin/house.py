"""The base class of every model's staff pages.

What is not named `editable` is read-only, so money and states cannot be typed over: they change
through services, which lock, check and write the timeline. Nothing is ever deleted here. unfold is
imported in this module alone.
"""

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, ClassVar

from django.core.paginator import Page, Paginator
from django.db import connection, models
from django.forms import ModelForm
from django.http import HttpRequest
from django.utils.functional import cached_property
from unfold.admin import ModelAdmin as UnfoldAdmin
from unfold.admin import TabularInline
from unfold.decorators import display
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from globalmart.core.money import display as display_money

COUNT_LIMIT = 10_000
Show = Callable[[Any], Any]
GOOD = ("completed", "paid", "captured", "authorized", "fulfilled", "shipped", "done", "delivered")
WAIT = ("pending_payment", "pending", "processing", "requires_action", "unpaid", "held", "queued")
BAD = ("failed", "rejected", "dead", "unknown", "submit_unknown", "declined", "refused", "bounced")
TONES: dict[str, str] = {
    **dict.fromkeys(GOOD, "success"),
    **dict.fromkeys(WAIT, "warning"),
    **dict.fromkeys(BAD, "danger"),
    **dict.fromkeys(("confirmed", "in_fulfillment", "accepted", "in_progress", "sent"), "info"),
    **dict.fromkeys(("warning", "under_review", "on_hold"), "warning"),
    **dict.fromkeys(("needs_response", "lost"), "danger"),
    "won": "success",
    **dict.fromkeys(("staff", "warehouse", "developer"), "danger"),
    "nobody": "warning",
    **dict.fromkeys(("committed", "submitted", "consumed", "partially_shipped"), "info"),
}


def _words(field: str) -> str:
    return field.removesuffix("_minor").replace("_", " ")


def chip(field: str = "state") -> Show:
    """Return a column that shows a state as a coloured chip."""

    @display(description=_words(field), ordering=field, label=TONES)  # type: ignore[untyped-decorator]
    def show(row: models.Model) -> tuple[str, str]:
        value = str(getattr(row, field))
        return value, value.replace("_", " ")

    show.__name__ = f"{field}_chip"
    return show  # type: ignore[no-any-return] # unfold ships no types


@cache
def money(field: str) -> Show:
    """Return a column that shows minor units of the row's own currency as an amount.

    The same for the same field: Django looks for it among the read-only ones.
    """

    @display(description=_words(field), ordering=field)  # type: ignore[untyped-decorator]
    def show(row: models.Model) -> str:
        amount = getattr(row, field, None)
        return "" if amount is None else display_money(amount, getattr(row, "currency", "GBP"))

    show.__name__ = f"{field}_shown"
    return show  # type: ignore[no-any-return] # unfold ships no types


class BoundedPaginator(Paginator):  # type: ignore[type-arg] # not subscriptable at run time
    """Counts a whole table by the planner's estimate, and a filtered one only up to a limit.

    An exact count of a million orders takes longer than the page around it. So would a late page:
    its keys are counted off in the index alone, and only its own rows are read.
    """

    @cached_property
    def count(self) -> int:
        """The number of rows, estimated or cut off where it is large."""
        rows: Any = self.object_list
        query = getattr(rows, "query", None)
        if query is not None and not query.where and not query.distinct:
            with connection.cursor() as cursor:
                cursor.execute(
                    "SELECT reltuples::bigint FROM pg_class WHERE oid = %s::regclass",
                    [connection.ops.quote_name(rows.model._meta.db_table)],
                )
                estimate = int(cursor.fetchone()[0])
            if estimate > COUNT_LIMIT:
                return estimate
        return int(rows.order_by()[:COUNT_LIMIT].count())

    def page(self, number: int | str) -> Page[Any]:
        """Return one page, as far down as it may be."""
        number = self.validate_number(number)
        first = (number - 1) * self.per_page
        rows: Any = self.object_list
        if first < COUNT_LIMIT or not hasattr(rows, "query"):
            return super().page(number)
        keys = list(rows.values_list("pk", flat=True)[first : first + self.per_page])
        return Page(rows.filter(pk__in=keys), number, self)


class ReadOnlyByDefault:
    """What pages and inlines share: every field is shown, the `editable` ones can be changed.

    `set_once` are editable only on the page that adds a row; `hidden` are not shown.
    """

    editable: ClassVar[Sequence[str]] = ()
    set_once: ClassVar[Sequence[str]] = ()
    hidden: ClassVar[Sequence[str]] = ()
    shows: ClassVar[Sequence[Show]] = ()
    can_add: ClassVar[bool] = False
    model: type[models.Model]

    def _field(self, field: "models.Field[Any, Any]") -> str | Show:
        has_currency = any(each.name == "currency" for each in self.model._meta.fields)
        if field.name.endswith("_minor") and has_currency and field.name not in self.editable:
            return money(field.name)
        return field.name

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        """Return all fields in the model's order, then what `shows` adds."""
        if obj is None and self.can_add and isinstance(self, UnfoldAdmin):
            return [*self.set_once, *self.editable]
        # An inline's link to its parent is the page that it stands on.
        parent = getattr(self, "parent_model", None)
        fields = [
            self._field(field)
            for field in self.model._meta.fields
            if field.name not in self.hidden
            and not isinstance(field, models.AutoField)
            and not (parent is not None and field.related_model is parent)
        ]
        return [*fields, *self.shows]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        """Return all fields but the editable ones."""
        # On an inline `obj` is the parent: its form closes what is set once, row by row.
        is_new = obj is None or hasattr(self, "parent_model")
        open_ = {*self.editable, *(self.set_once if is_new else ())}
        return [each for each in self.get_fields(request, obj) if each not in open_]

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Tell whether rows may be added by hand."""
        parents = (obj,) if getattr(self, "parent_model", None) else ()
        return self.can_add and bool(super().has_add_permission(request, *parents))  # type: ignore[misc]

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Tell whether anything on the page may be changed."""
        return bool(self.editable) and bool(super().has_change_permission(request, obj))  # type: ignore[misc]

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nothing is deleted by hand: switch off, revoke or cancel instead."""
        return False


class HouseAdmin(ReadOnlyByDefault, UnfoldAdmin):  # type: ignore[misc] # unfold ships no types
    """The base of every model's pages."""

    paginator = BoundedPaginator
    show_full_result_count = False
    list_per_page = 50
    list_fullwidth = True
    actions: ClassVar[Sequence[str] | None] = None

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Write what was changed, and no other column: services may have moved those since the
        row was read, as checkout counts the uses of a voucher."""
        if not change:
            super().save_model(request, obj, form, change)
            return
        columns = {field.name for field in obj._meta.concrete_fields}
        obj.save(update_fields=[name for name in form.changed_data if name in columns])


class RowForm(ModelForm):  # type: ignore[type-arg] # not subscriptable at run time
    """A row of an inline: what is set once is open on a new row alone."""

    set_once: ClassVar[Sequence[str]] = ()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in self.fields.keys() & set(self.set_once):
            self.fields[name].disabled = self.instance.pk is not None
            # The buttons beside a choice would leave no room to read it.
            for link in ("add", "change", "delete", "view"):
                setattr(self.fields[name].widget, f"can_{link}_related", False)


class HouseInline(ReadOnlyByDefault, TabularInline):  # type: ignore[misc] # unfold ships no types
    """The base of rows shown on their parent's page."""

    extra = 0
    per_page = 50
    ordering = ("pk",)
    show_change_link = False

    def get_formset(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        """Return the class of the rows' forms."""
        form = type("Row", (RowForm,), {"set_once": self.set_once})
        return super().get_formset(request, obj, **{"form": form, **kwargs})


__all__ = [
    "AdminPasswordChangeForm",
    "HouseAdmin",
    "HouseInline",
    "UnfoldAdmin",
    "UserChangeForm",
    "UserCreationForm",
    "chip",
    "money",
]
