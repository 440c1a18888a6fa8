"""Products get their categories from a table of words; one that is not as it was meant stops before the first event."""

from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from ingestion.categories import Categories, Entry, read_categories, split_words
from ingestion.importing import CannotImport
from ingestion.models import ImportRun
from profiles.models import ArchivedEvent
from tests.importers.conftest import Engine, Write, import_file

HEADER = "words,category"
TABLE = """\
magic garden,Decoration
garden,Outdoor
Watering-Can,Outdoor
keep calm,Kitchen
tent,Outdoor
"""
ROWS = """\
1,A,WOODEN CROQUET GARDEN SET,2,2011-01-01 10:00:00,1.5,7,Spain
1,B,BUNNY MAGIC GARDEN,1,2011-01-01 10:00:00,1.5,7,Spain
1,C,GARDENERS KNEELING PAD,1,2011-01-01 10:00:00,1.5,7,Spain
C2,A,WOODEN CROQUET GARDEN SET,-1,2011-01-02 10:00:00,1.5,7,Spain
3,D,"ENAMEL ""WATERING  CAN"", CREAM",1,2011-01-03 10:00:00,1.5,8,Spain
"""


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "categories.csv"
    path.write_text(f"{HEADER}\n{TABLE}", encoding="utf-8")
    return path


def import_with(path: Path, table: Path) -> None:
    call_command("import_events", str(path), "--preset", "online-retail", "--categories", str(table))


FOUND: dict[str, str | None] = {
    "WOODEN CROQUET GARDEN SET": "Outdoor",
    "garden": "Outdoor",
    "Garden, the magic one": "Outdoor",
    "DECORATION  BUTTERFLY  MAGIC GARDEN": "Decoration",
    "A GARDEN, A MAGIC GARDEN": "Decoration",
    "WATERING CAN/GREEN": "Outdoor",
    "WATERING A CAN": None,
    "KEEP CALM": "Kitchen",
    "GARDENERS KNEELING PAD KEEP CALM": "Kitchen",
    "GARDENERS": None,
    "": None,
}


@pytest.mark.parametrize(("description", "category"), FOUND.items())
def test_the_first_line_that_fits_names_the_category(table: Path, description: str, category: str | None) -> None:
    assert read_categories(table).classify(description) == category


def test_words_of_other_scripts_are_words() -> None:
    categories = Categories()
    categories.add(Entry(2, split_words("Straße"), "Draußen"))
    assert (categories.classify("DIE STRASSE"), categories.classify("Straßen")) == ("Draußen", None)


def test_orders_and_refunds_carry_the_categories(
    engine: Engine, write: Write, table: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import_with(write(ROWS), table)
    said = capsys.readouterr().out
    assert "rows by category: 3 Outdoor, 1 Decoration, 1 without a category" in said
    assert "words of no product: keep calm, tent" in said
    assert "keep the categories" not in said
    engine.run()
    archived = ArchivedEvent.objects.filter(type="track").order_by("at").values_list("properties__products", flat=True)
    assert [[product.get("category") for product in products] for products in archived] == [
        ["Outdoor", "Decoration", None],
        ["Outdoor"],
        ["Outdoor"],
    ]


def test_what_is_there_keeps_its_categories(
    engine: Engine, write: Write, table: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(ROWS)
    import_file(path)
    engine.run()
    import_with(path, table)
    said = capsys.readouterr().out
    assert "0 events sent, 5 were there already" in said
    assert "events that were there already keep the categories they came with" in said
    assert ImportRun.objects.count() == 2  # an import that was interrupted goes on with the table it began with


REFUSED: dict[str, bytes] = {
    "line 3: has another number of columns than the first line": b"a,b,c\n",
    "line 3: words are missing": b"--,Outdoor\n",
    "line 3: category is missing, or longer than 256 characters": b"tent,\n",
    "line 4: category is missing, or longer than 256 characters": b"tent,Outdoor\nhut," + b"x" * 257 + b"\n",
    "line 3: is not UTF-8; save the file as UTF-8": "stühle,Möbel\n".encode("latin-1"),
    "line 3: never counts, as line 2 (lamp) comes first; move it up": b"Desk LAMP,Office\n",
    "line 4: never counts, as line 3 (hut) comes first; move it up": b"hut,Outdoor\nhut,Home\n",
}


@pytest.mark.parametrize(("said", "lines"), REFUSED.items(), ids=REFUSED)
def test_a_table_with_a_bad_line_sends_nothing(
    engine: Engine, write: Write, tmp_path: Path, said: str, lines: bytes
) -> None:
    table = tmp_path / "categories.csv"
    table.write_bytes(f"{HEADER}\nlamp,Home\n".encode() + lines)
    with pytest.raises(CommandError) as error:
        import_with(write(ROWS), table)
    assert said in str(error.value)
    assert engine.waiting() == 0


def test_every_bad_line_is_told_up_to_a_number(tmp_path: Path) -> None:
    table = tmp_path / "categories.csv"
    table.write_text(HEADER + "\n" + "tent,\n" * 100)
    with pytest.raises(CannotImport) as error:
        read_categories(table)
    told = str(error.value).splitlines()
    assert (len(told), told[1].strip()[:7], told[-1].strip()) == (22, "line 2:", "and 80 more")


def test_the_same_twice_is_no_mistake(tmp_path: Path) -> None:
    table = tmp_path / "categories.csv"
    table.write_text(f"{HEADER}\ngarden,Outdoor\ngarden chair,Outdoor\nGarden,Outdoor\n")
    assert len(read_categories(table)) == 1


def test_a_table_that_is_something_else_is_refused(write: Write, tmp_path: Path, db: None) -> None:
    table = tmp_path / "categories.csv"
    table.write_text("word;category\ntent;Outdoor\n")
    with pytest.raises(CommandError, match="has no column words, category; its first line must name the columns"):
        import_with(write(ROWS), table)
    with pytest.raises(CommandError, match="No such file"):
        import_with(write(ROWS), tmp_path / "nowhere.csv")
