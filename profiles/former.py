"""Who became part of whom, in SQL: for questions that ask for all profiles of a person at once."""


def write_person(id: str) -> str:
    """The beginning of a query: `person (id)` has the profile that the expression `id` stands for, and those that were
    merged into it and are to this day, over however many merges."""
    return (
        f"WITH RECURSIVE person (id) AS (SELECT {id} UNION SELECT merge.loser_id FROM profiles_mergerecord AS merge "  # noqa: S608  # ours
        "JOIN person ON merge.winner_id = person.id AND merge.undone IS NULL)"
    )
