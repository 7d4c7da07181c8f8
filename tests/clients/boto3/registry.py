"""What the boto3 tests share: a registry of its own (a Region) for each test, and made images."""

import hashlib
import http.client
import itertools
import json
import unittest
from urllib.parse import urlsplit

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

ACCOUNT = "000000000000"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"

_regions = (f"eu-test-{number}" for number in itertools.count(1))


class Registry(unittest.TestCase):
    """A test against an empty registry. `ecr` is boto3 as it comes; `raw` sends what boto3 itself would refuse."""

    maxDiff = None

    def setUp(self):
        self.region = next(_regions)
        self.ecr = self.client("ecr")
        self.raw = self.client("ecr", parameter_validation=False)

    def client(self, service, region=None, config=None, **options):
        # One attempt: a 5xx must show, not be repeated until it goes away.
        ours = Config(retries={"total_max_attempts": 1}, **options)
        return boto3.client(service, region_name=region or self.region, config=ours.merge(config) if config else ours)

    def refused(self, code, message, call, **parameters):
        """The call fails with status 400, this code and this text (None: any text). Returns the text."""
        with self.assertRaises(ClientError) as raised:
            call(**parameters)
        error = raised.exception.response["Error"]
        self.assertEqual(error["Code"], code, error["Message"])
        self.assertEqual(raised.exception.response["ResponseMetadata"]["HTTPStatusCode"], 400)
        if message is not None:
            self.assertEqual(error["Message"], message)
        return error["Message"]

    def invalid(self, field, constraint, call, **parameters):
        """The call fails with InvalidParameterException in ECR's fixed frame."""
        frame = f"Invalid parameter at '{field}' failed to satisfy constraint: '{constraint}'"
        self.refused("InvalidParameterException", frame, call, **parameters)

    def repository(self, name="web", **options):
        return self.ecr.create_repository(repositoryName=name, **options)["repository"]

    def door(self):
        """A data-plane connection and its headers."""
        data = self.ecr.get_authorization_token()["authorizationData"][0]
        headers = {"Authorization": "Basic " + data["authorizationToken"]}
        return http.client.HTTPConnection(urlsplit(data["proxyEndpoint"]).netloc), headers

    def upload(self, repository, content):
        """Uploads a blob; returns its digest."""
        connection, headers = self.door()
        connection.request("POST", f"/v2/{repository}/blobs/uploads/", headers=headers)
        opened = connection.getresponse()
        opened.read()
        self.assertEqual(opened.status, 202)
        digest = sha256(content)
        connection.request("PUT", f"{opened.headers['Location']}?digest={digest}", body=content, headers=headers)
        finished = connection.getresponse()
        finished.read()
        self.assertEqual(finished.status, 201)
        connection.close()
        return digest

    def manifest(self, repository, text):
        """The manifest of a made image whose two blobs are in the repository."""
        config, layer = b"{}", text.encode()
        for content in (config, layer):
            self.upload(repository, content)
        return image_manifest(config, layer)

    def image(self, repository, text, *tags):
        """Puts a made image under these tags, or under none; returns its digest."""
        manifest = self.manifest(repository, text)
        for options in [{"imageTag": tag} for tag in tags] or [{}]:
            self.ecr.put_image(repositoryName=repository, imageManifest=manifest, **options)
        return sha256(manifest.encode())


def image_manifest(config, *layers):
    return json.dumps({
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": descriptor("application/vnd.oci.image.config.v1+json", config),
        "layers": [descriptor("application/vnd.oci.image.layer.v1.tar", layer) for layer in layers],
    })


def index_manifest(*digests):
    entries = [{"mediaType": MANIFEST, "digest": digest, "size": 1} for digest in digests]
    return json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": entries})


def descriptor(media_type, content):
    return {"mediaType": media_type, "digest": sha256(content), "size": len(content)}


def sha256(content):
    return "sha256:" + hashlib.sha256(content).hexdigest()


def lifecycle_policy(*rules):
    return json.dumps({"rules": list(rules)})


def rule(priority=1, tag_status="any", number=10, **selection):
    selection = {"tagStatus": tag_status, "countType": "imageCountMoreThan", "countNumber": number} | selection
    return {"rulePriority": priority, "description": "a rule", "selection": selection, "action": {"type": "expire"}}
