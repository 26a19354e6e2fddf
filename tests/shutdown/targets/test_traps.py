"""Each trap of the four interfaces of makers has a test; the table says which."""

import ast
from pathlib import Path

import pytest

HERE = Path(__file__).parent
TRAPS: tuple[tuple[str, str, str], ...] = (
    # kind, trap, test
    (
        "all",
        "silence of an API is not power-off: two signals, three times, then grace",
        "../test_evidence.py::three_silent_looks_in_a_row",
    ),
    (
        "all",
        "disks are parked after the network is gone",
        "../test_evidence.py::the_grace_time_begins_with_the_last_sign_of_life",
    ),
    (
        "all",
        "one signal alone proves nothing",
        "../test_evidence.py::one_signal_alone_proves_nothing",
    ),
    ("all", "our own switch is dead", "../test_evidence.py::our_own_gateway_silent_means_unknown"),
    (
        "all",
        "a pooled dead socket looks like a lost answer",
        "../test_http.py::each_request_has_a_connection_of_its_own",
    ),
    (
        "all",
        "a lost answer is neither yes nor no",
        "../test_http.py::a_lost_answer_leaves_the_outcome_unknown",
    ),
    (
        "all",
        "a request that may have been heard is not repeated blindly",
        "../test_http.py::a_lost_answer_is_not_asked_for_again",
    ),
    (
        "all",
        "there is no way not to check a certificate",
        "../test_tls.py::no_choice_leaves_a_server_unchecked",
    ),
    (
        "all",
        "a renewed certificate ends before a byte is sent",
        "../test_http.py::a_changed_certificate_has_its_own_error_and_hears_nothing",
    ),
    (
        "all",
        "the name server is off",
        "../test_resolver.py::the_last_answer_outlives_the_name_server",
    ),
    ("all", "secrets in logs and URLs", "../test_http.py::secrets_show_nowhere"),
    (
        "proxmox",
        "a token with separated privileges has none",
        "test_proxmox_preflight.py::a_token_with_its_privileges_separated_has_none",
    ),
    (
        "proxmox",
        "PVEAdmin has no Sys.PowerMgmt",
        "test_proxmox_preflight.py::the_missing_privilege_is_named",
    ),
    ("proxmox", "401 comes after 3 s", "test_proxmox_api.py::a_delayed_refusal_is_waited_for"),
    (
        "proxmox",
        "a wrong or expired token is asked once",
        "test_proxmox_preflight.py::a_wrong_token_is_one_finding_and_one_request",
    ),
    ("proxmox", "403 names the privilege", "test_proxmox_api.py::a_missing_privilege_is_quoted"),
    (
        "proxmox",
        "595 to 599: the node behind the one that was asked",
        "test_proxmox_api.py::a_node_behind_the_one_that_was_asked",
    ),
    (
        "proxmox",
        "a node's shutdown answers before it begins, and tells of no error",
        "test_proxmox.py::a_node_that_lost_the_request_still_looks_up",
    ),
    (
        "proxmox",
        "the API ends before the disks are at rest",
        "test_proxmox.py::a_silent_api_is_not_a_host_that_is_off",
    ),
    (
        "proxmox",
        "a node that is asked through another one",
        "test_proxmox_preflight.py::the_address_of_another_node",
    ),
    ("proxmox", "each node is told itself", "test_proxmox.py::guests_stop_first_then_the_node"),
    (
        "proxmox",
        "groups of guests stop one after another",
        "test_proxmox_preflight.py::the_groups_of_guests_add_up",
    ),
    (
        "proxmox",
        "stopall switches off hard by default",
        "test_proxmox.py::stopall_switches_off_by_itself_what_does_not_obey",
    ),
    (
        "proxmox",
        "a task may end with warnings",
        "test_proxmox.py::a_task_that_did_not_end_with_ok_has_ended_all_the_same",
    ),
    (
        "proxmox",
        "stopall still lets go of disks after the last guest",
        "test_proxmox.py::all_off_but_stopall_still_at_work_is_not_done",
    ),
    (
        "proxmox",
        "figures of the cluster are up to 10 s old",
        "test_proxmox.py::old_figures_of_the_cluster_are_not_believed",
    ),
    (
        "proxmox",
        "a waiting shutdown blocks a stop",
        "test_proxmox.py::at_the_deadline_a_waiting_shutdown_is_overruled",
    ),
    ("proxmox", "paused guests refuse", "test_proxmox_guests.py::single_a_paused_machine_refuses"),
    (
        "proxmox",
        "a container that is off answers with an error",
        "test_proxmox_guests.py::single_a_container_that_is_off_already",
    ),
    (
        "proxmox",
        "locked guests refuse, even hard",
        "test_proxmox.py::a_locked_guest_is_told_apart_and_the_plan_goes_on",
    ),
    ("proxmox", "locks are shown before", "test_proxmox_preflight.py::locked_guests_are_shown"),
    (
        "proxmox",
        "an explicit list takes guests of HA with it",
        "test_proxmox.py::guests_of_ha_are_left_to_their_node",
    ),
    (
        "proxmox",
        "HA rewrites the requested state for good",
        "test_proxmox_guests.py::single_what_ha_wants_stopped_is_wanted_again",
    ),
    (
        "proxmox",
        "frozen HA ends guests without a shutdown",
        "test_proxmox.py::frozen_ha_would_end_its_guests_without_a_shutdown",
    ),
    (
        "proxmox",
        "HA that is armed too early moves guests of missing nodes",
        "test_proxmox.py::ha_stays_disarmed_until_the_last_node_is_back",
    ),
    (
        "proxmox",
        "without a quorum no guest starts",
        "test_proxmox_preflight.py::a_cluster_without_quorum",
    ),
    ("proxmox", "a node cannot wake itself", "test_proxmox_api.py::a_node_cannot_wake_itself"),
    (
        "proxmox",
        "autostart does not try again",
        "test_proxmox_guests.py::restored_after_the_node_came_back",
    ),
    (
        "proxmox",
        "certificates are renewed by themselves",
        "test_proxmox_access.py::a_new_certificate_that_a_peer_lists_is_adopted",
    ),
    (
        "proxmox",
        "our own guest needs 210 s",
        "test_proxmox_preflight.py::the_guest_that_runs_us_needs_time_and_must_come_back",
    ),
    (
        "proxmox",
        "our own disk on a NAS",
        "test_proxmox_preflight.py::where_the_disks_of_home_assistant_lie",
    ),
    (
        "qnap",
        "an expired session is answered with HTTP 200, and nothing happens",
        "test_qnap.py::a_session_lost_in_between_is_noticed",
    ),
    (
        "qnap",
        "a second login ends the first session",
        "test_qnap_api.py::a_login_of_another_client_ends_ours",
    ),
    ("qnap", "a login before each command", "test_qnap.py::each_command_logs_in_anew"),
    ("qnap", "no session for a POST", "test_qnap.py::a_model_that_gives_no_session_for_a_post"),
    (
        "qnap",
        "passwords and sessions in URLs",
        "test_qnap.py::neither_password_nor_session_stands_in_the_url",
    ),
    (
        "qnap",
        "bodies that are no XML",
        "test_qnap.py::an_answer_that_is_no_xml_is_read_all_the_same",
    ),
    ("qnap", "2-step verification", "test_qnap.py::two_step_accounts_are_refused_in_words"),
    ("qnap", "only administrators", "test_qnap.py::only_administrators_may"),
    ("qnap", "passwords that expire", "test_qnap.py::an_expired_password_has_its_own_words"),
    ("qnap", "the IP block", "test_qnap.py::a_wrong_password_is_never_tried_twice"),
    ("qnap", "a NAS that has blocked us", "test_qnap.py::a_blocked_address_is_not_heard"),
    ("qnap", "accepted and ignored", "test_qnap.py::what_was_accepted_and_ignored_shows"),
    ("qnap", "the web page ends first", "test_qnap.py::the_web_page_ends_before_the_disks"),
    ("qnap", "is_booting", "test_qnap.py::it_is_ready_when_it_has_booted"),
    (
        "qnap",
        "its own timer, and 30 s at low battery",
        "../test_actors.py::everybody_who_acts_is_found",
    ),
    (
        "qnap",
        "LUNs under initiators that run",
        "../test_gates.py::a_user_that_hangs_is_waited_for_until_the_last_safe_moment",
    ),
    ("synology", "a login before each command", "test_synology.py::each_command_logs_in_anew"),
    (
        "synology",
        "106, 107, 119: a session that is lost",
        "test_synology.py::a_session_lost_in_between_is_replaced_once",
    ),
    (
        "synology",
        "a session that is lost again is no endless retry",
        "test_synology.py::a_session_lost_again_is_refused_in_words",
    ),
    ("synology", "shutdown is known to version 1 alone", "test_synology_api.py::it_shuts_down"),
    (
        "synology",
        "101 to 104",
        "test_synology.py::a_dsm_that_lacks_the_request_is_refused_in_words",
    ),
    ("synology", "SynoToken", "test_synology.py::a_careful_dsm_wants_its_token"),
    (
        "synology",
        "did or device_id, bound to a fixed name",
        "test_synology.py::a_code_is_entered_once",
    ),
    ("synology", "a token that DSM forgets", "test_synology.py::a_token_that_dsm_has_forgotten"),
    (
        "synology",
        "codes in words, 407 among them",
        "test_synology.py::codes_of_the_login_become_words",
    ),
    ("synology", "the IP block", "test_synology.py::a_wrong_password_is_never_tried_twice"),
    ("synology", "only administrators", "test_synology.py::only_administrators_may"),
    ("synology", "the web page ends first", "test_synology.py::the_web_page_ends_before_the_disks"),
    (
        "kubernetes",
        "pods move to the next node unless all are cordoned first",
        "test_kubernetes.py::all_nodes_then_the_pods_of_the_nas_then_their_volumes",
    ),
    (
        "kubernetes",
        "nodes that others cordoned",
        "test_kubernetes_restore.py::only_our_own_nodes_are_uncordoned",
    ),
    (
        "kubernetes",
        "a cordon survives everything",
        "test_kubernetes_restore.py::nodes_are_known_after_a_restart_of_ours",
    ),
    (
        "kubernetes",
        "the NAS stands in volumes in many forms",
        "test_kubernetes_inventory.py::each_way_to_choose",
    ),
    (
        "kubernetes",
        "DaemonSet and mirror pods come back at once",
        "test_kubernetes.py::daemon_sets_and_mirror_pods_stay_and_keep_the_nas_in_use",
    ),
    (
        "kubernetes",
        "finished and waiting pods hold nothing",
        "test_kubernetes_inventory.py::what_holds_nothing_is_left_alone",
    ),
    (
        "kubernetes",
        "429 by a budget, for ever",
        "test_kubernetes.py::a_budget_that_never_gives_in_ends_at_the_deadline",
    ),
    (
        "kubernetes",
        "no successor ever starts",
        "test_kubernetes_removal.py::a_budget_that_waits_for_what_cannot_happen_is_not_asked_to_the_end",
    ),
    (
        "kubernetes",
        "429 by too much work",
        "test_kubernetes_removal.py::an_api_server_that_has_too_much_to_do_is_no_budget",
    ),
    ("kubernetes", "404, 403 and 500", "test_kubernetes.py::what_an_eviction_may_answer"),
    (
        "kubernetes",
        "a namespace that ends",
        "test_kubernetes.py::a_pod_of_a_namespace_that_ends_is_left_to_it",
    ),
    (
        "kubernetes",
        "a successor of the same name",
        "test_kubernetes.py::the_successor_of_a_pod_is_not_evicted_in_its_place",
    ),
    (
        "kubernetes",
        "grace 0 while the kubelet lives",
        "test_kubernetes.py::a_pod_that_asks_for_no_grace_gets_a_second",
    ),
    (
        "kubernetes",
        "a kubelet that is silent",
        "test_kubernetes.py::a_silent_kubelet_is_no_reason_to_force",
    ),
    (
        "kubernetes",
        "a pod is gone, its volume is not",
        "../test_plan_with_kubernetes.py::the_nas_waits_for_the_last_volume_and_comes_back_first",
    ),
    (
        "kubernetes",
        "volumesInUse of volumes that nothing attaches",
        "test_kubernetes_inventory.py::a_node_that_still_uses_a_volume_is_believed",
    ),
    (
        "kubernetes",
        "a stopped initiator holds no LUN",
        "../test_gates.py::who_has_nothing_left_to_run_on_holds_no_volume",
    ),
    (
        "kubernetes",
        "the API ends with the control plane",
        "test_kubernetes.py::an_api_that_is_gone_proves_nothing",
    ),
    ("kubernetes", "two budgets", "test_kubernetes_preflight.py::two_budgets_for_one_pod"),
    (
        "kubernetes",
        "rights that are missing",
        "test_kubernetes_preflight.py::each_missing_right_is_named",
    ),
    ("kubernetes", "tokens that end", "test_kubernetes_preflight.py::a_token_that_ends"),
    (
        "kubernetes",
        "dryRun goes through rights and budgets",
        "test_kubernetes_restore.py::a_rehearsal_is_tried_by_the_server_and_changes_nothing",
    ),
)


@pytest.mark.parametrize(
    ("trap", "test"),
    [(trap, test) for _, trap, test in TRAPS],
    ids=[f"{kind}: {trap}" for kind, trap, _ in TRAPS],
)
def test_each_trap_has_its_test(trap: str, test: str) -> None:
    name, _, function = test.partition("::")
    tree = ast.parse((HERE / name).read_text(encoding="utf-8"))
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    names = {node.name for node in ast.walk(tree) if isinstance(node, functions)}
    assert f"test_{function}" in names, trap
