"""ELBv2 on the wire: requests to intents, records to answers."""

from ninelives.api.call import Operations
from ninelives.api.elbv2 import listeners, load_balancers, tags, target_groups
from ninelives.api.elbv2.network import Ec2Network, Network
from ninelives.region.region import Region

__all__ = ["Ec2Network", "Network", "operations"]


def operations(region: Region, network: Network) -> Operations:
    """The operations of ELBv2 that the region answers; ``network`` knows the subnets."""
    return {
        **load_balancers.operations(region, network),
        **target_groups.operations(region),
        **listeners.operations(region),
        **tags.operations(region),
    }
