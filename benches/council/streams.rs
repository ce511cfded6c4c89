//! Streams that never were: families of traffic with every parameter drawn at random, so that rules are judged on shapes, not on
//! anybody's trace.

use super::dice::Dice;

const DAY: usize = 1440;
/// No stream needs more shards than this in any minute.
const MOST: f64 = 4000.0;

/// Each family builds a load of about one unit; `stream` scales it.
type Family = fn(&mut Dice, usize) -> Vec<f64>;

pub const FAMILIES: [(&str, Family); 9] = [
    ("diurnal", diurnal),
    ("on and off", on_and_off),
    ("flash crowds", flash_crowds),
    ("batches", batches),
    ("drift", drift),
    ("level shifts", level_shifts),
    ("spikes", spikes),
    ("launch", launch),
    ("mixture", mixture),
];

/// The demand of stream `number`, in shards for each minute: one to three weeks, 3 to 60 shards at the 99th percentile.
pub fn stream(seed: u64, number: usize) -> Vec<f64> {
    let mut dice = Dice::new((seed + number as u64).wrapping_mul(0x5851_F42D_4C95_7F2D));
    let minutes = dice.pick(&[7, 14, 14, 21]) * DAY;
    let shards = dice.scale(3.0, 60.0);
    let mut load = FAMILIES[number % FAMILIES.len()].1(&mut dice, minutes);
    measure(&mut dice, &mut load);
    let mut sorted = load.clone();
    sorted.sort_by(f64::total_cmp);
    let scale = shards / sorted[minutes * 99 / 100].max(1e-9);
    load.iter_mut().for_each(|load| *load = (*load * scale).min(MOST));
    load
}

fn diurnal(dice: &mut Dice, minutes: usize) -> Vec<f64> {
    let mut load = days(dice, minutes, 0.2, 0.95);
    if dice.chance(0.3) {
        crowds(dice, &mut load, 0.3);
    }
    load
}

fn on_and_off(dice: &mut Dice, minutes: usize) -> Vec<f64> {
    let base = dice.scale(0.001, 0.4);
    let mut load = quiet(dice, minutes, base, 0.4);
    bursts(dice, &mut load, 1.0);
    load
}

fn flash_crowds(dice: &mut Dice, minutes: usize) -> Vec<f64> {
    let mut load = days(dice, minutes, 0.0, 0.8);
    crowds(dice, &mut load, 0.5);
    load
}

fn batches(dice: &mut Dice, minutes: usize) -> Vec<f64> {
    let base = dice.scale(0.01, 0.8);
    let mut load = quiet(dice, minutes, base, 0.3);
    timed(dice, &mut load, 1.0);
    if dice.chance(0.3) {
        let height = dice.between(0.2, 1.0);
        timed(dice, &mut load, height);
    }
    load
}

fn drift(dice: &mut Dice, minutes: usize) -> Vec<f64> {
    let mut load = days(dice, minutes, 0.0, 0.7);
    walk(dice, &mut load);
    load
}

fn level_shifts(dice: &mut Dice, minutes: usize) -> Vec<f64> {
    let mut load = days(dice, minutes, 0.0, 0.8);
    shift(dice, &mut load);
    load
}

fn spikes(dice: &mut Dice, minutes: usize) -> Vec<f64> {
    let mut load = days(dice, minutes, 0.0, 0.8);
    spike(dice, &mut load, 0.5);
    if dice.chance(0.4) {
        shift(dice, &mut load);
    }
    load
}

/// A product is launched: growth to a new level, and from about then on, events at fixed hours.
fn launch(dice: &mut Dice, minutes: usize) -> Vec<f64> {
    let mut load = days(dice, minutes, 0.2, 0.9);
    let (start, growth, ramp) = (dice.below(minutes), dice.scale(1.5, 15.0), dice.scale(10.0, 5000.0));
    for (since, load) in load[start..].iter_mut().enumerate() {
        *load *= 1.0 + (growth - 1.0) * (since as f64 / ramp).min(1.0);
    }
    let (every, height, length) = (DAY / dice.pick(&[1, 1, 2, 3]), dice.between(0.3, 3.0), dice.between(60.0, 180.0));
    for begin in (dice.below(DAY)..minutes).step_by(every) {
        if begin < start / 2 || dice.chance(0.2) {
            continue;
        }
        let peak = load[begin] * height * dice.around(0.4);
        for (since, load) in load[begin..].iter_mut().take((1.5 * length) as usize).enumerate() {
            let part = since as f64 / length;
            *load += peak * (4.0 * part).min(1.0).min(3.0 - 2.0 * part);
        }
    }
    load
}

fn mixture(dice: &mut Dice, minutes: usize) -> Vec<f64> {
    let mut load = days(dice, minutes, 0.0, 0.9);
    if dice.chance(0.3) {
        walk(dice, &mut load);
    }
    if dice.chance(0.5) {
        crowds(dice, &mut load, 0.4);
    }
    if dice.chance(0.3) {
        let height = dice.scale(0.3, 4.0);
        bursts(dice, &mut load, height);
    }
    if dice.chance(0.3) {
        let height = dice.scale(0.3, 3.0);
        timed(dice, &mut load, height);
    }
    if dice.chance(0.3) {
        spike(dice, &mut load, 0.3);
    }
    if dice.chance(0.3) {
        shift(dice, &mut load);
    }
    load
}

/// A smooth day of two harmonics, quieter or busier weekends, days that differ a little.
fn days(dice: &mut Dice, minutes: usize, least_depth: f64, most_depth: f64) -> Vec<f64> {
    let depth = dice.between(least_depth, most_depth);
    let (first, second) = (dice.between(0.0, std::f64::consts::TAU), dice.between(0.0, std::f64::consts::TAU));
    let (share, sharpness) = (dice.between(0.0, 0.15), dice.between(1.0, 3.0));
    let (weekend, offset, spread) = (dice.between(0.4, 1.1), dice.below(7), dice.scale(0.003, 0.1));
    let (mut level, mut levels) = (0.0, Vec::new());
    for day in 0..minutes / DAY + 2 {
        level = 0.8 * level + spread * dice.normal();
        levels.push(level + if (day + offset) % 7 >= 5 { weekend.ln() } else { 0.0 });
    }
    let at = |minute: usize| {
        let (day, hour) = (minute / DAY, (minute % DAY) as f64 / DAY as f64);
        let angle = std::f64::consts::TAU * hour;
        let shape = 0.5 + 0.35 * (angle + first).sin() + share * (2.0 * angle + second).sin();
        // A day's level takes over from that before it within the first hours.
        let turned = (hour * 8.0).min(1.0);
        let level = levels[day] * (1.0 - turned) + levels[day + 1] * turned;
        (1.0 - depth + depth * shape.clamp(0.0, 1.0).powf(sharpness)) * level.exp()
    };
    (0..minutes).map(at).collect()
}

/// An almost idle level, sometimes with a day in it.
fn quiet(dice: &mut Dice, minutes: usize, level: f64, with_days: f64) -> Vec<f64> {
    let mut load = if dice.chance(with_days) { days(dice, minutes, 0.2, 0.95) } else { vec![1.0; minutes] };
    load.iter_mut().for_each(|load| *load *= level);
    load
}

/// How long something of this mean lasts: memoryless, log-normal, regular or heavy-tailed.
fn lasts(dice: &mut Dice, mean: f64, kind: usize) -> usize {
    let factor = match kind {
        0 => dice.wait(),
        1 => dice.around(0.8) * 0.73,
        2 => (1.0 + 0.1 * dice.normal()).max(0.1),
        _ => 0.33 * dice.heavy(1.5),
    };
    (mean * factor).clamp(1.0, 20_000.0) as usize
}

/// Square bursts with hazards of beginning and ending; in some streams the hazards change from time to time.
fn bursts(dice: &mut Dice, load: &mut [f64], height: f64) {
    let (on, off) = (dice.scale(4.0, 400.0), dice.scale(20.0, 3000.0));
    let (on_kind, off_kind) = (dice.below(4), dice.below(4));
    let (varied, rise) = (dice.pick(&[0.0, 0.1, 0.4, 0.8]), dice.pick(&[1.0, 1.0, 3.0, 10.0]));
    let changing = dice.chance(0.4);
    let (mut rarity, mut changes) = (1.0, 0);
    let mut at = lasts(dice, off, off_kind);
    while at < load.len() {
        if changing && at >= changes {
            rarity = dice.scale(0.15, 6.0);
            changes = at + lasts(dice, 3000.0, 0).max(300);
        }
        let length = lasts(dice, on, on_kind);
        let peak = height * dice.around(varied);
        for (since, load) in load[at..].iter_mut().take(length).enumerate() {
            *load += peak * ((since + 1) as f64 / rise).min(1.0);
        }
        at += length + lasts(dice, off * rarity, off_kind);
    }
}

/// Crowds that come within minutes and go slowly; their heights have a heavy tail, and some come in clusters.
fn crowds(dice: &mut Dice, load: &mut [f64], base: f64) {
    let (every, tail, typical) = (dice.scale(600.0, 12_000.0), dice.between(0.6, 2.5), base * dice.scale(0.3, 8.0));
    let rises = dice.pick(&[(1.0, 3.0), (1.0, 20.0), (10.0, 60.0)]);
    let falls = dice.pick(&[(3.0, 15.0), (10.0, 90.0), (60.0, 400.0)]);
    let clustered = dice.between(0.0, 0.5);
    let mut at = lasts(dice, every, 0);
    while at < load.len() {
        let peak = typical * dice.heavy(tail).min(150.0);
        let (rise, fall) = (dice.scale(rises.0, rises.1), dice.scale(falls.0, falls.1));
        let (slow_end, plateau) = (dice.chance(0.3), if dice.chance(0.3) { dice.scale(3.0, 60.0) } else { 0.0 });
        for (since, load) in load[at..].iter_mut().take((rise + plateau + 8.0 * fall) as usize).enumerate() {
            let since = since as f64;
            let gone = ((since - rise - plateau) / fall).max(0.0);
            let left = if slow_end { (1.0 + gone).powi(-2) } else { (-gone).exp() };
            *load += peak * left.min((since + 1.0) / (rise + 1.0));
        }
        let pause = if dice.chance(clustered) { 60.0 } else { every };
        at += 5 + lasts(dice, pause, 0);
    }
}

/// Jobs by the clock, punctual or not.
fn timed(dice: &mut Dice, load: &mut [f64], height: f64) {
    let every = dice.pick(&[30, 60, 60, 180, 360, 720, DAY, DAY, DAY]);
    let length = (dice.scale(0.02, 0.4) * every as f64).max(3.0);
    let (late, varied) = (dice.pick(&[0.0, 0.0, 1.0, 5.0, 30.0]), dice.pick(&[0.0, 0.1, 0.3]));
    let (skipped, rise) = (dice.pick(&[0.0, 0.0, 0.1]), dice.pick(&[1.0, 5.0]));
    for due in (dice.below(every)..load.len()).step_by(every) {
        if dice.chance(skipped) {
            continue;
        }
        let begin = (due + (late * dice.normal().abs()) as usize).min(load.len());
        let (peak, length) = (height * dice.around(varied), (length * dice.around(varied)) as usize);
        for (since, load) in load[begin..].iter_mut().take(length).enumerate() {
            *load += peak * ((since + 1) as f64 / rise).min(1.0);
        }
    }
}

/// A level that wanders.
fn walk(dice: &mut Dice, load: &mut [f64]) {
    let (step, pull, mut level) = (dice.scale(0.002, 0.03), dice.pick(&[0.0, 0.001, 0.01]), 0.0f64);
    for load in load {
        level = (level * (1.0 - pull) + step * dice.normal()).clamp(-3.0, 3.0);
        *load *= level.exp();
    }
}

/// A level that jumps.
fn shift(dice: &mut Dice, load: &mut [f64]) {
    let (every, spread) = (dice.scale(600.0, 6000.0), dice.between(0.3, 1.2));
    let mut at = 0;
    while at < load.len() {
        let (length, level) = (lasts(dice, every, 0).max(5), dice.around(spread));
        load[at..].iter_mut().take(length).for_each(|load| *load *= level);
        at += length;
    }
}

/// Peaks of a minute or a few, that nobody can foresee and nothing can catch.
fn spike(dice: &mut Dice, load: &mut [f64], base: f64) {
    let (every, tail, typical) = (dice.scale(200.0, 8000.0), dice.between(0.6, 2.0), base * dice.scale(0.5, 4.0));
    let length = dice.pick(&[1, 2, 5, 5]);
    let mut at = lasts(dice, every, 0);
    while at < load.len() {
        let peak = typical * dice.heavy(tail).min(300.0);
        load[at..].iter_mut().take(length).for_each(|load| *load += peak);
        at += 1 + lasts(dice, every, 0);
    }
}

/// What a counter makes of it: means over 1, 5 or 30 minutes, and noise, part of which lasts.
fn measure(dice: &mut Dice, load: &mut [f64]) {
    let grain = dice.pick(&[1, 1, 1, 5, 5, 30]);
    let means: Vec<f64> = load.chunks(grain).map(|cell| cell.iter().sum::<f64>() / cell.len() as f64).collect();
    let (memory, slow, fast) = (dice.between(0.0, 0.98), dice.scale(0.01, 0.25), dice.scale(0.02, 0.25));
    let mut drift = 0.0f64;
    for (at, load) in load.iter_mut().enumerate() {
        if grain == 30 {
            // Between the middles of two cells the level goes straight.
            let place = ((at as f64 + 0.5) / 30.0 - 0.5).max(0.0);
            let (cell, part) = (place as usize, place.fract());
            *load = means[cell] * (1.0 - part) + means[(cell + 1).min(means.len() - 1)] * part;
        } else {
            *load = means[at / grain];
        }
        if at.is_multiple_of(grain) {
            drift = memory * drift + slow * (1.0 - memory * memory).sqrt() * dice.normal();
        }
        *load *= (drift + fast * dice.normal() - 0.5 * fast * fast).exp();
    }
}
