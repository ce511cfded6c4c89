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
    let places: Vec<(f64, f64)> = dots.iter().map(|dot| (x(dot.cost), y(dot.height()))).collect();
    let mut labels = Labels::beside(&places);
    for (dot, (at, height)) in dots.iter().zip(&places) {
        let name = escape(&dot.name);
        svg.push_str(&format!(
            "<circle class=\"{}\" cx=\"{at:.1}\" cy=\"{height:.1}\" r=\"4\"><title>{name}: cost {:.2}, {:.2} % throttled</title></circle>",
            dot.class, dot.cost, dot.throttled
        ));
    }
    for at in by_weight(dots) {
        if let Some((left, base)) = labels.place(places[at], &dots[at].name) {
            svg.push_str(&format!("<text x=\"{left:.1}\" y=\"{base:.1}\">{}</text>", escape(&dots[at].name)));
        }
    }
    svg.push_str(&format!(
        "<text x=\"{:.0}\" y=\"{:.0}\" text-anchor=\"middle\">cost over the bound</text><text x=\"{MARGIN}\" y=\"{:.0}\">throttled, %</text></svg>",
        WIDTH / 2.0, HEIGHT - 12.0, MARGIN - 14.0
    ));
    svg
}

/// Whose name is written first, where there is not room for all: ours, then from the origin outwards. The others tell theirs where one points.
fn by_weight(dots: &[Dot]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..dots.len()).collect();
    let far = |dot: &Dot| dot.cost.ln() + (dot.height() / LEAST).ln();
    order.sort_by(|a, b| {
        let (a, b) = (&dots[*a], &dots[*b]);
        let ours = |dot: &Dot| dot.name.starts_with("tidegate");
        ours(b).cmp(&ours(a)).then(far(a).total_cmp(&far(b)))
    });
    order
}

/// Boxes that are taken: left, top, right, bottom.
struct Labels(Vec<[f64; 4]>);

impl Labels {
    /// Of a letter and a line of the page's small print.
    const LETTER: f64 = 6.2;
    const LINE: f64 = 12.0;

    /// The dots themselves are in the way.
    fn beside(dots: &[(f64, f64)]) -> Self {
        Self(dots.iter().map(|(x, y)| [x - 4.0, y - 4.0, x + 4.0, y + 4.0]).collect())
    }

    /// Where a name begins and stands that covers nothing, close to its dot; `None` where there is no room.
    fn place(&mut self, (x, y): (f64, f64), name: &str) -> Option<(f64, f64)> {
        let wide = name.chars().count() as f64 * Self::LETTER;
        let lines = [0.0, -1.0, 1.0, -2.0, 2.0, -3.0, 3.0];
        let spots = lines.into_iter().flat_map(|line| [(x + 6.0, line), (x - 6.0 - wide, line)]);
        let fits = |[left, top, right, bottom]: [f64; 4]| {
            let inside = left >= 0.0 && right <= WIDTH && top >= 0.0 && bottom <= HEIGHT - MARGIN;
            inside && self.0.iter().all(|of| right <= of[0] || left >= of[2] || bottom <= of[1] || top >= of[3])
        };
        let (left, base, taken) = spots
            .map(|(left, line)| {
                let base = y + 4.0 + line * Self::LINE;
                (left, base, [left, base - 10.0, left + wide, base + 2.0])
            })
            .find(|(_, _, taken)| fits(*taken))?;
        self.0.push(taken);
        Some((left, base))
    }
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

    #[test]
    fn names_cover_nothing_and_ours_is_among_them() {
        let dot = |nth: usize| Dot {
            name: if nth == 29 { "tidegate".into() } else { format!("a peer of number {nth}") },
            cost: 1.0 + nth as f64 / 1000.0,
            throttled: 1.0,
            class: "dot",
        };
        let crowd: Vec<Dot> = (0..30).map(dot).collect();
        let svg = pareto(&crowd);
        assert_eq!(svg.matches("<title>").count(), 30, "each tells its name where one points");
        let written = svg.matches("\">a peer of number").count();
        assert!((1..29).contains(&written) && svg.contains(">tidegate</text>"), "{written}: {svg}");
        let mut labels = Labels(Vec::new());
        let places: Vec<_> = (0..9).filter_map(|_| labels.place((300.0, 200.0), "name")).collect();
        assert!(places.len() > 4 && places.len() == labels.0.len(), "{places:?}");
        for (nth, one) in labels.0.iter().enumerate() {
            for other in &labels.0[nth + 1..] {
                assert!(one[2] <= other[0] || one[0] >= other[2] || one[3] <= other[1] || one[1] >= other[3]);
            }
        }
    }
}
