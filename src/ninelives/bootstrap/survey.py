"""Looks around before anything is planned: whose account it is, what is there already, and what would stand in the way.

Everything that can be known to fail is found here, so that nothing is half made.
"""

from collections.abc import Iterator

from ninelives.bootstrap.cloudformation import find_stack
from ninelives.bootstrap.errors import BootstrapError, NamesTaken, WrongPlace
from ninelives.bootstrap.github_trust import AUDIENCE, ISSUER, deploy_role_name, github_stack_name
from ninelives.bootstrap.plan import EMPTY
from ninelives.bootstrap.stacks import (
    PROVIDER_STACK,
    Surroundings,
    cluster_stack_name,
    network_stack_name,
    repository_to_make,
)
from ninelives.deploy.alarms import find_alarms
from ninelives.deploy.aws import Aws, error_code, pages
from ninelives.deploy.front_door import find_load_balancer, find_target_group
from ninelives.deploy.reading import Definition
from ninelives.deploy.service_file import GROUP_NAME_MAX, ServiceFile
from ninelives.deploy.stack_outputs import service_stack_name

ZONES_MIN = 2
ALARMS = ("5xx", "latency", "unhealthy", "cpu", "memory")


def survey(aws: Aws, definition: Definition) -> Surroundings:
    """What is known of the account. Raises ``BootstrapError`` for what would stand in the way."""
    file = definition.file
    _require_names(definition)
    account, partition = require_account(aws, definition)
    _require_region(aws, definition)
    _require_network(aws, file)
    around = Surroundings(
        account=account,
        region=aws.region,
        partition=partition,
        speaks_tls=not (aws.endpoint or "").startswith("http://"),
        makes_cluster=_makes_cluster(aws, file),
        provider_arn=_foreign_provider(aws) if file.bootstrap.github is not None else None,
    )
    taken = list(_taken(aws, file))
    if taken:
        raise NamesTaken(taken)
    return around


# Whose account, which region.


def require_account(aws: Aws, definition: Definition) -> tuple[str, str]:
    """Account and partition. Raises ``WrongPlace`` in any other account than the file names."""
    found = aws.sts.get_caller_identity()
    account, wanted = str(found["Account"]), definition.file.bootstrap.account
    if wanted is not None and account != wanted and not definition.is_local:
        raise WrongPlace(
            f"The credentials are those of account {account} ({found['Arn']}); "
            f"{definition.where('bootstrap', 'account')} expects {wanted}.",
            hint="Take the other account's credentials (AWS_PROFILE, `aws sso login`), or change the service file.",
        )
    return account, str(found["Arn"]).split(":")[1]


def _require_region(aws: Aws, definition: Definition) -> None:
    """The region is the file's, and the certificate's."""
    file, certificate = definition.file, definition.file.bootstrap.certificate
    if file.region is not None and aws.region != file.region and not definition.is_local:
        raise WrongPlace(
            f"The region is {aws.region}; {definition.where('region')} expects {file.region}.",
            hint="Leave --region away, or give the region an environment of its own in the service file.",
        )
    if certificate is not None and ":acm:" in certificate and certificate.split(":")[3] != aws.region:
        raise WrongPlace(
            f"{definition.where('bootstrap', 'certificate')}: is a certificate of {certificate.split(':')[3]}; "
            f"a load balancer in {aws.region} takes those of its own region.",
            hint="Request or import it there.",
        )


def _require_names(definition: Definition) -> None:
    """What CloudFormation and ELB ask of names, beyond the service file's own rules."""
    file = definition.file
    for name in (file.service, file.cluster_name):
        if not name[0].isalpha():
            raise BootstrapError(
                f"{name!r} cannot name a stack: CloudFormation wants a letter first.",
                hint="Name the service so, or the cluster.",
            )
    if len(file.alternate_target_group_name) > GROUP_NAME_MAX:
        raise BootstrapError(
            f"The second target group would be called {file.alternate_target_group_name!r}, and a name has at most "
            f"{GROUP_NAME_MAX} characters.",
            hint="Name one: `load_balancer: {alternate_target_group: …}`.",
        )


# What is there already.


def _require_network(aws: Aws, file: ServiceFile) -> None:
    """An existing VPC has its subnets in two zones; a new one finds the zones that it asks for."""
    asked = file.bootstrap.network
    if asked.vpc is None:
        _require_room(aws, file)
        found = aws.ec2.describe_availability_zones(Filters=[{"Name": "zone-type", "Values": ["availability-zone"]}])
        zones = [one["ZoneName"] for one in found["AvailabilityZones"] if one.get("State") == "available"]
        if len(zones) < asked.zones:
            raise BootstrapError(
                f"The account has {len(zones)} availability zones in {aws.region} ({', '.join(zones)}), not {asked.zones}.",
                hint="Ask for fewer: `bootstrap: {network: {zones: 2}}`.",
            )
        return
    if not asked.private_subnets and not asked.public_subnets:
        return
    for kind, wanted in (("public_subnets", asked.public_subnets), ("private_subnets", asked.private_subnets)):
        if wanted:
            _require_subnets(aws, asked.vpc, kind, wanted)


def _require_room(aws: Aws, file: ServiceFile) -> None:
    """A network may grow under its services; subnets that they stand in cannot be taken away."""
    name, asked = network_stack_name(file), file.bootstrap.network
    seen = find_stack(aws, name)
    if seen is None or seen.status in EMPTY:
        return
    zones, nat = int(seen.parameters.get("Zones", asked.zones)), seen.parameters.get("Nat", asked.nat)
    lost = []
    if asked.zones < zones:
        lost.append(f"zones {zones} to {asked.zones}")
    if asked.nat == "none" and nat != "none":
        lost.append(f"nat {nat} to none")
    if seen.parameters.get("VpcCidr", asked.cidr) != asked.cidr:
        lost.append(f"cidr {seen.parameters['VpcCidr']} to {asked.cidr}")
    if lost:
        raise BootstrapError(
            f"The network {name} cannot become smaller under what stands in it: {', '.join(lost)}.",
            hint="Take a new one (another `cluster`), or `ninelives bootstrap --destroy` first.",
        )


def _require_subnets(aws: Aws, vpc: str, kind: str, wanted: tuple[str, ...]) -> None:
    try:
        found = aws.ec2.describe_subnets(SubnetIds=list(wanted))["Subnets"]
    except Exception as error:
        if error_code(error) != "InvalidSubnetID.NotFound":
            raise
        raise BootstrapError(f"bootstrap.network.{kind}: {error}", hint="Name subnets that are there.") from None
    strangers = [str(one["SubnetId"]) for one in found if one["VpcId"] != vpc]
    if strangers:
        raise BootstrapError(
            f"bootstrap.network.{kind}: {', '.join(strangers)} is not of {vpc}.", hint="Name subnets of that VPC."
        )
    zones = {one["AvailabilityZone"] for one in found}
    if len(zones) < ZONES_MIN:
        raise BootstrapError(
            f"bootstrap.network.{kind}: all of them are in {', '.join(zones)}; a load balancer needs two zones.",
            hint="Name a subnet in another zone, too.",
        )


def _makes_cluster(aws: Aws, file: ServiceFile) -> bool:
    """Whether the cluster is ours to make: it is not there, or our stack made it."""
    if _stands(aws, cluster_stack_name(file)):
        return True
    found = aws.ecs.describe_clusters(clusters=[file.cluster_name])["clusters"]
    return not any(one["status"] == "ACTIVE" for one in found)


def _foreign_provider(aws: Aws) -> str | None:
    """GitHub as identity provider, where somebody else made it: an account has one. Raises where it is of no use."""
    if _stands(aws, PROVIDER_STACK):
        return None
    found = aws.iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]
    arn = next((str(one["Arn"]) for one in found if one["Arn"].endswith(f":oidc-provider/{ISSUER}")), None)
    if arn is None:
        return None
    clients = aws.iam.get_open_id_connect_provider(OpenIDConnectProviderArn=arn).get("ClientIDList", [])
    if AUDIENCE not in clients:
        raise BootstrapError(
            f"The account has GitHub as identity provider, but not for {AUDIENCE} ({', '.join(clients) or 'nobody'} only).",
            hint=f"`aws iam add-client-id-to-open-id-connect-provider --open-id-connect-provider-arn {arn} "
            f"--client-id {AUDIENCE}` adds it.",
        )
    return arn


def _stands(aws: Aws, name: str) -> bool:
    seen = find_stack(aws, name)
    return seen is not None and seen.status not in EMPTY


def _taken(aws: Aws, file: ServiceFile) -> Iterator[str]:
    """What the service's stacks would make and is there already, where they are not."""
    if not _stands(aws, service_stack_name(file)):
        yield from left_by_name(aws, file)
    role = deploy_role_name(file, aws.region)
    if file.bootstrap.github is not None and not _stands(aws, github_stack_name(file)) and _has_role(aws, role):
        yield f"IAM role {role}"


def left_by_name(aws: Aws, file: ServiceFile) -> Iterator[str]:
    """What bears a name that the service's stack gives, whoever made it."""
    if find_load_balancer(aws, file.load_balancer_name) is not None:
        yield f"load balancer {file.load_balancer_name}"
    for name in (file.target_group_name, file.alternate_target_group_name):
        if find_target_group(aws, name) is not None:
            yield f"target group {name}"
    repository = repository_to_make(file)
    if repository and _has_repository(aws, repository):
        yield f"ECR repository {repository}"
    groups = pages(aws.logs.describe_log_groups, "logGroups", logGroupNamePrefix=file.log_group)
    if any(group["logGroupName"] == file.log_group for group in groups):
        yield f"log group {file.log_group}"
    for name in find_alarms(aws, tuple(f"{file.service}-{short}" for short in ALARMS)):
        yield f"CloudWatch alarm {name}"


def _has_repository(aws: Aws, name: str) -> bool:
    try:
        return bool(aws.ecr.describe_repositories(repositoryNames=[name])["repositories"])
    except Exception as error:
        if error_code(error) == "RepositoryNotFoundException":
            return False
        raise


def _has_role(aws: Aws, name: str) -> bool:
    try:
        aws.iam.get_role(RoleName=name)
    except Exception as error:
        if error_code(error) == "NoSuchEntity":
            return False
        raise
    return True
