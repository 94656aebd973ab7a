"""What `--allow` admits: by address, by short address, by id; and what it says when it can't."""

import pytest

from datoria_dagster import INT64, STRING, Dataset, Field, Platform, Table
from datoria_dagster.diff.compare import compare
from datoria_dagster.judge.judge import UnmatchedAllowance, judge
from datoria_dagster.judge.verdict import Approval
from datoria_dagster.model.base import DatoriaError

SHOP = Dataset(project="acme", name="shop", location="EU")
ID, NOTE = Field("id", INT64), Field("note", STRING)
ADDRESS = "acme.shop.orders.note"
ETAGS = {"acme.shop.orders": "v1"}


def platform(*fields):
    return Platform.of(Table(dataset=SHOP, name="orders", schema=(ID, *fields)))


def judged(*allow, before=(NOTE,), after=(), etags=ETAGS, force=False):
    old, new = platform(*before), platform(*after)
    return judge(compare(old, new), old, new, Approval(allow=allow, force=force), etags)


def test_an_id_is_the_address_and_a_hash():
    (found,) = judged()
    address, _, digest = found.id.partition("@")
    assert address == ADDRESS == found.address
    assert len(digest) == 8
    assert set(digest) <= set("0123456789abcdef")
    assert judged()[0].id == found.id


def test_an_id_changes_with_either_side_with_the_etag_and_with_the_object():
    renamed = Field("remark", STRING)
    ids = {
        judged()[0].id,
        judged(before=(Field("note", INT64),))[0].id,
        judged(etags={"acme.shop.orders": "v2"})[0].id,
        judged(etags={})[0].id,
        judged(before=(renamed,))[0].id,
        judged(after=(Field("note", INT64),))[0].id,
    }
    assert len(ids) == 6


@pytest.mark.parametrize("allow", [ADDRESS, "shop.orders.note"])
def test_an_address_admits_with_the_project_or_without(allow):
    assert [f.admitted for f in judged()] == [False]
    assert [f.admitted for f in judged(allow)] == [True]


def test_an_id_admits_with_the_project_or_without():
    found = judged()[0].id
    assert judged(found)[0].admitted
    assert judged(found.removeprefix("acme."))[0].admitted


def test_a_dataset_may_be_called_without_its_project():
    old = Platform.of(SHOP)
    new = Platform.of(SHOP.model_copy(update={"description": "A shop."}))
    approval = Approval(allow=("shop",))
    assert judge(compare(old, new), old, new, approval)[0].admitted


def test_an_id_admits_one_of_two_changes_at_an_address():
    after = (Field("note", INT64, required=True),)
    mode, kind = judged(after=after)
    assert (mode.address, kind.address) == (ADDRESS, ADDRESS)
    assert [f.admitted for f in judged(mode.id, after=after)] == [True, False]
    assert [f.admitted for f in judged(ADDRESS, after=after)] == [True, True]


def test_nothing_admits_what_is_impossible():
    after = (NOTE, Field("must", INT64, required=True))
    assert not judged("shop.orders.must", after=after)[0].admitted
    assert not judged(after=after, force=True)[0].admitted


def test_what_matches_nothing_is_refused():
    with pytest.raises(UnmatchedAllowance) as refused:
        judged("shop.orders.nota", ADDRESS)
    assert isinstance(refused.value, DatoriaError)
    assert str(refused.value) == (
        "Allowing shop.orders.nota matches no change. "
        "Incompatible changes of this plan: acme.shop.orders.note."
    )


@pytest.mark.parametrize("project", ["acme.", ""])
def test_a_stale_id_is_refused_and_told_the_current_one(project):
    stale = judged()[0].id.removeprefix("acme.")
    current = judged(etags={"acme.shop.orders": "v2"})[0].id
    with pytest.raises(UnmatchedAllowance) as refused:
        judged(f"{project}{stale}", etags={"acme.shop.orders": "v2"})
    assert str(refused.value) == (
        f"Allowing {project}{stale} is stale: the change, or its object, is no longer what was "
        f"approved. It is now {current}. Look at the plan again, and allow that."
    )
