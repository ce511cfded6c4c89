//! Where the controller keeps its books: `--ledger FILE`, `--ledger dynamodb:TABLE`, `--ledger none`.

use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use super::{Common, Failure, Job, Out};
use crate::aws::table::Table;
use crate::model::MOST_RESHARDS;
use crate::run::{FileLedger, Forgetful, Ledger, Lost, ReadOnly, TableLedger, Take};

/// Where a ledger is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    Nowhere,
    File(PathBuf),
    /// A DynamoDB table, by its name.
    Table(String),
}

impl FromStr for Place {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.strip_prefix("dynamodb:") {
            Some(table) if is_table(table) => Ok(Self::Table(table.into())),
            Some(_) => Err("write dynamodb:TABLE, with 3 to 255 letters, digits, `_`, `-` or `.`".into()),
            None if text == "none" => Ok(Self::Nowhere),
            None if text.is_empty() => Err("write the path of a file, dynamodb:TABLE, or none".into()),
            None => Ok(Self::File(text.into())),
        }
    }
}

/// DynamoDB's own rule for names of tables.
fn is_table(name: &str) -> bool {
    (3..=255).contains(&name.len()) && name.chars().all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c))
}

impl std::fmt::Display for Place {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Nowhere => out.write_str("none"),
            Self::File(path) => write!(out, "{}", path.display()),
            Self::Table(table) => write!(out, "dynamodb:{table}"),
        }
    }
}

impl Place {
    /// Opens it for a controller of these pipelines. `lasts`: after so long a silent replica loses a lease. Of a table that others
    /// share a dry run only reads: nothing is kept from those who act.
    pub async fn open(
        &self,
        common: &Common,
        jobs: &[Job],
        (lasts, dry_run): (Duration, bool),
        out: &Out,
    ) -> Result<Box<dyn Ledger>, Failure> {
        match self {
            Self::Nowhere => Ok(Box::new(Forgetful)),
            Self::File(path) => {
                // Entries are dated by the clock of the first cloud, which may be a virtual one.
                let cloud = jobs.first().map(|job| Arc::clone(&job.cloud));
                let clock = move || cloud.as_ref().map_or(0, |cloud| cloud.now());
                let ledger = FileLedger::open(path, Arc::new(clock))?;
                if ledger.is_cut {
                    let known = "the day's calls are known from the streams' tags, and the past is read again";
                    out.error(&format!(
                        "warning: {self} ends within its first lines, and what it held is lost: {known}"
                    ));
                }
                if ledger.damaged > 0 {
                    let what = match ledger.damaged {
                        1 => format!("1 line of {self} is"),
                        lines => format!("{lines} lines of {self} are"),
                    };
                    out.error(&format!("warning: {what} damaged and left out"));
                }
                Ok(Box::new(ledger))
            }
            Self::Table(_) if dry_run => {
                let mut entries = Vec::new();
                self.peek(common, jobs, &mut |entry| entries.push(entry)).await?;
                Ok(Box::new(ReadOnly(entries)))
            }
            Self::Table(name) => {
                let table = table(common, jobs, name).await?;
                Ok(Box::new(TableLedger::join(table, partitions(jobs), replica(), lasts).await?))
            }
        }
    }

    /// Asks whether it could be opened for these pipelines, without taking part.
    pub async fn reach(&self, common: &Common, jobs: &[Job]) -> Result<(), Failure> {
        let Self::Table(name) = self else { return Ok(()) };
        let table = table(common, jobs, name).await?;
        for (_, partition) in partitions(jobs) {
            table.lease(&partition).await?;
        }
        Ok(())
    }

    /// Whether a controller keeps its books there now: yes or no for a file on this machine, else not known.
    pub fn is_held(&self) -> Option<bool> {
        match self {
            Self::File(path) => Some(FileLedger::is_held(path)),
            Self::Nowhere | Self::Table(_) => None,
        }
    }

    /// What stands there, without taking part.
    pub async fn peek(&self, common: &Common, jobs: &[Job], take: Take<'_>) -> Result<Lost, Failure> {
        match self {
            Self::Nowhere => Ok(Lost::default()),
            Self::File(path) => Ok(FileLedger::peek(path, take)?),
            Self::Table(name) => {
                let table = table(common, jobs, name).await?;
                let partitions = match jobs {
                    [] => table.partitions().await?,
                    _ => partitions(jobs).into_iter().map(|(_, partition)| partition).collect(),
                };
                for partition in partitions {
                    TableLedger::peek(&table, &partition, take).await?;
                }
                Ok(Lost::default())
            }
        }
    }
}

/// Calls a day, as many as the tag on a stream can hold.
pub fn calls_a_day(text: &str) -> Result<u32, String> {
    let known = text.parse().ok().filter(|calls| (1..=MOST_RESHARDS).contains(calls));
    known.ok_or_else(|| {
        format!("write 1 to {MOST_RESHARDS}: more calls of a day do not fit into the tag `tidegate:ledger`, which has 256 characters")
    })
}

/// The table is in the region of the first pipeline, or where the environment says.
async fn table(common: &Common, jobs: &[Job], name: &str) -> Result<Table, Failure> {
    let region = jobs.first().map(|job| job.scope.region.clone()).or_else(|| common.first_region());
    let aws = common.own_aws(region).await?;
    Ok(Table::new(Arc::new(aws), name))
}

fn partitions(jobs: &[Job]) -> Vec<(String, String)> {
    let of = |job: &Job| {
        let scope = &job.scope;
        (scope.pipeline.clone(), TableLedger::partition(&scope.pipeline, &scope.account, &scope.region))
    };
    jobs.iter().map(of).collect()
}

/// A name that no other process has: the host and this process, for people, and a draw, for certainty.
fn replica() -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let host = host.trim();
    let host = if host.is_empty() { "replica" } else { host };
    format!("{host}-{}-{:08x}", std::process::id(), fastrand::u32(..))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_read_and_told() {
        for (text, place) in [
            ("none", Place::Nowhere),
            ("ledger", Place::File("ledger".into())),
            ("./dynamodb", Place::File("./dynamodb".into())),
            ("dynamodb:tidegate", Place::Table("tidegate".into())),
        ] {
            assert_eq!((text.parse(), place.to_string().as_str()), (Ok(place), text));
        }
        assert!("dynamodb:a b".parse::<Place>().unwrap_err().contains("3 to 255"));
        assert!("".parse::<Place>().is_err());
    }
}
