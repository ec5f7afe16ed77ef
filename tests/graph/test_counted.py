"""What a run counted, by tenant: each its own file."""

import pytest

from schemas.counted import Counted, load, load_all, save

OURS = Counted(tenant="shop", at=7, segments={"rich": 3})


@pytest.fixture
def directory(tmp_path):
    save(tmp_path, [Counted(tenant="", at=7), OURS])
    return tmp_path


def test_each_tenant_finds_its_own(directory):
    assert load(directory, "shop") == OURS
    assert load(directory, "other") == Counted(tenant="other", at=7)
    assert load_all(directory) == [Counted(tenant="", at=7), OURS]


def test_what_was_not_counted_is_not_0(tmp_path):
    assert load(tmp_path, "shop") is None
    assert load_all(tmp_path) == []


def test_what_is_damaged_or_anothers_is_not_told(directory):
    file = directory / "counted-shop.json"
    (directory / "counted-SHOP.json").write_bytes(file.read_bytes())
    assert load(directory, "SHOP") is None, "as where a file system makes no difference of case"
    file.write_bytes(file.read_bytes()[:-5])
    assert load(directory, "shop") is None


@pytest.mark.parametrize("name", ["../shop", "x/../shop", "", "shop\0"])
def test_no_other_name_leads_to_a_file(directory, name):
    found = load(directory, name)
    assert found is not None
    assert found.segments == {}
