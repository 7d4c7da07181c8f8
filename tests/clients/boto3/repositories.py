"""Repositories: made, described, configured, tagged, deleted (spec/ecr.md 2.7, 2.12, 2.23, 2.38, 2.41, 2.42, 2.52, 2.53)."""

import datetime
import unittest

from registry import ACCOUNT, Registry

GRAMMAR = "(?:[a-z0-9]+(?:[._-][a-z0-9]+)*/)*[a-z0-9]+(?:[._-][a-z0-9]+)*"
FILTERS = [{"filterType": "WILDCARD", "filter": "v*"}]


class Repositories(Registry):
    def test_defaults(self):
        made = self.repository("team/web")
        created = made.pop("createdAt")
        uri = made.pop("repositoryUri")
        self.assertEqual(made, {
            "repositoryArn": f"arn:aws:ecr:{self.region}:{ACCOUNT}:repository/team/web",
            "registryId": ACCOUNT,
            "repositoryName": "team/web",
            "imageTagMutability": "MUTABLE",
            "imageScanningConfiguration": {"scanOnPush": False},
            "encryptionConfiguration": {"encryptionType": "AES256"},
        })
        self.assertTrue(uri.endswith("/team/web") and "//" not in uri, uri)
        age = datetime.datetime.now(datetime.timezone.utc) - created
        self.assertLess(abs(age.total_seconds()), 60)

    def test_everything_given_comes_back(self):
        made = self.repository(
            imageTagMutability="IMMUTABLE_WITH_EXCLUSION",
            imageTagMutabilityExclusionFilters=FILTERS,
            imageScanningConfiguration={"scanOnPush": True},
            encryptionConfiguration={"encryptionType": "KMS"},
            tags=[{"Key": "team", "Value": "é <&> web"}, {"Key": "empty", "Value": ""}],
        )
        self.assertEqual(made["imageTagMutability"], "IMMUTABLE_WITH_EXCLUSION")
        self.assertEqual(made["imageTagMutabilityExclusionFilters"], FILTERS)
        self.assertEqual(made["imageScanningConfiguration"], {"scanOnPush": True})
        self.assertRegex(
            made["encryptionConfiguration"]["kmsKey"], f"^arn:aws:kms:{self.region}:{ACCOUNT}:key/[0-9a-f-]{{36}}$"
        )
        self.assertEqual(self.ecr.describe_repositories()["repositories"], [made])
        tags = self.ecr.list_tags_for_resource(resourceArn=made["repositoryArn"])["tags"]
        self.assertEqual({tag["Key"]: tag["Value"] for tag in tags}, {"team": "é <&> web", "empty": ""})

    def test_a_key_is_echoed_to_the_letter(self):
        key = f"arn:aws:kms:{self.region}:{ACCOUNT}:key/1234abcd-12ab-34cd-56ef-1234567890ab"
        encryption = {"encryptionType": "KMS", "kmsKey": key}
        self.assertEqual(self.repository(encryptionConfiguration=encryption)["encryptionConfiguration"], encryption)
        encryption = {"encryptionType": "KMS", "kmsKey": "alias/nobodys"}
        self.refused(
            "KmsException", None, self.ecr.create_repository, repositoryName="other", encryptionConfiguration=encryption
        )

    def test_a_name_is_taken_once(self):
        self.repository()
        text = f"The repository with name 'web' already exists in the registry with id '{ACCOUNT}'"
        self.refused("RepositoryAlreadyExistsException", text, self.ecr.create_repository, repositoryName="web")

    def test_names_are_checked(self):
        for name in ["-a", "a-", "A1", "a//b", "a/", "a___b", "a..b", "é1"]:
            with self.subTest(name):
                text = self.refused(
                    "InvalidParameterException", None, self.raw.create_repository, repositoryName=name
                )
                frame = "Invalid parameter at 'repositoryName' failed to satisfy constraint: "
                self.assertTrue(text.startswith(f"{frame}'must satisfy regular expression '{GRAMMAR}'"), text)
        self.invalid(
            "repositoryName",
            "must have length greater than or equal to 2",
            self.raw.create_repository,
            repositoryName="a",
        )
        self.refused("InvalidParameterException", None, self.raw.create_repository, repositoryName="a" * 257)
        self.refused("InvalidParameterException", None, self.raw.create_repository)
        for name in ["a" * 256, "0a", "a__b", "a---b", "v2/blobs/manifests/tags"]:
            self.repository(name)

    def test_mutability_needs_its_filters(self):
        self.repository()
        for mode in ["MUTABLE_WITH_EXCLUSION", "IMMUTABLE_WITH_EXCLUSION"]:
            for call, name in [(self.ecr.create_repository, "other"), (self.ecr.put_image_tag_mutability, "web")]:
                self.invalid(
                    "imageTagMutabilityExclusionFilters",
                    f"ImageTagMutabilityExclusionFilters can't be null when imageTagMutability is set as {mode}",
                    call,
                    repositoryName=name,
                    imageTagMutability=mode,
                )
        for mode in ["MUTABLE", "IMMUTABLE"]:
            self.refused(
                "InvalidParameterException",
                None,
                self.ecr.put_image_tag_mutability,
                repositoryName="web",
                imageTagMutability=mode,
                imageTagMutabilityExclusionFilters=FILTERS,
            )
        self.invalid(
            "imageTagMutability",
            "Member must satisfy enum value set: [IMMUTABLE, MUTABLE, MUTABLE_WITH_EXCLUSION, IMMUTABLE_WITH_EXCLUSION]",
            self.raw.put_image_tag_mutability,
            repositoryName="web",
            imageTagMutability="SOMETIMES",
        )
        for filters in [
            [],
            FILTERS * 6,
            [{"filterType": "WILDCARD", "filter": "***"}],
            [{"filterType": "WILDCARD", "filter": "a/b"}],
            [{"filterType": "PREFIX", "filter": "a"}],
        ]:
            with self.subTest(filters):
                self.refused(
                    "InvalidParameterException",
                    None,
                    self.raw.put_image_tag_mutability,
                    repositoryName="web",
                    imageTagMutability="MUTABLE_WITH_EXCLUSION",
                    imageTagMutabilityExclusionFilters=filters,
                )

    def test_settings_are_changed(self):
        self.repository()
        for mode, filters in [
            ("IMMUTABLE", None),
            ("IMMUTABLE_WITH_EXCLUSION", FILTERS),
            ("MUTABLE_WITH_EXCLUSION", FILTERS),
            ("MUTABLE", None),
        ]:
            given = {"imageTagMutability": mode}
            if filters:
                given["imageTagMutabilityExclusionFilters"] = filters
            answer = self.ecr.put_image_tag_mutability(repositoryName="web", **given)
            del answer["ResponseMetadata"]
            self.assertEqual(answer, {"registryId": ACCOUNT, "repositoryName": "web"} | given)
            described = self.ecr.describe_repositories(repositoryNames=["web"])["repositories"][0]
            self.assertEqual({member: described.get(member) for member in given}, given)
            self.assertEqual("imageTagMutabilityExclusionFilters" in described, filters is not None)
        # The Go SDK leaves out false: an empty object is "off" (spec/terraform.md 1).
        for sent, expected in [({"scanOnPush": True}, True), ({}, False)]:
            answer = self.ecr.put_image_scanning_configuration(
                repositoryName="web", imageScanningConfiguration=sent
            )
            self.assertEqual(answer["imageScanningConfiguration"], {"scanOnPush": expected})
            described = self.ecr.describe_repositories(repositoryNames=["web"])["repositories"][0]
            self.assertEqual(described["imageScanningConfiguration"], {"scanOnPush": expected})

    def test_tags(self):
        arn = self.repository()["repositoryArn"]

        def tags():
            return {tag["Key"]: tag["Value"] for tag in self.ecr.list_tags_for_resource(resourceArn=arn)["tags"]}

        self.assertEqual(tags(), {})
        self.ecr.tag_resource(resourceArn=arn, tags=[{"Key": "a", "Value": "1"}, {"Key": "A", "Value": "2"}])
        self.ecr.tag_resource(resourceArn=arn, tags=[{"Key": "a", "Value": "3"}])
        self.assertEqual(tags(), {"a": "3", "A": "2"})
        self.ecr.untag_resource(resourceArn=arn, tagKeys=["a", "absent"])
        self.assertEqual(tags(), {"A": "2"})

        def tag(*keys):
            return {"resourceArn": arn, "tags": [{"Key": key, "Value": ""} for key in keys]}

        self.refused("InvalidTagParameterException", None, self.ecr.tag_resource, **tag("aws:mine"))
        self.refused("InvalidTagParameterException", None, self.raw.tag_resource, **tag("k" * 129))
        many = [f"key-{number}" for number in range(50)]
        self.refused("TooManyTagsException", None, self.ecr.tag_resource, **tag(*many))
        self.assertEqual(tags(), {"A": "2"})
        self.ecr.tag_resource(**tag(*many[:49]))
        # A repository whose tags are refused is not made.
        self.refused(
            "InvalidTagParameterException",
            None,
            self.ecr.create_repository,
            repositoryName="other",
            tags=tag("aws:mine")["tags"],
        )
        self.assertEqual(len(self.ecr.describe_repositories()["repositories"]), 1)
        for arn in ["web", "arn:aws:s3:::web", f"arn:aws:ecr:{self.region}:{ACCOUNT}:web"]:
            self.invalid("resourceArn", "Invalid ARN", self.ecr.list_tags_for_resource, resourceArn=arn)

    def test_a_missing_repository(self):
        text = f"The repository with name 'none' does not exist in the registry with id '{ACCOUNT}'"
        arn = f"arn:aws:ecr:{self.region}:{ACCOUNT}:repository/none"
        self.repository()
        for call, parameters in [
            (self.ecr.describe_repositories, {"repositoryNames": ["web", "none"]}),
            (self.ecr.delete_repository, {"repositoryName": "none", "force": True}),
            (self.ecr.put_image_tag_mutability, {"repositoryName": "none", "imageTagMutability": "MUTABLE"}),
            (self.ecr.put_image_scanning_configuration, {"repositoryName": "none", "imageScanningConfiguration": {}}),
            (self.ecr.list_tags_for_resource, {"resourceArn": arn}),
            (self.ecr.tag_resource, {"resourceArn": arn, "tags": []}),
            (self.ecr.untag_resource, {"resourceArn": arn, "tagKeys": ["a"]}),
            (self.ecr.get_lifecycle_policy, {"repositoryName": "none"}),
            (self.ecr.delete_lifecycle_policy, {"repositoryName": "none"}),
            (self.ecr.get_repository_policy, {"repositoryName": "none"}),
            (self.ecr.delete_repository_policy, {"repositoryName": "none"}),
            (self.ecr.list_images, {"repositoryName": "none"}),
            (self.ecr.describe_images, {"repositoryName": "none"}),
            (self.ecr.batch_get_image, {"repositoryName": "none", "imageIds": [{"imageTag": "1"}]}),
            (self.ecr.batch_delete_image, {"repositoryName": "none", "imageIds": [{"imageTag": "1"}]}),
        ]:
            with self.subTest(call.__name__):
                self.refused("RepositoryNotFoundException", text, call, **parameters)

    def test_deleting(self):
        made = self.repository()
        self.image("web", "content")
        text = (
            f"The repository with name 'web' in registry with id '{ACCOUNT}' cannot be deleted because it still "
            "contains images"
        )
        self.refused("RepositoryNotEmptyException", text, self.ecr.delete_repository, repositoryName="web")
        self.assertEqual(self.ecr.delete_repository(repositoryName="web", force=True)["repository"], made)
        self.assertEqual(self.ecr.describe_repositories()["repositories"], [])
        # The name is free, and what was in it is not in the new one.
        self.repository()
        self.assertEqual(self.ecr.list_images(repositoryName="web")["imageIds"], [])

    def test_the_registry(self):
        answer = self.ecr.describe_registry()
        self.assertEqual(answer["registryId"], ACCOUNT)
        self.assertEqual(answer["replicationConfiguration"], {"rules": []})


if __name__ == "__main__":
    unittest.main()
