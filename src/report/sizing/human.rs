use super::Told;
use crate::report::human::Style;
use crate::scale::Reason;
use crate::scale::lambda::Change;
use crate::simulate::demand::clock;
use crate::simulate::{Decision, Demand, Minute, Outcome};

const DAY: i64 = 1440;
/// Resizes that are listed without being asked for.
const MOST_LISTED: usize = 40;
/// Days that are listed.
const MOST_DAYS: usize = 21;

/// What minutes without traffic mean for somebody who counts on these figures.
pub const SILENT: &str = "CloudWatch has no metrics of them, and `run` then holds, where this counts them as no load";

/// Whether the demand has a minute of this day, such as 2026-11-25, in UTC.
pub fn has_day(demand: &Demand, date: &str) -> bool {
    let end = demand.start + demand.load.len() as i64;
    (demand.start.div_euclid(DAY)..=(end - 1).div_euclid(DAY))
        .any(|day| clock(day * DAY).starts_with(&format!("{date}T")))
}

/// One line for each day, the resizes of one day with their reasons, and the totals.
pub fn human(told: &Told, day: Option<&str>, style: &Style) -> String {
    let mut text = head(told);
    let days = days(told);
    text.push('\n');
    for day in days.iter().take(MOST_DAYS) {
        text.push_str(&day.line());
    }
    if days.len() > MOST_DAYS {
        text.push_str(&format!("  … and {} more days; --report shows all of them\n", days.len() - MOST_DAYS));
    }
    text.push_str(&resizes(told, &days, day, style));
    text.push_str(&totals(told));
    text
}

fn head(told: &Told) -> String {
    let settings = told.settings;
    let date = |minute: i64| clock(minute).chars().take(16).collect::<String>().replace('T', " ");
    let end = told.run.start + told.run.minutes.len() as i64;
    format!(
        "{} ({}) on {}, {} to {}\nResharding {:?}, {}.\n",
        told.entry.name,
        told.entry.title,
        told.title,
        date(told.run.start),
        date(end),
        settings.profile,
        settings.aim(),
    )
}

/// One day of the clock.
struct Day {
    date: String,
    minutes: (i64, i64),
    wave: String,
    peak: f64,
    counts: (f64, f64),
    calls: u32,
    throttled: f64,
}

impl Day {
    fn line(&self) -> String {
        let (least, most) = self.counts;
        let counts = if least == most { format!("{most:.0}") } else { format!("{least:.0}–{most:.0}") };
        let throttled =
            if self.throttled > 0.0 { format!("{:.2} % throttled", self.throttled * 100.0) } else { String::new() };
        let calls = match self.calls {
            0 => "no resize".to_owned(),
            1 => "1 resize".to_owned(),
            calls => format!("{calls} resizes"),
        };
        let line = format!(
            "  {} {}  peak {:>6.1}  shards {counts:<9}  {calls:<10}  {throttled}",
            self.date, self.wave, self.peak
        );
        format!("{}\n", line.trim_end())
    }
}

fn days(told: &Told) -> Vec<Day> {
    let run = told.run;
    let end = run.start + run.minutes.len() as i64;
    let highest = run.minutes.iter().map(|minute| minute.fresh).fold(0.0, f64::max);
    let mut days = Vec::new();
    let mut from = run.start;
    while from < end {
        let to = ((from.div_euclid(DAY) + 1) * DAY).min(end);
        // Both lie inside the run.
        let minutes = &run.minutes[(from - run.start) as usize..(to - run.start) as usize];
        let fresh: f64 = minutes.iter().map(|minute| minute.fresh).sum();
        let throttled: f64 = minutes.iter().map(|minute| minute.throttled).sum();
        let counts = minutes.iter().map(|minute| minute.capacity);
        days.push(Day {
            date: clock(from).chars().take(10).collect(),
            minutes: (from, to),
            wave: wave(minutes, from, highest),
            peak: minutes.iter().map(|minute| minute.fresh).fold(0.0, f64::max),
            counts: counts.fold((f64::INFINITY, 0.0), |(low, high), count| (low.min(count), high.max(count))),
            calls: minutes.iter().map(|minute| u32::from(minute.calls)).sum(),
            throttled: if fresh > 0.0 { throttled / fresh } else { 0.0 },
        });
        from = to;
    }
    days
}

/// The day's demand hour by hour as a row of bars; hours outside the run are blank.
fn wave(minutes: &[Minute], from: i64, highest: f64) -> String {
    const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let first = from.rem_euclid(DAY);
    let hour = |hour: i64| {
        let inside = |at: i64| usize::try_from((hour * 60 + at - first).max(0)).unwrap_or(0).min(minutes.len());
        let part = &minutes[inside(0)..inside(60)];
        let peak = part.iter().map(|minute| minute.fresh).fold(0.0, f64::max);
        // The share is at most 1.
        let bar = if highest > 0.0 { (peak / highest * 7.0).round() as usize } else { 0 };
        if part.is_empty() { ' ' } else { BARS[bar.min(7)] }
    };
    (0..24).map(hour).collect()
}

/// The words of the sentences in their order, for who sees them for the first time.
pub fn legend() -> String {
    let rules = crate::scale::MEMBERS.len();
    let trust = format!(
        "{rules} rules each size a copy of this stream on paper; the less a copy has cost so far, the more its rule is trusted"
    );
    let words = [
        (
            "demand",
            "what producers have to write, in shards, as old as the newest metrics; where records are rejected an estimate, without repeated attempts",
        ),
        ("trust", trust.as_str()),
        ("wants", "once at least half of the trust wants more shards, or fewer, the stream is resized"),
        ("weightiest rule", "the most trusted one of those that want what was decided, and its share of the trust"),
        ("call", "a resize: AWS accepts so many of a stream in any 24 hours"),
    ];
    words.map(|(word, means)| format!("  {word:<15}  {means}\n")).concat() + "\n"
}

fn resizes(told: &Told, days: &[Day], asked: Option<&str>, style: &Style) -> String {
    let decisions = &told.run.decisions;
    let busiest = days.iter().max_by(|a, b| a.peak.total_cmp(&b.peak));
    let chosen = match asked {
        Some(date) => days.iter().find(|day| day.date == date),
        None if decisions.len() <= MOST_LISTED => None,
        None => busiest,
    };
    let listed: Vec<&Decision> = decisions
        .iter()
        .filter(|decision| chosen.is_none_or(|day| (day.minutes.0..day.minutes.1).contains(&decision.minute)))
        .collect();
    let mut text = match chosen {
        _ if decisions.is_empty() => return String::new(),
        None => "\nEvery resize, and why\n".to_owned(),
        Some(day) => {
            let why = if asked.is_some() { "" } else { ", the busiest day" };
            format!("\nThe resizes of {}{why}, and why\n", day.date)
        }
    };
    if told.entry.name == "tidegate" {
        text.push_str(&legend());
    }
    for decision in listed.iter().take(3 * MOST_LISTED) {
        text.push_str(&line(decision, chosen.is_none(), style));
    }
    if let Some(day) = chosen.filter(|_| decisions.len() > listed.len()) {
        let rest = decisions.len() - listed.len();
        text.push_str(&format!("  … and {rest} on days other than {}; --day DATE shows another one\n", day.date));
    }
    text
}

fn line(decision: &Decision, dated: bool, style: &Style) -> String {
    let at = clock(decision.minute);
    let at: String = at.chars().skip(if dated { 5 } else { 11 }).take(if dated { 11 } else { 5 }).collect();
    let (before, after) = if style.color { ("\x1b[1m", "\x1b[0m") } else { ("", "") };
    let outcome = match decision.outcome {
        Outcome::Until(end) => format!("in {} min", end - decision.minute),
        Outcome::Swept(end) => format!("in {} min, split and merged one by one", end - decision.minute),
        Outcome::Refused(refusal, 1) => format!("REFUSED: {}", refusal.words()),
        Outcome::Refused(refusal, times) => format!("REFUSED {times} times: {}", refusal.words()),
    };
    let (from, to) = (decision.from, decision.to);
    let at = at.replace('T', " ");
    format!("  {at}  {before}{from:>4} → {to:<4}{after} {} ({outcome})\n", decision.because)
}

fn totals(told: &Told) -> String {
    let (totals, bill) = (told.totals, told.bill);
    let month = 730.0 / (24.0 * totals.days);
    let mut text = String::from("\nIn all\n");
    let mut row = |name: &str, value: String| text.push_str(&format!("  {name:<10} {value}\n"));
    row(
        "cost",
        format!(
            "${:.2} for {:.1} days: ${:.2} for capacity, ${:.2} for PUT payload units; ${:.0} a month",
            bill.total(),
            totals.days,
            bill.capacity,
            bill.payload,
            bill.total() * month
        ),
    );
    let hours = group(totals.shard_minutes / 60.0);
    row("capacity", format!("{hours} shard-hours; mean {:.1}, most {:.0}", totals.mean_shards, totals.peak_shards));
    row(
        "throttled",
        format!(
            "{:.3} % of records, in {:.1} min a day; {:.3} % lost",
            totals.throttled * 100.0,
            totals.throttled_minutes_a_day,
            totals.lost * 100.0
        ),
    );
    row(
        "age",
        format!(
            "p50 {:.0} s, p99 {:.0} s, most {:.0} s; above 60 s for {} min, above 15 min for {} min",
            totals.age_p50 * 60.0,
            totals.age_p99 * 60.0,
            totals.age_max * 60.0,
            totals.minutes_above_60_s,
            totals.minutes_above_15_min
        ),
    );
    row(
        "resizes",
        format!(
            "{:.1} a day, at most {} in 24 hours; {:.0} splits and merges a day; {} refused calls",
            totals.calls_a_day, totals.calls_max_in_24_h, totals.operations_a_day, totals.refused
        ),
    );
    if told.settings.lambda.is_some() {
        row("factor", factors(&told.run.factors, totals.days));
    }
    if !told.run.held.is_empty() {
        let held = |(reason, minutes): (&Reason, &u32)| format!("{} {} min", reason.slug(), group(f64::from(*minutes)));
        let held: Vec<String> = told.run.held.iter().map(held).collect();
        row("held back", held.join(", "));
    }
    if totals.silent_minutes > 0 {
        let minutes = group(f64::from(totals.silent_minutes));
        row("silent", format!("{minutes} min without a record; {SILENT}"));
    }
    for notice in &told.run.notices {
        row("told", notice.to_string());
    }
    if !told.others.is_empty() {
        let other = |score: &crate::simulate::Score| {
            let throttled = score.totals.throttled * 100.0;
            format!("{} ${:.0} ({throttled:.2} % throttled)", score.entry.name, score.bill.total() * month)
        };
        let others: Vec<String> = told.others.iter().map(other).collect();
        row("instead", format!("a month: {}", others.join(", ")));
    }
    text
}

/// How a function's parallelization factor was changed.
fn factors(changes: &[Change], days: f64) -> String {
    let most = changes.iter().map(|change| change.to).max();
    let most = most.map_or_else(String::new, |most| format!(", at most {most}"));
    format!("{:.1} changes a day{most}", changes.len() as f64 / days)
}

/// 1234567 as 1,234,567.
pub fn group(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) && digit.is_ascii_digit() && !text.ends_with('-') {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
