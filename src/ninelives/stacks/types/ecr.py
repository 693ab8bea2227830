"""ECR. Source: ``ecr`` 2015-09-21."""

from collections.abc import Mapping
from typing import Any, Final

from ninelives.model.errors import ApiError
from ninelives.stacks.declared import Declared, Named, Setting, Step, ask, described, tag_list, tagging
from ninelives.stacks.resource_type import Request, is_not_found
from ninelives.stacks.spelling import api_spelling, document, document_text, template_spelling

REPOSITORY: Final = "AWS::ECR::Repository"
NAME: Final = Named(name="RepositoryName", limit=256, is_lower=True)
MUTABILITY: Final = "ImageTagMutability ImageTagMutabilityExclusionFilters"


def _repository(it: Request) -> Mapping[str, Any]:
    return {"repositoryName": it.physical_id}


def _given(it: Request, names: str) -> Mapping[str, Any]:
    return api_spelling(REPOSITORY, {name: it.properties[name] for name in names.split() if name in it.properties})


async def _told(it: Request, operation: str, member: str) -> str | None:
    """A policy's text; None where there is none."""
    try:
        return str((await ask(it, operation, _repository(it)))[member])
    except ApiError as error:
        if is_not_found(error):
            return None
        raise


async def _read(it: Request, found: Mapping[str, Any]) -> Mapping[str, Any]:
    lifecycle = await _told(it, "ecr:GetLifecyclePolicy", "lifecyclePolicyText")
    return {
        **template_spelling(REPOSITORY, found),
        "Arn": found["repositoryArn"],
        "LifecyclePolicy": {"LifecyclePolicyText": lifecycle} if lifecycle else None,
        "RepositoryPolicyText": document(await _told(it, "ecr:GetRepositoryPolicy", "policyText")),
    }


REPOSITORY_TYPE: Final = Declared(
    name=REPOSITORY,
    takes="RepositoryName EncryptionConfiguration EmptyOnDelete",
    create_by=Step(
        "ecr:CreateRepository",
        lambda it: {
            **_given(it, f"EncryptionConfiguration ImageScanningConfiguration {MUTABILITY}"),
            "repositoryName": NAME(it),
            "tags": tag_list(it),
        },
    ),
    identified_by="repository.repositoryName",
    named=NAME,
    parts=(
        Setting(
            MUTABILITY,
            Step(
                "ecr:PutImageTagMutability",
                lambda it: {"imageTagMutability": "MUTABLE", **_given(it, MUTABILITY), **_repository(it)},
            ),
            is_made=True,
        ),
        Setting(
            "ImageScanningConfiguration",
            Step(
                "ecr:PutImageScanningConfiguration",
                lambda it: {
                    "imageScanningConfiguration": {"scanOnPush": False},
                    **_given(it, "ImageScanningConfiguration"),
                    **_repository(it),
                },
            ),
            is_made=True,
        ),
        Setting(
            "LifecyclePolicy",
            Step(
                "ecr:PutLifecyclePolicy",
                lambda it: {
                    **_repository(it),
                    "lifecyclePolicyText": it.properties["LifecyclePolicy"].get("LifecyclePolicyText"),
                },
            ),
            clear=Step("ecr:DeleteLifecyclePolicy", _repository),
        ),
        Setting(
            "RepositoryPolicyText",
            Step(
                "ecr:SetRepositoryPolicy",
                lambda it: {**_repository(it), "policyText": document_text(it.properties["RepositoryPolicyText"])},
            ),
            clear=Step("ecr:DeleteRepositoryPolicy", _repository),
        ),
        tagging(
            "ecr:TagResource",
            "ecr:UntagResource",
            lambda it: {"resourceArn": it.attributes["Arn"]},
            tags="tags",
            keys="tagKeys",
        ),
    ),
    read_by=described(
        Step("ecr:DescribeRepositories", lambda it: {"repositoryNames": [it.physical_id]}), "repositories", _read
    ),
    delete_by=(
        Step("ecr:DeleteRepository", lambda it: {**_repository(it), "force": it.properties.get("EmptyOnDelete", False)}),
    ),
)

TYPES: Final = (REPOSITORY_TYPE,)
