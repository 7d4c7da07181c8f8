"""Calls whose answer was lost, which botocore sends again by itself (spec/terraform.md 1, "lost answers")."""

import http.client
import os
import socketserver
import threading
import unittest
from urllib.parse import urlsplit

import boto3
from botocore.config import Config
from registry import Registry, sha256


class LossyProxy(socketserver.ThreadingTCPServer):
    """Passes calls on, whole; loses the answer of the first call to each target of `lose`."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), LossyHandler)
        self.lose, self.attempts = set(), []
        self.upstream = urlsplit(os.environ["AWS_ENDPOINT_URL_ECR"]).netloc
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_address[1]}"


class LossyHandler(socketserver.StreamRequestHandler):
    def handle(self):
        while self.rfile.readline().strip():
            headers = http.client.parse_headers(self.rfile)
            body = self.rfile.read(int(headers["Content-Length"]))
            connection = http.client.HTTPConnection(self.server.upstream)
            # The host is signed, so it stays the proxy's.
            connection.putrequest("POST", "/", skip_host=True, skip_accept_encoding=True)
            for name, value in headers.items():
                connection.putheader(name, value)
            connection.endheaders(body)
            answer = connection.getresponse()
            content = answer.read()
            connection.close()
            operation = headers["X-Amz-Target"].split(".")[1]
            self.server.attempts.append((operation, headers["amz-sdk-request"].split(";")[0]))
            if operation in self.server.lose:
                self.server.lose.remove(operation)
                return
            head = f"HTTP/1.1 {answer.status} {answer.reason}\r\n"
            head += "".join(f"{name}: {value}\r\n" for name, value in answer.getheaders())
            self.wfile.write(head.encode() + b"\r\n" + content)


class LostAnswers(Registry):
    def setUp(self):
        super().setUp()
        self.proxy = LossyProxy()
        self.addCleanup(self.proxy.server_close)
        self.addCleanup(self.proxy.shutdown)
        # As it comes, with its repeats.
        self.far = boto3.client(
            "ecr", region_name=self.region, endpoint_url=self.proxy.url, config=Config(retries={"mode": "standard"})
        )
        self.addCleanup(self.far.close)

    def lost(self, operation, call, **parameters):
        """The call with its first answer lost: what boto3 gets in the end."""
        self.proxy.attempts.clear()
        self.proxy.lose.add(operation)
        answer = call(**parameters)
        self.assertEqual(self.proxy.attempts, [(operation, "attempt=1"), (operation, "attempt=2")])
        self.assertEqual(answer["ResponseMetadata"]["RetryAttempts"], 1)
        return {name: value for name, value in answer.items() if name != "ResponseMetadata"}

    def test_creates_are_answered_as_the_first_time(self):
        made = self.lost("CreateRepository", self.far.create_repository, repositoryName="web")["repository"]
        self.assertEqual(self.ecr.describe_repositories()["repositories"], [made])
        template = self.lost(
            "CreateRepositoryCreationTemplate",
            self.far.create_repository_creation_template,
            prefix="web",
            appliedFor=["REPLICATION"],
        )
        self.assertEqual(template["repositoryCreationTemplate"]["prefix"], "web")
        rule = self.lost(
            "CreatePullThroughCacheRule",
            self.far.create_pull_through_cache_rule,
            ecrRepositoryPrefix="quay",
            upstreamRegistryUrl="quay.io",
        )
        self.assertEqual(rule["ecrRepositoryPrefix"], "quay")
        # The next call is another one, and is told what there is.
        self.refused("RepositoryAlreadyExistsException", None, self.far.create_repository, repositoryName="web")

    def test_a_push_by_the_api(self):
        self.repository()
        content = b"{}"
        where = {"repositoryName": "web"}
        upload = self.far.initiate_layer_upload(**where)["uploadId"]
        part = {"uploadId": upload, "partFirstByte": 0, "partLastByte": 1, "layerPartBlob": content}
        answer = self.lost("UploadLayerPart", self.far.upload_layer_part, **where, **part)
        self.assertEqual(answer["lastByteReceived"], 1)
        done = {"uploadId": upload, "layerDigests": [sha256(content)]}
        answer = self.lost("CompleteLayerUpload", self.far.complete_layer_upload, **where, **done)
        self.assertEqual(answer["layerDigest"], sha256(content))
        manifest = self.manifest("web", "layer")
        answer = self.lost("PutImage", self.far.put_image, **where, imageManifest=manifest, imageTag="v1")
        self.assertEqual(answer["image"]["imageId"], {"imageDigest": sha256(manifest.encode()), "imageTag": "v1"})
        deleted = self.lost("DeleteRepository", self.far.delete_repository, **where, force=True)
        self.assertEqual(deleted["repository"]["repositoryName"], "web")
        self.refused("RepositoryNotFoundException", None, self.far.delete_repository, **where)


if __name__ == "__main__":
    unittest.main()
