use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A quota of one account and region, counted by AWS itself, unlike the daily limits of a single resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quota {
    pub used: u64,
    pub limit: u64,
}

/// What AWS tells of the account's quotas, by name. One that is missing here is not known and stops nothing.
pub type Quotas = BTreeMap<String, Quota>;

/// What a change takes of a quota.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Need {
    /// The quota's name in [`Quotas`].
    pub quota: &'static str,
    pub units: u64,
    /// What the units are, in the plural: "open shards".
    pub what: &'static str,
}

impl Need {
    /// Why there is no room for it, after `planned` units of the same plan; `None` if there is, or nobody knows.
    pub fn excess(&self, quotas: &Quotas, planned: u64) -> Option<String> {
        let quota = quotas.get(self.quota)?;
        let taken = quota.used + planned;
        (taken + self.units > quota.limit).then(|| {
            let (what, units, limit) = (self.what, self.units, quota.limit);
            let earlier =
                if planned > 0 { format!(", and {planned} are taken by this plan already") } else { String::new() };
            format!("it needs {units} more {what}, the account uses {} of its {limit}{earlier}", quota.used)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_need_fits_up_to_the_limit_and_an_unknown_quota_stops_nothing() {
        let quotas = Quotas::from([("shards".to_owned(), Quota { used: 90, limit: 100 })]);
        let need = |quota, units| Need { quota, units, what: "open shards" };
        assert_eq!(need("shards", 10).excess(&quotas, 0), None);
        assert_eq!(
            need("shards", 8).excess(&quotas, 4).as_deref(),
            Some("it needs 8 more open shards, the account uses 90 of its 100, and 4 are taken by this plan already")
        );
        assert_eq!(need("streams", 10_000).excess(&quotas, 0), None);
    }
}
