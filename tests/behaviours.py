"""What the region does as AWS does, by area, each with the test that shows it: the source of docs/reference/behaviours.md.

A behaviour stands here when a test holds it, not before; tests/test_docs.py asks that each test is there.
"""

from typing import NamedTuple


class Behaviour(NamedTuple):
    what: str
    test: str
    """Below tests/: the file, two colons, the test's name."""
    effect: str = "live"
    """live, recorded or refused."""


_ROLLING = "scheduler/test_rolling_deployment.py"
_FAILING = "scheduler/test_failing_deployments.py"
_SHIFTING = "scheduler/test_shifting_deployment.py"
_TASK = "scheduler/test_one_task.py"
_RUNTIME = "contracts/test_task_runtime.py"
_INPUTS = "api/test_ecs_task_inputs.py"
_AGENT = "api/test_agent.py"
_SERVICES = "api/test_ecs_services.py"
_FORWARDING = "dataplane/test_envoy_forwarding.py"
_STICKINESS = "dataplane/test_envoy_stickiness.py"
_TLS = "dataplane/test_envoy_tls.py"
_TOKENS = "dataplane/test_envoy_tokens.py"
_HEADERS = "dataplane/test_envoy_headers.py"
_HEALTH = "dataplane/test_envoy_health.py"
_LIFECYCLE = "dataplane/test_envoy_lifecycle.py"
_ACTION = "api/test_deploy_action.py"
_EVENTS = "api/test_state_changes.py"
_LOOP = "api/test_ecs_and_the_loop.py"
_ALARMS = "monitoring/test_alarm_evaluation.py"
_MATH = "monitoring/test_metric_math.py"
_CLOUDWATCH = "api/test_cloudwatch.py"
_BALANCER_METRICS = "telemetry/test_load_balancer_metrics.py"
_SERVICE_METRICS = "telemetry/test_service_metrics.py"
_SCALING = "scheduler/test_scaling.py"
_SCALING_WORK = "autoscaling/test_scaling_at_work.py"
_ARITHMETIC = "scheduler/test_scheduler_arithmetic.py"
_EVALUATION = "registry/test_lifecycle_evaluation.py"
_LIFECYCLE_RUNS = "registry/test_lifecycle_runs.py"
_PATTERNS = "monitoring/test_filter_patterns.py"
_QUERIES = "monitoring/test_log_insights.py"
_STACKS = "api/test_cloudformation.py"
_ENGINE = "stacks/test_engine.py"
_STACK_LAWS = "laws/test_stack_laws.py"


def _one(file: str, name: str, what: str, effect: str = "live") -> Behaviour:
    return Behaviour(what, f"{file}::test_{name}", effect)


_DRIVER = "telemetry/test_awslogs_driver.py"
_LOGS = "api/test_logs.py"
_DERIVED = "telemetry/test_derived_metrics.py"

BEHAVIOURS: dict[str, list[Behaviour]] = {
    "Task life": [
        _one(
            _TASK,
            "a_task_is_pending_once_heard_of_and_activating_once_it_pulls",
            "PROVISIONING, PENDING, ACTIVATING, RUNNING in this order, never back",
        ),
        _one(
            _TASK,
            "a_running_task_drains_before_it_is_stopped",
            "DEACTIVATING while the target drains, then STOPPING, DEPROVISIONING, STOPPED",
        ),
        _one(_TASK, "a_users_stop_does_not_wait_for_the_drain_it_begins", "StopTask signals without waiting for the drain"),
        _one(
            _TASK,
            "the_exit_of_an_essential_container_ends_the_task_and_that_of_another_does_not",
            "an essential container ends the task, another does not",
        ),
        _one(
            _TASK,
            "a_tasks_health_is_that_of_its_essential_containers_with_a_check",
            "a task's health is that of its essential containers with a check",
        ),
        _one(
            _RUNTIME,
            "containers_start_in_order_of_dependence_and_stop_in_reverse",
            "dependsOn orders the start, and the stop in reverse",
        ),
        _one(_RUNTIME, "a_process_that_ignores_the_stop_signal_is_killed_after_its_timeout", "SIGKILL after stopTimeout"),
        _one(
            _RUNTIME, "a_check_that_passes_makes_a_container_healthy_and_one_that_fails_unhealthy", "container health checks"
        ),
        _one(_RUNTIME, "a_container_with_a_restart_policy_is_started_again_where_it_was", "restart policies"),
        _one(_RUNTIME, "too_much_memory_ends_a_container_with_its_reason", "OutOfMemoryError, exit code 137"),
        _one(_RUNTIME, "secret_variables_reach_the_container_and_no_file_of_ours", "secrets"),
        _one(_RUNTIME, "containers_of_a_task_share_its_volumes_and_no_other_task_does", "volumes of a task"),
        _one(_INPUTS, "environment_files_give_what_the_definition_does_not_and_the_first_of_two_counts", "environment files"),
        _one(
            _INPUTS, "a_secret_is_read_whole_by_json_key_and_by_version", "secrets by JSON key, version stage and version id"
        ),
        _one(
            _INPUTS,
            "what_is_missing_is_told_in_fargate_s_words_and_without_a_value",
            "ResourceInitializationError where a secret is missing",
        ),
        _one(
            _INPUTS,
            "a_log_group_must_be_there_unless_it_is_to_be_made",
            "ResourceInitializationError where a log group is missing",
        ),
        _one(_INPUTS, "a_private_registry_s_login_is_read_and_never_shown", "repositoryCredentials"),
        _one(_RUNTIME, "a_limit_of_open_files_is_the_container_s", "ulimits"),
        _one(_AGENT, "a_container_finds_itself_and_its_task", "task metadata endpoint, version 4"),
        _one(_AGENT, "a_service_s_task_protects_itself_for_a_while", "a task protects itself from scale-in"),
        _one(
            _AGENT,
            "a_task_with_a_role_gets_its_credentials_and_renews_them_in_time",
            "credentials of the task role, by the full URI",
        ),
        _one(
            _SERVICES,
            "a_definition_that_no_runtime_carries_out_is_registered_but_not_run",
            "FireLens, log drivers but awslogs, EFS, FSx and EBS volumes, App Mesh",
            "refused",
        ),
        _one(_DRIVER, "lines_of_one_event_are_merged_until_the_next_begins", "awslogs-multiline-pattern"),
        _one(_DRIVER, "what_begins_an_event", "awslogs-datetime-format"),
        _one(_DRIVER, "an_event_that_no_line_ends_goes_after_five_seconds", "an unfinished event of several lines"),
        _one(_INPUTS, "options_that_the_log_driver_does_not_take_end_the_task", "log options are checked before the start"),
        _one(_RUNTIME, "a_missing_image_is_a_failure_that_names_it", "TaskFailedToStart with the reason in ECS's words"),
        _one(_RUNTIME, "tasks_outlive_a_killed_control_plane_and_are_adopted", "tasks outlive the control plane"),
        _one("region/test_housekeeping.py", "stopped_tasks_are_shown_for_an_hour", "a stopped task is shown for an hour"),
    ],
    "Service scheduler": [
        _one(
            _ARITHMETIC,
            "floor_rounds_up_and_ceiling_rounds_down",
            "minimumHealthyPercent rounds up, maximumPercent rounds down",
        ),
        _one(
            _ROLLING,
            "floor_and_ceiling_hold_at_every_plan_and_a_deadlock_is_told_once",
            "the bounds hold at every moment; a deadlock is told",
        ),
        _one(
            _ROLLING,
            "without_load_balancer_and_check_a_task_counts_forty_seconds_after_it_runs",
            "without load balancer and check a task is healthy 40 s after RUNNING",
        ),
        _one(
            _FAILING,
            "an_unhealthy_task_is_replaced_before_it_is_stopped",
            "an unhealthy task is replaced before it is stopped, where there is room",
        ),
        _one(
            _FAILING,
            "failing_checks_are_ignored_in_the_grace_period_but_a_crash_is_not",
            "the grace period masks checks, not crashes",
        ),
        _one(
            _FAILING,
            "tasks_that_never_run_are_tried_less_and_less_often_and_the_service_says_so",
            "starts of tasks that never run are spaced out, up to 27 min",
        ),
        _one(
            _FAILING,
            "tasks_that_crash_after_running_are_started_once_a_tick_for_ever",
            "tasks that crash after RUNNING are not",
        ),
        _one(
            _ROLLING,
            "no_more_than_five_hundred_tasks_of_a_service_are_started_in_a_minute",
            "the launch rate of Fargate: 500 tasks of a service a minute",
        ),
        _one(_ROLLING, "protected_tasks_hold_a_deployment_until_their_protection_ends", "task scale-in protection"),
        _one(
            "api/test_ecs_tasks.py",
            "a_service_with_more_protected_tasks_than_it_wants_gets_no_more",
            "DEPLOYMENT_BLOCKED where more tasks are protected than the desired count",
        ),
        _one(
            _ROLLING,
            "an_old_task_that_dies_in_a_deployment_is_replaced_within_its_revision",
            "a lost task is replaced within its revision",
        ),
        _one(
            _ROLLING, "a_steady_state_is_told_again_after_six_hours_and_not_before", "the steady state is told again every 6 h"
        ),
        _one(
            _SERVICES,
            "the_name_of_an_inactive_service_is_used_afresh",
            "a deleted service drains, is INACTIVE, and leaves its name",
        ),
        Behaviour(
            "Availability Zone rebalancing: one machine is one zone",
            "api/test_support.py::test_what_is_said_to_be_recorded_is_shown_again",
            "recorded",
        ),
    ],
    "Rolling deployments": [
        _one(_SERVICES, "only_what_tasks_are_made_of_starts_a_deployment", "what starts a deployment, and what does not"),
        _one(
            _ROLLING,
            "events_of_a_rolling_deployment_come_in_ecs_order_with_its_full_stops",
            "service events in ECS's order and words",
        ),
        _one(_ROLLING, "old_tasks_go_one_by_one_as_new_ones_become_healthy", "old tasks go as new ones become healthy"),
        _one(
            _ROLLING,
            "a_deployment_completes_while_the_old_task_still_drains",
            "a deployment completes while the last old task drains",
        ),
        _one(
            _ROLLING,
            "a_new_deployment_supersedes_the_one_under_way_and_stops_its_pending_tasks",
            "a newer deployment supersedes the one under way",
        ),
        _one(_ROLLING, "several_revisions_share_one_budget_until_the_newest_is_up", "all revisions share one budget"),
        _one(
            _ROLLING,
            "scaling_out_in_the_middle_grows_both_revisions_and_starts_no_deployment",
            "scaling out in the middle grows both revisions",
        ),
        _one(_ROLLING, "a_bake_time_keeps_the_deployment_in_progress_until_it_is_over", "bake time"),
        _one("scheduler/test_early_success.py", "half_of_the_tasks_are_enough", "early success criteria"),
        _one(
            "live/test_control_plane_killed.py",
            "a_deployment_whose_control_plane_is_killed_goes_on_and_loses_no_request",
            "a deployment outlives its control plane and loses no request",
        ),
    ],
    "Circuit breaker and rollback": [
        _one(_ARITHMETIC, "breaker_thresholds", "thresholds: BOUNDED_PERCENT, UNBOUNDED_PERCENT, COUNT"),
        _one(
            _FAILING,
            "the_third_failure_trips_the_breaker_and_the_old_deployment_comes_back_under_its_id",
            "the old deployment comes back under its old id and revision",
        ),
        _one(_FAILING, "a_healthy_task_resets_the_count_unless_asked_otherwise", "resetOnHealthyTask"),
        _one(
            _FAILING,
            "without_rollback_the_failed_deployment_stays_primary_starts_nothing_and_old_tasks_serve_on",
            "without rollback it stays FAILED, and old tasks serve on",
        ),
        _one(_FAILING, "a_first_deployment_that_fails_has_nothing_to_go_back_to", "no rollback candidate: ROLLBACK_FAILED"),
        _one(
            _FAILING,
            "a_deployment_that_fails_while_the_rollback_before_it_is_under_way_has_no_candidate",
            "a failure during a rollback has no candidate",
        ),
        _one(_FAILING, "a_rollback_keeps_the_desired_count_of_now", "a rollback keeps the desired count of now"),
        _one(_FAILING, "a_completed_deployment_that_fails_later_never_rolls_back", "a COMPLETED deployment never rolls back"),
    ],
    "Auto scaling": [
        _one(
            _SCALING_WORK,
            "a_load_that_rises_and_falls_makes_the_service_grow_and_shrink",
            "a load that rises and falls makes the service grow and shrink",
        ),
        _one(_SCALING_WORK, "the_alarms_of_a_policy_are_as_aws_makes_them", "target tracking makes the alarms that AWS makes"),
        _one(
            _SCALING_WORK,
            "a_deployment_holds_scale_in_until_it_is_over",
            "a deployment holds scale-in; what was not scaled says why",
        ),
        _one(_SCALING, "the_policy_that_gives_most_decides", "of several policies, the one that gives most decides"),
        _one(_SCALING, "one_policy_that_does_not_agree_holds_scale_in", "scale-in needs all policies to agree"),
        _one(
            _SCALING,
            "during_the_cooldown_of_a_scale_out_only_a_larger_one_goes_on_and_the_tasks_added_count",
            "in a scale-out's cooldown only a larger one goes on, and what was added counts",
        ),
        _one(
            _SCALING,
            "the_cooldown_of_a_scale_in_blocks_the_next_and_no_scale_out",
            "a scale-in's cooldown blocks the next, and no scale-out",
        ),
        _one(_SCALING_WORK, "a_step_policy_is_driven_by_an_alarm_of_the_users", "steps are driven by alarms of the user's"),
        _one(_SCALING_WORK, "a_scheduled_action_sets_the_bounds_at_its_time", "scheduled actions set the bounds"),
        _one(_SCALING_WORK, "what_is_suspended_waits", "suspended scaling waits"),
        _one(
            _SCALING_WORK,
            "a_control_plane_that_dies_before_the_count_is_set_goes_on_with_it",
            "a control plane that dies before the count is set goes on with it",
        ),
        _one(
            "autoscaling/test_scaling_requests.py",
            "a_forecast_is_refused_by_name",
            "predictive scaling",
            effect="refused",
        ),
    ],
    "Alarms": [
        _one(
            _SHIFTING,
            "an_alarm_in_the_bake_time_takes_the_traffic_back_at_once",
            "an alarm in the bake time takes the traffic back",
        ),
        _one(
            _SHIFTING,
            "without_rollback_an_alarm_leaves_tasks_and_traffic_as_they_are",
            "without rollback it leaves all as it is",
        ),
        _one(
            _SHIFTING,
            "a_deployment_is_watched_by_the_alarms_that_it_began_with",
            "alarms that UpdateService changes in the middle are those of the next deployment",
        ),
    ],
    "Blue/green, canary, linear": [
        _one(
            _SHIFTING,
            "the_first_deployment_lands_in_the_alternate_group_and_gets_all_traffic_at_once",
            "the first revision lands in the alternate target group",
        ),
        _one(
            _SHIFTING,
            "the_second_deployment_lands_in_the_other_group_and_the_pair_is_never_swapped",
            "the pair is never swapped; the rule says which side is live",
        ),
        _one(_SHIFTING, "test_traffic_is_shifted_before_production_traffic", "test traffic before production traffic"),
        _one(_SHIFTING, "a_canary_gets_its_part_first_and_the_rest_after_its_bake_time", "canary"),
        _one(_SHIFTING, "linear_steps_follow_each_other_and_the_last_one_is_not_followed_by_a_step_bake", "linear"),
        _one(
            _SHIFTING,
            "hooks_are_called_in_the_order_of_the_stages_and_for_every_step",
            "lifecycle hooks in the order of the stages, and for every step",
        ),
        _one(_SHIFTING, "a_hook_in_progress_is_called_again_after_the_delay_that_it_asks_for", "IN_PROGRESS and its delay"),
        _one(_SHIFTING, "a_hook_without_an_answer_times_out", "time-outs of hooks"),
        _one(_SHIFTING, "a_pause_waits_for_its_answer", "PAUSE hooks and ContinueServiceDeployment"),
        _one(_SHIFTING, "a_hook_that_fails_rolls_back_from_every_stage", "rollback from every stage"),
        _one(
            _SHIFTING,
            "rules_that_do_not_fit_roll_back_with_the_reason",
            "networking that does not fit rolls back with the reason",
        ),
        _one(
            _SHIFTING,
            "traffic_that_somebody_gave_back_by_hand_in_the_bake_takes_the_deployment_back",
            "a production rule that was changed by hand in the bake rolls back with the reason",
        ),
        _one(
            _SHIFTING,
            "a_deployment_that_shifts_traffic_has_thirty_days_its_pauses_included",
            "a deployment as a whole has 30 days",
        ),
        _one(
            _SHIFTING,
            "a_protected_task_that_holds_a_stage_up_is_told",
            "a protected task that holds RECONCILE_SERVICE or CLEAN_UP up is told by an event",
        ),
        _one(_SHIFTING, "a_newer_deployment_takes_over_at_every_stage", "a newer deployment takes over at every stage"),
        _one(
            "live/test_strategies.py",
            "every_strategy_releases_without_losing_a_request_even_when_the_control_plane_dies",
            "no request is lost by any strategy",
        ),
    ],
    "Service deployments and clients": [
        _one(
            "api/test_ecs_service_deployments.py",
            "a_deployment_can_be_stopped_until_it_has_ended",
            "StopServiceDeployment in each status",
        ),
        _one(
            "api/test_ecs_service_deployments.py",
            "deployments_are_listed_newest_first_by_status_and_time_in_pages",
            "ListServiceDeployments: filters, order, pages",
        ),
        _one("region/test_housekeeping.py", "service_deployments_are_history_for_ninety_days", "history of 90 days"),
        _one(
            _ACTION,
            "a_release_that_is_rolled_back_is_not_found_after_stabilization",
            "aws-actions/amazon-ecs-deploy-task-definition sees a rollback",
        ),
        _one(_ACTION, "the_waiters_of_tasks_and_of_a_service_that_goes_come_true", "botocore's waiters"),
        _one(
            "api/test_aws_cli.py",
            "every_operation_is_reached_by_the_cli",
            "the AWS CLI, versions 1 and 2, for every operation, CloudWatch's and EventBridge's too",
        ),
        _one("api/test_boto3.py", "every_operation_does_its_work_for_boto3", "boto3, for every operation of these"),
        _one(
            "api/test_bad_requests.py",
            "a_bad_request_gets_ecs_exception_and_words_and_changes_nothing",
            "bad requests get ECS's exception and words, and change nothing",
        ),
        Behaviour(
            "task sets, as ECS refuses them",
            "api/test_bad_requests.py::test_a_bad_request_gets_ecs_exception_and_words_and_changes_nothing",
            "refused",
        ),
        Behaviour(
            "what a request asks for and the region would leave out",
            "api/test_support.py::test_the_gate_refuses_what_would_be_left_out",
            "refused",
        ),
    ],
    "Load balancer": [
        _one(_FORWARDING, "rules_are_tried_in_order_of_priority", "rules in order of priority"),
        _one(_FORWARDING, "weights_share_the_requests_and_a_weight_of_0_gets_none", "weighted target groups"),
        _one(_FORWARDING, "fixed_responses_and_redirects_are_albs", "fixed responses, redirects with placeholders"),
        _one(_FORWARDING, "requests_go_to_every_healthy_target_with_albs_headers", "X-Forwarded-*, X-Amzn-Trace-Id"),
        _one(_FORWARDING, "an_empty_group_answers_albs_503_and_its_share_of_a_weighted_rule_too", "ALB's own 503"),
        _one(_FORWARDING, "a_target_that_refuses_or_breaks_connections_is_a_502_and_its_own_errors_pass", "ALB's own 502"),
        _one(_FORWARDING, "websockets_pass_and_count_as_in_flight", "websockets"),
        _one(
            _STICKINESS,
            "the_load_balancers_cookie_keeps_a_client_at_a_target_that_serves_and_is_renewed_by_every_answer",
            "stickiness by the load balancer's cookie",
        ),
        _one(_STICKINESS, "an_application_cookie_sticks_once_the_target_has_set_it", "stickiness by the application's cookie"),
        _one(
            _STICKINESS,
            "a_rule_keeps_a_client_at_its_target_group_whatever_the_weights_become",
            "stickiness to a target group",
        ),
        _one(_STICKINESS, "a_new_target_of_a_group_with_slow_start_gets_less_than_its_share_at_first", "slow start"),
        _one(_STICKINESS, "least_outstanding_requests_pass_by_a_busy_target", "least outstanding requests"),
        _one(
            _HEALTH,
            "a_fresh_target_is_healthy_after_one_check_and_is_told_at_once",
            "a fresh target is healthy after one check",
        ),
        _one(_HEALTH, "a_group_without_healthy_targets_fails_open_but_not_to_draining_or_fresh_ones", "fail-open"),
        _one(_HEALTH, "reasons_are_albs", "states, reasons and descriptions of targets"),
        _one(
            _STICKINESS,
            "a_group_fails_open_below_the_number_of_healthy_targets_that_it_asks_for",
            "fail-open below a number of healthy targets",
        ),
        _one(_FORWARDING, "transforms_rewrite_host_and_url_where_they_match", "rule transforms: host header and URL rewrites"),
        _one(_FORWARDING, "regular_expressions_match_anywhere_unless_they_are_anchored", "conditions by regular expression"),
        _one(
            _TLS,
            "clients_get_the_certificate_of_the_name_that_they_ask_for_and_else_the_default",
            "HTTPS with certificates by server name",
        ),
        _one(
            _TLS,
            "a_certificate_is_replaced_or_added_without_touching_the_listener_or_a_connection",
            "certificates are swapped under open connections",
        ),
        _one(
            _TLS,
            "a_policy_says_which_versions_and_ciphers_are_spoken_and_tells_targets_where_asked_to",
            "security policies",
        ),
        _one(
            _TLS,
            "certificates_of_clients_are_passed_through_whoever_has_signed_them",
            "mutual TLS: passthrough",
        ),
        Behaviour(
            "mutual TLS: verify, trust stores",
            "api/test_elbv2_tls.py::test_what_is_wrong_with_tls_is_refused",
            "refused",
        ),
        _one(_TLS, "http_2_is_spoken_unless_it_is_switched_off_and_reaches_http_1_targets", "HTTP/2"),
        _one(
            _TLS,
            "grpc_groups_are_checked_carry_streams_and_drain_when_the_last_stream_has_ended",
            "gRPC: streams, draining",
        ),
        _one(
            _TLS,
            "a_grpc_target_is_healthy_by_the_grpc_status_of_its_answer",
            "gRPC: health checks by the gRPC status of any method",
        ),
        _one(_TLS, "what_a_target_group_does_not_speak_is_a_464", "ALB's own 464"),
        _one(
            _HEADERS,
            "every_request_has_a_trace_id_of_its_own_and_one_that_comes_with_it_is_kept",
            "X-Amzn-Trace-Id: Root, and Self where one comes with the request",
        ),
        _one(_HEADERS, "x_forwarded_for_is_appended_kept_or_removed_and_may_bear_the_clients_port", "X-Forwarded-For's modes"),
        _one(
            _HEADERS,
            "targets_see_the_listeners_port_in_the_host_header_unless_the_header_is_preserved",
            "the Host header that targets see",
        ),
        _one(
            _HEADERS,
            "a_listener_sets_headers_of_answers_and_hides_who_the_server_is",
            "headers of answers by listener attributes",
        ),
        _one(
            _HEADERS,
            "a_target_or_client_that_is_silent_for_the_idle_timeout_is_a_504_or_408",
            "the idle timeout, ALB's own 504 and 408",
        ),
        _one(
            _HEADERS,
            "trace_and_too_many_forwarding_addresses_are_refused_before_any_rule",
            "ALB's own 405 and 463",
        ),
        _one(
            _HEADERS,
            "what_is_too_long_malformed_or_not_implemented_gets_albs_own_answer",
            "ALB's own 400, 414 and 501",
        ),
        _one(
            _HEADERS,
            "a_client_is_asked_to_connect_anew_once_its_connection_is_as_old_as_the_keep_alive",
            "the client keep-alive duration",
        ),
        _one(
            _TLS,
            "targets_may_speak_tls_with_a_certificate_that_nobody_trusts",
            "HTTPS target groups, their certificates not verified",
        ),
        _one(
            _TLS,
            "checks_may_speak_tls_where_requests_do_not_and_the_other_way_round",
            "health checks by a protocol of their own",
        ),
        Behaviour(
            "network and gateway load balancers",
            "api/test_elbv2.py::test_other_load_balancers_are_refused_by_name",
            "refused",
        ),
        Behaviour(
            "target groups of other protocols, of Lambda functions and of load balancers",
            "api/test_elbv2.py::test_target_groups_of_other_load_balancers_are_refused_by_name",
            "refused",
        ),
        _one(
            "api/test_elbv2_access_logs.py",
            "requests_are_found_in_the_bucket_in_albs_layout",
            "access logs in ALB's format in S3",
        ),
        _one(
            "api/test_elbv2_access_logs.py",
            "the_buckets_policy_must_let_elastic_load_balancing_write",
            "the bucket's policy decides whether access logs can be switched on",
        ),
        _one(
            "insight/test_access_logs.py",
            "athena_s_own_regular_expression_reads_what_is_written",
            "access logs that Athena's table reads, with the fields of rule transforms",
        ),
        _one(
            _TOKENS,
            "a_rule_that_validates_tokens_lets_good_ones_pass_and_answers_401_to_all_others",
            "jwt-validation; ALB's own 401",
        ),
        _one(
            _TOKENS,
            "additional_claims_are_looked_at_by_their_format_and_a_change_touches_no_listener",
            "jwt-validation: additional claims",
        ),
        _one(_TOKENS, "keys_that_cannot_be_fetched_are_a_562", "jwt-validation: ALB's own 562"),
        Behaviour(
            "authenticate-oidc and authenticate-cognito",
            "api/test_support.py::test_the_gate_refuses_what_would_be_left_out",
            "refused",
        ),
        _one(_LIFECYCLE, "a_slow_request_keeps_a_drain_open_and_ends_it", "draining ends with the last request"),
        _one(
            _LIFECYCLE,
            "weights_that_move_in_the_snapshot_in_which_the_old_group_drains_lose_nothing",
            "weights move before the targets that they leave drain",
        ),
        _one(
            _LIFECYCLE,
            "attributes_that_change_the_listener_lose_no_request_and_cut_no_stream",
            "connection attributes change under load",
        ),
        _one(_LIFECYCLE, "replacing_every_target_under_load_loses_nothing", "replacing every target loses no request"),
        _one(
            _LIFECYCLE,
            "traffic_flows_on_without_a_control_plane_and_the_next_one_adopts",
            "traffic flows on without a control plane",
        ),
    ],
    "EventBridge": [
        _one(_EVENTS, "a_task_is_told_at_each_version_as_describe_tasks_gives_it", "ECS Task State Change"),
        _one(
            _EVENTS,
            "a_deployment_that_is_rolled_back_is_told_as_failed_and_the_old_one_as_in_progress",
            "ECS Deployment State Change",
        ),
        _one(_EVENTS, "service_events_that_are_actions_are_told", "ECS Service Action"),
        _one(_EVENTS, "a_hook_is_told_whenever_its_status_changes", "ECS Hook State Change"),
        _one(
            "live/test_events.py",
            "a_deployments_events_reach_a_queue_a_log_group_and_an_address_in_order",
            "targets get them in order",
        ),
        _one(
            "live/test_events.py",
            "an_event_that_waits_for_its_target_outlives_the_control_plane",
            "they outlive the control plane",
        ),
    ],
    "Images": [
        _one(
            _EVALUATION, "an_image_is_the_first_rules_that_it_meets_whatever_later_rules_count", "lifecycle rules by priority"
        ),
        _one(
            _EVALUATION,
            "a_rule_of_several_patterns_looks_at_images_that_meet_all_of_them",
            "`tagPatternList` and `tagPrefixList`: all must match",
        ),
        _one(_EVALUATION, "ages_are_older_than_and_counts_are_more_than", "`imageCountMoreThan`, `sinceImagePushed`"),
        _one(
            _EVALUATION,
            "days_since_the_last_pull_count_from_the_push_where_there_was_none",
            "`sinceImagePulled` with the action `transition`",
        ),
        _one(
            _LIFECYCLE_RUNS,
            "what_was_not_pulled_for_long_is_archived_and_comes_back_when_it_is_pushed_again",
            "archived images: kept, not pulled (404), back by a push or by `UpdateImageStorageClass`, at once",
        ),
        _one(
            _EVALUATION,
            "what_is_archived_is_looked_at_by_rules_of_the_archive_alone",
            "`storageClass`, `sinceImageTransitioned`",
        ),
        _one(
            _EVALUATION,
            "an_image_that_a_list_names_goes_with_the_list_only_and_after_it",
            "what an index names does not expire while the index stands",
        ),
        _one(
            _EVALUATION,
            "what_is_about_an_image_is_no_rules_and_goes_with_it",
            "signatures and attestations go with their image",
        ),
        _one(
            _LIFECYCLE_RUNS,
            "a_policy_runs_soon_after_it_was_put_and_then_once_a_day",
            "a lifecycle policy runs a minute after it was put, and then once a day, in the region's time",
        ),
        _one(
            _LIFECYCLE_RUNS,
            "what_expires_frees_the_disk_of_what_only_it_had",
            "layers that nothing names are removed from disk",
        ),
        _one(
            _LIFECYCLE_RUNS,
            "each_push_and_deletion_is_told_a_tag_at_a_time",
            "EventBridge event `ECR Image Action`, PUSH and DELETE",
        ),
        _one("api/test_ecr.py", "a_preview_says_what_a_policy_would_let_go_and_does_nothing", "lifecycle policy previews"),
    ],
    "Logs": [
        _one(_LOGS, "a_stretch_of_a_group_is_filtered_over_its_streams", "FilterLogEvents by streams, prefix, time, pattern"),
        _one(
            _LOGS,
            "a_stream_is_read_page_by_page_in_both_directions_and_its_ends_repeat_their_token",
            "GetLogEvents' tokens, the same at either end",
        ),
        _one(
            _LOGS,
            "events_that_are_too_old_or_too_new_are_told_and_the_others_taken",
            "PutLogEvents tells what it rejects, and takes the rest",
        ),
        _one("telemetry/test_log_store.py", "retention_is_kept", "retention policies"),
        _one(
            "telemetry/test_log_store.py",
            "beyond_the_bound_the_oldest_events_of_the_largest_group_go_and_it_is_told",
            "a bound on disk, which AWS has not",
        ),
        _one(_DERIVED, "a_filter_takes_values_and_dimensions_from_its_events", "metric filters"),
        _one(
            _DERIVED,
            "a_minute_with_events_of_which_none_matches_has_the_default_value",
            "the default value of a metric filter",
        ),
        _one(_DERIVED, "what_an_event_says_of_itself_is_told_and_what_arrives_is_counted", "embedded metric format, AWS/Logs"),
        _one(_LOGS, "a_query_runs_over_the_groups_and_the_time_that_it_names", "Logs Insights queries"),
        _one(_LOGS, "events_that_a_subscription_filter_fits_reach_its_function", "subscription filters to functions"),
        _one(_LOGS, "a_live_tail_tells_what_comes_in", "Live Tail"),
        _one(_LOGS, "resource_policies_are_kept", "resource policies, KMS keys and classes of groups", "recorded"),
        _one(_LOGS, "what_is_not_there_is_refused_by_its_name", "export, delivery, anomaly detectors", "refused"),
    ],
    "Metrics and alarms": [
        _one(
            _ALARMS,
            "missing_data_is_treated_as_in_the_guides_tables",
            "missing data, and M out of N, as in the guide's tables",
        ),
        _one(_ALARMS, "a_reason_is_in_cloudwatchs_words", "StateReason in CloudWatch's sentences"),
        _one(_ALARMS, "a_composite_alarms_rule", "composite alarms by rules over other alarms"),
        _one(_MATH, "an_expression_means_what_the_guide_says", "metric math: operators and functions, missing values as 0"),
        _one(_CLOUDWATCH, "metrics_and_alarms_in_every_protocol", "CBOR, JSON and query"),
        _one(_CLOUDWATCH, "an_alarm_is_evaluated_on_its_period", "alarms are evaluated on their periods, with history"),
        _one(_CLOUDWATCH, "a_time_scale_shortens_periods", "the time scale divides an alarm's period"),
        _one(
            _CLOUDWATCH,
            "an_alarm_on_a_percentile_ignores_few_samples_where_it_is_told_to",
            "alarms on percentiles; EvaluateLowSampleCountPercentile",
        ),
        _one(
            _CLOUDWATCH,
            "a_state_that_is_set_holds_until_the_next_evaluation",
            "SetAlarmState at once, until the next evaluation",
        ),
        _one(
            _CLOUDWATCH,
            "silence_while_there_was_no_control_plane_says_nothing",
            "an outage of the control plane brings no alarm to ALARM",
        ),
        _one(_CLOUDWATCH, "actions_are_carried_out_at_a_change_of_state", "SNS actions; others told as failed in the history"),
        _one(_CLOUDWATCH, "dashboards_are_kept", "dashboards", "recorded"),
        _one(
            _CLOUDWATCH,
            "an_alarm_that_cloudwatch_does_not_take_is_refused",
            "anomaly detection, evaluation windows, suppressors",
            "refused",
        ),
        _one(
            _BALANCER_METRICS,
            "what_a_request_counts_for",
            "AWS/ApplicationELB, targets' answers apart",
        ),
        _one(
            _SERVICE_METRICS,
            "utilization_is_a_share_of_what_is_reserved_a_value_for_each_task",
            "AWS/ECS CPUUtilization and MemoryUtilization of what is reserved",
        ),
        _one(
            _SERVICE_METRICS,
            "container_insights_are_told_where_the_cluster_has_them",
            "ECS/ContainerInsights counts where the cluster has them",
        ),
    ],
    "CloudFormation": [
        _one(
            _STACKS,
            "a_change_set_says_what_would_change_and_does_it",
            "a change set tells actions, replacement and causes, and does it",
        ),
        _one(
            _STACKS,
            "a_change_set_without_changes_has_failed",
            "an empty change set is made, and has failed with CloudFormation's reason",
        ),
        _one(
            _STACKS,
            "a_creation_that_fails_is_rolled_back",
            "a creation that fails is rolled back, with its events in their order",
        ),
        _one(
            _STACK_LAWS,
            "an_update_that_fails_leaves_what_was_there",
            "an update that fails goes back to the very resources that were there, replaced ones too",
        ),
        _one(
            _STACK_LAWS,
            "a_killed_control_plane_comes_to_the_same_end",
            "killed at any point, an operation comes to the same end",
        ),
        _one(_ENGINE, "a_creation_left_as_it_failed_can_be_rolled_back_later", "OnFailure, DisableRollback, RollbackStack"),
        _one(
            _ENGINE,
            "a_rollback_that_fails_goes_on_once_it_can_or_without_what_cannot",
            "UPDATE_ROLLBACK_FAILED, ContinueUpdateRollback, ResourcesToSkip",
        ),
        _one(_ENGINE, "an_update_can_be_cancelled", "CancelUpdateStack"),
        _one(_ENGINE, "what_cannot_be_deleted_is_told_and_can_be_left_behind", "DELETE_FAILED, RetainResources"),
        _one(_ENGINE, "a_creation_has_its_time", "TimeoutInMinutes"),
        _one(_STACKS, "exports_are_held_while_they_are_used", "exports are locked while other stacks use them"),
        _one(_STACKS, "a_stack_policy_and_termination_protection_protect", "stack policies, termination protection"),
        _one(_STACKS, "drift_is_what_was_changed_behind_the_stacks_back", "drift, resource by resource"),
        _one(_STACKS, "stacks_are_nested", "nested stacks"),
        _one(_STACKS, "aws_cloudformation_deploy_works_as_it_is", "`aws cloudformation deploy`, unmodified"),
    ],
    "Languages of logs": [
        _one(_PATTERNS, "terms_match_as_in_the_user_guide", "filter patterns: terms, optional and excluded ones"),
        _one(_PATTERNS, "regular_expressions_do_what_the_user_guide_says", "filter patterns: regular expressions"),
        _one(_PATTERNS, "json_selectors_match_as_in_the_user_guide", "filter patterns: selectors of JSON events"),
        _one(_PATTERNS, "fields_of_a_line_match_as_in_the_user_guide", "filter patterns: fields of space-delimited events"),
        _one(_QUERIES, "a_filter_lets_through_what_it_says", "Logs Insights: `filter`, with everything that compares"),
        _one(_QUERIES, "parse_takes_a_message_apart", "Logs Insights: `parse` with globs and regular expressions"),
        _one(_QUERIES, "stats_sum_up_groups", "Logs Insights: `stats … by`, twice too"),
        _one(_QUERIES, "rows_are_sorted_cut_and_told_once", "Logs Insights: `sort`, `limit`, `dedup`"),
        _one(_QUERIES, "a_wrong_query_is_refused_with_its_place", "Logs Insights: other commands", "refused"),
        _one(
            "live/test_read_logs.py",
            "logs_insights_counts_what_the_generator_counted",
            "Logs Insights over what running tasks write",
        ),
    ],
}
