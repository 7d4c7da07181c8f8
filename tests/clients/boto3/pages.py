"""Paginators and page tokens (spec/ecr.md 1.6)."""

import unittest

from botocore.exceptions import WaiterError
from registry import Registry


class Pages(Registry):
    def pages(self, operation, key, size, **parameters):
        """The items of each page."""
        paginator = self.ecr.get_paginator(operation)
        return [page[key] for page in paginator.paginate(PaginationConfig={"PageSize": size}, **parameters)]

    def test_repositories(self):
        names = sorted(f"team-{number % 3}/web-{number}" for number in range(25))
        for name in names:
            self.repository(name)
        for size in (1, 7, 24, 25, 26, 1000):
            pages = self.pages("describe_repositories", "repositories", size)
            self.assertEqual(sorted(repository["repositoryName"] for page in pages for repository in page), names)
            self.assertTrue(all(len(page) == size for page in pages[:-1]))
            self.assertEqual(len(pages), -(-25 // size))

    def test_a_page_has_a_hundred(self):
        for number in range(101):
            self.repository(f"web-{number}")
        first = self.ecr.describe_repositories()
        second = self.ecr.describe_repositories(nextToken=first["nextToken"])
        self.assertEqual([len(page["repositories"]) for page in (first, second)], [100, 1])
        self.assertNotIn("nextToken", second)

    def test_images(self):
        self.repository()
        tags = sorted(f"tag-{number}" for number in range(9))
        digest = self.image("web", "tagged", *tags)
        digests = [self.image("web", f"untagged {number}") for number in range(8)]
        pairs = sorted([(digest, tag) for tag in tags] + [(other, None) for other in digests], key=str)
        for size in (1, 4, 17, 100):
            ids = [image for page in self.pages("list_images", "imageIds", size, repositoryName="web") for image in page]
            self.assertEqual(sorted(((image["imageDigest"], image.get("imageTag")) for image in ids), key=str), pairs)
            pages = self.pages("describe_images", "imageDetails", size, repositoryName="web")
            found = sorted(image["imageDigest"] for page in pages for image in page)
            self.assertEqual(found, sorted([digest, *digests]))
        for status, count in [("TAGGED", 9), ("UNTAGGED", 8), ("ANY", 17)]:
            pages = self.pages("list_images", "imageIds", 4, repositoryName="web", filter={"tagStatus": status})
            self.assertEqual(sum(map(len, pages)), count, status)

    def test_a_page_survives_what_happens_between(self):
        for number in range(6):
            self.repository(f"web-{number}")
        first = self.ecr.describe_repositories(maxResults=3)
        seen = [repository["repositoryName"] for repository in first["repositories"]]
        self.ecr.delete_repository(repositoryName=seen[-1])
        second = self.ecr.describe_repositories(maxResults=3, nextToken=first["nextToken"])
        seen += [repository["repositoryName"] for repository in second["repositories"]]
        self.assertEqual(sorted(seen), [f"web-{number}" for number in range(6)])

    def test_tokens_are_for_one_listing(self):
        for name in ("aa", "bb"):
            self.repository(name)
            for text in "123":
                self.image(name, text, f"tag-{text}")
        repositories = self.ecr.describe_repositories(maxResults=1)["nextToken"]
        images = self.ecr.list_images(repositoryName="aa", maxResults=1)["nextToken"]
        tagged = self.ecr.list_images(repositoryName="aa", maxResults=1, filter={"tagStatus": "TAGGED"})["nextToken"]
        for call, parameters in [
            (self.ecr.describe_repositories, {"nextToken": "nonsense"}),
            (self.ecr.describe_repositories, {"nextToken": images}),
            (self.ecr.list_images, {"nextToken": repositories, "repositoryName": "aa"}),
            (self.ecr.list_images, {"nextToken": images, "repositoryName": "bb"}),
            (self.ecr.list_images, {"nextToken": tagged, "repositoryName": "aa"}),
            (self.ecr.describe_images, {"nextToken": images, "repositoryName": "aa"}),
            (self.ecr.list_images, {"nextToken": images[:-4] + "AAAA", "repositoryName": "aa"}),
        ]:
            with self.subTest(call.__name__, **parameters):
                self.invalid("nextToken", "Invalid token", call, **parameters)
        # Nor for another registry.
        other = self.client("ecr", region="eu-test-elsewhere")
        self.invalid("nextToken", "Invalid token", other.describe_repositories, nextToken=repositories)

    def test_bounds(self):
        self.repository()
        for call in (self.raw.describe_repositories, self.raw.list_images, self.raw.describe_images):
            parameters = {} if call == self.raw.describe_repositories else {"repositoryName": "web"}
            for size, text in [
                (1001, "Member must have value less than or equal to 1000"),
                (0, "Member must have value greater than or equal to 1"),
            ]:
                self.invalid("maxResults", text, call, maxResults=size, **parameters)


class Waiters(Registry):
    """Both waiters poll operations that do not work yet: they must end at once, not after five minutes."""

    def test_they_end_at_once(self):
        self.repository()
        for name, parameters in [
            ("image_scan_complete", {"repositoryName": "web", "imageId": {"imageTag": "1"}}),
            ("lifecycle_policy_preview_complete", {"repositoryName": "web"}),
        ]:
            with self.assertRaises(WaiterError) as raised:
                self.ecr.get_waiter(name).wait(WaiterConfig={"Delay": 60, "MaxAttempts": 2}, **parameters)
            self.assertIn("UnknownOperationException", str(raised.exception))


if __name__ == "__main__":
    unittest.main()
