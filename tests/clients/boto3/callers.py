"""Who may call, and what answers a call that is not for us (spec/ecr.md 1.2, 1.4, 1.5, 2.26, 12)."""

import base64
import datetime
import unittest
import urllib.error
import urllib.request
from unittest import mock

import boto3
from botocore import UNSIGNED
from botocore.compat import get_current_datetime
from botocore.config import Config
from botocore.exceptions import ClientError
from registry import ACCOUNT, Registry

WORKING = {
    "BatchCheckLayerAvailability", "BatchDeleteImage", "BatchGetImage", "BatchGetRepositoryScanningConfiguration",
    "CompleteLayerUpload", "CreatePullThroughCacheRule", "CreateRepository", "CreateRepositoryCreationTemplate",
    "DeleteLifecyclePolicy", "DeletePullThroughCacheRule", "DeleteRegistryPolicy", "DeleteRepository",
    "DeleteRepositoryCreationTemplate", "DeleteRepositoryPolicy", "DescribeImages", "DescribePullThroughCacheRules",
    "DescribeRegistry", "DescribeRepositories", "DescribeRepositoryCreationTemplates", "GetAccountSetting",
    "GetAuthorizationToken", "GetDownloadUrlForLayer", "GetLifecyclePolicy", "GetRegistryPolicy",
    "GetRegistryScanningConfiguration", "GetRepositoryPolicy", "InitiateLayerUpload", "ListImageReferrers",
    "ListImages", "ListTagsForResource", "PutAccountSetting", "PutImage", "PutImageScanningConfiguration",
    "PutImageTagMutability", "PutLifecyclePolicy", "PutRegistryPolicy", "PutRegistryScanningConfiguration",
    "PutReplicationConfiguration", "SetRepositoryPolicy", "TagResource", "UntagResource", "UpdatePullThroughCacheRule",
    "UpdateRepositoryCreationTemplate", "UploadLayerPart",
}
MISMATCH = (
    "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key "
    "and signing method. Consult the service documentation for details."
)
INVALID = "The security token included in the request is invalid."


class Callers(Registry):
    def keys(self):
        return boto3.Session().get_credentials()

    def caller(self, service="ecr", **keys):
        """A client with other keys than the environment's."""
        ours = self.keys()
        keys = {"aws_access_key_id": ours.access_key, "aws_secret_access_key": ours.secret_key} | keys
        config = Config(retries={"total_max_attempts": 1})
        return boto3.client(service, region_name=self.region, config=config, **keys)

    def test_identity(self):
        answer = self.client("sts").get_caller_identity()
        del answer["ResponseMetadata"]
        root = f"arn:aws:iam::{ACCOUNT}:root"
        self.assertEqual(answer, {"UserId": ACCOUNT, "Account": ACCOUNT, "Arn": root})

    def test_a_presigned_identity(self):
        url = self.client("sts").generate_presigned_url("get_caller_identity", HttpMethod="GET")
        with urllib.request.urlopen(url) as answer:
            self.assertIn(f"<Account>{ACCOUNT}</Account>", answer.read().decode())
        with self.assertRaises(urllib.error.HTTPError) as raised:
            urllib.request.urlopen(url[:-1] + ("0" if url[-1] != "0" else "1"))
        self.assertEqual(raised.exception.code, 403)
        self.assertIn("SignatureDoesNotMatch", raised.exception.read().decode())
        raised.exception.close()

    def test_strangers(self):
        secret = {"aws_secret_access_key": "wrong"}
        key = {"aws_access_key_id": "AKIAIOSFODNN7EXAMPLE"}
        session = {"aws_session_token": "nobody issued this"}
        for keys, code, text in [
            (secret, "InvalidSignatureException", MISMATCH),
            (key, "UnrecognizedClientException", INVALID),
            (session, "UnrecognizedClientException", INVALID),
        ]:
            self.refused(code, text, self.caller(**keys).describe_repositories)
        for keys, code in [
            (secret, "SignatureDoesNotMatch"),
            (key, "InvalidClientTokenId"),
            (session, "InvalidClientTokenId"),
        ]:
            with self.assertRaises(ClientError) as raised:
                self.caller("sts", **keys).get_caller_identity()
            self.assertEqual(raised.exception.response["Error"]["Code"], code)
            self.assertEqual(raised.exception.response["ResponseMetadata"]["HTTPStatusCode"], 403)

    def test_nobody(self):
        unsigned = self.client("ecr", config=Config(signature_version=UNSIGNED))
        text = "Missing Authentication Token"
        self.refused("MissingAuthenticationTokenException", text, unsigned.describe_repositories)

    def test_clocks(self):
        for minutes, allowed in [(-14, True), (14, True), (-16, False), (16, False)]:
            moment = get_current_datetime() + datetime.timedelta(minutes=minutes)
            with mock.patch("botocore.auth.get_current_datetime", return_value=moment):
                if allowed:
                    self.ecr.describe_repositories()
                else:
                    self.refused("InvalidSignatureException", None, self.ecr.describe_repositories)

    def test_tokens(self):
        for parameters in ({}, {"registryIds": [ACCOUNT]}):
            [data] = self.ecr.get_authorization_token(**parameters)["authorizationData"]
            user, password = base64.b64decode(data["authorizationToken"]).decode().split(":")
            self.assertEqual(user, "AWS")
            self.assertTrue(password.startswith("ey"), "what the docker provider looks for")
            self.assertRegex(data["proxyEndpoint"], "^http://[^/]+$")
            hours = (data["expiresAt"] - datetime.datetime.now(datetime.timezone.utc)).total_seconds() / 3600
            self.assertAlmostEqual(hours, 12, delta=0.1)
        many = [f"{number:012}" for number in range(11)]
        self.refused("InvalidParameterException", None, self.raw.get_authorization_token, registryIds=many)

    def test_what_does_not_work_yet(self):
        operations = set(self.ecr.meta.service_model.operation_names)
        self.assertEqual(len(operations), 62)
        self.assertEqual(WORKING - operations, set())
        methods = {operation: method for method, operation in self.raw.meta.method_to_api_mapping.items()}
        for operation in sorted(operations - WORKING):
            with self.subTest(operation):
                text = self.refused("UnknownOperationException", None, getattr(self.raw, methods[operation]))
                self.assertIn(operation, text)
                self.assertIn("README", text)

    def test_an_answer_has_a_request_id(self):
        metadata = self.ecr.describe_repositories()["ResponseMetadata"]
        self.assertRegex(metadata["RequestId"], "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")
        self.assertEqual(metadata["HTTPHeaders"]["content-type"], "application/x-amz-json-1.1")


if __name__ == "__main__":
    unittest.main()
