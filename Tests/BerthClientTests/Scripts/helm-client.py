"""helm-client.py REGISTRY REPOSITORY FOLDER: packs a chart, pushes it, and does with it what `helm` does.

Helm's own Go SDK does the work; the name of what failed and a traceback go to standard error.
"""

import os
import sys

import helm_python as helm

registry, repository, folder = sys.argv[1:]
chart = f"{registry}/{repository}/demo"
client = helm.RegistryClient(plain_http=True, credentials_file=f"{folder}/credentials.json")

helm.Chart.create("demo", folder)
# The plus sign of a version is not allowed in a tag: Helm pushes it as an underscore and reads it back.
packages = [helm.package(f"{folder}/demo", destination=folder, version=v) for v in ("1.2.3", "1.3.0+build.7", "2.0.0")]
for package in packages:
    client.push(package, f"oci://{registry}/{repository}", plain_http=True)

tags = client.tags(chart)
assert tags == ["2.0.0", "1.3.0+build.7", "1.2.3"], f"tags are {tags}"

descriptor = client.resolve(f"{chart}:1.2.3")
assert descriptor["digest"].startswith("sha256:"), descriptor
assert descriptor["media_type"] == "application/vnd.oci.image.manifest.v1+json", descriptor

shown = client.show(f"oci://{chart}", output_format="chart", plain_http=True)
assert "version: 2.0.0" in shown, shown

os.mkdir(f"{folder}/pulled")
for version, package in (("^1", packages[1]), ("1.2.3", packages[0]), (">1", packages[2])):
    client.pull(f"oci://{chart}", version=version, destination=f"{folder}/pulled", plain_http=True)
    with open(package, "rb") as pushed, open(f"{folder}/pulled/{os.path.basename(package)}", "rb") as pulled:
        assert pushed.read() == pulled.read(), f"{package} came back changed"

try:
    client.pull(f"oci://{registry}/{repository}/absent", version="1.0.0", destination=folder, plain_http=True)
except helm.HelmError as error:
    assert "not found" in str(error), error
else:
    raise AssertionError("a chart that nobody pushed was pulled")
print("helm", helm.helm_sdk_version())
