"""What is set by a prefix of repositories' names: pull-through cache rules and creation templates (spec/ecr.md 2.6, 2.8,
2.10, 2.13, 2.21, 2.24, 2.55, 2.56, 7.2, 7.3)."""

import datetime
import json
import unittest

from registry import ACCOUNT, Registry, lifecycle_policy, rule

OTHER = "123456789012"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/ecr"
GRAMMAR = (
    "Member must satisfy regular expression pattern: "
    r"^([a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(\/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*\/?|ROOT)$"
)
NULL = "Member must not be null"


class ByPrefix(Registry):
    def recent(self, moment):
        age = datetime.datetime.now(datetime.timezone.utc) - moment
        self.assertLess(abs(age.total_seconds()), 60)

    def paged(self, operation, key, size, **parameters):
        """The items of each page."""
        paginator = self.ecr.get_paginator(operation)
        return [page[key] for page in paginator.paginate(PaginationConfig={"PageSize": size}, **parameters)]

    def wrong_prefixes(self, member, shortest, longest, call, **parameters):
        """What a member may not be that names a prefix."""
        for prefix, text in [
            ("a" * (shortest - 1), f"Member must have length greater than or equal to {shortest}"),
            ("a" * (longest + 1), f"Member must have length less than or equal to {longest}"),
            *[(prefix, GRAMMAR) for prefix in ("team//", "/team", "Team", "Root", "ROOT/", "a..b", "te am", "team-")],
        ]:
            with self.subTest(call.__name__, prefix=prefix):
                self.invalid(member, text, call, **{member: prefix}, **parameters)
        self.invalid(member, NULL, call, **parameters)


class CacheRules(ByPrefix):
    def secret(self, region=None, account=ACCOUNT, name="hub"):
        return f"arn:aws:secretsmanager:{region or self.region}:{account}:secret:ecr-pullthroughcache/{name}"

    def upstream(self, account=ACCOUNT):
        return f"{account}.dkr.ecr.us-west-2.amazonaws.com"

    def create(self, prefix="quay", url="quay.io", **options):
        answer = self.ecr.create_pull_through_cache_rule(
            ecrRepositoryPrefix=prefix, upstreamRegistryUrl=url, **options)
        del answer["ResponseMetadata"]
        return answer

    def described(self, *prefixes, **options):
        if prefixes:
            options["ecrRepositoryPrefixes"] = list(prefixes)
        return self.ecr.describe_pull_through_cache_rules(**options)["pullThroughCacheRules"]

    def missing(self, prefix):
        text = (
            f"The pull through cache rule with Amazon ECR repository prefix '{prefix}' does not exist in the registry "
            f"with id '{ACCOUNT}'"
        )
        for call, parameters in [
            (self.ecr.describe_pull_through_cache_rules, {"ecrRepositoryPrefixes": [prefix]}),
            (self.ecr.update_pull_through_cache_rule, {"ecrRepositoryPrefix": prefix}),
            (self.ecr.delete_pull_through_cache_rule, {"ecrRepositoryPrefix": prefix}),
        ]:
            self.refused("PullThroughCacheRuleNotFoundException", text, call, **parameters)

    def test_every_upstream(self):
        secret = {"credentialArn": self.secret()}
        rules = [
            ("ecr-public", "public.ecr.aws", {}),
            ("quay", "quay.io", {}),
            ("k8s", "registry.k8s.io", {}),
            ("docker-hub", "registry-1.docker.io", secret),
            ("github-container-registry", "ghcr.io", secret),
            ("gitlab-container-registry", "registry.gitlab.com", secret),
            ("azure-container-registry", "my-own.azurecr.io", secret),
            ("chainguard", "cgr.dev", secret),
            ("ecr", self.upstream(), {}),
            ("ecr", self.upstream(OTHER), {"customRoleArn": ROLE}),
            ("ecr", self.upstream(), {"upstreamRepositoryPrefix": "team/"}),
            ("ecr", self.upstream(), {"upstreamRepositoryPrefix": "ROOT"}),
        ]
        for number, (kind, url, options) in enumerate(rules):
            # Whether the caller says what it is or leaves it to the URL.
            said = {"upstreamRegistry": kind} if number % 2 else {}
            prefix = f"cache-{number:02}"
            created = self.create(prefix, url, **options, **said)
            self.recent(created["createdAt"])
            told = {
                "ecrRepositoryPrefix": prefix, "upstreamRegistryUrl": url, "upstreamRegistry": kind,
                "registryId": ACCOUNT, "createdAt": created["createdAt"], **options,
            }
            self.assertEqual(created, told)
            self.assertEqual(self.described(prefix), [told | {"updatedAt": created["createdAt"]}])
        self.assertEqual(len(self.described()), len(rules))
        self.assertEqual(self.client("ecr", region="eu-test-elsewhere").describe_pull_through_cache_rules(
            registryId=ACCOUNT)["pullThroughCacheRules"], [])

    def test_upstreams_are_checked(self):
        unknown = "UnsupportedUpstreamRegistryException"
        for url in ("", "https://quay.io", "quay.io/", "QUAY.io", "mcr.microsoft.com", "a.b.azurecr.io"):
            text = f"The upstream registry URL {url} is invalid."
            self.refused(
                unknown, text, self.ecr.create_pull_through_cache_rule,
                ecrRepositoryPrefix="quay", upstreamRegistryUrl=url,
            )
        needs = "The specified upstream registry requires authentication"
        for url in (
            "registry-1.docker.io", "ghcr.io", "registry.gitlab.com", "x.azurecr.io", "cgr.dev", self.upstream(OTHER),
        ):
            self.refused(
                unknown, needs, self.ecr.create_pull_through_cache_rule,
                ecrRepositoryPrefix="quay", upstreamRegistryUrl=url,
            )
        place = "The secret must be in the account and the Region of the registry"
        for field, text, url, options in [
            ("upstreamRegistry", "The upstream registry URL belongs to quay", "quay.io", {"upstreamRegistry": "k8s"}),
            (
                "credentialArn", "CredentialArn must be null when upstreamRegistry is quay", "quay.io",
                {"credentialArn": self.secret()},
            ),
            (
                "credentialArn", "CredentialArn must be null when upstreamRegistry is ecr", self.upstream(),
                {"credentialArn": self.secret()},
            ),
            ("credentialArn", place, "ghcr.io", {"credentialArn": self.secret(region="eu-test-elsewhere")}),
            ("credentialArn", place, "ghcr.io", {"credentialArn": self.secret(account=OTHER)}),
            (
                "customRoleArn", "CustomRoleArn must be null when upstreamRegistry is k8s", "registry.k8s.io",
                {"customRoleArn": ROLE},
            ),
            (
                "upstreamRepositoryPrefix", "UpstreamRepositoryPrefix must be null when upstreamRegistry is quay",
                "quay.io", {"upstreamRepositoryPrefix": "team"},
            ),
        ]:
            with self.subTest(text, **options):
                self.invalid(
                    field, text, self.ecr.create_pull_through_cache_rule,
                    ecrRepositoryPrefix="quay", upstreamRegistryUrl=url, **options,
                )
        self.invalid(
            "upstreamRepositoryPrefix", "UpstreamRepositoryPrefix must be null when ecrRepositoryPrefix is ROOT",
            self.ecr.create_pull_through_cache_rule,
            ecrRepositoryPrefix="ROOT", upstreamRegistryUrl=self.upstream(), upstreamRepositoryPrefix="team",
        )
        self.assertEqual(self.described(), [])

    def test_constraints(self):
        create, url = self.raw.create_pull_through_cache_rule, {"upstreamRegistryUrl": "quay.io"}
        self.wrong_prefixes("ecrRepositoryPrefix", 2, 30, create, **url)
        for call in (self.raw.update_pull_through_cache_rule, self.raw.delete_pull_through_cache_rule):
            self.wrong_prefixes("ecrRepositoryPrefix", 2, 30, call)
        arns = (
            "Member must satisfy regular expression pattern: "
            r"^arn:aws(-\w+)*:secretsmanager:[a-zA-Z0-9-:]+:secret:ecr\-pullthroughcache\/[a-zA-Z0-9\/_+=.@-]+$"
        )
        short = "arn:aws:secretsmanager::secret:ecr-pullthroughcache/"
        for field, text, options in [
            ("upstreamRegistryUrl", NULL, {"upstreamRegistryUrl": None}),
            (
                "upstreamRegistry",
                "Member must satisfy enum value set: [ecr, ecr-public, quay, k8s, docker-hub, github-container-registry, "
                "azure-container-registry, gitlab-container-registry, chainguard]",
                {"upstreamRegistry": "dockerhub"},
            ),
            ("credentialArn", "Member must have length greater than or equal to 50", {"credentialArn": "arn:aws:x"}),
            (
                "credentialArn", "Member must have length less than or equal to 612",
                {"credentialArn": self.secret(name="x" * 612)},
            ),
            ("credentialArn", arns, {"credentialArn": self.secret().replace("ecr-pullthroughcache", "other-secrets")}),
            ("credentialArn", arns, {"credentialArn": short}),
            (
                "customRoleArn", "Member must have length less than or equal to 2048",
                {"customRoleArn": "x" * 2049},
            ),
            (
                "upstreamRepositoryPrefix", "Member must have length greater than or equal to 2",
                {"upstreamRepositoryPrefix": "a"},
            ),
            ("upstreamRepositoryPrefix", GRAMMAR, {"upstreamRepositoryPrefix": "/team"}),
            ("registryId", "must satisfy regular expression [0-9]{12}", {"registryId": "1"}),
        ]:
            with self.subTest(text, **options):
                self.invalid(field, text, create, **{"ecrRepositoryPrefix": "quay"} | url | options)
        listed = "Member must satisfy constraint: "
        for field, text, options in [
            (
                "ecrRepositoryPrefixes", "Member must have length greater than or equal to 1",
                {"ecrRepositoryPrefixes": []},
            ),
            (
                "ecrRepositoryPrefixes", "Member must have length less than or equal to 100",
                {"ecrRepositoryPrefixes": ["aa"] * 101},
            ),
            ("ecrRepositoryPrefixes", f"{listed}[{GRAMMAR}]", {"ecrRepositoryPrefixes": ["aa", "A1"]}),
            ("maxResults", "Member must have value greater than or equal to 1", {"maxResults": 0}),
            ("maxResults", "Member must have value less than or equal to 1000", {"maxResults": 1001}),
            ("nextToken", "Invalid token", {"nextToken": "nonsense"}),
        ]:
            self.invalid(field, text, self.raw.describe_pull_through_cache_rules, **options)

    def test_a_prefix_is_taken_once(self):
        self.create("team/")
        for prefix in ("team/", "team"):
            text = (
                f"The pull through cache rule with Amazon ECR repository prefix '{prefix}' already exists in the registry "
                f"with id '{ACCOUNT}'"
            )
            self.refused(
                "PullThroughCacheRuleAlreadyExistsException", text, self.ecr.create_pull_through_cache_rule,
                ecrRepositoryPrefix=prefix, upstreamRegistryUrl="quay.io",
            )
        # It comes back as it was sent, under either name; and one within another is another.
        for name in ("team", "team/"):
            self.assertEqual([found["ecrRepositoryPrefix"] for found in self.described(name)], ["team/"])
        self.create("team/web")
        self.create("ROOT", "public.ecr.aws")
        prefixes = sorted(found["ecrRepositoryPrefix"] for found in self.described())
        self.assertEqual(prefixes, ["ROOT", "team/", "team/web"])

    def test_other_credentials(self):
        first, second = self.secret(name="one"), self.secret(name="two/of@them")
        created = self.create("hub", "registry-1.docker.io", credentialArn=first)
        told = {"ecrRepositoryPrefix": "hub", "registryId": ACCOUNT}

        def updated(prefix, **options):
            answer = self.ecr.update_pull_through_cache_rule(ecrRepositoryPrefix=prefix, **options)
            del answer["ResponseMetadata"]
            moment = answer.pop("updatedAt")
            self.recent(moment)
            return answer, moment

        answer, moment = updated("hub", credentialArn=second)
        self.assertEqual(answer, told | {"credentialArn": second})
        [rule_now] = self.described("hub")
        self.assertEqual(rule_now, created | {"credentialArn": second, "updatedAt": moment})
        self.assertGreaterEqual(moment, created["createdAt"])
        # What is not sent stays.
        self.assertEqual(updated("hub")[0], told | {"credentialArn": second})
        for field, options in [
            ("credentialArn", {"credentialArn": self.secret(account=OTHER)}), ("customRoleArn", {"customRoleArn": ROLE}),
        ]:
            text = self.refused(
                "InvalidParameterException", None, self.ecr.update_pull_through_cache_rule,
                ecrRepositoryPrefix="hub", **options,
            )
            self.assertIn(f"'{field}'", text)

        # A role: given, taken away where it need not be, kept where it must be.
        self.create("ours", self.upstream(), upstreamRepositoryPrefix="team/")
        ours = {"ecrRepositoryPrefix": "ours", "registryId": ACCOUNT, "upstreamRepositoryPrefix": "team/"}
        self.assertEqual(updated("ours", customRoleArn=ROLE)[0], ours | {"customRoleArn": ROLE})
        self.assertEqual(updated("ours", customRoleArn="")[0], ours)
        self.create("theirs", self.upstream(OTHER), customRoleArn=ROLE)
        self.invalid(
            "customRoleArn", "CustomRoleArn must not be empty when the upstream is of another account",
            self.ecr.update_pull_through_cache_rule, ecrRepositoryPrefix="theirs", customRoleArn="",
        )
        self.assertEqual(self.described("theirs")[0]["customRoleArn"], ROLE)

    def test_deleted(self):
        for prefix in ("quay", "kept"):
            self.create(prefix)
        hub = self.create("hub/", "ghcr.io", credentialArn=self.secret())
        self.assertEqual(self.ecr.delete_pull_through_cache_rule(ecrRepositoryPrefix="quay")["registryId"], ACCOUNT)
        deleted = self.ecr.delete_pull_through_cache_rule(ecrRepositoryPrefix="hub")
        del deleted["ResponseMetadata"], hub["upstreamRegistry"]
        self.assertEqual(deleted, hub)
        for prefix in ("quay", "hub", "hub/", "never"):
            self.missing(prefix)
        # One that is missing among others.
        self.refused(
            "PullThroughCacheRuleNotFoundException", None, self.ecr.describe_pull_through_cache_rules,
            ecrRepositoryPrefixes=["kept", "quay"],
        )
        self.assertEqual([found["ecrRepositoryPrefix"] for found in self.described()], ["kept"])
        self.create("hub")

    def test_pages_and_the_quota(self):
        prefixes = [f"cache-{number:02}" for number in range(50)]
        for prefix in reversed(prefixes):
            self.create(prefix)
        text = f"The registry with id '{ACCOUNT}' already has the maximum number of pull through cache rules, 50"
        self.refused(
            "LimitExceededException", text, self.ecr.create_pull_through_cache_rule,
            ecrRepositoryPrefix="another", upstreamRegistryUrl="quay.io",
        )
        self.client("ecr", region="eu-test-quota").create_pull_through_cache_rule(
            ecrRepositoryPrefix="another", upstreamRegistryUrl="quay.io")
        operation, key = "describe_pull_through_cache_rules", "pullThroughCacheRules"
        for size in (1, 7, 49, 50, 51, 1000):
            pages = self.paged(operation, key, size)
            self.assertEqual([found["ecrRepositoryPrefix"] for page in pages for found in page], prefixes)
            self.assertEqual(len(pages), -(-50 // size))
        some = prefixes[10:30]
        pages = self.paged(operation, key, 8, ecrRepositoryPrefixes=some)
        self.assertEqual([[found["ecrRepositoryPrefix"] for found in page] for page in pages], [
            some[:8], some[8:16], some[16:],
        ])
        token = self.ecr.describe_pull_through_cache_rules(maxResults=1)["nextToken"]
        for call, parameters in [
            (self.ecr.describe_pull_through_cache_rules, {"ecrRepositoryPrefixes": some}),
            (self.client("ecr", region="eu-test-quota").describe_pull_through_cache_rules, {}),
            (self.ecr.describe_repository_creation_templates, {}),
        ]:
            self.invalid("nextToken", "Invalid token", call, nextToken=token, **parameters)

    def test_another_account(self):
        for call, action, parameters in [
            (
                self.ecr.create_pull_through_cache_rule, "CreatePullThroughCacheRule",
                {"ecrRepositoryPrefix": "quay", "upstreamRegistryUrl": "quay.io"},
            ),
            (self.ecr.describe_pull_through_cache_rules, "DescribePullThroughCacheRules", {}),
            (
                self.ecr.update_pull_through_cache_rule, "UpdatePullThroughCacheRule",
                {"ecrRepositoryPrefix": "quay"},
            ),
            (
                self.ecr.delete_pull_through_cache_rule, "DeletePullThroughCacheRule",
                {"ecrRepositoryPrefix": "quay"},
            ),
        ]:
            text = (
                f"User: arn:aws:iam::{ACCOUNT}:root is not authorized to perform: ecr:{action} on resource: * because no "
                f"resource-based policy allows the ecr:{action} action"
            )
            self.refused("AccessDeniedException", text, call, registryId=OTHER, **parameters)


class Templates(ByPrefix):
    def policy(self, effect="Allow", **members):
        statement = {"Effect": effect, "Principal": {"AWS": f"arn:aws:iam::{OTHER}:root"}, "Action": "ecr:BatchGetImage"}
        return json.dumps({"Version": "2012-10-17", "Statement": [statement | members]})

    def create(self, prefix="team", applied_for=("PULL_THROUGH_CACHE",), **options):
        answer = self.ecr.create_repository_creation_template(prefix=prefix, appliedFor=list(applied_for), **options)
        return self.shown(answer)

    def update(self, prefix="team", **options):
        return self.shown(self.ecr.update_repository_creation_template(prefix=prefix, **options))

    def shown(self, answer):
        self.assertEqual(answer.pop("registryId"), ACCOUNT)
        del answer["ResponseMetadata"]
        self.assertEqual(list(answer), ["repositoryCreationTemplate"])
        return answer["repositoryCreationTemplate"]

    def described(self, *prefixes):
        options = {"prefixes": list(prefixes)} if prefixes else {}
        answer = self.ecr.describe_repository_creation_templates(**options)
        self.assertEqual(answer["registryId"], ACCOUNT)
        return answer["repositoryCreationTemplates"]

    def whole(self):
        """Everything that a template may say."""
        return {
            "description": "what it is for: é <&>",
            "encryptionConfiguration": {
                "encryptionType": "KMS", "kmsKey": f"arn:aws:kms:{self.region}:{ACCOUNT}:key/1234abcd-12ab",
            },
            "imageTagMutability": "IMMUTABLE_WITH_EXCLUSION",
            "imageTagMutabilityExclusionFilters": [
                {"filterType": "WILDCARD", "filter": "v*"}, {"filterType": "WILDCARD", "filter": "latest"},
            ],
            "resourceTags": [{"Key": "team", "Value": "web"}, {"Key": "empty", "Value": ""}],
            "repositoryPolicy": self.policy(),
            "lifecyclePolicy": lifecycle_policy(rule()),
            "customRoleArn": ROLE,
        }

    def test_the_least(self):
        created = self.create()
        self.recent(created["createdAt"])
        self.assertEqual(created, {
            "prefix": "team",
            "appliedFor": ["PULL_THROUGH_CACHE"],
            "imageTagMutability": "MUTABLE",
            "encryptionConfiguration": {"encryptionType": "AES256"},
            "createdAt": created["createdAt"],
            "updatedAt": created["createdAt"],
        })
        self.assertEqual(self.described("team"), [created])
        self.assertEqual(self.client("ecr", region="eu-test-elsewhere").describe_repository_creation_templates()[
            "repositoryCreationTemplates"], [])

    def test_all_there_is(self):
        applied_for = ["REPLICATION", "CREATE_ON_PUSH", "PULL_THROUGH_CACHE"]
        created = self.create("team/web/", applied_for, **self.whole())
        moment = created["createdAt"]
        expected = self.whole() | {
            "prefix": "team/web/", "appliedFor": applied_for, "createdAt": moment, "updatedAt": moment,
        }
        self.assertEqual(created, expected)
        self.assertEqual(self.described(), [expected])

    def test_a_change_is_what_is_sent(self):
        created = self.create(**self.whole())
        expected = dict(created)
        for change, gone in [
            ({}, []),
            ({"description": "another"}, []),
            ({"appliedFor": ["CREATE_ON_PUSH", "REPLICATION"]}, []),
            ({"resourceTags": [{"Key": "only", "Value": "one"}]}, []),
            ({"repositoryPolicy": self.policy(Action="ecr:*")}, []),
            ({"lifecyclePolicy": lifecycle_policy(rule(number=5))}, []),
            ({"customRoleArn": ROLE + "-2"}, []),
            ({"imageTagMutabilityExclusionFilters": [{"filterType": "WILDCARD", "filter": "x*"}]}, []),
            (
                {
                    "imageTagMutability": "MUTABLE_WITH_EXCLUSION",
                    "imageTagMutabilityExclusionFilters": [{"filterType": "WILDCARD", "filter": "y*"}],
                },
                [],
            ),
            ({"imageTagMutability": "IMMUTABLE"}, ["imageTagMutabilityExclusionFilters"]),
            ({"encryptionConfiguration": {"encryptionType": "KMS"}}, []),
            ({"encryptionConfiguration": {"encryptionType": "AES256"}}, []),
            # An empty one is none.
            ({"description": ""}, ["description"]),
            ({"repositoryPolicy": ""}, ["repositoryPolicy"]),
            ({"lifecyclePolicy": ""}, ["lifecyclePolicy"]),
            ({"customRoleArn": ""}, ["customRoleArn"]),
            ({"resourceTags": []}, ["resourceTags"]),
        ]:
            with self.subTest(**change):
                updated = self.update(**change)
                expected |= change | {"updatedAt": updated["updatedAt"]}
                for name in gone:
                    del expected[name]
                self.assertEqual(updated, expected)
                self.assertEqual(self.described("team"), [expected])
                self.assertGreaterEqual(updated["updatedAt"], created["createdAt"])

    def test_a_key_may_be_empty(self):
        created = self.create(encryptionConfiguration={"encryptionType": "KMS", "kmsKey": ""})
        self.assertEqual(created["encryptionConfiguration"], {"encryptionType": "KMS"})
        dual = {"encryptionType": "KMS_DSSE", "kmsKey": "arn:aws-us-gov:kms:us-gov-west-1:000000000000:key/mrk-1"}
        self.assertEqual(self.create("gov", encryptionConfiguration=dual)["encryptionConfiguration"], dual)

    def test_constraints(self):
        create, update = self.raw.create_repository_creation_template, self.raw.update_repository_creation_template
        self.create()
        self.wrong_prefixes("prefix", 1, 256, create, appliedFor=["REPLICATION"])
        for call in (update, self.raw.delete_repository_creation_template):
            self.wrong_prefixes("prefix", 1, 256, call)
        for text, options in [
            (NULL, {}),
            ("Member must have length greater than or equal to 1", {"appliedFor": []}),
        ]:
            self.invalid("appliedFor", text, create, prefix="other", **options)
        exclusion = "ImageTagMutabilityExclusionFilters"
        filters = [{"filterType": "WILDCARD", "filter": "v*"}]
        invalid_policy = "Invalid repository policy provided"
        with_filters = {"imageTagMutability": "MUTABLE_WITH_EXCLUSION"}
        for field, text, options in [
            (
                "appliedFor",
                "Member must satisfy constraint: [Member must satisfy enum value set: [REPLICATION, PULL_THROUGH_CACHE, "
                "CREATE_ON_PUSH]]",
                {"appliedFor": ["ALWAYS"]},
            ),
            ("description", "Member must have length less than or equal to 256", {"description": "é" * 257}),
            ("customRoleArn", "Member must have length less than or equal to 2048", {"customRoleArn": "x" * 2049}),
            (
                "imageTagMutability",
                "Member must satisfy enum value set: [IMMUTABLE, MUTABLE, MUTABLE_WITH_EXCLUSION, IMMUTABLE_WITH_EXCLUSION]",
                {"imageTagMutability": "FIXED"},
            ),
            (
                "imageTagMutabilityExclusionFilters",
                f"{exclusion} can't be null when imageTagMutability is set as MUTABLE_WITH_EXCLUSION", with_filters,
            ),
            (
                "imageTagMutabilityExclusionFilters",
                f"{exclusion} must be null when imageTagMutability is set as IMMUTABLE",
                {"imageTagMutability": "IMMUTABLE", "imageTagMutabilityExclusionFilters": filters},
            ),
            (
                "imageTagMutabilityExclusionFilters", f"{exclusion} must be null when imageTagMutability is set as MUTABLE",
                {"imageTagMutabilityExclusionFilters": filters},
            ),
            (
                "imageTagMutabilityExclusionFilters", "Member must have length less than or equal to 5",
                with_filters | {"imageTagMutabilityExclusionFilters": filters * 6},
            ),
            (
                "filter", "Member must have at most 2 wildcards (*)",
                with_filters | {"imageTagMutabilityExclusionFilters": [{"filterType": "WILDCARD", "filter": "a*b*c*"}]},
            ),
            ("encryptionType", NULL, {"encryptionConfiguration": {}}),
            (
                "encryptionType", "Member must satisfy enum value set: [AES256, KMS, KMS_DSSE]",
                {"encryptionConfiguration": {"encryptionType": "ROT13"}},
            ),
            (
                "kmsKey",
                "Member must satisfy regular expression pattern: "
                r"^$|arn:aws[a-z0-9-]*:kms:[a-z0-9-]+:[0-9]{12}:key\/[a-z0-9-]+",
                {"encryptionConfiguration": {"encryptionType": "KMS", "kmsKey": "alias/aws/ecr"}},
            ),
            (
                "encryptionConfiguration", "KmsKey must be null when encryptionType is set as AES256",
                {
                    "encryptionConfiguration": {
                        "encryptionType": "AES256", "kmsKey": f"arn:aws:kms:eu-test-1:{ACCOUNT}:key/1",
                    },
                },
            ),
            ("repositoryPolicy", invalid_policy, {"repositoryPolicy": "nonsense"}),
            ("repositoryPolicy", invalid_policy, {"repositoryPolicy": self.policy(Action="s3:GetObject")}),
            (
                "repositoryPolicy", "Member must have length less than or equal to 10240",
                {"repositoryPolicy": self.policy(Sid="x" * 10_240)},
            ),
            (
                "lifecyclePolicy", "Member must have length less than or equal to 30720",
                {"lifecyclePolicy": lifecycle_policy(rule()) + " " * 30_720},
            ),
            (
                "resourceTags", "Member must have length less than or equal to 50",
                {"resourceTags": [{"Key": str(number), "Value": ""} for number in range(51)]},
            ),
            ("resourceTags", "A tag key must be sent once", {"resourceTags": [{"Key": "a", "Value": "1"}] * 2}),
            (
                "resourceTags", "Tag keys that start with aws: are reserved",
                {"resourceTags": [{"Key": "aws:a", "Value": ""}]},
            ),
            ("value", NULL, {"resourceTags": [{"Key": "a"}]}),
        ]:
            for call, others in [(create, {"prefix": "other", "appliedFor": ["REPLICATION"]}), (update, {"prefix": "team"})]:
                with self.subTest(call.__name__, **options):
                    self.invalid(field, text, call, **others | options)
        for call, others in [(create, {"prefix": "other", "appliedFor": ["REPLICATION"]}), (update, {"prefix": "team"})]:
            text = self.refused(
                "InvalidParameterException", None, call, lifecyclePolicy=lifecycle_policy(rule(1, "tagged")), **others,
            )
            self.assertIn(
                "'lifecyclePolicy' failed to satisfy constraint: 'Lifecycle policy validation failure: Must specify "
                "tagPrefixList or tagPatternList when tagStatus=TAGGED.", text,
            )
            # Valid, and not evaluated yet.
            text = self.refused(
                "InvalidParameterException", None, call, repositoryPolicy=self.policy("Deny"), **others,
            )
            self.assertIn("Deny", text)
        for field, text, options in [
            (
                "prefixes", f"Member must satisfy constraint: [{GRAMMAR}]", {"prefixes": ["team", "A1"]},
            ),
            ("maxResults", "Member must have value greater than or equal to 1", {"maxResults": 0}),
            ("maxResults", "Member must have value less than or equal to 1000", {"maxResults": 1001}),
            ("nextToken", "Invalid token", {"nextToken": "nonsense"}),
        ]:
            self.invalid(field, text, self.raw.describe_repository_creation_templates, **options)
        # None of it left anything behind.
        [left] = self.described()
        self.assertEqual((left["prefix"], left["updatedAt"]), ("team", left["createdAt"]))

    def test_a_prefix_is_taken_once(self):
        self.create("team/")
        for prefix in ("team", "team/"):
            text = f"The repository creation template with prefix '{prefix}' already exists in the registry with id '{ACCOUNT}'"
            self.refused(
                "TemplateAlreadyExistsException", text, self.ecr.create_repository_creation_template,
                prefix=prefix, appliedFor=["REPLICATION"],
            )
            self.assertEqual([found["prefix"] for found in self.described(prefix)], ["team/"])
            self.assertEqual(self.update(prefix, description=prefix)["prefix"], "team/")
        for prefix in ("ROOT", "a", "team/web", "a" * 256):
            self.create(prefix)
        self.assertEqual(len(self.described()), 5)

    def test_deleted(self):
        whole = self.create("team/", **self.whole())
        self.create("kept")
        self.assertEqual(self.shown(self.ecr.delete_repository_creation_template(prefix="team")), whole)
        # Those that are not there are left out.
        self.assertEqual(self.described("team"), [])
        self.assertEqual([found["prefix"] for found in self.described("team", "kept", "kept/")], ["kept"])
        for call in (self.ecr.update_repository_creation_template, self.ecr.delete_repository_creation_template):
            for prefix in ("team/", "never"):
                text = (
                    f"The repository creation template with prefix '{prefix}' does not exist in the registry with id "
                    f"'{ACCOUNT}'"
                )
                self.refused("TemplateNotFoundException", text, call, prefix=prefix)
        # A new one of that name knows nothing of the old one.
        self.assertNotIn("description", self.create("team/"))

    def test_pages_and_the_quota(self):
        prefixes = [f"team-{number:02}" for number in range(50)]
        for prefix in reversed(prefixes):
            self.create(prefix, description=f"of {prefix}")
        text = f"The registry with id '{ACCOUNT}' already has the maximum number of repository creation templates, 50"
        self.refused(
            "LimitExceededException", text, self.ecr.create_repository_creation_template,
            prefix="another", appliedFor=["REPLICATION"],
        )
        operation, key = "describe_repository_creation_templates", "repositoryCreationTemplates"
        for size in (1, 7, 49, 50, 51, 1000):
            pages = self.paged(operation, key, size)
            found = [(found["prefix"], found["description"]) for page in pages for found in page]
            self.assertEqual(found, [(prefix, f"of {prefix}") for prefix in prefixes])
            self.assertEqual(len(pages), -(-50 // size))
        some = prefixes[10:30]
        pages = self.paged(operation, key, 8, prefixes=[*some, "never"])
        self.assertEqual([[found["prefix"] for found in page] for page in pages], [some[:8], some[8:16], some[16:]])
        token = self.ecr.describe_repository_creation_templates(maxResults=1)["nextToken"]
        for call, parameters in [
            (self.ecr.describe_repository_creation_templates, {"prefixes": some}),
            (self.client("ecr", region="eu-test-elsewhere").describe_repository_creation_templates, {}),
            (self.ecr.describe_pull_through_cache_rules, {}),
        ]:
            self.invalid("nextToken", "Invalid token", call, nextToken=token, **parameters)


if __name__ == "__main__":
    unittest.main()
