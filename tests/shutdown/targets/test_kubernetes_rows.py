"""Kubernetes' objects as they are described, with fields missing and of every kind."""

from typing import Any

import pytest

from custom_components.omron_ups.shutdown.errors import BadAnswerError
from custom_components.omron_ups.shutdown.targets.kubernetes_rows import (
    Budget,
    Pod,
    attachment_of,
    budget_of,
    hosts_in,
    items,
    node_of,
    pod_of,
    volume_of,
    volume_of_unique_name,
)


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("192.0.2.1:3260", "192.0.2.1"),
        ("192.0.2.1:3260,1", "192.0.2.1"),
        ("iscsi://NAS.home.arpa:3260/x", "nas.home.arpa"),
        ("nas:/export/x", "nas"),
        ("[2001:db8::1]:3260", "2001:db8::1"),
        ("2001:db8::1", "2001:db8::1"),
        ("//nas/share", "nas"),
        ("a;b c", "b"),
    ],
)
def test_addresses_are_found_in_whatever_form(text: str, host: str) -> None:
    assert host in hosts_in("", text)


def test_a_part_of_an_address_is_another_address() -> None:
    assert "192.0.2.1" not in hosts_in("192.0.2.10:3260")


@pytest.mark.parametrize("data", [None, [], {}, {"items": None}, "ok"])
def test_no_list(data: object) -> None:
    with pytest.raises(BadAnswerError):
        list(items(data))


def test_half_a_list_is_none() -> None:
    with pytest.raises(BadAnswerError, match="part"):
        list(items({"items": [], "metadata": {"continue": "abc"}}))


def test_an_object_without_a_name_is_no_object() -> None:
    for read in (node_of, pod_of, volume_of, budget_of):
        with pytest.raises(BadAnswerError):
            read({})


def test_the_least_that_there_is() -> None:
    bare: dict[str, Any] = {"metadata": {"name": "x"}}
    node = node_of(bare)
    assert (node.is_ready, node.is_unschedulable, node.cordoned_by) == (False, False, "")
    pod = pod_of(bare)
    assert (pod.node, pod.grace_s, pod.claims, pod.stays) == ("", 30, frozenset(), False)
    volume = volume_of(bare)
    assert volume is not None
    assert (volume.driver, volume.claim, volume.unique_name) == ("", None, "")
    assert attachment_of({}).volume == ""
    assert budget_of(bare).selector is None


def test_a_disk_of_the_node_itself_is_no_volume() -> None:
    for source in ("hostPath", "local"):
        assert volume_of({"metadata": {"name": "x"}, "spec": {source: {"path": "/"}}}) is None


def test_volumes_that_were_moved_to_a_driver() -> None:
    nfs = {"nfs": {"server": "192.0.2.1", "path": "/"}}
    found = attachment_of({"spec": {"attacher": "d", "source": {"inlineVolumeSpec": nfs}}})
    assert found.inline is not None
    assert "192.0.2.1" in found.inline.addresses


def test_what_nodes_call_volumes() -> None:
    csi = {"csi": {"driver": "d.example", "volumeHandle": "v1"}}
    iscsi = {"iscsi": {"targetPortal": "192.0.2.1:3260", "iqn": "iqn.x:y", "lun": 0}}
    for spec in (csi, iscsi):
        volume = volume_of({"metadata": {"name": "x"}, "spec": spec})
        assert volume is not None
        told = volume_of_unique_name(volume.unique_name)
        assert told.driver == volume.driver
        assert told.addresses <= volume.addresses
    assert "192.0.2.1" in told.addresses
    assert volume_of_unique_name("kubernetes.io/rbd/x").driver == ""


@pytest.mark.parametrize(
    ("selector", "covers"),
    [
        (None, False),
        ({}, True),
        ({"matchLabels": {"app": "db"}}, True),
        ({"matchLabels": {"app": "web"}}, False),
        ({"matchExpressions": [{"key": "app", "operator": "In", "values": ["db"]}]}, True),
        ({"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["db"]}]}, False),
        ({"matchExpressions": [{"key": "tier", "operator": "Exists"}]}, False),
        ({"matchExpressions": [{"key": "tier", "operator": "DoesNotExist"}]}, True),
        ({"matchExpressions": [{"key": "app", "operator": "Fits"}]}, False),
    ],
)
def test_whom_a_budget_speaks_for(selector: dict[str, Any] | None, covers: bool) -> None:
    pod = Pod(namespace="a", name="p", uid="u", node="n", labels={"app": "db"})
    assert Budget(namespace="a", name="b", selector=selector, allowed=0).covers(pod) is covers
    assert not Budget(namespace="z", name="b", selector=selector, allowed=0).covers(pod)
