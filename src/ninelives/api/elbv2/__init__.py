"""ELBv2 on the wire: requests to intents, records to answers."""

from ninelives.api.call import Operations
from ninelives.api.elbv2 import certificates, listeners, load_balancers, tags, target_groups
from ninelives.api.elbv2.access_logs import LogBuckets, NoBuckets, S3LogBuckets
from ninelives.api.elbv2.certificates import SERVICES as CERTIFICATE_SERVICES
from ninelives.api.elbv2.certificates import Certificates, KeptCertificates, NoCertificates
from ninelives.api.elbv2.network import Ec2Network, Network
from ninelives.api.elbv2.support import SHAPES
from ninelives.api.support import gated
from ninelives.region.region import Region

__all__ = ["CERTIFICATE_SERVICES", "Certificates", "Ec2Network", "KeptCertificates", "Network", "S3LogBuckets", "operations"]


def operations(
    region: Region, network: Network, kept: Certificates | None = None, buckets: LogBuckets | None = None
) -> Operations:
    """The operations of ELBv2 that the region answers; ``network`` knows the subnets, ``kept`` the certificates there are,
    ``buckets`` where access logs can go.
    """
    kept = kept or NoCertificates()
    served = {
        **load_balancers.operations(region, network, buckets or NoBuckets()),
        **target_groups.operations(region),
        **listeners.operations(region, kept),
        **certificates.operations(region, kept),
        **tags.operations(region),
    }
    return gated("elbv2", SHAPES, served)
