"""What each member of an ELBv2 request does here. A test holds it against botocore's model: none is missing, none too many.

What attributes do (``ModifyLoadBalancerAttributes`` and its like) stands with them: ``region.elbv2_attributes``.
Source of the names: botocore ``elbv2`` 2015-12-01.
"""

from typing import Final

from ninelives.api.support import Shapes, members

INVALID_CONFIGURATION: Final = "InvalidConfigurationRequest"
INVALID_ACTION: Final = "InvalidLoadBalancerAction"
NO_IPV6: Final = "load balancers have addresses of this machine"
NO_TRUST_STORES: Final = "there are no trust stores"
ONLY_TLS: Final = "of TLS listeners of network load balancers, which are not there"

PAGE: Final = "Marker PageSize"

LOAD_BALANCERS: Final[Shapes] = {
    "CreateLoadBalancerInput": members(
        "Name Subnets SubnetMappings Tags",
        remarks={"Type": "application; network and gateway are refused with InvalidConfigurationRequest"},
        recorded={
            "SecurityGroups": "nothing is filtered: load balancers are on this machine",
            "Scheme": "every load balancer is on loopback",
            "IpAddressType": NO_IPV6,
        },
        refused={
            "CustomerOwnedIpv4Pool": NO_IPV6,
            "EnablePrefixForIpv6SourceNat": NO_IPV6,
            "IpamPools": NO_IPV6,
        },
    ),
    "SubnetMapping": members(
        "SubnetId",
        refused={
            "AllocationId": NO_IPV6,
            "PrivateIPv4Address": NO_IPV6,
            "IPv6Address": NO_IPV6,
            "SourceNatIpv6Prefix": NO_IPV6,
        },
    ),
    "DeleteLoadBalancerInput": members("LoadBalancerArn"),
    "DescribeLoadBalancersInput": members(f"LoadBalancerArns Names {PAGE}"),
    "DescribeLoadBalancerAttributesInput": members("LoadBalancerArn"),
    "ModifyLoadBalancerAttributesInput": members("LoadBalancerArn Attributes"),
    "LoadBalancerAttribute": members(remarks={"Key": "see attributes", "Value": "see attributes"}),
    "SetIpAddressTypeInput": members("LoadBalancerArn", recorded={"IpAddressType": NO_IPV6}),
    "SetSecurityGroupsInput": members(
        "LoadBalancerArn",
        recorded={"SecurityGroups": "nothing is filtered: load balancers are on this machine"},
        refused={"EnforceSecurityGroupInboundRulesOnPrivateLinkTraffic": "it is for network load balancers"},
    ),
    "SetSubnetsInput": members(
        "LoadBalancerArn Subnets SubnetMappings",
        recorded={"IpAddressType": NO_IPV6},
        refused={"EnablePrefixForIpv6SourceNat": NO_IPV6},
    ),
    "DescribeAccountLimitsInput": members(PAGE),
}

LISTENERS: Final[Shapes] = {
    "CreateListenerInput": members(
        "LoadBalancerArn Port DefaultActions Tags Certificates SslPolicy MutualAuthentication",
        remarks={"Protocol": "HTTP and HTTPS"},
        refused={"AlpnPolicy": ONLY_TLS},
    ),
    "ModifyListenerInput": members(
        "ListenerArn Port DefaultActions Certificates SslPolicy MutualAuthentication",
        remarks={"Protocol": "HTTP and HTTPS"},
        refused={"AlpnPolicy": ONLY_TLS},
    ),
    "MutualAuthenticationAttributes": members(
        remarks={"Mode": f"off and passthrough; verify is refused with {INVALID_CONFIGURATION}"},
        refused={
            "TrustStoreArn": NO_TRUST_STORES,
            "IgnoreClientCertificateExpiry": NO_TRUST_STORES,
            "TrustStoreAssociationStatus": NO_TRUST_STORES,
            "AdvertiseTrustStoreCaNames": NO_TRUST_STORES,
        },
    ),
    "Certificate": members("CertificateArn", recorded={"IsDefault": "an answer's member"}),
    "AddListenerCertificatesInput": members("ListenerArn Certificates"),
    "RemoveListenerCertificatesInput": members("ListenerArn Certificates"),
    "DescribeListenerCertificatesInput": members(f"ListenerArn {PAGE}"),
    "Action": members(
        "Type TargetGroupArn RedirectConfig FixedResponseConfig ForwardConfig Order JwtValidationConfig",
        checked={
            "AuthenticateOidcConfig": INVALID_ACTION,
            "AuthenticateCognitoConfig": INVALID_ACTION,
        },
    ),
    "JwtValidationActionConfig": members("JwksEndpoint Issuer AdditionalClaims"),
    "JwtValidationActionAdditionalClaim": members(
        "Format Name Values",
        remarks={"Values": "all of them, of a single string one of them: ELB's documentation does not say"},
    ),
    "RedirectActionConfig": members("Protocol Port Host Path Query StatusCode"),
    "FixedResponseActionConfig": members("MessageBody StatusCode ContentType"),
    "ForwardActionConfig": members("TargetGroups TargetGroupStickinessConfig"),
    "TargetGroupTuple": members("TargetGroupArn Weight"),
    "TargetGroupStickinessConfig": members("Enabled DurationSeconds"),
    "CreateRuleInput": members("ListenerArn Conditions Priority Actions Tags Transforms"),
    "ModifyRuleInput": members("RuleArn Conditions Actions Transforms ResetTransforms"),
    "RuleTransform": members("Type HostHeaderRewriteConfig UrlRewriteConfig"),
    "HostHeaderRewriteConfig": members("Rewrites"),
    "UrlRewriteConfig": members("Rewrites"),
    "RewriteConfig": members("Regex Replace"),
    "RuleCondition": members(
        "Field Values HostHeaderConfig PathPatternConfig HttpHeaderConfig QueryStringConfig HttpRequestMethodConfig "
        "SourceIpConfig RegexValues",
    ),
    "HostHeaderConditionConfig": members("Values RegexValues"),
    "PathPatternConditionConfig": members("Values RegexValues"),
    "HttpHeaderConditionConfig": members("HttpHeaderName Values RegexValues"),
    "QueryStringConditionConfig": members("Values"),
    "QueryStringKeyValuePair": members("Key Value"),
    "HttpRequestMethodConditionConfig": members("Values"),
    "SourceIpConditionConfig": members("Values", refused={"IpAddressType": "addresses are matched as they come"}),
    "DeleteListenerInput": members("ListenerArn"),
    "DeleteRuleInput": members("RuleArn"),
    "DescribeListenersInput": members(f"LoadBalancerArn ListenerArns {PAGE}"),
    "DescribeRulesInput": members(f"ListenerArn RuleArns {PAGE}"),
    "DescribeListenerAttributesInput": members("ListenerArn"),
    "ModifyListenerAttributesInput": members("ListenerArn Attributes"),
    "ListenerAttribute": members(remarks={"Key": "see attributes", "Value": "see attributes"}),
    "SetRulePrioritiesInput": members("RulePriorities"),
    "RulePriorityPair": members("RuleArn Priority"),
    "DescribeSSLPoliciesInput": members(
        f"Names {PAGE}", recorded={"LoadBalancerType": "there are application load balancers only"}
    ),
}

TARGET_GROUPS: Final[Shapes] = {
    "CreateTargetGroupInput": members(
        "Name Port HealthCheckProtocol HealthCheckPort HealthCheckPath HealthCheckIntervalSeconds HealthCheckTimeoutSeconds "
        "HealthyThresholdCount UnhealthyThresholdCount Matcher Tags ProtocolVersion",
        remarks={
            "Protocol": "HTTP and HTTPS",
            "TargetType": "ip; instance groups are there and take no targets of tasks, as with awsvpc on AWS",
            "HealthCheckEnabled": "true, as ip and instance groups must have it",
        },
        recorded={"VpcId": "addresses are of this machine", "IpAddressType": NO_IPV6},
        refused={"TargetControlPort": "there is no target control port"},
    ),
    "ModifyTargetGroupInput": members(
        "TargetGroupArn HealthCheckProtocol HealthCheckPort HealthCheckPath HealthCheckIntervalSeconds "
        "HealthCheckTimeoutSeconds HealthyThresholdCount UnhealthyThresholdCount Matcher",
        remarks={"HealthCheckEnabled": "true, as ip and instance groups must have it"},
    ),
    "Matcher": members("HttpCode GrpcCode"),
    "DeleteTargetGroupInput": members("TargetGroupArn"),
    "DescribeTargetGroupsInput": members(f"LoadBalancerArn TargetGroupArns Names {PAGE}"),
    "DescribeTargetGroupAttributesInput": members("TargetGroupArn"),
    "ModifyTargetGroupAttributesInput": members("TargetGroupArn Attributes"),
    "TargetGroupAttribute": members(remarks={"Key": "see attributes", "Value": "see attributes"}),
    "RegisterTargetsInput": members("TargetGroupArn Targets"),
    "DeregisterTargetsInput": members("TargetGroupArn Targets"),
    "TargetDescription": members(
        "Id Port",
        recorded={"AvailabilityZone": "one machine is one zone"},
        refused={"QuicServerId": "there is no QUIC"},
    ),
    "DescribeTargetHealthInput": members(
        "TargetGroupArn Targets", recorded={"Include": "targets have no anomaly and no administrative override"}
    ),
}

TAGS: Final[Shapes] = {
    "AddTagsInput": members("ResourceArns Tags"),
    "RemoveTagsInput": members("ResourceArns TagKeys"),
    "DescribeTagsInput": members("ResourceArns"),
    "Tag": members("Key Value"),
}

SHAPES: Final[Shapes] = {**LOAD_BALANCERS, **LISTENERS, **TARGET_GROUPS, **TAGS}
