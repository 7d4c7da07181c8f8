"""Images: put, looked at, listed, deleted (spec/ecr.md 2.2, 2.3, 2.20, 2.36, 2.40, 3.12)."""

import json
import unittest

from registry import ACCOUNT, INDEX, MANIFEST, Registry, descriptor, image_manifest, index_manifest, sha256

DOCKER = "application/vnd.docker.distribution.manifest.v2+json"
LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json"
# Docker's schema 1, without and with a signature: nobody makes them now (spec/oci.md 7.2).
SCHEMA_1 = "application/vnd.docker.distribution.manifest.v1+json"
SCHEMA_1_SIGNED = "application/vnd.docker.distribution.manifest.v1+prettyjws"
NO_MANIFEST = "Invalid parameter at 'ImageManifest' failed to satisfy constraint: 'Invalid JSON syntax'"
WHERE = f"repository with name 'web' in the registry with id '{ACCOUNT}'"


class Images(Registry):
    def setUp(self):
        super().setUp()
        self.repository()

    def put(self, manifest, tag=None, **options):
        if tag:
            options["imageTag"] = tag
        return self.ecr.put_image(repositoryName="web", imageManifest=manifest, **options)["image"]

    def details(self, **options):
        return self.ecr.describe_images(repositoryName="web", **options)["imageDetails"]

    def ids(self, **options):
        listed = self.ecr.list_images(repositoryName="web", **options)["imageIds"]
        return sorted(((image["imageDigest"], image.get("imageTag")) for image in listed), key=str)

    def test_put_and_got(self):
        manifest = self.manifest("web", "content")
        digest = sha256(manifest.encode())
        expected = {
            "registryId": ACCOUNT,
            "repositoryName": "web",
            "imageId": {"imageDigest": digest, "imageTag": "1"},
            "imageManifest": manifest,
            "imageManifestMediaType": MANIFEST,
        }
        self.assertEqual(self.put(manifest, "1", imageDigest=digest), expected)
        asked = [{"imageTag": "1"}, {"imageDigest": digest}, {"imageDigest": digest, "imageTag": "1"}]
        got = self.ecr.batch_get_image(repositoryName="web", imageIds=asked)
        self.assertEqual([image["imageId"] for image in got["images"]], [
            {"imageDigest": digest, "imageTag": "1"}, {"imageDigest": digest}, {"imageDigest": digest, "imageTag": "1"},
        ])
        self.assertTrue(all(image["imageManifest"] == manifest for image in got["images"]))
        self.assertEqual(got["failures"], [])
        [detail] = self.details()
        self.assertEqual(detail.pop("imageSizeInBytes"), len("{}") + len("content"))
        self.assertLess(abs(detail.pop("imagePushedAt").timestamp() - self.repository("now")["createdAt"].timestamp()), 60)
        self.assertEqual(
            {member: detail[member] for member in ("registryId", "repositoryName", "imageDigest", "imageTags",
                                                   "imageManifestMediaType", "artifactMediaType", "imageStatus")},
            {"registryId": ACCOUNT, "repositoryName": "web", "imageDigest": digest, "imageTags": ["1"],
             "imageManifestMediaType": MANIFEST, "artifactMediaType": "application/vnd.oci.image.config.v1+json",
             "imageStatus": "ACTIVE"},
        )

    def document(self, media_type, number):
        """A manifest of that type without its `mediaType`; all that it needs is there."""
        if media_type in (INDEX, LIST):
            child_type = MANIFEST if media_type == INDEX else DOCKER
            child = json.dumps(self.document(child_type, f"child {number}") | {"mediaType": child_type})
            self.put(child)
            entry = {"mediaType": child_type, "digest": sha256(child.encode()), "size": len(child)}
            return {"schemaVersion": 2, "manifests": [entry | {"platform": {"os": "linux", "architecture": "amd64"}}]}
        config, layer = b"{}", f"{media_type} {number}".encode()
        for content in (config, layer):
            self.upload("web", content)
        config_type, layer_type = {
            MANIFEST: (OCI_CONFIG, "application/vnd.oci.image.layer.v1.tar+gzip"),
            DOCKER: (DOCKER_CONFIG, "application/vnd.docker.image.rootfs.diff.tar.gzip"),
        }[media_type]
        return {
            "schemaVersion": 2,
            "config": descriptor(config_type, config),
            "layers": [descriptor(layer_type, layer)],
        }

    def test_every_media_type(self):
        sizes = {}
        for media_type, artifact in [(MANIFEST, OCI_CONFIG), (INDEX, None), (DOCKER, DOCKER_CONFIG), (LIST, None)]:
            # The type stands in the manifest, beside it, or in both.
            for number, (inside, beside) in enumerate([(True, False), (False, True), (True, True)]):
                document = self.document(media_type, number) | ({"mediaType": media_type} if inside else {})
                manifest = json.dumps(document)
                given = {"imageManifestMediaType": media_type} if beside else {}
                with self.subTest(media_type, inside=inside, beside=beside):
                    digest, tag = sha256(manifest.encode()), f"t{len(sizes)}"
                    put = self.put(manifest, tag, **given)
                    self.assertEqual(put["imageId"], {"imageDigest": digest, "imageTag": tag})
                    self.assertEqual((put["imageManifest"], put["imageManifestMediaType"]), (manifest, media_type))
                    [got] = self.ecr.batch_get_image(repositoryName="web", imageIds=[{"imageTag": tag}])["images"]
                    self.assertEqual((got["imageManifest"], got["imageManifestMediaType"]), (manifest, media_type))
                    [detail] = self.details(imageIds=[{"imageTag": tag}])
                    self.assertEqual((detail["imageManifestMediaType"], detail.get("artifactMediaType")), (media_type, artifact))
                    # Of an index, what its largest child has.
                    self.assertGreater(detail["imageSizeInBytes"], len("{}"))
                    connection, headers = self.door()
                    connection.request("GET", f"/v2/web/manifests/{tag}", headers=headers | {"Accept": media_type})
                    answer = connection.getresponse()
                    self.assertEqual((answer.status, answer.headers["Content-Type"]), (200, media_type))
                    self.assertEqual(answer.read(), manifest.encode())
                    connection.close()
                    sizes[tag] = detail["imageSizeInBytes"]
        self.assertEqual(len(sizes), 12)

    def test_media_types_that_are_refused(self):
        image, index = self.document(MANIFEST, 0), self.document(INDEX, 0)
        before = self.ids()
        unsigned = {
            "schemaVersion": 1, "name": "web", "tag": "1", "architecture": "amd64",
            "fsLayers": [{"blobSum": image["layers"][0]["digest"]}], "history": [{"v1Compatibility": "{}"}],
        }
        signed = unsigned | {"signatures": [{"header": {"alg": "ES256"}, "signature": "c2ln", "protected": "e30"}]}
        for what, document, given in [
            ("schema 1, by its type", unsigned, SCHEMA_1),
            ("schema 1, by its mediaType", unsigned | {"mediaType": SCHEMA_1}, None),
            ("signed schema 1, by its type", signed, SCHEMA_1_SIGNED),
            ("signed schema 1, by its mediaType", signed | {"mediaType": SCHEMA_1_SIGNED}, None),
            ("schema 1 that says it is schema 2", unsigned, DOCKER),
            ("schema 2 that says it is schema 1", image | {"mediaType": SCHEMA_1}, SCHEMA_1),
            ("an unknown type beside", image, "application/vnd.example.manifest.v1+json"),
            ("an unknown type inside", image | {"mediaType": "application/vnd.example.manifest.v1+json"}, None),
            ("the withdrawn artifact manifest", image, "application/vnd.oci.artifact.manifest.v1+json"),
            ("no manifest's type", image, "text/html"),
            ("OCI inside, Docker beside", image | {"mediaType": MANIFEST}, DOCKER),
            ("Docker inside, OCI beside", image | {"mediaType": DOCKER}, MANIFEST),
            ("an image that is called an index inside", image | {"mediaType": INDEX}, MANIFEST),
            ("an image that is called an index", image, INDEX),
            ("an index that is called an image", index, MANIFEST),
            ("an index that is called an image on both sides", index | {"mediaType": DOCKER}, DOCKER),
        ]:
            with self.subTest(what):
                options = {"imageManifestMediaType": given} if given else {}
                self.refused(
                    "InvalidParameterException", NO_MANIFEST, self.raw.put_image,
                    repositoryName="web", imageManifest=json.dumps(document), imageTag="1", **options,
                )
        # Schema 1 as it was made: without a type inside; and others so, that nothing beside them names either.
        for document in [unsigned, signed, image, index, {"schemaVersion": 2}]:
            with self.subTest(document):
                self.invalid(
                    "imageManifestMediaType", "Member must not be null when the manifest names no mediaType", self.raw.put_image,
                    repositoryName="web", imageManifest=json.dumps(document), imageTag="1",
                )
        self.assertEqual(self.ids(), before)

    def test_both_doors_lead_to_one_image(self):
        manifest = self.manifest("web", "content")
        self.put(manifest, "json")
        connection, headers = self.door()
        connection.request("GET", "/v2/web/manifests/json", headers=headers)
        answer = connection.getresponse()
        self.assertEqual((answer.status, answer.headers["Content-Type"]), (200, MANIFEST))
        self.assertEqual(answer.read(), manifest.encode())
        connection.request("PUT", "/v2/web/manifests/oci", manifest, headers | {"Content-Type": MANIFEST})
        answer = connection.getresponse()
        answer.read()
        self.assertEqual(answer.status, 201)
        [detail] = self.details()
        self.assertEqual(sorted(detail["imageTags"]), ["json", "oci"])

    def test_a_tag_moves_and_leaves_the_old_image_untagged(self):
        old, new = self.image("web", "old", "latest"), self.image("web", "new", "latest")
        self.assertEqual(self.ids(), sorted([(old, None), (new, "latest")], key=str))
        self.assertEqual(self.ids(filter={"tagStatus": "UNTAGGED"}), [(old, None)])
        self.assertEqual(self.ids(filter={"tagStatus": "TAGGED"}), [(new, "latest")])
        [detail] = self.details(filter={"tagStatus": "UNTAGGED"})
        self.assertNotIn("imageTags", detail)

    def test_a_second_tag_by_the_stored_manifest(self):
        digest = self.image("web", "content", "1")
        [stored] = self.ecr.batch_get_image(repositoryName="web", imageIds=[{"imageTag": "1"}])["images"]
        self.put(stored["imageManifest"], "2")
        self.assertEqual(self.ids(), [(digest, "1"), (digest, "2")])

    def test_putting_is_refused(self):
        manifest = self.manifest("web", "content")
        digest = sha256(manifest.encode())
        self.put(manifest, "1")
        absent = sha256(b"absent")
        for code, text, parameters in [
            (
                "ImageAlreadyExistsException",
                f"Image with digest '{digest}' and tag '1' already exists in the repository with name 'web' in registry "
                f"with id '{ACCOUNT}'",
                {"imageManifest": manifest, "imageTag": "1"},
            ),
            ("ImageAlreadyExistsException", None, {"imageManifest": manifest}),
            (
                "LayersNotFoundException",
                f"Layers with digests '[{absent}]' required for pushing image into {WHERE} do not exist",
                {"imageManifest": image_manifest(b"{}", b"absent"), "imageTag": "2"},
            ),
            (
                "ReferencedImagesNotFoundException",
                f"Images with digests '[{absent}]' required for pushing image into {WHERE} do not exist",
                {"imageManifest": index_manifest(absent), "imageTag": "2"},
            ),
            ("ImageDigestDoesNotMatchException", None, {"imageManifest": manifest, "imageDigest": absent}),
            ("InvalidParameterException", None, {"imageManifest": manifest, "imageManifestMediaType": INDEX}),
            ("InvalidParameterException", None, {"imageManifest": manifest, "imageTag": "not a tag"}),
            (
                "InvalidParameterException",
                "Invalid parameter at 'ImageManifest' failed to satisfy constraint: 'Invalid JSON syntax'",
                {"imageManifest": "{", "imageManifestMediaType": MANIFEST},
            ),
            ("InvalidParameterException", None, {"imageManifest": "{}"}),
            ("InvalidParameterException", None, {"imageManifest": ""}),
        ]:
            with self.subTest(code, text=text):
                self.refused(code, text, self.raw.put_image, repositoryName="web", **parameters)
        self.assertEqual(self.ids(), [(digest, "1")])

    def test_mutability(self):
        def moves(tag):
            """Whether a tag that is there may move to another image."""
            manifest = self.manifest("web", f"{tag} {self.count}")
            self.count += 1
            try:
                self.put(manifest, tag)
            except self.ecr.exceptions.ImageTagAlreadyExistsException as error:
                text = f"The image tag '{tag}' already exists in the 'web' repository and cannot be overwritten because the tag is immutable."
                self.assertEqual(error.response["Error"]["Message"], text)
                return False
            return True

        self.count = 0
        tags = ["latest", "v1"]
        self.assertTrue(all(moves(tag) for tag in tags), "a new tag")
        filters = [{"filterType": "WILDCARD", "filter": "v*"}]
        for mode, expected in [
            ("MUTABLE", [True, True]),
            ("IMMUTABLE", [False, False]),
            ("IMMUTABLE_WITH_EXCLUSION", [False, True]),
            ("MUTABLE_WITH_EXCLUSION", [True, False]),
        ]:
            given = {"imageTagMutabilityExclusionFilters": filters} if mode.endswith("EXCLUSION") else {}
            self.ecr.put_image_tag_mutability(repositoryName="web", imageTagMutability=mode, **given)
            self.assertEqual([moves(tag) for tag in tags], expected, mode)
        self.ecr.put_image_tag_mutability(repositoryName="web", imageTagMutability="IMMUTABLE")
        self.assertTrue(moves("new"))

    def test_what_is_not_there(self):
        digest = self.image("web", "content", "1")
        absent = sha256(b"absent")
        got = self.ecr.batch_get_image(
            repositoryName="web",
            imageIds=[{"imageTag": "2"}, {"imageDigest": absent}, {"imageDigest": absent, "imageTag": "1"}],
        )
        self.assertEqual(got["images"], [])
        failures = {str(failure["imageId"]): failure for failure in got["failures"]}
        failure = failures[str({"imageTag": "2"})]
        self.assertEqual((failure["failureCode"], failure["failureReason"]), ("ImageNotFound", "Requested image not found"))
        self.assertEqual(failures[str({"imageDigest": absent})]["failureCode"], "ImageNotFound")
        self.assertEqual(len(failures), 3)
        for image, shown in [
            ({"imageTag": "2"}, "{imageDigest:'null', imageTag:'2'}"),
            ({"imageDigest": absent}, f"{{imageDigest:'{absent}', imageTag:'null'}}"),
        ]:
            text = f"The image with imageId {shown} does not exist within the {WHERE}"
            self.refused(
                "ImageNotFoundException", text, self.ecr.describe_images, repositoryName="web", imageIds=[{"imageDigest": digest}, image]
            )

    def test_deleting(self):
        digest = self.image("web", "content", "1", "2")
        other = self.image("web", "other", "3")
        untagged = self.image("web", "untagged")
        reason = "Invalid request parameters: "
        for image, code, text in [
            ({}, "MissingDigestAndTag", reason + "both tag and digest cannot be null"),
            (
                {"imageDigest": "nonsense"},
                "InvalidImageDigest",
                reason + "image digest should satisfy the regex '[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+'",
            ),
            ({"imageTag": "not a tag"}, "InvalidImageTag", None),
            ({"imageTag": "none"}, "ImageNotFound", "Requested image not found"),
            ({"imageDigest": sha256(b"absent")}, "ImageNotFound", "Requested image not found"),
            ({"imageDigest": other, "imageTag": "1"}, "ImageTagDoesNotMatchDigest", None),
        ]:
            answer = self.ecr.batch_delete_image(repositoryName="web", imageIds=[image])
            [failure] = answer["failures"]
            self.assertEqual(answer["imageIds"], [])
            self.assertEqual((failure["imageId"], failure["failureCode"]), (image, code))
            if text:
                self.assertEqual(failure["failureReason"], text)

        def deleted(*images):
            answer = self.ecr.batch_delete_image(repositoryName="web", imageIds=list(images))
            self.assertEqual(answer["failures"], [])
            return sorted(((image["imageDigest"], image.get("imageTag")) for image in answer["imageIds"]), key=str)

        self.assertEqual(deleted({"imageTag": "1"}), [(digest, "1")])
        self.assertEqual(self.ids(filter={"tagStatus": "TAGGED"}), sorted([(digest, "2"), (other, "3")], key=str))
        self.assertEqual(deleted({"imageTag": "2"}), [(digest, "2")])
        self.assertEqual(deleted({"imageDigest": untagged}), [(untagged, None)])
        self.put(self.manifest("web", "other"), "4")
        self.assertEqual(deleted({"imageDigest": other}), [(other, "3"), (other, "4")])
        self.assertEqual(self.ids(), [])

    def test_an_index_keeps_its_images(self):
        child = self.image("web", "child")
        index = index_manifest(child)
        self.put(index, "many")
        answer = self.ecr.batch_delete_image(repositoryName="web", imageIds=[{"imageDigest": child}])
        [failure] = answer["failures"]
        self.assertEqual(failure["failureCode"], "ImageReferencedByManifestList")
        self.assertTrue(failure["failureReason"].startswith("Requested image referenced by manifest list"))
        for image in [{"imageDigest": sha256(index.encode())}, {"imageDigest": child}]:
            answer = self.ecr.batch_delete_image(repositoryName="web", imageIds=[image])
            self.assertEqual(answer["failures"], [])
        self.assertEqual(self.ids(), [])


if __name__ == "__main__":
    unittest.main()
