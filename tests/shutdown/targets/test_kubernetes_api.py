"""Requests are those of the published description, and errors are told apart."""

import re

import pytest

from custom_components.omron_ups.shutdown.errors import (
    BadAnswerError,
    CredentialsRefusedError,
    NoAnswerError,
    RefusedError,
    RequestError,
    UnreachableError,
)
from custom_components.omron_ups.shutdown.targets.kubernetes_api import (
    REQUESTS,
    ForbiddenError,
    NamespaceEndsError,
    NotNowError,
    NotThereError,
    Right,
)
from custom_components.omron_ups.shutdown.targets.kubernetes_rows import Pod
from custom_components.omron_ups.shutdown.targets.provenance import Provenance
from tests.shutdown.fakes.kubernetes import ApiError, FakeKubernetes
from tests.shutdown.fakes.kubernetes_schema import OPERATIONS, errors_of, find_operation
from tests.shutdown.fakes.server import LOOPBACK

from .kubernetes_rig import api_of, cluster

__all__ = ["cluster"]
POD = Pod(namespace="default", name="db-0", uid="uid-1", node="worker1")
GET_NODES = "GET /api/v1/nodes"


async def test_every_request_is_one_of_the_description_and_of_our_table(
    cluster: FakeKubernetes,
) -> None:
    async with api_of(cluster) as api:
        await api.is_ready()
        await api.nodes()
        await api.pods()
        await api.pods("app=db")
        await api.volumes()
        await api.attachments()
        await api.budgets()
        assert await api.may(Right(verb="create", resource="pods", subresource="eviction"))
        assert not await api.may(Right(verb="delete", resource="nodes"))
        await api.cordon("cp1", "k1/p", dry_run=True)
        await api.cordon("cp1", "k1/p")
        await api.uncordon("cp1")
        await api.evict(POD, 30, dry_run=True)
        await api.evict(POD, 30)
        await api.delete(POD, 10)
    assert cluster.invalid == []
    used = set()
    for asked in cluster.asked:
        found = find_operation(asked.method, asked.path)
        assert found is not None
        used.add((found[0].method, found[0].path))
    assert {(known.method, known.path) for known in REQUESTS} == used
    assert {known.provenance for known in REQUESTS} == {Provenance.DOCUMENTED}
    changing = {f"{known.method} {known.path}" for known in REQUESTS if known.changes}
    patterns = [re.sub(r"\{\w+\}", "[^/]+", path) for path in changing]
    for line in cluster.changes:
        assert any(re.fullmatch(pattern, line) for pattern in patterns), line
    assert len(cluster.changes) == 4, "neither reviews nor dry runs"


async def test_what_is_asked_for_holds_no_more_than_needed(cluster: FakeKubernetes) -> None:
    async with api_of(cluster) as api:
        await api.pods("app=db")
        await api.delete(POD, 0)
    asked = cluster.asked[0]
    assert asked.params == {
        "fieldSelector": "status.phase!=Succeeded,status.phase!=Failed",
        "labelSelector": "app=db",
    }
    _, body = cluster.bodies[-1]
    assert body["gracePeriodSeconds"] == 1, "0 is never sent, whoever asks for it"
    assert body["preconditions"] == {"uid": "uid-1"}


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (ApiError(401, "Unauthorized", "no"), CredentialsRefusedError),
        (ApiError(403, "Forbidden", "no"), ForbiddenError),
        (
            ApiError(403, "Forbidden", "no", ({"reason": "NamespaceTerminating"},)),
            NamespaceEndsError,
        ),
        (ApiError(404, "NotFound", "no"), NotThereError),
        (ApiError(409, "Conflict", "no"), NotThereError),
        (ApiError(422, "Invalid", "no"), RefusedError),
        (ApiError(429, "TooManyRequests", "no"), NotNowError),
        (ApiError(500, "InternalError", "no"), NoAnswerError),
        (ApiError(503, "ServiceUnavailable", "no"), NoAnswerError),
        (ApiError(504, "Timeout", "no"), NoAnswerError),
    ],
)
async def test_errors_are_told_apart(
    cluster: FakeKubernetes, error: ApiError, kind: type[RequestError]
) -> None:
    cluster.errors[GET_NODES] = error
    async with api_of(cluster) as api:
        with pytest.raises(RequestError) as caught:
            await api.nodes()
    assert type(caught.value) is kind
    assert str(caught.value).endswith("no"), "the server's own words"


async def test_what_is_no_answer_of_kubernetes(cluster: FakeKubernetes) -> None:
    async with api_of(cluster) as api:
        with pytest.raises(NotThereError, match="could not find"):
            await api.call("GET", "/api/v2/nodes")
        with pytest.raises(BadAnswerError):
            await api.call("GET", "/readyz")
    async with api_of(cluster, token="a.b.c") as api:
        with pytest.raises(CredentialsRefusedError):
            await api.is_ready()
    await cluster.stop()
    async with api_of(cluster) as api:
        assert api.label == f"{LOOPBACK}:{cluster.port}"
        with pytest.raises(UnreachableError):
            await api.is_ready()


async def test_names_cannot_leave_their_place_in_a_path(cluster: FakeKubernetes) -> None:
    async with api_of(cluster) as api:
        with pytest.raises(RequestError):
            await api.cordon("../pods", "k1/p")
    assert cluster.changes == []


@pytest.mark.parametrize(
    ("method", "path", "query", "body", "word"),
    [
        ("GET", "/api/v1/nodes", {"dryRun": "All"}, None, "unknown"),
        ("PATCH", "/api/v1/nodes/n", {"dryRun": "Some"}, {}, "dryRun"),
        ("PATCH", "/api/v1/nodes/n", {}, {"spec": {"unschedulable": "yes"}}, "boolean"),
        ("PATCH", "/api/v1/nodes/n", {}, {"spec": {"unschedulabel": True}}, "unknown"),
        ("PATCH", "/api/v1/nodes/n", {}, {"metadata": {"annotations": {"a": 1}}}, "string"),
        ("PATCH", "/api/v1/nodes/n", {}, {"metadata": []}, "object"),
        ("DELETE", "/api/v1/namespaces/a/pods/p", {}, {"gracePeriodSeconds": True}, "integer"),
        ("DELETE", "/api/v1/namespaces/a/pods/p", {}, {"dryRun": "All"}, "list"),
        ("POST", "/api/v1/namespaces/a/pods/p/eviction", {}, {"kind": "Eviction"}, "missing"),
        ("POST", "/api/v1/namespaces/a/pods/p/eviction", {}, None, "missing"),
    ],
)
def test_the_description_finds_what_is_wrong(
    method: str, path: str, query: dict[str, str], body: object, word: str
) -> None:
    found = find_operation(method, path)
    assert found is not None
    types = sorted(found[0].content_types)
    assert word in " ".join(errors_of(found[0], query, types[-1] if types else "", body))


def test_the_description_knows_content_types() -> None:
    operation = next(row for row in OPERATIONS if row.method == "PATCH")
    assert errors_of(operation, {}, "application/json", {})
    assert not errors_of(operation, {}, "application/merge-patch+json", {"spec": None})
