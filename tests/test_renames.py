"""`renamed_from`: when a hint is pending, in chains, circles and structs, and when it is wrong."""

from functools import reduce

import pytest

from datoria_dagster import (
    INT64,
    STRING,
    STRUCT,
    Dataset,
    Field,
    ForeignKey,
    Partitioning,
    Platform,
    Table,
)
from datoria_dagster.diff.compare import compare
from datoria_dagster.diff.replay import replay
from datoria_dagster.model.base import DeclarationError
from datoria_dagster.model.types import walk

SHOP = Dataset(project="acme", name="shop", location="EU")
ORDERS = "acme.shop.orders"
ID = Field("id", INT64)


def orders(*fields, name="orders", **options):
    return Table(dataset=SHOP, name=name, schema=(ID, *fields), **options)


def changes(before, after, renamed=()):
    old, new = Platform.of(before), Platform.of(after)
    found = compare(old, new, frozenset(renamed))
    replayed = reduce(replay, found, old)
    assert compare(replayed, new, frozenset(renamed)) == ()
    assert columns(replayed.objects[after.id]) == columns(after)
    return [said(change) for change in found]


def columns(table):
    return {path: field.type.name for path, field in walk(table.fields)}


def said(change):
    match change.kind:
        case "field_renamed" | "object_renamed":
            return f"{change.path}: {change.before} → {change.after}"
        case "field_removed":
            return f"-{change.path}"
        case "field_added":
            return f"+{change.path}"
        case other:
            return f"{change.path}: {other}"


def test_a_rename_by_hint_keeps_the_column():
    before = orders(Field("client", INT64))
    after = orders(Field("customer", INT64, renamed_from="client"))
    assert changes(before, after) == ["client: client → customer"]


def test_a_hint_finds_its_column_without_regard_to_case():
    before = orders(Field("Client", INT64))
    after = orders(Field("customer", INT64, renamed_from="client"))
    assert changes(before, after) == ["Client: Client → customer"]


def test_a_hint_that_is_applied_does_nothing():
    before = orders(Field("customer", INT64))
    after = orders(Field("customer", INT64, renamed_from="client"))
    assert changes(before, after) == []


def test_a_hint_to_a_new_table_does_nothing():
    after = Platform.of(orders(Field("customer", INT64, renamed_from="client")))
    assert [c.kind for c in compare(Platform.of(SHOP), after)] == ["object_added"]


def test_a_renamed_column_may_change_too():
    before = orders(Field("client", INT64, description="Who."))
    after = orders(Field("customer", STRING, renamed_from="client"))
    assert changes(before, after) == [
        "client: client → customer",
        "customer: field_type_changed",
        "customer: description_changed",
    ]


def test_where_both_names_are_live_the_old_one_is_removed():
    before = orders(Field("client", INT64), Field("customer", INT64))
    after = orders(Field("customer", INT64, renamed_from="client"))
    assert changes(before, after) == ["-client"]


def test_a_chain_starts_at_the_name_that_is_free():
    before = orders(Field("a", INT64), Field("b", STRING))
    after = orders(
        Field("b", INT64, renamed_from="a"),
        Field("c", STRING, renamed_from="b"),
    )
    assert changes(before, after) == ["b: b → c", "a: a → b"]


def test_a_chain_that_is_applied_does_nothing():
    before = orders(Field("b", INT64), Field("c", STRING))
    after = orders(
        Field("b", INT64, renamed_from="a"),
        Field("c", STRING, renamed_from="b"),
    )
    assert changes(before, after) == []


def test_two_columns_of_different_types_swap_their_names_once():
    before = orders(Field("a", INT64), Field("b", STRING))
    after = orders(
        Field("a", STRING, renamed_from="b"),
        Field("b", INT64, renamed_from="a"),
    )
    assert changes(before, after) == ["b: b → a", "a: a → b"]
    swapped = orders(Field("a", STRING), Field("b", INT64))
    assert changes(swapped, after) == []


def test_two_columns_of_one_type_swap_their_names_unless_the_ledger_says_they_did():
    before = orders(Field("a", INT64), Field("b", INT64))
    after = orders(
        Field("a", INT64, renamed_from="b"),
        Field("b", INT64, renamed_from="a"),
    )
    assert changes(before, after) == ["b: b → a", "a: a → b"]
    assert changes(before, after, {(ORDERS, "a", "b"), (ORDERS, "b", "a")}) == []
    assert changes(before, after, {("acme.shop.other", "a", "b"), (ORDERS, "b", "a")}) != []


def test_three_columns_go_round():
    before = orders(Field("a", INT64), Field("b", INT64), Field("c", INT64))
    after = orders(
        Field("a", INT64, renamed_from="c"),
        Field("b", INT64, renamed_from="a"),
        Field("c", INT64, renamed_from="b"),
    )
    assert sorted(changes(before, after)) == ["a: a → b", "b: b → c", "c: c → a"]


def test_a_swap_takes_the_clustering_and_the_keys_along():
    before = orders(Field("a", INT64), Field("b", STRING), clustering=("a",), primary_key=("a",))
    fields = (Field("a", STRING, renamed_from="b"), Field("b", INT64, renamed_from="a"))
    after = orders(*fields, clustering=("b",), primary_key=("b",))
    found = compare(Platform.of(before), Platform.of(after))
    assert [said(change) for change in found] == ["b: b → a", "a: a → b"]
    assert [change.roles for change in found] == [(), ("CLUSTERING", "PRIMARY_KEY")]
    assert changes(before, after) == ["b: b → a", "a: a → b"]


def test_a_partitioning_column_takes_the_partitioning_along():
    before = orders(Field("n", INT64), partitioning=Partitioning.integer_range("n", 0, 10, 1))
    after = orders(
        Field("m", INT64, renamed_from="n"),
        partitioning=Partitioning.integer_range("m", 0, 10, 1),
    )
    assert changes(before, after) == ["n: n → m"]
    (found,) = compare(Platform.of(before), Platform.of(after))
    assert found.roles == ("PARTITIONING",)


def test_a_foreign_key_is_new_when_the_column_that_it_refers_to_is_renamed():
    def platform(*key, **hint):
        customers = Table(
            dataset=SHOP, name="customers", schema=(Field(*key, INT64, **hint),), primary_key=key
        )
        link = ForeignKey("customer", references=customers, name="buyer")
        return Platform.of(customers, orders(Field("customer", INT64), foreign_keys=(link,)))

    found = compare(platform("id"), platform("number", renamed_from="id"))
    assert [change.kind for change in found] == [
        "field_renamed",
        "foreign_key_removed",
        "foreign_key_added",
    ]


def place(*fields, name="place", **hint):
    return Field(name, STRUCT(*fields), **hint)


def test_a_field_of_a_struct_is_renamed():
    before = orders(place(Field("zip", STRING)))
    after = orders(place(Field("postcode", STRING, renamed_from="zip")))
    assert changes(before, after) == ["place.zip: zip → postcode"]


def test_the_path_has_the_new_names_of_the_parents():
    before = orders(place(Field("zip", STRING)))
    after = orders(
        place(
            Field("postcode", STRING, renamed_from="zip"),
            Field("town", STRING),
            name="address",
            renamed_from="place",
        )
    )
    assert changes(before, after) == [
        "place: place → address",
        "address.zip: zip → postcode",
        "+address.town",
    ]


def test_fields_of_a_struct_swap_their_names():
    before = orders(place(Field("a", STRING), Field("b", INT64)))
    after = orders(place(Field("a", INT64, renamed_from="b"), Field("b", STRING, renamed_from="a")))
    assert changes(before, after) == ["place.b: b → a", "place.a: a → b"]


def test_a_hint_in_a_struct_that_is_new_does_nothing():
    after = orders(place(Field("postcode", STRING, renamed_from="zip")))
    assert changes(orders(), after) == ["+place"]


def test_a_hint_of_which_the_table_has_neither_name_is_refused():
    after = Platform.of(orders(Field("customer", INT64, renamed_from="client")))
    with pytest.raises(DeclarationError) as refused:
        compare(Platform.of(orders(Field("buyer", INT64))), after)
    assert str(refused.value) == (
        "acme.shop.orders.customer is renamed_from 'client', but the live table has neither "
        "'client' nor 'customer' (it has id, buyer). Correct the hint or remove it."
    )


def test_a_hint_to_nothing_beside_a_rename_of_its_column_is_refused():
    after = orders(Field("b", INT64, renamed_from="a"), Field("c", INT64, renamed_from="b"))
    with pytest.raises(DeclarationError) as refused:
        compare(Platform.of(orders(Field("b", INT64))), Platform.of(after))
    assert str(refused.value) == (
        "acme.shop.orders.b is renamed_from 'a', but the live table has no 'a', and its 'b' is "
        "renamed itself. Correct the hint or remove it."
    )


def test_a_hint_in_a_struct_of_which_it_has_neither_name_is_refused():
    after = Platform.of(orders(place(Field("postcode", STRING, renamed_from="plz"))))
    with pytest.raises(DeclarationError, match=r"acme\.shop\.orders\.place\.postcode is renamed"):
        compare(Platform.of(orders(place(Field("zip", STRING)))), after)


def test_a_drop_beside_an_add_of_the_same_type_asks_whether_it_is_a_rename():
    before = orders(Field("client", INT64), Field("note", STRING))
    after = orders(
        Field("customer", INT64), Field("buyer", INT64), Field("tags", STRING, repeated=True)
    )
    found = {c.path: c for c in compare(Platform.of(before), Platform.of(after))}
    assert found["client"].beside == ("customer", "buyer")
    assert found["client"].hints == (
        'Field("customer", …, renamed_from="client") or Field("buyer", …, renamed_from="client")'
    )
    assert found["note"].beside == ()


def test_a_table_is_renamed_and_changed():
    before = orders(Field("a", INT64), name="sales")
    after = orders(Field("a", INT64), Field("b", INT64), renamed_from="sales")
    assert changes(before, after) == [": acme.shop.sales → acme.shop.orders", "+b"]


def test_a_rename_of_a_table_that_is_applied_does_nothing():
    before = orders(Field("a", INT64))
    assert changes(before, orders(Field("a", INT64), renamed_from="sales")) == []


def test_where_both_tables_are_live_the_old_one_is_removed():
    before = Platform.of(orders(), orders(name="sales"))
    after = Platform.of(orders(renamed_from="sales"))
    assert [(c.kind, c.object) for c in compare(before, after)] == [
        ("object_removed", "acme.shop.sales")
    ]


def test_a_table_is_new_where_neither_name_is_live():
    after = Platform.of(orders(renamed_from="sales"))
    assert [c.kind for c in compare(Platform.of(SHOP), after)] == ["object_added"]
