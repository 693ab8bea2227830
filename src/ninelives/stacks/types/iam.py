"""IAM. Source: ``iam`` 2010-05-08."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from ninelives.stacks.declared import (
    Declared,
    Members,
    Named,
    Setting,
    Step,
    Tagging,
    Written,
    ask,
    described,
    tag_list,
    tagging,
    take,
)
from ninelives.stacks.resource_type import Request
from ninelives.stacks.spelling import document, document_text

VERSIONS_MAX: Final = 5
"""Versions that a managed policy may have. Source: "IAM and AWS STS quotas"."""

PRINCIPALS: Final = {"Roles": "Role", "Users": "User", "Groups": "Group"}
"""Whom a policy may be attached to: the property, and IAM's word."""


def _tagging(kind: str, key: str) -> Tagging:
    return tagging(f"iam:Tag{kind}", f"iam:Untag{kind}", lambda it: {key: it.physical_id})


def attached(name: str, principal: Callable[[Request, Any], str], policy: Callable[[Request, Any], str], kind: str) -> Members:
    """A list of principals that a policy is attached to, or of policies that are attached to a principal."""

    def parameters(it: Request, one: Any) -> Mapping[str, Any]:
        return {f"{kind}Name": principal(it, one), "PolicyArn": policy(it, one)}

    return Members(
        name,
        lambda it, one: ask(it, f"iam:Attach{kind}Policy", parameters(it, one)),
        lambda it, one: ask(it, f"iam:Detach{kind}Policy", parameters(it, one)),
        is_unmade=True,
    )


async def _put_policy(it: Request, policy: Mapping[str, Any]) -> None:
    text = document_text(policy["PolicyDocument"])
    parameters = {"RoleName": it.physical_id, "PolicyName": policy["PolicyName"], "PolicyDocument": text}
    await ask(it, "iam:PutRolePolicy", parameters)


async def _delete_policy(it: Request, policy: Mapping[str, Any]) -> None:
    await ask(it, "iam:DeleteRolePolicy", {"RoleName": it.physical_id, "PolicyName": policy["PolicyName"]})


def _role(it: Request) -> Mapping[str, Any]:
    return {"RoleName": it.physical_id}


ROLE_NAME: Final = Named(name="RoleName", limit=64)


async def _role_read(it: Request, found: Mapping[str, Any]) -> Mapping[str, Any]:
    attached_ones = (await ask(it, "iam:ListAttachedRolePolicies", _role(it)))["AttachedPolicies"]
    names = (await ask(it, "iam:ListRolePolicies", _role(it)))["PolicyNames"]
    policies = [await ask(it, "iam:GetRolePolicy", {**_role(it), "PolicyName": name}) for name in names]
    mine = {one["PolicyName"] for one in it.properties.get("Policies", ())}
    return {
        "AssumeRolePolicyDocument": document(found["AssumeRolePolicyDocument"]),
        "ManagedPolicyArns": [one["PolicyArn"] for one in attached_ones],
        "PermissionsBoundary": found.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn"),
        "Policies": [
            {"PolicyName": one["PolicyName"], "PolicyDocument": document(one["PolicyDocument"])}
            for one in policies
            if one["PolicyName"] in mine
        ],
    }


ROLE: Final = Declared(
    name="AWS::IAM::Role",
    takes="RoleName Path",
    create_by=Step(
        "iam:CreateRole",
        lambda it: {
            **take("Path Description MaxSessionDuration PermissionsBoundary")(it),
            "RoleName": ROLE_NAME(it),
            "AssumeRolePolicyDocument": document_text(it.properties["AssumeRolePolicyDocument"]),
            "Tags": tag_list(it),
        },
    ),
    identified_by="Role.RoleName",
    named=ROLE_NAME,
    parts=(
        Setting(
            "AssumeRolePolicyDocument",
            Step(
                "iam:UpdateAssumeRolePolicy",
                lambda it: {**_role(it), "PolicyDocument": document_text(it.properties["AssumeRolePolicyDocument"])},
            ),
            is_made=True,
        ),
        Setting(
            "Description MaxSessionDuration",
            Step(
                "iam:UpdateRole",
                lambda it: {
                    **_role(it),
                    "Description": it.properties.get("Description", ""),
                    "MaxSessionDuration": it.properties.get("MaxSessionDuration", 3600),
                },
            ),
            is_made=True,
        ),
        Setting(
            "PermissionsBoundary",
            Step("iam:PutRolePermissionsBoundary", lambda it: {**_role(it), **take("PermissionsBoundary")(it)}),
            clear=Step("iam:DeleteRolePermissionsBoundary", _role),
            is_made=True,
        ),
        attached("ManagedPolicyArns", lambda it, _: it.physical_id, lambda _, arn: str(arn), "Role"),
        Members("Policies", _put_policy, _delete_policy, is_unmade=True, key=lambda one: one["PolicyName"]),
        _tagging("Role", "RoleName"),
    ),
    read_by=described(Step("iam:GetRole", _role), "Role", _role_read),
    delete_by=(Step("iam:DeleteRole", _role),),
)


def _holders(properties: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Who has an inline policy: the kind of principal, its name, and the policy's name there."""
    names = properties["PolicyName"]
    return [(kind, one, names) for name, kind in PRINCIPALS.items() for one in properties.get(name, ())]


async def _write_policy(it: Request, holder: tuple[str, str, str]) -> None:
    kind, principal, name = holder
    text = document_text(it.properties["PolicyDocument"])
    await ask(it, f"iam:Put{kind}Policy", {f"{kind}Name": principal, "PolicyName": name, "PolicyDocument": text})


async def _erase_policy(it: Request, holder: tuple[str, str, str]) -> None:
    kind, principal, name = holder
    await ask(it, f"iam:Delete{kind}Policy", {f"{kind}Name": principal, "PolicyName": name})


async def _inline_read(it: Request) -> Mapping[str, Any] | None:
    """Those who have the policy, and its document as the first of them has it."""
    live: dict[str, Any] = {"Id": it.physical_id, "PolicyName": it.properties["PolicyName"]}
    for name, kind in PRINCIPALS.items():
        for principal in it.properties.get(name, ()):
            step = Step(f"iam:Get{kind}Policy", _having(kind, principal))
            found = await described(step, "")(it)
            if found is not None:
                live.setdefault("PolicyDocument", document(found["PolicyDocument"]))
                live.setdefault(name, []).append(principal)
    return live if "PolicyDocument" in live else None


def _having(kind: str, principal: str) -> Callable[[Request], Mapping[str, Any]]:
    return lambda it: {f"{kind}Name": principal, "PolicyName": it.properties["PolicyName"]}


POLICY: Final = Declared(
    name="AWS::IAM::Policy",
    parts=(Written("PolicyName PolicyDocument Roles Users Groups", _holders, _write_policy, _erase_policy),),
    read_by=_inline_read,
)


def _role_policy(it: Request) -> Mapping[str, Any]:
    return take("RoleName PolicyName")(it)


async def _role_policy_read(it: Request, found: Mapping[str, Any]) -> Mapping[str, Any]:
    del it
    return {"PolicyDocument": document(found["PolicyDocument"])}


def _put_role_policy(it: Request) -> Mapping[str, Any]:
    return {**_role_policy(it), "PolicyDocument": document_text(it.properties.get("PolicyDocument"))}


ROLE_POLICY: Final = Declared(
    name="AWS::IAM::RolePolicy",
    takes="RoleName PolicyName PolicyDocument",
    create_by=Step("iam:PutRolePolicy", _put_role_policy),
    identified_by=lambda it, _: f"{it.properties['PolicyName']}|{it.properties['RoleName']}",
    update_by=Step("iam:PutRolePolicy", _put_role_policy),
    read_by=described(Step("iam:GetRolePolicy", _role_policy), "", _role_policy_read),
    delete_by=(Step("iam:DeleteRolePolicy", _role_policy),),
)


def _policy(it: Request) -> Mapping[str, Any]:
    return {"PolicyArn": it.physical_id}


async def _new_version(it: Request) -> None:
    """A new default version; the oldest makes way where there are as many as there may be."""
    versions = (await ask(it, "iam:ListPolicyVersions", _policy(it)))["Versions"]
    others = sorted(
        (one["VersionId"] for one in versions if not one["IsDefaultVersion"]), key=lambda one: int(one.removeprefix("v"))
    )
    if len(versions) >= VERSIONS_MAX:
        await ask(it, "iam:DeletePolicyVersion", {**_policy(it), "VersionId": others[0]})
    text = document_text(it.properties["PolicyDocument"])
    await ask(it, "iam:CreatePolicyVersion", {**_policy(it), "PolicyDocument": text, "SetAsDefault": True})


class _Versions:
    """A managed policy's document, whose versions have to go before the policy does."""

    names = ("PolicyDocument",)

    async def make(self, it: Request) -> None:
        pass

    async def change(self, it: Request) -> None:
        await _new_version(it)

    async def unmake(self, it: Request) -> None:
        for one in (await ask(it, "iam:ListPolicyVersions", _policy(it)))["Versions"]:
            if not one["IsDefaultVersion"]:
                await ask(it, "iam:DeletePolicyVersion", {**_policy(it), "VersionId": one["VersionId"]})


async def _managed_policy(it: Request, found: Mapping[str, Any]) -> Mapping[str, Any]:
    version = await ask(it, "iam:GetPolicyVersion", {**_policy(it), "VersionId": found["DefaultVersionId"]})
    holders = await ask(it, "iam:ListEntitiesForPolicy", _policy(it))
    dates = {name: found[name].isoformat() for name in ("CreateDate", "UpdateDate") if name in found}
    return {
        **dates,
        "PolicyArn": it.physical_id,
        "ManagedPolicyName": found["PolicyName"],
        "PolicyDocument": document(version["PolicyVersion"]["Document"]),
        **{name: [one[f"{kind}Name"] for one in holders.get(f"Policy{name}", ())] for name, kind in PRINCIPALS.items()},
    }


POLICY_NAME: Final = Named(name="ManagedPolicyName", limit=128)


async def _find_policy(it: Request) -> str | None:
    path = it.properties.get("Path", "/")
    wanted = replace(it, physical_id=f"arn:{it.place.partition}:iam::{it.place.account}:policy{path}{POLICY_NAME(it)}")
    found = await described(Step("iam:GetPolicy", _policy), "Policy")(wanted)
    return wanted.physical_id if found else None


MANAGED_POLICY: Final = Declared(
    name="AWS::IAM::ManagedPolicy",
    find_by=_find_policy,
    takes="ManagedPolicyName Path Description",
    create_by=Step(
        "iam:CreatePolicy",
        lambda it: {
            **take("Path Description")(it),
            "PolicyName": POLICY_NAME(it),
            "PolicyDocument": document_text(it.properties["PolicyDocument"]),
        },
    ),
    identified_by="Policy.Arn",
    parts=(
        _Versions(),
        *(attached(name, lambda _, one: str(one), lambda it, _: it.physical_id, kind) for name, kind in PRINCIPALS.items()),
    ),
    read_by=described(Step("iam:GetPolicy", _policy), "Policy", _managed_policy),
    delete_by=(Step("iam:DeletePolicy", _policy),),
)


def _provider(it: Request) -> Mapping[str, Any]:
    return {"OpenIDConnectProviderArn": it.physical_id}


def _provider_request(it: Request) -> Mapping[str, Any]:
    return {
        "Url": it.properties.get("Url"),
        "ClientIDList": it.properties.get("ClientIdList"),
        "ThumbprintList": it.properties.get("ThumbprintList"),
        "Tags": tag_list(it),
    }


async def _provider_anew(it: Request) -> None:
    """The provider with other clients, under its ARN, which comes of its URL: moto, which keeps it, cannot change them."""
    await ask(it, "iam:DeleteOpenIDConnectProvider", _provider(it))
    await ask(it, "iam:CreateOpenIDConnectProvider", _provider_request(it))


async def _provider_read(it: Request, found: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"Arn": it.physical_id, "Url": _with_scheme(it, found["Url"]), "ClientIdList": found.get("ClientIDList")}


def _with_scheme(it: Request, url: str) -> str:
    """IAM answers the URL without ``https://``."""
    given = str(it.properties.get("Url", url))
    return given if given.removeprefix("https://") == url else url


async def _find_provider(it: Request) -> str | None:
    host = str(it.properties.get("Url", "")).removeprefix("https://")
    wanted = replace(it, physical_id=f"arn:{it.place.partition}:iam::{it.place.account}:oidc-provider/{host}")
    found = await described(Step("iam:GetOpenIDConnectProvider", _provider), "")(wanted)
    return wanted.physical_id if found else None


OIDC_PROVIDER: Final = Declared(
    name="AWS::IAM::OIDCProvider",
    find_by=_find_provider,
    takes="Url ClientIdList",
    update_by=_provider_anew,
    create_by=Step("iam:CreateOpenIDConnectProvider", _provider_request),
    identified_by="OpenIDConnectProviderArn",
    parts=(
        Setting(
            "ThumbprintList",
            Step(
                "iam:UpdateOpenIDConnectProviderThumbprint",
                lambda it: {**_provider(it), "ThumbprintList": it.properties.get("ThumbprintList", [])},
            ),
            is_made=True,
        ),
        _tagging("OpenIDConnectProvider", "OpenIDConnectProviderArn"),
    ),
    read_by=described(Step("iam:GetOpenIDConnectProvider", _provider), "", _provider_read),
    delete_by=(Step("iam:DeleteOpenIDConnectProvider", _provider),),
)

SERVICE_LINKED_ROLE: Final = Declared(
    name="AWS::IAM::ServiceLinkedRole",
    takes="AWSServiceName CustomSuffix",
    create_by=Step("iam:CreateServiceLinkedRole", take("AWSServiceName CustomSuffix Description")),
    identified_by="Role.RoleName",
    parts=(
        Setting(
            "Description",
            Step("iam:UpdateRole", lambda it: {**_role(it), "Description": it.properties.get("Description", "")}),
            is_made=True,
        ),
    ),
    read_by=described(Step("iam:GetRole", _role), "Role"),
    delete_by=(Step("iam:DeleteServiceLinkedRole", _role),),
)

PROFILE_NAME: Final = Named(name="InstanceProfileName", limit=128)


def _profile(it: Request) -> Mapping[str, Any]:
    return {"InstanceProfileName": it.physical_id}


def _profile_role(operation: str) -> Callable[[Request, Any], Awaitable[Any]]:
    return lambda it, role: ask(it, operation, {**_profile(it), "RoleName": role})


async def _profile_read(it: Request, found: Mapping[str, Any]) -> Mapping[str, Any]:
    del it
    return {"Roles": [role["RoleName"] for role in found.get("Roles", ())]}


INSTANCE_PROFILE: Final = Declared(
    name="AWS::IAM::InstanceProfile",
    inert="this region has no EC2 instances",
    takes="InstanceProfileName Path",
    create_by=Step("iam:CreateInstanceProfile", lambda it: {**take("Path")(it), "InstanceProfileName": PROFILE_NAME(it)}),
    identified_by="InstanceProfile.InstanceProfileName",
    named=PROFILE_NAME,
    parts=(
        Members(
            "Roles",
            _profile_role("iam:AddRoleToInstanceProfile"),
            _profile_role("iam:RemoveRoleFromInstanceProfile"),
            is_unmade=True,
        ),
    ),
    read_by=described(Step("iam:GetInstanceProfile", _profile), "InstanceProfile", _profile_read),
    delete_by=(Step("iam:DeleteInstanceProfile", _profile),),
)

TYPES: Final = (
    ROLE,
    POLICY,
    ROLE_POLICY,
    MANAGED_POLICY,
    OIDC_PROVIDER,
    SERVICE_LINKED_ROLE,
    INSTANCE_PROFILE,
)
