"""The queue is one table too: a tenant adds to it, reads no job of anybody, and can't forge one."""

from __future__ import annotations

import base64
import pickle

import pytest
from django.db import connection
from django_q import core_signing as signing
from django_q.conf import Conf
from django_q.models import OrmQ
from django_q.signing import BadSignature, PickleSerializer, SignedPackage

from tenants.context import TenantRef, use_shared, use_tenant
from tenants.tasks import enqueue, package
from tests.tenancy.tricks import session

pytestmark = pytest.mark.django_db
JOB = "tests.tenancy.test_tasks.whereabouts"


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT payload FROM public.django_q_ormq",
        "SELECT * FROM public.django_q_ormq",
        "UPDATE public.django_q_ormq SET payload = ''",
        "UPDATE public.django_q_ormq SET lock = now()",
        "DELETE FROM public.django_q_ormq",
        "INSERT INTO public.django_q_ormq (id, key, payload, lock) VALUES (1, '', '', now())",
        "INSERT INTO public.django_q_ormq (key, payload, lock) VALUES ('', '', now()) RETURNING *",
        "SELECT setval('public.django_q_ormq_id_seq', 1)",
        "SELECT * FROM public.django_q_schedule",
        "SELECT * FROM public.django_q_task",
    ],
)
def test_a_tenant_reads_and_changes_no_job(acme: TenantRef, statement: str) -> None:
    with session(acme) as own:
        assert "permission denied" in own.refused(statement)


def test_a_job_is_added_under_the_tenants_role_by_both_ways(acme: TenantRef) -> None:
    with use_tenant(acme):
        enqueue(JOB, 1)
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO public.django_q_ormq (key, payload, lock) VALUES (%s, %s, now())",
                package(JOB, 2),
            )
    with use_shared():
        assert [SignedPackage.loads(row.payload)["args"][0] for row in OrmQ.objects.all()] == [
            "acme",
            "acme",
        ]


def test_a_job_in_another_tenants_name_needs_the_key(acme: TenantRef) -> None:
    with use_tenant(acme):
        _, payload = package(JOB, 1)
    task = SignedPackage.loads(payload) | {"args": ("globex", JOB, (1,), {})}
    forged = signing.dumps(
        task, key="somebody's own", salt=Conf.PREFIX, serializer=PickleSerializer
    )
    body, _, rest = payload.partition(":")
    changed = f"{body[:-2]}xx:{rest}"
    packed = base64.urlsafe_b64encode(pickle.dumps(task)).decode().rstrip("=")
    for bad in (forged, changed, f"{packed}:{rest}"):
        with pytest.raises(BadSignature):
            SignedPackage.loads(bad)
    assert SignedPackage.loads(payload)["args"][0] == "acme"
