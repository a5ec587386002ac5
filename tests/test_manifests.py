"""The Kubernetes manifests: against the schemas of Kubernetes, and against what the server has."""

import re
from itertools import chain
from pathlib import Path

import pytest
import yaml
from missing_ray import require_ray_serve

from secondpass.options.model import RerankerOptions
from secondpass.options.serve import KEY_VARIABLE, ServeOptions
from secondpass.serve.batching import BatchingService
from secondpass.serve.guards import OPEN_PATHS
from secondpass.serve.models import ModelEntry

kubernetes_validate = pytest.importorskip(
    "kubernetes_validate", reason="kubernetes-validate is not installed: pip install '.[test]'"
)

PACKAGING = Path(__file__).parent.parent / "packaging"
# The oldest whose fields they use (a sleep before the end), and the newest.
VERSIONS = ("1.32", "1.36")
RAY = PACKAGING / "kuberay" / "rayservice.yaml"


def documents(file):
    return list(yaml.safe_load_all(file.read_text()))


PLAIN = {
    f"{file.name} {one['kind']}": one
    for file in sorted((PACKAGING / "kubernetes").glob("*.yaml"))
    for one in documents(file)
}


def service():
    (found,) = documents(RAY)
    return found


def ray_pods():
    """The pods of the Ray cluster, each as a Pod of its own."""
    spec = service()["spec"]["rayClusterConfig"]
    groups = [spec["headGroupSpec"], *spec["workerGroupSpecs"]]
    return [
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": f"pod-{number}"},
            "spec": group["template"]["spec"],
        }
        for number, group in enumerate(groups)
    ]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", PLAIN)
def test_a_manifest_is_of_its_schema(name, version):
    kubernetes_validate.validate(PLAIN[name], version, strict=True)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("number", [0, 1])
def test_the_pods_of_ray_are_of_their_schema(number, version):
    kubernetes_validate.validate(ray_pods()[number], version, strict=True)


@pytest.mark.parametrize(
    "wrong",
    [
        {"replica": 3},
        {"template": {"spec": {"containers": [{"name": "a", "imagee": "b"}]}}},
        {"strategy": {"rollingUpdate": {"maxSurge": [1]}}},
    ],
)
def test_the_schema_refuses_what_is_wrong(wrong):
    deployment = PLAIN["deployment.yaml Deployment"]
    broken = {**deployment, "spec": {**deployment["spec"], **wrong}}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(broken, VERSIONS[-1], strict=True)


def pods():
    plain = PLAIN["deployment.yaml Deployment"]["spec"]["template"]["spec"]
    return [plain, *(pod["spec"] for pod in ray_pods())]


@pytest.mark.parametrize("number", range(3))
def test_no_pod_runs_as_root_or_may_become_it(number):
    pod = pods()[number]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    for container in pod["containers"]:
        assert container["securityContext"]["allowPrivilegeEscalation"] is False
        assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
        assert container["resources"]["limits"].keys() == {"cpu", "memory"}


def container():
    (found,) = pods()[0]["containers"]
    return found


def test_the_servers_pod_writes_to_volumes_alone():
    server = container()
    assert server["securityContext"]["readOnlyRootFilesystem"] is True
    image = (PACKAGING / "Dockerfile").read_text()
    mounts = {one["mountPath"] for one in server["volumeMounts"]}
    assert mounts == {"/tmp", *re.findall(r"^VOLUME (\S+)$", image, re.M)}
    assert {one["name"] for one in server["volumeMounts"]} == {
        one["name"] for one in pods()[0]["volumes"]
    }
    user = pods()[0]["securityContext"]["runAsUser"]
    assert f"USER {user}\n" in image


def test_probes_ask_what_the_server_answers_without_a_key():
    server = container()
    probes = [server[name] for name in ("startupProbe", "readinessProbe", "livenessProbe")]
    assert {probe["httpGet"]["path"] for probe in probes} <= OPEN_PATHS
    (port,) = server["ports"]
    assert port["containerPort"] == ServeOptions().port
    assert {probe["httpGet"]["port"] for probe in probes} == {port["name"]}
    (of_service,) = PLAIN["service.yaml Service"]["spec"]["ports"]
    assert of_service["targetPort"] == port["name"]


def test_the_pod_ends_later_than_the_server():
    pod, server = pods()[0], container()
    grace = int(server["args"][server["args"].index("--grace-s") + 1])
    before = server["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert pod["terminationGracePeriodSeconds"] > grace + before


def test_the_autoscaler_follows_a_metric_that_the_server_has():
    scaler = PLAIN["autoscaler.yaml HorizontalPodAutoscaler"]["spec"]
    (metric,) = scaler["metrics"]
    name = metric["pods"]["metric"]["name"]
    service = BatchingService([ModelEntry("model", RerankerOptions())])
    assert f"\n{name} 0.0\n" in service.metrics.text().decode()
    assert name in (PACKAGING / "adapter-values.yaml").read_text()
    assert (
        scaler["scaleTargetRef"]["name"] == PLAIN["deployment.yaml Deployment"]["metadata"]["name"]
    )
    assert "replicas" not in PLAIN["deployment.yaml Deployment"]["spec"]


def test_labels_agree():
    deployment = PLAIN["deployment.yaml Deployment"]["spec"]
    labels = deployment["template"]["metadata"]["labels"]
    for selector in (
        deployment["selector"]["matchLabels"],
        PLAIN["service.yaml Service"]["spec"]["selector"],
        PLAIN["disruption.yaml PodDisruptionBudget"]["spec"]["selector"]["matchLabels"],
    ):
        assert selector.items() <= labels.items()


def test_a_key_comes_from_a_secret():
    variables = chain.from_iterable(
        container.get("env", ()) for pod in pods() for container in pod["containers"]
    )
    keys = [one for one in variables if one["name"] == KEY_VARIABLE]
    assert len(keys) == 2
    assert all("secretKeyRef" in one["valueFrom"] for one in keys)


def test_the_ray_application_takes_its_arguments():
    from secondpass.serve import ray

    config = yaml.safe_load(service()["spec"]["serveConfigV2"])
    (application,) = config["applications"]
    module, _, name = application["import_path"].partition(":")
    assert (module, getattr(ray, name)) == (ray.__name__, ray.application)
    cluster, options, _ = ray._options(application["args"])
    assert not options.only_this_machine
    worker = service()["spec"]["rayClusterConfig"]["workerGroupSpecs"][0]
    (container,) = worker["template"]["spec"]["containers"]
    room = float(container["resources"]["limits"]["cpu"])
    assert room >= cluster.cpus
    most = worker["maxReplicas"] * (room // cluster.cpus)
    assert most >= cluster.max_replicas


@pytest.mark.filterwarnings("ignore")
def test_the_ray_application_is_of_rays_schema():
    require_ray_serve()
    from ray.serve.schema import ServeDeploySchema

    ServeDeploySchema.model_validate(yaml.safe_load(service()["spec"]["serveConfigV2"]))


def test_versions_of_ray_agree():
    version = service()["spec"]["rayClusterConfig"]["rayVersion"]
    image = (PACKAGING / "kuberay" / "Dockerfile").read_text()
    assert f"rayproject/ray:{version}-" in image
    assert f"ray[serve]=={version}" in image
