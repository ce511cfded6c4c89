use serde_json::json;

use super::pareto::{Dot, pareto};
use super::{escape, row_name};
use crate::scale::baseline::Row;
use crate::simulate::Profile;
use crate::simulate::against::{Against, Ratio, against};
use crate::simulate::bench::{Line, Summary, cheapest_below, summaries, tuned};
use crate::simulate::score::PRICES;

/// The head of [`csv`], in order.
const COLUMNS: [&str; 22] = [
    "policy",
    "row",
    "threshold_up",
    "threshold_down",
    "windows",
    "price",
    "trace",
    "n99",
    "profile",
    "cost_over_bound",
    "throttled",
    "throttled_minutes_a_day",
    "lost",
    "age_p99_minutes",
    "age_max_minutes",
    "calls_a_day",
    "calls_max_in_24_h",
    "operations_a_day",
    "refused",
    "usd",
    "j10",
    "j100",
];

/// Every run as one row.
pub fn csv(lines: &[Line]) -> String {
    let mut text = COLUMNS.join(",") + ",j1000\n";
    for line in lines {
        let (score, totals) = (&line.score, &line.score.totals);
        let tuning = match score.row {
            Row::Tuned(tuning) => format!("{:+.2},{:+.2},{}", tuning.high, tuning.low, tuning.windows),
            _ => ",,".to_owned(),
        };
        let price = line.price.map_or(String::new(), |price| price.to_string());
        let losses: Vec<String> = PRICES.iter().map(|price| format!("{:.4}", score.loss_ratio(*price))).collect();
        text.push_str(&format!(
            "{},{},{tuning},{price},{},{},{:?},{:.5},{:.7},{:.3},{:.7},{:.3},{:.3},{:.3},{},{:.1},{},{:.2},{}\n",
            score.entry.name,
            row_name(score.row),
            line.trace,
            line.n99,
            line.profile,
            score.cost_ratio(),
            totals.throttled,
            totals.throttled_minutes_a_day,
            totals.lost,
            totals.age_p99,
            totals.age_max,
            totals.calls_a_day,
            totals.calls_max_in_24_h,
            totals.operations_a_day,
            totals.refused,
            score.bill.total(),
            losses.join(",")
        ));
    }
    text
}

/// A group of cases and its tables.
struct Part<'a> {
    title: String,
    lines: Vec<&'a Line>,
}

fn parts(lines: &[Line]) -> Vec<Part<'_>> {
    let mut parts = vec![Part { title: "All cases".to_owned(), lines: lines.iter().collect() }];
    let mut group = |title: String, keep: &dyn Fn(&Line) -> bool| {
        let kept: Vec<&Line> = lines.iter().filter(|line| keep(line)).collect();
        if !kept.is_empty() && kept.len() < lines.len() {
            parts.push(Part { title, lines: kept });
        }
    };
    for profile in [Profile::Fast, Profile::Slow, Profile::Legacy] {
        group(format!("Resharding {profile:?}"), &|line| line.profile == profile);
    }
    group("Traces of one-minute values".to_owned(), &|line| line.step == 1);
    group("Traces brought to one minute with a random spread".to_owned(), &|line| line.step > 1);
    let mut scales: Vec<f64> = lines.iter().map(|line| line.n99).collect();
    scales.sort_by(f64::total_cmp);
    scales.dedup();
    for n99 in scales {
        group(format!("{n99} shards at p99"), &|line| line.n99 == n99);
    }
    parts
}

fn order(lines: &[&Line]) -> Vec<Summary> {
    let mut found = summaries(lines, row_name);
    found.extend(tuned(lines));
    found
}

/// The rows of a table: of a policy that listens to the price those of [`PRICES`]; the rest of its curve is in the plot.
fn rows(found: &[Summary]) -> Vec<Vec<String>> {
    found.iter().filter(|summary| summary.price.is_none_or(|price| PRICES.contains(&price))).map(cells).collect()
}

fn number(value: Option<f64>) -> String {
    match value {
        None => "–".to_owned(),
        Some(value) if value >= 100.0 => format!("{value:.0}"),
        Some(value) if value >= 10.0 => format!("{value:.1}"),
        Some(value) => format!("{value:.2}"),
    }
}

const HEAD: [&str; 11] = [
    "policy",
    "row",
    "price told",
    "cost/bound",
    "throttled %",
    "min/day",
    "J10",
    "J100",
    "J1000",
    "calls/day",
    "ops/day",
];

fn cells(summary: &Summary) -> Vec<String> {
    let [ten, hundred, thousand] = summary.loss.map(number);
    vec![
        summary.policy.to_owned(),
        summary.row.clone(),
        summary.price.map_or("–".to_owned(), |price| price.to_string()),
        number(Some(summary.cost)),
        number(Some(summary.throttled * 100.0)),
        number(Some(summary.throttled_minutes)),
        ten,
        hundred,
        thousand,
        number(Some(summary.calls)),
        format!("{:.0}", summary.operations),
    ]
}

fn markdown_table(head: &[&str], rows: &[Vec<String>]) -> String {
    let mut text = format!("| {} |\n|{}\n", head.join(" | "), "---|".repeat(head.len()));
    for row in rows {
        text.push_str(&format!("| {} |\n", row.join(" | ")));
    }
    text
}

fn html_table(head: &[&str], rows: &[Vec<String>]) -> String {
    let row = |cells: &[String], tag: &str| {
        let cell = |cell: &String| format!("<{tag}>{}</{tag}>", escape(cell));
        format!("<tr>{}</tr>", cells.iter().map(cell).collect::<String>())
    };
    let head: Vec<String> = head.iter().map(|name| (*name).to_owned()).collect();
    let body: String = rows.iter().map(|cells| row(cells, "td")).collect();
    format!("<div class=\"wide\"><table><thead>{}</thead><tbody>{body}</tbody></table></div>", row(&head, "th"))
}

/// How much of the cases each policy can do within a bound of throttling, and at what cost.
fn bounded(lines: &[&Line]) -> Vec<Vec<String>> {
    let (loose, tight) = (cheapest_below(lines, 0.001), cheapest_below(lines, 0.0001));
    let told = |(_, reached, all, cost): &(&str, usize, usize, f64)| {
        if *reached == 0 { format!("0 of {all}") } else { format!("{cost:.2} on {reached} of {all}") }
    };
    loose.iter().zip(&tight).map(|(a, b)| vec![a.0.to_owned(), told(a), told(b)]).collect()
}

/// Ours beside every peer as it is shipped and within the bounds of the spec.
fn beside(lines: &[&Line]) -> Vec<Vec<String>> {
    let found = summaries(lines, row_name);
    let (ours, others): (Vec<&Summary>, Vec<&Summary>) = found.iter().partition(|summary| summary.price.is_some());
    let told = |ratio: Option<Ratio>| match ratio {
        None => "–".to_owned(),
        Some(Ratio { value, or_less }) => format!("{}{value:.2}", if or_less { "≤ " } else { "" }),
    };
    let row = |(other, ratios): (&&Summary, &Against)| {
        vec![
            other.policy.to_owned(),
            other.row.clone(),
            number(Some(other.cost)),
            number(Some(other.throttled * 100.0)),
            told(ratios.cost),
            told(ratios.throttled),
        ]
    };
    others.iter().zip(&against(&ours, &others)).map(row).collect()
}

const BESIDE: [&str; 6] =
    ["policy", "row", "cost/bound", "throttled %", "our cost at equal throttling", "our throttling at equal cost"];
const BESIDE_TITLE: &str = "Ours beside each, as a share of its figure";

const BOUNDED: [&str; 3] = ["policy", "cost/bound below 0.1 % throttled", "below 0.01 %"];

/// What the columns mean; the same words on both pages.
pub const LEGEND: &str = "cost/bound: capacity over the least that any schedule can cost which throttles nothing. throttled: \
    first attempts rejected. J: capacity and throttled records together, at 10, 100 and 1000 times the capacity that would have carried them, over \
    the same bound. Ratios are geometric means over traces, scales and profiles; the rest are plain means. price told: the policy decides by \
    it, or was chosen for it. Ours is run at seven prices, 3 to 3000: the plot shows all, and what it would cost between two of them is read \
    along logarithms. tuned, trace left out: thresholds and windows from a grid, on each trace those that were best on the others. All figures \
    are simulated: how long resharding takes is a model. Static rows and the warm level of on-demand know the whole demand.";

/// The page in Markdown.
pub fn markdown(lines: &[Line], about: &str) -> String {
    let mut text = format!("# Sizing policies on traffic traces\n\n{about}\n\n{LEGEND}\n");
    for part in parts(lines) {
        text.push_str(&format!("\n## {}\n\n{}", part.title, markdown_table(&HEAD, &rows(&order(&part.lines)))));
    }
    let all: Vec<&Line> = lines.iter().collect();
    text.push_str(&format!("\n## {BESIDE_TITLE}\n\n{}", markdown_table(&BESIDE, &beside(&all))));
    let title = "The cheapest run of each policy within a bound, over all its rows";
    text.push_str(&format!("\n## {title}\n\n{}", markdown_table(&BOUNDED, &bounded(&all))));
    text
}

/// The same with plots, as one HTML file.
pub fn html(lines: &[Line], about: &str) -> String {
    let style = "body{margin:0 auto;padding:1rem;max-width:76rem;font:15px/1.45 system-ui,sans-serif;color-scheme:light dark}\
        table{border-collapse:collapse;width:100%;font-size:.9rem}th,td{text-align:right;padding:.25rem .5rem;border-bottom:1px solid #8884}\
        th:first-child,td:first-child,th:nth-child(2),td:nth-child(2){text-align:left}.wide{overflow-x:auto}svg{max-width:100%;height:auto}\
        svg text{fill:currentColor;font-size:11px}.axis{stroke:currentColor;opacity:.35}.dot{fill:#1f5fae}.dot.tuned{fill:#0b7a55}.dot.known{fill:#999}\
        .front{fill:none;stroke:#d0342c;stroke-dasharray:3 3}";
    let mut body =
        format!("<h1>Sizing policies on traffic traces</h1><p>{}</p><p>{}</p>", escape(about), escape(LEGEND));
    for part in parts(lines) {
        let found = order(&part.lines);
        let rows = rows(&found);
        let dots: Vec<Dot> = found.iter().map(Dot::of).collect();
        body.push_str(&format!("<h2>{}</h2>{}{}", escape(&part.title), pareto(&dots), html_table(&HEAD, &rows)));
    }
    let all: Vec<&Line> = lines.iter().collect();
    body.push_str(&format!("<h2>{BESIDE_TITLE}</h2>{}", html_table(&BESIDE, &beside(&all))));
    let title = "The cheapest run of each policy within a bound, over all its rows";
    body.push_str(&format!("<h2>{title}</h2>{}", html_table(&BOUNDED, &bounded(&all))));
    format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\
         <title>Sizing policies</title><style>{style}</style></head><body>{body}</body></html>\n"
    )
}

/// The table of all cases for the terminal, and as JSON.
pub fn brief(lines: &[Line]) -> String {
    let all: Vec<&Line> = lines.iter().collect();
    let rows = rows(&order(&all));
    let width =
        |at: usize| rows.iter().map(|row| row[at].chars().count()).chain([HEAD[at].chars().count()]).max().unwrap_or(0);
    let widths: Vec<usize> = (0..HEAD.len()).map(width).collect();
    let line = |cells: &[String]| {
        let cell = |(at, cell): (usize, &String)| {
            let pad = " ".repeat(widths[at] - cell.chars().count());
            if at < 2 { format!("{cell}{pad}") } else { format!("{pad}{cell}") }
        };
        let text = cells.iter().enumerate().map(cell).collect::<Vec<String>>().join("  ");
        format!("{}\n", text.trim_end())
    };
    let head: Vec<String> = HEAD.iter().map(|name| (*name).to_owned()).collect();
    line(&head) + &rows.iter().map(|row| line(row)).collect::<String>()
}

/// The summaries of all cases in their JSON form.
pub fn bench_json(lines: &[Line]) -> serde_json::Value {
    let all: Vec<&Line> = lines.iter().collect();
    let told = |summary: &Summary| {
        json!({
            "policy": summary.policy, "row": summary.row, "price": summary.price, "cases": summary.cases,
            "cost_over_bound": summary.cost, "throttled": summary.throttled,
            "throttled_minutes_a_day": summary.throttled_minutes,
            "j10": summary.loss[0], "j100": summary.loss[1], "j1000": summary.loss[2],
            "calls_a_day": summary.calls, "operations_a_day": summary.operations, "refused_a_day": summary.refused,
        })
    };
    json!({ "format_version": super::FORMAT, "summaries": order(&all).iter().map(told).collect::<Vec<_>>() })
}
