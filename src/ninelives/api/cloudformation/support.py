"""What each member of a CloudFormation request does here. Source of the names: botocore ``cloudformation`` 2010-05-15."""

from typing import Final

from ninelives.api.support import Shapes, members

NO_TRIGGERS: Final = "there are no rollback triggers: alarms guard deployments"
NO_IMPORT: Final = "resources are made, not taken over"
NO_MODES: Final = "there is one mode of deployment"
NO_SETS: Final = "there are no stack sets"
CALLS_AS: Final = "recorded and shown; operations are called as this role where IAM is enforced, else as the region"
VALIDATED: Final = "what is validated is validated always"

GIVEN: Final = "StackName TemplateBody TemplateURL Parameters Capabilities ResourceTypes Tags ClientRequestToken"

STACKS: Final[Shapes] = {
    "CreateStackInput": members(
        f"{GIVEN} DisableRollback TimeoutInMinutes OnFailure StackPolicyBody StackPolicyURL EnableTerminationProtection "
        "DeploymentConfig",
        recorded={"NotificationARNs": "no events are sent", "RoleARN": CALLS_AS, "DisableValidation": VALIDATED},
        refused={
            "RollbackConfiguration": NO_TRIGGERS,
            "RetainExceptOnCreate": "DeletionPolicy says it, resource by resource",
        },
    ),
    "UpdateStackInput": members(
        f"{GIVEN} UsePreviousTemplate StackPolicyDuringUpdateBody StackPolicyDuringUpdateURL StackPolicyBody StackPolicyURL "
        "DisableRollback DeploymentConfig",
        recorded={"NotificationARNs": "no events are sent", "RoleARN": CALLS_AS, "DisableValidation": VALIDATED},
        refused={
            "RollbackConfiguration": NO_TRIGGERS,
            "RetainExceptOnCreate": "DeletionPolicy says it, resource by resource",
        },
    ),
    "DeleteStackInput": members(
        "StackName RetainResources ClientRequestToken DeploymentConfig",
        recorded={"RoleARN": CALLS_AS},
        refused={
            "DeletionMode": "a deletion is not forced; RetainResources leaves resources alone",
        },
    ),
    "DeploymentConfig": members(
        remarks={"Mode": "STANDARD; EXPRESS is refused with ValidationError"},
        refused={"DisableRollback": "the operation that changes the stack has a DisableRollback of its own"},
    ),
    "Parameter": members("ParameterKey ParameterValue UsePreviousValue", recorded={"ResolvedValue": "an answer's member"}),
    "Tag": members("Key Value"),
    "DescribeStacksInput": members("StackName NextToken"),
    "ListStacksInput": members("StackStatusFilter NextToken"),
    "DescribeStackEventsInput": members("StackName NextToken"),
    "CancelUpdateStackInput": members("StackName ClientRequestToken"),
    "ContinueUpdateRollbackInput": members(
        "StackName ResourcesToSkip ClientRequestToken",
        recorded={"RoleARN": CALLS_AS},
        refused={"ForceRollback": "ResourcesToSkip names what is left as it is"},
    ),
    "RollbackStackInput": members(
        "StackName ClientRequestToken DeploymentConfig",
        recorded={"RoleARN": CALLS_AS},
        refused={"RetainExceptOnCreate": "DeletionPolicy says it, resource by resource"},
    ),
    "UpdateTerminationProtectionInput": members("EnableTerminationProtection StackName"),
    "SetStackPolicyInput": members("StackName StackPolicyBody StackPolicyURL"),
    "GetStackPolicyInput": members("StackName"),
    "DescribeAccountLimitsInput": members("NextToken"),
}

CHANGE_SETS: Final[Shapes] = {
    "CreateChangeSetInput": members(
        "StackName TemplateBody TemplateURL UsePreviousTemplate Parameters Capabilities ResourceTypes Tags ChangeSetName "
        "Description OnStackFailure DeploymentConfig",
        remarks={"ChangeSetType": "CREATE and UPDATE; IMPORT is refused with ValidationError"},
        recorded={
            "ClientToken": "a change set has its name",
            "NotificationARNs": "no events are sent",
            "RoleARN": CALLS_AS,
            "IncludeNestedStacks": "nested stacks are told as changed",
            "DisableValidation": VALIDATED,
            "ImportExistingResources": f"{NO_IMPORT}: one that is there already fails its creation",
        },
        refused={
            "RollbackConfiguration": NO_TRIGGERS,
            "ResourcesToImport": NO_IMPORT,
            "DeploymentMode": NO_MODES,
        },
    ),
    "DescribeChangeSetInput": members("ChangeSetName StackName NextToken IncludePropertyValues"),
    "ExecuteChangeSetInput": members(
        "ChangeSetName StackName ClientRequestToken DisableRollback",
        refused={"RetainExceptOnCreate": "DeletionPolicy says it, resource by resource"},
    ),
    "ListChangeSetsInput": members("StackName NextToken"),
    "DeleteChangeSetInput": members("ChangeSetName StackName"),
}

RESOURCES: Final[Shapes] = {
    "DescribeStackResourceInput": members("StackName LogicalResourceId"),
    "DescribeStackResourcesInput": members("StackName LogicalResourceId PhysicalResourceId"),
    "ListStackResourcesInput": members("StackName NextToken"),
    "GetTemplateInput": members("StackName ChangeSetName TemplateStage"),
    "ValidateTemplateInput": members("TemplateBody TemplateURL"),
    "GetTemplateSummaryInput": members(
        "TemplateBody TemplateURL StackName",
        recorded={"TemplateSummaryConfig": "types that are not there are an error always"},
        refused={"StackSetName": NO_SETS, "CallAs": NO_SETS},
    ),
    "ListExportsInput": members("NextToken"),
    "ListImportsInput": members("ExportName NextToken"),
    "DetectStackDriftInput": members("StackName LogicalResourceIds"),
    "DescribeStackDriftDetectionStatusInput": members("StackDriftDetectionId"),
    "DetectStackResourceDriftInput": members("StackName LogicalResourceId"),
    "DescribeStackResourceDriftsInput": members("StackName StackResourceDriftStatusFilters NextToken MaxResults"),
}

SHAPES: Final[Shapes] = {**STACKS, **CHANGE_SETS, **RESOURCES}
