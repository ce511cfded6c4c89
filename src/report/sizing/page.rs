use serde_json::{Value, json};

use super::human::group;
use super::pareto::{Dot, pareto};
use super::table::{judged, label, sorted};
use super::{Told, row_name};
use crate::plan::{PRICES_DATE, PRICES_SOURCE};
use crate::simulate::demand::clock;
use crate::simulate::{Minute, Outcome};

const TEMPLATE: &str = include_str!("page.html");
/// Points of each series: a month of minutes. Longer runs are told in steps of several minutes.
const MOST_POINTS: usize = 45_000;
/// Resizes that the page holds.
const MOST_DECISIONS: usize = 5000;

/// One HTML page that needs nothing else: no request leaves it, and it opens offline.
pub fn page(told: &Told) -> String {
    let heading = format!("{} on {}", told.entry.name, told.title);
    let filled = [
        ("{{title}}", escape(&format!("{heading}: tidegate simulate"))),
        ("{{heading}}", escape(&heading)),
        ("{{subtitle}}", escape(&subtitle(told))),
        ("{{cards}}", cards(told)),
        ("{{costs}}", costs(told)),
        ("{{compared}}", compared(told)),
        ("{{about}}", escape(&about())),
        // Inside a script element only `<` could end it.
        ("{{data}}", data(told).to_string().replace('<', "\\u003c")),
    ];
    // Each placeholder stands once, in this order, so that what was filled in is never looked through.
    let mut page = String::with_capacity(TEMPLATE.len() * 4);
    let mut rest = TEMPLATE;
    for (placeholder, text) in filled {
        let Some((before, after)) = rest.split_once(placeholder) else { continue };
        page.push_str(before);
        page.push_str(&text);
        rest = after;
    }
    page.push_str(rest);
    page
}

fn subtitle(told: &Told) -> String {
    let settings = told.settings;
    let date = |minute: i64| clock(minute).chars().take(16).collect::<String>().replace('T', " ");
    let end = told.run.start + told.run.minutes.len() as i64;
    format!(
        "{}, {}. {} to {} UTC. Resharding {:?}; {}; {} to {} shards.",
        told.entry.title,
        row_name(told.row),
        date(told.run.start),
        date(end),
        settings.profile,
        settings.aim(),
        settings.bounds.min,
        settings.bounds.max
    )
}

fn cards(told: &Told) -> String {
    let (totals, bill) = (told.totals, told.bill);
    let month = 730.0 / (24.0 * totals.days);
    let cards = [
        (format!("${}", group(bill.total() * month)), "a month".to_owned()),
        (format!("{:.3} %", totals.throttled * 100.0), "of records throttled".to_owned()),
        (format!("{:.1} min", totals.throttled_minutes_a_day), "with throttling a day".to_owned()),
        (format!("{:.0} s", totals.age_p99 * 60.0), format!("iterator age p99, most {:.0} s", totals.age_max * 60.0)),
        (format!("{:.1}", totals.calls_a_day), format!("resizes a day, at most {}", totals.calls_max_in_24_h)),
        (format!("{:.1}", totals.mean_shards), format!("shards on the mean, most {:.0}", totals.peak_shards)),
    ];
    let card = |(value, name): &(String, String)| {
        format!("<div class=\"card\"><b>{}</b><span>{}</span></div>", escape(value), escape(name))
    };
    cards.iter().map(card).collect()
}

fn costs(told: &Told) -> String {
    let month = 730.0 / (24.0 * told.totals.days);
    let mut rows = vec![(told.entry.name, told.entry.title, told.bill.total() * month, told.totals.throttled, "bar")];
    rows.extend(told.others.iter().map(|score| {
        (score.entry.name, score.entry.title, score.bill.total() * month, score.totals.throttled, "bar other")
    }));
    let most = rows.iter().map(|row| row.2).fold(f64::MIN_POSITIVE, f64::max);
    let mut text = String::from(
        "<thead><tr><th>Who decides</th><th class=\"n\">$ a month</th><th class=\"n\">throttled</th><th style=\"width:40%\"></th></tr></thead>",
    );
    for (name, title, usd, throttled, class) in rows {
        text.push_str(&format!(
            "<tr><td>{}<br><span class=\"dim\">{}</span></td><td class=\"n\">{}</td><td class=\"n\">{:.3} %</td>\
             <td><div class=\"{class}\" style=\"width:{:.1}%\"></div></td></tr>",
            escape(name),
            escape(title),
            group(usd),
            throttled * 100.0,
            100.0 * usd / most
        ));
    }
    text
}

/// The table of `--compare` and its picture, if there is one.
fn compared(told: &Told) -> String {
    if told.compared.is_empty() {
        return String::new();
    }
    let (price, judged) = (told.settings.price, judged(told.settings.price));
    let mut text = format!(
        "<h2>Compared on the same demand</h2>\n<div class=\"wide\"><table id=\"compared\"><thead><tr><th>Who decides</th><th class=\"n\">{judged}</th>\
         <th class=\"n\">$ in all</th><th class=\"n\">throttled</th><th class=\"n\">resizes a day</th><th class=\"n\">age p99</th></tr></thead>"
    );
    for score in sorted(told.compared, price) {
        text.push_str(&format!(
            "<tr><td>{}<br><span class=\"dim\">{}</span></td><td class=\"n\">{:.2}</td><td class=\"n\">{}</td><td class=\"n\">{:.3} %</td>\
             <td class=\"n\">{:.1}</td><td class=\"n\">{:.0} s</td></tr>",
            escape(&label(score)),
            escape(score.entry.title),
            score.loss_ratio(price),
            group(score.bill.total()),
            score.totals.throttled * 100.0,
            score.totals.calls_a_day,
            score.totals.age_p99 * 60.0
        ));
    }
    // A demand of nothing has no bound to set a cost over.
    let dots: Vec<Dot> = told.compared.iter().map(Dot::of_one).filter(|dot| dot.cost.is_finite()).collect();
    text.push_str(&format!(
        "</table></div>\n<p class=\"dim\">{judged}: capacity and throttled records at that worth, over the least that any schedule can cost which throttles \
         nothing. Static rows and on-demand know the whole demand. The line joins those that nobody beats in both cost and throttling.</p>\n{}\n",
        pareto(&dots)
    ));
    text
}

fn about() -> String {
    format!(
        "Simulated by tidegate {}: a plant of even keys in steps of one minute, whose times of resharding are a model. Prices: \
         {PRICES_SOURCE}, {PRICES_DATE}; capacity and PUT payload units, or stream-hours and gigabytes written and read once \
         for on-demand. Retention, fan-out and requests are not in it.",
        env!("CARGO_PKG_VERSION")
    )
}

/// The series in steps of so many minutes that they fit, largest values kept.
fn data(told: &Told) -> Value {
    let run = told.run;
    let step = run.minutes.len().div_ceil(MOST_POINTS).max(1);
    let series = |of: fn(&Minute) -> f64| -> Vec<Value> {
        let points = run.minutes.chunks(step).map(|minutes| minutes.iter().map(of).fold(0.0, f64::max));
        points.map(short).collect()
    };
    let decisions: Vec<Value> = run
        .decisions
        .iter()
        .take(MOST_DECISIONS)
        .map(|decision| {
            let refused = matches!(decision.outcome, Outcome::Refused(..));
            let outcome = match decision.outcome {
                Outcome::Until(end) => format!("serves after {} min", end - decision.minute),
                Outcome::Swept(end) => format!("split and merged in {} min", end - decision.minute),
                Outcome::Refused(why, times) => format!("refused {times}×: {}", why.words()),
            };
            json!({
                "at": decision.minute, "from": decision.from, "to": decision.to, "because": decision.because,
                "outcome": outcome, "refused": refused,
            })
        })
        .collect();
    json!({
        "start": run.start,
        "step": step,
        "load": series(|minute| minute.fresh),
        "open": series(|minute| minute.capacity),
        "throttled": series(|minute| minute.throttled),
        "age": series(|minute| minute.age),
        "left_out": run.decisions.len().saturating_sub(MOST_DECISIONS),
        "decisions": decisions,
    })
}

/// A number with as many digits as a picture shows, whole ones without a point.
fn short(value: f64) -> Value {
    let rounded = (value * 100.0).round() / 100.0;
    if rounded.fract() == 0.0 && rounded.abs() < 1e15 { json!(rounded as i64) } else { json!(rounded) }
}

/// Text for HTML.
pub fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulate::{Bill, Score, Settings, Totals, registry, synthetic};

    #[test]
    fn nothing_in_it_can_leave_the_page_or_break_it() {
        let demand = synthetic::synthetic(synthetic::Kind::Diurnal, 5.0, 2, 0, 1);
        let (entry, row) = registry::find("hpa").unwrap();
        let settings = Settings::default();
        let mut run = entry.run(row, &demand, &settings);
        run.decisions[0].because = "</script><img src=x>".to_owned();
        let totals = Totals::of(&run);
        let bill = Bill::of(entry, &totals, &demand, &crate::plan::price_table());
        let title = "a <b> {{data}} trace";
        let prices = crate::plan::price_table();
        let (score, _) = Score::of((entry, row), &demand, &settings, 1.0, &prices);
        let compared = &[score];
        let (run, totals, bill, settings) = (&run, &totals, &bill, &settings);
        let told = Told { entry, row, run, totals, bill, settings, title, others: &[], compared };
        let page = page(&told);
        assert!(page.contains("<table id=\"compared\">") && page.contains("Cost against throttling"));
        assert!(page.contains("a &lt;b&gt; {{data}} trace") && !page.contains("<img"));
        for outside in ["http://", "https://", "<link", "<script src", "@import", "url("] {
            assert!(!page.contains(outside), "{outside}");
        }
        assert_eq!(page.matches("</script>").count(), 2);
    }
}
