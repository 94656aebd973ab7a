"""Hostile texts are data: they reach the warehouse and come back byte for byte, wherever they are.

Each test tries every text of `STRINGS` in its places, on both warehouses.
"""

import getpass
import json
from functools import partial

import pytest

from datoria_dagster import (
    DATE,
    INT64,
    STRING,
    STRUCT,
    Dataset,
    ExternalTable,
    Field,
    ForeignKey,
    Job,
    MaterializedView,
    Partitioning,
    Platform,
    Procedure,
    Remote,
    ScalarFunction,
    Table,
    TableFunction,
    View,
    day,
    sql,
)
from datoria_dagster.apply.apply import apply
from datoria_dagster.judge.verdict import Approval
from datoria_dagster.ledger.ledger import Ledger
from datoria_dagster.migration import plan_migration
from datoria_dagster.model.base import DeclarationError
from datoria_dagster.model.environment import in_dataset
from datoria_dagster.model.routines import JavaScript
from datoria_dagster.model.template import literal
from datoria_dagster.plan import definitions, statements
from datoria_dagster.restore import NotRestorable, plan_restore
from datoria_dagster.run.execute import execute
from datoria_dagster.warehouse.bigquery import BigQueryWarehouse, places
from datoria_dagster.warehouse.local import LocalWarehouse
from datoria_dagster.warehouse.port import Ref
from tests.bigquery_server import ManualClock, Server, client
from tests.bigquery_server.sqltext import replaced
from tests.conftest import refused
from tests.strings import STRINGS

SHOP = Dataset(project="acme", name="shop")
BASE = Table(dataset=SHOP, name="base", schema=(Field("x", STRING),))
# Each text and each place where it was tried.
TRIED = set()


class Place:
    """One of the two warehouses, and the embedded one that has what they have."""

    def __init__(self, kind):
        self.kind = kind
        self.store = LocalWarehouse()
        self.server = Server(self.store, clock=ManualClock())
        self.warehouse = self.store
        if kind == "bigquery":
            over = client(self.store, server=self.server)
            self.warehouse = BigQueryWarehouse(client=over, clock=self.server.clock)

    def migrate(self, *objects):
        """Migrate, and plan again: nothing is left to do."""
        platform = Platform.of(*objects)
        plan = plan_migration(platform, self.warehouse, Approval(force=True))
        outcomes = apply(plan, platform, self.warehouse)
        again = plan_migration(platform, self.warehouse)
        assert again.findings == ()
        assert again.steps == ()
        self.check_statements()
        return [outcome.step.kind for outcome in outcomes]

    def body(self, kind, name):
        ref = Ref(kind, name)
        return self.store.read([ref])[ref].body

    def same(self, where, found, given):
        """The text that was given is the one that is found there."""
        assert found == given
        texts = given if isinstance(given, tuple) else (given,)
        TRIED.update((self.kind, where, text) for text in texts)

    def check_statements(self):
        """Each job that was sent holds one statement."""
        for job in self.server.jobs.of("acme"):
            text = job.configuration["query"]["query"]
            assert statements_in(text) == 1, text


def statements_in(text):
    """Count statements: what is between semicolons outside of literals, comments and names."""
    return len([part for part in replaced(text, ";", lambda _: "\0").split("\0") if part.strip()])


@pytest.fixture(params=["embedded", "bigquery"])
def place(request):
    found = Place(request.param)
    yield found
    found.warehouse.close()
    found.store.close()


@pytest.fixture(autouse=True, scope="module")
def _count():
    yield
    print(f"\n{len(TRIED)} pairs of a text and a place came back as they were.")  # noqa: T201


def test_there_are_enough_of_them():
    assert len(set(STRINGS)) >= 60
    assert statements_in("SELECT ';' -- ;\n; DROP TABLE `;`") == 2


def said(number, text):
    """One of each kind of object; the text is said of all of them."""
    yield Dataset(project="acme", name=f"d{number}", description=text, friendly_name=text)
    common = {"dataset": SHOP, "description": text}
    relation = {**common, "friendly_name": text}
    column = Field("x", STRING, description=text)
    yield Table(**relation, name=f"t{number}", schema=(column,))
    yield View(**relation, name=f"v{number}", schema=(column,), query=sql("SELECT 'a' AS x"))
    yield MaterializedView(
        **relation,
        name=f"m{number}",
        schema=(Field("x", STRING), Field("n", INT64)),
        query=sql("SELECT x, COUNT(*) AS n FROM {t} GROUP BY x", t=BASE),
    )
    yield ExternalTable(
        **relation, name=f"e{number}", schema=(column,), format="CSV", uris=("gs://bucket/file",)
    )
    yield ScalarFunction(**common, name=f"f{number}", returns=INT64, body=sql("1"))


def check_said(place, number, text):
    home = place.body("dataset", f"acme.d{number}")
    place.same("dataset", (home["description"], home["friendlyName"]), (text, text))
    for kind in "tvme":
        body = place.body("table", f"acme.shop.{kind}{number}")
        place.same(f"description {kind}", body["description"], text)
        place.same(f"friendly name {kind}", body["friendlyName"], text)
        if kind != "m":
            place.same(f"column {kind}", body["schema"]["fields"][0]["description"], text)
    function = place.body("routine", f"acme.shop.f{number}")
    place.same("function", function["description"], text)


def test_what_is_said_of_an_object_is_data_when_it_is_created_and_when_it_changes(place):
    texts = list(enumerate(STRINGS))
    place.migrate(BASE, *(found for number, text in texts for found in said(number, text)))
    for number, text in texts:
        check_said(place, number, text)
    others = list(enumerate((*STRINGS[1:], STRINGS[0])))
    place.migrate(BASE, *(found for number, text in others for found in said(number, text)))
    for number, text in others:
        check_said(place, number, text)


def columns(texts):
    """A column each, with the text as its description, at depth, and as its default."""
    for number, text in enumerate(texts):
        yield Field(f"c{number}", STRING, description=text, default=text)
        inner = Field("inner", STRING, description=text)
        nested = Field("deep", STRUCT(inner), repeated=True, description=text)
        yield Field(f"s{number}", STRUCT(nested), description=text)


def check_columns(place, table, texts):
    fields = iter(place.body("table", table)["schema"]["fields"])
    for text in texts:
        plain, struct = next(fields), next(fields)
        place.same("column", plain["description"], text)
        assert plain["defaultValueExpression"] == literal(text)
        place.same("struct", struct["description"], text)
        inner = struct["fields"][0]
        place.same("repeated struct", inner["description"], text)
        place.same("nested column", inner["fields"][0]["description"], text)


def wide(texts, **more):
    fields = (*columns(texts), Field("n", INT64), Field("day", DATE))
    return Table(dataset=SHOP, name="wide", schema=fields, **more)


def test_columns_and_their_defaults_survive_every_way_to_change_a_table(place):
    name, ref = "acme.shop.wide", Ref("table", "acme.shop.wide")
    place.migrate(wide(["plain"] * len(STRINGS)))
    assert place.migrate(wide(STRINGS)).count("execute") >= 1
    check_columns(place, name, STRINGS)
    place.warehouse.append(ref, [{"n": 1}])
    check_row(place, name)
    assert "rebuild" in place.migrate(wide(STRINGS, partitioning=Partitioning.day("day")))
    check_columns(place, name, STRINGS)
    check_row(place, name)
    moved = wide(STRINGS).model_copy(update={"name": "wïde – 2", "renamed_from": "wide"})
    place.migrate(moved.model_copy(update={"cut": Partitioning.day("day")}))
    check_columns(place, "acme.shop.wïde – 2", STRINGS)
    check_row(place, "acme.shop.wïde – 2")
    place.migrate(SHOP)
    dropped = (ref.id for ref in place.store.list("acme.shop") if ref.id.startswith(moved.id))
    snapshot = next(dropped)
    platform = Platform.of(SHOP)
    apply(plan_restore(snapshot, platform, place.warehouse), platform, place.warehouse)
    check_columns(place, "acme.shop.wïde – 2", STRINGS)
    check_row(place, "acme.shop.wïde – 2")


def check_row(place, name):
    """The one row holds the default of each column."""
    names = ", ".join(f"c{number}" for number in range(len(STRINGS)))
    (row,) = place.warehouse.query(f"SELECT {names} FROM `{name}`").rows
    place.same("default", row, STRINGS)


def test_a_statement_that_a_plan_shows_creates_what_is_declared(place):
    place.migrate(SHOP)
    table = wide(STRINGS, friendly_name=STRINGS[0], description=STRINGS[0])
    place.warehouse.execute(definitions.create_table(table))
    check_columns(place, table.id, STRINGS)
    for number, text in enumerate(STRINGS):
        named = {"dataset": SHOP, "description": text, "friendly_name": text}
        view = View(
            **named,
            name=f"v{number}",
            schema=(Field("x", STRING),),
            query=sql("SELECT {x} AS x", x=text),
        )
        place.warehouse.execute(definitions.create_view(view))
        body = place.body("table", view.id)
        place.same("CREATE VIEW, option", body["description"], text)
        place.same("CREATE VIEW, option", body["friendlyName"], text)
        rows = place.warehouse.query(f"SELECT x FROM `{view.id}`").rows
        place.same("CREATE VIEW, literal", rows[0], (text,))
        files = ExternalTable(
            **named,
            name=f"e{number}",
            schema=(Field("x", STRING, description=text),),
            format="CSV",
            uris=(f"gs://bucket/{text.replace('*', '')}",),
            field_delimiter=text,
        )
        place.warehouse.execute(definitions.create_external_table(files))
        check_files(place, files.id, text)
    place.check_statements()


def check_files(place, name, text):
    body = place.body("table", name)
    found = body["externalDataConfiguration"]
    assert found["sourceUris"] == [f"gs://bucket/{text.replace('*', '')}"]
    place.same("delimiter", found["csvOptions"]["fieldDelimiter"], text)
    place.same("external column", body["schema"]["fields"][0]["description"], text)


def code(texts):
    """Code of every kind with the texts as literals."""
    argument = {"dataset": SHOP}
    values = {f"x{number}": text for number, text in enumerate(texts)}
    selected = ", ".join(f"{{{name}}} AS {name}" for name in values)
    fields = tuple(Field(name, STRING) for name in values)
    array = sql("ARRAY_TO_STRING({texts}, '|')", texts=list(texts))
    yield View(**argument, name="v", schema=fields, query=sql(f"SELECT {selected}", **values))
    yield TableFunction(
        **argument, name="tf", returns=fields, body=sql(f"SELECT {selected}", **values)
    )
    yield ScalarFunction(**argument, name="f", returns=STRING, body=array)
    yield Procedure(**argument, name="p", body=sql("SELECT {texts};", texts=list(texts)))
    yield ScalarFunction(
        **argument,
        name="js",
        returns=STRING,
        body=JavaScript(f"return {json.dumps(texts, ensure_ascii=False)}.join();"),
    )


def test_literals_in_code_are_data(place):
    names = tuple(f"x{number}" for number in range(len(STRINGS)))
    place.migrate(*code(["plain"] * len(STRINGS)))
    place.migrate(*code(STRINGS))
    for source in ("`acme.shop.v`", "`acme.shop.tf`()"):
        result = place.warehouse.query(f"SELECT * FROM {source}")
        assert tuple(field["name"] for field in result.fields) == names
        place.same(source, result.rows[0], STRINGS)
    assert place.warehouse.query("SELECT `acme.shop.f`() AS x").rows == (("|".join(STRINGS),),)
    js = place.body("routine", "acme.shop.js")["definitionBody"]
    assert json.loads(js.removeprefix("return ").removesuffix(".join();")) == list(STRINGS)
    procedure = place.body("routine", "acme.shop.p")["definitionBody"]
    assert all(literal(text) in procedure for text in STRINGS)


def test_the_code_of_others_is_kept_as_it_is(place):
    """A comment or a text in code need not be ours to quote: it goes there and back."""
    place.migrate(
        *(
            ScalarFunction(
                dataset=SHOP, name=f"js{number}", returns=STRING, body=JavaScript(f"// {text}")
            )
            for number, text in enumerate(STRINGS)
        )
    )
    for number, text in enumerate(STRINGS):
        body = place.body("routine", f"acme.shop.js{number}")["definitionBody"]
        place.same("JavaScript", body.removeprefix("// "), text)


def files(number, text):
    clean = text.replace("*", "")
    connection = "acme.eu.files"
    yield ExternalTable(
        dataset=SHOP,
        name=f"e{number}",
        schema=(Field("x", STRING, description=text),),
        format="CSV",
        uris=(f"gs://bucket/{clean}",),
        field_delimiter=text,
        hive_partition_uri_prefix=f"gs://bucket/{clean}",
    )
    yield ScalarFunction(
        dataset=SHOP,
        name=f"r{number}",
        returns=STRING,
        body=Remote(
            connection=connection,
            endpoint=f"https://example.com/{text}",
            user_defined_context={text: text},
        ),
    )


def test_addresses_of_files_and_endpoints_are_data(place):
    place.migrate(*(found for found in files(0, "plain")))
    place.migrate(*(found for n, text in enumerate(STRINGS) for found in files(n, text)))
    for number, text in enumerate(STRINGS):
        check_files(place, f"acme.shop.e{number}", text)
        remote = place.body("routine", f"acme.shop.r{number}")["remoteFunctionOptions"]
        place.same("endpoint", remote["endpoint"].removeprefix("https://example.com/"), text)
        (context,) = remote["userDefinedContext"].items()
        place.same("context", context, (text, text))


def test_rows_and_the_literals_of_a_job_are_data(place):
    names = [f"x{number}" for number in range(len(STRINGS))]
    fields = (Field("day", DATE), *(Field(name, STRING) for name in names))
    table = Table(dataset=SHOP, name="rows", schema=fields, partitioning=Partitioning.day("day"))
    values = dict(zip(names, STRINGS, strict=True))
    selected = ", ".join(f"{{{name}}} AS {name}" for name in names)
    query = sql(f"SELECT DATE '2013-01-01' AS day, {selected}", **values)
    job = Job(name="fill", destination=table, start=day(2013, 1, 1), query=query)
    platform = Platform.of(table, job)
    place.migrate(table, job)
    execute(job, day(2013, 1, 1), platform, place.warehouse)
    ref = Ref("table", table.id)
    place.warehouse.append(ref, [{"day": "2013-01-02", **values}])
    for where, row in zip(("job", "append"), place.warehouse.rows(ref), strict=True):
        place.same(where, tuple(row.values())[1:], STRINGS)
    for name, text in values.items():
        found = sql(f"SELECT COUNT(*) AS n FROM {{t}} WHERE {name} = {{x}}", t=table, x=text)
        assert place.warehouse.query(found.render()).rows == ((2,),)
        place.same("filter", text, text)
    place.check_statements()


def declarable(make):
    """Return the texts that can be declared; one that can't be is refused by a sentence."""
    return [text for text in STRINGS if not refusal(partial(make, text))]


def refusal(make):
    try:
        make()
    except DeclarationError as error:
        return str(error)
    return ""


def table(name, *fields, **more):
    return Table(dataset=SHOP, name=name, schema=fields or (Field("x", STRING),), **more)


def test_the_name_of_a_table_is_data_or_refused(place):
    names = declarable(table)
    assert "e\u0301 is not \u00e9" in names
    assert " leading and trailing " in names
    assert "it's" not in names
    assert "a/b?c=d&e#f" not in names
    place.migrate(*map(table, names))
    for number, name in enumerate(names):
        ref = Ref("table", f"acme.shop.{name}")
        place.warehouse.append(ref, [{"x": name}])
        query = sql("SELECT x FROM {t}", t=table(name)).render()
        assert place.warehouse.query(query).rows == ((name,),)
        assert place.warehouse.write(query, ref, None) == 1
        assert place.warehouse.count(ref) == 1
        names[number] = f"{name}__{number}"
        place.warehouse.execute(statements.rename_table(ref.id, names[number]))
    assert {ref.id for ref in place.warehouse.list("acme.shop")} == {
        f"acme.shop.{name}" for name in names
    }
    place.check_statements()


def named(names):
    for number, name in enumerate(names):
        inner = Field(name, STRING)
        yield Field(f"{name}{number}", STRING)
        yield Field(f"s{number}", STRUCT(inner, Field("n", INT64)))


def test_the_name_of_a_column_is_data_or_refused(place):
    names = declarable(lambda text: Field(text, STRING))
    assert len(names) >= 25
    assert "`tick`" not in names
    first = table("t", *named(names), Field("n", INT64))
    place.migrate(first)
    ref = Ref("table", first.id)
    row = {f"{name}{n}": "v" for n, name in enumerate(names)} | {
        f"s{n}": {name: "w", "n": None} for n, name in enumerate(names)
    }
    place.warehouse.append(ref, [{**row, "n": 1}])
    rebuilt = first.with_fields((*named(names), Field("n", STRING)))
    assert "rebuild" in place.migrate(rebuilt)
    assert place.warehouse.rows(ref) == ({**row, "n": "1"},)
    moved = tuple(
        Field(f"{field.name} x", field.type, renamed_from=field.name) for field in rebuilt.fields
    )
    place.migrate(rebuilt.with_fields(moved))
    renamed = {f"{name} x": value for name, value in {**row, "n": "1"}.items()}
    assert place.warehouse.rows(ref) == (renamed,)


def test_the_value_of_a_label_is_data_or_refused(place):
    def labelled(text):
        return table("t", labels={"key": text})

    values = declarable(labelled)
    assert values == ["2013-01-01", "-0"]
    for value in (*values, "", "\u00fcml\u00e4ut", "\u65e5\u672c", "a-b_c", "x" * 63):
        place.migrate(labelled(value))
        assert place.body("table", "acme.shop.t")["labels"] == {"key": value}
    assert declarable(lambda text: table("t", labels={text: "value"})) == []


@pytest.mark.parametrize(
    "make",
    [
        lambda text: Dataset(project=text, name="shop"),
        lambda text: Dataset(project="acme", name=f"{text}!"),
        lambda text: Dataset(project="acme", name="shop", location=f"{text} "),
        lambda text: Dataset(project="acme", name="shop", default_kms_key_name=text),
        lambda text: table("t", kms_key_name=f"projects/p/locations/eu/keyRings/r/{text}"),
        lambda text: Field("x", STRING, policy_tag=f"projects/p/locations/l/policyTags/{text}"),
        lambda text: Remote(connection=f"acme.eu.{text}/", endpoint="https://example.com"),
        lambda text: ScalarFunction(dataset=SHOP, name=f"{text}!", returns=INT64, body=sql("1")),
        lambda text: Job(name=f"{text}!", destination=table("t"), query=sql("SELECT '' AS x")),
        lambda text: ForeignKey("x", references=KEYED, name=f"{text}`"),
        lambda text: in_dataset(Platform.of(table("t")), f"acme.{text}!"),
        lambda text: in_dataset(Platform.of(table("t")), f"{text}!.shop"),
    ],
)
def test_what_must_be_a_name_is_refused_when_it_is_declared(make):
    for text in STRINGS:
        said = refusal(partial(make, text))
        assert said.endswith(".")
        assert "\n" not in said


KEYED = table("keyed", primary_key=("x",))
HALVES = (
    lambda: Dataset(project="acme", name="shop", description="\ud800"),
    lambda: Field("x", STRING, description="a\udfff"),
    lambda: Field("x", STRING, default="\ud800"),
    lambda: sql("SELECT {x}", x="\ud800"),
    lambda: sql("SELECT '\ud800'"),
    lambda: JavaScript("return '\ud800';"),
)


@pytest.mark.parametrize("make", HALVES)
def test_half_of_a_character_is_refused(make):
    assert "which no warehouse stores; write it whole." in refusal(make)


def test_the_name_of_a_snapshot_is_never_an_address(place):
    place.migrate(table("t"))
    platform = Platform.of(table("t"))
    for text in STRINGS:
        for name in (text, f"acme.shop.{text}__before_1", f"acme.{text}.t__before_1"):
            with pytest.raises(NotRestorable):
                plan_restore(name, platform, place.warehouse)
    for sent in place.server.log:
        assert sent.path.count("/") == sent.path.count("%2F") + sent.path.count("/")
        assert "/.." not in sent.path


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("SELECT '`evil.data.t`' AS x FROM `acme.shop.t`", Ref("table", "acme.shop.t")),
        ('SELECT """`evil.data.t`""" AS x FROM `acme.shop.t`', Ref("table", "acme.shop.t")),
        ("-- `evil.data.t`\nSELECT x FROM `acme.shop.t`", Ref("table", "acme.shop.t")),
        ("/* `evil.data.t` */ SELECT x FROM `acme.shop.t`", Ref("table", "acme.shop.t")),
        ("SELECT `it's` FROM `acme.shop.t` WHERE x = 'a'", Ref("table", "acme.shop.t")),
        ("SELECT '\\'`evil.data.t`' AS x FROM `acme.shop.t`", Ref("table", "acme.shop.t")),
        ("SELECT '`evil.data.t`' AS x", None),
    ],
)
def test_what_a_literal_holds_does_not_say_where_a_job_runs(query, found):
    assert places.named(query) == found


def test_the_ledger_keeps_what_it_is_told(place, monkeypatch):
    """A failed step's error and who migrated are data too."""
    monkeypatch.setattr(getpass, "getuser", lambda: "\n".join(STRINGS))
    platform = Platform.of(table("t"))
    plan = plan_migration(platform, place.warehouse)
    apply(plan, platform, place.warehouse)
    history = Ledger(place.warehouse, platform).read()
    assert [each.who for each in history.migrations] == ["\n".join(STRINGS)]
    place.check_statements()


def test_the_command_line_takes_texts_as_data(project):
    project.datoria("migrate")
    for chunk in range(0, len(STRINGS), 20):
        texts = STRINGS[chunk : chunk + 20]
        query = f"SELECT [{', '.join(map(literal, texts))}] AS x"
        for style in ("text", "markdown"):
            assert project.datoria("query", query, "--format", style).code == 0
        shown = project.datoria("query", query, "--format", "json").out
        assert json.loads(shown) == [{"x": list(texts)}]
    allowed = [word for text in STRINGS for word in ("--allow", text)]
    assert project.datoria("migrate", *allowed).code in (0, 1)
    for text in ("../../x", "a b", "'; DROP TABLE t; --", "\n", "%2F"):
        for words in (("restore", f"acme.shop.{text}__before_1", "--yes"), ("query", text)):
            refused(project, *words)
        refused(project, "migrate", "--dataset", f"acme.{text}")
    assert project.datoria("migrate").out.startswith("Nothing to migrate")
