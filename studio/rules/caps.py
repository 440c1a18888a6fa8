"""How often a rule is shown, as rows that read: at most 3 times a week, for each person."""

from collections.abc import Mapping, Sequence
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from profiles.writing import write_number

MAX_DIGITS = 10
SPANS = (("hour", _("an hour")), ("day", _("a day")), ("week", _("a week")), ("campaign", _("in all")))
OF = (("person", _("for each person")), ("everybody", _("for everybody together")))


class CapsWidget(forms.Widget):
    """Rows of a number, a period and of whom; the last one is empty, for another."""

    template_name = "studio/rules/caps.html"

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        context: dict[str, Any] = super().get_context(name, value, attrs)
        rows = [
            {"most": cap.get("most", ""), "per": cap.get("per", "week"), "of": cap.get("of", "person")}
            for cap in value or ()
            if isinstance(cap, Mapping)
        ]
        context |= {"rows": rows, "blank": {"most": "", "per": "week", "of": "person"}, "spans": SPANS, "whom": OF}
        return context

    def value_from_datadict(self, data: Mapping[str, Any], files: Any, name: str) -> list[dict[str, str]]:
        columns = [_list(data, f"{name}-{part}") for part in ("most", "per", "of")]
        rows = zip(*columns, strict=False)
        return [{"most": most.strip(), "per": per, "of": of} for most, per, of in rows if most.strip()]

    def value_omitted_from_data(self, data: Mapping[str, Any], files: Any, name: str) -> bool:
        return False  # no rows are no caps

    def id_for_label(self, id_: str) -> str:
        return ""  # there are several


class CapsField(forms.Field):
    """Cleaned to what a rule keeps: [{"most": 3, "per": "week", "of": "person"}]."""

    widget = CapsWidget

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"required": False, **options})

    def to_python(self, value: Any) -> list[dict[str, Any]]:
        caps = []
        for number, cap in enumerate(value or (), 1):
            most = str(cap["most"])
            if not (most.isascii() and most.isdigit()) or len(most) > MAX_DIGITS or int(most) < 1:
                said = gettext("Row %(row)s: how often at most? Type a whole number from 1, or take the row away.")
                raise ValidationError(said % {"row": number})
            if cap["per"] not in dict(SPANS) or cap["of"] not in dict(OF):
                raise ValidationError(gettext("Row %(row)s: choose a period, and for whom.") % {"row": number})
            caps.append({**cap, "most": int(most)})
        return caps

    def has_changed(self, initial: Any, data: Any) -> bool:
        return _number(initial) != _number(data)


def _list(data: Mapping[str, Any], name: str) -> Sequence[str]:
    read = getattr(data, "getlist", None)
    found = read(name) if read is not None else data.get(name, [])
    return [str(each) for each in found] if isinstance(found, list | tuple) else [str(found)]


def _number(value: Any) -> list[tuple[Any, Any, str]]:
    caps = [cap for cap in value or () if isinstance(cap, Mapping)]
    return sorted((str(cap.get("per")), str(cap.get("of", "person")), str(cap.get("most"))) for cap in caps)


def say_caps(caps: Sequence[Mapping[str, Any]]) -> str:
    """`at most 3 times a week per person and 1,000 times a day`; "" for none."""
    return gettext(" and ").join(_say_cap(cap) for cap in caps)


def _say_cap(cap: Mapping[str, Any]) -> str:
    most = int(cap["most"])
    times = gettext("once") if most == 1 else ngettext("%(n)s time", "%(n)s times", most) % {"n": write_number(most)}
    said = gettext("at most %(times)s %(span)s") % {"times": times, "span": dict(SPANS).get(cap["per"], cap["per"])}
    is_person = cap.get("of", "person") == "person"
    return (
        gettext("%(cap)s per person") % {"cap": said}
        if is_person
        else gettext("%(cap)s for all together") % {"cap": said}
    )
