"""oras-py against acre: what people keep in a registry besides images."""

import base64
import hashlib
import json
import os
import tempfile
import unittest
from urllib.parse import urlsplit

import boto3
import oras.provider
from oras.oci import Subject

MANIFEST = "application/vnd.oci.image.manifest.v1+json"


class Artifacts(unittest.TestCase):
    def setUp(self):
        self.ecr = boto3.client("ecr")
        self.name = "artifacts/" + self._testMethodName.replace("_", "-")
        uri = self.ecr.create_repository(repositoryName=self.name)["repository"]["repositoryUri"]
        self.host, self.repository = uri.split("/", 1)[0], uri
        data = self.ecr.get_authorization_token()["authorizationData"][0]
        self.assertEqual(urlsplit(data["proxyEndpoint"]).netloc, self.host)
        user, self.password = base64.b64decode(data["authorizationToken"]).decode().split(":")
        self.registry = oras.provider.Registry(hostname=self.host, insecure=True, auth_backend="basic")
        self.registry.login(username=user, password=self.password, hostname=self.host)
        # oras pushes only what lies below the current folder.
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.addCleanup(os.chdir, os.getcwd())
        os.chdir(folder.name)

    def push(self, tag, content, **options):
        """Pushes a file; returns the digest of its artifact."""
        with open("file.txt", "w") as file:
            file.write(content)
        target = f"{self.repository}:{tag}"
        answer = self.registry.push(target, files=["file.txt:text/plain"], quiet=True, **options)
        self.assertEqual(answer.status_code, 201)
        return answer.headers["Docker-Content-Digest"]

    def pull(self, reference):
        """The bytes of the one file of an artifact."""
        separator = "@" if reference.startswith("sha256:") else ":"
        [file] = self.registry.pull(f"{self.repository}{separator}{reference}", outdir="pulled")
        with open(file, "rb") as pulled:
            return pulled.read()

    def request(self, method, path):
        return self.registry.do_request(f"http://{self.host}/v2/{self.name}/{path}", method)

    def referrers(self, digest, query=""):
        """The list of referrers, and the header that says what was filtered."""
        answer = self.request("GET", f"referrers/{digest}{query}")
        self.assertEqual((answer.status_code, answer.json()["schemaVersion"]), (200, 2))
        return answer.json()["manifests"], answer.headers.get("OCI-Filters-Applied")

    def test_a_file_comes_back(self):
        digest = self.push("1", "what was pushed", manifest_annotations={"team": "web"})
        self.assertEqual(self.pull("1"), b"what was pushed")
        self.assertEqual(self.pull(digest), b"what was pushed")
        manifest = self.registry.get_manifest(f"{self.repository}:1")
        self.assertEqual(manifest["annotations"], {"team": "web"})
        self.assertEqual(manifest["layers"][0]["mediaType"], "text/plain")
        [image] = self.ecr.describe_images(repositoryName=self.name)["imageDetails"]
        self.assertEqual((image["imageDigest"], image["imageTags"]), (digest, ["1"]))
        self.assertEqual(image["imageManifestMediaType"], MANIFEST)

    def test_a_folder_comes_back(self):
        os.makedirs("site/deep")
        for name in "site/index", "site/deep/page":
            with open(name, "w") as file:
                file.write(name)
        self.registry.push(f"{self.repository}:1", files=["site"], quiet=True)
        self.registry.pull(f"{self.repository}:1", outdir="pulled")
        with open("pulled/site/deep/page") as file:
            self.assertEqual(file.read(), "site/deep/page")

    def test_a_file_goes_in_by_chunks(self):
        content = "one chunk after another " * 50_000
        digest = self.push("1", content, do_chunked=True, chunk_size=100_000)
        self.assertEqual(self.pull(digest), content.encode())
        layer = self.registry.get_manifest(f"{self.repository}:1")["layers"][0]
        self.assertEqual(layer["digest"], "sha256:" + hashlib.sha256(content.encode()).hexdigest())

    def test_artifacts_refer_to_an_artifact(self):
        digest = self.push("subject", "what it is about")
        head = self.request("HEAD", f"manifests/{digest}")
        subject = Subject(mediaType=MANIFEST, digest=digest, size=int(head.headers["Content-Length"]))
        answers = {}
        for kind in "a/bill", "a/report":
            config = f"config-{kind.replace('/', '-')}.json"
            with open(config, "w") as file:
                file.write("{}")
            answers[kind] = self.push(
                kind.replace("/", "-"), kind, subject=subject, manifest_config=f"{config}:application/vnd.{kind[2:]}"
            )
        found, filtered = self.referrers(digest)
        self.assertEqual({one["digest"] for one in found}, set(answers.values()))
        self.assertIsNone(filtered)
        found, filtered = self.referrers(digest, "?artifactType=application/vnd.bill")
        self.assertEqual([one["digest"] for one in found], [answers["a/bill"]])
        self.assertEqual((found[0]["artifactType"], filtered), ("application/vnd.bill", "artifactType"))
        self.assertEqual(self.pull(found[0]["digest"]), b"a/bill")
        self.assertTrue(self.registry.delete_tag(self.repository, "a-bill"))
        self.assertEqual([one["digest"] for one in self.referrers(digest)[0]], [answers["a/report"]])
        # What it is about may go first.
        self.assertTrue(self.registry.delete_tag(self.repository, "subject"))
        self.assertEqual([one["digest"] for one in self.referrers(digest)[0]], [answers["a/report"]])

    def test_tags_are_listed_page_by_page(self):
        self.push("v0", "one artifact, many tags")
        manifest = json.dumps(self.registry.get_manifest(f"{self.repository}:v0"))
        for number in range(1, 230):
            self.ecr.put_image(
                repositoryName=self.name, imageManifest=manifest, imageTag=f"v{number}", imageManifestMediaType=MANIFEST
            )
        expected = sorted(f"v{number}" for number in range(230))
        self.assertEqual(self.registry.get_tags(self.repository), expected)
        self.assertEqual(self.registry.get_tags(self.repository, N=3), expected[:3])
        self.assertEqual(self.registry.get_tags(self.repository, N=150), expected[:150])

    def test_deleted_tags_are_gone(self):
        for tag in "1", "2", "3":
            self.push(tag, f"artifact {tag}")
        self.assertEqual(self.registry.delete_tags(self.repository, ["1", "3", "none"]), ["1", "3"])
        self.assertEqual(self.registry.get_tags(self.repository), ["2"])
        with self.assertRaisesRegex(Exception, "(?i)not found"):
            self.pull("1")
        self.assertEqual(self.pull("2"), b"artifact 2")

    def test_a_stranger_is_refused(self):
        self.push("1", "not for strangers")
        for password in "secret", self.password[:-4] + "AAAA":
            stranger = oras.provider.Registry(hostname=self.host, insecure=True, auth_backend="basic")
            stranger.auth.set_basic_auth("AWS", password)
            answer = stranger.do_request(f"http://{self.host}/v2/{self.name}/manifests/1", "GET")
            self.assertEqual(answer.status_code, 401)


if __name__ == "__main__":
    unittest.main()
