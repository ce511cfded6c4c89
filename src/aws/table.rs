//! A DynamoDB table that holds leases and the entries of a ledger: items of a partition `pk` in the order of `sk`.

use std::collections::HashMap;
use std::sync::Arc;

use aws_sdk_dynamodb::types::{AttributeValue as Value, ConditionCheck, Put, TransactWriteItem};

use super::clients::Aws;
use crate::cloud::{Class, Fault};

/// Items of one transaction, the check of the lease included (DynamoDB API reference, TransactWriteItems).
const TRANSACTION: usize = 100;
/// Pages of 1 MB that are read of one partition: more than 100 MB of a month's entries nobody needs.
const MOST_PAGES: usize = 100;
/// What stands under `sk` in the item of a lease.
const LEASE: &str = "lease";

/// A lease as it stands in the table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lease {
    /// Who holds it; empty once it was given back.
    pub owner: String,
    /// Rises with each change of hands.
    pub epoch: i64,
    /// Rises with each sign of life of the holder.
    pub beat: i64,
}

/// One entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Orders the entries of a partition.
    pub sort: String,
    pub text: String,
    /// Seconds since 1970 after which DynamoDB may delete it, where time to live is on for `expires`.
    pub expires: i64,
}

/// A table, seen through one set of credentials.
pub struct Table {
    aws: Arc<Aws>,
    pub name: String,
}

impl Table {
    pub fn new(aws: Arc<Aws>, name: impl Into<String>) -> Self {
        Self { aws, name: name.into() }
    }

    /// The lease of a partition, as the last write left it.
    ///
    /// # Errors
    /// What DynamoDB answers; a missing table with the command that makes one.
    pub async fn lease(&self, partition: &str) -> Result<Option<Lease>, Fault> {
        let doing = self.doing("reading the lease of", partition);
        let answer = self.aws.call("dynamodb:GetItem", &doing, || {
            let get = self.aws.dynamodb().get_item().table_name(&self.name).consistent_read(true);
            get.set_key(Some(key(partition, LEASE))).send()
        });
        let answer = answer.await.map_err(|fault| self.explain(fault))?;
        Ok(answer.item().map(|item| {
            let number = |name: &str| item.get(name).and_then(|value| value.as_n().ok()?.parse().ok()).unwrap_or(0);
            let owner = item.get("owner").and_then(|value| value.as_s().ok()).cloned().unwrap_or_default();
            Lease { owner, epoch: number("epoch"), beat: number("beat") }
        }))
    }

    /// Puts `next` in place of `seen`. `false`: something else stands there by now.
    ///
    /// # Errors
    /// What DynamoDB answers.
    pub async fn claim(&self, partition: &str, seen: Option<&Lease>, next: &Lease) -> Result<bool, Fault> {
        let doing = self.doing("taking the lease of", partition);
        let mut item = key(partition, LEASE);
        item.insert("owner".into(), Value::S(next.owner.clone()));
        item.insert("epoch".into(), number(next.epoch));
        item.insert("beat".into(), number(next.beat));
        let put = self.aws.call("dynamodb:PutItem", &doing, || {
            let put = self.aws.dynamodb().put_item().table_name(&self.name).set_item(Some(item.clone()));
            match seen {
                None => put.condition_expression("attribute_not_exists(pk)"),
                Some(seen) => put
                    .condition_expression("epoch = :epoch AND beat = :beat")
                    .expression_attribute_values(":epoch", number(seen.epoch))
                    .expression_attribute_values(":beat", number(seen.beat)),
            }
            .send()
        });
        self.held(put.await.map(drop))
    }

    /// Gives a sign of life, or with `release` gives the lease back. `false`: it is another's by now.
    ///
    /// # Errors
    /// What DynamoDB answers.
    pub async fn renew(&self, partition: &str, owner: &str, epoch: i64, release: bool) -> Result<bool, Fault> {
        let doing = self.doing(if release { "giving back the lease of" } else { "renewing the lease of" }, partition);
        let update = self.aws.call("dynamodb:UpdateItem", &doing, || {
            let update = self.aws.dynamodb().update_item().table_name(&self.name);
            let update = update
                .set_key(Some(key(partition, LEASE)))
                .condition_expression("#owner = :me AND epoch = :epoch")
                .expression_attribute_names("#owner", "owner")
                .expression_attribute_values(":me", Value::S(owner.into()))
                .expression_attribute_values(":epoch", number(epoch))
                .expression_attribute_values(":one", number(1));
            if release {
                let update = update.update_expression("SET #owner = :nobody ADD beat :one");
                update.expression_attribute_values(":nobody", Value::S(String::new())).send()
            } else {
                update.update_expression("ADD beat :one").send()
            }
        });
        self.held(update.await.map(drop))
    }

    /// Appends entries under the condition that the lease is still held. `false`: it is not, and the rest was not written.
    ///
    /// # Errors
    /// What DynamoDB answers.
    pub async fn append(&self, partition: &str, owner: &str, epoch: i64, lines: &[Line]) -> Result<bool, Fault> {
        let doing = self.doing("writing the ledger of", partition);
        for some in lines.chunks(TRANSACTION - 1) {
            let items = self
                .transaction(partition, owner, epoch, some)
                .map_err(|why| Fault::new(Class::Refused, doing.clone(), "BadRequest", why))?;
            let write = self.aws.call("dynamodb:TransactWriteItems", &doing, || {
                self.aws.dynamodb().transact_write_items().set_transact_items(Some(items.clone())).send()
            });
            if !self.held(write.await.map(drop))? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn transaction(
        &self,
        partition: &str,
        owner: &str,
        epoch: i64,
        lines: &[Line],
    ) -> Result<Vec<TransactWriteItem>, String> {
        let check = ConditionCheck::builder()
            .table_name(&self.name)
            .set_key(Some(key(partition, LEASE)))
            .condition_expression("#owner = :me AND epoch = :epoch")
            .expression_attribute_names("#owner", "owner")
            .expression_attribute_values(":me", Value::S(owner.into()))
            .expression_attribute_values(":epoch", number(epoch))
            .build()
            .map_err(|error| error.to_string())?;
        let mut items = vec![TransactWriteItem::builder().condition_check(check).build()];
        for line in lines {
            let mut item = key(partition, &line.sort);
            item.insert("entry".into(), Value::S(line.text.clone()));
            item.insert("expires".into(), number(line.expires));
            let put = Put::builder().table_name(&self.name).set_item(Some(item)).build();
            items.push(TransactWriteItem::builder().put(put.map_err(|error| error.to_string())?).build());
        }
        Ok(items)
    }

    /// The texts of a partition's entries, oldest first, back to where all were to expire `lasts` seconds before the newest: where
    /// DynamoDB lets nothing expire, the rest is not read.
    ///
    /// # Errors
    /// What DynamoDB answers.
    pub async fn entries(&self, partition: &str, lasts: i64) -> Result<Vec<String>, Fault> {
        let doing = self.doing("reading the ledger of", partition);
        let (mut found, mut start, mut newest) = (Vec::new(), None, None);
        for page in 1.. {
            // From the newest on.
            let read = self.aws.call("dynamodb:Query", &doing, || {
                let query = self.aws.dynamodb().query().table_name(&self.name).consistent_read(true);
                query
                    .key_condition_expression("pk = :pk AND sk < :lease")
                    .expression_attribute_values(":pk", Value::S(partition.into()))
                    .expression_attribute_values(":lease", Value::S(LEASE.into()))
                    .scan_index_forward(false)
                    .set_exclusive_start_key(start.clone())
                    .send()
            });
            let read = read.await.map_err(|fault| self.explain(fault))?;
            let items: Vec<(i64, String)> = read.items().iter().filter_map(item).collect();
            // The middle one, since a clock may have jumped ahead for some.
            let middle = || {
                let mut dates: Vec<i64> = items.iter().map(|(expires, _)| *expires).collect();
                dates.sort_unstable();
                dates.get(dates.len() / 2).copied()
            };
            newest = newest.or_else(middle);
            let oldest = newest.map_or(i64::MIN, |newest| newest.saturating_sub(lasts));
            let is_over = !items.is_empty() && items.iter().all(|(expires, _)| *expires < oldest);
            found.extend(items.into_iter().map(|(_, text)| text));
            start = read.last_evaluated_key().cloned();
            if start.is_none() || is_over || page >= MOST_PAGES {
                break;
            }
        }
        if start.is_some() {
            tracing::info!(partition, "older entries are left out: let them expire (time to live on `expires`)");
        }
        found.reverse();
        Ok(found)
    }

    /// Every partition that has entries or a lease.
    ///
    /// # Errors
    /// What DynamoDB answers.
    pub async fn partitions(&self) -> Result<Vec<String>, Fault> {
        let doing = format!("listing the ledgers of table {}", self.name);
        let (mut found, mut start) = (Vec::new(), None);
        for _ in 0..MOST_PAGES {
            let page = self.aws.call("dynamodb:Scan", &doing, || {
                let scan = self.aws.dynamodb().scan().table_name(&self.name).filter_expression("sk = :lease");
                scan.expression_attribute_values(":lease", Value::S(LEASE.into()))
                    .set_exclusive_start_key(start.clone())
                    .send()
            });
            let page = page.await.map_err(|fault| self.explain(fault))?;
            found.extend(page.items().iter().filter_map(|item| item.get("pk")?.as_s().ok().cloned()));
            start = page.last_evaluated_key().cloned();
            if start.is_none() {
                break;
            }
        }
        found.sort();
        Ok(found)
    }

    fn doing(&self, what: &str, partition: &str) -> String {
        format!("{what} {partition} in table {}", self.name)
    }

    /// A condition that did not hold is an answer.
    fn held(&self, answer: Result<(), Fault>) -> Result<bool, Fault> {
        match answer {
            Ok(()) => Ok(true),
            Err(fault) if fault.code == "ConditionalCheckFailedException" => Ok(false),
            Err(fault)
                if fault.code == "TransactionCanceledException" && fault.message.contains("ConditionalCheckFailed") =>
            {
                Ok(false)
            }
            Err(fault) => Err(self.explain(fault)),
        }
    }

    /// What to do about it.
    fn explain(&self, fault: Fault) -> Fault {
        match &fault.class {
            Class::Absent => {
                let table = &self.name;
                fault.help(making(table))
            }
            Class::Denied { action } => {
                let help = format!(
                    "allow {action} on this table; `tidegate iam controller --ledger dynamodb:{}` prints the whole policy",
                    self.name
                );
                fault.help(help)
            }
            _ => fault,
        }
    }
}

/// How the table is made, old entries that leave included.
fn making(table: &str) -> String {
    format!(
        "make the table: aws dynamodb create-table --table-name {table} --billing-mode PAY_PER_REQUEST \
         --attribute-definitions AttributeName=pk,AttributeType=S AttributeName=sk,AttributeType=S \
         --key-schema AttributeName=pk,KeyType=HASH AttributeName=sk,KeyType=RANGE \
         && aws dynamodb wait table-exists --table-name {table} \
         && aws dynamodb update-time-to-live --table-name {table} \
         --time-to-live-specification Enabled=true,AttributeName=expires"
    )
}

/// When an entry may go, and its text.
fn item(item: &HashMap<String, Value>) -> Option<(i64, String)> {
    let text = item.get("entry")?.as_s().ok()?.clone();
    let expires = item.get("expires").and_then(|value| value.as_n().ok()?.parse().ok());
    Some((expires.unwrap_or(i64::MAX), text))
}

fn key(partition: &str, sort: &str) -> HashMap<String, Value> {
    HashMap::from([("pk".into(), Value::S(partition.into())), ("sk".into(), Value::S(sort.into()))])
}

fn number(value: i64) -> Value {
    Value::N(value.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_made_so_that_old_entries_leave() {
        let told = making("books");
        for part in
            ["create-table --table-name books", "update-time-to-live --table-name books", "AttributeName=expires"]
        {
            assert!(told.contains(part), "{told}");
        }
        let guide = include_str!("../../deploy/README.md");
        assert!(guide.contains("update-time-to-live") && guide.contains("Enabled=true,AttributeName=expires"));
    }
}
