"""Lists that search, filter, sort and page alike: a page says its columns and filters, the address says the rest."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlencode

from django.core.paginator import Page, Paginator
from django.db.models import Q, QuerySet
from django.http import HttpRequest

PER_PAGE = 25
MAX_SEARCH = 200  # letters
SEARCH, SORT, PAGE = "q", "sort", "page"

Rows = QuerySet[Any]


@dataclass(frozen=True)
class Column:
    """`order`: the fields it is sorted by; none: it is not. `more` are classes of its cells, `number` for numbers."""

    label: Any
    order: tuple[str, ...] = ()
    more: str = ""

    @property
    def key(self) -> str:
        return self.order[0].lstrip("-") if self.order else ""


@dataclass(frozen=True)
class Filter:
    """A choice among `choices` (value and label); `apply` narrows the rows down to one of them."""

    key: str
    label: Any
    choices: Sequence[tuple[str, Any]]
    apply: Callable[[Rows, str], Rows]
    chosen: str = ""


@dataclass(frozen=True)
class Listing:
    """What a list offers. `search` are fields in which the words are looked for, and `match` finds rows by all that was
    typed in another way; `sort` is the order it comes in."""

    columns: Sequence[Column]
    search: Sequence[str] = ()
    filters: Sequence[Filter] = ()
    sort: str = ""
    match: Callable[[str], Q] = field(default=lambda words: Q(pk__in=()))
    per_page: int = PER_PAGE

    def show(self, request: HttpRequest, rows: Rows) -> "Shown":
        """The page of `rows` that the address asks for; what means nothing there is passed over."""
        words = request.GET.get(SEARCH, "").replace("\0", "").strip()[:MAX_SEARCH]
        if words and self.search:
            rows = rows.filter(_find(self.search, words) | self.match(words))
        chosen = []
        for each in self.filters:
            value = request.GET.get(each.key, "")
            if value in {str(known) for known, _ in each.choices}:
                rows = each.apply(rows, value)
            else:
                value = ""
            chosen.append(replace(each, chosen=value))
        sort = request.GET.get(SORT, "")
        keys = {column.key: column.order for column in self.columns if column.order}
        if sort.lstrip("-") not in keys:
            sort = self.sort
        order = keys.get(sort.lstrip("-"), (sort.lstrip("-"),) if sort else ())
        if order:
            rows = rows.order_by(*(_turn(one) if sort.startswith("-") else one for one in order), "pk")
        paginator = Paginator(rows, self.per_page)
        page = paginator.get_page(request.GET.get(PAGE))
        return Shown(self, page, words, tuple(chosen), sort)


@dataclass(frozen=True)
class Shown:
    """One page of a list, as templates/studio/parts/listing.html draws it."""

    listing: Listing
    page: Page[Any]
    words: str
    filters: tuple[Filter, ...] = ()
    sort: str = ""

    @property
    def rows(self) -> Sequence[Any]:
        return self.page.object_list  # type: ignore[return-value]  # of a queryset, once it has been sliced

    @property
    def is_narrowed(self) -> bool:
        """Whether an empty page is empty for what was asked only."""
        return bool(self.words) or any(each.chosen for each in self.filters)

    @property
    def heads(self) -> list[dict[str, Any]]:
        """Each column with the address that sorts by it, and how it is sorted now."""
        return [
            {
                "label": column.label,
                "more": column.more,
                "query": self._query(**{SORT: f"-{column.key}" if self.sort == column.key else column.key}),
                "sorted": {column.key: "ascending", f"-{column.key}": "descending"}.get(self.sort, ""),
                "sortable": bool(column.order),
            }
            for column in self.listing.columns
        ]

    @property
    def previous_query(self) -> str:
        return self._query(**{PAGE: str(self.page.previous_page_number())}) if self.page.has_previous() else ""

    @property
    def next_query(self) -> str:
        return self._query(**{PAGE: str(self.page.next_page_number())}) if self.page.has_next() else ""

    def _query(self, **more: str) -> str:
        said = {SEARCH: self.words, SORT: self.sort, **{each.key: each.chosen for each in self.filters}, **more}
        return "?" + urlencode({key: value for key, value in said.items() if value})


def _find(fields: Sequence[str], words: str) -> Q:
    """Every word has to be found, in any of the fields."""
    found = Q()
    for word in words.split():
        one = Q()
        for name in fields:
            one |= Q(**{f"{name}__icontains": word})
        found &= one
    return found


def _turn(order: str) -> str:
    return order[1:] if order.startswith("-") else f"-{order}"
