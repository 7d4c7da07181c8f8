"""What a registry as a whole is told: settings, policy, scanning, replication (spec/ecr.md 2.4, 2.11, 2.22, 2.25, 2.30,
2.31, 2.39, 2.44, 2.45, 2.46, 5.2, 6.2, 7.4)."""

import json
import unittest

from registry import ACCOUNT, Registry

OTHER = "123456789012"
DEFAULTS = {"BASIC_SCAN_TYPE_VERSION": "AWS_NATIVE", "REGISTRY_POLICY_SCOPE": "V2", "BLOB_MOUNTING": "ENABLED"}


def body(answer):
    """An answer without what boto3 adds to it."""
    del answer["ResponseMetadata"]
    return answer


class AccountSettings(Registry):
    def value(self, name):
        answer = body(self.ecr.get_account_setting(name=name))
        self.assertEqual(answer, {"name": name, "value": answer["value"]})
        return answer["value"]

    def test_defaults(self):
        self.assertEqual({name: self.value(name) for name in DEFAULTS}, DEFAULTS)

    def test_set_and_set_back(self):
        elsewhere = self.client("ecr", region="eu-test-elsewhere")
        for name, values in [
            ("BASIC_SCAN_TYPE_VERSION", ["AWS_NATIVE"]),
            ("REGISTRY_POLICY_SCOPE", ["V1", "V2"]),
            ("BLOB_MOUNTING", ["DISABLED", "ENABLED"]),
        ]:
            for value in values:
                put = body(self.ecr.put_account_setting(name=name, value=value))
                self.assertEqual(put, {"name": name, "value": value})
                self.assertEqual(self.value(name), value)
                self.assertEqual(elsewhere.get_account_setting(name=name)["value"], DEFAULTS[name])

    def test_refused(self):
        names = "Member must satisfy enum value set: [BASIC_SCAN_TYPE_VERSION, REGISTRY_POLICY_SCOPE, BLOB_MOUNTING]"
        for name in ("NOTHING", "blob_mounting", "x" * 64):
            self.invalid("name", names, self.ecr.get_account_setting, name=name)
            self.invalid("name", names, self.ecr.put_account_setting, name=name, value="ENABLED")
        for name, value, values in [
            ("BASIC_SCAN_TYPE_VERSION", "CLAIR", "AWS_NATIVE"),
            ("REGISTRY_POLICY_SCOPE", "V3", "V2, V1"),
            ("BLOB_MOUNTING", "enabled", "ENABLED, DISABLED"),
            ("BLOB_MOUNTING", "", "ENABLED, DISABLED"),
        ]:
            text = f"Member must satisfy enum value set: [{values}]"
            self.invalid("value", text, self.ecr.put_account_setting, name=name, value=value)
            self.assertEqual(self.value(name), DEFAULTS[name])
        for call in (self.raw.get_account_setting, self.raw.put_account_setting):
            for parameters, text in [
                ({}, "Member must not be null"),
                ({"name": ""}, "Member must have length greater than or equal to 1"),
                ({"name": "x" * 65}, "Member must have length less than or equal to 64"),
            ]:
                self.invalid("name", text, call, **parameters)
        self.invalid("value", "Member must not be null", self.raw.put_account_setting, name="BLOB_MOUNTING")

    def test_whether_layers_are_mounted(self):
        self.repository("from")
        digest = self.upload("from", b"a layer")
        for number, (value, status) in enumerate([(None, 201), ("DISABLED", 202), ("ENABLED", 201), ("DISABLED", 202)]):
            if value:
                self.ecr.put_account_setting(name="BLOB_MOUNTING", value=value)
            self.repository(f"to-{number}")
            connection, headers = self.door()
            connection.request("POST", f"/v2/to-{number}/blobs/uploads/?mount={digest}&from=from", headers=headers)
            self.assertEqual(connection.getresponse().status, status, value)
            connection.close()


class RegistryPolicies(Registry):
    FRAME = "Invalid parameter at 'PolicyText' failed to satisfy constraint: 'Invalid registry policy provided'"

    def policy(self, **members):
        statement = {
            "Sid": "ReplicationAccess",
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:aws:iam::{OTHER}:root"},
            "Action": ["ecr:CreateRepository", "ecr:ReplicateImage"],
            "Resource": f"arn:aws:ecr:{self.region}:{ACCOUNT}:repository/team/*",
        }
        statement |= members
        return json.dumps({
            "Version": "2012-10-17",
            "Statement": [{name: value for name, value in statement.items() if value is not None}],
        })

    def missing(self):
        text = f"Registry policy does not exist in the registry with id '{ACCOUNT}'"
        for call in (self.ecr.get_registry_policy, self.ecr.delete_registry_policy):
            self.refused("RegistryPolicyNotFoundException", text, call)

    def test_set_returned_and_deleted(self):
        self.missing()
        elsewhere = self.client("ecr", region="eu-test-elsewhere")
        for policy in [
            self.policy(),
            self.policy(Principal="*", Action="ecr:*", Resource="*"),
            self.policy(Principal={"AWS": [OTHER, f"arn:aws:iam::{OTHER}:role/none"]}, Action="*"),
            self.policy(Action="ecr:BatchGetImage", Condition={"StringEquals": {"aws:SourceAccount": OTHER}}),
            self.policy(Resource=None, NotResource=f"arn:aws:ecr:{self.region}:{ACCOUNT}:repository/secret"),
        ]:
            for answer in (self.ecr.put_registry_policy(policyText=policy), self.ecr.get_registry_policy()):
                answer = body(answer)
                self.assertEqual(json.loads(answer.pop("policyText")), json.loads(policy))
                self.assertEqual(answer, {"registryId": ACCOUNT})
            self.refused("RegistryPolicyNotFoundException", None, elsewhere.get_registry_policy)
        deleted = body(self.ecr.delete_registry_policy())
        self.assertEqual(json.loads(deleted["policyText"]), json.loads(policy))
        self.assertEqual(deleted["registryId"], ACCOUNT)
        self.missing()

    def test_refused(self):
        for policy in [
            "",
            "nonsense",
            "{}",
            json.dumps({"Version": "2012-10-17", "Statement": []}),
            self.policy(Resource=None),
            self.policy(Resource="team/*"),
            self.policy(Principal=None),
            self.policy(Principal={"AWS": "somebody"}),
            self.policy(Action="s3:GetObject"),
            self.policy(Effect="Perhaps"),
            self.policy(Anything="else"),
            # One statement of two has no resource.
            json.dumps({"Statement": [
                json.loads(self.policy())["Statement"][0], json.loads(self.policy(Resource=None))["Statement"][0],
            ]}),
        ]:
            with self.subTest(policy):
                self.refused("InvalidParameterException", self.FRAME, self.ecr.put_registry_policy, policyText=policy)
        self.invalid(
            "policyText", "Member must have length less than or equal to 10240",
            self.raw.put_registry_policy, policyText=self.policy(Sid="x" * 10_240),
        )
        self.invalid("policyText", "Member must not be null", self.raw.put_registry_policy)
        self.missing()

    def test_a_deny_is_refused(self):
        text = self.refused(
            "InvalidParameterException", None, self.ecr.put_registry_policy, policyText=self.policy(Effect="Deny"),
        )
        self.assertIn("Deny", text)
        self.assertNotIn("Invalid registry policy provided", text)
        self.missing()

    def test_the_longest(self):
        filler = 10_240 - len(self.policy(Sid=""))
        policy = self.policy(Sid="x" * filler)
        self.assertEqual(len(policy), 10_240)
        self.ecr.put_registry_policy(policyText=policy)
        self.assertEqual(json.loads(self.ecr.get_registry_policy()["policyText"]), json.loads(policy))

    def test_scopes(self):
        narrow = [
            self.policy(),
            self.policy(Action=["ecr:*"]),
            self.policy(Action=["ecr:replicateimage", "ecr:BatchImportUpstreamImage"]),
        ]
        wide = [
            self.policy(Action=["ecr:ReplicateImage", "ecr:BatchGetImage"]),
            self.policy(Action="ecr:Replicate*"),
            self.policy(Action=None, NotAction="ecr:BatchGetImage"),
        ]
        self.ecr.put_account_setting(name="REGISTRY_POLICY_SCOPE", value="V1")
        for policy in narrow:
            self.ecr.put_registry_policy(policyText=policy)
        for policy in wide:
            with self.subTest(policy):
                self.refused("InvalidParameterException", self.FRAME, self.ecr.put_registry_policy, policyText=policy)
        self.assertEqual(json.loads(self.ecr.get_registry_policy()["policyText"]), json.loads(narrow[-1]))
        self.ecr.put_account_setting(name="REGISTRY_POLICY_SCOPE", value="V2")
        for policy in wide + narrow:
            self.ecr.put_registry_policy(policyText=policy)


class Scanning(Registry):
    def filters(self, *filters):
        return [{"filter": text, "filterType": "WILDCARD"} for text in filters]

    def rule(self, frequency, *filters):
        return {"scanFrequency": frequency, "repositoryFilters": self.filters(*filters)}

    def configuration(self):
        answer = body(self.ecr.get_registry_scanning_configuration())
        self.assertEqual(answer.pop("registryId"), ACCOUNT)
        self.assertEqual(list(answer), ["scanningConfiguration"])
        return answer["scanningConfiguration"]

    def test_set_returned_and_replaced(self):
        default = {"scanType": "BASIC", "rules": []}
        self.assertEqual(self.configuration(), default)
        elsewhere = self.client("ecr", region="eu-test-elsewhere")
        many = [f"web-{number}/*" for number in range(100)]
        for put, expected in [
            (
                {"scanType": "ENHANCED", "rules": [self.rule("SCAN_ON_PUSH", "b", "a*"), self.rule("CONTINUOUS_SCAN", "*")]},
                None,
            ),
            ({"scanType": "BASIC", "rules": [self.rule("MANUAL", "x"), self.rule("SCAN_ON_PUSH", *many)]}, None),
            ({"scanType": "BASIC", "rules": [self.rule("SCAN_ON_PUSH")]}, None),
            ({"rules": [self.rule("SCAN_ON_PUSH", "a" * 255)]}, {"scanType": "BASIC"}),
            ({"scanType": "ENHANCED"}, {"rules": []}),
            ({}, default),
        ]:
            expected = put | (expected or {})
            answer = body(self.ecr.put_registry_scanning_configuration(**put))
            self.assertEqual(answer, {"registryScanningConfiguration": expected})
            self.assertEqual(self.configuration(), expected)
            self.assertEqual(elsewhere.get_registry_scanning_configuration()["scanningConfiguration"], default)

    def test_refused(self):
        kept = {"scanType": "BASIC", "rules": [self.rule("SCAN_ON_PUSH", "kept")]}
        self.ecr.put_registry_scanning_configuration(**kept)
        one = self.rule("SCAN_ON_PUSH", "a")
        grammar = r"^[a-z0-9*](?:[._\-/a-z0-9*]?[a-z0-9*]+)*$"
        for field, text, parameters in [
            ("scanType", "Member must satisfy enum value set: [BASIC, ENHANCED]", {"scanType": "SOME"}),
            ("rules", "Member must have length less than or equal to 2", {"rules": [one, one, one]}),
            (
                "rules", "Member must have at most one rule with scanFrequency SCAN_ON_PUSH",
                {"rules": [one, self.rule("SCAN_ON_PUSH", "b")]},
            ),
            (
                "scanFrequency", "ScanFrequency can't be CONTINUOUS_SCAN when scanType is set as BASIC",
                {"scanType": "BASIC", "rules": [self.rule("CONTINUOUS_SCAN", "a")]},
            ),
            (
                "scanFrequency", "ScanFrequency can't be CONTINUOUS_SCAN when scanType is set as BASIC",
                {"rules": [self.rule("CONTINUOUS_SCAN", "a")]},
            ),
            (
                "scanFrequency", "ScanFrequency can't be MANUAL when scanType is set as ENHANCED",
                {"scanType": "ENHANCED", "rules": [self.rule("MANUAL", "a")]},
            ),
            (
                "scanFrequency", "Member must satisfy enum value set: [SCAN_ON_PUSH, CONTINUOUS_SCAN, MANUAL]",
                {"rules": [self.rule("HOURLY", "a")]},
            ),
            ("scanFrequency", "Member must not be null", {"rules": [{"repositoryFilters": []}]}),
            ("repositoryFilters", "Member must not be null", {"rules": [{"scanFrequency": "SCAN_ON_PUSH"}]}),
            (
                "repositoryFilters", "Member must have length less than or equal to 100",
                {"rules": [self.rule("SCAN_ON_PUSH", *["a"] * 101)]},
            ),
            (
                "filter", "Member must have length greater than or equal to 1",
                {"rules": [self.rule("SCAN_ON_PUSH", "")]},
            ),
            (
                "filter", "Member must have length less than or equal to 255",
                {"rules": [self.rule("SCAN_ON_PUSH", "a" * 256)]},
            ),
            (
                "filter", f"Member must satisfy regular expression pattern: {grammar}",
                {"rules": [self.rule("SCAN_ON_PUSH", "Prod")]},
            ),
            (
                "filterType", "Member must satisfy enum value set: [WILDCARD]",
                {"rules": [one | {"repositoryFilters": [{"filter": "a", "filterType": "PREFIX_MATCH"}]}]},
            ),
        ]:
            with self.subTest(text, **parameters):
                self.invalid(field, text, self.raw.put_registry_scanning_configuration, **parameters)
        self.assertEqual(self.configuration(), kept)

    def repositories(self, *names):
        return self.ecr.batch_get_repository_scanning_configuration(repositoryNames=list(names))

    def frequencies(self, *names):
        """How often each is scanned, and through which filters."""
        answer = self.repositories(*names)
        self.assertEqual(answer["failures"], [])
        return [
            (found["scanFrequency"], [applied["filter"] for applied in found["appliedScanFilters"]])
            for found in answer["scanningConfigurations"]
        ]

    def test_what_it_makes_of_repositories(self):
        names = ("web", "team/api", "job")
        for name in names:
            self.repository(name, imageScanningConfiguration={"scanOnPush": name == "job"})
        self.assertEqual(self.frequencies(*names), [("MANUAL", []), ("MANUAL", []), ("SCAN_ON_PUSH", [])])
        self.ecr.put_registry_scanning_configuration(
            scanType="ENHANCED", rules=[self.rule("SCAN_ON_PUSH", "e", "web*"), self.rule("CONTINUOUS_SCAN", "*/api")],
        )
        expected = [("SCAN_ON_PUSH", ["e", "web*"]), ("CONTINUOUS_SCAN", ["*/api"]), ("MANUAL", [])]
        self.assertEqual(self.frequencies(*names), expected)
        self.assertEqual(self.frequencies("job", "web"), [expected[2], expected[0]])
        self.ecr.put_registry_scanning_configuration(scanType="BASIC", rules=[self.rule("SCAN_ON_PUSH", "ob")])
        self.assertEqual(self.frequencies(*names), [("MANUAL", []), ("MANUAL", []), ("SCAN_ON_PUSH", ["ob"])])
        # The repository's own flag stays what it was.
        flags = [found["scanOnPush"] for found in self.repositories(*names)["scanningConfigurations"]]
        self.assertEqual(flags, [False, False, True])

    def test_the_whole_answer(self):
        self.repository()
        self.ecr.put_registry_scanning_configuration(rules=[self.rule("SCAN_ON_PUSH", "*")])
        self.assertEqual(body(self.repositories("missing", "web", "absent")), {
            "scanningConfigurations": [{
                "repositoryArn": f"arn:aws:ecr:{self.region}:{ACCOUNT}:repository/web",
                "repositoryName": "web",
                "scanOnPush": False,
                "scanFrequency": "SCAN_ON_PUSH",
                "appliedScanFilters": self.filters("*"),
            }],
            "failures": [
                {
                    "repositoryName": name, "failureCode": "REPOSITORY_NOT_FOUND",
                    "failureReason": "REPOSITORY_NOT_FOUND",
                }
                for name in ("missing", "absent")
            ],
        })

    def test_how_many_repositories(self):
        answer = self.repositories(*[f"web-{number}" for number in range(25)])
        self.assertEqual((len(answer["failures"]), answer["scanningConfigurations"]), (25, []))
        for names, text in [
            ([], "Member must have length greater than or equal to 1"),
            (["web"] * 26, "Member must have length less than or equal to 25"),
        ]:
            self.invalid(
                "repositoryNames", text, self.raw.batch_get_repository_scanning_configuration, repositoryNames=names,
            )
        self.invalid(
            "repositoryNames", "Member must not be null", self.raw.batch_get_repository_scanning_configuration,
        )
        self.refused(
            "InvalidParameterException", None,
            self.raw.batch_get_repository_scanning_configuration, repositoryNames=["web", "Web"],
        )


class Replication(Registry):
    def rule(self, *destinations, filters=None, **members):
        rule = {"destinations": [{"region": region, "registryId": account} for region, account in destinations]}
        if filters is not None:
            rule["repositoryFilters"] = [{"filter": text, "filterType": "PREFIX_MATCH"} for text in filters]
        return rule | members

    def put(self, *rules, raw=False):
        ecr = self.raw if raw else self.ecr
        return ecr.put_replication_configuration(replicationConfiguration={"rules": list(rules)})

    def rules(self):
        answer = body(self.ecr.describe_registry())
        self.assertEqual(answer, {
            "registryId": ACCOUNT, "replicationConfiguration": answer["replicationConfiguration"],
        })
        return answer["replicationConfiguration"]["rules"]

    def test_set_returned_and_replaced(self):
        self.assertEqual(self.rules(), [])
        elsewhere = self.client("ecr", region="eu-test-elsewhere")
        west, east = ("us-west-2", ACCOUNT), ("us-east-1", OTHER)
        for rules in [
            [self.rule(west)],
            [self.rule(west, east, west, filters=["prod/", "a-"])],
            # In the order they are sent, with what was sent and nothing else.
            [
                self.rule(east, filters=["zz", "aa"], deleteReplication={"enabled": True}),
                self.rule(west, deleteReplication={"enabled": False}),
                self.rule(),
                self.rule((self.region, OTHER), filters=["x" * 256]),
            ],
            [self.rule(west, filters=[f"team-{number}" for number in range(100)])],
            [self.rule((f"us-test-{number}", ACCOUNT)) for number in range(25)],
            # The same registries again count once.
            [self.rule(*[(f"us-test-{number}", ACCOUNT) for number in range(25)])] * 2,
            [],
        ]:
            self.assertEqual(body(self.put(*rules)), {"replicationConfiguration": {"rules": rules}})
            self.assertEqual(self.rules(), rules)
            self.assertEqual(elsewhere.describe_registry()["replicationConfiguration"], {"rules": []})

    def test_refused(self):
        west = ("us-west-2", ACCOUNT)
        kept = [self.rule(west)]
        self.put(*kept)
        grammar = "^(?:[a-z0-9]+(?:[._-][a-z0-9]*)*/)*[a-z0-9]*(?:[._-][a-z0-9]*)*$"
        pattern = "Member must satisfy regular expression pattern: "
        for field, text, rules in [
            (
                "replicationConfiguration", "Replication destination cannot be the same as the source registry",
                [self.rule(west), self.rule(west, (self.region, ACCOUNT))],
            ),
            ("rules", "Member must have length less than or equal to 25", [self.rule(west)] * 26),
            (
                "destinations", "Member must have at most 25 unique destinations over all rules",
                [self.rule(*[(f"us-test-{number}", account) for number in range(13)]) for account in (ACCOUNT, OTHER)],
            ),
            ("destinations", "Member must have length less than or equal to 100", [self.rule(*[west] * 101)]),
            ("destinations", "Member must not be null", [{}]),
            (
                "repositoryFilters", "Member must have length greater than or equal to 1",
                [self.rule(west, filters=[])],
            ),
            (
                "repositoryFilters", "Member must have length less than or equal to 100",
                [self.rule(west, filters=["aa"] * 101)],
            ),
            ("filter", "Member must have length greater than or equal to 2", [self.rule(west, filters=["a"])]),
            ("filter", "Member must have length less than or equal to 256", [self.rule(west, filters=["a" * 257])]),
            ("filter", pattern + grammar, [self.rule(west, filters=["a*"])]),
            (
                "filterType", "Member must satisfy enum value set: [PREFIX_MATCH]",
                [self.rule(west, repositoryFilters=[{"filter": "aa", "filterType": "WILDCARD"}])],
            ),
            ("region", pattern + "[0-9a-z-]{2,25}", [self.rule(("US-WEST-2", ACCOUNT))]),
            ("region", "Member must have length greater than or equal to 2", [self.rule(("u", ACCOUNT))]),
            ("region", "Member must have length less than or equal to 25", [self.rule(("u" * 26, ACCOUNT))]),
            ("registryId", "must satisfy regular expression [0-9]{12}", [self.rule(("us-west-2", "1"))]),
            ("registryId", "Member must not be null", [{"destinations": [{"region": "us-west-2"}]}]),
            ("enabled", "Member must not be null", [self.rule(west, deleteReplication={})]),
        ]:
            with self.subTest(text, rules=rules):
                self.invalid(
                    field, text, self.raw.put_replication_configuration, replicationConfiguration={"rules": rules},
                )
        for field, parameters in [
            ("replicationConfiguration", {}), ("rules", {"replicationConfiguration": {}}),
        ]:
            self.invalid(field, "Member must not be null", self.raw.put_replication_configuration, **parameters)
        self.assertEqual(self.rules(), kept)


if __name__ == "__main__":
    unittest.main()
