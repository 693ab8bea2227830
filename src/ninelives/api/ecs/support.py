"""What each member of an ECS request does here. A test holds it against botocore's model: none is missing, none too many.

Source of the names: botocore ``ecs`` 2014-11-13.
"""

from typing import Final

from ninelives.api.support import Shapes, members

INVALID: Final = "InvalidParameterException"
UNSUPPORTED: Final = "UnsupportedFeatureException"
NO_INSTANCES: Final = "InvalidParameterException: Fargate places tasks itself"
NOT_RUN: Final = "may be registered; a task of it is refused with UnsupportedFeatureException"
ONLY_EC2: Final = "ClientException where Fargate is required; only a bridge or host network has it, which is not run"
NOT_ON_FARGATE: Final = "ClientException where Fargate is required"
ONE_MACHINE: Final = (
    "checked as ECS does; every task runs on this machine, by the provider that the base or the weight prefers"
)
NO_EBS: Final = "InvalidParameterException for a volume that the definition has not, else UnsupportedFeatureException"
NO_TAG: Final = "no tag is added to tasks"
NO_FIREWALL: Final = "nothing is filtered: tasks are on this machine"

PAGE: Final = "nextToken maxResults"

CLUSTERS: Final[Shapes] = {
    "CreateClusterRequest": members(
        "clusterName tags settings capacityProviders defaultCapacityProviderStrategy",
        recorded={"configuration": "", "serviceConnectDefaults": "Service Connect is refused"},
    ),
    "ClusterSetting": members("name", remarks={"value": "enabled and enhanced make the same metrics of Container Insights"}),
    "CapacityProviderStrategyItem": members(
        remarks={"capacityProvider": ONE_MACHINE, "weight": ONE_MACHINE, "base": ONE_MACHINE}
    ),
    "DeleteClusterRequest": members("cluster"),
    "DescribeClustersRequest": members("clusters include"),
    "ListClustersRequest": members(PAGE),
    "PutClusterCapacityProvidersRequest": members("cluster capacityProviders defaultCapacityProviderStrategy"),
    "UpdateClusterRequest": members(
        "cluster settings", recorded={"configuration": "", "serviceConnectDefaults": "Service Connect is refused"}
    ),
    "UpdateClusterSettingsRequest": members("cluster settings"),
    "DescribeCapacityProvidersRequest": members(
        f"capacityProviders cluster {PAGE}", recorded={"include": "Fargate's two have no tags"}
    ),
    "DescribeContainerInstancesRequest": members(
        "cluster", remarks={"containerInstances": "all are MISSING"}, recorded={"include": "there are no instances"}
    ),
    "ListContainerInstancesRequest": members(
        "cluster", recorded=dict.fromkeys(("filter", "nextToken", "maxResults", "status"), "there are no instances")
    ),
}

SERVICES: Final[Shapes] = {
    "CreateServiceRequest": members(
        "cluster serviceName taskDefinition loadBalancers desiredCount clientToken capacityProviderStrategy "
        "deploymentConfiguration networkConfiguration healthCheckGracePeriodSeconds tags propagateTags",
        remarks={
            "launchType": "FARGATE; EC2, EXTERNAL and MANAGED_INSTANCES are refused with UnsupportedFeatureException",
            "schedulingStrategy": "REPLICA; DAEMON is refused with UnsupportedFeatureException",
            "deploymentController": "ECS; CODE_DEPLOY and EXTERNAL are refused with UnsupportedFeatureException",
        },
        recorded={
            "availabilityZoneRebalancing": "one machine is one zone",
            "platformVersion": "LATEST, 1.4.0 and 1.3.0 are the same here; a change starts a deployment",
            "enableECSManagedTags": NO_TAG,
            "enableExecuteCommand": "ExecuteCommand is refused",
        },
        checked={
            "placementConstraints": NO_INSTANCES,
            "placementStrategy": NO_INSTANCES,
            "serviceRegistries": UNSUPPORTED,
            "serviceConnectConfiguration": f"{UNSUPPORTED} where it is enabled",
            "volumeConfigurations": NO_EBS,
            "vpcLatticeConfigurations": UNSUPPORTED,
            "gatewayConnectors": UNSUPPORTED,
            "role": INVALID,
        },
        refused={"monitoring": "metrics of a service are kept at one resolution"},
    ),
    "UpdateServiceRequest": members(
        "cluster service desiredCount taskDefinition capacityProviderStrategy deploymentConfiguration networkConfiguration "
        "forceNewDeployment healthCheckGracePeriodSeconds loadBalancers propagateTags",
        remarks={"deploymentController": "ECS; CODE_DEPLOY and EXTERNAL are refused with UnsupportedFeatureException"},
        recorded={
            "availabilityZoneRebalancing": "one machine is one zone",
            "platformVersion": "LATEST, 1.4.0 and 1.3.0 are the same here; a change starts a deployment",
            "enableECSManagedTags": NO_TAG,
            "enableExecuteCommand": "ExecuteCommand is refused",
        },
        checked={
            "placementConstraints": NO_INSTANCES,
            "placementStrategy": NO_INSTANCES,
            "serviceRegistries": UNSUPPORTED,
            "serviceConnectConfiguration": f"{UNSUPPORTED} where it is enabled",
            "volumeConfigurations": NO_EBS,
            "vpcLatticeConfigurations": UNSUPPORTED,
            "gatewayConnectors": UNSUPPORTED,
        },
        refused={"monitoring": "metrics of a service are kept at one resolution"},
    ),
    "LoadBalancer": members(
        "targetGroupArn containerName containerPort advancedConfiguration",
        checked={"loadBalancerName": f"{INVALID}: Fargate has no Classic Load Balancers"},
    ),
    "AdvancedConfiguration": members(
        "alternateTargetGroupArn productionListenerRule testListenerRule",
        recorded={"roleArn": "required, as on AWS; whether it may act is not checked"},
    ),
    "DeploymentConfiguration": members(
        "deploymentCircuitBreaker maximumPercent minimumHealthyPercent alarms strategy bakeTimeInMinutes lifecycleHooks",
        remarks={
            "linearConfiguration": "dropped under another strategy, as ECS does",
            "canaryConfiguration": "dropped under another strategy, as ECS does",
            "earlySuccessCriteria": "ROLLING only",
        },
    ),
    "DeploymentCircuitBreaker": members("enable rollback resetOnHealthyTask thresholdConfiguration"),
    "ThresholdConfiguration": members("type value"),
    "DeploymentAlarms": members("alarmNames rollback enable"),
    "DeploymentLifecycleHook": members(
        "targetType lifecycleStages hookDetails timeoutConfiguration",
        remarks={"hookTargetArn": "called as the local stand-in that the region was told of"},
        recorded={"roleArn": "required, as on AWS; no role is assumed"},
    ),
    "DeploymentLifecycleHookTimeoutConfiguration": members("timeoutInMinutes action"),
    "LinearConfiguration": members("stepPercent stepBakeTimeInMinutes"),
    "CanaryConfiguration": members("canaryPercent canaryBakeTimeInMinutes"),
    "DeploymentEarlySuccessCriteria": members("enable healthyPercent sourceServiceRevisionCleanup"),
    "NetworkConfiguration": members("awsvpcConfiguration"),
    "AwsVpcConfiguration": members(
        remarks={"subnets": "required; they say a task's zone"},
        recorded={"securityGroups": NO_FIREWALL, "assignPublicIp": "tasks have addresses of this machine"},
    ),
    "DeploymentController": members("type"),
    "DeleteServiceRequest": members("cluster service force"),
    "DescribeServicesRequest": members("cluster services include"),
    "ListServicesRequest": members(f"cluster launchType schedulingStrategy resourceManagementType {PAGE}"),
}

SERVICE_DEPLOYMENTS: Final[Shapes] = {
    "ContinueServiceDeploymentRequest": members("serviceDeploymentArn hookId action"),
    "StopServiceDeploymentRequest": members(
        "serviceDeploymentArn", remarks={"stopType": "ROLLBACK; ABORT is refused with InvalidParameterException, as on AWS"}
    ),
    "DescribeServiceDeploymentsRequest": members("serviceDeploymentArns"),
    "DescribeServiceRevisionsRequest": members("serviceRevisionArns"),
    "ListServiceDeploymentsRequest": members(f"service cluster status createdAt {PAGE}"),
    "CreatedAt": members("before after"),
}

_TASK_SET: Final = "InvalidParameterException, as ECS refuses task sets of services with its own deployment controller"

TASK_SETS: Final[Shapes] = {
    name: members("cluster service", checked=dict.fromkeys(rest.split(), _TASK_SET))
    for name, rest in {
        "CreateTaskSetRequest": "externalId taskDefinition networkConfiguration loadBalancers serviceRegistries launchType "
        "capacityProviderStrategy platformVersion scale clientToken tags",
        "DeleteTaskSetRequest": "taskSet force",
        "DescribeTaskSetsRequest": "taskSets include",
        "UpdateServicePrimaryTaskSetRequest": "primaryTaskSet",
        "UpdateTaskSetRequest": "taskSet scale",
    }.items()
}

TASKS: Final[Shapes] = {
    "RunTaskRequest": members(
        "capacityProviderStrategy cluster count group networkConfiguration overrides startedBy tags taskDefinition "
        "clientToken",
        remarks={
            "launchType": "FARGATE; EC2 (also where nothing is named) is refused with InvalidParameterException: there are "
            "no container instances; EXTERNAL and MANAGED_INSTANCES with UnsupportedFeatureException",
            "propagateTags": "TASK_DEFINITION; SERVICE is for tasks of services",
        },
        recorded={
            "platformVersion": "LATEST, 1.4.0 and 1.3.0 are the same here",
            "enableECSManagedTags": NO_TAG,
            "enableExecuteCommand": "ExecuteCommand is refused",
            "referenceId": "ECS shows it nowhere",
        },
        checked={
            "placementConstraints": NO_INSTANCES,
            "placementStrategy": NO_INSTANCES,
            "volumeConfigurations": NO_EBS,
        },
    ),
    "TaskOverride": members(
        "containerOverrides cpu memory taskRoleArn",
        recorded={
            "executionRoleArn": "roles are not assumed",
            "ephemeralStorage": "the disk of this machine is the limit",
        },
        refused={"inferenceAcceleratorOverrides": "there are no inference accelerators"},
    ),
    "ContainerOverride": members(
        "name command environment environmentFiles cpu memory memoryReservation",
        refused={"resourceRequirements": "there are no GPUs and no inference accelerators"},
    ),
    "EnvironmentFile": members("value type"),
    "KeyValuePair": members("name value"),
    "StartTaskRequest": members(
        "cluster containerInstances taskDefinition",
        recorded=dict.fromkeys(
            (
                "enableECSManagedTags",
                "enableExecuteCommand",
                "group",
                "networkConfiguration",
                "overrides",
                "propagateTags",
                "referenceId",
                "startedBy",
                "tags",
                "volumeConfigurations",
            ),
            "no container instance is there, so no task is started",
        ),
    ),
    "StopTaskRequest": members("cluster task reason"),
    "DescribeTasksRequest": members("cluster tasks include"),
    "ListTasksRequest": members(
        f"cluster family startedBy serviceName desiredStatus launchType {PAGE}",
        remarks={"daemonName": "there are no daemons"},
        checked={"containerInstance": f"{INVALID}: there are no container instances"},
    ),
    "GetTaskProtectionRequest": members("cluster tasks"),
    "UpdateTaskProtectionRequest": members("cluster tasks protectionEnabled expiresInMinutes"),
}

TASK_DEFINITIONS: Final[Shapes] = {
    "RegisterTaskDefinitionRequest": members(
        "family containerDefinitions volumes requiresCompatibilities cpu memory tags",
        remarks={
            "networkMode": f"awsvpc; other modes {NOT_RUN}",
            "taskRoleArn": "the task finds credentials of it; what they allow is not looked at",
            "pidMode": "task, with Docker; host is refused with ClientException where Fargate is required",
        },
        recorded={
            "executionRoleArn": "required where Fargate requires it; roles are not assumed",
            "ephemeralStorage": "the disk of this machine is the limit",
            "runtimePlatform": "shown; images say what they run on",
            "enableFaultInjection": "there is no fault injection endpoint",
        },
        checked={
            "placementConstraints": NOT_ON_FARGATE,
            "ipcMode": NOT_ON_FARGATE,
            "inferenceAccelerators": NOT_ON_FARGATE,
            "proxyConfiguration": NOT_RUN,
            "trustedExecutionConfiguration": NOT_RUN,
        },
    ),
    "ContainerDefinition": members(
        "name image repositoryCredentials memory memoryReservation portMappings essential restartPolicy entryPoint "
        "command environment environmentFiles mountPoints volumesFrom secrets dependsOn startTimeout stopTimeout "
        "versionConsistency workingDirectory ulimits logConfiguration healthCheck",
        remarks=dict.fromkeys(
            (
                "cpu",
                "user",
                "linuxParameters",
                "readonlyRootFilesystem",
                "pseudoTerminal",
                "interactive",
                "dockerLabels",
                "systemControls",
            ),
            "with Docker; not enforced on host processes, which the region's log says",
        ),
        recorded={"hostname": "not with awsvpc, which is all that is run"},
        checked={
            "links": ONLY_EC2,
            "disableNetworking": ONLY_EC2,
            "dnsServers": ONLY_EC2,
            "extraHosts": ONLY_EC2,
            "privileged": NOT_ON_FARGATE,
            "dockerSecurityOptions": NOT_ON_FARGATE,
            "resourceRequirements": f"GPU: {NOT_ON_FARGATE}",
            "firelensConfiguration": NOT_RUN,
            "credentialSpecs": NOT_RUN,
            "dnsSearchDomains": NOT_RUN,
        },
    ),
    "RepositoryCredentials": members("credentialsParameter"),
    "PortMapping": members(
        "containerPort protocol",
        remarks={"hostPort": "as the container port, as awsvpc has it"},
        recorded={"name": "Service Connect is refused", "appProtocol": "Service Connect is refused"},
        checked={"containerPortRange": NOT_RUN},
    ),
    "ContainerRestartPolicy": members("enabled ignoredExitCodes restartAttemptPeriod"),
    "MountPoint": members("sourceVolume containerPath readOnly"),
    "VolumeFrom": members("sourceContainer readOnly"),
    "LinuxParameters": members(
        "capabilities initProcessEnabled tmpfs",
        checked={
            "devices": NOT_ON_FARGATE,
            "sharedMemorySize": NOT_ON_FARGATE,
            "maxSwap": NOT_ON_FARGATE,
            "swappiness": NOT_ON_FARGATE,
        },
    ),
    "KernelCapabilities": members(remarks={"add": "SYS_PTRACE, as on Fargate", "drop": "Docker"}),
    "Tmpfs": members("containerPath size mountOptions"),
    "Secret": members("name valueFrom"),
    "ContainerDependency": members("containerName condition"),
    "Ulimit": members("name softLimit hardLimit"),
    "LogConfiguration": members(
        "options",
        remarks={"logDriver": f"awslogs; others {NOT_RUN}"},
        recorded={"secretOptions": "awslogs takes none"},
    ),
    "HealthCheck": members("command interval timeout retries startPeriod"),
    "SystemControl": members("namespace value"),
    "Volume": members(
        "name host",
        checked={
            "dockerVolumeConfiguration": NOT_ON_FARGATE,
            "efsVolumeConfiguration": NOT_RUN,
            "s3filesVolumeConfiguration": NOT_RUN,
            "fsxWindowsFileServerVolumeConfiguration": NOT_RUN,
            "configuredAtLaunch": NOT_RUN,
        },
    ),
    "HostVolumeProperties": members(checked={"sourcePath": NOT_ON_FARGATE}),
    "DeleteTaskDefinitionsRequest": members("taskDefinitions"),
    "DeregisterTaskDefinitionRequest": members("taskDefinition"),
    "DescribeTaskDefinitionRequest": members("taskDefinition include"),
    "ListTaskDefinitionFamiliesRequest": members(f"familyPrefix status {PAGE}"),
    "ListTaskDefinitionsRequest": members(f"familyPrefix status sort {PAGE}"),
}

ACCOUNT: Final[Shapes] = {
    "ListAccountSettingsRequest": members(f"name value principalArn effectiveSettings {PAGE}"),
    "PutAccountSettingRequest": members("name principalArn", recorded={"value": "settings change nothing but what is shown"}),
    "PutAccountSettingDefaultRequest": members("name", recorded={"value": "settings change nothing but what is shown"}),
    "DeleteAccountSettingRequest": members("name principalArn"),
    "Tag": members("key value"),
    "ListTagsForResourceRequest": members("resourceArn"),
    "TagResourceRequest": members("resourceArn tags"),
    "UntagResourceRequest": members("resourceArn tagKeys"),
}

SHAPES: Final[Shapes] = {
    **CLUSTERS,
    **SERVICES,
    **SERVICE_DEPLOYMENTS,
    **TASK_SETS,
    **TASKS,
    **TASK_DEFINITIONS,
    **ACCOUNT,
}
