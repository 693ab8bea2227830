"""``ninelives init``: a service file for what is in this folder."""

import re
from pathlib import Path

import click

from ninelives.cli.errors import UserError
from ninelives.deploy.options import FILE_NAME

TEMPLATE = """\
# How {service} is released.
service: {service}
image:
  build: .
port: {port}
cpu: 256                  # of 1024 a vCPU
memory: 512               # MiB
count: 2
health:
  path: {health_path}
  interval: 5s
  grace_period: 60s       # longer than the slowest boot
deploy:
  strategy: rolling
  minimum_healthy: 100%
  maximum: 200%
  # strategy: canary      # blue-green, canary, linear: all new tasks beside the old ones, then traffic by weight
  # canary: {{percent: 5%, bake: 10m}}
  # bake: 5m              # how long the old tasks stand by after the shift
  rollback:
    circuit_breaker: true
    # alarms: [5xx: {{above: 1%}}, latency: {{p99: 2s}}]
drain:
  deregistration_delay: 30s   # as long as the longest request
  stop_timeout: 30s
# load_balancer: {{port: 80, test_listener: {{port: 8081}}}}   # where the new version answers before the public gets it
# bootstrap:              # what `ninelives bootstrap` makes around the service, in an account of AWS
#   account: "123456789012"
#   network: {{zones: 2, nat: single}}
#   github: {{repository: owner/name, branches: [main]}}
environments:
  local: {{}}
  # staging: {{cluster: staging, region: eu-west-1}}
"""


@click.command()
@click.option("--service", default=None, help="Name of the service [the folder's].")
@click.option("--port", type=click.IntRange(1, 65535), default=None, help="Where it listens [the Dockerfile's EXPOSE].")
@click.option("--health-path", default="/health", show_default=True, help="What the load balancer asks for.")
@click.option("--force", is_flag=True, help="Overwrite.")
def init(service: str | None, port: int | None, health_path: str, *, force: bool) -> None:
    """Write a ninelives.yml for the service in this folder."""
    path = Path(FILE_NAME)
    if path.exists() and not force:
        raise UserError(f"{FILE_NAME} is there already.", hint="Overwrite it with --force.")
    name = service or re.sub(r"[^A-Za-z0-9-]+", "-", Path.cwd().name).strip("-")[:32].strip("-") or "service"
    text = TEMPLATE.format(service=name, port=port or exposed_port(Path("Dockerfile")) or 8080, health_path=health_path)
    from ninelives.deploy.reading import parse_service_file

    parse_service_file(text)
    path.write_text(text, encoding="utf-8")
    click.echo(f"Wrote {FILE_NAME} for {name}. Next: `ninelives up`, then `ninelives deploy VERSION`.", err=True)


def exposed_port(dockerfile: Path) -> int | None:
    """The first port that a Dockerfile EXPOSEs as a number."""
    if not dockerfile.is_file():
        return None
    found = re.search(r"^\s*EXPOSE\s+(\d+)", dockerfile.read_text(encoding="utf-8"), re.MULTILINE | re.IGNORECASE)
    return int(found.group(1)) if found else None
