"""A code location that is not at its branch is reported: once per commit, and in words."""

import os
import subprocess

import dagster as dg
import pytest

from datoria_dagster import Platform
from datoria_dagster.orchestration import DatoriaSettings, GitBranch, branch, build_definitions
from datoria_dagster.settings import SettingsError
from datoria_dagster.warehouse.local import LocalWarehouse
from tests.dagster_platform import unrelated
from tests.dagster_platform.daemon import Daemon

MIGRATION = dg.AssetKey("migration")
LONG_AGO = "0123456789abcdef0123456789abcdef01234567"


def git(folder, *words):
    name = {"GIT_AUTHOR_NAME": "ann", "GIT_AUTHOR_EMAIL": "ann@example.com"}
    name |= {key.replace("AUTHOR", "COMMITTER"): value for key, value in name.items()}
    clean = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    command = ["git", "-c", "commit.gpgsign=false", *words]
    ran = subprocess.run(
        command, cwd=folder, env=clean | name, check=True, capture_output=True, text=True
    )
    return ran.stdout.strip()


def commit(folder):
    git(folder, "commit", "--quiet", "--allow-empty", "--message", "x")
    return git(folder, "rev-parse", "HEAD")


@pytest.fixture
def repository(tmp_path, monkeypatch):
    monkeypatch.delenv("DATORIA_GIT_COMMIT", raising=False)
    folder = tmp_path / "repository"
    (folder / "definitions").mkdir(parents=True)
    git(folder, "init", "--quiet", "--initial-branch=main")
    commit(folder)
    return folder


@pytest.fixture
def instance():
    with dg.DagsterInstance.ephemeral() as found:
        yield found


def load(folder, watch):
    """Load the code location, as it is on disk now."""
    platform = Platform.of(unrelated, folder=folder)
    return build_definitions(platform, LocalWarehouse(None), settings=DatoriaSettings(watch=watch))


def reports(instance):
    records = instance.fetch_observations(MIGRATION, limit=20).records
    return [record.asset_observation for record in reversed(records)]


@pytest.mark.parametrize("way", ["a folder", "an address", "the folder of the code"])
def test_a_commit_on_the_branch_is_reported_once(instance, repository, way):
    watched = {
        "a folder": str(repository),
        "an address": f"file://{repository}",
        "the folder of the code": ".",
    }[way]
    loaded = git(repository, "rev-parse", "HEAD")
    location = load(repository / "definitions", GitBranch(repository=watched))
    daemon = Daemon("location_behind", instance)
    assert daemon.evaluate(location).skip_message == (
        f"This code location is at main, {loaded[:12]}."
    )
    assert reports(instance) == []
    head = commit(repository)
    behind = (
        f"This code location was loaded at {loaded[:12]}; main of {watched} is at {head[:12]}. "
        "Deploy that here, and reload this code location."
    )
    assert [daemon.evaluate(location).skip_message for _ in range(3)] == [behind] * 3
    (report,) = reports(instance)
    assert report.metadata["loaded commit"].value == loaded
    assert report.metadata["commit of the branch"].value == head


def test_each_commit_is_reported_and_so_is_the_reload(instance, repository):
    folder = repository / "definitions"
    daemon = Daemon("location_behind", instance)
    location = load(folder, GitBranch())
    commit(repository)
    daemon.evaluate(location)
    head = commit(repository)
    daemon.evaluate(location)
    reloaded = repository / "reloaded"
    reloaded.mkdir()
    daemon.evaluate(load(reloaded, GitBranch()))
    assert [report.description.partition(";")[0] for report in reports(instance)][2:] == [
        f"This code location is at main, {head[:12]}."
    ]
    assert len(reports(instance)) == 3


def test_another_branch_can_be_watched(instance, repository):
    location = load(repository, GitBranch(branch="release"))
    daemon = Daemon("location_behind", instance)
    assert daemon.evaluate(location).skip_message == ". has no branch 'release'."
    git(repository, "branch", "release")
    assert daemon.evaluate(location).skip_message.startswith("This code location is at release, ")


def test_a_branch_whose_name_only_ends_alike_is_another(instance, repository):
    git(repository, "branch", "feature/main")
    git(repository, "branch", "-m", "main", "trunk")
    for watch in (GitBranch(), GitBranch(repository=f"file://{repository}")):
        daemon = Daemon("location_behind", instance)
        said = daemon.evaluate(load(repository, watch)).skip_message
        assert said == f"{watch.repository} has no branch 'main'."


def test_the_commit_may_be_given(instance, repository, monkeypatch):
    monkeypatch.setenv("DATORIA_GIT_COMMIT", LONG_AGO)
    data = Daemon("location_behind", instance).evaluate(load(repository, GitBranch()))
    assert data.skip_message.startswith("This code location was loaded at 0123456789ab; main of .")


def test_code_of_no_known_commit_says_what_to_set(instance, tmp_path, monkeypatch):
    monkeypatch.delenv("DATORIA_GIT_COMMIT", raising=False)
    said = Daemon("location_behind", instance).evaluate(load(tmp_path, GitBranch())).skip_message
    assert said.startswith("The commit of this code location is not known: ")
    assert said.endswith("Set DATORIA_GIT_COMMIT where it is started.")


def test_a_remote_that_does_not_answer_is_a_reason_without_its_password(
    instance, repository, monkeypatch
):
    monkeypatch.setenv("DATORIA_GIT_COMMIT", LONG_AGO)
    watch = GitBranch(repository="http://ann:hunter2@127.0.0.1:9/shop.git")
    said = Daemon("location_behind", instance).evaluate(load(repository, watch)).skip_message
    assert said.startswith("http://127.0.0.1:9/shop.git can't be read: ")
    assert "hunter2" not in said


def test_a_remote_that_hangs_is_left(instance, repository, monkeypatch):
    def hang(command, **settings):
        raise subprocess.TimeoutExpired(command, settings["timeout"])

    location = load(repository, GitBranch())
    monkeypatch.setattr(branch.subprocess, "run", hang)
    data = Daemon("location_behind", instance).evaluate(location)
    assert data.skip_message == ". did not answer in 20 seconds."


def test_without_git_the_reason_says_so(instance, repository, monkeypatch):
    monkeypatch.setenv("DATORIA_GIT_COMMIT", LONG_AGO)
    location = load(repository, GitBranch())
    monkeypatch.setenv("PATH", str(repository))
    data = Daemon("location_behind", instance).evaluate(location)
    assert data.skip_message == "git is not installed here: `git` is not on the path."


@pytest.mark.parametrize("given", [{"repository": "--upload-pack=x"}, {"branch": ""}])
def test_what_is_no_repository_or_branch_is_refused(given):
    with pytest.raises(SettingsError, match="neither a repository nor a branch"):
        GitBranch(**given)
