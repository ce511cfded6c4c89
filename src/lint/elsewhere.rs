//! Checks of other tools that have nothing to look at in a spec, and why: who asks for one by its id gets the reason in
//! place of a rule. Checks that have something to look at are aliases of rules.

/// Checks that share a reason.
pub struct Elsewhere {
    /// Their ids in other tools.
    pub ids: &'static [&'static str],
    /// What they look at.
    pub about: &'static str,
    /// Why it cannot be wrong in a spec.
    pub why: &'static str,
}

pub const ELSEWHERE: &[Elsewhere] = &[
    Elsewhere {
        ids: &[
            "CKV_AWS_240",
            "CKV_AWS_241",
            "KINESIS_FIREHOSE_DELIVERY_STREAM_ENCRYPTION_RULE",
            "W88",
            "firehose_stream_encrypted_at_rest",
            "5c6dd5e7-1fe0-4cae-8f81-4c122717cef3",
            "DataFirehose.1",
        ],
        about: "encryption of a Firehose delivery stream",
        why: "An archive reads a Kinesis stream, and then Firehose stores nothing of its own and refuses the setting. What is \
              stored lies in the stream (`stream-unencrypted`) and in the bucket (`archive-managed-key`).",
    },
    Elsewhere {
        ids: &["MALFORMED_JSON"],
        about: "policies that are no JSON, or have a key twice",
        why: "That is a mistake of the file and no choice of rules: it is always told, as `malformed-json` and \
              `duplicate-key`.",
    },
    Elsewhere {
        ids: &["E3633", "E3634"],
        about: "the starting position of an event source mapping",
        why: "A spec describes no mappings of Lambda functions; they belong to whoever owns the function.",
    },
    Elsewhere {
        ids: &["CKV_AWS_177"],
        about: "the key of a Kinesis video stream",
        why: "A spec describes data streams only.",
    },
    Elsewhere {
        ids: &["CKV2_AWS_64"],
        about: "keys without a policy",
        why: "Each key of a pipeline is made with a policy, by which IAM of its account decides.",
    },
    Elsewhere {
        ids: &["CKV_AWS_227"],
        about: "keys that are disabled",
        why: "A spec has no word that disables a key: each is made enabled, and whoever disables one does it in the account.",
    },
    Elsewhere {
        ids: &[
            "CKV_AWS_19",
            "CKV_AWS_20",
            "CKV_AWS_53",
            "CKV_AWS_54",
            "CKV_AWS_55",
            "CKV_AWS_56",
            "CKV_AWS_57",
            "CKV_AWS_93",
            "CKV_AWS_300",
            "CKV_AWS_379",
            "CKV2_AWS_6",
            "CKV2_AWS_43",
            "AWS-0086",
            "AWS-0087",
            "AWS-0088",
            "AWS-0091",
            "AWS-0092",
            "AWS-0093",
            "AWS-0094",
        ],
        about: "public access, encryption, transport and unfinished uploads of a bucket",
        why: "A bucket of a pipeline is made without ACLs, with all four locks against public access, encrypted, with a \
              policy that denies what comes without TLS and nothing else, and drops unfinished uploads after a week. Of \
              a bucket that is made elsewhere `archive-foreign-bucket` tells.",
    },
    Elsewhere {
        ids: &["CKV_AWS_18", "AWS-0089", "AWS-0171", "AWS-0172"],
        about: "access logs of a bucket",
        why: "Server access logs need a second bucket, and events of CloudTrail a trail: both belong to the account, for \
              all its buckets, and a spec has no field for them.",
    },
    Elsewhere {
        ids: &["CKV_AWS_143", "CKV_AWS_144", "CKV2_AWS_62", "AWS-0170"],
        about: "object lock, replication, notifications and MFA deletion of a bucket",
        why: "A spec has no fields for them. Who needs them makes the bucket elsewhere and names it without `create`.",
    },
    Elsewhere {
        ids: &["CKV_AWS_158"],
        about: "the key of a log group",
        why: "The log group of an archive holds what Firehose says of failed deliveries and no records. CloudWatch Logs \
              encrypts it with a key of its own, and a spec has no field for another.",
    },
    Elsewhere {
        ids: &["CKV_AWS_123", "CKV2_AWS_11", "CKV2_AWS_12"],
        about: "endpoint services, flow logs and default security groups of a VPC",
        why: "A pipeline has endpoints for services of AWS, each with a security group of its own, in a VPC that is made \
              elsewhere. It offers no service to others.",
    },
    Elsewhere {
        ids: &[
            "CKV_AWS_27",
            "CKV_AWS_72",
            "CKV_AWS_168",
            "CKV_AWS_387",
            "CKV2_AWS_73",
            "AWS-0096",
            "AWS-0097",
            "AWS-0135",
            "E3501",
            "E3502",
            "E3505",
            "E3705",
        ],
        about: "SQS queues",
        why: "The only queue that a pipeline can have wakes its controller: it is made encrypted, EventBridge alone may \
              send to it, for one rule, and it holds names of alarms and no records.",
    },
    Elsewhere {
        ids: &["AWS-0095", "AWS-0136"],
        about: "the encryption of SNS topics",
        why: "A spec names the topics that alarms notify; they are made elsewhere.",
    },
    Elsewhere {
        ids: &[
            "CKV_AWS_45",
            "CKV_AWS_50",
            "CKV_AWS_115",
            "CKV_AWS_116",
            "CKV_AWS_117",
            "CKV_AWS_173",
            "CKV_AWS_258",
            "CKV_AWS_272",
            "CKV_AWS_301",
            "CKV_AWS_363",
            "CKV_AWS_364",
            "CKV2_AWS_75",
            "AWS-0066",
            "AWS-0067",
            "W3663",
            "W3664",
        ],
        about: "Lambda functions",
        why: "A spec describes the roles by which functions read and write, and no functions.",
    },
    Elsewhere {
        ids: &[
            "CKV_AWS_28",
            "CKV_AWS_119",
            "CKV_AWS_165",
            "CKV_AWS_271",
            "CKV2_AWS_16",
            "AWS-0023",
            "AWS-0024",
            "AWS-0025",
            "E3039",
            "E3638",
            "E3639",
        ],
        about: "DynamoDB tables",
        why: "The tables of a KCL application are made by the application itself; a spec only grants them to its role.",
    },
    Elsewhere {
        ids: &[
            "CKV_AWS_5",
            "CKV_AWS_6",
            "CKV_AWS_83",
            "CKV_AWS_84",
            "CKV_AWS_94",
            "CKV_AWS_99",
            "CKV_AWS_137",
            "CKV_AWS_195",
            "CKV_AWS_228",
            "CKV_AWS_247",
            "CKV_AWS_248",
            "CKV_AWS_317",
            "CKV_AWS_318",
            "CKV2_AWS_52",
            "CKV2_AWS_59",
            "AWS-0042",
            "AWS-0043",
            "AWS-0046",
            "AWS-0048",
            "AWS-0126",
            "E3513",
        ],
        about: "OpenSearch domains, Glue and container registries",
        why: "A spec describes none of them: an archive goes to S3.",
    },
    Elsewhere {
        ids: &["0e59d33e-bba2-4037-8f88-9765647ca7ad", "d53323be-dde6-4457-9a43-42df737e71d2"],
        about: "the inventory of streams",
        why: "These queries list every stream and find fault with none; `tidegate plan` and `tidegate iam` show what a \
              pipeline consists of.",
    },
    Elsewhere {
        ids: &["CKV_AWS_274", "CKV_AWS_275", "CKV2_AWS_56"],
        about: "AdministratorAccess or IAMFullAccess attached to a role",
        why: "Roles of a pipeline have the policy that their grants need, and no managed ones.",
    },
];

/// The reason for an id, with or without the name of a framework before it; capitals are ignored.
pub fn of(id: &str) -> Option<&'static Elsewhere> {
    let id = id.rsplit_once(' ').map_or(id, |(_, number)| number);
    ELSEWHERE.iter().find(|one| one.ids.iter().any(|known| known.eq_ignore_ascii_case(id)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lint::builtin;
    use crate::lint::metadata;
    use crate::lint::policy::{PolicyFile, Style};
    use crate::lint::rule::About;

    /// What the other tools check of the services that a pipeline may touch, written without the numbers' prefix.
    const CHECKOV: &[u16] = &[
        1, 5, 6, 7, 18, 19, 20, 21, 27, 28, 33, 43, 45, 49, 50, 53, 54, 55, 56, 57, 60, 61, 62, 63, 66, 70, 72, 83, 84,
        93, 94, 99, 107, 108, 109, 110, 111, 115, 116, 117, 119, 123, 137, 143, 144, 145, 158, 165, 168, 173, 177, 185,
        186, 195, 227, 228, 240, 241, 247, 248, 258, 271, 272, 274, 275, 283, 286, 287, 288, 289, 290, 300, 301, 317,
        318, 319, 338, 355, 356, 358, 363, 364, 379, 387, 393,
    ];
    const CHECKOV_GRAPH: &[u16] = &[6, 11, 12, 16, 40, 43, 52, 56, 59, 61, 62, 64, 73, 75];
    const TRIVY: &[u16] = &[
        17, 23, 24, 25, 42, 43, 46, 48, 57, 64, 65, 66, 67, 86, 87, 88, 89, 90, 91, 92, 93, 94, 95, 96, 97, 126, 132,
        135, 136, 170, 171, 172, 320, 342, 345, 346,
    ];
    const OTHERS: &str = "E3039 E3501 E3502 E3505 E3510 E3511 E3512 E3513 E3514 E3530 E3633 E3634 E3638 E3639 E3705 \
        I3011 I3013 I3042 I3510 W2511 W3037 W3663 W3664 F66 F68 W49 W88 Kinesis.1 Kinesis.2 \
        Kinesis.3 DataFirehose.1 kinesis_stream_encrypted_at_rest \
        kinesis_stream_data_retention_period firehose_stream_encrypted_at_rest \
        0e59d33e-bba2-4037-8f88-9765647ca7ad d53323be-dde6-4457-9a43-42df737e71d2 \
        5c6dd5e7-1fe0-4cae-8f81-4c122717cef3 7f65be75-90ab-4036-8c2a-410aef7bb650 \
        862fe4bf-3eec-4767-a517-40f378886b88 KINESIS_STREAM_ENCRYPTION_RULE \
        KINESIS_FIREHOSE_DELIVERY_STREAM_ENCRYPTION_RULE KMS.4 CloudWatch.15 \
        MALFORMED_JSON MALFORMED DUPLICATE_SID RESOURCE_POLICY_PRIVILEGE_ESCALATION UNKNOWN_PRINCIPAL \
        UNKNOWN_FEDERATION_SOURCE MISMATCHED_TYPE_OPERATION_TO_NULL MISMATCHED_TYPE_BUT_USABLE MISMATCHED_TYPE \
        UNKNOWN_ACTION UNKNOWN_PREFIX UNKNOWN_CONDITION_FOR_ACTION BAD_PATTERN_FOR_MFA INVALID_SID INVALID_ARN \
        NO_VERSION INVALID_VERSION OLD_VERSION RESOURCE_MISMATCH RESOURCE_STAR RESOURCE_EFFECTIVELY_STAR \
        UNKNOWN_OPERATOR SINGLE_VALUE_CONDITION_TOO_PERMISSIVE PRIVILEGE_ESCALATION CREDENTIALS_EXPOSURE \
        PERMISSIONS_MANAGEMENT_ACTIONS SENSITIVE_ACCESS PrivilegeEscalation DataExfiltration ResourceExposure \
        ServiceWildcard CredentialsExposure InfrastructureModification";

    /// What a rule says of itself.
    fn said(file: &PolicyFile) -> Option<About> {
        metadata::described(file, Style::Facts, &mut []).ok()
    }

    #[test]
    fn every_check_of_other_tools_has_a_rule_or_a_reason() {
        let numbered = |prefix: &str, numbers: &[u16], width: usize| -> Vec<String> {
            numbers.iter().map(|number| format!("{prefix}{number:0width$}")).collect()
        };
        let mut ids = numbered("CKV_AWS_", CHECKOV, 1);
        ids.extend(numbered("CKV2_AWS_", CHECKOV_GRAPH, 1));
        ids.extend(numbered("AWS-", TRIVY, 4));
        ids.extend(OTHERS.split_whitespace().map(str::to_owned));
        let known: Vec<About> = builtin::files().iter().filter_map(said).collect();
        let is_known = |id: &str| known.iter().any(|about| about.is_called(id));
        let missing: Vec<&String> = ids.iter().filter(|id| !is_known(id) && of(id).is_none()).collect();
        assert!(missing.is_empty(), "neither a rule nor a reason: {missing:?}");
    }

    #[test]
    fn what_a_rule_knows_is_not_called_unknown() {
        let ids: Vec<&str> = ELSEWHERE.iter().flat_map(|one| one.ids).copied().collect();
        assert!(ids.iter().all(|id| of(&id.to_ascii_lowercase()).is_some()));
        for file in builtin::files() {
            let about = said(&file).unwrap_or_else(|| panic!("{}", file.id()));
            assert!(!about.aliases.iter().chain(&about.compliance).any(|alias| ids.contains(&alias.as_str())));
        }
    }
}
