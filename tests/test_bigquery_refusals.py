"""Bad input and a bad day: one clear message with the next step, and nothing is changed."""

import json
import socket
import threading

import google.auth
import pytest
import requests
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from google.api_core.exceptions import from_http_response
from google.auth import exceptions as auth
from google.auth.credentials import AnonymousCredentials
from requests.adapters import HTTPAdapter

from datoria_dagster import INT64, Dataset, Field, Platform, Table, View, sql
from datoria_dagster.apply.apply import ApplyError, apply
from datoria_dagster.migration import plan_migration
from datoria_dagster.settings import Settings, SettingsError, open_warehouse
from datoria_dagster.warehouse.bigquery import BigQueryWarehouse, Options
from datoria_dagster.warehouse.bigquery.failures import Failure
from datoria_dagster.warehouse.local import LocalWarehouse
from datoria_dagster.warehouse.port import NotFound, Ref, Unavailable
from tests.bigquery_server import ENDPOINT, Fault, Front, ManualClock, Server, client
from tests.bigquery_server.errors import ApiError
from tests.bigquery_server.faults import of_error
from tests.conftest import PROJECT, refused
from tests.embedded import everything

SHOP = Dataset(project="acme", name="shop", location="EU")
ORDERS = Table(dataset=SHOP, name="orders", schema=(Field("id", INT64),))
BUYERS = Table(dataset=SHOP, name="buyers", schema=(Field("id", INT64),))
REF = Ref("table", ORDERS.id)
BOTH = Platform.of(ORDERS, BUYERS)


class Refusing(Server):
    """A server that refuses the methods whose names are given, each by its own answer."""

    def __init__(self, warehouse, **settings):
        super().__init__(warehouse, clock=ManualClock(), **settings)
        self.refusals = {}

    def _answered(self, call, act):
        refusal = self.refusals.get(call.name)
        return super()._answered(call, act) if refusal is None else of_error(refusal)


class World:
    """A project with a migrated platform behind a server that can refuse."""

    def __init__(self):
        self.store = LocalWarehouse()
        self.server = Refusing(self.store)
        self.warehouse = BigQueryWarehouse(
            client=client(self.store, server=self.server), clock=self.server.clock
        )

    def migrate(self, platform):
        plan = plan_migration(platform, self.warehouse)
        return apply(plan, platform, self.warehouse)

    def refused(self, act):
        """Return the one message; what there is stays as it is."""
        before = everything(self.store, BOTH)
        with pytest.raises((Unavailable, ApplyError)) as caught:
            act()
        assert everything(self.store, BOTH) == before
        assert "Traceback" not in str(caught.value)
        return str(caught.value)


@pytest.fixture
def world():
    found = World()
    yield found
    found.warehouse.close()
    found.store.close()


DENIED = (
    "Access Denied: Table acme:shop.orders: Permission {} denied on table acme:shop.orders (or it "
    "may not exist)."
)
PROJECT_DENIED = "Access Denied: Project acme: User does not have {} permission in project acme."


def denied(permission, text=DENIED):
    return ApiError(403, "accessDenied", text.format(permission))


@pytest.mark.parametrize(
    ("method", "permission", "role"),
    [
        ("tables.get", "bigquery.tables.get", "roles/bigquery.metadataViewer"),
        ("tables.patch", "bigquery.tables.update", "roles/bigquery.dataEditor"),
        ("tables.insert", "bigquery.tables.create", "roles/bigquery.dataEditor"),
        ("tables.delete", "bigquery.tables.delete", "roles/bigquery.dataEditor"),
        ("tabledata.list", "bigquery.tables.getData", "roles/bigquery.dataViewer"),
    ],
)
def test_a_missing_permission_is_named_with_a_role_that_holds_it(world, method, permission, role):
    world.migrate(Platform.of(ORDERS))
    world.server.refusals[method] = denied(permission)
    acts = {
        "tables.get": lambda: world.warehouse.read([REF]),
        "tables.patch": lambda: world.warehouse.patch(REF, {"description": "x"}, None),
        "tables.insert": lambda: world.migrate(BOTH),
        "tables.delete": lambda: world.warehouse.delete(REF, None),
        "tabledata.list": lambda: world.warehouse.rows(REF),
    }
    said = world.refused(acts[method])
    assert f"Permission {permission} denied on table acme:shop.orders" in said
    assert f"Ask for a role that holds {permission}, as {role}, or use other credentials." in said
    assert "This ran with the application default credentials." in said


def test_who_may_not_run_jobs_is_told_which_permission_that_takes(world):
    world.migrate(Platform.of(ORDERS))
    world.server.refusals["jobs.insert"] = denied("bigquery.jobs.create", PROJECT_DENIED)
    for act in (
        lambda: world.warehouse.query("SELECT 1 AS x"),
        lambda: world.warehouse.execute("DROP TABLE `acme.shop.orders`"),
        lambda: world.warehouse.append(REF, [{"id": 1}]),
        lambda: world.warehouse.write("SELECT 1 AS id", REF, None),
    ):
        said = world.refused(act)
        assert "does not have bigquery.jobs.create permission in project acme" in said
        assert "as roles/bigquery.jobUser" in said


def test_who_may_not_make_the_ledger_changes_nothing(world):
    world.server.refusals["datasets.insert"] = denied("bigquery.datasets.create", PROJECT_DENIED)
    said = world.refused(lambda: world.migrate(BOTH))
    assert "bigquery.datasets.create" in said
    assert "as roles/bigquery.user" in said
    assert world.store.read([Ref("dataset", SHOP.id)]) == {}


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (
            ApiError(404, "notFound", "Not found: Project acme"),
            "Correct the project of the declared datasets, or use other credentials.",
        ),
        (
            ApiError(
                403,
                "accessDenied",
                "BigQuery API has not been used in project 12 before or it is disabled.",
            ),
            "gcloud services enable bigquery.googleapis.com --project acme",
        ),
        (
            ApiError(403, "accessNotConfigured", "The API is not enabled."),
            "gcloud services enable bigquery.googleapis.com --project acme",
        ),
        (
            ApiError(403, "billingNotEnabled", "Billing has not been enabled for this project."),
            "The project acme has no billing account, which this needs. Link one",
        ),
        (
            ApiError(403, "quotaExceeded", "Quota exceeded: Your project exceeded quota for x."),
            "run this again when the quota is free, or ask for a higher one.",
        ),
        (ApiError(401, "authError", "Request had invalid credentials."), "login"),
    ],
)
def test_a_project_that_can_t_be_used_says_what_to_do(world, error, says):
    world.migrate(Platform.of(ORDERS))
    names = ("datasets.get", "tables.get", "tables.list", "jobs.insert")
    world.server.refusals = dict.fromkeys(names, error)
    for act in (
        lambda: plan_migration(BOTH, world.warehouse),
        lambda: world.warehouse.read([REF]),
        lambda: world.warehouse.query("SELECT id FROM `acme.shop.orders`"),
    ):
        assert says in world.refused(act)


def test_a_quota_that_is_used_up_halfway_leaves_the_rest_for_the_next_plan(world):
    plan = plan_migration(BOTH, world.warehouse)
    world.server.faults.add(Fault("tables.insert acme.shop.orders", "quota_exceeded", None))
    with pytest.raises(ApplyError) as caught:
        apply(plan, BOTH, world.warehouse)
    said = str(caught.value)
    assert "A quota is used up" in said
    assert "the next plan goes on from here" in said
    assert [outcome.status for outcome in caught.value.outcomes].count("failed") == 1
    world.server.faults.clear()
    world.migrate(BOTH)
    assert set(world.store.read([REF, Ref("table", BUYERS.id)])) == {REF, Ref("table", BUYERS.id)}


def test_a_dataset_that_is_deleted_between_plan_and_apply_is_named(world):
    world.migrate(Platform.of(ORDERS))
    plan = plan_migration(BOTH, world.warehouse)
    world.store.delete(REF, None)
    world.store.delete(Ref("dataset", SHOP.id), None)
    with pytest.raises(ApplyError) as caught:
        apply(plan, BOTH, world.warehouse)
    assert "Not found: Dataset acme:shop" in str(caught.value)
    assert world.store.list(SHOP.id) == ()
    with pytest.raises(NotFound, match="Dataset acme:shop"):
        world.warehouse.create(REF, {"schema": {"fields": [{"name": "id", "type": "INT64"}]}})


def test_a_dataset_in_another_place_than_declared_stops_the_plan(world):
    world.migrate(Platform.of(ORDERS))
    moved = ORDERS.model_copy(update={"dataset": SHOP.model_copy(update={"location": "US"})})
    plan = plan_migration(Platform.of(moved), world.warehouse)
    assert plan.verdict == "impossible"
    said = " ".join(f"{finding.says} {finding.instead}" for finding in plan.findings)
    assert "location" in said
    assert "EU" in said


def test_a_view_over_two_locations_names_both(world):
    there = Table(
        dataset=Dataset(project="acme", name="far", location="US"),
        name="t",
        schema=(Field("id", INT64),),
    )
    view = View(
        dataset=SHOP,
        name="v",
        schema=(Field("id", INT64),),
        query=sql("SELECT t.id FROM {t} AS t JOIN {o} AS o USING (id)", t=there, o=ORDERS),
    )
    with pytest.raises((ApplyError, Unavailable)) as caught:
        world.migrate(Platform.of(there, ORDERS, view))
    said = str(caught.value)
    assert "acme.shop.v" in said
    assert world.store.read([Ref("table", view.id)]) == {}
    assert "US" in said
    assert "EU" in said


class Answering(HTTPAdapter):
    """Whatever is asked, the same bytes come back, or the same error."""

    def __init__(self, status=200, body=b"", error=None):
        super().__init__()
        self.asked = 0
        self._status, self._body, self._error = status, body, error

    def send(self, request, **_):
        self.asked += 1
        if self._error is not None:
            raise self._error
        return response(self._status, self._body, request)


def response(status, body, request=None):
    found = requests.Response()
    found.status_code, found._content = status, body
    found.request = request or requests.Request("GET", f"{ENDPOINT}/x").prepare()
    found.url = found.request.url
    return found


def answering(**what):
    over = client(LocalWarehouse())
    adapter = Answering(**what)
    over._http.mount(ENDPOINT, adapter)
    return BigQueryWarehouse(client=over, clock=ManualClock()), adapter


PAGE = b"<!DOCTYPE html>\n<html><body>Sign in to Hotel Wifi as Sensitive</body></html>"


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, PAGE),
        (403, PAGE),
        (404, PAGE),
        (407, PAGE),
        (403, b'{"error": "Forbidden by Sensitive"}'),
        (200, b'["Sensitive"]'),
    ],
)
def test_the_page_of_a_proxy_is_not_taken_for_an_answer(status, body):
    warehouse, adapter = answering(status=status, body=body)
    for act in (
        lambda: warehouse.read([REF]),
        lambda: warehouse.create(REF, {}),
        lambda: warehouse.query("SELECT 1 AS x"),
        lambda: plan_migration(BOTH, warehouse),
    ):
        asked = adapter.asked
        with pytest.raises(Unavailable, match="is not BigQuery: a proxy, or the sign-in page") as e:
            act()
        assert "Sensitive" not in str(e.value)
        assert adapter.asked - asked <= 32


def test_the_page_of_google_s_own_front_is_waited_for():
    warehouse, adapter = answering(status=502, body=PAGE)
    with pytest.raises(Unavailable, match=r"may or may not have been carried out\. Run this again"):
        warehouse.read([REF])
    assert adapter.asked == 6


TUNNEL = requests.exceptions.ProxyError(
    "Cannot connect to proxy: http://sam:Sensitive@proxy:8080",
    OSError("Tunnel connection failed: 407 Proxy Authentication Required"),
)
CERTIFICATE = requests.exceptions.SSLError("certificate verify failed: Sensitive")


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (CERTIFICATE, "its certificate can't be verified. Check the proxy and the certificates"),
        (TUNNEL, "The proxy did not connect to BigQuery. Check HTTPS_PROXY"),
        (requests.ConnectionError("Sensitive"), "Check the network and run this again"),
        (auth.RefreshError("invalid_grant: Bad Request", {"x": "Sensitive"}), "auth application-"),
        (
            auth.RefreshError("invalid_grant: Invalid JWT: Token must be a short-lived token"),
            "the clock of this machine is off. Set the clock and try again.",
        ),
        (auth.InvalidValue("Token used too early, 1 < 2."), "the clock of this machine is off."),
        (
            auth.RefreshError("Unable to acquire impersonated credentials", '{"a": "Sensitive"}'),
            "ask for the role Service Account Token Creator on it.",
        ),
        (
            auth.RefreshError(
                "Unable to acquire impersonated credentials",
                "IAM Service Account Credentials API has not been used in project Sensitive",
            ),
            "gcloud services enable iamcredentials.googleapis.com",
        ),
    ],
)
def test_what_fails_before_bigquery_is_asked_says_what_to_mend(error, says):
    warehouse, adapter = answering(error=error)
    with pytest.raises(Unavailable) as caught:
        warehouse.read([REF])
    assert says in str(caught.value)
    assert "Sensitive" not in str(caught.value)
    assert "\n" not in str(caught.value)
    assert adapter.asked in (1, 6)


def test_a_certificate_that_the_token_s_server_can_t_show_is_told_as_one():
    wrapped = auth.TransportError(CERTIFICATE)
    wrapped.__cause__ = CERTIFICATE
    failure = Failure.of(wrapped)
    assert failure is not None
    assert failure.reason == "tls"
    assert Failure.of(auth.TransportError("no route")).nature == "lost"


def test_a_real_certificate_that_is_not_trusted_is_told(monkeypatch):
    """Nothing is sent to who can't show who it is."""
    listening = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=_plain, args=(listening,), daemon=True).start()
    over = client(LocalWarehouse())
    over._connection.API_BASE_URL = f"https://127.0.0.1:{listening.getsockname()[1]}"
    warehouse = BigQueryWarehouse(client=over, clock=ManualClock())
    with pytest.raises(Unavailable, match="is not trusted: its certificate can't be verified"):
        warehouse.read([REF])
    listening.close()


def _plain(listening):
    while True:
        try:
            connection, _ = listening.accept()
        except OSError:
            return
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        connection.close()


def test_no_message_is_longer_than_it_has_to_be():
    for status, reason in ((403, "accessDenied"), (401, "authError"), (503, "backendError")):
        body = json.dumps({"error": {"message": "Said.", "errors": [{"reason": reason}]}}).encode()
        failure = Failure.of(from_http_response(response(status, body)))
        said = str(failure.error("acme.shop.orders", "acme"))
        assert len(said) < 250
        assert said.endswith(".")


ACCOUNT = "deploy@acme.iam.gserviceaccount.com"


@pytest.fixture
def no_environment(monkeypatch):
    for name in ("GOOGLE_APPLICATION_CREDENTIALS", "CLOUDSDK_AUTH_IMPERSONATE_SERVICE_ACCOUNT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delenv("BIGQUERY_EMULATOR_HOST", raising=False)


FILES = [
    ("no JSON, but Sensitive", "is not the file of a service account"),
    ('["Sensitive"]', "is not the file of a service account"),
    ('{"type": "service_account", "client_email": "Sensitive"}', "is not the file of a service"),
    ('{"type": "authorized_user", "refresh_token": "Sensitive"}', "is not the file of a service"),
    (
        json.dumps(
            {
                "type": "service_account",
                "client_email": ACCOUNT,
                "token_uri": "https://localhost",
                "private_key": "Sensitive",
            }
        ),
        "is not the file of a service account",
    ),
    ("\ufffd Sensitive", "is not the file of a service account"),
    (None, "does not exist"),
]


@pytest.mark.usefixtures("no_environment")
@pytest.mark.parametrize(("content", "says"), FILES)
@pytest.mark.parametrize("way", ["settings", "environment"])
def test_a_wrong_file_of_credentials_is_named_and_not_shown(
    tmp_path, monkeypatch, way, content, says
):
    file = tmp_path / "key.json"
    if content is not None:
        file.write_text(content, encoding="utf-16" if "\ufffd" in content else "utf-8")
    options = Options(credentials=file)
    if way == "environment":
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(file))
        options = Options()
    for _ in range(2):
        with pytest.raises(Unavailable) as caught:
            BigQueryWarehouse(options).read([REF])
        said = str(caught.value)
        assert said.startswith(f"{file}, which ")
        assert says in said
        assert "gcloud auth application-default login" in said
        assert "Sensitive" not in said
        assert caught.value.__suppress_context__


@pytest.mark.usefixtures("no_environment")
def test_a_folder_is_no_file_of_credentials(tmp_path):
    with pytest.raises(Unavailable, match="can't be read"):
        BigQueryWarehouse(Options(credentials=tmp_path)).read([REF])


@pytest.mark.usefixtures("no_environment")
def test_a_service_account_s_file_is_enough(tmp_path, monkeypatch):
    file = tmp_path / "keys" / "deploy.json"
    file.parent.mkdir()
    file.write_text(service_account_key())
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pyproject.toml").write_text('[tool.datoria]\ncredentials = "keys/deploy.json"\n')
    (tmp_path / "inside").mkdir()
    monkeypatch.chdir(tmp_path / "inside")
    warehouse = open_warehouse(Settings.load(None, "bigquery"))
    opened = warehouse._client._opened(None)
    assert opened.project == "acme"
    assert opened._credentials.service_account_email == ACCOUNT
    warehouse.close()
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(file))
    opened = BigQueryWarehouse()._client._opened("other")
    assert opened._credentials.service_account_email == ACCOUNT
    borrowed = Options(credentials=file, impersonate="reader@acme.iam.gserviceaccount.com")
    opened = BigQueryWarehouse(borrowed)._client._opened(None)
    assert opened._credentials.service_account_email == "reader@acme.iam.gserviceaccount.com"


def service_account_key():
    """Return a key that is made here, and that nobody knows."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    text = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()
    return json.dumps(
        {
            "type": "service_account",
            "project_id": "acme",
            "client_email": ACCOUNT,
            "token_uri": "https://localhost",
            "private_key": text,
        }
    )


@pytest.mark.usefixtures("no_environment")
@pytest.mark.parametrize("project", ["../acme", "acme/datasets", "Acme", "a b", "acme?x"])
def test_a_project_is_no_address(monkeypatch, project):
    monkeypatch.setattr(google.auth, "default", lambda **_: (AnonymousCredentials(), project))
    with pytest.raises(Unavailable, match="is not a project id"):
        BigQueryWarehouse().query("SELECT 1 AS x")


SETTINGS = [
    ("project = 3", "project is 3; it must be a text."),
    ('project = "../acme"', "project: '../acme' is not a project id"),
    ("platform = 3", "platform is 3; it must be a text."),
    ('platform = ""', "platform is ''; it must be a text."),
    ("warehouse = 3", "warehouse is 3; it must be a text."),
    ('warehouse = "oracle"', "There is no warehouse 'oracle'; use local or bigquery."),
    ("credentials = true", "credentials is True; it must be a text."),
    ("impersonate = []", "impersonate is []; it must be a text."),
    ('maximum-bytes-billed = "1"', "maximum-bytes-billed is '1'; it must be a number of bytes"),
    ("credential = 'x'", "[tool.datoria] has no 'credential'; it has platform, warehouse"),
    ("[tool]\ndatoria = 3", "tool.datoria is 3; it must be a table."),
    ("[tool.datoria", "cannot read it"),
    ("tool = 3", ""),
]


@pytest.mark.parametrize(("line", "message"), SETTINGS)
def test_a_wrong_setting_is_one_sentence(project, line, message):
    whole = line.startswith(("[", "tool"))
    given = PROJECT.replace('platform = "shop:platform"\n', "")
    text = line if whole else f"{given}{line}"
    project.write("pyproject.toml", f"{text}\n")
    error = refused(project, "migrate")
    assert message in error
    assert error.count("\n") == 1
    assert not (project.folder / ".datoria").exists()


def test_settings_that_are_no_text_are_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pyproject.toml").write_bytes(b"[tool.datoria]\nplatform = '\xff'\n")
    with pytest.raises(SettingsError, match=r"pyproject\.toml: cannot read it"):
        Settings.load()


QUERY = "SELECT customer FROM `acme.shop.orders`"


@pytest.fixture
def over_http(project, monkeypatch):
    """The command line, as a person types it, with a server on a port of this machine."""
    store = LocalWarehouse()
    front = Front(Server(store))
    threading.Thread(target=front.serve_forever, args=(0.01,), daemon=True).start()
    monkeypatch.setenv("BIGQUERY_EMULATOR_HOST", front.url)
    monkeypatch.setenv("DATORIA_WAREHOUSE", "bigquery")
    project.server, project.store = front.bigquery, store
    yield project
    front.shutdown()
    front.server_close()
    store.close()


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        ("access_denied", "Access Denied: Permission denied"),
        ("api_disabled", "gcloud services enable bigquery.googleapis.com --project acme"),
        ("quota_exceeded", "A quota is used up"),
        ("expired_token", "gcloud auth application-default login"),
    ],
)
def test_the_command_line_says_it_in_one_line_and_changes_nothing(over_http, kind, says):
    over_http.server.faults.add(Fault("*", kind, None))
    for words in (["migrate"], ["migrate", "--plan"], ["run"], ["query", QUERY], ["history"]):
        error = refused(over_http, *words)
        assert error.startswith("error: ")
        assert says in error
        assert error.count("\n") == 1
    assert over_http.store.list("acme.shop") == ()


def test_the_command_line_works_over_http(over_http):
    assert over_http.datoria("migrate").code == 0
    assert over_http.datoria("run").code == 0
    assert over_http.datoria("migrate").out.startswith("Nothing to migrate")
    shown = over_http.datoria("query", "SELECT customer, total FROM `acme.shop.customers`")
    assert "ann" in shown.out
