use super::escape;
use super::table::label;
use crate::simulate::Score;
use crate::simulate::bench::Summary;

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 420.0;
const MARGIN: f64 = 52.0;
/// Less throttling than this is drawn as this: a logarithm has no zero.
const LEAST: f64 = 0.001;

/// A policy in the plot of cost against throttling.
pub struct Dot {
    pub name: String,
    pub cost: f64,
    /// Percent of records.
    pub throttled: f64,
    class: &'static str,
}

impl Dot {
    pub fn of(summary: &Summary) -> Self {
        let price = summary.price.map_or(String::new(), |price| format!(" {price}"));
        let (suffix, class) = match summary.row.as_str() {
            "spec bounds" => ("", "dot"),
            "as shipped" => (" shipped", "dot"),
            _ => (" tuned", "dot tuned"),
        };
        let class = if summary.policy.starts_with("static") { "dot known" } else { class };
        let name = format!("{}{suffix}{price}", summary.policy);
        Self { name, cost: summary.cost, throttled: summary.throttled * 100.0, class }
    }

    /// One policy on one demand.
    pub fn of_one(score: &Score) -> Self {
        let class = if score.entry.name.starts_with("static") { "dot known" } else { "dot" };
        Self { name: label(score), cost: score.cost_ratio(), throttled: score.totals.throttled * 100.0, class }
    }

    fn height(&self) -> f64 {
        self.throttled.max(LEAST)
    }
}

/// Cost over bound to the right, throttled percent upwards, both logarithmic; left and low is better. The line joins
/// those that nobody beats in both.
pub fn pareto(dots: &[Dot]) -> String {
    let (mut low, mut high) = (f64::INFINITY, 0.0f64);
    for dot in dots {
        (low, high) = (low.min(dot.cost), high.max(dot.cost));
    }
    if dots.is_empty() || low <= 0.0 {
        return String::new();
    }
    let (low, high) = (low / 1.1, high * 1.3);
    let x = |cost: f64| MARGIN + (WIDTH - 2.0 * MARGIN) * (cost / low).ln() / (high / low).ln();
    let y = |percent: f64| {
        HEIGHT - MARGIN - (HEIGHT - 2.0 * MARGIN) * (percent.max(LEAST) / LEAST).ln() / (100.0 / LEAST).ln()
    };
    let mut svg = format!(
        "<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" width=\"{WIDTH}\" role=\"img\" aria-label=\"Cost against throttling\">"
    );
    for percent in [0.001, 0.01, 0.1, 1.0, 10.0, 100.0] {
        let at = y(percent);
        let label = if percent == LEAST { "0".to_owned() } else { format!("{percent}") };
        svg.push_str(&format!(
            "<line class=\"axis\" x1=\"{MARGIN}\" x2=\"{:.0}\" y1=\"{at:.1}\" y2=\"{at:.1}\"/><text x=\"{:.0}\" y=\"{:.1}\" text-anchor=\"end\">{label}</text>",
            WIDTH - MARGIN, MARGIN - 6.0, at + 4.0
        ));
    }
    for cost in
        [0.5, 0.7, 1.0, 1.4, 2.0, 3.0, 5.0, 8.0, 12.0, 20.0].into_iter().filter(|cost| (low..high).contains(cost))
    {
        let at = x(cost);
        svg.push_str(&format!(
            "<line class=\"axis\" y1=\"{MARGIN}\" y2=\"{:.0}\" x1=\"{at:.1}\" x2=\"{at:.1}\"/><text x=\"{at:.1}\" y=\"{:.0}\" text-anchor=\"middle\">{cost}</text>",
            HEIGHT - MARGIN, HEIGHT - MARGIN + 16.0
        ));
    }
    svg.push_str(&format!("<polyline class=\"front\" points=\"{}\"/>", front(dots, &x, &y)));
    for dot in dots {
        let (at, height, name) = (x(dot.cost), y(dot.height()), escape(&dot.name));
        svg.push_str(&format!(
            "<circle class=\"{}\" cx=\"{at:.1}\" cy=\"{height:.1}\" r=\"4\"><title>{name}: cost {:.2}, {:.2} % throttled</title></circle>\
             <text x=\"{:.1}\" y=\"{:.1}\">{name}</text>",
            dot.class, dot.cost, dot.throttled, at + 6.0, height + 4.0
        ));
    }
    svg.push_str(&format!(
        "<text x=\"{:.0}\" y=\"{:.0}\" text-anchor=\"middle\">cost over the bound</text><text x=\"{MARGIN}\" y=\"{:.0}\">throttled, %</text></svg>",
        WIDTH / 2.0, HEIGHT - 12.0, MARGIN - 14.0
    ));
    svg
}

fn front(dots: &[Dot], x: &dyn Fn(f64) -> f64, y: &dyn Fn(f64) -> f64) -> String {
    let mut sorted: Vec<&Dot> = dots.iter().collect();
    sorted.sort_by(|a, b| a.cost.total_cmp(&b.cost).then(a.throttled.total_cmp(&b.throttled)));
    let (mut best, mut points) = (f64::INFINITY, Vec::new());
    for dot in sorted {
        if dot.height() < best {
            best = dot.height();
            points.push(format!("{:.1},{:.1}", x(dot.cost), y(best)));
        }
    }
    points.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_front_leaves_out_who_is_beaten() {
        let dot = |name: &str, cost, throttled| Dot { name: name.to_owned(), cost, throttled, class: "dot" };
        let dots = [dot("cheap", 1.0, 20.0), dot("beaten", 2.0, 30.0), dot("safe", 3.0, 0.0)];
        assert_eq!(front(&dots, &|cost| cost, &|percent| percent), "1.0,20.0 3.0,0.0");
        assert!(pareto(&dots).contains("beaten"));
        assert_eq!(pareto(&[]), "");
    }
}
