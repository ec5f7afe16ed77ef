"""The three kinds of data that there are: what each is called, and what its rows and pages look like."""

from typing import Final, NamedTuple

from serving_layer import shapes
from serving_layer.data.steps import Row


class Table(NamedTuple):
    """One kind: its name in the plural, as in its path and pages, and in the singular."""

    name: str
    one: str
    row: type[Row]
    page: type[shapes.Shape]


CUSTOMERS: Final = Table("customers", "customer", shapes.CustomerRow, shapes.CustomersPage)
IDENTIFIERS: Final = Table("identifiers", "identifier", shapes.IdentifierRow, shapes.IdentifiersPage)
CHANGES: Final = Table("changes", "change", shapes.ChangeRow, shapes.ChangesPage)
