"""Writes the cloud assemblies beside this file from app.js, so that the live test needs of CDK only its command line.

npm install aws-cdk-lib constructs, anywhere; then: python synthesise.py THAT_FOLDER
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
COMMAND_LINES = {"aws:cdk:enable-path-metadata": True, "aws:cdk:version-reporting": True}
"""What the command line adds to an app's context."""
ASSEMBLIES = {"first": {"version": "1.0.0", "count": 2}, "second": {"version": "2.0.1", "count": 3}}
KEPT = ("Cats.template.json", "Cats.assets.json", "cdk.out", "manifest.json")
ARTIFACTS = ("Cats", "Cats.assets")


def main(modules: Path) -> None:
    for name, context in ASSEMBLIES.items():
        folder, made = HERE / name, HERE / f"{name}.draft"
        variables = {
            "CDK_OUTDIR": str(made),
            "CDK_CONTEXT_JSON": json.dumps(COMMAND_LINES | context),
            "NODE_PATH": str(modules / "node_modules"),
        }
        subprocess.run(["node", str(HERE / "app.js")], env={**os.environ, **variables}, check=True)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        for file in KEPT:
            (made / file).rename(folder / file)
        manifest = json.loads((folder / "manifest.json").read_text())
        manifest["artifacts"] = {one: manifest["artifacts"][one] for one in ARTIFACTS}
        manifest["artifacts"]["Cats"].pop("additionalMetadataFile", None)
        (folder / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n")
        shutil.rmtree(made)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
