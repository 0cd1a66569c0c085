"""Products from a file of past sales: one per stock code, with its usual name and price."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from django.db import transaction
from django.utils.text import slugify

from fulfillment.services import openings
from orders.imports.categories import guess_shelf
from orders.imports.cleaning import Line, Reason, clean_record, is_clean_description
from orders.imports.progress import Meter, show_progress
from orders.imports.reading import read_records
from orders.imports.report import Rows, count_rows, write_rejects
from orders.imports.spool import Spool, open_spool
from orders.models import Category, Price, Product
from orders.services.price_lists import ensure_default_list

BATCH = 500
CURRENCY = "GBP"
OPENING_REASON = "opening"


@dataclass(frozen=True, slots=True)
class Article:
    """A stock code with its usual description and its median price in pence."""

    sku: str
    name: str
    price_minor: int


@dataclass(slots=True)
class CatalogueReport:
    """`created` and `present` count products, `stocked` those that got opening stock now."""

    rows: Rows
    created: int = 0
    present: int = 0
    stocked: int = 0


def import_catalogue(
    *, path: Path, rejects: Path, stock: int = 0, warehouse: str = "main"
) -> CatalogueReport:
    """Create the products that the file sells and the shop does not have yet.

    Products that exist keep their names and prices. With `stock`, every product of the file that
    has none yet gets an opening adjustment of so many units. Raises UnreadableFile.
    """
    with open_spool() as spool:
        with show_progress(title="Reading", unit="rows", total=None) as meter:
            read = spool.load(_watched(path, meter))
        _reject_nameless(spool)
        report = CatalogueReport(rows=Rows())
        total = spool.count("SELECT count(DISTINCT sku) FROM line WHERE status = 'open'")
        with show_progress(title="Products", unit="products", total=total) as meter:
            articles = list_articles(spool=spool)
            while batch := list(islice(articles, BATCH)):
                created = _create_missing(batch)
                report.created += created
                report.present += len(batch) - created
                if stock:
                    report.stocked += openings.book_opening(
                        warehouse_code=warehouse,
                        quantities={article.sku: stock for article in batch},
                        reason=OPENING_REASON,
                        actor="import",
                    )
                meter(report.created + report.present)
        spool.database.execute("UPDATE line SET status = 'placed' WHERE status = 'open'")
        report.rows = count_rows(spool=spool, read=read)
        write_rejects(spool=spool, source=path, target=rejects)
    return report


def list_articles(*, spool: Spool) -> Iterator[Article]:
    """Yield one article per stock code of the usable rows, in the order of the codes."""
    codes = spool.database.execute(
        "SELECT DISTINCT sku FROM line WHERE status = 'open' ORDER BY sku"
    )
    for (sku,) in codes:
        yield Article(sku, usual_description(spool, sku), _median_price(spool, sku))


def usual_description(spool: Spool, sku: str) -> str:
    """Return the most frequent clean description (the first in the alphabet among equals)."""
    rows = spool.database.execute(
        "SELECT description FROM line WHERE sku = ? AND description <> ''"
        " GROUP BY description ORDER BY count(*) DESC, description",
        (sku,),
    )
    clean = (text for (text,) in rows if is_clean_description(text=text))
    return next(clean, "")


def _watched(path: Path, meter: Meter) -> Iterator[Line]:
    for number, record in enumerate(read_records(path=path), start=1):
        meter(number)
        yield clean_record(record=record)


def _reject_nameless(spool: Spool) -> None:
    """Reject the rows of codes that no row of the file describes."""
    codes = spool.database.execute("SELECT DISTINCT sku FROM line WHERE status = 'open'").fetchall()
    for (sku,) in codes:
        if not usual_description(spool, sku):
            rows = spool.database.execute(
                "SELECT line FROM line WHERE sku = ? AND status = 'open'", (sku,)
            ).fetchall()
            spool.reject((line for (line,) in rows), Reason.NO_DESCRIPTION)


def _median_price(spool: Spool, sku: str) -> int:
    """Return the median of the usable rows' prices; half a penny is rounded up."""
    low, high = spool.database.execute(
        "SELECT min(price_minor), max(price_minor) FROM ("
        "  SELECT price_minor, row_number() OVER (ORDER BY price_minor) AS place,"
        "         count(*) OVER () AS total"
        "  FROM line WHERE sku = ? AND status = 'open')"
        " WHERE place IN ((total + 1) / 2, (total + 2) / 2)",
        (sku,),
    ).fetchone()
    return (int(low) + int(high) + 1) // 2


def _create_missing(batch: list[Article]) -> int:
    """Create the products of a batch that are not there, with prices; return how many."""
    with transaction.atomic():
        present = set(
            Product.objects.filter(sku__in=[article.sku for article in batch]).values_list(
                "sku", flat=True
            )
        )
        missing = [article for article in batch if article.sku not in present]
        shelves = {guess_shelf(description=article.name) for article in missing}
        categories = {
            shelf.slug: Category.objects.get_or_create(
                slug=shelf.slug, defaults={"name": shelf.name, "position": 50}
            )[0]
            for shelf in shelves
        }
        products = Product.objects.bulk_create(
            Product(
                sku=article.sku,
                slug=slugify(f"{article.name} {article.sku}")[-120:].lstrip("-"),
                name=article.name,
                category=categories[guess_shelf(description=article.name).slug],
            )
            for article in missing
        )
        prices = ensure_default_list(currency=CURRENCY)
        Price.objects.bulk_create(
            Price(product=product, price_list=prices, amount_minor=article.price_minor)
            for product, article in zip(products, missing, strict=True)
        )
    return len(missing)
