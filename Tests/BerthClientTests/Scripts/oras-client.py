"""oras-client.py REGISTRY REPOSITORY FOLDER: pushes an artifact with files, attaches another to it, pulls and deletes.

Prints the digests of both manifests, a line each.
"""

import os
import sys

import oras.client
import oras.oci

registry, repository, folder = sys.argv[1:]
target = f"{registry}/{repository}"
client = oras.client.OrasClient(hostname=registry, insecure=True)
os.chdir(folder)

os.mkdir("models")
with open("models/weights.bin", "wb") as file:
    file.write(os.urandom(3_000_000))
with open("card.md", "w", encoding="utf-8") as file:
    file.write("# A model\n")

pushed = client.push(
    target=f"{target}:v1",
    files=["models/weights.bin:application/octet-stream", "card.md:text/markdown", "models"],
    manifest_annotations={"org.example.kind": "model"},
    disable_path_validation=True,
)
assert pushed.status_code == 201, pushed.status_code
digest = pushed.headers["Docker-Content-Digest"]

manifest = client.get_manifest(f"{target}:v1")
assert manifest["annotations"] == {"org.example.kind": "model"}, manifest
by_digest = client.get_manifest(f"{target}@{digest}")
assert by_digest == manifest, by_digest

subject = oras.oci.Subject.from_manifest(manifest)
subject.digest, subject.size = digest, len(pushed.request.body)
# In chunks: PATCH after PATCH, each with a Content-Range.
attached = client.push(
    target=f"{target}:v1-card", files=["card.md:text/markdown"], subject=subject, do_chunked=True, chunk_size=4
)
assert attached.status_code == 201, attached.status_code
assert attached.headers["OCI-Subject"] == digest, dict(attached.headers)

client.pull(target=f"{target}:v1", outdir="pulled")
for name in ("models/weights.bin", "card.md"):
    with open(name, "rb") as before, open(f"pulled/{name}", "rb") as after:
        assert before.read() == after.read(), f"{name} came back changed"

assert sorted(client.get_tags(target)) == ["v1", "v1-card"], client.get_tags(target)
print(digest)
print(attached.headers["Docker-Content-Digest"])
