"""Checks packaging/kuberay/rayservice.yaml against the definition that KubeRay's Helm chart has.

    python -m scripts.rayservice_schema ray.io_rayservices.yaml

The file is helm-chart/kuberay-operator/crds/ray.io_rayservices.yaml of
https://github.com/ray-project/kuberay; no package carries it. A field that it does not have is an
error here, where Kubernetes would drop it.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import jsonschema
import yaml

MANIFEST = Path(__file__).parent.parent / "packaging" / "kuberay" / "rayservice.yaml"


def schema_of(definition: dict[str, Any], version: str) -> dict[str, Any]:
    """Return the schema of a version of a custom resource, without room for unknown fields."""
    (found,) = [one for one in definition["spec"]["versions"] if one["name"] == version]
    schema: dict[str, Any] = found["schema"]["openAPIV3Schema"]
    schema["properties"]["metadata"] = {"type": "object"}
    for part in _parts(schema):
        open_ended = part.get("x-kubernetes-preserve-unknown-fields")
        if part.get("type") == "object" and "properties" in part and not open_ended:
            part.setdefault("additionalProperties", False)
        if part.get("x-kubernetes-int-or-string"):
            part.pop("type", None)
    return schema


def _parts(value: Any) -> list[dict[str, Any]]:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    below = [part for one in inner for part in _parts(one)]
    return [value, *below] if isinstance(value, dict) else below


def main() -> None:
    """Print what is wrong; the exit status is 1 then."""
    definition = yaml.safe_load(Path(sys.argv[1]).read_text(encoding="utf-8"))
    manifest = yaml.safe_load(MANIFEST.read_text(encoding="utf-8"))
    schema = schema_of(definition, manifest["apiVersion"].rpartition("/")[2])
    errors = list(jsonschema.Draft202012Validator(schema).iter_errors(manifest))
    for error in errors:
        print(f"{'.'.join(map(str, error.path))}: {error.message}"[:300])
    print(f"{MANIFEST.name}: {len(errors)} errors")
    sys.exit(bool(errors))


if __name__ == "__main__":
    main()
