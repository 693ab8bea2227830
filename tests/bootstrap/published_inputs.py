"""Inputs and outputs of the published actions that a workflow uses, as their ``action.yml`` has them at the pinned release.

Neither GitHub's schema nor actionlint looks at ``with:`` of an action that is pinned by a commit.
"""

from collections.abc import Mapping

INPUTS: Mapping[str, frozenset[str]] = {
    name: frozenset(inputs.split())
    for name, inputs in {
        "actions/checkout": "repository ref token ssh-key ssh-known-hosts ssh-strict ssh-user persist-credentials path clean "
        "filter sparse-checkout sparse-checkout-cone-mode fetch-depth fetch-tags show-progress lfs submodules "
        "set-safe-directory github-server-url allow-unsafe-pr-checkout",
        "actions/upload-artifact": "name path if-no-files-found retention-days compression-level overwrite "
        "include-hidden-files archive",
        "astral-sh/setup-uv": "version version-file python-version activate-environment venv-path no-project "
        "working-directory checksum github-token enable-cache cache-dependency-glob restore-cache save-cache cache-suffix "
        "cache-local-path prune-cache cache-python ignore-nothing-to-cache ignore-empty-workdir tool-dir tool-bin-dir "
        "manifest-file download-from-astral-mirror add-problem-matchers quiet resolution-strategy",
        "aws-actions/configure-aws-credentials": "aws-region aws-profile overwrite-aws-profile role-to-assume "
        "aws-access-key-id aws-secret-access-key aws-session-token web-identity-token-file role-chaining audience http-proxy "
        "no-proxy mask-aws-account-id role-duration-seconds role-external-id role-session-name role-skip-session-tagging "
        "transitive-tag-keys inline-session-policy managed-session-policies output-credentials output-env-credentials "
        "unset-current-credentials disable-retry retry-max-attempts special-characters-workaround use-existing-credentials "
        "allowed-account-ids force-skip-oidc action-timeout-s custom-tags sts-endpoint",
        "aws-actions/amazon-ecr-login": "http-proxy mask-password registries registry-type skip-logout",
        "aws-actions/amazon-ecs-render-task-definition": "task-definition task-definition-arn task-definition-family "
        "task-definition-revision container-name image environment-variables log-configuration-log-driver "
        "log-configuration-options docker-labels command task-role-arn execution-role-arn env-files secrets",
        "aws-actions/amazon-ecs-deploy-task-definition": "task-definition desired-count service cluster "
        "wait-for-service-stability wait-for-minutes wait-max-delay-seconds codedeploy-appspec codedeploy-application "
        "codedeploy-deployment-group codedeploy-deployment-description codedeploy-deployment-config force-new-deployment "
        "service-managed-ebs-volume-name service-managed-ebs-volume run-task run-task-container-overrides "
        "run-task-security-groups run-task-subnets run-task-assign-public-IP run-task-capacity-provider-strategy "
        "run-task-launch-type run-task-started-by run-task-tags run-task-managed-ebs-volume-name "
        "run-task-managed-ebs-volume wait-for-task-stopped enable-ecs-managed-tags propagate-tags keep-null-value-keys "
        "max-retries",
        "docker/setup-buildx-action": "version driver driver-opts buildkitd-flags buildkitd-config buildkitd-config-inline "
        "use name endpoint platforms append keep-state cache-binary cleanup",
        "docker/build-push-action": "add-hosts allow annotations attests build-args build-contexts builder cache-from "
        "cache-to call cgroup-parent context file labels load network no-cache no-cache-filters outputs platforms provenance "
        "pull push sbom secrets secret-envs secret-files shm-size ssh tags target ulimit github-token",
    }.items()
}

REQUIRED: Mapping[str, frozenset[str]] = {
    "actions/upload-artifact": frozenset({"path"}),
    "aws-actions/configure-aws-credentials": frozenset({"aws-region"}),
    "aws-actions/amazon-ecs-render-task-definition": frozenset({"container-name", "image"}),
    "aws-actions/amazon-ecs-deploy-task-definition": frozenset({"task-definition"}),
}

OUTPUTS: Mapping[str, frozenset[str]] = {
    "actions/checkout": frozenset({"ref", "commit"}),
    "actions/upload-artifact": frozenset({"artifact-id", "artifact-url", "artifact-digest"}),
    "astral-sh/setup-uv": frozenset({"uv-version", "uv-path", "uvx-path", "cache-hit"}),
    "aws-actions/configure-aws-credentials": frozenset(
        {"aws-account-id", "aws-access-key-id", "aws-secret-access-key", "aws-session-token", "aws-expiration"}
    ),
    "aws-actions/amazon-ecr-login": frozenset({"registry"}),
    "aws-actions/amazon-ecs-render-task-definition": frozenset({"task-definition"}),
    "aws-actions/amazon-ecs-deploy-task-definition": frozenset(
        {"task-definition-arn", "codedeploy-deployment-id", "run-task-arn"}
    ),
    "docker/setup-buildx-action": frozenset({"name", "driver", "platforms", "nodes"}),
    "docker/build-push-action": frozenset({"imageid", "digest", "metadata"}),
}
