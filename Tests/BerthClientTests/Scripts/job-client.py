"""job-client.py CLIENT REGISTRY REPOSITORY FOLDER login|push PASSWORD: a CI job that logs in as oidc, and in a later step,
when the token may have expired, pushes."""

import os
import sys

client, registry, repository, folder, step, password = sys.argv[1:]
folder = f"{folder}/{client}"
os.makedirs(folder, exist_ok=True)
os.environ["HOME"] = folder
os.chdir(folder)


def oras():
    import oras.client

    # It keeps its login in memory alone: each step logs in, the later one with a token that has expired meanwhile.
    made = oras.client.OrasClient(hostname=registry, insecure=True, auth_backend="basic")
    made.login(username="oidc", password=password, tls_verify=False, hostname=registry)
    if step == "login":
        # Its login asks the registry nothing; the command's of the same name does.
        answer = made.do_request(f"http://{registry}/v2/", "GET")
        assert answer.status_code == 200, answer.status_code
        return
    with open("note.txt", "w", encoding="utf-8") as file:
        file.write("a note\n")
    pushed = made.push(target=f"{registry}/{repository}:1", files=["note.txt:text/plain"])
    assert pushed.status_code == 201, pushed.status_code


def helm():
    import helm_python

    made = helm_python.RegistryClient(plain_http=True, credentials_file=f"{folder}/credentials.json")
    if step == "login":
        made.login(registry, "oidc", password, plain_http=True)
        return
    helm_python.Chart.create("demo", folder)
    package = helm_python.package(f"{folder}/demo", destination=folder, version="1.2.3")
    made.push(package, f"oci://{registry}/{repository}", plain_http=True)


{"oras": oras, "helm": helm}[client]()
print(client, step, "done")
