"""Layers: asked for, uploaded part by part, fetched by URL; referrers (spec/ecr.md 2.1, 2.5, 2.27, 2.34, 2.35, 2.57)."""

import json
import os
import subprocess
import unittest
import urllib.error
import urllib.request

from registry import ACCOUNT, MANIFEST, Registry, descriptor, image_manifest, sha256

MIB = 1 << 20
NOWHERE = sha256(b"never pushed")


class Layers(Registry):
    def setUp(self):
        super().setUp()
        self.repository()

    def send(self, content, part_size=None, repository="web"):
        """Uploads bytes in parts, as AWS's own tools do; the upload's id."""
        opened = self.ecr.initiate_layer_upload(repositoryName=repository)
        for first in range(0, len(content), part_size or opened["partSize"]):
            part = content[first:first + (part_size or opened["partSize"])]
            last = first + len(part) - 1
            sent = self.ecr.upload_layer_part(
                repositoryName=repository, uploadId=opened["uploadId"], partFirstByte=first, partLastByte=last,
                layerPartBlob=part,
            )
            self.assertEqual((sent["lastByteReceived"], sent["registryId"]), (last, ACCOUNT))
        return opened["uploadId"]

    def complete(self, upload, *digests, repository="web"):
        return self.ecr.complete_layer_upload(
            repositoryName=repository, uploadId=upload, layerDigests=list(digests),
        )["layerDigest"]

    def push(self, content, repository="web"):
        digest = sha256(content)
        self.assertEqual(self.complete(self.send(content, repository=repository), digest, repository=repository), digest)
        return digest

    def pushed_image(self, tag=None):
        """An image that came over this door alone."""
        config, layer = json.dumps({"architecture": "amd64", "os": "linux"}).encode(), os.urandom(11 * MIB)
        self.push(config)
        self.push(layer)
        options = {"imageTag": tag} if tag else {}
        self.ecr.put_image(repositoryName="web", imageManifest=image_manifest(config, layer), **options)
        return config, layer

    def url(self, digest):
        return self.ecr.get_download_url_for_layer(repositoryName="web", layerDigest=digest)["downloadUrl"]

    def test_a_whole_push_and_pull(self):
        opened = self.ecr.initiate_layer_upload(repositoryName="web")
        self.assertEqual(opened["partSize"], 10 * MIB)
        config, layer = self.pushed_image("1")
        [image] = self.ecr.batch_get_image(repositoryName="web", imageIds=[{"imageTag": "1"}])["images"]
        manifest = json.loads(image["imageManifest"])
        for entry, content in [(manifest["config"], config), (manifest["layers"][0], layer)]:
            with urllib.request.urlopen(self.url(entry["digest"])) as answer:
                self.assertEqual(answer.read(), content)

    def test_curl_follows_the_url(self):
        _, layer = self.pushed_image()
        fetched = subprocess.run(["curl", "-fsSL", self.url(sha256(layer))], capture_output=True, check=True)
        self.assertEqual(fetched.stdout, layer)
        part = subprocess.run(["curl", "-fsS", "-r", "100-199", self.url(sha256(layer))], capture_output=True, check=True)
        self.assertEqual(part.stdout, layer[100:200])

    def test_a_url_that_was_changed(self):
        config, layer = self.pushed_image()
        url = self.url(sha256(layer))
        for changed in (url[:-4] + "AAAA", url.split("?")[0], url.replace(sha256(layer), sha256(config))):
            with self.assertRaises(urllib.error.HTTPError) as raised:
                urllib.request.urlopen(changed)
            self.assertEqual(raised.exception.code, 403)
            self.assertEqual(json.load(raised.exception)["errors"][0]["code"], "DENIED")
            raised.exception.close()

    def test_urls_are_refused(self):
        loose = self.push(b"loose")
        unknown = f"Layer with digest '{NOWHERE}' does not exist in the repository with name 'web' in the registry with id '{ACCOUNT}'"
        for code, text, digest in [
            ("LayersNotFoundException", unknown, NOWHERE),
            ("LayerInaccessibleException", None, loose),
            ("InvalidParameterException", None, "latest"),
        ]:
            self.refused(code, text, self.ecr.get_download_url_for_layer, repositoryName="web", layerDigest=digest)
        self.refused(
            "RepositoryNotFoundException", None, self.ecr.get_download_url_for_layer,
            repositoryName="missing", layerDigest=loose,
        )

    def test_availability(self):
        config, layer = self.pushed_image()
        asked = [sha256(config), NOWHERE, sha256(layer), "", "latest"]
        answer = self.ecr.batch_check_layer_availability(repositoryName="web", layerDigests=asked)
        self.assertEqual(answer["layers"], [
            {
                "layerDigest": sha256(config), "layerAvailability": "AVAILABLE", "layerSize": len(config),
                "mediaType": "application/vnd.oci.image.config.v1+json",
            },
            {"layerDigest": NOWHERE, "layerAvailability": "UNAVAILABLE"},
            {
                "layerDigest": sha256(layer), "layerAvailability": "AVAILABLE", "layerSize": len(layer),
                "mediaType": "application/vnd.oci.image.layer.v1.tar",
            },
        ])
        self.assertEqual(
            [(failure["layerDigest"], failure["failureCode"]) for failure in answer["failures"]],
            [("", "MissingLayerDigest"), ("latest", "InvalidLayerDigest")],
        )

    def test_parts_out_of_order(self):
        upload = self.send(b"12345")
        for first, last, part, text in [
            (0, 4, b"12345", "First byte of the layer part is 0 instead of 5"),
            (6, 6, b"7", "First byte of the layer part is 6 instead of 5"),
            (5, 9, b"6", None),
        ]:
            with self.assertRaises(self.ecr.exceptions.InvalidLayerPartException) as raised:
                self.ecr.upload_layer_part(
                    repositoryName="web", uploadId=upload, partFirstByte=first, partLastByte=last, layerPartBlob=part,
                )
            response = raised.exception.response
            expected = {"registryId": ACCOUNT, "repositoryName": "web", "uploadId": upload, "lastValidByteReceived": 4}
            self.assertEqual({name: response[name] for name in expected}, expected)
            if text:
                self.assertEqual(response["Error"]["Message"], text)
        self.complete(upload, sha256(b"12345"))

    def test_completing_is_refused(self):
        content = b"x" * (5 * MIB)
        nobodys = "01234567-89ab-4def-8123-456789abcdef"
        empty = self.ecr.initiate_layer_upload(repositoryName="web")["uploadId"]
        there = self.push(b"there")
        for code, text, upload, digests in [
            ("UploadNotFoundException", None, nobodys, [NOWHERE]),
            ("EmptyUploadException", None, empty, [NOWHERE]),
            (
                "LayerPartTooSmallException", "All layer parts except the last part should be at least 5MB",
                self.send(content, 5 * MIB - 1), [sha256(content)],
            ),
            (
                "InvalidLayerException", "None of the provided layer digests match the calculated layer digest",
                self.send(b"y"), [NOWHERE, there],
            ),
            (
                "LayerAlreadyExistsException",
                f"Layer with digest '{there}' already exists in the repository with name 'web' in registry with id '{ACCOUNT}'",
                self.send(b"there"), [NOWHERE, there],
            ),
            ("InvalidParameterException", None, empty, ["latest"]),
        ]:
            with self.subTest(code):
                self.refused(
                    code, text, self.ecr.complete_layer_upload, repositoryName="web", uploadId=upload, layerDigests=digests,
                )

    def test_referrers(self):
        subject = self.image("web", "subject", "1")
        self.upload("web", b"{}")
        attached = []
        for number in range(25):
            manifest = json.dumps({
                "schemaVersion": 2,
                "mediaType": MANIFEST,
                "artifactType": f"application/vnd.example.{number % 2}",
                "config": descriptor("application/vnd.oci.empty.v1+json", b"{}"),
                "layers": [],
                "subject": {"mediaType": MANIFEST, "digest": subject, "size": 1},
                "annotations": {"number": str(number)},
            })
            self.ecr.put_image(repositoryName="web", imageManifest=manifest)
            attached.insert(0, {
                "digest": sha256(manifest.encode()), "mediaType": MANIFEST, "size": len(manifest),
                "artifactType": f"application/vnd.example.{number % 2}", "annotations": {"number": str(number)},
                "artifactStatus": "ACTIVE",
            })

        def listed(**options):
            pages, options = [], {"repositoryName": "web", "subjectId": {"imageDigest": subject}, **options}
            while True:
                page = self.ecr.list_image_referrers(**options)
                pages.append(page["referrers"])
                if "nextToken" not in page:
                    return pages
                options["nextToken"] = page["nextToken"]

        self.assertEqual(listed(), [attached[:20], attached[20:]])
        self.assertEqual(listed(maxResults=10), [attached[:10], attached[10:20], attached[20:]])
        self.assertEqual(listed(filter={"artifactTypes": ["application/vnd.example.1"]}), [attached[1::2]])
        self.assertEqual(listed(subjectId={"imageDigest": NOWHERE}), [[]])
        [detail] = self.ecr.describe_images(
            repositoryName="web", imageIds=[{"imageDigest": attached[0]["digest"]}])["imageDetails"]
        self.assertEqual(detail["subjectManifestDigest"], subject)


if __name__ == "__main__":
    unittest.main()
