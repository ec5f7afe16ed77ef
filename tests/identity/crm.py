"""The two real files of customer records, and how right a partition of their records is."""

import csv
from collections import Counter
from math import comb
from pathlib import Path

import pytest

DATA = Path(__file__).parents[2].parent / "shared" / "data" / "crm"
FEBRL, FAKE = DATA / "febrl2.csv", DATA / "fake_1000.csv"

# Column -> attribute, as docs/examples/*/source.yaml says it.
COLUMNS = {
    FEBRL: {
        "given_name": "name.given",
        "surname": "name.surname",
        "street_number": "address.number",
        "address_1": "address.street",
        "suburb": "address.suburb",
        "postcode": "address.postcode",
        "date_of_birth": "date_of_birth",
    },
    FAKE: {
        "first_name": "name.given",
        "surname": "name.surname",
        "dob": "date_of_birth",
        "city": "city",
        "email": "email",
    },
}


def rows(path):
    """The rows of a file as mappings. Skips the test where the file is not on this machine."""
    if not path.is_file():
        pytest.skip(f"needs {path.name}, which may not be copied into the project")
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file, skipinitialspace=True)
        return [{name.strip(): (value or "").strip() for name, value in row.items()} for row in reader]


def person(row):
    """The truth: in one file a column, in the other the number in the record's name."""
    return row.get("cluster") or row["rec_id"].split("-")[1]


def scores(customer_of, person_of):
    """Recall and precision over pairs of records; both arguments map a record to whom it is part of."""

    def pairs(groups):
        return sum(comb(count, 2) for count in Counter(groups).values())

    right = pairs((customer_of[record], person) for record, person in person_of.items())
    return right / pairs(person_of.values()), right / pairs(customer_of[record] for record in person_of)
