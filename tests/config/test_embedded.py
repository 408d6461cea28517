"""The embedded Postgres: who may log in, where it listens, who starts and stops it."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from config import embedded
from config.database import database_from_url


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[embedded.Cluster]:
    with embedded.running(tmp_path_factory.mktemp("cluster"), durable=False) as running:
        yield running


def _data_dir(cluster: embedded.Cluster) -> Path:
    return cluster.location.home.parent


def _connect(cluster: embedded.Cluster, database: str = "concord") -> psycopg.Connection:
    return psycopg.connect(embedded.url(_data_dir(cluster), database), autocommit=True)


def test_the_login_is_no_superuser_and_inherits_nothing(cluster: embedded.Cluster) -> None:
    with _connect(cluster) as connection:
        row = connection.execute(
            "SELECT rolname, rolsuper, rolinherit, rolcreaterole, rolcreatedb, rolbypassrls"
            " FROM pg_roles WHERE rolname = current_user"
        ).fetchone()
    assert row == ("app", False, False, True, False, False)


def test_the_login_cannot_read_files_through_the_server(cluster: embedded.Cluster) -> None:
    with _connect(cluster) as connection:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("SELECT pg_read_file('/etc/passwd')")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("SET ROLE postgres")


def test_the_login_owns_its_database_and_has_vectors(cluster: embedded.Cluster) -> None:
    with _connect(cluster) as connection:
        connection.execute("CREATE TABLE public.point (at vector(3))")
        connection.execute("INSERT INTO public.point VALUES ('[1,2,3]')")
        found = connection.execute("SELECT at <-> '[1,2,5]' FROM public.point").fetchone()
        connection.execute("DROP TABLE public.point")
        assert found == (2.0,)
        connection.execute("CREATE SCHEMA one")
        connection.execute("DROP SCHEMA one")


def test_a_schema_can_be_given_to_a_role_of_its_own(cluster: embedded.Cluster) -> None:
    with _connect(cluster) as connection:
        connection.execute("CREATE ROLE guest NOLOGIN")
        connection.execute("GRANT guest TO app WITH INHERIT FALSE, SET TRUE")
        connection.execute("CREATE SCHEMA guest AUTHORIZATION guest")
        connection.execute("SET ROLE guest; CREATE TABLE guest.note (id int); RESET ROLE")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("SELECT * FROM guest.note")
        connection.execute("SET ROLE guest; DROP SCHEMA guest CASCADE; RESET ROLE")
        connection.execute("DROP ROLE guest")


def test_it_listens_on_a_private_socket_alone(cluster: embedded.Cluster) -> None:
    with _connect(cluster) as connection:
        assert connection.execute("SHOW listen_addresses").fetchone() == ("",)
        reported = connection.info.parameter_status("search_path")
    assert reported is not None  # tenancy relies on the server telling its search_path
    for folder in (cluster.location.home, cluster.location.data, cluster.location.socket_dir):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_it_neither_runs_as_root_nor_in_the_terminals_session(cluster: embedded.Cluster) -> None:
    pid = cluster.postmaster_pid()
    assert pid is not None
    assert os.stat(f"/proc/{pid}").st_uid != 0
    assert os.getsid(pid) != os.getsid(0)


def test_settings_and_url_name_the_same_place(cluster: embedded.Cluster) -> None:
    data_dir = _data_dir(cluster)
    from_url = database_from_url(embedded.url(data_dir))
    assert from_url == embedded.django_database(data_dir)


def test_a_second_start_adopts_the_running_server(cluster: embedded.Cluster) -> None:
    before = cluster.postmaster_pid()
    other = embedded.Cluster(_data_dir(cluster), durable=False)
    other.start()
    assert other.postmaster_pid() == before


def test_a_database_for_tests_belongs_to_the_login(cluster: embedded.Cluster) -> None:
    cluster.create_database("spare")
    try:
        with _connect(cluster, "spare") as connection:
            connection.execute("CREATE TABLE point (at vector(2))")
    finally:
        with _connect(cluster, "spare"):
            cluster.drop_database("spare")  # in spite of the open connection
    with pytest.raises(psycopg.OperationalError, match="does not exist"):
        _connect(cluster, "spare")


def test_the_last_user_to_leave_stops_it(tmp_path: Path) -> None:
    with embedded.running(tmp_path, durable=False) as first:
        with embedded.running(tmp_path, durable=False) as second:
            assert second.postmaster_pid() == first.postmaster_pid() is not None
        assert first.postmaster_pid() is not None
        with embedded.Cluster(tmp_path).superuser("concord") as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
    assert first.postmaster_pid() is None


def test_only_tests_may_create_databases(tmp_path: Path) -> None:
    with (
        embedded.running(tmp_path, durable=False, may_create_databases=True) as cluster,
        _connect(cluster) as connection,
    ):
        connection.execute("CREATE DATABASE test_concord")
    with (
        embedded.running(tmp_path, durable=False) as cluster,
        _connect(cluster) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute("CREATE DATABASE another")
