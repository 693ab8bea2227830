"""``python -m benchmarks [NAME …]``: runs the benchmarks named, or all; tables on stdout, what goes on on stderr."""

import sys
from importlib import import_module

BENCHMARKS = ("api", "scheduler", "proxy", "release", "strategies", "scaling", "telemetry", "logs")


def main() -> None:
    wanted = sys.argv[1:] or list(BENCHMARKS)
    unknown = [name for name in wanted if name not in BENCHMARKS]
    if unknown:
        sys.exit(f"no benchmark {', '.join(unknown)}; there are {', '.join(BENCHMARKS)}")
    for name in wanted:
        module = import_module(f"benchmarks.{name}")
        print(f"\n## {name}\n\n{module.__doc__}")
        module.main()


if __name__ == "__main__":
    main()
