"""login-client.py CLIENT REGISTRY REPOSITORY FOLDER USER PASSWORD [AUTHORITY]: logs in, pushes and pulls; without a login it
must fail, and so it must with TLS and without the authority's file."""

import os
import sys

client, registry, repository, folder, user, password = sys.argv[1:7]
authority = sys.argv[7] if len(sys.argv) > 7 else None
plain = authority is None
# What one keeps of its login is not for the other.
folder = f"{folder}/{client}"
os.makedirs(folder)
os.environ["HOME"] = folder
os.chdir(folder)


def oras():
    import oras.client

    target = f"{registry}/{repository}:1"
    with open("note.txt", "w", encoding="utf-8") as file:
        file.write("a note\n")

    def push(name, verify=False if plain else authority):
        # Its token backend keeps the first token, for pulling, and never asks for a wider one.
        made = oras.client.OrasClient(
            hostname=registry, insecure=plain, tls_verify=verify, auth_backend="basic" if name else "token")
        if name:
            made.login(username=name, password=password, tls_verify=verify, hostname=registry)
        return made, made.push(target=target, files=["note.txt:text/plain"])

    try:
        push(None)
    except Exception as error:  # whatever it calls its refusal
        assert "unauthorized" in str(error).lower() or "401" in str(error), error
    else:
        raise AssertionError("pushed without a login")
    if not plain:
        try:
            push(user, "/etc/ssl/certs/ca-certificates.crt")
        except Exception as error:
            assert "certificate" in str(error).lower(), error
        else:
            raise AssertionError("took a certificate of an authority that nobody knows")
    made, pushed = push(user)
    assert pushed.status_code == 201, pushed.status_code
    made.pull(target=target, outdir="pulled")
    with open("pulled/note.txt", encoding="utf-8") as file:
        assert file.read() == "a note\n"


def helm():
    import helm_python

    helm_python.Chart.create("demo", folder)
    package = helm_python.package(f"{folder}/demo", destination=folder, version="1.2.3")
    made = helm_python.RegistryClient(plain_http=plain, credentials_file=f"{folder}/credentials.json")
    target = f"oci://{registry}/{repository}"
    for attempt in (lambda: made.push(package, target, plain_http=plain),
                    lambda: made.login(registry, user, "wrong wrong", plain_http=plain)):
        try:
            attempt()
        except helm_python.HelmError:
            continue
        raise AssertionError("went on without a login")
    made.login(registry, user, password, plain_http=plain)
    made.push(package, target, plain_http=plain)
    os.makedirs("pulled", exist_ok=True)
    made.pull(f"{target}/demo", version="1.2.3", destination="pulled", plain_http=plain)


{"oras": oras, "helm": helm}[client]()
print(client, "done")
