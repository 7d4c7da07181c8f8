"""Lifecycle and repository policies: stored, returned, refused (spec/ecr.md 2.9, 2.14, 2.28, 2.32, 2.43, 2.49, 4.3, 6.1)."""

import datetime
import json
import unittest

from registry import ACCOUNT, Registry, lifecycle_policy, rule

FRAME = "Lifecycle policy validation failure: "


class LifecyclePolicies(Registry):
    def test_set_returned_and_deleted(self):
        self.repository()
        policy = lifecycle_policy(
            rule(1, "tagged", tagPrefixList=["v", "release"]),
            rule(2, "tagged", tagPatternList=["*-beta*"]),
            rule(3, "untagged", countType="sinceImagePushed", countUnit="days"),
            rule(4, "any"),
        )
        put = self.ecr.put_lifecycle_policy(repositoryName="web", lifecyclePolicyText=policy)
        got = self.ecr.get_lifecycle_policy(repositoryName="web")
        for answer in (put, got):
            self.assertEqual((answer["registryId"], answer["repositoryName"]), (ACCOUNT, "web"))
            self.assertEqual(json.loads(answer["lifecyclePolicyText"]), json.loads(policy))
        epoch = datetime.datetime.fromtimestamp(0, datetime.timezone.utc)
        self.assertEqual(got["lastEvaluatedAt"], epoch)
        deleted = self.ecr.delete_lifecycle_policy(repositoryName="web")
        self.assertEqual(deleted["lifecyclePolicyText"], got["lifecyclePolicyText"])
        text = f"Lifecycle policy does not exist for the repository with name 'web' in the registry with id '{ACCOUNT}'"
        for call in (self.ecr.get_lifecycle_policy, self.ecr.delete_lifecycle_policy):
            self.refused("LifecyclePolicyNotFoundException", text, call, repositoryName="web")

    def test_grammar(self):
        self.repository()
        long = {"description": "x" * 100}
        for policy, problem in [
            ("x" * 100, "Could not map policyString into LifecyclePolicy."),
            (json.dumps({"nothing": "x" * 100}), None),
            (lifecycle_policy(rule(1, "tagged")), "Must specify tagPrefixList or tagPatternList when tagStatus=TAGGED."),
            (
                lifecycle_policy(rule(1, "untagged"), rule(2, "untagged")),
                "Only one rule can select Untagged images per storage class",
            ),
            (
                lifecycle_policy(rule(1, "any"), rule(2, "untagged")),
                "Rule for tagStatus=ANY must have the lowest priority per storage class",
            ),
            (lifecycle_policy(rule(number="10") | long), None),
            (lifecycle_policy(rule(number=0) | long), None),
            (lifecycle_policy(rule(countUnit="days") | long), None),
            (lifecycle_policy(rule() | {"foo": 1} | long), None),
            (lifecycle_policy(rule() | {"action": None} | long), None),
            (lifecycle_policy(*[rule(number, "tagged", tagPrefixList=[f"p{number}"]) for number in range(1, 52)]), None),
        ]:
            with self.subTest(policy[:200]):
                text = self.refused(
                    "InvalidParameterException",
                    None,
                    self.ecr.put_lifecycle_policy,
                    repositoryName="web",
                    lifecyclePolicyText=policy,
                )
                start = f"Invalid parameter at 'LifecyclePolicyText' failed to satisfy constraint: '{FRAME}"
                self.assertTrue(text.startswith(start + (problem or "")), text)
        for length in (99, 30_721):
            self.refused(
                "InvalidParameterException",
                None,
                self.raw.put_lifecycle_policy,
                repositoryName="web",
                lifecyclePolicyText=" " * (length - 2) + "{}",
            )
        self.refused("LifecyclePolicyNotFoundException", None, self.ecr.get_lifecycle_policy, repositoryName="web")


class RepositoryPolicies(Registry):
    def policy(self, effect="Allow", **members):
        statement = {
            "Sid": "a sid with spaces",
            "Effect": effect,
            "Principal": {"AWS": "arn:aws:iam::123456789012:root"},
            "Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
        }
        return json.dumps({"Version": "2012-10-17", "Statement": [statement | members]})

    def test_set_returned_and_deleted(self):
        self.repository()
        for policy in [
            self.policy(),
            self.policy(Principal="*", Action="ecr:*"),
            self.policy(Principal={"Service": "codebuild.amazonaws.com"}, Condition={
                "StringEquals": {"aws:SourceAccount": "123456789012"}
            }),
            # A role that does not exist: principals are checked by syntax alone.
            self.policy(Principal={"AWS": ["arn:aws:iam::123456789012:role/none", "123456789012"]}),
            json.dumps({"Version": "2008-10-17", "Statement": json.loads(self.policy())["Statement"][0]}),
        ]:
            self.ecr.set_repository_policy(repositoryName="web", policyText=policy)
            got = self.ecr.get_repository_policy(repositoryName="web")
            self.assertEqual((got["registryId"], got["repositoryName"]), (ACCOUNT, "web"))
            self.assertEqual(json.loads(got["policyText"]), json.loads(policy))
        self.ecr.delete_repository_policy(repositoryName="web")
        text = f"Repository policy does not exist for the repository with name 'web' in the registry with id '{ACCOUNT}'"
        for call in (self.ecr.get_repository_policy, self.ecr.delete_repository_policy):
            self.refused("RepositoryPolicyNotFoundException", text, call, repositoryName="web")

    def test_refused(self):
        self.repository()
        for policy in [
            "nonsense",
            "{}",
            self.policy(Effect="Perhaps"),
            self.policy(Action="s3:GetObject"),
            self.policy(Principal={"AWS": "somebody"}),
            self.policy(Anything="else"),
        ]:
            with self.subTest(policy):
                self.invalid(
                    "PolicyText",
                    "Invalid repository policy provided",
                    self.ecr.set_repository_policy,
                    repositoryName="web",
                    policyText=policy,
                )
        # Valid, and not evaluated yet: Terraform must not repeat it for two minutes.
        text = self.refused(
            "InvalidParameterException",
            None,
            self.ecr.set_repository_policy,
            repositoryName="web",
            policyText=self.policy("Deny"),
        )
        self.assertNotIn("Invalid repository policy provided", text)


if __name__ == "__main__":
    unittest.main()
