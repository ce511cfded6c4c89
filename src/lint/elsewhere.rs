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
        ids: &["CKV_AWS_274", "CKV_AWS_275"],
        about: "AdministratorAccess attached to a role",
        why: "Roles of a pipeline have the policy that their grants need, and no managed ones.",
    },
];

/// The reason for an id; capitals are ignored.
pub fn of(id: &str) -> Option<&'static Elsewhere> {
    ELSEWHERE.iter().find(|one| one.ids.iter().any(|known| known.eq_ignore_ascii_case(id)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lint::metadata;
    use crate::lint::{builtin, rule::Concern};

    #[test]
    fn what_a_rule_knows_is_not_called_unknown() {
        let ids: Vec<&str> = ELSEWHERE.iter().flat_map(|one| one.ids).copied().collect();
        assert!(ids.iter().all(|id| of(&id.to_ascii_lowercase()).is_some()));
        for rule in builtin::RULES {
            let about = metadata::read(rule.id, Concern::Custom, rule.rego).unwrap_or_else(|_| panic!("{}", rule.id));
            let about = about.unwrap();
            assert!(!about.aliases.iter().chain(&about.compliance).any(|alias| ids.contains(&alias.as_str())));
        }
    }
}
