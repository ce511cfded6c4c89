//! A month's money for the shards of one stream.

/// What a month may cost.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Money {
    /// US dollars a month.
    pub dollars: f64,
    /// US dollars for an hour of one shard, with all that is paid by shard.
    pub dollars_a_shard_hour: f64,
}

/// What is left of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Budget {
    /// Dollars a month.
    pub dollars: f64,
    /// Spent since the month began.
    pub spent: f64,
    pub dollars_a_shard_hour: f64,
    /// Minutes until the month ends.
    pub minutes_left: i64,
}

impl Money {
    /// After so many shard-minutes of the month, with so many minutes of it to come.
    pub fn after(self, shard_minutes: f64, minutes_left: i64) -> Budget {
        let Self { dollars, dollars_a_shard_hour } = self;
        Budget { dollars, spent: shard_minutes / 60.0 * dollars_a_shard_hour, dollars_a_shard_hour, minutes_left }
    }
}

impl Budget {
    /// The most shards with which the next day can be paid, if `min` serve for the rest of the month. So a day's crowd is
    /// paid from what quiet days leave. It bounds growth: shards that are open and in use stay, at the cost of the month.
    pub fn ceiling(&self, min: u32) -> u32 {
        let price = self.dollars_a_shard_hour / 60.0;
        // Nothing is known to cost anything.
        if price.is_nan() || price <= 0.0 {
            return u32::MAX;
        }
        let left = self.minutes_left.max(1);
        let day = left.min(1440);
        let shard_minutes = (self.dollars - self.spent) / price - f64::from(min) * (left - day) as f64;
        // Saturates: below zero and NaN are 0.
        (shard_minutes / day as f64) as u32
    }
}

/// The first minutes of the month that a minute is in and of the next one, in UTC, by which AWS bills. `None` beyond the years that
/// a calendar has.
pub fn month(minute: i64) -> Option<(i64, i64)> {
    let utc = jiff::tz::Offset::UTC;
    let today = utc.to_datetime(jiff::Timestamp::from_second(minute.checked_mul(60)?).ok()?).date();
    let start = |date: jiff::civil::Date| {
        Some(utc.to_timestamp(date.to_datetime(jiff::civil::Time::midnight())).ok()?.as_second() / 60)
    };
    Some((start(today.first_of_month())?, start(today.last_of_month().tomorrow().ok()?)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_month_is_that_of_the_calendar() {
        // 2024-02-29 12:00.
        let (first, next) = month(1_709_208_000 / 60).expect("a month");
        assert_eq!((first * 60, next * 60), (1_706_745_600, 1_709_251_200));
        assert_eq!(month(i64::MAX), None);
    }

    #[test]
    fn what_is_spent_is_not_left() {
        let money = Money { dollars: 90.0, dollars_a_shard_hour: 1.0 };
        // 30 dollars for the last day: a shard and a quarter.
        let budget = money.after(3600.0, 1440);
        assert_eq!((budget.spent.to_bits(), budget.ceiling(1)), (60f64.to_bits(), 1));
        assert_eq!(money.after(0.0, 1440).ceiling(1), 3);
    }
}
